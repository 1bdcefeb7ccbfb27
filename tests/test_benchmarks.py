"""The benchmarks run; what they measure is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import peers, workers
from tests.benchmarks.__main__ import TABLES

ROOT = Path(__file__).parent.parent


def benchmarks(*options):
    command = [sys.executable, "-m", "tests.benchmarks", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_every_table_runs_and_is_written_as_it_is_printed(tmp_path):
    ran = benchmarks("--tiny", "--json", str(tmp_path / "found.json"))
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads((tmp_path / "found.json").read_text())
    tables = found["tables"]
    assert tables.keys() == TABLES.keys()
    assert all(tables.values())
    shot = {row["command"]: row for row in tables["one-shot"]}
    assert {"python -c pass", "eval --json", "eval (table)"} <= shot.keys()
    assert {peer for peer in found["peers"] if hasattr(peers.load(peer), "ONE_SHOT")} <= shot.keys()
    assert [row["formula"] for row in tables["points"]] == ["seed", "net", "long"]
    for row in tables["points"]:
        assert row["nanoseconds"].keys() == {way.name for way in peers.ways("POINTS")}
    assert [row["format"] for row in tables["files"] if row["way"] == "standard library"] == ["ndjson", "csv"]
    assert {"pyarrow, 2 processes", "backprop, --jobs 2"} <= {row["way"] for row in tables["parts"]}
    assert [row["students"] for row in tables["classes"]] == [3, 3]
    assert sum("latex" in row for row in tables["latex"]) > 90
    assert {row["family"] for row in tables["phases"]} == {"chain", "product"}
    assert [row["function"] for row in tables["products"]] == ["rosenbrock", "activations", "quadratic"]
    words = [row["word"] for row in shot.values() if "word" in row]
    words += [each for row in tables["points"] for each in row["nanoseconds"].values() if isinstance(each, str)]
    words += [each for row in tables["graphs"] for each in row["seconds"].values() if isinstance(each, str)]
    words += [row["seconds"] for row in tables["networks"] if isinstance(row["seconds"], str)]
    assert words == []  # None of the installed fails at the smallest sizes.
    for row in tables["points"][:1]:
        assert all(way in ran.stdout for way in row["nanoseconds"])


def test_a_table_that_is_not_there_is_refused():
    ran = benchmarks("--only", "pointz")
    assert ran.returncode == 2
    assert "there is no table 'pointz'" in ran.stderr


def test_a_peer_that_fails_or_takes_too_long_is_a_word_in_its_table():
    way = peers.Way("backprop", "backprop, from text")
    found = workers.turns({"fails": workers.Worker("GRAPHS", way, ["no family", 10])}, 1, lambda samples: {})
    assert found == {"fails": "KeyError"}
    slow = workers.Worker("GRAPHS", way, ["chain", 1_000_000], limit=0.01)
    assert workers.turns({"slow": slow}, 1, lambda samples: {}) == {"slow": "over 0.01 s"}


def test_numbers_that_differ_are_a_word_in_their_table():
    way = peers.Way("backprop", "backprop, from text")
    worker = workers.Worker("GRAPHS", way, ["chain", 10])
    assert workers.turns({"way": worker}, 1, lambda samples: {"way": "wrong"}) == {"way": "wrong"}


@pytest.mark.parametrize("peer", peers.peers())
def test_a_peer_says_what_it_is_and_can_do_something(peer):
    file = peers.load(peer)
    assert file.__doc__
    assert any(hasattr(file, door) for door in (*peers.DOORS, "ONE_SHOT"))
