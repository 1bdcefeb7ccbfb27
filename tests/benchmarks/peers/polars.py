"""Polars: expressions written by hand for the headline formula."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = "polars"

_SCRIPT = """
import sys
import polars as pl
form, source = sys.argv[1:]
x, y = pl.col("x"), pl.col("y")
rows = pl.read_ndjson(source) if form == "ndjson" else pl.read_csv(source)
rows = rows.with_columns(s=1/(1 + (-x).exp()), t=x + y)
s, t = pl.col("s"), pl.col("t")
rows = rows.with_columns(d=s + t*t, slope=s*(1 - s))
d, slope = pl.col("d"), pl.col("slope")
rows = rows.with_columns(value=(x + s)/d)
r = pl.col("value")
rows = rows.with_columns(grad_x=((1 + slope) - r*(slope + 2*t))/d, grad_y=-2*t*r/d)
rows = rows.select("x", "y", "value", "grad_x", "grad_y")
(rows.write_ndjson if form == "ndjson" else rows.write_csv)(sys.stdout.buffer)
"""


def files(form: str, folder: Path) -> list[str]:
    """All rows at once, on all cores."""
    return [sys.executable, "-c", _SCRIPT, form, str(folder / "source")]


FILES = {"polars": files}
