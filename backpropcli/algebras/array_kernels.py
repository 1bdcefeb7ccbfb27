"""The kernels of arrays, by the names that the table of primitives uses: NumPy's functions, and ours for numbers.

An operation on numbers acts entry by entry. NumPy has most of them; where it has none, or with fewer digits, ours for
single numbers is applied to each entry, which is slower and just as right.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.algebras.layout_kernels import LAYOUT_KERNELS
from backpropcli.algebras.matrix_kernels import MATRIX_KERNELS
from backpropcli.algebras.reduction_kernels import REDUCTION_KERNELS, axis_of
from backpropcli.algebras.shapes import slice_of

Array = Any


def _relation(function: Callable[..., Array]) -> Callable[..., Array]:
    """1 where it holds, else 0: as numbers, since a sum of truths is a truth."""
    return lambda *values: function(*values) * 1.0


def _max(*values: Array) -> Array:
    return functools.reduce(np.maximum, values)


def _min(*values: Array) -> Array:
    return functools.reduce(np.minimum, values)


def _root(x: Array) -> Array:
    # IEEE's root of -0.0 is -0.0, and its slope would be -inf.
    return np.sqrt(x) + 0.0


def _cbrt(x: Array) -> Array:
    """As for numbers: the library's root and one Newton step."""
    t = np.cbrt(x)
    c = t * 1073741825.0
    near = c - (c - t)
    r = x / (near * near)
    better = near + near * ((r - near) / (near + near + r))
    return np.where((t == 0.0) | ~np.isfinite(t) | ~np.isfinite(better), t, better)


def _pow(a: Array, b: Array) -> Array:
    # NumPy's power of 2 and 1 is as slow as any other.
    if type(b) is float and b == 2.0:
        return np.square(a)
    return +a if type(b) is float and b == 1.0 else np.power(a, b)


# Structure


def _sizes(shape: Array) -> tuple[int, ...]:
    return tuple([int(size) for size in np.ravel(shape)])


def _index(x: Array, *items: Array) -> Array:
    return np.asarray(x)[_items(items)]


def _items(items: tuple[Array, ...]) -> tuple[Any, ...]:
    return tuple([slice_of(item) if np.ndim(item) else int(item) for item in items])


def _place(g: Array, shape: Array, *items: Array) -> Array:
    made = np.zeros(_sizes(shape))
    made[_items(items)] = g
    return made


def _transpose(x: Array) -> Array:
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


def _expand(x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, _sizes(shape))


def _spread(x: Array, axis: float, shape: Array) -> Array:
    """What was gathered along the axis, repeated along it."""
    along = axis_of(axis)
    return np.broadcast_to(x if along is None else np.expand_dims(x, along), _sizes(shape))


ARRAY_KERNELS: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "pow": _pow,
    "sqrt": _root,
    "cbrt": _cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "copysign": np.copysign,
    "max": _max,
    "min": _min,
    "lt": _relation(np.less),
    "le": _relation(np.less_equal),
    "gt": _relation(np.greater),
    "ge": _relation(np.greater_equal),
    "eq": _relation(np.equal),
    "ne": _relation(np.not_equal),
    "and": _relation(np.logical_and),
    "or": _relation(np.logical_or),
    "not": _relation(np.logical_not),
    "select": lambda c, a, b: np.where(np.not_equal(c, 0.0), a, b),
    # On arrays as a whole.
    "stack": lambda *x: np.stack(x),
    "index": _index,
    "place": _place,
    "slice": lambda *bounds: np.array(bounds, dtype=float),
    "shape": lambda x: np.array(np.shape(x), dtype=float),
    "zeros_like": lambda x: np.zeros(np.shape(x)),
    "transpose": _transpose,
    "reshape": lambda x, shape: np.reshape(x, _sizes(shape)),
    "expand": _expand,
    "spread": _spread,
    **LAYOUT_KERNELS,
    **REDUCTION_KERNELS,
    **MATRIX_KERNELS,
}


@functools.cache
def kernel(name: str) -> Callable[..., Array] | None:
    """The kernel of this name; ours for numbers, entry by entry, where NumPy has none. None for a formula."""
    if name in ARRAY_KERNELS:
        return ARRAY_KERNELS[name]
    if name in FLOAT_KERNELS:
        return np.vectorize(FLOAT_KERNELS[name], otypes=[float])
    return None
