"""A run over parts: those that are there already are passed over, the others shared out, the manifest kept up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from typing import Any

from backpropcli import output
from backpropcli.errors import BackpropError, visible
from backpropcli.parts.attempt import outcome
from backpropcli.parts.manifest import Manifest
from backpropcli.parts.part import already, name_of
from backpropcli.parts.task import Task
from backpropcli.reading import sources

Shared = Callable[[Sequence[str], str, str], Generator[str, None, None]]
"""Shares out parts, given with a folder and a task's text, and gives what `attempt` gives for each."""

SECONDS = 1.0
"""How long the manifest may be behind while parts are made."""


def run(parts: Sequence[str], folder: str, task: Task, shared: Shared) -> Generator[dict[str, Any], None, None]:
    """What `one` gives for each part, in the order in which they are done; the folder is made where there is none.

    Raises what `one` raises, as soon as it does: parts that are done stay, and are passed over by the next run.
    """
    sought = [os.path.abspath(part) for part in parts]
    folder = os.path.abspath(folder)
    _check(sought, folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as problem:
        raise BackpropError(
            f"-o {visible(folder, 100)} cannot be made: {sources.reason(problem)}", hint="name another folder"
        ) from None
    manifest = Manifest(folder, task)
    manifest.forget([name_of(part) for part in sought])
    found = {part: already(part, folder, manifest.hash) for part in sought}
    for done in found.values():
        if done is not None:
            manifest.add(done)
    manifest.write(complete=False)
    complete = False
    written = time.monotonic()
    try:
        yield from [done for done in found.values() if done is not None]
        waiting = [part for part in sought if found[part] is None]
        if waiting:
            with closing(shared(waiting, folder, task.text())) as answers:
                for answer in answers:
                    # What a process that was lost had written is found, but was not there before.
                    done = {**outcome(answer), "found": False}
                    manifest.add(done)
                    if time.monotonic() - written > SECONDS:
                        manifest.write(complete=False)
                        written = time.monotonic()
                    yield done
        complete = True
    finally:
        # Of this run, or of one that was killed; whoever is still at one of them finds its part in its place.
        for path in output.leftovers(folder, [name_of(part) for part in sought]):
            with suppress(OSError):
                os.unlink(path)
        manifest.write(complete=complete)


def _check(parts: Sequence[str], folder: str) -> None:
    """Refuse parts that would be written over each other, or over themselves."""
    names: set[str] = set()
    for part in parts:
        name = name_of(part)
        target = os.path.join(folder, name)
        if name in names:
            raise BackpropError(f"two of the files would be written to {visible(target, 100)}", hint="map them apart")
        names.add(name)
        with suppress(OSError):
            if os.path.samefile(part, target):
                raise BackpropError(f"{sources.named(part)} would be written over", hint="name another folder")
