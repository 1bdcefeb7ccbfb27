"""Many points: value and gradient of three formulas, nanoseconds of CPU a point, beside what else is installed."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backpropcli.algebras.algebra import fold
from backpropcli.formula import Formula
from backpropcli.graph import CONSTANT, VARIABLE, number_of
from backpropcli.mapping import Mapper
from backpropcli.passes.lower import Program, Wanted
from backpropcli.programs.quick import quick

_HIDDEN = (
    (-0.5285, -1.0475, 0.4528, -0.1991),
    (-1.2827, 0.1076, -0.4029, -1.2904),
    (-1.326, 0.0223, -1.3875, -1.2279),
)
_NET = "+".join(f"{v}*sigmoid({a}*x+{b}*y+{c})" for a, b, c, v in _HIDDEN) + "+-0.2264"

# One term each: the factor, the argument of the sine and that of the cosine, and the variable that is squared; then the
# term that follows it.
_LONG = """
1.391*sin(0.816*x+z)*cos(0.955*y-0.987)*x^2 + 1.381*x^3*z/(1+y^2) + 0.449*sin(1.132*y+z)*cos(0.903*x-0.915)*y^2
+ 0.716*y^3*z/(1+x^2) + 1.328*sin(0.880*x+z)*cos(1.164*y-1.073)*x^2 + 0.283*x^3*z/(1+y^2)
+ 1.214*sin(1.271*z+x)*cos(0.550*y-0.973)*z^2 + 1.396*z^3*x/(1+y^2) + 1.147*sin(0.950*y+z)*cos(1.453*x-0.374)*y^2
+ 0.675*y^3*z/(1+x^2) + 0.482*sin(1.455*x+z)*cos(0.767*y-1.015)*x^2 + 0.591*x^3*z/(1+y^2)
+ 0.894*sin(0.730*z+y)*cos(0.502*x-0.638)*z^2 + 1.390*z^3*y/(1+x^2) + 1.108*sin(0.624*x+y)*cos(0.904*z-0.944)*x^2
+ 0.335*x^3*y/(1+z^2) + 0.570*sin(0.282*z+x)*cos(1.310*y-1.487)*z^2 + 0.315*z^3*x/(1+y^2)
+ 0.226*sin(0.755*x+y)*cos(0.740*z-0.355)*x^2 + 0.986*x^3*y/(1+z^2)
"""

FORMULAS = {
    "seed": "(x+sigmoid(x))/(sigmoid(x)+(x+y)^2)",
    "net": f"-(t*log(sigmoid({_NET}))+(1-t)*log(1-sigmoid({_NET})))",
    "long": " ".join(_LONG.split()),
}
"""The headline of the README; a network of three sigmoids with its cross-entropy; twenty sines and cosines."""

Columns = dict[str, Any]
Run = Callable[[], Any]


def columns(formula: Formula, count: int) -> Columns:
    """Points: uniform between -1 and 3; t is 0 or 1."""
    rng = np.random.default_rng(6)
    return {
        name: rng.integers(0, 2, count) * 1.0 if name == "t" else rng.uniform(-1.0, 3.0, count)
        for name in formula.variables
    }


def _copying(formula: Formula, given: Columns) -> Run:
    """What goes through memory in any case: the columns, and as many columns as there are outputs."""
    made = [np.empty(len(column)) for column in [*given.values(), next(iter(given.values()))]]
    first = next(iter(given.values()))

    def run() -> None:
        for target in made:
            np.copyto(target, first)

    return run


def _ours(engine: str) -> Callable[[Formula, Columns], Run]:
    def prepare(formula: Formula, given: Columns) -> Run:
        mapper = Mapper(formula, engine=engine)
        count = len(next(iter(given.values())))
        return lambda: mapper.run(given, count, 1)

    return prepare


class _Peer:
    """A peer's functions, by the names of ours."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def constant(self, number: Any) -> Any:
        return number

    def function(self, op: str, count: int) -> Callable[..., Any]:
        return self._functions[op]


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
}


def _value(formula: Formula, functions: dict[str, Callable[..., Any]], inputs: dict[str, Any]) -> Any:
    graph = formula._graph("gates")
    return fold(graph, _Peer({**_ARITHMETIC, **functions}), inputs)[graph.outputs[0]]


def _jax(formula: Formula, given: Columns) -> Run:
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    functions = {"sin": jnp.sin, "cos": jnp.cos, "log": jnp.log, "sigmoid": jax.nn.sigmoid, "pow": lambda a, b: a**b}
    names = list(given)
    function = jax.value_and_grad(
        lambda *values: _value(formula, functions, dict(zip(names, values, strict=True))),
        argnums=tuple(range(len(names))),
    )
    compiled = jax.jit(jax.vmap(function))
    # From NumPy's columns to NumPy's columns, as all others.
    return lambda: [np.asarray(column) for column in jax.tree.leaves(compiled(*given.values()))]


def _ddx(formula: Formula, given: Columns) -> Run:
    import ddx

    def model() -> Any:
        inputs = {name: ddx.var(name) for name in given}
        functions = {
            "sin": ddx.sin,
            "cos": ddx.cos,
            "log": ddx.log,
            "sigmoid": lambda a: 1.0 / (1.0 + ddx.exp(-a)),
            "pow": lambda a, b: a**b,
        }
        return _value(formula, functions, inputs)

    equation = ddx.equation(model)
    points = np.stack(list(given.values()))
    equation.compile(points=points.shape[1], veclib=ddx.VecLib.LIBMVEC, opt_level=ddx.OptLevel.O3)
    return lambda: equation.jacobian(points)


_C = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_C_RELATIONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _in_c(program: Program) -> str:
    """The program as a loop in C; the compiler makes vectors of it."""
    lines = []
    for i, (op, args, attribute) in enumerate(program.nodes):
        held = [f"v{j}" for j in args]
        if op == VARIABLE:
            made = f"in[{program.columns.index(str(attribute))}][k]"
        elif op == CONSTANT:
            made = float(number_of(attribute)).hex()
        elif op in _C:
            made = f"{held[0]} {_C[op]} {held[1]}"
        elif op in _C_RELATIONS:
            made = f"{held[0]} {_C_RELATIONS[op]} {held[1]}"
        elif op == "if":
            made = f"{held[0]} != 0 ? {held[1]} : {held[2]}"
        else:
            made = f"{ {'neg': '-', 'abs': 'fabs'}.get(op, op) }({', '.join(held)})"
        lines.append(f"    const double v{i} = {made};")
    lines += [f"    out[{k}][k] = v{i};" for k, i in enumerate(program.outputs)]
    body = "\n".join(lines)
    return (
        "#include <math.h>\n"
        "void rows(const double *restrict const *restrict in, double *restrict const *restrict out, long count) {\n"
        f"  for (long k = 0; k < count; k++) {{\n{body}\n  }}\n}}\n"
    )


def _c(formula: Formula, given: Columns) -> Run:
    names = list(given)
    program = formula.lowered(names, {}, names, Wanted())
    assert program is not None
    program = quick(program)
    count = len(next(iter(given.values())))
    made = [np.empty(count) for _ in program.outputs]
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "rows.c", Path(folder) / "rows.so"
        source.write_text(_in_c(program), encoding="utf-8")
        options = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run(["gcc", *options, str(source), "-o", str(library), "-lm"], check=True)
        rows = ctypes.CDLL(str(library)).rows
    inputs = (ctypes.c_void_p * len(program.columns))(*[given[name].ctypes.data for name in program.columns])
    outputs = (ctypes.c_void_p * len(made))(*[column.ctypes.data for column in made])

    def run() -> list[Any]:
        rows(inputs, outputs, ctypes.c_long(count))
        return made

    return run


WAYS: dict[str, tuple[Callable[[Formula, Columns], Run], str | None]] = {
    "memory copy": (_copying, None),
    "C, vectorised by gcc": (_c, "gcc"),
    "jax jit": (_jax, "jax"),
    "ddx-ad, LLVM with libmvec": (_ddx, "ddx"),
    "backprop, --engine jit": (_ours("jit"), "llvmlite"),
    "backprop, --engine numpy": (_ours("numpy"), None),
}
"""How rows are computed, and what has to be there for it: a program or a package."""


def installed() -> list[str]:
    """The ways that can be measured here."""
    return [
        way
        for way, (_, needs) in WAYS.items()
        if needs is None or shutil.which(needs) or (needs != "gcc" and importlib.util.find_spec(needs))
    ]


def rows(count: int, repeats: int = 5) -> Iterator[dict[str, Any]]:
    """One row a formula: nanoseconds of CPU a point by way, the least of some runs that take turns."""
    for name, text in FORMULAS.items():
        formula = Formula(text)
        given = columns(formula, count)
        runs = {way: WAYS[way][0](formula, given) for way in installed()}
        best = dict.fromkeys(runs, float("inf"))
        for run in runs.values():
            run()
        for _ in range(repeats):
            for way, run in runs.items():
                began = time.process_time()
                run()
                best[way] = min(best[way], time.process_time() - began)
        found = {way: round(1e9 * seconds / count, 2) for way, seconds in best.items()}
        yield {
            "formula": name,
            "nanoseconds": found,
            "beyond outputs": {way: _memory(formula, given, way) for way in runs if way.startswith("backprop")},
        }


def _memory(formula: Formula, given: Columns, way: str) -> int:
    """The most bytes that are held at once beyond the outputs, as far as Python and NumPy ask for them."""
    run = WAYS[way][0](formula, given)
    tracemalloc.start()
    mapped = run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - sum(column.nbytes for column in mapped.outputs)


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield "Many points: value and gradient, ns of CPU a point; MiB beyond the outputs"
    yield f"{'':28}" + "".join(f"{row['formula']:>12}" for row in found)
    for way in found[0]["nanoseconds"]:
        yield f"{way:28}" + "".join(f"{row['nanoseconds'][way]:>12.1f}" for row in found)
    for way in found[0]["beyond outputs"]:
        yield f"{way + ', MiB':28}" + "".join(f"{row['beyond outputs'][way] / 2**20:>12.2f}" for row in found)
