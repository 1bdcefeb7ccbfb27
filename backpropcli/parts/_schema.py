"""The JSON Schema of a folder's manifest, as `backprop schema parts` prints it."""

from __future__ import annotations

from typing import Any

_ROWS = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_NOTE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "severity": {"enum": ["note", "warning"]},
        "kind": _TEXT,
        "node": {"type": ["string", "null"]},
        "message": {**_TEXT, "description": "As its first row has it."},
        "rows": {**_ROWS, "description": "How many rows have it."},
        "first": {**_TEXT, "description": "The first row's place."},
    },
    "required": ["severity", "kind", "node", "message", "rows", "first"],
    "additionalProperties": False,
}
_NOTES = {"type": "array", "items": {"$ref": "#/$defs/note"}}
_PART: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {**_TEXT, "description": "The file's name in this folder."},
        "rows": {**_ROWS, "description": "Rows that were read."},
        "bad": {**_ROWS, "description": "Those among them without a result."},
        "bad_rows": {"type": "array", "items": _TEXT, "description": "What is wrong with the first of those."},
        "notes": _NOTES,
    },
    "required": ["name", "rows", "bad", "bad_rows", "notes"],
    "additionalProperties": False,
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.parts/1",
    "description": "What was asked of the parts in a folder, and what came of each; it holds no times, and no paths.",
    "type": "object",
    "properties": {
        "schema": {"const": "backprop.parts/1"},
        "version": {**_TEXT, "description": "Of the program."},
        "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the formula and all that is asked."},
        "formula": _TEXT,
        "reading": _TEXT,
        "complete": {"type": "boolean", "description": "Whether all parts are there that the last run was asked for."},
        "rows": _ROWS,
        "bad": _ROWS,
        "notes": _NOTES,
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
    },
    "required": ["schema", "version", "hash", "formula", "reading", "complete", "rows", "bad", "notes", "parts"],
    "additionalProperties": False,
    "$defs": {"note": _NOTE, "part": _PART},
}
