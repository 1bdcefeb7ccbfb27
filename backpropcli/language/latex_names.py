"""Names in LaTeX: a letter or a word with its accents, subscript, prime, star and layer, as one canonical name."""

from __future__ import annotations

import re

from backpropcli.errors import BackpropError, Span
from backpropcli.language import names
from backpropcli.language.indexed import ARITHMETIC
from backpropcli.language.latex_commands import ACCENTS, FONTS, GREEK, TYPES, WORDS
from backpropcli.language.latex_pieces import Piece, Pieces
from backpropcli.records import NamedTuple

TRANSPOSES = frozenset({"T", "\\top", "\\intercal", "\\mathsf{T}", "\\mathrm{T}", "⊤"})


_LETTERS = re.compile("[A-Za-z]+")


class Name(NamedTuple):
    """A name as it was read."""

    text: str
    """The canonical spelling."""
    after: int
    """The piece behind it."""
    end: int
    """Where it ends in the text."""
    power: tuple[int, int] | None = None
    """The braces of a power that stands before the name's subscript, as in x^2_1."""
    primes: int = 0
    letter: str = ""
    """What the accents and scripts stand at."""
    type: str = ""
    """The font that makes another letter of it, as bold does."""


def greek(command: str) -> str:
    """The canonical name of a Greek letter's command: varphi is phi."""
    return command[3:] if command.startswith("var") and command[3:] in names.GREEK.values() else command


def begins_name(piece: Piece) -> bool:
    """Whether a name begins with this piece."""
    if piece.kind == "COMMAND":
        return piece.text in GREEK or piece.text in ACCENTS or piece.text in FONTS or piece.text in WORDS
    return piece.kind == "LETTER"


def _goes_on(piece: Piece) -> bool:
    """Whether a piece belongs to a word of several letters: \\mathit{long\\_name}, \\operatorname{log1p}."""
    if piece.kind == "COMMAND":
        return piece.text == "_"
    return piece.kind in {"LETTER", "NUMBER"} and piece.text.isalnum()


def read_name(pieces: Pieces, at: int, *, word: str = "", length: int = 1) -> Name:
    """The name that begins with the piece at this place; a `word` is one name of `length` letters."""
    found, partner = pieces.all, pieces.partner
    accents: list[tuple[int, str]] = []
    p, words, type_ = at, False, ""
    while found[p].kind == "COMMAND" and (found[p].text in ACCENTS or found[p].text in FONTS or found[p].text in WORDS):
        accents.append((partner[p + 1], ACCENTS.get(found[p].text, "")))
        words = words or found[p].text in WORDS
        type_ = TYPES.get(found[p].text, type_)
        p += 2
    first = found[p] if p < len(found) else found[-1]
    if first.kind == "COMMAND" and first.text in GREEK:
        parts = [greek(first.text)]
        p += 1
    elif first.kind == "LETTER" or (words and first.kind == "COMMAND" and first.text == "_"):
        parts = [word or names.canonical(first.text)]
        p += length if word else 1
        if words and not word:
            while _goes_on(found[p]):
                parts[0] += names.canonical(found[p].text)
                p += 1
    else:
        raise _refused(pieces, at, p, "a name is expected here", "an accent or a font stands over one letter")
    letter = parts[0]
    power: tuple[int, int] | None = None
    primes = 0
    done: set[str] = set()
    while True:
        piece = found[p] if p < len(found) else None
        sign = piece.text if piece is not None and piece.kind == "SIGN" else ""
        if accents and p == accents[-1][0]:
            accent = accents.pop()[1]
            parts += [accent] if accent else []
            p += 1
        elif sign == "_":
            if "_" in done:
                raise _refused(pieces, at, p + 1, "a double subscript", "put both into one, as in w_{1,2}")
            done.add("_")
            parts += _flat(pieces, p + 2, partner[p + 1])
            p = partner[p + 1] + 1
        elif sign == "'":
            primes += 1
            done.add("^")
            p += 1
        elif sign == "^":
            kind, script = _superscript(pieces, p + 1, partner[p + 1], letter)
            if kind == "power":
                after = partner[p + 1] + 1
                behind = found[after] if after < len(found) else None
                if behind is None or behind.kind != "SIGN" or behind.text != "_" or "_" in done or "^" in done:
                    break
                power = (p, partner[p + 1])
            elif "^" in done:
                raise double_superscript(pieces, p)
            elif kind == "prime":
                primes += len(script)
            else:
                parts += script
            done.add("^")
            p = partner[p + 1] + 1
        else:
            break
    if accents:
        raise _refused(
            pieces, at, p, "an accent or a font stands over one name", "write \\hat{x}\\hat{y} for a product"
        )
    end = found[p - 1].end
    name = "_".join(parts)
    span = Span(found[at].start, end)
    names.check_name(name + "_prime" * primes, pieces.text, span)
    return Name(name, p, end, power, primes, letter, type_)


def _superscript(pieces: Pieces, opening: int, closing: int, letter: str) -> tuple[str, list[str]]:
    """What stands above a name: a star, a prime, a layer in parentheses, or a power."""
    inside = pieces.all[opening + 1 : closing] if closing - opening < 40 else []
    signs = [piece.text for piece in inside]
    if signs in (["*"], ["ast"], ["star"]):
        return "star", ["star"]
    if signs and all([sign in {"prime", "'"} for sign in signs]):
        return "prime", signs
    if signs in (["dagger"], ["+"], ["-"], ["circ"]):
        return "power", []
    if len(inside) > 2 and signs[0] == "(" and signs[-1] == ")" and letter != "e":
        if any([sign in {"(", ")"} for sign in signs[1:-1]]):
            return "power", []
        return "layer", _flat(pieces, opening + 2, closing - 1, layer=True)
    return "power", []


def _flat(pieces: Pieces, first: int, last: int, *, layer: bool = False) -> list[str]:
    """The parts of a subscript or a layer: {ij} is ij, {i,j} and {i}_j are i and j, {\\alpha 1} is alpha and 1."""
    parts = [""]
    joined = False
    if last - first > 2 * names.NAME_LENGTH:
        raise _refused(pieces, first, last, f"a name has at most {names.NAME_LENGTH} characters", "shorten it")
    for place, piece in enumerate(pieces.all[first:last], start=first):
        kind, sign = piece.kind, piece.text
        if kind == "SIGN" and sign in {"+", "-"} and parts[-1] and not joined and place + 1 < last:
            parts[-1] += sign
        elif kind == "COMMAND" and sign in {"cdot", "times"} and parts[-1].isdecimal():
            parts[-1] += "*"
        elif (kind == "LETTER" and sign.isascii()) or (kind == "NUMBER" and sign.isdecimal()):
            parts = [*parts, sign] if joined else [*parts[:-1], parts[-1] + sign]
            joined = False
        elif kind == "LETTER" or (kind == "COMMAND" and sign in GREEK):
            parts.append(names.canonical(sign) if kind == "LETTER" else greek(sign))
            joined = True
        elif kind == "PROSE":
            words = sign.split()
            if not all([word.isascii() and word.isalnum() for word in words]):
                raise _in_name(pieces, piece)
            parts += words
            joined = True
        elif kind == "SIGN" and sign in {",", ";", "_"}:
            joined = True
        elif kind == "SIGN" and sign == "*":
            parts.append("star")
            joined = True
        elif (
            (kind == "SIGN" and sign in "{}")
            or (kind == "COMMAND" and sign in (*FONTS, *WORDS, ",", ";", "!"))
            or kind == "NEWLINE"
        ):
            continue
        else:
            raise _in_name(pieces, piece, layer=layer)
    found = [_calculated(pieces, part, first, last) for part in parts if part]
    if not found:
        raise _refused(pieces, first - 1, last, "this subscript is empty", "give the name one, as in x_1")
    return found


def _calculated(pieces: Pieces, part: str, first: int, last: int) -> str:
    """A part of a subscript; in braces, where it is calculated as j+1 is."""
    if not set("+-*").intersection(part):
        return part
    if not ARITHMETIC.fullmatch(part) or any([len(word) > 1 and word not in GREEK for word in _LETTERS.findall(part)]):
        hint = "put commas between indices, and write products as 2 \\cdot j: x_{i, 2 \\cdot j + 1}"
        raise _refused(pieces, first, last, "an index is a letter, or made of letters and numbers by + and -", hint)
    return f"{{{part}}}"


def _in_name(pieces: Pieces, piece: Piece, *, layer: bool = False) -> BackpropError:
    where = "the parentheses above a name" if layer else "a subscript"
    hint = "write a power without the parentheses" if layer else "write the subscript out, as in x_3"
    return BackpropError(
        f"{where} is made of letters, digits and commas",
        source=pieces.text,
        span=Span(piece.start, piece.end),
        hint=hint,
    )


def double_superscript(pieces: Pieces, at: int) -> BackpropError:
    """What to say of x^2^3, which TeX refuses too."""
    hint = "write (x^2)^3 or x^{2^3}; for a power of y^* write (y^*)^2"
    return _refused(pieces, at, at + 1, "a double superscript", hint)


def _refused(pieces: Pieces, first: int, last: int, message: str, hint: str) -> BackpropError:
    last = min(max(last - 1, first), len(pieces.all) - 1)
    span = Span(pieces.all[first].start, pieces.all[last].end)
    return BackpropError(message, source=pieces.text, span=span, hint=hint)
