"""The hyperbolic functions and their inverses."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

ENTRIES = (
    Primitive(
        name="sinh",
        parameters="x",
        value="sinh",
        rule=elementwise("cosh(x)"),
        elementary="0.5*(exp(x) + -1*exp(-1*x))",
        latex=r"\sinh\left(#1\right)",
        doc="Hyperbolic sine.",
        samples=((1.0,), (0.0,), (-2.5,)),
        hard=((1e-20,), (710.0,), (-710.0,)),
    ),
    Primitive(
        name="cosh",
        parameters="x",
        value="cosh",
        rule=elementwise("sinh(x)"),
        elementary="0.5*(exp(x) + exp(-1*x))",
        latex=r"\cosh\left(#1\right)",
        doc="Hyperbolic cosine.",
        samples=((1.0,), (0.0,), (-2.5,)),
        hard=((1e-20,), (710.0,), (-710.0,)),
    ),
    Primitive(
        name="tanh",
        parameters="x",
        value="tanh",
        # 1 - y^2 has no correct digit at 19.
        rule=elementwise("sech(x)^2"),
        handbook=("1 - y^2",),
        elementary="(exp(2*x) + -1)*reciprocal(exp(2*x) + 1)",
        latex=r"\tanh\left(#1\right)",
        doc="Hyperbolic tangent.",
        samples=((1.0,), (0.0,), (-2.5,), (0.3,)),
        hard=((1e-20,), (19.0,), (20.0,), (-40.0,), (1000.0,)),
    ),
    Primitive(
        name="sech",
        parameters="x",
        # 1/cosh(x) is 0 from 711 on, where sech is still 2e-309. The corrections are small beside what they correct, so
        # that little but the last rounding is left: tanh squares this.
        value=("e = exp(-abs(x)); q = e*e; s = 2*sinh(x/2)^2; if(e < 0.5, 2*e - 2*e*(q/(1 + q)), 1 - s/(1 + s))"),
        rule=elementwise("-y*tanh(x)"),
        elementary="2*reciprocal(exp(x) + exp(-1*x))",
        latex=r"\operatorname{sech}\left(#1\right)",
        doc="Hyperbolic secant, 1/cosh(x).",
        samples=((1.0,), (0.0,), (-2.5,), (0.3,)),
        hard=((1e-20,), (20.0,), (712.0,), (1000.0,)),
    ),
    Primitive(
        name="asinh",
        parameters="x",
        aliases=("arsinh", "arcsinh"),
        value="asinh",
        rule=elementwise("1/hypot(1, x)"),  # x^2 overflows at 1e200
        handbook=("1/sqrt(1 + x^2)",),
        latex=r"\operatorname{arsinh}\left(#1\right)",
        doc="Inverse hyperbolic sine.",
        samples=((1.0,), (0.0,), (-2.5,)),
        hard=((1e-20,), (1e200,), (-1e200,)),
    ),
    Primitive(
        name="acosh",
        parameters="x",
        aliases=("arcosh", "arccosh"),
        value="acosh",
        # x^2 - 1 overflows at 1e200, and near 1 it has lost digits.
        rule=elementwise("1/(sqrt(x - 1)*sqrt(x + 1))"),
        handbook=("1/sqrt(x^2 - 1)",),
        domain="x >= 1",
        latex=r"\operatorname{arcosh}\left(#1\right)",
        doc="Inverse hyperbolic cosine. Its slope at 1 is infinite.",
        samples=((2.0,), (1.5,), (10.0,)),
        hard=((1.0,), (1.0000000000000002,), (1e200,)),
    ),
    Primitive(
        name="atanh",
        parameters="x",
        aliases=("artanh", "arctanh"),
        value="atanh",
        rule=elementwise("1/((1 - x)*(1 + x))"),  # as for asin
        handbook=("1/(1 - x^2)",),
        domain="-1 < x < 1",
        latex=r"\operatorname{artanh}\left(#1\right)",
        doc="Inverse hyperbolic tangent.",
        samples=((0.5,), (0.0,), (-0.9,)),
        hard=((1e-20,), (0.9999999999,), (-0.9999999999999999,)),
    ),
)
