"""What a run loads, and what that costs."""

import os
import resource
import subprocess
import sys

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


def cpu_time(environment, *arguments):
    """The least CPU time of a few runs, in seconds, once their modules are compiled."""
    used = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(used)


@pytest.mark.parametrize("arguments", [[*HEADLINE, "--json"], ["derive", "x*sin(y)"], ["--version"], ["eval", "x +"]])
def test_what_a_command_does_not_need_is_not_loaded(arguments):
    code, modules = modules_after(*arguments)
    assert code == (2 if arguments[-1] == "x +" else 0)
    assert not modules & {"numpy", "rich", "lark", "logging", "tempfile", "pathlib", "importlib.resources"}


def test_the_table_needs_no_numpy_and_no_lark():
    code, modules = modules_after(*HEADLINE)
    assert code == 0
    assert not modules & {"numpy", "lark"}


@pytest.mark.parametrize(("arguments", "times"), [([*HEADLINE, "--json"], 10), (HEADLINE, 13)])
def test_a_run_costs_so_many_times_an_empty_python(arguments, times, tmp_path):
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    empty = cpu_time(environment, "-c", "pass")
    assert cpu_time(environment, "-m", "backpropcli", *arguments) <= times * empty
