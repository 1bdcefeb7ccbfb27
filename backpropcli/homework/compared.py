"""Marks held against earlier ones: whose change, and by which answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backpropcli.errors import DataError, visible
from backpropcli.homework.feedback import ToldResult
from backpropcli.reading import sources
from backpropcli.reading.documents import document
from backpropcli.records import NamedTuple

SCHEMA = "backprop.check/1"
LIMIT = 256 << 20
"""Bytes of an earlier document: a class of a thousand takes ten million."""
_EXAMPLE = '{"schema": "backprop.check/1", "students": [...]}'

Key = tuple[str, str, str]


class ChangedAnswer(NamedTuple):
    """An answer of which another thing is said than before."""

    question: str
    quantity: str
    before: str | None
    """The verdict; None where there was no such answer."""
    now: str | None
    points_before: float
    points_now: float


class Change(NamedTuple):
    """A student whose marks change."""

    student: str
    before: float | None
    """The score; None where the student is new."""
    now: float | None
    """None where the student is not there any more."""
    answers: tuple[ChangedAnswer, ...]


class Before(NamedTuple):
    """What an earlier document says of a student."""

    score: float
    answers: Mapping[Key, tuple[str, float]]
    """By question, quantity and use: verdict and points."""


def earlier(path: str) -> dict[str, Before]:
    """The marks in a document that `check --json` wrote, by student."""
    name = sources.named(path)
    found = document(sources.file_bytes(path, LIMIT, way_out="compare a part of the class"), name, _EXAMPLE)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not isinstance(found.get("students"), list):
        raise DataError(f"{name} holds no marks of a class", hint="give what an earlier check wrote with --json")
    marks: dict[str, Before] = {}
    for student in found["students"]:
        try:
            marks[student["student"]] = Before(
                float(student["score"]), {_key(each): (each["verdict"], each["points"]) for each in student["answers"]}
            )
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{name}: entry {len(marks) + 1:,} of students is not as {SCHEMA} has it",
                hint="backprop schema check prints what it is to be",
            ) from None
    return marks


def _key(answer: Mapping[str, Any]) -> Key:
    question, quantity, via = answer["question"], answer["quantity"], answer.get("via") or ""
    if not all([isinstance(each, str) for each in (question, quantity, via, answer["verdict"])]):
        raise TypeError
    if not isinstance(answer["points"], float):
        raise TypeError
    return question, quantity, via


def changes(results: Sequence[ToldResult], before: Mapping[str, Before]) -> list[Change]:
    """Whose marks are others than before, in the order of the class; then who is not there any more."""
    found = [change for result in results if (change := _change(result, before.get(result.student))) is not None]
    here = {result.student for result in results}
    gone = [Change(student, marks.score, None, ()) for student, marks in before.items() if student not in here]
    return found + gone


def _change(result: ToldResult, before: Before | None) -> Change | None:
    if before is None:
        return Change(result.student, None, result.score, ())
    answers: list[ChangedAnswer] = []
    left = dict(before.answers)
    for each in result.answers:
        was = left.pop((each.question, each.quantity, each.via or ""), None)
        if was != (each.verdict, each.points) and before.answers:
            verdict, points = was or (None, 0.0)
            answers.append(ChangedAnswer(each.question, each.quantity, verdict, each.verdict, points, each.points))
    if result.answers:
        answers += [ChangedAnswer(key[0], key[1], was[0], None, was[1], 0.0) for key, was in left.items()]
    if before.score == result.score and not answers:
        return None
    return Change(result.student, before.score, result.score, tuple(answers))


def line(change: Change) -> str:
    """A change in a sentence."""
    student = visible(change.student, 60)
    if change.before is None:
        return f"{student} is new: {change.now:g}"
    if change.now is None:
        return f"{student} is not there any more: was {change.before:g}"
    return f"{student}: {change.before:g} before, {change.now:g} now; {len(change.answers)} answers change"
