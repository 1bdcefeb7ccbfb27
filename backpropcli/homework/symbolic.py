"""Whether two formulas are the same function: compared in value and definedness, at points of their own domain.

Points near the given one, over several magnitudes and of both signs; a difference has to be larger than what rounding
may do to both. A refusal names a point.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import Graph, part
from backpropcli.homework.board import Board
from backpropcli.homework.model import ADJOINT, EDGE, LOCAL, VALUE, Quantity
from backpropcli.language.reading import number_text
from backpropcli.passes.derivatives import gradient_graph
from backpropcli.passes.rounding import noises
from backpropcli.passes.sweeps import linearize
from backpropcli.records import NamedTuple

NEEDED = 8
"""Points at which both have to be defined before anything is said."""
_UNIFORM = ((16, 2.0), (16, 10.0))
"""Points drawn from intervals around 0, and how far these reach."""
_MAGNITUDES = 16
_LEAST, _MOST = math.log(1e-3), math.log(30.0)
_NEAR = 6
_FIRST = sum([count for count, _ in _UNIFORM]) + _MAGNITUDES + _NEAR
_MORE = 400
"""Further points, all positive, between 0 and 1, or near the given one, while too few are in the domain."""
_WORK = 100_000
"""Nodes that are evaluated before it is given up to look for points in the domain."""
_RELATIVE, _NOISES = 1e-12, 16.0
_BLURRED = 1e-3
"""The part of a value that rounding may be at a point before the point proves nothing."""


class Comparison(NamedTuple):
    """What comparing two formulas has shown."""

    equal: bool | None
    """None where too few points are in the domain of both."""
    at: Mapping[str, float] | None = None
    """A point where they differ."""
    undefined: bool = False
    """Whether one of them has no value there."""


class _Value(NamedTuple):
    value: float
    noise: float
    """How far rounding may have moved it."""


def compare(
    first: Graph,
    second: Graph,
    *,
    within: Graph | None = None,
    point: Mapping[str, float] | None = None,
    domain: Mapping[str, tuple[float, float]] | None = None,
    seed: str = "",
) -> Comparison:
    """Whether two formulas of numbers are the same function, wherever `within` has a value too.

    `point` is where they are looked at in particular, `domain` the teacher's ranges by variable, and `seed` decides
    which points are drawn.
    """
    names = list(dict.fromkeys([*first.variables, *second.variables, *(within.variables if within else ())]))
    compared = 0
    size = len(first.nodes) + len(second.nodes)
    # Seeded by a text: from those Python draws the same numbers everywhere.
    rng = random.Random(f"backprop {seed}")  # noqa: S311 - points, no secrets
    good: list[dict[str, float]] = []
    for count, place in enumerate(_points(names, point or {}, domain or {}, rng, good)):
        if count >= _FIRST and (compared >= NEEDED or count * size > _WORK):
            break
        if within is not None and _at(within, place) is None:
            continue
        a, b = _at(first, place), _at(second, place)
        if a is None and b is None:
            continue
        if (a is not None and math.isinf(a.noise)) or (b is not None and math.isinf(b.noise)):
            continue  # It overflows on the way, which says nothing about the function.
        if a is None or b is None:
            return Comparison(False, place, undefined=True)
        good.append(place)
        large, noise = max(abs(a.value), abs(b.value)), a.noise + b.noise
        if not abs(a.value - b.value) <= _RELATIVE * large + _NOISES * noise:
            return Comparison(False, place)
        compared += _NOISES * noise <= _BLURRED * large or not large
    return Comparison(True if compared >= NEEDED or not names else None)


def _points(
    names: list[str],
    point: Mapping[str, float],
    domain: Mapping[str, tuple[float, float]],
    rng: random.Random,
    good: list[dict[str, float]],
) -> Iterator[dict[str, float]]:
    """Points to compare at: near the given one and of the usual sizes, and then more where few of these are any good.

    Those that are good stand in `good`: near them there are others.
    """

    def drawn(number: float, name: str) -> float:
        low, high = domain.get(name, (0.0, 0.0))
        return rng.uniform(low, high) if name in domain else number

    def near(name: str, found: Mapping[str, float] = point) -> float:
        centre = found.get(name, 1.0)
        return centre + rng.uniform(-0.1, 0.1) * (abs(centre) or 1.0)

    for _ in range(_NEAR):
        yield {name: drawn(near(name), name) for name in names}

    def spread(count: int) -> dict[str, list[float]]:
        """By variable numbers from 0 to 1, one in each of so many equal parts: no part is missed by chance."""
        found = {}
        for name in names:
            parts = [(k + rng.random()) / count for k in range(count)]
            rng.shuffle(parts)
            found[name] = parts
        return found

    for count, reach in _UNIFORM:
        parts = spread(count)
        for k in range(count):
            yield {name: drawn(reach * (2.0 * parts[name][k] - 1.0), name) for name in names}
    parts = spread(_MAGNITUDES)
    for k in range(_MAGNITUDES):
        yield {
            name: drawn(math.copysign(math.exp(_LEAST + parts[name][k] * (_MOST - _LEAST)), rng.random() - 0.5), name)
            for name in names
        }
    for turn in range(_MORE):
        kind = turn % 5
        if good and kind < 2:
            about = rng.choice(good)
            yield {name: drawn(near(name, about), name) for name in names}
        elif kind == 0:
            yield {name: drawn(math.exp(rng.uniform(_LEAST, _MOST)), name) for name in names}
        elif kind == 1:
            yield {name: drawn(rng.random(), name) for name in names}
        elif kind == 2:
            yield {name: drawn(near(name), name) for name in names}
        elif kind == 3:
            yield {name: drawn(rng.uniform(-10.0, 10.0), name) for name in names}
        else:
            yield {name: drawn(rng.uniform(-1.0, 1.0), name) for name in names}


def _at(graph: Graph, place: Mapping[str, float]) -> _Value | None:
    """The value at a point with how far rounding may have moved it; None where it has no value there."""
    trace = linearize(graph, Floats(), place)
    noise = noises(graph, trace.values, trace.partials)
    (output,) = graph.outputs
    value = trace.values[output]
    if not math.isfinite(value):
        return _Value(0.0, math.inf) if math.isinf(noise[output]) else None
    return _Value(value, noise[output])


# Formulas as answers


class Told(NamedTuple):
    """What is to be said of a formula that was given as an answer."""

    equal: bool
    value: float
    """Its value at the question's point."""
    unsure: bool = False
    """Whether it could not be compared."""
    problem: str | None = None


def claimed_formula(board: Board, quantity: Quantity, formula: Graph, seed: str = "") -> Told:
    """Whether a formula over the variables, and the steps' names, is that of the quantity."""
    claimed = over_variables(board, formula)
    numbers = {name: number for name, number in board.point.items() if isinstance(number, float)}
    value = value_of(board, formula)
    found = compare(
        claimed,
        formula_of(board, quantity),
        within=part(board.shared[0].nodes, [board.shared[1][board.output]]),
        point=numbers,
        domain=board.question.domain,
        seed=f"{seed} {board.question.id} {quantity.shown}",
    )
    if found.equal:
        return Told(True, value)
    if found.equal is None:
        return Told(False, value, unsure=True, problem="too few points are in its domain to compare it at")
    where = ", ".join([f"{name} = {number_text(float(f'{number:.4g}'))}" for name, number in (found.at or {}).items()])
    problem = f"it has no value at {where}" if found.undefined else f"it is another function: they differ at {where}"
    return Told(False, value, problem=problem)


def over_variables(board: Board, formula: Graph) -> Graph:
    """A formula over variables and steps' names, with the steps' formulas in the place of their names."""
    builder, places = board.shared
    inputs = {name: places[name] for name in formula.variables}
    made = fold(formula, Symbols(builder, rewrite=False), inputs)[formula.outputs[0]]
    return part(builder.nodes, [made])


def value_of(board: Board, formula: Graph) -> float:
    """Its value at the question's point."""
    graph = over_variables(board, formula)
    numbers = {name: number for name, number in board.point.items() if isinstance(number, float)}
    return fold(graph, Floats(), numbers)[graph.outputs[0]]


def formula_of(board: Board, quantity: Quantity) -> Graph:
    """The quantity as a formula over the variables."""
    builder, places = board.shared
    symbols = Symbols(builder)

    def local(node: str, by: str) -> int:
        step = board.steps[node]
        slopes = gradient_graph(step.graph, step.inputs)
        inputs = {name: places[name] for name in step.inputs}
        return fold(slopes, symbols, inputs)[slopes.outputs[step.inputs.index(by)]]

    def adjoint(node: str) -> int:
        found = {board.output: builder.constant(1.0)}
        for step in reversed(board.steps.values()):
            if step.name == node or step.name not in found:
                continue
            for by in step.inputs:
                carried = symbols.pull(found[step.name], local(step.name, by))
                found[by] = symbols.plus(found[by], carried) if by in found else carried
        return found.get(node, builder.constant(0.0))

    node, by = quantity.node, str(quantity.by)
    if quantity.kind == VALUE:
        made = places[node]
    elif quantity.kind == LOCAL:
        made = local(node, by)
    elif quantity.kind == EDGE:
        made = symbols.pull(adjoint(node), local(node, by))
    else:
        made = adjoint(node if quantity.kind == ADJOINT else by)
    return part(builder.nodes, [made])
