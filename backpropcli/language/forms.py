"""What has to be a number before anything else: indexed sums and products are unrolled, and indices worked out."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import number_of
from backpropcli.language.terms import CALL, INDEX, NAME, NUMBER, SLICE, Statement, Term
from backpropcli.language.tokens import FORMS

MAX_TERMS = 100_000
MAX_UNROLLED = 1_000_000

# sum(f, k, a, b): the operation that joins the terms, and what no terms give.
JOINED_BY = {"sum": ("add", 0.0), "prod": ("mul", 1.0)}

_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
}


class Unrolled(NamedTuple):
    """Terms and statements without indexed sums and products, and with a number for every index."""

    terms: list[Term]
    statements: tuple[Statement, ...]
    structure: dict[str, float]
    """The names that limits and indices are made of, with their values: numbers here, and no variables."""


@dataclass
class _Frame:
    """A range of terms that is being copied; `new` holds the copies' places."""

    position: int
    last: int
    indices: Mapping[str, int]
    new: dict[int, int] = field(default_factory=dict)


@dataclass
class _Loop:
    """A sum or product that is being written out."""

    call: int
    index: str
    k: int
    last: int
    parts: list[int] = field(default_factory=list)


def unrolled(
    text: str,
    terms: list[Term],
    statements: tuple[Statement, ...],
    structure: Mapping[str, float],
    *,
    letters: bool = False,
    most: int = MAX_UNROLLED,
) -> Unrolled:
    """The program with its sums and products written out; `structure` gives the names in limits and indices a value.

    The index is put into the body, into subscripts and into what indexes: `theta_k` becomes `theta_0`, `w[k]` becomes
    `w[0]` and so on; with `letters`, as in LaTeX, each letter of a subscript may be an index, and w_ij becomes w_12.
    Raises BackpropError where a limit or an index is no whole number, or there are more terms than `most`.
    """
    calls = [i for i, term in enumerate(terms) if term.op == CALL and term.payload in JOINED_BY and len(term.args) > 2]
    indexed = [i for i, term in enumerate(terms) if term.op == INDEX]
    if not calls and not indexed:
        return Unrolled(terms, statements, {})
    return _Unroller(text, terms, statements, structure, calls, indexed, letters=letters, most=most).run()


class _Unroller:
    def __init__(
        self,
        text: str,
        terms: list[Term],
        statements: tuple[Statement, ...],
        structure: Mapping[str, float],
        calls: Sequence[int],
        indexed: Sequence[int],
        *,
        letters: bool,
        most: int,
    ) -> None:
        self.text = text
        self.unrolled = most
        self.letters = letters
        self.terms = terms
        self.statements = statements
        self.starts: list[int] = []
        for i, term in enumerate(terms):
            self.starts.append(min([self.starts[j] for j in term.args]) if term.args else i)
        self.begins: dict[int, list[int]] = {}
        for call in reversed(calls):
            self._check_form(call)
            self.begins.setdefault(self.starts[call], []).append(call)
        self.given = structure
        self.indices = {str(terms[terms[call].args[1]].payload) for call in calls}
        self.places = self._places(indexed)
        self.steps = {term.args[2] for term in terms if term.op == SLICE}
        self.structure: dict[str, float] = {}
        self.parameters: tuple[str, ...] = ()
        self._find_structure(calls)
        self.calls = calls
        self.made: list[Term] = []
        self.done = 0
        self.most = len(terms) + most

    def _check_form(self, call: int) -> None:
        term = self.terms[call]
        name = str(term.payload)
        if len(term.args) != 4 or self.terms[term.args[1]].op != NAME:
            raise self._error(f"{name} needs four arguments: a formula, its index and two limits", term.span, name)

    def _error(self, message: str, span: Span, name: str) -> BackpropError:
        return BackpropError(message, source=self.text, span=span, hint=f"write {FORMS[name]}")

    def _places(self, indexed: Sequence[int]) -> dict[int, int]:
        """What stands in indices and in the bounds of slices there: the last term of each, by its first."""
        found: dict[int, int] = {}
        for i in indexed:
            for item in self.terms[i].args[1:]:
                bounds = self.terms[item].args if self.terms[item].op == SLICE else (item,)
                found.update({self.starts[j]: j for j in bounds if self.terms[j].payload != math.inf})
        # What stands inside another one is no place of its own.
        outer: dict[int, int] = {}
        last = -1
        for first in sorted(found):
            if first > last:
                last = outer[first] = found[first]
        return outer

    def _find_structure(self, calls: Sequence[int]) -> None:
        """Look up the names in limits and indices that are no index around them, and no function's parameter."""
        numbers = {s.name: self._number_of(s) for s in self.statements if s.name and s.parameters is None}
        bindings = {str(name): number for name, number in numbers.items() if number is not None}
        defined = {str(s.name) for s in self.statements} - bindings.keys()
        begins = [statement.first for statement in self.statements]
        ranges = [(self.starts[i], i, False) for call in calls for i in self.terms[call].args[2:]]
        # What is no arithmetic is refused when its turn comes.
        known = {NUMBER, NAME, *_ARITHMETIC}
        ranges += [
            (first, last, True)
            for first, last in self.places.items()
            if all([term.op in known for term in self.terms[first : last + 1]])
        ]
        for first, last, is_index in ranges:
            parameters = self.statements[bisect.bisect(begins, first) - 1].parameters or ()
            for term in self.terms[first : last + 1]:
                name = str(term.payload)
                if term.op != NAME or name in self.structure or name in self.indices or name in parameters:
                    continue
                # What is given wins, and is only looked up: it may be many values that are read on demand.
                number: object = self.given[name] if name in self.given else bindings.get(name)
                if number is None and is_index and (name in defined or name in primitives.CONSTANTS):
                    continue
                self.structure[name] = self._structural(number, term, "an index" if is_index else "the number of terms")

    def _number_of(self, statement: Statement) -> float | None:
        """The number that a definition is, if it is one, or made of such by + - *."""
        found: dict[int, float] = {}
        for i in range(statement.first, statement.value + 1):
            op, args, payload, _ = self.terms[i]
            if op == NUMBER and not isinstance(payload, tuple):
                found[i] = number_of(payload)
            elif op in _ARITHMETIC:
                found[i] = _ARITHMETIC[op](*[found[j] for j in args])
            else:
                return None
        return found[statement.value]

    def _structural(self, number: object, term: Term, what: str) -> float:
        """The value of a name that a limit or an index is made of."""
        name = str(term.payload)
        if isinstance(number, (int, float)):
            return float(number)
        if number is None:
            message, hint = f"{name} has no value, and {what} depends on it", f"add --{name} VALUE"
        else:
            message, hint = f"{name} is an array, and {what} depends on it", f"give {name} a whole number"
        raise BackpropError(message, source=self.text, span=term.span, hint=hint)

    def run(self) -> Unrolled:
        statements = []
        for statement in self.statements:
            first = len(self.made)
            self.parameters = statement.parameters or ()
            value = self._copied(statement)
            statements.append(statement._replace(first=first, value=value))
        return Unrolled(self.made, tuple(statements), self.structure)

    def _copied(self, statement: Statement) -> int:
        """A statement's terms, copied with every loop written out; loops stand on a stack of their own."""
        frame = _Frame(statement.first, statement.value, {})
        stack: list[_Frame | _Loop] = [frame]
        while True:
            top = stack[-1]
            self._count()
            if isinstance(top, _Loop):
                below = stack[-2]
                if not isinstance(below, _Frame):
                    raise TypeError("a loop stands inside a range of terms")
                if top.k <= top.last:
                    body = self.terms[top.call].args[0]
                    stack.append(_Frame(self.starts[body], body, {**below.indices, top.index: top.k}))
                else:
                    below.new[top.call] = self._joined(top)
                    below.position = top.call + 1
                    stack.pop()
            elif top.position > top.last:
                stack.pop()
                if not stack:
                    return top.new[top.last]
                loop = stack[-1]
                if isinstance(loop, _Loop):
                    loop.parts.append(top.new[top.last])
                    loop.k += 1
            else:
                call = next((c for c in self.begins.get(top.position, ()) if c <= top.last), None)
                place = self.places.get(top.position)
                if place is not None:
                    number, span = float(self._whole(place, top.indices, None)), self.terms[place].span
                    if number == 0.0 and place in self.steps:
                        hint = "write 1 for every entry, and -1 for all of them backwards"
                        raise BackpropError("a slice has no step of 0", source=self.text, span=span, hint=hint)
                    top.new[place] = self._add(Term(NUMBER, (), number, span))
                    top.position = place + 1
                elif call is not None:
                    stack.append(self._loop(call, top.indices))
                else:
                    top.new[top.position] = self._put(top)
                    top.position += 1

    def _loop(self, call: int, indices: Mapping[str, int]) -> _Loop:
        term = self.terms[call]
        index = str(self.terms[term.args[1]].payload)
        first, last = [self._whole(i, indices, str(term.payload)) for i in term.args[2:]]
        if last - first >= MAX_TERMS:
            raise BackpropError(
                f"this {term.payload} has {last - first + 1:,} terms, and the limit is {MAX_TERMS:,}",
                source=self.text,
                span=term.span,
                hint="a formula is written out term by term; bring the limits closer together",
            )
        return _Loop(call, index, first, last)

    def _whole(self, place: int, indices: Mapping[str, int], name: str | None) -> int:
        """The value of a limit of the sum or product `name`, or, without one, of an index.

        It is made of whole numbers, given names and indices around it by + - *.
        """
        found: dict[int, float] = {}
        for i in range(self.starts[place], place + 1):
            op, args, payload, span = self.terms[i]
            known = self._known(str(payload), indices) if op == NAME else None
            if op == NUMBER and not isinstance(payload, tuple):
                found[i] = number_of(payload)
            elif known is not None:
                found[i] = known
            elif op in _ARITHMETIC:
                found[i] = _ARITHMETIC[op](*[found[j] for j in args])
            elif name is not None:
                raise self._error("a limit is a whole number, or made of such by + - *", span, name)
            else:
                raise self._no_index("an index is a whole number that is known beforehand", span)
        value = found[place]
        if not value.is_integer() or abs(value) > 1e15:
            span = self.terms[place].span
            if name is not None:
                raise self._error(f"a limit is a whole number, but this one is {value:.6g}", span, name)
            raise self._no_index(f"an index is a whole number, but this one is {value:.6g}", span)
        return int(value)

    def _known(self, name: str, indices: Mapping[str, int]) -> float | None:
        """The number that a name stands for before anything is computed, if it does."""
        if name in indices:
            return float(indices[name])
        return None if name in self.parameters else self.structure.get(name)

    def _no_index(self, message: str, span: Span) -> BackpropError:
        hint = "write a number, the index of a sum, or a name that is given a value, joined by + - *"
        return BackpropError(message, source=self.text, span=span, hint=hint)

    def _joined(self, loop: _Loop) -> int:
        term = self.terms[loop.call]
        op, nothing = JOINED_BY[str(term.payload)]
        if not loop.parts:
            return self._add(Term(NUMBER, (), nothing, term.span))
        total = loop.parts[0]
        for part in loop.parts[1:]:
            total = self._add(Term(op, (total, part), None, term.span))
        return total

    def _put(self, frame: _Frame) -> int:
        """One term, with the indices around it put in."""
        op, args, payload, span = self.terms[frame.position]
        if op == NAME:
            name = str(payload)
            number = self._known(name, frame.indices)
            if number is not None:
                return self._add(Term(NUMBER, (), number, span))
            payload = self._subscripted(name, frame.indices, span) if "_" in name else name
        return self._add(Term(op, tuple([frame.new[j] for j in args]), payload, span))

    def _subscripted(self, name: str, indices: Mapping[str, int], span: Span) -> str:
        base, *subscripts = name.split("_")
        for position, subscript in enumerate(subscripts):
            if subscript in indices:
                number = indices[subscript]
                if number < 0:
                    raise BackpropError(
                        f"the subscript of {name} would be {number}, and a name has no negative subscript",
                        source=self.text,
                        span=span,
                        hint="let the index begin at 0",
                    )
                subscripts[position] = str(number)
            elif self.letters and any([letter in indices for letter in subscript]):
                subscripts[position] = self._by_letters(name, subscript, indices, span)
        return "_".join([base, *subscripts])

    def _by_letters(self, name: str, subscript: str, indices: Mapping[str, int], span: Span) -> str:
        """A subscript of several indices: ij is 12 where i is 1 and j is 2, and 10_2 where i has two digits."""
        parts = [str(indices.get(letter, letter)) for letter in subscript]
        if any([part.startswith("-") for part in parts]):
            raise BackpropError(
                f"a subscript of {name} would be negative",
                source=self.text,
                span=span,
                hint="let the index begin at 0",
            )
        return ("_" if any([len(part) > 1 for part in parts]) else "").join(parts)

    def _count(self) -> None:
        """One more thing to do: a loop without terms costs its rounds too."""
        self.done += 1
        if self.done > self.most:
            raise BackpropError(
                f"written out, the sums have more than {self.unrolled:,} terms",
                source=self.text,
                span=self.terms[self.calls[0]].span,
                hint="bring the limits closer together",
            )

    def _add(self, term: Term) -> int:
        self.made.append(term)
        return len(self.made) - 1
