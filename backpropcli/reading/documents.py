"""Strict JSON: UTF-8, no duplicate names, no NaN, no depth that exhausts a stack; numbers as floats or as digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading.sources import decoded

DEPTH_LIMIT = 64

POINT = '{"x": 4, "y": 3}'
# It matches from every quotation mark on, to the end if need be, so that no place is looked at twice.
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def document(
    contents: bytes, name: str, example: str = POINT, *, number: Callable[[str], object] = float, lines: bool = True
) -> Any:
    """The JSON value that the contents of `name` spell; `example` is what it may hold, `lines` if of several lines.

    `number` makes what stands for a number out of its digits: `str` keeps them as they were written.
    """
    if is_deep(contents):
        raise DataError(f"{name} is nested more than {DEPTH_LIMIT} deep", hint=f"as in {example}")
    text = decoded(contents, name)

    import json

    if number is float:
        from backpropcli.reading.values import TINY, in_digits

        # It costs more than float, which is right for all but the tiniest numbers.
        number = in_digits if TINY.search(text) else float

    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise DataError(f"{name} gives {visible(_twice(pairs), 60)} twice", hint="give each name once")
        return found

    def refused(constant: str) -> Any:
        raise DataError(f"{name} holds {constant}, which is not JSON", hint=f'write the text "{constant}", with --ieee')

    try:
        # float reads the digits of whole numbers too: a whole number of 5,000 digits costs int quadratic time.
        return json.loads(
            text, object_pairs_hook=without_duplicates, parse_constant=refused, parse_int=number, parse_float=number
        )
    except BackpropError:
        raise
    except ValueError as problem:
        place = ""
        if isinstance(problem, json.JSONDecodeError):
            place = f" ({f'line {problem.lineno}, ' if lines else ''}column {problem.colno})"
        said = problem.msg.removesuffix(" at") if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise DataError(f"{name} is not JSON: {said[:1].lower()}{said[1:]}{place}", hint=f"as in {example}") from None


def _twice(pairs: list[tuple[str, Any]]) -> str:
    counts = Counter([key for key, _ in pairs])
    return next(key for key, count in counts.items() if count > 1)


def is_deep(contents: bytes) -> bool:
    """Whether nesting could exhaust a stack, told before anything parses and without loops over characters."""
    if contents.count(b"[") + contents.count(b"{") <= DEPTH_LIMIT:
        return False
    import re

    if b'"' in contents:
        contents = re.sub(_STRING, b"", contents, flags=re.DOTALL)
    return deeper(contents, DEPTH_LIMIT)


def deeper(contents: bytes, limit: int) -> bool:
    """Whether brackets, and braces as well, are nested deeper than `limit`."""
    brackets = contents.translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(limit):
        before = len(brackets)
        brackets = brackets.replace(b"[]", b"")  # the innermost pairs
        if len(brackets) == before:
            break
    return b"[]" in brackets or brackets.count(b"[") > limit
