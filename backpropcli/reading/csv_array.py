"""Arrays out of CSV: numbers and nothing else, with commas between them, every line as long as the first."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from backpropcli.errors import DataError
from backpropcli.reading.arrays import TINY
from backpropcli.reading.sources import decoded
from backpropcli.reading.values import SPACES, number_in_text

if TYPE_CHECKING:
    from backpropcli.reading.values import Value

FIELD_LIMIT = 1 << 20
"""Characters of one field."""
COLUMN_LIMIT = 10_000
_HINT = "write one number, or as many into every line, with commas between them"
_PLAIN = re.compile(r"[0-9+\-.eE, \t\r\n]*\Z")


def array_in_csv(contents: bytes, name: str, source: str, *, ieee: bool) -> Value:
    """The number where there is one; a vector where there is one line or one column; else a matrix."""
    text = decoded(contents, source).rstrip(SPACES)
    if not text:
        raise DataError(f"{source} is empty, where a number is expected for {name}", hint=_HINT)
    # What float() takes beyond a number's own spelling has letters, underscores or foreign digits.
    plain = _PLAIN.match(text) is not None and TINY.search(text) is None
    rows: list[list[float]] = []
    for line, fields in _lines(text, name, source):
        if rows and len(fields) != len(rows[0]):
            raise DataError(
                f"{name}, in {source}, is ragged: line {line:,} has {_counted(len(fields))},"
                f" line 1 has {len(rows[0]):,}",
                hint=_HINT,
            )
        numbers = _numbers(fields) if plain else None
        rows.append(numbers or _careful(fields, line, name, source, ieee=ieee))
    if len(rows) > 1 and len(rows[0]) > 1:
        return rows
    entries = [number for row in rows for number in row]
    return entries if len(entries) > 1 else entries[0]


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
        raise DataError(
            f"line {reader.line_num:,} of {source} is not CSV: {problem}",
            hint="write numbers alone, as in 1,2,3: they need no quotation marks",
        ) from None
    finally:
        csv.field_size_limit(before)


def _numbers(fields: list[str]) -> list[float] | None:
    """The numbers, if float reads them all and each is one that a double holds."""
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        return None
    return numbers if all(map(isfinite, numbers)) else None


def _careful(fields: list[str], line: int, name: str, source: str, *, ieee: bool) -> list[float]:
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
