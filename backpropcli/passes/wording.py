"""How a node is written: its formula, its label with dots, its local derivatives, over the names of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import Interpretation, fold
from backpropcli.algebras.symbols import Symbols
from backpropcli.algebras.text import TOO_LONG, Source, Text
from backpropcli.graph import VARIABLE, Graph, GraphBuilder, Node, number_of, tree_sizes
from backpropcli.passes.sweeps import linearize, pull
from backpropcli.primitives import PRECEDENCE

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


class Hand(NamedTuple):
    """How wordings are written: the algebras of formulas, labels and rules."""

    formula: Interpretation[Source]
    label: Interpretation[Source]
    rule: Interpretation[Source]
    spaced: bool = False
    """Whether a label keeps its spaces."""


PLAIN = Hand(Text(), Text(lecture=True, product="×"), Text(lecture=True))
"""The formula language, and for reading what a slide prints."""


# Operations whose wording is the same for one number as for another, apart from 0, 1 and negative ones.
_PLAIN = frozenset({"add", "sub", "mul", "div"})


def _is_plain(number: float | None) -> bool:
    return number is not None and number > 0.0 and number != 1.0 and number not in primitives.CONSTANTS.values()


def placeholder(k: int) -> str:
    """What stands for the k-th input in a template: a character that no name has."""
    return _PLACES[k] if k < len(_PLACES) else chr(0xF0000 + k)


_PLACES = tuple([chr(0xF0000 + k) for k in range(16)])


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

    def gate(self, op: str, numbers: Sequence[float | None]) -> Wording:
        """The wording of a primitive; `numbers` holds its constant arguments, None where an argument is an input."""
        key = op, *numbers
        found = self._gates.get(key)
        if found is not None:
            return found
        if op in _PLAIN and any([_is_plain(number) for number in numbers]):
            return self._with_number(op, numbers)
        found = self._gates[key] = _gate(op, tuple(numbers), self._hand)
        return found

    def _with_number(self, op: str, numbers: Sequence[float | None]) -> Wording:
        """The wording over inputs, with the number put in: a thousand numbers do not need a thousand wordings."""
        general = self.gate(op, [None if _is_plain(number) else number for number in numbers])
        places = [number for number in numbers if number is None or _is_plain(number)]
        written: list[str] = []
        inputs = 0
        for number in places:
            written.append(placeholder(inputs) if number is None else self._hand.formula.constant(number).text)
            inputs += number is None
        rules = [
            rule and filled(rule, written) for rule, number in zip(general.rules, places, strict=True) if number is None
        ]
        return Wording(filled(general.formula, written), filled(general.label, written), tuple(rules))

    def step(self, inside: Graph) -> Wording:
        """The wording of a step, from its formula over the variables `0`, `1` ..."""
        found = self._steps.get(inside.nodes)
        if found is None:
            found = self._steps[inside.nodes] = _step(inside, self._hand)
        return found


def _step(inside: Graph, hand: Hand) -> Wording:
    variables = inside.variables
    builder = GraphBuilder()
    slopes: list[int | None] = [None] * len(variables)
    if len(inside.nodes) <= STEP_SIZE:
        inputs = {name: builder.variable(name) for name in variables}
        adjoints = pull(linearize(inside, Symbols(builder, handbook=True), inputs), builder.constant(1.0))
        slopes = [adjoints[i] for i in variables.values()]
    return _wording(inside, builder, slopes, len(variables), hand)


def _gate(op: str, numbers: tuple[float | None, ...], hand: Hand) -> Wording:
    count = len(numbers)
    local = GraphBuilder()
    args, inputs = [], 0
    for number in numbers:
        args.append(local.variable(str(inputs)) if number is None else local.constant(number))
        inputs += number is None
    graph = local.graph([local.apply(op, args)])

    builder = GraphBuilder()
    symbols = Symbols(builder, handbook=True)
    made = fold(graph, symbols, {str(k): builder.variable(str(k)) for k in range(inputs)})
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    slopes: list[int | None] = []
    for k, number in enumerate(numbers):
        if number is not None:
            continue
        rule = rules.handbook(op, k, count)
        if rule is None:
            slopes.append(None)
            continue
        values = dict(zip(names, [*[made[i] for i in args], made[graph.outputs[0]]], strict=True))
        slopes.append(fold(rule, symbols, values)[rule.outputs[0]])
    return _wording(graph, builder, slopes, inputs, hand)


def _wording(graph: Graph, builder: GraphBuilder, slopes: Sequence[int | None], count: int, hand: Hand) -> Wording:
    plain, label = [_written(graph, text, count, FORMULA_SIZE)[graph.outputs[0]] for text in (hand.formula, hand.label)]
    texts = _written(builder.graph([]), hand.rule, count, RULE_SIZE)
    shown = tuple([None if i is None or texts[i] == TOO_LONG else texts[i] for i in slopes])
    return Wording(plain, label if hand.spaced else label.replace(" ", ""), shown)


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
            found.append(text.constant(number_of(attribute)))
    return [source.text for source in found]
