"""Marks as text and for other programs: one file a format, found by its name and imported when it is asked for.

A format's file is called what `--format` calls it; the first line of its docstring is its help; `render(marks, style)`
yields the document in pieces. It sees what may be told and nothing else. Files that start with `_` are shared parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, cast

from backpropcli import folders
from backpropcli.errors import BackpropError
from backpropcli.homework.compared import Change
from backpropcli.homework.feedback import ToldResult
from backpropcli.records import NamedTuple
from backpropcli.rendering import Style

OWN = "own numbers"
"""What is marked where there is no assignment."""


class Marks(NamedTuple):
    """What is to be printed."""

    assignment: str
    title: str
    level: str
    results: Sequence[ToldResult]
    own: bool = False
    """Whether these are one's own numbers, without an assignment."""
    changes: Sequence[Change] | None = None
    """Against earlier marks, where these were given."""

    @property
    def alone(self) -> bool:
        """Whether there is one student, who is told about every answer."""
        return len(self.results) == 1


class Renderer(Protocol):
    """What a format's module offers."""

    @staticmethod
    def render(marks: Marks, style: Style) -> Iterator[str]:
        """The marks in this format, in pieces to be written in order."""


def formats() -> tuple[str, ...]:
    """The names of all formats, sorted; none of them is imported for it."""
    return folders.names(__path__)


def renderer(name: str) -> Renderer:
    """The module of one format."""
    return cast(Renderer, folders.module(__name__, __path__, name, "format"))


def points(number: float) -> str:
    """Points as people write them: 33, 12.5."""
    return f"{number:.10g}"


def the_one(marks: Marks, name: str) -> ToldResult:
    """The one student whom a format is about."""
    if len(marks.results) != 1:
        raise BackpropError(
            f"--format {name} is about one student, but here are {len(marks.results):,}",
            hint="give one sheet, or choose one with --student NAME",
        )
    return marks.results[0]
