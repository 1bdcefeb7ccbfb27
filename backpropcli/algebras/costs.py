"""Work as values: interpreting a graph of known shapes adds up the operations that it takes.

An operation is one operation of the table on one number: a + b, a*b and sigmoid(x) are one each. What only moves
numbers takes none. Of operations on arrays it is the textbook's figure: 2*m*k*n for a product of matrices, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.shapes import Shape, Shapes
from backpropcli.graph import Graph, Literal
from backpropcli.records import NamedTuple


class Work(NamedTuple):
    """Operations, and how many of them are products or quotients."""

    operations: float = 0
    products: float = 0

    def times(self, count: float) -> Work:
        """As often as this."""
        return Work(self.operations * count, self.products * count)

    def plus(self, other: Work) -> Work:
        """Both together."""
        return Work(self.operations + other.operations, self.products + other.products)


def work_of(graph: Graph, inputs: dict[str, Shape]) -> tuple[Shape, Work]:
    """The shape of a formula's result, and the work that it takes, every node once."""
    counting = _Counting()
    values = fold(graph, counting, inputs)
    return values[graph.outputs[0]], counting.work


def applied(op: str, shapes: Sequence[Shape], result: Shape) -> Work:
    """The work of one operation on values of these shapes."""
    entry = primitives.TABLE[op]
    if not entry.array:
        return Work(result.size, result.size if op in _PRODUCTS else 0)
    if entry.value in _MOVES:
        return Work()
    if entry.value in KERNELS:
        return KERNELS[entry.value](shapes, result)
    largest = max([result.size, *[shape.size for shape in shapes]])
    return Work(largest, largest if entry.value in _MULTIPLIES else 0)


class _Counting:
    """Shapes, with the work put down on the way. A formula of the table counts as what it is made of."""

    def __init__(self) -> None:
        self.shapes = Shapes()
        self.work = Work()

    def constant(self, number: Literal) -> Shape:
        """A number, or an array that is written out."""
        return self.shapes.constant(number)

    def function(self, op: str, count: int) -> Callable[..., Shape]:
        """The operation on shapes."""
        shaped = self.shapes.function(op, count)

        def apply(*args: Shape) -> Shape:
            result = shaped(*args)
            # What is made of known numbers, such as b - 1, is no work at run time.
            if result.known is None or isinstance(result.known, tuple):
                self.work = self.work.plus(applied(op, args, result))
            return result

        return apply


_PRODUCTS = frozenset({"mul", "div", "pow", "reciprocal", "power_slope"})

_MOVES = frozenset(
    {
        *(
            "stack",
            "index",
            "place",
            "slice",
            "shape",
            "size",
            "zeros_like",
            "transpose",
            "reshape",
            "expand",
            "spread",
        ),
        *("concat", "concat_along", "share", "repeat", "tile", "zeros", "ones", "eye", "arange", "linspace"),
        *("diag", "undiag", "windows", "lower_half", "one_hot"),
    }
)
"""Kernels that only put numbers elsewhere."""

_MULTIPLIES = frozenset({"prod", "others", "prod_slope", "scaled", "var", "norm"})


def _matmul(shapes: Sequence[Shape], result: Shape) -> Work:
    products = result.size * shapes[0].dims[-1]
    return Work(2 * products - result.size, products)


def _cubic(share: float) -> Callable[[Sequence[Shape], Shape], Work]:
    """The work of eliminating in a matrix, or in each of a stack, as a share of n^3 products."""

    def work(shapes: Sequence[Shape], result: Shape) -> Work:
        products = share * shapes[0].size * shapes[0].dims[-1]
        return Work(2 * products, products)

    return work


def _solve(shapes: Sequence[Shape], result: Shape) -> Work:
    n = shapes[0].dims[-1]
    products = shapes[0].size * n / 3 + result.size * n
    return Work(2 * products, products)


def _filtered(signal: Shape, filters: Shape) -> Work:
    """Every entry of a convolution's result is a sum over one filter."""
    products = signal.size * filters.size / max(filters.dims[0] if len(filters.dims) > 2 else 1, 1)
    return Work(2 * products, products)


KERNELS: dict[str, Callable[[Sequence[Shape], Shape], Work]] = {
    "matmul": _matmul,
    "outer": lambda shapes, result: Work(result.size, result.size),
    "inv": _cubic(1.0),
    "det": _cubic(1 / 3),
    "logdet": _cubic(1 / 3),
    "cofactor": _cubic(1.0),
    "cholesky": _cubic(1 / 6),
    "solve": _solve,
    "softmax": lambda shapes, result: Work(5 * result.size, result.size),
    "log_softmax": lambda shapes, result: Work(5 * result.size, 0),
    "logsumexp": lambda shapes, result: Work(4 * shapes[0].size, 0),
    **dict.fromkeys(("conv1d", "conv2d"), lambda shapes, result: _filtered(result, shapes[1])),
    **dict.fromkeys(("conv1d_inputs", "conv2d_inputs"), lambda shapes, result: _filtered(shapes[0], shapes[1])),
    **dict.fromkeys(("conv1d_weights", "conv2d_weights"), lambda shapes, result: _filtered(shapes[1], result)),
}
"""The work of kernels on arrays whose figure is another than one operation an entry."""
