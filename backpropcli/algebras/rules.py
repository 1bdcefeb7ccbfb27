"""The texts of the table as graphs: values, local derivatives, paths, domains. Each is read once, on first use."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from backpropcli import primitives
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.language.program import build, read
from backpropcli.primitives import Each, Elementwise, Primitive

RESULT = "y"


@functools.cache
def formula(text: str, variables: tuple[str, ...]) -> Graph:
    """The graph of a formula of the table, over these variables."""
    return build(read(text, variables, max_chars=None), max_nodes=None)


def arguments(entry: Primitive, count: int) -> tuple[str, ...]:
    """The arguments' names in the rules of a primitive: its parameters, or as many of its one as there are."""
    return tuple([f"{entry.names[0]}_{k}" for k in range(count)]) if entry.variadic else entry.names


@functools.cache
def value(op: str, count: int) -> Graph:
    """A primitive's value as a formula over kernels and other primitives."""
    entry = primitives.TABLE[op]
    return formula(entry.value, arguments(entry, count))


@functools.cache
def partial(op: str, k: int, count: int) -> Graph | None:
    """A primitive's local derivative by its k-th argument, over its arguments and `y`; None where locally constant."""
    entry = primitives.TABLE[op]
    rule = entry.rule
    if rule is None:
        return _differentiated(op, k, count)
    if isinstance(rule, Elementwise):
        text = rule.partials[k]
        return None if text is None else formula(text, (*entry.names, RESULT))
    return _of_each(entry, rule, rule.partial, k, count)


@functools.cache
def path(op: str, k: int, count: int) -> Graph | None:
    """The condition under which a primitive's result depends on its k-th argument; None where it always does."""
    entry = primitives.TABLE[op]
    rule = entry.rule
    if isinstance(rule, Each):
        return None if rule.path is None else _of_each(entry, rule, rule.path, k, count)
    if rule is None or k >= len(rule.paths):
        return None
    text = rule.paths[k]
    return None if text is None else formula(text, (*entry.names, RESULT))


@functools.cache
def reads(op: str, k: int) -> Graph | None:
    """The condition under which a primitive's value needs its k-th argument; None where it always does."""
    entry = primitives.TABLE[op]
    text = entry.reads[k] if k < len(entry.reads) else None
    return None if text is None else formula(text, entry.names)


@functools.cache
def handbook(op: str, k: int, count: int) -> Graph | None:
    """The local derivative as a handbook prints it, over the arguments and `y`.

    Of an operation that routes it is the condition: 1 for the input that is the result.
    """
    entry = primitives.TABLE[op]
    if isinstance(entry.rule, Each):
        return path(op, k, count) or partial(op, k, count)
    text = entry.handbook[k] if entry.handbook else None
    return formula(text, (*entry.names, RESULT)) if text else partial(op, k, count)


def condition(op: str, text: str, count: int) -> Graph:
    """A condition of an entry (its domain, an edge), over the arguments, `y` and `total`."""
    entry = primitives.TABLE[op]
    if isinstance(entry.rule, Each):
        return _of_each(entry, entry.rule, text, 0, count)
    return formula(text, (*entry.names, RESULT))


def _differentiated(op: str, k: int, count: int) -> Graph:
    """The derivative of a definition: its value, folded over dual numbers of symbols."""
    names = arguments(primitives.TABLE[op], count)
    builder = GraphBuilder()
    symbols = Symbols(builder)
    inputs = {name: Dual(builder.variable(name), None) for name in (*names, RESULT)}
    inputs[names[k]] = Dual(builder.variable(names[k]), builder.constant(1.0))
    graph = value(op, count)
    tangent = fold(graph, Duals(symbols), inputs)[graph.outputs[0]].tangent
    return builder.graph([builder.constant(0.0) if tangent is None else tangent])


def _of_each(entry: Primitive, rule: Each, text: str, k: int, count: int) -> Graph:
    """A text over `x`, `y` and `total`, for the k-th of `count` arguments."""
    names = arguments(entry, count)
    builder = GraphBuilder()
    symbols = Symbols(builder, rewrite=False)
    inputs = {name: builder.variable(name) for name in (*names, RESULT)}

    def put(graph: Graph, extra: dict[str, int]) -> int:
        return fold(graph, symbols, {**inputs, **extra})[graph.outputs[0]]

    each = formula(rule.total, ("x", RESULT))
    total = _sum(builder, [put(each, {"x": inputs[name]}) for name in names])
    return builder.graph([put(formula(text, ("x", RESULT, "total")), {"x": inputs[names[k]], "total": total})])


def _sum(builder: GraphBuilder, terms: Sequence[int]) -> int:
    total = terms[0]
    for term in terms[1:]:
        total = builder.apply("add", (total, term))
    return total
