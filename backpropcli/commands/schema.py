"""Print the JSON Schema of what a command writes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator

import click

from backpropcli import output
from backpropcli.commands._options import listed, output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.language.names import closest

SCHEMAS = {
    "eval": ("backpropcli.rendering._schema", "backprop eval FORMULA --json; a line of --format ndjson"),
    "formulas": ("backpropcli.commands._formulas_schema", "backprop formulas FILE --json"),
    "map": ("backpropcli.streams._schema", "a line of backprop map FORMULA, in NDJSON"),
    "check": ("backpropcli.homework.results._schema", "backprop check ASSIGNMENT ANSWERS --json, or with --formula"),
    "parts": ("backpropcli.parts._schema", "_manifest.json in the folder of backprop map FORMULA PARTS -o FOLDER"),
    "functions": ("backpropcli.commands._function_schema", "backprop functions --json"),
}
"""By name, the module that holds the schema, and what writes such documents."""


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in SCHEMAS if name.startswith(incomplete)]


@click.command("schema")
@click.argument("name", required=False, shell_complete=_complete)
@output_option
def command(name: str | None, file_out: str | None) -> None:
    """Print the JSON Schema of what a command writes; without a NAME, list them.

    \b
      backprop schema eval
    """
    output.write(_list() if name is None else _schema(name), file_out)


def _list() -> Iterator[str]:
    for name, (_, writer) in SCHEMAS.items():
        yield f"{name:<12}{writer}\n"


def _schema(name: str) -> Iterator[str]:
    if name not in SCHEMAS:
        near = closest(name, SCHEMAS)
        hint = f"did you mean {near}?" if near else f"there are {listed(SCHEMAS, 'and')}"
        raise BackpropError(f"there is no schema {visible(name, 60)!r}", hint=hint)
    yield json.dumps(importlib.import_module(SCHEMAS[name][0]).SCHEMA, indent=1)
    yield "\n"
