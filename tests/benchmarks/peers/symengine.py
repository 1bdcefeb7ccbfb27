"""SymEngine: SymPy's expressions in C++, compiled by its own LLVM where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "symengine"

ONE_SHOT = """
import symengine
x, y = symengine.symbols("x y")
s = 1/(1 + symengine.exp(-x))
z = (x + s)/(s + (x + y)**2)
for each in z, z.diff(x), z.diff(y):
    print(float(each.subs({x: 4, y: 3}).n()))
"""


def points(formula: Formula, given: Columns) -> Run:
    """Rows of NumPy through `Lambdify`."""
    import numpy as np
    import symengine

    from tests.benchmarks.peers._formulas import value

    inputs = {name: symengine.Symbol(name) for name in given}
    functions = {"sin": symengine.sin, "cos": symengine.cos, "log": symengine.log, "exp": symengine.exp}
    z = value(formula, functions, inputs)
    outputs = [z, *(z.diff(each) for each in inputs.values())]
    backend = "llvm" if symengine.have_llvm else "lambda"
    compiled = symengine.Lambdify(list(inputs.values()), outputs, cse=True, backend=backend)
    rows = np.stack(list(given.values()), axis=1)
    return lambda: compiled(rows).T


POINTS = {"symengine, Lambdify": points}
