"""Formulas of any size, one family each for what makes a formula large."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Large(NamedTuple):
    """A formula and a point."""

    text: str
    point: Mapping[str, float]


def chain(size: int) -> Large:
    """Definitions, each using the one before: as many statements as nodes."""
    count = max(size // 2, 1)
    lines = ["q0 = x*y", *(f"q{k} = sin(q{k - 1}) + x" for k in range(1, count)), f"q{count - 1}"]
    return Large("\n".join(lines), {"x": 0.3, "y": 0.7})


def total(size: int) -> Large:
    """A sum of products of numbers and one variable."""
    return Large(" + ".join(f"{k}*x" for k in range(1, max(size // 3, 2))), {"x": 0.5})


def product(size: int) -> Large:
    """A product of as many variables as half its nodes."""
    names = [f"x{k}" for k in range(max(size // 2, 2))]
    return Large("*".join(names), {name: 1.0 + 1e-3 * (k % 7 - 3) for k, name in enumerate(names)})


def nested(size: int) -> Large:
    """Calls in calls."""
    return Large("tanh(" * size + "x" + ")" * size, {"x": 0.5})


FAMILIES: Mapping[str, Callable[[int], Large]] = {"chain": chain, "sum": total, "product": product, "nested": nested}
