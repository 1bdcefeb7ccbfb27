"""Strict TOML: at most 1 MiB, no depth that exhausts a stack, no key of many parts; and where each key stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backpropcli.errors import DataError, Span
from backpropcli.reading.documents import DEPTH_LIMIT, deeper
from backpropcli.reading.sources import TEXT_LIMIT, decoded

Path = tuple[str | int, ...]
"""The keys and the places in lists that lead to a value: `("question", 0, "at", "x")`."""

# Each matches to the end of the text if it is not closed, so that no place is looked at twice.
_SKIPPED = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\\?\Z)|\'\'\'(?:[^\']|\'(?!\'\'))*(?:\'\'\'|\Z)'
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|\'[^\'\n]*\'?|#[^\n]*',
    re.DOTALL,
)
_PIECES = re.compile(r"[=,{}\[\]\n]")
_KEY = r"[A-Za-z0-9_-]+(?:[ \t]*\.[ \t]*[A-Za-z0-9_-]+)*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]")
_LINE = re.compile(rf"[ \t]*({_KEY})[ \t]*=")
_LINES = re.compile(r"[^\n]*\n?")
_PLACE = re.compile(r"\(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)\Z")


class Document:
    """A TOML document: its values, and where in its text each of them stands."""

    def __init__(self, text: str, name: str, values: Mapping[str, Any]) -> None:
        self.text = text
        self.name = name
        self.values = values
        self._lines: dict[Path, Span] | None = None

    def span(self, path: Path) -> Span | None:
        """Where a key or an entry of a list stands; where that is not known, the nearest that holds it."""
        if self._lines is None:
            self._lines = _places(self.text)
        for end in range(len(path), 0, -1):
            found = self._lines.get(path[:end])
            if found is not None:
                return found
        return None

    def error(self, path: Path, message: str, hint: str) -> DataError:
        """What is wrong with the value that this path leads to."""
        span = self.span(path)
        return DataError(f"{self.name}: {message}", source=self.text if span else "", span=span, hint=hint)


def document(contents: bytes, name: str, limit: int = TEXT_LIMIT) -> Document:
    """The TOML document that the contents of `name` spell; anything else is refused."""
    if len(contents) > limit:
        raise DataError(
            f"{name} has {len(contents):,} bytes, and the limit is {limit:,}", hint="split it into several files"
        )
    text = decoded(contents, name)
    bare = _SKIPPED.sub('""', text)
    if deeper(bare.encode(), DEPTH_LIMIT) or any([piece.count(".") > DEPTH_LIMIT for piece in _PIECES.split(bare)]):
        raise DataError(f"{name} is nested more than {DEPTH_LIMIT} deep", hint='write keys such as id = "q1"')

    import tomllib

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _refused(str(problem), text, name) from None
    except ValueError:  # Python reads no whole number of 5,000 digits.
        raise DataError(f"{name} holds a number that is too long", hint="write at most 17 digits") from None
    return Document(text, name, values)


def _refused(said: str, text: str, name: str) -> DataError:
    """What the parser said, at its place."""
    found = _PLACE.search(said)
    span = None
    if found is not None:
        start = 0
        for _ in range(int(found[1] or 1) - 1):
            start = text.find("\n", start) + 1
        at = start + int(found[2]) - 1 if found[2] else len(text.rstrip())
        span = Span(at, at + 1)
        said = said[: found.start()].rstrip()
    return DataError(
        f"{name} is not TOML: {said[:1].lower()}{said[1:]}",
        source=text if span else "",
        span=span,
        hint='a line is a key and its value, as in id = "hw1"; a text stands in quotation marks',
    )


def _places(text: str) -> dict[Path, Span]:
    """Of every key at the start of a line, and of every text in a list, where it stands."""
    # Strings and comments are blanked in place, so that positions stay true.
    strings: list[Span] = []

    def blanked(found: re.Match[str]) -> str:
        if found[0][0] != "#":
            strings.append(Span(*found.span()))
        return re.sub(r"[^\n]", " ", found[0])

    bare = _SKIPPED.sub(blanked, text)
    places: dict[Path, Span] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    open_at: Path | None = None
    depth = taken = 0
    for line in _LINES.finditer(bare):
        start, end = line.span()
        header, key = (None, None) if depth > 0 else (_HEADER.match(bare, start, end), _LINE.match(bare, start, end))
        if header is not None:
            table = _entered(header[2], len(header[1]) == 2, counts)
            places[table] = Span(header.start(1), header.end() + len(header[1]) - 1)
            continue
        if key is not None:
            open_at = (*table, *_parts(key[1]))
            places[open_at] = Span(*key.span(1))
            for inner in re.finditer(rf"({_KEY})[ \t]*=", bare[key.end() : end]):
                inside = Span(key.end() + inner.start(1), key.end() + inner.end(1))
                places.setdefault((*open_at, *_parts(inner[1])), inside)
            depth = at = 0
        depth += sum([bare.count(mark, start, end) for mark in "[{"])
        depth -= sum([bare.count(mark, start, end) for mark in "]}"])
        while taken < len(strings) and strings[taken].start < end:
            if open_at is not None:
                places.setdefault((*open_at, at), strings[taken])
                at += 1
            taken += 1
    return places


def _parts(key: str) -> Path:
    return tuple([part.strip() for part in key.split(".")])


def _entered(key: str, listed: bool, counts: dict[Path, int]) -> Path:
    """The path of a table whose header is read; parts that are lists lead to their last entry."""
    path: Path = ()
    for part in _parts(key):
        path = (*path, part)
        if path in counts and path != _parts(key):
            path = (*path, counts[path])
    if listed:
        counts[path] = counts.get(path, -1) + 1
        path = (*path, counts[path])
    return path
