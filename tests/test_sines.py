"""Sine and cosine together: the digits of the truth, and of each row the same bits in whatever company."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from backpropcli.programs import sines
from backpropcli.programs.blocks import aligned

RNG = np.random.default_rng(7)


def both(numbers: Sequence[float]) -> tuple[Any, Any]:
    """The sine and the cosine of each."""
    slots = [aligned(len(numbers), float) for _ in range(6)]
    slots[0][:] = numbers
    with np.errstate(all="ignore"):
        sines.sine_and_cosine(*slots, *[slot.view(np.int64) for slot in slots])
    np.testing.assert_array_equal(slots[0], numbers)
    return slots[1], slots[2]


def units(found: Any, numbers: Sequence[float], function: Callable[[Any], Any]) -> float:
    """The most units in the last place that these are from the truth."""
    with mpmath.workdps(60):
        truths = [function(mpmath.mpf(float(x))) for x in numbers]
        return max(
            [abs(mpmath.mpf(float(y)) - truth) / math.ulp(float(truth)) for y, truth in zip(found, truths, strict=True)]
        )


def right_angles() -> list[float]:
    """Near multiples of a right angle, where nearly all of an argument cancels, and of half of one."""
    counts = [*range(1, 60), 355, 710, 1000, 4096, 33102, 65535]
    at = [k * angle for k in counts for angle in (math.pi / 2, math.pi / 4)]
    near = [(x, math.nextafter(x, 0), math.nextafter(x, 1e9), x * (1 + 1e-11)) for x in at]
    return [sign * x for each in near for x in each for sign in (1, -1)]


@pytest.mark.parametrize(
    "numbers",
    [
        RNG.uniform(-0.8, 0.8, 2000),
        RNG.uniform(-10, 10, 4000),
        RNG.uniform(-1000, 1000, 2000),
        RNG.uniform(-sines.FAR, sines.FAR, 2000),
        10.0 ** RNG.uniform(-308, 0, 1000),
        right_angles(),
    ],
    ids=["small", "some turns", "many turns", "as far as it goes", "tiny", "right angles"],
)
def test_both_are_within_two_units_of_the_truth(numbers: Sequence[float]) -> None:
    sine, cosine = both(numbers)
    assert units(sine, numbers, mpmath.sin) < 1.6
    assert units(cosine, numbers, mpmath.cos) < 1.6


def test_the_hardest_multiples_have_their_digits() -> None:
    """Of all right angles that are taken off, those that are nearest to a double."""
    with mpmath.workdps(60):
        multiples = [(k, mpmath.mpf(k) * mpmath.pi / 2) for k in range(1, 1 << 16, 7)]
        distances = [(abs(x - float(x)) / math.ulp(float(x)), float(x)) for _, x in multiples]
    hardest = [x for _, x in sorted(distances)[:300]]
    sine, cosine = both(hardest)
    assert units(sine, hardest, mpmath.sin) < 1.6
    assert units(cosine, hardest, mpmath.cos) < 1.6


def test_zeros_keep_their_sign() -> None:
    sine, cosine = both([0.0, -0.0, 5e-324, -5e-324])
    assert [math.copysign(1, x) for x in sine] == [1, -1, 1, -1]
    assert list(map(abs, sine)) == [0.0, 0.0, 5e-324, 5e-324]
    assert list(cosine) == [1.0] * 4


FARTHER = [1e6, -1e6, 1e22, 1.7e308, -2 * sines.FAR]


def test_numbers_that_are_too_large_are_computed_by_numpy() -> None:
    for numbers in (FARTHER, [*FARTHER, 0.5, 1.0], [*FARTHER, math.nan]):
        sine, cosine = both(numbers)
        np.testing.assert_array_equal(sine[: len(FARTHER)], np.sin(FARTHER))
        np.testing.assert_array_equal(cosine[: len(FARTHER)], np.cos(FARTHER))


def test_what_has_no_sine_is_undefined() -> None:
    sine, cosine = both([math.inf, -math.inf, math.nan, 1.0])
    assert np.isnan(sine[:3]).all()
    assert np.isnan(cosine[:3]).all()
    assert abs(sine[3] - math.sin(1.0)) < 1e-15


def test_a_row_has_the_same_bits_in_any_company() -> None:
    numbers = RNG.uniform(-50, 50, 1000)
    alone = both(numbers)
    for company in ([math.nan], FARTHER, [4e4] * 20, RNG.uniform(-1, 1, 77)):
        among = both([*numbers, *company])
        for one, other in zip(alone, among, strict=True):
            np.testing.assert_array_equal(one, other[:1000])
