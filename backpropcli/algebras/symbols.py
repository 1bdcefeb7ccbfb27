"""Nodes of another graph as values: interpreting a graph copies it, pulling over it writes the gradient as a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backpropcli.algebras import rewrites
from backpropcli.algebras.algebra import Map
from backpropcli.graph import GraphBuilder, Literal
from backpropcli.records import NamedTuple

PATH = "path"
"""What marks a choice that is a derivative where there is a path, and nothing elsewhere."""


class Guarded(NamedTuple):
    """A derivative that exists only where a condition holds: elsewhere there is no path."""

    condition: int
    value: int


class Symbols:
    """Nodes of the graph that `builder` builds.

    With `rewrite`, what is applied is rewritten by the table in `rewrites.py`, so that derivatives read as a person
    writes them. A graph that is only copied is copied as it is. With `handbook`, local derivatives are the texts that a
    handbook prints, for reading; without, those that keep their digits.
    """

    def __init__(self, builder: GraphBuilder, *, rewrite: bool = True, handbook: bool = False) -> None:
        self.builder = builder
        self.rewrite = rewrite
        self.handbook = handbook
        self.depth = 0
        """How many rewrites led to what is being applied now."""
        # By the node `if(condition, value, 0)` that stands for it.
        self._guarded: dict[int, Guarded] = {}

    def constant(self, number: Literal) -> int:
        """The node of a number, or of an array that is written out."""
        return self.builder.constant(number)

    def function(self, op: str, count: int) -> Callable[..., int]:
        """Appending an application."""
        if self.rewrite:
            return lambda *args: rewrites.applied(self, op, args)
        return lambda *args: self.builder.apply(op, args)

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[int]], int | Map[int] | None] | None:
        """The rule, put in over the nodes; under a path condition it stays guarded by it."""
        from backpropcli.algebras import rules
        from backpropcli.algebras.algebra import fold
        from backpropcli.primitives import TABLE

        if TABLE[op].array:
            return rules.mapped(self, op, k, count)

        rule, path = (rules.handbook if self.handbook else rules.partial)(op, k, count), rules.path(op, k, count)
        if rule is None:
            return None
        names = (*rules.arguments(TABLE[op], count), rules.RESULT)

        def slope(nodes: Sequence[int]) -> int:
            inputs = dict(zip(names, nodes, strict=True))
            made = fold(rule, self, inputs)[rule.outputs[0]]
            if path is None:
                return made
            return self._guard(fold(path, self, inputs)[path.outputs[0]], made)

        return slope

    def restricted(self, value: int, partial: int) -> int:
        """The value, guarded as the local derivative is."""
        guarded = self._guarded.get(partial)
        return value if guarded is None else self._guard(guarded.condition, value)

    def plain(self, carried: int) -> int:
        """The node itself: a guarded one is 0 where there is no path."""
        return carried

    def push(self, tangent: int, partial: int | Map[int]) -> int:
        """The product, or what the map makes of it."""
        return partial.push(tangent) if isinstance(partial, Map) else self._times(tangent, partial)

    def pull(self, adjoint: int, partial: int | Map[int]) -> int:
        """The product, or what the map makes of it."""
        return partial.pull(adjoint) if isinstance(partial, Map) else self._times(adjoint, partial)

    def _times(self, carried: int, partial: int) -> int:
        """The product; under a path condition it is 0 elsewhere, and nothing is multiplied there."""
        if self._guarded:
            for node, other in ((carried, partial), (partial, carried)):
                guarded = self._guarded.get(node)
                if guarded is not None:
                    return self._guard(guarded.condition, self._times(guarded.value, other))
        return self.function("mul", 2)(carried, partial)

    def plus(self, a: int, b: int) -> int:
        """The sum; there is no path where neither has one."""
        first, second = self._guarded.get(a), self._guarded.get(b)
        if first is None or second is None:
            return self.function("add", 2)(a, b)
        if first.condition == second.condition:
            return self._guard(first.condition, self.plus(first.value, second.value))
        either = self.builder.apply("or", (first.condition, second.condition))
        return self._guard(either, self.function("add", 2)(a, b))

    def _guard(self, condition: int, value: int) -> int:
        inner = self._guarded.get(value)
        if inner is not None:
            # One condition for all: nested, every product would go through all of them again.
            condition, value = self.builder.apply("and", (condition, inner.condition)), inner.value
        # Marked, since a choice of the user's with the same arms is 0 elsewhere and not absent.
        node = self.builder.apply("if", (condition, value, self.constant(0.0)), PATH)
        self._guarded[node] = Guarded(condition, value)
        return node
