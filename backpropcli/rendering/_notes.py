"""Notes and warnings as lines of text. They are no part of a table: the caller writes them beneath it, or to stderr.

A message says it all, convention and slopes included; these stand apart only in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

from backpropcli.rendering._style import Style, words
from backpropcli.report import Report

NOTES_SHOWN = 100

# Written by hand, since they accompany formats that do not load Rich: red for what is wrong, bold for the rest.
_COLORS = {"warning": "\x1b[1;31m", "note": "\x1b[1m"}
_PLAIN = "\x1b[0m"


def notes(report: Report, style: Style) -> Iterator[str]:
    """The report's notes, a line each, and at most a hundred of them."""
    for note in report.notes[:NOTES_SHOWN]:
        severity = words(note.severity, style)
        if style.color:
            severity = f"{_COLORS.get(note.severity, _COLORS['note'])}{severity}{_PLAIN}"
        yield f"{severity}: {words(note.message, style)}\n"
    more = len(report.notes) - NOTES_SHOWN
    if more > 0:
        yield f"... and {more:,} more\n"
