"""Engines for many rows: they agree within what rounding can do, and look at the same rows."""

from __future__ import annotations

import functools
import math
import os
import random
import re
import sys
import weakref
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from backpropcli import primitives
from backpropcli.algebras.floats import Floats
from backpropcli.formula import Formula
from backpropcli.graph import CONSTANT, VARIABLE, Graph, GraphBuilder, number_of
from backpropcli.passes.lower import Program, Wanted, lower
from backpropcli.programs import blocks, engines
from backpropcli.programs.engines import Computed, UnavailableError
from backpropcli.programs.order import ordered
from tests.benchmarks import points
from tests.random_graphs import edge_graph, random_graph

EPSILON = sys.float_info.epsilon
GRAPHS = int(os.environ.get("BACKPROP_GRAPHS", "2000")) // 10

ULPS = {"numpy": 2.0, "jit": 4.0}
"""How far a kernel of an engine is from that of numbers, in units in the last place."""


def run(program: Program, engine: str, columns: Sequence[Sequence[float]], threads: int = 1) -> Computed:
    count = len(columns[0])
    made = engines.prepared(program, engine, threads)
    return made.run([np.array(column) for column in columns] if engine != "scalar" else columns, count)


@functools.cache
def jit_missing() -> str | None:
    """Why machine code cannot be made here."""
    try:
        engines.prepared(_program("x"), "jit")
    except UnavailableError as problem:
        return problem.reason
    return None


def _program(text: str) -> Program:
    formula = Formula(text)
    program = formula.lowered(formula.variables, {}, formula.variables, Wanted())
    assert program is not None
    return program


def engine_or_skip(engine: str) -> str:
    if engine == "jit" and jit_missing():
        pytest.skip(jit_missing() or "")
    return engine


def errors(program: Program, row: Sequence[float], ulps: float) -> list[float]:
    """What the outputs of a row may differ by: the running error bound of the program, so many units a kernel."""
    floats = Floats()
    values: list[float] = []
    bounds: list[float] = []
    for op, args, attribute in program.nodes:
        if op == VARIABLE:
            values.append(row[program.columns.index(str(attribute))])
            bounds.append(0.0)
        elif op == CONSTANT:
            values.append(number_of(attribute))
            bounds.append(0.0)
        else:
            arguments = [values[j] for j in args]
            value = floats.function(op, len(args))(*arguments)
            bound = ulps * EPSILON * abs(value) + 4 * sys.float_info.min * EPSILON
            for k, j in enumerate(args):
                slope = floats.partial(op, k, len(args))
                partial = slope([*arguments, value]) if slope is not None and bounds[j] else None
                bound += abs(partial) * bounds[j] if partial else 0.0
            values.append(value)
            bounds.append(bound)
    return [bounds[i] for i in program.outputs]


def hold(program: Program, engine: str, columns: Sequence[Sequence[float]], what: object) -> None:
    """Both engines look at the same rows, mark the same, and agree in all others."""
    a, b = run(program, "scalar", columns), run(program, engine, columns)
    assert list(a.suspects) == list(b.suspects), what
    assert sorted(map(list, a.marked.values())) == sorted(map(list, b.marked.values())), what
    for k in range(len(columns[0])):
        if k in set(a.suspects):
            continue
        allowed = errors(program, [column[k] for column in columns], ULPS[engine])
        for one, other, most in zip(a.outputs, b.outputs, allowed, strict=True):
            assert one[k] == other[k] or abs(one[k] - other[k]) <= most, (what, [column[k] for column in columns])


def primitive_points(name: str, count: int) -> list[tuple[float, ...]]:
    """An entry's samples and hard points, and some around them."""
    entry, rng = primitives.TABLE[name], random.Random(name)
    points = [point for point in (*entry.samples, *entry.hard) if len(point) == count]
    base = points or [(0.3, 1.2, 0.7)[:count]]
    names = entry.names * 3
    for _ in range(40):
        point = rng.choice(base)
        points.append(tuple([x if names[k] in entry.whole else x * rng.uniform(0.5, 1.5) for k, x in enumerate(point)]))
    return points


def of_primitive(name: str) -> tuple[Program, list[list[float]]]:
    entry = primitives.TABLE[name]
    count = 3 if entry.variadic else len(entry.names)
    builder = GraphBuilder()
    names = [f"x{k}" for k in range(count)]
    graph = builder.graph([builder.apply(name, [builder.variable(each) for each in names])])
    program = lower(graph, names, {}, names, Wanted())
    points = primitive_points(name, count)
    return program, [[float(point[names.index(each)]) for point in points] for each in program.columns]


SCALAR = sorted(primitives.on_numbers())


@pytest.mark.parametrize("engine", ["numpy", "jit"])
@pytest.mark.parametrize("name", SCALAR)
def test_engines_agree_on_every_primitive(name: str, engine: str) -> None:
    program, columns = of_primitive(name)
    try:
        hold(program, engine_or_skip(engine), columns, name)
    except UnavailableError as problem:
        pytest.skip(problem.reason)


@pytest.mark.parametrize("name", SCALAR)
def test_values_are_within_two_units_over_numpy(name: str) -> None:
    program, columns = of_primitive(name)
    a, b = run(program, "scalar", columns), run(program, "numpy", columns)
    most = 3.0 if name == "normal_moment" else 2.0  # A product of three.
    for k in range(len(columns[0])):
        if k not in set(a.suspects):
            assert a.outputs[0][k] == pytest.approx(b.outputs[0][k], abs=most * math.ulp(a.outputs[0][k]), rel=0)


@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_engines_agree_on_random_graphs(engine: str) -> None:
    engine_or_skip(engine)
    made = 0
    for seed in range(GRAPHS if engine == "numpy" else GRAPHS // 4):
        graph, point = random_graph(seed, size=12)
        try:
            made += _hold_around(graph, point, engine, seed)
        except UnavailableError:
            continue
    assert made > GRAPHS // 10


def _hold_around(graph: Graph, point: dict[str, float], engine: str, seed: int) -> bool:
    names = tuple(graph.variables)
    program = lower(graph, names, {}, names, Wanted())
    rng = random.Random(seed)
    rows = [point] + [{name: x * rng.uniform(0.999, 1.001) for name, x in point.items()} for _ in range(4)]
    hold(program, engine, [[row[name] for row in rows] for name in program.columns], seed)
    return True


@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_engines_look_at_the_same_rows_where_not_all_is_plain(engine: str) -> None:
    engine_or_skip(engine)
    special = 0
    for seed in range(GRAPHS if engine == "numpy" else GRAPHS // 4):
        graph, _ = edge_graph(seed)
        names = tuple(graph.variables)
        program = lower(graph, names, {}, names, Wanted())
        rng = random.Random(seed)
        columns = [[rng.choice((0.0, -0.0, 1.0, -1.0, 2.0, 0.5)) for _ in range(20)] for _ in program.columns]
        if not columns:
            continue
        try:
            a, b = run(program, "scalar", columns), run(program, engine, columns)
        except UnavailableError:
            continue
        assert list(a.suspects) == list(b.suspects), seed
        assert sorted(map(list, a.marked.values())) == sorted(map(list, b.marked.values())), seed
        special += len(a.suspects) + sum(map(len, a.marked.values()))
    assert special > GRAPHS


@pytest.mark.parametrize("engine", ["numpy", "jit"])
@pytest.mark.parametrize("name", points.FORMULAS)
def test_engines_agree_on_what_is_measured(name: str, engine: str) -> None:
    program = _program(points.FORMULAS[name])
    rng = random.Random(name)
    columns = [[rng.uniform(-1, 3) for _ in range(30)] + [-900.0, 900.0, 1e155, 0.0] for _ in program.columns]
    hold(program, engine_or_skip(engine), columns, name)


SPECIAL = (0, 1, 8191, 8192, 16383, 16384, 20000, 40960, 40961)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_rows_at_the_ends_of_blocks_are_looked_at(engine: str, threads: int) -> None:
    engine_or_skip(engine)
    program = _program("relu(x) + log(y)*sigmoid(x)")
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.5, 2.0, 40962), rng.uniform(0.5, 2.0, 40962)
    y[list(SPECIAL)] = -1.0
    x[[5, 30000]] = 0.0
    found = run(program, engine, [x, y], threads)
    assert list(found.suspects) == list(SPECIAL)
    assert [list(rows) for rows in found.marked.values()] == [[5, 30000]]
    plain = np.ones(len(x), dtype=bool)
    plain[list(SPECIAL)] = False
    wanted = np.maximum(x, 0) + np.log(np.abs(y)) / (1 + np.exp(-x))
    np.testing.assert_allclose(found.outputs[0][plain], wanted[plain], rtol=1e-14)


@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_forms_that_cost_less_are_right_where_the_table_s_are(engine: str) -> None:
    """Where e^-x or an inverse leaves the range, the block is computed by the table's forms."""
    program = _program("sigmoid(x) + sigmoid(x)*sigmoid(-x)*y + x/y + 1/y")
    columns = [[-745.0, -720.0, -709.5, -40.0, 40.0, 720.0, 3.0], [1.0, 1.0, 1e-3, 5.0, 1e300, 7.0, 3e-308]]
    hold(program, engine_or_skip(engine), columns, "ends of the range")


@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_sines_with_their_cosines_are_right_however_large_and_small(engine: str) -> None:
    program = _program("sin(x)*y + 3*cos(x) + atan2(sin(x), y)")
    x = [0.0, -0.0, 5e-324, math.pi, math.pi / 2, 710.0, 1.3e5, -1e10, 1e300, math.inf]
    hold(program, engine_or_skip(engine), [x, [-1.0] * len(x)], "arguments of sines")


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.float64])
@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_columns_may_be_of_any_numbers_and_anywhere(engine: str, kind: Any) -> None:
    program = _program("x^2*y + x")
    engine_or_skip(engine)
    pairs = np.arange(2 * 9000).reshape(9000, 2).astype(kind) % 97
    x, y = pairs[:, 0], pairs[::-1, 1]
    made = engines.prepared(program, engine).run([x, y], 9000)
    np.testing.assert_array_equal(made.outputs[0], x.astype(float) ** 2 * y + x)
    np.testing.assert_array_equal(made.outputs[1], 2.0 * x * y + 1)


@pytest.mark.parametrize("engine", ["numpy", "jit"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 8193])
def test_any_number_of_rows_is_computed(engine: str, count: int) -> None:
    engine_or_skip(engine)
    program = _program("x*y")
    x = np.arange(count) * 0.5
    found = engines.prepared(program, engine).run([x, x], count)
    np.testing.assert_array_equal(found.outputs[0], x * x)


@pytest.mark.parametrize("engine", ["scalar", "numpy", "jit"])
def test_outputs_may_be_columns_constants_and_conditions(engine: str) -> None:
    engine_or_skip(engine)
    for text, wanted in (("x", [2.0, -3.0]), ("x*0 + 4", [4.0, 4.0]), ("x > 0", [1.0, 0.0]), ("-x", [-2.0, 3.0])):
        assert list(run(_program(text), engine, [[2.0, -3.0]]).outputs[0]) == wanted
    both = _program("if(x > 0 and not(x > 5), step(x) + 1, x)")
    assert list(run(both, engine, [[2.0, 7.0, -3.0]]).outputs[0]) == [2.0, 7.0, -3.0]


def test_registers_are_used_again() -> None:
    """A long chain needs few of them, so that blocks stay large; what is needed at once makes them small."""
    text = "+".join(f"sin({k}*x)" for k in range(1, 200))
    formula = Formula(text)
    chain = formula.lowered(["x"], {}, (), Wanted(gradient=False))
    assert chain is not None
    assert blocks.BlockProgram(chain).rows == blocks.MOST
    assert blocks.BlockProgram(_program("*".join(f"(x + {k}*y)" for k in range(300)))).rows == blocks.LEAST


def test_few_results_wait_at_a_time() -> None:
    """A term's slopes are computed with the term, so that neither its sine nor its cosine waits for all other terms."""
    made = blocks.BlockProgram(_program(points.FORMULAS["long"]))
    assert made._plain.registers < 70, "of 350 operations"
    assert made.rows == blocks.MOST


def test_another_order_gives_the_same_bits() -> None:
    moved = 0
    for seed in range(GRAPHS):
        graph, point = random_graph(seed, size=12)
        names = tuple(graph.variables)
        program = lower(graph, names, {}, names, Wanted())
        other = ordered(program)
        assert Counter(node.op for node in other.nodes) == Counter(node.op for node in program.nodes)
        columns = [[point[name]] for name in program.columns]
        one, two = [run(each, "scalar", columns).outputs for each in (program, other)]
        assert np.array_equal(one, two, equal_nan=True), seed
        moved += other.nodes != program.nodes
    assert moved > GRAPHS // 4


def test_a_batch_is_not_kept_when_it_is_done() -> None:
    """Registers wait for the next batch, but neither its columns nor its outputs live as long as they do."""
    made = engines.prepared(_program("sin(x)*y + exp(y)"), "numpy")
    x, y = np.linspace(0.0, 1.0, 20_000), np.linspace(1.0, 2.0, 20_000)
    found = made.run([x, y], 20_000)
    held = [weakref.ref(column) for column in (x, y, *[each.base for each in found.outputs])]
    del x, y, found
    assert [column() for column in held] == [None] * 5


@pytest.mark.parametrize("count", [8191, 8192, 8193, 16385, 3])
def test_batches_of_any_lengths_follow_each_other(count: int) -> None:
    made = engines.prepared(_program("log(x)*x"), "numpy")
    for rows in (10_000, count, 8192, 1):
        x = np.arange(1.0, rows + 1)
        x[-1] = -1.0
        found = made.run([x], rows)
        assert list(found.suspects) == [rows - 1]
        np.testing.assert_allclose(found.outputs[0][:-1], np.log(x[:-1]) * x[:-1], rtol=1e-15)


def test_registers_take_little_however_many_there_are() -> None:
    text = "+".join(f"sin({k}*x)*y" for k in range(1, 1500))
    rows = blocks.BlockProgram(_program(text)).rows
    assert 8 <= rows < blocks.LEAST
    hold(_program(text[: text.index("sin(40*")] + "0"), "numpy", [[0.5] * 100, [2.0] * 100], text[:20])
    x = np.linspace(0, 1, 3 * rows + 1)
    found = engines.prepared(_program(text), "numpy").run([x, x], len(x))
    wanted = sum(np.sin(k * x) * x for k in range(1, 1500))
    np.testing.assert_allclose(found.outputs[0], wanted, atol=1e-9)


def test_machine_code_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    with pytest.raises(UnavailableError, match="digamma is not in the C library"):
        engines.prepared(_program("digamma(x)"), "jit")
    from backpropcli.programs import jit

    monkeypatch.setattr(jit, "LARGEST", 1)
    with pytest.raises(UnavailableError, match="more than 1 operations"):
        engines.prepared(_program("x*y"), "jit")


@pytest.mark.parametrize("place", [1, 2])
def test_narrower_processors_give_the_same(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_or_skip("jit")
    from backpropcli.programs import jit

    narrow = jit._host()._replace(width=jit._WIDTHS[place])
    monkeypatch.setattr(jit, "_host", lambda: narrow)
    program = _program("sin(x)*log(y) + max(x, y)^3 - if(x > y, tanh(x), x/y)")
    rng = random.Random(3)
    columns = [[rng.uniform(0.1, 3.0) for _ in range(23)] for _ in range(2)]
    hold(program, "jit", columns, place)


def test_older_c_libraries_are_called_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 2.35 libmvec had a few functions only."""
    engine_or_skip("jit")
    from backpropcli.programs import jit

    known = jit._address
    few = ("sin", "cos", "exp", "log", "pow")
    monkeypatch.setattr(
        jit,
        "_address",
        lambda library, name: None if "_ZGV" in name and not name.endswith(few) else known(library, name),
    )
    program = _program("tanh(x)*atan2(y, x) + erf(y) + exp(-x) + hypot(x, y)")
    text = jit._Writer(program, jit._host().width).text()
    assert "call double @tanh(double" in text
    assert "v_tanh" not in text
    hold(program, "jit", [[0.3, -2.0, 1.5, 0.1, 9.0], [1.0, 0.5, -3.0, 2.0, 0.0]], "scalar functions")


def test_where_there_is_no_vector_library_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    from backpropcli.programs import jit

    jit._host.cache_clear()
    monkeypatch.setattr(jit, "_library", lambda name: None)
    with pytest.raises(UnavailableError, match="no vector functions"):
        engines.prepared(_program("x"), "jit")
    jit._host.cache_clear()


def test_what_waits_while_a_function_is_called_lies_in_whole_lines_of_the_cache() -> None:
    engine_or_skip("jit")
    from llvmlite import binding

    from backpropcli.programs import jit

    host = jit._host()
    module = binding.parse_assembly(jit._Writer(_program(points.FORMULAS["net"]), host.width).text())
    code = host.machine().emit_assembly(module)
    assert "andq\t$-64, %rsp" in code
    assert not re.search(r"movup[sd]\t%[xyz]mm\d+, \d*\(%rsp\)", code)


def test_no_name_of_the_user_s_is_in_the_text_for_llvm() -> None:
    engine_or_skip("jit")
    from backpropcli.programs import jit

    text = jit._Writer(_program("alpha*exp(omega) + theta"), jit._WIDTHS[0]).text()
    assert not any(name in text for name in ("alpha", "omega", "theta"))
