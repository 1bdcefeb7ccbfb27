"""Curves in a terminal: a panel for the value and for each derivative, in dots of braille, or in ASCII."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isfinite, nan

from backpropcli.errors import BackpropError
from backpropcli.records import NamedTuple
from backpropcli.streams import Batch, Column, Reader
from backpropcli.streams.flow import Flow

WIDTH = 80
NARROW = 24
HEIGHT = 12
MAX_POINTS = 1_000_000
MAX_PANELS = 20
_LABEL = 10
# The eight dots of a braille character, by their place in it: columns of two, rows of four.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_OUTLYING = 0.02
"""The share of values, at either end, that may leave the panel where they would flatten all others."""
_FAR = 3.0


class _Signs(NamedTuple):
    """What a panel is drawn with, and how many dots a character holds."""

    across: int
    down: int
    corner: str
    floor: str
    wall: str
    tick: str


_UNICODE = _Signs(2, 4, "└", "─", "│", "┤")
_ASCII = _Signs(1, 1, "+", "-", "|", "+")


class _Points:
    """A writer that keeps the points, and writes nothing."""

    def __init__(self, varying: str, count: int) -> None:
        self.at: list[float] = []
        self.columns: list[list[float]] = [[] for _ in range(count)]
        self._varying = varying

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """Nothing; the points are kept, unless an error is about to end it."""
        if self._varying not in batch.columns:
            return b""
        at = iter(batch.columns[self._varying])
        self.at += [nan if k in batch.errors else next(at) for k in range(len(batch))]
        if len(self.at) > MAX_POINTS:
            raise BackpropError(f"--plot draws at most {MAX_POINTS:,} points", hint="take larger steps, or fewer rows")
        for kept, column in zip(self.columns, outputs, strict=True):
            kept += column.tolist() if hasattr(column, "tolist") else column
        if self.at and not all([isinstance(kept[-1], float) for kept in (self.at, *self.columns)]):
            raise BackpropError("--plot draws numbers, and here are arrays", hint="draw their sum, or one entry")
        return b""

    def end(self) -> bytes:
        """Nothing."""
        return b""


def plotted(
    flow: Flow, readers: Iterable[Reader], names: Sequence[str], varying: str, width: int | None, *, unicode: bool
) -> Iterator[str]:
    """The panels, one below the other, each over the same values of the variable that varies."""
    if len(names) > MAX_PANELS:
        raise BackpropError(
            f"--plot draws at most {MAX_PANELS} curves, and here are {len(names)}", hint="use --only value"
        )
    points = _Points(varying, len(names))
    for _ in flow.pieces(readers, points):
        pass
    columns = max(width or WIDTH, NARROW)
    blank = ""
    for name, column in zip(names, points.columns, strict=True):
        yield blank
        yield from panel(name, points.at, column, varying, columns, unicode=unicode)
        blank = "\n"


def panel(
    name: str, at: Sequence[float], values: Sequence[float], varying: str, width: int, *, unicode: bool
) -> Iterator[str]:
    """One curve under its name, the bounds of both axes beside them; lines of at most `width` columns."""
    signs = _UNICODE if unicode else _ASCII
    points = [(x, y) for x, y in zip(at, values, strict=True) if isfinite(x) and isfinite(y)]
    yield f"{name}\n"
    if not points:
        yield f"{'':{_LABEL}} no points\n"
        return
    across = width - _LABEL - 2
    left, right = _apart(min(at_finite := [x for x in at if isfinite(x)]), max(at_finite))
    bottom, top = _bounds(sorted([y for _, y in points]))
    dots = _Dots(across * signs.across, HEIGHT * signs.down, (left, right), (bottom, top))
    dots.draw(at, values)
    for row in range(HEIGHT):
        label = _number(top) if row == 0 else _number(bottom) if row == HEIGHT - 1 else ""
        yield f"{label:>{_LABEL}} {signs.tick if label else signs.wall}{dots.line(row, signs)}".rstrip() + "\n"
    yield f"{'':{_LABEL}} {signs.corner}{signs.floor * across}\n"
    first, last = f"{varying} = {_number(left)}", _number(right)
    yield f"{'':{_LABEL}}  {first}{last:>{max(across - len(first), len(last) + 1)}}\n"


class _Dots:
    """A raster, and the places on it that points have."""

    def __init__(self, across: int, down: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._across, self._down = across, down
        self._x, self._y = x, y
        self._set: set[tuple[int, int]] = set()

    def draw(self, at: Sequence[float], values: Sequence[float]) -> None:
        """The points, joined by lines where they come in order; a jump over the whole panel is left open."""
        joined = _in_order(at)
        before: tuple[int, int] | None = None
        for x, y in zip(at, values, strict=True):
            if not (isfinite(x) and isfinite(y)):
                before = None
                continue
            here = self._place(x, y)
            if joined and before is not None and not (self._outside(before[1]) and self._outside(here[1])):
                self._line(before, here)
            elif not self._outside(here[1]):
                self._set.add(here)
            before = here

    def line(self, row: int, signs: _Signs) -> str:
        """The characters of one row."""
        if signs.across == 1:
            return "".join(["*" if (column, row) in self._set else " " for column in range(self._across)])
        return "".join([self._character(column, row) for column in range(self._across // 2)])

    def _character(self, column: int, row: int) -> str:
        found = 0
        for down, dots in enumerate(_DOTS):
            for across, dot in enumerate(dots):
                if (2 * column + across, 4 * row + down) in self._set:
                    found |= dot
        return chr(_BRAILLE + found) if found else " "

    def _place(self, x: float, y: float) -> tuple[int, int]:
        (left, right), (bottom, top) = self._x, self._y
        column = round(_share(x, left, right) * (self._across - 1))
        share = min(max(_share(y, bottom, top), -1.0), 2.0)  # Far outside is as good as outside.
        return column, self._down - 1 - round(share * (self._down - 1))

    def _outside(self, row: int) -> bool:
        return not 0 <= row < self._down

    def _line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        (x, y), (across, down) = start, (end[0] - start[0], end[1] - start[1])
        steps = max(abs(across), abs(down), 1)
        for k in range(steps + 1):
            place = x + round(across * k / steps), y + round(down * k / steps)
            if not self._outside(place[1]):
                self._set.add(place)


def _in_order(at: Sequence[float]) -> bool:
    finite = [x for x in at if isfinite(x)]
    return finite in (sorted(finite), sorted(finite, reverse=True))


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """The least and the largest value, in order; without the outlying ones, where those lie far from all others."""
    cut = int(len(values) * _OUTLYING)
    low, high = values[cut], values[len(values) - 1 - cut]
    margin = _FAR * (high - low) if high > low else 0.0
    bottom = values[0] if not margin or values[0] >= low - margin else low
    top = values[-1] if not margin or values[-1] <= high + margin else high
    return _apart(bottom, top)


def _apart(low: float, high: float) -> tuple[float, float]:
    """Two bounds that differ."""
    if high > low:
        return low, high
    space = abs(low) / 2 or 1.0
    return low - space, high + space


def _share(value: float, low: float, high: float) -> float:
    # Halves, since the difference of two doubles may be too large for one.
    return (value / 2 - low / 2) / (high / 2 - low / 2)


def _number(value: float) -> str:
    text = f"{value or 0.0:.4g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
