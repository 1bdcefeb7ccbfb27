"""A trace and its sweeps as the rows of the two tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, number_of
from backpropcli.passes.sweeps import Trace
from backpropcli.passes.wording import Words, filled
from backpropcli.report import Edge, Row, Use, VariableRow

Tangents = Mapping[str, Sequence[float | None]]
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
    trace: Trace[float],
    adjoints: Sequence[float | None] | None,
    tangents: Tangents | None,
    inside: Sequence[Graph | None] | None,
) -> Tables:
    """One row an application, in evaluation order, and one a variable, in order of appearance.

    `adjoints` is None where nothing was pulled: then none are told. `inside` holds the formulas of steps, where nodes
    are steps.
    """
    ids = node_ids(trace.graph)
    names = shown_names(trace.graph, ids)
    uses = _uses(trace, adjoints, ids, names)
    rows = _rows(trace, adjoints, tangents, inside, ids, names, uses)
    return Tables(ids, rows, _variables(trace, adjoints, uses))


def _rows(
    trace: Trace[float],
    adjoints: Sequence[float | None] | None,
    tangents: Tangents | None,
    inside: Sequence[Graph | None] | None,
    ids: Sequence[str],
    names: Sequence[str],
    uses: Sequence[list[Use]],
) -> tuple[Row, ...]:
    graph = trace.graph
    words = Words()
    constant = [node.op == CONSTANT for node in graph.nodes]
    found = []
    for i, (op, args, _) in enumerate(graph.nodes):
        if not args and op != STEP:
            continue
        step = inside[i] if inside is not None else None
        if step is None:
            wording = words.gate(op, [number_of(graph.nodes[j].attribute) if constant[j] else None for j in args])
        else:
            wording = words.step(step)
        written = [names[j] for j in args if not constant[j]]
        adjoint = adjoints[i] if adjoints is not None else None
        edges = []
        position = 0
        for k, j in enumerate(args):
            if constant[j]:
                continue
            partial = trace.partials[i][k]
            active = trace.active[j]
            rule = wording.rules[position]
            position += 1
            carried = adjoint * partial if adjoint is not None and partial is not None else 0.0
            told = active and adjoints is not None
            edges.append(
                Edge(
                    source=ids[j],
                    name=names[j],
                    value=trace.values[j],
                    partial=(0.0 if partial is None else partial) if active else None,
                    rule=filled(rule, written) if rule is not None and partial is not None else None,
                    contribution=carried if told else None,
                )
            )
        found.append(
            Row(
                id=ids[i],
                name=graph.names.get(i),
                op=op,
                label=filled(wording.label, ["·"] * len(written)),
                formula=filled(wording.formula, written),
                output=trace.values[i],
                adjoint=_told(adjoint) if trace.active[i] and adjoints is not None else None,
                path=adjoint is not None or adjoints is None,
                inputs=tuple(edges),
                uses=tuple(uses[i]),
                tangents=None if tangents is None else {name: t[i] or 0.0 for name, t in tangents.items()},
            )
        )
    return tuple(found)


def _told(adjoint: float | None) -> float:
    """An adjoint as it is told: an absent one is 0, and its path says so."""
    return 0.0 if adjoint is None else adjoint


def _variables(
    trace: Trace[float], adjoints: Sequence[float | None] | None, uses: Sequence[list[Use]]
) -> tuple[VariableRow, ...]:
    found = []
    for name, i in trace.graph.variables.items():
        adjoint = adjoints[i] if adjoints is not None else None
        shown = _told(adjoint) if trace.active[i] and adjoints is not None else None
        found.append(VariableRow(name, trace.values[i], shown, adjoint is not None or adjoints is None, tuple(uses[i])))
    return tuple(found)


def _uses(
    trace: Trace[float], adjoints: Sequence[float | None] | None, ids: Sequence[str], names: Sequence[str]
) -> list[list[Use]]:
    """Of every node the edges out of it, with what comes back along each."""
    uses: list[list[Use]] = [[] for _ in trace.graph.nodes]
    if adjoints is None:
        return uses
    for i, (_, args, _) in enumerate(trace.graph.nodes):
        adjoint = adjoints[i]
        for j, partial in zip(args, trace.partials[i], strict=True):
            if trace.active[j]:
                carried = adjoint * partial if adjoint is not None and partial is not None else 0.0
                uses[j].append(Use(ids[i], names[i], carried))
    return uses
