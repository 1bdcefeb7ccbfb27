"""Powers, roots and lengths, with the helpers that their derivatives are made of."""

from __future__ import annotations

from backpropcli.primitives.entry import PRECEDENCE, Edge, Primitive, elementwise

# Where a^b*log(a)^n has both factors.
_LOG_POWER = "a > 1 or a == 1 and n >= 0 or 0 < a < 1 and n == floor(n)"

# The second derivative has a^(b - 2) in it, and the rounding of b - 2 is worth log(a) units: 2 for an a of one figure,
# 745 at the ends of the range.
_ROUNDED_EXPONENT = 750

ENTRIES = (
    Primitive(
        name="pow",
        parameters="a b",
        aliases=("power",),
        value="pow",
        # b*y/a is 0/0 at a = 0, where b*a^(b-1) is exact; b*a^(b-1) would be 0*inf at a = 0 = b.
        rule=elementwise("power_slope(a, b)", "power_log(a, b)"),
        handbook=("b*a^(b - 1)", "y*log(a)"),
        domain="a > 0 or a == 0 and b >= 0 or a < 0 and b == floor(b)",
        needs="a positive base, or a whole exponent (0 or more for the base 0)",
        # Of x^0 with a constant exponent nothing is a convention, hence `of`.
        edges=(Edge(where="a == 0 and b == 0", kind="jump", convention="0", of="b"),),
        operator=("^", PRECEDENCE["power"]),
        latex="{#1}^{#2}",
        doc="Power. A negative base needs a whole exponent; 0^0 is 1.",
        samples=((2.0, 3.0), (2.5, -1.5), (0.3, 0.4), (1.0, 7.0)),
        hard=(
            (0.0, 0.0),
            (0.0, 0.25),
            (0.0, 0.5),
            (0.0, 1.0),
            (0.0, 2.0),
            (0.0, 3.0),
            (0.0, 4.5),
            (-2.0, 0.0),
            (-2.0, 3.0),
            (-1.5, -2.0),
            (1e-200, 1.5),
            (1.0000001, 1e9),
            (1e300, 0.01),
            (1e-300, 0.03),
            (5.8e-184, 1.75),
            (1e-300, 1.2),
        ),
        nonzero="a != 0",
    ),
    Primitive(
        name="power_slope",
        parameters="a b",
        # b - 1 is exact from 1/2 on; below, its rounding would cost log(a)/2 units, up to 345. From 2^53 on it is b,
        # and a negative base would lose its sign.
        value="if(a == 0 or 0.5 <= b < 9e15, power_term(b, a, b - 1, 0), power_term(b, a, b, 0)/a)",
        rule=elementwise(
            "power_term(b*(b - 1), a, b - 2, 0)", "power_term(1, a, b - 1, 0) + power_term(b, a, b - 1, 1)"
        ),
        handbook=("b*(b - 1)*a^(b - 2)", "a^(b - 1) + b*a^(b - 1)*log(a)"),
        domain="a > 0 or a == 0 and (b == 0 or b >= 1) or a < 0 and b == floor(b)",
        latex=r"#2 \cdot {#1}^{#2 - 1}",
        doc="The derivative of a^b by a: b*a^(b - 1), and 0 where b is 0.",
        samples=((2.0, 3.0), (2.5, -1.5), (0.3, 0.4)),
        hard=((0.0, 1.0), (0.0, 2.0), (-2.0, 3.0), (1e-300, 0.03), (5.8e-184, 1.75)),
        digits=_ROUNDED_EXPONENT,
        helper=True,
    ),
    Primitive(
        name="power_log",
        parameters="a b",
        # a^b*log(a) goes to 0 with a as long as b is positive; at b = 0 it is the convention for 0^b.
        value="if(a == 0 and b >= 0, 0, power_term(1, a, b, 1))",
        rule=elementwise("power_term(b, a, b - 1, 1) + power_term(1, a, b - 1, 0)", "power_term(1, a, b, 2)"),
        handbook=("b*a^(b - 1)*log(a) + a^(b - 1)", "y*log(a)"),
        domain="a > 0 or a == 0 and b >= 0",
        latex=r"{#1}^{#2} \cdot \ln\left(#1\right)",
        doc="The derivative of a^b by b: a^b*log(a), and 0 at a = 0 where b is 0 or more.",
        samples=((2.0, 3.0), (2.5, -1.5), (0.3, 0.4)),
        hard=((0.0, 2.0), (0.0, 3.5), (1.0, 2.0), (1e-200, 1.5), (5.8e-184, 1.75)),
        digits=_ROUNDED_EXPONENT,
        helper=True,
    ),
    Primitive(
        name="power_term",
        parameters="c a b n",
        # Every derivative of a power is a sum of these. The factor is inside, so that where it ends (the third
        # derivative of x^2) the infinity of 0^-1 is not multiplied by it. Where a^b alone leaves the range or its last
        # digits, the two halves of it are multiplied one after the other. What x^2 and x^3 leave are products.
        value=(
            "p = a^b; h = a^(b/2); k = if(n == 0, c, c*log(a)^n);"
            " if(n == 0 and b == 1 and c != 0, c*a, if(n == 0 and b == 2 and c != 0, c*a*a,"
            " if(p == 0 and a == 0 or c == 0, 0, if(a > 0 and (p < 1e-290 or p > 1e290), k*h*h, k*p))))"
        ),
        rule=elementwise(
            "power_term(1, a, b, n)",
            "power_term(c*b, a, b - 1, n) + power_term(c*n, a, b - 1, n - 1)",
            "power_term(c, a, b, n + 1)",
            "y*log(log(a))",
        ),
        handbook=("a^b*log(a)^n", "c*b*a^(b - 1)*log(a)^n + c*n*a^(b - 1)*log(a)^(n - 1)", "y*log(a)", "y*log(log(a))"),
        domain=(
            f"c == 0 or {_LOG_POWER} or a == 0 and (b > 0 or b == 0 and n <= 0) or a < 0 and n == 0 and b == floor(b)"
        ),
        latex=r"#1 \cdot {#2}^{#3} \cdot \ln\left(#2\right)^{#4}",
        doc="A term of a power's higher derivatives: c*a^b*log(a)^n, and 0 where c is 0 or a is 0 and b positive.",
        samples=((2.0, 3.0, 1.5, 0.0), (0.5, 0.3, -2.5, 1.0), (-3.0, 2.5, 0.4, 2.0)),
        hard=(
            (3.0, -2.0, 3.0, 0.0),
            (6.0, 1e-200, 1.0, 0.0),
            (1e-20, -1e160, 2.0, 0.0),
            (0.0, 3.0, 2.0, 0.0),
            (10.0, 1e-200, 1.5, 0.0),
            (1e-20, 1e200, 1.6, 0.0),
            (1e-20, 1e-200, -1.6, 0.0),
            (1e20, 1e-200, 1.6, 0.0),
            (1e200, 1e-200, 1.9, 0.0),
        ),
        digits=_ROUNDED_EXPONENT,
        helper=True,
    ),
    Primitive(
        name="sqrt",
        parameters="x",
        value="sqrt",
        rule=elementwise("1/(2*y)"),
        domain="x >= 0",
        symbol="√",
        elementary="x^0.5",
        latex=r"\sqrt{#1}",
        doc="Square root. Its slope at 0 is infinite.",
        samples=((2.0,), (9.0,), (0.25,)),
        hard=((0.0,), (1e-300,), (1e300,)),
    ),
    Primitive(
        name="cbrt",
        parameters="x",
        value="cbrt",
        rule=elementwise("1/(3*y^2)"),
        symbol="∛",
        latex=r"\sqrt[3]{#1}",
        doc="Cube root, of negative numbers too. Its slope at 0 is infinite.",
        samples=((2.0,), (-8.0,), (0.125,)),
        hard=((0.0,), (-1e-300,), (1e300,)),
    ),
    Primitive(
        name="hypot",
        parameters="a b",
        # a/sqrt(a^2 + b^2) overflows at 1e200; a/y is 0/0 at the origin.
        value="hypot",
        rule=elementwise("direction(a, b)", "direction(b, a)"),
        handbook=("a/y", "b/y"),
        edges=(Edge(where="a == 0 and b == 0", kind="kink", slopes=("-1", "1"), convention="0"),),
        elementary="(a^2 + b^2)^0.5",
        latex=r"\sqrt{{#1}^2 + {#2}^2}",
        doc="Length of the hypotenuse, sqrt(a^2 + b^2), without overflow on the way.",
        samples=((3.0, 4.0), (-1.0, 2.0), (0.0, 2.0), (2.0, 0.0)),
        hard=((0.0, 0.0), (1e200, 1e200), (1e-200, -1e-200), (1e300, 1e-300)),
    ),
    Primitive(
        name="direction",
        parameters="a b",
        value="h = hypot(a, b); if(h == 0, 0, a/h)",
        rule=elementwise("direction(b, a)^2/hypot(a, b)", "-y*direction(b, a)/hypot(a, b)"),
        handbook=("b^2/hypot(a, b)^3", "-a*b/hypot(a, b)^3"),
        elementary="a*reciprocal((a^2 + b^2)^0.5)",
        latex=r"\frac{#1}{\sqrt{{#1}^2 + {#2}^2}}",
        doc="The derivative of hypot(a, b) by a: a/hypot(a, b), the cosine of the direction; 0 at the origin.",
        samples=((3.0, 4.0), (-1.0, 2.0), (0.0, 2.0)),
        hard=((1e200, 1e200), (1e-200, -1e-200), (1e300, 1e-300)),
        helper=True,
    ),
)
