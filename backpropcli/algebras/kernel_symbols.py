"""Nodes of a graph that holds kernels alone: what interprets a formula here lowers it to what machines compute.

Formulas of the table are put in until only kernels are left, constants are computed, choices that they decide are gone,
and equal parts are one node. Every rewrite keeps each bit of the result, but for the sign of a zero where there is no
path and the bits of a nan; so a lowered graph gives the numbers of the graph that it was made of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map, fold
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.algebras.symbols import PATH, Guarded, Symbols
from backpropcli.graph import CONSTANT, Graph, GraphBuilder, number_of

SELECT = "if"
"""The primitive that chooses; it computes both of its arms."""

CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})
"""Kernels whose value is 1 or 0."""

_COMMUTE = frozenset({"add", "mul", "eq", "ne", "and", "or"})

_TURNED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
"""Relations, by what they are with both sides' signs changed."""


class Kernels(Symbols):
    """Nodes of the graph of kernels that `builder` builds; by the name of the primitive that is the kernel alone."""

    def __init__(self, builder: GraphBuilder) -> None:
        super().__init__(builder, rewrite=False)
        self._functions: dict[tuple[str, int], Callable[..., int]] = {}
        self._slopes: dict[tuple[str, int, int], Callable[[Sequence[int]], int | Map[int] | None] | None] = {}

    def function(self, op: str, count: int) -> Callable[..., int]:
        """Appending a kernel's application, or what the primitive's formula makes."""
        made = self._functions.get((op, count))
        if made is None:
            made = self._functions[op, count] = self._function(op, count)
        return made

    def partial(self, op: str, k: int, count: int) -> Callable[[Sequence[int]], int | Map[int] | None] | None:
        """The rule, put in over the nodes; None where a known condition says that there is no path."""
        key = op, k, count
        if key not in self._slopes:
            self._slopes[key] = self._slope(op, k, count)
        return self._slopes[key]

    def _slope(self, op: str, k: int, count: int) -> Callable[[Sequence[int]], int | Map[int] | None] | None:
        slope, path = super().partial(op, k, count), rules.path(op, k, count)
        if slope is None or path is None:
            return slope

        def on_path(nodes: Sequence[int]) -> int | Map[int] | None:
            known = self.number(self.condition(path, op, nodes))
            return None if known == 0.0 else slope(nodes)

        return on_path

    def condition(self, graph: Graph, op: str, nodes: Sequence[int]) -> int:
        """A text of a primitive's entry, over its arguments and then its result."""
        names = (*rules.arguments(primitives.TABLE[op], len(nodes) - 1), rules.RESULT)
        return fold(graph, self, dict(zip(names, nodes, strict=True)))[graph.outputs[0]]

    def number(self, node: int) -> float | None:
        """The node's number, of a constant."""
        op, _, attribute = self.builder.nodes[node]
        return number_of(attribute) if op == CONSTANT else None

    def both(self, a: int | None, b: int | None) -> int | None:
        """The condition that both hold; None is what always does."""
        if a is None or b is None:
            return b if a is None else a
        return self.function("and", 2)(a, b)

    def either(self, a: int | None, b: int | None) -> int | None:
        """The condition that one of them holds; None is what always does."""
        return None if a is None or b is None else self.function("or", 2)(a, b)

    def presence(self, node: int) -> int | None:
        """The condition under which there is a path to what is carried; None where there always is."""
        guarded = self._guarded.get(node)
        return None if guarded is None else guarded.condition

    def _function(self, op: str, count: int) -> Callable[..., int]:
        entry = primitives.TABLE[op]
        if entry.value not in FLOAT_KERNELS:
            graph, names = rules.value(op, count), rules.arguments(entry, count)
            return lambda *args: fold(graph, self, dict(zip(names, args, strict=True)))[graph.outputs[0]]
        own = entry.value if entry.value in primitives.TABLE else op
        if own in ("max", "min"):
            return lambda *args: self._in_turn(own, args)
        return lambda *args: self._applied(own, args)

    def _in_turn(self, op: str, args: Sequence[int]) -> int:
        """An operation on any number of arguments as one on two of them after the other."""
        found = args[0]
        for other in args[1:]:
            found = self._applied(op, (found, other))
        return found

    def _applied(self, op: str, args: tuple[int, ...]) -> int:
        numbers = [self.number(j) for j in args]
        if None not in numbers:
            return self.constant(Floats().function(op, len(args))(*numbers))
        if op == SELECT:
            return self._select(args, numbers[0])
        if op in ("and", "or"):
            for one, other in ((0, 1), (1, 0)):
                number = numbers[one]
                if number is not None:
                    settled = bool(number) == (op == "or")
                    return self.constant(float(op == "or")) if settled else self.truth(args[other])
            if args[0] == args[1]:
                return self.truth(args[0])
        found = _REWRITES[op](self, args, numbers) if op in _REWRITES else None
        if found is not None:
            return found
        return self.builder.apply(op, sorted(args) if op in _COMMUTE else args)

    def _select(self, args: tuple[int, ...], condition: float | None) -> int:
        if condition is not None:
            return args[1] if condition else args[2]
        return args[1] if args[1] == args[2] else self.builder.apply(SELECT, args)

    def truth(self, node: int) -> int:
        """1 where a condition holds: the condition itself, unless it is another number."""
        if self.builder.nodes[node].op in CONDITIONS:
            return node
        return self._applied("ne", (node, self.constant(0.0)))

    def _guard(self, condition: int, value: int) -> int:
        inner = self._guarded.get(value)
        if inner is not None:
            condition, value = self.function("and", 2)(condition, inner.condition), inner.value
        known = self.number(condition)
        if known is not None:
            return value if known else self.constant(0.0)
        node = self.builder.apply(SELECT, (condition, value, self.constant(0.0)), PATH)
        self._guarded[node] = Guarded(condition, value)
        return node

    def of(self, op: str, node: int) -> int | None:
        """What this operation is applied to in a node, where the node is such an application."""
        found = self.builder.nodes[node]
        return found.args[0] if found.op == op else None


# Rewrites that change no bit


_Rewritten = Callable[[Kernels, Sequence[int], Sequence[float | None]], int | None]


def _neg(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    return kernels.of("neg", args[0])


def _abs(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    inner = kernels.of("neg", args[0])
    return None if inner is None else kernels.function("abs", 1)(inner)


def _add(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    a, b = args
    for one, other in ((a, b), (b, a)):
        inner = kernels.of("neg", other)
        if inner is not None:
            return kernels.function("sub", 2)(one, inner)
    return None


def _sub(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    a, b = args
    inner = kernels.of("neg", b)
    if inner is not None:
        return kernels.function("add", 2)(a, inner)
    return a if _is(numbers[1], 0.0) else None


def _mul(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    for one, other in ((0, 1), (1, 0)):
        number = numbers[one]
        if _is(number, 1.0):
            return args[other]
        if _is(number, -1.0):
            return kernels.function("neg", 1)(args[other])
        inner = kernels.of("neg", args[other])
        if inner is not None:
            if number is not None:
                return kernels.function("mul", 2)(kernels.constant(-number), inner)
            return kernels.function("neg", 1)(kernels.function("mul", 2)(args[one], inner))
    return None


def _div(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    a, b = args
    divisor = numbers[1]
    if divisor is not None and _is_power_of_two(divisor):
        return kernels.function("mul", 2)(a, kernels.constant(1.0 / divisor))
    over, under = kernels.of("neg", a), kernels.of("neg", b)
    if over is None and under is None:
        return None
    made = kernels.function("div", 2)(a if over is None else over, b if under is None else under)
    return made if over is not None and under is not None else kernels.function("neg", 1)(made)


def _pow(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
    if _is(numbers[1], 1.0):
        return args[0]
    return kernels.constant(1.0) if numbers[1] == 0.0 else None


def _relation(op: str) -> _Rewritten:
    def rewritten(kernels: Kernels, args: Sequence[int], numbers: Sequence[float | None]) -> int | None:
        a, b = [kernels.of("neg", j) for j in args]
        if 0.0 in numbers and any([_is(number, -0.0) for number in numbers]):
            plain = [j if number != 0.0 else kernels.constant(0.0) for j, number in zip(args, numbers, strict=True)]
            return kernels.function(op, 2)(*plain)
        for own, number, first in ((a, numbers[1], True), (b, numbers[0], False)):
            if own is not None and number is not None:
                other = kernels.constant(-number)
                return kernels.function(_TURNED[op], 2)(*((own, other) if first else (other, own)))
        return None if a is None or b is None else kernels.function(_TURNED[op], 2)(a, b)

    return rewritten


def _is(number: float | None, wanted: float) -> bool:
    """Whether it is this number, with its sign."""
    return number is not None and number == wanted and math.copysign(1.0, number) == math.copysign(1.0, wanted)


def _is_power_of_two(number: float) -> bool:
    """Whether dividing by it is multiplying by its inverse, bit for bit."""
    return math.isfinite(number) and abs(math.frexp(number)[0]) == 0.5 and 1e-300 < abs(number) < 1e300


_REWRITES: dict[str, _Rewritten] = {
    "neg": _neg,
    "abs": _abs,
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    **{op: _relation(op) for op in _TURNED},
}
