"""The manifest of a folder of parts: what was asked, and what came of each part; a file of JSON, always whole.

What parts say of themselves is what counts when a run is resumed; the manifest is read to tell whether a folder belongs
to the same task, and by users.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backpropcli import __version__, output
from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.parts.part import KEPT, finished
from backpropcli.parts.task import Task
from backpropcli.reading import sources
from backpropcli.reading.documents import document

NAME = "_manifest.json"
"""Readers of whole folders pass over names that begin so."""
SCHEMA = "backprop.parts/1"
_LIMIT = 1 << 30


class Manifest:
    """What is known of the parts in a folder that were made by one task."""

    def __init__(self, folder: str, task: Task) -> None:
        """Raises BackpropError where the folder holds the parts of another task."""
        self._path = os.path.join(folder, NAME)
        self._folder = folder
        self._formula = task.formula
        self.hash = task.hash()
        self._parts: dict[str, Mapping[str, Any]] = {}
        for name in self._earlier():
            found = finished(os.path.join(folder, name), self.hash)
            if found is not None:
                self._parts[name] = found

    def _earlier(self) -> list[str]:
        """The names of the parts that an earlier run of the same task has left."""
        if not os.path.exists(self._path):
            return []
        shown = visible(self._path, 100)
        held = document(sources.file_bytes(self._path, _LIMIT), shown, '{"schema": "backprop.parts/1"}')
        if not isinstance(held, dict) or held.get("schema") != SCHEMA:
            raise DataError(f"{shown} is no manifest of this program", hint="name another folder")
        if held.get("hash") != self.hash:
            if not self._holds(str(held.get("hash"))):
                return []
            raise BackpropError(
                f"{visible(self._folder, 100)} holds the parts of another run: {self._difference(held)}",
                hint="name another folder, or remove this one",
            )
        parts = held.get("parts")
        names = [part.get("name") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        return [name for name in names if isinstance(name, str) and name == os.path.basename(name)]

    def _holds(self, hashed: str) -> bool:
        """Whether the folder holds parts that the task with this hash has made."""
        return any([finished(os.path.join(self._folder, name), hashed) for name in os.listdir(self._folder)])

    def _difference(self, held: Mapping[str, Any]) -> str:
        version, reading = str(held.get("version")), str(held.get("reading"))
        if reading != self._formula.reading:
            return f"it mapped {visible(reading, 100)}, and this is {visible(self._formula.reading, 100)}"
        if version != __version__:
            return f"it was made by backprop {visible(version, 20)}, and this is {__version__}"
        return f"it mapped {visible(reading, 100)} with other options or values"

    def add(self, part: Mapping[str, Any]) -> None:
        """Take in what was done to a part."""
        self._parts[str(part["name"])] = part

    def forget(self, names: Sequence[str]) -> None:
        """Drop parts that are to be made anew."""
        for name in names:
            self._parts.pop(name, None)

    def write(self, *, complete: bool) -> None:
        """Put the manifest in its place, whole; `complete` says that all parts are there that were asked for."""
        output.write(self._lines(complete=complete), self._path)

    def _lines(self, *, complete: bool) -> Iterator[str]:
        parts = [{"name": name, **part} for name, part in sorted(self._parts.items())]
        told = {
            "schema": SCHEMA,
            "version": __version__,
            "hash": self.hash,
            "formula": self._formula.text,
            "reading": self._formula.reading,
            "complete": complete,
            "rows": sum([part["rows"] for part in parts]),
            "bad": sum([part["bad"] for part in parts]),
            "notes": merged(parts),
        }
        yield "{" + ",\n ".join([f"{_json(key)}: {_json(value)}" for key, value in told.items()])
        yield ',\n "parts": ['
        for k, part in enumerate(parts):
            kept = {key: part[key] for key in ("name", "rows", "bad", "bad_rows", "notes")}
            yield (",\n  " if k else "\n  ") + _json({**kept, "bad_rows": kept["bad_rows"][:KEPT]})
        yield "]}\n"


def merged(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The notes of all parts: one is told as the first part has it that has it, with the rows of all of them."""
    found: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for part in parts:
        for note in part["notes"]:
            key = note["severity"], note["kind"], note["node"]
            known = found.setdefault(key, {**note, "rows": 0})
            known["rows"] += note["rows"]
    return list(found.values())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
