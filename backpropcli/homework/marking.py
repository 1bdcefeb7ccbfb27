"""Marking: every number is held against the student's own earlier numbers, so that one error costs one step.

A step is right where some values within the intervals of its own inputs give a value within the interval of what was
written. An answer that is the truth as rounded is right whatever came before it.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backpropcli.errors import BackpropError
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.homework import intervals
from backpropcli.homework.board import OWN, Board
from backpropcli.homework.claims import Claim, read_claim
from backpropcli.homework.diagnosis import Diagnosis, Evidence, Told
from backpropcli.homework.intervals import Interval
from backpropcli.homework.model import (
    ADJOINT,
    BY_ROUNDING,
    EDGE,
    FOLLOW_THROUGH,
    LOCAL,
    MISSING,
    RIGHT,
    TOO_COARSE,
    UNREADABLE,
    VALUE,
    WRONG,
    Answer,
    Assignment,
    Marked,
    Marking,
    Quantity,
    Question,
    Result,
    Sheet,
)
from backpropcli.homework.numbers import Written
from backpropcli.homework.own import Own, Policy
from backpropcli.records import NamedTuple
from backpropcli.report import Jacobian

if TYPE_CHECKING:
    from backpropcli.homework.array_marking import ArrayFollowing

_FOLLOWING = {"full": 1.0, "half": 0.5, "off": 0.0}
_COMPUTED = 15
"""The digits of a number that is computed."""
_KEPT = 1 << 15
"""Ranges of steps that are kept: of a class most students have the same numbers."""


class Judged(NamedTuple):
    """A verdict, before it is put into words."""

    verdict: str
    own: Interval
    """What later steps start from."""
    trivial: bool = False
    """Whether an earlier error has left nothing to do in this step."""


class Marker:
    """Marks answers to one question. What does not depend on the student is computed once.

    Raises BackpropError where the question's formula has no value at its point.
    """

    def __init__(self, question: Question, marking: Marking | None = None, *, seed: str = "") -> None:
        self.question = question
        self.seed = seed
        """Decides at which points formulas are compared: a student who knows them could write one for these alone."""
        self.marking = marking or Marking()
        self.board = Board(question)
        self.names = (*self.board.point, *self.board.steps)
        self._ranges: dict[object, tuple[Interval, ...]] = {}
        self._policy = Policy(self.marking)
        self._diagnosis = Diagnosis(self.board, self._policy)
        self._variables = {
            name: Own((intervals.point(number),))
            for name, number in self.board.point.items()
            if isinstance(number, float)
        }

    def mark(self, answers: Iterable[Answer], *, missing: bool = True) -> tuple[Marked, ...]:
        """The answers with their verdicts, in the order of the sheet: forward, backward, gradient.

        Without `missing` only what was answered is marked, whatever the question asks for.
        """
        if self.board.arrays:
            return self._mark_arrays(answers, missing=missing)
        found, given, strange = self._read(answers)
        own: dict[Quantity, Own] = {}
        asked = set(self.board.asked) if missing else set(found)
        marked: dict[Quantity, list[Marked]] = {}
        wrong: list[tuple[Quantity, int]] = []
        claims = {quantity: claim for quantity, (_, claim) in found.items()}
        for quantity in self.board.truth:
            expected, roots = self._expected(quantity, own)
            answer, claim = found.get(quantity, (None, None))
            if quantity in asked:
                every, own[quantity] = self._judged(quantity, answer, claim, expected, roots, own)
                marked[quantity] = every
                wrong += [(quantity, place) for place, each in enumerate(every) if each.verdict == WRONG]
            else:
                own[quantity] = self._unmarked(quantity, claim, expected, roots)
            own[quantity] = own[quantity]._replace(expected=intervals.hull(expected))
            if quantity in given:
                own[quantity] = self._with_given(quantity, own[quantity], given[quantity], expected, roots)
        for quantity, place in wrong:
            every = marked[quantity]
            told = self._told(every[place], place if len(every) > 1 else None, own, claims)
            every[place] = replace(every[place], misconceptions=told.names, hint=told.hint)
        further = [
            self._further(quantity, *found[quantity])
            for quantity in found
            if quantity not in self.board.truth and quantity in self.board.further
        ]
        return (*[each for every in marked.values() for each in every], *further, *strange)

    def _further(self, quantity: Quantity, answer: Answer, claim: Claim) -> Marked:
        """A derivative that is on no sheet, by others than a node's inputs, held against the truth alone."""
        truth = self.board.further[quantity]
        if claim.problem is not None or claim.blank:
            verdict = UNREADABLE if claim.problem is not None else MISSING
            return self._marked(quantity, answer, verdict, 0.0, 0.0, truth=truth, problem=claim.problem)
        if len(claim.numbers) != 1:
            problem = "this derivative is compared as one number"
            return self._marked(quantity, answer, UNREADABLE, 0.0, 0.0, truth=truth, problem=problem)
        judged = self.judged(claim.numbers[0], truth, (intervals.point(truth),), frozenset())
        worth = self.question.worth(quantity)
        return self._marked(quantity, answer, judged.verdict, self._pay(judged, worth), worth, truth=truth)

    def _mark_arrays(self, answers: Iterable[Answer], *, missing: bool) -> tuple[Marked, ...]:
        """The same where values are arrays."""
        from backpropcli.homework.array_marking import OwnArray, read_claims

        found: dict[Quantity, Answer] = {}
        strange: list[Marked] = []
        for answer in answers:
            quantity = self._resolved(answer, strange)
            if quantity is None:
                continue
            if quantity not in found or found[quantity].given or not found[quantity].text.strip():
                found[quantity] = answer
        claims = read_claims(
            self.board,
            {
                quantity: answer.text
                for quantity, answer in found.items()
                if not isinstance(self.board.truth[quantity], Jacobian)
            },
        )
        own: dict[Quantity, OwnArray] = {}
        asked = set(self.board.asked) if missing else {each for each, answer in found.items() if not answer.given}
        marked = []
        for quantity in self.board.truth:
            judged = self._arrays.judge(quantity, own, claims)
            own[quantity] = judged.own
            if quantity in asked:
                worth = self.question.worth(quantity)
                marked.append(
                    self._marked(
                        quantity,
                        found.get(quantity),
                        judged.verdict,
                        self._pay(Judged(judged.verdict, intervals.ALL, judged.trivial), worth),
                        worth,
                        because=tuple(sorted(judged.own.roots)) if judged.verdict == FOLLOW_THROUGH else (),
                        problem=judged.problem,
                        misconceptions=judged.misconceptions,
                        hint=judged.hint,
                    )
                )
        return (*marked, *strange)

    @functools.cached_property
    def _arrays(self) -> ArrayFollowing:
        from backpropcli.homework.array_marking import ArrayFollowing

        return ArrayFollowing(self.board, self._policy)

    # Reading

    def _resolved(self, answer: Answer, strange: list[Marked]) -> Quantity | None:
        """What an answer is about; where it is nothing that there is, it is marked so among the strange ones."""
        try:
            return self.board.resolve(answer.quantity)
        except BackpropError as problem:
            why = f"{problem.message}: {problem.hint}" if problem.hint else problem.message
            strange.append(self._marked(answer.quantity, answer, UNREADABLE, 0.0, 0.0, problem=why))
            return None

    def _read(
        self, answers: Iterable[Answer]
    ) -> tuple[dict[Quantity, tuple[Answer, Claim]], dict[Quantity, list[Claim]], list[Marked]]:
        """By quantity the answer and what it claims, then numbers that are only given, then what belongs nowhere."""
        found: dict[Quantity, tuple[Answer, Claim]] = {}
        given: dict[Quantity, list[Claim]] = {}
        strange: list[Marked] = []
        for answer in answers:
            quantity = self._resolved(answer, strange)
            if quantity is None:
                continue
            claim = read_claim(answer.text, self.question.decimal, self.names)
            if answer.given:
                given.setdefault(quantity, []).append(claim)
            elif quantity not in found or found[quantity][1].blank:
                found[quantity] = answer, claim
            elif not claim.blank and claim != found[quantity][1]:
                twice = f"it is answered twice: {found[quantity][0].text.strip()} and {answer.text.strip()}"
                found[quantity] = found[quantity][0], Claim(problem=twice)
        return found, given, strange

    # What follows from the student's own numbers

    def _expected(
        self, quantity: Quantity, own: Mapping[Quantity, Own]
    ) -> tuple[tuple[Interval, ...], frozenset[Quantity]]:
        """Where the number may be that follows from the student's own, in every way to get it; and its roots."""
        board = self.board
        if quantity.kind in (VALUE, LOCAL):
            return self._forward(quantity, own)
        if quantity.kind == EDGE:
            adjoint, local = own[Quantity(ADJOINT, quantity.node)], own[quantity._replace(kind=LOCAL)]
            products = itertools.product(adjoint.ranges, local.ranges)
            return tuple([intervals.times(a, b) for a, b in products]), adjoint.roots | local.roots
        node = quantity.node if quantity.kind == ADJOINT else str(quantity.by)
        if quantity.kind == ADJOINT and node == board.output:
            return (intervals.point(1.0),), frozenset()
        parts = [own[Quantity(EDGE, user, node)] for user in board.uses[node]]
        roots = frozenset[Quantity]().union(*[part.roots for part in parts])
        return (intervals.plus([intervals.hull(part.ranges) for part in parts]),), roots

    def _forward(
        self, quantity: Quantity, own: Mapping[Quantity, Own]
    ) -> tuple[tuple[Interval, ...], frozenset[Quantity]]:
        board = self.board
        node = quantity.node
        forms = (board.value_of[node],) if quantity.kind == VALUE else board.local_of[node, str(quantity.by)]
        ranges: list[Interval] = []
        roots: frozenset[Quantity] = frozenset()
        for form in forms:
            inputs = [self._own_value(node if name == OWN else name, own) for name in form.names]
            roots = roots.union(*[each.roots for each in inputs])
            key = form, tuple([each.ranges for each in inputs])
            known = self._ranges.get(key)
            if known is None:
                boxes = itertools.product(*[each.ranges for each in inputs])
                known = tuple([intervals.image(form.function, box) for box in boxes])
                if len(self._ranges) >= _KEPT:
                    self._ranges.clear()
                self._ranges[key] = known
            ranges += known
        return tuple(dict.fromkeys(ranges)), roots

    def _own_value(self, name: str, own: Mapping[Quantity, Own]) -> Own:
        return self._variables[name] if name in self._variables else own[Quantity(VALUE, name)]

    # Judging

    def _judged(
        self,
        quantity: Quantity,
        answer: Answer | None,
        claim: Claim | None,
        expected: tuple[Interval, ...],
        roots: frozenset[Quantity],
        own: Mapping[Quantity, Own],
    ) -> tuple[list[Marked], Own]:
        """The marks of one quantity, and what later steps start from."""
        worth = self.question.worth(quantity)
        followed = Own(expected[:1], roots)
        if answer is None or claim is None or claim.blank:
            return [self._marked(quantity, answer, MISSING, 0.0, worth)], followed
        if claim.problem is not None:
            return [self._marked(quantity, answer, UNREADABLE, 0.0, worth, problem=claim.problem)], followed
        truth = self.board.truth[quantity]
        if self.board.symbolic and claim.formula is None and len(claim.numbers) == 1:
            claim = Claim(formula=_constant(claim.numbers[0].value))
        if claim.formula is not None:
            return self._of_formula(quantity, answer, claim.formula, expected, roots)
        uses = self.board.uses[quantity.node] if quantity.kind == ADJOINT else ()
        if len(claim.numbers) > 1 and quantity.kind == ADJOINT and len(claim.numbers) == len(uses):
            return self._of_parts(quantity, answer, claim, own)
        if len(claim.numbers) > 1 and quantity.kind != ADJOINT:
            problem = f"one number is expected, but found {len(claim.numbers)}"
            return [self._marked(quantity, answer, UNREADABLE, 0.0, worth, problem=problem)], followed
        number = _sum(claim.numbers)
        judged = self.judged(number, truth, expected, roots)
        points = self._pay(judged, worth)
        because = tuple(sorted(roots)) if judged.verdict == FOLLOW_THROUGH else ()
        follows = _middle(expected)
        made = self._marked(
            quantity, answer, judged.verdict, points, worth, because=because, follows=follows if roots else None
        )
        return [made], Own((judged.own,), self._roots(judged.verdict, quantity, roots), given=True)

    def _of_parts(
        self, quantity: Quantity, answer: Answer, claim: Claim, own: Mapping[Quantity, Own]
    ) -> tuple[list[Marked], Own]:
        """One number a use, each with a verdict, sharing the points of one."""
        users = self._assigned(quantity, claim, own)
        worth = self.question.worth(quantity) / len(users)
        every, parts = [], []
        roots: frozenset[Quantity] = frozenset()
        for number, user in zip(claim.numbers, users, strict=True):
            edge = Quantity(EDGE, user, quantity.node)
            judged = self.judged(number, self.board.truth[edge], own[edge].ranges, own[edge].roots)
            follow = judged.verdict == FOLLOW_THROUGH
            every.append(
                self._marked(
                    quantity,
                    answer,
                    judged.verdict,
                    self._pay(judged, worth),
                    worth,
                    via=user,
                    because=tuple(sorted(own[edge].roots)) if follow else (),
                    truth=self.board.truth[edge],
                    follows=_middle(own[edge].ranges) if own[edge].roots else None,
                )
            )
            parts.append(judged.own)
            roots |= self._roots(judged.verdict, quantity, own[edge].roots)
        return every, Own((intervals.plus(parts),), roots, given=True)

    def _assigned(self, quantity: Quantity, claim: Claim, own: Mapping[Quantity, Own]) -> Sequence[str]:
        """Which use each number is about: as it is labelled, else in the order in which most of them are right."""
        uses = self.board.uses[quantity.node]
        if set(claim.labels) == set(uses):
            return [str(label) for label in claim.labels]
        best: tuple[int, Sequence[str]] = (-1, uses)
        for order in itertools.islice(itertools.permutations(uses), 24):
            fits = 0
            for number, user in zip(claim.numbers, order, strict=True):
                edge = Quantity(EDGE, user, quantity.node)
                judged = self.judged(number, self.board.truth[edge], own[edge].ranges, own[edge].roots)
                fits += judged.verdict != WRONG
            if fits > best[0]:
                best = fits, order
        return best[1]

    def _of_formula(
        self,
        quantity: Quantity,
        answer: Answer,
        formula: Graph,
        expected: tuple[Interval, ...],
        roots: frozenset[Quantity],
    ) -> tuple[list[Marked], Own]:
        """A formula is right where it is the same function, and follows through where it has the number that does."""
        from backpropcli.homework.symbolic import claimed_formula

        worth = self.question.worth(quantity)
        verdict = claimed_formula(self.board, quantity, formula, self.seed)
        here = intervals.point(verdict.value) if math.isfinite(verdict.value) else intervals.ALL
        if verdict.equal:
            return [self._marked(quantity, answer, RIGHT, worth, worth)], Own((here,), given=True)
        if roots and here.known and any([each.meets(here) for each in expected]):
            points, because = self._pay(Judged(FOLLOW_THROUGH, here), worth), tuple(sorted(roots))
            return [self._marked(quantity, answer, FOLLOW_THROUGH, points, worth, because=because)], Own(
                (here,), roots, given=True
            )
        if verdict.unsure:
            made = self._marked(quantity, answer, UNREADABLE, 0.0, worth, problem=verdict.problem)
            return [made], Own(expected[:1], roots)
        made = self._marked(quantity, answer, WRONG, 0.0, worth, problem=verdict.problem)
        return [made], Own((here if here.known else expected[0],), frozenset({quantity}), given=True)

    def judged(self, number: Written, truth: float, expected: Sequence[Interval], roots: frozenset[Quantity]) -> Judged:
        """The verdict on one number: the truth first, then what follows from the student's own numbers."""
        policy = self._policy
        if not math.isfinite(number.value):
            return Judged(WRONG, intervals.ALL)
        if policy.agrees(number, truth):
            return Judged(RIGHT, policy.goes_on(number, truth, following=expected))
        if roots and not any([each.known for each in expected]):
            # An earlier error has left nothing that could be computed.
            return Judged(FOLLOW_THROUGH, Interval(*number.interval()), trivial=True)
        if any([policy.meets(number, each) for each in expected]):
            verdict = FOLLOW_THROUGH if roots else BY_ROUNDING
            return Judged(verdict, policy.goes_on(number, following=expected), trivial=bool(roots) and not number.value)
        if policy.single(number) and any([policy.meets(number, each, coarse=True) for each in expected]):
            return Judged(TOO_COARSE, Interval(*number.interval()))
        return Judged(WRONG, policy.goes_on(number))

    def _roots(self, verdict: str, quantity: Quantity, roots: frozenset[Quantity]) -> frozenset[Quantity]:
        """The wrong steps that later ones follow from: a right number ends what was wrong before it."""
        if verdict == WRONG:
            return frozenset({quantity})
        return frozenset() if verdict == RIGHT else roots

    def _pay(self, judged: Judged, worth: float) -> float:
        if judged.verdict == RIGHT:
            return worth
        if judged.verdict == BY_ROUNDING:
            return worth if self.marking.rounding == "carry" else 0.0
        if judged.verdict == FOLLOW_THROUGH and not judged.trivial:
            return worth * _FOLLOWING[self.marking.follow_through]
        return 0.0

    # Numbers that are not marked

    def _unmarked(
        self, quantity: Quantity, claim: Claim | None, expected: tuple[Interval, ...], roots: frozenset[Quantity]
    ) -> Own:
        """A number that the question does not ask for: the student's own where it is given, else what follows."""
        if claim is None or not claim.numbers:
            return Own(expected[:1], roots)
        return self._with_given(quantity, Own(expected[:1], roots), [claim], expected, roots)

    def _with_given(
        self,
        quantity: Quantity,
        own: Own,
        claims: Sequence[Claim],
        expected: tuple[Interval, ...],
        roots: frozenset[Quantity],
    ) -> Own:
        """The student's own number with those that he gives besides: they stand where he wrote none, or beside it.

        Beside a marked number only one that is not wrong: else a slip in copying would be forgiven silently.
        """
        truth = self.board.truth[quantity]
        for claim in claims:
            if not claim.numbers:
                continue
            judged = self.judged(_sum(claim.numbers), truth, expected, roots)
            more = self._roots(judged.verdict, quantity, roots)
            if not own.given:
                own = Own((judged.own,), more, given=True)
            elif judged.verdict != WRONG and judged.own not in own.ranges:
                own = own._replace(ranges=(*own.ranges, judged.own))
        return own

    # Words

    def _marked(
        self,
        quantity: Quantity,
        answer: Answer | None,
        verdict: str,
        points: float,
        worth: float,
        **more: Any,
    ) -> Marked:
        truth = more.pop("truth", self.board.truth.get(quantity))
        return Marked(
            self.question.id,
            quantity,
            answer.text.strip() if answer is not None else "",
            verdict,
            points,
            worth,
            place=answer.place if answer is not None else "",
            truth=truth,
            **more,
        )

    def _told(
        self, marked: Marked, place: int | None, own: Mapping[Quantity, Own], claims: Mapping[Quantity, Claim]
    ) -> Told:
        """What a wrong number is consistent with."""
        claim = claims[marked.quantity]
        if self.board.symbolic:
            return Told()
        if claim.formula is not None:
            from backpropcli.homework.symbolic import value_of

            number = Written(value_of(self.board, claim.formula), -_COMPUTED, _COMPUTED, whole=False, exact=True)
        else:
            number = _sum(claim.numbers) if place is None else claim.numbers[place]
        return self._diagnosis.told(Evidence(marked.quantity, number, own, claims, marked.via))


def mark(question: Question, answers: Iterable[Answer], marking: Marking | None = None) -> tuple[Marked, ...]:
    """The answers to a question with their verdicts; for many students make one `Marker`."""
    return Marker(question, marking).mark(answers)


def markers(assignment: Assignment) -> dict[str, Marker]:
    """By question, what marks its answers."""
    return {
        question.id: Marker(question, assignment.marking, seed=str(assignment.seed))
        for question in assignment.questions
    }


def mark_sheet(made: Mapping[str, Marker], sheet: Sheet) -> Result:
    """All answers of one student with their verdicts, question by question."""
    marked = [each for id_, marker in made.items() for each in marker.mark(sheet.answers.get(id_, ()))]
    return Result(sheet.student, tuple(marked), sheet.source)


def _constant(number: float) -> Graph:
    """A number as a formula."""
    builder = GraphBuilder()
    return builder.graph([builder.constant(number)])


def _sum(numbers: Sequence[Written]) -> Written:
    """The sum of what was written apart."""
    if len(numbers) == 1:
        return numbers[0]
    value = sum([number.value for number in numbers])
    place = max([number.place for number in numbers])
    digits = max(0, int(f"{value:.16e}".partition("e")[2]) - place + 1) if value else 0
    return Written(value, place, digits, whole=all([number.whole for number in numbers]))


def _middle(expected: Sequence[Interval]) -> float | None:
    return expected[0].centre if expected and expected[0].known else None
