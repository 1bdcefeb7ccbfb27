"""Memory for columns: what nobody holds is used again, and what somebody holds never."""

from __future__ import annotations

import threading

import numpy as np

from backpropcli.programs.memory import KEPT, Memory, aligned


def address(memory: Memory, count: int) -> int:
    """Where a column starts that is let go at once."""
    return int(memory.column(count).ctypes.data)


def test_large_columns_come_in_large_pages_and_are_hardly_larger() -> None:
    for count, kind in ((10, float), (1 << 19, float), (1_000_000, float), (3_000_001, np.int64)):
        made = aligned(count, kind)
        assert (len(made), made.dtype) == (count, kind)
        assert made.ctypes.data % (1 << 21 if made.nbytes >= 1 << 22 else 64) == 0
        assert made.base.nbytes <= made.nbytes * 9 // 8 + (1 << 21)


def test_the_next_batch_takes_the_memory_of_the_last() -> None:
    memory = Memory()
    first = address(memory, 1000)
    assert [address(memory, count) for count in (1000, 900, 1000)] == [first] * 3
    assert len(memory.column(1001)) == 1001


def test_what_is_held_is_left_alone() -> None:
    memory = Memory()
    column = memory.column(1000)
    column[:] = 7.0
    part, table = column[500:].reshape(2, 250), memoryview(column)
    del column
    others = [memory.column(1000) for _ in range(3)]
    for other in others:
        other[:] = 0.0
    assert (part == 7.0).all()
    assert table[0] == 7.0
    held = part.ctypes.data
    del part, table
    assert held - 4000 == address(memory, 1000), "it comes back with the last that is cut out of it"


def test_far_smaller_columns_take_no_large_memory() -> None:
    memory = Memory()
    large = memory.column(10_000)
    start = large.ctypes.data
    del large
    assert not start <= address(memory, 100) < start + 80_000


def test_little_waits() -> None:
    memory = Memory()
    columns = [memory.column(1_000_000) for _ in range(9)]
    del columns
    assert KEPT // 2 < sum(each.nbytes for each in memory._waiting) <= KEPT


def test_nothing_waits_once_the_engine_is_gone() -> None:
    memory = Memory()
    columns = [memory.column(1000) for _ in range(3)]
    waiting = memory._waiting
    del memory, columns[0]
    assert waiting == []
    assert [len(column) for column in columns] == [1000, 1000]


def test_threads_share_no_memory() -> None:
    memory = Memory()
    wrong = []

    def work(number: int) -> None:
        for _ in range(300):
            column = memory.column(64)
            column[:] = number
            if not (column == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
