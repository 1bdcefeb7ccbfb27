"""A command line told apart into words that are the command's own, values of variables, and the formula."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import click

from backpropcli.errors import BackpropError, visible
from backpropcli.language import names
from backpropcli.reading.points import Given
from backpropcli.records import NamedTuple


class Text(NamedTuple):
    """A word that may be the formula, and how it was given."""

    text: str
    option: str = ""
    """-e, -f, or nothing for a plain word."""
    flag: str = ""
    """The option without a value that stands right before a plain word."""

    @property
    def from_stdin(self) -> bool:
        """Whether this stands for the formula on standard input."""
        return self.text == "-" and not self.option

    @property
    def shown(self) -> str:
        """The word as a message shows it."""
        return f"{self.option} {visible(self.text, 40)}".strip()


class Line(NamedTuple):
    """What stands on a command line."""

    own: list[tuple[click.Option, str, str | None]]
    """The command's own options in order: the option, its spelling, its value."""
    variables: list[Given]
    """Values given as --NAME VALUE."""
    formulas: list[Text]

    def last(self, name: str) -> str | None:
        """The value of an own option, by its parameter's name; the last counts."""
        return next((value for option, _, value in reversed(self.own) if option.name == name), None)

    def all(self, name: str) -> list[str]:
        """Every value of an own option, by its parameter's name."""
        return [value for option, _, value in self.own if option.name == name and value is not None]

    def has(self, name: str) -> bool:
        """Whether an own option is there, by its parameter's name."""
        return any(option.name == name for option, _, _ in self.own)


def scan(words: Sequence[str], options: Collection[click.Option], *, lenient: bool = False) -> Line:
    """The words of a command line told apart, knowing nothing but the command's own options.

    The word after an option that takes a value is its value, whatever it looks like, so that `--x -2` works. A word
    with one dash that is not exactly an own short option is the formula: `-x^2`. A `lenient` scan, for the shell that
    completes a line, leaves out what is not finished yet.
    """
    known = {spelling: option for option in options for spelling in option.opts}
    line = Line([], [], [])
    flag = ""
    i = 0
    while i < len(words):
        word = words[i]
        i += 1
        if word == "--":
            line.formulas.extend(Text(rest) for rest in words[i:])
            break
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = known.get(name)
        if option is None and not word.startswith("--"):
            line.formulas.append(Text(word, flag=flag))
            flag = ""
            continue
        flag = ""
        if option is not None and option.is_flag:
            if equals and not lenient:
                raise BackpropError(
                    f"{name} takes no value, but {visible(value, 40) or 'one'} is given", hint=f"write {name} alone"
                )
            line.own.append((option, name, None))
            flag = name
            continue
        if option is None and not names.is_name(names.canonical(name[2:])):
            if lenient:
                continue
            raise _unknown_option(name, known)
        if not equals:
            if i == len(words):
                if lenient:
                    break
                raise BackpropError(f"{visible(name, 60)} needs a value", hint=_valued(name, option, known))
            value = words[i]
            i += 1
            if value.startswith("--") and value in known and not lenient:
                raise BackpropError(
                    f"{name} needs a value, but the option {value} follows", hint=_valued(name, option, known)
                )
        if option is not None:
            line.own.append((option, name, value))
        elif value:
            line.variables.append(Given(names.canonical(name[2:]), value, name))
        elif not lenient:
            raise BackpropError(f"{visible(name, 60)} needs a value", hint=_valued(name, option, known))
    return line


def _unknown_option(name: str, known: Mapping[str, click.Option]) -> BackpropError:
    near = near_option(name, known)
    hint = f"did you mean {near}?" if near else "--help lists the options; a variable's is its name, as in --x 2"
    return BackpropError(f"there is no option {visible(name, 60)}", hint=hint)


def near_option(name: str, known: Collection[str]) -> str | None:
    """The own option that this one is most likely a misspelling of, if it is not a variable's."""
    near = names.closest(name[2:], [spelling[2:] for spelling in known if spelling.startswith("--")])
    return f"--{near}" if near and len(name) > 3 else None


def _valued(name: str, option: click.Option | None, known: Collection[str]) -> str:
    """How an option that takes a value is written."""
    if option is None and (near := near_option(name, known)):
        return f"did you mean {near}?"
    return f"as in {visible(name, 60)} {'2' if option is None else _metavar(option)}"


def _metavar(option: click.Option) -> str:
    with click.Context(click.Command("")) as context:
        return option.make_metavar(context)


def check_standard_input(line: Line) -> None:
    """Refuse a line that would read standard input twice."""
    if standard_inputs(line) > 1 and len(line.formulas) < 2:
        raise BackpropError("standard input can be read once only", hint="give one of them as a file")


def standard_inputs(line: Line) -> int:
    """How often a line asks for standard input."""
    asked = sum(text.from_stdin for text in line.formulas)
    asked += sum(text.strip() == "@-" for option in ("at", "jvp", "vjp", "hvp") for text in line.all(option))
    asked += sum(str(each.value).strip() == "@-" for each in line.variables)
    return asked + sum(text.partition("=")[2].strip() == "@-" for text in line.all("assignments"))
