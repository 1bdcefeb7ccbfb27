"""What neurons apply: the sigmoid and its family, softplus, relu and its relatives, silu, gelu, mish, softsign."""

from __future__ import annotations

from backpropcli.primitives.entry import Edge, Primitive, elementwise

# Klambauer and others, Self-Normalizing Neural Networks (2017): the factor, and the factor times alpha.
_SELU = "1.0507009873554805"
_SELU_LEFT = "1.7580993408473766"

_LEFT = "the slope from the left"

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
        nonzero="1",
        saturates="both",
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
        nonzero="1",
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
        nonzero="1",
        saturates="one",
    ),
    Primitive(
        name="relu",
        parameters="x",
        value="max(x, 0)",
        rule=elementwise("step(x)"),
        edges=(Edge(where="x == 0", kind="kink", slopes=("0", "1"), convention="0"),),
        latex=r"\operatorname{relu}\left(#1\right)",
        doc="Rectified linear unit, max(x, 0). Its slope at 0 is taken as 0.",
        pattern="routes: the adjoint goes on where the input is positive, and no further elsewhere",
        samples=((2.0,), (-3.0,), (0.5,)),
        hard=((0.0,), (1e-300,), (1e300,)),
        saturates="one",
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
        nonzero="x != 0",
        saturates="one",
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
        saturates="both",
    ),
    Primitive(
        name="leaky_relu",
        parameters="x a",
        defaults=(0.01,),
        value="if(x > 0, x, a*x)",
        rule=elementwise("if(x > 0, 1, a)", "x", paths=(None, "x <= 0")),
        edges=(Edge(where="x == 0 and a != 1", kind="kink", slopes=("a", "1"), convention=_LEFT, of="x"),),
        latex=r"\operatorname{leaky\_relu}\left(#1, #2\right)",
        doc="x where it is positive, else a*x; a is 0.01 where it is left out. Its slope at 0 is taken as a.",
        samples=((2.0, 0.01), (-3.0, 0.01), (-0.5, 0.2)),
        hard=((0.0, 0.01), (0.0, 1.0), (-1.0, 0.0), (1e-300, 0.5), (-1e300, 0.5)),
    ),
    Primitive(
        name="elu",
        parameters="x a",
        defaults=(1.0,),
        # exp(x) - 1 has no correct digit at -1e-20.
        value="if(x > 0, x, a*expm1(x))",
        rule=elementwise("if(x > 0, 1, a*exp(x))", "expm1(x)", paths=(None, "x <= 0")),
        edges=(Edge(where="x == 0 and a != 1", kind="kink", slopes=("a", "1"), convention=_LEFT, of="x"),),
        latex=r"\operatorname{elu}\left(#1, #2\right)",
        doc="Exponential linear unit: x where it is positive, else a*(exp(x) - 1); a is 1 where it is left out.",
        samples=((2.0, 1.0), (-3.0, 1.0), (-0.5, 1.5)),
        hard=((0.0, 0.5), (-1e-20, 1.0), (-1.0, 0.0), (-800.0, 2.0), (1e300, 1.0)),
        saturates="one",
    ),
    Primitive(
        name="selu",
        parameters="x",
        value=f"if(x > 0, {_SELU}*x, {_SELU_LEFT}*expm1(x))",
        rule=elementwise(f"if(x > 0, {_SELU}, {_SELU_LEFT}*exp(x))"),
        edges=(Edge(where="x == 0", kind="kink", slopes=(_SELU_LEFT, _SELU), convention=_LEFT),),
        latex=r"\operatorname{selu}\left(#1\right)",
        doc="Scaled exponential linear unit: 1.0507*elu(x, 1.6733), with the constants in full.",
        samples=((2.0,), (-3.0,), (-0.5,)),
        hard=((0.0,), (-1e-20,), (-800.0,), (1e300,)),
        saturates="one",
    ),
    Primitive(
        name="gelu",
        parameters="x",
        # From -37.5 on normal_cdf(x) has lost digits; its asymptotic series over normal_pdf(x) has them (DLMF 7.12.1).
        value="u = 1/max(-x, 37)^2; if(x > -37, x*normal_cdf(x),"
        " -normal_pdf(x)*(1 - u*(1 - 3*u*(1 - 5*u*(1 - 7*u*(1 - 9*u*(1 - 11*u)))))))",
        rule=elementwise("normal_cdf(x) + normal_moment(x)"),
        handbook=("normal_cdf(x) + x*normal_pdf(x)",),
        elementary="x*0.5*(1 + erf(x*2^-0.5))",
        latex=r"\operatorname{gelu}\left(#1\right)",
        doc="Gaussian error linear unit, x*normal_cdf(x), exact (not the approximation by tanh).",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=(
            (-0.7517915246935645,),
            (-30.0,),
            (-36.0,),
            (-36.99999999999999,),
            (-37.0,),
            (-37.684526069364324,),
            (-38.35462079523142,),
            (-38.5,),
            (40.0,),
            (1e300,),
            (-1e300,),
        ),
        nonzero="x != 0",
        saturates="one",
    ),
    Primitive(
        name="mish",
        parameters="x",
        # Below -700 as for silu.
        value="if(x < -700, x*exp(x/2)*exp(x/2), x*mish_gate(x))",
        # With y in it, as for silu.
        rule=elementwise("c = sigmoid(-x); mish_gate(x) + y*(4*c^2/((1 + c)*(1 + c^2)))"),
        handbook=("tanh(softplus(x)) + x*sech(softplus(x))^2*sigmoid(x)",),
        elementary="x*tanh(log(1 + exp(x)))",
        latex=r"#1 \cdot \tanh\left(\ln\left(1 + e^{#1}\right)\right)",
        doc="x*tanh(softplus(x)).",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((-720.0,), (-1.1924312145154,), (40.0,), (1000.0,), (-1000.0,)),
        nonzero="x != 0",
        saturates="one",
    ),
    Primitive(
        name="mish_gate",
        parameters="x",
        # (e^2x + 2 e^x)/(e^2x + 2 e^x + 2), over exp(-abs(x)) so that nothing overflows, and as what it is nearly and a
        # correction.
        value="e = exp(-abs(x)); n = e*(e + 2); if(x > 0, 1 - 2*e*e/(1 + n + e*e), e - e*(e*(1 + e)/(2 + n)))",
        rule=elementwise("c = sigmoid(-x); sigmoid(x)*(2*c/(1 + c^2))^2"),
        handbook=("sech(softplus(x))^2*sigmoid(x)",),
        elementary="tanh(log(1 + exp(x)))",
        latex=r"\tanh\left(\ln\left(1 + e^{#1}\right)\right)",
        doc="tanh(softplus(x)), by which mish multiplies.",
        samples=((1.0,), (0.0,), (-2.5,), (4.0,)),
        hard=((-700.0,), (40.0,), (1000.0,), (-1000.0,)),
        helper=True,
    ),
    Primitive(
        name="hard_tanh",
        parameters="x",
        aliases=("hardtanh",),
        value="clip(x, -1, 1)",
        edges=(
            Edge(where="x == -1", kind="kink", slopes=("0", "1"), convention="0.5"),
            Edge(where="x == 1", kind="kink", slopes=("1", "0"), convention="0.5"),
        ),
        latex=r"\operatorname{hard\_tanh}\left(#1\right)",
        doc="The number, held between -1 and 1: clip(x, -1, 1).",
        samples=((0.5,), (-3.0,), (2.0,)),
        hard=((-1.0,), (1.0,), (1e-300,)),
        saturates="both",
    ),
    Primitive(
        name="hard_sigmoid",
        parameters="x",
        aliases=("hardsigmoid",),
        # x/6 + 1/2 has no correct digit beside -3.
        value="clip((x + 3)/6, 0, 1)",
        edges=(
            Edge(where="x == -3", kind="kink", slopes=("0", "1/6"), convention="half of 1/6"),
            Edge(where="x == 3", kind="kink", slopes=("1/6", "0"), convention="half of 1/6"),
        ),
        elementary="min(max(x*reciprocal(6) + 0.5, 0), 1)",
        latex=r"\operatorname{hard\_sigmoid}\left(#1\right)",
        doc="x/6 + 1/2, held between 0 and 1.",
        samples=((0.5,), (-2.0,), (5.0,), (-4.0,)),
        hard=((-3.0,), (3.0,), (-2.9999999999999996,), (1e-300,)),
        saturates="both",
    ),
)
