"""Parts shared out to processes of this machine; one that is lost is started again, and its part with it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress

import backpropcli
from backpropcli.parts.attempt import TRIES, attempt, lost

_START = "import sys; sys.path.append(sys.argv[1]); from backpropcli.parts.serve import main; main()"
"""What a process runs: -P keeps out the folder it stands in, and the last place to look is where we are."""
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(backpropcli.__file__)))


def answers(parts: Sequence[str], folder: str, task: str, jobs: int) -> Generator[str, None, None]:
    """What `attempt` gives for each part, in the order in which they are done.

    Raises DataError for a part that processes are lost over. When it is closed, all its processes have ended.
    """
    if jobs == 1 or len(parts) == 1:
        yield from (attempt(part, folder, task) for part in parts)
        return
    pool = _Pool(parts, folder, task)
    try:
        pool.start(min(jobs, len(parts)))
        for _ in parts:
            found = pool.told.get()
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        pool.close()


class _Pool:
    """Threads that lead a process each from part to part."""

    def __init__(self, parts: Sequence[str], folder: str, task: str) -> None:
        self.told: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()
        self._waiting = deque(parts)
        self._folder = folder
        self._task = task
        self._lock = threading.Lock()
        self._running: set[_Process] = set()
        self._closed = False
        self._threads: list[threading.Thread] = []

    def start(self, jobs: int) -> None:
        """Begin with so many processes."""
        for _ in range(jobs):
            thread = threading.Thread(target=self._lead, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            process.kill()
        for thread in self._threads:
            thread.join()

    def _lead(self) -> None:
        process: _Process | None = None
        try:
            while not self._closed:
                try:
                    part = self._waiting.popleft()
                except IndexError:
                    break
                answer = None
                for _ in range(TRIES):
                    process = process or self._process()
                    answer = process.ask(part, self._folder)
                    if answer is not None or self._closed:
                        break
                    self._end(process)
                    process = None
                self.told.put(lost(os.path.basename(part)) if answer is None else answer)
        except Exception as problem:  # Raised where the answers are waited for.
            self.told.put(problem)
        finally:
            if process is not None:
                self._end(process)

    def _process(self) -> _Process:
        process = _Process(self._task)
        with self._lock:
            self._running.add(process)
            if self._closed:
                process.kill()
        return process

    def _end(self, process: _Process) -> None:
        with self._lock:
            self._running.discard(process)
        process.end()


class _Process:
    """A process that maps the parts it is asked for; the task is its first line, then a line in gives a line out."""

    def __init__(self, task: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this Python, on words of our own
            [sys.executable, "-P", "-c", _START, _PACKAGES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._first: str | None = json.dumps(task)

    def ask(self, part: str, folder: str) -> str | None:
        """What came of a part; None where the process was lost."""
        question, answer = self._process.stdin, self._process.stdout
        if question is None or answer is None:
            return None
        try:
            if self._first is not None:
                question.write(f"{self._first}\n")
                self._first = None
            question.write(f"{json.dumps([part, folder])}\n")
            question.flush()
            line = answer.readline()
        except (OSError, ValueError):
            return None
        return line if line.endswith("\n") else None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> None:
        """End it: it waits for questions, and hears that there are no more."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()
