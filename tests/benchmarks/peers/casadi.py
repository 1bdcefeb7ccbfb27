"""CasADi: scalar expressions, run by its virtual machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "casadi"

ONE_SHOT = """
import casadi
x, y = casadi.SX.sym("x"), casadi.SX.sym("y")
s = 1/(1 + casadi.exp(-x))
z = (x + s)/(s + (x + y)**2)
f = casadi.Function("f", [x, y], [z, casadi.gradient(z, x), casadi.gradient(z, y)])
print(*map(float, f(4, 3)))
"""


def points(formula: Formula, given: Columns) -> Run:
    """One function, mapped over rows."""
    import casadi
    import numpy as np

    from tests.benchmarks.peers._formulas import value

    inputs = {name: casadi.SX.sym(name) for name in given}
    functions = {"sin": casadi.sin, "cos": casadi.cos, "log": casadi.log, "exp": casadi.exp}
    z = value(formula, functions, inputs)
    held = list(inputs.values())
    made = casadi.Function("f", held, [z, *(casadi.gradient(z, each) for each in held)])
    mapped = made.map(len(next(iter(given.values()))))
    rows = [column.reshape(1, -1) for column in given.values()]
    return lambda: [np.asarray(each).ravel() for each in mapped(*rows)]


def graph(family: str, inputs: list[float], size: int) -> list[float]:
    """The gradient as a function, called once."""
    import casadi

    from tests.benchmarks.peers._formulas import large

    held = casadi.SX.sym("x", len(inputs))
    z = large(family, casadi.sin, casadi.vertsplit(held), size)
    return [float(each) for each in casadi.Function("f", [held], [casadi.gradient(z, held)])(inputs).full().ravel()]


POINTS: dict[str, Any] = {"casadi": points}
GRAPHS = {"casadi": graph}
