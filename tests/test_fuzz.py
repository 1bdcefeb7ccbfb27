"""Ninety thousand formulas, documents, command lines and values, and every one that ever failed."""

import json
import random
import secrets

import fuzz
import pytest

COUNTS = {
    "formula": (20_000, 20_000),
    "latex": (10_000, 10_000),
    "document": (3_000, 3_000),
    "argv": (5_000, 5_000),
    "value": (5_000, 5_000),
}
"""By door: how many inputs of a fixed seed, and of a random one."""
CORPUS = sorted(fuzz.CORPUS.glob("*.json"))


@pytest.mark.parametrize("kind", ["fixed", "random"])
@pytest.mark.parametrize("door", fuzz.DOORS)
def test_no_input_does_anything_but_answer_or_refuse(door, kind):
    seed = "backprop" if kind == "fixed" else secrets.token_hex(4)
    print(f"seed {seed}")
    failures = fuzz.fuzz(door, seed, COUNTS[door][kind == "random"], most=3)
    assert not failures, f"seed {seed}\n{fuzz.described_failures(seed, failures)}"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_failed_once_does_so_no_more(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    with fuzz.guarded():
        failures = [fuzz.tried(case["door"], case["entered"], "corpus", number) for number in range(20)]
    assert not any(failures), failures


def test_the_same_seed_makes_the_same_inputs():
    for door in fuzz.DOORS.values():
        assert door.make(random.Random("s:1")) == door.make(random.Random("s:1"))
