"""Shapes as values: interpreting a graph checks that its arrays fit, before anything is computed.

Numbers that shapes depend on (an axis, an index, a size) are known here, and worked out as far as they are constant.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.errors import BackpropError
from backpropcli.graph import Literal
from backpropcli.records import NamedTuple

MAX_AXES = 32
"""The most axes that an array may have."""

Dims = tuple[int, ...]


class Shape(NamedTuple):
    """The sizes along the axes, and the value where it is a known number or list of numbers."""

    dims: Dims = ()
    known: Any = None

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.dims)


class ShapeError(BackpropError):
    """Arrays that do not fit; who knows the place adds it."""


def shown(dims: Dims) -> str:
    """A shape in words."""
    if not dims:
        return "a number"
    return f"shape ({dims[0]},)" if len(dims) == 1 else f"shape ({', '.join([str(size) for size in dims])})"


class Shapes:
    """What an operation makes of shapes. Raises ShapeError where they do not fit."""

    def constant(self, number: Literal) -> Shape:
        """A number, or an array that is written out."""
        return Shape(literal_dims(number), number)

    def function(self, op: str, count: int) -> Callable[..., Shape]:
        """The operation on shapes: its kernel's, its formula's, or broadcasting."""
        entry = primitives.TABLE[op]
        if not entry.array:
            return functools.partial(_elementwise, op)
        found = _kernels().get(entry.value)
        if found is not None:
            return found
        graph = rules.value(op, count)
        names = rules.arguments(entry, count)

        def apply(*shapes: Shape) -> Shape:
            return fold(graph, self, dict(zip(names, shapes, strict=True)))[graph.outputs[0]]

        return apply


def literal_dims(number: Literal) -> Dims:
    """The shape of a number or of nested tuples, which are all of one length at each depth."""
    dims: list[int] = []
    while isinstance(number, tuple):
        dims.append(len(number))
        if not number:
            break
        number = number[0]
    return tuple(dims)


def broadcast(*all_dims: Dims) -> Dims:
    """The shape that arrays of these shapes have together, as NumPy has it."""
    count = max([len(dims) for dims in all_dims])
    found = [1] * count
    for dims in all_dims:
        for k, size in enumerate(dims, count - len(dims)):
            if size != 1 and found[k] not in (1, size):
                raise _misfit(all_dims)
            if size != 1:
                found[k] = size
    return tuple(found)


def _misfit(all_dims: Sequence[Dims]) -> ShapeError:
    arrays = [shown(dims) for dims in dict.fromkeys(all_dims) if dims]
    return ShapeError(
        f"{' and '.join(arrays)} do not fit together entry by entry",
        hint="sizes are compared from the last axis on, and are to be equal, or 1",
    )


def _elementwise(op: str, *shapes: Shape) -> Shape:
    dims = broadcast(*[shape.dims for shape in shapes])
    if not dims and all([isinstance(shape.known, float) for shape in shapes]):
        return Shape((), float(Floats().function(op, len(shapes))(*[shape.known for shape in shapes])))
    return Shape(dims)


# What is static


def whole(shape: Shape, what: str) -> int:
    """A known whole number."""
    number = shape.known
    if not isinstance(number, float) or not number.is_integer() or abs(number) > 1e15:
        found = f"but this one is {number:.6g}" if isinstance(number, float) else "known before anything is computed"
        raise ShapeError(f"{what} is a whole number, {found}", hint=f"write {what} as a number, such as 1")
    return int(number)


def sizes(shape: Shape, what: str = "a size") -> Dims:
    """A known list of sizes; a number stands for a list of one."""
    numbers = shape.known if isinstance(shape.known, tuple) else (shape.known,)
    found = tuple([whole(Shape((), number), what) for number in numbers])
    if len(found) > MAX_AXES or any([size < 0 for size in found]):
        message = f"an array has at most {MAX_AXES} axes, and sizes from 0 on"
        raise ShapeError(message, hint="write a list, as in [2, 3]")
    return found


def along(x: Shape, axis: Shape) -> int | None:
    """The axis as its place from the front; None for all."""
    if isinstance(axis.known, float) and math.isinf(axis.known):
        return None
    found = whole(axis, "an axis")
    count = len(x.dims)
    if not -count <= found < count:
        axes = f"axes from 0 to {count - 1}" if count else "no axis"
        raise ShapeError(
            f"there is no axis {found}: {shown(x.dims)} has {axes}",
            hint="axis=0 runs down the rows, axis=-1 is the last",
        )
    return found % count


def without(x: Shape, axis: Shape) -> Dims:
    """The shape with the axis gone; with all gone where it stands for all."""
    k = along(x, axis)
    return () if k is None else (*x.dims[:k], *x.dims[k + 1 :])


def gathered(x: Shape, axis: Shape, *_: Shape) -> Shape:
    """What a reduction gives."""
    return Shape(without(x, axis))


# Kernels


def _stack(*x: Shape) -> Shape:
    if any([other.dims != x[0].dims for other in x]):
        found = next(other for other in x if other.dims != x[0].dims)
        raise ShapeError(
            f"the rows of an array are of one shape, but here are {shown(x[0].dims)} and {shown(found.dims)}",
            hint="give every row the same number of entries",
        )
    if len(x[0].dims) >= MAX_AXES:
        raise ShapeError(f"an array has at most {MAX_AXES} axes", hint="use fewer brackets")
    known = tuple([other.known for other in x])
    return Shape((len(x), *x[0].dims), None if None in known else known)


def _index(x: Shape, *items: Shape) -> Shape:
    if len(items) > len(x.dims):
        what = "a number has no entries" if not x.dims else f"{shown(x.dims)} has {len(x.dims)}"
        raise ShapeError(
            f"{len(items)} {'index is' if len(items) == 1 else 'indices are'} given, but {what}",
            hint=f"give {len(x.dims)} at most" if x.dims else "leave out the index, or give an array as in [1, 2, 3]",
        )
    dims: list[int] = []
    for size, item in zip(x.dims, items, strict=False):
        if isinstance(item.known, tuple):
            dims.append(len(range(*slice_of(item.known).indices(size))))
            continue
        k = whole(item, "an index")
        if not -size <= k < size:
            raise ShapeError(
                f"there is no entry {k}: this axis has {size}",
                hint=f"entries are counted from 0 to {size - 1}, or from -1 back" if size else "it is empty",
            )
    dims += x.dims[len(items) :]
    known = x.known
    if isinstance(known, tuple) and len(items) == 1:
        picked = items[0].known
        return Shape(tuple(dims), known[slice_of(picked) if isinstance(picked, tuple) else int(picked)])
    return Shape(tuple(dims))


def _slice(start: Shape, stop: Shape, step: Shape) -> Shape:
    bounds = [
        None if isinstance(bound.known, float) and math.isinf(bound.known) else whole(bound, "a bound")
        for bound in (start, stop, step)
    ]
    if bounds[2] == 0:
        raise ShapeError("the step of a slice is 0", hint="write 1, or -1 to go back")
    return Shape((3,), tuple([math.inf if bound is None else float(bound) for bound in bounds]))


def slice_of(bounds: Sequence[float]) -> slice:
    """The slice that a triple of bounds stands for in an index; what is infinite is left out."""
    return slice(*[None if math.isinf(bound) else int(bound) for bound in bounds])


def _transpose(x: Shape) -> Shape:
    return Shape((*x.dims[:-2], x.dims[-1], x.dims[-2])) if len(x.dims) > 1 else Shape(x.dims)


def _reshape(x: Shape, shape: Shape) -> Shape:
    dims = sizes(shape)
    if math.prod(dims) != x.size:
        raise ShapeError(
            f"{shown(x.dims)} has {x.size} entries, and {shown(dims)} would have {math.prod(dims)}",
            hint="a new shape keeps the number of entries",
        )
    return Shape(dims)


def _expand(x: Shape, shape: Shape) -> Shape:
    dims = sizes(shape)
    if broadcast(x.dims, dims) != dims:
        raise ShapeError(f"{shown(x.dims)} cannot be repeated to {shown(dims)}")
    return Shape(dims)


SHAPE_KERNELS: dict[str, Callable[..., Shape]] = {
    "stack": _stack,
    "index": _index,
    "place": lambda x, shape, *items: Shape(sizes(shape)),
    "slice": _slice,
    "shape": lambda x: Shape((len(x.dims),), tuple([float(size) for size in x.dims])),
    "zeros_like": lambda x: Shape(x.dims),
    "transpose": _transpose,
    "reshape": _reshape,
    "expand": _expand,
    "collapse": lambda x, shape: Shape(sizes(shape)),
    "spread": lambda x, axis, shape: Shape(sizes(shape)),
    "sum": gathered,
}
"""The kernels of operations on arrays, by the names that the table of primitives uses."""


@functools.cache
def _kernels() -> dict[str, Callable[..., Shape]]:
    from backpropcli.algebras.layout_shapes import LAYOUT_SHAPES
    from backpropcli.algebras.matrix_shapes import MATRIX_SHAPES
    from backpropcli.algebras.reduction_shapes import REDUCTION_SHAPES

    return {**SHAPE_KERNELS, **LAYOUT_SHAPES, **REDUCTION_SHAPES, **MATRIX_SHAPES}
