"""The formula language itself: a program whose shared parts have names."""

from __future__ import annotations

from collections.abc import Sequence

from backpropcli.algebras.text import Source, Text
from backpropcli.errors import BackpropError
from backpropcli.graph import VARIABLE, Graph, literal_of, tree_sizes

# A part that is written longer than this gets a line of its own.
LINE = 72
LONGEST_NUMBER = 2_000

# Operations beyond which nobody reads formulas that are written out.
INLINE = 10_000


def write(graph: Graph, names: list[str], *, inline: bool = False, by: Sequence[str] = ()) -> str:
    """The graph as definitions, one a line, its outputs last under these names; a single output stands bare.

    `by` holds a variable an output, the one it is a derivative by: `dz_dx = 3` would read back as the value of a
    variable dz_dx, and is written `dz_dx = 3 + 0*x`.

    What is used more than once, or would make a line long, is named. Linear in the graph. With `inline` nothing is, and
    a formula that would be too long for that is refused.
    """
    if inline:
        sizes = tree_sizes(graph)
        operations = sum([sizes[i] for i in graph.outputs])
        if operations > INLINE:
            several = "formulas have" if len(graph.outputs) > 1 else "formula has"
            raise BackpropError(
                f"written out without names the {several} {operations:,} operations, and the limit is {INLINE:,}",
                hint="leave out --inline: shared parts are then written once",
            )
    text = Text()
    uses = [0] * len(graph.nodes)
    for node in graph.nodes:
        for j in node.args:
            uses[j] += 1
    varies = graph.active(graph.variables)
    taken = {*graph.variables, *graph.names.values(), *names}
    prefix = next(p for p in ("v", "w", "t", "v_", "w_") if not any(_is_numbered(name, p) for name in taken))
    lines: list[str] = []
    sources: list[Source] = []
    given: set[str] = set()
    for i, (op, args, attribute) in enumerate(graph.nodes):
        if op == VARIABLE:
            sources.append(text.name(str(attribute)))
            continue
        source = (
            text.function(op, len(args))(*[sources[j] for j in args]) if args else text.constant(literal_of(attribute))
        )
        # A definition without variables would read back as a binding, which is a variable: only what is long has one.
        if varies[i]:
            named = uses[i] > 1 or (len(source.text) > LINE and uses[i] > 0)
        else:
            named = len(source.text) > LONGEST_NUMBER and uses[i] > (0 if args else 1)
        if named and not inline:
            name = graph.names.get(i, "")
            if not name or name in given:
                name = f"{prefix}{len(lines) + 1}"
            given.add(name)
            lines.append(f"{name} = {source.text}")
            source = text.name(name)
        sources.append(source)
    if len(graph.outputs) == 1:
        lines.append(sources[graph.outputs[0]].text)
    else:
        for k, (name, i) in enumerate(zip(names, graph.outputs, strict=True)):
            source = sources[i] if varies[i] or not by else _varying(text, sources[i], by[k])
            lines.append(f"{name} = {source.text}")
    return "\n".join(lines)


def _varying(text: Text, number: Source, variable: str) -> Source:
    return text.function("add", 2)(number, text.function("mul", 2)(text.constant(0.0), text.name(variable)))


def _is_numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()
