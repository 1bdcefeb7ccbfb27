"""The way of rows: out of readers, through a mapper, into a writer; bad ones end it, are left out, or get nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from math import nan

from backpropcli.errors import BackpropError, DataError
from backpropcli.mapping import TOLD, Mapper
from backpropcli.report import Note
from backpropcli.streams._rows import Batch, Column, Reader, Wanted, Writer

ON_ERROR = ("fail", "skip", "null")
"""What becomes of a row without a result."""
SEVERAL = "outputs"
"""The kind of the note that a formula has several outputs."""
_WAYS = "--on-error skip leaves such rows out, --on-error null keeps them without results"


class Flow:
    """Counts what goes by: `rows` that were read, `bad` ones among them, and `notes` with where each came first.

    `tell` is called with what is wrong with the first so many bad rows, `TOLD`.
    """

    def __init__(self, mapper: Mapper, wanted: Wanted, on_error: str, tell: Callable[[BackpropError], None]) -> None:
        self.rows = 0
        self.bad = 0
        self.last = ""
        """The place of the last row that has been handed on, as messages call it."""
        self._mapper = mapper
        self._wanted = wanted
        self._on_error = on_error
        self._tell = tell
        self._run = 0
        self._places: dict[tuple[str, str, str | None], str] = {}

    def pieces(self, readers: Iterable[Reader], writer: Writer) -> Iterator[bytes]:
        """The writer's bytes, a batch at a time. Raises DataError at a bad row that is to end it, after the others.

        Those are a whole file, too, of formats that have an end.
        """
        try:
            for reader in readers:
                for batch in reader.batches(self._wanted):
                    if len(batch):
                        self.last = reader.place(batch.places[-1])
                    yield from self._piece(batch, reader, writer)
        except BackpropError:
            if self.rows:
                with suppress(BackpropError):
                    yield from _unless_empty(writer.end())
            raise
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
        self._run += len(positions)
        if not batch.errors and not mapped.errors:
            self.rows += len(batch)
            yield from _unless_empty(writer.rows(batch, mapped.outputs, ()))
            return
        # Words are found for those alone that are told: of rows that are all bad they would take most of the memory.
        errors = {positions[k]: problem for k, problem in mapped.errors.items()}
        bad = sorted([*batch.errors, *errors])

        def worded(position: int) -> BackpropError:
            problem = batch.errors.get(position)
            if problem is not None:
                return problem
            k = positions.index(position)
            return _at(self._mapper.worded(columns, k, errors[position]), reader.place(batch.places[position]))

        outputs = mapped.outputs
        if self._on_error == "fail":
            end = bad[0]
            self.rows += end
            yield from _unless_empty(writer.rows(batch.take(range(end)), [column[:end] for column in outputs], ()))
            raise worded(end)
        self.rows += len(batch)
        for position in bad[: max(0, TOLD - self.bad)]:
            self._tell(worded(position))
        self.bad += len(bad)
        if self._on_error == "skip":
            kept = [k for k in range(len(positions)) if k not in mapped.errors]
            outputs = [_chosen(column, kept) for column in outputs]
            yield from _unless_empty(writer.rows(batch.take([positions[k] for k in kept]), outputs, ()))
        else:
            if batch.errors:
                outputs = [_spread(column, positions, len(batch)) for column in outputs]
            yield from _unless_empty(writer.rows(batch, outputs, frozenset(bad)))

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


def _chosen(column: Column, positions: Sequence[int]) -> Column:
    return column[positions] if hasattr(column, "dtype") else [column[k] for k in positions]


def _spread(column: Column, positions: Sequence[int], count: int) -> Column:
    """A value for each of so many rows, of which the column has those at these positions."""
    values = column.tolist() if hasattr(column, "tolist") else column
    spread = [nan] * count
    for position, value in zip(positions, values, strict=True):
        spread[position] = value
    return spread
