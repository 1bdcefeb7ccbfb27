"""LaTeX: equations to paste into a text, which needs amsmath alone; they read back as the same formulas."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.algebras import latex
from backpropcli.algebras.algebra import has_arrays
from backpropcli.algebras.latex import Latex
from backpropcli.algebras.text import Source
from backpropcli.errors import BackpropError
from backpropcli.exporting import Slope
from backpropcli.exporting._lines import lines
from backpropcli.graph import VARIABLE, Graph, Literal
from backpropcli.language.latex import tokenize
from backpropcli.language.latex_names import TRANSPOSES
from backpropcli.language.program import build, read
from backpropcli.language.reading import number_text
from backpropcli.primitives import PRECEDENCE

OF_ROWS = False

# A part that is written longer than this gets a line of its own: about the width of a page.
LINE = 120

# A display holds so many equations at most: a page can end between two of them.
EQUATIONS = 16

# The columns that a matrix of amsmath has at most.
_COLUMNS = 10
_ATOM = PRECEDENCE["atom"]


def write(graph: Graph, names: list[str], *, inline: bool = False, slopes: Sequence[Slope] = ()) -> str:
    """The graph as equations, its outputs last: under these names, or, with `slopes`, as derivatives.

    One equation is a display, several are the lines of one. It reads back as the same graph; but what derivatives alone
    are written with, as power_slope, is written out in functions that everybody knows.
    """
    exact = Exact(latex.ENTRIES if has_arrays(graph) else r"\cdot")
    definitions, outputs, _ = lines(graph, names, exact, inline=inline, longest=LINE, joint="_")
    equations = [(_name(name), source.text) for name, source in definitions]
    heads = [_derivative(slope) for slope in slopes] or [_name(name) for name in names]
    if len(outputs) == 1 and not slopes and not equations:
        return rf"\[ {outputs[0].text} \]"
    equations += [(head, source.text) for head, source in zip(heads, outputs, strict=True)]
    if len(equations) == 1:
        return rf"\[ {' = '.join(equations[0])} \]"
    written = [f"  {head} &= {text}" for head, text in equations]
    displays = [_joined(written[at : at + EQUATIONS]) for at in range(0, len(written), EQUATIONS)]
    return "\n".join([f"\\begin{{align*}}\n{display}\n\\end{{align*}}" for display in displays])


def _joined(written: list[str]) -> str:
    """Equations below each other, with space between fractions."""
    made = [written[0]]
    for above, below in itertools.pairwise(written):
        made += [r" \\[4pt]" if r"\frac" in above and r"\frac" in below else r" \\", f"\n{below}"]
    return "".join(made)


def _derivative(slope: Slope) -> str:
    """A derivative with its signs, equal variables in a row with their count."""
    order = f"^{{{len(slope.by)}}}" if len(slope.by) > 1 else ""
    below: list[tuple[str, int]] = []
    for name in slope.by:
        if below and below[-1][0] == name:
            below[-1] = name, below[-1][1] + 1
        else:
            below.append((name, 1))
    by = [rf"\partial {_name(name)}" + (f"^{{{count}}}" if count > 1 else "") for name, count in below]
    beside = r" \, ".join(by)
    return rf"\frac{{\partial{order} {_name(slope.of)}}}{{{beside}}}"


class Exact(Latex):
    """Formulas that read back as the same operations, over the same numbers and names."""

    def __init__(self, product: str = r"\cdot") -> None:
        super().__init__(exact=True, product=product)

    def constant(self, number: Literal) -> Source:
        """The number with every digit, or the name it has; an array of any size."""
        if isinstance(number, tuple):
            return Source(self._nested(number), _ATOM)
        if number == float("inf"):
            return Source(r"\mathrm{inf}", _ATOM)
        if number in primitives.CONSTANTS.values():
            return super().constant(number)
        text = number_text(number)
        mantissa, e, exponent = text.partition("e")
        if e:
            return Source(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", PRECEDENCE["product"])
        return Source(text, PRECEDENCE["sign"] if text.startswith("-") else _ATOM)

    def _nested(self, array: Literal) -> str:
        """A matrix, a row for a vector; with fewer than two rows or columns, or more axes, by its parts."""
        if not isinstance(array, tuple):
            return self.constant(array).text
        wide = [len(row) for row in array if isinstance(row, tuple) and not isinstance(row[0], tuple)]
        if wide and len(array) > 1 and wide[0] > 1:
            return _matrix([[self._nested(entry) for entry in row] for row in array if isinstance(row, tuple)])
        parts = [self._nested(part) for part in array]
        return _matrix([parts] if not isinstance(array[0], tuple) else [[part] for part in parts])

    def name(self, text: str) -> Source:
        """The variable's name in the way a book prints it, if that is read as this name, or else in italics."""
        return Source(_name(text), _ATOM)

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Typesetting the primitive over its arguments: in its form, if that reads back, or else as a call."""
        entry = primitives.TABLE[op]
        if op == "stack":
            return lambda *entries: Source(_matrix([[entry.text for entry in entries]]), _ATOM)
        form = _readable(op, count)
        if form is None:
            return lambda *args: self.call(entry, args)
        filled = self.form(form).filled
        if op == "neg":
            # -2 would read back as the number.
            return lambda a: filled(a) if a.text[0] not in "0123456789." else Source(f"-({a.text})", PRECEDENCE["sign"])
        if op == "pow":
            return lambda a, b: filled(_base(a), _exponent(b))
        if entry.helper:
            return lambda *args: filled(*args) if sum([len(a.text) for a in args]) <= LINE else self.call(entry, args)
        return filled


def _base(a: Source) -> Source:
    """The base of a power; a number times a power of ten would be one number."""
    return Source("{10}", _ATOM) if a.text == "10" else a


def _exponent(b: Source) -> Source:
    """The exponent of a power; A^{T} would be a transpose."""
    return Source(f"{{{b.text}}}", _ATOM) if b.text in TRANSPOSES else b


def _matrix(rows: list[list[str]]) -> str:
    inside = r" \\ ".join([" & ".join(row) for row in rows])
    columns = len(rows[0])
    if columns > _COLUMNS:
        return rf"\left[\begin{{array}}{{{'c' * columns}}} {inside} \end{{array}}\right]"
    return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"


@functools.lru_cache(4096)
def _name(name: str) -> str:
    text = latex.names([name])[name]
    try:
        read_back = [token.text for token in tokenize(text) if token.type not in {"LBRACE", "RBRACE"}]
    except BackpropError:
        return latex.plain(name)
    return text if read_back == [name] else latex.plain(name)


@functools.cache
def _readable(op: str, count: int) -> str | None:
    """The primitive's form, or that of its operator, if it reads back as it; None where none does.

    The form of a helper, which no user has a name for, only has to hold its arguments and nothing else.
    """
    entry = primitives.TABLE[op]
    names = [f"x_{k}" for k in range(1, count + 1)]
    forms = [entry.latex]
    if entry.operator is not None and count == 2:
        forms.append(f"#1 {entry.operator[0]} #2")
    for form in forms:
        exact = Exact()
        text = exact.form(form).filled(*[exact.name(name) for name in names]).text
        try:
            graph = build(read(text, names, syntax="latex"))
        except BackpropError:
            continue
        if entry.helper and not entry.array:
            if set(graph.variables) <= set(names):
                return form
            continue
        last = graph.nodes[graph.outputs[0]]
        if last.op == op and [graph.nodes[j] for j in last.args] == [(VARIABLE, (), name) for name in names]:
            return form
    return None
