"""PrairieLearn's results.json, of one student: what an external grader writes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backpropcli.errors import visible
from backpropcli.homework.results import Marks, _words, the_one
from backpropcli.rendering import Style


def render(marks: Marks, style: Style) -> Iterator[str]:
    """The document; the score is between 0 and 1, and a sheet that cannot be read is not gradable."""
    result = the_one(marks, "prairielearn")
    if result.problem is not None:
        problem = visible(result.problem, 2000)
        document = {"gradable": False, "score": 0, "message": problem, "format_errors": [problem]}
    else:
        document = {
            "gradable": True,
            "score": round(result.score / result.max_score, 6) if result.max_score else 0,
            "message": f"first wrong step: {result.first_wrong}" if result.first_wrong else "",
            "output": _words.summary(result),
            "tests": [
                {
                    "name": _words.named(each),
                    "points": each.points,
                    "max_points": each.worth,
                    "message": visible(_words.message(each), 2000),
                }
                for each in result.answers
            ],
        }
    yield f"{json.dumps(document, indent=1, ensure_ascii=True)}\n"
