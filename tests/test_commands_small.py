"""The commands that say what there is: functions, examples, schema, completion."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import documents
import jsonschema
import numpy as np
import pytest
from test_cli_start import modules_after

from backpropcli import Formula, primitives
from backpropcli.cli import main
from backpropcli.commands.completion import INSTALL
from backpropcli.commands.examples import EXAMPLES
from backpropcli.commands.schema import SCHEMAS
from backpropcli.language.tokens import FORMS
from backpropcli.primitives import Primitive, about

SHOWN = [entry for entry in primitives.TABLE.values() if not entry.helper]


@pytest.fixture
def backprop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def run(*arguments: str, code: int = 0, columns: int | None = 80) -> str:
        monkeypatch.delenv("COLUMNS", raising=False)
        if columns is not None:
            monkeypatch.setenv("COLUMNS", str(columns))
        assert main(arguments) == code
        printed = capsys.readouterr()
        assert (printed.err == "") == (code == 0)
        return printed.err if code else printed.out

    return run


def lines_of(text: str) -> list[str]:
    """The command lines of a script, without its comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


# functions


def test_the_list_has_every_function_and_no_helper(backprop) -> None:  # type: ignore[no-untyped-def]
    listed = [line[2:].split("  ")[0] for line in backprop("functions").splitlines() if line.startswith("  ")]
    for entry in primitives.TABLE.values():
        assert (about.signature(entry) in listed) != entry.helper
    assert {form.partition("), ")[0] + ")" for form in FORMS.values()} <= set(listed)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_of_the_list_is_wider_than_the_terminal(backprop, columns: int) -> None:  # type: ignore[no-untyped-def]
    assert max(map(len, backprop("functions", columns=columns).splitlines())) <= max(columns, 48)


def test_in_a_pipe_a_function_is_a_line(backprop) -> None:  # type: ignore[no-untyped-def]
    lines = backprop("functions", columns=None).splitlines()
    assert sum(line.startswith("  ") for line in lines) == len(SHOWN) + len(FORMS) + len(primitives.CONSTANTS)


@pytest.mark.parametrize("entry", primitives.TABLE.values(), ids=lambda entry: entry.name)
def test_all_that_is_known_about_each_is_said(backprop, entry: Primitive) -> None:  # type: ignore[no-untyped-def]
    text = backprop("functions", entry.name, columns=None)
    assert entry.doc in text
    assert about.latex(entry) in text
    assert f"within {entry.digits} units" in text
    assert entry.value.isidentifier() or entry.value in text
    for carried in about.passes(entry):
        assert carried.backward in text
        assert carried.forward in text
        assert (carried.backward_computed or "") in text
        assert (carried.forward_computed or "") in text
    for derivative in about.derivatives(entry):
        assert derivative.handbook in text
        assert derivative.computed is None or derivative.computed in text
    for edge in entry.edges:
        assert edge.convention in text
    assert (entry.needs or entry.domain or "everywhere") in text
    assert ("helper" in text) == entry.helper


TRIED = [*SHOWN, *[entry for entry in primitives.on_numbers().values() if entry.helper]]


@pytest.mark.parametrize("entry", TRIED, ids=lambda entry: entry.name)
def test_the_command_to_try_works(backprop, capsys: pytest.CaptureFixture[str], entry: Primitive) -> None:  # type: ignore[no-untyped-def]
    shown = json.loads(backprop("functions", entry.name, "--json"))["functions"][0]["example"]
    assert shown in backprop("functions", entry.name, columns=None)
    words = shlex.split(shown)
    assert words[0] == "backprop"
    assert main([*words[1:], "--json", "--only", "value"]) == 0
    printed = capsys.readouterr()
    # Where the value is an array, what its derivatives are given by is noted.
    assert printed.err == "" or entry.array
    assert np.isfinite(np.array(json.loads(printed.out)["value"], dtype=float)).all()


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ("sigma", ["sigmoid(x)"]), ("σ", ["sigmoid(x)"]), ("ln", ["log(x)"]), ("log", ["log(x)", "log_base(x, b)"]),
        ("-", ["a - b", "-x"]), ("−", ["a - b", "-x"]), ("×", ["a*b"]), ("^", ["a^b"]), ("<=", ["a <= b"]),
        ("and", ["a and b"]), ("swish", ["silu(x)"]), ("power_term", ["power_term(c, a, b, n)"]),
    ],
)  # fmt: skip
def test_a_function_is_found_by_any_spelling_and_by_its_sign(backprop, asked: str, calls: list[str]) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(backprop("functions", asked, "--json"))["functions"]
    assert [each["call"] for each in found] == calls


def test_every_spelling_that_is_shown_is_read_as_that_function() -> None:
    for entry in primitives.on_numbers().values():
        for call in (about.call(entry), *about.spellings(entry)):
            if "..." in call:
                continue
            formula = Formula(call, variables=entry.names)
            (output,) = formula._graph("gates").outputs
            assert formula._graph("gates").nodes[output].op == entry.name, call


def test_a_parameter_that_may_be_left_out_is_shown_with_its_value(backprop) -> None:  # type: ignore[no-untyped-def]
    assert backprop("functions", "elu").startswith("elu(x, a=1)\n")
    assert "leaky_relu(x, a=0.01)" in backprop("functions")
    for entry in SHOWN:
        shown = json.loads(backprop("functions", entry.name, "--json"))["functions"][0]["defaults"]
        assert tuple([primitives.ALL if value == "all" else value for value in shown.values()]) == entry.defaults
        for name, value in shown.items():
            assert f"{name}={value if value == 'all' else f'{value:.12g}'}" in about.signature(entry)
        if shown and not entry.array:
            short = Formula(f"{entry.name}({', '.join([name for name in entry.names if name not in shown])})")
            point = dict.fromkeys(short.variables, -0.5)
            assert short.value(point) == Formula(about.call(entry)).value({**point, **shown})


def test_constants_and_forms_are_known_too(backprop) -> None:  # type: ignore[no-untyped-def]
    assert "3.141592653589793" in backprop("functions", "pi")
    assert "3.141592653589793" in backprop("functions", "π")
    for form in FORMS:
        assert FORMS[form].partition("), ")[0] in backprop("functions", form)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("sigmod", "did you mean sigmoid?"), ("Tanh", "did you mean tanh?"), ("qqqqq", "backprop functions lists them"),
     ("", "backprop functions lists them"), ("\x1b[31m", "backprop functions lists them"), ("x" * 9999, "lists them")],
)  # fmt: skip
def test_a_misspelled_function_is_refused_with_a_way_out(backprop, asked: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    said = backprop("functions", asked, code=2)
    assert hint in said
    assert "\x1b" not in said
    assert len(said) < 300


def test_the_document_holds_against_its_schema(backprop) -> None:  # type: ignore[no-untyped-def]
    schema = json.loads(backprop("schema", "functions"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(backprop("functions", "--json"))
    jsonschema.validate(document, schema)
    assert [each["name"] for each in document["functions"]] == [entry.name for entry in SHOWN]
    jsonschema.validate(json.loads(backprop("functions", "power_slope", "--json")), schema)


def test_the_list_is_written_to_a_file(backprop, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert backprop("functions", "tanh", "-o", str(tmp_path / "tanh.txt")) == ""
    assert (tmp_path / "tanh.txt").read_text().startswith("tanh(x)\n")


# examples


def test_the_topics_are_listed(backprop) -> None:  # type: ignore[no-untyped-def]
    text = backprop("examples")
    for name, example in EXAMPLES.items():
        assert re.search(rf"^{name} +{re.escape(example.title)}$", text, re.M)
    assert max(map(len, text.splitlines())) <= 80


LINES = [line for example in EXAMPLES.values() for _, line in example.lines]


@pytest.mark.parametrize("line", LINES)
def test_every_example_runs(line: str) -> None:
    done = subprocess.run(
        ["bash", "-c", line], env=documents.environment(), capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "error" not in done.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_topic_is_a_script(backprop, name: str) -> None:  # type: ignore[no-untyped-def]
    assert lines_of(backprop("examples", name)) == [line for _, line in EXAMPLES[name].lines]


@pytest.mark.parametrize("entry", SHOWN, ids=lambda entry: entry.name)
def test_every_functions_examples_run(backprop, entry: Primitive) -> None:  # type: ignore[no-untyped-def]
    lines = lines_of(backprop("examples", entry.name))
    assert len(lines) >= 2 - entry.array
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line


def test_a_function_has_the_examples_of_all_that_share_its_name(backprop) -> None:  # type: ignore[no-untyped-def]
    text = backprop("examples", "log")
    assert "'log(x)'" in text
    assert "'log_base(x, b)'" in text


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("tabels", "tables"), ("sigmod", "sigmoid"), ("power_slope", "power"), ("qqqq", "topics"), ("", "topics")],
)
def test_an_example_that_is_not_there_is_refused(backprop, asked: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    assert hint in backprop("examples", asked, code=2)


# schema


def test_the_schemas_are_listed_and_are_schemas(backprop) -> None:  # type: ignore[no-untyped-def]
    assert [line.split()[0] for line in backprop("schema").splitlines()] == list(SCHEMAS)
    for name in SCHEMAS:
        schema = json.loads(backprop("schema", name))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["title"] == f"backprop.{name}/1"


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_what_eval_prints_holds_against_its_schema(backprop, form: str) -> None:  # type: ignore[no-untyped-def]
    schema = json.loads(backprop("schema", "eval"))
    text = backprop("eval", "x^2*y", "--x", "3", "--y", "2", "--hessian", "--mode", "both", "--format", form)
    jsonschema.validate(json.loads(text), schema)


def test_a_schema_that_is_not_there_is_refused(backprop) -> None:  # type: ignore[no-untyped-def]
    assert "did you mean eval?" in backprop("schema", "evla", code=2)
    assert "there are eval, formulas, map, check, parts and functions" in backprop("schema", "zzz", code=2)


# completion


@pytest.mark.parametrize("shell", INSTALL)
def test_the_script_ends_with_how_to_install_it(backprop, shell: str) -> None:  # type: ignore[no-untyped-def]
    text = backprop("completion", shell)
    assert "_BACKPROP_COMPLETE" in text
    assert text.splitlines()[-1] == f"#   {INSTALL[shell]}"
    assert INSTALL[shell] in backprop("completion", "--help", columns=100)
    if shell == "zsh":
        assert text.startswith("#compdef backprop\n")


def test_bash_completes_with_the_script() -> None:
    script = """
        eval "$(backprop completion bash)"
        COMP_WORDS=(backprop eval 'alpha*x' --al); COMP_CWORD=3
        _backprop_completion backprop
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script], env=documents.environment(), capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["--alpha", "--allow-unused"]


def test_a_shell_that_is_not_known_is_refused(backprop, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    assert "did you mean zsh?" in backprop("completion", "zhs", code=2)
    assert "bash, zsh and fish" in backprop("completion", "powershell", code=2)
    monkeypatch.setitem(os.environ, "SHELL", "/usr/bin/fish")
    assert "as in backprop completion fish" in backprop("completion", code=2)


@pytest.mark.parametrize(
    ("line", "found"),
    [("functions sigm", ["sigmoid", "sigma"]), ("schema e", ["eval"]), ("examples ta", ["tables", "tan", "tanh"]),
     ("completion z", ["zsh"])],
)  # fmt: skip
def test_names_are_completed(capsys, monkeypatch, line: str, found: list[str]) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("_BACKPROP_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"backprop {line}")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert main([]) == 0
    assert set(found) <= {each.partition(",")[2] for each in capsys.readouterr().out.splitlines()}


# All of them


@pytest.mark.parametrize("name", ["functions", "examples", "schema", "completion"])
def test_the_small_commands_are_listed_and_load_little(backprop, name: str) -> None:  # type: ignore[no-untyped-def]
    assert re.search(rf"^  {name} +\w", backprop("--help"), re.M)
    code, modules = modules_after(name, *(["bash"] if name == "completion" else []))
    assert code == 0
    assert not modules & {"numpy", "rich", "lark", "jsonschema", "backpropcli.formula"}


def test_eval_loads_none_of_them() -> None:
    code, modules = modules_after("eval", "x", "--x", "1", "--json")
    assert code == 0
    assert not modules & {
        "backpropcli.primitives.about", "backpropcli.passes.typeset", "backpropcli.algebras.latex",
        "backpropcli.rendering.latex", "backpropcli.rendering._html", "csv",
    }  # fmt: skip
