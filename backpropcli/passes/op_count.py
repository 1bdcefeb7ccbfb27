"""What a value and its gradient cost: operations and numbers held, by each of the ways to a gradient, and the time.

The cheap gradient principle: by reverse mode the gradient costs a few times the value, however many variables there are
(Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 4). An operation is one operation of the table on one
number; a rule counts as its text does, a local derivative that is 1 or -1 costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.costs import Work, applied, work_of
from backpropcli.algebras.shapes import Shape, Shapes
from backpropcli.graph import CONSTANT, STEP, Graph, literal_of
from backpropcli.passes.evaluate import Setting, Value
from backpropcli.passes.sweeps import linearize, pull, push
from backpropcli.records import NamedTuple

BOUND = 5.0
"""How many values a gradient by reverse mode costs at most, by the principle."""

SECONDS = 0.2
"""How long each way is measured, at most, once it has run."""
RUNS = 25
"""The most that a way is run; the time is the median."""


class Way(NamedTuple):
    """One way to a value or a gradient, and what it costs."""

    way: str
    """value, reverse, forward, finite_differences."""
    operations: int
    products: int
    """How many of them are products or quotients, which the principle's sharper form counts."""
    numbers: int
    """How many numbers are held at once."""
    seconds: float
    """Measured here; of a way with many like sweeps, from as many as the time allowed."""


def op_count(scene: Setting, point: Mapping[str, Value], wrt: Sequence[str]) -> dict[str, Any]:
    """The ways with their costs, and how many values a gradient by reverse mode costs."""
    counted = _Counted(scene, wrt)
    timed = _timed(scene, scene.inputs(point), wrt, counted)
    ways = [
        Way(name, round(work.operations), round(work.products), numbers, timed[name])
        for name, work, numbers in counted.ways()
    ]
    value, reverse = ways[0].operations, ways[1].operations
    return {
        "inputs": counted.inputs,
        "outputs": counted.outputs,
        "ways": [way._asdict() for way in ways],
        "ratio": reverse / value if value else 0.0,
        "bound": BOUND * counted.outputs,
    }


class _Counted:
    """The work of the sweeps over a graph of known shapes."""

    def __init__(self, scene: Setting, wrt: Sequence[str]) -> None:
        graph = scene.graph
        self.graph = graph
        self.active = graph.active(wrt)
        self.shapes = self._shapes(scene)
        self.inputs = sum([self.shapes[i].size for name, i in graph.variables.items() if name in set(wrt)])
        self.outputs = sum([self.shapes[i].size for i in graph.outputs])
        self.value = self.partials = self.push = self.pull = Work()
        self.held = 0
        """Numbers in local derivatives."""
        pulled = [0] * len(graph.nodes)
        for i, (op, args, _) in enumerate(graph.nodes):
            if not args or op == STEP:
                continue
            own = [self.shapes[j] for j in args]
            self.value = self.value.plus(applied(op, own, self.shapes[i]))
            moved = 0
            for k, j in enumerate(args):
                if not self.active[j]:
                    continue
                if self._edge(i, k, own):
                    moved += 1
                    pulled[j] += 1
            # The first contribution is taken over, every other one added.
            self.push = self.push.plus(Work(max(moved - 1, 0) * self.shapes[i].size))
        for i, count in enumerate(pulled):
            self.pull = self.pull.plus(Work(max(count - 1, 0) * self.shapes[i].size))

    @staticmethod
    def _shapes(scene: Setting) -> list[Shape]:
        graph, algebra = scene.graph, Shapes()
        variables = {name: Shape(scene.dims_of(i)) for name, i in graph.variables.items()}
        return fold(graph, algebra, variables)

    def _edge(self, i: int, k: int, own: Sequence[Shape]) -> bool:
        """Add the work on one edge; whether there is a derivative along it."""
        op, args, _ = self.graph.nodes[i]
        entry = primitives.TABLE[op]
        count = len(args)
        names = (*rules.arguments(entry, count), rules.RESULT)
        inputs = dict(zip(names, [*own, self.shapes[i]], strict=True))
        if entry.array:
            against, along = rules.pulled(op, k, count), rules.pushed(op, k, count)
            if against is None or along is None:
                return False
            self.pull = self.pull.plus(work_of(against, {**inputs, rules.ADJOINT: self.shapes[i]})[1])
            self.push = self.push.plus(work_of(along, {**inputs, rules.TANGENT: own[k]})[1])
            return True
        rule = rules.partial(op, k, count)
        if rule is None:
            return False
        shape, work = work_of(rule, inputs)
        self.partials = self.partials.plus(work)
        if _is_one(rule):
            return True
        self.held += shape.size
        size = self.shapes[i].size
        self.pull = self.pull.plus(Work(size, size))
        self.push = self.push.plus(Work(size, size))
        return True

    def ways(self) -> list[tuple[str, Work, int]]:
        """Every way with its work, and how many numbers it holds at once."""
        values = sum([shape.size for shape in self.shapes])
        live = self._live()
        linearized = self.value.plus(self.partials)
        return [
            ("value", self.value, live),
            ("reverse", linearized.plus(self.pull.times(self.outputs)), values + self.held + live),
            ("forward", linearized.plus(self.push.times(self.inputs)), 2 * live),
            ("finite_differences", self.value.times(2 * self.inputs), live),
        ]

    def _live(self) -> int:
        """The most numbers that are still to be used at any moment of a forward sweep."""
        last = list(range(len(self.shapes)))
        for i, node in enumerate(self.graph.nodes):
            for j in node.args:
                last[j] = i
        for i in self.graph.outputs:
            last[i] = len(self.shapes)
        ends: dict[int, int] = {}
        most = now = 0
        for i, shape in enumerate(self.shapes):
            now += shape.size
            most = max(most, now)
            ends[last[i]] = ends.get(last[i], 0) + shape.size
            now -= ends.pop(i, 0)
        return most


def _is_one(rule: Graph) -> bool:
    """Whether a local derivative is 1 or -1 whatever the point is."""
    op, args, attribute = rule.nodes[rule.outputs[0]]
    return op == CONSTANT and literal_of(attribute) in (1.0, -1.0) and not args


def _timed(scene: Setting, point: Mapping[str, Value], wrt: Sequence[str], counted: _Counted) -> dict[str, float]:
    """The seconds of processor time that each way takes here."""
    graph, algebra = scene.graph, scene.algebra
    value = _median(lambda: fold(graph, algebra, point))
    found = {"value": value, "finite_differences": 2 * counted.inputs * value}
    if not counted.inputs or not counted.outputs:
        return {**found, "reverse": value, "forward": value}
    trace = linearize(graph, algebra, point, wrt)
    linearized = _median(lambda: linearize(graph, algebra, point, wrt))
    seeds = [trace.values[i] * 0.0 + 1.0 for i in graph.outputs]
    name = next(name for name in graph.variables if name in set(wrt))
    unit = trace.values[graph.variables[name]] * 0.0 + 1.0
    found["reverse"] = linearized + counted.outputs * _median(lambda: pull(trace, *seeds))
    found["forward"] = linearized + counted.inputs * _median(lambda: push(trace, {name: unit}))
    return found


def _median(run: Callable[[], object]) -> float:
    times: list[float] = []
    while len(times) < RUNS and (not times or sum(times) < SECONDS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return sorted(times)[len(times) // 2]
