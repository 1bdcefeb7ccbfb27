"""Rows compiled to machine code by LLVM: as many at once as the processor's registers hold, in one pass over memory.

Functions come from the C library's vector mathematics (libmvec, in glibc from 2.22 on and whole from 2.35 on), where it
has none from its scalar one. Its vector functions are within 4 units in the last place, most within 1 or 2; so the
numbers are not those of the other engines to the last digit, and the engine is asked for by name.
"""

from __future__ import annotations

import ctypes
import functools
import math
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras.kernel_symbols import CONDITIONS, SELECT
from backpropcli.graph import CONSTANT, VARIABLE, number_of
from backpropcli.passes.lower import Program
from backpropcli.programs.blocks import Look, Span, in_spans
from backpropcli.programs.engines import Computed, UnavailableError
from backpropcli.programs.memory import Memory
from backpropcli.programs.quick import quick
from backpropcli.records import NamedTuple

ROWS = 8192
"""Rows of a block: what is looked at again, where one of them is not plain."""
LARGEST = 20_000
"""Nodes of a program: compiling takes longer than it saves beyond."""


class _Width(NamedTuple):
    """How many rows a register of the processor holds, and what tells so."""

    lanes: int
    feature: str
    prefix: str
    """What names of libmvec's functions of this width begin with."""


_WIDTHS = (_Width(8, "avx512f", "_ZGVeN8"), _Width(4, "avx2", "_ZGVdN4"), _Width(2, "sse2", "_ZGVbN2"))

_RELATIONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}
_OPERATIONS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_INTRINSICS = {"abs": "fabs", "floor": "floor", "ceil": "ceil", "round": "rint", "copysign": "copysign"}

# Kernels that are functions of the C library, by the same names.
_LIBRARY = frozenset(
    {
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "pow", "cbrt", "hypot", "erf", "erfc"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    }
)


class _Host(NamedTuple):
    """What of this machine code is made for."""

    width: _Width
    machine: Callable[[], Any]
    """Makes what LLVM compiles for; an engine takes it as its own."""


@functools.cache
def _host() -> _Host:
    """Raises UnavailableError where there is no LLVM, or no vector mathematics."""
    try:
        from llvmlite import binding
    except ImportError:
        raise UnavailableError("llvmlite is not installed", hint="pip install 'backpropcli[jit]'") from None
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features()
    widths = [width for width in _WIDTHS if features.get(width.feature)]
    if not widths or not binding.get_process_triple().startswith("x86_64"):
        raise UnavailableError("this processor has no vector functions that are known here")
    if _library("libmvec.so.1") is None:
        raise UnavailableError("the C library has no vector functions: there is no libmvec")
    target = binding.Target.from_triple(binding.get_process_triple())
    machine = functools.partial(
        target.create_target_machine,
        cpu=binding.get_host_cpu_name(),
        features=features.flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )
    return _Host(widths[0], machine)


@functools.cache
def _library(name: str) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


@functools.cache
def _address(library: str, name: str) -> int | None:
    """Where a function of a library is."""
    loaded = _library(library)
    if loaded is None:
        return None
    try:
        function = loaded[name]
    except AttributeError:
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


class JitProgram:
    """The program as a function of machine code over columns; what it is alarmed by is looked at over NumPy."""

    def __init__(self, program: Program, threads: int = 1) -> None:
        if len(program.nodes) > LARGEST:
            raise UnavailableError(f"the formula comes to more than {LARGEST:,} operations")
        self.host = _host()
        self.program = quick(program)
        self.threads = threads
        self._code = _compiled(_Writer(self.program, self.host.width).text(), self.host)
        self._look = Look(program)
        self._memory = Memory()

    def run(self, columns: Sequence[Any], count: int) -> Computed:
        """The outputs, on several threads where that was asked for."""
        outputs = [self._memory.column(count) for _ in self.program.outputs]
        alarms = in_spans(self.threads, ROWS, count, lambda *span: self._span(columns, outputs, *span))
        return self._look.at(columns, outputs, alarms)

    def _span(self, columns: Sequence[Any], outputs: Sequence[Any], start: int, stop: int) -> list[Span]:
        """Compute these rows; the blocks among them that are to be looked at."""
        alarms = []
        lanes = self.host.width.lanes
        for first in range(start, stop, ROWS):
            last = min(first + ROWS, stop)
            whole = first + (last - first) // lanes * lanes
            taken = [np.ascontiguousarray(column[first:last], dtype=np.float64) for column in columns]
            alarm = self._call(taken, [output[first:last] for output in outputs], whole - first)
            if whole < last:
                alarm |= self._rest([column[whole - first :] for column in taken], [o[whole:last] for o in outputs])
            if alarm:
                alarms.append((first, last))
        return alarms

    def _rest(self, columns: Sequence[Any], outputs: Sequence[Any]) -> bool:
        """The rows that fill no register, filled up with the last of them."""
        lanes = self.host.width.lanes
        padded = [np.concatenate([column, np.repeat(column[-1:], lanes - len(column))]) for column in columns]
        made = [np.empty(lanes) for _ in outputs]
        alarm = self._call(padded, made, lanes)
        for output, found in zip(outputs, made, strict=True):
            output[:] = found[: len(output)]
        return alarm

    def _call(self, columns: Sequence[Any], outputs: Sequence[Any], count: int) -> bool:
        inputs = (ctypes.c_void_p * len(columns))(*[column.ctypes.data for column in columns])
        results = (ctypes.c_void_p * len(outputs))(*[output.ctypes.data for output in outputs])
        return bool(self._code.function(inputs, results, count))


class _Code(NamedTuple):
    """Compiled code, which lives as long as its engine does."""

    engine: Any
    function: Any


_COMPILING = threading.Lock()


def _compiled(text: str, host: _Host) -> _Code:
    from llvmlite import binding

    with _COMPILING:
        module = binding.parse_assembly(text)
        module.verify()
        machine = host.machine()
        passes = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
        passes.getModulePassManager().run(module, passes)
        passes.close()
        engine = binding.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        return _Code(engine, kind(engine.get_function_address("rows")))


class _Writer:
    """A program as text of LLVM's language. Every name in it is made here, of positions."""

    def __init__(self, program: Program, width: _Width) -> None:
        self.program = program
        self.width = width
        self.kind = f"<{width.lanes} x double>"
        self.truth = f"<{width.lanes} x i1>"
        self._lines: list[str] = []
        self._declared: dict[str, str] = {}
        self._made = 0
        self._held: dict[tuple[int, str], str] = {}

    def text(self) -> str:
        """The module, whose one function computes rows and gives 1 where one of them is to be looked at."""
        self._body()
        lanes, kind = self.width.lanes, self.kind
        program = self.program
        loads = [
            f"  %pc{k} = getelementptr ptr, ptr %columns, i64 {k}\n  %c{k} = load ptr, ptr %pc{k}"
            for k in range(len(program.columns))
        ]
        loads += [
            f"  %po{k} = getelementptr ptr, ptr %outputs, i64 {k}\n  %o{k} = load ptr, ptr %po{k}"
            for k in range(len(program.outputs))
        ]
        lines = [
            *self._declared.values(),
            "define i64 @rows(ptr noalias %columns, ptr noalias %outputs, i64 %count) #0 {",
            "entry:",
            *loads,
            "  %any = icmp sgt i64 %count, 0",
            "  br i1 %any, label %loop, label %none",
            "loop:",
            "  %row = phi i64 [ 0, %entry ], [ %next, %loop ]",
            f"  %zero = phi {kind} [ zeroinitializer, %entry ], [ {self._zero}, %loop ]",
            f"  %edge = phi {self.truth} [ zeroinitializer, %entry ], [ {self._edge}, %loop ]",
            *self._lines,
            f"  %next = add i64 %row, {lanes}",
            "  %more = icmp slt i64 %next, %count",
            "  br i1 %more, label %loop, label %done",
            "done:",
            # 0 times what is not finite is nan, and stays so in the sum.
            f"  %lost = fcmp une {kind} {self._zero}, zeroinitializer",
            f"  %alarm = or {self.truth} %lost, {self._edge}",
            f"  %bits = bitcast {self.truth} %alarm to i{lanes}",
            f"  %alarmed = icmp ne i{lanes} %bits, 0",
            "  %result = zext i1 %alarmed to i64",
            "  ret i64 %result",
            "none:",
            "  ret i64 0",
            "}",
            # What waits while a function is called is put aside where lines of the cache begin: half of it would lie
            # across two of them, which takes up to twice as long, in one process and not in the next.
            'attributes #0 = { nounwind alignstack=64 "stackrealign" '
            # Without it registers are taken by halves on processors that prefer to.
            '"min-legal-vector-width"="512" "prefer-vector-width"="512" }',
        ]
        return "\n".join(lines) + "\n"

    def _body(self) -> None:
        program = self.program
        finite, edges = set(program.finite), set(program.edges)
        self._zero, self._edge = "%zero", "%edge"
        for i, (op, args, attribute) in enumerate(program.nodes):
            if op == VARIABLE:
                k = program.columns.index(str(attribute))
                place = self._new(f"getelementptr double, ptr %c{k}, i64 %row")
                self._held[i, "number"] = self._new(f"load {self.kind}, ptr {place}, align 8")
            elif op == CONSTANT:
                self._held[i, "number"] = self._splat(number_of(attribute))
            elif op in CONDITIONS:
                self._held[i, "truth"] = self._condition(op, args)
            else:
                self._held[i, "number"] = self._number(op, args)
            if i in finite:
                lost = self._new(f"fmul {self.kind} {self._as_number(i)}, {self._splat(0.0)}")
                self._zero = self._new(f"fadd {self.kind} {self._zero}, {lost}")
            if i in edges:
                self._edge = self._new(f"or {self.truth} {self._edge}, {self._as_truth(i)}")
        for k, i in enumerate(program.outputs):
            place = self._new(f"getelementptr double, ptr %o{k}, i64 %row")
            self._lines.append(f"  store {self.kind} {self._as_number(i)}, ptr {place}, align 8")

    def _new(self, instruction: str) -> str:
        self._made += 1
        name = f"%t{self._made}"
        self._lines.append(f"  {name} = {instruction}")
        return name

    def _splat(self, number: float) -> str:
        (bits,) = struct.unpack("<Q", struct.pack("<d", number))
        return f"<{', '.join([f'double 0x{bits:016X}'] * self.width.lanes)}>"

    def _as_number(self, i: int) -> str:
        if (i, "number") not in self._held:
            one, none = self._splat(1.0), self._splat(0.0)
            held = self._held[i, "truth"]
            self._held[i, "number"] = self._new(f"select {self.truth} {held}, {self.kind} {one}, {self.kind} {none}")
        return self._held[i, "number"]

    def _as_truth(self, i: int) -> str:
        if (i, "truth") not in self._held:
            held = self._held[i, "number"]
            self._held[i, "truth"] = self._new(f"fcmp une {self.kind} {held}, zeroinitializer")
        return self._held[i, "truth"]

    def _condition(self, op: str, args: Sequence[int]) -> str:
        if op in _RELATIONS:
            a, b = [self._as_number(j) for j in args]
            return self._new(f"fcmp {_RELATIONS[op]} {self.kind} {a}, {b}")
        held = [self._as_truth(j) for j in args]
        if op == "not":
            ones = f"<{', '.join(['i1 1'] * self.width.lanes)}>"
            return self._new(f"xor {self.truth} {held[0]}, {ones}")
        return self._new(f"{op} {self.truth} {held[0]}, {held[1]}")

    def _number(self, op: str, args: Sequence[int]) -> str:
        kind = self.kind
        if op == SELECT:
            condition = self._as_truth(args[0])
            a, b = [self._as_number(j) for j in args[1:]]
            return self._new(f"select {self.truth} {condition}, {kind} {a}, {kind} {b}")
        name = primitives.TABLE[op].value
        held = [self._as_number(j) for j in args]
        if name in _OPERATIONS:
            return self._new(f"{_OPERATIONS[name]} {kind} {held[0]}, {held[1]}")
        if name == "neg":
            return self._new(f"fneg {kind} {held[0]}")
        if name in _INTRINSICS:
            return self._intrinsic(_INTRINSICS[name], held)
        if name == "sqrt":
            # As for numbers: the root of -0.0 is 0.0.
            return self._new(f"fadd {kind} {self._intrinsic('sqrt', held)}, {self._splat(0.0)}")
        if name in ("max", "min"):
            return self._extreme("oge" if name == "max" else "ole", "ogt" if name == "max" else "olt", *held)
        if name in _LIBRARY:
            return self._called(name, held)
        raise UnavailableError(f"{op} is not in the C library")

    def _intrinsic(self, name: str, held: Sequence[str]) -> str:
        full = f"@llvm.{name}.v{self.width.lanes}f64"
        return self._call(full, held)

    def _extreme(self, holds: str, other: str, a: str, b: str) -> str:
        """The larger or smaller of two, nan where one of them is."""
        kind = self.kind
        first = self._new(f"fcmp {holds} {kind} {a}, {b}")
        second = self._new(f"fcmp {other} {kind} {b}, {a}")
        rest = self._new(f"select {self.truth} {second}, {kind} {b}, {kind} {self._splat(math.nan)}")
        return self._new(f"select {self.truth} {first}, {kind} {a}, {kind} {rest}")

    def _called(self, name: str, held: Sequence[str]) -> str:
        """A function of the C library: of vectors where there is one, else of one row after the other."""
        vector = f"{self.width.prefix}{'v' * len(held)}_{name}"
        address = _address("libmvec.so.1", vector)
        if address is not None:
            _known(vector, address)
            return self._call(f"@{vector}", held)
        scalar = _address("libm.so.6", name)
        if scalar is None:
            raise UnavailableError(f"the C library has no {name}")
        _known(name, scalar)
        self._declared[name] = f"declare double @{name}({', '.join(['double'] * len(held))})"
        made = "poison"
        for lane in range(self.width.lanes):
            parts = [self._new(f"extractelement {self.kind} {each}, i32 {lane}") for each in held]
            one = self._new(f"call double @{name}({', '.join([f'double {part}' for part in parts])})")
            made = self._new(f"insertelement {self.kind} {made}, double {one}, i32 {lane}")
        return made

    def _call(self, name: str, held: Sequence[str]) -> str:
        kinds = ", ".join([self.kind] * len(held))
        self._declared[name] = f"declare {self.kind} {name}({kinds})"
        return self._new(f"call {self.kind} {name}({', '.join([f'{self.kind} {each}' for each in held])})")


@functools.cache
def _known(name: str, address: int) -> None:
    """Tell LLVM where a function is."""
    from llvmlite import binding

    binding.add_symbol(name, address)


def prepare(program: Program, threads: int = 1) -> JitProgram:
    """The program, ready to run; raises UnavailableError where it cannot be compiled here."""
    return JitProgram(program, threads)
