"""An answer's text as what it claims: a number, several of them, a formula, nothing, or what cannot be read."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection

from backpropcli.algebras.algebra import fold, has_arrays
from backpropcli.algebras.floats import Floats
from backpropcli.errors import BackpropError, visible
from backpropcli.graph import Graph
from backpropcli.homework import numbers
from backpropcli.homework.numbers import Unread, Written
from backpropcli.language.program import build, read
from backpropcli.records import NamedTuple

MAX_NODES = 300
"""Nodes of a formula that is given as an answer."""

_CHAIN = re.compile("[=≈≃≅∼~]")
_BETWEEN = re.compile(r"[ ]?;[ ]?|,[ ]|,(?=[+-])|[ ](?:and|und|et|y|&)[ ]")
_PUNCTUATION = " .!?…"
_BEFORE = re.compile(r"(?:approx(?:imately)?|about|around|roughly|circa|ca|etwa|rund|ungefähr)\b\.?[ ]?", re.IGNORECASE)
_BRACKETED = re.compile(r"(?P<sign>[+-]?)[ ]?\((?P<inside>[^()]+)\)\Z")
_LABEL = re.compile(r"(?:via[ ])?(?P<name>[^\W\d]\w*)[ ]?[:=][ ]?")
_DECIMALS = re.compile(r"[0-9]*\.[0-9]+|[0-9]+\.")
_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_OPERATED = re.compile(r"\A[ ]?[*/^+-]|[0-9][ ]?[*/^+-]|[*/^+-][ ]?[0-9]")
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "∞", "undefined", "undef", "div0"})


class Claim(NamedTuple):
    """What an answer claims."""

    numbers: tuple[Written, ...] = ()
    """One, or one a use; none where it is blank, cannot be read or is a formula over names."""
    formula: Graph | None = None
    problem: str | None = None
    """Why it cannot be read."""
    labels: tuple[str | None, ...] = ()
    """The names that several numbers were given."""

    @property
    def blank(self) -> bool:
        """Whether nothing was answered."""
        return not self.numbers and self.formula is None and self.problem is None


@functools.lru_cache(1 << 15)
def read_claim(text: str, decimal: str, names: tuple[str, ...]) -> Claim:
    """What a text claims; `names` are those that a formula may be over."""
    if numbers.is_blank(text):
        return Claim()
    problem = numbers.refused(text)
    if problem is not None:
        return Claim(problem=problem)
    written = numbers.normal(text).strip("`$ ")
    number, rest = numbers.read_leading(written, decimal)
    if isinstance(number, Written) and rest[:1] == "(" and rest[-1:] == ")" and _CHAIN.search(rest):
        return Claim((number,))
    several = _several(written, decimal)
    if several is not None:
        return several
    # Of `2*(x + y) = 14` the last member is the answer.
    *_, last = _CHAIN.split(written)
    last = _BEFORE.sub("", last.strip(), count=1) if _BEFORE.match(last.strip()) else last.strip()
    if last and numbers.is_blank(last):
        return Claim()
    if not last:
        return Claim(problem=f"{visible(written, 60)} says no number after its last sign of equality")
    found = _number(last, decimal)
    if isinstance(found, Written):
        return Claim((found,))
    if found.problem:
        return Claim(problem=found.problem)
    if last.lstrip("+-").lower() in _NOT_FINITE:
        return Claim((numbers.NOT_FINITE,))
    formula = _formula(last, decimal, names)
    if formula.problem is None:
        return formula
    number, rest = numbers.read_leading(last, decimal)
    apart = bool(rest) and (not rest[0].isalnum() or last[: -len(rest)][-1:] == " ")
    if isinstance(number, Written) and apart and _is_remark(rest, names):
        return Claim((number,))
    if isinstance(number, Unread) and number.problem:
        return Claim(problem=number.problem)
    return formula


def _number(text: str, decimal: str) -> Written | Unread:
    """The number that a text is, in brackets or not, and with the signs that end a sentence or not."""
    bracketed = _BRACKETED.match(text)
    if bracketed and not (bracketed["sign"] and bracketed["inside"].strip()[:1] in "+-"):
        text = bracketed["sign"] + bracketed["inside"].strip()
    found = numbers.read_number(text, decimal)
    bare = text.rstrip(_PUNCTUATION)
    if isinstance(found, Written) or bare == text:
        return found
    ended = numbers.read_number(bare, decimal)
    # 5! is a factorial, and 0.02! is none.
    return found if isinstance(ended, Written) and ended.whole and "!" in text[len(bare) :] else ended


def _several(written: str, decimal: str) -> Claim | None:
    """Two numbers or more, with or without names before them; None where these are not numbers."""
    parts = [part.strip() for part in _BETWEEN.split(written)]
    if len(parts) < 2:
        return None
    found, labels = [], []
    for part in parts:
        label = _LABEL.match(part)
        number = numbers.read_number(part[label.end() :] if label else part, decimal)
        if isinstance(number, Unread):
            return None
        found.append(number)
        labels.append(label["name"] if label else None)
    return Claim(tuple(found), labels=tuple(labels))


def _is_remark(rest: str, names: Collection[str]) -> bool:
    """Whether what stands after a number is words: none of them is a name that a formula may be over."""
    words = re.findall(r"[^\W\d_]\w*", rest)
    if any([word in names for word in words]) or _OPERATED.search(rest):
        return False
    return bool(words) or not re.search("[0-9]", rest)


def _formula(text: str, decimal: str, names: tuple[str, ...]) -> Claim:
    """A formula over the names, with commas before decimals where they are allowed; a number where it is over none."""
    pointed = _COMMA.sub(".", text) if decimal != "." and "." not in text else text
    if pointed != text:
        # In max(1, 5) a comma separates; where that makes no formula, it stands before decimals.
        second = _read_formula(pointed, names)
        if decimal == ",":
            return second
        first = _read_formula(text, names)
        return second if first.problem is not None and second.problem is None else first
    return _read_formula(text, names)


def _read_formula(text: str, names: tuple[str, ...]) -> Claim:
    try:
        graph = build(
            read(text, names, syntax="auto", max_chars=numbers.LONGEST, max_terms=MAX_NODES), max_nodes=MAX_NODES
        )
        unknown = [name for name in graph.variables if name not in names]
        if unknown:
            return Claim(problem=f"it is over {visible(unknown[0], 40)}, which the question does not have")
        if has_arrays(graph) or len(graph.outputs) != 1:
            return Claim(problem="it is no number and no formula of one")
        if graph.variables:
            return Claim(formula=graph)
        value = fold(graph, Floats(), {})[graph.outputs[0]]
    except BackpropError as problem:
        return Claim(problem=problem.message)
    if not math.isfinite(value):
        return Claim((numbers.NOT_FINITE,))
    rounded = [number for number in map(numbers.read_number, _DECIMALS.findall(text)) if isinstance(number, Written)]
    spread = abs(value) * max(
        [number.half(number.place) / abs(number.value) for number in rounded if number.value], default=0.0
    )
    if not spread:
        return Claim((numbers.computed(value),))
    # 1/131.7 is known as well as 131.7 is: to a part of it, whatever digit each of them begins with.
    leading = numbers.leading(value)
    place = min(math.ceil(math.log10(2.0 * spread) - 1e-9), leading - 1)
    return Claim((Written(value, place, leading - place + 1, whole=False),))


# Arrays


class ArrayClaim(NamedTuple):
    """What an answer claims where an array is expected: its entries row by row."""

    numbers: tuple[Written, ...] = ()
    problem: str | None = None
    transposed: bool = False
    """Whether it was written with rows for columns; the numbers are in the order of the expected shape."""

    @property
    def blank(self) -> bool:
        """Whether nothing was answered."""
        return not self.numbers and self.problem is None


_MOST_ENTRIES = 400
_LOOSE = re.compile(r"[ ]?;[ ]?|,[ ]|,(?=[+-])|[ ]+|[ ]?[\[\]][ ]?")
_TIGHT = re.compile(r"[ ]?[,;][ ]?|[ ]+|[ ]?[\[\]][ ]?")


@functools.lru_cache(1 << 13)
def read_array(text: str, decimal: str, dims: tuple[int, ...]) -> ArrayClaim:
    """The array of this shape that a text writes: `[1, 2]`, `[1, 2; 3, 4]`, `[[1, 2], [3, 4]]`; a number for ()."""
    if numbers.is_blank(text):
        return ArrayClaim()
    if not dims:
        claim = read_claim(text, decimal, ())
        if claim.formula is not None or len(claim.numbers) > 1:
            return ArrayClaim(problem="one number is expected")
        return ArrayClaim(claim.numbers, claim.problem)
    problem = numbers.refused(text)
    if problem is not None:
        return ArrayClaim(problem=problem)
    written = numbers.normal(text).strip("`$ ")
    *_, written = _CHAIN.split(written)
    size = math.prod(dims)
    shape = "x".join([str(length) for length in dims])
    for between in (_TIGHT, _LOOSE) if decimal != "," else (_LOOSE, _TIGHT):
        parts = [part for part in between.split(written) if part]
        if len(parts) != size or size > _MOST_ENTRIES:
            continue
        found = [numbers.read_number(part, decimal) for part in parts]
        if all([isinstance(number, Written) for number in found]):
            entries = tuple([number for number in found if isinstance(number, Written)])
            rows = _rows(written)
            if len(dims) == 2 and dims[0] != dims[1] and rows == dims[1]:
                # Rows for columns: entry (i, j) stands at (j, i).
                order = [j * dims[0] + i for i in range(dims[0]) for j in range(dims[1])]
                return ArrayClaim(tuple([entries[k] for k in order]), transposed=True)
            return ArrayClaim(entries)
    return ArrayClaim(problem=f"{size} numbers are expected, in the shape {shape}")


def _rows(written: str) -> int:
    """How many rows an array is written in."""
    inner = written.strip("[] ")
    return 1 + (inner.count("[") if "[" in inner else inner.count(";"))
