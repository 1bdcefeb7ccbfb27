"""The four operations, negation and the reciprocal."""

from __future__ import annotations

from backpropcli.primitives.entry import PRECEDENCE, Primitive, elementwise

ENTRIES = (
    Primitive(
        name="add",
        parameters="a b",
        value="add",
        rule=elementwise("1", "1"),
        operator=("+", PRECEDENCE["sum"]),
        latex="#1 + #2",
        doc="Sum. Its backward pass distributes: both inputs get the adjoint as it is.",
        samples=((2.0, 3.0), (0.0, 0.0), (-1.5, 1e9), (1e-300, -1e-300)),
    ),
    Primitive(
        name="sub",
        parameters="a b",
        value="sub",
        rule=elementwise("1", "-1"),
        operator=("-", PRECEDENCE["sum"]),
        elementary="a + (-1)*b",
        latex="#1 - #2",
        doc="Difference.",
        samples=((2.0, 3.0), (0.0, 0.0), (1e9, 1e-9)),
    ),
    Primitive(
        name="mul",
        parameters="a b",
        value="mul",
        rule=elementwise("b", "a"),
        operator=("*", PRECEDENCE["product"]),
        symbol="·",
        latex=r"#1 \cdot #2",
        doc="Product. Its backward pass switches: each input gets the adjoint times the other.",
        samples=((2.0, 3.0), (0.0, 5.0), (-1e200, 1e100)),
        nonzero="a != 0 and b != 0",
    ),
    Primitive(
        name="div",
        parameters="a b",
        value="div",
        # -a/b^2 divides by zero at b = 1e-170.
        rule=elementwise("1/b", "-y/b"),
        handbook=("1/b", "-a/b^2"),
        domain="b != 0",
        operator=("/", PRECEDENCE["product"]),
        elementary="a*reciprocal(b)",
        latex=r"\frac{#1}{#2}",
        doc="Quotient.",
        samples=((2.0, 3.0), (0.0, 5.0), (-7.0, 0.25)),
        hard=((1e-170, 1e-170), (1.0, 1e-170), (1e200, 1e-100)),
        nonzero="a != 0",
    ),
    Primitive(
        name="neg",
        parameters="x",
        value="neg",
        rule=elementwise("-1"),
        operator=("-", PRECEDENCE["sign"]),
        elementary="-1*x",
        latex="-#1",
        doc="The number with the other sign.",
        samples=((2.0,), (0.0,), (-1e300,)),
    ),
    Primitive(
        name="reciprocal",
        parameters="x",
        value="1/x",
        # -1/x^2 overflows before its time.
        rule=elementwise("-y/x"),
        handbook=("-1/x^2",),
        domain="x != 0",
        symbol="1/",
        latex=r"\frac{1}{#1}",
        doc="One divided by the number.",
        samples=((2.0,), (-0.25,), (49.982,)),
        hard=((1e-150,), (1e150,)),
    ),
)
