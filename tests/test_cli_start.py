"""What a run loads and reads before it answers, and how it ends."""

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


def ran(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL
    )


def modules_after(*arguments):
    """The exit code, and the modules that are loaded when a command has run."""
    done = ran(LOADED, *arguments)
    assert done.returncode == 0, done.stderr
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.mark.parametrize("arguments", [[*HEADLINE, "--json"], ["derive", "x*sin(y)"], ["--version"], ["eval", "x +"]])
def test_what_a_command_does_not_need_is_not_loaded(arguments):
    code, modules = modules_after(*arguments)
    assert code == (2 if arguments[-1] == "x +" else 0)
    assert not modules & {"numpy", "rich", "lark", "logging", "tempfile", "pathlib", "importlib.resources"}
    assert not modules & {"dataclasses", "difflib", "pickle", "random", "decimal", "unicodedata"}


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


@pytest.mark.parametrize("arguments", [[*HEADLINE, "--json"], HEADLINE])
def test_what_was_not_asked_for_is_not_loaded(arguments):
    _, modules = modules_after(*arguments)
    asked_for = "passes.derivatives", "passes.diagnose", "passes.finite_differences", "passes.op_count", "passes.steps"
    rare = "algebras.duals", "language.unrolling", "passes.advice", "rendering._ascii", "reading.documents"
    assert not modules & {f"backpropcli.{name}" for name in (*asked_for, *rare)}
    commands = {name for name in modules if name.startswith("backpropcli.commands.")}
    assert {name for name in commands if "._" not in name} == {"backpropcli.commands.eval"}
    one = "table" if arguments == HEADLINE else "json"
    formats = {name.rpartition(".")[2] for name in modules if name.startswith("backpropcli.rendering.")}
    assert {name for name in formats if not name.startswith("_")} == {one}


READS = """
from backpropcli import Formula, primitives
from backpropcli.algebras import rules

def refuse(text, variables):
    raise AssertionError(f"{text} is read again, over {variables}")

rules.formula_read = refuse
count = 0
for entry in primitives.on_numbers().values():
    if entry.helper:
        continue
    names = rules.arguments(entry, len(entry.samples[0]))
    sign = entry.operator[0] if entry.operator else ""
    call = f"{entry.name}({', '.join(names)})"
    text = f" {sign} ".join(names if len(names) > 1 else ("", *names)) if sign else call
    Formula(text).at(dict(zip(names, entry.samples[0])), ieee=True)
    count += 1
print(count)
"""


def test_values_slopes_and_tables_of_all_functions_of_numbers_read_no_text_of_the_table():
    done = ran(READS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 80


ENDS = """
import atexit
import sys
from backpropcli import __main__

def main():
    atexit.register(sys.stdout.write, "handled")
    sys.stdout.write("done, ")
    return 3

atexit.register(print, "never")
__main__.main = main
__main__.start()
"""


def test_a_process_ends_at_once_after_what_was_to_be_done_and_written():
    done = ran(ENDS)
    assert (done.returncode, done.stdout, done.stderr) == (3, "done, handled", "")


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
