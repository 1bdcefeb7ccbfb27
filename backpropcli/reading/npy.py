"""Arrays out of NumPy's .npy files: the header is read first and as text, and nothing is made before it adds up."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal, Protocol

from backpropcli.errors import DataError
from backpropcli.reading.arrays import MAX_AXES, entry
from backpropcli.reading.sources import named, opened
from backpropcli.reading.values import spelled
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backpropcli.reading.values import Value

_MAGIC = b"\x93NUMPY"
HEADER_LIMIT = 10_000
"""Bytes of a header, as NumPy has it; that of an array of numbers takes 118."""
_LONGEST_SIZE = 15
_DOUBLE = 8

_HEADER = re.compile(
    rb"\{ *'descr': *(?P<kind>.*?), *'fortran_order': *(?P<fortran>True|False), *"
    rb"'shape': *\((?P<shape>(?:(?:[0-9]+, ?)+(?:[0-9]+)?)?)\),? *\} *\n?\Z",
    re.DOTALL,
)
_NUMBERS = re.compile(rb"'([<>|=]?(?:f[248]|[iu][1248]))'\Z")
_LETTER = re.compile(rb"'[<>|=]?([A-Za-z?])")
_WORDS = {
    b"O": "Python objects, which only a pickle holds",
    b"b": "true and false",
    b"?": "true and false",
    b"c": "complex numbers",
    b"S": "texts",
    b"a": "texts",
    b"U": "texts",
    b"M": "dates",
    b"m": "spans of time",
    b"V": "bytes without a meaning",
    b"f": "numbers of an unusual size",
}


class _Header(NamedTuple):
    kind: str
    """What NumPy calls the kind of number."""
    fortran: bool
    dims: tuple[int, ...]
    size: int
    """Bytes before the numbers."""


class NpyFile(Protocol):
    """What holds an array: a file, or a part of one."""

    size: int | None
    """In bytes; None where nobody knows."""

    def read(self, count: int) -> bytes:
        """The next so many bytes; fewer at the end only."""

    def fill(self, view: memoryview) -> int:
        """The number of bytes that were read into the view; fewer than it holds at the end only."""


def array_in(path: str, name: str, *, ieee: bool, max_bytes: int) -> Value:
    """The number or array in a .npy file, as doubles that take at most `max_bytes`."""
    source = named(path)
    with opened(path) as file:
        return _finite(array_of(file, name, source, max_bytes), name, ieee=ieee)


def array_of(file: NpyFile, name: str, source: str, max_bytes: int) -> NDArray[np.float64]:
    """The array in an open .npy file, as doubles that take at most `max_bytes`, finite or not."""
    return stored(file, name, source, max_bytes).astype("f8", copy=False)


def stored(file: NpyFile, name: str, source: str, max_bytes: int) -> NDArray[Any]:
    """The same with whole numbers as they are: beyond 2^53 they are not all doubles, and may be names of something."""
    header = _header(file, name, source)
    count = math.prod(header.dims)
    if count * _DOUBLE > max_bytes:
        raise DataError(
            f"{name}, in {source}, would take {count * _DOUBLE:,} bytes, and the limit is {max_bytes:,}",
            hint="raise the limit with --max-bytes, if it is meant to be this large",
        )
    # Loaded here, since that takes longer than most evaluations.
    import numpy as np

    dtype = np.dtype(header.kind)
    size = count * dtype.itemsize
    there = size if file.size is None else file.size - header.size
    if there == size:
        held = np.empty(size, np.uint8)
        there = file.fill(held.data)
        there += len(file.read(1))
    if there != size:
        raise DataError(
            f"the header of {source} says {size:,} bytes of numbers, but {_compared(there, size)}",
            hint="write the file again, as in numpy.save('w.npy', w)",
        )
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    target = dtype.newbyteorder("=") if dtype.kind in "iu" else np.dtype(np.float64)
    array = np.ascontiguousarray(held.view(dtype).reshape(header.dims, order=order), dtype=target)
    return array.reshape(header.dims)


def _compared(there: int, size: int) -> str:
    return f"only {there:,} follow" if there < size else "more follow"


def _finite(array: NDArray[np.float64], name: str, *, ieee: bool) -> Value:
    import numpy as np

    if not ieee and not (finite := np.isfinite(array)).all():
        k = int(np.argmin(finite))
        value = float(array.flat[k])
        subject = f"{entry(k, array.shape)} of {name}" if array.ndim else name
        spelled("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity", subject, ieee=False)
    return array if array.ndim else float(array)


def _header(file: NpyFile, name: str, source: str) -> _Header:
    start = file.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise DataError(f"{source} is not a .npy file", hint="write it as in numpy.save('w.npy', w)")
    if start[6] not in (1, 2, 3):
        raise DataError(
            f"{source} is of version {start[6]}.{start[7]} of the .npy format, and 1 to 3 are read",
            hint="write it as in numpy.save('w.npy', w)",
        )
    length = file.read(2 if start[6] == 1 else 4)
    size = int.from_bytes(length, "little")
    if size > HEADER_LIMIT:
        raise DataError(
            f"the header of {source} is {size:,} bytes long, and the limit is {HEADER_LIMIT:,}",
            hint="save numbers alone, without names for their parts",
        )
    found = _HEADER.match(file.read(size))
    if found is None:
        raise DataError(f"the header of {source} is not NumPy's", hint="write it as in numpy.save('w.npy', w)")
    kind = _NUMBERS.match(found["kind"])
    if kind is None:
        raise DataError(
            f"{source} holds {_words(found['kind'])}, where numbers are expected for {name}",
            hint="save it as float64, without pickle, as in numpy.save('w.npy', w.astype(float))",
        )
    dims = _dims(found["shape"], name, source)
    return _Header(kind[1].decode(), found["fortran"] == b"True", dims, 8 + len(length) + size)


def _dims(shape: bytes, name: str, source: str) -> tuple[int, ...]:
    sizes = [size for size in shape.replace(b" ", b"").split(b",") if size]
    if len(sizes) > MAX_AXES:
        raise DataError(
            f"{name}, in {source}, has {len(sizes)} axes, and an array has at most {MAX_AXES}", hint="reshape it"
        )
    # int takes a time that grows as the square of the digits.
    dims = tuple([int(size[-_LONGEST_SIZE:]) + 10**_LONGEST_SIZE * (len(size) > _LONGEST_SIZE) for size in sizes])
    if 0 in dims:
        raise DataError(
            f"{name}, in {source}, has shape ({shape.decode()}), and an array has at least one entry",
            hint="leave out an axis of size 0",
        )
    return dims


def _words(kind: bytes) -> str:
    """What an array of this kind holds."""
    if kind[:1] == b"[":
        return "records"
    letter = _LETTER.match(kind)
    return _WORDS.get(letter[1], "something else") if letter else "something else"
