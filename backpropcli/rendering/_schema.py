"""The JSON Schema of `backprop.eval/1`: what `json` writes and `backprop schema eval` prints."""

from __future__ import annotations

from typing import Any

from backpropcli.report import ADJOINT, BACKWARD, FORWARD, OUTPUT, SHOWN, TANGENTS
from backpropcli.schemas import TEXT, closed, list_of, mapping, or_null, ref

_PAIR = {"type": "array", "items": ref("number"), "minItems": 2, "maxItems": 2}
_VERDICTS = ("ok", "kink", "jump", "unbounded", "one_sided", "skipped", "FAIL")
_FINDINGS = (
    "not_finite", "overflow", "underflow", "near_overflow", "near_underflow", "cancellation", "amplification",
    "saturated", "dead", "vanishing", "exploding", "ill_conditioned",
)  # fmt: skip


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "backprop.eval/1",
    "description": "Value, gradient, both passes and the notes of one formula at one point.",
    **closed(
        {
            "schema": {"const": "backprop.eval/1"},
            "formula": {**TEXT, "description": "The formula as it was written."},
            "reading": {**TEXT, "description": "The formula as it was understood, fully parenthesised."},
            "point": mapping(ref("value"), "The variables' values."),
            "output": {**TEXT, "description": "The output's name."},
            "value": {
                "anyOf": [ref("value"), mapping(ref("value"), "The outputs' names and values.")],
                "description": "The output's value; with several outputs a value for each name.",
            },
            "notes": list_of(ref("note"), "What is special about this point."),
        },
        {
            "grad": mapping(ref("value"), "d output / d variable; left out where there are several outputs."),
            "nodes": list_of(ref("node"), "The applications, in evaluation order; no variables and no constants."),
            "explanation": list_of(ref("step"), "Both passes in words, a step a node, in the order in which they run."),
            "jacobian": mapping(ref("value"), "A variable's name to an array of shape output + variable."),
            "hessian": closed(
                {
                    "order": list_of(TEXT, "What the rows and the columns stand for."),
                    "matrix": list_of(list_of(ref("number"), "A row."), "The second derivatives."),
                }
            ),
            "derivatives": list_of(ref("value"), "f, f', f'' and so on."),
            "jvp": {**ref("value"), "description": "The derivative along the direction that was given."},
            "hvp": mapping(ref("value"), "The Hessian times the direction, by the variable's name."),
            "partial": mapping(ref("value"), "A mixed derivative, by the names it is taken by."),
            "finite_differences": closed(
                {
                    "ok": {"type": "boolean", "description": "Whether no verdict is FAIL."},
                    "entries": list_of(
                        closed(
                            {
                                "variable": TEXT,
                                "ad": or_null(ref("value")),
                                "fd": or_null(ref("value")),
                                "error": or_null(ref("value")),
                                "verdict": {"enum": list(_VERDICTS)},
                                "one_sided": or_null(_PAIR),
                                "message": or_null(TEXT),
                            }
                        ),
                        "A comparison a variable: by the rules, by differences, and how far apart they may be.",
                    ),
                },
                {"left_out": {"type": "integer", "description": "Entries of large arrays that are not compared."}},
            ),
            "op_count": closed(
                {
                    "inputs": {"type": "integer", "description": "Numbers that are differentiated by."},
                    "outputs": {"type": "integer", "description": "Numbers that are differentiated."},
                    "ways": list_of(
                        closed(
                            {
                                "way": {"enum": ["value", "reverse", "forward", "finite_differences"]},
                                "operations": {"type": "integer", "description": "Operations of the table on numbers."},
                                "products": {"type": "integer", "description": "Those that are products or quotients."},
                                "numbers": {"type": "integer", "description": "Numbers that are held at once."},
                                "seconds": {**ref("number"), "description": "Processor time, measured."},
                            }
                        ),
                        "The value, then its gradient by every mode, the value included.",
                    ),
                    "ratio": {**ref("number"), "description": "Operations by reverse mode over those of the value."},
                    "bound": {**ref("number"), "description": "What the cheap gradient principle allows about."},
                }
            ),
            "diagnose": closed(
                {
                    "findings": list_of(ref("finding"), "What is amiss, the first value that is not finite first."),
                    "more": {"type": "integer", "description": "How many findings are left out."},
                    "condition": mapping(ref("number"), "|x f'(x) / f(x)| of every variable."),
                    "paths": mapping(
                        closed({"largest": ref("number"), "smallest": ref("number")}),
                        "Of the paths to a variable, the extreme products of local derivatives.",
                    ),
                    "nodes": list_of(
                        closed(
                            {
                                "node": TEXT,
                                "condition": {**ref("number"), "description": "How it magnifies relative errors."},
                                "digits_lost": {**ref("number"), "description": "The logarithm of the condition."},
                                "digits_kept": {**ref("number"), "description": "Of 15.95, those that are right."},
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
            "anyOf": [ref("number"), {"type": "array", "items": ref("value")}],
            "description": "A number, or an array as nested lists, the rows outermost.",
        },
        "node": closed(
            {
                "id": TEXT,
                "name": {**or_null(TEXT), "description": "The name that the user gave."},
                "op": TEXT,
                "label": {**TEXT, "description": "The operation with dots for its inputs."},
                "formula": {**TEXT, "description": "The operation over its inputs' names."},
                "output": ref("value"),
                "adjoint": {**or_null(ref("value")), "description": "d output / d node; null if not differentiated."},
                "path": {"type": "boolean", "description": "Whether the output depends on this node at this point."},
                "inputs": list_of(ref("input"), "The edges in, but for constants."),
                "uses": list_of(ref("use"), "The edges out; their contributions add up to the adjoint."),
            },
            {"tangents": mapping(ref("value"), "Forward mode: d node / d variable.")},
        ),
        "input": closed(
            {
                "from": {**TEXT, "description": "A variable's name or a node's id."},
                "value": ref("value"),
                "partial": {
                    "anyOf": [ref("number"), ref("matrix"), {"type": "null"}],
                    "description": "d node / d input: a number, or where arrays are at its ends a matrix.",
                },
                "rule": {
                    **or_null(TEXT),
                    "description": "The local derivative as a formula; of an operation on arrays as a whole"
                    f" the contribution as one, in which {ADJOINT} is the node's adjoint and {OUTPUT} its output.",
                },
                "contribution": {**or_null(ref("value")), "description": "d output / d input along this edge."},
            }
        ),
        "matrix": closed(
            {
                "shape": list_of({"type": "integer", "minimum": 0}, "The node's shape and then the input's."),
                "structure": {
                    **TEXT,
                    "description": "What kind of matrix it is, in words or over the inputs' names, with entries of"
                    " arrays row by row: diag, I, ones, one-hot, broadcast, W, W', I ⊗ x'; 0 without a path.",
                },
                "entries": {
                    **or_null(ref("value")),
                    "description": f"Nested lists of this shape, where there are at most {SHOWN} by {SHOWN}.",
                },
            }
        ),
        "step": closed(
            {
                "pass": {"enum": [FORWARD, TANGENTS, BACKWARD]},
                "node": {**TEXT, "description": "A node's id or a variable's name."},
                "name": {**TEXT, "description": "How the equations write it."},
                "value": {**or_null(ref("value")), "description": "The output, or the adjoint; null where absent."},
                "equations": list_of(
                    list_of(TEXT, "Sides that are equal: what is sought, the rule, the numbers put in, the value."),
                    "The value's equation; in the forward pass then those of the local derivatives.",
                ),
                "pattern": {**or_null(TEXT), "description": "What the operation does to the adjoint."},
                "remarks": list_of(TEXT, "Uses that add up, paths that are absent, notes about the point."),
            }
        ),
        "use": closed({"by": TEXT, "contribution": or_null(ref("value"))}),
        "finding": closed(
            {
                "kind": {"enum": list(_FINDINGS)},
                "severity": {"enum": ["note", "warning"]},
                "node": {**or_null(TEXT), "description": "A node's id or a variable's name."},
                "written": {**or_null(TEXT), "description": "The node as it stands in the formula."},
                "place": {
                    **or_null({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
                    "description": "Its first character in the formula, and the one after its last.",
                },
                "value": {**ref("number"), "description": "Digits lost, a value, a slope, a factor or a condition."},
                "message": TEXT,
                "hint": or_null(TEXT),
            }
        ),
        "note": closed(
            {
                "severity": {"enum": ["note", "warning"]},
                "node": or_null(TEXT),
                "kind": TEXT,
                "message": TEXT,
                "convention": or_null(TEXT),
                "one_sided": or_null(_PAIR),
            }
        ),
    },
}
