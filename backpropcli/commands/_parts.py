"""`backprop map` over parts: Parquet files that processes share, or workers of a cluster, into a folder."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from typing import TYPE_CHECKING, Any

from backpropcli import output, streams
from backpropcli.commands._options import listed
from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading import sources
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    from backpropcli.parts import Task
    from backpropcli.parts.lead import Shared

ENGINE = "dask"
FORM = "parquet"


class Sharing(NamedTuple):
    """How parts are shared out, as far as the command line says."""

    engine: str
    jobs: int | None
    cluster: str | None

    @property
    def asked(self) -> str | None:
        """The option that asks for parts to be shared out, if any does."""
        if self.engine == ENGINE:
            return f"--engine {ENGINE}"
        return None if self.jobs is None else f"--jobs {self.jobs}"

    def check(self) -> None:
        """Refuse a cluster that nobody would use."""
        if self.cluster is not None and self.engine != ENGINE:
            raise BackpropError("--cluster is where Dask is found", hint=f"add --engine {ENGINE}")
        if self.cluster is not None and self.jobs is not None:
            raise BackpropError("--jobs are processes of this machine, and --cluster has its own", hint="leave out one")

    @property
    def rows_by(self) -> str:
        """What computes the rows of a part."""
        return "auto" if self.engine == ENGINE else self.engine

    def shared(self) -> Shared:
        """What shares parts out."""
        if self.engine == ENGINE:
            from backpropcli.parts import cluster

            return functools.partial(cluster.answers, jobs=self.jobs or os.cpu_count() or 1, address=self.cluster)
        from backpropcli.parts import local

        return functools.partial(local.answers, jobs=self.jobs or 1)


def parts(
    files: Sequence[str],
    form_in: str | None,
    form_out: str | None,
    file_out: str | None,
    sharing: Sharing,
    alone: str | None,
) -> list[str] | None:
    """The files that are mapped each by itself, a folder being all Parquet files in it; None where rows stream.

    `alone` is the option that makes rows stream, if one is there. Raises BackpropError where parts are asked for, and
    something else does not go with them.
    """
    sharing.check()
    folder = next((path for path in files if os.path.isdir(path)), None)
    why = sharing.asked or (None if folder is None else f"{visible(folder, 60)}, a folder,")
    forms = {form_in or streams.by_name(path) for path in files}
    into_folder = file_out is not None and (file_out.endswith(("/", os.sep)) or os.path.isdir(file_out))
    if why is None:
        several = len(files) > 1 and forms == {FORM} and form_out in (None, FORM)
        return list(files) if several and into_folder and alone is None else None
    if alone is not None:
        raise BackpropError(f"{why} is about files of rows, and {alone} is not", hint=f"leave out {alone}")
    if not files or "-" in files:
        raise BackpropError(
            f"{why} needs files, and standard input is none", hint="name Parquet files, or a folder of them"
        )
    if form_in not in (None, FORM) or form_out not in (None, FORM):
        raise BackpropError(
            f"{why} is for Parquet in and out, not {listed(sorted({form_in or FORM, form_out or FORM} - {FORM}))}",
            hint="name the files one by one, without --jobs and --engine dask, for other formats",
        )
    is_file = file_out is not None and bool(os.path.exists(file_out) or streams.by_name(file_out))
    if output.is_standard(file_out) or (is_file and not into_folder):
        raise BackpropError(f"{why} needs a folder to write to", hint="add one, as in -o results/")
    return [part for path in files for part in (_inside(path) if os.path.isdir(path) else [_checked(path, form_in)])]


def _inside(folder: str) -> list[str]:
    """The Parquet files in a folder; names that begin with _ or . are of those who keep the folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as problem:
        raise DataError(f"{sources.named(folder)} cannot be read: {sources.reason(problem)}") from None
    found = [name for name in names if streams.by_name(name) == FORM and not name.startswith(("_", "."))]
    if not found:
        raise DataError(
            f"{sources.named(folder)} has no Parquet files in it", hint="their names end in .parquet or .pq"
        )
    return [os.path.join(folder, name) for name in found]


def _checked(path: str, form_in: str | None) -> str:
    form = form_in or streams.by_name(path)
    if form not in (None, FORM):
        raise BackpropError(
            f"{sources.named(path)} is {form}, and parts are Parquet files",
            hint=f"write it as Parquet first, by --format {FORM} -o FILE, or leave out --jobs and --engine dask",
        )
    return path


class Said(NamedTuple):
    """A note about rows."""

    severity: str
    message: str
    rows: int
    first: str
    """Where the first of them is."""


class Went(NamedTuple):
    """What a run has to say in the end."""

    rows: int
    bad: int
    notes: Sequence[Said]
    remarks: Sequence[str] = ()
    parts: str = ""
    """Half a sentence about the parts, where there are any."""
    unworded: int = 0
    """Bad rows of which nothing has been said."""


def run(
    found: Sequence[str],
    folder: str,
    task: Task,
    sharing: Sharing,
    tell: Callable[[BackpropError], None],
    *,
    quiet: bool,
) -> Went:
    """Map all parts; `tell` is called with what is wrong with rows, as it is found."""
    from backpropcli.parts import lead, manifest, part

    done: list[dict[str, Any]] = []
    unworded = read = rows = 0
    sizes = {part.name_of(path): os.path.getsize(path) for path in found}
    with ExitStack() as stack:
        shown = stack.enter_context(_progress(lambda: read, sum(sizes.values()), lambda: rows, quiet=quiet))
        outcomes = stack.enter_context(closing(lead.run(found, folder, task, sharing.shared())))
        for each in shown(outcomes):
            done.append(each)
            read += sizes[each["name"]]
            rows += each["rows"]
            if each["found"]:
                continue
            for message in each["bad_rows"]:
                tell(DataError(message))
            unworded += each["bad"] - len(each["bad_rows"])
    done.sort(key=lambda each: str(each["name"]))
    there = sum([each["found"] for each in done])
    return Went(
        rows,
        sum([each["bad"] for each in done]),
        [Said(note["severity"], note["message"], note["rows"], note["first"]) for note in manifest.merged(done)],
        [*dict.fromkeys([each["remark"] for each in done if each["remark"]])],
        f", in {len(done):,} part{'' if len(done) == 1 else 's'}"
        + (f" ({there:,} of them there already)" if there else ""),
        unworded,
    )


def _progress(
    read: Callable[[], int], size: int, rows: Callable[[], int], *, quiet: bool
) -> AbstractContextManager[Callable[[Iterator[Any]], Iterator[Any]]]:
    """A bar on stderr, where somebody looks at that."""
    if quiet or not output.is_terminal(sys.stderr):
        return nullcontext(lambda pieces: pieces)
    from backpropcli.commands._progress import bar

    return bar(read, size, rows)
