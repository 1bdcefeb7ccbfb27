"""Where one sweep loses a derivative the other may keep it: the better defined of the two is the derivative.

Both add up the same products in other orders, so that inf and -inf, or 0 and inf, can meet in one of them alone:
2*sqrt(x) - sqrt(x) is 1*inf at 0 backward, and inf - inf forward. Either mode asks both, so both give the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from backpropcli.passes.examine import Examination, Finding
from backpropcli.passes.sweeps import push
from backpropcli.records import NamedTuple

WORK = 2_000_000
"""Nodes that are pushed through for second opinions, all variables together: a fraction of a second."""
SHOWN = 3
"""Variables that a message names."""


class Meeting(NamedTuple):
    """Where a sweep lost a derivative."""

    kind: str
    """inf_minus_inf, inf_times_zero or overflow."""
    node: int


class Swept(NamedTuple):
    """What a sweep makes of a derivative."""

    value: float
    lost: Meeting | None
    """Where it lost it, if it did; nowhere where a local derivative is infinite or none already."""


class Opinions(NamedTuple):
    """What both sweeps make of a derivative."""

    backward: Swept
    forward: Swept

    @property
    def better(self) -> float:
        """The better defined of the two."""
        return better(self.backward.value, self.forward.value)

    @property
    def meets_zero(self) -> bool:
        """Whether neither sweep has it, and a product of infinity and 0 is why."""
        met = [swept.lost.kind for swept in self if swept.lost]
        return math.isnan(self.better) and "inf_times_zero" in met


def better(a: float, b: float) -> float:
    """Of two values of one derivative the finite before the infinite before nan; of inf and -inf neither."""
    if math.isnan(a) or math.isnan(b):
        return b if math.isnan(a) else a
    if math.isinf(a) and math.isinf(b):
        return a if a == b else math.nan
    # A zero beside an infinity has come by underflow, as that by overflow, and is no better.
    return (b or a) if math.isinf(a) else (a or b)


def opinions(
    examination: Examination, adjoints: Sequence[float | None], seeds: Sequence[float], wrt: Iterable[str]
) -> dict[str, Opinions]:
    """Both sweeps on every variable whose adjoint is not finite; on the first of them, where they are very many."""
    trace = examination.trace
    graph, partials, variables = trace.graph, trace.partials, trace.graph.variables
    most = max(1, WORK // len(graph.nodes))
    found: dict[str, Opinions] = {}

    def from_users(i: int) -> list[_Term]:
        terms = []
        for user in examination.uses[i]:
            edges = zip(graph.nodes[user].args, partials[user], strict=True)
            terms += [_Term(user, partial, user) for j, partial in edges if j == i]
        return terms

    def from_arguments(i: int) -> list[_Term]:
        return [_Term(j, partial, i) for j, partial in zip(graph.nodes[i].args, partials[i], strict=True)]

    for name in wrt:
        i = variables[name]
        adjoint = adjoints[i]
        if adjoint is None or math.isfinite(adjoint):
            continue
        if len(found) == most:
            break
        tangents = push(trace, {name: 1.0})
        moved = [((tangents[j] or 0.0) * seed, j) for j, seed in zip(graph.outputs, seeds, strict=True) if seed]
        worst = next((j for each, j in moved if not math.isfinite(each)), None)
        lost = None if worst is None else _meeting(worst, tangents, from_arguments)
        found[name] = Opinions(
            Swept(adjoint, _meeting(i, adjoints, from_users)), Swept(sum([each for each, _ in moved]), lost)
        )
    return found


class _Term(NamedTuple):
    """One of the products that a sweep adds up at a node."""

    source: int
    """The node whose adjoint or tangent it is of."""
    partial: float | None
    operation: int
    """The node whose local derivative that is."""


def _meeting(i: int, numbers: Sequence[float | None], terms: Callable[[int], Sequence[_Term]]) -> Meeting | None:
    """Where the number that a sweep has at a node stopped to be finite; None where a local derivative is not."""
    undefined = math.isnan(numbers[i] or 0.0)
    is_lost = math.isnan if undefined else math.isinf
    while True:
        for source, partial, operation in terms(i):
            number = numbers[source]
            if number is None or partial is None or not is_lost(number * partial):
                continue
            if is_lost(partial):
                return None
            if not is_lost(number):
                return Meeting("inf_times_zero" if undefined else "overflow", operation)
            i = source
            break
        else:
            return Meeting("inf_minus_inf" if undefined else "overflow", i)


# What is said of them

_WHAT = {
    "inf_minus_inf": "inf and -inf meet at",
    "inf_times_zero": "inf and 0 meet at",
    "overflow": "a product or a sum overflows at",
}


def findings(examination: Examination, found: Mapping[str, Opinions]) -> list[Finding]:
    """Where a sweep lost what the other one has a note; where infinities undo both a warning."""
    groups: dict[tuple[tuple[str, Meeting], ...], list[str]] = {}
    for name, both in found.items():
        sweeps = ("backward", both.backward), ("forward", both.forward)
        lost = tuple([(sweep, swept.lost) for sweep, swept in sweeps if swept.lost and swept.value != both.better])
        if lost and (len(lost) == 1 or all([meeting.kind == "inf_minus_inf" for _, meeting in lost])):
            groups.setdefault(lost, []).append(name)
    return [_finding(examination, lost, names) for lost, names in groups.items()]


def _finding(examination: Examination, lost: Sequence[tuple[str, Meeting]], names: Sequence[str]) -> Finding:
    kind, node = lost[0][1]
    places = [f"in the {sweep} sweep {_WHAT[kind]} {examination.written(i)}" for sweep, (kind, i) in lost]
    by = f"{_listed(names)} {'is' if len(names) == 1 else 'are'}"
    if len(lost) > 1:
        return Finding("warning", node, kind, f"{' and '.join(places)}: {by} undefined")
    other = "forward" if lost[0][0] == "backward" else "backward"
    return Finding("note", node, kind, f"{places[0]}; {by} what the {other} sweep gives")


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the derivative by {names[0]}"
    shown = list(names[:SHOWN])
    last = shown.pop() if len(names) <= SHOWN else f"{len(names) - SHOWN:,} more"
    return f"the derivatives by {', '.join(shown)} and {last}"
