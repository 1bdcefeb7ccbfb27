"""How many digits the smooth operations on arrays keep, held against their textbook forms over mpmath.

Of a value or derivative that has a zero inside its domain the digits are counted from the largest of the terms that it
is the sum of.
"""

from __future__ import annotations

import functools
import math
import os
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from mpmath import mp, mpf

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.arrays import Arrays, compile_graph, masked, quietly
from backpropcli.graph import GraphBuilder
from backpropcli.passes.bind import bind
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.primitives import ALL
from tests import oracle

POINTS = int(os.environ.get("BACKPROP_POINTS", "2000")) // 20
BITS = 2400
"""Enough for exp(-1500) beside 1, and for the difference of two such."""

Row = list[Any]


def _mean(x: Row) -> Any:
    return mp.fsum(x) / len(x)


def _var(x: Row) -> Any:
    return _mean([(each - _mean(x)) ** 2 for each in x])


def _norm(x: Row) -> Any:
    return mp.sqrt(mp.fsum([each**2 for each in x]))


def _softmax(x: Row) -> Row:
    e = [mp.exp(each) for each in x]
    return [each / mp.fsum(e) for each in e]


def _logsumexp(x: Row) -> Any:
    return mp.log(mp.fsum([mp.exp(each) for each in x]))


def _cross_entropy(z: Row, t: Row) -> Any:
    return mp.fsum([target * (_logsumexp(z) - each) for each, target in zip(z, t, strict=True)])


def _bce(p: Row, t: Row) -> Any:
    return -_mean([(b * mp.log(a) if b else 0) + ((1 - b) * mp.log(1 - a) if b != 1 else 0)
                   for a, b in zip(p, t, strict=True)])  # fmt: skip


def _bce_slope(p: Row, t: Row) -> Row:
    return [((1 - b) / (1 - a) if b != 1 else 0) / mpf(len(p)) - (b / a / len(p) if b else 0)
            for a, b in zip(p, t, strict=True)]  # fmt: skip


def _bce_with_logits(z: Row, t: Row) -> Any:
    return _mean([mp.log(1 + mp.exp(a)) - a * b for a, b in zip(z, t, strict=True)])


def _mse(x: Row, t: Row) -> Any:
    return _mean([(a - b) ** 2 for a, b in zip(x, t, strict=True)])


class Held(NamedTuple):
    """An operation on rows, as the textbook has it."""

    name: str
    value: Callable[..., Any]
    """A number, or a row of them."""
    slope: Callable[..., list[Row]]
    """By the first argument: of every entry of the value a row."""
    points: Callable[[random.Random], list[list[float]]]
    extra: tuple[float, ...] = ()
    """Static arguments behind."""
    value_term: Callable[..., float] = lambda *rows: 0.0
    slope_term: Callable[..., float] = lambda *rows: 0.0
    """The largest term where the result is a sum that may be near 0."""

    @property
    def digits(self) -> int:
        """What the entry promises."""
        return primitives.TABLE[self.name].digits


def _spread_out(dice: random.Random, count: int, scale: float) -> list[float]:
    return [dice.uniform(-scale, scale) for _ in range(count)]


def _scores(dice: random.Random) -> list[list[float]]:
    return [_spread_out(dice, dice.randint(1, 12), 10 ** dice.uniform(-2, 2.8))]


def _numbers(dice: random.Random) -> list[list[float]]:
    shift = dice.choice([0.0, 10 ** dice.uniform(0, 8)])
    return [[shift + x for x in _spread_out(dice, dice.randint(2, 40), 10 ** dice.uniform(-3, 3))]]


def _sizes(dice: random.Random) -> list[list[float]]:
    scale = 10 ** dice.uniform(-300, 300)
    return [[scale * x for x in _spread_out(dice, dice.randint(1, 40), 1.0)]]


def _factors(dice: random.Random) -> list[list[float]]:
    return [[dice.choice((-1, 1)) * 10 ** dice.uniform(-3, 3) for _ in range(dice.randint(1, 60))]]


def _classified(dice: random.Random) -> list[list[float]]:
    (scores,) = _scores(dice)
    target = [0.0] * len(scores)
    target[dice.randrange(len(scores))] = 1.0
    return [scores, target]


def _bits(dice: random.Random) -> list[list[float]]:
    count = dice.randint(1, 12)
    return [_spread_out(dice, count, 10 ** dice.uniform(-2, 2.8)), [float(dice.randint(0, 1)) for _ in range(count)]]


def _chances(dice: random.Random) -> list[list[float]]:
    count = dice.randint(1, 12)
    p = [
        dice.choice([dice.random(), 10 ** dice.uniform(-300, -1), 1 - 10 ** dice.uniform(-15, -1)])
        for _ in range(count)
    ]
    return [p, [float(dice.randint(0, 1)) for _ in range(count)]]


def _pairs(dice: random.Random) -> list[list[float]]:
    count = dice.randint(1, 12)
    return [_spread_out(dice, count, 3.0), _spread_out(dice, count, 3.0)]


def _one(value: Callable[..., Row]) -> Callable[..., list[Row]]:
    """The gradient of a number, as the only row of a Jacobian."""
    return lambda *rows: [value(*rows)]


def _softmax_slope(x: Row) -> list[Row]:
    p = _softmax(x)
    return [[p[i] * ((i == j) - p[j]) for j in range(len(x))] for i in range(len(x))]


def _largest(*rows: Row) -> float:
    return max(abs(float(x)) for x in rows[0])


def _others(x: Row) -> Row:
    return [mp.fprod(x[:k] + x[k + 1 :]) for k in range(len(x))]


HELD = (
    Held("sum", mp.fsum, _one(lambda x: [mpf(1)] * len(x)), _numbers, (ALL,), lambda x: float(sum(map(abs, x)))),
    Held("mean", _mean, _one(lambda x: [mpf(1) / len(x)] * len(x)), _numbers, (ALL,),
         lambda x: float(sum(map(abs, x)) / len(x))),
    Held("prod", mp.fprod, _one(_others), _factors, (ALL,)),
    Held("var", _var, _one(lambda x: [2 * (a - _mean(x)) / len(x) for a in x]), _numbers, (ALL,),
         slope_term=lambda x: float(max(abs(a - _mean(x)) for a in x) / len(x))),
    Held("std", lambda x: mp.sqrt(_var(x)), _one(lambda x: [(a - _mean(x)) / len(x) / mp.sqrt(_var(x)) for a in x]),
         _numbers, (ALL,), slope_term=lambda x: float(max(abs(a - _mean(x)) for a in x) / len(x) / mp.sqrt(_var(x)))),
    Held("norm", _norm, _one(lambda x: [a / _norm(x) for a in x]), _sizes, (2.0, ALL)),
    Held("logsumexp", _logsumexp, _one(_softmax), _scores, (ALL,), _largest),
    Held("softmax", _softmax, _softmax_slope, _scores, (-1.0,)),
    Held("log_softmax", lambda x: [a - _logsumexp(x) for a in x],
         lambda x: [[(i == j) - p for j, p in enumerate(_softmax(x))] for i in range(len(x))], _scores, (-1.0,)),
    Held("cross_entropy", _cross_entropy, _one(lambda z, t: [p - b for p, b in zip(_softmax(z), t, strict=True)]),
         _classified),
    Held("binary_cross_entropy", _bce, _one(_bce_slope), _chances),
    Held("binary_cross_entropy_with_logits", _bce_with_logits,
         _one(lambda z, t: [(1 / (1 + mp.exp(-a)) - b) / len(z) for a, b in zip(z, t, strict=True)]), _bits),
    Held("mse", _mse, _one(lambda x, t: [2 * (a - b) / len(x) for a, b in zip(x, t, strict=True)]), _pairs),
)  # fmt: skip
every_held = pytest.mark.parametrize("held", HELD, ids=[held.name for held in HELD])


def points(held: Held, count: int = POINTS) -> Iterator[list[list[float]]]:
    """The samples that are rows, the hard ones among them, and so many random ones."""
    entry, dice = primitives.TABLE[held.name], random.Random(held.name)
    for sample in (*entry.samples, *entry.hard):
        rows = sample[: len(sample) - len(held.extra)]
        if sample[len(rows) :] == held.extra and all(
            isinstance(r, tuple) and not isinstance(r[0], tuple) for r in rows
        ):
            yield [list(row) for row in rows]
    for _ in range(count):
        yield held.points(dice)


@functools.cache
def _graph(name: str, counts: tuple[int, ...], extra: tuple[float, ...]) -> Any:
    builder = GraphBuilder()
    nodes = [builder.variable(f"x{k}") for k in range(len(counts))]
    graph = builder.graph([builder.apply(name, [*nodes, *map(builder.constant, extra)])])
    return bind(graph, {f"x{k}": (count,) for k, count in enumerate(counts)}).graph


def computed(held: Held, rows: list[list[float]]) -> tuple[list[float], list[list[float]]]:
    """The value's entries, and of each the gradient by the first argument."""
    graph = _graph(held.name, tuple(map(len, rows)), held.extra)
    trace = linearize(graph, Arrays(), {f"x{k}": np.array(row) for k, row in enumerate(rows)}, ("x0",))
    value = np.asarray(trace.values[graph.outputs[0]])
    slopes = []
    for k in range(value.size):
        seed = np.zeros(value.size)
        seed[k] = 1.0
        adjoint = pull(trace, seed.reshape(value.shape))[graph.variables["x0"]]
        slopes.append(masked(adjoint).value.tolist())
    return np.ravel(value).tolist(), slopes


def at_edge(held: Held, rows: list[list[float]], value: float) -> bool:
    """Whether the derivative is a convention there."""
    entry = primitives.TABLE[held.name]
    values = [*map(np.array, rows), *held.extra]
    conditions = [rules.condition(entry.name, edge.where, len(values)) for edge in entry.edges]
    return any(compile_graph(graph, (*entry.names, rules.RESULT))([*values, value]) for graph in conditions)


def errors(held: Held, rows: list[list[float]]) -> tuple[float, float]:
    """The largest error of the value and of its derivatives, in units in the last place."""
    values, slopes = computed(held, rows)
    with mp.workprec(BITS):
        exact = [[mpf(x) for x in row] for row in rows]
        true = held.value(*exact)
        off = [oracle.ulps(got, want, held.value_term(*exact))
               for got, want in zip(values, true if isinstance(true, list) else [true], strict=True)]  # fmt: skip
        if at_edge(held, rows, values[0]):
            return max(off), 0.0
        far = [
            oracle.ulps(got, want, held.slope_term(*exact))
            for row, wanted in zip(slopes, held.slope(*exact), strict=True)
            for got, want in zip(row, wanted, strict=True)
        ]
    return max(off), max(far)


@every_held
def test_digits_are_kept(held: Held) -> None:
    with quietly():
        for rows in points(held):
            off, far = errors(held, rows)
            assert off <= held.digits, f"{held.name}{rows}: {off:.3g} ulp"
            assert far <= held.digits, f"the slope of {held.name}{rows}: {far:.3g} ulp"


def test_sums_along_every_axis_keep_their_digits() -> None:
    numbers = np.random.default_rng(7).uniform(0.0, 1.0, (20_000, 3))
    add = Arrays.function("sum", 2)
    for axis, turned in ((0.0, numbers), (1.0, np.ascontiguousarray(numbers.T))):
        for got, column in zip(add(turned, axis), numbers.T, strict=True):
            assert abs(got - math.fsum(column)) <= 2 * math.ulp(got)
    spread = Arrays.function("collapse", 2)(numbers, np.array([3.0]))
    assert np.array_equal(spread, add(numbers, 0.0))


def test_a_product_overflows_only_if_its_value_does() -> None:
    product = Arrays.function("prod", 2)
    with quietly():
        assert product(np.array([1e300, 1e300, 1e-300, 1e-300]), ALL) == pytest.approx(1.0, rel=4e-16)
        assert product(np.array([1e300, 1e300]), ALL) == math.inf
        assert math.isnan(product(np.array([0.0, math.inf]), ALL))


def test_slopes_of_a_product_with_zeros_are_exact() -> None:
    slopes = Arrays.function("others", 2)
    assert slopes(np.array([2.0, 0.0, 5.0]), ALL).tolist() == [0.0, 10.0, 0.0]
    assert slopes(np.array([0.0, 0.0, 5.0]), ALL).tolist() == [0.0, 0.0, 0.0]


def test_a_confident_row_keeps_its_gradient() -> None:
    held = next(held for held in HELD if held.name == "cross_entropy")
    value, (slope,) = computed(held, [[0.0, 50.0], [0.0, 1.0]])
    assert value == [pytest.approx(1.9287498479639178e-22, rel=1e-15)]
    assert slope == pytest.approx([1.9287498479639178e-22, -1.9287498479639178e-22], rel=1e-15)
