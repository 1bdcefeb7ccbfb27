"""autograd: NumPy with a tape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "autograd"

ONE_SHOT = """
from autograd import value_and_grad, numpy as np
def z(v):
    x, y = v
    s = 1/(1 + np.exp(-x))
    return (x + s)/(s + (x + y)**2)
value, by = value_and_grad(z)(np.array([4.0, 3.0]))
print(value, *by)
"""


def points(formula: Formula, given: Columns) -> Run:
    """One tape of whole columns."""
    from autograd import make_vjp
    from autograd import numpy as anp

    from tests.benchmarks.peers._formulas import value

    functions = {"sin": anp.sin, "cos": anp.cos, "log": anp.log, "exp": anp.exp}
    names, columns = list(given), tuple(given.values())
    ones = anp.ones(len(columns[0]))

    def run() -> list[Any]:
        pull, z = make_vjp(lambda held: value(formula, functions, dict(zip(names, held, strict=True))))(columns)
        return [z, *pull(ones)]

    return run


def network(p: dict[str, Any]) -> Run:
    """The loss, written as for NumPy."""
    import autograd
    from autograd import numpy as anp

    from tests.benchmarks.arrays import WEIGHTS

    def loss(weights: Any) -> Any:
        w, b, v, c = weights
        z = 1 / (1 + anp.exp(-(anp.dot(p["X"], w) + b)))
        z = anp.dot(z, v) + c
        z = z - anp.max(z, axis=1, keepdims=True)
        return -anp.mean(anp.sum(p["t"] * (z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))), axis=1))

    gradient = autograd.grad(loss)
    return lambda: gradient([p[name] for name in WEIGHTS])


def graph(family: str, inputs: list[float], size: int) -> list[float]:
    """By a tape of numbers."""
    from autograd import grad
    from autograd import numpy as anp

    from tests.benchmarks.peers._formulas import large

    # A list of boxes, and no array: an index into an array costs its whole length in the reverse sweep.
    return [float(each) for each in grad(lambda held: large(family, anp.sin, list(held), size))(inputs)]


POINTS = {"autograd": points}
NETWORKS = {"autograd": network}
GRAPHS = {"autograd": graph}
