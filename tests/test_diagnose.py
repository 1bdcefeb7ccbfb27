"""The diagnosis: what is amiss is found, is named where it stands, and has a way out; what is well is left alone."""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from typing import Any

import jsonschema
import mpmath
import pytest

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.floats import Floats, compile_graph
from backpropcli.cli import main
from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.passes.advice import DIGITS
from backpropcli.passes.diagnose import FULL
from backpropcli.primitives import Primitive
from backpropcli.rendering import Style, formats, renderer
from backpropcli.rendering._schema import SCHEMA
from tests import oracle


def found(text: str, **point: float) -> list[dict[str, Any]]:
    return list(Formula(text).diagnose(point)["findings"])


def kinds(text: str, **point: float) -> list[str]:
    return [finding["kind"] for finding in found(text, **point)]


# Digits


def test_a_difference_of_what_is_equal_loses_all_digits() -> None:
    (finding,) = found("1 - cos(x)", x=1e-8)
    assert finding["kind"] == "cancellation"
    assert finding["severity"] == "warning"
    assert finding["node"] == "v2"
    assert finding["written"] == "1 - cos(x)"
    assert finding["place"] == [0, 10]
    assert finding["value"] > 15
    assert finding["message"].startswith("1 - cos(x) keeps no digit that is right: 1 and cos(x) cancel")
    assert finding["hint"] == "write 2*sin(x/2)^2"


@pytest.mark.parametrize(
    ("text", "x", "lost", "better"),
    [
        ("exp(x) - 1", 1e-10, 10, "expm1(x)"),
        ("e^x - 1", 1e-10, 10, "expm1(x)"),
        ("1 - exp(2x)", 1e-6, 6, "-expm1(2x)"),
        ("log(1 + x)", 1e-9, 8, "log1p(x)"),
        ("log(1 - x)", 1e-9, 8, "log1p(-x)"),
        ("1 - sigmoid(x)", 20.0, 8, "sigmoid(-x)"),
        ("1 - tanh(x)^2", 10.0, 8, "sech(x)^2"),
        ("sqrt(x + 1) - sqrt(x)", 1e12, 12, "1/(sqrt(x + 1) + sqrt(x))"),
        ("sqrt(x + 1) - 1", 1e-12, 12, "x/(sqrt(x + 1) + 1)"),
        ("x^2 - y^2", 1.00000001, 8, "(x - y)*(x + y)"),
        ("1 - x^2", 0.99999999, 8, "(1 - x)*(1 + x)"),
        ("cos(x) - 1", 1e-4, 8, "-2*sin(x/2)^2"),
        ("cosh(x) - 1", 1e-4, 8, "2*sinh(x/2)^2"),
        ("exp(x) - exp(-x)", 1e-7, 7, "2*sinh(x)"),
        ("log(x) - log(y)", 1.0000001e8, 8, "log1p((x - y)/y)"),
    ],
)
def test_a_loss_has_its_stable_form(text: str, x: float, lost: float, better: str) -> None:
    formula = Formula(text)
    point = {"x": x, **({"y": 1.0 if "^" in text else 1e8} if "y" in formula.variables else {})}
    losses = [finding for finding in formula.diagnose(point)["findings"] if "write" in (finding["hint"] or "")]
    assert losses[0]["hint"] == f"write {better}"
    assert losses[0]["value"] == pytest.approx(lost, abs=1.7)
    # And with it the loss is gone, and the value is the one it should have been.
    assert not {"cancellation", "amplification"} & {
        finding["kind"] for finding in Formula(better, variables=point).diagnose(point)["findings"]
    }
    assert Formula(better, variables=point).value(point) == pytest.approx(formula.value(point), rel=1e-1)


def test_every_stable_form_is_the_same_function() -> None:
    dice = random.Random(7)
    for pattern, better in DIGITS:
        point = {"a": dice.uniform(0.2, 0.8), "b": dice.uniform(0.2, 0.8)}
        stable = better.format(a="a", b="b", A="a", B="b")
        want = Formula(pattern, variables=("a", "b")).value({k: point[k] for k in Formula(pattern).variables})
        got = Formula(stable, variables=("a", "b")).value({k: point[k] for k in Formula(stable).variables})
        assert math.isclose(got, want, rel_tol=1e-13), pattern


def test_the_digits_that_are_right_are_those_that_mpmath_has() -> None:
    cases = [
        ("1 - cos(x)", lambda x: 1 - mpmath.cos(x), 1e-4),
        ("exp(x) - 1", lambda x: mpmath.exp(x) - 1, 1e-7),
        ("x^3 - 3x^2 + 3x - 1", lambda x: (x - 1) ** 3, 1.0001),
        ("(1 - cos(x))/x^2", lambda x: (1 - mpmath.cos(x)) / x**2, 3e-6),
        ("sin(1e6*x)", lambda x: mpmath.sin(mpmath.mpf(10) ** 6 * x), 0.7),
        ("sqrt(x^2 + 1) - x", lambda x: mpmath.sqrt(x**2 + 1) - x, 1e4),
    ]
    for text, function, x in cases:
        report = Formula(text).at({"x": x}, diagnose=True)
        kept = report.extras["diagnose"]["nodes"][-1]["digits_kept"]
        with mpmath.workdps(60):
            want = function(mpmath.mpf(x))
            off = abs((mpmath.mpf(float(report.value)) - want) / want)  # type: ignore[arg-type]
        # An estimate of the size: no fewer digits are right, and at most three more by luck.
        assert off <= 10**-kept, text
        assert off >= 10 ** -(kept + 3) or kept > 15, text


def test_exact_inputs_lose_nothing() -> None:
    report = Formula("x - y").at({"x": 1.0000001, "y": 1.0}, diagnose=True)
    diagnosis = report.extras["diagnose"]
    assert diagnosis["findings"] == []
    (node,) = diagnosis["nodes"]
    assert node["digits_kept"] == FULL
    assert node["digits_lost"] == pytest.approx(7.3, abs=0.1)
    assert node["condition"] == pytest.approx(2e7, rel=1e-3)


def test_rounding_before_a_steep_function_is_told() -> None:
    (finding,) = found("sin(1e9*x)", x=0.1)
    assert finding["kind"] == "amplification"
    assert "magnifies the rounding of 1e9*x" in finding["message"]


def test_a_loss_in_numbers_alone_is_found_too() -> None:
    assert "cancellation" in kinds("1 - cos(0.00000001) + x", x=1.0)


def test_what_is_not_needed_is_not_diagnosed() -> None:
    assert kinds("where(x > 0, 1 - cos(x*1e-8), x)", x=-1.0) == []
    assert kinds("where(x > 0, log(x), 0)", x=-1.0) == []


# Values


def test_the_first_value_that_is_none_comes_first_with_its_cause() -> None:
    first, second = found("log(sigmoid(x))", x=-800)
    assert (first["kind"], first["node"], first["value"]) == ("not_finite", "v2", -math.inf)
    assert first["hint"] == "sigmoid(x) underflows to 0; write log_sigmoid(x)"
    assert (second["kind"], second["node"], second["place"]) == ("underflow", "v1", [4, 14])
    assert second["hint"] == "write log_sigmoid(x)"


def test_an_overflow_is_named_where_it_happens() -> None:
    (finding,) = found("1e200*1e200*x", x=1.0)
    assert (finding["kind"], finding["node"], finding["value"]) == ("not_finite", "v1", math.inf)
    (finding,) = found("sqrt(x^2 + y^2)", x=1e200, y=1.0)
    assert (finding["kind"], finding["hint"]) == ("not_finite", "write hypot(x, y)")
    overflow, saturated = found("1/(1 + exp(-x))", x=-1000)
    assert (overflow["kind"], overflow["node"], overflow["hint"]) == ("overflow", "v2", "write sigmoid(x)")
    assert (saturated["kind"], saturated["node"]) == ("saturated", "v4")


def test_an_input_that_is_not_finite_is_told() -> None:
    assert kinds("x + 1", x=math.inf)[0] == "not_finite"


@pytest.mark.parametrize(
    ("text", "x", "kind"),
    [
        ("exp(x)", 700.0, "near_overflow"),
        ("exp(x)", -720.0, "near_underflow"),
        ("exp(x)", -800.0, "underflow"),
        ("x*x", 1e-200, "underflow"),
        ("x^2", 1e-200, "underflow"),
        ("1/x", 1e301, "near_underflow"),
        ("x*0", 1.0, None),
        ("0/x", 1.0, None),
        ("relu(x)", 0.0, None),
        ("x^2", 0.0, None),
    ],
)
def test_the_ends_of_the_range(text: str, x: float, kind: str | None) -> None:
    assert [each for each in kinds(text, x=x) if "flow" in each] == ([kind] if kind else [])


# Gates and paths


def test_a_saturated_gate_is_named() -> None:
    (finding,) = found("sigmoid(x)", x=50)
    assert finding["kind"] == "saturated"
    assert finding["value"] == pytest.approx(math.exp(-50))
    assert finding["message"] == "sigmoid(x) is saturated: its slope is 1.93e-22 at x = 50"
    assert kinds("tanh(w*x)", w=10.0, x=-3.0) == ["saturated"]
    assert kinds("exp(a)/(exp(a) + exp(b) + exp(c))", a=30.0, b=1.0, c=2.0) == ["saturated"]
    assert kinds("1/(1 + exp(-x))", x=12.0) == ["saturated"]
    assert kinds("sigmoid(x) + tanh(x)", x=2.0) == []


def test_a_dead_unit_is_named() -> None:
    (finding,) = found("relu(w*x + b)*v", w=1.0, x=-3.0, b=1.0, v=2.0)
    assert (finding["kind"], finding["node"], finding["value"]) == ("dead", "v3", 0.0)
    assert kinds("max(0, x)", x=-1.0) == ["dead"]
    assert kinds("max(0, x)", x=1.0) == []
    assert kinds("max(y, x)", x=1.0, y=2.0) == []
    assert kinds("relu(x)", x=0.0) == []  # A kink, which a note is about.


def test_a_chain_of_sigmoids_makes_the_derivative_vanish() -> None:
    text = "sigmoid(" * 20 + "x" + ")" * 20
    (finding,) = found(text, x=0.5)
    assert finding["kind"] == "vanishing"
    assert finding["value"] == pytest.approx(Formula(text).gradient(x=0.5)["x"])
    assert "20 factors multiply to 1.14e-13" in finding["message"]
    assert kinds("sigmoid(" * 5 + "x" + ")" * 5, x=0.5) == []
    # Beside a path that does not vanish nothing is amiss.
    assert kinds(text + " + x", x=0.5) == []


@pytest.mark.parametrize("text", ["x^20", "*".join("x" * 20), "(x^5)^4", "a = x^2; b = a^2; c = b^2; d = c^2; d*b"])
def test_a_product_of_many_makes_it_explode(text: str) -> None:
    (finding,) = found(text, x=10.0)
    assert finding["kind"] == "exploding"
    assert finding["value"] > 1e18


def test_units_of_measurement_explode_nothing() -> None:
    assert kinds("6.674e-11*m_1*m_2/r^2", m_1=5.97e24, m_2=7.35e22, r=3.84e8) == []
    assert kinds("1e9*x", x=2.0) == []


def test_of_many_weights_the_worst_is_told_and_how_many_more() -> None:
    layer = "y0 = x"
    for i in range(12):
        layer += f"; y{i + 1} = sigmoid(w{i}*y{i})"
    formula = Formula(layer + "; y12")
    point = dict.fromkeys(formula.variables, 0.5)
    (finding,) = formula.diagnose(point)["findings"]
    assert finding["kind"] == "vanishing"
    assert finding["message"].startswith("the derivative by x (and ")


def test_paths_are_the_extreme_products() -> None:
    paths = Formula("x*y + sin(x)*z").diagnose({"x": 0.0, "y": 5.0, "z": 0.25})["paths"]
    assert paths["x"] == {"largest": pytest.approx(5.0), "smallest": pytest.approx(0.25)}
    assert paths["z"] == {"largest": 0.0, "smallest": 0.0}


# Inputs


def test_the_condition_is_the_relative_derivative() -> None:
    diagnosis = Formula("x^3*exp(y)").diagnose({"x": 2.0, "y": 5.0})
    assert diagnosis["condition"] == {"x": pytest.approx(3.0), "y": pytest.approx(5.0)}
    assert Formula("exp(x)").diagnose({"x": 709.0})["condition"]["x"] == pytest.approx(709)
    assert Formula("x - 1").diagnose({"x": 1.0})["condition"]["x"] == math.inf
    assert kinds("sin(x)", x=1e9) == ["ill_conditioned"]


def test_only_what_is_differentiated_has_paths_and_all_of_it_carries_errors() -> None:
    report = Formula("exp(y) - 1 + x").at({"x": 0.0, "y": 1e-9}, wrt=["x"], diagnose=True)
    diagnosis = report.extras["diagnose"]
    assert list(diagnosis["condition"]) == list(diagnosis["paths"]) == ["x"]
    assert [finding["kind"] for finding in diagnosis["findings"]] == ["cancellation"]


# As a whole


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("(x + σ(x)) / (σ(x) + (x + y)^2)", {"x": 4.0, "y": 3.0}),
        ("tanh(x*y) + exp(-x^2/2)*cos(y)", {"x": 0.7, "y": -1.2}),
        ("log(x)*y^x + sqrt(x*y)", {"x": 1.3, "y": 2.1}),
        ("x*y", {"x": 0.0, "y": 0.0}),
        ("3", {}),
    ],
)
def test_nothing_is_said_of_what_is_well(text: str, point: dict[str, float]) -> None:
    diagnosis = Formula(text).at(point, diagnose=True).extras["diagnose"]
    assert (diagnosis["findings"], diagnosis["more"]) == ([], 0)


@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
def test_nodes_are_those_of_the_report(nodes: str) -> None:
    report = Formula("a = cos(x); b = 1 - a; b/x^2").at({"x": 1e-7}, nodes=nodes, diagnose=True)
    ids = {row.id for row in report.rows}
    diagnosis = report.extras["diagnose"]
    assert {node["node"] for node in diagnosis["nodes"]} <= ids
    losses = [finding for finding in diagnosis["findings"] if finding["kind"] == "cancellation"]
    assert losses
    assert {finding["node"] for finding in losses} <= ids


def test_several_outputs_are_refused() -> None:
    with pytest.raises(BackpropError, match="--diagnose needs one output"):
        Formula("a = x; b = 2x").at({"x": 1.0}, diagnose=True)


def test_random_formulas_give_a_document_that_holds() -> None:
    dice = random.Random(11)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    parts = ["x", "y", "exp(x)", "log(y)", "sigmoid(50*x)", "1/y", "x^20", "sqrt(x)", "relu(y)", "tan(y)", "1e200*x"]
    for _ in range(150):
        text = " ".join(f"{dice.choice(parts)} {dice.choice('+-*/')}" for _ in range(6)) + " 2"
        formula = Formula(text)
        point = {name: dice.choice([0.0, 1.0, -1.0, 30.0, 1e-9, 1e200]) for name in formula.variables}
        report = formula.at(
            point, ieee=True, diagnose=True, finite_differences=True, nodes=dice.choice(("gates", "steps"))
        )
        validator.validate(json.loads("".join(renderer("json").render(report, Style()))))


def test_it_is_linear_in_the_formula() -> None:
    times = []
    for size in (2_000, 8_000):
        text = " + ".join(f"(1 - cos(x{i % 50}))" for i in range(50)) + "".join(f" + sin({i}*x0)" for i in range(size))
        formula = Formula(text, max_chars=None)
        point = dict.fromkeys(formula.variables, 1e-8)
        formula.gradient(point)
        start = time.perf_counter()
        diagnosis = formula.diagnose(point)
        times.append(time.perf_counter() - start)
        assert len(diagnosis["findings"]) <= 100
    assert times[1] < 12 * times[0]


# On the command line


def test_the_option_prints_the_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "exp(x) - 1", "--x", "1e-10", "--diagnose"]
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["diagnose"]["findings"][0]["hint"] == "write expm1(x)"
    assert main(arguments) == 0
    assert "v2: exp(x) - 1 keeps 6 of 16 digits" in capsys.readouterr().out


def test_where_there_is_no_value_what_led_there_is_told_before_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "log(sigmoid(x))*y", "--x", "-800", "--y", "1", "--diagnose"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    cause, error, *_ = captured.err.splitlines()
    assert cause.startswith("warning: sigmoid(x) underflows to 0")
    assert error == "error: log(sigmoid(x)) needs sigmoid(x) > 0, but sigmoid(x) = 0"
    assert main(["eval", "x*y", "--x", "1", "--y", "1", "--diagnose", "--wrt", "q"]) == 2
    assert capsys.readouterr().err.startswith("error: --wrt names q")
    assert main(["eval", "x*y", "--x", "1", "--diagnose"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_every_format_has_the_sections() -> None:
    report = Formula("1 - cos(x)").at({"x": 1e-8}, diagnose=True, latex=True)
    for name in formats():
        text = "".join(renderer(name).render(report, Style(80)))
        assert "cancel" in text, name


def test_a_table_reads_well() -> None:
    report = Formula("1 - cos(x)").at({"x": 1e-8}, diagnose=True)
    text = "".join(renderer("table").render(report, Style(80)))
    assert text.partition("\nDiagnosis\n")[2] == (
        "v2: 1 - cos(x) keeps no digit that is right: 1 and cos(x) cancel, and their\n"
        "  rounding is what remains; write 2*sin(x/2)^2\n"
        "\n"
        "Digits\n"
        "──────────────────────────────────────────────\n"
        "     condition   digits at risk   digits right\n"
        "──────────────────────────────────────────────\n"
        "v1   1e-16        0               15.7\n"
        "v2   inf         16                0\n"
        "──────────────────────────────────────────────\n"
        "\n"
        "Inputs\n"
        "────────────────────────────────────────────\n"
        "    condition   largest path   smallest path\n"
        "────────────────────────────────────────────\n"
        "x   inf         1e-8           1e-8\n"
        "────────────────────────────────────────────\n"
        "\n"
        "z = 0    dz/dx = 1e-8\n"
    )


FAR = (0.0, 2.0, 1e-200, -1e-200, 45.5, -45.5, 1100.5, -1100.5)


@pytest.mark.parametrize("entry", [entry for entry in primitives.TABLE.values() if entry.nonzero], ids=lambda e: e.name)
def test_the_table_says_where_a_zero_is_an_underflow(entry: Primitive) -> None:
    """Where its condition holds a 0 is met that is none, and elsewhere every 0 is one."""
    count = len(entry.names)
    points = [*entry.samples, *entry.hard]
    points += itertools.product(FAR if count == 1 else (*FAR, 1e200, -1e200), repeat=count)
    points = [point for point in points if entry.domain is None or over(entry, entry.domain, point)]
    zeros = [point for point in points if Floats().function(entry.name, count)(*point) == 0.0]
    by_underflow = [point for point in zeros if over(entry, entry.nonzero or "", point)]
    assert any(oracle.value(entry.name, point) != 0 for point in by_underflow)
    assert all(oracle.value(entry.name, point) == 0 for point in zeros if point not in by_underflow)


def over(entry: Primitive, text: str, point: tuple[float, ...]) -> float:
    """A condition of the entry at a point where the result is 0."""
    return compile_graph(rules.condition(entry.name, text, len(point)), (*entry.names, rules.RESULT))([*point, 0.0])


def test_the_table_says_where_a_gate_stops_to_respond() -> None:
    for entry in primitives.TABLE.values():
        if entry.saturates is not None:
            slope = Floats().partial(entry.name, 0, len(entry.names))
            assert slope is not None
            slopes = []
            for x in (-1e3, 1e3):
                point = [x, *entry.left_out(1)]
                slopes.append(abs(slope([*point, Floats().function(entry.name, len(point))(*point)]) or 0.0))
            assert min(slopes) < 1e-5, entry.name
            assert (max(slopes) < 1e-5) == (entry.saturates == "both"), entry.name
    assert {entry.saturates for entry in primitives.TABLE.values()} == {None, "both", "one"}
