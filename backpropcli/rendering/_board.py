"""An explanation's steps as lines of a board: sides of equations as text, and where they are broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import prod

from backpropcli.errors import columns
from backpropcli.rendering._arrays import carried, dims, inline, is_array, on_one_line, shape_text
from backpropcli.rendering._style import LINES_SHOWN, Style, elided, number, words
from backpropcli.report import (
    BACKWARD,
    FORWARD,
    SHOWN,
    TANGENTS,
    Along,
    Equation,
    Filled,
    Name,
    Slope,
    Step,
    Term,
)

TITLES = {
    FORWARD: "Forward pass, in words",
    TANGENTS: "Tangents, in words",
    BACKWARD: "Backward pass, in words",
}
LEADS = {
    FORWARD: "With the arrows: each node computes its output, and its local derivatives, which it keeps.",
    TANGENTS: "With the arrows: a node's tangent is the sum, over its inputs, of local derivative times tangent;"
    " that of a variable by itself is 1.",
    BACKWARD: "Against the arrows: the adjoint of a node is the sum, over its uses, of the user's adjoint times the"
    " local derivative that the user has kept.",
}

LEAD = 16
"""How wide the left side of an equation is at most, for the others to stand beside it."""
SUM = " + "

Sides = list[list[str]]
"""Of an equation the sides, of each the terms."""


def stages(steps: Sequence[Step]) -> Iterator[tuple[str, list[Step]]]:
    """The passes with their steps."""
    for stage, run in groupby(steps, lambda step: step.stage):
        yield stage, list(run)


def sides(equation: Equation, style: Style, most: int = LINES_SHOWN) -> Sides:
    """The texts; a side that says no more than the one before it is left out, and so are terms beyond `most`."""
    found: Sides = []
    for side in equation:
        first, count, last = elided(side, most)
        between = [f"{'…' if style.unicode else '...'} {count:,} more"] if count else []
        terms = [*[_term(each, style) for each in first], *between, *[_term(each, style) for each in last]]
        if not found or terms != found[-1]:
            found.append(terms)
    return found


def on_a_line(found: Sides) -> str:
    """An equation on one line."""
    return " = ".join(map(SUM.join, found))


def lines(found: Sides, room: int) -> list[str]:
    """An equation on one line, or with a side a line, the signs of equality below each other."""
    line = on_a_line(found)
    left, *rest = found
    if columns(line) <= room and all(len(side) == 1 for side in rest):
        return [line]
    lead = SUM.join(left)
    made = []
    if columns(lead) > min(LEAD, room // 3):
        made = _broken([lead], "", "  ", room)
        lead = " "
    blank = " " * columns(lead)
    for side in rest:
        made += _broken(side, f"{lead} = ", f"{blank}   ", room)
        lead = blank
    return made


def together(equations: Sequence[Sides], room: int) -> list[str]:
    """Equations below each other, short ones beside each other."""
    made: list[str] = []
    open_ended = False
    for found in equations:
        new = lines(found, room)
        if open_ended and len(new) == 1 and columns(f"{made[-1]}, {new[0]}") <= room:
            made[-1] += f", {new[0]}"
        else:
            made += new
        open_ended = len(new) == 1
    return made


def _broken(terms: Sequence[str], lead: str, blank: str, room: int) -> list[str]:
    """Terms behind what leads them, further lines behind blanks; a term that is too wide is broken at its own."""
    tokens: list[str] = []
    for at, term in enumerate(terms):
        token = f"+ {term}" if at else term
        tokens += [token] if columns(lead + token) <= room else token.split(" ")
    made = [lead + tokens[0]]
    for token in tokens[1:]:
        if columns(f"{made[-1]} {token}") <= room:
            made[-1] += f" {token}"
        else:
            made.append(blank + token)
    return made


def said(step: Step, style: Style) -> list[str]:
    """The sentences of a step, as they may be shown."""
    return [words(text, style) for text in (*step.remarks, *([step.pattern] if step.pattern else []))]


def texts(step: Step, style: Style) -> list[Sides]:
    """The equations of a step."""
    return [sides(equation, style) for equation in step.equations]


def _term(term: Term, style: Style) -> str:
    return "".join([_piece(piece, style, len(term) == 1) for piece in term])


def _piece(piece: str | Slope | Filled | Along | Name, style: Style, alone: bool) -> str:
    if isinstance(piece, str):
        return words(piece, style)
    if isinstance(piece, Name):
        return words(piece.text, style)
    if isinstance(piece, Slope):
        sign = "∂" if piece.local else "d"
        return words(f"{sign}{piece.above}/{sign}{piece.below}", style)
    if isinstance(piece, Along):
        return on_one_line(carried(piece.edge, piece.output, style))
    if is_array(piece.value):
        whole_array = (piece.closed and alone) or prod(dims(piece.value)) <= SHOWN
        # On one line the columns of further axes need no blanks.
        return " ".join(inline(piece.value, style).split()) if whole_array else shape_text(dims(piece.value))
    text = number(piece.value, style)
    return f"({text})" if text.startswith("-") and not piece.closed and len(text) > 1 else text
