"""Notes and warnings as lines of text. They are no part of a table: the caller writes them beneath it, or to stderr."""

from __future__ import annotations

from collections.abc import Iterator

from backpropcli.rendering._style import Style, number, words
from backpropcli.report import Note, Report

NOTES_SHOWN = 100

# Written by hand, since they accompany formats that do not load Rich: red for what is wrong, bold for the rest.
_COLORS = {"warning": "\x1b[1;31m", "note": "\x1b[1m"}
_PLAIN = "\x1b[0m"


def notes(report: Report, style: Style) -> Iterator[str]:
    """The report's notes, one chunk of one or more whole lines each, and at most a hundred of them."""
    for note in report.notes[:NOTES_SHOWN]:
        yield _lines(note, style)
    more = len(report.notes) - NOTES_SHOWN
    if more > 0:
        yield f"... and {more:,} more\n"


def _lines(note: Note, style: Style) -> str:
    severity = words(note.severity, style)
    if style.color:
        severity = f"{_COLORS.get(note.severity, _COLORS['note'])}{severity}{_PLAIN}"
    lines = [f"{severity}: {words(note.message, style)}"]
    if note.convention is not None:
        lines.append(f"  convention: {words(note.convention, style)}")
    if note.one_sided is not None:
        left, right = (number(slope, style) for slope in note.one_sided)
        lines.append(f"  slopes: {left} from the left, {right} from the right")
    return "".join(f"{line}\n" for line in lines)
