"""Definitions as steps: each is one node, its local derivatives the totals inside it, as in a lecture's table."""

from __future__ import annotations

from typing import Any

from backpropcli.algebras.algebra import Map
from backpropcli.algebras.floats import Floats
from backpropcli.graph import STEP, VARIABLE, Graph, GraphBuilder, Node, literal_of
from backpropcli.passes import effort
from backpropcli.passes.sweeps import Trace
from backpropcli.records import NamedTuple


class Steps(NamedTuple):
    """The coarse trace, and the formula inside each of its nodes."""

    trace: Trace[Any]
    inside: list[Graph | None]
    """Of every step its formula, over variables named `0`, `1` ... for its inputs; None for a variable."""
    owners: dict[int, int]
    """The first step, of the coarse trace, that a node of the fine one is inside of."""


def steps(trace: Trace[Any], max_nodes: int | None = None) -> Steps:
    """The trace with every step one node: its inputs are the distinct names in it, in order of appearance."""
    graph = trace.graph
    position: dict[int, int] = {}
    nodes: list[Node] = []
    inside: list[Graph | None] = []
    values: list[Any] = []
    partials: list[tuple[Any, ...]] = []
    active: list[bool] = []
    owners: dict[int, int] = {}
    meter = effort.Meter("steps", max_nodes)
    for i, node in enumerate(graph.nodes):
        interior = [i]
        if node.op == STEP:
            leaves, interior = _interior(graph, node.args[0])
            meter.add(len(interior))
            slopes = _total_partials(trace, node.args[0], leaves, interior)
            args = tuple([position[j] for j in leaves])
            partials.append(tuple([slopes.get(j) for j in leaves]))
            nodes.append(Node(STEP, args, node.attribute))
            inside.append(_formula(graph, node.args[0], leaves, interior))
        elif node.op == VARIABLE:
            partials.append(())
            nodes.append(node)
            inside.append(None)
        else:
            continue
        position[i] = len(nodes) - 1
        values.append(trace.values[i])
        active.append(trace.active[i])
        for j in interior:
            owners.setdefault(j, position[i])
    coarse = Graph(
        tuple(nodes),
        tuple([position[i] for i in graph.outputs]),
        {position[i]: name for i, name in graph.names.items()},
        {position[i]: span for i, span in graph.spans.items() if i in position},
    )
    return Steps(Trace(coarse, trace.algebra, values, partials, active), inside, owners)


def _interior(graph: Graph, root: int) -> tuple[list[int], list[int]]:
    """The names that a step's formula is over, in order of appearance, and the nodes between, in evaluation order."""
    leaves: dict[int, None] = {}
    interior: set[int] = set()
    pending = [root]
    while pending:
        i = pending.pop()
        node = graph.nodes[i]
        if node.op == VARIABLE or node.op == STEP:
            leaves[i] = None
        elif i not in interior:
            interior.add(i)
            pending += reversed(node.args)
    return list(leaves), sorted(interior)


def _total_partials(trace: Trace[Any], root: int, leaves: list[int], interior: list[int]) -> dict[int, Any]:
    """The derivative of a step's value by its inputs: the adjoints inside it, pulled from 1; over arrays, maps."""
    if isinstance(trace.algebra, Floats):
        return _pulled(trace, root, interior, 1.0)
    reached = _reached(trace, root, interior)
    return {j: _inside(trace, root, j, interior) for j in leaves if j in reached}


def _reached(trace: Trace[Any], root: int, interior: list[int]) -> set[int]:
    """The nodes inside a step, and its inputs, that a path leads to."""
    found = {root}
    for i in reversed(interior):
        if i in found:
            pairs = zip(trace.graph.nodes[i].args, trace.partials[i], strict=True)
            found.update([j for j, partial in pairs if partial is not None])
    return found


def _inside(trace: Trace[Any], root: int, leaf: int, interior: list[int]) -> Map[Any]:
    """The local derivative of a step by one of its inputs: the sweeps inside it."""

    def push(tangent: Any) -> Any:
        found = {leaf: tangent}
        for i in interior:
            for j, partial in zip(trace.graph.nodes[i].args, trace.partials[i], strict=True):
                if partial is not None and j in found:
                    carried = trace.algebra.push(found[j], partial)
                    found[i] = trace.algebra.plus(found[i], carried) if i in found else carried
        return found[root]

    return Map(push, lambda adjoint: _pulled(trace, root, interior, adjoint)[leaf])


def _pulled(trace: Trace[Any], root: int, interior: list[int], seed: Any) -> dict[int, Any]:
    """The adjoints inside a step, and of its inputs."""
    carry, plus = trace.algebra.pull, trace.algebra.plus
    adjoints = {root: seed}
    for i in reversed(interior):
        adjoint = adjoints.get(i)
        if adjoint is None:
            continue
        for j, partial in zip(trace.graph.nodes[i].args, trace.partials[i], strict=True):
            if partial is not None:
                carried = carry(adjoint, partial)
                adjoints[j] = plus(adjoints[j], carried) if j in adjoints else carried
    return adjoints


def _formula(graph: Graph, root: int, leaves: list[int], interior: list[int]) -> Graph:
    builder = GraphBuilder()
    made = {j: builder.variable(str(k)) for k, j in enumerate(leaves)}
    for i in interior:
        node = graph.nodes[i]
        if node.args:
            made[i] = builder.apply(node.op, [made[j] for j in node.args])
        else:
            made[i] = builder.constant(literal_of(node.attribute))
    return builder.graph([made[root]])
