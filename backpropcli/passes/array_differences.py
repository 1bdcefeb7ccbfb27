"""The derivatives by the entries of arrays, held against differences of values, as those by numbers are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras.arrays import Arrays
from backpropcli.graph import STEP
from backpropcli.passes.entries import dense
from backpropcli.passes.evaluate import dims_of
from backpropcli.passes.finite_differences import CONVENTIONS, Comparison, compared
from backpropcli.passes.products import pushed
from backpropcli.passes.rounding import EPS, TINY, ulps
from backpropcli.passes.sweeps import Trace, linearize, pull
from backpropcli.records import NamedTuple

Array = Any

MOST = 1_000
"""Entries that are compared; of more, as many, evenly spread."""

AGREE = 1e-4
"""How far the map of one operation may be from its differences, relative to them."""


class Compared(NamedTuple):
    """The comparisons, and how many entries are left out."""

    comparisons: list[Comparison]
    left_out: int


def finite_differences(trace: Trace[Any], names: Sequence[str], special: Collection[tuple[int, str]] = ()) -> Compared:
    """A comparison for every entry that is differentiated by, named `W[0,1]`; at most `MOST` of them.

    `names` are how messages call the nodes, `special` the nodes and kinds of the notes about this point.
    """
    adjoints = pull(trace, 1.0)
    entries = []
    for name, i in trace.graph.variables.items():
        if trace.active[i]:
            entries += [(name, i, place) for place in np.ndindex(*dims_of(trace.values[i]))]
    chosen = entries
    if len(entries) > MOST:
        chosen = [entries[k * len(entries) // MOST] for k in range(MOST)]
    found = []
    for name, i, place in chosen:
        line = EntryLine(trace, name, place, adjoints)
        ad = float(dense(adjoints[i], dims_of(trace.values[i]))[place])
        kinds = [kind for node, kind in special if node in line.dependents and kind in CONVENTIONS]
        found.append(compared(line, ad, kinds, lambda line, ad, noise: _culprit(line, ad, noise, names)))
    return Compared(found, len(entries) - len(chosen))


class EntryLine:
    """The formula as a function of one entry of a variable: what `Line` is for a number."""

    def __init__(self, trace: Trace[Any], variable: str, place: tuple[int, ...], adjoints: Sequence[Any]) -> None:
        graph = trace.graph
        self.trace = trace
        self.variable = variable
        self.entry = place
        self.name = f"{variable}[{','.join([str(k) for k in place])}]" if place else variable
        self.place = graph.variables[variable]
        self.output = graph.outputs[0]
        self.start = float(np.asarray(trace.values[self.place])[place])
        self.here = float(trace.values[self.output])
        self.adjoints = adjoints
        moves = [False] * len(graph.nodes)
        moves[self.place] = True
        self.program: list[tuple[int, Any, tuple[int, ...]]] = []
        for i, (op, args, _) in enumerate(graph.nodes):
            if args and any([moves[j] for j in args]):
                moves[i] = True
                self.program.append((i, _same if op == STEP else Arrays.function(op, len(args)), args))
        self.dependents = frozenset([i for i, moved in enumerate(moves) if moved])
        self._values = {self.start: self.here}
        noise = self._rounding(trace.values)
        self._noise = noise if math.isfinite(noise) else EPS * abs(self.here)

    def unit(self) -> Array:
        """The direction that moves this entry alone."""
        if not self.entry:
            return np.float64(1.0)
        unit = np.zeros(dims_of(self.trace.values[self.place]))
        unit[self.entry] = 1.0
        return unit

    def registers(self, x: float) -> list[Any]:
        """The value of every node where the entry is x."""
        registers = list(self.trace.values)
        moved = np.array(registers[self.place], dtype=float)
        moved[self.entry] = x
        registers[self.place] = moved if self.entry else np.float64(x)
        for i, function, args in self.program:
            registers[i] = function(*[registers[j] for j in args])
        return registers

    def value(self, x: float) -> float:
        """The formula's value where the entry is x; nan or inf outside of its domain."""
        if x not in self._values:
            self._values[x] = float(self.registers(x)[self.output])
        return self._values[x]

    def noise(self, x: float) -> float:
        """How far rounding, in the nodes that move, may have moved the value; that of the point itself serves."""
        return self._noise

    def derivative(self, x: float) -> float | None:
        """The derivative where the entry is x; None where there is none."""
        graph = self.trace.graph
        registers = self.registers(x)
        point = {name: registers[i] for name, i in graph.variables.items()}
        adjoint = pull(linearize(graph, Arrays(), point, (self.variable,)), 1.0)[self.place]
        found = float(dense(adjoint, dims_of(registers[self.place]))[self.entry])
        return found if math.isfinite(found) else None

    def weight(self) -> float:
        """The sizes of what comes back to the variable's entry, added up."""
        total = 0.0
        dims = dims_of(self.trace.values[self.place])
        for i, args in [(i, args) for i, _, args in self.program if self.place in args]:
            for j, partial in zip(args, self.trace.partials[i], strict=True):
                if j == self.place and partial is not None and self.adjoints[i] is not None:
                    carried = self.trace.algebra.pull(self.adjoints[i], partial)
                    total += abs(float(dense(carried, dims)[self.entry]))
        return total

    def slope_noise(self) -> float:
        """How far rounding may have moved the derivative: some units of every product on the way."""
        total = 8 * EPS * self.weight() * math.sqrt(len(self.program) + 1)
        return math.inf if math.isnan(total) else total

    def _rounding(self, values: Sequence[Any]) -> float:
        total = 0.0
        for i, _, _ in self.program:
            op = self.trace.graph.nodes[i].op
            adjoint = self.adjoints[i]
            if adjoint is None or op == STEP:
                continue
            # A sum of many rounds about as the root of its number does; a product of matrices likewise.
            entry = primitives.TABLE[op]
            units = 2.0 if entry.array else ulps(op)
            sizes = np.abs(dense(adjoint, dims_of(values[i]))) * (units * EPS * np.abs(values[i]) + TINY)
            total += float(np.sqrt(np.sum(sizes**2))) + float(np.max(sizes, initial=0.0))
        return math.inf if math.isnan(total) else total


def _same(x: Array) -> Array:
    return x


def _culprit(line: Any, ad: float, noise: float, names: Sequence[str]) -> str | None:
    """The operation whose differences its rule contradicts, or the sweeps where they contradict each other."""
    trace = line.trace
    moved = pushed(trace, {line.variable: line.unit()})
    forward = float(dense(moved[line.output], ()))
    if math.isfinite(forward) and not abs(forward - ad) <= 1e-6 * max(abs(forward), abs(ad)) + 8 * noise:
        return f"the forward sweep gives {forward:.6g}, and the backward sweep {ad:.6g}"
    step = 1e-6 * max(abs(line.start), 1.0)
    for i, function, args in line.program:
        # The operation alone, its arguments moved as they move along the entry.
        tangents = [dense(moved[j], dims_of(trace.values[j])) for j in args]
        ends = []
        for sign in (1.0, -1.0):
            inputs = [
                trace.values[j] + sign * step * tangent if moved[j] is not None else trace.values[j]
                for j, tangent in zip(args, tangents, strict=True)
            ]
            ends.append(function(*inputs))
        slope = (ends[0] - ends[1]) / (2 * step)
        own = dense(moved[i], dims_of(trace.values[i]))
        size = np.max(np.abs(slope), initial=0.0)
        apart = np.max(np.abs(slope - own), initial=0.0)
        if np.isfinite(apart) and apart > AGREE * max(size, float(np.max(np.abs(own), initial=0.0))) + 1e-9:
            return f"the rule of {trace.graph.nodes[i].op} disagrees with differences at {names[i]}"
    return None
