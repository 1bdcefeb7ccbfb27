"""Sweeps, derivative products and higher derivatives: each against another way to the same number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.floats import Floats, _registers, compile_graph
from backpropcli.algebras.rules import formula
from backpropcli.errors import BackpropError
from backpropcli.exporting import targets
from backpropcli.formula import Formula
from backpropcli.graph import GraphBuilder
from backpropcli.language.program import build, read
from backpropcli.passes.sweeps import linearize, pull, push

NET = "J = t*log(y) + (1-t)*log(1-y); y = σ(b1*z1 + b2*z2); z1 = σ(a11*x1 + a12*x2); z2 = σ(a21*x1 + a22*x2)"
NET_POINT = {
    "x1": 1.0,
    "x2": -1.0,
    "a11": 0.5,
    "a12": -0.5,
    "a21": 0.25,
    "a22": 0.75,
    "b1": 1.0,
    "b2": -2.0,
    "t": 1.0,
}
SMOOTH = [
    ("(x + σ(x)) / (σ(x) + (x + y)^2)", {"x": 4.0, "y": 3.0}),
    ("tanh(x*y) + exp(-x^2/2)*cos(y)", {"x": 0.7, "y": -1.2}),
    ("log(x)*y^x + sqrt(x*y)", {"x": 1.3, "y": 2.1}),
    ("atan2(y, x) + hypot(x, y) + asinh(x*y)", {"x": -0.4, "y": 1.9}),
    (NET, NET_POINT),
]


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_reverse_equals_forward(text: str, point: dict[str, float]) -> None:
    reverse = Formula(text).at(point).grad or {}
    forward = Formula(text).at(point, mode="forward").grad or {}
    for name in point:
        assert math.isclose(reverse[name], forward[name], rel_tol=1e-14, abs_tol=1e-18)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_jvp_is_the_gradient_along_the_direction(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    direction = {name: 0.3 * k - 1 for k, name in enumerate(point)}
    along = sum(slope * direction[name] for name, slope in formula.gradient(point).items())
    assert math.isclose(formula.jvp(point, direction), along, rel_tol=1e-12)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_vjp_is_the_gradient_times_the_seed(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    gradient = formula.gradient(point)
    for name, slope in formula.vjp(point, -2.5).items():
        assert math.isclose(slope, -2.5 * gradient[name], rel_tol=1e-14)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_hvp_is_the_change_of_the_gradient(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    direction = {name: 1.0 - 0.2 * k for k, name in enumerate(point)}
    product = formula.hvp(point, direction)
    step = 1e-5

    def moved(sign: float) -> dict[str, float]:
        return formula.gradient({name: value + sign * step * direction[name] for name, value in point.items()})

    ahead, behind = moved(1), moved(-1)
    for name in point:
        assert math.isclose(product[name], (ahead[name] - behind[name]) / (2 * step), rel_tol=1e-6, abs_tol=1e-8)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_the_hessian_is_symmetric_and_made_of_products(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    matrix = formula.hessian(point)
    for i, row in enumerate(matrix):
        column = formula.hvp(point, {formula.variables[i]: 1.0})
        for j, entry in enumerate(row):
            assert math.isclose(entry, matrix[j][i], rel_tol=1e-10, abs_tol=1e-14)
            assert math.isclose(entry, column[formula.variables[j]], rel_tol=1e-10, abs_tol=1e-14)


@pytest.mark.parametrize(
    ("text", "function", "x"),
    [
        ("sin(x)*exp(x)", lambda x: mpmath.sin(x) * mpmath.exp(x), 0.7),
        ("1/(1 + x^2)", lambda x: 1 / (1 + x**2), 0.5),
        ("x^x", lambda x: x**x, 2.0),
        ("tanh(x)", mpmath.tanh, 0.3),
        ("sigmoid(3x - 1)", lambda x: 1 / (1 + mpmath.exp(1 - 3 * x)), 0.4),
        ("log(1 + x^2)/sqrt(x)", lambda x: mpmath.log(1 + x**2) / mpmath.sqrt(x), 1.5),
        ("atan(x)*cosh(x)", lambda x: mpmath.atan(x) * mpmath.cosh(x), -0.8),
    ],
)
def test_derivatives_of_high_order(text: str, function: object, x: float) -> None:
    got = Formula(text).derivatives({"x": x}, 10)
    with mpmath.workdps(60):
        want = [float(d * mpmath.factorial(k)) for k, d in enumerate(mpmath.taylor(function, mpmath.mpf(x), 10))]
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        assert math.isclose(a, b, rel_tol=1e-9), f"order {k}"


def test_known_derivatives_at_branch_points() -> None:
    assert Formula("tanh(x)").derivatives({"x": 0}, 4) == [0, 1, 0, -2, 0]
    assert Formula("x^2").derivatives({"x": 0}, 4) == [0, 0, 2, 0, 0]
    assert Formula("x^3").derivatives({"x": -2}, 4) == [-8, 12, -12, 6, 0]
    assert Formula("relu(x)").derivatives({"x": 2}, 2) == [2, 1, 0]
    assert Formula("where(x > 0, log(x), 0)").derivatives({"x": 0}, 2) == [0, 0, 0]


def test_an_order_needs_one_variable() -> None:
    with pytest.raises(BackpropError, match="by one variable") as caught:
        Formula("x*y").at({"x": 1, "y": 2}, order=2)
    assert "--wrt x" in str(caught.value.hint)
    assert Formula("x*y").at({"x": 1.0, "y": 2.0}, order=2, wrt=["y"]).extras["derivatives"] == [2.0, 1.0, 0.0]


def test_dual_numbers_nest() -> None:
    graph = build(read("sin(exp(x))*x"))
    inner = Dual(Dual(0.7, 1.0), Dual(1.0, None))
    trace = linearize(graph, Duals(Duals(Floats())), {"x": inner})
    third = pull(trace, Dual(Dual(1.0, None), None))[graph.variables["x"]]
    want = Formula("sin(exp(x))*x").derivatives({"x": 0.7}, 3)
    assert third is not None
    assert third.tangent is not None
    assert third.tangent.tangent is not None
    assert math.isclose(third.tangent.tangent, want[3], rel_tol=1e-14)


def test_dual_numbers_ask_for_no_local_derivative_twice() -> None:
    asked = Counter[str]()

    class Counting(Floats):
        def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[float]], float | None] | None:
            slope = super().partial(op, k, count)
            return slope and (lambda values: asked.update([op]) or slope(values))

    linearize(build(read("exp(sin(x))")), Duals(Counting()), {"x": Dual(0.5, 1.0)})
    assert asked == {"sin": 1, "exp": 1, "cos": 1}, "cos is the rule of sin"


def test_the_jacobian_of_several_outputs() -> None:
    report = Formula("s = x + y; p = x*y").at({"x": 2.0, "y": 3.0}, jacobian=True)
    assert report.extras["jacobian"] == {"x": [1.0, 3.0], "y": [1.0, 2.0]}


def test_both_modes_give_tangents_and_adjoints() -> None:
    report = Formula("x*sin(y)").at({"x": 2.0, "y": 0.5}, mode="both")
    last = report.rows[-1]
    assert last.tangents == report.grad
    assert last.adjoint == 1.0


def test_reverse_is_the_transpose_of_forward() -> None:
    graph = build(read("s = x*y + tanh(x); p = exp(y)/x"))
    trace = linearize(graph, Floats(), {"x": 0.3, "y": -0.7})
    tangents = {"x": 0.2, "y": 1.7}
    moved = push(trace, tangents)
    for k, output in enumerate(graph.outputs):
        adjoints = pull(trace, *[float(k == other) for other in range(2)])
        back = sum((adjoints[i] or 0.0) * tangents[name] for name, i in graph.variables.items())
        assert math.isclose(moved[output] or 0.0, back, rel_tol=1e-14)


# Derivatives as formulas

EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["sin", "tanh", "sigmoid", "softplus", "atan", "exp"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        inner.map(lambda a: f"({a})^2"),
        inner.map(lambda a: f"max({a}, y)"),
        inner.map(lambda a: f"({a})/(1 + ({a})^2)"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
@settings(max_examples=300, deadline=None)
def test_a_derivative_reads_again_and_agrees_with_the_gradient(text: str, x: float, y: float) -> None:
    formula = Formula(f"{text} + 0*x*y")
    point = {"x": x, "y": y}
    try:
        gradient = formula.gradient(point)
    except BackpropError:
        return
    for name in ("x", "y"):
        derived = Formula(formula.derivative([name]), variables=("x", "y"))
        value = derived.value({name: point[name] for name in derived.variables if name in point})
        assert math.isclose(value, gradient[name], rel_tol=1e-9, abs_tol=1e-9)


def test_a_choice_of_the_users_is_0_and_not_absent() -> None:
    formula = Formula("if(c > 0, x, 0) + sqrt(x)*if(c > 0, 1, 0)")
    derived = Formula(formula.derivative(["x"]))
    point = {"c": -1.0, "x": 0.0}
    assert math.isnan(formula.gradient(point)["x"])
    assert math.isnan(derived.at(point, ieee=True).value)


def test_the_gradient_is_a_program_with_shared_parts() -> None:
    text = Formula("(x + σ(x)) / (σ(x) + (x + y)^2)").derivative()
    *definitions, by_x, by_y = text.splitlines()
    assert by_x.startswith("dz_dx = ")
    assert by_y.startswith("dz_dy = ")
    assert sum("sigmoid(x)" in line for line in definitions) == 1
    report = Formula(text).at({"x": 4.0, "y": 3.0})
    want = Formula("(x + σ(x)) / (σ(x) + (x + y)^2)").gradient(x=4, y=3)
    assert isinstance(report.value, dict)
    assert math.isclose(report.value["dz_dx"], want["x"], rel_tol=1e-13)
    assert math.isclose(report.value["dz_dy"], want["y"], rel_tol=1e-13)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("3*x + sin(y)", {}),
        ("3*x - 2*y", {}),
        ("x + e*y + pi", {}),
        ("relu(x)*0 + sqrt(2)*y + x^0", {}),
        ("3*x + x*sin(y)", {"wrt": ["y", "x"]}),
        ("x^2*y + z", {"hessian": True}),
        ("x*y - x", {"hessian": True}),
        ("3*x + sin(y)", {"order": 2, "wrt": ["x"]}),
        ("x^3 + y", {"order": 3, "wrt": ["x"]}),
        ("x^2", {"order": 3}),
    ],
)
@pytest.mark.parametrize("inline", [False, True])
def test_a_program_of_derivatives_gives_all_of_them(text: str, asked: dict[str, Any], inline: bool) -> None:
    """Even where one is a number: `dz_dx = 3` alone would give a variable its value."""
    formula = Formula(text)
    point = {"x": -2.0, "y": 0.5, "z": 3.0}
    point = {name: point[name] for name in formula.variables}
    program = formula.derivative(**asked, inline=inline)
    derived = Formula(program)
    value = derived.at({name: point[name] for name in derived.variables}).value
    values = list(value.values()) if isinstance(value, Mapping) else [value]
    if "order" in asked:
        wanted = [formula.at(point, order=asked["order"], wrt=asked.get("wrt")).extras["derivatives"][-1]]
    elif "hessian" in asked:
        matrix = formula.hessian(point)
        wanted = [entry for k, row in enumerate(matrix) for entry in row[k:]]
    else:
        gradient = formula.gradient(point)
        wanted = [gradient[name] for name in asked.get("wrt", formula.variables)]
    assert values == pytest.approx(wanted, rel=1e-12)
    assert [math.copysign(1, each) for each in values] == [math.copysign(1, each) for each in wanted]
    if not asked:
        assert derived.variables == formula.variables


@pytest.mark.parametrize(
    ("text", "derivative"),
    [
        ("x^2", "2*x"),
        ("3*x", "3"),
        ("sin(x)", "cos(x)"),
        ("e^x", "e^x"),
        ("2^x", "2^x*log(2)"),
        ("log(x)", "1/x"),
        ("x*log(x)", "log(x) + x/x"),
        ("3*x + y", "dz_dx = 3 + 0*x\ndz_dy = 1 + 0*y"),
        ("7", "0"),
    ],
)
def test_a_derivative_is_written_as_a_person_writes_it(text: str, derivative: str) -> None:
    formula = Formula(text)
    assert formula.derivative() == derivative if formula.variables else formula.derivative() == ""


def test_an_untaken_branch_stays_absent_in_the_derivative() -> None:
    derivative = Formula("where(x > 0, log(x)^2, 0)").derivative()
    assert Formula(derivative).value(x=-1.0) == 0.0
    assert Formula(derivative).value(x=2.0) == pytest.approx(math.log(2.0))


def test_the_derivative_of_a_deep_formula_is_written_in_linear_size() -> None:
    text = "sin(" * 3000 + "x" + ")" * 3000
    derivative = Formula(text).derivative()
    assert len(derivative) < 400 * 3000
    # Read as one formula again, at the same point, it has the same value.
    assert math.isclose(
        Formula(derivative, max_chars=None).value(x=0.5), Formula(text).gradient(x=0.5)["x"], rel_tol=1e-9
    )


def test_choices_in_choices_have_a_derivative_of_linear_size() -> None:
    """The conditions of all choices around are one: else every product would go through all of them."""

    def size(depth: int) -> int:
        choices = "".join([f"if(x > {k}, x*" for k in range(depth)])
        return len(Formula(choices + "x" + ", 2)" * depth).derivative())

    assert size(80) < 2.5 * size(40)


def test_infix_is_a_target_language() -> None:
    assert "infix" in targets()


def test_the_builder_shares_equal_subterms_and_tells_zeros_apart() -> None:
    builder = GraphBuilder()
    x = builder.variable("x")
    assert builder.apply("add", (x, x)) == builder.apply("add", (x, x))
    assert builder.constant(0.0) != builder.constant(-0.0)


@pytest.mark.parametrize("text", ["exp(-x^2)", "tanh(x)", "sin(x)*x^3", "1/(1 + x^2)", "sigmoid(2x)"])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_higher_derivative_as_a_formula_agrees_with_its_number(text: str, order: int) -> None:
    formula = Formula(text)
    derived = Formula(formula.derivative(order=order))
    assert math.isclose(derived.value(x=0.3), formula.derivatives({"x": 0.3}, order)[order], rel_tol=1e-11)


def test_the_hessian_as_a_program_agrees_with_its_numbers() -> None:
    formula = Formula("x^2*sin(y) + x*y*z^3")
    point = {"x": 0.3, "y": 0.7, "z": -1.1}
    lines = dict(line.split(" = ", 1) for line in formula.derivative(hessian=True, inline=True).splitlines())
    assert [title.count("_") >= 2 for title in lines] == [True] * 6
    matrix = formula.hessian(point)
    for title, text in lines.items():
        _, a, b = title.rstrip("_").split("_")
        entry = Formula(text, variables=point)
        value = entry.value({name: point[name] for name in entry.variables})
        i, j = [formula.variables.index(part[1:]) for part in (a, b)]
        assert math.isclose(value, matrix[i][j], rel_tol=1e-12, abs_tol=1e-15)


def test_inline_writes_no_definitions_and_has_a_limit() -> None:
    assert ";" not in Formula("tanh(x)^2").derivative(inline=True)
    assert "\n" not in Formula("tanh(x)^2").derivative(inline=True)
    doubling = "f(t) = t*(t + 1);" + "x1 = f(x);" + ";".join(f"x{k} = f(x{k - 1})" for k in range(2, 25)) + "; x24"
    with pytest.raises(BackpropError, match="written out") as caught:
        Formula(doubling).derivative(inline=True)
    assert "--inline" in str(caught.value.hint)


def test_a_seed_for_every_output_pulls_their_weighted_sum() -> None:
    formula = Formula("s = x + y; p = x*y")
    point = {"x": 2.0, "y": 3.0}
    assert formula.vjp(point, [1, 0]) == {"x": 1.0, "y": 1.0}
    assert formula.vjp(point, [2, 0.5]) == {"x": 3.5, "y": 3.0}
    report = formula.at(point, vjp=[0, 1])
    assert not report.notes
    assert report.grad == {"x": 3.0, "y": 2.0}
    with pytest.raises(BackpropError, match="one number for each"):
        formula.at(point, vjp=[1])


def test_several_outputs_have_local_derivatives_and_no_adjoints() -> None:
    report = Formula("s = x + y; p = x*y").at({"x": 2.0, "y": 3.0})
    assert [edge.partial for row in report.rows for edge in row.inputs] == [1.0, 1.0, 3.0, 2.0]
    assert {row.adjoint for row in report.rows} == {None}
    assert all(row.path for row in report.rows)
    assert [use for row in report.rows for use in row.uses] == []


def test_a_step_passes_on_what_its_node_has() -> None:
    builder = GraphBuilder()
    x, y = builder.variable("x"), builder.variable("y")
    q = builder.step("q", builder.apply("mul", (x, y)))
    still = builder.step("still", builder.apply("exp", (y,)))
    graph = builder.graph([builder.apply("mul", (builder.apply("mul", (q, q)), still))])
    trace = linearize(graph, Floats(), {"x": 2.0, "y": 3.0}, ["x"])
    assert trace.partials[still] == (None,)
    slope = 36.0 * math.exp(3.0)
    assert pull(trace, 1.0)[x] == pytest.approx(slope, rel=1e-14)
    assert push(trace, {"x": 1.0})[graph.outputs[0]] == pytest.approx(slope, rel=1e-14)


def test_seeds_of_one_node_that_is_two_outputs_are_added() -> None:
    builder = GraphBuilder()
    x = builder.variable("x")
    square = builder.apply("mul", (x, x))
    trace = linearize(builder.graph([square, square, x]), Floats(), {"x": 3.0})
    assert pull(trace, 1.0, 10.0, 100.0)[x] == 166.0


def test_what_is_not_differentiated_has_no_slopes_whatever_takes_it() -> None:
    builder = GraphBuilder()
    names = [builder.variable(name) for name in "abcde"]
    graph = builder.graph([builder.apply("mul", (builder.apply("max", names[:4]), names[4]))])
    trace = linearize(graph, Floats(), dict.fromkeys("abcde", 2.0), ["e"])
    assert trace.partials[5:] == [(None,) * 4, (None, 2.0)]


def test_a_variable_may_be_called_as_python_calls_nothing() -> None:
    assert Formula("None*3 + 1").jvp({"None": 2.0}, {"None": 1.0}) == 3.0


@pytest.mark.parametrize("other", ["x > 0", "x > 1", "y > 0"])
def test_paths_that_meet_are_one_path_and_off_it_nothing_is_multiplied(other: str) -> None:
    text = f"u = log(x); if(x > 0, u*y, y) + if({other}, u*3, x)"
    derived = Formula(Formula(text).derivative(["x"]), variables=("x", "y"))
    for x in (0.5, 2.0):
        wanted = Formula(text).gradient({"x": x, "y": 5.0})["x"]
        assert derived.value({"x": x, "y": 5.0}) == pytest.approx(wanted, rel=1e-14)
    for x in (0.0, -1.0):
        point = {"x": x, "y": -5.0}
        assert derived.value(point) == Formula(text).gradient(point)["x"]


def test_a_formula_of_the_table_runs_the_same_as_closures_and_as_registers() -> None:
    text = "if(x > 0, max(x, y, 0)*(y + 0) - min(x, 0.5), -x/2)^2 + hypot(x, 3)"
    graph = formula(text, ("x", "y"))
    for values in ((2.0, 7.0), (-3.0, 1.0)):
        assert _registers(graph, {"x": 0, "y": 1})(values) == compile_graph(graph, ("x", "y"))(values)


def test_a_large_formula_of_the_table_runs_in_linear_time() -> None:
    text = "a = x + 1; " + "; ".join(f"a_{k + 1} = a_{k}*a_{k}" for k in range(60)).replace("a_0", "a") + "; a_60"
    assert compile_graph(formula(text, ("x",)), ("x",))([0.0]) == 1.0


def test_contributions_behind_one_condition_are_added_behind_it() -> None:
    derived = Formula("u = log(x); if(x > 0, u*y, y) + if(x > 0, u*3, x)").derivative(["x"])
    assert "if(v1, (y + 3)/x, 0)" in derived


@pytest.mark.parametrize("text", ["u + if(x > 0, u*3, x)", "if(x > 0, u*3, x) + u"])
def test_a_path_that_is_always_there_is_not_put_behind_a_condition(text: str) -> None:
    derived = Formula(Formula(f"u = exp(x); {text}").derivative(["x"]))
    assert derived.value(x=1.0) == pytest.approx(4 * math.e, rel=1e-15)
    assert derived.value(x=-1.0) == pytest.approx(1 + math.exp(-1.0), rel=1e-15)


def test_a_zero_keeps_its_sign() -> None:
    assert Formula("1/-0 + x").at({"x": 0.0}, ieee=True).value == -math.inf
    assert Formula("-0").reading == "-0"


def test_the_jacobian_takes_the_cheaper_mode() -> None:
    outputs = "; ".join(f"o{k} = x^{k + 1}" for k in range(2000))
    jacobian = Formula(outputs).jacobian({"x": 1.0})
    assert jacobian["x"] == [float(k + 1) for k in range(2000)]
