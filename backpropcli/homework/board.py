"""A question's graph as it stands on the board: its nodes, the true numbers, and how each number follows from others.

The true numbers are those of the report that `eval` prints, and the formulas of the steps are the report's too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold, has_arrays
from backpropcli.algebras.floats import Compiled, Floats, compile_graph
from backpropcli.algebras.symbols import Symbols
from backpropcli.errors import BackpropError, visible
from backpropcli.formula import Formula
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, GraphBuilder, literal_of, part, without_unused
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, Quantity, Question
from backpropcli.language import names
from backpropcli.language.program import build, read
from backpropcli.passes.derivatives import gradient_graph
from backpropcli.passes.rounding import noises
from backpropcli.passes.sweeps import linearize
from backpropcli.records import NamedTuple
from backpropcli.report import Report, Row

MAX_NODES = 2000
"""Nodes of a question's graph: more is nobody's homework."""

_FEW = 40
"""Nodes that a formula is compared with as a function, where it is not one of them as it stands."""
_LEFT = 4.0
"""By how much more than what is usual rounding may move a value before it is one."""
_PLACES = 60
_RANGES = ((0.5, 2.5), (0.1, 0.9), (-2.0, 2.0), (1.5, 8.0), (-0.9, 0.9), (-8.0, -1.5))
"""Where a point is looked for, for a question that has none."""

OUTPUT_FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "sigmoid": (("y*(1 - y)",),),
    "tanh": (("1 - y^2",),),
    "exp": (("y",),),
    "sqrt": (("1/(2*y)",),),
    "reciprocal": (("-y^2",), ("-y/x",)),
    "div": (("1/b", "-y/b"), ("1/b", "-y^2/a")),
}
"""By operation, local derivatives over the result as well: a student may go on from the result as he has rounded it."""


class Step(NamedTuple):
    """A node of the board: an application or a definition, over the names of its inputs."""

    name: str
    formula: str
    """Over the inputs' names."""
    label: str
    inputs: tuple[str, ...]
    """The distinct names that it is made of."""
    graph: Graph
    """The formula, over variables of these names."""
    named: bool
    """Whether the name is the user's."""


class Board:
    """One question's graph at its point. Raises BackpropError where the question's formula has no value there."""

    def __init__(self, question: Question) -> None:
        self.question = question
        bound = [names.canonical(name) for name in question.point]
        self.formula = Formula(question.program, variables=bound, max_nodes=MAX_NODES)
        if len(self.formula.outputs) > 1:
            raise BackpropError(
                f"a question has one output, but this formula has {len(self.formula.outputs)}:"
                f" {', '.join(self.formula.outputs[:10])}",
                source=question.program,
                hint="let every step but the last be used by another one",
            )
        # Over arrays gates repeat entries, which nobody draws.
        arrays = any([isinstance(number, (list, tuple)) for number in question.point.values()])
        drawn = arrays or bool(question.steps) or _has_definitions(question.program, bound)
        self.granularity = "steps" if drawn else "gates"
        without = not question.point and bool(self.formula.variables)
        self.symbolic = question.unseen or without
        """Whether the question tells no point, so that answers are formulas."""
        point = self._anywhere() if without else dict(question.point)
        self.report: Report = self.formula.at(point, nodes=self.granularity)
        if not isinstance(self.report.value, float):
            raise BackpropError(
                "a question's output is one number, but that of this formula is an array",
                source=question.program,
                hint="add up its entries by sum(...), or ask about one of them",
            )
        self.point: dict[str, Any] = dict(self.report.point)
        self.output = self.formula.output
        rows = self.report.rows
        # The output stands under its own name, whatever it is called in the report.
        self._called = {row.id: row.shown for row in rows} | {name: name for name in self.point}
        if rows:
            self._called[rows[-1].id] = self.output
        self.steps: dict[str, Step] = {self._called[row.id]: self._step(row) for row in rows}
        self.arrays = any([isinstance(number, list) for number in [*self.point.values(), *[r.output for r in rows]]])
        self.uses: dict[str, tuple[str, ...]] = self._uses()
        self.truth: dict[Quantity, Any] = self._truth(rows)
        self.further: dict[Quantity, float] = {}
        """Derivatives of nodes by others than their inputs, which were asked about by formula."""

    def _anywhere(self) -> dict[str, float]:
        """A point where the formula has a value, for a question without one."""
        domain = self.question.domain
        last: BackpropError | None = None
        for turn in range(_PLACES):
            place = {}
            for k, name in enumerate(self.formula.variables):
                low, high = domain.get(name, _RANGES[turn % len(_RANGES)])
                # Spread over the range by the golden section: no two of them alike, and no number a round one.
                place[name] = low + (high - low) * math.modf(0.618033988749895 * (k + 1 + 7 * turn))[0]
            try:
                self.formula.at(place, tables=False)
            except BackpropError as problem:
                last = problem
                continue
            return place
        raise BackpropError(
            f"question {self.question.id} has no point, and no value at the {_PLACES} points that were tried",
            hint=f"give it a point, as in at = {{ {next(iter(self.formula.variables))} = 2 }}, or a domain",
        ) from last

    @functools.cached_property
    def vanishing(self) -> frozenset[str]:
        """The steps whose value is nothing but what rounding has left of 0, as in 0.1 + 0.2 - 0.3."""
        trace = linearize(self.whole, Floats(), self.point)
        found = noises(self.whole, trace.values, trace.partials)
        return frozenset([name for name, i in self.places.items() if 0.0 < abs(trace.values[i]) <= _LEFT * found[i]])

    # The graph

    def _step(self, row: Row) -> Step:
        inputs = tuple(dict.fromkeys([self._called[edge.source] for edge in row.inputs]))
        formula = row.formula
        if self.granularity == "steps":
            # As it was read: bound to shapes, a step of arrays has operations in it that no text has.
            named = {name: i for i, name in self.whole.names.items()}
            graph = _inside(self.whole, named.get(str(row.name), self.whole.outputs[0]))
        else:
            graph = build(read(formula, [edge.name for edge in row.inputs], max_chars=None), max_nodes=None)
            graph = _renamed(graph, {edge.name: self._called[edge.source] for edge in row.inputs})
        return Step(self._called[row.id], formula, row.label, inputs, graph, row.name is not None)

    def _uses(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {name: [] for name in (*self.point, *self.steps)}
        for step in self.steps.values():
            for name in step.inputs:
                found[name].append(step.name)
        return {name: tuple(users) for name, users in found.items()}

    def _truth(self, rows: Sequence[Row]) -> dict[Quantity, Any]:
        """Every number of the two tables, in the order of the sheet: forward, backward, gradient."""
        found: dict[Quantity, Any] = {}
        for row in rows:
            name = self._called[row.id]
            found[Quantity(VALUE, name)] = row.output
            for edge in row.inputs:
                quantity = Quantity(LOCAL, name, self._called[edge.source])
                found[quantity] = _added(found.get(quantity), edge.partial)
        for row in reversed(rows):
            name = self._called[row.id]
            found[Quantity(ADJOINT, name)] = row.adjoint
            for edge in row.inputs:
                quantity = Quantity(EDGE, name, self._called[edge.source])
                found[quantity] = _added(found.get(quantity), edge.contribution)
        for variable in self.report.variables:
            found[Quantity(GRADIENT, self.output, variable.name)] = variable.adjoint
        return found

    @functools.cached_property
    def asked(self) -> tuple[Quantity, ...]:
        """The quantities that the question asks for, in the order of the sheet."""
        return tuple(
            [
                quantity
                for quantity in self.truth
                if quantity.paid_as in self.question.ask
                and (quantity.kind == VALUE or (quantity.by or quantity.node) in self._active)
                # The local derivative along an edge between arrays is a matrix that nobody writes out.
                and not (quantity.kind == LOCAL and not isinstance(self.truth[quantity], float))
            ]
        )

    @functools.cached_property
    def _active(self) -> frozenset[str]:
        """The variables that derivatives are asked by, and the nodes that depend on them."""
        found = set(self.question.wrt or self.point)
        for step in self.steps.values():
            if self.output == step.name or any([name in found for name in step.inputs]):
                found.add(step.name)
        return frozenset(found)

    def label(self, quantity: Quantity) -> str:
        """How a quantity of this board is written: by formula where its node has no name of the teacher's."""
        step = self.steps.get(quantity.node)
        if quantity.kind == GRADIENT or step is None or step.named or step.name == self.output:
            return quantity.shown
        return quantity._replace(node=self.written(quantity.node), formula=True).shown

    def written(self, name: str) -> str:
        """A node's formula with the formulas of nameless nodes put in: `(x + y)^2`."""
        return self._written.get(name, name)

    @functools.cached_property
    def _written(self) -> dict[str, str]:
        from backpropcli.algebras.text import Source, Text

        text = Text()
        source: dict[str, Source] = {}
        found = {}
        for step in self.steps.values():
            inputs = {name: source.get(name) or text.name(name) for name in step.inputs}
            made = fold(step.graph, text, inputs)[step.graph.outputs[0]]
            found[step.name] = made.text
            if not step.named and len(made.text) <= 200:
                source[step.name] = made
        return found

    # Naming

    def resolve(self, quantity: Quantity) -> Quantity:
        """The quantity of this board that one as written means: nodes by name, or by formula.

        `dz/ds` of a node s is its adjoint, and `ds/dx` of another output a local derivative. Raises BackpropError,
        with what there is, where the board has no such quantity.
        """
        found = quantity
        if quantity.formula:
            node = self._node_of(quantity.node)
            if node is None:
                raise self._unknown(quantity, f"no step is {visible(quantity.node, 60)}")
            found = Quantity(quantity.kind, node, quantity.by)
        elif quantity.kind == GRADIENT and quantity not in self.truth:
            found = Quantity(LOCAL, quantity.node, quantity.by)
            if quantity.node == self.output and quantity.by in self.steps:
                found = Quantity(ADJOINT, str(quantity.by))
        elif quantity.kind == VALUE and quantity.node == "z" and "z" not in self.steps and "z" not in self.point:
            found = Quantity(VALUE, self.output)
        if found.node == self.output and found.kind == LOCAL and quantity.kind == GRADIENT and found in self.truth:
            return found
        if found in self.truth or (quantity.formula and found.kind == LOCAL and self._reaches(found)):
            return found
        raise self._unknown(quantity, f"the question has no {visible(quantity.shown, 80)}")

    def _reaches(self, quantity: Quantity) -> bool:
        """Whether a node that was named by its formula is made of another one further below, as (x+y)^2 is of x.

        Then its derivative by that, through all gates between, is a quantity of this board too.
        """
        places = self.places
        if self.arrays or quantity.by not in places or quantity.by == quantity.node:
            return False
        whole = self.whole
        trace = linearize(whole, Floats(), self.point)
        below = places[quantity.by]
        moved: list[float | None] = [None] * len(whole.nodes)
        moved[below] = 1.0
        for i in range(below + 1, len(whole.nodes)):
            parts = [
                partial * carried
                for j, partial in zip(whole.nodes[i].args, trace.partials[i], strict=True)
                for carried in [moved[j]]
                if partial is not None and carried is not None
            ]
            moved[i] = sum(parts) if parts else None
        found = moved[places[quantity.node]]
        if found is None:
            return False
        self.further[quantity] = found
        return True

    def _unknown(self, quantity: Quantity, message: str) -> BackpropError:
        step = self.steps.get(quantity.node)
        if step is not None and quantity.by is not None:
            hint = f"{step.name} is made of {', '.join(step.inputs)}"
            if quantity.kind == GRADIENT and step.name == self.output:
                near = names.closest(quantity.by, list(self.point))
                has = ", ".join(list(self.point)[:20])
                hint = f"did you mean {near}?" if near else f"the variables are {has}; {hint}"
        else:
            near = names.closest(quantity.node, list(self.steps))
            hint = f"did you mean {near}?" if near else f"its steps are {', '.join(list(self.steps)[:20])}"
        return BackpropError(message, hint=hint)

    def _node_of(self, text: str) -> str | None:
        """The node that has this formula, over variables and other nodes' names."""
        try:
            graph = build(read(text, [*self.point, *self.steps]), max_nodes=MAX_NODES)
        except BackpropError:
            return None
        builder, places = self.shared
        if any([name not in places for name in graph.variables]) or (has_arrays(graph) and not self.arrays):
            return None
        inputs = {name: places[name] for name in graph.variables}
        made = fold(graph, Symbols(builder, rewrite=False), inputs)[graph.outputs[0]]
        same = next((name for name in self.steps if places[name] == made), None)
        return same or self._node_equal_to(part(builder.nodes, [made]))

    def _node_equal_to(self, graph: Graph) -> str | None:
        """The node that is the same function, if it is written in another way."""
        from backpropcli.homework.symbolic import compare

        builder, places = self.shared
        if self.arrays or len(self.steps) > _FEW:
            return None
        for name in self.steps:
            if compare(graph, part(builder.nodes, [places[name]]), point=self.point).equal:
                return name
        return None

    @functools.cached_property
    def shared(self) -> tuple[GraphBuilder, dict[str, int]]:
        """The formulas of all nodes over the variables, as nodes of one graph, which more may be appended to."""
        builder = GraphBuilder()
        symbols = Symbols(builder, rewrite=False)
        places = {name: builder.variable(name) for name in self.point}
        for step in self.steps.values():
            inputs = {name: places[name] for name in step.inputs}
            places[step.name] = fold(step.graph, symbols, inputs)[step.graph.outputs[0]]
        return builder, places

    @functools.cached_property
    def whole(self) -> Graph:
        """The graph with every gate a node of its own, over the variables; names are those of the steps."""
        return self.formula.graph_at(self.point, self.granularity)

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Where the variables and the steps stand in the whole graph."""
        graph = self.whole
        found = dict(graph.variables)
        if self.granularity == "steps":
            found |= {name: i for i, name in graph.names.items() if name in self.steps}
        else:
            ids = [row.id for row in self.report.rows]
            applied = [i for i, node in enumerate(graph.nodes) if node.args]
            found |= {self._called[id_]: i for id_, i in zip(ids, applied, strict=True)}
        found[self.output] = graph.outputs[0]
        return found

    # Numbers from others

    @functools.cached_property
    def value_of(self) -> dict[str, Form]:
        """Of every step its value, as a function of its inputs'."""
        return {step.name: _form(step.graph) for step in self.steps.values()}

    @functools.cached_property
    def local_of(self) -> dict[tuple[str, str], tuple[Form, ...]]:
        """Of every step its local derivatives by each input, in all forms: over the inputs, and over its own result."""
        found = {}
        for step in self.steps.values():
            for by, forms in zip(step.inputs, _locals(step), strict=True):
                found[step.name, by] = forms
        return found


OWN = "own result"
"""How a step's own result is called in the forms of its local derivatives; no name of a user's has a space in it."""


class Form(NamedTuple):
    """A formula as a function of the values of what it is over."""

    names: tuple[str, ...]
    function: Compiled


def _form(graph: Graph) -> Form:
    over = tuple(graph.variables)
    return Form(over, compile_graph(graph, over))


def _locals(step: Step) -> list[tuple[Form, ...]]:
    """By input the local derivative: as it is computed, and over the step's own result where students do that."""
    every = [gradient_graph(step.graph, step.inputs), *_over_result(step)]
    return [
        tuple([_form(part(slopes.nodes, (slopes.outputs[k],))) for slopes in every]) for k in range(len(step.inputs))
    ]


def _over_result(step: Step) -> list[Graph]:
    """The step's local derivatives with its outermost operation's written over the result."""
    graph = step.graph
    op, args, _ = graph.nodes[graph.outputs[0]]
    found = []
    for texts in OUTPUT_FORMS.get(op, ()):
        builder = GraphBuilder()
        symbols = Symbols(builder)
        variables = {name: builder.variable(name) for name in step.inputs}
        values = fold(graph, symbols, variables)
        inputs = dict(zip(primitives.TABLE[op].names, [values[j] for j in args], strict=True))
        inputs[rules.RESULT] = builder.variable(OWN)
        outer = []
        for text in texts:
            form = rules.formula(text, (*primitives.TABLE[op].names, rules.RESULT))
            outer.append(fold(form, symbols, inputs)[form.outputs[0]])
        inner = [gradient_graph(part(graph.nodes, (j,)), step.inputs) for j in args]
        outputs = []
        for place in range(len(step.inputs)):
            total = builder.constant(0.0)
            for slope, gradient in zip(outer, inner, strict=True):
                moved = fold(gradient, symbols, variables)[gradient.outputs[place]]
                total = symbols.plus(total, symbols.pull(slope, moved))
            outputs.append(total)
        found.append(without_unused(builder.graph(outputs)))
    return found


def _inside(graph: Graph, step: int) -> Graph:
    """A step's formula, over variables that are called as the names in it are."""
    builder = GraphBuilder()
    pending, inner = [graph.nodes[step].args[0]], set[int]()
    while pending:
        i = pending.pop()
        if i not in inner:
            inner.add(i)
            pending += () if graph.nodes[i].op == STEP else graph.nodes[i].args
    made: dict[int, int] = {}
    for i in sorted(inner):
        op, args, attribute = graph.nodes[i]
        if op in (STEP, VARIABLE):
            made[i] = builder.variable(str(attribute))
        elif op == CONSTANT:
            made[i] = builder.constant(literal_of(attribute))
        else:
            made[i] = builder.apply(op, [made[j] for j in args])
    return builder.graph([made[graph.nodes[step].args[0]]])


def _renamed(graph: Graph, called: Mapping[str, str]) -> Graph:
    nodes = [
        node._replace(attribute=called.get(str(node.attribute), node.attribute)) if node.op == VARIABLE else node
        for node in graph.nodes
    ]
    return graph._replace(nodes=tuple(nodes))


def _added(before: Any, more: Any) -> Any:
    """The sum of what two edges between the same nodes say."""
    if before is None:
        return more
    if isinstance(before, list):
        return [_added(a, b) for a, b in zip(before, more, strict=True)]
    return before + more if isinstance(before, float) and isinstance(more, float) else more


def _has_definitions(text: str, bound: Sequence[str]) -> bool:
    """Whether a formula defines anything but its output."""
    program = read(text, bound, syntax="auto")
    inner = [each for each in program.order if each not in program.outputs]
    return any([each.name is not None and each.parameters is None for each in inner])
