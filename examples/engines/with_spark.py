"""Parts mapped by Spark: python with_spark.py FOLDER_IN FOLDER_OUT."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession

from backpropcli import Formula
from backpropcli.parts import Task, one


def main(source: str, target: str) -> None:
    """Map every part, and print how many rows there were."""
    task = Task(Formula("(x + σ(x)) / (σ(x) + (x + y)^2)")).text()
    folder = Path(target).resolve()
    folder.mkdir(exist_ok=True)
    parts = [str(part) for part in sorted(Path(source).resolve().glob("*.parquet"))]
    spark = SparkSession.builder.getOrCreate()
    done = spark.sparkContext.parallelize(parts, len(parts)).map(lambda part: one(part, str(folder), task)["rows"])
    print(done.sum(), "rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
