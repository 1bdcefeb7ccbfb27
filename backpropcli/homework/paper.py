"""An assignment made ready for a class: with the board of every question, and what marks its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backpropcli.errors import BackpropError, DataError
from backpropcli.homework.board import Board
from backpropcli.homework.marking import Marker, markers
from backpropcli.homework.model import Assignment, Question
from backpropcli.records import NamedTuple


class Paper(NamedTuple):
    """An assignment, and by the id of each question what marks it."""

    assignment: Assignment
    markers: Mapping[str, Marker]

    def board(self, question: str) -> Board:
        """The graph of a question as it stands on the board."""
        return self.markers[question].board

    def question(self, name: str) -> Question | None:
        """The question that a sheet calls so, in capitals or not."""
        wanted = name.strip().casefold()
        return next((each for each in self.assignment.questions if each.id.casefold() == wanted), None)

    @property
    def only(self) -> Question | None:
        """The question, where there is one alone: then sheets need not name it."""
        return self.assignment.questions[0] if len(self.assignment.questions) == 1 else None


def paper(assignment: Assignment) -> Paper:
    """The assignment, ready to mark with; raises DataError where a question cannot be marked."""
    made: dict[str, Marker] = {}
    for question in assignment.questions:
        try:
            made.update(markers(replace(assignment, questions=(question,))))
        except BackpropError as problem:
            raise DataError(
                f"{assignment.id}, question {question.id}: {problem.message}",
                source=problem.source,
                span=problem.span,
                hint=problem.hint,
            ) from None
    return Paper(assignment, made)
