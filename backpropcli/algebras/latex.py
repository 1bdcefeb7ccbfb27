"""LaTeX as values: interpreting a graph typesets it, with the brackets that each entry's form needs and no more.

A form (`\\frac{#1}{#2}`, `#1 \\cdot #2`) says by itself where an argument is in need of brackets: beside a sign, as the
base of a power; and how tightly the whole binds. It is read once.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from backpropcli import primitives
from backpropcli.algebras.text import TOO_LONG, Source
from backpropcli.graph import Literal
from backpropcli.language.latex_commands import OPERATORS
from backpropcli.language.names import GREEK
from backpropcli.language.reading import as_called, number_text
from backpropcli.primitives import PRECEDENCE, Primitive
from backpropcli.records import NamedTuple

LONGEST = 10_000
"""Characters beyond which a formula is not typeset: a form may hold its argument twice, and nested it would double."""

_ATOM = PRECEDENCE["atom"]
# A fraction, or a product of matrices, needs no brackets as a factor, but does as the base of a power.
_FACTOR = PRECEDENCE["sign"] + 1
_NAMED = {"pi": r"\pi", "tau": r"\tau", "inf": r"\infty"}
_NONFINITE = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}


ENTRIES = r"\odot"
"""The sign of a product of arrays entry by entry, where a dot would be that of matrices."""
_ARRAY = 10
"""The most rows and columns of an array that is typeset whole."""


class Latex:
    """Formulas for math mode, in the forms of textbooks.

    With `rounded`, numbers of many digits are cut to six, as a slide does. With `exact`, brackets are left out only
    where the text without them reads back as the same operations: a + (b + c), -(x/y).
    """

    def __init__(self, *, rounded: bool = False, product: str = r"\cdot", exact: bool = False) -> None:
        self.rounded = rounded
        self.product = product
        self.exact = exact

    def constant(self, number: Literal) -> Source:
        """The number, or the sign it has; an array as a matrix, a vector as a column, or no entries of a large one."""
        if isinstance(number, tuple):
            return Source(self._array(number), _ATOM)
        for name, value in primitives.CONSTANTS.items():
            if number == value:
                return Source(_NAMED.get(name, name), _ATOM)
        text = number_text(number)
        if self.rounded and len(text) > 9:
            text = f"{number:.6g}"
        return number_source(text)

    def _array(self, number: tuple[Any, ...]) -> str:
        rows = [row if isinstance(row, tuple) else (row,) for row in number]
        if len(rows) > _ARRAY or any([len(row) > _ARRAY or any(isinstance(x, tuple) for x in row) for row in rows]):
            return r"\left[\cdots\right]"
        lines = [" & ".join([self.constant(entry).text for entry in row]) for row in rows]
        return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"

    def name(self, text: str) -> Source:
        """A variable that is typeset already, or anything else that needs no brackets."""
        return Source(text, _ATOM)

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Typesetting the primitive over its arguments; as a call where its form would lose an axis and the like."""
        entry = primitives.TABLE[op]
        form = self.form(entry.latex)
        unshown = [k for k, name in enumerate(entry.names[:count]) if name in entry.static and not form.shows(k)]
        if not unshown or entry.helper:
            return form.filled
        defaults = self._defaults(entry)

        def typeset(*args: Source) -> Source:
            lost = any([args[k].text != defaults.get(entry.names[k]) for k in unshown])
            return self.call(entry, args) if lost else form.filled(*args)

        return typeset

    def form(self, template: str) -> Form:
        """A form of an entry, read."""
        return _form(template.replace(r"\cdot", self.product), self.exact)

    def call(self, entry: Primitive, args: Sequence[Source]) -> Source:
        """A call by the primitive's name; the last static arguments only where they have not their default values."""
        count, defaults = len(args), self._defaults(entry)
        while 1 < count <= len(entry.names):
            name = entry.names[count - 1]
            if name not in entry.static or args[count - 1].text != defaults.get(name):
                break
            count -= 1
        listed = [(rf"\mathrm{{{name[:-1]}}} = " if name else "") + args[k].text for k, name in as_called(entry, count)]
        return Source(named(entry.written or entry.name) + bracketed(", ".join(listed)), _ATOM)

    def _defaults(self, entry: Primitive) -> dict[str, str]:
        """The texts of the values of arguments that a call leaves out."""
        values = zip(reversed(entry.names), reversed(entry.defaults), strict=False)
        return {name: self.constant(value).text for name, value in values}


def named(function: str) -> str:
    """A function's name, upright."""
    return rf"\{function}" if function in OPERATORS else rf"\operatorname{{{escaped(function)}}}"


def escaped(name: str) -> str:
    """A name's letters, digits and underscores, as TeX takes them."""
    return name.replace("_", r"\_")


def number_source(text: str) -> Source:
    """A number's text in math mode: powers of ten as such."""
    if text in _NONFINITE:
        return Source(_NONFINITE[text], PRECEDENCE["sign" if text.startswith("-") else "atom"])
    mantissa, e, exponent = text.partition("e")
    if not e:
        return Source(text, PRECEDENCE["sign" if text.startswith("-") else "atom"])
    power = f"10^{{{int(exponent)}}}"
    if mantissa in ("1", "-1"):
        return Source(mantissa.removesuffix("1") + power, PRECEDENCE["sign" if text.startswith("-") else "power"])
    return Source(rf"{mantissa} \cdot {power}", PRECEDENCE["product"])


_TALL = (r"\frac", r"\sum", r"\prod", r"\begin", r"\left")


def bracketed(text: str) -> str:
    """The text in brackets as tall as it is."""
    return rf"\left({text}\right)" if any([word in text for word in _TALL]) else f"({text})"


# Forms


class _Slot(NamedTuple):
    """The place of an argument in a form."""

    argument: int | None
    """None for those that have no place of their own, with commas."""
    least: int
    """What binds more loosely needs brackets here."""
    first: bool
    """Whether it may begin with a minus: nothing stands before it, or a relation does."""
    start: int = 0
    """The first of those that have no place of their own."""

    def filled(self, sources: tuple[Source, ...]) -> str:
        if self.argument is None:
            return ", ".join([source.text for source in sources[self.start :]])
        source = sources[self.argument]
        bare = source.precedence >= self.least and (self.first or not source.text.startswith("-"))
        return source.text if bare else bracketed(source.text)


class Form(NamedTuple):
    """An entry's LaTeX form, read."""

    pieces: tuple[str | _Slot, ...]
    precedence: int
    is_quotient: bool
    """Whether a minus above stands before the whole."""
    limited: bool = True
    """Whether what is too long is not written out."""

    def shows(self, k: int) -> bool:
        """Whether the k-th argument has a place in the form."""
        slots = [piece for piece in self.pieces if isinstance(piece, _Slot)]
        return any([slot.argument == k or (slot.argument is None and slot.start <= k) for slot in slots])

    def filled(self, *sources: Source) -> Source:
        """The form over these arguments, in the brackets that they need."""
        texts = [source.text for source in sources]
        if self.limited and (TOO_LONG in texts or sum([len(text) for text in texts]) > LONGEST):
            return Source(TOO_LONG, _ATOM)
        if self.is_quotient and texts[0].startswith("-") and sources[0].precedence >= PRECEDENCE["product"]:
            positive = Source(texts[0][1:], PRECEDENCE["product"])
            return Source(f"-{self.filled(positive, *sources[1:]).text}", PRECEDENCE["sign"])
        # What is open: what stands before a bracket, and, last, what stands behind it so far.
        parts: list[list[str]] = [[]]
        for piece in self.pieces:
            if piece == r"\left(":
                parts.append([])
            elif piece == r"\right)" and len(parts) > 1:
                inside = "".join(parts.pop())
                parts[-1].append(bracketed(inside))
            else:
                parts[-1].append(piece if isinstance(piece, str) else piece.filled(sources))
        return Source("".join(parts[0]), self.precedence)


_TOKEN = re.compile(
    r"(?P<open>\{|\\left\s*(?:\\.[a-z]*|.)|\\begin\{[a-z*]+\})|(?P<close>\}|\\right\s*(?:\\.[a-z]*|.)|\\end\{[a-z*]+\})"
    r"|(?P<slot>#[1-9*])|(?P<space>\s+|\\[,;:! ])|(?P<separator>,|&|\\\\)|(?P<script>[\^_])"
    r"|(?P<word>\\[A-Za-z]+|\\.|==|.)"
)
_SIGNS = {
    "+": PRECEDENCE["sum"],
    "-": PRECEDENCE["sum"],
    r"\cdot": PRECEDENCE["product"],
    r"\times": PRECEDENCE["product"],
    r"\otimes": PRECEDENCE["product"],
    r"\odot": PRECEDENCE["product"],
    r"\star": PRECEDENCE["product"],
    r"\ast": PRECEDENCE["product"],
    r"\bmod": PRECEDENCE["product"],
    "@": PRECEDENCE["product"],
    r"\land": PRECEDENCE["and"],
    r"\lor": PRECEDENCE["or"],
} | dict.fromkeys(("=", "==", "<", ">", r"\leq", r"\geq", r"\neq"), PRECEDENCE["comparison"])
# Of what stands to the right at the same level, brackets say nothing.
_ASSOCIATIVE = frozenset({"+", r"\cdot", r"\times", r"\odot", r"\land", r"\lor"})
# Before one value: how tightly that must bind, and how tightly the whole does.
_BEFORE_ONE = {
    "-": (PRECEDENCE["product"], PRECEDENCE["sign"]),
    "+": (PRECEDENCE["product"], PRECEDENCE["sign"]),
    r"\lnot": (PRECEDENCE["not"], PRECEDENCE["not"]),
}
# Before a value that a sum or a product of many is of.
_LARGE = (r"\sum", r"\prod")


class _Item(NamedTuple):
    """What stands side by side in a form: a word, a sign, a script's mark, a slot, or a group."""

    kind: str
    text: str
    piece: int
    """Its place among the form's pieces; of a group that is a slot alone, the slot's."""


@functools.cache
def _form(template: str, exact: bool) -> Form:
    """The form that a template is, brackets decided by what stands around each slot."""
    pieces: list[str | _Slot] = []
    levels: list[list[_Item]] = [[]]
    for match in _TOKEN.finditer(template):
        kind, text = match.lastgroup or "", match[0]
        items = levels[-1]
        if kind == "slot":
            if pieces and isinstance(pieces[-1], str) and re.search(r"\\[A-Za-z]+\Z", pieces[-1]):
                pieces.append(" ")
            items.append(_Item(kind, text, len(pieces)))
            pieces.append(_Slot(None if text == "#*" else int(text[1:]) - 1, 0, True))
            continue
        if kind == "open":
            levels.append([])
        elif kind == "close":
            _settle(levels.pop(), pieces, exact)
            levels[-1].append(_group(items, pieces, text))
            if text == "}" and [item.text for item in levels[-1][-2:-1]] == [r"\text"]:
                kind = "separator"
                del levels[-1][-2:]
        elif kind in ("script", "word"):
            sign = kind == "word" and (text in _SIGNS or text in _BEFORE_ONE)
            items.append(_Item("sign" if sign else kind, text, len(pieces)))
        if kind == "separator":
            _settle(levels[-1], pieces, exact)
            levels[-1].clear()
        pieces.append(text)
    precedence = _settle(levels[0], pieces, exact)
    placed = max(
        [piece.argument + 1 for piece in pieces if isinstance(piece, _Slot) and piece.argument is not None], default=0
    )
    for at, piece in enumerate(pieces):
        if isinstance(piece, _Slot) and piece.argument is None:
            pieces[at] = piece._replace(start=placed)
    return Form(tuple(pieces), precedence, template == r"\frac{#1}{#2}" and not exact, limited=not exact)


def _group(items: list[_Item], pieces: list[str | _Slot], closing: str) -> _Item:
    """A group that is closed; one in braces that is a slot alone may turn out to be the base of a power."""
    alone = closing == "}" and len(items) == 1 and items[0].kind == "slot"
    return _Item("group", "slot" if alone else closing, items[0].piece if alone else len(pieces))


def _settle(items: list[_Item], pieces: list[str | _Slot], exact: bool) -> int:
    """Give each slot among these what it needs, and say how tightly the whole binds."""
    for k, item in enumerate(items):
        slot = pieces[item.piece] if item.kind == "slot" or item.text == "slot" else None
        if not isinstance(slot, _Slot):
            continue
        after = items[k + 1] if k + 1 < len(items) else None
        if item.kind == "group":
            if after is not None and after.text == "^":
                # With brackets around all but atoms, the braces say nothing.
                pieces[item.piece - 1 : item.piece + 2] = ["", slot._replace(least=_ATOM), ""]
            elif after is not None and after.text == "_":
                # A name may have a subscript of its own, which they keep apart.
                pieces[item.piece] = slot._replace(least=_ATOM)
            continue
        before = items[k - 1] if k else None
        left = _FACTOR if _is_factor(items, k) else _beside(before, right=True, alone=k == 1, exact=exact)
        right = _FACTOR if _is_factor(items, k + 1) else _beside(after, right=False, alone=False, exact=exact)
        least = max(left, right)
        first = before is None or _SIGNS.get(before.text, _ATOM) <= PRECEDENCE["comparison"]
        pieces[item.piece] = slot._replace(least=least, first=first)
    return _binding(items)


def _is_factor(items: list[_Item], k: int) -> bool:
    """Whether a slot stands directly behind another, or behind a power, as in a product of matrices."""
    if not 0 < k < len(items) or items[k].kind != "slot":
        return False
    return items[k - 1].kind == "slot" or [item.text for item in items[max(k - 2, 0) : k]] == ["^", "}"]


def _beside(item: _Item | None, *, right: bool, alone: bool, exact: bool) -> int:
    """How tightly a slot must bind beside this; `alone`: there is nothing on the other side of it."""
    if item is None:
        return 0
    if item.kind != "sign":
        return PRECEDENCE["power"] if right and item.text in _LARGE else _ATOM
    if alone and item.text in _BEFORE_ONE:
        least, whole = _BEFORE_ONE[item.text]
        return whole + 1 if exact and item.text == "-" else least
    precedence = _SIGNS[item.text]
    associative = item.text in _ASSOCIATIVE and not exact if right else precedence != PRECEDENCE["comparison"]
    return precedence if associative else precedence + 1


def _binding(items: list[_Item]) -> int:
    """How tightly items side by side bind."""
    signs = [
        _BEFORE_ONE[item.text][1] if k == 0 and item.text in _BEFORE_ONE else _SIGNS.get(item.text, _ATOM)
        for k, item in enumerate(items)
        if item.kind == "sign"
    ]
    if signs:
        return min(signs)
    texts = [item.text for item in items]
    if texts and texts[-1].startswith(r"\end"):
        return PRECEDENCE["ternary"]
    if texts[-1:] == ["!"] or texts[-2:-1] == ["^"]:
        return PRECEDENCE["power"]
    if texts[:1] == [r"\frac"]:
        return _FACTOR
    if texts and texts[0] in _LARGE:
        return PRECEDENCE["sum"]
    if any([_is_factor(items, k) for k in range(len(items))]):
        return _FACTOR
    # A function of a function, written without brackets between them.
    words = [item.kind == "word" and item.text.startswith("\\") for item in items]
    if any([one and other for one, other in itertools.pairwise(words)]):
        return PRECEDENCE["sum"]
    return _ATOM


# Names

_ACCENTS = {"hat": r"\hat{%s}", "bar": r"\bar{%s}", "tilde": r"\tilde{%s}", "dot": r"\dot{%s}"}
_RAISED = {"star": "{%s^{*}}", "prime": "{%s'}"}
# Those that look like a Latin letter have no command.
_LETTERS = {name: f"\\{name}" for name in GREEK.values() if name != "omicron" and name[0].islower()}
_LETTERS |= {
    name: f"\\{name}"
    for name in ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega")
}
_INDEXED = re.compile(r"([A-Za-z]+?)([0-9]+)\Z")


def names(found: Iterable[str]) -> dict[str, str]:
    """Every name in math mode: `\\theta_{1}` for theta_1, `\\mathit{rate}` for rate; no two of them alike."""
    typeset: dict[str, str] = {}
    taken: set[str] = set()
    for name in found:
        if name in typeset:
            continue
        text = _name(name)
        if text in taken:
            text = plain(name)
        taken.add(text)
        typeset[name] = text
    return typeset


_WORD = re.compile("[A-Za-z]+")


def _name(name: str) -> str:
    head, *rest = name.split("_")
    indexed = _INDEXED.match(head)
    if indexed is not None and (len(indexed[1]) == 1 or indexed[1] in _LETTERS):
        head, rest = indexed[1], [indexed[2], *rest]
    if not head or not all(rest):
        return plain(name)
    text = _LETTERS.get(head, head if len(head) == 1 else plain(head))
    while rest and rest[0] in _ACCENTS:
        text = _ACCENTS[rest.pop(0)] % text
    marks = []
    accented = text.startswith(tuple([accent[: accent.index("%")] for accent in _ACCENTS.values()]))
    while rest and rest[-1] in _RAISED:
        marks.append(_RAISED[rest.pop()])
    if marks and accented:
        # TeX takes off the braces around an accent and what is raised there: a power would be a double superscript.
        return plain(name)
    if rest:
        text = f"{text}_{{{','.join([_index(part) for part in rest])}}}"
    for mark in reversed(marks):
        text = mark % text
    return text


def _index(part: str) -> str:
    """A part of a subscript; in braces it is calculated, as j+1 is."""
    if part in _LETTERS:
        return _LETTERS[part]
    if part.startswith("{"):
        return _WORD.sub(lambda match: _LETTERS.get(match[0], match[0]), part[1:-1]).replace("*", r" \cdot ")
    return part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}"


def plain(name: str) -> str:
    """A name of several letters as one word."""
    return rf"\mathit{{{escaped(name)}}}"
