"""Arrays out of texts and nested lists: all rows of one length, every entry a number, and else the place is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from backpropcli.errors import BackpropError, DataError
from backpropcli.reading import sources
from backpropcli.reading.documents import deeper
from backpropcli.reading.values import (
    NUMBER,
    SPACES,
    TEXT_LIMIT,
    TINY,
    kind,
    number,
    number_from_document,
)

if TYPE_CHECKING:
    from backpropcli.reading.values import Value

MAX_AXES = 32
"""As many as an array has in a formula."""

_EXAMPLE = "as in [1, 2; 3, 4] or [[1, 2], [3, 4]]"
_JSON_EXAMPLE = "as in [1, 2] or [[1, 2], [3, 4]]"

# Numbers with nothing around them but brackets and separators, which a parser written in C can read.
_PLAIN = re.compile(r"[0-9+\-.eE\[\],; \t\r\n]*\Z")
_MARKS = re.compile(r"[\[\](){},;]")

_Refused = Callable[[str], BackpropError]


def array(text: str, name: str, *, ieee: bool) -> Value | None:
    """Nested lists of the numbers that `[...]` writes; None where it is no list of entries, but a formula."""

    def refused(said: str) -> BackpropError:
        return BackpropError(f"{name} {said}", hint=_EXAMPLE)

    if len(text) > sources.DATA_LIMIT:
        raise refused(f"has {len(text):,} characters, and the limit is {sources.DATA_LIMIT:,}")
    if text.count("[") > MAX_AXES and deeper(text.encode("utf-8", "surrogatepass"), MAX_AXES):
        raise _too_deep(refused)
    plain = _plain(text)
    if plain is not None:
        _, entries = flattened(plain, refused)
        if all(map(isfinite, entries)):
            return plain
    written = _split(text)
    if written is None:
        return None
    dims, texts = flattened(written, refused)
    found = _numbers(texts, dims, name, ieee=ieee)
    return None if found is None else nested(dims, found)


def from_lists(value: list[Any], name: str, source: str, *, ieee: bool) -> list[Any]:
    """An array out of JSON; the text "NaN" and its like are taken with `ieee`."""
    dims, entries = flattened(value, lambda said: DataError(f"{name}, in {source}, {said}", hint=_JSON_EXAMPLE))
    if set(map(type, entries)) == {float} and all(map(isfinite, entries)):
        return value
    found = [
        each
        if type(each) is float and isfinite(each)
        else number_from_document(each, f"{entry(k, dims)} of {name}", source, ieee=ieee)
        for k, each in enumerate(entries)
    ]
    return nested(dims, found)


def _plain(text: str) -> list[Any] | None:
    """The nested lists, where JSON's parser can read them: rows all by brackets or all by semicolons."""
    if not _PLAIN.match(text) or TINY.search(text):
        return None
    if ";" in text:
        if text.count("[") > 1:
            return None
        text = f"[{text.replace(';', '],[')}]"
    import json

    try:
        found = json.loads(text, parse_int=float)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


class _Open:
    """A list whose bracket has not been closed yet."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        """Those before the last, where semicolons separate rows."""
        self.entries: list[Any] = []

    def closed(self) -> list[Any]:
        """Its entries; where it has several rows, those."""
        return [*self.rows, self.entries] if self.rows else self.entries


def _split(text: str) -> list[Any] | None:
    """Nested lists of the entries' texts; None where brackets are a part of formulas, or do not match."""
    lists: list[_Open] = []
    start = 0
    inner = 0
    entry: list[Any] | None = None
    for match in _MARKS.finditer(text):
        mark, place = match[0], match.start()
        if inner or mark in "(){}":
            inner += 1 if mark in "([{" else -1 if mark in ")]}" else 0
            if inner < 0:
                return None
            continue
        written = text[start:place].strip(SPACES)
        start = place + 1
        if mark == "[":
            if written or entry is not None:
                return None
            lists.append(_Open())
            continue
        last = lists[-1]
        if entry is not None:
            if written:
                return None
            last.entries.append(entry)
            entry = None
        elif written:
            last.entries.append(written)
        elif mark != "]" or last.entries or last.rows:
            return None
        if mark == ";":
            last.rows.append(last.entries)
            last.entries = []
        elif mark == "]":
            entry = lists.pop().closed()
            if not lists:
                return None if text[start:].strip(SPACES) else entry
    return None


def _numbers(texts: Sequence[str], dims: Sequence[int], name: str, *, ieee: bool) -> list[float] | None:
    """The entries' numbers, each formula worked out once; None where one is an array itself."""
    found: list[float] = []
    careful: dict[str, int] = {}  # What is no plain number, or one that a double may not hold, and where it is first.
    for k, text in enumerate(texts):
        value = float(text) if NUMBER.match(text) else 0.0
        if value in _EXTREMES:
            careful.setdefault(text, k)
        found.append(value)
    if not careful:
        return found
    characters = sum([len(text) for text in careful if not NUMBER.match(text)])
    if characters > TEXT_LIMIT:
        raise BackpropError(
            f"the formulas in the value of {name} have {characters:,} characters, and the limit is {TEXT_LIMIT:,}",
            hint="write numbers, or put them into a file, as in @value.json",
        )
    known: dict[str, float] = {}
    for text, k in careful.items():
        result = number(text, f"{entry(k, dims)} of {name}", ieee=ieee)
        if not isinstance(result, float):
            return None
        known[text] = result
    return [known.get(text, value) for text, value in zip(texts, found, strict=True)]


_EXTREMES = frozenset({0.0, inf, -inf})


# Nested lists


def flattened(value: list[Any], refused: _Refused) -> tuple[tuple[int, ...], list[Any]]:
    """The size along each axis, and all entries row by row; refuses lists that are no array."""
    dims: list[int] = []
    lists = [value]
    while True:
        count = len(lists[0])
        if any([len(each) != count for each in lists]):
            i = next(i for i, each in enumerate(lists) if len(each) != count)
            raise refused(f"is ragged: {row(i, dims)} has {_counted(len(lists[i]))}, {row(0, dims)} has {count:,}")
        if not count:
            raise refused("is an empty list, and an array has at least one entry")
        if len(dims) == MAX_AXES:
            raise _too_deep(refused)
        dims.append(count)
        entries = list(chain.from_iterable(lists))
        kinds = set(map(type, entries))
        if list not in kinds:
            return tuple(dims), entries
        if len(kinds) > 1:
            first = isinstance(entries[0], list)
            k = next(k for k, each in enumerate(entries) if isinstance(each, list) is not first)
            raise refused(
                f"is no array: {entry(k, dims)} is {_kind(entries[k])}, {entry(0, dims)} is {_kind(entries[0])}"
            )
        lists = entries


def nested(dims: Sequence[int], entries: list[Any]) -> list[Any]:
    """Lists of these sizes, from the entries row by row."""
    for size in reversed(dims[1:]):
        entries = [entries[start : start + size] for start in range(0, len(entries), size)]
    return entries


def entry(k: int, dims: Sequence[int]) -> str:
    """Where the entry number `k` stands, in words that count from 1."""
    place = _place(k, dims)
    return f"entry {place[-1]}" + (f" of {_row(place[:-1])}" if len(place) > 1 else "")


def row(i: int, dims: Sequence[int]) -> str:
    """Where list number `i` stands among those inside these axes."""
    return _row(_place(i, dims)) if dims else "it"


def _row(place: Sequence[int]) -> str:
    return " of ".join([f"row {place[-1]:,}", *[f"part {i:,}" for i in reversed(place[:-1])]])


def _place(k: int, dims: Sequence[int]) -> list[int]:
    place: list[int] = []
    for size in reversed(dims):
        k, here = divmod(k, size)
        place.append(here + 1)
    return place[::-1]


def _counted(count: int) -> str:
    return f"{count:,} entries" if count > 1 else "1 entry" if count else "no entries"


def _kind(value: object) -> str:
    # An entry that is still a text is a number, or a formula for one.
    return "a number" if isinstance(value, str) else kind(value)


def _too_deep(refused: _Refused) -> BackpropError:
    return refused(f"is nested more than {MAX_AXES} deep, and an array has at most {MAX_AXES} axes")
