"""Sheets as students hand them in: read in every format, and never more than a file is worth."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest

from backpropcli.errors import BackpropError, DataError
from backpropcli.homework import sheets, worksheet
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import MISSING, RIGHT, UNREADABLE, Sheet
from backpropcli.homework.sheets import csv as in_csv
from backpropcli.homework.sheets import markdown
from tests import classroom

PAPER = classroom.made()
BLANK = "".join(worksheet.sheet(PAPER))
FORWARD = "# q1: z\n\n| node | inputs | output | local derivatives |\n|------|--------|--------|---|\n"
BACKWARD = "# q1: z\n\n| node | dz/do | do/di | dz/di |\n|------|-------|-------|-------|\n"


TWO = {"[[question]]": '[[question]]\nid = "q2"\nformula = "z = x^2"\nat = { x = 3 }\n\n[[question]]'}


def read(text: str, name: str = "s01.md", paper: object = PAPER) -> Sheet:
    [found] = sheets.read(text.encode(), name, paper).sheets  # type: ignore[arg-type]
    return found


def answered(text: str, name: str = "s01.md") -> dict[str, str]:
    """What is answered and marked, by the quantity."""
    found = read(text, name).answers.get("q1", ())
    return {answer.quantity.shown: answer.text for answer in found if not answer.given}


# Markdown


def test_a_sheet_has_a_number_for_everything_that_is_asked() -> None:
    answers = answered(classroom.sheet("s01"))
    assert list(answers) == [quantity.shown for quantity in PAPER.board("q1").asked]
    assert answers["local dr/dd"] == "-0.0004"
    assert answers["adjoint s"] == "0.02, -0.00199"
    assert answers["edge s->x"] == "0.00032"


def test_what_a_table_repeats_is_the_students_own_and_not_marked_again() -> None:
    given = {
        answer.quantity.shown: answer.text for answer in read(classroom.sheet("s02")).answers["q1"] if answer.given
    }
    assert given["value d"] == "49,98"
    assert given["local dr/dd"] == "0,000400"


def test_the_students_name_comes_from_the_sheet_or_else_from_the_file() -> None:
    assert read(classroom.sheet("s01"), "folder/other.md").student == "s01"
    assert read(BLANK, "folder/lena.m.md").student == "lena.m"
    assert read("", "x.md").student == "x"


def test_an_answer_knows_its_line() -> None:
    text = classroom.sheet("s01")
    lines = text.splitlines()
    for answer in read(text).answers["q1"]:
        assert answer.text in lines[int(answer.place.removeprefix("line ")) - 1]


def test_another_assignments_sheet_is_refused() -> None:
    with pytest.raises(DataError, match="answers the assignment bp-t3, and not bp-t4"):
        read(classroom.sheet("s05"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("x: 1; s: 2", ("1", "2")),
        ("x: 1, s: 2", ("1", "2")),
        ("s: 2; x: 1", ("1", "2")),
        ("x = 0,5, s = 2", ("0,5", "2")),
        ("dn/dx: 1; dn/ds = 2", ("1", "2")),
        ("∂n/∂x: 1; ∂n/∂s: 2", ("1", "2")),
        ("1; 2", ("1", "2")),
        ("1, 2", ("1", "2")),
        ("x: 1<br>s: 2", ("1", "2")),
        ("**x: 1; s: 2**", ("1", "2")),
        ("x: `1`; s: $2$", ("1", "2")),
        ("x: 2*x*y; s: s*(1-s)", ("2*x*y", "s*(1-s)")),
        ("x: `x·y` = 1; s: 2", ("1", "2")),
        ("x: 1", ("1", None)),
        ("s: 2", (None, "2")),
    ],
)
def test_numbers_in_a_cell_belong_to_their_inputs(cells: str, expected: tuple[str | None, str | None]) -> None:
    found = answered(f"{FORWARD}| n | x = 4 | 3 | {cells} |\n")
    assert (found.get("local dn/dx"), found.get("local dn/ds")) == expected


def test_a_number_without_a_label_belongs_to_the_only_input() -> None:
    assert answered(f"{FORWARD}| s | x = 4 | 0.98 | 0.0177 |\n")["local ds/dx"] == "0.0177"


@pytest.mark.parametrize(
    "header",
    [
        "| Node | Inputs i | Output o | Local derivatives do/di |",
        "| **node** | inputs | output | local |",
        "| step | input | value | do/di |",
    ],
)
def test_columns_are_known_by_what_they_are_called(header: str) -> None:
    text = FORWARD.replace("| node | inputs | output | local derivatives |", header)
    found = answered(f"{text}| s | x = 4 | 0.98 | x: 0.0177 |\n")
    assert found == {"value s": "0.98", "local ds/dx": "0.0177"}


def test_headings_say_which_question_a_table_is_about() -> None:
    paper = classroom.made(**TWO)
    table = "| quantity | answer |\n|-|-|\n| dz/dx | {} |\n\n"
    text = f"# Q2: squares\n\n{table.format(6)}## more\n\n# q1\n\n{table.format(1)}# q9: not there\n\n{table.format(5)}"
    found = read(text, paper=paper).answers
    assert {key: [answer.text for answer in answers] for key, answers in found.items()} == {"q2": ["6"], "q1": ["1"]}


@pytest.mark.parametrize(
    "around",
    ["```\n{}\n```\n", "~~~\n{}\n~~~\n", "<!--\n{}\n-->\n", "<pre>\n{}\n</pre>\n"],
)
def test_what_is_quoted_or_commented_out_is_no_answer(around: str) -> None:
    table = "| quantity | answer |\n|-|-|\n| dz/dx | 1 |"
    assert answered(table) == {"dz/dx": "1"}
    assert answered(around.format(table)) == {}


def test_what_eval_prints_in_markdown_marks_itself_full() -> None:
    from backpropcli import Formula
    from backpropcli.rendering import Style, renderer

    question = PAPER.assignment.questions[0]
    report = Formula(question.program).at(question.point, nodes="steps")
    text = "".join(renderer("markdown").render(report, Style(digits=8)))
    assert {each.verdict for each in mark_sheet(PAPER.markers, read(text)).marked} == {RIGHT}


# CSV and JSON


def long_form() -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["student", "question", "quantity", "answer"])
    for name in ("s01", "s02"):
        for answer in read(classroom.sheet(name)).answers["q1"]:
            if not answer.given:
                writer.writerow([name, "q1", answer.quantity.shown, answer.text])
    return file.getvalue()


def verdicts(sheet: Sheet) -> list[tuple[str, str]]:
    return [(each.quantity.shown, each.verdict) for each in mark_sheet(PAPER.markers, sheet).marked]


def test_the_same_answers_are_marked_alike_in_every_format() -> None:
    wanted = {name: verdicts(read(classroom.sheet(name))) for name in ("s01", "s02")}
    rows = list(csv.DictReader(io.StringIO(long_form())))
    wide = io.StringIO()
    writer = csv.writer(wide, delimiter=";")
    quantities = list(dict.fromkeys(row["quantity"] for row in rows))
    writer.writerow(["Name", *quantities])
    documents = []
    for name in wanted:
        own = {row["quantity"]: row["answer"] for row in rows if row["student"] == name}
        writer.writerow([name, *(own.get(quantity, "") for quantity in quantities)])
        documents.append({"student": name, "assignment": "bp-t4", "answers": {"q1": own}})
    listed = {"students": [{"student": row["student"], "answers": [row]} for row in rows]}
    for text, ending in (
        (long_form(), ".csv"),
        (long_form().replace(",q1,", ",Q1,").replace("question", "Question"), ".csv"),
        (wide.getvalue(), ".csv"),
        (json.dumps(documents), ".json"),
        (json.dumps(listed), ".json"),
    ):
        found = sheets.read(text.encode(), f"class{ending}", PAPER).sheets
        assert {sheet.student: verdicts(sheet) for sheet in found} == wanted


def test_numbers_in_json_keep_their_digits() -> None:
    text = '{"student": "a", "answers": {"dz/dx": -0.00760, "dz/dy": 1E-2, "z": 12345678901234567890, "s": null}}'
    assert answered(text, "a.json") == {
        "dz/dx": "-0.00760",
        "dz/dy": "1E-2",
        "value z": "12345678901234567890",
        "value s": "",
    }


def test_arrays_and_nothing_may_stand_in_json_too() -> None:
    listed = '[{"quantity": "dz/dx", "answer": [1.50, "-2"]}, {"quantity": "z", "claimed": null}]'
    assert answered(f'{{"student": "a", "answers": {listed}}}', "a.json") == {"dz/dx": "[1.50, -2]", "value z": ""}
    for bad in ("[1, [2]]", "[true]", "true"):
        with pytest.raises(DataError, match="where a text is expected"):
            read(f'{{"student": "a", "answers": {{"z": {bad}}}}}', "a.json")
    with pytest.raises(DataError, match="what a answers is no list and no object"):
        read('{"student": "a", "answers": ["1"]}', "a.json")
    with pytest.raises(DataError, match="answers the assignment hw9"):
        read('{"assignment": "hw9", "students": []}', "a.json")


@pytest.mark.parametrize("mark", [": ", " ", ".", "/", "_", "-", ":"])
def test_columns_of_a_form_name_their_question(mark: str) -> None:
    paper = classroom.made(**TWO)
    text = f"student,Q2{mark}dz/dx,q1{mark}dz/dx,dz/dx,when\na,6,1,2,3\nb,,5\n\n,7\n"
    found = sheets.read(text.encode(), "a.csv", paper)
    answers = [{key: [each.text for each in own] for key, own in sheet.answers.items()} for sheet in found.sheets]
    assert answers == [{"q2": ["6"], "q1": ["1"]}, {"q2": [""], "q1": ["5"]}, {"q2": ["7"]}]
    assert [sheet.student for sheet in found.sheets] == ["a", "b", "(line 5)"]
    assert found.notes == ("a.csv: columns that ask for nothing are passed over: dz/dx, when",)


def test_of_many_things_that_mean_nothing_the_first_are_named() -> None:
    rows = "".join(f"a,w{k},1\n" for k in range(130))
    notes = sheets.read(f"student,quantity,answer\n{rows}".encode(), "a.csv", PAPER).notes
    assert len(notes) == 101
    assert notes[-1] == "a.csv: 30 more such rows"
    answers = {f"w{k}": {f"v{k}": "1"} for k in range(130)}
    notes = sheets.read(json.dumps([{"answers": answers}]).encode(), "a.json", PAPER).notes
    assert len(notes) == 101
    assert notes[0] == "a.json: an answer of (entry 1) is passed over: there is no question w0; there is q1"
    assert notes[-1] == "a.json: 30 more such answers"
    titles = ",".join(f"w{k}" for k in range(9))
    [note] = sheets.read(f"student,dz/dx,{titles},\na,1\n".encode(), "a.csv", PAPER).notes
    assert note.endswith("w0, w1, w2, w3, w4, w5 and 4 more")
    [note] = sheets.read(f"student,quantity,answer\na,{'x' * 400},1\n".encode(), "a.csv", PAPER).notes
    assert "a quantity has at most 300 characters, and this one 400" in note


def test_of_a_form_that_was_sent_twice_the_last_answers_count() -> None:
    text = "email,dz/dx,dz/dy\na@b,1,2\nc@d,5,5\na@b,3,\n"
    first, second = sheets.read(text.encode(), "form.csv", PAPER).sheets
    assert [answer.text for answer in first.answers["q1"]] == ["3", "2"]
    assert second.student == "c@d"


def test_a_row_with_more_cells_than_the_header_is_not_marked_by_halves() -> None:
    """-0,0076 without quotation marks falls in two cells, and all that follow would be marked as something else."""
    text = "student,dz/dx,dz/dy\na,-0,0076,0.0279\nb,1,2,,\nc,1,2\n"
    first, *others = sheets.read(text.encode(), "form.csv", PAPER).sheets
    assert first.problem is not None
    assert first.problem.startswith("line 2 of form.csv: it has 4 cells, and the header has 3;")
    assert not first.answers
    assert [(sheet.problem, len(sheet.answers["q1"])) for sheet in others] == [(None, 2), (None, 2)]
    again, _, _ = sheets.read(f"{text}a,-0.0076,0.0279\n".encode(), "form.csv", PAPER).sheets
    assert (again.problem, [answer.text for answer in again.answers["q1"]]) == (None, ["-0.0076", "0.0279"])
    found = sheets.read(b"student,quantity,answer\na,dz/dx,-0,0076\na,dz/dy,1\n", "long.csv", PAPER)
    assert [answer.quantity.shown for answer in found.sheets[0].answers["q1"]] == ["dz/dy"]
    assert found.notes[0].startswith("line 2 of long.csv is passed over: it has 4 cells")


def test_what_means_nothing_is_passed_over_and_said() -> None:
    found = sheets.read(b"When,student,dz/dx,dz/dq9\n1,a,2,3\n", "form.csv", PAPER)
    assert found.notes == ("form.csv: columns that ask for nothing are passed over: When, dz/dq9",)
    found = sheets.read(b"student,quantity,answer\na,dz/dx,1\na,dz/dw,2\n", "long.csv", PAPER)
    assert found.notes == ("line 3 of long.csv is passed over: question q1: the question has no dz/dw",)
    found = sheets.read(b'[{"student": "a", "answers": {"q7": {"z": "1"}}}]', "a.json", PAPER)
    assert found.notes == ("a.json: an answer of a is passed over: there is no question q7; there is q1",)


def test_standard_input_is_known_by_how_it_begins() -> None:
    for text, count in (
        (classroom.sheet("s01"), 1),
        (long_form(), 2),
        ('{"student": "a", "answers": {"z": "1"}}', 1),
        ("\ufeffStudent;dz/dx\na;1\nb;2\nc;3\n", 3),
    ):
        assert len(sheets.read(text.encode(), "-", PAPER).sheets) == count


# Hostile


LONG = {
    "a number of 900,000 digits": f"{FORWARD}| s | x = 4 | {'9' * 900_000} | x: 1 |\n",
    "labels without end": f"{FORWARD}| n | x = 4 | 1 | {'x: 1; ' * 100_000} |\n",
    "words without end": f"{FORWARD}| n | x = 4 | 1 | {'a ' * 400_000} |\n",
    "slopes without end": f"{FORWARD}| n | x = 4 | 1 | {'da/' * 300_000} |\n",
    "spaces": f"{FORWARD}| n | x = 4 | 1 | {' ' * 900_000}x |\n",
    "uses without end": f"{BACKWARD}| s | {'0.02 via n, ' * 80_000} | 1 | 1 |\n",
    "stars": f"{FORWARD}| {'*' * 900_000} | x = 4 | 1 | 1 |\n",
    "breaks": f"{FORWARD}| s | x = 4 | {'<br>' * 200_000} | 1 |\n",
    "lists in lists": "".join(f"{'  ' * depth}- a\n" for depth in range(900)) + classroom.sheet("s01"),
    "quotes in quotes": ">" * 900_000 + "\n" + classroom.sheet("s01"),
    "brackets": "[" * 900_000,
    "headings": "# q1\n" * 19_000,
    "ten thousand columns": f"# q1\n{'|a' * 10_000}|\n{'|-' * 10_000}|\n{'|1' * 10_000}|\n",
    "ten thousand outputs": f"# q1\n|node{'|output' * 10_000}|\n{'|-' * 10_001}|\n|s{'|1' * 10_000}|\n",
    "formulas as names": "# q1\n|quantity|answer|\n|-|-|\n" + f"|adj[{'x*' * 2_000}x]|1|\n" * 200,
    "formulas as nodes": FORWARD + "".join(f"| {'x*' * 100}{k} | | 1 | |\n" for k in range(100)),
    "formulas that explode": classroom.sheet("s01")
    .replace("0.982", "2^2^2^2^2^2")
    .replace("14", "prod(x, k, 0, 99999)"),
    "formulas that are deep": classroom.sheet("s01").replace("0.982", f"{'(' * 2_000}x{')' * 2_000}"),
    "arrays that are large": classroom.sheet("s01").replace("0.982", "zeros(100000, 100000)"),
}


@pytest.mark.parametrize("what", LONG)
def test_what_is_long_or_deep_is_marked_or_refused_and_never_slow(what: str) -> None:
    began = time.process_time()
    refused = ""
    try:
        marked = mark_sheet(PAPER.markers, read(LONG[what])).marked
    except DataError as problem:
        refused = problem.hint or ""
    assert refused or marked
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FORWARD + "| s | | 1 | |\n" * 19_000, "rows under question q1, and the limit there is"),
        ("a\n" * 100_000, "has 100,000 lines, and the limit of a sheet is 20,000"),
        ("a\0b", "holds a NUL character"),
    ],
)
def test_a_sheet_beyond_the_limits_is_refused(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("student,quantity,answer\n" + "".join(f"a,q{k},1\n" for k in range(2_000)), "a.csv", "names more than 1,000"),
        ("student," + ",".join(f"c{k}" for k in range(12_000)), "a.csv", "12,001 columns; the limit is 10,000"),
        ('student,dz/dx\na,"1', "a.csv", 'is not CSV: a cell that begins with " does not end'),
        ("a,b\n1,2\n", "a.csv", "has no column student, but a, b"),
        ("", "a.csv", "has no column student, but nothing"),
        ("student,when\na,1\n", "a.csv", "has no column that is a quantity of bp-t4"),
        ('{"students": [1]}', "a.json", "entry 1 is not a student's answers"),
        ('{"student": 1}', "a.json", "entry 1 is not a student's answers"),
        ('{"student": "a", "answers": {"dz/dx": true}}', "a.json", "gives dz/dx as true or false"),
        ('{"student": {}, "answers": {}}', "a.json", "gives student as an object"),
        ('{"student": "a", "answers": "1"}', "a.json", "is no list and no object"),
        ('{"student": "a", "assignment": "x", "answers": {}}', "a.json", "answers the assignment x"),
        ('{"student": "a", "answers": {"z": "1", "z": "2"}}', "a.json", "gives z twice"),
        ("[" * 100, "a.json", "nested more than 64 deep"),
    ],
)
def test_a_file_of_a_class_that_cannot_be_read_says_why(text: str, name: str, said: str) -> None:
    with pytest.raises(BackpropError, match=said) as problem:
        sheets.read(text.encode(), name, PAPER)
    assert problem.value.hint


def test_a_hundred_thousand_rows_of_a_class_take_seconds() -> None:
    rows = "".join(f"s{k // 34},q1,dz/dx,0.{k}\n" for k in range(100_000))
    began = time.process_time()
    found = sheets.read(f"student,question,quantity,answer\n{rows}".encode(), "class.csv", PAPER)
    assert len(found.sheets) == 2_942
    assert time.process_time() - began < 5.0


@pytest.mark.parametrize("count", [500, 1_000])
def test_time_grows_with_the_length_of_a_cell(count: int) -> None:
    """Not with its square: a pattern that looks back from every character would take minutes here."""
    for piece in ("x: ", "d", "d a/d", "x ", "**", "`", "; sum", " via "):
        began = time.process_time()
        answered(f"{FORWARD}| n | {piece * count * 100} | 1 | {piece * count * 100} |\n")
        assert time.process_time() - began < 1.5, piece


def test_blank_cells_are_missing_and_broken_ones_unreadable() -> None:
    found = dict(verdicts(read(f"{FORWARD}| s | x = 4 | ? | x: 0.0)( |\n")))
    assert found["value s"] == MISSING
    assert found["local ds/dx"] == UNREADABLE
    assert set(dict(verdicts(read(BLANK))).values()) == {MISSING}


def test_limits_are_what_the_documents_say() -> None:
    assert (sheets.LIMIT, markdown.MAX_LINES, in_csv.MAX_STUDENTS) == (1 << 20, 20_000, 100_000)


LINES = """# q1

1. ∂z/∂x ≈ -0.008
2. **dz/dy**: -0.0279

Once more: dz/dy = 5

dz/dx = 0.02 - 0.0276 = -0.0076 (both uses)
dz/dw = 3
"""


def test_derivatives_may_be_lines_of_text_and_the_last_one_counts() -> None:
    assert answered(LINES) == {"dz/dx": "0.02 - 0.0276 = -0.0076 (both uses)", "dz/dy": "-0.0279"}


def test_a_line_of_text_counts_where_no_table_answers() -> None:
    table = "\n| quantity | answer |\n|---|---|\n| dz/dx | 0.5 |\n| dz/dy | ? |\n"
    found = markdown.read((LINES + table).encode(), "s01.md", PAPER).sheets[0].answers["q1"]
    said = {(each.quantity.shown, each.text) for each in found}
    assert ("dz/dx", "0.5") in said
    assert ("dz/dy", "-0.0279") in said
    assert "(both uses)" not in str(said)


def test_rows_that_are_about_nothing_are_told() -> None:
    rows = "".join([f"| k{k} | | {k} | |\n" for k in range(5)])
    text = f"# q1\n\n| node | inputs | output | local derivatives |\n|---|---|---|---|\n{rows}| m | | ? | |\n"
    listed = "\n| quantity | answer |\n|---|---|\n| dz/dw | 2 |\n| dz/dv | ? |\n| | |\n"
    notes = markdown.read(text.encode(), "s01.md", PAPER).notes
    assert notes[0] == "s01.md, line 5 is passed over: the question has no node k0"
    assert notes[3:] == ("s01.md: 2 more rows are passed over",)
    assert markdown.read(f"# q1\n{listed}".encode(), "s01.md", PAPER).notes == (
        "s01.md, line 5 is passed over: the question has no dz/dw",
    )


def test_a_sheet_without_an_answer_is_told() -> None:
    [note] = markdown.read(b"hello", "s01.md", PAPER).notes
    assert note.startswith("s01.md: no table or line under a question")
