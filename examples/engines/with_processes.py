"""Parts mapped by the standard library: python with_processes.py FOLDER_IN FOLDER_OUT."""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from backpropcli import Formula
from backpropcli.parts import Task, one


def main(source: str, target: str) -> None:
    """Map every part, and print how many rows there were."""
    task = Task(Formula("(x + σ(x)) / (σ(x) + (x + y)^2)")).text()
    folder = Path(target).resolve()
    folder.mkdir(exist_ok=True)
    parts = [str(part) for part in sorted(Path(source).resolve().glob("*.parquet"))]
    with ProcessPoolExecutor() as pool:
        done = list(pool.map(partial(one, folder=str(folder), task=task), parts))
    print(sum(part["rows"] for part in done), "rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
