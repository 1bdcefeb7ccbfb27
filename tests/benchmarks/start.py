"""What it costs to start: CPU time of whole processes, as many times `python -c pass`."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

FORMULA = ["eval", "(x + σ(x)) / (σ(x) + (x + y)^2)", "--x", "4", "--y", "3"]
COMMANDS: Mapping[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "eval --json": [sys.executable, "-m", "backpropcli", *FORMULA, "--json"],
    "eval (table)": [sys.executable, "-m", "backpropcli", *FORMULA],
}
BARS = {"eval --json": 6, "eval (table)": 9}


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(runs: int) -> list[dict[str, Any]]:
    """Medians over runs that take turns, so that what else the machine does falls on all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            seconds[name].append(cpu_seconds(command))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    base = medians["python -c pass"]
    return [
        {"command": name, "ms": round(1e3 * median, 2), "ratio": round(median / base, 2), "bar": BARS.get(name)}
        for name, median in medians.items()
    ]


def table(found: list[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield "CPU time of a process, median"
    for row in found:
        bar = f"  at most {row['bar']}" if row["bar"] else ""
        yield f"{row['command']:16}{row['ms']:>9.1f} ms{row['ratio']:>8.2f} x{bar}"
