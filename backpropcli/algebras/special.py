"""Special functions of ordinary numbers: the gamma family, the inverse of erf, the derivatives of sinc, the remainder.

Total functions like the kernels: never an exception, always what IEEE 754 would give. The standard library has no
digamma, no polygamma and no inverse of erf, its lgamma has no correct digit near 1 and 2, and its gamma is 7.1 units in
the last place off (glibc 2.36 and CPython 3.11, against mpmath). Constants are Taylor coefficients and Bernoulli
numbers; a test computes each of them again. DLMF is the NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_INF = math.inf
_NAN = math.nan
_PI = 3.141592653589793
_PI_LOW = 1.2246467991473532e-16  # what the double is short of pi
_SPLIT = 134217729.0  # 2^27 + 1, Veltkamp's
_LARGE = 10.0  # from here on eight terms of the asymptotic series are exact to the last bit

ONE_LESS_EULER = 0.42278433509846713
HALF_LOG_TAU = 0.9189385332046728

# lgamma(2 + z) = (1 - euler) z + sum of (-1)^k (zeta(k) - 1)/k z^k, k = 2 ... (DLMF 5.7.3)
LGAMMA_AT_2 = (
    0.3224670334241132, -0.0673523010531981, 0.020580808427784546, -0.007385551028673986,
    0.0028905103307415234, -0.001192753911703261, 0.0005096695247430425, -0.00022315475845357939,
    9.945751278180853e-05, -4.492623673813314e-05, 2.050721277567069e-05, -9.439488275268397e-06,
    4.374866789907488e-06, -2.039215753801366e-06, 9.55141213040742e-07, -4.492469198764566e-07,
    2.1207184805554665e-07, -1.0043224823968099e-07, 4.7698101693639804e-08, -2.2711094608943164e-08,
    1.0838659214896955e-08, -5.183475041970047e-09, 2.4836745438024785e-09, -1.1921401405860912e-09,
    5.731367241678862e-10, -2.7595228851242334e-10,
)  # fmt: skip

# psi(2 + z) = 1 - euler + sum of (-1)^k (zeta(k) - 1) z^(k - 1), k = 2 ... (DLMF 5.7.5)
DIGAMMA_AT_2 = (
    0.6449340668482264, -0.2020569031595943, 0.08232323371113819, -0.03692775514336993,
    0.01734306198444914, -0.008349277381922827, 0.00407735619794434, -0.0020083928260822143,
    0.0009945751278180853, -0.0004941886041194645, 0.0002460865533080483, -0.00012271334757848915,
    6.124813505870483e-05, -3.058823630702049e-05, 1.528225940865187e-05, -7.637197637899763e-06,
    3.81729326499984e-06, -1.908212716553939e-06, 9.539620338727962e-07, -4.769329867878064e-07,
    2.38450502727733e-07, -1.1921992596531106e-07, 5.960818905125948e-08, -2.980350351465228e-08,
    1.4901554828365043e-08, -7.45071178983543e-09,
)  # fmt: skip

# The positive zero of psi, as a sum of two doubles, and the Taylor coefficients there: psi^(k)/k!, k = 1 ...
DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)
DIGAMMA_AT_ROOT = (
    0.9676722454476212, -0.4427631689835921, 0.258499760955651, -0.16394270544240652,
    0.10782405069126237, -0.07219956125645471, 0.04880428816414311, -0.03316112647484736,
    0.022597648232218104, -0.01542476590494896, 0.010538791616612175, -0.007204534386356869,
    0.004926781395729853, -0.003369801655439328, 0.002305126326734928, -0.0015769367714301972,
    0.0010788252019162967, -0.0007380709389960052, 0.000504953265834602, -0.0003454680251063077,
    0.00023635601564027053, -0.00016170622091974803, 0.0001106337276874741, -7.569179582195066e-05,
    5.178575795222081e-05, -3.5430070947659604e-05, 2.424006611860132e-05, -1.6584242271854135e-05,
)  # fmt: skip

# Bernoulli numbers B(2k), over 2k(2k - 1) for lgamma (DLMF 5.11.1), over 2k for psi (5.11.2), over (2k)! for
# Euler's and Maclaurin's summation (2.10.1).
STIRLING = (
    0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953,
    0.0008417508417508417, -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242,
)  # fmt: skip
DIGAMMA_TAIL = (
    0.08333333333333333, -0.008333333333333333, 0.003968253968253968, -0.004166666666666667,
    0.007575757575757576, -0.021092796092796094, 0.08333333333333333, -0.4432598039215686,
)  # fmt: skip
MACLAURIN = (
    0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07,
    2.08767569878681e-08, -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13,
    8.586062056277845e-15, -2.174868698558062e-16, 5.5090028283602295e-18,
)  # fmt: skip


def _polynomial(coefficients: Sequence[float], x: float) -> float:
    """The coefficients times 1, x, x^2 ..., by Horner's rule."""
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def _product_error(a: float, b: float) -> float:
    """What a*b loses by rounding, exactly (Dekker)."""
    c = a * _SPLIT
    high_a = c - (c - a)
    c = b * _SPLIT
    high_b = c - (c - b)
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - a * b) + high_a * low_b + low_a * high_b) + low_a * low_b


def _sin_pi(r: float) -> float:
    """sin(pi r) for r between -1/2 and 1/2, with the rounding of pi r added back."""
    t = _PI * r
    return math.sin(t) + (_product_error(_PI, r) + _PI_LOW * r) * math.cos(t)


def _shift(x: float) -> tuple[int, float]:
    """The k and z with x = k + z and z between -1/2 and 1/2; both are exact."""
    k = round(x)
    return k, x - k


def _lgamma_near_2(z: float) -> float:
    return z * (ONE_LESS_EULER + z * _polynomial(LGAMMA_AT_2, z))


def _stirling(x: float) -> float:
    """The logarithm of gamma(x) over sqrt(2 pi) x^(x - 1/2) e^-x, for large x (DLMF 5.11.1)."""
    return _polynomial(STIRLING, 1.0 / x / x) / x


def _gamma_factors(x: float) -> tuple[float, float]:
    """Two factors p, q with gamma(x) = p*p*q, for large x; none of them overflows before x = 340."""
    return math.pow(x, 0.5 * x - 0.25), math.exp(-x) * math.exp(HALF_LOG_TAU + _stirling(x))


def gamma(x: float) -> float:
    """Gamma function: the series at 2 and the recurrence, Stirling's formula, reflection (DLMF 5.7.3, 5.11.3, 5.5.3).

    Whole numbers are factorials, rounded once. Up to 3.5 units off.
    """
    if x > _LARGE:
        if x > 171.7:
            return _INF
        if x == math.floor(x):
            return float(math.factorial(int(x) - 1))
        p, q = _gamma_factors(x)
        return p * (p * q)
    if not x > -_LARGE:
        return _gamma_far_below(x)
    if x == 0.0:
        return math.copysign(_INF, x)
    k, z = _shift(x)
    if k > 0:
        if z == 0.0:
            return float(math.factorial(k - 1))
        product = 1.0
        for _ in range(k - 2):
            x -= 1.0
            product *= x
        product *= math.exp(_lgamma_near_2(z))
        return product / x if k == 1 else product
    if z == 0.0:
        return _NAN
    product = z * (1.0 + z)
    for _ in range(-k):
        product *= x
        x += 1.0
    return math.exp(_lgamma_near_2(z)) / product


def _gamma_far_below(x: float) -> float:
    if not x > -_INF or x == math.floor(x):
        return _NAN
    k, z = _shift(x)
    if x < -190.0:
        return -0.0 if (k % 2 == 0) == (z < 0.0) else 0.0
    p, q = _gamma_factors(-x)
    sine = _sin_pi(z) if k % 2 == 0 else -_sin_pi(z)
    return -_PI / (x * sine) / p / q / p


def lgamma(x: float) -> float:
    """Logarithm of the absolute value of gamma(x): the series at 2 and the recurrence, Stirling's formula, reflection.

    DLMF 5.7.3, 5.5.1, 5.11.1, 5.5.3. Up to 4 units off; between two poles of the negative axis, near a zero, as many of
    lgamma(1 - x).
    """
    if x > _LARGE:
        if x > 3e305:
            return _INF
        return (x - 0.5) * (math.log(x) - 1.0) + ((HALF_LOG_TAU - 0.5) + _stirling(x))
    if not x > -0.5:
        if x != x:
            return _NAN
        k, z = _shift(x) if x > -math.inf else (0, 0.0)
        if z == 0.0:
            return _INF
        if k == -1:
            # Near -1 the logarithms of the reflection formula cancel.
            return _lgamma_near_2(z) - math.log(abs(z * (1.0 + z) * x))
        return math.log(_PI / abs(x * _sin_pi(z))) - lgamma(-x)
    if x == 0.0:
        return _INF
    if x <= 0.5:
        return _lgamma_near_2(x) - math.log1p(x) - math.log(abs(x))
    k, z = _shift(x)
    if k == 1:
        return _lgamma_near_2(z) - math.log1p(z)
    product = 1.0
    for _ in range(k - 2):
        x -= 1.0
        product *= x
    return _lgamma_near_2(z) + math.log(product)


def digamma(x: float) -> float:
    """Logarithmic derivative of gamma: Taylor series at 2 and at its zero, recurrence, asymptotics, reflection.

    DLMF 5.7.5, 5.5.2, 5.11.2, 5.5.4. Up to 4 units off; on the negative axis, near a zero, as many of log(1 - x).
    """
    if x >= _LARGE:
        return math.log(x) - 0.5 / x - _polynomial(DIGAMMA_TAIL, 1.0 / x / x) / x / x
    if x < 0.0:
        k, z = _shift(x) if x > -math.inf else (0, 0.0)
        if z == 0.0:
            return _NAN
        if k > -3:
            return _raised_digamma(x, 2 - k)
        return digamma(1.0 - x) - _PI * math.cos(_PI * z) / _sin_pi(z)
    if x == 0.0:
        return math.copysign(_INF, -math.copysign(1.0, x))
    if x != x:
        return _NAN
    if x <= 1.1:
        return _raised_digamma(x, 2 if x <= 0.1 else 1)
    if x > 2.5:
        terms = []
        while x > 2.5:
            x -= 1.0
            terms.append(1.0 / x)
        return math.fsum([_digamma_near_2(x), *terms])
    return _digamma_near_2(x)


def _digamma_near_2(x: float) -> float:
    """psi(x) for x between 1.1 and 2.5, with all digits at its zero."""
    if x < 1.75:
        h = (x - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]
        return h * _polynomial(DIGAMMA_AT_ROOT, h)
    z = x - 2.0
    return ONE_LESS_EULER + z * _polynomial(DIGAMMA_AT_2, z)


def _raised_digamma(x: float, times: int) -> float:
    """psi(x) by the recurrence from psi(x + times); the reciprocals are added exactly, since they may cancel."""
    return math.fsum([digamma(x + times), *[-1.0 / (x + j) for j in range(times)]])


def polygamma(n: float, x: float) -> float:
    """The n-th derivative of digamma, as (-1)^(n+1) n! times Hurwitz's zeta(n + 1, x) (DLMF 5.15.1, 25.11.1).

    Below 0 the sum of (x + k)^-(n+1) over all k is split at the pole nearest to x. Up to 3 units off; on the negative
    axis, near a zero, as many of the term of the nearest pole.
    """
    if n == 0.0:
        return digamma(x)
    if not (0.0 < n < 1e3 and n == math.floor(n) and x == x):
        return _NAN
    s = int(n) + 1
    sign = 1.0 if s % 2 == 0 else -1.0
    if x > 0.0:
        if x == _INF:
            return 0.0 * sign
        e = math.frexp(x)[1]
        return sign * _with_factorial(s, _zeta(s, [(x, 1.0)], e), e)
    if x == 0.0:
        return sign * _INF
    k, z = _shift(x) if x > -math.inf else (0, 0.0)
    if z == 0.0:
        return sign * _INF if s % 2 == 0 else _NAN
    e = math.frexp(z)[1]
    below = [] if k == 0 else [(1.0 - z, sign), (1.0 - x, -sign)]
    total = _scaled_power(z, e, s) + _zeta(s, [(1.0 + z, 1.0), *below], e)
    return sign * _with_factorial(s, total, e)


def _with_factorial(s: int, total: float, e: int) -> float:
    """(s - 1)! total 2^(-e s); only the result may leave the range."""
    factorial = math.factorial(s - 1)
    length = factorial.bit_length()
    mantissa, exponent = math.frexp(total)
    try:
        return math.ldexp(mantissa * (factorial / (1 << length)), exponent + length - e * s)
    except OverflowError:
        return math.copysign(_INF, total)


def _zeta(s: int, parts: Sequence[tuple[float, float]], e: int) -> float:
    """Hurwitz's zeta(s, x) times its sign, added up over the parts (x > 0, sign), by Euler and Maclaurin's summation.

    Arguments count in units of 2^e, so that no power leaves the range. The first terms are added one by one (DLMF
    25.11.5; the method of Moshier's Cephes, zeta.c).
    """
    terms: list[float] = []
    for x, sign in parts:
        at, k = x, 0
        while at < _LARGE + s:
            # The rounding of x + k counts s times.
            low = x - (at - k) if k else 0.0
            term = _scaled_power(at, e, s)
            terms.append(sign * (term - s * term * (low / at)))
            if term * (at + s) < 1e-19 * terms[0]:
                break
            k += 1
            at = x + k
        else:
            terms += _zeta_tail(s, at, sign * _scaled_power(at, e, s))
    return math.fsum(terms)


def _scaled_power(x: float, e: int, s: int) -> float:
    """(x 2^-e)^-s, for an x of this size or larger."""
    try:
        return math.pow(math.ldexp(x, -e), -s)
    except OverflowError:
        return 0.0  # of the scaled number


def _zeta_tail(s: int, x: float, power: float) -> list[float]:
    """The sum over x, x + 1 ... as its integral and the corrections; `power` is the first term."""
    terms = [power * x / (s - 1), power / 2.0]
    factor = power * s / x
    for j, coefficient in enumerate(MACLAURIN):
        terms.append(factor * coefficient)
        factor *= (s + 2 * j + 1) / x * ((s + 2 * j + 2) / x)
    return terms


def polygamma_difference(n: float, a: float, b: float) -> float:
    """polygamma(n, a) - polygamma(n, a + b) for positive a and b, with all digits where b is small.

    The same recurrence and asymptotic series, term by term as differences.
    """
    if not (0.0 <= n < 170.0 and n == math.floor(n) and a > 0.0 and b >= 0.0 and a + b < _INF):
        return _NAN
    s = int(n) + 1
    terms: list[float] = []
    x, k = a, 0
    while x < _LARGE + n:
        terms.append(_power_difference(s, x, b))
        k += 1
        x = a + k
    if s == 1:
        terms.append(math.log1p(b / x))
    else:
        terms.append(_power_difference(s - 1, x, b) / (s - 1))
    terms.append(_power_difference(s, x, b) / 2.0)
    factor = float(s)
    for j, coefficient in enumerate(MACLAURIN[:8]):
        terms.append(factor * coefficient * _power_difference(s + 2 * j + 1, x, b))
        factor *= (s + 2 * j + 1) * (s + 2 * j + 2)
    total = math.fsum(terms) if max(terms) < _INF else _INF
    return (1.0 if s % 2 == 0 else -1.0) * math.factorial(s - 1) * total


def _power_difference(s: int, x: float, b: float) -> float:
    """x^-s - (x + b)^-s."""
    try:
        return b / (x * (x + b)) if s == 1 and x > 1e-150 else math.pow(x, -s) * -math.expm1(-s * math.log1p(b / x))
    except OverflowError:
        return _INF


def beta(a: float, b: float, factor: float = 1.0) -> float:
    """Beta function gamma(a) gamma(b)/gamma(a + b) (DLMF 5.12.1) times the factor, for positive a and b.

    Up to a + b = 170 from the gammas, with the rounding of a + b added back; beyond, where one of the two is far
    larger, as gamma(b) a^-b; else Stirling's formula over decimals, since the logarithm loses three digits of a double.
    """
    if not (a > 0.0 and b > 0.0):
        return _INF if a >= 0.0 and b >= 0.0 else _NAN
    if a < b:
        a, b = b, a
    if a == _INF:
        return 0.0
    total = a + b
    if total < 1e-10:
        return (1.0 / a + 1.0 / b) * factor
    if total <= 170.0:
        low = b - (total - a)
        return gamma(a) / gamma(total) * gamma(b) * (factor - factor * low * digamma(total))
    if b < 1e-18:
        return factor / b
    if a > 1e18 * max(1.0, b * b):
        half = math.pow(a, -0.5 * b)
        return half * (half * factor * gamma(b)) if b < 171.0 else 0.0
    if b > 600.0:
        return 0.0  # below 4^-600
    return _beta_of_decimals(a, b, factor)


def beta_slope(a: float, b: float) -> float:
    """The derivative of beta by a: beta(a, b) (psi(a) - psi(a + b)).

    Neither the difference nor beta loses digits by an underflow that the product does not have.
    """
    difference = polygamma_difference(0.0, a, b)
    if difference == -_INF:
        return difference  # a is below the range, and beta about 1/a.
    if difference > -1e-200:
        # b beta(a, b) is 1 for a small b, whose beta may be too large.
        return (1.0 if 0.0 < b < 1e-18 else beta(a, b) * b) * -polygamma(1.0, a)
    return beta(a, b, difference)


def _beta_of_decimals(a: float, b: float, factor: float) -> float:
    import decimal

    with decimal.localcontext() as context:
        context.prec = 60
        large, total = decimal.Decimal(a), decimal.Decimal(a) + decimal.Decimal(b)
        small = decimal.Decimal(b)

        def tail(x: decimal.Decimal) -> decimal.Decimal:
            power, found = 1 / x, decimal.Decimal(0)
            for coefficient in STIRLING:
                found += decimal.Decimal(coefficient) * power
                power /= x * x
            return found

        ratio = (large - decimal.Decimal("0.5")) * (large / total).ln() - small * total.ln() + small
        ratio += tail(large) - tail(total)
        scale = ratio.exp() * decimal.Decimal(factor)
        if b < 20.0:
            return float(scale * decimal.Decimal(gamma(b)))
        root = (small - decimal.Decimal("0.5")) * small.ln() - small + tail(small)
        return float(scale * root.exp() * decimal.Decimal("2.50662827463100050241576528481104525301"))


def erfinv(x: float) -> float:
    """Inverse of erf: Winitzki's approximation (2008), and three steps of Halley's method. Up to 2.5 units off."""
    y, low = _erfinv(x)
    return y + low


def erfinv_slope(x: float) -> float:
    """The derivative of erfinv, sqrt(pi)/2 exp(erfinv(x)^2); the digits of erfinv(x) beyond a double's count here."""
    y, low = _erfinv(x)
    if not math.isfinite(y):
        return abs(y)
    h = round(64.0 * y) / 64.0
    return 0.886226925452758 * math.exp(h * h) * math.exp((y - h) * (y + h) + 2.0 * y * low)


def _erfinv(x: float) -> tuple[float, float]:
    """The inverse of erf as a double and a correction."""
    size = abs(x)
    if not size < 1.0:
        return (math.copysign(_INF, x) if size == 1.0 else _NAN), 0.0
    if size < 0.1:
        y = x * 0.886226925452758
        if size < 1e-9:
            # The remaining digits of sqrt(pi)/2 matter once the next term does not.
            return y, _product_error(0.886226925452758, x) - 3.8e-17 * x if size > 1e-290 else 0.0
        y += 0.2617993877991494 * y * x * x
    else:
        log = math.log((1.0 - size) * (1.0 + size))
        middle = 4.330746750799873 + 0.5 * log
        y = math.copysign(math.sqrt(math.sqrt(middle * middle - log / 0.147) - middle), x)
    low = 0.0
    for _ in range(3):
        y += low
        # From 1/2 on 1 - size is exact, and erfc has the digits that erf has lost.
        off = math.erf(y) - x if size < 0.5 else math.copysign(1.0, x) * ((1.0 - size) - math.erfc(abs(y)))
        step = off * 0.886226925452758 * math.exp(y * y)
        low = -step / (1.0 + y * step)
    return y, low


def sinc_slope(n: float, x: float) -> float:
    """The n-th derivative of sin(x)/x.

    Its power series up to x = n + 1, then the recurrence x s(n) = sin^(n)(x) - n s(n - 1), from Leibniz's rule for
    x sinc(x) = sin(x).
    """
    if not (0.0 <= n < 1e3 and n == math.floor(n) and x - x == 0.0):
        return 0.0 if math.isinf(x) else _NAN
    order = int(n)
    if abs(x) >= order + 1:
        turns = math.sin(x), math.cos(x), -math.sin(x), -math.cos(x)
        found = turns[0] / x
        for m in range(1, order + 1):
            found = (turns[m % 4] - m * found) / x
        return found
    k = (order + 1) // 2
    # The first factor is (-1)^k x^(2k - n)/(2k - n)!, and every term has it over 2k + 1.
    factor = (-1.0 if k % 2 else 1.0) * (x if 2 * k > order else 1.0)
    terms: list[float] = []
    power = 2 * k - order
    while abs(factor) > 1e-320 and len(terms) < 400:
        terms.append(factor / (2 * k + 1))
        if abs(terms[-1]) < 1e-19 * abs(terms[0]):
            break
        k += 1
        factor *= -x * x / ((power + 1) * (power + 2))
        power += 2
    return math.fsum(terms)


def remainder(a: float, b: float) -> float:
    """What is left of a after whole multiples of b, with the sign of b; exact before its last rounding."""
    try:
        return a % b
    except ZeroDivisionError:
        return _NAN
