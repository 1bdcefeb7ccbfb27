"""This program, by what it cannot do without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backpropcli.formula import Formula
    from tests.benchmarks.peers import Columns, Run

_MAP = "import sys; from backpropcli.cli import main; sys.exit(main(['map', *sys.argv[1:]]))"


def points(formula: Formula, given: Columns, engine: str = "numpy") -> Run:
    """The engine alone, from columns to columns."""
    from backpropcli.mapping import Mapper

    mapper = Mapper(formula, engine=engine)
    count = len(next(iter(given.values())))
    return lambda: mapper.run(given, count, 1).outputs


def copying(formula: Formula, given: Columns) -> Run:
    """What goes through memory in any case: the columns, and as many columns as there are outputs."""
    import numpy as np

    first = next(iter(given.values()))
    made = [np.empty(len(column)) for column in [*given.values(), first]]

    def run() -> None:
        for target in made:
            np.copyto(target, first)

    return run


def network(p: dict[str, Any]) -> Run:
    """Formula.gradient."""
    from backpropcli.formula import Formula
    from tests.benchmarks.arrays import NETWORK, WEIGHTS

    f = Formula(NETWORK)
    return lambda: list(f.gradient(p, wrt=WEIGHTS).values())


def by_hand(p: dict[str, Any]) -> Run:
    """The network's gradient as one writes it in NumPy."""
    from tests.benchmarks.arrays import by_hand

    return lambda: by_hand(p)


def from_text(family: str, inputs: list[float], size: int) -> list[float]:
    """All of it: the formula read, and then both passes."""
    from backpropcli.algebras.floats import Floats
    from backpropcli.language.program import build, read
    from backpropcli.passes.sweeps import linearize, pull
    from tests.benchmarks.families import FAMILIES

    text, point = FAMILIES[family](size)
    graph = build(read(text, point, max_chars=None), max_nodes=None)
    adjoints = pull(linearize(graph, Floats(), point), 1.0)
    return [float(adjoints[i]) for i in graph.variables.values()]


def files(form: str, folder: Path, before: str = "") -> list[str]:
    """`backprop map`, from standard input to standard output."""
    from tests.benchmarks.points import FORMULAS

    return [sys.executable, "-c", before + _MAP, FORMULAS["seed"], "--from", form, "--quiet"]


def alone(form: str, folder: Path) -> list[str]:
    """Where msgspec is not there."""
    return files(form, folder, "import sys; sys.modules['msgspec'] = None; ")


POINTS = {"memory copy": copying, "backprop, --engine numpy": points}
FILES = {"standard library": alone}
NETWORKS = {"NumPy by hand": by_hand, "backprop, Formula.gradient": network}
GRAPHS = {"backprop, from text": from_text}
