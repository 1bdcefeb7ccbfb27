"""Answers as students write them: numbers in all notations, several of them, arrays, and formulas as functions."""

from __future__ import annotations

import math
import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backpropcli.errors import BackpropError
from backpropcli.homework.claims import read_array, read_claim
from backpropcli.homework.model import VALUE, Quantity, read_quantity
from backpropcli.homework.numbers import Unread, Written, normal, read_number, total
from backpropcli.homework.symbolic import compare
from backpropcli.language.program import build, read
from tests.random_graphs import random_graph

NAMES = ("x", "y", "s")


def number(text: str, decimal: str = "either") -> Written:
    found = read_number(normal(text), decimal)
    assert isinstance(found, Written), found
    return found


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.02", 0.015, 0.025),
        ("0.0200", 0.01995, 0.02005),
        ("0,982", 0.9815, 0.9825),
        ("−0.00758", -0.007585, -0.007575),
        ("-0.00758", -0.007585, -0.007575),
        ("+.5", 0.45, 0.55),
        ("5.", 4.5, 5.5),
        ("1.2e-3", 0.00115, 0.00125),
        ("1.2E-3", 0.00115, 0.00125),
        ("1.2×10^-3", 0.00115, 0.00125),
        ("1,2 · 10⁻³", 0.00115, 0.00125),
        ("1.2*10**-3", 0.00115, 0.00125),
        ("1.2 x 10^{-3}", 0.00115, 0.00125),
        ("98.2 %", 0.9815, 0.9825),
        ("1,234.5", 1234.45, 1234.55),
        ("1.234,5", 1234.45, 1234.55),
        ("1'234.5", 1234.45, 1234.55),
        ("12 345", 12344.5, 12345.5),
        ("1,234,567", 1234566.5, 1234567.5),
        ("4,98", 4.975, 4.985),
    ],
)
def test_a_written_number_is_an_interval(text: str, low: float, high: float) -> None:
    assert number(text).interval() == pytest.approx((low, high), rel=1e-12)


def test_a_whole_number_may_end_in_zeros_that_come_from_rounding() -> None:
    assert number("1230").rounded_to(2) == (1225, 1235)
    assert number("1000").rounded_to(2) == (995, 1050)
    assert number("100").rounded_to(3) == (99.5, 100.5)
    assert number("0.1").within(2) == pytest.approx((0.0995, 0.105))
    assert number("-1000").rounded_to(2) == (-1050, -995)
    assert number("-0.1").within(2) == pytest.approx((-0.105, -0.0995))


@pytest.mark.parametrize(
    ("text", "whole"),
    [("14", True), ("-14", True), ("14.", False), ("14.0", False), ("1.4e1", False), ("1e1", False), ("2*10^1", False),
     ("14 %", False), ("14/1", False)],
)  # fmt: skip
def test_only_a_plain_whole_number_may_be_exact(text: str, whole: bool) -> None:
    assert number(text).whole == whole


def test_numbers_that_were_written_apart_are_known_as_well_as_the_coarsest_of_them() -> None:
    found = total([number("0.02"), number("-0.00199")])
    assert (found.value, found.place, found.digits, found.whole) == (pytest.approx(0.01801), -2, 1, False)
    assert found.interval() == pytest.approx((0.01301, 0.02301))
    found = total([number("12.5"), number("0.50")])
    assert (found.value, found.place, found.digits, found.whole) == (13, -1, 3, False)
    found = total([number("12"), number("-7")])
    assert (found.value, found.place, found.digits, found.whole) == (5, 0, 1, True)
    assert not total([number("12"), number("0.5")]).whole
    found = total([number("0.50"), number("-0.50")])
    assert (found.value, found.digits) == (0, 0)
    assert total([number("20"), number("0.004"), number("-20")]).digits == 0
    found = total([number("1/3"), number("0.50")])
    assert (found.place, found.exact) == (-2, False)
    found = total([number("1/3"), number("-7/922")])
    assert (found.exact, found.digits) == (True, 3)
    for texts in (("1e308", "1e308"), ("1/0", "0.5"), ("1/0", "1/3")):
        assert math.isnan(total([number(text) for text in texts]).value)


@pytest.mark.parametrize("text", ["0e330", "0e99999", "0e-99999", "1." + 500 * "0"])
def test_a_number_may_have_any_exponent_and_any_digits(text: str) -> None:
    low, high = number(text).interval()
    assert low <= number(text).value <= high


def test_a_fraction_is_exact_and_shows_the_digits_of_its_longer_number() -> None:
    found = number("-7/922")
    assert (found.value, found.exact, found.digits) == (-7 / 922, True, 3)
    assert found.interval() == (-7 / 922, -7 / 922)


@pytest.mark.parametrize("text", ["16,000", "4,982", "123,456"])
def test_a_comma_that_may_group_is_asked_about(text: str) -> None:
    found = read_number(text)
    assert isinstance(found, Unread)
    assert "can be read in two ways" in found.problem
    assert number(text, ",").value == pytest.approx(float(text.replace(",", ".")))
    assert number(text, ".").value == float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("0,5", "."), ("0.5", ","), ("1.2.3", "either"), ("1,2,3", "either"), ("1.2,3.4", "either"), ("1 2", "either"),
     ("1e400", "either"), ("1e320", "either"),
     ("1e-330", "either"), ("1.234,5", "."),
     ("1e-400", "either"), ("9" * 500, "either"), ("1,234.5.6", "either"),
     ("12 34 567", "either"), ("1,23.4", "either"), ("0.018,5", "either")],
)  # fmt: skip
def test_what_is_no_number_says_why(text: str, decimal: str) -> None:
    found = read_number(text, decimal)
    assert isinstance(found, Unread)
    assert found.problem


@pytest.mark.parametrize(
    ("text", "decimal", "problem"),
    [
        ("12 34 567", "either", "12 34 567 is more than one number"),
        ("1.2.3", "either", "1.2.3 is more than one number"),
        ("1,234,567", ",", "1,234,567 is more than one number"),
        ("16,000", "either", "16,000 can be read in two ways: write 16.000 or 16000"),
        ("1.2,3.4", "either",
         "1.2,3.4 can be read in more than one way: write one sign, the one before decimals"),
        ("0,5", ".", "0,5 is not read, since a point stands before decimals here"),
        ("0.5", ",", "0.5 is not read, since a comma stands before decimals here"),
        ("1e400", "either", "it is beyond the numbers that are computed with"),
    ],
)  # fmt: skip
def test_what_could_be_two_numbers_is_asked_about_in_these_words(text: str, decimal: str, problem: str) -> None:
    assert read_number(text, decimal) == Unread(problem)
    assert read_claim(text, decimal, NAMES).problem == problem


def test_both_signs_are_read_where_one_of_them_groups() -> None:
    assert number("1,234.5", ".").value == number("1.234,5", ",").value == 1234.5


@pytest.mark.parametrize(
    "text", ["", " ", "?", "??", "**?**", "___", "-", "–", "—", "...", "…", "n/a", "x = ?", "\t?\u00a0"]
)
def test_what_is_not_answered_is_blank(text: str) -> None:
    assert read_claim(text, "either", NAMES).blank


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("14", 14), ("0.982 (approx)", 0.982), ("14 approx.", 14), ("≈ 0,98", 0.98), ("2*(4 + 3) = 14", 14),
        ("2(x + y) = 14", 14), ("0.0177 ✓", 0.0177), ("0.982014 (see above, x = 4)", 0.982014), ("sqrt(2)/2", 2**-0.5),
        ("3!", 6), ("about 0.5", 0.5), ("Approx. (−0.5)", -0.5), ("0.5!", 0.5), ("= 0.5 …", 0.5), ("5..", 5),
        ("e^-2", math.exp(-2)), ("0.982*(1 - 0.982)", 0.017676), ("0,5*2", 1), ("max(1, 5)", 5), ("π/4", math.pi / 4),
        ("`0.5`", 0.5), ("$0.5$", 0.5), ("0.5 V/m", 0.5), ("0.02 − 0.00199", 0.01801), ("sum(k, k, 1, 10)", 55),
    ],
)  # fmt: skip
def test_numbers_with_words_and_formulas_over_numbers_are_read(text: str, value: float) -> None:
    (found,) = read_claim(text, "either", NAMES).numbers
    assert found.value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["s*(1-s)", "2x", "14 (x)", "x^2 + 2x*y", r"\frac{1}{x}", "x²"])
def test_formulas_over_the_questions_names_are_formulas(text: str) -> None:
    assert read_claim(text, "either", NAMES).formula is not None


@pytest.mark.parametrize(
    "text",
    ["(0.5", "0.5)", "[0.5}", "foo", "1..2", "0.5 +", "x k", "1 ± 0.1", "\x1b[31m5", "\u202e5", "x" * 3000, "[1, 2]",
     "a; b", "=", "sum(x^k, k, 1, 100000)", "zeros(100000, 100000)"],
)  # fmt: skip
def test_what_cannot_be_read_says_why(text: str) -> None:
    found = read_claim(text, "either", NAMES)
    assert found.problem
    assert not found.numbers
    assert found.formula is None


def test_brackets_and_characters_that_draw_nothing_are_named() -> None:
    assert read_claim("(0.5", "either", NAMES).problem == "its bracket ( is never closed"
    assert read_claim("0.5)", "either", NAMES).problem == "its bracket ) was never opened"
    assert read_claim("0.5\u200b", "either", NAMES).problem == "it holds characters that draw nothing"
    assert read_claim("(1 + [2", "either", NAMES).problem == "its bracket [ is never closed"
    assert read_claim("foo", "either", NAMES).problem == "it is over foo, which the question does not have"
    problem = "an answer has at most 2,000 characters, but this one has 2,001"
    assert read_claim("?" * 2000, "either", NAMES).blank
    for character in "1?":
        assert read_claim(character * 2001, "either", NAMES).problem == problem
    assert "at most" not in str(read_claim("1" * 2000, "either", NAMES).problem)


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "∞", "1/0", "9^9^9^9", "undefined", "log(-1)"])
def test_what_is_not_finite_is_read_and_is_no_number(text: str) -> None:
    (found,) = read_claim(text, "either", NAMES).numbers
    assert math.isnan(found.value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.02, -0.00199", (0.02, -0.00199)),
        ("0,02; -0,00199", (0.02, -0.00199)),
        ("0,02, -0,00199", (0.02, -0.00199)),
        ("n: 0.02; d: -0.00199", (0.02, -0.00199)),
        ("0.02 and -0.00199", (0.02, -0.00199)),
        ("0.02,-0.00199", (0.02, -0.00199)),
        ("1; 2; 3", (1, 2, 3)),
    ],
)
def test_several_numbers_are_one_a_use(text: str, values: tuple[float, ...]) -> None:
    assert tuple(each.value for each in read_claim(text, "either", NAMES).numbers) == values


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("[1, 2; 3, 4]", "either"), ("[[1, 2], [3, 4]]", "."), ("1 2; 3 4", "either"), ("[1,0; 2,0; 3,0; 4,0]", ","),
     ("[[1,2],[3,4]]", "either"), ("A = [1, 2; 3, 4]", "."), ("[1,0 2,0; 3,0 4,0]", "either")],
)  # fmt: skip
def test_arrays_are_read_in_the_shape_that_is_expected(text: str, decimal: str) -> None:
    assert [each.value for each in read_array(text, decimal, (2, 2)).numbers] == [1, 2, 3, 4]


def test_rows_for_columns_are_seen() -> None:
    found = read_array("[1, 4; 2, 5; 3, 6]", ".", (2, 3))
    assert found.transposed
    assert [each.value for each in found.numbers] == [1, 2, 3, 4, 5, 6]


def test_an_array_of_another_size_says_what_is_expected() -> None:
    assert read_array("[1, 2, 3]", ".", (2, 2)).problem == "4 numbers are expected, in the shape 2x2"


_ALPHABET = st.text(alphabet="0123456789.,;:+-−×*/^()[]{}exkπ=≈~ 'ys%?½∞\"|!_\\\n\t<>#&'$", max_size=40)


@settings(max_examples=300, deadline=None)
@given(_ALPHABET | st.text(max_size=20), st.sampled_from([".", ",", "either"]))
@example("1 " * 900, "either")
@example("1," * 900, "either")
@example("x^" * 900 + "x", "either")
@example("=".join(["1"] * 900), "either")
@example("diff(" * 200 + "x" + ", x)" * 200, ".")
def test_every_text_is_read_or_refused_at_once(text: str, decimal: str) -> None:
    start = time.process_time()
    for found in (read_claim(text, decimal, NAMES), read_array(text, decimal, (2, 2)), read_array(text, decimal, ())):
        assert found.blank or found.problem is None or found.problem
    assert time.process_time() - start < 1.0
    try:
        quantity = read_quantity(text)
    except BackpropError:
        return
    assert read_quantity(quantity.shown).kind == quantity.kind


@pytest.mark.parametrize(
    "text",
    [
        "dz/dx",
        "value s",
        "local ds/dx",
        "local[(x + y)^2|x]",
        "adjoint s",
        "adjoint[s + q]",
        "z->n",
        "edge[n*r|r]",
    ],
)
def test_a_quantity_reads_back_as_it_is_shown(text: str) -> None:
    assert read_quantity(text).shown.removeprefix("edge ") == text
    assert read_quantity(read_quantity(text).shown) == read_quantity(text)


def test_quantities_have_short_names() -> None:
    assert read_quantity("adj s") == read_quantity("adjoint s")
    assert read_quantity("adj[s + q]") == read_quantity("adjoint[s + q]")
    assert read_quantity("z") == Quantity(VALUE, "z")
    for latex in (
        r"\frac{\partial z}{\partial \theta}",
        r"$\frac{dz}{d\theta}$",
        r"\dfrac{\partial z}{\partial\theta}",
    ):
        assert read_quantity(latex) == read_quantity("dz/dtheta")
    assert read_quantity("∂z/∂θ₁").shown == "dz/dtheta_1"


# Formulas as functions

EQUAL = [
    ("(x + 1)^2", "x^2 + 2x + 1"),
    ("s*(1 - s)", "s - s^2"),
    ("sigmoid(x)*(1 - sigmoid(x))", "exp(-x)/(1 + exp(-x))^2"),
    ("1/(1 + exp(-x))", "exp(x)/(1 + exp(x))"),
    ("1 - tanh(x)^2", "1/cosh(x)^2"),
    ("sin(x)^2 + cos(x)^2", "1"),
    ("x - x", "0"),
    ("log(x*y) - log(x)", "log(x*y/x^1) + 0*log(x)"),
    ("log(x)/log(10)", "log10(x)"),
    ("sqrt(x)*sqrt(x)", "0*sqrt(x) + x"),
    ("(x + 1)^20", "sum(k!^-1*20!/(20 - k)!*x^k, k, 0, 20)"),
    ("asin(x)", "pi/2 - acos(x)"),
    ("log(-1 - x)", "log(-(x + 1))"),
    ("sqrt(x - 7) + sqrt(9 - x)", "sqrt(9 - x) + sqrt(x - 7)"),
    ("exp(x)^2", "exp(2x)"),
    ("x/y/y", "x/y^2"),
]
DIFFERENT = [
    ("sqrt(x^2)", "x"),
    ("abs(x)", "x"),
    ("log(x^2)", "2*log(x)"),
    ("sqrt(x)^2", "x"),
    ("s*(1 - s)", "s*(1 + s)"),
    ("(x + 1)^20", "x^20 + 1"),
    ("sigmoid(x)", "tanh(x)"),
    ("sin(x)", "x"),
    ("x", "x + 1e-9"),
    ("x", "x*(1 + 1e-10)"),
    ("relu(x)", "x"),
    ("max(x, y)", "x"),
    ("exp(x)", "1 + x + x^2/2 + x^3/6"),
    ("x/x", "1 + 0*log(x)"),
    ("floor(x)", "x"),
    ("0", "1e-3*max(0, x - 5)"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_the_same_function_is_the_same_however_it_is_written(one: str, other: str) -> None:
    for seed in ("a", "b", "c"):
        assert compare(build(read(one)), build(read(other)), seed=seed).equal is True


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_function_is_refused_with_a_point_where_it_differs(one: str, other: str) -> None:
    for seed in ("a", "b", "c"):
        found = compare(build(read(one)), build(read(other)), seed=seed)
        assert found.equal is False
        assert found.at


def test_where_nothing_is_defined_nothing_is_said() -> None:
    assert compare(build(read("log(-1 - x^2)")), build(read("log(-2 - x^2)"))).equal is None


def test_the_teachers_domain_decides_where_functions_are_compared() -> None:
    one, other = build(read("sqrt(x^2)")), build(read("x"))
    assert compare(one, other, domain={"x": (1.0, 4.0)}).equal is True


def test_random_formulas_are_equal_to_themselves_and_not_to_others() -> None:
    rng = random.Random(4)
    decided = 0
    for seed in range(60):
        formula, point = random_graph(seed, size=8)
        decided += compare(formula, formula, point=point, seed=str(seed)).equal is not None
        assert compare(formula, formula, point=point, seed=str(seed)).equal is not False
        other, _ = random_graph(1000 + rng.randrange(1000), size=8)
        assert compare(formula, other, point=point, seed=str(seed)).equal is not True
    assert decided >= 50
