"""An algebra says what values are; a fold interprets a graph in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from backpropcli import primitives
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, Literal, literal_of
from backpropcli.records import NamedTuple

Value = TypeVar("Value")
Made = TypeVar("Made", covariant=True)


class Interpretation(Protocol[Made]):
    """What a constant is, and what a primitive does to values: enough to fold a graph."""

    def constant(self, number: Literal) -> Made:
        """The value that stands for a number, or for an array that is written out."""
        ...

    def function(self, op: str, count: int) -> Callable[..., Made]:
        """The primitive as a function of `count` values."""
        ...


class Map(NamedTuple, Generic[Value]):
    """The local derivative of an operation on arrays by one argument: a linear map, by what it does."""

    push: Callable[[Value], Value]
    """The result's tangent, from the argument's."""
    pull: Callable[[Value], Value]
    """The argument's adjoint, from the result's."""


class Algebra(Interpretation[Value], Protocol[Value]):
    """An interpretation that can be differentiated in: with partials, and adjoints multiplied and added."""

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[Value]], Value | Map[Value] | None] | None:
        """The primitive's local derivative by its k-th argument, as a function of (arguments..., result).

        It gives None where there is no path; it is None itself where the primitive is locally constant in the argument.
        """
        ...

    def push(self, tangent: Value, partial: Value | Map[Value]) -> Value:
        """A tangent carried over an edge, from the argument to the result."""
        ...

    def pull(self, adjoint: Value, partial: Value | Map[Value]) -> Value:
        """An adjoint carried over an edge, from the result to the argument."""
        ...

    def restricted(self, value: Value, partial: Value) -> Value:
        """The value where this local derivative has a path, and nothing elsewhere."""
        ...

    def plain(self, carried: Value) -> Value:
        """An adjoint or tangent as a value that operations take: an absent entry is 0."""
        ...

    def plus(self, a: Value, b: Value) -> Value:
        """Two contributions to one adjoint or tangent."""
        ...


def fold(graph: Graph, algebra: Interpretation[Value], inputs: Mapping[str, Value]) -> list[Value]:
    """The value of every node, given those of the variables. One loop; linear in the graph."""
    values: list[Value] = []
    functions: dict[tuple[str, int], Callable[..., Value]] = {}
    for op, args, attribute in graph.nodes:
        if args:
            if op == STEP:
                values.append(values[args[0]])
                continue
            key = op, len(args)
            function = functions.get(key)
            if function is None:
                function = functions[key] = algebra.function(op, len(args))
            values.append(function(*[values[j] for j in args]))
        elif op == VARIABLE:
            values.append(inputs[str(attribute)])
        elif op == CONSTANT:
            values.append(algebra.constant(literal_of(attribute)))
    return values


def has_arrays(graph: Graph) -> bool:
    """Whether a graph has operations on arrays, or arrays that are written out."""
    return any(
        [
            isinstance(node.attribute, tuple) if not node.args else node.op != STEP and primitives.TABLE[node.op].array
            for node in graph.nodes
        ]
    )
