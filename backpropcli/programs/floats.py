"""One row after the other over Python's floats: bit for bit what an evaluation gives, and nothing to import."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.graph import CONSTANT, VARIABLE, number_of
from backpropcli.passes.lower import Program
from backpropcli.programs.engines import Computed
from backpropcli.records import NamedTuple


class FloatProgram:
    """Registers: the columns' values, the constants, and then what every kernel gives."""

    def __init__(self, program: Program) -> None:
        self.columns = len(program.columns)
        constants: list[float] = []
        place: dict[int, int] = {}
        applied: list[int] = []
        for i, (op, _, attribute) in enumerate(program.nodes):
            if op == VARIABLE:
                place[i] = program.columns.index(str(attribute))
            elif op == CONSTANT:
                place[i] = self.columns + len(constants)
                constants.append(number_of(attribute))
            else:
                applied.append(i)
        self._constants = constants
        first = self.columns + len(constants)
        place |= {i: first + k for k, i in enumerate(applied)}
        self._code: list[tuple[Callable[..., float], tuple[int, ...]]] = [
            (
                FLOAT_KERNELS[primitives.TABLE[program.nodes[i].op].value],
                tuple([place[j] for j in program.nodes[i].args]),
            )
            for i in applied
        ]
        self._outputs, self._finite, self._edges, self._bits = [
            [place[i] for i in nodes] for nodes in (program.outputs, program.finite, program.edges, program.bits)
        ]

    def run(self, columns: Sequence[Any], count: int) -> Computed:
        """The outputs, by one loop over the kernels a row."""
        code, constants = self._code, self._constants
        finite, edges, isfinite = self._finite, self._edges, math.isfinite
        outputs: list[list[float]] = [[] for _ in self._outputs]
        suspects: list[int] = []
        marked: dict[bytes, list[int]] = {}
        for k in range(count):
            registers = [column[k] for column in columns]
            registers += constants
            for kernel, args in code:
                registers.append(kernel(*[registers[j] for j in args]))
            for column, place in zip(outputs, self._outputs, strict=True):
                column.append(registers[place])
            if not all([isfinite(registers[place]) for place in finite]):
                suspects.append(k)
            elif edges and any([registers[place] for place in edges]):
                signature = bytes([bool(registers[place]) for place in self._bits])
                marked.setdefault(signature, []).append(k)
        return Computed(outputs, suspects, marked)

    def alike(self, columns: Sequence[Any], rows: Sequence[int]) -> Alike:
        """These rows by what each of the program's bits is in them: 0, another number, inf, -inf or nan."""
        code, constants, bits, outputs = self._code, self._constants, self._bits, self._outputs
        found: dict[bytes, list[int]] = {}
        numbers: list[list[float]] = []
        for k in rows:
            registers = [column[k] for column in columns]
            registers += constants
            for kernel, args in code:
                registers.append(kernel(*[registers[j] for j in args]))
            numbers.append([registers[place] for place in outputs])
            held = [registers[place] for place in bits]
            kinds = [(x != 0.0) if x - x == 0.0 else 2 if x > 0.0 else 3 if x < 0.0 else 4 for x in held]
            found.setdefault(bytes(kinds), []).append(k)
        return Alike(found, dict(zip(rows, numbers, strict=True)))


class Alike(NamedTuple):
    """Rows by what is said of them."""

    groups: dict[bytes, list[int]]
    """In order, those of which the same is said."""
    outputs: dict[int, list[float]]
    """By row, the program's outputs."""


def prepare(program: Program) -> FloatProgram:
    """The program, ready to run."""
    return FloatProgram(program)
