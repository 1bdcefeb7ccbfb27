"""Which second derivatives of a formula over arrays can be other than 0, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph
from backpropcli.passes.coloring import bends
from backpropcli.passes.entries import dense
from backpropcli.passes.evaluate import dims_of
from backpropcli.passes.sweeps import Trace
from backpropcli.primitives import Bilinear, Linear, Reduction

Array = Any

MAX_BYTES = 1 << 26
"""The most that a node's dependences may take; beyond, every second derivative is taken for other than 0."""


class _FullError(Exception):
    """Everything depends on everything, or is too much to follow."""


def pattern(trace: Trace[Any], wrt: Sequence[str]) -> list[int] | None:
    """The rows of the Hessian's pattern as masks, in the order of `wrt`, arrays row by row; None where it is full."""
    try:
        return _Pattern(trace, wrt).rows()
    except _FullError:
        return None


class _Pattern:
    def __init__(self, trace: Trace[Any], wrt: Sequence[str]) -> None:
        self.trace = trace
        self.first: dict[str, int] = {}
        self.count = 0
        for name in wrt:
            self.first[name] = self.count
            self.count += math.prod(dims_of(trace.values[trace.graph.variables[name]]))
        self.width = (self.count + 7) // 8
        self.found = np.zeros((self.count, self.width), dtype=np.uint8)
        self.depends: list[Array] = []
        """Of every node, its entries' masks as rows of bytes; None where it depends on nothing."""

    def rows(self) -> list[int]:
        for i, (op, args, attribute) in enumerate(self.trace.graph.nodes):
            if op == CONSTANT:
                self.depends.append(None)
            elif op == VARIABLE:
                self.depends.append(self._variable(i, str(attribute)))
            elif op == STEP:
                self.depends.append(self.depends[args[0]])
            else:
                self.depends.append(self._applied(i))
        return [int.from_bytes(row.tobytes(), "little") for row in self.found]

    def _variable(self, i: int, name: str) -> Array:
        if name not in self.first:
            return None
        size = math.prod(dims_of(self.trace.values[i]))
        self._bound(size)
        marks = np.zeros((size, self.width * 8), dtype=np.uint8)
        marks[np.arange(size), self.first[name] + np.arange(size)] = 1
        return np.packbits(marks, axis=1, bitorder="little")

    def _bound(self, rows: int) -> None:
        if rows * max(self.width, 1) * 8 > MAX_BYTES:
            raise _FullError

    def _applied(self, i: int) -> Array:
        op, args, _ = self.trace.graph.nodes[i]
        own = [self.depends[j] for j in args]
        if all([mask is None for mask in own]):
            return None
        entry = primitives.TABLE[op]
        size = math.prod(dims_of(self.trace.values[i]))
        self._bound(size)
        if not entry.array:
            return self._entrywise(op, own, size)
        if isinstance(entry.rule, Linear):
            return self._union([self._linear(i, k, size) for k, mask in enumerate(own) if mask is not None], size)
        if isinstance(entry.rule, Reduction):
            return self._reduced(i, own)
        active = [mask for mask in own if mask is not None]
        if isinstance(entry.rule, Bilinear):
            if len(active) == 2 and _is_entrywise(rules.pulled(op, 0, len(args))):
                self._interact(active[0], active[1])
            elif len(active) == 2:
                self._interact(_all(active[0]), _all(active[1]))
        else:
            every = _all(np.concatenate(active))
            self._interact(every, every)
        return np.repeat(_all(np.concatenate(active)), size, axis=0)

    def _entrywise(self, op: str, own: Sequence[Array], size: int) -> Array:
        wide = [None if mask is None else np.broadcast_to(mask, (size, self.width)) for mask in own]
        for k, m in bends(op, len(own)):
            if wide[k] is not None and wide[m] is not None:
                self._interact(wide[k], wide[m])
        moving = [mask for k, mask in enumerate(wide) if rules.partial(op, k, len(own)) is not None]
        return self._union(moving, size)

    def _union(self, masks: Sequence[Array], size: int) -> Array:
        total = None
        for mask in masks:
            if mask is not None:
                total = mask if total is None else total | mask
        return None if total is None else np.broadcast_to(total, (size, self.width))

    def _linear(self, i: int, k: int, size: int) -> Array:
        """The dependences of a linear operation's entries on one argument: gathered, where it only moves entries."""
        j = self.trace.graph.nodes[i].args[k]
        partial = self.trace.partials[i][k]
        mask = self.depends[j]
        if not isinstance(partial, Map):
            return None
        dims = dims_of(self.trace.values[j])
        # Entries that no sum of others is: where one comes out, it has been moved there.
        marks = np.random.default_rng(0).random(dims) + 1.0
        out = np.ravel(dense(partial.push(marks), dims_of(self.trace.values[i])))
        order = np.argsort(np.ravel(marks))
        at = order[np.minimum(np.searchsorted(np.ravel(marks)[order], out), len(order) - 1)] if len(order) else order
        moved = np.ravel(marks)[at] == out if len(order) else np.zeros(0, dtype=bool)
        if not np.all(moved | (out == 0.0)):
            return self._gathered(i, j, mask, size)
        return np.where(moved[:, None], mask[at], 0).astype(np.uint8)

    def _gathered(self, i: int, j: int, mask: Array, size: int) -> Array:
        """What a sum along an axis depends on; of anything else, all of it."""
        axis = self._axis(i)
        dims = dims_of(self.trace.values[j])
        if axis is None or np.delete(dims, axis).prod() != size:
            return np.repeat(_all(mask), size, axis=0)
        whole = mask.reshape((*dims, self.width))
        return np.bitwise_or.reduce(whole, axis=axis).reshape((size, self.width))

    def _axis(self, i: int) -> int | None:
        op, args, _ = self.trace.graph.nodes[i]
        entry = primitives.TABLE[op]
        if "axis" not in entry.names:
            return None
        axis = self.trace.values[args[entry.names.index("axis")]]
        if not np.isfinite(axis):
            return None
        count = len(dims_of(self.trace.values[args[0]]))
        return int(axis) % count if count else None

    def _reduced(self, i: int, own: Sequence[Array]) -> Array:
        op, args, _ = self.trace.graph.nodes[i]
        size = math.prod(dims_of(self.trace.values[i]))
        made = []
        for k, mask in enumerate(own):
            if mask is None:
                continue
            partial = rules.partial(op, k, len(args))
            if partial is None:
                continue
            gathered = self._gathered(i, args[k], mask, size)
            made.append(gathered)
            if _is_entrywise(partial) and all([other is None or other.shape == mask.shape for other in own]):
                names = rules.arguments(primitives.TABLE[op], len(args))
                for name, other in zip(names, own, strict=True):
                    if other is not None and name in partial.variables:
                        self._interact(mask, other)
            else:
                for other in [mask for mask in own if mask is not None]:
                    self._interact(_all(mask) if size == 1 else gathered, _all(other))
        return self._union(made, size)

    def _interact(self, a: Array, b: Array) -> None:
        """Second derivatives by what an entry of one depends on and what the same entry of the other does."""
        for one, other in ((a, b), (b, a)):
            entries, rows = np.nonzero(np.unpackbits(one, axis=1, count=self.count, bitorder="little"))
            if len(rows) * max(self.width, 1) > MAX_BYTES:
                raise _FullError
            if not len(rows):
                continue
            order = np.argsort(rows, kind="stable")
            rows, entries = rows[order], entries[order]
            starts = np.flatnonzero(np.diff(rows, prepend=-1))
            merged = np.bitwise_or.reduceat(other[entries], starts, axis=0)
            self.found[rows[starts]] |= merged


def _all(mask: Array) -> Array:
    """One row that depends on whatever any row does."""
    return np.bitwise_or.reduce(mask, axis=0, keepdims=True)


def _is_entrywise(graph: Graph | None) -> bool:
    """Whether a rule's text treats every entry alone: no operation on arrays in it, but for their shapes."""
    if graph is None:
        return False
    used = [node.op for node in graph.nodes if node.args]
    return (
        not any([primitives.TABLE[op].array and op != "shape" for op in used]) and rules.RESULT not in graph.variables
    )
