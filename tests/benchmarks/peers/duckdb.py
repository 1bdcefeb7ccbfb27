"""DuckDB's program: SQL written by hand for the headline formula."""

from __future__ import annotations

from pathlib import Path

PROGRAM = "duckdb"

_QUERY = """
copy (
  select x, y, (x + s)/d as value, ((1 + slope) - value*(slope + 2*t))/d as grad_x, -2*t*value/d as grad_y
  from (select *, s + t*t as d, s*(1 - s) as slope from (select x, y, 1/(1 + exp(-x)) as s, x + y as t from {rows}))
) to '{target}' ({form})
"""
_FORMS = {"ndjson": ("read_json('{}', format='newline_delimited')", "format json"), "csv": ("read_csv('{}')", "header")}


def files(form: str, folder: Path) -> list[str]:
    """All rows at once, on all cores."""
    rows, form_out = _FORMS[form]
    query = _QUERY.format(rows=rows.format(folder / "source"), target=folder / "target", form=form_out)
    return ["duckdb", "-c", query]


FILES = {"duckdb": files}
