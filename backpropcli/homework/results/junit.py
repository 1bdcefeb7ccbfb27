"""JUnit's XML: a suite a student and a case an answer, for continuous integration."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from backpropcli.errors import visible
from backpropcli.homework.feedback import ToldResult
from backpropcli.homework.model import MISSING
from backpropcli.homework.results import Marks, _words, points
from backpropcli.rendering import Style


def render(marks: Marks, style: Style) -> Iterator[str]:
    """The document in pieces of a student each."""
    encoding = "UTF-8" if style.unicode else "US-ASCII"
    yield f'<?xml version="1.0" encoding="{encoding}"?>\n<testsuites name="{_text(marks.assignment, style)}">\n'
    for result in marks.results:
        yield _suite(result, marks, style)
    yield "</testsuites>\n"


def _suite(result: ToldResult, marks: Marks, style: Style) -> str:
    cases = [
        _case(each.question, _words.quantity(each), each.verdict, _words.message(each), style)
        for each in result.answers
    ]
    failed = sum([each.verdict in _words.FAILED for each in result.answers])
    skipped = sum([each.verdict == MISSING for each in result.answers])
    if result.problem is not None:
        cases, failed, skipped = [_broken(marks.assignment, result.problem, style)], 1, 0
    elif not cases:
        # Of the score alone there is one case.
        full = result.score >= result.max_score
        said = f"{points(result.score)} of {points(result.max_score)} points"
        cases, failed = [_case(marks.assignment, "score", "right" if full else "wrong", said, style)], int(not full)
    return (
        f'<testsuite name="{_text(result.student, style)}" tests="{len(cases)}" failures="{failed}" errors="0" '
        f'skipped="{skipped}">\n{"".join(cases)}</testsuite>\n'
    )


def _case(group: str, name: str, verdict: str, said: str, style: Style) -> str:
    head = f' <testcase classname="{_text(group, style)}" name="{_text(name, style)}"'
    if verdict == MISSING:
        return f'{head}><skipped message="{_text(said, style)}"/></testcase>\n'
    if verdict in _words.FAILED:
        return f'{head}><failure message="{_text(said, style)}"/></testcase>\n'
    return f"{head}/>\n"


def _broken(assignment: str, problem: str, style: Style) -> str:
    head = f' <testcase classname="{_text(assignment, style)}" name="the sheet">'
    return f'{head}<failure message="{_text(problem, style)}"/></testcase>\n'


def _text(text: str, style: Style) -> str:
    """A text inside of XML, without characters that it cannot hold."""
    shown = escape(visible(text, 2000), quote=True)
    return shown if style.unicode else shown.encode("ascii", "xmlcharrefreplace").decode()
