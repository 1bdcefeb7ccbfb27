"""Mixed derivatives: against each other, against the Hessian and the orders, and against fifty digits."""

from __future__ import annotations

import itertools
import json
import math
import random

import mpmath
import pytest

from backpropcli.cli import main
from backpropcli.errors import BackpropError
from backpropcli.formula import Formula

SMOOTH = [
    ("(x + σ(x)) / (σ(x) + (x + y)^2)", {"x": 4.0, "y": 3.0}),
    ("tanh(x*y) + exp(-x^2/2)*cos(y)", {"x": 0.7, "y": -1.2}),
    ("log(x)*y^x + sqrt(x*y)", {"x": 1.3, "y": 2.1}),
    ("atan2(y, x) + hypot(x, y) + asinh(x*y)", {"x": -0.4, "y": 1.9}),
    ("max(x*y, x)^3 + abs(x - y)*x", {"x": 1.5, "y": 2.5}),
]


def close(got: float, want: float, scale: float = 1.0) -> bool:
    return math.isclose(got, want, rel_tol=1e-11, abs_tol=1e-12 * scale)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_the_second_order_is_the_hessian(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    matrix = formula.hessian(point)
    for (i, a), (j, b) in itertools.product(enumerate(formula.variables), repeat=2):
        assert close(formula.partial(point, f"{a},{b}"), matrix[i][j])


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_the_first_order_is_the_gradient(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    for name, slope in formula.gradient(point).items():
        assert close(formula.partial(point, name), slope)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_one_variable_alone_is_its_order(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    for name in point:
        orders = formula.at(point, order=6, wrt=[name]).extras["derivatives"]
        for order in range(1, 7):
            assert formula.partial(point, ",".join([name] * order)) == pytest.approx(orders[order], rel=1e-13)


@pytest.mark.parametrize(("text", "point"), SMOOTH)
def test_the_turn_does_not_matter(text: str, point: dict[str, float]) -> None:
    formula = Formula(text)
    values = [formula.partial(point, ",".join(path)) for path in set(itertools.permutations("xxyy"))]
    for value in values:
        assert math.isclose(value, values[0], rel_tol=1e-10, abs_tol=1e-11)


def test_polynomials_are_exact() -> None:
    formula = Formula("x^5*y^3*z + 7*x*y*z*w")
    point = {"x": 2.0, "y": 3.0, "z": 5.0, "w": 11.0}
    assert formula.partial(point, "x,x,x,y,y,z") == 60 * 4 * 6 * 3
    assert formula.partial(point, "w,x,y,z") == 7.0
    assert formula.partial(point, "w,w") == 0.0
    assert formula.partial(point, "x,x,x,x,x,y,y,y") == 120 * 6 * 5


def test_of_what_is_not_there_the_derivative_is_zero() -> None:
    report = Formula("where(x > 0, log(x)*y, y^2)").at({"x": -1.0, "y": 3.0}, partial=["x,y", "y,y", "x"])
    assert report.extras["partial"] == {"x,y": 0.0, "y,y": 2.0, "x": 0.0}
    assert Formula("x + 0*y").partial({"x": 1.0, "y": 1.0}, "y,y,x") == 0.0


def test_a_mixed_derivative_keeps_its_digits() -> None:
    text, point = "sin(x*y)*exp(z/x) + sigmoid(x*z)/(1 + y^2)", {"x": 0.7, "y": -1.3, "z": 0.4}
    formula = Formula(text)

    def function(x: mpmath.mpf, y: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
        return mpmath.sin(x * y) * mpmath.exp(z / x) + 1 / (1 + mpmath.exp(-x * z)) / (1 + y**2)

    for path in ["x,y", "x,x,y", "x,y,z", "x,x,y,z", "x,x,y,y,z,z", "z,z,z,y,x,x"]:
        with mpmath.workdps(80):
            counts = tuple(path.split(",").count(name) for name in "xyz")
            want = float(mpmath.diff(function, tuple(mpmath.mpf(value) for value in point.values()), counts))
        assert math.isclose(formula.partial(point, path), want, rel_tol=1e-12), path


def test_random_formulas_agree_with_the_derivative_of_the_derivative() -> None:
    dice = random.Random(20240607)
    for _ in range(40):
        a, b, c = dice.sample(["sin(x*y)", "exp(y - x)", "x/(1 + y^2)", "tanh(x + 2*y)", "(x - y)^3", "sqrt(x + y)"], 3)
        point = {"x": dice.uniform(0.2, 1.5), "y": dice.uniform(0.2, 1.5)}
        formula = Formula(f"{a}*{b} + {c}")
        by_x = Formula(formula.derivative(["x"]), variables=("x", "y"))
        assert math.isclose(
            formula.partial(point, "x,y,y"), by_x.partial(point, "y,y"), rel_tol=1e-10, abs_tol=1e-11
        ), formula


def test_names_are_read_as_everywhere() -> None:
    formula = Formula("θ_1^2*x")
    assert formula.partial({"θ_1": 3.0, "x": 2.0}, "θ_1, theta_1,x") == 2.0


def test_the_order_has_a_limit_and_the_message_names_the_way_on() -> None:
    with pytest.raises(BackpropError, match="order 8 at most, but here 9") as caught:
        Formula("x^9").partial({"x": 1.0}, ",".join("x" * 9))
    assert "--order" in str(caught.value.hint)
    with pytest.raises(BackpropError, match="no variable q"):
        Formula("x*y").partial({"x": 1.0, "y": 2.0}, "x,q")
    with pytest.raises(BackpropError, match="needs one output"):
        Formula("a = x; b = x^2").partial({"x": 1.0}, "x")


def test_a_mixed_derivative_through_a_kink_is_warned_about() -> None:
    kinds = [note.kind for note in Formula("abs(x)*y").at({"x": 0.0, "y": 2.0}, partial=["x,y"]).notes]
    assert kinds == ["kink", "second_order_kink"]
    kinds = [note.kind for note in Formula("abs(x)*y").at({"x": 0.0, "y": 2.0}, partial=["y"]).notes]
    assert kinds == ["kink"]


def test_the_option_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "x^3*y^2", "--x", "2", "--y", "3", "--partial", "x,x,y", "--partial=y"]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["partial"] == {"x,x,y": 72.0, "y": 48.0}
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "d^3z/(dx^2 dy) = 72" in text
    assert "dz/dy          = 48" in text
    assert main(["eval", "x*y", "--x", "2", "--y", "3", "--partial", "x,q"]) == 2
    assert "--partial names q" in capsys.readouterr().err


def test_orders_of_very_many_variables_take_no_time() -> None:
    text = " + ".join(f"sin(x{i}*x{i + 1})*exp(x{i})" for i in range(300))
    formula = Formula(text)
    point = dict.fromkeys(formula.variables, 0.5)
    assert formula.partial(point, "x0,x1,x1") != 0.0
    assert formula.partial(point, "x0,x7") == 0.0
