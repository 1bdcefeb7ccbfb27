"""The reverse pass on random graphs over the whole table: its digits, and that what is printed reads back."""

from __future__ import annotations

import math
import os
import sys

from mpmath import mp

from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.symbols import Symbols
from backpropcli.exporting import target
from backpropcli.formula import Formula
from backpropcli.graph import Graph, GraphBuilder, without_unused
from backpropcli.language.program import build, read
from backpropcli.passes.sweeps import linearize, pull, push
from backpropcli.report import Report
from tests.random_graphs import NAMES, VARIABLES, any_graph, edge_graph, exact_adjoints, random_graph

GRAPHS = int(os.environ.get("BACKPROP_GRAPHS", "20000"))
EPSILON = sys.float_info.epsilon


def test_the_reverse_pass_keeps_its_digits() -> None:
    """|g - g*| <= 2 eps N A, with A the adjoint of absolute values: what rounding alone can do."""
    with mp.workprec(140):
        for seed in range(GRAPHS):
            graph, point = random_graph(seed)
            trace = linearize(graph, Floats(), point)
            got = pull(trace, 1.0)
            wanted, sizes = exact_adjoints(graph, trace.values)
            for name, i in graph.variables.items():
                error = abs((got[i] or 0.0) - wanted[i])
                allowed = 2 * EPSILON * len(graph.nodes) * sizes[i] + sys.float_info.min
                assert error <= allowed, f"seed {seed}, variable {name}"


def test_both_modes_agree_on_random_graphs() -> None:
    for seed in range(GRAPHS):
        graph, point = random_graph(seed)
        trace = linearize(graph, Floats(), point)
        adjoints = pull(trace, 1.0)
        for name, i in graph.variables.items():
            moved = push(trace, {name: 1.0})[graph.outputs[0]] or 0.0
            assert math.isclose(moved, adjoints[i] or 0.0, rel_tol=1e-9, abs_tol=1e-9), f"seed {seed}, variable {name}"


def _agree(a: Report, b: Report) -> bool:
    """Whether two reports have the same value, derivatives, absences and notes."""
    assert a.grad is not None
    assert b.grad is not None
    same = [
        left == right
        or (math.isnan(left) and math.isnan(right))
        or math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
        for left, right in zip([a.value, *a.grad.values()], [b.value, *b.grad.values()], strict=True)
    ]
    paths = [[(row.name, row.path) for row in each.variables] for each in (a, b)]
    return all(same) and paths[0] == paths[1] and [n.kind for n in a.notes] == [n.kind for n in b.notes]


def test_both_modes_agree_where_derivatives_are_not_plain() -> None:
    """In value, infinities, absences and notes: where one sweep loses a derivative, both say what the other has."""
    for seed in range(GRAPHS // 10):
        graph, point = edge_graph(seed)
        text = target("infix").write(without_unused(graph), ["out"])
        formula = Formula(text, variables=VARIABLES)
        used = {name: point[name] for name in formula.variables}
        backward = formula.at(used)
        forward = formula.at(used, mode="forward")
        assert _agree(backward, forward), f"seed {seed}: {text} at {used}"
        assert backward.notes == forward.notes, f"seed {seed}: {text} at {used}"
        assert backward.grad == formula.gradient(used) or any(map(math.isnan, (backward.grad or {}).values()))


def test_a_step_has_the_derivatives_of_its_formula() -> None:
    for seed in range(0, GRAPHS // 10, 3):
        graph, point = edge_graph(seed)
        text = target("infix").write(without_unused(graph), ["out"], inline=True)
        gates, steps = [Formula(each, variables=VARIABLES) for each in (text, f"q = {text}; q")]
        used = {name: point[name] for name in gates.variables}
        for mode in ("reverse", "forward"):
            report = steps.at(used, mode=mode, nodes="steps")
            assert _agree(gates.at(used), report), f"seed {seed}: {text} at {used}"


def _same(a: Graph, b: Graph) -> bool:
    """Whether two graphs are one, up to the order of their nodes."""
    builder = GraphBuilder()
    inputs = {name: builder.variable(name) for name in (*VARIABLES, *NAMES)}
    copies = [fold(graph, Symbols(builder, rewrite=False), inputs)[graph.outputs[0]] for graph in (a, b)]
    return copies[0] == copies[1]


def test_what_is_printed_reads_back_as_the_same_graph() -> None:
    for seed in range(GRAPHS):
        graph = without_unused(random_graph(seed)[0])
        text = target("infix").write(graph, ["out"])
        again = build(read(text, VARIABLES))
        assert _same(graph, again), f"seed {seed}: {text}"


def test_derivatives_read_back_and_agree() -> None:
    for seed in range(0, GRAPHS, 10):
        graph, point = random_graph(seed, size=12)
        text = target("infix").write(without_unused(graph), ["out"])
        formula = Formula(text, variables=VARIABLES)
        used = {name: point[name] for name in formula.variables}
        gradient = formula.gradient(used)
        for name in used:
            derived = Formula(formula.derivative([name]), variables=VARIABLES)
            value = derived.value({other: used[other] for other in derived.variables if other in used})
            assert math.isclose(value, gradient[name], rel_tol=1e-8, abs_tol=1e-8), f"seed {seed}, by {name}"


def test_what_is_printed_in_latex_reads_back_as_the_same_graph() -> None:
    for seed in range(GRAPHS // 4):
        graph = without_unused(random_graph(seed)[0])
        text = target("latex").write(graph, ["out"], inline=seed % 2 == 0)
        assert _same(graph, build(read(text, syntax="latex"))), f"seed {seed}: {text}"


def test_latex_over_the_whole_table_reads_back_as_the_same_graph() -> None:
    """With arrays, slices, axes, numbers of every size and names of every kind."""
    for seed in range(GRAPHS // 4):
        graph = without_unused(any_graph(seed))
        text = target("latex").write(graph, ["out"], inline=seed % 2 == 0)
        assert _same(graph, build(read(text, syntax="latex"))), f"seed {seed}: {text}"


def test_derivatives_in_latex_read_back_and_agree() -> None:
    """What only derivatives are written with is printed as textbooks do, and that loses a digit here and there."""
    for seed in range(0, GRAPHS, 10):
        graph, point = random_graph(seed, size=8)
        text = target("infix").write(without_unused(graph), ["out"])
        formula = Formula(text, variables=VARIABLES)
        used = {name: point[name] for name in formula.variables}
        if not used:
            continue
        derived = Formula(formula.derivative(to="latex"), variables=VARIABLES, syntax="latex")
        value = derived.at({name: used[name] for name in derived.variables}).value
        gradient = formula.gradient(used)
        found = list(value.values()) if isinstance(value, dict) else [value]
        for name, slope in zip(gradient, found, strict=True):
            agrees = math.isclose(slope, gradient[name], rel_tol=1e-6, abs_tol=1e-6)
            assert agrees, f"seed {seed}, by {name}: {text} at {used}, {slope} for {gradient[name]}"
