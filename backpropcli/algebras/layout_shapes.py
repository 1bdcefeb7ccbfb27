"""The shapes of what arrays are joined, repeated and made from scratch by, and what is said where they do not fit."""

from __future__ import annotations

import math
from collections.abc import Callable

from backpropcli.algebras.shapes import Dims, Shape, ShapeError, along, shown, sizes, whole


def _size(x: Shape, axis: Shape) -> Shape:
    k = along(x, axis)
    return Shape((), float(x.size if k is None else x.dims[k]))


def _all_sizes(*shapes: Shape) -> Dims:
    """Sizes that are given one by one, or as one list."""
    if len(shapes) == 1:
        return sizes(shapes[0])
    return sizes(Shape((), tuple([shape.known for shape in shapes])))


def _concat(axis: Shape, *x: Shape) -> Shape:
    # A number stands for a vector of one entry.
    joined = [Shape(each.dims or (1,)) for each in x]
    first = joined[0]
    k = along(first, axis)
    if k is None:
        raise ShapeError("arrays are joined along one axis", hint="write axis=0, or axis=-1 for the last")
    for other in joined[1:]:
        if len(other.dims) != len(first.dims) or other.dims[:k] + other.dims[k + 1 :] != _without(first.dims, k):
            raise ShapeError(
                f"{shown(first.dims)} and {shown(other.dims)} cannot be joined along axis {k}",
                hint="every other axis is to be of the same size",
            )
    return Shape((*first.dims[:k], sum([each.dims[k] for each in joined]), *first.dims[k + 1 :]))


def _without(dims: Dims, k: int) -> Dims:
    return dims[:k] + dims[k + 1 :]


def _repeat(x: Shape, n: Shape, axis: Shape) -> Shape:
    times, one = whole(n, "the number of times"), Shape(x.dims or (1,))
    k = along(one, axis)
    if k is None or times < 0:
        raise ShapeError("entries are repeated along one axis, 0 times or more", hint="write repeat(x, 2, axis=0)")
    return Shape((*one.dims[:k], one.dims[k] * times, *one.dims[k + 1 :]))


def _tile(x: Shape, n: Shape) -> Shape:
    times = sizes(n, "the number of times")
    axes = max(len(times), len(x.dims))
    pairs = zip((1,) * (axes - len(x.dims)) + x.dims, (1,) * (axes - len(times)) + times, strict=True)
    return Shape(tuple([size * often for size, often in pairs]))


def _eye(n: Shape) -> Shape:
    (size,) = sizes(n)
    return Shape((size, size))


def _arange(*bounds: Shape) -> Shape:
    if len(bounds) > 3:
        raise ShapeError(
            "arange takes a stop, or a start, a stop and a step", hint="write arange(5) or arange(1, 2, 0.1)"
        )
    known = []
    for bound in bounds:
        if not isinstance(bound.known, float) or not math.isfinite(bound.known):
            raise ShapeError("arange takes numbers that are known before anything is computed", hint="write arange(5)")
        known.append(bound.known)
    start, stop, step = (*((0.0,) if len(known) == 1 else ()), *known, 1.0)[:3]
    if not step:
        raise ShapeError("the step of arange is 0", hint="write 1, or -1 to go back")
    count = (stop - start) / step
    return Shape((int(min(max(math.ceil(count), 0), 1 << 60)),)) if math.isfinite(count) else _endless()


def _endless() -> Shape:
    raise ShapeError("arange would have endlessly many numbers", hint="write a larger step")


def _linspace(a: Shape, b: Shape, n: Shape) -> Shape:
    for bound in (a, b):
        if bound.dims:
            raise ShapeError(f"linspace goes from a number to a number, and here is {shown(bound.dims)}")
    return Shape(sizes(Shape((), (n.known,)), "the number of points"))


LAYOUT_SHAPES: dict[str, Callable[..., Shape]] = {
    "size": _size,
    "concat": lambda *x: _concat(Shape((), 0.0), *x),
    "concat_along": _concat,
    "share": lambda g, axis, k, *x: Shape(x[whole(k, "a place")].dims),
    "share_back": lambda g, axis, k, *x: _concat(axis, *x),
    "repeat": _repeat,
    "repeat_back": lambda g, n, axis, shape: Shape(sizes(shape)),
    "tile": _tile,
    "tile_back": lambda g, n, shape: Shape(sizes(shape)),
    "zeros": lambda *s: Shape(_all_sizes(*s)),
    "ones": lambda *s: Shape(_all_sizes(*s)),
    "eye": _eye,
    "arange": _arange,
    "linspace": _linspace,
}
"""By the names that the table of primitives uses."""
