"""What was asked for besides value and gradient, as sections that every format for people writes in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from math import isfinite, prod
from typing import Any

from backpropcli.records import NamedTuple
from backpropcli.rendering._arrays import dims, flat, is_array, labelled, places
from backpropcli.rendering._style import Style, number, values, words
from backpropcli.report import Report


class Equations(NamedTuple):
    """A title and lines `name = value`."""

    title: str
    lines: Sequence[tuple[str, Any]]
    """Names as they may be shown; numbers, nested lists of them, and words as they may be shown."""
    prose: bool = False
    """Whether the lines are sentences, each about what is named."""


class Matrix(NamedTuple):
    """A title, the rows' names, the columns' names, and a number or a word for each pair of them."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    entry: Callable[[int, int], str]


Section = Equations | Matrix

MATRIX = 24
"""The most rows and columns of a Jacobian of arrays that is shown as one matrix."""


def sections(report: Report, style: Style) -> Iterator[Section]:
    """The sections of the report's extras, in their order, as far as the style shows them.

    Of several numbers the Jacobian stands where the gradient would.
    """
    for key, found in report.extras.items():
        if style.only is not None and not (style.only == "grad" and key == "jacobian" and report.grad is None):
            continue
        if key in _SEVERAL:
            yield from _SEVERAL[key](found, style)
        else:
            yield _SECTIONS.get(key, _other)(key, found, report, style)


def _hessian(_: str, found: Any, report: Report, style: Style) -> Section:
    names = [words(name, style) for name in found["order"]]
    matrix = found["matrix"]
    return Matrix("Hessian", names, names, lambda row, column: _plain(matrix[row][column], style))


def _jacobian(_: str, found: Mapping[str, Any], report: Report, style: Style) -> Section:
    """A matrix with a row an entry of the outputs and a column one of the variables; of more a line a variable."""
    outputs = [(words(name, style), value) for name, value in values(report)]
    blocks = {name: entries if len(outputs) > 1 else [entries] for name, entries in found.items()}
    shapes = {name: dims(report.point[name]) for name in found}
    height, width = (sum(map(prod, some)) for some in ([dims(value) for _, value in outputs], shapes.values()))
    if max(height, width) > MATRIX and max(height, width) > max(len(outputs), len(found)):
        by = [
            (f"d{output}/d{words(name, style)}", entries)
            for name, parts in blocks.items()
            for (output, _), entries in zip(outputs, parts, strict=True)
        ]
        return Equations("Jacobian", by)
    rows = [labelled(name, place) for name, value in outputs for place in places(dims(value))]
    columns = [labelled(words(name, style), place) for name in found for place in places(shapes[name])]
    entries: list[list[Any]] = [[] for _ in rows]
    for name, parts in blocks.items():
        along = prod(shapes[name])
        every = [entry for part in parts for entry in flat(part)]
        for at, row in enumerate(entries):
            row += every[at * along : (at + 1) * along]
    return Matrix("Jacobian", rows, columns, lambda row, column: _plain(entries[row][column], style))


def _derivatives(_: str, found: Sequence[Any], report: Report, style: Style) -> Section:
    output = words(report.output, style)
    names = [output + ("'" * order if order < 4 else f"^({order})") for order in range(len(found))]
    return Equations("Derivatives", list(zip(names, found, strict=True)))


def _jvp(_: str, found: Any, report: Report, style: Style) -> Section:
    return Equations("Derivative along the direction", [(f"d{words(report.output, style)}", found)])


def _hvp(_: str, found: Mapping[str, Any], report: Report, style: Style) -> Section:
    return Equations("Hessian times the direction", _named(found, style))


def _partial(_: str, found: Mapping[str, Any], report: Report, style: Style) -> Section:
    """`d^3z/(dx^2 dy)` of the key `x,x,y`."""
    output = words(report.output, style)
    lines = []
    for path, entry in found.items():
        names = [words(name.strip(), style) for name in path.split(",")]
        below = [f"d{_power(name, len(list(run)))}" for name, run in groupby(names)]
        denominator = below[0] if len(below) == 1 else f"({' '.join(below)})"
        lines.append((f"{_power('d', len(names))}{output}/{denominator}", entry))
    return Equations("Partial derivatives" if len(lines) > 1 else "Partial derivative", lines)


def _finite_differences(found: Mapping[str, Any], style: Style) -> Iterator[Section]:
    """The comparisons, and what is to be said of those that are not plain."""
    entries = found["entries"]
    columns = (("gradient", "ad"), ("differences", "fd"), ("error", "error"), ("verdict", "verdict"))
    yield Matrix(
        "Finite differences",
        [words(entry["variable"], style) for entry in entries],
        [title for title, _ in columns],
        lambda row, column: _plain(_shown_error(entries[row], columns[column][1]), style),
    )
    remarks = [
        (words(entry["variable"], style), _plain(entry["message"], style)) for entry in entries if entry["message"]
    ]
    if remarks:
        yield Equations("What finite differences say", remarks, prose=True)


def _shown_error(entry: Mapping[str, Any], key: str) -> Any:
    """An entry of a comparison; of an error two digits tell enough."""
    return float(f"{entry[key]:.1e}") if key == "error" and entry[key] is not None else entry[key]


def _diagnose(found: Mapping[str, Any], style: Style) -> Iterator[Section]:
    """What is amiss; then every node's digits; then what becomes of every input."""
    lines = [
        (
            words(finding["node"] or "here", style),
            words("; ".join(filter(None, (finding["message"], finding["hint"]))), style),
        )
        for finding in found["findings"]
    ]
    if found["more"]:
        lines.append(("besides", f"{found['more']:,} more findings"))
    if not lines:
        lines = [("nothing", "no digits lost, no range left, no gate saturated, no slope vanishing or exploding")]
    yield Equations("Diagnosis", lines, prose=True)
    nodes = found["nodes"]
    if nodes:
        columns = (("condition", "condition"), ("digits at risk", "digits_lost"), ("digits right", "digits_kept"))
        yield Matrix(
            "Digits",
            [words(node["node"], style) for node in nodes],
            [title for title, _ in columns],
            lambda row, column: _figure(nodes[row][columns[column][1]], style, tenths=column > 0),
        )
    names = list(found["condition"])
    if names:
        paths = found["paths"]
        figures = [(found["condition"][name], paths[name]["largest"], paths[name]["smallest"]) for name in names]
        yield Matrix(
            "Inputs",
            [words(name, style) for name in names],
            ["condition", "largest path", "smallest path"],
            lambda row, column: _figure(figures[row][column], style),
        )


_WAYS = {
    "value": "value",
    "reverse": "gradient, reverse mode",
    "forward": "gradient, forward mode",
    "finite_differences": "gradient, differences",
}


def _op_count(found: Mapping[str, Any], style: Style) -> Iterator[Section]:
    """The ways with their costs; then what the cheap gradient principle says of them."""
    ways = found["ways"]
    cost = ways[0]["operations"]

    def entry(row: int, column: int) -> str:
        way = ways[row]
        if column == 1:
            return number(float(f"{way['operations'] / cost:.3g}"), style) if cost else ""
        if column == 4:
            return _duration(way["seconds"])
        return f"{way[('operations', '', 'products', 'numbers')[column]]:,}"

    names = [_WAYS[way["way"]] for way in ways]
    yield Matrix("Cost", names, ["operations", "times value", "products", "numbers held", "time"], entry)
    inputs, outputs = found["inputs"], found["outputs"]
    of = f"by {inputs:,} input{'s' * (inputs != 1)}" + (f" of {outputs:,} outputs" if outputs != 1 else "")
    ratio, bound = [number(float(f"{figure:.3g}"), style) for figure in (found["ratio"], found["bound"])]
    said = f"the gradient {of} costs {ratio} times the value; the principle allows about {bound}"
    yield Equations("Cheap gradient principle", [("reverse mode", said)], prose=True)


def _duration(seconds: float) -> str:
    """A time in the unit that suits it; two digits of it tell enough."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0 or unit == "us":
            return f"{float(f'{seconds * factor:.2g}'):g} {unit}"
    return ""


def _figure(value: float, style: Style, *, tenths: bool = False) -> str:
    """An estimate: three digits of it, or tenths, tell enough."""
    if not isfinite(value):
        return number(value, style)
    return number(float(f"{value:.1f}" if tenths else f"{value:.3g}"), style)


def _other(key: str, found: Any, report: Report, style: Style) -> Section:
    """Anything else, so that nothing that was asked for is missing."""
    name = words(key, style)
    return Equations(name, _named(found, style) if isinstance(found, Mapping) else [(name, _told(found, style))])


_SECTIONS: Mapping[str, Callable[[str, Any, Report, Style], Section]] = {
    "hessian": _hessian,
    "jacobian": _jacobian,
    "derivatives": _derivatives,
    "jvp": _jvp,
    "hvp": _hvp,
    "partial": _partial,
}

_SEVERAL: Mapping[str, Callable[[Any, Style], Iterator[Section]]] = {
    "finite_differences": _finite_differences,
    "diagnose": _diagnose,
    "op_count": _op_count,
}


def _power(base: str, exponent: int) -> str:
    return base if exponent == 1 else f"{base}^{exponent}"


def _named(found: Mapping[str, Any], style: Style) -> list[tuple[str, Any]]:
    return [(words(name, style), _told(entry, style)) for name, entry in found.items()]


def _told(entry: Any, style: Style) -> Any:
    """A number or nested lists of them as they are; whatever else there is in words."""
    return (
        entry if _is_number(entry) or (is_array(entry) and all(map(_is_number, flat(entry)))) else _plain(entry, style)
    )


def _is_number(entry: Any) -> bool:
    return isinstance(entry, (int, float)) and not isinstance(entry, bool)


def _plain(entry: Any, style: Style) -> str:
    """A number or a word, or several on one line."""
    if entry is None or _is_number(entry):
        return number(entry, style)
    if is_array(entry):
        return f"[{', '.join(_plain(inner, style) for inner in entry)}]"
    if isinstance(entry, Mapping):
        return ", ".join(f"{words(name, style)}: {_plain(inner, style)}" for name, inner in entry.items())
    return words(str(entry), style)
