"""Rows through whole processes: `backprop map` from file to file, and a program in C that does no more than it must."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.points import FORMULAS

FORMULA = FORMULAS["seed"]
BARS = {"with [fast]": 3.5, "standard library": 12.0}
MEGABYTES = 64
LATENCY = 5.0
_SOURCE = Path(__file__).with_suffix(".c")
_MAP = "import sys; from backpropcli.cli import main; sys.exit(main(['map', *sys.argv[1:]]))"
_ALONE = f"import sys; sys.modules['msgspec'] = None; {_MAP}"


def rows(count: int, runs: int) -> Iterator[dict[str, Any]]:
    """For each format and way its CPU seconds, beside C, and its memory; medians over runs that take turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limit = folder / "rows"
        if shutil.which("gcc"):
            subprocess.run(["gcc", "-O3", "-march=native", str(_SOURCE), "-o", str(limit), "-lm"], check=True)
        for form in ("ndjson", "csv"):
            path = folder / f"points.{form}"
            _write(path, form, count)
            ways = {"C": [str(limit), form]} if limit.exists() else {}
            if find_spec("msgspec"):
                ways["with [fast]"] = [sys.executable, "-c", _MAP, FORMULA, str(path), "--quiet"]
            ways["standard library"] = [sys.executable, "-c", _ALONE, FORMULA, str(path), "--quiet"]
            found: dict[str, list[tuple[float, int]]] = {way: [] for way in ways}
            for _ in range(runs):
                for way, command in ways.items():
                    found[way].append(_measured(command, path, folder / "out"))
            least = statistics.median([seconds for seconds, _ in found["C"]]) if "C" in found else None
            for way, measured in found.items():
                seconds = statistics.median([seconds for seconds, _ in measured])
                yield {
                    "format": form,
                    "way": way,
                    "rows": count,
                    "seconds": round(seconds, 3),
                    "ratio": None if least is None else round(seconds / least, 2),
                    "bar": BARS.get(way),
                    "megabytes": round(max([kilobytes for _, kilobytes in measured]) / 1024, 1),
                }


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


def _measured(command: list[str], path: Path, target: Path) -> tuple[float, int]:
    """CPU seconds and the most kilobytes of one process from file to file."""
    with path.open("rb") as source, target.open("wb") as file:
        running = subprocess.Popen(command, stdin=source, stdout=file)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"{command[0]} ended with {running.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def table(found: list[dict[str, Any]], milliseconds: float) -> Iterator[str]:
    """Lines to print."""
    if found:
        yield f"backprop map, {found[0]['rows']:,} rows in, value and gradient out: CPU seconds of the process"
    for row in found:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:>8.2f} x C"
        bar = f"  at most {row['bar']}" if row["bar"] else ""
        yield f"{row['format']:8}{row['way']:18}{row['seconds']:>8.2f} s{row['megabytes']:>8.1f} MB{ratio}{bar}"
    yield f"a line in, a line out: {milliseconds:.2f} ms  at most {LATENCY:.0f}; memory at most {MEGABYTES} MB"
