"""Show examples: command lines to try, by topic or for a function."""

from __future__ import annotations

from collections.abc import Iterator

import click

from backpropcli import output, primitives
from backpropcli.commands._options import output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.language import names
from backpropcli.primitives import Primitive, about
from backpropcli.records import NamedTuple


class Example(NamedTuple):
    """Command lines about one thing."""

    title: str
    lines: tuple[tuple[str, str], ...]
    """What each shows, and the line."""


LECTURE = "s = σ(x); n = x + s; q = (x + y)^2; d = s + q; r = 1/d; z = n*r"

EXAMPLES = {
    "tables": Example(
        "The two tables of a lecture, at several granularities",
        (
            (
                "A row a definition, as the lecture fills them in:",
                f"backprop eval '{LECTURE}' --x 4 --y 3 --nodes steps",
            ),
            ("A row an operation:", "backprop eval '(x + σ(x))/(σ(x) + (x + y)^2)' --x 4 --y 3"),
            ("A row a gate of the circuit:", "backprop eval 'σ(w*x + b)' --w 2 --x -1 --b 0.5 --nodes elementary"),
        ),
    ),
    "explain": Example(
        "Both passes in words",
        (
            (
                "As on a board, with the numbers put in:",
                f"backprop eval '{LECTURE}' --x 4 --y 3 --nodes steps --explain",
            ),
            ("Max routes, mul switches:", "backprop eval 'max(x, y)*x' --x 2 --y 1 --explain"),
        ),
    ),
    "map": Example(
        "Rows of points, grids and curves",
        (
            ("A value and a gradient a row:", "printf 'x,y\\n4,3\\n1,2\\n' | backprop map 'x*y^2'"),
            ("Points that are made:", "backprop map 'x^2*y' --grid x=0:1:0.25 --y 2 --format csv"),
            ("Curves:", "backprop map 'sin(x)/x' --grid x=0.1:20:0.1 --plot"),
        ),
    ),
    "modes": Example(
        "Reverse and forward mode",
        (
            ("Adjoints, against the arrows:", "backprop eval 'x*exp(x*y)' --x 1 --y 0.5"),
            ("Tangents, with them:", "backprop eval 'x*exp(x*y)' --x 1 --y 0.5 --mode forward"),
            ("Both, by x alone:", "backprop eval 'x*exp(x*y)' --x 1 --y 0.5 --mode both --wrt x"),
        ),
    ),
    "second": Example(
        "Second derivatives and beyond",
        (
            ("The Hessian:", "backprop eval 'x^2*y + sin(y)' --x 3 --y 2 --hessian"),
            ("The Hessian times a direction:", "backprop eval 'x^2*y + sin(y)' --x 3 --y 2 --hvp 'x=1, y=0'"),
            ("Four derivatives by one variable:", "backprop eval 'tanh(x)' --x 0.5 --order 4"),
            ("The derivative along a direction:", "backprop eval 'x^2*y' --x 3 --y 2 --jvp 'x=1, y=-1'"),
        ),
    ),
    "outputs": Example(
        "Several outputs",
        (("Their Jacobian:", "backprop eval 'u = r*cos(t); v = r*sin(t)' --r 2 --t 0.5 --jacobian"),),
    ),
    "edges": Example(
        "Where the derivative is not plain",
        (
            ("A kink, and the convention that is used there:", "backprop eval 'abs(x)*y' --x 0 --y 3"),
            ("A slope that is infinite:", "backprop eval 'sqrt(x) + y' --x 0 --y 1"),
            ("An arm that is not taken poisons nothing:", "backprop eval 'x > 0 ? log(x) : 0' --x 0"),
            ("Digits where the textbook's form has none:", "backprop eval 'σ(x)' --x 40 --only grad --sig-digits full"),
        ),
    ),
    "formulas": Example(
        "How formulas are written",
        (
            (
                "As on paper, where paper is unambiguous:",
                "backprop eval '2x^2 + (x + y)z - θ_1' --x 1 --y 2 --z 3 --θ_1 4",
            ),
            (
                "Definitions in any order, a function of one's own:",
                "backprop eval 'J = f(a) + f(-a); f(t) = t^2; a = w*x' --w 2 --x 3",
            ),
            ("Values in the formula itself:", "backprop eval 'x = -2, y = 5, z = -4; (x + y)*z'"),
            ("A formula that begins with a minus:", "backprop eval '-x^2' --x -3"),
            (
                "Over an index, in LaTeX, with arrays for what has the index:",
                r"backprop eval 'y = \sum_j \beta_j z_j, z_j = \sigma(w_j x)' --beta '[1, 2]' --w '[3, -1]' --x 0.5",
            ),
        ),
    ),
    "derive": Example(
        "The gradient as a formula",
        (
            ("A program whose shared parts have names:", "backprop derive 'x*sin(x*y)'"),
            (
                "By one variable, and evaluated again:",
                "backprop derive 'x*sin(x)' --wrt x | backprop eval - --x 0.5 --only value",
            ),
        ),
    ),
    "formats": Example(
        "Output for programs, spreadsheets and papers",
        (
            ("JSON with every digit:", "backprop eval 'w*x + b' --w 2 --x 3 --b 0.5 --json"),
            ("One line of it:", "backprop eval 'w*x + b' --w 2 --x 3 --b 0.5 --format ndjson --only grad"),
            ("A row an edge, for a spreadsheet:", "backprop eval 'w*x + b' --w 2 --x 3 --b 0.5 --format csv"),
            ("Tables for a paper:", "backprop eval 'w*x + b' --w 2 --x 3 --b 0.5 --format latex"),
            ("Tables for a README:", "backprop eval 'w*x + b' --w 2 --x 3 --b 0.5 --format markdown"),
        ),
    ),
    "points": Example(
        "Where values come from",
        (
            ("Several at once:", "backprop eval 'w*x + b' --at 'w=2, x=3, b=1/2'"),
            ("From another program:", 'echo \'{"w": 2, "x": 3, "b": 0.5}\' | backprop eval \'w*x + b\' --at @-'),
            ("The formula from standard input:", "echo 'x^2 + 1' | backprop eval - --x 3"),
        ),
    ),
}
"""The examples by topic; a test runs every line."""


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in (*EXAMPLES, *_functions()) if name.startswith(incomplete)]


@click.command("examples")
@click.argument("name", required=False, shell_complete=_complete)
@output_option
def command(name: str | None, file_out: str | None) -> None:
    """Show examples: command lines to try, by topic or for a function.

    NAME is a topic of the list, or a function.

    \b
      backprop examples
      backprop examples edges
      backprop examples sigmoid
      backprop examples tables | sh
    """
    output.write(_list() if name is None else _shown(name), file_out)


def _list() -> Iterator[str]:
    for name, example in EXAMPLES.items():
        yield f"{name:<12}{example.title}\n"
    yield "\nbackprop examples NAME shows them; NAME may be a function too, as in sigmoid.\n"


def _shown(name: str) -> Iterator[str]:
    example = EXAMPLES.get(name)
    if example is not None:
        return _lines(example)
    spelled = names.canonical(name)
    found = [entry for entry in primitives.spellings().get(spelled, ()) if not entry.helper]
    if not found:
        near = names.closest(spelled, [*EXAMPLES, *_functions()])
        hint = f"did you mean {near}?" if near else "backprop examples lists the topics"
        raise BackpropError(f"there are no examples of {visible(name, 60)!r}", hint=hint)
    return (piece for entry in found for piece in _lines(_of(entry)))


def _functions() -> list[str]:
    return [spelling for spelling, entries in primitives.spellings().items() if not all(e.helper for e in entries)]


def _lines(example: Example) -> Iterator[str]:
    """The example as a script: what it shows in comments, the lines as they are."""
    yield f"# {example.title}\n"
    for said, line in example.lines:
        yield f"\n# {said}\n{line}\n"


def _of(entry: Primitive) -> Example:
    """An example of every kind for an entry of the table, from its test points."""
    formula, point = about.example(entry)
    options = about.options(point)
    lines = [("Value, gradient and tables:", f"backprop eval '{formula}' {options}")]
    if not entry.array:
        lines.append(("Its derivative as a formula:", f"backprop derive '{formula}'"))
    if len(point) == 1 and not entry.array:
        lines.append(("Its derivatives up to the third:", f"backprop eval '{formula}' {options} --order 3"))
    return Example(f"{about.signature(entry)}: {entry.doc}", tuple(lines))
