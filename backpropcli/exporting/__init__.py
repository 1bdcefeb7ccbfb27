"""Target languages: one file each, holding what differs; its name is what `--to` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, cast

from backpropcli import folders
from backpropcli.graph import Graph, Node
from backpropcli.records import NamedTuple


class Slope(NamedTuple):
    """What derivative an output is."""

    of: str
    """The formula's own output."""
    by: tuple[str, ...]
    """The variables, of a higher derivative one after the other."""


class Rows(NamedTuple):
    """What is computed of every row: kernels alone, by the names of the primitives that are the kernel."""

    nodes: tuple[Node, ...]
    """Each after its arguments."""
    outputs: tuple[int, ...]
    names: tuple[str, ...]
    """Of the outputs."""
    values: int
    """How many of the outputs, the first ones, are values of the formula; a row has one where they are finite."""
    domain: tuple[int, ...]
    """Conditions that hold where the row has a value."""


class Target(Protocol):
    """A module that writes formulas in one language."""

    OF_ROWS: Literal[False]

    def write(self, graph: Graph, names: list[str], *, inline: bool = False, slopes: Sequence[Slope] = ()) -> str:
        """The graph as a program that sets each output under its name; with `inline` its parts have none.

        `slopes` says what derivative each output is; without it the outputs are no derivatives.
        Raises BackpropError where formulas would be too long for `inline`.
        """
        ...


class RowsTarget(Protocol):
    """A module that writes, in one language, a program for rows."""

    OF_ROWS: Literal[True]

    def write(self, rows: Rows) -> str:
        """The program. Raises BackpropError for what the language lacks."""
        ...


def targets() -> tuple[str, ...]:
    """The names of the target languages."""
    return folders.names(__path__)


def target(name: str) -> Target | RowsTarget:
    """The module of a target language."""
    return cast(Target | RowsTarget, folders.module(__name__, __path__, name, "language"))
