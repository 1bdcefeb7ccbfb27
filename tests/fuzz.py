"""Formulas and command lines by grammar and by mutation, thrown at a door: `python -m tests.fuzz --door formula`.

Every input is made from its seed and its number alone, so that `--seed S --start I --count 1` makes it again.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import itertools
import json
import math
import os
import random
import re
import secrets
import shlex
import signal
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from backpropcli import primitives
from backpropcli.cli import main as backprop
from backpropcli.errors import HIDDEN_CATEGORIES, BackpropError, described
from backpropcli.exporting import targets
from backpropcli.formula import Formula
from backpropcli.homework import feedback, results, sheets, worksheet
from backpropcli.homework.assignment import LEVELS, parsed
from backpropcli.homework.marking import mark_sheet
from backpropcli.homework.paper import Paper, paper
from backpropcli.homework.results import formats
from backpropcli.language.documents import KINDS, Excerpt, excerpt, mathematics
from backpropcli.reading import values
from backpropcli.rendering import Style, renderer
from backpropcli.streams import _fast, csv, ndjson

CASES = Path(__file__).parent / "cases"
CORPUS = CASES / "fuzz_corpus"
SECONDS = 3.0
"""CPU time that one input may take."""
EXITS = frozenset({0, 2, 3})
NODES = 5_000
BYTES = 1 << 22


class TooSlow(BaseException):
    """An input took longer than it may."""


class Failure(NamedTuple):
    door: str
    number: int
    entered: str | list[str]
    said: str


# Making inputs

NAMES = [
    "x",
    "y",
    "z",
    "xy",
    "theta",
    "θ",
    "x_1",
    "x₁",
    "f",
    "g",
    "q",
    "r",
    "e",
    "pi",
    "sigma",
    "σ",
    "max",
    "_",
    "order",
]
NUMBERS = ["0", "1", "2", "3", "0.5", ".5", "5.", "1e3", "1e-3", "1e308", "1e-308", "4.94e-324", "1e400", "100", "7"]
SIGNS = ["+", "-", "*", "/", "^", "**", "<", "<=", "==", "!=", "≤", " and ", " or ", "·", "÷", "−", "", " "]
POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 40.0, 1000.0, -1000.0, 1e200, 1e-200, 1e308, 3.141592653589793]
SPECIAL = [
    *"()[]{}|!%@#$&~'\"`\\;:,.?=<>^*/+-_ \t\n\r",
    *"\0\x01\x07\x08\x1b\x7f\x85\x9b\xa0\xad",
    *"\u200b\u200d\u2028\u202e\u2066\ufeff\udcff\ud800\U000e0001",
    *"²³⁻¹₁σθπΑοαа٣５½×·÷−√∞∂ℯŷé价🙂́",
    *[
        "and",
        "or",
        "not",
        "if(",
        "1,000",
        "1..2",
        "**",
        "==",
        ":=",
        "\r\n",
        "f(t) = t^2; ",
        "x = 2, ",
        "  ",
        "1e",
        "(((",
    ],
]


def expression(rng: random.Random, depth: int) -> str:
    """A formula by the grammar, mostly right."""
    kind = rng.random()
    if depth <= 0 or kind < 0.15:
        return rng.choice(NAMES if rng.random() < 0.6 else NUMBERS)
    if kind < 0.5:
        return f"{expression(rng, depth - 1)}{rng.choice(SIGNS)}{expression(rng, depth - 1)}"
    if kind < 0.6:
        return f"({expression(rng, depth - 1)})"
    if kind < 0.68:
        return f"{rng.choice(['-', '+', 'not ', '--'])}{expression(rng, depth - 1)}"
    if kind < 0.75:
        return f"{expression(rng, depth - 1)}{rng.choice(['²', '^2', '^-1', '^0.5', '⁻¹', '^x', '^0'])}"
    if kind < 0.8:
        return f"({expression(rng, 1)} > 0 ? {expression(rng, depth - 1)} : {expression(rng, depth - 1)})"
    name = rng.choice(FUNCTIONS)
    count = len(primitives.spellings()[name][0].names) if name in primitives.spellings() else 1
    count = count if rng.random() < 0.95 else rng.randrange(4)
    return f"{name}({', '.join(expression(rng, depth - 1) for _ in range(count))})"


FUNCTIONS = [*primitives.spellings(), "f", "g", "sigmod"]


def program(rng: random.Random) -> str:
    """A formula, at times with definitions, functions and bindings around it."""
    statements = [expression(rng, rng.randrange(6))]
    while rng.random() < 0.3:
        name, body = rng.choice(NAMES), expression(rng, rng.randrange(4))
        head = rng.choice([name, f"{name}(t)", f"{name}(t, x)", name])
        statements.insert(rng.randrange(len(statements) + 1), f"{head} = {body}")
    return rng.choice(["; ", "\n", ";", " ;\n"]).join(statements)


def mutated(rng: random.Random, text: str) -> str:
    """The text with some of its characters or words changed."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        kind = rng.randrange(7)
        if kind == 0:
            text = text[:at] + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + rng.choice(SPECIAL) + text[at:]
        elif kind == 2:
            text = text[:at] + rng.choice(SPECIAL) + text[at + 1 :]
        elif kind == 3:
            text = text[:to] + text[at:to] * rng.choice((1, 1, 2, 30)) + text[to:]
        elif kind == 4:
            text = text[:at] + text[to:]
        elif kind == 5:
            text = text[:at] + expression(rng, 2) + text[to:]
        else:
            text = (
                text[:at]
                + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000))))
                + text[at:]
            )
        text = text[:2000]
    return text


def seeds() -> list[list[str]]:
    """The command lines of all cases, as words."""
    found = []
    for path in sorted((CASES / "errors").glob("*.txt")):
        line = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("$ backprop ")
        with contextlib.suppress(ValueError):
            found.append([word[:2000] for word in shlex.split(line)])
    return found


SEEDS = seeds()
FORMULAS = [words[1] for words in SEEDS if len(words) > 1 and not words[1].startswith("--")] or ["x"]


def formula(rng: random.Random) -> str:
    """A formula to try, or nearly one."""
    kind = rng.random()
    if kind < 0.4:
        return program(rng)
    if kind < 0.7:
        return mutated(rng, program(rng))
    if kind < 0.95:
        return mutated(rng, rng.choice(FORMULAS))
    return "".join(rng.choice(SPECIAL + NAMES + NUMBERS) for _ in range(rng.randrange(40)))


PARTS = r"""
\frac \frac{1}{x} \left( \right) \left. \right| \sqrt \sqrt[3]{x} \sqrt[ ^ _ ^{ _{ { } {} ^2 _1 ^* ^T ^{(1)}
\sum_{i=1}^{3} \sum_i \prod^2_{k=0} x_i w_{ij} \sigma \sigma(x) \theta_1 \hat{y} \hat \mathbf{x} \mathrm{and}
\log y \sin^2 x \max(0,x) \operatorname{relu} \cdot \times / + - = := , ; ( ) [ ] | \| \{ \} \le < ! 2 0.5
\frac{dy}{dx} \frac{d}{dx} \partial \quad \boxed{x} \overbrace{x}^{y} \text{if} \text{and} \input \def \foo
\begin{cases} \end{cases} \begin{pmatrix} \end{pmatrix} \begin{aligned} \end{aligned} \lfloor \rceil \vert
\sum_j \sum_{i,j} \sum_{j=0}^{D}
\prod_{i \ne j} \sum_{j=1, j \ne i}^{n} \theta_j \alpha_{ji} z_j a_j z_{j+1} h_{t-1} z_0
x_{2,i-1} x^{(i)} z_j= a_j=\sum_i h_t= D=2 x_n
\Delta ~ x y z e ' & \\ $ . ² σ f(x) \, \ x=2 f(x)=x^2
"""
LATEX = [*PARTS.split(), "%\n", "\n", "\n\n", r"\text{so that }"]
LATEX += [r"\frac{df}{dx}", r"\frac{d^2 f}{dx^2}", "f'(x)", r"\approx", r"\ell", "x_0:", r"\\[2pt]", r"\[", r"\]", "$$"]
LECTURES = [
    r"f(w, x) = \frac{1}{1 + e^{-(w_0x_0 + w_1x_1 + w_2)}}",
    r"q = x + y \quad \frac{\partial q}{\partial x} = 1, \frac{\partial q}{\partial y} = 1",
    r"f(z) = \tanh(z) = \frac{e^z - e^{-z}}{e^z + e^{-z}}",
    r"J = y^* \log y + (1 - y^*) \log(1 - y)",
    r"f(x) = \begin{cases} 1 & \text{if } w \cdot x + b > 0 \\ 0 & \text{else} \end{cases}",
    r"W - \alpha \left[ \left( \frac{1}{m} \Delta W \right) + \lambda W \right]",
    r"\begin{aligned} a &= \sum_{j=0}^2 \theta_j x_j \\ y &= \frac{1}{1+\exp(-a)} \end{aligned}",
    r"y = (x_1, x_2) \begin{pmatrix} w_{11}, w_{12} \\ w_{21}, w_{22} \end{pmatrix}",
    r"J = \frac{1}{2} \|h - y\|^2",
    r"b = \sum_{j=0}^D \theta_j z_j \quad z_j = \frac{1}{1 + \exp(-a_j)} \quad a_j = \sum_{i=0}^M \alpha_{ji} x_i",
    r"L = -\sum_k t_k \log p_k, p_k = \frac{e^{x_k}}{\sum_j e^{x_j}}",
    r"h_t = \tanh(w h_{t-1} + x_t), h_0 = 0, L = \sum_{t=1}^{n} (h_t - y)^2",
    r"L_j = \prod_{k \ne j} \frac{y - x_k}{x_j - x_k}; p = \sum_j t_j L_j",
]
# What indices are told by: numbers in limits, and arrays.
STRUCTURE = {
    "D": 2,
    "M": 1,
    "n": 3,
    "theta": [0.5, -1.0, 2.0],
    "alpha": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    "x": [1.0, -2.0],
    "t": [0.0, 1.0, 0.0],
}


BETWEEN = r"""
$ $$ \( \) \[ \] ` ``` ```math ~~~ > - 1. # | <!-- --> --- % \$ \\ \begin{align} \end{align} \begin{equation}
\end{equation} \begin{verbatim} \end{verbatim} \begin{document} \end{document} \verb|$| \label{a} \tag{1}
{#b} $5 word and
"""
WORDS = [*BETWEEN.split(), "\n", "\n", "\n\n", "    ", " ", " "]


def document(rng: random.Random) -> str:
    """A document with formulas in it, or nearly one."""
    parts: list[str] = []
    for _ in range(rng.randrange(1, 10)):
        kind = rng.random()
        if kind < 0.5:
            parts.append(rng.choice(WORDS))
        else:
            sign = rng.choice(("$", "$", "$$", "$$\n"))
            parts.append(f"{sign}{rng.choice(LECTURES) if kind < 0.8 else latex(rng)}{sign[::-1]}")
    text = rng.choice(("", " ", "\n")).join(parts)
    return mutated(rng, text) if rng.random() < 0.5 else text


def latex(rng: random.Random) -> str:
    """A formula in LaTeX to try, or nearly one."""
    kind = rng.random()
    if kind < 0.4:
        return " ".join(rng.choice(LATEX) for _ in range(rng.randrange(1, 14)))
    if kind < 0.7:
        return mutated(rng, rng.choice(LECTURES))
    words = rng.choice(LECTURES).split(" ")
    for _ in range(rng.randrange(1, 4)):
        words.insert(rng.randrange(len(words) + 1), rng.choice(LATEX))
    return " ".join(words)


ENTRIES = [
    "NaN",
    '"NaN"',
    '"Infinity"',
    "-Infinity",
    "null",
    "true",
    '"1"',
    "1e999",
    "1e-999",
    "1_0",
    "pi",
    "-pi/2",
    "",
]


def array(rng: random.Random, depth: int) -> str:
    """An array, mostly of numbers in rows of one length."""
    count = rng.choice((1, 2, 2, 3, 4))
    separators = [rng.choice((",", ", ", ";", "; ", ",\n")) if rng.random() < 0.1 else "," for _ in range(count)]
    separators[-1] = "" if rng.random() < 0.97 else rng.choice(",; ")
    entries = [array(rng, depth - 1) if depth > 0 and rng.random() < 0.9 else entry(rng) for _ in range(count)]
    if rng.random() < 0.5:
        entries = entries[:1] * count
    return f"[{''.join(each + separator for each, separator in zip(entries, separators, strict=True))}]"


def entry(rng: random.Random) -> str:
    """An entry of an array, mostly a number."""
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(("", "", "-", "+")) + rng.choice(NUMBERS)
    return rng.choice(ENTRIES) if kind < 0.95 else expression(rng, 1)


def value(rng: random.Random) -> str:
    """A value to try, or nearly one: an array, lines of numbers, the header of an array in a file."""
    kind = rng.random()
    if kind < 0.6:
        text = array(rng, rng.choice((0, 0, 1, 1, 2, 4)))
    elif kind < 0.8:
        columns = rng.randrange(1, 4)
        text = "\n".join(",".join(entry(rng) for _ in range(columns)) for _ in range(rng.randrange(1, 4)))
    else:
        sizes = "".join(f"{rng.choice((1, 1, 2, 3, 10**9))}, " for _ in range(rng.randrange(4)))
        number = f"{rng.choice('<>|=')}{rng.choice('ffiubcO')}{rng.choice((1, 2, 4, 8, 16))}"
        text = f"{{'descr': '{number}', 'fortran_order': {rng.choice((True, False))}, 'shape': ({sizes}), }}"
    return mutated(rng, text) if rng.random() < 0.4 else text


OPTIONS = shlex.split("""
--json --strict --ieee --hessian --jacobian --allow-unused --help -h --color=always --color=never --mode=both
--mode=forward --nodes=steps --nodes=elementary --order=2 --order=3 --sig-digits=full --sig-digits=2 --format=markdown
--format=json --only=grad --only=value --only=tables --max-nodes=50 --max-chars=20 --wrt=x --wrt=y,x --jvp=x=1
--hvp=x=1,y=2 --at=x=1,y=2 --at=@point.json --at=@- -f -e -v - formula.txt point.json @point.json @bad.json @x.csv x=1
-- --x=nan --x -x --x=[1,2] --y=[1,2;3,4] --x=@x.npy --x=@w.csv --y=@w.json --at=x=[1,2],y=[3,4] --jvp=x=[1,0]
--vjp=[1,0] --vjp=[[1,0],[0,1]] --max-bytes=100
""")
FILES = {
    "formula.txt": "q = x + y\nq^2\n",
    "point.json": '{"x": 1, "y": 2}',
    "bad.json": '{"x": NaN, "y": [1]',
    "x.csv": "1.5\n",
    "w.csv": "1,2\n3,4\n",
    "w.json": "[[1, 2], [3, 4]]",
}


def line(rng: random.Random) -> list[str]:
    """A command line to try, or nearly one."""
    if rng.random() < 0.3:
        words = list(rng.choice(SEEDS))
    else:
        words = [rng.choice(["eval", "eval", "eval", "eval", "derive"]), formula(rng)]
        if words[0] == "eval":
            given = [array(rng, 1) if rng.random() < 0.2 else rng.choice(POINTS) for _ in range(rng.randrange(4))]
            words += [f"--{name}={each}" for name, each in zip(rng.sample(NAMES, len(given)), given, strict=True)]
            words += ["--at=x=1,y=2,z=3,q=1,θ=0.5"] if rng.random() < 0.5 else []
            words += ["--allow-unused"] if rng.random() < 0.7 else []
        words += rng.choices(OPTIONS, k=rng.choice((0, 1, 1, 2, 3)))
    while rng.random() < 0.25:
        at = rng.randrange(len(words))
        words[at : at + 1] = rng.choice(([], [mutated(rng, words[at])], [words[at]] * 2, [formula(rng), words[at]]))
        words = words or [""]
    return [word.replace("\0", "0") for word in words]  # No process can be given a NUL.


ROWS = [
    '{"x": 1, "y": 2}',
    '{"x": 1, "y": 2}',
    '{"x": -0, "y": 2e-7, "id": "a:b"}',
    '{"y": 0.5, "x": 1E5}',
    '{"x": [1, 2], "y": 2}',
    '{"x": 1, "y": 2, "value": 3}',
    "x,y",
    "x\ty",
    "1,2",
    "1,2",
    '"1",2',
    ".5,-0",
    "1,2,3",
    'y,"x, z",a',
    "1\t2",
    "\ufeffx,y",
    "",
]
ROW_OPTIONS = [
    ["--only", "value"],
    ["--only", "grad"],
    ["--hessian"],
    ["--jacobian"],
    ["--jvp", "x=1"],
    ["--wrt", "y"],
    ["--prefix", "f_"],
    ["--rename", "x=y"],
    ["--x", "2"],
    ["--format", "csv"],
    ["--format", "ndjson"],
    ["--from", "ndjson"],
    ["--from", "csv"],
    ["--from", "tsv"],
    ["--from", "npz"],
    ["--on-error", "skip"],
    ["--on-error", "fail"],
    ["--ieee"],
    ["--strict"],
]


def rows(rng: random.Random) -> list[str]:
    """Rows of points, or nearly such, and options to map them with; the rows come first."""
    kinds = rng.choice((ROWS[:6], ROWS[6:], ROWS))
    lines = [rng.choice(kinds) for _ in range(rng.randrange(8))]
    if kinds is not ROWS[:6] and rng.random() < 0.7:
        lines = ["x,y", *lines]
    for k, each in enumerate(lines):
        if rng.random() < 0.2:
            lines[k] = mutated(rng, each)
    text = rng.choice(("\n", "\n", "\n", "\r\n", "\n\n")).join(lines) + rng.choice(("\n", ""))
    options = rng.choices(ROW_OPTIONS, k=rng.choice((0, 0, 1, 1, 2)))
    return [text, *itertools.chain.from_iterable(options)]


# Doors: each raises where something is wrong


def check_text(text: str, *, styled: bool = False) -> None:
    """Nothing in it moves the cursor, hides, or is endless."""
    if styled:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    if text.isascii() and text.replace("\n", "").isprintable():
        return
    for character in text:
        if character != "\n" and unicodedata.category(character) in HIDDEN_CATEGORIES:
            raise AssertionError(f"U+{ord(character):04X} came out")


def check_error(said: str) -> None:
    """An error is a line, its place under a caret, and perhaps a hint."""
    check_text(said)
    lines = said.splitlines()
    if not lines[0].startswith("error: ") or len(lines) > 4 or any(len(each) > 700 for each in lines):
        raise AssertionError(f"no error as they are printed: {said[:500]!r}")


def check_json(text: str) -> None:
    """It is strict JSON: no NaN, no Infinity, no name twice."""

    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        assert len(found) == len(pairs), "a name twice in JSON"
        return found

    json.loads(text, parse_constant=refused, object_pairs_hook=once)


STYLE = Style(width=80, color=False, digits=6, unicode=True, only=None)


def at_latex(text: str, rng: random.Random) -> None:
    """The same with a formula in LaTeX."""
    chosen = rng.sample(sorted(STRUCTURE), rng.randrange(len(STRUCTURE)))
    at_formula(text, rng, syntax="latex", structure={name: STRUCTURE[name] for name in chosen})


def at_document(text: str, rng: random.Random) -> None:
    """Find the formulas of a document, pick some, and do the same with them; messages point into the document."""
    try:
        found = mathematics(text, rng.choice(KINDS))
    except BackpropError as problem:
        check_error(described(problem))
        return
    for number, passage in enumerate(found, 1):
        assert passage.number == number
        assert passage.text == "".join([text[span.start : span.end] for span in passage.spans])
        assert passage.line == text.count("\n", 0, passage.spans[0].start) + 1
    if not found:
        return
    some = excerpt(text, sorted(rng.sample(found, rng.randrange(1, min(len(found), 3) + 1))))
    try:
        Formula(some.text, variables=rng.sample(NAMES, 2), max_nodes=NODES, syntax="latex")
    except BackpropError as problem:
        check_place(problem, some)
        check_error(described(problem))
        return
    at_formula(some.text, rng, syntax="latex")


def check_place(problem: BackpropError, some: Excerpt) -> None:
    """What a message points at in a document is what it points at in the formulas that are picked."""
    if problem.span is None:
        return
    assert problem.source == some.text, f"{problem.message}: said of {problem.source!r}"
    first = some.text[problem.span.start : problem.span.start + 1].strip()
    some.placed(problem)
    assert problem.source == some.document
    start = problem.span.start
    assert not first or some.document[start : start + 1] == first, f"{problem.message}: points at {start}"


def at_formula(text: str, rng: random.Random, syntax: str = "auto", structure: Mapping[str, Any] | None = None) -> None:
    """Read, evaluate, differentiate, derive and render."""
    try:
        given = structure or {}
        found = Formula(
            text, variables=rng.sample(NAMES, 2), structure=given, max_nodes=NODES, max_bytes=BYTES, syntax=syntax
        )
        point = {name: given.get(name, rng.choice(POINTS)) for name in found.variables}
        report = found.at(
            point,
            mode=rng.choice(("reverse", "reverse", "forward", "both")),
            nodes=rng.choice(("gates", "gates", "gates", "elementary", "steps")),
            ieee=rng.random() < 0.3,
            hessian=rng.random() < 0.1,
            order=rng.choice((None, None, 3)) if len(point) == 1 else None,
        )
        again = "".join(renderer("json").render(report, STYLE))
        check_json(again)
        check_text(again)
        if rng.random() < 0.2:
            check_text("".join(renderer(rng.choice(("table", "markdown"))).render(report, STYLE)))
        for note in report.notes:
            assert len(note.message) < 1000, "an endless note"
        if rng.random() < 0.2:
            assert_read_back(found)
        if rng.random() < 0.2:
            check_text(found.derivative(to=rng.choice(targets())))
    except BackpropError as problem:
        check_error(described(problem))


def assert_read_back(found: Formula) -> None:
    """The reading is a formula, and reads as itself."""
    again = Formula(
        found.reading,
        variables=found.variables,
        structure={**STRUCTURE, **found.structure},
        syntax="infix",
        max_nodes=None,
        max_chars=None,
    )
    assert again.reading == found.reading, f"the reading {found.reading[:200]!r} reads as {again.reading[:200]!r}"


def at_line(words: list[str], rng: random.Random) -> None:
    """Run the command, in a folder of its own, with its streams caught."""
    if any("/" in following for word, following in itertools.pairwise(words) if word == "-o"):
        return  # It writes to its own folder only.
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    kept = sys.stdin, sys.stdout, sys.stderr
    entered = rng.choice((b"", b"x + y", b'{"x": 1}', b"1\xff", b"x\0", "x + σ(é)".encode()))
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(entered)), out, err
    try:
        code = backprop(words)
        out.flush()
        err.flush()
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    printed, said = out.buffer.getvalue().decode(), err.buffer.getvalue().decode()
    check_text(printed, styled=any(word.startswith("--color") for word in words) or "always" in words)
    assert code in EXITS, f"exit {code}: {said[:500]}"
    if code:
        assert not printed, f"exit {code}, but printed {printed[:200]!r}"
        check_error(said)
    else:
        check_text(said, styled=True)
        assert not said.startswith("error")
        if printed.startswith("{"):
            check_json(printed)


def at_rows(words: list[str], rng: random.Random) -> None:
    """Map the rows, many at a time and one by one: the same is written, a line for a line, and nothing else is."""
    entered = words[0].encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        place = rng.randrange(len(entered) + 1)
        entered = entered[:place] + bytes([rng.randrange(256)]) + entered[place:]
    options = ["map", rng.choice(("x*y", "x*y", "log(x)/y", "max(x, y)")), "--on-error", "null", *words[1:]]
    found = []
    for many in (1, sys.maxsize):
        before, _fast.MANY = _fast.MANY, many
        try:
            found.append(_mapped(options, entered, plain=many == 1))
        finally:
            _fast.MANY = before
    assert found[0] == found[1], f"{found[0]} is not {found[1]}"
    code, printed, said = found[0]
    assert code in EXITS, f"exit {code}: {said[:500]}"
    check_text(said.replace("\n", ""))
    if printed.startswith(b"{"):
        for each in printed.split(b"\n")[:-1]:
            check_json(each.decode())


def _mapped(options: list[str], entered: bytes, *, plain: bool) -> tuple[int, bytes, str]:
    """The exit code and both streams of a run; not `plain`, one that reads every row by itself."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(entered)), out, err
    slow = contextlib.ExitStack()
    if not plain:
        slow.enter_context(mock.patch.object(ndjson, "_is_plain", return_value=False))
        slow.enter_context(mock.patch.object(csv._Rows, "_quick", return_value=None))
        slow.enter_context(mock.patch.object(csv._Rows, "_quick_quoted", return_value=None))
    try:
        with slow:
            code = backprop([*options, "--quiet"])
        out.flush()
        err.flush()
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    return code, out.buffer.getvalue(), err.buffer.getvalue().decode()


def at_value(text: str, rng: random.Random) -> None:
    """Read it as an option's value, or as the contents of a file."""
    ieee = rng.random() < 0.3
    given = text
    if rng.random() < 0.4 or text.strip().startswith("@"):
        name = rng.choice(("w.json", "w.csv")) if text[:1] != "{" else "w.npy"
        Path(name).write_bytes(in_npy(text, rng) if name == "w.npy" else text.encode("utf-8", "surrogatepass"))
        given = f"@{name}"
    try:
        assert_an_array(values.read(given, "x", ieee=ieee, max_bytes=1 << 20), ieee=ieee)
    except BackpropError as problem:
        check_error(described(problem))


def in_npy(text: str, rng: random.Random) -> bytes:
    """A .npy file with this header and some numbers."""
    header = text.encode("utf-8", "surrogatepass")
    version = rng.choice((1, 1, 2, 3, 9))
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + rng.randbytes(rng.choice((0, 1, 4, 8, 16, 48, 72)))


def assert_an_array(found: object, *, ieee: bool) -> None:
    """It is a number or all rows have one length; its numbers are finite, but where others are asked for."""
    if hasattr(found, "tolist"):
        found = found.tolist()
    lists = [[found]]
    while all(isinstance(each, list) for each in lists[0]):
        lists = [each for row in lists for each in row]
        assert len({len(each) for each in lists}) == 1, f"ragged: {found!r}"
        assert lists[0], f"empty: {found!r}"
    for row in lists:
        assert all(type(each) is float and (ieee or math.isfinite(each)) for each in row), f"no numbers: {found!r}"


HOMEWORK = Path(__file__).resolve().parents[1] / "examples" / "homework"
ASSIGNMENTS = [path.read_text(encoding="utf-8") for path in sorted(HOMEWORK.glob("*.toml"))]
SHEETS = [path.read_text(encoding="utf-8") for path in sorted((HOMEWORK / "sheets").glob("*.md"))]
SHEETS += [path.read_text(encoding="utf-8") for path in sorted(HOMEWORK.glob("*.csv"))]
SHEETS += [
    '{"student": "s01", "answers": {"q1": {"dz/dx": -0.0076, "adj[s + q]": "1/922", "value s": "0,98"}}}',
    '[{"student": "s01", "answers": [{"question": "q1", "quantity": "local[(x+y)^2|x]", "answer": "2*(x + y)"}]}]',
    "student,question,quantity,answer\ns01,q1,edge z->n,0.02\n=s02,q1,dz/dy,-2.8e-2\n",
]
PIECES = [
    *["|", "|-|-|", "# q1", "## Backward", "x: ", "s = ", "via n", "; sum", "<br>", "```", "<!--", "-->", "> ", "- "],
    *[
        "**",
        "`",
        "$",
        "dz/dx",
        "adj[x + s]",
        "?",
        "1.2×10^-3",
        "0,98",
        "−0.02",
        "16,000",
        "2^2^2^2",
        "s*(1-s)",
        "1e999",
    ],
    *[
        "nan",
        "0.0",
        "[1, 2; 3, 4]",
        "=1+1",
        "student: ",
        "---",
        ",",
        ";",
        '"',
        "\\|",
        "at = {",
        "steps = [",
        "-0",
        "inf",
    ],
    *["[[question]]", "[marking]", 'level = "reveal"', 'x = "pi/2"', '"""', "'", "\\u001b", "1979-05-27", "\n", "\n\n"],
]


def homework(rng: random.Random, texts: list[str]) -> str:
    """One of the texts with some of it changed, and at times with other pieces put in."""
    text = mutated(rng, rng.choice(texts)) if rng.random() < 0.7 else rng.choice(texts)
    for _ in range(rng.choice((0, 1, 2, 5))):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(PIECES) * rng.choice((1, 1, 1, 40)) + text[at:]
    return text


def sheet(rng: random.Random) -> str:
    """What a student might hand in, or nearly so."""
    return homework(rng, SHEETS)


def assignment(rng: random.Random) -> str:
    """What a teacher might write, or nearly so."""
    return homework(rng, ASSIGNMENTS)


def at_sheet(text: str, rng: random.Random) -> None:
    """Read it in whatever format it seems to have, mark it, and print the marks."""
    paper = _paper()
    level = rng.choice(LEVELS)
    boards = {question.id: paper.board(question.id) for question in paper.assignment.questions}
    try:
        read = sheets.read(text.encode("utf-8", "surrogatepass"), "-", paper)
    except BackpropError as problem:
        check_error(described(problem))
        return
    found = [feedback.told(mark_sheet(paper.markers, each), level, boards) for each in read.sheets]
    for note in read.notes:
        assert len(note) < 1000, "an endless note"
    form = rng.choice(formats())
    if len(found) != 1 and form in ("gradescope", "prairielearn"):
        form = "text"
    printed = "".join(results.renderer(form).render(results.Marks("bp-t4", "", level, found), STYLE))
    check_text(printed)
    if form in ("json", "gradescope", "prairielearn"):
        check_json(printed)
    for each in found:
        assert 0.0 <= each.score <= each.max_score, f"{each.score} of {each.max_score}"


@functools.cache
def _paper() -> Paper:
    return paper(parsed(ASSIGNMENTS[-1].encode(), "t4.toml"))


def at_assignment(text: str, rng: random.Random) -> None:
    """Read it, and print its sheet and its key."""
    try:
        made = paper(parsed(text.encode("utf-8", "surrogatepass"), "t4.toml"))
        check_text("".join(worksheet.sheet(made, key=rng.random() < 0.5)))
    except BackpropError as problem:
        check_error(described(problem))


class Door(NamedTuple):
    make: Callable[[random.Random], str | list[str]]
    enter: Callable[[object, random.Random], None]


DOORS: dict[str, Door] = {
    "formula": Door(formula, at_formula),
    "latex": Door(latex, at_latex),
    "document": Door(document, at_document),
    "argv": Door(line, at_line),
    "value": Door(value, at_value),
    "rows": Door(rows, at_rows),
    "sheet": Door(sheet, at_sheet),
    "assignment": Door(assignment, at_assignment),
}


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """A folder with the files that command lines name, and a limit on each input's CPU time."""

    def too_slow(*_: object) -> None:
        raise TooSlow

    before, folder = signal.signal(signal.SIGPROF, too_slow), os.getcwd()
    colored = {
        name: os.environ.pop(name) for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS") if name in os.environ
    }
    with tempfile.TemporaryDirectory() as work:
        for name, contents in FILES.items():
            Path(work, name).write_text(contents, encoding="utf-8")
        os.chdir(work)
        try:
            yield
        finally:
            os.chdir(folder)
            os.environ.update(colored)
            signal.signal(signal.SIGPROF, before)


def tried(door: str, entered: str | list[str], seed: str, number: int) -> Failure | None:
    """What went wrong, if something did."""
    rng = random.Random(f"{seed}:{number}:points")
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        DOORS[door].enter(entered, rng)
    except TooSlow:
        return Failure(door, number, entered, f"more than {SECONDS} s")
    except Exception as problem:
        return Failure(door, number, entered, f"{type(problem).__name__}: {problem}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def fuzz(door: str, seed: str, count: int, start: int = 0, most: int = 10) -> list[Failure]:
    """The first inputs that fail, of `count`."""
    failures: list[Failure] = []
    with guarded():
        for number in range(start, start + count):
            entered = DOORS[door].make(random.Random(f"{seed}:{number}"))
            failure = tried(door, entered, seed, number)
            if failure is not None:
                failures.append(failure)
                if len(failures) == most:
                    break
    return failures


def described_failures(seed: str, failures: list[Failure]) -> str:
    """What went wrong, with what, and how to see it again."""
    again = f"python -m tests.fuzz --seed {seed} --count 1"
    return "\n".join(
        f"{each.said}\n  {each.entered!r}\n  {again} --door {each.door} --start {each.number}" for each in failures
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--door", choices=[*DOORS, "all"], default="all")
    parser.add_argument("--count", type=int, default=100_000, help="inputs a door; default: 100,000")
    parser.add_argument("--seed", default=None, help="default: a random one, printed")
    parser.add_argument("--start", type=int, default=0)
    asked = parser.parse_args()
    seed = asked.seed or secrets.token_hex(4)
    failed = False
    for door in DOORS if asked.door == "all" else [asked.door]:
        began = time.process_time()
        failures = fuzz(door, seed, asked.count, asked.start)
        took = time.process_time() - began
        print(f"door {door}, seed {seed}: {asked.count:,} inputs in {took:.1f} s of CPU, {len(failures)} failures")
        if failures:
            print(described_failures(seed, failures))
        failed = failed or bool(failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
