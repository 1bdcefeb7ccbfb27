"""What homework is made of: questions, quantities, answers as written, and what was made of them; plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backpropcli.errors import BackpropError, Span, visible
from backpropcli.language import names
from backpropcli.records import NamedTuple

VALUE, LOCAL, ADJOINT, EDGE, GRADIENT = "value", "local", "adjoint", "edge", "gradient"
"""The kinds of quantities: a node's output, do/di, dz/do, dz/di of an edge, and the derivative by a variable."""

ASKED = (VALUE, LOCAL, ADJOINT, GRADIENT)
"""What an assignment may ask for and give points to; edges are asked for with the adjoints, and paid as they are."""

RIGHT, BY_ROUNDING, FOLLOW_THROUGH = "right", "right_by_rounding", "follow_through"
WRONG, TOO_COARSE, MISSING, UNREADABLE = "wrong", "too_coarse", "missing", "unreadable"
VERDICTS = (RIGHT, BY_ROUNDING, FOLLOW_THROUGH, WRONG, TOO_COARSE, MISSING, UNREADABLE)
"""What may be said of an answer; `missing` and `unreadable` are never `wrong`."""

DECIMALS = (".", ",", "either")
RULES = ("shown", "relative")
ROUNDINGS = ("carry", "exact")
FOLLOWING = ("full", "half", "off")

_NAME = r"[^\W\d]\w*"
_WORDS = {
    VALUE: VALUE, LOCAL: LOCAL, ADJOINT: ADJOINT, "adj": ADJOINT, EDGE: EDGE, GRADIENT: GRADIENT, "grad": GRADIENT,
}  # fmt: skip
_WORD = re.compile(rf"({'|'.join(_WORDS)})\b[ \t]*", re.IGNORECASE)
_SLOPE = re.compile(rf"[d∂][ ]?({_NAME})[ ]?/[ ]?[d∂][ ]?({_NAME})\Z")
_FRACTION = re.compile(r"\\[dt]?frac[ ]?\{([^{}]*)\}[ ]?\{([^{}]*)\}")
_ARROW = re.compile(rf"({_NAME})[ ]?(?:->|→)[ ]?({_NAME})\Z")
_PLAIN = re.compile(rf"{_NAME}\Z")
_EXAMPLES = "dz/dx, z, value s, local ds/dx, local[(x+y)^2|x], adjoint s, adj[s + q] or edge z->n"
_LONGEST = 4096


class Quantity(NamedTuple):
    """One number of the two tables, or one array."""

    kind: str
    """value, local, adjoint, edge or gradient."""
    node: str
    """The node's name in canonical spelling; its formula where it was named by that; of a gradient the output."""
    by: str | None = None
    """The input that a local derivative is by, that an edge leads from, or the variable of a gradient."""
    formula: bool = False
    """Whether the node is named by its formula, as in `value[(x+y)^2]`."""

    @property
    def shown(self) -> str:
        """How it is written: `dz/dx`, `value s`, `local ds/dx`, `adjoint s`, `edge z->n`; by formula in brackets."""
        if self.kind == GRADIENT:
            return f"d{self.node}/d{self.by}"
        if self.formula:
            return f"{self.kind}[{self.node}{'' if self.by is None else f'|{self.by}'}]"
        if self.kind == LOCAL:
            return f"{self.kind} d{self.node}/d{self.by}"
        return f"{self.kind} {self.node}{'' if self.by is None else f'->{self.by}'}"

    @property
    def paid_as(self) -> str:
        """The kind of which the assignment says how many points it is worth."""
        return ADJOINT if self.kind == EDGE else self.kind


def read_quantity(text: str) -> Quantity:
    """The quantity that a text names; whether a question has it is for its board to say.

    Raises BackpropError for a text that names none.
    """
    written = " ".join(_plain(text).split()) if len(text) <= _LONGEST else ""
    word = _WORD.match(written)
    kind = _WORDS[word[1].lower()] if word else None
    rest = written[word.end() :] if word else written
    found = None
    if kind is not None and rest[:1] == "[" and rest[-1:] == "]":
        found = _bracketed(kind, rest[1:-1])
    elif kind is None or rest:
        found = _named(kind, rest)
    elif _PLAIN.match(written):
        found = Quantity(VALUE, names.canonical(written))  # A node that is called as a kind is.
    if found is None:
        raise BackpropError(
            f"expected a quantity, but found {visible(text.strip(), 60) or 'nothing'}",
            source=text,
            span=Span(0, len(text)),
            hint=f"write {_EXAMPLES}",
        )
    return found


def _plain(text: str) -> str:
    """A slope in LaTeX as it is on one line: `dz/dx`."""
    found = _FRACTION.fullmatch(text.strip(" $"))
    return f"{found[1]}/{found[2]}".replace("\\partial", "∂").replace("\\", "") if found else text


def _bracketed(kind: str, inside: str) -> Quantity | None:
    """A quantity of the node that has a formula: `[s + q]`, `[(x+y)^2|x]`."""
    body, by = inside.strip(), None
    if kind in (LOCAL, EDGE):
        bar = body.rfind("|")
        if bar < 0 or not _PLAIN.match(body[bar + 1 :].strip()):
            return None
        body, by = body[:bar].strip(), names.canonical(body[bar + 1 :].strip())
    if not body or kind == GRADIENT:
        return None
    return Quantity(kind, body, by, formula=True)


def _named(kind: str | None, rest: str) -> Quantity | None:
    """A quantity of the node that has a name: `s`, `ds/dx`, `z->n`."""
    slope, arrow = _SLOPE.match(rest), _ARROW.match(rest)
    if slope and kind in (None, LOCAL, GRADIENT):
        return Quantity(kind or GRADIENT, names.canonical(slope[1]), names.canonical(slope[2]))
    if slope and kind in (ADJOINT, EDGE):
        # `adjoint dz/ds`: the output is said, and the node is what it is by.
        return Quantity(ADJOINT, names.canonical(slope[2])) if kind == ADJOINT else None
    if arrow and kind in (None, EDGE):
        return Quantity(EDGE, names.canonical(arrow[1]), names.canonical(arrow[2]))
    if _PLAIN.match(rest) and kind in (None, VALUE, ADJOINT):
        return Quantity(kind or VALUE, names.canonical(rest))
    return None


@dataclass(frozen=True)
class Question:
    """One formula at one point, and what is asked about it."""

    id: str
    formula: str
    """As the teacher wrote it, with the output's name before it: `z = n*r`."""
    point: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, or arrays as nested lists; empty where only formulas are asked for."""
    steps: tuple[str, ...] = ()
    """The graph as it was drawn, one definition a node; without any, the definitions in the formula, else its gates."""
    ask: tuple[str, ...] = ASKED
    wrt: tuple[str, ...] = ()
    """The variables that derivatives are asked by; all of them where nothing is said."""
    points: Mapping[str, float] = field(default_factory=dict)
    """By kind, what an answer is worth; 1 where nothing is said."""
    decimal: str = "either"
    """The sign before decimals: a point, a comma, or either of them."""
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Where formulas are compared, by variable; where nothing is said, over several magnitudes and both signs."""
    unseen: bool = False
    """Whether formulas are asked for, and the point is one that nobody is told."""

    def worth(self, quantity: Quantity) -> float:
        """The points for a quantity."""
        return float(self.points.get(quantity.paid_as, 1))

    @property
    def program(self) -> str:
        """The formula whose definitions are the nodes."""
        return "; ".join(self.steps) if self.steps else self.formula


@dataclass(frozen=True)
class Marking:
    """How answers are compared and paid."""

    rule: str = "shown"
    """shown: by the digits that were written; relative: within `relative`, for numbers that a machine has made."""
    min_digits: int = 2
    rounding: str = "carry"
    """carry: what follows from rounded numbers of one's own is right; exact: only the truth as rounded is."""
    follow_through: str = "full"
    """What a right step on a wrong number pays: full, half or off."""
    relative: float = 1e-7


@dataclass(frozen=True)
class Assignment:
    """A teacher's file: the questions, how they are marked, and how much students are told."""

    id: str
    questions: tuple[Question, ...]
    title: str = ""
    marking: Marking = field(default_factory=Marking)
    level: str = "locate"
    """The feedback level: score, mark, locate, hint, explain or reveal."""
    seed: int = 0


class Answer(NamedTuple):
    """What a student wrote for one quantity."""

    quantity: Quantity
    text: str
    """As written: the digits carry the precision."""
    place: str = ""
    """Where it stands, for messages: `line 14`, `row 3`."""
    given: bool = False
    """Whether it is a number of the student's own that is not marked (again): `--given`, a table's inputs."""


@dataclass(frozen=True)
class Sheet:
    """What one student handed in."""

    student: str
    answers: Mapping[str, tuple[Answer, ...]]
    """By the question's id."""
    source: str = ""
    assignment: str = ""
    problem: str | None = None
    """Why it cannot be read, where that is known already; then it has no answers."""


@dataclass(frozen=True)
class Marked:
    """One answer with its verdict. Of a sum's two contributions written apart, each is one."""

    question: str
    quantity: Quantity
    claimed: str
    """As written; empty where the answer is missing."""
    verdict: str
    points: float
    worth: float
    place: str = ""
    via: str | None = None
    """The node that this contribution comes back from, where one number a use was written; of an array's entry its
    place, as `[0, 1]`."""
    misconceptions: tuple[str, ...] = ()
    """Names from the catalogue that the answer is consistent with, the most local first."""
    hint: str | None = None
    """What is to be said without a number that is true."""
    because: tuple[Quantity, ...] = ()
    """Of a follow-through the wrong steps that it follows from."""
    truth: Any = None
    """The number in full precision; a formula where one is asked for."""
    follows: Any = None
    """What follows from the student's own numbers, where these differ from the truth."""
    problem: str | None = None
    """Why it is unreadable, or where a formula differs."""


@dataclass(frozen=True)
class Result:
    """All answers of one student, marked."""

    student: str
    marked: tuple[Marked, ...]
    source: str = ""
    problem: str | None = None
    """Why the whole file could not be read; then everything is missing."""
    notes: tuple[str, ...] = ()
    """What was passed over in the file."""

    @property
    def score(self) -> float:
        """The points earned."""
        return round(sum([each.points for each in self.marked]), 9)

    @property
    def max_score(self) -> float:
        """The points that could be earned."""
        return round(sum([each.worth for each in self.marked]), 9)

    def count(self, verdict: str) -> int:
        """How many answers have this verdict."""
        return sum([each.verdict == verdict for each in self.marked])

    @property
    def wrong(self) -> tuple[Marked, ...]:
        """The wrong steps in the order of the graph: independent errors, without what follows from them."""
        return tuple([each for each in self.marked if each.verdict == WRONG])

    @property
    def first_wrong(self) -> Marked | None:
        """The first wrong step."""
        return next(iter(self.wrong), None)
