"""The sheet that students fill in, and its key."""

from __future__ import annotations

import classroom
import pytest
from test_check import Ran, backprop  # noqa: F401

from backpropcli.errors import DataError
from backpropcli.homework import assignment, sheets, worksheet
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import MISSING, RIGHT
from backpropcli.homework.paper import Paper, paper

PRINTED = """\
---
assignment: bp-t4
student:
---

# q1: z = (x + sigmoid(x)) / (sigmoid(x) + (x + y)^2) at x = 4, y = 3

## Forward

| node | inputs        | output | local derivatives   |
|------|---------------|--------|---------------------|
| s    | x = 4         | ?      | x: ?                |
| n    | x = 4, s = ?  | ?      | x: ?; s: ?          |
| q    | x = 4, y = 3  | ?      | x: ?; y: ?          |
| d    | s = ?, q = ?  | ?      | s: ?; q: ?          |
| r    | d = ?         | ?      | d: ?                |
| z    | n = ?, r = ?  | ?      | n: ?; r: ?          |

## Backward

| node | dz/do | do/di      | dz/di      |
|------|-------|------------|------------|
| z    | ?     | n: ?; r: ? | n: ?; r: ? |
| r    | ?     | d: ?       | d: ?       |
| d    | ?     | s: ?; q: ? | s: ?; q: ? |
| q    | ?     | x: ?; y: ? | x: ?; y: ? |
| n    | ?     | x: ?; s: ? | x: ?; s: ? |
| s    | ?     | x: ?       | x: ?       |

## Gradient

| quantity | answer |
|----------|--------|
| dz/dx    | ?      |
| dz/dy    | ?      |
"""
"""As a teacher has laid it out by hand."""

QUESTIONS = {
    "gates": 'formula = "σ(w0*x0 + w1*x1 + w2)"\nat = { w0 = 2, x0 = -1, w1 = -3, x1 = -2, w2 = -3 }',
    "definitions": 'formula = "a = x^2; z = a^2 + a*x"\nat = { x = "pi/2" }',
    "some kinds": 'formula = "a = x^2; z = a*x"\nat = { x = 2 }\nask = ["value", "gradient"]',
    "the gradient alone": 'formula = "z = x*y"\nat = { x = 2, y = 0.3 }\nask = ["gradient"]',
    "its own point": 'formula = "x = 2, y = 3; z = x*y"',
    "another output": 'formula = "J = (a - t)^2/2; a = tanh(w*x)"\nat = { w = 0.4, x = 1.5, t = 1 }',
    "bars": 'formula = "z = |x|*y"\nat = { x = -2, y = 3 }',
    "no point": 'formula = "z = x^2*sin(y)"',
    "no point, but steps": (
        'formula = "z = sigmoid(x)^2/(x + y)"\nsteps = ["s = sigmoid(x)", "q = x + y", "z = s^2/q"]'
    ),
    "no point, in a domain": 'formula = "z = log(x - 20)"\ndomain = { x = [21, 22] }\nask = ["gradient"]',
    "by some variables": (
        'formula = "m = x*t; p = sigmoid(w*x + b); L = (p - m)^2"\nat = { x = 2, t = 0.5, w = 0.3, b = -1 }\n'
        'wrt = ["w", "b"]'
    ),
    "by one, without a point": 'formula = "z = x^2*sin(y)"\nwrt = ["y"]',
    "LaTeX": "formula = '\\frac{x}{1 + y^2}'\nat = { x = 4, y = 3 }",
    "large and small": 'formula = "z = 1e9*exp(-x)*y"\nat = { x = 30, y = 1e-3 }',
}


def made(question: str) -> Paper:
    return paper(assignment.parsed(f'id = "hw"\n[[question]]\nid = "q1"\n{QUESTIONS[question]}\n'.encode(), "hw.toml"))


def without_spaces(text: str) -> list[str]:
    return [line.replace(" ", "").replace("-", "") for line in text.splitlines()]


def test_the_sheet_has_the_form_of_the_one_that_is_laid_out_by_hand() -> None:
    assert without_spaces("".join(worksheet.sheet(classroom.made()))) == without_spaces(PRINTED)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_cell_is_asked_for_and_everything_that_is_asked_for_has_a_cell(question: str) -> None:
    found = made(question)
    text = "".join(worksheet.sheet(found))
    [blank] = sheets.read(text.encode(), "s.md", found).sheets
    asked = [answer.quantity for answer in blank.answers["q1"] if not answer.given]
    assert sorted(asked) == sorted(found.board("q1").asked)
    assert {each.verdict for each in mark_sheet(found.markers, blank).marked} == {MISSING}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("digits", [3, 6, 17, None])
def test_the_key_marks_itself_full(question: str, digits: int | None) -> None:
    found = made(question)
    lacking, points = worksheet.checked(found, digits)
    assert lacking == ()
    assert points > 0
    text = "".join(worksheet.sheet(found, student="key", key=True, digits=digits))
    assert worksheet.BLANK not in text
    [sheet] = sheets.read(text.encode(), "s.md", found).sheets
    assert sheet.student == "key"
    assert {each.verdict for each in mark_sheet(found.markers, sheet).marked} == {RIGHT}


def test_derivatives_are_asked_for_along_the_paths_of_the_variables_alone() -> None:
    found = made("by some variables")
    asked = [quantity.shown for quantity in found.board("q1").asked]
    assert [each for each in asked if each.startswith("value")] == ["value m", "value p", "value L"]
    assert [each for each in asked if each.startswith("local")] == ["local dp/dw", "local dp/db", "local dL/dp"]
    assert [each for each in asked if each.startswith("adjoint")] == ["adjoint L", "adjoint p"]
    assert [each for each in asked if each.startswith("edge")] == ["edge L->p", "edge p->w", "edge p->b"]
    assert asked[-2:] == ["dL/dw", "dL/db"]
    assert "| m    | -" not in "".join(worksheet.sheet(found))


def test_a_formula_in_latex_is_set_as_one() -> None:
    assert "\n# q1: $\\frac{x}{1 + y^2}$ at x = 4, y = 3\n" in "".join(worksheet.sheet(made("LaTeX")))


def test_a_variable_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match=r"hw\.toml: question q1: the formula has no variable v") as refused:
        assignment.parsed(b'id = "hw"\n[[question]]\nid = "q1"\nformula = "z = x*y"\nwrt = ["v"]\n', "hw.toml")
    assert refused.value.hint == "it has x, y"


def test_without_a_point_formulas_are_asked_for() -> None:
    found = made("no point")
    assert "at x =" not in "".join(worksheet.sheet(found))
    assert "2*(sin(y)*x)" in "".join(worksheet.sheet(found, key=True))
    for answer, verdict in (
        ("2*x*sin(y)", "right"),
        ("2x sin(y)", "right"),
        ("x*sin(y)", "wrong"),
        ("1.3", "wrong"),
        ("sqrt(x^2)*2*sin(y)", "wrong"),
    ):
        [sheet] = sheets.read(f"student,dz/dx\na,{answer}\n".encode(), "s.csv", found).sheets
        marked = {each.quantity.shown: each for each in mark_sheet(found.markers, sheet).marked}
        assert marked["dz/dx"].verdict == verdict, answer


def test_a_key_with_too_few_digits_says_what_is_not_right(backprop, tmp_path) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    path = tmp_path / "t4.toml"
    path.write_text(classroom.text(), encoding="utf-8")
    ran: Ran = backprop("worksheet", path, "--check")
    assert ran == (0, "the key of bp-t4 marks itself full: 36 of 36 points\n", "")
    ran = backprop("worksheet", path, "--check", "--sig-digits", "1")
    assert ran.code == 1
    assert ran.out.startswith("the key of bp-t4 does not mark itself full:\nq1: ")
    path.write_text(classroom.text().replace('"shown"', '"relative"'), encoding="utf-8")
    assert backprop("worksheet", path, "--check").code == 0
    assert backprop("worksheet", path, "--check", "--sig-digits", "6").code == 1


def test_the_teacher_is_told_where_the_key_is_a_convention(backprop, tmp_path) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    path = tmp_path / "hw.toml"
    path.write_text('id = "hw"\n[[question]]\nid = "q1"\nformula = "z = y*relu(x)"\nat = { x = 0, y = 3 }\n')
    for option in ("--check", "--key"):
        assert backprop("worksheet", path, option).err == (
            "note: question q1: relu(x) has a kink at x = 0, with slopes 0 and 1; the derivative used there: 0\n"
        )
    assert backprop("worksheet", path).err == ""


def test_a_sheet_may_bear_a_name_and_go_to_a_file(backprop, tmp_path) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    path = tmp_path / "t4.toml"
    path.write_text(classroom.text(), encoding="utf-8")
    assert backprop("worksheet", path, "--student", "s07", "-o", tmp_path / "s07.md").code == 0
    [sheet] = sheets.read((tmp_path / "s07.md").read_bytes(), "x.md", classroom.made()).sheets
    assert (sheet.student, sheet.assignment) == ("s07", "bp-t4")
    for arguments in (["--student", "a\nb"], ["--student", "x" * 300], ["--key", "--check"]):
        assert backprop("worksheet", path, *arguments).code == 2
