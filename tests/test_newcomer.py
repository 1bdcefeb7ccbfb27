"""A newcomer follows CONTRIBUTING to the letter: its diffs are applied to a copy of the project, and work."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import documents
import pytest

ROOT = documents.ROOT
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


class Diff(NamedTuple):
    """A change of one file, in one place."""

    path: str
    new: bool
    before: str
    after: str


def diffs() -> list[Diff]:
    return [diff(block.body) for block in documents.blocks(CONTRIBUTING) if block.language == "diff"]


def diff(text: str) -> Diff:
    """A diff as `git apply` would read it; the counts in its header must be true."""
    old, new, header, *lines = text.splitlines(keepends=True)
    found = re.fullmatch(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@\n", header)
    assert found is not None, header
    before = [line[1:] for line in lines if line[0] in " -"]
    after = [line[1:] for line in lines if line[0] in " +"]
    assert [len(before), len(after)] == [int(count or 1) for count in found.groups()], header
    assert new.startswith("+++ b/")
    return Diff(new.removeprefix("+++ b/").strip(), old == "--- /dev/null\n", "".join(before), "".join(after))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with all the diffs applied."""
    copy = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("backpropcli", "grammar", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path, new, before, after in diffs():
        if new:
            assert not (copy / path).exists(), f"{path} is there already: CONTRIBUTING needs another example"
            (copy / path).write_text(after, encoding="utf-8")
        else:
            text = (copy / path).read_text(encoding="utf-8")
            assert text.count(before) == 1, f"the diff's context does not stand in {path} once"
            (copy / path).write_text(text.replace(before, after), encoding="utf-8")
    return copy


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project), "NO_COLOR": "1", "COLUMNS": "80", "PYTHONUTF8": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )


def backprop(project: Path, *arguments: str) -> str:
    done = python(project, "-m", "backpropcli", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_example_touches_one_file_and_only_adds_to_it() -> None:
    assert [diff.path.split("/")[1] for diff in diffs()] == ["primitives", "rendering", "commands"]
    for _, new, before, after in diffs():
        assert before == "" if new else set(before.splitlines()) <= set(after.splitlines())


def test_the_copy_is_what_runs(project: Path) -> None:
    done = python(project, "-c", "import backpropcli; print(backpropcli.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(project)


def test_new_function_is_evaluated_and_differentiated(project: Path) -> None:
    result = json.loads(backprop(project, "eval", "gudermannian(x)", "--x", "1", "--json"))
    assert result["value"] == pytest.approx(2 * math.atan(math.tanh(0.5)), rel=4e-16)
    assert result["grad"]["x"] == pytest.approx(1 / math.cosh(1), rel=4e-16)
    assert "sech(x)" in backprop(project, "eval", "gudermannian(x)", "--x", "1")


def test_new_function_is_in_the_help(project: Path) -> None:
    assert "gudermannian(x)" in backprop(project, "functions")
    assert "sech(x)" in backprop(project, "functions", "gudermannian")


def test_new_function_is_derived(project: Path) -> None:
    assert backprop(project, "derive", "gudermannian(x)") == "sech(x)\n"


def test_new_function_is_suggested(project: Path) -> None:
    done = python(project, "-m", "backpropcli", "eval", "gudermanian(x)", "--x", "1")
    assert done.returncode == 2
    assert "did you mean gudermannian?" in done.stderr


def test_new_function_is_tested_without_a_line(project: Path) -> None:
    done = python(
        project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_primitives.py", "-k", "gudermannian"
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 8


def test_new_format_is_offered_and_written(project: Path) -> None:
    assert "lines" in backprop(project, "eval", "--help")
    text = backprop(project, "eval", "x*y", "--x", "0.1", "--y", "3", "--format", "lines")
    assert text == f"z = {0.1 * 3}\ndz/dx = 3\ndz/dy = 0.1\n"
    assert backprop(project, "eval", "x*y", "--x", "1", "--y", "3", "--format", "lines", "--only", "value") == "z = 3\n"


def test_new_command_is_listed_and_runs(project: Path) -> None:
    assert re.search(r"^  read +Read a formula", backprop(project, "--help"), re.M)
    assert backprop(project, "read", "-x^2 y") == "-((x^2)*y)\n"
    assert "-x^2 y" in backprop(project, "read", "--help")
