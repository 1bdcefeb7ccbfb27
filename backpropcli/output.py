"""Where text goes: streams and files, whether in colour, how wide, and what happens when it cannot be written."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from backpropcli.errors import BackpropError, visible
from backpropcli.reading.sources import reason

if TYPE_CHECKING:
    from types import FrameType

CLOSED_OR_FULL = 74
READER_GONE = 141

_CHUNK = 1 << 16


class OutputError(Exception):
    """Results could not be written: standard output is closed, or the device is full. `exit_code` says which."""

    def __init__(self, message: str, exit_code: int = CLOSED_OR_FULL, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.hint = hint


# Colour and width


def colored(choice: str, terminal: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to write in colour: the option over the environment's variables over what the stream is."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environ.get(name):
            return environ[name].lower() not in ("0", "false")
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    return terminal


def width(stream: TextIO | None, environ: Mapping[str, str] = os.environ) -> int | None:
    """Columns to write in: what COLUMNS says, else the terminal's, else None, which is no limit."""
    asked = environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and 0 < len(asked) < 6 and int(asked) > 0:
        return int(asked)
    if stream is None or not is_terminal(stream):
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody is looking at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # It is closed.
        return False


def takes_unicode(stream: TextIO | None) -> bool:
    """Whether the stream's encoding can write every character."""
    encoding = getattr(stream, "encoding", None) or ""
    return encoding.lower().replace("-", "").replace("_", "").startswith("utf")


# Results


def prepare() -> None:
    """Have standard output spell out what its encoding cannot write, as stderr does anyway."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def is_standard(path: str | None) -> bool:
    """Whether what `-o` names is standard output."""
    return path in (None, "-", "/dev/stdout", "/dev/fd/1")


def write(pieces: Iterable[str], path: str | None = None) -> None:
    """Write the pieces in order to a file, or to standard output where `path` says so, and see them through."""
    if path is None or is_standard(path):
        _to_standard_output(pieces)
    else:
        _to_file((chunk.encode("utf-8", "backslashreplace") for chunk in _chunks(pieces)), path)


def stream(pieces: Iterable[bytes], path: str | None = None, *, lines: bool = True) -> None:
    """Write every piece as soon as it is there, to a file, or to standard output where `path` says so.

    On a terminal what could change more than its text is spelled out. Ctrl-C waits for the end of a piece. Where making
    the pieces fails, what has been written of a file is kept beside it, its name ending in `.partial`: nobody takes it
    for the whole. So are whole pieces where writing them fails, if they are `lines` and of use by themselves.
    """
    if path is not None and not is_standard(path):
        _to_file(pieces, path, partial=True, lines=lines)
        return
    out = _standard_output()
    if is_terminal(out):
        pieces = map(_harmless, pieces)
    try:
        out.flush()
        for piece in pieces:
            with _uninterrupted():
                left = memoryview(piece)
                while left:  # A write that a signal interrupts may take a part.
                    left = left[out.buffer.write(left) :]
                out.buffer.flush()
    except OSError as problem:
        raise standard_output_failed(problem) from None


def _harmless(piece: bytes) -> bytes:
    """Whole lines as a terminal may show them: line ends and tabs are kept, all else goes by `visible`."""
    lines = piece.decode("utf-8", "backslashreplace").split("\n")
    if all([line.isprintable() for line in lines]):
        return piece
    shown = ["\t".join([visible(part, len(part)) for part in line.removesuffix("\r").split("\t")]) for line in lines]
    return "\n".join(shown).encode()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have Ctrl-C wait for the end, so that no line is cut in two; a second one does not wait."""
    import signal

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # Nobody is interrupted here.
        yield
        return
    asked: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    try:
        signal.signal(signal.SIGINT, wait)
    except ValueError:  # Another thread than the first hears of no signals.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked:
        raise KeyboardInterrupt


def _to_standard_output(pieces: Iterable[str]) -> None:
    stream = _standard_output()
    try:
        for chunk in _chunks(pieces):
            stream.write(chunk)
        stream.flush()
    except OSError as problem:
        raise standard_output_failed(problem) from None


def _standard_output() -> TextIO:
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("standard output is closed")
    return sys.stdout


def finish() -> None:
    """See through what others, such as Click's help, have written to standard output."""
    stream = _standard_output()
    try:
        stream.flush()
    except OSError as problem:
        raise standard_output_failed(problem) from None


def standard_output_failed(problem: OSError) -> OutputError:
    """What to say of standard output after this error, with what is still buffered for it dropped."""
    if sys.stdout is not None:
        _abandon(sys.stdout)
    return _failure("standard output", problem)


def _abandon(stream: TextIO) -> None:
    """Send what is still buffered nowhere, since Python would try again, and complain, when it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _failure(name: str, problem: OSError) -> OutputError:
    if problem.errno == errno.EPIPE:
        return OutputError(f"{name}: the reader went away", READER_GONE)
    if problem.errno == errno.EFBIG:
        return OutputError(
            f"{name} cannot be written: it would be larger than {_largest_file()} may have here",
            hint="raise the limit with ulimit -f, or ask for less with --only",
        )
    full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutputError(
        f"{name} cannot be written: {reason(problem)}", hint="make room there, or write elsewhere" if full else None
    )


def _largest_file() -> str:
    """The limit of the shell on the size of files, where there is one; else the file system's."""
    if os.name == "posix":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if limit != resource.RLIM_INFINITY:
            return f"the {limit:,} bytes that files"
    return "files"


def _chunks(pieces: Iterable[str]) -> Iterable[str]:
    """The same text in few pieces: a write costs more than the characters in it."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield "".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield "".join(waiting)


# Files


def replace(pieces: Iterable[bytes], path: str, mark: str) -> None:
    """Write the pieces to a file that others may be writing as well, on other machines too: the last one to end wins.

    `mark` tells this writing from all others. Where it is killed, a file that `leftovers` finds remains.
    """
    _to_file(pieces, path, mark=mark)


def leftovers(folder: str, names: Collection[str]) -> list[str]:
    """The files that writings which were killed have left in a folder, of files with these names."""
    found: list[str] = []
    with suppress(OSError):  # A folder may be written to, and not listed.
        for entry in os.listdir(folder):
            name, _, mark = entry.removesuffix(".tmp").removeprefix(".").rpartition(".")
            if entry == _temporary(name, mark) and name in names:
                found.append(os.path.join(folder, entry))
    return found


def _temporary(name: str, mark: str) -> str:
    return f".{name}.{mark}.tmp"


def _to_file(
    pieces: Iterable[bytes], path: str, *, partial: bool = False, lines: bool = False, mark: str | None = None
) -> None:
    if not path:
        raise BackpropError("-o needs a file's name", hint="as in -o result.txt")
    shown = visible(path, 100)
    try:
        target = os.path.realpath(path)  # A link is written through, not replaced.
        before = _status(target)
        if before is not None and stat.S_ISDIR(before.st_mode):
            raise BackpropError(f"-o {shown} is a folder, not a file", hint="add a file's name to it")
        if path.endswith(("/", os.sep)):
            raise _no_folder(shown, before)
        if _is_stream(path) or (before is not None and not stat.S_ISREG(before.st_mode)):
            _fill(_opened(path), pieces, shown)
        elif before is None and os.path.dirname(target) == "/dev":
            raise FileNotFoundError
        else:
            _replace(target, before, pieces, shown, partial=partial, lines=lines, mark=mark)
    except (OSError, ValueError) as problem:
        said, hint = _refusal(problem, os.path.dirname(target))
        raise BackpropError(f"-o {shown} cannot be written: {said}", hint=hint) from None


def _no_folder(shown: str, before: os.stat_result | None) -> BackpropError:
    if before is not None:
        return BackpropError(f"-o {shown} names a folder, but is a file", hint="leave out the last /")
    return BackpropError(
        f"-o {shown} names a folder that does not exist", hint="make the folder and add a file's name to it"
    )


_ELSEWHERE = "name a file in another folder"
_WAYS = {
    errno.EACCES: "name a file in a folder of yours",
    errno.EPERM: "name a file in a folder of yours",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "name another file or folder",
}


def _refusal(problem: Exception, folder: str) -> tuple[str, str]:
    """Why a file cannot be written in this folder, and what to do."""
    number = getattr(problem, "errno", None)
    if isinstance(problem, FileNotFoundError):
        if folder == "/dev":
            return "there is no device of this name", _ELSEWHERE
        if os.path.isdir(folder):
            return "its folder takes no new files", _ELSEWHERE
        return "its folder does not exist", "make the folder first, or name another"
    if isinstance(problem, NotADirectoryError):
        return "its folder is a file", "name another folder"
    return reason(problem), _WAYS.get(number or 0, _ELSEWHERE)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


_STREAMS = {"/dev/stdout": "1", "/dev/stderr": "2"}


def _is_stream(path: str) -> bool:
    return path in _STREAMS or path.startswith("/dev/fd/")


def _opened(path: str) -> int:
    """A descriptor of a device or a pipe, to write to directly.

    Linux opens `/dev/stdout` and `/dev/fd/5` anew, at their beginning: what a file behind them held would be lost.
    """
    number = _STREAMS.get(path, path.removeprefix("/dev/fd/"))
    if number.isascii() and number.isdigit() and len(number) < 10:
        return os.dup(int(number))
    return os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))


def _fill(descriptor: int, pieces: Iterable[bytes], shown: str, *, sync: bool = False) -> None:
    """Write the pieces and close; what goes wrong from here on is the device's fault, not the name's.

    Of a regular file, which is written to with `sync`, nothing is left of a piece that could not be written whole.
    """
    whole = 0
    try:
        with open(descriptor, "wb", buffering=0) as file:
            try:
                for piece in pieces:
                    left = memoryview(piece)
                    while left:
                        left = left[file.write(left) :]
                    whole += len(piece)
            finally:
                if sync:
                    os.ftruncate(descriptor, whole)
                    os.fsync(descriptor)
    except OSError as problem:
        raise _failure(shown, problem) from None


def _replace(
    target: str,
    before: os.stat_result | None,
    pieces: Iterable[bytes],
    shown: str,
    *,
    partial: bool,
    lines: bool,
    mark: str | None,
) -> None:
    """Write beside the target, then put that in its place: whoever looks sees the old file or the new one, whole."""
    folder, name = os.path.split(target)
    if before is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "permission denied")
    if mark is None:
        mark = str(os.getpid())
        _sweep(folder, name)
    temporary = os.path.join(folder, _temporary(name, mark))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        if before is not None:
            _keep_owner_and_mode(descriptor, before)
        _fill(descriptor, pieces, shown, sync=True)
        os.replace(temporary, target)
    except (BackpropError, OutputError) as problem:
        if not partial or not os.path.getsize(temporary) or (isinstance(problem, OutputError) and not lines):
            os.unlink(temporary)
            raise
        os.replace(temporary, f"{target}.partial")
        _sync_folder(folder)
        problem.hint = f"{problem.hint or ''}; what comes before it is in {shown}.partial".removeprefix("; ")
        raise
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _keep_owner_and_mode(descriptor: int, before: os.stat_result) -> None:
    if os.name != "posix":
        return
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        # Somebody else's file in a shared folder: the new one is ours, as an editor's would be.
        with suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _sweep(folder: str, name: str) -> None:
    """Remove what an earlier run, killed while it wrote this file, left behind."""
    if os.name != "posix":
        return
    head, tail = f".{name}.", ".tmp"
    try:
        entries = os.listdir(folder)
    except OSError:  # A folder may be written to, and not listed.
        return
    for entry in entries:
        number = entry[len(head) : -len(tail)] if entry.startswith(head) and entry.endswith(tail) else ""
        if number.isascii() and number.isdigit() and len(number) < 10 and not _runs(int(number)):
            with suppress(OSError):
                os.unlink(os.path.join(folder, entry))


def _runs(process: int) -> bool:
    """Whether another process has this number."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: str) -> None:
    if os.name != "posix":
        return
    with suppress(OSError):  # Some folders may not be read, some file systems cannot; the file itself is safe.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# Messages


def say(lines: Iterable[str], end: str = "\n") -> None:
    """Messages on stderr. Nobody hears of a stderr that is closed."""
    stream = sys.stderr
    if stream is None or stream.closed:
        return
    try:
        for line in lines:
            stream.write(line if line.endswith("\n") else f"{line}{end}")
        stream.flush()
    except OSError:
        _abandon(stream)
