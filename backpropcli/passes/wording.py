"""How a node is written: its formula, its label with dots, its local derivatives, over the names of its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Interpretation, fold
from backpropcli.algebras.symbols import Symbols
from backpropcli.algebras.text import TOO_LONG, Source, Text
from backpropcli.graph import CONSTANT, STEP, VARIABLE, Graph, GraphBuilder, Literal, Node, literal_of, tree_sizes
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.primitives import ALL, PRECEDENCE, Bilinear, General, Linear, Primitive, Reduction
from backpropcli.report import ADJOINT, OUTPUT

# Operations beyond which a symbolic derivative explains nothing, and beyond which a formula is not repeated in a row.
RULE_SIZE = 40
FORMULA_SIZE = 2_000
# Nodes of a step beyond which nobody looks for derivatives short enough.
STEP_SIZE = 200


class Wording(NamedTuple):
    """Templates: inputs stand in them as placeholders, since a name is never in need of brackets."""

    formula: str
    label: str
    """Where a lecture puts dots for the inputs."""
    rules: tuple[str | None, ...]
    """The local derivatives, one an input. Of an operation on arrays as a whole, what carries the adjoint back."""
    structures: tuple[str, ...]
    """What kind of matrix each local derivative is where arrays are at its ends: `diag`, `I`, the name of a matrix."""


class Hand(NamedTuple):
    """How wordings are written: the algebras of formulas, labels and rules."""

    formula: Interpretation[Source]
    label: Interpretation[Source]
    rule: Interpretation[Source]
    pull: Interpretation[Source]
    """Of what carries an adjoint back through an operation on arrays as a whole."""
    adjoint: str = ADJOINT
    spaced: bool = False
    """Whether a label keeps its spaces."""


_ATOM = PRECEDENCE["atom"]


class _Told(Text):
    """Text without the shapes that helpers are given, which whatever has them shows, and what they have by default."""

    def __init__(self, *, lecture: bool = False, product: str = "·") -> None:
        super().__init__(lecture=lecture, product=product)
        self._everything = self.constant(ALL)

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Writing the primitive over the arguments that say something."""
        written = super().function(op, count)
        entry = primitives.TABLE[op]
        if entry.operator is not None or not entry.static or op in ("index", "slice"):
            return written
        names = rules.arguments(entry, count)

        def call(*args: Source) -> Source:
            told = [k for k, arg in enumerate(args) if self._says(entry, names[k], arg)]
            if len(told) == count:
                return written(*args)
            name = (entry.symbol if self.lecture else None) or entry.written or entry.name
            texts = [f"axis={args[k].text}" if names[k] == "axis" else args[k].text for k in told]
            return Source(f"{name}({', '.join(texts)})", _ATOM)

        return call

    def _says(self, entry: Primitive, parameter: str, arg: Source) -> bool:
        return not entry.helper or (parameter != "s" and arg != self._everything)


class _Pull(_Told):
    """The text of rules of operations on arrays, as a lecture prints them: an outer product is a column times a row."""

    def __init__(self) -> None:
        super().__init__(lecture=True)

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Writing the primitive over its arguments; of shapes, and of an axis that is all of them, nothing is told."""
        if op == "shape":
            return lambda _: _SHAPE
        written = super().function(op, count)
        if op == "outer":
            product, transpose = super().function("matmul", 2), self.function("transpose", 1)
            # With the adjoint on the right it is of rows, as in y = x @ W: dW = x' @ dy.
            return lambda a, b: product(transpose(a), b) if b.text == ADJOINT else product(a, transpose(b))
        if op == "place":
            indexed = super().function("index", count - 1)
            return lambda x, _, *i: Source(f"{x.text} at {indexed(_BARE, *i).text[1:]}", PRECEDENCE["ternary"])
        if op == "transpose":
            return lambda a: written(Source(f"({a.text})", _ATOM) if a.text == ADJOINT else a)
        return written

    def _says(self, entry: Primitive, parameter: str, arg: Source) -> bool:
        return arg not in (_SHAPE, self._everything) and super()._says(entry, parameter, arg)


_SHAPE = Source("shape", _ATOM)
_BARE = Source(OUTPUT, _ATOM)


PLAIN = Hand(_Told(), _Told(lecture=True, product="×"), _Told(lecture=True), _Pull())
"""The formula language, and for reading what a slide prints."""

_LECTURE = _Told(lecture=True, product=" · ")
BOARD = Hand(_LECTURE, _LECTURE, _LECTURE, _Pull())
"""What is written on a board, where numbers are put in: products need room."""


# Operations whose wording is the same for one number as for another, apart from 0, 1 and negative ones.
_PLAIN = frozenset({"add", "sub", "mul", "div", "lt", "le", "gt", "ge", "eq", "ne"})
# Of others so many are made for numbers of their own, x^17 as 17*x^16; beyond that it is 17*x^(17 - 1).
OWN = 1_000
_OWN = frozenset({0.0, 1.0, -1.0, *primitives.CONSTANTS.values()})


def _is_plain(number: Literal | None, least: float = 0.0) -> bool:
    return isinstance(number, float) and number > least and number not in _OWN


def placeholder(k: int) -> str:
    """What stands for the k-th input in a template: a character that no name has."""
    return _PLACES[k] if k < len(_PLACES) else chr(0xF0000 + k)


_PLACES = tuple([chr(0xF0000 + k) for k in range(16)])


def position_of(character: str) -> int | None:
    """Which input a character of a template stands for; None where it is one of the formula's own."""
    return ord(character) - 0xF0000 if character >= _PLACES[0] else None


def filled(template: str, names: Sequence[str]) -> str:
    """The template over these names."""
    for k, name in enumerate(names):
        template = template.replace(placeholder(k), name)
    return template


class Words:
    """The wordings of nodes; those of equal shape are made once."""

    def __init__(self, hand: Hand = PLAIN) -> None:
        self._hand = hand
        self._gates: dict[tuple[object, ...], Wording] = {}
        self._steps: dict[tuple[Node, ...], Wording] = {}

    def gate(self, op: str, numbers: Sequence[Literal | None]) -> Wording:
        """The wording of a primitive; `numbers` holds its constant arguments, None where an argument is an input."""
        key = op, *numbers
        found = self._gates.get(key)
        if found is not None:
            return found
        least = 0.0 if op in _PLAIN else -math.inf
        if op in _PLAIN or (len(self._gates) >= OWN and not primitives.TABLE[op].static):
            plain = [_is_plain(number, least) for number in numbers]
            if any(plain):
                return self._with_numbers(op, numbers, plain)
        found = self._gates[key] = _gate(op, tuple(numbers), self._hand)
        return found

    def _with_numbers(self, op: str, numbers: Sequence[Literal | None], plain: Sequence[bool]) -> Wording:
        """The wording over inputs, with plain numbers put in: a thousand of them do not need a thousand wordings."""
        general = self.gate(op, [None if each else number for number, each in zip(numbers, plain, strict=True)])
        places = [number for number, each in zip(numbers, plain, strict=True) if number is None or each]
        written: list[str] = []
        inputs = 0
        for number in places:
            written.append(placeholder(inputs) if number is None else self._number(op, number))
            inputs += number is None
        rules = [
            rule and filled(rule, written) for rule, number in zip(general.rules, places, strict=True) if number is None
        ]
        kinds = [kind for kind, number in zip(general.structures, places, strict=True) if number is None]
        return Wording(filled(general.formula, written), filled(general.label, written), tuple(rules), tuple(kinds))

    def _number(self, op: str, number: Literal) -> str:
        """The number as it may stand anywhere; a positive one in a sum or product needs no brackets there."""
        text, precedence = self._hand.formula.constant(number)
        return text if op in _PLAIN or precedence >= _ATOM else f"({text})"

    def step(self, inside: Graph) -> Wording:
        """The wording of a step, from its formula over the variables `0`, `1` ..."""
        found = self._steps.get(inside.nodes)
        if found is None:
            found = self._steps[inside.nodes] = self._step(inside)
        return found

    def _step(self, inside: Graph) -> Wording:
        variables = inside.variables
        builder = GraphBuilder()
        if any([node.args and node.op != STEP and primitives.TABLE[node.op].array for node in inside.nodes]):
            alone = _alone(inside)
            if alone is not None:
                return self.gate(*alone)
            # The derivative of a step over arrays is a matrix, which its formula does not tell.
            count = len(variables)
            return _wording(inside, builder, [None] * count, count, self._hand, ["dense"] * count)
        slopes: list[int | None] = [None] * len(variables)
        if len(inside.nodes) <= STEP_SIZE:
            inputs = {name: builder.variable(name) for name in variables}
            adjoints = pull(linearize(inside, Symbols(builder, handbook=True), inputs), builder.constant(1.0))
            slopes = [adjoints[i] for i in variables.values()]
        return _wording(inside, builder, slopes, len(variables), self._hand)


def _alone(inside: Graph) -> tuple[str, list[Literal | None]] | None:
    """The operation that a step consists of, with its numbers; None where it is of several, or not over its inputs."""
    *leaves, last = inside.nodes
    if any([node.args for node in leaves]):
        return None
    inputs = [str(inside.nodes[j].attribute) for j in last.args if inside.nodes[j].op == VARIABLE]
    if inputs != list(inside.variables):
        return None
    return last.op, [
        literal_of(inside.nodes[j].attribute) if inside.nodes[j].op == CONSTANT else None for j in last.args
    ]


def _gate(op: str, numbers: tuple[Literal | None, ...], hand: Hand) -> Wording:
    count = len(numbers)
    local = GraphBuilder()
    args, inputs = [], 0
    for number in numbers:
        if op == "index" and isinstance(number, tuple):
            # The bounds of a slice.
            args.append(local.apply("slice", [local.constant(bound) for bound in number]))
        else:
            args.append(local.variable(str(inputs)) if number is None else local.constant(number))
        inputs += number is None
    graph = local.graph([local.apply(op, args)])

    builder = GraphBuilder()
    symbols = Symbols(builder, handbook=True)
    made = fold(graph, symbols, {str(k): builder.variable(str(k)) for k in range(inputs)})
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    slopes: list[int | None] = []
    active = [k for k, number in enumerate(numbers) if number is None]
    for k in active:
        rule = rules.handbook(op, k, count)
        if rule is None:
            slopes.append(None)
            continue
        values = dict(zip(names, [*[made[i] for i in args], made[graph.outputs[0]]], strict=True))
        slopes.append(fold(rule, symbols, values)[rule.outputs[0]])
    found = _wording(graph, builder, slopes, inputs, hand)
    if not primitives.TABLE[op].array:
        return found
    places = iter(range(inputs))
    given = [
        Source(placeholder(next(places)), _ATOM) if number is None else _constant(op, number, hand)
        for number in numbers
    ]
    return found._replace(
        rules=tuple([_rule(op, k, given, hand) for k in active]),
        structures=tuple([_structure(primitives.TABLE[op], k, given, numbers) for k in active]),
    )


def _constant(op: str, number: Literal, hand: Hand) -> Source:
    """A constant argument, as rules have it."""
    if op == "index" and isinstance(number, tuple):
        return hand.rule.function("slice", len(number))(*[hand.rule.constant(bound) for bound in number])
    return hand.rule.constant(number)


def _rule(op: str, k: int, args: Sequence[Source], hand: Hand) -> str | None:
    """Of an operation on arrays as a whole what its derivative by the k-th argument is, or does.

    Where it gathers, each entry's derivative as a handbook prints it, or the condition that routes; else what carries
    the adjoint back: the rule's own text over these arguments. None where that takes what only rules know of.
    """
    entry = primitives.TABLE[op]
    names = rules.arguments(entry, len(args))
    values = {**dict(zip(names, args, strict=True)), rules.RESULT: Source(OUTPUT, _ATOM)}
    if isinstance(entry.rule, Reduction):
        text = entry.rule.path or (entry.handbook[k] if entry.handbook else None) or entry.rule.partials[k]
        graph = None if text is None else rules.formula(text, (*names, rules.RESULT, _COUNT))
        values[_COUNT] = Source(_COUNT, _ATOM)
    elif isinstance(entry.rule, (Linear, Bilinear, General)):
        graph = rules.pulled(op, k, len(args))
        values[rules.ADJOINT] = Source(hand.adjoint, _ATOM)
    else:
        return None
    if graph is None or tree_sizes(graph)[graph.outputs[0]] > RULE_SIZE:
        return None
    if not all([_is_told(node.op) for node in graph.nodes if node.args]):
        return None
    return fold(graph, hand.pull, values)[graph.outputs[0]].text


ALONG = " along axis "
"""What a structure says of an operation along an axis; it needs no saying of a vector."""

_COUNT = "n"
"""What handbooks call the number of entries."""


def _is_told(op: str) -> bool:
    """Whether a text may name the operation: a helper only where it has a sign or a word."""
    entry = primitives.TABLE[op]
    return not entry.helper or bool(entry.operator or entry.symbol or entry.written) or op in ("expand", "place")


def _structure(entry: Primitive, k: int, args: Sequence[Source], numbers: Sequence[Literal | None]) -> str:
    """What kind of matrix the derivative by the k-th argument is, by the entry's word for it."""
    names = rules.arguments(entry, len(args))
    unnamed = "row" if isinstance(entry.rule, Reduction) else "dense"
    found = entry.structure[min(k, len(entry.structure) - 1)] if entry.structure else unnamed
    for name, arg in zip(names, args, strict=True):
        found = found.replace(f"{{{name}}}", arg.text)
    found = found.replace(f"{{{rules.RESULT}}}", OUTPUT)
    axis = numbers[names.index("axis")] if "axis" in names else ALL
    return found if axis is None or axis == ALL else f"{found}{ALONG}{axis:g}"


def _wording(
    graph: Graph,
    builder: GraphBuilder,
    slopes: Sequence[int | None],
    count: int,
    hand: Hand,
    structures: Sequence[str] | None = None,
) -> Wording:
    plain, label = [_written(graph, text, count, FORMULA_SIZE)[graph.outputs[0]] for text in (hand.formula, hand.label)]
    texts = _written(builder.graph([]), hand.rule, count, RULE_SIZE)
    shown = tuple([None if i is None or texts[i] == TOO_LONG else texts[i] for i in slopes])
    # Entry by entry: the matrix is diagonal, and with the number 1 there it is I.
    kinds = [_diagonal(builder, i) for i in slopes] if structures is None else structures
    return Wording(plain, label if hand.spaced else label.replace(" ", ""), shown, tuple(kinds))


def _diagonal(builder: GraphBuilder, slope: int | None) -> str:
    node = None if slope is None else builder.nodes[slope]
    number = literal_of(node.attribute) if node is not None and node.op == CONSTANT else None
    return {1.0: "I", -1.0: "-I"}.get(number, "diag") if isinstance(number, float) else "diag"


def _written(graph: Graph, text: Interpretation[Source], count: int, limit: int) -> list[str]:
    """Every node as text; those whose text would repeat or run on beyond the limit as `TOO_LONG`."""
    sizes = tree_sizes(graph)
    names = [Source(placeholder(k), PRECEDENCE["atom"]) for k in range(count)]
    found: list[Source] = []
    for (op, args, attribute), size in zip(graph.nodes, sizes, strict=True):
        if size > limit:
            found.append(Source(TOO_LONG, PRECEDENCE["atom"]))
        elif args:
            found.append(text.function(op, len(args))(*[found[j] for j in args]))
        elif op == VARIABLE:
            found.append(names[int(str(attribute))])
        else:
            found.append(text.constant(literal_of(attribute)))
    return [source.text for source in found]
