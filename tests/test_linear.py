"""Twice the formula takes twice the work, whatever makes it large and whatever is asked: lines of Python are counted.

Seconds are measured by `python -m tests.benchmarks.limits`. What is counted here is the same on every machine: the
lines that a command runs through from one size to the next, so that what it costs to start falls out.
"""

import itertools
import json
import sys

import pytest
from benchmarks.limits import GROWTH, LANGUAGE, MEGABYTES, OUTPUTS, spent

from backpropcli.cli import main
from backpropcli.formula import Formula
from backpropcli.passes.wording import OWN

STEP = 24
"""The count of the smallest formula; the others have two and four times as many parts."""
LARGE_PARTS = {"uses of a large function": 3, "many arguments": 6}
# Of these every part is work for all others: within a limit, which the benchmark measures at.
SQUARE = {"derivatives of a chain", "functions of moved arguments", "derivatives of derivatives"}
MIXED = "f(t) = t*sin(t) + 1\nq0 = x\n{}q{} + sum(k*x, k, 1, {}) + {}"


def lines_of(words, capsys):
    """How many lines of Python a command runs through."""
    count = 0

    def line(frame, event, argument):
        nonlocal count
        count += event == "line"
        return line

    sys.settrace(line)
    try:
        code = main(words)
    finally:
        sys.settrace(None)
    assert code == 0, capsys.readouterr().err
    capsys.readouterr()
    return count


def growth(make, point, words, folder, capsys, step=STEP):
    """How much more work the second doubling takes than the first: 2 where it is linear, 4 where it is quadratic."""
    counts = []
    for count in (2, step, 2 * step, 4 * step):  # The first time is left out: then rules are read.
        formula, values = folder / f"{count}.txt", folder / f"{count}.json"
        formula.write_text(make(count), encoding="utf-8")
        values.write_text(json.dumps(point(count)), encoding="utf-8")
        command, *options = words
        at = ["--at", f"@{values}", "--allow-unused"] if command == "eval" else []
        counts.append(lines_of([command, "-f", str(formula), *at, *options], capsys))
    return (counts[3] - counts[2]) / max(counts[2] - counts[1], 1)


@pytest.mark.parametrize("family", sorted(LANGUAGE.keys() - SQUARE))
def test_the_work_is_linear_in_the_formula(family, tmp_path, capsys):
    made = LANGUAGE[family]
    step = LARGE_PARTS.get(family, STEP)
    assert growth(made.make, made.point, OUTPUTS["json"], tmp_path, capsys, step) <= GROWTH


def mixed(count):
    """Definitions, a function's uses, an indexed sum, conditions and calls."""
    chain = "".join(f"q{k} = q{k - 1}/2 + f({k}*x)\n" for k in range(1, count + 1))
    return MIXED.format(chain, count, count, " + ".join(f"abs(x - {k})*if(x > {k}, x, 1)" for k in range(count)))


@pytest.mark.parametrize("output", sorted(OUTPUTS))
def test_every_output_takes_work_that_is_linear_in_the_formula(output, tmp_path, capsys):
    assert growth(mixed, lambda count: {"x": 0.5}, OUTPUTS[output], tmp_path, capsys) <= GROWTH


DEEP_OR_WIDE = ["choices in choices", "product of variables", "many arguments"]


@pytest.mark.parametrize(
    ("family", "output"),
    [*itertools.product(DEEP_OR_WIDE, ["derive", "steps", "diagnose", "latex"]), ("outputs", "latex")],
)
def test_derivatives_of_what_is_deep_or_wide_are_linear_too(family, output, tmp_path, capsys):
    made, step = LANGUAGE[family], LARGE_PARTS.get(family, STEP)
    assert growth(made.make, made.point, OUTPUTS[output], tmp_path, capsys, step) <= GROWTH


def test_wordings_for_numbers_of_their_own_are_made_a_thousand_times():
    """Beyond that the number is put into the wording that any number has, which is as true, and longer."""
    terms = [f"x^{k + 2}.5 + x^(-{k + 2}.5) + atan2(x, {k + 2}.5)" for k in range(OWN)]
    rows = Formula(" + ".join(terms)).at(x=1.01).rows
    shown = {row.formula: edge for row in rows for edge in row.inputs if row.op in ("pow", "atan2")}
    assert shown["x^3.5"].rule == "3.5·x^2.5"
    assert shown["x^1001.5"].rule == "1001.5·x^(1001.5 - 1)"
    assert shown["x^(-1001.5)"].rule == "(-1001.5)·x^((-1001.5) - 1)"
    assert shown["atan2(x, 1001.5)"].rule == "1001.5/(x^2 + 1001.5^2)"
    for edge in shown.values():
        assert Formula(edge.rule.replace("·", "*")).value(x=1.01) == pytest.approx(edge.partial, rel=1e-12)


DOUBLED = {
    "definitions": "a0 = x\n" + "\n".join([f"a{k + 1} = a{k} + sin(a{k})" for k in range(60)]),
    "functions": "f0(t) = t\n" + "\n".join([f"f{k + 1}(t) = f{k}(t) + sin(f{k}(t))" for k in range(60)]) + "\nf60(x)",
}


@pytest.mark.parametrize("output", sorted(OUTPUTS))
@pytest.mark.parametrize("doubled", DOUBLED)
def test_what_doubles_sixty_times_is_written_once(doubled, output, tmp_path, capsys):
    (tmp_path / "formula.txt").write_text(DOUBLED[doubled], encoding="utf-8")
    command, *words = OUTPUTS[output]
    at = ["--at", "x=0.001"] if command == "eval" else []
    assert main([command, "-f", str(tmp_path / "formula.txt"), *at, *words]) == 0
    assert len(capsys.readouterr().out) < 100_000


def test_what_doubles_sixty_times_is_not_written_out(tmp_path, capsys):
    (tmp_path / "formula.txt").write_text(DOUBLED["definitions"], encoding="utf-8")
    assert main(["derive", "-f", str(tmp_path / "formula.txt"), "--inline"]) == 2
    assert "and the limit is 10,000" in capsys.readouterr().err


def test_the_largest_formula_stays_within_its_memory(tmp_path):
    made = LANGUAGE["calls"]
    (tmp_path / "formula.txt").write_text(made.make(made.full), encoding="utf-8")
    command, *words = OUTPUTS["diagnose"]
    code, _, megabytes = spent([command, "-f", str(tmp_path / "formula.txt"), "--at", "x=0.5", *words])
    assert code == 0
    assert megabytes <= MEGABYTES
