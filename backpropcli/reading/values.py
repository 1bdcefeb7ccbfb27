"""Values as they are written: a number, a constant formula, an array, or a file that holds a number or an array."""

from __future__ import annotations

import re
from math import inf, isfinite, isnan, nan
from typing import TYPE_CHECKING, Any

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.formula import MAX_BYTES, constant
from backpropcli.reading import sources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # Nested lists hold floats and are of one length at each depth; .npy and formulas over arrays give NumPy's.
    Value = float | list[Any] | NDArray[np.float64]

SPELLED = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
"""The numbers that JSON cannot write, as texts; taken with --ieee."""

# float() would take 1_000, spaces and the digits of every alphabet.
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
# Numbers that may be so small that reading them loses all their digits, which is refused.
TINY = re.compile(r"[eE]-[0-9]{3}|[0-9]{300}")
SPACES = " \t\r\n"
TEXT_LIMIT = 1 << 16
"""Characters of the formulas in a value."""
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
_EXAMPLE = "[[1, 2], [3, 4]]"


def read(text: str, name: str, *, ieee: bool = False, max_bytes: int = MAX_BYTES) -> Value:
    """The value that `text` writes for the variable `name`; an array takes at most `max_bytes`."""
    written = text.strip(SPACES)
    if not written:
        raise BackpropError(f"{name} has no value", hint=f"give one, as in -v {name}=2")
    if written.startswith("@"):
        return _in_file(written[1:], name, ieee=ieee, max_bytes=max_bytes)
    if written.startswith("["):
        from backpropcli.reading.arrays import array

        found = array(written, name, ieee=ieee)
        if found is not None:
            return found
    return number(written, name, ieee=ieee)


def number(written: str, subject: str, *, ieee: bool = False) -> Value:
    """The number that a text without spaces around it writes for `subject`, or what a constant formula gives."""
    spelling = written[1:-1] if written[:1] == written[-1:] == '"' else written
    if spelling in SPELLED:
        return spelled(spelling, subject, ieee=ieee)
    if len(written) > TEXT_LIMIT:
        raise BackpropError(
            f"the value of {subject} has {len(written):,} characters, and the limit is {TEXT_LIMIT:,}",
            hint="put it into a file, as in @value.json",
        )
    if NUMBER.match(written):
        return checked(float(written), written, subject)
    if written.lower().lstrip("+-") in _NOT_FINITE:
        raise BackpropError(
            f"{subject} = {written} is not a finite number", hint="write NaN, Infinity or -Infinity, and add --ieee"
        )
    return _constant(written, subject, ieee=ieee)


def _constant(text: str, subject: str, *, ieee: bool) -> Value:
    """The value of a formula without variables, such as pi/2."""
    try:
        value: Value = constant(text)
    except BackpropError as problem:
        problem.message = f"the value of {subject}: {problem.message}"
        raise
    if not ieee and not _is_finite(value):
        what = "value" if isinstance(value, float) else "value in every entry"
        raise BackpropError(
            f"{subject} = {visible(text, 60)} has no finite {what}", source=text, hint="give finite numbers, such as 2"
        )
    return value


def _is_finite(value: Value) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    import numpy as np

    return bool(np.isfinite(value).all())


def spelled(text: str, subject: str, *, ieee: bool) -> float:
    """The number that is not finite which `text` spells, if those are asked for."""
    if not ieee:
        raise BackpropError(
            f"{subject} = {text} is not a finite number",
            hint="to compute as IEEE 754 does, with NaN and Infinity, add --ieee",
        )
    return SPELLED[text]


def checked(value: float, written: str, subject: str, problem: type[BackpropError] = BackpropError) -> float:
    """The value, unless what was written is beyond the range of a double."""
    if not isfinite(value):
        raise problem(
            f"{subject} = {visible(written, 60)} is too large: a double holds at most 1.7976931348623157e308",
            hint="work in other units, or with the number's logarithm",
        )
    if value == 0.0 and _is_lost(written):
        raise problem(
            f"{subject} = {visible(written, 60)} is too small: the least positive double is 4.94e-324",
            hint="work in other units, or with the number's logarithm",
        )
    return value


class Lost(float):
    """A number in a document that is 0 as a double, and was not."""


def in_digits(written: str) -> float:
    """The number that digits in a document write."""
    value = float(written)
    return Lost(value) if value == 0.0 and _is_lost(written) else value


def _is_lost(written: str) -> bool:
    """Whether digits that read as 0 write another number."""
    return any([digit in "123456789" for digit in written.lower().partition("e")[0]])


# Documents and files


def from_document(value: object, name: str, source: str, *, ieee: bool = False) -> Value:
    """The number or array that a value read from JSON stands for."""
    if isinstance(value, list):
        from backpropcli.reading.arrays import from_lists

        return from_lists(value, name, source, ieee=ieee)
    return number_from_document(value, name, source, ieee=ieee)


def number_from_document(value: object, subject: str, source: str, *, ieee: bool = False) -> float:
    """The number that a value read from JSON stands for."""
    if isinstance(value, Lost):
        raise DataError(
            f"{source} gives {subject} as a number closer to 0 than a double's 4.94e-324",
            hint="work in other units, or with the number's logarithm",
        )
    if isinstance(value, float):
        if isfinite(value):
            return value
        if isnan(value):
            raise DataError(f"{source} gives {subject} as NaN, where a number is expected", hint="give a finite number")
        raise DataError(
            f"{source} gives {subject} as a number beyond a double's 1.7976931348623157e308",
            hint="work in other units, or with the number's logarithm",
        )
    if isinstance(value, str) and value in SPELLED:
        return spelled(value, subject, ieee=ieee)
    raise DataError(
        f"{source} gives {subject} as {kind(value)}, where a number is expected",
        hint=f"give a number, or an array as in {_EXAMPLE}",
    )


def kind(value: object) -> str:
    """What a value read from JSON is, in words."""
    if isinstance(value, (float, str)):
        return "a number" if isinstance(value, float) else "a text"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return "null" if value is None else "true or false"


def _in_file(path: str, name: str, *, ieee: bool, max_bytes: int) -> Value:
    """The number or array in a file; `-` stands for standard input."""
    if path == "-":
        return _in_json_or_number(sources.standard_input(f"the value of {name}"), name, "standard input", ieee=ieee)
    shown = sources.named(path)
    ending = path.rpartition(".")[2].lower() if "." in path else ""
    if ending == "npy":
        from backpropcli.reading.npy import array_in

        return array_in(path, name, ieee=ieee, max_bytes=max_bytes)
    if ending not in ("csv", "json"):
        raise BackpropError(
            f"{name} = @{shown}: the name does not say what is in the file",
            hint="a value's file ends in .npy, .csv or .json; @- reads standard input",
        )
    contents = sources.file_bytes(path, way_out="save a large array as .npy")
    if ending == "json":
        return _in_json(contents, name, shown, ieee=ieee)
    from backpropcli.reading.csv_array import array_in_csv

    return array_in_csv(contents, name, shown, ieee=ieee)


def _in_json(contents: bytes, name: str, source: str, *, ieee: bool) -> Value:
    from backpropcli.reading.documents import document

    return from_document(document(contents, source, _EXAMPLE), name, source, ieee=ieee)


def _in_json_or_number(contents: bytes, name: str, source: str, *, ieee: bool) -> Value:
    written = sources.decoded(contents, source).strip(SPACES)
    if written.startswith("["):
        return _in_json(contents, name, source, ieee=ieee)
    return number_in_text(written, name, name, source, ieee=ieee)


def number_in_text(
    written: str, subject: str, name: str, source: str, *, place: str = "", hint: str = "", ieee: bool
) -> float:
    """The number that stands in a text file, and nothing but a number; `place` is where in it."""
    hint = hint or f"write one number there, or an array as in {_EXAMPLE}"
    spelling = written[1:-1] if written[:1] == written[-1:] == '"' else written
    if spelling in SPELLED:
        return spelled(spelling, subject, ieee=ieee)
    if NUMBER.match(spelling):
        return checked(float(spelling), spelling, subject, DataError)
    if not spelling:
        where = f"{place} of {source}" if place else source
        raise DataError(f"{where} is empty, where a number is expected for {name}", hint=hint)
    where = f"{source} holds {visible(spelling, 40)}" + (f" in {place}" if place else "")
    raise DataError(f"{where}, where a number is expected for {name}", hint=hint)
