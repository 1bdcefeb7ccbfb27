"""NumPy arrays: every operation on all entries at once, never an exception, always what IEEE arithmetic gives.

Whoever computes with them does so under `quietly()`, since NumPy warns where IEEE has an answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map
from backpropcli.algebras.array_kernels import kernel
from backpropcli.algebras.row_kernels import row_constant, row_kernel
from backpropcli.graph import CONSTANT, VARIABLE, Graph, Literal, literal_of
from backpropcli.primitives import Bilinear, Linear, Reduction
from backpropcli.records import NamedTuple

Array = Any
"""A NumPy array, or a number of NumPy's or Python's."""


class Masked(NamedTuple):
    """A local derivative, adjoint or tangent that is absent in some entries: 0 stands there, and nothing is meant."""

    value: Array
    present: Array
    """True where there is a path; of the value's shape."""


def quietly() -> np.errstate:
    """What to compute under: infinities and nan come out as values, and nothing is printed."""
    return np.errstate(all="ignore")


class Kernels(NamedTuple):
    """What the operations on arrays as a whole are computed by: arrays, or arrays of many rows."""

    find: Callable[[str], Callable[..., Array] | None]
    """The kernel of a primitive; None where its value is a formula."""
    constant: Callable[[Array], Array]
    """An array that is written out, as the kernels take it."""


class Arrays:
    """Arrays of doubles. Rules are compiled once, to programs over NumPy's functions."""

    kernels = Kernels(lambda op: kernel(primitives.TABLE[op].value), lambda array: array)

    @classmethod
    def constant(cls, number: Literal) -> Array:
        """The number, or the array."""
        return _constant(cls.kernels, number)

    @classmethod
    def function(cls, op: str, count: int) -> Callable[..., Array]:
        """The primitive's kernel, or its value formula compiled."""
        return _function(cls.kernels, op, count)

    @classmethod
    def partial(cls, op: str, k: int, count: int) -> Callable[[Sequence[Array]], Any] | None:
        """The rule compiled, a map for an operation on arrays; masked where it has a path condition."""
        return (_map if primitives.TABLE[op].array else _partial)(cls.kernels, op, k, count)

    @staticmethod
    def push(tangent: Array, partial: Any) -> Array:
        """The tangent, mapped or multiplied entry by entry where both are present."""
        return partial.push(tangent) if isinstance(partial, Map) else _times(tangent, partial)

    @staticmethod
    def pull(adjoint: Array, partial: Any) -> Array:
        """The adjoint, mapped or multiplied entry by entry where both are present."""
        return partial.pull(adjoint) if isinstance(partial, Map) else _times(adjoint, partial)

    @staticmethod
    def plus(a: Array, b: Array) -> Array:
        """The sum; an entry is present where it is in one of them."""
        if not isinstance(a, Masked) and not isinstance(b, Masked):
            return a + b
        one, other = masked(a), masked(b)
        return _shown(one.value + other.value, one.present | other.present)

    @staticmethod
    def restricted(value: Array, partial: Any) -> Array:
        """The value where the local derivative has a path."""
        return _times(1.0, Masked(value, partial.present)) if isinstance(partial, Masked) else value

    @staticmethod
    def moving(carried: Array) -> Array:
        """A direction or a seed whose entries of 0 are absent: an infinity that one leads to is met by nothing."""
        return _shown(carried, np.not_equal(carried, 0.0))

    @staticmethod
    def plain(carried: Array) -> Array:
        """The entries, 0 where absent."""
        return carried.value if isinstance(carried, Masked) else carried


class RowArrays(Arrays):
    """Arrays of many rows at once: each has a last axis that counts them, as `row_kernels` says."""

    kernels = Kernels(row_kernel, row_constant)


def _constant(kernels: Kernels, number: Literal) -> Array:
    return kernels.constant(np.array(number, dtype=float)) if isinstance(number, tuple) else number


def masked(carried: Array) -> Masked:
    """An adjoint or tangent with what is present in it."""
    return carried if isinstance(carried, Masked) else Masked(carried, np.ones(np.shape(carried), dtype=bool))


def _times(carried: Array, partial: Array) -> Array:
    if not isinstance(carried, Masked) and not isinstance(partial, Masked):
        return carried * partial
    one, other = masked(carried), masked(partial)
    return _shown(one.value * other.value, one.present & other.present)


def _shown(value: Array, present: Array) -> Array:
    if present.all():
        return value
    shown = np.where(present, value, 0.0)
    return Masked(shown, np.broadcast_to(present, np.shape(shown)))


@functools.cache
def _function(kernels: Kernels, op: str, count: int) -> Callable[..., Array]:
    found = kernels.find(op)
    if found is not None:
        return found
    entry = primitives.TABLE[op]
    if rules.chooses(op, None, count):
        narrowing = _narrowing(kernels, op, None, count)
        return lambda *values: narrowing((*values, None))
    compiled = compile_graph(rules.value(op, count), rules.arguments(entry, count), kernels)
    return lambda *values: compiled(values)


@functools.cache
def _partial(kernels: Kernels, op: str, k: int, count: int) -> Callable[[Sequence[Array]], Any] | None:
    rule, path = rules.partial(op, k, count), rules.path(op, k, count)
    if rule is None:
        return None
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    chooses = rules.chooses(op, k, count)
    slope = _narrowing(kernels, op, k, count) if chooses else compile_graph(rule, names, kernels)
    if path is None:
        return slope
    on_path = compile_graph(path, names, kernels)

    def under(values: Sequence[Array]) -> Any:
        present = np.not_equal(on_path(values), 0.0)
        return _shown(slope(values), present) if present.any() else None

    return under


def _narrowing(kernels: Kernels, op: str, k: int | None, count: int) -> Compiled:
    """The rule as it is for the constants among the arguments, whose choices would all be computed otherwise."""

    def run(values: Sequence[Array]) -> Array:
        # A float is a constant: what is computed or given is NumPy's.
        known = tuple([value if type(value) is float else None for value in values[:-1]])
        return _narrowed(kernels, op, k, count, known)(values)

    return run


@functools.lru_cache(maxsize=1024)
def _narrowed(kernels: Kernels, op: str, k: int | None, count: int, known: tuple[float | None, ...]) -> Compiled:
    graph = rules.narrowed(op, k, count, known)
    return compile_graph(graph, (*rules.arguments(primitives.TABLE[op], count), rules.RESULT), kernels)


@functools.cache
def _map(kernels: Kernels, op: str, k: int, count: int) -> Callable[[Sequence[Array]], Map[Any]] | None:
    pull, push = rules.pulled(op, k, count), rules.pushed(op, k, count)
    if pull is None or push is None:
        return None
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    against = compile_graph(pull, (*names, rules.ADJOINT), kernels)
    along = compile_graph(push, (*names, rules.TANGENT), kernels)
    # What is absent stays so along an operation that is linear with entries 0 and more, or where the other argument is
    # all ones; what an index leaves out gets no adjoint at all.
    rule = primitives.TABLE[op].rule
    gathers = isinstance(rule, Reduction)
    leaves = pull.nodes[pull.outputs[0]].op == "place"
    path = rules.path(op, k, count)
    on_path = None if path is None else compile_graph(path, names, kernels)

    def carried(program: Compiled, values: Sequence[Array], moved: Array) -> Array:
        if not isinstance(moved, Masked):
            return program((*values, moved))
        value, around = program((*values, moved.value)), values
        if isinstance(rule, Bilinear):
            around = [*[np.ones(np.shape(side)) for side in values[:2]], *values[2:]]
        elif not isinstance(rule, Linear):
            return value
        return _shown(value, np.not_equal(program((*around, moved.present.astype(float))), 0.0))

    def gathered(values: Sequence[Array]) -> Any:
        return values[names.index("axis")] if "axis" in names else primitives.ALL

    def pushed(values: Sequence[Array], tangent: Array) -> Array:
        if on_path is not None:
            moved = masked(tangent)
            tangent = _shown(moved.value, moved.present & np.not_equal(on_path(values), 0.0))
        made = carried(along, values, tangent)
        if gathers and isinstance(tangent, Masked):
            # An entry into which nothing is gathered that moves does not move either.
            made = _shown(
                made, np.not_equal(_function(kernels, "sum", 2)(tangent.present.astype(float), gathered(values)), 0.0)
            )
        return made

    def placed(values: Sequence[Array], adjoint: Array) -> Array:
        return carried(against, values, masked(adjoint))

    def guarded(values: Sequence[Array], adjoint: Array) -> Array:
        made = carried(against, values, adjoint)
        if on_path is not None:
            made = _shown(made, np.not_equal(on_path(values), 0.0))
        if gathers and isinstance(adjoint, Masked):
            # What is gathered into an entry that is absent is absent too.
            shape = _function(kernels, "shape", 1)(values[k])
            behind = _function(kernels, "spread", 3)(adjoint.present, gathered(values), shape)
            made = _shown(masked(made).value, masked(made).present & behind)
        return made

    def local(values: Sequence[Array]) -> Map[Any]:
        if leaves:
            return Map(lambda tangent: pushed(values, tangent), lambda adjoint: placed(values, adjoint))
        return Map(lambda tangent: pushed(values, tangent), lambda adjoint: guarded(values, adjoint))

    return local


Compiled = Callable[[Sequence[Array]], Array]


def compile_graph(graph: Graph, variables: Sequence[str], kernels: Kernels = Arrays.kernels) -> Compiled:
    """A formula of the table as a function of its variables' values: one loop, every node once."""
    position = {name: k for k, name in enumerate(variables)}
    fixed: list[Array] = [None] * len(graph.nodes)
    given: list[tuple[int, int]] = []
    program: list[tuple[int, Callable[..., Array], tuple[int, ...]]] = []
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if op == VARIABLE:
            given.append((i, position[str(attribute)]))
        elif op == CONSTANT:
            fixed[i] = _constant(kernels, literal_of(attribute))
        else:
            program.append((i, _function(kernels, op, len(args)), args))
    output = graph.outputs[0]

    def run(values: Sequence[Array]) -> Array:
        registers = fixed.copy()
        for i, k in given:
            registers[i] = values[k]
        for i, function, args in program:
            registers[i] = function(*[registers[j] for j in args])
        return registers[output]

    return run
