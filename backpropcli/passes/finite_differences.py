"""The derivatives by every variable, held against differences of values.

Central differences at two steps with Richardson's extrapolation, and an error estimate of truncation and rounding
together. Where that is not enough a ladder of steps tells a kink, a jump, an infinite slope and the edge of a domain
from a wrong rule; and a derivative is called wrong only where a node on its way is, when its rule is held against
differences of that one operation. So a function that has no derivative at the point never fails for that, and a wrong
rule cannot hide behind a kink of another operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.duals import Dual, Duals
from backpropcli.algebras.floats import Floats
from backpropcli.graph import STEP, GraphBuilder
from backpropcli.passes import effort
from backpropcli.passes.rounding import EPS, TINY, rounding
from backpropcli.passes.sweeps import Trace, linearize, pull, push
from backpropcli.records import NamedTuple

CUBE_ROOT = EPS ** (1 / 3)
"""Where truncation, h^2, and rounding, eps/h, are the same."""

RATIO = 16.0
"""Between the steps of the ladder: far enough apart to tell x^0.9 from a jump, near enough to miss no scale."""
LARGER, SMALLER = 2, 9
"""Steps above and below the first one: 4e-4 still beats the rounding of 1e8 + x, 1e-16 is the spacing of numbers."""
NEAR = 4
"""Steps more at each other scale: that of a small x, and that which the derivative itself suggests."""

LINEARIZED = 10
"""Evaluations of a node that take as long as its value with its local derivatives and a sweep."""

FAIL = "FAIL"
"""The verdict of a derivative that is wrong."""

WHOLE = 2.0**40
"""From here on the steps of floor are next to those of doubles, which are all whole from 2^52 on."""
LEAST = 1e-307
"""The smallest step: half of it is no subnormal number."""

RESOLVED = 1e-3
"""The error, relative to the slope, up to which differences say something."""
FLAT = 1e-6
"""The same for a slope that vanishes, relative to |f| / max(|x|, 1)."""
NOTHING = 1e-280
"""The same where the function is nothing but 0."""
WIDE = 10.0
"""How many times its error a difference has to be away to contradict: estimates of errors are no bounds."""
HIDDEN = 0.01
"""The part of the value that the smallest step may change by the derivative, for differences to see it."""
STRAIGHT = 0.5
"""How far from the derivative that at the probes may be, relative to how far the differences are, for the same."""
RULES = 5_000
"""Rules that are tried alone: a second or two."""
BETWEEN = 1e-4
"""How far outside the one-sided slopes, relative to the larger, a derivative at a kink may lie."""

# Notes that say that the derivative is a convention, or is none.
_SPECIAL = {"kink": "kink", "tie": "kink", "jump": "jump", "unbounded": "unbounded"}
CONVENTIONS = frozenset({*_SPECIAL, "undefined", "inf_times_zero", "inf_minus_inf"})


class Comparison(NamedTuple):
    """What differences say of the derivative by one variable."""

    variable: str
    ad: float
    """The derivative by the backward pass."""
    fd: float | None
    """By differences; None where they give no single number."""
    error: float | None
    """How far apart the two may be, by truncation and by the rounding of values and of rules."""
    verdict: str
    """ok, kink, jump, unbounded, one_sided, skipped, FAIL."""
    one_sided: tuple[float, float] | None = None
    """The slopes on both sides of a kink."""
    message: str | None = None
    """What is to be said of any verdict but ok."""


class _Slope(NamedTuple):
    value: float
    error: float
    step: float
    change: float
    """The largest difference of values that it was made of."""


class _Level(NamedTuple):
    step: float
    left: _Slope | None
    right: _Slope | None
    central: _Slope | None


def finite_differences(
    trace: Trace[float],
    names: Sequence[str],
    special: Collection[tuple[int, str]] = (),
    gradient: Mapping[str, float] | None = None,
    max_nodes: int | None = None,
) -> list[Comparison]:
    """A comparison for every variable that is differentiated.

    `names` are how messages call the nodes, `special` the nodes and kinds of the notes about this point; `gradient` is
    what is compared (the adjoints). A few evaluations of what depends on the variable, so linear in the graph for each
    of them.
    """
    adjoints = pull(trace, 1.0)
    wrong = _WrongRules(trace, names)
    meter = effort.Meter("differences", max_nodes)
    found = []
    for name, i in trace.graph.variables.items():
        if trace.active[i]:
            meter.add(len(trace.values) + len(special))
            line = Line(trace, name, adjoints, meter)
            ad = (adjoints[i] if gradient is None else gradient[name]) or 0.0
            kinds = [kind for node, kind in special if node in line.dependents and kind in CONVENTIONS]
            comparison = compared(line, ad, kinds, partial(_culprit, wrong))
            rule = None if comparison.verdict in ("ok", FAIL) else wrong.first(line.dependents)
            if rule is not None:
                message = f"{comparison.message}; {rule}" if comparison.message else rule
                comparison = comparison._replace(verdict=FAIL, message=message)
            found.append(comparison)
    return found


def weighted(trace: Trace[float], seeds: Sequence[float]) -> Trace[float]:
    """The trace with one output, the sum of its outputs by these weights; what weighs nothing is left out."""
    graph = trace.graph
    builder = GraphBuilder()
    values = {name: trace.values[i] for name, i in graph.variables.items()}
    wrt = [name for name, i in graph.variables.items() if trace.active[i]]
    builder.nodes += graph.nodes
    total: int | None = None
    for i, seed in zip(graph.outputs, seeds, strict=True):
        if seed:
            term = builder.apply("mul", (builder.constant(seed), i))
            total = term if total is None else builder.apply("add", (total, term))
    output = builder.constant(0.0) if total is None else total
    return linearize(builder.graph([output], graph.names, graph.spans), Floats(), values, wrt)


class Probed(Protocol):
    """A function of one number that differences are taken of."""

    name: str
    start: float
    here: float

    def value(self, x: float) -> float:
        """Its value; nan or inf outside of its domain."""
        ...

    def noise(self, x: float) -> float:
        """How far rounding may have moved its value there."""
        ...

    def derivative(self, x: float) -> float | None:
        """The derivative there by the rules; None where there is none."""
        ...

    def weight(self) -> float:
        """What the derivative would be if no two paths cancelled."""
        ...

    def slope_noise(self) -> float:
        """How far rounding may have moved the derivative."""
        ...


class Line:
    """The formula as a function of one variable: its values, and how far rounding moves them."""

    def __init__(self, trace: Trace[float], name: str, adjoints: Sequence[float | None], meter: effort.Meter) -> None:
        self.trace = trace
        self.meter = meter
        self.name = name
        graph = trace.graph
        self.place = graph.variables[name]
        self.output = graph.outputs[0]
        self.start = trace.values[self.place]
        self.here = trace.values[self.output]
        moves = [False] * len(graph.nodes)
        moves[self.place] = True
        self.program: list[tuple[int, Callable[..., float], tuple[int, ...]]] = []
        functions: dict[tuple[str, int], Callable[..., float]] = {}
        for i, (op, args, _) in enumerate(graph.nodes):
            if args and any([moves[j] for j in args]):
                moves[i] = True
                key = op, len(args)
                if key not in functions:
                    functions[key] = _identity if op == STEP else Floats().function(op, len(args))
                self.program.append((i, functions[key], args))
        self.dependents = frozenset([i for i, moved in enumerate(moves) if moved])
        self._values = {self.start: self.here}
        noise = self._rounding(trace.values, adjoints)
        # Where a slope is infinite the probes beside it tell more.
        self._noises = {self.start: noise if math.isfinite(noise) else EPS * abs(self.here)}

    def value(self, x: float) -> float:
        """The formula's value where the variable is x; nan or inf outside of its domain."""
        if x not in self._values:
            self.meter.add(len(self.trace.values) // 4 + len(self.program))
            registers = list(self.trace.values)
            registers[self.place] = x
            for i, function, args in self.program:
                registers[i] = function(*[registers[j] for j in args])
            self._values[x] = registers[self.output]
        return self._values[x]

    def noise(self, x: float) -> float:
        """How far rounding, in the nodes that move, may have moved the value there."""
        if x not in self._noises:
            trace = self.linearized(Floats(), x)
            self._noises[x] = self._rounding(trace.values, pull(trace, 1.0))
        return self._noises[x]

    def linearized(self, algebra: Any, x: Any) -> Trace[Any]:
        """The formula at another place, with what is not a number there lifted into the algebra."""
        self.meter.add(LINEARIZED * len(self.trace.values))
        values = {name: self.trace.values[i] for name, i in self.trace.graph.variables.items()}
        inputs = {name: algebra.constant(value) for name, value in values.items()}
        return linearize(self.trace.graph, algebra, {**inputs, self.name: x}, (self.name,))

    def derivative(self, x: float) -> float | None:
        """The derivative there; None where there is none."""
        found = pull(self.linearized(Floats(), x), 1.0)[self.place] or 0.0
        return found if math.isfinite(found) else None

    def weight(self) -> float:
        """What the derivative would be if no two paths cancelled: the sum of the sizes of their products."""
        trace = self.trace
        weights = [0.0] * len(trace.values)
        weights[self.output] = 1.0
        for i in range(self.output, -1, -1):
            for j, slope in zip(trace.graph.nodes[i].args, trace.partials[i], strict=True):
                if slope is not None and weights[i]:
                    weights[j] += weights[i] * abs(slope)
        return weights[self.place]

    def slope_noise(self) -> float:
        """How far the rounding of values and of products may have moved the derivative by the variable.

        Moving a node by d moves the derivative by d times the derivative of the node's adjoint: pull over dual numbers.
        """
        trace = self.linearized(Duals(Floats()), Dual(self.start, 1.0))
        adjoints = [None if adjoint is None else adjoint.tangent for adjoint in pull(trace, Dual(1.0, None))]
        moved = self._rounding([value.primal for value in trace.values], adjoints)
        total = moved + 8 * EPS * self.weight()
        return math.inf if math.isnan(total) else total

    def _rounding(self, values: Sequence[float], adjoints: Sequence[float | None]) -> float:
        total = 0.0
        for i, _, _ in self.program:
            adjoint = adjoints[i]
            if adjoint is not None and adjoint != 0.0:
                total += abs(adjoint) * rounding(self.trace.graph.nodes[i].op, values[i])
        return math.inf if math.isnan(total) else total


def _identity(x: float) -> float:
    return x


# Slopes


def _level(line: Probed, step: float, *, noisy: bool) -> _Level:
    """The slopes at this step; None where a probe has no value. `noisy`: with the rounding at the probes too."""
    x, noise = line.start, line.noise(line.start)
    if noisy:
        noise = max([noise, *[line.noise(at) for at in (x - step, x + step) if math.isfinite(line.value(at))]])
    here = line.here
    far, near = [[line.value(x + sign * size) for sign in (-1, 1)] for size in (step, step / 2)]
    sides: list[_Slope | None] = []
    for sign, at_far, at_near in zip((-1, 1), far, near, strict=True):
        narrow, wide = sign * (at_near - here) / (step / 2), sign * (at_far - here) / step
        change = max(abs(at_far - here), abs(at_near - here))
        sides.append(_slope(narrow, narrow - wide, 8 * noise, step, change))
    narrow, wide = (near[1] - near[0]) / step, (far[1] - far[0]) / (2 * step)
    change = max([abs(value - here) for value in (*far, *near)])
    return _Level(step, sides[0], sides[1], _slope(narrow, (narrow - wide) / 3, 3 * noise, step, change))


def _slope(narrow: float, correction: float, noise: float, step: float, change: float) -> _Slope | None:
    error = abs(correction) + noise / step
    return _Slope(narrow + correction, error, step, change) if math.isfinite(error + change) else None


def _power_of_two(number: float) -> float:
    """The power of two next to a positive number: with it x + h is exact."""
    return math.ldexp(1.0, round(math.log2(number)))


def _first_step(x: float) -> float:
    return _power_of_two(CUBE_ROOT * max(abs(x), 1.0))


def _steps(line: Probed, ad: float) -> list[float]:
    """The ladder, from large to small."""
    first = _first_step(line.start)
    found = {first * RATIO**k for k in range(-SMALLER, LARGER + 1)}
    scales = [abs(line.start)]
    spread = max([abs(line.value(line.start + sign * first) - line.here) for sign in (-1, 1)])
    if ad != 0.0:
        scales.append(spread / abs(ad))
    for scale in scales:
        if math.isfinite(scale) and TINY < scale * CUBE_ROOT < first:
            found |= {_power_of_two(scale * CUBE_ROOT) * RATIO**-k for k in range(NEAR)}
    return sorted([step for step in found if _least(line) <= step < math.inf], reverse=True)


def _least(line: Probed) -> float:
    """The smallest step at which there are numbers to step to."""
    return max(4 * math.ulp(line.start), LEAST)


# Verdicts

Culprit = Callable[[Any, float, float], str | None]
"""What is wrong with the derivative that differences contradict, or None if nothing is."""


def compared(line: Probed, ad: float, kinds: Sequence[str], culprit: Culprit) -> Comparison:
    """The verdict on one derivative."""
    if not math.isfinite(line.here):
        return Comparison(line.name, ad, None, None, "skipped", message="the value itself is not finite")
    flat = _flat(line, abs(line.here))
    level = _level(line, _first_step(line.start), noisy=False)
    if math.isfinite(ad) and level.central and _is_smooth(level) and _agrees(level.central, ad, 0.0, flat):
        return Comparison(line.name, ad, level.central.value, _apart(level.central, 0.0), "ok")
    return _Ladder(line, ad, kinds).verdict(culprit)


def _flat(line: Probed, scale: float) -> float:
    """Up to where a slope is none, for a function of this size."""
    return max(FLAT * scale / max(abs(line.start), 1.0), NOTHING)


def _is_smooth(level: _Level) -> bool:
    """Whether the slopes on both sides are the same, so far as can be seen."""
    if level.left is None or level.right is None:
        return False
    return abs(level.left.value - level.right.value) <= 2 * (level.left.error + level.right.error)


def _agrees(slope: _Slope, ad: float, noise: float, flat: float) -> bool:
    """Whether the derivative is the slope, and the slope is known well enough to say so."""
    if slope.change == 0.0 == ad and slope.error <= max(flat, NOTHING):
        return True
    error = slope.error + noise
    if not error <= max(RESOLVED * max(abs(ad), abs(slope.value)), flat):
        return False
    return abs(slope.value - ad) <= _apart(slope, noise)


def _apart(slope: _Slope, noise: float) -> float:
    """How far apart the slope and the derivative may be; what only underflow could be is none."""
    error = 2 * slope.error + 4 * noise
    return error if error > NOTHING else 0.0


class _Ladder:
    """The slopes at many steps, and what they say together."""

    def __init__(self, line: Probed, ad: float, kinds: Sequence[str]) -> None:
        self.line = line
        self.ad = ad
        self.kinds = kinds
        self.noise = line.slope_noise() if math.isfinite(ad) else 0.0
        self.levels = [_level(line, step, noisy=True) for step in _steps(line, ad if math.isfinite(ad) else 0.0)]
        slopes = [slope for level in self.levels for slope in level[1:] if isinstance(slope, _Slope)]
        self.scale = max([abs(line.here), *[slope.change for slope in slopes]])
        weight = line.weight()
        self.flat = max(_flat(line, self.scale), FLAT * weight if math.isfinite(weight) else 0.0)
        self.left = [level.left for level in self.levels if level.left]
        self.right = [level.right for level in self.levels if level.right]
        self.central = [level.central for level in self.levels if level.central and _is_smooth(level)]

    def verdict(self, culprit: Culprit) -> Comparison:
        """What differences say, tried in the order from the plainest to the strangest."""
        if not (self.left or self.right):
            return self._said("skipped", "at no point beside this one is there a value")
        best = self._surest(self.central)
        if best is not None:
            return self._with(best, "ok")
        if not (self.left and self.right):
            return self._one_sided(self.left or self.right, culprit)
        sides = self.left, self.right
        if all([self._approaches(side) for side in sides]):
            return self._with(self._nearest(self.left[-1], self.right[-1]), "ok")
        if any([self._jumps(side) for side in sides]):
            return self._said("jump", "the value jumps here, so that there is no slope to compare")
        if any([self._grows(side) for side in sides]):
            return self._said("unbounded", "the slope grows beyond all bounds towards this point")
        left, right = [self._settled(side) for side in sides]
        middle = self._settled(self.central)
        if left is not None and right is not None and self._differ(left, right):
            return self._kink(left, right, culprit)
        if middle is not None:
            return self._contradicted(middle, culprit)
        one = next((side for side in (left, right) if side is not None and self._agrees(side)), None)
        if one is not None:
            return self._with(one, "one_sided", "on one side the slope is this; on the other side it does not settle")
        return self._said(self._noted("skipped"), self._why_not())

    # Kinds of places

    def _one_sided(self, side: Sequence[_Slope], culprit: Culprit) -> Comparison:
        where = "right" if side is self.right else "left"
        if self._jumps(side):
            return self._said("jump", "the value jumps here, so that there is no slope to compare")
        if self._grows(side):
            return self._said("unbounded", "the slope grows beyond all bounds towards this point")
        best = self._surest(side)
        message = f"seen from the {where} alone, since there is no value on the other side"
        if best is not None:
            return self._with(best, "one_sided", message)
        if self._approaches(side):
            return self._with(self._nearest(side[-1]), "one_sided", message)
        settled = self._settled(side)
        if settled is not None:
            return self._contradicted(settled, culprit)
        return self._said(self._noted("skipped"), self._why_not())

    def _kink(self, left: _Slope, right: _Slope, culprit: Culprit) -> Comparison:
        slopes = left.value, right.value
        error = _apart(left, 0.0) + _apart(right, 0.0)
        shown = " and ".join([f"{slope:.6g}" for slope in _rounded(left, right)])
        ends = Comparison(self.line.name, self.ad, None, error, "kink", slopes, f"the slopes are {shown}")
        if not math.isfinite(self.ad):
            return ends._replace(message=f"{ends.message}, and there is no derivative")
        slack = error + 4 * self.noise + BETWEEN * max(abs(left.value), abs(right.value))
        if min(slopes) - slack <= self.ad <= max(slopes) + slack:
            return ends
        if self.kinds:
            return ends._replace(message=f"{ends.message}; the conventions for the parts add up to {self.ad + 0.0:.6g}")
        wrong = culprit(self.line, self.ad, self.noise) if self._is_seen(left, right) else None
        if wrong is None:
            return self._said("skipped", self._why_not())
        return ends._replace(verdict=FAIL, message=f"{ends.message}; {wrong}")

    def _contradicted(self, slope: _Slope, culprit: Culprit) -> Comparison:
        """The verdict where differences are sure of another number."""
        if not math.isfinite(self.ad):
            return self._with(slope, self._noted("skipped"), "differences have a slope where the rules give none")
        if not self._contradicts(slope):
            return self._said(self._noted("skipped"), self._why_not())
        if self.kinds:
            message = f"differences give {slope.value:.6g}; a convention inside the formula gives {self.ad:.6g}"
            return self._with(slope, self._noted("kink"), message)
        wrong = culprit(self.line, self.ad, self.noise) if self._is_seen(slope) else None
        if wrong is None:
            return self._said("skipped", self._why_not())
        return self._with(slope, FAIL, wrong)

    def _jumps(self, side: Sequence[_Slope]) -> bool:
        """Whether the difference of values does not shrink with the step."""
        seen = self._seen(side)
        if len(seen) < 3 or seen[-1] is not side[-1] or seen[0].step < RATIO**3 * seen[-1].step:
            return False
        last = seen[-1]
        steep = abs(self.ad) * last.step if math.isfinite(self.ad) else 0.0
        return last.change > 0.5 * seen[len(seen) // 2].change and last.change > WIDE * steep

    def _grows(self, side: Sequence[_Slope]) -> bool:
        """Whether the slope grows as the step shrinks, as far as rounding lets it be seen."""
        sizes = [abs(slope.value) for slope in self._seen(side)]
        tail = sizes[-4:]
        if len(tail) < 3 or not sizes[-1] > 4 * sizes[0] or sizes[-1] < 2 * abs(self.ad) < math.inf:
            return False
        return all([late > 1.02 * early for early, late in pairwise(tail)])

    def _approaches(self, side: Sequence[_Slope]) -> bool:
        """Whether the slope tends to the derivative, however slowly, as the step shrinks: that of x^1.5 at 0."""
        apart = [abs(slope.value - self.ad) for slope in self._seen(side)]
        tail = apart[-4:]
        if len(tail) < 4 or not apart[-1] < 0.25 * apart[0]:
            return False
        return all([1.02 * late < early for early, late in pairwise(tail)])

    def _nearest(self, *slopes: _Slope) -> _Slope:
        """The slope farthest from the derivative that they tend to, with that as its error."""
        found = max(slopes, key=lambda slope: abs(slope.value - self.ad))
        return found._replace(error=abs(found.value - self.ad))

    def _seen(self, side: Sequence[_Slope]) -> list[_Slope]:
        """The slopes that are more than rounding."""
        return [slope for slope in side if slope.change > 8 * self.line.noise(self.line.start)]

    def _settled(self, slopes: Sequence[_Slope]) -> _Slope | None:
        """The slope that neighbouring steps agree on, the smallest ones that do; of these the surest."""
        found: _Slope | None = None
        for late, early in zip(slopes[::-1], slopes[-2::-1], strict=False):
            if self._is_usable(late) and self._is_usable(early) and self._are_same(late, early):
                best = min(late, early, key=lambda slope: slope.error)
                found = best if found is None or best.error < found.error else found
            elif found is not None:
                break
        return found

    def _are_same(self, late: _Slope, early: _Slope) -> bool:
        size = max(abs(late.value), abs(early.value))
        return abs(late.value - early.value) <= max(RESOLVED * size, min(late.error + early.error, self.flat))

    def _is_usable(self, slope: _Slope) -> bool:
        """Whether it says something: its error is small, or so are all changes of the value."""
        if slope.error <= RESOLVED * abs(slope.value):
            return True
        return slope.change <= RESOLVED * self.scale and slope.error <= max(self.flat, RESOLVED * abs(self.ad))

    def _surest(self, slopes: Sequence[_Slope]) -> _Slope | None:
        """The slope of least error that is the derivative, unless a surer one is not."""
        agreeing = [slope for slope in slopes if self._agrees(slope)]
        if not agreeing:
            return None
        best = min(agreeing, key=lambda slope: slope.error)
        surer = [slope for slope in slopes if slope.error < best.error and self._is_usable(slope)]
        return None if any([self._contradicts(slope) for slope in surer]) else best

    def _contradicts(self, slope: _Slope) -> bool:
        return abs(slope.value - self.ad) > WIDE * (slope.error + self.noise)

    def _is_seen(self, *slopes: _Slope) -> bool:
        """Whether differences would see the derivative if it were right, so that they may contradict it.

        From one number to the next the value has to stay about the same, by the derivative, unlike that of sin(1e200),
        and at the probes the derivative has to be nearer to what it is here than the differences are.
        """
        near = [slope.change for slope in self.left + self.right if slope.step <= abs(self.line.start)]
        scale = max([abs(self.line.here), *near]) if near else self.scale
        least = _least(self.line)
        if abs(self.ad) * least > HIDDEN * scale:
            return False
        widest = max([slope.step for slope in slopes])
        steps = {step / part for step in [least, *[level.step for level in self.levels]] for part in (1, 2)}
        probes = [self.line.start + sign * step for step in steps if step <= widest for sign in (-1, 1)]
        apart = min([abs(slope.value - self.ad) for slope in slopes])
        found = [self.line.derivative(probe) for probe in probes]
        return all([abs(each - self.ad) <= STRAIGHT * apart for each in found if each is not None])

    def _agrees(self, slope: _Slope) -> bool:
        return math.isfinite(self.ad) and _agrees(slope, self.ad, self.noise, self.flat)

    def _differ(self, left: _Slope, right: _Slope) -> bool:
        return abs(left.value - right.value) > 2 * (left.error + right.error)

    # Words

    def _noted(self, otherwise: str) -> str:
        """The verdict that the table's notes give."""
        return next((_SPECIAL[kind] for kind in self.kinds if kind in _SPECIAL), otherwise)

    def _why_not(self) -> str:
        if not math.isfinite(self.ad):
            return "there is no derivative here, and differences do not settle on a slope"
        if self.kinds:
            return "the derivative is a convention here, and differences do not settle on a slope"
        return "rounding hides the slope from differences"

    def _with(self, slope: _Slope, verdict: str, message: str | None = None) -> Comparison:
        return Comparison(self.line.name, self.ad, slope.value, _apart(slope, self.noise), verdict, None, message)

    def _said(self, verdict: str, message: str) -> Comparison:
        return Comparison(self.line.name, self.ad, None, None, verdict, None, message)


def _rounded(*slopes: _Slope) -> list[float]:
    """Slopes as people read them: what is nothing but error is 0."""
    return [0.0 if abs(slope.value) <= slope.error else slope.value for slope in slopes]


# Which rule is wrong


class _WrongRules:
    """The rules that differences of their own operation contradict; each is tried once, whoever asks."""

    def __init__(self, trace: Trace[float], names: Sequence[str]) -> None:
        self.trace = trace
        self.names = names
        self._found: dict[tuple[int, int], str | None] = {}

    def first(self, dependents: Collection[int]) -> str | None:
        """What is wrong with the first wrong rule on the way of these nodes; None if none is, as far as was tried."""
        for i in sorted(dependents):
            op, args, _ = self.trace.graph.nodes[i]
            if not args or op == STEP or not math.isfinite(self.trace.values[i]):
                continue
            for k, j in enumerate(args):
                if j in dependents and self.trace.active[j]:
                    if (i, k) not in self._found and len(self._found) < RULES:
                        self._found[i, k] = self._wrong(i, k)
                    wrong = self._found.get((i, k))
                    if wrong is not None:
                        return wrong
        return None

    def _wrong(self, i: int, k: int) -> str | None:
        trace = self.trace
        op, args, _ = trace.graph.nodes[i]
        x, slope = trace.values[args[k]], trace.partials[i][k] or 0.0
        if abs(x) >= WHOLE and rules.partial(op, k, len(args)) is None:
            return None
        jumps = any([edge.kind == "jump" for edge in primitives.TABLE[op].edges])
        if jumps and abs(slope * x) * CUBE_ROOT > abs(trace.values[i]):
            return None  # The jumps of mod(1, 1e-9) are nearer to each other than the probes.
        alone = _alone(op, [trace.values[j] for j in args], k, slope)
        if alone is None:
            return None
        said = alone.message if alone.fd is None else f"differences give {alone.fd:.6g}"
        return f"the rule of {op} gives {alone.ad:.6g} at {self.names[i]}, by {self.names[args[k]]}; {said}"


def _culprit(wrong: _WrongRules, line: Line, ad: float, noise: float) -> str | None:
    """The rule that differences of its own operation contradict, or the sweeps where they contradict each other."""
    moved = push(line.trace, {line.name: 1.0})[line.output] or 0.0
    if math.isfinite(moved) and not abs(moved - ad) <= 1e-6 * max(abs(moved), abs(ad)) + 8 * noise:
        return f"the forward sweep gives {moved:.6g}, and the backward sweep {ad:.6g}"
    return wrong.first(line.dependents)


def _alone(op: str, values: Sequence[float], k: int, slope: float) -> Comparison | None:
    """The comparison for one operation by its k-th argument, where it fails."""
    if not all([math.isfinite(value) for value in values]) or not math.isfinite(slope):
        return None
    builder = GraphBuilder()
    args = [builder.variable(str(at)) for at in range(len(values))]
    graph = builder.graph([builder.apply(op, args)])
    name = str(k)
    trace = linearize(graph, Floats(), {str(at): value for at, value in enumerate(values)}, (name,))
    line = Line(trace, name, pull(trace, 1.0), effort.Meter("differences", None))
    found = compared(line, slope, (), lambda *_: "differences disagree")
    return found if found.verdict == FAIL else None
