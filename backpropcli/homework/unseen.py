"""Questions without a point: formulas are asked for, and are compared as functions.

What is computed with numbers all the same, such as what follows from a wrong formula, is computed at a point that
nobody is told: a number is no answer to such a question, unless it is the same everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

from backpropcli.errors import BackpropError
from backpropcli.exporting import infix
from backpropcli.formula import Formula
from backpropcli.homework.board import Board
from backpropcli.homework.model import Quantity, Question
from backpropcli.homework.symbolic import formula_of

TRIES = 200
_SPREADS = ((0.5, 2.0), (0.05, 0.95), (-2.0, 2.0), (1.0, 30.0))
"""Where points are looked for, in turn: most formulas have a value between 1/2 and 2."""


def with_point(question: Question, seed: int = 0) -> Question:
    """The question with a point that nobody is told, the same at every run.

    Raises BackpropError where none was found at which the formula has a value and derivatives.
    """
    program = Formula(question.program)
    for point in _points(program, question, seed):
        try:
            slopes = program.gradient(point)
        except BackpropError:
            continue
        if all([isinstance(slope, float) and isfinite(slope) for slope in slopes.values()]):
            return replace(question, point=point, unseen=True)
    raise BackpropError(
        "no point was found at which the formula has a value",
        hint="say where it has one, as in domain = { x = [0.1, 5] }, or give a point, as in at = { x = 4 }",
    )


def _points(program: Formula, question: Question, seed: int) -> Iterator[dict[str, float]]:
    rng = random.Random(f"{seed} {question.id} {question.program}")  # noqa: S311 - points, no secrets
    free = [name for name in program.variables if name not in program.bindings]
    for number in range(TRIES):
        low, high = _SPREADS[number * len(_SPREADS) // TRIES]
        yield {name: rng.uniform(*question.domain.get(name, (low, high))) for name in free}


def formula(board: Board, quantity: Quantity) -> str:
    """The true formula of a quantity, over the variables."""
    return infix.write(formula_of(board, quantity), [quantity.node], inline=True)
