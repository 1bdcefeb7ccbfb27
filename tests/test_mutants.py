"""Small wrong changes to the table, the sweeps and the classifier of errors are noticed: a sample of them.

`python -m tests.mutants` makes every one. What is alive is a hole in the tests: it wants a sample or a hard point of
the entry, a row of edge points, a case of an error.
"""

from __future__ import annotations

from collections import Counter

import pytest

from backpropcli import primitives
from backpropcli.algebras import rules
from tests import mutants

SAMPLES = {"rules": 250, "array-rules": 60, "sweeps": 50, "errors": 70, "marking": 30, "feedback": 60}


@pytest.mark.parametrize("family", mutants.FAMILIES, ids=lambda family: family.name)
def test_every_mutant_of_a_sample_is_killed(family: mutants.Family) -> None:
    found = list(mutants.outcome(family, sample=SAMPLES[family.name], seed="1"))
    assert [f"{mutant.place}: {mutant.change}" for fate, mutant in found if fate == "alive"] == []
    fates = Counter(fate for fate, _ in found)
    assert fates.total() == SAMPLES[family.name]
    assert fates["killed"] > 0.8 * fates.total(), mutants.described(fates)


def test_a_mutant_that_no_check_notices_is_alive() -> None:
    mutant = next(mutants.rule_mutants(primitives.TABLE["sigmoid"]))
    blind = mutant._replace(checks=tuple, others=tuple)
    assert [fate for fate, _ in mutants.fates([mutant, blind])] == ["killed", "alive"]


def test_a_changed_formula_is_written_as_it_was_read() -> None:
    for entry in primitives.on_numbers().values():
        for place in mutants.places(entry):
            if place.text is not None:
                read = mutants.tree(rules.formula(place.text, place.letters))
                assert mutants.tree(rules.formula(mutants.written(read), place.letters)) == read, (
                    entry.name,
                    place.name,
                )


def test_after_a_mutant_everything_is_as_it_was() -> None:
    before = dict(primitives.TABLE), dict(primitives.spellings())
    for mutant in list(mutants.rule_mutants(primitives.TABLE["sigmoid"]))[:5]:
        with mutant.made():
            assert primitives.TABLE["sigmoid"] != before[0]["sigmoid"]
    assert (dict(primitives.TABLE), dict(primitives.spellings())) == before


def test_an_entry_that_is_not_changed_is_alive() -> None:
    # Twice: what is remembered of the first must not speak against the second.
    entry = primitives.TABLE["times_log"]
    for _ in range(2):
        copied = entry._replace()
        with mutants.in_table(entry, copied, defines=False):
            assert [check.name for check in mutants.entry_checks(copied, slow=False) if mutants.objection(check)] == []
