"""Answers in JSON, for pipelines: `{"student": "s01", "answers": {"q1": {"dz/dx": "-0.0076"}}}`, or a list of such.

Answers may also be a list, `[{"question": "q1", "quantity": "dz/dx", "answer": "-0.0076"}]`, and all of it may stand
under `students`, so that what `backprop check --json` prints can be marked again. Numbers keep their digits as written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backpropcli.errors import DataError, visible
from backpropcli.homework.model import Answer
from backpropcli.homework.paper import Paper
from backpropcli.homework.sheets import Gathered, Read, check_assignment
from backpropcli.homework.sheets.csv import MAX_STUDENTS, Names
from backpropcli.reading.documents import document

EXAMPLE = '{"student": "s01", "answers": {"q1": {"dz/dx": "-0.0076"}}}'
_NOTES = 100


def read(contents: bytes, name: str, paper: Paper) -> Read:
    """The sheets of one student or of many; raises DataError where the document is none of this kind."""
    found = document(contents, name, EXAMPLE, number=str)
    if isinstance(found, dict) and "students" in found:
        check_assignment(_text(found.get("assignment", ""), "assignment", name), paper, name)
        found = found["students"]
    students = found if isinstance(found, list) else [found]
    if len(students) > MAX_STUDENTS:
        raise DataError(f"{name} has {len(students):,} students; the limit is {MAX_STUDENTS:,}", hint="split it")
    notes: list[str] = []
    known = Names(name, paper)
    gathered: dict[str, tuple[Gathered, str]] = {}
    for number, each in enumerate(students, start=1):
        if not isinstance(each, dict) or "answers" not in each:
            raise DataError(f"{name}: entry {number:,} is not a student's answers", hint=f"as in {EXAMPLE}")
        student = _text(each.get("student", ""), "student", name).strip() or f"(entry {number})"
        assignment = _text(each.get("assignment", ""), "assignment", name)
        check_assignment(assignment, paper, name)
        answers, _ = gathered.setdefault(student, (Gathered(), assignment))
        for question, quantity, written in _answers(each["answers"], name, student):
            named = known.meant(question, quantity)
            if isinstance(named, str):
                notes.append(f"{name}: an answer of {visible(student, 40)} is passed over: {named}")
            else:
                answers.add(named[0].id, Answer(named[1], written.strip()))
    more = [f"{name}: {len(notes) - _NOTES:,} more such answers"] if len(notes) > _NOTES else []
    sheets = [answers.sheet(student, name, assignment) for student, (answers, assignment) in gathered.items()]
    return Read(tuple(sheets), (*notes[:_NOTES], *more))


def _answers(found: Any, name: str, student: str) -> Iterator[tuple[str, str, str]]:
    """Every answer with its question and quantity."""
    if isinstance(found, list):
        for each in found:
            if not isinstance(each, dict):
                raise _no_answers(name, student)
            written = each.get("answer", each.get("claimed", ""))
            question, quantity, answer = [
                _text(text, "an answer", name)
                for text in (each.get("question", ""), each.get("quantity", ""), "" if written is None else written)
            ]
            yield question, quantity, answer
        return
    if not isinstance(found, dict):
        raise _no_answers(name, student)
    for question, answers in found.items():
        if not isinstance(answers, Mapping):
            # With one question its name may be left out.
            yield "", question, "" if answers is None else _text(answers, question, name)
            continue
        for quantity, written in answers.items():
            yield question, quantity, "" if written is None else _text(written, quantity, name)


def _no_answers(name: str, student: str) -> DataError:
    return DataError(f"{name}: what {visible(student, 40)} answers is no list and no object", hint=f"as in {EXAMPLE}")


def _text(value: Any, what: str, name: str) -> str:
    if isinstance(value, list) and all([isinstance(each, str) for each in value]):
        return f"[{', '.join(value)}]"
    if not isinstance(value, str):
        kind = "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "true or false"
        raise DataError(
            f"{name} gives {visible(what, 40)} as {kind}, where a text is expected", hint=f"as in {EXAMPLE}"
        )
    return value
