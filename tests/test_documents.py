"""Whatever a document shows is what happens. `python -m tests.documents` writes the outputs anew."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import documents
import pytest
from documents import ROOT, Block

import backpropcli.formula
from tests import components

SETUP = (
    "python3 -m venv .venv && .venv/bin/pip install -q . && "
    ".venv/bin/backprop eval '(x + σ(x)) / (σ(x) + (x + y)^2)' --x 4 --y 3",
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest -q",
)


SESSIONS = [block for path in documents.documents() for block in documents.sessions(path)]


MARKED = [
    pytest.param(block, marks=[getattr(pytest.mark, name) for name in documents.needs(block)], id=block.place)
    for block in SESSIONS
]


@pytest.mark.parametrize("block", MARKED)
def test_session_shows_what_its_document_says(block: Block) -> None:
    for name in documents.needs(block):
        components.program(name)
    assert documents.run(block) == block.body, "`python -m tests.documents` writes it anew"


def test_sessions_need_the_programs_that_they_call_and_no_others() -> None:
    def needs(body: str) -> list[str]:
        return documents.needs(Block(ROOT / "README.md", 1, "console", body, 0, len(body)))

    assert needs("$ jq -c . points.ndjson |\n>   backprop map 'x' | mlr --ijsonl --ojson cat\n") == ["jq", "miller"]
    assert needs("$ ls *.sql | xargs duckdb && (duckdb -c '.help')\n") == ["duckdb"]
    assert needs("$ echo jq  # as jq would\nerror: try jq -c '.[]'\n$ cat mlr.csv\n") == []
    assert {name for block in SESSIONS for name in documents.needs(block)} == {"duckdb", "jq", "miller"}


def test_docstrings_of_the_python_door_are_true() -> None:
    found = doctest.testmod(backpropcli.formula)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("command", SETUP)
def test_readme_sets_up_in_a_command(command: str) -> None:
    assert command in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_every_program_among_the_examples_is_run_by_a_document() -> None:
    sessions = [block for block in SESSIONS if block.language == "console"]
    typed = "".join(command.typed for block in sessions for command in documents.commands(block))
    for program in (ROOT / "examples").glob("*.py"):
        assert f"python {program.name}" in typed


@pytest.mark.parametrize("path", documents.documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
