"""What lectures say of matrices, and the digits of what is worked out from them: inverses, factors, convolutions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

from backpropcli.algebras import matrix_kernels
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.arrays import Arrays, compile_graph, masked, quietly
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.latex import Latex
from backpropcli.algebras.rules import condition
from backpropcli.algebras.shapes import ShapeError
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.language.program import build, read
from backpropcli.passes.bind import bind
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.primitives import TABLE
from tests.test_array_primitives import difference

EPSILON = float(np.finfo(float).eps)
DICE = np.random.default_rng


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quietly():
        yield


def graph_of(text: str, point: dict[str, Any]) -> Graph:
    return bind(build(read(text, tuple(point))), {name: np.shape(value) for name, value in point.items()}).graph


def value(text: str, **point: Any) -> Any:
    return compile_graph(graph_of(text, point), tuple(point))(tuple(point.values()))


def gradient(text: str, seed: Any = 1.0, **point: Any) -> dict[str, Any]:
    graph = graph_of(text, point)
    adjoints = pull(linearize(graph, Arrays(), point), seed)
    return {name: masked(adjoints[i]).value for name, i in graph.variables.items()}


def along(text: str, point: dict[str, Any], *directions: dict[str, Any]) -> dict[str, Any]:
    """The derivative of the gradient along the directions, one after the other."""
    graph = graph_of(text, point)
    algebra: Any = Arrays()
    inputs = dict(point)
    seed: Any = 1.0
    for direction in directions:
        deeper = algebra
        algebra, seed = Duals(deeper), Dual(seed, None)
        inputs = {name: Dual(inputs[name], _still(direction[name], deeper)) for name in inputs}
    adjoints = pull(linearize(graph, algebra, inputs), seed)
    found = {}
    for name, i in graph.variables.items():
        part: Any = adjoints[i]
        for _ in directions:
            part = None if part is None else part.tangent
        found[name] = np.zeros(np.shape(point[name])) if part is None else masked(part).value
    return found


def _still(direction: Any, algebra: Any) -> Any:
    """A direction that does not itself move."""
    return Dual(_still(direction, algebra.inner), None) if isinstance(algebra, Duals) else direction


def close(got: Any, wanted: Any, off: float = 1e-12) -> None:
    np.testing.assert_allclose(got, wanted, rtol=off, atol=off * float(np.max(np.abs(wanted), initial=1e-300)))


# The lectures


def test_backward_pass_of_a_layer_without_bias() -> None:
    x, w, g = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]), np.array([[1.0, -2.0, 0.5]])
    found = gradient("x @ W", g, x=x, W=w)
    close(found["x"], g @ w.T)
    close(found["W"], x.T @ g)


def test_backward_pass_of_a_batch_adds_up_the_weights() -> None:
    x, w = DICE(1).normal(size=(4, 5, 3)), DICE(2).normal(size=(3, 2))
    g = DICE(3).normal(size=(4, 5, 2))
    found = gradient("x @ W", g, x=x, W=w)
    close(found["x"], g @ w.T)
    close(found["W"], np.einsum("bni,bnj->ij", x, g))


def test_backward_pass_of_a_hidden_layer() -> None:
    w, x, b = np.array([[0.2, -0.4, 1.0], [0.7, 0.1, -0.3]]), np.array([1.0, -2.0, 0.5]), np.array([0.1, -0.2])
    h = 1.0 / (1.0 + np.exp(-(w @ x + b)))
    g = np.array([1.0, -0.5])
    delta = g * h * (1.0 - h)
    found = gradient("sigmoid(W @ x + b)", g, W=w, x=x, b=b)
    close(found["W"], np.outer(delta, x))
    close(found["x"], w.T @ delta)
    close(found["b"], delta)


def test_gradient_of_least_squares() -> None:
    a, x, b = DICE(4).normal(size=(5, 3)), DICE(5).normal(size=3), DICE(6).normal(size=5)
    close(gradient("sum((A @ x - b)^2)", A=a, x=x, b=b)["x"], 2.0 * a.T @ (a @ x - b))


def test_gradients_of_a_matrix_cookbook() -> None:
    a, b, x = DICE(7).normal(size=(3, 3)), DICE(8).normal(size=(3, 3)), DICE(9).normal(size=3)
    inverse = np.linalg.inv(a)
    close(gradient("trace(A @ B)", A=a, B=b)["A"], b.T)
    close(gradient("trace(inv(A) @ B)", A=a, B=b)["A"], -(inverse @ b @ inverse).T)
    close(gradient("det(A)", A=a)["A"], np.linalg.det(a) * inverse.T)
    close(gradient("logdet(A)", A=a)["A"], inverse.T)
    close(gradient("dot(x, A @ x)", A=a, x=x)["x"], (a + a.T) @ x)
    close(gradient("sum(outer(x, x)*A)", A=a, x=x)["x"], (a + a.T) @ x)
    close(gradient("sum(diag(A)^2) + sum(diag(x) @ A)", A=a, x=x)["x"], a.sum(axis=1))


def test_the_jacobian_of_an_inverse_is_what_its_entry_says() -> None:
    assert TABLE["inv"].structure == ("-{y} ⊗ {y}'",)
    a = DICE(1).normal(size=(3, 3))
    inverse = np.linalg.inv(a)
    rows = [gradient("inv(A)", seed.reshape(3, 3), A=a)["A"].ravel() for seed in np.eye(9)]
    close(np.stack(rows), -np.kron(inverse, inverse.T))


# Stacks


SHAPES = [
    ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((5, 2, 3), (3, 4)),
    ((3,), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)),
    ((6, 2, 3), (5, 1, 3, 4)),
    ((1, 2, 3), (5, 3, 1)), ((0, 2, 3), (3, 4)), ((5, 2, 0), (0, 4)), ((0,), (0, 2)), ((5, 2, 3), (1, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SHAPES)
def test_products_of_stacks_are_those_of_numpy(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    a, b = DICE(1).normal(size=one), DICE(2).normal(size=other)
    wanted = np.matmul(a, b)
    close(value("A @ B", A=a, B=b), wanted)
    g = DICE(3).normal(size=wanted.shape)
    for name, given in (("A", a), ("B", b)):
        found = gradient("A @ B", g, A=a, B=b)[name]
        d = DICE(4).normal(size=given.shape)
        moved = np.matmul(d, b) if name == "A" else np.matmul(a, d)
        assert found.shape == given.shape
        assert abs(np.sum(found * d) - np.sum(g * moved)) <= 1e-12 * (1.0 + np.sum(np.abs(g * moved)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((5, 3, 3), (3,)), ((5, 3, 3), (3, 2)), ((3, 3), (5, 3, 2)),
        ((5, 3, 3), (5, 3, 2)), ((5, 1, 3, 3), (4, 3, 2)), ((0, 0), (0,)), ((2, 0, 0), (0, 3)),
    ],
)  # fmt: skip
def test_solutions_of_stacks_solve(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    a, b = DICE(1).normal(size=one) + 4.0 * np.eye(one[-1]), DICE(2).normal(size=other)
    x = value("solve(A, b)", A=a, b=b)
    close(np.matmul(a, x[..., None])[..., 0] if len(other) == 1 else np.matmul(a, x), np.broadcast_to(b, x.shape))
    g, point = DICE(3).normal(size=x.shape), {"A": a, "b": b}
    found = gradient("solve(A, b)", g, **point)
    for name, given in point.items():
        d = DICE(4).normal(size=given.shape)

        def moved(h: float, name: str = name, d: Any = d) -> Any:
            return np.sum(g * value("solve(A, b)", **{**point, name: point[name] + h * d}))

        wanted, _ = difference(moved)
        assert found[name].shape == given.shape
        assert abs(np.sum(found[name] * d) - wanted) <= 1e-9 * (1.0 + abs(wanted))


@pytest.mark.parametrize("name", ["inv", "det", "logdet", "trace", "diag", "cholesky"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_stacks_are_worked_on_matrix_by_matrix(name: str, n: int) -> None:
    half = DICE(1).normal(size=(4, n, n))
    a = half @ np.swapaxes(half, -1, -2) + np.eye(n)
    wanted = np.stack([value(f"{name}(A)", A=each) for each in a])
    close(value(f"{name}(A)", A=a), wanted)
    g = DICE(2).normal(size=wanted.shape)
    each = [gradient(f"{name}(A)", seed, A=one)["A"] for one, seed in zip(a, g, strict=True)]
    close(gradient(f"{name}(A)", g, A=a)["A"], np.stack(each))


def test_a_singular_matrix_in_a_stack_leaves_the_others_alone() -> None:
    for n in (2, 3, 4):
        a = np.stack([2.0 * np.eye(n), np.ones((n, n)), np.eye(n)])
        for text in ("inv(A)", "solve(A, b)", "cholesky(A)"):
            found = value(text, A=a, b=np.ones(n)) if "b" in text else value(text, A=a)
            assert np.isfinite(found[[0, 2]]).all()
            assert not np.isfinite(found[1]).all()


# Digits


def conditioned(n: int, condition_number: float, dice: np.random.Generator) -> Any:
    """A matrix of this condition number."""
    left, right = np.linalg.qr(dice.normal(size=(n, n)))[0], np.linalg.qr(dice.normal(size=(n, n)))[0]
    return left @ np.diag(np.logspace(0.0, -math.log10(condition_number), n) if n > 1 else [1.0]) @ right


def doubles(matrix: Any) -> Any:
    return np.array([[float(matrix[i, j]) for j in range(matrix.cols)] for i in range(matrix.rows)])


def exact(a: Any) -> Any:
    return mpmath.matrix(a.tolist())


def off(got: Any, wanted: Any) -> float:
    return float(np.max(np.abs(got - wanted)) / np.max(np.abs(wanted)))


CONDITIONS = [(n, 10.0**k) for n in (1, 2, 3, 4, 6, 9) for k in (0, 4, 8, 12)]


@pytest.mark.parametrize(("n", "size"), CONDITIONS)
def test_digits_are_lost_with_the_condition_number_only(n: int, size: float) -> None:
    dice = DICE(int(n + size % 97))
    a, b = conditioned(n, size, dice), dice.normal(size=n)
    bound = 8.0 * n * EPSILON * float(np.linalg.cond(a))
    with mpmath.workdps(60):
        inverse, determinant = exact(a) ** -1, mpmath.det(exact(a))
        assert off(value("inv(A)", A=a), doubles(inverse)) <= bound
        assert off(value("solve(A, b)", A=a, b=b), doubles(inverse * exact(b))[:, 0]) <= bound
        assert off(value("det(A)", A=a), float(determinant)) <= bound
        assert abs(value("logdet(A)", A=a) - float(mpmath.log(abs(determinant)))) <= bound
        assert off(gradient("det(A)", A=a)["A"], doubles(determinant * inverse.T)) <= bound
        assert off(gradient("logdet(A)", A=a)["A"], doubles(inverse.T)) <= bound
        assert off(gradient("solve(A, b)", b, A=a, b=b)["b"], doubles(inverse.T * exact(b))[:, 0]) <= bound


@pytest.mark.parametrize(("n", "size"), CONDITIONS)
def test_cholesky_keeps_the_digits_that_there_are(n: int, size: float) -> None:
    half = conditioned(n, math.sqrt(size), DICE(n))
    a = half @ half.T
    a = (a + a.T) / 2.0
    with mpmath.workdps(60):
        wanted = doubles(mpmath.cholesky(exact(a)))
    found = value("cholesky(A)", A=a)
    bound = 8.0 * n * EPSILON * float(np.linalg.cond(a))
    assert off(found, wanted) <= bound
    assert off(found @ found.T, a) <= 8.0 * n * EPSILON
    assert not np.triu(found, 1).any()


def test_hilbert_matrices_keep_what_their_condition_leaves() -> None:
    for n in range(2, 11):
        a = 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1.0)
        with mpmath.workdps(60):
            wanted = doubles(exact(a) ** -1)
        assert off(value("inv(A)", A=a), wanted) <= n * EPSILON * np.linalg.cond(a)


def test_small_matrices_are_worked_out_as_by_hand() -> None:
    assert value("det(A)", A=np.array([[1.0, 2.0], [3.0, 4.0]])) == -2.0
    assert value("inv(A)", A=np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[-2.0, 1.0], [1.5, -0.5]]
    assert value("inv(A)", A=np.array([[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 8.0]])).tolist() == [
        [0.5, 0.0, 0.0],
        [0.0, 0.25, 0.0],
        [0.0, 0.0, 0.125],
    ]
    # Cancellation: LAPACK's elimination has 1.1e-16 and less here.
    a = np.array([[1.0 + 2.0**-30, 1.0], [1.0, 1.0 - 2.0**-30]])
    assert value("det(A)", A=a) == -(2.0**-60)


def test_entries_of_extreme_size_neither_overflow_nor_vanish() -> None:
    for n in (1, 2, 3, 4):
        for size in (1e-200, 1e200):
            close(value("inv(A)", A=size * np.eye(n)), np.eye(n) / size)
            close(value("logdet(A)", A=size * np.eye(n)), n * math.log(size))
    mixed = np.diag([1e200, 1.0, 1e-200])
    close(np.diag(value("inv(A)", A=mixed)), [1e-200, 1.0, 1e200])
    assert value("det(A)", A=mixed) == 1.0


# Singular matrices


SINGULAR = [
    np.array([[1.0, 2.0], [2.0, 4.0]]),
    np.zeros((2, 2)),
    np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    np.arange(16.0).reshape(4, 4),
    np.diag([1.0, 2.0, 0.0, 3.0, 4.0]),
    np.diag([1.0, 0.0, 0.0, 3.0, 4.0]),
    np.zeros((1, 1)),
]


def adjugate(a: Any) -> Any:
    """By minors, exactly."""
    n = len(a)
    found = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        minor = np.delete(np.delete(a, i, 0), j, 1).tolist()
        found[j, i] = (-1) ** (i + j) * (float(mpmath.det(mpmath.matrix(minor))) if minor else 1.0)
    return found


@pytest.mark.parametrize("a", SINGULAR, ids=str)
def test_determinant_of_a_singular_matrix_is_0_and_its_derivative_the_adjugate(a: Any) -> None:
    assert value("det(A)", A=a) == 0.0
    with mpmath.workdps(40):
        np.testing.assert_array_equal(gradient("det(A)", A=a)["A"], adjugate(a).T)


@pytest.mark.parametrize("a", [*SINGULAR, DICE(3).normal(size=(4, 4)), DICE(4).normal(size=(3, 3))], ids=str)
def test_determinants_have_all_derivatives_everywhere(a: Any) -> None:
    d, e = DICE(5).normal(size=a.shape), DICE(6).normal(size=a.shape)
    second, _ = difference(lambda h: gradient("det(A)", A=a + h * d)["A"])
    close(along("det(A)", {"A": a}, {"A": d})["A"], second, 1e-10)
    third, _ = difference(lambda h: along("det(A)", {"A": a + h * e}, {"A": d})["A"])
    close(along("det(A)", {"A": a}, {"A": d}, {"A": e})["A"], third, 1e-9)


@pytest.mark.parametrize("a", SINGULAR, ids=str)
def test_singular_matrices_are_outside_the_domain(a: Any) -> None:
    for name in ("inv", "logdet"):
        assert not inside(name, a).all()
    for name in ("solve", "solve_vector"):
        assert not inside(name, a, np.ones(len(a))).all()
    assert not inside("cholesky", a).all()


def inside(name: str, *arguments: Any) -> Any:
    domain = TABLE[name].domain
    assert domain is not None
    names = (*TABLE[name].names, "y")
    return np.asarray(compile_graph(condition(name, domain, len(arguments)), names)((*arguments, 0.0)))


@pytest.mark.parametrize("n", [2, 3, 4, 10, 40])
def test_matrices_that_are_singular_up_to_rounding_are_outside_the_domain(n: int) -> None:
    dice = DICE(n)
    for _ in range(20):
        a = dice.normal(size=(n, n))
        assert inside("inv", a).all()
        a[-1] = dice.normal(size=n - 1) @ a[:-1]
        assert not inside("inv", a).all()


def test_a_bad_scale_does_not_make_a_matrix_singular() -> None:
    for a in (np.diag([1.0, 1e-20]), np.diag([1e-200, 1e200, 1.0, 1e-30]), 1e-150 * np.array([[1.0, 2.0], [3.0, 4.0]])):
        assert inside("inv", a).all()
    with_rows = np.array([[1e-12], [1.0], [1e9], [1e-5]]) * DICE(1).normal(size=(4, 4))
    assert inside("inv", with_rows).all()


@pytest.mark.parametrize(
    "a", [[[1.0, 2.0], [2.0, 1.0]], [[-1.0]], [[1.0, 0.5], [0.25, 1.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0]]], ids=str
)
def test_what_has_no_cholesky_factor_is_outside_its_domain(a: Any) -> None:
    assert not inside("cholesky", np.array(a)).all()
    assert inside("cholesky", np.array([[2.0, 1.0], [1.0 + 1e-15, 2.0]])).all()


# Cholesky


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_cholesky_forward_and_backward_agree_for_symmetric_directions(n: int) -> None:
    half = DICE(n).normal(size=(n, n))
    a = half @ half.T + np.eye(n)
    d = DICE(1).normal(size=(n, n))
    d = d + d.T
    g = DICE(2).normal(size=(n, n))
    forward, _ = difference(lambda h: value("cholesky(A)", A=a + h * d))
    found = gradient("cholesky(A)", g, A=a)["A"]
    np.testing.assert_array_equal(found, found.T)
    assert abs(np.sum(g * forward) - np.sum(found * d)) <= 1e-9 * np.sum(np.abs(found * d))


def test_log_likelihoods_by_cholesky_and_by_logdet_have_one_gradient() -> None:
    half, x = DICE(1).normal(size=(4, 4)), DICE(2).normal(size=4)
    point = {"B": half, "x": x}
    one = gradient("S = B @ B' + diag([1, 1, 1, 1]); logdet(S) + dot(x, solve(S, x))", **point)
    text = "L = cholesky(B @ B' + diag([1, 1, 1, 1])); 2*sum(log(diag(L))) + sum(solve(L, x)^2)"
    other = gradient(text, **point)
    for name in point:
        close(one[name], other[name], 1e-11)
    d = {name: DICE(3).normal(size=given.shape) for name, given in point.items()}
    wanted, _ = difference(lambda h: gradient(text, **{name: point[name] + h * d[name] for name in point})["B"])
    close(along(text, point, d)["B"], wanted, 1e-9)


# The gradient as a formula, differentiated again


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("sum(A @ B @ x)", {"A": (2, 3), "B": (3, 3), "x": (3,)}),
        ("sum((A @ B)^2)", {"A": (5, 2, 3), "B": (3, 2)}),
        ("sum((A @ B)^2)", {"A": (2, 3), "B": (5, 3, 2)}),
        ("sum(solve(A, x)^2)", {"A": (3, 3), "x": (3,)}),
        ("sum(inv(A)^3)", {"A": (2, 2, 2)}),
        ("det(A)*logdet(A)", {"A": (4, 4)}),
        ("sum(cholesky(A @ A')^3)", {"A": (3, 3)}),
        ("sum(diag(A)^3)*trace(A)", {"A": (3, 3)}),
        ("sum(conv2d(x, w, 2, 1)^2)", {"x": (2, 3, 5, 4), "w": (2, 3, 2, 2)}),
        ("sum(conv1d(x, w)^2)", {"x": (5,), "w": (3,)}),
        ("sum(maxpool(x, 2)^3) + sum(avgpool(x, [2, 2], 1)^3)", {"x": (4, 4)}),
    ],
)
def test_a_gradient_as_a_formula_can_be_differentiated_again(text: str, shapes: dict[str, tuple[int, ...]]) -> None:
    dice = DICE(1)
    point = {name: dice.normal(size=dims) for name, dims in shapes.items()}
    graph = graph_of(text, point)
    builder = GraphBuilder()
    inputs = {name: builder.variable(name) for name in point}
    adjoints = pull(linearize(graph, Symbols(builder), inputs), builder.constant(1.0))
    wanted = gradient(text, **point)
    d = {name: dice.normal(size=dims) for name, dims in shapes.items()}
    moved = along(text, point, d)
    made = {name: adjoints[i] for name, i in graph.variables.items()}
    for name, node in made.items():
        assert node is not None
        again = bind(builder.graph([node]), shapes).graph
        duals = {each: Dual(point[each], d[each]) for each in again.variables}
        values = linearize(again, Duals(Arrays()), duals).values[again.outputs[0]]
        close(values.primal, wanted[name], 1e-10)
        close(values.tangent, moved[name], 1e-9)
        g = dice.normal(size=shapes[name])
        back = pull(linearize(again, Arrays(), {each: point[each] for each in again.variables}), g)
        there = {each: back[i] for each, i in again.variables.items() if back[i] is not None}
        product = sum(np.sum(masked(adjoint).value * d[each]) for each, adjoint in there.items())
        assert abs(product - np.sum(g * moved[name])) <= 1e-9 * (1.0 + abs(product))


# Convolution and pooling


def loops(x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int]) -> Any:
    """The convolution of images by its definition: x (b, c, h, w), w (o, c, kh, kw)."""
    padded = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    out = [(padded.shape[k + 2] - w.shape[k + 2]) // stride[k] + 1 for k in range(2)]
    found = np.zeros((x.shape[0], w.shape[0], *out))
    for b, o, i, j in np.ndindex(found.shape):
        for c, u, v in np.ndindex(w.shape[1:]):
            found[b, o, i, j] += w[o, c, u, v] * padded[b, c, i * stride[0] + u, j * stride[1] + v]
    return found


STEPS = [("1", "0"), ("2", "1"), ("3", "0"), ("[1, 2]", "[2, 0]"), ("[3, 1]", "[0, 1]")]


def pair(text: str) -> tuple[int, int]:
    numbers = [int(each) for each in text.strip("[]").split(",")]
    return numbers[0], numbers[-1]


@pytest.mark.parametrize(("stride", "padding"), STEPS)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 4)])
def test_convolutions_are_those_of_their_definition(stride: str, padding: str, size: tuple[int, int]) -> None:
    x, w = DICE(1).normal(size=(2, 3, 5, 6)), DICE(2).normal(size=(4, 3, *size))
    wanted = loops(x, w, pair(stride), pair(padding))
    text = f"conv2d(x, w, {stride}, {padding})"
    close(value(text, x=x, w=w), wanted)
    close(value(text, x=x[0], w=w), wanted[0])
    close(value(text, x=x[0, 0], w=w[0, 0]), loops(x[:1, :1], w[:1, :1], pair(stride), pair(padding))[0, 0])
    g = DICE(3).normal(size=wanted.shape)
    found = gradient(text, g, x=x, w=w)
    # The result is linear in each: its derivative by an entry is the result of that entry alone.
    for name, given in (("x", x), ("w", w)):
        for place in itertools.islice(np.ndindex(given.shape), 0, None, 7):
            one = np.zeros(given.shape)
            one[place] = 1.0
            both = (one, w) if name == "x" else (x, one)
            assert abs(found[name][place] - np.sum(g * loops(*both, pair(stride), pair(padding)))) <= 1e-12


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_convolutions_of_signals_are_those_of_images_of_one_row(stride: int, padding: int) -> None:
    x, w = DICE(1).normal(size=(2, 3, 7)), DICE(2).normal(size=(4, 3, 3))
    text = f"conv1d(x, w, {stride}, {padding})"
    rows = f"conv2d(x, w, [1, {stride}], [0, {padding}])"
    wanted = value(rows, x=x[:, :, None], w=w[:, :, None])
    close(value(text, x=x, w=w), wanted[:, :, 0])
    g = DICE(3).normal(size=wanted.shape)
    found, other = gradient(text, g[:, :, 0], x=x, w=w), gradient(rows, g, x=x[:, :, None], w=w[:, :, None])
    for name in ("x", "w"):
        close(found[name], other[name][:, :, 0])
    close(value(text, x=x[0, 0], w=w[0, 0]), value(text, x=x[:1, :1], w=w[:1, :1])[0, 0])


def test_a_convolution_is_not_turned_over() -> None:
    assert value("conv1d(x, w)", x=np.array([1.0, 2.0, 4.0]), w=np.array([1.0, 10.0])).tolist() == [21.0, 42.0]
    assert value("conv1d(x, w, 1, 1)", x=np.array([1.0, 2.0]), w=np.array([1.0, 10.0])).tolist() == [10.0, 21.0, 2.0]


@pytest.mark.parametrize("block", [1, 2000, 5000])
def test_large_images_are_worked_on_in_parts(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = DICE(1).normal(size=(3, 2, 7, 6)), DICE(2).normal(size=(2, 2, 3, 2))
    g = DICE(3).normal(size=(3, 2, 5, 5))
    whole = gradient("conv2d(x, w)", g, x=x, w=w)
    monkeypatch.setattr(matrix_kernels, "_BLOCK", block)
    close(value("conv2d(x, w)", x=x, w=w), loops(x, w, (1, 1), (0, 0)))
    close(gradient("conv2d(x, w)", g, x=x, w=w)["w"], whole["w"])


def test_pooling() -> None:
    x = np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, -1.0, 8.0]])
    assert value("maxpool(x, [2])", x=x).tolist() == [[5.0, 2.0], [4.0, 8.0]]
    assert value("maxpool(x, 2)", x=x).tolist() == value("maxpool(x, [2, 2])", x=x).tolist() == [[5.0, 8.0]]
    assert value("maxpool(x, 2)", x=x[0]).tolist() == [5.0, 2.0]
    assert value("avgpool(x, 2)", x=np.stack([x, -x])).tolist() == [[[3.25, 2.25]], [[-3.25, -2.25]]]
    assert value("avgpool(x, [2, 2])", x=x).tolist() == [[3.25, 2.25]]
    assert value("maxpool(x, [1, 2], 1)", x=x).tolist() == [[5.0, 5.0, 2.0], [4.0, 4.0, 8.0]]
    assert value("maxpool(x, [3])", x=x).tolist() == [[5.0], [4.0]]
    g = np.array([[10.0, 20.0]])
    assert gradient("maxpool(x, [2, 2])", g, x=x)["x"].tolist() == [[0.0, 10.0, 0.0, 0.0], [0.0, 0.0, 0.0, 20.0]]
    assert gradient("avgpool(x, [2, 2])", g, x=x)["x"].tolist() == [[2.5, 2.5, 5.0, 5.0], [2.5, 2.5, 5.0, 5.0]]


def test_windows_that_overlap_add_up() -> None:
    x = np.array([1.0, 3.0, 2.0, 0.0])
    assert gradient("maxpool(x, 2, 1)", np.array([1.0, 10.0, 100.0]), x=x)["x"].tolist() == [0.0, 11.0, 100.0, 0.0]
    assert gradient("avgpool(x, 2, 1)", np.array([2.0, 20.0, 200.0]), x=x)["x"].tolist() == [1.0, 11.0, 110.0, 100.0]


def test_pooling_ties_share() -> None:
    x = np.array([[2.0, 2.0, 1.0, 5.0], [2.0, 0.0, 5.0, 5.0]])
    g = np.array([[3.0, 6.0]])
    wanted = [[1.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 2.0]]
    assert gradient("maxpool(x, [2, 2])", g, x=x)["x"].tolist() == wanted
    tie = TABLE["maxpool"].edges[0]
    names = (*TABLE["maxpool"].names, "y")
    at = compile_graph(condition("maxpool", tie.where, 3), names)
    size = np.array([2.0, 2.0])
    assert tie.kind == "tie"
    assert np.asarray(at((x, size, math.inf, value("maxpool(x, [2, 2])", x=x)))).tolist() == [[1.0, 1.0]]
    x[0, 0] = 9.0
    assert np.asarray(at((x, size, math.inf, value("maxpool(x, [2, 2])", x=x)))).tolist() == [[0.0, 1.0]]


# On a slide


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("A @ B @ C", "A B C"),
        ("(A @ B)^2", "(A B)^{2}"),
        ("(A @ B)'", r"(A B)^{\top}"),
        ("A' @ B'", r"A^{\top} B^{\top}"),
        ("(A*B) @ C", r"(A \cdot B) C"),
        ("(A + B) @ C", "(A + B) C"),
        ("A @ (-B)", "A (-B)"),
        ("inv(A @ B) @ C", "(A B)^{-1} C"),
        ("solve(A + B, b)^2", "((A + B)^{-1} b)^{2}"),
        ("outer(a, b) @ C", r"(a \otimes b) C"),
        ("conv2d(x, w)^2", r"(x \star w)^{2}"),
        ("sum(x)*A + sum(A @ x)", r"\left(\sum x\right) \cdot A + \sum (A x)"),
    ],
)
def test_products_of_matrices_keep_their_brackets(text: str, latex: str) -> None:
    graph = build(read(text))
    typesetting = Latex()
    inputs = {name: typesetting.name(name) for name in graph.variables}
    assert fold(graph, typesetting, inputs)[graph.outputs[0]].text == latex


# Messages


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("A @ B", [(2, 3), (2, 3)], "shape (2, 3) @ shape (2, 3) do not fit: 3 columns on the left, 2 rows on"),
        ("A @ B", [(2, 3), ()], "@ is the product of vectors and matrices, and here is a number"),
        ("A @ B", [(2, 2, 3), (4, 3, 2)], "the stacks of matrices of shape (2, 2, 3) and shape (4, 3, 2) do not fit"),
        ("outer(A, B)", [(2, 3), (2,)], "outer(a, b) takes two vectors, but here are shape (2, 3) and shape (2,)"),
        ("inv(A)", [(2, 3)], "inv(A) takes a square matrix, but shape (2, 3) has 2 rows and 3 columns"),
        ("det(A)", [(3,)], "det(A) takes a matrix, but here is a vector of shape (3,)"),
        ("logdet(A)", [()], "logdet(A) takes a matrix, but here is a number"),
        ("trace(A)", [(5, 2, 3)], "trace(A) takes a square matrix, but shape (5, 2, 3) has 2 rows and 3 columns"),
        ("cholesky(A)", [(1, 2)], "cholesky(A) takes a square matrix"),
        ("solve(A, B)", [(2, 3), (2,)], "solve(A, b) takes a square matrix"),
        ("solve(A, B)", [(3, 3), (2,)], "takes a b with as many rows as A, but A has shape (3, 3) and b shape (2,)"),
        ("solve(A, B)", [(3, 3), ()], "solve(A, b) takes a vector or a matrix b, but here is a number"),
        ("solve(A, B)", [(2, 3, 3), (4, 3, 1)], "the stacks of matrices of shape (2, 3, 3) and shape (4, 3, 1)"),
        ("diag(A)", [()], "diag(x) takes a vector or a matrix, but here is a number"),
        ("conv1d(A, B)", [(2, 2, 2, 2), (2,)], "conv1d(x, w) takes an x of shape (n,), (channels, n) or (batch, ch"),
        ("conv2d(A, B)", [(3, 8, 8), (3, 3)], "an x of shape (3, 8, 8) takes a w of shape (out, channels, kh, kw)"),
        ("conv2d(A, B)", [(8, 8), (1, 1, 3, 3)], "an x of shape (8, 8) takes a w of shape (kh, kw), but here is shape"),
        ("conv1d(A, B)", [(3, 8), (4, 2, 3)], "x of shape (3, 8) has 3 and w of shape (4, 2, 3) has 2"),
        ("conv1d(A, B)", [(2,), (3,)], "in conv1d(x, w) w of shape (3,) is larger than x of shape (2,)"),
        ("conv1d(A, B, 1, 1)", [(2,), (5,)], "larger than x of shape (2,), shape (4,) with its padding"),
        ("conv1d(A, B)", [(2,), (0,)], "w of shape (0,) is empty"),
        ("conv1d(A, B, 0)", [(5,), (3,)], "stride is a whole number from 1 on, but here is 0"),
        ("conv1d(A, B, 1.5)", [(5,), (3,)], "stride is a whole number, but this one is 1.5"),
        ("conv2d(A, B, 1, [1, 2, 3])", [(5, 5), (3, 3)], "padding is one number, or a list of 2, but here are 3"),
        ("maxpool(A, 3)", [(5, 2)], "in maxpool(x, size) the window of shape (3, 3) is larger than x of shape (5, 2)"),
        ("avgpool(A, [2, 2])", [(5,)], "avgpool(x, size) with a size of 2 axes does not fit a vector of shape (5,)"),
        ("maxpool(A, 0)", [(5,)], "maxpool(x, size) takes a size from 1 on, but here is [0]"),
        ("maxpool(A, 2)", [()], "maxpool(x, size) with a size of 1 axis does not fit a number"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_its_shapes(text: str, shapes: list[tuple[int, ...]], message: str) -> None:
    graph = build(read(text, ("A", "B")))
    with pytest.raises(ShapeError) as caught:
        bind(graph, dict(zip("AB", shapes, strict=False)), text=text)
    assert message in str(caught.value)
    assert caught.value.span is not None


def test_kernels_never_raise() -> None:
    for n in (1, 2, 3, 4):
        for bad in (np.nan, np.inf, 0.0, 1e308):
            a = np.full((2, n, n), bad)
            for text in ("inv(A)", "det(A)", "logdet(A)", "cholesky(A)", "solve(A, A)"):
                value(text, A=a)
                gradient(text, np.ones(np.shape(value(text, A=a))), A=a)
            assert inside("inv", a).tolist() == [float(n == 1 and bad == 1e308)] * 2
            inside("cholesky", a)
