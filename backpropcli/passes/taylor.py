"""Derivatives of any order, in one variable or mixed, by the coefficients of power series.

If y = f(x) and f' is the rule's formula r, then y' = r x', and the k-th coefficient of y follows from lower ones:
k y_k = sum over j of j x_j r_(k-j)  (Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 13). The rules
are formulas themselves, so their nodes get series in the same way; equal ones are shared, as tanh and sech do.

In several variables the same holds along each of them, with exponents in the place of k: no direction is interpolated,
so nothing cancels that does not cancel in the derivative itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.rewrites import is_number
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import VARIABLE, Graph, GraphBuilder, number_of
from backpropcli.passes import effort
from backpropcli.records import NamedTuple


class _Edge(NamedTuple):
    argument: int
    rule: int


class Folding(Symbols):
    """Symbols that compute what is constant and cancel a double sign, both without touching a digit."""

    def __init__(self, builder: GraphBuilder) -> None:
        super().__init__(builder, rewrite=False)

    def function(self, op: str, count: int) -> Callable[..., int]:
        """Appending an application, or its number."""
        nodes = self.builder.nodes

        def apply(*args: int) -> int:
            if op == "neg" and nodes[args[0]].op == "neg":
                return nodes[args[0]].args[0]
            if all([is_number(nodes[j]) for j in args]) and not primitives.TABLE[op].array:
                return self.constant(Floats().function(op, count)(*[number_of(nodes[j].attribute) for j in args]))
            return self.builder.apply(op, args)

        return apply


class _Series:
    """The graph of a formula and of the rules it needs, with the coefficients known so far."""

    def __init__(
        self, graph: Graph, wrt: Collection[str], point: Mapping[str, float], order: int, max_nodes: int | None
    ) -> None:
        self.builder = GraphBuilder(max_nodes)
        self.symbols = Folding(self.builder)
        self.wrt = wrt
        self.point = point
        self.order = order
        self.coefficients: list[list[float]] = []
        self.active: list[bool] = []
        self.level: list[int] = []
        self.edges: list[list[_Edge]] = []
        copied = Symbols(self.builder, rewrite=False)
        inputs = {name: self.builder.variable(name) for name in graph.variables}
        self.output = fold(graph, copied, inputs)[graph.outputs[0]]
        self._note_new(0)
        self._expand()

    def _note_new(self, level: int) -> None:
        """Values of the nodes that were just appended; they need `order - level` coefficients."""
        floats = Floats()
        for op, args, attribute in self.builder.nodes[len(self.coefficients) :]:
            if args:
                value = floats.function(op, len(args))(*[self.coefficients[j][0] for j in args])
            else:
                value = self.point[str(attribute)] if op == VARIABLE else number_of(attribute)
            self.coefficients.append([value])
            self.active.append((op == VARIABLE and attribute in self.wrt) or any([self.active[j] for j in args]))
            self.level.append(level)
            self.edges.append([])

    def _expand(self) -> None:
        """Append the rules of every node that needs a coefficient, and the rules of those, down to the last order."""
        i = 0
        while i < len(self.builder.nodes):
            if self.active[i] and self.builder.nodes[i].args and self.level[i] < self.order:
                self.edges[i] = self._rules_of(i)
                self._note_new(self.level[i] + 1)
            i += 1

    def _rules_of(self, i: int) -> list[_Edge]:
        op, args, _ = self.builder.nodes[i]
        count = len(args)
        names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
        inputs = dict(zip(names, (*args, i), strict=True))
        values = [self.coefficients[j][0] for j in (*args, i)]
        found = []
        for k, j in enumerate(args):
            rule = rules.partial(op, k, count)
            if rule is None or not self.active[j]:
                continue
            if rules.path(op, k, count) is not None:
                slope = Floats().partial(op, k, count)
                if slope is None or slope(values) is None:
                    continue
            found.append(_Edge(j, fold(rule, self.symbols, inputs)[rule.outputs[0]]))
        return found

    def extend(self, k: int) -> None:
        """The k-th coefficient of every node that needs one."""
        for i, (_, args, _) in enumerate(self.builder.nodes):
            if not self.active[i] or self.level[i] + k > self.order:
                continue
            if not args:
                self.coefficients[i].append(1.0 if k == 1 else 0.0)
                continue
            total = 0.0
            for j, rule in self.edges[i]:
                x, r = self.coefficients[j], self.coefficients[rule]
                if self.active[rule]:
                    total += sum([n * x[n] * r[k - n] for n in range(1, k + 1)])
                else:
                    total += k * x[k] * r[0]
            self.coefficients[i].append(total / k)


def derivatives(
    graph: Graph, variable: str, point: Mapping[str, float], order: int, max_nodes: int | None = None
) -> list[float]:
    """f, f', f'', ... up to the order-th derivative by one variable. Quadratic in the order, linear in the graph."""
    series = _Series(graph, (variable,), point, order, max_nodes)
    effort.check("products", len(series.builder.nodes) * order * (order + 1) // 2, max_nodes)
    for k in range(1, order + 1):
        series.extend(k)
    if not series.active[series.output]:
        return [series.coefficients[series.output][0]] + [0.0] * order
    return [coefficient * math.factorial(k) for k, coefficient in enumerate(series.coefficients[series.output])]


class _Term(NamedTuple):
    """One coefficient of a series in several variables: its place, its degree, and what its recurrence sums."""

    place: int
    degree: int
    exponent: int
    """By the variable along which the recurrence goes: k in k y_k."""
    products: list[tuple[int, int, int]]
    """Triples (j, place of x's coefficient, place of the rule's)."""


def _terms(orders: Sequence[int]) -> list[_Term]:
    """The coefficients with exponents up to these, but for the first, by degree. Places count in mixed radix."""
    strides = [math.prod([order + 1 for order in orders[axis + 1 :]]) for axis in range(len(orders))]

    def place(exponents: Sequence[int]) -> int:
        return sum([exponent * stride for exponent, stride in zip(exponents, strides, strict=True)])

    found = []
    for exponents in itertools.product(*[range(order + 1) for order in orders]):
        if not any(exponents):
            continue
        along = next(axis for axis, exponent in enumerate(exponents) if exponent)
        here = place(exponents)
        products = [
            (lower[along], place(lower), here - place(lower))
            for lower in itertools.product(*[range(exponent + 1) for exponent in exponents])
            if lower[along]
        ]
        found.append(_Term(here, sum(exponents), exponents[along], products))
    return sorted(found, key=lambda term: term.degree)


def mixed(graph: Graph, names: Sequence[str], point: Mapping[str, float], max_nodes: int | None = None) -> float:
    """The derivative by these variables in turn, each as often as it is named.

    Linear in the graph; its factor is at most 3 to the order, and quadratic in it where one variable is named.
    """
    orders = {name: names.count(name) for name in names}
    series = _Series(graph, orders, point, len(names), max_nodes)
    size = math.prod([order + 1 for order in orders.values()])
    terms = _terms(tuple(orders.values()))
    effort.check("products", len(series.builder.nodes) * sum([len(term.products) for term in terms]), max_nodes)
    coefficients = [[known[0]] + [0.0] * (size - 1) for known in series.coefficients]
    place = size
    for name, order in orders.items():
        place //= order + 1
        coefficients[series.builder.variable(name)][place] = 1.0
    for term in terms:
        for i, (_, args, _) in enumerate(series.builder.nodes):
            if not args or not series.active[i] or series.level[i] + term.degree > len(names):
                continue
            total = 0.0
            for j, rule in series.edges[i]:
                x, r = coefficients[j], coefficients[rule]
                if series.active[rule]:
                    total += sum([n * x[at] * r[rest] for n, at, rest in term.products])
                else:
                    total += term.exponent * x[term.place] * r[0]
            coefficients[i][term.place] = total / term.exponent
    return coefficients[series.output][-1] * math.prod([math.factorial(order) for order in orders.values()])
