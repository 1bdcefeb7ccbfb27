"""The cheap gradient principle, counted: the lecture's bounds, and the costs of matrices by the textbook."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from backpropcli import Formula, primitives
from backpropcli.algebras import costs
from backpropcli.algebras.shapes import Shape
from backpropcli.cli import main as backprop

HEADLINE = "(x + σ(x)) / (σ(x) + (x + y)^2)"


def count(text, **point):
    return Formula(text, variables=point).at(point, op_count=True).extras["op_count"]


def way(found, name):
    return next(each for each in found["ways"] if each["way"] == name)


def test_the_headline_formula_by_hand():
    found = count(HEADLINE, x=4.0, y=3.0)
    # + σ + ^ + /, of which ^ and / are products.
    assert way(found, "value")["operations"] == 6
    assert way(found, "value")["products"] == 2
    # Two values an input.
    assert way(found, "finite_differences")["operations"] == 2 * 2 * 6
    assert found["inputs"] == 2
    assert found["outputs"] == 1
    assert found["ratio"] <= found["bound"] == 5.0


@pytest.mark.parametrize("count_of", [2, 5, 40])
def test_a_product_of_variables_costs_three_times_its_products(count_of):
    """The lecture: omega is 3 for polynomials, counting multiplications."""
    names = [f"x_{k}" for k in range(count_of)]
    found = count("*".join(names), **dict.fromkeys(names, 1.5))
    value, reverse = way(found, "value"), way(found, "reverse")
    assert value["products"] == count_of - 1
    assert reverse["products"] == 3 * value["products"]


def test_reverse_mode_does_not_grow_with_the_inputs_and_forward_mode_does():
    ratios = []
    for n in (4, 64):
        found = count("sum(sigmoid(w*x)^2)", w=[0.5] * n, x=[1.0] * n)
        ratios.append(found["ratio"])
        forward, value = way(found, "forward")["operations"], way(found, "value")["operations"]
        assert forward > n * value
    assert ratios[0] == pytest.approx(ratios[1], rel=0.1)


def test_outputs_cost_a_backward_sweep_each():
    one, three = count("sum(A @ x)", A=np.ones((3, 2)), x=[1.0, 2.0]), count("A @ x", A=np.ones((3, 2)), x=[1.0, 2.0])
    assert three["outputs"] == 3
    assert three["bound"] == 15.0
    assert way(three, "reverse")["operations"] > 2 * way(one, "reverse")["operations"] - way(one, "value")["operations"]


def test_a_product_of_matrices_has_the_textbooks_figure():
    found = count("A @ B", A=np.ones((4, 5)), B=np.ones((5, 6)))
    assert way(found, "value")["products"] == 4 * 5 * 6
    assert way(found, "value")["operations"] == 2 * 4 * 5 * 6 - 4 * 6


def test_a_layer_of_a_network_is_within_the_bound():
    rng = np.random.default_rng(1)
    found = count(
        "mean((sigmoid(X @ W + b) @ V - Y)^2)",
        X=rng.normal(size=(16, 8)), W=rng.normal(size=(8, 4)), b=np.zeros(4), V=rng.normal(size=(4, 2)),
        Y=np.zeros((16, 2)),
    )  # fmt: skip
    assert 2.0 <= found["ratio"] <= 5.0
    # The tape: every value, and the local derivatives that are no matrices.
    assert way(found, "reverse")["numbers"] > way(found, "value")["numbers"]


def test_random_polynomials_keep_the_bound():
    rng = random.Random(20)
    for _ in range(50):
        names = [f"x_{k}" for k in range(rng.randint(1, 6))]
        terms = ["*".join(rng.choices(names, k=rng.randint(2, 5))) for _ in range(rng.randint(1, 6))]
        text = " + ".join(terms)
        point = {name: 1.5 for name in names if name in text}
        found = count(text, **point)
        assert way(found, "reverse")["products"] <= 3 * way(found, "value")["products"], text


def test_every_kernel_on_arrays_has_a_cost_that_is_no_guess_below_its_size():
    assert {entry.value for entry in primitives.on_arrays().values()} >= costs.KERNELS.keys()
    for name, work in costs.KERNELS.items():
        square, vector = Shape((3, 3)), Shape((3,))
        shapes = [square, square] if name in ("matmul", "solve") else [vector, vector]
        if name in ("inv", "det", "logdet", "cofactor", "cholesky"):
            shapes = [square]
        assert work(shapes, square).operations >= 3


def test_moving_numbers_costs_nothing():
    found = count("sum(reshape(A', [6])[1:3])", A=np.ones((2, 3)))
    assert way(found, "value")["operations"] == 2


def test_the_command_line_shows_it_and_its_json_keeps_the_schema(capsys):
    def printed(*arguments):
        assert backprop([*arguments]) == 0
        return capsys.readouterr().out

    shown = " ".join(printed("eval", HEADLINE, "--x", "4", "--y", "3", "--op-count").split())
    assert "gradient, reverse mode" in shown
    assert "3.33 times the value; the principle allows about 5" in shown
    schema = json.loads(printed("schema", "eval"))
    document = json.loads(printed("eval", HEADLINE, "--x", "4", "--y", "3", "--op-count", "--json"))
    Draft202012Validator(schema).validate(document)
    ways = document["op_count"]["ways"]
    assert [each["way"] for each in ways] == ["value", "reverse", "forward", "finite_differences"]
    assert all(math.isfinite(each["seconds"]) for each in ways)


def test_a_formula_without_variables_costs_no_gradient():
    found = count("2*3 + 1")
    assert found["inputs"] == 0
    assert way(found, "value")["operations"] == way(found, "reverse")["operations"] == 2


def test_every_moving_kernel_is_one_of_the_table():
    values = {entry.value for entry in primitives.on_arrays().values()}
    assert values >= costs._MOVES
