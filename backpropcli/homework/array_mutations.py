"""Both passes over arrays with one thing done wrongly: the catalogue's rules by entry, and what is about matrices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Map, fold
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import CONSTANT, STEP, Graph, GraphBuilder, literal_of
from backpropcli.homework.misconceptions import CATALOGUE, Rule, Value, Word
from backpropcli.homework.mutations import combined, fixed, holds
from backpropcli.passes.effort import MAX_BYTES
from backpropcli.passes.evaluate import Setting, setting
from backpropcli.passes.sweeps import linearize
from backpropcli.records import NamedTuple

Array = Any
"""A NumPy array, or a number."""
NewPartial = Callable[[Sequence[Array], Any], Any]
"""A local derivative, from the values of all nodes and from what it should be."""


class Edit(NamedTuple):
    """One thing done wrongly in a graph over arrays."""

    name: str
    partials: Mapping[tuple[int, int], NewPartial] = {}
    sums: Mapping[int, tuple[str, int]] = {}
    """By node what is done with its uses, and which of the ways to do so."""
    sign: float = 1.0
    replaced: Graph | None = None
    """The graph with another operation in the place of one."""


class Passes(NamedTuple):
    """What both passes give."""

    value: Array
    adjoints: dict[str, Array]
    """Of the variables."""
    named: dict[str, tuple[Array, Array]]
    """Of the nodes with a name their values and adjoints."""


class Runs:
    """A graph over arrays, bound to the shapes that its inputs have once, and run with edits."""

    def __init__(self, graph: Graph, values: Mapping[str, Array], text: str) -> None:
        self.unbound = graph
        self.text = text
        self.scene = self._scene(graph, values)

    def _scene(self, graph: Graph, values: Mapping[str, Array]) -> Setting:
        given = {name: values[name] for name in graph.variables}
        return setting(graph, given, text=self.text, max_nodes=None, max_bytes=MAX_BYTES)

    def run(self, values: Mapping[str, Array], seed: Array, edit: Edit | None = None) -> Passes:
        """Both passes at these inputs, from this adjoint of the output."""
        edit = edit or _NOTHING
        scene = self.scene if edit.replaced is None else self._scene(edit.replaced, values)
        graph = scene.graph
        with scene.quietly():
            given = {name: values[name] for name in graph.variables}
            trace = linearize(graph, scene.algebra, scene.inputs(given))
            partials = [list(row) for row in trace.partials]
            for (i, k), wrong in edit.partials.items():
                if partials[i][k] is not None:
                    partials[i][k] = wrong(trace.values, partials[i][k])
            arrived: list[list[Array]] = [[] for _ in graph.nodes]
            adjoints: list[Array] = [0.0] * len(graph.nodes)
            (output,) = graph.outputs
            arrived[output].append(edit.sign * _array(seed))
            plain, pull = scene.algebra.plain, scene.algebra.pull
            for i in range(output, -1, -1):
                parts = arrived[i]
                if not parts:
                    continue
                total = functools.reduce(scene.algebra.plus, parts)
                if i in edit.sums and len(parts) > 1:
                    total = _combined([plain(part) for part in parts], *edit.sums[i])
                adjoints[i] = total
                for j, partial in zip(graph.nodes[i].args, partials[i], strict=True):
                    if partial is not None:
                        arrived[j].append(pull(total, partial))
            adjoints = [plain(each) + 0.0 * _array(value) for each, value in zip(adjoints, trace.values, strict=True)]
        return Passes(
            trace.values[output],
            {name: adjoints[i] for name, i in graph.variables.items()},
            {name: (trace.values[i], adjoints[i]) for i, name in graph.names.items()},
        )

    @functools.cached_property
    def edits(self) -> list[Edit]:
        """Every edit of the catalogue that the graph has a place for; more local ones first."""
        found: list[Edit] = []
        for entry in CATALOGUE:
            for mutation in entry.mutation:
                if isinstance(mutation, Rule):
                    made = self._rules(mutation)
                elif isinstance(mutation, Value):
                    made = self._values(mutation)
                elif isinstance(mutation, Word) and mutation.word in _WORDS:
                    made = _WORDS[mutation.word](self)
                else:
                    continue
                found += [each._replace(name=entry.name) for each in made]
        return found

    @functools.cached_property
    def _numbers(self) -> dict[int, float]:
        return fixed(self.scene.graph)

    def applied(self, *ops: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The applications of these operations in the bound graph, with their arguments."""
        for i, node in enumerate(self.scene.graph.nodes):
            if node.op in ops:
                yield i, node.args

    def _rules(self, mutation: Rule) -> Iterator[Edit]:
        nodes = self.scene.graph.nodes
        for op, ways in mutation.partials.items():
            for i, args in self.applied(op):
                if len(args) != len(ways[0]) or not self._fits(mutation, op, args):
                    continue
                for texts in ways:
                    changed: dict[tuple[int, int], NewPartial] = {
                        (i, k): functools.partial(self._slope, op, text, (*args, i))
                        for k, text in enumerate(texts)
                        if text is not None and nodes[args[k]].op != CONSTANT
                    }
                    if changed:
                        yield Edit("", changed)

    def _slope(self, op: str, text: str, places: Sequence[int], values: Sequence[Array], right: Array) -> Array:
        names = (*primitives.TABLE[op].names, rules.RESULT)
        graph = rules.formula(text, names)
        inputs = dict(zip(names, [values[j] for j in places], strict=True))
        return fold(graph, self.scene.algebra, inputs)[graph.outputs[0]] + 0.0 * _array(values[places[-1]])

    def _fits(self, mutation: Rule, op: str, args: Sequence[int]) -> bool:
        nodes = self.scene.graph.nodes
        names = primitives.TABLE[op].names
        if mutation.varying is not None:
            return nodes[args[names.index(mutation.varying)]].op != CONSTANT
        if mutation.constant is None:
            return True
        name, _, condition = mutation.constant.partition(" ")
        number = self._numbers.get(args[names.index(name)])
        return number is not None and holds(condition, number)

    def _values(self, mutation: Value) -> Iterator[Edit]:
        """An operation replaced by the text of a wrong one, with the derivative that this has."""
        for op, (text, _) in mutation.texts.items():
            yield from self.replacing(op, text)

    def replacing(self, op: str, text: str) -> Iterator[Edit]:
        """The graph with a formula in the place of each application of an operation."""
        made = rules.formula(text, primitives.TABLE[op].names)
        for i, node in enumerate(self.unbound.nodes):
            if node.op == op:
                yield Edit("", replaced=_with(self.unbound, i, made, primitives.TABLE[op].names))


def _with(graph: Graph, place: int, formula: Graph, names: Sequence[str]) -> Graph:
    """A graph with a formula over its arguments in the place of one node."""
    builder = GraphBuilder()
    symbols = Symbols(builder, rewrite=False)
    made: list[int] = []
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if i == place:
            inputs = dict(zip(names, [made[j] for j in args], strict=False))
            made.append(fold(formula, symbols, inputs)[formula.outputs[0]])
        elif op == STEP:
            made.append(builder.step(str(attribute), made[args[0]]))
        elif args:
            made.append(builder.apply(op, [made[j] for j in args], None if attribute is None else str(attribute)))
        else:
            made.append(builder.variable(str(attribute)) if op != CONSTANT else builder.constant(literal_of(attribute)))
    return builder.graph([made[i] for i in graph.outputs], {made[i]: name for i, name in graph.names.items()})


_NOTHING = Edit("")


def _array(value: Any) -> Array:
    import numpy as np

    return np.asarray(value, dtype=float)


def _combined(parts: Sequence[Array], word: str, place: int) -> Array:
    """What is made of several uses, entry by entry."""
    import numpy as np

    stacked = np.broadcast_arrays(*parts)
    flat = [list(entries) for entries in zip(*[part.ravel() for part in stacked], strict=True)]
    return np.array([combined(entries, word)[place] for entries in flat]).reshape(stacked[0].shape)


# What is about matrices, batches and softmax


def _pulled(wrong: Callable[[Array, Sequence[Array]], Array | None], places: Sequence[int]) -> NewPartial:
    """A local derivative whose pull is another one; the right one where the shapes do not allow it."""

    def partial(values: Sequence[Array], right: Any) -> Any:
        inputs = [values[j] for j in places]

        def pull(adjoint: Array) -> Array:
            plain = adjoint.value if hasattr(adjoint, "present") else adjoint
            proper = right.pull(adjoint)
            made = wrong(_array(plain), inputs)
            return proper if made is None or made.shape != _array(proper).shape else made

        return Map(right.push, pull)

    return partial


def _transposed_weights(runs: Runs) -> Iterator[Edit]:
    """Wᵀ for W and the other way round, where both have the shape."""
    for i, args in runs.applied("matvec"):
        yield Edit("", {(i, 1): _pulled(lambda g, values: _product(values[0], g), args)})
    for i, args in runs.applied("vecmat"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: _product(g, values[1]), args)})
    for i, args in runs.applied("matmul"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: _product(g, values[1]), args)})
        yield Edit("", {(i, 1): _pulled(lambda g, values: _product(values[0], g), args)})
    for op, text in (("matvec", "matvec(transpose(a), b)"), ("vecmat", "vecmat(a, transpose(b))")):
        names = primitives.TABLE[op].names
        shapes = runs.scene.dims
        square = [shapes[args[op == "vecmat"]] for _, args in runs.applied(op)] if shapes else []
        if square and all([dims[0] == dims[1] for dims in square]):
            yield from runs.replacing(op, text.replace("(a", f"({names[0]}").replace("b", names[1]))


def _product(a: Array, b: Array) -> Array | None:
    return a @ b if a.shape[-1] == b.shape[0] else None


def _outer_transposed(runs: Runs) -> Iterator[Edit]:
    """outer(x, g) for outer(g, x)."""
    for i, args in runs.applied("matvec"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: _array(values[1])[:, None] * g[None, :], args)})
    for i, args in runs.applied("vecmat"):
        yield Edit("", {(i, 1): _pulled(lambda g, values: g[:, None] * _array(values[0])[None, :], args)})
    for i, args in runs.applied("matmul"):
        yield Edit("", {(i, 1): _pulled(lambda g, values: (_array(values[0]).T @ g).T, args)})


def _wrong_index(runs: Runs) -> Iterator[Edit]:
    """Added up along the other axis."""
    for i, args in runs.applied("expand"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: g.sum(axis=-1) if g.ndim == 2 else None, args)})
    for i, args in runs.applied("sum", "mean"):

        def pull(g: Array, values: Sequence[Array]) -> Array | None:
            whole = _array(values[0])
            if whole.ndim != 2 or g.ndim != 1 or whole.shape[0] != whole.shape[1]:
                return None
            along = g[None, :] if values[1] in (1.0, -1.0) else g[:, None]
            return along + 0.0 * whole

        yield Edit("", {(i, 0): _pulled(pull, args)})


def _of_row(row: int) -> Callable[[Array, Sequence[Array]], Array]:
    return lambda adjoint, _values: adjoint[row]


def _not_summed(runs: Runs) -> Iterator[Edit]:
    """One row's adjoint for what every row uses."""
    dims = runs.scene.dims or []
    for i, args in runs.applied("expand"):
        if len(dims[i]) == 2 and len(dims[args[0]]) < 2:
            for row in range(min(dims[i][0], 8)):
                yield Edit("", {(i, 0): _pulled(_of_row(row), args)})


def _mean_for_sum(runs: Runs) -> Iterator[Edit]:
    """The mean for the sum, and the sum for the mean."""
    for i, args in runs.applied("expand"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: g.mean(axis=0) if g.ndim == 2 else None, args)})
    yield from runs.replacing("sum", "mean(x, axis)")
    yield from runs.replacing("mean", "sum(x, axis)")


def _softmax(values: Sequence[Array]) -> Array:
    import numpy as np

    logits = _array(values[0])
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _with_labels(runs: Runs, made: Callable[[Array, Array], Array]) -> Iterator[Edit]:
    """The loss of logits, with another derivative by them, from the probabilities and the labels."""
    for i, args in runs.applied("cross_entropy"):

        def pull(g: Array, values: Sequence[Array]) -> Array | None:
            labels = _array(values[1])
            chances = _softmax(values)
            return g[..., None] * made(chances, labels) if labels.shape == chances.shape else None

        yield Edit("", {(i, 0): _pulled(pull, args)})


def _of_chances(runs: Runs, made: Callable[[Array, Array], Array]) -> Iterator[Edit]:
    """The loss in gates, -sum(t*log(softmax(z))): from what arrives, -t/p, the labels are read."""
    for i, args in runs.applied("softmax"):

        def pull(g: Array, values: Sequence[Array]) -> Array:
            chances = _softmax(values)
            return made(chances, -g * chances)

        yield Edit("", {(i, 0): _pulled(pull, args)})


def _label_forgotten(runs: Runs) -> Iterator[Edit]:
    for losses in (_with_labels, _of_chances):
        yield from losses(runs, lambda chances, labels: chances)
    for i, args in runs.applied("log_softmax"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: -_softmax(values) * g.sum(axis=-1, keepdims=True), args)})


def _diagonal_only(runs: Runs) -> Iterator[Edit]:
    for losses in (_with_labels, _of_chances):
        yield from losses(runs, lambda chances, labels: chances * (1.0 - chances))
    for i, args in runs.applied("softmax"):
        yield Edit("", {(i, 0): _pulled(lambda g, values: g * _softmax(values) * (1.0 - _softmax(values)), args)})


def _wrong_label(runs: Runs) -> Iterator[Edit]:
    import numpy as np

    for shift in range(1, _MOST_LABELS):

        def made(chances: Array, labels: Array, shift: int = shift) -> Array:
            return chances - np.roll(labels, shift, axis=-1)

        for losses in (_with_labels, _of_chances):
            yield from losses(runs, made)


_MOST_LABELS = 6


def _summed(word: str) -> Callable[[Runs], Iterator[Edit]]:
    def found(runs: Runs) -> Iterator[Edit]:
        graph = runs.scene.graph
        for i in range(len(graph.nodes)):
            users = sum([node.args.count(i) for node in graph.nodes])
            if users > 1 and graph.nodes[i].op != CONSTANT:
                for place in range(len(combined([1.0] * users, word))):
                    yield Edit("", sums={i: (word, place)})

    return found


def _all_negative(runs: Runs) -> Iterator[Edit]:
    yield Edit("", sign=-1.0)


def _negative_squares(runs: Runs) -> Iterator[Edit]:
    """T - p for p - t in the derivative of what is made of it."""
    for i, _ in runs.applied("sub"):
        yield Edit("", {(i, k): lambda values, right: -1.0 * right for k in (0, 1)})


_WORDS: dict[str, Callable[[Runs], Iterator[Edit]]] = {
    "transposed_weights": _transposed_weights,
    "outer_transposed": _outer_transposed,
    "wrong_index": _wrong_index,
    "not_summed": _not_summed,
    "mean_for_sum": _mean_for_sum,
    "label_forgotten": _label_forgotten,
    "diagonal_only": _diagonal_only,
    "wrong_label": _wrong_label,
    "error_sign": _negative_squares,
    "one_branch": _summed("one_branch"),
    "multiplied": _summed("multiplied"),
    "averaged": _summed("averaged"),
    "subtracted": _summed("subtracted"),
    "all_negative": _all_negative,
}
"""What the words of the catalogue do over arrays."""
