"""The kernels of what arrays are joined, repeated and made from scratch by."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any


def _sizes(shape: Array) -> tuple[int, ...]:
    return tuple([int(size) for size in np.ravel(shape)])


def _all_sizes(*sizes: Array) -> tuple[int, ...]:
    """Sizes that are given one by one, or as one list."""
    return _sizes(sizes[0]) if len(sizes) == 1 else _sizes(sizes)


def _concat(axis: float, *x: Array) -> Array:
    return np.concatenate([np.atleast_1d(each) for each in x], axis=int(axis))


def _reach(axis: float, k: float, x: Sequence[Array]) -> tuple[slice, ...]:
    """Where the k-th of the arrays stands among all of them."""
    joined = [np.atleast_1d(each) for each in x]
    along = int(axis) % joined[0].ndim
    ends = np.cumsum([each.shape[along] for each in joined])
    place = int(k)
    stop = int(ends[place])
    return (*[slice(None)] * along, slice(stop - joined[place].shape[along], stop))


def _share(g: Array, axis: float, k: float, *x: Array) -> Array:
    return np.asarray(g)[_reach(axis, k, x)].reshape(np.shape(x[int(k)]))


def _share_back(g: Array, axis: float, k: float, *x: Array) -> Array:
    made = np.zeros_like(_concat(axis, *x), dtype=float)
    place = _reach(axis, k, x)
    made[place] = np.reshape(g, made[place].shape)
    return made


def _repeat(x: Array, n: float, axis: float) -> Array:
    return np.repeat(np.atleast_1d(x), int(n), axis=int(axis))


def _repeat_back(g: Array, n: float, axis: float, shape: Array) -> Array:
    sizes = _sizes(shape) or (1,)
    along = int(axis) % len(sizes)
    split = np.reshape(g, (*sizes[: along + 1], int(n), *sizes[along + 1 :]))
    return np.sum(split, axis=along + 1).reshape(_sizes(shape))


def _tile(x: Array, n: Array) -> Array:
    return np.tile(x, _sizes(n))


def _tile_back(g: Array, n: Array, shape: Array) -> Array:
    times, sizes = _sizes(n), _sizes(shape)
    axes = max(len(times), len(sizes))
    times, sizes = (1,) * (axes - len(times)) + times, (1,) * (axes - len(sizes)) + sizes
    split = np.reshape(g, [size for pair in zip(times, sizes, strict=True) for size in pair])
    return np.sum(split, axis=tuple(range(0, 2 * axes, 2))).reshape(_sizes(shape))


def _arange(*bounds: float) -> Array:
    start, stop, step = (*((0.0,) if len(bounds) == 1 else ()), *bounds, 1.0)[:3]
    return start + np.arange(steps(start, stop, step)) * step


def steps(start: float, stop: float, step: float) -> int:
    """How many numbers there are from start on before stop."""
    return max(math.ceil((stop - start) / step), 0)


LAYOUT_KERNELS: dict[str, Callable[..., Array]] = {
    "size": lambda x, axis: float(np.size(x) if math.isinf(axis) else np.shape(x)[int(axis)]),
    "concat": lambda *x: _concat(0.0, *x),
    "concat_along": _concat,
    "share": _share,
    "share_back": _share_back,
    "repeat": _repeat,
    "repeat_back": _repeat_back,
    "tile": _tile,
    "tile_back": _tile_back,
    "zeros": lambda *s: np.zeros(_all_sizes(*s)),
    "ones": lambda *s: np.ones(_all_sizes(*s)),
    "eye": lambda n: np.eye(int(n)),
    "arange": _arange,
    "linspace": lambda a, b, n: np.linspace(a, b, int(n)),
}
"""By the names that the table of primitives uses."""
