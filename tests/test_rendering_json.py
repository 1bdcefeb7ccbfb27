"""The JSON document: strict, whole, held against its schema, and written in pieces."""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import REPORTS, asked, branch, chain, lecture, named, outputs, tangents

from backpropcli.rendering import Style, renderer
from backpropcli.rendering._schema import SCHEMA
from backpropcli.report import Report

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def written(report: Report, style: Style = Style()) -> str:  # noqa: B008  (it is frozen)
    return "".join(renderer("json").render(report, style))


def parsed(report: Report, style: Style = Style()) -> dict[str, Any]:  # noqa: B008
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    document: dict[str, Any] = json.loads(written(report, style), parse_constant=refuse)
    return document


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("only", [None, "value", "grad", "tables"])
def test_every_document_holds_against_the_schema(name: str, only: str | None) -> None:
    VALIDATOR.validate(parsed(REPORTS[name](), Style(only=only)))


def test_the_schema_refuses_what_is_no_such_document() -> None:
    for spoiled in (
        {"schema": "backprop.eval/2"},
        {"grad": None},
        {"value": "nan"},
        {"surprise": 1},
        {"notes": [{"severity": "fatal"}]},
        {"nodes": [{"id": "v1"}]},
    ):
        assert not VALIDATOR.is_valid({**parsed(lecture()), **spoiled})


def test_the_keys_and_what_they_hold() -> None:
    report = lecture()
    document = parsed(report)
    assert list(document) == ["schema", "formula", "reading", "point", "output", "value", "grad", "nodes", "notes"]
    assert document["schema"] == "backprop.eval/1"
    assert document["formula"] == report.formula
    assert document["point"] == report.point
    assert document["grad"] == report.grad
    assert document["nodes"][0] == {
        "id": "v1", "name": "s", "op": "sigmoid", "label": "σ(·)", "formula": "sigmoid(x)",
        "output": report.rows[0].output, "adjoint": report.rows[0].adjoint, "path": True,
        "inputs": [{"from": "x", "value": 4.0, "partial": report.rows[0].inputs[0].partial, "rule": "σ(x)·σ(-x)",
                    "contribution": report.rows[0].inputs[0].contribution}],
        "uses": [{"by": use.by, "contribution": use.contribution} for use in report.rows[0].uses],
    }  # fmt: skip


def test_a_node_stands_on_one_line() -> None:
    lines = written(chain(50)).splitlines()
    assert sum(line.startswith('  {"id": ') for line in lines) == 50
    assert json.loads(lines[8].rstrip(","))["id"] == "v1"


def test_numbers_that_json_has_not_are_strings() -> None:
    document = parsed(branch())
    assert document["grad"] == {"x": "Infinity", "w": 0.0}
    assert document["nodes"][0]["output"] == "NaN"
    assert document["nodes"][0]["path"] is False
    assert document["nodes"][2]["inputs"][0]["partial"] is None
    assert document["notes"][0] == {
        "severity": "warning", "node": "v2", "kind": "unbounded",
        "message": "the slope of sqrt(x) is infinite at x = 0",
        "convention": None, "one_sided": ["NaN", "Infinity"],
    }  # fmt: skip
    assert parsed(named("x", -math.inf))["value"] == "-Infinity"


@settings(max_examples=60)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_as_it_was(number: float) -> None:
    document = parsed(named("x", number), Style(digits=3))
    assert math.copysign(1, document["value"]) == math.copysign(1, number)
    assert document["value"] == document["grad"]["x"] == document["nodes"][0]["adjoint"] == number


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(exclude_categories=())), unicode=st.booleans())
def test_every_text_comes_back_as_it_was_and_none_is_dangerous(name: str, unicode: bool) -> None:
    report = named(name, 1.0)
    text = written(report, Style(unicode=unicode))
    assert all(line.isprintable() for line in text.split("\n"))
    assert unicode or text.isascii()
    document = json.loads(text)
    assert document["formula"] == document["nodes"][0]["label"] == document["notes"][0]["message"] == name
    VALIDATOR.validate(document)


def test_what_was_asked_for_stands_at_the_top() -> None:
    document = parsed(asked())
    for key, value in asked().extras.items():
        assert document[key] == value


def test_tangents_stand_only_where_there_are_any() -> None:
    assert "tangents" not in parsed(lecture())["nodes"][0]
    assert parsed(tangents())["nodes"][1]["tangents"]["y"] == 0.0


def test_several_outputs_have_a_value_each_and_no_gradient() -> None:
    document = parsed(outputs())
    assert document["value"] == {"p": 1e-300, "q": 1.0}
    assert "grad" not in document
    assert document["jacobian"] == {"t": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("only", "keys"), [("value", set()), ("grad", {"grad"}), ("tables", {"nodes"}), (None, {"grad", "nodes", "jvp"})]
)
def test_one_part_alone(only: str | None, keys: set[str]) -> None:
    always = {"schema", "formula", "reading", "point", "output", "value", "notes"}
    report = asked()._replace(extras={"jvp": 1.0, "jacobian": {"x": 3.0, "y": 4.0}} if only else {"jvp": 1.0})
    assert set(parsed(report, Style(only=only))) == always | keys


def test_with_several_outputs_the_jacobian_is_the_gradient() -> None:
    assert "jacobian" in parsed(outputs(), Style(only="grad"))
    assert "jacobian" not in parsed(outputs(), Style(only="value"))


def test_the_document_is_written_node_by_node() -> None:
    pieces = renderer("json").render(chain(100_000), Style(only="tables"))
    assert max(map(len, islice(pieces, 7, 1000))) < 1000


def test_no_object_of_another_kind_slips_in() -> None:
    with pytest.raises(TypeError, match="set is no plain data"):
        written(lecture()._replace(extras={"jvp": {1.0}}))
