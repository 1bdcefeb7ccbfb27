"""What neurons apply: the sigmoid and its family, softplus, relu, silu, softsign."""

from __future__ import annotations

from backpropcli.primitives.entry import Edge, Primitive, elementwise

ENTRIES = (
    Primitive(
        name="sigmoid",
        parameters="x",
        aliases=("sigma", "logistic"),
        # exp(-x) overflows at -710.
        value="e = exp(-abs(x)); if(x < 0, e, 1)/(1 + e)",
        # y*(1 - y) has no correct digit at 40; shown as it is, since σ(-x) is 1 - σ(x).
        rule=elementwise("y*sigmoid(-x)"),
        symbol="σ",
        elementary="reciprocal(exp(-1*x) + 1)",
        latex=r"\sigma\left(#1\right)",
        doc="Logistic sigmoid, 1/(1 + exp(-x)).",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((40.0,), (-40.0,), (-740.0,), (1000.0,), (-1000.0,)),
    ),
    Primitive(
        name="log_sigmoid",
        parameters="x",
        value="min(x, 0) - log1p(exp(-abs(x)))",
        # 1 - sigmoid(x) has no correct digit at 40.
        rule=elementwise("sigmoid(-x)"),
        elementary="-1*log(exp(-1*x) + 1)",
        latex=r"\ln \sigma\left(#1\right)",
        doc="Logarithm of the sigmoid, finite where the sigmoid underflows.",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((40.0,), (-1000.0,), (740.0,)),
    ),
    Primitive(
        name="logit",
        parameters="x",
        # log(x/(1 - x)) has no correct digit near its zero at 1/2.
        value="if(0.25 < x and x < 0.75, log1p((2*x - 1)/(1 - x)), log(x) - log1p(-x))",
        rule=elementwise("1/(x*(1 - x))"),
        domain="0 < x < 1",
        elementary="log(x*reciprocal(1 + -1*x))",
        latex=r"\operatorname{logit}\left(#1\right)",
        doc="Inverse of the sigmoid, log(x/(1 - x)), for x between 0 and 1.",
        samples=((0.3,), (0.5,), (0.9,)),
        hard=((0.5000000001,), (0.25,), (0.75,), (1e-300,), (0.9999999999999999,)),
    ),
    Primitive(
        name="softplus",
        parameters="x",
        # exp(x) overflows at 710, and log(1 + exp(x)) has no correct digit at -40.
        value="max(x, 0) + log1p(exp(-abs(x)))",
        rule=elementwise("sigmoid(x)"),
        elementary="log(1 + exp(x))",
        latex=r"\ln\left(1 + e^{#1}\right)",
        doc="Smooth relu, log(1 + exp(x)).",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((25.0,), (-40.0,), (1000.0,), (-740.0,)),
    ),
    Primitive(
        name="relu",
        parameters="x",
        value="max(x, 0)",
        rule=elementwise("step(x)"),
        edges=(Edge(where="x == 0", kind="kink", slopes=("0", "1"), convention="0"),),
        latex=r"\operatorname{relu}\left(#1\right)",
        doc="Rectified linear unit, max(x, 0). Its slope at 0 is taken as 0.",
        samples=((2.0,), (-3.0,), (0.5,)),
        hard=((0.0,), (1e-300,), (1e300,)),
    ),
    Primitive(
        name="silu",
        parameters="x",
        aliases=("swish",),
        # Below -700 the sigmoid has lost the digits that the product still has.
        value="if(x < -700, x*exp(x/2)*exp(x/2), x*sigmoid(x))",
        # With y in it, since x*sigmoid(x) is what has lost them.
        rule=elementwise("sigmoid(x) + y*sigmoid(-x)"),
        handbook=("sigmoid(x)*(1 + x*sigmoid(-x))",),
        elementary="x*reciprocal(exp(-1*x) + 1)",
        latex=r"#1 \cdot \sigma\left(#1\right)",
        doc="Sigmoid linear unit (swish), x*sigmoid(x).",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((-720.0,), (-1.278464542761074,), (40.0,), (1000.0,), (-1000.0,)),
    ),
    Primitive(
        name="softsign",
        parameters="x",
        value="x/(1 + abs(x))",
        # A rule of its own: the definition's two terms cancel. The kink of abs is true here, one order up.
        rule=elementwise("(1/(1 + abs(x)))^2"),
        elementary="x*reciprocal(1 + abs(x))",
        latex=r"\frac{#1}{1 + \left|#1\right|}",
        doc="x/(1 + |x|), between -1 and 1.",
        samples=((1.0,), (-2.5,), (4.0,)),
        hard=((0.0,), (1e155,), (1e-300,)),
    ),
)
