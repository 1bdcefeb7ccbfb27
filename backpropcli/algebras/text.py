"""Text as values: interpreting a graph writes it as a formula, with the brackets it needs and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.language.reading import number_text
from backpropcli.primitives import PRECEDENCE

TOO_LONG = "…"
"""What stands for a formula that is not written out, since that would take too long or repeat too much."""


class Source(NamedTuple):
    """A formula's text and the precedence of what stands outermost in it."""

    text: str
    precedence: int


class Text:
    """Formulas: in the formula language, or, with `lecture`, as a slide prints them (`σ(x)·σ(-x)`)."""

    def __init__(self, *, lecture: bool = False, product: str = "·") -> None:
        self.lecture = lecture
        self.product = product

    def constant(self, number: float) -> Source:
        """The number, or the name it has."""
        for name, value in primitives.CONSTANTS.items():
            if number == value:
                return Source("π" if self.lecture and name == "pi" else name, PRECEDENCE["atom"])
        text = number_text(number)
        if self.lecture and len(text) > 9:
            text = f"{number:.6g}"
        return Source(text, PRECEDENCE["sign" if text.startswith("-") else "atom"])

    def name(self, text: str) -> Source:
        """A variable, or anything else that needs no brackets."""
        return Source(text, PRECEDENCE["atom"])

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Writing the primitive over its arguments' texts."""
        entry = primitives.TABLE[op]
        if entry.operator is None:
            name = (entry.symbol if self.lecture else None) or entry.name
            if name.endswith("/"):
                return lambda a: Source(f"1/{_in(a, PRECEDENCE['product'] + 1)}", PRECEDENCE["product"])
            return lambda *args: Source(f"{name}({', '.join([arg.text for arg in args])})", PRECEDENCE["atom"])
        sign, precedence = entry.operator
        shown = self.product if self.lecture and op == "mul" else sign
        if count == 1:
            space = " " if sign.isalpha() else ""
            if op == "neg" and not self.lecture:
                return self._negative
            # On a slide -1/x^2 is the negative of 1/x^2, which is the same number.
            least = PRECEDENCE["product"] if self.lecture and op == "neg" else precedence + 1
            return lambda a: Source(f"{shown}{space}{_in(a, least)}", precedence)
        if op == "pow":
            return self._power
        gap = "" if sign in "*/" else " "
        # What stands to the right at the same level was grouped so, which the formula has to keep; a slide does not.
        associative = self.lecture and op in ("add", "mul")
        right = precedence if associative else precedence + 1
        left = precedence + 1 if precedence == PRECEDENCE["comparison"] else precedence
        return lambda a, b: Source(f"{_in(a, left)}{gap}{shown}{gap}{_in(b, right)}", precedence)

    def _negative(self, a: Source) -> Source:
        # -2 would read back as the number.
        inside = f"({a.text})" if a.text[0] in "0123456789." else _in(a, PRECEDENCE["sign"] + 1)
        return Source(f"-{inside}", PRECEDENCE["sign"])

    def _power(self, a: Source, b: Source) -> Source:
        precedence = PRECEDENCE["power"]
        exponent = b.text if b.precedence in (PRECEDENCE["sign"], precedence) else _in(b, precedence)
        return Source(f"{_in(a, precedence + 1)}^{exponent}", precedence)


def _in(source: Source, least: int) -> str:
    """The text, in brackets if it binds more loosely than its place allows."""
    return source.text if source.precedence >= least else f"({source.text})"
