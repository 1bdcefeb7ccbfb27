"""Signs that of arrays are other operations than of numbers, as textbooks read them: Wx, x^T y, W \\cdot x, A^{-1}.

A vector has one axis, and neither lies nor stands. In LaTeX it does: a variable stands as a column, x^T lies as a row,
and so does xW, in which vectors are rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from backpropcli.algebras.shapes import Dims, Shape, ShapeError, shown
from backpropcli.language.terms import Undecided

# How a vector is meant: a variable's stands unless the text says otherwise, Wx stands, x^T lies; xW lies since there
# vectors are rows.
PLAIN, COLUMN, ROW, ROW_OF_ROWS = "", "column", "row", "row of rows"

_TRANSPOSED = {PLAIN: ROW, COLUMN: ROW, ROW: PLAIN, ROW_OF_ROWS: COLUMN}
# What two vectors beside each other are. All others may be meant in more ways than one.
_BESIDE = {
    (ROW, PLAIN): "matmul",
    (ROW, COLUMN): "matmul",
    (ROW_OF_ROWS, COLUMN): "matmul",
    (ROW_OF_ROWS, ROW): "matmul",
    (PLAIN, ROW): "outer",
    (COLUMN, ROW): "outer",
}


def decided(sign: Undecided, op: str, sides: Sequence[Shape], lying: Sequence[str], names: Sequence[str]) -> str:
    """The operation of a sign between arrays of these shapes, which are meant as `lying` says.

    Raises ShapeError where it may be read in several ways; `names` are those of both sides in what it proposes.
    """
    if sign.sign in ("beside", "dot"):
        return _product(sign, sides, lying, names) if all([side.dims for side in sides]) else op
    if len(sides[0].dims) < 2:
        return op
    matrix = shown(sides[0].dims)
    if sign.sign == "bars":
        raise ShapeError(
            f"bars around a matrix, of {matrix}, can be read in two ways",
            hint=rf"write \det({names[0]}) for the determinant, \operatorname{{abs}}({names[0]}) for absolute values",
        )
    if sides[1].known == -1.0:
        return "inv"
    raise ShapeError(
        f"a power of a matrix, of {matrix}, can be read in two ways",
        hint=rf"write {names[0]} {names[0]} for the product of matrices, {names[0]} \odot {names[0]} for entries",
    )


def _product(sign: Undecided, sides: Sequence[Shape], lying: Sequence[str], names: Sequence[str]) -> str:
    """Which product of two arrays it is: of matrices where one of them is a matrix."""
    first, second = [side.dims for side in sides]
    if max(len(first), len(second)) > 1:
        return "matmul"
    left, right = [ROW if row else meant for row, meant in zip(sign.lying, lying, strict=True)]
    found = _BESIDE.get((left, right))
    if sign.sign == "dot":
        return found or "matmul"
    if found is None:
        a, b = names
        raise ShapeError(
            f"this product of two vectors, of {shown(first)} and {shown(second)}, can be read in several ways",
            hint=rf"write {a}^T {b} or {a} \cdot {b} for the dot product, {a} {b}^T for the outer product, and"
            rf" {a} \odot {b} for the product of entries",
        )
    return found


def lies(op: str, sides: Sequence[Dims], lying: Sequence[str], result: Dims) -> str:
    """How the result of an operation is meant, if it is a vector; `sides` and `lying` say the same of what it is of."""
    if len(result) != 1:
        return PLAIN
    if op == "transpose":
        return _TRANSPOSED[lying[0]]
    if op == "matmul":
        if len(sides[0]) > 1:
            return COLUMN
        return lying[0] or ROW_OF_ROWS
    found = {meant for meant, dims in zip(lying, sides, strict=True) if meant and dims == result}
    return found.pop() if len(found) == 1 else PLAIN
