"""Marking where values are arrays: every entry against what follows from the student's own arrays, one verdict for all.

How far an entry may be from what the middles of the student's intervals give is added up to first order: each of his
numbers is moved to the ends of its interval, by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backpropcli.errors import BackpropError
from backpropcli.homework import intervals
from backpropcli.homework.array_mutations import Array, Edit, Runs
from backpropcli.homework.board import Board
from backpropcli.homework.claims import ArrayClaim, read_array
from backpropcli.homework.intervals import Interval
from backpropcli.homework.misconceptions import BY_NAME, CATALOGUE
from backpropcli.homework.model import (
    ADJOINT,
    BY_ROUNDING,
    EDGE,
    FOLLOW_THROUGH,
    GRADIENT,
    LOCAL,
    MISSING,
    RIGHT,
    TOO_COARSE,
    UNREADABLE,
    VALUE,
    WRONG,
    Quantity,
)
from backpropcli.homework.numbers import Written
from backpropcli.homework.own import Policy
from backpropcli.records import NamedTuple
from backpropcli.report import Jacobian

MOST = 400
"""Entries of a step's inputs that are moved one by one; a larger step is compared with the truth alone."""
_CURVED = 1.1
"""What a first-order reach is multiplied by, for what bends."""
_WORST = (WRONG, FOLLOW_THROUGH, TOO_COARSE, BY_ROUNDING, RIGHT)
"""Of the entries' verdicts the first that occurs is that of the array."""
_NAMED = 6
_RANK = {entry.name: place for place, entry in enumerate(CATALOGUE)}


class OwnArray(NamedTuple):
    """What is known of an array of the student's own: its entries row by row."""

    entries: tuple[Interval, ...]
    roots: frozenset[Quantity] = frozenset()
    given: bool = False


class Verdict(NamedTuple):
    """A verdict on an array, with what later steps start from."""

    verdict: str
    own: OwnArray
    trivial: bool = False
    problem: str | None = None
    misconceptions: tuple[str, ...] = ()
    hint: str | None = None


class ArrayFollowing:
    """What follows from a student's own arrays, on one board."""

    def __init__(self, board: Board, policy: Policy) -> None:
        self.board = board
        self.policy = policy
        self.values = {name: _array(number) for name, number in board.point.items()}
        for step in board.steps:
            self.values[step] = _array(board.truth[Quantity(VALUE, step)])

    @functools.cached_property
    def whole(self) -> Runs:
        """The whole graph."""
        return Runs(self.board.whole, self.values, self.board.question.program)

    def runs(self, node: str) -> Runs:
        """A step's own graph."""
        if node not in self._runs:
            step = self.board.steps[node]
            self._runs[node] = Runs(step.graph, self.values, step.formula)
        return self._runs[node]

    @functools.cached_property
    def _runs(self) -> dict[str, Runs]:
        return {}

    def truth(self, quantity: Quantity) -> Array:
        """The true array of a quantity."""
        return _array(self.board.truth[quantity])

    def judge(
        self,
        quantity: Quantity,
        own: dict[Quantity, OwnArray],
        claimed: Mapping[Quantity, ArrayClaim],
    ) -> Verdict:
        """The verdict on one answer, and what is known of the array then."""
        expected = self.expected(quantity, own)
        claim = claimed.get(quantity)
        if claim is None or claim.blank:
            return Verdict(MISSING, expected)
        if claim.problem is not None:
            return Verdict(UNREADABLE, expected, problem=claim.problem)
        truth = self.truth(quantity).ravel()
        verdicts, entries = [], []
        for number, right, follows in zip(claim.numbers, truth, expected.entries, strict=True):
            verdict, entry = self._entry(number, float(right), follows, expected.roots)
            verdicts.append(verdict)
            entries.append(entry)
        worst = next(verdict for verdict in _WORST if verdict in verdicts)
        if claim.transposed:
            worst = WRONG
        roots = frozenset({quantity}) if worst == WRONG else frozenset()
        if worst in (FOLLOW_THROUGH, TOO_COARSE):
            roots = expected.roots
        made = OwnArray(tuple(entries), roots, given=True)
        if worst == WRONG:
            if claim.transposed and RIGHT in verdicts and len(set(verdicts)) == 1:
                names: tuple[str, ...] = ("outer_product_transposed",)
            else:
                names = self.named(quantity, claim, own, claimed)
            hint = f"consistent with {BY_NAME[names[0]].done}: {BY_NAME[names[0]].hint}" if names else None
            # A transposed array is no array of this shape that later steps could start from.
            return Verdict(WRONG, made if not claim.transposed else expected, misconceptions=names, hint=hint)
        zero = all([not number.value for number in claim.numbers])
        unknown = not all([each.known for each in expected.entries])
        return Verdict(worst, made, trivial=worst == FOLLOW_THROUGH and (zero or unknown))

    def _entry(
        self, number: Written, truth: float, follows: Interval, roots: frozenset[Quantity]
    ) -> tuple[str, Interval]:
        policy = self.policy
        if not math.isfinite(number.value):
            return WRONG, intervals.ALL
        if policy.agrees(number, truth) or (not truth and abs(number.value) < 1e-12):
            return RIGHT, policy.goes_on(number, truth, following=(follows,))
        if (roots and not follows.known) or policy.meets(number, follows):
            return FOLLOW_THROUGH if roots else BY_ROUNDING, policy.goes_on(number, following=(follows,))
        if policy.single(number) and policy.meets(number, follows, coarse=True):
            return TOO_COARSE, Interval(*number.interval())
        return WRONG, policy.goes_on(number)

    # What follows

    def expected(self, quantity: Quantity, own: Mapping[Quantity, OwnArray]) -> OwnArray:
        """Where the entries may be that follow from the student's own arrays."""
        board = self.board
        if quantity.kind == LOCAL and isinstance(board.truth[quantity], Jacobian):
            return OwnArray(())
        if quantity.kind in (VALUE, LOCAL, EDGE):
            step = board.steps[quantity.node]
            sources = {name: self._own_value(name, own) for name in step.inputs}
            roots = frozenset[Quantity]().union(*[each.roots for each in sources.values()])
            boxes = {name: each.entries for name, each in sources.items()}
            if quantity.kind == EDGE:
                adjoint = own[Quantity(ADJOINT, quantity.node)]
                roots |= adjoint.roots
                boxes[_SEED] = adjoint.entries
            return OwnArray(self._image(quantity, boxes), roots)
        node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
        if quantity.kind == ADJOINT and node == board.output:
            return OwnArray((intervals.point(1.0),))
        parts = [own[Quantity(EDGE, user, node)] for user in board.uses[node]]
        roots = frozenset[Quantity]().union(*[part.roots for part in parts])
        if not parts:
            return OwnArray(tuple([intervals.point(0.0)] * self.truth(quantity).size))
        return OwnArray(
            tuple([intervals.plus(entries) for entries in zip(*[part.entries for part in parts], strict=True)]), roots
        )

    def _own_value(self, name: str, own: Mapping[Quantity, OwnArray]) -> OwnArray:
        if name in self.board.point:
            return OwnArray(tuple([intervals.point(float(number)) for number in self.values[name].ravel()]))
        return own[Quantity(VALUE, name)]

    def _image(self, quantity: Quantity, boxes: Mapping[str, Sequence[Interval]]) -> tuple[Interval, ...]:
        size = int(self.truth(quantity).size)
        wide = [(name, k) for name, sides in boxes.items() for k, side in enumerate(sides) if side.low != side.high]
        if len(wide) > MOST or not all([side.known for sides in boxes.values() for side in sides]):
            return (intervals.ALL,) * size
        key = quantity, tuple([tuple(sides) for sides in boxes.values()])
        if key not in self._kept:
            if len(self._kept) > 1 << 12:
                self._kept.clear()
            self._kept[key] = self._moved(quantity, boxes, wide)
        return self._kept[key]

    @functools.cached_property
    def _kept(self) -> dict[object, tuple[Interval, ...]]:
        return {}

    def _moved(
        self, quantity: Quantity, boxes: Mapping[str, Sequence[Interval]], wide: Sequence[tuple[str, int]]
    ) -> tuple[Interval, ...]:
        import numpy as np

        centres = {name: [side.centre for side in sides] for name, sides in boxes.items()}
        middle = self._at(quantity, centres)
        reach = np.zeros(middle.shape)
        with np.errstate(all="ignore"):
            for name, k in wide:
                side = boxes[name][k]
                moves = []
                for end in side:
                    moved = {**centres, name: [*centres[name][:k], end, *centres[name][k + 1 :]]}
                    moves.append(np.abs(self._at(quantity, moved) - middle))
                reach = reach + np.maximum(*moves)
            reach = _CURVED * reach
        return tuple(
            [
                Interval(float(m - r), float(m + r)) if math.isfinite(m) and math.isfinite(r) else intervals.ALL
                for m, r in zip(middle.ravel(), reach.ravel(), strict=True)
            ]
        )

    def _at(self, quantity: Quantity, numbers: Mapping[str, Sequence[float]], edit: Edit | None = None) -> Array:
        """The quantity's array from its step's inputs, and the adjoint that arrives there."""
        import numpy as np

        runs = self.runs(quantity.node)
        shaped = {
            name: np.array(entries, dtype=float).reshape(self.values[name].shape)
            for name, entries in numbers.items()
            if name != _SEED
        }
        # A number among arrays is a float: arrays of no axes are not what the graph was bound to.
        given = {name: value if value.ndim else float(value) for name, value in shaped.items()}
        output = self.values[quantity.node].shape
        seed = np.array(numbers[_SEED], dtype=float).reshape(output) if _SEED in numbers else np.ones(output)
        made = runs.run(given, seed, edit)
        if quantity.kind == VALUE:
            return _array(made.value)
        return _array(made.adjoints.get(str(quantity.by), np.zeros(self.values[str(quantity.by)].shape)))

    # What is said of a wrong array

    def named(
        self,
        quantity: Quantity,
        claim: ArrayClaim,
        own: Mapping[Quantity, OwnArray],
        claimed: Mapping[Quantity, ArrayClaim],
    ) -> tuple[str, ...]:
        """The misconceptions that a wrong array is consistent with: in its step, or else anywhere in the graph."""
        if all([number.digits < 2 and not number.whole for number in claim.numbers]):
            return ()
        found: list[str] = []
        if quantity.kind in (VALUE, EDGE):
            step = self.board.steps[quantity.node]
            numbers = {name: [s.centre for s in self._own_value(name, own).entries] for name in step.inputs}
            width = max([_width(self._own_value(name, own).entries) for name in step.inputs] + [0.0])
            if quantity.kind == EDGE:
                adjoint = own[Quantity(ADJOINT, quantity.node)].entries
                numbers[_SEED] = [side.centre for side in adjoint]
                width = max(width, _width(adjoint))
            if all([math.isfinite(number) for entries in numbers.values() for number in entries]):
                found = [
                    edit.name
                    for edit in self.runs(quantity.node).edits
                    if self._equal(claim, self._tried(quantity, numbers, edit), width)
                ]
        if not found:
            together = {q: c for q, c in claimed.items() if q.kind == GRADIENT and c.numbers and not c.transposed}
            together[quantity] = claim
            for name, numbers_of in self._mutated:
                if all([q in numbers_of and self._equal(c, numbers_of[q], 0.0) for q, c in together.items()]):
                    found.append(name)
        found = sorted(dict.fromkeys(found), key=_RANK.__getitem__)
        slips = [name for name in found if BY_NAME[name].family == "slip"]
        return tuple([name for name in found if name not in slips] or slips)[:_NAMED]

    def _tried(self, quantity: Quantity, numbers: Mapping[str, Sequence[float]], edit: Edit) -> Array | None:
        """The array with one thing done wrongly; None where the shapes do not allow that."""
        try:
            return self._at(quantity, numbers, edit)
        except BackpropError:
            return None

    @functools.cached_property
    def _mutated(self) -> list[tuple[str, dict[Quantity, Array]]]:
        """The arrays of the whole graph for every single mutation of it."""
        board = self.board
        found = []
        given = {
            name: self.values[name] if self.values[name].ndim else float(self.values[name]) for name in board.point
        }
        for edit in self.whole.edits:
            try:
                made = self.whole.run(given, 1.0, edit)
            except BackpropError:  # The shapes do not allow it.
                continue
            numbers = {Quantity(GRADIENT, board.output, name): value for name, value in made.adjoints.items()}
            for name, (value, adjoint) in made.named.items():
                numbers[Quantity(VALUE, name)] = value
                numbers[Quantity(ADJOINT, name)] = adjoint
            found.append((edit.name, numbers))
        return found

    def _equal(self, claim: ArrayClaim, values: Array | None, width: float) -> bool:
        """Whether every entry may be this one as rounded, on inputs that are known as far as this."""
        if values is None:
            return False
        flat = _array(values).ravel()
        if claim.transposed or len(flat) != len(claim.numbers):
            return False
        for number, value in zip(claim.numbers, flat, strict=True):
            if not math.isfinite(value):
                return False
            spread = width * abs(value) + 1e-12
            if not self.policy.meets(number, Interval(value - spread, value + spread)):
                return False
        return True


_SEED = "adjoint of the output"


def _width(entries: Iterable[Interval]) -> float:
    """The largest relative radius."""
    return max([side.radius / abs(side.centre) for side in entries if side.radius and side.centre] + [0.0])


def _array(value: Any) -> Array:
    import numpy as np

    return np.asarray(value, dtype=float)


def read_claims(board: Board, texts: Mapping[Quantity, str]) -> dict[Quantity, ArrayClaim]:
    """What the answers claim, by quantity, read in the shape that each has."""
    return {
        quantity: read_array(text, board.question.decimal, tuple(_array(board.truth[quantity]).shape))
        for quantity, text in texts.items()
    }
