"""The program: finds the commands by their files, and loads only the one that is asked for."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec

import click

from backpropcli import __version__, commands, folders, output
from backpropcli.errors import BackpropError, visible

NAME = "backprop"
COMPLETION = "_BACKPROP_COMPLETE"


class Program(click.Group):
    """A group whose commands are the files of this package."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what stands before the command."""
        known = {spelling for param in self.get_params(ctx) for spelling in param.opts}
        if args and args[0].startswith("-") and args[0] not in known and not ctx.resilient_parsing:
            raise self._unknown(ctx, args[0])
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, sorted; none of them is imported for it."""
        return sorted(map(_shown, folders.names(commands.__path__)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(_module(cmd_name)).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names."""
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not ctx.resilient_parsing:
            raise self._unknown(ctx, name)
        return (None if found is None else name), found, args[1:]

    def _unknown(self, ctx: click.Context, name: str) -> BackpropError:
        from backpropcli.language.names import closest

        if name.startswith("--"):
            return BackpropError(
                f"there is no option {visible(name, 60)}", hint=f"write {NAME} COMMAND, then its options"
            )
        names = self.list_commands(ctx)
        near = closest(name, names) if name.isalpha() else None
        if near is not None:
            hint = f"did you mean {NAME} {near}?"
        elif name.isalpha():
            hint = f"the commands are {', '.join(names)}"
        else:
            hint = f"to evaluate a formula, write {NAME} eval '{visible(name, 60)}'"
        return BackpropError(f"there is no command {visible(name, 60)!r}", hint=hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of the commands, each with the first line of its file."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(ctx)])


def _shown(module: str) -> str:
    return module.replace("_", "-")


def _module(name: str) -> str:
    return f"{commands.__name__}.{name.replace('-', '_')}"


def _summary(name: str) -> str:
    """The first line of the docstring of a command's file, read without running the file."""
    spec = find_spec(_module(name))
    read = getattr(spec.loader, "get_source", None) if spec is not None else None
    source = read(_module(name)) if read is not None else None
    return (source or "").partition("\n")[0].strip('"').strip()


@click.group(
    NAME,
    cls=Program,
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"`{NAME} COMMAND --help` says more; `{NAME} eval FORMULA --help` lists the formula's variables.",
)
@click.version_option(__version__, "--version", prog_name=NAME, message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Differentiate a formula, seeing both passes.

    \b
      backprop eval '(x + σ(x)) / (σ(x) + (x + y)^2)' --x 4 --y 3
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: list[str]) -> int:
    """Run the program, or complete a command line for the shell, and return the exit code."""
    asked = os.environ.get(COMPLETION)
    if asked:
        from click.shell_completion import shell_complete

        try:
            return shell_complete(program, {}, NAME, COMPLETION, asked)
        except KeyError:
            # Without the words of a line, which the shell hands over, there is nothing to complete.
            return 1
    try:
        with program.make_context(NAME, arguments) as context:
            program.invoke(context)
            if context.invoked_subcommand is not None:
                return 0
    except click.exceptions.Exit as done:
        if done.exit_code:
            return done.exit_code
    # Help, or the version: printed by Click, which takes a closed standard output for none.
    output.finish()
    return 0
