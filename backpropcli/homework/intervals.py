"""What a formula may give where its inputs are known as far as they were written: the range over a box.

The formula is evaluated at the box's corners, at the middles between them and at its centre. All between the least and
the greatest value is taken somewhere in the box; where a formula is monotone in each input, as the steps of a homework
mostly are, the corners are the ends of its range. A little is added for ends inside the box.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from backpropcli.records import NamedTuple


class Interval(NamedTuple):
    """The numbers from `low` to `high`, both included."""

    low: float
    high: float

    @property
    def centre(self) -> float:
        """The number in the middle."""
        return 0.5 * self.low + 0.5 * self.high

    @property
    def radius(self) -> float:
        """Half of the width."""
        return 0.5 * self.high - 0.5 * self.low

    @property
    def known(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def meets(self, other: Interval) -> bool:
        """Whether they have a number in common, but for the rounding of doubles; never of what is not finite."""
        slack = 1e-9 * max(abs(self.low), abs(self.high), abs(other.low), abs(other.high))
        return self.low <= other.high + slack and other.low <= self.high + slack


ALL = Interval(-math.inf, math.inf)
"""Nothing is known."""

_SLACK = 0.02
"""The part of the width that is added for ends inside the box: between two of three points a parabola's highest value
is at most an eighth of its rise above them where that is as large as it can be, and mostly it is monotone there."""
_MOST_CORNERS = 4
"""Inputs whose corners are all tried; of more of them, each is moved by itself, and the moves are added up."""


def point(number: float) -> Interval:
    """One number."""
    return Interval(number, number)


def hull(parts: Iterable[Interval]) -> Interval:
    """The least interval that holds them all; of none nothing is known."""
    found = list(parts)
    return Interval(min([each.low for each in found]), max([each.high for each in found])) if found else ALL


def plus(parts: Iterable[Interval]) -> Interval:
    """The sums of one number out of each."""
    found = list(parts)
    return Interval(sum([each.low for each in found]), sum([each.high for each in found]))


def times(a: Interval, b: Interval) -> Interval:
    """The products of one number out of each."""
    if not (a.known and b.known):
        # A zero times what is not known is not known either.
        return ALL
    products = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return Interval(min(products), max(products))


def image(function: Callable[[Sequence[float]], float | None], box: Sequence[Interval]) -> Interval:
    """What the function gives over the box; everything where it has no value there, or where an end is not known."""
    if not all([side.known for side in box]):
        return ALL
    centre = [side.centre for side in box]
    wide = [k for k, side in enumerate(box) if side.low != side.high]
    first = function(centre)
    middle = math.nan if first is None else first
    if not wide:
        return point(middle) if math.isfinite(middle) else ALL
    if len(wide) > _MOST_CORNERS:
        return _by_moves(function, box, centre, middle)
    found = []
    for corner in itertools.product(*[(box[k].low, centre[k], box[k].high) for k in wide]):
        for k, number in zip(wide, corner, strict=True):
            centre[k] = number
        value = function(centre)
        if value is not None and math.isfinite(value):
            found.append(value)
    if not found:
        return ALL
    if len(found) < 3 ** len(wide):
        # A pole or the end of a domain is in the box: on one side of it everything may be.
        return ALL if math.isfinite(middle) is False else hull([point(value) for value in found])
    return _widened(min(found), max(found), _SLACK)


def _by_moves(
    function: Callable[[Sequence[float]], float | None], box: Sequence[Interval], centre: list[float], middle: float
) -> Interval:
    if not math.isfinite(middle):
        return ALL
    reach = 0.0
    for k, side in enumerate(box):
        moves = [0.0]
        kept = centre[k]
        for end in side:
            centre[k] = end
            value = function(centre)
            if value is not None and math.isfinite(value):
                moves.append(abs(value - middle))
        centre[k] = kept
        reach += max(moves)
    return _widened(middle - reach, middle + reach, 5 * _SLACK)


def _widened(low: float, high: float, part: float) -> Interval:
    more = part * (high - low)
    return Interval(low - more, high + more)
