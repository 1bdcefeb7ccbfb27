"""Exponentials and logarithms."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

# The difference of a and b, and what its rounding is found from: (a - (d - t)) - (b + t) (Knuth, TAOCP 2, 4.2.2).
_DIFFERENCE = "d = a - b; t = d - a"

ENTRIES = (
    Primitive(
        name="exp",
        parameters="x",
        value="exp",
        rule=elementwise("y"),
        latex="e^{#1}",
        doc="Exponential function. It is its own derivative.",
        samples=((1.0,), (-1.0,), (0.0,), (3.5,)),
        hard=((709.0,), (-740.0,), (1e-20,)),
        nonzero="1",
    ),
    Primitive(
        name="exp2",
        parameters="x",
        value="exp2",
        rule=elementwise("y*log(2)"),
        elementary="2^x",
        latex="2^{#1}",
        doc="Two to the power of the number.",
        samples=((1.0,), (-1.5,), (0.0,), (10.0,)),
        hard=((1023.0,), (-1070.0,)),
        nonzero="1",
    ),
    Primitive(
        name="expm1",
        parameters="x",
        value="expm1",
        # y + 1 has no correct digit at -40.
        rule=elementwise("exp(x)"),
        elementary="exp(x) + -1",
        latex="e^{#1} - 1",
        doc="exp(x) - 1, with all digits where x is small.",
        samples=((1.0,), (-1.0,), (0.0,), (0.001,)),
        hard=((1e-20,), (-40.0,), (709.0,)),
    ),
    Primitive(
        name="log",
        parameters="x",
        aliases=("ln",),
        value="log",
        rule=elementwise("1/x"),
        domain="x > 0",
        latex=r"\ln\left(#1\right)",
        doc="Natural logarithm.",
        samples=((2.0,), (0.5,), (1.0,), (10.0,)),
        hard=((1.0000000001,), (1e-300,), (1e300,)),
    ),
    Primitive(
        name="log2",
        parameters="x",
        value="log2",
        rule=elementwise("1/(x*log(2))"),
        domain="x > 0",
        elementary="log(x)*reciprocal(log(2))",
        latex=r"\log_{2}\left(#1\right)",
        doc="Logarithm to the base 2.",
        samples=((8.0,), (0.3,), (1.0,)),
        hard=((1.0000000001,), (1e-300,), (1e300,)),
    ),
    Primitive(
        name="log10",
        parameters="x",
        value="log10",
        rule=elementwise("1/(x*log(10))"),
        domain="x > 0",
        elementary="log(x)*reciprocal(log(10))",
        latex=r"\log_{10}\left(#1\right)",
        doc="Logarithm to the base 10.",
        samples=((1000.0,), (0.3,), (1.0,)),
        hard=((1.0000000001,), (1e-300,), (1e300,)),
    ),
    Primitive(
        name="log1p",
        parameters="x",
        value="log1p",
        rule=elementwise("1/(1 + x)"),
        domain="x > -1",
        elementary="log(1 + x)",
        latex=r"\ln\left(1 + #1\right)",
        doc="log(1 + x), with all digits where x is small.",
        samples=((1.0,), (-0.5,), (0.0,), (0.001,)),
        hard=((1e-20,), (-0.9999999999,), (1e300,)),
    ),
    Primitive(
        name="log_base",
        parameters="x b",
        aliases=("log",),
        # log(1000)/log(10) is 2.9999999999999996, and log(x)/log(0) is 0, though there is no such base.
        value="if(b == 2, log2(x), if(b == 10, log10(x), if(b == 0, log(-1), log(x)/log(b))))",
        rule=elementwise("1/(x*log(b))", "-y/(b*log(b))"),
        domain="x > 0 and b > 0 and b != 1",
        elementary="log(x)*reciprocal(log(b))",
        latex=r"\log_{#2}\left(#1\right)",
        doc="Logarithm to the base b.",
        samples=((8.0, 2.0), (1000.0, 10.0), (0.3, 5.0), (1.0, 0.5)),
        hard=((1e300, 1.0000000001), (1.0000000001, 3.0)),
        # By b three logarithms' roundings and three more meet: 4.2 in 20,000 points.
        digits=5,
    ),
    Primitive(
        name="log_add_exp",
        parameters="a b",
        aliases=("logaddexp",),
        # exp(a) overflows at 710. The rounding of a - b, which is worth 16 units at 50, is added back.
        value=(
            f"{_DIFFERENCE}; max(a, b) + log1p(exp(-abs(d))*if(abs(d) < 800, 1 - sign(d)*((a - (d - t)) - (b + t)), 1))"
        ),
        rule=elementwise("exp_share(a, b)", "exp_share(b, a)"),
        handbook=("sigmoid(a - b)", "sigmoid(b - a)"),
        scales=("max(abs(a), abs(b))",),
        elementary="log(exp(a) + exp(b))",
        latex=r"\ln\left(e^{#1} + e^{#2}\right)",
        doc="log(exp(a) + exp(b)), without overflow on the way.",
        samples=((1.0, 2.0), (0.0, 0.0), (-3.0, 0.5)),
        hard=((1000.0, 1000.0), (-1000.0, -1001.0), (5.3, 50.6), (800.0, 0.0), (-1e300, 1e300)),
    ),
    Primitive(
        name="exp_share",
        parameters="a b",
        value=(f"{_DIFFERENCE}; s = sigmoid(d); if(abs(d) < 800, s + s*sigmoid(-d)*((a - (d - t)) - (b + t)), s)"),
        rule=elementwise("y*exp_share(b, a)", "-y*exp_share(b, a)"),
        elementary="exp(a)*reciprocal(exp(a) + exp(b))",
        latex=r"\sigma\left(#1 - #2\right)",
        doc="The share of exp(a) in exp(a) + exp(b): sigmoid(a - b), with the rounding of a - b added back.",
        samples=((1.0, 2.0), (0.0, 0.0), (-3.0, 0.5)),
        hard=((1000.0, 1000.0), (5.3, 50.6), (50.6, 5.3), (-1e300, 1e300)),
        helper=True,
    ),
)
