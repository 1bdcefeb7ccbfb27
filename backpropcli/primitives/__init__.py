"""The table of primitives: one entry holds everything that is known about an operation; nothing stands elsewhere."""

from __future__ import annotations

from backpropcli.primitives import (
    activations,
    arithmetic,
    exponential,
    gamma,
    hyperbolic,
    piecewise,
    power,
    probability,
    trigonometric,
)
from backpropcli.primitives.entry import PRECEDENCE, Each, Edge, Elementwise, Primitive

__all__ = [
    "CONSTANTS",
    "PRECEDENCE",
    "TABLE",
    "Each",
    "Edge",
    "Elementwise",
    "Primitive",
    "find",
    "spellings",
    "topics",
]

CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045, "tau": 6.283185307179586}
"""The named constants; a variable of the same name always wins."""

_MODULES = (arithmetic, power, exponential, trigonometric, hyperbolic, probability, gamma, activations, piecewise)


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


def spellings() -> dict[str, tuple[Primitive, ...]]:
    """Every name that can be called in a formula, with the primitives that it may mean by their arity."""
    return _SPELLED


def find(spelling: str, count: int) -> Primitive | None:
    """The primitive that a call of `spelling` with `count` arguments means, or None."""
    return next((entry for entry in _SPELLED.get(spelling, ()) if entry.takes(count)), None)
