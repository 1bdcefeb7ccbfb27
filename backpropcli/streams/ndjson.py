"""NDJSON: a point a line, an object each; a line is kept as it is, and the results stand before its closing brace.

Lines are read many at a time, by a parser written in C. Where anything about them is not plain they are read again one
by one, strictly, and whatever is wrong is said of its line.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading.documents import document, is_deep
from backpropcli.reading.values import TINY, Lost, from_document, in_digits
from backpropcli.streams import _fast
from backpropcli.streams._lines import LineReader, Lines, check_mark, is_utf8, too_long
from backpropcli.streams._numbers import JSON_WORDS, cell, written
from backpropcli.streams._rows import Batch, Column, Plain, Results, Source, Wanted, placed

FORM = "ndjson"
_OPEN, _COLON = b"{:"
_EXAMPLE = '{"x": 4, "y": 3}'
_POINT = f"a point is a JSON object, as in {_EXAMPLE}"
_SPREAD = "write an object a line; jq -c . makes a line of one that is spread over several"
_LIST = "write an object a line; jq -c '.[]' makes lines of a list"
_NEGATIVE_ZERO = re.compile(rb"-0[^.0-9]")
_TINY = re.compile(TINY.pattern.encode())
_SLOT = re.compile(rb'"\\u0000([0-9]+)"')

_Decode = Callable[[bytes], Sequence[Sequence[Any]] | None]


def reader(source: Source, name: str, form: str, max_bytes: int) -> NdjsonReader:
    """The points in a source, a line each."""
    return NdjsonReader(source, name)


def writer(results: Results, form: str) -> NdjsonWriter:
    """Writes rows as lines, with their results as further keys."""
    return NdjsonWriter(results)


class NdjsonReader:
    """Points, an object a line."""

    def __init__(self, source: Source, name: str) -> None:
        self._lines = LineReader(source)
        self._name = name
        self.names: Sequence[str] = self._first_names()
        self._quick: Callable[[Lines], list[Column] | None] | None = None
        self._keys: tuple[str, ...] = ()

    def _first_names(self) -> Sequence[str]:
        lines = self._lines.begin()
        if lines is None:
            return ()
        first = lines.text.partition(b"\n")[0]
        try:
            found = document(first, "", _EXAMPLE)
        except BackpropError:
            return ()  # It is told when the line is read.
        return tuple(found) if isinstance(found, dict) else ()

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """All rows, as they come in."""
        strict = _Strict(wanted, self.names)
        plain = functools.partial(_plain, self.names if wanted.closed else ())
        chunks = [_typed(self.names, strict), _generic(strict)]
        self._lines.most = min(self._lines.most, wanted.most)
        for lines in self._lines:
            if not lines.text:
                error = too_long(self.place(lines.first))
                yield Batch(
                    FORM, [b""], {name: [] for name in wanted.variables}, [lines.first], plain, {0: error}, broken={0}
                )
                continue
            found = None
            # A library costs more to load than a few lines to read.
            count = lines.total
            if _is_plain(lines.text, count) and wanted.variables:
                for decode in chunks[count < _fast.MANY :]:
                    if found is None:
                        found = decode(lines.text, count)
            if found is not None:
                columns = dict(zip(wanted.variables, found, strict=True))
                places = range(lines.first, lines.first + count)
                yield Batch(FORM, lines.text, columns, places, plain)
            elif (batch := self._one_by_one(lines, strict, plain)) is not None:
                yield batch

    def _one_by_one(self, lines: Lines, strict: _Strict, plain: Callable[[Sequence[bytes]], Plain]) -> Batch | None:
        """The lines, each read strictly; empty ones are passed over."""
        rows: list[bytes] = []
        places: list[int] = []
        errors: dict[int, BackpropError] = {}
        broken: set[int] = set()
        columns: list[list[Any]] = [[] for _ in strict.wanted.variables]
        for place, line in enumerate(lines.text[:-1].split(b"\n"), start=lines.first):
            if not line.strip(b" \t\r"):
                continue
            found: dict[str, Any] | None = None
            try:
                found = strict.point(line, self.place(place))
                values = strict.values(found, self.place(place))
            except BackpropError as error:
                errors[len(rows)] = placed(error, self.place(place))
                if found is None:
                    broken.add(len(rows))
            else:
                for column, value in zip(columns, values, strict=True):
                    column.append(value)
            rows.append(line)
            places.append(place)
        named = dict(zip(strict.wanted.variables, columns, strict=True))
        return Batch(FORM, rows, named, places, plain, errors, broken=broken) if rows else None

    def place(self, line: int) -> str:
        """A line, as messages call it."""
        return f"line {line:,} of {self._name}" if self._name else f"line {line:,}"


class _Strict:
    """Lines as the rules have it: what a row must hold, must not hold, and what its values may be."""

    def __init__(self, wanted: Wanted, first: Sequence[str]) -> None:
        self.wanted = wanted
        self._first = frozenset(first)
        self._columns: dict[tuple[str, ...], dict[str, str]] = {}

    def columns(self, names: tuple[str, ...], place: str) -> dict[str, str]:
        """By variable, its key in rows of these; real rows have the same again and again."""
        if names not in self._columns:
            self.check(names, place)
            if len(self._columns) >= 64:
                self._columns.clear()
            self._columns[names] = self.wanted.columns(names, place)
        return self._columns[names]

    def point(self, line: bytes, place: str) -> dict[str, Any]:
        """The object in a line."""
        check_mark(line, place)
        try:
            found = document(line, place, _EXAMPLE, lines=False)
        except DataError as problem:
            if line.lstrip().startswith(b"["):
                problem.hint = _LIST
            elif line.strip() == b"{":
                problem.hint = _SPREAD
            raise
        if not isinstance(found, dict):
            raise DataError(f"{place} is no point", hint=_LIST if isinstance(found, list) else _POINT)
        self.check(found, place)
        return found

    def check(self, names: Collection[str], place: str) -> None:
        """Refuse keys that a row may not have here."""
        self.wanted.check_free(names, place)
        if self.wanted.closed:
            for name in names:
                if name not in self._first:
                    raise DataError(
                        f"{place} has {visible(name, 60)}, which the first row lacks, and so the table",
                        hint="write NDJSON, where every row has names of its own: --format ndjson",
                    )

    def values(self, found: dict[str, Any], place: str) -> list[Any]:
        """The values of the variables in it."""
        columns = self.columns(tuple(found), place)
        ieee = self.wanted.ieee
        return [from_document(found[columns[name]], name, place, ieee=ieee) for name in self.wanted.variables]


def _is_plain(text: bytes, count: int) -> bool:
    """Whether every line begins an object, and holds no other: then as many objects are a line each."""
    if text[:1] != b"{" or _fast.count(text, _OPEN) != count or text.count(b"\n{") != count - 1:
        return False
    return is_utf8(text) and not (b"[" in text and is_deep(text))


def _listed(text: bytes) -> bytes:
    return b"[" + text[:-1].replace(b"\n", b",") + b"]"


def _typed(names: Sequence[str], strict: _Strict) -> Callable[[bytes, int], list[Column] | None]:
    """Reads lines of exactly these keys, the variables' values all numbers; None where there is anything else."""
    made: list[Callable[[bytes, int], list[Column] | None]] = []

    def decode(text: bytes, count: int) -> list[Column] | None:
        if not made:
            library = _fast.msgspec()
            made.append(_refused if library is None else _decoder(library, names, strict))
        return made[0](text, count)

    return decode


def _refused(text: bytes, count: int) -> list[Column] | None:
    return None


def _decoder(library: Any, names: Sequence[str], strict: _Strict) -> Callable[[bytes, int], list[Column] | None]:
    try:
        columns = strict.columns(tuple(names), "")
    except BackpropError:
        return _refused
    fields = {name: f"v{k}" for k, name in enumerate(names)}
    kinds = {columns[name]: float for name in strict.wanted.variables}
    row = library.defstruct(
        "Row",
        [(fields[name], kinds.get(name, Any)) for name in names],
        rename={field: name for name, field in fields.items()},
        forbid_unknown_fields=True,
        gc=False,
    )
    # The type is made as it runs, of the columns' names; mypy takes types for those that stand in a program.
    decoder = library.json.Decoder(list[row])  # type: ignore[valid-type]
    from operator import attrgetter

    quoted = [json.dumps(name, ensure_ascii=False).encode() for name in names]
    getters = [attrgetter(fields[columns[name]]) for name in strict.wanted.variables]

    def decode(text: bytes, count: int) -> list[Column] | None:
        # Every key is needed and no other is taken: with as many colons none comes twice.
        if _fast.count(text, _COLON) != count * len(names) and not _once(text, count, quoted):
            return None
        try:
            rows = decoder.decode(_listed(text))
        except (library.DecodeError, UnicodeDecodeError):
            return None
        if len(rows) != count:
            return None
        found: list[Column] = [list(map(get, rows)) for get in getters]
        # The library reads -0 as 0, and tiny numbers too.
        if any([0.0 in column for column in found]) and (_NEGATIVE_ZERO.search(text) or _TINY.search(text)):
            return None
        return found

    return decode


def _generic(strict: _Strict) -> Callable[[bytes, int], list[Column] | None]:
    """Reads lines with the standard library; None where something is wrong, or takes a look at every line."""

    def decode(text: bytes, count: int) -> list[Column] | None:
        try:
            rows = _loaded(text)
            if len(rows) != count or {*map(type, rows)} != {dict}:
                return None
            # With as many colons as keys none comes twice, and no text holds one.
            if _fast.count(text, _COLON) != sum(map(len, rows)):
                rows = _loaded(text, object_pairs_hook=_without_duplicates)
        except ValueError:
            return None
        kinds = {*map(tuple, rows)}
        if len(kinds) > _KINDS:
            return None
        try:
            columns = [strict.columns(kind, "") for kind in kinds]
        except BackpropError:
            return None
        found: list[Column] = []
        for name in strict.wanted.variables:
            keys = {each[name] for each in columns}
            if len(keys) > 1:
                return None
            key = keys.pop()
            column = [row[key] for row in rows]
            # Numbers beyond a double's range are read as infinities.
            simple = {*map(type, column)} == {float}
            if (0.0 in column or not simple) and _TINY.search(text):
                return None
            if not simple or not isfinite(sum(column)):
                try:
                    column = [from_document(value, name, "", ieee=strict.wanted.ieee) for value in column]
                except BackpropError:
                    return None
            found.append(column)
        return found

    return decode


def _loaded(text: bytes, **hooks: Any) -> list[Any]:
    found: list[Any] = json.loads(_listed(text).decode(), parse_int=float, parse_constant=_no_constant, **hooks)
    return found


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate")
    return found


def _once(text: bytes, count: int, quoted: Sequence[bytes]) -> bool:
    """Whether the keys stand in it once a line, as far as can be told; an escape could hide one."""
    return b"\\" not in text and all([text.count(key) == count for key in quoted])


_KINDS = 32
"""Sets of keys in one batch that are looked at."""


def _plain(names: Sequence[str], rows: Sequence[bytes]) -> Plain:
    """The rows' keys as columns: those of these names, or all in the order in which they first come."""
    text = b"[" + b",".join(rows) + b"]"
    found = json.loads(text, parse_int=_whole, parse_float=_exact if _TINY.search(text) else float)
    all_names = names or list(dict.fromkeys(name for row in found for name in row))
    return {name: [row.get(name) for row in found] for name in all_names}


def _exact(digits: str) -> float | str:
    # What is 0 as a double, and was not, stays as it is written.
    value = in_digits(digits)
    return digits if isinstance(value, Lost) else value


_LONG = 300


def _whole(digits: str) -> int | float:
    # A whole number of 5,000 digits costs int quadratic time.
    return int(digits) if len(digits) < _LONG else float(digits)


class NdjsonWriter:
    """Rows as lines."""

    def __init__(self, results: Results) -> None:
        pieces = _SLOT.split(json.dumps(_slotted(results.document)).encode())
        self._constants = [b", " + pieces[0].removeprefix(b"{"), *pieces[2:-1:2], pieces[-1]]
        self._slots = [int(slot) for slot in pieces[1::2]]

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """The lines, with the results before their closing braces."""
        heads, tails = _cut(batch) if batch.form == FORM else _made(batch)
        texts = [written(column, JSON_WORDS, nulls, b"null") for column in outputs]
        count = len(batch)
        width = 2 * len(self._slots) + 2
        parts: list[bytes] = [b"\n"] * (width * count)
        parts[0::width] = heads
        for k, slot in enumerate(self._slots):
            parts[2 * k + 1 :: width] = [self._constants[k]] * count
            parts[2 * k + 2 :: width] = texts[slot]
        last = self._constants[-1]
        parts[width - 1 :: width] = [last + b"\n"] * count if tails is None else [last + tail for tail in tails]
        if tails is not None:
            for k, head in enumerate(heads):
                if head == b"{":  # An object without a key takes no comma.
                    parts[k * width + 1] = parts[k * width + 1].removeprefix(b", ")
        return b"".join(parts)

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _slotted(document: Any) -> Any:
    """The object with a mark that nothing else holds in the place of every position."""
    if isinstance(document, int):
        return f"\0{document}"
    if isinstance(document, Mapping):
        return {name: _slotted(inner) for name, inner in document.items()}
    return [_slotted(inner) for inner in document] if isinstance(document, list) else document


def _cut(batch: Batch) -> tuple[list[bytes], list[bytes] | None]:
    """The lines without their closing braces, and what follows those; of a line that cannot be read nothing is kept."""
    if batch.text is not None:
        heads = batch.text.split(b"}\n")
        if len(heads) == len(batch) + 1 and not heads.pop():
            return heads, None
    heads = []
    tails: list[bytes] = []
    for k, row in enumerate(batch.rows):
        end = row.rstrip(b" \t\r")
        readable = k not in batch.broken
        heads.append(end[:-1] if readable and end.strip()[1:-1].strip() else b"{")
        tails.append(row[len(end) :] + b"\n" if readable else b"\n")
    return heads, tails


def _made(batch: Batch) -> tuple[list[bytes], list[bytes]]:
    """Rows of another format as objects without their closing braces."""
    plain = batch.plain()
    names = list(map(cell, plain))
    columns = [list(map(cell, column)) for column in plain.values()]
    tails = [b"\n"] * len(batch)
    if not names:
        return [b"{"] * len(batch), tails
    rows = zip(*columns, strict=True)
    return [
        f"{{{', '.join([f'{name}: {text}' for name, text in zip(names, row, strict=True)])}".encode() for row in rows
    ], tails
