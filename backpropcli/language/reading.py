"""The reading: a formula as it was understood, fully parenthesised, in its own language."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from backpropcli import primitives
from backpropcli.graph import Literal, number_of
from backpropcli.language.program import Program
from backpropcli.language.terms import CALL, INDEX, NAME, NUMBER, SLICE, STACK, TRANSPOSE, Statement, Term
from backpropcli.primitives import Primitive


def number_text(number: float) -> str:
    """A number as a formula writes it: the shortest text that reads back as the same double."""
    text = repr(number)
    return text[:-2] if text.endswith(".0") else text


def array_text(array: Literal, entry: Callable[[float], str] = number_text) -> str:
    """An array of numbers as a formula writes it: a matrix by its rows, more axes as brackets in brackets."""
    if not isinstance(array, tuple):
        return entry(array)
    matrix = len(array) > 1 and isinstance(array[0], tuple) and not isinstance(array[0][0], tuple)
    parts = [_nested(part, entry) for part in array]
    return f"[{'; '.join([part[1:-1] for part in parts])}]" if matrix else f"[{', '.join(parts)}]"


def _nested(array: Literal, entry: Callable[[float], str]) -> str:
    if not isinstance(array, tuple):
        return entry(array)
    return f"[{', '.join([_nested(part, entry) for part in array])}]"


def reading(program: Program) -> str:
    """The program with every operation in brackets; `; ` between statements. Linear in the text."""
    return "; ".join([_statement(program, statement) for statement in program.written[1]])


def _statement(program: Program, statement: Statement) -> str:
    value = "".join(_pieces(program, statement.value))
    if statement.name is None:
        return value
    if statement.parameters is None:
        return f"{statement.name} = {value}"
    return f"{statement.name}({', '.join(statement.parameters)}) = {value}"


def _pieces(program: Program, root: int) -> list[str]:
    terms = program.written[0]
    pieces: list[str] = []
    # What is still to be written, last first: text, or a term and whether it stands on its own.
    pending: list[str | tuple[int, bool]] = [(root, True)]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        i, alone = item
        op, args, payload, _ = terms[i]
        if op == NUMBER:
            text = array_text(payload) if isinstance(payload, tuple) else number_text(number_of(payload))
            pieces.append(text if alone or not text.startswith("-") else f"({text})")
            continue
        if op == NAME:
            pieces.append(str(payload))
            continue
        if op == STACK:
            pending += _listed("[", [(j, True) for j in args], "]")
            continue
        if op == INDEX:
            pending += _listed("[", [(j, True) for j in args[1:]], "]")
            pending += _not_a_number(terms, args[0])
            continue
        if op == SLICE:
            pending += reversed(_sliced(terms, args))
            continue
        entry = primitives.find(str(payload), len(args)) if op == CALL else primitives.TABLE[op]
        if op == TRANSPOSE:
            pending += ["'", (args[0], False)]
        elif entry is not None and entry.operator is None and len(args) == 1 and not entry.written:
            pieces.append(f"{entry.name}(")
            pending += [")", (args[0], True)]
        elif entry is None or entry.operator is None:
            order = [(k, "") for k in range(len(args))] if entry is None else as_called(entry, len(args))
            arguments = [(args[k], True) for k, _ in order]
            pending += _listed("(", arguments, ")", [named for _, named in order])
            pending.append(str(payload) if entry is None else entry.written or entry.name)
        else:
            if not alone:
                pieces.append("(")
                pending.append(")")
            sign = entry.operator[0]
            if len(args) == 1:
                pending += [(args[0], False)] if sign.isalpha() else _not_a_number(terms, args[0])
                pending.append(f"{sign} " if sign.isalpha() else sign)
            else:
                tight = sign in "*/^"
                pending += [(args[1], False), sign if tight else f" {sign} ", (args[0], False)]
    return pieces


_Item = str | tuple[int, bool]


def _listed(opening: str, items: Sequence[_Item], closing: str, names: Sequence[str] = ()) -> list[_Item]:
    """The items with commas between brackets, the last first; a name may stand before each."""
    found: list[_Item] = [opening]
    for k, item in enumerate(items):
        found += [", " if k else "", names[k] if names else "", item]
    return [*found, closing][::-1]


def _not_a_number(terms: Sequence[Term], i: int) -> list[_Item]:
    """A term beside an index or a minus, the last first: a number has no index, and a minus would be its own."""
    if terms[i].op == NUMBER and not isinstance(terms[i].payload, tuple):
        return [")", (i, True), "("]
    return [(i, False)]


def _sliced(terms: Sequence[Term], bounds: Sequence[int]) -> list[_Item]:
    """A slice, with nothing where a bound is left out."""
    shown: list[_Item] = ["" if terms[j].payload == math.inf else (j, True) for j in bounds]
    return [shown[0], ":", shown[1], *([":", shown[2]] if shown[2] else [])]


def as_called(entry: Primitive, count: int) -> list[tuple[int, str]]:
    """The places of a call's arguments in the order that they are written in, and before each its name or nothing.

    By its name stands the axis, where all behind it is known beforehand too; and what is known beforehand comes last
    where there are any number of others, as in concat(a, b, axis=1).
    """
    if not entry.variadic:
        axis = entry.names.index("axis") if "axis" in entry.static else count
        last = all([name == "axis" for name in entry.names[axis:]])
        return [(k, "axis=" if last and k == axis else "") for k in range(count)]
    fixed = len(entry.names) - 1 if entry.written else 0
    return [*[(k, "") for k in range(fixed, count)], *[(k, f"{entry.names[k]}=") for k in range(fixed)]]
