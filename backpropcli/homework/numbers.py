"""Numbers as students write them: the digits carry the precision, so a written number is an interval.

Read are decimal points and commas, the sign U+2212, powers of ten, fractions and percent. What
could be two numbers is no number: `16,000` is asked about where both signs before decimals are allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from backpropcli.language.names import FORBIDDEN, NORMAL, SUPERSCRIPTS
from backpropcli.records import NamedTuple

LONGEST = 2000
"""Characters of an answer that are read."""
_MOST_PLACE = 308
_COMPUTED = 15
"""The digits of a number that is computed."""

# Every dash that stands for a minus, and every sign of multiplication, is one of these after NORMAL.
_SIGNED = r"[+-]?[ ]?"
_DIGITS = r"[0-9]"
_POWER = r"(?:[ ]?[*x][ ]?10[ ]?(?:\^[ ]?\{?[ ]?|\*\*[ ]?)?(?P<power>[+-]?[0-9]{1,5})\}?)"
_NUMBER = re.compile(
    rf"(?P<sign>{_SIGNED})(?P<mantissa>{_DIGITS}+(?:[.,' ]{_DIGITS}+)*[.,]?|[.,]{_DIGITS}+)"
    rf"(?:[eE](?P<exponent>[+-]?[0-9]{{1,5}})(?![0-9])|{_POWER})?(?P<percent>[ ]?%)?"
)
_FRACTION = re.compile(rf"(?P<sign>{_SIGNED})(?P<above>{_DIGITS}{{1,15}})[ ]?/[ ]?(?P<below>{_DIGITS}{{1,15}})\Z")
_GROUPED = {sign: re.compile(rf"[0-9]{{1,3}}(?:[{sign}][0-9]{{3}})+\Z") for sign in ("'", " ", ",", ".")}
_SUPERSCRIPT = re.compile("10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_BLANK = frozenset({"", "-", "--", "---", "...", "…", "—", "―", "n/a", "N/A", "/"})
_BRACKETS = {")": "(", "]": "[", "}": "{"}


class Unread(NamedTuple):
    """Why a text is no number."""

    problem: str
    """What is said about it; empty where it may still be a formula."""


class Written(NamedTuple):
    """A number as it was written."""

    value: float
    place: int
    """The power of ten of the last digit that is shown."""
    digits: int
    """The significant digits that are shown; zeros at the end of a whole number count."""
    whole: bool
    """Whether it has no sign before decimals and no power of ten: such a number may be exact."""
    exact: bool = False
    """Whether it says no precision of its own, as a fraction or a formula does."""

    def interval(self) -> tuple[float, float]:
        """The numbers that are written like this: half a unit of the last place to both sides."""
        half = self.half(self.place)
        return self.value - half, self.value + half

    def within(self, digits: int) -> tuple[float, float]:
        """The same for one who shows so many digits at least, and has left out zeros at the end."""
        return self._around(min(self.place, self.last_of(digits)))

    def rounded_to(self, digits: int) -> tuple[float, float]:
        """The same where zeros at the end of a whole number may come from rounding to so many digits."""
        return self._around(max(self.place, min(self.last_digit, self.last_of(digits))))

    def _around(self, place: int) -> tuple[float, float]:
        """What is rounded to this number at a place that is not the last one that was written."""
        half = self.half(place)
        if place == self.place:
            return self.value - half, self.value + half
        # Below a power of ten the last place is a tenth of what it is above.
        inner = 0.1 * half if abs(self.value) == 10.0 ** leading(self.value) else half
        sign = math.copysign(1.0, self.value)
        low, high = sorted([self.value - sign * inner, self.value + sign * half])
        return low, high

    def half(self, place: int) -> float:
        """Half a unit of a place; nothing for a number that is exact."""
        if self.exact:
            return 0.0
        return 0.5 * 10.0 ** min(place, _MOST_PLACE)

    def last_of(self, digits: int) -> int:
        """The power of ten of the last of so many significant digits."""
        return leading(self.value) - digits + 1

    @property
    def last_digit(self) -> int:
        """The power of ten of the last digit that is not 0."""
        if not self.whole:
            return self.place
        text = str(int(abs(self.value)))
        return len(text) - len(text.rstrip("0"))


NOT_FINITE = Written(math.nan, 0, 0, whole=False)
"""What is said to be a number, and is none."""


def leading(value: float) -> int:
    """The power of ten of the first digit."""
    return int(f"{abs(value):.16e}".partition("e")[2])


def computed(value: float, digits: int = _COMPUTED) -> Written:
    """A number that was worked out from others, which says no precision of its own; `NOT_FINITE` where it is none."""
    return NOT_FINITE._replace(value=value, digits=digits, exact=True) if math.isfinite(value) else NOT_FINITE


def total(numbers: Sequence[Written]) -> Written:
    """The sum of numbers that were written apart: it is known as well as the coarsest of them."""
    value = sum([number.value for number in numbers])
    rounded = [number for number in numbers if not number.exact]
    if not (rounded and math.isfinite(value)):
        return computed(value, max([number.digits for number in numbers]))
    place = max([number.place for number in rounded])
    digits = max(0, leading(value) - place + 1) if value else 0
    return Written(value, place, digits, whole=all([number.whole for number in numbers]))


def normal(text: str) -> str:
    """The text with one kind of minus, of multiplication sign and of space, and powers of ten in plain digits."""
    written = _SUPERSCRIPT.sub(lambda match: "10^" + match[1].translate(SUPERSCRIPTS), text)
    return " ".join(written.translate(NORMAL).split())


def is_blank(text: str) -> bool:
    """Whether a text says that nothing was answered."""
    return len(text) <= LONGEST and normal(text).strip("*_` ?") in _BLANK


def refused(text: str) -> str | None:
    """Why a text is not read at all; None where it may be."""
    if len(text) > LONGEST:
        return f"an answer has at most {LONGEST:,} characters, but this one has {len(text):,}"
    if re.search(FORBIDDEN, text):
        return "it holds characters that draw nothing"
    open_brackets: list[str] = []
    for character in text:
        if character in "([{":
            open_brackets.append(character)
        elif character in _BRACKETS and (not open_brackets or open_brackets.pop() != _BRACKETS[character]):
            return f"its bracket {character} was never opened"
    return f"its bracket {open_brackets[-1]} is never closed" if open_brackets else None


def read_number(text: str, decimal: str = "either") -> Written | Unread:
    """The number that a text writes, and nothing else; `normal` has been over it."""
    fraction = _FRACTION.match(text)
    if fraction:
        return _fraction(fraction)
    found = _NUMBER.match(text)
    if not found or found.end() != len(text):
        return Unread("")
    return _written(found, decimal)


def read_leading(text: str, decimal: str = "either") -> tuple[Written | Unread, str]:
    """The number at the beginning of a text, and what stands after it."""
    found = _NUMBER.match(text)
    if not found:
        return Unread(""), text
    return _written(found, decimal), text[found.end() :].strip()


def _fraction(found: re.Match[str]) -> Written | Unread:
    above, below = int(found["above"]), int(found["below"])
    if not below:
        return NOT_FINITE
    sign = -1.0 if found["sign"].strip() == "-" else 1.0
    shown = max([len(number.strip("0")) for number in found.group("above", "below")])
    return computed(sign * above / below, shown)


def _written(found: re.Match[str], decimal: str) -> Written | Unread:
    mantissa = _plain(found["mantissa"], decimal)
    if isinstance(mantissa, Unread):
        return mantissa
    whole, point, decimals = mantissa.partition(".")
    power = int(found["exponent"] or found["power"] or 0) - (2 if found["percent"] else 0)
    digits = (whole + decimals).lstrip("0")
    value = float(f"{whole or '0'}.{decimals or '0'}e{power}")
    if math.isinf(value) or (digits and not value):
        return Unread("it is beyond the numbers that are computed with")
    plain = not point and found["exponent"] is None and found["power"] is None and not found["percent"]
    sign = -1.0 if found["sign"].strip() == "-" else 1.0
    return Written(sign * value, power - len(decimals), len(digits), whole=plain)


def _plain(written: str, decimal: str) -> str | Unread:
    """The digits with a point before decimals, groups of three put together."""
    text = written
    for sign in ("'", " "):
        if sign in text:
            whole = re.split("[.,]", text)[0]
            if not _GROUPED[sign].match(whole):
                return Unread(f"{written} is more than one number")
            text = text.replace(sign, "")
    points, commas = text.count("."), text.count(",")
    if points and commas:
        # Both: the last one is before the decimals, and the other one groups digits.
        last = max((".", ","), key=text.rfind)
        other = "," if last == "." else "."
        whole = text[: text.rfind(last)]
        grouped = bool(_GROUPED[other].match(whole)) and not whole.startswith("0")
        if not grouped or decimal not in ("either", last):
            return Unread(f"{written} can be read in more than one way: write one sign, the one before decimals")
        return text.replace(other, "").replace(last, ".")
    if not points and not commas:
        return text
    sign, count = (".", points) if points else (",", commas)
    grouped = bool(_GROUPED[sign].match(text)) and not text.startswith("0")
    if count > 1:
        if not grouped or decimal == sign:
            return Unread(f"{written} is more than one number")
        return text.replace(sign, "")
    if decimal == sign or (decimal == "either" and not (sign == "," and grouped)):
        return text.replace(sign, ".")
    if decimal == "either":
        whole, _, rest = text.partition(",")
        return Unread(f"{written} can be read in two ways: write {whole}.{rest} or {whole}{rest}")
    if grouped:
        return text.replace(sign, "")
    needed = "a point" if decimal == "." else "a comma"
    return Unread(f"{written} is not read, since {needed} stands before decimals here")
