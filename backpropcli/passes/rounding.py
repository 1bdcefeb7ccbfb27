"""How far rounding moves the value of one operation, for estimates of errors."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from backpropcli import primitives
from backpropcli.graph import Graph
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


def noises(graph: Graph, values: Sequence[float], partials: Sequence[Sequence[float | None]]) -> list[float]:
    """How far rounding may have moved the value of every node; its own and what comes from before, to first order."""
    found: list[float] = []
    for i, (op, args, _) in enumerate(graph.nodes):
        value = values[i]
        before = [found[j] for j in args]
        if not math.isfinite(value):
            # Infinite at a point that was drawn is an overflow: poles are not met by chance. None at all is a domain's.
            found.append(math.inf if math.isinf(value) or math.inf in before else 0.0)
            continue
        moved = zip(before, partials[i], strict=True)
        carried = [abs(partial) * each for each, partial in moved if each and partial is not None]
        total = sum(carried) + (rounding(op, value) if args else 0.0)
        found.append(total if math.isfinite(total) else math.inf)
    return found
