"""HTML for notebooks: the two tables, what was asked for besides, value, gradient and notes. All text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Any, TypeVar

from backpropcli.rendering import _board
from backpropcli.rendering._arrays import (
    carried,
    local,
    point,
    pulled,
    result,
    shown,
    tangent,
)
from backpropcli.rendering._extras import Equations, Section, sections
from backpropcli.rendering._layout import Block
from backpropcli.rendering._notes import NOTES_SHOWN
from backpropcli.rendering._style import (
    LINES_SHOWN,
    ROWS_SHOWN,
    Style,
    backward,
    directions,
    elided,
    gradient,
    label,
    values,
    words,
)
from backpropcli.report import Edge, Report, Row, Step, VariableRow

WIDEST = 120
"""How wide an array is written before it is broken into lines."""

Item = TypeVar("Item")
Cells = Sequence[str]

# Notebooks push what stands in tables to the right, and their sheets are stronger than one of ours.
_CELL = '<td style="text-align:left;vertical-align:top">'


def render(report: Report, style: Style) -> Iterator[str]:
    """The report as one element, a section's title or a table's row a piece."""
    yield '<div class="backprop">\n'
    yield f"<p><b>Reading:</b> <code>{_text(report.reading, style)}</code></p>\n"
    if report.rows:
        yield from _forward(report, style)
        if report.mode in ("forward", "both"):
            yield from _tangents(report, style)
    if report.mode in ("reverse", "both") and backward(report):
        yield from _backward(report, style)
    for section in sections(report, style):
        yield from _section(section, style)
    yield from _explanation(report.explanation or (), style)
    yield from _closing(report, style)
    if report.notes:
        yield from _notes(report, style)
    yield "</div>\n"


def formula(reading: str, variables: Sequence[str], style: Style) -> str:
    """A formula that has no point yet: its reading, and what it is a function of."""
    names = ", ".join(f"<code>{_text(name, style)}</code>" for name in variables[:LINES_SHOWN])
    more = f" and {len(variables) - LINES_SHOWN:,} more" if len(variables) > LINES_SHOWN else ""
    of = f" of {names}{more}" if variables else ", a constant"
    return f'<div class="backprop"><code>{_text(reading, style)}</code>{of}</div>\n'


def _forward(report: Report, style: Style) -> Iterator[str]:
    def row(node: Row) -> Cells:
        return (
            _node(node, style),
            _lines([_beside(f"{_name(edge, style)} = ", shown(edge.value, style)) for edge in node.inputs]),
            _said(shown(node.output, style)),
            _lines([_local(edge, node, style) for edge in node.inputs]),
        )

    header = ("node", "inputs i", "output o", "local derivatives do/di")
    yield from _table(_title("Forward pass", report, style), header, report.rows, row)


def _tangents(report: Report, style: Style) -> Iterator[str]:
    names = directions(report)

    def row(node: Row) -> Cells:
        tangents = node.tangents or {}
        return _node(node, style), *(_said(tangent(tangents.get(name), node.output, style)) for name in names)

    header = ("node", *(f"do/d{_text(name, style)}" for name in names))
    yield from _table(_title("Forward pass, tangents", report, style), header, report.rows, row)


def _backward(report: Report, style: Style) -> Iterator[str]:
    def row(node: Row | VariableRow) -> Cells:
        if isinstance(node, VariableRow):
            return f"<b>{_text(node.name, style)}</b>", _adjoint(node, style), "", ""
        edges = node.inputs if node.path else ()
        return (
            _node(node, style),
            _adjoint(node, style),
            _lines([_beside(f"{_name(edge, style)}: ", carried(edge, node.output, style)) for edge in edges]),
            _lines([_beside(f"{_name(edge, style)}: ", pulled(edge, output, style)) for edge in edges]),
        )

    output = words(report.output, style)
    above = f"d{escape(output)}"
    header = ("node", f"{above}/do", "do/di", f"{above}/di")
    yield from _table(_title("Backward pass", report, style), header, backward(report), row)


def _explanation(steps: Sequence[Step], style: Style) -> Iterator[str]:
    """The passes in words: a list each, with an item a node."""
    number = 1
    for stage, run in _board.stages(steps):
        yield f'<p><b>{_board.TITLES[stage]}</b><br>{escape(_board.LEADS[stage])}</p>\n<ol start="{number}">\n'
        for step in run:
            lines = [f"<code>{escape(_board.on_a_line(found))}</code>" for found in _board.texts(step, style)]
            lines += [escape(sentence) for sentence in _board.said(step, style)]
            yield f"<li>{'<br>'.join(lines)}</li>\n"
        yield "</ol>\n"
        number += len(run)


def _section(section: Section, style: Style) -> Iterator[str]:
    title = escape(section.title)
    if isinstance(section, Equations):
        yield from _table(title, ("", "value"), section.lines, lambda line: (escape(line[0]), _equal(line[1], style)))
        return
    names = [escape(name) for name in section.columns]
    places = range(len(section.columns))

    def row(at: int) -> Cells:
        return f"<b>{escape(section.rows[at])}</b>", *(escape(section.entry(at, to)) for to in places)

    yield from _table(title, ("", *names), range(len(section.rows)), row)


def _closing(report: Report, style: Style) -> Iterator[str]:
    found = [*((words(name, style), value) for name, value in values(report)), *gradient(report, style)]
    title = "Value and gradient" if report.grad else "Value"

    def row(pair: tuple[str, Any]) -> Cells:
        return escape(pair[0]), f"<b>{_equal(pair[1], style)}</b>"

    yield from _table(title, ("quantity", "value"), found, row)


def _notes(report: Report, style: Style) -> Iterator[str]:
    yield "<ul>\n"
    for note in report.notes[:NOTES_SHOWN]:
        yield f"<li><b>{_text(note.severity, style)}:</b> {_text(note.message, style)}</li>\n"
    if len(report.notes) > NOTES_SHOWN:
        yield f"<li>… and {len(report.notes) - NOTES_SHOWN:,} more</li>\n"
    yield "</ul>\n"


def _node(node: Row, style: Style) -> str:
    return f"<b>{_text(node.shown, style)}</b> {escape(label(node.label, style))}"


def _name(edge: Edge, style: Style) -> str:
    return _text(edge.name, style)


def _local(edge: Edge, node: Row, style: Style) -> str:
    """A local derivative: its formula where that says something, and its value."""
    formula, value = local(edge, node.output, style)
    return _beside(f"<code>{escape(formula)}</code> = " if formula else "", value)


def _said(value: str | Block) -> str:
    """A number, or an array with a line a row."""
    if isinstance(value, str):
        return escape(value)
    lines = "<br>".join([escape(line) for line in value.lines(WIDEST)])
    return f'<code style="white-space:pre;display:inline-block;vertical-align:top;background:none">{lines}</code>'


def _beside(lead: str, value: str | Block) -> str:
    return f"{lead}{_said(value)}"


def _equal(value: Any, style: Style) -> str:
    """A value outside of the tables of the passes, or words."""
    if isinstance(value, str):
        return escape(value)
    return _said(result(value, style))


def _adjoint(node: Row | VariableRow, style: Style) -> str:
    """What arrives along each use, and beneath it their sum."""
    if not node.path:
        return "no path"
    uses = [f"{_said(shown(use.contribution, style))} via {_text(use.name, style)}" for use in node.uses]
    total = f"<b>{_said(shown(node.adjoint, style))}</b>"
    return _lines(uses, f"{total} sum") if len(uses) > 1 else total


def _lines(lines: Sequence[str], *last: str) -> str:
    """The lines of a cell, of very many the first and the last."""
    first, count, rest = elided(lines, LINES_SHOWN)
    return "<br>".join([*first, *([f"… {count:,} more"] if count else []), *rest, *last])


def _title(title: str, report: Report, style: Style) -> str:
    first, count, last = elided(point(report.point, style), LINES_SHOWN)
    between = [f"… {count:,} more"] if count else []
    entries = [*[escape(str(entry)) for entry in first], *between, *[escape(str(entry)) for entry in last]]
    return f"{title}{': ' if entries else ''}{', '.join(entries)}"


def _table(title: str, header: Iterable[str], items: Sequence[Item], row: Callable[[Item], Cells]) -> Iterator[str]:
    """A table, of very many rows the first and the last; its cells are HTML already."""
    names = list(header)
    yield f'<table>\n<caption style="text-align:left">{title}</caption>\n<thead><tr>'
    yield f"{''.join([f'<th>{name}</th>' for name in names])}</tr></thead>\n<tbody>\n"
    first, count, last = elided(items, ROWS_SHOWN)
    for item in first:
        yield _row(row(item))
    if count:
        yield f'<tr><td colspan="{len(names)}">… {count:,} more</td></tr>\n'
    for item in last:
        yield _row(row(item))
    yield "</tbody>\n</table>\n"


def _row(cells: Cells) -> str:
    return f"<tr>{''.join([f'{_CELL}{cell}</td>' for cell in cells])}</tr>\n"


def _text(text: str, style: Style) -> str:
    return escape(words(text, style))
