"""A student's sheet in Markdown: the two tables of the lecture and a list of derivatives, with numbers in their cells.

A table is known by the names of its columns, a row by its node, and a number in a cell by the input before it, as in
`n: 0.02; r: 4.98`. The list of derivatives may be a table, or lines such as `- dz/dx = -0.0076`, which count where no
table answers. Everything else in the file is a remark. Cells are read as they were typed: `2*x*y` is no emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.homework.board import Board
from backpropcli.homework.model import (
    ADJOINT,
    EDGE,
    GRADIENT,
    LOCAL,
    VALUE,
    Answer,
    Quantity,
    Question,
    Sheet,
    read_quantity,
)
from backpropcli.homework.numbers import is_blank
from backpropcli.homework.paper import Paper
from backpropcli.homework.sheets import QUANTITY_LENGTH, STUDENT_LENGTH, Read, check_assignment
from backpropcli.language import names
from backpropcli.reading.points import parts
from backpropcli.reading.sources import decoded
from backpropcli.records import NamedTuple

MAX_LINES = 20_000
"""Lines of a sheet: reading takes time for each, and a sheet that is filled in by hand has a hundred."""
_MORE_ROWS, _FREE_ROWS = 10, 100
"""How many rows the tables under a question may have, by the numbers that it has, and besides."""
_FRONT = 50
"""Lines in which what stands between `---` at the top has to end."""
_LONG_CELL = 1 << 16
_TOLD = 3
"""How many rows of a sheet are told of that are about nothing in the assignment."""

_BLOCKS = ("table", "heading", "fence", "code", "blockquote", "list", "html_block", "hr")
_SLOPE_OF_OUTPUT = re.compile(r"[d∂][^\s/]*\s*/\s*[d∂]([oi])\b")
_NAME = r"[^\s:=;,/()]+"
# What it finds is a label if it is the name of an input.
_LABEL = re.compile(rf"(?<![^\s;,(])(?:[d∂]\s?{_NAME}\s?/\s?[d∂]\s?)?({_NAME})\s?[:=]")
_BREAK = re.compile(r"<br[ ]?/?>", re.IGNORECASE)
_LINE = re.compile(r"[\s*_`$]*([d∂][^=:≈~|]{1,60}?)[\s*_`$]*[=:≈~](.*)")
_MARKS = ("**", "__", "`", "$", "*", "_")
_HEAD = re.compile(r"[^\s:.,)\]–—]+")


def read(contents: bytes, name: str, paper: Paper) -> Read:
    """The sheet of one student; raises DataError where it is no text, too long, or of another assignment."""
    text = decoded(contents, name).replace("\r", "\n")
    count = text.count("\n")
    if count > MAX_LINES:
        raise DataError(
            f"{name} has {count:,} lines, and the limit of a sheet is {MAX_LINES:,}",
            hint="hand in the tables alone; a whole class is read from CSV or JSON",
        )
    front, body = _front(text)
    check_assignment(front.get("assignment", ""), paper, name)
    answers: dict[str, list[Answer]] = {}
    lines: dict[str, list[Answer]] = {}
    strange: list[str] = []
    rows: dict[str, int] = {}
    for table in _tables(body, paper):
        board, asked = paper.board(table.question.id), table.question.id
        rows[asked] = rows.get(asked, 0) + len(table.rows)
        most = _MORE_ROWS * len(board.truth) + _FREE_ROWS
        if rows[asked] > most:
            raise DataError(
                f"{name} has {rows[asked]:,} rows under question {asked}, and the limit there is {most:,}",
                hint="hand in each table once; backprop worksheet prints an empty sheet",
            )
        answers.setdefault(asked, [])
        (lines if table.loose else answers).setdefault(asked, []).extend(_answers(table, board, strange))
    for asked, found in answers.items():
        found += _besides(lines.get(asked, ()), found)
    student = (front.get("student", "") or _stem(name))[:STUDENT_LENGTH]
    sheet = Sheet(student, {each: tuple(answers[each]) for each in answers}, name, front.get("assignment", ""))
    return Read((sheet,), tuple(_passed_over(strange, name, nothing=not any(answers.values()))))


def _besides(lines: Sequence[Answer], found: Sequence[Answer]) -> list[Answer]:
    """Of what lines say what no table does; where two say something of one quantity, the last."""
    known = {each.quantity for each in found if not each.given and not is_blank(each.text)}
    return list({each.quantity: each for each in lines if each.quantity not in known}.values())


def _passed_over(strange: Sequence[str], name: str, *, nothing: bool) -> Iterator[str]:
    """What is said of rows that are about nothing in the assignment, and of a sheet without any other."""
    yield from [f"{name}, {each}" for each in strange[:_TOLD]]
    if len(strange) > _TOLD:
        yield f"{name}: {len(strange) - _TOLD:,} more rows are passed over"
    if nothing and not strange:
        yield f"{name}: no table or line under a question is one of the sheet that backprop worksheet prints"


def _stem(name: str) -> str:
    base = name.replace("\\", "/").rpartition("/")[2]
    return base.rpartition(".")[0] or base


def _front(text: str) -> tuple[dict[str, str], str]:
    """What stands between two lines `---` at the top, by its key; and the text with those lines blanked."""
    lines = text.split("\n", _FRONT)
    if lines[0].strip() != "---":
        return {}, text
    found: dict[str, str] = {}
    for at, line in enumerate(lines[1:_FRONT], start=1):
        if line.strip() == "---":
            return found, "\n" * at + "\n".join(["", *lines[at + 1 :]])
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip().casefold(), value.strip().strip("\"'")[: STUDENT_LENGTH + 1])
    return {}, text


# Tables


class Row(NamedTuple):
    """A row of a table, and the line of the file that it stands in."""

    line: int
    cells: list[str]


class Table(NamedTuple):
    """A table under a question's heading."""

    question: Question
    header: list[str]
    rows: list[Row]
    loose: bool = False
    """Whether it is no table, but lines of text that say what derivatives are."""


def _tables(text: str, paper: Paper) -> Iterator[Table]:
    """The tables in the text, each with the question that it is about."""
    # Nothing inside a line is parsed: neither links nor emphasis cost anything, or change what was written.
    parser = MarkdownIt("zero", {"html": True}).enable(_BLOCKS)
    parser.core.ruler.enableOnly(["normalize", "block"])
    tokens = parser.parse(text)
    question = paper.only
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            question = _headed(tokens[at + 1].content, token.tag, question, paper)
        elif token.type == "table_open" and question is not None:
            rows = _rows(tokens, at)
            if rows:
                yield Table(question, rows[0].cells, rows[1:])
        elif token.type == "inline" and question is not None and tokens[at - 1].type == "paragraph_open":
            rows = list(_lines(token))
            if rows:
                yield Table(question, ["quantity", "answer"], rows, loose=True)


def _lines(token: Token) -> Iterator[Row]:
    """The lines of a paragraph that say what a derivative is."""
    start = (token.map or [0])[0] + 1
    for at, line in enumerate(token.content.split("\n")):
        found = _LINE.match(line)
        if found:
            yield Row(start + at, [found[1], found[2].strip(" *_")])


def _rows(tokens: Sequence[Token], start: int) -> list[Row]:
    """The rows of the table that opens at this token."""
    rows: list[Row] = []
    for at in range(start + 1, len(tokens)):
        token = tokens[at]
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append(Row((token.map or [0])[0] + 1, []))
        elif token.type == "inline":
            rows[-1].cells.append(token.content.strip())
    return rows


def _headed(text: str, tag: str, before: Question | None, paper: Paper) -> Question | None:
    """The question that what follows a heading is about."""
    head = _HEAD.match(text.strip(" *_`"))
    found = paper.question(head[0]) if head else None
    if found is not None:
        return found
    # `# q7: ...` begins a question that the assignment does not have; other headings are parts of this one.
    return None if tag == "h1" and head is not None and text[head.end() :].lstrip(" *_`")[:1] == ":" else before


# Cells


def _answers(table: Table, board: Board, strange: list[str]) -> Iterator[Answer]:
    """What the cells of a table say of what the question has; rows about anything else are `strange`."""
    roles = _roles(table.header)
    if "answer" in roles and "quantity" in roles:
        yield from _listed(table, roles, board, strange)
    elif "node" in roles:
        node = ""
        for row in table.rows:
            cells = dict(zip(roles, row.cells, strict=False)) if len(set(roles)) == len(roles) else _first(roles, row)
            node = _node(cells.get("node", "")) or node
            found = list(_of_node(node, cells, board, f"line {row.line}"))
            if not found and node not in board.point and _filled(cells):
                strange.append(f"line {row.line} is passed over: the question has no node {visible(node, 40)}")
            yield from found


def _filled(cells: dict[str, str]) -> bool:
    """Whether there is a number in a row."""
    return any([re.search("[0-9]", cells.get(role, "")) for role in ("output", "local", "adjoint", "edge")])


def _first(roles: Sequence[str], row: Row) -> dict[str, str]:
    """The cells by their roles; of columns that are called the same the first counts."""
    found: dict[str, str] = {}
    for role, cell in zip(roles, row.cells, strict=False):
        found.setdefault(role, cell)
    return found


def _roles(header: Sequence[str]) -> list[str]:
    """What each column holds: node, inputs, output, local, adjoint, given, edge, quantity, answer, or nothing."""
    found = [_role(_bare(cell).casefold()) for cell in header]
    if "adjoint" in found or "edge" in found:
        # The backward table repeats the local derivatives: they are the student's numbers, and were marked before.
        found = ["given" if role == "local" else role for role in found]
    if "quantity" in found:
        found = ["answer" if role == "output" else role for role in found]
    return found


def _role(title: str) -> str:
    if title.startswith(("node", "step", "name")):
        return "node"
    if title.startswith("input"):
        return "inputs"
    if title.startswith("local"):
        return "local"
    slope = _SLOPE_OF_OUTPUT.match(title)
    if slope:
        over_output = title[1:2] == "o" and not title[2:3].isalnum()
        return "adjoint" if slope[1] == "o" else "local" if over_output else "edge"
    for role, words in (
        ("output", ("output", "value", "result")),
        ("adjoint", ("adjoint",)),
        ("edge", ("contribution",)),
        ("quantity", ("quantity", "derivative", "what")),
        ("answer", ("answer", "your answer", "number")),
    ):
        if title.startswith(words):
            return role
    return ""


def _bare(text: str) -> str:
    """A text without the marks of emphasis, code or mathematics that are around all of it."""
    text = _BREAK.sub("; ", text).strip() if "<" in text else text.strip()
    for mark in _MARKS:
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            inner = text[len(mark) : -len(mark)]
            if mark not in inner:
                text = inner.strip()
    return text


def _node(cell: str) -> str:
    """The node that a row is about: its name, or its formula."""
    text = cell.strip()
    for mark in _MARKS[:3]:
        # `**s** σ(·)`, as the program itself prints it.
        if text.startswith(mark) and text.count(mark) >= 2:
            text = text[len(mark) : text.index(mark, len(mark))]
    name, equals, _ = text.partition("=")
    head = name.strip().rstrip(":")
    return names.canonical(head) if equals or names.is_name(names.canonical(head)) else _bare(text)


def _of_node(node: str, cells: dict[str, str], board: Board, place: str) -> Iterator[Answer]:
    if node in board.point:
        if "adjoint" in cells:
            yield Answer(Quantity(GRADIENT, board.output, node), _total(cells["adjoint"]), place)
        return
    step = board.steps.get(node)
    formula = step is None
    if not node or (formula and (names.is_name(node) or len(node) > QUANTITY_LENGTH)):
        return
    inputs = step.inputs if step is not None else ()
    if "output" in cells:
        yield Answer(Quantity(VALUE, node, formula=formula), _number(cells["output"]), place)
    for name, text in _labelled(cells.get("inputs", ""), inputs):
        if name in board.steps:
            yield Answer(Quantity(VALUE, name), text, place, given=True)
    if "adjoint" in cells:
        yield Answer(Quantity(ADJOINT, node, formula=formula), _uses(cells["adjoint"]), place)
    for role, kind in (("local", LOCAL), ("given", LOCAL), ("edge", EDGE)):
        for name, text in _labelled(cells.get(role, ""), inputs):
            yield Answer(Quantity(kind, node, name, formula=formula), text, place, given=role == "given")


def _labelled(cell: str, inputs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The numbers in a cell by their inputs; without labels one an input, in order."""
    text = _bare(cell)
    if text in ("", "-") or not inputs:
        return
    found = [] if len(text) > _LONG_CELL else [
        label for label in _LABEL.finditer(text) if names.canonical(label[1]) in inputs
    ]  # fmt: skip
    if found:
        ends = [*[label.start() for label in found[1:]], len(text)]
        for label, end in zip(found, ends, strict=True):
            yield names.canonical(label[1]), _number(text[label.end() : end].strip().rstrip(",;").strip())
        return
    pieces = [text]
    if len(inputs) > 1:
        pieces = [piece.strip() for piece in parts(text[:_LONG_CELL], ";")]
        if len(pieces) != len(inputs):
            pieces = [piece.strip() for piece in text[:_LONG_CELL].split(", ")]
    if len(pieces) == len(inputs):
        yield from zip(inputs, map(_number, pieces), strict=True)
    else:
        for name in inputs:
            yield name, text


def _number(text: str) -> str:
    """What was written for one number; after `rule = number`, as the program prints it, the number."""
    text = _bare(text)
    if text.startswith("`") and "`" in text[1:]:
        rule, _, rest = text[1:].partition("`")
        return _bare(rest.strip().removeprefix("=").strip()) or rule
    return text


def _uses(cell: str) -> str:
    """What arrives at a node: a number, or one a use; `via n` says where each comes from."""
    text = _number(cell)
    if " via " not in text:
        return text
    uses = text.partition("; sum")[0]
    return ", ".join([each.partition(" via ")[0].strip() for each in uses.split(", ")])


def _total(cell: str) -> str:
    text = _number(cell)
    return _bare(text.rpartition("; sum")[2]) if "; sum" in text else _uses(text)


def _listed(table: Table, roles: Sequence[str], board: Board, strange: list[str]) -> Iterator[Answer]:
    """The numbers of a table that names each: `dz/dx`."""
    for row in table.rows:
        cells = _first(roles, row)
        asked, text = _bare(cells.get("quantity", "")), _number(cells.get("answer", ""))
        if len(asked) > QUANTITY_LENGTH:
            continue
        try:
            quantity = board.resolve(read_quantity(asked))
        except BackpropError as problem:
            # A row about something else is a remark, but one that looks like an answer may be a slip of the pen.
            if not table.loose and not is_blank(text):
                strange.append(f"line {row.line} is passed over: {problem.message}")
            continue
        yield Answer(quantity, text, f"line {row.line}")
