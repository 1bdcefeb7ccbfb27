"""Sine, cosine, tangent and their inverses; angles are radians."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

ENTRIES = (
    Primitive(
        name="sin",
        parameters="x",
        value="sin",
        rule=elementwise("cos(x)"),
        latex=r"\sin\left(#1\right)",
        doc="Sine of an angle in radians.",
        samples=((1.0,), (0.0,), (-2.5,), (10.0,)),
        hard=((3.141592653589793,), (1e22,), (1e-300,)),
    ),
    Primitive(
        name="cos",
        parameters="x",
        value="cos",
        rule=elementwise("-sin(x)"),
        latex=r"\cos\left(#1\right)",
        doc="Cosine of an angle in radians.",
        samples=((1.0,), (0.0,), (-2.5,), (10.0,)),
        hard=((1.5707963267948966,), (1e22,), (1e-300,)),
    ),
    Primitive(
        name="tan",
        parameters="x",
        value="tan",
        rule=elementwise("1 + y^2"),
        elementary="sin(x)*reciprocal(cos(x))",
        latex=r"\tan\left(#1\right)",
        doc="Tangent of an angle in radians.",
        samples=((1.0,), (0.0,), (-2.5,), (10.0,)),
        hard=((1.5707963267948966,), (3.141592653589793,), (1e22,)),
    ),
    Primitive(
        name="asin",
        parameters="x",
        aliases=("arcsin",),
        value="asin",
        # 1 - x^2 has lost seven digits at 1 - 1e-10.
        rule=elementwise("1/sqrt((1 - x)*(1 + x))"),
        handbook=("1/sqrt(1 - x^2)",),
        domain="-1 <= x <= 1",
        latex=r"\arcsin\left(#1\right)",
        doc="Inverse sine, in radians between -pi/2 and pi/2. Its slope at -1 and 1 is infinite.",
        samples=((0.5,), (0.0,), (-0.9,)),
        hard=((1.0,), (-1.0,), (0.9999999999,), (-0.9999999999999999,)),
    ),
    Primitive(
        name="acos",
        parameters="x",
        aliases=("arccos",),
        value="acos",
        rule=elementwise("-1/sqrt((1 - x)*(1 + x))"),  # as for asin
        handbook=("-1/sqrt(1 - x^2)",),
        domain="-1 <= x <= 1",
        latex=r"\arccos\left(#1\right)",
        doc="Inverse cosine, in radians between 0 and pi. Its slope at -1 and 1 is infinite.",
        samples=((0.5,), (0.0,), (-0.9,)),
        hard=((1.0,), (-1.0,), (0.9999999999,), (-0.9999999999999999,)),
    ),
    Primitive(
        name="atan",
        parameters="x",
        aliases=("arctan",),
        value="atan",
        # 1 + x^2 overflows from 1.4e154 on, where the slope is still 5e-309.
        rule=elementwise("h = hypot(1, x); 1/h/h"),
        handbook=("1/(1 + x^2)",),
        latex=r"\arctan\left(#1\right)",
        doc="Inverse tangent, in radians between -pi/2 and pi/2.",
        samples=((-3.0,), (0.0,), (0.5,), (1e9,)),
        hard=((1e155,), (1e-300,)),
    ),
    Primitive(
        name="atan2",
        parameters="a b",
        aliases=("arctan2",),
        value="atan2",
        # a^2 + b^2 overflows at 1e200 and is 0 at 1e-200.
        rule=elementwise("h = hypot(a, b); b/h/h", "h = hypot(a, b); -a/h/h"),
        handbook=("b/(a^2 + b^2)", "-a/(a^2 + b^2)"),
        latex=r"\operatorname{atan2}\left(#1, #2\right)",
        doc="The angle of the point (b, a), ordinate first, in radians between -pi and pi.",
        samples=((1.0, 2.0), (2.0, -1.0), (-3.0, -4.0), (0.0, 2.0)),
        hard=((1e200, 1e200), (1e-200, -1e-200), (1.0, 1e-300), (1e155, 3.0)),
    ),
)
