"""Parquet parts through two processes and two workers of Dask, beside reading and writing them without computing."""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.points import FORMULAS
from tests.benchmarks.sizes import Sizes

FORMULA = FORMULAS["seed"]
PARTS = 8
LIMIT, EMBEDDED, CLUSTER = "pyarrow, 2 processes", "backprop, --jobs 2", "backprop, --engine dask, 2 workers"
BARS = {EMBEDDED: (LIMIT, 3.0), CLUSTER: (EMBEDDED, 2.5)}
"""By way, the way it is held against, and how many times as long it may take."""
FEWEST = 100_000
"""Rows from which on a cluster is begun: that takes seconds."""
_READ_AND_WRITE = """
import os, sys
import pyarrow.parquet as parquet
source, target, *names = sys.argv[1:]
for name in names:
    table = parquet.read_table(os.path.join(source, name))
    for result, column in (("value", "x"), ("grad_x", "y"), ("grad_y", "x")):
        table = table.append_column(result, table[column])
    parquet.write_table(table, os.path.join(target, name), use_dictionary=False)
"""
_MAP = "import sys; from backpropcli.cli import main; sys.exit(main(['map', *sys.argv[1:]]))"


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """For each way the seconds from begin to end and of the processors, medians over runs that take turns."""
    if find_spec("pyarrow") is None:
        return
    count, runs = sizes.parts * sizes.part_rows, min(sizes.repeats, 3)
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "parts"), os.path.join(folder, "out")
        names = _write(Path(source), count)
        command = [sys.executable, "-c", _MAP, FORMULA, source, "-o", target, "--quiet", "--jobs", "2"]
        ways = {
            LIMIT: [[sys.executable, "-c", _READ_AND_WRITE, source, target, *names[k::2]] for k in range(2)],
            EMBEDDED: [command],
        }
        if find_spec("distributed") and count >= FEWEST:
            ways[CLUSTER] = [[*command, "--engine", "dask"]]
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(runs):
            for way, commands in ways.items():
                os.mkdir(target)
                found[way].append(_measured(commands))
                shutil.rmtree(target)
        medians = {
            way: [statistics.median(column) for column in zip(*each, strict=True)] for way, each in found.items()
        }
        for way, (seconds, processors) in medians.items():
            against, bar = BARS.get(way, (None, None))
            yield {
                "way": way,
                "rows": PARTS * (count // PARTS),
                "seconds": round(seconds, 3),
                "cpu_seconds": round(processors, 3),
                "against": against,
                "ratio": None if against is None else round(seconds / medians[against][0], 2),
                "cpu_ratio": None if against is None else round(processors / medians[against][1], 2),
                "bar": bar,
            }


def _write(folder: Path, count: int) -> list[str]:
    import numpy as np
    import pyarrow
    import pyarrow.parquet

    folder.mkdir()
    generator = np.random.default_rng(1)
    names = [f"part-{k}.parquet" for k in range(PARTS)]
    for name in names:
        columns = {column: generator.uniform(-1, 3, count // PARTS) for column in ("x", "y")}
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / name, use_dictionary=False)
    return names


def _measured(commands: list[list[str]]) -> tuple[float, float]:
    """Seconds of processes that run beside each other, and those of the processors, what they start counted in."""
    _adopt()
    start = time.perf_counter()
    used = 0.0
    for running in [subprocess.Popen(command) for command in commands]:
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise RuntimeError(f"a process ended with {running.returncode}")
        used += usage.ru_utime + usage.ru_stime
    seconds = time.perf_counter() - start
    with suppress(ChildProcessError):  # Until there is none.
        while True:
            _, _, usage = os.wait4(-1, 0)
            used += usage.ru_utime + usage.ru_stime
    return seconds, used


def _adopt() -> None:
    """Have processes whose parent ends before them be ours, where Linux knows that: Dask's are forked by such a one."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


_SUBREAPER = 36


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    if found:
        yield f"{found[0]['rows']:,} rows in {PARTS} Parquet parts: seconds from begin to end, and CPU seconds"
    for row in found:
        line = f"{row['way']:36}{row['seconds']:>8.2f} s{row['cpu_seconds']:>8.2f} s"
        if row["against"]:
            line += f"{row['ratio']:>8.2f} x{row['cpu_ratio']:>7.2f} x {row['against']}  at most {row['bar']}"
        yield line
