"""ddx-ad: a graph in C++, compiled by LLVM with the vector functions of libmvec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

PACKAGE = "ddx"

ONE_SHOT = """
import ddx, numpy
def model():
    x, y = ddx.var("x"), ddx.var("y")
    s = 1.0/(1.0 + ddx.exp(-x))
    return (x + s)/(s + (x + y)**2)
value, by = ddx.equation(model).jacobian(numpy.array([[4.0], [3.0]]))
print(*value.ravel(), *by.ravel())
"""


def points(formula: Formula, given: Columns) -> Run:
    """All rows in one call."""
    import ddx
    import numpy as np

    from tests.benchmarks.peers._formulas import value

    functions = {"sin": ddx.sin, "cos": ddx.cos, "log": ddx.log, "exp": ddx.exp}
    equation = ddx.equation(lambda: value(formula, functions, {name: ddx.var(name) for name in given}))
    rows = np.stack(list(given.values()))
    equation.compile(points=rows.shape[1], veclib=ddx.VecLib.LIBMVEC, opt_level=ddx.OptLevel.O3)

    def run() -> list[Any]:
        z, slopes = equation.jacobian(rows)
        return [z, *slopes]

    return run


def graph(family: str, inputs: list[float], size: int) -> list[float]:
    """By its interpreter, for one point."""
    import ddx
    import numpy as np

    from tests.benchmarks.peers._formulas import large

    def model() -> Any:
        return large(family, ddx.sin, [ddx.var(f"x{k}") for k in range(len(inputs))], size)

    _, slopes = ddx.equation(model).jacobian(np.array(inputs)[:, None])
    return [float(each) for each in np.ravel(slopes)]


POINTS = {"ddx-ad, LLVM with libmvec": points}
GRAPHS = {"ddx-ad": graph}
