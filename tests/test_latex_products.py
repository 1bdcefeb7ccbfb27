r"""Arrays beside each other in LaTeX, as textbooks read them: Wx, x^T y, x y^T, W \cdot x, A^{-1}."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from backpropcli import Formula
from backpropcli.cli import main
from backpropcli.errors import BackpropError

W = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
V = np.array([[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75]])
A = np.array([[2.0, 1.0], [0.5, 3.0]])
B = np.array([[1.0, -1.0], [2.0, 0.5]])
S = np.array([[2.0, 0.5], [0.5, 1.0]])
x = np.array([1.0, -2.0])
y = np.array([0.5, 4.0])
m = np.array([0.25, 1.0])
t = np.array([1.0, 2.0, -3.0])
POINT = {"W": W, "V": V, "A": A, "B": B, "S": S, "x": x, "y": y, "m": m, "t": t, "a": 2.5}
INVERSE = np.linalg.inv(A)


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


# What is pasted, how it is read, and its value.
READINGS = [
    ("xW", "x @ W", x @ W),
    ("Wt", "W @ t", W @ t),
    ("WV", "W @ V", W @ V),
    (r"A \cdot B", "A @ B", A @ B),
    (r"A \times B", "A @ B", A @ B),
    ("A · x", "A @ x", A @ x),
    (r"A \odot B", "A*B", A * B),
    ("A * B", "A*B", A * B),
    (r"A \cdot x", "A @ x", A @ x),
    (r"w \cdot x, w = y", "w @ x; w = y", y @ x),
    ("x^T y", "x' @ y", x @ y),
    (r"x^\top y", "x' @ y", x @ y),
    (r"x \cdot y", "x @ y", x @ y),
    (r"Ax \cdot y", "(A @ x) @ y", A @ x @ y),
    (r"x^T \cdot y", "x' @ y", x @ y),
    ("x y^T", "outer(x, y)", np.outer(x, y)),
    ("x t^T", "outer(x, t)", np.outer(x, t)),
    (r"x \cdot t^T", "outer(x, t)", np.outer(x, t)),
    ("(Wt) x^T", "outer(W @ t, x)", np.outer(W @ t, x)),
    ("x y^T A", "outer(x, y) @ A", np.outer(x, y) @ A),
    ("A x y^T", "outer(A @ x, y)", np.outer(A @ x, y)),
    ("x^T y x", "(x' @ y)*x", (x @ y) * x),
    ("xWt^T", "(x @ W) @ t'", x @ W @ t),
    ("r = xW, r r^T", "r = x @ W; r @ r'", (x @ W) @ (x @ W)),
    ("h = Wt, h h^T", "h = W @ t; outer(h, h)", np.outer(W @ t, W @ t)),
    ("h = Wt, h^T x", "h = W @ t; h' @ x", W @ t @ x),
    ("h = x^T, h y", "h = x'; h @ y", x @ y),
    ("aWt", "(a*W) @ t", a_times := 2.5 * (W @ t)),
    ("2Wt", "(2*W) @ t", 2 * (W @ t)),
    ("Wta", "(W @ t)*a", a_times),
    ("-Wt", "-(W @ t)", -(W @ t)),
    (r"\frac{Wt}{a}", "(W @ t)/a", W @ t / 2.5),
    ("x^T A x", "(x' @ A) @ x", x @ A @ x),
    (r"\frac{1}{2} x^T A x", "(((1/2)*x') @ A) @ x", x @ A @ x / 2),
    ("(x - m)^T S (x - m)", "((x - m)' @ S) @ (x - m)", (x - m) @ S @ (x - m)),
    ("W^T(Wt - y)", "W' @ ((W @ t) - y)", W.T @ (W @ t - y)),
    (r"A \sigma(W t + x) + y", "(A @ sigmoid((W @ t) + x)) + y", A @ sigmoid(W @ t + x) + y),
    (r"\sigma(Ax)", "sigmoid(A @ x)", sigmoid(A @ x)),
    (r"\tanh Ax", "tanh(A @ x)", np.tanh(A @ x)),
    (r"\tanh A", "tanh(A)", np.tanh(A)),
    (r"\|Ax - y\|^2", "norm((A @ x) - y)^2", np.sum((A @ x - y) ** 2)),
    (r"\frac{x^T y}{\|x\| \|y\|}", "(x' @ y)/(norm(x)*norm(y))", x @ y / np.sqrt((x @ x) * (y @ y))),
    ("A^{-1} x", "inv(A) @ x", INVERSE @ x),
    (r"x^T A^{-1} x", "(x' @ inv(A)) @ x", x @ INVERSE @ x),
    ("x^{-1}", "x^(-1)", 1 / x),
    ("x^2", "x^2", x**2),
    (r"\sigma(A)^{-1} x", "inv(sigmoid(A)) @ x", np.linalg.inv(sigmoid(A)) @ x),
    ("f(u) = Au + x, f(x)^T f(y)", "f(u) = (A @ u) + x; f(x)' @ f(y)", (A @ x + x) @ (A @ y + x)),
    ("f(x) = Ax", "f(x) = A @ x", A @ x),
    (r"A \begin{pmatrix} 1 \\ 2 \end{pmatrix}", "A @ [1, 2]", A @ [1, 2]),
    (r"\begin{pmatrix} 1 & 2 \end{pmatrix} x", "[1, 2] @ x", np.array([1, 2]) @ x),
    (r"\begin{pmatrix} 1 & 2 \end{pmatrix} \begin{pmatrix} 3 \\ a \end{pmatrix}", "[1, 2] @ [3, a]", np.float64(8.0)),
    (
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} \begin{pmatrix} 3 & a \end{pmatrix}",
        "outer([1, 2], [3, a])",
        np.outer([1, 2], [3, 2.5]),
    ),
    (r"(1, 2) \cdot (a, 3)", "[1, 2] @ [a, 3]", np.float64(8.5)),
    (r"a \begin{pmatrix} 1 & 2 \end{pmatrix}", "a*[1, 2]", np.array([2.5, 5.0])),
    (r"Wt + W \odot W \cdot t", "(W @ t) + ((W*W) @ t)", W @ t + (W * W) @ t),
    (r"\sum_{k=1}^{2} A x", "sum(A @ x, k, 1, 2)", 2 * (A @ x)),
]  # fmt: skip


def formula(text: str) -> Formula:
    return Formula(text, syntax="latex")


def used(f: Formula) -> dict[str, object]:
    return {name: POINT[name] for name in f.variables if name not in f.bindings}


@pytest.mark.parametrize(("text", "reading", "value"), READINGS, ids=[text for text, *_ in READINGS])
def test_products_are_those_of_textbooks(text, reading, value):
    f = formula(text)
    report = f.at(used(f), latex=True)
    assert report.reading == reading
    np.testing.assert_allclose(report.value, value, rtol=1e-13, atol=1e-13)
    # What is repeated is the same formula, in infix, and as it is typeset.
    for again in (Formula(report.reading, variables=f.variables), formula("; ".join(report.typeset.reading))):
        np.testing.assert_allclose(again.at(used(f)).value, report.value, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("text", "reading", "value"), READINGS, ids=[text for text, *_ in READINGS])
def test_their_derivatives_are_those_of_differences(text, reading, value):
    f = formula(text)
    point = used(f)
    seed = np.cos(np.arange(np.size(value))).reshape(np.shape(value))
    asked = seed.tolist() if np.shape(value) else [float(seed)]
    found, infix = [each.at(point, vjp=asked).grad for each in (f, Formula(reading, variables=point))]
    step = 1e-6
    for name, given in point.items():
        given = np.asarray(given, dtype=float)
        slopes = np.zeros(given.shape)
        for place in np.ndindex(given.shape):
            ends = []
            for sign in (1, -1):
                moved = given.copy()
                moved[place] += sign * step
                ends.append(np.sum(seed * np.asarray(f.at({**point, name: moved}, tables=False).value)))
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(found[name], slopes, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(found[name], infix[name], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
def test_every_granularity_multiplies_matrices(nodes):
    f = formula(r"h = \sigma(Wt + x), L = h^T h + \frac{h^T x}{a}")
    h = sigmoid(W @ t + x)
    report = f.at(used(f), nodes=nodes)
    assert report.value == pytest.approx(h @ h + h @ x / 2.5, rel=1e-13)
    infix = Formula("h = σ(W @ t + x); L = h @ h + h @ x/a").gradient(used(f))
    for name, slope in infix.items():
        np.testing.assert_allclose(report.grad[name], slope, rtol=1e-12, atol=1e-13)


REFUSED = {
    "xy": ("several ways", "write x^T y or x \\cdot y for the dot product, x y^T for the outer product"),
    r"x \times y": ("several ways", "x \\odot y"),
    "xWt": ("several ways", "a^T b"),
    "Ax y": ("several ways", "a^T b"),
    "x a y": ("several ways", "a^T b"),
    "x^T y^T": ("several ways", "\\odot"),
    r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} x": ("several ways", "a^T b"),
    "(1, 2)(3, 4)": ("several ways", "a^T b"),
    "A^2": ("a power of a matrix", "write A A for the product of matrices, A \\odot A"),
    "(AB)^2": ("a power of a matrix", "write A A"),
    "A^a": ("a power of a matrix", "A \\odot A"),
    "|A|": ("bars around a matrix", "\\det(A)"),
    "W^{-1}": ("square matrix", "A' @ A"),
    "Wx": ("shape (2, 3) @ shape (2,) do not fit", "A^T B"),
    "x^T t": ("shape (2,) @ shape (3,) do not fit", None),
    r"x \cdot t": ("shape (2,) @ shape (3,) do not fit", None),
    "f(u) = xu, f(A) + f(a)": ("called with one argument", "a function for each"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_none_is_refused_with_advice(text):
    f = formula(text)
    with pytest.raises(BackpropError) as caught:
        f.at(used(f))
    message, hint = REFUSED[text]
    assert message in caught.value.message
    assert hint is None or hint in str(caught.value.hint)
    assert caught.value.span is not None


def test_the_caret_is_under_both_factors():
    f = formula(r"\frac{1}{2} \|y - Wx\|^2")
    with pytest.raises(BackpropError) as caught:
        f.at({"y": y, "W": W, "x": x})
    start, end = caught.value.span
    assert f.text[start:end] == "Wx"


def test_of_numbers_nothing_changes():
    f = formula(r"W^T x + |x|^2 + x \cdot W + x^{-1}")
    report = f.at(W=2.0, x=3.0)
    assert report.reading == "(((W'*x) + (abs(x)^2)) + (x*W)) + (x^(-1))"
    assert report.value == pytest.approx(6 + 9 + 6 + 1 / 3, rel=1e-15)
    assert [row.label for row in formula("xy + x y + (xy)").at(x=1.0, y=2.0).rows] == ["·×·", "·+·", "·+·"]


def test_one_formula_takes_numbers_and_matrices_in_turn():
    f = formula("Wx + b")
    assert f.value(W=2, x=3, b=1) == 7
    assert f.value(W=A, x=x, b=1).tolist() == (A @ x + 1).tolist()
    assert f.value(W=2, x=x, b=1).tolist() == (2 * x + 1).tolist()
    assert f.at(W=2, x=x, b=1).reading == "(W*x) + b"
    assert f.at(W=A, x=x, b=1).reading == "(W @ x) + b"


def test_what_is_said_beside_the_formula_is_of_matrices_too():
    def notes(text):
        f = formula(text)
        return [note.kind for note in f.at(used(f)).notes if note.kind != "outputs"]

    assert notes("y_1 = Wt = (t^T W^T)^T") == []
    assert notes("y_1 = Ax = A \\odot x") == ["unequal"]
    assert notes("y_1 = Ax = xA") == ["unequal"]


def test_the_fifth_lectures_product_of_a_row_and_a_matrix():
    """dL/dx = dL/dy W^T, and dL/dW is x^T dL/dy: worked out by hand."""
    f = formula("y = xW")
    point = {"x": [1, 2], "W": [[0.5, 1, 3], [-0.25, 2, 4]]}
    report = f.at(point, vjp=[1, -1, 2])
    assert report.value == [0.0, 5.0, 11.0]
    assert report.grad == {"x": [5.5, 5.75], "W": [[1.0, -1.0, 2.0], [2.0, -2.0, 4.0]]}
    assert f.jacobian(point)["x"] == [[0.5, -0.25], [1.0, 2.0], [3.0, 4.0]]
    written = r"y = (x_1, x_2) \begin{pmatrix} w_{11}, w_{12}, w_{13} \\ w_{21}, w_{22}, w_{23} \end{pmatrix}"
    names = {"w_11": 0.5, "w_12": 1, "w_13": 3, "w_21": -0.25, "w_22": 2, "w_23": 4, "x_1": 1, "x_2": 2}
    assert Formula(written).at(names).value == report.value


def test_the_second_lectures_network_as_it_is_printed():
    slide = (
        r"\begin{aligned}z^{(2)} &= W^{(1)}x + b^{(1)} \\a^{(2)} &= f(z^{(2)}) \\"
        r"z^{(3)} &= W^{(2)}a^{(2)} + b^{(2)} \\h_{W,b}(x) &= a^{(3)} = f(z^{(3)})\end{aligned}"
    )
    f = Formula(slide + r" \quad f(u) = \tanh(u), \quad J = \frac{1}{2} \|h_{W,b}(x) - t\|^2")
    point = {"W_1": V, "x": x, "b_1": [0.1, -0.2, 0.3], "W_2": W, "b_2": [0.5, 0.0], "t": y}
    a_2 = np.tanh(V @ x + point["b_1"])
    a_3 = np.tanh(W @ a_2 + point["b_2"])
    delta_3 = (a_3 - y) * (1 - a_3**2)
    delta_2 = W.T @ delta_3 * (1 - a_2**2)
    assert f.value(point) == pytest.approx(np.sum((a_3 - y) ** 2) / 2, rel=1e-14)
    gradient = f.gradient(point)
    wanted = {
        "b_2": delta_3, "W_2": np.outer(delta_3, a_2), "b_1": delta_2, "W_1": np.outer(delta_2, x), "x": V.T @ delta_2,
    }  # fmt: skip
    for name, slope in wanted.items():
        np.testing.assert_allclose(gradient[name], slope, rtol=1e-12, atol=1e-14)


def test_what_a_slide_says_of_derivatives_by_arrays_is_checked():
    slide = r"a = Wt + x, h = \sigma(a), L = \frac{1}{2} \|h - y\|^2, "

    def notes(claim):
        f = formula(slide + claim)
        return [note.message for note in f.at(used(f)).notes]

    h = sigmoid(W @ t + x)
    delta = (h - y) * h * (1 - h)
    for claim in (
        r"\frac{\partial L}{\partial a} = (h - y) \odot h \odot (1 - h)",
        r"\frac{\partial L}{\partial W} = \frac{\partial L}{\partial a} t^T",
        r"\frac{\partial L}{\partial t} = W^T \frac{\partial L}{\partial a}",
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial a}",
    ):
        (message,) = notes(claim)
        assert message.split(" here: ")[0].endswith("holds"), message
    shown = ", ".join([f"{number:.6g}" for number in delta])
    assert notes(r"\frac{\partial L}{\partial x}") == [rf"\frac{{\partial L}}{{\partial x}} is [{shown}] here"]
    (wrong,) = notes(r"\frac{\partial L}{\partial t} = W^T (h - y)")
    assert "and not equal to W^T (h - y)" in wrong
    (layout,) = notes(r"\frac{\partial h}{\partial t} = W")
    assert layout.endswith("since h is an array, whose derivatives books arrange in two ways")
    (second,) = notes(r"\frac{\partial^2 L}{\partial t^2} = W")
    assert second.startswith("not checked")


# Every door


@pytest.fixture
def ran(monkeypatch, capsys):
    def run(*arguments, given=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    return run


def test_rows_are_read_as_points_are(ran):
    rows = [{"x": [1.0, 2.0]}, {"x": [3.0, -4.0]}]
    given = "".join([json.dumps(row) + "\n" for row in rows])
    out = ran("map", r"\frac{1}{2} x^T A x", "--from", "ndjson", "-v", f"A={A.tolist()}", "--wrt", "x", given=given)
    for row, line in zip(rows, out.splitlines(), strict=True):
        found, vector = json.loads(line), np.array(row["x"])
        assert found["value"] == pytest.approx(vector @ A @ vector / 2, rel=1e-14)
        assert found["grad"]["x"] == pytest.approx(list((A + A.T) @ vector / 2), rel=1e-14)


def test_a_row_of_numbers_is_a_product_of_numbers(ran):
    given = '{"W": 2, "x": 3}\n{"W": [[1, 2], [3, 4]], "x": [1, 1]}\n'
    out = ran("map", r"W \cdot x", "--from", "ndjson", "--only", "value", given=given)
    assert [json.loads(line)["value"] for line in out.splitlines()] == [6.0, [3.0, 7.0]]


def test_definitions_and_functions_of_a_session_stay_products_of_matrices(ran):
    lines = ["W = [1, 2; 3, 4]", "x = [1, -1]", r"f(\theta) = W \cdot \theta", "f(x) @ x", r"h = \sigma(W x)", "h @ h"]
    out = ran("repl", given="\n".join(lines) + "\n")
    h = sigmoid(np.array([-1.0, -1.0]))
    assert "z = 0\n" in out
    assert f"z = {h @ h:.6g}\n" in out
    numbers = ran("repl", given="W = 2\nf(u) = W \\cdot u\nrate = 3\nf(2)*rate\n")
    assert "z = 12 " in numbers


def test_ones_own_numbers_are_held_against_the_product(ran):
    answers = ["y = [-1, -1]", "L = 2", "dL/dx = [-8, -12]", "adjoint y = [-2, -2]", "dL/dW = [-2, 2; -2, 2]"]
    out = ran("check", "--formula", r"y = Wx \quad L = y^T y", "-v", "W=[1, 2; 3, 4]", "-v", "x=[1, -1]", *answers)
    assert out.startswith("Your numbers: 5 of 5 are right")


def test_an_explanation_says_which_product_it_is(ran):
    arguments = ["eval", r"L = \frac{1}{2} \|Wx\|^2", "-v", "W=[1, 2; 3, 4]", "-v", "x=[1, -1]", "--explain"]
    assert "W @ x = [1, 2; 3, 4] @ [1, -1] = [-1, -1]" in ran(*arguments)
    assert r"\left\|W x\right\|" in ran(*arguments, "--format", "latex")


def test_an_array_that_is_written_out_and_a_norm_are_typeset():
    report = Formula("norm([1, 2]*x) + sum(A)").at({"x": x, "A": A}, latex=True)
    assert report.typeset.reading == (r"\left\|\begin{bmatrix} 1 \\ 2 \end{bmatrix} \odot x\right\|_{2} + \sum A",)


def test_formulas_that_are_read_alike_and_multiply_differently_are_two():
    assert formula("Wx").fingerprint() != formula(r"W \odot x").fingerprint()
    assert formula("Wx").fingerprint() == formula("W  x").fingerprint()
