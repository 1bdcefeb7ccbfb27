"""The table of primitives: one entry holds everything that is known about an operation; nothing stands elsewhere."""

from __future__ import annotations

import functools

from backpropcli.primitives import (
    activations,
    arithmetic,
    convolution,
    exponential,
    gamma,
    hyperbolic,
    losses,
    matrices,
    piecewise,
    power,
    probability,
    reductions,
    softmax,
    structure,
    trigonometric,
)
from backpropcli.primitives.entry import (
    ALL,
    PRECEDENCE,
    Bilinear,
    Each,
    Edge,
    Elementwise,
    General,
    Linear,
    Primitive,
    Reduction,
)

__all__ = [
    "ALL",
    "CONSTANTS",
    "PRECEDENCE",
    "TABLE",
    "Bilinear",
    "Each",
    "Edge",
    "Elementwise",
    "General",
    "Linear",
    "Primitive",
    "Reduction",
    "find",
    "on_arrays",
    "on_numbers",
    "spellings",
    "topics",
]

CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045, "tau": 6.283185307179586, "inf": ALL}
"""The named constants; a variable of the same name always wins."""

_MODULES = (
    *(arithmetic, power, exponential, trigonometric, hyperbolic, probability, gamma, activations, piecewise),
    *(structure, reductions, softmax, losses, matrices, convolution),
)


def _by_name() -> dict[str, Primitive]:
    table: dict[str, Primitive] = {}
    for module in _MODULES:
        for entry in module.ENTRIES:
            if entry.name in table:
                raise ValueError(f"two primitives are called {entry.name}")
            table[entry.name] = entry
    return table


def _by_spelling(table: dict[str, Primitive]) -> dict[str, tuple[Primitive, ...]]:
    found: dict[str, tuple[Primitive, ...]] = {}
    for entry in table.values():
        for spelling in (entry.name, *entry.aliases):
            found[spelling] = (*found.get(spelling, ()), entry)
    return found


def topics() -> dict[str, tuple[Primitive, ...]]:
    """The entries by the files that they stand in."""
    return {module.__name__.rpartition(".")[2]: module.ENTRIES for module in _MODULES}


TABLE: dict[str, Primitive] = _by_name()
_SPELLED = _by_spelling(TABLE)


def on_numbers() -> dict[str, Primitive]:
    """The entries that act on numbers, and so on arrays entry by entry."""
    return {name: entry for name, entry in TABLE.items() if not entry.array}


def on_arrays() -> dict[str, Primitive]:
    """The entries that act on arrays as a whole."""
    return {name: entry for name, entry in TABLE.items() if entry.array}


def spellings() -> dict[str, tuple[Primitive, ...]]:
    """Every name that can be called in a formula, with the primitives that it may mean by their arity."""
    return _SPELLED


@functools.lru_cache(4096)
def find(spelling: str, count: int) -> Primitive | None:
    """The primitive that a call of `spelling` with `count` arguments means, or None."""
    return next((entry for entry in _SPELLED.get(spelling, ()) if entry.takes(count)), None)
