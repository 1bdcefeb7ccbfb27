"""Rows that hold arrays: a formula bound to their shapes, linearized and pulled for a stack of rows at once.

It is the same sweep over the same graph as for one point, in an algebra whose arrays have an axis for the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map
from backpropcli.algebras.arrays import Arrays, Compiled, RowArrays, compile_graph
from backpropcli.algebras.row_kernels import row_constant
from backpropcli.graph import CONSTANT, STEP
from backpropcli.passes.evaluate import Setting
from backpropcli.passes.sweeps import Trace, linearize, pull
from backpropcli.programs.engines import Computed

Array = Any

_NUMBERS = 1 << 17
"""Numbers that the nodes of the rows that are swept together hold, about: what fits a processor's memory."""


class Stacks:
    """A formula over arrays of certain shapes: its values, and its gradient where it is one number."""

    def __init__(
        self,
        scene: Setting,
        columns: Sequence[str],
        fixed: Mapping[str, Any],
        wrt: Sequence[str],
        *,
        value: bool,
        gradient: bool,
    ) -> None:
        """`columns` have a value a row, the others are `fixed`; `value` and `gradient` are what each row gets."""
        self._scene = scene
        self._columns = columns
        self._wrt = wrt
        self._value = value
        self._gradient = gradient
        self._fixed = {name: row_constant(value) for name, value in scene.inputs(fixed).items()}
        entries = sum([math.prod(scene.dims_of(i)) for i in range(len(scene.graph.nodes))])
        self._block = max(1, _NUMBERS // max(entries, 1))

    def run(self, columns: Sequence[Any], count: int) -> Computed:
        """The outputs of so many rows; a column is an array with the rows along its first axis."""
        parts = []
        suspects: list[int] = []
        marked: dict[bytes, list[int]] = {}
        with self._scene.quietly():
            for start in range(0, count, self._block):
                stop = min(count, start + self._block)
                taken = [np.ascontiguousarray(np.moveaxis(column[start:stop], 0, -1)) for column in columns]
                outputs, wrong, signatures = self._swept(dict(zip(self._columns, taken, strict=True)), stop - start)
                parts.append(outputs)
                suspects += [start + k for k in np.flatnonzero(wrong).tolist()]
                for k, signature in signatures.items():
                    marked.setdefault(signature, []).append(start + k)
        joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return Computed([column if column.ndim == 1 else column.tolist() for column in joined], suspects, marked)

    def _swept(self, columns: Mapping[str, Array], count: int) -> tuple[list[Array], Array, dict[int, bytes]]:
        """The outputs, the rows to be looked at one by one, and of those at an edge what their notes depend on."""
        graph = self._scene.graph
        trace = linearize(graph, RowArrays(), {**self._fixed, **columns}, self._wrt)
        adjoints: Sequence[Any] = pull(trace, 1.0) if self._gradient else []
        wrong = np.zeros(count, dtype=bool)
        partials = [each for each in _flat(trace.partials) if each is not None and not isinstance(each, Map)]
        # Constants are as they are meant: an axis may be infinite.
        values = [value for value, node in zip(trace.values, graph.nodes, strict=True) if node.op != CONSTANT]
        for found in (*values, *partials, *adjoints):
            if found is not None:
                _mark_not_finite(Arrays.plain(found), wrong)
        outputs = [self._column(trace.values[i], i, count) for i in graph.outputs] if self._value else []
        for name in self._wrt if self._gradient else ():
            i = graph.variables[name]
            outputs.append(self._column(0.0 if adjoints[i] is None else Arrays.plain(adjoints[i]), i, count))
        return outputs, wrong, self._signatures(trace, wrong)

    def _column(self, value: Array, i: int, count: int) -> Array:
        """A node's value or adjoint with the rows along its first axis."""
        return np.moveaxis(np.broadcast_to(value, (*self._scene.dims_of(i), count)), -1, 0)

    def _signatures(self, trace: Trace[Any], wrong: Array) -> dict[int, bytes]:
        """Of rows at a kink, a tie or a jump where that is, and which arguments are read: their notes depend on it."""
        edges = self._edges(trace)
        if not any([mask.any() for mask in edges]):
            return {}

        def wide(mask: Array) -> Array:
            return np.broadcast_to(mask, (*mask.shape[:-1], len(wrong))).reshape(-1, len(wrong))

        rows = np.flatnonzero(np.concatenate(list(map(wide, edges))).any(axis=0) & ~wrong)
        masks = [wide(mask)[:, rows] for mask in (*edges, *self._choices(trace))]
        bits = np.packbits(np.concatenate(masks), axis=0)
        return {k: bits[:, place].tobytes() for place, k in enumerate(rows.tolist())}

    def _edges(self, trace: Trace[Any]) -> list[Array]:
        """Where the conditions of every edge hold at which a derivative is a convention."""
        found = []
        for i, (op, args, _) in enumerate(trace.graph.nodes):
            if not args or op == STEP or not trace.active[i]:
                continue
            entry = primitives.TABLE[op]
            found += [
                self._holds(trace, i, self._condition(op, edge.where, len(args)))
                for edge in entry.edges
                if edge.of is None or trace.active[args[entry.names.index(edge.of)]]
            ]
        return found

    def _choices(self, trace: Trace[Any]) -> list[Array]:
        """Where the conditions hold that decide which arguments are read, and which have a path."""
        found = []
        for i, (op, args, _) in enumerate(trace.graph.nodes):
            if not args or op == STEP:
                continue
            names = (*rules.arguments(primitives.TABLE[op], len(args)), rules.RESULT)
            for k, j in enumerate(args):
                path = rules.path(op, k, len(args)) if trace.active[j] else None
                conditions = [each for each in (rules.reads(op, k), path) if each is not None]
                found += [self._holds(trace, i, compile_graph(each, names, RowArrays.kernels)) for each in conditions]
        return found

    @staticmethod
    def _condition(op: str, where: str, count: int) -> Compiled:
        names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
        return compile_graph(rules.condition(op, where, count), names, RowArrays.kernels)

    @staticmethod
    def _holds(trace: Trace[Any], i: int, condition: Compiled) -> Array:
        values = [*[trace.values[j] for j in trace.graph.nodes[i].args], trace.values[i]]
        held = np.not_equal(condition(values), 0.0)
        return held if held.ndim else held[None]


def _flat(partials: Sequence[Sequence[Any]]) -> list[Any]:
    return [partial for each in partials for partial in each]


def _mark_not_finite(value: Array, wrong: Array) -> None:
    """Mark the rows in which an entry is not finite; their sum tells at once that there is none."""
    if np.isfinite(np.sum(value)):
        return
    finite = np.isfinite(value)
    wrong |= ~(finite.reshape(-1, finite.shape[-1]).all(axis=0) if finite.ndim else finite)


def shared(columns: Mapping[str, Any], count: int) -> list[tuple[Sequence[int], dict[str, Array]]] | None:
    """Rows whose values have the same shapes, with their values as arrays whose first axis counts those rows.

    None where there is something that is no number and no array of numbers.
    """
    whole = {name: array for name, column in columns.items() if (array := _stacked(column)) is not None}
    if len(whole) == len(columns):
        return [(range(count), whole)]
    values: dict[str, list[Array]] = {}
    for name, column in columns.items():
        values[name] = [array for value in column if (array := _stacked(value)) is not None]
        if len(values[name]) < count:
            return None
    groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for k in range(count):
        groups.setdefault(tuple([column[k].shape for column in values.values()]), []).append(k)
    return [
        (rows, {name: np.stack([column[k] for k in rows]) for name, column in values.items()})
        for rows in groups.values()
    ]


def _stacked(column: Any) -> Array | None:
    """A column as an array; None where its values are no numbers, or of several shapes."""
    if isinstance(column, (bool, list)) and bool in {*map(type, column if isinstance(column, list) else [column])}:
        return None
    try:
        array = np.asarray(column)
        return array.astype(float, copy=False) if array.dtype.kind in "fiu" else None
    except (ValueError, OverflowError):
        return None
