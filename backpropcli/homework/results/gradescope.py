"""Gradescope's results.json, of one student: an autograder's run."""

from __future__ import annotations

import json
from collections.abc import Iterator

from backpropcli.errors import visible
from backpropcli.homework.model import FOLLOW_THROUGH, MISSING
from backpropcli.homework.results import Marks, _words, the_one
from backpropcli.rendering import Style


def render(marks: Marks, style: Style) -> Iterator[str]:
    """The document; its tests are the answers, as far as the level tells of them."""
    result = the_one(marks, "gradescope")
    tests = [
        {
            "name": _words.named(each),
            "score": each.points,
            "max_score": each.worth,
            "status": "failed" if each.verdict in _words.FAILED or each.verdict == MISSING else "passed",
            "output": visible(_words.message(each), 2000),
            "visibility": "visible",
            **({"tags": ["follow_through"]} if each.verdict == FOLLOW_THROUGH else {}),
        }
        for each in result.answers
    ]
    first = f"\nfirst wrong step: {result.first_wrong}" if result.first_wrong else ""
    document = {
        "score": result.score,
        "output": visible(result.problem or "", 2000) or f"{_words.summary(result)}{first}",
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }
    if result.max_score and not tests:
        document["tests"] = [{"name": marks.assignment, "score": result.score, "max_score": result.max_score}]
    yield f"{json.dumps(document, indent=1, ensure_ascii=True)}\n"
