"""The program's door: runs a command, and turns whatever happens into a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backpropcli.errors import BackpropError, described, visible

if TYPE_CHECKING:
    import click

USAGE = 2
INTERNAL = 70
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `backprop` with these arguments (default: the process's) and return its exit code; never raises.

    0 done; 1 the answer is no; 2 usage, syntax, a value that cannot be had; 3 data; 70 internal; 74 standard output
    closed or full; 130 Ctrl-C; 141 the reader went away.
    """
    thresholds = gc.get_threshold()
    # Loading and building make much and drop little; looking for cycles there is a quarter of a large formula's time.
    gc.set_threshold(100_000, *thresholds[1:])
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as problem:
        return _internal(problem)
    finally:
        gc.set_threshold(*thresholds)


def _run(arguments: list[str]) -> int:
    # Imported here, so that Ctrl-C while they load, and a broken installation, end as everything else does.
    import click

    from backpropcli import output
    from backpropcli.commands._program import run

    output.prepare()
    try:
        try:
            return run(arguments)
        except OSError as problem:  # Of Click, which prints help: all other files are read and written by us.
            raise output.standard_output_failed(problem) from None
    except BackpropError as problem:
        output.say([described(problem)])
        return problem.exit_code
    except output.OutputError as problem:
        if problem.exit_code != output.READER_GONE:
            output.say([f"error: {visible(problem.message)}", *([f"hint: {problem.hint}"] if problem.hint else [])])
        return problem.exit_code
    except click.ClickException as problem:
        output.say(_usage_error(problem))
        return USAGE
    except click.Abort:
        return INTERRUPTED


def _usage_error(problem: click.ClickException) -> list[str]:
    """What Click has to say, in this program's words and with nothing in it that could move the cursor."""
    said = problem.format_message().strip().rstrip(".")
    lines = [f"error: {visible(said[:1].lower() + said[1:])}"]
    context = getattr(problem, "ctx", None)
    if context is not None:
        lines.append(f"hint: {visible(context.command_path)} --help says how it is used")
    return lines


def _internal(problem: Exception) -> int:
    from backpropcli import output

    if os.environ.get("BACKPROP_DEBUG") == "1":
        import traceback

        output.say(["".join(traceback.format_exception(problem)).rstrip()])
    said = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
    output.say(
        [
            f"error: internal: {visible(said)}",
            "hint: this is a fault of the program, not of the formula; BACKPROP_DEBUG=1 shows where it arose",
        ]
    )
    return INTERNAL
