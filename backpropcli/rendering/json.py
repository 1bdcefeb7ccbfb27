"""JSON: one document, strict, with every digit; a node a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from sys import maxsize
from typing import Any

from backpropcli.rendering._style import Style, shows
from backpropcli.report import Edge, Jacobian, Note, Report, Row, Step, Use

_NONFINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


def render(report: Report, style: Style) -> Iterator[str]:
    """The report as the document of `backprop schema eval`, in pieces of a key or a node each."""
    yield f'{{"schema": {_text(report.schema, style)}'
    for key, value in _head(report, style):
        yield f",\n {_text(key, style)}: {_value(value, style)}"
    if shows(style, "tables"):
        yield from _list("nodes", (_node(row, style) for row in report.rows))
    if report.explanation is not None:
        yield from _list("explanation", (_step(step, style) for step in report.explanation))
    yield from _list("notes", (_note(note, style) for note in report.notes))
    yield "}\n"


def plain(value: Any, style: Style) -> str:
    """Plain data as strict JSON on one line; of every document, not of reports alone."""
    return _value(value, style)


def _head(report: Report, style: Style) -> Iterator[tuple[str, Any]]:
    """The keys before the nodes, and their plain values."""
    yield "formula", report.formula
    yield "reading", report.reading
    yield "point", report.point
    yield "output", report.output
    yield "value", report.value
    if report.grad is not None and shows(style, "grad"):
        yield "grad", report.grad
    for key, value in report.extras.items():
        # With several outputs the Jacobian stands where the gradient would.
        if style.only is None or (style.only == "grad" and key == "jacobian" and report.grad is None):
            yield key, value


def _list(key: str, items: Iterator[str]) -> Iterator[str]:
    """A key that holds a list, an item a line."""
    yield f',\n "{key}": ['
    separator = "\n  "
    for item in items:
        yield separator + item
        separator = ",\n  "
    yield "]"


def _node(row: Row, style: Style) -> str:
    tangents = "" if row.tangents is None else f', "tangents": {_value(row.tangents, style)}'
    return (
        f'{{"id": {_text(row.id, style)}, "name": {_optional(row.name, style)}, "op": {_text(row.op, style)}, '
        f'"label": {_text(row.label, style)}, "formula": {_text(row.formula, style)}, '
        f'"output": {_value(row.output, style)}, "adjoint": {_value(row.adjoint, style)}, '
        f'"path": {"true" if row.path else "false"}{tangents}, '
        f'"inputs": [{", ".join([_input(edge, style) for edge in row.inputs])}], '
        f'"uses": [{", ".join([_use(use, style) for use in row.uses])}]}}'
    )


def _input(edge: Edge, style: Style) -> str:
    return (
        f'{{"from": {_text(edge.source, style)}, "value": {_value(edge.value, style)}, '
        f'"partial": {_partial(edge.partial, style)}, "rule": {_optional(edge.rule, style)}, '
        f'"contribution": {_value(edge.contribution, style)}}}'
    )


def _partial(partial: Any, style: Style) -> str:
    """A local derivative: a number, or between arrays an object."""
    return _value(partial._asdict() if isinstance(partial, Jacobian) else partial, style)


def _use(use: Use, style: Style) -> str:
    return f'{{"by": {_text(use.by, style)}, "contribution": {_value(use.contribution, style)}}}'


def _step(step: Step, style: Style) -> str:
    """A step of an explanation; an equation as the texts of its sides, with every digit."""
    from backpropcli.rendering import _board

    exact = Style(digits=None)
    equations = [[_board.SUM.join(side) for side in _board.sides(each, exact, maxsize)] for each in step.equations]
    return (
        f'{{"pass": {_text(step.stage, style)}, "node": {_text(step.node, style)}, "name": {_text(step.name, style)}, '
        f'"value": {_value(step.value, style)}, "equations": {_value(equations, style)}, '
        f'"pattern": {_optional(step.pattern, style)}, "remarks": {_value(step.remarks, style)}}}'
    )


def _note(note: Note, style: Style) -> str:
    return _value(note._asdict(), style)


def _optional(text: str | None, style: Style) -> str:
    return "null" if text is None else _text(text, style)


def _text(text: str, style: Style) -> str:
    """A string; as it is where it can be shown safely, else escaped, so that no control byte ever comes out."""
    return encode_basestring(text) if style.unicode and text.isprintable() else encode_basestring_ascii(text)


def _value(value: Any, style: Style) -> str:
    """A plain value on one line; floats as the shortest text that reads back the same, non-finite ones as strings."""
    if isinstance(value, float):
        text = float.__repr__(value)
        return text if isfinite(value) else _NONFINITE[text]
    if isinstance(value, str):
        return _text(value, style)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_text(key, style)}: {_value(entry, style)}' for key, entry in value.items())}}}"
    if isinstance(value, Sequence):
        if set(map(type, value)) == {float}:
            # A long row at once; nan and inf have a letter of their own in common.
            row = list.__repr__(list(value))
            if "n" not in row:
                return row
        return f"[{', '.join(_value(entry, style) for entry in value)}]"
    raise TypeError(f"{type(value).__name__} is no plain data")
