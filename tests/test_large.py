"""Formulas a hundred thousand deep, wide and long, through the real command, with Python's own recursion limit."""

import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import backpropcli
from backpropcli.cli import main
from backpropcli.formula import Formula

SIZE = 100_000
SECONDS = 120
"""A guard against hanging, not a measurement: see tests/benchmarks."""


def tower(x):
    """x^x^...^x, `SIZE` times, and its derivative by x."""
    value, slope = x, 1.0
    for _ in range(SIZE):
        # d (x^u) / dx = u x^(u - 1) + x^u log(x) du/dx
        value, slope = x**value, value * x ** (value - 1) + x**value * math.log(x) * slope
    return value, slope


def calls(x):
    """sin(sin(... sin(x))), `SIZE` times, and its derivative."""
    value, slope = x, 1.0
    for _ in range(SIZE):
        value, slope = math.sin(value), slope * math.cos(value)
    return value, slope


TERMS = {f"x{k}": 1.0 + 1e-9 * k for k in range(SIZE)}
PRODUCT = math.prod(TERMS.values())

FAMILIES = {
    "parentheses": ("(" * SIZE + "x" + ")" * SIZE, {"x": 3.0}, 3.0, {"x": 1.0}),
    "sum": ("+".join(f"{k}*x" for k in range(1, SIZE + 1)), {"x": 2.0}, 1e5 * 100001, {"x": 5e4 * 100001}),
    "tower": ("x^" * SIZE + "x", {"x": 1.1}, tower(1.1)[0], {"x": tower(1.1)[1]}),
    "calls": ("sin(" * SIZE + "x" + ")" * SIZE, {"x": 1.0}, calls(1.0)[0], {"x": calls(1.0)[1]}),
    "minuses": ("-" * SIZE + "x", {"x": 3.0}, 3.0, {"x": 1.0}),
    "product": ("*".join(TERMS), TERMS, PRODUCT, {name: PRODUCT / factor for name, factor in TERMS.items()}),
    "choices": ("x > 0 ? x*" * (SIZE // 5) + "1" + " : 0" * (SIZE // 5), {"x": 1.0}, 1.0, {"x": 1.0}),
    "definitions": (
        "\n".join(f"q{k + 1} = q{k} + x" for k in reversed(range(SIZE // 5))) + "\nq0 = x",
        {"x": 2.0},
        2.0 * (SIZE // 5 + 1),
        {"x": SIZE // 5 + 1.0},
    ),
}
OPTIONS = ["--max-chars", "4000000", "--max-nodes", "1000000"]


@pytest.fixture
def case(request, tmp_path):
    text, point, value, grad = FAMILIES[request.param]
    (tmp_path / "formula.txt").write_text(text, encoding="utf-8")
    (tmp_path / "point.json").write_text(json.dumps(point), encoding="utf-8")
    words = ["eval", "-f", str(tmp_path / "formula.txt"), "--at", f"@{tmp_path / 'point.json'}", "--json", *OPTIONS]
    return words, value, grad


def check(text, value, grad):
    found = json.loads(text)
    assert found["value"] == pytest.approx(value, rel=1e-9)
    assert found["grad"] == pytest.approx(grad, rel=1e-9)


@pytest.mark.parametrize("case", FAMILIES, indirect=True)
def test_a_large_formula_has_its_value_gradient_and_document(case, capsys):
    words, value, grad = case
    limit = sys.getrecursionlimit()
    began = time.monotonic()
    assert main(words) == 0
    assert time.monotonic() - began < SECONDS
    assert sys.getrecursionlimit() == limit
    check(capsys.readouterr().out, value, grad)


@pytest.mark.parametrize("case", ["parentheses", "calls"], indirect=True)
def test_a_small_stack_is_enough(case):
    words, value, grad = case
    command = ["sh", "-c", 'ulimit -s 512; exec "$@"', "sh", sys.executable, "-m", "backpropcli", *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    check(ran.stdout, value, grad)


@pytest.mark.parametrize(
    "text", ["(" * SIZE, "x" + ")" * SIZE, "sin(" * SIZE + "x", "-" * SIZE, "x^" * SIZE, "f(" * SIZE]
)
def test_a_large_formula_that_is_wrong_is_refused(text, tmp_path, capsys):
    (tmp_path / "formula.txt").write_text(text, encoding="utf-8")
    assert main(["eval", "-f", str(tmp_path / "formula.txt"), "--x", "1"]) == 2
    ran = capsys.readouterr()
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert all(len(line) < 420 for line in ran.err.splitlines())


def test_a_formula_that_doubles_is_large_only_as_a_tree(capsys):
    """A chain of 2^12 sums of a node with itself: as a tree it would have 2^4096 leaves."""
    definitions = ["f0(t) = (t + t)/2", *(f"f{k + 1}(t) = f{k}(f{k}(t))" for k in range(12))]
    for nodes in ("gates", "steps", "elementary"):
        assert main(["eval", "; ".join([*definitions, "f12(x)"]), "--x", "1", "--json", "--nodes", nodes]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["value"], found["grad"]) == (1.0, {"x": 1.0})


def test_nobody_raises_the_recursion_limit():
    for path in Path(backpropcli.__file__).parent.rglob("*.py"):
        assert not re.search("setrecursionlimit|stack_size", path.read_text(encoding="utf-8")), path


def test_very_many_derivatives_without_a_value_take_no_longer():
    """A second opinion on each of them would take as many sweeps; some are given, the rest stay as they are."""
    count = 20_000
    total = " + ".join([f"x_{k}^2" for k in range(count)])
    formula = Formula(f"sqrt({total})", max_chars=None)
    for number in (1.0, 0.0):
        start = time.perf_counter()
        gradient = formula.gradient(dict.fromkeys(formula.variables, number))
        assert time.perf_counter() - start < 10
        assert [math.isnan(slope) for slope in gradient.values()] == [number == 0.0] * count
