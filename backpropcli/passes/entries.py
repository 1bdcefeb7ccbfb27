"""An array's entries one by one, and what is carried of it with an entry for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from backpropcli.passes.evaluate import Value

Array = Any


def units(dims: Sequence[int]) -> Iterator[Value]:
    """For every entry of an array the array that is 1 there and 0 elsewhere; for a number 1."""
    if not dims:
        yield 1.0
        return
    for k in range(math.prod(dims)):
        unit = np.zeros(dims)
        unit.flat[k] = 1.0
        yield unit


def dense(carried: Any, dims: Sequence[int]) -> Array:
    """An adjoint or tangent as an array of this shape; 0 where it is absent."""
    if carried is None:
        return np.zeros(dims)
    return np.broadcast_to(carried.value if hasattr(carried, "present") else carried, dims)
