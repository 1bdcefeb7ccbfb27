"""One document, strict: `backprop.check/1`, a student a line; `backprop schema check` prints its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backpropcli.homework.compared import SCHEMA, Change
from backpropcli.homework.feedback import Told, ToldResult, statistics
from backpropcli.homework.model import FOLLOW_THROUGH, MISSING, WRONG
from backpropcli.homework.results import Marks
from backpropcli.rendering import Style
from backpropcli.rendering.json import plain


def render(marks: Marks, style: Style) -> Iterator[str]:
    """The document in pieces of a student each; of one's own numbers the answers stand at the top."""
    yield f'{{"schema": {plain(SCHEMA, style)}'
    if marks.own:
        for key, value in _student(marks.results[0]).items():
            if key not in ("student", "problem", "answers"):
                yield f",\n {plain(key, style)}: {plain(value, style)}"
        yield f',\n "level": {plain(marks.level, style)}'
        yield from _list("answers", [_answer(each) for each in marks.results[0].answers], style)
    else:
        for key, value in (("assignment", marks.assignment), ("title", marks.title), ("level", marks.level)):
            yield f",\n {plain(key, style)}: {plain(value, style)}"
        yield from _list("students", (_student(result) for result in marks.results), style)
        steps = [] if marks.level == "score" else [_step(each._asdict()) for each in statistics(marks.results)]
        yield from _list("steps", steps, style)
        if marks.changes is not None:
            yield from _list("changes", (_change(each) for each in marks.changes), style)
    yield "}\n"


def _list(key: str, items: Any, style: Style) -> Iterator[str]:
    yield f',\n "{key}": ['
    separator = "\n  "
    for item in items:
        yield separator + plain(item, style)
        separator = ",\n  "
    yield "]"


def _student(result: ToldResult) -> dict[str, Any]:
    counts = result.counts
    return {
        "student": result.student,
        "score": result.score,
        "max_score": result.max_score,
        "percent": result.percent,
        "wrong": None if counts is None else counts[WRONG],
        "follow_through": None if counts is None else counts[FOLLOW_THROUGH],
        "missing": None if counts is None else counts[MISSING],
        "first_wrong": result.first_wrong,
        "problem": result.problem,
        "answers": [_answer(each) for each in result.answers],
    }


def _answer(told: Told) -> dict[str, Any]:
    found: dict[str, Any] = {
        "question": told.question,
        "quantity": told.quantity,
        "via": told.via,
        "claimed": told.claimed,
        "verdict": told.verdict,
        "points": told.points,
        "max_points": told.worth,
        "problem": told.problem,
        "because": list(told.because or ()),
        "misconceptions": list(told.misconceptions or ()),
        "hint": told.hint,
    }
    if told.rule is not None:
        found["rule"] = told.rule
    if told.truth is not None:
        found["truth"] = told.truth
    if told.follows is not None:
        found["follows"] = told.follows
    return found


def _step(step: dict[str, Any]) -> dict[str, Any]:
    names = step.pop("misconceptions")
    counts = step.pop("counts")
    return {**step, **counts, **({} if names is None else {"misconceptions": names})}


def _change(change: Change) -> dict[str, Any]:
    return {**change._asdict(), "answers": [each._asdict() for each in change.answers]}
