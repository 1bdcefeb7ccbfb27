"""Runs over parts that are killed at any moment: no file looks whole and is not, and the next run makes the same bytes.

    python -m tests.kills [--count 100] [--seed N]

kills so many runs of `backprop map` in two processes, each at a random moment: all its processes, or the one that leads
alone. Whatever is then in the folder has to be as in a run that nobody killed, and so has all of it after a second run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from backpropcli.cli import main as backprop
from backpropcli.parts.manifest import NAME

FORMULA = "(x + σ(x)) / (σ(x) + (x + y)^2) + abs(x - 1)"
PARTS, ROWS = 4, 20_000


def kills(count: int, seed: int, folder: Path) -> Iterator[str]:
    """For every run what was there when it was killed, in a word. Raises AssertionError where something is amiss."""
    generator = random.Random(seed)
    parts, whole, out = folder / "parts", folder / "whole", folder / "out"
    _write(parts, generator)
    started = time.monotonic()
    with _begun(parts, whole) as running:
        assert running.wait(timeout=120) == 0
    longest = time.monotonic() - started
    expected = _contents(whole)
    for k in range(count):
        with _begun(parts, out) as running:
            time.sleep(generator.uniform(0.0, longest))
            if k % 2:
                running.kill()
            else:
                os.killpg(running.pid, signal.SIGKILL)
            running.wait(timeout=60)
            found = _contents(out)
            _check(found, expected)
            with contextlib.redirect_stderr(io.StringIO()) as said:
                code = backprop(["map", FORMULA, str(parts), "-o", str(out)])
            assert code == 0, said.getvalue()
            assert _contents(out) == expected
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
        done = len(found.keys() - {NAME})
        yield "before it wrote" if NAME not in found else "after the last part" if done == PARTS else "in the middle"
        shutil.rmtree(out)


def _begun(parts: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "backpropcli", "map", FORMULA, str(parts), "--jobs", "2", "--quiet"]
    return subprocess.Popen([*command, "-o", str(out)], stdin=subprocess.DEVNULL, start_new_session=True)


def _contents(folder: Path) -> dict[str, bytes]:
    """The files that look whole: those that do not begin with a dot."""
    if not folder.exists():
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def _check(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    for name, held in found.items():
        if name == NAME:
            told = json.loads(held)
            assert {part["name"] for part in told["parts"]} <= found.keys()
            assert not told["complete"] or held == expected[name]
        else:
            assert held == expected[name], name


def _write(folder: Path, generator: random.Random) -> None:
    import pyarrow
    import pyarrow.parquet

    folder.mkdir()
    for k in range(PARTS):
        columns = {name: [generator.uniform(-1, 3) for _ in range(ROWS)] for name in ("x", "y")}
        columns["x"][k] = 1.0  # A kink, so that the manifest has notes to tell.
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{k}.parquet")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="runs that are killed")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = Counter(kills(asked.count, asked.seed, Path(folder)))
    for moment, count in sorted(found.items()):
        print(f"{count:5} killed {moment}")
    print("nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
