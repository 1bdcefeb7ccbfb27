"""Formulas of the table, compiled: the number that a walk over the graph gives, and no operation that is not needed."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from backpropcli.algebras import floats
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.rules import formula
from backpropcli.graph import Graph

LETTERS = ("x", "y")


def counted(
    graph: Graph, letters: Sequence[str], points: Sequence[Sequence[float]]
) -> list[tuple[float, Counter[str]]]:
    """The values of a compiled formula at some points, and how often every operation was applied to find each."""
    calls: Counter[str] = Counter()
    kernel = floats._function

    def counting(op: str, function: Callable[..., float]) -> Callable[..., float]:
        def apply(*values: float) -> float:
            calls[op] += 1
            return function(*values)

        return apply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floats, "_function", lambda op, count: counting(op, kernel(op, count)))
        for op, relation in list(floats._RELATIONS.items()):
            patch.setitem(floats._RELATIONS, op, counting(op, relation))
        compiled = floats.compile_graph(graph, letters)
        found = []
        for point in points:
            calls.clear()
            found.append((compiled(point), Counter(calls)))
    return found


COUNTS = [
    ("sin(x)*sin(x)", 0.5, "sin mul"),
    ("sin(x)*sin(x) + cos(x)/(cos(x) - sin(x))", 0.5, "sin cos mul sub div add"),
    ("exp(sin(x)*sin(x)) + 1", 0.5, "sin mul exp add"),
    ("exp(-sin(x)*sin(x)) + sin(x)/y + exp(-sin(x)*sin(x))", 0.5, "sin neg mul exp div add add"),
    ("sin(x) + sin(x) + sin(x)", 0.5, "sin add add"),
    ("sin(2)*x", 0.5, "mul"),
    ("exp(sin(2))*x", 0.5, "mul"),
    ("(x + 2)*sin(2)", 0.5, "add mul"),
    ("max(2, 3, x)", 0.5, "max"),
    ("if(x > 0, sin(x)*sin(x), cos(x))", 0.5, "gt sin mul"),
    ("if(x > 0, sin(x)*sin(x), cos(x))", -0.5, "gt cos"),
    ("if(sin(x) > 0, sin(x), 2)", 0.5, "sin gt"),
    ("if(x > 0, sin(x), 1) + if(x > -1, sin(x), 2)", -2.0, "gt gt add"),
    ("sin(x) + if(x > 0, sin(x)*sin(x), 0)", 0.5, "sin gt mul add"),
    ("sin(x)*sin(x) + if(x > 0, cos(x)*cos(x), 0)", 0.5, "sin mul gt cos mul add"),
    ("sin(x)*sin(x) + sqrt(y)/sqrt(y) + if(x > 0, cos(x)*cos(x), 0)", 0.5, "sin mul sqrt div add gt cos mul add"),
    ("if(x > 0, sin(x)*sin(x) + if(y > 0, cos(x)*cos(x), 0), 0)", 0.5, "gt sin mul gt cos mul add"),
    ("sin(x)*sin(x) + if(x > 0, cos(x)*cos(x), 1)^if(x > 0, cos(x)*cos(x), 1)", 0.5, "sin mul gt cos mul pow add"),
    ("x > 0 and log(x) > 1", -0.5, "gt"),
    ("x > 0 and log(x) > 1", 3.0, "gt log gt"),
    ("x < 0 or log(x) > 1", -0.5, "lt"),
    ("x < 0 or log(x) > 1", 3.0, "lt log gt"),
    ("if(x > 0 and log(x) > 1, 5, 6)", -0.5, "gt"),
    ("if(x < 0 or log(x) > 1, 5, 6)", -0.5, "lt"),
    ("if(not (x > 0 and log(x) > 1), 5, 6)", -0.5, "gt not"),
    ("(x > 0) + (x > 0)", 0.5, "gt add"),
    ("if(x > 0, 5, 6) + (x > 0)", 0.5, "gt add"),
]
"""A formula, x (y is 2), and the operations that give its value: each once, and none of an arm that is not taken."""


@pytest.mark.parametrize(("text", "x", "operations"), COUNTS)
def test_what_is_used_twice_is_computed_once_and_what_is_not_taken_never(text: str, x: float, operations: str) -> None:
    graph = formula(text, LETTERS)
    ((value, calls),) = counted(graph, LETTERS, [(x, 2.0)])
    assert calls == Counter(operations.split())
    walked = fold(graph, floats.Floats(), {"x": x, "y": 2.0})[graph.outputs[0]]
    assert type(value) is float
    assert value == walked


def test_arms_that_share_their_parts_are_compiled_in_linear_time() -> None:
    arms = "; ".join([f"a_{k + 1} = if(x > {k}, a_{k} + 1, a_{k} - 1)" for k in range(60)])
    compiled = floats.compile_graph(formula(f"a_0 = 2x; {arms}; a_60", ("x",)), ("x",))
    assert [compiled([x]) for x in (0.0, 30.5, 60.0)] == [-60.0, 63.0, 180.0]


def written(choose: random.Random, depth: int) -> str:
    """A formula with few names, so that many of its parts are alike."""
    if not depth:
        return choose.choice(("x", "y", "2", "x", "sin(x)"))
    a, b, c = [written(choose, choose.randrange(depth)) for _ in range(3)]
    forms = ("({a} + {b})", "({a} * {b})", "exp({a})", "max({a}, {b}, {c})", "hypot({a}, 3)", "if({a} > {b}, {b}, {c})")
    return choose.choice((*forms, "({a} > 1 and {b} > 0)", "({a} > 1 or {b} > 0)")).format(a=a, b=b, c=c)


def test_a_compiled_formula_gives_what_a_walk_over_the_graph_gives() -> None:
    choose = random.Random(1)
    for _ in range(300):
        text = written(choose, 4)
        graph = formula(text, LETTERS)
        compiled = floats.compile_graph(graph, LETTERS)
        for x, y in itertools.product((-2.0, 0.5, 3.0), (-1.0, 2.0)):
            walked = fold(graph, floats.Floats(), {"x": x, "y": y})[graph.outputs[0]]
            value = compiled([x, y])
            assert value == walked or math.isnan(value) is math.isnan(walked) is True, (text, x, y)
