"""What the examples make of a gradient a row, held against formulas that were derived by hand."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from backpropcli import Formula
from backpropcli.cli import main

EXAMPLES = Path(__file__).parents[1] / "examples"
Rows = list[dict[str, float]]


@pytest.fixture
def mapped(capsys: pytest.CaptureFixture[str]) -> Callable[..., Rows]:
    """Runs `backprop map` on an example's table; names of rows are left out."""

    def run(formula: str, name: str, *options: str) -> Rows:
        assert main(["map", formula, str(EXAMPLES / name), "--quiet", *options]) == 0
        rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
        return [{key: float(cell) for key, cell in row.items() if key not in ("name", "room")} for row in rows]

    return run


def close(found: float, wanted: float) -> bool:
    return math.isclose(found, wanted, rel_tol=1e-12)


def test_the_pendulum_has_the_uncertainty_of_the_formula_by_hand(mapped: Callable[..., Rows]) -> None:
    formula = "f = 4π²*L/T²; g = f; dg = sqrt((diff(f, L)*dL)² + (diff(f, T)*dT)²)"
    slopes = mapped("4π²*L/T²", "pendulum.csv")
    within = mapped(formula, "pendulum.csv", "--only", "value")
    assert len(slopes) == len(within) == 5
    for slope, row in zip(slopes, within, strict=True):
        g = 4 * math.pi**2 * row["L"] / row["T"] ** 2
        wanted = g * math.hypot(row["dL"] / row["L"], 2 * row["dT"] / row["T"])
        assert close(row["value_g"], g)
        assert close(row["value_dg"], wanted)
        assert close(math.hypot(slope["grad_L"] * row["dL"], slope["grad_T"] * row["dT"]), wanted)


def test_a_resistance_has_the_uncertainty_of_the_formula_by_hand(mapped: Callable[..., Rows]) -> None:
    rows = mapped("U/I", "measured.csv")
    assert len(rows) == 3
    for row in rows:
        found = math.hypot(row["grad_U"] * row["dU"], row["grad_I"] * row["dI"])
        assert close(found, row["U"] / row["I"] * math.hypot(row["dU"] / row["U"], row["dI"] / row["I"]))


def test_effects_of_columns_are_the_exponents_of_a_product(mapped: Callable[..., Rows]) -> None:
    rows = mapped("U*A*(indoor - outdoor)", "rooms.csv")
    assert len(rows) == 4
    for row in rows:
        effects = {name: row[name] * row[f"grad_{name}"] / row["value"] for name in ("U", "A", "indoor", "outdoor")}
        assert close(effects["U"], 1)
        assert close(effects["A"], 1)
        assert close(effects["indoor"], row["indoor"] / (row["indoor"] - row["outdoor"]))
        assert close(effects["indoor"] + effects["outdoor"], 1)


def test_features_of_rows_add_up_to_the_gradient_of_them_all(mapped: Callable[..., Rows]) -> None:
    weights = {"w1": 1.2, "w2": 0.3, "b": -5.0}
    given = [word for name, value in weights.items() for word in (f"--{name}", str(value))]
    loss = "binary_cross_entropy_with_logits(w1*hours + w2*sleep + b, passed)"
    rows = mapped(loss, "admissions.csv", *given, "--wrt", "w1,w2,b")
    assert len(rows) == 7
    for row in rows:  # The textbook's gradient of logistic regression: (p - t) x.
        p = 1 / (1 + math.exp(-(1.2 * row["hours"] + 0.3 * row["sleep"] - 5)))
        assert math.isclose(row["grad_w1"], (p - row["passed"]) * row["hours"], rel_tol=1e-9)
        assert math.isclose(row["grad_b"], p - row["passed"], rel_tol=1e-9)
    columns = {name: [row[name] for row in rows] for name in ("hours", "sleep", "passed")}
    whole = Formula(loss).gradient({**weights, **columns}, wrt=tuple(weights))
    for name, value in whole.items():  # The loss of a batch is a mean.
        assert close(sum(row[f"grad_{name}"] for row in rows) / len(rows), float(value))


def test_several_outputs_are_said_once_and_only_where_derivatives_are_missed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    formula = "a = U*I; b = U/I"
    for options, said in (((), 1), (("--only", "value"), 0), (("--jacobian",), 0)):
        assert main(["map", formula, str(EXAMPLES / "measured.csv"), *options]) == 0
        told = capsys.readouterr().err.splitlines()[:-1]
        assert told == ["note: several outputs: their derivatives are given by --jacobian"] * said


def test_a_table_without_names_is_told_from_one_with_other_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for header, hint in (("1,2", "put a line with the columns' names before it"), ("a,2", "it has a, 2; take it from")):
        path = tmp_path / "points.csv"
        path.write_text(f"{header}\n3,4\n")
        assert main(["map", "x*y", str(path)]) == 3
        told = capsys.readouterr().err
        assert f"hint: {hint}" in told


def test_objects_that_are_spread_over_lines_are_told_the_way_to_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "points.ndjson"
    path.write_text('{\n  "x": 1\n}\n')
    assert main(["map", "x^2", str(path)]) == 3
    told = capsys.readouterr().err
    assert "error: line 1 of " in told
    assert "hint: write an object a line; jq -c . makes a line" in told
