"""Columns of numbers as texts: the shortest that read back the same, as `repr` has them, whoever writes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from typing import Any

from backpropcli.streams import _fast
from backpropcli.streams._rows import Column

JSON_WORDS = {"nan": b'"NaN"', "inf": b'"Infinity"', "-inf": b'"-Infinity"'}
"""What JSON has in place of numbers that are not finite; the same as `eval --json`."""
CSV_WORDS = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}


def written(column: Column, words: Mapping[str, bytes], nulls: Collection[int], null: bytes) -> list[bytes]:
    """Every value of a column as text; `words` say what is not finite, `null` stands at the positions in `nulls`."""
    is_list = isinstance(column, list)
    values: list[Any] = column if is_list else column.tolist()
    if not values:
        return []
    # Of NumPy's arrays the first value shows what the others are.
    if {*map(type, values if is_list else values[:1])} == {float}:
        texts = _texts(values, column, words)
    else:
        texts = [nested(value, words) for value in values]
    for k in nulls:
        texts[k] = null
    return texts


def _texts(values: list[float], column: Column, words: Mapping[str, bytes]) -> list[bytes]:
    """The texts of numbers."""
    library = _fast.msgspec() if len(values) >= _fast.MANY else None
    if library is None:
        texts = repr(values)[1:-1].encode().split(b", ")
        # An infinity or a NaN makes the sum one, too; so may an overflow, which costs a look at every number.
        if not isfinite(sum(values)):
            for k, value in enumerate(values):
                if not isfinite(value):
                    texts[k] = words[repr(value)]
        return texts
    text: bytes = library.json.encode(values)
    texts = text[1:-1].split(b",")
    # The library spells exponents in another way, has them begin one power of ten later, and writes NaN as null.
    for k in _odd(values, column):
        value = values[k]
        texts[k] = repr(value).encode() if isfinite(value) else words[repr(value)]
    return texts


def _odd(values: list[float], column: Column) -> Sequence[int]:
    """The positions of numbers that are written with an exponent, or are not finite."""
    if isinstance(column, list):
        return [k for k, value in enumerate(values) if not _LEAST <= abs(value) < _MOST and value != 0.0]
    import numpy as np

    size = np.abs(column)
    odd: list[int] = np.flatnonzero(~((size >= _LEAST) & (size < _MOST)) & (size != 0.0)).tolist()
    return odd


_LEAST, _MOST = 1e-4, 1e16
"""What `repr` writes without an exponent."""


def nested(value: Any, words: Mapping[str, bytes]) -> bytes:
    """A number, or nested lists of numbers, as JSON has them."""
    if isinstance(value, float):
        text = repr(float(value))
        return text.encode() if isfinite(value) else words[text]
    if hasattr(value, "tolist"):
        value = value.tolist()
    text = json.dumps(value)
    if "N" in text or "I" in text:  # Lists of numbers hold these letters in no other way.
        for word in ("NaN", "Infinity"):
            text = text.replace(word, f'"{word}"')
        text = text.replace('-"Infinity"', '"-Infinity"')
    return text.encode()


def cell(value: Any) -> str:
    """A plain value as JSON has it; numbers that are not finite as texts."""
    if isinstance(value, float):
        text = repr(float(value))
        return text if isfinite(value) else JSON_WORDS[text].decode()
    if isinstance(value, list):
        return f"[{', '.join(map(cell, value))}]"
    if isinstance(value, str):
        return encode_basestring(value) if value.isprintable() else encode_basestring_ascii(value)
    return json.dumps(value)
