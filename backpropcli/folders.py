"""Formats, languages and commands by name: each is one file of a folder, and its file is where it is listed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from backpropcli.errors import BackpropError


def names(path: Iterable[str]) -> tuple[str, ...]:
    """The modules in a package's `__path__`, sorted, without those that start with `_`; none of them is imported."""
    return tuple(sorted([found.name for found in pkgutil.iter_modules(path) if not found.name.startswith("_")]))


def module(package: str, path: Iterable[str], name: str, kind: str) -> ModuleType:
    """One of a package's `names`, imported now; raises BackpropError, which calls it a `kind`, for any other name."""
    known = names(path)
    if name not in known:
        raise BackpropError(f"there is no {kind} {name!r}", hint=f"the {kind}s are {', '.join(known)}")
    return importlib.import_module(f"{package}.{name}")
