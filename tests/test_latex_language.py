"""Formulas in LaTeX: what each means, held by its reading, its value and the infix formula that it stands for."""

from __future__ import annotations

import time

import pytest

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula


def reading(text: str, *bound: str) -> str:
    return Formula(text, variables=bound, syntax="latex").reading


def value(text: str, **point: float) -> float:
    return Formula(text, variables=point, structure=point, syntax="latex", max_chars=None).value(point)


def refused(text: str, **point: float) -> BackpropError:
    with pytest.raises(BackpropError) as caught:
        Formula(text, variables=point, structure=point, syntax="latex").value(point)
    return caught.value


# The formulas of the lectures, with the values that the slides or fifty digits give them.
LECTURES: list[tuple[str, dict[str, float], float]] = [
    ("f(x, y, z) = (x + y)z", {"x": -2, "y": 5, "z": -4}, -12),
    (r"q = x + y \quad \frac{\partial q}{\partial x} = 1, \frac{\partial q}{\partial y} = 1", {"x": -2, "y": 5}, 3),
    (r"f = qz \quad \frac{\partial f}{\partial q} = z, \frac{\partial f}{\partial z} = q", {"q": 3, "z": -4}, -12),
    (
        r"f(w, x) = \frac{1}{1 + e^{-(w_0x_0 + w_1x_1 + w_2)}}",
        {"w_0": 2, "x_0": -1, "w_1": -3, "x_1": -2, "w_2": -3},
        0.7310585786300049,
    ),
    ("f(x) = e^x", {"x": -1}, 0.36787944117144233),
    (r"f(x) = \frac{1}{x}", {"x": 1.37}, 0.7299270072992701),
    ("-1/x^2", {"x": 1.37}, -0.5327934359848686),
    ("f_a(x) = ax", {"a": -1, "x": 0.37}, -0.37),
    ("(1)(-0.53) = -0.53", {}, -0.53),
    (r"f(x) = e^x \rightarrow \frac{df}{dx} = e^x", {"x": -1}, 0.36787944117144233),
    (r"\sigma(x) = \frac{1}{1 + e^{-x}}", {"x": 1}, 0.7310585786300049),
    (
        r"\left( \frac{1 + e^{-x} - 1}{1 + e^{-x}} \right) \left( \frac{1}{1 + e^{-x}} \right)",
        {"x": 1},
        0.196611933241482,
    ),
    (r"(1 - \sigma(x)) \sigma(x)", {"x": 1}, 0.19661193324148185),
    (
        r"\sum_{i=1}^3 W_i x_i + b",
        {"W_1": 0.5, "W_2": -1, "W_3": 2, "x_1": 1, "x_2": 2, "x_3": 3, "b": 0.25},
        4.75,
    ),
    (r"f(z) = \tanh(z) = \frac{e^z - e^{-z}}{e^z + e^{-z}}", {"z": 0.7}, 0.6043677771171636),
    (r"f(z) = \max(0, z)", {"z": 0.7}, 0.7),
    (r"J = \frac{1}{2} \|h - y\|^2", {"h": 0.8, "y": 1}, 0.02),
    (
        r"f(x) = \begin{cases} 1 & \text{if } w \cdot x + b > 0 \\ 0 & \text{else} \end{cases}",
        {"w": 2, "x": 1, "b": -1},
        1,
    ),
    (r"J = y^* \log y + (1 - y^*) \log(1 - y)", {"y": 0.8, "y_star": 1}, -0.2231435513142097),
    (
        r"a = \sum_{j=0}^D \theta_j x_j",
        {"D": 2, "theta_0": 0.1, "theta_1": 0.2, "theta_2": 0.3, "x_0": 1, "x_1": 2, "x_2": 3},
        1.4,
    ),
    (r"\frac{y^*}{y} + \frac{(1 - y^*)}{y - 1}", {"y": 0.8, "y_star": 1}, 1.25),
    (
        r"W - \alpha \left[ \left( \frac{1}{m} \Delta W \right) + \lambda W \right]",
        {"W": 1.5, "alpha": 0.1, "m": 4, "Delta_W": 2, "lambda": 0.01},
        1.4485,
    ),
    (r"\boxed{f(x) = e^x} \rightarrow \frac{df}{dx} = e^x", {"x": -1}, 0.36787944117144233),
    (r"[-1] \times [0.2] = -0.2", {}, -0.2),
    (r"\sigma(x) = \frac{1}{1 + e^{-x}} \quad \text{sigmoid function}", {"x": 1}, 0.7310585786300049),
    (r"z = \frac{x + \sigma(x)}{\sigma(x) + (x + y)^2}", {"x": 4, "y": 3}, 0.09967613171742373),
    ("o = (i_1 + i_2) = 4.982", {"i_1": 4, "i_2": 0.982}, 4.982),
    ("o = 1/i = 0.02", {"i": 49.982}, 0.020007202592933458),
    (r"-(1/49.982)^2 = -0.0004", {}, -0.00040028815559468324),
    ("y = log(x)", {"x": 4}, 1.3862943611198906),
    (r"= -\frac{\exp(-x)}{(1 + \exp(-x))^{2}}", {"x": 1.5}, -0.14914645207033284),
    (r"= z^{2} \frac{1 - z}{z}", {"z": 0.3}, 0.21),
    ("= z(1 - z)", {"z": 0.3}, 0.21),
    (r"\left\{ (1 + \exp(-x))^{-1} \right\}", {"x": 1.5}, 0.8175744761936437),
]


@pytest.mark.parametrize(("text", "point", "expected"), LECTURES, ids=[text[:40] for text, _, _ in LECTURES])
def test_a_formula_of_the_lectures_has_its_value(text: str, point: dict[str, float], expected: float) -> None:
    report = Formula(text, variables=point, structure=point, syntax="latex").at(
        {name: number for name, number in point.items() if name != "D"}
    )
    found = next(iter(report.value.values())) if isinstance(report.value, dict) else report.value
    assert found == pytest.approx(expected, rel=1e-12)
    assert "unequal" not in [note.kind for note in report.notes]


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
    "\\begin{align*}\na &= x\n\\end{align*}\n\\begin{align*}\na^2\n\\end{align*}": "a = x; a^2",
    # What derivatives are said to be, of what the text does not define.
    r"\frac{df}{dx} = e^x": "df_dx = e^x",
    r"\frac{do}{di_1} = \frac{do}{di_2} = 2(i_1 + i_2)": "do_di_1 = 2*(i_1 + i_2)",
    r"a = xy \\ \frac{\partial^2 z}{\partial x \, \partial y} = a, \frac{\partial^{3} z}{\partial x^{3}} = 3": (
        "a = x*y; d2z_dx_dy = a; d3z_dx3 = 3"
    ),
    "o_1, o_2 = x": "o_1 = o_2; o_2 = x",
    # Cases and arrays.
    r"\begin{cases} x & x > 0 \\ -x & x \le 0 \end{cases}": "if(x > 0, x, -x)",
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


def test_members_of_a_chain_are_compared_at_the_point() -> None:
    report = Formula(r"f(z) = \tanh(z) = \frac{1}{z}").at(z=1.0)
    assert [note.kind for note in report.notes] == ["unequal"]
    assert Formula("o = 1/i = 0.02", syntax="latex").at(i=49.982).notes == ()


def test_what_is_said_of_derivatives_is_named_and_not_checked() -> None:
    report = Formula(r"q = x + y \quad \frac{\partial q}{\partial x} = 1").at(x=1, y=2)
    assert [note.kind for note in report.notes] == ["unchecked"]


def test_a_derivative_of_what_the_text_does_not_define_is_an_output() -> None:
    text = r"v = xy \\ \frac{\partial z}{\partial x} = 3, \frac{\partial^2 z}{\partial {y^*}^2} = v"
    report = Formula(text).at(x=2, y=5)
    assert report.value == {"dz_dx": 3.0, "d2z_dy_star_dy_star": 10.0}
    assert Formula(r"\frac{df}{dx} = \mathit{df\_dx} + 1").at(df_dx=1.0).output == "df_dx_"


def test_names_beside_a_d_are_no_differentials() -> None:
    assert value(r"\frac{d \cdot x}{d \cdot y}", d=2, x=3, y=4) == 0.75
    assert value(r"\frac{d}{d_1}", d=2, d_1=4) == 0.5


def test_a_product_of_two_arrays_needs_a_sign() -> None:
    formula = Formula(r"\mathbf{W}\mathbf{x}")
    assert formula.value({"W": 2.0, "x": 3.0}) == 6.0
    with pytest.raises(BackpropError, match="two ways") as caught:
        formula.value({"W": [[1, 2], [3, 4]], "x": [1, 2]})
    assert "@" in str(caught.value.hint)
    assert Formula(r"\mathbf{W} @ \mathbf{x}").value({"W": [[1, 2], [3, 4]], "x": [1, 2]}).tolist() == [5, 11]


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{dy}{dx} = \frac{dy}{du} \frac{du}{dx}",
        r"\theta_1 := \theta_1 - \alpha \frac{d}{d\theta_1} J(\theta_1)",
        r"F'(x) = f'(g(x)) \cdot g'(x)",
        r"\left\{ x^2 \right\}' = 2x",
        r"\frac{d\sigma(x)}{dx} = (1 - \sigma(x)) \sigma(x)",
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


@pytest.mark.parametrize(
    "text",
    ["{" * 100_000, r"\left(" * 50_000, r"\frac" * 50_000, "x_{" * 50_000, r"\begin{cases}" * 5_000, "|" * 50_000],
)
def test_what_is_never_closed_is_a_message(text: str) -> None:
    with pytest.raises(BackpropError):
        Formula(text, syntax="latex", max_chars=None)


def test_twice_the_text_takes_about_twice_the_time() -> None:
    def seconds(text: str) -> float:
        best = 1e9
        for _ in range(3):
            before = time.process_time()
            Formula(text, syntax="latex", max_chars=None, max_nodes=None)
            best = min(best, time.process_time() - before)
        return best

    for piece, ending in (("x_{1} + ", "y"), ("x^{", "y" + "}" * 1000)):
        n = 1000
        text, longer = piece * n + ending, piece * (2 * n) + ending + ("}" * n if piece[-1] == "{" else "")
        assert seconds(longer) < 4 * seconds(text) + 0.05
