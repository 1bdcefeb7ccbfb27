"""Reports as text: one file a format, found by its name and imported only when it is asked for.

A format's file is called what `--format` calls it; the first line of its docstring is its help; its `render(report,
style)` yields the document in pieces, which the caller writes in order. Files that start with `_` are shared parts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol, cast

from backpropcli.errors import BackpropError
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
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")))


def renderer(name: str) -> Renderer:
    """The module of one format."""
    known = formats()
    if name not in known:
        raise BackpropError(f"there is no format {name!r}", hint=f"the formats are {', '.join(known)}")
    return cast(Renderer, importlib.import_module(f"{__name__}.{name}"))
