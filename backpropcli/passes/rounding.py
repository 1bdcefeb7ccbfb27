"""How far rounding moves the value of one operation, for estimates of errors."""

from __future__ import annotations

import functools

from backpropcli import primitives
from backpropcli.primitives import Elementwise

EPS = 2.0**-52
TINY = 5e-324
"""What underflow may take, where it is more than a unit in the last place."""

# What only chooses, or changes a sign.
_EXACT = frozenset({"neg", "abs", "max", "min", "if", "relu"})
# What IEEE 754 rounds to nearest.
_NEAREST = frozenset({"add", "sub", "mul", "div", "sqrt", "reciprocal"})


@functools.cache
def ulps(op: str) -> float:
    """The usual error of an operation in units in the last place; a quarter of what the table promises for most."""
    entry = primitives.TABLE.get(op)
    if entry is None or op in _EXACT:
        return 0.0
    if isinstance(entry.rule, Elementwise) and not any(entry.rule.partials):
        return 0.0  # A step function has whole values.
    return 0.5 if op in _NEAREST else entry.digits / 4


def rounding(op: str, value: float) -> float:
    """How far an operation's value may be from that of its inputs, by its own rounding."""
    units = ulps(op)
    return units * EPS * abs(value) + TINY if units else 0.0
