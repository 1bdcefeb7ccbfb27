"""Parts mapped by Ray: python with_ray.py FOLDER_IN FOLDER_OUT."""

import sys
from pathlib import Path

import ray

from backpropcli import Formula
from backpropcli.parts import Task, one


def main(source: str, target: str) -> None:
    """Map every part, and print how many rows there were."""
    task = Task(Formula("(x + σ(x)) / (σ(x) + (x + y)^2)")).text()
    folder = Path(target).resolve()
    folder.mkdir(exist_ok=True)
    mapped = ray.remote(one)
    done = [mapped.remote(str(part), str(folder), task) for part in sorted(Path(source).resolve().glob("*.parquet"))]
    print(sum(part["rows"] for part in ray.get(done)), "rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
