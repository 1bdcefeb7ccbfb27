"""Arrays as text: entry by entry where they are small, else by their shape, their ends and their range.

A vector is `[1, -2]`, a matrix has a line a row, and on one line it is `[1, 2; 3, 4]`. What is no number is a block,
which knows narrower forms of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from math import isfinite, prod
from sys import maxsize
from typing import Any

from backpropcli.records import NamedTuple
from backpropcli.rendering._layout import Block, Lines, before_point, is_number
from backpropcli.rendering._style import Style, number, rule, words
from backpropcli.report import ADJOINT, SHOWN, Edge, Jacobian

VECTOR_SHOWN = 100
"""How many entries of a vector are written out outside of the tables of the passes."""
MATRIX_SHOWN = 20
"""How many rows and columns of a matrix."""

_ENDS = 2
"""How many entries are shown at the beginning of an array that is not written out; of its end it is one."""
_NUMBER = re.compile(r"-?[0-9.]+(e-?[0-9]+)?")
_ALONE = frozenset({"I", "-I", "0"})
_UNTOLD = frozenset({"dense", "row"})


# What arrays are


def is_array(value: Any) -> bool:
    """Whether this is nested lists, and not a number, a text or a local derivative."""
    return isinstance(value, Sequence) and not isinstance(value, (str, Jacobian))


def dims(value: Any) -> tuple[int, ...]:
    """The shape of nested lists; of a number it is ()."""
    found = []
    while is_array(value):
        found.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(found)


def flat(value: Any) -> list[Any]:
    """The entries, row by row."""
    entries = [value]
    for _ in dims(value):
        entries = [entry for part in entries for entry in part]
    return entries


def places(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The places of an array's entries, row by row."""
    return product(*map(range, shape))


def labelled(name: str, place: Sequence[int]) -> str:
    """What an entry is called, as in the order of a Hessian: `x`, `W[0,1]`."""
    return f"{name}[{','.join(map(str, place))}]" if place else name


def shape_text(shape: Sequence[int]) -> str:
    """A shape as messages write it: (3,), (128, 784)."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


# Values


def shown(value: Any, style: Style, most: int = SHOWN) -> str | Block:
    """A value as it stands in tables; an array with more than so many entries along an axis is not written out."""
    if not is_array(value):
        return number(value, style)
    shape = dims(value)
    if max(shape) > most or len(shape) > 3:
        return _summary(shape, flat(value), style)
    return _written(shape, [number(entry, style) for entry in flat(value)], style)


def result(value: Any, style: Style) -> str | Block:
    """A value outside of the tables of the passes, where more of it is written out."""
    return shown(value, style, VECTOR_SHOWN if len(dims(value)) == 1 else MATRIX_SHOWN)


def inline(value: Any, style: Style, most: int = SHOWN) -> str:
    """The same on one line."""
    return on_one_line(shown(value, style, most))


def on_one_line(text: str | Block) -> str:
    """A number's text, or a block's."""
    return text if isinstance(text, str) else "".join(text.pieces)


class Assigned(NamedTuple):
    """An entry of a point: its name, `=` or, before a shape, `:`, and its value or shape."""

    name: str
    sign: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.sign} {self.value}"


def point(values: Mapping[str, Any], style: Style) -> list[Assigned]:
    """A point's entries for a title: `x = 4`, `W = [1, 2; 3, 4]`, and of what is larger the shape."""
    return [_assigned(words(name, style), value, style) for name, value in values.items()]


def _assigned(name: str, value: Any, style: Style) -> Assigned:
    room = maxsize if style.width is None else style.width - len(name) - 4
    text = inline(value, style) if prod(dims(value)) <= SHOWN else ""
    if not is_array(value) or (text and len(text) <= room):
        return Assigned(name, " =", text)
    return Assigned(name, ":", shape_text(dims(value)))


def _written(shape: Sequence[int], texts: Sequence[str], style: Style) -> Block:
    """Numbers in the form of an array."""
    if len(shape) == 1:
        return _vector(texts)
    if len(shape) == 2:
        return matrix(shape[0], texts, style)
    lines = _nested(shape, texts)
    return Block((lines,), tuple([f"{line} " for line in lines[:-1]]) + lines[-1:])


def _vector(texts: Sequence[str]) -> Block:
    """`[1, -2]`, broken between its entries where there is less room."""
    if not texts:
        return Block((("[]",),), ("[]",))
    pieces = [f"{text}, " for text in texts[:-1]] + [texts[-1]]
    pieces[0] = f"[{pieces[0]}"
    pieces[-1] += "]"
    forms: list[Lines] = [("".join(pieces),)]
    before = len(texts)
    for count in range(2, len(texts) + 1):
        along = -(-len(texts) // count)
        if along < before:
            forms.append(_broken(texts, along))
            before = along
    return Block(tuple(forms), tuple(pieces))


def _broken(texts: Sequence[str], along: int) -> Lines:
    """A vector in lines of so many entries, their points below each other."""
    left, width = _aligned(texts)
    lines = []
    for start in range(0, len(texts), along):
        cells = []
        for at in range(start, min(start + along, len(texts))):
            ending = "]" if at == len(texts) - 1 else ","
            cells.append(f"{' ' * left[at]}{texts[at]}{ending}".ljust(width + 1))
        lines.append(f"{' ' if start else '['}{' '.join(cells).rstrip()}")
    return tuple(lines)


def matrix(height: int, texts: Sequence[str], style: Style) -> Block:
    """Rows below each other, the points of each column too; `[1, 2; 3, 4]` on one line."""
    if not texts:
        return Block((("[]",),), ("[]",))
    along = len(texts) // height
    rows = [texts[start : start + along] for start in range(0, len(texts), along)]
    columns = [_aligned(column) for column in zip(*rows, strict=True)]
    lines = []
    for at, row in enumerate(rows):
        cells = [f"{' ' * left[at]}{text}".ljust(width) for text, (left, width) in zip(row, columns, strict=True)]
        opening, closing = _brackets(at, height, style)
        lines.append(f"{opening}{'  '.join(cells)}{closing}")
    pieces = [f"{text}{'; ' if (k + 1) % along == 0 else ', '}" for k, text in enumerate(texts[:-1])] + [texts[-1]]
    # A row alone would read as a vector.
    pieces[0] = f"{'[[' if height == 1 else '['}{pieces[0]}"
    pieces[-1] += "]]" if height == 1 else "]"
    broken = [_broken_rows(texts, along, count) for count in dict.fromkeys(-(-along // k) for k in range(2, along + 1))]
    return Block((tuple(lines),), tuple(pieces), broken=tuple(broken))


def _broken_rows(texts: Sequence[str], along: int, count: int) -> Lines:
    """A matrix with its rows in lines of so many entries; further lines of a row are set in."""
    left, width = _aligned(texts)
    lines = []
    for start in range(0, len(texts), along):
        for first in range(start, start + along, count):
            cells = []
            for at in range(first, min(first + count, start + along)):
                ending = "]" if at == len(texts) - 1 else ";" if at == start + along - 1 else ","
                cells.append(f"{' ' * left[at]}{texts[at]}{ending}".ljust(width + 1))
            lines.append(f"{'[' if not first else ' ' if first == start else '   '}{' '.join(cells).rstrip()}")
    return tuple(lines)


def _brackets(at: int, height: int, style: Style) -> tuple[str, str]:
    """What stands around the row of a matrix."""
    if height == 1 or not style.unicode:
        return "[", "]"
    return ("⎡", "⎤") if at == 0 else ("⎣", "⎦") if at == height - 1 else ("⎢", "⎥")


def _aligned(texts: Sequence[str]) -> tuple[list[int], int]:
    """How many blanks stand before each number so that points are below each other, and how wide they are together."""
    before = [before_point(text) if is_number(text) else len(text) for text in texts]
    point = max(before)
    left = [point - own for own in before]
    return left, max(blanks + len(text) for blanks, text in zip(left, texts, strict=True))


def _nested(shape: Sequence[int], texts: Sequence[str]) -> Lines:
    """Of more axes brackets in brackets, a line for each of the innermost."""
    if not texts:
        return ("[]",)
    along = shape[-1]
    left, width = _aligned(texts)
    lines = []
    count = len(texts) // along
    for at in range(count):
        cells = [
            f"{' ' * left[k]}{texts[k]}{',' if k + 1 < (at + 1) * along else ''}".ljust(width + 1)
            for k in range(at * along, (at + 1) * along)
        ]
        opened = closed = 1
        for size in reversed(range(1, len(shape) - 1)):
            block = prod(shape[size:-1])
            opened += at % block == 0
            closed += (at + 1) % block == 0
        opened, closed = opened + (at == 0), closed + (at == count - 1)
        blank = " " * (len(shape) - opened)
        ending = "" if at == count - 1 else ","
        lines.append(f"{blank}{'[' * opened}{' '.join(cells).rstrip()}{']' * closed}{ending}")
    return tuple(lines)


def _summary(shape: Sequence[int], entries: Sequence[float], style: Style) -> Block:
    """`(784,) 0.1, 0.2, …, 0.9, from -1 to 3.5`."""
    head, ends, extent = shape_text(shape), _ends(entries, style), _extent(entries, style)
    if not ends:
        return Block(((f"{head} {extent}",), (head, extent)), (f"{head} ", extent))
    whole = ((f"{head} {ends}, {extent}",), (f"{head} {ends}", extent), (head, ends, extent))
    start, to, end = extent.partition(" to ")
    short = ((head, extent.removeprefix("from ")), (head, start, f"to {end}") if to else (head, extent))
    pieces = [f"{word} " for word in f"{head} {ends}, {extent}".split(" ")]
    return Block((*whole, *short), (*pieces[:-1], pieces[-1].rstrip()), len(whole))


def _ends(entries: Sequence[float], style: Style) -> str:
    """The first and the last of the entries; nothing where there are few or all are the same."""
    if len(entries) <= _ENDS + 1 or (len(set(islice(entries, 2))) < 2 and min(entries) == max(entries)):
        return ""
    mark = "…" if style.unicode else "..."
    first = [number(entry, style) for entry in entries[:_ENDS]]
    return ", ".join([*first, mark, number(entries[-1], style)])


def _extent(entries: Sequence[float], style: Style) -> str:
    """From where to where the entries go, and what is among them that is no finite number."""
    finite = [entry for entry in entries if isfinite(entry)]
    odd = [number(entry, style) for entry in entries if not isfinite(entry)]
    among = [f"{odd.count(kind):,} {kind}" for kind in dict.fromkeys(odd)]
    if not finite:
        return ", ".join(among) or "empty"
    low, high = number(min(finite), style), number(max(finite), style)
    extent = f"from {low} to {high}" if low != high else f"all {low}" if not odd else f"else {low}"
    return ", ".join([extent, *among])


# Local derivatives


class Local(NamedTuple):
    """A local derivative as tables write it."""

    rule: str
    """What it is equal to, a formula or a word; empty where there is none, or it says no more than the value."""
    value: str | Block


def local(edge: Edge, output: Any, style: Style) -> Local:
    """The local derivative along an edge into a node with this output."""
    partial = edge.partial
    if not isinstance(partial, Jacobian):
        text = number(partial, style)
        return Local(rule(edge.rule, text, style), text)
    factor = "" if edge.rule is None or ADJOINT in edge.rule else words(edge.rule, style)
    named = f"{structure(partial, style)} {size(partial, output, style)}"
    if partial.structure in _ALONE:
        return Local("", _phrase(named))
    if partial.structure == "diag":
        if _NUMBER.fullmatch(factor):
            return Local("", _phrase(f"{factor}{'·' if style.unicode else '*'}I {size(partial, output, style)}"))
        return Local(factor, _diagonal(partial, output, style))
    if partial.entries is None:
        return Local(factor, _phrase(named))
    texts = [number(entry, style) for entry in flat(partial.entries)]
    block = matrix(prod(dims(output)), texts, style)
    if partial.structure in _UNTOLD:
        return Local(factor, block)
    # What has a name is told by it: its numbers are those of the inputs beside it, or ones and zeros.
    kind = structure(partial, style)
    forms = (*block.forms, (named,))
    leads = (*[kind] * len(block.forms), "")
    return Local(kind, Block(forms, block.pieces, len(block.forms), block.broken, leads))


def carried(edge: Edge, output: Any, style: Style) -> str | Block:
    """The local derivative in the backward table, which does not repeat the entries of what has a name."""
    partial = edge.partial
    if not isinstance(partial, Jacobian):
        return number(partial, style)
    if partial.structure in ("diag", *_UNTOLD):
        value = local(edge, output, style).value
        named = "diag" if partial.structure == "diag" else size(partial, output, style)
    else:
        named = structure(partial, style)
        value = f"{named} {size(partial, output, style)}"
    block = value if isinstance(value, Block) else _phrase(value)
    return Block((*block.forms, (named,)), block.pieces, len(block.forms))


def pulled(edge: Edge, name: str, style: Style) -> str | Block:
    """What comes back along an edge; between arrays behind what carries it, `Wᵀ @ dz/do = [0.5, 0.5]`."""
    value = shown(edge.contribution, style)
    if edge.rule is None or ADJOINT not in edge.rule or not isinstance(edge.partial, Jacobian):
        return value
    block = value if isinstance(value, Block) else _phrase(value)
    lead = words(edge.rule, style).replace(ADJOINT, f"d{name}/do")
    beside = [beneath(f"{lead} = ", form) for form in block.forms[:1]]
    above = [(lead, *beneath("= ", form)) for form in block.forms]
    forms = (*beside, *above, *block.forms[-1:])
    return Block(forms, (f"{lead} = ", *block.pieces), len(forms) - 1)


def _phrase(text: str) -> Block:
    """Words that stand where an array would."""
    return Block(((text,),), (text,))


def beneath(lead: str, lines: Lines) -> Lines:
    """The lines behind what leads the first of them."""
    blank = " " * len(lead)
    return (lead + lines[0], *[blank + line for line in lines[1:]])


def structure(partial: Jacobian, style: Style) -> str:
    """What kind of matrix it is, as tables write it: `W`, `I ⊗ xᵀ`."""
    return words(partial.structure.replace("'", "ᵀ"), style)


def size(partial: Jacobian, output: Any, style: Style) -> str:
    """How many rows and columns it has, as a matrix: `(2×4)`."""
    height = prod(dims(output))
    rank = len(dims(output))
    return f"({height}{'×' if style.unicode else 'x'}{prod(partial.shape[rank:])})"


def _diagonal(partial: Jacobian, output: Any, style: Style) -> Block:
    """What a diagonal matrix has on its diagonal."""
    if partial.entries is None:
        return _phrase(f"diag {size(partial, output, style)}")
    entries = flat(partial.entries)[:: prod(dims(output)) + 1]
    block = _vector([number(entry, style) for entry in entries])
    return Block(tuple([beneath("diag ", form) for form in block.forms]), ("diag ", *block.pieces))


def tangent(value: Any, output: Any, style: Style) -> str | Block:
    """A node's tangents by all of a variable's entries: the matrix of its derivatives by them."""
    shape, rank = dims(value), len(dims(output))
    if not shape:
        return number(value, style)
    if max(prod(shape[:rank]), prod(shape[rank:])) > SHOWN:
        return _summary(shape, flat(value), style)
    return matrix(prod(shape[:rank]), [number(entry, style) for entry in flat(value)], style)
