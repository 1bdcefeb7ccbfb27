"""A bar on a terminal that shows how far a long run has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def bar(
    read: Callable[[], int], size: int | None, rows: Callable[[], int]
) -> Iterator[Callable[[Iterator[Any]], Iterator[Any]]]:
    """What shows progress while the pieces go by: bytes `read` of `size`, if that is known, and the rows so far."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn()]
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=size, rows="0")

        def shown(pieces: Iterator[Any]) -> Iterator[Any]:
            for piece in pieces:
                yield piece
                progress.update(task, completed=read(), rows=f"{rows():,}")

        yield shown
