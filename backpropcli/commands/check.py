"""Mark homework: a class's sheets against an assignment, or one's own numbers against a formula."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from backpropcli import output
from backpropcli.commands._arguments import FormulaCommand, Question, line_words
from backpropcli.commands._options import OneOf, output_option
from backpropcli.commands._scan import Line, Text, scan
from backpropcli.errors import BackpropError, DataError, Span, visible
from backpropcli.homework import assignment as assignments
from backpropcli.homework import class_run, compared, feedback, model, sheets
from backpropcli.homework.claims import read_claim
from backpropcli.homework.marking import Marker
from backpropcli.homework.paper import Paper, paper
from backpropcli.homework.results import OWN, Marks, formats, renderer
from backpropcli.homework.unseen import with_point
from backpropcli.language import names
from backpropcli.reading import sources
from backpropcli.reading.points import Given
from backpropcli.rendering import Style

DEFAULT_FORMAT = "text"
ANSWER_IS_NO = 1
_NOTES = 100
_SHEETS = 4
"""How many sheets of a student are named."""
_PROGRESS = 24
"""Students from which on it is shown how far it has come."""


class CheckCommand(FormulaCommand):
    """A command with two forms: an assignment and answers, or `--formula` with a point and claims."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unwanted = {"expression", "file"}
        self.params = [param for param in self.params if param.name not in unwanted]
        self._argument = click.Argument(["words"], nargs=-1, type=click.Path(), metavar="ASSIGNMENT ANSWERS...")

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """How the command is written."""
        return ["ASSIGNMENT ANSWERS... | --formula FORMULA --NAME VALUE... 'dz/dx = NUMBER'...", "[OPTIONS]"]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line in one of its forms; `ctx.obj` becomes the Question where there is a formula."""
        options = [param for param in click.Command.get_params(self, ctx) if isinstance(param, click.Option)]
        line = scan(args, options, lenient=True)
        helped = ctx.resilient_parsing or any([spelling in ctx.help_option_names for _, spelling, _ in line.own])
        if line.has("formula") or helped:
            return super().parse_args(ctx, args)
        line = scan(args, options)
        if line.variables:
            raise self._takes_no_values(line.variables[0])
        for option, spelling, _ in line.own:
            if option.name in ("assignments", "at", "given", "allow_unused"):
                raise BackpropError(f"{spelling} goes with --formula", hint="an assignment has a point of its own")
        ctx.obj = None
        return click.Command.parse_args(self, ctx, line_words(line, None, self._argument.nargs))

    def needs_point(self, line: Line) -> bool:
        """Without any value formulas may be asked for, and have to be given as answers."""
        return bool(line.variables) or any([line.has(name) for name in ("assignments", "at")])

    def _text(self, line: Line, *, lenient: bool) -> Text:
        written = line.last("formula")
        if written is None:
            raise BackpropError("no formula is given")  # Help alone asks for one where there is none.
        return Text(written, "--formula")

    def _takes_no_values(self, given: Given) -> BackpropError:
        problem = super()._takes_no_values(given)
        problem.message = f"{visible(given.where, 60)} is no option, and there is no --formula with variables"
        return problem


@click.command("check", cls=CheckCommand)
@click.option("--formula", metavar="FORMULA", help="Mark one's own numbers of this formula; definitions are its steps.")
@click.option("--given", multiple=True, metavar="CLAIM", help="An earlier number of one's own, as in 's = 0.98'.")
@click.option("--level", type=OneOf(assignments.LEVELS), help="How much is told [default: the assignment's; locate].")
@click.option("--decimal", type=OneOf((".", ",", "either")), help="The sign before decimals [default: either].")
@click.option("--student", metavar="NAME", help="Tell about this student alone.")
@click.option("--gradebook", metavar="FILE", type=click.Path(), help="Also write a gradebook in CSV.")
@click.option("--against", metavar="FILE", type=click.Path(), help="Also whose marks change against an earlier --json.")
@click.option("--format", "format_name", type=OneOf(formats()), help=f"How to print [default: {DEFAULT_FORMAT}].")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--color", type=OneOf(("auto", "always", "never")), default="auto", help="Colour [default: auto].")
@output_option
@click.pass_obj
def command(
    question: Question,
    words: tuple[str, ...],
    formula: str | None,
    given: tuple[str, ...],
    level: str | None,
    decimal: str | None,
    student: str | None,
    gradebook: str | None,
    against: str | None,
    format_name: str | None,
    as_json: bool,
    color: str,
    file_out: str | None,
) -> None:
    """Mark homework: every number against the student's own earlier ones, so that one error costs one step.

    ASSIGNMENT is a teacher's file in TOML. ANSWERS are sheets in Markdown, a class in CSV or JSON, folders of them, or
    - for standard input. With --formula one's own numbers are marked, and the exit code is 1 where not all are right.

    \b
      backprop check homework.toml sheets/ --gradebook grades.csv
      backprop check --formula 's = σ(x); z = x*s' --x 2 's = 0.88' 'dz/dx = 1.09'
    """
    if as_json and format_name not in (None, "json"):
        raise BackpropError(f"--json and --format {format_name} contradict each other", hint="leave out one of them")
    form = "json" if as_json else format_name or DEFAULT_FORMAT
    if gradebook == "-":
        raise BackpropError("--gradebook takes a file's name, not -", hint="--format gradebook prints it")
    right = True
    if formula is not None:
        for option, value in (("--student", student), ("--gradebook", gradebook), ("--against", against)):
            if value is not None:
                raise BackpropError(f"{option} is about a class, and --formula about one's own numbers", hint=_FORMS)
        marks, right = _own(question, formula, words, given, level, decimal)
    else:
        marks = _class(words, level, decimal, student, against)
    style = _style(color, file_out)
    if gradebook is not None:
        output.write(renderer("gradebook").render(marks, style), gradebook)
    output.write(renderer(form).render(marks, style), file_out)
    if marks.changes is not None and form not in ("text", "json"):
        _say("change", [compared.line(change) for change in marks.changes])
    if not right:
        raise click.exceptions.Exit(ANSWER_IS_NO)


_FORMS = "write backprop check ASSIGNMENT ANSWERS..., or backprop check --formula FORMULA --x 4 'dz/dx = 2'"


def _style(color: str, file_out: str | None) -> Style:
    to_file = not output.is_standard(file_out)
    stream = None if to_file else sys.stdout
    return Style(
        width=output.width(stream),
        color=output.colored(color, output.is_terminal(stream)),
        unicode=to_file or output.takes_unicode(stream),
    )


def _say(kind: str, said: Sequence[str]) -> None:
    """Messages on stderr, and at most a hundred of them."""
    lines = [visible(f"{kind}: {each}") for each in said[:_NOTES]]
    output.say([*lines, *([f"... and {len(said) - _NOTES:,} more"] if len(said) > _NOTES else [])])


# One's own numbers


def _own(
    question: Question, formula: str, words: Sequence[str], given: Sequence[str], level: str | None, decimal: str | None
) -> tuple[Marks, bool]:
    """One's own numbers, marked, and whether all of them are right."""
    if not words:
        raise BackpropError("no number of yours is given", hint=f"write what you have found, {_CLAIM}")
    program = question.formula
    point = {name: _plain(value) for name, value in {**program.bindings, **question.point}.items()}
    asked = model.Question("", formula, point, decimal=decimal or "either")
    missing = [name for name in program.variables if name not in point]
    if missing:
        names_ = (*program.variables, *program.outputs)
        claims = [read_claim(_parted(text)[2], asked.decimal, names_) for text in words]
        if point or not any([claim.formula is not None for claim in claims]):
            raise program.missing(missing, point)
        asked = with_point(asked)
    marker = Marker(asked)
    answers = [_claim(text, "") for text in words] + [_claim(text, "--given ")._replace(given=True) for text in given]
    for each in answers:
        # Said at once, with what there is: a misspelled name is no wrong number.
        marker.board.resolve(each.quantity)
    result = model.Result("", marker.mark(answers, missing=False))
    told = feedback.told(result, level or feedback.LOCATE, {"": marker.board})
    right = all([each.verdict in (model.RIGHT, model.BY_ROUNDING) for each in result.marked])
    return Marks(OWN, "", level or feedback.LOCATE, [told], own=True), right


_CLAIM = "as in 'dz/dx = -0.0076' or 'adjoint s = 0.018'"


def _plain(value: Any) -> Any:
    return value if isinstance(value, (float, list)) else value.tolist()


def _claim(text: str, option: str) -> model.Answer:
    """What a claim `dz/dx = -0.0076` says of which quantity."""
    name, equals, written = _parted(text)
    if not equals:
        raise BackpropError(
            f"{option}{visible(text, 60)} says no number",
            source=text,
            span=Span(0, len(text)),
            hint=f"write a quantity, = and a number, {_CLAIM}",
        )
    return model.Answer(model.read_quantity(name.strip()), written.strip())


def _parted(text: str) -> tuple[str, str, str]:
    """What stands before and after the first sign of equality; a colon is one where there is no other."""
    found = re.search("[=≈]", text) or re.search(":", text)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


# A class


def _class(
    words: Sequence[str], level: str | None, decimal: str | None, student: str | None, against: str | None
) -> Marks:
    """The sheets of a class, marked."""
    if not words:
        raise BackpropError("an assignment is expected, but none is given", hint=_FORMS)
    if len(words) == 1:
        raise BackpropError("sheets are expected after the assignment, but none are given", hint=_FORMS)
    assignment = assignments.read(words[0])
    if decimal is not None:
        assignment = replace(
            assignment, questions=tuple([replace(each, decimal=decimal) for each in assignment.questions])
        )
    before = None if against is None else compared.earlier(against)
    made = paper(assignment)
    items, notes = _items(words[1:], made)
    results = list(_shown(class_run.results(made, items), len(items)))
    if len(results) == 1 and results[0].problem is not None:
        raise DataError(results[0].problem, hint="backprop worksheet prints the sheet that is to be filled in")
    passed = [note for each in results for note in each.notes]
    _say("note", notes + passed + _twice(results) + _empty(results))
    _say("warning", [each.problem for each in results if each.problem is not None])
    if student is not None:
        results = _chosen(results, student)
    boards = {question.id: made.board(question.id) for question in assignment.questions}
    told = [feedback.told(result, level or assignment.level, boards) for result in results]
    changes = None if before is None else compared.changes(told, before)
    return Marks(assignment.id, assignment.title, level or assignment.level, told, changes=changes)


def _items(paths: Sequence[str], made: Paper) -> tuple[list[class_run.Item], list[str]]:
    """The files of students, and the sheets in files that hold a class; and what was passed over."""
    items: list[class_run.Item] = []
    notes: list[str] = []
    if paths.count("-") > 1:
        raise BackpropError("standard input can be read once only", hint="give one of them as a file")
    for path in class_run.files(paths):
        if path == "-":
            read = sheets.read(
                sources.standard_input("the answers", sheets.CLASS_LIMIT, way_out="mark it in parts"), path, made
            )
        elif sheets.format_of(path) in sheets.ONE_STUDENT:
            items.append(path)
            continue
        else:
            contents = sources.file_bytes(path, sheets.CLASS_LIMIT, way_out="mark it in parts", foreign=True)
            read = sheets.read(contents, path, made)
        items += read.sheets
        notes += read.notes
    if not items:
        raise DataError(
            f"there are no sheets in {visible(' '.join(paths), 100)}",
            hint=f"a sheet's name ends in {', '.join(sheets.FORMATS)}",
        )
    return items, notes


def _twice(results: Sequence[model.Result]) -> list[str]:
    """What is to be said of students of whom there are several sheets."""
    found: dict[str, list[str]] = {}
    for result in results:
        found.setdefault(result.student, []).append(result.source)
    return [
        f"{student} has {len(places)} sheets, each marked by itself: {', '.join(places[:_SHEETS])}"
        for student, places in found.items()
        if len(places) > 1
    ]


def _empty(results: Sequence[model.Result]) -> list[str]:
    """What is to be said of files in which nothing is found: a table may have lost its header, or its question."""
    files = Counter([result.source for result in results])
    return [
        f"{result.source} answers nothing that is asked"
        for result in results
        if files[result.source] == 1
        and result.problem is None
        and not result.notes
        and all([each.verdict == model.MISSING for each in result.marked])
    ]


def _chosen(results: Sequence[model.Result], student: str) -> list[model.Result]:
    """The results of the student of this name."""
    found = [each for each in results if each.student == student]
    if not found:
        near = names.closest(student, [each.student for each in results])
        hint = f"did you mean {visible(near, 60)}?" if near else "the names are those that the class's table shows"
        raise BackpropError(f"there is no student {visible(student, 60)}", hint=hint)
    return found


def _shown(results: Iterator[model.Result], count: int) -> Iterator[model.Result]:
    """The results as they come, with a bar on stderr where somebody looks and it takes a while."""
    if count < _PROGRESS or not output.is_terminal(sys.stderr):
        yield from results
        return
    step = max(count // 100, 1)
    for done, result in enumerate(results, start=1):
        if done % step == 0:
            full = _BAR * done // count
            output.say([f"\r{'#' * full}{'.' * (_BAR - full)} {done:,} of {count:,}"], end="")
        yield result
    output.say(["\r" + " " * (_BAR + 30) + "\r"], end="")


_BAR = 40
