"""NPZ: NumPy's archives of arrays, a column each; their first axis counts the rows."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from backpropcli.errors import DataError, visible
from backpropcli.reading.npy import stored
from backpropcli.streams import _tables
from backpropcli.streams._rows import Batch, Column, Plain, Results, Source, Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORM = "npz"
MAX_COLUMNS = 10_000
_ENDING = ".npy"
_HINT = "write it as in numpy.savez('points.npz', x=x, y=y)"
# Archives of the same arrays are the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


def reader(source: Source, name: str, form: str, max_bytes: int) -> NpzReader:
    """The columns in an archive."""
    return NpzReader(source, name, max_bytes)


def writer(results: Results, form: str) -> NpzWriter:
    """Writes rows as arrays, the results as further ones; all of them are held until the end."""
    return NpzWriter(results)


class NpzReader:
    """Columns out of an archive, each read when it is needed."""

    def __init__(self, source: Source, name: str, max_bytes: int) -> None:
        self._name = name
        self._max_bytes = max_bytes
        try:
            self._archive = zipfile.ZipFile(_tables.seekable(source, name, max_bytes))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
            raise self._refused("is no archive of arrays") from None
        members = self._archive.infolist()
        if len(members) > MAX_COLUMNS:
            raise self._refused(f"has {len(members):,} arrays; the limit is {MAX_COLUMNS:,}")
        self._members = {each.filename.removesuffix(_ENDING): each for each in members}
        if len(self._members) < len(members):
            raise self._refused("holds two arrays of one name")
        self.names: Sequence[str] = tuple(self._members)

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """All rows, some ten thousand at a time."""
        where = self._name or "the archive"
        wanted.check_free(self.names, where)
        columns = wanted.columns(self.names, where)
        arrays: dict[str, NDArray[Any]] = {}
        left = self._max_bytes
        for name in self.names:
            arrays[name] = self._array(name, left)
            left -= arrays[name].nbytes
        counts = {name: array.shape[0] if array.ndim else -1 for name, array in arrays.items()}
        for name, count in counts.items():
            first = self.names[0]
            if count < 0:
                raise self._refused(f"holds {visible(name, 60)} as one number, where a number a row is expected")
            if count != counts[first]:
                raise self._refused(
                    f"has {counts[first]:,} rows of {visible(first, 60)}, and {count:,} of {visible(name, 60)}"
                )
        total = max(counts.values(), default=0)
        for start in range(0, total, wanted.most):
            rows = range(start, min(start + wanted.most, total))
            part = {name: array[start : rows.stop] for name, array in arrays.items()}
            found = {name: part[columns[name]].astype("f8", copy=False) for name in wanted.variables}
            errors = _tables.without(
                found, [self.place(k + 1) for k in rows] if not wanted.ieee else (), ieee=wanted.ieee
            )
            if errors:
                kept = [k for k in range(len(rows)) if k not in errors]
                found = {name: column[kept] for name, column in found.items()}
            chosen: dict[str, Column] = {
                name: column if column.ndim == 1 else list(column) for name, column in found.items()
            }
            yield Batch(FORM, range(len(rows)), chosen, range(start + 1, rows.stop + 1), _Part(part), errors)

    def place(self, line: int) -> str:
        """A row, as messages call it."""
        return f"row {line:,} of {self._name}" if self._name else f"row {line:,}"

    def _array(self, name: str, left: int) -> NDArray[Any]:
        member = self._members[name]
        source = f"{member.filename} in {self._name or 'standard input'}"
        try:
            with self._archive.open(member) as file:
                return stored(_Member(file, member.file_size), visible(name, 60), visible(source, 120), left)  # type: ignore[arg-type]
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
            raise self._refused(f"cannot be read at {visible(member.filename, 60)}: it is damaged") from None

    def _refused(self, said: str) -> DataError:
        return DataError(f"{self._name or 'standard input'} {said}", hint=_HINT)


class _Member:
    """An array's file in an archive, which says how large it is."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.size: int | None = size
        self._file = file

    def read(self, count: int) -> bytes:
        """The next so many bytes; fewer at the end only."""
        return self._file.read(count)

    def fill(self, view: memoryview) -> int:
        """The number of bytes that were read into the view."""
        filled = 0
        while chunk := self._file.read(min(len(view) - filled, 1 << 20)):
            view[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        return filled


class _Part:
    """Some rows of the columns, as plain data."""

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self._columns = columns

    def __call__(self, rows: Sequence[Any]) -> Plain:
        whole = isinstance(rows, range)
        return {name: (column if whole else column[list(rows)]).tolist() for name, column in self._columns.items()}


class NpzWriter:
    """Arrays, a column each."""

    def __init__(self, results: Results) -> None:
        self._names = results.names
        self._columns: dict[str, list[Column]] = {}
        """By name, its values in runs of rows."""
        self._count = 0

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """Nothing yet; a row without a result has NaN."""
        found: Plain = {**batch.plain(), **dict(zip(self._names, outputs, strict=True))}
        for name, column in found.items():
            runs = self._columns.setdefault(name, [[None] * self._count] if self._count else [])
            runs.append(_packed(column))
        for name in self._columns.keys() - found.keys():
            self._columns[name].append([None] * len(batch))
        self._count += len(batch)
        return b""

    def end(self) -> bytes:
        """The archive."""
        import numpy as np

        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name in list(self._columns):
                array = _joined(self._columns.pop(name))
                held = io.BytesIO()
                np.lib.format.write_array(held, array, allow_pickle=False)
                member = zipfile.ZipInfo(f"{name}{_ENDING}", _DATE)
                member.external_attr = 0o644 << 16
                archive.writestr(member, held.getvalue())
        return file.getvalue()


def _packed(column: Column) -> Column:
    """The column in as little memory as it takes: doubles as such."""
    import numpy as np

    if hasattr(column, "dtype") or {*map(type, column)} == {float}:
        return np.array(column, dtype=np.float64)
    return column


def _joined(runs: Sequence[Column]) -> NDArray[Any]:
    """A column's runs as one array: of numbers where all of them are, else of texts."""
    import numpy as np

    if runs and all([hasattr(run, "dtype") for run in runs]):
        return np.concatenate(runs)
    column = [value for run in runs for value in (run.tolist() if hasattr(run, "tolist") else run)]
    array = _tables.numbers(column)
    return np.array([text or "" for text in _tables.texts(column)]) if array is None else array
