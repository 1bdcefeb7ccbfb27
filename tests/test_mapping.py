"""Many points: rows mapped give what the formula gives at each of them."""

from __future__ import annotations

import builtins
import math
import os
import random
import sys
from typing import Any

import numpy as np
import pytest

from backpropcli import mapping
from backpropcli.errors import BackpropError, DataError
from backpropcli.exporting import target
from backpropcli.formula import Formula
from backpropcli.graph import without_unused
from backpropcli.mapping import Asked, Mapper
from tests.random_graphs import VARIABLES, edge_graph
from tests.test_programs import engine_or_skip

GRAPHS = int(os.environ.get("BACKPROP_GRAPHS", "2000")) // 20

SEED = "(x + sigmoid(x)) / (sigmoid(x) + (x + y)^2)"


def test_rows_give_what_the_formula_gives_at_each_of_them() -> None:
    formula = Formula(SEED)
    mapper = Mapper(formula)
    assert mapper.names == ("value", "grad_x", "grad_y")
    assert mapper.columns == ("x", "y")
    assert mapper.document == {"value": 0, "grad": {"x": 1, "y": 2}}
    mapped = mapper.run({"x": [4.0, 1.0], "y": [3.0, -2.5], "other": ["a", "b"]}, 2, 1)
    reports = [formula.at(x=4.0, y=3.0), formula.at(x=1.0, y=-2.5)]
    assert list(mapped.outputs[0]) == [report.value for report in reports]
    for name, column in zip("xy", mapped.outputs[1:], strict=True):
        assert list(column) == [(report.grad or {})[name] for report in reports]
    assert not mapped.errors
    assert not mapper.notes


def test_a_row_without_a_value_has_an_error_and_nan() -> None:
    mapper = Mapper(Formula("log(x)*y"), fixed={"y": 2})
    mapped = mapper.run({"x": [1.0, -1.0, 3.0]}, 3, 10)
    assert [math.isnan(value) for value in mapped.outputs[0]] == [False, True, False]
    assert mapped.errors.keys() == {1}
    assert mapped.errors[1].message == "log(x) needs x > 0, but x = -1"


def test_notes_are_counted_and_told_as_their_first_row_has_them() -> None:
    mapper = Mapper(Formula("relu(x) + abs(y)"))
    mapper.run({"x": [1.0, 0.0, 0.0], "y": [0.0, 1.0, 1.0]}, 3, 1)
    mapper.run({"x": [0.0], "y": [0.0]}, 1, 4)
    told = [(counted.note.message.split(";")[0], counted.rows, counted.first) for counted in mapper.notes]
    assert told == [
        ("abs(y) has a kink at y = 0, with slopes -1 and 1", 2, 1),
        ("relu(x) has a kink at x = 0, with slopes 0 and 1", 3, 2),
    ]


def test_names_and_the_document_say_what_was_asked_for() -> None:
    several = Mapper(Formula("u = x*y; v = x + y"), Asked(jacobian=True))
    assert several.names == ("value_u", "value_v", "grad_u_x", "grad_v_x", "grad_u_y", "grad_v_y")
    assert several.document == {"value": {"u": 0, "v": 1}, "jacobian": {"x": [2, 3], "y": [4, 5]}}
    assert several.run({"x": [2.0], "y": [3.0]}, 1, 1).outputs == [[6.0], [5.0], [3.0], [1.0], [2.0], [1.0]]
    second = Mapper(Formula("x^2*y"), Asked(only="value", hessian=True, jvp={"x": 1}))
    assert second.names == ("value", "d2_x_x", "d2_x_y", "d2_y_y", "jvp")
    assert second.document["hessian"] == {"order": ["x", "y"], "matrix": [[1, 2], [2, 3]]}
    assert second.run({"x": [3.0], "y": [5.0]}, 1, 1).outputs == [[45.0], [10.0], [6.0], [0.0], [30.0]]
    assert Mapper(Formula("x*y"), Asked(only="grad", wrt=["y"])).names == ("grad_y",)


def test_a_bound_variable_may_be_a_column() -> None:
    mapper = Mapper(Formula("x = 3; x*y"))
    assert mapper.columns == ("y",)
    assert mapper.run({"y": [2.0]}, 1, 1).outputs[0] == [6.0]
    assert mapper.run({"x": [5.0], "y": [2.0]}, 1, 1).outputs[0] == [10.0]


def test_rows_may_hold_arrays() -> None:
    mapper = Mapper(Formula("sum(W @ v)"), fixed={"W": [[1.0, 2.0], [3.0, 4.0]]})
    mapped = mapper.run({"v": [[1.0, 1.0], [0.0, 2.0], [1.0, 2.0, 3.0]]}, 3, 1)
    assert mapped.outputs[0][:2] == [10.0, 12.0]
    assert mapped.outputs[1][:2] == [[[1.0, 1.0], [1.0, 1.0]], [[0.0, 2.0], [0.0, 2.0]]]
    assert mapped.outputs[2][:2] == [[4.0, 6.0], [4.0, 6.0]]
    assert mapped.errors.keys() == {2}


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(BackpropError, match="y has no value"):
        Mapper(Formula("x*y")).run({"x": [1.0]}, 1, 1)
    with pytest.raises(BackpropError, match="one output"):
        Mapper(Formula("u = x; v = y"), Asked(hessian=True))
    with pytest.raises(BackpropError, match="one output"):
        Mapper(Formula("u = x; v = y"), Asked(only="grad"))
    with pytest.raises(BackpropError, match="the engine is one of"):
        Mapper(Formula("x"), engine="cuda")


# Engines against rows that are evaluated one by one

ENGINES = ["scalar", "numpy", "jit"]
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -2.0, 3.0)


def agree(a: float, b: float, exactly: bool) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    return not exactly and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def told(mapper: Mapper) -> list[tuple[object, ...]]:
    return [(counted.note, counted.rows, counted.first) for counted in mapper.notes]


def hold(formula: Formula, asked: Asked | None, columns: dict[str, list[float]], engine: str, **how: Any) -> int:
    """The engine gives what `Formula.at` gives in each row: numbers, errors, notes. How many rows have an error."""
    count = len(next(iter(columns.values())))
    wanted, mapper = Mapper(formula, asked, **how), Mapper(formula, asked, engine=engine, **how)
    rows = wanted._by_rows(columns, count, 1)
    found = mapper.run(columns, count, 1)
    for name, a, b in zip(mapper.names, rows.outputs, found.outputs, strict=True):
        for k in range(count):
            at = {each: column[k] for each, column in columns.items()}
            assert agree(a[k], float(b[k]), engine == "scalar"), (formula, name, at, a[k], b[k])
    assert {k: str(error) for k, error in rows.errors.items()} == {k: str(error) for k, error in found.errors.items()}
    assert told(mapper) == told(wanted), formula
    return len(found.errors)


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_say_of_every_row_what_the_formula_says(engine: str) -> None:
    """At infinities, absences, kinks, ties and jumps: the same numbers, errors and notes."""
    engine_or_skip(engine)
    direction = {"x": 1.0, "y": -2.0, "z": 0.0}
    asks = [None, Asked(hessian=True), Asked(only="value"), Asked(jvp=direction), Asked("grad", jacobian=True)]
    failed = 0
    for seed in range(GRAPHS if engine != "jit" else GRAPHS // 3):
        graph, _ = edge_graph(seed)
        text = target("infix").write(without_unused(graph), ["out"])
        formula = Formula(text, variables=VARIABLES)
        asked = asks[seed % 5]
        if asked is not None and asked.jvp is not None:
            asked = asked._replace(jvp={name: x for name, x in asked.jvp.items() if name in formula.variables})
        rng = random.Random(seed)
        ieee = seed % 3 == 0
        numbers = (*SPECIAL, math.inf, -math.inf, math.nan, 1e300) if ieee else SPECIAL
        columns = {name: [rng.choice(numbers) for _ in range(25)] for name in formula.variables}
        failed += hold(formula, asked, columns, engine, ieee=ieee)
    assert failed > GRAPHS // 10


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "text",
    [
        "if(x > 0, log(x), 0)",
        "if(x > 0, sqrt(x), if(x < -1, 1/(x + 2), y))*y",
        "sqrt(relu(x)) + abs(y)",
        "1/exp(400*x*y)",
        "sqrt(x) - 2*sqrt(x) + y",
        "max(x, y, 1) + min(x, 0)",
        "if(x > 0, y, 0)*sqrt(t) + if(x > 0, y*sqrt(t), 0)",
        "floor(x) + round(y/2) + mod(x, 2)",
        "x^y",
        "clip(x, -1, 1)*leaky_relu(y)",
        "x and y or not x",
        "e*x + sigmoid(1000*y)",
        "u = x*y; v = log(x + 2)",
        "a = 3; a*x^a + y",
        r"z = x^{2} = x \cdot y",
    ],
)
def test_choices_and_edges_are_what_the_formula_says(engine: str, text: str) -> None:
    engine_or_skip(engine)
    formula = Formula(text)
    rng = random.Random(1)
    columns = {
        name: [rng.choice(SPECIAL) for _ in range(60)] for name in formula.variables if name not in formula.bindings
    }
    hold(formula, None, columns, engine)
    hold(formula, None, columns, engine, ieee=True)
    if len(formula.outputs) > 1:
        hold(formula, Asked(jacobian=True), columns, engine)
    else:
        hold(formula, Asked(wrt=["x"]), columns, engine)
        hold(formula, Asked(only="grad", hessian=True), columns, engine, strict=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_fixed_is_known_to_the_engine(engine: str) -> None:
    formula = Formula("w*x^p + if(w > 0, log(y), 0)")
    columns = {"x": [float(k) for k in range(-3, 20)], "y": [float(k) for k in range(23)]}
    hold(formula, Asked(), columns, engine_or_skip(engine), fixed={"w": 2, "p": 3.0})
    hold(formula, Asked(wrt=["w", "x"]), columns, engine, fixed={"w": -2, "p": 2.5})


def test_a_stream_gives_the_same_bits_however_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_SMALL", 3_000)
    rng = np.random.default_rng(2)
    columns = {name: rng.uniform(-2, 2, 500).tolist() for name in "xy"}

    def cut(*ends: int) -> tuple[list[list[float]], list[tuple[object, ...]]]:
        mapper = Mapper(Formula(SEED + " + sin(x) + relu(x - x)"))
        outputs: list[list[float]] = [[] for _ in mapper.names]
        first = 0
        for last in (*ends, 500):
            part = {name: column[first:last] for name, column in columns.items()}
            for whole, more in zip(outputs, mapper.run(part, last - first, first + 1).outputs, strict=True):
                whole.extend(map(float, more))
            first = last
        return outputs, told(mapper)

    once = cut()
    assert once == cut(1, 2, 3, 7, 9, 100, 101, 300)
    assert once == cut(*range(1, 500, 13))
    assert once[1][0][1:] == (500, 1)


def test_rows_beyond_the_errors_that_are_worded_are_errors_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "TOLD", 3)
    mapper = Mapper(Formula("log(x)"), engine="numpy")
    mapped = mapper.run({"x": [-float(k) for k in range(10)]}, 10, 1)
    assert list(mapped.errors) == list(range(10))
    assert [error.span is None for error in mapped.errors.values()] == [False] * 3 + [True] * 7
    assert mapped.errors[9].message == "the value does not exist, or is larger than a double holds"


@pytest.mark.parametrize(
    ("text", "x", "how"),
    [
        ("sqrt(abs(x))*y", 0.0, {}),
        ("sqrt(abs(x))*y", 0.0, {"asked": Asked(hessian=True)}),
        ("sqrt(abs(x))*y", 0.0, {"asked": Asked(only="value", jvp={"x": 1.0})}),
        ("sqrt(abs(x))*y", 0.0, {"asked": Asked(jacobian=True)}),
        ("u = sqrt(abs(x))*y; v = x", 0.0, {"asked": Asked(jacobian=True)}),
        ("2*sqrt(x) - sqrt(x) + y", 0.0, {}),
        ("exp(-x)*y/x", math.inf, {"ieee": True}),
        ("log(x)*y", -1.0, {"ieee": True}),
        ("sqrt(abs(x))*y", 0.0, {"strict": True}),
    ],
)
def test_rows_that_are_alike_are_asked_for_once(
    text: str, x: float, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "TOLD", 5)
    calls = []
    at = Formula.at

    def counted(self: Formula, *args: Any, **asked: Any) -> Any:
        calls.append(args)
        return at(self, *args, **asked)

    monkeypatch.setattr(Formula, "at", counted)
    mapper = Mapper(Formula(text), engine="numpy", **how)
    mapped = mapper.run({"x": np.full(2000, x), "y": np.arange(1.0, 2001.0)}, 2000, 1)
    assert len(calls) < 10
    if "strict" in how:
        assert len(mapped.errors) == 2000
        assert mapped.errors[1999].message == "refused for what rows before it were refused for"
    else:
        assert not mapped.errors
        assert {note.rows for note in mapper.notes} == ({2000} if text != "exp(-x)*y/x" else set())


def test_notes_of_all_rows_refuse_all_of_them_under_strict() -> None:
    mapper = Mapper(Formula("e*x", variables=("e", "x")), engine="numpy", strict=True)
    mapped = mapper.run({"e": [1.0, 2.0], "x": [1.0, 2.0]}, 2, 1)
    assert list(mapped.errors) == [0, 1]
    assert np.isnan(mapped.outputs[0]).all()


def test_columns_that_are_no_numbers_are_told_row_by_row() -> None:
    mapper = Mapper(Formula("x*2"), engine="numpy")
    mapped = mapper.run({"x": [1, 2.5, None, "3", True, 10**400]}, 6, 1)
    assert mapped.outputs[0][:2] == [2.0, 5.0]
    assert [mapped.errors[k].message.split(",")[0] for k in (2, 3, 4)] == [
        "x needs a number or an array",
        "x needs a number or an array",
        "x needs a number or an array",
    ]
    assert mapped.errors[5].message == "x is larger than a double holds (1.8e308)"
    assert Mapper(Formula("x*2"), engine="scalar").run({"x": [1, 2]}, 2, 1).outputs[0] == [2.0, 4.0]


def test_a_formula_that_machine_code_cannot_do_is_computed_by_numpy_and_that_is_said() -> None:
    engine_or_skip("jit")
    mapper = Mapper(Formula("digamma(x)"), engine="jit")
    assert mapper.remark is None
    assert mapper.run({"x": np.array([1.0, 2.0])}, 2, 1).outputs[0][0] == pytest.approx(-0.5772156649015329, rel=1e-15)
    assert mapper.remark == (
        "the engine jit is not used, since digamma is not in the C library; NumPy computes instead"
    )


def test_without_llvm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from backpropcli.programs import jit

    jit._host.cache_clear()
    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("llvmlite"):
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BackpropError, match="llvmlite is not installed") as caught:
        Mapper(Formula("x"), engine="jit").run({"x": [1.0]}, 1, 1)
    assert caught.value.hint == "pip install 'backpropcli[jit]'"


def test_a_program_that_is_too_large_is_evaluated_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    from backpropcli import formula

    monkeypatch.setattr(formula, "_LOWERED", 5)
    mapper = Mapper(Formula(SEED), engine="numpy")
    columns = {"x": [4.0], "y": [3.0]}
    assert mapper.run(columns, 1, 1) == Mapper(Formula(SEED))._by_rows(columns, 1, 1)


def test_few_rows_import_no_numpy() -> None:
    import subprocess

    code = (
        "import sys; from backpropcli.formula import Formula; from backpropcli.mapping import Mapper;"
        "m = Mapper(Formula('x^2*sin(y)')); x = [0.1*k for k in range(1000)]; m.run({'x': x, 'y': x}, 1000, 1);"
        "print('numpy' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


# From Python


def test_columns_in_and_columns_out() -> None:
    formula = Formula(SEED)
    x, y = np.linspace(-1, 3, 50), np.linspace(2, -2, 50)
    found = formula.map({"x": x, "y": y})
    for k in (0, 17, 49):
        report = formula.at(x=x[k], y=y[k])
        assert found["value"][k] == pytest.approx(report.value, rel=1e-14)
        assert found["grad_y"][k] == pytest.approx((report.grad or {})["y"], rel=1e-12)
    many = formula.map({"x": np.tile(x, 100), "y": np.tile(y, 100)}, threads=2)
    np.testing.assert_allclose(many["grad_x"][:50], found["grad_x"], rtol=1e-12)
    assert not many.notes


def test_what_is_a_number_is_the_same_in_every_row() -> None:
    found = Formula("a*x^2").map({"x": [1, 2, 3], "a": 5}, hessian=True, only="value")
    assert {name: column.tolist() for name, column in found.items()} == {
        "value": [5.0, 20.0, 45.0],
        "d2_a_a": [0.0, 0.0, 0.0],
        "d2_a_x": [2.0, 4.0, 6.0],
        "d2_x_x": [10.0, 10.0, 10.0],
    }


def test_a_row_without_a_value_raises_or_is_nan() -> None:
    formula = Formula("log(x) + abs(y)")
    with pytest.raises(DataError, match=r"^row 1: log\(x\) needs x > 0, but x = -1$"):
        formula.map({"x": [1.0, -1.0], "y": 0.0})
    found = formula.map({"x": [1.0, -1.0], "y": 0.0}, on_error="null")
    assert np.isnan(found["grad_x"]).tolist() == [False, True]
    assert found.errors[1].hint == "give x such a value, as in --x 2"
    assert [(counted.note.kind, counted.rows) for counted in found.notes] == [("kink", 1)]


def test_rows_of_arrays_are_mapped_too() -> None:
    found = Formula("sum(w*v)").map({"v": np.arange(6.0).reshape(3, 2), "w": 2.0})
    assert found["value"].tolist() == [2.0, 10.0, 18.0]
    assert found["grad_v"] == [[2.0, 2.0]] * 3


@pytest.mark.parametrize(
    ("given", "how", "message"),
    [
        ({"x": [1.0], "y": [1.0, 2.0]}, {}, "columns need as many rows as each other, but x has 1, y has 2"),
        ({"x": 1.0, "y": 2.0}, {}, "there is no column"),
        ({"x": [1.0]}, {}, "y has no value"),
        ({"x": [1.0], "q": 3.0}, {}, "the formula has no variable q"),
        ({"x": [1.0], "y": 1.0}, {"on_error": "skip"}, "on_error is fail or null, but found skip"),
        ({"x": [1.0], "y": 1.0}, {"threads": 0}, "threads are counted from 1 on, but found 0"),
        ({"x": [1.0], "y": 1.0}, {"wrt": ["t"]}, "the formula has no variable t"),
        ({"x": [1.0], "y": 1.0}, {"jvp": {"t": 1}}, "the formula has no variable t"),
    ],
)
def test_what_cannot_be_mapped_is_said(given: dict[str, Any], how: dict[str, Any], message: str) -> None:
    with pytest.raises(BackpropError) as caught:
        Formula("x*y").map(given, **how)
    assert caught.value.message == message
