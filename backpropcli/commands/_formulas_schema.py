"""The JSON Schema of `backprop.formulas/1`: what `backprop formulas --json` writes."""

from __future__ import annotations

from typing import Any

from backpropcli.schemas import TEXT, closed, list_of, ref

_PLACE = {"type": "integer", "minimum": 1}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.formulas/1",
    "description": "The formulas of a document, in their order.",
    **closed(
        {
            "schema": {"const": "backprop.formulas/1"},
            "formulas": {"type": "array", "items": ref("formula")},
        }
    ),
    "$defs": {
        "formula": closed(
            {
                "number": {**_PLACE, "description": "What --pick-formula takes."},
                "line": {**_PLACE, "description": "The line that it begins on."},
                "labels": list_of(TEXT, "What --pick-formula takes too: a \\label, a \\tag in parentheses."),
                "latex": TEXT,
            }
        )
    },
}
