"""Whatever else computes gradients or maps rows: one file each, which is imported in a process of its own.

A file says what it needs, a PACKAGE to import or a PROGRAM to run, and holds what it can do:

* ONE_SHOT: a text of Python that prints the value of the headline formula at x = 4, y = 3, and both derivatives.
* POINTS: by the name of a way, what makes of a formula and its columns a run, which gives the value's column and then
  one for each derivative.
* FILES: by the name of a way, what makes of a format and a folder to work in a command. It maps rows of standard input,
  or of the file `source` in the folder, to standard output, or to the file `target`.
* NETWORKS: by the name of a way, what makes of a network's weights and batch a run.
* GRAPHS: by the name of a way, what computes the gradient of a large formula: a family's name, then how many steps.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from types import ModuleType
from typing import Any, NamedTuple

from tests.components import search_path

Run = Callable[[], Any]
Columns = dict[str, Any]
DOORS = ("POINTS", "FILES", "NETWORKS", "GRAPHS")


class Way(NamedTuple):
    """One way to do something: in a peer's file, under a name."""

    peer: str
    name: str


def peers() -> list[str]:
    """Every file's name; those that start with `_` are shared parts."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))


def load(peer: str) -> ModuleType:
    """The peer's file; what it needs is imported when it runs."""
    return importlib.import_module(f"{__name__}.{peer}")


def installed(peer: str) -> bool:
    """Whether what a peer needs is on this machine."""
    package, program = getattr(load(peer), "PACKAGE", None), getattr(load(peer), "PROGRAM", None)
    if program is not None:
        return shutil.which(program, path=search_path()) is not None
    return package is None or importlib.util.find_spec(package) is not None


def version(peer: str) -> str | None:
    """The version of the package that a peer needs; None where that is missing."""
    names = metadata.packages_distributions().get(getattr(load(peer), "PACKAGE", ""), [])
    return metadata.version(names[0]) if names else None


def ways(door: str) -> Iterator[Way]:
    """All that can be done here through a door."""
    for peer in peers():
        if installed(peer):
            yield from (Way(peer, name) for name in getattr(load(peer), door, {}))
