"""What peers share: a formula computed by a peer's own functions, and large formulas made of its operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backpropcli.algebras.algebra import fold
from backpropcli.formula import Formula

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
}


class _Algebra:
    """A peer's functions, by the names of ours."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def constant(self, number: Any) -> Any:
        return number

    def function(self, op: str, count: int) -> Callable[..., Any]:
        return self._functions[op]


def value(formula: Formula, functions: Mapping[str, Callable[..., Any]], inputs: Mapping[str, Any]) -> Any:
    """The formula of these inputs; without a `sigmoid` among the functions it is made with `exp`."""
    made = {**_ARITHMETIC, "sigmoid": lambda a: 1 / (1 + functions["exp"](-a)), **functions}
    graph = formula._graph("gates")
    return fold(graph, _Algebra(made), inputs)[graph.outputs[0]]


def large(family: str, sin: Callable[[Any], Any], inputs: Sequence[Any], size: int) -> Any:
    """A chain or a product of `tests.benchmarks.families`, by the operators of its inputs."""
    if family == "chain":
        x, y = inputs
        q = x * y
        for _ in range(1, max(size // 2, 1)):
            q = sin(q) + x
        return q
    p = inputs[0]
    for each in inputs[1:]:
        p = p * each
    return p
