"""A class's sheets, marked by the command: CPU time of the whole run, beside its bar."""

from __future__ import annotations

import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests import classroom
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.start import cpu_seconds

STUDENTS = 300
BAR = 5.0
"""Seconds of CPU time that this many students with 36 answers each may take, with hints."""
LEVELS = ("locate", "hint")


def sheet(number: int) -> str:
    """A student's sheet, with other digits in a tenth of its numbers."""
    rng = random.Random(f"class {number}")
    head, body = classroom.sheet(("s01", "s02", "s03")[number % 3]).split("## Forward", 1)

    def slip(found: re.Match[str]) -> str:
        return found[0][:-1] + str(rng.randrange(10)) if rng.random() < 0.1 else found[0]

    return f"{re.sub('student: .*', f'student: s{number:03}', head)}## Forward{re.sub(r'[0-9][.,][0-9]+', slip, body)}"


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """What marking such a class takes, by level."""
    students = sizes.students
    with tempfile.TemporaryDirectory() as folder:
        for number in range(students):
            Path(folder, f"s{number:03}.md").write_text(sheet(number), encoding="utf-8")
        command = [sys.executable, "-m", "backpropcli", "check", str(classroom.ASSIGNMENT), folder, "--json"]
        yield from [
            {"students": students, "level": level, "seconds": round(cpu_seconds([*command, "--level", level]), 2)}
            for level in LEVELS
        ]


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The measurements as lines."""
    for row in found:
        bar = f"  at most {BAR:g}" if row["students"] == STUDENTS else ""
        yield f"a class of {row['students']}, {row['level']:8}{row['seconds']:>8.2f} s{bar}"
