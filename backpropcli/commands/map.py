"""Map a formula over rows of points: NDJSON, CSV and others in, the same with values and gradients out, as a stream."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import BinaryIO

import click

from backpropcli import output, streams
from backpropcli.commands import _parts
from backpropcli.commands._arguments import FormulaCommand, Question, check_variables
from backpropcli.commands._options import Count, Names, OneOf
from backpropcli.errors import BackpropError, visible
from backpropcli.language.names import NAME_LENGTH, canonical
from backpropcli.mapping import ENGINES, TOLD, Asked, Mapper
from backpropcli.reading import points, sources
from backpropcli.records import NamedTuple
from backpropcli.streams._grid import GridReader, axis
from backpropcli.streams.flow import ON_ERROR, Flow

MAX_THREADS = 256
_FORMATS = tuple(streams.FORMATS)
_DOCUMENTS = frozenset({"ndjson"})
"""Formats whose rows hold the results as a document, and not as columns with flat names."""
_BINARY = frozenset({"npz", "parquet", "arrow"})


@click.command("map", cls=FormulaCommand, takes_files=True)
@click.option("--from", "form_in", type=OneOf(_FORMATS), help="What comes in [default: by a file's ending or content].")
@click.option("--format", "form_out", type=OneOf(_FORMATS), help="What goes out [default: what comes in].")
@click.option("--wrt", type=Names(), help="Differentiate with respect to these [default: every variable].")
@click.option("--only", type=OneOf(("value", "grad")), help="Give this part alone.")
@click.option("--jacobian", is_flag=True, help="Also the Jacobian; with several outputs in place of the gradient.")
@click.option("--hessian", is_flag=True, help="Also the second derivatives, as columns d2_x_y.")
@click.option("--jvp", metavar="DIRECTION", help="Also the derivative along a direction, as in 'x=1, y=0'.")
@click.option("--rename", metavar="NEW=OLD", multiple=True, help="Take variable NEW from column OLD; may be repeated.")
@click.option("--prefix", default="", metavar="TEXT", help="Put this before the names of the results.")
@click.option("--grid", metavar="x=0:10:0.1", multiple=True, help="Make the points: START:STOP:STEP; may be repeated.")
@click.option("--plot", is_flag=True, help="Draw the results by the one variable that varies, and print no rows.")
@click.option(
    "--on-error",
    type=OneOf(ON_ERROR),
    help="At a row without a result: stop before it, skip it, or give it nulls [default: fail; drawn: null].",
)
@click.option("--engine", type=OneOf((*ENGINES, _parts.ENGINE)), default="auto", help="What computes [default: auto].")
@click.option("--threads", type=Count(1, MAX_THREADS), default=1, help="Threads that compute [default: 1].")
@click.option(
    "--jobs", type=Count(1, MAX_THREADS), help="Processes that share Parquet files [default: 1; dask: cores]."
)
@click.option("--cluster", metavar="ADDRESS", help="Where Dask's scheduler is, for --engine dask.")
@click.option("--ieee", is_flag=True, help="Compute as IEEE 754 does: NaN and Infinity go in and out.")
@click.option("--strict", is_flag=True, help="A row where a derivative is a convention or undefined is an error.")
@click.option("--quiet", is_flag=True, help="No summary, no notes and no progress bar on stderr.")
@click.option(
    "-o", "file_out", metavar="FILE", type=click.Path(), help="Write to a file, in one step; or a folder, a file each."
)
@click.pass_obj
def command(
    question: Question,
    form_in: str | None,
    form_out: str | None,
    wrt: tuple[str, ...] | None,
    only: str | None,
    jacobian: bool,
    hessian: bool,
    jvp: str | None,
    rename: tuple[str, ...],
    prefix: str,
    grid: tuple[str, ...],
    plot: bool,
    on_error: str | None,
    engine: str,
    threads: int,
    jobs: int | None,
    cluster: str | None,
    ieee: bool,
    strict: bool,
    quiet: bool,
    file_out: str | None,
) -> None:
    """Map a formula over rows of points: values and gradients out, a row for a row.

    Rows come from FILES or standard input: an object of JSON a line, or a table with a header; a file ending in .npz,
    .parquet or .arrow will do, too. Each variable is a column of its name, unless an option of its name gives all rows
    one value. Rows keep what they hold, and get the results besides.

    \b
      backprop map 'x*y^2' points.ndjson
      backprop map 'w*x + b' rows.csv --b 0.5 > slopes.csv
      backprop map 'sin(x)/x' --grid x=0.1:10:0.1 --plot
      backprop map 'x*y^2' parts/ --jobs 4 -o mapped/
    """
    started = time.perf_counter()
    formula = question.formula
    check_variables("--wrt", wrt or (), formula)
    _check_prefix(prefix)
    renamed = _renamed(rename, question)
    direction = None
    if jvp is not None:
        given = list(points.point(jvp, "--jvp"))
        check_variables("--jvp", [each.name for each in given], formula)
        direction = {each.name: each.read(max_bytes=question.max_bytes) for each in given}
    asked = Asked(only, wrt, jacobian, hessian, direction)
    told = _Told(quiet=quiet)
    sharing = _parts.Sharing(engine, jobs, cluster)
    alone = "--grid" if grid else "--plot" if plot else None
    parts = _parts.parts(question.files, form_in, form_out, file_out, sharing, alone)
    if parts is not None and file_out is not None:
        from backpropcli.parts import Task, part

        names = part.columns(parts[0])
        bound = _bound(question, names, renamed)
        _say_fixed(names, bound, question, told)
        way = on_error or "fail"
        task = Task(formula, asked, bound, renamed, prefix, way, sharing.rows_by, threads, ieee, strict)
        told.finish(_parts.run(parts, file_out, task, sharing, told.row, quiet=quiet), time.perf_counter() - started)
        return

    with ExitStack() as stack:
        inputs = _Inputs(question, form_in, grid, stack)
        first = inputs.open(0)
        bound = _bound(question, first.reader.names, renamed)
        mapper = Mapper(formula, asked, bound, engine=engine, threads=threads, ieee=ieee, strict=strict)
        form = form_out or (first.form if first.form in streams.FORMATS else _FORMATS[0])
        results = streams.Results(
            tuple([prefix + name for name in mapper.names]),
            {prefix + key: value for key, value in mapper.document.items()},
        )
        taken = frozenset(results.document if form in _DOCUMENTS else results.names)
        columns = [name for name in formula.variables if name not in bound]
        wanted = streams.Wanted(
            tuple(columns),
            renamed,
            taken,
            ieee,
            closed=form not in _DOCUMENTS,
            texts=None if form in _BINARY else len(results.names),
        )
        if plot:  # A row without a result is a gap in a curve, whether it is skipped or not.
            on_error = "fail" if on_error == "fail" else "null"
        flow = Flow(mapper, wanted, on_error or "fail", told.row)
        _say_fixed(first.reader.names, bound, question, told)
        if plot:
            from backpropcli.commands._plot import plotted

            varying = _varying(columns)
            to_file = not output.is_standard(file_out)
            stream = None if to_file else sys.stdout
            unicode = to_file or output.takes_unicode(stream)
            width = output.width(stream)
            drawn = plotted(flow, inputs.readers(), mapper.names, varying, width, unicode=unicode)
            output.write(list(drawn), file_out)
        elif file_out is not None and _is_folder(file_out):
            with _placed(flow):
                _to_folder(file_out, inputs, flow, form, results)
        else:
            writer = streams.module(form).writer(results, form)
            _check_terminal(form, file_out)
            with _progress(inputs, flow, file_out, quiet=quiet) as shown, _placed(flow):
                output.stream(shown(flow.pieces(inputs.readers(), writer)), file_out, lines=form not in _BINARY)
    notes = [_parts.Said(note.severity, note.message, rows, place) for note, rows, place in flow.notes()]
    remarks = [mapper.remark] if mapper.remark else []
    if flow.several and only != "value":
        remarks.append("several outputs: their derivatives are given by --jacobian")
    unworded = max(0, flow.bad - TOLD)
    told.finish(_parts.Went(flow.rows, flow.bad, notes, remarks, unworded=unworded), time.perf_counter() - started)


def _check_prefix(prefix: str) -> None:
    name = canonical(f"{prefix}value")
    if not name.isascii() or not name.replace("_", "a").isalnum() or name[0].isdigit() or len(prefix) > NAME_LENGTH:
        raise BackpropError(
            f"--prefix takes the beginning of a name, not {visible(prefix, 60)}", hint="as in --prefix f_"
        )


def _renamed(given: Sequence[str], question: Question) -> dict[str, str]:
    """By variable, the column that it comes from."""
    found: dict[str, str] = {}
    for text in given:
        written, equals, column = text.partition("=")
        if not equals or not written.strip() or not column:
            raise BackpropError(f"--rename takes NEW=OLD, not {visible(text, 60)}", hint="as in --rename x=temperature")
        name = points.variable(written, "--rename")
        check_variables("--rename", [*found, name], question.formula)
        if name in question.point:
            raise BackpropError(f"{name} is given a value, and a column by --rename", hint="leave out one of them")
        found[name] = column
    return found


def _bound(question: Question, names: Sequence[str], renamed: Mapping[str, str]) -> dict[str, object]:
    """The values that all rows have: those given, and those that the formula gives where there is no such column."""
    there = {canonical(name.strip()) for name in names} | renamed.keys()
    own = {name: value for name, value in question.formula.bindings.items() if name not in there}
    return {**own, **question.point}


def _say_fixed(names: Sequence[str], bound: Mapping[str, object], question: Question, told: _Told) -> None:
    for column in names:
        name = canonical(column.strip())
        if name in question.point and name in bound:
            told.say(f"note: {name} is what --{name} says in all rows; their own {visible(column, 60)} is passed over")


def _varying(columns: Sequence[str]) -> str:
    if len(columns) != 1:
        found = ", ".join(columns[:6]) or "none"
        raise BackpropError(
            f"--plot draws by the one variable that varies, but here are {len(columns)}: {found}",
            hint="give the others a value, as in --y 1",
        )
    return columns[0]


# Where rows come from


class _Input(NamedTuple):
    reader: streams.Reader
    form: str
    path: str | None
    """None for standard input and for a grid."""


class _Inputs:
    """The files, standard input, or a grid; each is opened when it is its turn, and the first at once."""

    def __init__(self, question: Question, form: str | None, grid: Sequence[str], stack: ExitStack) -> None:
        self._form = form
        self._grid = [axis(text) for text in grid]
        self._stack = stack
        self._max_bytes = question.max_bytes
        self._opened: dict[int, _Input] = {}
        self.read = 0
        """Bytes that have come in."""
        self.paths: tuple[str | None, ...] = tuple([None if path == "-" else path for path in question.files]) or (
            None,
        )
        if grid:
            self._check_grid(question, form)
        elif self.paths.count(None) > 1 or (None in self.paths and question.reads_input):
            raise BackpropError(
                "standard input can be read once only", hint="give the formula as a word, or the points as a file"
            )

    def _check_grid(self, question: Question, form: str | None) -> None:
        if question.files or form is not None:
            raise BackpropError("--grid makes the points, and needs no files", hint="leave out --grid, or the files")
        found = [each.name for each in self._grid]
        check_variables("--grid", found, question.formula)
        for name in found:
            if name in question.point:
                raise BackpropError(f"{name} is given a value, and by --grid many", hint="leave out one of them")
        missing = [
            name
            for name in question.formula.variables
            if name not in found and name not in question.point and name not in question.formula.bindings
        ]
        if missing:
            raise question.formula.missing(missing, [*found, *question.point])

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where nobody knows."""
        try:
            return sum([os.path.getsize(path or "") for path in self.paths])
        except OSError:
            return None

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, k: int) -> _Input:
        """The k-th of them, opened."""
        if k not in self._opened:
            self._opened[k] = self._open(self.paths[k])
        return self._opened[k]

    def _open(self, path: str | None) -> _Input:
        if self._grid:
            return _Input(GridReader(self._grid), "grid", None)
        inner: streams.Source
        if path is None:
            name = ""
            inner = sources.StandardInput("the points")
        else:
            name = sources.named(path)
            inner = self._stack.enter_context(sources.opened(path))
        source = _Counted(inner, self)
        form = self._form or (streams.by_name(path) if path is not None else None)
        if form is None:
            form = streams.by_content(source.peek(streams.SNIFFED))
        return _Input(streams.module(form).reader(source, name, form, self._max_bytes), form, path)

    def readers(self) -> Iterator[streams.Reader]:
        """A reader for each, in order."""
        for k in range(len(self)):
            yield self.open(k).reader


class _Counted:
    """A source whose first bytes can be looked at before they are read, and which counts what it gives."""

    def __init__(self, source: streams.Source, inputs: _Inputs) -> None:
        self.size = source.size
        self._source = source
        self._inputs = inputs
        self._held = b""

    def peek(self, count: int) -> bytes:
        """The first bytes that tell something: as many as have come, and at least one that is no space."""
        while len(self._held) < count or not self._held.strip():
            more = self._source.some(1 << 16)
            if not more:
                break
            self._held += more
            if b"\n" in self._held.lstrip() or len(self._held) > _PEEKED:
                break
        return self._held

    def some(self, count: int) -> bytes:
        """What is there now, at most so many bytes."""
        if self._held:
            found, self._held = self._held[:count], self._held[count:]
        else:
            found = self._source.some(count)
        self._inputs.read += len(found)
        return found

    def random(self) -> BinaryIO | None:
        """The file itself, from its beginning on, to be read at any place, where it is one."""
        file = self._source.random()
        if file is not None:
            file.seek(0)
        return file


_PEEKED = 1 << 20
"""Bytes of spaces before it is said that nothing tells what they are."""


# Where they go


def _is_folder(path: str) -> bool:
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


def _to_folder(folder: str, inputs: _Inputs, flow: Flow, form: str, results: streams.Results) -> None:
    """Write the rows of every file to one of its name in the folder, which is made where there is none."""
    named = [_name_in(folder, path, form) for path in inputs.paths]
    for k, target in enumerate(named):
        path = inputs.paths[k]
        if named.count(target) > 1:
            raise BackpropError(f"two of the files would be written to {visible(target, 100)}", hint="map them apart")
        if path is not None and os.path.exists(target) and os.path.samefile(path, target):
            raise BackpropError(f"{sources.named(path)} would be written over", hint="name another folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as problem:
        raise BackpropError(
            f"-o {visible(folder, 100)} cannot be made: {sources.reason(problem)}", hint="name another folder"
        ) from None
    for k, target in enumerate(named):
        writer = streams.module(form).writer(results, form)
        output.stream(flow.pieces([inputs.open(k).reader], writer), target, lines=form not in _BINARY)


@contextmanager
def _placed(flow: Flow) -> Iterator[None]:
    """Where results cannot be written, say which row they had come to."""
    try:
        yield
    except output.OutputError as problem:
        if flow.last:
            problem.message += f", by {flow.last}"
        raise


def _name_in(folder: str, path: str | None, form: str) -> str:
    if path is None:
        raise BackpropError(
            f"-o {visible(folder, 100)} is a folder, and what is read has no name", hint="add a file's name to it"
        )
    name = os.path.basename(path)
    own = streams.by_name(name)
    if own is not None and own != form:
        name = name[: name.rindex(".")]
    return os.path.join(folder, name if own == form else name + streams.FORMATS[form].endings[0])


# What is said


class _Told:
    """What is said on stderr: at most a hundred rows that are wrong, then notes and a summary."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._rows = 0

    def row(self, problem: BackpropError) -> None:
        """Say what is wrong with a row that does not end it all."""
        self._rows += 1
        if self._rows <= TOLD:
            output.say([f"error: {visible(problem.message)}"])

    def say(self, line: str) -> None:
        """Say something that is not wrong."""
        if not self._quiet:
            output.say([line])

    def finish(self, went: _parts.Went, seconds: float) -> None:
        """The notes, each with how many rows have it, and how it went."""
        more = self._rows + went.unworded - min(self._rows, TOLD)
        if more:
            output.say([f"... and {more:,} more"])
        if self._quiet:
            return
        for remark in went.remarks:
            output.say([f"note: {visible(remark)}"])
        for note in went.notes:
            where = f"{note.rows:,} rows, the first of them {note.first}" if note.rows > 1 else note.first
            output.say([f"{note.severity}: {visible(note.message)} ({visible(where)})"])
        bad = f", {went.bad:,} of them bad" if went.bad else ""
        output.say([f"{went.rows:,} row{'' if went.rows == 1 else 's'}{bad}{went.parts}, in {seconds:.2f} s"])


def _check_terminal(form: str, file_out: str | None) -> None:
    if form in _BINARY and output.is_standard(file_out) and output.is_terminal(sys.stdout):
        raise BackpropError(
            f"{form} is for programs, and is not written to a terminal", hint="add -o FILE, or --format csv"
        )


_Shown = Callable[[Iterator[bytes]], Iterator[bytes]]


def _progress(inputs: _Inputs, flow: Flow, file_out: str | None, *, quiet: bool) -> AbstractContextManager[_Shown]:
    """A bar on stderr, where somebody looks at that and does not see the rows go by."""
    to_file = not output.is_standard(file_out)
    if quiet or not output.is_terminal(sys.stderr) or (not to_file and output.is_terminal(sys.stdout)):
        return nullcontext(lambda pieces: pieces)
    from backpropcli.commands._progress import bar

    return bar(lambda: inputs.read, inputs.size, lambda: flow.rows)
