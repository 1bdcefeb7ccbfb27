"""Columns of numbers as texts: the shortest that read back the same, as `repr` has them, whoever writes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from itertools import compress
from math import isfinite
from typing import Any

from backpropcli.errors import visible
from backpropcli.streams import _fast
from backpropcli.streams._rows import Column

JSON_WORDS = {"nan": b'"NaN"', "inf": b'"Infinity"', "-inf": b'"-Infinity"'}
"""What JSON has in place of numbers that are not finite; the same as `eval --json`."""
CSV_WORDS = {"nan": b"NaN", "inf": b"Infinity", "-inf": b"-Infinity"}


def written(column: Column, words: Mapping[str, bytes], nulls: Collection[int], null: bytes) -> list[bytes]:
    """Every value of a column as text; `words` say what is not finite, `null` stands at the positions in `nulls`."""
    values: list[Any] = column.tolist() if hasattr(column, "tolist") else list(column)
    if not values:
        return []
    if {*map(type, values)} <= {float}:
        texts = _quick(values) if len(values) >= _fast.MANY else None
        if texts is None:
            texts = repr(values)[1:-1].encode().split(b", ")
        # An infinity or a NaN makes the sum one, too; so may an overflow, which costs a look at every number.
        if not isfinite(sum(values)):
            for k, value in enumerate(values):
                if not isfinite(value):
                    texts[k] = words[repr(value)]
    else:
        texts = [nested(value, words) for value in values]
    for k in nulls:
        texts[k] = null
    return texts


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


def _quick(values: list[float]) -> list[bytes] | None:
    """The texts by a parser written in C, with those that `repr` would write in another way mended."""
    library = _fast.msgspec()
    if library is None:
        return None
    text: bytes = library.json.encode(values)
    texts = text[1:-1].split(b",")
    # Exponents are spelled in another way, and begin one power of ten later; what is not finite is null.
    if b"e" in text or b"0.0000" in text or b"null" in text:
        odd = [b"e" in each or b"0.0000" in each or each == b"null" for each in texts]
        for k in compress(range(len(texts)), odd):
            texts[k] = repr(values[k]).encode()
    return texts


def cell(value: Any) -> str:
    """A plain value as JSON has it; numbers that are not finite as texts."""
    if isinstance(value, float):
        text = repr(float(value))
        return text if isfinite(value) else JSON_WORDS[text].decode()
    if isinstance(value, list):
        return f"[{', '.join(map(cell, value))}]"
    return json.dumps(visible(value, len(value)) if isinstance(value, str) else value, ensure_ascii=False)
