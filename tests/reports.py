"""Reports for the tests of what writes them: a lecture's example and awkward ones by hand, arrays by formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from backpropcli import Formula
from backpropcli.report import Edge, Jacobian, Note, Report, Row, Use, VariableRow

SIGMOID = 1 / (1 + math.exp(-4.0))
LOCAL = SIGMOID * (1 - SIGMOID)
SUM = 4.0 + SIGMOID
BELOW = SIGMOID + 49.0
UP = 1 / BELOW
DOWN = -UP * UP * SUM


def lecture() -> Report:
    """The fourth lecture's example with its steps, at x = 4, y = 3."""
    dz_ds = UP + DOWN
    rows = (
        Row("v1", "s", "sigmoid", "σ(·)", "sigmoid(x)", SIGMOID, dz_ds, True,
            (Edge("x", "x", 4.0, LOCAL, "σ(x)·σ(-x)", dz_ds * LOCAL),),
            (Use("v2", "n", UP), Use("v4", "d", DOWN))),
        Row("v2", "n", "add", "·+·", "x + s", SUM, UP, True,
            (Edge("x", "x", 4.0, 1.0, "1", UP), Edge("v1", "s", SIGMOID, 1.0, "1", UP)),
            (Use("v6", "z", UP),)),
        Row("v3", "q", "power", "(·+·)^2", "(x + y)^2", 49.0, DOWN, True,
            (Edge("x", "x", 4.0, 14.0, "2·(x + y)", 14 * DOWN), Edge("y", "y", 3.0, 14.0, "2·(x + y)", 14 * DOWN)),
            (Use("v4", "d", DOWN),)),
        Row("v4", "d", "add", "·+·", "s + q", BELOW, DOWN, True,
            (Edge("v1", "s", SIGMOID, 1.0, "1", DOWN), Edge("v3", "q", 49.0, 1.0, "1", DOWN)),
            (Use("v5", "r", DOWN),)),
        Row("v5", "r", "reciprocal", "1/·", "1/d", UP, SUM, True,
            (Edge("v4", "d", BELOW, -UP * UP, "-1/d^2", DOWN),),
            (Use("v6", "z", SUM),)),
        Row("v6", "z", "multiply", "·×·", "n*r", SUM * UP, 1.0, True,
            (Edge("v2", "n", SUM, UP, "r", UP), Edge("v5", "r", UP, SUM, "n", SUM)),
            ()),
    )  # fmt: skip
    dz_dx = UP + dz_ds * LOCAL + 14 * DOWN
    variables = (
        VariableRow(
            "x", 4.0, dz_dx, True, (Use("v1", "s", dz_ds * LOCAL), Use("v2", "n", UP), Use("v3", "q", 14 * DOWN))
        ),
        VariableRow("y", 3.0, 14 * DOWN, True, (Use("v3", "q", 14 * DOWN),)),
    )  # fmt: skip
    return Report(
        formula="s = σ(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r",
        reading="s = sigmoid(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r",
        point={"x": 4.0, "y": 3.0},
        output="z",
        value=SUM * UP,
        grad={"x": dz_dx, "y": 14 * DOWN},
        rows=rows,
        variables=variables,
        notes=(),
    )


def forward() -> Report:
    """The lecture's example by forward mode."""
    return tangents()._replace(mode="forward")


def tangents() -> Report:
    """The lecture's example with both passes and the tangents."""
    slopes: dict[str, Mapping[str, float]] = {"x": {"x": 1.0, "y": 0.0}, "y": {"x": 0.0, "y": 1.0}}
    rows = []
    for row in lecture().rows:
        slopes[row.id] = {v: sum((e.partial or 0.0) * slopes[e.source][v] for e in row.inputs) for v in ("x", "y")}
        rows.append(row._replace(tangents=slopes[row.id]))
    return lecture()._replace(rows=tuple(rows), mode="both")


def asked() -> Report:
    """A small report with everything that can be asked for besides."""
    rows = (Row("v1", None, "multiply", "·×·", "x*y", 12.0, 1.0, True,
                (Edge("x", "x", 4.0, 3.0, "y", 3.0), Edge("y", "y", 3.0, 4.0, "x", 4.0)), ()),)  # fmt: skip
    variables = (
        VariableRow("x", 4.0, 3.0, True, (Use("v1", "v1", 3.0),)),
        VariableRow("y", 3.0, 4.0, True, (Use("v1", "v1", 4.0),)),
    )
    extras = {
        "hessian": {"order": ["x", "y"], "matrix": [[0.0, 1.0], [1.0, -1234.5]]},
        "derivatives": [12.0, 3.0, -0.125, 0.0, 1e-300],
        "jvp": 3.5,
        "hvp": {"x": 0.0, "y": 1.0},
        "jacobian": {"x": 3.0, "y": 4.0},
        "partial": {"x,x,y": 0.25},
    }
    return Report(
        "x*y", "x*y", {"x": 4.0, "y": 3.0}, "z", 12.0, {"x": 3.0, "y": 4.0}, rows, variables, (), extras=extras
    )


def outputs() -> Report:
    """Two outputs: values, a Jacobian and no adjoints."""
    rows = (
        Row(
            "v1", "p", "sin", "sin(·)", "sin(t)", 1e-300, None, True, (Edge("t", "t", 1e-300, 1.0, "cos(t)", None),), ()
        ),
        Row("v2", "q", "exp", "exp(·)", "exp(t)", 1.0, None, True, (Edge("t", "t", 1e-300, 1.0, "q", None),), ()),
    )
    value = {"p": 1e-300, "q": 1.0}
    notes = (Note("note", None, "outputs", "several outputs: --jacobian has their derivatives"),)
    variables = (VariableRow("t", 1e-300, None, True, ()),)
    formula, extras = "p = sin(t); q = exp(t)", {"jacobian": {"t": [1.0, 1.0]}}
    return Report(formula, formula, {"t": 1e-300}, "p, q", value, None, rows, variables, notes, extras=extras)


def branch() -> Report:
    """An arm that is not taken, an input that is not differentiated, a slope that is infinite, and the notes."""
    rows = (
        Row("v1", None, "log", "log(·)", "log(x)", math.nan, 0.0, False,
            (Edge("x", "x", -0.0, math.inf, "1/x", 0.0),), (Use("v3", "v3", 0.0),)),
        Row("v2", None, "sqrt", "√·", "sqrt(x)", 0.0, 1.0, True,
            (Edge("x", "x", -0.0, math.inf, "1/(2·√x)", math.inf),), (Use("v3", "v3", 1.0),)),
        Row("v3", None, "if", "if(·, ·, ·)", "if(c, v1, v2)", 0.0, 1.0, True,
            (Edge("c", "c", 0.0, None, None, None), Edge("v1", "v1", math.nan, 0.0, None, 0.0),
             Edge("v2", "v2", 0.0, 1.0, None, 1.0)), ()),
    )  # fmt: skip
    variables = (
        VariableRow("c", 0.0, None, True, ()),
        VariableRow("x", -0.0, math.inf, True, (Use("v1", "v1", 0.0), Use("v2", "v2", math.inf))),
        VariableRow("w", 2.0, 0.0, False, ()),
    )
    notes = (
        Note("warning", "v2", "unbounded", "the slope of sqrt(x) is infinite at x = 0", None, (math.nan, math.inf)),
        Note("note", "v3", "jump", "if(c, a, b) jumps at c = 0; only the taken arm counts", "taken arm"),
    )
    formula, point = "if(c, log(x), sqrt(x))", {"c": 0.0, "x": -0.0, "w": 2.0}
    return Report(formula, formula, point, "z", 0.0, {"x": math.inf, "w": 0.0}, rows, variables, notes)


def chain(length: int) -> Report:
    """A long chain of sines, v1 to v<length>."""
    rows = tuple(
        Row(f"v{i}", None, "sin", "sin(·)", f"sin({'x' if i == 1 else f'v{i - 1}'})", 0.5 / i, 1.0 / i, True,
            (Edge("x" if i == 1 else f"v{i - 1}", "x" if i == 1 else f"v{i - 1}", 0.5, 0.25, "cos(x)", 0.25 / i),),
            (Use(f"v{i + 1}", f"v{i + 1}", 1.0 / i),) if i < length else ())
        for i in range(1, length + 1)
    )  # fmt: skip
    variables = (VariableRow("x", 0.5, 0.25, True, (Use("v1", "v1", 0.25),)),)
    reading = "sin(" * length + "x" + ")" * length
    return Report(reading, reading, {"x": 0.5}, "z", 0.5 / length, {"x": 0.25}, rows, variables, ())


def curved(count: int) -> Report:
    """Many variables, their tangents and their Hessian: tables wider than any page."""
    names = [f"w_{i}" for i in range(count)]
    edges = tuple(Edge(name, name, 1.0, i / 7, f"2·{name}", i / 7) for i, name in enumerate(names))
    tangents = {name: i / 7 for i, name in enumerate(names)}
    rows = (Row("v1", "f", "call", "f(·)", "f(w)", 2.5, 1.0, True, edges, (), tangents),)
    matrix = [[(i + 1) / (j + 3) for j in range(count)] for i in range(count)]
    extras = {"hessian": {"order": names, "matrix": matrix}}
    variables = tuple(VariableRow(name, 1.0, tangents[name], True, (Use("v1", "f", tangents[name]),)) for name in names)
    point = dict.fromkeys(names, 1.0)
    return Report("f(w)", "f(w)", point, "f", 2.5, tangents, rows, variables, (), mode="forward", extras=extras)


def named(name: str, number: float) -> Report:
    """A small report in which everything that the user writes is this name, and every number this one."""
    edges = (Edge(name, name, number, number, name, number), Edge("x", "x", number, None, None, None))
    rows = (Row("v1", name, name, name, name, number, number, True, edges, (Use("v2", name, number),) * 2),)
    variables = (VariableRow(name, number, number, True, (Use("v1", name, number),)),)
    notes = (Note("note", "v1", "kink", name, name, (number, number)),)
    extras = {"hvp": {name: number}, "hessian": {"order": [name], "matrix": [[number]]}, "partial": {name: number}}
    return Report(name, name, {name: number}, name, number, {name: number}, rows, variables, notes, "both", extras)


def wide(count: int) -> Report:
    """One node with many inputs, and a variable with many uses."""
    names = [f"x_{i}" for i in range(count)]
    edges = tuple(Edge(name, name, float(i), 1.0, "1", 1.0) for i, name in enumerate(names))
    rows = (Row("v1", None, "sum", "Σ·", " + ".join(names), float(count), 1.0, True, edges, ()),)
    uses = tuple(Use("v1", "v1", 1.0) for _ in names)
    variables = (VariableRow("x_0", 0.0, float(count), True, uses),)
    point = {name: float(i) for i, name in enumerate(names)}
    return Report("sum", "sum", point, "z", float(count), dict.fromkeys(names, 1.0), rows, variables, ())


LAYER = "h = sigmoid(W @ x + b); 1/2*sum((h - y)^2)"
LAYER_POINT = {"W": [[0.2, -0.4], [0.7, 0.1]], "x": [1.0, -2.0], "b": [0.1, -0.2], "y": [0.3, 0.9]}


def layer() -> Report:
    """A layer with its loss."""
    return Formula(LAYER).at(LAYER_POINT)


def layer_asked() -> Report:
    """The same with everything that can be asked for besides, by both modes, in LaTeX too."""
    direction = {"x": [1.0, 0.0], "W": [[0.0, 1.0], [0.0, 0.0]]}
    return Formula(LAYER).at(
        LAYER_POINT, mode="both", jacobian=True, hessian=True, hvp=direction, jvp=direction, latex=True
    )


def layer_steps() -> Report:
    """A layer in steps: an output that is an array, pulled from a seed."""
    formula = Formula("a = W @ x; h = tanh(a + b)")
    point = {"W": [[0.21, -0.43, 5 / 9], [0.723, 0.1, -1.25]], "x": [1.123, -2.5, 1 / 3], "b": [0.1, -0.2]}
    return formula.at(point, nodes="steps", vjp=[1.0, -0.5], jacobian=True)


def softmax() -> Report:
    """Probabilities of three classes and the cross-entropy of the second."""
    point = {"W": [[0.2, -0.4], [0.7, 0.1], [0.0, 1.0]], "x": [1.0, -2.0], "t": [0.0, 1.0, 0.0]}
    return Formula("z = W @ x; p = softmax(z); L = -sum(t*log(p))").at(point)


def batch() -> Report:
    """Rows of a batch with a bias that is repeated, several outputs, and entries that are not finite."""
    point = {"X": [[1.0, 2.0], [3.0, 0.0], [5.0, 6.0]], "W": [[0.1, 0.2], [0.3, 0.4]], "b": [0.5, -0.5]}
    return Formula("Y = log(X) @ W + b; s = sum(b*X[0])").at(point, jacobian=True, ieee=True)


def long_arrays() -> Report:
    """Arrays that are too long to be written out, of up to four axes."""
    ramp = [k / 7 - 3 for k in range(24)]
    box = [[[ramp[0:2], ramp[2:4]]] * 2] * 3
    return Formula("sum(A)*sum(x^2) + mean(M) + sum(x, axis=0)*x[3]").at(
        A=box, x=ramp, M=[ramp[:12], ramp[12:]], wrt=["A", "x"]
    )


def named_array(name: str, number: float) -> Report:
    """A small report of arrays in which everything that the user writes is this name, and every number this one."""
    matrix = [[number, 0.5], [0.25, number]]
    edges = (
        Edge(name, name, matrix, Jacobian((2, 2, 2), f"I ⊗ {name}'", None), f"dz/do @ {name}ᵀ", matrix),
        Edge(name, name, [number, 0.5], Jacobian((2, 2), name, matrix), f"{name}ᵀ @ dz/do", [number, 0.5]),
        Edge(name, name, [number, 0.5], Jacobian((2, 2), "diag", [[number, 0.0], [0.0, 0.5]]), name, [number, 0.5]),
    )
    rows = (Row("v1", name, "matvec", name, name, [number, 0.5], [1.0, number], True, edges, (), {name: matrix}),)
    variables = (VariableRow(name, matrix, matrix, True, (Use("v1", name, matrix),)),)
    extras = {"hvp": {name: matrix}, "jacobian": {name: matrix}}
    value = [number, 0.5]
    return Report(name, name, {name: matrix[0]}, name, value, {name: matrix}, rows, variables, (), "both", extras)


REPORTS: Mapping[str, Callable[[], Report]] = {
    "lecture": lecture,
    "forward": forward,
    "tangents": tangents,
    "asked": asked,
    "outputs": outputs,
    "branch": branch,
    "chain": lambda: chain(1000),
    "curved": lambda: curved(9),
    "wide": lambda: wide(1000),
    "layer": layer,
    "layer_asked": layer_asked,
    "layer_steps": layer_steps,
    "softmax": softmax,
    "batch": batch,
    "long_arrays": long_arrays,
    "named_array": lambda: named_array("W_1", -1.2345e-300),
}
