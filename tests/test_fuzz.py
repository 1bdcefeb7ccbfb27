"""Sixty thousand formulas, documents, command lines, values, rows and sheets, and every one that ever failed.

They are the same at every run, so that a change is judged by what it changed; `python -m tests.fuzz` makes new ones,
as .ci/run does.
"""

import json
import random

import fuzz
import pytest

COUNTS = {
    "formula": 30_000,
    "latex": 15_000,
    "document": 3_000,
    "argv": 7_500,
    "value": 7_500,
    "rows": 2_500,
    "sheet": 1_500,
    "assignment": 1_500,
}
CORPUS = sorted(fuzz.CORPUS.glob("*.json"))


@pytest.mark.parametrize("door", fuzz.DOORS)
def test_no_input_does_anything_but_answer_or_refuse(door):
    failures = fuzz.fuzz(door, "backprop", COUNTS[door], most=3)
    assert not failures, fuzz.described_failures("backprop", failures)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_does_so_no_more(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    with fuzz.guarded():
        failures = [fuzz.tried(case["door"], case["entered"], "corpus", number) for number in range(20)]
    assert not any(failures), failures


def test_the_same_seed_makes_the_same_inputs():
    for door in fuzz.DOORS.values():
        assert door.make(random.Random("s:1")) == door.make(random.Random("s:1"))
