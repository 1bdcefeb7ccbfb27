"""The benchmarks run; what they measure is not judged here."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_benchmarks_run_and_write_what_they_print(tmp_path):
    asked = ["--sizes", "10,20", "--runs", "1", "--batch", "4", "--points", "100", "--rows", "300", "--students", "3"]
    asked += ["--part-rows", "80"]
    asked += ["--json", str(tmp_path / "found.json")]
    command = [sys.executable, "-m", "tests.benchmarks", *asked]
    root = Path(__file__).parent.parent
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["command"] for row in found["start"]] == ["python -c pass", "eval --json", "eval (table)"]
    assert len(found["phases"]) % 2 == 0
    assert len(found["phases"]) >= 8
    assert [row["function"] for row in found["products"]] == ["rosenbrock", "activations", "quadratic"]
    assert [row["way"] for row in found["networks"]][:2] == ["NumPy by hand", "backprop, Formula.gradient"]
    assert [row["format"] for row in found["rows"] if row["way"] == "standard library"] == ["ndjson", "csv"]
    assert found["latency_ms"] > 0
    assert [row["way"] for row in found["parts"]][:2] == ["pyarrow, 2 processes", "backprop, --jobs 2"]
    assert [row["formula"] for row in found["points"]] == ["seed", "net", "long"]
    assert {"memory copy", "backprop, --engine numpy"} <= set(found["points"][0]["nanoseconds"])
    assert "nested" in ran.stdout
    assert len(found["latex"]) > 90
    assert all(row["seconds"] > 0 for row in found["latex"])
    assert "document in markdown" in ran.stdout
    assert [(row["students"], row["level"]) for row in found["classes"]] == [(3, "locate"), (3, "hint")]
    assert all(row["seconds"] > 0 for row in found["classes"])
