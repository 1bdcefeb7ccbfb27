"""The check by differences: it agrees with right rules everywhere, and with wrong ones nowhere that it can see."""

from __future__ import annotations

import functools
import json
import math
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backpropcli import primitives
from backpropcli.algebras import floats, rules
from backpropcli.cli import main
from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.primitives import Elementwise, Primitive
from backpropcli.rendering import Style, formats, renderer
from backpropcli.rendering._schema import SCHEMA
from tests.test_primitives import points_in_domain


def checked(text: str, point: dict[str, float], **options: Any) -> dict[str, dict[str, Any]]:
    found = Formula(text).at(point, finite_differences=True, **options).extras["finite_differences"]
    assert found["ok"] == all(entry["verdict"] != "FAIL" for entry in found["entries"])
    return {entry["variable"]: entry for entry in found["entries"]}


# The table of edge points

PLACES = [
    ("abs(x)", {"x": 0}, {"x": "kink"}),
    ("relu(x)", {"x": 0}, {"x": "kink"}),
    ("max(x, 0)", {"x": 0}, {"x": "kink"}),
    ("max(x, y, z)", {"x": 1, "y": 1, "z": 1}, {"x": "kink", "y": "kink", "z": "kink"}),
    ("clip(x, 0, 1)", {"x": 1}, {"x": "kink"}),
    ("sign(x)", {"x": 0}, {"x": "jump"}),
    ("step(x)", {"x": 0}, {"x": "jump"}),
    ("floor(x)", {"x": 2}, {"x": "jump"}),
    ("ceil(x)", {"x": 2}, {"x": "jump"}),
    ("round(x)", {"x": 2.5}, {"x": "jump"}),
    ("floor(x)", {"x": 2.5}, {"x": "ok"}),
    ("floor(x)", {"x": 2 - 1e-9}, {"x": "ok"}),
    ("sqrt(x)", {"x": 0}, {"x": "unbounded"}),
    ("cbrt(x)", {"x": 0}, {"x": "unbounded"}),
    ("asin(x)", {"x": 1}, {"x": "unbounded"}),
    ("acos(x)", {"x": -1}, {"x": "unbounded"}),
    ("acosh(x)", {"x": 1}, {"x": "unbounded"}),
    ("sqrt(x^2)", {"x": 0}, {"x": "kink"}),
    ("2*sqrt(x) - sqrt(x)", {"x": 0}, {"x": "unbounded"}),
    ("hypot(x, y)", {"x": 0, "y": 0}, {"x": "kink", "y": "kink"}),
    ("x^0", {"x": 0}, {"x": "ok"}),
    ("x^y", {"x": 0, "y": 0}, {"x": "ok", "y": "jump"}),
    ("x^y", {"x": 0, "y": 2}, {"x": "ok", "y": "ok"}),
    ("x^y", {"x": 0, "y": 0.5}, {"x": "unbounded", "y": "ok"}),
    ("x^y", {"x": -2, "y": 3}, {"x": "ok", "y": "skipped"}),
    ("atan2(y, x)", {"y": 0, "x": 0}, {"y": "jump", "x": "jump"}),
    ("where(x > 0, log(x), 0)", {"x": 0}, {"x": "jump"}),
    ("sigmoid(x) + softplus(x)", {"x": 1000}, {"x": "ok"}),
    ("hypot(x, y)", {"x": 1e200, "y": 1e200}, {"x": "ok", "y": "ok"}),
    # Of the user's own making, with no edge in the table.
    ("where(x > 0, x, -x)", {"x": 0}, {"x": "kink"}),
    ("(x^2)^0.5", {"x": 0}, {"x": "kink"}),
    ("acos(cos(x))", {"x": math.pi}, {"x": "kink"}),
    ("abs(x)^0.5", {"x": 0}, {"x": "unbounded"}),
    ("where(x > 0, x*log(x), 0)", {"x": 0}, {"x": "unbounded"}),
    ("relu(x) - relu(-x)", {"x": 0}, {"x": "kink"}),
    ("2*relu(-x) - relu(x)", {"x": 0}, {"x": "kink"}),
    ("abs(x)^1.5", {"x": 0}, {"x": "ok"}),
    # The edge of a domain.
    ("x^1.5", {"x": 0}, {"x": "one_sided"}),
    ("x^1.1", {"x": 0}, {"x": "one_sided"}),
    ("sqrt(x)^3 + x", {"x": 0}, {"x": "skipped"}),
    ("sqrt(x)", {"x": 1e-12}, {"x": "ok"}),
    ("sqrt(x)", {"x": 1e-300}, {"x": "ok"}),
    ("log(x)", {"x": 1e-300}, {"x": "ok"}),
    ("exp(x)", {"x": 709.7}, {"x": "ok"}),
    # Scales that a fixed step does not see.
    ("abs(x)", {"x": 1e-9}, {"x": "ok"}),
    ("abs(x)", {"x": 1e-300}, {"x": "ok"}),
    ("tanh(1e30*x)", {"x": 0}, {"x": "ok"}),
    ("sin(1e9*x)", {"x": 1}, {"x": "ok"}),
    ("x + 1e-8*tanh(1e10*x)", {"x": 0}, {"x": "ok"}),
    ("sin(x)", {"x": 1e9}, {"x": "ok"}),
    ("x^20", {"x": 1e15}, {"x": "ok"}),
    # Where rounding hides everything.
    ("sin(1e17*x)", {"x": 1}, {"x": "skipped"}),
    ("sin(x)", {"x": 1e17}, {"x": "skipped"}),
    ("sin(x)", {"x": 2.7863383125079685e232}, {"x": "skipped"}),
    ("frac(x)", {"x": 1e300}, {"x": "jump"}),
    ("floor(x)", {"x": -667555440328760.9}, {"x": "skipped"}),
    ("lgamma(x)", {"x": -163935261893391.4}, {"x": "skipped"}),
    ("trigamma(x)", {"x": -13481884982867.348}, {"x": "skipped"}),
    ("mod(x, y)", {"x": 7.7240545432776315, "y": 1.7248705654594367e-53}, {"x": "skipped", "y": "skipped"}),
    ("(1 - cos(x))/x^2", {"x": 1e-9}, {"x": "skipped"}),
    ("1 + x + 1e-17*tanh(1e18*x)", {"x": 0}, {"x": "skipped"}),
    ("0*x + x - x", {"x": 2}, {"x": "ok"}),
]


@pytest.mark.parametrize(("text", "point", "verdicts"), PLACES, ids=lambda part: str(part))
def test_every_place_has_its_verdict(text: str, point: dict[str, float], verdicts: dict[str, str]) -> None:
    found = checked(text, point)
    assert {name: entry["verdict"] for name, entry in found.items()} == verdicts
    for entry in found.values():
        if entry["verdict"] in ("ok", "one_sided"):
            assert abs(entry["ad"] - entry["fd"]) <= entry["error"]
        assert (entry["message"] is None) == (entry["verdict"] == "ok" or entry["message"] is None)
        assert entry["verdict"] == "ok" or entry["message"]


def test_a_kink_shows_its_slopes() -> None:
    (entry,) = checked("3*abs(x)", {"x": 0.0}).values()
    assert entry["one_sided"] == pytest.approx((-3.0, 3.0))
    assert entry["message"] == "the slopes are -3 and 3"
    (entry,) = checked("relu(x) - relu(-x)", {"x": 0.0}).values()
    assert entry["message"] == "differences give 1; a convention inside the formula gives 0"


def test_only_what_is_differentiated_is_checked() -> None:
    assert list(checked("x*y + z", {"x": 1.0, "y": 2.0, "z": 3.0}, wrt=["y", "x"])) == ["x", "y"]
    assert checked("2 + 3", {}) == {}


@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
@pytest.mark.parametrize("mode", ["reverse", "forward", "both"])
def test_the_granularity_and_the_mode_change_nothing(nodes: str, mode: str) -> None:
    text = "s = σ(x); (x + s) / (s + (x + y)^2)"
    for entry in checked(text, {"x": 4.0, "y": 3.0}, nodes=nodes, mode=mode).values():
        assert entry["verdict"] == "ok"
        assert abs(entry["fd"] - entry["ad"]) <= entry["error"] < 1e-9


def test_a_value_that_is_not_finite_is_skipped() -> None:
    found = checked("log(x) + y", {"x": -1.0, "y": 2.0}, ieee=True)
    assert {entry["verdict"] for entry in found.values()} == {"skipped"}


def test_several_outputs_are_refused_without_a_seed() -> None:
    with pytest.raises(BackpropError, match="--finite-differences needs one output") as caught:
        Formula("a = x; b = 2x").at({"x": 1.0}, finite_differences=True)
    assert caught.value.hint == "end with the one that is meant, as in ; a, or weigh them, as in --vjp '[1, 0]'"


@pytest.mark.parametrize("seed", [[2.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-3.0, 1e6], [0.0, 0.0]])
@pytest.mark.parametrize("nodes", ["gates", "steps"])
def test_with_a_seed_its_combination_of_the_outputs_is_checked(seed: list[float], nodes: str) -> None:
    text, point = "a = x^2*y; b = sin(x) + abs(y - 2)*x; p = a*b; q = b - a", {"x": 3.0, "y": 1.5}
    report = Formula(text).at(point, finite_differences=True, vjp=seed, nodes=nodes)
    for entry in report.extras["finite_differences"]["entries"]:
        assert entry["verdict"] == "ok"
        assert entry["ad"] == (report.grad or {})[entry["variable"]]
        assert abs(entry["fd"] - entry["ad"]) <= entry["error"]


def test_the_seed_of_a_single_output_scales_what_is_checked() -> None:
    (entry,) = checked("x^2", {"x": 3.0}, vjp=[2.0]).values()
    assert (entry["verdict"], entry["ad"]) == ("ok", 12.0)
    assert entry["fd"] == pytest.approx(12.0)


def test_an_output_that_weighs_nothing_is_left_out() -> None:
    assert checked("p = x + y; q = sqrt(x)", {"x": 0.0, "y": 1.0}, vjp=[1.0, 0.0])["x"]["verdict"] == "ok"
    assert checked("p = x + y; q = sqrt(x)", {"x": 0.0, "y": 1.0}, vjp=[1.0, 1.0])["x"]["verdict"] == "unbounded"


# Right rules never fail


def test_every_primitive_passes_at_all_of_its_points() -> None:
    for entry in primitives.on_numbers().values():
        if entry.helper or entry.variadic:
            continue
        names = [f"a_{k}" for k in range(len(entry.names))]
        formula = Formula(f"{entry.name}({', '.join(names)})" if not entry.operator else _infix(entry.name, names))
        for sample in (*entry.samples, *entry.hard):
            point = dict(zip(names, sample, strict=True))
            try:
                report = formula.at({name: point[name] for name in formula.variables}, finite_differences=True)
            except BackpropError:
                continue
            found = report.extras["finite_differences"]
            assert found["ok"], (entry.name, sample, found)


@pytest.mark.parametrize("entry", primitives.on_numbers().values(), ids=lambda entry: entry.name)
def test_no_primitive_fails_at_random_points(entry: Primitive) -> None:
    """What cannot be compared as a whole is compared rule by rule, and right rules pass that too."""
    if entry.helper or entry.variadic:
        return
    names = [f"a_{k}" for k in range(len(entry.names))]
    formula = Formula(f"{entry.name}({', '.join(names)})" if not entry.operator else _infix(entry.name, names))
    for sample in points_in_domain(entry, 40):
        point = dict(zip(names, sample, strict=True))
        try:
            report = formula.at({name: point[name] for name in formula.variables}, finite_differences=True)
        except BackpropError:
            continue
        assert report.extras["finite_differences"]["ok"], (sample, report.extras)


def _infix(name: str, names: list[str]) -> str:
    sign = primitives.TABLE[name].operator[0]  # type: ignore[index]
    if name == "if":
        return "{} ? {} : {}".format(*names)
    return f"({sign} {names[0]})" if len(names) == 1 else f"{names[0]} {sign} {names[1]}"


UNARY = sorted(
    name
    for name, entry in primitives.on_numbers().items()
    if not (entry.helper or entry.variadic or entry.operator) and len(entry.names) == 1
)
BINARY = ["hypot", "atan2"]


def random_formula(dice: random.Random, depth: int) -> str:
    inner = functools.partial(random_formula, dice, depth - 1)
    if depth == 0 or dice.random() < 0.12:
        return dice.choice(["x", "y", "x", "y", "2", "0.5", "-1", "3", "0"])
    kind = dice.random()
    if kind < 0.35:
        return f"{dice.choice(UNARY)}({inner()})"
    if kind < 0.75:
        return f"({inner()} {dice.choice('+-*/')} {inner()})"
    if kind < 0.80:
        return f"({inner()})^{dice.choice(['2', '3', '0.5', '-1', '(1/3)'])}"
    if kind < 0.85:
        return f"max({inner()}, {inner()})"
    if kind < 0.90:
        return f"where({inner()} > {inner()}, {inner()}, {inner()})"
    if kind < 0.95:
        return f"{dice.choice(BINARY)}({inner()}, {inner()})"
    return f"({inner()})^({inner()})"


def random_value(dice: random.Random) -> float:
    kind = dice.random()
    if kind < 0.4:
        return dice.choice([0.0, 1.0, -1.0, 2.0, 0.5, -2.0, 3.0])
    if kind < 0.8:
        return dice.uniform(-3, 3)
    return dice.choice([-1, 1]) * 10 ** dice.uniform(-12, 6)


@pytest.mark.parametrize("seed", range(4))
def test_no_random_formula_ever_fails(seed: int) -> None:
    dice = random.Random(seed)
    verdicts: dict[str, int] = {}
    count = 0
    while count < 550:
        text = random_formula(dice, dice.randint(2, 5))
        try:
            formula = Formula(text)
            point = {name: random_value(dice) for name in formula.variables}
            report = formula.at(point, finite_differences=True)
        except BackpropError:
            continue
        count += bool(point)
        for entry in report.extras["finite_differences"]["entries"]:
            verdicts[entry["verdict"]] = verdicts.get(entry["verdict"], 0) + 1
            assert entry["verdict"] != "FAIL", (text, point, entry)
            if entry["verdict"] == "ok":
                assert abs(entry["ad"] - entry["fd"]) <= entry["error"], (text, point, entry)
    # It is a check: nearly everything is compared, and of the rest it is said why.
    assert verdicts["ok"] > 0.9 * sum(verdicts.values())
    assert verdicts.get("skipped", 0) < 0.06 * sum(verdicts.values())


SMOOTH = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["sin", "tanh", "sigmoid", "softplus", "atan", "exp"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        inner.map(lambda a: f"({a})^2"),
        inner.map(lambda a: f"({a})/(1 + ({a})^2)"),
    ),
    max_leaves=8,
)


@given(SMOOTH, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
@settings(max_examples=150, deadline=None)
def test_the_gradient_is_the_differences_within_their_error(text: str, x: float, y: float) -> None:
    formula = Formula(f"{text} + x + y")
    try:
        report = formula.at({"x": x, "y": y}, finite_differences=True)
    except BackpropError:
        return
    for entry in report.extras["finite_differences"]["entries"]:
        if entry["verdict"] != "ok":
            assert max(abs(float(row.output)) for row in report.rows) > 1e4, (text, entry)
        else:
            assert abs(entry["ad"] - entry["fd"]) <= entry["error"]
            scale = max(abs(entry["ad"]), *[abs(float(row.output)) for row in report.rows], 1.0)
            assert entry["error"] <= 1e-3 * scale


# Wrong rules do


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Puts a wrong rule into the table, until the test is over."""

    def forget() -> None:
        for cached in (rules.partial, rules.path, rules.handbook, floats._partial):
            cached.cache_clear()

    def put(name: str, *partials: str | None) -> None:
        entry = primitives.TABLE[name]._replace(rule=Elementwise(partials), handbook=None)
        monkeypatch.setitem(primitives.TABLE, name, entry)
        forget()

    yield put
    monkeypatch.undo()
    forget()


WRONG = [
    ("sin", ["-cos(x)"], "sin(x)", {"x": 0.7}),
    ("sin", ["cos(x)*1.001"], "exp(sin(x)) + y", {"x": 0.7, "y": 2.0}),
    ("tanh", ["1 + y^2"], "x*tanh(x*y)", {"x": 0.4, "y": 1.1}),
    ("mul", ["b", "b"], "(x + 1)*(y - 3)", {"x": 0.4, "y": 1.1}),
    ("div", ["1/b", "y/b"], "x/(1 + y)", {"x": 0.4, "y": 1.1}),
    ("sqrt", ["1/y"], "sqrt(x)", {"x": 1e-9}),
    ("log", ["1/x^2"], "log(x)", {"x": 5.0}),
    ("sigmoid", ["y"], "sigmoid(x)", {"x": 3.0}),
    ("sigmoid", [None], "sigmoid(x) + 0*x", {"x": 3.0}),
    ("abs", ["1"], "abs(x)*y", {"x": -3.0, "y": 2.0}),
    ("abs", ["5"], "abs(x)", {"x": -1.0}),
    ("exp", ["2*y"], "1/(1 + exp(-x))", {"x": 0.3}),
    ("cbrt", ["1/y^2"], "cbrt(x)", {"x": -8.0}),
]


@pytest.mark.parametrize(("name", "partials", "text", "point"), WRONG)
def test_a_wrong_rule_fails_and_is_named(
    spoil: Any, name: str, partials: list[str], text: str, point: dict[str, float]
) -> None:
    spoil(name, *partials)
    found = checked(text, point)
    failed = [entry for entry in found.values() if entry["verdict"] == "FAIL"]
    assert failed, found
    assert all(f"the rule of {name} gives" in entry["message"] for entry in failed)


def test_a_wrong_rule_fails_beside_a_kink_that_is_another_variables(spoil: Any) -> None:
    spoil("sin", "-cos(x)")
    found = checked("abs(x) + sin(y)", {"x": 0.0, "y": 0.5})
    assert {name: entry["verdict"] for name, entry in found.items()} == {"x": "kink", "y": "FAIL"}


BESIDE = [
    ("abs(x) + 0.5*sin(x)", 0.0, "kink"),
    ("max(x, 0) + sin(x)/4", 0.0, "kink"),
    ("where(x > 0, x, -x) + sin(x)/2", 0.0, "kink"),
    ("floor(x) + sin(x)", 2.0, "jump"),
    ("cbrt(x) + sin(x)", 0.0, "unbounded"),
    ("sqrt(x) + sin(x)", 0.0, "unbounded"),
]


@pytest.mark.parametrize(("text", "x", "verdict"), BESIDE)
def test_a_wrong_rule_does_not_hide_beside_a_place_without_derivative(
    spoil: Any, text: str, x: float, verdict: str
) -> None:
    (entry,) = checked(text, {"x": x}).values()
    assert entry["verdict"] == verdict
    spoil("sin", "-cos(x)")
    (entry,) = checked(text, {"x": x}).values()
    assert entry["verdict"] == "FAIL"
    assert "; the rule of sin gives" in entry["message"]


@pytest.mark.parametrize(("name", "partials"), [("abs", ["5"]), ("relu", ["-0.5"]), ("hypot", ["3", "a/y"])])
def test_a_convention_lies_between_the_slopes(spoil: Any, name: str, partials: list[str]) -> None:
    spoil(name, *partials)
    names = primitives.TABLE[name].names
    found = checked(f"{name}({', '.join(names)})", dict.fromkeys(names, 0.0))
    assert found[names[0]]["verdict"] == "FAIL"
    assert f"the rule of {name} gives" in found[names[0]]["message"]


def test_sweeps_that_contradict_each_other_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from backpropcli.passes import finite_differences

    right = finite_differences.pull

    def wrong(trace: Any, seed: Any) -> Any:
        return [None if adjoint is None else 2 * adjoint for adjoint in right(trace, seed)] if seed == 1.0 else []

    trace = finite_differences.linearize(Formula("x*y")._graph("gates"), floats.Floats(), {"x": 2.0, "y": 3.0})
    monkeypatch.setattr(finite_differences, "pull", wrong)
    monkeypatch.setattr(finite_differences.Line, "slope_noise", lambda line: 1e-12)
    found = finite_differences.finite_differences(trace, ["x", "y", "v1"])
    assert [comparison.verdict for comparison in found] == ["FAIL", "FAIL"]
    assert found[0].message == "the forward sweep gives 3, and the backward sweep 6"


# On the command line


def test_the_exit_code_is_the_answer(spoil: Any, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["eval", "sin(x)*y", "--x", "0.5", "--y", "2", "--finite-differences", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["finite_differences"]["ok"] is True
    spoil("sin", "-cos(x)")
    assert main(arguments) == 1
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["finite_differences"]["ok"] is False
    verdicts = {entry["variable"]: entry["verdict"] for entry in document["finite_differences"]["entries"]}
    assert verdicts == {"x": "FAIL", "y": "ok"}


def test_a_kink_is_no_reason_to_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "abs(x)", "--x", "0", "--finite-differences"]) == 0
    assert "x: the slopes are -1 and 1" in capsys.readouterr().out


def test_every_format_has_the_section() -> None:
    report = Formula("abs(x) + sqrt(y)").at({"x": 0.0, "y": 0.0}, finite_differences=True, latex=True)
    for name in formats():
        text = "".join(renderer(name).render(report, Style(80)))
        assert "kink" in text, name
        assert "unbounded" in text, name


def test_a_table_reads_well() -> None:
    report = Formula("abs(x) + x*y").at({"x": 0.0, "y": 2.0}, finite_differences=True)
    text = "".join(renderer("table").render(report, Style(80)))
    assert text.partition("Finite differences\n")[2].partition("\nz = ")[0] == (
        "──────────────────────────────────────────────\n"
        "    gradient   differences   error     verdict\n"
        "──────────────────────────────────────────────\n"
        "x   2          —             1.8e-14   kink\n"
        "y   0          0             0         ok\n"
        "──────────────────────────────────────────────\n"
        "\n"
        "What finite differences say\n"
        "x: the slopes are 1 and 3\n"
    )


def test_a_large_formula_takes_no_time() -> None:
    text = "sin(" * 3000 + "x" + ")" * 3000
    (entry,) = checked(text, {"x": 0.5}).values()
    assert entry["verdict"] == "ok"
    assert abs(entry["ad"] - entry["fd"]) <= entry["error"]
