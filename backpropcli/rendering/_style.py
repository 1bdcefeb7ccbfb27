"""How a report is to be written, and what every format for people shares: numbers, names, order, what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TypeVar

from backpropcli.errors import visible
from backpropcli.records import NamedTuple
from backpropcli.report import Number, Report, Row, VariableRow

Item = TypeVar("Item")

ROWS_SHOWN = 200
"""Of more rows a table shows the first and the last half of this many: Rich would take minutes over 100,000."""
LINES_SHOWN = 20
"""The same inside one row: the uses of a variable that occurs a thousand times."""


class Style(NamedTuple):
    """How text is written: what the caller knows about the stream, and what the options asked for."""

    width: int | None = None
    """Columns; None where there is no limit, as in a pipe."""
    color: bool = False
    digits: int | None = 6
    """Significant digits; None for the shortest text that reads back as the same number."""
    unicode: bool = True
    """False where the stream's encoding is not UTF-8: nothing but ASCII comes out."""
    only: str | None = None
    """value, grad or tables: that part alone; None for everything."""


def shows(style: Style, *parts: str) -> bool:
    """Whether any of these parts is to be written."""
    return style.only is None or style.only in parts


def number(value: Number | None, style: Style) -> str:
    """A number as people read it (49.982, 14, -0.00199424, 1e-300, inf, nan), or a dash for none at all.

    What may be an array goes through `_arrays.shown`.
    """
    if value is None:
        return "—" if style.unicode else "-"
    if not isfinite(value):
        return str(float(value))
    # In figures for reading, -0 is 0.
    text = repr(float(value)) if style.digits is None else f"{value or 0.0:.{style.digits}g}"
    mantissa, e, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def words(text: str, style: Style) -> str:
    """A name, a message or a formula as it may be shown: one line, no control characters, ASCII where it must be."""
    shown = visible(text)
    return shown if style.unicode or shown.isascii() else _in_ascii(shown, "*")


def label(text: str, style: Style) -> str:
    """An operation whose dots are its inputs, as it may be shown: `(·+·)^2`, in ASCII `(.+.)^2`."""
    shown = visible(text)
    return shown if style.unicode or shown.isascii() else _in_ascii(shown, ".")


def _in_ascii(text: str, dot: str) -> str:
    from backpropcli.rendering._ascii import spelled  # Few streams need it.

    return spelled(text, dot)


def rule(text: str | None, value: str, style: Style) -> str:
    """A local derivative's formula as it may be shown; empty where it says no more than its value."""
    shown = words(text or "", style)
    return "" if shown == value else shown


def elided(items: Sequence[Item], limit: int) -> tuple[Sequence[Item], int, Sequence[Item]]:
    """The first and the last of the items, and how many between them are left out, so that `limit` are shown."""
    if len(items) <= limit:
        return items, 0, ()
    half = limit // 2
    return items[:half], len(items) - 2 * half, items[len(items) - half :]


def left_out(count: int, style: Style) -> str:
    """What stands in the place of rows, lines or columns that are left out."""
    return f"{'…' if style.unicode else '...'} {count:,} more, all in --json"


def values(report: Report) -> list[tuple[str, Number]]:
    """The outputs' names and values, one or several."""
    if isinstance(report.value, Mapping):
        return list(report.value.items())
    return [(report.output, report.value)]


def gradient(report: Report, style: Style) -> list[tuple[str, Number]]:
    """The gradient's entries, `dz/dx` as it may be shown and the value; none where there are several outputs."""
    output = words(report.output, style)
    return [(f"d{output}/d{words(name, style)}", value) for name, value in (report.grad or {}).items()]


def backward(report: Report) -> list[Row | VariableRow]:
    """What the backward table lists, in the order the pass runs: nodes against evaluation, then the variables."""
    nodes = [row for row in reversed(report.rows) if row.adjoint is not None]
    return [*nodes, *(variable for variable in report.variables if variable.adjoint is not None)]


def directions(report: Report) -> tuple[str, ...]:
    """The variables by which forward mode differentiated."""
    return next((tuple(row.tangents) for row in report.rows if row.tangents), tuple(report.grad or ()))
