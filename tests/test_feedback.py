"""What may be told at which level, and what a class's answers come to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import classroom
import pytest

from backpropcli.homework import feedback, results
from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.board import Board
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, VERDICTS, Quantity, Question, Result
from backpropcli.homework.sheets import read

PAPER = classroom.made()
BOARDS = {"q1": PAPER.board("q1")}
NAMES = ("s01", "s02", "s03", "s04")


def marked(name: str) -> Result:
    [sheet] = read(classroom.sheet(name).encode(), f"{name}.md", PAPER).sheets
    return mark_sheet(PAPER.markers, sheet)


def told(name: str, level: str) -> feedback.ToldResult:
    return feedback.told(marked(name), level, BOARDS)


def test_the_score_is_told_at_every_level_and_answers_from_mark_on() -> None:
    for name in NAMES:
        result = marked(name)
        for level in LEVELS:
            found = told(name, level)
            assert (found.student, found.source) == (result.student, f"{name}.md")
            assert (found.score, found.max_score) == (result.score, 36.0)
            assert found.percent == round(100 * result.score / 36, 1)
            assert found.problem is None
            if level == "score":
                assert (found.counts, found.answers, found.misconceptions) == (None, (), None)
                continue
            assert found.counts == {verdict: result.count(verdict) for verdict in VERDICTS}
            for answer, each in zip(found.answers, result.marked, strict=True):
                assert (answer.claimed, answer.verdict, answer.points) == (each.claimed, each.verdict, each.points)
                assert (answer.worth, answer.place, answer.via) == (each.worth, each.place, each.via)
                assert (answer.question, answer.quantity) == ("q1", each.quantity.shown)


def test_each_thing_is_told_from_its_level_on() -> None:
    for level in LEVELS[1:]:
        at = LEVELS.index(level)
        found = {answer.quantity: answer for answer in told("s02", level).answers}
        wrong, follows, right = found["local dr/dd"], found["edge r->d"], found["value q"]
        assert wrong.because == (() if at >= 2 else None)
        assert follows.because == (("local dr/dd",) if at >= 2 else None)
        assert wrong.misconceptions == (("reciprocal_minus_dropped",) if at >= 3 else None)
        assert bool(wrong.hint) == (at >= 3)
        assert wrong.rule == ("dr/dd = -1/d^2" if at >= 4 else None)
        assert follows.rule is right.rule is None
        assert (right.truth, follows.follows is None) == ((49.0, False) if at >= 5 else (None, True))
        assert told("s02", level).first_wrong == ("local ds/dx" if at >= 2 else None)
        assert told("s01", level).first_wrong is None


def test_the_misconceptions_of_a_student_are_each_told_once() -> None:
    names = ("sigmoid_prime_is_sigmoid", "reciprocal_minus_dropped", "fanout_one_branch_only")
    assert told("s02", "hint").misconceptions == names
    assert told("s02", "locate").misconceptions is None
    assert told("s01", "hint").misconceptions == ()
    twice = replace(marked("s02"), marked=marked("s02").marked * 2)
    assert feedback.told(twice, "hint", BOARDS).misconceptions == names


def test_nothing_to_earn_is_no_percentage() -> None:
    assert feedback.told(Result("a", ()), "mark", BOARDS).percent == 0.0


def test_what_may_not_be_told_changes_nothing_that_is() -> None:
    """So neither direction nor size of an error can be told below `hint`, and no true number below `reveal`."""
    paper = classroom.made()
    boards = {"q1": paper.board("q1")}
    for name in ("s02", "s03", "s04"):
        [sheet] = read(classroom.sheet(name).encode(), f"{name}.md", paper).sheets
        result = mark_sheet(paper.markers, sheet)
        for secret, least in (
            ({"truth": 1234.5, "follows": -9.75}, "reveal"),
            ({"hint": "it is too large", "misconceptions": ("sign_flipped",)}, "hint"),
            ({"because": (Quantity("value", "d"),)}, "locate"),
        ):
            other = replace(result, marked=tuple([replace(each, **secret) for each in result.marked]))
            # Why a formula differs is a hint; why something cannot be read is told with the verdict.
            differs = [replace(each, problem="at x = 1") for each in other.marked if each.verdict == "wrong"]
            for level in LEVELS:
                same = feedback.told(result, level, boards) == feedback.told(other, level, boards)
                assert same == (LEVELS.index(level) < LEVELS.index(least)), (level, secret)
                wrong = [feedback.told(replace(result, marked=(each,)), level, boards).answers for each in differs]
                told = [answer.problem for answers in wrong for answer in answers if answer.problem]
                assert bool(told) == (level in ("hint", "explain", "reveal"))


def test_printers_see_nothing_but_what_may_be_told() -> None:
    for path in Path(results.__path__[0]).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"homework\.(marking|board|paper|symbolic|diagnosis)\b", text), path
        assert not re.search(r"import .*\b(Result|Marked)\b", text), path


@pytest.mark.parametrize(
    ("quantity", "rule"),
    [
        (Quantity(VALUE, "d"), "d = s + q"),
        (Quantity(LOCAL, "r", "d"), "dr/dd = -1/d^2"),
        (Quantity(LOCAL, "d", "s"), None),
        (Quantity(LOCAL, "z", "n"), "dz/dn = r"),
        (Quantity(ADJOINT, "s"), "dz/ds = dz/dn·dn/ds + dz/dd·dd/ds"),
        (Quantity(ADJOINT, "n"), "dz/dn = r"),
        (Quantity(ADJOINT, "z"), None),
        (Quantity(EDGE, "q", "x"), "dz/dq·dq/dx"),
        (Quantity(GRADIENT, "z", "y"), "dz/dy = dz/dq·dq/dy"),
        (Quantity(VALUE, "w"), None),
        (Quantity(LOCAL, "w", "x"), None),
    ],
)
def test_a_step_is_explained_over_names_alone(quantity: Quantity, rule: str | None) -> None:
    assert feedback.rule(quantity, BOARDS["q1"]) == rule


def test_a_rule_that_would_be_a_number_is_not_told() -> None:
    board = Board(Question("q", "a = 3*x; z = a + y", {"x": 2.0, "y": 1.0}))
    assert feedback.rule(Quantity(LOCAL, "a", "x"), board) is None
    assert feedback.rule(Quantity(LOCAL, "z", "a"), board) is None
    assert feedback.rule(Quantity(VALUE, "a"), board) == "a = 3*x"
    assert feedback.rule(Quantity(VALUE, "b"), Board(Question("q", "b = 3 + 4; z = b*x", {"x": 2.0}))) is None


def test_a_class_is_counted_number_by_number() -> None:
    found = feedback.statistics([told(name, "hint") for name in NAMES])
    assert [step.quantity for step in found] == [quantity.shown for quantity in BOARDS["q1"].asked]
    steps = {step.quantity: step for step in found}
    assert all(sum(step.counts.values()) == len(NAMES) for step in found)
    assert {key: count for key, count in steps["local dr/dd"].counts.items() if count} == {
        "right": 1,
        "wrong": 2,
        "missing": 1,
    }
    # One digit is never diagnosed, and so of two wrong ones one is.
    assert steps["local dr/dd"].misconceptions == {"reciprocal_minus_dropped": 1}
    assert steps["value q"].misconceptions == {}
    assert {step.misconceptions is None for step in feedback.statistics([told("s02", "locate")])} == {True}
    assert feedback.statistics([told("s02", "score")]) == []


def test_of_a_sum_that_is_written_apart_the_worst_part_counts() -> None:
    result = told("s01", "hint")
    first, second = [answer for answer in result.answers if answer.quantity == "adjoint s"]
    assert (first.via, second.via) == ("n", "d")
    order = ("right", "right_by_rounding", "follow_through", "missing", "too_coarse", "unreadable", "wrong")
    assert set(order) == set(VERDICTS)
    for k, less in enumerate(order):
        for worse in order[k:]:
            for one, other in ((less, worse), (worse, less)):
                both = (first._replace(verdict=one), second._replace(verdict=other))
                [step] = feedback.statistics([replace(result, answers=both)])
                assert +Counter(step.counts) == {worse: 1}


def test_the_most_frequent_misconception_of_a_step_comes_first() -> None:
    result = told("s02", "hint")
    answer = next(answer for answer in result.answers if answer.misconceptions)
    names = ["b", "a", "a", "c", "a", "c"]
    made = [replace(result, answers=(answer._replace(misconceptions=(name, "z")),)) for name in names]
    [step] = feedback.statistics(made)
    assert list((step.misconceptions or {}).items()) == [("a", 3), ("c", 2), ("b", 1)]


def test_levels_are_in_order() -> None:
    for k, level in enumerate(LEVELS):
        assert [feedback.reaches(level, least) for least in LEVELS] == [j <= k for j in range(len(LEVELS))]
