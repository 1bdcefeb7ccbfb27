"""The infix language: what each formula means, held by its reading and its value."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.language import tables
from backpropcli.language.names import canonical
from backpropcli.language.parser import parse
from backpropcli.language.terms import CALL, TermBuilder
from backpropcli.language.tokens import tokenize

ROOT = Path(__file__).resolve().parent.parent


def value(text: str, **point: float) -> float:
    return Formula(text, variables=point).value(point)


def reading(text: str, *bound: str) -> str:
    return Formula(text, variables=bound).reading


READINGS = {
    # 1: signs and powers
    "-x^2": "-(x^2)",
    "2^3^2": "2^(3^2)",
    "2**3**2": "2^(3^2)",
    "2^-x": "2^(-x)",
    "x^-1": "x^(-1)",
    "+x - -y": "x - (-y)",
    "- -2": "2",
    "tau(x + 1)": "tau*(x + 1)",
    "2_a": "2*_a",
    "-2^2": "-(2^2)",
    "--x": "-(-x)",
    "a - b - c": "(a - b) - c",
    "a/b/c": "(a/b)/c",
    "a/b*c": "(a/b)*c",
    # 2: products without a sign
    "2x": "2*x",
    "2(x+1)": "2*(x + 1)",
    "(x+y)z": "(x + y)*z",
    "x y": "x*y",
    "a*x y": "a*(x*y)",
    "(a)(b)": "a*b",
    "2 sin(x)": "2*sin(x)",
    "2 -x": "2 - x",
    "2x^2": "2*(x^2)",
    "-2x": "-(2*x)",
    "x^2y": "(x^2)*y",
    "a b c": "(a*b)*c",
    # 3: what stays plain beside the refused quotients
    "-1/x^2": "(-1)/(x^2)",
    "2a/b": "(2*a)/b",
    "1/(2x)": "1/(2*x)",
    "1/sin(x)": "1/sin(x)",
    # 4: names
    "xy": "xy",
    "w_0x_0": "w_0x_0",
    # 5 and 7: calls and products
    "x(y+1)": "x*(y + 1)",
    "w_0(y)": "w_0*y",
    "pi(x)": "pi*x",
    "σ(x)": "sigmoid(x)",
    "sigma(x)": "sigmoid(x)",
    "sigma*x": "sigma*x",
    # 8: logarithms
    "ln(x)": "log(x)",
    "log(x, b)": "log_base(x, b)",
    # 9: functions without brackets
    "sin x": "sin(x)",
    "2 sin x cos y": "(2*sin(x))*cos(y)",
    "sin 2x": "sin(2*x)",
    "ln sin x": "log(sin(x))",
    "sin x^2": "sin(x^2)",
    "sin(x)^2": "sin(x)^2",
    "-sin x/cos x": "(-sin(x))/cos(x)",
    "f(t) = t^2; f x": "f(t) = t^2; f(x)",
    # 10: powers of functions
    "sin^2 x + cos²(x)": "(sin(x)^2) + (cos(x)^2)",
    "sin^-1(x) + tan⁻¹ x": "asin(x) + atan(x)",
    "f(t) = 2t; f^3(x)": "f(t) = 2*t; f(x)^3",
    # 11: bars and factorials
    "|x|": "abs(x)",
    "|x|y|z|": "(abs(x)*y)*abs(z)",
    "3|x - |y||": "3*abs(x - abs(y))",
    "sin |x|^2": "sin(abs(x)^2)",
    "x != 3": "x != 3",
    # 14 and 19: sums, products, derivatives
    "sum(theta_k*x^k, k, 0, 2)": "sum(theta_k*(x^k), k, 0, 2)",
    "diff(x^2, x)": "diff(x^2, x)",
    # 12: choices
    "x > 0 ? x : -x": "if(x > 0, x, -x)",
    "where(x > 0, x, 0)": "if(x > 0, x, 0)",
    "if(0 < x < 1, x, 0)": "if((0 < x) and (x < 1), x, 0)",
    "if(not x > 0 and y > 0 or x == y, 1, 0)": "if(((not (x > 0)) and (y > 0)) or (x == y), 1, 0)",
    "a ? b : c ? d : x": "if(a, b, if(c, d, x))",
    "if(x ≥ 1, 1, 0)": "if(x >= 1, 1, 0)",
    # 13: statements
    "q = x + y; q*z": "q = x + y; q*z",
    "q := x + y\nq*z": "q = x + y; q*z",
    "f(t) = t^2; f(x)": "f(t) = t^2; f(x)",
    "x = -2, y = 5, z = -4; (x + y)z": "x = -2; y = 5; z = -4; (x + y)*z",
    "x^2 # the square\n": "x^2",
    "(x +\n y)": "x + y",
    "x +\n y": "x + y",
    # 16: numbers
    ".5 + 5. + 1e-3 + 1E3": "((0.5 + 5) + 0.001) + 1000",
    "1*e-3": "(1*e) - 3",
    "2e": "2*e",
    "2e3x": "2000*x",
    # 17: characters
    "x − y": "x - y",
    "x · y × z ∗ x": "((x*y)*z)*x",
    "x ÷ y ∕ z ⁄ x": "((x/y)/z)/x",
    "x\u00a0+\u2009y": "x + y",
    "x² + x⁻¹ + x¹²": "((x^2) + (x^(-1))) + (x^12)",
    "x₁ + x_1": "x_1 + x_1",
    "θ_1 + theta_1": "theta_1 + theta_1",
    "π + τ": "pi + tau",
}


@pytest.mark.parametrize("text", READINGS)
def test_a_formula_is_read_as_the_language_says(text: str) -> None:
    assert reading(text) == READINGS[text]


@pytest.mark.parametrize("text", [text for text in READINGS if "\n" not in text])
def test_a_reading_reads_as_itself(text: str) -> None:
    again = reading(READINGS[text])
    assert again == READINGS[text]


TERMS = {
    "-3!": "number '3' factorial '3!' neg '-3!'",
    "- 3 - -x": "number '- 3' name 'x' neg '-x' sub '- 3 - -x'",
    "+x + |y|": "name 'x' name 'y' abs '|y|' add '+x + |y|'",
    "3(x)y!": "number '3' name 'x' mul '3(x)' name 'y' factorial 'y!' mul '3(x)y!'",
    "sin^2 x": "name 'x' sin 'sin^2 x' number '2' pow 'sin^2 x'",
    "cos²(x)": "name 'x' cos 'cos²(x)' number '²' pow 'cos²(x)'",
    "tan⁻¹ y": "name 'y' atan 'tan⁻¹ y'",
    "not sin 2x": "number '2' name 'x' mul '2x' sin 'sin 2x' not 'not sin 2x'",
    "x²": "name 'x' number '²' pow 'x²'",
    "exp(x)(y)": "name 'x' exp 'exp(x)' name 'y' mul 'exp(x)(y)'",
    "elu(x, a=2)": "name 'x' number '2' elu 'elu(x, a=2)'",
}


@pytest.mark.parametrize("text", TERMS)
def test_every_part_of_a_formula_has_its_place(text: str) -> None:
    builder = TermBuilder(text)
    parse(tokenize(text, tables.load("formula")), tables.load("formula"), builder, text)
    parts = [
        f"{term.payload if term.op == CALL else term.op} '{text[term.span.start : term.span.end]}'"
        for term in builder.terms
    ]
    assert " ".join(parts) == TERMS[text]


# The places of the three bounds, those that are left out among them, and of the slice.
SLICES = {
    "x[:2]": [(2, 2), (3, 4), (4, 4), (2, 4)],
    "x[1:]": [(2, 3), (4, 4), (4, 4), (2, 4)],
    "x[:]": [(2, 2), (3, 3), (3, 3), (2, 3)],
    "x[ : :2]": [(3, 3), (4, 4), (6, 7), (3, 7)],
    "x[1 : :2]": [(2, 3), (5, 5), (7, 8), (2, 8)],
    "x[1 : 3:]": [(2, 3), (6, 7), (8, 8), (2, 8)],
}


@pytest.mark.parametrize("text", SLICES)
def test_what_a_slice_leaves_out_has_its_place_too(text: str) -> None:
    builder = TermBuilder(text)
    parse(tokenize(text, tables.load("formula")), tables.load("formula"), builder, text)
    assert [(term.span.start, term.span.end) for term in builder.terms[1:-1]] == SLICES[text]


def test_a_sign_before_a_number_is_the_numbers() -> None:
    assert value("- 3 - -x", x=1) == -2.0


STATEMENTS = {
    "q = (x)\nr = q\nr*2": "q = x; r = q; r*2",
    "q = ((x)\n)\nr = (q\n)\nr*2": "q = x; r = q; r*2",
    "q = |x\n + 1|\nq": "q = abs(x + 1); q",
    "q = max(x,\n y)\nq*2": "q = max(x, y); q*2",
    "q = (|x\n + 1|)\nq": "q = abs(x + 1); q",
    "q = x; q|q|": "q = x; q*abs(q)",
    "log^2(8, 2)": "log_base(8, 2)^2",
    "f(log) = log*2; f(3)": "f(log) = log*2; f(3)",
    "f(a, b) = a*b; f(|x|, 2)": "f(a, b) = a*b; f(abs(x), 2)",
    "digamma(x)/dy": "digamma(x)/dy",
    "dy/digamma(x)": "dy/digamma(x)",
    "dz/xy": "dz/xy",
    "dz/d": "dz/d",
    "y/dx": "y/dx",
    "(x)_000": "x*_000",
    "1 _0": "1*_0",
    "x ²": "x^2",
    "0e-400 + sin^1 x": "0 + (sin(x)^1)",
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_lines_brackets_and_names_are_read_as_meant(text: str) -> None:
    assert reading(text) == STATEMENTS[text]


@pytest.mark.parametrize("bound", ["dz", "dx"])
def test_a_quotient_is_none_of_differentials_where_one_of_them_has_a_value(bound: str) -> None:
    assert reading("dz/dx", bound) == "dz/dx"


def test_the_longest_exponent_of_superscripts() -> None:
    assert Formula(f"x{'¹' * 300}").value(x=1) == 1.0


def test_powers_associate_to_the_right() -> None:
    assert value("2^3^2") == 512.0


def test_signs_are_never_swallowed_by_juxtaposition() -> None:
    assert value("2 -x", x=5) == -3.0


@pytest.mark.parametrize("text", ["1/2x", "a/b c", "6/2(1+2)", "1/x sin(y)", "1/-2x"])
def test_a_quotient_by_a_product_without_sign_is_refused_with_both_readings(text: str) -> None:
    with pytest.raises(BackpropError) as caught:
        Formula(text)
    assert "two ways" in caught.value.message
    first, second = str(caught.value.hint).removeprefix("write ").split(" or ")
    assert Formula(first).reading != Formula(second).reading


@pytest.mark.parametrize("text", ["3 4", "x 3", "(x)3", "x^2 3"])
def test_a_product_without_sign_is_never_before_a_number(text: str) -> None:
    with pytest.raises(BackpropError, match="number"):
        Formula(text)


def test_a_bound_name_before_a_bracket_is_a_factor() -> None:
    assert reading("rate(x + 1)", "rate") == "rate*(x + 1)"


def test_an_unknown_name_before_a_bracket_is_a_misspelled_function() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("sigmod(x)")
    assert caught.value.message == "unknown function 'sigmod'"
    assert caught.value.hint == "did you mean sigmoid?"


def test_a_function_that_is_bound_and_called_is_refused_with_both_readings() -> None:
    with pytest.raises(BackpropError, match="two ways"):
        Formula("exp(x)", variables=["exp"])


def test_sigma_that_is_bound_is_a_factor() -> None:
    assert value("σ(x)", sigma=2, x=3) == 6.0


def test_a_function_name_that_is_bound_and_not_called_is_a_variable() -> None:
    assert value("log*x", log=2, x=3) == 6.0


def test_a_value_that_is_given_wins_over_a_constant_with_a_note() -> None:
    report = Formula("e*x", variables=["e", "x"]).at(e=3, x=1)
    assert report.value == 3.0
    assert [note.kind for note in report.notes] == ["shadowed"]
    assert Formula("exp(x)", variables=["e"]).value(x=1) == math.e


def test_names_that_are_written_together_are_never_split_silently() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("xy", variables=["x", "y"]).value()
    assert "xy has no value" in caught.value.message
    formula = Formula("x + xy")
    with pytest.raises(BackpropError) as caught:
        raise formula.missing(["xy"], ["x", "y"])
    assert "did you mean x*y?" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["sin x y", "sin 2 x y", "cos^2 x (y + 1)", "sin 2x y"])
def test_a_function_without_brackets_takes_one_factor_and_a_number(text: str) -> None:
    with pytest.raises(BackpropError, match="two ways"):
        Formula(text)


@pytest.mark.parametrize("text", ["sin^-2(x)", "sin^2.5 x", "log^-3(x)", "sin^0 x"])
def test_other_powers_of_functions_are_refused(text: str) -> None:
    with pytest.raises(BackpropError, match="several ways") as caught:
        Formula(text)
    assert "behind the argument" in str(caught.value.hint)


def test_two_bars_are_never_a_logical_or() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("x || y")
    assert "for a logical or write or" in str(caught.value.hint)


def test_an_indexed_sum_puts_its_index_into_body_and_subscripts() -> None:
    formula = Formula("sum(theta_k*x^k, k, 0, D)", structure={"D": 2})
    assert formula.variables == ("theta_0", "x", "theta_1", "theta_2")
    point = {"theta_0": 1.0, "theta_1": 2.0, "theta_2": 3.0, "x": 2.0}
    assert formula.value(point) == 17.0
    assert formula.gradient({**point, "D": 2.0})["x"] == 14.0
    assert "D" not in formula.gradient(point)


def test_sums_nest_and_their_limits_use_outer_indices() -> None:
    assert value("sum(sum(i*j*x, i, 1, j), j, 1, 3)", x=1) == 25.0
    assert value("prod(x + k, k, 1, 3)", x=1) == 24.0
    assert value("sum(k, k, 5, 2) + prod(k, k, 5, 2)") == 1.0


def test_a_limit_may_be_bound_in_the_text() -> None:
    formula = Formula("N = 3; sum(x^k/k, k, 1, N)")
    assert formula.gradient(x=1) == {"x": 3.0}


def test_a_limit_without_a_value_is_asked_for() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("sum(x^k, k, 0, D)")
    assert caught.value.hint == "add --D VALUE"


def test_the_number_of_terms_is_capped() -> None:
    with pytest.raises(BackpropError, match="100,000"):
        Formula("sum(k*x, k, 1, 10000000)")


def test_a_derivative_inside_a_formula() -> None:
    assert value("diff(x^3, x)", x=2) == 12.0
    assert value("diff(x^3, x, 2)", x=2) == 12.0
    assert value("diff(x^2*y^3, x, y)", x=2, y=3) == 108.0
    assert Formula("f(t) = sin(t)^2; g(t) = diff(f(t), t); g(x)").value(x=1) == pytest.approx(math.sin(2.0))
    assert Formula("diff(x^4, x)").gradient(x=1) == {"x": 12.0}


def test_a_quotient_of_differentials_is_a_derivative_and_no_quotient() -> None:
    with pytest.raises(BackpropError, match="is a derivative"):
        Formula("dz/dx")
    assert value("dz/dx", dz=6, dx=3) == 2.0


def test_definitions_stand_in_any_order() -> None:
    text = "J = t*log(y) + (1-t)*log(1-y); y = σ(a); a = w*x + b"
    assert value(text, t=1, w=0.5, x=2, b=0.1) == value(";".join(reversed(text.split(";"))), t=1, w=0.5, x=2, b=0.1)


def test_a_cycle_is_an_error_that_shows_it() -> None:
    with pytest.raises(BackpropError, match="a is defined by itself: a -> b -> a"):
        Formula("a = b + 1; b = a*2")


def test_the_output_is_the_bare_expression_wherever_it_stands() -> None:
    assert value("q*2; q = x + 1", x=3) == 8.0


def test_without_a_bare_expression_the_unused_definitions_are_the_outputs() -> None:
    report = Formula("s = x + y; p = x*y").at(x=2, y=3)
    assert report.value == {"s": 5.0, "p": 6.0}
    assert report.grad is None
    assert "--jacobian" in report.notes[0].message


def test_a_constant_definition_is_a_binding_that_the_caller_wins_over() -> None:
    formula = Formula("(x + y)z; x = -2, y = 5, z = -4")
    assert formula.bindings == {"x": -2.0, "y": 5.0, "z": -4.0}
    assert formula.gradient() == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert formula.value(z=1) == 3.0


def test_a_binding_may_be_a_constant_formula() -> None:
    assert Formula("sin(x); x = pi/2").value() == 1.0


def test_a_lone_function_is_its_body() -> None:
    formula = Formula("f(x, y, z) = (x + y)z; x = -2; y = 5; z = -4")
    assert formula.value() == -12.0
    assert formula.output == "f"
    assert formula.variables == ("x", "y", "z")


def test_functions_call_functions_and_capture_nothing() -> None:
    # The a inside f is the program's, not g's parameter.
    assert value("f(t) = a*t; g(a) = f(a) + 1; g(5)", a=2) == 11.0


def test_a_parameter_hides_a_variable_of_its_name() -> None:
    assert value("f(x) = x^2; f(3) + x", x=1) == 10.0


def test_bindings_alone_are_no_formula() -> None:
    with pytest.raises(BackpropError, match="only bindings"):
        Formula("x = 3")


def test_a_comma_separates_bindings_only() -> None:
    with pytest.raises(BackpropError, match="separates bindings only"):
        Formula("q = x + y, q*2")


@pytest.mark.parametrize(
    ("text", "name"), [("θ_1", "theta_1"), ("x₁₂", "x_12"), ("λ_max", "lambda_max"), ("Ω", "Omega"), ("w_0", "w_0")]
)
def test_a_name_has_one_spelling(text: str, name: str) -> None:
    assert canonical(text) == name
    assert Formula(text).variables == (name,)


@pytest.mark.parametrize("text", ["x\u202ey", "x\u200by", "x\x00", "x\x1b[31m", "x\u2066"])
def test_characters_that_hide_are_refused_by_their_code_point(text: str) -> None:
    with pytest.raises(BackpropError, match=r"U\+[0-9A-F]{4}"):
        Formula(text)


def test_letters_that_look_alike_do_not_mix_in_a_name() -> None:
    with pytest.raises(BackpropError, match="U\\+03BF"):
        Formula("r\u03bfot")
    assert Formula("λ_max").variables == ("lambda_max",)


def test_places_in_the_text_stay_true_after_normalising() -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("x² − $")
    assert caught.value.span is not None
    assert "x² − $"[caught.value.span.start : caught.value.span.end] == "$"


def test_the_grammar_has_no_conflict_and_the_tables_that_ship_are_its_own() -> None:
    for name, start in tables.GRAMMARS.items():
        grammar = (ROOT / "grammar" / f"{name}.lark").read_text(encoding="utf-8")
        fresh = tables.written(tables.generate(grammar, start))
        assert (ROOT / "grammar" / f"{name}.json").read_text(encoding="utf-8") == fresh
        json.loads(fresh)


def test_depth_costs_no_recursion() -> None:
    n = 20_000
    assert value("(" * n + "x" + ")" * n, x=2) == 2.0
    assert value("-" * n + "x", x=2) == 2.0
    assert value("^".join("x" * n), x=1) == 1.0


def test_doubling_functions_meet_the_node_limit() -> None:
    text = "f0(t) = sin(t) + t;" + ";".join(f"f{k}(t) = f{k - 1}(f{k - 1}(t))" for k in range(1, 60)) + "; f59(x)"
    with pytest.raises(BackpropError, match="200,000 nodes") as caught:
        Formula(text)
    assert "--max-nodes" in str(caught.value.hint)


def test_a_function_of_ones_own_wins_over_the_built_in_one_with_a_note() -> None:
    report = Formula("sin(t) = t^2; sin(x)").at(x=3)
    assert report.value == 9.0
    assert [note.kind for note in report.notes] == ["shadowed"]


def test_loops_without_terms_count_too() -> None:
    with pytest.raises(BackpropError, match="1,000,000 terms"):
        Formula("sum(sum(sum(x, i, 1, 0), j, 1, 100000), k, 1, 100000)")
