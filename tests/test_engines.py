"""The programs that map parts under other engines, each where its engine is installed."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from documents import ROOT
from test_parts import LECTURE, contents, run, write_parts

__all__ = ["run"]

PROGRAMS = {"with_processes.py": None, "with_ray.py": "ray", "with_spark.py": "pyspark"}


def test_every_program_is_tried():
    assert {path.name for path in (ROOT / "examples" / "engines").glob("*.py")} == PROGRAMS.keys()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_maps_all_parts(run, tmp_path, program):
    needed = PROGRAMS[program]
    if needed is not None and find_spec(needed) is None:
        pytest.skip(f"needs {needed}, which is not installed")
    parts = write_parts(tmp_path / "parts", count=2, rows=20)
    command = [sys.executable, str(ROOT / "examples" / "engines" / program), str(parts), str(tmp_path / "out")]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}  # Spark's own is the first python3 in the path.
    for _ in range(2 if needed is None else 1):  # The second time all parts are there.
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
        assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["40 rows"]), done.stderr
    assert run(LECTURE, parts, "-o", tmp_path / "whole")[0] == 0
    whole = contents(tmp_path / "whole")
    assert contents(tmp_path / "out") == {name: held for name, held in whole.items() if name.endswith(".parquet")}
