"""Many points: rows mapped give what the formula gives at each of them."""

from __future__ import annotations

import math

import pytest

from backpropcli.errors import BackpropError
from backpropcli.formula import Formula
from backpropcli.mapping import Asked, Mapper

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
