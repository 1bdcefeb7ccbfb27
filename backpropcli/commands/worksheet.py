"""Print the sheet of an assignment that students fill in, or its key."""

from __future__ import annotations

from collections.abc import Iterator

import click

from backpropcli import output
from backpropcli.commands._options import Count, output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.homework import assignment as assignments
from backpropcli.homework import worksheet
from backpropcli.homework.paper import Paper, paper
from backpropcli.homework.sheets import STUDENT_LENGTH

ANSWER_IS_NO = 1
_SHOWN = 10


@click.command("worksheet")
@click.argument("assignment", type=click.Path())
@click.option("--key", is_flag=True, help="Print the key: the sheet with the true numbers in it.")
@click.option("--check", is_flag=True, help="Prove that the key marks itself full; 1 if it does not.")
@click.option("--student", metavar="NAME", default="", help="Write a student's name into the sheet.")
@click.option(
    "--sig-digits",
    type=Count(1, 17, words=("full",)),
    help=f"Significant digits in the key [default: {worksheet.DIGITS}; all where the rule is relative].",
)
@output_option
def command(
    assignment: str, key: bool, check: bool, student: str, sig_digits: int | str | None, file_out: str | None
) -> None:
    """Print the sheet of an assignment that students fill in: both tables in Markdown, with a ? in every cell.

    \b
      backprop worksheet homework.toml -o sheet.md
      backprop worksheet homework.toml --key -o key.md
      backprop worksheet homework.toml --check
    """
    if check and key:
        raise BackpropError("--check and --key are two things to print", hint="leave out one of them")
    if not student.isprintable() or len(student) > STUDENT_LENGTH:
        raise BackpropError(
            f"--student takes a name of at most {STUDENT_LENGTH} characters, not {visible(student, 60)}",
            hint="as in --student s01",
        )
    made = paper(assignments.read(assignment))
    digits = None if isinstance(sig_digits, str) else sig_digits
    if sig_digits is None and made.assignment.marking.rule == "shown":
        digits = worksheet.DIGITS
    if check or key:
        output.say([visible(line) for line in _notes(made)])
    if not check:
        output.write(worksheet.sheet(made, student=student, key=key, digits=digits), file_out)
        return
    lacking, points = worksheet.checked(made, digits)
    if not lacking:
        output.write(
            [f"the key of {made.assignment.id} marks itself full: {points:g} of {points:g} points\n"], file_out
        )
        return
    lines = [
        f"{each.question}: {each.quantity.shown} = {each.claimed} is {each.verdict}\n" for each in lacking[:_SHOWN]
    ]
    more = [f"... and {len(lacking) - _SHOWN:,} more\n"] if len(lacking) > _SHOWN else []
    output.write([f"the key of {made.assignment.id} does not mark itself full:\n", *lines, *more], file_out)
    raise click.exceptions.Exit(ANSWER_IS_NO)


def _notes(made: Paper) -> Iterator[str]:
    """What is special about the points: where a derivative is a convention, students may know another one."""
    for question in made.assignment.questions:
        board = made.board(question.id)
        for note in () if board.symbolic else board.report.notes[:_SHOWN]:
            yield f"{note.severity}: question {question.id}: {note.message}"
