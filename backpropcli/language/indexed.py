"""Names with indices: what their subscripts are made of, and which definitions and arrays such a name belongs to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from backpropcli.language.latex_commands import ACCENTS
from backpropcli.records import NamedTuple

# A subscript with arithmetic is kept in braces: x_{j+1}. No user can write such a name but as a name with an index.
ARITHMETIC = re.compile(r"(?:[0-9]{1,9}(?:\*[A-Za-z]+)?|[A-Za-z]+)(?:[+-](?:[0-9]{1,9}(?:\*[A-Za-z]+)?|[A-Za-z]+))*")
_SUMMAND = re.compile(r"([+-]?)(?:([0-9]+)\*)?(?:([A-Za-z]+)|([0-9]+))")
# What in a name is no subscript, though it is written as one.
_MARKS = frozenset(ACCENTS.values()) | {"star", "prime", ""}
# The letters that a definition may run over without a sum that says so.
LETTERS = frozenset("ijklmnpqrst")
_CHOICES = 4
"""In a name, how many numbers may be either an index or a part of an array's name."""


class Place(NamedTuple):
    """An index in a subscript: letters with their factors, and a number that is added."""

    letters: tuple[tuple[str, int], ...]
    offset: int = 0

    @property
    def letter(self) -> str | None:
        """The letter, where the place is made of one alone, or of one and a number."""
        return self.letters[0][0] if len(self.letters) == 1 and self.letters[0][1] == 1 else None

    def value(self, indices: Mapping[str, int]) -> int:
        """The index where the letters stand for these numbers."""
        if len(self.letters) == 1:
            letter, factor = self.letters[0]
            return self.offset + factor * indices[letter]
        return self.offset + sum([factor * indices[letter] for letter, factor in self.letters])


Atom = int | str | Place
"""A part of a subscript: a number, a word, or an index."""


class Indexed(NamedTuple):
    """A name, and what its subscripts are made of."""

    name: str
    base: str
    groups: tuple[tuple[Atom, ...], ...]
    """The subscripts in their order; alpha_ji has one of two atoms, W_i_2 two of one."""

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """What all subscripts are made of."""
        return tuple(itertools.chain.from_iterable(self.groups))

    @property
    def places(self) -> tuple[Place, ...]:
        """The indices alone."""
        return tuple([atom for atom in self.atoms if isinstance(atom, Place)])

    def at(self, indices: Mapping[str, int]) -> Indexed:
        """The name with numbers for the indices."""
        parts, groups = self.name.split("_"), []
        for k, group in enumerate(self.groups, start=1):
            if len(group) == 1:
                atom = group[0]
                if isinstance(atom, Place):
                    value = atom.value(indices)
                    parts[k] = str(value)
                    group = (value,)
            else:
                group = tuple([atom.value(indices) if isinstance(atom, Place) else atom for atom in group])
                # 10_2, and not 102.
                joint = "_" if any([isinstance(atom, int) and atom > 9 for atom in group]) else ""
                parts[k] = joint.join([str(atom) for atom in group])
            groups.append(group)
        return Indexed("_".join(parts), self.base, tuple(groups))


def parsed(name: str, is_index: Callable[[str], bool], *, letters: bool) -> Indexed:
    """What the subscripts of a name are made of; with `letters` each letter of a subscript may be an index."""
    base, *subscripts = name.split("_")
    return Indexed(name, base, tuple([_group(subscript, is_index, letters=letters) for subscript in subscripts]))


def _group(subscript: str, is_index: Callable[[str], bool], *, letters: bool) -> tuple[Atom, ...]:
    if subscript.isdecimal():
        return (int(subscript),)
    if subscript.startswith("{"):
        place = _arithmetic(subscript[1:-1])
        return (place if all([is_index(letter) for letter, _ in place.letters]) else subscript,)
    if is_index(subscript):
        return (Place(((subscript, 1),)),)
    if not letters or subscript in _MARKS or len(subscript) < 2:
        return (subscript,)
    found = [letter.isalpha() and is_index(letter) for letter in subscript]
    # A word is one, unless all of its letters are indices; of two letters one may be another name.
    if not any(found) or not (
        len(subscript) == 2 or all([a or b.isdecimal() for a, b in zip(found, subscript, strict=True)])
    ):
        return (subscript,)
    return tuple(
        [
            Place(((letter, 1),)) if index else int(letter) if letter.isdecimal() else letter
            for letter, index in zip(subscript, found, strict=True)
        ]
    )


def _arithmetic(text: str) -> Place:
    factors: dict[str, int] = {}
    offset = 0
    for sign, factor, letter, number in _SUMMAND.findall(text):
        value = (-1 if sign == "-" else 1) * int(factor or number or 1)
        if letter:
            factors[letter] = factors.get(letter, 0) + value
        else:
            offset += value
    return Place(tuple(factors.items()), offset)


def unresolved(indexed: Indexed) -> str | None:
    """A subscript with arithmetic whose letters are no indices, if there is one."""
    return next((atom for atom in indexed.atoms if isinstance(atom, str) and atom.startswith("{")), None)


def free_letters(subscript: str) -> list[str]:
    """The letters of a subscript with arithmetic."""
    return [letter for letter, _ in _arithmetic(subscript[1:-1]).letters]


class Variant(NamedTuple):
    """One way to read a name's subscripts."""

    atoms: tuple[Atom, ...]
    literal: tuple[tuple[int, ...], ...]
    """The places of the numbers that are written so, and are no values of indices; digits of one number together."""


def variants(indexed: Indexed) -> Iterator[tuple[bool, Variant]]:
    """The atoms, and those with the numbers in the name taken apart: w_12 may have one index or two."""
    yield False, variant(indexed, indexed, apart=False)
    if any([len(group) == 1 and isinstance(group[0], int) and group[0] > 9 for group in indexed.groups]):
        yield True, variant(indexed, indexed, apart=True)


def variant(indexed: Indexed, written: Indexed, *, apart: bool) -> Variant:
    """The atoms of a name, with the numbers that are `written` so taken apart or not."""
    atoms: list[Atom] = []
    literal: list[tuple[int, ...]] = []
    for group, before in zip(indexed.groups, written.groups, strict=True):
        number = len(before) == 1 and isinstance(before[0], int)
        own = [int(digit) for digit in str(group[0])] if number and apart else group
        if number:
            literal.append(tuple([len(atoms) + k for k in range(len(own))]))
        else:
            literal += [(len(atoms) + k,) for k in range(len(own)) if isinstance(before[k], int)]
        atoms += own
    return Variant(tuple(atoms), tuple(literal))


# Families: definitions over an index


class Family(NamedTuple):
    """A definition whose name holds indices, z_j = ...: one for each number that is asked for."""

    statement: int
    indexed: Indexed
    letters: tuple[str, ...]

    def solved(self, atoms: Sequence[Atom]) -> dict[str, int] | None:
        """The numbers that the letters stand for in the name with these atoms, or None if it is no instance."""
        found: dict[str, int] = {}
        for own, other in zip(self.indexed.atoms, atoms, strict=True):
            if isinstance(own, Place) and isinstance(other, int):
                value = other - own.offset
                if found.setdefault(own.letter or "", value) != value:
                    return None
            elif own != other:
                return None
        return found

    def may_hold(self, atoms: Sequence[Atom]) -> bool:
        """Whether a name with these atoms, some of which are indices, may be an instance."""
        return all(
            [
                not isinstance(other, str) if isinstance(own, Place) else isinstance(other, Place) or own == other
                for own, other in zip(self.indexed.atoms, atoms, strict=True)
            ]
        )


class Families:
    """Families by the form of their names."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self._by_form: dict[tuple[str, int], list[Family]] = {}
        for family in families:
            self.add(family)

    def add(self, family: Family) -> None:
        """One more."""
        form = family.indexed.base, len(family.indexed.atoms)
        self._by_form.setdefault(form, []).append(family)

    def alike(self, base: str, atoms: Sequence[Atom]) -> Sequence[Family]:
        """Those that a name with so many atoms may be an instance of."""
        return self._by_form.get((base, len(atoms)), ())


# Entries of arrays


class Entry(NamedTuple):
    """A name as an entry of an array: alpha_12 may be that of `alpha` at 1 and 2."""

    stem: str
    """The array's name."""
    axes: tuple[int, ...]
    """By axis, the place of its index among the name's atoms."""


def entries(base: str, variant: Variant) -> Iterator[Entry]:
    """What a name may be an entry of; numbers are indices first, and then parts of the array's name.

    W_ij_1 is an entry of `W` with three axes, or of `W_1` with two.
    """
    atoms, literal = variant
    fixed = [k for k, atom in enumerate(atoms) if isinstance(atom, str)]
    most = len(literal) if len(literal) <= _CHOICES else 0
    for count in range(most + 1):
        for chosen in itertools.combinations(literal, count):
            inside = sorted([*fixed, *itertools.chain.from_iterable(chosen)])
            axes = tuple([k for k in range(len(atoms)) if k not in inside])
            if axes:
                yield Entry("_".join([base, *[str(atoms[k]) for k in inside]]), axes)
