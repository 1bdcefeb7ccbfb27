"""The kernels of what gathers an array along an axis, and of softmax and its family.

All of them turn the axis to the end first: there NumPy adds in pairs, where along another axis it adds one by one and
loses a hundred times as many digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = Any


def axis_of(axis: float) -> int | None:
    """A static axis as NumPy has it; None for all."""
    return None if math.isinf(axis) else int(axis)


def _rows(x: Array, axis: float) -> Array:
    """The array with what is gathered along its last axis."""
    x, along = np.asarray(x, dtype=float), axis_of(axis)
    return x.reshape(-1) if along is None else np.ascontiguousarray(np.moveaxis(x, along, -1))


def _like(rows: Array, x: Array, axis: float) -> Array:
    """Such rows, turned back to the array that they were made of."""
    along = axis_of(axis)
    return np.reshape(rows, np.shape(x)) if along is None else np.moveaxis(rows, -1, along)


def _gathering(function: Callable[[Array], Array]) -> Callable[[Array, float], Array]:
    """A function of rows that makes a number of each."""
    return lambda x, axis: function(_rows(x, axis))


def _rowwise(function: Callable[[Array], Array]) -> Callable[[Array, float], Array]:
    """A function of rows that makes a row of each."""
    return lambda x, axis: _like(function(_rows(x, axis)), x, axis)


# Sums


def _added(rows: Array) -> Array:
    return np.add.reduce(rows, axis=-1)


def _averaged(rows: Array) -> Array:
    return _added(rows) / rows.shape[-1]


def collapse(x: Array, shape: Array) -> Array:
    """The sum over what `expand` repeats."""
    x, sizes = np.asarray(x, dtype=float), tuple([int(size) for size in np.ravel(shape)])
    before = np.ndim(x) - len(sizes)
    summed = [
        *range(before),
        *[before + k for k, size in enumerate(sizes) if size == 1 and np.shape(x)[before + k] != 1],
    ]
    if not summed:
        return x.reshape(sizes)
    kept = [k for k in range(x.ndim) if k not in summed]
    turned = np.transpose(x, (*kept, *summed))
    count = math.prod([x.shape[k] for k in summed])
    return _added(np.ascontiguousarray(turned.reshape(*turned.shape[: len(kept)], count))).reshape(sizes)


def _deviation(rows: Array) -> Array:
    d = rows - _averaged(rows)[..., None]
    # What the mean was rounded by is the mean of what is left.
    return d - _averaged(d)[..., None]


def _variance(rows: Array) -> Array:
    return _averaged(_deviation(rows) ** 2)


def _norm(rows: Array) -> Array:
    """The root of the sum of squares, scaled by a power of 2 so that no square overflows or vanishes."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    exponent = np.where(np.isfinite(largest), np.frexp(largest)[1], 0)
    scaled = np.ldexp(rows, -exponent[..., None])
    found = np.ldexp(np.sqrt(_added(scaled * scaled)), exponent)
    return np.where(np.isinf(largest), largest, found)


def _cumsum(x: Array, axis: float) -> Array:
    return np.cumsum(x, axis=axis_of(axis))


def _cumsum_back(x: Array, axis: float) -> Array:
    along = axis_of(axis)
    return np.flip(np.cumsum(np.flip(x, along), axis=along), along)


# Largest and smallest


def _maximum(rows: Array) -> Array:
    return np.max(rows, axis=-1, initial=-math.inf)


def _minimum(rows: Array) -> Array:
    return np.min(rows, axis=-1, initial=math.inf)


# Softmax


def _below(rows: Array) -> tuple[Array, Array, Array]:
    """How far every entry is below the largest, the rounding of that, and its exponential with every digit.

    The exponential multiplies the rounding of the difference by the difference: at -700 by a few hundred.
    """
    top = _maximum(rows)[..., None]
    d = rows - top
    b = d - rows
    lost = (rows - (d - b)) - (top + b)
    lost = np.where(np.isfinite(lost), lost, 0.0)
    e = np.exp(d)
    return d, lost, e + e * lost


def _parts(rows: Array) -> tuple[Array, Array, Array, Array, Array]:
    """As `_below`, with how many entries are the largest, and the sum of the exponentials of the others."""
    d, lost, e = _below(rows)
    top = d == 0.0
    return d, lost, e, _added(top * 1.0)[..., None], _added(np.where(top, 0.0, e))[..., None]


def _softmax(rows: Array) -> Array:
    _, _, e, count, others = _parts(rows)
    return e / (count + others)


def _dominates(d: Array, count: Array, others: Array) -> Array:
    return (d == 0.0) & (count == 1.0) & (others < 1.0)


def _dominant(rows: Array) -> Array:
    """1 at the entry that softmax gives more than a half, elsewhere 0."""
    d, _, _, count, others = _parts(rows)
    return _dominates(d, count, others) * 1.0


def _softmax_rest(rows: Array) -> Array:
    """Softmax less `_dominant`: what the dominant entry lacks to 1 has every digit."""
    d, _, e, count, others = _parts(rows)
    return np.where(_dominates(d, count, others), -others, e) / (count + others)


def _log_softmax(rows: Array) -> Array:
    d, lost, _, count, others = _parts(rows)
    return (d - np.log1p((count - 1.0) + others)) + lost


def _logsumexp(rows: Array) -> Array:
    _, _, _, count, others = _parts(rows)
    found = _maximum(rows) + np.log1p((count - 1.0) + others)[..., 0]
    return np.where(np.isinf(_maximum(rows)), _maximum(rows), found)


# Products: a tree over each row, so that a product of many factors loses no more digits than one of two. A number is
# held as a sum of two and a power of 2, so that nothing overflows on the way.

_Scaled = tuple[Array, Array, Array]


def _scaled(x: Array) -> _Scaled:
    high, exponent = np.frexp(x)
    return high, np.zeros_like(high), exponent


def _halves(x: Array) -> tuple[Array, Array]:
    t = x * 134217729.0
    high = t - (t - x)
    return high, x - high


def _times(a: _Scaled, b: _Scaled) -> _Scaled:
    """The product, good to twice a double's digits (Dekker 1971)."""
    p = a[0] * b[0]
    (a1, a2), (b1, b2) = _halves(a[0]), _halves(b[0])
    lost = ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2
    low = lost + (a[0] * b[1] + a[1] * b[0])
    high = p + low
    mantissa, exponent = np.frexp(high)
    return mantissa, np.ldexp(low - (high - p), -exponent), a[2] + b[2] + exponent


def _number(a: _Scaled) -> Array:
    return np.ldexp(a[0] + a[1], a[2])


def _split(a: _Scaled) -> tuple[_Scaled, _Scaled]:
    """Every second factor, and the others."""
    return (a[0][..., 0::2], a[1][..., 0::2], a[2][..., 0::2]), (a[0][..., 1::2], a[1][..., 1::2], a[2][..., 1::2])


def _joined(a: Array, b: Array) -> Array:
    """Two arrays, taking turns along the last axis."""
    return np.stack([a, b], axis=-1).reshape(*a.shape[:-1], 2 * a.shape[-1])


def _padded(rows: Array, filled: float) -> Array:
    """The rows, as long as the next power of 2."""
    count = rows.shape[-1]
    longer = 1 << max(count - 1, 0).bit_length()
    widths = [(0, 0)] * (rows.ndim - 1) + [(0, longer - count)]
    return np.pad(rows, widths, constant_values=filled)


def _levels(rows: Array) -> list[_Scaled]:
    """The products of pairs, of pairs of pairs and so on; the last is that of all."""
    levels = [_scaled(_padded(rows, 1.0))]
    while levels[-1][0].shape[-1] > 1:
        levels.append(_times(*_split(levels[-1])))
    return levels


def _product(rows: Array) -> Array:
    found = _number(_levels(rows)[-1])[..., 0]
    return np.where(np.isfinite(rows).all(axis=-1), found, np.multiply.reduce(rows, axis=-1))


def _others(rows: Array) -> Array:
    """For every entry the product of the others: down the tree, with what stands beside each branch."""
    levels = _levels(rows)
    outside: _Scaled = _scaled(np.ones_like(levels[-1][0]))
    for level in reversed(levels[:-1]):
        left, right = _split(level)
        first, second = _times(outside, right), _times(outside, left)
        outside = (_joined(first[0], second[0]), _joined(first[1], second[1]), _joined(first[2], second[2]))
    return _number(outside)[..., : rows.shape[-1]]


def prod_slope(x: Array, axis: float, *directions: Array) -> Array:
    """The derivative of `others` along these directions.

    For every entry it is the sum, over all choices of as many others as there are directions, of the directions'
    entries there times the product of the rest.
    """
    rows = _rows(x, axis)
    shape = np.shape(x)
    leaves = [_padded(rows, 1.0), *[_padded(_rows(np.broadcast_to(d, shape), axis), 0.0) for d in directions]]
    nothing = np.zeros_like(leaves[0])
    whole = (1 << len(directions)) - 1
    # By set of directions, as bits: what the entries below a branch give where just these take one entry each.
    level = [leaves[0 if not used else used.bit_length()] if used & (used - 1) == 0 else nothing
             for used in range(whole + 1)]  # fmt: skip
    levels = [level]
    while level[0].shape[-1] > 1:
        level = _convolved([each[..., 0::2] for each in level], [each[..., 1::2] for each in level])
        levels.append(level)
    outside = [np.ones_like(level[0]), *[np.zeros_like(level[0])] * whole]
    for level in reversed(levels[:-1]):
        left, right = [each[..., 0::2] for each in level], [each[..., 1::2] for each in level]
        outside = list(map(_joined, _convolved(outside, right), _convolved(outside, left)))
    return _like(outside[whole][..., : rows.shape[-1]], x, axis)


def _convolved(a: Sequence[Array], b: Sequence[Array]) -> list[Array]:
    """By set of directions the sum over the ways to share them out between two branches."""
    found = []
    for used in range(len(a)):
        shares = [part for part in range(used + 1) if part & used == part]
        found.append(sum([a[part] * b[used ^ part] for part in shares[1:]], a[0] * b[used]))
    return found


# Classes


def one_hot(t: Array, count: float) -> Array:
    """1 at the class, 0 elsewhere; nan where there is no such class."""
    t = np.asarray(t, dtype=float)[..., None]
    places = np.arange(int(count), dtype=float)
    known = (t >= 0.0) & (t < count) & (t == np.floor(t))
    return np.where(known, (t == places) * 1.0, math.nan)


REDUCTION_KERNELS: dict[str, Callable[..., Array]] = {
    "sum": _gathering(_added),
    "mean": _gathering(_averaged),
    "collapse": collapse,
    "prod": _gathering(_product),
    "others": _rowwise(_others),
    "prod_slope": prod_slope,
    "max_over": _gathering(_maximum),
    "min_over": _gathering(_minimum),
    "deviation": _rowwise(_deviation),
    "var": _gathering(_variance),
    "norm": lambda x, p, axis: _norm(_rows(x, axis)),
    "cumsum": _cumsum,
    "cumsum_back": _cumsum_back,
    "dominant": _rowwise(_dominant),
    "softmax": _rowwise(_softmax),
    "softmax_rest": _rowwise(_softmax_rest),
    "log_softmax": _rowwise(_log_softmax),
    "logsumexp": _gathering(_logsumexp),
    "one_hot": one_hot,
}
"""By the names that the table of primitives uses."""
