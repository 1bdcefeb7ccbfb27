"""The JSON Schema of a folder's manifest, as `backprop schema parts` prints it."""

from __future__ import annotations

from typing import Any

from backpropcli.schemas import TEXT, closed, ref

_ROWS = {"type": "integer", "minimum": 0}
_NOTE = closed(
    {
        "severity": {"enum": ["note", "warning"]},
        "kind": TEXT,
        "node": {"type": ["string", "null"]},
        "message": {**TEXT, "description": "As its first row has it."},
        "rows": {**_ROWS, "description": "How many rows have it."},
        "first": {**TEXT, "description": "The first row's place."},
    }
)
_NOTES = {"type": "array", "items": ref("note")}
_PART = closed(
    {
        "name": {**TEXT, "description": "The file's name in this folder."},
        "rows": {**_ROWS, "description": "Rows that were read."},
        "bad": {**_ROWS, "description": "Those among them without a result."},
        "bad_rows": {"type": "array", "items": TEXT, "description": "What is wrong with the first of those."},
        "notes": _NOTES,
    }
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.parts/1",
    "description": "What was asked of the parts in a folder, and what came of each; it holds no times, and no paths.",
    **closed(
        {
            "schema": {"const": "backprop.parts/1"},
            "version": {**TEXT, "description": "Of the program."},
            "hash": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "Of the formula and all that is asked.",
            },
            "formula": TEXT,
            "reading": TEXT,
            "complete": {
                "type": "boolean",
                "description": "Whether all parts are there that the last run was asked for.",
            },
            "rows": _ROWS,
            "bad": _ROWS,
            "notes": _NOTES,
            "parts": {"type": "array", "items": ref("part")},
        }
    ),
    "$defs": {"note": _NOTE, "part": _PART},
}
