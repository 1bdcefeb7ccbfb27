"""What one evaluation has to say, as plain data: renderers print it and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backpropcli.records import NamedTuple

Number = Any
"""A value: a float, or an array as nested lists. Non-finite numbers are kept as floats; JSON spells them out."""


class Jacobian(NamedTuple):
    """The local derivative along an edge that has an array at an end."""

    shape: tuple[int, ...]
    """The output's shape and then the input's."""
    structure: str
    """What kind of matrix it is, in words or over the inputs' names: diag, I, ones, one-hot, broadcast, W, W', I ⊗ x'.

    Entries of arrays count row by row; `dense` where nothing is to be said of it, `0` where there is no path.
    """
    entries: Any
    """Nested lists of this shape, where output and input have at most `SHOWN` entries each; else None."""


SHOWN = 6
"""The most rows and columns of a local derivative that is written out."""

ADJOINT, OUTPUT = "dz/do", "o"
"""What the node's adjoint and its output are called in the rules of edges between arrays."""

ADJOINT_TYPESET = r"\frac{\partial z}{\partial o}"
"""The same in LaTeX."""


class Edge(NamedTuple):
    """One input of a node: where it comes from, and what the node's derivative along it is."""

    source: str
    """A variable's name or a node's id (`v4`)."""
    name: str
    """How tables write the source: the name that the user gave, else the id."""
    value: Number
    partial: Number | Jacobian | None
    """The local derivative do/di; None where the input is not differentiated."""
    rule: str | None
    """The local derivative as a formula over the inputs' names, typeset for reading: `σ(x)·σ(-x)`.

    Of an operation on arrays as a whole it is what carries the adjoint back: `Wᵀ @ dz/do`.
    """
    contribution: Number | None
    """dz/di of this edge: dz/do times do/di; 0.0 where there is no path, None where not differentiated."""


class Use(NamedTuple):
    """One edge out of a node or variable: who uses it, and the adjoint that comes back along it."""

    by: str
    """The user's id."""
    name: str
    """How tables write the user."""
    contribution: Number | None


class Row(NamedTuple):
    """One application in evaluation order: a line of the forward table and a line of the backward table."""

    id: str
    name: str | None
    """The name that the user gave, or None."""
    op: str
    label: str
    """The operation with its inputs as dots: `σ(·)`, `(·+·)^2`."""
    formula: str
    """The operation over its inputs' names, in the formula language: `sigmoid(x)`, `v7 + x`."""
    output: Number
    adjoint: Number | None
    """dz/do; 0.0 where there is no path to the output, None where the node is not differentiated."""
    path: bool
    """False where the output does not depend on this node at this point (an untaken branch)."""
    inputs: tuple[Edge, ...]
    uses: tuple[Use, ...]
    tangents: Mapping[str, Number] | None = None
    """Forward mode: d node / d variable, by the variable's name."""

    @property
    def shown(self) -> str:
        """How tables write this node: its name, else its id."""
        return self.name or self.id


class VariableRow(NamedTuple):
    """A variable's place in the tables: its value, its uses, and their sum, which is the gradient's entry."""

    name: str
    value: Number
    adjoint: Number | None
    """The derivative of the output by this variable; None where it is not differentiated."""
    path: bool
    uses: tuple[Use, ...]


class Note(NamedTuple):
    """Something that is special about this point, said once and in the same words everywhere."""

    severity: str
    """"note" (a convention was used), "warning" (a derivative is infinite or undefined)."""
    node: str | None
    """The id of the node it is about."""
    kind: str
    """kink, tie, jump, unbounded, undefined, overflow, inf_times_zero, inf_minus_inf, second_order_kink, shadowed,
    outputs, unequal, unchecked; of what LaTeX says beside a formula also agrees, asked, close, update."""
    message: str
    convention: str | None = None
    one_sided: tuple[Number, Number] | None = None
    """The slopes from the left and from the right."""


class Slope(NamedTuple):
    """A derivative that stands in an equation: d above / d below, or with `local` that of one operation, ∂/∂."""

    above: str
    below: str
    local: bool = False


class Filled(NamedTuple):
    """A value that is put in for a name."""

    value: Number
    closed: bool = False
    """Whether a negative number needs no brackets there."""


class Along(NamedTuple):
    """The local derivative along an edge that has an array at an end."""

    edge: Edge
    output: Number
    """Of the node that the edge leads to."""
    node: str
    """That node's id."""
    at: int
    """Which of its inputs it is."""


class Name(NamedTuple):
    """A name that stands in an equation by itself."""

    text: str


Term = tuple[str | Slope | Filled | Along | Name, ...]
"""What stands in an equation between two signs of addition; texts are formulas."""

Equation = tuple[tuple[Term, ...], ...]
"""Sides that are equal; each is the sum of its terms."""

FORWARD, TANGENTS, BACKWARD = "forward", "tangents", "backward"
"""The passes that a step of an explanation may belong to."""


class Step(NamedTuple):
    """What one node does in one pass, as it is written on a board."""

    stage: str
    """forward, tangents or backward."""
    node: str
    """The id, or a variable's name."""
    name: str
    """How tables write it."""
    value: Number | None
    """The output, or the adjoint; None in the pass of tangents, which has one a variable, and where there is none."""
    equations: tuple[Equation, ...]
    """The value; in the forward pass then the local derivatives."""
    pattern: str | None = None
    """What the operation does to the adjoint, as lectures name it: `add distributes: ...`."""
    remarks: tuple[str, ...] = ()
    """What else is to be said here: how many uses there are, where no path is, what is special about the point."""


class Typeset(NamedTuple):
    """The formulas of a report in LaTeX, for math mode."""

    reading: tuple[str, ...] | None
    """The statements of the formula as they were understood; None where they are too long to be typeset."""
    names: Mapping[str, str]
    """Of every variable, output, definition and node's id."""
    labels: Mapping[str, str]
    """By a node's id, its operation with dots for the inputs."""
    rules: Mapping[str, tuple[str | None, ...]]
    """By a node's id, its local derivatives, one an input; in those of arrays `ADJOINT_TYPESET` is the adjoint."""
    structures: Mapping[str, tuple[str, ...]]
    """By a node's id, what kind of matrix each of them is where arrays are at its ends."""
    explanation: tuple[Step, ...] = ()
    """The explanation with its formulas in LaTeX."""


class Report(NamedTuple):
    """Value, gradient, both passes and the notes of one formula at one point."""

    formula: str
    """As the user wrote it."""
    reading: str
    """As it was understood: fully parenthesised, in the formula language."""
    point: Mapping[str, Number]
    output: str
    """The name of the output: the user's, else one that no variable has (`z`)."""
    value: Number | Mapping[str, Number]
    """A mapping from the outputs' names where the formula has several."""
    grad: Mapping[str, Number] | None
    rows: tuple[Row, ...]
    variables: tuple[VariableRow, ...]
    notes: tuple[Note, ...]
    mode: str = "reverse"
    """reverse, forward or both: which passes the tables show."""
    extras: Mapping[str, Any] = {}
    """What was asked for besides, by its JSON key: jacobian, hessian, derivatives, jvp, hvp. Plain JSON data."""
    explanation: tuple[Step, ...] | None = None
    """Both passes in words, a step a node, in the order in which they run; where that was asked for."""
    typeset: Typeset | None = None
    """The formulas in LaTeX, where that was asked for."""
    schema: str = "backprop.eval/1"
