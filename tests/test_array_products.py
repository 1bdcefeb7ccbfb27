"""Derivative products over arrays: each held against the others, against differences, and against what is known."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from backpropcli import Formula
from backpropcli.algebras.arrays import Arrays, Masked
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.errors import BackpropError
from backpropcli.passes import array_differences, products
from backpropcli.passes.sweeps import linearize, pull

ROSENBROCK = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
LAYER = {"W": [[0.2, -0.4], [0.7, 0.1]], "x": [1.0, -2.0], "b": [0.1, -0.2], "y": [0.3, 0.9]}
SQUARED = "h = σ(W @ x + b); 1/2*norm(h - y)^2"

# Formulas over arrays, each with a point: sums, choices, products, what gathers and what moves.
FORMULAS = {
    SQUARED: LAYER,
    ROSENBROCK: {"x": [-1.2, 1.0, 0.5, 2.0]},
    "sum(tanh(A @ B)*C)": {"A": [[1.0, 0.5], [-0.3, 0.2]], "B": [[0.1, -1], [2, 0.4]], "C": [[1.0, 2.0], [3.0, 4]]},
    "cross_entropy(X @ W, [2, 0])": {"X": [[1.0, 2.0], [0.5, -1.0]], "W": [[0.1, 0.2, -0.3], [0.4, -0.5, 0.6]]},
    "mean((X @ w + c - y)^2)": {"X": [[1.0, 2.0], [3.0, 1.0], [0.0, 1.0]], "w": [0.5, -0.5], "c": 0.1, "y": [1, 2, 3]},
    "x @ (A @ x)/2 + log(x @ x)": {"x": [1.0, 2.0], "A": [[2.0, 0.5], [0.5, 1.0]]},
    "prod(x)*sum(x)^2 + var(x)": {"x": [1.0, 2.0, 3.0]},
    "sum(where(x > 0, x^3, exp(x)))": {"x": [1.0, -2.0, 0.5]},
    "logdet(A) + sum(inv(A)*B)": {"A": [[2.0, 0.3], [0.1, 1.5]], "B": [[1.0, 2.0], [0.0, 1.0]]},
    "sum([x[0]*x[1], sin(x[2]), s]*[1, 2, 3])": {"x": [0.5, 2.0, 1.0], "s": 0.7},
    "softmax(z)[1] + max(z) - sum(A, axis=0)[0]": {"z": [1.0, 2.5, -0.5], "A": [[1.0, 2.0], [3.0, 4.0]]},
}  # fmt: skip
ASKED = pytest.mark.parametrize("text", FORMULAS)


def flat(found, names):
    return np.concatenate([np.ravel(found[name]) for name in names])


def direction(point, seed):
    rng = random.Random(seed)
    return {
        name: np.array([rng.uniform(-1, 1) for _ in range(np.size(value))]).reshape(np.shape(value)).tolist()
        for name, value in point.items()
    }


def moved(point, along, step):
    return {name: (np.asarray(value) + step * np.asarray(along[name])).tolist() for name, value in point.items()}


@ASKED
def test_products_agree_with_each_other(text):
    f, point = Formula(text, variables=FORMULAS[text]), FORMULAS[text]
    names = f.variables
    gradient = f.gradient(point)
    along = direction(point, 1)
    jvp = f.jvp(point, along)
    assert jvp == pytest.approx(float(flat(gradient, names) @ flat(along, names)), rel=1e-12, abs=1e-13)
    jacobian, vjp = f.jacobian(point), f.vjp(point, 2.0)
    for name in names:
        np.testing.assert_allclose(jacobian[name], gradient[name], rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(vjp[name], 2.0 * np.asarray(gradient[name]), rtol=1e-14, atol=1e-15)
        assert np.shape(gradient[name]) == np.shape(point[name])


@ASKED
def test_the_hessian_is_made_of_its_products_and_of_differences_of_gradients(text):
    f, point = Formula(text, variables=FORMULAS[text]), FORMULAS[text]
    names = f.variables
    hessian = np.array(f.hessian(point))
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-10, atol=1e-10)
    along = direction(point, 2)
    product = flat(f.hvp(point, along), names)
    np.testing.assert_allclose(hessian @ flat(along, names), product, rtol=1e-11, atol=1e-11)
    step = 1e-5
    ends = [flat(f.gradient(moved(point, along, sign * step)), names) for sign in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), product, rtol=2e-7, atol=2e-7)


@ASKED
def test_differences_of_values_agree(text):
    found = Formula(text, variables=FORMULAS[text]).at(FORMULAS[text], finite_differences=True)
    entries = found.extras["finite_differences"]["entries"]
    assert found.extras["finite_differences"]["ok"]
    assert {entry["verdict"] for entry in entries} == {"ok"}
    assert len(entries) == sum(np.size(value) for value in FORMULAS[text].values())


@ASKED
def test_forward_mode_gives_the_same_gradient(text):
    f, point = Formula(text, variables=FORMULAS[text]), FORMULAS[text]
    backward, forward = f.at(point), f.at(point, mode="forward")
    for name in f.variables:
        np.testing.assert_allclose(forward.grad[name], backward.grad[name], rtol=1e-13, atol=1e-14)
    assert [note.message for note in forward.notes] == [note.message for note in backward.notes]


def test_the_jacobian_by_rows_is_that_by_columns():
    f = Formula("tanh(W @ x)")
    tall = {"W": np.linspace(-1, 1, 20).reshape(10, 2).tolist(), "x": [0.5, -0.25]}
    report = f.at(tall, wrt=["x"], jacobian=True)
    by_columns = np.array(report.extras["jacobian"]["x"])
    rows = [f.vjp(tall, np.eye(10)[k].tolist())["x"] for k in range(10)]
    assert by_columns.shape == (10, 2)
    np.testing.assert_array_max_ulp(by_columns, np.array(rows), maxulp=4)


def test_the_jacobian_of_several_outputs_is_a_list_of_theirs():
    f = Formula("a = x^2; b = sum(x)")
    found = f.jacobian({"x": [1.0, 3.0]})
    assert found["x"] == [[[2.0, 0.0], [0.0, 6.0]], [1.0, 1.0]]


def test_labels_of_entries_are_row_by_row():
    found = Formula("sum(A)*s^2").at({"A": [[1.0, 2.0], [3.0, 4.0]], "s": 2.0}, hessian=True).extras["hessian"]
    assert found["order"] == ["A[0,0]", "A[0,1]", "A[1,0]", "A[1,1]", "s"]
    assert found["matrix"][0] == [0.0, 0.0, 0.0, 0.0, 4.0]
    assert found["matrix"][4] == [4.0, 4.0, 4.0, 4.0, 20.0]


# Colors


def pushes(monkeypatch, f, point):
    """How many products a Hessian takes."""
    count = 0
    plain = products.push

    def counted(*arguments):
        nonlocal count
        count += 1
        return plain(*arguments)

    monkeypatch.setattr(products, "push", counted)
    hessian = f.hessian(point)
    return count, np.array(hessian)


def test_rosenbrocks_hessian_takes_three_products(monkeypatch):
    x = np.linspace(-1, 1, 50)
    count, hessian = pushes(monkeypatch, Formula(ROSENBROCK), {"x": x})
    assert count == 3
    diagonal = np.zeros(50)
    diagonal[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    np.testing.assert_allclose(np.diag(hessian), diagonal, rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(np.diag(hessian, 1), -400 * x[:-1], rtol=1e-13, atol=1e-11)
    assert np.count_nonzero(np.triu(hessian, 2)) == 0


@pytest.mark.parametrize(
    ("text", "size", "most"),
    [
        ("sum(sin(x))", 40, 1),
        ("x @ x", 40, 1),
        ("mean((x - 1)^2)", 40, 1),
        ("sum(x*exp(reshape(x, [8, 5])[0, 0]))", 40, 40),
        ("sum(x)^2", 12, 12),
        ("sum(x)", 12, 0),
        ("sum(sum(reshape(x, [5, 4]), axis=1)^2)", 20, 4),
    ],
)
def test_as_many_products_as_columns_that_meet(monkeypatch, text, size, most):
    x = np.linspace(0.1, 1, size)
    count, hessian = pushes(monkeypatch, Formula(text), {"x": x})
    assert count <= most
    f = Formula(text)
    for k in range(0, size, 7):
        unit = np.zeros(size)
        unit[k] = 1.0
        np.testing.assert_allclose(hessian[:, k], f.hvp({"x": x}, {"x": unit})["x"], rtol=1e-12, atol=1e-13)


def test_a_hessian_of_numbers_is_colored_too():
    names = [f"x_{k}" for k in range(60)]
    text = " + ".join([f"{a}^2*{b}" for a, b in itertools.pairwise(names)])
    point = {name: 1.0 + k / 10 for k, name in enumerate(names)}
    hessian = np.array(Formula(text).hessian(point))
    x = np.array(list(point.values()))
    np.testing.assert_allclose(np.diag(hessian)[:-1], 2 * x[1:], rtol=1e-14)
    np.testing.assert_allclose(np.diag(hessian, 1), 2 * x[:-1], rtol=1e-14)
    assert np.count_nonzero(np.triu(hessian, 2)) == 0


# Higher orders


def test_derivatives_by_a_number_through_arrays():
    x = np.array([1.0, 2.0])
    found = Formula("sum(exp(t*x))").at({"t": 0.5, "x": x}, wrt=["t"], order=6).extras["derivatives"]
    np.testing.assert_allclose(found, [np.sum(x**k * np.exp(0.5 * x)) for k in range(7)], rtol=1e-14)
    by_array = Formula("t^2*x").at({"t": 3.0, "x": x}, wrt=["t"], order=3).extras["derivatives"]
    assert by_array == [[9.0, 18.0], [6.0, 12.0], [2.0, 4.0], [0.0, 0.0]]


def test_mixed_derivatives_by_numbers_through_arrays():
    found = Formula("sum(sin(a*x)*exp(b*x))").at({"a": 0.3, "b": 0.2, "x": [1.0, 2.0]}, partial=["a,b,b"]).extras
    x = np.array([1.0, 2.0])
    assert found["partial"]["a,b,b"] == pytest.approx(np.sum(x**3 * np.cos(0.3 * x) * np.exp(0.2 * x)), rel=1e-14)


def test_a_higher_derivative_by_an_array_is_refused_with_a_way_out():
    with pytest.raises(BackpropError, match="x is an array"):
        Formula("sum(x^3)").at({"x": [1.0, 2.0]}, order=2)


# Errors


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"vjp": [1.0, 2.0, 3.0]}, r"the seed for z (is|has) shape \(3,\), but z (is|has) shape \(2,\)"),
        ({"jvp": {"x": [1.0]}}, r"the direction in x (is|has) shape \(1,\), but x (is|has) shape \(2,\)"),
        ({"hessian": True}, r"a Hessian is of one number, but z has shape \(2,\)"),
        ({"finite_differences": True}, "is of one number"),
    ],
)
def test_what_does_not_fit_is_said_with_both_shapes(asked, message):
    with pytest.raises(BackpropError, match=message):
        Formula("2*x").at({"x": [1.0, 2.0]}, **asked)


def test_an_output_of_many_entries_has_a_value_and_a_note_and_no_adjoints():
    report = Formula("2*x").at(x=[1.0, 2.0])
    assert report.value == [2.0, 4.0]
    assert report.grad is None
    assert [note.message for note in report.notes] == [
        "z has shape (2,): its derivatives are given by --jacobian and --vjp"
    ]


# Differences


def test_a_wrong_rule_is_found_where_it_is(monkeypatch):
    from backpropcli.algebras import arrays

    plain = arrays.Arrays.partial

    def wrong(op, k, count):
        found = plain(op, k, count)
        return (lambda values: found(values) * 1.01) if op == "tanh" else found

    monkeypatch.setattr(arrays.Arrays, "partial", staticmethod(wrong))
    found = Formula("sum(tanh(W @ x)^2)").at({"W": LAYER["W"], "x": LAYER["x"]}, finite_differences=True)
    told = found.extras["finite_differences"]
    assert not told["ok"]
    assert "the rule of tanh" in told["entries"][0]["message"]


def test_kinks_jumps_and_infinite_slopes_are_no_failures():
    found = Formula("sum(abs(x) + 0*y)").at({"x": [1.0, 0.0, -2.0], "y": 1.0}, finite_differences=True)
    assert [entry["verdict"] for entry in found.extras["finite_differences"]["entries"]] == ["ok", "kink", "ok", "ok"]
    found = Formula("sum(floor(x)) + sum(sqrt(y))").at({"x": [1.0, 1.5], "y": [0.0, 1.0]}, finite_differences=True)
    verdicts = [entry["verdict"] for entry in found.extras["finite_differences"]["entries"]]
    assert verdicts == ["jump", "ok", "unbounded", "ok"]


def test_of_many_entries_some_are_compared_and_the_rest_is_counted():
    count = array_differences.MOST + 500
    found = Formula("mean(x^2)").at({"x": np.linspace(1, 2, count)}, finite_differences=True)
    told = found.extras["finite_differences"]
    assert len(told["entries"]) == array_differences.MOST
    assert told["left_out"] == 500
    assert told["ok"]


# What is special about entries


def test_an_untaken_arm_poisons_no_row():
    report = Formula("sum(where(x > 0, log(x), 0))").at(x=[-1.0, 0.0, 2.0])
    assert report.value == math.log(2.0)
    assert report.grad["x"] == [0.0, 0.0, 0.5]
    assert [note.kind for note in report.notes] == ["jump"]


# Gradients beside infinite slopes: what has no path to the output meets none of them, in either mode.
ABSENT = {
    "sum(sqrt(x))": ({"x": [0.0, 4.0]}, {"x": [math.inf, 0.25]}),
    "u = sqrt(x); sum(where(x > 0, u*y, y) + where(x > 0, u*3, x))": (
        {"x": [4.0, 0.0], "y": [2.0, 5.0]},
        {"x": [1.25, 1.0], "y": [2.0, 1.0]},
    ),
    "sum(where(c > 0, sqrt(x), y))": ({"x": 0.0, "y": [1.0, 2.0], "c": [-1.0, -2.0]}, {"x": 0.0, "y": [1.0, 1.0]}),
    "max(sqrt(x))": ({"x": [0.0, 4.0]}, {"x": [0.0, 0.25]}),
    "sum(where(c > 0, max(sqrt(A), axis=0), 0))": (
        {"c": [1.0, -1.0], "A": [[0.0, 0.0], [4.0, 0.0]]},
        {"A": [[0.0, 0.0], [0.25, 0.0]]},
    ),
    "sum(sqrt(max(A*x, axis=0)))": (
        {"x": [1.0, 1.0], "A": [[0.0, 0.0], [-1.0, 4.0]]},
        {"A": [[math.inf, 0.0], [0.0, 0.25]]},
    ),
    "sum(sqrt(norm(A, axis=1)))": (
        {"A": [[0.0, 0.0], [3.0, 4.0]]},
        {"A": [[math.nan, math.nan], [0.3 / math.sqrt(5), 0.4 / math.sqrt(5)]]},
    ),
    "sum(where(x > 0, where(x < 0, norm(A, 1)*x, 0), 0))": (
        {"x": [1.0, -1.0], "A": [[1.0, 2.0], [3.0, 4.0]]},
        {"x": [0.0, 0.0], "A": [[0.0, 0.0], [0.0, 0.0]]},
    ),
    "sum(where(c > 0, sqrt(V) @ x, 0))": (
        {"c": [1.0, -1.0], "V": [[1.0, 4.0], [0.0, 0.0]], "x": [1.0, 2.0]},
        {"V": [[0.5, 0.5], [0.0, 0.0]], "x": [1.0, 2.0]},
    ),
    "sum(where(c > 0, W @ sqrt(x), 0))": (
        {"c": [1.0, -1.0], "W": [[1.0, 1.0], [0.0, 1.0]], "x": [0.0, 4.0]},
        {"x": [math.inf, 0.25], "W": [[0.0, 2.0], [0.0, 0.0]]},
    ),
    "sum(where(c > 0, A @ sqrt(y), 0))": (
        {"c": [1.0, -1.0], "A": [[0.0, 1.0], [1.0, 1.0]], "y": [0.0, 4.0]},
        {"y": [math.nan, 0.25]},
    ),
    "sum(sqrt(W @ x))": ({"W": [[0.0, 0.0], [4.0, 0.0]], "x": [1.0, 2.0]}, {"W": [[math.inf] * 2, [0.25, 0.5]]}),
}  # fmt: skip


@pytest.mark.parametrize("text", ABSENT)
def test_what_has_no_path_meets_no_infinity_in_either_mode(text):
    point, wanted = ABSENT[text]
    for mode in ("reverse", "forward"):
        grad = Formula(text).at(point, wrt=list(wanted), mode=mode).grad
        for name, slopes in wanted.items():
            np.testing.assert_allclose(grad[name], slopes, rtol=1e-15, err_msg=f"{name}, {mode}")


def test_where_no_entry_has_a_path_there_is_none():
    rows = Formula("u = sqrt(x); sum(where(x > 0, u, 0))").at(x=[0.0, 0.0]).rows
    assert [row.path for row in rows if row.name == "u"] == [False]


def test_what_does_not_move_meets_no_infinity():
    f, point = Formula("sqrt(x)"), {"x": [0.0, 4.0]}
    assert f.jacobian(point) == {"x": [[math.inf, 0.0], [0.0, 0.25]]}
    assert f.vjp(point, [0.0, 1.0]) == {"x": [0.0, 0.25]}
    assert f.jvp(point, {"x": [0.0, 1.0]}) == [0.0, 0.25]
    assert f.at(point).rows[0].inputs[0].partial.entries == [[math.inf, 0.0], [0.0, 0.25]]
    both = Formula("a = sqrt(x); b = sum(x)").jacobian(point)
    assert both == {"x": [[[math.inf, 0.0], [0.0, 0.25]], [1.0, 1.0]]}
    assert Formula("y*sum(sqrt(x))").jvp({**point, "y": 2.0}, {"x": [0.0, 1.0], "y": 0.0}) == 0.5
    assert Formula("sum(x^1.5)").hvp(point, {"x": [0.0, 1.0]}) == {"x": [0.0, 0.375]}


def test_entries_that_are_not_read_are_not_looked_at():
    report = Formula("log(x)[0]").at(x=[2.0, 0.0, -1.0])
    assert report.grad["x"] == [0.5, 0.0, 0.0]
    assert not report.notes


def test_a_message_names_the_entry():
    with pytest.raises(BackpropError, match=r"log\(x\) needs x > 0, but x\[1\] = -2"):
        Formula("sum(log(x))").at(x=[1.0, -2.0, 3.0])
    with pytest.raises(BackpropError, match=r"exp\(x\) overflows.* at x\[0, 1\] = 1000"):
        Formula("sum(exp(x))").at(x=[[1.0, 1000.0]])
    with pytest.raises(BackpropError, match=r"x\[1, 0\] is NaN"):
        Formula("sum(x)").at(x=[[1.0], [math.nan]])


def test_a_sum_that_overflows_is_said_and_nothing_else(recwarn):
    with pytest.raises(BackpropError, match=r"sum\(x\) overflows"):
        Formula("sum(x)").at(x=[1e308, 1e308])
    assert Formula("mean(x/2)").at(x=[1e308, 1e308]).value == 5e307
    assert not recwarn.list


def test_notes_count_their_entries():
    report = Formula("sum(abs(x))").at(x=[0.0, 1.0, 0.0])
    assert len(report.notes) == 1
    assert "x[0] = 0" in report.notes[0].message
    assert "1 more" in report.notes[0].message
    report = Formula("sum(sqrt(x))").at(x=[4.0, 0.0])
    assert report.grad["x"] == [0.25, math.inf]
    assert [note.kind for note in report.notes] == ["unbounded"]


def test_arrays_beyond_the_budget_are_refused_before_they_are_made():
    with pytest.raises(BackpropError, match="would take more than 1,024 MiB"):
        Formula("sum(zeros(1000000, 1000000))").at()
    with pytest.raises(BackpropError, match="would take more than"):
        Formula("sum(outer(x, x))", max_bytes=1 << 20).at(x=np.ones(1000))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"hessian": True}, "the Hessian of 20,000 by 20,000 numbers would take more than 1,024 MiB"),
        ({"mode": "forward"}, "would take more than 1,024 MiB"),
    ],
)
def test_matrices_beyond_the_budget_are_refused_before_they_are_made(asked, message):
    with pytest.raises(BackpropError, match=message):
        Formula("sum(x*sum(x))").at({"x": np.ones(20_000)}, tables=asked.get("mode") is not None, **asked)
    with pytest.raises(BackpropError, match=r"the Jacobian of 20,000 by 20,000"):
        Formula("x*sum(x)").at({"x": np.ones(20_000)}, tables=False, jacobian=True)


def test_tables_beyond_the_budget_are_refused_and_the_value_is_not():
    f, point = Formula("sum(x^2)"), {"x": np.ones(6_000_000)}
    with pytest.raises(BackpropError, match="tables of 12,000,003 numbers would take more than 1,024 MiB") as caught:
        f.at(point)
    assert "--only value" in caught.value.hint
    assert f.value(point) == 6e6
    assert f.gradient(point)["x"][0] == 2.0


# Dual numbers over arrays, and steps


DUAL = {
    **FORMULAS,
    "sum(elu(x, a)*x)": {"x": [1.0, -2.0, 0.5], "a": [0.5, 1.5, 2.0]},
    "sum(leaky_relu(x, a)^2)": {"x": [1.0, -2.0, -0.5], "a": 0.1},
    "sum(elu(-exp(x), a)*x)": {"x": [1.0, -2.0, 0.5], "a": [0.5, 1.5, 2.0]},
    "sum((zeros(2) + eye(2)[0])*x^3)": {"x": [1.0, 2.0]},
}


@pytest.mark.parametrize("text", DUAL)
def test_dual_numbers_pull_the_same_second_derivatives(text):
    f, point = Formula(text, variables=DUAL[text]), DUAL[text]
    along = direction(point, 3)
    scene = f._setting("gates", f._full_point(point, {}, ieee=False))
    inputs = {
        name: Dual(value, np.asarray(along[name]) if np.ndim(value) else np.float64(along[name]))
        for name, value in scene.inputs(f._full_point(point, {}, ieee=False)).items()
    }
    with scene.quietly():
        trace = linearize(scene.graph, Duals(Arrays()), inputs)
        adjoints = pull(trace, Dual(1.0, None))
    wanted = f.hvp(point, along)
    for name, i in scene.graph.variables.items():
        found = products.dense(adjoints[i].tangent, np.shape(point[name]))
        np.testing.assert_allclose(found, wanted[name], rtol=1e-9, atol=1e-9)


def test_steps_over_arrays_have_the_derivatives_of_what_is_inside():
    f = Formula("q = W @ x; h = tanh(q)*q + q; z = sum(h*h)")
    point = {"W": [[0.5, -0.2], [0.3, 0.4]], "x": [1.0, 2.0]}
    gates, steps = f.at(point, mode="both"), f.at(point, nodes="steps", mode="both")
    for name in f.variables:
        np.testing.assert_allclose(steps.grad[name], gates.grad[name], rtol=1e-13)
        np.testing.assert_allclose(steps.rows[-1].tangents[name], gates.grad[name], rtol=1e-13)
    q = np.array(point["W"]) @ np.array(point["x"])
    slope = np.tanh(q) + q / np.cosh(q) ** 2 + 1
    h = next(row for row in steps.rows if row.name == "h")
    np.testing.assert_allclose(h.inputs[0].partial.entries, np.diag(slope), rtol=1e-13)


def test_a_step_over_arrays_has_no_path_where_nothing_inside_of_it_has_one():
    f = Formula("q = sum(round(x)*x*y) + sum(floor(w)); z = q^2")
    point = {"x": [1.2, 2.4], "y": [2.0, 2.0], "w": [0.5, 1.5]}
    gates, steps = f.at(point, mode="both"), f.at(point, nodes="steps", mode="both")
    assert gates.grad == steps.grad == {"x": [52.0, 104.0], "y": [31.2, 124.8], "w": [0.0, 0.0]}
    assert steps.rows[-1].tangents == steps.grad
    q = next(row for row in steps.rows if row.name == "q")
    assert [edge.name for edge in q.inputs if edge.partial.structure == "0"] == ["w"]


def test_what_has_no_path_is_cut_out_of_both_parts_of_a_dual_number():
    duals = Duals(Arrays())
    where = Dual(Masked(np.array([5.0, 0.0]), np.array([True, False])), None)
    both = duals.restricted(Dual(np.array([1.0, 2.0]), np.array([3.0, 4.0])), where)
    assert both.primal.value.tolist() == [1.0, 0.0]
    assert both.tangent.value.tolist() == [3.0, 0.0]
    assert duals.restricted(Dual(np.array([1.0, 2.0]), None), where).tangent is None
