"""A class marked: every student's file apart from the others, in a child process with limits of memory and time.

One forked child marks student after student, since forking costs as much as marking does. What ends a child, be it a
limit or a fault, is said of the student whose turn it was; a fresh child goes on with the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from backpropcli.errors import BackpropError, visible
from backpropcli.homework import sheets
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import Marked, Quantity, Result, Sheet
from backpropcli.homework.paper import Paper
from backpropcli.reading import sources
from backpropcli.records import NamedTuple

CPU_SECONDS = 5
"""CPU time for one student's file."""
MEMORY = 512 << 20
"""Bytes that a child may take beyond what the program itself has."""
WALL_SECONDS = 60
"""How long a file may take where it costs no CPU time, as on a disk that hangs."""

_DONE, _FAILED, _BEGUN = b"d", b"f", b"b"
_HEAD = struct.Struct("<cIQ")
_PIECE = 1 << 16


class Outcome(NamedTuple):
    """What became of one job."""

    job: int
    payload: bytes
    """What the work gave; empty where it failed."""
    problem: str | None = None
    """Why it failed."""


Work = Callable[[int], bytes]


def outcomes(count: int, work: Work) -> Iterator[Outcome]:
    """What `work` gives for each of so many jobs, in order; no job can take another one with it."""
    if not hasattr(os, "fork"):
        yield from _here(count, work)
        return
    job = 0
    while job < count:
        for outcome in _child(job, count, work):
            yield outcome
            job = outcome.job + 1


def _here(count: int, work: Work) -> Iterator[Outcome]:
    """The same where there are no forks: without limits of time and memory."""
    for job in range(count):
        yield _tried(job, work)


def _tried(job: int, work: Work) -> Outcome:
    try:
        return Outcome(job, work(job))
    except MemoryError:
        return Outcome(job, b"", f"it takes more than {MEMORY >> 20} MB of memory")
    except Exception as problem:
        if os.environ.get("BACKPROP_DEBUG") == "1":
            raise
        return Outcome(job, b"", f"internal: {visible(f'{type(problem).__name__}: {problem}', 200)}")


# Children


def _child(first: int, count: int, work: Work) -> Iterator[Outcome]:
    """The outcomes of the jobs from `first` on, up to the one that ends the child."""
    reading, writing = os.pipe()
    # What is buffered would be written twice.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _serve(first, count, work, writing)
    os.close(writing)
    begun = first
    try:
        for kind, job, payload in _frames(reading):
            begun = job
            if kind == _DONE:
                yield Outcome(job, payload)
                begun = job + 1
            elif kind == _FAILED:
                yield Outcome(job, b"", payload.decode("utf-8", "replace"))
                return
    except TimeoutError:
        yield Outcome(begun, b"", f"it takes more than {WALL_SECONDS} s")
        return
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # Ended already, unless it hangs or the run was broken off.
        _, status = os.waitpid(process, 0)
    if begun < count:
        yield Outcome(begun, b"", _ended(status))


def _ended(status: int) -> str:
    """Why a child ended in the middle of a job."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return f"it takes more than {CPU_SECONDS} s of CPU time, or more memory than there is"
        return f"internal: it was ended by signal {number}"
    return "internal: it ended early"


def _frames(descriptor: int) -> Iterator[tuple[bytes, int, bytes]]:
    """What a child sends, message by message, until it ends."""
    buffer = bytearray()
    while True:
        while len(buffer) >= _HEAD.size:
            kind, job, length = _HEAD.unpack_from(buffer)
            end = _HEAD.size + length
            if len(buffer) < end:
                break
            payload = bytes(buffer[_HEAD.size : end])
            del buffer[:end]
            yield kind, job, payload
        if not select.select([descriptor], [], [], WALL_SECONDS)[0]:
            raise TimeoutError
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return
        buffer += piece


def _serve(first: int, count: int, work: Work, descriptor: int) -> None:
    """Do the jobs and send what they give; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _limit_memory()
        for job in range(first, count):
            _limit_time()
            _send(descriptor, _BEGUN, job, b"")
            outcome = _tried(job, work)
            if outcome.problem is not None:
                # What ran out of memory may have left things half done: a fresh child is safer.
                _send(descriptor, _FAILED, job, outcome.problem.encode())
                break
            _send(descriptor, _DONE, job, outcome.payload)
        code = 0
    finally:
        # Neither the parent's buffers nor its handlers are this process's business.
        os._exit(code)


def _send(descriptor: int, kind: bytes, job: int, payload: bytes) -> None:
    view = memoryview(_HEAD.pack(kind, job, len(payload)) + payload)
    while view:
        view = view[os.write(descriptor, view) :]


def _limit_memory() -> None:
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/statm", "rb") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return  # Where the system does not say how much is taken, a limit could only be wrong.
    _lower(resource.RLIMIT_AS, taken + MEMORY)


def _limit_time() -> None:
    """So many seconds of CPU time from now on: the limit counts from the beginning of the process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS)


def _lower(kind: int, limit: int) -> None:
    """Set a limit that can be moved again; a lower one that is set from outside stays."""
    import resource

    hard = resource.getrlimit(kind)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


# A class


Item = str | Sheet
"""A student's file by its path, or a sheet that has been read already."""


def results(paper: Paper, items: Sequence[Item]) -> Iterator[Result]:
    """Every student's result, in order; where a file cannot be read, or ends its child, all is missing."""
    if any([isinstance(item, str) for item in items]):
        sheets.reader("markdown")  # Loaded once, and not in every child.
    for outcome in outcomes(len(items), lambda job: carried(_marked(paper, items[job]))):
        if outcome.problem is None:
            yield received(outcome.payload)
        else:
            item = items[outcome.job]
            student, source = (
                (item.student, item.source) if isinstance(item, Sheet) else (_stem(item), visible(item, 100))
            )
            empty = mark_sheet(paper.markers, Sheet(student, {}, source))
            yield replace(empty, problem=f"{student if isinstance(item, Sheet) else source}: {outcome.problem}")


def _marked(paper: Paper, item: Item) -> Result:
    if isinstance(item, Sheet):
        return replace(mark_sheet(paper.markers, item), problem=item.problem)
    try:
        contents = sources.file_bytes(item, sheets.LIMIT, way_out="hand in the tables alone", foreign=True)
        read = sheets.read(contents, item, paper)
        [sheet] = read.sheets
    except BackpropError as problem:
        empty = Sheet(_stem(item), {}, visible(item, 100))
        return replace(mark_sheet(paper.markers, empty), problem=problem.message)
    return replace(mark_sheet(paper.markers, sheet), notes=read.notes)


def _stem(path: str) -> str:
    return visible(os.path.splitext(os.path.basename(path))[0], sheets.STUDENT_LENGTH)


def carried(result: Result) -> bytes:
    """A result as bytes that a child can send; JSON, since unpickling would run what a child was made to send."""
    marked = [
        {
            "question": each.question,
            "quantity": each.quantity,
            "claimed": each.claimed,
            "verdict": each.verdict,
            "points": each.points,
            "worth": each.worth,
            "place": each.place,
            "via": each.via,
            "misconceptions": each.misconceptions,
            "hint": each.hint,
            "because": each.because,
            "truth": each.truth,
            "follows": each.follows,
            "problem": each.problem,
        }
        for each in result.marked
    ]
    return json.dumps([result.student, result.source, result.problem, result.notes, marked]).encode()


def received(payload: bytes) -> Result:
    """The result that was carried."""
    student, source, problem, notes, marked = json.loads(payload)
    return Result(student, tuple([_received(each) for each in marked]), source, problem, tuple(notes))


def _received(found: dict[str, Any]) -> Marked:
    found["quantity"] = Quantity(*found["quantity"])
    found["because"] = tuple([Quantity(*each) for each in found["because"]])
    found["misconceptions"] = tuple(found["misconceptions"])
    return Marked(**found)


def files(paths: Sequence[str]) -> Iterator[str]:
    """The files that are named, and those in folders that are, sorted, without hidden ones."""
    for path in paths:
        if not os.path.isdir(path) or os.path.islink(path):
            yield path
            continue
        found: list[str] = []
        for folder, inside, names in os.walk(path, followlinks=False):
            inside[:] = sorted([name for name in inside if not name.startswith(".")])
            found += [
                os.path.join(folder, name)
                for name in names
                if not name.startswith(".") and os.path.splitext(name)[1].lower() in sheets.FORMATS
            ]
        yield from sorted(found)
