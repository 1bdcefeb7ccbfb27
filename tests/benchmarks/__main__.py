"""`python -m tests.benchmarks [--families sum,nested] [--sizes 1000,10000] [--json FILE]`: tables on stdout."""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import arrays, homework, latex, parts, phases, points, rows, start
from tests.benchmarks.families import FAMILIES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="nodes, with commas between")
    parser.add_argument("--families", default=",".join(FAMILIES), help="of " + ", ".join(FAMILIES))
    parser.add_argument("--batch", type=int, default=arrays.BATCH, help="rows that a network's gradient is taken of")
    parser.add_argument("--points", type=int, default=1_000_000, help="rows that formulas are mapped over")
    parser.add_argument("--runs", type=int, default=15, help="processes that are started of each kind")
    parser.add_argument("--rows", type=int, default=1_000_000, help="points that backprop map is run on")
    parser.add_argument("--students", type=int, default=homework.STUDENTS, help="students of the class that is marked")
    parser.add_argument("--part-rows", type=int, default=10_000_000, help="points in Parquet parts that it is run on")
    parser.add_argument("--json", help="write the measurements to this file")
    asked = parser.parse_args()
    measured: list[dict[str, Any]] = []

    def kept() -> Iterator[dict[str, Any]]:
        for row in phases.rows(asked.families.split(","), [int(size) for size in asked.sizes.split(",")]):
            measured.append(row)
            yield row

    gc.set_threshold(100_000, *gc.get_threshold()[1:])  # As the command does.
    started = start.rows(asked.runs)
    for line in start.table(started):
        print(line)
    print()
    for line in phases.table(kept()):
        print(line, flush=True)
    print()
    formulas = list(latex.formula_rows(20 if asked.runs > 1 else 1))
    sizes = list(latex.size_rows([size for size in map(int, asked.sizes.split(",")) if size <= 100_000]))
    for line in latex.table(formulas, sizes):
        print(line, flush=True)
    print()
    least = 0.3 if asked.runs > 1 else 0.0
    products = list(arrays.product_rows(least=least))
    networks = list(arrays.network_rows(asked.batch, least=least))
    for line in arrays.tables(products, networks):
        print(line, flush=True)
    print()
    mapped = list(points.rows(asked.points, 5 if asked.runs > 1 else 1))
    for line in points.table(mapped):
        print(line, flush=True)
    print()
    marked = homework.rows(asked.students)
    for line in homework.table(marked):
        print(line, flush=True)
    print()
    streamed = list(rows.rows(asked.rows, min(asked.runs, 3)))
    waits = rows.latency()
    for line in rows.table(streamed, waits):
        print(line, flush=True)
    print()
    shared = list(parts.rows(asked.part_rows, min(asked.runs, 3)))
    for line in parts.table(shared):
        print(line, flush=True)
    if asked.json:
        where = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
        found = {
            "where": where,
            "start": started,
            "phases": measured,
            "latex": formulas,
            "products": products,
            "networks": networks,
            "rows": streamed,
            "latency_ms": waits,
            "parts": shared,
            "points": mapped,
            "classes": marked,
        }
        text = json.dumps(found, indent=1)
        Path(asked.json).write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
