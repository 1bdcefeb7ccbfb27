"""`backprop check`: a class and one's own numbers, in every format, and never a word more than the level allows."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import classroom
import jsonschema
import pytest

from backpropcli import output
from backpropcli.cli import main
from backpropcli.homework import worksheet
from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.results import _schema, formats

LECTURE = "s = σ(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r"
ONE = ("gradescope", "prairielearn")
"""Formats that are about one student."""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def backprop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "t4.toml").write_text(classroom.text(), encoding="utf-8")
    (tmp_path / "sheets").mkdir()
    for path in classroom.SHEETS.glob("*.md"):
        (tmp_path / "sheets" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def marks(text: str) -> dict[str, dict[str, object]]:
    """By student what a JSON document says."""
    return {student["student"]: student for student in json.loads(text)["students"]}


# A class


def test_the_printed_numbers_of_the_lecture_are_right(backprop, folder) -> None:
    found = marks(backprop("check", "t4.toml", "sheets/s01.md", "--json").out)["s01"]
    verdicts = [(answer["verdict"], answer["claimed"]) for answer in found["answers"]]
    assert [verdict for verdict, _ in verdicts].count("right") == 34
    assert [each for each in verdicts if each[0] != "right"] == [("right_by_rounding", "-0.00758")]
    assert (found["score"], found["max_score"], found["percent"]) == (36, 36, 100)


def test_three_errors_cost_three_steps(backprop, folder) -> None:
    found = marks(backprop("check", "t4.toml", "sheets/s02.md", "--json", "--level", "hint").out)["s02"]
    counts = [answer["verdict"] for answer in found["answers"]]
    assert {verdict: counts.count(verdict) for verdict in set(counts)} == {
        "wrong": 3,
        "follow_through": 10,
        "right_by_rounding": 1,
        "right": 20,
    }
    assert (found["score"], found["first_wrong"], found["wrong"], found["follow_through"]) == (33, "local ds/dx", 3, 10)
    named = [
        name for answer in found["answers"] if answer["verdict"] == "wrong" for name in answer["misconceptions"][:1]
    ]
    assert named == ["sigmoid_prime_is_sigmoid", "reciprocal_minus_dropped", "fanout_one_branch_only"]


def test_a_sheet_that_cannot_be_read_is_told_of_and_the_class_is_marked(backprop, folder) -> None:
    (folder / "sheets" / "s06.md").symlink_to("s01.md")
    (folder / "sheets" / "s07.md").write_bytes(b"\xff\xfe")
    ran = backprop("check", "t4.toml", "sheets", "--json")
    assert ran.code == 0
    assert ran.err == (
        "warning: sheets/s05.md answers the assignment bp-t3, and not bp-t4\n"
        "warning: sheets/s06.md is a link to another file, and is not followed\n"
        "warning: sheets/s07.md is not UTF-8 text: byte 1 is 0xFF\n"
    )
    found = marks(ran.out)
    assert [student["score"] for student in found.values()] == [36, 33, 31, 2, 0, 0, 0]
    assert found["s05"]["missing"] == 34
    assert found["s05"]["wrong"] == 0


def test_the_only_sheet_has_to_be_readable(backprop, folder) -> None:
    ran = backprop("check", "t4.toml", "sheets/s05.md")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: sheets/s05.md answers the assignment bp-t3")


def test_two_sheets_of_a_student_are_marked_and_said(backprop, folder) -> None:
    (folder / "sheets" / "again.md").write_text(classroom.sheet("s01"), encoding="utf-8")
    (folder / "sheets" / "s05.md").unlink()
    ran = backprop("check", "t4.toml", "sheets", "--format", "gradebook")
    assert ran.err == "note: s01 has 2 sheets, each marked by itself: sheets/again.md, sheets/s01.md\n"
    assert ran.out.count('"s01"') == 2


def test_a_sheet_in_which_nothing_is_found_is_named(backprop, folder) -> None:
    """A table without its header or its question would else look like a student who has done nothing."""
    (folder / "sheets" / "s02.md").write_text("# q1\n\n|a|b|\n|-|-|\n|s|0.98|\n", encoding="utf-8")
    (folder / "form.csv").write_text("student,dz/dx\ns06,-0.0076\ns07,\n", encoding="utf-8")
    ran = backprop("check", "t4.toml", "sheets/s01.md", "sheets/s02.md", "form.csv")
    assert ran.code == 0
    assert ran.err == (
        "note: sheets/s02.md: no table or line under a question is one of the sheet that backprop worksheet prints\n"
    )
    blank = backprop("worksheet", "t4.toml").out
    (folder / "sheets" / "s02.md").write_text(blank, encoding="utf-8")
    assert backprop("check", "t4.toml", "sheets/s02.md").err == "note: sheets/s02.md answers nothing that is asked\n"


def test_rows_that_are_passed_over_are_told_of_every_students_file(backprop, folder) -> None:
    sheet = classroom.sheet("s01").replace("| r    |", "| rr   |", 1)
    (folder / "sheets" / "s01.md").write_text(sheet, encoding="utf-8")
    ran = backprop("check", "t4.toml", "sheets")
    assert "note: sheets/s01.md, line 16 is passed over: the question has no node rr\n" in ran.err


def test_a_question_that_cannot_be_marked_is_named(backprop, folder) -> None:
    (folder / "array.toml").write_text(
        'id = "hw"\n[[question]]\nid = "q7"\nformula = "x@W"\nat = { x = [1, 2], W = [[1, 2], [3, 4]] }\n',
        encoding="utf-8",
    )
    ran = backprop("check", "array.toml", "sheets")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: hw, question q7: a question's output is one number")


def test_a_class_comes_from_standard_input_too(backprop, folder) -> None:
    text = '[{"student": "a", "answers": {"dz/dx": -0.0076}}, {"student": "b", "answers": {"dz/dx": 1}}]'
    found = marks(backprop("check", "t4.toml", "-", "--json", stdin=text).out)
    assert [student["score"] for student in found.values()] == [2, 0]
    assert marks(backprop("check", "t4.toml", "-", "--json", stdin=classroom.sheet("s01")).out)["s01"]["score"] == 36


def test_one_student_of_a_class_is_told_about_every_answer(backprop, folder) -> None:
    alone = backprop("check", "t4.toml", "sheets", "--student", "s02").out
    assert alone == backprop("check", "t4.toml", "sheets/s02.md").out
    ran = backprop("check", "t4.toml", "sheets", "--student", "s20")
    assert ran.code == 2
    assert "there is no student s20" in ran.err


def test_marks_are_compared_with_earlier_ones(backprop, folder) -> None:
    backprop("check", "t4.toml", "sheets", "--json", "-o", "old.json")
    nothing = json.loads(backprop("check", "t4.toml", "sheets", "--json", "--against", "old.json").out)
    assert nothing["changes"] == []
    path = folder / "t4.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"full"', '"half"'), encoding="utf-8")
    (folder / "sheets" / "s04.md").unlink()
    (folder / "sheets" / "s08.md").write_text(classroom.sheet("s01").replace("s01", "s08"), encoding="utf-8")
    document = json.loads(backprop("check", "t4.toml", "sheets", "--json", "--against", "old.json").out)
    changes = {change["student"]: change for change in document["changes"]}
    assert {name: (change["before"], change["now"]) for name, change in changes.items()} == {
        "s02": (33, 27),
        "s08": (None, 36),
        "s04": (2, None),
    }
    assert {each["quantity"] for each in changes["s02"]["answers"]} >= {"edge r->d", "dz/dx", "dz/dy"}
    assert all(each["before"] == each["now"] == "follow_through" for each in changes["s02"]["answers"])
    text = backprop("check", "t4.toml", "sheets", "--against", "old.json").out
    assert "Against the earlier marks" in text
    assert (
        backprop("check", "t4.toml", "sheets", "--format", "gradebook", "--against", "old.json").err.count("change: ")
        == 3
    )
    for bad in ("{}", "[]", '{"schema": "backprop.check/1", "students": [{"student": "a"}]}', "x"):
        (folder / "old.json").write_text(bad, encoding="utf-8")
        assert backprop("check", "t4.toml", "sheets", "--against", "old.json").code == 3


def test_what_json_says_can_be_marked_again(backprop, folder) -> None:
    before = backprop("check", "t4.toml", "sheets/s01.md", "sheets/s02.md", "--json").out
    again = backprop("check", "t4.toml", "-", "--json", stdin=before).out
    wanted = {name: (each["score"], each["wrong"]) for name, each in marks(before).items()}
    # A sum that was written apart is one answer there, and its parts are given again as they are.
    assert {name: (each["score"], each["wrong"]) for name, each in marks(again).items()} == wanted


def test_how_far_it_has_come_is_shown_where_somebody_looks(backprop, folder, monkeypatch) -> None:
    students = json.dumps([{"student": f"s{k}", "answers": {"dz/dx": "1"}} for k in range(200)])
    assert backprop("check", "t4.toml", "-", "--json", stdin=students).err == ""
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    ran = backprop("check", "t4.toml", "-", "--json", "--color", "never", stdin=students)
    *_, last, blank, end = ran.err.split("\r")
    assert last == f"{'#' * 40} 200 of 200"
    assert (blank.strip(), end) == ("", "")
    assert ran.err.count("\r") < 110


# Formats


def documents(backprop, *arguments: object) -> Iterator[dict[str, object]]:
    for level in LEVELS:
        yield json.loads(backprop("check", *arguments, "--json", "--level", level).out)


def test_every_document_is_as_its_schema_says(backprop, folder) -> None:
    validator = jsonschema.Draft202012Validator(_schema.SCHEMA)
    backprop("check", "t4.toml", "sheets", "--json", "-o", "old.json")
    for arguments in (
        ("t4.toml", "sheets"),
        ("t4.toml", "sheets/s02.md", "--against", "old.json"),
        ("--formula", LECTURE, "--x", "4", "--y", "3", "dz/dx = 0.02", "s = )(", "adjoint s = 0.02"),
    ):
        for document in documents(backprop, *arguments):
            validator.validate(document)
    assert json.loads(backprop("schema", "check").out) == _schema.SCHEMA


def test_the_gradebook_has_a_row_a_student(backprop, folder) -> None:
    backprop("check", "t4.toml", "sheets", "--gradebook", "grades.csv", "--level", "hint", "-o", "out.txt")
    rows = list(csv.DictReader(io.StringIO((folder / "grades.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == [
        *("student", "assignment", "score", "max_score", "percent", "wrong", "follow_through", "missing"),
        *("first_wrong", "misconceptions"),
    ]
    assert list(rows[1].values()) == [
        *("s02", "bp-t4", "33", "36", "91.7", "3", "10", "0", "local ds/dx"),
        "sigmoid_prime_is_sigmoid reciprocal_minus_dropped fanout_one_branch_only",
    ]
    assert backprop("check", "t4.toml", "sheets", "--format", "gradebook", "--level", "hint").out == (
        folder / "grades.csv"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@x", "\t=1", "|x", "＝1", " '=x", '"=cmd|x'])
def test_no_cell_of_a_gradebook_is_executed(backprop, folder, name: str) -> None:
    text = json.dumps([{"student": name, "answers": {"dz/dx": "1"}}, {"student": "b", "answers": {}}])
    out = backprop("check", "t4.toml", "-", "--format", "gradebook", stdin=text).out
    [first, _] = csv.DictReader(io.StringIO(out))
    assert first["student"].startswith("'")
    assert all(field.startswith('"') for field in out.splitlines()[1].split(",")[1:])


def test_gradescope_takes_what_is_written_for_it(backprop, folder) -> None:
    document = json.loads(backprop("check", "t4.toml", "sheets/s02.md", "--format", "gradescope").out)
    assert document["score"] == 33
    assert sum(test["score"] for test in document["tests"]) == 33
    assert sum(test["max_score"] for test in document["tests"]) == 36
    assert [test["name"] for test in document["tests"] if test["status"] == "failed"] == [
        *("q1: local ds/dx", "q1: local dr/dd", "q1: adjoint s")
    ]
    assert {key for test in document["tests"] for key in test} <= {
        *("name", "score", "max_score", "status", "output", "visibility", "tags")
    }
    ran = backprop("check", "t4.toml", "sheets", "--format", "gradescope")
    assert ran.code == 2
    assert "is about one student, but here are 5" in ran.err


def test_prairielearn_takes_what_is_written_for_it(backprop, folder) -> None:
    document = json.loads(backprop("check", "t4.toml", "sheets/s02.md", "--format", "prairielearn").out)
    assert document["gradable"] is True
    assert document["score"] == pytest.approx(33 / 36, abs=1e-6)
    assert sum(test["points"] for test in document["tests"]) == 33
    document = json.loads(backprop("check", "t4.toml", "sheets", "--student", "s05", "--format", "prairielearn").out)
    assert (document["gradable"], document["score"]) == (False, 0)
    assert "bp-t3" in document["format_errors"][0]


class Suites(HTMLParser):
    """The elements of a document in XML, each opened and closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text.partition("?>\n")[2])
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.found.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_junit_has_a_suite_a_student(backprop, folder) -> None:
    hostile = '<&">\x1b]]>'
    (folder / "more.json").write_text(json.dumps({"student": hostile, "answers": {"dz/dx": hostile}}), encoding="utf-8")
    out = backprop("check", "t4.toml", "sheets", "more.json", "--format", "junit").out
    found = Suites(out).found
    suites = [attributes for tag, attributes in found if tag == "testsuite"]
    assert [suite["name"] for suite in suites] == [
        "s01",
        "s02",
        "s03",
        "s04",
        "s05",
        '<&">&lt;U+001B>]]>'.replace("&lt;", "<"),
    ]
    assert [(suite["failures"], suite["skipped"]) for suite in suites[:3]] == [("0", "0"), ("3", "0"), ("1", "3")]
    assert sum(tag == "failure" for tag, _ in found) == sum(int(suite["failures"] or 0) for suite in suites)
    assert "\x1b" not in out


@pytest.mark.parametrize("form", formats())
def test_no_format_lets_a_control_character_out(backprop, folder, form: str) -> None:
    hostile = "\x1b[31m\x9b\u202e\u200b[/red][link=x]"
    document = {"student": hostile, "answers": {"dz/dx": hostile, "s": f"0.98 {hostile}", "n": "\ud800"}}
    given = json.dumps([document] if form in ONE else [document, {"student": "b", "answers": {}}])
    ran = backprop("check", "t4.toml", "-", "--format", form, "--level", "reveal", stdin=given)
    assert ran.code == 0, ran.err
    assert all(character.isprintable() or character == "\n" for character in ran.out + ran.err)


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
def test_no_line_of_text_is_wider_than_the_terminal(backprop, folder, monkeypatch, columns: int) -> None:
    long = json.dumps([{"student": "x" * 300, "answers": {"dz/dx": "9" * 500}}, {"student": "b", "answers": {}}])
    monkeypatch.setenv("COLUMNS", str(columns))
    for ran in (
        backprop("check", "t4.toml", "sheets", "--level", "hint"),
        backprop("check", "t4.toml", "sheets/s02.md", "--level", "explain"),
        backprop("check", "t4.toml", "-", stdin=long),
        backprop("check", "t4.toml", "-", "--student", "x" * 200, stdin=long),
    ):
        assert max(map(len, ran.out.splitlines())) <= max(columns, 40)


@pytest.mark.parametrize("columns", [44, 60, 79])
def test_what_a_number_follows_from_is_never_cut(backprop, folder, monkeypatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = backprop("check", "t4.toml", "sheets/s02.md").out
    assert "…" not in said
    [row] = re.findall(r"^dz/dx .*?(?=^dz/dy)", said, re.MULTILINE | re.DOTALL)
    words = [word for word in row.split() if word not in ("dz/dx", "0,0675", "2/2")]
    assert words == ["follows", "from", "adjoint", "s,", "local", "dr/dd", "and", "1", "more"]


def test_one_that_follows_is_one(backprop, folder) -> None:
    given = json.dumps(
        [{"student": "a", "answers": {"local ds/dx": "0.5", "edge s->x": "0.009", "adjoint s": "0.018"}}]
    )
    assert "1 that follows, 1 wrong" in backprop("check", "t4.toml", "-", stdin=given).out


# One's own numbers


def own(backprop, *claims: str) -> Ran:
    return backprop("check", "--formula", LECTURE, "--x", "4", "--y", "3", *claims)


def test_ones_own_numbers_are_right_or_the_exit_code_says_no(backprop) -> None:
    assert own(backprop, "dz/dx = -0.0076", "adjoint s = 0.018").code == 0
    assert own(backprop, "dz/dx = -0.0076", "adjoint s = 0.02, -0.00199", "local[1/d|d] = -4.0e-4").code == 0
    ran = own(backprop, "dz/dx = 0.0076", "adjoint s = 0.018")
    assert ran.code == 1
    assert ran.err == ""
    assert "1 of 2 are right" in ran.out
    assert own(backprop, "dz/dx = ?").code == 1


@pytest.mark.parametrize("form", ONE)
def test_ones_own_numbers_are_of_no_question(backprop, form: str) -> None:
    document = json.loads(backprop("check", "--formula", "x^2", "--x", 3, "z = 9", "--format", form).out)
    assert [test["name"] for test in document["tests"]] == ["value z"]


def test_ones_own_numbers_are_written_as_on_paper(backprop) -> None:
    ran = own(backprop, "dz/dx ≈ -0.0076", r"\frac{\partial z}{\partial y}: -0.0279", "--json")
    assert [answer["verdict"] for answer in json.loads(ran.out)["answers"]] == ["right", "right"]


def test_a_derivative_by_what_is_no_variable_gets_the_variables(backprop) -> None:
    assert own(backprop, "dz/dw = 1").err.endswith("hint: the variables are x, y; z is made of n, r\n")
    assert own(backprop, "dz/dX = 1").err.endswith("hint: did you mean x?\n")


def test_without_a_point_ones_own_formulas_are_looked_at(backprop) -> None:
    assert backprop("check", "--formula", "z = x^2*sin(y)", "dz/dx = 2*x*sin(y)", "dz/dy = x^2 cos(y)").code == 0
    ran = backprop("check", "--formula", "z = x^2*sin(y)", "dz/dx = 2*x", "--level", "hint")
    assert ran.code == 1
    assert "they differ at x = " in " ".join(ran.out.split())
    revealed = backprop("check", "--formula", "x^2", "dz/dx = 3*x", "--level", "reveal", "--json")
    assert json.loads(revealed.out)["answers"][0]["truth"] == "2*x"
    # Whoever gives numbers has forgotten the point.
    for line in (["dz/dx = 2"], ["dz/dx = 2*x*sin(y)", "--x", "2"]):
        ran = backprop("check", "--formula", "z = x^2*sin(y)", *line)
        assert (ran.code, ran.out) == (2, "")
        assert "no value" in ran.err


def test_numbers_of_ones_own_that_are_given_are_followed(backprop) -> None:
    alone = own(backprop, "z = 0.0998", "--json")
    assert json.loads(alone.out)["answers"][0]["verdict"] == "wrong"
    given = own(backprop, "--given", "value r = 0.02003", "--given", "n = 4.982", "z = 0.0998", "--json")
    assert json.loads(given.out)["answers"][0]["verdict"] in ("right_by_rounding", "follow_through")
    document = json.loads(given.out)
    assert [answer["quantity"] for answer in document["answers"]] == ["value z"]
    assert "students" not in document


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--formula x^2 --x 3", "no number of yours is given"),
        ("--formula x^2 --x 3 dz/dx", "dz/dx says no number"),
        ("--formula x^2 dz/dx=6", "x has no value"),
        ("--formula x^ --x 3 dz/dx=6", "needs a value"),
        ("--formula x^2 --x 3 dz/dy=6", "the question has no dz/dy"),
        ("--formula x^2 --x 3 6=6", "expected a quantity"),
        ("--formula x^2 --x 3 --given 6 z=6", "--given 6 says no number"),
        ("--formula x^2 --x 3 z=9 --gradebook g.csv", "--gradebook is about a class"),
        ("t4.toml sheets --x 3", "--x is no option, and there is no --formula"),
        ("t4.toml sheets --given z=3", "--given goes with --formula"),
        ("t4.toml sheets --at x=3", "--at goes with --formula"),
        ("t4.toml sheets --json --format junit", "contradict each other"),
        ("t4.toml", "sheets are expected after the assignment"),
        ("", "an assignment is expected"),
        ("t4.toml - -", "standard input can be read once only"),
        ("t4.toml sheets --level all", "--level takes score, mark"),
        ("t4.toml sheets --gradebook -", "--gradebook takes a file's name"),
        ("t4.toml x.pdf", "the name does not say what is in the file"),
    ],
)
def test_a_line_that_is_wrong_gets_one_clear_line(backprop, folder, arguments: str, said: str) -> None:
    ran = backprop("check", *shlex.split(arguments))
    assert (ran.code in (2, 3), ran.out) == (True, "")
    assert said in ran.err.splitlines()[0]
    assert ran.err.splitlines()[-1].startswith("hint: ")


@pytest.mark.parametrize("arguments", ["missing.toml sheets", "t4.toml missing.md", "t4.toml empty", "t4.toml a.csv"])
def test_data_that_is_not_there_ends_with_three(backprop, folder, arguments: str) -> None:
    (folder / "empty").mkdir()
    (folder / "a.csv").write_text("a,b\n", encoding="utf-8")
    ran = backprop("check", *shlex.split(arguments))
    assert (ran.code, ran.out) == (3, "")


def test_help_lists_the_formulas_variables(backprop) -> None:
    text = backprop("check", "--formula", "x*y", "--help").out
    assert "--x VALUE" in text
    assert "ASSIGNMENT ANSWERS..." in backprop("check", "--help").out


# Levels

ODD = classroom.text().replace("x = 4, y = 3", "x = 4.37, y = 2.91")
"""A point at which no number of the tables is one that people write anyway."""
TOKEN = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?:e[+-]?[0-9]+)?")


def wrong_sheet(rng: random.Random, factor: float) -> str:
    """A sheet whose numbers are all wrong, or coarse, or cannot be read, or are formulas of other numbers."""
    paper = classroom.made()
    blank = "".join(worksheet.sheet(paper, student="s01"))
    kinds = [lambda: f"{rng.uniform(1, 9) * factor:.4g}", lambda: "7", lambda: ")(", lambda: "s*(1+s)*x", lambda: "?"]
    weights = (6, 1, 1, 1, 1)
    return re.sub(r"\?", lambda _: rng.choices(kinds, weights)[0](), blank)


def everything(backprop, folder: Path, sheet: str, level: str, assignment: str) -> dict[str, str]:
    """All that leaves the program, by format; with the names of the files that it makes, and its exit codes."""
    (folder / "odd.toml").write_text(assignment, encoding="utf-8")
    (folder / "s01.md").write_text(sheet, encoding="utf-8")
    found = {}
    for form in formats():
        ran = backprop("check", "odd.toml", "s01.md", "--format", form, "--level", level, "--gradebook", "g.csv")
        found[form] = f"{ran.code}\n{ran.out}\n{ran.err}"
    found["gradebook file"] = (folder / "g.csv").read_text(encoding="utf-8")
    found["class"] = backprop("check", "odd.toml", "s01.md", "sheets/s04.md", "--level", level).out
    found["files"] = " ".join(sorted(path.name for path in folder.iterdir()))
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_no_true_number_leaves_the_program_below_reveal(backprop, folder, level: str) -> None:
    paper = classroom.made(**{"x = 4, y = 3": "x = 4.37, y = 2.91"})
    truths = [value for value in paper.board("q1").truth.values() if value not in (0.0, 1.0)]
    leaked = set()
    for seed in range(2):
        sheet = wrong_sheet(random.Random(seed), (1000.0, -0.001)[seed])
        for text in everything(backprop, folder, sheet, level, ODD).values():
            claimed = set(TOKEN.findall(sheet))
            tokens = {token for token in TOKEN.findall(text) if token not in claimed and len(token.strip("0.,")) > 2}
            numbers = {float(token.replace(",", ".")) for token in tokens}
            leaked |= {truth for truth in truths for number in numbers if abs(number - abs(truth)) < 5e-4 * abs(truth)}
    assert bool(leaked) == (level == "reveal"), leaked


def test_every_level_tells_what_the_one_before_does_and_more(backprop, folder) -> None:
    told = list(documents(backprop, "t4.toml", "sheets"))
    students = [document["students"][1] for document in told]
    assert [bool(student["answers"]) for student in students] == [False, True, True, True, True, True]
    assert [student["wrong"] for student in students] == [None, 3, 3, 3, 3, 3]
    assert [student["first_wrong"] for student in students] == [None, None, *["local ds/dx"] * 4]
    rows = [[answer for answer in student["answers"] if answer["verdict"] == "wrong"] for student in students[1:]]
    assert [bool(row[0]["misconceptions"]) for row in rows] == [False, False, True, True, True]
    assert [bool(row[0]["hint"]) for row in rows] == [False, False, True, True, True]
    assert ["rule" in row[0] for row in rows] == [False, False, False, True, True]
    assert ["truth" in row[0] for row in rows] == [False, False, False, False, True]
    assert [bool(answer["because"]) for answer in students[1]["answers"]].count(True) == 0
    assert [bool(answer["because"]) for answer in students[2]["answers"]].count(True) == 10
