"""Arrays out of CSV: numbers and nothing else, with commas between them, every line as long as the first."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from backpropcli.errors import DataError
from backpropcli.reading.arrays import nested
from backpropcli.reading.sources import decoded
from backpropcli.reading.values import SPACES, TINY, number_in_text

if TYPE_CHECKING:
    from backpropcli.reading.values import Value

FIELD_LIMIT = 1 << 20
"""Characters of one field."""
COLUMN_LIMIT = 10_000
_HINT = "write one number, or as many into every line, with commas between them"
_PLAIN = re.compile(r'[0-9+\-.eE," \t\n]*\Z')
_PIECE = 1 << 16
_MANY = 1 << 16


def array_in_csv(contents: bytes, name: str, source: str, *, ieee: bool) -> Value:
    """The number where there is one; a vector where there is one line or one column; else a matrix."""
    text = decoded(contents, source).rstrip(SPACES)
    if not text:
        raise DataError(f"{source} is empty, where a number is expected for {name}", hint=_HINT)
    # Of such characters float() takes a number's own spelling alone, with spaces around it.
    plain = _PLAIN.match(text) is not None and TINY.search(text) is None
    columns, entries = (_fast(text) if plain else None) or _by_line(text, name, source, plain=plain, ieee=ieee)
    if len(entries) == 1:
        return entries[0]
    dims = (len(entries) // columns, columns) if 1 < columns < len(entries) else (len(entries),)
    if len(entries) <= _MANY:
        return nested(dims, entries.tolist())
    import numpy as np  # Of so many numbers lists take ten times the room.

    return np.frombuffer(entries).reshape(dims)


def _fast(text: str) -> tuple[int, array[float]] | None:
    """The columns, and the numbers line by line; None where there is more to look at than numbers and commas."""
    columns = text.partition("\n")[0].count(",") + 1
    if columns > COLUMN_LIMIT:
        return None
    entries = array("d")
    start = 0
    while start < len(text):
        # In pieces, since as texts the numbers take many times the room.
        end = text.find("\n", start + _PIECE)
        piece = text[start : len(text) if end < 0 else end]
        start += len(piece) + 1
        if any([line.count(",") != columns - 1 for line in piece.split("\n")]):
            return None
        try:
            entries.extend(map(float, piece.replace("\n", ",").split(",")))
        except ValueError:
            return None
    return (columns, entries) if all(map(isfinite, entries)) else None


def _by_line(text: str, name: str, source: str, *, plain: bool, ieee: bool) -> tuple[int, array[float]]:
    """The columns, and the numbers line by line, each looked at."""
    columns = 0
    entries = array("d")
    for line, fields in _lines(text, name, source):
        columns = columns or len(fields)
        if len(fields) != columns:
            raise DataError(
                f"{name}, in {source}, is ragged: line {line:,} has {_counted(len(fields))}, line 1 has {columns:,}",
                hint=_HINT,
            )
        numbers = _floats(fields) if plain else None
        entries.extend(numbers or _numbers(fields, line, name, source, ieee=ieee))
    return columns, entries


def _lines(text: str, name: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the fields of every line."""
    before = csv.field_size_limit(FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    try:
        for fields in reader:
            if len(fields) > COLUMN_LIMIT:
                raise DataError(
                    f"line {reader.line_num:,} of {source} has {len(fields):,} columns; the limit is {COLUMN_LIMIT:,}",
                    hint="write a long vector as one column, or save it as .npy",
                )
            if not fields:
                raise DataError(
                    f"line {reader.line_num:,} of {source} is empty, where numbers are expected for {name}", hint=_HINT
                )
            yield reader.line_num, fields
    except csv.Error as problem:
        hint = "write numbers alone, as in 1,2,3: they need no quotation marks"
        raise not_csv(f"line {reader.line_num:,} of {source}", problem, hint) from None
    finally:
        csv.field_size_limit(before)


def not_csv(place: str, problem: csv.Error, hint: str, kind: str = "CSV") -> DataError:
    """The error for a line that cannot be read, for what the library says of it; `hint` is about quotation marks."""
    if "field limit" in str(problem):
        return DataError(
            f"{place} has a cell of more than {FIELD_LIMIT:,} characters, which is the limit", hint="shorten the cell"
        )
    said = 'a cell that begins with " does not end' if "end of data" in str(problem) else str(problem)
    return DataError(f"{place} is not {kind}: {said}", hint=hint)


def _floats(fields: list[str]) -> list[float] | None:
    """The numbers, where float reads them all and a double holds each."""
    try:
        numbers = list(map(float, fields))
    except ValueError:
        return None
    return numbers if all(map(isfinite, numbers)) else None


def _numbers(fields: list[str], line: int, name: str, source: str, *, ieee: bool) -> list[float]:
    hint = "write one number there"
    if any(separator in field for field in fields for separator in ";\t "):
        hint = "put commas between the numbers, and write decimals with a point"
    elif line == 1 and all(fields):
        hint = "write numbers alone: a value's file has no line of names"
    found: list[float] = []
    for column, field in enumerate(fields, start=1):
        place = f"line {line:,}, column {column:,}"
        subject = f"{place} of {name}"
        found.append(number_in_text(field.strip(SPACES), subject, name, source, place=place, hint=hint, ieee=ieee))
    return found


def _counted(count: int) -> str:
    return f"{count:,} entries" if count != 1 else "1 entry"
