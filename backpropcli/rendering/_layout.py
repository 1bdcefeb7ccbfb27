"""How wide the columns of a table are: numbers as wide as they are, formulas and names as wide as there is room.

A cell is some lines, a line is some parts (a name, a number, a formula). The parts of a column line up: numbers on
their decimal points, formulas on what follows them. Nothing here draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Part(NamedTuple):
    """One of the things that each line of a column is made of."""

    style: str = ""
    after: str = ""
    """What stands between this part and the next."""
    right: bool = False
    """Pushed to the right, against what follows it."""
    least: tuple[int, int] | None = None
    """How far a text may be clipped at first, and at last; None for numbers, which never are."""
    optional: bool = False
    """Whether a text may be left out where even that is too wide."""
    strong: str = ""
    """The style in a line that matters: a sum."""


class Line(NamedTuple):
    """One line of a cell: a text for each part of its column."""

    texts: tuple[str, ...]
    strong: bool = False


SUM_RULE = Line(())
"""The thin rule above a sum."""

Cell = Sequence[Line]


class Column(NamedTuple):
    """A column: what its header says, at length and in short, and what its lines are made of."""

    header: str
    parts: tuple[Part, ...]
    short: str | None = None

    @property
    def brief(self) -> str:
        """The header where there is little room."""
        return self.header if self.short is None else self.short


@dataclass(frozen=True)
class Widths:
    """How wide a column is drawn."""

    header: str
    parts: tuple[int, ...]
    """The width of each part; 0 for one that is left out."""
    points: tuple[int | None, ...]
    """How many characters stand before the decimal point; None where points are not aligned."""
    total: int


Measure = Callable[[str], int]


def _clip_gently(part: Part, size: int, excess: int) -> int:
    return size if part.least is None else max(min(size, part.least[0]), size - excess)


def _clip_hard(part: Part, size: int, excess: int) -> int:
    return size if part.least is None else max(min(size, part.least[1]), size - excess)


def _leave_out(part: Part, size: int, excess: int) -> int:
    return 0 if part.optional else size


# What becomes of a part's size where the table is too wide by so much: each is tried on every part before the next.
_STAGES = (_clip_gently, _clip_hard, _leave_out)


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int, gaps: Sequence[int], measure: Measure
) -> tuple[tuple[Widths, ...], int] | None:
    """Widths and a gap with which the table fits; None where it cannot without losing a digit.

    What is given up, in this order: wide gaps; long headers; the ends of formulas and names; formulas and labels;
    aligned points.
    """
    for aligned in (True, False):
        widths = [_natural(column, [row[at] for row in rows], aligned, measure) for at, column in enumerate(columns)]
        for gap in gaps:
            if _total(widths, gap) <= room:
                return tuple(widths), gap
        widths = [
            _sized(column, replace(old, header=column.brief), old.parts, measure)
            for column, old in zip(columns, widths, strict=True)
        ]
        for stage in _STAGES:
            widths = _clipped(columns, widths, room, gaps[-1], stage, measure)
            if _total(widths, gaps[-1]) <= room:
                return tuple(widths), gaps[-1]
    return None


def natural_width(column: Column, cells: Iterable[Cell], measure: Measure) -> int:
    """How wide a column is when nothing of it is given up."""
    return _natural(column, list(cells), True, measure).total


def before_point(text: str) -> int:
    """How many characters of a number stand before its decimal point, or where that would be."""
    return next((place for place, character in enumerate(text) if character in ".e"), len(text))


def is_number(text: str) -> bool:
    """Whether this is a number with digits, to be aligned on its point: not a dash, not `no path`."""
    return text[-1:].isdigit()


def _total(widths: Sequence[Widths], gap: int) -> int:
    return sum(width.total for width in widths) + gap * (len(widths) - 1)


def _natural(column: Column, cells: Sequence[Cell], aligned: bool, measure: Measure) -> Widths:
    """The widths of a column with everything in it."""
    sizes: list[int] = []
    points: list[int | None] = []
    for place, part in enumerate(column.parts):
        texts = [line.texts[place] for cell in cells for line in cell if line.texts]
        size, point = max(map(measure, texts), default=0), None
        if aligned and part.least is None:
            places = [(before_point(text), len(text)) for text in texts if is_number(text)]
            point = max((before for before, _ in places), default=0)
            size = max(size, point + max((length - before for before, length in places), default=0))
        sizes.append(size)
        points.append(point)
    return _sized(column, Widths(column.header, (), tuple(points), 0), tuple(sizes), measure)


def _sized(column: Column, widths: Widths, sizes: tuple[int, ...], measure: Measure) -> Widths:
    """The same column with these sizes of its parts."""
    drawn = [(size, part.after) for size, part in zip(sizes, column.parts, strict=True) if size]
    inside = sum(size for size, _ in drawn) + sum(measure(after) for _, after in drawn[:-1])
    return replace(widths, parts=sizes, total=max(inside, measure(widths.header)))


def _clipped(
    columns: Sequence[Column],
    widths: Sequence[Widths],
    room: int,
    gap: int,
    stage: Callable[[Part, int, int], int],
    measure: Measure,
) -> list[Widths]:
    """The columns with their texts made shorter, the last column's first, as far as is needed or as this stage goes."""
    result = list(widths)
    for index in reversed(range(len(columns))):
        for place, part in enumerate(columns[index].parts):
            excess = _total(result, gap) - room
            if excess <= 0:
                return result
            old = result[index]
            sizes = (*old.parts[:place], stage(part, old.parts[place], excess), *old.parts[place + 1 :])
            new = _sized(columns[index], old, sizes, measure)
            if new.total < old.total:  # a column as narrow as its header gains nothing
                result[index] = new
    return result
