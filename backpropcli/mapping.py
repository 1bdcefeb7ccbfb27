"""Many points: columns of values in, columns of values and derivatives out, with notes that are counted.

The truth of a row is what `Formula.at` says of it: its numbers, its error, its notes.
"""

from __future__ import annotations

import array
import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from backpropcli.errors import BackpropError, DataError
from backpropcli.language import names
from backpropcli.passes.lower import Program, Wanted
from backpropcli.passes.opinions import better
from backpropcli.programs import engines
from backpropcli.programs.floats import FloatProgram
from backpropcli.records import NamedTuple
from backpropcli.report import Note, Report

if TYPE_CHECKING:
    from backpropcli.passes.evaluate import Setting
    from backpropcli.programs.stacks import Stacks

ENGINES = ("auto", "scalar", "numpy", "jit")

Column = Any
"""A value a row: a sequence of numbers or nested lists, or a NumPy array whose first axis counts the rows."""


class Differentiable(Protocol):
    """What is mapped: a `Formula`, as far as it is needed here."""

    text: str
    variables: tuple[str, ...]
    outputs: tuple[str, ...]
    bindings: dict[str, Any]
    structure: Mapping[str, float]

    def given(self, point: Iterable[tuple[str, Any]], *, ieee: bool) -> dict[str, Any]:
        """Values of variables, checked."""
        ...

    def lowered(
        self, columns: Sequence[str], fixed: Mapping[str, Any], wrt: Sequence[str], wanted: Wanted
    ) -> Program | None:
        """The program for many rows; None where each row is evaluated by itself."""
        ...

    def bound(self, point: Mapping[str, Any]) -> Setting | None:
        """The formula over arrays of these shapes; None where each row is evaluated by itself."""
        ...

    @property
    def output(self) -> str:
        """The output's name."""
        ...

    def at(self, point: Mapping[str, Any], /, **asked: Any) -> Report:
        """The report about one point."""
        ...

    def chosen(self, wrt: Sequence[str] | None) -> tuple[str, ...]:
        """The variables that are differentiated, checked."""
        ...

    def need_one_output(self, what: str, otherwise: str = "") -> None:
        """Raise BackpropError where there are several outputs."""
        ...

    def missing(self, missing: Sequence[str], given: Sequence[str]) -> BackpropError:
        """The error for variables that have no value."""
        ...


class Asked(NamedTuple):
    """What of every row is asked for."""

    only: str | None = None
    """`value` or `grad` alone, else both."""
    wrt: Sequence[str] | None = None
    """What is differentiated; every variable."""
    jacobian: bool = False
    hessian: bool = False
    jvp: Mapping[str, Any] | None = None


class Mapped(NamedTuple):
    """A batch of rows, mapped."""

    outputs: list[Column]
    """A column for each of the mapper's names; nan where the row has an error."""
    errors: dict[int, BackpropError]
    """By position in the batch, what is wrong with a row."""


class Columns(dict[str, Any]):
    """Columns of values and derivatives by their flat names, as `Formula.map` gives them.

    `notes` are those of all rows, counted; `errors` say by a row's position why it has no value, and nan stands there.
    """

    notes: tuple[Counted, ...] = ()
    errors: Mapping[int, BackpropError] = {}


class Counted(NamedTuple):
    """A note, as its first row has it."""

    note: Note
    rows: int
    """How many rows have it."""
    first: int
    """The first row's number."""


class Notes:
    """Notes of many rows: one is counted by its severity, its kind and its node, and told as its first row has it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str | None], Counted] = {}

    def add(self, note: Note, row: int, rows: int = 1) -> None:
        """Count a note of this row, which stands for so many."""
        key = note.severity, note.kind, note.node
        known = self._found.get(key)
        if known is None:
            self._found[key] = Counted(note, rows, row)
        elif row < known.first:
            self._found[key] = Counted(note, known.rows + rows, row)
        else:
            self._found[key] = known._replace(rows=known.rows + rows)

    def __iter__(self) -> Iterator[Counted]:
        return iter(sorted(self._found.values(), key=_turn))

    def __len__(self) -> int:
        return len(self._found)


def _turn(counted: Counted) -> tuple[int, int, str, str]:
    """What notes are told in order of: their first row, then the node, which does not depend on how rows come in."""
    node = counted.note.node or ""
    return counted.first, len(node), node, counted.note.kind


class Mapper:
    """A formula over rows: `run` takes batches of them, one after the other, and `notes` counts what is to be said.

    `names` are the outputs' flat names in order: value, grad_x, d2_x_y, jvp; of several outputs value_u, grad_u_x.
    `document` is the same as JSON has it: in the place of a number stands the position of its name. `columns` are the
    variables that rows must hold; a variable that the formula itself binds may be a column too, and then wins.
    """

    def __init__(
        self,
        formula: Differentiable,
        asked: Asked | None = None,
        fixed: Mapping[str, Any] | None = None,
        *,
        engine: str = "auto",
        threads: int = 1,
        ieee: bool = False,
        strict: bool = False,
    ) -> None:
        if engine not in ENGINES:
            raise BackpropError(f"the engine is one of {', '.join(ENGINES)}, but found {engine}")
        if threads < 1:
            raise BackpropError(f"threads are counted from 1 on, but found {threads}")
        self.formula = formula
        self.asked = asked = asked or Asked()
        self.fixed = {names.canonical(name): value for name, value in (fixed or {}).items()}
        self.engine = engine
        self.threads = threads
        self.ieee = ieee
        self.strict = strict
        self.notes = Notes()
        self._fixed = formula.given(self.fixed.items(), ieee=ieee)
        self._direction = None if asked.jvp is None else formula.given(asked.jvp.items(), ieee=False)
        self.remark: str | None = None
        """What there is to say about the engine, once it has run: that another one had to."""
        self._seen = 0
        self._refused = 0
        self._programs: dict[tuple[str, ...], Program | None] = {}
        self._engines: dict[tuple[str, tuple[str, ...]], engines.Engine] = {}
        self._stacks: dict[object, Stacks | BackpropError | None] = {}
        self._plain: dict[tuple[str, ...], Told | BackpropError] = {}
        self._tellings: dict[tuple[str, ...], Telling | None] = {}
        self._asked = 0
        self._marked: dict[tuple[tuple[str, ...], bytes], Told] = {}
        self.wrt = formula.chosen(asked.wrt)
        if asked.hessian:
            formula.need_one_output("a second derivative")
        if asked.jvp is not None:
            formula.need_one_output("--jvp")
        if asked.only == "grad" and not asked.jacobian:
            formula.need_one_output("a gradient", "or ask for --jacobian")
        self._differentiated = asked.only != "value" or asked.jacobian or asked.hessian or asked.jvp is not None
        held = {*self.fixed, *formula.bindings}
        self.columns = tuple([name for name in formula.variables if name not in held])
        self._places, self.document = _places(formula, asked, self.wrt)
        self.names = tuple(self._places)
        self._row = functools.lru_cache(maxsize=_KEPT)(self._looked_up)

    def run(self, columns: Mapping[str, Column], count: int, first_row: int) -> Mapped:
        """The outputs of `count` rows; the first of them has this number. Columns that are no variables are left out.

        Raises BackpropError where a variable has neither a column nor a value.
        """
        varying = self._varying(columns)
        missing = [name for name in self.columns if name not in varying]
        if missing:
            raise self.formula.missing(missing, [*varying, *self.fixed])
        seen, self._seen = self._seen, self._seen + count
        parts = []
        for engine, first, last in self._shares(varying, seen, count):
            part = {name: column[first:last] for name, column in varying.items()} if last - first < count else varying
            made = None if engine is None else self._by_engine(engine, part, last - first, first_row + first)
            parts.append(self._by_rows(part, last - first, first_row + first) if made is None else made)
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _varying(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """The columns that variables come from, by their names."""
        given = {names.canonical(name): column for name, column in columns.items()}
        return {name: given[name] for name in self.formula.variables if name in given and name not in self.fixed}

    # By an engine

    def _shares(self, columns: Mapping[str, Column], seen: int, count: int) -> list[tuple[str | None, int, int]]:
        """Which rows of a batch are computed by which engine; None is `Formula.at`, a row at a time.

        By their places in the whole, so that a stream gives the same bits however it is cut into batches.
        """
        if self.engine != "auto":
            return [(self.engine, 0, count)]
        ends: list[tuple[str | None, float]] = [(None, _FEW), ("scalar", _FEW), ("numpy", math.inf)]
        if seen + count > _FEW:
            program = self._program(tuple(columns))
            ends[1] = "scalar", math.inf if program is None else max(_FEW, _SMALL // len(program.nodes))
        shares: list[tuple[str | None, int, int]] = []
        first = 0
        for engine, end in ends:
            last = min(count, max(first, end - seen))
            if first < last:
                shares.append((engine, first, int(last)))
                first = int(last)
        return shares or [(None, 0, 0)]

    def _program(self, columns: tuple[str, ...]) -> Program | None:
        """The formula lowered, where these variables vary."""
        if columns not in self._programs:
            asked = self.asked
            several = len(self.formula.outputs) > 1
            wanted = Wanted(
                asked.only != "grad",
                "grad" in self.document or ("jacobian" in self.document and not several),
                asked.jacobian and several,
                asked.hessian,
                self._direction,
            )
            if not all([isinstance(move, float) for move in (self._direction or {}).values()]):
                self._programs[columns] = None
                return None
            wrt = self.wrt if self._differentiated else ()
            self._programs[columns] = self.formula.lowered(columns, self._constants(columns), wrt, wanted)
        return self._programs[columns]

    def _constants(self, columns: Sequence[str]) -> dict[str, Any]:
        """The values of the variables that do not vary."""
        bound = {name: value for name, value in self.formula.bindings.items() if name in self.formula.variables}
        return {name: value for name, value in {**bound, **self._fixed}.items() if name not in columns}

    def _by_engine(self, engine: str, columns: Mapping[str, Column], count: int, first_row: int) -> Mapped | None:
        """The rows by an engine; None where they have to be evaluated one by one."""
        program = self._program(tuple(columns))
        taken = {name: _numbers(columns[name], engine) for name in columns}
        arrays = program is None or any([column is None for column in taken.values()])
        if program is None or arrays:
            if self.engine == "scalar":
                return None
            computed, values = self._stacked(columns, count), len(self.formula.outputs) * ("value" in self.document)
            if computed is None:
                return None
        else:
            key = engine, tuple(columns)
            if key not in self._engines:
                self._engines[key] = self._prepared(program, engine)
            computed, values = self._engines[key].run([taken[name] for name in program.columns], count), program.values
        mapped = Mapped(computed.outputs, {})
        self._examine(mapped, columns, values, computed, first_row, arrays=arrays)
        for signature, rows in computed.marked.items():
            self._count((tuple(columns), signature), columns, rows, first_row, mapped)
        special = len(computed.suspects) + sum(map(len, computed.marked.values()))
        if special < count:
            self._plainly(columns, computed, count, first_row, mapped, count - special)
        return mapped

    def _plainly(
        self,
        columns: Mapping[str, Column],
        computed: engines.Computed,
        count: int,
        first_row: int,
        mapped: Mapped,
        rows: int,
    ) -> None:
        """What is said of every row of which nothing special is to be said: what is said of the first of them."""
        key = tuple(columns)
        told = self._plain.get(key)
        if isinstance(told, Told) and not told.notes:
            return
        others = set(computed.suspects).union(*computed.marked.values())
        first = next(k for k in range(count) if k not in others)
        if told is None:
            told = self._plain[key] = self.row(columns, first)
        if isinstance(told, BackpropError):
            for k in range(count):
                if k not in others:
                    # Of arrays the words may differ with their shapes.
                    said = self._suspect(columns, k) if self._refused < TOLD else told
                    self._put(mapped, k, said, first_row)
            return
        for note in told.notes:
            self.notes.add(note, first_row + first, rows)

    # By stacks of arrays

    def _stacked(self, columns: Mapping[str, Column], count: int) -> engines.Computed | None:
        """Rows that hold arrays: those of the same shapes together. None where each has to be evaluated by itself."""
        asked = self.asked
        if asked.jacobian or asked.hessian or asked.jvp is not None or not count:
            return None
        from backpropcli.programs.stacks import shared

        groups = shared(columns, count)
        if groups is None:
            return None
        outputs: list[Column] = [[math.nan] * count for _ in self.names]
        suspects: list[int] = []
        marked: dict[bytes, list[int]] = {}
        for rows, arrays in groups:
            shapes = tuple([(name, array.shape[1:]) for name, array in arrays.items()])
            if shapes not in self._stacks:
                if len(self._stacks) >= _SHAPES:
                    self._stacks.clear()
                self._stacks[shapes] = self._stack({name: array[0] for name, array in arrays.items()})
            stack = self._stacks[shapes]
            if stack is None:
                return None
            if isinstance(stack, BackpropError):
                suspects += rows  # It is told of each.
                continue
            computed = stack.run(list(arrays.values()), len(rows))
            if len(groups) == 1:
                outputs = computed.outputs
            else:
                for column, part in zip(outputs, computed.outputs, strict=True):
                    for k, value in zip(rows, part.tolist() if hasattr(part, "tolist") else part, strict=True):
                        column[k] = value
            suspects += [rows[k] for k in computed.suspects]
            for signature, places in computed.marked.items():
                marked[repr(shapes).encode() + signature] = [rows[k] for k in places]
        return engines.Computed(outputs, sorted(suspects), marked)

    def _stack(self, row: Mapping[str, Any]) -> Stacks | BackpropError | None:
        """What computes rows of these shapes; the error, where the formula does not take them."""
        fixed = self._constants(tuple(row))
        try:
            scene = self.formula.bound({**fixed, **row})
        except BackpropError as error:
            return error
        value, gradient = "value" in self.document, "grad" in self.document
        if scene is None or (gradient and scene.dims_of(scene.graph.outputs[0])):
            return None
        from backpropcli.programs.stacks import Stacks

        wrt = self.wrt if self._differentiated else ()
        return Stacks(scene, tuple(row), fixed, wrt, value=value, gradient=gradient)

    def _prepared(self, program: Program, engine: str) -> engines.Engine:
        """The program, ready to run; by NumPy where the engine that was asked for cannot."""
        try:
            return engines.prepared(program, engine, self.threads)
        except engines.UnavailableError as problem:
            if problem.hint is not None:
                raise BackpropError(f"the engine {engine} cannot run: {problem.reason}", hint=problem.hint) from None
            self.remark = f"the engine {engine} is not used, since {problem.reason}; NumPy computes instead"
            return engines.prepared(program, "numpy", self.threads)

    def _count(
        self,
        key: tuple[tuple[str, ...], bytes],
        columns: Mapping[str, Column],
        rows: Sequence[int],
        first_row: int,
        mapped: Mapped,
    ) -> None:
        """Count the notes of rows that have the same ones."""
        told = self._marked.get(key) or self.row(columns, rows[0])
        if isinstance(told, BackpropError):
            worded = rows[: max(0, TOLD - self._refused)]
            for k in worded:
                self._put(mapped, k, self._suspect(columns, k), first_row)
            _refuse(mapped, rows[len(worded) :], _AS_BEFORE)
            return
        self._marked[key] = told
        for note in told.notes:
            self.notes.add(note, first_row + rows[0], len(rows))

    def worded(self, columns: Mapping[str, Column], k: int, error: BackpropError) -> BackpropError:
        """What is wrong with a row of the last batch, whose error may be one of many and have no words of its own."""
        if error is not _NO_VALUE and error is not _AS_BEFORE:
            return error
        told = self.row(self._varying(columns), k)
        return told if isinstance(told, BackpropError) else error

    def _suspect(self, columns: Mapping[str, Column], k: int) -> Told | BackpropError:
        """What is said of a row that may have an error."""
        told = self.row(columns, k)
        self._refused += isinstance(told, BackpropError)
        return told

    def _examine(
        self,
        mapped: Mapped,
        columns: Mapping[str, Column],
        values: int,
        computed: engines.Computed,
        first_row: int,
        *,
        arrays: bool,
    ) -> None:
        """Tell of the suspects: of few one by one, of many once for all of which the same is said.

        So many of the outputs, the first ones, are the formula's values. Rows of arrays are told one by one.
        """
        told = computed.outputs[:values]
        waiting = []
        lost = []
        for k in computed.suspects:
            if self.ieee or all([_is_finite(column[k]) for column in told]):
                waiting.append(k)
            elif self._refused < TOLD:
                self._put(mapped, k, self._suspect(columns, k), first_row)
            else:
                lost.append(k)
        _refuse(mapped, lost, _NO_VALUE)
        self._asked += len(waiting)
        telling = self._telling(tuple(columns)) if self._asked > _FEW and not arrays else None
        if telling is None:
            for k in waiting:
                self._put(mapped, k, self._suspect(columns, k), first_row)
            return
        for start in range(0, len(waiting), _TOGETHER):
            self._tell(mapped, columns, telling, waiting[start : start + _TOGETHER], first_row)

    def _tell(
        self, mapped: Mapped, columns: Mapping[str, Column], telling: Telling, rows: Sequence[int], first_row: int
    ) -> None:
        """Tell of suspects, of those once in which the same is zero, infinite and undefined."""
        taken = [_picked(columns[name], rows) for name in telling.columns]
        alike = telling.rows.alike(taken, range(len(rows)))
        for signature, places in alike.groups.items():
            found = [rows[place] for place in places]
            self._count((telling.key, signature), columns, found, first_row, mapped)
            for place in places:
                k = rows[place]
                if k not in mapped.errors:
                    for column, number in zip(mapped.outputs, telling.told(alike.outputs[place]), strict=True):
                        column[k] = number

    def _telling(self, columns: tuple[str, ...]) -> Telling | None:
        """What tells which suspects are alike; None where that takes more than to ask for each of them."""
        if columns not in self._tellings:
            self._tellings[columns] = self._made_telling(columns)
        return self._tellings[columns]

    def _made_telling(self, columns: tuple[str, ...]) -> Telling | None:
        asked = self.asked
        wrt = self.wrt if self._differentiated else ()
        known = self._program(columns)
        if known is None or len(known.nodes) * (1 + len(wrt)) > _LARGEST:
            return None
        wanted = Wanted(hessian=asked.hessian, jvp=self._direction, told=True)
        program = self.formula.lowered(columns, self._constants(columns), wrt, wanted)
        if program is None:
            return None
        key = ("told", *columns)
        return Telling(key, program.columns, FloatProgram(program), asked, wrt, self._direction, program.values)

    def _put(self, mapped: Mapped, k: int, told: Told | BackpropError, first_row: int) -> None:
        """What is said of one row in the place of what an engine made of it."""
        if isinstance(told, BackpropError):
            mapped.errors[k] = told
            for column in mapped.outputs:
                column[k] = math.nan
            return
        for column, number in zip(mapped.outputs, told.numbers, strict=True):
            column[k] = number
        for note in told.notes:
            self.notes.add(note, first_row + k)

    # Row by row

    def _by_rows(self, columns: Mapping[str, Column], count: int, first_row: int) -> Mapped:
        outputs: list[list[Any]] = [[] for _ in self.names]
        errors: dict[int, BackpropError] = {}
        for k in range(count):
            found = self.row(columns, k)
            if isinstance(found, BackpropError):
                errors[k] = found
                for column in outputs:
                    column.append(math.nan)
                continue
            for column, number in zip(outputs, found.numbers, strict=True):
                column.append(number)
            for note in found.notes:
                self.notes.add(note, first_row + k)
        return Mapped(outputs, errors)

    def row(self, columns: Mapping[str, Column], k: int) -> Told | BackpropError:
        """What `Formula.at` says of one row."""
        values = [column[k] for column in columns.values()]
        if all([isinstance(value, float) for value in values]):
            # By their bits, which tell -0.0 from 0.0.
            return self._row(tuple(columns), array.array("d", values).tobytes())
        return self._told(dict(zip(columns, values, strict=True)))

    def _looked_up(self, varying: tuple[str, ...], bits: bytes) -> Told | BackpropError:
        values = array.array("d")
        values.frombytes(bits)
        return self._told(dict(zip(varying, values, strict=True)))

    def _told(self, point: Mapping[str, Any]) -> Told | BackpropError:
        asked = self.asked
        try:
            report = self.formula.at(
                {**self.fixed, **point},
                wrt=self.wrt if self._differentiated else (),
                jacobian=asked.jacobian,
                hessian=asked.hessian,
                jvp=asked.jvp,
                ieee=self.ieee,
                strict=self.strict,
                tables=False,
            )
        except BackpropError as error:
            return error
        if report.grad is None and "grad" in self.document and not asked.jacobian:
            return BackpropError(
                f"a gradient is of one number, but {self.formula.outputs[0]} is an array",
                hint="add up its entries by sum(...), or ask for --jacobian, or for --only value",
            )
        if asked.hessian and report.extras["hessian"]["order"] != list(self.wrt):
            return BackpropError(
                "a Hessian by arrays has a row an entry, and so no columns of its own here",
                hint="eval --hessian gives it at one point",
            )
        found = {"value": report.value, "grad": report.grad, **report.extras}
        return Told([_at(found, place) for place in self._places.values()], report.notes)


def mapped(
    formula: Differentiable,
    given: Mapping[str, Any],
    asked: Asked,
    *,
    engine: str,
    threads: int,
    ieee: bool,
    strict: bool,
    on_error: str,
) -> Columns:
    """All rows at once; what is a number, and no column, is the same in each of them. As `Formula.map` says."""
    import numpy as np

    if on_error not in ("fail", "null"):
        raise BackpropError(f"on_error is fail or null, but found {on_error}")
    fixed = {name: value for name, value in given.items() if not hasattr(value, "__len__")}
    columns = {name: column for name, column in given.items() if name not in fixed}
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join([f"{name} has {count:,}" for name, count in counts.items()])
        raise BackpropError(f"columns need as many rows as each other, but {told}")
    if not counts:
        raise BackpropError("there is no column", hint="at one point ask at(...) or gradient(...)")
    count = next(iter(counts.values()))
    if engine == "auto":
        engine = "scalar" if count < _BLOCK else "numpy"
    mapper = Mapper(formula, asked, fixed, engine=engine, threads=threads, ieee=ieee, strict=strict)
    found = mapper.run(columns, count, 0)
    if found.errors and on_error == "fail":
        k = min(found.errors)
        error = found.errors[k]
        raise DataError(f"row {k}: {error.message}", source=error.source, span=error.span, hint=error.hint)
    made = Columns({name: np.asarray(column) if _is_flat(column) else column for name, column in _named(mapper, found)})
    made.notes = tuple(mapper.notes)
    made.errors = found.errors
    return made


_BLOCK = 64
"""Rows from which on NumPy is faster than floats, once it is there."""


def _named(mapper: Mapper, found: Mapped) -> Iterator[tuple[str, Column]]:
    return zip(mapper.names, found.outputs, strict=True)


def _is_flat(column: Column) -> bool:
    return all([isinstance(number, float) for number in column]) if isinstance(column, list) else True


class Told(NamedTuple):
    """One row, as `Formula.at` has it."""

    numbers: list[Any]
    """One for each of the mapper's names."""
    notes: tuple[Note, ...]


TOLD = 100
"""How many errors are worded; of more rows without a value it is only said that they have none."""

_NO_VALUE = BackpropError("the value does not exist, or is larger than a double holds")

_AS_BEFORE = BackpropError("refused for what rows before it were refused for")


def _refuse(mapped: Mapped, rows: Sequence[int], error: BackpropError) -> None:
    """Refuse rows without words of their own, after so many errors."""
    mapped.errors.update(dict.fromkeys(rows, error))
    for column in mapped.outputs:
        if hasattr(column, "dtype"):
            column[list(rows)] = math.nan
        else:
            for k in rows:
                column[k] = math.nan


class Telling(NamedTuple):
    """What tells of rows that are not plain which of them are alike."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: FloatProgram
    asked: Asked
    wrt: Sequence[str]
    direction: Mapping[str, Any] | None
    outputs: int
    """How many outputs the formula has."""

    def told(self, found: Sequence[float]) -> list[float]:
        """A row's numbers, in the order of the mapper's names: of derivatives the better of what both sweeps give."""
        asked, count = self.asked, self.outputs * len(self.wrt)
        values, rest = found[: self.outputs], found[self.outputs + 2 * count :]
        backward = found[self.outputs : self.outputs + count]
        forward = found[self.outputs + count : self.outputs + 2 * count]
        numbers = [] if asked.only == "grad" else list(values)
        if asked.jacobian:
            pulls = self.outputs <= len(self.wrt)
            first, other = (backward, forward) if pulls else (forward, backward)
            numbers += [_settled(a or 0.0, b or 0.0) for a, b in zip(first, other, strict=True)]
        elif asked.only != "value" and self.outputs == 1:
            numbers += [_settled(a, 0.0 + b) for a, b in zip(backward, forward, strict=True)]
        if self.direction is not None:
            *rest, along = rest
            adjoints = dict(zip(self.wrt, backward, strict=True))
            moves = [(adjoints.get(name, 0.0), number) for name, number in self.direction.items() if number]
            whole = sum([(adjoint or 0.0) * number for adjoint, number in moves])
            rest = [*rest, along if math.isfinite(along) else better(whole, along)]
        return [*numbers, *rest]


def _settled(derivative: float, other: float) -> float:
    """A sweep's derivative; where it is not finite the better of it and the other sweep's."""
    return derivative if math.isfinite(derivative) else better(derivative, other)


def _picked(column: Column, rows: Sequence[int]) -> list[float]:
    """The numbers of these rows as Python's."""
    if hasattr(column, "dtype"):
        return [float(number) for number in column[rows].tolist()]
    return [float(column[k]) for k in rows]


_TOGETHER = 4096
"""Suspects that are told of together: their numbers wait until all of them are known."""

_LARGEST = 20_000
"""Nodes times derivatives beyond which rows are asked for one by one: a push by each variable is too much."""

_FEW = 8
"""Rows that are evaluated one by one before anything is prepared for more of them."""

_SMALL = 200_000
"""Kernels that are run over floats before NumPy is imported: what that takes."""

_SHAPES = 64
"""How many shapes of rows are remembered."""

_KEPT = 4096
"""How many rows are remembered: real columns hold the same few special points again and again."""

_Place = tuple[str | int, ...]


def _places(formula: Differentiable, asked: Asked, wrt: Sequence[str]) -> tuple[dict[str, _Place], dict[str, Any]]:
    """The outputs' names with their places in a report, and the document that holds their positions."""
    places: dict[str, _Place] = {}

    def put(name: str, *place: str | int) -> int:
        while name in places:
            name += "_"
        places[name] = place
        return len(places) - 1

    document: dict[str, Any] = {}
    single = len(formula.outputs) == 1
    if asked.only != "grad":
        document["value"] = (
            put("value", "value") if single else {name: put(f"value_{name}", "value", name) for name in formula.outputs}
        )
    if single and (asked.only != "value" or asked.jacobian):
        gradient = {name: put(f"grad_{name}", "jacobian" if asked.jacobian else "grad", name) for name in wrt}
        if asked.only != "value":
            document["grad"] = gradient
        if asked.jacobian:
            document["jacobian"] = gradient
    elif asked.jacobian:
        document["jacobian"] = {
            name: [put(f"grad_{output}_{name}", "jacobian", name, k) for k, output in enumerate(formula.outputs)]
            for name in wrt
        }
    if asked.hessian:
        upper = {
            (k, m): put(f"d2_{wrt[k]}_{wrt[m]}", "hessian", "matrix", k, m)
            for k in range(len(wrt))
            for m in range(k, len(wrt))
        }
        matrix = [[upper[min(k, m), max(k, m)] for m in range(len(wrt))] for k in range(len(wrt))]
        document["hessian"] = {"order": list(wrt), "matrix": matrix}
    if asked.jvp is not None:
        document["jvp"] = put("jvp", "jvp")
    return places, document


def _numbers(column: Column, engine: str) -> Column | None:
    """A column as an engine takes it, a number a row; None where it holds something else."""
    if hasattr(column, "dtype"):
        if column.ndim != 1 or column.dtype.kind not in "fiu":
            return None
        return [float(number) for number in column.tolist()] if engine == "scalar" else column
    kinds = set(map(type, column))
    if kinds <= {float}:
        return column
    if not kinds <= {float, int}:
        return None
    try:
        return [float(number) for number in column]
    except OverflowError:
        return None


def _is_finite(value: Any) -> bool:
    """Whether a number is finite, or every one in nested lists."""
    if isinstance(value, float):
        return math.isfinite(value)
    import numpy as np

    return bool(np.isfinite(value).all())


def _joined(parts: Sequence[Mapped]) -> Mapped:
    """Batches that follow each other as one."""
    outputs: list[Column] = [[] for _ in parts[0].outputs]
    errors: dict[int, BackpropError] = {}
    for part in parts:
        errors |= {len(outputs[0]) + k: error for k, error in part.errors.items()}
        for column, more in zip(outputs, part.outputs, strict=True):
            column += more.tolist() if hasattr(more, "tolist") else more
    return Mapped(outputs, errors)


def _at(found: Any, place: _Place) -> Any:
    for key in place:
        found = found[key]
    return found
