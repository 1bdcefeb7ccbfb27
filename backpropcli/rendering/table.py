"""The two tables of the lecture, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from backpropcli.errors import columns
from backpropcli.rendering import _board
from backpropcli.rendering._arrays import carried, dims, is_array, local, point, pulled, result, shown, tangent
from backpropcli.rendering._drawing import (
    ADJOINT,
    FAINT,
    PAGE,
    STRONG,
    VALUE,
    TableRow,
    as_they_are,
    clipped,
    drawn,
    equation,
    equations,
    flow,
    grid,
    listed,
    paragraph,
    some_lines,
)
from backpropcli.rendering._extras import Matrix, Section, sections
from backpropcli.rendering._layout import SUM_RULE, Block, Cell, Column, Line, Part, breadth, line_of
from backpropcli.rendering._style import (
    LINES_SHOWN,
    ROWS_SHOWN,
    Style,
    backward,
    directions,
    elided,
    gradient,
    label,
    left_out,
    shows,
    values,
    words,
)
from backpropcli.report import FORWARD, Report, Row, Step, VariableRow

HEADER_NAME = 12
"""How much of an output's name a header shows where there is little room."""
CLOSING_SHOWN = 60
"""How much of a gradient the closing line repeats beneath the tables."""

_NODE = Column("node", (Part(STRONG, "  ", least=(8, 3)), Part(FAINT, least=(7, 4), optional=True)))
_SOURCE = Part("", " = ", least=(8, 3))
_BESIDE = Part("", "  ", least=(8, 3))
_RULE = Part(FAINT, " = ", right=True, least=(12, 6), optional=True)
_VIA = Part(FAINT, least=(8, 5))


def render(report: Report, style: Style) -> Iterator[str]:
    """The reading, the tables, what was asked for besides, and the closing line; a section or a table a piece.

    The notes belong beneath it but are the caller's to write, since in a pipe they go elsewhere.
    """
    if style.only is None:
        yield drawn(Text.assemble(("Reading: ", STRONG), words(report.reading, style)), style) + "\n"
    if shows(style, "tables"):
        yield from _passes(report, style)
    for section in sections(report, style):
        yield from _section(section, style)
        yield "\n"
    if style.only is None and report.explanation:
        yield from explanation(report, style)
        yield "\n"
    if shows(style, "value", "grad"):
        yield closing(report, style)


def _passes(report: Report, style: Style) -> Iterator[str]:
    """The tables that the report's mode asks for, so far as they have rows, with a blank line after each."""
    if report.rows:
        yield from _forward(report, style)
        yield "\n"
    if report.mode in ("forward", "both") and report.rows:
        yield from _tangents(report, style)
        yield "\n"
    if report.mode in ("reverse", "both") and backward(report):
        yield from _backward(report, style)
        yield "\n"


def _forward(report: Report, style: Style) -> Iterator[str]:
    """The columns node | inputs i | output o | local derivatives do/di."""
    columns = (
        _NODE,
        Column("inputs i", (_SOURCE, Part()), paired=True),
        Column("output o", (Part(VALUE),)),
        Column("local derivatives do/di", (_RULE, Part()), "do/di", paired=True),
    )

    def row(node: Row) -> TableRow:
        return (
            _node(node, style),
            some_lines([(words(edge.name, style), shown(edge.value, style)) for edge in node.inputs], style),
            (line_of(shown(node.output, style)),),
            some_lines([local(edge, node.output, style) for edge in node.inputs], style),
        )

    yield _titled("Forward pass", report, style)
    yield from listed(columns, report.rows, row, style)


def _backward(report: Report, style: Style) -> Iterator[str]:
    """The columns node | dz/do | do/di | dz/di: the nodes against evaluation order, then the variables."""
    output = words(report.output, style)
    short = clipped(output, HEADER_NAME, style)
    columns = (
        _NODE,
        Column(f"d{output}/do", (Part("", "  ", strong=ADJOINT), _VIA), f"d{short}/do"),
        Column("do/di", (_BESIDE, Part()), paired=True),
        Column(f"d{output}/di", (_BESIDE, Part()), f"d{short}/di", paired=True),
    )

    def row(node: Row | VariableRow) -> TableRow:
        if isinstance(node, VariableRow):
            return (Line((words(node.name, style), "")),), _adjoint(node, style), (), ()
        edges = [(words(edge.name, style), edge) for edge in (node.inputs if node.path else ())]
        return (
            _node(node, style),
            _adjoint(node, style),
            some_lines([(name, carried(edge, node.output, style)) for name, edge in edges], style),
            some_lines([(name, pulled(edge, short, style)) for name, edge in edges], style),
        )

    yield _titled("Backward pass", report, style)
    yield from listed(columns, backward(report), row, style, group=type)


def _tangents(report: Report, style: Style) -> Iterator[str]:
    """The columns node | do/dx | do/dy and so on."""
    names = directions(report)
    columns = [Column(f"do/d{words(name, style)}", (Part(),)) for name in names]

    def row(node: Row) -> TableRow:
        tangents = node.tangents or {}
        return _node(node, style), *((line_of(tangent(tangents.get(name), node.output, style)),) for name in names)

    yield _titled("Forward pass, tangents", report, style)
    yield from grid(_NODE, columns, report.rows, row, style)


def _node(node: Row, style: Style) -> Cell:
    return (Line((words(node.shown, style), label(node.label, style))),)


def _adjoint(node: Row | VariableRow, style: Style) -> Cell:
    """dz/do: a line a use, named by its user; where there are several, a rule and their sum beneath."""
    if not node.path:
        return (Line(("no path", "")),)
    total = shown(node.adjoint, style)
    uses = [(shown(use.contribution, style), f"via {words(use.name, style)}") for use in node.uses]
    if len(uses) > 1:
        return *some_lines(uses, style, told=1), SUM_RULE, line_of(total, "sum", strong=True)
    via = uses[0][1] if uses else ""
    return (line_of(total, via, strong=True),)


def _titled(title: str, report: Report, style: Style) -> str:
    """A table's title with the point."""
    entries = [Text(str(entry)) for entry in point(report.point, style)]
    lead = Text.assemble((f"{title}: " if entries else title, STRONG))
    return flow(_some(entries, LINES_SHOWN, style), ", ", style, lead)


def _section(section: Section, style: Style) -> Iterator[str]:
    yield drawn(Text(section.title, STRONG), style)
    if isinstance(section, Matrix):
        lead = Column("", (Part(STRONG, least=(8, 3)),))
        columns = [Column(name, (Part(),)) for name in section.columns]
        places = range(len(columns))

        def row(index: int) -> TableRow:
            return (Line((section.rows[index],)),), *((Line((section.entry(index, at),)),) for at in places)

        yield from grid(lead, columns, range(len(section.rows)), row, style)
    elif section.prose:
        for name, text in section.lines:
            yield paragraph(name, text, style)
    else:
        yield from equations([(name, _equal(value, style)) for name, value in section.lines], "", style)


def explanation(report: Report, style: Style) -> Iterator[str]:
    """The passes in words: a title each, and the steps with their numbers."""
    steps = report.explanation or ()
    margin = len(str(len(steps))) + 2
    number = 0
    for stage, run in _board.stages(steps):
        if number:
            yield "\n"
        yield drawn(Text(_board.TITLES[stage], STRONG), style)
        yield as_they_are([Text(line) for line in _wrapped(_board.LEADS[stage], style.width or PAGE)], style)
        yield "\n"
        first, count, last = elided(list(enumerate(run, number + 1)), ROWS_SHOWN)
        for at, step in first:
            yield _step(f"{at}.", step, margin, style)
        if count:
            yield drawn(Text(left_out(count, style), FAINT), style)
        for at, step in last:
            yield _step(f"{at}.", step, margin, style)
        number += len(run)


def _step(number: str, step: Step, margin: int, style: Style) -> str:
    """A step's equations, and beneath them its sentences."""
    room = max((style.width or PAGE) - margin, 1)
    first, *rest = _board.texts(step, style) or [[]]
    found = [Text(line) for line in _board.lines(first, room)] if first else []
    if first:
        result = first[-1][-1]
        if found[-1].plain.endswith(f" {result}"):
            found[-1].stylize(VALUE if step.stage == FORWARD else ADJOINT, len(found[-1].plain) - len(result))
    found += [Text(line) for line in _board.together(rest, room)]
    found += [Text(line, FAINT) for sentence in _board.said(step, style) for line in _wrapped(sentence, room)]
    leads = [number.rjust(margin - 1) + " ", *[" " * margin] * len(found)]
    return as_they_are([Text(lead) + text for lead, text in zip(leads, found, strict=False)], style)


def _wrapped(sentence: str, room: int) -> list[str]:
    """A sentence in lines."""
    made: list[str] = []
    for word in sentence.split():
        if made and columns(f"{made[-1]} {word}") <= room:
            made[-1] += f" {word}"
        else:
            made.append(word)
    return made


def closing(report: Report, style: Style) -> str:
    """The value and the gradient: side by side, or, where arrays are among them, below each other."""
    found: list[tuple[str, Any, str]] = []
    if shows(style, "value") or report.grad is None:
        found += [(words(name, style), value, VALUE) for name, value in values(report)]
    if shows(style, "grad"):
        found += [(name, value, ADJOINT) for name, value in gradient(report, style)]
    limit = CLOSING_SHOWN if style.only is None else ROWS_SHOWN
    items = [equation(name, _equal(value, style), look, style) for name, value, look in found]
    if not any(is_array(value) for _, value, _ in found):
        return flow(_some([text for lines in items for text in lines], limit, style), "    ", style)
    first, count, last = elided(items, limit)
    more = [[Text(left_out(count, style), FAINT)]] if count else []
    return as_they_are([text for lines in (*first, *more, *last) for text in lines], style)


def _equal(value: Any, style: Style) -> str | Block:
    """A value outside of the tables of the passes; of a matrix that is too wide no more than inside."""
    if isinstance(value, str):
        return value
    found = result(value, style)
    wide = isinstance(found, Block) and len(dims(value)) > 1 and breadth(found.forms[0]) > (style.width or PAGE)
    return shown(value, style) if wide else found


def _some(items: Sequence[Text], limit: int, style: Style) -> list[Text]:
    """The items, of very many the first and the last with a word on those between."""
    first, count, last = elided(items, limit)
    return [*first, *([Text(left_out(count, style), FAINT)] if count else []), *last]
