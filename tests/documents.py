"""The documents' sessions: found, run, and held against what they say, or written anew.

    python -m tests.documents

runs every session and writes what it shows into the documents. In a `console` block lines that start with `$ ` are
typed, `> ` continues them, and all else is what a terminal of 80 columns would show. Its commands share one shell, so
that `$ echo $?` can follow a command; it runs in a copy of its document's folder and cannot litter the checkout. A
`python` block is a session of Python's, as doctest reads it. A session that calls a program of `tests/components.py` is
left as it is where that is not installed.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests import components

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 60
_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)\n(?P<body>.*?)^(?P=fence)\n", re.M | re.S)
_END = "\x1e"  # Printed after every command; no document holds it.


class Block(NamedTuple):
    """A fenced block of a document."""

    path: Path
    line: int
    """The line of the fence that opens it."""
    language: str
    body: str
    start: int
    end: int
    """Where its body stands in the document."""

    @property
    def place(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


class Command(NamedTuple):
    """What is typed, with the marks of a session, and what it shows."""

    typed: str
    shown: str


def documents() -> list[Path]:
    """Every document that is read by users or by those who change the program."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for folder in ("examples", "docs"):
        found += sorted((ROOT / folder).rglob("*.md"))
    return found


def sessions(path: Path) -> Iterator[Block]:
    """The blocks that can be run."""
    return (block for block in blocks(path) if block.language in SESSIONS)


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a document."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(path, line, match["language"], match["body"], *match.span("body"))


def commands(block: Block) -> list[Command]:
    """The session's commands in order."""
    found: list[Command] = []
    typing = False
    for line in block.body.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append(Command(line, ""))
            typing = True
        elif not found:
            raise ValueError(f"{block.place}: a console block starts with a command")
        elif typing and line.startswith("> "):
            found[-1] = Command(found[-1].typed + line, "")
        else:
            found[-1] = Command(found[-1].typed, found[-1].shown + line)
            typing = False
    return found


def needs(block: Block) -> list[str]:
    """The components whose programs a session calls."""
    if block.language != "console":
        return []
    typed = "".join(command.typed for command in commands(block))
    called = set(re.findall(r"(?:^[$>] *|[|;&(] *|\bxargs )([\w-]+)", typed, flags=re.M))
    return [name for name, component in components.COMPONENTS.items() if component.program in called]


def run(block: Block) -> str:
    """The session as it goes now."""
    return SESSIONS[block.language](block)


def console(block: Block) -> str:
    """A shell's session as it goes now."""
    typed = [command.typed for command in commands(block)]
    # The mark is printed between commands, and leaves $? as the command left it.
    mark = f"__status=$?; printf '{_END}'; (exit $__status)"
    script = "".join(f"{re.sub('^[$>] ', '', each, flags=re.M)}{mark}\n" for each in typed)
    with tempfile.TemporaryDirectory() as folder:
        here = _copied(block.path.parent, Path(folder))
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=here,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
        )
    shown = done.stdout.decode("utf-8").split(_END)
    if len(shown) != len(typed) + 1:
        raise ValueError(f"{block.place}: the session ended early:\n{''.join(shown)}")
    return "".join(f"{each}{_whole(text)}" for each, text in zip(typed, shown, strict=False))


def python(block: Block) -> str:
    """A session with Python as it goes now."""
    test = doctest.DocTestParser().get_doctest(block.body, {}, block.place, str(block.path), block.line)
    runner = Recorder()
    runner.run(test)
    return "".join(runner.shown)


class Recorder(doctest.DocTestRunner):
    """Runs examples and writes them down with what they show, whatever they were expected to."""

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.shown: list[str] = []

    def report_success(self, out: object, test: doctest.DocTest, example: doctest.Example, got: str) -> None:
        first, *rest = example.source.splitlines(keepends=True)
        self.shown += [f">>> {first}", *(f"... {line}" for line in rest), got]

    report_failure = report_success

    def report_unexpected_exception(
        self, out: object, test: doctest.DocTest, example: doctest.Example, exc_info: tuple[Any, BaseException, Any]
    ) -> None:
        raise exc_info[1]


SESSIONS = {"console": console, "python": python}


def environment() -> dict[str, str]:
    """A terminal of 80 columns without colour, whose `backprop` and `python` are those of this interpreter."""
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "SYSTEMROOT", "PYTHONPATH") if name in os.environ}
    shown = {"COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    return {**kept, **shown, "PATH": components.search_path()}


def rewrite(path: Path) -> bool:
    """Write into a document what its sessions show now, and say whether that changed it."""
    before = text = path.read_text(encoding="utf-8")
    for block in reversed(list(sessions(path))):
        missing = [name for name in needs(block) if not components.there(name)]
        if missing:
            print(f"{block.place}: left as it is, without {' and '.join(missing)}")
        else:
            text = text[: block.start] + run(block) + text[block.end :]
    if text != before:
        path.write_text(text, encoding="utf-8")
    return text != before


def _copied(folder: Path, target: Path) -> Path:
    """Where a session runs: the examples' files are there, under the folder that the reader would be in."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "examples", target / "examples", ignore=ignored)
    here = target / folder.relative_to(ROOT)
    here.mkdir(parents=True, exist_ok=True)
    return here


def _whole(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def main() -> None:
    for path in documents():
        print(f"{path.relative_to(ROOT)}: {'written anew' if rewrite(path) else 'as it was'}")


if __name__ == "__main__":
    main()
