"""A graph bound to shapes: what an operation is, is settled, and what broadcasting repeats is repeated by a node.

Raises BackpropError where arrays do not fit, with both shapes and the operator's place, and where they would take more
memory than there is for them, before anything is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras.shapes import Dims, Shape, ShapeError, Shapes, broadcast, shown
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, GraphBuilder, Literal, literal_of
from backpropcli.language.names import NORMAL
from backpropcli.language.terms import Undecided, mark_of
from backpropcli.passes import sides
from backpropcli.passes.effort import MAX_BYTES
from backpropcli.primitives import Reduction
from backpropcli.records import NamedTuple

_DOUBLE = 8

# What acts on matrices is, for operands of these ranks, another operation; stacks of matrices are made alike first.
_PRODUCTS: dict[str, dict[tuple[int, int], str]] = {
    "matmul": {(1, 1): "inner", (1, 2): "vecmat", (2, 1): "matvec"},
    "solve": {(2, 1): "solve_vector"},
}

# What becomes a constant where all of its parts are: an array that is written out, the bounds of a slice.
_LISTS = frozenset({"stack", "slice"})

# The norms, of all entries or along an axis; of a whole matrix.
_NORMS = {1.0: "norm_1", math.inf: "norm_inf"}
_MATRIX_NORMS = {1.0: "column_norm", math.inf: "row_norm"}

# A gate of many numbers, given one array, gathers it.
_GATHERS = {"max": "max_over", "min": "min_over"}


class Bound(NamedTuple):
    """A graph for arrays of known shapes."""

    graph: Graph
    shapes: list[Shape]
    """Of every node."""
    places: list[int]
    """Where the nodes of the graph that was bound are now."""
    decided: Mapping[Span, frozenset[str]] = {}
    """Of a marked graph, what the signs at these places are."""
    products: Mapping[Span, str] = {}
    """Of a marked graph, the places of products of arrays that are ENTRIES or DOT."""


ENTRIES, DOT = "entries", "dot"
"""A product of two arrays entry by entry; the inner product of two vectors neither of which lies as a row."""


def bind(
    graph: Graph,
    shapes: Mapping[str, Dims],
    *,
    text: str = "",
    max_nodes: int | None = None,
    max_bytes: int | None = MAX_BYTES,
    undecided: Mapping[Span, Undecided] | None = None,
) -> Bound:
    """The graph over variables of these shapes; `undecided` are the places of signs that these decide."""
    return _Binder(graph, shapes, text, max_nodes, max_bytes, undecided or {}).run()


_OPENING, _CLOSING = "([{", ")]}"


def operator_span(text: str, span: Span, op: str) -> Span:
    """The place of an operation's sign in the text that it spans; all of that where no sign stands between its sides.

    Operators of one level are grouped from the left, so that of several on no brackets' inside the last is the one.
    """
    entry = primitives.TABLE.get(op)
    if entry is None or entry.operator is None or not entry.takes(2):
        return span
    sign = entry.operator[0]
    written = text[span.start : span.end].translate(NORMAL)
    depth, found = 0, None
    for k, character in enumerate(written):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0 and k and written.startswith(sign, k) and written[k - 1 : k + 2] != "**":
            found = k
    return span if found is None else Span(span.start + found, span.start + found + len(sign))


class _Binder:
    def __init__(
        self,
        graph: Graph,
        shapes: Mapping[str, Dims],
        text: str,
        max_nodes: int | None,
        max_bytes: int | None,
        undecided: Mapping[Span, Undecided],
    ) -> None:
        self.undecided = undecided
        self.decided: dict[Span, set[str]] = {}
        self.lying: list[str] = []
        """Of the nodes of the graph that is bound, how vectors are meant."""
        self.products: dict[Span, str] = {}
        self.graph = graph
        self.given = shapes
        self.text = text
        self.builder = GraphBuilder(max_nodes)
        self.algebra = Shapes()
        self.shapes: list[Shape] = []
        self.bytes = 0
        self.max_bytes = max_bytes

    def run(self) -> Bound:
        graph = self.graph
        varies = graph.active(graph.variables)
        places: list[int] = []
        for i, (op, args, attribute) in enumerate(graph.nodes):
            written = graph.spans.get(i) if attribute is not None else None
            marked = written is not None and attribute == mark_of(written)
            sign = self.undecided.get(written) if marked and written is not None else None
            try:
                if op == VARIABLE:
                    made = self._noted(self.builder.variable(str(attribute)), Shape(self.given[str(attribute)]))
                elif op == CONSTANT:
                    made = self._constant(literal_of(attribute))
                elif op == STEP:
                    made = self.builder.step(str(attribute), places[args[0]])
                    made = self._noted(made, self.shapes[places[args[0]]])
                else:
                    if sign is not None:
                        op, args = self._decided(sign, i, places)
                    if marked:
                        self._note_product(op, i, args, places)
                    made = self._applied(op, [places[j] for j in args], [varies[j] for j in args])
            except ShapeError as problem:
                span = graph.spans.get(i)
                problem.source, problem.span = self.text, span
                if sign is None and span is not None:
                    problem.span = operator_span(self.text, span, op)
                elif problem.hint is not None and sign is not None:
                    problem.hint = problem.hint.replace("A' @ B", "A^T B")
                raise
            except (IndexError, TypeError, ValueError, OverflowError):
                # An operation of the rules, called by its name with what no rule gives it.
                raise ShapeError(
                    f"{op} does not take arrays of these shapes",
                    source=self.text,
                    span=graph.spans.get(i),
                    hint=f"see what it takes with backprop functions {op}",
                ) from None
            places.append(made)
            before = [self.shapes[places[j]].dims for j in args]
            self.lying.append(sides.lies(op, before, [self.lying[j] for j in args], self.shapes[made].dims))
        names: dict[int, str] = {}
        spans: dict[int, Span] = {}
        for i, place in enumerate(places):
            if i in graph.names:
                names.setdefault(place, graph.names[i])
            if i in graph.spans:
                spans.setdefault(place, graph.spans[i])
        bound = self.builder.graph([places[i] for i in graph.outputs], names, spans)
        decided = {span: frozenset(found) for span, found in self.decided.items()}
        return Bound(bound, self.shapes, places, decided, self.products)

    def _noted(self, node: int, shape: Shape) -> int:
        """The node, with its shape put down where it is a new one."""
        if node == len(self.shapes):
            self.shapes.append(shape)
            self.bytes += shape.size * _DOUBLE
            if self.max_bytes is not None and self.bytes > self.max_bytes:
                raise BackpropError(
                    f"the arrays would take more than {self.max_bytes >> 20:,} MiB together",
                    source=self.text,
                    hint="raise the limit with --max-bytes, if they are meant to be this large",
                )
        return node

    def _constant(self, number: Literal) -> int:
        return self._noted(self.builder.constant(number), self.algebra.constant(number))

    def _append(self, op: str, args: list[int]) -> int:
        shape = self.algebra.function(op, len(args))(*[self.shapes[j] for j in args])
        return self._noted(self.builder.apply(op, args), shape)

    def _applied(self, op: str, args: list[int], varies: list[bool]) -> int:
        entry = primitives.TABLE[op]
        shapes = [self.shapes[j] for j in args]
        if op in _GATHERS and len(args) == 1 and shapes[0].dims:
            return self._append(_GATHERS[op], [args[0], self._constant(primitives.ALL)])
        if op in _PRODUCTS:
            return self._product(op, args, self.algebra.function(op, 2)(*shapes).dims)
        if op == "norm":
            return self._norm(args)
        if op == "cross_entropy":
            return self._append(op, self._with_classes(args))
        if isinstance(entry.rule, Reduction) and not entry.static and len(args) > 1:
            return self._append(op, self._alike(op, args, varies))
        if not entry.array:
            # A constant is repeated by NumPy itself: nothing is pulled back to it.
            dims = broadcast(*[shape.dims for shape in shapes])
            args = [self._expanded(j, dims) if moves else j for j, moves in zip(args, varies, strict=True)]
        for k, known in enumerate([shape.known for shape in shapes]):
            # A static argument is the constant that it is known to be.
            name = entry.names[min(k, len(entry.names) - 1)]
            if name in entry.static and isinstance(known, (float, tuple)):
                args[k] = self._constant(known)
        if op in _LISTS and all([isinstance(shape.known, (float, tuple)) for shape in shapes]):
            self.algebra.function(op, len(args))(*shapes)
            return self._constant(tuple([shape.known for shape in shapes]))
        return self._append(op, args)

    def _norm(self, args: list[int]) -> int:
        """Which norm it is, and of what."""
        x, p, axis = [self.shapes[j] for j in args]
        self.algebra.function("norm", 3)(x, p, axis)
        of, along = args[0], self._constant(axis.known)
        if len(x.dims) == 2 and axis.known == primitives.ALL and p.known in _MATRIX_NORMS:
            return self._append(_MATRIX_NORMS[p.known], [of])
        if p.known in _NORMS:
            return self._append(_NORMS[p.known], [of, along])
        return self._append("norm", [of, self._constant(p.known), along])

    def _decided(self, sign: Undecided, i: int, places: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        """What the sign of a node is, now that shapes are known, and what it is of."""
        op, args, _ = self.graph.nodes[i]
        shapes = [self.shapes[places[j]] for j in args]
        names = [self._name(j) for j in (args if op == "mul" else args[:1])]
        if None in names:
            names = ["a", "b"] if op == "mul" else ["A"]
        op = sides.decided(sign, op, shapes, [self.lying[j] for j in args], [str(name) for name in names])
        self.decided.setdefault(self.graph.spans[i], set()).add(op)
        if op == "inv":
            return op, args[:1]
        if op == "outer":
            # x y^T is the outer product of x and y: what lies is transposed once.
            args = tuple([self._upright(j) for j in args])
        return op, args

    def _name(self, j: int) -> str | None:
        """How the text writes a variable; None for another value."""
        span = self.graph.spans.get(j)
        return None if self.graph.nodes[j].op != VARIABLE or span is None else self.text[span.start : span.end]

    def _note_product(self, op: str, i: int, args: Sequence[int], places: Sequence[int]) -> None:
        """Keep in mind what a product of arrays is printed with."""
        dims = [self.shapes[places[j]].dims for j in args]
        if op == "mul" and all(dims):
            self.products[self.graph.spans[i]] = ENTRIES
        elif op == "matmul" and [len(each) for each in dims] == [1, 1] and self.lying[args[0]] != sides.ROW:
            self.products[self.graph.spans[i]] = DOT

    def _upright(self, j: int) -> int:
        """A vector without the transpose that makes it lie."""
        return self.graph.nodes[j].args[0] if self.graph.nodes[j].op == "transpose" else j

    def _with_classes(self, args: list[int]) -> list[int]:
        """Logits and a target of their shape, made from the numbers of classes if these are the target."""
        z, t = args
        logits, target = self.shapes[z].dims, self.shapes[t].dims
        if not logits or not logits[-1]:
            raise ShapeError(
                f"cross_entropy takes a logit for each class along the last axis, and here is {shown(logits)}"
            )
        if target == logits:
            return args
        if target == logits[:-1]:
            return [z, self._append("one_hot", [t, self._constant(float(logits[-1]))])]
        raise ShapeError(
            f"cross_entropy of logits of {shown(logits)} does not go with a target of {shown(target)}",
            hint=f"a target is of the same shape, or the number of a class for each row: {shown(logits[:-1])}",
        )

    def _alike(self, op: str, args: list[int], varies: list[bool]) -> list[int]:
        """What is compared entry by entry: arrays of one shape; numbers are repeated."""
        found = dict.fromkeys([self.shapes[j].dims for j in args if self.shapes[j].dims])
        if len(found) > 1:
            first, other = list(found)[:2]
            raise ShapeError(
                f"{op} compares arrays of one shape, but here are {shown(first)} and {shown(other)}",
                hint="reshape one of them, as in reshape(x, [3, 1])",
            )
        dims = next(iter(found), ())
        if not math.prod(dims):
            raise ShapeError(f"{op} is a mean, and {shown(dims)} has no entries", hint="give at least one entry")
        return [self._expanded(j, dims) if moves else j for j, moves in zip(args, varies, strict=True)]

    def _product(self, op: str, args: list[int], dims: Dims) -> int:
        """A product or solution of this shape: of stacks it is one of matrices, as many on both sides."""
        a, b = args
        first, second = self.shapes[a].dims, self.shapes[b].dims
        if max(len(first), len(second)) <= 2:
            return self._append(_PRODUCTS[op].get((len(first), len(second)), op), args)
        if op == "matmul" and len(second) <= 2:
            # One matrix for the whole stack: that is one product, of the rows of all.
            rows = self._reshaped(a, (math.prod(first[:-1]), first[-1]))
            return self._reshaped(self._product(op, [rows, b], dims), dims)
        a = self._reshaped(a, (1, *first)) if len(first) == 1 else a
        b = self._reshaped(b, (*second, 1)) if len(second) == 1 else b
        stack = broadcast(self.shapes[a].dims[:-2], self.shapes[b].dims[:-2])
        sides = [self._expanded(j, (*stack, *self.shapes[j].dims[-2:])) for j in (a, b)]
        return self._reshaped(self._append(op, sides), dims)

    def _reshaped(self, node: int, dims: Dims) -> int:
        if self.shapes[node].dims == dims:
            return node
        return self._append("reshape", [node, self._constant(tuple([float(each) for each in dims]))])

    def _expanded(self, node: int, dims: Dims) -> int:
        if self.shapes[node].dims == dims:
            return node
        return self._append("expand", [node, self._constant(tuple([float(size) for size in dims]))])
