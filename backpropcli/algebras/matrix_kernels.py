"""The kernels of matrices, convolutions and windows. They never raise: what has no value is nan.

Of stacks every matrix is treated by itself. Matrices of up to three rows are worked out by their cofactors, which are
right to the last places where elimination leaves 1e-16 instead of 0; larger ones by NumPy's LAPACK.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = Any

_EPSILON = float(np.finfo(float).eps)

# Products of three entries in this range neither overflow nor lose their last digits.
_LEAST, _MOST = 1e-70, 1e70


def _each(function: Callable[[Array], Array], a: Array, otherwise: Callable[[Array], Array]) -> Array:
    """The function of a stack of matrices; matrix by matrix where NumPy refuses one of them for what it holds."""
    try:
        return function(a)
    except np.linalg.LinAlgError:
        if a.ndim == 2:
            return otherwise(a)
    flat = a.reshape(-1, *a.shape[-2:])
    found = np.stack([_each(function, one, otherwise) for one in flat])
    return found.reshape(*a.shape[:-2], *found.shape[1:])


def _undefined(a: Array) -> Array:
    return np.full(a.shape, np.nan)


def _swapped(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def _per_matrix(numbers: Array) -> Array:
    """Numbers, one a matrix, as what broadcasts over the entries."""
    return np.asarray(numbers)[..., None, None]


# Determinants, and what they are made of


def _halves(x: Array) -> tuple[Array, Array]:
    """The number as a sum of two whose products are exact (Veltkamp)."""
    t = x * 134217729.0
    high = t - (t - x)
    return high, x - high


def _crossed(a: Array, b: Array, c: Array, d: Array) -> Array:
    """a*b - c*d, right to two units where nothing overflows (Kahan, with Dekker's products)."""
    p, q = a * b, c * d
    (a1, a2), (b1, b2), (c1, c2), (d1, d2) = _halves(a), _halves(b), _halves(c), _halves(d)
    lost = (((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2) - (((c1 * d1 - q) + c1 * d2 + c2 * d1) + c2 * d2)
    return (p - q) + np.where(np.isfinite(lost), lost, 0.0)


def _cross(a: Array, b: Array) -> Array:
    """The cross products of the rows."""
    return np.stack(
        [
            _crossed(a[..., (k + 1) % 3], b[..., (k + 2) % 3], a[..., (k + 2) % 3], b[..., (k + 1) % 3])
            for k in range(3)
        ],
        axis=-1,
    )


def _tame(a: Array) -> Array:
    """Of each matrix whether its entries are of a size that may be multiplied."""
    size = np.abs(a)
    return np.all((size == 0.0) | (size >= _LEAST) & (size <= _MOST), axis=(-1, -2))


def _whole(a: Array) -> Array:
    """Of each matrix whether its entries are whole numbers, small enough that a determinant is right to 1/100."""
    n = a.shape[-1]
    bound = np.prod(np.maximum(np.sqrt(np.sum(a * a, axis=-1)), 1.0), axis=-1)
    largest = np.max(np.abs(a), axis=(-1, -2), initial=1.0)
    return np.all(a == np.rint(a), axis=(-1, -2)) & (_EPSILON * n**3 * largest * bound < 0.01)


def det(a: Array) -> Array:
    """The determinant of each matrix; of whole numbers it is one."""
    a = np.asarray(a)
    n = a.shape[-1]
    if n == 0:
        return np.ones(a.shape[:-2])
    if n == 1:
        return a[..., 0, 0] + 0.0
    if n == 2:
        return _crossed(a[..., 0, 0], a[..., 1, 1], a[..., 0, 1], a[..., 1, 0])
    eliminated = np.linalg.det(a)
    if n == 3:
        return np.where(_tame(a), np.sum(a[..., 0, :] * _cross(a[..., 1, :], a[..., 2, :]), axis=-1), eliminated)
    return np.where(_whole(a), np.rint(eliminated), eliminated)


def logdet(a: Array) -> Array:
    """The logarithm of the determinant's size, which itself may be out of range; -inf for 0."""
    a = np.asarray(a)
    logarithm = np.linalg.slogdet(a)[1]
    if a.shape[-1] > 3:
        return logarithm
    return np.where(_tame(a), np.log(np.abs(det(a))), logarithm)


def cofactor(a: Array) -> Array:
    """The derivative of the determinant, the adjugate transposed: also where a matrix is singular."""
    a = np.asarray(a)
    n = a.shape[-1]
    if n < 2:
        return np.ones(a.shape)
    if n == 2:
        return a[..., ::-1, ::-1] * np.array([[1.0, -1.0], [-1.0, 1.0]]) + 0.0
    if n == 3:
        return np.stack([_cross(a[..., (k + 1) % 3, :], a[..., (k + 2) % 3, :]) for k in range(3)], axis=-2)
    u, s, v, sign = _decomposed(a)
    ones = np.ones((*s.shape[:-1], 1))
    before = np.concatenate([ones, np.cumprod(s, axis=-1)[..., :-1]], axis=-1)
    after = np.concatenate([ones, np.cumprod(s[..., ::-1], axis=-1)[..., :-1]], axis=-1)[..., ::-1]
    found = np.matmul(u * (before * after * sign)[..., None, :], v)
    return np.where(_per_matrix(_whole(a)), np.rint(found), found)


def cofactor_slope(a: Array, d: Array) -> Array:
    """How the cofactors move with the matrix: the second derivative of the determinant, applied to a direction."""
    a, d = np.asarray(a), np.asarray(d)
    n = a.shape[-1]
    if n < 2:
        return np.zeros(a.shape)
    if n == 2:
        return cofactor(d)
    if n == 3:
        after = [((k + 1) % 3, (k + 2) % 3) for k in range(3)]
        return np.stack(
            [_cross(a[..., i, :], d[..., j, :]) + _cross(d[..., i, :], a[..., j, :]) for i, j in after], axis=-2
        )
    # With E = U' d V, the terms of det(S + E) of second order are (E_ii E_jj - E_ij E_ji) times the other s.
    u, s, v, sign = _decomposed(a)
    others = _products_of_the_others(s) * sign[..., None]
    e = np.matmul(np.matmul(_swapped(u), d), _swapped(v))
    found = -others * _swapped(e)
    diagonal = np.einsum("...ii->...i", e)
    np.einsum("...ii->...i", found)[...] = np.einsum("...ij,...j->...i", others, diagonal)
    return np.matmul(np.matmul(u, found), v)


def _decomposed(a: Array) -> tuple[Array, Array, Array, Array]:
    """The singular value decomposition u s v, and the sign of det u det v (with a last axis of 1)."""

    def both(one: Array) -> Array:
        u, s, v = np.linalg.svd(one)
        return np.concatenate([u, s[..., None, :], v], axis=-2)

    n = a.shape[-1]
    found = _each(both, a, lambda one: np.full((2 * n + 1, n), np.nan))
    u, s, v = found[..., :n, :], found[..., n, :], found[..., n + 1 :, :]
    return u, s, v, np.rint(np.linalg.det(u) * np.linalg.det(v))[..., None]


def _products_of_the_others(s: Array) -> Array:
    """Entry (i, j): the product of all but the i-th and the j-th; 0 on the diagonal."""
    n = s.shape[-1]
    found = np.zeros((*s.shape[:-1], n, n))
    before = np.ones(s.shape[:-1])
    ones = np.ones((*s.shape[:-1], 1))
    after = np.concatenate([ones, np.cumprod(s[..., ::-1], axis=-1)], axis=-1)[..., ::-1]
    for i in range(n - 1):
        between = np.concatenate([ones, np.cumprod(s[..., i + 1 : -1], axis=-1)], axis=-1)
        found[..., i, i + 1 :] = found[..., i + 1 :, i] = before[..., None] * between * after[..., i + 2 :]
        before = before * s[..., i]
    return found


def _others(n: int) -> Array:
    """Row i: the indices but the i-th."""
    return np.array([[k for k in range(n) if k != i] for i in range(n)], dtype=int).reshape(n, max(n - 1, 0))


def _signed(n: int) -> Array:
    """What makes a minor's determinant the cofactor: a sign on its first row."""
    signs = np.ones((n, n, max(n - 1, 0), max(n - 1, 0)))
    places = np.arange(n)
    signs[(places[:, None] + places) % 2 == 1, :1, :] = -1.0
    return signs


def minors(a: Array) -> Array:
    """Of every entry the matrix without its row and column, the first row with the cofactor's sign."""
    a = np.asarray(a)
    rows = _others(a.shape[-1])
    return a[..., rows[:, None, :, None], rows[None, :, None, :]] * _signed(a.shape[-1])


def from_minors(c: Array) -> Array:
    """The transpose of `minors`: every entry added up from where it went."""
    c = np.asarray(c)
    n = c.shape[-4]
    rows = _others(n)
    found = np.zeros((*c.shape[:-4], n, n))
    signed = c * _signed(n)
    for i, j in itertools.product(range(n), repeat=2):
        found[..., rows[i][:, None], rows[j]] += signed[..., i, j, :, :]
    return found


# Inverses and solutions


def inv(a: Array) -> Array:
    """The inverse of each matrix; nan where there is none."""
    a = np.asarray(a)
    eliminated: Array = _each(np.linalg.inv, a, _undefined) + 0.0
    if not 0 < a.shape[-1] <= 3:
        return eliminated
    found = _per_matrix(det(a))
    return np.where(
        _per_matrix(_tame(a)), np.where(found == 0.0, np.nan, _swapped(cofactor(a)) / found + 0.0), eliminated
    )


def solve(a: Array, b: Array) -> Array:
    """What a gives b of: for a vector b one, for a matrix one a column."""
    a, b = np.asarray(a), np.asarray(b)
    if b.ndim == 1:
        return solve(a, b[:, None])[..., 0]
    n = a.shape[-1]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*batch, n, n)), np.broadcast_to(b, (*batch, *b.shape[-2:]))
    beside = np.concatenate([a, b], axis=-1)
    return _each(lambda one: np.linalg.solve(one[..., :n], one[..., n:]), beside, lambda one: _undefined(one[:, n:]))


def cholesky(a: Array) -> Array:
    """The lower triangle whose square is the symmetric part of the matrix; nan where that is not positive definite."""
    a = np.asarray(a)
    return _each(np.linalg.cholesky, a / 2.0 + _swapped(a) / 2.0, _undefined)


def regular(a: Array) -> Array:
    """1 where no matrix whose entries differ in their last digits is singular, else 0.

    The spectral radius of |A^-1| |A| is the least condition number that scaling rows and columns can give (Bauer 1963,
    Optimally scaled matrices); its reciprocal is about the relative change of the entries that makes A singular.
    """
    a = np.asarray(a)
    n = a.shape[-1]
    if n == 0:
        return np.ones(a.shape[:-2])
    product = np.matmul(np.abs(inv(a)), np.abs(a))
    finite = np.all(np.isfinite(product), axis=(-1, -2))
    sizes = _each(_eigenvalue_sizes, np.where(_per_matrix(finite), product, 0.0), lambda one: np.full(n, np.inf))
    condition = np.max(sizes, axis=-1)
    return (finite & (condition * (n * _EPSILON) < 1.0)) * 1.0


def _eigenvalue_sizes(a: Array) -> Array:
    return np.abs(np.linalg.eigvals(a))


def positive_definite(a: Array) -> Array:
    """1 where a matrix is symmetric and positive definite by more than its rounding, else 0."""
    a = np.asarray(a)
    n = a.shape[-1]
    alike = np.abs(a - _swapped(a)) <= 1e-8 * np.max(np.abs(a), axis=(-1, -2), initial=0.0, keepdims=True)
    pivots = np.einsum("...ii->...i", cholesky(a)) ** 2
    clear = pivots > n * _EPSILON * np.einsum("...ii->...i", a)
    return (np.all(alike, axis=(-1, -2)) & np.all(clear, axis=-1)) * 1.0


# Parts


def diag(x: Array) -> Array:
    """A vector on the diagonal of a matrix; of matrices the diagonals."""
    x = np.asarray(x)
    return np.diag(x) if x.ndim == 1 else np.diagonal(x, axis1=-2, axis2=-1)


def undiag(x: Array, shape: Array) -> Array:
    """The transpose of `diag`."""
    x, sizes = np.asarray(x), _sizes(shape)
    if len(sizes) == 1:
        return np.diagonal(x)
    found = np.zeros(sizes)
    places = np.arange(min(sizes[-2:]))
    found[..., places, places] = x
    return found


def lower_half(x: Array) -> Array:
    """The lower triangle, its diagonal halved."""
    return np.tril(x) * (1.0 - 0.5 * np.eye(np.shape(x)[-1]))


def symmetric(x: Array) -> Array:
    """The symmetric part."""
    return (x + _swapped(x)) / 2.0


def _sizes(shape: Array) -> tuple[int, ...]:
    return tuple([int(size) for size in np.ravel(shape)])


# Convolutions. Inside, x is (batch, channels, *places), w is (out, channels, *places).

_BLOCK = 1 << 25
"""The bytes of windows that are multiplied at once."""


def _each_axis(number: Array, axes: int) -> tuple[int, ...]:
    """A stride or padding, one an axis."""
    given = _sizes(number)
    return given * axes if len(given) == 1 else given


def _as_images(x: Array, axes: int) -> Array:
    x = np.asarray(x)
    return x.reshape((1,) * (axes + 2 - x.ndim) + x.shape)


def _windows(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """The windows along the last axes, as a view: (..., *places, *size)."""
    count = len(size)
    every: Array = sliding_window_view(x, size, axis=tuple(range(-count, 0)))
    steps = tuple([slice(None, None, step) for step in stride])
    return every[(..., *steps, *[slice(None)] * count)]


def _padded(x: Array, padding: tuple[int, ...]) -> Array:
    return np.pad(x, [(0, 0), (0, 0), *[(width, width) for width in padding]]) if any(padding) else x


def _blocks(windows: Array, axes: int) -> Iterator[tuple[slice, slice, slice]]:
    """Images and rows of places, so many that their windows do not take much memory."""
    batch, _, rows = windows.shape[:3]
    row = max(windows[:1, :, :1].size * 8, 1)
    many = max(_BLOCK // row, 1)
    for b in range(0, batch, max(many // max(rows, 1), 1)):
        for r in range(0, rows, many):
            yield slice(b, b + max(many // max(rows, 1), 1)), slice(None), slice(r, r + many)


def _convolution(axes: int) -> Callable[..., Array]:
    inner = tuple(range(axes + 2, 2 * axes + 2))

    def convolve(x: Array, w: Array, stride: Array, padding: Array) -> Array:
        w = np.asarray(w)
        images, filters = _as_images(x, axes), _as_images(w, axes)
        padded = _padded(images, _each_axis(padding, axes))
        windows = _windows(padded, filters.shape[2:], _each_axis(stride, axes))
        made = np.zeros((windows.shape[0], filters.shape[0], *windows.shape[2 : axes + 2]))
        for block in _blocks(windows, axes):
            product = np.tensordot(windows[block], filters, axes=((1, *inner), (1, *range(2, axes + 2))))
            made[block] = np.moveaxis(product, -1, 1)
        return made.reshape(made.shape[axes + 2 - np.ndim(x) if w.ndim > axes else 2 :])

    return convolve


def _convolution_inputs(axes: int) -> Callable[..., Array]:
    def spread(c: Array, w: Array, shape: Array, stride: Array, padding: Array) -> Array:
        sizes = _sizes(shape)
        # Channels last, so that a place in the filter is one product of matrices, over all places of all images.
        results, filters = np.moveaxis(_as_images(c, axes), 1, -1), _as_images(w, axes)
        rows = np.ascontiguousarray(results).reshape(math.prod(results.shape[:-1]), results.shape[-1])
        widths, steps = _each_axis(padding, axes), _each_axis(stride, axes)
        batch, channels, *places = (1,) * (axes + 2 - len(sizes)) + sizes
        padded = np.zeros((batch, *[n + 2 * width for n, width in zip(places, widths, strict=True)], channels))
        for place in np.ndindex(filters.shape[2:]):
            at = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(place, results.shape[1:-1], steps, strict=True)]
            part = np.matmul(rows, filters[(slice(None), slice(None), *place)])
            padded[(slice(None), *at)] += part.reshape(*results.shape[:-1], channels)
        kept = [slice(width, width + n) for n, width in zip(places, widths, strict=True)]
        return np.moveaxis(padded[(slice(None), *kept)], -1, 1).reshape(sizes)

    return spread


def _convolution_weights(axes: int) -> Callable[..., Array]:
    places = tuple(range(2, axes + 2))

    def gather(x: Array, c: Array, shape: Array, stride: Array, padding: Array) -> Array:
        sizes = _sizes(shape)
        images, results = _as_images(x, axes), _as_images(c, axes)
        padded = _padded(images, _each_axis(padding, axes))
        filters = (1,) * (axes + 2 - len(sizes)) + sizes
        windows = _windows(padded, filters[2:], _each_axis(stride, axes))
        made = np.zeros(filters)
        for block in _blocks(windows, axes):
            made += np.tensordot(results[block], windows[block], axes=((0, *places), (0, *places)))
        return made.reshape(sizes)

    return gather


# Windows


def _of_windows(size: Array, stride: Array, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of a window in an array of so many axes, and its strides: as far as it is large where none is given."""
    sizes = _sizes(size) if np.ndim(size) else _sizes(size) * min(axes, 2)
    given = np.ravel(stride)
    return sizes, sizes if any([math.isinf(step) for step in given]) else _each_axis(stride, len(sizes))


def windows(x: Array, size: Array, stride: Array) -> Array:
    """The entries of every window along the last axes, on one new last axis."""
    sizes, steps = _of_windows(size, stride, np.ndim(x))
    found = _windows(np.asarray(x), sizes, steps)
    return found.reshape(*found.shape[: found.ndim - len(sizes)], math.prod(sizes))


def unwindows(c: Array, shape: Array, size: Array, stride: Array) -> Array:
    """The transpose of `windows`: every entry added up from where it went."""
    c = np.asarray(c)
    sizes, steps = _of_windows(size, stride, len(_sizes(shape)))
    found: Array = np.zeros(_sizes(shape))
    counts = c.shape[-1 - len(sizes) : -1]
    for k, place in enumerate(np.ndindex(sizes)):
        at = [slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(place, counts, steps, strict=True)]
        found[(..., *at)] += c[..., k]
    return found


def _maxpool(x: Array, size: Array, stride: Array) -> Array:
    return np.max(windows(x, size, stride), axis=-1)


def _avgpool(x: Array, size: Array, stride: Array) -> Array:
    return np.mean(windows(x, size, stride), axis=-1)


MATRIX_KERNELS: dict[str, Callable[..., Array]] = {
    "matmul": np.matmul,
    "outer": np.multiply.outer,
    "scaled": lambda a, c: a * _per_matrix(c),
    "trace": lambda a: np.trace(a, axis1=-2, axis2=-1),
    "diag": diag,
    "undiag": undiag,
    "det": det,
    "logdet": logdet,
    "cofactor": cofactor,
    "cofactor_slope": cofactor_slope,
    "minors": minors,
    "from_minors": from_minors,
    "inv": inv,
    "solve": solve,
    "cholesky": cholesky,
    "lower_half": lower_half,
    "symmetric": symmetric,
    "regular": regular,
    "positive_definite": positive_definite,
    "conv1d": _convolution(1),
    "conv1d_inputs": _convolution_inputs(1),
    "conv1d_weights": _convolution_weights(1),
    "conv2d": _convolution(2),
    "conv2d_inputs": _convolution_inputs(2),
    "conv2d_weights": _convolution_weights(2),
    "windows": windows,
    "unwindows": unwindows,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
}
"""By the names that the table of primitives uses."""
