"""Python floats, by the standard library's mathematics: never an exception, always what IEEE arithmetic gives."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.graph import CONSTANT, VARIABLE, Graph, Literal, number_of, tree_sizes

Compiled = Callable[[Sequence[float]], float]
"""A formula of the table as a function of its variables' values, in order."""

# A formula whose closures would evaluate more than this, because it shares much, runs as a program of registers.
_CLOSURES = 200


class Floats:
    """Numbers. Rules are compiled once, to closures over kernels."""

    push = pull = staticmethod(operator.mul)
    plus = staticmethod(operator.add)

    @staticmethod
    def restricted(value: float, partial: float) -> float:
        """The value: a number's path is there or is not."""
        return value

    @staticmethod
    def plain(carried: float) -> float:
        """The number itself."""
        return carried

    def constant(self, number: Literal) -> float:
        """The number itself."""
        return number_of(number)

    def function(self, op: str, count: int) -> Callable[..., float]:
        """The primitive's kernel, or its value formula compiled."""
        return _function(op, count)

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[float]], float | None] | None:
        """The rule compiled; where it has a path condition, None off the path."""
        return _partial(op, k, count)


@functools.cache
def _function(op: str, count: int) -> Callable[..., float]:
    text = primitives.TABLE[op].value
    if text in FLOAT_KERNELS:
        return FLOAT_KERNELS[text]
    compiled = compile_graph(rules.value(op, count), rules.arguments(primitives.TABLE[op], count))
    if count == 1:
        return lambda x: compiled((x,))
    return lambda *values: compiled(values)


@functools.cache
def _partial(op: str, k: int, count: int) -> Callable[[Sequence[float]], float | None] | None:
    rule, path = rules.partial(op, k, count), rules.path(op, k, count)
    if rule is None:
        return None
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    slope = compile_graph(rule, names)
    if path is None:
        return slope
    on_path = compile_graph(path, names)
    return lambda values: slope(values) if on_path(values) else None


def compile_graph(graph: Graph, variables: Sequence[str]) -> Compiled:
    """A formula of the table as a function of its variables' values; an arm that is not taken is not evaluated."""
    position = {name: k for k, name in enumerate(variables)}
    if tree_sizes(graph)[graph.outputs[0]] > _CLOSURES:
        return _registers(graph, position)
    places = {i: position[str(node.attribute)] for i, node in enumerate(graph.nodes) if node.op == VARIABLE}
    return _evaluated(_with_shared(graph, graph.outputs[0], places, len(variables)))


# What a node is made of it takes from a place among the values (an int), as a number (a float), or from a closure.
_Part = int | float | Compiled


def _with_shared(graph: Graph, root: int, places: dict[int, int], count: int) -> _Part:
    """A node's value, after those that it needs in any case and twice at least: they take places behind the values."""
    uses: dict[int, int] = {}
    certain = {root}
    for i in _below(graph, root):
        args = graph.nodes[i].args
        for j in args:
            uses[j] = uses.get(j, 0) + 1
        if i in certain:
            certain.update(args[:1] if graph.nodes[i].op in _LAZY else args)
    shared = [i for i in sorted(certain) if uses.get(i, 0) > 1 and i not in places and graph.nodes[i].args]
    before: list[Compiled] = []
    for i in shared:
        before.append(_evaluated(_part(graph, i, places, count + len(before))))
        places = {**places, i: count + len(before) - 1}
    result = _part(graph, root, places, count + len(before))
    if not before:
        return result
    last = _evaluated(result)
    if len(before) == 1:
        (only,) = before
        return lambda values: last((*values, only(values)))

    def run(values: Sequence[float]) -> float:
        found = list(values)
        for shared in before:
            found.append(shared(found))
        return last(found)

    return run


# Operations that read their later arguments only if the first says so.
_LAZY = frozenset({"if", "and", "or"})


def _below(graph: Graph, root: int) -> list[int]:
    """The nodes that one is made of, each before its arguments."""
    needed = {root}
    for i in range(root, -1, -1):
        if i in needed:
            needed.update(graph.nodes[i].args)
    return sorted(needed, reverse=True)


def _part(graph: Graph, i: int, places: dict[int, int], count: int) -> _Part:
    if i in places:
        return places[i]
    op, args, attribute = graph.nodes[i]
    if op == CONSTANT:
        return number_of(attribute)
    if op == "if":
        condition = _condition(graph, args[0], places, count)
        then, other = [_evaluated(_with_shared(graph, j, places, count)) for j in args[1:]]
        return lambda values: then(values) if condition(values) else other(values)
    if op in _LAZY:
        holds = _condition(graph, i, places, count)
        return lambda values: 1.0 if holds(values) else 0.0
    return _applied(_function(op, len(args)), [_part(graph, j, places, count) for j in args])


_RELATIONS: dict[str, Callable[..., float]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _condition(graph: Graph, i: int, places: dict[int, int], count: int) -> Compiled:
    """What is as true as the node's value."""
    op, args, _ = graph.nodes[i]
    if i not in places:
        if op in _RELATIONS:
            parts = [_part(graph, j, places, count) for j in args]
            return _evaluated(_applied(_RELATIONS[op], parts))
        if op in ("and", "or"):
            first, second = [_condition(graph, j, places, count) for j in args]
            if op == "and":
                return lambda values: first(values) and second(values)
            return lambda values: first(values) or second(values)
    return _evaluated(_part(graph, i, places, count))


def _evaluated(part: _Part) -> Compiled:
    if isinstance(part, int):
        return operator.itemgetter(part)
    return _constantly(part) if isinstance(part, float) else part


def _constantly(number: float) -> Compiled:
    return lambda values: number


def _applied(function: Callable[..., float], parts: Sequence[_Part]) -> _Part:
    """The function over its parts. Half of a closure's time goes into its arguments' closures, hence the cases."""
    if all([isinstance(part, float) for part in parts]):
        return float(function(*parts))
    if len(parts) == 1:
        return _of_one(function, parts[0])
    if len(parts) == 2:
        return _of_two(function, parts[0], parts[1])
    evaluated = [_evaluated(part) for part in parts]
    return lambda values: function(*[part(values) for part in evaluated])


def _of_one(function: Callable[..., float], a: _Part) -> Compiled:
    if isinstance(a, int):
        return lambda values: function(values[a])
    inner = _evaluated(a)
    return lambda values: function(inner(values))


def _of_two(function: Callable[..., float], a: _Part, b: _Part) -> Compiled:
    if isinstance(a, int):
        if isinstance(b, int):
            return lambda values: function(values[a], values[b])
        if isinstance(b, float):
            return lambda values: function(values[a], b)
        return lambda values: function(values[a], b(values))
    if isinstance(b, int):
        if isinstance(a, float):
            return lambda values: function(a, values[b])
        return lambda values: function(a(values), values[b])
    if isinstance(a, float):
        right = _evaluated(b)
        return lambda values: function(a, right(values))
    if isinstance(b, float):
        return lambda values: function(a(values), b)
    return lambda values: function(a(values), b(values))


def _registers(graph: Graph, position: dict[str, int]) -> Compiled:
    """The same by one loop, every node once."""
    program: list[tuple[Callable[..., float], tuple[int, ...]]] = []
    for op, args, attribute in graph.nodes:
        if op == VARIABLE:
            program.append((functools.partial(_at, position[str(attribute)]), ()))
        elif op == CONSTANT:
            program.append((functools.partial(_number, number_of(attribute)), ()))
        else:
            program.append((_function(op, len(args)), args))

    def run(values: Sequence[float]) -> float:
        registers: list[float] = []
        for function, args in program:
            if args:
                registers.append(function(*[registers[j] for j in args]))
            else:
                registers.append(function(values))
        return registers[graph.outputs[0]]

    return run


def _at(k: int, values: Sequence[float]) -> float:
    return values[k]


def _number(number: float, values: Sequence[float]) -> float:
    return number
