"""A graph split into the gates of the circuit slides: + * 1/. exp log ^ max, and what has no simpler form."""

from __future__ import annotations

from collections.abc import Callable

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.symbols import Symbols
from backpropcli.errors import Span
from backpropcli.graph import CONSTANT, Graph, GraphBuilder


class _Gates(Symbols):
    """Symbols that put a primitive's textbook definition in its place."""

    def __init__(self, builder: GraphBuilder) -> None:
        super().__init__(builder, rewrite=False)
        self._depth = 0

    def function(self, op: str, count: int) -> Callable[..., int]:
        """The primitive's definition over simpler gates, all the way down: the table's depth, not the formula's."""
        text = primitives.TABLE[op].elementary
        if text is None:
            return self._product if op == "mul" and self._depth else super().function(op, count)
        entry = primitives.TABLE[op]
        names = rules.arguments(entry, count)
        definition = rules.formula(text, names)

        def split(*args: int) -> int:
            self._depth += 1
            made = fold(definition, self, dict(zip(names, args, strict=True)))[definition.outputs[0]]
            self._depth -= 1
            return made

        return split

    def _product(self, a: int, b: int) -> int:
        """Of a quotient 1/b the gate is 1/., without a product by one."""
        node = self.builder.nodes[a]
        return b if node.op == CONSTANT and node.attribute == 1.0 else self.builder.apply("mul", (a, b))


def elementary(graph: Graph, max_nodes: int | None) -> Graph:
    """The same function over elementary gates; names and places go to the gate that gives the same value."""
    builder = GraphBuilder(max_nodes)
    gates = _Gates(builder)
    made = fold(graph, gates, {name: builder.variable(name) for name in graph.variables})
    names: dict[int, str] = {}
    spans: dict[int, Span] = {}
    for i, node in enumerate(graph.nodes):
        if i in graph.names:
            names.setdefault(made[i], graph.names[i])
        if i in graph.spans and (node.op not in primitives.TABLE or primitives.TABLE[node.op].elementary is None):
            spans.setdefault(made[i], graph.spans[i])
    for i in graph.spans:
        spans.setdefault(made[i], graph.spans[i])
    return builder.graph([made[i] for i in graph.outputs], names, spans)
