"""Formulas in ASCII, for streams that hold nothing else: `σ(x)·σ(-x)` is sigma(x)*sigma(-x)."""

from __future__ import annotations

import unicodedata
from itertools import groupby

_OPERATORS = {
    "×": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "—": "-", "√": "sqrt ", "∞": "inf", "∂": "d",
    "∑": "sum", "∏": "prod", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "→": "->", "←": "<-", "…": "...",
    "′": "'", "ᵀ": "'", "⊗": "(x)", "∧": "and", "∨": "or", "¬": "not ", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
}  # fmt: skip
_SHIFTS = {"SUPERSCRIPT": "^", "SUBSCRIPT": "_"}


def spelled(text: str, dot: str) -> str:
    """The text in ASCII: operators as they are typed, Greek letters by name, anything else by its code point.

    `dot` is what `·` stands for: a product in a formula, an input in a label.
    """
    parts = []
    for shift, run in groupby(text.replace("√(", "sqrt("), _shift):
        if shift:
            plain = unicodedata.normalize("NFKC", "".join(run)).replace("−", "-")
            parts.append(f"{shift}({plain})" if "-" in plain else shift + plain)
        else:
            parts += [dot if character == "·" else _letter(character) for character in run]
    return "".join(parts)


def _shift(character: str) -> str:
    """`^` or `_` for a raised or lowered digit, nothing for an ordinary character."""
    if character.isascii():
        return ""
    kind, _, what = unicodedata.name(character, "").partition(" ")
    return _SHIFTS.get(kind, "") if what in _SHIFTED else ""


_SHIFTED = {"ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE", "MINUS"}


def _letter(character: str) -> str:
    if character.isascii():
        return character
    if character in _OPERATORS:
        return _OPERATORS[character]
    name = unicodedata.name(character, "")
    if name.startswith("GREEK ") and " LETTER " in name and " WITH " not in name:
        letter = name.rpartition(" ")[2].lower()
        return letter.capitalize() if " CAPITAL " in name else letter
    return f"<U+{ord(character):04X}>"
