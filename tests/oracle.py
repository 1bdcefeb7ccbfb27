"""What is true to seventy bits and more: the textbook's definitions of the table, over mpmath.

Nothing here reads a rule. A value is the entry's `elementary` text (its `value` where there is none) over mpmath; a
derivative is a central difference of that, at a precision that leaves the difference its digits. Every number is
computed at two precisions, and counts once the two agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mpmath
from mpmath import mp, mpf

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold

Function = Callable[..., mpf]

NAN = mpf("nan")
_AGREED = 75
_ENOUGH = 4096  # bits: a difference that is 0 here is below the smallest double
_HOPELESS = 60000  # bits: at a kink or a jump a difference quotient never settles


def _real(function: Function) -> Function:
    """nan where mpmath leaves the real line or has a pole."""

    def kernel(*values: mpf) -> mpf:
        try:
            result = function(*values)
        except (ValueError, ZeroDivisionError):
            return NAN
        return NAN if isinstance(result, mpmath.mpc) else result

    return kernel


def _arc(function: Function) -> Function:
    return lambda x: NAN if abs(x) > 1 else function(x)


def _power(a: mpf, b: mpf) -> mpf:
    if b == 0:
        return mpf(1)
    if a == 0:
        return mpf(0) if b > 0 else NAN
    return mp.power(a, b)


def _round(x: mpf) -> mpf:
    below = mp.floor(x)
    return below + (1 if (x - below, below % 2) > (mpf(1) / 2, 0) else 0)


def _order(n: mpf) -> int:
    if n != mp.floor(n) or n < 0:
        raise ValueError("the order of a derivative is a whole number")
    return int(n)


def _psi(n: int, x: mpf) -> mpf:
    """mpmath's; below -20, where that adds a term for every pole up to 0, by reflection (DLMF 5.15.6)."""
    if x > -20:
        return mp.psi(n, x)
    # The n-th derivative of cot is a polynomial in cot: c' = -(1 + c^2).
    polynomial = [mpf(0), mpf(1)]
    for _ in range(n):
        slope = [k * a for k, a in enumerate(polynomial)][1:]
        polynomial = [-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    cot, turns = mp.cot(mp.pi * (x - mp.nint(x))), mpf(0)
    for coefficient in reversed(polynomial):
        turns = turns * cot + coefficient
    return (-1) ** n * mp.psi(n, 1 - x) - mp.pi ** (n + 1) * turns


def _beta(a: mpf, b: mpf) -> mpf:
    """From logarithms, with the bits that they lose; mpmath's own takes seconds where one of the two is huge."""
    if not (a > 0 and b > 0):
        return NAN
    with mp.extraprec(2 * max(mpmath.mag(a), mpmath.mag(b), 0) + 64):
        return mp.exp(mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b))


def _psi_difference(a: mpf, b: mpf) -> mpf:
    """psi(a) - psi(a + b), by two terms of Taylor's series where thousands of bits would cancel."""
    if b < mp.ldexp(a, -100):
        return -b * (mp.psi(1, a) + b / 2 * mp.psi(2, a))
    return mp.psi(0, a) - mp.psi(0, a + b)


def _sinc_slope(n: mpf, x: mpf) -> mpf:
    """By the power series of sinc, (-1)^k x^(2k)/(2k + 1)! term by term, and far out by Leibniz's rule for sin(x)/x."""
    order = _order(n)
    with mp.extraprec(mp.prec + int(2 * abs(x)) + 64 if abs(x) < 40 else mp.prec):
        if abs(x) < 40:
            total, k = mpf(0), (order + 1) // 2
            while True:
                term = (-1) ** k * x ** (2 * k - order) / (2 * k + 1) / mp.factorial(2 * k - order)
                total += term
                k += 1
                if abs(term) <= mp.ldexp(abs(total), -mp.prec) and 2 * k - order > abs(x):
                    return total
        return mp.fsum(
            mp.binomial(order, m)
            * mp.sin(x + (order - m) * mp.pi / 2)
            * (-1) ** m
            * mp.factorial(m)
            / mp.power(x, m + 1)
            for m in range(order + 1)
        )


KERNELS: dict[str, Function] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "abs": abs,
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": lambda x: mp.log(x) if x > 0 else NAN,
    "log2": lambda x: mp.log(x, 2),
    "log10": lambda x: mp.log(x, 10),
    "log1p": lambda x: mp.log1p(x) if x > -1 else NAN,
    "pow": _power,
    "sqrt": mp.sqrt,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "hypot": mp.hypot,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": _arc(mp.asin),
    "acos": _arc(mp.acos),
    "atan": mp.atan,
    "atan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asinh": mp.asinh,
    "acosh": lambda x: mp.acosh(x) if x >= 1 else NAN,
    "atanh": lambda x: mp.atanh(x) if abs(x) < 1 else NAN,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfinv": lambda x: mp.erfinv(x) if abs(x) < 1 else NAN,
    "sinc_slope": _sinc_slope,
    "gamma": mp.gamma,
    "lgamma": lambda x: mp.re(mp.loggamma(x)),
    "digamma": lambda x: _psi(0, x),
    "polygamma": lambda n, x: _psi(_order(n), x),
    "beta": _beta,
    "beta_slope": lambda a, b: _beta(a, b) * _psi_difference(a, b) if a > 0 and b > 0 else NAN,
    "mod": lambda a, b: a - b * mp.floor(a / b),
    "floor": mp.floor,
    "ceil": mp.ceil,
    "round": _round,
    "max": lambda *x: max(x),
    "min": lambda *x: min(x),
    "lt": lambda a, b: mpf(a < b),
    "le": lambda a, b: mpf(a <= b),
    "gt": lambda a, b: mpf(a > b),
    "ge": lambda a, b: mpf(a >= b),
    "eq": lambda a, b: mpf(a == b),
    "ne": lambda a, b: mpf(a != b),
    "and": lambda a, b: mpf(bool(a and b)),
    "or": lambda a, b: mpf(bool(a or b)),
    "not": lambda a: mpf(not a),
    "select": lambda c, a, b: a if c else b,
}


def _nowhere(*_: mpf) -> mpf:
    return NAN


def _polygamma(n: mpf, x: mpf) -> mpf:
    return _psi(_order(n), x)


# Where a difference quotient takes a second a point, as in the gamma family, since it needs thousands of bits, the
# derivatives are mpmath's own functions, or what the textbook says.
SLOPES: dict[str, tuple[Function, ...]] = {
    "log_add_exp": (lambda a, b: 1 / (1 + mp.exp(b - a)), lambda a, b: 1 / (1 + mp.exp(a - b))),
    "elu": (lambda x, a: a * mp.exp(x) if x < 0 else mpf(1), lambda x, a: mp.expm1(x) if x < 0 else mpf(0)),
    "gamma": (lambda x: mp.gamma(x) * _psi(0, x),),
    "factorial": (lambda x: mp.gamma(1 + x) * _psi(0, 1 + x),),
    "lgamma": (lambda x: _psi(0, x),),
    "digamma": (lambda x: _psi(1, x),),
    "trigamma": (lambda x: _psi(2, x),),
    "polygamma": (_nowhere, lambda n, x: _polygamma(n + 1, x)),
    "polygamma_difference": (
        _nowhere,
        lambda n, a, b: _polygamma(n + 1, a) - _polygamma(n + 1, a + b),
        lambda n, a, b: -_polygamma(n + 1, a + b),
    ),
    "beta": (
        lambda a, b: _beta(a, b) * _psi_difference(a, b),
        lambda a, b: _beta(a, b) * _psi_difference(b, a),
    ),
}


class _Textbook:
    """The algebra of high-precision numbers, for values only. Inside a definition mpmath's own functions are used."""

    def __init__(self, *, inside: _Textbook | None = None) -> None:
        self._functions: dict[tuple[str, int], Function] = {}
        self._inside = inside or self

    def constant(self, number: float) -> mpf:
        return mpf(number)

    def function(self, op: str, count: int) -> Function:
        known = self._functions.get((op, count))
        if known is None:
            known = self._functions[op, count] = self._made(op, count)
        return known

    def _made(self, op: str, count: int) -> Function:
        entry = primitives.TABLE[op]
        whole = (self._inside is self or op in SLOPES) and entry.value in KERNELS
        text = entry.value if whole else entry.elementary or entry.value
        if text in KERNELS:
            return _real(KERNELS[text])
        names = rules.arguments(entry, count)
        graph = rules.formula(text, names)

        def evaluate(*values: mpf) -> mpf:
            return fold(graph, self._inside, dict(zip(names, values, strict=True)))[graph.outputs[0]]

        return evaluate


_TEXTBOOK = _Textbook(inside=_Textbook())


def textbook(op: str, count: int) -> Function:
    """A primitive's value over mpmath, at the precision of the moment."""
    return _TEXTBOOK.function(op, count)


def _precision(op: str, point: Sequence[float]) -> int:
    """Bits that hold 1 + x and the difference of two neighbours of x, for the smallest and largest x in the point.

    mpmath's own functions need no such care.
    """
    return 128 if op in SLOPES else 256 + 3 * max(abs(math.frexp(x)[1]) for x in point)


def _agree(a: mpf, b: mpf) -> bool:
    if mp.isnan(a) or mp.isnan(b):
        return bool(mp.isnan(a) and mp.isnan(b))
    return bool(abs(a - b) <= max(mp.ldexp(abs(b), -_AGREED), mp.ldexp(1, -1200)))


def _settled(at: Callable[[], list[mpf]], bits: int) -> list[mpf]:
    """What `at` gives at two precisions that agree; nan where none do."""
    with mp.workprec(bits):
        last = at()
    while True:
        bits = bits * 3 // 2
        with mp.workprec(bits):
            now = at()
        settled = [_agree(a, b) and bool(b or bits >= _ENOUGH) for a, b in zip(last, now, strict=True)]
        if all(settled) or bits >= _HOPELESS:
            return [b if sure else NAN for b, sure in zip(now, settled, strict=True)]
        last = now


def value(op: str, point: Sequence[float]) -> mpf:
    """The primitive's value at the point."""
    function = _TEXTBOOK.function(op, len(point))
    return _settled(lambda: [function(*map(mpf, point))], _precision(op, point))[0]


def value_and_slopes(op: str, point: Sequence[float]) -> list[mpf]:
    """The primitive's value and its local derivative by every argument, from the same differences.

    The value is the mean of two neighbours', good to seventy bits except at a zero.
    """
    function = _TEXTBOOK.function(op, len(point))
    if op in SLOPES:
        known = (function, *[_real(slope) for slope in SLOPES[op]])
        return _settled(lambda: [each(*map(mpf, point)) for each in known], _precision(op, point))

    def at() -> list[mpf]:
        values = [mpf(x) for x in point]
        found: list[mpf] = []
        for k, x in enumerate(values):
            h = mp.ldexp(abs(x) or mpf(1), -mp.prec // 3)
            above = function(*values[:k], x + h, *values[k + 1 :])
            below = function(*values[:k], x - h, *values[k + 1 :])
            if not k:
                found.append((above + below) / 2)
            found.append((above - below) / (2 * h))
        return found

    return _settled(at, _precision(op, point))


def derivative(op: str, point: Sequence[float], orders: Sequence[int]) -> mpf:
    """The mixed derivative of these orders, one an argument; nan where a neighbour has no value."""
    function = _TEXTBOOK.function(op, len(point))

    def difference(k: int, values: list[mpf]) -> mpf:
        if k == len(values):
            return function(*values)
        n = orders[k]
        if not n:
            return difference(k + 1, values)
        x = values[k]
        h = mp.ldexp(abs(x) or mpf(1), -mp.prec // (sum(orders) + 3))
        total = mpf(0)
        for i in range(n + 1):
            neighbour = [*values[:k], x + (mpf(n) / 2 - i) * h, *values[k + 1 :]]
            total += (-1) ** i * math.comb(n, i) * difference(k + 1, neighbour)
        return total / h**n

    return _settled(lambda: [difference(0, [mpf(x) for x in point])], (1 + sum(orders)) * _precision(op, point))[0]


def one_sided(op: str, point: Sequence[float], k: int) -> tuple[mpf, mpf, mpf, mpf]:
    """Values just left and right of the point in its k-th argument, and the slopes from there to the point."""
    function = _TEXTBOOK.function(op, len(point))
    with mp.workprec(2 * _precision(op, point)):
        values = [mpf(x) for x in point]
        h = mp.ldexp(abs(values[k]) or mpf(1), -mp.prec // 3)
        here = function(*values)
        left = function(*values[:k], values[k] - h, *values[k + 1 :])
        right = function(*values[:k], values[k] + h, *values[k + 1 :])
        return left, right, (here - left) / h, (right - here) / h


def ulps(got: float, wanted: mpf, scale: float = 0.0) -> float:
    """The distance in units in the last place of `wanted`, or of `scale` where that is larger."""
    if math.isnan(got) or mp.isnan(wanted):
        return 0.0 if math.isnan(got) and mp.isnan(wanted) else math.inf
    if math.isinf(got):
        return 0.0 if wanted * mp.sign(got) >= mp.ldexp(1 - mp.ldexp(1, -50), 1024) else math.inf
    largest = max(abs(wanted), mpf(abs(scale)))
    exponent = max(mpmath.mag(largest) - 1, -1022) if largest else -1022
    return float(abs(got - wanted) / mp.ldexp(1, exponent - 52))
