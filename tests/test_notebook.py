"""What a notebook shows of a formula and of a report: asked as a notebook asks, without one."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reports import REPORTS, asked, branch, chain, lecture, named, wide
from test_rendering import HOSTILE

from backpropcli import Formula, Report
from backpropcli.rendering import Style, _html

PLAIN = {"div", "p", "b", "code", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "ul", "li"}


class Page(HTMLParser):
    """The page's elements, which must be plain ones and pair, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in PLAIN
        assert {name for name, _ in attrs} <= {"class", "style", "colspan"}
        assert not any(value and ("url" in value or "expression" in value) for _, value in attrs)
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    handle_decl = handle_pi = unknown_decl = handle_comment


def page(report: Report) -> Page:
    return Page("".join(_html.render(report, Style())))


def test_the_report_shows_the_lectures_tables() -> None:
    report = Formula(lecture().formula).at(x=4, y=3, nodes="steps")
    shown = Page(report._repr_html_())  # type: ignore[attr-defined]
    assert [row[0] for row in shown.rows if len(row) == 4] == [
        "node", "s σ(·)", "n ·+·", "q (·+·)^2", "d ·+·", "r 1/·", "z ·×·",
        "node", "z ·×·", "r 1/·", "d ·+·", "q (·+·)^2", "n ·+·", "s σ(·)", "x", "y",
    ]  # fmt: skip
    assert ["dz/dx", "-0.00759401"] in shown.rows
    assert "0.018013 sum" in "".join(shown.text)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_a_page_whose_tables_are_rectangles(name: str) -> None:
    shown = page(REPORTS[name]())
    assert "Reading:" in shown.text
    widths = [len(row) for row in shown.rows]
    assert min(widths) >= 1


@settings(max_examples=150, deadline=None)
@given(name=st.text(st.characters(exclude_categories=()), max_size=60) | st.sampled_from(HOSTILE))
@example(name="<script>alert(1)</script>")
@example(name='"><img src=x onerror=alert(1)>')
@example(name="'\"&amp;<!--")
@example(name="</td></table>")
@example(name="]]>")
def test_any_name_is_text(name: str) -> None:
    text = "".join(_html.render(named(name, 0.5), Style()))
    Page(text)
    assert "<script" not in text
    assert "<img" not in text


def test_what_was_asked_for_and_the_notes_are_there() -> None:
    text = "".join(page(asked()).text)
    assert "Hessian" in text
    assert "-1234.5" in text
    assert "d^3z/(dx^2 dy)" in text
    assert "the slope of sqrt(x) is infinite at x = 0" in "".join(page(branch()).text)


def test_of_thousands_of_rows_the_first_and_the_last_are_shown() -> None:
    shown = page(chain(5000))
    assert len(shown.rows) < 450
    assert ["… 4,800 more"] in shown.rows
    assert len(page(wide(5000)).rows) < 250
    many = branch()._replace(notes=branch().notes * 100)
    assert "".join(page(many).text).count("is infinite") == 50


def test_a_formula_shows_its_reading_and_its_variables() -> None:
    formula = Formula("2x + y < 3")
    bundle = formula._repr_mimebundle_()
    assert Page(bundle["text/html"]).text == ["((2*x) + y) < 3", " of ", "x", ", ", "y", "\n"]
    assert bundle["text/markdown"] == "`((2*x) + y) < 3` of `x`, `y`\n"
    assert bundle["text/plain"] == "Formula('2x + y < 3')"
    assert Formula("1 + 1")._repr_markdown_() == "`1 + 1`, a constant\n"
    assert "and 480 more" in Formula(" + ".join(f"x_{k}" for k in range(500)))._repr_html_()


def test_a_notebook_is_given_the_forms_that_it_asks_for() -> None:
    report = Formula("x*y").at(x=2, y=3)
    assert isinstance(report, Report)
    bundle = report._repr_mimebundle_()  # type: ignore[attr-defined]
    assert list(bundle) == ["text/plain", "text/html", "text/markdown"]
    assert bundle["text/plain"].startswith("Reading: x*y\n")
    assert bundle["text/markdown"].startswith("**Reading:** `x*y`\n")
    assert list(report._repr_mimebundle_(include=["text/html"])) == ["text/html"]  # type: ignore[attr-defined]
    assert list(report._repr_mimebundle_(exclude={"text/html"})) == ["text/plain", "text/markdown"]  # type: ignore[attr-defined]


def test_a_report_is_one_line_in_a_console() -> None:
    assert repr(Formula("x*y").at(x=2, y=3)) == (
        "Report('x*y', point={'x': 2.0, 'y': 3.0}, value=6.0, grad={'x': 3.0, 'y': 2.0})"
    )
    assert len(repr(Formula("sin(" * 1000 + "x" + ")" * 1000).at(x=2))) < 300


def test_reports_are_still_data() -> None:
    formula = Formula("x*y")
    assert formula.at(x=2, y=3) == formula.at(x=2, y=3)
    assert formula.at(x=2, y=3) != formula.at(x=2, y=4)
    assert formula.at(x=2, y=3)._replace(notes=()).value == 6.0


def test_renderers_are_loaded_only_when_something_is_shown() -> None:
    program = (
        "import sys; from backpropcli import Formula; Formula('x').at(x=1)\n"
        "print(*(name for name in sys.modules if name.startswith(('backpropcli.rendering', 'rich', 'html'))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
