"""Work that grows faster than the formula: counted before it is done, and refused where it would take long."""

from __future__ import annotations

from collections.abc import Mapping

from backpropcli.errors import BackpropError
from backpropcli.records import NamedTuple

MAX_BYTES = 1 << 30
"""The most that the values of all nodes may take together."""


class Work(NamedTuple):
    """One kind of work."""

    factor: int
    """How many times the nodes' limit may be done of it; that takes two or three seconds."""
    said: str
    """What it is, with its amount for {}."""
    less: str
    """What to ask for instead."""


_FEWER = "choose fewer variables with --wrt"
KINDS: Mapping[str, Work] = {
    "comparisons": Work(20, "what is said beside the formula takes {} terms to compare", "say less of it"),
    "differences": Work(50, "differences of values take {} evaluations of nodes", _FEWER),
    "hessian": Work(2, "the Hessian goes through {} nodes, a column at a time", _FEWER),
    "jacobian": Work(10, "the Jacobian goes through {} nodes", _FEWER),
    "products": Work(100, "derivatives of this order take {} products", "ask for a lower order"),
    "steps": Work(1, "the formulas of the steps have {} nodes in all", "leave out --nodes steps"),
    "symbols": Work(1, "these derivatives go through {} nodes", f"{_FEWER}, or a lower order"),
    "tangents": Work(5, "a tangent of every node by every variable is {} numbers", _FEWER),
}


def check(kind: str, count: int, max_nodes: int | None) -> None:
    """Refuse so much work of a kind, if the nodes have a limit."""
    work = KINDS[kind]
    if max_nodes is not None and count > work.factor * max_nodes:
        raise BackpropError(
            f"{work.said.replace('{}', f'{count:,}')}, and the limit is {work.factor * max_nodes:,}",
            hint=f"{work.less}, or raise the limit with --max-nodes",
        )


class Meter:
    """Work of one kind that is found out piece by piece."""

    def __init__(self, kind: str, max_nodes: int | None) -> None:
        self.kind = kind
        self.max_nodes = max_nodes
        self.count = 0

    def add(self, count: int) -> None:
        """So much more of it, which is refused where it is too much in all."""
        self.count += count
        check(self.kind, self.count, self.max_nodes)
