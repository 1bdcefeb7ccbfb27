"""Marking: each row against the student's own, the verdicts, the points, and what is said of a wrong step."""

from __future__ import annotations

import itertools
import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pytest

from backpropcli.errors import BackpropError
from backpropcli.homework import intervals
from backpropcli.homework.board import Board
from backpropcli.homework.claims import read_claim
from backpropcli.homework.intervals import Interval
from backpropcli.homework.marking import Marker, mark, mark_sheet, markers
from backpropcli.homework.misconceptions import CATALOGUE
from backpropcli.homework.model import (
    BY_ROUNDING,
    FOLLOW_THROUGH,
    MISSING,
    RIGHT,
    TOO_COARSE,
    UNREADABLE,
    WRONG,
    Answer,
    Assignment,
    Marked,
    Marking,
    Question,
    Sheet,
    read_quantity,
)
from backpropcli.homework.own import Policy
from tests import simulation

FOURTH = Question(
    "q1",
    "z = (x + sigmoid(x)) / (sigmoid(x) + (x + y)^2)",
    {"x": 4, "y": 3},
    ("s = sigmoid(x)", "n = x + s", "q = (x + y)^2", "d = s + q", "r = 1/d", "z = n*r"),
    points={"value": 1, "local": 1, "adjoint": 1, "gradient": 2},
)

PRINTED = {
    "value s": "0.982", "local ds/dx": "0.0177", "value n": "4.982", "local dn/dx": "1", "local dn/ds": "1",
    "value q": "49", "local dq/dx": "14", "local dq/dy": "14", "value d": "49.982", "local dd/ds": "1",
    "local dd/dq": "1", "value r": "0.02", "local dr/dd": "-0.0004", "value z": "0.0997", "local dz/dn": "0.02",
    "local dz/dr": "4.982", "adjoint z": "1", "edge z->n": "0.02", "edge z->r": "4.982", "adjoint r": "4.982",
    "edge r->d": "-0.00199", "adjoint d": "-0.00199", "edge d->s": "-0.00199", "edge d->q": "-0.00199",
    "adjoint q": "-0.00199", "edge q->x": "-0.0279", "edge q->y": "-0.0279", "adjoint n": "0.02",
    "edge n->x": "0.02", "edge n->s": "0.02", "adjoint s": "0.02, -0.00199", "edge s->x": "0.00032",
    "dz/dx": "-0.00758", "dz/dy": "-0.0279",
}  # fmt: skip
"""The fourth lecture's two tables, as they are printed, and the gradient that follows from them."""

THREE_ERRORS = PRINTED | {
    "value s": "0,982", "local ds/dx": "0,982", "value n": "4,98", "value d": "49,98", "value r": "0,0200",
    "local dr/dd": "0,000400", "value z": "0,0996", "local dz/dn": "0,0200", "local dz/dr": "4,98",
    "edge z->n": "0,0200", "edge z->r": "4,98", "adjoint r": "4,98", "edge r->d": "0,00199", "adjoint d": "0,00199",
    "edge d->s": "0,00199", "edge d->q": "0,00199", "adjoint q": "0,00199", "edge q->x": "0,0279",
    "edge q->y": "0,0279", "adjoint n": "0,0200", "edge n->x": "0,0200", "edge n->s": "0,0200",
    "adjoint s": "0,0200", "edge s->x": "0,0196", "dz/dx": "0,0675", "dz/dy": "0,0279",
}  # fmt: skip


def answers(texts: Mapping[str, str]) -> list[Answer]:
    return [Answer(read_quantity(name), text) for name, text in texts.items()]


def marks(
    question: Question, texts: Mapping[str, str], marking: Marking | None = None, *, missing: bool = False
) -> dict[str, list[Marked]]:
    """By quantity as written on the board, its marks."""
    marker = Marker(question, marking)
    found: dict[str, list[Marked]] = {}
    for each in marker.mark(answers(texts), missing=missing):
        found.setdefault(each.quantity.shown, []).append(each)
    return found


def verdict(question: Question, texts: Mapping[str, str], quantity: str, marking: Marking | None = None) -> str:
    (found,) = marks(question, texts, marking)[read_quantity(quantity).shown]
    return found.verdict


def steps(text: str, **point: float) -> Question:
    return Question("q", text.rpartition("; ")[2], point, tuple(text.split("; ")))


# The samples


def test_the_lectures_own_numbers_get_full_points() -> None:
    found = mark(FOURTH, answers(PRINTED))
    assert Counter(each.verdict for each in found) == {RIGHT: 34, BY_ROUNDING: 1}
    assert [each.claimed for each in found if each.verdict == BY_ROUNDING] == ["-0.00758"]
    assert sum(each.points for each in found) == sum(each.worth for each in found) == 36


def test_three_errors_cost_three_steps() -> None:
    found = mark(FOURTH, answers(THREE_ERRORS))
    assert Counter(each.verdict for each in found) == {WRONG: 3, FOLLOW_THROUGH: 10, BY_ROUNDING: 1, RIGHT: 20}
    assert [(each.quantity.shown, each.misconceptions) for each in found if each.verdict == WRONG] == [
        ("local ds/dx", ("sigmoid_prime_is_sigmoid",)),
        ("local dr/dd", ("reciprocal_minus_dropped",)),
        ("adjoint s", ("fanout_one_branch_only",)),
    ]
    assert sum(each.points for each in found) == 33
    by_quantity = {each.quantity.shown: each for each in found}
    assert [root.shown for root in by_quantity["dz/dy"].because] == ["local dr/dd"]
    assert [root.shown for root in by_quantity["edge s->x"].because] == ["adjoint s", "local ds/dx"]


def test_a_sheet_is_marked_question_by_question() -> None:
    assignment = Assignment("bp-t4", (FOURTH, steps("q = x + y; f = q*z", x=-2, y=5, z=-4)))
    made = markers(assignment)
    result = mark_sheet(made, Sheet("s02", {"q1": tuple(answers(THREE_ERRORS))}))
    assert (result.score, result.max_score) == (33, 36 + 15)
    assert result.first_wrong is not None
    assert result.first_wrong.quantity.shown == "local ds/dx"
    assert result.count(MISSING) == 15


@pytest.mark.parametrize(
    ("question", "printed"),
    [
        (
            steps("q = x + y; f = q*z", x=-2, y=5, z=-4),
            {"q": "3", "f": "-12", "df/dq": "-4", "df/dx": "-4", "df/dy": "-4", "df/dz": "3"},
        ),
        (
            steps(
                "a = w0*x0; b = w1*x1; c = a + b; s = c + w2; n = -1*s; g = e^n; h = g + 1; f = 1/h",
                w0=2, x0=-1, w1=-3, x1=-2, w2=-3,
            ),
            {"adjoint h": "-0.53", "adjoint g": "-0.53", "adjoint n": "-0.2", "df/dw0": "-0.2", "df/dx0": "0.4"},
        ),
        (
            steps("s = w0*x0 + w1*x1 + w2; f = sigmoid(s)", w0=2, x0=-1, w1=-3, x1=-2, w2=-3),
            {"f": "0.73", "local df/ds": "(0.73)*(1 - 0.73) = 0.2", "adjoint s": "0.2"},
        ),
    ],
)  # fmt: skip
def test_every_number_that_a_lecture_prints_is_accepted(question: Question, printed: Mapping[str, str]) -> None:
    found = marks(question, printed)
    assert {each.verdict for every in found.values() for each in every} <= {RIGHT, BY_ROUNDING}


# Verdicts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0180", RIGHT),  # the truth is 0.018012957
        ("0.018013", RIGHT),
        ("0.0181", WRONG),
        ("0.018", RIGHT),
        ("0.02", TOO_COARSE),  # one digit: it is the one branch as well as the sum
        ("0.03", WRONG),
        ("1.8e-2", RIGHT),
        ("1.8×10^-2", RIGHT),
        ("18013/1000000", RIGHT),
        ("nan", WRONG),
        ("inf", WRONG),
        ("1/0", WRONG),
        ("?", MISSING),
        ("", MISSING),
        ("(0.018", UNREADABLE),
        ("0.018.0", UNREADABLE),
        ("about 0.018", RIGHT),
        ("ca. 0,018", RIGHT),
        ("0.0180 (approx)", RIGHT),
        ("0.0180.", RIGHT),
        ("0.018...", RIGHT),
        ("0.018 !", RIGHT),
        ("(0.018)", RIGHT),
        ("-(-0.0180)", RIGHT),
        ("-(0.0180)", WRONG),
        ("1/55.5", RIGHT),  # 0.018018: as near as 55.5 is known
        ("1/55.7", WRONG),
        ("5/277", RIGHT),  # 0.01805: a fraction is held to three digits, or as many as it has
        ("9/498", WRONG),
        ("1/50", WRONG),
        ("1801/100000", RIGHT),
        ("1802/100000", WRONG),
        ("1/0, 0.02, -0.002", WRONG),
        ("1e308, 1e308, 1e308", WRONG),
        ("0.018,0", UNREADABLE),
        ("0.02 - 0.00199 = 0.01801", RIGHT),
        ("0.0200, -0.00199, 0.1", WRONG),
    ],
)
def test_a_lone_number_is_compared_with_the_truth_as_rounded(text: str, expected: str) -> None:
    assert verdict(FOURTH, {"adjoint s": text}, "adjoint s") == expected


def test_zeros_that_show_no_digit_prove_nothing() -> None:
    assert verdict(FOURTH, {"edge s->x": "0.000"}, "edge s->x") == TOO_COARSE
    assert verdict(FOURTH, {"edge s->x": "0"}, "edge s->x") == WRONG
    assert verdict(FOURTH, {"edge s->x": "0.00000"}, "edge s->x") == WRONG
    assert verdict(FOURTH, {"edge s->x": "0e330"}, "edge s->x") == TOO_COARSE


def test_one_digit_that_is_the_truth_at_two_digits_is_right() -> None:
    assert verdict(FOURTH, {"r": "0.02"}, "r") == RIGHT
    assert verdict(FOURTH, {"n": "5"}, "n") == RIGHT
    assert verdict(FOURTH, {"z": "0.1"}, "z") == RIGHT  # 0.0997, which is 0.10
    assert verdict(FOURTH, {"z": "0.1"}, "z", Marking(min_digits=3)) == TOO_COARSE


def test_a_whole_number_for_a_whole_number_is_exact() -> None:
    assert verdict(FOURTH, {"q": "49"}, "q") == RIGHT
    assert verdict(FOURTH, {"q": "50"}, "q") == WRONG
    assert verdict(FOURTH, {"q": "49.0"}, "q") == RIGHT
    assert verdict(FOURTH, {"local dn/dx": "2"}, "local dn/dx") == WRONG
    assert verdict(steps("p = x*y", x=30.7, y=4), {"p": "120"}, "p") == RIGHT  # 122.8 to two digits
    assert verdict(steps("p = x*y", x=30.7, y=4), {"p": "100"}, "p") == WRONG
    assert verdict(steps("p = x*y", x=0.1 * 3, y=411522630), {"p": "120000000"}, "p") == WRONG  # 123456789.00000001
    assert verdict(FOURTH, {"local dq/dx": "699/50"}, "local dq/dx") == RIGHT  # 13.98: a fraction is no whole number
    assert verdict(FOURTH, {"local dq/dx": "695/50"}, "local dq/dx") == WRONG


def test_rounded_numbers_of_ones_own_are_carried() -> None:
    texts = {"edge s->x": "0.00032", "edge n->x": "0.02", "edge q->x": "-0.0279", "dz/dx": "-0.00758"}
    assert verdict(FOURTH, texts, "dz/dx") == BY_ROUNDING
    assert verdict(FOURTH, {"dz/dx": "-0.00758"}, "dz/dx") == WRONG
    strict = marks(FOURTH, texts, Marking(rounding="exact"))["dz/dx"][0]
    assert (strict.verdict, strict.points) == (BY_ROUNDING, 0)


def test_a_number_goes_on_as_well_as_it_is_known() -> None:
    """How later steps are held against it, by the digits that it shows and by what it follows from."""
    slope = steps("s = sigmoid(x); z = 3*s", x=4)
    assert verdict(slope, {"s": "0.98", "local ds/dx": "0.0240"}, "local ds/dx") == BY_ROUNDING  # of 0.975
    inverse = steps("q = (x + y)^2; r = 1/q", x=4, y=3)
    assert verdict(inverse, {"q": "49", "r": "0.0206"}, "r") == WRONG  # of 48.5, but 49 is exact
    hundred = steps("a = x - y; b = 100*a", x=3, y=1)
    assert verdict(hundred, {"a": "0", "b": "3"}, "b") == WRONG
    assert verdict(hundred, {"a": "0", "b": "0"}, "b") == FOLLOW_THROUGH
    assert verdict(hundred, {"a": "0.00", "b": "0.30"}, "b") == FOLLOW_THROUGH  # of 0.003
    ten = steps("n = x + sigmoid(x); z = 10*n", x=4)
    assert verdict(ten, {"n": "7", "z": "74"}, "z") == WRONG  # who writes 7 has no decimals
    assert verdict(ten, {"n": "7e0", "z": "74"}, "z") == FOLLOW_THROUGH  # who writes one digit may have
    assert verdict(FOURTH, {"d": "25", "r": "0.02", "z": "0.0800"}, "z") == BY_ROUNDING  # of 0.0161
    for z in ("0.0800", "0.120"):
        assert verdict(FOURTH, {"r": "0.02", "z": z}, "z") == WRONG  # of 0.016 and 0.024, but 1/49.98 is 0.0200
    assert verdict(FOURTH, {"d": "25.0", "r": "0.04", "z": "0.22"}, "z") == WRONG  # of 0.0442, but 1/25.0 is no such
    assert verdict(FOURTH, {"d": "25.0", "r": "0.04", "z": "0.199"}, "z") == FOLLOW_THROUGH


def test_a_whole_number_is_held_against_what_follows_by_its_digits_too() -> None:
    assert verdict(steps("r = x/y; f = 90*r", x=1, y=3), {"r": "1/4", "f": "23"}, "f") == FOLLOW_THROUGH  # 22.5
    assert verdict(steps("r = x/y; f = 96*r", x=1, y=3), {"r": "1/4", "f": "23"}, "f") == WRONG  # 24
    assert verdict(steps("r = x/y; f = 96*r", x=1, y=3), {"r": "1/4", "f": "2e1"}, "f") == TOO_COARSE
    for follows in ("5001", "5100"):  # of 4950 to 5050
        texts = {"p": "5000", "f": follows}
        assert verdict(steps("p = x*y; f = p + 1", x=41.3, y=30.1), texts, "f") == FOLLOW_THROUGH
    assert verdict(steps("p = x*y; f = p/3", x=2, y=0.2), {"p": "0.50", "f": "4/3"}, "f") == WRONG


def test_what_is_not_known_is_met_by_no_number() -> None:
    policy = Policy(Marking())
    (seven,) = read_claim("7", "either", ()).numbers
    assert policy.meets(seven, intervals.point(7.0))
    assert not policy.meets(seven, intervals.point(math.inf))
    assert not policy.meets(seven, intervals.ALL)
    (none,) = read_claim("1/0", "either", ()).numbers
    assert not policy.meets(none, intervals.point(7.0))


def test_where_a_slope_is_infinite_no_number_is_right() -> None:
    root = steps("f = sqrt(x)", x=0)
    assert named(root, {"df/dx": "5"}, "df/dx") == ()
    for marking in (Marking(), Marking(rule="relative")):
        for number in ("5", "5.0", "9/2"):
            assert verdict(root, {"local df/dx": number}, "local df/dx", marking) == WRONG


def test_given_numbers_count_as_the_students_own() -> None:
    given = [
        Answer(read_quantity(name), text, given=True)
        for name, text in {"edge s->x": "0.00032", "edge n->x": "0.02", "edge q->x": "-0.0279"}.items()
    ]
    (found,) = Marker(FOURTH).mark([*given, Answer(read_quantity("dz/dx"), "-0.00758")], missing=False)
    assert found.verdict == BY_ROUNDING


def with_given(texts: Mapping[str, str], *given: tuple[str, str]) -> dict[str, Marked]:
    """Marks of the fourth lecture's question where some numbers are only given."""
    more = [Answer(read_quantity(name), text, given=True) for name, text in given]
    return {each.quantity.shown: each for each in Marker(FOURTH).mark([*more, *answers(texts)], missing=False)}


def test_what_follows_from_a_given_number_that_is_wrong_follows_through() -> None:
    found = with_given({"z": "0.149"}, ("r", "0.03"))["value z"]
    assert (found.verdict, [root.shown for root in found.because]) == (FOLLOW_THROUGH, ["value r"])


def test_a_given_number_that_is_right_ends_what_was_wrong_before_it() -> None:
    assert with_given({"s": "0.928", "z": "0.0996"}, ("n", "4.98"), ("r", "0.0200"))["value z"].verdict == BY_ROUNDING


def test_a_number_that_was_written_twice_goes_on_in_both_ways() -> None:
    # 4.982*0.02 is 0.09964, while z is 0.099676.
    assert with_given({"z": "0.09964"}, ("r", "?"), ("r", "0.02"), ("r", "0.020007"))["value z"].verdict == BY_ROUNDING
    assert with_given({"z": "0.09964"}, ("r", "0.020007"))["value z"].verdict == WRONG
    assert with_given({"r": "0.0200072", "z": "0.09964"}, ("r", "0.02"))["value z"].verdict == BY_ROUNDING
    assert with_given({"r": "0.0200072", "z": "0.09964"})["value z"].verdict == WRONG


def test_a_wrong_copy_of_a_right_number_is_not_followed() -> None:
    copied = Answer(read_quantity("local ds/dx"), "0.0717", given=True)
    texts = PRINTED | {"edge s->x": "0.0013"}
    found = {each.quantity.shown: each for each in Marker(FOURTH).mark([*answers(texts), copied])}
    assert found["edge s->x"].verdict == WRONG
    assert found["local ds/dx"].verdict == RIGHT


def test_what_was_not_written_may_come_from_what_was_rounded() -> None:
    # 0.0180*0.98*(1 - 0.98) is 0.000353: the slope was worked out in the head.
    texts = {"s": "0.98", "adjoint s": "0.0180", "edge s->x": "0.000353"}
    assert verdict(FOURTH, texts, "edge s->x") == BY_ROUNDING
    assert verdict(FOURTH, texts | {"local ds/dx": "(0.0196"}, "edge s->x") == BY_ROUNDING
    alone = Question("q", FOURTH.formula, FOURTH.point, FOURTH.steps, ask=("value", "adjoint"))
    assert verdict(alone, texts, "edge s->x") == BY_ROUNDING
    assert verdict(FOURTH, texts | {"s": "0.982"}, "edge s->x") == WRONG
    question = steps("s = sigmoid(x); z = 3*s", x=4)
    assert verdict(question, {"s": "0.98", "dz/dx": "0.0588"}, "dz/dx") == BY_ROUNDING
    assert verdict(question, {"s": "0.982", "dz/dx": "0.0588"}, "dz/dx") == WRONG


def test_of_several_ways_to_get_a_number_one_is_enough() -> None:
    question = steps("s = sigmoid(x); z = 3*s", x=4)
    # One digit: 0.960*(1 - 0.960) is 0.0384, and the true slope 0.0177.
    assert verdict(question, {"s": "0.960", "local ds/dx": "0.04"}, "local ds/dx") == TOO_COARSE
    assert verdict(question, {"s": "0.70", "local ds/dx": "0.0525*x"}, "local ds/dx") == FOLLOW_THROUGH
    # Of -2 there is no root, but of 1.73 there is 1/(2*1.73).
    for slope, expected in (("0.289", FOLLOW_THROUGH), ("5", WRONG)):
        root = steps("t = x - y; r = sqrt(t); z = 2*r", x=3, y=1)
        found = marks(root, {"t": "-2", "r": "1.73", "local dr/dt": slope})
        assert [every[0].verdict for every in found.values()] == [WRONG, FOLLOW_THROUGH, expected]


def test_the_slope_of_a_sigmoid_may_come_from_its_rounded_output() -> None:
    question = steps("s = sigmoid(x); z = 3*s", x=4)
    # 0.98*(1 - 0.98) = 0.0196, while the slope is 0.01766.
    assert verdict(question, {"s": "0.98", "local ds/dx": "0.0196"}, "local ds/dx") == BY_ROUNDING
    assert verdict(question, {"s": "0.982", "local ds/dx": "0.0196"}, "local ds/dx") == WRONG


@pytest.mark.parametrize(("following", "points"), [("full", 2), ("half", 1), ("off", 0)])
def test_follow_through_pays_what_the_assignment_says(following: str, points: float) -> None:
    texts = THREE_ERRORS
    found = marks(FOURTH, texts, Marking(follow_through=following))["dz/dy"][0]
    assert (found.verdict, found.points) == (FOLLOW_THROUGH, points)


def test_a_step_that_an_error_has_made_trivial_pays_nothing() -> None:
    question = steps("a = w*x; h = relu(a); z = h*v", w=2, x=3, v=5)
    texts = {"local dh/da": "0", "adjoint h": "5", "edge h->a": "0", "adjoint a": "0", "edge a->w": "0", "dz/dw": "0"}
    found = {name: (every[0].verdict, every[0].points) for name, every in marks(question, texts).items()}
    assert found == {
        "local dh/da": (WRONG, 0),
        "adjoint h": (RIGHT, 1),
        "edge h->a": (FOLLOW_THROUGH, 0),
        "adjoint a": (FOLLOW_THROUGH, 0),
        "edge a->w": (FOLLOW_THROUGH, 0),
        "dz/dw": (FOLLOW_THROUGH, 0),
    }


def test_what_an_error_has_left_without_a_value_is_not_wrong_again() -> None:
    question = steps("a = x - y; r = 1/a; z = 2*r", x=3, y=1)
    found = marks(question, {"a": "0", "r": "1000", "z": "2000"})
    assert [found[name][0].verdict for name in ("value a", "value r", "value z")] == [
        WRONG,
        FOLLOW_THROUGH,
        FOLLOW_THROUGH,
    ]
    assert (found["value r"][0].points, found["value r"][0].follows) == (0, None)
    found = marks(question, {"a": "0", "r": "2*x"})
    assert (found["value r"][0].verdict, found["value r"][0].points) == (FOLLOW_THROUGH, 0)


def test_a_wrong_number_after_an_error_is_wrong_by_itself() -> None:
    found = marks(FOURTH, THREE_ERRORS | {"dz/dy": "0.0350"})["dz/dy"][0]
    assert (found.verdict, found.because) == (WRONG, ())
    assert found.follows == pytest.approx(0.0279, rel=1e-3)


def test_a_right_number_ends_what_was_wrong_before_it() -> None:
    found = marks(FOURTH, {"s": "0.928", "n": "4.982", "z": "0.0997"})
    assert {name: every[0].verdict for name, every in found.items()} == {
        "value s": WRONG,
        "value n": RIGHT,
        "value z": RIGHT,
    }


def test_missing_and_unreadable_numbers_are_never_wrong_and_later_ones_are_marked() -> None:
    found = marks(FOURTH, PRINTED | {"value s": "?", "local dr/dd": "(-0.0004", "value q": "49 49"}, missing=True)
    assert Counter(each.verdict for every in found.values() for each in every) == {
        RIGHT: 31, BY_ROUNDING: 1, MISSING: 1, UNREADABLE: 2,
    }  # fmt: skip
    every = [each for of_one in found.values() for each in of_one]
    assert sum(each.worth for each in every) == 36
    assert {each.verdict: each.points for each in every if each.verdict in (MISSING, UNREADABLE)} == {
        MISSING: 0,
        UNREADABLE: 0,
    }
    assert found["local dr/dd"][0].problem == "its bracket ( is never closed"


def test_where_one_number_is_expected_two_are_not_guessed_between() -> None:
    for quantity in ("value q", "local dq/dx", "edge z->n", "dz/dx"):
        (found,) = marks(FOURTH, {quantity: "14, 49"})[quantity]
        assert (found.verdict, found.points, found.worth) == (UNREADABLE, 0, 2 if quantity == "dz/dx" else 1)
        assert found.problem == "one number is expected, but found 2"
    (found,) = marks(steps("f = 3*x"), {"df/dx": "1; 2"})["df/dx"]
    assert found.verdict == UNREADABLE


def test_numbers_that_belong_nowhere_are_unreadable_and_say_why() -> None:
    found = marks(FOURTH, {"value k": "3", "local ds/dy": "1"})
    assert found["value k"][0].verdict == UNREADABLE
    assert found["value k"][0].worth == 0
    assert "its steps are s, n, q, d, r, z" in str(found["value k"][0].problem)
    assert found["local ds/dy"][0].problem == "the question has no local ds/dy: s is made of x"
    # And they say nothing about others.
    assert named(FOURTH, {"value k": "3", "dz/dx": "-0.00212"}, "dz/dx") == ()


def test_two_different_answers_to_one_question_are_not_guessed_between() -> None:
    twice = [Answer(read_quantity("q"), "49"), Answer(read_quantity("value[(x+y)^2]"), "50")]
    (found,) = Marker(FOURTH).mark(twice, missing=False)
    assert (found.verdict, found.problem) == (UNREADABLE, "it is answered twice: 49 and 50")
    for text in ("?", ""):
        for both in ([twice[0], twice[1]._replace(text=text)], [twice[1]._replace(text=text), twice[0]]):
            (found,) = Marker(FOURTH).mark(both, missing=False)
            assert (found.verdict, found.claimed) == (RIGHT, "49")
    (found,) = Marker(FOURTH).mark([twice[0], twice[0]._replace(text="49 ")], missing=False)
    assert found.verdict == RIGHT


def test_relative_marking_is_for_numbers_that_a_machine_has_made() -> None:
    marking = Marking(rule="relative")
    assert verdict(FOURTH, {"dz/dx": "-0.0075940055"}, "dz/dx", marking) == RIGHT
    assert verdict(FOURTH, {"dz/dx": "-0.00759"}, "dz/dx", marking) == WRONG
    assert verdict(FOURTH, {"dz/dx": "nan"}, "dz/dx", marking) == WRONG
    assert verdict(FOURTH, {"dz/dx": "-0.0075940155"}, "dz/dx", marking) == WRONG  # 1e-8 off, of 8e-3
    quarter = Marking(rule="relative", relative=0.25)
    assert verdict(steps("q = x^2", x=2), {"q": "5"}, "q", quarter) == RIGHT
    assert verdict(steps("q = x^2", x=2), {"q": "6"}, "q", quarter) == WRONG
    question = steps("r = x/y; f = 9000000*r", x=1, y=3)
    for follows in ("3060000.1", "3059999.9"):
        assert verdict(question, {"r": "0.34", "f": follows}, "f", marking) == FOLLOW_THROUGH
    assert verdict(question, {"r": "0.34", "f": "3060001"}, "f", marking) == WRONG
    assert verdict(question, {"r": "0.34", "f": "3069999"}, "f", marking) == WRONG


def test_after_a_right_number_nothing_follows_from_what_was_wrong_before() -> None:
    texts = {"s": "0.928", "n": "4.98", "r": "0.0200", "z": "0.0996"}
    found = marks(FOURTH, texts)
    assert [every[0].verdict for every in found.values()] == [WRONG, RIGHT, RIGHT, BY_ROUNDING]


def test_zeros_at_the_end_of_a_whole_number_may_be_rounded_ones() -> None:
    question = steps("p = x*y; f = p/10", x=41.17, y=30)
    assert verdict(question, {"p": "1240", "f": "124.3"}, "f") == BY_ROUNDING
    assert verdict(question, {"p": "1240", "f": "124.6"}, "f") == WRONG
    assert verdict(steps("p = x*y", x=41, y=3), {"p": "120"}, "p") == WRONG


def test_a_fraction_goes_on_as_it_is() -> None:
    question = steps("r = x/y; f = 90*r", x=1, y=3)
    assert verdict(question, {"r": "1/3", "f": "30.4"}, "f") == WRONG
    assert verdict(question, {"r": "0.33", "f": "29.7"}, "f") == BY_ROUNDING
    assert verdict(question, {"r": "0.33", "f": "29.7"}, "f", Marking(rule="relative")) == FOLLOW_THROUGH


def test_what_rounding_has_left_of_zero_is_zero() -> None:
    question = steps("a = x + y; f = a - w; g = f + 1", x=0.1, y=0.2, w=0.3)
    slopes = {"f": "0", "g": "1", "local df/da": "1", "local df/dw": "-1", "adjoint f": "1"}
    for texts in ({"f": "0"}, {"f": "0.0"}, {"a": "0.3", "f": "0"}, slopes):
        assert {each.verdict for every in marks(question, texts).values() for each in every} == {RIGHT}, texts
    assert verdict(question, {"f": "5.55e-17"}, "f") == BY_ROUNDING
    assert verdict(question, {"f": "0.1"}, "f") == WRONG
    assert marks(question, {"f": "0"})["value f"][0].truth == pytest.approx(5.55e-17, rel=0.01)
    given = Answer(read_quantity("f"), "0", given=True)
    (found,) = Marker(question).mark([given, *answers({"g": "1"})], missing=False)
    assert found.verdict == RIGHT
    # 1.6e-19 is a number, and so is a difference that has digits.
    assert verdict(steps("f = x*y", x=1.6e-19, y=1e5), {"f": "0"}, "f") == WRONG
    assert verdict(steps("f = x - y", x=1, y=1 - 1e-12), {"f": "0"}, "f") == WRONG
    assert verdict(steps("f = x - y", x=0.3, y=0.1), {"local df/dx": "0"}, "local df/dx") == WRONG


def test_small_numbers_are_compared_by_their_size() -> None:
    assert verdict(steps("f = x*y", x=1e-6, y=1e-6), {"f": "2e-12"}, "f") == WRONG
    assert verdict(steps("f = x*y", x=1e-6, y=1e-6), {"f": "0"}, "f") == WRONG
    assert verdict(steps("f = x - x*y", x=2, y=1), {"f": "0"}, "f") == RIGHT
    assert verdict(steps("f = x - x*y", x=2, y=1), {"f": "0.00"}, "f") == RIGHT
    assert verdict(steps("f = x - x*y", x=2, y=1), {"f": "9e-19"}, "f") == RIGHT
    assert verdict(steps("f = x - x*y", x=2, y=1), {"f": "1e-18"}, "f") == WRONG
    assert verdict(steps("f = x - x*y", x=2, y=1), {"f": "0.1"}, "f") == WRONG


def test_a_slope_may_come_from_the_input_too_where_the_result_is_wrong() -> None:
    question = steps("a = w*x; s = sigmoid(a); f = 3*s", w=2, x=1.5)
    texts = {"a": "2.0", "s": "0.80", "local ds/da": "0.105"}
    found = marks(question, texts)
    assert [every[0].verdict for every in found.values()] == [WRONG, WRONG, FOLLOW_THROUGH]


def test_numbers_that_are_not_asked_for_count_as_the_students_own() -> None:
    question = Question("q", FOURTH.formula, FOURTH.point, FOURTH.steps, ask=("gradient",))
    texts = {"edge s->x": "0.00032", "edge n->x": "0.02", "edge q->x": "-0.0279", "dz/dx": "-0.00758"}
    found = mark(question, answers(texts))
    assert [(each.quantity.shown, each.verdict, each.claimed) for each in found] == [
        ("dz/dx", BY_ROUNDING, "-0.00758"),
        ("dz/dy", MISSING, ""),
    ]


def test_a_mark_says_where_the_answer_stands_and_what_follows() -> None:
    placed = [answer._replace(place=f"line {k}") for k, answer in enumerate(answers(THREE_ERRORS))]
    found = {each.quantity.shown: each for each in Marker(FOURTH).mark(placed)}
    assert found["dz/dy"].place == f"line {list(THREE_ERRORS).index('dz/dy')}"
    assert found["dz/dy"].truth == pytest.approx(-0.02791936)
    assert found["dz/dy"].follows == pytest.approx(0.0279, rel=1e-3)
    assert found["value s"].follows is None
    (missing, *_) = mark(FOURTH, ())
    assert (missing.verdict, missing.place, missing.claimed) == (MISSING, "", "")


def test_formulas_are_compared_at_points_that_the_assignment_draws() -> None:
    assert markers(Assignment("a", (FOURTH,), seed=20221013))["q1"].seed == "20221013"


# Both styles of a sum over uses


def test_one_number_a_use_is_marked_apart_and_shares_the_points() -> None:
    found = marks(FOURTH, PRINTED | {"adjoint s": "0.02, 0.00199", "edge s->x": "0.00038926"})["adjoint s"]
    assert [(each.via, each.verdict, each.points, each.worth) for each in found] == [
        ("n", RIGHT, 0.5, 0.5),
        ("d", WRONG, 0, 0.5),
    ]
    assert found[1].misconceptions == ("sign_flipped",)


def test_one_number_a_use_may_stand_in_any_order_or_be_labelled() -> None:
    for text in ("-0.00199; 0.0200", "d: -0.00199; n: 0.0200", "via n = 0.0200, via d = -0.00199"):
        found = marks(FOURTH, {"adjoint s": text})["adjoint s"]
        assert {each.via: each.verdict for each in found} == {"n": RIGHT, "d": RIGHT}, text
    wrong = marks(FOURTH, {"adjoint s": "n: -0.00199; d: 0.0200"})["adjoint s"]
    assert [each.verdict for each in wrong] == [WRONG, WRONG]
    assert marks(FOURTH, {"adjoint n": "0.0200"})["adjoint n"][0].via is None


def test_four_numbers_are_matched_to_their_uses_in_any_order() -> None:
    question = steps("s = x^2; a = 2*s; b = s^2; c = s^3; e = s^4; z = a + b + c + e", x=1.1)
    texts = ["2.0", "2.42", "4.392", "7.086"]
    for order in itertools.permutations(texts):
        found = marks(question, {"adjoint s": "; ".join(order)})["adjoint s"]
        assert [each.verdict for each in found] == [RIGHT] * 4
    found = marks(question, {"adjoint s": "7.086; 4.392; 9.9; 2.0"})["adjoint s"]
    assert {each.via: each.verdict for each in found} == {"e": RIGHT, "c": RIGHT, "b": WRONG, "a": RIGHT}


def test_many_numbers_a_use_are_matched_in_their_order() -> None:
    names = "abcdefghijkl"
    question = steps(
        f"s = x^2; {'; '.join([f'{name} = {k}.5*s' for k, name in enumerate(names)])}; z = {' + '.join(names)}", x=1
    )
    found = marks(question, {"adjoint s": "; ".join([f"{k}.5" for k in range(len(names))])})["adjoint s"]
    assert [(each.via, each.verdict) for each in found] == [(name, RIGHT) for name in names]


def test_of_numbers_written_apart_each_follows_by_itself() -> None:
    texts = {name: THREE_ERRORS[name] for name in THREE_ERRORS if name != "local ds/dx"}
    good, follows = marks(FOURTH, texts | {"adjoint s": "0.0200, 0.00199"})["adjoint s"]
    assert (good.verdict, good.because, good.follows) == (RIGHT, (), None)
    assert (good.truth, follows.truth) == (pytest.approx(0.0200072), pytest.approx(-0.00199424))
    assert (follows.verdict, [root.shown for root in follows.because]) == (FOLLOW_THROUGH, ["local dr/dd"])
    assert follows.follows == pytest.approx(0.00199)
    good, wrong = marks(FOURTH, texts | {"adjoint s": "0.0200, 0.00299"})["adjoint s"]
    assert (good.verdict, wrong.verdict, wrong.because) == (RIGHT, WRONG, ())
    assert wrong.follows == pytest.approx(0.00199)


def test_what_follows_from_one_wrong_number_of_two_follows_through() -> None:
    # 0.0177*(0.0300 - 0.00199)
    found = marks(FOURTH, {"local ds/dx": "0.0177", "adjoint s": "0.0300, -0.00199", "edge s->x": "0.000496"})
    assert [each.verdict for each in found["adjoint s"]] == [WRONG, RIGHT]
    assert found["edge s->x"][0].verdict == FOLLOW_THROUGH
    assert [root.shown for root in found["edge s->x"][0].because] == ["adjoint s"]


def test_what_follows_a_sum_that_was_written_apart_starts_from_the_sum() -> None:
    texts = {"local ds/dx": "0.0177", "adjoint s": "0.02, -0.00199", "edge s->x": "0.000319"}
    assert verdict(FOURTH, texts, "edge s->x") in (RIGHT, BY_ROUNDING)
    assert verdict(FOURTH, texts | {"edge s->x": "0.000354"}, "edge s->x") == WRONG


def test_of_a_sum_in_parts_a_given_number_is_no_second_one() -> None:
    texts = answers({"local ds/dx": "0.0177", "adjoint s": "0.02, -0.00199", "edge s->x": "0.00036"})
    again = (
        Answer(read_quantity("adjoint s"), "?", given=True),
        Answer(read_quantity("adjoint s"), "0.0204", given=True),
    )
    found = {each.quantity.shown: each.verdict for each in Marker(FOURTH).mark([*texts, *again], missing=False)}
    assert found["edge s->x"] == WRONG


def test_beside_a_formula_that_is_right_a_given_number_is_no_second_one() -> None:
    texts = answers({"local ds/dx": "s*(1 - s)", "adjoint s": "0.0180", "edge s->x": "0.000308"})
    again = Answer(read_quantity("local ds/dx"), "0.0171", given=True)
    found = {each.quantity.shown: each.verdict for each in Marker(FOURTH).mark([*texts, again], missing=False)}
    assert found == {"local ds/dx": RIGHT, "adjoint s": RIGHT, "edge s->x": WRONG}


def test_an_unknown_quantity_costs_nothing() -> None:
    (found,) = mark_given(FOURTH, {"value k": "3"})
    assert (found.points, found.worth) == (0, 0)
    (found,) = mark_given(LAYER, {"value k": "3"})
    assert (found.points, found.worth) == (0, 0)


# What is said of a wrong step


def named(question: Question, texts: Mapping[str, str], quantity: str) -> tuple[str, ...]:
    (found,) = marks(question, texts)[read_quantity(quantity).shown]
    assert found.verdict == WRONG, found
    return found.misconceptions


def test_one_digit_is_never_diagnosed() -> None:
    question = steps("s = sigmoid(x); z = s*y", x=4, y=1.5)
    assert named(question, {"local ds/dx": "0.98"}, "local ds/dx") == ("sigmoid_prime_is_sigmoid",)
    assert named(question, {"local ds/dx": "0.9"}, "local ds/dx") == ()
    assert named(steps("p = x*y", x=3.5, y=0.5), {"local dp/dx": "4e0"}, "local dp/dx") == ()


def test_one_digit_that_is_exact_is_diagnosed() -> None:
    assert named(steps("p = x*y", x=3, y=2), {"local dp/dx": "3"}, "local dp/dx") == ("mul_local_not_swapped",)


def test_ties_are_listed_the_most_local_first() -> None:
    # d(x^2) at 2: the exponent as it is gives 8, and so does 2*o.
    found = named(steps("u = x^2; z = 3*u", x=2), {"local du/dx": "8"}, "local du/dx")
    assert found == ("power_exponent_kept", "output_for_input")


def test_a_hint_names_what_it_is_consistent_with_and_no_number_of_the_question() -> None:
    (found,) = marks(FOURTH, {"local dr/dd": "0.000400"})["local dr/dd"]
    assert found.hint is not None
    assert found.hint.startswith("consistent with d(1/u) = +1/u^2: ")
    assert "0.0004" not in found.hint


def test_a_slip_is_one_in_what_follows_from_the_students_own_numbers() -> None:
    # 4 + 0.928 is 4.928.
    assert named(FOURTH, {"s": "0.928", "n": "4.298"}, "n") == ("digit_transposition",)


def test_numbers_that_are_no_number_a_use_are_diagnosed_by_their_sum() -> None:
    assert "fanout_one_branch_only" in named(FOURTH, {"adjoint s": "0.0100, 0.0060, 0.0040"}, "adjoint s")


def test_two_answers_in_each_others_place_are_seen() -> None:
    texts = {"dz/dx": "-0.0279", "dz/dy": "-0.00759"}
    found = marks(FOURTH, texts)
    assert "answers_swapped" in found["dz/dx"][0].misconceptions
    assert "answers_swapped" in found["dz/dy"][0].misconceptions


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("reciprocal_minus_dropped", "0.0483152", "0.0279194"),
        ("sigmoid_prime_is_sigmoid", "0.0097768", "-0.0279194"),
        ("fanout_one_branch_only", "-0.00791216", "-0.0279194"),
        ("loss_sign", "0.00759401", "0.0279194"),
        ("power_factor_missing", "0.00636567", "-0.0139597"),
        ("point_swapped", "-0.00421", "-0.0222"),
    ],
)
def test_final_numbers_alone_are_held_against_each_single_mutation(name: str, x: str, y: str) -> None:
    if name == "point_swapped":
        other = Board(Question("q", FOURTH.formula, {"x": 3, "y": 4}, FOURTH.steps)).truth
        x, y = [f"{other[read_quantity(f'dz/d{v}')]:.3g}" for v in "xy"]
    found = marks(FOURTH, {"dz/dx": x, "dz/dy": y})
    wrong = [each for every in found.values() for each in every if each.verdict == WRONG]
    assert wrong
    for each in wrong:
        assert name in each.misconceptions, each


def test_all_the_final_numbers_have_to_come_out_together() -> None:
    # dz/dy is that of a lost minus, but dz/dx is not.
    found = marks(FOURTH, {"dz/dx": "0.0123456", "dz/dy": "0.0279194"})
    assert "reciprocal_minus_dropped" not in found["dz/dy"][0].misconceptions


# Ranges


def test_a_range_holds_what_a_formula_gives_inside_the_box() -> None:
    rng = random.Random(5)
    for exercise in simulation.EXERCISES:
        board = next(simulation.points(exercise, rng))
        for step in board.steps.values():
            forms = [board.value_of[step.name], *[form for by in step.inputs for form in board.local_of[step.name, by]]]
            for form in forms:
                centre = [rng.uniform(0.3, 3.0) for _ in form.names]
                box = [Interval(c - w, c + w) for c in centre for w in [c * rng.choice((0.0005, 0.005, 0.05))]]
                found = intervals.image(form.function, box)
                for _ in range(40):
                    value = form.function([rng.uniform(*side) for side in box])
                    assert found.low - 1e-12 <= value <= found.high + 1e-12, (step.formula, form.names, box)


def test_a_range_is_not_much_wider_than_what_a_formula_gives() -> None:
    found = intervals.image(lambda values: values[0] * (1 - values[0]), [Interval(0.4, 0.7)])
    assert found.low == pytest.approx(0.21, abs=0.002)
    assert found.high == pytest.approx(0.25, abs=0.002)


def test_a_range_of_many_inputs_adds_up_their_moves() -> None:
    box = [Interval(k - 0.1, k + 0.1) for k in range(1, 8)]
    calls = []
    found = intervals.image(lambda values: calls.append(1) or sum(values), box)
    assert len(calls) == 1 + 2 * len(box)
    assert found.low == pytest.approx(28 - 0.7, abs=0.15)
    assert found.high == pytest.approx(28 + 0.7, abs=0.15)
    assert found.low <= 28 - 0.7 < 28 + 0.7 <= found.high


def test_of_four_inputs_every_corner_is_looked_at() -> None:
    found = intervals.image(math.prod, [Interval(1, 3)] * 4)
    assert found == pytest.approx((1 - 1.6, 81 + 1.6))
    # What does not vary is not counted.
    assert intervals.image(math.prod, [Interval(1, 3)] * 4 + [intervals.point(2)]) == (
        2 * found.low,
        2 * found.high,
    )
    assert intervals.image(math.prod, [Interval(1, 3)] * 5).high < 243


def test_a_range_of_many_inputs_reaches_as_far_as_the_farther_end() -> None:
    found = intervals.image(lambda values: sum(map(math.exp, values)), [Interval(0, 4)] * 5)
    assert 5 * math.exp(4) <= found.high <= 7 * math.exp(4)


def test_a_range_ends_where_a_formula_has_no_value() -> None:
    def root(values: Sequence[float]) -> float | None:
        return math.sqrt(values[0]) if values[0] >= 0 else None

    def pole(values: Sequence[float]) -> float:
        return math.inf if values[0] == 1 else 1 / (values[0] - 1)

    found = intervals.image(root, [Interval(-1, 9)])
    assert found.low == pytest.approx(2, abs=0.1)
    assert found.high == pytest.approx(3, abs=0.1)
    assert intervals.image(root, [Interval(-9, 1)]) == intervals.ALL
    assert intervals.image(root, [intervals.point(-1)]) == intervals.ALL
    assert intervals.image(pole, [Interval(1, 2)]).high == pytest.approx(2, abs=0.1)
    assert intervals.image(pole, [Interval(0, 2)]) == intervals.ALL


def test_a_range_of_many_inputs_ends_where_a_formula_has_no_value() -> None:
    def roots(values: Sequence[float]) -> float | None:
        return sum(map(math.sqrt, values)) if min(values) >= 0 else None

    def poles(values: Sequence[float]) -> float:
        return math.inf if 1 in values else sum([1 / (value - 1) for value in values])

    wide, narrow = Interval(-1, 9), Interval(3.99, 4.01)
    found = intervals.image(roots, [wide, *[narrow] * 4])
    assert found.low == pytest.approx(9, abs=0.3)
    assert found.high == pytest.approx(11, abs=0.3)
    assert intervals.image(roots, [Interval(-9, 1), *[narrow] * 4]) == intervals.ALL
    assert intervals.image(poles, [Interval(1, 3), *[narrow] * 4]).high == pytest.approx(1 + 4 / 3 + 0.5, abs=0.15)
    assert intervals.image(poles, [Interval(0, 2), *[narrow] * 4]) == intervals.ALL
    # Two ends without a value move nothing.
    found = intervals.image(lambda values: sum(values) if values[0] == 4 else None, [narrow, *[wide] * 4])
    assert found == pytest.approx((20 - 20 * 1.2, 20 + 20 * 1.2))


def test_what_is_made_of_what_is_not_known_is_not_known() -> None:
    assert intervals.image(lambda values: 1.0, [intervals.ALL]) == intervals.ALL
    assert intervals.image(lambda values: 1 / values[0], [intervals.point(math.inf)]) == intervals.ALL


def test_a_product_with_what_is_not_known_is_not_known() -> None:
    assert intervals.times(Interval(-2, 3), Interval(4, 5)) == (-10, 15)
    assert intervals.times(intervals.ALL, intervals.point(0)) == intervals.ALL
    assert intervals.times(intervals.point(0), intervals.ALL) == intervals.ALL


def test_intervals_have_a_middle_and_a_radius_and_may_be_open() -> None:
    assert (Interval(2, 6).centre, Interval(2, 6).radius) == (4, 2)
    assert not Interval(0, math.inf).known
    assert not Interval(-math.inf, 0).known
    assert Interval(0, 1).meets(Interval(1, 2))
    assert not Interval(0, 1).meets(Interval(1.001, 2))
    for one, other in ((1.0, 1.0 + 1e-12), (1.0 + 1e-12, 1.0)):
        assert intervals.point(one).meets(intervals.point(other))
    # As far as what both were made of may be rounded.
    assert Interval(-1000, 1).meets(Interval(1 + 5e-7, 2))
    for unknown in (intervals.ALL, intervals.point(math.inf), intervals.point(math.nan)):
        assert not Interval(0, 1).meets(unknown)
        assert not unknown.meets(Interval(0, 1))


def test_a_pole_in_the_box_leaves_everything_open() -> None:
    assert not intervals.image(lambda values: math.nan, [Interval(0.0, 1.0)]).known
    assert not intervals.image(lambda values: values[0], [intervals.ALL]).known


# Classes


@pytest.mark.parametrize("style", simulation.STYLES)
def test_no_honest_student_is_flagged(style: str) -> None:
    verdicts = simulation.honest(1, seed=1, style=style)
    assert verdicts["students"] > 300
    coarse = {TOO_COARSE} if style in ("decimals", "powers") else set()
    assert set(verdicts) == {"students", RIGHT, BY_ROUNDING, *coarse}


def test_wrong_students_have_their_wrong_step_flagged_and_no_other() -> None:
    for kept, by_error in simulation.single(1, seed=2, part=0.2).items():
        count = simulation.total(by_error.values())
        assert count.students > 250
        assert count.blamed == 0
        assert count.exact >= (0.92 if kept == 2 else 0.96) * count.students, (kept, count)
        assert count.named >= 0.9 * count.told, (kept, count)


def test_independent_errors_are_each_located() -> None:
    for kept, count in simulation.several(4, seed=3).items():
        assert count.students >= 30
        assert count.blamed == 0
        assert count.missed <= 0.1 * count.steps, (kept, count)


def test_the_family_is_named_where_the_derivatives_alone_are_given() -> None:
    for kept, count in simulation.finals(1, seed=4, part=0.15).items():
        assert count.told > 60
        assert count.named >= 0.9 * count.told, (kept, count)


def test_a_formula_that_nobody_draws_is_marked_all_the_same() -> None:
    names = [f"a{k}" for k in range(60)]
    text = "*".join([f"(sin({name})/(x + {name})^2 + 1)" for name in names])
    question = Question("q", text, {name: 1 + k / 100 for k, name in enumerate(["x", *names])})
    start = time.process_time()
    found = mark_given(question, {"dz/dx": "1.25", "dz/da1": "0.53", "z": "3.25"})
    assert {each.verdict for each in found} == {WRONG}
    assert time.process_time() - start < 10.0


@pytest.mark.parametrize("number", ["1e308", "-1e308", "1e-308", "0", "1e-323", "5e307"])
def test_numbers_at_the_ends_of_the_range_are_marked_like_others(number: str) -> None:
    for quantity in PRINTED:
        found = Marker(FOURTH).mark(answers(PRINTED | {quantity: number}))
        assert [each.verdict for each in found if each.quantity.shown == quantity] in ([WRONG], [FOLLOW_THROUGH])
    everything = Marker(FOURTH).mark(answers(dict.fromkeys(PRINTED, number)))
    assert not {each.verdict for each in everything} & {RIGHT, BY_ROUNDING}
    (of_arrays,) = mark_given(LAYER, {"dz/dx": f"[{number}, {number}]"})
    assert of_arrays.verdict == WRONG


def test_a_class_of_300_takes_less_than_five_seconds() -> None:
    marker = Marker(FOURTH)
    rng = random.Random(11)
    board = marker.board
    every = [error for quantity in board.truth for error in simulation.errors_at(board, quantity, rng)]
    sheets: list[Iterable[Answer]] = []
    while len(sheets) < 300:
        habits = simulation.Habits(rng.choice((2, 3, 4)), *[rng.random() < 0.5 for _ in range(3)])
        texts = simulation.sheet(board, habits, rng.sample(every, 3))
        if texts is not None:
            sheets.append([Answer(quantity, text) for quantity, text in texts.items()])
    start = time.process_time()
    for texts in sheets:
        marker.mark(texts)
    assert time.process_time() - start < 5.0


# Boards


def test_a_board_has_the_nodes_of_the_steps_or_else_the_gates() -> None:
    assert list(Board(FOURTH).steps) == ["s", "n", "q", "d", "r", "z"]
    bare = Board(Question("q", FOURTH.formula, FOURTH.point))
    assert [bare.label(quantity) for quantity in bare.asked if quantity.kind == "value"] == [
        "value[sigmoid(x)]", "value[x + sigmoid(x)]", "value[x + y]", "value[(x + y)^2]",
        "value[sigmoid(x) + (x + y)^2]", "value z",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("value[(x+y)^2]", "value q"),
        ("local[(x + y)^2|x]", "local dq/dx"),
        ("adj[s + q]", "adjoint d"),
        ("adjoint[sigmoid(x) + q]", "adjoint d"),
        ("dz/ds", "adjoint s"),
        ("ds/dx", "local ds/dx"),
        ("z->n", "edge z->n"),
        ("z", "value z"),
    ],
)
def test_nodes_are_named_or_written_out(written: str, meant: str) -> None:
    assert Board(FOURTH).resolve(read_quantity(written)).shown == meant


def test_a_question_without_one_output_is_refused() -> None:
    with pytest.raises(BackpropError, match="one output"):
        Board(steps("a = x; b = 2*x", x=1))


def test_a_question_about_an_array_is_refused() -> None:
    with pytest.raises(BackpropError, match="output is one number"):
        Board(Question("q", "y = 2*x", {"x": [1, 2]}))


def test_answers_that_are_formulas_are_compared_as_functions() -> None:
    right = {
        "ds/dx": "s*(1-s)",
        "dz/dy": "-n*r^2*2(x+y)",
        "value q": "x^2 + 2x*y + y^2",
        "dr/dd": "-1/d^2",
        "dz/dn": "r",
    }
    found = marks(FOURTH, right)
    assert [each.verdict for every in found.values() for each in every] == [RIGHT] * len(right)
    (wrong,) = marks(FOURTH, {"ds/dx": "s*(1+s)"})["local ds/dx"]
    assert (wrong.verdict, wrong.points, wrong.worth) == (WRONG, 0, 1)
    assert "they differ at x = " in str(wrong.problem)
    assert verdict(FOURTH, {"local ds/dx": "s*(1-k)"}, "local ds/dx") == UNREADABLE


def test_a_formula_on_a_wrong_number_follows_through() -> None:
    texts = {"local dr/dd": "1/d^2", "edge r->d": "n/d^2", "adjoint d": "n/d^2"}
    found = marks(FOURTH, texts)
    assert [every[0].verdict for every in found.values()] == [WRONG, FOLLOW_THROUGH, FOLLOW_THROUGH]
    assert [root.shown for root in found["edge r->d"][0].because] == ["local dr/dd"]
    assert found["edge r->d"][0].problem is None
    assert verdict(FOURTH, texts | {"edge r->d": "-n/d"}, "edge r->d") == WRONG
    # The right number in another way is not the right formula.
    assert verdict(FOURTH, {"q": "7*(x + y)"}, "q") == WRONG


def test_a_formula_that_has_no_value_here_leaves_nothing_to_follow() -> None:
    found = marks(FOURTH, {"n": "x + log(x - 4)", "r": "0.0200", "z": "17.3"})
    assert [every[0].verdict for every in found.values()] == [WRONG, RIGHT, FOLLOW_THROUGH]
    assert found["value z"][0].points == 0


def test_a_formula_that_cannot_be_compared_is_not_wrong() -> None:
    narrow = Question("q", "f = log(x - 4) + log(4.000001 - x)", {"x": 4.0000005})
    (found,) = marks(narrow, {"df/dx": "1/(x - 4) - 1/(4.000001 - x)"})["df/dx"]
    assert (found.verdict, found.points, found.worth) == (UNREADABLE, 0, 1)
    assert found.problem == "too few points are in its domain to compare it at"
    assert verdict(narrow, {"df/dx": "0.5"}, "df/dx") == WRONG
    # Here a is 5e-7, and of 2e-6 there follows 1/2e-6.
    narrow = steps("a = x - 4; f = log(a) + log(4.000001 - x)", x=4.0000005)
    assert verdict(narrow, {"a": "0.0000020", "local df/da": "1/(4*a)"}, "local df/da") == FOLLOW_THROUGH


# Arrays

LAYER = Question(
    "layer",
    "h = σ(W @ x + b); z = 1/2*norm(h - y)^2",
    {"W": [[0.2, -0.4], [0.7, 0.1]], "x": [1, -2], "b": [0.1, -0.2], "y": [0.3, 0.9]},
)
LAYER_RIGHT = {
    "value h": "[0.750, 0.574]", "value z": "0.154", "adjoint z": "1", "edge z->h": "[0.450, -0.326]",
    "edge z->y": "[-0.450, 0.326]", "adjoint h": "[0.450, -0.326]", "edge h->W": "[0.0844, -0.169; -0.0796, 0.159]",
    "edge h->x": "[-0.0388, -0.0417]", "edge h->b": "[0.0844, -0.0796]",
    "dz/dW": "[[0.0844, -0.169], [-0.0796, 0.159]]", "dz/dx": "-0.0388, -0.0417", "dz/db": "[0,0844; -0,0796]",
    "dz/dy": "[-0.450, 0.326]",
}  # fmt: skip


def test_arrays_are_marked_entry_by_entry() -> None:
    found = mark(LAYER, answers(LAYER_RIGHT))
    assert {each.quantity.shown: each.verdict for each in found} == dict.fromkeys(
        [each.quantity.shown for each in found], RIGHT
    )
    assert len(found) == len(LAYER_RIGHT)
    one_entry = mark(LAYER, answers(LAYER_RIGHT | {"edge h->x": "[-0.0388, -0.0471]"}))
    assert [each.quantity.shown for each in one_entry if each.verdict == WRONG] == ["edge h->x"]


def test_what_follows_from_a_wrong_array_follows_through() -> None:
    texts = LAYER_RIGHT | {
        "value h": "[0.750, 0.744]",
        "value z": "0.113",
        "edge z->h": "[0.450, -0.156]",
        "edge z->y": "[-0.450, 0.156]",
        "adjoint h": "[0.450, -0.156]",
        "edge h->b": "[0.0844, -0.0381]",
        "dz/db": "[0.0844, -0.0381]",
        "dz/dy": "[-0.450, 0.156]",
    }
    found = {each.quantity.shown: each for each in mark(LAYER, answers(texts))}
    assert [name for name, each in found.items() if each.verdict == WRONG] == ["value h"]
    assert found["value z"].verdict == found["dz/db"].verdict == found["edge h->b"].verdict == FOLLOW_THROUGH
    assert [root.shown for root in found["dz/db"].because] == ["value h"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?", MISSING),
        ("[0.0844, -0.0796]", UNREADABLE),
        ("[0.0844, -0.169; -0.0796, x]", UNREADABLE),
        ("[0.0844, -0.169; -0.0796, nan]", UNREADABLE),
        ("[0.0844, -0.169; -0.0796, 1/0]", WRONG),
        ("[0,0844 -0,169; -0,0796 0,159]", RIGHT),
        ("[0.08, -0.17; -0.08, 0.16]", TOO_COARSE),
    ],
)
def test_arrays_that_cannot_be_read_are_never_wrong(text: str, expected: str) -> None:
    assert verdict(LAYER, {"dz/dW": text}, "dz/dW") == expected


def test_given_arrays_are_not_marked() -> None:
    given = Answer(read_quantity("edge h->b"), "[0.08, -0.08]", given=True)
    found = Marker(LAYER).mark([given, *answers({"dz/db": "[0.0844, -0.0796]"})], missing=False)
    assert [(each.quantity.shown, each.verdict) for each in found] == [("dz/db", RIGHT)]


def test_arrays_that_belong_nowhere_are_unreadable() -> None:
    found = mark_given(LAYER, {"value k": "3", "dz/db": "[0.0844, -0.0796]"})
    assert [each.verdict for each in found] == [RIGHT, UNREADABLE]
    right, strange = mark_given(LAYER, {"local dh/dW": "[1, 2; 3, 4]", "dz/db": "[0.0844, -0.0796]"})
    assert (right.verdict, strange.verdict, strange.worth, strange.truth) == (RIGHT, UNREADABLE, 0, None)
    assert strange.problem == "what an array makes of an array is not marked: write edge h->W"


def test_arrays_that_were_not_answered_are_missing() -> None:
    found = mark(LAYER, ())
    assert {each.verdict for each in found} == {MISSING}
    assert [each.quantity.shown for each in found] == [
        each.quantity.shown for each in mark(LAYER, answers(LAYER_RIGHT))
    ]


def test_of_two_arrays_for_one_question_the_one_that_was_answered_is_marked() -> None:
    right, wrong = "[0.0844, -0.0796]", "[0.0844, 0.0796]"

    def found(*every: tuple[str, bool]) -> Marked:
        both = [Answer(read_quantity("dz/db"), text, given=given) for text, given in every]
        (made,) = Marker(LAYER).mark(both, missing=False)
        return made

    for every in (
        (("?", False), (right, False)),
        ((right, False), ("?", False)),
        ((right, False), (" [0.0844,  -0.0796]", False)),
        ((wrong, True), (right, False)),
        ((right, False), (wrong, True)),
    ):
        assert (found(*every).verdict, found(*every).claimed) == (RIGHT, right)
    twice = found((right, False), (wrong, False))
    assert (twice.verdict, twice.problem) == (UNREADABLE, f"it is answered twice: {right} and {wrong}")


def test_a_wrong_array_follows_from_nothing() -> None:
    texts = LAYER_RIGHT | {"value h": "[0.750, 0.744]", "edge z->h": "[0.450, -0.256]"}
    found = {each.quantity.shown: each for each in mark(LAYER, answers(texts))}["edge z->h"]
    assert (found.verdict, found.because) == (WRONG, ())


# The catalogue

_ONE = {"x": 2.5, "y": 1.5}
_SQUARES = Question("q", "f = sum((X @ W + b)^2)", {"X": [[2, 1], [3, 4], [1, 1]], "W": [[1, 2], [3, 4]], "b": [1, 2]})
_LOSS = Question("q", "J = cross_entropy(z, t)", {"z": [2, 1, -0.5], "t": [0, 1, 0]})
_LOSS_IN_GATES = Question("q", "J = -sum(t*log(softmax(z)))", {"z": [2, 1, -0.5], "t": [0, 1, 0]})

EXAMPLES: list[tuple[str, Question, dict[str, str]]] = [
    ("reciprocal_minus_dropped", steps("r = 1/d; f = 3*r", d=4), {"local dr/dd": "0.0625"}),
    ("reciprocal_minus_dropped", steps("r = d^-1; f = 3*r", d=4), {"local dr/dd": "0.0625"}),
    ("reciprocal_not_squared", steps("r = 1/d; f = 3*r", d=4), {"local dr/dd": "-0.25"}),
    ("mul_local_not_swapped", steps("p = x*y; f = 3*p", **_ONE), {"local dp/dx": "2.5"}),
    ("add_treated_as_mul", steps("p = x + y; f = 3*p", **_ONE), {"local dp/dx": "1.5"}),
    ("sigmoid_prime_is_sigmoid", steps("s = sigmoid(x); f = 3*s", x=0.3), {"local ds/dx": "0.574"}),
    ("sigmoid_prime_is_one_minus_sigmoid", steps("s = sigmoid(x); f = 3*s", x=0.3), {"local ds/dx": "0.426"}),
    ("sigmoid_prime_input_for_output", steps("s = sigmoid(x); f = 3*s", x=0.3), {"local ds/dx": "0.21"}),
    ("sigmoid_factor_twice", steps("s = sigmoid(x); f = 3*s", x=0.3), {"local ds/dx": "0.0598"}),
    ("tanh_as_sigmoid", steps("h = tanh(x); f = 3*h", x=0.5), {"local dh/dx": "0.249"}),
    ("tanh_as_sigmoid", steps("h = tanh(x); f = 3*h", x=0.5), {"h": "0.622"}),
    ("tanh_prime_input_for_output", steps("h = tanh(x); f = 3*h", x=0.5), {"local dh/dx": "0.75"}),
    ("power_factor_missing", steps("u = x^3; f = 2*u", x=2.5), {"local du/dx": "6.25"}),
    ("power_exponent_kept", steps("u = x^3; f = 2*u", x=2.5), {"local du/dx": "46.9"}),
    ("square_of_sum_uses_own_term", steps("q = (x + y)^2; f = 3*q", x=4, y=3), {"local dq/dx": "8"}),
    ("power_of_sum_linear", steps("q = (x + y)^2; f = 3*q", x=4, y=3), {"q": "25"}),
    ("power_of_sum_linear", steps("q = (x - y)^2; f = 3*q", x=4, y=3), {"q": "7"}),
    ("output_for_input", steps("l = log(x); f = 3*l", x=2), {"local dl/dx": "1.44"}),
    ("exp_power_rule", steps("g = e^x; f = 3*g", x=2), {"local dg/dx": "5.44"}),
    ("log_base_ten", steps("l = log(x); f = 3*l", x=2.5), {"l": "0.398"}),
    ("sin_cos_sign", steps("u = sin(x); f = 3*u", x=1), {"local du/dx": "-0.540"}),
    ("degrees_for_radians", steps("u = sin(x); f = 3*u", x=50), {"u": "0.766"}),
    ("quotient_rule_swapped", steps("f = u/v", u=3.5, v=4), {"local df/du": "-0.25"}),
    ("quotient_denominator_not_squared", steps("f = u/v", u=3.5, v=2.5), {"local df/dv": "-1.4"}),
    ("quotient_of_derivatives", steps("f = x^2/(3*x + 1); g = 2*f", x=2.5), {"local df/dx": "1.67"}),
    ("sub_second_sign", steps("p = a - b; f = 3*p", a=2.5, b=1.5), {"local dp/db": "1"}),
    ("neg_ignored", steps("n = -x; f = 3*n", x=2.5), {"local dn/dx": "1"}),
    ("squared_loss_factor_two", steps("L = 1/2*(h - y)^2; f = 3*L", h=0.75, y=0.3), {"local dL/dh": "0.90"}),
    ("squared_loss_factor_two", steps("L = (h - y)^2; f = 3*L", h=0.75, y=0.3), {"local dL/dh": "0.45"}),
    ("error_sign", steps("L = 1/2*(h - y)^2; f = 3*L", h=0.75, y=0.3), {"local dL/dh": "-0.45"}),
    ("target_sign", steps("p = h - y; f = 3*p", h=0.75, y=0.3), {"p": "1.05"}),
    ("max_routed_to_both", steps("m = max(p, z); f = 3*m", p=3.5, z=2.5), {"local dm/dz": "1"}),
    ("max_routed_to_loser", steps("m = max(p, z); f = 3*m", p=3.5, z=2.5), {"local dm/dp": "0"}),
    ("relu_passed_when_blocked", steps("h = relu(x); f = 3*h", x=-2.5), {"local dh/dx": "1"}),
    ("relu_blocked_when_passing", steps("h = relu(x); f = 3*h", x=2.5), {"local dh/dx": "0"}),
    ("relu_blocked_when_passing", steps("h = max(0, x); f = 3*h", x=2.5), {"local dh/dx": "0"}),
    ("inner_derivative_missing", steps("u = sin(x^2); f = 3*u", x=1.5), {"local du/dx": "-0.628"}),
    ("outer_at_x", steps("u = sin(x^2); f = 3*u", x=1.5), {"local du/dx": "0.212"}),
    ("outer_at_derivative_of_inner", steps("u = sin(x^2); f = 3*u", x=1.5), {"local du/dx": "-0.990"}),
    ("upstream_factor_missing", FOURTH, {"edge r->d": "-0.000400"}),
    ("local_factor_missing", FOURTH, {"edge r->d": "4.98"}),
    ("fanout_one_branch_only", FOURTH, {"adjoint s": "0.0200"}),
    ("fanout_product", FOURTH, {"adjoint s": "-0.0000399"}),
    ("fanout_averaged", FOURTH, {"adjoint s": "0.00901"}),
    ("fanout_subtracted", FOURTH, {"adjoint s": "0.0220"}),
    ("value_for_adjoint", FOURTH, {"adjoint s": "0.982"}),
    ("loss_sign", FOURTH, {"dz/dx": "0.00759", "dz/dy": "0.0279"}),
    ("answers_swapped", FOURTH, {"dz/dx": "-0.0279", "dz/dy": "-0.00759"}),
    ("point_swapped", steps("u = x^2; v = u*y; f = v + x", **_ONE), {"df/dx": "8.5", "df/dy": "2.25"}),
    ("wrong_constant_used", steps("b = 3*x; f = b^2", x=2.5), {"b": "10"}),
    ("sign_flipped", FOURTH, {"s": "-0.982"}),
    ("decimal_shift", FOURTH, {"s": "0.0982"}),
    ("digit_transposition", FOURTH, {"s": "0.928"}),
    ("truncated", FOURTH, {"z": "0.0996"}),
    ("transposed_weights", LAYER, {"dz/dx": "[0.0487, 0.0511]"}),
    ("outer_product_transposed", LAYER, {"dz/dW": "[0.0844, -0.0796; -0.169, 0.159]"}),
    ("sum_over_wrong_index", Question("q", "f = sum(sum(A, axis=0)^2)", {"A": [[1, 2], [3, 4]]}),
     {"df/dA": "[8, 8; 12, 12]"}),
    ("bias_not_summed_over_batch", _SQUARES, {"df/db": "[12, 20]"}),
    ("mean_for_sum", _SQUARES, {"df/db": "[18, 28]"}),
    ("softmax_label_forgotten", _LOSS, {"dJ/dz": "[0.690, 0.254, 0.0566]"}),
    ("softmax_label_forgotten", _LOSS_IN_GATES, {"dJ/dz": "[0.690, 0.254, 0.0566]"}),
    ("softmax_diagonal_only", _LOSS, {"dJ/dz": "[0.214, 0.189, 0.0534]"}),
    ("softmax_wrong_label", _LOSS, {"dJ/dz": "[-0.310, 0.254, 0.0566]"}),
    ("softmax_wrong_label", _LOSS_IN_GATES, {"dJ/dz": "[0.690, 0.254, -0.943]"}),
]  # fmt: skip
"""Every misconception, with the number that it gives when it is worked out by hand."""


@pytest.mark.parametrize(
    ("name", "question", "texts"), EXAMPLES, ids=[f"{place}-{name}" for place, (name, *_) in enumerate(EXAMPLES)]
)
def test_a_misconception_is_named_by_the_number_that_it_gives(
    name: str, question: Question, texts: dict[str, str]
) -> None:
    wrong = [each for every in marks(question, texts).values() for each in every if each.verdict == WRONG]
    assert wrong
    for each in wrong:
        assert name in each.misconceptions, each
        assert each.hint


def test_every_entry_of_the_catalogue_has_an_example() -> None:
    assert {entry.name for entry in CATALOGUE} == {name for name, *_ in EXAMPLES}


def test_the_right_numbers_are_no_misconception() -> None:
    for _, question, texts in EXAMPLES:
        board = Board(question)
        right = {}
        for name in texts:
            truth = board.truth[board.resolve(read_quantity(name))]
            right[name] = str(truth) if isinstance(truth, list) else f"{truth:.6g}"
        found = marks(question, right)
        assert {each.verdict for every in found.values() for each in every} == {RIGHT}, right


# Without a point, and without steps


def test_without_a_point_answers_are_formulas() -> None:
    question = Question("q", "f = log(u)*v", {}, ("u = x^2 + 1", "v = x*y", "f = log(u)*v"))
    texts = {
        "u": "1 + x*x", "local du/dx": "2x", "adjoint v": "log(u)", "df/dx": "2x*v/u + y*log(u)",
        "df/dy": "x log(1 + x^2)",
    }  # fmt: skip
    assert {each.verdict for every in marks(question, texts).values() for each in every} == {RIGHT}
    assert verdict(question, {"local du/dx": "3"}, "local du/dx") == WRONG
    assert verdict(steps("f = 3*x"), {"df/dx": "3"}, "df/dx") == RIGHT
    assert verdict(steps("f = 3*x"), {"df/dx": "3.1"}, "df/dx") == WRONG
    assert verdict(steps("f = log(-1 - x^2 + y)"), {"df/dy": "1/(y - 1 - x^2)"}, "df/dy") == RIGHT
    assert "mul_local_not_swapped" in named(steps("f = x*y"), {"df/dx": "x"}, "df/dx")
    assert named(steps("f = x*y"), {"df/dx": "nan"}, "df/dx") == ()
    assert (
        verdict(steps("s = sin(x); u = 2*s; v = 3*s; f = u*v"), {"adjoint u": "3*s", "adjoint s": "12"}, "adjoint s")
        == WRONG
    )
    assert verdict(steps("s = sin(x); u = 2*s; v = 3*s; f = u + v"), {"adjoint s": "2; 3"}, "adjoint s") == RIGHT


def test_a_question_that_has_a_value_nowhere_is_refused() -> None:
    with pytest.raises(BackpropError, match="no value at the 60 points"):
        Board(steps("f = log(-1 - x^2)"))


def test_without_steps_gates_are_named_by_their_formulas() -> None:
    bare = Question("q", "(x + sigmoid(x)) / (sigmoid(x) + (x + y)^2)", FOURTH.point)
    texts = {
        "value[(x+y)^2]": "49",
        "local[(x+y)^2|x]": "14",
        "value[(y+x)^2]": "49",
        "adj[sigmoid(x)]": "0.0180",
        "dz/dx": "-0.00759",
    }
    found = mark_given(bare, texts)
    assert [each.verdict for each in found] == [RIGHT] * 4
    (wrong,) = mark_given(bare, {"local[(x+y)^2|x]": "13"})
    assert (wrong.verdict, wrong.points, wrong.worth, wrong.truth) == (WRONG, 0, 1, 14)
    (blank,) = mark_given(bare, {"local[(x+y)^2|x]": "?"})
    assert (blank.verdict, blank.points, blank.worth, blank.truth) == (MISSING, 0, 0, 14)
    one = "this derivative is compared as one number"
    for text, problem in (("(1", "its bracket ( is never closed"), ("1; 2", one), ("2*x", one)):
        (found,) = mark_given(bare, {"local[(x+y)^2|x]": text})
        assert (found.verdict, found.points, found.worth, found.problem) == (UNREADABLE, 0, 0, problem)
        assert found.truth == 14
    (strange,) = mark_given(bare, {"local[(x+y)^2|k]": "14"})
    assert strange.verdict == UNREADABLE


def mark_given(question: Question, texts: Mapping[str, str]) -> list[Marked]:
    return list(Marker(question).mark(answers(texts), missing=False))


def test_a_wrong_formula_is_diagnosed_by_its_number() -> None:
    assert named(FOURTH, {"local dr/dd": "1/d^2"}, "local dr/dd") == ("reciprocal_minus_dropped",)
    assert named(FOURTH, {"local ds/dx": "s"}, "local ds/dx") == ("sigmoid_prime_is_sigmoid",)
