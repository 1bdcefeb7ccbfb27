"""What each phase of an evaluation costs, and how it grows."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.formula import Formula
from backpropcli.language.program import build, read
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.rendering import Style, renderer
from tests.benchmarks.families import FAMILIES
from tests.benchmarks.sizes import Sizes

STYLE = Style(width=None, color=False, digits=None, unicode=True, only=None)
PHASES = ("parse", "build", "value", "forward", "reverse", "report", "json")
"""`value` is values alone; `forward` values with local derivatives; `report` the whole of Formula.at."""


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The least CPU time of some runs, and what the last gave."""
    best, made = float("inf"), None
    for _ in range(repeats):
        made = None
        gc.collect()
        began = time.process_time()
        made = work()
        best = min(best, time.process_time() - began)
    return best, made


def phases(family: str, size: int) -> dict[str, Any]:
    """Seconds of CPU by phase, for one formula."""
    text, point = FAMILIES[family](size)
    repeats = 5 if size <= 1_000 else 3 if size <= 10_000 else 2 if size <= 100_000 else 1
    seconds: dict[str, float] = {}
    seconds["parse"], program = timed(lambda: read(text, point, max_chars=None), repeats)
    seconds["build"], graph = timed(lambda: build(program, max_nodes=None), repeats)
    floats = Floats()
    seconds["value"], _ = timed(lambda: fold(graph, floats, point), repeats)
    seconds["forward"], trace = timed(lambda: linearize(graph, floats, point), repeats)
    seconds["reverse"], _ = timed(lambda: pull(trace, 1.0), repeats)
    formula = Formula(text, variables=point, max_chars=None, max_nodes=None)
    seconds["report"], report = timed(lambda: formula.at(point), repeats)
    seconds["json"], _ = timed(lambda: sum(map(len, renderer("json").render(report, STYLE))), repeats)
    nodes = len(graph.nodes)
    return {
        "family": family,
        "nodes": nodes,
        "seconds": {name: round(seconds[name], 6) for name in PHASES},
        "reverse/forward": round(seconds["reverse"] / seconds["forward"], 3),
        "gradient/value": round((seconds["forward"] + seconds["reverse"]) / seconds["value"], 3),
        "us/node": round(1e6 * sum(seconds[name] for name in ("parse", "build", "report", "json")) / nodes, 2),
    }


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One measurement after the other; with each its growth over the one before: time a node, 1 is linear."""
    gc.set_threshold(100_000, *gc.get_threshold()[1:])  # As the command does.
    for family in sizes.families:
        before: dict[str, Any] | None = None
        for size in sizes.nodes:
            found = phases(family, size)
            found["growth"] = None if before is None else round(found["us/node"] / before["us/node"], 2)
            before = found
            yield found


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield "Seconds of CPU by phase; reverse/forward is to be at most 3, growth (time a node over the row above) near 1"
    yield (
        f"{'family':8}{'nodes':>9}"
        + "".join(f"{name:>9}" for name in PHASES)
        + (f"{'rev/fwd':>9}{'grad/val':>9}{'us/node':>9}{'growth':>8}")
    )
    for row in found:
        yield (
            f"{row['family']:8}{row['nodes']:>9,}"
            + "".join(f"{row['seconds'][name]:>9.4f}" for name in PHASES)
            + f"{row['reverse/forward']:>9.2f}{row['gradient/value']:>9.2f}{row['us/node']:>9.1f}"
            + (f"{row['growth']:>8.2f}" if row["growth"] is not None else f"{'':>8}")
        )
