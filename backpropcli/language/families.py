"""Which definitions run over an index: z_j = ... does where something asks for z_0, or for z_j under a sum over j."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from backpropcli.errors import BackpropError, Span
from backpropcli.language.indexed import LETTERS, Atom, Families, Family, Indexed, Place, parsed, variants
from backpropcli.language.terms import NAME, Statement, Term
from backpropcli.records import NamedTuple

MAX_COMPARED = 1_000_000
"""How often a name is held against a definition with an index whose name is like it."""

_WORDS = re.compile("[A-Za-z]+")


class Use(NamedTuple):
    """A name with subscripts where it is used."""

    statement: int
    """The definition that it stands in, or in a member of whose chain."""
    indexed: Indexed
    span: Span
    sums: Mapping[str, int]
    """By letter, the sum or product that it is the index of; the other letters are those of the family around."""


class Survey(NamedTuple):
    """The names with subscripts of a text, and the definitions that run over an index."""

    uses: list[Use]
    """Inside of definitions with an index with those letters as indices."""
    families: dict[int, Family]
    """By their statement, those that something asks for."""
    idle: dict[int, Family]
    """Those that nothing asks for: z_j is a name like any other then."""


class Surveyor:
    """Goes through a text, and finds the names that have indices.

    `heads` gives the definition that a member of a chain belongs to; `begins` the sums that begin at a term.
    """

    def __init__(
        self,
        text: str,
        terms: Sequence[Term],
        statements: Sequence[Statement],
        begins: Mapping[int, Sequence[int]],
        heads: Mapping[int, int],
        *,
        letters: bool,
    ) -> None:
        self.text, self.terms, self.statements = text, terms, statements
        self.begins, self.heads, self.letters = begins, heads, letters
        self.indices = {str(terms[terms[call].args[1]].payload) for calls in begins.values() for call in calls}

    def survey(self) -> Survey:
        """What the text holds."""
        plain = list(self._uses())
        inside: dict[int, list[Use]] = {}
        for use in plain:
            inside.setdefault(use.statement, []).append(use)
        idle: dict[int, Family] = {}
        for k in range(len(self.statements)):
            family = self._candidate(k, inside.get(k, ()))
            if family is not None:
                idle[k] = family
        for k, family in idle.items():
            inside[k] = [self._within(use, family) for use in inside.get(k, ())]
        families = self._asked(plain, inside, idle)
        return Survey([use for uses in inside.values() for use in uses], families, idle)

    def _uses(self) -> Iterator[Use]:
        """Every name with subscripts, and the sums around it that its letters are the indices of."""
        around: dict[str, list[int]] = {}
        ends: list[tuple[int, str]] = []
        for k, statement in enumerate(self.statements):
            for position in range(statement.first, statement.value + 1):
                while ends and ends[-1][0] < position:
                    around[ends.pop()[1]].pop()
                for call in self.begins.get(position, ()):
                    if call <= statement.value:
                        body, index = self.terms[call].args[:2]
                        letter = str(self.terms[index].payload)
                        around.setdefault(letter, []).append(call)
                        ends.append((body, letter))
                op, _, payload, span = self.terms[position]
                if op == NAME and "_" in str(payload):
                    words = _WORDS.findall(str(payload).partition("_")[2])
                    sums = {
                        letter: around[letter][-1] for word in words for letter in (word, *word) if around.get(letter)
                    }
                    yield Use(
                        self.heads.get(k, k), parsed(str(payload), sums.__contains__, letters=self.letters), span, sums
                    )
            while ends:
                around[ends.pop()[1]].pop()

    def _within(self, use: Use, family: Family) -> Use:
        """The same name with the letters of the definition around."""
        known = {*use.sums, *family.letters}
        return use._replace(indexed=parsed(use.indexed.name, known.__contains__, letters=self.letters))

    def _candidate(self, k: int, uses: Sequence[Use]) -> Family | None:
        """A definition as a family over those letters of its name that its formula, or a sum, has as an index too."""
        statement = self.statements[k]
        if statement.name is None or statement.parameters is not None or "_" not in statement.name:
            return None
        written = parsed(
            statement.name, lambda letter: letter in LETTERS or letter in self.indices, letters=self.letters
        )
        wanted = {letter for place in written.places for letter, _ in place.letters}
        if not wanted:
            return None
        found = wanted & self.indices
        if wanted - found:
            for use in uses:
                inside = parsed(use.indexed.name, wanted.__contains__, letters=self.letters)
                found |= {letter for place in inside.places for letter, _ in place.letters}
            names = {term.payload for term in self.terms[statement.first : statement.value + 1] if term.op == NAME}
            found |= wanted & names
        indexed = parsed(statement.name, found.__contains__, letters=self.letters)
        if not indexed.places or not all([place.letter for place in indexed.places]):
            return None
        return Family(k, indexed, tuple(dict.fromkeys([str(place.letter) for place in indexed.places])))

    def _asked(
        self, plain: Sequence[Use], inside: Mapping[int, Sequence[Use]], idle: dict[int, Family]
    ) -> dict[int, Family]:
        """The families that something asks for; they leave `idle`."""
        candidates = Families(idle.values())
        found: dict[int, Family] = {}
        # A number asks too, as in y = z_1, but not where z_j stands as a name of its own, outside of all families.
        names = {use.indexed.name for use in plain if not use.indexed.places and use.statement not in idle}
        pending = list(plain)
        compared = 0
        while pending:
            use = pending.pop()
            indexed = use.indexed
            for _, (atoms, _) in variants(indexed):
                alike = candidates.alike(indexed.base, atoms)
                compared += len(alike)
                if compared > MAX_COMPARED:
                    raise too_many_families(self.text, self.statements[alike[-1].statement])
                for family in alike:
                    k = family.statement
                    if k in found or not family.may_hold(atoms):
                        continue
                    if indexed.places or (use.statement != k and family.indexed.name not in names):
                        found[k] = family
                        pending += inside[k]
        for k in found:
            del idle[k]
        return found


def may_define(name: str, other: str) -> bool:
    """Whether a definition of this name, as of z_j, would define the other one, as z_1."""
    family = _over_letters(name)
    literal = parsed(other, lambda _: False, letters=True)
    if family is None or literal.base != family.indexed.base:
        return False
    return any(
        [
            len(atoms) == len(family.indexed.atoms) and min((family.solved(atoms) or {"": -1}).values()) >= 0
            for _, (atoms, _) in variants(literal)
        ]
    )


def _over_letters(name: str) -> Family | None:
    indexed = parsed(name, LETTERS.__contains__, letters=True)
    if not indexed.places or not all([place.letter for place in indexed.places]):
        return None
    return Family(0, indexed, tuple([str(place.letter) for place in indexed.places]))


def too_many_families(text: str, statement: Statement) -> BackpropError:
    """What to say where names would have to be held against too many definitions."""
    return BackpropError(
        f"too many definitions with an index have names like {statement.name}: names were held against"
        f" {MAX_COMPARED:,} of them, which is the limit",
        source=text,
        span=statement.span,
        hint="write them as one definition, with one more index",
    )


def bare(atom: Atom) -> str | None:
    """The letter that an atom is, if it is one without arithmetic."""
    return atom.letter if isinstance(atom, Place) and not atom.offset else None
