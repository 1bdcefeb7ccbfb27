"""Print what makes a shell complete commands, options and the variables of a formula."""

from __future__ import annotations

import os

import click

from backpropcli import output
from backpropcli.commands._options import listed, output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.language.names import closest

INSTALL = {
    "bash": "echo 'eval \"$(backprop completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(backprop completion zsh)\"' >> ~/.zshrc",
    "fish": "backprop completion fish > ~/.config/fish/completions/backprop.fish",
}
"""By shell, the command after which each new shell completes."""


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [shell for shell in INSTALL if shell.startswith(incomplete)]


@click.command("completion")
@click.argument("shell", required=False, shell_complete=_complete)
@output_option
def command(shell: str | None, file_out: str | None) -> None:
    """Print what makes a shell complete commands, options and the variables of a formula.

    SHELL is bash (4.4 or newer), zsh or fish. Once and for all:

    \b
      echo 'eval "$(backprop completion bash)"' >> ~/.bashrc
      echo 'eval "$(backprop completion zsh)"' >> ~/.zshrc
      backprop completion fish > ~/.config/fish/completions/backprop.fish
    """
    if shell is None:
        yours = os.path.basename(os.environ.get("SHELL", ""))
        hint = f"as in backprop completion {yours if yours in INSTALL else 'bash'}"
        raise BackpropError(f"a shell is expected: {listed(INSTALL)}", hint=hint)
    if shell not in INSTALL:
        near = closest(shell, INSTALL)
        hint = f"did you mean {near}?" if near else f"the shells are {listed(INSTALL, 'and')}"
        raise BackpropError(f"there is no completion for {visible(shell, 60)!r}", hint=hint)
    # At the end, where it is seen, and since zsh wants its own comment first.
    output.write([_script(shell).strip(), f"\n\n# To have it in every new shell:\n#   {INSTALL[shell]}\n"], file_out)


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from backpropcli.commands._program import COMPLETION, NAME, program

    found = get_completion_class(shell)
    if found is None:
        raise BackpropError(f"this version of Click has no completion for {shell}")
    complete = found(program, {}, NAME, COMPLETION)
    # Not `source()`, which runs bash to ask for its version.
    return complete.source_template % complete.source_vars()
