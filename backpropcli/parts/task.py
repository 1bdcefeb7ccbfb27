"""What is done to every part: a formula and all that is asked of it, as text that another process reads."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from backpropcli import __version__
from backpropcli.errors import BackpropError, visible
from backpropcli.formula import Formula
from backpropcli.mapping import Asked, Mapper
from backpropcli.records import NamedTuple


class Task(NamedTuple):
    """A formula, and what `backprop map` is asked to do with it in every row.

    >>> from backpropcli import Formula
    >>> Task.read(Task(Formula("w*x"), fixed={"w": 2.0}).text()).fixed
    {'w': 2.0}
    """

    formula: Formula
    asked: Asked = Asked()
    fixed: Mapping[str, Any] = {}
    """The values that variables have in all rows: numbers, nested lists or arrays."""
    renamed: Mapping[str, str] = {}
    """By variable, the column that it comes from where that has another name."""
    prefix: str = ""
    """What stands before the names of the results."""
    on_error: str = "fail"
    """What becomes of a row without a result: `fail`, `skip` or `null`."""
    engine: str = "auto"
    threads: int = 1
    ieee: bool = False
    strict: bool = False

    def text(self) -> str:
        """The task as JSON, for `one`; `Task.read` reads it."""
        return json.dumps({"version": __version__, "formula": self.formula.arguments, **self._told()})

    def hash(self) -> str:
        """What two tasks share that give the same parts byte for byte: of the formula's graph, of all that is asked.

        SHA-256 in hexadecimal digits. The version of this program counts, as numbers may change from one to the next.
        """
        told = {"version": __version__, "formula": self.formula.fingerprint(), **self._told()}
        del told["threads"]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _told(self) -> dict[str, Any]:
        direction = self.asked.jvp
        asked = self.asked._replace(
            wrt=None if self.asked.wrt is None else list(self.asked.wrt),
            jvp=None if direction is None else _plain(direction),
        )
        told = self._replace(fixed=_plain(self.fixed), renamed=dict(self.renamed))._asdict()
        del told["formula"]
        return {**told, "asked": asked._asdict()}

    @classmethod
    def read(cls, text: str) -> Task:
        """The task that a text holds. Raises BackpropError where another version of this program wrote it."""
        told = json.loads(text)
        version = told.pop("version")
        if version != __version__:
            raise BackpropError(
                f"the parts are asked for by backprop {visible(version, 20)}, but here is {__version__}",
                hint="install the same version on every machine",
            )
        return cls(**{**told, "formula": Formula(**told["formula"]), "asked": Asked(**told["asked"])})

    def mapper(self) -> Mapper:
        """What maps rows, with notes of its own."""
        return Mapper(
            self.formula,
            self.asked,
            self.fixed,
            engine=self.engine,
            threads=self.threads,
            ieee=self.ieee,
            strict=self.strict,
        )


@functools.lru_cache(maxsize=8)
def known(text: str) -> tuple[Task, str]:
    """The task in a text and its hash, made once for all parts that a process maps."""
    task = Task.read(text)
    return task, task.hash()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them: arrays as nested lists."""
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in values.items()}
