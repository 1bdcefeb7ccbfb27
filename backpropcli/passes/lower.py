"""Lowering: what is asked of a formula over numbers as one graph of kernels, which every engine for many rows runs.

Beside the outputs it holds what tells a plain row, of which nothing is to be said, from one to look at: the values that
have to be finite, and the conditions of kinks, ties and jumps. Both ask more than is needed rather than less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.kernel_symbols import SELECT, Kernels
from backpropcli.algebras.kernels import CARRIES
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, GraphBuilder, Node
from backpropcli.passes.coloring import groups, pattern
from backpropcli.passes.sweeps import Trace, linearize, pull, push
from backpropcli.records import NamedTuple


class Wanted(NamedTuple):
    """What is computed of every row, in this order."""

    value: bool = True
    gradient: bool = True
    """Of several outputs nothing."""
    jacobian: bool = False
    """By variable the derivative of each of the outputs."""
    hessian: bool = False
    """The second derivatives on and above the diagonal, row by row."""
    jvp: Mapping[str, float] | None = None
    told: bool = False
    """Every derivative of the first order by pulls, and then all of them by pushes, and every node that decides what is
    said of a row: they are the program's bits."""
    order: int = 0
    """The derivative of this order by the one variable, from 2 on."""
    domain: bool = False
    """Also the conditions under which there is a value."""


class Program(NamedTuple):
    """A formula, lowered: nodes whose operations are kernels, by the names of the primitives that are kernels alone."""

    nodes: tuple[Node, ...]
    columns: tuple[str, ...]
    """The variables that vary from row to row."""
    outputs: tuple[int, ...]
    values: int
    """How many of the outputs, the first ones, are values of the formula."""
    finite: tuple[int, ...]
    """What is finite in every row that is plain."""
    edges: tuple[int, ...]
    """Conditions: where one holds, a row may be at a kink, a tie or a jump."""
    bits: tuple[int, ...]
    """Conditions, the edges among them: rows with edges that are equal in all of them have the same notes.

    Of a program that is to tell what is said of a row, all nodes: rows in which the same ones are 0, infinite and
    undefined have the same notes.
    """
    domain: tuple[int, ...] = ()
    """Conditions that hold in every row that has a value, if they were asked for."""


def lower(
    graph: Graph,
    columns: Sequence[str],
    fixed: Mapping[str, float],
    wrt: Sequence[str],
    wanted: Wanted,
    max_nodes: int | None = None,
) -> Program:
    """The program for a formula of numbers, where `columns` vary and the other variables are `fixed`.

    Raises BackpropError where it needs more nodes than `max_nodes`.
    """
    builder = GraphBuilder(max_nodes)
    kernels = Kernels(builder)
    inputs = {name: builder.constant(fixed[name]) if name in fixed else builder.variable(name) for name in columns}
    inputs |= {name: builder.constant(number) for name, number in fixed.items()}
    differentiated = wrt if wanted.gradient or wanted.jacobian or wanted.hessian or wanted.jvp is not None else ()
    trace = linearize(graph, kernels, inputs, differentiated)
    adjoints: list[int | None] = [None] * len(graph.nodes)
    if len(graph.outputs) == 1 and differentiated:
        adjoints = pull(trace, builder.constant(1.0))

    found: list[int | None] = []
    if wanted.value:
        found += [trace.values[i] for i in graph.outputs]
    values = len(found)
    variables = graph.variables
    checks = _Checks(trace, kernels, adjoints)
    bits = []
    if wanted.told:
        found += [*_by_pulls(trace, wrt), *_by_pushes(trace, wrt)]
        checks.finite()
        checks.edges()
        checks.choices()
        checks.domains()
        bits = [i for i, node in enumerate(builder.nodes) if node.op != CONSTANT]
    elif wanted.gradient and len(graph.outputs) == 1:
        found += [adjoints[variables[name]] for name in wrt]
    elif wanted.jacobian:
        found += _jacobian(trace, wrt)
    if wanted.hessian:
        found += _hessian(graph, kernels, inputs, wrt)
    if wanted.jvp is not None:
        moves = {name: builder.constant(number) for name, number in wanted.jvp.items() if number}
        found.append(push(trace, moves)[graph.outputs[0]])
    if wanted.order:
        found.append(_repeated(graph, kernels, inputs, wrt[0], wanted.order))
    # What has no path is 0.
    outputs = [builder.constant(0.0) if node is None else node for node in found]
    if wanted.told:
        return program_of(builder.nodes, columns, outputs, values, (), (), bits)

    finite = [inputs[name] for name in columns if name not in fixed] + checks.finite()
    edges = checks.edges()
    bits = list(dict.fromkeys([*edges, *checks.choices()])) if edges else []
    domain = checks.domain() if wanted.domain else []
    return program_of(builder.nodes, columns, outputs, values, finite, edges, bits, domain)


def _jacobian(trace: Trace[int], wrt: Sequence[str]) -> list[int | None]:
    """By as many sweeps as there are fewer of, as for one point."""
    return (_by_pulls if len(trace.graph.outputs) <= len(wrt) else _by_pushes)(trace, wrt)


def _by_pulls(trace: Trace[int], wrt: Sequence[str]) -> list[int | None]:
    """By variable the derivative of every output: a sweep an output."""
    graph, variables = trace.graph, trace.graph.variables
    one = trace.algebra.constant(1.0)
    rows = [pull(trace._replace(graph=graph._replace(outputs=(i,))), one) for i in graph.outputs] if wrt else []
    return [row[variables[name]] for name in wrt for row in rows]


def _by_pushes(trace: Trace[int], wrt: Sequence[str]) -> list[int | None]:
    """The same by a sweep a variable."""
    one = trace.algebra.constant(1.0)
    columns = [push(trace, {name: one}) for name in wrt]
    return [column[i] for column in columns for i in trace.graph.outputs]


def _hessian(graph: Graph, kernels: Kernels, inputs: Mapping[str, int], wrt: Sequence[str]) -> list[int | None]:
    """By a product for each group of columns, as for one point."""
    one, variables = kernels.constant(1.0), graph.variables
    rows = pattern(graph, wrt)
    found: dict[tuple[int, int], int | None] = {}
    for columns in groups(rows):
        moving = {wrt[column] for column in columns}
        moved = {name: Dual(node, one if name in moving else None) for name, node in inputs.items()}
        adjoints = pull(linearize(graph, Duals(kernels), moved, wrt), Dual(one, None))
        for column in columns:
            for row in range(column + 1):
                adjoint = adjoints[variables[wrt[row]]]
                if rows[column] >> row & 1 and adjoint is not None:
                    found[row, column] = adjoint.tangent
    return [found.get((row, column)) for row in range(len(wrt)) for column in range(row, len(wrt))]


def _repeated(graph: Graph, kernels: Kernels, inputs: Mapping[str, int], variable: str, order: int) -> int:
    """The derivative as a formula, put in over the kernels."""
    from backpropcli.passes.derivatives import repeated_derivative_graph

    derived = repeated_derivative_graph(graph, variable, order, kernels.builder.limit)
    return fold(derived, kernels, inputs)[derived.outputs[0]]


class _Checks:
    """What a row's notes and errors depend on, of a formula over the nodes that it is lowered to."""

    def __init__(self, trace: Trace[int], kernels: Kernels, adjoints: Sequence[int | None]) -> None:
        self.trace = trace
        self.kernels = kernels
        self.adjoints = adjoints
        self.needed = self._needed()

    def _needed(self) -> dict[int, int | None]:
        """Of the nodes that the outputs need at some points, under which condition; None: always."""
        graph, kernels = self.trace.graph, self.kernels
        needed: dict[int, int | None] = dict.fromkeys(graph.outputs)
        for i in range(len(graph.nodes) - 1, -1, -1):
            if i not in needed:
                continue
            op, args, _ = graph.nodes[i]
            for k, j in enumerate(args):
                condition = None if op == STEP else self._read(i, k)
                known = None if condition is None else kernels.number(condition)
                if known == 0.0:
                    continue
                own = kernels.both(needed[i], condition if known is None else None)
                needed[j] = kernels.either(needed[j], own) if j in needed else own
        return needed

    def _read(self, i: int, k: int) -> int | None:
        """The condition under which an operation reads an argument."""
        op = self.trace.graph.nodes[i].op
        reads = rules.reads(op, k)
        return None if reads is None else self.kernels.condition(reads, op, self._around(i))

    def _around(self, i: int) -> list[int]:
        """An application's arguments and its value."""
        values = self.trace.values
        return [*[values[j] for j in self.trace.graph.nodes[i].args], values[i]]

    def _applications(self) -> Iterable[tuple[int, Node]]:
        return [(i, node) for i, node in enumerate(self.trace.graph.nodes) if node.args and node.op != STEP]

    def finite(self) -> list[int]:
        """Values, local derivatives and adjoints that are to be finite, each where it is needed."""
        kernels, found = self.kernels, []
        for i, _ in self._applications():
            if i not in self.needed:
                continue
            found.append(self._where(self.needed[i], self.trace.values[i]))
            adjoint = self.adjoints[i]
            if adjoint is None:
                continue
            carried = kernels.both(self.needed[i], kernels.presence(adjoint))
            found += [self._where(carried, each) for each in (adjoint, *self.trace.partials[i]) if each is not None]
        return found

    def _where(self, condition: int | None, node: int) -> int:
        if condition is None:
            return node
        return self.kernels.function(SELECT, 3)(condition, node, self.kernels.constant(0.0))

    def edges(self) -> list[int]:
        """The conditions of every edge at which a derivative is a convention."""
        found = []
        for i, (op, args, _) in self._applications():
            entry = primitives.TABLE[op]
            for edge in entry.edges:
                if not self.trace.active[i] or i not in self.needed:
                    continue
                if edge.of is None or self.trace.active[args[entry.names.index(edge.of)]]:
                    found.append(self._condition(rules.condition(op, edge.where, len(args)), i))
        return self._open(found)

    def choices(self) -> list[int]:
        """The conditions that decide which arguments are read, and which have a path."""
        found: list[int | None] = []
        for i, (op, args, _) in self._applications():
            for k, j in enumerate(args):
                found.append(self._read(i, k))
                path = rules.path(op, k, len(args)) if self.trace.active[j] else None
                found.append(None if path is None else self._condition(path, i))
        return self._open([node for node in found if node is not None])

    def domains(self) -> list[tuple[int, int]]:
        """The applications that do not always have a value, and the condition under which each has."""
        found = []
        for i, (op, args, _) in self._applications():
            domain = primitives.TABLE[op].domain
            if domain is not None:
                found.append((i, self._condition(rules.condition(op, domain, len(args)), i)))
        return found

    def domain(self) -> list[int]:
        """The conditions under which what is needed has a value."""
        kernels, found = self.kernels, []
        for i, held in self.domains():
            if i in self.needed:
                needed = self.needed[i]
                found.append(
                    held if needed is None else kernels.function("or", 2)(kernels.function("not", 1)(needed), held)
                )
        return list(dict.fromkeys([kernels.truth(node) for node in found if not self._always(node)]))

    def _always(self, node: int) -> bool:
        """Whether it holds for every number: known, or that one is below, at or above 0, as of a power's base."""
        nodes, relations, pending = self.kernels.builder.nodes, set[tuple[str, int]](), [node]
        while pending:
            op, args, _ = nodes[pending.pop()]
            if op == "or":
                pending += args
            elif op in ("lt", "eq", "gt"):
                relations |= {(op, j) for j, zero in (args, args[::-1]) if self.kernels.number(zero) == 0.0}
        every = [j for op, j in relations if op == "eq" and {("lt", j), ("gt", j)} <= relations]
        return bool(self.kernels.number(node)) or bool(every)

    def _condition(self, graph: Graph, i: int) -> int:
        return self.kernels.condition(graph, self.trace.graph.nodes[i].op, self._around(i))

    def _open(self, nodes: Iterable[int]) -> list[int]:
        """The conditions that numbers alone do not decide against, each once, as 0 or 1."""
        kernels = self.kernels
        return list(dict.fromkeys([kernels.truth(node) for node in nodes if kernels.number(node) != 0.0]))


def _certain(nodes: Sequence[Node], outputs: Sequence[int], finite: Iterable[int]) -> list[int]:
    """As few nodes that, where they are finite, make all of these finite; outputs have to be finite too."""
    asked = {_bare(nodes, i) for i in (*outputs, *finite)}
    certain = [False] * len(nodes)
    kept = []
    for i in range(len(nodes) - 1, -1, -1):
        if i in asked and not certain[i] and not _is_finite_constant(nodes[i]):
            kept.append(i)
        if i in asked or certain[i]:
            certain[i] = True
            for k in CARRIES.get(nodes[i].op, ()):
                certain[nodes[i].args[k]] = True
    return kept[::-1]


def _bare(nodes: Sequence[Node], i: int) -> int:
    """The node without its sign."""
    while nodes[i].op in ("neg", "abs"):
        (i,) = nodes[i].args
    return i


def _is_finite_constant(node: Node) -> bool:
    return node.op == CONSTANT and isinstance(node.attribute, float) and abs(node.attribute) < float("inf")


def program_of(
    nodes: Sequence[Node],
    columns: Sequence[str],
    outputs: Sequence[int],
    values: int,
    finite: Sequence[int],
    edges: Sequence[int],
    bits: Sequence[int],
    domain: Sequence[int] = (),
) -> Program:
    """The program of the nodes that all of these are made of; `finite` are all that have to be, with the outputs."""
    finite = _certain(nodes, outputs, finite)
    needed = {*outputs, *finite, *edges, *bits, *domain}
    for i in range(len(nodes) - 1, -1, -1):
        if i in needed:
            needed.update(nodes[i].args)
    position = {i: k for k, i in enumerate(sorted(needed))}
    held = tuple([Node(nodes[i].op, tuple([position[j] for j in nodes[i].args]), nodes[i].attribute) for i in position])

    def placed(found: Sequence[int]) -> tuple[int, ...]:
        return tuple([position[i] for i in found])

    used = tuple([name for name in columns if any(n.op == VARIABLE and n.attribute == name for n in held)])
    return Program(held, used, placed(outputs), values, placed(finite), placed(edges), placed(bits), placed(domain))
