"""`derive --to latex`: what is printed, that it reads back, and that hostile input ends in a message."""

from __future__ import annotations

import math
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backpropcli import Formula, primitives
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Floats
from backpropcli.algebras.latex import Latex
from backpropcli.algebras.text import Source
from backpropcli.cli import main
from backpropcli.exporting import target
from backpropcli.exporting.latex import EQUATIONS, Exact
from backpropcli.graph import GraphBuilder
from backpropcli.language import names
from backpropcli.language.program import build, read
from backpropcli.primitives import PRECEDENCE
from tests.random_graphs import NAMES


def arguments(*texts: str) -> list[Source]:
    return [Source(text, PRECEDENCE["atom"]) for text in texts]


def test_one_derivative_is_one_equation() -> None:
    assert Formula("x*sin(y)").derivative(["x"], to="latex") == r"\[ \frac{\partial z}{\partial x} = \sin(y) \]"
    assert Formula("loss = w1^2").derivative(to="latex") == (
        r"\[ \frac{\partial \mathit{loss}}{\partial \mathit{w1}} = 2 \cdot \mathit{w1} \]"
    )


def test_several_are_lines_and_shared_parts_have_names() -> None:
    assert Formula("exp(x*y)").derivative(to="latex") == (
        "\\begin{align*}\n"
        "  v_{1} &= \\exp(x \\cdot y) \\\\\n"
        "  \\frac{\\partial z}{\\partial x} &= y \\cdot v_{1} \\\\[4pt]\n"
        "  \\frac{\\partial z}{\\partial y} &= x \\cdot v_{1}\n"
        "\\end{align*}"
    )


def test_higher_derivatives_have_their_signs() -> None:
    third = Formula("x^5").derivative(to="latex", order=3)
    assert third == r"\[ \frac{\partial^{3} z}{\partial x^{3}} = 60 \cdot x^{2} \]"
    hessian = Formula("x^2*y_star").derivative(to="latex", hessian=True)
    for head in (r"{\partial x^{2}}", r"{\partial x \, \partial {y^{*}}}", r"{\partial {y^{*}}^{2}}"):
        assert rf"\frac{{\partial^{{2}} z}}{head} &= " in hessian


def test_a_formula_without_variables_has_no_derivatives() -> None:
    assert Formula("2 + 3").derivative(to="latex") == Formula("2 + 3").derivative() == ""


def test_a_page_can_end_between_equations() -> None:
    text = Formula(" + ".join(f"x_{k}^2" for k in range(40))).derivative(to="latex")
    displays = text.split("\\end{align*}\n")
    assert [display.count("&=") for display in displays] == [EQUATIONS, EQUATIONS, 40 - 2 * EQUATIONS]
    assert len(Formula(text).outputs) == 40


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("(x + σ(x)) / (σ(x) + (x + y)^2)", {}),
        ("3*x - 2*y", {}),
        ("x^2*y + sin(x)*y^3", {"hessian": True}),
        ("x*sin(x)", {"order": 4}),
        ("x^y*log(x, y)", {"inline": True}),
        ("q = x*y; r = q^2 + q; r*exp(r)", {}),
        ("W1*x_1 + long_name*theta", {}),
    ],
)
def test_what_is_derived_can_be_evaluated(text: str, asked: dict[str, bool]) -> None:
    formula = Formula(text)
    point = {name: 0.5 + 0.25 * k for k, name in enumerate(formula.variables)}

    def numbers(program: str, syntax: str) -> list[float]:
        derived = Formula(program, variables=formula.variables, syntax=syntax)
        value = derived.at({name: point[name] for name in derived.variables if name in point}).value
        return list(value.values()) if isinstance(value, dict) else [float(value)]

    latex = numbers(formula.derivative(to="latex", **asked), "latex")
    infix = numbers(formula.derivative(**asked), "infix")
    assert latex == pytest.approx(infix, rel=1e-12)


def test_a_name_of_a_derivative_that_is_taken_is_another() -> None:
    derived = Formula(Formula("dz_dx*x").derivative(to="latex"), syntax="latex")
    assert derived.at(dz_dx=3.0, x=2.0).value == {"dz_dx_": 3.0, "dz_ddz_dx": 2.0}


# Names


@pytest.mark.parametrize("name", NAMES)
def test_names_read_back(name: str) -> None:
    text = Exact().name(name).text
    for written in (text, rf"{text}^{{2}}", rf"\frac{{{text}}}{{3}}", rf"\sin({text}) \cdot {text}"):
        assert set(Formula(written, syntax="latex").variables) == {name}


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,12}", fullmatch=True))
def test_any_name_reads_back(name: str) -> None:
    if name in primitives.CONSTANTS or name in {"and", "or", "not", "if"} or not names.is_name(name):
        return
    assert Formula(f"2 \\cdot {Exact().name(name).text} + 1", syntax="latex").variables == (name,)


# Numbers


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_to_the_last_digit(number: float) -> None:
    builder = GraphBuilder()
    graph = builder.graph([builder.apply("mul", [builder.variable("x"), builder.constant(number)])])
    again = build(read(target("latex").write(graph, ["out"]), syntax="latex"))
    assert again.nodes == graph.nodes


# Forms


def test_an_axis_is_not_lost() -> None:
    for algebra in (Latex(), Exact()):
        assert algebra.function("sum", 2)(*arguments("A", "0")).text == r"\operatorname{sum}(A, \mathrm{axis} = 0)"
        assert algebra.function("max_over", 2)(*arguments("A", "1")).text == r"\max(A, \mathrm{axis} = 1)"
        text = algebra.function("concat_along", 3)(*arguments("1", "A", "B")).text
        assert text == r"\operatorname{concat}(A, B, \mathrm{axis} = 1)"
    assert Latex().function("sum", 2)(*arguments("A", r"\infty")).text == r"\sum A"
    typeset = Formula("sum(A, axis=0)").at(A=[[1.0, 2.0], [3.0, 4.0]], latex=True).typeset
    assert typeset is not None
    assert typeset.reading == (r"\operatorname{sum}(A, \mathrm{axis} = 0)",)


@pytest.mark.parametrize("entry", primitives.TABLE.values(), ids=lambda entry: entry.name)
def test_every_primitive_reads_back(entry: primitives.Primitive) -> None:
    """As itself; one that only derivatives are written with as itself or by functions of the same value."""
    for sample in entry.samples[:3]:
        builder = GraphBuilder()
        count = len(sample) if not entry.variadic or entry.names[-1] in entry.static else max(len(sample), 2)
        kept = [entry.names[min(k, len(entry.names) - 1)] in entry.static for k in range(count)]
        args = [builder.constant(sample[k]) if kept[k] else builder.variable(f"x_{k}") for k in range(count)]
        graph = builder.graph([builder.apply(entry.name, args)])
        again = build(read(target("latex").write(graph, ["out"]), syntax="latex"))
        if again.nodes[again.outputs[0]].op == entry.name:
            return
        if entry.written and entry.name != entry.written:
            continue  # Written as another entry, which shapes decide about.
        assert entry.helper
        assert not entry.array
        point = {f"x_{k}": float(value) for k, value in enumerate(sample)}
        value, wanted = [fold(each, Floats(), point)[each.outputs[0]] for each in (again, graph)]
        assert math.isclose(value, wanted, rel_tol=1e-6, abs_tol=1e-9)


# Hostile and malformed LaTeX: a message, and nothing else


def test_the_limits_of_sums_are_given_to_derive(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", r"\sum_{j=0}^{D} \theta_j x^j", "--D", "2", "--wrt", "theta_2", "--to", "latex"]) == 0
    assert capsys.readouterr().out == "\\[ \\frac{\\partial z}{\\partial \\theta_{2}} = x^{2} \\]\n"


@pytest.mark.parametrize(
    "text",
    [
        r"\input{/etc/passwd}",
        r"\include{x}",
        r"\write18{touch written} x",
        r"\immediate\write18{touch written}",
        r"\def\x{1}\x",
        r"\newcommand{\x}{1}",
        r"\catcode`\%=12",
        r"\csname input\endcsname",
        r"\let\x=\y",
        r"^^5cinput{x}",
        r"\unknown{x}",
        r"\begin{filecontents}{x}",
        r"\begin{document}",
        r"\left( x",
        r"x \right)",
        r"\left( x \right]",
        r"\frac{x",
        r"x }",
        r"\operatorname{\input{x}}(x)",
        r"x_{\input{x}}",
        r"\mathit{\write18{x}}",
        r"\text{\input{x}}",
        r"\mathit{a\b}",
    ],
)
@pytest.mark.parametrize("command", ["eval {} --x 1 --format latex", "derive {} --to latex"])
def test_hostile_latex_is_a_message(text: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [text if word == "{}" else word for word in shlex.split(command)]
    assert main([*words, "--syntax", "latex"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        r"\left(" * 100_000,
        "x_{" * 100_000,
        r"\frac{" * 100_000,
        rf"\frac{{\partial {'{' * 100_000}}}{{x}}",
        rf"\frac{{\partial {'{' * 100_000}z{'}' * 100_000}z}}{{\partial x}} = ",
    ],
    ids=["group", "left", "subscript", "fraction", "derivative", "differential"],
)
def test_a_hundred_thousand_open_brackets_are_a_message(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--syntax", "latex"], ["--syntax", "latex", "--max-chars", "10000000"]):
        assert main(["derive", text, "--to", "latex", *more]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err) < 1000
