"""Like terms and factors: what is gathered has the value that it had, exactly, and none where it had none."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from backpropcli.formula import Formula
from backpropcli.graph import CONSTANT, VARIABLE, Graph, GraphBuilder, number_of
from backpropcli.passes.collect import collected

LECTURES = [
    ("x^2*y + 3y", "dz_dx = 2*x*y\ndz_dy = x^2 + 3"),
    ("-log(σ(w*x + b))", "v1 = -sigmoid(-(w*x) - b)\ndz_dw = x*v1\ndz_dx = w*v1\ndz_db = v1"),
    ("(x + y)z", "df_dx = z\ndf_dy = z\ndf_dz = x + y"),
    ("x^3*y^2 - 2x*y + x/3", "dz_dx = 3*x^2*y^2 - 2*y + 1/3\ndz_dy = 2*x^3*y - 2*x"),
    ("1/(1 + exp(-x))", "v1 = exp(-x)\nv1/(1 + v1)^2"),
    ("sqrt(x^2 + y^2)", "v1 = sqrt(x^2 + y^2)\ndz_dx = x/v1\ndz_dy = y/v1"),
]


@pytest.mark.parametrize(("formula", "wanted"), LECTURES)
def test_a_derivative_is_the_one_on_the_board(formula: str, wanted: str) -> None:
    assert Formula(formula).derivative() == wanted


@pytest.mark.parametrize(
    ("formula", "order", "wanted"),
    [
        ("x^2*sin(x)", 3, "(6 - x^2)*cos(x) - 6*x*sin(x)"),
        ("1/x", 3, "-6/x^4"),
        ("x*exp(x)", 4, "(x + 4)*exp(x)"),
        ("sin(x)^2", 2, "2*cos(x)^2 - 2*sin(x)^2"),
    ],
)
def test_so_is_a_higher_one(formula: str, order: int, wanted: str) -> None:
    assert Formula(formula).derivative(order=order) == wanted


# sin may be 0 and exp may not: any functions of exact numbers will do.
FUNCTIONS = {"sin": lambda v: v + 1, "exp": lambda v: v * v + 2}
NUMBERS = (-3.0, -2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0)


def exact(graph: Graph, point: dict[str, Fraction]) -> list[Fraction | None]:
    """The outputs; None for what is divided by 0, or made of it."""
    values: list[Fraction | None] = []
    for op, args, attribute in graph.nodes:
        given = [values[j] for j in args]
        if op == VARIABLE:
            values.append(point[str(attribute)])
        elif op == CONSTANT:
            values.append(Fraction(number_of(attribute)))
        elif None in given:
            values.append(None)
        else:
            a, b = (*given, *given)[:2]
            assert a is not None
            assert b is not None
            values.append(_applied(op, a, b))
    return [values[i] for i in graph.outputs]


def _applied(op: str, a: Fraction, b: Fraction) -> Fraction | None:
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return a / b if b else None
        case "neg":
            return -a
        case "pow":
            return Fraction(a**b) if a or b > 0 else None
    return FUNCTIONS[op](a)


def random_sums(rng: random.Random) -> Graph:
    """Sums, products and quotients, much of it alike, over two variables and two functions."""
    builder = GraphBuilder()
    nodes = [builder.variable("x"), builder.variable("y"), *map(builder.constant, rng.sample(NUMBERS, 3))]
    for _ in range(rng.randint(3, 25)):
        op = rng.choice(("add", "add", "sub", "mul", "mul", "mul", "div", "neg", "pow", "sin", "exp"))
        recent = nodes[-8:] if rng.random() < 0.7 else nodes
        if op in ("neg", "sin", "exp"):
            nodes.append(builder.apply(op, (rng.choice(recent),)))
        elif op == "pow":
            nodes.append(builder.apply(op, (rng.choice(recent), builder.constant(rng.choice((1.0, 2.0, 3.0, -2.0))))))
        else:
            nodes.append(builder.apply(op, (rng.choice(recent), rng.choice(recent))))
    outputs = [nodes[-1], *rng.sample(nodes, rng.choice((0, 0, 1)))]
    names = {i: f"q_{i}" for i in nodes if builder.nodes[i].args and rng.random() < 0.1}
    return builder.graph(outputs, names)


def test_every_value_stays_and_so_does_every_gap() -> None:
    rng = random.Random(20_26)
    points = [
        {"x": Fraction(x), "y": Fraction(y)}
        for x, y in ((2, 3), (-1, Fraction(1, 2)), (0, 1), (1, 0), (0, 0), (-1, -1))
    ]
    shorter = gaps = 0
    for number in range(2000):
        graph = random_sums(rng)
        made = collected(graph)
        shorter += len(made.nodes) < len(graph.nodes)
        for point in points:
            wanted = exact(graph, point)
            gaps += None in wanted
            assert exact(made, point) == wanted, f"graph {number} at {point}"
    assert shorter > 300
    assert gaps > 300


def test_what_is_collected_stays_as_it_is() -> None:
    rng = random.Random(1)
    for number in range(300):
        made = collected(random_sums(rng))
        again = collected(made)
        assert len(again.nodes) <= len(made.nodes), f"graph {number}"


def test_names_of_definitions_stay_where_parts_are_shared() -> None:
    assert Formula("q = x*y + 1; q*sin(q)").derivative(["x"]).startswith("q = x*y + 1\n")


def test_a_gap_that_would_close_stays_open() -> None:
    assert Formula("log(x) - log(x)").derivative() == "0/x"
    assert Formula("x*(y/x)").derivative(["y"]) == "x/x"
    assert Formula("x*y - y*x").derivative(["y"]) == "0"


@pytest.mark.parametrize("number", [1e200, 1e-200])
def test_numbers_beyond_the_range_are_left_to_whoever_computes_them(number: float) -> None:
    builder = GraphBuilder()
    x, k = builder.variable("x"), builder.constant(number)
    graph = builder.graph([builder.apply("mul", (k, builder.apply("mul", (k, x))))])
    made = collected(graph)
    assert exact(made, {"x": Fraction(5)}) == exact(graph, {"x": Fraction(5)})


@pytest.mark.parametrize("shape", ["left", "right", "minus", "product", "shared", "nested"])
def test_thirty_thousand_terms_take_no_longer_each(shape: str) -> None:
    builder = GraphBuilder()
    variables = [builder.variable(f"x_{k}") for k in range(300)]
    made = variables[0]
    for k in range(30_000):
        x = variables[k % 300]
        pair = (x, made) if shape in ("right", "minus") else (made, x)
        if shape in ("product", "shared"):
            made = builder.apply("mul", (made, made if shape == "shared" and k % 50 == 0 else x))
        elif shape == "nested":
            made = builder.apply("mul", (builder.apply("add", pair), builder.apply("sin", (x,))))
        else:
            made = builder.apply("sub" if shape == "minus" else "add", pair)
    graph = collected(builder.graph([made]))
    if shape in ("left", "right"):
        # Each of 300 variables once, with its number.
        assert len(graph.nodes) < 1300
    assert graph.outputs
