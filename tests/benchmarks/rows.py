"""Rows through whole processes: `backprop map` from file to file, and a program in C that does no more than it must."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.points import FORMULAS
from tests.benchmarks.sizes import Sizes
from tests.components import search_path

FORMULA = FORMULAS["seed"]
BARS = {"with [fast]": 3.5, "standard library": 12.0}
MEGABYTES = 64
LATENCY = 5.0
_MAP = "import sys; from backpropcli.cli import main; sys.exit(main(['map', *sys.argv[1:]]))"


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """For each format and way its CPU seconds, beside C, and its memory; medians over runs that take turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in ("ndjson", "csv"):
            _write(folder / "source", form, sizes.rows)
            ways = {way.name: peers.load(way.peer).FILES[way.name](form, folder) for way in peers.ways("FILES")}
            found: dict[str, list[tuple[float, int]]] = {way: [] for way in ways}
            for _ in range(min(sizes.runs, 3)):
                for way, command in ways.items():
                    found[way].append(_measured(command, folder, sizes.rows))
            least = statistics.median([seconds for seconds, _ in found["C"]]) if "C" in found else None
            for way, measured in found.items():
                seconds = statistics.median([seconds for seconds, _ in measured])
                yield {
                    "format": form,
                    "way": way,
                    "rows": sizes.rows,
                    "seconds": round(seconds, 3),
                    "ratio": None if least is None else round(seconds / least, 2),
                    "bar": BARS.get(way),
                    "megabytes": round(max([kilobytes for _, kilobytes in measured]) / 1024, 1),
                }
    yield {"way": "a line in, a line out", "milliseconds": round(latency(200 if sizes.runs > 1 else 5), 3)}


def latency(lines: int = 200) -> float:
    """Milliseconds from a line in to its line out, median, of a run that has begun."""
    command = [sys.executable, "-c", _MAP, FORMULA]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        waits = []
        for k in range(lines):
            start = time.perf_counter()
            running.stdin.write(b'{"x": %d, "y": 1}\n' % k)
            running.stdin.flush()
            running.stdout.readline()
            waits.append(time.perf_counter() - start)
        running.stdin.close()
    return 1e3 * statistics.median(waits[1:])


def _write(path: Path, form: str, count: int) -> None:
    generator = random.Random(1)
    template = '{"x": %r, "y": %r}\n' if form == "ndjson" else "%r,%r\n"
    with path.open("w", encoding="utf-8") as file:
        if form == "csv":
            file.write("x,y\n")
        for _ in range(count):
            file.write(template % (generator.uniform(-1, 3), generator.uniform(-1, 3)))


def _measured(command: list[str], folder: Path, rows: int) -> tuple[float, int]:
    """CPU seconds and the most kilobytes of one process. Raises RuntimeError unless it writes every row."""
    target = folder / "target"
    # A small process starts it, since a child inherits the peak of the process that it is forked from.
    starter = [sys.executable, "-S", "-c", _STARTER, str(folder / "source"), str(target), *command]
    ran = subprocess.run(starter, env={**os.environ, "PATH": search_path()}, capture_output=True, text=True, check=True)
    code, seconds, kilobytes = ran.stdout.split()
    if int(code):
        raise RuntimeError(f"{command[0]} ended with {code}: {ran.stderr}")
    with target.open("rb") as file:
        lines = sum(1 for _ in file)
    if lines not in (rows, rows + 1):
        raise RuntimeError(f"{command[0]} wrote {lines} lines of {rows}")
    return float(seconds), int(kilobytes)


_STARTER = """
import resource, subprocess, sys
source, target, *command = sys.argv[1:]
code = subprocess.run(command, stdin=open(source, "rb"), stdout=open(target, "wb")).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield f"Files: {found[0]['rows']:,} rows in, value and gradient out, CPU seconds of the whole process"
    for row in found[:-1]:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:>8.2f} x C"
        bar = f"  at most {row['bar']}" if row["bar"] else ""
        yield f"{row['format']:8}{row['way']:18}{row['seconds']:>8.2f} s{row['megabytes']:>8.1f} MB{ratio}{bar}"
    milliseconds = found[-1]["milliseconds"]
    yield f"a line in, a line out: {milliseconds:.2f} ms  at most {LATENCY:.0f}; memory at most {MEGABYTES} MB"
