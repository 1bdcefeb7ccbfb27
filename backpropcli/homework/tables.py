"""The two tables that a question is drawn as: their rows, the inputs of each, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from backpropcli.formula import Formula
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, Assignment, Quantity, Question
from backpropcli.report import Report


class Line(NamedTuple):
    """One row: a node of the graph as it was drawn."""

    name: str
    label: str
    """The operation with its inputs as dots: `σ(·)`."""
    formula: str
    """Over its inputs' names: `sigmoid(x)`."""
    named: bool
    """Whether the teacher gave it its name."""
    inputs: tuple[str, ...]
    active: tuple[str, ...]
    """The inputs that are differentiated by: all of them, but for arguments that are no numbers."""
    rules: Mapping[str, str]
    """By an active input, the local derivative as a formula."""


@dataclass(frozen=True)
class Tables:
    """The rows of a question's tables in evaluation order."""

    lines: Mapping[str, Line]
    output: str
    variables: tuple[str, ...]
    report: Report
    """The numbers that the key shows."""

    def asked(self, question: Question) -> Iterator[Quantity]:
        """Every number that the question asks for, in the order of the sheet."""
        for line in self.lines.values():
            if VALUE in question.ask:
                yield Quantity(VALUE, line.name)
            if LOCAL in question.ask:
                for name in line.active:
                    yield Quantity(LOCAL, line.name, name)
        if ADJOINT in question.ask:
            for line in reversed(self.lines.values()):
                yield Quantity(ADJOINT, line.name)
                for name in line.active:
                    yield Quantity(EDGE, line.name, name)
        if GRADIENT in question.ask:
            for name in self.variables:
                yield Quantity(GRADIENT, self.output, name)

    def has(self, quantity: Quantity) -> bool:
        """Whether a quantity is one of these tables' numbers; of one that is named by its formula, it may be."""
        if quantity.formula:
            return True
        if quantity.kind == GRADIENT:
            return quantity.node == self.output and quantity.by in self.variables
        line = self.lines.get(quantity.node)
        if line is None:
            return quantity.kind == ADJOINT and quantity.node in self.variables
        return quantity.by is None or quantity.by in line.inputs


def tables(question: Question) -> Tables:
    """The tables of a question: a row a step, a definition of its formula, or else a gate."""
    formula = Formula(question.program, variables=question.point)
    # Without a point only formulas are asked for, and the rows are the same at every one.
    point = question.point or {name: 1.0 for name in formula.variables if name not in formula.bindings}
    report = formula.at(point, nodes="steps" if question.steps else "gates", ieee=not question.point)
    if not question.steps and any([row.name is not None for row in report.rows[:-1]]):
        report = formula.at(point, nodes="steps", ieee=not question.point)
    lines = {}
    for row in report.rows:
        rules = {edge.name: edge.rule or "" for edge in row.inputs if edge.partial is not None}
        inputs = tuple([edge.name for edge in row.inputs])
        lines[row.shown] = Line(row.shown, row.label, row.formula, row.name is not None, inputs, tuple(rules), rules)
    return Tables(lines, report.output, tuple(report.grad or {}), report)


class Paper(NamedTuple):
    """An assignment with the tables of its questions, made once for a whole class."""

    assignment: Assignment
    tables: Mapping[str, Tables]
    """By the question's id."""

    def question(self, name: str) -> Question | None:
        """The question that a sheet calls so, in capitals or not."""
        wanted = name.strip().casefold()
        return next((each for each in self.assignment.questions if each.id.casefold() == wanted), None)

    @property
    def only(self) -> Question | None:
        """The question, where there is one alone: then sheets need not name it."""
        return self.assignment.questions[0] if len(self.assignment.questions) == 1 else None


def paper(assignment: Assignment) -> Paper:
    """The assignment and its tables."""
    return Paper(assignment, {question.id: tables(question) for question in assignment.questions})
