"""What is special about a point: kinks, ties and jumps met, slopes that are infinite, values that do not exist.

Everything is read from the trace and from the table's entries, after a backward pass; so both modes say the same.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Compiled, compile_graph
from backpropcli.algebras.text import Source, Text
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, literal_of
from backpropcli.language.reading import array_text, number_text
from backpropcli.passes.sweeps import Trace
from backpropcli.primitives import PRECEDENCE, Edge, Primitive
from backpropcli.records import NamedTuple

TEXT_WIDTH = 60
QUOTED = 400


TOLD = frozenset({"agrees", "asked", "update"})
"""The kinds of what is told and leaves nothing in doubt."""
_NAMED = 4
"""Variables that are named with their values."""


class Finding(NamedTuple):
    """Something special about a node; the report turns it into a note with the node's id."""

    severity: str
    node: int
    kind: str
    message: str
    convention: str | None = None
    one_sided: tuple[float, float] | None = None


class Reach(NamedTuple):
    """What the output needs, at this point."""

    needed: list[bool]
    """Nodes whose value the output's value is made of; an arm that is not taken is not."""
    matters: list[bool]
    """Nodes on whose value the output's derivative depends, or that decided which arm was taken."""


def reach(trace: Trace[float]) -> Reach:
    """Which nodes the outputs need, and which of them a derivative passes or a choice depends on."""
    graph = trace.graph
    needed = [False] * len(graph.nodes)
    matters = [False] * len(graph.nodes)
    for i in graph.outputs:
        needed[i] = matters[i] = True
    for i in range(len(graph.nodes) - 1, -1, -1):
        if not needed[i]:
            continue
        op, args, _ = graph.nodes[i]
        lazy = op != STEP and bool(args) and bool(primitives.TABLE[op].reads)
        for k, j in enumerate(args):
            if lazy and not _is_read(trace, i, k):
                continue
            needed[j] = True
            if matters[i] and trace.active[j]:
                constant_in = op != STEP and rules.partial(op, k, len(args)) is None
                matters[j] = matters[j] or constant_in or trace.partials[i][k] is not None
    return Reach(needed, matters)


def _is_read(trace: Trace[float], i: int, k: int) -> bool:
    op, args, _ = trace.graph.nodes[i]
    condition = rules.reads(op, k)
    if condition is None:
        return True
    names = primitives.TABLE[op].names
    return bool(compile_graph(condition, names)([trace.values[j] for j in args]))


class Examination:
    """One trace, looked at node by node. `text` is the formula that places are in."""

    trace: Trace[Any]

    def __init__(
        self, trace: Trace[Any], text: str, names: Sequence[str], gaps: Collection[Span] = frozenset()
    ) -> None:
        self.trace = trace
        self.text = text
        self.names = names
        """How tables write each node; used where the user's own text says nothing."""
        self.gaps = gaps
        """The places of cases that may hold nowhere, of which a value is asked in vain there."""
        self.reach = self._reach()
        self.graph: Graph = trace.graph

    def _reach(self) -> Reach:
        return reach(self.trace)

    def value(self, i: int) -> float:
        """A node's value, as a message tells it."""
        return float(self.trace.values[i])

    def placed(self, i: int) -> str:
        """A node by its name, or as it is written, as a message tells its value: of an array the entry in question."""
        return self.named(i)

    @functools.cached_property
    def uses(self) -> list[list[int]]:
        """The users of every node, in order."""
        uses: list[list[int]] = [[] for _ in self.graph.nodes]
        for i, node in enumerate(self.graph.nodes):
            for j in dict.fromkeys(node.args):
                uses[j].append(i)
        return uses

    # Values

    def first_not_finite(self) -> int | None:
        """The first needed node whose value is inf or nan though its arguments are finite."""
        values = self.trace.values
        for i, (_, args, _) in enumerate(self.graph.nodes):
            finite = [math.isfinite(values[j]) for j in args]
            if self.reach.needed[i] and not math.isfinite(values[i]) and all(finite):
                return i
        return None

    def value_findings(self, *, ieee: bool) -> list[Finding]:
        """Values that are not finite: an error where the value does not exist, a warning where it overflowed inside."""
        values = self.trace.values
        found: list[Finding] = []
        finite_output = all([math.isfinite(values[i]) for i in self.graph.outputs])
        for i, (op, args, _) in enumerate(self.graph.nodes):
            if not args or op == STEP or not self.reach.needed[i] or math.isfinite(values[i]):
                continue
            if not all([math.isfinite(values[j]) for j in args]):
                if not (ieee or found):
                    raise self._from_infinity(i)
                continue
            outside = not self._in_domain(i)
            if not ieee and (outside or math.isnan(values[i])):
                raise self._outside_domain(i)
            if not ieee and not finite_output:
                raise self._overflow(i)
            kind = "undefined" if outside or math.isnan(values[i]) else "overflow"
            found.append(Finding("warning", i, kind, self._not_finite_message(i, outside)))
            if ieee:
                break
        return found

    def _in_domain(self, i: int) -> bool:
        entry = primitives.TABLE[self.graph.nodes[i].op]
        return entry.domain is None or bool(self.condition(i, entry.domain))

    def condition(self, i: int, text: str) -> float:
        """What a text of the table, such as a condition, is at a node's arguments and value."""
        op, args, _ = self.graph.nodes[i]
        values = [self.value(j) for j in args]
        return _compiled_condition(op, text, len(args))([*values, self.value(i)])

    def _better_form(self, i: int) -> str | None:
        from backpropcli.passes.advice import better_form  # Where something is wrong, which is rare.

        return better_form(self.graph, i, self.written, uses=self.uses)

    def _not_finite_message(self, i: int, outside: bool) -> str:
        if self.span(i) in self.gaps:
            return f"{self._no_case()}: the first value that is not a finite number"
        written = self.written(i)
        better = self._better_form(i)
        value = number_text(self.value(i))
        if better is not None:
            return f"{written} overflows; {better} does not"
        if outside or math.isnan(self.value(i)):
            return f"{written} is {value} here: the first value that is not a finite number"
        return f"{written} overflows: its value is larger than a double holds (1.8e308)"

    def _no_case(self) -> str:
        variables = list(self.graph.variables.values())
        more = ", ..." if len(variables) > _NAMED else ""
        point = self._values_of(variables[:_NAMED])
        return f"none of the cases holds {f'at {point}{more}' if point else 'for some of the entries'}"

    def _outside_domain(self, i: int) -> BackpropError:
        if self.span(i) in self.gaps:
            way_out = "add a line for it, as in 0 & \\text{otherwise}"
            return BackpropError(self._no_case(), source=self.text, span=self.span(i), hint=way_out)
        op, args, _ = self.graph.nodes[i]
        entry = primitives.TABLE[op]
        needs = entry.needs or self._needs(entry, args)
        concerned = _concerned(entry, args)
        message = f"{self.written(i)} needs {needs}, but {self._values_of(concerned)}"
        better = self._better_form(i)
        hint = self._underflow_hint(i, better) or self._sample_hint(i, entry, args)
        if all([self.graph.nodes[j].op == CONSTANT for j in concerned]):
            message, hint = (
                self._of_numbers(i, entry),
                "write another number there, or go on with inf and nan by --ieee",
            )
        elif math.isnan(self.value(i)) and entry.domain is None:
            message = f"{self.written(i)} has no value: it is undefined at {self._values_of(args)}"
        return BackpropError(message, source=self.text, span=self.span(i), hint=hint)

    def _underflow_hint(self, i: int, better: str | None) -> str | None:
        if better is None:
            return None
        for j in self.graph.nodes[i].args:
            if self.value(j) == 0.0 and self.graph.nodes[j].args:
                return f"{self.written(j)} underflows to 0; write {better}"
        return f"write {better}"

    def _of_numbers(self, i: int, entry: Primitive) -> str:
        """What to say where every argument is a number: the rule, over the letters of the table."""
        count = len(self.graph.nodes[i].args)
        letters = [Source(name, PRECEDENCE["atom"]) for name in rules.arguments(entry, count)]
        form: Source = Text().function(entry.name, count)(*letters)
        needs = entry.needs or (_condition_text(entry, letters) if entry.domain else "other arguments")
        return f"{self.written(i)} has no value: {form.text} needs {needs}"

    def _sample_hint(self, i: int, entry: Primitive, args: Sequence[int]) -> str | None:
        """A value of a variable that would do alone, where an argument is a variable."""
        for j, sample in zip(args, entry.samples[0], strict=False):
            node = self.graph.nodes[j]
            if node.op != VARIABLE or entry.domain is None:
                continue
            values = [sample if other == j else self.value(other) for other in args]
            if _compiled_condition(entry.name, entry.domain, len(args))([*values, self.value(i)]):
                name = str(node.attribute)
                return self._such_a_value(j, name, sample)
        return "see where the argument comes from with --ieee, which goes on with inf and nan"

    def _such_a_value(self, i: int, name: str, sample: float) -> str:
        return f"give {name} such a value, as in --{name} {number_text(sample)}"

    def _overflow(self, i: int) -> BackpropError:
        better = self._better_form(i)
        place = self._values_of(self.graph.nodes[i].args)
        return BackpropError(
            f"{self.written(i)} overflows: its value is larger than a double holds (1.8e308)"
            f"{', at ' if place else ''}{place}",
            source=self.text,
            span=self.span(i),
            hint=f"write {better}" if better else "rescale the inputs, or go on with inf by --ieee",
        )

    def _from_infinity(self, i: int) -> BackpropError:
        return BackpropError(
            f"{self.written(i)} has no finite value, since an input is not finite",
            source=self.text,
            span=self.span(i),
            hint="--ieee goes on with inf and nan",
        )

    def _needs(self, entry: Primitive, args: Sequence[int]) -> str:
        """The domain's condition over the arguments as the user wrote them."""
        if entry.domain is None:
            return "a value in its domain"
        return _condition_text(entry, [Source(self.named(j), self._precedence(j)) for j in args])

    def _precedence(self, i: int) -> int:
        if i in self.graph.names:
            return PRECEDENCE["atom"]
        op = self.graph.nodes[i].op
        operator = primitives.TABLE[op].operator if op in primitives.TABLE else None
        return operator[1] if operator else PRECEDENCE["atom"]

    def _values_of(self, args: Sequence[int]) -> str:
        """`x = -2` for every argument that is not a number."""
        shown = [f"{self.placed(j)} = {self.value(j):.6g}" for j in args if self.graph.nodes[j].op != CONSTANT]
        return " and ".join(dict.fromkeys(shown))

    # Places

    def span(self, i: int) -> Span | None:
        """The place of a node in the text; of a gate that stands for a part of an operation, the operation's."""
        while i not in self.graph.spans:
            if not self.uses[i]:
                return None
            i = self.uses[i][0]
        return self.graph.spans[i]

    def written(self, i: int) -> str:
        """A node as the user wrote it, cut where it is long."""
        node = self.graph.nodes[i]
        if node.op == VARIABLE:
            return str(node.attribute)
        span = self.graph.spans.get(i)
        text = self._quoted(span) if span else self._composed(i)
        return text if len(text) <= TEXT_WIDTH else f"{text[: TEXT_WIDTH // 2 - 2]}...{text[-TEXT_WIDTH // 2 + 2 :]}"

    def _quoted(self, span: Span) -> str:
        """The user's text on one line; of a very long one only the ends, which is all that will be shown."""
        text = self.text[span.start : span.end] if span.end - span.start <= QUOTED else ""
        if not text:
            ends = self.text[span.start : span.start + QUOTED // 2] + self.text[span.end - QUOTED // 2 : span.end]
            text = ends if len(" ".join(ends.split())) > TEXT_WIDTH else self.text[span.start : span.end]
        return " ".join(text.split())

    def _composed(self, i: int, depth: int = 3) -> str:
        """A gate that no text of the user's stands for, over its arguments; a few gates deep."""
        op, args, attribute = self.graph.nodes[i]
        if op == CONSTANT:
            return array_text(literal_of(attribute))
        if op in (STEP, VARIABLE):
            return self.names[i]
        made: Source = Text().function(op, len(args))(*[self._part(j, depth) for j in args])
        return made.text

    def _part(self, j: int, depth: int) -> Source:
        if j in self.graph.names:
            return Source(self.graph.names[j], PRECEDENCE["atom"])
        if j in self.graph.spans or self.graph.nodes[j].op == CONSTANT:
            return Source(self.written(j), self._precedence(j))
        if depth:
            return Source(self._composed(j, depth - 1), self._precedence(j))
        return Source(self.names[j], PRECEDENCE["atom"])

    def named(self, i: int) -> str:
        """A node by the name that the user gave it, else as it is written."""
        return self.graph.names.get(i) or self.written(i)

    # Derivatives

    def edge_findings(self) -> list[Finding]:
        """Kinks, ties and jumps where a convention was used."""
        return [self._edge(i, edge) for i, edge in self.edges() if self.condition(i, edge.where)]

    def edges(self) -> Iterator[tuple[int, Edge]]:
        """The nodes that may have a kink, tie or jump that matters, with each that they may have."""
        for i, (op, args, _) in enumerate(self.graph.nodes):
            if not args or op == STEP or not self.reach.matters[i] or not self.trace.active[i]:
                continue
            entry = primitives.TABLE[op]
            for edge in entry.edges:
                if edge.of is None or self.trace.active[args[entry.names.index(edge.of)]]:
                    yield i, edge

    def _edge(self, i: int, edge: Edge) -> Finding:
        args = self.graph.nodes[i].args
        slopes = None
        if edge.slopes is not None:
            slopes = self.condition(i, edge.slopes[0]), self.condition(i, edge.slopes[1])
        place = self._values_of([j for j in args if self.trace.active[j]])
        message = f"{self.written(i)} has a {edge.kind} at {place}"
        if slopes is not None:
            message += f", with slopes {number_text(slopes[0])} and {number_text(slopes[1])}"
        message += f"; the derivative used there: {edge.convention}"
        return Finding("note", i, edge.kind, message, edge.convention, slopes)

    def slope_findings(self, adjoints: Sequence[float | None], *, lost: bool) -> list[Finding]:
        """Local derivatives that are infinite or undefined, and adjoints that overflow.

        `lost`: whether a derivative by a variable is undefined since 0 and infinity meet.
        """
        found: list[Finding] = []
        for i, (_, args, _) in enumerate(self.graph.nodes):
            adjoint = adjoints[i]
            if adjoint is None or not args or not self.reach.needed[i] or not math.isfinite(self.trace.values[i]):
                continue
            for k, partial in enumerate(self.trace.partials[i]):
                if partial is not None and not math.isfinite(partial):
                    found.append(self._slope(i, k, partial, zero=adjoint == 0.0, lost=lost))
                    break
        if not found and all([math.isfinite(value) for value in self.trace.values]):
            found += self._overflowing_adjoint(adjoints)
        return found

    def _slope(self, i: int, k: int, partial: float, *, zero: bool, lost: bool) -> Finding:
        j = self.graph.nodes[i].args[k]
        at = self._values_of(self.graph.nodes[i].args)
        by = f" by {self.written(j)}" if len(self.graph.nodes[i].args) > 1 else ""
        if math.isnan(partial):
            return Finding("warning", i, "undefined", f"{self.written(i)} has no derivative{by} at {at}")
        if zero or lost:
            return Finding(
                "warning",
                i,
                "inf_times_zero",
                f"the derivative of {self.written(i)}{by} is infinite at {at}, and is multiplied by a zero:"
                " the product is undefined",
            )
        return Finding("warning", i, "unbounded", f"the derivative of {self.written(i)}{by} is infinite at {at}")

    def _overflowing_adjoint(self, adjoints: Sequence[float | None]) -> list[Finding]:
        for i in range(len(adjoints) - 1, -1, -1):
            adjoint = adjoints[i]
            if adjoint is not None and math.isinf(adjoint) and self.reach.needed[i]:
                message = f"the derivative of the output by {self.written(i)} is larger than a double holds (1.8e308)"
                return [Finding("warning", i, "overflow", message)]
        return []


def _concerned(entry: Primitive, args: Sequence[int]) -> list[int]:
    """The arguments that the domain's condition is about: of a quotient the divisor alone."""
    if entry.domain is None:
        return list(args)
    names = rules.arguments(entry, len(args))
    read = rules.formula(entry.domain, names).variables
    return [j for name, j in zip(names, args, strict=True) if name in read]


def _condition_text(entry: Primitive, inputs: Sequence[Source]) -> str:
    """The domain's condition over arguments that are written so."""
    domain = rules.formula(entry.domain or "", entry.names)
    written: Source = fold(domain, Text(), dict(zip(entry.names, inputs, strict=True)))[domain.outputs[0]]
    return written.text


_conditions: dict[tuple[str, str, int], Compiled] = {}


def _compiled_condition(op: str, text: str, count: int) -> Compiled:
    key = op, text, count
    if key not in _conditions:
        names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
        _conditions[key] = compile_graph(rules.condition(op, text, count), names)
    return _conditions[key]
