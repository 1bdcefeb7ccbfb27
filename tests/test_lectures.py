"""The lectures' own examples with the lectures' own numbers."""

from __future__ import annotations

import math

import pytest

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.report import Row

FOURTH = "s = σ(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r"


def rows(text: str, nodes: str, **point: float) -> dict[str, Row]:
    return {row.shown: row for row in Formula(text, variables=point).at(point, nodes=nodes).rows}


def rounded(number: float | None, digits: int) -> float:
    assert number is not None
    return float(f"{number:.{digits}g}")


def test_the_fourth_lecture_forward() -> None:
    table = rows(FOURTH, "steps", x=4, y=3)
    assert list(table) == ["s", "n", "q", "d", "r", "z"]
    printed = {
        "s": ("σ(·)", 0.982, [0.0177]),
        "n": ("·+·", 4.98, [1, 1]),
        "q": ("(·+·)^2", 49, [14, 14]),
        "d": ("·+·", 50.0, [1, 1]),
        "r": ("1/·", 0.0200, [-0.0004]),
        "z": ("·×·", 0.0997, [0.0200, 4.98]),
    }
    for name, (label, output, partials) in printed.items():
        assert table[name].label == label
        assert rounded(table[name].output, 3) == output
        assert [rounded(edge.partial, 3) for edge in table[name].inputs] == partials


def test_the_fourth_lecture_backward() -> None:
    table = rows(FOURTH, "steps", x=4, y=3)
    printed = {
        "z": (1, [0.0200, 4.98]),
        "r": (4.98, [-0.00199]),
        "d": (-0.00199, [-0.00199, -0.00199]),
        "q": (-0.00199, [-0.0279, -0.0279]),
        "n": (0.0200, [0.0200, 0.0200]),
        "s": (0.0180, [0.000318]),
    }
    for name, (adjoint, contributions) in printed.items():
        assert rounded(table[name].adjoint, 3) == adjoint
        assert [rounded(edge.contribution, 3) for edge in table[name].inputs] == contributions
    assert [(use.name, rounded(use.contribution, 3)) for use in table["s"].uses] == [("n", 0.0200), ("d", -0.00199)]


def test_the_fourth_lecture_writes_its_local_derivatives() -> None:
    table = rows(FOURTH, "steps", x=4, y=3)
    rules = {name: [edge.rule for edge in row.inputs] for name, row in table.items()}
    assert rules == {
        "s": ["σ(x)·σ(-x)"],
        "n": ["1", "1"],
        "q": ["2·(x + y)", "2·(x + y)"],
        "d": ["1", "1"],
        "r": ["-1/d^2"],
        "z": ["r", "n"],
    }


def test_the_first_lecture_circuit_gate_by_gate() -> None:
    point = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
    report = Formula("σ(w0*x0 + w1*x1 + w2)").at(point, nodes="elementary")
    assert [row.op for row in report.rows] == ["mul", "mul", "add", "add", "mul", "exp", "add", "reciprocal"]
    backward = [round(row.adjoint or 0.0, 2) for row in reversed(report.rows)]
    assert backward[:5] == [1.0, -0.53, -0.53, -0.2, 0.2]
    assert [round(slope, 2) for slope in (report.grad or {}).values()] == [-0.2, 0.39, -0.39, -0.59, 0.2]


def test_the_first_lecture_circuit_as_one_sigmoid_gate() -> None:
    table = rows("σ(a)", "gates", a=1)
    (edge,) = table["v1"].inputs
    assert round(edge.partial or 0.0, 2) == 0.2


def test_equal_subterms_are_one_node_with_two_uses() -> None:
    table = rows("(x + σ(x)) / (σ(x) + (x + y)^2)", "gates", x=4, y=3)
    (sigmoid,) = [row for row in table.values() if row.op == "sigmoid"]
    assert len(sigmoid.uses) == 2
    assert math.isclose(sum(use.contribution or 0.0 for use in sigmoid.uses), sigmoid.adjoint or 0.0)


def test_steps_are_never_merged_and_an_alias_stays_a_node() -> None:
    table = rows("a = x + 1; b = x + 1; c = a; z = b*c", "steps", x=2)
    assert list(table) == ["a", "b", "c", "z"]
    assert [edge.partial for edge in table["c"].inputs] == [1.0]


def test_a_step_has_its_distinct_names_as_inputs_with_total_partials() -> None:
    table = rows("q = x*y + x; z = q^2", "steps", x=2, y=3)
    assert [(edge.name, edge.partial) for edge in table["q"].inputs] == [("x", 4.0), ("y", 2.0)]


def test_a_formula_without_definitions_is_one_step() -> None:
    report = Formula("(x + y)z").at(x=-2, y=5, z=-4, nodes="steps")
    (row,) = report.rows
    assert [edge.partial for edge in row.inputs] == [-4.0, -4.0, 3.0]


def test_steps_that_share_much_are_counted_each_with_all_of_it() -> None:
    """Equal definitions are the same nodes below, so that the steps' formulas together are larger than the graph."""
    same = "; ".join([f"a_{k} = x*y + sin x + cos y" for k in range(30)])
    formula = Formula(same, max_nodes=100)
    assert formula.at(x=1, y=2).rows
    with pytest.raises(BackpropError, match="the formulas of the steps have 105 nodes in all, and the limit is 100"):
        formula.at(x=1, y=2, nodes="steps")


def test_a_zero_in_a_step_is_shown_as_one() -> None:
    assert rows("q = x + 0; z = q^2", "steps", x=2)["q"].label == "·+0"


def test_x_times_x_has_two_edges() -> None:
    table = rows("x*x", "gates", x=3)
    assert [edge.contribution for edge in table["v1"].inputs] == [3.0, 3.0]


@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
@pytest.mark.parametrize(
    ("text", "point"),
    [
        (FOURTH, {"x": 4.0, "y": 3.0}),
        ("tanh(x)*softplus(y) - x/y + sqrt(x)", {"x": 0.3, "y": 1.7}),
        ("f(t) = t^2*a; q = f(x) + f(y); q/(1 + q)", {"x": 0.5, "y": -1.0, "a": 2.0}),
        ("max(x*y, z)*2 + min(x, y, z)", {"x": 3.0, "y": -4.0, "z": 2.0}),
    ],
)
def test_every_granularity_gives_the_same_derivatives(nodes: str, text: str, point: dict[str, float]) -> None:
    gates, other = Formula(text).at(point), Formula(text).at(point, nodes=nodes)
    assert math.isclose(float(gates.value), float(other.value), rel_tol=1e-14)  # type: ignore[arg-type]
    for name, slope in (gates.grad or {}).items():
        assert math.isclose((other.grad or {})[name], slope, rel_tol=1e-12, abs_tol=1e-15)


def test_ids_never_look_like_a_name_of_the_user() -> None:
    report = Formula("v1*x + 1").at(v1=2, x=3)
    assert [row.id for row in report.rows] == ["w1", "w2"]
