"""What may be told at which level, and what a class's answers come to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from backpropcli.homework import feedback, results
from backpropcli.homework.assignment import LEVELS
from backpropcli.homework.board import Board
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.model import ADJOINT, EDGE, GRADIENT, LOCAL, VALUE, VERDICTS, Quantity, Question, Result
from backpropcli.homework.sheets import read
from backpropcli.homework.unseen import with_point
from tests import classroom

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
        (Quantity(GRADIENT, "z", "w"), None),
    ],
)
def test_a_step_is_explained_over_names_alone(quantity: Quantity, rule: str | None) -> None:
    assert feedback.rule(quantity, BOARDS["q1"]) == rule


def test_what_comes_back_directly_is_told_from_what_comes_back_by_others() -> None:
    board = Board(Question("q", "s = sin(x); z = x*s*x", {"x": 2.0}))
    assert feedback.rule(Quantity(GRADIENT, "z", "x"), board) == "dz/dx = dz/ds·ds/dx + local dz/dx"
    board = Board(Question("q", "z = x*x", {"x": 2.0}))
    assert feedback.rule(Quantity(LOCAL, "z", "x"), board) == "dz/dx = x + x"


def test_why_something_cannot_be_read_is_told_with_the_verdict() -> None:
    rows = "student,dz/dx,dz/dy\na,)(,nan and void\n"
    [sheet] = read(rows.encode(), "a.csv", PAPER).sheets
    result = mark_sheet(PAPER.markers, sheet)
    strange = replace(result.marked[0], quantity=Quantity(VALUE, "w"), verdict="unreadable", problem="no step is w")
    lost = replace(result.marked[0], verdict="missing", problem="it is not there")
    result = replace(result, marked=(*result.marked, strange, lost))
    for level in LEVELS[1:]:
        found = feedback.told(result, level, BOARDS).answers
        assert [answer.problem for answer in found if answer.quantity == "dz/dx"] != [None]
        assert (found[-2].quantity, found[-2].problem) == ("value w", "no step is w")
        assert found[-1].problem == "it is not there"


def test_a_node_without_a_name_is_called_by_its_formula() -> None:
    board = Board(Question("q1", "(x + y)^2", {"x": 1.0, "y": 2.0}))
    result = Result("a", (replace(marked("s01").marked[0], quantity=Quantity(VALUE, "v1")),))
    [answer] = feedback.told(result, "mark", {"q1": board}).answers
    assert answer.quantity == "value[x + y]"


def test_where_no_point_is_given_the_truth_is_a_formula() -> None:
    question = Question("q1", "z = x^2*y")
    board = Board(with_point(question))
    result = Result(
        "a",
        tuple(replace(each, quantity=Quantity(GRADIENT, "z", "x"), follows=1.5) for each in marked("s02").marked[:1]),
    )
    [answer] = feedback.told(result, "reveal", {"q1": board}).answers
    assert (answer.truth, answer.follows) == ("2*(y*x)", None)
    strange = replace(result, marked=(replace(result.marked[0], quantity=Quantity(VALUE, "w"), truth=None),))
    [answer] = feedback.told(strange, "reveal", {"q1": board}).answers
    assert answer.truth is None


def test_a_right_number_needs_no_explanation() -> None:
    for verdict in VERDICTS:
        result = Result("a", (replace(marked("s02").marked[0], verdict=verdict),))
        [answer] = feedback.told(result, "explain", BOARDS).answers
        assert bool(answer.rule) == (verdict in ("wrong", "too_coarse", "missing", "unreadable"))


def test_a_rule_that_would_be_a_number_is_not_told() -> None:
    board = Board(Question("q", "a = 3*x; z = a + y", {"x": 2.0, "y": 1.0}))
    assert feedback.rule(Quantity(LOCAL, "a", "x"), board) is None
    assert feedback.rule(Quantity(LOCAL, "z", "a"), board) is None
    assert feedback.rule(Quantity(VALUE, "a"), board) == "a = 3*x"
    assert Quantity(VALUE, "b") not in Board(Question("q", "b = 3 + 4; z = b*x", {"x": 2.0})).truth


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


def test_where_nothing_comes_back_there_is_no_rule_to_tell() -> None:
    board = Board(Question("q", "z = max(x, y)*x", {"x": 1.0, "y": 2.0}))
    assert feedback.rule(Quantity(LOCAL, "v1", "x"), board) is None
    assert feedback.rule(Quantity(LOCAL, "z", "x"), board) == "dz/dx = v1"
