"""List the formulas of a document in Markdown or LaTeX, with their numbers, lines and labels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence

import click

from backpropcli import output
from backpropcli.commands._options import output_option
from backpropcli.commands._picking import OPTION, kind_of, names_file, shown
from backpropcli.errors import columns, visible
from backpropcli.language.documents import Passage, mathematics
from backpropcli.reading import sources

_WIDTH = 60
"""How much of a formula is shown where the terminal does not say."""
_LEAST = 20


@click.command("formulas")
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document: `backprop schema formulas`.")
@output_option
def command(file: str, as_json: bool, file_out: str | None) -> None:
    """List the formulas of a document in Markdown or LaTeX, with their numbers, lines and labels.

    FILE is the document; - reads it from standard input. What is listed can be evaluated:

    \b
      backprop formulas notes.md
      backprop eval -f notes.md --pick-formula 3 --x 2
    """
    if file == "-":
        text = sources.decoded(sources.standard_input("the document", sources.DOCUMENT_LIMIT), "standard input")
    else:
        way_out = "give the part of it that the formula stands in"
        text = sources.decoded(sources.file_bytes(file, sources.DOCUMENT_LIMIT, way_out=way_out), sources.named(file))
    found = mathematics(text, kind_of(file, text))
    output.write(_document(found) if as_json else _table(found, file), file_out)


def _table(found: Sequence[Passage], file: str) -> Iterator[str]:
    if not found:
        yield f"{names_file(file)} holds no formula.\n"
        return
    rows = [(f"{each.number:,}", f"{each.line:,}", ", ".join(each.labels)) for each in found]
    heads = ("number", "line", "label")
    widths = [max(len(head), *[len(row[k]) for row in rows]) for k, head in enumerate(heads)]
    widths[2] = min(widths[2], 30) if any([row[2] for row in rows]) else 0
    width = output.width(sys.stdout)
    room = _WIDTH if width is None else max(width - sum(widths) - 6, _LEAST)
    for row, formula in [(heads, "formula"), *zip(rows, [shown(each, room) for each in found], strict=True)]:
        label = visible(row[2], widths[2])
        label = f"{label}{' ' * (widths[2] - columns(label))}  " if widths[2] else ""
        yield f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {label}{formula}\n"
    yield f"\nbackprop eval -f {names_file(file)} {OPTION} NUMBER evaluates one of them.\n"


def _document(found: Sequence[Passage]) -> Iterator[str]:
    yield '{"schema": "backprop.formulas/1",\n "formulas": ['
    for k, each in enumerate(found):
        data = {"number": each.number, "line": each.line, "labels": list(each.labels), "latex": each.text}
        yield f"{',' if k else ''}\n  {json.dumps(data)}"
    yield "]}\n"
