"""Vectors and matrices in the formula language: what each text means, held by its graph and its reading."""

from __future__ import annotations

import contextlib
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backpropcli import primitives
from backpropcli.errors import BackpropError
from backpropcli.exporting.infix import write
from backpropcli.graph import CONSTANT, VARIABLE, Graph
from backpropcli.language.program import build, read
from backpropcli.language.reading import reading
from backpropcli.language.terms import MAX_AXES, MAX_ENTRIES


def graph(text: str, *bound: str, **structure: float) -> Graph:
    return build(read(text, bound, structure=structure))


def shown(text: str, **structure: float) -> str:
    """The graph as calls, which say more than the signs of the language."""
    made = graph(text, **structure)
    texts: list[str] = []
    for op, args, attribute in made.nodes:
        if op in (VARIABLE, CONSTANT):
            texts.append(f"{attribute:g}" if isinstance(attribute, float) else str(attribute))
        else:
            texts.append(f"{op}({', '.join([texts[j] for j in args])})")
    return texts[made.outputs[0]]


READINGS = {
    # literals
    "[1, 2, 3]": "[1, 2, 3]",
    "[1,2;3,-4]": "[1, 2; 3, -4]",
    "[[1, 2], [3, 4]]": "[1, 2; 3, 4]",
    "[1; 2]": "[1; 2]",
    "[[[1, 2], [3, 4]]]": "[[[1, 2], [3, 4]]]",
    "[1, (2)]": "[1, 2]",
    "[+1, - 2]": "[1, -2]",
    "[x]": "[x]",
    "[x, y, x+y]": "[x, y, x + y]",
    "[x, 1; 2, y]": "[[x, 1], [2, y]]",
    "[1, 2; x, y]": "[[1, 2], [x, y]]",
    "[1,\n 2;\n 3,\n 4\n]": "[1, 2; 3, 4]",
    "[|x|, |y|; x, y]": "[[abs(x), abs(y)], [x, y]]",
    "[x > 0 ? 1 : 2, 3]": "[if(x > 0, 1, 2), 3]",
    "[1, 2][0]": "[1, 2][0]",
    "[1, 2]x": "[1, 2]*x",
    "2*[1, 2]": "2*[1, 2]",
    "-[1, 2]": "-[1, 2]",
    "(x + 1)*[1, 2]'": "(x + 1)*[1, 2]'",
    "[1, 2]''(x + 1)": "[1, 2]''*(x + 1)",
    # indices
    "x[0]": "x[0]",
    "x [0]": "x[0]",
    "x[0]y": "x[0]*y",
    "2x[0]": "2*x[0]",
    "x[0][1]": "x[0][1]",
    "W[0, 1]": "W[0, 1]",
    "W[-1, :]": "W[-1, :]",
    "x[1:3]": "x[1:3]",
    "x[1:]": "x[1:]",
    "x[:3]": "x[:3]",
    "x[::2]": "x[::2]",
    "x[1::2]": "x[1::2]",
    "x[:3:2]": "x[:3:2]",
    "x[1:3:2]": "x[1:3:2]",
    "x[1:3:]": "x[1:3]",
    "x[::]": "x[:]",
    "x[::-1]": "x[::-1]",
    "(a+b)[0]": "(a + b)[0]",
    "sin(x)[1]": "sin(x)[1]",
    "sin x[1]": "sin(x[1])",
    "|x|[1]": "abs(x)[1]",
    "x[0]^2": "x[0]^2",
    "x^n[0]": "x^n[0]",
    "x[0]!": "factorial(x[0])",
    "x![0]": "factorial(x)[0]",
    "x[2-1]": "x[2 - 1]",
    "x[\n0\n]": "x[0]",
    "-x[0]": "-x[0]",
    "(-2)[0]": "(-2)[0]",
    "(2)[0]": "(2)[0]",
    "sum(w[k]*x[k+1], k, 0, 2)": "sum(w[k]*x[k + 1], k, 0, 2)",
    # transposes
    "A'": "A'",
    "A''": "A''",
    "Aᵀ": "A'",
    "A'B": "A'*B",
    "A'[0]": "A'[0]",
    "A[0]'": "A[0]'",
    "A'^2": "A'^2",
    "2A'": "2*A'",
    "(A + B)'": "(A + B)'",
    "sin(A)'": "sin(A)'",
    "sin A'": "sin(A')",
    "x'!": "factorial(x')",
    # products
    "W@x + b": "(W @ x) + b",
    "A@B@C": "(A @ B) @ C",
    "a*b@c": "(a*b) @ c",
    "a/b@c": "(a/b) @ c",
    "2A@B": "(2*A) @ B",
    "A@2B": "A @ (2*B)",
    "A@-2B": "A @ (-(2*B))",
    "-A@B": "(-A) @ B",
    "A@B^2": "A @ (B^2)",
    "A@\nB": "A @ B",
    # arguments by name, reductions
    "sum(A)": "sum(A)",
    "sum(A, axis=0)": "sum(A, axis=0)",
    "sum(A,\n axis=0)": "sum(A, axis=0)",
    "sum(A, axis=-1)": "sum(A, axis=-1)",
    "sum(axis=1, x=A)": "sum(A, axis=1)",
    "sum(A, 1)": "sum(A, axis=1)",
    "atan2(b=x, a=y)": "atan2(y, x)",
    "log(x, b=2)": "log_base(x, 2)",
    "f(t, s) = t - s; f(s=2, t=x)": "f(t, s) = t - s; f(x, 2)",
    "max(A)": "max(A)",
    "max(A, 0)": "max(A, 0)",
    "sum([1, 2; 3, 4], axis=0)": "sum([1, 2; 3, 4], axis=0)",
    "concat(A, B)": "concat(A, B)",
    "concat(A, B, axis=1)": "concat(A, B, axis=1)",
    "concat(A, [1, 2; 3, 4], axis=-1)": "concat(A, [1, 2; 3, 4], axis=-1)",
    # programs
    "W = [1, 2; 3, 4]; x = [1, 1]; W@x": "W = [1, 2; 3, 4]; x = [1, 1]; W @ x",
    "x = [1, 2], y = 3; x*y": "x = [1, 2]; y = 3; x*y",
    "A = [1, 2; 3, 4]; 2 + A'(x + 1)": "A = [1, 2; 3, 4]; 2 + (A'*(x + 1))",
    "W = [1, 2\n;3, 4]\nW[0]": "W = [1, 2; 3, 4]; W[0]",
    "f(A) = A'[0]; f(W)": "f(A) = A'[0]; f(W)",
    "n = 1; x[n + 1]": "n = 1; x[n + 1]",
}


@pytest.mark.parametrize("text", READINGS)
def test_an_array_formula_is_read_as_the_language_says(text: str) -> None:
    assert reading(read(text)) == READINGS[text]


@pytest.mark.parametrize("text", READINGS)
def test_a_reading_reads_as_itself_and_as_the_same_graph(text: str) -> None:
    again = READINGS[text]
    assert reading(read(again)) == again
    assert shown(again) == shown(text)


GRAPHS = {
    "[1, 2, 3]": "(1.0, 2.0, 3.0)",
    "[1, 2; 3, -4]": "((1.0, 2.0), (3.0, -4.0))",
    "[x, 1]": "stack(x, 1)",
    "[x, y; 1, 2]": "stack(stack(x, y), (1.0, 2.0))",
    "[pi/2, 1][1]": "index(stack(div(3.14159, 2), 1), 1)",
    "x[0]": "index(x, 0)",
    "x[1:, -1]": "index(x, slice(1, inf, inf), -1)",
    "sum(w[k]*x[k + 1], k, 0, 1)": "add(mul(index(w, 0), index(x, 1)), mul(index(w, 1), index(x, 2)))",
    "sum(x[2*k:2*k + 2], k, 0, 0)": "index(x, slice(0, 2, inf))",
    "sum(sum(W[j, k], j, 0, k), k, 0, 1)": "add(index(W, 0, 0), add(index(W, 0, 1), index(W, 1, 1)))",
    "prod([k, 2], k, 1, 2)": "mul((1.0, 2.0), (2.0, 2.0))",
    "f(a) = [a, 1]; f(2) + x": "add((2.0, 1.0), x)",
    "A'@x": "matmul(transpose(A), x)",
    "sum(A)": "sum(A, inf)",
    "sum(A, axis=0)": "sum(A, 0)",
    "max(A)": "max(A)",
    "concat(A, B)": "concat(A, B)",
    "concat(A, B, axis=1)": "concat_along(1, A, B)",
    "index(x, i)": "index(x, i)",
    "place(g, shape(x), 1:3)": "place(g, shape(x), slice(1, 3, inf))",
}


@pytest.mark.parametrize("text", GRAPHS)
def test_arrays_are_nodes_of_the_graph(text: str) -> None:
    assert shown(text) == GRAPHS[text]


TERMS = {
    "[1, 2; 3, 4]": "number '[1, 2; 3, 4]'",
    "[[1], [2]]": "number '[[1], [2]]'",
    "[ x, 1 ]": "name 'x' number '1' stack '[ x, 1 ]'",
    "[x, 1; 2, 3]": "name 'x' number '1' stack 'x, 1' number '2, 3' stack '[x, 1; 2, 3]'",
    "(x)[0, 1:]": "name 'x' number '0' number '1' number '' number '' slice '1:' index '(x)[0, 1:]'",
    "A''": "name 'A' transpose 'A'' transpose 'A'''",
    "W @ x": "name 'W' name 'x' matmul 'W @ x'",
    "sum(A, axis=0)": "name 'A' number '0' sum 'sum(A, axis=0)'",
}


@pytest.mark.parametrize("text", TERMS)
def test_every_part_of_an_array_formula_has_its_place(text: str) -> None:
    terms = read(text).written[0]
    parts = [f"{term.op} '{text[term.span.start : term.span.end]}'" for term in terms]
    assert " ".join(parts) == TERMS[text]


def test_a_semicolon_in_brackets_ends_no_statement() -> None:
    assert reading(read("f(t) = t; W = [1, 2; 3, x]; f([y; sin(x)])")) == (
        "f(t) = t; W = [[1, 2], [3, x]]; f([[y], [sin(x)]])"
    )
    assert reading(read("q = [x; max(x,\n y); f(2)]\nf(t) = t\nq")) == ("q = [[x], [max(x, y)], [f(2)]]; f(t) = t; q")


def test_an_index_may_be_a_name_that_is_given_a_value() -> None:
    assert shown("x[n + 1]*n", n=1.0) == "mul(index(x, 2), 1)"
    assert shown("n = 2 - 1; x[n]") == "index(x, 1)"
    program = read("n = 1; x[n]", structure={"n": 3.0})
    assert program.structure == {"n": 3.0}


def test_a_functions_parameter_is_none_of_the_names_that_are_given() -> None:
    assert shown("f(n) = n^2; f(y) + x[n]", n=2.0) == "add(pow(y, 2), index(x, 2))"


def test_a_reduction_along_an_axis_may_have_the_name_of_an_elementwise_function() -> None:
    for name in ("max", "min"):
        if f"{name}_over" in primitives.TABLE:
            assert shown(f"{name}(A, axis=0)") == f"{name}_over(A, 0)"
            assert reading(read(f"{name}(A, axis=0)")) == f"{name}(A, axis=0)"
        assert shown(f"{name}(A, 0)") == f"{name}(A, 0)"


def test_an_array_of_numbers_is_a_binding() -> None:
    program = read("W = [1, 2; 3, 4]; c = [pi, 1][0]; W*c*[y, 1]")
    assert list(program.bindings) == ["W", "c"]


def test_a_large_array_of_numbers_is_one_constant_and_quick() -> None:
    numbers = ", ".join([f"{k}.5" for k in range(20_000)])
    started = time.perf_counter()
    made = build(read(f"[{numbers}]*x", max_chars=None))
    assert time.perf_counter() - started < 10.0
    assert len(made.nodes) == 3
    assert reading(read(f"[{numbers}]", max_chars=None)) == f"[{numbers}]"


def test_arrays_of_expressions_have_a_limit_of_their_own() -> None:
    assert len(build(read(f"[{', '.join(['x'] * MAX_ENTRIES)}]", max_chars=None)).nodes[1].args) == MAX_ENTRIES
    with pytest.raises(BackpropError, match="10,001 entries"):
        read(f"[{', '.join(['x'] * (MAX_ENTRIES + 1))}]", max_chars=None)


@pytest.mark.parametrize("entry", ["1", "x"])
def test_an_array_has_thirty_two_axes_at_most(entry: str) -> None:
    read("[" * MAX_AXES + entry + "]" * MAX_AXES)
    with pytest.raises(BackpropError, match="at most 32 axes"):
        read("[" * (MAX_AXES + 1) + entry + "]" * (MAX_AXES + 1))
    with pytest.raises(BackpropError, match="at most 32 axes"):
        read("([" * (MAX_AXES + 1) + entry + "])" * (MAX_AXES + 1))
    with pytest.raises(BackpropError, match="at most 32 axes"):
        read(f"x[{', '.join(['0'] * (MAX_AXES + 1))}]")


N = 20_000
DEEP = {
    "only opening": "[" * N,
    "only closing": "]" * N,
    "brackets": "[" * N + "x" + "]" * N,
    "indices of indices": "x[" * N + "0" + "]" * N,
    "indices": "x" + "[0]" * N,
    "transposes": "x" + "'" * N,
    "semicolons": "[" + ";" * N,
    "rows": "[" + "1;" * N + "1]",
    "mixed": "[(" * N,
    "colons": "x[" + ":" * N + "]",
    "names": "f(" + "a=1," * N + "a=1)",
    "commas": "[" + "," * N + "]",
    "sums": "[x + " * N + "x" + "]" * N,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_and_long_brackets_are_answered_quickly(text: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(BackpropError):
        build(read(text, max_chars=None), max_nodes=None)
    assert time.perf_counter() - started < 10.0


# Random formulas over arrays: what is read, and what is written, reads back as the same.

NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number!r}")
WHOLE = st.integers(-3, 12).map(str)
BOUNDS = st.one_of(st.just(""), WHOLE)
SLICES = st.one_of(
    st.tuples(BOUNDS, BOUNDS).map(":".join),
    st.tuples(BOUNDS, BOUNDS, WHOLE.filter(lambda step: step != "0")).map(":".join),
)
LEAVES = st.one_of(st.sampled_from(["x", "y", "A", "W_1", "pi", "e", "[1, 2]", "[1, 2; 3, 4]"]), NUMBERS)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def arrays(entries: list[str]) -> str:
        return f"[{', '.join(entries)}]"

    return st.one_of(
        st.tuples(st.sampled_from("+-*/@^"), inner, inner).map(lambda t: f"({t[1]}) {t[0]} ({t[2]})"),
        st.lists(inner.map(lambda text: f"({text})"), min_size=1, max_size=3).map(arrays),
        st.tuples(inner, st.lists(st.one_of(WHOLE, SLICES), min_size=1, max_size=3)).map(
            lambda t: f"({t[0]})[{', '.join(t[1])}]"
        ),
        inner.map(lambda text: f"({text})'"),
        inner.map(lambda text: f"-({text})"),
        inner.map(lambda text: f"sin({text})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        inner.map(lambda text: f"sum({text})"),
        st.tuples(inner, WHOLE).map(lambda t: f"sum({t[0]}, axis={t[1]})"),
        inner.map(lambda text: f"({text}) > 0 ? x : y"),
    )


FORMULAS = st.recursive(LEAVES, _larger, max_leaves=12)


def _nodes(made: Graph) -> str:
    return repr(made.nodes)


@given(FORMULAS)
@settings(deadline=None)
def test_random_array_formulas_read_back_from_their_reading(text: str) -> None:
    try:
        program = read(text)
    except BackpropError:
        return
    again = reading(program)
    assert reading(read(again)) == again
    assert _nodes(build(read(again))) == _nodes(build(program))


@given(FORMULAS)
@settings(deadline=None)
def test_random_array_formulas_read_back_from_what_is_written(text: str) -> None:
    try:
        made = graph(text)
    except BackpropError:
        return
    assert _nodes(graph(write(made, ["z"], inline=True))) == _nodes(made)


def test_no_number_is_without_end_in_what_is_written() -> None:
    assert "inf" not in write(graph("sum(x[1:] + A[::2, :])"), ["z"])
    assert math.isinf(primitives.ALL)
