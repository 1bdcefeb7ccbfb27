"""Memory for columns: where it starts, and that it is used again. What is new from the system comes slowly."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

Array = Any

KEPT = 32 << 20
"""Bytes that wait for the next batch, at most."""


def aligned(count: int, kind: Any) -> Array:
    """An array that starts where a line of the cache does: on others sums and products take twice as long.

    A large one starts where a large page does, and ends with one where that takes little more memory: a system that has
    them gives it by 2 MiB at once. By 4 KiB that takes longer than many a formula takes to compute.
    """
    size = held = np.dtype(kind).itemsize * count
    start = _LINE
    if size >= 2 * _PAGE:
        start = _PAGE
        held = -(-size // _PAGE) * _PAGE
        if held > size + size // 8:
            held = size
    raw = np.empty(held + start, dtype=np.uint8)
    first = -raw.ctypes.data % start
    return raw[first : first + size].view(kind)


_LINE = 64
_PAGE = 2 << 20


class Memory:
    """Columns for batches that follow each other, in the memory of those that nobody holds any more."""

    def __init__(self) -> None:
        self._waiting: list[Array] = []

    def column(self, count: int) -> Array:
        """A column of so many doubles, which hold anything."""
        held = self._waited(count)
        if held is None:
            held = aligned(count, float)
        return np.asarray(_Lent(held, count, weakref.ref(self)))

    def _waited(self, count: int) -> Array | None:
        """What waits and is as large, and not much larger; what comes before it is let go."""
        while self._waiting:
            try:
                held = self._waiting.pop()
            except IndexError:  # Another thread has taken it.
                break
            if count <= len(held) <= 2 * count:
                return held
        return None

    def take_back(self, held: Array) -> None:
        """Keep it for the next batch, where there is room."""
        if sum([each.nbytes for each in self._waiting]) + held.nbytes <= KEPT:
            self._waiting.append(held)


class _Lent:
    """What a column and all that is cut out of it lead back to: with the last of them the memory comes back."""

    def __init__(self, held: Array, count: int, memory: weakref.ref[Memory]) -> None:
        self.__array_interface__ = held[:count].__array_interface__
        self._held = held
        self._memory = memory

    def __del__(self) -> None:
        memory = self._memory()
        if memory is not None:
            memory.take_back(self._held)
