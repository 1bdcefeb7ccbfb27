"""Parquet and Arrow: tables of typed columns, read and written in groups of rows; needs the extra `[parquet]`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.streams import _tables
from backpropcli.streams._rows import Batch, Column, Plain, Results, Source, Wanted, placed

LEAST = (23, 0, 1)
"""Older ones crash on files that are made to."""
GROUP = 1 << 16
"""Rows that are read, and written, at once."""
_SHOWN = {"parquet": "Parquet", "arrow": "Arrow"}


def _pyarrow(form: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise BackpropError(
            f"{_SHOWN[form]} needs pyarrow, which is not installed",
            hint="install it with pip install 'backpropcli[parquet]', or use NDJSON, CSV or NPZ",
        ) from None
    version = tuple([int(part) for part in pyarrow.__version__.split(".")[:3] if part.isdigit()])
    if version < LEAST:
        raise BackpropError(
            f"{_SHOWN[form]} needs pyarrow {'.'.join(map(str, LEAST))} or newer, but here is {pyarrow.__version__}",
            hint="install it with pip install -U 'backpropcli[parquet]'",
        )
    return pyarrow


def reader(source: Source, name: str, form: str, max_bytes: int) -> TableReader:
    """The rows of a table."""
    return TableReader(source, name, form, max_bytes)


def writer(results: Results, form: str) -> TableWriter:
    """Writes rows as a table, the results as further columns."""
    return TableWriter(results, form)


class TableReader:
    """Rows of a table, a group at a time."""

    def __init__(self, source: Source, name: str, form: str, max_bytes: int) -> None:
        self._pyarrow = _pyarrow(form)
        self._name = name
        self._form = form
        file = _tables.seekable(source, name, max_bytes)
        with self._understood():
            self._tables, schema = _parquet(file) if form == "parquet" else _arrow(self._pyarrow, file)
            names = list(schema.names)
            self._empty = schema.remove_metadata().empty_table()
        for each in names:
            if names.count(each) > 1:
                raise DataError(f"{self._where} has two columns {visible(each, 60)}", hint="name each column once")
        self.names: Sequence[str] = tuple(names)
        self.schema = schema

    @property
    def _where(self) -> str:
        return self._name or "standard input"

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """All rows, a group at a time."""
        wanted.check_free(self.names, self._where)
        columns = wanted.columns(self.names, self._where)
        first = 1
        tables = self._tables()
        # Without a row the columns are there all the same.
        yield TableBatch(self._form, self._empty, {name: [] for name in wanted.variables}, range(0))
        while True:
            with self._understood():
                table = next(tables, None)
            if table is None:
                return
            for start in range(0, table.num_rows, wanted.most):
                part = table.slice(start, wanted.most)
                places = range(first, first + part.num_rows)
                first = places.stop
                errors: dict[int, BackpropError] = {}
                found = {
                    name: self._column(part, name, columns[name], places, errors, wanted) for name in wanted.variables
                }
                kept = [k for k in range(len(places)) if k not in errors] if errors else None
                chosen = {name: column if kept is None else _at(column, kept) for name, column in found.items()}
                yield TableBatch(self._form, part, chosen, places, errors)

    def place(self, line: int) -> str:
        """A row, as messages call it."""
        return f"row {line:,} of {self._name}" if self._name else f"row {line:,}"

    def _column(
        self,
        table: Any,
        name: str,
        column: str,
        places: Sequence[int],
        errors: dict[int, BackpropError],
        wanted: Wanted,
    ) -> Column:
        """The values of a variable; what is wrong with rows is added to `errors`."""
        import numpy as np

        pa = self._pyarrow
        array = table.column(column)
        kind = array.type
        if _is_list(pa, kind):
            return self._lists(array, name, places, errors, wanted)
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            raise DataError(
                f"{self._where} holds {visible(str(kind), 40)} in {visible(column, 60)}, where numbers are expected",
                hint="write the column as numbers, or take another with --rename",
            )
        if array.null_count:
            for k in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
                errors.setdefault(k, DataError(f"{self.place(places[k])} has no {name}, but null"))
        with self._understood():
            numbers = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        if not np.isfinite(numbers).all():
            shown = [self.place(place) for place in places]
            for k, error in _tables.without({name: numbers}, shown, ieee=wanted.ieee).items():
                errors.setdefault(k, error)
        return numbers

    def _lists(
        self, array: Any, name: str, places: Sequence[int], errors: dict[int, BackpropError], wanted: Wanted
    ) -> list[Any]:
        from backpropcli.reading.values import from_document

        found: list[Any] = []
        for k, value in enumerate(array.to_pylist()):
            try:
                found.append(from_document(_plain(value), name, self.place(places[k]), ieee=wanted.ieee))
            except BackpropError as error:
                errors.setdefault(k, placed(error, self.place(places[k])))
                found.append(None)
        return found

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Turn what the library says of a file into what a user is told."""
        try:
            yield
        except (self._pyarrow.ArrowException, OSError, ValueError, NotImplementedError) as problem:
            said = str(problem).partition("\n")[0]
            raise DataError(
                f"{self._where} is not {_SHOWN[self._form]}, or is damaged: {visible(said, 120)}",
                hint="write the file again",
            ) from None


def _parquet(file: Any) -> tuple[Callable[[], Iterator[Any]], Any]:
    import pyarrow
    import pyarrow.parquet

    found = pyarrow.parquet.ParquetFile(file, memory_map=False)

    def tables() -> Iterator[Any]:
        for batch in found.iter_batches(batch_size=GROUP):
            yield pyarrow.Table.from_batches([batch])

    return tables, found.schema_arrow


def _arrow(pa: Any, file: Any) -> tuple[Callable[[], Iterator[Any]], Any]:
    start = file.read(6)
    file.seek(0)
    if start == b"ARROW1":
        found = pa.ipc.open_file(file)
        batches = (found.get_batch(k) for k in range(found.num_record_batches))
    else:
        found = pa.ipc.open_stream(file)
        batches = iter(found)

    def tables() -> Iterator[Any]:
        for batch in batches:
            batch.validate(full=True)  # A file may lie about where its values are.
            yield pa.Table.from_batches([batch])

    return tables, found.schema


def _is_list(pa: Any, kind: Any) -> bool:
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _at(column: Column, positions: Sequence[int]) -> Column:
    return [column[k] for k in positions] if isinstance(column, list) else column[list(positions)]


class TableBatch(Batch):
    """Rows that are a table."""

    def __init__(
        self,
        form: str,
        table: Any,
        columns: dict[str, Column],
        places: Sequence[int],
        errors: dict[int, BackpropError] | None = None,
    ) -> None:
        super().__init__(form, (), columns, places, lambda rows: {}, errors)
        self.table = table

    def take(self, positions: Collection[int]) -> Batch:
        """The rows at these positions."""
        if len(positions) == len(self):
            return self
        import pyarrow

        chosen = list(positions)
        errors = {new: self.errors[old] for new, old in enumerate(chosen) if old in self.errors}
        rows = self.table.take(pyarrow.array(chosen, pyarrow.int64()))  # Of no rows it could not tell the type.
        return TableBatch(self.form, rows, {}, [self.places[k] for k in chosen], errors)

    def plain(self) -> Plain:
        """Every column as plain data; dates and the like as texts."""
        return {
            name: [_plain(value) for value in column.to_pylist()]
            for name, column in zip(self.table.column_names, self.table.columns, strict=True)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)


class TableWriter:
    """A table, a group of rows at a time."""

    def __init__(
        self, results: Results, form: str, schema: Any = None, footer: Callable[[], Mapping[str, str]] | None = None
    ) -> None:
        """`schema` is of the rows, should there be none; `footer` is asked at the end what the file says of itself."""
        self._pyarrow = _pyarrow(form)
        self._form = form
        self._names = results.names
        self._schema = schema
        self._footer = footer
        self._sink = _Sink()
        self._waiting: list[Any] = []
        self._writer: Any = None

    def rows(self, batch: Batch, outputs: Sequence[Column], nulls: Collection[int]) -> bytes:
        """The groups of rows that are full; a row without a result has nulls."""
        found = batch.table if isinstance(batch, TableBatch) else self._table(batch)
        for name, column in zip(self._names, outputs, strict=True):
            found = found.append_column(name, self._array(column, nulls))
        if not len(batch):
            # What it has shows what the columns are called, and not what they hold.
            self._columns = found
            return b""
        if self._writer is not None and found.schema != self._writer_schema:
            found = self._fitted(found, batch)
        if self._waiting and found.schema != self._waiting[0].schema:
            found = self._fitted(found, batch)
        self._waiting.append(found)
        if sum([table.num_rows for table in self._waiting]) >= GROUP:
            self._write()
        return self._sink.taken()

    def end(self) -> bytes:
        """The rows that wait, and what stands at the end of the file."""
        if self._waiting or self._writer is None:
            self._write()
        if self._footer is not None:
            self._writer.add_key_value_metadata(self._footer())
        self._writer.close()
        return self._sink.taken()

    _writer_schema: Any = None
    _columns: Any = None
    """A table without rows, which is written where none comes."""

    def _write(self) -> None:
        pa = self._pyarrow
        none = self._empty() if self._columns is None else self._columns
        table = pa.concat_tables(self._waiting or [none])
        self._waiting = []
        if self._writer is None:
            self._writer_schema = table.schema
            if self._form == "parquet":
                import pyarrow.parquet

                # Numbers that hardly repeat: a dictionary of them costs more than it saves.
                self._writer = pyarrow.parquet.ParquetWriter(self._sink, table.schema, use_dictionary=False)
            else:
                self._writer = pa.ipc.new_file(self._sink, table.schema)
        self._writer.write_table(table.combine_chunks())

    def _empty(self) -> Any:
        """No rows, but their columns, as far as they are known."""
        pa = self._pyarrow
        found = pa.schema([]) if self._schema is None else self._schema
        for name in self._names:
            found = found.append(pa.field(name, pa.float64()))
        return found.empty_table()

    def _table(self, batch: Batch) -> Any:
        """Rows of another format as a table: numbers as doubles, all else as texts."""
        plain = batch.plain().items()
        return self._pyarrow.table({_tables.text(name): self._array(column) for name, column in plain})

    def _array(self, column: Column, nulls: Collection[int] = ()) -> Any:
        """A column of a table; null at these positions."""
        pa = self._pyarrow
        if hasattr(column, "dtype"):
            import numpy as np

            mask = None
            if nulls:
                mask = np.zeros(len(column), bool)
                mask[list(nulls)] = True
            return pa.array(column, pa.float64(), mask=mask)
        if nulls:
            column = [None if k in nulls else value for k, value in enumerate(column)]
        kinds = {*map(type, column)} - {type(None)}
        if kinds <= {int, float} and (not kinds or _tables.numbers(column) is not None):
            return pa.array([None if value is None else float(value) for value in column], pa.float64())
        if kinds == {bool}:
            return pa.array(column, pa.bool_())
        if kinds == {list} and _tables.numbers(column) is not None:
            depth, inner = pa.float64(), next(value for value in column if value is not None)
            while isinstance(inner, list):
                depth, inner = pa.list_(depth), inner[0] if inner else 0.0
            return pa.array(column, depth)
        return pa.array(_tables.texts(column), pa.string())

    def _fitted(self, table: Any, batch: Batch) -> Any:
        """The table with the columns that the first rows had."""
        pa = self._pyarrow
        schema = self._writer_schema or self._waiting[0].schema
        for name in table.column_names:
            if name not in schema.names:
                raise DataError(
                    f"another file has {visible(name, 60)}, which the first has not",
                    hint="write each to a file of its own, as in -o FOLDER/",
                )
        try:
            columns = [
                table.column(field.name).cast(field.type) if field.name in table.column_names
                else pa.nulls(table.num_rows, field.type)
                for field in schema
            ]  # fmt: skip
        except pa.ArrowException as problem:
            raise DataError(
                f"rows from {batch.places[0]:,} on have columns of other kinds than the first rows: "
                f"{visible(str(problem), 120)}",
                hint="write NDJSON, where every row has kinds of its own: --format ndjson",
            ) from None
        return pa.table(columns, schema=schema)


class _Sink:
    """A file that hands on what is written to it."""

    def __init__(self) -> None:
        self.closed = False
        self._parts: list[bytes] = []
        self._at = 0

    def write(self, part: Any) -> int:
        """Take some bytes."""
        self._parts.append(bytes(part))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """How many have been written."""
        return self._at

    def flush(self) -> None:
        """Nothing waits here."""

    def writable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Take no more."""
        self.closed = True

    def taken(self) -> bytes:
        """What has been written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
