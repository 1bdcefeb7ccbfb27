"""The JSON Schema of `backprop.eval/1`: what `json` writes and `backprop schema eval` prints."""

from __future__ import annotations

from typing import Any

from backpropcli.report import ADJOINT, BACKWARD, FORWARD, OUTPUT, SHOWN, TANGENTS

_TEXT = {"type": "string"}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


_PAIR = {"type": "array", "items": _ref("number"), "minItems": 2, "maxItems": 2}
_VERDICTS = ("ok", "kink", "jump", "unbounded", "one_sided", "skipped", "FAIL")
_FINDINGS = (
    "not_finite", "overflow", "underflow", "near_overflow", "near_underflow", "cancellation", "amplification",
    "saturated", "dead", "vanishing", "exploding", "ill_conditioned",
)  # fmt: skip


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _mapping(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema, "description": description}


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


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.eval/1",
    "description": "Value, gradient, both passes and the notes of one formula at one point.",
    **_object(
        {
            "schema": {"const": "backprop.eval/1"},
            "formula": {**_TEXT, "description": "The formula as it was written."},
            "reading": {**_TEXT, "description": "The formula as it was understood, fully parenthesised."},
            "point": _mapping(_ref("value"), "The variables' values."),
            "output": {**_TEXT, "description": "The output's name."},
            "value": {
                "anyOf": [_ref("value"), _mapping(_ref("value"), "The outputs' names and values.")],
                "description": "The output's value; with several outputs a value for each name.",
            },
            "notes": _list(_ref("note"), "What is special about this point."),
        },
        {
            "grad": _mapping(_ref("value"), "d output / d variable; left out where there are several outputs."),
            "nodes": _list(_ref("node"), "The applications, in evaluation order; no variables and no constants."),
            "explanation": _list(_ref("step"), "Both passes in words, a step a node, in the order in which they run."),
            "jacobian": _mapping(_ref("value"), "A variable's name to an array of shape output + variable."),
            "hessian": _object(
                {
                    "order": _list(_TEXT, "What the rows and the columns stand for."),
                    "matrix": _list(_list(_ref("number"), "A row."), "The second derivatives."),
                }
            ),
            "derivatives": _list(_ref("value"), "f, f', f'' and so on."),
            "jvp": {**_ref("value"), "description": "The derivative along the direction that was given."},
            "hvp": _mapping(_ref("value"), "The Hessian times the direction, by the variable's name."),
            "partial": _mapping(_ref("value"), "A mixed derivative, by the names it is taken by."),
            "finite_differences": _object(
                {
                    "ok": {"type": "boolean", "description": "Whether no verdict is FAIL."},
                    "entries": _list(
                        _object(
                            {
                                "variable": _TEXT,
                                "ad": _or_null(_ref("value")),
                                "fd": _or_null(_ref("value")),
                                "error": _or_null(_ref("value")),
                                "verdict": {"enum": list(_VERDICTS)},
                                "one_sided": _or_null(_PAIR),
                                "message": _or_null(_TEXT),
                            }
                        ),
                        "A comparison a variable: by the rules, by differences, and how far apart they may be.",
                    ),
                },
                {"left_out": {"type": "integer", "description": "Entries of large arrays that are not compared."}},
            ),
            "op_count": _object(
                {
                    "inputs": {"type": "integer", "description": "Numbers that are differentiated by."},
                    "outputs": {"type": "integer", "description": "Numbers that are differentiated."},
                    "ways": _list(
                        _object(
                            {
                                "way": {"enum": ["value", "reverse", "forward", "finite_differences"]},
                                "operations": {"type": "integer", "description": "Operations of the table on numbers."},
                                "products": {"type": "integer", "description": "Those that are products or quotients."},
                                "numbers": {"type": "integer", "description": "Numbers that are held at once."},
                                "seconds": {**_ref("number"), "description": "Processor time, measured."},
                            }
                        ),
                        "The value, then its gradient by every mode, the value included.",
                    ),
                    "ratio": {**_ref("number"), "description": "Operations by reverse mode over those of the value."},
                    "bound": {**_ref("number"), "description": "What the cheap gradient principle allows about."},
                }
            ),
            "diagnose": _object(
                {
                    "findings": _list(_ref("finding"), "What is amiss, the first value that is not finite first."),
                    "more": {"type": "integer", "description": "How many findings are left out."},
                    "condition": _mapping(_ref("number"), "|x f'(x) / f(x)| of every variable."),
                    "paths": _mapping(
                        _object({"largest": _ref("number"), "smallest": _ref("number")}),
                        "Of the paths to a variable, the extreme products of local derivatives.",
                    ),
                    "nodes": _list(
                        _object(
                            {
                                "node": _TEXT,
                                "condition": {**_ref("number"), "description": "How it magnifies relative errors."},
                                "digits_lost": {**_ref("number"), "description": "The logarithm of the condition."},
                                "digits_kept": {**_ref("number"), "description": "Of 15.95, those that are right."},
                            }
                        ),
                        "What every node does to digits.",
                    ),
                }
            ),
        },
    ),
    "$defs": {
        "number": {
            "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
            "description": "A number; strings where JSON has none.",
        },
        "value": {
            "anyOf": [_ref("number"), {"type": "array", "items": _ref("value")}],
            "description": "A number, or an array as nested lists, the rows outermost.",
        },
        "node": _object(
            {
                "id": _TEXT,
                "name": {**_or_null(_TEXT), "description": "The name that the user gave."},
                "op": _TEXT,
                "label": {**_TEXT, "description": "The operation with dots for its inputs."},
                "formula": {**_TEXT, "description": "The operation over its inputs' names."},
                "output": _ref("value"),
                "adjoint": {**_or_null(_ref("value")), "description": "d output / d node; null if not differentiated."},
                "path": {"type": "boolean", "description": "Whether the output depends on this node at this point."},
                "inputs": _list(_ref("input"), "The edges in, but for constants."),
                "uses": _list(_ref("use"), "The edges out; their contributions add up to the adjoint."),
            },
            {"tangents": _mapping(_ref("value"), "Forward mode: d node / d variable.")},
        ),
        "input": _object(
            {
                "from": {**_TEXT, "description": "A variable's name or a node's id."},
                "value": _ref("value"),
                "partial": {
                    "anyOf": [_ref("number"), _ref("matrix"), {"type": "null"}],
                    "description": "d node / d input: a number, or where arrays are at its ends a matrix.",
                },
                "rule": {
                    **_or_null(_TEXT),
                    "description": "The local derivative as a formula; of an operation on arrays as a whole"
                    f" the contribution as one, in which {ADJOINT} is the node's adjoint and {OUTPUT} its output.",
                },
                "contribution": {**_or_null(_ref("value")), "description": "d output / d input along this edge."},
            }
        ),
        "matrix": _object(
            {
                "shape": _list({"type": "integer", "minimum": 0}, "The node's shape and then the input's."),
                "structure": {
                    **_TEXT,
                    "description": "What kind of matrix it is, in words or over the inputs' names, with entries of"
                    " arrays row by row: diag, I, ones, one-hot, broadcast, W, W', I ⊗ x'; 0 without a path.",
                },
                "entries": {
                    **_or_null(_ref("value")),
                    "description": f"Nested lists of this shape, where there are at most {SHOWN} by {SHOWN}.",
                },
            }
        ),
        "step": _object(
            {
                "pass": {"enum": [FORWARD, TANGENTS, BACKWARD]},
                "node": {**_TEXT, "description": "A node's id or a variable's name."},
                "name": {**_TEXT, "description": "How the equations write it."},
                "value": {**_or_null(_ref("value")), "description": "The output, or the adjoint; null where absent."},
                "equations": _list(
                    _list(_TEXT, "Sides that are equal: what is sought, the rule, the numbers put in, the value."),
                    "The value's equation; in the forward pass then those of the local derivatives.",
                ),
                "pattern": {**_or_null(_TEXT), "description": "What the operation does to the adjoint."},
                "remarks": _list(_TEXT, "Uses that add up, paths that are absent, notes about the point."),
            }
        ),
        "use": _object({"by": _TEXT, "contribution": _or_null(_ref("value"))}),
        "finding": _object(
            {
                "kind": {"enum": list(_FINDINGS)},
                "severity": {"enum": ["note", "warning"]},
                "node": {**_or_null(_TEXT), "description": "A node's id or a variable's name."},
                "written": {**_or_null(_TEXT), "description": "The node as it stands in the formula."},
                "place": {
                    **_or_null({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
                    "description": "Its first character in the formula, and the one after its last.",
                },
                "value": {**_ref("number"), "description": "Digits lost, a value, a slope, a factor or a condition."},
                "message": _TEXT,
                "hint": _or_null(_TEXT),
            }
        ),
        "note": _object(
            {
                "severity": {"enum": ["note", "warning"]},
                "node": _or_null(_TEXT),
                "kind": _TEXT,
                "message": _TEXT,
                "convention": _or_null(_TEXT),
                "one_sided": _or_null(_PAIR),
            }
        ),
    },
}
