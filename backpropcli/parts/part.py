"""One part: a Parquet file in, a Parquet file of the same name out, which says itself what was done to make it.

The new file is written under another name, seen through to the disk and renamed: whoever looks sees it whole or not at
all. A part that is there already is left as it is, so that any engine may ask for it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backpropcli import output, streams
from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.formula import MAX_BYTES
from backpropcli.parts.task import Task, known
from backpropcli.reading import sources
from backpropcli.reading.documents import document
from backpropcli.records import NamedTuple
from backpropcli.streams.flow import Flow

if TYPE_CHECKING:
    from backpropcli.streams.parquet import TableReader

FORM = "parquet"
KEPT = 10
"""Those among them that the part itself keeps."""
_KEY = "backprop.part"
_SCHEMA = "backprop.part/1"
_TAIL = 8
"""Bytes at the end of a Parquet file: the length of its footer, and a mark."""
_LONGEST = 64 << 20
"""Bytes of a footer that are looked at."""


def one(part: str, folder: str, task: str) -> dict[str, Any]:
    """Map the rows of the Parquet file `part` into a file of its name in `folder`, which there has to be.

    `task` is `Task.text()`; paths are absolute, since the caller's folder may be another machine's. Gives what was done
    as plain data: `name`, `rows`, `bad`, `notes`, `bad_rows`, `remark`, and `found`, whether the file was there
    already, made of the same part by the same task. Raises BackpropError: DataError for what is wrong with a row or a
    file. Nothing is left of a part that fails.
    """
    asked, hashed = known(task)
    target = os.path.join(folder, name_of(part))
    with sources.opened(part) as file:
        shown = visible(os.path.basename(part), 100)
        source = Source.of(file, shown)
        found = finished(target, hashed, source)
        if found is None:
            found = _made(asked, hashed, file, shown, source, target)
    return {"name": os.path.basename(target), **found}


def already(part: str, folder: str, hashed: str) -> dict[str, Any] | None:
    """What `one` would give for a part that is there already; None for one that is to be mapped."""
    target = os.path.join(folder, name_of(part))
    with sources.opened(part) as file:
        found = finished(target, hashed, Source.of(file, visible(os.path.basename(part), 100)))
    return None if found is None else {"name": os.path.basename(target), **found}


def name_of(part: str) -> str:
    """What the file that is made of a part is called."""
    name = os.path.basename(part)
    return name if streams.by_name(name) == FORM else name + streams.FORMATS[FORM].endings[0]


def columns(part: str) -> tuple[str, ...]:
    """The names of a part's columns."""
    with sources.opened(part) as file:
        return tuple(_reader(file, visible(os.path.basename(part), 100)).names)


def _reader(file: sources.OpenFile, shown: str) -> TableReader:
    from backpropcli.streams.parquet import TableReader

    return TableReader(file, shown, FORM, MAX_BYTES)


def _made(asked: Task, hashed: str, file: sources.OpenFile, shown: str, source: Source, target: str) -> dict[str, Any]:
    from backpropcli.streams.parquet import TableWriter

    mapper = asked.mapper()
    results = streams.Results(tuple([asked.prefix + name for name in mapper.names]), {})
    names = tuple([name for name in asked.formula.variables if name not in asked.fixed])
    wanted = streams.Wanted(names, asked.renamed, frozenset(results.names), asked.ieee, closed=True, texts=None)
    told: list[str] = []
    flow = Flow(mapper, wanted, asked.on_error, lambda problem: told.append(problem.message))
    reader = _reader(file, shown)

    def said() -> dict[str, Any]:
        return {
            "rows": flow.rows,
            "bad": flow.bad,
            "notes": [
                {
                    "severity": note.severity,
                    "kind": note.kind,
                    "node": note.node,
                    "message": note.message,
                    "rows": rows,
                    "first": place,
                }
                for note, rows, place in flow.notes()
            ],
            "bad_rows": told[:KEPT],
        }

    def footer() -> Mapping[str, str]:
        source.check_same(file, shown)
        held = {"schema": _SCHEMA, "hash": hashed, "source": source.told(), **said()}
        return {_KEY: json.dumps(held)}

    writer = TableWriter(results, FORM, reader.schema, footer)
    try:
        output.replace(flow.pieces([reader], writer), target, secrets.token_hex(8))
    except BackpropError:
        # Another may have been asked for the same part, and have swept away what was begun here.
        other = finished(target, hashed, source)
        if other is None:
            raise
        return other
    return {**said(), "bad_rows": told, "remark": mapper.remark, "found": False}


class Source(NamedTuple):
    """A part's file, so far as to tell whether it is still the same."""

    size: int
    footer: str
    """A hash of the file's footer: where its columns stand, how long they are, from what to what they go."""
    changed: int
    """When the file was written to, in nanoseconds; not told, since copies are as good."""

    @classmethod
    def of(cls, file: sources.OpenFile, shown: str) -> Source:
        """What an opened file is. Raises DataError for a pipe."""
        opened = file.random()
        if opened is None:
            raise DataError(f"{shown} is a pipe, and parts are files", hint="write it to a file first")
        size = file.size or 0
        opened.seek(max(0, size - _TAIL))
        tail = opened.read(_TAIL)
        length = min(size, int.from_bytes(tail[:4], "little") + _TAIL, _LONGEST)
        opened.seek(size - length)
        digest = hashlib.sha256(opened.read(length)).hexdigest()
        opened.seek(0)
        return cls(size, digest, os.fstat(opened.fileno()).st_mtime_ns)

    def told(self) -> dict[str, Any]:
        """What is kept of it."""
        return {"bytes": self.size, "footer": self.footer}

    def check_same(self, file: sources.OpenFile, shown: str) -> None:
        """Raise DataError where the file was written to while it was read."""
        opened = file.random()
        now = os.fstat(opened.fileno()) if opened is not None else None
        if now is None or (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
            raise DataError(f"{shown} was written to while it was read", hint="wait for its writer, and map it again")


def finished(target: str, hashed: str, source: Source | None = None) -> dict[str, Any] | None:
    """What a file says of itself that was made by the task with this hash; of `source`, if that is given. Else None."""
    try:
        changed = os.stat(target).st_mtime_ns
        held = _footer(target)
    except (OSError, BackpropError):
        return None
    if held is None or held.get("schema") != _SCHEMA or held.get("hash") != hashed:
        return None
    if source is not None and (held.get("source") != source.told() or changed < source.changed):
        return None
    try:
        return {
            "rows": int(held["rows"]),
            "bad": int(held["bad"]),
            "notes": [{**note, "rows": int(note["rows"])} for note in held["notes"]],
            "bad_rows": list(held["bad_rows"]),
            "remark": None,
            "found": True,
        }
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _footer(target: str) -> dict[str, Any] | None:
    """What a Parquet file says of itself in our words; None where it is another's."""
    import pyarrow
    import pyarrow.parquet

    with sources.opened(target) as file:
        opened = file.random()
        if opened is None:
            return None
        try:
            metadata = pyarrow.parquet.read_metadata(opened).metadata or {}
        except (pyarrow.ArrowException, OSError, ValueError):
            return None
    text = metadata.get(_KEY.encode())
    held = None if text is None else document(text, "a part")
    return held if isinstance(held, dict) else None
