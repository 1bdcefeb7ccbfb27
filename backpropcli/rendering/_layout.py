"""How wide the columns of a table are: numbers as wide as they are, formulas and names as wide as there is room.

A cell is some lines, a line is some parts (a name, a number, a formula). The parts of a column line up: numbers on
their decimal points, formulas on what follows them. Nothing here draws.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from backpropcli.records import NamedTuple


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


Lines = tuple[str, ...]


class Block(NamedTuple):
    """A text of one line or more, in several forms."""

    forms: tuple[Lines, ...]
    """From the widest to the narrowest that may stand in a table."""
    pieces: tuple[str, ...]
    """What it is broken between, on one line, where none of these has room."""
    whole: int | None = None
    """How many of the forms say all that there is to say; None for all of them."""
    broken: tuple[Lines, ...] = ()
    """Forms for where there is no table, in several lines for what is one."""
    leads: tuple[str, ...] = ()
    """By form what stands in the part before it, where that depends on the form."""

    def lines(self, room: int, led: int = sys.maxsize) -> Lines:
        """The first form that is at most so wide, and with what leads it `led`; else the last, which is wider."""
        fitting = (form for form in self.forms if breadth(form) <= room and self.width(form) <= led)
        return next(fitting, self.forms[-1])

    def width(self, form: Lines) -> int:
        """How wide a form is with what leads it."""
        lead = self.led(form, "")
        return breadth(form) + (len(lead) + len(" = ") if lead else 0)

    def beside(self, room: int, lead: int) -> Lines | None:
        """The first form that has room behind a lead of some columns; None where all can only be said beneath it."""
        if self.is_whole(room) and not self.is_whole(room - lead):
            return None
        return next((form for form in self.forms if breadth(form) <= room - lead), None)

    def loose(self, room: int) -> Lines:
        """The first form that is at most so wide; else pieces in as many lines as they need, set in by one."""
        found = next((form for form in (*self.forms, *self.broken) if breadth(form) <= room), None)
        if found is not None:
            return found
        lines = [""]
        for piece in self.pieces:
            if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip()) > room:
                lines.append(" ")
            lines[-1] += piece
        return tuple([line.rstrip() for line in lines])

    def says_all(self, room: int, led: int) -> bool:
        """Whether nothing is left out of the lines for so much room, be they wider or not."""
        return self.whole is None or self.lines(room, led) in self.forms[: self.whole]

    def is_whole(self, room: int) -> bool:
        """Whether there is a form for so much room that leaves nothing out."""
        return any([breadth(form) <= room for form in self.forms[: self.whole]])

    def led(self, lines: Lines, text: str) -> str:
        """What stands in the part before a form: this text, unless that depends on the form."""
        return self.leads[self.forms.index(lines)] if self.leads and lines in self.forms else text


def breadth(lines: Lines) -> int:
    """How wide the widest of the lines is."""
    return max(map(len, lines))


class Line(NamedTuple):
    """One line of a cell: a text for each part of its column."""

    texts: tuple[str, ...]
    strong: bool = False
    block: Block | None = None
    """What stands in the place of a text, and is several lines once it is known how wide it may be."""
    at: int = 0
    """The block's place among the texts."""


SUM_RULE = Line(())
"""The thin rule above a sum."""

Cell = Sequence[Line]


def line_of(*parts: str | Block, strong: bool = False) -> Line:
    """A line of these parts, of which one may be a block."""
    texts = tuple([part if isinstance(part, str) else "" for part in parts])
    for at, part in enumerate(parts):
        if isinstance(part, Block):
            return Line(texts, strong, part, at)
    return Line(texts, strong)


class Column(NamedTuple):
    """A column: what its header says, at length and in short, and what its lines are made of."""

    header: str
    parts: tuple[Part, ...]
    short: str | None = None
    paired: bool = False
    """Whether its lines belong to those of the other columns that are paired: an input's beside an input's."""

    @property
    def brief(self) -> str:
        """The header where there is little room."""
        return self.header if self.short is None else self.short


class Room(NamedTuple):
    """How much room a column's blocks have."""

    block: int
    """For a block by itself."""
    led: int
    """For a block with what leads it, where that is up to the block."""


_UNLIMITED = Room(sys.maxsize, sys.maxsize)


def settled(columns: Sequence[Column], cells: Sequence[Cell], rooms: Sequence[Room]) -> list[Cell]:
    """A row with its blocks as lines of at most so many columns, if they can be; what is paired stays side by side."""
    spread = [
        [[line] if line.block is None else _spread(line, line.block, room) for line in cell]
        for cell, room in zip(cells, rooms, strict=True)
    ]
    pairs = [lines for column, lines in zip(columns, spread, strict=True) if column.paired]
    for beside in zip(*pairs, strict=False):
        height = max(map(len, beside))
        for lines in beside:
            lines += [Line(("",) * len(lines[0].texts))] * (height - len(lines))
    return [[one for lines in cell for one in lines] for cell in spread]


def _spread(line: Line, block: Block, room: Room) -> list[Line]:
    """A line for each of the block's, the first with what stands beside it."""
    lines, at = block.lines(*room), line.at
    blank = ("",) * len(line.texts)
    found = [Line((*blank[:at], text, *blank[at + 1 :]), line.strong) for text in lines]
    before = [*line.texts[: max(at - 1, 0)], *[block.led(lines, text) for text in line.texts[max(at - 1, 0) : at]]]
    return [Line((*before, lines[0], *line.texts[at + 1 :]), line.strong), *found[1:]]


def _blocks(cells: Iterable[Cell]) -> list[Block]:
    return [line.block for cell in cells for line in cell if line.block is not None]


class Widths(NamedTuple):
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


Layout = tuple[tuple[Widths, ...], int]


def arranged(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int, gaps: Sequence[int], measure: Measure
) -> tuple[Layout, list[list[Cell]]] | None:
    """A layout with which the table fits, and its rows with their blocks as lines; None where there is none.

    Blocks are made narrower, the widest first, before formulas are clipped hard or left out.
    """
    if not any([line.block is not None for row in rows for cell in row for line in cell]):
        layout = fitted(columns, rows, room, gaps, measure)
        return None if layout is None else (layout, [list(row) for row in rows])
    blocks = [_blocks([row[at] for row in rows]) for at in range(len(columns))]
    narrowing: list[list[Room]] = []
    rooms: list[Room] | None = [_UNLIMITED] * len(columns)
    while rooms is not None:
        narrowing.append(rooms)
        rooms = _narrower(blocks, rooms)
    for stages in ((_clip_gently,), (_clip_gently, _leave_out), _STAGES):
        found: tuple[int, Layout, list[list[Cell]]] | None = None
        for rooms in narrowing:
            lines = [settled(columns, row, rooms) for row in rows]
            layout = fitted(columns, lines, room, gaps, measure, stages)
            # Of those where as little as can be is left out, the widest.
            if layout is not None and (found is None or _left_out(layout, lines) < found[0]):
                found = _left_out(layout, lines), layout, lines
                if not found[0]:
                    break
        if found is not None:
            return found[1:]
    return None


def _left_out(layout: Layout, rows: Sequence[Sequence[Cell]]) -> int:
    """How many parts that have a text are not drawn."""
    return sum(
        not size and any([line.texts and line.texts[place] for row in rows for line in row[at]])
        for at, widths in enumerate(layout[0])
        for place, size in enumerate(widths.parts)
    )


def _narrower(columns: Sequence[Sequence[Block]], rooms: Sequence[Room]) -> list[Room] | None:
    """Less room for one column; None where no column has narrower forms.

    It is the widest of those whose blocks go on to say all, else the first of the others.
    """
    candidates: list[tuple[int, int, Room]] = []
    for at, (blocks, (room, led)) in enumerate(zip(columns, rooms, strict=True)):
        shown = [(block, block.lines(room, led)) for block in blocks]
        width = max([breadth(form) for _, form in shown], default=0)
        less = Room(width - 1, led)
        if max([breadth(block.lines(*less)) for block in blocks], default=width) < width and all(
            [block.says_all(*less) for block in blocks if block.says_all(room, led)]
        ):
            candidates.append((-width, at, less))
    if not candidates:
        for at, (blocks, (room, led)) in enumerate(zip(columns, rooms, strict=True)):
            width = max([block.width(block.lines(room, led)) for block in blocks], default=0)
            less = Room(room, width - 1)
            if max([block.width(block.lines(*less)) for block in blocks], default=width) < width:
                candidates.append((at, at, less))
    if not candidates:
        return None
    _, chosen, less = min(candidates)
    return [*rooms[:chosen], less, *rooms[chosen + 1 :]]


def fitted(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    room: int,
    gaps: Sequence[int],
    measure: Measure,
    stages: Sequence[Callable[[Part, int, int], int]] = (),
) -> Layout | None:
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
            _sized(column, old._replace(header=column.brief), old.parts, measure)
            for column, old in zip(columns, widths, strict=True)
        ]
        for stage in stages or _STAGES:
            widths = _clipped(columns, widths, room, gaps[-1], stage, measure)
            if _total(widths, gaps[-1]) <= room:
                return tuple(widths), gaps[-1]
    return None


def natural_width(column: Column, cells: Iterable[Cell], measure: Measure) -> int:
    """How wide a column is when nothing of it is given up."""
    whole = [settled([column], [cell], [_UNLIMITED])[0] for cell in cells]
    return _natural(column, whole, True, measure).total


def before_point(text: str) -> int:
    """How many characters of a number stand before its decimal point, or where that would be."""
    return next((place for place, character in enumerate(text) if character in ".e"), len(text))


def is_number(text: str) -> bool:
    """Whether this is a number with digits, to be aligned on its point: not a dash, not `no path`, no array."""
    return text[-1:].isdigit() and " " not in text and (text[0] == "-" or text[0].isdigit())


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
    return widths._replace(parts=sizes, total=max(inside, measure(widths.header)))


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
