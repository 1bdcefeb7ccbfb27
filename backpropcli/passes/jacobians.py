"""The local derivative along an edge between arrays: which kind of matrix it is, and its entries where it is small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from backpropcli import primitives
from backpropcli.algebras.algebra import Map
from backpropcli.graph import STEP
from backpropcli.passes.evaluate import dims_of
from backpropcli.passes.products import dense, units
from backpropcli.passes.sweeps import Trace
from backpropcli.primitives import Bilinear, Each, Elementwise
from backpropcli.report import SHOWN, Jacobian


def local_jacobian(trace: Trace[Any], i: int, k: int, names: Sequence[str]) -> Jacobian:
    """The Jacobian of node i by its k-th argument; all of it where both sides are small."""
    own, other = dims_of(trace.values[i]), dims_of(trace.values[trace.graph.nodes[i].args[k]])
    entries = None
    if max(math.prod(own), math.prod(other)) <= SHOWN:
        entries = _entries(trace, i, k, own, other)
    return Jacobian((*own, *other), _structure(trace, i, k, names), entries)


def _entries(trace: Trace[Any], i: int, k: int, own: tuple[int, ...], other: tuple[int, ...]) -> Any:
    partial = trace.partials[i][k]
    if partial is None:
        return np.zeros((*own, *other)).tolist()
    columns = [dense(trace.algebra.push(unit, partial), own) for unit in units(other)]
    return np.stack(columns, axis=-1).reshape((*own, *other)).tolist() if columns else np.zeros((*own, *other)).tolist()


def _structure(trace: Trace[Any], i: int, k: int, names: Sequence[str]) -> str:
    """What kind of matrix it is, by the operation's rule."""
    op, args, _ = trace.graph.nodes[i]
    partial = trace.partials[i][k]
    if partial is None:
        return "0"
    if op == STEP:
        return "I"
    entry = primitives.TABLE[op]
    if entry.structure and k < len(entry.structure) and entry.structure[k]:
        found = entry.structure[k]
        for parameter, j in zip(entry.names, args, strict=False):
            found = found.replace(f"{{{parameter}}}", names[j])
        return found
    if not isinstance(partial, Map) or isinstance(entry.rule, (Elementwise, Each)):
        return "diag"
    return "bilinear" if isinstance(entry.rule, Bilinear) else "dense"
