"""The JSON Schema of `backprop.formulas/1`: what `backprop formulas --json` writes."""

from __future__ import annotations

from typing import Any

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.formulas/1",
    "description": "The formulas of a document, in their order.",
    "type": "object",
    "required": ["schema", "formulas"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": "backprop.formulas/1"},
        "formulas": {"type": "array", "items": {"$ref": "#/$defs/formula"}},
    },
    "$defs": {
        "formula": {
            "type": "object",
            "additionalProperties": False,
            "required": ["number", "line", "labels", "latex"],
            "properties": {
                "number": {"type": "integer", "minimum": 1, "description": "What --pick-formula takes."},
                "line": {"type": "integer", "minimum": 1, "description": "The line that it begins on."},
                "labels": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "What --pick-formula takes too: a \\label, a \\tag in parentheses.",
                },
                "latex": {"type": "string"},
            },
        }
    },
}
