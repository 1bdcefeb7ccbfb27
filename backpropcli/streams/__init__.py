"""Rows of points as they stream in and out: one file a format, found by its name or by a file's ending.

A format's module offers `reader(source, name)`, whose batches are rows with the values of their variables, and
`writer(results)`, which writes rows of any format with what was found for them. Files that start with `_` are shared.
"""

from __future__ import annotations

import importlib
from typing import cast

from backpropcli.records import NamedTuple
from backpropcli.streams._rows import Batch, Column, Module, Reader, Results, Source, Wanted, Writer

__all__ = [
    "FORMATS",
    "Batch",
    "Column",
    "Module",
    "Reader",
    "Results",
    "Source",
    "Wanted",
    "Writer",
    "by_content",
    "by_name",
    "module",
]


class Format(NamedTuple):
    """Where a format is, and how it is known."""

    module: str
    endings: tuple[str, ...]
    start: bytes
    """What its files begin with; nothing where that tells nothing."""


FORMATS = {
    "ndjson": Format("ndjson", (".ndjson", ".jsonl", ".json"), b"{"),
    "csv": Format("csv", (".csv",), b""),
    "tsv": Format("csv", (".tsv", ".tab"), b""),
    "npz": Format("npz", (".npz",), b"PK\x03\x04"),
    "parquet": Format("parquet", (".parquet", ".pq"), b"PAR1"),
    "arrow": Format("parquet", (".arrow", ".feather", ".ipc"), b"ARROW1"),
}
"""By name; the first is the one that a stream without a sign of its own is in."""

SNIFFED = max([len(each.start) for each in FORMATS.values()])


def by_name(path: str) -> str | None:
    """The format that a file's name ends in, if it is one of ours."""
    lowered = path.lower()
    return next((name for name, each in FORMATS.items() if lowered.endswith(each.endings)), None)


def by_content(start: bytes) -> str:
    """The format that a stream's first bytes show; a table's, CSV or TSV, where they show no other."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not text or text.startswith(b"["):  # A list is JSON as well, though its lines are no points.
        return "ndjson"
    for name, each in FORMATS.items():
        if each.start and text.startswith(each.start):
            return name
    line = text.partition(b"\n")[0]
    return "tsv" if line.count(b"\t") > line.count(b",") else "csv"


def module(name: str) -> Module:
    """The module of a format."""
    return cast(Module, importlib.import_module(f"{__name__}.{FORMATS[name].module}"))
