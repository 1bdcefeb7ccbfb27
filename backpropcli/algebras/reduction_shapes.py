"""The shapes of reductions, of softmax and its family and of losses: what fits, and what is said where it does not."""

from __future__ import annotations

import math
from collections.abc import Callable

from backpropcli.algebras.shapes import Shape, ShapeError, along, gathered, shown, whole, without

NORMS = (1.0, 2.0, math.inf)
"""The norms that there are."""


def _count(x: Shape, axis: Shape) -> int:
    """How many entries are gathered."""
    k = along(x, axis)
    return x.size if k is None else x.dims[k]


def _of_some(what: str) -> Callable[..., Shape]:
    """What a reduction gives that has no value for no entries."""

    def shape(x: Shape, axis: Shape) -> Shape:
        dims = without(x, axis)
        if not _count(x, axis):
            raise ShapeError(f"{shown(x.dims)} has no entries to take {what} of", hint="give at least one entry")
        return Shape(dims)

    return shape


def _alike(x: Shape, axis: Shape, *_: Shape) -> Shape:
    """What keeps its shape, along an axis or over all entries."""
    along(x, axis)
    return Shape(x.dims)


def _running(x: Shape, axis: Shape) -> Shape:
    if along(x, axis) is None:
        raise ShapeError("a running sum goes along one axis", hint="write axis=0, or axis=-1 for the last")
    return Shape(x.dims)


def _norm(x: Shape, p: Shape, axis: Shape) -> Shape:
    if p.known not in NORMS:
        found = f"{p.known:.6g}" if isinstance(p.known, float) else "none of these"
        raise ShapeError(f"there are norms for 1, 2 and inf, and here is {found}", hint="norm(x) is the one for 2")
    return gathered(x, axis)


def _one_hot(t: Shape, count: Shape) -> Shape:
    return Shape((*t.dims, whole(count, "the number of classes")))


REDUCTION_SHAPES: dict[str, Callable[..., Shape]] = {
    "mean": _of_some("the mean"),
    "prod": gathered,
    "others": _alike,
    "prod_slope": _alike,
    "max_over": _of_some("the largest"),
    "min_over": _of_some("the smallest"),
    "deviation": _alike,
    "var": _of_some("the variance"),
    "norm": _norm,
    "cumsum": _running,
    "cumsum_back": _running,
    "dominant": _alike,
    "softmax": _alike,
    "softmax_rest": _alike,
    "log_softmax": _alike,
    "logsumexp": _of_some("the logarithm of the sum of exponentials"),
    "one_hot": _one_hot,
}
"""By the names that the table of primitives uses."""
