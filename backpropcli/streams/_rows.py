"""What a reader hands to a writer: rows in their own form, beside the values of the variables in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.language.names import canonical, closest
from backpropcli.records import NamedTuple

Column = Any
"""A value a row: a list of numbers or of nested lists, or a NumPy array."""

Plain = dict[str, Sequence[Any]]
"""Columns as plain data: numbers, texts, true and false, None, lists and objects."""


class Source(Protocol):
    """Bytes as they come in."""

    size: int | None

    def some(self, count: int) -> bytes:
        """What is there now, at most so many bytes; nothing at the end only."""

    def random(self) -> BinaryIO | None:
        """The file itself, to be read at any place, where it is one."""


class Wanted(NamedTuple):
    """What rows are read for: the variables, and the names of the columns they come from."""

    variables: tuple[str, ...]
    renamed: Mapping[str, str]
    """By variable, the name of its column."""
    taken: frozenset[str]
    """Names of results, which no column may have."""
    ieee: bool = False
    closed: bool = False
    """Whether rows may have the columns of the first alone, since they are to stand in one table."""
    texts: int | None = 0
    """How many results of each row are written as text; None where they stay columns of numbers."""

    @property
    def most(self) -> int:
        """Rows of a batch: as few as their texts do not take much memory."""
        return _COLUMNS if self.texts is None else max(_FEWEST, _CELLS // (self.texts + _OWN))

    def given(self, column: str) -> list[str]:
        """The variables that a column of this name gives; renamed ones may share it."""
        own = canonical(column.strip())
        return [
            name for name in self.variables if (self.renamed[name] == column if name in self.renamed else name == own)
        ]

    def columns(self, names: Sequence[str], place: str) -> dict[str, str]:
        """By variable, its column's name; refuses columns that lack or come twice."""
        found: dict[str, str] = {}
        for column in names:
            for name in self.given(column):
                if name in found:
                    raise DataError(f"{place} gives {name} twice", hint="give each variable one value a row")
                found[name] = column
        for name in self.variables:
            if name not in found:
                raise self.missing(name, names, place)
        return found

    def check_free(self, names: Collection[str], place: str) -> None:
        """Refuse a row that has a result's name already."""
        for column in names:
            if column in self.taken:
                raise DataError(
                    f"{place} has {visible(column, 60)} already, which is the name of a result",
                    hint="give the results other names, as in --prefix f_",
                )

    def missing(self, name: str, names: Sequence[str], place: str) -> DataError:
        """The error for a variable that a row of these columns does not have."""
        told = ", ".join([visible(each, 30) for each in names[:8]]) + (", ..." if len(names) > 8 else "")
        other = self.renamed.get(name)
        near = closest(other or name, [each for each in names if not self.given(each)])
        hint = f"it has {told}; " if names else ""
        hint += f"take it from another by --rename {name}={visible(near, 30) if near else 'COLUMN'}"
        hint += f", or give all rows one value by --{name} VALUE"
        if names and all([_is_number(each) for each in names]):
            hint = "put a line with the columns' names before it, as in sed '1i x,y'"
        shown = name if other is None else f"{visible(other, 30)}, which {name} is to come from"
        return DataError(f"{place} has no {shown}", hint=hint)


_COLUMNS = 1 << 16
_CELLS = 1 << 15
_OWN = 5
"""What a row itself takes, in results."""
_FEWEST = 64
"""Rows of a batch, however many results each of them gets."""


class Batch:
    """Some rows: in their own form, as `form` has it, and the values of the variables in those that hold them."""

    def __init__(
        self,
        form: str,
        rows: Sequence[Any] | bytes,
        columns: Mapping[str, Column],
        places: Sequence[int],
        plain: Callable[[Sequence[Any]], Plain],
        errors: Mapping[int, BackpropError] | None = None,
        *,
        broken: Collection[int] = frozenset(),
        header: bytes = b"",
        blank: bytes = b"",
    ) -> None:
        self.form = form
        self.text = rows if isinstance(rows, bytes) else None
        """All rows as they came, a line each, where they came so."""
        self._rows = None if isinstance(rows, bytes) else rows
        self.columns = columns
        """By variable, its value in every row without an error."""
        self.places = places
        """The number of each row's line or row, as messages say it."""
        self.errors = errors or {}
        """By position, what is wrong with rows."""
        self.broken = broken
        """Positions of those among them that cannot even be written with nulls beside them."""
        self.header = header
        """What stands above the rows, as it came."""
        self.blank = blank
        """What is written in the place of a broken row, in the form that the rows have."""
        self._plain = plain

    def __len__(self) -> int:
        return len(self.places)

    @property
    def rows(self) -> Sequence[Any]:
        """One a row: the bytes of its line, or what else `plain` understands."""
        if self._rows is None:
            self._rows = self.text[:-1].split(b"\n") if self.text else []
        return self._rows

    def readable(self) -> Sequence[int]:
        """The positions of the rows that `columns` hold."""
        return [k for k in range(len(self)) if k not in self.errors] if self.errors else range(len(self))

    def take(self, positions: Collection[int]) -> Batch:
        """The rows at these positions; they keep no values of variables, since those have been used."""
        if len(positions) == len(self):
            return self
        errors = {new: self.errors[old] for new, old in enumerate(positions) if old in self.errors}
        rows = [self.rows[k] for k in positions]
        broken = {new for new, old in enumerate(positions) if old in self.broken}
        return Batch(
            self.form,
            rows,
            {},
            [self.places[k] for k in positions],
            self._plain,
            errors,
            broken=broken,
            header=self.header,
            blank=self.blank,
        )

    def plain(self) -> Plain:
        """Every column as plain data, None where a row does not have it, and in all of a broken one."""
        if not self.broken:
            return self._plain(self.rows)
        readable = [k for k in range(len(self)) if k not in self.broken]
        found = self._plain([self.rows[k] for k in readable])
        spread: Plain = {}
        for name, column in found.items():
            values: list[Any] = [None] * len(self)
            for k, value in zip(readable, column, strict=True):
                values[k] = value
            spread[name] = values
        return spread


def placed(error: BackpropError, place: str) -> DataError:
    """What is wrong with a row's value, said of its place."""
    message = error.message if place in error.message else f"{place}: {error.message}"
    return DataError(message, hint=error.hint)


class Reader(Protocol):
    """Rows out of a source."""

    names: Sequence[str]
    """Of the columns, as the header or the first row has them."""

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """All rows, as they come in."""

    def place(self, line: int) -> str:
        """A line or row of this number, as messages call it."""


class Results(NamedTuple):
    """What is written beside every row."""

    names: tuple[str, ...]
    """The flat names of the columns of results."""
    document: Mapping[str, Any]
    """The same as an object of JSON; in a number's place stands the position of its column."""


class Writer(Protocol):
    """Rows with their results, as bytes."""

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """The rows with a column for each of the results; those at the positions in `nulls` have none."""

    def end(self) -> bytes:
        """What follows the last row."""


class Module(Protocol):
    """What a format's module offers."""

    @staticmethod
    def reader(source: Source, name: str, form: str, max_bytes: int) -> Reader:
        """The rows in a source; `name` is how messages call a file, and empty for standard input.

        What has to be held as a whole takes at most `max_bytes`.
        """

    @staticmethod
    def writer(results: Results, form: str) -> Writer:
        """Writes rows of any format in this one."""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
