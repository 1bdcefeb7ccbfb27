"""The error function and the normal distribution."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

# The rounding of x^2 is worth 700 units of exp(-x^2) at the end of the range, so the exponent is split: h has at most
# eleven bits, h*h is exact, and (x - h)*(x + h) is small (Cody, Rational Chebyshev approximations for the error
# function, 1969).
_SPLIT = "h = round(64*x)/64"

# x/sqrt(2) as a double and what it lacks, by Dekker's product: the rounding is worth 700 units of erfc as well. Beyond
# 40 nothing changes.
_OVER_ROOT_2 = (
    "z = min(max(x, -40), 40); t = z*0.7071067811865476;"
    " c = 134217729*z; p = c - (c - z); q = z - p;"
    " d = ((p*0.7071067839860916 - t) - p*2.7995440410322203e-09 + q*0.7071067839860916)"
    " - (q*2.7995440410322203e-09 + z*4.833646656726457e-17)"
)

ENTRIES = (
    Primitive(
        name="erf",
        parameters="x",
        value="erf",
        rule=elementwise("2/sqrt(pi)*gaussian(x)"),
        handbook=("2/sqrt(pi)*exp(-x^2)",),
        latex=r"\operatorname{erf}\left(#1\right)",
        doc="Error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=((1e-300,), (5.0,), (-26.0,), (1e300,)),
        saturates="both",
    ),
    Primitive(
        name="erfc",
        parameters="x",
        # 1 - erf(x) has no correct digit at 6.
        value="erfc",
        rule=elementwise("-2/sqrt(pi)*gaussian(x)"),
        handbook=("-2/sqrt(pi)*exp(-x^2)",),
        elementary="1 + -1*erf(x)",
        latex=r"\operatorname{erfc}\left(#1\right)",
        doc="Complementary error function, 1 - erf(x), with all digits where it is small.",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=((1e-300,), (6.0,), (26.0,), (-26.0,), (1e300,)),
        nonzero="1",
        saturates="both",
    ),
    Primitive(
        name="gaussian",
        parameters="x",
        value=f"{_SPLIT}; if(abs(x) > 28, 0, exp(-h*h)*exp(-(x - h)*(x + h)))",
        rule=elementwise("-2*x*y"),
        elementary="exp(-1*x^2)",
        latex=r"e^{-{#1}^2}",
        doc="exp(-x^2), with all digits where it is small.",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=((1e-300,), (5.123456789,), (-26.04321,), (1e300,), (565105232447.4661,), (-16415876085.890392,)),
        helper=True,
    ),
    Primitive(
        name="erfinv",
        parameters="x",
        value="erfinv",
        # exp(y^2) has lost two digits at 1 - 1e-15.
        rule=elementwise("erfinv_slope(x)"),
        handbook=("sqrt(pi)/2*exp(y^2)",),
        domain="-1 < x < 1",
        latex=r"\operatorname{erf}^{-1}\left(#1\right)",
        doc="Inverse of the error function, for x between -1 and 1.",
        samples=((0.5,), (0.0,), (-0.9,)),
        hard=((1e-300,), (0.05,), (0.999999,), (-0.9999999999999999,)),
    ),
    Primitive(
        name="erfinv_slope",
        parameters="x",
        value="erfinv_slope",
        rule=elementwise("2*erfinv(x)*y^2"),
        domain="-1 < x < 1",
        elementary="0.5*pi^0.5*exp(erfinv(x)^2)",
        latex=r"\frac{\sqrt{\pi}}{2} \cdot e^{\operatorname{erf}^{-1}\left(#1\right)^2}",
        doc="The derivative of erfinv(x): sqrt(pi)/2*exp(erfinv(x)^2).",
        samples=((0.5,), (0.0,), (-0.9,)),
        hard=((0.999999,), (-0.9999999999999999,)),
        digits=8,
        helper=True,
    ),
    Primitive(
        name="normal_pdf",
        parameters="x",
        aliases=("norm_pdf",),
        value=f"{_SPLIT}; if(abs(x) > 40, 0, 0.3989422804014327*exp(-h*h/2)*exp(-(x - h)*(x + h)/2))",
        # From 37.5 on y has lost digits that x*y has.
        rule=elementwise("-normal_moment(x)"),
        handbook=("-x*y",),
        elementary="reciprocal((2*pi)^0.5)*exp(-0.5*x^2)",
        latex=r"\varphi\left(#1\right)",
        doc="Density of the standard normal distribution, exp(-x^2/2)/sqrt(2*pi).",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=(
            (1e-300,),
            (5.123456789,),
            (-37.04321,),
            (1e300,),
            (-136266868055.72675,),
            (-37.978592608372196,),
            (38.35462079523142,),
        ),
        nonzero="1",
    ),
    Primitive(
        name="normal_moment",
        parameters="x",
        # From 37.5 on normal_pdf(x) is below the range; the last factor is exp(-350)/sqrt(2*pi).
        value=f"{_SPLIT}; if(abs(x) > 40, 0, x*exp(350 - h*h/2)*exp(-(x - h)*(x + h)/2)*3.9613334361381163e-153)",
        rule=elementwise("normal_pdf(x) - x*y"),
        elementary="x*reciprocal((2*pi)^0.5)*exp(-0.5*x^2)",
        latex=r"#1 \cdot \varphi\left(#1\right)",
        doc="x*normal_pdf(x), with all digits where normal_pdf(x) is too small for them.",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=((1e-300,), (-5.123456789,), (-36.99999999999999,), (37.0,), (-1e300,)),
        helper=True,
    ),
    Primitive(
        name="normal_cdf",
        parameters="x",
        aliases=("norm_cdf",),
        value=f"{_OVER_ROOT_2}; erfc(-t)/2 + d*0.5641895835477563*exp(-t*t)",
        rule=elementwise("normal_pdf(x)"),
        elementary="0.5*(1 + erf(x*2^-0.5))",
        latex=r"\Phi\left(#1\right)",
        doc="Distribution function of the standard normal distribution, the integral of normal_pdf up to x.",
        samples=((1.0,), (0.0,), (-0.5,), (2.5,)),
        hard=((1e-300,), (-5.123456789,), (-37.0,), (8.0,), (1e300,)),
        nonzero="1",
        saturates="both",
    ),
)
