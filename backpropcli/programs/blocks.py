"""Rows by blocks over NumPy: every kernel on a few thousand rows at once, in registers that the cache holds.

Whole columns would go through memory once a kernel; a block goes through it once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import array_kernels
from backpropcli.algebras.arrays import quietly
from backpropcli.algebras.kernel_symbols import CONDITIONS, SELECT
from backpropcli.graph import CONSTANT, VARIABLE, number_of
from backpropcli.passes.lower import Program
from backpropcli.programs.engines import Computed
from backpropcli.programs.memory import Memory, aligned
from backpropcli.programs.order import ordered
from backpropcli.programs.quick import multiplied, quick
from backpropcli.programs.sines import sine_and_cosine
from backpropcli.records import NamedTuple

Array = Any

CACHE = 7 << 20
"""Bytes that the registers take together, as far as the least block allows: more is read anew from memory."""
LEAST, MOST = 2048, 8192
"""Rows of a block. Below, calls cost more than their work; above, BLAS would start threads for a product of two."""
ROOM = 12 << 20
"""Bytes that the registers of a thread may take; blocks get smaller than the least before they take more."""


_TAKEN = {"bits": (np.int64,), "both": (float, np.int64)}
"""What a step takes doubles as, by its role."""

_PARTNERS = {"sin": "cos", "cos": "sin"}


class Step(NamedTuple):
    """One call of a block's work, on registers; the last one is written to."""

    function: Callable[..., Any] | None
    """None where a frame has its own: a check, or a condition to be kept."""
    slots: tuple[int, ...]
    role: str = "numbers"
    """As which it takes doubles: `numbers`, `bits`, or `both`, first as these, then as those; `finite`, `edge` and
    `kept` are of a frame's own."""
    place: int = 0
    """Of a condition to be kept, which one it is."""


_ZERO = np.array(0.0)


def _root(x: Array, out: Array) -> None:
    # As for numbers: the root of -0.0 is 0.0.
    np.sqrt(x, out)
    np.add(out, _ZERO, out)


def _chosen(mask: Array, a: Array, b: Array, out: Array) -> None:
    # By their bits: NumPy's where takes three times as long where it cannot foresee the condition.
    np.bitwise_xor(a, b, out)
    np.bitwise_and(out, mask, out)
    np.bitwise_xor(out, b, out)


def _kept(mask: Array, a: Array, out: Array) -> None:
    np.bitwise_and(a, mask, out)


def _mask(held: Array, out: Array) -> None:
    np.copyto(out, np.negative(held.view(np.int8)))


def _copied(held: Array, out: Array) -> None:
    np.copyto(out, held)


def _truth(held: Array, out: Array) -> None:
    np.not_equal(held, _ZERO, out)


_KERNELS: dict[str, Callable[..., Any]] = {
    "sqrt": _root,
    "max": lambda a, b, out: np.maximum(a, b, out=out),
    "min": lambda a, b, out: np.minimum(a, b, out=out),
    "hypot": np.hypot,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
}
"""Kernels that write where they are told, where they are not the functions of the table of arrays."""


def _kernel(name: str) -> Callable[..., Any]:
    """The kernel over arrays, writing into its last argument."""
    if name in _KERNELS:
        return _KERNELS[name]
    found = array_kernels.kernel(name)
    if found is None:
        raise KeyError(name)
    if isinstance(found, np.ufunc):
        return found
    return functools.partial(_given, found)


def _given(kernel: Callable[..., Array], *slots: Array) -> None:
    """A kernel that gives an array of its own."""
    *args, out = slots
    np.copyto(out, kernel(*args))


class BlockProgram:
    """The steps of a block, and how many rows it has."""

    def __init__(self, program: Program, threads: int = 1) -> None:
        self.program = program
        self.threads = threads
        self._plain = _Steps(ordered(quick(program)), look=False)
        self._look = Look(program)
        self.rows = _rows(self._plain.registers)
        self._memory = Memory()
        self._frames: list[_Frame] = []
        """Those that nobody uses now: to make one takes longer than to compute a block."""

    def run(self, columns: Sequence[Any], count: int) -> Computed:
        """The outputs, block by block, on several threads where that was asked for."""
        outputs = [self._memory.column(count) for _ in self.program.outputs]
        alarms = in_spans(self.threads, self.rows, count, lambda *span: self._span(columns, outputs, *span))
        return self._look.at(columns, outputs, alarms)

    def _span(self, columns: Sequence[Any], outputs: Sequence[Array], start: int, stop: int) -> list[Span]:
        """Compute these rows; the blocks among them that are to be looked at."""
        alarms = []
        rows = min(self.rows, stop - start)
        frame = self._frame(rows)
        with quietly():
            for first in range(start, stop, self.rows):
                last = min(first + self.rows, stop)
                # The last block is as long as all others, and computes some rows once more.
                whole = slice(last - rows, last)
                if not frame.run(_doubles(columns, whole), [output[whole] for output in outputs]):
                    alarms.append((first, last))
        frame.leave()
        self._frames.append(frame)
        return alarms

    def _frame(self, rows: int) -> _Frame:
        """One that nobody else uses, for so many rows."""
        try:
            frame = self._frames.pop()
        except IndexError:
            return _Frame(self._plain, rows)
        return frame if frame.rows == rows else _Frame(self._plain, rows)


Span = tuple[int, int]
"""The rows from the first up to the second."""


def in_spans(threads: int, rows: int, count: int, work: Callable[[int, int], list[Span]]) -> list[Span]:
    """What the work finds in all rows, which so many threads share in multiples of a block of `rows`."""
    blocks = -(-count // rows)
    if threads == 1 or blocks < 2 * threads:
        return work(0, count)
    size = -(-blocks // threads) * rows
    with ThreadPoolExecutor(threads) as pool:
        spans = [pool.submit(work, start, min(start + size, count)) for start in range(0, count, size)]
        return [found for span in spans for found in span.result()]


def _doubles(columns: Sequence[Any], rows: slice) -> list[Array]:
    """These rows of the columns, one double after the other."""
    return [np.ascontiguousarray(column[rows], dtype=float) for column in columns]


class Look:
    """A second look at blocks in which something is not plain, by the forms of the table: row by row what it is."""

    def __init__(self, program: Program) -> None:
        self.program = program

    @functools.cached_property
    def _steps(self) -> _Steps:
        return _Steps(multiplied(self.program), look=True)

    def at(self, columns: Sequence[Any], outputs: list[Array], alarms: Sequence[Span]) -> Computed:
        """The batch, with the outputs of these blocks computed anew."""
        suspects: list[int] = []
        marked: dict[bytes, list[int]] = {}
        for first, last in alarms:
            rows = min(last - first, _rows(self._steps.registers))
            for start in range(first, last, rows):
                stop = min(start + rows, last)
                frame = _Frame(self._steps, stop - start)
                with quietly():
                    frame.run(_doubles(columns, slice(start, stop)), [output[start:stop] for output in outputs])
                finite, bits = frame.found.finite, frame.found.bits
                suspects += (start + np.flatnonzero(~finite)).tolist()
                for row in np.flatnonzero(finite & bits[: len(self.program.edges)].any(axis=0)).tolist():
                    marked.setdefault(bits[:, row].tobytes(), []).append(start + row)
        return Computed(outputs, suspects, marked)


def _rows(registers: int) -> int:
    """The rows of a block, a power of two, so that so many registers stay in the cache."""
    rows = MOST
    while rows * 8 * registers > (CACHE if rows > LEAST else ROOM) and rows > 1:
        rows //= 2
    return rows


class _Steps:
    """A program as steps over registers. With `look` they tell of every row what else they tell of the block."""

    def __init__(self, program: Program, *, look: bool) -> None:
        self.program = program
        self.look = look
        self.steps: list[Step] = []
        self.constants: dict[int, float] = {}
        self.kinds: list[Any] = [float] * (len(program.columns) + len(program.outputs))
        """Of every register what it holds. The columns come first, then the outputs."""
        self._free: dict[Any, list[int]] = {float: [], bool: [], np.int64: []}
        self._in_use: set[int] = set()
        """Registers that are given back after their last use: no columns, outputs or constants."""
        self._place: dict[tuple[int, Any], int] = {}
        self._partners = {} if look else self._sines_and_cosines()
        self._targets = self._own_targets()
        self._last = self._last_uses()
        self._build()
        self.registers = self.kinds.count(float) + self.kinds.count(np.int64) - len(self.constants)
        """How many of eight bytes a row there are."""

    def _own_targets(self) -> dict[int, int]:
        """The registers of outputs that a step writes by itself."""
        found: dict[int, int] = {}
        for k, i in enumerate(self.program.outputs):
            op, args, _ = self.program.nodes[i]
            if args and op not in CONDITIONS and op != SELECT:
                found.setdefault(i, len(self.program.columns) + k)
        return found

    def _sines_and_cosines(self) -> dict[int, int]:
        """Of those that are asked for of the same, each by the other one."""
        found = {(op, args): i for i, (op, args, _) in enumerate(self.program.nodes) if op in _PARTNERS}
        return {i: found[_PARTNERS[op], args] for (op, args), i in found.items() if (_PARTNERS[op], args) in found}

    def _last_uses(self) -> dict[int, int]:
        """By node the last one that reads it; what an output is copied from at the end stays."""
        last: dict[int, int] = {}
        for i, node in enumerate(self.program.nodes):
            for j in node.args:
                last[j] = max(last.get(j, 0), min(i, self._partners.get(i, i)))
        return last | {i: len(self.program.nodes) for i in self.program.outputs}

    def _build(self) -> None:
        program = self.program
        finite, edges = set(program.finite), set(program.edges)
        bits: dict[int, list[int]] = {}
        for k, i in enumerate(program.bits):
            bits.setdefault(i, []).append(k)
        late: list[int] = []
        for i, (op, args, attribute) in enumerate(program.nodes):
            kind = bool if op in CONDITIONS else float
            if op == VARIABLE:
                slot = program.columns.index(str(attribute))
            elif op == CONSTANT:
                slot = len(self.kinds)
                self.kinds.append(float)
                self.constants[slot] = number_of(attribute)
            elif (i, kind) in self._place:
                slot = self._place[i, kind]
            else:
                slot = self._applied(i, op, args)
            self._place[i, kind] = slot
            if i in finite and i in self._targets and not self.look:
                late.append(slot)
            elif i in finite:
                self.steps.append(Step(None, (slot,), "finite"))
            if i in edges and not self.look:
                self.steps.append(Step(None, (slot,), "edge"))
            if self.look:
                self.steps += [Step(None, (slot,), "kept", k) for k in bits.get(i, ())]
            self._release([i], i)
        self.steps += [Step(None, tuple(late[k : k + 2]), "finite") for k in range(0, len(late), 2)]
        for k, i in enumerate(program.outputs):
            target = len(program.columns) + k
            if self._targets.get(i) != target:
                held = bool if (i, bool) in self._place else float
                self.steps.append(Step(_copied, (self._place[i, held], target)))

    def _applied(self, i: int, op: str, args: tuple[int, ...]) -> int:
        """Append the step of an application; its register."""
        kind = bool if op in CONDITIONS else float
        if op in _PARTNERS and not self.look:
            return self._sine_and_cosine(i, op, args)
        if op == SELECT:
            condition, a, b = args
            mask, first, other = self._as(condition, np.int64), self._as(a, float), self._as(b, float)
            # Before the arms' registers are free: the step writes before it has read them.
            slot = self._new(float)
            if _is_zero(self.constants.get(other)):
                self.steps.append(Step(_kept, (mask, first, slot), "bits"))
            else:
                self.steps.append(Step(_chosen, (mask, first, other, slot), "bits"))
            self._release(args, i)
            return slot
        slots = [self._as(j, bool if op in ("and", "or", "not") else float) for j in args]
        kernel = _kernel(primitives.TABLE[op].value)
        if op == "mul" and slots[0] == slots[1]:
            slots, kernel = slots[:1], np.square
        self._release(args, i)
        target = self._targets.get(i)
        slot = self._new(kind) if target is None else target
        self.steps.append(Step(kernel, (*slots, slot)))
        return slot

    def _sine_and_cosine(self, i: int, op: str, args: tuple[int, ...]) -> int:
        """Append the step of both, whoever asks for the other one; the register of this one."""
        (argument,) = [self._as(j, float) for j in args]
        other = self._partners.get(i)
        slots = {op: self._written(i), _PARTNERS[op]: self._new(float) if other is None else self._written(other)}
        room = [self._new(float) for _ in range(3)]
        self.steps.append(Step(sine_and_cosine, (argument, slots["sin"], slots["cos"], *room), "both"))
        self._give_back(room if other is not None else [*room, slots[_PARTNERS[op]]])
        self._release(args, i)
        return slots[op]

    def _written(self, i: int) -> int:
        """The register that a node is written to: its output's, or a new one."""
        target = self._targets.get(i)
        slot = self._place[i, float] = self._new(float) if target is None else target
        return slot

    def _as(self, i: int, kind: Any) -> int:
        """The register that holds a node as a number, a truth or a mask; made where it is another one."""
        known = self._place.get((i, kind))
        if known is not None:
            return known
        if kind is float:
            step, held = _copied, self._place[i, bool]
        elif kind is bool:
            step, held = _truth, self._place[i, float]
        else:
            step, held = _mask, self._as(i, bool)
        slot = self._place[i, kind] = self._new(kind)
        self.steps.append(Step(step, (held, slot)))
        return slot

    def _release(self, nodes: Sequence[int], i: int) -> None:
        """Give back the registers of nodes that nothing after this one reads."""
        for j in dict.fromkeys(nodes):
            if self._last.get(j, j) > i:
                continue
            self._give_back([slot for kind in self._free if (slot := self._place.get((j, kind))) is not None])

    def _give_back(self, slots: Sequence[int]) -> None:
        for slot in slots:
            if slot in self._in_use:
                self._in_use.discard(slot)
                self._free[self.kinds[slot]].append(slot)

    def _new(self, kind: Any) -> int:
        if self._free[kind]:
            slot = self._free[kind].pop()
        else:
            self.kinds.append(kind)
            slot = len(self.kinds) - 1
        self._in_use.add(slot)
        return slot


def _is_zero(number: float | None) -> bool:
    return number == 0.0 and math.copysign(1.0, number) > 0.0


class _Found:
    """What a frame's checks have found; they know no frame, so that nothing has to wait for the collector."""

    def __init__(self, rows: int, bits: int) -> None:
        self.sum = 0.0
        self.edge = False
        self.finite = np.ones(rows, dtype=bool)
        """With `look`, where all is finite that has to be."""
        self.bits = np.zeros((bits, rows), dtype=bool)
        """With `look`, the conditions."""

    def check_finite(self, held: Array, other: Array | None = None) -> None:
        """Add up products: where the sum is finite all of them are, and so is what they are made of."""
        if not held.ndim:
            self.sum += float(held) * 0.0
            return
        self.sum += float(np.dot(held, held if other is None else other))

    def check_edge(self, held: Array) -> None:
        """Whether a condition holds in a row."""
        self.edge = self.edge or bool(held.any())

    def look_finite(self, held: Array) -> None:
        """In which rows it is finite."""
        np.logical_and(self.finite, np.isfinite(held), self.finite)


class _Frame:
    """Registers for blocks of so many rows, and the steps' calls on them."""

    def __init__(self, steps: _Steps, rows: int) -> None:
        self.rows = rows
        program = steps.program
        count = len(program.columns)
        slots: list[Array] = [_ZERO] * (count + len(program.outputs))
        for slot in range(len(slots), len(steps.kinds)):
            constant = steps.constants.get(slot)
            slots.append(aligned(rows, steps.kinds[slot]) if constant is None else np.array(constant))
        self.found = found = _Found(rows, len(program.bits))
        own: dict[str, Callable[..., Any]] = {
            "finite": found.look_finite if steps.look else found.check_finite,
            "edge": found.check_edge,
            "kept": _truth,
        }
        self._calls: list[tuple[Callable[..., Any], list[Array]]] = []
        self._patches: list[list[tuple[list[Array], int, Any]]] = [[] for _ in range(count + len(program.outputs))]
        for function, places, role, kept in steps.steps:
            args: list[Array] = []
            for taken in _TAKEN.get(role, (float,)):
                for place in places:
                    if place < len(self._patches):
                        self._patches[place].append((args, len(args), taken))
                    args.append(slots[place].view(taken) if steps.kinds[place] is float else slots[place])
            if role == "kept":
                args.append(found.bits[kept])
            self._calls.append((own[role] if function is None else function, args))

    def run(self, columns: Sequence[Any], outputs: Sequence[Array]) -> bool:
        """Compute the block; whether all that has to be finite is, and no edge holds."""
        # Columns are read where they are: a copy takes longer than readings that start anywhere.
        for held, patches in zip([*columns, *outputs], self._patches, strict=True):
            for args, k, taken in patches:
                args[k] = held if taken is float else held.view(taken)
        found = self.found
        found.sum, found.edge = 0.0, False
        for function, args in self._calls:
            function(*args)
        return math.isfinite(found.sum) and not found.edge

    def leave(self) -> None:
        """Let go of the columns and outputs, which would live as long as the frame does."""
        for patches in self._patches:
            for args, k, _ in patches:
                args[k] = _ZERO


def prepare(program: Program, threads: int = 1) -> BlockProgram:
    """The program, ready to run."""
    return BlockProgram(program, threads)
