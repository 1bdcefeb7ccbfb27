"""The gamma function and its family: factorial, logarithm, derivatives of the logarithm, beta."""

from __future__ import annotations

from backpropcli.primitives.entry import Primitive, elementwise

_POLES = "x > 0 or x != floor(x)"
_NEEDS = "a number that is not 0 or a negative whole number"

# Between two poles of the negative axis psi has a zero, where log(1 - x) meets a reciprocal.
_DIGAMMA_TERM = "if(x < 0, max(1, log(1 - x)), 0)"


def _polygamma_term(n: str) -> str:
    """The term of the nearest pole, of the n-th derivative."""
    return f"if(x < 0, factorial({n})*abs(x - round(x))^(-1 - {n}), 0)"


ENTRIES = (
    Primitive(
        name="gamma",
        parameters="x",
        aliases=("Gamma",),
        value="gamma",
        rule=elementwise("y*digamma(x)"),
        domain=_POLES,
        needs=_NEEDS,
        scales=(None, f"y*{_DIGAMMA_TERM}"),
        latex=r"\Gamma\left(#1\right)",
        doc="Gamma function; gamma(n) is (n - 1)! for a whole n.",
        samples=((2.5,), (0.5,), (5.0,), (-1.5,)),
        hard=((1e-300,), (1.4616321449683622,), (23.5,), (170.5,), (171.6,), (-9.5,), (-20.7,), (-2.9999999999999996,)),
        digits=8,
        nonzero="1",
    ),
    Primitive(
        name="factorial",
        parameters="x",
        # The rounding of x + 1 is worth 300 units at 170.
        value="if(x >= 1, x*gamma(x), gamma(x + 1))",
        rule=elementwise("y*digamma(x + 1)"),
        domain="x >= 0 or x != floor(x)",
        needs="a number that is not a negative whole number",
        scales=(None, "if(x < 0, y*max(1, log(-x)), y*(0 < x < 1))"),
        elementary="gamma(x + 1)",
        latex=r"{#1}!",
        doc="Factorial, gamma(x + 1): the product of the whole numbers up to x, and what continues it between them.",
        samples=((3.0,), (0.5,), (0.0,), (-1.5,)),
        hard=(
            (1e-20,),
            (0.46163214496836236,),
            (22.5,),
            (31.606173134851257,),
            (169.7,),
            (170.0,),
            (-9.5,),
            (-176.42945916445174,),
        ),
        digits=8,
        nonzero="1",
    ),
    Primitive(
        name="lgamma",
        parameters="x",
        aliases=("loggamma", "gammaln", "lngamma"),
        value="lgamma",
        rule=elementwise("digamma(x)"),
        domain=_POLES,
        needs=_NEEDS,
        scales=("if(x < 0, lgamma(1 - x), 0)", _DIGAMMA_TERM),
        elementary="log(abs(gamma(x)))",
        latex=r"\ln \left|\Gamma\left(#1\right)\right|",
        doc="Logarithm of the absolute value of the gamma function.",
        samples=((2.5,), (0.5,), (5.0,), (-1.5,), (-0.5,)),
        hard=((1.0,), (2.0,), (1.0000000001,), (1.9999999999,), (1e-300,), (1e300,), (-2.4570247382208006,), (-0.999,)),
        digits=8,
    ),
    Primitive(
        name="digamma",
        parameters="x",
        value="digamma",
        rule=elementwise("polygamma(1, x)"),
        handbook=("trigamma(x)",),
        domain=_POLES,
        needs=_NEEDS,
        scales=(_DIGAMMA_TERM,),
        latex=r"\psi\left(#1\right)",
        doc="Derivative of the logarithm of the gamma function.",
        samples=((2.5,), (0.5,), (5.0,), (-1.5,)),
        hard=((1.4616321449683622,), (1.1,), (1e-300,), (1e300,), (-0.504083008264455,), (-2.9999999999999996,)),
        digits=10,
    ),
    Primitive(
        name="trigamma",
        parameters="x",
        value="polygamma(1, x)",
        rule=elementwise("polygamma(2, x)"),
        domain=_POLES,
        needs=_NEEDS,
        scales=(None, _polygamma_term("2")),
        latex=r"\psi_{1}\left(#1\right)",
        doc="Derivative of digamma.",
        samples=((2.5,), (0.5,), (5.0,), (-1.5,)),
        hard=((1e-100,), (1e100,), (-2.9999999999999996,), (-30.25,)),
    ),
    Primitive(
        name="polygamma",
        parameters="n x",
        value="polygamma",
        # Between whole orders it has no one definition.
        rule=elementwise("0/0", "polygamma(n + 1, x)"),
        whole=("n",),
        domain=f"0 <= n <= 170 and n == floor(n) and ({_POLES})",
        needs="a whole order from 0 to 170, and a number that is not 0 or a negative whole number",
        scales=(
            f"if(n == 0, {_DIGAMMA_TERM}, {_polygamma_term('n')})",
            None,
            _polygamma_term("(n + 1)"),
        ),
        latex=r"\psi_{#1}\left(#2\right)",
        doc="The n-th derivative of digamma, for a whole n from 0 to 170; polygamma(0, x) is digamma(x).",
        samples=((1.0, 2.5), (2.0, 0.5), (3.0, 5.0), (2.0, -1.25)),
        hard=(
            (0.0, 1.4616321449683622),
            (1.0, 1e100),
            (20.0, 10.01),
            (7.0, 0.0026),
            (3.0, -2.9999999999999996),
            (170.0, 300.0),
        ),
        digits=10,
    ),
    Primitive(
        name="polygamma_difference",
        parameters="n a b",
        value="polygamma_difference",
        rule=elementwise(None, "polygamma_difference(n + 1, a, b)", "-polygamma(n + 1, a + b)"),
        whole=("n",),
        domain="0 <= n < 170 and n == floor(n) and a > 0 and b >= 0",
        elementary="polygamma(n, a) + -1*polygamma(n, a + b)",
        latex=r"\psi_{#1}\left(#2\right) - \psi_{#1}\left(#2 + #3\right)",
        doc="polygamma(n, a) - polygamma(n, a + b), with all digits where b is small.",
        samples=((0.0, 2.0, 3.0), (1.0, 0.5, 1.5), (2.0, 5.0, 0.25)),
        hard=((0.0, 3.0, 1e-20), (0.0, 1000.0, 1e-10), (1.0, 0.3, 1e4)),
        digits=8,
        helper=True,
    ),
    Primitive(
        name="beta",
        parameters="a b",
        value="beta",
        # digamma(a) - digamma(a + b) has no correct digit where b is 1e-16 of a.
        rule=elementwise("beta_slope(a, b)", "beta_slope(b, a)"),
        handbook=("y*(digamma(a) - digamma(a + b))", "y*(digamma(b) - digamma(a + b))"),
        domain="a > 0 and b > 0",
        elementary="gamma(a)*gamma(b)*reciprocal(gamma(a + b))",
        latex=r"\mathrm{B}\left(#1, #2\right)",
        doc="Beta function, gamma(a) gamma(b)/gamma(a + b), for positive numbers.",
        samples=((2.0, 3.0), (0.5, 0.5), (5.0, 0.25)),
        hard=((60.5, 80.25), (300.0, 200.0), (1e5, 3.3), (1e25, 4.5), (1e-200, 3.0), (1e3, 1e-5)),
        digits=16,
        nonzero="1",
    ),
    Primitive(
        name="beta_slope",
        parameters="a b",
        value="beta_slope",
        rule=elementwise(
            "beta(a, b)*(polygamma_difference(0, a, b)^2 + polygamma_difference(1, a, b))",
            "beta(a, b)*(polygamma_difference(0, a, b)*polygamma_difference(0, b, a) - polygamma(1, a + b))",
        ),
        domain="a > 0 and b > 0",
        elementary="gamma(a)*gamma(b)*reciprocal(gamma(a + b))*(digamma(a) + -1*digamma(a + b))",
        latex=r"\mathrm{B}\left(#1, #2\right) \left(\psi\left(#1\right) - \psi\left(#1 + #2\right)\right)",
        doc="The derivative of beta(a, b) by a: beta(a, b)*(digamma(a) - digamma(a + b)).",
        samples=((2.0, 3.0), (0.5, 0.5), (5.0, 0.25)),
        hard=((60.5, 80.25),),
        digits=32,
        helper=True,
    ),
)
