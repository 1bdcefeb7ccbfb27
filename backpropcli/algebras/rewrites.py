"""Rewrites: how a derivative that a program wrote becomes one that a person would write.

Each entry is a pattern and its replacement, in the project's own language. `n` and `m` stand for numbers, other
letters for anything. Applied from the leaves up while a graph is built, one node at a time.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from backpropcli import primitives
from backpropcli.graph import CONSTANT, VARIABLE, Graph, Node, match, number_of
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    from backpropcli.algebras.symbols import Symbols


class Rewrite(NamedTuple):
    """`pattern` becomes `replacement` where the condition on its numbers holds."""

    pattern: str
    replacement: str
    where: str | None = None


# By the operation that the pattern is of; the first that fits is applied.
TABLE: dict[str, tuple[Rewrite, ...]] = {
    "add": (
        Rewrite("0 + a", "a"),
        Rewrite("a + 0", "a"),
        Rewrite("a + -b", "a - b"),
        Rewrite("-a + b", "b - a"),
        Rewrite("a + n", "a - (-n)", "n < 0"),
        Rewrite("n + a", "a - (-n)", "n < 0"),
        Rewrite("a + a", "2*a"),
        Rewrite("n*a + a", "(n + 1)*a"),
        Rewrite("a + n*a", "(n + 1)*a"),
        Rewrite("n*a + m*a", "(n + m)*a"),
    ),
    "sub": (
        Rewrite("a - 0", "a"),
        Rewrite("a - -b", "a + b"),
        Rewrite("a - n", "a + (-n)", "n < 0"),
        Rewrite("n*a - m*a", "(n - m)*a"),
    ),
    "mul": (
        Rewrite("1*a", "a"),
        Rewrite("a*1", "a"),
        Rewrite("n*a", "-a", "n == -1"),
        Rewrite("a*n", "-a", "n == -1"),
        Rewrite("a*-b", "-(a*b)"),
        Rewrite("-a*b", "-(a*b)"),
        Rewrite("a*n", "n*a"),
        Rewrite("a*(1/b)", "a/b"),
        Rewrite("1/b*a", "a/b"),
        Rewrite("n*(m*a)", "n*m*a"),
        Rewrite("a*(n*b)", "n*(a*b)"),
        Rewrite("n*a*b", "n*(a*b)"),
        Rewrite("a*a", "a^2"),
        Rewrite("a^n*a", "a^(n + 1)", "n > 0"),
        Rewrite("a*a^n", "a^(n + 1)", "n > 0"),
    ),
    "div": (
        Rewrite("a/1", "a"),
        Rewrite("-a/b", "-(a/b)"),
        Rewrite("a/-b", "-(a/b)"),
    ),
    "neg": (
        Rewrite("-(-a)", "a"),
        Rewrite("-(n*a)", "-n*a"),
        Rewrite("-(n/a)", "-n/a"),
    ),
    "pow": (Rewrite("a^1", "a"),),
    "reciprocal": (Rewrite("reciprocal(a)", "1/a"),),
    "power_slope": (
        Rewrite("power_slope(a, n)", "n*a^(n - 1)", "n != 0"),
        Rewrite("power_slope(a, n)", "0", "n == 0"),
    ),
    "power_log": (Rewrite("power_log(n, b)", "n^b*log(n)", "n > 0"),),
    "power_term": (
        Rewrite("power_term(n, a, m, 0)", "n*a^m", "n != 0 and m != 0"),
        Rewrite("power_term(n, a, 0, 0)", "n"),
        Rewrite("power_term(n, m, b, c)", "n*m^b*log(m)^c", "n != 0 and m > 0"),
    ),
}

# For reading only: where a handbook's text meets a number that makes it trivial. An infinity is lost by it.
TRIVIAL: dict[str, tuple[Rewrite, ...]] = {
    "mul": (
        Rewrite("0*a", "0"),
        Rewrite("a*0", "0"),
    ),
}

LETTERS = ("a", "b", "c", "n", "m")
_NUMBERS = frozenset({"n", "m"})


def all_of_them() -> Iterator[Rewrite]:
    """Every rewrite, of both tables."""
    for table in (TABLE, TRIVIAL):
        for rewrites in table.values():
            yield from rewrites


# How far one rewrite leads to the next. Numbers whose product overflows would otherwise change places for ever.
_DEEPEST = 30

# Their results on numbers are what the formula would give anyway, digit for digit.
_FOLDED = frozenset({"add", "sub", "mul", "neg"})


def applied(symbols: Symbols, op: str, args: Sequence[int]) -> int:
    """The node of a primitive applied to these nodes, rewritten where the table knows a shorter form."""
    from backpropcli.algebras.rules import formula

    nodes = symbols.builder.nodes
    above = tuple([nodes[i].op for i in args])
    if above.count(CONSTANT) == len(above):
        number = _folded(symbols, op, args)
        if number is not None:
            return symbols.constant(number)
    if symbols.depth < _DEEPEST:
        for rewrite, pattern in _candidates(op, above, symbols.handbook):
            found = _match(symbols, pattern, args)
            if found is not None and (rewrite.where is None or _holds(symbols, rewrite.where, found)):
                return _put(symbols, formula(rewrite.replacement, LETTERS), found)
    return symbols.builder.apply(op, args)


@functools.cache
def _candidates(op: str, above: tuple[str, ...], handbook: bool) -> tuple[tuple[Rewrite, Graph], ...]:
    """The rewrites that may fit this operation on arguments of such operations, mostly none, with their patterns."""
    from backpropcli.algebras.rules import formula

    found = []
    for rewrite in (*(TRIVIAL.get(op, ()) if handbook else ()), *TABLE.get(op, ())):
        pattern = formula(rewrite.pattern, LETTERS)
        shapes = [pattern.nodes[p] for p in pattern.nodes[pattern.outputs[0]].args]
        needed = [
            (CONSTANT if shape.attribute in _NUMBERS else None) if shape.op == VARIABLE else shape.op
            for shape in shapes
        ]
        if all([each in (None, given) for each, given in zip(needed, above, strict=True)]):
            found.append((rewrite, pattern))
    return tuple(found)


def _folded(symbols: Symbols, op: str, args: Sequence[int]) -> float | None:
    """The number that an operation on numbers gives, where nothing is lost by writing it."""
    from backpropcli.algebras.floats import Floats

    nodes = symbols.builder.nodes
    if primitives.TABLE[op].array or any([not is_number(nodes[i]) for i in args]):
        return None
    number = Floats().function(op, len(args))(*[number_of(nodes[i].attribute) for i in args])
    if op in _FOLDED:
        return number if math.isfinite(number) else None
    return number if number.is_integer() and abs(number) < 1e15 else None


def is_number(node: Node) -> bool:
    """Whether a node is a constant, and no array."""
    return node.op == CONSTANT and not isinstance(node.attribute, tuple)


def _match(symbols: Symbols, pattern: Graph, args: Sequence[int]) -> dict[str, int] | None:
    """What the letters of the pattern stand for, if the pattern's root applied to these nodes fits."""
    nodes = symbols.builder.nodes
    found = match(nodes, pattern, zip(pattern.nodes[pattern.outputs[0]].args, args, strict=True))
    if found is None or any([not is_number(nodes[i]) for letter, i in found.letters.items() if letter in _NUMBERS]):
        return None
    return found.letters


def _holds(symbols: Symbols, where: str, found: dict[str, int]) -> bool:
    from backpropcli.algebras.rules import formula

    node = symbols.builder.nodes[_put(symbols, formula(where, LETTERS), found)]
    return node.op == CONSTANT and node.attribute != 0.0


def _put(symbols: Symbols, graph: Graph, found: dict[str, int]) -> int:
    from backpropcli.algebras.algebra import fold

    node = graph.nodes[graph.outputs[0]]
    if node.op == VARIABLE:
        return found[str(node.attribute)]
    symbols.depth += 1
    made = fold(graph, symbols, found)[graph.outputs[0]]
    symbols.depth -= 1
    return made
