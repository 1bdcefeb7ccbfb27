"""Graphs with one thing done wrongly: an edit of values, local derivatives or sums, and the passes that run with it.

The catalogue says what the edits are; here they are found in a graph, and run: a step's value and local derivatives, or
both passes over the whole graph.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.floats import Compiled, Floats, compile_graph
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, number_of
from backpropcli.homework.misconceptions import CATALOGUE, Rule, Texts, Value, Word
from backpropcli.records import NamedTuple

Slope = float | None
Partials = Sequence[Sequence[Slope]]
NewValue = Callable[[Sequence[float]], float]
"""A node's value, from the values of all nodes before it."""
NewPartial = Callable[[Sequence[float], Partials], Slope]
"""A local derivative, from the values and the right local derivatives of all nodes."""
Sum = Callable[[Sequence[float]], float]
"""What is made of the contributions that arrive at a node."""


class Edit(NamedTuple):
    """One thing done wrongly in a graph."""

    name: str
    """The misconception's."""
    values: Mapping[int, NewValue] = {}
    partials: Mapping[tuple[int, int], NewPartial] = {}
    sums: Mapping[int, Sum] = {}
    fresh: frozenset[int] = frozenset()
    """Nodes whose adjoint is taken as 1 where it is handed on."""
    sign: float = 1.0
    """What all derivatives are multiplied by."""
    swapped: tuple[str, str] | None = None
    """Two variables that have each other's value."""


class Run(NamedTuple):
    """Both passes."""

    values: list[float]
    partials: list[tuple[Slope, ...]]
    adjoints: list[float | None]


def run(
    graph: Graph,
    inputs: Mapping[str, float],
    edit: Edit | None = None,
    result: float | None = None,
    right: Run | None = None,
) -> Run:
    """Both passes with an edit; `result` is the value of the output where a student has rounded it.

    `right` is the run without an edit, where it is known: then what an edit leaves alone is taken from it.
    """
    edit = edit or _NOTHING
    if right is None or edit.values or edit.swapped or result is not None:
        values, partials = _forward(graph, inputs, edit, result)
    else:
        values, partials = right.values, list(right.partials)
    if edit.partials:
        active, proper = graph.active(graph.variables), list(partials)
        for (i, k), wrong in edit.partials.items():
            if active[graph.nodes[i].args[k]]:
                row = list(partials[i])
                row[k] = wrong(values, proper)
                partials[i] = tuple(row)
    return _backward(graph, values, partials, edit)


def _forward(
    graph: Graph, inputs: Mapping[str, float], edit: Edit, result: float | None
) -> tuple[list[float], list[tuple[Slope, ...]]]:
    """The values with an edit's, and the right local derivatives there."""
    if edit.swapped:
        one, other = edit.swapped
        inputs = {**inputs, one: inputs[other], other: inputs[one]}
    values: list[float] = []
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if i in edit.values:
            values.append(edit.values[i](values))
        elif op == VARIABLE:
            values.append(inputs[str(attribute)])
        elif op == CONSTANT:
            values.append(number_of(attribute))
        elif op == STEP:
            values.append(values[args[0]])
        else:
            values.append(_floats.function(op, len(args))(*[values[j] for j in args]))
    if result is not None:
        values[graph.outputs[0]] = result
    active = graph.active(graph.variables)
    partials: list[tuple[Slope, ...]] = []
    for i, (op, args, _) in enumerate(graph.nodes):
        if op == STEP:
            partials.append((1.0,))
            continue
        over = [*[values[j] for j in args], values[i]]
        found: list[Slope] = []
        for k, j in enumerate(args):
            slope = _floats.partial(op, k, len(args)) if active[j] else None
            found.append(None if slope is None else slope(over))
        partials.append(tuple(found))
    return values, partials


def _backward(graph: Graph, values: list[float], partials: list[tuple[Slope, ...]], edit: Edit) -> Run:
    """The adjoints, with what an edit does to sums and to what is handed on."""
    adjoints: list[float | None] = [None] * len(values)
    arrived: list[list[float]] = [[] for _ in values]
    (output,) = graph.outputs
    arrived[output].append(edit.sign)
    for i in range(output, -1, -1):
        parts = arrived[i]
        if not parts:
            continue
        total = edit.sums[i](parts) if i in edit.sums and len(parts) > 1 else sum(parts)
        adjoints[i] = total
        handed = edit.sign if i in edit.fresh else total
        for j, local in zip(graph.nodes[i].args, partials[i], strict=True):
            if local is not None:
                arrived[j].append(handed * local)
    return Run(values, partials, adjoints)


_NOTHING = Edit("")
_floats = Floats()


WORK = 200_000
"""Nodes that are evaluated for all edits of a graph together: of a graph that nobody draws only some are tried."""


def edits(graph: Graph, constants: Sequence[float] = ()) -> list[Edit]:
    """Every edit of the catalogue that the graph has a place for, as far as the work goes; more local ones first.

    `constants` are those of the whole formula, for which one may be mistaken.
    """
    return every_edit(graph, constants)[: max(1, WORK // len(graph.nodes))]


def every_edit(graph: Graph, constants: Sequence[float] = ()) -> list[Edit]:
    """The same, whatever it costs to run them."""
    found: list[Edit] = []
    look = _Look(graph, tuple(constants))
    for entry in CATALOGUE:
        for mutation in entry.mutation:
            if isinstance(mutation, Rule):
                found += [Edit(entry.name, partials=each) for each in look.rules(mutation)]
            elif isinstance(mutation, Value):
                found += [Edit(entry.name, values, partials) for values, partials in look.values(mutation)]
            elif isinstance(mutation, Word):
                word = WORDS.get(mutation.word)
                found += [each._replace(name=entry.name) for each in word(look)] if word else []
    return found


def fixed(graph: Graph) -> dict[int, float]:
    """The numbers of the nodes that are constants, or made of constants, such as 1/2."""
    found: dict[int, float] = {}
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if op == CONSTANT and not isinstance(attribute, tuple):
            found[i] = number_of(attribute)
        elif args and op != STEP and not primitives.TABLE[op].array and all([j in found for j in args]):
            found[i] = _floats.function(op, len(args))(*[found[j] for j in args])
    return found


class _Look:
    """A graph as edits look at it."""

    def __init__(self, graph: Graph, constants: tuple[float, ...]) -> None:
        self.graph = graph
        self.constants = constants
        self.active = graph.active(graph.variables)
        self._numbers = fixed(graph)
        self.users: list[list[tuple[int, int]]] = [[] for _ in graph.nodes]
        for i, node in enumerate(graph.nodes):
            for k, j in enumerate(node.args):
                self.users[j].append((i, k))

    def applied(self, *ops: str) -> Iterator[int]:
        """The active applications of these operations."""
        for i, node in enumerate(self.graph.nodes):
            if node.op in ops and self.active[i]:
                yield i

    def constant(self, i: int) -> float | None:
        """A node's number, where it is a constant."""
        return self._numbers.get(i)

    def rules(self, mutation: Rule) -> Iterator[dict[tuple[int, int], NewPartial]]:
        """The places for a mutated rule: each way to write it wrongly, at each gate."""
        for op, ways in mutation.partials.items():
            for i in self.applied(op):
                args = self.graph.nodes[i].args
                if len(args) != len(ways[0]) or not self._fits(mutation, i):
                    continue
                for texts in ways:
                    changed = self._texts(i, op, texts)
                    if changed:
                        yield changed

    def _texts(self, i: int, op: str, texts: Texts) -> dict[tuple[int, int], NewPartial]:
        args = self.graph.nodes[i].args
        return {
            (i, k): functools.partial(_slope, _compiled(op, text), (*args, i))
            for k, text in enumerate(texts)
            if text is not None and self.active[args[k]]
        }

    def _fits(self, mutation: Rule, i: int) -> bool:
        node = self.graph.nodes[i]
        names = primitives.TABLE[node.op].names
        if mutation.varying is not None:
            return self.active[node.args[names.index(mutation.varying)]]
        if mutation.constant is None:
            return True
        name, _, condition = mutation.constant.partition(" ")
        number = self.constant(node.args[names.index(name)])
        if number is None:
            return False
        return holds(condition, number)

    def values(self, mutation: Value) -> Iterator[tuple[dict[int, NewValue], dict[tuple[int, int], NewPartial]]]:
        """The places for a mutated result, with the local derivatives that go with it."""
        for op, (text, slopes) in mutation.texts.items():
            for i in self.applied(op):
                args = self.graph.nodes[i].args
                if len(args) == len(slopes):
                    value = functools.partial(_value, _compiled(op, text), args)
                    yield {i: value}, self._texts(i, op, slopes)


def _slope(text: Compiled, places: Sequence[int], values: Sequence[float], partials: Partials) -> Slope:
    return text([values[j] for j in places])


def _value(text: Compiled, places: Sequence[int], values: Sequence[float]) -> float:
    return text([*[values[j] for j in places], 0.0])


@functools.cache
def _compiled(op: str, text: str) -> Compiled:
    names = (*primitives.TABLE[op].names, rules.RESULT)
    return compile_graph(rules.formula(text, names), names)


def holds(condition: str, number: float) -> bool:
    """Whether a number is as a condition without its left side says, as in `< 0`; without any it is."""
    return not condition or bool(_condition(f"x {condition}")((number,)))


@functools.cache
def _condition(text: str) -> Compiled:
    return compile_graph(rules.formula(text, ("x",)), ("x",))


# What no text can say


def _own_term(look: _Look) -> Iterator[Edit]:
    """d(u + v)^n/du = n*u^(n - 1)."""
    for i, j, signs, exponent in _powers_of_sums(look):
        a, b = look.graph.nodes[j].args
        changed: dict[tuple[int, int], NewPartial] = {(i, 0): lambda values, partials: 1.0}
        for k, (term, sign) in enumerate(zip((a, b), signs, strict=True)):
            changed[j, k] = functools.partial(_power_slope, term, sign, exponent)
        yield Edit("", partials=changed)


def _power_slope(term: int, sign: float, exponent: float, values: Sequence[float], partials: Partials) -> Slope:
    return exponent * sign * _power(sign * values[term], exponent - 1.0)


def _linear_power(look: _Look) -> Iterator[Edit]:
    """(u + v)^n = u^n + v^n."""
    for i, j, signs, exponent in _powers_of_sums(look):
        a, b = look.graph.nodes[j].args
        changed: dict[tuple[int, int], NewPartial] = {(i, 0): lambda values, partials: 1.0}
        for k, (term, sign) in enumerate(zip((a, b), signs, strict=True)):
            changed[j, k] = functools.partial(_power_slope, term, sign, exponent)

        # Of a difference the students who do this write u^n - v^n as well as u^n + v^n.
        def powers(values: Sequence[float], a: int = a, b: int = b, n: float = exponent, s: float = 1.0) -> float:
            return _power(values[a], n) + s * _power(values[b], n)

        yield Edit("", {i: powers}, changed)
        if signs[1] < 0:
            yield Edit("", {i: functools.partial(powers, s=-1.0)}, changed)


def _power(base: float, exponent: float) -> float:
    return _floats.function("pow", 2)(base, exponent)


def _powers_of_sums(look: _Look) -> Iterator[tuple[int, int, tuple[float, float], float]]:
    """The powers of sums and differences: the power, the sum, its signs, and the exponent."""
    for i in look.applied("pow"):
        j, exponent = look.graph.nodes[i].args[0], look.constant(look.graph.nodes[i].args[1])
        if exponent is not None and look.graph.nodes[j].op in ("add", "sub") and len(look.users[j]) == 1:
            yield i, j, (1.0, 1.0 if look.graph.nodes[j].op == "add" else -1.0), exponent


def _quotient_of_derivatives(look: _Look) -> Iterator[Edit]:
    """(f/g)' = f'/g': of a quotient whose two sides are steps or gates of one variable."""
    places = itertools.product(look.applied("div"), look.graph.variables.values())
    for i, leaf in itertools.islice(places, _MOST_PLACES):
        a, b = look.graph.nodes[i].args
        if None in [_to(look, side, leaf) for side in (a, b)]:
            continue

        def slope(values: Sequence[float], partials: Partials, leaf: int = leaf, b: int = b) -> Slope:
            (below,) = _tangents(look.graph, partials, leaf, (b,))
            return 1.0 / below if below else math.nan

        # What reaches the leaf through the numerator's side has f' as a factor already.
        yield Edit("", partials={(i, 0): slope, (i, 1): lambda values, partials: 0.0})


_MOST_PLACES = 100


def _to(look: _Look, node: int, leaf: int) -> int | None:
    """The node itself where it is made of the leaf, but is not the leaf."""
    reached = {leaf}
    for i in range(leaf + 1, node + 1):
        if any([j in reached for j in look.graph.nodes[i].args]):
            reached.add(i)
    return node if node in reached else None


def _tangents(graph: Graph, partials: Partials, leaf: int, nodes: Sequence[int]) -> list[float]:
    """The derivatives of some nodes by a leaf."""
    moved = [0.0] * len(graph.nodes)
    moved[leaf] = 1.0
    for i, node in enumerate(graph.nodes):
        for j, slope in zip(node.args, partials[i], strict=True):
            if slope is not None and moved[j]:
                moved[i] += slope * moved[j]
    return [moved[i] for i in nodes]


def _square_of_error(look: _Look) -> Iterator[Edit]:
    """d(p - t)^2 = p - t."""
    for i in look.applied("pow"):
        j, exponent = look.graph.nodes[i].args[0], look.constant(look.graph.nodes[i].args[1])
        if exponent == 2.0 and look.graph.nodes[_through(look, j)].op == "sub":
            yield Edit("", partials={(i, 0): functools.partial(_of_node, j)})


def _of_node(j: int, values: Sequence[float], partials: Partials) -> Slope:
    return values[j]


def _through(look: _Look, i: int) -> int:
    """What a node stands for: of a named step its formula."""
    while look.graph.nodes[i].op == STEP:
        i = look.graph.nodes[i].args[0]
    return i


def _error_sign(look: _Look) -> Iterator[Edit]:
    """T - p for p - t, in the value, or in the derivative of what is made of it."""
    for i in look.applied("sub"):
        a, b = look.graph.nodes[i].args

        def other_way(values: Sequence[float], a: int = a, b: int = b) -> float:
            return values[b] - values[a]

        swapped: dict[tuple[int, int], NewPartial] = {
            (i, 0): lambda values, partials: -1.0,
            (i, 1): lambda values, partials: 1.0,
        }
        yield Edit("", {i: other_way})
        yield Edit("", {i: other_way}, swapped)
        yield Edit("", partials=swapped)
    for i in look.applied("pow"):
        if look.graph.nodes[_through(look, look.graph.nodes[i].args[0])].op == "sub":
            yield Edit("", partials={(i, 0): functools.partial(_negative, i)})


def _negative(i: int, values: Sequence[float], partials: Partials) -> Slope:
    slope = partials[i][0]
    return None if slope is None else -slope


def _routed(look: _Look, slopes: Callable[[Sequence[float]], Sequence[float]]) -> Iterator[Edit]:
    """The maxima and minima of two inputs or more that vary, with these local derivatives."""
    for i in look.applied("max", "min"):
        args = look.graph.nodes[i].args
        if len(args) < 2 or any([look.constant(j) == 0.0 for j in args]):
            continue

        def slope(values: Sequence[float], partials: Partials, i: int = i, k: int = 0) -> Slope:
            inputs = [values[j] for j in look.graph.nodes[i].args]
            return slopes([1.0 if number == values[i] else 0.0 for number in inputs])[k]

        yield Edit("", partials={(i, k): functools.partial(slope, k=k) for k in range(len(args))})


def _to_both(look: _Look) -> Iterator[Edit]:
    return _routed(look, lambda chosen: [1.0] * len(chosen))


def _to_loser(look: _Look) -> Iterator[Edit]:
    return _routed(look, lambda chosen: [1.0 - each for each in chosen])


def _rectified(look: _Look, slope: float) -> Iterator[Edit]:
    """The rectifiers, with this slope on the side where it is wrong: relu(x), and max(x, 0)."""

    def wrong(values: Sequence[float], partials: Partials, i: int, k: int) -> Slope:
        passing = values[look.graph.nodes[i].args[k]] > 0.0
        return slope if passing != bool(slope) else partials[i][k]

    for i in look.applied("relu", "max"):
        node = look.graph.nodes[i]
        zeros = [k for k, j in enumerate(node.args) if look.constant(j) == 0.0]
        if node.op == "relu":
            yield Edit("", partials={(i, 0): functools.partial(wrong, i=i, k=0)})
        elif len(node.args) == 2 and len(zeros) == 1:
            k = 1 - zeros[0]
            yield Edit("", partials={(i, k): functools.partial(wrong, i=i, k=k)})


def _inner_missing(look: _Look) -> Iterator[Edit]:
    """The local derivative of a gate inside another one left out."""
    for i, node in enumerate(look.graph.nodes):
        inside = [k for k, j in enumerate(node.args) if look.active[j]]
        used = [user for user, _ in look.users[i] if look.graph.nodes[user].op not in (*_PLAIN, STEP)]
        if node.args and node.op not in (STEP, "add", "sub") and len(inside) == 1 and look.active[i] and used:
            yield Edit("", partials={(i, inside[0]): lambda values, partials: 1.0})
    for i in look.applied("mul", "div"):
        used = [user for user, _ in look.users[i] if look.graph.nodes[user].op not in (*_PLAIN, STEP)]
        inside = [k for k, j in enumerate(look.graph.nodes[i].args) if look.active[j]]
        if used and len(inside) == 2:
            for k in inside:
                yield Edit("", partials={(i, k): lambda values, partials: 1.0})


# What only moves numbers, so that nothing is outside of another thing.
_PLAIN = ("add", "sub", "mul", "neg")


def _compositions(look: _Look) -> Iterator[tuple[int, int, int]]:
    """f(g(x)): the gate of one argument, the gate inside, and the leaf that this has beside constants."""
    for i, node in enumerate(look.graph.nodes):
        inside = [(k, j) for k, j in enumerate(node.args) if look.active[j]]
        if node.op in (*_PLAIN, STEP, "div") or len(inside) != 1:
            continue
        (k, j) = inside[0]
        inner = look.graph.nodes[j]
        leaves = {leaf for leaf in inner.args if look.active[leaf]}
        if inner.args and inner.op != STEP and len(leaves) == 1:
            yield i, k, j


def _at_other(look: _Look, i: int, k: int, number: float, values: Sequence[float]) -> Slope:
    """The local derivative of a gate, taken at another number."""
    op, args, _ = look.graph.nodes[i]
    inputs = [values[j] for j in args]
    inputs[k] = number
    slope = _floats.partial(op, k, len(args))
    return None if slope is None else slope([*inputs, _floats.function(op, len(args))(*inputs)])


def _outer_at_x(look: _Look) -> Iterator[Edit]:
    """f'(x)*g'(x)."""
    for i, k, j in _compositions(look):
        (leaf,) = {each for each in look.graph.nodes[j].args if look.active[each]}

        def slope(values: Sequence[float], partials: Partials, i: int = i, k: int = k, leaf: int = leaf) -> Slope:
            return _at_other(look, i, k, values[leaf], values)

        yield Edit("", partials={(i, k): slope})


def _outer_at_slope(look: _Look) -> Iterator[Edit]:
    """f'(g'(x))."""
    for i, k, j in _compositions(look):

        def slope(values: Sequence[float], partials: Partials, i: int = i, k: int = k, j: int = j) -> Slope:
            inner = sum([each for each in partials[j] if each is not None])
            return _at_other(look, i, k, inner, values)

        def one(values: Sequence[float], partials: Partials) -> Slope:
            return 1.0

        changed: dict[tuple[int, int], NewPartial] = {(i, k): slope}
        first = next(place for place, each in enumerate(look.graph.nodes[j].args) if look.active[each])
        for place, each in enumerate(look.graph.nodes[j].args):
            if look.active[each]:
                changed[j, place] = one if place == first else lambda values, partials: 0.0
        yield Edit("", partials=changed)


def _upstream_missing(look: _Look) -> Iterator[Edit]:
    """What is handed on from a gate without what arrived there."""
    (output,) = look.graph.outputs
    for i, node in enumerate(look.graph.nodes):
        if node.args and node.op != STEP and look.active[i] and _through(look, output) != i:
            yield Edit("", fresh=frozenset({i}))


def _local_missing(look: _Look) -> Iterator[Edit]:
    """What is handed on from a gate without its local derivative."""
    for i, node in enumerate(look.graph.nodes):
        if node.op != STEP and node.op != "add":
            for k, j in enumerate(node.args):
                if look.active[j]:
                    yield Edit("", partials={(i, k): lambda values, partials: 1.0})


def combined(parts: Sequence[float], word: str) -> list[float]:
    """What may be made of the contributions of several uses, by what was done with them."""
    count = len(parts)
    if word == "one_branch":
        single = list(parts)
        return single if count == 2 else single + [sum(parts) - part for part in parts]
    if word == "multiplied":
        return [math.prod(parts)]
    if word == "averaged":
        return [sum(parts) / count]
    if count > _MOST_SIGNS:
        return []
    signs = list(itertools.product((1.0, -1.0), repeat=count))[1:]
    return [sum([sign * part for sign, part in zip(each, parts, strict=True)]) for each in signs]


_MOST_SIGNS = 4
"""Uses of which every choice of signs is tried."""


def _summed(word: str) -> Callable[[_Look], Iterator[Edit]]:
    def found(look: _Look) -> Iterator[Edit]:
        for i, users in enumerate(look.users):
            if len(users) > 1 and look.active[i]:
                for place in range(len(combined([1.0] * len(users), word))):
                    yield Edit("", sums={i: functools.partial(_combined, word=word, place=place)})

    return found


def _combined(parts: Sequence[float], word: str, place: int) -> float:
    every = combined(parts, word)
    return every[place] if place < len(every) else math.nan


def _all_negative(look: _Look) -> Iterator[Edit]:
    yield Edit("", sign=-1.0)


def _point_swapped(look: _Look) -> Iterator[Edit]:
    for pair in itertools.islice(itertools.combinations(look.graph.variables, 2), _MOST_PAIRS):
        yield Edit("", swapped=pair)


_MOST_PAIRS = 20


def _wrong_constant(look: _Look) -> Iterator[Edit]:
    """Another constant of the formula in the place of one, or the one before or behind it."""
    for i, node in enumerate(look.graph.nodes):
        number = look.constant(i) if node.op == CONSTANT else None
        if number is None or not math.isfinite(number):
            continue
        near = [number - 1.0, number + 1.0] if number == round(number) else []
        others = dict.fromkeys([*[each for each in look.constants if each != number], *near, -number])
        for other in list(others)[:_MOST_CONSTANTS]:
            if other != number:
                yield Edit("", {i: functools.partial(_number, other)})


_MOST_CONSTANTS = 6


def _number(number: float, values: Sequence[float]) -> float:
    return number


WORDS: dict[str, Callable[[_Look], Iterator[Edit]]] = {
    "own_term": _own_term,
    "linear_power": _linear_power,
    "quotient_of_derivatives": _quotient_of_derivatives,
    "square_of_error": _square_of_error,
    "error_sign": _error_sign,
    "routed_to_both": _to_both,
    "routed_to_loser": _to_loser,
    "passed": lambda look: _rectified(look, 1.0),
    "blocked": lambda look: _rectified(look, 0.0),
    "inner_missing": _inner_missing,
    "outer_at_x": _outer_at_x,
    "outer_at_slope": _outer_at_slope,
    "upstream_missing": _upstream_missing,
    "local_missing": _local_missing,
    "one_branch": _summed("one_branch"),
    "multiplied": _summed("multiplied"),
    "averaged": _summed("averaged"),
    "subtracted": _summed("subtracted"),
    "all_negative": _all_negative,
    "point_swapped": _point_swapped,
    "wrong_constant": _wrong_constant,
}
"""What the words of the catalogue do to a graph; those that are about one answer, or about arrays, stand elsewhere."""
