"""Forms that lose their value or their digits in floating point, and those that keep them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from backpropcli.algebras.rules import formula
from backpropcli.graph import Graph, match

NEAR = 100
"""Users of a node that are looked at."""

# What people write, and what to write; `a` and `b` stand for anything, `A` and `B` for the same in brackets where it
# needs them. The trouble is met at the innermost operation.
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

# The same for forms whose value is there, and whose digits are not: differences of what is nearly equal.
DIGITS = (
    ("1 - cos(a)", "2*sin({A}/2)^2"),
    ("cos(a) - 1", "-2*sin({A}/2)^2"),
    ("cosh(a) - 1", "2*sinh({A}/2)^2"),
    ("exp(a) - 1", "expm1({a})"),
    ("e^a - 1", "expm1({a})"),
    ("1 - exp(a)", "-expm1({a})"),
    ("1 - e^a", "-expm1({a})"),
    ("exp(a) - exp(-a)", "2*sinh({a})"),
    ("log(1 + a)", "log1p({a})"),
    ("log(a + 1)", "log1p({a})"),
    ("log(1 - a)", "log1p(-{A})"),
    ("log(a) - log(b)", "log1p(({a} - {B})/{B})"),
    ("1 - sigmoid(a)", "sigmoid(-{A})"),
    ("1 - tanh(a)^2", "sech({a})^2"),
    ("1 - sin(a)^2", "cos({a})^2"),
    ("1 - cos(a)^2", "sin({a})^2"),
    ("sqrt(a + 1) - 1", "{A}/(sqrt({a} + 1) + 1)"),
    ("sqrt(1 + a) - 1", "{A}/(sqrt(1 + {a}) + 1)"),
    ("sqrt(a + 1) - sqrt(a)", "1/(sqrt({a} + 1) + sqrt({a}))"),
    ("sqrt(a) - sqrt(b)", "({a} - {B})/(sqrt({a}) + sqrt({b}))"),
    ("1 - a^2", "(1 - {A})*(1 + {a})"),
    ("a^2 - 1", "({a} - 1)*({a} + 1)"),
    ("a^2 - b^2", "({a} - {B})*({a} + {b})"),
)


@functools.cache
def _patterns(table: tuple[tuple[str, str], ...]) -> list[tuple[Graph, str]]:
    return [(formula(pattern, ("a", "b")), better) for pattern, better in table]


def better_form(
    graph: Graph,
    i: int,
    written: Callable[[int], str],
    table: tuple[tuple[str, str], ...] = BETTER,
    uses: Sequence[Sequence[int]] | None = None,
) -> str | None:
    """The stable form of the first known pattern that node `i` is part of, or None.

    Who asks often gives `uses`, the users of every node.
    """
    users = _users_within(graph, i, depth=4) if uses is None else _near(uses, i, depth=4)
    for pattern, better in _patterns(table):
        for root in users:
            found = match(graph.nodes, pattern, [(pattern.outputs[0], root)])
            if found is not None and i in found.nodes:
                texts = {letter: written(j) for letter, j in found.letters.items()}
                bracketed = {letter.upper(): _bracketed(text) for letter, text in texts.items()}
                return better.format(**texts, **bracketed)
    return None


def _bracketed(text: str) -> str:
    """The text as a factor: in brackets, unless it is a name or a number."""
    return text if text.replace("_", "").replace(".", "").isalnum() else f"({text})"


def _users_within(graph: Graph, i: int, depth: int) -> list[int]:
    """The node and its users, and theirs, a few levels up."""
    reached = {i: 0}
    for user in range(i + 1, len(graph.nodes)):
        levels = [reached[j] for j in graph.nodes[user].args if j in reached]
        if levels and min(levels) < depth:
            reached[user] = min(levels) + 1
    return list(reached)


def _near(uses: Sequence[Sequence[int]], i: int, depth: int) -> list[int]:
    """The same, where the users are known; of a node that very many use, the first of them."""
    reached = {i: None}
    level = [i]
    for _ in range(depth):
        level = [user for j in level for user in uses[j][:NEAR] if user not in reached][:NEAR]
        reached |= dict.fromkeys(level)
    return list(reached)
