"""A part in another process: what came of it goes back as text, errors too, so that nobody has to unpickle them."""

from __future__ import annotations

import json
from typing import Any

from backpropcli.errors import BackpropError, DataError, Span, visible
from backpropcli.output import OutputError
from backpropcli.parts.part import one


def attempt(part: str, folder: str, task: str) -> str:
    """What `one` gives, or what it raises that a user can mend, as JSON; `outcome` reads it."""
    try:
        return json.dumps({"done": one(part, folder, task)})
    except BackpropError as problem:
        told = {
            "message": problem.message,
            "source": problem.source,
            "span": problem.span,
            "hint": problem.hint,
            "exit_code": problem.exit_code,
        }
    except OutputError as problem:
        told = {"message": problem.message, "hint": problem.hint, "exit_code": problem.exit_code, "output": True}
    except Exception as problem:  # A fault of ours, which is told where the parts are asked for.
        import traceback

        said = f"{type(problem).__name__}: {problem}"
        return json.dumps({"fault": said, "trace": "".join(traceback.format_exception(problem))})
    return json.dumps({"error": told})


def outcome(answer: str) -> dict[str, Any]:
    """What was done. Raises what `one` raised."""
    found: dict[str, Any] = json.loads(answer)
    if "fault" in found:
        fault = RuntimeError(found["fault"])
        fault.add_note(found["trace"])
        raise fault
    if "error" not in found:
        done: dict[str, Any] = found["done"]
        return done
    told = found["error"]
    if "output" in told:
        raise OutputError(told["message"], told["exit_code"], told["hint"])
    kind = DataError if told["exit_code"] == DataError.exit_code else BackpropError
    span = None if told["span"] is None else Span(*told["span"])
    raise kind(told["message"], source=told["source"], span=span, hint=told["hint"])


TRIES = 3
"""Processes that may be lost over one part before it is said that it cannot be mapped."""


def lost(name: str) -> DataError:
    """The error for a part over which so many processes were lost."""
    return DataError(
        f"{visible(name, 100)}: {TRIES} processes ended before they had mapped it",
        hint="there may be too little memory: map fewer parts at a time, by --jobs, or make the parts smaller",
    )
