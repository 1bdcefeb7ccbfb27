"""A command about a formula: its arguments hold options named after the formula's own variables.

The words are read knowing only the command's declared options; then the formula is parsed; then each of its variables
becomes an option of Click's, which help lists and shells complete.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from backpropcli.commands._options import Count, listed, spelled
from backpropcli.commands._scan import Line, Text, check_standard_input, near_option, scan, standard_inputs
from backpropcli.errors import BackpropError, visible
from backpropcli.formula import MAX_BYTES, Formula
from backpropcli.language import names
from backpropcli.language.program import MAX_CHARS, MAX_NODES, SYNTAXES
from backpropcli.reading import points, sources
from backpropcli.reading.points import Given
from backpropcli.records import NamedTuple

if TYPE_CHECKING:
    from backpropcli.language.documents import Excerpt
    from backpropcli.reading.values import Value

OFFERED = 200
"""Variables that help and completion list; a formula may have a hundred thousand."""
_NAMED = 6


class Question(NamedTuple):
    """What a command about a formula is asked: the formula, and the values of its variables."""

    formula: Formula
    point: Mapping[str, Value]
    options: tuple[click.Option, ...] = ()
    """An option for each of the formula's variables, the first two hundred."""
    max_bytes: int = MAX_BYTES
    """What an array may take."""
    excerpt: Excerpt | None = None
    """Where the formula stands, if it was picked out of a document."""
    files: tuple[str, ...] = ()
    """Files of points, where the command takes them; - is standard input."""
    reads_input: bool = False
    """Whether the formula or a value comes from standard input."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The formula's variables."""
        return self.formula.variables


class _Source(NamedTuple):
    """The text of a formula, and how it is to be read."""

    text: str
    syntax: str
    max_chars: int
    excerpt: Excerpt | None = None


class FormulaCommand(click.Command):
    """A command whose first argument is a formula.

    Its callback takes the `Question` as `click.pass_obj`, and the declared options as keyword arguments. With
    `takes_point=False` it is about the formula alone, and only limits of sums get values; with `takes_files` the words
    after the formula are files of points, and variables may be left without a value.
    """

    def __init__(self, *args: Any, takes_point: bool = True, takes_files: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.takes_point = takes_point
        self.takes_files = takes_files
        self.params = [*self.params, *_formula_options(), *(_point_options() if takes_point else ())]
        self._argument = click.Argument(["formula"], required=False, metavar="FORMULA", expose_value=False)

    # What Click asks

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The formula, one option for each of its variables, and the command's own options."""
        options = ctx.obj.options if isinstance(ctx.obj, Question) else ()
        return [self._argument, *options, *super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """How the command is written."""
        files = ["[FILES]..."] if self.takes_files else []
        return ["FORMULA", *files, *(["[--NAME VALUE]..."] if self.takes_point else []), "[OPTIONS]"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The variables of the formula, then the options."""
        if self.takes_point:
            with formatter.section("Variables"):
                formatter.write_dl(_variable_records(ctx.obj))
        records = [param.get_help_record(ctx) for param in super().get_params(ctx)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: the help's text says what the formula may be."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; `ctx.obj` becomes the Question."""
        ctx.obj = None
        options = [param for param in super().get_params(ctx) if isinstance(param, click.Option)]
        line = scan(args, options, lenient=True)
        # Help is wanted more than a complaint; a line that is being completed is rarely whole.
        lenient = ctx.resilient_parsing or any(spelling in ctx.help_option_names for _, spelling, _ in line.own)
        if not lenient:
            line = scan(args, options)
        values = _Values([], MAX_BYTES)
        try:
            check_standard_input(line)
            max_bytes = self._value(ctx, line, "max_bytes") or MAX_BYTES
            values = _Values(self._given(line, lenient=lenient), max_bytes, ieee=line.has("ieee"))
            source = self._source(ctx, line, lenient=lenient)
            with _placed(source.excerpt):
                formula = self._formula(ctx, line, values, source)
            if not self.takes_point:
                self._check_limits(formula, values)
            offered = _variable_options(formula, _own_names(ctx)) if self.takes_point else ()
            files = tuple([text.text for text in self._files(line)])
            ctx.obj = Question(formula, {}, offered, max_bytes, source.excerpt, files, self._reads_input(line))
        except BackpropError:
            if not lenient:
                raise
        rest = super().parse_args(ctx, line_words(line, ctx.obj, self._argument.nargs))
        if self.needs_point(line) and not lenient:
            with _placed(ctx.obj.excerpt):
                point = _point(ctx.obj.formula, values, line, _own_names(ctx), whole=not self.takes_files)
                ctx.obj = ctx.obj._replace(point=point)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it says of a formula out of a document points into the document."""
        with _placed(ctx.obj.excerpt if isinstance(ctx.obj, Question) else None):
            return super().invoke(ctx)

    def needs_point(self, line: Line) -> bool:
        """Whether every variable has to have a value."""
        return self.takes_point

    # What is on the line

    def _given(self, line: Line, *, lenient: bool) -> list[Given]:
        """Every value on the line, from --NAME, -v and --at."""
        found = list(line.variables)
        if not self.takes_point:
            return found
        found += [points.pair(text, "-v") for text in line.all("assignments")]
        for text in line.all("at"):
            if not (lenient and text == "@-"):
                found += points.point(text, "--at")
        return found

    def _check_limits(self, formula: Formula, values: _Values) -> None:
        """Refuse what is no number of terms: a command that is about the formula alone takes no other values."""
        seen: dict[str, Given] = {}
        for each in values.given:
            if each.name not in formula.structure:
                raise self._takes_no_values(each)
            if each.name in seen:
                raise _given_twice(seen[each.name], each)
            seen[each.name] = each

    def _takes_no_values(self, given: Given) -> BackpropError:
        near = near_option(given.where, [spelled(param) for param in self.params])
        hint = f"did you mean {near}?" if near else f"leave out {visible(given.where, 40)}"
        shown = visible(given.where, 60)
        return BackpropError(f"{self.name} takes no values, and there is no option {shown}", hint=hint)

    def _source(self, ctx: click.Context, line: Line, *, lenient: bool) -> _Source:
        """The text of the formula, and what it is written in."""
        text = self._text(line, lenient=lenient)
        syntax = self._value(ctx, line, "syntax")
        choices = line.all("picked")
        given: int | None = self._value(ctx, line, "max_chars")
        if not (text.option == "-f" or text.from_stdin):
            if choices:
                raise BackpropError(
                    "--pick-formula picks formulas of a document, and here is none",
                    hint="name the document, as in -f notes.md",
                )
            return _Source(text.text, syntax or "auto", given or MAX_CHARS)
        max_chars = given or sources.TEXT_LIMIT
        contents = _read(text, max_chars)
        path = text.text if text.option else ""
        if choices or (syntax is None and path and (sources.written_in(path) is not None or "$" in contents)):
            from backpropcli.commands import _picking

            if choices or _picking.is_document(path, contents):
                name = sources.named(path) if path else "standard input"
                found = _picking.picked(contents, name, path, choices)
                return _Source(found.text, syntax or "latex", max_chars, found)
        return _Source(contents, syntax or _syntax_of(text), max_chars)

    def _formula(self, ctx: click.Context, line: Line, values: _Values, source: _Source) -> Formula:
        wrt: Sequence[str] = self._value(ctx, line, "wrt") or ()
        return Formula(
            source.text,
            variables=[*dict.fromkeys([*values, *wrt])],
            structure=values,
            syntax=source.syntax,
            max_chars=source.max_chars,
            max_nodes=self._value(ctx, line, "max_nodes") or MAX_NODES,
            max_bytes=values.max_bytes,
        )

    def _value(self, ctx: click.Context, line: Line, name: str) -> Any:
        """The value of an own option, needed before Click has read the line."""
        written = line.last(name)
        option = next((param for param in self.params if param.name == name), None)
        return None if written is None or option is None else option.type_cast_value(ctx, written)

    def _text(self, line: Line, *, lenient: bool) -> Text:
        """The one formula on the line."""
        found = [
            Text(value, spelling) for option, spelling, value in line.own if value is not None and _is_source(option)
        ]
        words = line.formulas
        found += words[: len(words) - len(self._files(line))]
        if not found:
            raise self._no_formula(line)
        if len(found) > 1:
            raise self._several(found)
        if lenient and found[0].from_stdin:
            raise BackpropError("standard input is not read for help")
        return found[0]

    def _files(self, line: Line) -> list[Text]:
        """The words that name files: those after the formula, all of them where an option gives it."""
        if not self.takes_files:
            return []
        return line.formulas[0 if any(_is_source(option) for option, _, _ in line.own) else 1 :]

    def _reads_input(self, line: Line) -> bool:
        """Whether the formula or a value comes from standard input."""
        files = self._files(line)
        return standard_inputs(line._replace(formulas=line.formulas[: len(line.formulas) - len(files)])) > 0

    def _no_formula(self, line: Line) -> BackpropError:
        rest = " points.csv" if self.takes_files else " --x 3 --y 1" if self.takes_point else ""
        hint = f"backprop {self.name} 'x^2 + y'{rest}"
        for each in line.variables:
            near = near_option(each.where, [spelled(param) for param in self.params])
            if near is not None:
                hint = f"{visible(each.where, 40)} was read as a variable; did you mean {near}?"
        return BackpropError("a formula is expected, but none is given", hint=hint)

    def _several(self, found: Sequence[Text]) -> BackpropError:
        shown = listed([text.shown for text in found[:_NAMED]], "and")
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        hint = "put the formula in quotes, so that the shell hands it over as one word"
        if any(text.option for text in found):
            hint = "give the formula once: as a word, by -e or by -f"
        for text in found:
            if text.flag:
                hint = f"{text.flag} is an option without a value; a variable of that name is set by"
                hint += f" -v {text.flag.lstrip('-')}={visible(text.text, 40)}"
            elif text.text[:2] in {"-v", "-o", "-f", "-e"} and len(text.text) > 2 and not text.option:
                hint = f"if {text.text[:2]} is meant as an option, put a space after it"
            elif text.text.startswith("--"):
                hint = "after -- nothing is an option: put the formula last"
        return BackpropError(f"one formula is expected, but there are {len(found)}: {shown}{more}", hint=hint)


def _formula_options() -> list[click.Parameter]:
    """The options of every command about a formula."""
    return [
        click.Option(
            ["-e", "expression"], metavar="FORMULA", expose_value=False, help="The formula, whatever it begins with."
        ),
        click.Option(
            ["-f", "file"],
            metavar="FILE",
            type=click.Path(),
            expose_value=False,
            help="Read the formula from a file; from a document in Markdown or LaTeX one of its formulas.",
        ),
        click.Option(
            ["--pick-formula", "picked"],
            metavar="NUMBER",
            multiple=True,
            expose_value=False,
            help="Of a document, the formula of this number or label; 1,3 and 2-4 are read together.",
        ),
        click.Option(
            ["--syntax"],
            type=click.Choice(SYNTAXES),
            expose_value=False,
            help="The formula's language [default: auto, LaTeX where it holds a command, _{, ^{ or $...$].",
        ),
        click.Option(
            ["--max-chars"],
            type=Count(1),
            expose_value=False,
            help=f"Longest formula [default: {MAX_CHARS:,} characters; from a file {sources.TEXT_LIMIT:,}].",
        ),
        click.Option(
            ["--max-nodes"],
            type=Count(1),
            expose_value=False,
            help=f"Largest formula [default: {MAX_NODES:,} operations].",
        ),
        click.Option(
            ["--max-bytes"],
            type=Count(1),
            expose_value=False,
            help=f"Most that arrays take together [default: {MAX_BYTES:,} bytes].",
        ),
    ]


def _point_options() -> list[click.Parameter]:
    """The options that give variables their values."""
    return [
        click.Option(
            ["-v", "assignments"],
            metavar="NAME=VALUE",
            multiple=True,
            expose_value=False,
            help="A variable's value, also where an option has its name.",
        ),
        click.Option(
            ["--at"],
            metavar="POINT",
            multiple=True,
            expose_value=False,
            help="Values of several: 'x=4, W=[1, 2; 3, 4]', @point.json, or @- for standard input.",
        ),
        click.Option(["--allow-unused"], is_flag=True, expose_value=False, help="Pass over values that nothing uses."),
    ]


def _syntax_of(text: Text) -> str:
    """What a text that comes from a file is written in, by the file's name; else it is found out."""
    return "latex" if text.option == "-f" and sources.written_in(text.text) == "latex" else "auto"


@contextmanager
def _placed(excerpt: Excerpt | None) -> Iterator[None]:
    """What is said of a formula that was picked out of a document points into the document."""
    try:
        yield
    except BackpropError as problem:
        if excerpt is not None:
            excerpt.placed(problem)
        raise


def _is_source(option: click.Option) -> bool:
    return option.name in {"expression", "file"}


def _read(text: Text, max_chars: int) -> str:
    """The formula in a file or on standard input. Four bytes are the most that a character takes."""
    limit, option = max(sources.TEXT_LIMIT, 4 * max_chars), "--max-chars"
    if text.option:
        return sources.decoded(sources.file_bytes(text.text, limit, option), sources.named(text.text))
    return sources.decoded(sources.standard_input("the formula", limit, option), "standard input")


def line_words(line: Line, question: Question | None, count: int = 1) -> list[str]:
    """The line in a form that Click reads as we did: every value tied to its option; all plain words for -1."""
    words: list[str] = []
    for _, spelling, value in line.own:
        if value is None:
            words.append(spelling)
        elif spelling.startswith("--"):
            words.append(f"{spelling}={value}")
        else:
            words += [spelling, value]
    offered = {option.name for option in question.options} if question is not None else ()
    words += [f"--{each.name}={each.value}" for each in line.variables if _parameter(each.name) in offered]
    return [*words, "--", *(text.text for text in line.formulas[: None if count < 0 else count])]


def _own_names(ctx: click.Context) -> set[str]:
    """The names that are the command's own options, as variables would be spelled."""
    spellings = {*ctx.help_option_names, *(spelling for param in ctx.command.params for spelling in param.opts)}
    return {spelling[2:] for spelling in spellings if spelling.startswith("--")}


# Variables as options


def _parameter(name: str) -> str:
    """Click's name for the option of a variable; never one of the command's own."""
    return f"variable_{name}"


def _variable_options(formula: Formula, own: Collection[str]) -> tuple[click.Option, ...]:
    """An option for each of the formula's variables, the first two hundred."""
    bindings = formula.bindings
    return tuple(
        click.Option(
            [f"--{name}", _parameter(name)],
            metavar="VALUE",
            expose_value=False,
            help=f"[default: {_default(bindings[name])}, in the formula]" if name in bindings else "",
        )
        for name in formula.variables[:OFFERED]
        if name not in own
    )


def _default(value: Value) -> str:
    """The value that a formula gives a variable, as help shows it."""
    return f"{value:.6g}" if isinstance(value, float) else "an array"


def _variable_records(question: object) -> list[tuple[str, str]]:
    """The lines of help about variables."""
    if not isinstance(question, Question):
        return [("--NAME VALUE", "A variable's value. After a formula, --help lists the variables that it has.")]
    options = {option.name: option for option in question.options}
    records: list[tuple[str, str]] = []
    for name in question.variables[:OFFERED]:
        option = options.get(_parameter(name))
        if option is None:
            records.append((f"-v {name}=VALUE", f"--{name} is an option of this command."))
        else:
            records.append((f"--{name} VALUE", option.help or ""))
    more = len(question.variables) - OFFERED
    if more > 0:
        records.append(("...", f"and {more:,} more"))
    return records or [("none", "The formula has no variables.")]


# Values


def check_variables(option: str, found: Sequence[str], formula: Formula) -> None:
    """Refuse a name that is no variable of the formula, or that comes twice, in the value of an option."""
    known = frozenset(formula.variables)
    seen: set[str] = set()
    for name in found:
        if name not in known:
            near = names.closest(name, formula.variables[:1000])
            raise BackpropError(
                f"{option} names {name}, which is no variable of the formula",
                hint=f"did you mean {near}?" if near else f"the formula has {_few(formula.variables)}",
            )
        if name in seen:
            raise BackpropError(f"{option} names {name} twice", hint="name each variable once")
        seen.add(name)


def _few(found: Sequence[str]) -> str:
    """The first few names in a sentence, and how many more there are."""
    more = len(found) - _NAMED
    return listed([*found[:_NAMED], *([f"{more:,} more"] if more > 0 else [])], "and") if found else "no variables"


class _Values(Mapping[str, "Value"]):
    """The values on the line, each read when it is asked for, and once: a formula may need some early."""

    def __init__(self, given: Sequence[Given], max_bytes: int, *, ieee: bool = False) -> None:
        self.given = given
        self.max_bytes = max_bytes
        self.ieee = ieee
        self._first = {each.name: each for each in reversed(given)}
        self._found: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        """What a variable is given first."""
        if name not in self._found:
            self._found[name] = self._first[name].read(ieee=self.ieee, max_bytes=self.max_bytes)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)


def _point(formula: Formula, values: _Values, line: Line, own: set[str], *, whole: bool) -> dict[str, Value]:
    """The value of every variable that is given one; refuses what is unused or given twice, and if `whole`, missing."""
    first: dict[str, Given] = {}
    for each in values.given:
        if each.name in first:
            raise _given_twice(first[each.name], each)
        first[each.name] = each
    variables = {*formula.variables, *formula.structure, *formula.mentioned}
    unused = [] if line.has("allow_unused") else [each for each in values.given if each.name not in variables]
    missing = [name for name in formula.variables if name not in first and name not in formula.bindings]
    if missing and whole and (not unused or names.split(missing[0], first)):
        raise _missing(formula, missing, values, own)
    if unused:
        raise _unused(formula, unused, missing, own)
    return {name: values[name] for name in first if name in variables}


def _given_twice(first: Given, second: Given) -> BackpropError:
    where = sorted({visible(first.where, 60), visible(second.where, 60)})
    return BackpropError(
        f"{first.name} is given twice, by {listed(where, 'and') if len(where) > 1 else where[0]}",
        hint="give each variable one value; spellings such as θ_1 and theta_1 are one name",
    )


def _unused(formula: Formula, unused: Sequence[Given], missing: Sequence[str], own: set[str]) -> BackpropError:
    hint = f"the formula has {_few(formula.variables)}; --allow-unused passes over the rest"
    name = unused[0].name
    near = names.closest(name, missing[:1000]) or names.closest(name, formula.variables[:1000])
    if near is not None:
        hint = f"did you mean {_option_for(near, own)}? --allow-unused passes over values that nothing uses"
    elif unused[0].where.startswith("--") and (option := near_option(unused[0].where, [f"--{each}" for each in own])):
        hint = f"did you mean {option}? --allow-unused passes over values that nothing uses"
    plural = "s" if len(unused) > 1 else ""
    return BackpropError(f"the formula has no variable{plural} {_few([each.name for each in unused])}", hint=hint)


def _missing(formula: Formula, missing: Sequence[str], given: Collection[str], own: set[str]) -> BackpropError:
    problem = formula.missing(missing, given)
    for name in own.intersection(missing):
        # The formula does not know what this command's options are called.
        problem.hint = (problem.hint or "").replace(f"--{name} VALUE", f"-v {name}=VALUE (--{name} is an option here)")
    return problem


def _option_for(name: str, own: set[str]) -> str:
    return f"-v {name}=VALUE" if name in own else f"--{name} VALUE"
