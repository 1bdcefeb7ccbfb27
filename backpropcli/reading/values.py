"""Values as they are written: a number, a constant formula, or a file that holds one number."""

from __future__ import annotations

import re
from math import inf, isfinite, nan

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.reading import sources

SPELLED = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
"""The numbers that JSON cannot write, as texts; taken with --ieee."""

# float() would take 1_000, spaces and the digits of every alphabet.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_NOT_FINITE = frozenset({"nan", "inf", "infinity"})
_TEXT_LIMIT = 1 << 16


def number(text: str, name: str, *, ieee: bool = False) -> float:
    """The value that `text` writes for the variable `name`."""
    written = text.strip(" \t\r\n")
    if not written:
        raise BackpropError(f"{name} has no value", hint=f"give one, as in -v {name}=2")
    if written.startswith("@"):
        return _number_in(written[1:], name, ieee=ieee)
    if written.startswith("["):
        raise one_number(name, "a list")
    if len(written) > _TEXT_LIMIT:
        raise BackpropError(
            f"the value of {name} has {len(written):,} characters, and the limit is {_TEXT_LIMIT:,}",
            hint="give a number, or a short formula such as pi/2",
        )
    if written in SPELLED:
        return spelled(written, name, ieee=ieee)
    if _NUMBER.match(written):
        return checked(float(written), written, name)
    if written.lower().lstrip("+-") in _NOT_FINITE:
        raise BackpropError(
            f"{name} = {written} is not a finite number", hint="write NaN, Infinity or -Infinity, and add --ieee"
        )
    return _constant(written, name, ieee=ieee)


def _constant(text: str, name: str, *, ieee: bool) -> float:
    """The value of a formula without variables, such as pi/2."""
    from backpropcli.formula import constant

    try:
        value = constant(text)
    except BackpropError as problem:
        problem.message = f"the value of {name}: {problem.message}"
        raise
    if not isfinite(value) and not ieee:
        raise BackpropError(
            f"{name} = {visible(text, 60)} has no finite value", source=text, hint=f"give a number, as in -v {name}=2"
        )
    return value


def spelled(text: str, name: str, *, ieee: bool) -> float:
    """The number that is not finite which `text` spells, if those are asked for."""
    if not ieee:
        raise BackpropError(
            f"{name} = {text} is not a finite number",
            hint="to compute as IEEE 754 does, with NaN and Infinity, add --ieee",
        )
    return SPELLED[text]


def checked(value: float, written: str, name: str) -> float:
    """The value, unless what was written is beyond the range of a double."""
    if not isfinite(value):
        raise BackpropError(
            f"{name} = {visible(written, 60)} is too large: a double holds at most 1.7976931348623157e308",
            hint="work in other units, or with the number's logarithm",
        )
    if value == 0.0 and any(digit in "123456789" for digit in written.lower().partition("e")[0]):
        raise BackpropError(
            f"{name} = {visible(written, 60)} is too small: the least positive double is 4.94e-324",
            hint="work in other units, or with the number's logarithm",
        )
    return value


def one_number(name: str, found: str) -> BackpropError:
    """What to say where something else than a single number is given."""
    return BackpropError(
        f"{name} is to be one number, not {found}: this version's formulas are over single numbers",
        hint=f"give each entry a variable of its own, as in --{name}_1 2 --{name}_2 3",
    )


def from_document(value: object, name: str, source: str, *, ieee: bool = False) -> float:
    """The number that a value read from JSON stands for."""
    if isinstance(value, float):
        if isfinite(value):
            return value
        raise DataError(
            f"{source} gives {name} as a number beyond a double's 1.7976931348623157e308",
            hint="work in other units, or with the number's logarithm",
        )
    if isinstance(value, str):
        if value in SPELLED:
            return spelled(value, name, ieee=ieee)
        found = "a text"
    elif isinstance(value, list):
        raise one_number(name, "a list")
    else:
        found = "an object" if isinstance(value, dict) else "null" if value is None else "true or false"
    raise DataError(f"{source} gives {name} as {found}, where a number is expected", hint=f'as in {{"{name}": 4}}')


def _number_in(path: str, name: str, *, ieee: bool) -> float:
    """The single number in a file: `-` for standard input."""
    if path == "-":
        text = sources.decoded(sources.standard_input(f"the value of {name}"), "standard input")
        return _number_in_text(text, name, "standard input", ieee=ieee)
    shown = sources.named(path)
    ending = path.rpartition(".")[2].lower() if "." in path else ""
    if ending == "json":
        from backpropcli.reading.documents import document

        return from_document(document(sources.file_bytes(path), shown), name, shown, ieee=ieee)
    if ending == "csv":
        return _number_in_text(sources.decoded(sources.file_bytes(path), shown), name, shown, ieee=ieee)
    if ending == "npy":
        return _number_in_array(sources.file_bytes(path), name, shown, ieee=ieee)
    raise BackpropError(
        f"{name} = @{shown}: the name does not say what is in the file",
        hint="a value's file ends in .npy, .csv or .json; @- reads standard input",
    )


def _number_in_text(text: str, name: str, source: str, *, ieee: bool) -> float:
    written = text.strip(" \t\r\n").strip('"')
    if written in SPELLED:
        return spelled(written, name, ieee=ieee)
    if _NUMBER.match(written):
        return checked(float(written), written, name)
    if not written:
        raise DataError(f"{source} is empty, where a number is expected for {name}", hint="write one number there")
    if written.startswith("[") or any(separator in written for separator in ",;\t\n"):
        raise one_number(name, "an array")
    raise DataError(
        f"{source} holds {visible(written, 40)}, where a number is expected for {name}", hint="write one number there"
    )


# NumPy's kinds and sizes of number, as the standard library's struct reads them.
_STRUCT = {
    "f2": "e", "f4": "f", "f8": "d",
    "i1": "b", "i2": "h", "i4": "i", "i8": "q",
    "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
}  # fmt: skip
_HEADER = re.compile(
    rb"\{'descr': '([<>|=])([a-z][0-9]+)', 'fortran_order': (?:True|False), 'shape': \(([0-9, ]*)\), *\} *\n?\Z"
)


def _number_in_array(contents: bytes, name: str, source: str, *, ieee: bool) -> float:
    """The single number in a .npy file. The header is read first and as text, so that no pickle is ever loaded."""
    import struct

    if contents[:6] != b"\x93NUMPY" or len(contents) < 12:
        raise DataError(f"{source} is not a .npy file")
    start = 10 if contents[6] == 1 else 12
    end = start + int.from_bytes(contents[8:start], "little")
    header = _HEADER.match(contents[start:end])
    if header is None or header[2].decode() not in _STRUCT:
        raise DataError(f"{source} does not hold plain numbers", hint="save it as float64, without pickle")
    if any(size.strip() != b"1" for size in header[3].split(b",") if size.strip()):
        raise one_number(name, f"an array of shape ({header[3].decode()})")
    letter = _STRUCT[header[2].decode()]
    order = ">" if header[1] == b">" else "<"
    if len(contents) - end != struct.calcsize(f"{order}{letter}"):
        raise DataError(f"{source} is cut off: its header and its size differ")
    value = float(struct.unpack(f"{order}{letter}", contents[end:])[0])
    if not isfinite(value):
        return spelled("NaN" if value != value else "Infinity" if value > 0 else "-Infinity", name, ieee=ieee)
    return value
