"""Reports as text: one file a format, found by its name and imported only when it is asked for.

A format's file is called what `--format` calls it; the first line of its docstring is its help; its `render(report,
style)` yields the document in pieces, which the caller writes in order. Files that start with `_` are shared parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

from backpropcli import folders
from backpropcli.rendering._notes import notes
from backpropcli.rendering._style import Style
from backpropcli.report import Report

__all__ = ["Renderer", "Style", "formats", "notes", "renderer"]


class Renderer(Protocol):
    """What a format's module offers."""

    @staticmethod
    def render(report: Report, style: Style) -> Iterator[str]:
        """The report in this format, in pieces to be written in order."""


def formats() -> tuple[str, ...]:
    """The names of all formats, sorted; none of them is imported for it."""
    return folders.names(__path__)


def renderer(name: str) -> Renderer:
    """The module of one format."""
    return cast(Renderer, folders.module(__name__, __path__, name, "format"))
