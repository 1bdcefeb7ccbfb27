"""Strict JSON: UTF-8, no duplicate names, no NaN, no depth that could exhaust a stack; every number a float."""

from __future__ import annotations

from typing import Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading.sources import decoded

DEPTH_LIMIT = 64

_OPENING, _CLOSING, _QUOTE, _BACKSLASH = frozenset(b"[{"), frozenset(b"]}"), ord('"'), ord("\\")


def document(contents: bytes, name: str) -> Any:
    """The JSON value that the contents of `name` spell."""
    _refuse_depth(contents, name)
    text = decoded(contents, name)

    import json

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
            text, object_pairs_hook=without_duplicates, parse_constant=refused, parse_int=float, parse_float=float
        )
    except BackpropError:
        raise
    except ValueError as problem:
        place = f" (line {problem.lineno}, column {problem.colno})" if isinstance(problem, json.JSONDecodeError) else ""
        said = problem.msg if isinstance(problem, json.JSONDecodeError) else str(problem)
        raise DataError(
            f"{name} is not JSON: {said[:1].lower()}{said[1:]}{place}", hint='as in {"x": 4, "y": 3}'
        ) from None


def _twice(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _refuse_depth(contents: bytes, name: str) -> None:
    """Nesting is counted before anything parses, in one pass, and only where there are brackets enough."""
    if contents.count(b"[") + contents.count(b"{") <= DEPTH_LIMIT:
        return
    import re

    depth = 0
    inside = False
    escaped = -1
    for match in re.finditer(rb'[\[\]{}"\\]', contents):
        place, character = match.start(), contents[match.start()]
        if inside:
            if place == escaped:
                continue
            if character == _BACKSLASH:
                escaped = place + 1
            elif character == _QUOTE:
                inside = False
        elif character == _QUOTE:
            inside = True
        elif character in _OPENING:
            depth += 1
            if depth > DEPTH_LIMIT:
                raise DataError(f"{name} is nested more than {DEPTH_LIMIT} deep", hint='as in {"x": 4, "y": 3}')
        elif character in _CLOSING:
            depth -= 1
