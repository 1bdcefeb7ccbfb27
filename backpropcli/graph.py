"""The computational graph: nodes in evaluation order, equal subterms shared, no recursion anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backpropcli.errors import BackpropError, Span
from backpropcli.records import NamedTuple

VARIABLE = "variable"
CONSTANT = "constant"
STEP = "definition"

MARKS = frozenset({VARIABLE, CONSTANT, STEP})
"""The operations of nodes that apply no primitive; no primitive has such a name."""


class Node(NamedTuple):
    """One variable, constant, application or named step. Its position in the graph is its identity."""

    op: str
    """A primitive's name, or `variable`, `constant`, `definition`."""
    args: tuple[int, ...] = ()
    attribute: Attribute = None
    """The variable's or step's name, the constant's number, or its array as nested tuples."""


Literal = float | tuple[Any, ...]
"""What a constant is: a number, or an array as nested tuples of numbers, the rows outermost."""

Attribute = str | Literal | None


def number_of(attribute: Attribute) -> float:
    """A constant's number, from its node's attribute; a zero keeps its sign. Raises TypeError for an array."""
    if isinstance(attribute, tuple):
        raise TypeError("an array stands where a number is expected")
    return 0.0 if attribute is None else float(attribute)


def literal_of(attribute: Attribute) -> Literal:
    """A constant's number or array, from its node's attribute."""
    return attribute if isinstance(attribute, tuple) else number_of(attribute)


class Graph(NamedTuple):
    """A formula as a Wengert list: every node stands after its arguments."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    names: Mapping[int, str] = {}
    """The names that the user gave to nodes other than variables."""
    spans: Mapping[int, Span] = {}
    """The place of a node's first occurrence in the text."""

    @property
    def variables(self) -> dict[str, int]:
        """The node of every variable, by name, in order of appearance."""
        return {str(node.attribute): i for i, node in enumerate(self.nodes) if node.op == VARIABLE}

    def active(self, wrt: Iterable[str]) -> list[bool]:
        """Which nodes depend on a variable that is differentiated."""
        chosen = set(wrt)
        active: list[bool] = []
        for op, args, attribute in self.nodes:
            if op == VARIABLE:
                active.append(attribute in chosen)
            else:
                active.append(any([active[j] for j in args]))
        return active


class TooManyNodesError(BackpropError):
    """The formula needs more nodes than the limit allows."""


class GraphBuilder:
    """Appends nodes, giving the same index for the same node.

    Sharing compares an operation and its arguments' indices, never nested structure, so that depth costs nothing.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.nodes: list[Node] = []
        self._index: dict[object, int] = {}
        self.limit = limit
        self._most = math.inf if limit is None else limit

    def variable(self, name: str) -> int:
        """The node of this variable."""
        return self._shared((VARIABLE, name), VARIABLE, (), name)

    def constant(self, number: Literal) -> int:
        """The node of this number or array; 0.0 and -0.0 are two."""
        if isinstance(number, tuple):
            return self._shared((CONSTANT, repr(number)), CONSTANT, (), number)
        return self._shared((CONSTANT, number, math.copysign(1.0, number)), CONSTANT, (), number)

    def apply(self, op: str, args: Sequence[int], attribute: str | None = None) -> int:
        """The node of a primitive applied to these nodes; `attribute` is the name of what is called otherwise."""
        args = tuple(args)
        return self._shared((op, args, attribute), op, args, attribute)

    def step(self, name: str, value: int) -> int:
        """A node of its own for a named value, never merged with another."""
        return self._shared((STEP, name), STEP, (value,), name)

    def graph(
        self, outputs: Sequence[int], names: Mapping[int, str] | None = None, spans: Mapping[int, Span] | None = None
    ) -> Graph:
        """The nodes so far, with these outputs."""
        return Graph(tuple(self.nodes), tuple(outputs), names or {}, spans or {})

    def part(self, outputs: Sequence[int]) -> Graph:
        """The graph of these nodes and of what they are made of."""
        return part(self.nodes, outputs)

    def _shared(self, key: object, op: str, args: tuple[int, ...], attribute: Attribute) -> int:
        found = self._index.get(key)
        if found is not None:
            return found
        if len(self.nodes) >= self._most:
            raise TooManyNodesError(
                f"the formula needs more than {self._most:,} nodes",
                hint="raise the limit with --max-nodes, if the formula is meant to be this large",
            )
        self._index[key] = len(self.nodes)
        self.nodes.append(Node(op, args, attribute))
        return len(self.nodes) - 1


_ENDLESS = 1 << 60


def tree_sizes(graph: Graph) -> list[int]:
    """For every node the number of operations in it when shared parts are written out each time."""
    sizes: list[int] = []
    for node in graph.nodes:
        # Doubled a hundred thousand times the exact number has as many digits.
        sizes.append(min(1 + sum([sizes[j] for j in node.args]), _ENDLESS))
    return sizes


class Match(NamedTuple):
    """Where nodes have the form of a pattern."""

    letters: dict[str, int]
    """What each variable of the pattern stands for."""
    nodes: set[int]
    """The operations that are those of the pattern."""


def match(nodes: Sequence[Node], pattern: Graph, pairs: Iterable[tuple[int, int]]) -> Match | None:
    """Whether nodes have the form of a pattern; each pair is a node of that, and the one it is held against."""
    found = Match({}, set())
    pending = list(pairs)
    while pending:
        p, i = pending.pop()
        shape, node = pattern.nodes[p], nodes[i]
        if shape.op == VARIABLE:
            if found.letters.setdefault(str(shape.attribute), i) != i:
                return None
        elif shape.op == CONSTANT:
            if node.op != CONSTANT or node.attribute != shape.attribute:
                return None
        elif shape.op != node.op or len(shape.args) != len(node.args):
            return None
        else:
            found.nodes.add(i)
            pending += zip(shape.args, node.args, strict=True)
    return found


def part(nodes: Sequence[Node], outputs: Sequence[int]) -> Graph:
    """The graph of these nodes and of what they are made of, at a cost that knows nothing of the others."""
    needed = set(outputs)
    pending = list(needed)
    while pending:
        for j in nodes[pending.pop()].args:
            if j not in needed:
                needed.add(j)
                pending.append(j)
    position: dict[int, int] = {}
    found: list[Node] = []
    for i in sorted(needed):
        op, args, attribute = nodes[i]
        position[i] = len(found)
        found.append(Node(op, tuple([position[j] for j in args]), attribute))
    return Graph(tuple(found), tuple([position[i] for i in outputs]))


def without_unused(graph: Graph) -> Graph:
    """The same graph, holding only what its outputs are made of."""
    used = [False] * len(graph.nodes)
    for i in graph.outputs:
        used[i] = True
    for i in range(len(graph.nodes) - 1, -1, -1):
        if used[i]:
            for j in graph.nodes[i].args:
                used[j] = True
    if all(used):
        return graph
    position: dict[int, int] = {}
    nodes: list[Node] = []
    for i, node in enumerate(graph.nodes):
        if used[i]:
            position[i] = len(nodes)
            nodes.append(Node(node.op, tuple([position[j] for j in node.args]), node.attribute))
    return Graph(
        tuple(nodes),
        tuple([position[i] for i in graph.outputs]),
        {position[i]: name for i, name in graph.names.items() if used[i]},
        {position[i]: span for i, span in graph.spans.items() if used[i]},
    )
