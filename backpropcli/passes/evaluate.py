"""Which algebra a point asks for: numbers where everything is one, else arrays, of a graph bound to their shapes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from backpropcli import primitives
from backpropcli.algebras.algebra import Algebra
from backpropcli.algebras.floats import Floats
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import STEP, Graph
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    from backpropcli.passes.bind import Bound

Value = Any
"""A float, or a NumPy array."""


class Setting(NamedTuple):
    """A graph with the algebra that it is evaluated in."""

    graph: Graph
    algebra: Algebra[Any]
    dims: list[tuple[int, ...]] | None
    """Of every node, its shape; None where everything is a number."""
    known: dict[object, Any]
    """What has been found out about the graph, whatever the point is: the groups of its Hessian's columns."""

    @property
    def arrays(self) -> bool:
        """Whether values are arrays."""
        return self.dims is not None

    def quietly(self) -> AbstractContextManager[object]:
        """What to compute under, so that infinities and nan come out as values."""
        if self.dims is None:
            return nullcontext()
        from backpropcli.algebras.arrays import quietly

        return _refusing(quietly())

    def inputs(self, point: Mapping[str, Value]) -> dict[str, Value]:
        """The point's values as the algebra has them: among arrays a number is NumPy's, which no constant is."""
        if self.dims is None:
            return dict(point)
        import numpy as np

        return {name: np.float64(value) if isinstance(value, float) else value for name, value in point.items()}

    def dims_of(self, node: int) -> tuple[int, ...]:
        """A node's shape."""
        return () if self.dims is None else self.dims[node]


@contextmanager
def _refusing(quiet: AbstractContextManager[object]) -> Iterator[None]:
    """What NumPy refuses is refused to the user: an operation of the rules with shapes that it does not take."""
    try:
        with quiet:
            yield
    except (TypeError, ValueError, IndexError, OverflowError) as problem:
        place = problem.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        file = "" if place is None else place.tb_frame.f_code.co_filename
        if not file.endswith("_kernels.py") and "numpy" not in file:
            raise
        raise BackpropError(
            "an operation of the formula does not take arrays of these shapes",
            hint="see what it takes with backprop functions NAME",
        ) from None


def has_arrays(graph: Graph) -> bool:
    """Whether a graph has operations on arrays, or arrays that are written out."""
    return any(
        [
            isinstance(node.attribute, tuple) if not node.args else node.op != STEP and primitives.TABLE[node.op].array
            for node in graph.nodes
        ]
    )


def shapes_needed(what: str, text: str = "") -> BackpropError:
    """What to say where a formula over arrays is to be differentiated before shapes are known."""
    return BackpropError(
        f"{what} is for formulas over numbers: over arrays it depends on their shapes",
        source=text,
        hint="eval --jacobian, --hvp and --vjp give derivatives of arrays as numbers",
    )


def setting(
    graph: Graph,
    point: Mapping[str, Value],
    *,
    text: str,
    max_nodes: int | None,
    max_bytes: int | None,
    products: Collection[Span] = (),
) -> Setting:
    """The graph in the algebra that it and the point's values ask for."""
    shapes = {name: dims_of(value) for name, value in point.items()}
    if not any(shapes.values()) and not has_arrays(graph):
        return Setting(graph, Floats(), None, {})
    from backpropcli.passes.bind import bind

    bound = bind(graph, shapes, text=text, max_nodes=max_nodes, max_bytes=max_bytes, products=products)
    return bound_setting(bound)


def bound_setting(bound: Bound) -> Setting:
    """A bound graph in the algebra of arrays."""
    from backpropcli.algebras.arrays import Arrays

    return Setting(bound.graph, Arrays(), [shape.dims for shape in bound.shapes], {})


def shown(dims: tuple[int, ...]) -> str:
    """A shape in words."""
    from backpropcli.algebras import shapes

    return shapes.shown(dims)


def dims_of(value: Value) -> tuple[int, ...]:
    """The shape of a value; of a number it is ()."""
    return () if isinstance(value, float) else tuple(value.shape)


def value_of(name: str, given: Any, *, ieee: bool) -> Value:
    """A float, or an array of doubles, from what a user gives; nested lists are arrays.

    Raises BackpropError where it is neither, is empty or ragged, or holds what is no finite number without `ieee`.
    """
    if isinstance(given, float):
        number = given
    elif isinstance(given, (list, tuple)) or hasattr(given, "__array__"):
        return _array(name, given, ieee=ieee)
    elif isinstance(given, bool) or not hasattr(given, "__float__"):
        raise BackpropError(f"{name} needs a number or an array, but is given a {type(given).__name__}")
    else:
        try:
            number = float(given)
        except OverflowError:
            raise BackpropError(f"{name} is larger than a double holds (1.8e308)") from None
    if not ieee and not math.isfinite(number):
        raise not_finite(name, number)
    return number


def not_finite(name: str, number: float) -> BackpropError:
    """What to say of a value that is inf or nan."""
    shown = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return BackpropError(
        f"{name} is {shown}, which is no finite number",
        hint="--ieee computes with inf and nan as IEEE 754 does",
    )


def _array(name: str, given: Any, *, ieee: bool) -> Value:
    import numpy as np

    try:
        found = np.asarray(given)
    except ValueError:
        raise BackpropError(
            f"{name} is no array: its rows are of different lengths", hint="give every row as many entries"
        ) from None
    if found.dtype.kind not in "fiu":
        kinds = {"b": "true and false", "c": "complex numbers", "U": "text", "S": "text"}
        raise BackpropError(
            f"{name} needs numbers, but its entries are {kinds.get(found.dtype.kind, 'something else')}"
        )
    # Not copied where it is an array of doubles: nobody here writes into one.
    array = np.asarray(found, dtype=float)
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.sum(array)) or np.isfinite(array).all()
    if not ieee and not finite:
        place = np.argwhere(~np.isfinite(array))[0]
        where = f"[{', '.join([str(k) for k in place])}]" if array.ndim else ""
        raise not_finite(f"{name}{where}", float(array[tuple(place)]))
    return array if array.ndim else float(array)


def plain(value: Value) -> Any:
    """A value, adjoint or tangent as a float or nested lists; an absent entry is 0."""
    if type(value) is float:
        return value
    if isinstance(value, float):
        return float(value)
    held = value.value if hasattr(value, "present") else value
    return held.tolist() if hasattr(held, "tolist") else float(held)


def zeros(dims: Sequence[int]) -> Any:
    """What stands for an absent derivative of this shape: 0, or nested lists of it."""
    found: Any = 0.0
    for size in reversed(dims):
        found = [found] * size
    return found
