"""Lines out of a source as they come in: what is there now, as far as its last line end, is handed on at once."""

from __future__ import annotations

from collections.abc import Iterator

from backpropcli.errors import DataError
from backpropcli.records import NamedTuple
from backpropcli.streams import _fast
from backpropcli.streams._rows import Source

CHUNK = 1 << 18
MOST = 4096
"""Lines that are handed on at once, unless somebody says otherwise."""
LINE_LIMIT = 16 << 20
"""Bytes of a line."""
_END = 10
_SPACES = b" \t\r\n"
MARK = b"\xef\xbb\xbf"


class Lines(NamedTuple):
    """Some whole lines."""

    text: bytes
    """Each ends in a line feed; empty where there is one line that is too long."""
    first: int
    """The number of the first, from 1 on."""
    total: int


class LineReader:
    """The lines of a source, which is read no further than is asked for."""

    def __init__(self, source: Source) -> None:
        self.most = MOST
        """Lines that are handed on at once: short ones are many in a chunk, and each becomes objects."""
        self._source = source
        self._parts: list[bytes] = []
        """What has come of a line that has no end yet."""
        self._size = 0
        self._whole = b""
        """Whole lines that have come, and wait for those before them."""
        self._skips = False
        """Whether what comes is the rest of a line that is too long."""
        self._next = 1
        self._ended = False
        self._peeked: Lines | None = None

    def peek(self) -> Lines | None:
        """The next lines, which will come once more; None at the end."""
        if self._peeked is None:
            self._peeked = self._read()
        return self._peeked

    def begin(self) -> Lines | None:
        """The next lines, from the first that is not empty on; they will come once more. None where there is none."""
        while (lines := self.peek()) is not None and lines.text:
            empty = len(lines.text) - len(lines.text.lstrip(_SPACES))
            if empty < len(lines.text):
                start = lines.text.rfind(b"\n", 0, empty) + 1
                passed = lines.text.count(b"\n", 0, start)
                self._peeked = Lines(lines.text[start:], lines.first + passed, lines.total - passed)
                break
            self._peeked = None
        return self._peeked

    def __iter__(self) -> Iterator[Lines]:
        while (lines := self.peek()) is not None:
            self._peeked = None
            yield lines

    def _read(self) -> Lines | None:
        if self._whole:
            whole, self._whole = self._whole, b""
            return self._lines(whole)
        while not self._ended:
            chunk = self._source.some(CHUNK)
            if not chunk:
                self._ended = True
                rest = b"".join(self._parts)
                if self._size > LINE_LIMIT:
                    return self._too_long()
                return self._lines(rest + b"\n") if rest else None
            if self._skips:
                end = chunk.find(b"\n") + 1
                self._skips = not end
                chunk = chunk[end:] if end else b""
            end = chunk.rfind(b"\n") + 1
            if end:
                return self._up_to(chunk, end)
            self._parts.append(chunk)
            self._size += len(chunk)
            if self._size > LINE_LIMIT:
                self._parts, self._size, self._skips = [], 0, True
                return self._too_long()
        return None

    def _up_to(self, chunk: bytes, end: int) -> Lines:
        """The lines that end in this chunk; what follows the last end waits."""
        longest = self._size + chunk.find(b"\n")
        text = b"".join([*self._parts, chunk[:end]]) if self._parts else chunk[:end]
        self._parts = [chunk[end:]] if end < len(chunk) else []
        self._size = len(chunk) - end
        if longest > LINE_LIMIT:
            self._whole = text[longest + 1 :]
            return self._too_long()
        return self._lines(text)

    def _lines(self, text: bytes) -> Lines:
        first = self._next
        count = _fast.count(text, _END)
        if count > self.most:
            rest = text.split(b"\n", self.most)[-1]
            text, self._whole = text[: -len(rest)], rest
            count = self.most
        self._next += count
        return Lines(text.removeprefix(MARK) if first == 1 else text, first, count)

    def _too_long(self) -> Lines:
        self._next += 1
        return Lines(b"", self._next - 1, 1)


def too_long(place: str) -> DataError:
    """The error for such a line."""
    return DataError(f"{place} has more than {LINE_LIMIT:,} bytes, which is the limit", hint="write one point a line")


def check_mark(line: bytes, place: str) -> None:
    """Refuse a line that begins with a byte order mark; that of a file's first line is dropped before."""
    if line.startswith(MARK):
        raise DataError(
            f"{place} begins with a byte order mark, which only a file may",
            hint="drop it where files are put together, as in sed '1s/^\\xEF\\xBB\\xBF//'",
        )


def is_utf8(text: bytes) -> bool:
    """Whether it is UTF-8, strictly."""
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    return True
