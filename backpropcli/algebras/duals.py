"""Dual numbers over any algebra: a primal and its tangent along one direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from backpropcli.algebras.algebra import Algebra, Map
from backpropcli.graph import Literal
from backpropcli.records import NamedTuple

Inner = TypeVar("Inner")


class Dual(NamedTuple, Generic[Inner]):
    """A value and its derivative along the direction; None where it does not depend on it."""

    primal: Inner
    tangent: Inner | None


class Duals(Generic[Inner]):
    """Values with tangents. A rule that is interpreted here gives the local derivative and its own derivative.

    Linearizing over dual numbers and pulling gives the gradient and, in its tangents, the Hessian times the direction.
    """

    def __init__(self, inner: Algebra[Inner]) -> None:
        self.inner = inner

    def constant(self, number: Literal) -> Dual[Inner]:
        """The number, which moves in no direction."""
        return Dual(self.inner.constant(number), None)

    def function(self, op: str, count: int) -> Callable[..., Dual[Inner]]:
        """The primitive, pushing tangents along by its local derivatives."""
        inner = self.inner
        value = inner.function(op, count)
        partials = [inner.partial(op, k, count) for k in range(count)]

        def apply(*arguments: Dual[Inner]) -> Dual[Inner]:
            primals = [argument.primal for argument in arguments]
            result = value(*primals)
            tangent: Inner | None = None
            for argument, partial in zip(arguments, partials, strict=True):
                if argument.tangent is None or partial is None:
                    continue
                slope = partial([*primals, result])
                if slope is not None:
                    moved = inner.push(argument.tangent, slope)
                    tangent = moved if tangent is None else inner.plus(tangent, moved)
            return Dual(result, tangent)

        return apply

    def partial(
        self, op: str, k: int, count: int
    ) -> Callable[[Sequence[Dual[Inner]]], Dual[Inner] | Map[Dual[Inner]] | None] | None:
        """The local derivative with its own tangent: the rule, interpreted over dual numbers."""
        from backpropcli.algebras import rules
        from backpropcli.algebras.algebra import fold
        from backpropcli.primitives import TABLE

        if TABLE[op].array:
            return rules.mapped(self, op, k, count)
        rule = rules.partial(op, k, count)
        if rule is None:
            return None
        names = (*rules.arguments(TABLE[op], count), rules.RESULT)

        def slope(values: Sequence[Dual[Inner]]) -> Dual[Inner]:
            return fold(rule, self, dict(zip(names, values, strict=True)))[rule.outputs[0]]

        if rules.path(op, k, count) is None:
            return slope
        # Whether there is a path is a question about the primals. Of numbers the derivative is there, and is no map.
        path: Callable[[Sequence[Inner]], Any] = self.inner.partial(op, k, count)  # type: ignore[assignment]

        def on_path(values: Sequence[Dual[Inner]]) -> Dual[Inner] | None:
            where = path([value.primal for value in values])
            return None if where is None else self.restricted(slope(values), Dual(where, None))

        return on_path

    def restricted(self, value: Dual[Inner], partial: Dual[Inner]) -> Dual[Inner]:
        """The value where the local derivative has a path."""
        inner = self.inner
        tangent = None if value.tangent is None else inner.restricted(value.tangent, partial.primal)
        return Dual(inner.restricted(value.primal, partial.primal), tangent)

    def plain(self, carried: Dual[Inner]) -> Dual[Inner]:
        """Both parts as values that operations take."""
        inner = self.inner
        return Dual(inner.plain(carried.primal), None if carried.tangent is None else inner.plain(carried.tangent))

    def push(self, tangent: Dual[Inner], partial: Dual[Inner] | Map[Dual[Inner]]) -> Dual[Inner]:
        """The product rule, or the map."""
        return partial.push(tangent) if isinstance(partial, Map) else self._times(tangent, partial)

    def pull(self, adjoint: Dual[Inner], partial: Dual[Inner] | Map[Dual[Inner]]) -> Dual[Inner]:
        """The product rule, or the map."""
        return partial.pull(adjoint) if isinstance(partial, Map) else self._times(adjoint, partial)

    def _times(self, carried: Dual[Inner], partial: Dual[Inner]) -> Dual[Inner]:
        inner = self.inner
        tangent = None
        if carried.tangent is not None:
            tangent = inner.pull(carried.tangent, partial.primal)
        if partial.tangent is not None:
            other = inner.pull(carried.primal, partial.tangent)
            tangent = other if tangent is None else inner.plus(tangent, other)
        return Dual(inner.pull(carried.primal, partial.primal), tangent)

    def plus(self, a: Dual[Inner], b: Dual[Inner]) -> Dual[Inner]:
        """The sum, entry by entry."""
        if a.tangent is None or b.tangent is None:
            tangent = b.tangent if a.tangent is None else a.tangent
        else:
            tangent = self.inner.plus(a.tangent, b.tangent)
        return Dual(self.inner.plus(a.primal, b.primal), tangent)
