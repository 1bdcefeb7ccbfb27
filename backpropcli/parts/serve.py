"""What a process does that parts are shared out to: a line in with a part, a line out with what came of it."""

from __future__ import annotations

import json
import signal
import sys

from backpropcli.parts.attempt import attempt


def main() -> None:
    """Answer until there are no more questions. The first line is the task, and each further one a part and a folder.

    Ctrl-C is for the process that asks, and ends this one by asking no more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.stdin.readline() or '""')
    for line in sys.stdin:
        part, folder = json.loads(line)
        try:
            sys.stdout.write(f"{attempt(part, folder, task)}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # Nobody waits for it any more; the part is whole and in its place.
            sys.stdout = None
            return
