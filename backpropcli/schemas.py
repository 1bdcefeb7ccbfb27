"""Parts of JSON Schemas, as every schema of ours writes them."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}


def ref(name: str) -> Schema:
    """The definition of this name in the same schema."""
    return {"$ref": f"#/$defs/{name}"}


def or_null(schema: Schema, description: str | None = None) -> Schema:
    """A value of this schema, or null."""
    return {"anyOf": [schema, {"type": "null"}], **({"description": description} if description else {})}


def list_of(schema: Schema, description: str) -> Schema:
    """An array of values of this schema."""
    return {"type": "array", "items": schema, "description": description}


def mapping(schema: Schema, description: str) -> Schema:
    """An object with any keys, whose values are of this schema."""
    return {"type": "object", "additionalProperties": schema, "description": description}


def closed(required: Schema, optional: Schema | None = None) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }
