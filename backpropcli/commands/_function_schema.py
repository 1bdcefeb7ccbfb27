"""The JSON Schema of `backprop.functions/1`: what `backprop functions --json` writes."""

from __future__ import annotations

from typing import Any

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.functions/1",
    "description": "The functions and operators of the formula language, with all that is known about each.",
    "type": "object",
    "required": ["schema", "functions"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": "backprop.functions/1"},
        "functions": {"type": "array", "items": {"$ref": "#/$defs/function"}},
    },
    "$defs": {
        "text": {"type": "string"},
        "optional": {"type": ["string", "null"]},
        "function": {
            "type": "object",
            "additionalProperties": False,
            "required": [
                "name", "topic", "call", "aliases", "parameters", "defaults", "variadic", "doc", "value", "gates",
                "derivatives", "passes", "letters", "domain", "edges", "digits", "latex", "helper", "example",
            ],
            "properties": {
                "name": {"$ref": "#/$defs/text"},
                "topic": {"$ref": "#/$defs/text", "description": "The group that it is listed in."},
                "call": {"$ref": "#/$defs/text", "description": "How it is written."},
                "aliases": {"type": "array", "items": {"$ref": "#/$defs/text"}},
                "parameters": {"type": "array", "items": {"$ref": "#/$defs/text"}},
                "defaults": {
                    "type": "object",
                    "additionalProperties": {"anyOf": [{"type": "number"}, {"const": "all"}]},
                    "description": "The values of the parameters that may be left out; all stands for all axes.",
                },
                "variadic": {"type": "boolean", "description": "Whether it takes any number of arguments."},
                "doc": {"$ref": "#/$defs/text"},
                "value": {"$ref": "#/$defs/text", "description": "The formula or kernel that it is computed by."},
                "gates": {"$ref": "#/$defs/optional", "description": "What --nodes elementary splits it into."},
                "derivatives": {
                    "description": "Empty where they are those of the value's formula, or maps.",
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["by", "handbook", "computed", "where"],
                        "properties": {
                            "by": {"$ref": "#/$defs/text"},
                            "handbook": {"$ref": "#/$defs/text"},
                            "computed": {"$ref": "#/$defs/optional", "description": "Where it is another text."},
                            "where": {"$ref": "#/$defs/optional", "description": "Elsewhere there is no path."},
                        },
                    },
                },
                "passes": {
                    "description": "Of an operation on arrays, what is carried over it; empty where it is multiplied.",
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["by", "backward", "forward", "backward_computed", "forward_computed"],
                        "properties": {
                            "by": {"$ref": "#/$defs/text"},
                            "backward": {"$ref": "#/$defs/text", "description": "Over g, the result's adjoint."},
                            "forward": {"$ref": "#/$defs/text", "description": "Over d, the argument's tangent."},
                            "backward_computed": {"$ref": "#/$defs/optional", "description": "If another text."},
                            "forward_computed": {"$ref": "#/$defs/optional", "description": "If another text."},
                        },
                    },
                },
                "letters": {"$ref": "#/$defs/optional", "description": "What y, g, d and k stand for."},
                "domain": {"$ref": "#/$defs/optional", "description": "Where it has a value; null: everywhere."},
                "edges": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["where", "kind", "convention", "slopes", "of"],
                        "properties": {
                            "where": {"$ref": "#/$defs/text"},
                            "kind": {"$ref": "#/$defs/text"},
                            "convention": {"$ref": "#/$defs/text"},
                            "slopes": {"type": ["array", "null"], "items": {"$ref": "#/$defs/text"}},
                            "of": {"$ref": "#/$defs/optional"},
                        },
                    },
                },
                "digits": {"type": "integer", "description": "The promise, in units in the last place."},
                "latex": {"$ref": "#/$defs/text"},
                "helper": {"type": "boolean", "description": "Whether it is there for other functions' derivatives."},
                "example": {"$ref": "#/$defs/text", "description": "A command to try."},
            },
        },
    },
}  # fmt: skip
