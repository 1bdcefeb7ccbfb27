"""Bytes and text out of files and standard input: capped, never hanging on a pipe, said plainly when they fail."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from backpropcli.errors import BackpropError, DataError, visible

TEXT_LIMIT = 1 << 20
"""Bytes of a formula's file, unless `--max-chars` says more."""
DOCUMENT_LIMIT = 4 << 20
"""Bytes of a document that formulas are picked from."""
DATA_LIMIT = 16 << 20
"""Bytes of a file or stream that holds a point or a value."""

WRITTEN_IN = {
    **dict.fromkeys((".md", ".markdown", ".mkd", ".qmd", ".rmd"), "markdown"),
    **dict.fromkeys((".tex", ".latex", ".ltx"), "latex"),
}
"""What a file of text is written in, by the end of its name."""

_CHUNK = 1 << 16


def file_bytes(
    path: str, limit: int = DATA_LIMIT, option: str = "", way_out: str | None = None, *, foreign: bool = False
) -> bytes:
    """The contents of a regular file, or of a pipe that somebody writes to; at most `limit` bytes.

    `option` is what raises the limit, if anything does; `way_out` what else there is to do about a larger file. A
    `foreign` file was put there by somebody else: it is no link to another one, and no pipe.
    """
    with opened(path, foreign=foreign) as file:
        contents = file.read(limit + 1)
        if len(contents) > limit:
            raise _too_large(named(path), file.size, limit, option, way_out)
    return contents


class OpenFile:
    """A regular file, or a pipe that somebody writes to, read from its beginning on."""

    def __init__(self, stream: io.FileIO, shown: str, *, pipe: bool) -> None:
        self.size = None if pipe else os.fstat(stream.fileno()).st_size
        """In bytes; None where nobody knows."""
        self._stream = stream
        self._nobody = DataError(f"{shown} is a pipe that nobody writes to", hint="start its writer first")
        self._begun = not pipe

    def read(self, count: int) -> bytes:
        """The next so many bytes; fewer at the end only."""
        chunks: list[bytearray] = []
        left = count
        while left > 0:
            chunk = bytearray(min(left, _CHUNK))
            got = self._some(memoryview(chunk))
            if not got:
                break
            chunks.append(chunk[:got])
            left -= got
        return b"".join(chunks)

    def some(self, count: int) -> bytes:
        """What is there now, at most so many bytes; nothing at the end only."""
        chunk = bytearray(count)
        return bytes(memoryview(chunk)[: self._some(memoryview(chunk))])

    def random(self) -> io.FileIO | None:
        """The file itself, to be read at any place, where it is regular."""
        return self._stream if self.size is not None else None

    def fill(self, view: memoryview) -> int:
        """The number of bytes that were read into the view; fewer than it holds at the end only."""
        filled = 0
        while filled < len(view):
            got = self._some(view[filled:])
            if not got:
                break
            filled += got
        return filled

    def _some(self, view: memoryview) -> int:
        """The number of bytes that are there now, 0 at the end; waits for a writer that is slow."""
        while (got := self._stream.readinto(view)) is None:
            import select

            select.select([self._stream], [], [])
        if not got and not self._begun:
            raise self._nobody
        self._begun = True
        return got


@contextmanager
def opened(path: str, *, foreign: bool = False) -> Iterator[OpenFile]:
    """The file, opened to be read; whatever goes wrong with it is said plainly."""
    # Opened without blocking, since opening a pipe that nobody writes to would otherwise wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    if foreign:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as problem:
        if foreign and getattr(problem, "errno", None) == errno.ELOOP:
            raise DataError(
                f"{named(path)} is a link to another file, and is not followed", hint="hand in the file itself"
            ) from None
        raise _unreadable(path, problem) from None
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise DataError(f"{named(path)} is a folder, not a file", hint="name a file in it")
        pipe = stat.S_ISFIFO(kind)
        if pipe and foreign:
            raise DataError(f"{named(path)} is a pipe, not a file", hint="to read standard input, write -")
        if not (stat.S_ISREG(kind) or pipe):
            raise DataError(f"{named(path)} is a device, not a file", hint="to read standard input, write -")
        yield OpenFile(io.FileIO(descriptor, closefd=False), named(path), pipe=pipe)
    except OSError as problem:
        raise _unreadable(path, problem) from None
    finally:
        os.close(descriptor)


def _unreadable(path: str, problem: Exception) -> DataError:
    hint = "check its name, and the folder you are in" if path else "give a file's name"
    return DataError(f"{named(path)} cannot be read: {reason(problem)}", hint=hint)


def standard_input(what: str, limit: int = DATA_LIMIT, option: str = "", way_out: str | None = None) -> bytes:
    """Everything on standard input, which is to hold `what`."""
    if sys.stdin is None or sys.stdin.closed:
        raise BackpropError(f"{what} is to come from standard input, which is closed")
    if sys.stdin.isatty():
        sys.stderr.write(f"reading {what} from the terminal; end with Ctrl-D\n")
    try:
        contents = sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as problem:
        raise DataError(f"standard input cannot be read: {reason(problem)}") from None
    if len(contents) > limit:
        raise _too_large("standard input", None, limit, option, way_out)
    return contents


class StandardInput:
    """Standard input, read as it comes in; it is to hold `what`."""

    size: int | None = None

    def __init__(self, what: str) -> None:
        if sys.stdin is None or sys.stdin.closed:
            raise BackpropError(f"{what} are to come from standard input, which is closed")
        if sys.stdin.isatty():
            sys.stderr.write(f"reading {what} from the terminal; end with Ctrl-D\n")
        self._stream = cast(io.BufferedReader, sys.stdin.buffer)

    def some(self, count: int) -> bytes:
        """What is there now, at most so many bytes; waits where there is nothing; nothing at the end only."""
        try:
            return bytes(self._stream.read1(count))
        except (OSError, ValueError) as problem:
            raise DataError(f"standard input cannot be read: {reason(problem)}") from None

    def random(self) -> io.FileIO | None:
        """None: what has been read is gone."""
        return None


def decoded(contents: bytes, name: str) -> str:
    """UTF-8 text, its byte order mark dropped and its line ends made Unix's; NUL is refused."""
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{name} is not UTF-8 text: byte {problem.start + 1} is 0x{contents[problem.start]:02X}",
            hint="save it as UTF-8",
        ) from None
    if "\0" in text:
        raise DataError(
            f"{name} holds a NUL character at {text.index(chr(0)) + 1}, so it is no text", hint="give a text file"
        )
    return text.replace("\r\n", "\n")


def written_in(path: str) -> str | None:
    """What a file is written in, as its name says; None where that says nothing."""
    return WRITTEN_IN.get(os.path.splitext(path)[1].lower())


def named(path: str) -> str:
    """A file's name as a message shows it."""
    return visible(path, 100) if path else "a file without a name"


def reason(problem: Exception) -> str:
    """What the system says went wrong, in a few words."""
    said = getattr(problem, "strerror", None) or str(problem)
    return f"{said[:1].lower()}{said[1:]}"


def _too_large(name: str, size: int | None, limit: int, option: str, way_out: str | None = None) -> DataError:
    """What to say of a source of this size; None where its end was not seen."""
    if size is None or size <= limit:
        message = f"{name} has more than {limit:,} bytes, which is the limit"
    else:
        message = f"{name} has {size:,} bytes, and the limit is {limit:,}"
    hint = way_out or "leave out what the formula has no variable for, or give the values as options"
    return DataError(message, hint=f"raise the limit, as in {option} {size or 4 * limit}" if option else hint)
