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
        return self.known and other.known and self.low <= other.high + slack and other.low <= self.high + slack


ALL = Interval(-math.inf, math.inf)
"""Nothing is known."""

_SLACK = 0.02
"""The part of the width that is added for ends inside the box: between two of three points a parabola's highest value
is at most an eighth of its rise above them where that is as large as it can be, and mostly it is monotone there."""
_SLACK_OF_MOVES = 5 * _SLACK
"""The same where the inputs were moved one by one, so that no two of them together."""
_MOST_CORNERS = 4
"""Inputs whose corners are all tried; of more of them, each is moved by itself, and the moves are added up."""


def point(number: float) -> Interval:
    """One number."""
    return Interval(number, number)


def hull(parts: Iterable[Interval]) -> Interval:
    """The least interval that holds them all, of which there is one at least."""
    found = list(parts)
    return Interval(min([each.low for each in found]), max([each.high for each in found]))


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
    middle = function(centre)
    if middle is None or not math.isfinite(middle):
        return ALL
    wide = [side for side in box if side.low != side.high]
    if len(wide) > _MOST_CORNERS:
        return _by_moves(function, box, middle)
    corners = itertools.product(*[dict.fromkeys((side.low, side.centre, side.high)) for side in box])
    # Where a corner has no value, the end of a domain is in the box: it holds what there is on this side of it.
    found = [value for corner in corners for value in [function(corner)] if value is not None and math.isfinite(value)]
    return _widened(min(found), max(found), _SLACK)


def _by_moves(function: Callable[[Sequence[float]], float | None], box: Sequence[Interval], middle: float) -> Interval:
    centre = [side.centre for side in box]
    reach = 0.0
    for k, side in enumerate(box):
        ends = [function([*centre[:k], end, *centre[k + 1 :]]) for end in side]
        reach += max([abs(value - middle) for value in ends if value is not None and math.isfinite(value)], default=0.0)
    return _widened(middle - reach, middle + reach, _SLACK_OF_MOVES)


def _widened(low: float, high: float, part: float) -> Interval:
    more = part * (high - low)
    return Interval(low - more, high + more)
