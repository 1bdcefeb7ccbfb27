"""The JSON Schema of `backprop.check/1`: what `json` writes and `backprop schema check` prints."""

from __future__ import annotations

from typing import Any

from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.compared import SCHEMA as NAME
from backpropcli.homework.model import VERDICTS
from backpropcli.schemas import TEXT, closed, list_of, or_null, ref

_NUMBER: dict[str, Any] = {"type": "number"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_VERDICT: dict[str, Any] = {"enum": list(VERDICTS)}


_ANSWER = closed(
    {
        "question": {**TEXT, "description": "The question's id; empty for one's own numbers."},
        "quantity": {
            **TEXT,
            "description": "dz/dx, value s, local ds/dx, adjoint s, edge z->n; by formula in brackets.",
        },
        "via": or_null(TEXT, "Of a sum whose contributions are written apart: the node it comes back from."),
        "claimed": {**TEXT, "description": "What was written; empty where the answer is missing."},
        "verdict": _VERDICT,
        "points": _NUMBER,
        "max_points": _NUMBER,
        "problem": or_null(TEXT, "Why it cannot be read; from `hint` on where a formula differs."),
        "because": list_of(TEXT, "From `locate` on: the wrong steps that it follows from."),
        "misconceptions": list_of(TEXT, "From `hint` on: what the error is consistent with, the most local first."),
        "hint": or_null(TEXT, "From `hint` on."),
    },
    {
        "rule": {**TEXT, "description": "From `explain` on: how the step is done, over names."},
        "truth": {"description": "At `reveal`: the true number, array or formula."},
        "follows": {"description": "At `reveal`: what follows from the student's own numbers."},
    },
)
_SCORE = {
    "score": _NUMBER,
    "max_score": _NUMBER,
    "percent": _NUMBER,
    "wrong": or_null(_COUNT, "Independent errors; from `mark` on."),
    "follow_through": or_null(_COUNT, "Right steps on wrong numbers; from `mark` on."),
    "missing": or_null(_COUNT, "From `mark` on."),
    "first_wrong": or_null(TEXT, "The first wrong step in the order of the graph; from `locate` on."),
}
_STUDENT = closed(
    {
        "student": TEXT,
        **_SCORE,
        "problem": or_null(TEXT, "Why the sheet cannot be read; then everything is missing."),
        "answers": list_of(ref("answer"), "In the order of the sheet; empty at the level `score`."),
    }
)
_STEP = closed(
    {"question": TEXT, "quantity": TEXT, **dict.fromkeys(VERDICTS, _COUNT)},
    {"misconceptions": {"type": "object", "additionalProperties": _COUNT, "description": "From `hint` on."}},
)
_CHANGE = closed(
    {
        "student": TEXT,
        "before": or_null(_NUMBER, "The earlier score; null for a new student."),
        "now": or_null(_NUMBER, "null for a student who is not there any more."),
        "answers": list_of(
            closed(
                {
                    "question": TEXT,
                    "quantity": TEXT,
                    "before": or_null(_VERDICT, "null where there was no such answer."),
                    "now": or_null(_VERDICT, "null where there is none any more."),
                    "points_before": _NUMBER,
                    "points_now": _NUMBER,
                }
            ),
            "The answers of which another thing is said.",
        ),
    }
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": NAME,
    "description": "Marks: of a class a student each, or of one's own numbers the answers alone.",
    "oneOf": [
        closed(
            {
                "schema": {"const": NAME},
                "assignment": {**TEXT, "description": "The assignment's id."},
                "title": TEXT,
                "level": {"enum": list(LEVELS)},
                "students": list_of(ref("student"), "In the order in which the sheets were given."),
                "steps": list_of(ref("step"), "By number asked for, how many students have each verdict."),
            },
            {"changes": list_of(ref("change"), "With --against: whose marks change.")},
        ),
        closed(
            {
                "schema": {"const": NAME},
                **_SCORE,
                "level": {"enum": list(LEVELS)},
                "answers": list_of(ref("answer"), "One's own numbers."),
            }
        ),
    ],
    "$defs": {"answer": _ANSWER, "student": _STUDENT, "step": _STEP, "change": _CHANGE},
}
