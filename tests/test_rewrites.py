"""Rewrites keep the value: every entry of the table, at random points where both sides exist."""

from __future__ import annotations

import math
import random

import pytest

from backpropcli.algebras import rewrites
from backpropcli.algebras.floats import compile_graph
from backpropcli.algebras.rules import formula

LETTERS = ("a", "b", "c", "n", "m")
NUMBERS = (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0)


ENTRIES = [(op, rewrite) for table in (rewrites.TABLE, rewrites.TRIVIAL) for op in table for rewrite in table[op]]


@pytest.mark.parametrize(("op", "rewrite"), ENTRIES, ids=lambda part: getattr(part, "pattern", part))
def test_a_rewrite_stands_under_the_operation_of_its_pattern(op: str, rewrite: rewrites.Rewrite) -> None:
    graph = formula(rewrite.pattern, LETTERS)
    assert graph.nodes[graph.outputs[0]].op == op


@pytest.mark.parametrize("rewrite", [rewrite for _, rewrite in ENTRIES], ids=lambda rewrite: rewrite.pattern)
def test_a_rewrite_keeps_the_value(rewrite: rewrites.Rewrite) -> None:
    rng = random.Random(rewrite.pattern)
    before, after = [compile_graph(formula(text, LETTERS), LETTERS) for text in (rewrite.pattern, rewrite.replacement)]
    holds = compile_graph(formula(rewrite.where, LETTERS), LETTERS) if rewrite.where else None
    compared = 0
    for _ in range(2000):
        point = [rng.choice((rng.uniform(-4, 4), rng.uniform(0, 3))) for _ in "abc"] + [
            rng.choice(NUMBERS) for _ in "nm"
        ]
        if holds is not None and not holds(point):
            continue
        wanted = before(point)
        if math.isfinite(wanted):
            compared += 1
            assert math.isclose(after(point), wanted, rel_tol=4e-15, abs_tol=1e-300), point
    assert compared > 50
