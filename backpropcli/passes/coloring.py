"""Which second derivatives can be other than 0, and which columns of a Hessian one product can give together.

Columns without a common row are one group: the Hessian times their sum holds each of their entries alone (Curtis,
Powell and Reid, On the Estimation of Sparse Jacobian Matrices, 1974). The pattern is found from the graph: it is never
too small, whatever the values are. Rows are bit masks.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.graph import STEP, VARIABLE, Graph


def bits(mask: int) -> Iterator[int]:
    """The places of the ones in a mask."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@functools.cache
def bends(op: str, count: int) -> tuple[tuple[int, int], ...]:
    """The pairs of arguments of an operation on numbers by which a second derivative can be other than 0."""
    names = rules.arguments(primitives.TABLE[op], count)
    moving = [k for k in range(count) if rules.partial(op, k, count) is not None]
    found = []
    for k in moving:
        read = (rules.partial(op, k, count) or Graph((), ())).variables
        found += [(k, m) for m in moving if names[m] in read or rules.RESULT in read]
    return tuple(found)


def pattern(graph: Graph, wrt: Sequence[str]) -> list[int]:
    """Of the Hessian of a formula over numbers, the places in every row that can be other than 0."""
    place = {name: k for k, name in enumerate(wrt)}
    rows = [0] * len(wrt)
    depends: list[int] = []
    for op, args, attribute in graph.nodes:
        if not args:
            at = place.get(str(attribute)) if op == VARIABLE else None
            depends.append(0 if at is None else 1 << at)
            continue
        own = [depends[j] for j in args]
        if op == STEP:
            depends.append(own[0])
            continue
        union = 0
        for k, mask in enumerate(own):
            if mask and rules.partial(op, k, len(args)) is not None:
                union |= mask
        depends.append(union)
        for k, m in bends(op, len(args)):
            for row in bits(own[k]):
                rows[row] |= own[m]
            for row in bits(own[m]):
                rows[row] |= own[k]
    return rows


def groups(rows: Sequence[int]) -> list[list[int]]:
    """The columns of a symmetric pattern in groups, each without a common row; empty columns are in none."""
    found: list[list[int]] = []
    taken: list[int] = []
    for column, mask in enumerate(rows):
        if not mask:
            continue
        for at, covered in enumerate(taken):
            if not covered & mask:
                found[at].append(column)
                taken[at] |= mask
                break
        else:
            found.append([column])
            taken.append(mask)
    return found
