"""How far every primitive is off: the largest error of its value and its local derivatives, and where.

    python -m tests.ulps [--points 20000] [--json] [NAME ...]

measures against mpmath, in units in the last place, at random points and at the chosen ones of the table, and prints a
table in Markdown, or JSON. Near a zero inside the domain the unit is that of the largest term.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.algebras.arrays import quietly
from backpropcli.primitives import Primitive
from tests import oracle, test_array_digits, test_primitives
from tests.test_array_digits import Held
from tests.test_primitives import Point


class Worst(NamedTuple):
    """The largest error found, in units in the last place, and the point where it was: numbers, or rows of them."""

    ulps: float
    point: Point | list[list[float]]


class Measured(NamedTuple):
    """One primitive's errors: of its value, and by parameter of its local derivatives."""

    name: str
    promise: int
    points: int
    value: Worst
    slopes: dict[str, Worst]


def measured(entry: Primitive, points: int) -> Measured:
    """The worst of so many random points in the domain, and of the chosen ones."""
    value = Worst(0.0, entry.samples[0])
    slopes: dict[str, Worst] = {}
    count = 0
    for point in (*test_primitives.points_in_domain(entry, points), *test_primitives.chosen_points(entry)):
        count += 1
        wanted = oracle.value_and_slopes(entry.name, point)
        smooth = not test_primitives.at_edge(entry, point)
        true = oracle.value(entry.name, point)
        off = oracle.ulps(test_primitives.value(entry, point), true, test_primitives.scale(entry, point, 0))
        value = max(value, Worst(off, point))
        if smooth:
            for k, slope_off in test_primitives.slopes_off(entry, point, wanted[1:]):
                name = entry.names[0 if entry.variadic else k]
                slopes[name] = max(slopes.get(name, Worst(0.0, point)), Worst(slope_off, point))
    return Measured(entry.name, entry.digits, count, value, slopes)


def measured_rows(held: Held, points: int) -> Measured:
    """The same of an operation on arrays; rows take longer than numbers, and so there are fewer."""
    found = {"value": Worst(0.0, []), "slope": Worst(0.0, [])}
    count = 0
    with quietly():
        for rows in test_array_digits.points(held, points // 20):
            count += 1
            for what, off in zip(found, test_array_digits.errors(held, rows), strict=True):
                found[what] = max(found[what], Worst(off, rows))
    first = primitives.TABLE[held.name].names[0]
    return Measured(held.name, held.digits, count, found["value"], {first: found["slope"]})


def markdown(rows: list[Measured]) -> Iterator[str]:
    """The table, a line a primitive."""
    yield "| function | promise | value | at | derivative | at |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        by, slope = max(row.slopes.items(), key=lambda item: item[1], default=("", None))
        told = f"{slope.ulps:.2f} by {by} | `{_written(slope.point)}`" if slope else " | "
        yield f"| `{row.name}` | {row.promise} | {row.value.ulps:.2f} | `{_written(row.value.point)}` | {told} |"


def _written(point: Point | list[list[float]]) -> str:
    return ", ".join([repr(x) for x in point])


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.ulps", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a primitive (all that are no helpers)")
    parser.add_argument("--points", type=int, default=2000, help="random points a primitive (2000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    arrays = {held.name: held for held in test_array_digits.HELD}
    numbers = [name for name, entry in primitives.on_numbers().items() if not entry.helper]
    rows = []
    for name in asked.names or [*numbers, *arrays]:
        if name in arrays:
            rows.append(measured_rows(arrays[name], asked.points))
        else:
            rows.append(measured(primitives.TABLE[name], asked.points))
        print(f"{name}: {rows[-1].value.ulps:.2f}", file=sys.stderr, flush=True)
    if asked.json:
        data = [
            {**row._asdict(), "value": row.value._asdict(), "slopes": {k: w._asdict() for k, w in row.slopes.items()}}
            for row in rows
        ]
        print(json.dumps(data, indent=1))
    else:
        print("\n".join(markdown(rows)))


if __name__ == "__main__":
    main()
