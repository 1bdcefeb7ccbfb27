"""What people get wrong, and every word of the answer: a loop over cases/errors.

A case is a command line, as a shell would read it; then, where needed, `< stdin` or `< FILE` and the contents indented
under it, with escapes as in a Python string; then `---`, the whole of stderr, and `exit N`. The first word of its
file's name says what it is about. BACKPROP_WRITE_CASES=1 writes what is printed now: read the difference.
"""

import io
import os
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from backpropcli.cli import main

FOLDER = Path(__file__).parent / "cases" / "errors"
CASES = sorted(FOLDER.glob("*.txt"))
ABOUT_THE_FORMULA = ("syntax_", "character_", "name_", "call_", "program_", "number_", "value_")
"""A message about the formula has a caret under its place."""


class Case(NamedTuple):
    head: str
    arguments: list[str]
    files: dict[str, bytes]
    expected: str


def read(path):
    head, _, expected = path.read_text(encoding="utf-8").partition("\n---\n")
    command, *blocks = re.split(r"\n< ", head)
    arguments = shlex.split(re.sub(r"\$'((?:[^'\\]|\\.)*)'", lambda found: shlex.quote(unescaped(found[1])), command))
    assert arguments[:2] == ["$", "backprop"], f"{path.name} does not begin with $ backprop"
    files = {}
    for block in blocks:
        name, *lines = block.split("\n")
        text = unescaped("\n".join(line.removeprefix("  ") for line in lines))
        files[name] = text.encode("utf-8", "surrogateescape")
    return Case(head, arguments[2:], files, expected)


def unescaped(text):
    r"""The text that these escapes stand for; a byte that is not UTF-8 is written \udcff."""
    return re.sub(r"\\(u[0-9a-f]{4}|x[0-9a-f]{2}|[nt\\'])", lambda found: eval(f'"\\{found[1]}"'), text)


def run(arguments, stdin, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_whole_message_is_as_written(path, tmp_path, monkeypatch, capsys):
    case = read(path)
    monkeypatch.chdir(tmp_path)
    for name, contents in case.files.items():
        if name != "stdin":
            (tmp_path / name).write_bytes(contents)
    code, out, err = run(case.arguments, case.files.get("stdin", b""), monkeypatch, capsys)
    if os.environ.get("BACKPROP_WRITE_CASES") == "1":
        path.write_text(f"{case.head}\n---\n{err}exit {code}\n", encoding="utf-8")
    else:
        assert f"{err}exit {code}\n" == case.expected
    assert out == ""
    assert code in (2, 3)
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("hint: "), "there is no way out"
    assert all(len(line) <= 420 for line in lines)
    assert all(character.isprintable() or character == "\n" for character in err)
    assert "Traceback" not in err
    assert "internal" not in lines[0]
    if path.stem.startswith(ABOUT_THE_FORMULA):
        assert re.search(r"^ +\| +\^+$", err, re.MULTILINE), "there is no caret"


def test_there_are_many_cases_and_each_is_one_of_its_own():
    assert len(CASES) >= 130
    commands = [read(path).head for path in CASES]
    assert len(set(commands)) == len(commands)
