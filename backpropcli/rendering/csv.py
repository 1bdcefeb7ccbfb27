"""CSV: one table for a spreadsheet, a row an edge of the graph, with every digit.

Rows stand in evaluation order, and a node has one for each of its inputs, which repeats what is said of the node. Then
come the outputs, the variables with the gradient's entries as their adjoints, and a row for each number that was asked
for besides; in these `op` says what they are. `--only grad` is a table of its own, of variables and derivatives.

Of arrays every entry has a row, and is called as in the order of a Hessian: `x[0]`, `W[0,1]`. A node that has an array,
or takes one, has rows for its output's entries first and then for each input's; their `partial` is a number where the
node depends on that entry by one number, as entry by entry, and else the word for the matrix's structure.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from io import StringIO
from itertools import repeat
from math import isfinite, prod
from typing import Any

from backpropcli.errors import visible
from backpropcli.rendering._arrays import dims, flat, is_array, labelled, places
from backpropcli.rendering._ascii import spelled
from backpropcli.rendering._style import Style, directions, shows, values
from backpropcli.report import Edge, Jacobian, Report, Row

# Text that a spreadsheet would take for a formula or a command, after the spaces and quotes that it skips.
_STARTS = frozenset("=+-@\t\r\n|＝＋－＠｜")
_SKIPPED = " '\"\u00a0\u3000＇＂"
_NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")
_NONFINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NODE = ("id", "name", "op", "formula", "output", "adjoint")
_EDGE = ("input", "value", "partial", "rule", "contribution")

# Matrices with one number on their diagonal.
_SCALED = {"I": 1.0, "-I": -1.0, "0": 0.0}
# What was asked for and may be an array, or arrays with names.
_NAMED: Mapping[str, Callable[[Any], Iterable[tuple[object, Any]]]] = {
    "hvp": dict.items,
    "partial": dict.items,
    "derivatives": enumerate,
    "jvp": lambda found: [("", found)],
}

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
        for name, value in values(report):
            yield from _labelled(name, value)
    elif style.only == "grad":
        yield from _derivatives(report)
    else:
        yield from _edges(report, everything=shows(style, "value"))


def _labelled(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A number with its name, of an array every entry with its own."""
    for place, entry in zip(places(dims(value)), flat(value), strict=True):
        yield labelled(name, place), entry


def _derivatives(report: Report) -> Iterator[Cells]:
    """The gradient; of several outputs or an array the Jacobian, where that was asked for."""
    if report.grad is not None:
        yield "variable", "derivative"
        for name, slope in report.grad.items():
            yield from _labelled(name, slope)
        return
    yield "output", "variable", "derivative"
    for variable, output, slope in _jacobian(report):
        yield output, variable, slope


def _jacobian(report: Report) -> Iterator[tuple[str, str, Any]]:
    """Every entry of the Jacobian, with the variable's and the output's that it belongs to."""
    outputs = values(report)
    for name, found in report.extras.get("jacobian", {}).items():
        variables = [labelled(name, place) for place in places(dims(report.point[name]))]
        for (output, value), part in zip(outputs, found if len(outputs) > 1 else [found], strict=True):
            entries = iter(flat(part))
            for place in places(dims(value)):
                for variable in variables:
                    yield variable, labelled(output, place), next(entries)


def _edges(report: Report, *, everything: bool) -> Iterator[Cells]:
    forward = directions(report) if report.mode != "reverse" else ()
    along = [dims(report.point[name]) for name in forward]
    moving = [labelled(name, place) for name, own in zip(forward, along, strict=True) for place in places(own)]
    yield *_NODE, *_EDGE, *(f"tangent {name}" for name in moving)
    for node in report.rows:
        moved = _tangents(node, forward, along)
        if any(map(is_array, (node.output, *[edge.value for edge in node.inputs]))):
            yield from _array_rows(node, moved, len(moving))
        else:
            for edge in node.inputs or (None,):
                yield *_node(node), *_edge(edge), *moved[0]
    blank = [None] * (len(_EDGE) + len(moving))
    for variable in report.variables:
        for (name, value), adjoint in zip(
            _labelled(variable.name, variable.value), _each(variable.adjoint), strict=False
        ):
            yield name, name, "variable", None, value, adjoint, *blank
    if everything:
        for output, found in values(report):
            for name, value in _labelled(output, found):
                yield name, name, "output", None, value, None, *blank
        for key, found in report.extras.items():
            for path, entry in _entries(key, found, report):
                yield path, None, key, None, entry, None, *blank


def _array_rows(node: Row, moved: Sequence[Sequence[Any]], moving: int) -> Iterator[Cells]:
    """The entries of the node's output, then those of its inputs."""
    blank = [None] * len(_EDGE)
    for place, output, adjoint, tangents in zip(
        places(dims(node.output)), flat(node.output), _each(node.adjoint), moved, strict=False
    ):
        name = None if node.name is None else labelled(node.name, place)
        yield labelled(node.id, place), name, node.op, node.formula, output, adjoint, *blank, *tangents
    for edge in node.inputs:
        for entry in _entries_of(edge):
            yield node.id, node.name, node.op, node.formula, None, None, *entry, *[None] * moving


def _node(node: Row) -> Cells:
    return node.id, node.name, node.op, node.formula, node.output, node.adjoint


def _edge(edge: Edge | None) -> Cells:
    if edge is None:
        return [None] * len(_EDGE)
    return edge.source, edge.value, edge.partial, edge.rule, edge.contribution


def _entries_of(edge: Edge) -> Iterator[Cells]:
    """Of an input every entry, with what comes back to it."""
    for (name, value), partial, contribution in zip(
        _labelled(edge.source, edge.value), _partials(edge), _each(edge.contribution), strict=False
    ):
        yield name, value, partial, edge.rule, contribution


def _partials(edge: Edge) -> Iterator[Any]:
    """The local derivative by every entry of an input: a number where it is only one, else the matrix's structure."""
    partial = edge.partial
    if not isinstance(partial, Jacobian):
        return repeat(partial)
    if partial.structure in _SCALED:
        return repeat(_SCALED[partial.structure])
    count = prod(dims(edge.value))
    if partial.entries is not None and partial.structure == "diag":
        return iter(flat(partial.entries)[:: count + 1])
    if partial.entries is not None and prod(partial.shape) == count:
        return iter(flat(partial.entries))
    return repeat(partial.structure)


def _each(value: Any) -> Iterator[Any]:
    """The entries of what may be absent."""
    return repeat(None) if value is None else iter(flat(value))


def _tangents(node: Row, names: Sequence[str], along: Sequence[tuple[int, ...]]) -> list[list[Any]]:
    """For every entry of a node its tangents by every entry of the variables."""
    found: list[list[Any]] = [[] for _ in range(prod(dims(node.output)))]
    for name, own in zip(names, along, strict=True):
        count = prod(own)
        tangent = (node.tangents or {}).get(name)
        entries = [None] * (count * len(found)) if tangent is None else flat(tangent)
        for at, row in enumerate(found):
            row += entries[at * count : (at + 1) * count]
    return found


def _entries(key: str, found: Any, report: Report) -> Iterator[tuple[str, Any]]:
    """Every number that was asked for, with the names or places it belongs to: `x,y` of a Hessian."""
    if key == "hessian":
        names = found["order"]
        for row, entries in zip(names, found["matrix"], strict=True):
            for column, entry in zip(names, entries, strict=True):
                yield f"{row},{column}", entry
        return
    outputs = values(report)
    if key == "jacobian" and any(is_array(value) for _, value in (*outputs, *report.point.items())):
        alone = len(outputs) == 1 and not is_array(outputs[0][1])
        for variable, output, slope in _jacobian(report):
            yield variable if alone else f"{variable},{output}", slope
        return
    if key in ("hvp", "partial", "derivatives", "jvp"):
        named = (
            found.items() if isinstance(found, Mapping) else enumerate(found) if key == "derivatives" else [("", found)]
        )
        for name, value in named:
            yield from _labelled(str(name), value)
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
    return guarded(str(value), unicode=style.unicode)


@lru_cache(maxsize=1024)
def guarded(text: str, *, unicode: bool) -> str:
    """A text as a cell that no spreadsheet takes for a formula."""
    safe = f"'{text}" if text.lstrip(_SKIPPED)[:1] in _STARTS and not _NUMBER.fullmatch(text) else text
    shown = visible(safe, len(safe))
    return shown if unicode or shown.isascii() else spelled(shown, dot="*")
