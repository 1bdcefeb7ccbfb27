"""Derive a formula: the gradient as a program with shared parts."""

from __future__ import annotations

import click

from backpropcli import output
from backpropcli.commands._arguments import FormulaCommand, Question, check_variables
from backpropcli.commands._options import Count, Names, OneOf, output_option
from backpropcli.errors import BackpropError
from backpropcli.exporting import targets

# An order beyond this is no formula that anyone reads; `eval --order` gives the numbers.
MAX_ORDER = 20


@click.command("derive", cls=FormulaCommand, takes_point=False)
@click.option("--wrt", type=Names(), help="Differentiate with respect to these [default: every variable].")
@click.option("--to", type=OneOf(targets()), default="infix", help="The language to write [default: infix].")
@click.option("--order", type=Count(1, MAX_ORDER), default=1, help="The N-th derivative, by one variable [default: 1].")
@click.option("--hessian", is_flag=True, help="The second derivatives, on and above the diagonal.")
@click.option("--inline", is_flag=True, help="Write formulas out, without names for their shared parts.")
@output_option
@click.pass_obj
def command(
    question: Question,
    wrt: tuple[str, ...] | None,
    to: str,
    order: int,
    hessian: bool,
    inline: bool,
    file_out: str | None,
) -> None:
    """Derive a formula: print its gradient as a program in the formula language, or in another one.

    \b
      backprop derive 'x*sin(y)'
      backprop derive 'x*sin(y)' --wrt x
      backprop derive 'exp(-x^2)' --order 3
      backprop derive 'x*sin(y)' --to latex
      backprop derive 'x*sin(y)' --to sql

    Limits of sums are given as --D 3. What is printed can be evaluated. In the formula language, of several derivatives
    one that is a number is written 3 + 0*x, since dz_dx = 3 would only give a variable its value. In SQL it is a query
    over the table points, which gives every row the value, too.
    """
    check_variables("--wrt", wrt or (), question.formula)
    if hessian and order > 1:
        raise BackpropError("--hessian and --order contradict each other", hint="leave out one of them")
    text = question.formula.derivative(wrt, to=to, order=order, hessian=hessian, inline=inline)
    output.write([f"{text}\n"], file_out)
