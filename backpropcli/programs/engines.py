"""What every engine for many rows gives: numbers, and which rows are to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from backpropcli.passes.lower import Program
from backpropcli.records import NamedTuple


class Computed(NamedTuple):
    """A batch of rows, computed."""

    outputs: list[Any]
    """A column for each of the program's outputs."""
    suspects: Sequence[int]
    """Rows in which something is not finite that has to be, in order: their numbers are not to be told."""
    marked: Mapping[bytes, Sequence[int]]
    """Rows at a kink, a tie or a jump, in order, by what their notes depend on."""


class Engine(Protocol):
    """A program, ready to run."""

    def run(self, columns: Sequence[Any], count: int) -> Computed:
        """The outputs of so many rows, given the program's columns in order."""
        ...


class UnavailableError(Exception):
    """An engine cannot run a program on this machine; `reason` is half a sentence, `hint` a way out."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def prepared(program: Program, engine: str, threads: int = 1) -> Engine:
    """The program, ready to run by an engine: scalar, numpy or jit. Raises UnavailableError where it cannot be."""
    if engine == "scalar":
        from backpropcli.programs import floats

        return floats.prepare(program)
    if engine == "jit":
        from backpropcli.programs import jit

        return jit.prepare(program, threads)
    from backpropcli.programs import blocks

    return blocks.prepare(program, threads)
