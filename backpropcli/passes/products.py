"""What is asked for besides the gradient, of a formula over arrays: products, Jacobians, Hessians, higher derivatives.

Products are single sweeps; matrices are made of products, as many as the smaller side asks for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backpropcli.algebras.algebra import fold
from backpropcli.algebras.arrays import Arrays
from backpropcli.algebras.symbols import Symbols
from backpropcli.errors import BackpropError
from backpropcli.graph import Graph, GraphBuilder, without_unused
from backpropcli.passes.bind import bind
from backpropcli.passes.coloring import bits, groups
from backpropcli.passes.effort import MAX_BYTES
from backpropcli.passes.entries import dense, units
from backpropcli.passes.evaluate import Setting, Value, dims_of, plain
from backpropcli.passes.sweeps import Trace, linearize, pull, push
from backpropcli.passes.taylor import Folding

Array = Any

_ENTRY_BYTES = 40
"""What an entry of a matrix takes: as a double, and as a number of a list."""


def pushed(trace: Trace[Any], direction: Mapping[str, Value]) -> list[Any]:
    """Tangent of every node along a direction. Entries by 0 stay: an infinity that they lead to is met by nothing."""
    found = push(trace, direction)
    if _are_finite(found):
        return found
    return push(trace, {name: Arrays.moving(part) for name, part in direction.items()})


def pulled(trace: Trace[Any], *seeds: Value) -> list[Any]:
    """Adjoint of every node, from a seed an output; from entries of 0 nothing is pulled."""
    found = pull(trace, *seeds)
    return found if _are_finite(found) else pull(trace, *[Arrays.moving(seed) for seed in seeds])


def _are_finite(found: Sequence[Any]) -> bool:
    return all([carried is None or np.isfinite(np.sum(Arrays.plain(carried))) for carried in found])


def tangents(trace: Trace[Any], name: str) -> list[Any]:
    """Of every node its tangents by every entry of a variable, along last axes; None where nothing moves."""
    dims = dims_of(trace.values[trace.graph.variables[name]])
    swept = [pushed(trace, {name: unit}) for unit in units(dims)]
    found: list[Any] = []
    for i, value in enumerate(trace.values):
        if not swept or all([sweep[i] is None for sweep in swept]):
            found.append(None)
            continue
        own = np.shape(value)
        found.append(np.stack([dense(sweep[i], own) for sweep in swept], axis=-1).reshape((*own, *dims)))
    return found


class ArrayProducts:
    """The same as `Products`, over arrays; everything in plain data."""

    def __init__(
        self,
        scene: Setting,
        point: Mapping[str, Value],
        wrt: Sequence[str],
        max_nodes: int | None = None,
        max_bytes: int | None = MAX_BYTES,
    ) -> None:
        self.scene = scene
        self.graph: Graph = scene.graph
        self.point = point
        self.wrt = wrt
        self.max_nodes = max_nodes
        self.max_bytes = max_bytes
        self.dims = {name: dims_of(point[name]) for name in wrt}

    def _need_room(self, rows: int, columns: int, what: str) -> None:
        """Refuse a matrix that would take more than arrays may."""
        if self.max_bytes is not None and rows * columns * _ENTRY_BYTES > self.max_bytes:
            raise BackpropError(
                f"the {what} of {rows:,} by {columns:,} numbers would take more than {self.max_bytes >> 20:,} MiB",
                hint="ask for a product with it by --jvp, --vjp or --hvp, or raise the limit with --max-bytes",
            )

    # First order

    def gradient(self) -> dict[str, Array]:
        """The derivative of a number by every variable: one backward sweep."""
        adjoints = pull(linearize(self.graph, self.scene.algebra, self.point, self.wrt), 1.0)
        return {name: dense(adjoints[self.graph.variables[name]], self.dims[name]) for name in self.wrt}

    def jacobian(self, trace: Trace[Any]) -> dict[str, Any]:
        """By variable, in the shape of the output and then of the variable; of several outputs a list of theirs."""
        outputs = trace.graph.outputs
        own = [np.shape(trace.values[i]) for i in outputs]
        rows = sum([math.prod(dims) for dims in own])
        columns = sum([math.prod(dims) for dims in self.dims.values()])
        self._need_room(rows, columns, "Jacobian")
        blocks = (self._by_pulls if rows <= columns else self._by_pushes)(trace, own)
        found = {name: [block.tolist() for block in blocks[name]] for name in self.wrt}
        return {name: parts[0] if len(outputs) == 1 else parts for name, parts in found.items()}

    def _by_pulls(self, trace: Trace[Any], own: Sequence[tuple[int, ...]]) -> dict[str, list[Array]]:
        """A backward sweep for every entry of the outputs."""
        variables = trace.graph.variables
        found: dict[str, list[Array]] = {name: [] for name in self.wrt}
        for at, dims in enumerate(own):
            rows: dict[str, list[Array]] = {name: [] for name in self.wrt}
            alone = trace._replace(graph=trace.graph._replace(outputs=trace.graph.outputs[at : at + 1]))
            for unit in units(dims):
                adjoints = pulled(alone, unit)
                for name in self.wrt:
                    rows[name].append(dense(adjoints[variables[name]], self.dims[name]))
            for name in self.wrt:
                found[name].append(np.reshape(rows[name], (*dims, *self.dims[name])))
        return found

    def _by_pushes(self, trace: Trace[Any], own: Sequence[tuple[int, ...]]) -> dict[str, list[Array]]:
        """A forward sweep for every entry of the variables."""
        found: dict[str, list[Array]] = {}
        for name in self.wrt:
            swept = [pushed(trace, {name: unit}) for unit in units(self.dims[name])]
            found[name] = [
                np.stack([dense(sweep[i], dims) for sweep in swept], axis=-1).reshape((*dims, *self.dims[name]))
                if swept
                else np.zeros((*dims, *self.dims[name]))
                for i, dims in zip(trace.graph.outputs, own, strict=True)
            ]
        return found

    def along(self, trace: Trace[Any], direction: Mapping[str, Value]) -> Any:
        """The derivative of the output along a direction, in its shape."""
        output = trace.graph.outputs[0]
        return plain(dense(pushed(trace, direction)[output], np.shape(trace.values[output])))

    # Second order

    def hessian_vector(self, direction: Mapping[str, Value]) -> dict[str, Any]:
        """The Hessian times a direction, by variable."""
        return {name: plain(part) for name, part in self.times(direction).items()}

    def times(self, direction: Mapping[str, Value]) -> dict[str, Array]:
        """The Hessian times a direction: the gradient as a graph, pushed along it."""
        moved = pushed(self._gradient, direction)
        outputs = self._gradient.graph.outputs
        return {name: dense(moved[i], self.dims[name]) for name, i in zip(self.wrt, outputs, strict=True)}

    @functools.cached_property
    def _gradient(self) -> Trace[Any]:
        """The gradient at this point with its own local derivatives: linearized once, pushed as often as asked."""
        key = ("gradient", tuple(self.wrt))
        if key not in self.scene.known:
            self.scene.known[key] = self._gradient_graph()
        moving = list(self.graph.variables)
        return linearize(self.scene.known[key], self.scene.algebra, self.point, moving)

    def _gradient_graph(self) -> Graph:
        """Pull over symbols of the bound graph, bound once more, since what rules broadcast moves now too."""
        builder = GraphBuilder(self.max_nodes)
        # Nothing is rewritten, since a shorter form may be of another shape: x^0 is a row of ones, and 1 a number.
        symbols = Folding(builder)
        inputs = {name: builder.variable(name) for name in self.graph.variables}
        trace = linearize(self.graph, symbols, inputs, self.wrt)
        adjoints = pull(trace, builder.constant(1.0))
        outputs = []
        for name in self.wrt:
            adjoint = adjoints[self.graph.variables[name]]
            outputs.append(builder.constant(0.0) if adjoint is None else adjoint)
        graph = without_unused(builder.graph(outputs))
        shapes = {name: dims_of(value) for name, value in self.point.items()}
        return bind(graph, shapes, max_nodes=self.max_nodes, max_bytes=None).graph

    def hessian(self) -> dict[str, Any]:
        """The Hessian with the names of its rows and columns, arrays row by row."""
        return {"order": self._labels(), "matrix": self.second_derivatives().tolist()}

    def second_derivatives(self) -> Array:
        """The Hessian as one matrix, arrays row by row: a product for every group of its columns."""
        sizes = [math.prod(self.dims[name]) for name in self.wrt]
        count = sum(sizes)
        self._need_room(count, count, "Hessian")
        matrix = np.zeros((count, count))
        ends = np.cumsum(sizes)[:-1]
        for columns, rows, at in self._groups(count):
            direction = np.zeros(count)
            direction[columns] = 1.0
            parts = [
                part.reshape(self.dims[name]) for name, part in zip(self.wrt, np.split(direction, ends), strict=True)
            ]
            found = self.times(dict(zip(self.wrt, parts, strict=True)))
            matrix[rows, at] = np.concatenate([np.ravel(found[name]) for name in self.wrt])[rows]
        return matrix

    def _groups(self, count: int) -> list[tuple[list[int], Array, Array]]:
        """Groups of columns, with the rows and columns of the entries that each gives; found once for a graph."""
        key = ("groups", tuple(self.wrt))
        found: list[tuple[list[int], Array, Array]] | None = self.scene.known.get(key)
        if found is None:
            from backpropcli.passes.array_pattern import pattern

            trace = linearize(self.graph, self.scene.algebra, self.point, self.wrt)
            rows = pattern(trace, self.wrt)
            every = np.arange(count)
            if rows is None:
                found = [([k], every, np.full(count, k)) for k in range(count)]
            else:
                found = []
                for columns in groups(rows):
                    places = [(row, column) for column in columns for row in bits(rows[column])]
                    at = np.array(places, dtype=int).reshape((-1, 2))
                    found.append((columns, at[:, 0], at[:, 1]))
            self.scene.known[key] = found
        return found

    def _labels(self) -> list[str]:
        """`x` for a number, `A[0,1]` for the entry of an array."""
        found: list[str] = []
        for name in self.wrt:
            dims = self.dims[name]
            places = [",".join([str(k) for k in place]) for place in np.ndindex(*dims)] if dims else []
            found += [f"{name}[{place}]" for place in places] if dims else [name]
        return found

    # Higher orders

    def derivatives(self, variable: str, order: int) -> list[Any]:
        """The value and the derivatives up to this order by one number."""
        return self._chain([variable] * order)

    def mixed(self, names: Sequence[str]) -> Any:
        """The derivative by these numbers in turn."""
        return self._chain(names)[-1]

    def _chain(self, names: Sequence[str]) -> list[Any]:
        """The output, its derivative by the first of these, that one's by the second, and so on.

        Each is the push of the one before over symbols of the same graph, where what occurs again is shared.
        """
        for name in names:
            if dims_of(self.point[name]):
                raise BackpropError(
                    f"a derivative of higher order is by numbers, and {name} is an array",
                    hint="ask for --hessian or --hvp, or write the entry that is meant as a variable of its own",
                )
        builder = GraphBuilder(self.max_nodes)
        # Nothing is rewritten, since a shorter form may be of another shape: x^0 is a row of ones, and 1 a number.
        symbols = Folding(builder)
        inputs = {name: builder.variable(name) for name in self.graph.variables}
        made = fold(self.graph, Symbols(builder, rewrite=False), inputs)[self.graph.outputs[0]]
        chain = [made]
        for name in names:
            graph = without_unused(builder.graph([chain[-1]]))
            if name not in graph.variables:
                chain.append(-1)
                break
            own = {other: builder.variable(other) for other in graph.variables}
            moved = push(linearize(graph, symbols, own, (name,)), {name: builder.constant(1.0)})[graph.outputs[0]]
            chain.append(-1 if moved is None else moved)
            if moved is None:
                break
        values = fold(builder.graph([made]), self.scene.algebra, self.point)
        dims = np.shape(values[made])
        found = [plain(np.broadcast_to(values[i], dims)) if i >= 0 else np.zeros(dims).tolist() for i in chain]
        return found + [np.zeros(dims).tolist()] * (len(names) + 1 - len(found))
