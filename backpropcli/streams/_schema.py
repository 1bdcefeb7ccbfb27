"""The JSON Schema of a row of `backprop map`, as `backprop schema map` prints it."""

from __future__ import annotations

from typing import Any

_NUMBER: dict[str, Any] = {
    "description": "A number; null in a row without a result; of arrays nested lists.",
    "anyOf": [
        {"type": "number"},
        {"enum": ["NaN", "Infinity", "-Infinity"]},
        {"type": "null"},
        {"type": "array", "items": {"$ref": "#/$defs/number"}},
    ],
}
_NAMED = {"type": "object", "additionalProperties": {"$ref": "#/$defs/number"}}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.map/1",
    "description": "A row of backprop map: what it held, and the results; --prefix puts a text before their names.",
    "type": "object",
    "properties": {
        "value": {
            "anyOf": [{"$ref": "#/$defs/number"}, _NAMED],
            "description": "The output's value; with several outputs a value for each name.",
        },
        "grad": {**_NAMED, "description": "The derivative by each variable."},
        "jacobian": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/number"},
            "description": "By variable, the derivative of the output; of several outputs a list of theirs.",
        },
        "hessian": {
            "type": "object",
            "properties": {
                "order": {"type": "array", "items": {"type": "string"}},
                "matrix": {"type": "array", "items": {"type": "array", "items": {"$ref": "#/$defs/number"}}},
            },
            "required": ["order", "matrix"],
            "additionalProperties": False,
        },
        "jvp": {"$ref": "#/$defs/number", "description": "The derivative along the direction."},
    },
    "additionalProperties": True,
    "$defs": {"number": _NUMBER},
}
