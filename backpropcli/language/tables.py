"""The parser's tables: generated from a Lark grammar, shipped as plain data, driven without importing Lark.

`python -m backpropcli.language.tables` writes `grammar/*.json` anew from `grammar/*.lark`; a test compares. Lark builds
the tables (LALR(1), strict: a conflict is an error), and this project drives them with the loop in `parser.py`:
importing Lark would cost more than the rest of a one-shot evaluation. They are JSON,
since Lark's own saved form is a pickle.
"""

from __future__ import annotations

import json
import os
from typing import Any

from backpropcli.records import NamedTuple

_HERE = os.path.dirname(os.path.abspath(__file__))
# In a wheel the grammars stand inside the package; in a checkout they stand at its top.
_FOLDERS = (
    os.path.join(os.path.dirname(_HERE), "_grammar"),
    os.path.join(os.path.dirname(os.path.dirname(_HERE)), "grammar"),
)


class Rule(NamedTuple):
    """One production: what it makes, of how many symbols, and which callback builds its value."""

    origin: str
    length: int
    callback: str | None
    """None where the rule has a single symbol and hands its value on."""


class Tables(NamedTuple):
    """An LALR(1) parser as plain data."""

    terminals: tuple[tuple[str, str], ...]
    """Name and pattern, in the order in which they are tried."""
    keywords: dict[str, str]
    """Words that the pattern of a name matches too, and their terminals."""
    ignored: frozenset[str]
    rules: tuple[Rule, ...]
    actions: tuple[dict[str, int], ...]
    """By state and terminal: the next state, or -1 - (the rule to reduce by)."""
    gotos: tuple[dict[str, int], ...]
    """By state and nonterminal: the next state."""
    start: int
    accept: int


def load(name: str) -> Tables:
    """The tables of a grammar, by its name (`formula`)."""
    for folder in _FOLDERS:
        path = os.path.join(folder, f"{name}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return _from_plain(json.load(file))
    raise FileNotFoundError(f"the parser's tables {name}.json are in none of {', '.join(_FOLDERS)}")


def _from_plain(data: dict[str, Any]) -> Tables:
    return Tables(
        tuple([(name, pattern) for name, pattern in data["terminals"]]),
        data["keywords"],
        frozenset(data["ignored"]),
        tuple([Rule(*rule) for rule in data["rules"]]),
        tuple(data["actions"]),
        tuple(data["gotos"]),
        data["start"],
        data["accept"],
    )


def generate(grammar: str, start: str) -> dict[str, Any]:
    """The tables of a grammar's text, as plain data, the same on every run. Needs Lark; a conflict is an error."""
    import re

    from lark import Lark
    from lark.lexer import PatternStr
    from lark.parsers.lalr_analysis import Shift

    lark = Lark(grammar, parser="lalr", start=start, strict=True)
    table = lark.parser.parser._parse_table

    ordered = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    patterns = [re.compile(terminal.pattern.to_regexp()) for terminal in ordered if terminal.name == "NAME"]
    keywords = {
        terminal.pattern.value: terminal.name
        for terminal in ordered
        if isinstance(terminal.pattern, PatternStr) and any(p.fullmatch(terminal.pattern.value) for p in patterns)
    }
    rules = list(lark.rules)
    numbers = {rule: number for number, rule in enumerate(rules)}

    # Lark numbers states in the order of a set; walked from the start by sorted symbols they are the same every time.
    order = [table.start_states[start]]
    position = {order[0]: 0}
    for state in order:
        for symbol in sorted(table.states[state]):
            action, target = table.states[state][symbol]
            if action is Shift and target not in position:
                position[target] = len(order)
                order.append(target)

    nonterminals = {rule.origin.name for rule in rules}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        row = sorted(table.states[state].items())
        actions.append(
            {
                symbol: position[target] if action is Shift else -1 - numbers[target]
                for symbol, (action, target) in row
                if symbol not in nonterminals
            }
        )
        gotos.append({symbol: position[target] for symbol, (_, target) in row if symbol in nonterminals})
    return {
        "terminals": [[t.name, t.pattern.to_regexp()] for t in ordered if t.pattern.value not in keywords],
        "keywords": keywords,
        "ignored": sorted(lark.ignore_tokens),
        "rules": [
            [
                rule.origin.name,
                len(rule.expansion),
                rule.alias or (None if len(rule.expansion) == 1 else rule.origin.name),
            ]
            for rule in rules
        ],
        "actions": actions,
        "gotos": gotos,
        "start": position[table.start_states[start]],
        "accept": position[table.end_states[start]],
    }


def written(data: dict[str, Any]) -> str:
    """The tables as the text of their file: one row a line, so that a change shows as a change."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list):
            rows = ",\n".join(f"  {json.dumps(row, separators=(',', ':'))}" for row in value)
            lines.append(f'"{key}": [\n{rows}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


GRAMMARS = {"formula": "program", "latex": "program"}
"""The grammars and their start symbols."""


def main() -> None:
    """Write the tables of every grammar beside it."""
    folder = _FOLDERS[1]
    for name, start in GRAMMARS.items():
        with open(os.path.join(folder, f"{name}.lark"), encoding="utf-8") as file:
            text = written(generate(file.read(), start))
        with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
