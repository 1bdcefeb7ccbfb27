"""Indexed sums and products: unrolled before anything else, so that they are ordinary formulas from there on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backpropcli.errors import BackpropError, Span
from backpropcli.graph import number_of
from backpropcli.language.terms import CALL, NAME, NUMBER, Statement, Term
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
    """Terms and statements without indexed sums and products."""

    terms: list[Term]
    statements: tuple[Statement, ...]
    structure: dict[str, float]
    """The names that limits are made of, with their values: numbers here, and no variables."""


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
    text: str, terms: list[Term], statements: tuple[Statement, ...], structure: Mapping[str, float]
) -> Unrolled:
    """The program with its sums and products written out; `structure` gives the names in their limits a value.

    The index is put into the body and into subscripts: `theta_k` becomes `theta_0` and so on. Raises BackpropError
    where a limit is no whole number or the number of terms is beyond its limit.
    """
    calls = [i for i, term in enumerate(terms) if term.op == CALL and term.payload in JOINED_BY and len(term.args) > 2]
    if not calls:
        return Unrolled(terms, statements, {})
    return _Unroller(text, terms, statements, structure, calls).run()


class _Unroller:
    def __init__(
        self,
        text: str,
        terms: list[Term],
        statements: tuple[Statement, ...],
        structure: Mapping[str, float],
        calls: Sequence[int],
    ) -> None:
        self.text = text
        self.terms = terms
        self.statements = statements
        self.starts: list[int] = []
        for i, term in enumerate(terms):
            self.starts.append(self.starts[term.args[0]] if term.args else i)
        self.begins: dict[int, list[int]] = {}
        for call in reversed(calls):
            self._check_form(call)
            self.begins.setdefault(self.starts[call], []).append(call)
        bindings = {s.name: terms[s.value].payload for s in statements if s.name and terms[s.value].op == NUMBER}
        self.bindings = {str(name): float(number or 0.0) for name, number in bindings.items()}
        self.given = structure
        self.structure = self._structural(calls)
        self.calls = calls
        self.made: list[Term] = []
        self.done = 0
        self.most = len(terms) + MAX_UNROLLED

    def _check_form(self, call: int) -> None:
        term = self.terms[call]
        name = str(term.payload)
        if len(term.args) != 4 or self.terms[term.args[1]].op != NAME:
            raise self._error(f"{name} needs four arguments: a formula, its index and two limits", term.span, name)

    def _error(self, message: str, span: Span, name: str) -> BackpropError:
        return BackpropError(message, source=self.text, span=span, hint=f"write {FORMS[name]}")

    def _structural(self, calls: Sequence[int]) -> dict[str, float]:
        """The values of the names that stand in limits and are no index around them."""
        indices = {str(self.terms[self.terms[call].args[1]].payload) for call in calls}
        found: dict[str, float] = {}
        for call in calls:
            for limit in self.terms[call].args[2:]:
                for i in range(self.starts[limit], limit + 1):
                    name = str(self.terms[i].payload)
                    if self.terms[i].op != NAME or name in indices:
                        continue
                    # What is given wins, and is only looked up: it may be many values that are read on demand.
                    number = self.given[name] if name in self.given else self.bindings.get(name)
                    if number is None:
                        raise BackpropError(
                            f"{name} has no value, and the number of terms depends on it",
                            source=self.text,
                            span=self.terms[i].span,
                            hint=f"add --{name} VALUE",
                        )
                    found[name] = number
        return found

    def run(self) -> Unrolled:
        statements = []
        for statement in self.statements:
            first = len(self.made)
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
                if call is not None:
                    stack.append(self._loop(call, top.indices))
                else:
                    top.new[top.position] = self._put(top)
                    top.position += 1

    def _loop(self, call: int, indices: Mapping[str, int]) -> _Loop:
        term = self.terms[call]
        index = str(self.terms[term.args[1]].payload)
        first, last = [self._limit(i, indices, str(term.payload)) for i in term.args[2:]]
        if last - first >= MAX_TERMS:
            raise BackpropError(
                f"this {term.payload} has {last - first + 1:,} terms, and the limit is {MAX_TERMS:,}",
                source=self.text,
                span=term.span,
                hint="a formula is written out term by term; bring the limits closer together",
            )
        return _Loop(call, index, first, last)

    def _limit(self, limit: int, indices: Mapping[str, int], name: str) -> int:
        """A limit's value: whole numbers, given names and indices around it, joined by + - *."""
        found: dict[int, float] = {}
        for i in range(self.starts[limit], limit + 1):
            op, args, payload, span = self.terms[i]
            if op == NUMBER:
                found[i] = number_of(payload)
            elif op == NAME and str(payload) in {**self.structure, **indices}:
                found[i] = float({**self.structure, **indices}[str(payload)])
            elif op in _ARITHMETIC:
                found[i] = _ARITHMETIC[op](*[found[j] for j in args])
            else:
                raise self._error("a limit is a whole number, or made of such by + - *", span, name)
        value = found[limit]
        if not value.is_integer() or abs(value) > 1e15:
            span = self.terms[limit].span
            raise self._error(f"a limit is a whole number, but this one is {value:.6g}", span, name)
        return int(value)

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
            number = frame.indices.get(name, self.structure.get(name))
            if number is not None:
                return self._add(Term(NUMBER, (), float(number), span))
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
        return "_".join([base, *subscripts])

    def _count(self) -> None:
        """One more thing to do: a loop without terms costs its rounds too."""
        self.done += 1
        if self.done > self.most:
            raise BackpropError(
                f"written out, the sums have more than {MAX_UNROLLED:,} terms",
                source=self.text,
                span=self.terms[self.calls[0]].span,
                hint="bring the limits closer together",
            )

    def _add(self, term: Term) -> int:
        self.made.append(term)
        return len(self.made) - 1
