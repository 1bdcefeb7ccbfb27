"""The sheet that students fill in, both tables of every question with a `?` in each cell; and the key, filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from backpropcli.homework import unseen
from backpropcli.homework.board import Board, Step
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import (
    ADJOINT,
    EDGE,
    GRADIENT,
    LOCAL,
    RIGHT,
    VALUE,
    Marked,
    Quantity,
    Question,
)
from backpropcli.homework.paper import Paper
from backpropcli.homework.sheets import markdown
from backpropcli.language.program import looks_like_latex

BLANK = "?"
DIGITS = 6
_KEY_NAME = "the key"

Cell = Callable[[Quantity], str]


def sheet(paper: Paper, *, student: str = "", key: bool = False, digits: int | None = DIGITS) -> Iterator[str]:
    """The sheet in Markdown, a question a piece; as the `key` with the true numbers in its cells."""
    assignment = paper.assignment
    yield f"---\nassignment: {assignment.id}\nstudent:{f' {student}' if student else ''}\n---\n"
    for question in assignment.questions:
        board = paper.board(question.id)
        yield from _question(question, board, _true(board, digits) if key else lambda _: BLANK)


def _question(question: Question, board: Board, cell: Cell) -> Iterator[str]:
    formula = "; ".join([" ".join(line.split()) for line in question.formula.splitlines() if line.strip()])
    if looks_like_latex(formula) and "$" not in formula:
        formula = f"${formula}$"
    point = ", ".join([f"{name} = {number(value, None)}" for name, value in question.point.items()])
    point = "" if board.symbolic else point
    yield f"\n# {question.id}: {formula}{f' at {point}' if point else ''}\n"
    steps = list(board.steps.values())
    if VALUE in question.ask or LOCAL in question.ask:
        yield "\n## Forward\n\n"
        yield from _table(_forward(question, board, steps, cell))
    if ADJOINT in question.ask:
        yield "\n## Backward\n\n"
        yield from _table(_backward(board, steps, cell))
    if GRADIENT in question.ask:
        yield "\n## Gradient\n\n"
        asked = [quantity for quantity in board.asked if quantity.kind == GRADIENT]
        yield from _table([("quantity", "answer"), *[(quantity.shown, cell(quantity)) for quantity in asked]])


def _forward(question: Question, board: Board, steps: Sequence[Step], cell: Cell) -> list[tuple[str, ...]]:
    """The columns node | inputs | output | local derivatives, so far as they are asked for."""
    header = ["node", "inputs"]
    header += ["output"] if VALUE in question.ask else []
    slopes = _asks_for(LOCAL, board)
    header += ["local derivatives"] if slopes else []
    rows = [tuple(header)]
    for step in steps:
        known = [_input(name, question, board, cell) for name in step.inputs]
        row = [_node(step, board), ", ".join(known)]
        row += [cell(Quantity(VALUE, step.name))] if VALUE in question.ask else []
        row += [_labelled(LOCAL, step, board, cell)] if slopes else []
        rows.append(tuple(row))
    return rows


def _input(name: str, question: Question, board: Board, cell: Cell) -> str:
    """An input: a variable with its value, unless nobody is told it, or what the student has computed before."""
    if name not in board.point:
        return f"{name} = {cell(Quantity(VALUE, name))}"
    return name if board.symbolic else f"{name} = {number(board.point[name], None)}"


def _backward(board: Board, steps: Sequence[Step], cell: Cell) -> list[tuple[str, ...]]:
    """The columns node | dz/do | do/di | dz/di, against evaluation order."""
    output = board.output
    given = _asks_for(LOCAL, board)
    rows = [("node", f"d{output}/do", *(["do/di"] if given else []), f"d{output}/di")]
    for step in reversed(steps):
        if Quantity(ADJOINT, step.name) not in board.asked:
            continue  # No derivative that is asked for depends on it.
        locals_ = [_labelled(LOCAL, step, board, cell)] if given else []
        rows.append(
            (_node(step, board), cell(Quantity(ADJOINT, step.name)), *locals_, _labelled(EDGE, step, board, cell))
        )
    return rows


def _asks_for(kind: str, board: Board) -> bool:
    """Whether there is any such number: local derivatives between arrays are matrices, and not asked for."""
    return any([quantity.kind == kind for quantity in board.asked])


def _node(step: Step, board: Board) -> str:
    """A node's name; where the teacher has drawn no steps what it is as well."""
    return step.name if board.granularity == "steps" else f"{step.name} = {step.formula}"


def _labelled(kind: str, step: Step, board: Board, cell: Cell) -> str:
    """A number for each of the inputs, as far as they are asked for."""
    quantities = [Quantity(kind, step.name, name) for name in step.inputs]
    return "; ".join([f"{quantity.by}: {cell(quantity)}" for quantity in quantities if quantity in board.asked]) or "-"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows of a table, the first of which is its header, in columns."""
    escaped = [[text.replace("|", "\\|") for text in row] for row in rows]
    widths = [max([len(row[at]) for row in escaped]) for at in range(len(escaped[0]))]
    for number_, row in enumerate(escaped):
        yield f"| {' | '.join([text.ljust(width) for text, width in zip(row, widths, strict=True)])} |\n"
        if number_ == 0:
            yield f"|{'|'.join(['-' * (width + 2) for width in widths])}|\n"


# The key


def _true(board: Board, digits: int | None) -> Cell:
    """The true number of each cell; where several uses come together, each of them."""

    def cell(quantity: Quantity) -> str:
        if board.symbolic:
            return unseen.formula(board, quantity)
        truth = board.truth[quantity]
        users = board.uses[quantity.node] if quantity.kind == ADJOINT and isinstance(truth, float) else ()
        if len(users) > 1:
            return ", ".join([number(board.truth[Quantity(EDGE, user, quantity.node)], digits) for user in users])
        return number(truth, digits)

    return cell


def number(value: Any, digits: int | None) -> str:
    """A number or an array as a sheet has it; with every digit where `digits` is None."""
    if isinstance(value, list):
        matrix = bool(value) and isinstance(value[0], list)
        return f"[{('; ' if matrix else ', ').join([_row(entry, digits) for entry in value])}]"
    if value is None:
        return "0"
    text = repr(value) if digits is None else f"{value:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if e else "")


def _row(value: Any, digits: int | None) -> str:
    """A row of a matrix without its brackets."""
    return ", ".join([number(entry, digits) for entry in value]) if isinstance(value, list) else number(value, digits)


def checked(paper: Paper, digits: int | None = DIGITS) -> tuple[tuple[Marked, ...], float]:
    """The answers of the key that are not marked right, and the points that there are."""
    text = "".join(sheet(paper, student=_KEY_NAME, key=True, digits=digits))
    [read] = markdown.read(text.encode(), _KEY_NAME, paper).sheets
    result = mark_sheet(paper.markers, read)
    return tuple([each for each in result.marked if each.verdict != RIGHT]), result.max_score
