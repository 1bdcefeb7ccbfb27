"""A graph as lines: which of its parts have a line and a name of their own, whatever the language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from backpropcli.algebras.text import Source
from backpropcli.errors import BackpropError
from backpropcli.graph import VARIABLE, Graph, Literal, literal_of, tree_sizes
from backpropcli.records import NamedTuple

LONGEST_NUMBER = 2_000

# Operations beyond which nobody reads formulas that are written out.
INLINE = 10_000


class Writing(Protocol):
    """An algebra whose values are texts."""

    def constant(self, number: Literal) -> Source:
        """The number or the array."""
        ...

    def name(self, text: str) -> Source:
        """The variable, or the part that was given this name."""
        ...

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """The primitive over its arguments."""
        ...


class Lines(NamedTuple):
    """What a program consists of."""

    definitions: list[tuple[str, Source]]
    """The parts that have a name, each after those that it uses."""
    outputs: list[Source]
    varies: list[bool]
    """Of each output whether it depends on any variable."""


def lines(graph: Graph, names: list[str], writing: Writing, *, inline: bool, longest: int, joint: str = "") -> Lines:
    """The graph in lines of about `longest` characters; `names` are taken. Linear in the graph.

    What is used more than once, or would make a line long, is named: by the user's name for it, or `v`, `joint` and a
    number. With `inline` nothing is. Raises BackpropError where formulas would be too long for that.
    """
    if inline:
        _refuse_long(graph)
    uses = [0] * len(graph.nodes)
    for node in graph.nodes:
        for j in node.args:
            uses[j] += 1
    varies = graph.active(graph.variables)
    taken = {*graph.variables, *graph.names.values(), *names}
    prefix = next(p + joint for p in ("v", "w", "t", "v_", "w_") if not any(_is_numbered(name, p) for name in taken))
    definitions: list[tuple[str, Source]] = []
    sources: list[Source] = []
    given: set[str] = set()
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if op == VARIABLE:
            sources.append(writing.name(str(attribute)))
            continue
        source = (
            writing.function(op, len(args))(*[sources[j] for j in args])
            if args
            else writing.constant(literal_of(attribute))
        )
        # A definition without variables would read back as a binding, which is a variable: only what is long has one.
        if varies[i]:
            named = uses[i] > 1 or (len(source.text) > longest and uses[i] > 0)
        else:
            named = len(source.text) > LONGEST_NUMBER and uses[i] > (0 if args else 1)
        if named and not inline:
            name = graph.names.get(i, "")
            if not name or name in given:
                name = f"{prefix}{len(definitions) + 1}"
            given.add(name)
            definitions.append((name, source))
            source = writing.name(name)
        sources.append(source)
    return Lines(definitions, [sources[i] for i in graph.outputs], [varies[i] for i in graph.outputs])


def _refuse_long(graph: Graph) -> None:
    sizes = tree_sizes(graph)
    operations = sum([sizes[i] for i in graph.outputs])
    if operations > INLINE:
        several = "formulas have" if len(graph.outputs) > 1 else "formula has"
        raise BackpropError(
            f"written out without names the {several} {operations:,} operations, and the limit is {INLINE:,}",
            hint="leave out --inline: shared parts are then written once",
        )


def _is_numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].removeprefix("_").isdigit()
