"""One-shot: value and gradient of the headline formula by a whole process, beside what else is installed."""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.sizes import Sizes

ROOT = Path(__file__).parents[2]

WANTED = (0.09967613171742375, -0.007594005508783554, -0.02791936015035208)
"""What each of them prints, as far as it prints numbers."""
FORMULA = ["eval", "(x + σ(x)) / (σ(x) + (x + y)^2)", "--x", "4", "--y", "3"]
COMMANDS: Mapping[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "click imported": [sys.executable, "-c", "import click"],
    "numpy imported": [sys.executable, "-c", "import numpy"],
    "eval --json": [sys.executable, "-m", "backpropcli", *FORMULA, "--json"],
    "eval (table)": [sys.executable, "-m", "backpropcli", *FORMULA],
}
BARS = {"eval --json": 6, "eval (table)": 9}


def commands() -> dict[str, list[str]]:
    """What is measured here: ours, and the peers that do it."""
    scripts = {peer: getattr(peers.load(peer), "ONE_SHOT", None) for peer in peers.peers() if peers.installed(peer)}
    return {**COMMANDS, **{peer: [sys.executable, "-c", script] for peer, script in scripts.items() if script}}


def cpu_seconds(command: list[str], wanted: tuple[float, ...] = ()) -> float:
    """User and system time of one run. Raises ValueError where it does not print the numbers that are wanted."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if wanted:
        found = [float(word) for word in ran.stdout.split()]
        if len(found) != len(wanted) or not all(
            math.isclose(a, b, rel_tol=1e-6) for a, b in zip(found, wanted, strict=True)
        ):
            raise ValueError(found)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Medians over runs that take turns, so that what else the machine does falls on all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in commands()}
    words: dict[str, str] = {}
    for k in range(sizes.runs):
        for name, command in commands().items():
            # What takes seconds to start is started three times.
            if name in words or (k >= 3 and statistics.median(seconds[name]) > 1):
                continue
            try:
                seconds[name].append(cpu_seconds(command, () if name in COMMANDS else WANTED))
            except ValueError:
                words[name] = "gives other numbers"
            except subprocess.CalledProcessError as problem:
                words[name] = f"ended with {problem.returncode}"
    base = statistics.median(seconds["python -c pass"])
    for name, found in seconds.items():
        if name in words:
            yield {"command": name, "word": words[name]}
        else:
            ms = 1e3 * statistics.median(found)
            yield {"command": name, "ms": round(ms, 2), "ratio": round(ms / base / 1e3, 2), "bar": BARS.get(name)}


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield "One-shot: value and gradient of the headline formula, CPU time of the whole process, median"
    for row in found:
        if "word" in row:
            yield f"{row['command']:16}  {row['word']}"
            continue
        bar = f"  at most {row['bar']}" if row["bar"] else ""
        yield f"{row['command']:16}{row['ms']:>9.1f} ms{row['ratio']:>8.2f} x{bar}"
