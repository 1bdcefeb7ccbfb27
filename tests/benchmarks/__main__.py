"""Every table of measurements for this machine, beside each peer that is installed.

    python -m tests.benchmarks [--only points,files] [--json FILE]

`--tiny` is to see that all of it runs. Other sizes are options of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Protocol

from tests.benchmarks import arrays, graphs, homework, latex, parts, peers, phases, points, rows, start
from tests.benchmarks.sizes import TINY, Sizes


class Table(Protocol):
    """What can be measured: rows of plain data, and how they are printed."""

    measure: Callable[[Sizes], Iterator[dict[str, Any]]]
    table: Callable[[Sequence[dict[str, Any]]], Iterator[str]]


TABLES: Mapping[str, Table] = {
    "one-shot": start,
    "points": points,
    "files": rows,
    "parts": parts,
    "graphs": graphs,
    "phases": phases,
    "latex": latex,
    "products": arrays.Products,
    "networks": arrays.Networks,
    "classes": homework,
}


def main() -> int:
    asked = _asked()
    sizes = TINY if asked.tiny else Sizes()
    given = {each.name: getattr(asked, each.name) for each in fields(Sizes)}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value is not None})
    there = {peer: peers.version(peer) for peer in peers.peers() if peers.installed(peer)}
    found: dict[str, Any] = {"where": _where(), "peers": there, "sizes": vars(sizes), "tables": {}}
    missing = [peer for peer in peers.peers() if peer not in there]
    if missing:
        print(f"not on this machine, and left out: {', '.join(missing)}\n", flush=True)
    for name in asked.only:
        measured = list(TABLES[name].measure(sizes))
        found["tables"][name] = measured
        for line in TABLES[name].table(measured):
            print(line)
        print(flush=True)
        if asked.json:  # After every table, so that what was measured is kept whatever comes.
            Path(asked.json).write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    tables = ", ".join(TABLES)
    parser.add_argument("--only", type=_names, default=tuple(TABLES), help=f"tables, with commas between: {tables}")
    parser.add_argument("--json", metavar="FILE", help="write the measurements to this file")
    parser.add_argument("--tiny", action="store_true", help="the smallest sizes: to see that it runs")
    for each in fields(Sizes):
        kind = {int: int, float: float}.get(type(each.default))
        first = type(each.default[0]) if isinstance(each.default, tuple) else None
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=kind or (lambda text, first=first: tuple(first(word) for word in text.split(","))),
            metavar="N" if kind else "A,B",
            help=f"[default: {each.default if kind else ','.join(map(str, each.default))}]",
        )
    return parser.parse_args()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in TABLES:
            raise argparse.ArgumentTypeError(f"there is no table {name!r}, but {', '.join(TABLES)}")
    return names


def _where() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
