"""The local derivative along an edge between arrays: its entries where it is small, else its shape and structure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backpropcli.algebras.arrays import Arrays
from backpropcli.passes.entries import dense, units
from backpropcli.passes.evaluate import dims_of
from backpropcli.passes.sweeps import Trace
from backpropcli.passes.wording import ALONG
from backpropcli.report import SHOWN, Jacobian


def local_jacobian(trace: Trace[Any], i: int, k: int, structure: str) -> Jacobian:
    """The Jacobian of node i by its k-th argument; all of it where both sides are small."""
    own, other = dims_of(trace.values[i]), dims_of(trace.values[trace.graph.nodes[i].args[k]])
    small = max(math.prod(own), math.prod(other)) <= SHOWN
    entries = _entries(trace, i, k, own, other) if small else None
    if trace.partials[i][k] is None:
        structure = "0"
    elif len(other) < 2:
        structure = structure.partition(ALONG)[0]
    return Jacobian((*own, *other), structure, entries)


def _entries(trace: Trace[Any], i: int, k: int, own: tuple[int, ...], other: tuple[int, ...]) -> Any:
    """As nested lists, a tangent for every entry of the argument; -0 is 0."""
    partial = trace.partials[i][k]
    if partial is None or 0 in other:
        return np.zeros((*own, *other)).tolist()
    columns = [dense(trace.algebra.push(Arrays.moving(unit), partial), own) for unit in units(other)]
    return (np.stack(columns, axis=-1).reshape((*own, *other)) + 0.0).tolist()
