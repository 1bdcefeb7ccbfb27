"""Vectors, matrices and their Jacobians in every format: what lectures print, at any width, with every digit."""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import shlex
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reports import (
    LAYER,
    LAYER_POINT,
    REPORTS,
    batch,
    layer,
    layer_asked,
    layer_steps,
    long_arrays,
    named_array,
    softmax,
)
from test_rendering import ESCAPES, HOSTILE, NAMES, rendered

from backpropcli import Formula, Report, primitives
from backpropcli.errors import HIDDEN_CATEGORIES
from backpropcli.passes.wording import Words
from backpropcli.rendering import Style, formats
from backpropcli.rendering._schema import SCHEMA
from backpropcli.report import ADJOINT, SHOWN, Edge, Jacobian, Row

CASES = sorted((Path(__file__).parent / "cases" / "arrays").glob("*.txt"))
ARRAYS = {"layer": layer, "layer_asked": layer_asked, "layer_steps": layer_steps, "softmax": softmax, "batch": batch}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def case(command: str) -> str:
    """What a case prints: `FORMULA [NAME=VALUE ...] [--format F] [--width N] [--digits N] [--ascii] [--ask WHAT]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("formula")
    parser.add_argument("point", nargs="*")
    parser.add_argument("--format", default="table", choices=formats())
    parser.add_argument("--width", type=int)
    parser.add_argument("--digits", type=int, default=6)
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--mode", default="reverse")
    parser.add_argument("--nodes", default="gates")
    parser.add_argument("--jacobian", action="store_true")
    asked = parser.parse_args(shlex.split(command))
    point = {name: json.loads(value) for name, _, value in (pair.partition("=") for pair in asked.point)}
    report = Formula(asked.formula).at(
        point, mode=asked.mode, nodes=asked.nodes, jacobian=asked.jacobian, latex=asked.format == "latex"
    )
    return rendered(report, Style(asked.width, digits=asked.digits, unicode=not asked.ascii), asked.format)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_prints_what_it_printed(path: Path) -> None:
    command, expected = path.read_text(encoding="utf-8").split("\n---\n", 1)
    assert case(command) == expected


# Lectures


def edges(report: Report) -> Iterator[tuple[Row, Edge, Jacobian]]:
    """The edges with an array at an end."""
    for row in report.rows:
        for edge in row.inputs:
            if isinstance(edge.partial, Jacobian):
                yield row, edge, edge.partial


def as_matrix(row: Row, partial: Jacobian) -> Any:
    """The entries of a local derivative, the output's row by row."""
    return np.array(partial.entries).reshape(np.size(row.output), -1)


@pytest.mark.parametrize("name", ["layer", "softmax", "layer_steps"])
def test_the_derivative_by_an_input_is_that_by_the_output_times_the_jacobian(name: str) -> None:
    # dl/dh (1 x n) = dl/do (1 x m) . do/dh (m x n)
    found = 0
    for row, edge, partial in edges(ARRAYS[name]()):
        if partial.entries is not None and edge.contribution is not None and row.adjoint is not None:
            product = np.ravel(row.adjoint) @ as_matrix(row, partial)
            np.testing.assert_allclose(product, np.ravel(edge.contribution), rtol=1e-14, atol=1e-16)
            found += 1
    assert found >= 4


def test_the_contributions_of_the_uses_add_up_to_the_adjoint() -> None:
    report = Formula("s = sigmoid(x); sum(s*x + s)").at(x=[1.0, -2.0])
    row = report.rows[0]
    assert len(row.uses) == 2
    np.testing.assert_allclose(sum(np.array(use.contribution) for use in row.uses), row.adjoint, rtol=1e-15)


def test_the_product_of_a_row_and_a_matrix_goes_back_as_on_the_slide() -> None:
    # y = xW: dL/dx = dL/dy W', dL/dW = x' dL/dy
    text = "y = x @ W; L = sum(y*c)"
    weights, costs = [[1, 2, 3], [4, 5, 6]], [[1, 0, -1]]
    row = rendered(Formula(text).at(x=[[1, 2]], W=weights, c=costs), Style(120)).split("Backward")[1]
    assert "x   dL/do @ Wᵀ = [-2  -2]" in row
    assert "W   xᵀ @ dL/do = ⎡1  0  -1⎤" in row
    assert "              = ⎣2  0  -2⎦".replace("= ", "  ") in row
    vector = rendered(Formula(text).at(x=[1, 2], W=weights, c=costs[0]), Style(120))
    assert re.search(r"x  = \[1, 2\] .* Wᵀ = ⎡1  4⎤$", vector, re.M)
    assert "x   W @ dL/do = [-2, -2]" in vector
    assert "W   xᵀ @ dL/do = ⎡1  0  -1⎤" in vector


def test_a_bias_is_repeated_and_its_derivative_adds_up() -> None:
    report = Formula("sum((X @ W + b)^2)").at(X=[[1, 2], [3, 4], [5, 6]], W=[[1, 0], [0, 1]], b=[0.5, 1])
    row = next(row for row in report.rows if row.op == "expand")
    assert (row.label, row.formula) == ("expand(·)", "expand(b)")
    assert row.inputs[0].partial.structure == "broadcast"  # type: ignore[union-attr]
    assert row.inputs[0].rule == "sum(dz/do)"
    text = rendered(report, Style(80))
    assert re.search(r"expand\(·\) +b  = \[0.5, 1\] ", text)


def test_softmax_with_cross_entropy_is_what_comes_out_less_what_should() -> None:
    logits, target = [1.0, 0.5, -2.0], [0.0, 1.0, 0.0]
    p = np.exp(logits) / np.sum(np.exp(logits))
    for text in ("-sum(t*log(softmax(z)))", "cross_entropy(z, t)"):
        report = Formula(text).at(z=logits, t=target, wrt=["z"])
        np.testing.assert_allclose(report.grad["z"], p - target, rtol=1e-12)  # type: ignore[index]
        shown = rendered(report, Style(80, only="grad"))
        assert shown == f"dz2/dz = [{', '.join(f'{entry:.6g}' for entry in p - target)}]\n".replace(
            "dz2", f"d{report.output}"
        )
    row = Formula("sum(softmax(z)*z)").at(z=logits).rows[0]
    np.testing.assert_allclose(row.inputs[0].partial.entries, np.diag(p) - np.outer(p, p), rtol=1e-12)  # type: ignore[union-attr]
    assert row.inputs[0].partial.structure == "diag(o) - o o'"  # type: ignore[union-attr]


# Structures and rules say what the entries are


STRUCTURES: Mapping[str, Callable[[Mapping[str, Any], Any, int, int], Any]] = {
    "I": lambda _, __, m, n: np.eye(m, n),
    "-I": lambda _, __, m, n: -np.eye(m, n),
    "0": lambda _, __, m, n: np.zeros((m, n)),
    "ones": lambda _, __, m, n: np.ones((m, n)),
    "ones/n": lambda _, __, m, n: np.full((m, n), 1 / n),
    "ones on the diagonal": lambda _, __, m, n: np.eye(math.isqrt(n)).reshape(m, n),
    "triangle of ones": lambda _, __, m, n: np.tril(np.ones((m, n))),
    "W": lambda given, _, __, ___: given["W"],
    "W'": lambda given, _, __, ___: given["W"].T,
    "x'": lambda given, _, __, ___: given["x"].reshape(1, -1),
    "y'": lambda given, _, __, ___: given["y"].reshape(1, -1),
    "I ⊗ x'": lambda given, _, m, __: np.kron(np.eye(m), given["x"].reshape(1, -1)),
    "x' ⊗ I": lambda given, _, m, __: np.kron(given["x"].reshape(1, -1), np.eye(m)),
    "I ⊗ y": lambda given, _, __, n: np.kron(np.eye(n), given["y"].reshape(-1, 1)),
    "x ⊗ I": lambda given, _, __, n: np.kron(given["x"].reshape(-1, 1), np.eye(n)),
    "I ⊗ B'": lambda given, _, __, n: np.kron(np.eye(n // len(given["B"])), given["B"].T),
    "A ⊗ I": lambda given, _, m, __: np.kron(given["A"], np.eye(m // len(given["A"]))),
    "-o ⊗ o'": lambda _, o, __, ___: -np.kron(o, o.T),
    "inv(W)": lambda given, _, __, ___: np.linalg.inv(given["W"]),
    "inv(W) ⊗ I": lambda given, o, __, ___: np.kron(np.linalg.inv(given["W"]), np.eye(o.shape[1])),
    "-inv(W) ⊗ o'": lambda given, o, _, __: (
        -np.kron(np.linalg.inv(given["W"]), o.T if o.ndim > 1 else o.reshape(1, -1))
    ),
    "diag(o) - o o'": lambda _, o, __, ___: np.diag(o) - np.outer(o, o),
    "I - 1 exp(o)'": lambda _, o, m, __: np.eye(m) - np.outer(np.ones(m), np.exp(o)),
}
GIVEN = {
    "W": [[2.0, -0.5], [0.75, 1.5]], "A": [[1.0, 2.0], [3.0, 5.0]], "B": [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]],
    "x": [0.5, -1.25], "y": [3.0, 0.25],
}  # fmt: skip
PLAIN = (
    "W @ x", "x @ W", "A @ B", "x @ y", "outer(x, y)", "x + y", "x - y", "sum(x)", "mean(x)", "trace(W)", "inv(W)",
    "cumsum(x)", "solve(W, x)", "solve(W, B)", "softmax(x)", "log_softmax(x)", "reshape(W, [4])",
)  # fmt: skip
GATHERED = (
    "norm(x)", "var(x)", "std(x)", "logsumexp(x)", "prod(x)", "max(x)", "min(x)", "mse(x, y)", "sigmoid(x)", "x*y",
    "x/y", "x^2", "exp(x)",
)  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_a_structure_is_the_matrix_that_it_names(text: str) -> None:
    given = {name: np.array(value) for name, value in GIVEN.items()}
    formula = Formula(text)
    report = formula.at({name: GIVEN[name] for name in formula.variables}, jacobian=True)
    row = report.rows[-1]
    for edge in row.inputs:
        partial = edge.partial
        assert isinstance(partial, Jacobian)
        assert partial.entries is not None
        entries = as_matrix(row, partial)
        named = STRUCTURES[partial.structure](given, np.array(row.output), *entries.shape)
        np.testing.assert_allclose(entries, named, rtol=1e-12, atol=1e-15)


def column(value: Any) -> Any:
    """A vector as a matrix with one column."""
    return np.reshape(value, (-1, 1)).tolist() if np.ndim(value) == 1 else value


@pytest.mark.parametrize("text", [*PLAIN, *GATHERED])
def test_a_rule_computes_what_comes_back(text: str) -> None:
    """The texts are formulas of the language over columns, but for signs of a slide; `repeat` is broadcasting."""
    formula = Formula(text)
    point = {name: GIVEN[name] for name in formula.variables}
    value = np.array(formula.value(point))
    seed = np.linspace(1.0, 2.0, value.size).reshape(value.shape)
    row = formula.at(point, vjp=seed.tolist() if value.shape else [1.0]).rows[-1]
    for edge in row.inputs:
        if edge.rule is None or edge.rule == "reshape(dz/do)" or edge.rule.startswith("diag(repeat"):
            assert text in ("cumsum(x)", "softmax(x)", "log_softmax(x)", "prod(x)", "trace(W)", "reshape(W, [4])")
            continue
        rule = edge.rule.replace(ADJOINT, "g").replace("ᵀ", "'").replace("·", "*").replace("σ", "sigmoid")
        # As on the slide of y = x @ W, where x and g are rows.
        rule = rule.replace("x' @ g", "outer(x, g)")
        wanted = Formula(rule.replace("repeat(g)", "g"))
        known = {**point, "g": row.adjoint, "o": row.output}
        shape = column if text in PLAIN and "outer(x, " not in rule and text != "outer(x, y)" else lambda value: value
        found = np.array(wanted.value({name: shape(known[name]) for name in wanted.variables}))
        if ADJOINT not in edge.rule:
            found = found * np.array(shape(row.adjoint))
        contribution = np.array(shape(edge.contribution))
        np.testing.assert_allclose(np.broadcast_to(found, contribution.shape), contribution, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in primitives.on_arrays() if name != "shape"])
def test_every_operation_on_arrays_is_worded(name: str) -> None:
    entry = primitives.TABLE[name]
    words = Words()
    for sample in entry.samples:
        names = [entry.names[min(k, len(entry.names) - 1)] for k in range(len(sample))]
        numbers = [value if key in entry.static else None for key, value in zip(names, sample, strict=True)]
        wording = words.gate(name, numbers)
        told = [wording.formula, wording.label, *wording.rules, *wording.structures]
        assert not any(re.search(r"[{}]|\binf\b|\bshape\b", text) for text in told if text is not None), told
        assert len(wording.structures) == len(wording.rules) == numbers.count(None)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("W @ x", ["dz/do @ xᵀ", "Wᵀ @ dz/do"]),
        ("A @ B", ["dz/do @ Bᵀ", "Aᵀ @ dz/do"]),
        ("W'", ["(dz/do)ᵀ"]),
        ("x[1]", ["dz/do at [1]"]),
        ("W[:, 0]", ["dz/do at [:, 0]"]),
        ("sum(W, axis=0)", ["repeat(dz/do, axis=0)"]),
        ("max(x)", ["x == o"]),
        ("norm(x)", ["x/o"]),
        ("inv(W)", ["-oᵀ @ dz/do @ oᵀ"]),
        ("[x, y]", ["dz/do[0]", "dz/do[1]"]),
        ("reshape(x, [2, 1])", ["reshape(dz/do)"]),
        ("softmax(x)", [None]),
    ],
)
def test_rules_read_as_a_lecture_writes_them(text: str, rules: list[str | None]) -> None:
    formula = Formula(text)
    report = formula.at({name: GIVEN[name] for name in formula.variables}, jacobian=True)
    assert [edge.rule for edge in report.rows[-1].inputs] == rules


def test_a_structure_tells_its_axis_where_there_are_several() -> None:
    structures = {
        text: next(edges(Formula(text).at(x=[1.0, 2.0], W=GIVEN["W"], jacobian=True, wrt=None)))[2].structure
        for text in ("softmax(x) + W[0]*0", "sum(W, axis=1) + 0*x")
    }
    assert list(structures.values()) == ["diag(o) - o o'", "ones along axis 1"]


def test_an_edge_without_a_path_is_0() -> None:
    report = Formula("where(c > 0, x, y)").at(c=1.0, x=[1.0, 2.0], y=[3.0, 4.0], vjp=[1.0, 1.0])
    found = {edge.name: edge for edge in report.rows[-1].inputs}
    assert found["y"].partial == Jacobian((2, 2), "0", [[0.0, 0.0], [0.0, 0.0]])
    assert found["y"].contribution == [0.0, 0.0]
    assert "0 (2×2)" in rendered(report, Style(80))


def test_between_numbers_a_local_derivative_is_a_number_with_a_factor_for_a_rule_or_none() -> None:
    report = Formula("sum(a)*x + [a, 1]").at(a=2.0, x=[1.0, 2.0], vjp=[1.0, 1.0])
    (edge,) = report.rows[0].inputs
    assert (edge.partial, edge.rule, edge.contribution) == (1.0, None, 3.0)


# Tables


@pytest.mark.parametrize("name", [*ARRAYS, "long_arrays"])
@pytest.mark.parametrize("width", range(24, 121, 7))
def test_no_line_is_longer_than_the_terminal(name: str, width: int) -> None:
    assert max(map(len, rendered(REPORTS[name](), Style(width)).splitlines())) <= width


def numbers_of(value: Any) -> list[float]:
    """All numbers in nested lists."""
    return [number for inner in value for number in numbers_of(inner)] if isinstance(value, list) else [value]


FLOATS = st.floats(-1e3, 1e3, allow_subnormal=False) | st.sampled_from([0.0, 1.0, 1 / 3, -1e-300, 2.5e200])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(FLOATS, min_size=n, max_size=n), min_size=1, max_size=4),
            st.lists(FLOATS, min_size=n, max_size=n),
        )
    ),
    st.integers(24, 130) | st.none(),
    st.sampled_from([3, 6, None]),
    st.booleans(),
)
def test_every_entry_is_shown_with_its_digits_and_nothing_else(
    point: tuple[list[list[float]], list[float]], width: int | None, digits: int | None, unicode: bool
) -> None:
    matrix, vector = point
    report = Formula("sum((W @ x)^2)").at(W=matrix, x=vector, ieee=True)
    style = Style(width, digits=digits, unicode=unicode)
    text = rendered(report, style)

    def written(number: float) -> str:
        if not math.isfinite(number):
            return str(number)
        shown = repr(number) if digits is None else f"{number or 0.0:.{digits}g}"
        mantissa, e, exponent = shown.partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}" if e else mantissa.removesuffix(".0")

    known = [report.value, *numbers_of(list(report.point.values())), *numbers_of(list((report.grad or {}).values()))]
    for row in report.rows:
        known += numbers_of([row.output, row.adjoint, [[e.value, e.contribution] for e in row.inputs]])
        for edge in row.inputs:
            known += numbers_of(edge.partial.entries if isinstance(edge.partial, Jacobian) else edge.partial)
    allowed = {written(number) for number in known if number is not None}
    body = re.sub(r"\(\d+[×x]\d+\)|\((\d+, ?)*\d*\)|v\d+|\^2", " ", text.split("Forward pass", 1)[1])
    found = set(re.findall(r"(?<![\w.])-?(?:\d[\d.]*(?:e-?\d+)?|inf|nan)(?![\w.])", body))
    assert found <= allowed | {"2"}
    closing = text[text.rindex("\nz = ") :]
    for number in numbers_of(list((report.grad or {}).values())):
        assert written(number) in re.findall(r"(?<![\w.])-?(?:\d[\d.]*(?:e-?\d+)?|inf|nan)", closing)
    if width is not None and digits is not None:
        assert max(map(len, text.splitlines())) <= max(width, 24)


def test_small_arrays_are_written_out_and_long_ones_summarised() -> None:
    text = rendered(long_arrays(), Style(100))
    assert re.search(r"x +\(24,\) -59.5918, ", text) or re.search(r"-3, -2.85714, …, 0.285714", text)
    assert "from -3 to 0.285714" in text
    assert "(3, 2, 2, 2)" in text
    assert "ones (1×24)" in text
    assert "x: (24,)" in text
    seven = Formula("sum(x)").at(x=list(range(SHOWN + 1)))
    assert "x: (7,)" in rendered(seven, Style(80))
    assert "dz/dx = [1, 1, 1, 1, 1, 1, 1]" in rendered(seven, Style(80)), "results are written out further"
    six = Formula("sum(x)").at(x=list(range(SHOWN)))
    assert "x = [0, 1, 2, 3, 4, 5]" in rendered(six, Style(80))
    assert "ones = [1  1  1  1  1  1]" in rendered(six, Style(80))


def test_what_is_not_finite_is_told_of_long_arrays_too() -> None:
    report = Formula("log(x)").at(x=[-1.0, *range(9)], ieee=True)
    assert "from 0 to 2.07944, 1 nan, 1 -inf" in rendered(report, Style(120))
    assert "all 3" in rendered(Formula("sum(x)").at(x=[3.0] * 10), Style(80))


def test_columns_of_a_matrix_are_aligned_on_their_points() -> None:
    text = rendered(Formula("sum(W)").at(W=[[1.5, -22], [100, 0.25]]), Style(80))
    assert "⎡  1.5  -22   ⎤" in text
    assert "⎣100      0.25⎦" in text
    plain = rendered(Formula("sum(W)").at(W=[[1.5, -22], [100, 0.25]]), Style(80, unicode=False))
    assert "[  1.5  -22   ]" in plain
    assert "(1x4)" in plain


def test_inputs_stand_beside_their_derivatives() -> None:
    lines = rendered(layer(), Style(80)).splitlines()
    beside = next(line for line in lines if "x  = [1, -2]" in line)
    assert "W = ⎡0.2  -0.4⎤" in beside


def test_below_forty_columns_there_is_a_list() -> None:
    text = rendered(layer(), Style(36))
    assert "─" * 10 not in text
    assert "    W = ⎡0.2  -0.4⎤\n        ⎣0.7   0.1⎦" in text or "W = ⎡0.2  -0.4⎤" in text


@pytest.mark.parametrize("name", ARRAYS)
def test_what_the_passes_say_does_not_depend_on_the_width(name: str) -> None:
    """Whatever is given up where there is little room, no value and no gradient is."""
    report = ARRAYS[name]()
    closing = [rendered(report, Style(width)).split("\n\n")[-1] for width in (40, 80, 200)]
    numbers = [re.findall(r"-?[\d.]+(?:e-?\d+)?", text) for text in closing]
    assert numbers[0] == numbers[1] == numbers[2]


def test_tangents_are_matrices() -> None:
    report = Formula(LAYER).at(LAYER_POINT, mode="forward", wrt=["x", "W"])
    text = rendered(report, Style(80)).split("tangents")[1]
    assert "⎡0.037474  -0.074948 ⎤" in text
    assert "⎡0.18737  -0.37474  0          0       ⎤" in text
    assert report.rows[0].tangents["W"] == [[[1, -2], [0, 0]], [[0, 0], [1, -2]]]  # type: ignore[index]


def test_extras_of_arrays_have_labels_as_the_hessian_has() -> None:
    text = rendered(layer_asked(), Style(120))
    assert re.search(r"^ +W\[0,0\] +W\[0,1\] +W\[1,0\] +W\[1,1\] +x\[0\] +x\[1\]", text, re.M)
    assert re.search(r"^z +0.0843652 +-0.16873 ", text, re.M), "the Jacobian of a number is a row"
    assert re.search(r"^Hessian times the direction$\nW = ⎡", text, re.M)
    outputs = rendered(batch(), Style(120))
    assert re.search(r"^Y\[2,1\] ", outputs, re.M)
    assert re.search(r"^s ", outputs, re.M)


# Any name


@settings(max_examples=60, deadline=None)
@given(name=NAMES | st.sampled_from(HOSTILE), width=st.none() | st.integers(1, 130), form=st.sampled_from(formats()))
def test_nothing_of_a_name_moves_the_cursor(name: str, width: int | None, form: str) -> None:
    text = rendered(named_array(name, 0.5), Style(width, color=form == "table"), form)
    plain = ESCAPES.sub("", text)
    assert not [c for c in plain if c != "\n" and unicodedata.category(c) in HIDDEN_CATEGORIES]


@settings(max_examples=40, deadline=None)
@given(name=NAMES)
def test_markdown_tables_hold_any_name_as_text(name: str) -> None:
    document = rendered(named_array(name, 0.5), Style(), "markdown")
    tokens = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).parse(document)
    inline = [child.type for token in tokens for child in token.children or ()]
    assert set(inline) <= {"text", "text_special", "strong_open", "strong_close", "code_inline"}


# JSON and CSV


@pytest.mark.parametrize("name", [*ARRAYS, "long_arrays", "named_array"])
@pytest.mark.parametrize("only", [None, "value", "grad", "tables"])
def test_documents_hold_against_the_schema(name: str, only: str | None) -> None:
    VALIDATOR.validate(json.loads(rendered(REPORTS[name](), Style(only=only), "json")))


def test_a_matrix_in_json() -> None:
    document = json.loads(rendered(layer(), Style(), "json"))
    weights, x = document["nodes"][0]["inputs"]
    assert x["partial"] == {"shape": [2, 2], "structure": "W", "entries": LAYER_POINT["W"]}
    assert weights["partial"] == {
        "shape": [2, 2, 2], "structure": "I ⊗ x'", "entries": [[[1, -2], [0, 0]], [[0, 0], [1, -2]]],
    }  # fmt: skip
    assert weights["rule"] == "dz/do @ xᵀ"
    assert np.shape(weights["contribution"]) == (2, 2)
    assert document["grad"]["W"] == weights["contribution"]
    assert document["nodes"][-1]["inputs"][1]["partial"] == 0.5, "between numbers it is a number"


def test_the_schema_refuses_a_matrix_that_is_none() -> None:
    document = json.loads(rendered(layer(), Style(), "json"))
    for spoiled in ([[1.0]], {"shape": [2], "structure": "W"}, {"shape": [-1], "structure": "I", "entries": None}, "I"):
        document["nodes"][0]["inputs"][0]["partial"] = spoiled
        assert not VALIDATOR.is_valid(document)


def test_long_arrays_are_whole_in_json_and_their_jacobians_are_not() -> None:
    document = json.loads(rendered(long_arrays(), Style(), "json"))
    assert np.shape(document["point"]["A"]) == np.shape(document["grad"]["A"]) == (3, 2, 2, 2)
    assert {
        edge["partial"]["entries"] is None
        for node in document["nodes"]
        for edge in node["inputs"]
        if isinstance(edge["partial"], dict) and max(edge["partial"]["shape"]) > SHOWN
    } == {True}


def test_entries_that_are_not_finite_are_strings() -> None:
    document = json.loads(rendered(batch(), Style(), "json"))
    assert document["nodes"][0]["output"][1][1] == "-Infinity"
    assert "Infinity" in json.dumps(document["nodes"][0]["inputs"][0]["partial"]["entries"])


def table(report: Report, style: Style = Style()) -> list[dict[str, str]]:  # noqa: B008  (it is frozen)
    header, *rows = csv.reader(rendered(report, style, "csv").splitlines(keepends=True), strict=True)
    assert {len(row) for row in rows} == {len(header)}
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_csv_has_a_row_an_entry() -> None:
    report = layer()
    rows = table(report)
    assert [row["id"] for row in rows[:8]] == ["v1[0]", "v1[1]", *["v1"] * 6]
    assert [row["input"] for row in rows[2:8]] == ["W[0,0]", "W[0,1]", "W[1,0]", "W[1,1]", "x[0]", "x[1]"]
    assert rows[2]["partial"] == "I ⊗ x'"
    assert rows[3]["contribution"] == repr(report.grad["W"][0][1])  # type: ignore[index]
    steep = [row for row in rows if row["op"] == "sigmoid" and row["input"]]
    assert [row["partial"] for row in steep] == [repr(report.rows[2].inputs[0].partial.entries[k][k]) for k in (0, 1)]  # type: ignore[union-attr]
    gradient = {row["id"]: row["adjoint"] for row in rows if row["op"] == "variable"}
    assert gradient["b[1]"] == repr(report.grad["b"][1])  # type: ignore[index]


def test_csv_calls_entries_as_the_hessian_does() -> None:
    report = layer_asked()
    names = report.extras["hessian"]["order"]
    rows = table(report)
    assert [row["id"] for row in rows if row["op"] == "variable"] == names
    assert [row["id"] for row in rows if row["op"] == "jacobian"] == names
    assert [row["id"] for row in rows if row["op"] == "hvp"] == names
    assert {row["id"] for row in rows if row["op"] == "hessian"} == {f"{a},{b}" for a in names for b in names}
    assert [name for name in rows[0] if name.startswith("tangent ")] == [f"tangent {name}" for name in names]
    assert rows[0]["tangent W[0,1]"] == "-2.0"
    assert rendered(report, Style(only="grad"), "csv").startswith('variable,derivative\n"W[0,0]",0.0843')
    assert rendered(layer_steps(), Style(only="value"), "csv").startswith("output,value\nh[0],")


def test_csv_of_several_outputs_names_variable_and_output() -> None:
    ids = [row["id"] for row in table(batch()) if row["op"] == "jacobian"]
    assert {"X[0,1],Y[0,0]", "b[1],Y[2,1]", "X[0,1],s"} <= set(ids)
    assert len(ids) == len(set(ids)) == 7 * 12


# Large, and free of NumPy where there are numbers only


def network() -> Report:
    random = np.random.default_rng(0)
    return Formula("h = sigmoid(W1 @ x + b1); 1/2*sum((sigmoid(W2 @ h + b2) - y)^2)").at(
        W1=random.normal(size=(128, 784)), b1=np.zeros(128), W2=random.normal(size=(10, 128)), b2=np.zeros(10),
        x=random.uniform(size=784), y=np.eye(10)[3],
    )  # fmt: skip


def test_a_network_for_digits_is_told_in_a_few_lines() -> None:
    start = time.perf_counter()
    report = network()
    for width in (40, 80, 120):
        lines = rendered(report, Style(width)).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) < (280 if width < 80 else 140)
    text = rendered(report, Style(80))
    assert "W1 (128×784)" in text
    assert "I ⊗ xᵀ (128×100352)" in text
    assert "W1: (128, 784)" in text
    assert all(edge.partial.entries is None for _, edge, _ in edges(report) if isinstance(edge.partial, Jacobian))
    for form in ("markdown", "latex"):
        assert len(rendered(report, Style(), form)) < 20_000
    assert time.perf_counter() - start < 30


def test_a_formula_over_numbers_needs_no_numpy() -> None:
    program = (
        "import sys; from backpropcli import Formula; from backpropcli.rendering import Style, renderer\n"
        "report = Formula('s = sigmoid(x); s*x').at(x=2.0, hessian=True, latex=True)\n"
        "for form in ('table', 'json', 'csv', 'markdown', 'latex'): list(renderer(form).render(report, Style()))\n"
        "print('numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


if __name__ == "__main__":  # Writes the cases anew, to be looked at before they are committed.
    for path in CASES:
        command = path.read_text(encoding="utf-8").split("\n", 1)[0]
        path.write_text(f"{command}\n---\n{case(command)}", encoding="utf-8")
