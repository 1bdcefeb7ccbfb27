"""Numbers of the student's own: where each may be, what it follows from, and when two of them are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backpropcli.homework import intervals
from backpropcli.homework.intervals import Interval
from backpropcli.homework.model import Marking, Quantity
from backpropcli.homework.numbers import Written
from backpropcli.records import NamedTuple

_FRACTION_DIGITS = 3
"""The digits to which a fraction has to be right; as many as its longer number has, where these are more."""
_EXACT = 1e-9
"""By how much what is exact may differ, for the rounding of doubles."""


class Own(NamedTuple):
    """What is known of one number of the student's own."""

    ranges: tuple[Interval, ...]
    """Where it may be: one interval, or several where it was written twice."""
    roots: frozenset[Quantity] = frozenset()
    """The wrong steps that it follows from."""
    given: bool = False
    """Whether it was written, so that it is not only what follows from what was."""
    expected: Interval | None = None
    """What follows from the numbers before it."""


class Policy(NamedTuple):
    """When a written number is another one, as the assignment says that answers are compared."""

    marking: Marking

    @property
    def rounds(self) -> bool:
        """Whether numbers are rounded by hand, so that their digits say how well they are known."""
        return self.marking.rule == "shown"

    def single(self, number: Written) -> bool:
        """Whether a number that is rounded by hand shows too few digits to prove anything."""
        return not number.exact and number.digits < self.marking.min_digits

    def agrees(self, number: Written, truth: float) -> bool:
        """Whether a number is the truth as rounded to the digits that were written, `min_digits` at least.

        A whole number for a whole number is exact. Never true of nan and infinities.
        """
        if not (math.isfinite(number.value) and math.isfinite(truth)):
            return False
        if abs(number.value - truth) <= _EXACT * abs(truth):
            return True
        if not self.rounds:
            return abs(number.value - truth) <= self.marking.relative * abs(truth)
        if not number.value or not truth:
            return abs(number.value - truth) <= _EXACT * _EXACT
        if number.whole and is_whole(truth):
            return False
        if number.exact:
            half = 0.5 * 10.0 ** number.last_of(max(_FRACTION_DIGITS, number.digits))
            shown = Interval(number.value - half, number.value + half)
        else:
            shown = self._shown(number)
        return shown.meets(intervals.point(truth))

    def meets(self, number: Written, expected: Interval, *, coarse: bool = False) -> bool:
        """Whether a number may be one of those that follow; `coarse` takes its digits as they are, however few."""
        if not expected.known or not math.isfinite(number.value):
            return False
        if not self.rounds:
            spread = self.marking.relative * abs(number.value)
            return expected.meets(Interval(number.value - spread, number.value + spread))
        if not number.value and (number.whole or not coarse):
            # 0.00 shows no digit at all.
            return expected.meets(intervals.point(0.0))
        if number.whole and expected.low == expected.high and is_whole(expected.low):
            return abs(number.value - expected.low) <= _EXACT * max(1.0, abs(expected.low))
        return expected.meets(Interval(*number.interval()) if coarse else self._shown(number))

    def goes_on(self, number: Written, truth: float | None = None, *, following: Sequence[Interval] = ()) -> Interval:
        """What later steps start from: where the number may be that was written so.

        Where it follows from numbers before it, one digit is known to be one of those, or to be what was written.
        """
        if not self.rounds or number.exact:
            return intervals.point(number.value)
        if number.whole and (not number.value or (truth is not None and is_whole(truth))):
            return intervals.point(number.value)
        shown = Interval(*number.interval())
        if not self.single(number):
            return Interval(*number.rounded_to(self.marking.min_digits))
        met = [each for each in following if each.known and each.meets(shown)]
        if met:
            inside = [Interval(max(each.low, shown.low), min(each.high, shown.high)) for each in met]
            return intervals.hull([intervals.point(number.value), *inside])
        # Who writes a whole digit, and follows from nothing, has most likely nothing behind it.
        return Interval(*number.within(self.marking.min_digits)) if number.whole else shown

    def _shown(self, number: Written) -> Interval:
        """What is written like this by one who shows `min_digits` at least."""
        if self.single(number):
            return Interval(*number.within(self.marking.min_digits))
        return Interval(*number.rounded_to(self.marking.min_digits))


def is_whole(number: float) -> bool:
    """Whether this is a whole number, but for the rounding of doubles."""
    return math.isfinite(number) and abs(number - round(number)) <= _EXACT * max(1.0, abs(number))
