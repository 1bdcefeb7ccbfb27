"""This program with the extra `jit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.peers import backprop

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "llvmlite"


def points(formula: Formula, given: Columns) -> Run:
    """The engine alone, from columns to columns."""
    return backprop.points(formula, given, "jit")


POINTS = {"backprop, --engine jit": points}
