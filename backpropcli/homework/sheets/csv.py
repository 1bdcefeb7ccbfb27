"""A class in CSV: a row an answer (`student,question,quantity,answer`), or a row a student and a column a quantity.

The columns may stand in any order, with commas, semicolons or tabs between them, and others beside them. Where
something is answered twice, as when a form was sent again, the last answer counts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.homework.model import Answer, Quantity, Question, read_quantity
from backpropcli.homework.paper import Paper
from backpropcli.homework.sheets import QUANTITY_LENGTH, STRANGERS, Gathered, Read, ignored
from backpropcli.reading.csv_array import COLUMN_LIMIT, FIELD_LIMIT, not_csv
from backpropcli.reading.sources import decoded

MAX_STUDENTS = 100_000
STUDENT = ("student", "student id", "student_id", "id", "username", "user name", "email", "email address", "name")
"""What the column of the students may be called; the first of these that is there."""
_ANSWER = ("answer", "claimed")
_NOTES = 100
_EXAMPLE = "as in student,question,quantity,answer or student,dz/dx,dz/dy"


def read(contents: bytes, name: str, paper: Paper) -> Read:
    """The sheets of a class; raises DataError where the file is no CSV, or lacks a column."""
    rows = _rows(decoded(contents, name).replace("\r", "\n"), name)
    _, header = next(rows, (0, []))
    titles = [title.strip().casefold() for title in header]
    student = next((titles.index(title) for title in STUDENT if title in titles), None)
    if student is None:
        raise DataError(f"{name} has no column student, but {_few(header)}", hint=f"name the columns, {_EXAMPLE}")
    answer = next((titles.index(title) for title in _ANSWER if title in titles), None)
    if answer is not None and "quantity" in titles:
        question = titles.index("question") if "question" in titles else None
        return _long(rows, (student, question, titles.index("quantity"), answer), len(header), name, paper)
    return _wide(rows, student, header, name, paper)


def _few(header: Sequence[str]) -> str:
    shown = ", ".join([visible(title.strip(), 30) or "(no name)" for title in header[:6]])
    return f"{shown}, ..." if len(header) > 6 else shown or "nothing"


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line, and the fields, of every row that holds something."""
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(",;\t", key=lambda mark: (first.count(mark), mark == ","))
    before = csv.field_size_limit(FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True, delimiter=delimiter)
    try:
        for fields in reader:
            if len(fields) > COLUMN_LIMIT:
                raise DataError(
                    f"line {reader.line_num:,} of {name} has {len(fields):,} columns; the limit is {COLUMN_LIMIT:,}",
                    hint="give an answer a row",
                )
            if any([field.strip() for field in fields]):
                yield reader.line_num, fields
    except csv.Error as problem:
        hint = "a quotation mark inside a field is written twice"
        raise not_csv(f"line {reader.line_num:,} of {name}", problem, hint) from None
    finally:
        csv.field_size_limit(before)


def _too_wide(fields: Sequence[str], width: int) -> str | None:
    """What is wrong with a row that says something beyond the header's columns: a cell may have fallen in two."""
    if not any([field.strip() for field in fields[width:]]):
        return None
    return (
        f"it has {len(fields):,} cells, and the header has {width:,}; a cell that holds a comma, as 0,98 does, "
        "is written in quotation marks"
    )


class _Class:
    """The students of a file, in the order in which they first come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: dict[str, Gathered] = {}

    def of(self, student: str, line: int) -> Gathered:
        """The answers of a student so far."""
        key = student.strip() or f"(line {line})"
        if key not in self.found:
            if len(self.found) == MAX_STUDENTS:
                raise DataError(
                    f"{self.name} has more than {MAX_STUDENTS:,} students, which is the limit",
                    hint="mark it in several parts",
                )
            self.found[key] = Gathered()
        return self.found[key]

    def read(self, notes: Sequence[str]) -> Read:
        """All of them."""
        more = [f"{self.name}: {len(notes) - _NOTES:,} more such rows"] if len(notes) > _NOTES else []
        sheets = [gathered.sheet(student, self.name) for student, gathered in self.found.items()]
        return Read(tuple(sheets), (*notes[:_NOTES], *more))


def _long(
    rows: Iterator[tuple[int, list[str]]],
    columns: tuple[int, int | None, int, int],
    width: int,
    name: str,
    paper: Paper,
) -> Read:
    """A row an answer."""
    found, notes = _Class(name), list[str]()
    known = Names(name, paper)
    student, question, quantity, answer = columns
    for line, fields in rows:
        fields += [""] * (1 + max(student, question or 0, quantity, answer) - len(fields))
        named = _too_wide(fields, width) or known.meant("" if question is None else fields[question], fields[quantity])
        gathered = found.of(fields[student], line)
        if isinstance(named, str):
            notes.append(f"line {line:,} of {name} is passed over: {named}")
        else:
            gathered.add(named[0].id, Answer(named[1], fields[answer].strip(), f"line {line}"))
    return found.read(notes)


class Names:
    """What the names in a file mean, each looked up once; of too many that mean nothing the file is refused."""

    def __init__(self, name: str, paper: Paper) -> None:
        self.name = name
        self.paper = paper
        self._known: dict[tuple[str, str], tuple[Question, Quantity] | str] = {}
        self._strangers = 0

    def meant(self, question: str, quantity: str) -> tuple[Question, Quantity] | str:
        """The question and its quantity; or what is wrong with the names."""
        found = self._known.get((question, quantity))
        if found is None:
            found = self._known[question, quantity] = _meant(question, quantity, self.paper)
            self._strangers += isinstance(found, str)
            if self._strangers > STRANGERS:
                raise DataError(
                    f"{self.name} names more than {STRANGERS:,} numbers that {self.paper.assignment.id} does not have",
                    hint=f"name the columns, {_EXAMPLE}",
                )
        return found


def _meant(question: str, quantity: str, paper: Paper) -> tuple[Question, Quantity] | str:
    """The question and its quantity that two texts name; or what is wrong with them."""
    asked = paper.question(question) if question.strip() else paper.only
    if asked is None:
        ids = ", ".join([each.id for each in paper.assignment.questions[:6]])
        return f"there is no question {visible(question.strip(), 40) or 'without a name'}; there is {ids}"
    if len(quantity) > QUANTITY_LENGTH:
        return f"a quantity has at most {QUANTITY_LENGTH:,} characters, and this one {len(quantity):,}"
    try:
        return asked, paper.board(asked.id).resolve(read_quantity(quantity))
    except BackpropError as problem:
        return f"question {asked.id}: {problem.message}"


def _wide(rows: Iterator[tuple[int, list[str]]], student: int, header: Sequence[str], name: str, paper: Paper) -> Read:
    """A row a student: what a form exports."""
    columns: dict[int, tuple[Question, Quantity]] = {}
    passed: list[str] = []
    known = Names(name, paper)
    for at, title in enumerate(header):
        found = _column(title, paper, known)
        if at != student and found is not None:
            columns[at] = found
        elif at != student:
            passed.append(title.strip())
    if not columns:
        raise DataError(
            f"{name} has no column that is a quantity of {paper.assignment.id}, but {_few(header)}",
            hint=f"name the columns, {_EXAMPLE}; with several questions q1: dz/dx",
        )
    found_students = _Class(name)
    for line, fields in rows:
        gathered = found_students.of(fields[student] if student < len(fields) else "", line)
        problem = _too_wide(fields, len(header))
        gathered.problem = problem and f"line {line:,} of {name}: {problem}"
        if problem is not None:
            continue
        for at, (question, quantity) in columns.items():
            if at < len(fields):
                gathered.add(question.id, Answer(quantity, fields[at].strip(), f"line {line}"))
    return found_students.read([ignored(passed, "columns", name)] if passed else [])


def _column(title: str, paper: Paper, known: Names) -> tuple[Question, Quantity] | None:
    """What a column of a form asks for: `dz/dx`, or `q1: dz/dx`."""
    written = title.strip()
    for question in paper.assignment.questions:
        if written.casefold().startswith(question.id.casefold()):
            rest = written[len(question.id) :]
            if rest[:1] in (":", " ", ".", "/", "_", "-"):
                found = known.meant(question.id, rest[1:])
                return None if isinstance(found, str) else found
    found = known.meant("", written) if paper.only is not None else ""
    return None if isinstance(found, str) else found
