"""Texts of the table that were read beforehand: `ready.json` holds their graphs, so that a start need not read them.

It is written from the table with the pages of docs/ (`python -m tests.reference`), and a test compares. A text that is
not in it is read where it is needed: a new entry works at once, and a changed one is never what it was before.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping

from backpropcli.graph import CONSTANT, VARIABLE, Graph, Node, number_of

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ready.json")


@functools.cache
def _lines() -> Mapping[str, Mapping[str, str]]:
    """By their variables and then by the text, the graphs as lines."""
    with open(PATH, encoding="utf-8") as file:
        found: Mapping[str, Mapping[str, str]] = json.load(file)
    return found


def graph(text: str, variables: tuple[str, ...]) -> Graph | None:
    """The graph of a formula over these variables, if it was read beforehand."""
    line = _lines().get(" ".join(variables), {}).get(text)
    return None if line is None else _from_line(line)


def _from_line(line: str) -> Graph:
    """The graph that a line writes: nodes with blanks between them, of which the last one is the output.

    A node is a variable's name, a number behind `=`, or an operation with its arguments' places, as in `div:0,1`. What
    the text gives a name is followed by that: `div:0,1@h`.
    """
    nodes: list[Node] = []
    names: dict[int, str] = {}
    for written in line.split():
        node, _, name = written.partition("@")
        op, applied, places = node.partition(":")
        if name:
            names[len(nodes)] = name
        if applied:
            nodes.append(Node(op, tuple([int(place) for place in places.split(",")])))
        elif op[0] == "=":
            nodes.append(Node(CONSTANT, (), float(op[1:])))
        else:
            nodes.append(Node(VARIABLE, (), op))
    return Graph(tuple(nodes), (len(nodes) - 1,), names)


def written(texts: Iterable[tuple[tuple[str, ...], str, Graph]]) -> str:
    """The file that holds these graphs: a text a line, so that a change shows as a change."""
    groups: dict[str, dict[str, str]] = {}
    for variables, text, made in texts:
        groups.setdefault(" ".join(variables), {})[text] = " ".join(_to_line(made))
    blocks = []
    for names, lines in sorted(groups.items()):
        rows = ",\n".join(f" {json.dumps(text)}: {json.dumps(line)}" for text, line in sorted(lines.items()))
        blocks.append(f"{json.dumps(names)}: {{\n{rows}\n}}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _to_line(made: Graph) -> Iterator[str]:
    if made.outputs != (len(made.nodes) - 1,):
        raise ValueError("the output of a formula of the table is the last of its nodes")
    for i, (op, args, attribute) in enumerate(made.nodes):
        name = f"@{made.names[i]}" if i in made.names else ""
        if args:
            yield f"{op}:{','.join(map(str, args))}{name}"
        else:
            yield f"={number_of(attribute)!r}{name}" if op == CONSTANT else f"{attribute}{name}"
