"""The shapes of matrices, convolutions and windows: what fits, and what is said where it does not."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from backpropcli.algebras.shapes import Dims, Shape, ShapeError, broadcast, shown, sizes


def _matmul(a: Shape, b: Shape) -> Shape:
    if not a.dims or not b.dims:
        raise ShapeError("@ is the product of vectors and matrices, and here is a number", hint="write * for numbers")
    inner, other = a.dims[-1], b.dims[0] if len(b.dims) == 1 else b.dims[-2]
    if inner != other:
        raise ShapeError(
            f"{shown(a.dims)} @ {shown(b.dims)} do not fit: {inner} columns on the left, {other} rows on the right",
            hint="transpose one of them, as in A' @ B" if other in a.dims or inner in b.dims else None,
        )
    if len(a.dims) == 1 or len(b.dims) == 1:
        return Shape((*a.dims[:-1], *(b.dims[:-2] + b.dims[-1:] if len(b.dims) > 1 else ())))
    return Shape((*_stacks("@", a.dims, b.dims), a.dims[-2], b.dims[-1]))


def _stacks(name: str, a: Dims, b: Dims) -> Dims:
    """The leading axes that stacks of matrices have together."""
    try:
        return broadcast(a[:-2], b[:-2])
    except ShapeError as problem:
        raise ShapeError(
            f"the stacks of matrices of {shown(a)} and {shown(b)} do not fit together in {name}",
            hint="the axes before the last two are to be equal, or 1",
        ) from problem


def _outer(a: Shape, b: Shape) -> Shape:
    for x in (a, b):
        if len(x.dims) != 1:
            raise ShapeError(
                f"outer(a, b) takes two vectors, but here are {shown(a.dims)} and {shown(b.dims)}",
                hint="write a[:, 0] for a column of a matrix, or a * b for numbers",
            )
    return Shape((*a.dims, *b.dims))


def _square(name: str, a: Shape) -> Dims:
    """The shape of a square matrix, or of a stack of such."""
    if len(a.dims) < 2:
        raise ShapeError(f"{name} takes a matrix, but here is {_a(a.dims)}", hint="write a matrix as in [1, 2; 3, 4]")
    if a.dims[-1] != a.dims[-2]:
        raise ShapeError(
            f"{name} takes a square matrix, but {shown(a.dims)} has {a.dims[-2]} rows and {a.dims[-1]} columns",
            hint="A' @ A and A @ A' are square",
        )
    return a.dims


def _a(dims: Dims) -> str:
    return f"a vector of {shown(dims)}" if dims else shown(dims)


def _kept(name: str, a: Shape, *_: Shape) -> Shape:
    return Shape(_square(name, a))


def _per_matrix(name: str, a: Shape) -> Shape:
    return Shape(_square(name, a)[:-2])


def _solve(a: Shape, b: Shape) -> Shape:
    dims = _square("solve(A, b)", a)
    if not b.dims:
        raise ShapeError("solve(A, b) takes a vector or a matrix b, but here is a number")
    rows = b.dims[0] if len(b.dims) == 1 else b.dims[-2]
    if rows != dims[-1]:
        raise ShapeError(
            f"solve(A, b) takes a b with as many rows as A, but A has {shown(dims)} and b {shown(b.dims)}",
            hint="transpose b" if dims[-1] in b.dims else None,
        )
    if len(b.dims) == 1:
        return Shape(dims[:-1])
    return Shape((*_stacks("solve(A, b)", dims, b.dims), *b.dims[-2:]))


def _diag(x: Shape) -> Shape:
    if not x.dims:
        raise ShapeError("diag(x) takes a vector or a matrix, but here is a number")
    if len(x.dims) == 1:
        return Shape((*x.dims, *x.dims))
    return Shape((*x.dims[:-2], min(x.dims[-2:])))


def _minors(a: Shape) -> Shape:
    *stack, n = _square("minors(a)", a)[:-1]
    return Shape((*stack, n, n, max(n - 1, 0), max(n - 1, 0)))


# Convolutions


def _each_axis(given: Shape, axes: int, what: str, least: int) -> Dims:
    """A whole number an axis, from one for all of them or from a list."""
    found = sizes(given, what)
    if len(found) not in (1, axes):
        raise ShapeError(
            f"{what} is one number, or a list of {axes}, but here are {len(found)}",
            hint=f"write {what} as in 2 or [2, 2]",
        )
    if min(found) < least:
        raise ShapeError(f"{what} is a whole number from {least} on, but here is {min(found)}")
    return found if len(found) == axes else found * axes


# How the shapes of x and of w are written: without channels, and with them.
_FORMS = {
    1: ("(n,), (channels, n) or (batch, channels, n)", "(k,)", "(out, channels, k)"),
    2: ("(h, w), (channels, h, w) or (batch, channels, h, w)", "(kh, kw)", "(out, channels, kh, kw)"),
}


def _convolution(axes: int, x: Shape, w: Shape, stride: Shape, padding: Shape) -> Shape:
    name = f"conv{axes}d(x, w)"
    signals, plain, filters = _FORMS[axes]
    channels = len(x.dims) > axes
    if not axes <= len(x.dims) <= axes + 2:
        raise ShapeError(f"{name} takes an x of shape {signals}, but here is {shown(x.dims)}")
    if len(w.dims) != (axes + 2 if channels else axes):
        form = filters if channels else plain
        raise ShapeError(f"{name} with an x of {shown(x.dims)} takes a w of shape {form}, but here is {shown(w.dims)}")
    if channels and x.dims[-axes - 1] != w.dims[1]:
        raise ShapeError(
            f"{name} takes as many channels in w as in x, but x of {shown(x.dims)} has {x.dims[-axes - 1]}"
            f" and w of {shown(w.dims)} has {w.dims[1]}",
            hint=f"w is {filters}",
        )
    steps = _each_axis(stride, axes, "stride", 1)
    widths = _each_axis(padding, axes, "padding", 0)
    wide = tuple([size + 2 * width for size, width in zip(x.dims[-axes:], widths, strict=True)])
    moved = _moved(name, f"w of {shown(w.dims)}", x.dims, wide, w.dims[-axes:], steps)
    return Shape((*x.dims[: -axes - 1], *w.dims[:1], *moved) if channels else moved)


def _moved(name: str, window: str, x: Dims, wide: Dims, size: Dims, steps: Dims) -> Dims:
    """At how many places a window of this size stands in an array of these last axes."""
    if min(size) < 1:
        raise ShapeError(f"in {name} {window} is empty", hint="give it one entry at least")
    if any([n > m for n, m in zip(size, wide, strict=True)]):
        padded = f", {shown(wide)} with its padding" if wide != x[len(x) - len(wide) :] else ""
        raise ShapeError(
            f"in {name} {window} is larger than x of {shown(x)}{padded}", hint="make it smaller, or x larger"
        )
    return tuple([(m - n) // step + 1 for m, n, step in zip(wide, size, steps, strict=True)])


# Windows


def _windows(name: str, x: Shape, size: Shape, stride: Shape) -> tuple[Dims, Dims]:
    """The shape with as many places as a window has, and the window's size."""
    window = sizes(size, "size")
    if not isinstance(size.known, tuple):
        # One number is for images: for both of the last two axes, where there are two.
        window = window * min(max(len(x.dims), 1), 2)
    axes = len(window)
    if axes == 0 or min(window) < 1:
        raise ShapeError(f"{name} takes a size from 1 on, but here is {_listed(window)}", hint="write 2, or [2, 2]")
    if axes > len(x.dims):
        raise ShapeError(
            f"{name} with a size of {axes} {'axis' if axes == 1 else 'axes'} does not fit {_a(x.dims)}",
            hint="the size is a number for images and vectors, or a list for the last axes",
        )
    own = isinstance(stride.known, float) and math.isinf(stride.known)
    steps = window if own else _each_axis(stride, axes, "stride", 1)
    places = x.dims[len(x.dims) - axes :]
    moved = _moved(name, f"the window of {shown(window)}", x.dims, places, window, steps)
    return (*x.dims[: len(x.dims) - axes], *moved), window


def _listed(numbers: Dims) -> str:
    return f"[{', '.join([str(number) for number in numbers])}]"


def _pool(name: str, x: Shape, size: Shape, stride: Shape) -> Shape:
    return Shape(_windows(f"{name}(x, size)", x, size, stride)[0])


def _all_windows(x: Shape, size: Shape, stride: Shape) -> Shape:
    dims, window = _windows("windows(x, size)", x, size, stride)
    return Shape((*dims, math.prod(window)))


def _unwindowed(c: Shape, shape: Shape, size: Shape, stride: Shape) -> Shape:
    made = Shape(sizes(shape))
    wanted = _all_windows(made, size, stride).dims
    if c.dims != wanted:
        raise ShapeError(f"unwindows(c, s, size) takes a c of shape {shown(wanted)}, but here is {shown(c.dims)}")
    return made


MATRIX_SHAPES: dict[str, Callable[..., Shape]] = {
    "matmul": _matmul,
    "outer": _outer,
    "scaled": lambda a, c: Shape(a.dims),
    "trace": functools.partial(_per_matrix, "trace(A)"),
    "diag": _diag,
    "undiag": lambda x, shape: Shape(sizes(shape)),
    "det": functools.partial(_per_matrix, "det(A)"),
    "logdet": functools.partial(_per_matrix, "logdet(A)"),
    "cofactor": functools.partial(_kept, "cofactor(A)"),
    "cofactor_slope": functools.partial(_kept, "cofactor_slope(A, D)"),
    "minors": _minors,
    "from_minors": lambda c: Shape(c.dims[:-2]),
    "inv": functools.partial(_kept, "inv(A)"),
    "solve": _solve,
    "cholesky": functools.partial(_kept, "cholesky(A)"),
    "lower_half": lambda x: Shape(x.dims),
    "symmetric": lambda x: Shape(x.dims),
    "regular": functools.partial(_per_matrix, "inv(A)"),
    "positive_definite": functools.partial(_per_matrix, "cholesky(A)"),
    "conv1d": functools.partial(_convolution, 1),
    "conv1d_inputs": lambda c, w, shape, stride, padding: Shape(sizes(shape)),
    "conv1d_weights": lambda x, c, shape, stride, padding: Shape(sizes(shape)),
    "conv2d": functools.partial(_convolution, 2),
    "conv2d_inputs": lambda c, w, shape, stride, padding: Shape(sizes(shape)),
    "conv2d_weights": lambda x, c, shape, stride, padding: Shape(sizes(shape)),
    "windows": _all_windows,
    "unwindows": _unwindowed,
    "maxpool": functools.partial(_pool, "maxpool"),
    "avgpool": functools.partial(_pool, "avgpool"),
}
"""By the names that the table of primitives uses."""
