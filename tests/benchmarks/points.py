"""Many points: value and gradient of three formulas, nanoseconds of CPU a point, beside what else is installed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from backpropcli.formula import Formula
from tests.benchmarks import peers
from tests.benchmarks.peers import Columns
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.workers import Worker, turns

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


def columns(formula: Formula, count: int) -> Columns:
    """Points: uniform between -1 and 3; t is 0 or 1."""
    rng = np.random.default_rng(6)
    return {
        name: rng.integers(0, 2, count) * 1.0 if name == "t" else rng.uniform(-1.0, 3.0, count)
        for name in formula.variables
    }


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One row a formula: nanoseconds of CPU a point by way, the middle of some runs that take turns."""
    for name, text in FORMULAS.items():
        workers = {way.name: Worker("POINTS", way, [name, sizes.points]) for way in peers.ways("POINTS")}
        found = turns(workers, 3 * sizes.repeats, _same)
        formula = Formula(text)
        given = columns(formula, sizes.points)
        nanoseconds = {
            way: each if isinstance(each, str) else round(1e9 * each / sizes.points, 2) for way, each in found.items()
        }
        beyond = {way: _memory(formula, given, way) for way in found if way.startswith("backprop")}
        yield {"formula": name, "points": sizes.points, "nanoseconds": nanoseconds, "beyond outputs": beyond}


def sample(outputs: Any) -> list[list[float]]:
    """The first rows of each output; none of what copies alone."""
    return [[float(each) for each in np.ravel(column)[:3]] for column in (() if outputs is None else outputs)]


def _same(samples: dict[str, Any]) -> dict[str, str]:
    """The ways that do not give the numbers of ours."""
    ours = samples["backprop, --engine numpy"]
    return {
        way: "gives other numbers"
        for way, found in samples.items()
        if found and (len(found) != len(ours) or not np.allclose(found, ours, rtol=1e-6, atol=1e-9))
    }


def _memory(formula: Formula, given: Columns, way: str) -> int:
    """The most bytes that are held at once beyond the outputs, as far as Python and NumPy ask for them."""
    run = next(peers.load(each.peer) for each in peers.ways("POINTS") if each.name == way).POINTS[way](formula, given)
    tracemalloc.start()
    outputs = run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - sum(column.nbytes for column in outputs)


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield f"{found[0]['points']:,} points: value and gradient, ns of CPU a point; MiB beyond the outputs"
    yield f"{'':28}" + "".join(f"{row['formula']:>12}" for row in found)
    for way in sorted(found[0]["nanoseconds"], key=lambda way: _order(found[0]["nanoseconds"][way])):
        yield f"{way:28}" + "".join(_cell(row["nanoseconds"][way]) for row in found)
    for way in found[0]["beyond outputs"]:
        yield f"{way + ', MiB':28}" + "".join(f"{row['beyond outputs'][way] / 2**20:>12.2f}" for row in found)
    for ours, peer in _BARS:
        known = [row["nanoseconds"] for row in found]
        if ours in known[0] and peer in known[0]:
            ratios = [_ratio(row[ours], row[peer]) for row in known]
            yield f"{_short(ours) + ' / ' + _short(peer):28}" + "".join(ratios)
    yield "bars: --engine numpy at most 0.6 times jax jit, --engine jit at most 0.6 times ddx-ad"


_BARS = (("backprop, --engine numpy", "jax jit"), ("backprop, --engine jit", "ddx-ad, LLVM with libmvec"))


def _short(way: str) -> str:
    return way.removeprefix("backprop, --engine ").partition(",")[0]


def _ratio(ours: float | str, peer: float | str) -> str:
    return f"{'':12}" if isinstance(ours, str) or isinstance(peer, str) else f"{ours / peer:>12.2f}"


def _order(measured: float | str) -> float:
    return float("inf") if isinstance(measured, str) else measured


def _cell(measured: float | str) -> str:
    return f"  {measured}" if isinstance(measured, str) else f"{measured:>12.1f}"
