"""Columns of lines drawn by Rich, as a table where its digits have room and as a list where they have not.

Rich is told everything and asked for nothing: it sees neither the environment nor the terminal, no text is markup, and
no column is left for it to squeeze, since what it would drop first is digits.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from io import StringIO
from itertools import groupby
from typing import TypeVar

from rich.box import Box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from backpropcli.records import NamedTuple
from backpropcli.rendering._layout import (
    SUM_RULE,
    Block,
    Cell,
    Column,
    Layout,
    Line,
    Part,
    Widths,
    arranged,
    before_point,
    is_number,
    line_of,
    natural_width,
)
from backpropcli.rendering._style import LINES_SHOWN, ROWS_SHOWN, Style, elided, left_out

Item = TypeVar("Item")
TableRow = Sequence[Cell]

# Colour for meaning alone, in basic colours that can be read on light and on dark: what went forward is green, what
# came back is magenta (bold, since some palettes have it dark), what is no finite number is red.
VALUE, ADJOINT, WRONG, FAINT, STRONG = "green", "bold magenta", "bold red", "dim", "bold"

NARROWEST = 40
"""Below this many columns there is no table, but a list."""
PAGE = 100
"""Where a sequence of numbers is broken when there is no width to keep to."""
GRID = 24
"""How many columns a grid shows at most."""

_GAPS = (3, 2)
_RULED = Box(" ── \n    \n ── \n    \n ── \n ── \n    \n ── \n")
_RULED_ASCII = Box(" -- \n    \n -- \n    \n -- \n -- \n    \n -- \n", ascii=True)


def drawn(renderable: RenderableType, style: Style, width: int | None = None) -> str:
    """What Rich makes of it, in lines without trailing blanks; at least `width` columns are there to be used."""
    stream = StringIO()
    console = Console(
        file=stream,
        width=width or style.width or PAGE,
        height=25,
        color_system="standard" if style.color else None,
        force_terminal=style.color,
        force_interactive=False,
        force_jupyter=False,
        no_color=not style.color,
        legacy_windows=False,
        safe_box=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
    console.print(renderable, crop=False, overflow="fold")
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def as_they_are(lines: Sequence[Text], style: Style) -> str:
    """Lines that are broken already, or must not be."""
    return drawn(Text("\n").join(lines), style, max(1, *(line.cell_len for line in lines))) if lines else ""


def flow(items: Sequence[Text], separator: str, style: Style, lead: Text | None = None) -> str:
    """Items one after the other behind what leads them, broken between them and never inside."""
    room = style.width or PAGE
    lines = [lead or Text()]
    for index, item in enumerate(items):
        ending = separator if index < len(items) - 1 else ""
        if lines[-1] and lines[-1].cell_len + cell_len((item.plain + ending).rstrip()) > room:
            lines.append(Text())
        lines[-1] = lines[-1] + item + Text(ending)
    return as_they_are(lines, style)


def equation(name: str, value: str | Block, look: str, style: Style) -> list[Text]:
    """`name = value`, the name clipped where the value needs the room, or above a block that needs all of it."""
    if isinstance(value, str):
        if style.width is not None:
            name = clipped(name, max(style.width - len(value) - 3, 8), style)
        return [Text.assemble(name, " = ", (value, _look(value, look)))]
    name = clipped(name, max(_room(style) - 2, 8), style)
    lead, room = f"{name} = ", _room(style)
    beside = value.beside(room, cell_len(lead))
    if beside is None:
        beneath = value.loose(max(room - 2, 1))
        return [Text(f"{name} ="), *[Text.assemble("  ", (line, _look(line, look))) for line in beneath]]
    blank = " " * cell_len(lead)
    return [Text.assemble(blank if at else lead, (line, _look(line, look))) for at, line in enumerate(beside)]


def paragraph(name: str, text: str, style: Style) -> str:
    """A sentence about what is named, its further lines set in."""
    indent = "  "
    lines = [Text.assemble((name, STRONG), ":")]
    for word in text.split():
        if lines[-1].cell_len + 1 + cell_len(word) > (style.width or PAGE) and lines[-1].plain != indent:
            lines.append(Text(indent))
        lines[-1].append(word if lines[-1].plain == indent else f" {word}", "")
    return as_they_are(lines, style)


def clipped(text: str, width: int, style: Style) -> str:
    """The text in at most this many columns, and a mark where it was cut."""
    if cell_len(text) <= width:
        return text
    mark = "…" if style.unicode else ".."
    return set_cell_size(text, max(width - len(mark), 0)).rstrip() + mark[: max(width, 0)]


def some_lines(parts: Sequence[tuple[str | Block, ...]], style: Style, told: int = 0) -> Cell:
    """A line of each of these; of very many the first and the last, and in part `told` how many are between them."""
    first, count, last = elided(parts, LINES_SHOWN)
    more = f"{'…' if style.unicode else '...'} {count:,} more"
    between = [line_of(*[more if at == told else "" for at in range(len(parts[0]))])] if count else []
    return [*[line_of(*texts) for texts in first], *between, *[line_of(*texts) for texts in last]]


def listed(
    columns: Sequence[Column],
    items: Sequence[Item],
    row: Callable[[Item], TableRow],
    style: Style,
    group: Callable[[Item], object] = lambda _: None,
) -> Iterator[str]:
    """A table with a row an item and a rule between groups, or a list where there is no room for all of its digits."""
    first, count, last = elided(items, ROWS_SHOWN)
    rows = [(group(item), row(item)) for item in (*first, *last)]
    tables = [] if _narrow(style) else _tables(columns, rows, style)
    for index, (start, end) in enumerate(((0, len(first)), (len(first), len(rows)))):
        if index and count:
            yield drawn(Text(left_out(count, style), FAINT), style)
        if tables:
            yield from (text for table in tables for text in [_tabled(table, start, end, style)] if text)
        else:
            yield from (_stacked(columns, cells, style) for _, cells in rows[start:end])


class _Table(NamedTuple):
    """Rows that have a layout of their own, and where they are among all."""

    columns: Sequence[Column]
    layout: Layout
    rows: Sequence[tuple[object, TableRow]]
    start: int
    total: int
    """How wide it is to be, at least."""


def _tables(columns: Sequence[Column], rows: Sequence[tuple[object, TableRow]], style: Style) -> list[_Table]:
    """One table, or of arrays, which need much room, one a group, with its own columns; none where one is too wide."""
    blocks = any(line.block is not None for _, cells in rows for cell in cells for line in cell)
    groups = [list(run) for _, run in groupby(rows, lambda row: row[0])] if blocks else [list(rows)]
    found: list[_Table] = []
    start = 0
    for run in groups:
        used = [at for at in range(len(columns)) if not (blocks and run) or any(cells[at] for _, cells in run)]
        own = [columns[at] for at in used]
        arrangement = arranged(own, [[cells[at] for at in used] for _, cells in run], _room(style), _GAPS, cell_len)
        if arrangement is None:
            return []
        layout, lines = arrangement
        found.append(
            _Table(own, layout, [(name, cells) for (name, _), cells in zip(run, lines, strict=True)], start, 0)
        )
        start += len(run)
    total = max(_breadth(table.layout) for table in found)
    return [table._replace(total=total) for table in found]


def _breadth(layout: Layout) -> int:
    widths, gap = layout
    return sum(width.total for width in widths) + gap * (len(widths) - 1)


def grid(
    lead: Column, columns: Sequence[Column], items: Sequence[Item], row: Callable[[Item], TableRow], style: Style
) -> Iterator[str]:
    """A table with as many columns beside the leading one as there is room for, and the others in tables below."""
    first, _, last = elided(items, ROWS_SHOWN)
    rows = [row(item) for item in (*first, *last)]
    shown = columns[:GRID]
    widths = [
        natural_width(column, [cells[at] for cells in rows], cell_len) for at, column in enumerate((lead, *shown))
    ]
    room = sys.maxsize if _narrow(style) else _room(style)
    start = 0
    while start < len(shown):
        end, used = start + 1, widths[0] + _GAPS[0] + widths[start + 1]
        while end < len(shown) and used + _GAPS[0] + widths[end + 1] <= room:
            used += _GAPS[0] + widths[end + 1]
            end += 1
        part = slice(start + 1, end + 1)
        if start:
            yield "\n"
        yield from listed((lead, *shown[start:end]), items, partial(_columns_of, row, part), style)
        start = end
    if len(columns) > GRID:
        yield drawn(Text(left_out(len(columns) - GRID, style), FAINT), style)


def _room(style: Style) -> int:
    return sys.maxsize if style.width is None else style.width


def _narrow(style: Style) -> bool:
    return style.width is not None and style.width < NARROWEST


def _columns_of(row: Callable[[Item], TableRow], part: slice, item: Item) -> TableRow:
    """The leading cell of an item's row and some of the others."""
    cells = row(item)
    return cells[0], *cells[part]


def equations(pairs: Sequence[tuple[str, str | Block]], look: str, style: Style) -> Iterator[str]:
    """Lines `name = value` with their decimal points aligned, so far as there is room."""
    column = Column("", (Part("", " = ", least=(8, 3)), Part(look)))
    first, count, last = elided(pairs, ROWS_SHOWN)
    found = arranged([column], [((line_of(*pair),),) for pair in (*first, *last)], _room(style), _GAPS, cell_len)
    for block in (first, last):
        start = len(first) if block is last else 0
        lines: list[Text] = []
        for at, (name, value) in enumerate(block, start):
            if found is None:
                lines += equation(name, value, look, style)
            else:
                layout, rows = found
                lines += [_aligned(column, layout[0][0], line, style) for line in rows[at][0]]
        yield as_they_are(lines, style)
        if count and block is first:
            yield drawn(Text(left_out(count, style), FAINT), style)


def _tabled(part: _Table, start: int, end: int, style: Style) -> str:
    """The rows from one place to another, so far as they are in this part; with a header before the first of all."""
    (widths, gap), rows = part.layout, part.rows[max(start - part.start, 0) : max(end - part.start, 0)]
    if not rows:
        return ""
    header = not start and not part.start
    table = Table(
        box=_RULED if style.unicode else _RULED_ASCII,
        padding=(0, gap - 1, 0, 0),
        pad_edge=False,
        show_header=header,
        header_style=STRONG,
    )
    spare = part.total - _breadth(part.layout)
    for at, width in enumerate(widths):
        more = spare if at == len(widths) - 1 else 0
        table.add_column(Text(width.header), width=width.total + more, no_wrap=True, overflow="ignore")
    for index, (group, cells) in enumerate(rows):
        last_of_group = index + 1 < len(rows) and rows[index + 1][0] != group
        lines = (
            Text("\n").join([_aligned(column, width, line, style) for line in cell])
            for column, width, cell in zip(part.columns, widths, cells, strict=True)
        )
        table.add_row(*lines, end_section=last_of_group)
    # The box has blank edges, of which the left one is taken away again, so that tables start where text does.
    shown = [line[1:] for line in drawn(table, style, part.total + 2).splitlines(keepends=True)]
    # Beneath another part its rule is there already.
    return "".join(shown[1:] if part.start > start else shown)


def _aligned(column: Column, widths: Widths, line: Line, style: Style) -> Text:
    """A line of a cell with its parts in their places."""
    text = Text()
    after = before = ""
    texts = line.texts or [""] * len(column.parts)
    for part, size, point, raw in zip(column.parts, widths.parts, widths.points, texts, strict=True):
        if not size:
            continue
        shown = clipped(raw, size, style) if part.least else raw
        if line is SUM_RULE and not part.least:
            shown = _bar(size, style)
        left, right = _blanks(part, size, point, shown)
        text.append(after if before and shown else " " * cell_len(after))
        text.append(" " * left)
        text.append(shown, _part_look(part, line, shown) if style.color else "")
        text.append(" " * right)
        after, before = part.after, shown
    return text


def _blanks(part: Part, size: int, point: int | None, shown: str) -> tuple[int, int]:
    """How much is blank to the left and to the right of a text in its place."""
    spare = size - cell_len(shown)
    left = spare if part.right else 0
    if point is not None and is_number(shown):
        left = point - before_point(shown)
    return left, spare - left


def _bar(size: int, style: Style) -> str:
    return ("─" if style.unicode else "-") * size


def _stacked(columns: Sequence[Column], cells: TableRow, style: Style) -> str:
    """A row as a list: what the table has in columns stands below each other."""
    room = style.width or PAGE
    margin = 4 + max(cell_len(column.brief) for column in columns[1:])
    lines = [text for line in cells[0] for text in _loose(columns[0], line, room, style)]
    for column, cell in zip(columns[1:], cells[1:], strict=True):
        beside = [text for line in cell for text in _loose(column, line, room - margin, style)]
        beneath = [text for line in cell for text in _loose(column, line, room - 4, style)]
        whole = len(cell) if all(line.block is None for line in cell) else len(beneath)
        if len(beside) == whole and all(text.cell_len <= room - margin for text in beside):
            heads = [f"  {column.brief}".ljust(margin), *[" " * margin] * len(beside)]
            lines += [Text(head) + text for head, text in zip(heads, beside, strict=False)]
        else:
            lines.append(Text(f"  {column.brief}"))
            lines += [Text(" " * 4) + text for text in beneath]
    return as_they_are(lines, style)


def _loose(column: Column, line: Line, room: int, style: Style) -> list[Text]:
    """A line of a cell on its own; in several lines where it is too long, with its numbers whole."""
    if line is SUM_RULE:
        return [Text(_bar(8, style), FAINT)]
    lines = [Text()]
    current, after = 0, ""
    for at, (part, raw) in enumerate(zip(column.parts, line.texts, strict=True)):
        if line.block is not None and at == line.at:
            look = part.strong if line.strong else part.style
            lead = lines.pop()
            if line.block.led(line.block.loose(room), lead.plain) != lead.plain:
                lead = Text()
            found = _behind(lead, after, line.block, look, room)
            # What follows stands beside its first line.
            current = len(lines) + (found[0].plain == f"{lead.plain}{after.rstrip()}")
            lines += found
        elif raw:
            shown = clipped(raw, max(room, 1), style) if part.least else raw
            if lines[current] and lines[current].cell_len + cell_len(after + shown) > room:
                current = len(lines)
                lines.append(Text())
                after = after.lstrip()
            lines[current].append(after).append(shown, _part_look(part, line, shown))
        else:
            continue
        after = part.after
    return lines


def _behind(lead: Text, after: str, block: Block, look: str, room: int) -> list[Text]:
    """A block behind what leads it, or, where there is more room, beneath it."""
    before = lead.cell_len + cell_len(after) if lead else 0
    found = block.beside(room, before)
    if found is not None:
        first = lead + Text(after) if lead else Text()
        first.append(found[0], _look(found[0], look))
        return [first, *[Text.assemble(" " * before, (line, _look(line, look))) for line in found[1:]]]
    above = [lead + Text(after.rstrip())] if lead else []
    return [*above, *[Text(line, _look(line, look)) for line in block.loose(max(room, 1))]]


def _part_look(part: Part, line: Line, shown: str) -> str:
    if part.least is not None:
        return part.style
    return _look(shown, part.strong if line.strong else part.style)


_NOT_FINITE = re.compile(r"(?<![\w.])(?:nan|inf)(?![\w(])")


def _look(number: str, look: str) -> str:
    """The look of a number or an array: red where it is not finite, faint where there is none."""
    if _NOT_FINITE.search(number):
        return WRONG
    return look if any(map(str.isdigit, number)) else FAINT
