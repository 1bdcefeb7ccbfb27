"""CSV: one table for a spreadsheet, a row an edge of the graph, with every digit.

Rows stand in evaluation order, and a node has one for each of its inputs, which repeats what is said of the node. Then
come the outputs, the variables with the gradient's entries as their adjoints, and a row for each number that was asked
for besides; in these `op` says what they are. `--only grad` is a table of its own, of variables and derivatives.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from math import isfinite
from typing import Any

from backpropcli.errors import visible
from backpropcli.rendering._ascii import spelled
from backpropcli.rendering._style import Style, directions, shows, values
from backpropcli.report import Edge, Report, Row

# Text that a spreadsheet would take for a formula or a command, after the spaces and quotes that it skips.
_STARTS = frozenset("=+-@\t\r\n|＝＋－＠｜")
_SKIPPED = " '\"\u00a0\u3000＇＂"
_NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")
_NONFINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NODE = ("id", "name", "op", "formula", "output", "adjoint")
_EDGE = ("input", "value", "partial", "rule", "contribution")

Cells = Sequence[Any]


def render(report: Report, style: Style) -> Iterator[str]:
    """The header and the rows, a row a piece."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in _rows(report, style):
        writer.writerow([_cell(value, style) for value in row])
        yield file.getvalue()
        file.seek(0)
        file.truncate()


def _rows(report: Report, style: Style) -> Iterator[Cells]:
    if style.only == "value":
        yield "output", "value"
        yield from values(report)
    elif style.only == "grad":
        yield from _derivatives(report)
    else:
        yield from _edges(report, everything=shows(style, "value"))


def _derivatives(report: Report) -> Iterator[Cells]:
    """The gradient; of several outputs the Jacobian, where that was asked for."""
    if report.grad is not None:
        yield "variable", "derivative"
        yield from report.grad.items()
        return
    yield "output", "variable", "derivative"
    for name, column in report.extras.get("jacobian", {}).items():
        for (output, _), slope in zip(values(report), column, strict=True):
            yield output, name, slope


def _edges(report: Report, *, everything: bool) -> Iterator[Cells]:
    forward = directions(report) if report.mode != "reverse" else ()
    yield *_NODE, *_EDGE, *(f"tangent {name}" for name in forward)
    for node in report.rows:
        tangents = [(node.tangents or {}).get(name) for name in forward]
        for edge in node.inputs or (None,):
            yield *_node(node), *_edge(edge), *tangents
    blank = [None] * (len(_EDGE) + len(forward))
    for variable in report.variables:
        yield variable.name, variable.name, "variable", None, variable.value, variable.adjoint, *blank
    if everything:
        for name, value in values(report):
            yield name, name, "output", None, value, None, *blank
        for key, found in report.extras.items():
            for path, entry in _entries(key, found):
                yield path, None, key, None, entry, None, *blank


def _node(node: Row) -> Cells:
    return node.id, node.name, node.op, node.formula, node.output, node.adjoint


def _edge(edge: Edge | None) -> Cells:
    if edge is None:
        return [None] * len(_EDGE)
    return edge.source, edge.value, edge.partial, edge.rule, edge.contribution


def _entries(key: str, found: Any) -> Iterator[tuple[str, Any]]:
    """Every number that was asked for, with the names or places it belongs to: `x,y` of a Hessian."""
    if key == "hessian":
        names = found["order"]
        for row, entries in zip(names, found["matrix"], strict=True):
            for column, entry in zip(names, entries, strict=True):
                yield f"{row},{column}", entry
        return
    # A loop, since lists are as deep as arrays have axes.
    pending: list[tuple[tuple[str, ...], Any]] = [((), found)]
    while pending:
        path, inner = pending.pop()
        if isinstance(inner, Mapping):
            pending += reversed([((*path, str(name)), entry) for name, entry in inner.items()])
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            pending += reversed([((*path, _place(entry, place)), entry) for place, entry in enumerate(inner)])
        else:
            yield ",".join(path), inner


def _place(entry: Any, place: int) -> str:
    """What an entry of a list is called: by its variable where it is about one."""
    return str(entry.get("variable", place)) if isinstance(entry, Mapping) else str(place)


def _cell(value: Any, style: Style) -> str:
    """A cell's text: numbers as they read back, nothing where there is none, and never a spreadsheet's formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        text = repr(float(value))
        return text if isfinite(value) else _NONFINITE[text]
    text = str(value)
    guarded = f"'{text}" if text.lstrip(_SKIPPED)[:1] in _STARTS and not _NUMBER.fullmatch(text) else text
    shown = visible(guarded, len(guarded))
    return shown if style.unicode or shown.isascii() else spelled(shown, dot="*")
