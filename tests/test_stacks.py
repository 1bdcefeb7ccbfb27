"""Rows that hold arrays: computed together they give what the formula gives at each of them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from backpropcli import mapping, primitives
from backpropcli.algebras.algebra import Map
from backpropcli.algebras.arrays import Arrays, RowArrays, quietly
from backpropcli.formula import Formula
from backpropcli.mapping import Asked, Mapper

ROWS = 7
ON_ARRAYS = [name for name, entry in primitives.TABLE.items() if entry.array]


def same(many: Any, ones: list[Any]) -> bool:
    """Whether an array of rows holds these, one a row."""
    found = np.broadcast_to(many, (*np.shape(ones[0]), ROWS))
    return all(np.allclose(found[..., k], one, rtol=1e-13, atol=1e-13, equal_nan=True) for k, one in enumerate(ones))


def plain(value: Any) -> Any:
    return Arrays.plain(value)


@pytest.mark.parametrize("name", ON_ARRAYS)
def test_an_operation_on_arrays_gives_of_many_rows_what_it_gives_of_each(name: str) -> None:
    """Its value, pushes and pulls: with rows in all arguments, and in each alone."""
    entry = primitives.TABLE[name]
    generator = np.random.default_rng(3)
    for sample in entry.samples:
        count = len(sample)
        names = [entry.names[min(k, len(entry.names) - 1)] for k in range(count)]
        moving = [k for k in range(count) if names[k] not in entry.static]
        for rows_in in {tuple(moving), *[(k,) for k in moving]}:
            one: list[list[Any]] = [[] for _ in range(ROWS)]
            many: list[Any] = []
            for k, given in enumerate(sample):
                value = np.array(given, dtype=float)
                if k not in rows_in:
                    fixed = float(value) if not value.ndim else value
                    for values in one:
                        values.append(fixed)
                    many.append(fixed if not value.ndim or k not in moving else value[..., None])
                    continue
                # Classes and the like stay whole numbers.
                step = 0.0 if entry.domain and "floor" in entry.domain else 0.01
                stack = np.stack([value * (1.0 + step * generator.uniform()) for _ in range(ROWS)], axis=-1)
                many.append(stack)
                for place, values in enumerate(one):
                    values.append(np.array(stack[..., place])[()])
            with quietly():
                check_rows(name, many, one)


def check_rows(name: str, many: list[Any], one: list[list[Any]]) -> None:
    count = len(many)
    result = RowArrays.function(name, count)(*many)
    results = [Arrays.function(name, count)(*values) for values in one]
    if name not in ("shape", "size", "slice"):  # What they say has no rows.
        assert same(result, results), name
    for k in range(count):
        local, locally = RowArrays.partial(name, k, count), Arrays.partial(name, k, count)
        assert (local is None) == (locally is None)
        if local is None or locally is None:
            continue
        over = local([*many, result])
        overs = [locally([*values, made]) for values, made in zip(one, results, strict=True)]
        assert isinstance(over, Map)
        generator = np.random.default_rng(k)
        for carry, like in (("pull", results[0]), ("push", one[0][k])):
            moved = generator.uniform(-1, 1, (*np.shape(like), ROWS))
            made = plain(getattr(over, carry)(moved))
            each = [plain(getattr(own, carry)(moved[..., place][()])) for place, own in enumerate(overs)]
            assert same(made, each), (name, k, carry)


# Formulas, row by row and together

FORMULAS = [
    "sigmoid(sum(w*x))",
    "sum((V @ tanh(W @ x + w[0:2]) - y)^2)",
    "h = relu(W @ x); p = softmax(h); -log(p[0]) + y",
    "sum(abs(x)) + y*x[0]",
    "sum(if(x > 0, sqrt(x), y*x))",
    "norm(x) + max(x) + y",
    "x[0]*log(x[1]) + y",
    "sum(x[1:]) * x[-1]",
    "det([x[0], x[1]; x[2], y])",
    "var(x) + prod(x) + logsumexp(x*y)",
    "x @ x + sum(outer(x, x))",
    "y^2 + 0*sum(x)",
    "max(x)*min(x)",
    "x*y",
    "sum(sqrt(relu(x)))*y",
    "if(sum(x) > 1, y*sqrt(y), x[0]) + sum(max(x, w))",
    "u = sum(x); v = x*y",
    "1/sum(x)",
    "sum(x*w)/norm_1(x)",
    "mean(concat(x, [y, 1]))",
    "sum(transpose(W) @ (W @ x))",
    "mse(x, w) + y",
    "sum(inv([2, x[0]; x[1], 5]))",
]
W = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]
FIXED = {"w": [1.0, -2.0, 0.5], "W": W, "V": [[1.0, -1.0]]}
SPECIAL = (0.0, 1.0, -1.0, 2.0, 0.5, 0.25)


def rows(generator: random.Random, count: int, numbers: tuple[float, ...], *, ragged: bool) -> dict[str, list[Any]]:
    def length() -> int:
        return generator.choice([3, 3, 3, 2, 4]) if ragged else 3

    return {
        "x": [np.array([generator.choice(numbers) for _ in range(length())]) for _ in range(count)],
        "y": [generator.choice(numbers) for _ in range(count)],
    }


def told(mapper: Mapper) -> list[tuple[object, ...]]:
    return [(counted.note, counted.rows, counted.first) for counted in mapper.notes]


def hold(formula: Formula, asked: Asked, columns: dict[str, list[Any]], **how: Any) -> tuple[int, int]:
    """Numbers, errors and notes are those of the rows one by one. How many errors and notes there are."""
    count = len(columns["y"])
    fixed = {name: value for name, value in FIXED.items() if name in formula.variables}
    columns = {name: column for name, column in columns.items() if name in formula.variables}
    wanted, mapper = Mapper(formula, asked, fixed, **how), Mapper(formula, asked, fixed, engine="numpy", **how)
    by_rows, found = wanted._by_rows(columns, count, 1), mapper.run(columns, count, 1)
    for name, a, b in zip(mapper.names, by_rows.outputs, found.outputs, strict=True):
        for k in range(count):
            assert np.shape(a[k]) == np.shape(b[k])
            np.testing.assert_allclose(b[k], a[k], rtol=1e-11, atol=1e-13, err_msg=f"{formula} {name} {k}")
    assert {k: str(error) for k, error in found.errors.items()} == {
        k: str(error) for k, error in by_rows.errors.items()
    }
    assert told(mapper) == told(wanted), formula
    return len(found.errors), len(mapper.notes)


@pytest.mark.parametrize("text", FORMULAS)
def test_rows_of_arrays_are_what_the_formula_says(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "TOLD", 1000)
    formula = Formula(text)
    generator = random.Random(text)
    given = [name for name in ("x", "y") if name in formula.variables]
    whole = len(formula.outputs) == 1
    for asked in (Asked(), Asked("value"), *([Asked("grad", wrt=given)] if whole else [])):
        for ragged in (False, True):
            hold(formula, asked, rows(generator, 25, SPECIAL, ragged=ragged))
    hold(formula, Asked(), rows(generator, 20, (*SPECIAL, float("inf"), float("nan")), ragged=False), ieee=True)
    hold(formula, Asked(), rows(generator, 20, SPECIAL, ragged=False), strict=True)


def test_errors_and_notes_of_rows_with_arrays_are_met_in_these_tests() -> None:
    errors, notes = hold(Formula("sum(abs(x)) + log(x[0])"), Asked(), rows(random.Random(1), 40, SPECIAL, ragged=True))
    assert errors > 5
    assert notes > 0


def test_rows_that_are_computed_together_are_not_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    at = Formula.at

    def counted(self: Formula, *args: Any, **asked: Any) -> Any:
        calls.append(args)
        return at(self, *args, **asked)

    monkeypatch.setattr(Formula, "at", counted)
    generator = np.random.default_rng(1)
    mapper = Mapper(Formula("sum(abs(W @ x))"), Asked(wrt=["x"]), {"W": W}, engine="numpy")
    columns = {"x": [generator.uniform(-1, 1, 3) * (k % 2) for k in range(3000)]}
    mapped = mapper.run(columns, 3000, 1)
    assert len(mapped.outputs[0]) == 3000
    assert [note.rows for note in mapper.notes] == [1500]
    assert len(calls) < 5


def test_a_stream_of_arrays_gives_the_same_bits_however_it_is_cut() -> None:
    generator = np.random.default_rng(2)
    columns = {"x": [generator.uniform(-1, 1, 3) for _ in range(300)]}

    def cut(*ends: int) -> list[list[Any]]:
        mapper = Mapper(Formula("sum(tanh(W @ x)) + norm(x)"), Asked(wrt=["x"]), {"W": W})
        outputs: list[list[Any]] = [[] for _ in mapper.names]
        first = 0
        for last in (*ends, 300):
            part = {name: column[first:last] for name, column in columns.items()}
            for whole, more in zip(outputs, mapper.run(part, last - first, first + 1).outputs, strict=True):
                whole.extend(more)
            first = last
        return outputs

    assert cut() == cut(1, 2, 5, 9, 100) == cut(*range(1, 300, 7))


def test_what_is_no_number_is_told_of_its_row() -> None:
    mapper = Mapper(Formula("sum(x)*y"), engine="numpy")
    mapped = mapper.run({"x": [[1.0, 2.0]] * 4, "y": [1.0, True, "2", 3]}, 4, 1)
    assert mapped.errors.keys() == {1, 2}
    assert mapped.outputs[0][0] == 3.0
    assert mapped.outputs[0][3] == 9.0
