"""The formats for machines and typesetters: NDJSON, CSV that no spreadsheet executes, LaTeX that TeX takes."""

from __future__ import annotations

import csv
import json
import math
import random
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reports import REPORTS, asked, branch, chain, lecture, named, outputs, tangents
from test_rendering import HOSTILE, rendered

from backpropcli import Formula
from backpropcli.algebras import latex
from backpropcli.algebras.latex import Latex
from backpropcli.cli import main
from backpropcli.primitives import on_numbers
from backpropcli.rendering import Style
from backpropcli.report import Report

CASES = sorted((Path(__file__).parent / "cases" / "formats").glob("*.txt"))
ONLY = [None, "value", "grad", "tables"]
TEXTS = st.text(st.characters(exclude_categories=()), max_size=80) | st.sampled_from(HOSTILE)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_prints_what_it_printed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, expected = path.read_text(encoding="utf-8").split("\n---\n", 1)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == expected


# NDJSON


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("only", ONLY)
def test_ndjson_is_the_json_document_on_one_line(name: str, only: str | None) -> None:
    text = rendered(REPORTS[name](), Style(only=only), "ndjson")
    assert text.count("\n") == 1
    assert text.endswith("}\n")
    assert json.loads(text) == json.loads(rendered(REPORTS[name](), Style(only=only), "json"))
    assert list(json.loads(text)) == list(json.loads(rendered(REPORTS[name](), Style(only=only), "json")))


@settings(max_examples=60, deadline=None)
@given(name=TEXTS)
@example(name=",\n  x")
@example(name="[\n  \u2028\u0085")
def test_a_name_breaks_no_line_and_loses_no_blank(name: str) -> None:
    text = rendered(named(name, 0.5), Style(), "ndjson")
    assert len(text.splitlines()) == 1
    assert json.loads(text)["formula"] == name


# CSV


def table(report: Report, style: Style = Style()) -> list[dict[str, str]]:  # noqa: B008  (it is frozen)
    text = rendered(report, style, "csv")
    header, *rows = csv.reader(text.splitlines(keepends=True), strict=True)
    assert {len(row) for row in rows} <= {len(header)}
    assert len(set(header)) == len(header)
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("only", ONLY)
def test_csv_is_one_table(name: str, only: str | None) -> None:
    assert table(REPORTS[name](), Style(only=only)) is not None


def test_csv_has_a_row_an_edge_and_then_a_row_a_variable() -> None:
    report = lecture()
    rows = table(report)
    edges = [(row.id, edge.source) for row in report.rows for edge in row.inputs]
    assert [(row["id"], row["input"]) for row in rows if row["input"]] == edges
    assert [(row["id"], row["op"]) for row in rows if not row["input"]] == [
        ("x", "variable"), ("y", "variable"), ("z", "output"),
    ]  # fmt: skip
    assert rows[0] == {
        "id": "v1", "name": "s", "op": "sigmoid", "formula": "sigmoid(x)", "output": repr(report.rows[0].output),
        "adjoint": repr(report.rows[0].adjoint), "input": "x", "value": "4.0",
        "partial": repr(report.rows[0].inputs[0].partial), "rule": "σ(x)·σ(-x)",
        "contribution": repr(report.rows[0].inputs[0].contribution),
    }  # fmt: skip


def test_the_contributions_of_a_sources_rows_add_up_to_its_adjoint() -> None:
    rows = table(lecture())
    adjoints = {row["id"]: float(row["adjoint"]) for row in rows if row["op"] != "output"}
    for source, adjoint in adjoints.items():
        contributions = [float(row["contribution"]) for row in rows if row["input"] == source]
        assert math.isclose(sum(contributions) if contributions else 1.0, adjoint, rel_tol=1e-12)


def test_csv_spells_numbers_as_json_does() -> None:
    rows = table(branch())
    assert rows[0]["output"] == "NaN"
    assert rows[0]["partial"] == "Infinity"
    assert rows[1]["value"] == "-0.0"
    assert [row["partial"] for row in rows if row["input"] == "c"] == [""]


def test_only_the_gradient_is_a_table_of_variables() -> None:
    assert rendered(asked(), Style(only="grad"), "csv") == "variable,derivative\nx,3.0\ny,4.0\n"
    assert rendered(outputs(), Style(only="grad"), "csv") == "output,variable,derivative\np,t,1.0\nq,t,1.0\n"
    assert rendered(outputs(), Style(only="value"), "csv") == "output,value\np,1e-300\nq,1.0\n"


def test_whatever_was_asked_for_has_its_rows() -> None:
    rows = {(row["op"], row["id"]): row["output"] for row in table(asked())}
    assert rows["hessian", "y,y"] == "-1234.5"
    assert rows["derivatives", "4"] == "1e-300"
    assert rows["jvp", ""] == "3.5"
    assert rows["hvp", "y"] == "1.0"
    assert rows["partial", "x,x,y"] == "0.25"
    mixed = asked()._replace(extras={"check": {"ok": True, "entries": [{"variable": "x", "ad": None}]}})
    rows = {(row["op"], row["id"]): row["output"] for row in table(mixed)}
    assert rows["check", "ok"] == "true"
    assert rows["check", "entries,x,variable"] == "x"


def test_tangents_have_a_column_a_variable() -> None:
    assert table(tangents())[1]["tangent y"] == "0.0"
    assert "tangent y" not in table(lecture())[0]


DANGEROUS = tuple("=+-@\t\r\n|") + tuple("＝＋－＠｜")


@settings(max_examples=150, deadline=None)
@given(name=TEXTS | st.builds(lambda a, b, c: a + b + c, st.sampled_from(["", " ", "'", '" ']), st.sampled_from(DANGEROUS), st.text()))  # fmt: skip # noqa: E501
@example(name="=cmd|' /C calc'!A0")
@example(name=' "=1+1')
@example(name="-x")
@example(name="＝1")
def test_no_cell_is_a_formula_of_a_spreadsheets(name: str) -> None:
    text = rendered(named(name, -0.5), Style(), "csv")
    for row in csv.reader(text.splitlines(keepends=True), strict=True):
        for cell in row:
            start = cell.lstrip(" \"'\u00a0\u3000")[:1]
            assert cell.startswith("'") or start not in DANGEROUS or re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?|-Infinity", cell)  # fmt: skip # noqa: E501


def test_csv_cuts_nothing() -> None:
    rows = table(named("x" * 5000, 1.0))
    assert rows[0]["formula"] == "x" * 5000


# LaTeX: what TeX takes. Every command that the renderer or an entry may write.

COMMANDS = frozenset(
    re.findall(
        r"\w+",
        """usepackage noindent textbf par texttt renewcommand arraystretch begin end hline partial frac text item cdot
        times textbackslash textasciicircum textasciitilde textless textgreater textbar infty mathrm mathit left right
        sqrt operatorname ln log sin cos tan arcsin arccos arctan sinh cosh tanh max min lfloor rfloor leq geq neq land
        lor lnot sum prod ldots pi tau sigma theta alpha beta gamma Gamma psi Phi varphi hat bar tilde dot sec csc cot
        exp arg det coth lceil rceil bmod sgn Beta otimes top medskip smallskip nopagebreak
        small footnotesize scriptsize tiny allowbreak
        setlength arraycolsep noalign vskip""",
    )
)
SYMBOLS = set("\\{}$&#_%,;:! ")
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}$&^_#~%]|[^\\{}$&^_#~%]+", re.S)


def check(fragment: str) -> None:
    """What would stop TeX: brackets, dollars and environments that do not pair, specials that are bare."""
    assert fragment.isascii()
    fragment = re.sub(r"^%.*\n", "", fragment, flags=re.M)
    depth, math_mode, columns = 0, False, 0
    environments: list[str] = []
    cells: list[int] = []
    lefts: list[int] = []
    for match in TOKEN.finditer(fragment):
        token = match[0]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            assert depth >= 0
        elif token == "$":
            math_mode = not math_mode
        elif token in ("^", "_"):
            assert math_mode or "align*" in environments, "a script outside of math"
        elif token in ("#", "~", "%"):
            raise AssertionError(f"{token} is bare")
        elif token == "&":
            cells[-1] += 1
        elif token == r"\begin":
            name = re.match(r"\{([a-z*]+)\}", fragment[match.end() :])
            assert name is not None
            environments.append(name[1])
            cells.append(0)
            if name[1] == "tabular":
                assert depth == 1, "a tabular stands in a group with its stretch"
                columns = len(re.findall("l", re.match(r"\{tabular\}\{(l+)\}", fragment[match.end() :])[1]))  # type: ignore[index]
        elif token == r"\end":
            assert fragment.startswith(f"{{{environments.pop()}}}", match.end())
            cells.pop()
        elif token == r"\\":
            if environments[-1] == "tabular":
                assert cells[-1] == columns - 1
                assert not math_mode
            cells[-1] = 0
            assert not re.match(r"\s*[\[*](?!3pt\]\n)", fragment[match.end() :]), "TeX would read an option"
        elif token == r"\left":
            lefts.append(depth)
        elif token == r"\right":
            assert lefts.pop() == depth
        elif token.startswith("\\"):
            assert token[1:] in COMMANDS or token[1:] in SYMBOLS, token
    assert depth == 0
    assert not math_mode
    assert not environments
    assert not lefts


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("only", ONLY)
def test_latex_of_every_report_is_whole(name: str, only: str | None) -> None:
    check(rendered(REPORTS[name](), Style(only=only), "latex"))


@settings(max_examples=150, deadline=None)
@given(name=TEXTS | st.text("\\{}$&#^_~%[]*-`'\"<>|\n.abc", max_size=40))
@example(name=r"\input{/etc/passwd}")
@example(name=r"$\write18{rm -rf}$")
@example(name="^^5c")
@example(name=r"\end{tabular}")
@example(name="[x]")
@example(name="*")
def test_no_name_is_a_command_to_tex(name: str) -> None:
    fragment = rendered(named(name, 0.5), Style(), "latex")
    check(fragment)
    assert "^^" not in fragment


@pytest.mark.parametrize(
    "entry", [entry for entry in on_numbers().values() if not entry.helper], ids=lambda entry: entry.name
)
@pytest.mark.parametrize("nodes", ["gates", "elementary", "steps"])
def test_latex_of_every_primitive_is_whole(entry: object, nodes: str) -> None:
    from backpropcli.primitives import Primitive

    assert isinstance(entry, Primitive)
    point = entry.samples[0]
    names = [f"x_{k}" for k in range(len(point))]
    # A sample of 0 and 1 stands for a condition; both arms are shown anyhow.
    call = f"{entry.name}({', '.join(names)})" if entry.operator is None else _operated(entry.operator[0], names)
    report = Formula(f"q = {call}; 2*q").at(dict(zip(names, point, strict=True)), nodes=nodes, latex=True)
    check(rendered(report, Style(), "latex"))


def _operated(sign: str, names: list[str]) -> str:
    return f"{sign} {names[0]}" if len(names) == 1 else f"{names[0]} {sign} {names[1]}"


def test_latex_has_every_number_of_the_table() -> None:
    report = Formula(lecture().formula).at(x=4, y=3, nodes="steps", latex=True)
    numbers = Counter(re.findall(r"-?\d+\.\d+", rendered(report, Style(), "latex")))
    for number in ("0.982014", "0.0176627", "-0.000400288", "0.018013", "0.000318158", "-0.0279194", "-0.00759401"):
        assert numbers[number]


def test_formulas_are_typeset_only_where_that_is_asked_for() -> None:
    assert Formula("x^2").at(x=1).typeset is None
    typeset = Formula("x^2").at(x=1, latex=True).typeset
    assert typeset is not None
    assert typeset.reading == ("x^{2}",)
    assert typeset.rules == {"v1": (r"2 \cdot x",)}


@pytest.mark.parametrize(
    ("name", "typeset"),
    [
        ("x", "x"), ("theta_1", r"\theta_{1}"), ("w0", "w_{0}"), ("rate", r"\mathit{rate}"), ("y_hat", r"\hat{y}"),
        ("y_star", "{y^{*}}"), ("W_11_1", "W_{11,1}"), ("x_max", r"x_{\mathrm{max}}"), ("Omega", r"\Omega"),
        ("Alpha", r"\mathit{Alpha}"), ("_x", r"\mathit{\_x}"), ("sigma12", r"\sigma_{12}"), ("x_k", "x_{k}"),
        ("learning_rate", r"\mathit{learning}_{\mathrm{rate}}"), ("lambda_theta", r"\lambda_{\theta}"),
    ],
)  # fmt: skip
def test_names_are_typeset_as_they_are_written_on_paper(name: str, typeset: str) -> None:
    assert latex.names([name]) == {name: typeset}


@settings(max_examples=100)
@given(st.lists(st.from_regex(r"(x|w|theta|rate)(_?[0-9a])?(_hat|_star|_1)?", fullmatch=True), max_size=12))
@example(["w0", "w_0", "x_11", "x_1_1"])
def test_no_two_names_are_typeset_alike(found: list[str]) -> None:
    assert len(set(latex.names(found).values())) == len(set(found))


@pytest.mark.parametrize(
    ("formula", "typeset"),
    [
        ("-x^2", "-x^{2}"), ("(-x)^2", "(-x)^{2}"), ("a - (b - c)", "a - (b - c)"), ("a - b + c", "a - b + c"),
        ("a*(b + c)", r"a \cdot (b + c)"), ("a/b*c", r"\frac{a}{b} \cdot c"),
        ("(a/b)^2", r"\left(\frac{a}{b}\right)^{2}"),
        ("a + -b", "a + (-b)"), ("-a/b", r"-\frac{a}{b}"), ("exp(x)^2", "(e^{x})^{2}"), ("2^3^x", "2^{3^{x}}"),
        ("1e-7*x", r"10^{-7} \cdot x"), ("x/2.5e10", r"\frac{x}{25000000000}"), ("pi*e", r"\pi \cdot e"),
        ("log_sigmoid(x)*2", r"(\ln \sigma(x)) \cdot 2"), ("softplus(-x)", r"\ln(1 + e^{-x})"),
        ("abs(x)", r"\left|x\right|"),
        ("x < y < 3", r"x < y \land y < 3"), ("1 - expm1(x)", "1 - (e^{x} - 1)"),
        ("sqrt(x^2 + 1)", r"\sqrt{x^{2} + 1}"),
        ("f(t) = t^2; f(x)", ("f(t) = t^{2}", "f(x)")), ("q = x + y; q^2", ("q = x + y", "q^{2}")),
        ("silu(x + 1)", r"(x + 1) \cdot \sigma(x + 1)"),
        ("gain(t) = 2*t; gain(x)", (r"\operatorname{gain}(t) = 2 \cdot t", r"\operatorname{gain}(x)")),
        ("pi = 3; pi*x", (r"\pi = 3", r"\pi \cdot x")),
    ],
)  # fmt: skip
def test_formulas_are_typeset_with_the_brackets_they_need(formula: str, typeset: str | tuple[str, ...]) -> None:
    made = Formula(formula)
    report = made.at(dict.fromkeys([name for name in made.variables if name not in made.bindings], 0.5), latex=True)
    assert report.typeset is not None
    assert report.typeset.reading == (typeset if isinstance(typeset, tuple) else (typeset,))


# What is typeset means what was written: put back into the formula language, it has the same value.


def back(text: str) -> str:
    """Some LaTeX in the formula language again."""
    text = re.sub(r"\\(left|right)(?=[()])", "", text)
    text = re.sub(r"\\left\||\\right\|", lambda match: "abs(" if "left" in match[0] else ")", text)
    for before, after in ((r"\cdot", "*"), (r"\sigma", "sigmoid"), (r"\ln", "log"), (r"\sqrt{", "sqrt{")):
        text = text.replace(before, after)
    while r"\frac{" in text:
        start = text.rindex(r"\frac{")
        middle = _closing(text, start + 5)
        end = _closing(text, middle + 1)
        text = f"{text[:start]}(({text[start + 6 : middle]})/({text[middle + 2 : end]})){text[end + 1 :]}"
    return text.replace("sigmoid ", "sigmoid").replace("{", "(").replace("}", ")").replace("log sigmoid", "log_sigmoid")


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise AssertionError(text)


def grown(choose: random.Random, depth: int) -> str:
    if depth == 0:
        return choose.choice(["x", "y", "2", "3", "1.5", "x"])
    a, b = grown(choose, depth - 1), grown(choose, choose.randrange(depth))
    form = choose.choice(
        ["({a}) + ({b})", "({a}) - ({b})", "({a})*({b})", "({b})/(1 + ({a})^2)", "({a})/(2 + sigmoid({b}))", "-({a})",
         "({a})^2", "({a})^3", "sigmoid({a})", "log_sigmoid({a})", "softplus({a})", "silu({a})", "softsign({a})",
         "abs({a})", "sqrt(1 + ({a})^2)", "exp(sigmoid({a}))", "expm1(sigmoid({b}))", "hypot({a}, {b})",
         "log1p(abs({a}))"]
    )  # fmt: skip
    return form.format(a=a, b=b)


@pytest.mark.parametrize("seed", range(300))
def test_what_is_typeset_has_the_value_of_what_was_written(seed: int) -> None:
    choose = random.Random(seed)
    text = grown(choose, choose.randrange(1, 5))
    formula = Formula(text, variables=["x", "y"])
    point = {name: {"x": 0.75, "y": -1.25}[name] for name in formula.variables}
    typeset = formula.at(point, latex=True).typeset
    assert typeset is not None
    if typeset.reading is None:
        return
    (shown,) = typeset.reading
    again = Formula(back(shown), variables=["x", "y"], max_chars=None)
    assert math.isclose(again.value(point), formula.value(point), rel_tol=1e-9, abs_tol=1e-12), (text, shown)


def test_a_form_that_holds_its_argument_twice_does_not_double_without_end() -> None:
    report = Formula("silu(" * 200 + "x" + ")" * 200).at(x=1, latex=True)
    assert report.typeset is not None
    assert report.typeset.reading is None
    deep = Formula("q = " + "silu(" * 200 + "x" + ")" * 200).at(x=1, nodes="steps", latex=True)
    assert len(rendered(deep, Style(), "latex")) < 50_000
    check(rendered(deep, Style(), "latex"))


def test_a_formula_that_no_page_holds_is_not_typeset() -> None:
    report = Formula("sin(" * 5000 + "x" + ")" * 5000).at(x=1, latex=True)
    assert report.typeset is not None
    assert report.typeset.reading is None
    check(rendered(report, Style(), "latex"))


def test_long_reports_end_pages_between_their_equations() -> None:
    fragment = rendered(REPORTS["curved"](), Style(only="grad"), "latex")
    assert fragment.count(r"\begin{align*}") == 2
    check(rendered(chain(300), Style(), "latex"))


def test_rounded_numbers_are_for_rules_and_exact_ones_for_the_reading() -> None:
    report = Formula("0.1234567890123*x").at(x=1, latex=True)
    assert report.typeset is not None
    assert report.typeset.reading == (r"0.1234567890123 \cdot x",)
    assert Latex(rounded=True).constant(0.1234567890123).text == "0.123457"


if __name__ == "__main__":  # Writes the cases anew, to be looked at before they are committed.
    import contextlib
    import io

    for path in CASES:
        command = path.read_text(encoding="utf-8").split("\n", 1)[0]
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) as out:
            main(shlex.split(command)[1:])
            out.seek(0)
            path.write_text(f"{command}\n---\n{out.read()}", encoding="utf-8")
