"""C by gcc: what can be reached."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backpropcli.graph import CONSTANT, VARIABLE, number_of
from backpropcli.passes.lower import Wanted
from backpropcli.programs.quick import quick

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from backpropcli.passes.lower import Program
    from tests.benchmarks.peers import Columns, Run

PROGRAM = "gcc"

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


def points(formula: Formula, given: Columns) -> Run:
    """The program that our engines run, as one loop."""
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
        assert given  # The columns have to outlive this call; their addresses do not keep them.
        rows(inputs, outputs, ctypes.c_long(count))
        return made

    return run


def files(form: str, folder: Path) -> list[str]:
    """rows.c, which does no more than it must, a line at a time."""
    program = folder / "rows"
    source = Path(__file__).parents[1] / "rows.c"
    if not program.exists():
        subprocess.run(["gcc", "-O3", "-march=native", str(source), "-o", str(program), "-lm"], check=True)
    return [str(program), form]


POINTS = {"C, vectorised by gcc": points}
FILES = {"C": files}
