"""The catalogue of misconceptions: one entry each, with what was done, the mutation of the right rule, and the hint.

Local derivatives are mutated as texts in the formula language: over the operation's parameters and `y`, its result, as
in the table of primitives. What no text can say is named by a word that `mutations` knows. More local ones stand first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backpropcli.records import NamedTuple

Texts = tuple[str | None, ...]
"""One an argument; None where the rule stays as it is."""


class Rule(NamedTuple):
    """Local derivatives that are written wrongly, by operation: for each the ways to do so."""

    partials: Mapping[str, tuple[Texts, ...]]
    constant: str | None = None
    """The argument that has to be a constant of the formula, by its parameter's name."""
    varying: str | None = None
    """The argument that must not be one."""


class Value(NamedTuple):
    """Results that are computed wrongly, by operation, with the local derivatives that go with them."""

    texts: Mapping[str, tuple[str, Texts]]


class Word(NamedTuple):
    """A mutation that no text can say: of sums over uses, of edges, of compositions, of whole answers, of digits."""

    word: str


Mutation = Rule | Value | Word


@dataclass(frozen=True)
class Misconception:
    """One entry of the catalogue."""

    name: str
    done: str
    """What was done, as a formula or in a few words."""
    mutation: tuple[Mutation, ...]
    hint: str
    """What the student is told; no number that is true, and no place but the step itself."""
    family: str


def _entry(name: str, family: str, done: str, hint: str, *mutation: Mutation) -> Misconception:
    return Misconception(name, done, mutation, hint, family)


def _rule(op: str, *ways: str | Texts | None, constant: str | None = None, varying: str | None = None) -> Rule:
    """A rule of one operation; a text alone is that of an operation of one argument."""
    every = tuple([way if isinstance(way, tuple) else (way,) for way in ways])
    return Rule({op: every}, constant, varying)


_RECIPROCAL, _QUOTIENT, _FANOUT, _PRODUCT = "reciprocal", "quotient", "fanout", "product"
_SIGMOID, _POWER, _CHAIN, _SIGN, _ROUTE = "sigmoid", "power", "chain", "sign", "route"
_ELEMENTARY, _TANH, _MATRIX, _BATCH, _SOFTMAX = "elementary", "tanh", "matrix", "batch", "softmax"
_MIXED, _SLIP, _LOSS = "mixed", "slip", "loss"

CATALOGUE: tuple[Misconception, ...] = (
    _entry(
        "reciprocal_minus_dropped",
        _RECIPROCAL,
        "d(1/u) = +1/u^2",
        "a reciprocal falls where its argument grows: look at the sign of its derivative",
        _rule("div", (None, "a/b^2")),
        _rule("reciprocal", "1/x^2"),
        _rule("pow", ("-b*a^(b - 1)", None), constant="b < 0"),
    ),
    _entry(
        "reciprocal_not_squared",
        _RECIPROCAL,
        "d(1/u) = -1/u",
        "the derivative of a reciprocal has the square of what is below",
        _rule("div", (None, "-a/b"), constant="a"),
        _rule("reciprocal", "-1/x"),
    ),
    _entry(
        "mul_local_not_swapped",
        _PRODUCT,
        "d(a*b)/da = a",
        "of a product each factor's local derivative is the other factor: mul switches",
        _rule("mul", ("a", "b"), ("a", None), (None, "b")),
    ),
    _entry(
        "add_treated_as_mul",
        _PRODUCT,
        "d(a + b)/da = b",
        "a sum hands on what arrives as it is: add distributes, mul switches",
        _rule("add", ("b", "a"), ("b", None), (None, "a")),
    ),
    _entry(
        "sigmoid_prime_is_sigmoid",
        _SIGMOID,
        "s' = s",
        "the derivative of the sigmoid has two factors",
        _rule("sigmoid", "y"),
    ),
    _entry(
        "sigmoid_prime_is_one_minus_sigmoid",
        _SIGMOID,
        "s' = 1 - s",
        "the derivative of the sigmoid has two factors",
        _rule("sigmoid", "1 - y"),
    ),
    _entry(
        "sigmoid_prime_input_for_output",
        _SIGMOID,
        "s' = x*(1 - x)",
        "s*(1 - s) is over the sigmoid's result, not over its input",
        _rule("sigmoid", "x*(1 - x)"),
    ),
    _entry(
        "sigmoid_factor_twice",
        _SIGMOID,
        "s' = (s*(1 - s))^2",
        "the sigmoid's slope belongs there once",
        _rule("sigmoid", "(y*(1 - y))^2"),
    ),
    _entry(
        "tanh_as_sigmoid",
        _TANH,
        "tanh' = y*(1 - y), or the value of the sigmoid",
        "tanh is not the sigmoid: it has a rule of its own",
        _rule("tanh", "y*(1 - y)"),
        Value({"tanh": ("sigmoid(x)", ("sigmoid(x)*(1 - sigmoid(x))",))}),
    ),
    _entry(
        "tanh_prime_input_for_output",
        _TANH,
        "tanh' = 1 - x^2",
        "1 - y^2 is over the result of tanh, not over its input",
        _rule("tanh", "1 - x^2"),
    ),
    _entry(
        "power_factor_missing",
        _POWER,
        "d(u^n) = u^(n - 1)",
        "the derivative of a power has its exponent as a factor",
        _rule("pow", ("a^(b - 1)", None), constant="b"),
    ),
    _entry(
        "power_exponent_kept",
        _POWER,
        "d(u^n) = n*u^n",
        "the exponent is one less in the derivative of a power",
        _rule("pow", ("b*a^b", None), constant="b"),
    ),
    _entry(
        "square_of_sum_uses_own_term",
        _POWER,
        "d(x + y)^2/dx = 2x",
        "the derivative of a power of a sum has the whole sum in it",
        Word("own_term"),
    ),
    _entry(
        "power_of_sum_linear",
        _POWER,
        "(x + y)^2 = x^2 + y^2",
        "the power of a sum is not the sum of the powers",
        Word("linear_power"),
    ),
    _entry(
        "output_for_input",
        _CHAIN,
        "-1/o^2, 2*o, 1/o: the result where the input belongs",
        "look at what the local derivative is over: the step's input, or its output",
        _rule("div", (None, "-a/y^2"), constant="a"),
        _rule("reciprocal", "-1/y^2"),
        _rule("pow", ("b*y^(b - 1)", None), constant="b"),
        _rule("log", "1/y"),
        _rule("sqrt", "1/(2*sqrt(y))"),
        _rule("exp", "exp(y)"),
        _rule("sin", "cos(y)"),
        _rule("cos", "-sin(y)"),
        _rule("tanh", "1 - tanh(y)^2"),
        _rule("sigmoid", "sigmoid(y)*(1 - sigmoid(y))"),
        _rule("relu", "y"),
    ),
    _entry(
        "exp_power_rule",
        _ELEMENTARY,
        "d(e^x) = x*e^(x - 1)",
        "the power rule is for a fixed exponent: here it is the exponent that moves",
        _rule("exp", "x*exp(x - 1)"),
        _rule("pow", (None, "b*a^(b - 1)"), constant="a"),
    ),
    _entry(
        "log_base_ten",
        _ELEMENTARY,
        "log to base 10",
        "log is the natural logarithm here",
        Value({"log": ("log10(x)", ("1/(x*log(10))",))}),
        Value({"log": ("log10(x)", (None,))}),
        _rule("log", "1/(x*log(10))"),
    ),
    _entry(
        "sin_cos_sign",
        _ELEMENTARY,
        "sin' = -cos, cos' = sin",
        "one of the derivatives of sin and cos has a minus: look which one",
        _rule("sin", "-cos(x)"),
        _rule("cos", "sin(x)"),
    ),
    _entry(
        "degrees_for_radians",
        _ELEMENTARY,
        "sin(x degrees)",
        "angles are in radians: look at the calculator's mode",
        Value(
            {
                op: (f"{op}(x*pi/180)", (slope,))
                for op, slope in (
                    ("sin", "cos(x*pi/180)"),
                    ("cos", "-sin(x*pi/180)"),
                    ("tan", "1 + tan(x*pi/180)^2"),
                )
            }
        ),
    ),
    _entry(
        "quotient_rule_swapped",
        _QUOTIENT,
        "(f*g' - f'*g)/g^2",
        "look at the order of the two terms in the quotient rule",
        _rule("div", ("-1/b", "a/b^2"), varying="a"),
    ),
    _entry(
        "quotient_denominator_not_squared",
        _QUOTIENT,
        "(f'*g - f*g')/g",
        "the quotient rule has the square of what is below",
        _rule("div", ("1", "-a/b"), varying="a"),
    ),
    _entry(
        "quotient_of_derivatives",
        _QUOTIENT,
        "(f/g)' = f'/g'",
        "the derivative of a quotient is not the quotient of the derivatives",
        Word("quotient_of_derivatives"),
    ),
    _entry(
        "sub_second_sign",
        _SIGN,
        "d(a - b)/db = +1",
        "what is subtracted has a minus in its local derivative",
        _rule("sub", (None, "1")),
    ),
    _entry(
        "neg_ignored",
        _SIGN,
        "d(-u) = +1",
        "look at the minus before this step's input",
        _rule("neg", "1"),
        _rule("mul", ("-b", None), constant="b < 0"),
        _rule("mul", (None, "-a"), constant="a < 0"),
        Value({"neg": ("x", ("1",))}),
    ),
    _entry(
        "squared_loss_factor_two",
        _LOSS,
        "the 1/2 before a square, or the 2 from it, is lost",
        "look at the factor before the square, and at the one that comes from it",
        _rule("mul", (None, "1"), constant="a == 0.5"),
        _rule("mul", ("1", None), constant="b == 0.5"),
        _rule("div", ("1", None), constant="b == 2"),
        Word("square_of_error"),
    ),
    _entry(
        "error_sign",
        _LOSS,
        "t - p for p - t",
        "look at which is subtracted from which",
        Word("error_sign"),
    ),
    _entry(
        "target_sign",
        _LOSS,
        "p + t for p - t",
        "look at the sign of the target",
        Value({"sub": ("a + b", (None, "1"))}),
    ),
    _entry(
        "max_routed_to_both",
        _ROUTE,
        "both inputs of a maximum get the adjoint",
        "max routes: one of its inputs gets what arrives",
        Word("routed_to_both"),
    ),
    _entry(
        "max_routed_to_loser",
        _ROUTE,
        "the smaller input of a maximum gets the adjoint",
        "max routes to the input that it has chosen",
        Word("routed_to_loser"),
    ),
    _entry(
        "relu_passed_when_blocked",
        _ROUTE,
        "relu' = 1 below 0",
        "look at the sign of what goes into the rectifier",
        Word("passed"),
    ),
    _entry(
        "relu_blocked_when_passing",
        _ROUTE,
        "relu' = 0 above 0",
        "look at the sign of what goes into the rectifier",
        Word("blocked"),
    ),
    _entry(
        "inner_derivative_missing",
        _CHAIN,
        "cos(x^2) for 2x*cos(x^2)",
        "the chain rule has the derivative of what is inside as well",
        Word("inner_missing"),
    ),
    _entry(
        "outer_at_x",
        _CHAIN,
        "f'(x)*g'(x)",
        "the outer derivative is taken at what the inner function gives",
        Word("outer_at_x"),
    ),
    _entry(
        "outer_at_derivative_of_inner",
        _CHAIN,
        "f'(g'(x))",
        "the derivatives of the outer and of the inner function are multiplied, not put into one another",
        Word("outer_at_slope"),
    ),
    _entry(
        "upstream_factor_missing",
        _CHAIN,
        "the local derivative written as dz/di",
        "what arrives from above is a factor of what is handed on",
        Word("upstream_missing"),
    ),
    _entry(
        "local_factor_missing",
        _CHAIN,
        "dz/do passed through unchanged",
        "what is handed on is what arrives times the local derivative",
        Word("local_missing"),
    ),
    _entry(
        "fanout_one_branch_only",
        _FANOUT,
        "one use of several",
        "look how often this is used: what comes back along every use is added up",
        Word("one_branch"),
    ),
    _entry(
        "fanout_product",
        _FANOUT,
        "the uses multiplied",
        "what comes back along several uses is added up: a branch adds up",
        Word("multiplied"),
    ),
    _entry(
        "fanout_averaged",
        _FANOUT,
        "the mean of the uses",
        "what comes back along several uses is added up, and not divided",
        Word("averaged"),
    ),
    _entry(
        "fanout_subtracted",
        _FANOUT,
        "one use minus the other",
        "what comes back along several uses is added up with the signs that it has",
        Word("subtracted"),
    ),
    _entry(
        "value_for_adjoint",
        _MIXED,
        "the node's value where its adjoint belongs",
        "this is asked for the derivative dz/do, not for the output o",
        Word("value_for_adjoint"),
    ),
    _entry(
        "transposed_weights",
        _MATRIX,
        "W @ g for W' @ g",
        "look at the shapes: which of W and its transpose carries the adjoint back",
        Word("transposed_weights"),
    ),
    _entry(
        "outer_product_transposed",
        _MATRIX,
        "outer(x, g) for outer(g, x)",
        "look at which factor of the outer product belongs to the rows",
        Word("outer_transposed"),
    ),
    _entry(
        "sum_over_wrong_index",
        _MATRIX,
        "added up over the other index",
        "look at the index that the sum runs over: it is the one that the variable does not have",
        Word("wrong_index"),
    ),
    _entry(
        "bias_not_summed_over_batch",
        _BATCH,
        "one row's adjoint for the bias",
        "the bias is used in every row: a branch adds up",
        Word("not_summed"),
    ),
    _entry(
        "mean_for_sum",
        _BATCH,
        "the mean of the rows for their sum, or their sum for the mean",
        "look whether it is a sum or a mean",
        Word("mean_for_sum"),
    ),
    _entry(
        "softmax_label_forgotten",
        _SOFTMAX,
        "p for p - t",
        "the label has a part in the derivative of softmax with its loss",
        Word("label_forgotten"),
    ),
    _entry(
        "softmax_diagonal_only",
        _SOFTMAX,
        "p*(1 - p)",
        "every entry of softmax depends on all of its inputs",
        Word("diagonal_only"),
    ),
    _entry(
        "softmax_wrong_label",
        _SOFTMAX,
        "the 1 subtracted from another entry",
        "look at which entry has the label",
        Word("wrong_label"),
    ),
    _entry(
        "loss_sign",
        _LOSS,
        "all derivatives times -1",
        "look at the sign of the loss",
        Word("all_negative"),
    ),
    _entry(
        "answers_swapped",
        _MIXED,
        "two answers in each other's place",
        "look at which answer belongs where",
        Word("answers_swapped"),
    ),
    _entry(
        "point_swapped",
        _MIXED,
        "two variables' values exchanged",
        "look at which variable has which value",
        Word("point_swapped"),
    ),
    _entry(
        "wrong_constant_used",
        _SLIP,
        "another constant of the formula, or one next to it",
        "look at the constants of this step",
        Word("wrong_constant"),
    ),
    _entry(
        "sign_flipped",
        _SLIP,
        "the number with the other sign",
        "look at the sign",
        Word("sign_flipped"),
    ),
    _entry(
        "decimal_shift",
        _SLIP,
        "the number times a power of ten",
        "look at the place of the decimal sign",
        Word("decimal_shift"),
    ),
    _entry(
        "digit_transposition",
        _SLIP,
        "two digits exchanged",
        "look at the order of the digits",
        Word("digit_transposition"),
    ),
    _entry(
        "truncated",
        _SLIP,
        "the digits cut off instead of rounded",
        "the last digit is rounded, not cut off",
        Word("truncated"),
    ),
)
"""Every misconception, by family; of equal evidence those that stand first are named first."""

BY_NAME = {entry.name: entry for entry in CATALOGUE}
