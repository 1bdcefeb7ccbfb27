"""A trace and its sweeps as the rows of the two tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backpropcli.algebras.algebra import Map
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, literal_of
from backpropcli.passes.evaluate import dims_of, plain, zeros
from backpropcli.passes.sweeps import Trace
from backpropcli.passes.wording import Words, filled
from backpropcli.records import NamedTuple
from backpropcli.report import ADJOINT, Edge, Jacobian, Row, Use, VariableRow

Tangents = Mapping[str, Sequence[Any]]
"""By variable, the tangent of every node in its direction."""


def node_ids(graph: Graph) -> list[str]:
    """How each node is called in data: a variable's name, or `v1`, `v2` ... for applications in evaluation order.

    The letter is another one where a name of the user's could be taken for an id.
    """
    taken = {*graph.variables, *graph.names.values()}
    numbered = {name.rstrip("0123456789") for name in taken if name[-1:].isdigit()}
    prefix = next(letter for letter in ("v", "w", "t", "n", "v_", "w_", "node_", "node__") if letter not in numbered)
    ids, count = [], 0
    for node in graph.nodes:
        if node.args:
            count += 1
            ids.append(f"{prefix}{count}")
        else:
            ids.append(str(node.attribute) if node.op == VARIABLE else "")
    return ids


def shown_names(graph: Graph, ids: Sequence[str]) -> list[str]:
    """How tables write each node: the user's name for it, else its id."""
    return [graph.names.get(i, name) for i, name in enumerate(ids)]


class Tables(NamedTuple):
    """Everything that the two tables say."""

    ids: list[str]
    """How each node of the trace is called in data."""
    rows: tuple[Row, ...]
    variables: tuple[VariableRow, ...]


def tables(
    trace: Trace[Any],
    adjoints: Sequence[Any] | None,
    tangents: Tangents | None,
    inside: Sequence[Graph | None] | None,
) -> Tables:
    """One row an application, in evaluation order, and one a variable, in order of appearance.

    `adjoints` is None where nothing was pulled: then none are told. `inside` holds the formulas of steps, where nodes
    are steps.
    """
    ids = node_ids(trace.graph)
    names = shown_names(trace.graph, ids)
    carried = _contributions(trace, adjoints)
    uses = _uses(trace, carried, ids, names)
    rows = _rows(trace, adjoints, carried, tangents, inside, ids, names, uses)
    return Tables(ids, rows, _variables(trace, adjoints, uses))


def _rows(
    trace: Trace[Any],
    adjoints: Sequence[Any] | None,
    carried: Sequence[Sequence[Any]],
    tangents: Tangents | None,
    inside: Sequence[Graph | None] | None,
    ids: Sequence[str],
    names: Sequence[str],
    uses: Sequence[list[Use]],
) -> tuple[Row, ...]:
    graph = trace.graph
    words = Words()
    constant = [node.op == CONSTANT for node in graph.nodes]
    literals = [literal_of(node.attribute) if node.op == CONSTANT else None for node in graph.nodes]
    labels: dict[str, str] = {}
    found = []
    for i, (op, args, _) in enumerate(graph.nodes):
        if not args and op != STEP:
            continue
        step = inside[i] if inside is not None else None
        wording = words.gate(op, [literals[j] for j in args]) if step is None else words.step(step)
        if wording.label not in labels:
            labels[wording.label] = filled(wording.label, ["·"] * len(args))
        written = [names[j] for j in args if not constant[j]]
        adjoint = adjoints[i] if adjoints is not None else None
        edges = []
        position = 0
        for k, j in enumerate(args):
            if constant[j]:
                continue
            partial = trace.partials[i][k]
            active = trace.active[j]
            rule, structure = wording.rules[position], wording.structures[position]
            position += 1
            local = _local(trace, i, k, structure, written) if active else None
            if rule is not None and ADJOINT in rule and not isinstance(local, Jacobian):
                # Between numbers what carries the adjoint back is a product like any other.
                rule = None
            edges.append(
                Edge(
                    source=ids[j],
                    name=names[j],
                    value=plain(trace.values[j]),
                    partial=local,
                    rule=filled(rule, written) if rule is not None and partial is not None else None,
                    contribution=carried[i][k],
                )
            )
        found.append(
            Row(
                id=ids[i],
                name=graph.names.get(i),
                op=op,
                label=labels[wording.label],
                formula=filled(wording.formula, written),
                output=plain(trace.values[i]),
                adjoint=_told(trace, adjoint, i) if trace.active[i] and adjoints is not None else None,
                path=adjoint is not None or adjoints is None,
                inputs=tuple(edges),
                uses=tuple(uses[i]),
                tangents=None
                if tangents is None
                else {name: _moved(trace, t, name, i) for name, t in tangents.items()},
            )
        )
    return tuple(found)


def _local(trace: Trace[Any], i: int, k: int, structure: str, names: Sequence[str]) -> Any:
    """The local derivative of an edge: a number, or, where arrays are at its ends, a Jacobian of this structure."""
    partial, value, argument = trace.partials[i][k], trace.values[i], trace.values[trace.graph.nodes[i].args[k]]
    if not dims_of(value) and not dims_of(argument) and not isinstance(partial, Map):
        return 0.0 if partial is None else plain(partial)
    from backpropcli.passes.jacobians import local_jacobian

    found = local_jacobian(trace, i, k, filled(structure, names))
    return found if found.shape else found.entries


def _carried(trace: Trace[Any], adjoint: Any, i: int, k: int) -> Any:
    """What comes back along an edge, in the argument's shape; 0 where there is no path."""
    partial = trace.partials[i][k]
    if adjoint is None or partial is None:
        return zeros(dims_of(trace.values[trace.graph.nodes[i].args[k]]))
    return plain(trace.algebra.pull(adjoint, partial))


def _moved(trace: Trace[Any], tangents: Sequence[Any], name: str, i: int) -> Any:
    """A node's tangent by a variable; 0 where it does not move."""
    if tangents[i] is not None:
        return plain(tangents[i])
    return zeros((*dims_of(trace.values[i]), *dims_of(trace.values[trace.graph.variables[name]])))


def _told(trace: Trace[Any], adjoint: Any, i: int) -> Any:
    """An adjoint as it is told: an absent one is 0, and its path says so."""
    return zeros(dims_of(trace.values[i])) if adjoint is None else plain(adjoint)


def _variables(trace: Trace[Any], adjoints: Sequence[Any] | None, uses: Sequence[list[Use]]) -> tuple[VariableRow, ...]:
    found = []
    for name, i in trace.graph.variables.items():
        adjoint = adjoints[i] if adjoints is not None else None
        shown = _told(trace, adjoint, i) if trace.active[i] and adjoints is not None else None
        found.append(
            VariableRow(name, plain(trace.values[i]), shown, adjoint is not None or adjoints is None, tuple(uses[i]))
        )
    return tuple(found)


def _contributions(trace: Trace[Any], adjoints: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    """Of every edge, by node and argument, what comes back along it; None where nothing is differentiated."""
    active, nodes = trace.active, trace.graph.nodes
    if adjoints is None:
        return [(None,) * len(node.args) for node in nodes]
    return [
        tuple([_carried(trace, adjoint, i, k) if active[j] else None for k, j in enumerate(node.args)])
        for i, (node, adjoint) in enumerate(zip(nodes, adjoints, strict=True))
    ]


def _uses(
    trace: Trace[Any], carried: Sequence[Sequence[Any]], ids: Sequence[str], names: Sequence[str]
) -> list[list[Use]]:
    """Of every node the edges out of it, with what comes back along each."""
    uses: list[list[Use]] = [[] for _ in trace.graph.nodes]
    for i, (_, args, _) in enumerate(trace.graph.nodes):
        for j, contribution in zip(args, carried[i], strict=True):
            if contribution is not None:
                uses[j].append(Use(ids[i], names[i], contribution))
    return uses
