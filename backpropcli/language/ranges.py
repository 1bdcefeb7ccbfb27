"""How far an index goes that has no limits: as far as where it stands, in other sums, in arrays, or in given names.

All places that one index stands in have one range: in x_i and alpha_ji under a sum over i, the entries of x and the
second axis of alpha; and where a_j = ... is a family, the j of its formula and that of a sum over a_j.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from backpropcli.errors import BackpropError, Span
from backpropcli.language.families import Survey, Use, bare
from backpropcli.language.indexed import Atom, Entry, Families, Indexed, Place, parsed
from backpropcli.language.terms import NAME, Statement, Term
from backpropcli.records import NamedTuple

_AXES = ("first", "second", "third", "fourth")
FIRST = 1
"""Where an index begins that nothing but arrays give a range: as in mathematics, and not as in programs.

Where the other sums of the text all begin at one number, it is that number.
"""


def axis_name(axis: int) -> str:
    """An axis as it is called in a sentence."""
    return _AXES[axis] if axis < len(_AXES) else f"{axis + 1}th"


class _Sum(NamedTuple):
    call: int


class _Letter(NamedTuple):
    """An index of a family."""

    statement: int
    letter: str


class _Axis(NamedTuple):
    """An axis of an array."""

    stem: str
    axis: int


class _Subscript(NamedTuple):
    """A place in names that are neither: the other subscripts, with None for indices, and which it is."""

    base: str
    atoms: tuple[Atom | None, ...]
    at: int


_Spot = _Sum | _Letter | _Axis | _Subscript
"""A place that an index stands in, or what has the index."""


class _Class(NamedTuple):
    """Places that have one range."""

    sums: list[tuple[int, int]]
    """The limits of the sums over it."""
    axes: list[_Axis]
    subscripts: list[_Subscript]


class Ranges:
    """The ranges of a text's indices."""

    def __init__(
        self,
        text: str,
        terms: Sequence[Term],
        statements: Sequence[Statement],
        survey: Survey,
        sums: Sequence[int],
        limits: Callable[[int], tuple[int, int] | None],
        entry: Callable[[Indexed], Entry | None],
        shape: Callable[[str], tuple[int, ...] | None],
        known: Callable[[], Iterable[str]],
        *,
        letters: bool,
    ) -> None:
        self.text, self.terms, self.statements, self.survey = text, terms, statements, survey
        self.sums = sums
        self.limits, self.entry, self.shape, self.known, self.letters = limits, entry, shape, known, letters
        self._over: dict[_Spot, _Spot] = {}
        self._classes: dict[_Spot, _Class] | None = None
        self._by_base: dict[str, list[tuple[Atom, ...]]] | None = None

    def of_sum(self, call: int, index: str, first: int) -> tuple[int, int]:
        """The limits of a sum without limits, whose body begins at the term `first`."""
        body = range(first, self.terms[call].args[0] + 1)
        what = f"this {self.terms[call].payload}"
        return self._range(_Sum(call), index, what, self.terms[call].span, body)

    def of_family(self, k: int, letter: str) -> tuple[int, int] | None:
        """How far an index of a family goes that nothing asks for, by the arrays in its formula; None without such."""
        found = self._class(_Letter(k, letter))
        if not found.axes:
            return None
        statement = self.statements[k]
        body = range(statement.first, statement.value + 1)
        return self._range(_Letter(k, letter), letter, f"the {letter} of {statement.name}", statement.span, body)

    def sums_over(self, stem: str, axis: int) -> list[tuple[int, int]]:
        """The limits of the sums over an axis of an array."""
        return sorted(set(self._class(_Axis(stem, axis)).sums))

    def is_over(self, call: int, stem: str, axis: int) -> bool:
        """Whether a sum runs over an axis of an array."""
        self._class(_Sum(call))
        return self._root(_Sum(call)) == self._root(_Axis(stem, axis))

    def _range(self, spot: _Spot, index: str, what: str, span: Span, body: Iterable[int]) -> tuple[int, int]:
        found = self._class(spot)
        limits = sorted(set(found.sums))
        if len(limits) == 1:
            return limits[0]
        if limits:
            told = " and ".join([f"from {first} to {last}" for first, last in limits[:2]])
            raise self._error(f"{what} has no limits, and others over the same places go {told}", span, index)
        lengths = {(self.shape(axis.stem) or ())[axis.axis]: axis for axis in found.axes}
        if len(lengths) > 1:
            (one, a), (other, b) = list(lengths.items())[:2]
            message = f"{what} has no limits, and {self._length(one, a)}, but {self._length(other, b)}"
            raise self._error(message, span, index, "give both as many")
        if lengths:
            if any([self.terms[i].op == NAME and self.terms[i].payload == index for i in body]):
                raise self._error(
                    f"{what} has no limits, and {index} is a number there: nothing says whether it begins at 0 or at 1",
                    span,
                    index,
                )
            begins = {ends[0] for ends in map(self.limits, self.sums) if ends is not None}
            first = begins.pop() if len(begins) == 1 else FIRST
            return first, first + next(iter(lengths)) - 1
        numbers = {number for subscript in found.subscripts for number in self._numbers(subscript)}
        if numbers and max(numbers) - min(numbers) + 1 == len(numbers):
            return min(numbers), max(numbers)
        message = f"{what} has no limits, and nothing says how far {index} goes"
        stem = found.subscripts[0].base if found.subscripts else ""
        raise self._error(message, span, index, f"give {stem} as an array, as in --{stem} '[1, 2, 3]'" if stem else "")

    def _length(self, length: int, axis: _Axis) -> str:
        along = ""
        if len(self.shape(axis.stem) or ()) > 1:
            along = f" along its {axis_name(axis.axis)} axis"
        return f"{axis.stem} has {length:,} {'entry' if length == 1 else 'entries'}{along}"

    def _error(self, message: str, span: Span, index: str, otherwise: str = "") -> BackpropError:
        hint = f"write the limits, as in \\sum_{{{index}=1}}^{{3}}" if self.letters else f"write sum(f, {index}, 1, 3)"
        return BackpropError(
            message, source=self.text, span=span, hint=f"{hint}, or {otherwise}" if otherwise else hint
        )

    def _numbers(self, subscript: _Subscript) -> Iterator[int]:
        """The numbers that stand at this place in names that have a value or a definition."""
        if self._by_base is None:
            self._by_base = {}
            for name in self.known():
                other = parsed(name, lambda _: False, letters=self.letters)
                self._by_base.setdefault(other.base, []).append(other.atoms)
        own = subscript.atoms
        for atoms in self._by_base.get(subscript.base, ()):
            if len(atoms) == len(own) and all(
                [isinstance(b, int) if a is None else a == b for a, b in zip(own, atoms, strict=True)]
            ):
                number = atoms[subscript.at]
                if isinstance(number, int):
                    yield number

    # Classes

    def _class(self, spot: _Spot) -> _Class:
        if self._classes is None:
            self._classes = self._found()
        return self._classes.get(self._root(spot), _Class([], [], []))

    def _root(self, spot: _Spot) -> _Spot:
        path = []
        while (over := self._over.get(spot, spot)) != spot:
            path.append(spot)
            spot = over
        for each in path:
            self._over[each] = spot
        return spot

    def _found(self) -> dict[_Spot, _Class]:
        families = Families([*self.survey.families.values(), *self.survey.idle.values()])
        spots: dict[_Spot, None] = {}
        for use in self.survey.uses:
            for at, atom in enumerate(use.indexed.atoms):
                letter = bare(atom)
                if letter is not None:
                    runner = _Sum(use.sums[letter]) if letter in use.sums else _Letter(use.statement, letter)
                    spot = self._spot(use, at, families)
                    spots |= dict.fromkeys([runner, spot])
                    self._over[self._root(spot)] = self._root(runner)
        found: dict[_Spot, _Class] = {}
        for spot in spots:
            one = found.setdefault(self._root(spot), _Class([], [], []))
            if isinstance(spot, _Sum):
                limits = self.limits(spot.call)
                one.sums.extend([] if limits is None else [limits])
            elif isinstance(spot, _Axis):
                one.axes.append(spot)
            elif isinstance(spot, _Subscript):
                one.subscripts.append(spot)
        return found

    def _spot(self, use: Use, at: int, families: Families) -> _Spot:
        """What an index stands in: an index of a family, an axis of an array, or a subscript of names."""
        base, atoms = use.indexed.base, use.indexed.atoms
        for family in families.alike(base, atoms):
            letter = bare(family.indexed.atoms[at])
            if letter is not None and family.may_hold(atoms):
                return _Letter(family.statement, letter)
        entry = self.entry(use.indexed)
        if entry is not None and at in entry.axes:
            return _Axis(entry.stem, entry.axes.index(at))
        return _Subscript(base, tuple([None if isinstance(atom, Place) else atom for atom in atoms]), at)
