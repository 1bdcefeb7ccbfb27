"""Both passes in words: what a teacher writes on the board, from the numbers of the tables."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rendering import ESCAPES

from backpropcli import Formula, primitives
from backpropcli.cli import main
from backpropcli.errors import columns
from backpropcli.rendering import Style, _html, renderer
from backpropcli.rendering._board import on_a_line, texts
from backpropcli.rendering._schema import SCHEMA
from backpropcli.report import BACKWARD, FORWARD, TANGENTS, Report, Step

LECTURE = "s = σ(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r"
NETWORK = "h = tanh(W @ x + b); L = sum(h^2)"
LAYER = {"W": [[1.0, 2.0], [3.0, 4.0]], "x": [0.1, 0.2], "b": [0.0, 1.0]}


def explained(formula: str, point: dict[str, Any], **asked: Any) -> Report:
    return Formula(formula).at(point, explain=True, **asked)


def steps(report: Report, stage: str) -> dict[str, Step]:
    return {step.name: step for step in report.explanation or () if step.stage == stage}


def equations(step: Step, digits: int | None = 6) -> list[str]:
    return [on_a_line(found) for found in texts(step, Style(digits=digits))]


def rendered(report: Report, form: str = "table", **style: Any) -> str:
    return "".join(renderer(form).render(report, Style(**style)))


def lecture(**asked: Any) -> Report:
    return explained(LECTURE, {"x": 4, "y": 3}, nodes="steps", **asked)


# The lecture's example


def test_the_lectures_sum_over_the_uses_is_written_as_on_the_board() -> None:
    (sum_of_uses,) = equations(steps(lecture(), BACKWARD)["s"], 3)
    assert sum_of_uses == "dz/ds = dz/dn · dn/ds + dz/dd · dd/ds = 0.02 · 1 + (-0.00199) · 1 = 0.018"


def test_the_lectures_forward_pass_puts_the_numbers_in() -> None:
    found = steps(lecture(), FORWARD)
    assert list(found) == ["s", "n", "q", "d", "r", "z"]
    assert equations(found["s"]) == [
        "s = σ(x) = σ(4) = 0.982014",
        "ds/dx = σ(x) · σ(-x) = σ(4) · σ(-4) = 0.0176627",
    ]
    assert equations(found["q"])[0] == "q = (x + y)^2 = (4 + 3)^2 = 49"


def test_the_backward_pass_goes_against_the_arrows_and_ends_with_the_variables() -> None:
    assert list(steps(lecture(), BACKWARD)) == ["z", "r", "d", "q", "n", "s", "x", "y"]


def test_derivatives_of_the_output_by_one_operation_are_told_from_those_of_the_whole() -> None:
    found = steps(explained("y = x^2; z = x*y", {"x": 3}), FORWARD)
    assert equations(found["z"])[1:] == ["∂z/∂x = y = 9", "∂z/∂y = x = 3"]
    assert equations(found["y"])[1:] == ["dy/dx = 2 · x = 2 · 3 = 6"]


def test_the_numbers_are_those_of_the_tables() -> None:
    report = lecture()
    rows = {row.id: row for row in report.rows}
    for step in report.explanation or ():
        if step.node in rows:
            assert step.value == (rows[step.node].output if step.stage == FORWARD else rows[step.node].adjoint)
        else:
            assert step.value == (report.grad or {})[step.node]


# Patterns


@pytest.mark.parametrize(
    ("formula", "node", "pattern"),
    [
        ("x + y", "v1", "add distributes"),
        ("x - y", "v1", "sub distributes"),
        ("x*y", "v1", "mul switches"),
        ("max(x, y)", "v1", "max routes"),
        ("relu(x) + y", "v1", "relu routes"),
        ("x > 0 ? x*y : y", "v3", "if routes"),
        ("2*x + y", "v1", None),
        ("sin(x) + y", "v1", None),
    ],
)
def test_patterns_are_named_as_lectures_name_them(formula: str, node: str, pattern: str | None) -> None:
    found = steps(explained(formula, {"x": 2, "y": 3}), BACKWARD)[node].pattern
    assert (found or "").startswith(pattern or "")
    assert (found is None) == (pattern is None)


def test_a_pattern_says_what_its_entry_says() -> None:
    found = steps(explained("x*y", {"x": 2, "y": 3}), BACKWARD)["v1"].pattern
    assert found == f"mul {primitives.TABLE['mul'].pattern}"


def test_a_step_of_one_operation_has_its_pattern_and_one_of_several_has_none() -> None:
    found = steps(lecture(), BACKWARD)
    assert (found["d"].pattern or "").startswith("add distributes")
    assert found["q"].pattern is None


def test_branches_add_up() -> None:
    found = steps(lecture(), BACKWARD)
    assert found["x"].remarks == ("branch adds up: x is used by s, n and q",)
    assert found["y"].remarks == ()


def test_of_many_users_a_few_are_named() -> None:
    report = explained("x" + " + x" * 40, {"x": 1})
    (remark,) = steps(report, BACKWARD)["x"].remarks
    assert remark == "branch adds up: x is used by v1, v2, v3, v4, v5 and 35 others"
    assert "… 21 more" in equations(steps(report, BACKWARD)["x"])[0]
    exact = json.loads(rendered(report, "json"))["explanation"][-1]["equations"][0]
    assert exact[2].count("1 · 1") == 41


# What is special


def test_an_absent_path_is_said_and_no_zero_is_multiplied() -> None:
    found = steps(explained("x > 0 ? x : log(y)", {"x": 2, "y": -1}), BACKWARD)
    assert found["y"].equations == ()
    assert found["y"].value is None
    assert "no path: z does not depend on y at this point" in found["y"].remarks[0]


def test_an_edge_without_a_path_adds_nothing() -> None:
    found = steps(explained("max(x, y)*x", {"x": 2, "y": 3}), BACKWARD)
    assert equations(found["x"]) == ["dz/dx = dz/dv2 · dv2/dx = 1 · 3 = 3"]
    assert found["x"].remarks == ("no path by way of v1",)


def test_a_kink_is_told_where_it_occurs() -> None:
    report = explained("relu(x)*y", {"x": 0, "y": 2})
    (remark,) = steps(report, FORWARD)["v1"].remarks
    assert remark == f"note: {report.notes[0].message}"
    assert steps(report, FORWARD)["v2"].remarks == ()


def test_a_relation_stands_in_brackets() -> None:
    found = steps(explained("(x > 0)*x", {"x": 2}), FORWARD)
    assert equations(found["v1"])[0] == "v1 = (x > 0) = (2 > 0) = 1"


@pytest.mark.parametrize(
    ("formula", "x", "equation"),
    [
        ("x^2", -3.0, "v1 = x^2 = (-3)^2 = 9"),
        ("-x", -3.0, "v1 = -x = -(-3) = 3"),
        ("σ(x)", -3.0, "v1 = σ(x) = σ(-3) = 0.0474259"),
        ("1/x", -4.0, "v1 = 1/x = 1/(-4) = -0.25"),
        ("x + 1", 1e-300, "v1 = x + 1 = 1e-300 + 1 = 1"),
    ],
)
def test_negative_numbers_have_brackets_where_they_need_them(formula: str, x: float, equation: str) -> None:
    assert equations(steps(explained(formula, {"x": x}), FORWARD)["v1"])[0] == equation


def test_what_is_held_fixed_has_no_derivative() -> None:
    report = explained("x*y", {"x": 2, "y": 3}, wrt=["x"])
    assert equations(steps(report, FORWARD)["v1"])[1:] == ["dv1/dx = y = 3"]
    assert "y" not in steps(report, BACKWARD)


@pytest.mark.parametrize(("formula", "count"), [("x", 1), ("3", 0)])
def test_a_formula_without_operations_has_little_to_explain(formula: str, count: int) -> None:
    report = Formula(formula).at({"x": 2} if formula == "x" else {}, explain=True)
    assert len(report.explanation or ()) == count


# Modes and seeds


def test_forward_mode_explains_the_tangents_and_no_adjoints() -> None:
    report = explained("x*y + x", {"x": 2, "y": -3}, mode="forward")
    assert {step.stage for step in report.explanation or ()} == {FORWARD, TANGENTS}
    assert equations(steps(report, TANGENTS)["v2"]) == [
        "dv2/dx = ∂v2/∂v1 · dv1/dx + ∂v2/∂x · dx/dx = 1 · (-3) + 1 · 1 = -2",
        "dv2/dy = ∂v2/∂v1 · dv1/dy = 1 · 2 = 2",
    ]


def test_a_node_that_does_not_move_says_so() -> None:
    found = steps(explained("sin(x)*y", {"x": 2, "y": 3}, mode="forward"), TANGENTS)
    assert found["v1"].remarks == ("v1 does not move with y",)


def test_both_modes_explain_three_passes() -> None:
    report = explained("x*y", {"x": 2, "y": 3}, mode="both")
    assert [step.stage for step in report.explanation or ()] == [FORWARD, TANGENTS, BACKWARD, BACKWARD, BACKWARD]


def test_several_outputs_start_from_their_seeds() -> None:
    found = steps(explained("u = x*y; v = y + x", {"x": 2, "y": 3}, vjp=[1, -2]), BACKWARD)
    assert equations(found["v"]) == ["dz/dv = -2"]
    assert equations(found["x"]) == ["dz/dx = dz/du · du/dx + dz/dv · dv/dx = 1 · 3 + (-2) · 1 = 1"]
    assert found["u"].remarks == ("u is an output: the pass starts here",)


def test_several_outputs_without_seeds_have_no_backward_pass() -> None:
    assert steps(explained("u = x*y; v = y + x", {"x": 2, "y": 3}), BACKWARD) == {}


def test_elementary_gates_are_explained_one_by_one() -> None:
    found = steps(explained("σ(x)", {"x": 2}, nodes="elementary"), FORWARD)
    assert [equations(step)[0] for step in found.values()] == [
        "v1 = -1 · x = -1 · 2 = -2",
        "v2 = exp(v1) = exp(-2) = 0.135335",
        "v3 = v2 + 1 = 0.135335 + 1 = 1.13534",
        "v4 = 1/v3 = 1/1.13534 = 0.880797",
    ]


# Arrays


def test_between_arrays_what_carries_the_adjoint_is_the_rule() -> None:
    report = explained(NETWORK, LAYER)
    found = steps(report, BACKWARD)
    assert equations(found["W"], 3) == ["dL/dW = dL/dv1 @ xᵀ = [0.0727, 0.145; 0.0113, 0.0226]"]
    assert equations(found["x"], 3) == ["dL/dx = Wᵀ @ dL/dv1 = [1.07, 1.91]"]
    assert equations(found["h"], 3) == ["dL/dh = dL/dv4 · dv4/dh = [1, 1] · [0.924, 1.94] = [0.924, 1.94]"]
    assert equations(steps(report, FORWARD)["v1"])[1:] == ["dv1/dW = I ⊗ xᵀ (2×4)", "dv1/dx = W (2×2)"]


def test_long_arrays_are_put_in_by_their_shapes() -> None:
    report = explained("W @ x", {"W": [[1.0] * 9] * 8, "x": [2.0] * 9})
    assert equations(steps(report, FORWARD)["v1"])[0] == "v1 = W @ x = (8, 9) @ (9,) = (8,) all 18"


def test_sums_of_arrays_are_added_up_entry_by_entry() -> None:
    found = steps(explained("max(x) + mean(x)", {"x": [1, 2, 3, 2]}), BACKWARD)
    assert equations(found["x"]) == [
        "dz/dx = dz/dv1 · dv1/dx + repeat(dz/dv2)/size(x)"
        " = [0, 0, 1, 0] + [0.25, 0.25, 0.25, 0.25] = [0.25, 0.25, 1.25, 0.25]"
    ]


def test_tangents_by_arrays_are_explained() -> None:
    found = steps(explained(NETWORK, LAYER, mode="forward"), TANGENTS)
    assert equations(found["v1"], 3)[1] == "dv1/dx = ∂v1/∂x · dx/dx = [1, 2; 3, 4]"


# Formats


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
def test_no_line_is_wider_than_the_terminal_and_no_digit_is_lost(width: int, nodes: str) -> None:
    report = explained(LECTURE, {"x": 4, "y": 3}, nodes=nodes)
    text = rendered(report, width=width).partition("Forward pass, in words")[2]
    assert max(columns(line) for line in text.splitlines()) <= width
    whole = rendered(report).partition("Forward pass, in words")[2]
    assert re.findall(r"[0-9.]+e?", text) == re.findall(r"[0-9.]+e?", whole)


@pytest.mark.parametrize("width", [40, 80])
def test_arrays_keep_to_the_width_too(width: int) -> None:
    text = rendered(explained(NETWORK, LAYER), width=width).partition("in words")[2].partition("\nL = ")[0]
    assert max(columns(line) for line in text.splitlines()) <= width


def test_the_signs_of_equality_stand_below_each_other() -> None:
    lines = rendered(lecture(), width=80).splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("12. dz/ds"))
    assert {line.index(" = ") for line in lines[at : at + 3]} == {lines[at].index(" = ")}


def test_without_unicode_it_is_ascii() -> None:
    assert rendered(lecture(), unicode=False).isascii()


def test_colour_adds_nothing_but_colour() -> None:
    report = lecture()
    colored, plain = [rendered(report, color=on, width=80).partition("in words")[2] for on in (True, False)]
    assert colored != plain
    assert ESCAPES.sub("", colored) == plain


def test_steps_are_numbered_through_in_every_format() -> None:
    report = lecture(latex=True)
    assert re.findall(r"^ ?(\d+)\. ", rendered(report), re.M) == [str(k) for k in range(1, 15)]
    assert re.findall(r"^(\d+)\. ", rendered(report, "markdown"), re.M) == [str(k) for k in range(1, 15)]
    assert rendered(report, "latex").count(r"\item ") == 14
    assert r"\setcounter{enumi}{6}" in rendered(report, "latex")


def test_latex_is_typeset() -> None:
    text = rendered(lecture(latex=True), "latex")
    assert r"r = \frac{1}{d} = \frac{1}{49.982} = 0.0200072" in text
    assert r"\frac{d z}{d s} &= \frac{d z}{d n} \cdot \frac{d n}{d s} + \frac{d z}{d d} \cdot \frac{d d}{d s}" in text
    assert text.isascii()
    for opening, closing in (("{", "}"), (r"\begin", r"\end"), (r"\left", r"\right")):
        assert text.count(opening) == text.count(closing)


def test_latex_of_arrays_is_typeset() -> None:
    text = rendered(explained(NETWORK, LAYER, latex=True), "latex")
    assert r"\frac{d L}{d x} = W^{\top} \frac{d L}{d v_{1}} = [1.06588,\, 1.90575]" in text
    assert text.count("{") == text.count("}")


def test_a_notebook_shows_it_as_a_list() -> None:
    class Items(HTMLParser):
        count = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.count += tag == "li"

    items = Items()
    items.feed("".join(_html.render(lecture(), Style())))
    assert items.count == 14


@pytest.mark.parametrize(
    ("formula", "point", "asked"),
    [
        (LECTURE, {"x": 4, "y": 3}, {"nodes": "steps", "mode": "both"}),
        (NETWORK, LAYER, {"mode": "both"}),
        ("x > 0 ? x : log(y)", {"x": 2, "y": -1}, {}),
        ("sqrt(x)*y", {"x": 0, "y": 1}, {}),
        ("u = x*y; v = y", {"x": 2, "y": 3}, {"vjp": [1, 0]}),
    ],
)
def test_json_holds_the_steps_as_data(formula: str, point: dict[str, Any], asked: dict[str, Any]) -> None:
    report = explained(formula, point, **asked)
    document = json.loads(rendered(report, "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert [step["node"] for step in document["explanation"]] == [step.node for step in report.explanation or ()]
    for step in document["explanation"]:
        assert all(len(sides) > 1 for sides in step["equations"])


def test_json_has_every_digit() -> None:
    document = json.loads(rendered(lecture(), "json"))
    last = document["explanation"][-1]
    assert float(last["equations"][0][-1]) == last["value"] == document["grad"]["y"]


def test_nothing_is_explained_that_was_not_asked_for() -> None:
    report = Formula(LECTURE).at(x=4, y=3)
    assert report.explanation is None
    assert "explanation" not in json.loads(rendered(report, "json"))


# Any formula at all


FORMULAS = st.recursive(
    st.sampled_from(["x", "y", "2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("sin({})".format),
        st.tuples(inner, inner).map("max({0[0]}, {0[1]})".format),
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(FORMULAS)
def test_the_numbers_that_are_put_in_give_the_adjoint(formula: str) -> None:
    report = Formula(f"{formula} + 0*x*y").at(x=0.7, y=-1.3, explain=True)
    for step in steps(report, BACKWARD).values():
        for found in texts(step, Style(digits=None)):
            *_, numbers, value = [side for side in found if "d" not in side[0]] * 2
            total = math.fsum([_product(term) for term in numbers])
            assert total == pytest.approx(float(value[0]), rel=1e-9, abs=1e-12), on_a_line(found)


def _product(term: str) -> float:
    return math.prod([float(factor.strip("()")) for factor in term.split(" · ")])


def test_the_option_prints_it_between_the_tables_and_the_closing_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["eval", LECTURE, "--x", "4", "--y", "3", "--nodes", "steps", "--explain"]) == 0
    text = capsys.readouterr().out
    parts = ("Backward pass: x = 4", "Forward pass, in words", "\nz = 0.0996761    dz/dx")
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert main(["eval", "x^2", "--x", "4", "--explain", "--only", "grad"]) == 0
    assert capsys.readouterr().out == "dz/dx = 8\n"


def test_a_long_formula_is_explained_in_linear_space() -> None:
    sizes = [len(rendered(explained("sin(" * n + "x" + ")" * n, {"x": 1}), "markdown")) for n in (200, 400)]
    assert sizes[1] < 2.5 * sizes[0]
