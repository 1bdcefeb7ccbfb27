"""Past one machine: Parquet parts, mapped by one process, by two, and by workers of Dask."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.points import FORMULAS
from tests.benchmarks.sizes import Sizes

BARS = {"two processes": (3, "copied"), "dask, two workers": (2.5, "two processes")}
"""By way how many times, and of which."""
ROOT = Path(__file__).parents[2]
_COPY = """
import sys
import pyarrow.parquet as pq
for part in sys.argv[2:]:
    pq.write_table(pq.read_table(part), part.replace("/in/", "/out/"), use_dictionary=False)
"""


def copied(parts: Sequence[str], target: str) -> None:
    """Read and written by pyarrow, nothing computed."""
    _run([sys.executable, "-c", _COPY, target, *parts])


def mapped(parts: Sequence[str], target: str) -> None:
    """`backprop map` on these parts."""
    _run([sys.executable, "-m", "backpropcli", "map", FORMULAS["seed"], *parts, "-o", f"{target}/", "--quiet"])


def by_two(parts: Sequence[str], target: str) -> None:
    """As `xargs -P 2` does it."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda some: mapped(some, target), [parts[::2], parts[1::2]]))


def _run(command: list[str]) -> None:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)


def _by_dask(parts: Sequence[str], target: str) -> Iterator[Callable[[], None]]:
    """The way, while a cluster of two workers is there: names of parts go to them, and no rows."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield lambda: client.gather(client.map(mapped, [[part] for part in parts], target=target, pure=False))


WAYS: Mapping[str, Callable[[Sequence[str], str], None]] = {
    "copied": copied,
    "one process": mapped,
    "two processes": by_two,
}


def measure(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """One row a way: seconds by the clock, the least of some runs. Raises RuntimeError unless every part is there."""
    if find_spec("pyarrow") is None:
        return
    with tempfile.TemporaryDirectory() as name:
        parts = _write(Path(name, "in"), sizes)
        target = Path(name, "out")
        target.mkdir()
        found: dict[str, float] = {}
        for way, work in WAYS.items():
            found[way] = _least(lambda work=work: work(parts, str(target)), sizes, target)  # type: ignore[misc]
        if find_spec("distributed") is not None:
            for work in _by_dask(parts, str(target)):
                found["dask, two workers"] = _least(work, sizes, target)
    for way, seconds in found.items():
        most, of = BARS.get(way, (None, way))
        ratio = round(seconds / found[of], 2)
        yield {"way": way, "rows": sizes.parts * sizes.part_rows, "parts": sizes.parts} | (
            {"seconds": round(seconds, 3)} | ({} if most is None else {"ratio": ratio, "of": of, "bar": most})
        )


def _least(work: Callable[[], None], sizes: Sizes, target: Path) -> float:
    best = float("inf")
    for _ in range(min(sizes.repeats, 3)):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
        made = list(target.glob("*.parquet"))
        if len(made) != sizes.parts:
            raise RuntimeError(f"{len(made)} of {sizes.parts} parts")
        for path in made:
            path.unlink()
    return best


def _write(folder: Path, sizes: Sizes) -> list[str]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    rng = np.random.default_rng(8)
    paths = [folder / f"part-{k}.parquet" for k in range(sizes.parts)]
    for path in paths:
        columns = {name: rng.uniform(-1, 3, sizes.part_rows) for name in "xy"}
        pq.write_table(pa.table(columns), path, use_dictionary=False)
    return [str(path) for path in paths]


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Lines to print."""
    if not found:
        yield "Past one machine: left out without pyarrow"
        return
    yield f"Past one machine: {found[0]['rows']:,} rows in {found[0]['parts']} Parquet parts, seconds by the clock"
    for row in found:
        bar = f"{row['ratio']:>8.2f} x {row['of']}, at most {row['bar']}" if "bar" in row else ""
        yield f"{row['way']:20}{row['seconds']:>8.2f} s{bar}"
