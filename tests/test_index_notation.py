"""Index notation: families of definitions, sums without limits and arrays with names for their entries.

What is written over an index is held against what it stands for, written out by hand or computed with NumPy.
"""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backpropcli import Formula
from backpropcli.errors import BackpropError
from backpropcli.language import unrolling

NETWORK = (Path(__file__).parents[1] / "examples" / "network.tex").read_text(encoding="utf-8")


def made(text: str, **given: Any) -> Formula:
    return Formula(text, variables=given, structure=given)


def of(formula: Formula, given: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in given.items() if name in formula.variables}


def gradient(text: str, **given: Any) -> dict[str, Any]:
    formula = made(text, **given)
    found = formula.gradient(of(formula, given))
    return {name: value if isinstance(value, float) else value.tolist() for name, value in found.items()}


def value(text: str, **given: Any) -> Any:
    formula = made(text, **given)
    return formula.at(of(formula, given)).value


def refused(text: str, **given: Any) -> BackpropError:
    with pytest.raises(BackpropError) as caught:
        value(text, **given)
    return caught.value


# The third lecture's network


def network(hidden: int, inputs: int) -> dict[str, Any]:
    rng = random.Random(f"{hidden} {inputs}")
    row = [[rng.uniform(-1, 1) for _ in range(inputs + 1)] for _ in range(hidden + 1)]
    return {
        "D": hidden,
        "M": inputs,
        "y_star": 0.75,
        "alpha": row,
        "beta": [rng.uniform(-1, 1) for _ in range(hidden + 1)],
        "x": [rng.uniform(-1, 1) for _ in range(inputs + 1)],
    }


def backward(given: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The value and the derivatives, by the lecture's own formulas for the backward pass."""
    x, alpha, beta = [np.array(given[name]) for name in ("x", "alpha", "beta")]
    target = given["y_star"]
    a = alpha @ x
    z = 1 / (1 + np.exp(-a))
    b = beta @ z
    y = 1 / (1 + np.exp(-b))
    by_y = target / y + (1 - target) / (y - 1)
    by_b = by_y * np.exp(-b) / (np.exp(-b) + 1) ** 2
    by_a = by_b * beta * np.exp(-a) / (np.exp(-a) + 1) ** 2
    slopes = {"beta": by_b * z, "alpha": np.outer(by_a, x), "x": by_a @ alpha, "y_star": np.log(y) - np.log(1 - y)}
    return target * np.log(y) + (1 - target) * np.log(1 - y), slopes


@pytest.mark.parametrize(("hidden", "inputs"), [(0, 0), (1, 2), (3, 1), (11, 10)])
def test_the_lectures_network_has_the_lectures_gradient(hidden: int, inputs: int) -> None:
    given = network(hidden, inputs)
    loss, slopes = backward(given)
    assert value(NETWORK, **given) == pytest.approx(loss, rel=1e-13)
    found = gradient(NETWORK, **given)
    assert found.keys() == slopes.keys()
    for name, slope in slopes.items():
        np.testing.assert_allclose(found[name], slope, rtol=1e-11)


def test_names_for_every_number_give_the_same_as_arrays() -> None:
    given = network(1, 2)
    found = gradient(NETWORK, **given)
    names = {f"beta_{j}": each for j, each in enumerate(given["beta"])}
    names |= {f"x_{i}": each for i, each in enumerate(given["x"])}
    names |= {f"alpha_{j}{i}": each for j, row in enumerate(given["alpha"]) for i, each in enumerate(row)}
    apart = gradient(NETWORK, D=1, M=2, y_star=0.75, **names)
    assert [apart[f"beta_{j}"] for j in range(2)] == pytest.approx(found["beta"], rel=1e-14)
    assert [apart[f"x_{i}"] for i in range(3)] == pytest.approx(found["x"], rel=1e-14)
    assert [[apart[f"alpha_{j}{i}"] for i in range(3)] for j in range(2)] == [
        pytest.approx(row, rel=1e-14) for row in found["alpha"]
    ]


def test_the_order_of_the_lines_does_not_matter() -> None:
    given = network(1, 1)
    lines = [line for line in NETWORK.splitlines() if line]
    expected = gradient(NETWORK, **given)
    for order in itertools.islice(itertools.permutations(lines), 1, None, 17):
        found = gradient("\n".join(order), **given)
        for name, slope in expected.items():
            np.testing.assert_allclose(found[name], slope, rtol=1e-13)


def test_limits_may_stand_in_the_text_and_be_left_out() -> None:
    given = network(2, 1)
    expected = gradient(NETWORK, **given)
    sizes = {name: given.pop(name) for name in ("D", "M")}
    assert gradient(f"{NETWORK}\n\n$D = {sizes['D']}$, $M = {sizes['M']}$", **given) == expected
    assert gradient(re.sub(r"=0\}\^[DM]", "}", NETWORK), **given) == expected


def test_steps_are_called_as_the_lecture_calls_them() -> None:
    formula = made(NETWORK, **network(1, 0))
    report = formula.at(of(formula, network(1, 0)), nodes="steps")
    names = {row.id: row.name for row in report.rows}
    rows = {row.name: [names.get(edge.source, edge.source) for edge in row.inputs] for row in report.rows}
    assert rows["b"] == ["beta_0", "z_0", "beta_1", "z_1"]
    assert rows["z_1"] == ["a_1"]
    assert rows["a_1"] == ["alpha_10", "x_0"]
    assert rows["alpha_10"] == ["alpha"]
    assert "z_j = 1/(1 + exp(-a_j))" in report.reading


# Sums, products and what is known of their limits: each beside the same without an index.

X, Y, W = [1.5, -2.0, 0.25], [0.5, 3.0, -1.0], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
SAME: list[tuple[str, str, dict[str, Any]]] = [
    (r"\sum_{i=1}^{3} x_i y_i", "x @ y", {"x": X, "y": Y}),
    (r"\sum_i x_i y_i", "x @ y", {"x": X, "y": Y}),
    (r"\prod_{i} (1 + x_i)", "prod(1 + x)", {"x": X}),
    (r"\sum_{i,j} W_{ij} x_j", "sum(W @ x)", {"W": W, "x": X}),
    (r"\sum_{i,j=1}^{3} x_i y_j", "sum(x)*sum(y)", {"x": X, "y": Y}),
    (r"\sum_{i=1}^{3} \sum_{j=1}^{i} x_i y_j", "x @ cumsum(y)", {"x": X, "y": Y}),
    (r"\sum_{i=1}^{2} (x_{i+1} - x_i)^2", "sum((x[1:] - x[:-1])^2)", {"x": X}),
    (r"\sum_{i=2}^{3} x_{i-1} x_{i}", "x[:-1] @ x[1:]", {"x": X}),
    (r"\sum_{i=0}^{n} x_{n-i} y_i", "x[::-1] @ y", {"x": X, "y": Y, "n": 2}),
    (r"\sum_{i=0}^{1} x_{2 \cdot i}^2 + x_1", "x[0]^2 + x[2]^2 + x[1]", {"x": X}),
    (r"\sum_{i=1}^{n} x_i - x_n", "x[0] + x[1]", {"x": X, "n": 3}),
    (r"\sum_{i=1, i \ne 2}^{3} x_i^2", "x[0]^2 + x[2]^2", {"x": X}),
    (r"\prod_{i \ne 3} x_i", "x[0]*x[1]", {"x": X}),
    (r"\sum_{i=1}^{3} \sum_{j=1, j \ne i}^{3} x_i y_j", "sum(x)*sum(y) - x @ y", {"x": X, "y": Y}),
    (r"\sum_{j=0}^{2} x_j + \sum_{j=1}^{2} x_j^2", "sum(x) + x[1]^2 + x[2]^2", {"x": X}),
    (r"\sum_{j=0}^{2} x_j + \sum_j x_j^2", "sum(x) + sum(x^2)", {"x": X}),
    (r"\frac{1}{m} \sum_{i=1}^{m} (\hat{y}_i - x^{(i)})^2", "mean((y_hat - x)^2)", {"y_hat": Y, "x": X, "m": 3}),
    (r"\sum_i (\sum_j W_{ij}^{(1)} x_j)^2", "sum((W_1 @ x)^2)", {"W_1": W, "x": X}),
    (r"\sum_{i} w^{T} @ x^{(i)}", "sum(x @ w)", {"x": W, "w": X}),
    (r"\sum_{i=1}^{3} W_{1i} x_i + W_{2,3}", "W[0] @ x + W[1, 2]", {"W": W, "x": X}),
    (r"x_{1} x_2 + x_3", "x[0]*x[1] + x[2]", {"x": X}),
    (r"\mathbf{x} = (a, b), \sum_i x_i^2", "a^2 + b^2", {"a": 2.0, "b": 3.0}),
    ("sum(x_k*k, k, 0, 2)", "x[1] + 2*x[2]", {"x": X}),
    ("sum(x_k, k, 0, 2, k != 1)", "x[0] + x[2]", {"x": X}),
    # Families.
    (r"\sum_{j=1}^{3} z_j, z_j = \tanh(x_j)", "sum(tanh(x))", {"x": X}),
    (r"y = z_{2}, z_j = j x", "2*x", {"x": 3.0}),
    (r"\sum_{j=1}^{3} b_j x_j, b_j = c", "c*sum(x)", {"x": X, "c": 2.0}),
    (r"\sum_j p_j \log p_j, p_k = \frac{e^{x_k}}{\sum_j e^{x_j}}", "softmax(x) @ log(softmax(x))", {"x": X}),
    (r"\sum_{i} s_i, s_i = \sum_j W_{ij} t_j, t_j = x_j^2", "sum(W @ x^2)", {"W": W, "x": X}),
    (r"\sum_{j=0}^{2} z_j, z_j = x_j^2, z_0 = 4", "4 + sum(x^2)", {"x": X[1:]}),
    (r"\sum_{j=0}^{2} z_j y_j, z_j = x_j^2", "z_0*y[0] + x^2 @ y[1:]", {"x": X[1:], "y": Y, "z_0": 7.0}),
    (r"\sum_{i,j=1}^{2} K_{ij}, K_{ij} = e^{-(x_i - x_j)^2}", "2 + 2*exp(-(x[0] - x[1])^2)", {"x": X[:2]}),
    (
        r"\sum_{l=1}^{2} a_1^{(l)}, a_i^{(l)} = \tanh(W_{l,i})",
        "tanh(W_1_1) + tanh(W_2_1)",
        {"W_1_1": 0.5, "W_2_1": 1.5},
    ),
    (
        r"y = x_{4}, x_{k+1} = x_k - \frac{x_k^2 - a}{2 x_k}, x_0 = 1",
        "r(r(r(r(1)))); r(x) = x - (x^2 - a)/(2x)",
        {"a": 2.0},
    ),
    (r"y = F_{10}, F_n = F_{n-1} + F_{n-2}, F_0 = a, F_1 = b", "34*a + 55*b", {"a": 2.0, "b": 3.0}),
    (
        r"h_t = \tanh(w h_{t-1} + x_t), h_0 = 0, L = \sum_{t=1}^{3} (h_t - y_t)^2",
        "f = tanh(x[0]); g = tanh(w*f + x[1]); h = tanh(w*g + x[2]); (f - y[0])^2 + (g - y[1])^2 + (h - y[2])^2",
        {"x": X, "y": Y, "w": 0.5},
    ),
    (
        r"p = \sum_j y_j L_j, L_j = \prod_{k \ne j} \frac{t - x_k}{x_j - x_k}",
        "y[0]*(t - x[1])/(x[0] - x[1]) + y[1]*(t - x[0])/(x[1] - x[0])",
        {"x": X[:2], "y": Y[:2], "t": 0.7},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "same", "given"), SAME, ids=[text for text, _, _ in SAME])
def test_what_is_over_an_index_is_what_it_stands_for(text: str, same: str, given: dict[str, Any]) -> None:
    assert value(text, **given) == pytest.approx(value(same, **given), rel=1e-12)
    found, expected = gradient(text, **given), gradient(same, **given)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=1e-14)
    assert {name for name in found if name not in expected} <= {"h_0", "x_0", "F_0", "F_1", "z_0", "x"}


# In LaTeX alone letters side by side are indices, and names with numbers are entries where there is no sum.
APART = [
    (text, given)
    for text, _, given in SAME
    if re.search(r"sum|prod|x_0 = 1", text) and not re.search("_{(ij|1i)}", text)
]


@pytest.mark.parametrize(("text", "given"), APART, ids=[text for text, _ in APART])
def test_the_reading_reads_as_itself_and_means_the_same(text: str, given: dict[str, Any]) -> None:
    formula = made(text, **given)
    again = Formula(formula.reading, variables=given, structure={**given, **formula.structure}, syntax="infix")
    assert again.reading == formula.reading
    assert again.at(of(again, given)).value == formula.at(of(formula, given)).value


# What a letter means


def test_a_name_that_nothing_asks_for_by_an_index_is_one_name() -> None:
    assert gradient(r"z_j = \sigma(a_j)", a_j=0.0) == {"a_j": 0.25}
    assert value(r"z_{j} = a_j + 1, a_j = 2 b_j", b_j=3.0) == 7.0
    assert value(r"y_{a} + y_b, y_a = 2x, y_b = 3x", x=1.0) == 5.0
    assert value(r"y = x_m + x_1, x_m = \frac{x_1 + x_2}{2}", x_1=1.0, x_2=3.0) == 3.0


def test_words_in_subscripts_are_not_taken_apart() -> None:
    assert value(r"\sum_{t=1}^{2} W_{out} t", W_out=3.0) == 9.0
    assert value(r"\sum_{a=1}^{2} x_{\text{max}} a", x_max=3.0) == 9.0


def test_all_of_a_family_are_outputs_where_arrays_tell_how_many() -> None:
    given = {"W": [[1.0, 2.0], [3.0, 4.0]], "x": [1.0, -1.0], "b": [0.5, 0.0]}
    assert value(r"z_i^{(2)} = \sum_j W_{ij} x_j + b_i", **given) == {"z_1_2": -0.5, "z_2_2": -1.0}
    assert value(r"z_i = \sum_{j=0}^{1} W_{ij} x_j + b_i", **given) == {"z_0": -0.5, "z_1": -1.0}


def test_names_with_values_tell_how_far_a_sum_goes() -> None:
    assert value(r"\sum_i w_i x_i", w_2=3.0, w_3=4.0, x_2=5.0, x_3=6.0) == 39.0
    assert "nothing says" in refused(r"\sum_i x_i", x_1=1.0, x_3=1.0).message


def test_members_of_a_chain_are_compared_for_every_index() -> None:
    text = r"\sum_{j=1}^{2} z_j, z_j = \tanh(j x) = \frac{e^{j x} - e^{-j x}}{e^{j x} + e^{-j x}}"
    assert made(text, x=0.5).at(x=0.5).notes == ()
    notes = made(rf"{text} = 0.46", x=0.5).at(x=0.5).notes
    assert [note.message for note in notes] == ["z_2 is 0.761594 here, and not equal to 0.46"]


SLIDE = r"""
$$J = y^* \log y + (1 - y^*) \log(1 - y)$$
$$y = \frac{1}{1 + \exp(-a)}$$
$$a = \sum_{j=0}^D \theta_j x_j$$
"""


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        # By an entry of an array that has a name: dJ/dtheta_1 = (y* - y) x_1.
        (r"\frac{dJ}{d\theta_1} = (y^* - y) x_1", "agrees"),
        (r"\frac{dJ}{d\theta_0} = \frac{dJ}{da} \frac{da}{d\theta_0}", "agrees"),
        (r"\frac{da}{dx_2} = \theta_1", "unequal"),
        # For every index that there is.
        (r"\frac{dJ}{d\theta_j} = \frac{dJ}{da} \frac{da}{d\theta_j}", "agrees"),
        (r"\frac{da}{d\theta_j} = x_j", "agrees"),
        # Which one an index stands for is not known: it has a derivative, and none that is 0.
        (r"\frac{da}{d\theta_0} = x_j", "nothing says which x_j is meant"),
        (r"\frac{da}{d\theta_k} = u_k", "nothing says which theta_k is meant"),
        (r"\frac{dJ}{du} = 0", "u is no variable here"),
    ],
)
@pytest.mark.parametrize("arrays", [True, False])
def test_derivatives_beside_a_sum_are_checked_or_said_not_to_be(claim: str, said: str, arrays: bool) -> None:
    given: dict[str, Any] = {"theta": np.array([0.1, -0.2, 0.3]), "x": np.array([1.0, 2.0, -1.0])}
    if not arrays:
        given = {f"{name}_{k}": float(each[k]) for name, each in given.items() for k in range(3)}
    given |= {"y_star": 1.0, "D": 2.0}
    formula = made(f"{SLIDE} $${claim}$$", **given)
    (note,) = formula.at(of(formula, given)).notes
    assert note.kind == said or note.message == f"not checked: {claim}, since {said}"


def notes(claims: str, **given: Any) -> list[str]:
    formula = made(LAYERS + claims, **given)
    return [note.message for note in formula.at(of(formula, given)).notes]


LAYERS = r"J = b^2, b = \sum_{j=0}^D \beta_j z_j, z_j = \sigma(a_j), a_j = \sum_{i=0}^M \alpha_{ji} x_i, "
LAYERS_POINT = {
    "D": 1.0, "M": 2.0, "beta": np.array([1.0, 2.0]), "x": np.array([1.0, 0.5, 0.25]),
    "alpha": np.array([[0.1, 0.2, 0.3], [-0.4, 0.5, 0.0]]),
}  # fmt: skip


def test_a_derivative_by_an_index_is_checked_for_all_that_it_may_have() -> None:
    said = {
        r"\frac{dJ}{d\beta_j} = \frac{dJ}{db} z_j": "j = 0, 1",
        r"\frac{dz_j}{da_j} = z_j(1 - z_j)": "j = 0, 1",
        r"\frac{dJ}{da_j} = \frac{dJ}{dz_j} \frac{dz_j}{da_j}": "j = 0, 1",
        r"\frac{dJ}{d\alpha_{ji}} = \frac{dJ}{da_j} x_i": "(i, j) = (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)",
        r"\frac{dJ}{dx_i} = \sum_{j=0}^D \frac{dJ}{da_j} \alpha_{ji}": "i = 0, 1, 2",
    }
    for claim, indices in said.items():
        assert notes(claim, **LAYERS_POINT) == [f"{claim} holds here for {indices}"]
    assert len(notes(", ".join(said), **LAYERS_POINT)) == 5
    (right, *wrong) = sorted(notes(r"\frac{da_j}{dx_i} = \alpha_{j0}", **LAYERS_POINT))
    assert right.endswith("holds here for (i, j) = (0, 0), (0, 1)")
    assert len(wrong) == 4
    assert "i = 1, j = 0" in wrong[0]
    values = notes(r"\frac{dJ}{d\beta_j}", **LAYERS_POINT)
    gradient_by_beta = made(LAYERS, **LAYERS_POINT).gradient(of(made(LAYERS, **LAYERS_POINT), LAYERS_POINT))["beta"]
    for j, message in enumerate(values):
        assert message == rf"\frac{{dJ}}{{d\beta_j}} for j = {j} is {gradient_by_beta[j]:.6g} here"


def test_indices_that_are_too_many_are_said_not_to_be_checked() -> None:
    text = r"J = \sum_{j=1}^{400} \theta_j^2, \frac{dJ}{d\theta_j} = 2\theta_j"
    report = made(text, theta=np.linspace(1.0, 2.0, 400)).at(theta=np.linspace(1.0, 2.0, 400))
    more, holds = sorted([note.message for note in report.notes], key=lambda message: "holds" in message)
    assert more.endswith("for more indices, which are too many")
    assert "holds here for j = 1, 2, 3, 4, 5, 6, 7, 8 and " in holds


def test_an_index_that_a_slide_may_sum_over_is_not_checked() -> None:
    for claim in (
        r"\frac{dJ}{dx_i} = \frac{dJ}{da_j} \frac{da_j}{dx_i}",
        r"\frac{da_j}{dx_i} = \sum_{j=0}^D \alpha_{ji}",
    ):
        (message,) = notes(claim, **LAYERS_POINT)
        assert message.startswith(f"not checked: {claim}, since nothing says which")


def test_digits_that_stand_together_are_the_indices_of_a_matrix() -> None:
    # Of a matrix w, w_{12} is an entry, and no row 12; of W_{12}^{(1)} both digits are indices, and (1) is W_1's.
    w = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    lecture = r"y = (x_1, x_2) \begin{pmatrix} w_{11}, w_{12}, w_{13} \\ w_{21}, w_{22}, w_{23} \end{pmatrix}"
    assert value(lecture, x=np.array([1.0, 2.0]), w=np.array(w)) == [9.0, 12.0, 15.0]
    layer = " + ".join([f"{i} W_{{{i}{j}}}^{{(1)}} x_{j}" for i in (1, 2) for j in (1, 2, 3)])
    found = gradient(layer, W_1=np.array(w), x=np.array([1.0, -1.0, 2.0]))
    assert found == {"W_1": [[1.0, -1.0, 2.0], [2.0, -2.0, 4.0]], "x": [9.0, 12.0, 15.0]}
    assert gradient("b_1^{(1)} + 2 b_2^{(1)}", b_1=np.array([3.0, 4.0])) == {"b_1": [1.0, 2.0]}


def test_a_domain_is_refused_by_the_name_of_the_one_that_leaves_it() -> None:
    problem = refused(r"\sum_{j=1}^{2} \log(z_j), z_j = x_j - 1", x=[2.0, 1.0])
    assert problem.message == r"\log(z_j) needs z_2 > 0, but z_2 = 0"
    assert problem.source[slice(*problem.span or (0, 0))] == r"\log(z_j)"


# Python


def test_an_array_of_another_shape_needs_a_new_formula() -> None:
    formula = Formula(r"\sum_j \theta_j^2", structure={"theta": [1, 2]})
    assert formula.variables == ("theta",)
    assert formula.value(theta=[3, 4]) == 25.0
    with pytest.raises(BackpropError, match="had shape") as caught:
        formula.value(theta=[3, 4, 5])
    assert "structure" in str(caught.value.hint)


def test_an_array_that_comes_too_late_is_refused_with_the_way_out() -> None:
    with pytest.raises(BackpropError, match="no variable theta") as caught:
        Formula(r"\sum_{j=0}^{1} \theta_j").value(theta=[3, 4])
    assert "theta_0, theta_1, or theta as an array" in str(caught.value.hint)


# Limits


def test_a_long_recurrence_is_ordinary() -> None:
    n = 5_000
    assert value(rf"y = h_{{{n}}}, h_t = h_{{t-1}} + x, h_0 = 0", x=1.0) == n


def test_a_family_at_its_limit_is_let_in_and_beyond_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unrolling, "MAX_INSTANCES", 30)
    assert Formula(r"y = h_{30}, h_t = h_{t-1} + x, h_0 = 0").variables == ("h_0", "x")
    assert "more than 30 definitions" in refused(r"y = h_{31}, h_t = h_{t-1} + x, h_0 = 0").message


def test_entries_of_arrays_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unrolling, "MAX_NAMED", 30)
    assert value(r"\sum_j x_j", x=[1.0] * 30) == 30.0
    assert "names for more than 30 entries" in refused(r"\sum_j x_j", x=[1.0] * 31).message


def test_many_definitions_whose_names_are_alike_are_refused_in_time() -> None:
    def text(count: int) -> str:
        lines = [rf"a_{{i,{k}}} = i x" for k in range(count)]
        return "; ".join([*lines, rf"\sum_{{i=1}}^{{2}} ({' + '.join([f'a_{{i,{k}}}' for k in range(count)])})"])

    assert Formula(text(300)).variables == ("x",)
    with pytest.raises(BackpropError, match="too many definitions"):
        Formula(text(1_001), max_chars=None)
