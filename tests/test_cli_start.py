"""What a run loads."""

import shutil
import subprocess
import sys

import classroom
import pytest

HEADLINE = ["eval", "(x + σ(x)) / (σ(x) + (x + y)^2)", "--x", "4", "--y", "3"]

LOADED = """
import sys
from backpropcli.cli import main
code = main(sys.argv[1:])
sys.stdout.flush()
print(code, *sorted(sys.modules), file=sys.stderr)
"""


def modules_after(*arguments):
    """The exit code, and the modules that are loaded when a command has run."""
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    code, *modules = ran.stderr.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.mark.parametrize("arguments", [[*HEADLINE, "--json"], ["derive", "x*sin(y)"], ["--version"], ["eval", "x +"]])
def test_what_a_command_does_not_need_is_not_loaded(arguments):
    code, modules = modules_after(*arguments)
    assert code == (2 if arguments[-1] == "x +" else 0)
    assert not modules & {"numpy", "rich", "lark", "logging", "tempfile", "pathlib", "importlib.resources"}


def test_the_table_needs_no_numpy_and_no_lark():
    code, modules = modules_after(*HEADLINE)
    assert code == 0
    assert not modules & {"numpy", "lark"}


@pytest.mark.parametrize("arguments", [[*HEADLINE, "--json"], HEADLINE])
def test_numbers_load_nothing_that_is_about_arrays(arguments):
    """What a start costs in time `python -m tests.benchmarks` measures, beside its bars."""
    code, modules = modules_after(*arguments)
    assert code == 0
    own = {name for name in modules if name.startswith("backpropcli.")}
    about_arrays = "array", "matrix_", "layout_", "reduction_"
    assert not {name for name in own if name.rpartition(".")[2].startswith(about_arrays)}
    assert not own & {f"backpropcli.{name}" for name in ("algebras.shapes", "passes.bind", "passes.products")}
    assert not {name for name in own if ".latex" in name or "explain" in name or "repl" in name}


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["check", "t4.toml", "form.json", "--json"], {"numpy", "rich", "lark", "markdown_it"}),
        (["check", "t4.toml", "sheets/s01.md", "--format", "junit"], {"numpy", "rich", "lark"}),
        (["check", "--formula", "x^2", "--x", "3", "dz/dx = 6", "--json"], {"numpy", "rich", "lark", "markdown_it"}),
        (["worksheet", "t4.toml"], {"numpy", "rich", "lark"}),
    ],
)
def test_marking_numbers_loads_what_it_needs(arguments, unneeded, tmp_path, monkeypatch):
    shutil.copytree(classroom.EXAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "form.json").write_text('[{"student": "a", "answers": {"dz/dx": 1}}]', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, modules = modules_after(*arguments)
    assert code == 0
    assert not modules & unneeded
