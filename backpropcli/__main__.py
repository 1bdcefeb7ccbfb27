"""The process `backprop`, which `python -m backpropcli` starts too: it runs one command, and ends at once."""

import atexit
import gc
import os
import sys
from contextlib import suppress

from backpropcli.cli import main


def start() -> None:
    """Run the command that the process's arguments ask for, and end the process with its exit code.

    Python would take apart all that was loaded, one object after the other, which takes longer than evaluating a
    formula. What others have asked to be done at the end is done, and what was written is seen through.
    """
    ended: list[int] = []
    # The first to be registered is the last to be called.
    atexit.register(_end, ended)
    ended.append(main())
    gc.disable()  # There is no more memory to be won.
    sys.exit(ended[0])


def _end(ended: list[int]) -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    if ended:
        os._exit(ended[0])


if __name__ == "__main__":
    start()
