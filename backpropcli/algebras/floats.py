"""Python floats, by the standard library's mathematics: never an exception, always what IEEE arithmetic gives."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.graph import CONSTANT, VARIABLE, Graph, number_of, tree_sizes

Compiled = Callable[[Sequence[float]], float]
"""A formula of the table as a function of its variables' values, in order."""

# A formula whose closures would evaluate more than this, because it shares much, runs as a program of registers.
_CLOSURES = 200


class Floats:
    """Numbers. Rules are compiled once, to closures over kernels."""

    times = staticmethod(operator.mul)
    plus = staticmethod(operator.add)

    def constant(self, number: float) -> float:
        """The number itself."""
        return number

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
    closures: list[Compiled] = []
    for op, args, attribute in graph.nodes:
        if op == VARIABLE:
            closures.append(operator.itemgetter(position[str(attribute)]))
        elif op == CONSTANT:
            closures.append(_constantly(number_of(attribute)))
        else:
            closures.append(_applied(op, [closures[j] for j in args]))
    return closures[graph.outputs[0]]


def _constantly(number: float) -> Compiled:
    return lambda values: number


def _applied(op: str, parts: Sequence[Compiled]) -> Compiled:
    if op == "if":
        condition, then, other = parts
        return lambda values: then(values) if condition(values) else other(values)
    function = _function(op, len(parts))
    if len(parts) == 1:
        (only,) = parts
        return lambda values: function(only(values))
    if len(parts) == 2:
        left, right = parts
        return lambda values: function(left(values), right(values))
    return lambda values: function(*[part(values) for part in parts])


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
