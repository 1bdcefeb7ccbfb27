"""CSV and TSV: a header of names, then a point a row; a row is kept as it is, and the results are further cells.

Rows without quotation marks are read many at a time. Where anything about them is not plain they are read again one by
one, strictly, and whatever is wrong is said of its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from math import isfinite
from typing import Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading.csv_array import COLUMN_LIMIT, FIELD_LIMIT, not_csv
from backpropcli.reading.sources import decoded
from backpropcli.reading.values import NUMBER, SPACES, TINY, Lost, in_digits, number_in_text
from backpropcli.streams import _fast
from backpropcli.streams._lines import LINE_LIMIT, MARK, LineReader, Lines, check_mark, is_utf8, too_long
from backpropcli.streams._numbers import CSV_WORDS, cell, written
from backpropcli.streams._rows import Batch, Column, Plain, Results, Source, Wanted, placed

SEPARATORS = {"csv": ",", "tsv": "\t"}
_END = 10
_DIGITS = b"0123456789.+-eE"
_TINY = re.compile(TINY.pattern.encode())
_NEGATIVE_ZERO = re.compile(rb"-0(?![.0-9])")
_CODE = re.compile(r"[+-]?0[0-9]")
_LONG = 300
# Text that a spreadsheet would take for a formula or a command, after the spaces and quotes that it skips.
_STARTS = frozenset("=+-@\t\r\n|＝＋－＠｜")
_SKIPPED = " '\"\u00a0\u3000＇＂"


def reader(source: Source, name: str, form: str, max_bytes: int) -> CsvReader:
    """The points in a source, a row each, under a header."""
    return CsvReader(source, name, form)


def writer(results: Results, form: str) -> CsvWriter:
    """Writes rows as lines of cells, with their results as further cells."""
    return CsvWriter(results, form)


class CsvReader:
    """Points, a row of cells each."""

    def __init__(self, source: Source, name: str, form: str) -> None:
        self._lines = LineReader(source)
        self._name = name
        self._form = form
        self._separator = SEPARATORS[form]
        self._first = Lines(b"", 1, 0)
        self.header = b""
        """The header's bytes, without its line end."""
        self.names: Sequence[str] = self._names()

    def _names(self) -> Sequence[str]:
        lines = self._lines.begin()
        if lines is None:
            return ()
        first = lines.first
        if not lines.text:
            raise too_long(self.place(first))
        self.header, _, rest = lines.text.partition(b"\n")
        self._first = Lines(rest, first + 1, lines.total - 1)
        next(iter(self._lines))
        cells = self.cells(self.header, self.place(first))
        if len(cells) > COLUMN_LIMIT:
            raise DataError(
                f"{self.place(first)} has {len(cells):,} columns; the limit is {COLUMN_LIMIT:,}",
                hint="write a long vector as a list in NDJSON",
            )
        names = [cell.strip(SPACES) for cell in cells]
        for name, count in Counter(names).items():
            if name and count > 1:
                raise DataError(
                    f"{self.place(first)}, the header, names {visible(name, 60)} twice", hint="name each column once"
                )
        return names

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """All rows, as they come in."""
        if not self.header:
            return
        columns = self._columns(wanted)
        self._lines.most = min(self._lines.most, wanted.most)
        rows = _Rows(self, wanted, [list(self.names).index(columns[name]) for name in wanted.variables])
        yield rows.made(b"", [[] for _ in wanted.variables], range(0))
        # A cell in quotation marks may go on in lines that are still to come.
        waiting: list[bytes] = []
        size = begun = 0
        quoted = False
        for text, first, _ in self._each():
            if not text:
                yield rows.failed(first, too_long(self.place(first)))
                continue
            end = len(text)
            if waiting or b'"' in text:
                end, quoted = _whole(text, quoted, self._separator.encode())
            begun = begun if waiting else first
            if not end:
                waiting.append(text)
                size += len(text)
                if size > LINE_LIMIT:
                    raise self._open(begun)
                continue
            whole = b"".join([*waiting, text[:end]])
            waiting, size = [text[end:]] if end < len(text) else [], len(text) - end
            if (batch := rows.batch(whole, begun)) is not None:
                yield batch
            begun += whole.count(b"\n")
        if waiting:
            yield rows.failed(begun, self._open(begun))

    def _each(self) -> Iterator[Lines]:
        if self._first.text:
            yield self._first
        yield from self._lines

    def _columns(self, wanted: Wanted) -> dict[str, str]:
        place = f"the header of {self._name}" if self._name else "the header"
        try:
            wanted.check_free(self.names, place)
            return wanted.columns([name for name in self.names if name], place)
        except DataError as problem:
            other = "tsv" if self._separator == "," else "csv"
            if len(self.names) == 1 and SEPARATORS[other] in self.names[0]:
                problem.hint = f"it is one column, and looks like {other.upper()}: add --from {other}"
            elif len(self.names) == 1 and ";" in self.names[0]:
                problem.hint = "put commas between the cells, as in tr ';' ',', and write decimals with a point"
            raise

    def _open(self, line: int) -> DataError:
        return DataError(
            f'{self.place(line)} has a cell that begins with " and does not end',
            hint='close it, and write " inside of it twice',
        )

    def cells(self, row: bytes, place: str) -> list[str]:
        """The cells of one row, read strictly."""
        check_mark(row, place)
        text = decoded(row.removesuffix(b"\r"), place)
        before = csv.field_size_limit(FIELD_LIMIT)
        try:
            found = list(csv.reader(io.StringIO(text, newline=""), delimiter=self._separator, strict=True))
        except csv.Error as problem:
            hint = 'a cell that holds " is written in quotation marks, with that one twice'
            raise not_csv(place, problem, hint, self._form.upper()) from None
        finally:
            csv.field_size_limit(before)
        if len(found) > 1:
            raise DataError(f"{place} has a line end outside of quotation marks", hint="write a row a line")
        return found[0] if found else []

    def place(self, line: int) -> str:
        """A line, as messages call it."""
        return f"line {line:,} of {self._name}" if self._name else f"line {line:,}"


def _whole(text: bytes, quoted: bool, separator: bytes) -> tuple[int, bool]:
    """Where the last row ends that does so in these lines, 0 for none; and whether a quoted cell goes on after them."""
    end = place = 0
    for line in text.split(b"\n")[:-1]:
        quoted = _quoted(line, quoted, separator)
        place += len(line) + 1
        if not quoted:
            end = place
    return end, quoted


def _quoted(line: bytes, quoted: bool, separator: bytes) -> bool:
    """Whether a cell in quotation marks goes on after this line; `quoted` is whether one did before it."""
    if b'"' not in line:
        return quoted
    place = 0
    while True:
        if quoted:
            # Two marks are one, and inside; one alone ends it.
            place = line.find(b'"', place) + 1
            if not place:
                return True
            if line[place : place + 1] == b'"':
                place += 1
                continue
            quoted = False
        elif line[place : place + 1] == b'"':
            quoted = True
            place += 1
            continue
        place = line.find(separator, place) + 1
        if not place:
            return False


class _Rows:
    """Rows under a header, with the places of the variables' cells."""

    def __init__(self, reader: CsvReader, wanted: Wanted, cells: Sequence[int]) -> None:
        self._reader = reader
        self._wanted = wanted
        self._at = cells
        self._form = reader._form
        self._separator = reader._separator.encode()
        self._width = len(reader.names)

    def failed(self, place: int, error: DataError) -> Batch:
        """A row that cannot be read."""
        return self.made([b""], [[] for _ in self._at], [place], {0: error}, {0})

    def made(
        self,
        rows: Sequence[bytes] | bytes,
        columns: Sequence[Column],
        places: Sequence[int],
        errors: dict[int, BackpropError] | None = None,
        broken: Collection[int] = frozenset(),
    ) -> Batch:
        """A batch of these rows."""
        named = dict(zip(self._wanted.variables, columns, strict=True))
        header, blank = self._reader.header, self._separator * (self._width - 1)
        return Batch(self._form, rows, named, places, self._plain, errors, broken=broken, header=header, blank=blank)

    def batch(self, text: bytes, first: int) -> Batch | None:
        """The rows in whole lines, of which the first has this number."""
        if b'"' not in text:
            count = _fast.count(text, _END)
            found = self._quick(text.replace(b"\r\n", b"\n") if b"\r" in text else text, count)
            if found is not None:
                return self.made(text, found, range(first, first + count))
        elif (batch := self._quick_quoted(text, first)) is not None:
            return batch
        return self._one_by_one(text, first)

    def _plain(self, rows: Sequence[bytes]) -> Plain:
        reader = self._reader
        if any([b'"' in row for row in rows]):
            cells = [list(map(_value, reader.cells(row, ""))) for row in rows]
        else:
            separator = self._separator.decode()
            cells = [list(map(_value, row.decode().removesuffix("\r").split(separator))) for row in rows]
        columns = list(zip(*cells, strict=True)) if cells else [()] * self._width
        return {name or f"column {k + 1}": columns[k] for k, name in enumerate(reader.names)}

    # Many at a time

    def _quick(self, text: bytes, count: int) -> list[Column] | None:
        """The variables' columns; None where there is more to look at than numbers and separators."""
        if not self._at or not is_utf8(text) or any([each in text for each in (b"\r", b"\0", MARK)]):
            return None
        if len(text) > FIELD_LIMIT and max(map(len, text.split(b"\n"))) > FIELD_LIMIT:
            return None
        commas = text.replace(b"\t", b",") if self._separator == b"\t" else text
        if text.translate(None, _DIGITS) == (self._separator * (self._width - 1) + b"\n") * count:
            entries = _floats(commas[:-1].replace(b"\n", b","), many=count >= _fast.MANY)
            return None if entries is None else [entries[k :: self._width] for k in self._at]
        return self._columns([line.split(self._separator) for line in text[:-1].split(b"\n")])

    def _quick_quoted(self, text: bytes, first: int) -> Batch | None:
        """The same of rows some of whose cells are in quotation marks."""
        if not self._at or not is_utf8(text) or any([each in text for each in (b"\0", MARK)]):
            return None
        places, rows = zip(*_split(text, first, self._separator), strict=True)
        before = csv.field_size_limit(FIELD_LIMIT)
        try:
            lines = io.StringIO(text.decode(), newline="")
            cells = list(csv.reader(lines, delimiter=self._separator.decode(), strict=True))
        except csv.Error:
            return None
        finally:
            csv.field_size_limit(before)
        if len(cells) != len(rows):
            return None
        found = self._columns([[cell.encode() for cell in row] for row in cells])
        return None if found is None else self.made(rows, found, places)

    def _columns(self, rows: Sequence[Sequence[bytes]]) -> list[Column] | None:
        """The variables' columns, where all rows have as many cells as the header, and numbers in those."""
        if {*map(len, rows)} != {self._width}:
            return None
        count = len(rows)
        found: list[Column] = []
        for k in self._at:
            column = b",".join([row[k] for row in rows])
            if column.translate(None, _DIGITS) != b"," * (count - 1):
                return None
            entries = _floats(column, many=count >= _fast.MANY)
            if entries is None:
                return None
            found.append(entries)
        return found

    # One by one

    def _one_by_one(self, text: bytes, first: int) -> Batch | None:
        """The rows, each read strictly; empty lines are passed over."""
        rows: list[bytes] = []
        places: list[int] = []
        errors: dict[int, BackpropError] = {}
        broken: set[int] = set()
        columns: list[list[Any]] = [[] for _ in self._at]
        for place, row in _split(text, first, self._separator):
            if not row.strip(b" \t\r" if self._separator == b"," else b" \r"):
                continue
            cells: list[str] | None = None
            try:
                cells = self._cells(row, self._reader.place(place))
                values = self._values(cells, self._reader.place(place))
            except BackpropError as error:
                errors[len(rows)] = placed(error, self._reader.place(place))
                if cells is None:
                    broken.add(len(rows))
            else:
                for column, value in zip(columns, values, strict=True):
                    column.append(value)
            rows.append(row)
            places.append(place)
        return self.made(rows, columns, places, errors, broken) if rows else None

    def _cells(self, row: bytes, place: str) -> list[str]:
        """The cells of a row, as many as the header has."""
        cells = self._reader.cells(row, place)
        if len(cells) != self._width:
            raise DataError(
                f"{place} has {len(cells):,} cell{'' if len(cells) == 1 else 's'}, and the header has {self._width:,}",
                hint="write a cell for every column, and nothing into those without a value",
            )
        return cells

    def _values(self, cells: Sequence[str], place: str) -> list[Any]:
        """The values of the variables in a row."""
        found: list[Any] = []
        for name, k in zip(self._wanted.variables, self._at, strict=True):
            text = cells[k].strip(SPACES)
            where = f"column {visible(self._reader.names[k], 40)}"
            if text.startswith("["):
                from backpropcli.reading.arrays import from_lists
                from backpropcli.reading.documents import document

                found.append(
                    from_lists(document(text.encode(), place, lines=False), name, place, ieee=self._wanted.ieee)
                )
                continue
            found.append(
                number_in_text(
                    text, f"{place}: {name}", name, place, place=where, hint="write a number there",
                    ieee=self._wanted.ieee,
                )
            )  # fmt: skip
        return found


def _split(text: bytes, first: int, separator: bytes) -> Iterator[tuple[int, bytes]]:
    """The number of its first line and the bytes of every row; a cell in quotation marks may hold line ends."""
    parts: list[bytes] = []
    quoted = False
    place = first
    for number, line in enumerate(text[:-1].split(b"\n"), start=first):
        if not quoted:
            place = number
        parts.append(line)
        quoted = _quoted(line, quoted, separator)
        if not quoted:
            yield place, parts[0] if len(parts) == 1 else b"\n".join(parts)
            parts = []


def _floats(text: bytes, *, many: bool) -> list[float] | None:
    """The numbers between commas; None where one is no number, or none that a double holds."""
    library = _fast.msgspec() if many and text else None
    entries: list[float] | None = None
    if library is not None:
        try:
            entries = library.json.decode(b"[" + text + b"]", type=list[float])
        except library.DecodeError:  # Such as .5 and +1, which are no numbers in JSON.
            entries = None
        # The library reads -0 as 0.
        if entries is not None and 0.0 in entries and _NEGATIVE_ZERO.search(text):
            entries = None
    if entries is None:
        try:
            # Of such characters float() takes a number's own spelling alone.
            entries = list(map(float, text.split(b",")))
        except ValueError:
            return None
    if not isfinite(sum(entries)) or (0.0 in entries and _TINY.search(text)):
        return None
    return entries


def _value(text: str) -> Any:
    """A cell as plain data: a number where it is written as one, None where it is empty."""
    if not text:
        return None
    # What begins with a 0 and more digits is a code, and no number.
    if len(text) > _LONG or not NUMBER.match(text) or _CODE.match(text):
        return text
    if text.lstrip("-").isdigit() and text != "-0":
        return int(text)
    value = in_digits(text)
    return text if isinstance(value, Lost) or not isfinite(value) else value


class CsvWriter:
    """Rows as lines of cells, under a header."""

    def __init__(self, results: Results, form: str) -> None:
        self._form = form
        self._separator = SEPARATORS[form].encode()
        self._names = results.names
        self._header: bytes | None = None

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """The rows, with the results as their last cells."""
        if batch.form == self._form:
            header, heads, ends = batch.header, *_cut(batch)
        else:
            header, heads = self._made(batch)
            ends = None
        parts: list[bytes] = []
        if self._header is None:
            self._header = header
            end = b"\r\n" if header.endswith(b"\r") else b"\n"
            columns = [header.removesuffix(b"\r")] if header else []
            parts.append(self._separator.join([*columns, *[name.encode() for name in self._names]]) + end)
        elif header.rstrip(b"\r") != self._header.rstrip(b"\r"):
            raise DataError(
                "the files have different headers, and are written under one",
                hint="write each to a file of its own, as in -o FOLDER/",
            )
        count = len(batch)
        width = 2 * len(outputs) + 2
        cells: list[bytes] = [self._separator] * (width * count)
        cells[0::width] = heads
        for k, column in enumerate(outputs):
            texts = written(column, CSV_WORDS, nulls, b"")
            if any([b"[" in text for text in texts[:1]]):
                texts = [b'"' + text.replace(b'"', b'""') + b'"' if text else text for text in texts]
            cells[2 * k + 2 :: width] = texts
        if not header:  # Rows without columns of their own.
            del cells[1::width]
            width -= 1
        cells[width - 1 :: width] = [b"\n"] * count if ends is None else ends
        return b"".join([*parts, *cells])

    def _made(self, batch: Batch) -> tuple[bytes, list[bytes]]:
        """Rows of another format as cells, and the header above them."""
        plain = batch.plain()
        if self._columns is None:
            self._columns = tuple(plain)
        for name in plain:
            if name not in self._columns:
                raise DataError(
                    f"another file has {visible(name, 60)}, which the header lacks",
                    hint="write each to a file of its own, as in -o FOLDER/",
                )
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=self._separator.decode(), lineterminator="\n")
        writer.writerow([_guarded(name) for name in self._columns])
        header = file.getvalue().encode().removesuffix(b"\n")
        file.seek(0)
        file.truncate()
        columns = [list(map(_cell, plain.get(name, [None] * len(batch)))) for name in self._columns]
        if not columns:
            return header, [b""] * len(batch)
        writer.writerows(zip(*columns, strict=True))
        # No cell holds a line end: such characters are spelled out.
        return header, file.getvalue().encode().split(b"\n")[:-1]

    _columns: tuple[str, ...] | None = None
    """Of rows of other formats, as the first have them."""

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _cut(batch: Batch) -> tuple[list[bytes], list[bytes] | None]:
    """The rows without their line ends, and those where they are not all line feeds."""
    rows = list(batch.rows) if len(batch) else []
    for k in batch.broken:
        rows[k] = batch.blank
    if not any([row[-1:] == b"\r" for row in rows]):
        return rows, None
    return [row.removesuffix(b"\r") for row in rows], [b"\r\n" if row[-1:] == b"\r" else b"\n" for row in rows]


def _cell(value: Any) -> str:
    """A plain value as a cell: never what a spreadsheet would execute."""
    if isinstance(value, float):
        text = repr(float(value))
        return text if isfinite(value) else CSV_WORDS[text].decode()
    if value is None:
        return ""
    if isinstance(value, str):
        return _guarded(value)
    return str(value) if type(value) is int else cell(value)


def _guarded(text: str) -> str:
    shown = visible(text, len(text))
    return f"'{shown}" if shown.lstrip(_SKIPPED)[:1] in _STARTS and not NUMBER.match(shown) else shown
