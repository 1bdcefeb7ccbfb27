"""What is special about a point of arrays: as with numbers, told of the first entry that is concerned."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map
from backpropcli.algebras.arrays import Arrays, Masked, compile_graph
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import STEP, VARIABLE
from backpropcli.language.reading import number_text
from backpropcli.passes.examine import Examination, Finding, Reach
from backpropcli.passes.sweeps import Trace
from backpropcli.primitives import Edge, Linear

Array = Any
Place = tuple[int, ...]


class ArrayExamination(Examination):
    """A trace over arrays, looked at node by node; of a node the first entry in question is told."""

    trace: Trace[Any]

    def __init__(
        self, trace: Trace[Any], text: str, names: Sequence[str], gaps: Collection[Span] = frozenset()
    ) -> None:
        self.needed: list[Array] = []
        """Of every node, which entries the output's value is made of."""
        self._place: tuple[int, Place] | None = None
        super().__init__(trace, text, names, gaps)

    # Where we are

    def _reach(self) -> Reach:
        """As with numbers; `needed` holds the same entry by entry, so that an arm's other entries are not looked at."""
        graph, values = self.trace.graph, self.trace.values
        # True and False stand for all entries and none: masks are made only where they differ.
        needed: list[Array] = [False] * len(values)
        matters = [False] * len(graph.nodes)
        for i in graph.outputs:
            needed[i] = matters[i] = True
        for i in range(len(graph.nodes) - 1, -1, -1):
            if not _any(needed[i]):
                continue
            op, args, _ = graph.nodes[i]
            for k, j in enumerate(args):
                wanted = self._wanted(i, k, needed[i])
                if not _any(wanted):
                    continue
                needed[j] = True if wanted is True or needed[j] is True else needed[j] | wanted
                if matters[i] and self.trace.active[j]:
                    matters[j] = matters[j] or self.trace.partials[i][k] is not None or _is_flat(op, k, len(args))
        self.needed = needed
        return Reach([_any(mask) for mask in needed], matters)

    def _wanted(self, i: int, k: int, mask: Array) -> Array:
        """The entries of an argument that these entries of a node are made of."""
        op, args, _ = self.trace.graph.nodes[i]
        values = [self.trace.values[j] for j in args]
        dims = np.shape(values[k])
        if op == STEP:
            return mask
        entry = primitives.TABLE[op]
        if not entry.array:
            condition = rules.reads(op, k)
            if condition is not None:
                taken = mask & (compile_graph(condition, entry.names)(values) != 0.0)
                mask = np.broadcast_to(taken, np.shape(self.trace.values[i]))
            return mask if mask is True else _gathered(mask, dims)
        if isinstance(entry.rule, Linear) and not (mask is True and not _leaves_out(op, k, len(args))):
            local = Arrays.partial(op, k, len(args))
            if local is not None:
                result = self.trace.values[i]
                seed = np.broadcast_to(mask, np.shape(result)).astype(float)
                pulled = Arrays.plain(local([*values, result]).pull(seed))
                return np.broadcast_to(pulled != 0.0, dims)
        return True

    def value(self, i: int) -> float:
        """The entry in question, or the number."""
        value: Any = self.trace.values[i]
        place = self._place_in(i)
        return float(value[place]) if place is not None else float(value) if np.ndim(value) == 0 else float("nan")

    def placed(self, i: int) -> str:
        """The node with its entry: `x[2]`."""
        place = self._place_in(i)
        name = self.named(i)
        if not place:
            return name
        plain = name.replace("_", "").isalnum()
        return f"{name if plain else f'({name})'}[{', '.join([str(k) for k in place])}]"

    def _place_in(self, i: int) -> Place | None:
        """Where the entry in question stands in a node's value."""
        dims = np.shape(self.trace.values[i])
        if self._place is None or not dims:
            return None
        own = self._place[1][len(self._place[1]) - len(dims) :]
        return (
            tuple([k if size > 1 else 0 for k, size in zip(own, dims, strict=False)]) if len(own) == len(dims) else None
        )

    def _at_first(self, i: int, mask: Array) -> None:
        """Look at the first entry of a node that is marked."""
        place = np.argwhere(mask)
        self._place = (i, tuple([int(k) for k in place[0]])) if len(place) else None

    # Values

    def first_not_finite(self) -> int | None:
        """The first node with a needed entry that is inf or nan though its arguments are finite."""
        return next((i for i, wrong, fed in self._not_finite() if np.any(wrong & ~fed)), None)

    def _not_finite(self) -> list[tuple[int, Array, Array]]:
        """Nodes with needed entries that are not finite: which, and which of them something not finite goes into."""
        found = []
        values = self.trace.values
        for i, (op, args, _) in enumerate(self.graph.nodes):
            if not args or op == STEP:
                continue
            if _is_finite(values[i]):
                continue
            wrong = self.needed[i] & ~np.isfinite(np.asarray(values[i]))
            if np.any(wrong):
                found.append((i, wrong, np.broadcast_to(self._fed(i), np.shape(values[i]))))
        return found

    def _fed(self, i: int) -> Array:
        """Entries of a node that an argument's entry goes into which is not finite."""
        op = self.graph.nodes[i].op
        broken = [~np.isfinite(np.asarray(self.trace.values[j], dtype=float)) for j in self._with_values(i)]
        if not broken:
            return np.asarray(False)
        if not primitives.TABLE[op].array:
            return functools.reduce(np.logical_or, broken)
        return np.asarray(any([bool(np.any(mask)) for mask in broken]))

    def _with_values(self, i: int) -> list[int]:
        """The arguments that are values, and no axes, shapes or slices."""
        op, args, _ = self.graph.nodes[i]
        entry = primitives.TABLE[op]
        last = len(entry.names) - 1
        return [j for k, j in enumerate(args) if entry.names[min(k, last)] not in entry.static]

    def value_findings(self, *, ieee: bool) -> list[Finding]:
        """As with numbers: an error where the value does not exist, a warning where it overflowed inside."""
        found: list[Finding] = []
        finite_output = all([_is_finite(self.trace.values[i]) for i in self.graph.outputs])
        for i, wrong, fed in self._not_finite():
            first = wrong & ~fed
            if not np.any(first):
                if not (ieee or found):
                    raise self._from_infinity(i)
                continue
            self._at_first(i, first)
            outside = not self._in_domain(i)
            undefined = outside or bool(np.any(np.isnan(np.asarray(self.trace.values[i])[first])))
            if not ieee and undefined:
                raise self._outside_domain(i)
            if not ieee and not finite_output:
                raise self._overflow(i)
            kind = "undefined" if undefined else "overflow"
            found.append(Finding("warning", i, kind, self._not_finite_message(i, outside)))
            if ieee:
                break
        self._place = None
        return found

    def _in_domain(self, i: int) -> bool:
        entry = primitives.TABLE[self.graph.nodes[i].op]
        if not entry.array or entry.domain is None:
            return super()._in_domain(i)
        return bool(np.all(self._whole_condition(i, entry.domain)))

    def _whole_condition(self, i: int, text: str) -> Array:
        """A condition of the entry over whole arrays: where it holds."""
        op, args, _ = self.graph.nodes[i]
        return _compiled(op, text, len(args))([*[self.trace.values[j] for j in args], self.trace.values[i]])

    def _outside_domain(self, i: int) -> BackpropError:
        op, args, _ = self.graph.nodes[i]
        entry = primitives.TABLE[op]
        if not entry.array:
            return super()._outside_domain(i)
        needs = entry.needs or (self._needs(entry, args) if entry.domain else None)
        message = f"{self.written(i)} has no value" + (f": it needs {needs}" if needs else "")
        hint = "see where the argument comes from with --ieee, which goes on with inf and nan"
        return BackpropError(message, source=self.text, span=self.span(i), hint=hint)

    def _such_a_value(self, i: int, name: str, sample: float) -> str:
        return f"give {self.placed(i)} such a value; {number_text(sample)} would do"

    def _values_of(self, args: Sequence[int]) -> str:
        told = [j for j in args if np.ndim(self.trace.values[j]) == 0 or self._place_in(j) is not None]
        return super()._values_of(told)

    # Derivatives

    def edge_findings(self) -> list[Finding]:
        """Kinks, ties and jumps where a convention was used: a note for each node, about its first such entry."""
        found = []
        for i, edge in self.edges():
            holds = np.not_equal(self._whole_condition(i, edge.where), 0.0)
            holds = np.broadcast_to(holds, np.broadcast_shapes(np.shape(holds), np.shape(self.trace.values[i])))
            if not primitives.TABLE[self.graph.nodes[i].op].array:
                holds = holds & self.needed[i]
            if np.any(holds):
                self._at_first(i, holds)
                found.append(self._edge_of(i, edge, int(np.count_nonzero(holds))))
        self._place = None
        return found

    def _edge_of(self, i: int, edge: Edge, count: int) -> Finding:
        entry = primitives.TABLE[self.graph.nodes[i].op]
        if entry.array:
            message = f"{self.written(i)} has a {edge.kind} here; the derivative used there: {edge.convention}"
            return Finding("note", i, edge.kind, message, edge.convention)
        finding = self._edge(i, edge)
        if count > 1:
            finding = finding._replace(message=f"{finding.message}; likewise in {count - 1:,} more of its entries")
        return finding

    def slope_findings(self, adjoints: Sequence[Any], *, lost: bool) -> list[Finding]:
        """Local derivatives that are infinite or undefined, and adjoints that overflow."""
        found: list[Finding] = []
        lost = lost or any(
            [
                node.op == VARIABLE and adjoint is not None and bool(np.isnan(np.sum(Arrays.plain(adjoint))))
                for node, adjoint in zip(self.graph.nodes, adjoints, strict=True)
            ]
        )
        for i, (_, args, _) in enumerate(self.graph.nodes):
            adjoint = adjoints[i]
            if adjoint is None or not args or not self.reach.needed[i]:
                continue
            for k, partial in enumerate(self.trace.partials[i]):
                wrong = self._wrong_slopes(i, partial, adjoint)
                if _any(wrong):
                    self._at_first(i, wrong)
                    slope = float(np.broadcast_to(Arrays.plain(partial), np.shape(wrong))[wrong][0])
                    zero = bool(np.all(np.broadcast_to(Arrays.plain(adjoint), np.shape(wrong))[wrong] == 0.0))
                    found.append(self._slope(i, k, slope, zero=zero, lost=lost))
                    break
        self._place = None
        if not found and all([_is_finite(value) for value in self.trace.values]):
            found += self._overflowing_adjoint([_largest(adjoint) for adjoint in adjoints])
        return found

    def _wrong_slopes(self, i: int, partial: Any, adjoint: Any) -> Array:
        """Entries whose local derivative is not finite though the value is, and an adjoint comes."""
        if partial is None or isinstance(partial, Map) or _is_finite(Arrays.plain(partial)):
            return np.asarray(False)
        dims = np.shape(self.trace.values[i])
        wrong = np.broadcast_to(~np.isfinite(Arrays.plain(partial)), dims)
        for carried in (partial, adjoint):
            if isinstance(carried, Masked):
                wrong = wrong & carried.present
        return wrong & self.needed[i] & np.isfinite(np.asarray(self.trace.values[i]))


def _any(mask: Array) -> bool:
    """Whether a mask holds anywhere; most of them are one truth, which NumPy would take its time for."""
    return mask if isinstance(mask, bool) else bool(mask.any())


def _is_finite(value: Array) -> bool:
    """Whether every entry is finite: their sum tells at once, unless it alone overflows."""
    if isinstance(value, float):
        return math.isfinite(value)
    return bool(np.isfinite(np.sum(value))) or bool(np.all(np.isfinite(value)))


@functools.cache
def _leaves_out(op: str, k: int, count: int) -> bool:
    """Whether an operation may read a part of its argument alone, as an index does."""
    graph = rules.pulled(op, k, count)
    return graph is not None and graph.nodes[graph.outputs[0]].op == "place"


def _is_flat(op: str, k: int, count: int) -> bool:
    """Whether the operation is locally constant in an argument, such as the condition of a choice."""
    if op == STEP:
        return False
    entry = primitives.TABLE[op]
    return (rules.pulled if entry.array else rules.partial)(op, k, count) is None


def _gathered(mask: Array, dims: Place) -> Array:
    """A mask of a node's entries as one of an argument's that NumPy has repeated."""
    before = np.ndim(mask) - len(dims)
    repeated = [before + k for k, size in enumerate(dims) if size == 1 and np.shape(mask)[before + k] != 1]
    return np.any(mask, axis=(*range(before), *repeated)).reshape(dims) if before or repeated else mask


def _largest(adjoint: Any) -> float | None:
    """The entry that is not finite, or else any."""
    if adjoint is None:
        return None
    if _is_finite(Arrays.plain(adjoint)):
        return 0.0
    plain = np.ravel(Arrays.plain(adjoint))
    wrong = plain[~np.isfinite(plain)]
    return float(wrong[0]) if len(wrong) else 0.0


@functools.cache
def _compiled(op: str, text: str, count: int) -> Any:
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    return compile_graph(rules.condition(op, text, count), names)
