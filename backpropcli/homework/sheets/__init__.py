"""What students hand in, read: one file a format, found by the file's ending; `.md`, `.csv` and `.json`.

A format's module has `ENDINGS`, and `read(contents, name, paper)`, which gives the sheets of one student or of many.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from backpropcli.errors import DataError, visible
from backpropcli.homework.model import Answer, Quantity, Sheet
from backpropcli.homework.numbers import is_blank
from backpropcli.homework.paper import Paper

LIMIT = 1 << 20
"""Bytes of one student's file."""
CLASS_LIMIT = 16 << 20
"""Bytes of a file that holds a whole class."""
STUDENT_LENGTH = 200
"""Characters of a student's name."""
QUANTITY_LENGTH = 300
"""Characters of what a sheet calls a number: finding a node by its formula takes time."""
STRANGERS = 1_000
"""Names in a class's file that mean nothing in the assignment."""

FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
}
"""By the ending of a file's name, the module that reads it."""
ONE_STUDENT = frozenset({"markdown"})
"""Formats whose files hold one student's answers, and so come from students."""
STDIN_NAME = "standard input"


@dataclass(frozen=True)
class Read:
    """The sheets in a file, and what was passed over in it."""

    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = field(default=())


class Reader(Protocol):
    """What a format's module offers."""

    @staticmethod
    def read(contents: bytes, name: str, paper: Paper) -> Read:
        """The sheets that the contents of the file `name` hold; raises DataError."""


def format_of(path: str, contents: bytes | None = None) -> str:
    """The format of a file by its name's ending; of what has no name by how it begins."""
    ending = os.path.splitext(path)[1].lower()
    if ending in FORMATS:
        return FORMATS[ending]
    if contents is not None:
        start = contents[:1000].decode("utf-8-sig", "replace").strip()
        if start[:1] in ("{", "["):
            return "json"
        first = start.partition("\n")[0].casefold()
        return "csv" if "student" in first and any([mark in first for mark in ",;\t"]) else "markdown"
    raise DataError(
        f"{visible(path, 100)}: the name does not say what is in the file",
        hint=f"an answer's file ends in {', '.join(FORMATS)}; - reads standard input",
    )


def reader(name: str) -> Reader:
    """The module of one of the `FORMATS`."""
    return cast(Reader, importlib.import_module(f"{__name__}.{name}"))


def read(contents: bytes, path: str, paper: Paper) -> Read:
    """The sheets in a file, or on standard input where `path` is `-`."""
    name = STDIN_NAME if path == "-" else visible(path, 100)
    return reader(format_of("" if path == "-" else path, contents)).read(contents, name, paper)


class Gathered:
    """The answers of one student as they are found; where something is answered again, the last answer counts."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Quantity, Answer]] = {}
        self.problem: str | None = None
        """What is wrong with the last row; a sheet of half of the answers would be marked as if it were whole."""

    def add(self, question: str, answer: Answer) -> None:
        """One more; nothing is no answer, and replaces none."""
        found = self._found.setdefault(question, {})
        if not is_blank(answer.text) or answer.quantity not in found:
            found[answer.quantity] = answer

    def sheet(self, student: str, source: str, assignment: str = "") -> Sheet:
        """What was found."""
        answers = {question: tuple(found.values()) for question, found in self._found.items()}
        answers = {} if self.problem is not None else answers
        return Sheet(student[:STUDENT_LENGTH], answers, source, assignment, self.problem)


def check_assignment(found: str, paper: Paper, name: str) -> None:
    """Refuse a sheet of another assignment."""
    if found and found != paper.assignment.id:
        raise DataError(
            f"{name} answers the assignment {visible(found, 60)}, and not {paper.assignment.id}",
            hint=f"hand in the sheet of {paper.assignment.id}, or mend its line assignment:",
        )


def ignored(names: Sequence[str], what: str, name: str) -> str:
    """The note about columns or keys that mean nothing here."""
    shown = ", ".join([visible(each, 40) or "(no name)" for each in names[:6]])
    more = f" and {len(names) - 6:,} more" if len(names) > 6 else ""
    return f"{name}: {what} that ask for nothing are passed over: {shown}{more}"
