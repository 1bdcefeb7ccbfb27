"""The table of primitives, held against mpmath entry by entry: a new entry is tested with no new line here.

`BACKPROP_POINTS=20000 pytest tests/test_primitives.py` takes ten times the points.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from mpmath import mp

from backpropcli import primitives
from backpropcli.algebras import rules, special
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.floats import Floats, compile_graph
from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.graph import Graph, GraphBuilder
from backpropcli.passes.sweeps import linearize, pull, push
from backpropcli.primitives import Edge, Primitive
from tests import oracle

POINTS = int(os.environ.get("BACKPROP_POINTS", "2000"))
FLOATS = Floats()

every_entry = pytest.mark.parametrize("entry", primitives.on_numbers().values(), ids=primitives.on_numbers())
Point = tuple[float, ...]


def arity(entry: Primitive) -> int:
    return 3 if entry.variadic else len(entry.names)


def number(choose: random.Random) -> float:
    kind = choose.randrange(3)
    if kind < 2:
        return choose.uniform(-1, 1) if kind else choose.uniform(-10, 10)
    return choose.choice((-1, 1)) * 10 ** choose.uniform(-300, 300)


def random_points(entry: Primitive, count: int) -> Iterator[Point]:
    choose = random.Random(entry.name)
    whole = [name in entry.whole for name in entry.names] * arity(entry)
    for _ in range(count):
        yield tuple([float(choose.randrange(9)) if whole[k] else number(choose) for k in range(arity(entry))])


def points_in_domain(entry: Primitive, count: int | None = None) -> Iterator[Point]:
    count = POINTS if count is None else count
    found = (point for point in random_points(entry, 100 * count) if in_domain(entry, point))
    return itertools.islice(found, 0 if entry.helper else count)


def chosen_points(entry: Primitive) -> list[Point]:
    return [*entry.samples, *entry.hard]


def over(graph: Graph, entry: Primitive, point: Point, result: float) -> float:
    return compile_graph(graph, (*rules.arguments(entry, len(point)), rules.RESULT))([*point, result])


def holds(entry: Primitive, text: str, point: Point, result: float) -> bool:
    return bool(over(rules.condition(entry.name, text, len(point)), entry, point, result))


def in_domain(entry: Primitive, point: Point) -> bool:
    return entry.domain is None or holds(entry, entry.domain, point, math.nan)


def value(entry: Primitive, point: Point) -> float:
    return FLOATS.function(entry.name, len(point))(*point)


def slope(entry: Primitive, point: Point, k: int) -> float | None:
    partial = FLOATS.partial(entry.name, k, len(point))
    return None if partial is None else partial([*point, value(entry, point)])


def at_edge(entry: Primitive, point: Point) -> bool:
    return any(holds(entry, edge.where, point, value(entry, point)) for edge in entry.edges)


def scale(entry: Primitive, point: Point, k: int) -> float:
    """The largest term that the entry states for its value (0) or its k-th partial (k + 1)."""
    text = entry.scales[k] if k < len(entry.scales) else None
    return (
        0.0
        if text is None
        else abs(over(rules.condition(entry.name, text, len(point)), entry, point, value(entry, point)))
    )


def largest_term(entry: Primitive, point: Point, k: int) -> float:
    """Of a partial that is a sum, the largest term: near its zero this is what its digits are counted from."""
    stated = scale(entry, point, k + 1)
    if stated:
        return stated
    graph = rules.partial(entry.name, k, len(point))
    if graph is None or graph.nodes[graph.outputs[0]].op not in ("add", "sub"):
        return 0.0
    terms = graph.nodes[graph.outputs[0]].args
    sizes = [abs(over(graph._replace(outputs=(j,)), entry, point, value(entry, point))) for j in terms]
    return max([size for size in sizes if math.isfinite(size)], default=0.0)


def slopes_off(entry: Primitive, point: Point, wanted: Sequence[Any]) -> Iterator[tuple[int, float]]:
    """By argument, how far the local derivative is off, in units in the last place."""
    for k, true in enumerate(wanted):
        got = slope(entry, point, k) or 0.0
        if mp.isnan(true):  # a neighbour has no value
            continue
        if math.isinf(got) and abs(true) > 1e9:  # the difference quotient of an infinite slope is a large number
            continue
        yield k, oracle.ulps(got, true, largest_term(entry, point, k))


def assert_slopes(entry: Primitive, point: Point, wanted: Sequence[Any]) -> None:
    for k, off in slopes_off(entry, point, wanted):
        got, true = slope(entry, point, k), mp.nstr(wanted[k], 20)
        assert off <= entry.digits, f"slope {k} of {entry.name}{point}: {got}, not {true}: {off:.3g} ulp"


# Digits


@every_entry
def test_value_and_slopes_keep_their_digits_at_random(entry: Primitive) -> None:
    for point in points_in_domain(entry):
        wanted = oracle.value_and_slopes(entry.name, point)
        smooth = not at_edge(entry, point)
        off = oracle.ulps(
            value(entry, point), wanted[0] if smooth else oracle.value(entry.name, point), scale(entry, point, 0)
        )
        assert off <= entry.digits, f"{entry.name}{point}: {off:.3g} ulp"
        if smooth:
            assert_slopes(entry, point, wanted[1:])


@every_entry
def test_value_and_slopes_keep_their_digits_at_the_chosen_points(entry: Primitive) -> None:
    for point in chosen_points(entry):
        off = oracle.ulps(value(entry, point), oracle.value(entry.name, point), scale(entry, point, 0))
        assert off <= entry.digits, f"{entry.name}{point}: {off:.3g} ulp"
        if not at_edge(entry, point):
            assert_slopes(entry, point, oracle.value_and_slopes(entry.name, point)[1:])


@every_entry
def test_odd_and_even_functions_are_so_to_the_last_bit(entry: Primitive) -> None:
    if arity(entry) > 1:
        return
    for sign in (1, -1):
        ends = [[float(oracle.value(entry.name, (end,))) for end in (x, -x)] for (x,) in entry.samples]
        if all(one == sign * other for one, other in ends):
            for (x,) in [*random_points(entry, 100), *chosen_points(entry)]:
                one, other = value(entry, (x,)), sign * value(entry, (-x,))
                assert at_edge(entry, (x,)) or one == other or math.isnan(one) is math.isnan(other) is True, x


# Several orders


def derivative(entry: Primitive, point: Point, directions: Sequence[int]) -> float:
    """The mixed derivative by these arguments, one after the other, over dual numbers of dual numbers."""
    algebra: Any = FLOATS
    values: list[Any] = list(point)
    for k in directions:
        values = [Dual(v, algebra.constant(1.0) if j == k else None) for j, v in enumerate(values)]
        algebra = Duals(algebra)
    result = algebra.function(entry.name, len(point))(*values)
    for _ in directions:
        result = result.tangent
        if result is None:
            return 0.0
    return float(result)


@every_entry
def test_second_derivatives_are_true(entry: Primitive) -> None:
    for point in entry.samples:
        if at_edge(entry, point):
            continue
        for j, k in itertools.combinations_with_replacement(range(len(point)), 2):
            orders = [(j == i) + (k == i) for i in range(len(point))]
            wanted = oracle.derivative(entry.name, point, orders)
            got = derivative(entry, point, (j, k))
            if not mp.isnan(wanted):
                assert got == pytest.approx(float(wanted), rel=1e-13, abs=1e-15), (point, j, k)


@every_entry
def test_derivatives_to_the_fourth_order_are_true_at_every_chosen_point(entry: Primitive) -> None:
    for point in chosen_points(entry):
        if at_edge(entry, point):
            continue
        for k in range(len(point)):
            if math.isinf(slope(entry, point, k) or 0.0):
                continue
            for order in (3, 4):
                wanted = oracle.derivative(entry.name, point, [order * (i == k) for i in range(len(point))])
                if mp.isnan(wanted) or abs(wanted) > 1e290:
                    break
                got = derivative(entry, point, [k] * order)
                assert got == pytest.approx(float(wanted), rel=1e-11, abs=1e-14), (point, k, order)


@every_entry
def test_push_and_pull_agree(entry: Primitive) -> None:
    choose = random.Random(entry.name)
    for point in chosen_points(entry):
        builder = GraphBuilder()
        names = [f"x{k}" for k in range(len(point))]
        graph = builder.graph([builder.apply(entry.name, [builder.variable(name) for name in names])])
        trace = linearize(graph, FLOATS, dict(zip(names, point, strict=True)))
        tangents = {name: choose.uniform(-1, 1) for name in names}
        seed = choose.uniform(-1, 1)
        forward = push(trace, tangents)[graph.outputs[0]]
        adjoints = pull(trace, seed)
        backward = [adjoints[i] for i in graph.variables.values()]
        terms = [a * t for a, t in zip(backward, tangents.values(), strict=True) if a is not None]
        if not all(math.isfinite(term) for term in terms):
            continue
        # What is below the range, 2.2e-308, has fewer digits the smaller it is.
        assert seed * (forward or 0.0) == pytest.approx(
            sum(terms), rel=1e-12, abs=max([1e-322, *[1e-12 * abs(term) for term in terms]])
        )


# What the entry says


@every_entry
def test_handbook_says_what_the_rule_computes(entry: Primitive) -> None:
    for point in entry.samples:
        for k in range(len(point)):
            graph = rules.handbook(entry.name, k, len(point))
            said = slope(entry, point, k)
            if graph is not None and said is not None and math.isfinite(said):
                assert over(graph, entry, point, value(entry, point)) == pytest.approx(said, rel=1e-12, abs=1e-15), (
                    point,
                    k,
                )


@every_entry
def test_elementary_says_what_the_value_is(entry: Primitive) -> None:
    if entry.elementary is not None:
        for point in entry.samples:
            graph = rules.formula(entry.elementary, rules.arguments(entry, len(point)))
            said = compile_graph(graph, rules.arguments(entry, len(point)))(point)
            assert said == pytest.approx(value(entry, point), rel=1e-12, abs=1e-15), point


@every_entry
def test_there_is_no_derivative_by_a_whole_parameter(entry: Primitive) -> None:
    for point in entry.samples:
        for k, name in enumerate(entry.names):
            if name in entry.whole:
                assert math.isnan(math.nan if (found := slope(entry, point, k)) is None else found), (point, k)


@every_entry
def test_domain_refuses_exactly_what_has_no_value(entry: Primitive) -> None:
    for point in [*random_points(entry, POINTS // 4), *chosen_points(entry)]:
        if entry.helper and point not in chosen_points(entry):
            continue
        got = value(entry, point)
        if in_domain(entry, point):
            assert not math.isnan(got), point
        else:
            assert not math.isfinite(got), point


@every_entry
def test_domain_ends_where_it_says(entry: Primitive) -> None:
    for point in itertools.product((-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), repeat=arity(entry)):
        assert in_domain(entry, point) == math.isfinite(value(entry, point)), point


def edges() -> Iterator[Any]:
    for entry in primitives.on_numbers().values():
        for edge in entry.edges:
            yield pytest.param(entry, edge, id=f"{entry.name}, {edge.where}")


@pytest.mark.parametrize(("entry", "edge"), list(edges()))
def test_edge_is_where_and_what_the_entry_says(entry: Primitive, edge: Edge) -> None:
    found = [point for point in chosen_points(entry) if holds(entry, edge.where, point, value(entry, point))]
    assert found, "no sample or hard point lies on this edge"
    for point in found:
        seen = []
        result = value(entry, point)
        for k in range(len(point)):
            left, right, *slopes = oracle.one_sided(entry.name, point, k)
            if edge.slopes is None:
                if not left == right == oracle.value(entry.name, point):
                    seen.append(k)
            elif abs(slopes[0] - slopes[1]) > 1e-9:
                seen.append(k)
                said = [rules.condition(entry.name, text, len(point)) for text in edge.slopes]
                wanted = [over(text, entry, point, result) for text in said]
                assert list(map(float, slopes)) == pytest.approx(wanted, abs=1e-9), (point, k)
                if edge.convention == "the slope from the left":
                    assert slope(entry, point, k) == pytest.approx(wanted[0]), (point, k)
        assert seen, point
        about = [entry.names.index(edge.of)] if edge.of else seen
        assert about == seen
        if re.fullmatch(r"[0-9.]+", edge.convention):
            assert all((slope(entry, point, k) or 0.0) == float(edge.convention) for k in about), point


@every_entry
def test_where_no_edge_is_the_slopes_on_both_sides_agree(entry: Primitive) -> None:
    for point in chosen_points(entry):
        if not entry.edges or at_edge(entry, point):
            continue
        for k in range(len(point)):
            left, right, below, above = oracle.one_sided(entry.name, point, k)
            if mp.isnan(left) or mp.isnan(right):
                continue
            assert abs(left - right) <= 1e-9 * abs(right) + 1e-20, (point, k)
            assert abs(below - above) <= 1e-9 * max(abs(above), 1), (point, k)


@every_entry
def test_latex_names_every_argument_and_balances(entry: Primitive) -> None:
    assert set(re.findall(r"#(.)", entry.latex)) == (
        {"*"} if entry.variadic else {str(k + 1) for k in range(arity(entry))}
    )
    assert len(re.findall(r"\\left\b", entry.latex)) == len(re.findall(r"\\right\b", entry.latex))
    assert re.findall(r"\\begin{(\w+)}", entry.latex) == re.findall(r"\\end{(\w+)}", entry.latex)
    depth = 0
    for sign in entry.latex:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0


@every_entry
def test_entry_is_whole(entry: Primitive) -> None:
    assert re.fullmatch(r"[^\n]*[^.\n]\.", entry.doc)
    assert entry.samples
    assert all(entry.takes(len(point)) for point in chosen_points(entry))
    assert all(in_domain(entry, point) for point in chosen_points(entry))
    for spelling in (entry.name, *entry.aliases):
        assert primitives.find(spelling, arity(entry)) is entry


@every_entry
def test_nothing_raises_at_the_ends_of_the_range(entry: Primitive) -> None:
    extremes = (0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -1.7976931348623157e308, 3.0, 2e16, math.inf, -math.inf, math.nan)
    count = arity(entry)
    for point in itertools.product(extremes if count < 3 else extremes[::2], repeat=count):
        assert isinstance(value(entry, point), float)
        for k in range(count):
            assert isinstance(slope(entry, point, k), float | None)


# Named facts, from the design


def test_sigmoid_keeps_its_slope_at_40() -> None:
    assert slope(primitives.TABLE["sigmoid"], (40.0,), 0) == 4.248354255291589e-18


@pytest.mark.parametrize("name", ["times_log", "times_log1p", "part"])
def test_a_share_of_0_counts_nothing(name: str) -> None:
    # What a share times a logarithm is at 0 its entry defines, so that no other formula could tell.
    assert [value(primitives.TABLE[name], (0.0, b)) for b in (2.0, 0.25, 0.0)] == [0.0, 0.0, 0.0]


def test_tanh_keeps_its_slope_at_20() -> None:
    assert slope(primitives.TABLE["tanh"], (20.0,), 0) == pytest.approx(float(mp.sech(20) ** 2), rel=4e-16)


def test_third_derivative_of_tanh_at_0_is_minus_2() -> None:
    assert derivative(primitives.TABLE["tanh"], (0.0,), (0, 0, 0)) == -2.0


def test_softplus_of_25_is_right_to_the_last_bit() -> None:
    assert value(primitives.TABLE["softplus"], (25.0,)) == float(mp.log1p(mp.exp(25)))


def test_hypot_of_large_numbers_keeps_its_gradient() -> None:
    hypot = primitives.TABLE["hypot"]
    gradient = [slope(hypot, (1e200, 1e200), k) for k in (0, 1)]
    assert gradient == pytest.approx([math.sqrt(0.5)] * 2, rel=4e-16)


def test_logarithms_of_powers_are_whole() -> None:
    log = primitives.TABLE["log_base"]
    assert [value(log, (10.0**k, 10.0)) for k in range(23)] == list(range(23))
    assert [value(log, (2.0**k, 2.0)) for k in range(-1074, 1024)] == list(range(-1074, 1024))


def test_slopes_of_whole_powers_are_exact() -> None:
    power = primitives.TABLE["pow"]
    assert slope(power, (3.0, 4.0), 0) == 108.0
    assert slope(power, (0.5, 4.0), 0) == 0.5


def test_sech_is_right_to_one_unit() -> None:
    sech = primitives.TABLE["sech"]
    assert all(oracle.ulps(value(sech, (k / 64,)), oracle.value("sech", (k / 64,))) < 1 for k in range(200))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_powers_of_zero_keep_every_derivative(exponent: float) -> None:
    power = primitives.TABLE["pow"]
    for order in range(1, 5):
        wanted = math.factorial(int(exponent)) if order == exponent else 0.0
        assert derivative(power, (0.0, exponent), [0] * order) == wanted


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("leaky_relu(x)", "leaky_relu(x, 0.01)"),
        ("elu(x)", "elu(x, 1)"),
    ],
)
def test_a_parameter_that_is_left_out_has_its_default(short: str, long: str) -> None:
    for x in (-1.5, 2.0):
        assert Formula(short).at(x=x).grad == Formula(long).at(x=x).grad
    assert Formula(short).at(x=-1.5).formula == short


def test_a_parameter_that_is_given_is_taken() -> None:
    assert Formula("leaky_relu(x, 0.2)").value(x=-2.0) == -0.4
    assert Formula("log(x, 2)").value(x=8.0) == 3.0
    assert Formula("log(x)").value(x=1.0) == 0.0
    with pytest.raises(BackpropError, match="elu takes 1 or 2 arguments, but 3 are given"):
        Formula("elu(x, 1, 2)")


def test_the_derivatives_of_beta_keep_their_digits_where_its_entry_says_so() -> None:
    """Measured with 1e5 points: first derivatives up to 7.5 units off, second ones 6.4; the promise is 16."""
    choose = random.Random(1)
    entry, exact = primitives.TABLE["beta"], oracle.SLOPES["beta"]
    second = primitives.TABLE["beta_slope"]
    for exponent in [300] * 400 + [20] * 300 + [3] * 300:
        a, b = point = (10 ** choose.uniform(-exponent, exponent), 10 ** choose.uniform(-exponent, exponent))
        with mp.workprec(400):
            wanted = [slope(mp.mpf(a), mp.mpf(b)) for slope in exact]
        for k, true in enumerate(wanted):
            if abs(true) < 1e308:
                assert oracle.ulps(slope(entry, point, k) or 0.0, true) <= entry.digits, (point, k)
    # Where beta itself is larger than a double holds, and where the gamma in it nearly is.
    assert slope(entry, (18.909748138640627, 1e-310), 0) == pytest.approx(-special.polygamma(1.0, 18.909748138640627))
    assert slope(entry, (18.909748138640627, 1e-310), 1) == -math.inf
    assert slope(entry, (6.400393527414453e55, 170.88530907529736), 1) == 0.0
    for _ in range(500):
        a, b = point = (10 ** choose.uniform(-100, 100), 10 ** choose.uniform(-100, 100))
        with mp.workprec(400):
            x, y = mp.mpf(a), mp.mpf(b)
            of_a, of_b, total = oracle._psi_difference(x, y), oracle._psi_difference(y, x), mp.psi(1, x + y)
            near = mp.psi(1, x) - total if y > mp.ldexp(x, -100) else -y * mp.psi(2, x)
            beta = oracle.KERNELS["beta"](x, y)
            for k, terms in enumerate([(of_a * of_a, near), (of_a * of_b, -total)]):
                if 1e-290 < beta * max(map(abs, terms)) < 1e308:
                    scale = float(beta * max(map(abs, terms)))
                    off = oracle.ulps(slope(second, point, k) or 0.0, beta * sum(terms), scale)
                    assert off <= entry.digits, (point, k)


@pytest.mark.parametrize("name", ["gelu", "normal_pdf", "normal_cdf"])
def test_the_normal_distribution_keeps_its_digits_where_doubles_end(name: str) -> None:
    """From -37.5 to -38.6 the density is below 2.2e-308, and x times it would be 50 units off."""
    entry = primitives.TABLE[name]
    choose = random.Random(name)
    with mp.workprec(160):
        for _ in range(POINTS):
            x = choose.uniform(-38.7, -36.5)
            density, below = mp.npdf(mp.mpf(x)), mp.erfc(-x / mp.sqrt(2)) / 2
            wanted = {"gelu": (x * below, below + x * density), "normal_pdf": (density, -x * density)}
            true, by_x = wanted.get(name, (below, density))
            assert oracle.ulps(value(entry, (x,)), true) <= entry.digits, x
            assert oracle.ulps(slope(entry, (x,), 0) or 0.0, by_x) <= entry.digits, x


def test_an_order_is_not_differentiated_by() -> None:
    report = Formula("polygamma(n, x)").at(n=1.0, x=2.0)
    assert [note.kind for note in report.notes] == ["undefined"]


def test_orders_end_where_their_derivatives_would_leave_the_range() -> None:
    polygamma, difference = primitives.TABLE["polygamma"], primitives.TABLE["polygamma_difference"]
    assert [in_domain(polygamma, (n, 2.5)) for n in (-1.0, 0.5, 170.0, 171.0)] == [False, False, True, False]
    assert [in_domain(difference, (n, 2.5, 1.0)) for n in (-1.0, 0.5, 169.0, 170.0)] == [False, False, True, False]


@pytest.mark.parametrize("name", ["elu", "leaky_relu"])
def test_there_is_a_path_from_the_slope_of_the_left_side_at_0(name: str) -> None:
    assert slope(primitives.TABLE[name], (0.0, 2.0), 1) == 0.0


def test_the_constants_of_the_special_functions_are_what_they_are_said_to_be() -> None:
    def taylor(found: Sequence[float], wanted: Callable[[int], Any]) -> None:
        assert list(found) == [float(wanted(k)) for k in range(len(found))]

    with mp.workdps(50):
        root = mp.findroot(mp.digamma, 1.46)
        taylor(special.LGAMMA_AT_2, lambda k: (-1) ** k * (mp.zeta(k + 2) - 1) / (k + 2))
        taylor(special.DIGAMMA_AT_2, lambda k: (-1) ** k * (mp.zeta(k + 2) - 1))
        taylor(special.DIGAMMA_AT_ROOT, lambda k: mp.psi(k + 1, root) / mp.factorial(k + 1))
        taylor(special.STIRLING, lambda k: mp.bernoulli(2 * k + 2) / ((2 * k + 2) * (2 * k + 1)))
        taylor(special.DIGAMMA_TAIL, lambda k: mp.bernoulli(2 * k + 2) / (2 * k + 2))
        taylor(special.MACLAURIN, lambda k: mp.bernoulli(2 * k + 2) / mp.factorial(2 * k + 2))
        taylor(special.DIGAMMA_ROOT, lambda k: (root, root - float(root))[k])
        assert float(1 - mp.euler) == special.ONE_LESS_EULER
        assert float(mp.log(2 * mp.pi) / 2) == special.HALF_LOG_TAU


def test_gamma_of_whole_numbers_is_a_factorial() -> None:
    assert all(special.gamma(float(n)) == float(math.factorial(n - 1)) for n in range(1, 172))
