"""Lowering: kernels alone, the bits of an evaluation, and checks that miss no row of which something is to be said."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from backpropcli import primitives
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.kernels import CARRIES, FLOAT_KERNELS
from backpropcli.formula import Formula
from backpropcli.graph import CONSTANT, VARIABLE, Graph
from backpropcli.language.program import build, read
from backpropcli.passes.derivatives import hessian
from backpropcli.passes.lower import Program, Wanted
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.programs import engines
from tests.random_graphs import random_graph


def lowered(text: str, *, wanted: Wanted | None = None, **fixed: float) -> Program:
    formula = Formula(text)
    columns = [name for name in formula.variables if name not in fixed]
    program = formula.lowered(columns, fixed, formula.variables, wanted or Wanted())
    assert program is not None
    return program


def operations(program: Program) -> Counter[str]:
    return Counter(node.op for node in program.nodes)


@pytest.mark.parametrize("name", CARRIES)
def test_kernels_that_carry_what_is_not_finite_do(name: str) -> None:
    kernel = FLOAT_KERNELS[name]
    count = next(n for n in (1, 2) if _takes(name, n))
    others = (0.0, -0.0, 1.0, -3.5, 1e308, -1e-320, math.inf, -math.inf, math.nan)
    for k in CARRIES[name]:
        for lost in (math.inf, -math.inf, math.nan):
            for rest in itertools.product(others, repeat=count - 1):
                args = [*rest[:k], lost, *rest[k:]]
                assert not math.isfinite(kernel(*args)), args


def _takes(name: str, count: int) -> bool:
    try:
        FLOAT_KERNELS[name](*[0.5] * count)
    except TypeError:
        return False
    return True


def test_only_kernels_are_left() -> None:
    every = [entry for entry in primitives.on_numbers().values() if not entry.helper]
    for entry in every:
        count = 2 if entry.variadic else len(entry.names)
        builder_text = f"{entry.name}({', '.join('xyzw'[:count])})"
        if entry.operator is None and entry.written is None:
            program = lowered(builder_text)
            for node in program.nodes:
                assert node.op in (VARIABLE, CONSTANT) or primitives.TABLE[node.op].value in FLOAT_KERNELS


def test_equal_parts_are_computed_once_and_constants_never() -> None:
    assert operations(lowered("x*sigmoid(x) + sigmoid(-x)"))["exp"] == 1
    assert operations(lowered("x^2 + x^3"))["pow"] == 2
    assert operations(lowered("x*exp(a)", a=2.0)) == {VARIABLE: 1, CONSTANT: 1, "mul": 1}
    assert operations(lowered("if(a > 0, x, log(x))", a=1.0))["log"] == 0
    assert operations(lowered("x + y - y*1"))["mul"] == 0


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def test_values_gradients_and_hessians_have_the_bits_of_an_evaluation() -> None:
    for seed in range(300):
        graph, point = random_graph(seed, size=12)
        names = tuple(graph.variables)
        _hold(graph, point, names, hessians=seed % 3 == 0)


def _hold(graph: Graph, point: dict[str, float], names: tuple[str, ...], *, hessians: bool) -> None:
    from backpropcli.passes.lower import lower

    fixed = {names[0]: point[names[0]]} if len(names) > 2 else {}
    columns = [name for name in names if name not in fixed]
    program = lower(graph, columns, fixed, names, Wanted(hessian=hessians))
    found = engines.prepared(program, "scalar").run([[point[name]] for name in program.columns], 1)
    trace = linearize(graph, Floats(), point, names)
    adjoints = pull(trace, 1.0)
    wanted = [trace.values[graph.outputs[0]], *[adjoints[graph.variables[name]] or 0.0 for name in names]]
    if hessians:
        matrix = hessian(graph, point, names)
        wanted += [matrix[row][column] for row in range(len(names)) for column in range(row, len(names))]
    got = [column[0] for column in found.outputs]
    assert all(itertools.starmap(same, zip(got, wanted, strict=True))), (graph, point, got, wanted)


@pytest.mark.parametrize("x", [-2.0, 0.0, 0.5])
@pytest.mark.parametrize("text", ["elu(x, a)^2*x", "leaky_relu(x, a)*exp(leaky_relu(a, x))", "max(2*x, a)^3"])
def test_paths_to_slopes_of_their_own_have_the_same_hessian(text: str, x: float) -> None:
    _hold(build(read(text)), {"x": x, "a": 1.5}, ("x", "a"), hessians=True)


def test_what_is_finite_follows_from_little() -> None:
    assert len(lowered("x*y + sin(x)*y").finite) == 3, "the value and two derivatives, which carry all the rest"
    assert len(lowered("-x*y*z").finite) == 3, "one slope is minus a part of the value"
    inside = lowered("1/exp(x)", wanted=Wanted(gradient=False))
    assert "exp" in [inside.nodes[i].op for i in inside.finite], "an infinity is lost in the quotient"


def test_an_arm_that_is_not_taken_may_be_infinite() -> None:
    program = lowered("if(x > 0, log(x), x)")
    found = engines.prepared(program, "scalar").run([[-1.0, 0.5, math.nan]], 3)
    assert list(found.suspects) == [2]
    assert found.outputs[1][:2] == [1.0, 2.0]


def test_edges_are_marked_by_what_their_notes_depend_on() -> None:
    found = engines.prepared(lowered("relu(x) + abs(y)"), "scalar").run([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 2.0]], 4)
    assert sorted(map(list, found.marked.values())) == [[0, 3], [1], [2]]


def test_names_of_variables_are_no_columns_where_they_are_fixed() -> None:
    program = lowered("a*x", a=3.0)
    assert program.columns == ("x",)
