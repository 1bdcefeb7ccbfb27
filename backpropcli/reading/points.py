"""Points: which variable gets which value, from `NAME=VALUE`, from `x=4, y=3`, or from a JSON object."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from backpropcli.errors import BackpropError, DataError, visible
from backpropcli.formula import MAX_BYTES
from backpropcli.language import names
from backpropcli.reading import sources, values
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    from backpropcli.reading.values import Value

_SEPARATORS = frozenset(",;\n")
_PAIR = "write NAME=VALUE, as in x=4"


class Given(NamedTuple):
    """A variable that is given a value, and where."""

    name: str
    """In canonical spelling."""
    value: object
    """The text as written; from a document the JSON value."""
    where: str
    """The option or file that it comes from."""
    document: bool = False

    def read(self, *, ieee: bool = False, max_bytes: int = MAX_BYTES) -> Value:
        """The value as a number or an array."""
        if self.document:
            return values.from_document(self.value, self.name, self.where, ieee=ieee)
        return values.read(str(self.value), self.name, ieee=ieee, max_bytes=max_bytes)


def pair(text: str, where: str) -> Given:
    """The variable and value of `NAME=VALUE`, as an option `where` takes it."""
    written, equals, value = text.partition("=")
    if not equals:
        raise BackpropError(f"{where} {visible(text, 60)} has no '='", hint=_PAIR)
    name = variable(written, where)
    if not value.strip():
        raise BackpropError(f"{where} {visible(text, 60)} has no value after '='", hint=_PAIR)
    return Given(name, value, where)


def variable(written: str, where: str) -> str:
    """The canonical spelling of a variable's name; refused where it is none."""
    name = names.canonical(written.strip())
    if not name:
        raise BackpropError(f"{where} has no name before '='", hint=_PAIR)
    if not names.is_name(name):
        raise BackpropError(
            f"{where}: {visible(written.strip(), 60)} is not a variable's name",
            hint=f"a name is a letter, then letters, digits and _; at most {names.NAME_LENGTH} in all",
        )
    return name


def pairs(text: str, where: str) -> Iterator[Given]:
    """The variables and values of `x=4, y=3`; a comma inside brackets belongs to the value."""
    found = False
    for piece in parts(text, _SEPARATORS):
        if piece.strip():
            found = True
            if piece.count("=") > 1:
                raise BackpropError(
                    f"{where}: {visible(piece.strip(), 60)} holds more than one '='", hint=f"{where} 'x=4, y=3'"
                )
            yield pair(piece.strip(), where)
    if not found:
        raise BackpropError(f"{where} names no variable", hint=f"{where} 'x=4, y=3'")


def parts(text: str, separators: Collection[str] = ",") -> Iterator[str]:
    """What stands between the separators that are inside no brackets."""
    start = depth = 0
    for place, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character in separators and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def point(text: str, where: str) -> Iterator[Given]:
    """The variables and values of a point: `x=4, y=3`, `@point.json`, or `@-` for standard input."""
    if not text.startswith("@"):
        return pairs(text, where)
    path = text[1:]
    if path == "-":
        return _in_document(sources.standard_input("the point"), "standard input")
    return _in_document(sources.file_bytes(path), sources.named(path))


def _in_document(contents: bytes, source: str) -> Iterator[Given]:
    from backpropcli.reading.documents import POINT, document

    found = document(contents, source)
    if not isinstance(found, dict):
        raise DataError(f"{source} is not a point", hint=f"a point is a JSON object, as in {POINT}")
    for written, value in found.items():
        if not written.strip():
            raise DataError(f"{source} gives a value without a name", hint=f"as in {POINT}")
        try:
            name = variable(written, source)
        except BackpropError as problem:
            raise DataError(problem.message, hint=problem.hint) from None
        yield Given(name, value, source, document=True)
