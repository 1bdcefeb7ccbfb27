"""Named tuples that are cheap to define: `NamedTuple` as in `typing`, which type checkers see in its place.

That one looks at the type of every field as the class is made, which takes twice as long as all the rest of it, and an
evaluation defines some fifty of them before it begins.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Fields(type):
        """Makes a named tuple of the fields that a class annotates, and gives it what else the class's body holds."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body["__annotations__"]
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            return type(name, (made,), {**body, "__slots__": ()})

    class NamedTuple(metaclass=_Fields):
        """The base that such a class names; its fields are its annotations, with their defaults."""
