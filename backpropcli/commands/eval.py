"""Evaluate a formula at a point: value, gradient, and both passes as tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from backpropcli import output
from backpropcli.commands._arguments import FormulaCommand, Question, check_variables
from backpropcli.commands._options import Count, Names, OneOf, output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.formula import Formula
from backpropcli.reading import points, values
from backpropcli.rendering import Style, formats, notes, renderer

DEFAULT_FORMAT = "table"
MAX_ORDER = 100
ANSWER_IS_NO = 1


@click.command("eval", cls=FormulaCommand)
@click.option("--wrt", type=Names(), help="Differentiate with respect to these [default: every variable].")
@click.option(
    "--mode",
    type=OneOf(("reverse", "forward", "both")),
    default="reverse",
    help="The passes to show: adjoints against the arrows, tangents with them, or both [default: reverse].",
)
@click.option(
    "--nodes",
    type=OneOf(("gates", "elementary", "steps")),
    default="gates",
    help="What one row is: an operation as written, an elementary gate, or a definition [default: gates].",
)
@click.option("--only", type=OneOf(("value", "grad", "tables")), help="Print this part alone.")
@click.option("--order", type=Count(1, MAX_ORDER), help="Also the derivatives up to the N-th, by one variable.")
@click.option("--jacobian", is_flag=True, help="Also the Jacobian; with several outputs in place of the gradient.")
@click.option("--hessian", is_flag=True, help="Also the matrix of second derivatives.")
@click.option("--jvp", metavar="DIRECTION", help="Also the derivative along a direction, as in 'x=1, y=0'.")
@click.option("--vjp", metavar="SEED", help="The gradient from this adjoint of the output or outputs, as in '[1, 0]'.")
@click.option("--hvp", metavar="DIRECTION", help="Also the Hessian times a direction, as in 'x=1, y=0'.")
@click.option("--partial", type=Names(again=True), multiple=True, help="Also a mixed derivative; may be repeated.")
@click.option(
    "--finite-differences", is_flag=True, help="Also check the gradient by differences of values; 1 if wrong."
)
@click.option(
    "--diagnose", is_flag=True, help="Also where digits are lost, values overflow, gates saturate and slopes vanish."
)
@click.option(
    "--op-count", is_flag=True, help="Also what value and gradient cost, by each mode, in operations, memory and time."
)
@click.option("--explain", is_flag=True, help="Also both passes in words, a step a node.")
@click.option("--ieee", is_flag=True, help="Compute as IEEE 754 does: NaN and Infinity go in and out.")
@click.option("--strict", is_flag=True, help="Refuse points where a derivative is a convention, infinite or undefined.")
@click.option("--format", "format_name", type=OneOf(formats()), help=f"How to print [default: {DEFAULT_FORMAT}].")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--sig-digits", type=Count(1, 17, words=("full",)), default=6, help="Significant digits in tables [default: 6]."
)
@click.option("--color", type=OneOf(("auto", "always", "never")), default="auto", help="Colour [default: auto].")
@output_option
@click.pass_obj
def command(
    question: Question,
    wrt: tuple[str, ...] | None,
    mode: str,
    nodes: str,
    only: str | None,
    order: int | None,
    jacobian: bool,
    hessian: bool,
    jvp: str | None,
    vjp: str | None,
    hvp: str | None,
    partial: tuple[tuple[str, ...], ...],
    finite_differences: bool,
    diagnose: bool,
    op_count: bool,
    explain: bool,
    ieee: bool,
    strict: bool,
    format_name: str | None,
    as_json: bool,
    sig_digits: int | str,
    color: str,
    file_out: str | None,
) -> None:
    """Evaluate a formula at a point, and differentiate it.

    The formula is a word in quotes; - reads it from standard input, -f from a file, -e takes it whatever it begins
    with. Each variable's value is an option of its name: a number, a constant formula such as pi/2, an array such as
    '[1, 2; 3, 4]', or either in a file, @file.json, @file.csv or @file.npy.

    \b
      backprop eval '(x + σ(x)) / (σ(x) + (x + y)^2)' --x 4 --y 3
      backprop eval '-x^2' --x -2 --json
    """
    if as_json and format_name not in (None, "json"):
        raise BackpropError(f"--json and --format {format_name} contradict each other", hint="leave out one of them")
    formula = question.formula
    check_variables("--wrt", wrt or (), formula)
    for path in partial:
        check_variables("--partial", tuple(dict.fromkeys(path)), formula)
    if order is not None and len(wrt or formula.variables) != 1:
        raise BackpropError(
            f"--order {order} is about one variable, but here are {len(wrt or formula.variables):,}",
            hint=f"choose one, as in --wrt {formula.variables[0]}" if formula.variables else "the formula has none",
        )
    with _diagnosed(formula, question.point) if diagnose else nullcontext():
        report = formula.at(
            question.point,
            wrt=wrt,
            mode=mode,
            nodes=nodes,
            order=order,
            jacobian=jacobian,
            hessian=hessian,
            jvp=_direction("--jvp", jvp, question),
            vjp=None if vjp is None else _seed(vjp, question),
            hvp=_direction("--hvp", hvp, question),
            partial=[",".join(path) for path in partial],
            finite_differences=finite_differences,
            diagnose=diagnose,
            op_count=op_count,
            tables=only in (None, "tables"),
            explain=explain and only is None,
            ieee=ieee,
            strict=strict,
            latex=format_name == "latex",
        )
    to_file = not output.is_standard(file_out)
    stream = None if to_file else sys.stdout
    style = Style(
        width=output.width(stream),
        color=output.colored(color, output.is_terminal(stream)),
        digits=None if isinstance(sig_digits, str) else sig_digits,
        unicode=to_file or output.takes_unicode(stream),
        only=only,
    )
    output.write(renderer("json" if as_json else format_name or DEFAULT_FORMAT).render(report, style), file_out)
    if report.notes:
        output.say(notes(report, _for_stderr(style, color)))
    if finite_differences and not report.extras["finite_differences"]["ok"]:
        raise click.exceptions.Exit(ANSWER_IS_NO)


@contextmanager
def _diagnosed(formula: Formula, point: Mapping[str, Any]) -> Iterator[None]:
    """Where there is no value, what led there is told before the error."""
    try:
        yield
    except BackpropError:
        found = formula.diagnose(point)["findings"] if len(formula.outputs) == 1 else []
        if any(finding["kind"] == "not_finite" for finding in found):
            rest = [finding for finding in found if finding["kind"] != "not_finite"]
            output.say(visible(f"{each['severity']}: {each['message']}; {each['hint']}") for each in rest)
        raise


def _for_stderr(style: Style, color: str) -> Style:
    return Style(
        width=output.width(sys.stderr),
        color=output.colored(color, output.is_terminal(sys.stderr)),
        digits=style.digits,
        unicode=output.takes_unicode(sys.stderr),
    )


def _seed(written: str, question: Question) -> list[Any]:
    """The adjoints that `[1, 0]` gives: the entries of one output, or one of each output, which may be arrays too."""
    text = written.strip()
    if not text.startswith(("[", "@")):
        text = f"[{text}]"  # The brackets may be left out.
    parts = [text]
    several = len(question.formula.outputs) > 1 and text.startswith("[") and text.endswith("]")
    if several:
        parts = list(points.parts(text[1:-1]))
    if text == "[]" or not all(part.strip() for part in parts):
        raise BackpropError("--vjp lacks a number", hint="give one for each output, as in --vjp '[1, 0]'")
    found: list[Any] = [values.read(part, "--vjp", max_bytes=question.max_bytes) for part in parts]
    return found if several or isinstance(found[0], float) else found[0]


def _direction(option: str, written: str | None, question: Question) -> dict[str, values.Value] | None:
    """The direction that an option gives, by the variables' names."""
    if written is None:
        return None
    given = list(points.point(written, option))
    check_variables(option, [each.name for each in given], question.formula)
    return {each.name: each.read(max_bytes=question.max_bytes) for each in given}
