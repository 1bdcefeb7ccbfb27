"""Products of vectors and matrices."""

from __future__ import annotations

from backpropcli.primitives.entry import PRECEDENCE, Bilinear, Primitive

_VECTOR = (2.0, -3.0)
_MATRIX = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))


def _product(name: str, left: str, right: str, doc: str, sample: tuple[object, object]) -> Primitive:
    """The product of operands of these ranks: which one it is, is known as soon as the shapes are."""
    return Primitive(
        name=name,
        parameters="a b",
        value="matmul",
        rule=Bilinear(left, right),
        operator=("@", PRECEDENCE["product"]),
        latex="#1 #2",
        doc=doc,
        samples=(sample,),
        helper=name != "matmul",
    )


ENTRIES = (
    _product(
        "matmul",
        "matmul(g, transpose(b))",
        "matmul(transpose(a), g)",
        "Matrix product. Its backward pass: dA = g @ B', dB = A' @ g.",
        (((1.0, 2.0), (3.0, 4.0)), _MATRIX),
    ),
    _product("matvec", "outer(g, b)", "matmul(transpose(a), g)", "A matrix times a vector.", (_MATRIX, (1.0, 2.0, 3.0))),
    _product("vecmat", "matmul(b, g)", "outer(a, g)", "A vector times a matrix.", (_VECTOR, _MATRIX)),
    _product("inner", "g*b", "g*a", "The inner product of two vectors.", (_VECTOR, (4.0, 5.0))),
    Primitive(
        name="outer",
        parameters="a b",
        value="outer",
        rule=Bilinear("matmul(g, b)", "matmul(a, g)"),
        latex=r"#1 \otimes #2",
        doc="Outer product of two vectors: entry (i, j) is a[i]*b[j].",
        samples=((_VECTOR, (4.0, 5.0, 6.0)),),
    ),
)
