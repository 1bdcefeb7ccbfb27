"""Points that are made and not read: all combinations of evenly spaced values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from math import floor, isfinite, prod
from typing import Any

from backpropcli.errors import BackpropError, visible
from backpropcli.reading import values
from backpropcli.reading.points import variable
from backpropcli.records import NamedTuple
from backpropcli.streams._rows import Batch, Plain, Wanted

MAX_POINTS = 10**12
_BATCH = 8192
_KEPT = 1 << 16
_ROUNDING = 1e-9
"""By how much of a step the last value, of numbers that are not decimals, may miss the stop."""
_HINT = "write START:STOP:STEP, as in --grid x=0:10:0.1"


class Axis(NamedTuple):
    """A variable with evenly spaced values; the last is not beyond the stop."""

    name: str
    start: Decimal | float
    step: Decimal | float
    points: int

    def value(self, k: int) -> float:
        """The k-th value. Of decimals the exact one, rounded once: 0.3, and not 0.30000000000000004."""
        if isinstance(self.start, Decimal) and isinstance(self.step, Decimal):
            return float(self.start + k * self.step)
        return float(self.start) + k * float(self.step)


def axis(text: str) -> Axis:
    """What `x=0:10:0.1` says; each of the three may be a constant formula."""
    written, equals, bounds = text.partition("=")
    parts = bounds.split(":")
    if not equals or len(parts) != 3 or not all(part.strip() for part in parts):
        raise BackpropError(f"--grid takes NAME=START:STOP:STEP, not {visible(text, 60)}", hint=_HINT)
    name = variable(written, "--grid")
    start, stop, step = [_number(part, name) for part in parts]
    if not (isinstance(start, Decimal) and isinstance(stop, Decimal) and isinstance(step, Decimal)):
        start, stop, step = float(start), float(stop), float(step)
    if step == 0:
        raise BackpropError(f"--grid {visible(text, 60)} has a step of 0", hint=_HINT)
    steps = (float(stop) - float(start)) / float(step)
    if not isfinite(steps) or steps >= MAX_POINTS:
        raise BackpropError(f"--grid {visible(text, 60)} has more than {MAX_POINTS:,} points", hint="take larger steps")
    if steps < 0:
        raise BackpropError(f"--grid {visible(text, 60)} goes away from its stop", hint="change the sign of the step")
    if isinstance(stop, Decimal) and isinstance(start, Decimal) and isinstance(step, Decimal):
        return Axis(name, start, step, int((stop - start) // step) + 1)
    return Axis(name, start, step, floor(steps + _ROUNDING) + 1)


def _number(text: str, name: str) -> Decimal | float:
    """A number as it is written, if it is one, else what a constant formula gives."""
    written = text.strip()
    if values.NUMBER.match(written) and len(written) < 40:
        values.checked(float(written), written, f"--grid {name}")
        return Decimal(written)
    found = values.number(written, f"--grid {name}")
    if not isinstance(found, float):
        raise BackpropError(f"--grid {name} needs numbers, not an array", hint=_HINT)
    return found


class GridReader:
    """All combinations of the axes' values; those of the last change fastest."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        count = prod([each.points for each in axes])
        if count > MAX_POINTS:
            raise BackpropError(
                f"the grid has {count:,} points, and the limit is {MAX_POINTS:,}", hint="take larger steps"
            )
        self.names: Sequence[str] = [each.name for each in axes]
        self.count = count
        self._axes = axes

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """The points, some thousand at a time."""
        columns = wanted.columns(self.names, "the grid")
        strides = [prod([each.points for each in self._axes[k + 1 :]]) for k in range(len(self._axes))]
        at = [_values(each) for each in self._axes]
        most = min(_BATCH, wanted.most)
        for start in range(0, self.count, most):
            points = range(start, min(start + most, self.count))
            found = {
                each.name: [value(k // stride % each.points) for k in points]
                for each, stride, value in zip(self._axes, strides, at, strict=True)
            }
            chosen = {name: found[columns[name]] for name in wanted.variables}
            rows = list(zip(*found.values(), strict=True))
            yield Batch("grid", rows, chosen, range(start + 1, points.stop + 1), self._plain)

    def place(self, line: int) -> str:
        """A point, as messages call it."""
        return f"point {line:,} of the grid"

    def _plain(self, rows: Sequence[Any]) -> Plain:
        return dict(zip(self.names, map(list, zip(*rows, strict=True)), strict=True))


def _values(axis: Axis) -> Callable[[int], float]:
    """The k-th value; of an axis that is not too long each is computed once."""
    if axis.points > _KEPT:
        return axis.value
    return [axis.value(k) for k in range(axis.points)].__getitem__
