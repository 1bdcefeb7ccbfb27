"""Markdown as GitHub shows it: the two tables, value, gradient and notes, as a document that reads well as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from backpropcli.errors import columns
from backpropcli.rendering import _board
from backpropcli.rendering._arrays import (
    carried,
    is_array,
    local,
    on_one_line,
    point,
    pulled,
    result,
    shown,
    tangent,
)
from backpropcli.rendering._extras import Equations, Section, sections
from backpropcli.rendering._layout import Block
from backpropcli.rendering._style import (
    LINES_SHOWN,
    Style,
    backward,
    directions,
    gradient,
    label,
    shows,
    values,
    words,
)
from backpropcli.report import Edge, Note, Report, Row, Step, VariableRow

WIDEST = 80
"""How far cells are padded: one cell of a thousand uses must not make every line as long as itself."""

# What starts something inside a line of GitHub's Markdown: `_` only at the edge of a word, `:` in an address or emoji.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]|[&@](?=[\w#])|:(?=[\w/])|(?<![^\W_])_|_(?![^\W_])")
_BACKTICKS = re.compile(r"`+")

MEASURED = 1_000
"""The rows that decide how wide the columns are; nobody reads the source of a longer table in columns."""

Cells = Sequence[str]
Item = TypeVar("Item")


def render(report: Report, style: Style) -> Iterator[str]:
    """The document, a section's line or a table's row a piece; no row is left out."""
    parts = [part for part in _parts(report, style) if part is not None]
    for index, part in enumerate(parts):
        if index:
            yield "\n"
        yield from part


def formula(reading: str, variables: Sequence[str], style: Style) -> str:
    """A formula that has no point yet: its reading, and what it is a function of."""
    names = ", ".join(_code(words(name, style)) for name in variables[:LINES_SHOWN])
    more = f" and {len(variables) - LINES_SHOWN:,} more" if len(variables) > LINES_SHOWN else ""
    return f"{_code(words(reading, style))}{f' of {names}{more}' if variables else ', a constant'}\n"


def _parts(report: Report, style: Style) -> Iterator[Iterator[str] | None]:
    """The document's sections, each an iterator over its text."""
    if style.only is None:
        yield iter([f"**Reading:** {_code(words(report.reading, style))}\n"])
    if shows(style, "tables"):
        yield _forward(report, style) if report.rows else None
        yield _tangents(report, style) if report.rows and report.mode in ("forward", "both") else None
        yield _backward(report, style) if backward(report) and report.mode in ("reverse", "both") else None
    for section in sections(report, style):
        yield _section(section, style)
    number = 1
    for stage, run in _board.stages(report.explanation or () if style.only is None else ()):
        yield _explanation(stage, run, number, style)
        number += len(run)
    if shows(style, "value", "grad"):
        yield _closing(report, style)
    if style.only is None and report.notes:
        yield _notes(report.notes, style)


def _forward(report: Report, style: Style) -> Iterator[str]:
    def row(node: Row) -> Cells:
        return (
            _node(node, style),
            ", ".join(f"{_name(edge, style)} = {_value(edge.value, style)}" for edge in node.inputs),
            _value(node.output, style),
            "; ".join(_local(edge, node, style) for edge in node.inputs),
        )

    yield _title("Forward pass", report, style)
    yield from _table(("node", "inputs i", "output o", "local derivatives do/di"), report.rows, row)


def _backward(report: Report, style: Style) -> Iterator[str]:
    output = words(report.output, style)

    def row(node: Row | VariableRow) -> Cells:
        if isinstance(node, VariableRow):
            return f"**{_text(words(node.name, style))}**", _adjoint(node, style), "", ""
        edges = node.inputs if node.path else ()
        return (
            _node(node, style),
            _adjoint(node, style),
            "; ".join(f"{_name(edge, style)}: {_said(carried(edge, node.output, style))}" for edge in edges),
            "; ".join(f"{_name(edge, style)}: {_said(pulled(edge, output, style))}" for edge in edges),
        )

    yield _title("Backward pass", report, style)
    above = f"d{_text(output)}"
    yield from _table(("node", f"{above}/do", "do/di", f"{above}/di"), backward(report), row)


def _tangents(report: Report, style: Style) -> Iterator[str]:
    names = directions(report)

    def row(node: Row) -> Cells:
        tangents = node.tangents or {}
        return _node(node, style), *(_said(tangent(tangents.get(name), node.output, style)) for name in names)

    yield _title("Forward pass, tangents", report, style)
    yield from _table(("node", *(f"do/d{_text(words(name, style))}" for name in names)), report.rows, row)


def _node(node: Row, style: Style) -> str:
    return f"**{_text(words(node.shown, style))}** {_text(label(node.label, style))}"


def _name(edge: Edge, style: Style) -> str:
    return _text(words(edge.name, style))


def _value(value: Any, style: Style) -> str:
    return _said(shown(value, style))


def _said(value: str | Block) -> str:
    """A number, or an array, as code, since its brackets are no link."""
    return value if isinstance(value, str) else _code(on_one_line(value), cell=True)


def _local(edge: Edge, node: Row, style: Style) -> str:
    """One local derivative: whose, its formula where that says something, and its value."""
    formula, value = local(edge, node.output, style)
    return f"{_name(edge, style)}: {_code(formula, cell=True) + ' = ' if formula else ''}{_said(value)}"


def _adjoint(node: Row | VariableRow, style: Style) -> str:
    """The adjoint dz/do, and where there are several uses what each of them contributes."""
    if not node.path:
        return "no path"
    total = _value(node.adjoint, style)
    if len(node.uses) < 2:
        return total
    uses = (f"{_value(use.contribution, style)} via {_text(words(use.name, style))}" for use in node.uses)
    return f"{', '.join(uses)}; sum **{total}**"


def _title(title: str, report: Report, style: Style) -> str:
    entries = [
        f"{_text(name)}{sign} {_code(value) if is_array(report.point[key]) else value}"
        for key, (name, sign, value) in zip(report.point, point(report.point, style), strict=True)
    ]
    return f"## {title}{': ' if entries else ''}{', '.join(entries)}\n\n"


def _section(section: Section, style: Style) -> Iterator[str]:
    yield f"## {section.title}\n\n"
    if isinstance(section, Equations):
        yield from _table(("", "value"), section.lines, lambda line: (_text(line[0]), _equal(line[1], style)))
    else:
        names = [_text(name) for name in section.columns]

        def row(at: int) -> Cells:
            return f"**{_text(section.rows[at])}**", *(_text(section.entry(at, to)) for to in range(len(names)))

        yield from _table(("", *names), range(len(section.rows)), row)


def _explanation(stage: str, steps: Sequence[Step], number: int, style: Style) -> Iterator[str]:
    """A pass in words: a list with an item a node."""
    yield f"## {_board.TITLES[stage]}\n\n{_text(_board.LEADS[stage])}\n\n"
    for at, step in enumerate(steps, number):
        inside = [_code(_board.on_a_line(found)) for found in _board.texts(step, style)]
        inside += [_text(sentence) for sentence in _board.said(step, style)]
        first, *rest = inside
        blank = " " * len(f"{at}. ")
        yield f"{at}. {first}\n" + "".join(f"{blank}- {line}\n" for line in rest)


def _closing(report: Report, style: Style) -> Iterator[str]:
    found: list[tuple[str, Any]] = []
    if shows(style, "value") or report.grad is None:
        found += [(words(name, style), value) for name, value in values(report)]
    if shows(style, "grad"):
        found += gradient(report, style)
    titles = {"value": "Value", "grad": "Gradient"}
    yield f"## {titles.get(style.only or '', 'Value and gradient' if report.grad is not None else 'Values')}\n\n"

    def row(pair: tuple[str, Any]) -> Cells:
        return _text(pair[0]), f"**{_said(result(pair[1], style))}**"

    yield from _table(("quantity", "value"), found, row)


def _equal(value: Any, style: Style) -> str:
    return _text(value) if isinstance(value, str) else _said(result(value, style))


def _notes(notes: Sequence[Note], style: Style) -> Iterator[str]:
    yield "## Notes\n\n"
    for note in notes:
        yield f"- **{_text(words(note.severity, style))}:** {_text(words(note.message, style))}\n"


def _table(header: Cells, items: Sequence[Item], row: Callable[[Item], Cells]) -> Iterator[str]:
    """A table, written row by row; its first items are gone through twice, first for the widths of the columns."""
    widths = [max(columns(title), 3) for title in header]
    for item in items[:MEASURED]:
        cells = row(item)
        widths = [max(width, min(columns(cell), WIDEST)) for width, cell in zip(widths, cells, strict=True)]
    yield _row(header, widths)
    yield f"|{'|'.join('-' * (width + 2) for width in widths)}|\n"
    for item in items:
        yield _row(row(item), widths)


def _row(cells: Iterable[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(padded)} |\n"


def _text(text: str) -> str:
    """Text that means nothing to Markdown."""
    return text if text.isalnum() else _SPECIAL.sub(r"\\\g<0>", text)


def _code(text: str, *, cell: bool = False) -> str:
    """Text as code, fenced by more backticks than it holds; in a table a bar ends the cell even there."""
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    inside = text.replace("|", "\\|") if cell else text
    return f"{fence}{blank}{inside}{blank}{fence}"
