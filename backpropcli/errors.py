"""What a user can be told: a message, the place it is about, and a way out."""

from __future__ import annotations

import functools

from backpropcli.records import NamedTuple

MESSAGE_WIDTH = 400
SOURCE_WIDTH = 76

# Characters that draw nothing or redraw something else: never sent to a terminal as they are.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Span(NamedTuple):
    """The half-open range of characters, in the text as the user wrote it, that a message is about."""

    start: int
    end: int


class BackpropError(Exception):
    """Something that the user is told and can mend.

    `source` and `span` say where; `hint` is what to try, a full sentence or an option; `exit_code` is 2 for usage,
    syntax and values that cannot be had.
    """

    exit_code = 2

    def __init__(self, message: str, *, source: str = "", span: Span | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.span = span
        self.hint = hint

    def placed(self, source: str, span: Span | None) -> BackpropError:
        """The same error, said of this place where it had none."""
        if self.span is None:
            self.source, self.span = source, span
        return self


class DataError(BackpropError):
    """Data that cannot be read: a bad row, a missing file, a point that is no JSON."""

    exit_code = 3


def visible(text: str, width: int = MESSAGE_WIDTH) -> str:
    """Untrusted text as it may be shown: control, format and bidirectional characters spelled out, cut at `width`.

    Everything of a user's that reaches a terminal goes through here, since neither Rich nor Click protects one.
    """
    if len(text) > width:
        text = text[: width - 3] + "..."
    if text.isprintable():  # Then it holds nothing of those categories.
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    import unicodedata

    if unicodedata.category(character) not in HIDDEN_CATEGORIES:
        return character
    return f"<U+{ord(character):04X}>"


def described(error: BackpropError) -> str:
    """The error as it is printed on stderr: one line, the place under a caret, and the hint."""
    lines = [f"error: {visible(error.message)}"]
    if error.span is not None and error.source.strip():
        lines += _place(error.source, error.span)
    if error.hint:
        lines.append(f"hint: {visible(error.hint)}")
    return "\n".join(lines)


def _place(source: str, span: Span) -> list[str]:
    """The line of source around the span, clipped, with its number if there are several, and carets under it."""
    # A tab is a space to whoever reads the line, and one column, so that the caret stays at its place.
    source = source.replace("\t", " ")
    start = min(max(span.start, 0), len(source))
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", start)
    last = len(source) if last < 0 else last
    end = min(max(span.end, start + 1), max(last, start + 1))

    left = max(first, min(start - SOURCE_WIDTH // 2, last - SOURCE_WIDTH))
    right = min(last, left + SOURCE_WIDTH)
    before = ("..." if left > first else "") + source[left:start]
    marked = source[start : min(end, right)]
    after = source[min(end, right) : right] + ("..." if right < last else "")

    # Measured after `visible`, so that a spelled-out character does not move the caret off its place.
    shown_before, shown_marked = visible(before), visible(marked)
    line = shown_before + shown_marked + visible(after)
    # Of several lines the number says which one it is.
    number = f"{source.count(chr(10), 0, start) + 1:,} " if "\n" in source.strip() else ""
    carets = " " * columns(shown_before) + "^" * max(columns(shown_marked), 1)
    return [f"  {number}| {line}".rstrip(), f"  {' ' * len(number)}| {carets}"]


def columns(text: str) -> int:
    """The number of terminal columns that visible text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum([1 if character < "\x80" else _width(character) for character in text])


@functools.cache
def _width(character: str) -> int:
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
