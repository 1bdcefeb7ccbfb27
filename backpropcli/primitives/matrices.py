"""Products of vectors and matrices, and what is worked out from a matrix: inverse, determinant, factors, parts.

Stacks of matrices, along the axes before the last two, are worked on matrix by matrix.
"""

from __future__ import annotations

from backpropcli.primitives.entry import PRECEDENCE, Bilinear, General, Primitive, linear

_VECTOR = (2.0, -3.0)
_MATRIX = ((0.5, -1.0, 2.0), (1.5, 0.25, -0.75))
_SQUARE = ((2.0, 1.0), (0.5, -1.5))
_THREE = ((4.0, 1.0, 0.5), (1.0, 3.0, -1.0), (0.5, -1.0, 5.0))
_FOUR = ((2.5, 0.5, -1.0, 0.0), (0.25, 3.0, 0.5, 1.0), (-0.5, 0.75, 2.0, 0.25), (1.0, -0.5, 0.125, -3.0))
_STACK = (_SQUARE, ((1.0, 0.5), (-0.25, 3.0)))
_POSITIVE = (((2.0, 0.5), (0.5, 1.0)), ((3.0, -1.0), (-1.0, 4.0)))
_SQUARES = ((_SQUARE,), (_THREE,), (_FOUR,), (_STACK,))

# Elimination loses as many digits as the condition number has: these units are for one of 1, and grow with it.
_ELIMINATED = 64


# Entries of matrices count row by row.
_KINDS = {
    "matmul": ("I ⊗ {b}'", "{a} ⊗ I"),
    "matvec": ("I ⊗ {b}'", "{a}"),
    "vecmat": ("{b}'", "{a}' ⊗ I"),
    "inner": ("{b}'", "{a}'"),
}


def _product(name: str, left: str, right: str, doc: str, *samples: tuple[object, object]) -> Primitive:
    """The product of operands of these ranks: which one it is, is known as soon as the shapes are."""
    return Primitive(
        name=name,
        parameters="a b",
        value="matmul",
        rule=Bilinear(left, right),
        aliases=("dot",) if name == "matmul" else (),
        operator=("@", PRECEDENCE["product"]),
        structure=_KINDS[name],
        latex="#1 #2",
        doc=doc,
        pattern="switches: each factor gets the adjoint times the other, transposed",
        samples=samples,
        helper=name != "matmul",
    )


ENTRIES = (
    _product(
        "matmul",
        "matmul(g, transpose(b))",
        "matmul(transpose(a), g)",
        "Matrix product A @ B; of two vectors the inner product.",
        (((1.0, 2.0), (3.0, 4.0)), _MATRIX),
        (_STACK, _STACK),
    ),
    _product("matvec", "outer(g, b)", "matmul(transpose(a), g)", "Matrix times vector.", (_MATRIX, (1.0, 2.0, 3.0))),
    _product("vecmat", "matmul(b, g)", "outer(a, g)", "Vector times matrix.", (_VECTOR, _MATRIX)),
    _product("inner", "g*b", "g*a", "The inner product of two vectors.", (_VECTOR, (4.0, 5.0))),
    Primitive(
        name="outer",
        parameters="a b",
        value="outer",
        rule=Bilinear("matmul(g, b)", "matmul(a, g)"),
        structure=("I ⊗ {b}", "{a} ⊗ I"),
        latex=r"#1 \otimes #2",
        doc="Outer product of two vectors: entry (i, j) is a[i]*b[j].",
        samples=((_VECTOR, (4.0, 5.0, 6.0)),),
    ),
    Primitive(
        name="scaled",
        parameters="a c",
        value="scaled",
        rule=Bilinear("scaled(g, c)", "sum(sum(g*a, -1), -1)"),
        latex=r"#2 \cdot #1",
        doc="A matrix times a number; of a stack each times its own.",
        samples=((_MATRIX, 3.0), (_STACK, _VECTOR)),
        helper=True,
    ),
    Primitive(
        name="trace",
        parameters="a",
        value="trace",
        rule=linear("undiag(spread(g, -1, shape(diag(a))), shape(a))"),
        aliases=("tr",),
        structure=("ones on the diagonal",),
        latex=r"\operatorname{tr}\left(#1\right)",
        doc="Trace: the sum of a square matrix's diagonal. Its backward pass puts g on the diagonal.",
        samples=_SQUARES,
    ),
    Primitive(
        name="diag",
        parameters="x",
        value="diag",
        rule=linear("undiag(g, shape(x))"),
        structure=("one-hot",),
        latex=r"\operatorname{diag}\left(#1\right)",
        doc="The diagonal matrix of a vector; of a matrix its diagonal.",
        samples=((_VECTOR,), (_MATRIX,), (_STACK,)),
    ),
    Primitive(
        name="undiag",
        parameters="x s",
        value="undiag",
        rule=linear("diag(g)", None),
        static=("s",),
        symbol="diag",
        structure=("one-hot",),
        latex=r"\operatorname{diag}\left(#1\right)",
        doc="What was on a diagonal, put back there in an array of shape s; the transpose of diag.",
        samples=((_VECTOR, (2.0, 3.0)), (_SQUARE, (2.0,)), (_SQUARE, (2.0, 2.0, 2.0))),
        helper=True,
    ),
    Primitive(
        name="inv",
        parameters="a",
        value="inv",
        rule=General(("-matmul(matmul(y, d), y)",), ("-matmul(matmul(transpose(y), g), transpose(y))",)),
        aliases=("inverse",),
        structure=("-{y} ⊗ {y}'",),
        domain="regular(a)",
        needs="a matrix that is not singular",
        latex=r"#1^{-1}",
        doc="Inverse of a square matrix: dA^-1 = -A^-1 dA A^-1. To solve A x = b, solve(A, b) keeps more digits.",
        samples=_SQUARES,
        digits=_ELIMINATED,
    ),
    Primitive(
        name="solve",
        parameters="a b",
        value="solve",
        rule=General(
            ("-solve(a, matmul(d, y))", "solve(a, d)"),
            ("-matmul(solve(transpose(a), g), transpose(y))", "solve(transpose(a), g)"),
        ),
        domain="regular(a)",
        needs="a matrix that is not singular",
        structure=("-inv({a}) ⊗ {y}'", "inv({a}) ⊗ I"),
        latex=r"#1^{-1} #2",
        doc="The x with A @ x = b, of a vector or a matrix b. Its backward pass solves A' @ db = g.",
        samples=((_SQUARE, _MATRIX), (_STACK, _STACK)),
        digits=_ELIMINATED,
    ),
    Primitive(
        name="solve_vector",
        parameters="a b",
        value="solve",
        rule=General(
            ("-solve_vector(a, matmul(d, y))", "solve_vector(a, d)"),
            ("-outer(solve_vector(transpose(a), g), y)", "solve_vector(transpose(a), g)"),
        ),
        domain="regular(a)",
        needs="a matrix that is not singular",
        structure=("-inv({a}) ⊗ {y}'", "inv({a})"),
        latex=r"#1^{-1} #2",
        doc="The vector x with A @ x = b.",
        samples=((_SQUARE, _VECTOR), (_THREE, (1.0, 2.0, 3.0))),
        digits=_ELIMINATED,
        written="solve",
        helper=True,
    ),
    Primitive(
        name="regular",
        parameters="a",
        value="regular",
        rule=linear(None),
        latex=r"\det #1 \neq 0",
        doc="1 for a square matrix that no change of its entries in their last digits makes singular, else 0.",
        samples=_SQUARES,
        helper=True,
    ),
    Primitive(
        name="det",
        parameters="a",
        value="det",
        # y*inv(a) has no value where the matrix is singular, and there the determinant is as smooth as anywhere.
        rule=General(("sum(sum(cofactor(a)*d, -1), -1)",), ("scaled(cofactor(a), g)",)),
        latex=r"\det\left(#1\right)",
        doc="Determinant. Its derivative is the adjugate, transposed: det(A)*inv(A)', also where A is singular.",
        samples=(*_SQUARES, (((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (7.0, 8.0, 9.0)),)),
        digits=_ELIMINATED,
    ),
    Primitive(
        name="cofactor",
        parameters="a",
        value="cofactor",
        # The second derivative of the determinant is symmetric.
        rule=General(("cofactor_slope(a, d)",), ("cofactor_slope(a, g)",)),
        latex=r"\operatorname{adj}\left(#1\right)^{\top}",
        doc="The matrix of cofactors, det(A)*inv(A)': the derivative of the determinant.",
        samples=_SQUARES,
        digits=_ELIMINATED,
        helper=True,
    ),
    Primitive(
        name="cofactor_slope",
        parameters="a e",
        value="cofactor_slope",
        # A cofactor is the determinant of a minor, so that its second derivative is a minor's cofactors' slope.
        rule=General(
            ("sum(sum(cofactor_slope(minors(a), minors(d))*minors(e), -1), -1)", "cofactor_slope(a, d)"),
            ("sum(sum(cofactor_slope(minors(a), minors(g))*minors(e), -1), -1)", "cofactor_slope(a, g)"),
        ),
        latex=r"\operatorname{D}\operatorname{adj}\left(#1\right)^{\top}\left[#2\right]",
        doc="The derivative of the cofactors along a direction.",
        samples=((_SQUARE, _SQUARE), (_THREE, _THREE), (_FOUR, _FOUR), (_STACK, _STACK)),
        digits=_ELIMINATED,
        helper=True,
    ),
    Primitive(
        name="minors",
        parameters="a",
        value="minors",
        rule=linear("from_minors(g)"),
        latex=r"\operatorname{minors}\left(#1\right)",
        doc="Of every entry the matrix without its row and column, the first row with the cofactor's sign.",
        samples=_SQUARES,
        helper=True,
    ),
    Primitive(
        name="from_minors",
        parameters="c",
        value="from_minors",
        rule=linear("minors(g)"),
        latex=r"\operatorname{minors}^{\top}\left(#1\right)",
        doc="The transpose of minors: every entry added up from where it went.",
        samples=(((((((1.0,),), ((2.0,),)), (((-3.0,),), ((4.0,),))),)),),
        helper=True,
    ),
    Primitive(
        name="logdet",
        parameters="a",
        value="logdet",
        rule=General(("sum(sum(transpose(inv(a))*d, -1), -1)",), ("scaled(transpose(inv(a)), g)",)),
        domain="regular(a)",
        needs="a matrix that is not singular",
        latex=r"\ln\left(\left|\det\left(#1\right)\right|\right)",
        doc="log|det(A)|, without the overflow of det; d log|det(A)| = A^-1'.",
        samples=_SQUARES,
        digits=_ELIMINATED,
    ),
    Primitive(
        name="cholesky",
        parameters="a",
        value="cholesky",
        # Murray 2016, Differentiation of the Cholesky decomposition, equations 8 and 10 (arXiv:1602.07527). It is the
        # factor of the symmetric part, so that the gradient is symmetric and forward and backward mode agree in every
        # direction: an entry and its mirror image have half of the slope each that they have together.
        rule=General(
            ("matmul(y, lower_half(solve(y, transpose(solve(y, symmetric(d))))))",),
            ("t = transpose(y); symmetric(solve(t, transpose(solve(t, transpose(lower_half(matmul(t, g)))))))",),
        ),
        domain="positive_definite(a)",
        needs="a symmetric positive definite matrix",
        latex=r"\operatorname{chol}\left(#1\right)",
        doc="The lower triangular L with L @ L' = A, of a symmetric positive definite A. Its gradient is symmetric.",
        samples=((_POSITIVE[0],), (_THREE,), (_POSITIVE,)),
        digits=_ELIMINATED,
    ),
    Primitive(
        name="positive_definite",
        parameters="a",
        value="positive_definite",
        rule=linear(None),
        latex=r"#1 \succ 0",
        doc="1 for a symmetric matrix that is positive definite by more than its rounding, else 0.",
        samples=((_POSITIVE,),),
        helper=True,
    ),
    Primitive(
        name="lower_half",
        parameters="x",
        value="lower_half",
        rule=linear("lower_half(g)"),
        latex=r"\Phi\left(#1\right)",
        doc="The lower triangle of a square matrix, its diagonal halved.",
        samples=_SQUARES,
        helper=True,
    ),
    Primitive(
        name="symmetric",
        parameters="x",
        value="symmetric",
        rule=linear("symmetric(g)"),
        latex=r"\operatorname{sym}\left(#1\right)",
        doc="The symmetric part of a square matrix, (A + A')/2.",
        samples=_SQUARES,
        helper=True,
    ),
)
