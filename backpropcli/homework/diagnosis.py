"""What a wrong number is consistent with: each misconception is tried at its node with the student's own inputs.

Where a row's inputs were not given, each single mutation is run on the whole graph instead, and all derivatives that
were answered have to come out. Slips of the pen are named where nothing else is found. Of one digit nothing is said.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from backpropcli.graph import CONSTANT, number_of
from backpropcli.homework import intervals, mutations
from backpropcli.homework.board import Board
from backpropcli.homework.claims import Claim
from backpropcli.homework.intervals import Interval
from backpropcli.homework.misconceptions import BY_NAME, CATALOGUE
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, Quantity
from backpropcli.homework.numbers import Written
from backpropcli.homework.own import Own, Policy
from backpropcli.records import NamedTuple

MOST = 6
"""Misconceptions that are named."""
_FAR = 5.0
"""By how many of its inputs' relative widths a mutated number may be off before its range is not looked at."""
_WHOLE_ONLY = frozenset({"loss_sign"})
"""What is done to all derivatives, and says nothing about one step."""
_SLIPS = frozenset({entry.name for entry in CATALOGUE if entry.family == "slip"})
_RANK = {entry.name: place for place, entry in enumerate(CATALOGUE)}


class Evidence(NamedTuple):
    """A wrong number, with all that may say what was done."""

    quantity: Quantity
    number: Written
    own: Mapping[Quantity, Own]
    claims: Mapping[Quantity, Claim]
    via: str | None = None
    """The use that this contribution is about, where one number a use was written."""


class Told(NamedTuple):
    """What is to be said of a wrong number."""

    names: tuple[str, ...] = ()
    hint: str | None = None


class _Mutant(NamedTuple):
    """A step's number as it comes out when one thing is done wrongly."""

    name: str
    function: Callable[[Sequence[float]], float | None]
    """Of the values of the step's inputs, and of its result as the student has it."""


class Diagnosis:
    """Tries the catalogue on the graph of one board. What does not depend on the student is computed once."""

    def __init__(self, board: Board, policy: Policy) -> None:
        self.board = board
        self.policy = policy
        self._kept: dict[object, tuple[str, ...]] = {}

    def told(self, evidence: Evidence) -> Told:
        """The names of what a wrong number is consistent with, the most local first, and the first one's hint."""
        number = evidence.number
        single = number.digits < 2 and not number.exact
        if not math.isfinite(number.value) or (single and not number.whole):
            return Told()
        quantity = evidence.quantity
        if evidence.via is not None:
            quantity = Quantity(EDGE, evidence.via, quantity.node)
        if not isinstance(self.board.truth[quantity], float):
            return Told()
        named: list[str] = []
        if quantity.kind in (VALUE, ADJOINT, GRADIENT) and not self._has_own_inputs(quantity, evidence):
            named = list(dict.fromkeys(self._by_graph(quantity, evidence)))
        if not named:
            named = list(dict.fromkeys(self._by_row(quantity, evidence)))
        named += [name for name in self._swapped(quantity, evidence) if name not in named]
        if not [name for name in named if name not in _SLIPS]:
            named += [name for name in self._slips(quantity, evidence) if name not in named]
        else:
            named = [name for name in named if name not in _SLIPS]
        named = sorted(named, key=_RANK.__getitem__)[:MOST]
        if not named:
            return Told()
        entry = BY_NAME[named[0]]
        return Told(tuple(named), f"consistent with {entry.done}: {entry.hint}")

    # One row

    def _by_row(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        if quantity.kind in (VALUE, LOCAL):
            yield from self._by_step(quantity, evidence)
        elif quantity.kind == EDGE:
            yield from self._by_edge(quantity, evidence)
        else:
            yield from self._by_sum(quantity, evidence)

    def _by_step(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        """Each mutation inside a step, over the student's own inputs."""
        node, by = quantity.node, quantity.by
        box = self._box(node, evidence)
        key = quantity, tuple(box), evidence.number
        if key not in self._kept:
            if len(self._kept) > 1 << 14:
                self._kept.clear()
            self._kept[key] = tuple(
                [mutant.name for mutant in self._mutants(node, by) if self._fits(evidence.number, mutant, box)]
            )
        yield from self._kept[key]

    def _by_edge(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        adjoint = intervals.hull(evidence.own[Quantity(ADJOINT, quantity.node)].ranges)
        local = quantity._replace(kind=LOCAL)
        slope = intervals.hull(evidence.own[local].ranges)
        if self._meets(evidence.number, slope):
            yield "upstream_factor_missing"
        if self._meets(evidence.number, adjoint):
            yield "local_factor_missing"
        if local not in evidence.claims:
            box = self._box(quantity.node, evidence)
            for mutant in self._mutants(quantity.node, quantity.by):
                if self._fits(evidence.number, mutant, box, factor=adjoint):
                    yield mutant.name

    def _by_sum(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        """What may be made of several uses; and a mutation along one of them, where that was not written apart."""
        board, number = self.board, evidence.number
        node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
        edges = [Quantity(EDGE, user, node) for user in board.uses[node]]
        parts = [intervals.hull(evidence.own[edge].ranges) for edge in edges]
        if len(parts) > 1 and all([part.known for part in parts]):
            for name, word in _SUMS:
                if any([self._meets(number, each) for each in _combined(parts, word)]):
                    yield name
        if quantity.kind == ADJOINT and node != board.output:
            value = intervals.hull(evidence.own[Quantity(VALUE, node)].ranges)
            if self._meets(number, value):
                yield "value_for_adjoint"
        for place, edge in enumerate(edges):
            local = edge._replace(kind=LOCAL)
            if edge in evidence.claims or local in evidence.claims:
                continue
            adjoint = intervals.hull(evidence.own[Quantity(ADJOINT, edge.node)].ranges)
            rest = intervals.plus([*parts[:place], *parts[place + 1 :]])
            slope = intervals.hull(evidence.own[local].ranges)
            for name, other in (("upstream_factor_missing", slope), ("local_factor_missing", adjoint)):
                if self._meets(number, intervals.plus([rest, other])):
                    yield name
            box = self._box(edge.node, evidence)
            for mutant in self._mutants(edge.node, node):
                if self._fits(number, mutant, box, factor=adjoint, rest=rest):
                    yield mutant.name

    def _box(self, node: str, evidence: Evidence) -> list[Interval]:
        """Where a step's inputs, and its result, may be for the student."""
        names = (*self.board.steps[node].inputs, node)
        return [self._value(name, evidence) for name in names]

    def _value(self, name: str, evidence: Evidence) -> Interval:
        if name in self.board.point:
            return intervals.point(self.board.point[name])
        return intervals.hull(evidence.own[Quantity(VALUE, name)].ranges)

    @functools.cached_property
    def _constants(self) -> tuple[float, ...]:
        found = [
            number_of(node.attribute)
            for node in self.board.whole.nodes
            if node.op == CONSTANT and not isinstance(node.attribute, tuple)
        ]
        return tuple(dict.fromkeys(found))

    def _mutants(self, node: str, by: str | None) -> tuple[_Mutant, ...]:
        key = node, by
        if key not in self._by_place:
            self._by_place[key] = tuple(self._made(node, by))
        return self._by_place[key]

    @functools.cached_property
    def _by_place(self) -> dict[tuple[str, str | None], tuple[_Mutant, ...]]:
        return {}

    def _made(self, node: str, by: str | None) -> Iterator[_Mutant]:
        """Everything that may be done wrongly in a step; by its value, or by a local derivative."""
        step = self.board.steps[node]
        graph, inputs = step.graph, step.inputs
        leaf = graph.variables.get(by) if by is not None else None
        for edit in mutations.edits(graph, self._constants):
            if edit.name in _WHOLE_ONLY or (by is None and not edit.values and not edit.swapped):
                continue
            swapped = edit.swapped or ()
            if swapped and (by is not None or not all([name in self.board.point for name in swapped])):
                continue

            def number(box: Sequence[float], edit: mutations.Edit = edit, rounded: bool = False) -> float | None:
                values = dict(zip(inputs, box[:-1], strict=True))
                made = mutations.run(graph, values, edit, box[-1] if rounded else None)
                if by is None:
                    return made.values[graph.outputs[0]]
                return 0.0 if leaf is None else made.adjoints[leaf] or 0.0

            yield _Mutant(edit.name, number)
            if by is not None and not edit.values:
                yield _Mutant(edit.name, functools.partial(number, rounded=True))

    def _fits(
        self,
        number: Written,
        mutant: _Mutant,
        box: Sequence[Interval],
        factor: Interval | None = None,
        rest: Interval | None = None,
    ) -> bool:
        """Whether a mutated number, times a factor and with a rest added, may be the one that was written."""
        if not all([side.known for side in box]):
            return False
        centre = mutant.function([side.centre for side in box])
        if centre is None or not math.isfinite(centre):
            return False
        if not self._near(number, centre, box, factor, rest):
            return False
        found = intervals.image(mutant.function, box)
        if factor is not None:
            found = intervals.times(found, factor)
        if rest is not None:
            found = intervals.plus([found, rest])
        return self._meets(number, found)

    @staticmethod
    def _near(
        number: Written, centre: float, box: Sequence[Interval], factor: Interval | None, rest: Interval | None
    ) -> bool:
        """Whether it is worth while to look at the range."""
        width = sum([side.radius / abs(side.centre) if side.centre else 1.0 for side in box if side.radius])
        if factor is not None:
            centre *= factor.centre
            width += factor.radius / abs(factor.centre) if factor.centre else 1.0
        reach = _FAR * width * abs(centre)
        if rest is not None:
            centre += rest.centre
            reach += rest.radius
        low, high = number.interval()
        return low - reach <= centre <= high + reach or abs(centre - number.value) <= 0.05 * abs(number.value)

    def _meets(self, number: Written, found: Interval) -> bool:
        """Whether a wrong number may be this one; a single digit only where it is exact."""
        if not found.known:
            return False
        if number.digits < 2 and not number.exact and self.policy.rounds:
            return found.low == found.high == number.value
        return self.policy.meets(number, found)

    # The whole graph

    def _has_own_inputs(self, quantity: Quantity, evidence: Evidence) -> bool:
        """Whether all numbers that this one is made of were written."""
        if quantity.kind == VALUE:
            needed = [Quantity(VALUE, name) for name in self.board.steps[quantity.node].inputs]
            return all([each in evidence.claims for each in needed if each.node in self.board.steps])
        node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
        return all([Quantity(EDGE, user, node) in evidence.claims for user in self.board.uses[node]])

    def _by_graph(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        """Each single mutation of the whole graph with which all the derivatives come out that were answered."""
        together = {
            each: claim.numbers[0]
            for each, claim in evidence.claims.items()
            if each.kind == GRADIENT and len(claim.numbers) == 1 and math.isfinite(claim.numbers[0].value)
        }
        together[quantity] = evidence.number
        for name, numbers in self._runs:
            if all([each in numbers and self._matches(number, numbers[each]) for each, number in together.items()]):
                yield name

    def _matches(self, number: Written, value: float) -> bool:
        """Whether a number is this one as rounded; here one digit is enough, beside others."""
        return math.isfinite(value) and self.policy.agrees(number, value)

    @functools.cached_property
    def _runs(self) -> list[tuple[str, dict[Quantity, float]]]:
        """The numbers of the whole graph for every single mutation of it."""
        board = self.board
        graph = board.whole
        places = board.places
        inputs = {name: number for name, number in board.point.items() if isinstance(number, float)}
        found = []
        right = mutations.run(graph, inputs)
        for edit in mutations.edits(graph, self._constants):
            made = mutations.run(graph, inputs, edit, right=right)
            numbers = {Quantity(VALUE, name): made.values[i] for name, i in places.items() if name in board.steps}
            for name, i in places.items():
                adjoint = made.adjoints[i] or 0.0
                if name in board.steps:
                    numbers[Quantity(ADJOINT, name)] = adjoint
                else:
                    numbers[Quantity(GRADIENT, board.output, name)] = adjoint
            found.append((edit.name, numbers))
        return found

    # Answers and digits

    def _swapped(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        """Whether another answer of the kind stands here, and this one there."""
        for other, claim in evidence.claims.items():
            if other == quantity or not _siblings(quantity, other) or len(claim.numbers) != 1:
                continue
            here, there = self._right(other, evidence), self._right(quantity, evidence)
            if self._meets(evidence.number, here) and self._meets(claim.numbers[0], there):
                yield "answers_swapped"
                return

    def _right(self, quantity: Quantity, evidence: Evidence) -> Interval:
        """What follows from the student's own numbers, or else is true."""
        expected = evidence.own[quantity].expected if quantity in evidence.own else None
        return expected if expected is not None and expected.known else intervals.point(self.board.truth[quantity])

    def _slips(self, quantity: Quantity, evidence: Evidence) -> Iterator[str]:
        number, right = evidence.number, self._right(quantity, evidence)

        def one_of(values: Iterable[float]) -> bool:
            return any([self._meets(number._replace(value=value), right) for value in values])

        if number.value and one_of([-number.value]):
            yield "sign_flipped"
        if any([self._meets(_shifted(number, power), right) for power in (-3, -2, -1, 1, 2, 3)]):
            yield "decimal_shift"
        if one_of(_transposed(number)):
            yield "digit_transposition"
        if _truncates(number, right):
            yield "truncated"


_SUMS = (
    ("fanout_one_branch_only", "one_branch"),
    ("fanout_product", "multiplied"),
    ("fanout_averaged", "averaged"),
    ("fanout_subtracted", "subtracted"),
)


def _combined(parts: Sequence[Interval], word: str) -> list[Interval]:
    """What may be made of several uses, as far as each is known."""
    if word == "multiplied":
        return [functools.reduce(intervals.times, parts)]
    made = [mutations.combined([side[end] for side in parts], word) for end in (0, 1)]
    centre = mutations.combined([side.centre for side in parts], word)
    reach = sum([side.radius for side in parts])
    found = []
    for place, middle in enumerate(centre):
        if word == "one_branch":
            low, high = sorted([made[0][place], made[1][place]])
            found.append(Interval(low, high))
        else:
            share = reach / len(parts) if word == "averaged" else reach
            found.append(Interval(middle - share, middle + share))
    return found


def _siblings(one: Quantity, other: Quantity) -> bool:
    """Whether two answers stand side by side: the derivatives, or those of one step."""
    return one.kind == other.kind and one.kind != VALUE and (one.node == other.node or one.kind == ADJOINT)


def _shifted(number: Written, power: int) -> Written:
    return number._replace(value=number.value * 10.0**power, place=number.place + power, whole=False)


def _transposed(number: Written) -> list[float]:
    """The number with two digits beside one another exchanged."""
    if number.exact or abs(number.place) > 300:
        return []
    digits = f"{abs(number.value) / 10.0**number.place:.0f}"
    if len(digits) > 15:
        return []
    found = []
    for k in range(len(digits) - 1):
        if digits[k] != digits[k + 1]:
            exchanged = digits[:k] + digits[k + 1] + digits[k] + digits[k + 2 :]
            found.append(math.copysign(float(f"{exchanged}e{number.place}"), number.value))
    return found


def _truncates(number: Written, right: Interval) -> bool:
    """Whether the digits were cut off."""
    if number.exact or not number.value:
        return False
    unit = math.copysign(10.0**number.place, number.value)
    low, high = sorted([number.value, number.value + unit])
    return right.meets(Interval(low, high))
