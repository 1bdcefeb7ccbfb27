"""The formula language itself: a program whose shared parts have names."""

from __future__ import annotations

from collections.abc import Sequence

from backpropcli.algebras.text import Source, Text
from backpropcli.exporting import Slope
from backpropcli.exporting._lines import lines
from backpropcli.graph import Graph

OF_ROWS = False

# A part that is written longer than this gets a line of its own.
LINE = 72


def write(graph: Graph, names: list[str], *, inline: bool = False, slopes: Sequence[Slope] = ()) -> str:
    """The graph as definitions, one a line, its outputs last under these names; a single output stands bare.

    `slopes` holds what derivative each output is: `dz_dx = 3` would read back as the value of a variable dz_dx, and is
    written `dz_dx = 3 + 0*x`.
    """
    text = Text()
    definitions, outputs, varies = lines(graph, names, text, inline=inline, longest=LINE)
    made = [f"{name} = {source.text}" for name, source in definitions]
    if len(outputs) == 1:
        return "\n".join([*made, outputs[0].text])
    for k, (name, source) in enumerate(zip(names, outputs, strict=True)):
        value = source if varies[k] or not slopes else _varying(text, source, slopes[k].by[0])
        made.append(f"{name} = {value.text}")
    return "\n".join(made)


def _varying(text: Text, number: Source, variable: str) -> Source:
    return text.function("add", 2)(number, text.function("mul", 2)(text.constant(0.0), text.name(variable)))
