"""LaTeX: both tables as plain tabulars, value, gradient and notes; a fragment to paste, which needs amsmath alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from math import prod
from typing import Any, TypeVar

from backpropcli.rendering import _board
from backpropcli.rendering._arrays import dims, flat, inline, is_array, shape_text
from backpropcli.rendering._extras import Equations, Section, sections
from backpropcli.rendering._style import (
    LINES_SHOWN,
    Style,
    backward,
    directions,
    elided,
    label,
    number,
    shows,
    values,
    words,
)
from backpropcli.report import (
    ADJOINT_TYPESET,
    SHOWN,
    Along,
    Edge,
    Equation,
    Filled,
    Jacobian,
    Name,
    Number,
    Report,
    Row,
    Slope,
    Term,
    Typeset,
    VariableRow,
)

LINES = 8
"""How many equations a display holds before the next begins, so that a page can end between them."""
ON_A_LINE = 80
"""About how many letters of an equation stand beside each other in an explanation."""
TERMS = 3
"""How many terms of a sum stand beside each other there at most."""
MATRIX = 10
"""The most rows and columns of a value or a derivative that is written out; amsmath has no wider matrices."""

ROWS = 32
"""How many lines a table is high at most before another one begins, so that a page can end between them."""

# Up to how many letters wide a table is set in which type, on a page that holds some eighty.
_SIZES = ((76, ""), (86, "\\small"), (98, "\\footnotesize"), (116, "\\scriptsize"))
_SMALLEST = "\\tiny"
_GAP = "3pt"
_MATRIX = re.compile(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}")
_ALIGNED = re.compile(r"\\begin\{aligned\}\[t\](.*?)\\end\{aligned\}")
_COMMAND = re.compile(r"\\[A-Za-z]+")

_ALLOWED = r"\allowbreak{}"

# What means something to TeX; in braces, what makes ligatures or quotation marks, or would be read as an option.
_SPECIAL = {character: f"\\{character}" for character in "{}$&#_%"} | {
    character: f"\\text{name}{{}}"
    for character, name in {
        "\\": "backslash", "^": "asciicircum", "~": "asciitilde", "<": "less", ">": "greater", "|": "bar",
    }.items()
} | {character: f"{{{character}}}" for character in "`'-[*"} | {'"': "{''}"}  # fmt: skip
_ESCAPED = str.maketrans(_SPECIAL)
_NUMBER = re.compile(r"(-?[0-9.]+)(?:e(-?[0-9]+))?\Z")
_ONES = {"1": "", "-1": "-"}
_NO_DIGITS = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}", "-": r"\text{--}"}

Item = TypeVar("Item")
Cells = Sequence[str]
Lines = Iterator[Cells]


def render(report: Report, style: Style) -> Iterator[str]:
    """The fragment, a title or a table's line a piece. It is ASCII, since nobody knows which letters a TeX has."""
    page = _Page(report, style._replace(unicode=False))
    yield "% needs \\usepackage{amsmath}\n"
    if style.only is None:
        yield from page.reading()
    if shows(style, "tables"):
        yield from page.tables()
    for section in sections(report, page.style):
        yield from page.section(section)
    if style.only is None:
        yield from page.explanation()
    if shows(style, "value", "grad"):
        yield from page.closing()
    if style.only is None and report.notes:
        yield from page.notes()


class _Page:
    """A report, and how its names, formulas and numbers are written."""

    def __init__(self, report: Report, style: Style) -> None:
        self.report = report
        self.style = style
        self.typeset = report.typeset or Typeset(None, {}, {}, {}, {})
        self.upright = False
        """Whether vectors are written from top to bottom."""
        self.stacked = False
        """Whether a table is as narrow as it can be."""

    # Sections

    def reading(self) -> Iterator[str]:
        """The formula as it was understood."""
        statements = self.typeset.reading
        if statements is None:
            # Behind a bracket a line may end.
            pieces = re.findall(r"[^()]*[()]?", self.report.reading)
            yield _title("Reading:", rf"\texttt{{{_ALLOWED.join([self._text(piece) for piece in pieces if piece])}}}")
        else:
            yield _title("Reading:", ",\n  ".join(f"${statement}$" for statement in statements))

    def tables(self) -> Iterator[str]:
        """The tables that the report's mode asks for, so far as they have rows."""
        report = self.report
        output = self._name(report.output)
        point = ", ".join(map(self._assigned, report.point.items()))
        colon = ":" if point else ""
        if report.rows:
            yield _title(f"Forward pass{colon}", point)
            header = ("node", "", "inputs $i$", "output $o$", r"local derivatives $\partial o/\partial i$")
            yield from self._tabular(header, report.rows, self._forward)
        if report.rows and report.mode in ("forward", "both"):
            yield _title(f"Forward pass, tangents{colon}", point)
            by = [rf"$\partial o/\partial {self._name(name)}$" for name in directions(report)]
            yield from self._tabular(("node", "", *by), report.rows, self._tangents)
        if backward(report) and report.mode in ("reverse", "both"):
            yield _title(f"Backward pass{colon}", point)
            header = ("node", "", rf"$\partial {output}/\partial o$", "", r"$\partial o/\partial i$")
            yield from self._tabular((*header, rf"$\partial {output}/\partial i$"), backward(report), self._backward)

    def section(self, section: Section) -> Iterator[str]:
        """What was asked for besides."""
        yield _title(self._text(section.title))
        if isinstance(section, Equations):
            yield from self._tabular(
                ("", "value"), section.lines, lambda line: iter([(self._named(line[0]), self._equal(line[1]))])
            )
            return
        places = range(len(section.columns))

        def row(at: int) -> Lines:
            yield self._named(section.rows[at]), *(self._plain(section.entry(at, to)) for to in places)

        yield from self._tabular(("", *map(self._named, section.columns)), range(len(section.rows)), row)

    def explanation(self) -> Iterator[str]:
        """The passes in words: a list each, with an item a node."""
        number = 0
        for stage, run in _board.stages(self.typeset.explanation):
            yield _title(_board.TITLES[stage])
            yield f"{self._text(_board.LEADS[stage])}\n\\begin{{enumerate}}\n"
            yield f"\\setcounter{{enumi}}{{{number}}}\n" if number else ""
            for step in run:
                said = [self._text(sentence) for sentence in _board.said(step, self.style)]
                inside = [*map(self._equation, step.equations), *said]
                yield "  \\item {}\n".format("\n\n    ".join(inside))
            yield "\\end{enumerate}\n"
            number += len(run)

    def _equation(self, equation: Equation) -> str:
        """An equation on one line, or, where a side of it is a sum, with a side a line."""
        sides: list[list[str]] = []
        for side in equation:
            first, count, last = elided(side, LINES_SHOWN)
            more = [rf"\cdots \text{{ {count:,} more }} \cdots"] if count else []
            terms = [*map(self._term, first), *more, *map(self._term, last)]
            if not sides or terms != sides[-1]:
                sides.append(terms)
        if all(len(terms) == 1 for terms in sides) and sum(_width(terms[0]) for terms in sides) <= ON_A_LINE:
            return f"${' = '.join(terms[0] for terms in sides)}$"
        lines = []
        for terms in sides[1:]:
            parts = [" + ".join(beside) for beside in _beside(terms)]
            lines.append("= " + " \\\\\n      &\\quad + ".join(parts))
        inside = " \\\\\n      &".join(lines)
        return f"$\\begin{{aligned}}[t]\n      {sides[0][0]} &{inside}\n    \\end{{aligned}}$"

    def _term(self, term: Term) -> str:
        return "".join([self._piece(piece, len(term) == 1) for piece in term])

    def _piece(self, piece: str | Slope | Filled | Along | Name, alone: bool) -> str:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, Name):
            return self._name(piece.text)
        if isinstance(piece, Slope):
            sign = r"\partial" if piece.local else "d"
            return rf"\frac{{{sign} {self._name(piece.above)}}}{{{sign} {self._name(piece.below)}}}"
        if isinstance(piece, Along):
            return self._along(piece)
        whole = (piece.closed and alone) or not is_array(piece.value) or prod(dims(piece.value)) <= SHOWN
        text = self._value(piece.value) if whole else rf"\text{{{self._text(shape_text(dims(piece.value)))}}}"
        bare = piece.closed or is_array(piece.value) or not (text.startswith("-") or "10^" in text)
        return text if bare else rf"\left({text}\right)"

    def _along(self, piece: Along) -> str:
        """A local derivative where arrays are at its ends: what it is called, and its entries where they say more."""
        row, partial = self._rows_by_id[piece.node], piece.edge.partial
        value, kind = self._jacobian(row, piece.at), self._structure(row, piece.at)
        if not isinstance(partial, Jacobian) or partial.entries is None:
            return value
        return value if partial.structure in ("diag", "dense", "I", "-I", "0") else f"{kind} = {value}"

    @cached_property
    def _rows_by_id(self) -> dict[str, Row]:
        return {row.id: row for row in self.report.rows}

    def closing(self) -> Iterator[str]:
        """The value and the gradient."""
        lines = []
        if shows(self.style, "value") or self.report.grad is None:
            lines += [f"{self._name(name)} &= {self._value(value, MATRIX)}" for name, value in values(self.report)]
        if shows(self.style, "grad"):
            above = rf"\partial {self._name(self.report.output)}"
            for name, slope in (self.report.grad or {}).items():
                lines.append(rf"\frac{{{above}}}{{\partial {self._name(name)}}} &= {self._value(slope, MATRIX)}")
        for start in range(0, len(lines), LINES):
            inside = " \\\\\n  ".join(lines[start : start + LINES])
            yield f"\\begin{{align*}}\n  {inside}\n\\end{{align*}}\n"

    def notes(self) -> Iterator[str]:
        """The notes, an item each."""
        yield "\\begin{itemize}\n"
        for note in self.report.notes:
            yield f"  \\item \\textbf{{{self._text(note.severity)}:}} {self._text(note.message)}\n"
        yield "\\end{itemize}\n"

    def _tabular(self, header: Cells, items: Sequence[Item], lines: Callable[[Item], Lines]) -> Iterator[str]:
        """A table, its type as small as its width asks for; a long one in parts, so that a page can end between them.

        One that is wide writes vectors from top to bottom; one that is too wide even so puts what carries an adjoint
        above what it gives, and leaves the entries of local derivatives to the forward pass.
        """
        written = [list(lines(item)) for item in items]
        if _widths(header, written) > _SIZES[0][0]:
            self.upright = True
            written = [list(lines(item)) for item in items]
            if _widths(header, written) > _SIZES[-1][0]:
                self.stacked = True
                written = [list(lines(item)) for item in items]
            self.upright = self.stacked = False
        width = _widths(header, written)
        size = next((size for most, size in _SIZES if width <= most), _SMALLEST)
        for part in _parts(written):
            yield f"{{\\noindent{size}\\renewcommand{{\\arraystretch}}{{1.2}}\\setlength{{\\arraycolsep}}{{3pt}}\n"
            yield f"\\begin{{tabular}}{{{'l' * len(header)}}}\n\\hline\n"
            yield _line(header)
            yield "\\hline\n"
            if part and _is_tall(part[0]):
                yield f"\\noalign{{\\vskip {_GAP}}}\n"
            for at, cells in enumerate(part):
                yield _line(cells, _GAP if any(map(_is_tall, part[at : at + 2])) else "")
            yield "\\hline\n\\end{tabular}\\par}\n"

    # A node's lines: one for each of its inputs or uses

    def _forward(self, row: Row) -> Lines:
        node, output = self._node(row), f"${self._value(row.output)}$"
        if not row.inputs:
            yield *node, "", output, ""
        for at, edge in enumerate(row.inputs):
            yield *node, self._input(edge), output, self._partial(row, at)
            node, output = ("", ""), ""

    def _backward(self, row: Row | VariableRow) -> Lines:
        head = self._node(row) if isinstance(row, Row) else (f"${self._name(row.name)}$", "")
        edges = row.inputs if isinstance(row, Row) and row.path else ()
        slopes = [self._slopes(row, at, edge) for at, edge in enumerate(edges) if isinstance(row, Row)]
        for line in zip_longest([head], self._adjoints(row), slopes, fillvalue=("", "")):
            yield [cell for cells in line for cell in cells]

    def _adjoints(self, row: Row | VariableRow) -> list[tuple[str, str]]:
        """What arrives along each use, and their sum."""
        if not row.path:
            return [("no path", "")]
        total = f"${self._value(row.adjoint)}$"
        uses = [(f"${self._value(use.contribution)}$", f"via ${self._name(use.name)}$") for use in row.uses]
        return [*uses, (total, "sum")] if len(uses) > 1 else [(total, uses[0][1] if uses else "")]

    def _tangents(self, row: Row) -> Lines:
        tangents = row.tangents or {}
        rank = len(dims(row.output))
        yield *self._node(row), *(f"${self._tangent(tangents.get(name), rank)}$" for name in directions(self.report))

    def _node(self, row: Row) -> tuple[str, str]:
        typeset = self.typeset.labels.get(row.id)
        shown = self._text(label(row.label, self.style)) if typeset is None else f"${typeset}$"
        return f"${self._name(row.shown)}$", shown

    def _input(self, edge: Edge) -> str:
        return f"${self._name(edge.name)} = {self._value(edge.value)}$"

    def _partial(self, row: Row, at: int) -> str:
        """A local derivative: its formula where that says something, and its value."""
        edge, typeset = row.inputs[at], self._rule(row, at)
        partial = edge.partial
        if not isinstance(partial, Jacobian):
            value = self._number(partial)
            return f"${value}$" if typeset in (None, value) else f"${typeset} = {value}$"
        kind, value = self._structure(row, at), self._jacobian(row, at)
        if partial.structure == "diag":
            if typeset is not None and _NUMBER.match(typeset):
                return rf"${typeset} \cdot I\;{self._size(row, partial)}$"
            return f"${value}$" if typeset is None else f"${typeset} = {value}$"
        if partial.structure in ("I", "-I", "0") or partial.entries is None:
            return f"${value}$"
        return f"${value}$" if partial.structure == "dense" else f"${kind} = {value}$"

    def _jacobian(self, row: Row, at: int) -> str:
        """A local derivative between arrays, entry by entry, or by its structure where it is large."""
        partial, kind = row.inputs[at].partial, self._structure(row, at)
        if not isinstance(partial, Jacobian) or partial.entries is None or partial.structure in ("I", "-I", "0"):
            return rf"{kind}\;{self._size(row, partial)}" if isinstance(partial, Jacobian) else kind
        height = prod(dims(row.output))
        entries = flat(partial.entries)
        if partial.structure == "diag":
            return rf"{kind} {self._value(entries[:: height + 1])}"
        return self._rows(entries, len(entries) // height)

    def _structure(self, row: Row, at: int) -> str:
        partial = row.inputs[at].partial
        typeset = self.typeset.structures.get(row.id)
        if typeset is not None and isinstance(partial, Jacobian) and partial.structure != "0":
            return typeset[at]
        return rf"\text{{{self._text(partial.structure)}}}" if isinstance(partial, Jacobian) else ""

    def _rule(self, row: Row, at: int) -> str | None:
        rules = self.typeset.rules.get(row.id, (None,) * len(row.inputs))
        text = row.inputs[at].rule
        return rules[at] if rules[at] is not None or text is None else rf"\text{{{self._text(text)}}}"

    def _size(self, row: Row, partial: Jacobian) -> str:
        rank = len(dims(row.output))
        return rf"({prod(partial.shape[:rank])} \times {prod(partial.shape[rank:])})"

    def _slopes(self, row: Row, at: int, edge: Edge) -> tuple[str, str]:
        """do/di and dz/di; between arrays the structure of the one, and what carries the adjoint to the other."""
        name, partial, carried = self._name(edge.name), edge.partial, self._value(edge.contribution)
        if not isinstance(partial, Jacobian):
            return f"${name}$: ${self._number(partial)}$", f"${name}$: ${carried}$"
        if partial.structure == "dense" and self.stacked:
            return f"${name}$: ${self._size(row, partial)}$", f"${name}$: ${carried}$"
        if partial.structure in ("diag", "dense"):
            return f"${name}$: ${self._jacobian(row, at)}$", f"${name}$: ${carried}$"
        rule = self._rule(row, at)
        if rule is not None and partial.structure not in ("I", "-I", "0"):
            adjoint = rf"\frac{{\partial {self._name(self.report.output)}}}{{\partial o}}"
            rule = rule.replace(ADJOINT_TYPESET, adjoint)
            lines = rf"\begin{{aligned}}[t] &{rule} \\ &= {carried} \end{{aligned}}"
            carried = lines if self.stacked and is_array(edge.contribution) else f"{rule} = {carried}"
        kind = rf"{self._structure(row, at)}\;{self._size(row, partial)}"
        return f"${name}$: ${kind}$", f"${name}$: ${carried}$"

    def _tangent(self, value: Any, rank: int) -> str:
        """A node's tangents by all of a variable's entries, as a matrix."""
        shape = dims(value)
        if not shape or max(prod(shape[:rank]), prod(shape[rank:])) > SHOWN:
            return self._value(value)
        return self._rows(flat(value), prod(shape[rank:]))

    # Names, numbers, text

    def _name(self, name: str) -> str:
        """A name in math mode."""
        typeset = self.typeset.names.get(name)
        if typeset is not None or (name.isascii() and name.isalpha() and len(name) == 1):
            return typeset or name
        return rf"\text{{{self._text(name)}}}"

    def _named(self, name: str) -> str:
        """A name, or a word of ours, as text."""
        return f"${self.typeset.names[name]}$" if name in self.typeset.names else self._text(name)

    def _assigned(self, entry: tuple[str, Any]) -> str:
        """An entry of the point, of a large array the shape."""
        name, value = entry
        if prod(dims(value)) > SHOWN:
            return f"${self._name(name)}$: {self._text(shape_text(dims(value)))}"
        return f"${self._name(name)} = {self._value(value)}$"

    def _value(self, value: Any, most: int = SHOWN) -> str:
        """A number; a small vector or matrix entry by entry; of what is larger its shape, its ends and its range."""
        if not is_array(value):
            return self._number(value)
        shape = dims(value)
        if max(shape) > most or len(shape) > 2:
            return rf"\text{{{self._text(inline(value, self.style, min(most, SHOWN)))}}}"
        entries = flat(value)
        if len(shape) == 2 or (self.upright and len(entries) > 1):
            return self._rows(entries, shape[1] if len(shape) == 2 else 1)
        return f"[{self._listed(entries)}]"

    def _rows(self, entries: Sequence[Number], along: int) -> str:
        """A matrix of rows of this length."""
        rows = [entries[start : start + along] for start in range(0, len(entries), along)] if along else []
        inside = r" \\ ".join([" & ".join(map(self._number, row)) for row in rows])
        return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"

    def _listed(self, entries: Sequence[Number]) -> str:
        return r",\, ".join(map(self._number, entries))

    def _equal(self, value: Any) -> str:
        return self._plain(value) if isinstance(value, str) else f"${self._value(value, MATRIX)}$"

    def _number(self, value: Number | None) -> str:
        return _digits(number(value, self.style))

    def _plain(self, text: str) -> str:
        """A number that is text already, or whatever else stands in its place."""
        return f"${_digits(text)}$" if text in _NO_DIGITS or _NUMBER.match(text) else self._text(text)

    def _text(self, text: str) -> str:
        return words(text, self.style).translate(_ESCAPED)


def _digits(text: str) -> str:
    """A number's text in math mode: `1.5e-7` with its power of ten."""
    found = _NUMBER.match(text)
    if found is None:
        return _NO_DIGITS[text]
    mantissa, exponent = found.groups()
    if exponent is None:
        return mantissa
    return f"{_ONES[mantissa]}10^{{{exponent}}}" if mantissa in _ONES else rf"{mantissa} \cdot 10^{{{exponent}}}"


def _title(title: str, beside: str = "") -> str:
    """A title, which no page ends with."""
    more = f" {beside}" if beside else ""
    return f"\n\\medskip\\noindent\\textbf{{{title}}}{more}\\par\\nopagebreak\\smallskip\n"


def _beside(terms: Sequence[str]) -> list[list[str]]:
    """Terms of a sum in lines."""
    lines: list[list[str]] = [[]]
    for term in terms:
        if lines[-1] and (len(lines[-1]) == TERMS or sum(map(_width, [*lines[-1], term])) > ON_A_LINE):
            lines.append([])
        lines[-1].append(term)
    return lines


def _parts(items: Iterable[Sequence[Cells]]) -> list[list[Cells]]:
    """The lines of a table in parts of about a page; an item begins on the page that holds it."""
    parts: list[list[Cells]] = [[]]
    height = 0
    for item in items:
        high = [_height(cells) for cells in item]
        if height + min(sum(high), ROWS) > ROWS:
            height = ROWS
        for cells, lines in zip(item, high, strict=True):
            if height + lines > ROWS and parts[-1]:
                parts.append([])
                height = 0
            parts[-1].append(cells)
            height += lines
    return parts


def _widths(header: Cells, items: Iterable[Sequence[Cells]]) -> int:
    """About how many letters wide a table is."""
    columns = zip(header, *[cells for item in items for cells in item], strict=True)
    return sum([max(map(_width, column)) + 2 for column in columns])


def _line(cells: Cells, gap: str = "") -> str:
    return f"{' & '.join(cells)} \\\\{f'[{gap}]' if gap else ''}\n"


def _is_tall(cells: Cells) -> bool:
    """Whether a line holds what is higher than a letter, and would touch the line above or below."""
    return any([r"\begin" in cell or r"\frac" in cell for cell in cells])


def _height(cells: Cells) -> int:
    """How many lines of text a line of a table is as high as."""
    return 1 + max([cell.count(r"\\") for cell in cells])


def _columns(matrix: str) -> int:
    """About how many letters wide a matrix is: each column as its widest entry."""
    rows = [row.split("&") for row in matrix.split(r"\\")]
    return sum([max([len(entry.strip()) for entry in column]) + 2 for column in zip(*rows, strict=True)])


def _width(cell: str) -> int:
    """About how many letters wide a cell is."""
    text = _MATRIX.sub(lambda found: "x" * _columns(found[1]), cell)
    text = _ALIGNED.sub(lambda found: max(found[1].split(r"\\"), key=len), text)
    return len(_COMMAND.sub("x", text)) - text.count("$") - text.count("{") - text.count("}")
