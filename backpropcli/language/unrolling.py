"""Writing out: a loop over the terms that puts numbers in the place of indices, and asks for what they then name."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import number_of
from backpropcli.language.families import MAX_COMPARED, Surveyor, too_many_families
from backpropcli.language.forms import JOINED_BY, MAX_INSTANCES, MAX_NAMED, MAX_TERMS, Unrolled
from backpropcli.language.indexed import (
    LETTERS,
    Atom,
    Entry,
    Families,
    Family,
    Indexed,
    Variant,
    entries,
    free_letters,
    parsed,
    unresolved,
    variant,
    variants,
)
from backpropcli.language.ranges import Ranges, axis_name
from backpropcli.language.terms import CALL, INDEX, NAME, NUMBER, SLICE, STACK, UNKNOWN, Statement, Term, is_left_out
from backpropcli.language.tokens import FORMS
from backpropcli.records import NamedTuple

MAX_CLAIMED = 1000
"""For how many numbers of its indices a claim is written out at most."""
COMPARED = 100_000
"""How many terms are gone through at most to compare one claim for all its indices."""
_SUBSCRIPTS = 4
"""How many of a name's subscripts may hold indices of a claim."""
JOINT = UNKNOWN
"""What stands between the names in that of a derivative: J/theta_j."""

_ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
}


@runtime_checkable
class _Array(Protocol):
    """A value that is an array."""

    @property
    def shape(self) -> tuple[int, ...]: ...


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
    without: int | None
    """A value of the index that is left out."""
    parts: list[int] = field(default_factory=list)


class _Use(NamedTuple):
    """A name at its place, and what it may be with numbers for its indices."""

    indexed: Indexed
    letters: frozenset[str]
    families: tuple[tuple[Family, bool], ...]
    """With each, whether the digits in the name are indices of their own: w_12 with 1 and 2."""
    entries: tuple[tuple[Entry, bool], ...]


class _Instance(NamedTuple):
    """A family's definition for these numbers, which is still to be written out."""

    family: Family
    indices: Mapping[str, int]
    name: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in the order of the letters."""
        return tuple([self.indices[letter] for letter in self.family.letters])


@dataclass
class _Entries:
    """The entries of an array that names stand for: where their indices stand, and the first place of all."""

    span: Span
    places: dict[tuple[int, ...], tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    """By its indices, an entry's name and the terms of its indices."""


class Unroller:
    """Writes a program's sums, products and families out, and gives every index a number."""

    def __init__(
        self,
        text: str,
        terms: list[Term],
        statements: tuple[Statement, ...],
        structure: Mapping[str, object],
        bound: Collection[str],
        members: Mapping[int, Sequence[int]],
        claims: Collection[Sequence[int]],
        most: int,
        *,
        letters: bool,
    ) -> None:
        self.text = text
        self.letters = letters
        self.terms = terms
        self.statements = statements
        self.given = structure
        self.bound = bound
        self.members = members
        self.claims = list(claims)
        self.claimed = {member for each in claims for member in each}
        self.starts: list[int] = []
        for i, term in enumerate(terms):
            self.starts.append(min([self.starts[j] for j in term.args]) if term.args else i)
        self.calls = [i for i, term in enumerate(terms) if _is_loop(term)]
        self.begins: dict[int, list[int]] = {}
        for call in reversed(self.calls):
            self._check_form(call)
            self.begins.setdefault(self.starts[call], []).append(call)
        heads = {member: head for head, each in members.items() for member in each}
        self.survey = Surveyor(text, terms, statements, self.begins, heads, letters=letters).survey()
        self.families = Families(self.survey.families.values())
        self.indices = {str(terms[terms[call].args[1]].payload) for call in self.calls}
        self.family_of = {str(statements[k].name): family for k, family in self.survey.families.items()}
        self.letters_of_families = {letter for each in self.survey.families.values() for letter in each.letters}
        self.places = self._places([i for i, term in enumerate(terms) if term.op == INDEX])
        self.stops = self.begins.keys() | self.places.keys()
        self.steps = {term.args[2] for term in terms if term.op == SLICE}
        self.structure: dict[str, float] = {}
        self.parameters: tuple[str, ...] = ()
        self.by_name = {str(s.name): s for s in statements if s.name is not None}
        self._find_structure()
        self.ranges = Ranges(
            text,
            terms,
            statements,
            self.survey,
            self.calls,
            self._limits,
            self._entry,
            self._shape,
            lambda: [*bound, *self.by_name],
            letters=letters,
        )
        self.found: dict[int, Term] = {}
        """The limits of sums that have none."""
        self.made: list[Term] = []
        self.done = 0
        self.unrolled = most
        self.most = len(terms) + most
        self.around: Span | None = None
        """The definition that is being written out."""
        self.statement = 0
        """The one that is being written out."""
        self.compared = 0
        self.uses: dict[int, _Use] = {}
        self.resolved: dict[Indexed, str] = {}
        self.pending: deque[_Instance] = deque()
        self.instances: dict[tuple[int, tuple[int, ...]], str] = {}
        self.entries: dict[str, _Entries] = {}
        self.numbered: dict[tuple[str, int], dict[tuple[Atom, ...], None]] | None = None
        """By base and number of atoms, the names of what has been written out."""
        self.gaps: dict[int, tuple[int, int]] = {}
        """The limits of sums that leave a value out: an array has an entry there all the same."""
        self.definitions: list[Statement] = []
        """The entries of arrays, as definitions."""

    def _check_form(self, call: int) -> None:
        term = self.terms[call]
        name = str(term.payload)
        if len(term.args) not in {4, 5} or self.terms[term.args[1]].op != NAME:
            raise self._error(f"{name} needs four arguments: a formula, its index and two limits", term.span, name)
        if len(term.args) == 5:
            index, condition = self.terms[term.args[1]], self.terms[term.args[4]]
            if condition.op != "ne" or self.terms[condition.args[0]][:3] != index[:3]:
                message = f"a fifth argument of {name} says which value of its index is left out"
                hint = f"write {index.payload} != 2 there"
                raise self._refused(message, condition.span, hint)

    def _error(self, message: str, span: Span, name: str) -> BackpropError:
        form = f"\\{name}_{{k=1}}^{{n}} f, with whole numbers for 1 and n" if self.letters else FORMS[name]
        return BackpropError(message, source=self.text, span=span, hint=f"write {form}")

    def _refused(self, message: str, span: Span, hint: str) -> BackpropError:
        return BackpropError(message, source=self.text, span=span, hint=hint)

    # What is known beforehand

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

    def _find_structure(self) -> None:
        """Look up the names in limits and indices that are no index around them, and no function's parameter."""
        numbers = {s.name: self._number_of(s) for s in self.statements if s.name and s.parameters is None}
        self.bindings = {str(name): number for name, number in numbers.items() if number is not None}
        defined = self.by_name.keys() - self.bindings.keys()
        begins = [statement.first for statement in self.statements]
        ranges = [(self.starts[i], i, False) for call in self.calls for i in self._bounds(call)]
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
                if term.op == NAME and name not in parameters:
                    if is_index and name not in self.given and (name in defined or name in primitives.CONSTANTS):
                        continue
                    self._settle(name, term.span, "an index" if is_index else "the number of terms")
        for use in self.survey.uses:
            subscript = unresolved(use.indexed)
            if subscript is not None:
                for letter in free_letters(subscript):
                    if letter in self.given or letter in self.bindings:
                        self._settle(letter, use.span, "a subscript")

    def _bounds(self, call: int) -> list[int]:
        """What a sum needs as numbers: its limits, and what is left out."""
        bounds = [i for i in self.terms[call].args[2:4] if not is_left_out(self.terms[i])]
        return [*bounds, *[self.terms[i].args[1] for i in self.terms[call].args[4:]]]

    def _settle(self, name: str, span: Span, what: str) -> None:
        """Look up the number that a name is given, unless it is an index."""
        if name in self.structure or name in self.indices or name in self.letters_of_families:
            return
        # What is given wins, and is only looked up: it may be many values that are read on demand.
        number = self.given[name] if name in self.given else self.bindings.get(name)
        if isinstance(number, (int, float)):
            self.structure[name] = float(number)
            return
        if number is None:
            message, hint = f"{name} has no value, and {what} depends on it", f"add --{name} VALUE"
        else:
            message, hint = (
                f"{name} is an array, and {what} depends on it",
                f"give {name} a whole number, as in -v {name}=3",
            )
        raise self._refused(message, span, hint)

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

    def _limits(self, call: int) -> tuple[int, int] | None:
        """The limits of a sum that do not depend on an index around it."""
        first, last = self.terms[call].args[2:4]
        if is_left_out(self.terms[first]):
            return None
        names = [term.payload for i in (first, last) for term in self.terms[self.starts[i] : i + 1] if term.op == NAME]
        if not all([name in self.structure for name in names]):
            return None
        return self._whole(first, {}, str(self.terms[call].payload)), self._whole(
            last, {}, str(self.terms[call].payload)
        )

    def _shape(self, stem: str) -> tuple[int, ...] | None:
        """The shape of an array that is given, or that the text defines by its entries."""
        if stem in self.given:
            return _dims(self.given[stem]) or None
        statement = self.by_name.get(stem)
        if statement is None or statement.parameters is not None:
            return None
        shape: list[int] = []
        term = self.terms[statement.value]
        while term.op == STACK:
            shape.append(len(term.args))
            term = self.terms[term.args[0]]
        return (*shape, *(_dims(term.payload) if term.op == NUMBER else ())) or None

    def _entry(self, indexed: Indexed) -> Entry | None:
        """The array that a name is an entry of, and where its indices stand; None without one."""
        found = self._arrays(indexed.base, list(variants(indexed)))
        return found[0][0] if len(found) == 1 else None

    def _arrays(self, base: str, names: Sequence[tuple[bool, Variant]]) -> list[tuple[Entry, bool]]:
        """The arrays with as many axes as the name has indices; else those with more, of which it is a row.

        Of a matrix w, w_12 is the entry at 1 and 2, and no row 12.
        """
        axes = [
            (each, apart, len(self._shape(each.stem) or ()) - len(each.axes))
            for apart, name in names
            for each in entries(base, name)
        ]
        exact = [(each, apart) for each, apart, more in axes if more == 0]
        return exact or [(each, apart) for each, apart, more in axes if more > 0]

    # The loop

    def run(self) -> Unrolled:
        """The program written out."""
        members = {member for each in self.members.values() for member in each}
        self._find_limits()
        made: list[tuple[tuple[int, tuple[int, ...]], Statement]] = []
        for k in range(len(self.statements)):
            family = self.survey.idle.get(k)
            self._check_target(k)
            if k in members or k in self.claimed or k in self.survey.families:
                continue
            if not (family and self._ask_all(family)):
                self.around = None
                made += self._chain(k, {}, ())
        made += self._asked_for()
        letters: dict[int, tuple[str, ...]] = {}
        for members_of_claim in self.claims:
            self.around = None
            every = self._every(members_of_claim)
            letters[members_of_claim[0]] = tuple(every[0])
            for indices in every:
                for k in members_of_claim:
                    self.statement = k
                    written = self._written(self.statements[k], indices or every[0])
                    made.append(((k, tuple(indices.values())), written))
        made += self._asked_for()
        self._check_families()
        shapes = {stem: self._placed(stem, found) for stem, found in self.entries.items()}
        made.sort(key=lambda each: each[0])
        count = len(self.statements)
        origins = [origin for origin, _ in made] + [(count, (k,)) for k in range(len(self.definitions))]
        statements = [statement for _, statement in made] + self.definitions
        return Unrolled(self.made, tuple(statements), tuple(origins), self.terms, self.structure, shapes, letters)

    def _asked_for(self) -> Iterator[tuple[tuple[int, tuple[int, ...]], Statement]]:
        """The definitions of families that have been asked for, and those that they ask for."""
        while self.pending:
            instance = self.pending.popleft()
            k = instance.family.statement
            self.around = self.statements[k].span
            origin, first = next(chain := self._chain(k, instance.indices, instance.numbers))
            yield origin, first._replace(name=instance.name)
            yield from chain

    # Claims

    def _every(self, members: Sequence[int]) -> list[dict[str, int]]:
        """The numbers for the indices of a claim, dJ/dtheta_j = x_j: all for which its names name what is there.

        An index that its first member does not have may be one of a sum that slides leave out.
        """
        terms = [self._terms_of(k) for k in members]
        loops = {str(self.terms[term.args[1]].payload) for each in terms for term in each if _is_loop(term)}
        known = (self.by_name.keys() - self.family_of.keys()) | set(self.bound)
        first: set[str] | None = None
        found: list[dict[str, int]] = [{}]
        for each in terms:
            letters: set[str] = set()
            names = {part for term in each if term.op == NAME for part in str(term.payload).split(JOINT)}
            for name in sorted([name for name in names - known if "_" in name]):
                indexed = parsed(name, lambda letter: letter in LETTERS and letter not in self.structure, letters=True)
                free = [str(place.letter) for place in indexed.places if place.letter not in loops]
                letters.update(free)
                if first is None and not loops.isdisjoint([str(place.letter) for place in indexed.places]):
                    return [{}]
                if not free or len(free) < len(indexed.places):
                    continue
                pattern = Family(0, indexed, tuple(free))
                numbers = [made for atoms in self._numbered(indexed) if (made := pattern.solved(atoms)) is not None]
                found = [
                    {**one, **other}
                    for one in found
                    for other in numbers[: MAX_CLAIMED + 1]
                    if all([one.get(letter, number) == number for letter, number in other.items()])
                ]
                if not 0 < len(found) <= MAX_CLAIMED:
                    return [{}]
            first = letters if first is None else first
            if not letters <= first or not loops.isdisjoint(first):
                return [{}]
        # Each is compared by graphs of the whole; where they are too many, the claim itself stands for the others.
        most = max(COMPARED // max(len(self.made), 1), 1)
        rest: list[dict[str, int]] = [{}] if len(found) > most else []
        ordered = sorted([sorted(each.items()) for each in found])
        return [dict(each) for each in ordered[:most]] + rest

    def _terms_of(self, k: int) -> Sequence[Term]:
        return self.terms[self.statements[k].first : self.statements[k].value + 1]

    def _numbered(self, indexed: Indexed) -> list[tuple[Atom, ...]]:
        """The atoms of the names that are there already and are made as this one, with numbers in them."""
        if self.numbered is None:
            self.numbered = {}
            for name in sorted({str(term.payload) for term in self.made if term.op == NAME} | set(self.by_name)):
                if "_" not in name or JOINT in name:
                    continue
                base, *subscripts = name.split("_")
                for groups in itertools.product(*[_readings(subscript) for subscript in subscripts[:_SUBSCRIPTS]]):
                    atoms = tuple(itertools.chain.from_iterable(groups))
                    self.numbered.setdefault((base, len(atoms)), {})[atoms] = None
        return list(self.numbered.get((indexed.base, len(indexed.atoms)), ()))

    def _check_target(self, k: int) -> None:
        """Refuse a definition of x_{k+1} that is none over k: nothing asks for it, or its letters cannot be found."""
        name = self.statements[k].name or ""
        if "{" not in name or k in self.survey.families:
            return
        if k in self.survey.idle:
            letter = self.survey.idle[k].letters[0]
            message = f"{name} is defined for every {letter}, and nothing asks for one of them"
            hint = f"end with the one that is meant, as in y = {self.survey.idle[k].indexed.at({letter: 3}).name}"
        else:
            message = f"{name} is no name that can be defined"
            hint = "its index is a letter, or one letter plus or minus a number, and stands in its formula too"
        raise self._refused(message, self.statements[k].span, hint)

    def _find_limits(self) -> None:
        """Find the limits of the sums that have none: they go on as if they had been written."""
        for statement in self.statements:
            for call in self.calls[bisect.bisect_left(self.calls, statement.first) :]:
                if call > statement.value:
                    break
                body, index, first, last, *_ = self.terms[call].args
                if is_left_out(self.terms[first]):
                    ends = self.ranges.of_sum(call, str(self.terms[index].payload), self.starts[body])
                    for i, end in zip((first, last), ends, strict=True):
                        self.found[i] = self.terms[i]._replace(payload=float(end))
        self.terms = [self.found.get(i, term) for i, term in enumerate(self.terms)] if self.found else self.terms

    def _chain(
        self, k: int, indices: Mapping[str, int], numbers: tuple[int, ...]
    ) -> Iterator[tuple[tuple[int, tuple[int, ...]], Statement]]:
        """A statement and the members of its chain with numbers for the indices, and where they come from."""
        for each in (k, *self.members.get(k, ())):
            self.statement = each
            yield (each, numbers), self._written(self.statements[each], indices)

    def _written(self, statement: Statement, indices: Mapping[str, int]) -> Statement:
        """A statement with numbers for the indices."""
        first = len(self.made)
        self.parameters = statement.parameters or ()
        value = self._copied(statement, indices)
        return statement._replace(first=first, value=value)

    def _copied(self, statement: Statement, indices: Mapping[str, int]) -> int:
        """A statement's terms, copied with every loop written out; loops stand on a stack of their own."""
        frame = _Frame(statement.first, statement.value, indices)
        stack: list[_Frame | _Loop] = [frame]
        while True:
            top = stack[-1]
            self._count()
            if isinstance(top, _Loop):
                below = stack[-2]
                if not isinstance(below, _Frame):
                    raise TypeError("a loop stands inside a range of terms")
                if top.k == top.without:
                    top.k += 1
                elif top.k <= top.last:
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
            elif top.position not in self.stops:
                top.new[top.position] = self._put(top)
                top.position += 1
            else:
                call = next((c for c in self.begins.get(top.position, ()) if c <= top.last), None)
                place = self.places.get(top.position)
                if place is not None:
                    number, span = float(self._whole(place, top.indices, None)), self.terms[place].span
                    if number == 0.0 and place in self.steps:
                        hint = "write 1 for every entry, and -1 for all of them backwards"
                        raise self._refused("a slice has no step of 0", span, hint)
                    top.new[place] = self._add(Term(NUMBER, (), number, span))
                    top.position = place + 1
                elif call is not None:
                    stack.append(self._loop(call, top.indices))
                else:  # A loop begins here that this range is a part of.
                    top.new[top.position] = self._put(top)
                    top.position += 1

    def _loop(self, call: int, indices: Mapping[str, int]) -> _Loop:
        term = self.terms[call]
        index = str(self.terms[term.args[1]].payload)
        first, last = [self._whole(i, indices, str(term.payload)) for i in term.args[2:4]]
        if last - first >= MAX_TERMS:
            raise self._refused(
                f"this {term.payload} has {last - first + 1:,} terms, and the limit is {MAX_TERMS:,}",
                term.span,
                "a formula is written out term by term; bring the limits closer together",
            )
        without = [self._whole(self.terms[i].args[1], indices, str(term.payload)) for i in term.args[4:]]
        if without:
            self.gaps[call] = first, last
        return _Loop(call, index, first, last, without[0] if without else None)

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
        return self._refused(message, span, hint)

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
            if JOINT in name:
                payload = JOINT.join([self._numbered_part(part, frame) for part in name.split(JOINT)])
            else:
                payload = self._named(name, frame, span) if "_" in name else name
        return self._add(Term(op, tuple([frame.new[j] for j in args]), payload, span))

    # Names with indices

    def _numbered_part(self, part: str, frame: _Frame) -> str:
        """A name in that of a derivative, J/theta_j, with numbers for its indices."""
        indexed = parsed(part, lambda letter: self._is_index(letter, part, frame.indices), letters=self.letters)
        whole = {key: int(number) for key, number in self.structure.items() if number.is_integer()}
        return indexed.at({**whole, **frame.indices}).name if indexed.places else part

    def _named(self, name: str, frame: _Frame, span: Span) -> str:
        """The name that stands here where the indices around have these numbers."""
        found = self.uses.get(frame.position)
        if found is None:
            found = self.uses[frame.position] = self._use(name, frame.indices, span)
        made = found.indexed
        if found.letters:
            indices = frame.indices
            if not found.letters <= indices.keys():
                whole = {key: int(number) for key, number in self.structure.items() if number.is_integer()}
                indices = {**whole, **indices}
            made = made.at(indices)
            if "-" in made.name:
                raise self._negative(name, made, span)
        if not found.families and not found.entries:
            return made.name
        if made not in self.resolved:
            self.resolved[made] = self._resolved(made, found, span)
        return self.resolved[made]

    def _use(self, name: str, indices: Mapping[str, int], span: Span) -> _Use:
        """What a name at a place may stand for, whatever the numbers of the indices are."""
        indexed = parsed(name, lambda letter: self._is_index(letter, name, indices), letters=self.letters)
        if self.statement not in self.claimed:
            self._check_letters(indexed, indices, span)
        letters = frozenset([letter for place in indexed.places for letter, _ in place.letters])
        families: list[tuple[Family, bool]] = []
        found: list[tuple[Entry, bool]] = []
        if letters or (name not in self.given and name not in self.by_name):
            names = list(variants(indexed))
            for apart, each in names:
                alike = self.families.alike(indexed.base, each.atoms)
                self.compared += len(alike)
                if self.compared > MAX_COMPARED:
                    raise too_many_families(self.text, self.statements[alike[-1].statement])
                families += [(family, apart) for family in alike if family.may_hold(each.atoms)]
            found = self._arrays(indexed.base, names)
        return _Use(indexed, letters, tuple(families), tuple(found))

    def _is_index(self, letter: str, name: str, indices: Mapping[str, int]) -> bool:
        """Whether a letter in a subscript stands for a number: an index around, or n where a sum goes to n."""
        if letter in indices:
            return True
        number = self.structure.get(letter)
        return number is not None and number.is_integer() and name not in self.bound and name not in self.by_name

    def _check_letters(self, template: Indexed, indices: Mapping[str, int], span: Span) -> None:
        """Refuse a letter that would have to be an index, and is none here."""
        subscript = unresolved(template)
        if subscript is not None:
            letter = next(letter for letter in free_letters(subscript) if not self._is_index(letter, "", indices))
            raise self._free(template.name, letter, span)
        if template.name in self.bound:
            return
        statement = self.by_name.get(template.name)
        family = None if statement is None else self.family_of.get(template.name)
        if family is not None and not template.places:
            raise self._free(template.name, family.letters[0], span)
        if statement is not None:
            return
        is_index = LETTERS | self.indices
        other = parsed(template.name, lambda letter: letter in is_index or letter in indices, letters=self.letters)
        if len(other.places) > len(template.places) and self._entry(other) is not None:
            known = {letter for place in template.places for letter, _ in place.letters}
            free = [letter for place in other.places for letter, _ in place.letters if letter not in known]
            raise self._free(template.name, free[0], span)

    def _free(self, name: str, letter: str, span: Span) -> BackpropError:
        series = f"\\sum_{{{letter}=1}}^{{3}}" if self.letters else f"sum(f, {letter}, 1, 3)"
        other = f"add --{letter} VALUE" if "{" in name else f"write a number for {letter}"
        return self._refused(
            f"nothing says which {name} is meant: {letter} is no index here",
            span,
            f"write it under a sum, as in {series}, or {other}",
        )

    def _negative(self, name: str, made: Indexed, span: Span) -> BackpropError:
        hint = "let the index begin where no subscript is below 0"
        number = min([atom for atom in made.atoms if isinstance(atom, int)])
        if self.around is not None:
            family = next(f for f in self.survey.families.values() if self.statements[f.statement].span == self.around)
            start = family.indexed.at(dict.fromkeys(family.letters, 0))
            hint = f"give the first of them a value of its own, as in {start.name} = 1"
        return self._refused(
            f"the subscript of {name} would be {number}, and a name has no negative subscript", span, hint
        )

    def _resolved(self, made: Indexed, use: _Use, span: Span) -> str:
        """What a name with numbers names: what has a value or a definition, an instance, an entry, or a variable."""
        # A name that is bound without a value, as by --wrt, may be an entry all the same.
        if made.name in self.by_name or made.name in (self.given if use.entries else self.bound):
            return made.name
        instances = []
        for family, apart in use.families:
            indices = family.solved(variant(made, use.indexed, apart=True).atoms if apart else made.atoms)
            if indices is not None and min(indices.values()) >= 0:
                instances.append(_Instance(family, indices, family.indexed.at(indices).name))
        if len(instances) > 1:
            first, second = [self.statements[instance.family.statement] for instance in instances[:2]]
            message = f"{made.name} is defined twice: by {first.name} and by {second.name}"
            raise self._refused(message, second.span, "give each its own name")
        if instances:
            return self._asked(instances[0])
        found: dict[tuple[str, tuple[int, ...]], None] = {}
        for entry, apart in use.entries:
            atoms = variant(made, use.indexed, apart=apart).atoms
            found[entry.stem, tuple([int(str(atoms[k])) for k in entry.axes])] = None
        if len(found) > 1:
            one, other = [stem for stem, _ in found][:2]
            message = f"{made.name} may be an entry of {one} or of {other}"
            raise self._refused(message, span, f"give one of them another name, or {made.name} a value of its own")
        if not found:
            return made.name
        stem, numbers = next(iter(found))
        return self._entered(stem, numbers, made.name, span)

    # Families

    def _asked(self, instance: _Instance) -> str:
        """The name of an instance, which is written out once."""
        key = instance.family.statement, instance.numbers
        if key not in self.instances:
            if len(self.instances) >= MAX_INSTANCES:
                statement = self.statements[instance.family.statement]
                raise self._refused(
                    f"written out, the formula has more than {MAX_INSTANCES:,} definitions such as {statement.name}",
                    statement.span,
                    "bring the limits of the sums closer together; where it uses itself, give its first one a value",
                )
            self.instances[key] = instance.name
            self.pending.append(instance)
        return self.instances[key]

    def _ask_all(self, family: Family) -> bool:
        """Ask for all that there are of a definition that nothing uses, where arrays say how many those are."""
        ranges = []
        for letter in family.letters:
            found = self.ranges.of_family(family.statement, letter)
            if found is None:
                return False
            ranges.append(range(found[0], found[1] + 1))
        for numbers in itertools.product(*ranges):
            indices = dict(zip(family.letters, numbers, strict=True))
            self._count()
            self._asked(_Instance(family, indices, family.indexed.at(indices).name))
        return True

    def _check_families(self) -> None:
        """Refuse a definition with an index that nothing came to ask for."""
        used = {k for k, _ in self.instances}
        for k in self.survey.families:
            statement = self.statements[k]
            if k not in used:
                raise self._refused(
                    f"{statement.name} is defined, and all of them that are used have a value already",
                    statement.span,
                    "leave out one of the two",
                )
            if statement.name in self.bound:
                raise self._refused(
                    f"{statement.name} is given a value, and the formula defines it too",
                    statement.span,
                    "leave out one of the two",
                )

    # Arrays

    def _entered(self, stem: str, indices: tuple[int, ...], name: str, span: Span) -> str:
        """The name of an array's entry, which is a definition: theta_0 = theta[0]."""
        found = self.entries.setdefault(stem, _Entries(span))
        if indices not in found.places:
            first = len(self.made)
            terms = [self._add(Term(NAME, (), stem, span))]
            terms += [self._add(Term(NUMBER, (), float(index), span)) for index in indices]
            value = self._add(Term(INDEX, tuple(terms), None, span))
            self.definitions.append(Statement(name, None, first, value, span))
            found.places[indices] = name, tuple(terms[1:])
            if len(self.definitions) > MAX_NAMED:
                raise self._refused(
                    f"written out, the formula has names for more than {MAX_NAMED:,} entries of arrays, such as {name}",
                    span,
                    "compute with whole arrays, as in sum(x^2) or x @ y",
                )
        return found.places[indices][0]

    def _placed(self, stem: str, found: _Entries) -> tuple[int, ...]:
        """Count an array's entries from the lowest index that is used; refuse one that has more or fewer."""
        shape = self._shape(stem) or ()
        count = len(next(iter(found.places)))
        if any([len(indices) != count for indices in found.places]):
            message = f"the formula takes rows of {stem}, and entries too"
            raise self._refused(message, found.span, "write as many indices everywhere")
        for axis, length in enumerate(shape[:count]):
            used = [indices[axis] for indices in found.places]
            used += [end for call, ends in self.gaps.items() if self.ranges.is_over(call, stem, axis) for end in ends]
            first, last = min(used), max(used)
            if last - first + 1 != length:
                raise self._misfit(stem, axis, (first, last), found)
            for indices, (_, terms) in found.places.items():
                term = terms[axis]
                self.made[term] = self.made[term]._replace(payload=float(indices[axis] - first))
        return shape

    def _misfit(self, stem: str, axis: int, used: tuple[int, int], found: _Entries) -> BackpropError:
        shape = self._shape(stem) or ()
        first, last = used
        count, length = last - first + 1, shape[axis]
        by_index = {indices[axis]: name for indices, (name, _) in found.places.items()}
        told = f"indices from {first} to {last}"
        if len(shape) == 1 and {first, last} <= by_index.keys():
            told = f"{by_index[first]} to {by_index[last]}" if first != last else by_index[first]
        what = "entry" if length == 1 else "entries"
        along = "" if len(shape) == 1 else f" along its {axis_name(axis)} axis"
        sums = [f"from {a} to {b}" for a, b in self.ranges.sums_over(stem, axis)]
        hint = f"give it as many as indices are used, {count:,}: the first entry is the one at the lowest index"
        if len(sums) > 1:
            hint += f"; the sums over it go {' and '.join(sums[:3])}"
        return self._refused(
            f"{stem} has {length:,} {what}{along}, but the formula uses {told}{' there' if along else ''}",
            found.span,
            hint,
        )

    def _count(self) -> None:
        """One more thing to do: a loop without terms costs its rounds too."""
        self.done += 1
        if self.done > self.most:
            raise self._refused(
                f"written out, the sums have more than {self.unrolled:,} terms",
                self.around or (self.terms[self.calls[0]].span if self.calls else Span(0, len(self.text))),
                "bring the limits closer together",
            )

    def _add(self, term: Term) -> int:
        self.made.append(term)
        return len(self.made) - 1


def _is_loop(term: Term) -> bool:
    return term.op == CALL and term.payload in JOINED_BY and len(term.args) > 2


def _readings(subscript: str) -> list[tuple[Atom, ...]]:
    """What a subscript may be made of: 12 is one index or two, 01 is two."""
    if not subscript.isdecimal():
        return [(subscript,)]
    apart = tuple([int(digit) for digit in subscript])
    return [apart] if len(apart) == 1 or subscript.startswith("0") else [(int(subscript),), apart]


def _dims(value: object) -> tuple[int, ...]:
    """How many entries a value has along each axis: NumPy's array, or numbers in lists."""
    found = []
    while isinstance(value, (list, tuple)) and value:
        found.append(len(value))
        value = value[0]
    # Whether something is an array takes long to find out, and most values are numbers, or lists of them.
    if not found and not isinstance(value, (float, int)) and isinstance(value, _Array):
        return tuple(value.shape)
    return tuple(found)
