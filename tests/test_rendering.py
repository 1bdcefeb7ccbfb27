"""The formats for people: the lecture's tables at any width, in any encoding, for any name."""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reports import REPORTS, asked, branch, chain, curved, lecture, named, outputs, tangents, wide

from backpropcli.errors import HIDDEN_CATEGORIES, BackpropError
from backpropcli.rendering import Style, formats, notes, renderer
from backpropcli.report import Note, Report

CASES = sorted((Path(__file__).parent / "cases" / "tables").glob("*.txt"))
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def rendered(report: Report, style: Style = Style(), form: str = "table") -> str:  # noqa: B008  (it is frozen)
    return "".join(renderer(form).render(report, style))


def case(command: str) -> str:
    """What a case's command prints: `REPORT [FORMAT] [--width N] [--digits N|full] [--ascii] [--only PART]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("report", choices=REPORTS)
    parser.add_argument("format", nargs="?", default="table", choices=formats())
    parser.add_argument("--width", type=int)
    parser.add_argument("--digits", default="6")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--only")
    asked_for = parser.parse_args(shlex.split(command))
    digits = None if asked_for.digits == "full" else int(asked_for.digits)
    style = Style(asked_for.width, digits=digits, unicode=not asked_for.ascii, only=asked_for.only)
    report = REPORTS[asked_for.report]()
    return rendered(report, style, asked_for.format) + "".join(
        notes(report, style) if asked_for.format == "table" else ()
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_prints_what_it_printed(path: Path) -> None:
    command, expected = path.read_text(encoding="utf-8").split("\n---\n", 1)
    assert case(command) == expected


# Formats


def test_formats_are_the_files_of_the_folder() -> None:
    assert set(formats()) >= {"json", "markdown", "table"}
    assert not any(name.startswith("_") for name in formats())


@pytest.mark.parametrize("name", formats())
def test_every_format_says_what_it_is_in_a_line(name: str) -> None:
    assert (renderer(name).__doc__ or "").splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", ["_style", "tabel", "", "..errors"])
def test_a_name_that_is_no_format_is_refused(name: str) -> None:
    with pytest.raises(BackpropError, match="there is no format") as refusal:
        renderer(name)
    assert "table" in (refusal.value.hint or "")


def test_listing_formats_and_writing_json_imports_neither_rich_nor_numpy() -> None:
    program = (
        "import sys; from backpropcli.rendering import formats, notes, renderer; formats(); renderer('json')\n"
        "print(*(name for name in ('rich', 'numpy') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


# The table


@pytest.mark.parametrize("width", [None, 80, 120])
def test_the_lectures_numbers_stand_row_by_row(width: int | None) -> None:
    text = rendered(lecture(), Style(width))
    forward, back = text.split("Backward pass", 1)
    order = re.findall(r"^(\w)  \S", forward, re.M)
    assert order == ["s", "n", "q", "d", "r", "z"]
    assert re.findall(r"^(\w)  \S", back, re.M) == order[::-1]
    for number in ("0.982014", "0.0176627", "4.98201", "49", "14", "49.982", "0.0200072", "-0.000400288", "0.0996761"):
        assert number in forward.split()
    for number in ("1", "4.98201", "-0.00199424", "-0.0279194", "0.0200072", "0.018013", "0.000318158"):
        assert number in back.split()
    assert text.splitlines()[-1] == "z = 0.0996761    dz/dx = -0.00759401    dz/dy = -0.0279194"


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [30, 43, 57, 66, 80, 120])
def test_no_line_is_longer_than_the_terminal(name: str, width: int) -> None:
    lines = rendered(REPORTS[name](), Style(width)).splitlines()
    assert max(map(len, lines)) <= width


def test_a_shared_node_has_a_line_a_use_and_their_sum() -> None:
    rows = rendered(lecture(), Style(80)).split("Backward pass", 1)[1].splitlines()
    start = next(index for index, line in enumerate(rows) if line.startswith("s  σ(·)"))
    assert [line.split() for line in rows[start : start + 4]] == [
        ["s", "σ(·)", "0.0200072", "via", "n", "x", "0.0176627", "x", "0.000318158"],
        ["-0.00199424", "via", "d"],
        ["─" * 12],
        ["0.018013", "sum"],
    ]


def test_decimal_points_stand_below_each_other() -> None:
    lines = rendered(lecture(), Style(80)).splitlines()
    forward = lines[lines.index("Forward pass: x = 4, y = 3") + 4 :][:10]
    outputs_ = [line[28:40] for line in forward]
    assert {text.index(".") for text in outputs_ if "." in text} == {outputs_[3].index("49") + 2}


def test_without_a_limit_nothing_is_clipped() -> None:
    report = named("a_very_long_name_" * 3, 1 / 3)
    text = rendered(report, Style(None))
    assert "…" not in text
    assert "a_very_long_name_" * 3 in text


def test_names_and_formulas_give_way_to_numbers() -> None:
    text = rendered(named("a_very_long_name_" * 3, -1.7976931348623157e308), Style(100, digits=None))
    assert "…" in text
    assert "-1.7976931348623157e308" in text.split()


def test_what_the_output_does_not_depend_on_has_no_path() -> None:
    back = rendered(branch(), Style(80)).split("Backward pass", 1)[1]
    assert re.search(r"^v1  log\(·\) +no path$", back, re.M)
    assert re.search(r"^w +no path$", back, re.M)
    assert not re.search(r"^c\b", back, re.M), "what is not differentiated is left out"


def test_forward_mode_shows_tangents_in_place_of_the_backward_pass() -> None:
    text = rendered(REPORTS["forward"](), Style(80))
    assert "Backward" not in text
    assert "do/dx" in text
    assert re.search(r"^r  1/· +-0\.0056111 +-0\.00560403$", text, re.M)
    assert "Backward" in rendered(tangents(), Style(80))


def test_several_outputs_have_values_and_no_backward_pass() -> None:
    text = rendered(outputs(), Style(80))
    assert "Backward" not in text
    assert text.splitlines()[-1] == "p = 1e-300    q = 1"


def test_wide_grids_go_on_below() -> None:
    report = curved(9)
    text = rendered(report, Style(60))
    assert text.count("do/dw_") == 9
    for row in report.extras["hessian"]["matrix"]:
        assert {f"{entry:.6g}" for entry in row} <= set(text.split())


def test_of_thousands_of_rows_the_first_and_the_last_are_shown() -> None:
    lines = rendered(chain(5000), Style(80)).splitlines()
    assert len(lines) < 450
    assert sum(line == "… 4,800 more, all in --json" for line in lines) == 1
    assert sum(line == "… 4,801 more, all in --json" for line in lines) == 1
    assert any(line.startswith("v100 ") for line in lines)
    assert any(line.startswith("v4901 ") for line in lines)


def test_of_thousands_of_inputs_uses_and_variables_some_are_shown() -> None:
    lines = rendered(wide(5000), Style(80)).splitlines()
    assert len(lines) < 120
    assert sum("… 4,980 more" in line for line in lines) == 5


@pytest.mark.parametrize(
    ("only", "shown", "hidden"),
    [
        ("value", ["z = 12"], ["dz/dx", "pass", "Hessian", "Reading"]),
        ("grad", ["dz/dx = 3", "dz/dy = 4"], ["z = 12", "pass", "Hessian", "Reading"]),
        ("tables", ["Forward pass", "Backward pass"], ["z = 12", "Hessian", "Reading"]),
    ],
)
def test_one_part_alone(only: str, shown: list[str], hidden: list[str]) -> None:
    text = rendered(asked(), Style(80, only=only))
    assert all(part in text for part in shown)
    assert not any(part in text for part in hidden)


def test_extras_are_shown_even_if_they_are_new() -> None:
    text = rendered(asked()._replace(extras={"surprise": {"ok": True}, "volume": [[1.0, math.inf]]}), Style(80))
    assert "ok = True" in text
    assert "volume = [1  inf]" in text


# Colour and streams


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [30, 80])
def test_colour_changes_no_text(name: str, width: int) -> None:
    plain, colored = (rendered(REPORTS[name](), Style(width, color=color)) for color in (False, True))
    assert "\x1b" not in plain
    assert [line.rstrip() for line in ESCAPES.sub("", colored).splitlines()] == plain.splitlines()


def test_only_basic_colours_that_both_themes_can_show() -> None:
    codes = {
        code for run in ESCAPES.findall(rendered(branch(), Style(80, color=True))) for code in run[2:-1].split(";")
    }
    assert codes <= {"0", "1", "2", "31", "32", "35"}


def test_titles_are_bold_and_what_follows_them_is_not() -> None:
    text = rendered(lecture(), Style(80, color=True))
    assert "\x1b[1mForward pass: \x1b[0mx = 4, y = 3\n" in text
    assert "\x1b[1mReading: \x1b[0ms = sigmoid(x);" in text


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, colored = (rendered(lecture(), Style(80, color=color)) for color in (False, True))
    for variable, value in {
        "FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "30", "LINES": "3", "TERM": "dumb", "COLORTERM": "truecolor",
        "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "JUPYTER_COLUMNS": "20",
    }.items():  # fmt: skip
        monkeypatch.setitem(os.environ, variable, value)
    assert rendered(lecture(), Style(80)) == plain
    assert rendered(lecture(), Style(80, color=True)) == colored


@pytest.mark.parametrize("form", formats())
@pytest.mark.parametrize("name", REPORTS)
def test_ascii_where_the_encoding_is_not_utf8(name: str, form: str) -> None:
    report, style = REPORTS[name](), Style(80, unicode=False)
    assert (rendered(report, style, form) + "".join(notes(report, style))).isascii()


def test_formulas_in_ascii_are_written_as_one_types_them() -> None:
    text = rendered(lecture()._replace(reading="σ(x₁₂)·θ² − 2·√(α)·x⁻¹"), Style(80, unicode=False))
    assert "Reading: sigma(x_12)*theta^2 - 2*sqrt(alpha)*x^(-1)" in text
    assert "sigma(x)*sigma(-x) = " in text
    assert "(.+.)^2" in text


# Any number, any name

NUMBERS = st.floats() | st.floats(-100, 100).map(lambda number: round(number, 3))
HOSTILE = [
    "\x1b[31mred",
    "\x9b31m",
    "\u202egnp",
    "[red]x",
    "[/foo]",
    "[link=file:]x",
    ":smile:",
    "a|b",
    "`x`",
    "<b>",
    "\r\n",
    "\0",
    "\u200d",
]
NAMES = st.text(st.characters(exclude_categories=()), max_size=80) | st.sampled_from(HOSTILE)


@settings(max_examples=80, deadline=None)
@given(number=NUMBERS, width=st.integers(1, 200), full=st.booleans(), unicode=st.booleans(), name=NAMES)
@example(number=-1.7976931348623157e308, width=20, full=True, unicode=True, name="θ_1")
@example(number=-2.2250738585072014e-308, width=41, full=True, unicode=False, name="x")
@example(number=1 / 3, width=80, full=True, unicode=True, name="e\u0301\u0301")
@example(number=1 / 3, width=60, full=True, unicode=True, name="\u0301x")
@example(number=1 / 3, width=60, full=True, unicode=True, name="日本☺\ufe0f")
def test_every_digit_is_shown_at_any_width(number: float, width: int, full: bool, unicode: bool, name: str) -> None:
    style = Style(width, digits=None if full else 6, unicode=unicode)
    text = rendered(named(name, number), style)
    wanted = repr(number) if full else f"{number or 0.0:.6g}"
    assert f"{number}".isascii()
    shown = [word for word in re.split(r"[\s,]+", text) if word == canonical(wanted)]
    # point, input, output, partial, four in the backward pass, two uses, tangent, and so on
    assert len(shown) >= 12


def canonical(number: str) -> str:
    """As tables write it: no `.0`, and no zeros in the exponent."""
    return re.sub(r"e([+-])0*", lambda sign: "e" + sign[1].replace("+", ""), re.sub(r"\.0(?=e|$)", "", number))


@settings(max_examples=80, deadline=None)
@given(name=NAMES, width=st.none() | st.integers(1, 130), color=st.booleans(), form=st.sampled_from(formats()))
def test_nothing_of_a_name_moves_the_cursor(name: str, width: int | None, color: bool, form: str) -> None:
    report, style = named(name, 0.5), Style(width, color=color)
    text = rendered(report, style, form) + "".join(notes(report, style))
    plain = ESCAPES.sub("", text) if color else text
    assert not [
        character for character in plain if character != "\n" and unicodedata.category(character) in HIDDEN_CATEGORIES
    ]


@pytest.mark.parametrize("name", ["[red]x", "[/foo]", "[link=file:///x]y[/link]", ":smile:", "[bold]"])
def test_markup_in_names_is_text(name: str) -> None:
    report, style = named(name, 0.5), Style(None, color=True)
    text = ESCAPES.sub("", rendered(report, style) + "".join(notes(report, style)))
    assert f"Reading: {name}\n" in text
    assert f"note: {name}\n" in text
    assert text.count(name) >= 15


# Notes


def test_notes_are_a_line_each() -> None:
    lines = "".join(notes(branch(), Style())).splitlines()
    assert lines == [
        "warning: the slope of sqrt(x) is infinite at x = 0",
        "note: if(c, a, b) jumps at c = 0; only the taken arm counts",
    ]
    assert not list(notes(lecture(), Style()))


def test_at_most_a_hundred_notes() -> None:
    many = lecture()._replace(notes=tuple(Note("note", None, "kink", f"kink {i}") for i in range(1234)))
    lines = "".join(notes(many, Style())).splitlines()
    assert len(lines) == 101
    assert lines[-1] == "... and 1,134 more"


# Markdown


@settings(max_examples=60, deadline=None)
@given(name=NAMES)
@example(name="a|b")
@example(name="`x`|")
@example(name="\\|")
@example(name="[x](http://example.com)")
@example(name="_x_ *y* ~~z~~ <b>")
def test_markdown_tables_hold_any_name_as_text(name: str) -> None:
    document = rendered(named(name, 0.5), Style(), "markdown")
    tokens = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).parse(document)
    rows = [token for token in tokens if token.type in ("tr_open", "th_open", "td_open")]
    counts = [len(cells.split()) for cells in " ".join(token.tag for token in rows).split("tr")[1:]]
    assert sorted(set(counts)) == [2, 4]
    inline = [child.type for token in tokens for child in token.children or ()]
    assert set(inline) <= {"text", "text_special", "strong_open", "strong_close", "code_inline"}


def test_markdown_leaves_no_row_out() -> None:
    document = rendered(chain(1000), Style(), "markdown")
    assert len(re.findall(r"^\| \*\*v\d+\*\*", document, re.M)) == 2000


if __name__ == "__main__":  # Writes the cases anew, to be looked at before they are committed.
    for path in CASES:
        command = path.read_text(encoding="utf-8").split("\n", 1)[0]
        path.write_text(f"{command}\n---\n{case(command)}", encoding="utf-8")
