"""Dual numbers over any algebra: a primal and its tangent along one direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from backpropcli.algebras.algebra import Algebra

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

    def constant(self, number: float) -> Dual[Inner]:
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
                    moved = inner.times(argument.tangent, slope)
                    tangent = moved if tangent is None else inner.plus(tangent, moved)
            return Dual(result, tangent)

        return apply

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[Dual[Inner]]], Dual[Inner] | None] | None:
        """The local derivative with its own tangent: the rule, interpreted over dual numbers."""
        from backpropcli.algebras import rules
        from backpropcli.algebras.algebra import fold
        from backpropcli.primitives import TABLE

        rule = rules.partial(op, k, count)
        if rule is None:
            return None
        # Whether there is a path is a question about the primals.
        path = None if rules.path(op, k, count) is None else self.inner.partial(op, k, count)
        names = (*rules.arguments(TABLE[op], count), rules.RESULT)

        def slope(values: Sequence[Dual[Inner]]) -> Dual[Inner] | None:
            if path is not None and path([value.primal for value in values]) is None:
                return None
            return fold(rule, self, dict(zip(names, values, strict=True)))[rule.outputs[0]]

        return slope

    def times(self, adjoint: Dual[Inner], partial: Dual[Inner]) -> Dual[Inner]:
        """The product rule."""
        inner = self.inner
        tangent = None
        if adjoint.tangent is not None:
            tangent = inner.times(adjoint.tangent, partial.primal)
        if partial.tangent is not None:
            other = inner.times(adjoint.primal, partial.tangent)
            tangent = other if tangent is None else inner.plus(tangent, other)
        return Dual(inner.times(adjoint.primal, partial.primal), tangent)

    def plus(self, a: Dual[Inner], b: Dual[Inner]) -> Dual[Inner]:
        """The sum, entry by entry."""
        if a.tangent is None or b.tangent is None:
            tangent = b.tangent if a.tangent is None else a.tangent
        else:
            tangent = self.inner.plus(a.tangent, b.tangent)
        return Dual(self.inner.plus(a.primal, b.primal), tangent)
