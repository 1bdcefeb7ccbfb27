"""Formulas in LaTeX: what each means, held by its reading, its value and the infix formula that it stands for."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from backpropcli.cli import main
from backpropcli.errors import BackpropError, Span
from backpropcli.formula import Formula


def reading(text: str, *bound: str) -> str:
    return Formula(text, variables=bound, syntax="latex").reading


def value(text: str, **point: float) -> float:
    return Formula(text, variables=point, structure=point, syntax="latex", max_chars=None).value(point)


def refused(text: str, **point: float) -> BackpropError:
    with pytest.raises(BackpropError) as caught:
        Formula(text, variables=point, structure=point, syntax="latex").value(point)
    return caught.value


# The formulas of the lectures, as printed, with the values that the slides or fifty digits give them; or refused.
LECTURES = json.loads((Path(__file__).parent / "cases" / "lectures.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", LECTURES, ids=lambda case: case["latex"][:40])
def test_a_formula_of_the_lectures_has_its_value(case: dict[str, Any]) -> None:
    if "refused" in case:
        problem = refused(case["latex"], **case["point"])
        assert problem.message == case["refused"]
        assert problem.hint
        return
    given = case["point"]
    formula = Formula(case["latex"], variables=given, structure=given, syntax="latex")
    report = formula.at({name: value for name, value in given.items() if name not in formula.structure})
    assert _close(report.value, case["value"])
    assert [note.kind for note in report.notes] == case["notes"]


def _close(found: Any, wanted: Any) -> bool:
    """Whether numbers, arrays or the outputs' values are equal but for roundings; one number is the first output's."""
    if isinstance(found, dict) and not isinstance(wanted, dict):
        found = next(iter(found.values()))
    if isinstance(found, dict):
        return found.keys() == wanted.keys() and all([_close(found[name], wanted[name]) for name in wanted])
    if isinstance(found, list):
        return len(found) == len(wanted) and all([_close(a, b) for a, b in zip(found, wanted, strict=True)])
    return bool(found == pytest.approx(wanted, rel=1e-12))


def test_every_formula_of_the_lectures_is_tried() -> None:
    """Each of the 112, of which 18 are printed twice, as it stands, or with what it leaves open behind it."""
    assert len({case["latex"] for case in LECTURES}) >= 109


READINGS = {
    # Products of letters, and names that are none.
    "w_0x_0": "w_0*x_0",
    "qz": "q*z",
    "2xy": "(2*x)*y",
    r"\frac{1}{2}x": "(1/2)*x",
    r"x \cdot y \times z": "(x*y)*z",
    # Names: one spelling each.
    r"\theta_1 + \theta_{1}": "theta_1 + theta_1",
    "w_{11}": "w_11",
    "w_{1,2}": "w_1_2",
    "W_{11}^{(1)}x_1": "W_11_1*x_1",
    r"\hat{y} - \hat{\mathbf{y}}_i": "y_hat - y_hat_i",
    r"\mathbf{x} + \boldsymbol{\theta}": "x + theta",
    r"y^* + y_i^{*}": "y_star + y_i_star",
    r"\varepsilon x": "epsilon*x",
    r"\Delta W^{(l)}": "Delta_W_l",
    r"\mathrm{loss} + 1": "loss + 1",
    r"x_{\text{max}}": "x_max",
    "x'": "x_prime",
    r"\mathit{long\_name} + \mathit{\_x} + \mathit{W1}": "(long_name + _x) + W1",
    r"\mathit{var} + \mathit{max}^{2} \cdot \mathit{relu}(x)": "var + ((max^2)*relu(x))",
    # Numbers: a power of ten behind one belongs to it, where nothing else has a claim on either.
    r"1.5 \cdot 10^{-7}x + 2 \times 10^{3}": "(1.5e-07*x) + 2000",
    r"x/3 \cdot 10^{2} + \sin 3 \cdot 10^{2}": "((x/3)*(10^2)) + (sin(3)*(10^2))",
    r"3 \cdot {10}^{2}": "3*(10^2)",
    # Powers.
    "-x^2": "-(x^2)",
    "x^{2^3}": "x^(2^3)",
    "x^2_1": "x_1^2",
    "e^{-x}": "e^(-x)",
    r"x^\frac12": "x^(1/2)",
    "W^T": "W'",
    # Functions.
    r"\log y": "log(y)",
    r"\ln xy": "log(x*y)",
    r"\sin 2x \cos y": "sin(2*x)*cos(y)",
    r"\sin^2 x + \sin^{-1}(x)": "(sin(x)^2) + asin(x)",
    r"\log_2 x + \log_{10}(x)": "log2(x) + log10(x)",
    r"\operatorname{relu}(x)": "relu(x)",
    r"\operatorname{hard\_tanh}(x) + \operatorname{erf}^{-1}(x)": "hard_tanh(x) + erfinv(x)",
    r"\operatorname{sum}(A, \mathrm{axis} = 0) + \max(A, axis=1)": "sum(A, axis=0) + max(A, axis=1)",
    r"\mathrm{ReLU}(x)": "relu(x)",
    r"\exp\left(-x\right)": "exp(-x)",
    r"\exp\{x\} \exp[x]": "exp(x)*exp(x)",
    "xlog(x)": "x*log(x)",
    r"\sqrt{x} + \sqrt[3]{x} + \sqrt[n]{x}": "(sqrt(x) + cbrt(x)) + (x^(1/n))",
    r"\lfloor x \rfloor + \lceil x \rceil": "floor(x) + ceil(x)",
    r"|x| + \left|x\right| + \lvert x \rvert": "(abs(x) + abs(x)) + abs(x)",
    r"\|x\|_2": "norm(x)",
    "n!": "factorial(n)",
    # Sums.
    r"\sum_{i=1}^{3} a_i b_i + c": "sum(a_i*b_i, i, 1, 3) + c",
    r"\prod^{3}_{k=1} (x - k)": "prod(x - k, k, 1, 3)",
    r"\frac{1}{2} \sum_{i=1}^{2} \sum_{j=1}^{2} w_{ij}": "(1/2)*sum(sum(w_ij, j, 1, 2), i, 1, 2)",
    r"\log \sum_{k=1}^2 e^{x_k}": "log(sum(e^x_k, k, 1, 2))",
    # Statements.
    r"\begin{aligned} a &= xy \\ b &= a \\ &\quad + 1 \end{aligned}": "a = x*y; b = a + 1",
    "$z = x + y$.": "z = x + y",
    r"a = x \\[4pt] b = a \\ [c] + b": "a = x; b = a; c + b",
    r"\text{Let } a = x, \text{ then } b = a^2.": "a = x; b = a^2",
    "x = -2, y = 5; f = xy": "x = -2; y = 5; f = x*y",
    "a = x\nb = a^2": "a = x; b = a^2",
    "a = x\n+ y": "a = x + y",
    "\\begin{aligned} a &= x\n\\end{aligned}\n\n(a + y)": "a = x; a + y",
    "\\begin{aligned}\n a &= x \n\\\\ b &= ay\n\\end{aligned}\n(b + y)": "a = x; b = a*y; b + y",
    "a = x \n\\\\ \n(a + y)": "a = x; a + y",
    "a = x \n\\\\ \n+ y": "a = x + y",
    "a = x\n\n(a + y)": "a = x; a + y",
    "\\begin{align*}\na &= x\n\\end{align*}\n\\begin{align*}\na^2\n\\end{align*}": "a = x; a^2",
    # What derivatives are said to be, of what the text does not define.
    r"\frac{df}{dx} = e^x": "df_dx = e^x",
    r"\frac{do}{di_1} = \frac{do}{di_2} = 2(i_1 + i_2)": "do_di_1 = 2*(i_1 + i_2); do_di_2 = 2*(i_1 + i_2)",
    r"a = xy \\ \frac{\partial^2 z}{\partial x \, \partial y} = a, \frac{\partial^{3} z}{\partial x^{3}} = 3": (
        "a = x*y; d2z_dx_dy = a; d3z_dx3 = 3"
    ),
    "o_1, o_2 = x": "o_1 = o_2; o_2 = x",
    # Cases and arrays.
    r"\begin{cases} x & x > 0 \\ -x & x \le 0 \end{cases}": "if(x > 0, x, -x)",
    r"\begin{cases} x & \text{if $x > 0$} \\ 0 & \text{otherwise} \end{cases}": "if(x > 0, x, 0)",
    r"$$\begin{cases} x & \mbox{if $x > 0$ } \\ 0 & \text{otherwise} \end{cases}$$": "if(x > 0, x, 0)",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "[1, 2; 3, 4]",
    r"\begin{bmatrix} x \\ y \end{bmatrix}": "[x, y]",
    r"(x, y) \begin{pmatrix} a, b \\ c, d \end{pmatrix}": "[x, y] @ [[a, b], [c, d]]",
}


@pytest.mark.parametrize(("text", "expected"), READINGS.items())
def test_the_reading_is_the_infix_formula(text: str, expected: str) -> None:
    assert reading(text) == expected


@pytest.mark.parametrize("text", [r"\sigma(x)", "x_{1}", "e^{x}"])
def test_latex_is_found_by_itself(text: str) -> None:
    assert Formula(text).reading == Formula(text, syntax="latex").reading


def test_names_that_are_bound_are_not_taken_apart() -> None:
    assert reading("xy + ab", "xy") == "xy + (a*b)"


def test_the_letters_of_a_subscript_are_indices() -> None:
    point = {f"w_{i}{j}": float(10 * i + j) for i in (1, 2) for j in (1, 2)}
    assert value(r"\sum_{i=1}^2 \sum_{j=1}^2 w_{ij}", **point) == 66.0


def kinds(text: str, **point: float) -> list[str]:
    return [note.kind for note in Formula(text, variables=point, syntax="latex").at(point).notes]


@pytest.mark.parametrize(
    ("text", "point", "expected"),
    [
        (r"f(z) = \tanh(z) = \frac{1}{z}", {"z": 1}, ["unequal"]),
        ("o = 1/i = 0.02", {"i": 49.982}, []),
        ("o = 1/i = 0.03", {"i": 49.982}, ["unequal"]),
        ("0.02 = 1/i", {"i": 49.982}, []),
        # A whole number is exact, unless it is said to be close.
        ("7 = x", {"x": 7.3}, ["unequal"]),
        (r"7 \approx x", {"x": 7.3}, []),
        (r"7 \approx x", {"x": 7.6}, ["unequal"]),
        # Rounded numbers, to the digits that are written.
        (r"\sigma(1) \approx 0.73", {}, []),
        (r"\sigma(1) \approx 0.74", {}, ["unequal"]),
        (r"\sigma(1) \approx 7.31 \times 10^{-1}", {}, []),
        (r"\sigma(1) \approx 7.32 \times 10^{-1}", {}, ["unequal"]),
        (r"x \simeq -1.5", {"x": -1.46}, []),
        (r"\sin x \approx x", {"x": 0.3}, ["close"]),
        (r"\sin x \approx x", {"x": 0}, []),
    ],
)
def test_members_of_a_chain_are_compared_at_the_point(text: str, point: dict[str, float], expected: list[str]) -> None:
    assert kinds(text, **point) == expected


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        (r"h(x) = a = \tanh(z), z = wx", "a = tanh(z); h(x) = a; z = w*x", []),
        (r"h(x) = a = \tanh(z) = 0.8, z = wx", "a = tanh(z); h(x) = a; z = w*x", ["unequal"]),
        ("h = a = 2z, h = a = 2z", "a = 2*z; h = a", []),
        # Others say what it is: a value from outside, a definition, a parameter, a constant.
        ("h = x = 2w, g = hw", "h = x; g = h*w", ["unequal"]),
        ("h = a = 2z, a = w", "h = a; a = w", ["unchecked"]),
        ("h(x) = x = 2w", "h(x) = x", ["unchecked"]),
        (r"h = \pi = 2x, g = hx", "h = pi; g = h*x", ["unequal"]),
        # A parameter has no value outside of its function.
        ("h(x) = a = 2x, a = x", "h(x) = a; a = x", ["unequal"]),
        # What is rounded is compared, and defines nothing.
        ("h = w = 0.5, a = h", "h = w; a = h", ["unequal"]),
    ],
)
def test_a_chain_defines_the_name_it_begins_with(text: str, expected: str, notes: list[str]) -> None:
    formula = Formula(text, variables=["x", "w"], syntax="latex")
    assert formula.reading == expected
    notes_at = formula.at(dict.fromkeys(formula.variables, 0.7)).notes
    assert [note.kind for note in notes_at] == notes


def test_the_output_of_a_chain_has_its_gradient() -> None:
    # The second lecture's forward pass ends with h(x) = a = f(z), and is about h.
    text = r"z = wx + b, \quad f(t) = t^2, \quad h(x) = a = f(z)"
    assert Formula(text).gradient(w=2.0, x=3.0, b=1.0) == {"w": 42.0, "x": 28.0, "b": 14.0}


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("q = 2x, f = q^2", "q = 2x"),
        ("x = 3, f = x^2", "x = 3"),
        (
            r"f(x) = \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
            r"f(x) = \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
        ),
        (r"J = \sum_{i=1}^{2} x^i, g = J", r"J = \sum_{i=1}^{2} x^i"),
        ("h = a = 2x", "h = a = 2x"),
    ],
)
def test_a_definition_that_is_repeated_is_read_once(text: str, again: str) -> None:
    assert reading(f"{text}, {again}") == reading(text)
    assert Formula(f"{text}, {again}", syntax="latex").gradient(x=3.0) == Formula(text, syntax="latex").gradient(x=3.0)
    assert kinds(f"{text}, {again}", x=3.0) == kinds(text, x=3.0) == []


@pytest.mark.parametrize(
    "text",
    [
        "q = 2x, f = q^2, q = 3x",
        "f(x) = x^2, f(t) = t^2",
        "f = x = 3.0, f = x = 3.5",
        "f = 2x = 3.0, f = 2x",
        # Made anew twice is not made anew once.
        r"\theta := \theta - g, \theta := \theta - g",
    ],
)
def test_a_definition_that_says_something_else_is_a_second_one(text: str) -> None:
    with pytest.raises(BackpropError, match="is defined twice"):
        Formula(text, syntax="latex")


def test_what_a_text_says_again_is_noted_once() -> None:
    text = r"f = x^2, \frac{df}{dx} = 2x, \frac{df}{dx} = 2x"
    assert kinds(text, x=1.5) == ["agrees"]


def test_what_is_close_defines_nothing() -> None:
    assert reading(r"\sigma(x) \approx x/4") == "sigmoid(x)"


NETWORK = r"J = y^2; y = 3a; a = \tanh(w); "


@pytest.mark.parametrize(
    ("text", "point", "message"),
    [
        # Right and wrong, by functions, definitions and functions of the language.
        (r"f(x) = x^2, \frac{df}{dx} = 2x", {"x": 3}, r"\frac{df}{dx} = 2x holds here: 6"),
        (
            r"f(x) = x^2, \frac{df}{dx} = 3x",
            {"x": 3},
            r"\frac{df}{dx} is 6 here, and not equal to 3x, which is 9",
        ),
        (r"q = x + y \quad \frac{\partial q}{\partial x} = 1", {"x": 1, "y": 2}, "holds here: 1"),
        (r"q = xy \quad \frac{\partial q}{\partial x} = 1", {"x": 1, "y": 2}, "is 2 here, and not equal to 1"),
        (r"f = qz; q = x + y \quad \frac{\partial f}{\partial q} = z", {"x": 1, "y": 2, "z": 5}, "holds here: 5"),
        (r"f = qz; q = x + y \quad \frac{\partial f}{\partial x} = z", {"x": 1, "y": 2, "z": 5}, "holds here: 5"),
        (r"\frac{d\sigma(x)}{dx} = (1 - \sigma(x)) \sigma(x)", {"x": 1}, "holds here: 0.196612"),
        (r"\frac{d\sigma(x)}{dx} = \sigma(x)", {"x": 1}, "is 0.196612 here, and not equal to"),
        # Derivatives of all kinds, in products and sums, and those that are only named.
        (NETWORK + r"\frac{dJ}{da} = \frac{dJ}{dy} \frac{dy}{da}", {"w": 0.3}, "holds here: 5.24363"),
        (NETWORK + r"\frac{dJ}{dw} = \frac{dJ}{da}(1 - a^2)", {"w": 0.3}, "holds here: 4.79864"),
        (NETWORK + r"\frac{dJ}{dw} = \frac{dJ}{da}(1 - a)", {"w": 0.3}, "and not equal to"),
        (r"f(x) = x^3, f'(x) = 3x^2", {"x": 3}, "holds here: 27"),
        (r"f(x) = x^3, f''(x) = 6x", {"x": 3}, "holds here: 18"),
        (r"f(x) = x^3, \frac{d^2 f}{dx^2} = 6x", {"x": 3}, "holds here: 18"),
        (
            r"f(x, y) = x^2 y, \frac{\partial^2 f}{\partial x \partial y} = 2x",
            {"x": 3, "y": 2},
            "holds here: 6",
        ),
        (r"f(x) = x^3, \frac{df}{dx}(x) = 3x^2 = 27.0", {"x": 3}, "holds here: 27"),
        (r"f(x) = x^3, \frac{df}{dx} \approx 27", {"x": 3.01}, "holds here: 27.1803"),
        (r"f(x) = x^3, \frac{\partial f}{\partial f} = 1", {"x": 3}, "holds here: 1"),
        (r"f(x) = x^3, \frac{df}{dx}", {"x": 3}, r"\frac{df}{dx} is 27 here"),
        # What cannot be checked is said.
        (r"f(x) = x^3, \frac{dg}{dx} = 1", {"x": 3}, "not checked: \\frac{dg}{dx} = 1, since g is not defined here"),
        (r"f(x) = x^3, f'(2x) = 1", {"x": 3}, "does not say plainly what is differentiated, or where"),
        (r"f(x) = x^3, \frac{d}{dx} x^2 = 2x", {"x": 3}, "does not say plainly"),
        (r"f(x) = x^3, \frac{df}{dx} = h(x)", {"x": 3}, "since h is not defined here"),
        (r"f(t) = t^3; f(x) \quad \frac{df}{dt} = 3t^2", {"x": 3}, "since t has no value"),
        (r"f(x) = x^3, \frac{df}{dx} = u", {"x": 3}, "since u has no value"),
        (r"f(x) = x^3, \frac{df}{dx} = \log(-x)", {"x": 3}, "not checked"),
    ],
)
def test_what_is_said_of_derivatives_is_checked_at_the_point(text: str, point: dict[str, float], message: str) -> None:
    (note,) = Formula(text, variables=point, syntax="latex").at(point).notes
    assert message in note.message
    wrong = "not equal" in message
    assert note.severity == ("warning" if wrong else "note")
    assert note.kind in {"unequal"} if wrong else {"agrees", "asked", "unchecked"}


def test_what_is_said_at_great_length_is_compared_in_part() -> None:
    lines = [
        rf"q_{{{k}}} = q_{{{k - 1}}} + x = {k + 1}x \quad \frac{{dq_{{{k}}}}}{{dx}} = {k + 1}" for k in range(1, 200)
    ]
    formula = Formula(r" \quad ".join(["q_{0} = x", *lines]), max_nodes=2_000)
    *right, last = formula.at(x=2).notes
    assert {note.kind for note in right} == {"agrees"}
    assert last.kind == "unchecked"
    assert "--max-nodes raises it; " in last.message
    assert " of 398 are not compared" in last.message


def test_what_holds_is_no_reason_to_refuse_strictly() -> None:
    right, wrong = [Formula(rf"f(x) = x^2, \frac{{df}}{{dx}} = {slope}") for slope in ("2x", "3x")]
    assert right.at(x=3, strict=True).value == 9.0
    with pytest.raises(BackpropError, match="refused by --strict"):
        wrong.at(x=3, strict=True)


def test_claims_alone_have_the_value_of_the_side_that_has_one() -> None:
    assert value(r"\frac{df}{dx} = e^x", x=0) == 1.0
    assert value(r"x = 2, \frac{df}{dx} = x^2 = 4.0") == 4.0
    assert value(r"2x = \frac{df}{dx}", x=3) == 6.0
    # A lone name beside other derivatives is nothing to compute, and of two values none is meant.
    for text in (r"\frac{dy}{dx} = \frac{dy}{du} u = x", r"x^2 = \frac{dy}{dx}, x^3 = \frac{dz}{dx}"):
        assert "is a derivative" in refused(text, x=1).message


# Braces are not printed: what they alone hold together is refused.

BRACES = {
    "{a+b}c": "a+b",
    "c{a+b}": "a+b",
    "a - {b + c}": "b + c",
    "-{b + c}": "b + c",
    r"a \cdot {b - c}": "b - c",
    "1/{2x}": "2x",
    "{a+b}/c": "a+b",
    "{ab}^2": "ab",
    "{-a}^2": "-a",
    "{x^2}^3": "x^2",
    "{{a+b}}^2": "a+b",
    "{a+b}!": "a+b",
    "{ab}^T": "ab",
    "c{-a}": "-a",
    "{a < b} + c": "a < b",
    r"{\log x} y": r"\log x",
    r"x{\log y}z": r"\log y",
    r"{\sum_{i=1}^{2} x_i} y": r"\sum_{i=1}^{2} x_i",
    r"\sum_{i=1}^{2} {x_i + 1}": "x_i + 1",
    r"\log {x + 1}": r"\log {x + 1}",
    r"\log x{a + b}": "a + b",
    r"\overbrace{a + b}^{t} c": "a + b",
}


@pytest.mark.parametrize(("text", "place"), BRACES.items())
def test_braces_that_change_what_is_meant_are_refused(text: str, place: str) -> None:
    with pytest.raises(BackpropError, match="two ways") as caught:
        Formula(text, syntax="latex")
    span = caught.value.span
    assert span is not None
    assert text[span.start : span.end] == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a+b} + {c}", "(a + b) + c"),
        ("{a+b} - c", "(a + b) - c"),
        ("{(a+b)}c", "(a + b)*c"),
        ("{ab}c", "(a*b)*c"),
        ("{-a}c", "(-a)*c"),
        (r"a \cdot {-b}", "a*(-b)"),
        (r"{\frac{a}{b}}^2 {x_1}^2", "((a/b)^2)*(x_1^2)"),
        (r"{\sigma(x)}^2 {|x|}^2", "(sigmoid(x)^2)*(abs(x)^2)"),
        (r"x{\log y}", "x*log(y)"),
        (r"\exp{-x} + \log{x} + \sin{2x}", "(exp(-x) + log(x)) + sin(2*x)"),
        (r"\sqrt{a+b} + \frac{a+b}{c} + x^{a+b}", "(sqrt(a + b) + ((a + b)/c)) + (x^(a + b))"),
    ],
)
def test_braces_that_change_nothing_are_read(text: str, expected: str) -> None:
    assert reading(text) == expected


def test_letters_in_two_types_are_not_one_name() -> None:
    for text in (
        r"\mathbf{x} + x",
        r"x + \boldsymbol{x}",
        r"\mathbf{x}_1 x_1",
        r"\mathcal{L} + L",
        r"\mathbf{x} \mathrm{x}",
    ):
        assert "would be one name" in refused(text).message
    assert reading(r"\mathbf{x} + \boldsymbol{x} + \bm{x}") == "(x + x) + x"
    assert reading(r"\hat{\mathbf{y}} - \mathbf{\hat{y}} + y") == "(y_hat - y_hat) + y"
    assert reading(r"\mathit{x} + x") == "x + x"


def test_a_point_that_no_case_is_about_is_named() -> None:
    text = r"f(x) = \begin{cases} 1 & x > 1 \\ x & x < 0 \end{cases}"
    assert value(text, x=-2) == -2.0
    problem = refused(text, x=0.5)
    assert problem.message == "none of the cases holds at x = 0.5"
    assert problem.span is not None
    assert text[problem.span.start :].startswith(r"\begin{cases}")
    (note,) = Formula(text).at(x=0.5, ieee=True).notes
    assert note.message == "none of the cases holds at x = 0.5: the first value that is not a finite number"
    with pytest.raises(BackpropError, match="none of the cases holds for some of the entries"):
        Formula(text).value({"x": [2.0, 0.5]})


def test_a_value_that_is_made_anew_has_a_name_of_its_own() -> None:
    formula = Formula(r"\theta := \theta - \alpha g, \beta = \beta/2")
    assert formula.reading == "theta_new = theta - (alpha*g); beta_new = beta/2"
    assert [note.kind for note in formula.at(theta=1, alpha=0.5, g=2, beta=4).notes] == ["outputs", "update", "update"]
    assert "defined by itself" in refused(r"\theta = \theta - 1, y = \theta^2").message


def test_a_line_of_align_may_hold_several_equations() -> None:
    assert reading(r"\begin{align} a &= 1 & b &= 2x \\ c &= a + b \end{align}") == "a = 1; b = 2*x; c = a + b"
    assert reading(r"\begin{alignat*}{2} a &= x & b &= 2a \end{alignat*}") == "a = x; b = 2*a"
    assert reading(r"\begin{eqnarray} a &=& 2x \\ b &=& a \end{eqnarray}") == "a = 2*x; b = a"
    assert reading(r"\begin{aligned} a &= x \\[2pt] b &= a \\*[-1.5 ex] c &= b \end{aligned}") == "a = x; b = a; c = b"
    assert reading(r"\begin{pmatrix} 1 \\[1mm] x \end{pmatrix}") == "[1, x]"
    assert reading(r"c = 2y \begin{align} a &= x \\[2pt] b &= a + c \end{align}") == "c = 2*y; a = x; b = a + c"


def test_a_label_before_a_formula_is_passed_over() -> None:
    assert reading(r"x_0: [2] \times [0.2] = 0.4") == "2*0.2"
    assert "has no meaning" in refused("x + y: z").message


# A line of a document, pasted as it stands.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Let $x = 2$, then $y = x^2$.", "x = 2; y = x^2"),
        (r"**Note:** with $$q = xy$$ (see 1.2)", "q = x*y"),
        (r"- the sigmoid \(s = \sigma(x)\)", "s = sigmoid(x)"),
        ("1. Set $a = x^2$ and the $n$-th\n\n", "a = x^2; n"),
        ("$f_a(x) = ax$\t$\\rightarrow$\t$\\frac{df}{dx} = a$", "f_a(x) = a*x"),
        ("$x^2", None),
        ("2$x$", None),
        ("$x$ + 3", None),
        ("y = $x$", None),
        ("x - $y$", None),
        ("where $x$ is 2*y", None),
        (r"\alpha $x$", None),
    ],
)
def test_a_line_with_dollar_signs_is_read_as_it_is_printed(text: str, expected: str | None) -> None:
    if expected is not None:
        assert Formula(text).reading == expected
    else:
        with pytest.raises(BackpropError):
            Formula(text)


def test_what_stands_outside_of_dollar_signs_is_no_formula() -> None:
    problem = refused("Let $x = 2$ and y=3 $z = x^2$.")
    assert problem.message.startswith("'=' stands outside of the formulas")
    assert problem.span == Span(17, 18)


def test_a_derivative_of_what_the_text_does_not_define_is_an_output() -> None:
    text = r"v = xy \\ \frac{\partial z}{\partial x} = 3, \frac{\partial^2 z}{\partial {y^*}^2} = v"
    report = Formula(text).at(x=2, y=5)
    assert report.value == {"dz_dx": 3.0, "d2z_dy_star_dy_star": 10.0}
    assert Formula(r"\frac{df}{dx} = \mathit{df\_dx} + 1").at(df_dx=1.0).output == "df_dx_"


@pytest.mark.parametrize(
    ("text", "expected", "notes"),
    [
        # One that the text has, or the language, is no output: it is checked.
        (r"f = x^2, \frac{df}{dx} = 2x", "f = x^2", ["agrees"]),
        (r"\frac{d\sigma(x)}{dx} = \sigma(x)(1 - \sigma(x))", "sigmoid(x)*(1 - sigmoid(x))", ["agrees"]),
        (
            r"z_j = jx, L = z_1 + z_2, \frac{\partial z_1}{\partial x} = 0",
            "z_j = j*x; L = z_1 + z_2",
            ["unequal"],
        ),
        # The language's function is meant where it has an argument.
        (r"\frac{\partial \sigma}{\partial x} = 2x", "dsigma_dx = 2*x", []),
        # A text with a value of its own keeps it.
        (r"f_a(x) = x \rightarrow \frac{df}{dx} = 1", "f_a(x) = x", ["unchecked"]),
        (r"q = 3x, \frac{dg}{dx} = q", "q = 3*x; dg_dx = q", []),
        (r"q = 3x, \frac{dg}{dx} = x", "q = 3*x", ["unchecked"]),
        (r"k = 2\pi, \frac{dg}{dx} = x", "k = 2*pi; dg_dx = x", []),
        (r"z_j = jx, \frac{dg}{dx} = z_1 + z_2", "z_j = j*x; dg_dx = z_1 + z_2", []),
        # What is said again is compared.
        (r"\frac{df}{dx} = 2x, f'(x) = 3x = x + 1", "df_dx = 2*x", ["unequal"]),
        (
            r"f''(x) = 2, \frac{d^2 f}{dx^2} \approx 2.4, \frac{dg(x)}{dx} = x",
            "d2f_dx_dx = 2; dg_dx = x",
            ["outputs", "unchecked"],
        ),
    ],
)
def test_an_output_is_what_nothing_else_is(text: str, expected: str, notes: list[str]) -> None:
    assert reading(text, "x") == expected
    assert kinds(text, x=1.0) == notes


def test_a_derivative_whose_order_is_not_plain_is_none_of_a_name() -> None:
    for text in (r"\frac{d f}{dx^{n} dy} = x", r"\frac{d^2 f}{dx} = x", r"\frac{d^{21} f}{dx^{21}} = x"):
        assert "is a derivative" in refused(text, x=1).message


def test_names_beside_a_d_are_no_differentials() -> None:
    assert value(r"\frac{d \cdot x}{d \cdot y}", d=2, x=3, y=4) == 0.75
    assert value(r"\frac{d}{d_1}", d=2, d_1=4) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{dy}{dx} = \frac{dy}{du} \frac{du}{dx}",
        r"\theta_1 := \theta_1 - \alpha \frac{d}{d\theta_1} J(\theta_1)",
        r"F'(x) = f'(g(x)) \cdot g'(x)",
        r"\left\{ x^2 \right\}' = 2x",
    ],
)
def test_derivatives_are_refused_with_advice(text: str) -> None:
    problem = refused(text)
    assert "derivative" in problem.message
    assert "function itself" in str(problem.hint)


def test_depth_costs_no_recursion() -> None:
    n = 20_000
    assert value("{" * n + "x" + "}" * n, x=2) == 2.0
    assert value(r"\left(" * n + "x" + r"\right)" * n, x=2) == 2.0
    assert value(r"\frac{1}{" * n + "x" + "}" * n, x=1) == 1.0


HOSTILE = {
    r"\input{/etc/passwd}": r"\input is never carried out",
    r"x + \include{secret}": r"\include is never carried out",
    r"\write18{touch /tmp/x}": r"\write is never carried out",
    r"\immediate\write18{ls}": r"\immediate is never carried out",
    r"\def\x{x\x}\x": r"\def is never carried out",
    r"\newcommand{\x}{y} \x": r"\newcommand is never carried out",
    r"\csname input\endcsname": r"\csname is never carried out",
    r"\catcode`\$=12": r"\catcode is never carried out",
    r"\begin{document}x\end{document}": "a whole document is no formula",
    r"\usepackage{shellesc}": r"\usepackage is never carried out",
    r"\foo{x}": r"unknown command \foo",
    r"\fraq{1}{x}": r"unknown command \fraq",
    r"\left( x": r"this '\left(' is never closed",
    r"\left( x ]": "is closed by",
    r"x \right)": "closes nothing",
    r"\left( x )": "is closed by",
    r"x \)": r"this '\)' closes nothing",
    r"\] x": r"this '\]' closes nothing",
    r"$x \)$": r"this '\)' closes nothing",
    r"\left": "without a bracket",
    r"\frac{1}": "argument",
    "{x": "never closed",
    "x}": "closes nothing",
    "x^2^3": "double superscript",
    "$x": "never closed",
    r"\begin{cases} x": "never closed",
    r"\begin{verbatim} x \end{verbatim}": "unknown environment",
    "\\": "",
    "{" * 100_000: "never closed",
    "}" * 100_000: "closes nothing",
    r"\left(" * 50_000: "never closed",
    r"\frac" * 50_000: "argument",
    "x_{" * 50_000: "never closed",
    "x^{" * 50_000: "never closed",
    r"\begin{cases}" * 5_000: "never closed",
    "|" * 50_000: "never closed",
    "$" * 100_001: "never closed",
    r"\sum" * 50_000: "does not say over which index",
    r"\frac{df}{dx} = " * 5_000: "needs a value",
    "x'" * 30_000 + "(": "",
    "x" + "'" * 5_000: "a name has at most 64 characters, but this one has 30,001",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_hostile_latex_is_a_message(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    code = main(["eval", "-", "--syntax", "latex", "--x", "1"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith("error: ")
    assert HOSTILE[text] in printed.err
    assert len(printed.err) < 1200


def test_twice_the_text_takes_about_twice_the_time() -> None:
    def seconds(text: str) -> float:
        best = 1e9
        for _ in range(3):
            before = time.process_time()
            Formula(text, syntax="latex", max_chars=None, max_nodes=None)
            best = min(best, time.process_time() - before)
        return best

    for piece, ending in (("x_{1} + ", "y"), ("x^{", "y" + "}" * 1000), ("q = x = 1, ", "q")):
        n = 1000
        text, longer = piece * n + ending, piece * (2 * n) + ending + ("}" * n if piece[-1] == "{" else "")
        assert seconds(longer) < 4 * seconds(text) + 0.05


def test_a_derivative_by_an_array_is_compared() -> None:
    text = r"q = x^2 + y \quad \frac{\partial q}{\partial x} = 2x"
    assert [note.kind for note in Formula(text).at(x=[1.0, 2.0], y=2.0).notes] == ["outputs", "agrees"]
    wrong = Formula(text.replace("2x", "1")).at(x=[1.0, 2.0], y=2.0).notes
    assert [note.kind for note in wrong] == ["outputs", "unequal"]


def test_a_function_that_is_named_in_a_chain_alone_is_a_name_for_the_value() -> None:
    functions = r", f(t) = t^2, g(t) = t + 1"
    for text in (
        "z = h(x) = f(g(x))",
        r"\begin{aligned} z &= h(x) \\ &= f(g(x)) \end{aligned}",
        "z = h(x, y) = f(g(x))",
    ):
        report = Formula(text + functions, syntax="latex").at(x=2.0)
        assert (report.value, report.grad, report.notes) == (9.0, {"x": 6.0}, ())
    named_last = Formula("z = f(g(x)) = h(x)" + functions, syntax="latex").at(x=2.0)
    assert [note.message for note in named_last.notes] == ["not compared: z = h(x), since h has no value"]
    assert "unknown function 'h'" in refused("z = h(x)" + functions, x=1).message
    assert "unknown function 'h'" in refused("z = 2h(x) = f(x)" + functions, x=1).message
    assert value("z = h(x) = f(x), h(t) = 3t" + functions, x=2) == 6.0
    assert value("z = h(x) = 12", x=2, h=6) == 12.0


def test_names_beside_the_formula_may_be_given_values() -> None:
    f = Formula("f(x) = x^2 = ax", syntax="latex")
    assert (f.variables, f.mentioned) == (("x",), ("a",))
    assert [note.kind for note in f.at(x=3.0, a=3.0).notes] == []
    assert [note.kind for note in f.at(x=3.0, a=4.0).notes] == ["unequal"]
    assert [note.message for note in f.at(x=3.0).notes] == ["not compared: f = ax, since a has no value"]
    slope = Formula(r"f(x) = x^2, \frac{df}{dx} = kx", syntax="latex").at(x=3.0, k=2.0)
    assert [note.kind for note in slope.notes] == ["agrees"]
    with pytest.raises(BackpropError, match="no variable b"):
        f.at(x=3.0, b=4.0)


def test_entries_that_stand_beside_the_formula_are_no_outputs() -> None:
    given = {"w": [1.0, 2.0], "x": [3.0, 4.0]}
    f = Formula(r"f(x) = w^T x = \sum_{i=1}^2 w_i x_i", syntax="latex", structure=given)
    assert f.outputs == ("f",)
    assert (f.at(given).value, f.at(given).notes) == (11.0, ())


def test_a_name_before_brackets_alone_may_be_a_function() -> None:
    for text in (r"\varphi(w x)", r"\varphi\left(w x\right)", r"\varphi (w x) + 1"):
        with pytest.raises(BackpropError) as caught:
            Formula(text).at(w=1, x=2)
        assert caught.value.hint == r"add --phi VALUE; if it is a function, define it, as in \varphi(t) = t^2"
    with pytest.raises(BackpropError) as caught:
        Formula(r"\varphi(w x) + \varphi").at(w=1, x=2)
    assert caught.value.hint == "add --phi VALUE"


def _said(text: str, **point: float) -> tuple[float, dict[str, float], list[str]]:
    report = Formula(text, syntax="latex").at(point)
    assert isinstance(report.value, float)
    return report.value, dict(report.grad or {}), [note.message for note in report.notes]


def test_a_function_and_a_name_on_one_slide_are_one_quantity() -> None:
    slide = r"f(x, y, z) = (x + y)z \quad q = x + y, f = qz \quad \frac{\partial f}{\partial q} = z"
    gradient = {"x": -4.0, "y": -4.0, "z": 3.0}
    value, slopes, notes = _said(slide, x=-2, y=5, z=-4)
    assert (value, slopes) == (-12.0, gradient)
    assert notes == [r"\frac{\partial f}{\partial q} = z holds here: -4"]
    assert _said("f = qz, q = x + y, f(x, y, z) = (x + y)z = xz + yz", x=-2, y=5, z=-4) == (-12.0, gradient, [])
    wrong = _said("f(x, y, z) = (x + y)z = xz, q = x + y, f = qz + 1", x=-2, y=5, z=-4)
    assert wrong[0] == -11.0
    assert wrong[2] == [
        "f is -11 here, and not equal to (x + y)z, which is -12",
        "f is -11 here, and not equal to xz, which is 8",
    ]
    for text in (
        "f(x) = x^2, f = 3x, g = f(2)",
        r"f(x) = e^x, f(x) = \frac{1}{x}",
        "q = x + y, q = xy",
        "q = 3, q = x",
    ):
        assert "defined twice" in refused(text, x=1, y=2).message


def test_a_number_that_a_defined_name_is_said_to_be_is_compared() -> None:
    slide = "f(x, y, z) = (x + y)z, x = -2, y = 5, z = -4, q = x + y, q = 3, f = qz, f = -12"
    assert _said(slide) == (-12.0, {"x": -4.0, "y": -4.0, "z": 3.0}, [])
    assert _said(slide.replace("q = 3", "q = 4"))[2] == ["q is 3 here, and not equal to 4"]
    assert _said("f(x) = x^2, f = 8.9", x=3)[2] == ["f is 9 here, and not equal to 8.9"]
    assert _said("f(x) = x^2, f = 9.0", x=3)[2] == []
    assert _said(r"a = a - b, a = 3, b = 1")[0] == 2.0


def test_a_name_in_the_chain_of_a_function_may_use_its_parameters_where_nobody_calls_it() -> None:
    assert _said("h(x) = a = x^2", x=3) == (9.0, {"x": 6.0}, [])
    assert "a has no value" in refused("h(x) = a = x^2, y = h(2)").message
    f = Formula("h(x) = a = x^2", syntax="latex", variables=["a"])
    assert [note.message for note in f.at(a=9, x=2).notes] == ["h is 9 here, and not equal to x^2, which is 4"]


def test_every_derivative_that_a_chain_begins_with_is_an_output() -> None:
    f = Formula(r"\frac{do}{di_1} = \frac{do}{di_2} = 2(i_1 + i_2) = 14")
    assert f.at(i_1=4, i_2=3).value == {"do_di_1": 14.0, "do_di_2": 14.0}
    notes = [note.message for note in f.at(i_1=4, i_2=4).notes if note.kind == "unequal"]
    assert notes == ["do_di_1 is 16 here, and not equal to 14", "do_di_2 is 16 here, and not equal to 14"]
    known = Formula(r"o = (i_1 + i_2)^2, \frac{do}{di_1} = \frac{do}{di_2} = 2(i_1 + i_2) = 14").at(i_1=4, i_2=3)
    assert [note.kind for note in known.notes] == ["agrees"]
