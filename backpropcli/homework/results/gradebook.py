"""A gradebook in CSV: a row a student; no cell that a spreadsheet would execute."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from backpropcli.homework.model import FOLLOW_THROUGH, MISSING, WRONG
from backpropcli.homework.results import Marks, points
from backpropcli.rendering import Style
from backpropcli.rendering.csv import guarded

COLUMNS = (
    "student", "assignment", "score", "max_score", "percent", "wrong", "follow_through", "missing", "first_wrong",
    "misconceptions",
)  # fmt: skip


def render(marks: Marks, style: Style) -> Iterator[str]:
    """The header and the rows, a row a piece; what the level does not tell is left empty."""
    file = StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in marks.results:
        counts = [None if result.counts is None else result.counts[key] for key in (WRONG, FOLLOW_THROUGH, MISSING)]
        writer.writerow(
            [
                guarded(result.student, unicode=style.unicode),
                marks.assignment,
                points(result.score),
                points(result.max_score),
                points(result.percent),
                *counts,
                guarded(result.first_wrong or "", unicode=style.unicode),
                " ".join(result.misconceptions or ()),
            ]
        )
        yield file.getvalue()
        file.seek(0)
        file.truncate()
    yield file.getvalue()
