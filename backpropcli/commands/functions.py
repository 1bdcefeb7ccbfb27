"""List the functions and operators, or say all that is known about one."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click

from backpropcli import output, primitives
from backpropcli.commands._options import output_option
from backpropcli.errors import BackpropError, visible
from backpropcli.language import names
from backpropcli.language.tokens import FORMS
from backpropcli.primitives import ALL, Primitive, about

LABEL = 14
"""How wide the names of facts are set."""
CALLS = 24
"""How wide calls are set in the list."""


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _known() if name.startswith(incomplete)]


@click.command("functions")
@click.argument("name", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document: `backprop schema functions`.")
@output_option
def command(name: str | None, as_json: bool, file_out: str | None) -> None:
    """List the functions and operators, or say all that is known about one.

    NAME is a function, another spelling of it, or an operator's sign.

    \b
      backprop functions
      backprop functions sigmoid
      backprop functions '^'
    """
    if name is None:
        found = [entry for entry in primitives.TABLE.values() if not entry.helper]
        pieces = _document(found) if as_json else _list()
    else:
        found = _found(name)
        other = names.canonical(name) in {**primitives.CONSTANTS, **FORMS} and not as_json
        if not found and not other:
            raise _unknown(name)
        pieces = _document(found) if as_json else _pages(found, names.canonical(name) if other else None)
    output.write(pieces, file_out)


# Finding


def _found(name: str) -> list[Primitive]:
    """The entries of this name, spelling or sign."""
    spelled = names.canonical(name)
    found = list(primitives.spellings().get(spelled, ()))
    sign = name.translate(names.NORMAL)
    found += [
        entry
        for entry in primitives.TABLE.values()
        if entry not in found
        and (
            (entry.operator is not None and entry.operator[0] == sign)
            or (entry.written == spelled and not entry.helper)
        )
    ]
    return found


def _known() -> list[str]:
    """Every name that may be asked for."""
    listed = [spelling for spelling, entries in primitives.spellings().items() if not all(e.helper for e in entries)]
    return [*listed, *FORMS, *primitives.CONSTANTS]


def _unknown(name: str) -> BackpropError:
    near = names.closest(names.canonical(name), _known())
    hint = f"did you mean {near}?" if near else "backprop functions lists them"
    return BackpropError(f"there is no function {visible(name, 60)!r}", hint=hint)


# The list


def _list() -> Iterator[str]:
    for topic, entries in primitives.topics().items():
        shown = [entry for entry in entries if not entry.helper]
        if shown:
            yield f"{topic.capitalize()}\n"
            yield from (_line(about.signature(entry), _sentence(entry.doc)) for entry in shown)
            yield "\n"
    yield "In formulas\n"
    for form in FORMS.values():
        yield _line(*_form(form))
    yield "\nConstants\n"
    for name, value in primitives.CONSTANTS.items():
        yield _line(name, repr(value))
    yield "\nbackprop functions NAME says more about one.\n"


def _line(call: str, said: str) -> str:
    narrow = len(call) > CALLS - 2 and output.width(sys.stdout) is not None
    gap = f"\n{' ' * (2 + CALLS)}" if narrow else " " * max(CALLS - len(call), 2)
    return _wrapped(f"  {call}{gap}", said, 2 + CALLS)


def _sentence(doc: str) -> str:
    return doc.partition(". ")[0].rstrip(".")


def _form(text: str) -> tuple[str, str]:
    """A form of the language, `sum(f, k, a, b), the sum of ...`, as its call and what it is."""
    call, _, said = text.partition("), ")
    return f"{call})", said[:1].upper() + said[1:]


def _wrapped(before: str, text: str, indent: int) -> str:
    """The text after what stands before it, broken where the terminal is narrow."""
    width = output.width(sys.stdout)
    if width is None:
        return f"{before}{text}\n"
    lines = textwrap.wrap(text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False)
    return before + f"\n{' ' * indent}".join(lines) + "\n"


# One of them


def _pages(found: Sequence[Primitive], other: str | None = None) -> Iterator[str]:
    """The entries, and the constant or form of this name."""
    for k, entry in enumerate(found):
        if k:
            yield "\n"
        yield f"{about.signature(entry)}\n\n"
        yield _wrapped("  ", entry.told, 2)
        yield "\n"
        for label, text in _facts(entry):
            yield _wrapped(f"  {label:<{LABEL}}", text, 2 + LABEL)
    if other is not None:
        yield "\n" if found else ""
        yield from _other(other)


def _facts(entry: Primitive) -> Iterator[tuple[str, str]]:
    """What is known, as labels and texts."""
    spelled = about.spellings(entry)
    if spelled:
        yield "also written", ", ".join(spelled)
    kind = about.kind(entry)
    if kind:
        yield "derivative", kind
    derivatives = about.derivatives(entry)
    for derivative in derivatives:
        where = f" where {derivative.where}, else no path" if derivative.where else ""
        by = f"by {derivative.by}: " if len(derivatives) > 1 or entry.variadic or entry.array else ""
        yield "derivative", f"{by}{derivative.handbook}{where}"
        if derivative.computed:
            yield "  computed as", derivative.computed
    carried = about.passes(entry)
    for each in carried:
        by = f"by {each.by}: " if len(carried) > 1 or entry.variadic else ""
        yield "  backward", f"{by}{each.backward}"
        if each.backward_computed:
            yield "  computed as", each.backward_computed
        yield "  forward", f"{by}{each.forward}"
        if each.forward_computed:
            yield "  computed as", each.forward_computed
    if entry.rule is None:
        yield "derivative", "that of the formula it is computed as"
    letters = about.letters(entry)
    if letters:
        yield "", letters
    yield "has a value", about.domain(entry) if about.domain(entry) == "everywhere" else f"for {about.domain(entry)}"
    for edge in entry.edges:
        yield "edge point", about.edge(edge)
    computed = about.computed(entry)
    if computed:
        yield "computed as", computed
    if entry.elementary:
        yield "in gates", entry.elementary
    yield "digits", f"value and derivatives within {entry.digits} units in the last place"
    yield "LaTeX", about.latex(entry)
    if entry.helper:
        yield "helper", "there for the derivatives of others"
    yield "try", _command(entry)


def _command(entry: Primitive) -> str:
    formula, point = about.example(entry)
    return f"backprop eval '{formula}' {about.options(point)}"


def _other(name: str) -> Iterator[str]:
    """A constant, or a form of the language that is no function of numbers."""
    if name in primitives.CONSTANTS:
        yield f"{name} = {primitives.CONSTANTS[name]!r}\n\n  A constant; a variable of this name wins over it.\n"
    else:
        call, said = _form(FORMS[name])
        yield f"{call}\n\n"
        yield _wrapped("  ", f"{said}.", 2)


# JSON


def _document(found: Sequence[Primitive]) -> Iterator[str]:
    topics = {entry.name: topic for topic, entries in primitives.topics().items() for entry in entries}
    yield '{"schema": "backprop.functions/1",\n "functions": ['
    for k, entry in enumerate(found):
        yield f"{',' if k else ''}\n  {json.dumps(_data(entry, topics[entry.name]))}"
    yield "]}\n"


def _data(entry: Primitive, topic: str) -> dict[str, Any]:
    return {
        "name": entry.name,
        "topic": topic,
        "call": about.call(entry),
        "aliases": list(about.spellings(entry)),
        "parameters": list(entry.names),
        "defaults": {name: "all" if value == ALL else value for name, value in about.defaults(entry).items()},
        "variadic": entry.variadic,
        "doc": entry.told,
        "value": entry.value,
        "gates": entry.elementary,
        "derivatives": [derivative._asdict() for derivative in about.derivatives(entry)],
        "passes": [carried._asdict() for carried in about.passes(entry)],
        "letters": about.letters(entry),
        "domain": entry.domain,
        "edges": [edge._asdict() for edge in entry.edges],
        "digits": entry.digits,
        "latex": about.latex(entry),
        "helper": entry.helper,
        "example": _command(entry),
    }
