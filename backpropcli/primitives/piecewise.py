"""Choices: absolute value, extremes, steps, comparisons, logic and `if`."""

from __future__ import annotations

from backpropcli.primitives.entry import PRECEDENCE, Each, Edge, Primitive, elementwise


def _comparison(name: str, sign: str, latex: str, doc: str) -> Primitive:
    """A relation of two numbers: 1 where it holds, else 0."""
    return Primitive(
        name=name,
        parameters="a b",
        value=name,
        rule=elementwise(None, None),
        edges=(Edge(where="a == b", kind="jump", convention="0"),),
        operator=(sign, PRECEDENCE["comparison"]),
        latex=f"#1 {latex} #2",
        doc=doc,
        samples=((2.0, 3.0), (3.0, 2.0), (-1.5, -1.5)),
    )


def _rounding(name: str, jump: str, latex: str, doc: str) -> Primitive:
    """A step function onto the whole numbers."""
    return Primitive(
        name=name,
        parameters="x",
        value=name,
        rule=elementwise(None),
        edges=(Edge(where=jump, kind="jump", convention="0"),),
        latex=latex,
        doc=doc,
        samples=((2.25,), (-2.25,), (0.75,)),
        hard=((0.0,), (2.5,), (1.5,), (-1.5,), (1e300,), (4503599627370497.0,)),
    )


ENTRIES = (
    Primitive(
        name="abs",
        parameters="x",
        value="abs",
        rule=elementwise("sign(x)"),
        edges=(Edge(where="x == 0", kind="kink", slopes=("-1", "1"), convention="0"),),
        elementary="max(x, -1*x)",
        latex=r"\left|#1\right|",
        doc="Absolute value. Its slope at 0 is taken as 0.",
        samples=((2.0,), (-3.0,), (0.5,)),
        hard=((0.0,), (-1e-300,), (1e300,)),
    ),
    Primitive(
        name="sign",
        parameters="x",
        aliases=("sgn",),
        value="if(x > 0, 1, if(x < 0, -1, x))",
        rule=elementwise(None),
        edges=(Edge(where="x == 0", kind="jump", convention="0"),),
        latex=r"\operatorname{sign}\left(#1\right)",
        doc="1 for a positive number, -1 for a negative one, 0 for 0.",
        samples=((2.0,), (-3.0,), (0.5,)),
        hard=((0.0,), (-1e-300,)),
    ),
    Primitive(
        name="max",
        parameters="*x",
        value="max",
        rule=Each("1/total", total="x == y", path="x == y"),
        edges=(Edge(where="total > 1", kind="tie", slopes=("0", "1"), convention="1/k to each of the k equal ones"),),
        latex=r"\max\left(#*\right)",
        doc="The largest. Its backward pass routes: the largest input gets the adjoint, equal ones in equal parts.",
        samples=((2.0, 3.0), (3.0, -1.0, 2.0), (5.0,), (-2.0, -7.0)),
        hard=((2.0, 2.0), (0.0, -1.0, 0.0), (1.0, 1.0, 1.0, 0.0)),
    ),
    Primitive(
        name="min",
        parameters="*x",
        value="min",
        rule=Each("1/total", total="x == y", path="x == y"),
        edges=(Edge(where="total > 1", kind="tie", slopes=("1", "0"), convention="1/k to each of the k equal ones"),),
        latex=r"\min\left(#*\right)",
        doc="The smallest. Its backward pass routes: the smallest input gets the adjoint, equal ones in equal parts.",
        samples=((2.0, 3.0), (3.0, -1.0, 2.0), (5.0,), (-2.0, -7.0)),
        hard=((2.0, 2.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0, 2.0)),
    ),
    Primitive(
        name="clip",
        parameters="x a b",
        aliases=("clamp",),
        value="min(max(x, a), b)",
        edges=(
            Edge(where="x == a", kind="tie", slopes=("0", "1"), convention="half to each"),
            Edge(where="x == b", kind="tie", slopes=("1", "0"), convention="half to each"),
        ),
        latex=r"\min\left(\max\left(#1, #2\right), #3\right)",
        doc="The number, held between a and b: min(max(x, a), b).",
        samples=((0.5, 0.0, 1.0), (-3.0, -1.0, 2.0), (5.0, -1.0, 2.0)),
        hard=((0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (-1.0, -1.0, 2.0)),
    ),
    Primitive(
        name="if",
        parameters="c a b",
        aliases=("where",),
        value="select",
        rule=elementwise(None, "1", "1", paths=(None, "c", "not c")),
        reads=(None, "c", "not c"),
        latex=r"\begin{cases} #2 & \text{if } #1 \\ #3 & \text{otherwise} \end{cases}",
        doc="a where the condition holds, else b; only the arm that is taken is evaluated and differentiated.",
        samples=((1.0, 2.0, 3.0), (0.0, 2.0, 3.0)),
    ),
    Primitive(
        name="step",
        parameters="x",
        value="x > 0",
        rule=elementwise(None),
        edges=(Edge(where="x == 0", kind="jump", convention="0"),),
        latex=r"\operatorname{step}\left(#1\right)",
        doc="1 for a positive number, else 0; step(0) is 0.",
        samples=((2.0,), (-3.0,), (0.5,)),
        hard=((0.0,), (1e-300,)),
    ),
    _rounding("floor", "x == y", r"\left\lfloor #1 \right\rfloor", "The largest whole number that is not above."),
    _rounding("ceil", "x == y", r"\left\lceil #1 \right\rceil", "The smallest whole number that is not below."),
    _rounding(
        "round",
        "abs(x - y) == 0.5",
        r"\operatorname{round}\left(#1\right)",
        "The nearest whole number; a half goes to the even one.",
    ),
    _comparison("lt", "<", "<", "1 where a is less than b, else 0."),
    _comparison("le", "<=", r"\leq", "1 where a is at most b, else 0."),
    _comparison("gt", ">", ">", "1 where a is greater than b, else 0."),
    _comparison("ge", ">=", r"\geq", "1 where a is at least b, else 0."),
    _comparison("eq", "==", "=", "1 where a equals b, else 0."),
    _comparison("ne", "!=", r"\neq", "1 where a differs from b, else 0."),
    Primitive(
        name="and",
        parameters="a b",
        value="and",
        rule=elementwise(None, None),
        reads=(None, "a"),
        operator=("and", PRECEDENCE["and"]),
        latex=r"#1 \land #2",
        doc="1 where both hold, else 0; b is read only where a holds.",
        samples=((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    ),
    Primitive(
        name="or",
        parameters="a b",
        value="or",
        rule=elementwise(None, None),
        reads=(None, "not a"),
        operator=("or", PRECEDENCE["or"]),
        latex=r"#1 \lor #2",
        doc="1 where one holds at least, else 0; b is read only where a does not hold.",
        samples=((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    ),
    Primitive(
        name="not",
        parameters="a",
        value="not",
        rule=elementwise(None),
        operator=("not", PRECEDENCE["not"]),
        latex=r"\lnot #1",
        doc="1 where it does not hold, else 0.",
        samples=((1.0,), (0.0,)),
    ),
)
