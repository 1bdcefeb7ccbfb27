"""Bytes and text out of files and standard input: capped, never hanging on a pipe, said plainly when they fail."""

from __future__ import annotations

import os
import stat
import sys

from backpropcli.errors import BackpropError, DataError, visible

TEXT_LIMIT = 1 << 20
"""Bytes of a formula's file, unless `--max-chars` says more."""
DATA_LIMIT = 16 << 20
"""Bytes of a file or stream that holds a point or a value."""

_CHUNK = 1 << 16


def file_bytes(path: str, limit: int = DATA_LIMIT, option: str = "") -> bytes:
    """The contents of a regular file, or of a pipe that somebody writes to; at most `limit` bytes.

    `option` is what raises the limit, if anything does.
    """
    try:
        return _contents(path, limit, option)
    except (OSError, ValueError) as problem:
        hint = "check its name, and the folder you are in" if path else "give a file's name"
        raise DataError(f"{named(path)} cannot be read: {reason(problem)}", hint=hint) from None


def _contents(path: str, limit: int, option: str) -> bytes:
    # Opened without blocking, since opening a pipe that nobody writes to would otherwise wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise DataError(f"{named(path)} is a folder, not a file", hint="name a file in it")
        if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):
            raise DataError(f"{named(path)} is a device, not a file", hint="to read standard input, write -")
        contents = _drained(descriptor, limit)
        if stat.S_ISFIFO(kind) and not contents:
            raise DataError(f"{named(path)} is a pipe that nobody writes to", hint="start its writer first")
        size = os.fstat(descriptor).st_size if stat.S_ISREG(kind) else None
    finally:
        os.close(descriptor)
    if len(contents) > limit:
        raise _too_large(named(path), size, limit, option)
    return contents


def _drained(descriptor: int, limit: int) -> bytes:
    """Everything up to the end, or a byte more than `limit`; waits for a writer that is there but slow."""
    chunks: list[bytes] = []
    size = 0
    while size <= limit:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            import select

            select.select([descriptor], [], [])
            continue
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def standard_input(what: str, limit: int = DATA_LIMIT, option: str = "") -> bytes:
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
        raise _too_large("standard input", None, limit, option)
    return contents


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


def named(path: str) -> str:
    """A file's name as a message shows it."""
    return visible(path, 100) if path else "a file without a name"


def reason(problem: Exception) -> str:
    """What the system says went wrong, in a few words."""
    said = getattr(problem, "strerror", None) or str(problem)
    return f"{said[:1].lower()}{said[1:]}"


def _too_large(name: str, size: int | None, limit: int, option: str) -> DataError:
    """What to say of a source of this size; None where its end was not seen."""
    if size is None or size <= limit:
        message = f"{name} has more than {limit:,} bytes, which is the limit"
    else:
        message = f"{name} has {size:,} bytes, and the limit is {limit:,}"
    hint = "leave out what the formula has no variable for, or give the values as options"
    return DataError(message, hint=f"raise the limit, as in {option} {size or 4 * limit}" if option else hint)
