"""Large graphs: the gradient of a long chain and a long product by every input, beside what else is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.benchmarks import peers
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.workers import Worker

FAMILIES = ("chain", "product")


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One row a way: seconds of CPU for all of it, or a word why there are none."""
    for way in peers.ways("GRAPHS"):
        found: dict[str, float | str] = {}
        for family in FAMILIES:
            worker = Worker("GRAPHS", way, [family, sizes.large], limit=sizes.limit)
            try:
                worker.prepare()
                seconds = worker.work()
                found[family] = worker.word or round(seconds or 0.0, 4)
            finally:
                worker.end()
        yield {"way": way.name, "nodes": sizes.large, "seconds": found}


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    yield f"Large graphs: the gradient at {found[0]['nodes']:,} nodes, built and differentiated once, seconds of CPU"
    yield f"{'':28}" + "".join(f"{family:>16}" for family in FAMILIES)
    for row in found:
        cells = [row["seconds"][family] for family in FAMILIES]
        yield f"{row['way']:28}" + "".join(
            f"{each:>16}" if isinstance(each, str) else f"{each:>16.3f}" for each in cells
        )
    yield "backprop reads its formula here, too; what its passes alone take stands in the table phases"
