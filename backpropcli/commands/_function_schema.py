"""The JSON Schema of `backprop.functions/1`: what `backprop functions --json` writes."""

from __future__ import annotations

from typing import Any

from backpropcli.schemas import TEXT, closed, list_of, mapping, or_null, ref

_TEXTS = {"type": "array", "items": TEXT}


def _told(description: str) -> dict[str, Any]:
    return {**TEXT, "description": description}


_DERIVATIVE = closed(
    {
        "by": TEXT,
        "handbook": TEXT,
        "computed": or_null(TEXT, "Where it is another text."),
        "where": or_null(TEXT, "Elsewhere there is no path."),
    }
)
_PASS = closed(
    {
        "by": TEXT,
        "backward": _told("Over g, the result's adjoint."),
        "forward": _told("Over d, the argument's tangent."),
        "backward_computed": or_null(TEXT, "If another text."),
        "forward_computed": or_null(TEXT, "If another text."),
    }
)
_EDGE = closed({"where": TEXT, "kind": TEXT, "convention": TEXT, "slopes": or_null(_TEXTS), "of": or_null(TEXT)})

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.functions/1",
    "description": "The functions and operators of the formula language, with all that is known about each.",
    **closed(
        {
            "schema": {"const": "backprop.functions/1"},
            "functions": {"type": "array", "items": ref("function")},
        }
    ),
    "$defs": {
        "function": closed(
            {
                "name": TEXT,
                "topic": _told("The group that it is listed in."),
                "call": _told("How it is written."),
                "aliases": _TEXTS,
                "parameters": _TEXTS,
                "defaults": mapping(
                    {"anyOf": [{"type": "number"}, {"const": "all"}]},
                    "The values of the parameters that may be left out; all stands for all axes.",
                ),
                "variadic": {"type": "boolean", "description": "Whether it takes any number of arguments."},
                "doc": TEXT,
                "value": _told("The formula or kernel that it is computed by."),
                "gates": or_null(TEXT, "What --nodes elementary splits it into."),
                "derivatives": list_of(_DERIVATIVE, "Empty where they are those of the value's formula, or maps."),
                "passes": list_of(
                    _PASS, "Of an operation on arrays, what is carried over it; empty where it is multiplied."
                ),
                "letters": or_null(TEXT, "What y, g, d and k stand for."),
                "domain": or_null(TEXT, "Where it has a value; null: everywhere."),
                "edges": {"type": "array", "items": _EDGE},
                "digits": {"type": "integer", "description": "The promise, in units in the last place."},
                "latex": TEXT,
                "helper": {"type": "boolean", "description": "Whether it is there for other functions' derivatives."},
                "example": _told("A command to try."),
            }
        )
    },
}
