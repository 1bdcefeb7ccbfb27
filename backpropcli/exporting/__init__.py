"""Target languages: one file each, holding what differs; its name is what `--to` takes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Protocol, cast

from backpropcli.graph import Graph
from backpropcli.records import NamedTuple


class Slope(NamedTuple):
    """What derivative an output is."""

    of: str
    """The formula's own output."""
    by: tuple[str, ...]
    """The variables, of a higher derivative one after the other."""


class Target(Protocol):
    """A module that writes graphs in one language."""

    def write(self, graph: Graph, names: list[str], *, inline: bool = False, slopes: Sequence[Slope] = ()) -> str:
        """The graph as a program that sets each output under its name; with `inline` its parts have none.

        `slopes` says what derivative each output is; without it the outputs are no derivatives.
        Raises BackpropError where formulas would be too long for `inline`.
        """
        ...


def targets() -> tuple[str, ...]:
    """The names of the target languages."""
    return tuple(sorted([module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]))


def target(name: str) -> Target:
    """The module of a target language; `name` is one of `targets()`."""
    if name not in targets():
        raise KeyError(name)
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
