"""Both passes in words: of every node the rule, the numbers put in, and the sum over its uses, as plain data.

It says nothing of its own: the numbers are those of the tables, and what is to be said of an operation is in its entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras.algebra import Map
from backpropcli.algebras.text import TOO_LONG
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, literal_of
from backpropcli.passes.evaluate import dims_of, plain
from backpropcli.passes.sweeps import Trace
from backpropcli.passes.tabulate import Tables, Tangents, shown_names
from backpropcli.passes.wording import BOARD, Hand, Wording, Words, filled, position_of
from backpropcli.primitives import PRECEDENCE, Primitive
from backpropcli.primitives.entry import Each
from backpropcli.records import NamedTuple
from backpropcli.report import (
    ADJOINT,
    ADJOINT_TYPESET,
    BACKWARD,
    FORWARD,
    TANGENTS,
    Along,
    Equation,
    Filled,
    Jacobian,
    Name,
    Note,
    Slope,
    Step,
    Term,
    Typeset,
)

PUT_IN = 200
"""Characters of a formula beyond which the numbers are not put into it."""
NAMED = 5
"""How many users a sentence names."""

_OPENS, _CLOSES = ("", "(", "[", "{", ",", "|"), ("", ")", "]", "}", ",", "|")


class Notation(NamedTuple):
    """How formulas are written on the board."""

    hand: Hand
    times: str
    adjoint: str
    """What stands for the adjoint in the rules of operations on arrays."""


class Explained(NamedTuple):
    """What is to be explained: the trace that the tables show, and its sweeps."""

    trace: Trace[Any]
    inside: Sequence[Graph | None] | None
    """The formulas of steps, where nodes are steps."""
    adjoints: Sequence[Any] | None
    """None where nothing was pulled, or where only tangents are asked for."""
    seeds: Sequence[Any]
    """What the adjoints of the outputs start from."""
    tangents: Tangents | None
    tables: Tables
    notes: Sequence[Note]
    output: str
    """What is differentiated, as the tables name it."""


def explained(asked: Explained, typeset: Typeset | None) -> tuple[tuple[Step, ...], Typeset | None]:
    """The steps in the order in which the passes run; where formulas are typeset, so are those of the steps."""
    names = shown_names(asked.trace.graph, asked.tables.ids)
    steps = tuple(_Board(asked, Notation(BOARD, " · ", ADJOINT), names).steps())
    if typeset is None:
        return steps, None
    from backpropcli.passes import typeset as typesetting

    notation = Notation(typesetting.BOARD, r" \cdot ", ADJOINT_TYPESET)
    written = [typeset.names.get(name, name) for name in names]
    return steps, typeset._replace(explanation=tuple(_Board(asked, notation, written).steps()))


class _Use(NamedTuple):
    """An edge out of a node: its user, and which of the user's inputs it is."""

    by: int
    argument: int
    """Which of the user's arguments."""
    at: int
    """Which of the inputs in the user's row."""


class _Board:
    """What every step needs: the rows by node, the uses, the wordings."""

    def __init__(self, asked: Explained, notation: Notation, written: Sequence[str]) -> None:
        self.asked = asked
        self.notation = notation
        self.written = written
        self.graph = asked.trace.graph
        self.ids = asked.tables.ids
        self.shown = shown_names(self.graph, self.ids)
        applications = [i for i, node in enumerate(self.graph.nodes) if node.args or node.op == STEP]
        self.rows = dict(zip(applications, asked.tables.rows, strict=True))
        self.words = Words(notation.hand)
        self.uses = self._uses()
        self.remarks: dict[str, list[str]] = {}
        for note in asked.notes:
            if note.node is not None:
                self.remarks.setdefault(note.node, []).append(f"{note.severity}: {note.message}")

    def steps(self) -> Iterator[Step]:
        """Forward, the tangents with the arrows, backward."""
        for i in self.rows:
            yield self._forward(i)
        if self.asked.tangents is not None:
            for i in self.rows:
                yield self._moved(i, self.asked.tangents)
        if self.asked.adjoints is not None:
            seeds = self._seeds()
            for i in [*reversed(self.rows), *self.graph.variables.values()]:
                if self.asked.trace.active[i]:
                    yield self._backward(i, self.asked.adjoints, seeds)

    def _uses(self) -> list[list[_Use]]:
        uses: list[list[_Use]] = [[] for _ in self.graph.nodes]
        for i in self.rows:
            inputs = [(k, j) for k, j in enumerate(self.graph.nodes[i].args) if self.graph.nodes[j].op != CONSTANT]
            for at, (k, j) in enumerate(inputs):
                uses[j].append(_Use(i, k, at))
        return uses

    def _seeds(self) -> dict[int, list[Any]]:
        """By node what its adjoint starts from; where an output is weighed with 0 the pass does not start there."""
        found: dict[int, list[Any]] = {}
        for i, seed in zip(self.graph.outputs, self.asked.seeds, strict=False):
            if not isinstance(seed, float) or seed:
                found.setdefault(i, []).append(plain(seed))
        return found

    # Forward

    def _forward(self, i: int) -> Step:
        """The output, then the local derivatives, which are kept for the way back."""
        row = self.rows[i]
        wording = self._wording(i)
        inputs = [j for j in self.graph.nodes[i].args if self.graph.nodes[j].op != CONSTANT]
        names = [self.written[j] for j in inputs]
        values = [edge.value for edge in row.inputs]
        found: list[Equation] = [
            (
                (_alone(Name(row.shown)),),
                *_sides(self._closed(i, wording.formula), names, values),
                (_alone(Filled(row.output, True)),),
            )
        ]
        for at, edge in enumerate(row.inputs):
            if edge.partial is None:
                continue
            left = self._slope(i, inputs[at])
            rule = wording.rules[at]
            if isinstance(edge.partial, Jacobian):
                told = rule is not None and self.notation.adjoint not in rule and _has_inputs(rule)
                told = told and edge.partial.structure == "diag"
                middle = _sides(rule, names) if told and rule is not None else ()
                found.append(((_alone(left),), *middle, (_alone(Along(edge, row.output, row.id, at)),)))
            elif edge.rule is None:
                found.append(((_alone(left),), (_alone(Filled(edge.partial, True)),)))
            else:
                told = rule is not None and not self._routes(i)
                middle = _sides(rule, names, values) if told and rule is not None else ()
                found.append(((_alone(left),), *middle, (_alone(Filled(edge.partial, True)),)))
        remarks = list(self.remarks.get(row.id, ()))
        if len(found) > 1 and self._is_local(i) and self.asked.tangents is None:
            remarks.insert(0, "these are of one operation; the backward pass will count every path")
        return Step(FORWARD, row.id, row.shown, row.output, tuple(found), None, tuple(remarks))

    def _wording(self, i: int) -> Wording:
        op, args, _ = self.graph.nodes[i]
        step = self._inside(i)
        if step is not None:
            return self.words.step(step)
        nodes = [self.graph.nodes[j] for j in args]
        return self.words.gate(op, [literal_of(node.attribute) if node.op == CONSTANT else None for node in nodes])

    def _closed(self, i: int, formula: str) -> str:
        """The formula, in brackets where a relation is outermost in it."""
        entry = self._entry(i)
        loose = entry is not None and entry.operator is not None and entry.operator[1] <= PRECEDENCE["comparison"]
        return f"({formula})" if loose else formula

    def _routes(self, i: int) -> bool:
        """Whether the rule is a condition, as of max: it says where the adjoint goes, and is no number."""
        entry = self._entry(i)
        return self._inside(i) is None and entry is not None and isinstance(entry.rule, Each)

    def _slope(self, i: int, j: int) -> Slope:
        """The local derivative of node i by its input j; ∂ where d would be the derivative of the whole."""
        above = self.shown[i]
        return Slope(above, self.shown[j], self._is_local(i))

    def _is_local(self, i: int) -> bool:
        """Whether d would be taken for the derivative of the whole, as of tangents and of the output."""
        return self.asked.tangents is not None or (
            self.asked.adjoints is not None and self.shown[i] == self.asked.output
        )

    # Tangents

    def _moved(self, i: int, tangents: Tangents) -> Step:
        """The tangent by every variable: the inputs' tangents times the local derivatives."""
        row = self.rows[i]
        found, still = [], []
        for name, moved in tangents.items():
            left = Slope(row.shown, name)
            if moved[i] is None:
                still.append(name)
                continue
            rules: list[Term] = []
            numbers: list[Term] = []
            for k, j in self._inputs(i):
                partial, tangent = self.asked.trace.partials[i][k], moved[j]
                if partial is None or tangent is None:
                    continue
                rules.append((self._slope(i, j), self.notation.times, Slope(self.shown[j], name)))
                if not isinstance(partial, Map):
                    numbers.append((Filled(plain(partial)), self.notation.times, Filled(plain(tangent))))
            value = plain(moved[i])
            scalar = not isinstance(value, list) and len(numbers) == len(rules)
            middle = [tuple(rules), tuple(numbers)] if scalar and rules else [tuple(rules)] if rules else []
            found.append(((_alone(left),), *middle, (_alone(Filled(value, True)),)))
        remarks = [f"{row.shown} does not move with {_listed(still)}"] if still else []
        return Step(TANGENTS, row.id, row.shown, None, tuple(found), None, tuple(remarks))

    def _inputs(self, i: int) -> list[tuple[int, int]]:
        return [(k, j) for k, j in enumerate(self.graph.nodes[i].args) if self.graph.nodes[j].op != CONSTANT]

    # Backward

    def _backward(self, j: int, adjoints: Sequence[Any], seeds: Mapping[int, list[Any]]) -> Step:
        """The adjoint: what it starts from, and what comes back along each use; then what becomes of it."""
        name, output = self.shown[j], self.asked.output
        left = _alone(Slope(output, name))
        rules: list[Term] = [_alone(Filled(seed, not self.uses[j])) for seed in seeds.get(j, ())]
        numbers = list(rules)
        blocked = []
        for use in self.uses[j]:
            if adjoints[use.by] is None or self.asked.trace.partials[use.by][use.argument] is None:
                blocked.append(use)
                continue
            rule, number = self._share(use, j)
            rules.append(rule)
            numbers.append(number)
        remarks = self._remarks(j, len(rules), blocked, seeds)
        pattern = self._pattern(j) if adjoints[j] is not None else None
        if not rules:
            return Step(BACKWARD, self.ids[j], name, None, (), None, remarks)
        value = plain(adjoints[j])
        equation: Equation = ((left,), tuple(rules), tuple(numbers), (_alone(Filled(value, True)),))
        if len(rules) == 1 and len(numbers[0]) == 1:
            equation = ((left,), tuple(rules), (_alone(Filled(value, True)),))
        return Step(BACKWARD, self.ids[j], name, value, (equation,), pattern, remarks)

    def _share(self, use: _Use, j: int) -> tuple[Term, Term]:
        """What comes back along a use: the user's adjoint times the local derivative, in letters and in numbers."""
        row = self.rows[use.by]
        edge = row.inputs[use.at]
        adjoint = Slope(self.asked.output, row.shown)
        product = adjoint, self.notation.times, self._slope(use.by, j)
        if not isinstance(edge.partial, Jacobian):
            return product, (Filled(row.adjoint), self.notation.times, Filled(edge.partial))
        carried = _alone(Filled(edge.contribution))
        partial = self.asked.trace.partials[use.by][use.argument]
        if edge.partial.structure == "diag" and dims_of(partial) == dims_of(self.asked.trace.values[j]):
            return product, (Filled(row.adjoint), self.notation.times, Filled(plain(partial)))
        rule = self._wording(use.by).rules[use.at]
        if rule is not None and self.notation.adjoint in rule:
            names = [self.written[j] for _, j in self._inputs(use.by)]
            before, *after = filled(rule, names).split(self.notation.adjoint)
            pieces: list[Any] = [before]
            for text in after:
                pieces += [adjoint, text]
            return tuple([piece for piece in pieces if piece != ""]), carried
        if edge.partial.structure == "I":
            return _alone(adjoint), carried
        return product, carried

    def _remarks(self, j: int, count: int, blocked: Sequence[_Use], seeds: Mapping[int, list[Any]]) -> tuple[str, ...]:
        name, output = self.shown[j], self.asked.output
        found: list[str] = []
        if j in seeds:
            which = "the output" if len(self.graph.outputs) == 1 else "an output"
            own = f" {output}" if len(self.graph.outputs) == 1 and name != output else ""
            found.append(f"{name} is {which}{own}: the pass starts here")
        if count > 1:
            users = [self.shown[use.by] for use in self.uses[j] if use not in blocked]
            found.append(f"branch adds up: {name} is used by {_listed(dict.fromkeys(users))}")
        if not count:
            found.append(f"no path: {output} does not depend on {name} at this point, so that d{output}/d{name} is 0")
        elif blocked:
            found.append(f"no path by way of {_listed(dict.fromkeys([self.shown[use.by] for use in blocked]))}")
        if self.graph.nodes[j].op == VARIABLE:
            found += self.remarks.get(self.ids[j], ())
        return tuple(found)

    def _pattern(self, j: int) -> str | None:
        """How the node hands its adjoint on, where its operation has a name for that and inputs to hand it to."""
        step = self._inside(j)
        if step is not None and sum([bool(node.args) for node in step.nodes]) != 1:
            return None
        entry = self._entry(j)
        if entry is None or entry.pattern is None:
            return None
        inputs = len(self._inputs(j))
        if inputs < min(2, len(entry.names) - len(entry.static)):
            return None
        name = entry.operator[0] if entry.helper and entry.operator else entry.written or entry.name
        return f"{name} {entry.pattern}"

    def _inside(self, i: int) -> Graph | None:
        """The formula of a step; None for a gate."""
        return self.asked.inside[i] if self.asked.inside is not None else None

    def _entry(self, i: int) -> Primitive | None:
        """The operation of a node; of a step the outermost one."""
        step = self._inside(i)
        return primitives.TABLE.get((self.graph.nodes[i] if step is None else step.nodes[step.outputs[0]]).op)


def _alone(piece: Slope | Filled | Along | Name) -> Term:
    return (piece,)


def _has_inputs(template: str) -> bool:
    return any([position_of(character) is not None for character in template])


def _sides(template: str, names: Sequence[str], values: Sequence[Any] | None = None) -> Iterator[tuple[Term, ...]]:
    """A formula over the inputs' names, and the same with their values put in."""
    yield ((filled(template, names),),)
    if values is not None and len(template) <= PUT_IN and TOO_LONG not in template:
        term = tuple(_put_in(template, values))
        if any([isinstance(piece, Filled) for piece in term]):
            yield (term,)


def _put_in(template: str, values: Sequence[Any]) -> Iterator[str | Filled]:
    """The template in pieces, with a value for every placeholder."""
    text = ""
    for at, character in enumerate(template):
        k = position_of(character)
        if k is None:
            text += character
            continue
        before, after = template[:at].rstrip()[-1:], template[at + 1 :].removeprefix(r"\right").lstrip()[:1]
        if text:
            yield text
        text = ""
        yield Filled(values[k], before in _OPENS and after in _CLOSES)
    if text:
        yield text


def _listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: x, y and z; of many the first."""
    found = list(names)
    if len(found) > NAMED:
        return f"{', '.join(found[:NAMED])} and {len(found) - NAMED:,} others"
    return " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
