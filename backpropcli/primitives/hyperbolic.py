"""The hyperbolic functions and their inverses."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

# The power series of sinh, to the last bit up to 0.7, without its first term.
_SINH_SERIES = "1/6 + q*(1/120 + q*(1/5040 + q*(1/362880 + q*(1/39916800 + q*(1/6227020800 + q/1307674368000)))))"

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
        saturates="both",
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
        nonzero="1",
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
    Primitive(
        name="csch",
        parameters="x",
        # 1/sinh(x) is 0 from 711 on, where csch is still 2e-309. The corrections are small beside what they correct, as
        # in sech: coth squares this.
        value=(
            f"q = x*x; e = exp(-abs(x)); s = x + x*(q*({_SINH_SERIES}));"
            " if(abs(x) < 0.7, 1/s, sign(x)*(2*e + 2*e*(e*e/(1 - e*e))))"
        ),
        rule=elementwise("-y*coth(x)"),
        domain="x != 0",
        elementary="2*reciprocal(exp(x) + -1*exp(-1*x))",
        latex=r"\operatorname{csch}\left(#1\right)",
        doc="Hyperbolic cosecant, 1/sinh(x).",
        samples=((1.0,), (-2.5,), (0.3,)),
        hard=((1e-150,), (20.0,), (-712.0,), (1000.0,)),
        nonzero="1",
    ),
    Primitive(
        name="coth",
        parameters="x",
        # tanh(x) is 2 units off already.
        value="if(x > 0, 1 + 2/expm1(2*x), -1 - 2/expm1(-2*x))",
        # 1 - y^2 has no correct digit at 19.
        rule=elementwise("-csch(x)^2"),
        handbook=("1 - y^2",),
        domain="x != 0",
        elementary="(exp(2*x) + 1)*reciprocal(exp(2*x) + -1)",
        latex=r"\coth\left(#1\right)",
        doc="Hyperbolic cotangent, 1/tanh(x).",
        samples=((1.0,), (-2.5,), (0.3,)),
        hard=((1e-150,), (19.0,), (-40.0,), (1000.0,)),
    ),
    Primitive(
        name="asech",
        parameters="x",
        aliases=("arsech", "arcsech"),
        # acosh(1/x) has lost eight digits beside 1.
        value="2*asinh(sqrt((1 - x)/2)/sqrt(x))",
        rule=elementwise("-1/(x*sqrt((1 - x)*(1 + x)))"),
        handbook=("-1/(x*sqrt(1 - x^2))",),
        domain="0 < x <= 1",
        elementary="acosh(reciprocal(x))",
        latex=r"\operatorname{arsech}\left(#1\right)",
        doc="Inverse hyperbolic secant, for x above 0 up to 1. Its slope at 1 is infinite.",
        samples=((0.5,), (0.9,), (0.1,)),
        hard=((1.0,), (0.9999999999999999,), (1e-300,)),
    ),
    Primitive(
        name="acsch",
        parameters="x",
        aliases=("arcsch", "arccsch"),
        # 1/x overflows at the smallest numbers.
        value="if(abs(x) < 1e-300, sign(x)*(log(2) - log(abs(x))), asinh(1/x))",
        # tanh(y) is 1/sqrt(1 + x^2) with the sign of x, so that no abs is needed.
        rule=elementwise("-tanh(y)/x"),
        handbook=("-1/(x^2*sqrt(1 + 1/x^2))",),
        domain="x != 0",
        elementary="asinh(reciprocal(x))",
        latex=r"\operatorname{arcsch}\left(#1\right)",
        doc="Inverse hyperbolic cosecant.",
        samples=((2.0,), (-0.5,), (10.0,)),
        hard=((1e-150,), (1e155,), (-1e200,), (7e-306,), (-7e-305,)),
    ),
    Primitive(
        name="acoth",
        parameters="x",
        aliases=("arcoth", "arccoth"),
        # atanh(1/x) has lost eight digits beside 1.
        value="sign(x)*log1p(2/(abs(x) - 1))/2",
        rule=elementwise("1/(1 - x)/(1 + x)"),  # x^2 overflows at 1e200
        handbook=("1/(1 - x^2)",),
        domain="abs(x) > 1",
        elementary="atanh(reciprocal(x))",
        latex=r"\operatorname{arcoth}\left(#1\right)",
        doc="Inverse hyperbolic cotangent, for x below -1 or above 1.",
        samples=((2.0,), (-1.5,), (10.0,)),
        hard=((1.0000000000000002,), (-1.0000000001,), (1e155,)),
    ),
)
