"""What the derivative is where it is not plain: every row of the rule, in both modes, with its note."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.rendering import Style, notes, renderer
from backpropcli.report import Report

INF, NAN = math.inf, math.nan


def same(got: float, want: float) -> bool:
    return got == want or (math.isnan(got) and math.isnan(want)) or math.isclose(got, want, rel_tol=1e-15)


ROWS: list[tuple[str, dict[str, float], float, dict[str, float], list[str]]] = [
    ("abs(x)", {"x": 0}, 0, {"x": 0}, ["kink"]),
    ("relu(x)", {"x": 0}, 0, {"x": 0}, ["kink"]),
    ("max(x, 0)", {"x": 0}, 0, {"x": 0.5}, ["tie"]),
    ("min(x, 0)", {"x": 0}, 0, {"x": 0.5}, ["tie"]),
    ("max(x, y, z)", {"x": 1, "y": 1, "z": 1}, 1, {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}, ["tie"]),
    ("sign(x)", {"x": 0}, 0, {"x": 0}, ["jump"]),
    ("step(x)", {"x": 0}, 0, {"x": 0}, ["jump"]),
    ("floor(x)", {"x": 2}, 2, {"x": 0}, ["jump"]),
    ("ceil(x)", {"x": 2}, 2, {"x": 0}, ["jump"]),
    ("round(x)", {"x": 2.5}, 2, {"x": 0}, ["jump"]),
    ("floor(x)", {"x": 2.5}, 2, {"x": 0}, []),
    ("sqrt(x)", {"x": 0}, 0, {"x": INF}, ["unbounded"]),
    ("cbrt(x)", {"x": 0}, 0, {"x": INF}, ["unbounded"]),
    ("asin(x)", {"x": 1}, math.pi / 2, {"x": INF}, ["unbounded"]),
    ("acos(x)", {"x": -1}, math.pi, {"x": -INF}, ["unbounded"]),
    ("acosh(x)", {"x": 1}, 0, {"x": INF}, ["unbounded"]),
    ("sqrt(x^2)", {"x": 0}, 0, {"x": NAN}, ["inf_times_zero"]),
    ("hypot(x, y)", {"x": 0, "y": 0}, 0, {"x": 0, "y": 0}, ["kink"]),
    ("x^0", {"x": 0}, 1, {"x": 0}, []),
    ("x^y", {"x": 0, "y": 0}, 1, {"x": 0, "y": 0}, ["jump"]),
    ("x^y", {"x": 0, "y": 2}, 0, {"x": 0, "y": 0}, []),
    ("x^y", {"x": 0, "y": 0.5}, 0, {"x": INF, "y": 0}, ["unbounded"]),
    ("x^y", {"x": -2, "y": 3}, -8, {"x": 12, "y": NAN}, ["undefined"]),
    ("atan2(y, x)", {"y": 0, "x": 0}, 0, {"y": NAN, "x": NAN}, ["undefined"]),
    ("where(x > 0, log(x), 0)", {"x": 0}, 0, {"x": 0}, ["jump"]),
    ("sigmoid(x)", {"x": 1000}, 1, {"x": 0}, []),
    ("sigmoid(x)", {"x": -700}, math.exp(-700), {"x": math.exp(-700)}, []),
    ("softplus(x)", {"x": 1000}, 1000, {"x": 1}, []),
    ("softplus(x)", {"x": -1000}, 0, {"x": 0}, []),
    ("hypot(x, y)", {"x": 1e200, "y": 1e200}, math.hypot(1e200, 1e200), {"x": 0.5**0.5, "y": 0.5**0.5}, []),
    ("x^2", {"x": -3}, 9, {"x": -6}, []),
    ("mod(x, y)", {"x": 6, "y": 3}, 0, {"x": 1, "y": -2}, ["jump"]),
    ("mod(x, y)", {"x": -7, "y": 3}, 2, {"x": 1, "y": 3}, []),
    ("frac(x)", {"x": 2}, 0, {"x": 1}, ["jump"]),
    ("threshold(x, y)", {"x": 1, "y": 1}, 1, {"x": 0, "y": 0}, ["jump"]),
    ("leaky_relu(x)", {"x": 0}, 0, {"x": 0.01}, ["kink"]),
    ("elu(x)", {"x": 0}, 0, {"x": 1}, []),
    ("elu(x, 2)", {"x": 0}, 0, {"x": 2}, ["kink"]),
    ("hard_tanh(x)", {"x": 1}, 1, {"x": 0.5}, ["kink"]),
    ("hard_sigmoid(x)", {"x": -3}, 0, {"x": 1 / 12}, ["kink"]),
    ("sinc(x)", {"x": 0}, 1, {"x": 0}, []),
    ("acot(x)", {"x": 0}, math.pi / 2, {"x": -1}, ["jump"]),
    ("asec(x)", {"x": 1}, 0, {"x": INF}, ["unbounded"]),
    ("acsc(x)", {"x": -1}, -math.pi / 2, {"x": -INF}, ["unbounded"]),
    ("asech(x)", {"x": 1}, 0, {"x": -INF}, ["unbounded"]),
    ("log_add_exp(x, y)", {"x": 1000, "y": 1000}, 1000 + math.log(2), {"x": 0.5, "y": 0.5}, []),
    ("factorial(x)", {"x": 0}, 1, {"x": -0.5772156649015329}, []),
    ("max(log(x), y)", {"x": 1e-300, "y": 1}, 1, {"x": 0, "y": 1}, []),
    ("if(x > 1, sqrt(x - 1), x)", {"x": 0.5}, 0.5, {"x": 1}, []),
    ("x > 0 and log(x) > 1 ? x : 2x", {"x": -1}, -2, {"x": 2}, []),
    ("x > 0 and not (log(x) > 1) ? x : 2x", {"x": -1}, -2, {"x": 2}, []),
    ("x > 0 or log(-x) > 1 ? x : 2x", {"x": 1}, 1, {"x": 1}, []),
    ("if(x > 0, x, log(x - 5))", {"x": 1}, 1, {"x": 1}, []),
    ("clip(x, 0, 1)", {"x": 0}, 0, {"x": 0.5}, ["tie"]),
    ("clip(x, 0, 1)", {"x": 1}, 1, {"x": 0.5}, ["tie"]),
    ("if(x < 1, x, 0)", {"x": 1}, 0, {"x": 0}, ["jump"]),
    ("if(x <= 1, x, 0)", {"x": 1}, 1, {"x": 1}, ["jump"]),
    ("if(x >= 1, x, 0)", {"x": 1}, 1, {"x": 1}, ["jump"]),
    ("if(x == 1, x, 0)", {"x": 1}, 1, {"x": 1}, ["jump"]),
    ("if(x != 1, x, 0)", {"x": 1}, 0, {"x": 0}, ["jump"]),
]


def point_id(row: tuple[str, dict[str, float], float, dict[str, float], list[str]]) -> str:
    return f"{row[0]} at {row[1]}"


@pytest.mark.parametrize("row", ROWS, ids=point_id)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_an_edge_point_has_one_rule_in_both_modes(row: tuple[Any, ...], mode: str) -> None:
    text, point, value, grad, kinds = row
    report = Formula(text).at(point, mode=mode)
    assert same(float(report.value), value)  # type: ignore[arg-type]
    assert report.grad is not None
    for name, slope in grad.items():
        assert same(report.grad[name], slope), f"{name}: {report.grad[name]}"
    assert [note.kind for note in report.notes] == kinds


@pytest.mark.parametrize("row", ROWS, ids=point_id)
def test_inside_a_step_an_edge_point_is_the_same_and_noted_at_the_step(row: tuple[Any, ...]) -> None:
    text, point, value, grad, kinds = row
    report = Formula(f"q = {text}; r = q; r").at(point, nodes="steps")
    assert same(float(report.value), value)  # type: ignore[arg-type]
    assert report.grad is not None
    assert all(same(report.grad[name], slope) for name, slope in grad.items())
    assert [(note.kind, note.node) for note in report.notes] == [(kind, report.rows[0].id) for kind in kinds]


@pytest.mark.parametrize("row", [row for row in ROWS if row[4]], ids=point_id)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_every_format_says_the_note_in_the_same_words(row: tuple[Any, ...], mode: str) -> None:
    report = Formula(row[0]).at(row[1], mode=mode)
    document = json.loads("".join(renderer("json").render(report, Style())))
    said = "\n".join(notes(report, Style()))
    assert [note["kind"] for note in document["notes"]] == row[4]
    for note, told in zip(document["notes"], report.notes, strict=True):
        assert (note["severity"], note["message"]) == (told.severity, told.message)
        assert f"{told.severity}: {told.message}" in said
        assert note["one_sided"] == (None if told.one_sided is None else list(told.one_sided))


@pytest.mark.parametrize("row", [row for row in ROWS if row[4]], ids=point_id)
def test_strict_refuses_what_would_be_noted(row: tuple[Any, ...]) -> None:
    with pytest.raises(BackpropError, match="refused by --strict"):
        Formula(row[0]).at(row[1], strict=True)


BOTH = [
    # Infinities that undo each other, or meet a zero, in one sweep alone.
    ("2*sqrt(x) - sqrt(x)", INF, ["warning unbounded v1", "note inf_minus_inf v3"]),
    ("sqrt(2*x - x)", INF, ["warning unbounded v3", "note inf_minus_inf x"]),
    ("sqrt(x^2 + x)", INF, ["warning unbounded v3", "note inf_times_zero v1"]),
    ("-sqrt(x^2 + x)", -INF, ["warning unbounded v3", "note inf_times_zero v1"]),
    # In both of them: each in another place.
    ("sqrt(x) - cbrt(x)", NAN, ["warning unbounded v1", "warning unbounded v2", "warning inf_minus_inf x"]),
    ("2*sqrt(2*x - x) - sqrt(2*x - x)", NAN, ["warning unbounded v3", "warning inf_minus_inf x"]),
    ("sqrt(x) - sqrt(x)", NAN, ["warning inf_times_zero v1"]),
    ("sqrt(x - x)", NAN, ["warning inf_times_zero v2"]),
    # A product that is too large in one of them alone.
    ("1e200*(1e200*(1e-150*(1e-150*x)))", 1e100, ["warning overflow v2", "note overflow v3"]),
]


@pytest.mark.parametrize(("text", "slope", "notes"), BOTH)
def test_what_one_sweep_loses_both_take_from_the_other(text: str, slope: float, notes: list[str]) -> None:
    reports = [Formula(text).at({"x": 0}, mode=mode) for mode in ("reverse", "forward", "both")]
    for report in reports:
        assert report.grad is not None
        assert same(report.grad["x"], slope)
        assert [f"{note.severity} {note.kind} {note.node}" for note in report.notes] == notes
        assert report.notes == reports[0].notes
    assert same(Formula(text).gradient(x=0)["x"], slope)
    assert same(Formula(text).jvp({"x": 0}, {"x": 1}), slope)
    assert same(Formula(text).jacobian({"x": 0})["x"], slope)


def test_the_sweep_that_lost_a_derivative_is_named_with_the_place() -> None:
    assert Formula("2*sqrt(x) - sqrt(x)").at(x=0).notes[1].message == (
        "in the forward sweep inf and -inf meet at 2*sqrt(x) - sqrt(x); the derivative by x is what the backward sweep"
        " gives"
    )
    assert Formula("sqrt(x) - cbrt(x)").at(x=0).notes[2].message == (
        "in the backward sweep inf and -inf meet at x and in the forward sweep inf and -inf meet at sqrt(x) - cbrt(x):"
        " the derivative by x is undefined"
    )
    many = " + ".join([f"x_{k}" for k in range(5)])
    report = Formula(f"sqrt({many} + ({many})^2)").at({f"x_{k}": 0 for k in range(5)})
    assert report.notes[1].message.endswith(
        "; the derivatives by x_0, x_1, x_2 and 2 more are what the forward sweep gives"
    )


def test_a_zero_by_underflow_is_no_better_than_an_infinity() -> None:
    formula = Formula("1e200*(1e200*(1e-200*(1e-200*x)))")
    for mode in ("reverse", "forward"):
        report = formula.at({"x": 1}, mode=mode)
        assert report.grad == {"x": INF}
        assert [note.kind for note in report.notes] == ["overflow"]


def test_the_tables_keep_what_each_sweep_gives() -> None:
    backward, forward = [Formula("sqrt(2*x - x)").at({"x": 0}, mode=mode) for mode in ("reverse", "forward")]
    assert math.isnan(backward.variables[0].adjoint or 0.0)
    assert forward.rows[-1].tangents == {"x": INF}
    assert backward.grad == forward.grad == {"x": INF}


def test_one_output_does_not_meet_the_infinities_of_another() -> None:
    formula = Formula("p = x + y; q = sqrt(x)")
    assert formula.jacobian({"x": 0, "y": 1}) == {"x": [1.0, INF], "y": [1.0, 0.0]}
    assert formula.vjp({"x": 0, "y": 1}, [2, 0]) == {"x": 2.0, "y": 2.0}
    assert Formula("x + sqrt(y)").jvp({"x": 1, "y": 0}, {"x": 1, "y": 0}) == 1.0


ERRORS = [
    ("(-2)^0.5*x", {"x": 1}, "needs a positive base"),
    ("log(x)", {"x": 0}, "log(x) needs x > 0, but x = 0"),
    ("log(x)", {"x": -1}, "log(x) needs x > 0, but x = -1"),
    ("1/x", {"x": 0}, "1/x needs x != 0, but x = 0"),
    ("x/x", {"x": 0}, "x/x needs x != 0, but x = 0"),
    ("0*x/x", {"x": 0}, "needs x != 0"),
    ("sqrt(x - 5)", {"x": 2}, "sqrt(x - 5) needs x - 5 >= 0, but x - 5 = -3"),
    ("log(sigmoid(x))", {"x": -1000}, "needs sigmoid(x) > 0"),
    ("exp(log(x))", {"x": 0}, "log(x) needs x > 0"),
    ("if(x > 0, x, log(x))", {"x": -1}, "log(x) needs x > 0"),
    ("log(x, b)", {"x": 2, "b": 0}, "needs x > 0 and b > 0 and b != 1"),
    ("exp(x)", {"x": 1000}, "exp(x) overflows"),
    ("gamma(x)", {"x": -2}, "gamma(x) needs a number that is not 0 or a negative whole number, but x = -2"),
    ("digamma(x)", {"x": 0}, "digamma(x) needs a number that is not 0 or a negative whole number, but x = 0"),
    ("factorial(x)", {"x": -1}, "factorial(x) needs a number that is not a negative whole number, but x = -1"),
    ("polygamma(0.5, x)", {"x": 1}, "polygamma(0.5, x) needs a whole order from 0 to 170"),
    ("erfinv(x)", {"x": 1}, "erfinv(x) needs -1 < x and x < 1, but x = 1"),
    ("mod(x, y)", {"x": 1, "y": 0}, "mod(x, y) needs y != 0, but"),
    ("cot(x)", {"x": 0}, "cot(x) needs x != 0, but x = 0"),
    ("asec(x)", {"x": 0.5}, "asec(x) needs abs(x) >= 1, but x = 0.5"),
    ("x", {"x": NAN}, "no finite number"),
    ("x", {"x": INF}, "no finite number"),
]


@pytest.mark.parametrize(("text", "point", "message"), ERRORS)
def test_a_value_that_does_not_exist_is_an_error_at_its_place(text: str, point: dict[str, float], message: str) -> None:
    with pytest.raises(BackpropError) as caught:
        Formula(text).at(point)
    assert message in caught.value.message
    assert caught.value.exit_code == 2


def test_an_underflow_is_told_with_the_form_that_has_none() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("log(sigmoid(x))").at(x=-1000)
    assert caught.value.hint == "sigmoid(x) underflows to 0; write log_sigmoid(x)"


def test_an_overflow_inside_is_a_warning_that_names_the_form_without() -> None:
    report = Formula("1/(1 + exp(-x))").at(x=-1000)
    assert report.value == 0.0
    (note,) = report.notes
    assert (note.severity, note.kind, note.node) == ("warning", "overflow", "v2")
    assert note.message == "exp(-x) overflows; sigmoid(x) does not"


def test_notes_carry_the_slopes_on_both_sides() -> None:
    def slopes(text: str) -> object:
        return Formula(text).at(x=0).notes[0].one_sided

    assert slopes("abs(x)") == (-1.0, 1.0)
    assert slopes("relu(x)") == (0.0, 1.0)
    assert slopes("sqrt(x^2)") == (-1.0, 1.0)


def test_a_nan_does_not_spread_to_other_inputs() -> None:
    report = Formula("log(x) + y").at({"x": -1.0, "y": 2.0}, ieee=True)
    assert report.grad is not None
    assert math.isnan(float(report.value))  # type: ignore[arg-type]
    assert report.grad["y"] == 1.0


def test_the_first_node_that_went_wrong_is_named() -> None:
    report = Formula("exp(sqrt(log(x))) + y").at({"x": 0.0, "y": 2.0}, ieee=True)
    assert report.notes[0].node == "v1"
    assert "log(x)" in report.notes[0].message


def test_ieee_lets_inf_and_nan_in() -> None:
    report = Formula("x*2 + max(x, y)").at({"x": INF, "y": NAN}, ieee=True)
    assert math.isnan(float(report.value))  # type: ignore[arg-type]


def test_an_absent_derivative_is_zero_without_a_path() -> None:
    report: Report = Formula("where(x > 0, log(x), y)").at(x=-1, y=2)
    assert report.grad == {"x": 0.0, "y": 1.0}
    log = next(row for row in report.rows if row.op == "log")
    assert (log.path, log.adjoint) == (False, 0.0)


def test_what_is_not_differentiated_has_no_derivative() -> None:
    report = Formula("x^y").at({"x": -2.0, "y": 3.0}, wrt=["x"])
    assert report.grad == {"x": 12.0}
    assert not report.notes
    assert [edge.partial for edge in report.rows[0].inputs] == [12.0, None]


@pytest.mark.parametrize("text", ["abs(x)^2", "relu(x) - relu(-x)"])
@pytest.mark.parametrize("asked", [{"order": 2}, {"hessian": True}, {"hvp": {"x": 1.0}}])
def test_a_second_derivative_through_a_kink_is_warned_about(text: str, asked: dict[str, Any]) -> None:
    report = Formula(text).at({"x": 0.0}, **asked)
    assert "second_order_kink" in [note.kind for note in report.notes]
    assert "warning" in [note.severity for note in report.notes]


def test_a_kink_that_does_not_matter_is_not_mentioned() -> None:
    assert not Formula("max(abs(x), y)").at(x=0, y=5).notes
    assert not Formula("where(y > 0, y, abs(x))").at(x=0, y=5).notes


def test_notes_come_from_the_users_nodes_and_never_from_inside_a_rule() -> None:
    assert not Formula("sigmoid(x) + tanh(x) + softplus(x)").at(x=0).notes
