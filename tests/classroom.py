"""An assignment and sheets to try it with: the fourth lecture's example, as it is worked out by hand."""

from __future__ import annotations

from pathlib import Path

from backpropcli.homework import assignment
from backpropcli.homework.paper import Paper, paper

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "homework"
ASSIGNMENT = EXAMPLES / "t4.toml"
SHEETS = EXAMPLES / "sheets"


def text() -> str:
    """The assignment as its teacher wrote it."""
    return ASSIGNMENT.read_text(encoding="utf-8")


def made(**changes: str) -> Paper:
    """The assignment ready to mark with; texts in it may be replaced, `find=replacement` as pairs."""
    found = text()
    for old, new in changes.items():
        assert old in found
        found = found.replace(old, new)
    return paper(assignment.parsed(found.encode(), "t4.toml"))


def sheet(name: str) -> str:
    """A sheet of the class."""
    return (SHEETS / f"{name}.md").read_text(encoding="utf-8")
