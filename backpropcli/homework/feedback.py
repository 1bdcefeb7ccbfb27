"""How much is told: a result is cut down to a level before anything is printed, and printers see nothing else.

`score` tells the points, `mark` what was made of every answer, `locate` the first wrong step and what follows from
which, `hint` what an error is consistent with, `explain` the rule of the step, `reveal` the true numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backpropcli.homework import unseen
from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.board import Board
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
    VERDICTS,
    WRONG,
    Marked,
    Quantity,
    Result,
)
from backpropcli.records import NamedTuple

SCORE, MARK, LOCATE, HINT, EXPLAIN, REVEAL = LEVELS

Boards = Mapping[str, Board]
"""By question."""


class Told(NamedTuple):
    """What may be said of one answer; None for what may not."""

    question: str
    quantity: str
    claimed: str
    verdict: str
    points: float
    worth: float
    place: str
    via: str | None
    problem: str | None
    because: tuple[str, ...] | None
    """From `locate` on: of what follows from an error the wrong steps."""
    misconceptions: tuple[str, ...] | None
    """From `hint` on."""
    hint: str | None
    rule: str | None
    """From `explain` on."""
    truth: Any
    """At `reveal`."""
    follows: Any


@dataclass(frozen=True)
class ToldResult:
    """What may be said of one student."""

    student: str
    source: str
    problem: str | None
    score: float
    max_score: float
    counts: Mapping[str, int] | None
    """By verdict, from `mark` on."""
    first_wrong: str | None
    """From `locate` on."""
    answers: tuple[Told, ...]
    """From `mark` on."""

    @property
    def percent(self) -> float:
        """The score in percent, with one decimal."""
        return round(100 * self.score / self.max_score, 1) if self.max_score else 0.0

    @property
    def misconceptions(self) -> tuple[str, ...] | None:
        """What the errors are consistent with, each once, as far as it may be said."""
        found = [each.misconceptions for each in self.answers]
        if not found or None in found:
            return None
        return tuple(dict.fromkeys([names[0] for names in found if names]))


def reaches(level: str, least: str) -> bool:
    """Whether a level tells what `least` does."""
    return LEVELS.index(level) >= LEVELS.index(least)


def told(result: Result, level: str, boards: Boards) -> ToldResult:
    """What may be said of a result at this level."""
    marked = reaches(level, MARK)
    first = result.first_wrong
    return ToldResult(
        student=result.student,
        source=result.source,
        problem=result.problem,
        score=result.score,
        max_score=result.max_score,
        counts={verdict: result.count(verdict) for verdict in VERDICTS} if marked else None,
        first_wrong=boards[first.question].label(first.quantity)
        if first is not None and reaches(level, LOCATE)
        else None,
        answers=tuple([_told(each, level, boards[each.question]) for each in result.marked]) if marked else (),
    )


def _told(marked: Marked, level: str, board: Board) -> Told:
    hinted, explained, revealed = reaches(level, HINT), reaches(level, EXPLAIN), reaches(level, REVEAL)
    troubled = marked.verdict not in (RIGHT, BY_ROUNDING, FOLLOW_THROUGH)
    return Told(
        question=marked.question,
        quantity=board.label(marked.quantity),
        claimed=marked.claimed,
        verdict=marked.verdict,
        points=marked.points,
        worth=marked.worth,
        place=marked.place,
        via=marked.via,
        # Where a formula differs is a hint; why something cannot be read is not.
        problem=marked.problem if hinted or marked.verdict in (UNREADABLE, MISSING) else None,
        because=tuple([board.label(each) for each in marked.because]) if reaches(level, LOCATE) else None,
        misconceptions=marked.misconceptions if hinted else None,
        hint=marked.hint if hinted else None,
        rule=rule(marked.quantity, board) if explained and troubled else None,
        truth=_truth(marked, board) if revealed else None,
        follows=None if board.symbolic or not revealed else marked.follows,
    )


def _truth(marked: Marked, board: Board) -> Any:
    """The true number, or the true formula where the point is one that nobody is told."""
    if board.symbolic and marked.quantity in board.truth:
        return unseen.formula(board, marked.quantity)
    return marked.truth


def rule(quantity: Quantity, board: Board) -> str | None:
    """How the number of a step is found, over names alone; None where that would be a number itself."""
    output, node, by = board.output, quantity.node, quantity.by
    if quantity not in board.truth:
        return None
    if quantity.kind == VALUE:
        return f"{node} = {board.steps[node].formula}"
    if quantity.kind == LOCAL:
        rows = {row.formula: row for row in board.report.rows}
        inputs = rows[board.steps[node].formula].inputs
        text = " + ".join([edge.rule for edge in inputs if edge.name == by and edge.rule])
        return f"d{node}/d{by} = {text}" if any(map(str.isalpha, text)) else None
    if quantity.kind == EDGE:
        return f"d{output}/d{node}·d{node}/d{by}"
    target = str(node if quantity.kind == ADJOINT else by)
    uses = board.uses.get(target, ())
    if uses == (output,):
        return rule(Quantity(LOCAL, output, target), board)
    return f"d{output}/d{target} = {' + '.join([_along(output, user, target) for user in uses])}" if uses else None


def _along(output: str, user: str, target: str) -> str:
    """What comes back to a node from one of its users."""
    return f"local d{user}/d{target}" if user == output else f"d{output}/d{user}·d{user}/d{target}"


class StepCount(NamedTuple):
    """What became of one number of the assignment in a class."""

    question: str
    quantity: str
    counts: Mapping[str, int]
    misconceptions: Mapping[str, int] | None
    """How many students' errors are consistent with each, most first; from `hint` on."""


def statistics(results: Sequence[ToldResult]) -> list[StepCount]:
    """The numbers that are asked for, in the order of the sheet, with what the class made of each."""
    found: dict[tuple[str, str], tuple[Counter[str], Counter[str], bool]] = {}
    for result in results:
        worst: dict[tuple[str, str], str] = {}
        for each in result.answers:
            key = (each.question, each.quantity)
            _, names, _ = found.setdefault(key, (Counter(), Counter(), each.misconceptions is not None))
            # A sum whose contributions are written apart is several answers of one student: the worst counts.
            worst[key] = max(worst.get(key, each.verdict), each.verdict, key=_GRAVITY.index)
            names.update((each.misconceptions or ())[:1])
        for key, verdict in worst.items():
            found[key][0][verdict] += 1
    return [
        StepCount(
            question,
            quantity,
            {verdict: counts[verdict] for verdict in VERDICTS},
            dict(names.most_common()) if hinted else None,
        )
        for (question, quantity), (counts, names, hinted) in found.items()
    ]


_GRAVITY = (RIGHT, BY_ROUNDING, FOLLOW_THROUGH, MISSING, TOO_COARSE, UNREADABLE, WRONG)
