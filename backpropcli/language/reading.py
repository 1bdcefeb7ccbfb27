"""The reading: a formula as it was understood, fully parenthesised, in its own language."""

from __future__ import annotations

from backpropcli import primitives
from backpropcli.language.program import Program
from backpropcli.language.terms import CALL, NAME, NUMBER, Statement


def number_text(number: float) -> str:
    """A number as a formula writes it: the shortest text that reads back as the same double."""
    text = repr(number)
    return text[:-2] if text.endswith(".0") else text


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
            text = number_text(0.0 if payload is None else float(payload))
            pieces.append(text if alone or not text.startswith("-") else f"({text})")
            continue
        if op == NAME:
            pieces.append(str(payload))
            continue
        entry = primitives.find(str(payload), len(args)) if op == CALL else primitives.TABLE[op]
        if entry is None or entry.operator is None:
            pieces.append(f"{entry.name if entry else payload}(")
            pending.append(")")
            for j in reversed(args[1:]):
                pending += [(j, True), ", "]
            pending.append((args[0], True))
            continue
        if not alone:
            pieces.append("(")
            pending.append(")")
        sign = entry.operator[0]
        if len(args) == 1:
            pending.append((args[0], False))
            pending.append(f"{sign} " if sign.isalpha() else sign)
        else:
            tight = sign in "*/^"
            pending += [(args[1], False), sign if tight else f" {sign} ", (args[0], False)]
    return pieces
