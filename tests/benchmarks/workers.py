"""A peer at work in a process of its own, so that none pays for what another one imports.

    python -m tests.benchmarks.workers DOOR PEER WAY ARGUMENTS

prepares, and for every line that comes in does its work once and says how many seconds of CPU that took.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import peers

ROOT = Path(__file__).parents[2]
FIRST = 10
"""Nodes of the graph that a peer starts with."""
LIMIT = 600.0
"""Seconds of any one step of a worker."""


class Worker:
    """The process, from here."""

    def __init__(self, door: str, way: peers.Way, arguments: Sequence[Any], limit: float = LIMIT) -> None:
        self._door, self._way, self._arguments, self._limit = door, way, arguments, limit
        self._running: subprocess.Popen[bytes] | None = None
        self.word: str | None = None
        """Why there is no measurement."""

    def prepare(self) -> Any:
        """Begin, and say what its work gives."""
        way = self._way
        arguments = json.dumps(self._arguments)
        command = [sys.executable, "-m", "tests.benchmarks.workers", self._door, way.peer, way.name, arguments]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._running = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._hear()

    def _hear(self) -> Any:
        """What it says next; None once there is a word why not."""
        assert self._running is not None
        assert self._running.stdout is not None
        if self.word is not None:
            return None
        ready, _, _ = select.select([self._running.stdout], [], [], self._limit)
        line = self._running.stdout.readline() if ready else b""
        if not line:
            self.word = f"over {self._limit:g} s" if not ready else "crashed"
            return None
        said = json.loads(line)
        self.word = said.get("word")
        return said.get("found")

    def work(self) -> float | None:
        """The seconds of CPU that one run takes."""
        assert self._running is not None
        assert self._running.stdin is not None
        if self.word is None:
            try:
                self._running.stdin.write(b"\n")
                self._running.stdin.flush()
            except BrokenPipeError:
                self.word = "crashed"
        found: float | None = self._hear()
        return found

    def end(self) -> None:
        """End the process."""
        if self._running is not None:
            self._running.kill()
            self._running.communicate()


def turns(
    workers: Mapping[str, Worker], repeats: int, wrong: Callable[[dict[str, Any]], dict[str, str]]
) -> dict[str, float | str]:
    """The middle of each's seconds over runs that take turns, or a word why there is none.

    The first third warms up: an allocator takes some runs to settle. `wrong` has a word for each whose numbers are not
    those of the others. They prepare one after the other: none of them has the other core taken by the next.
    """
    try:
        samples = {name: worker.prepare() for name, worker in workers.items()}
        words = wrong({name: found for name, found in samples.items() if workers[name].word is None})
        for name, word in words.items():
            workers[name].word = word
        taken: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(repeats):
            for name, worker in workers.items():
                seconds = worker.work()
                if seconds is not None:
                    taken[name].append(seconds)
        return {name: worker.word or statistics.median(taken[name][repeats // 3 :]) for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.end()


# In the process


def _prepared(door: str, work: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Callable[[], Any], Any]:
    """The run, and what is to be held against the others'."""
    if door == "POINTS":
        from backpropcli.formula import Formula
        from tests.benchmarks import points

        name, count = arguments
        formula = Formula(points.FORMULAS[name])
        run = work(formula, points.columns(formula, count))
        return run, points.sample(run())
    if door == "NETWORKS":
        from tests.benchmarks import arrays

        run = work(arrays.network(*arguments))
        return run, arrays.sample(run())
    from tests.benchmarks.families import FAMILIES

    family, size = arguments
    inputs = list(FAMILIES[family](size).point.values())
    work(family, list(FAMILIES[family](FIRST).point.values()), FIRST)  # What it imports is no part of what is measured.
    return lambda: work(family, inputs, size), None


def main() -> None:
    """Prepare, say what was found, and work as often as asked."""
    door, peer, name, arguments = sys.argv[1:]
    said = os.fdopen(os.dup(1), "w")  # What a peer prints does not come between.
    os.dup2(2, 1)
    try:
        work = getattr(peers.load(peer), door)[name]
        run, found = _prepared(door, work, json.loads(arguments))
        print(json.dumps({"found": found}), file=said, flush=True)
        for _ in sys.stdin:
            began = time.process_time()
            run()
            print(json.dumps({"found": time.process_time() - began}), file=said, flush=True)
    except Exception as problem:  # Whatever a peer does not bear is its result.
        print(json.dumps({"word": type(problem).__name__}), file=said, flush=True)


if __name__ == "__main__":
    main()
