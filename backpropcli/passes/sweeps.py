"""The two passes of backpropagation: values and local derivatives once, then tangents forward or adjoints backward.

Nothing here knows what a value is: over floats the sweeps give numbers, over dual numbers second derivatives, over
symbols the gradient as a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from backpropcli.algebras.algebra import Algebra
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, literal_of
from backpropcli.records import NamedTuple

Value = TypeVar("Value")


class Trace(NamedTuple, Generic[Value]):
    """A graph with one evaluation of it."""

    graph: Graph
    algebra: Algebra[Value]
    values: list[Value]
    """The value of every node."""
    partials: list[tuple[Any, ...]]
    """d node / d argument, for every node and argument; None where there is no path, or nothing to differentiate.

    A value, or a `Map` of an operation that acts on arrays as a whole."""
    active: list[bool]
    """Which nodes depend on a variable that is differentiated."""


def linearize(
    graph: Graph, algebra: Algebra[Value], inputs: Mapping[str, Value], wrt: Sequence[str] | None = None
) -> Trace[Value]:
    """Values and cached local derivatives of every node at one point; `wrt` names what is differentiated (all)."""
    active = graph.active(graph.variables if wrt is None else wrt)
    values: list[Value] = []
    partials: list[tuple[Any, ...]] = []
    rules: dict[tuple[str, int], tuple[Callable[..., Value], list[Any]]] = {}
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if args:
            count = len(args)
            if op == STEP:
                values.append(values[args[0]])
                partials.append((algebra.constant(1.0) if active[i] else None,))
                continue
            known = rules.get((op, count))
            if known is None:
                slopes = [algebra.partial(op, k, count) for k in range(count)]
                known = rules[op, count] = algebra.function(op, count), slopes
            arguments = [values[j] for j in args]
            result = known[0](*arguments)
            values.append(result)
            if active[i]:
                arguments.append(result)
                partials.append(
                    tuple(
                        [
                            slope(arguments) if slope is not None and active[j] else None
                            for slope, j in zip(known[1], args, strict=True)
                        ]
                    )
                )
            else:
                partials.append((None,) * count)
        else:
            partials.append(())
            if op == VARIABLE:
                values.append(inputs[str(attribute)])
            elif op == CONSTANT:
                values.append(algebra.constant(literal_of(attribute)))
    return Trace(graph, algebra, values, partials, active)


def push(trace: Trace[Value], tangents: Mapping[str, Value]) -> list[Value | None]:
    """Tangent of every node, given those of the variables: with the arrows. None where nothing moves."""
    carry, plus = trace.algebra.push, trace.algebra.plus
    found: list[Value | None] = []
    for (op, args, attribute), partials in zip(trace.graph.nodes, trace.partials, strict=True):
        total: Value | None = tangents.get(str(attribute)) if op == VARIABLE else None
        for j, partial in zip(args, partials, strict=True):
            moved = found[j]
            if partial is not None and moved is not None:
                carried = carry(moved, partial)
                total = carried if total is None else plus(total, carried)
        found.append(total)
    return found


def pull(trace: Trace[Value], *seeds: Value) -> list[Value | None]:
    """Adjoint of every node, given one seed an output: against the arrows. None where there is no path."""
    carry, plus = trace.algebra.pull, trace.algebra.plus
    nodes, partials = trace.graph.nodes, trace.partials
    adjoints: list[Value | None] = [None] * len(nodes)
    for i, seed in zip(trace.graph.outputs, seeds, strict=True):
        before = adjoints[i]
        adjoints[i] = seed if before is None else plus(before, seed)
    for i in reversed(range(max(trace.graph.outputs) + 1)):
        adjoint = adjoints[i]
        if adjoint is None:
            continue
        for j, partial in zip(nodes[i].args, partials[i], strict=True):
            if partial is not None:
                carried = carry(adjoint, partial)
                before = adjoints[j]
                adjoints[j] = carried if before is None else plus(before, carried)
    return adjoints
