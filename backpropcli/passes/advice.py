"""Forms that lose their value in floating point, and the primitive that keeps it."""

from __future__ import annotations

import functools
from collections.abc import Callable

from backpropcli.algebras.rules import formula
from backpropcli.graph import CONSTANT, VARIABLE, Graph

# What people write, and what to write; `a` stands for anything. The trouble is met at the innermost operation.
BETTER = (
    ("1/(1 + exp(-a))", "sigmoid({a})"),
    ("1/(1 + e^(-a))", "sigmoid({a})"),
    ("exp(a)/(1 + exp(a))", "sigmoid({a})"),
    ("exp(a)/(exp(a) + 1)", "sigmoid({a})"),
    ("log(sigmoid(a))", "log_sigmoid({a})"),
    ("log(1 - sigmoid(a))", "log_sigmoid(-({a}))"),
    ("log(1/(1 + exp(-a)))", "log_sigmoid({a})"),
    ("log(1 + exp(a))", "softplus({a})"),
    ("log(exp(a) + 1)", "softplus({a})"),
    ("(exp(a) - exp(-a))/(exp(a) + exp(-a))", "tanh({a})"),
    ("(exp(2*a) - 1)/(exp(2*a) + 1)", "tanh({a})"),
    ("sqrt(a^2 + b^2)", "hypot({a}, {b})"),
    ("log(exp(a))", "{a}"),
)


@functools.cache
def _patterns() -> list[tuple[Graph, str]]:
    return [(formula(pattern, ("a", "b")), better) for pattern, better in BETTER]


def better_form(graph: Graph, i: int, written: Callable[[int], str]) -> str | None:
    """The stable form of the first known pattern that node `i` is part of, or None."""
    users = _users_within(graph, i, depth=4)
    for pattern, better in _patterns():
        for root in users:
            found = _match(graph, root, pattern)
            if found is not None and i in found[1]:
                return better.format(**{letter: written(j) for letter, j in found[0].items()})
    return None


def _users_within(graph: Graph, i: int, depth: int) -> list[int]:
    """The node and its users, and theirs, a few levels up."""
    reached = {i: 0}
    for user in range(i + 1, len(graph.nodes)):
        levels = [reached[j] for j in graph.nodes[user].args if j in reached]
        if levels and min(levels) < depth:
            reached[user] = min(levels) + 1
    return list(reached)


def _match(graph: Graph, root: int, pattern: Graph) -> tuple[dict[str, int], set[int]] | None:
    """What the letters stand for and the operations matched, if the node has the pattern's form."""
    found: dict[str, int] = {}
    matched: set[int] = set()
    pending = [(pattern.outputs[0], root)]
    while pending:
        p, i = pending.pop()
        shape, node = pattern.nodes[p], graph.nodes[i]
        if shape.op == VARIABLE:
            if found.setdefault(str(shape.attribute), i) != i:
                return None
        elif shape.op == CONSTANT:
            if node.op != CONSTANT or node.attribute != shape.attribute:
                return None
        elif shape.op != node.op or len(shape.args) != len(node.args):
            return None
        else:
            matched.add(i)
            pending += zip(shape.args, node.args, strict=True)
    return found, matched
