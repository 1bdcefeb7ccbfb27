"""Names: one canonical spelling for each, and what no name may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from backpropcli.errors import BackpropError, Span

NAME_LENGTH = 64

_LOWER = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu"
    " nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
)
_LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
GREEK = dict(zip(_LETTERS, _LOWER.split(), strict=True))
GREEK |= {letter.upper(): name.capitalize() for letter, name in GREEK.items()}
GREEK |= {"ς": "sigma", "ϑ": "theta", "ϕ": "phi", "ϵ": "epsilon"}

# Greek letters that are drawn like a Latin one: beside Latin letters in one name nobody can tell which was typed.
LOOKALIKES = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧον")

# Patterns are compiled where they are needed, since most formulas need none of them: Python keeps what it has compiled.
_SUBSCRIPTS = "_?[₀-₉]+"
_TO_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ONE_LETTER = r"[A-Za-z](_.*|[0-9]*)\Z"

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")

# One code point to one, so that places in the text stay true.
NORMAL = str.maketrans(
    dict.fromkeys("−‐‑‒–", "-")
    | dict.fromkeys("·⋅×∗", "*")
    | dict.fromkeys("÷∕⁄", "/")
    | dict.fromkeys("\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " ")
    | {"\u202f": " ", "\u205f": " ", "\u3000": " "}
)

# Characters that draw nothing, or redraw what stands around them.
FORBIDDEN = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
# What most formulas are made of, and nothing else: looked at before the pattern, which takes long to compile.
_USUAL = frozenset({*map(chr, range(0x20, 0x7F)), "\n", "\t", *GREEK, *"·×²³₀₁₂₃"})


def canonical(name: str) -> str:
    """The one spelling of a name: θ₁ and θ_1 are theta_1, x₂ is x_2."""
    if name.isascii():
        return name
    name = re.sub(_SUBSCRIPTS, lambda match: "_" + match[0].lstrip("_").translate(_TO_DIGITS), name)
    return "".join([GREEK.get(character, character) for character in name])


def is_name(name: str) -> bool:
    """Whether this is a canonical name that a variable may have."""
    return len(name) <= NAME_LENGTH and name.isascii() and name.isidentifier()


def derivative_name(of: str, by: Sequence[str]) -> str:
    """What a derivative of one name by others is called: dz_dx, d2z_dx_dy; from the third on with counts, d3z_dx3."""
    order = len(by)
    counts: list[tuple[str, int]] = []
    for name in by:
        if order > 2 and counts and counts[-1][0] == name:
            counts[-1] = name, counts[-1][1] + 1
        else:
            counts.append((name, 1))
    below = "".join([f"_d{name}{count if count > 1 else ''}" for name, count in counts])
    return f"d{order if order > 1 else ''}{of}{below}"


def is_short(name: str) -> bool:
    """Whether a canonical name is one letter, with or without a subscript: before `(` it is a factor, not a call."""
    if re.match(_ONE_LETTER, name):
        return True
    letter = name.partition("_")[0].rstrip("0123456789")
    return letter in _GREEK_NAMES


_GREEK_NAMES = frozenset(GREEK.values())


def check_characters(text: str) -> None:
    """Refuse characters that no formula may hold."""
    if _USUAL.issuperset(text):
        return
    found = re.search(FORBIDDEN, text)
    if found is None:
        return
    import unicodedata

    character = found[0]
    byte = "\udc80" <= character <= "\udcff"
    name = "a byte that is not UTF-8" if byte else unicodedata.name(character, "a control character").lower()
    raise BackpropError(
        f"the character U+{ord(character):04X} ({name}) is not allowed in a formula",
        source=text,
        span=Span(found.start(), found.end()),
        hint="save the text as UTF-8"
        if byte
        else "delete it; it draws nothing, or changes how the text around it is drawn",
    )


def check_name(written: str, source: str, span: Span) -> None:
    """Refuse a name that is too long, or that mixes letters which look alike."""
    if len(written) > NAME_LENGTH:
        raise BackpropError(
            f"a name has at most {NAME_LENGTH} characters, but this one has {len(written):,}",
            source=source,
            span=span,
            hint="give it a shorter name",
        )
    if written.isascii():
        return
    lookalike = next((character for character in written if character in LOOKALIKES), None)
    if lookalike is not None and any("A" <= character <= "z" and character != "_" for character in written):
        import unicodedata

        raise BackpropError(
            f"the name {written} mixes Latin letters with U+{ord(lookalike):04X}"
            f" ({unicodedata.name(lookalike).lower()}), which looks like one of them",
            source=source,
            span=span,
            hint="write the name in one alphabet",
        )


def closest(name: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The known name that this one is most likely a misspelling of, or None; `cutoff` is how alike they have to be."""
    import difflib

    if len(name) > NAME_LENGTH:
        return None
    lowered = {other.lower(): other for other in known}
    if name.lower() in lowered:
        return lowered[name.lower()]
    found = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return found[0] if found else None


def split(name: str, known: Collection[str]) -> tuple[str, ...] | None:
    """The known names that this one is written together from (`xy`: x and y), or None."""
    # best[end] is the shortest list of known names that spells the first `end` letters.
    best: list[tuple[str, ...] | None] = [()] + [None] * len(name)
    for end in range(1, len(name) + 1):
        for start in range(end):
            head = best[start]
            if (
                head is not None
                and name[start:end] in known
                and (best[end] is None or len(head) < len(best[end] or ()))
            ):
                best[end] = (*head, name[start:end])
    return best[-1] if best[-1] and len(best[-1]) > 1 else None
