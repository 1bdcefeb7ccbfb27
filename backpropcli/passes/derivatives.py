"""Derivative products and higher derivatives, each by sweeps over the algebra that gives it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backpropcli.algebras.algebra import Map, has_arrays
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import Graph, GraphBuilder, part, without_unused
from backpropcli.passes import effort
from backpropcli.passes.collect import collected
from backpropcli.passes.coloring import bits, groups, pattern
from backpropcli.passes.evaluate import shapes_needed
from backpropcli.passes.sweeps import Trace, linearize, pull, push


def jacobian(trace: Trace[float], wrt: Sequence[str]) -> dict[str, list[float]]:
    """By variable the derivative of every output: a sweep an output or one a variable, whichever are fewer.

    Where a sweep leaves no finite number the other one is asked too, as far as the work that is set for that goes.
    """
    from backpropcli.passes.opinions import WORK, better

    graph, variables = trace.graph, trace.graph.variables

    @functools.cache
    def pulled(i: int) -> list[float | None]:
        # From this output alone: a seed of 0 at the others would meet their infinities.
        return pull(trace._replace(graph=graph._replace(outputs=(i,))), 1.0)

    @functools.cache
    def pushed(name: str) -> list[float | None]:
        return push(trace, {name: 1.0})

    def entry(name: str, i: int) -> float:
        place = variables[name]
        asked = (pulled(i)[place] if backward else pushed(name)[i]) or 0.0
        other = pushed if backward else pulled
        if math.isfinite(asked) or other.cache_info().misses >= most:
            return asked
        return better(asked, (pushed(name)[i] if backward else pulled(i)[place]) or 0.0)

    backward = len(graph.outputs) <= len(wrt)
    most = max(1, WORK // len(graph.nodes))
    return {name: [entry(name, i) for i in graph.outputs] for name in wrt}


def along(trace: Trace[float], direction: Mapping[str, float]) -> float:
    """The derivative of the output along a direction; variables that it does not name, or by 0, stay."""
    moves = {name: number for name, number in direction.items() if number}
    (i,) = trace.graph.outputs
    found = push(trace, moves)[i]
    if found is None or math.isfinite(found):
        return 0.0 if found is None else found
    from backpropcli.passes.opinions import better

    adjoints = pull(trace, 1.0)
    variables = trace.graph.variables
    return better(sum([(adjoints[variables[name]] or 0.0) * number for name, number in moves.items()]), found)


class Products:
    """What is asked for besides the gradient, of a formula over numbers."""

    def __init__(
        self, graph: Graph, point: Mapping[str, float], wrt: Sequence[str], max_nodes: int | None = None
    ) -> None:
        self.graph = graph
        self.point = point
        self.wrt = wrt
        self.max_nodes = max_nodes

    def jacobian(self, trace: Trace[float]) -> dict[str, Any]:
        """By variable the derivative of the output, or of every output: by as many sweeps as there are fewer of."""
        columns = jacobian(trace, self.wrt)
        single = len(trace.graph.outputs) == 1
        return {name: column[0] if single else column for name, column in columns.items()}

    def along(self, trace: Trace[float], direction: Mapping[str, float]) -> float:
        """The derivative of the output along a direction."""
        return along(trace, direction)

    def hessian_vector(self, direction: Mapping[str, float]) -> dict[str, float]:
        """The Hessian times a direction, by variable."""
        return hessian_vector(self.graph, self.point, direction, self.wrt)

    def hessian(self) -> dict[str, Any]:
        """The Hessian with the names of its rows and columns."""
        return {"order": list(self.wrt), "matrix": hessian(self.graph, self.point, self.wrt)}

    def derivatives(self, variable: str, order: int) -> list[float]:
        """The value and the derivatives up to this order, by one variable."""
        from backpropcli.passes.taylor import derivatives

        return derivatives(self.graph, variable, self.point, order, self.max_nodes)

    def mixed(self, names: Sequence[str]) -> float:
        """The derivative by these variables in turn."""
        from backpropcli.passes.taylor import mixed

        return mixed(self.graph, names, self.point, self.max_nodes)


def hessian_vector(
    graph: Graph, point: Mapping[str, float], direction: Mapping[str, float], wrt: Sequence[str]
) -> dict[str, float]:
    """The Hessian times a direction, at about twice the cost of a gradient: pull over dual numbers.

    Variables that the direction does not name stay; a variable without a path gets 0.
    """
    inputs = {name: Dual(value, direction.get(name)) for name, value in point.items()}
    trace = linearize(graph, Duals(Floats()), inputs, wrt)
    adjoints = pull(trace, Dual(1.0, None))
    variables = graph.variables
    found = {}
    for name in wrt:
        adjoint = adjoints[variables[name]] if name in variables else None
        found[name] = 0.0 if adjoint is None or adjoint.tangent is None else adjoint.tangent
    return found


def hessian(graph: Graph, point: Mapping[str, float], wrt: Sequence[str]) -> list[list[float]]:
    """The matrix of second derivatives, rows and columns in the order of `wrt`: a product for each group of columns."""
    rows = pattern(graph, wrt)
    matrix = [[0.0] * len(wrt) for _ in wrt]
    for columns in groups(rows):
        found = hessian_vector(graph, point, {wrt[column]: 1.0 for column in columns}, wrt)
        for column in columns:
            for row in bits(rows[column]):
                matrix[row][column] = found[wrt[row]]
    return matrix


def one_sided(graph: Graph, point: Mapping[str, float], variable: str) -> tuple[float, float] | None:
    """The derivative's limits by one variable from the left and from the right; None where none is seen.

    Taken at two small distances on each side, which have to agree.
    """
    here = point[variable]
    sides = []
    for sign in (-1.0, 1.0):
        slopes = []
        for distance in (1e-6, 1e-9):
            moved = {**point, variable: here + sign * distance * max(abs(here), 1.0)}
            trace = linearize(graph, Floats(), moved, (variable,))
            slopes.append(pull(trace, 1.0)[graph.variables[variable]] or 0.0)
        near, nearer = slopes
        if not abs(near - nearer) <= 1e-4 * max(abs(nearer), 1.0):
            return None
        # A slope that vanishes with the distance is 0.
        sides.append(0.0 if abs(nearer) < 1e-6 else float(f"{nearer:.9g}"))
    return sides[0], sides[1]


class _Kept(Symbols):
    """Symbols of a graph in which the values stand already: they stay as they are, and derivatives are rewritten."""

    def __init__(self, builder: GraphBuilder) -> None:
        super().__init__(builder, rewrite=False)
        self._derived = Symbols(builder)

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[int]], int | Map[int] | None] | None:
        """The rule, rewritten."""
        return self._derived.partial(op, k, count)

    def pull(self, adjoint: int, partial: int | Map[int]) -> int:
        """The product, rewritten."""
        return self._derived.pull(adjoint, partial)

    def plus(self, a: int, b: int) -> int:
        """The sum, rewritten."""
        return self._derived.plus(a, b)


def derivative_nodes(builder: GraphBuilder, graph: Graph, wrt: Sequence[str]) -> dict[str, int]:
    """The nodes of derivatives, appended to the graph that is being built; `graph` is what it holds of the formula."""
    if has_arrays(graph):
        raise shapes_needed("diff")
    variables = graph.variables
    inputs = {name: builder.variable(name) for name in variables}
    adjoints = pull(linearize(graph, _Kept(builder), inputs, wrt), builder.constant(1.0))
    found = {}
    for name in wrt:
        adjoint = adjoints[variables[name]] if name in variables else None
        found[name] = builder.constant(0.0) if adjoint is None else adjoint
    return found


def repeated_derivative_graph(graph: Graph, variable: str, order: int, max_nodes: int | None = None) -> Graph:
    """The derivative of this order by one variable, as a graph: one pull over symbols after the other."""
    meter = effort.Meter("symbols", max_nodes)
    for _ in range(order):
        meter.add(len(graph.nodes))
        graph = collected(gradient_graph(graph, (variable,), max_nodes))._replace(names={})
    return graph


def hessian_graph(graph: Graph, wrt: Sequence[str], max_nodes: int | None = None) -> Graph:
    """The second derivatives on and above the diagonal, row by row, as outputs of one graph."""
    meter = effort.Meter("symbols", max_nodes)
    meter.add(len(wrt) * (len(wrt) + 1) // 2)
    gradient = collected(gradient_graph(graph, wrt, max_nodes))
    builder = GraphBuilder(max_nodes)
    symbols = Symbols(builder)
    inputs = {name: builder.variable(name) for name in graph.variables}
    outputs = []
    for k, output in enumerate(gradient.outputs):
        row = part(gradient.nodes, [output])
        meter.add(len(row.nodes))
        trace = linearize(row, symbols, inputs, wrt[k:])
        adjoints = pull(trace, builder.constant(1.0))
        variables = row.variables
        for name in wrt[k:]:
            adjoint = adjoints[variables[name]] if name in variables else None
            outputs.append(builder.constant(0.0) if adjoint is None else adjoint)
    return without_unused(builder.graph(outputs))


def gradient_graph(graph: Graph, wrt: Sequence[str], max_nodes: int | None = None) -> Graph:
    """The gradient as a graph over the same variables, one output a variable of `wrt`: pull over symbols."""
    builder = GraphBuilder(max_nodes)
    symbols = Symbols(builder)
    variables = graph.variables
    inputs = {name: builder.variable(name) for name in variables}
    trace = linearize(graph, symbols, inputs, wrt)
    adjoints = pull(trace, builder.constant(1.0))
    outputs = []
    for name in wrt:
        adjoint = adjoints[variables[name]] if name in variables else None
        outputs.append(builder.constant(0.0) if adjoint is None else adjoint)
    names = {trace.values[i]: name for i, name in graph.names.items()}
    return without_unused(builder.graph(outputs, names))
