"""Derive a formula: the gradient as a program with shared parts."""

from __future__ import annotations

import click

from backpropcli import output
from backpropcli.commands._arguments import FormulaCommand, Question, check_variables
from backpropcli.commands._options import Names, OneOf, output_option
from backpropcli.exporting import targets


@click.command("derive", cls=FormulaCommand, takes_point=False)
@click.option("--wrt", type=Names(), help="Differentiate with respect to these [default: every variable].")
@click.option("--to", type=OneOf(targets()), default="infix", help="The language to write [default: infix].")
@output_option
@click.pass_obj
def command(question: Question, wrt: tuple[str, ...] | None, to: str, file_out: str | None) -> None:
    """Derive a formula: print its gradient as a program in the formula language.

    \b
      backprop derive 'x*sin(y)'
      backprop derive 'x*sin(y)' --wrt x
    """
    check_variables("--wrt", wrt or (), question.formula)
    output.write([f"{question.formula.derivative(wrt, to=to)}\n"], file_out)
