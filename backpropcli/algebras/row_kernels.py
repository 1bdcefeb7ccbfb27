"""The kernels of arrays for many rows at once: every array has one more axis, its last, that counts the rows.

Operations on numbers act entry by entry and are as they are, since NumPy aligns axes from the last one on; of the
operations on arrays as a whole most do once for all rows what they do for one. All others go row by row. A number,
which has no axis, is the same in all rows; an array that is has a last axis of 1. What shapes depend on has no rows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras.array_kernels import ARRAY_KERNELS, kernel
from backpropcli.algebras.reduction_kernels import axis_of

Array = Any
Kernel = Callable[..., Array]


@functools.cache
def row_kernel(op: str) -> Kernel | None:
    """The kernel of a primitive for many rows; None where its value is a formula."""
    entry = primitives.TABLE[op]
    found = kernel(entry.value)
    if found is None or not entry.array:
        return found
    if entry.value in _OWN:
        return _OWN[entry.value]
    if entry.value in _ALONG:
        return _along_axis(found, keeps=entry.value in _KEPT)
    static = [name in entry.static for name in entry.names]
    return (_at_once if entry.value in _STACKED else _one_by_one)(found, static)


def row_constant(array: Array) -> Array:
    """An array that is the same in all rows."""
    return array[..., None] if np.ndim(array) else array


def first(x: Array) -> Array:
    """The rows along the first axis, as NumPy's functions of stacks take them."""
    if not np.ndim(x):
        return x
    turned = np.moveaxis(x, -1, 0)
    # What is the same in all rows stays as it lies in memory: BLAS adds up a transposed matrix in another order.
    return turned if len(turned) == 1 else np.ascontiguousarray(turned)


def last(x: Array) -> Array:
    """The rows along the last axis again, beside each other: NumPy's functions are other ones where they are not."""
    return np.ascontiguousarray(np.moveaxis(x, 0, -1))


def _rows(values: Sequence[Array]) -> int:
    """How many rows these have."""
    return max([np.shape(value)[-1] for value in values if np.ndim(value)], default=1)


def _moving(values: Sequence[Array], static: Sequence[bool]) -> list[bool]:
    """Which of the arguments have rows; a last parameter stands for all that follow."""
    return [not static[min(k, len(static) - 1)] and np.ndim(value) > 0 for k, value in enumerate(values)]


def _at_once(function: Kernel, static: Sequence[bool]) -> Kernel:
    """A kernel that treats every matrix of a stack by itself."""

    def run(*values: Array) -> Array:
        moving = _moving(values, static)
        made = function(*[first(value) if moves else value for value, moves in zip(values, moving, strict=True)])
        return last(made) if any(moving) else row_constant(np.asarray(made))

    return run


def _one_by_one(function: Kernel, static: Sequence[bool]) -> Kernel:
    """A kernel that is asked for each row."""

    def run(*values: Array) -> Array:
        moving = _moving(values, static)
        if not any(moving):
            return row_constant(np.asarray(function(*values)))
        turned = [first(value) if moves else value for value, moves in zip(values, moving, strict=True)]
        count = max([len(value) for value, moves in zip(turned, moving, strict=True) if moves])
        made = [
            function(
                *[
                    value[k if len(value) > 1 else 0] if moves else value
                    for value, moves in zip(turned, moving, strict=True)
                ]
            )
            for k in range(count)
        ]
        return np.stack(made, axis=-1)

    return run


def _along_axis(function: Kernel, *, keeps: bool) -> Kernel:
    """A kernel that goes along an axis, its last argument; with `keeps` what it makes has the shape of the first."""

    def run(x: Array, *rest: Array) -> Array:
        along = axis_of(rest[-1])
        if not np.ndim(x):
            return function(x, *rest)
        if along is None:
            made = function(np.reshape(x, (-1, np.shape(x)[-1])), *rest[:-1], 0.0)
            return np.reshape(made, np.shape(x)) if keeps else made
        return function(x, *rest[:-1], float(along if along >= 0 else along - 1))

    return run


def _sizes(shape: Array) -> tuple[int, ...]:
    return tuple([int(size) for size in np.ravel(shape)])


def _width(x: Array) -> int:
    return int(np.shape(x)[-1]) if np.ndim(x) else 1


def _matmul(a: Array, b: Array) -> Array:
    a, b = first(a), first(b)
    row, column = a.ndim == 2, b.ndim == 2
    # Reshaped, since BLAS does not take strides of 0.
    a = np.reshape(a, (len(a), 1, -1)) if row else a
    b = np.reshape(b, (len(b), -1, 1)) if column else b
    # Stacks are aligned behind the rows.
    a, b = [each[(slice(None), *[None] * (other.ndim - each.ndim))] for each, other in ((a, b), (b, a))]
    made = np.matmul(a, b)
    if column:
        made = made[..., 0]
    if row:
        made = made[..., 0] if column else made[..., 0, :]
    return last(made)


def _outer(a: Array, b: Array) -> Array:
    return np.reshape(a, (*np.shape(a)[:-1], *[1] * (np.ndim(b) - 1), _width(a))) * b


def _scaled(a: Array, c: Array) -> Array:
    return a * (np.reshape(c, (*np.shape(c)[:-1], 1, 1, _width(c))) if np.ndim(c) else c)


def _transpose(x: Array) -> Array:
    return np.swapaxes(x, -2, -3) if np.ndim(x) > 2 else x


def _reshape(x: Array, shape: Array) -> Array:
    return np.reshape(x, (*_sizes(shape), _width(x)))


def _expand(x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, (*_sizes(shape), _width(x)))


def _spread(x: Array, axis: float, shape: Array) -> Array:
    along = axis_of(axis)
    if along is not None and np.ndim(x):
        x = np.expand_dims(x, along if along >= 0 else along - 1)
    return np.broadcast_to(x, (*_sizes(shape), _width(x)))


def _collapse(x: Array, shape: Array) -> Array:
    return ARRAY_KERNELS["collapse"](x if np.ndim(x) else np.reshape(x, 1), (*_sizes(shape), _width(x)))


def _place(g: Array, shape: Array, *items: Array) -> Array:
    return ARRAY_KERNELS["place"](g, (*_sizes(shape), _width(g)), *_bounds(items))


def _index(x: Array, *items: Array) -> Array:
    return ARRAY_KERNELS["index"](x, *_bounds(items))


def _bounds(items: Sequence[Array]) -> list[Array]:
    """Places, which are counted from the first axis, and slices, which have no rows."""
    return [np.ravel(item) if np.ndim(item) else item for item in items]


def _stack(*x: Array) -> Array:
    return np.stack(np.broadcast_arrays(*x)) if any(map(np.ndim, x)) else np.array(x)[:, None]


def _concat_along(axis: float, *x: Array) -> Array:
    count, along = _rows(x), int(axis)
    joined = [each if np.ndim(each) > 1 else np.reshape(each, (1, _width(each))) for each in x]
    joined = [np.broadcast_to(each, (*each.shape[:-1], count)) for each in joined]
    return np.concatenate(joined, axis=along if along >= 0 else along - 1)


def _shape(x: Array) -> Array:
    return np.array(np.shape(x)[:-1], dtype=float)


def _size(x: Array, axis: float) -> float:
    return float(math.prod(np.shape(x)[:-1]) if math.isinf(axis) else np.shape(x)[:-1][int(axis)])


_OWN: dict[str, Kernel] = {
    "matmul": _matmul,
    "outer": _outer,
    "scaled": _scaled,
    "transpose": _transpose,
    "reshape": _reshape,
    "expand": _expand,
    "spread": _spread,
    "collapse": _collapse,
    "place": _place,
    "stack": _stack,
    "concat": lambda *x: _concat_along(0.0, *x),
    "concat_along": _concat_along,
    "shape": _shape,
    "size": _size,
    "index": _index,
    "slice": ARRAY_KERNELS["slice"],
    "zeros_like": ARRAY_KERNELS["zeros_like"],
}
_ALONG = frozenset(
    {
        "sum", "mean", "prod", "others", "max_over", "min_over", "deviation", "var", "norm", "cumsum", "cumsum_back",
        "dominant", "softmax", "softmax_rest", "log_softmax", "logsumexp",
    }
)  # fmt: skip
_KEPT = frozenset({"others", "deviation", "dominant", "softmax", "softmax_rest", "log_softmax"})
_STACKED = frozenset(
    {
        "trace", "det", "logdet", "cofactor", "minors", "from_minors", "inv", "cholesky", "lower_half", "symmetric",
        "regular", "positive_definite", "one_hot",
    }
)  # fmt: skip
