"""What makes large batches fast, and small ones no slower: the extra `[fast]`, and NumPy where it is loaded anyway.

The extra is msgspec, which reads and writes JSON several times as fast, to the same bytes.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType

MANY = 256
"""From so many rows on the import pays."""


@functools.cache
def msgspec() -> ModuleType | None:
    """The library, where it is installed."""
    try:
        import msgspec
    except ImportError:
        return None
    library: ModuleType = msgspec
    return library


def count(text: bytes, byte: int) -> int:
    """How often a byte comes; by NumPy, where it is loaded, in a fraction of the time."""
    numpy = sys.modules.get("numpy")
    if numpy is None or len(text) < _LARGE:
        return text.count(byte)
    return int(numpy.count_nonzero(numpy.frombuffer(text, numpy.uint8) == byte))


_LARGE = 1 << 14
