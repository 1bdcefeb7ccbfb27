"""Shapes: what is checked before anything is computed, where messages point, and what broadcasting becomes."""

from __future__ import annotations

import numpy as np
import pytest

from backpropcli import Formula
from backpropcli.errors import BackpropError, Span
from backpropcli.passes.bind import bind, operator_span

MISFITS = [
    ("x @ W + b", {"x": [1.0, 2, 3], "W": [[1.0, 2], [3, 4]], "b": 1.0}, "shape (3,) @ shape (2, 2)", "@"),
    ("a + x*y", {"a": 1.0, "x": [1.0, 2], "y": [1.0, 2, 3]}, "shape (2,) and shape (3,)", "*"),
    ("(x + 1) - [y, y]", {"x": [1.0, 2, 3], "y": 2.0}, "shape (3,) and shape (2,)", "-"),
    ("x @ y", {"x": 2.0, "y": [1.0]}, "is the product of vectors and matrices", "@"),
    ("atan2(x, y)", {"x": [1.0, 2], "y": [1.0, 2, 3]}, "shape (2,) and shape (3,)", "atan2(x, y)"),
    ("x[3]", {"x": [1.0, 2]}, "there is no entry 3: this axis has 2", "x[3]"),
    ("x[0, 0]", {"x": [1.0, 2]}, "2 indices are given", "x[0, 0]"),
    ("x[0]", {"x": 2.0}, "a number has no entries", "x[0]"),
    ("sum(x, axis=2)", {"x": [[1.0, 2]]}, "there is no axis 2", "sum(x, axis=2)"),
    ("[x, y]", {"x": [1.0, 2], "y": 1.0}, "of one shape", "[x, y]"),
    ("reshape(x, [2, 2])", {"x": [1.0, 2, 3]}, "keeps the number of entries", "reshape(x, [2, 2])"),
]


@pytest.mark.parametrize(("text", "point", "message", "place"), MISFITS)
def test_what_does_not_fit_is_named_with_its_place(text, point, message, place):
    with pytest.raises(BackpropError) as caught:
        Formula(text, variables=point).at(point)
    said = caught.value
    assert message in f"{said.message} {said.hint}"
    assert said.span is not None
    assert text[said.span.start : said.span.end] == place


@pytest.mark.parametrize(
    ("text", "op", "sign"),
    [
        ("a + b*c + d", "add", (8, 9)),
        ("a - (b - c)", "sub", (2, 3)),
        ("a @ b @ c", "matmul", (6, 7)),
        ("x[1 + 1] - y", "sub", (9, 10)),
        ("x·y", "mul", (1, 2)),
        ("x^2*y", "mul", (3, 4)),
        ("2x", "mul", (0, 2)),
        ("-x", "neg", (0, 2)),
        ("f(x)", "sum", (0, 4)),
    ],
)
def test_messages_point_at_the_sign(text, op, sign):
    assert operator_span(text, Span(0, len(text)), op) == Span(*sign)


def bound(text, **point):
    f = Formula(text, variables=point)
    return bind(f._graph("gates"), {name: np.shape(value) for name, value in point.items()})


def ops(found):
    return [node.op for node in found.graph.nodes if node.args]


def test_broadcasting_is_a_node_whose_backward_pass_adds_up():
    assert ops(bound("X + b", X=np.ones((3, 2)), b=[1.0, 2.0])) == ["expand", "add"]
    report = Formula("sum(X*b)").at(X=[[1.0, 2.0], [3.0, 4.0]], b=[1.0, 1.0])
    assert report.grad["b"] == [4.0, 6.0]
    expand = next(row for row in report.rows if row.op == "expand")
    assert expand.adjoint == [[1.0, 2.0], [3.0, 4.0]]


def test_what_is_constant_needs_no_node():
    assert ops(bound("2*x + [1, 2]", x=[1.0, 2.0])) == ["mul", "add"]
    assert ops(bound("x[1:]", x=[1.0, 2.0])) == ["index"]


@pytest.mark.parametrize(
    ("left", "right", "op"), [(1, 1, "inner"), (1, 2, "vecmat"), (2, 1, "matvec"), (2, 2, "matmul"), (3, 3, "matmul")]
)
def test_the_ranks_choose_the_product(left, right, op):
    assert ops(bound("a @ b", a=np.ones((2,) * left), b=np.ones((2,) * right))) == [op]


def test_an_extreme_of_one_array_gathers_it_and_of_a_number_is_itself():
    assert ops(bound("max(x)", x=[1.0, 3.0])) == ["max_over"]
    assert Formula("max(x)").at(x=[1.0, 3.0, 3.0]).grad["x"] == [0.0, 0.5, 0.5]
    assert Formula("max(x)").at(x=3.0).value == 3.0


def test_names_and_places_stay_with_their_nodes():
    found = bound("h = x + b; sum(h)", x=np.ones((2, 2)), b=[1.0, 2.0])
    named = {found.graph.nodes[i].op: name for i, name in found.graph.names.items()}
    assert named == {"add": "h"}


def test_a_formula_of_numbers_is_not_bound():
    f = Formula("x^2 + y")
    point = {"x": 1.0, "y": 2.0}
    assert not f._setting("gates", point).arrays
    assert f._setting("gates", point).graph is f._graph("gates")


def test_a_formula_stays_bound_to_its_shapes():
    f = Formula("sum(x)")
    first = f._setting("gates", {"x": np.ones(3)})
    assert f._setting("gates", {"x": np.zeros(3)}) is first
    assert f._setting("gates", {"x": np.zeros(4)}) is not first


@pytest.mark.parametrize("text", ["zeros(100000, 100000)", "outer(x, x)", "x + eye(20000)", "x*zeros(50000, 1)"])
def test_too_much_is_refused_before_it_is_made(text):
    f = Formula(f"sum({text})")
    with pytest.raises(BackpropError, match="would take more than 1,024 MiB together") as caught:
        f.at({"x": np.ones(20_000)} if f.variables else {})
    assert "--max-bytes" in caught.value.hint
