"""What formats share that hold columns and not lines: whole files, rows that lack a number, columns of plain data."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from backpropcli.errors import BackpropError, DataError
from backpropcli.streams._numbers import cell
from backpropcli.streams._rows import Column, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20
_EXACT = 1 << 53
"""Whole numbers beyond are not all doubles, and are written as texts: they are likely to be names of something."""


def seekable(source: Source, name: str, max_bytes: int) -> BinaryIO:
    """A file to be read at any place; what comes in a pipe is held, and takes at most `max_bytes`."""
    file = source.random()
    if file is not None:
        return file
    held = io.BytesIO()
    while chunk := source.some(_CHUNK):
        held.write(chunk)
        if held.tell() > max_bytes:
            raise DataError(
                f"{name or 'standard input'} has more than {max_bytes:,} bytes, and this format is read as a whole",
                hint="give it as a file, or raise the limit with --max-bytes",
            )
    held.seek(0)
    return held


def without(
    columns: Mapping[str, NDArray[np.float64]], places: Sequence[str], *, ieee: bool
) -> dict[int, BackpropError]:
    """By position, what is wrong with rows that hold what is no finite number, unless such are asked for."""
    import numpy as np

    errors: dict[int, BackpropError] = {}
    if ieee:
        return errors
    for name, column in columns.items():
        finite = np.isfinite(column).reshape(len(column), -1).all(axis=1)
        for k in np.flatnonzero(~finite).tolist():
            if k not in errors:
                errors[k] = DataError(
                    f"{places[k]} gives {name} as what is no finite number",
                    hint="to compute as IEEE 754 does, with NaN and Infinity, add --ieee",
                )
    return errors


def numbers(column: Column) -> NDArray[np.float64] | None:
    """A column of plain data as numbers, NaN where there is none; None where there is something else."""
    import numpy as np

    values = column.tolist() if hasattr(column, "tolist") else list(column)
    kinds = {*map(type, values)} - {type(None)}
    if not kinds or not kinds <= {float, int, list}:
        return None
    if int in kinds and any([type(value) is int and abs(value) > _EXACT for value in values]):
        return None
    try:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (ValueError, OverflowError):
        return None


def texts(column: Sequence[Any]) -> list[str | None]:
    """A column of plain data as texts; what is no text as JSON has it."""
    return [None if value is None else text(value) if isinstance(value, str) else cell(value) for value in column]


def text(value: str) -> str:
    """The text, with what UTF-8 cannot hold spelled out."""
    return value if value.isprintable() else value.encode("utf-8", "backslashreplace").decode()
