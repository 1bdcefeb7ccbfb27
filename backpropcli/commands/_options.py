"""What options take: kinds of value that say what was expected, what was found and what to try."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from backpropcli.errors import BackpropError, visible
from backpropcli.language import names


def refuse(
    param: click.Parameter | None, ctx: click.Context | None, expected: str, found: str, hint: str | None = None
) -> NoReturn:
    """Say that an option takes something else; and where the formula has a variable of its name, how to set that."""
    option = spelled(param)
    name = option.lstrip("-")
    if name in variables(ctx):
        hint = f"{option} is an option here; the variable {name} is set by -v {name}={visible(found, 40) or 'VALUE'}"
    raise BackpropError(f"{option} takes {expected}, not {visible(found, 60) or 'nothing'}", hint=hint)


def spelled(param: click.Parameter | None) -> str:
    """The option as a user writes it: its longest spelling."""
    return max(param.opts, key=len) if param is not None else "the option"


def variables(ctx: click.Context | None) -> Sequence[str]:
    """The variables of the formula on the command line, as far as it is known yet."""
    return tuple(getattr(ctx.obj, "variables", ())) if ctx is not None else ()


def listed(words: Iterable[str], last: str = "or") -> str:
    """Words as a sentence lists them: a, b or c."""
    *head, tail = words
    return f"{', '.join(head)} {last} {tail}" if head else tail


if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _Word = click.ParamType[str]
    _Count = click.ParamType[int | str]
    _Names = click.ParamType[tuple[str, ...]]
else:  # Before Click 8.5 the class takes no parameter.
    _Word = _Count = _Names = click.ParamType


class OneOf(_Word):
    """One of some words."""

    name = "word"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The words, as help shows them."""
        return f"[{'|'.join(self.words)}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself."""
        if value in self.words:
            return value
        near = names.closest(value, self.words)
        hint = f"did you mean {near}?" if near else f"as in {spelled(param)} {self.words[0]}"
        refuse(param, ctx, listed(self.words), value, hint)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin so."""
        return _completions(word for word in self.words if word.startswith(incomplete))


class Count(_Count):
    """A whole number within bounds."""

    name = "number"

    def __init__(self, least: int, most: int | None = None, *, words: Sequence[str] = ()) -> None:
        self.least = least
        self.most = most
        self.words = tuple(words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """`N`, and the words that may stand in its place."""
        return "|".join(("N", *self.words))

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """The number; or the word, where one is allowed."""
        if isinstance(value, int) or value in self.words:
            return value
        if value.isascii() and value.isdigit() and len(value) < 16:
            number = int(value)
            if self.least <= number and (self.most is None or number <= self.most):
                return number
        bounds = f"of at least {self.least}" if self.most is None else f"from {self.least} to {self.most}"
        example = f"as in {spelled(param)} {1_000_000 if self.most is None else 2}"
        refuse(param, ctx, listed((f"a whole number {bounds}", *self.words)), value, example)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin so."""
        return _completions(word for word in self.words if word.startswith(incomplete))


class Names(_Names):
    """Names of variables, with commas between them; where they are steps to take, one may come again."""

    name = "names"

    def __init__(self, *, again: bool = False) -> None:
        self.again = again

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """An example of it."""
        return "x,x,y" if self.again else "x,y"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names in canonical spelling, in the order given."""
        if isinstance(value, tuple):
            return value
        found = [names.canonical(name.strip()) for name in value.split(",")]
        for name in found:
            if not names.is_name(name):
                refuse(param, ctx, "variables' names with commas between them", value, f"as in {spelled(param)} x,y")
            if found.count(name) > 1 and not self.again:
                raise BackpropError(f"{spelled(param)} names {name} twice", hint="name each variable once")
        return tuple(found)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The formula's variables that begin so."""
        before, comma, last = incomplete.rpartition(",")
        return _completions(f"{before}{comma}{name}" for name in variables(ctx) if name.startswith(last))


def _completions(words: Iterable[str]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words]


output_option = click.option("-o", "file_out", metavar="FILE", type=click.Path(), help="Write to a file, in one step.")
"""The option of every command that prints a result."""
