"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """What the tables are measured at, by default as in the design's."""

    runs: int = 15
    """Processes that are started of each kind."""
    repeats: int = 5
    """Runs of which the least counts."""
    points: int = 1_000_000
    """Rows that formulas are mapped over in memory."""
    rows: int = 1_000_000
    """Rows that are mapped from file to file."""
    parts: int = 8
    part_rows: int = 1_250_000
    """Rows of each part."""
    nodes: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    large: int = 100_000
    """Nodes of the formulas that peers differentiate."""
    limit: float = 30.0
    """Seconds after which a peer is not waited for."""
    families: tuple[str, ...] = ("chain", "sum", "product", "nested")
    students: int = 300
    """Students of the class that is marked."""
    batch: int = 256
    """Rows that a network's gradient is taken of."""
    least: float = 0.3
    """Seconds that the runs of a short measurement fill."""


TINY = Sizes(1, 1, 100, 300, 2, 50, (10, 20), 20, 60.0, ("chain", "product"), 3, 4, 0.0)
"""That all of it runs, and nothing else."""
