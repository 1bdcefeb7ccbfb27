"""SymPy: derivatives as expressions, compiled to NumPy with what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "sympy"

ONE_SHOT = """
import sympy
x, y = sympy.symbols("x y")
s = 1/(1 + sympy.exp(-x))
z = (x + s)/(s + (x + y)**2)
for each in z, z.diff(x), z.diff(y):
    print(float(each.subs({x: 4, y: 3})))
"""


def points(formula: Formula, given: Columns) -> Run:
    """Columns of NumPy through `lambdify`."""
    import sympy

    from tests.benchmarks.peers._formulas import value

    inputs = {name: sympy.Symbol(name) for name in given}
    functions = {"sin": sympy.sin, "cos": sympy.cos, "log": sympy.log, "exp": sympy.exp}
    z = value(formula, functions, inputs)
    compiled = sympy.lambdify(
        list(inputs.values()), [z, *(z.diff(each) for each in inputs.values())], "numpy", cse=True
    )
    return lambda: compiled(*given.values())


POINTS = {"sympy, lambdify": points}
