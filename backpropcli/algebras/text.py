"""Text as values: interpreting a graph writes it as a formula, with the brackets it needs and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.graph import Literal
from backpropcli.language.reading import array_text, as_called, number_text
from backpropcli.primitives import ALL, PRECEDENCE, Primitive
from backpropcli.records import NamedTuple

TOO_LONG = "…"
"""What stands for a formula that is not written out, since that would take too long or repeat too much."""


class Source(NamedTuple):
    """A formula's text and the precedence of what stands outermost in it."""

    text: str
    precedence: int


class _MatrixProduct(Source):
    """A product with `@` outermost, which a factor to its left would regroup."""


# What is left out of a slice, and the axis that stands for all: no name is written so.
_LEFT_OUT = Source("inf", PRECEDENCE["atom"] + 1)


class Text:
    """Formulas: in the formula language, or, with `lecture`, as a slide prints them (`σ(x)·σ(-x)`)."""

    def __init__(self, *, lecture: bool = False, product: str = "·") -> None:
        self.lecture = lecture
        self.product = product

    def constant(self, number: Literal) -> Source:
        """The number, or the name it has; an array, its rows separated by semicolons."""
        if isinstance(number, tuple):
            return Source(array_text(number, lambda entry: self.constant(entry).text), PRECEDENCE["atom"])
        if number == ALL:
            return _LEFT_OUT
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
        if op in _BRACKETS:
            return _BRACKETS[op]
        if op == "transpose":
            sign = "ᵀ" if self.lecture else "'"
            return lambda a: Source(f"{_in(a, PRECEDENCE['atom'])}{sign}", PRECEDENCE["atom"])
        if entry.operator is None:
            name = (entry.symbol if self.lecture else None) or entry.written or entry.name
            if name.endswith("/"):
                return lambda a: Source(f"1/{_in(a, PRECEDENCE['product'] + 1)}", PRECEDENCE["product"])
            return lambda *args: Source(f"{name}({self._arguments(entry, args)})", PRECEDENCE["atom"])
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

        def joined(a: Source, b: Source) -> Source:
            # On a slide a·(b·c) needs no brackets, and a·(b @ c) does.
            regroups = associative and isinstance(b, _MatrixProduct)
            text = f"{_in(a, left)}{gap}{shown}{gap}{_in(b, right + regroups)}"
            product = sign == "@" or (sign in "*/" and isinstance(a, _MatrixProduct))
            return (_MatrixProduct if product else Source)(text, precedence)

        return joined

    def _arguments(self, entry: Primitive, args: Sequence[Source]) -> str:
        """The arguments of a call with commas; the last static ones only where they have not their default values."""
        count = len(args)
        defaults = dict(zip(reversed(entry.names), reversed(entry.defaults), strict=False))
        while 0 < count <= len(entry.names):
            name = entry.names[count - 1]
            if name not in entry.static or name not in defaults or args[count - 1] != self.constant(defaults[name]):
                break
            count -= 1
        return ", ".join([f"{name}{args[k].text}" for k, name in as_called(entry, count)])

    def _negative(self, a: Source) -> Source:
        # -2 would read back as the number.
        inside = f"({a.text})" if a.text[0] in "0123456789." else _in(a, PRECEDENCE["sign"] + 1)
        return Source(f"-{inside}", PRECEDENCE["sign"])

    def _power(self, a: Source, b: Source) -> Source:
        precedence = PRECEDENCE["power"]
        exponent = b.text if b.precedence in (PRECEDENCE["sign"], precedence) else _in(b, precedence)
        return Source(f"{_in(a, precedence + 1)}^{exponent}", precedence)


def _stack(*entries: Source) -> Source:
    return Source(f"[{', '.join([entry.text for entry in entries])}]", PRECEDENCE["atom"])


def _index(value: Source, *items: Source) -> Source:
    # A number has no index: 2[0] would not read back.
    bare = value.precedence >= PRECEDENCE["atom"] and value.text[0] not in "0123456789."
    inside = value.text if bare else f"({value.text})"
    return Source(f"{inside}[{', '.join([item.text for item in items])}]", PRECEDENCE["atom"])


def _slice(*bounds: Source) -> Source:
    texts = ["" if bound == _LEFT_OUT else bound.text for bound in bounds]
    return Source(":".join(texts if texts[2] else texts[:2]), PRECEDENCE["atom"])


_BRACKETS: dict[str, Callable[..., Source]] = {"stack": _stack, "index": _index, "slice": _slice}


def _in(source: Source, least: int) -> str:
    """The text, in brackets if it binds more loosely than its place allows."""
    return source.text if source.precedence >= least else f"({source.text})"
