"""The kernels of ordinary numbers: total functions on floats that give what IEEE 754 gives and never raise.

Python's `math` raises where IEEE has an answer (1/0, log(0), an overflow); every such place is mended here, once.
The C library's digits were measured against mpmath (glibc 2.36, points over the whole domain): at most 2.5 units in the
last place, in erfc, for everything but cbrt.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from backpropcli.algebras import special

_INF = math.inf
_NAN = math.nan
_WHOLE = 4503599627370496.0  # 2^52: from here on every float is a whole number.
_SPLIT = 1073741825.0  # 2^30 + 1: c = t*_SPLIT; c - (c - t) is t rounded to 23 bits.


def _div(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0.0 or a != a:
            return _NAN
        return math.copysign(_INF, a) * math.copysign(1.0, b)


def _pow(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -_INF if a < 0.0 and math.fmod(b, 2.0) else _INF
    except ValueError:
        if a != 0.0:
            return _NAN
        return math.copysign(_INF, a) if math.fmod(b, 2.0) in (1.0, -1.0) else _INF


def _cbrt(x: float) -> float:
    # The C library's root is 2.8 units off; one Newton step from 23 of its bits, whose square is exact, leaves 0.67
    # (FreeBSD, lib/msun/src/s_cbrt.c).
    t = math.cbrt(x)
    if t == 0.0 or t - t != 0.0:
        return t
    c = t * _SPLIT
    t = c - (c - t)
    r = x / (t * t)
    return t + t * ((r - t) / (t + t + r))


def _sqrt(x: float) -> float:
    # IEEE's root of -0.0 is -0.0, and its slope would be -inf; adding 0.0 gives the zero its sign.
    try:
        return math.sqrt(x) + 0.0
    except ValueError:
        return _NAN


def _log_like(function: Callable[[float], float], pole: float) -> Callable[[float], float]:
    """A logarithm with its value -inf at the pole, nan below it."""

    def kernel(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return -_INF if x == pole else _NAN

    return kernel


def _growing(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function that overflows upwards."""

    def kernel(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return _INF

    return kernel


def _sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(_INF, x)


def _partial(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function that has no value on a part of the line: nan there."""

    def kernel(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return _NAN

    return kernel


def _atanh(x: float) -> float:
    try:
        return math.atanh(x)
    except ValueError:
        return math.copysign(_INF, x) if x in (1.0, -1.0) else _NAN


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding that keeps the sign of a zero; huge numbers, infinities and nan are their own."""

    def kernel(x: float) -> float:
        return math.copysign(function(x), x) if -_WHOLE < x < _WHOLE else x

    return kernel


def _max(first: float, *rest: float) -> float:
    for x in rest:
        if not first >= x:
            if not x > first:
                return _NAN
            first = x
    return first


def _min(first: float, *rest: float) -> float:
    for x in rest:
        if not first <= x:
            if not x < first:
                return _NAN
            first = x
    return first


FLOAT_KERNELS: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _div,
    "neg": operator.neg,
    "abs": operator.abs,
    "exp": _growing(math.exp),
    "exp2": _growing(math.exp2),
    "expm1": _growing(math.expm1),
    "log": _log_like(math.log, 0.0),
    "log2": _log_like(math.log2, 0.0),
    "log10": _log_like(math.log10, 0.0),
    "log1p": _log_like(math.log1p, -1.0),
    "pow": _pow,
    "sqrt": _sqrt,
    "cbrt": _cbrt,
    "hypot": math.hypot,
    "sin": _partial(math.sin),
    "cos": _partial(math.cos),
    "tan": _partial(math.tan),
    "asin": _partial(math.asin),
    "acos": _partial(math.acos),
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": _sinh,
    "cosh": _growing(math.cosh),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _partial(math.acosh),
    "atanh": _atanh,
    "erf": math.erf,
    "erfc": math.erfc,
    "erfinv": special.erfinv,
    "erfinv_slope": special.erfinv_slope,
    "sinc_slope": special.sinc_slope,
    "gamma": special.gamma,
    "lgamma": special.lgamma,
    "digamma": special.digamma,
    "polygamma": special.polygamma,
    "polygamma_difference": special.polygamma_difference,
    "beta": special.beta,
    "beta_slope": special.beta_slope,
    "mod": special.remainder,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "round": _whole(round),
    "copysign": math.copysign,
    "max": _max,
    "min": _min,
    "lt": lambda a, b: 1.0 if a < b else 0.0,
    "le": lambda a, b: 1.0 if a <= b else 0.0,
    "gt": lambda a, b: 1.0 if a > b else 0.0,
    "ge": lambda a, b: 1.0 if a >= b else 0.0,
    "eq": lambda a, b: 1.0 if a == b else 0.0,
    "ne": lambda a, b: 1.0 if a != b else 0.0,
    "and": lambda a, b: 1.0 if a and b else 0.0,
    "or": lambda a, b: 1.0 if a or b else 0.0,
    "not": lambda a: 0.0 if a else 1.0,
    "select": lambda c, a, b: a if c else b,
}
"""Every kernel, by the name that the table of primitives uses."""

CARRIES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("neg", "abs", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos"), (0,)
    ),
    **dict.fromkeys(("sinh", "cosh", "asinh", "acosh", "atanh", "floor", "ceil", "round"), (0,)),
    **dict.fromkeys(("add", "sub", "mul", "hypot"), (0, 1)),
    **dict.fromkeys(("div", "copysign"), (0,)),
}
"""Kernels whose value is not finite where one of these arguments is not, whatever the others are."""
