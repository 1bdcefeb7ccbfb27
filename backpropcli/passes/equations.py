"""What a text says beside its formula, compared at a point: members of a chain of equalities, and derivatives.

f(z) = \\tanh(z) = \\frac{1}{z} is compared member by member; of \\frac{dJ}{da} = \\frac{dJ}{dy} \\frac{dy}{da} every
derivative is computed, and the sides are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backpropcli.errors import BackpropError, Span, visible
from backpropcli.graph import Graph, Literal
from backpropcli.language.program import (
    Derive,
    Program,
    definition_graph,
    derivative_graph,
    equations_graph,
    values_graph,
)
from backpropcli.language.reading import array_text, number_text
from backpropcli.language.terms import CALLED, NAME, UNKNOWN, Claim, Equation
from backpropcli.passes import effort
from backpropcli.passes.evaluate import Setting, dims_of, plain, setting, value_of
from backpropcli.passes.examine import Finding
from backpropcli.passes.sweeps import Trace, linearize, pull
from backpropcli.records import NamedTuple

_WIDTH = 60
# Two formulas for one value are computed in two ways, each with its roundings.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12


def findings(
    program: Program, point: Mapping[str, Any], *, max_nodes: int | None, max_bytes: int | None, derive: Derive
) -> list[Finding]:
    """What is not equal at this point though the text says so, and what could not be compared.

    Of derivatives also what it says rightly, and those that it only names.
    """
    comparison = _Comparison(program, point, max_nodes, max_bytes, derive)
    found: list[Finding] = [
        Finding("note", -1, "update", f"{name} is made anew from itself: {name}_new is the new one, and {name} the old")
        for name in program.updates
    ]
    said: list[Equation | Claim] = sorted([*program.equations, *program.claims], key=_place)
    holding: list[Claim] = []
    for k, each in enumerate(said):
        try:
            if holding and (not isinstance(each, Claim) or each.span != holding[0].span):
                found.append(comparison.holds_for(holding))
                holding = []
            if not isinstance(each, Claim):
                found += comparison.equation(each)
                continue
            finding = comparison.claim(each)
            if each.indices and finding.kind == "agrees":
                holding.append(each)
            else:
                found.append(finding)
        except _TooMuchError as why:
            left = f"{why}; {len(said) - k:,} of {len(said):,} are not compared"
            found.append(Finding("note", -1, "unchecked", left))
            break
    if holding:
        found.append(comparison.holds_for(holding))
    # A slide says some things again.
    return list(dict.fromkeys(found))


def _place(said: Equation | Claim) -> int:
    """Where something stands in the text."""
    return said.span.start if isinstance(said, Claim) else said.member.span.start


class _TooMuchError(Exception):
    """Why nothing more is compared, as a message says it."""


class _MissingError(Exception):
    """Why something cannot be computed, as a message says it."""


class _Member(NamedTuple):
    """A side of an equation: how it is written, its value, and its decimals where it is a rounded number."""

    written: str
    value: Any
    decimals: int | None = None


class _Placed(NamedTuple):
    """A graph, and the values of its variables."""

    graph: Graph
    values: Mapping[str, Any]


class _Comparison:
    """The values that a text talks about, at one point; derivatives are computed when they are asked for, and once."""

    def __init__(
        self, program: Program, point: Mapping[str, Any], max_nodes: int | None, max_bytes: int | None, derive: Derive
    ) -> None:
        self.program = program
        self.point = point
        self.max_nodes = max_nodes
        self.max_bytes = max_bytes
        self.derive = derive
        self.known = {*point, *[str(each.name) for each in program.statements if each.name is not None]}
        self.arrays = any([dims_of(value) for value in point.values()])
        """Whether shapes have a say: a text whose arrays are all written out has been settled."""
        self.slopes: dict[str, Any] = {}
        self.meter = effort.Meter("comparisons", max_nodes)

    def equation(self, equation: Equation) -> list[Finding]:
        """What is to be said of a member of a chain of equalities: nothing, where it is equal."""
        statement = self.program.statements[equation.of]
        written = self._written(equation.member.span)
        name = statement.name or "the value"
        try:
            self._spend()
            graph = equations_graph(
                self.program, equation, max_nodes=self.max_nodes, derive=self.derive, marked=self.arrays
            )
            if graph is None:
                raise _MissingError(f"since {name} is evaluated where it is called")
            first, second = self._values(graph, self.point)
        except _MissingError as why:
            said = f"not compared: {name} {equation.sign} {written}, {why}"
            return [Finding("note", -1, "unchecked", said)]
        # A number may stand first, and behind it what it is rounded from.
        members = [_Member(name, first, equation.own), _Member(written, second, equation.decimals)]
        return _unequal(members, equation.sign)

    def _spend(self) -> None:
        """Every graph is built from the whole text, which may become too much."""
        try:
            self.meter.add(len(self.program.terms))
        except BackpropError as problem:
            raise _TooMuchError(f"{problem.message}; --max-nodes raises it") from None

    def claim(self, claim: Claim) -> Finding:
        """What is to be said of a statement about derivatives."""
        where = (
            f" for {', '.join([f'{letter} = {number}' for letter, number in claim.indices])}" if claim.indices else ""
        )
        written = self._written(claim.span) + where
        if claim.others:
            return Finding("note", -1, "unchecked", f"not checked: {written} for more indices, which are too many")
        try:
            self._spend()
            slopes = {name: self._slope(name) for name in self._derivatives(claim)}
            arrays = self.arrays or any([isinstance(slope, list) for slope in slopes.values()])
            graph = values_graph(
                self.program, claim.members, max_nodes=self.max_nodes, derive=self.derive, marked=arrays
            )
            values = self._values(graph, {**self.point, **slopes})
        except _MissingError as why:
            return Finding("note", -1, "unchecked", f"not checked: {written}, {why}")
        members = [
            _Member(self._written(each.span), value, decimals)
            for each, value, decimals in zip(claim.members, values, claim.decimals, strict=True)
        ]
        members[0] = members[0]._replace(written=members[0].written + where)
        if len(members) == 1:
            return Finding("note", -1, "asked", f"{written} is {_shown(values[0])} here")
        wrong = _unequal(members, claim.sign)
        if wrong:
            return wrong[0]
        exact = next((each.value for each in members if each.decimals is None), values[0])
        return Finding("note", -1, "agrees", f"{written} holds here: {_shown(exact)}")

    def holds_for(self, claims: Sequence[Claim]) -> Finding:
        """That one statement holds for every index of these claims."""
        letters = [letter for letter, _ in claims[0].indices]
        numbers = [[str(number) for _, number in claim.indices] for claim in claims]
        shown = [each[0] if len(each) == 1 else f"({', '.join(each)})" for each in numbers]
        told = ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")
        of = letters[0] if len(letters) == 1 else f"({', '.join(letters)})"
        return Finding("note", -1, "agrees", f"{self._written(claims[0].span)} holds here for {of} = {told}")

    def _written(self, span: Span) -> str:
        return _cut(self.program.text[span.start : span.end])

    def _derivatives(self, claim: Claim) -> list[str]:
        """The derivatives that a claim speaks of, by the names that they have in its terms."""
        terms = self.program.terms
        found: dict[str, None] = {}
        for member in claim.members:
            for op, _, payload, span in terms[member.first : member.value + 1]:
                if op == NAME and payload == UNKNOWN:
                    raise _MissingError(
                        f"since {self._written(span)} does not say plainly what is differentiated, or where"
                    )
                if op == NAME and str(payload).endswith(CALLED):
                    raise _MissingError(f"since {str(payload)[:-1]} is not defined here")
                if op == NAME and "/" in str(payload):
                    found[str(payload)] = None
        return list(found)

    def _slope(self, name: str) -> Any:
        """A derivative, by its name f/x, f/x/x and so on."""
        if name not in self.slopes:
            function, *by = name.split("/")
            self.slopes[name] = 1.0 if by == [function] else self._differentiated(function, by)
        return self.slopes[name]

    def _differentiated(self, function: str, by: Sequence[str]) -> Any:
        self._spend()
        try:
            graph = derivative_graph(self.program, function, by, max_nodes=self.max_nodes, derive=self.derive)
        except BackpropError as problem:
            if self.arrays and len(by) == 1:
                return self._gradient(function, by[0])
            raise _MissingError(f"since {problem.message}") from None
        point = self._inner_point(graph, function, by)
        return self._values(point.graph, point.values)[0]

    def _gradient(self, function: str, by: str) -> Any:
        """The derivative of a number by an array, backward: over arrays there is no formula for it."""
        from backpropcli.passes.entries import dense

        graph = definition_graph(self.program, function, by, max_nodes=self.max_nodes, derive=self.derive)
        point = self._inner_point(graph, function, (by,))
        scene, trace = self._trace(point.graph, point.values, (by,) if by in point.graph.variables else ())
        if scene.dims_of(scene.graph.outputs[0]):
            raise _MissingError(f"since {function} is an array, whose derivatives books arrange in two ways")
        if by not in point.graph.variables:
            return 0.0
        place = scene.graph.variables[by]
        with scene.quietly():
            return plain(dense(pull(trace, 1.0)[place], scene.dims_of(place)))

    def _inner_point(self, graph: Graph | None, function: str, by: Sequence[str]) -> _Placed:
        """A graph that is differentiated by these names, and the values of its variables."""
        if graph is None:
            raise self._missing(function, "is not defined here")
        statements = self.program.statements
        parameters = next((each.parameters or () for each in statements if each.name == function), ())
        for name in by:
            # By what is not there, a derivative would be 0, and d theta_j is by one theta of many.
            if name not in self.known and name not in parameters and name not in graph.variables:
                raise self._missing(name, "is no variable here")
        # What is defined has its own value where it is differentiated by.
        inner = [each for each in self.program.order if each.name in graph.variables and each.parameters is None]
        point = dict(self.point)
        if inner:
            graph_of = values_graph(
                self.program, inner, max_nodes=self.max_nodes, derive=self.derive, marked=self.arrays
            )
            values = self._values(graph_of, self.point)
            point.update({str(each.name): value for each, value in zip(inner, values, strict=True)})
        return _Placed(graph, point)

    def _missing(self, name: str, why: str) -> _MissingError:
        """Why something cannot be computed: for the lack of a name, or of the number of its index."""
        base, _, index = name.partition("_")
        if index and any([other == base or other.startswith(f"{base}_") for other in self.known]):
            return _MissingError(f"since nothing says which {name} is meant")
        return _MissingError(f"since {name} {why}")

    def _values(self, graph: Graph, point: Mapping[str, Any]) -> list[Any]:
        """The outputs' values at this point."""
        _, trace = self._trace(graph, point, ())
        values = [plain(trace.values[i]) for i in trace.graph.outputs]
        if any([value != value for value in values]):
            raise _MissingError("since it has no value here")
        return values

    def _trace(self, graph: Graph, point: Mapping[str, Any], wrt: Sequence[str]) -> tuple[Setting, Trace[Any]]:
        """The graph evaluated at this point."""
        missing = next((name for name in graph.variables if name not in point), None)
        if missing is not None:
            raise self._missing(missing, "has no value")
        # A derivative by an array is a list of lists.
        point = {name: value_of(name, point[name], ieee=True) for name in graph.variables}
        try:
            scene = setting(
                graph,
                point,
                text=self.program.text,
                max_nodes=self.max_nodes,
                max_bytes=self.max_bytes,
                undecided=self.program.undecided,
            )
            with scene.quietly():
                return scene, linearize(scene.graph, scene.algebra, scene.inputs(point), wrt)
        except BackpropError as problem:
            raise _MissingError(f"since {problem.message}") from None


def _unequal(members: Sequence[_Member], sign: str) -> list[Finding]:
    """A warning for each member that is not equal to the first; of formulas that are said to be close, a note."""
    first = members[0]
    found: list[Finding] = []
    for other in members[1:]:
        decimals = [each.decimals for each in (first, other) if each.decimals is not None]
        # A whole number is exact, unless it is said to be close.
        rounded = [number for number in decimals if number != 0 or sign == "≈"]
        if _equal(first.value, other.value, min(rounded) if rounded else None):
            continue
        shown = f"{first.written} is {_shown(first.value)} here"
        # A number is its own value.
        against = other.written if other.decimals is not None else f"{other.written}, which is {_shown(other.value)}"
        if sign == "≈" and not decimals:
            found.append(Finding("note", -1, "close", f"{shown}, and is said to be close to {against}"))
        else:
            found.append(Finding("warning", -1, "unequal", f"{shown}, and not equal to {against}"))
    return found


def _cut(text: str) -> str:
    return visible(" ".join(text.replace("&", " ").split()), _WIDTH)


def _shown(value: Any) -> str:
    return _cut(array_text(_literal(value), lambda number: number_text(float(f"{number:.6g}"))))


def _literal(value: Any) -> Literal:
    """Nested lists as an array that is written out."""
    return tuple([_literal(part) for part in value]) if isinstance(value, list) else float(value)


def _equal(first: Any, second: Any, decimals: int | None) -> bool:
    """Whether two values are equal but for roundings; a number that is written with decimals is one that is rounded."""
    pending = [(first, second)]
    while pending:
        a, b = pending.pop()
        if isinstance(a, list) or isinstance(b, list):
            if not isinstance(a, list) or not isinstance(b, list) or len(a) != len(b):
                return False
            pending += zip(a, b, strict=True)
            continue
        size = max(abs(a), abs(b))
        allowed = _RELATIVE * size + _ABSOLUTE
        if decimals is not None:
            allowed = max(allowed, 0.5000001 * 10.0**-decimals)
        if not abs(a - b) <= allowed and a != b:
            return False
    return True
