"""A lowered formula's operations in an order in which few results wait at a time, so that a cache holds them.

As they come, all values stand before all derivatives; so every value waits until the sweep back is there.
"""

from __future__ import annotations

import heapq

from backpropcli.graph import CONSTANT, VARIABLE, Node
from backpropcli.passes.lower import Program


def ordered(program: Program) -> Program:
    """The same program: what lets go of most others always comes next, and of equals what came first before."""
    nodes = program.nodes
    given = [i for i, node in enumerate(nodes) if node.op in (CONSTANT, VARIABLE)]
    args = [() if node.op in (CONSTANT, VARIABLE) else tuple(dict.fromkeys(node.args)) for node in nodes]
    users: list[list[int]] = [[] for _ in nodes]
    for i, each in enumerate(args):
        for j in each:
            users[j].append(i)
    # Whoever reads a result at the end is a user that never comes; nobody waits for what is given.
    left = [len(each) for each in users]
    for i in (*program.outputs, *given):
        left[i] += len(nodes)
    missing = [len(each) for each in args]
    last = [0] * len(nodes)
    """By node, of how many others it is the last user."""
    done = [False] * len(nodes)
    order: list[int] = []
    ready: list[tuple[int, int]] = []

    def computed(i: int) -> None:
        done[i] = True
        order.append(i)
        for j in args[i]:
            left[j] -= 1
            if left[j] == 1:
                found(next(user for user in users[j] if not done[user]))
        if left[i] == 1:
            found(users[i][0])
        for user in users[i]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, (-last[user], user))

    def found(user: int) -> None:
        last[user] += 1
        if not missing[user]:
            heapq.heappush(ready, (-last[user], user))

    for i in given:
        computed(i)
    while ready:
        _, i = heapq.heappop(ready)
        if not done[i]:
            computed(i)
    return _placed(program, order)


def _placed(program: Program, order: list[int]) -> Program:
    position = {i: k for k, i in enumerate(order)}
    nodes = program.nodes

    def placed(found: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([position[i] for i in found])

    return program._replace(
        nodes=tuple([Node(nodes[i].op, placed(nodes[i].args), nodes[i].attribute) for i in order]),
        outputs=placed(program.outputs),
        finite=placed(program.finite),
        edges=placed(program.edges),
        bits=placed(program.bits),
        domain=placed(program.domain),
    )
