"""The JSON Schema of `backprop.check/1`: what `json` writes and `backprop schema check` prints."""

from __future__ import annotations

from typing import Any

from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.compared import SCHEMA as NAME
from backpropcli.homework.model import VERDICTS

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_VERDICT: dict[str, Any] = {"enum": list(VERDICTS)}


def _or_null(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _list(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": schema, "description": description}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


_ANSWER = _object(
    {
        "question": {**_TEXT, "description": "The question's id; empty for one's own numbers."},
        "quantity": {
            **_TEXT,
            "description": "dz/dx, value s, local ds/dx, adjoint s, edge z->n; by formula in brackets.",
        },
        "via": _or_null(_TEXT, "Of a sum whose contributions are written apart: the node it comes back from."),
        "claimed": {**_TEXT, "description": "What was written; empty where the answer is missing."},
        "verdict": _VERDICT,
        "points": _NUMBER,
        "max_points": _NUMBER,
        "problem": _or_null(_TEXT, "Why it cannot be read; from `hint` on where a formula differs."),
        "because": _list(_TEXT, "From `locate` on: the wrong steps that it follows from."),
        "misconceptions": _list(_TEXT, "From `hint` on: what the error is consistent with, the most local first."),
        "hint": _or_null(_TEXT, "From `hint` on."),
    },
    {
        "rule": {**_TEXT, "description": "From `explain` on: how the step is done, over names."},
        "truth": {"description": "At `reveal`: the true number, array or formula."},
        "follows": {"description": "At `reveal`: what follows from the student's own numbers."},
    },
)
_SCORE = {
    "score": _NUMBER,
    "max_score": _NUMBER,
    "percent": _NUMBER,
    "wrong": _or_null(_COUNT, "Independent errors; from `mark` on."),
    "follow_through": _or_null(_COUNT, "Right steps on wrong numbers; from `mark` on."),
    "missing": _or_null(_COUNT, "From `mark` on."),
    "first_wrong": _or_null(_TEXT, "The first wrong step in the order of the graph; from `locate` on."),
}
_STUDENT = _object(
    {
        "student": _TEXT,
        **_SCORE,
        "problem": _or_null(_TEXT, "Why the sheet cannot be read; then everything is missing."),
        "answers": _list({"$ref": "#/$defs/answer"}, "In the order of the sheet; empty at the level `score`."),
    }
)
_STEP = _object(
    {"question": _TEXT, "quantity": _TEXT, **dict.fromkeys(VERDICTS, _COUNT)},
    {"misconceptions": {"type": "object", "additionalProperties": _COUNT, "description": "From `hint` on."}},
)
_CHANGE = _object(
    {
        "student": _TEXT,
        "before": _or_null(_NUMBER, "The earlier score; null for a new student."),
        "now": _or_null(_NUMBER, "null for a student who is not there any more."),
        "answers": _list(
            _object(
                {
                    "question": _TEXT,
                    "quantity": _TEXT,
                    "before": _or_null(_VERDICT, "null where there was no such answer."),
                    "now": _or_null(_VERDICT, "null where there is none any more."),
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
        _object(
            {
                "schema": {"const": NAME},
                "assignment": {**_TEXT, "description": "The assignment's id."},
                "title": _TEXT,
                "level": {"enum": list(LEVELS)},
                "students": _list({"$ref": "#/$defs/student"}, "In the order in which the sheets were given."),
                "steps": _list({"$ref": "#/$defs/step"}, "By number asked for, how many students have each verdict."),
            },
            {"changes": _list({"$ref": "#/$defs/change"}, "With --against: whose marks change.")},
        ),
        _object(
            {
                "schema": {"const": NAME},
                **_SCORE,
                "level": {"enum": list(LEVELS)},
                "answers": _list({"$ref": "#/$defs/answer"}, "One's own numbers."),
            }
        ),
    ],
    "$defs": {"answer": _ANSWER, "student": _STUDENT, "step": _STEP, "change": _CHANGE},
}
