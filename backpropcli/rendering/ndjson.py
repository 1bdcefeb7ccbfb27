"""NDJSON: the document of `json` on a single line, so that results can be appended to a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backpropcli.rendering import json
from backpropcli.rendering._style import Style
from backpropcli.report import Report

# A line of the JSON document ends between its keys and items only: inside of a text a newline is escaped.
_BREAK = re.compile(r"(,?)\n +")


def render(report: Report, style: Style) -> Iterator[str]:
    """The pieces of the JSON document without what breaks its lines."""
    for piece in json.render(report, style):
        yield _BREAK.sub(_joined, piece) if "\n" in piece else piece


def _joined(found: re.Match[str]) -> str:
    return ", " if found[1] else ""
