"""The operations on arrays, held by what must be true of each: a new entry is tested with no new line here.

Shapes and values are made for every entry from its samples and from a pool of shapes; what the algebra of shapes lets
through is computed and differentiated. And the entries on numbers give the same over columns as number by number, which
is run once more without the wide registers of the processor.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.arrays import Arrays, compile_graph, masked, quietly
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.shapes import Dims, ShapeError, literal_dims
from backpropcli.algebras.symbols import Symbols
from backpropcli.errors import BackpropError
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.language.program import build, read
from backpropcli.passes.bind import bind
from backpropcli.passes.sweeps import linearize, pull, push
from backpropcli.primitives import ALL, General, Primitive
from tests import oracle, test_primitives

ARRAYS, FLOATS = Arrays(), Floats()
SHAPES: tuple[Dims, ...] = (
    (), (0,), (1,), (3,), (1, 3), (3, 1), (2, 3), (3, 2), (0, 3), (2, 0), (2, 2), (2, 2, 3), (2, 1, 3),
)  # fmt: skip
AXES = (ALL, 0.0, 1.0, -1.0)
CASES = 36
"""How many shapes of an entry are differentiated, at most."""

every_array_entry = pytest.mark.parametrize("entry", primitives.on_arrays().values(), ids=list(primitives.on_arrays()))
every_entry_on_numbers = pytest.mark.parametrize(
    "entry", primitives.on_numbers().values(), ids=list(primitives.on_numbers())
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quietly():
        yield


# What is tested


class Case(NamedTuple):
    """An entry with its static arguments, bound to shapes, and arrays that it has a value at."""

    entry: Primitive
    graph: Graph
    dims: Dims
    """The result's shape, as the algebra of shapes has it."""
    point: dict[str, Any]

    def __str__(self) -> str:
        shapes = ", ".join([f"{name} {np.shape(value)}" for name, value in self.point.items()])
        return f"{self.entry.name} of {shapes}"

    @property
    def output(self) -> int:
        return self.graph.outputs[0]


def parameter(entry: Primitive, k: int) -> str:
    return entry.names[min(k, len(entry.names) - 1)]


def shapes_near(dims: Dims) -> Iterator[Dims]:
    """The shape, a batch of such, and the shape with one axis longer, of one entry, or empty."""
    yield dims
    yield (2, *dims)
    for k, size in enumerate(dims):
        for other in (size + 1, 1, 0):
            yield (*dims[:k], other, *dims[k + 1 :])


def arguments_like(entry: Primitive, samples: Sequence[Any], name: str) -> list[Any]:
    """What an argument may be: shapes, or values where it is static or whole."""
    if name in entry.static or name in entry.whole:
        found = [sample for sample in samples if not isinstance(sample, tuple) or name in entry.static]
        found += AXES if name == "axis" else ()
        found += [tuple(map(float, dims)) for dims in SHAPES[1:]] if any(isinstance(s, tuple) for s in found) else []
        return list(dict.fromkeys(found))
    near = [dims for sample in samples for dims in shapes_near(literal_dims(sample))]
    return list(dict.fromkeys([*SHAPES, *near]))


def graph_of(entry: Primitive, chosen: Sequence[Any]) -> tuple[Graph, dict[str, Dims]]:
    """The entry applied to variables of these shapes and to these constants."""
    builder = GraphBuilder()
    shapes: dict[str, Dims] = {}
    nodes = []
    for k, choice in enumerate(chosen):
        if parameter(entry, k) in entry.static or parameter(entry, k) in entry.whole:
            nodes.append(builder.constant(choice))
        else:
            nodes.append(builder.variable(f"x{k}"))
            shapes[f"x{k}"] = choice
    return builder.graph([builder.apply(entry.name, nodes)]), shapes


def is_value(entry: Primitive, k: int) -> bool:
    return parameter(entry, k) in entry.static or parameter(entry, k) in entry.whole


def shaped(entry: Primitive) -> Iterator[tuple[Graph, Dims, dict[str, Dims]]]:
    """The entry bound to every combination of shapes that the algebra of shapes lets through, its samples' first."""
    taken = [[value if is_value(entry, k) else literal_dims(value) for k, value in enumerate(s)] for s in entry.samples]
    for count in sorted({len(sample) for sample in entry.samples}) if not entry.helper else ():
        alike = [sample for sample in entry.samples if len(sample) == count]
        pools = [arguments_like(entry, [sample[k] for sample in alike], parameter(entry, k)) for k in range(count)]
        combined = list(itertools.islice(itertools.product(*pools), 200_000))
        random.Random(entry.name).shuffle(combined)
        taken += combined[:6000]
    for chosen in taken:
        graph, shapes = graph_of(entry, chosen)
        try:
            bound = bind(graph, shapes)
        except ShapeError:
            continue
        yield bound.graph, bound.shapes[bound.graph.outputs[0]].dims, shapes


KINDS: tuple[Callable[[np.random.Generator, Dims], Any], ...] = (
    lambda dice, dims: dice.uniform(-2.0, 2.0, dims),
    lambda dice, dims: dice.uniform(0.1, 0.9, dims),
    lambda dice, dims: dice.integers(0, 2, dims) * 1.0,
    lambda dice, dims: np.eye(*dims[-2:]) + 0.3 * np.ones(dims) if len(dims) > 1 else np.ones(dims),
)
"""Random arrays of several kinds: plain, probabilities, places, positive definite ones."""


def points(shapes: dict[str, Dims], dice: np.random.Generator) -> Iterator[dict[str, Any]]:
    for kinds in itertools.product(KINDS, repeat=len(shapes)):
        yield {name: kind(dice, dims) for kind, (name, dims) in zip(kinds, shapes.items(), strict=True)}


def value(graph: Graph, point: dict[str, Any]) -> Any:
    return compile_graph(graph, tuple(point))(tuple(point.values()))


def is_finite(found: Any) -> bool:
    return not isinstance(found, slice) and bool(np.isfinite(found).all())


def in_domain(entry: Primitive, graph: Graph, point: dict[str, Any]) -> bool:
    """Whether the domain that the entry states holds for every entry of the arrays."""
    args = graph.nodes[-1].args
    if entry.domain is None or graph.nodes[-1].op != entry.name:
        return True
    names = (*rules.arguments(entry, len(args)), rules.RESULT)
    values = [value(graph._replace(outputs=(j,)), point) for j in args]
    return bool(np.all(compile_graph(rules.condition(entry.name, entry.domain, len(args)), names)([*values, math.nan])))


def cases(entry: Primitive) -> Iterator[Case]:
    """Some of the shapes, with a point where there is a value. An array of numbers is made for a 0-d one too."""
    dice = np.random.default_rng(len(entry.name))
    found: dict[object, tuple[Graph, Dims, dict[str, Dims]]] = {}
    for graph, dims, shapes in shaped(entry):
        # First what differs in its ranks and sizes, then the rest.
        key = tuple([(len(d), tuple([min(size, 2) for size in d])) for d in shapes.values()]), graph.nodes[-1].args
        found.setdefault(key, (graph, dims, shapes))
        if len(found) >= CASES:
            break
    for graph, dims, shapes in found.values():
        for point in points(shapes, dice):
            if in_domain(entry, graph, point) and is_finite(value(graph, point)):
                yield Case(entry, graph, dims, point)
                break


def trace_at(case: Case, point: dict[str, Any] | None = None) -> Any:
    return linearize(case.graph, ARRAYS, case.point if point is None else point)


def pulled(case: Case, seed: Any, point: dict[str, Any] | None = None) -> dict[str, Any]:
    adjoints = pull(trace_at(case, point), seed)
    shapes = {name: np.shape(value) for name, value in case.point.items()}
    return {
        name: np.zeros(shapes[name]) if adjoints[i] is None else masked(adjoints[i]).value
        for name, i in case.graph.variables.items()
    }


def pushed(case: Case, tangents: dict[str, Any]) -> Any:
    moved = push(trace_at(case), tangents)[case.output]
    return np.zeros(case.dims) if moved is None else masked(moved).value


def random_like(point: dict[str, Any], dice: np.random.Generator) -> dict[str, Any]:
    return {name: dice.uniform(-1.0, 1.0, np.shape(value)) for name, value in point.items()}


def product(some: dict[str, Any], other: dict[str, Any]) -> tuple[float, float]:
    """The inner product, and the sum of its terms' sizes."""
    terms = np.concatenate([np.ravel(some[name] * other[name]) for name in some] or [np.zeros(0)])
    return float(np.sum(terms)), float(np.sum(np.abs(terms)))


# Shapes


@every_array_entry
def test_shapes_are_those_of_the_values(entry: Primitive) -> None:
    dice = np.random.default_rng(1)
    for graph, dims, shapes in itertools.islice(shaped(entry), 600):
        point = next(points(shapes, dice))
        assert np.shape(value(graph, point)) == dims, (entry.name, shapes)


@every_array_entry
def test_there_are_cases(entry: Primitive) -> None:
    assert entry.name == "slice" or any(list(cases(entry)))


@every_array_entry
def test_samples_have_values(entry: Primitive) -> None:
    for sample in entry.samples:
        graph, _ = graph_of(entry, [v if is_value(entry, k) else literal_dims(v) for k, v in enumerate(sample)])
        point = {f"x{k}": np.array(v, dtype=float) for k, v in enumerate(sample) if not is_value(entry, k)}
        bound = bind(graph, {name: np.shape(v) for name, v in point.items()})
        found = value(bound.graph, point)
        assert entry.name == "slice" or is_finite(found), sample


@every_array_entry
def test_domain_of_numbers_refuses_exactly_what_has_no_value(entry: Primitive) -> None:
    sample = entry.samples[0]
    for numbers in itertools.product((-2.0, -1.0, 0.0, 0.5, 1.0, 2.0), repeat=0 if entry.helper else len(sample)):
        if entry.helper:
            return  # They are asked only where they have a value.
        chosen = [v if is_value(entry, k) else () for k, v in enumerate(sample)]
        graph, shapes = graph_of(entry, chosen)
        try:
            bound = bind(graph, shapes).graph
        except ShapeError:
            return  # Of matrices this says nothing.
        point = {name: np.array(numbers[int(name[1:])]) for name in shapes}
        found = value(bound, point)
        assert in_domain(entry, bound, point) == bool(np.isfinite(found).all()), point


# First order


@every_array_entry
def test_adjoints_have_their_arguments_shapes(entry: Primitive) -> None:
    for case in cases(entry):
        for name, adjoint in pulled(case, np.ones(case.dims)).items():
            assert np.shape(adjoint) == np.shape(case.point[name]), f"{case} by {name}"
        assert np.shape(pushed(case, random_like(case.point, np.random.default_rng(2)))) == case.dims, str(case)


@every_array_entry
def test_push_and_pull_agree(entry: Primitive) -> None:
    dice = np.random.default_rng(3)
    for case in cases(entry):
        seed, tangents = dice.uniform(-1.0, 1.0, case.dims), random_like(case.point, dice)
        forward, size = product({"": seed}, {"": pushed(case, tangents)})
        backward, other = product(pulled(case, seed), tangents)
        assert abs(forward - backward) <= 1e-13 * (size + other) + 1e-300, str(case)


def difference(function: Callable[[float], Any]) -> tuple[Any, Any]:
    """The derivative at 0 by central differences, extrapolated to a step of 0, and how far it may be off."""
    steps = [1e-2 / 2**k for k in range(4)]
    table = [(function(h) - function(-h)) / (2.0 * h) for h in steps]
    before = table[-1]
    for order in range(1, len(steps)):
        before = table[-1]
        table = [b + (b - a) / (4**order - 1) for a, b in itertools.pairwise(table)]
    return table[-1], np.abs(table[-1] - before)


def moved(point: dict[str, Any], tangents: dict[str, Any], h: float) -> dict[str, Any]:
    return {name: value + h * tangents[name] for name, value in point.items()}


class Settled:
    """Differences compared with derivatives. Where a step goes over a kink they do not settle, and say nothing."""

    def __init__(self) -> None:
        self.compared = self.all = 0

    def compare(self, got: Any, wanted: Any, off: Any, case: Case) -> None:
        scale = np.max(np.abs(wanted), initial=1.0)
        settled = off <= 1e-6 * scale
        assert (settled <= (np.abs(got - wanted) <= 20.0 * off + 1e-9 * scale)).all(), f"{case}: {got}, not {wanted}"
        self.compared += int(np.count_nonzero(settled))
        self.all += np.size(wanted)

    def assert_enough(self) -> None:
        assert self.compared >= 0.8 * self.all


def still(case: Case, tangents: dict[str, Any]) -> dict[str, Any]:
    """The tangents, 0 for arguments that are places: their whole numbers do not move."""
    whole = {name for name, v in case.point.items() if np.array_equal(v, np.rint(v)) and np.size(v)}
    return {name: np.zeros(np.shape(t)) if name in whole else t for name, t in tangents.items()}


@every_array_entry
def test_tangents_are_those_of_differences(entry: Primitive) -> None:
    dice, differences = np.random.default_rng(4), Settled()
    for case in cases(entry):
        tangents = still(case, random_like(case.point, dice))
        wanted, off = difference(lambda h, c=case, t=tangents: value(c.graph, moved(c.point, t, h)))  # type: ignore[misc]
        differences.compare(pushed(case, tangents), wanted, off, case)
    differences.assert_enough()


@every_array_entry
def test_jacobians_forward_and_backward_are_the_same(entry: Primitive) -> None:
    for case in cases(entry):
        trace = trace_at(case)
        size = math.prod(case.dims)
        rows = []
        for k in range(size):
            seed = np.zeros(size)
            seed[k] = 1.0
            adjoints = pull(trace, seed.reshape(case.dims))
            rows.append(adjoints)
        for name, i in case.graph.variables.items():
            x = case.point[name]
            backward = [np.zeros(np.shape(x)) if row[i] is None else masked(row[i]).value for row in rows]
            forward = []
            for k in range(np.size(x)):
                tangent = np.zeros(np.size(x))
                tangent[k] = 1.0
                found = push(trace, {name: tangent.reshape(np.shape(x))})[case.output]
                forward.append(np.zeros(size) if found is None else np.ravel(masked(found).value))
            one = np.reshape(backward, (size, np.size(x)))
            other = np.reshape(forward, (np.size(x), size)).T
            unit = np.spacing(np.maximum(np.max(np.abs(one), initial=0.0), np.abs(other)))
            assert (np.abs(one - other) <= max(entry.digits, 4) * unit).all(), f"{case} by {name}"


@every_array_entry
def test_handbook_says_what_is_carried(entry: Primitive) -> None:
    """Of all entries of a vector, where no axis is in question."""
    told = entry.rule.handbook if isinstance(entry.rule, General) else ()
    dice = np.random.default_rng(10)
    for case in cases(entry):
        if not told or len(case.point) != 1 or np.ndim(case.point["x0"]) != 1:
            continue
        (shown,) = [texts for texts in told if texts is not None]
        carried = dice.uniform(-1.0, 1.0, case.dims)
        result = value(case.graph, case.point)
        tangent, adjoint = pushed(case, {"x0": carried}), pulled(case, carried)["x0"]
        for text, letter, wanted in ((shown[0], "d", tangent), (shown[1], "g", adjoint)):
            names = (entry.names[0], "y", letter)
            graph = rules.formula(text, names)
            got = compile_graph(graph, names)((case.point["x0"], result, carried))
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)


# Second order, and the gradient as a formula


@every_array_entry
def test_second_derivatives_are_those_of_differences(entry: Primitive) -> None:
    dice, differences = np.random.default_rng(5), Settled()
    for case in cases(entry):
        seed, tangents = dice.uniform(-1.0, 1.0, case.dims), still(case, random_like(case.point, dice))
        duals = {name: Dual(value, tangents[name]) for name, value in case.point.items()}
        adjoints = pull(linearize(case.graph, Duals(ARRAYS), duals), Dual(seed, None))
        for name, i in case.graph.variables.items():
            wanted, off = difference(
                lambda h, c=case, t=tangents, s=seed, n=name: pulled(c, s, moved(c.point, t, h))[n]  # type: ignore[misc]
            )
            found = adjoints[i]
            got = 0.0 if found is None or found.tangent is None else masked(found.tangent).value
            differences.compare(np.broadcast_to(got, np.shape(wanted)), wanted, off, case)
    differences.assert_enough()


def directional(case: Case, tangents: dict[str, Any], order: int, point: dict[str, Any]) -> Any:
    """The derivative of this order along one direction, over dual numbers of dual numbers."""
    algebra: Any = ARRAYS
    values, moving = dict(point), dict(tangents)
    for _ in range(order):
        values = {name: Dual(value, moving[name]) for name, value in values.items()}
        moving = {name: Dual(tangent, None) for name, tangent in moving.items()}
        algebra = Duals(algebra)
    result = fold(case.graph, algebra, values)[case.output]
    for _ in range(order):
        result = result.tangent
        if result is None:
            return np.zeros(case.dims)
    return masked(result).value


@every_array_entry
def test_third_derivatives_are_those_of_differences(entry: Primitive) -> None:
    dice, differences = np.random.default_rng(8), Settled()
    for case in itertools.islice(cases(entry), 10):
        tangents = still(case, random_like(case.point, dice))
        wanted, off = difference(lambda h, c=case, t=tangents: directional(c, t, 2, moved(c.point, t, h)))  # type: ignore[misc]
        differences.compare(directional(case, tangents, 3, case.point), wanted, off, case)
    differences.assert_enough()


@every_array_entry
def test_gradient_as_a_formula_is_the_gradient(entry: Primitive) -> None:
    dice = np.random.default_rng(6)
    for case in cases(entry):
        seed = dice.uniform(-1.0, 1.0, case.dims)
        builder = GraphBuilder()
        inputs = {name: builder.variable(name) for name in case.point}
        symbols = Symbols(builder)
        adjoints = pull(linearize(case.graph, symbols, inputs), builder.variable("seed"))
        wanted = pulled(case, seed)
        for name, i in case.graph.variables.items():
            made = adjoints[i]
            if made is None:
                assert not wanted[name].any()
                continue
            graph = builder.graph([made])
            names = (*case.point, "seed")
            got = compile_graph(graph, names)((*case.point.values(), seed))
            scale = np.max(np.abs(wanted[name]), initial=1.0)
            assert (np.abs(got - wanted[name]) <= 1e-12 * scale).all(), f"{case} by {name}"


# Broadcasting


@every_entry_on_numbers
def test_what_is_broadcast_is_added_up_backward(entry: Primitive) -> None:
    """A column beside a row and a number: every adjoint has its argument's shape, and all of what went there."""
    for sample in entry.samples:
        count = len(sample)
        shapes: list[Dims] = [((2, 1), (3,), (), (2, 3))[(k + len(sample)) % 4] for k in range(count)]
        graph, dims = graph_of(entry, [v if is_value(entry, k) else shapes[k] for k, v in enumerate(sample)])
        bound = bind(graph, dims)
        point = {name: np.full(shape, sample[int(name[1:])]) for name, shape in dims.items()}
        trace = linearize(bound.graph, ARRAYS, point)
        output = bound.graph.outputs[0]
        size = bound.shapes[output].dims
        assert np.shape(trace.values[output]) == size
        adjoints = pull(trace, np.ones(size))
        value = FLOATS.function(entry.name, count)(*sample)
        for name, i in bound.graph.variables.items():
            slope = FLOATS.partial(entry.name, int(name[1:]), count)
            wanted = None if slope is None else slope([*sample, value])
            found = adjoints[i]
            if wanted is None or found is None:
                assert not wanted
                assert found is None or not masked(found).present.any()
                continue
            assert np.shape(masked(found).value) == dims[name]
            repeated = math.prod(size) / math.prod(dims[name])
            np.testing.assert_allclose(masked(found).value, wanted * repeated, rtol=2e-15)


# Masks


def swept(text: str, point: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The value, and the gradient of its sum, absent entries as nan."""
    graph = build(read(text, tuple(point)))
    bound = bind(graph, {name: np.shape(value) for name, value in point.items()})
    trace = linearize(bound.graph, ARRAYS, point)
    output = bound.graph.outputs[0]
    adjoints = pull(trace, np.ones(np.shape(trace.values[output])))
    found = {}
    for name, i in bound.graph.variables.items():
        adjoint = adjoints[i]
        found[name] = None if adjoint is None else np.where(masked(adjoint).present, masked(adjoint).value, np.nan)
    return trace.values[output], found


ROWS = np.array([-1.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("text", "values", "gradient"),
    [
        ("if(x > 0, log(x), 0)", [0.0, 0.0, math.log(2.0)], [math.nan, math.nan, 0.5]),
        ("if(x > 0, sqrt(x), 0) + 0*x", [0.0, 0.0, math.sqrt(2.0)], [0.0, 0.0, math.sqrt(0.125)]),
        ("if(x >= 0, sqrt(x + 1), x)", [-1.0, 1.0, math.sqrt(3.0)], [1.0, 0.5, 0.5 / math.sqrt(3.0)]),
        ("max(x, 0)", [0.0, 0.0, 2.0], [math.nan, 0.5, 1.0]),
        ("leaky_relu(x, 0.5)", [-0.5, 0.0, 2.0], [0.5, 0.5, 1.0]),
        ("if(x > 0, 1, 2)", [2.0, 2.0, 1.0], None),
        ("if(x < 1, x^2, 1/(x - 1))", [1.0, 0.0, 1.0], [-2.0, 0.0, -1.0]),
        ("if(x > 1, 1/x, 1/(x - 1))", [-0.5, -1.0, 0.5], [-0.25, -1.0, -0.25]),
    ],
)  # fmt: skip
def test_arms_that_are_not_taken_poison_no_row(text: str, values: list[float], gradient: list[float] | None) -> None:
    got, found = swept(text, {"x": ROWS})
    np.testing.assert_allclose(got, values, rtol=1e-15)
    if gradient is None:
        assert found["x"] is None
    else:
        np.testing.assert_allclose(found["x"], gradient, rtol=1e-15)


def test_what_is_absent_stays_absent_behind_an_infinite_slope() -> None:
    _, found = swept("if(x > 0, sqrt(x), 3)", {"x": np.array([0.0, 4.0])})
    np.testing.assert_array_equal(found["x"], [math.nan, 0.25])
    # A path of the same variable that is there is not poisoned by the one that is not.
    _, found = swept("if(x > 0, sqrt(x), 3) + 2*x", {"x": np.array([0.0, 4.0])})
    np.testing.assert_array_equal(found["x"], [2.0, 2.25])


def test_an_entry_that_is_not_the_largest_has_no_path() -> None:
    _, found = swept("max([2, sqrt(y)])", {"y": np.array(0.0)})
    assert found["y"] is None or np.isnan(found["y"])
    _, found = swept("sum(max([x, sqrt(y)], axis=0))", {"x": np.array([1.0, 2.0]), "y": np.array([4.0, 0.0])})
    np.testing.assert_array_equal(found["x"], [math.nan, 1.0])
    np.testing.assert_array_equal(found["y"], [0.25, math.nan])


def test_what_is_gathered_into_an_absent_entry_is_absent() -> None:
    point = {"x": np.array([[1.0, 4.0], [0.0, 9.0]]), "c": np.array([1.0, 0.0])}
    _, found = swept("sum(if(c > 0, norm(sqrt(x), axis=1), 5))", point)
    np.testing.assert_allclose(found["x"], [[0.5 / math.sqrt(5.0)] * 2, [math.nan] * 2], rtol=1e-15)


def test_norms_of_a_matrix_are_its_largest_sums() -> None:
    matrix = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    assert Arrays.function("column_norm", 1)(matrix) == 2.75
    assert Arrays.function("row_norm", 1)(matrix) == 3.5


def test_a_parameter_has_a_path_where_it_is_used() -> None:
    _, found = swept("leaky_relu(x, a)", {"x": ROWS, "a": np.array([0.1, 0.1, 0.1])})
    np.testing.assert_array_equal(found["a"], [-1.0, 0.0, math.nan])


def test_no_tangent_is_poisoned() -> None:
    graph = build(read("if(x > 0, log(x), 0)", ("x",)))
    trace = linearize(graph, ARRAYS, {"x": ROWS})
    moved = masked(push(trace, {"x": np.ones(3)})[graph.outputs[0]])
    np.testing.assert_array_equal(moved.value, [0.0, 0.0, 0.5])


def test_no_second_derivative_is_poisoned() -> None:
    graph = build(read("if(x > 0, log(x), 0)", ("x",)))
    trace = linearize(graph, Duals(ARRAYS), {"x": Dual(ROWS, np.ones(3))})
    adjoint = pull(trace, Dual(np.ones(3), None))[graph.variables["x"]]
    assert adjoint is not None
    np.testing.assert_array_equal(masked(adjoint.tangent).value, [0.0, 0.0, -0.25])


def kernels_run(op: str, k: int | None, *values: Any) -> Counter[str]:
    """How often every kernel runs in a primitive's local derivative by its k-th argument, or with no k in its value."""
    calls: Counter[str] = Counter()

    def counted(op: str) -> Callable[..., Any] | None:
        found = Arrays.kernels.find(op)
        return None if found is None else lambda *values: calls.update([op]) or found(*values)

    class Counted(Arrays):
        kernels = Arrays.kernels._replace(find=counted)

    with quietly():
        if k is None:
            Counted.function(op, len(values))(*values)
        else:
            slope = Counted.partial(op, k, len(values))
            assert slope is not None
            slope([*values, np.ones(3)])
    return calls


@pytest.mark.parametrize(("op", "k", "products"), [("pow", 0, 2), ("power_slope", None, 2), ("power_slope", 0, 1)])
def test_choices_that_a_constant_decides_are_not_computed(op: str, k: int | None, products: int) -> None:
    assert kernels_run(op, k, ROWS, Arrays.constant(3.0)) == {"mul": products}
    assert kernels_run(op, k, ROWS, np.full(3, 3.0))["if"] > 1


# Columns are numbers


EXTREMES = (0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -1.7976931348623157e308, 3.0, 2e16, math.inf, -math.inf, math.nan)
ULPS = 2


def columns(entry: Primitive) -> Iterator[list[tuple[float, ...]]]:
    """Points of one number of arguments each: the chosen ones, random ones, and the ends of the range."""
    found: dict[int, list[tuple[float, ...]]] = {}
    for point in (*test_primitives.chosen_points(entry), *test_primitives.points_in_domain(entry, 300)):
        found.setdefault(len(point), []).append(point)
    for count, rows in found.items():
        ends = EXTREMES if count < 3 else EXTREMES[::2]
        yield [*rows, *(itertools.product(ends, repeat=count) if count < 5 else ())]


def ulps(a: Any, b: Any) -> Any:
    """How far apart, in units in the last place; 0 for what is not finite and alike, else infinitely far."""
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    unit = np.spacing(np.minimum(np.maximum(np.abs(a), np.abs(b)), 1.7e308))
    off = np.abs(a / 4 - b / 4) / unit * 4
    return np.where(alike, 0.0, np.where(np.isfinite(off), off, np.inf))


def both(entry: Primitive, rows: list[tuple[float, ...]]) -> Iterator[tuple[str, Any, Any]]:
    """The value and every local derivative, number by number and over columns; nan stands for no path as well."""
    count = len(rows[0])
    inputs = [np.array(column) for column in zip(*rows, strict=True)]
    function = FLOATS.function(entry.name, count)
    results = [function(*row) for row in rows]
    yield "value", np.array(results), np.broadcast_to(ARRAYS.function(entry.name, count)(*inputs), len(rows))
    for k in range(count):
        slope, along = FLOATS.partial(entry.name, k, count), ARRAYS.partial(entry.name, k, count)
        assert (slope is None) == (along is None)
        if slope is None or along is None:
            continue
        wanted = [slope([*row, result]) for row, result in zip(rows, results, strict=True)]
        found = along([*inputs, np.array(results)])
        got = masked(np.zeros(len(rows)) if found is None else found)
        present = np.broadcast_to(got.present, len(rows)) if found is not None else np.zeros(len(rows), dtype=bool)
        assert [each is not None for each in wanted] == list(present), f"where {entry.name} has a path by {k}"
        there = np.array([0.0 if each is None else each for each in wanted])
        yield f"slope {k}", there, np.broadcast_to(got.value, len(rows))


def true(entry: Primitive, row: tuple[float, ...], what: str) -> tuple[Any, float]:
    """What mpmath gives, and the largest term that digits are counted from."""
    if what == "value":
        return oracle.value(entry.name, row), test_primitives.scale(entry, row, 0)
    k = int(what.removeprefix("slope "))
    return oracle.value_and_slopes(entry.name, row)[k + 1], test_primitives.largest_term(entry, row, k)


@every_entry_on_numbers
def test_columns_are_the_numbers(entry: Primitive) -> None:
    for rows in columns(entry):
        for what, number, column in both(entry, rows):
            off = ulps(number, column)
            for k in np.flatnonzero(off > ULPS):
                said = f"{what} of {entry.name}{rows[k]}: {number[k]!r}, in a column {column[k]!r}"
                # Further apart than that they may be where a text adds up the last bits of several kernels, as long as
                # the promise of the entry holds.
                assert math.isfinite(off[k]), said
                assert oracle.ulps(float(column[k]), *true(entry, rows[k], what)) <= entry.digits, said


ASKED = (
    "from numpy._core._multiarray_umath import __cpu_features__ as found, __cpu_dispatch__ as used;"
    "print(*[name for name in used if found[name]])"
)


def test_columns_are_the_numbers_without_wide_registers() -> None:
    asked = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, encoding="utf-8", check=True)
    wide = asked.stdout.split()
    if not wide or "NPY_DISABLE_CPU_FEATURES" in os.environ:
        pytest.skip("NumPy uses no wide registers here")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "test_columns_are_the_numbers and not wide", __file__],
        env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(wide)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]


def test_nothing_that_is_public_is_left_out() -> None:
    tested = {**primitives.on_numbers(), **primitives.on_arrays()}
    assert set(tested) == set(primitives.TABLE)
    assert not [name for name, entry in tested.items() if not entry.samples]


def test_messages_of_shapes_are_for_users() -> None:
    with pytest.raises(BackpropError, match="there is no axis 5"):
        bind(build(read("sum(x, 5)", ("x",))), {"x": (2, 3)})
