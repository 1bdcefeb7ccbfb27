"""The way of rows: out of readers, through a mapper, into a writer; bad ones end it, are left out, or get nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from backpropcli.errors import BackpropError, DataError
from backpropcli.mapping import Mapper
from backpropcli.report import Note
from backpropcli.streams._rows import Batch, Column, Reader, Wanted, Writer

ON_ERROR = ("fail", "skip", "null")
SEVERAL = "outputs"
"""The kind of the note that a formula has several outputs."""
"""What becomes of a row without a result."""
_WAYS = "--on-error skip leaves such rows out, --on-error null keeps them without results"


class Flow:
    """Counts what goes by: `rows` that were read, `bad` ones among them, and `notes` with where each came first."""

    def __init__(self, mapper: Mapper, wanted: Wanted, on_error: str, tell: Callable[[BackpropError], None]) -> None:
        self.rows = 0
        self.bad = 0
        self._mapper = mapper
        self._wanted = wanted
        self._on_error = on_error
        self._tell = tell
        self._run = 0
        self._places: dict[tuple[str, str, str | None], str] = {}

    def pieces(self, readers: Iterable[Reader], writer: Writer) -> Iterator[bytes]:
        """The writer's bytes, a batch at a time. Raises DataError at a bad row that is to end it, after the others."""
        for reader in readers:
            for batch in reader.batches(self._wanted):
                yield from self._piece(batch, reader, writer)
        yield from _unless_empty(writer.end())

    @property
    def several(self) -> bool:
        """Whether the formula has several outputs: that is so of it, and not of its rows."""
        return any([counted.note.kind == SEVERAL for counted in self._mapper.notes])

    def notes(self) -> Iterator[tuple[Note, int, str]]:
        """What is to be said of rows: the note as its first row has it, how many rows have it, and that row's place."""
        for counted in self._mapper.notes:
            if counted.note.kind != SEVERAL:
                yield counted.note, counted.rows, self._places[_key(counted.note)]

    def _piece(self, batch: Batch, reader: Reader, writer: Writer) -> Iterator[bytes]:
        positions = batch.readable()
        columns = batch.columns
        if self._on_error == "fail" and batch.errors:
            end = min(batch.errors)
            positions = range(end)
            columns = {name: column[:end] for name, column in columns.items()}
        mapped = self._mapper.run(columns, len(positions), self._run + 1)
        self._note_places(batch, positions, reader)
        errors = dict(batch.errors)
        for k, problem in mapped.errors.items():
            errors[positions[k]] = _at(problem, reader.place(batch.places[positions[k]]))
        self._run += len(positions)
        if not errors:
            self.rows += len(batch)
            yield from _unless_empty(writer.rows(batch, mapped.outputs, ()))
            return
        outputs = mapped.outputs
        if self._on_error == "fail":
            end = min(errors)
            self.rows += end
            yield from _unless_empty(writer.rows(batch.take(range(end)), [column[:end] for column in outputs], ()))
            raise errors[end]
        self.rows += len(batch)
        self.bad += len(errors)
        for k in sorted(errors):
            self._tell(errors[k])
        found = {position: k for k, position in enumerate(positions)}
        if self._on_error == "skip":
            kept = [k for k in range(len(batch)) if k not in errors]
            outputs = [_chosen(column, [found[k] for k in kept]) for column in outputs]
            yield from _unless_empty(writer.rows(batch.take(kept), outputs, ()))
        else:
            where = [found.get(k) for k in range(len(batch))]
            outputs = [_spread(column, where) for column in outputs]
            yield from _unless_empty(writer.rows(batch, outputs, errors.keys()))

    def _note_places(self, batch: Batch, positions: Sequence[int], reader: Reader) -> None:
        if len(self._mapper.notes) == len(self._places):
            return
        for counted in self._mapper.notes:
            key = _key(counted.note)
            if key not in self._places:
                k = counted.first - self._run - 1
                self._places[key] = reader.place(batch.places[positions[k]])


def _key(note: Note) -> tuple[str, str, str | None]:
    return note.severity, note.kind, note.node


def _at(problem: BackpropError, place: str) -> DataError:
    """What is wrong with a row, said of its place."""
    return DataError(f"{place}: {problem.message}", source=problem.source, span=problem.span, hint=_WAYS)


def _unless_empty(piece: bytes) -> Iterator[bytes]:
    if piece:
        yield piece


def _chosen(column: Column, positions: Sequence[int]) -> list[object]:
    values = column.tolist() if hasattr(column, "tolist") else column
    return [values[k] for k in positions]


def _spread(column: Column, positions: Sequence[int | None]) -> list[object]:
    """A value for every row, of which some were not in the column."""
    values = column.tolist() if hasattr(column, "tolist") else column
    return [float("nan") if k is None else values[k] for k in positions]
