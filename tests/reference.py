"""The reference in docs/: written from the grammar's comments, the table of primitives and the program's own answers.

    python -m tests.reference

writes the pages anew, and the graphs of the table's texts that ship with it; a test fails where one of them is stale.
Readings, refusals and notes are asked of the program, so that no page says what it does not do.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from backpropcli import BackpropError, Formula, primitives
from backpropcli.algebras import ready
from backpropcli.algebras.rules import ready_graphs
from backpropcli.commands.examples import EXAMPLES
from backpropcli.exporting import target, targets
from backpropcli.exporting._lines import INLINE
from backpropcli.exporting.sql import SELECTS
from backpropcli.homework import assignment, class_run, feedback, model, results, sheets
from backpropcli.homework.misconceptions import CATALOGUE
from backpropcli.homework.sheets import csv as in_csv
from backpropcli.homework.sheets import markdown
from backpropcli.language.forms import MAX_INSTANCES, MAX_NAMED, MAX_TERMS, MAX_UNROLLED
from backpropcli.language.names import NAME_LENGTH
from backpropcli.language.program import (
    MAX_ARGUMENTS,
    MAX_CHARS,
    MAX_COPIED,
    MAX_DIFFERENTIATED,
    MAX_NODES,
    read,
)
from backpropcli.language.reading import reading
from backpropcli.language.tokens import FORMS
from backpropcli.passes.effort import KINDS
from backpropcli.primitives import Primitive, about
from backpropcli.reading import sources
from backpropcli.reading.csv_array import COLUMN_LIMIT
from backpropcli.rendering import formats, renderer
from backpropcli.streams._grid import MAX_POINTS
from backpropcli.streams._lines import LINE_LIMIT
from tests.benchmarks.limits import MEGABYTES, PER_TOKEN, SECONDS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ULPS = ROOT / "tests" / "ulps.json"
MARK = "<!-- Written by `python -m tests.reference`: change the grammar, the table or that program, not this page. -->"

SHOWN = [entry for entry in primitives.TABLE.values() if not entry.helper]
NUMBERS = [entry for entry in SHOWN if not entry.array]

READINGS = {
    "Products and quotients": ["2x", "2(x + 1)", "(x + y)z", "x y", "2 -x", "a/b*c", "2a/b", "-1/x^2", "6/2*(1 + 2)"],
    "Signs and powers": ["-x^2", "-2x", "2^3^2", "2^-x", "x**2", "x²", "x⁻¹", "-x!", "x!^2"],
    "Functions": [
        "sin(x)",
        "sin x",
        "sin 2x",
        "sin x^2",
        "2 sin x cos y",
        "ln sin x",
        "sin^2 x",
        "sin^-1(x)",
        "log(x, 2)",
        "σ(x)",
    ],
    "Bars": ["|x|", "3|x|", "|x - |y||"],
    "Names and numbers": ["θ₁ + θ_2", "xy", "x1*x_1", ".5 + 5.", "1e-3", "1*e-3", "2e", "π*τ"],
    "Conditions": ["x > 0 ? x : -x", "0 < x <= 1", "x > 0 and not y > 0", "where(x > 0, log(x), 0)"],
    "Definitions": [
        "J = y^2; y = a*w; a = tanh(w)",
        "f(t) = t^2; f(x) + f(2)",
        "x = -2, y = 5; x*y",
        "q := x + y  # a comment\nq^2",
    ],
    "Arrays": [
        "[1, 2, 3]*x",
        "[1, 2; 3, 4]",
        "[x, y, x + y]",
        "x[0] + W[0, 1]",
        "x[1:3]",
        "W[:, 0]",
        "x[::-1]",
        "softmax(z)[1]",
        "A'b[0]",
        "W @ x + b",
        "A' @ B @ C",
        "sum(A, axis=0)",
        "max(A)",
        "W = [1, 2; 3, 4]; x = [1, 1]; W @ x",
    ],
    "Sums, products, derivatives": [
        "sum(θ_k*x_k, k, 0, 2)",
        "sum(w[k]*x[k + 1], k, 0, 2)",
        "sum(x_k, k, 1, 4, k != 2)",
        "prod(k, k, 1, 5)*x",
        "diff(x^3, x)",
        "diff(x^3, x, 2)",
    ],
}
"""What is written, by what it is about; how it is read, the program says."""

REFUSED = [
    "1/2x",
    "a/b c",
    "sin x y",
    "3 4",
    "sigmod(x)",
    "x +",
    "(x + 1",
    "x + )",
    "50% x",
    "1,000*x",
    "1..2",
    "sin'(x)",
    "2[1, 2]",
    "[1, 2; 3]",
    "x[y + 1/2]",
    "W @ x y",
    "sum(A, axes=0)",
    "x = x + 1",
    "a = 1; a = 2; a*x",
    "x && y",
    "x_1 + хy",
]
"""What is refused; how that is said, the program says."""


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    return {name: f"{MARK}\n\n{''.join(write())}" for name, write in PAGES.items()}


# The index


def index() -> Iterator[str]:
    """The pages, the commands and the formats."""
    yield "# Reference\n\n"
    yield "These pages are written from the program itself, and a test fails where one of them is stale.\n\n"
    yield from _table(("page", "what it says"), [(f"[{name}]({name})", said) for name, said in CONTENTS.items()])
    yield "\n[Values](values.md) says how values are given, in numbers, arrays and files; "
    yield "[examples](../examples/README.md) show it all at work.\n\n## Formats\n\n"
    yield "What `backprop eval FORMULA --format NAME` takes:\n\n"
    yield from _table(
        ("format", "what it is"), [(f"`{name}`", _plain(_first_line(renderer(name), name))) for name in formats()]
    )
    yield "\n`backprop schema eval` prints the JSON Schema of `json` and `ndjson`. In `csv`, "
    rest = (renderer("csv").__doc__ or "").split("\n\n", 1)[1]
    first, _, after = " ".join(rest.split()).partition(" ")
    yield f"{first[:1].lower()}{first[1:]} {_plain(after)}\n\n"
    yield "## Languages\n\nWhat `backprop derive FORMULA --to NAME` takes:\n\n"
    said = [(f"`{name}`", _plain(_first_line(target(name), name))) for name in targets()]
    yield from _table(("language", "what it is"), said)
    yield "\n## Examples at hand\n\n`backprop examples NAME` prints command lines to try:\n\n"
    yield from _table(("name", "about"), [(f"`{name}`", example.title) for name, example in EXAMPLES.items()])


def _first_line(module: object, name: str) -> str:
    """What the docstring of a format or a language says of it, without its name."""
    line = (module.__doc__ or "").partition("\n")[0]
    said = line.partition(": ")[2] if line.partition(": ")[0].lower() == name else line
    return said[:1].upper() + said[1:].rstrip(".")


# The language


def language() -> Iterator[str]:
    """Readings, refusals, and the grammar rule by rule."""
    blocks = list(_grammar("formula.lark"))
    yield "# The formula language\n\n"
    first = blocks[0][0].partition("\n")[0].partition(": ")[2]
    yield _paragraph(
        f"""{first[:1].upper()}{first[1:]} Every result repeats the formula as it was read, with every operation in
        brackets. What could be read in two ways is not read at all. The same formulas may be written in LaTeX, as they
        stand on slides and in notes: [latex.md](latex.md)."""
    )
    yield "## How it is read\n"
    for title, texts in READINGS.items():
        yield f"\n### {title}\n\n"
        yield from _table(("written", "read as"), [(_code(text), _code(_reading(text))) for text in texts])
    yield "\n## What is refused\n\n"
    yield from _table(("written", "what is said"), [(_code(text), _plain(_refusal(text))) for text in REFUSED])
    yield "\n## Constants and forms\n\n"
    rows = [(_code(name), f"{value!r}; a variable of this name wins") for name, value in primitives.CONSTANTS.items()]
    for form in FORMS.values():
        call, _, said = form.partition("), ")
        rows.append((_code(f"{call})"), _plain(said)))
    yield from _table(("written", "what it is"), rows)
    yield "\nThe functions have [a page of their own](functions.md).\n\n## The grammar\n\n"
    yield _paragraph(
        """From `grammar/formula.lark`, which the parser is made of. Words in capitals are kinds of words, as found
        before the rules apply."""
    )[:-1]
    for comment, rules in blocks:
        if comment and rules:
            yield f"\n{_plain(' '.join(comment.split()))}\n\n```text\n{_shown(rules)}\n```\n"


def _grammar(name: str) -> Iterator[tuple[str, str]]:
    """A grammar's comments, each with the rules that follow it up to the next comment."""
    text = (ROOT / "grammar" / name).read_text(encoding="utf-8")
    comment: list[str] = []
    rules: list[str] = []
    for line in text.splitlines():
        if line.startswith("//"):
            if rules:
                yield "\n".join(comment), "\n".join(rules).strip()
                comment, rules = [], []
            comment.append(line[2:].strip())
        elif not line and comment and not "".join(rules).strip():
            yield "\n".join(comment), ""
            comment, rules = [], []
        elif not line.startswith("%"):
            rules.append(line)
    yield "\n".join(comment), "\n".join(rules).strip()


def _shown(rules: str) -> str:
    """Rules without what concerns the program alone: the names of callbacks, and which rules make no node."""
    lines = []
    marked = False
    for line in re.sub(r" +-> \w+", "", rules).splitlines():
        if line and not line.startswith(" "):
            marked = line.startswith("?")
        lines.append(line[marked:])
    return "\n".join(lines)


def _reading(text: str) -> str:
    return reading(read(text))


def _refusal(text: str) -> str:
    try:
        Formula(text)
    except BackpropError as problem:
        return f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    raise ValueError(f"{text} is not refused")


# Functions


def functions() -> Iterator[str]:
    """Every entry of the table with all that is known about it."""
    yield "# Functions\n\n"
    yield _paragraph(
        """In the derivatives `y` is the result; in what an operation on arrays carries backward and forward `g` is its
        adjoint and `d` the argument's tangent. Where two texts are given, the first is the handbook's and the second
        the one that is computed, since it keeps the digits that the first would lose. *Gates* is what `--nodes
        elementary`
        splits a function into. Digits are a promise in units in the last place, of the value and of the derivatives,
        held by tests against fifty digits. `backprop functions NAME` prints the same."""
    )[:-1]
    for topic, entries in primitives.topics().items():
        shown = [entry for entry in entries if not entry.helper]
        if shown:
            yield f"\n## {topic.capitalize()}\n"
            for entry in shown:
                yield from _function(entry)
    helpers = [entry for entry in primitives.TABLE.values() if entry.helper]
    yield "\n## Helpers\n\nThey are there for the derivatives of others, and are read in formulas too.\n\n"
    rows = [(_code(about.signature(entry)), _plain(entry.told)) for entry in helpers]
    yield from _table(("written", "what it is"), rows)


def _function(entry: Primitive) -> Iterator[str]:
    spelled = about.spellings(entry)
    yield f"\n### {_code(about.signature(entry))}\n\n{_plain(entry.told)}"
    yield f" Also {', '.join(map(_code, spelled))}.\n\n" if spelled else "\n\n"
    kind = about.kind(entry)
    if kind:
        yield f"- {kind}\n"
    for derivative in about.derivatives(entry):
        by = f" by {_plain(derivative.by)}" if len(entry.names) > 1 or entry.variadic else ""
        stable = f"; computed as {_code(derivative.computed)}" if derivative.computed else ""
        where = f", where {_code(derivative.where)}; else there is no path" if derivative.where else ""
        yield f"- derivative{by}: {_code(derivative.handbook)}{stable}{where}\n"
    carried = about.passes(entry)
    for each in carried:
        by = f" by {_plain(each.by)}" if len(carried) > 1 or entry.variadic else ""
        for way, told, computed in (
            ("backward", each.backward, each.backward_computed),
            ("forward", each.forward, each.forward_computed),
        ):
            yield f"- {way}{by}: {_code(told)}{f'; computed as {_code(computed)}' if computed else ''}\n"
    if entry.rule is None:
        yield "- derivative: that of the formula it is computed as\n"
    if (entry.variadic or carried) and about.letters(entry):
        yield f"- {_plain(about.letters(entry) or '')}\n"
    domain = entry.needs or (_code(entry.domain) if entry.domain else "")
    yield f"- has a value {f'for {domain}' if domain else 'everywhere'}\n"
    for edge in entry.edges:
        yield f"- edge point: {_plain(about.edge(edge))}\n"
    if about.computed(entry):
        yield f"- computed as {_code(entry.value)}\n"
    if entry.elementary:
        yield f"- gates: {_code(entry.elementary)}\n"
    yield f"- digits: {entry.digits}\n"


# Edge points


def edge_points() -> Iterator[str]:
    """Where the derivative is not plain: the conventions, and what the program says at such points."""
    yield "# Edge points\n\n"
    yield _paragraph(
        """Where a derivative is a convention, infinite or undefined, one written rule holds, the same in forward and in
        reverse mode, and it is said when it was used."""
    )
    yield "- A **note**: a kink, a tie or a jump. The result stands; the derivative is a convention.\n"
    yield "- A **warning**: the value is fine, a derivative is infinite or undefined. The others are still given.\n"
    yield "- An **error**: the value itself does not exist. Exit code 2, with the place in the formula.\n\n"
    yield "`--ieee` takes errors down to what IEEE arithmetic gives; `--strict` takes notes up to errors. Nothing is "
    yield "simplified before it is differentiated, and an arm that is not taken contributes nothing.\n\n"
    yield _paragraph(
        """Both sweeps add up the same products, in other orders. Where one of them leaves no finite derivative, the
        other is asked too, and either mode gives the better defined one, finite before infinite before undefined:
        `2*sqrt(x) - sqrt(x)` at 0 is 1·inf backward, and inf - inf forward. A note names the sweep and the place."""
    )
    yield "## Conventions\n\n"
    rows = []
    for entry in SHOWN:
        for edge in entry.edges:
            slopes = f"{edge.slopes[0]} and {edge.slopes[1]}" if edge.slopes else ""
            kind, _, _ = about.edge(edge).partition(" where ")
            where = about.edge(edge).partition(" where ")[2].partition("; ")[0].partition(", slopes ")[0]
            rows.append((_code(about.call(entry)), _code(where), kind, slopes, _plain(edge.convention)))
    yield from _table(("function", "where", "kind", "one-sided slopes", "derivative used"), rows)
    yield "\n`y` is the result, and `k` the number of arguments that equal it.\n"
    yield "\n## What is said\n\nAt the points of the table's tests, the first of each kind.\n\n"
    yield from _table(("formula", "at", "value", "derivatives", "what is said"), list(_notes()))
    yield "\n## Where there is no value\n\n"
    yield from _table(("formula", "at", "what is said"), list(_errors()))


def _notes() -> Iterator[tuple[str, ...]]:
    for entry in NUMBERS:
        seen: set[str] = set()
        for formula, point in _points(entry, (*entry.samples, *entry.hard)):
            try:
                report = formula.at(point)
            except BackpropError:
                continue
            for note in report.notes:
                if note.kind in seen:
                    continue
                seen.add(note.kind)
                slopes = ", ".join(f"d{name} {slope or 0.0:.6g}" for name, slope in (report.grad or {}).items())
                said = f"{note.severity}: {_plain(note.message)}"
                assert isinstance(report.value, float)
                yield _code(formula.text), _at(point), f"{report.value:.6g}", slopes, said


def _errors() -> Iterator[tuple[str, ...]]:
    """One point without a value for every entry that has such."""
    for entry in NUMBERS:
        if entry.domain is None:
            continue
        candidates = itertools.product((0.0, -2.0, 2.0, 0.5), repeat=len(entry.names))
        for formula, point in _points(entry, tuple(candidates)):
            try:
                formula.at(point)
            except BackpropError as problem:
                yield _code(formula.text), _at(point), _plain(problem.message)
                break


def _points(entry: Primitive, points: tuple[tuple[float, ...], ...]) -> Iterator[tuple[Formula, dict[str, float]]]:
    for point in points:
        names = entry.names if not entry.variadic else tuple(f"{entry.names[0]}_{k + 1}" for k in range(len(point)))
        formula = Formula(about.operated(entry, names), variables=names)
        yield formula, {name: value for name, value in zip(names, point, strict=True) if name in formula.variables}


def _at(point: dict[str, float]) -> str:
    return _code(", ".join(f"{name} = {value:.6g}" for name, value in point.items()))


# Markdown


def _paragraph(text: str) -> str:
    return f"{' '.join(text.split())}\n\n"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |\n|{'|'.join([' --- '] * len(header))}|\n"
    for row in rows:
        yield f"| {' | '.join(cell.replace(chr(10), ' ') for cell in row)} |\n"


def _code(text: str) -> str:
    """Text as code; a bar would end a table's cell even there."""
    shown = text.replace("\n", " ⏎ ").replace("|", "\\|")
    return f"`{shown}`"


def _plain(text: str) -> str:
    """Text that means nothing to Markdown, but for what stands in backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"[\\*_|<>\[\]]", r"\\\g<0>", part) for part in parts)


def digits() -> Iterator[str]:
    """What `python -m tests.ulps` measured; a table that the promises of today are held against."""
    measured = json.loads(ULPS.read_text(encoding="utf-8"))
    yield "# Digits\n\n"
    yield (
        "The largest error of every value and local derivative against mpmath, in units in the last place, at random"
        " points over the whole domain and at the chosen ones of the table, with the point where it was. Near a zero"
        " inside the domain the unit is that of the largest term. Operations on arrays are held on rows of up to sixty"
        " entries. `python -m tests.ulps --json > tests/ulps.json`"
        " measures anew; the tests hold every promise.\n\n"
    )
    rows = []
    for row in measured:
        name, slopes = row["name"], row["slopes"]
        by = max(slopes, key=lambda k: slopes[k]["ulps"], default="")
        worst = slopes.get(by)
        rows.append(
            (
                f"`{name}`",
                str(primitives.TABLE[name].digits),
                f"{row['points']:,}",
                f"{row['value']['ulps']:.2f}",
                _numbers(row["value"]["point"]),
                f"{worst['ulps']:.2f} by {by}" if worst else "",
                _numbers(worst["point"]) if worst else "",
            )
        )
    yield from _table(("function", "promise", "points", "value", "at", "derivative", "at"), rows)


def _numbers(point: list[Any]) -> str:
    """A point; of rows those that fit into a line, or how long they are."""
    rows = [row for row in point if isinstance(row, list)]
    if sum(map(len, rows)) > 3:
        return f"{len(rows[0])} entries"
    return f"`{', '.join([repr(x) for x in point])}`"


# Limits


def limits() -> Iterator[str]:
    """How large a formula may be, and what may be asked of it."""
    yield "# Limits\n\n"
    yield _paragraph(
        f"""Within these limits any formula is answered or refused in {SECONDS:.0f} s plus {1e6 * PER_TOKEN:.0f} µs a
        token, of CPU time, and {MEGABYTES:.0f} MB of memory, and twice the formula takes twice the time. Where sums,
        functions and derivatives write out more nodes than the text has tokens, a node counts as one.
        `python -m tests.benchmarks.limits` measures it. What is beyond a limit is refused by a message that names the
        option."""
    )
    words, nodes = "`--max-chars`", "`--max-nodes`"
    yield from _table(
        ("what", "at most", "option"),
        [
            ("characters of a formula", f"{MAX_CHARS:,}; from a file {sources.TEXT_LIMIT:,}", words),
            ("bytes of a document that formulas are picked from", f"{sources.DOCUMENT_LIMIT:,}", ""),
            ("nodes of a formula, with all that is in it written out", f"{MAX_NODES:,}", nodes),
            ("terms of one sum or product over an index", f"{MAX_TERMS:,}", ""),
            ("terms of all of them, written out", f"{MAX_UNROLLED:,}", ""),
            ("definitions such as z_1 of z_j, written out", f"{MAX_INSTANCES:,}", ""),
            ("names for entries of arrays, such as x_1 of x", f"{MAX_NAMED:,}", ""),
            ("nodes that functions put into others without making a new one", _times(MAX_COPIED), nodes),
            ("terms that comparing goes through, of what LaTeX says", _times(KINDS["comparisons"].factor), nodes),
            ("nodes that `diff` goes through", _times(MAX_DIFFERENTIATED), nodes),
            ("nodes in the formulas of `--nodes steps`", _times(KINDS["steps"].factor), nodes),
            ("nodes times variables, for `--hessian`", _times(KINDS["hessian"].factor), nodes),
            ("nodes times variables or outputs, for `--jacobian`", _times(KINDS["jacobian"].factor), nodes),
            ("nodes times variables, for `--mode forward`", _times(KINDS["tangents"].factor), nodes),
            ("evaluations of nodes, for `--finite-differences`", _times(KINDS["differences"].factor), nodes),
            ("products of coefficients, for `--order` and `--partial`", _times(KINDS["products"].factor), nodes),
            ("nodes that `derive --order` and `derive --hessian` go through", _times(KINDS["symbols"].factor), nodes),
            ("operations that `derive --inline` writes", f"{INLINE:,}", ""),
            ("selects one after the other that `derive --to sql` writes", f"{SELECTS:,}", ""),
            ("arguments of `max`, `min` and the like", f"{MAX_ARGUMENTS:,}", ""),
            ("characters of a name", f"{NAME_LENGTH:,}", ""),
            ("bytes of a line that `map` reads", f"{LINE_LIMIT:,}", ""),
            ("columns of a table that `map` reads", f"{COLUMN_LIMIT:,}", ""),
            ("points of `map --grid`", f"{MAX_POINTS:,}", ""),
        ],
    )


def _times(factor: int) -> str:
    """A limit that goes with that of the nodes."""
    return f"{factor * MAX_NODES:,}"


KEYS = (
    ("", "format", f"{assignment.FORMAT}, the version of this form", f"{assignment.FORMAT}"),
    ("", "id", "what sheets and gradebooks call it: letters, digits, - _ and .", "has to be given"),
    ("", "title", "what is printed above the marks", "nothing"),
    ("", "decimal", "the sign before decimals", "either"),
    ("", "seed", "a whole number that choices by chance start from", "0"),
    ("[marking]", "rule", "the truth as rounded to the digits written, or within a part of it", "shown"),
    ("[marking]", "min_digits", "significant digits that have to be right where fewer are written", "2"),
    ("[marking]", "rounding", "whether what follows from rounded numbers of one's own is paid", "carry"),
    ("[marking]", "follow_through", "what a right step on a wrong number pays", "full"),
    ("[marking]", "relative", 'the part that `rule = "relative"` allows', "1e-7"),
    ("[feedback]", "level", "how much is told", "locate"),
    ("[[question]]", "id", "what sheets call the question", "has to be given"),
    ("[[question]]", "formula", "the formula, infix or LaTeX", "has to be given"),
    (
        "[[question]]",
        "at",
        'the values of its variables: numbers, lists, texts such as "pi/2"',
        "those in the formula, or else formulas are asked for",
    ),
    ("[[question]]", "steps", "the graph as it was drawn: a definition a node", "its definitions, or else its gates"),
    ("[[question]]", "ask", "the kinds of numbers that are asked for", "all of them"),
    ("[[question]]", "wrt", "the variables that derivatives are asked by, and along whose paths", "all of them"),
    ("[[question]]", "points", "what an answer of each kind is worth; edges are paid as adjoints", "1 each"),
    ("[[question]]", "decimal", "as above, for this question", "that of the assignment"),
    ("[[question]]", "domain", "between which numbers formulas are compared, by variable", "many sizes, both signs"),
)
WORDS = {
    "decimal": model.DECIMALS,
    "rule": model.RULES,
    "rounding": model.ROUNDINGS,
    "follow_through": model.FOLLOWING,
    "level": assignment.LEVELS,
    "ask": model.ASKED,
}
"""What may be written for a key that takes one word or some of a few."""
VERDICTS = {
    model.RIGHT: "the true number as rounded to the digits that were written",
    model.BY_ROUNDING: "it follows from the student's own rounded numbers",
    model.FOLLOW_THROUGH: "a right step on a number that is wrong",
    model.WRONG: "it follows neither from the truth nor from the student's own numbers",
    model.TOO_COARSE: "one digit, which is not wrong and proves nothing",
    model.MISSING: "a blank cell, a question mark, a dash",
    model.UNREADABLE: "neither a number nor a formula; it is said why",
}


def homework_page() -> Iterator[str]:
    """Assignments, sheets, verdicts, levels, formats and misconceptions."""
    yield "# Homework\n\n"
    yield _paragraph(
        """`backprop check ASSIGNMENT ANSWERS...` marks sheets, `backprop worksheet ASSIGNMENT` prints the sheet that is
        filled in and its key. [A course](../examples/homework/README.md) shows both at work."""
    )
    yield "## Assignments\n\n"
    yield _paragraph("An assignment is a file in TOML. Whatever else stands in it is refused, with its place.")
    rows: list[tuple[str, ...]] = []
    for table, key, said, default in KEYS:
        words = ", ".join(map(_code, WORDS.get(key, ())))
        rows.append(
            (_code(table) if table else "", _code(key), _plain(said) + (f": {words}" if words else ""), default)
        )
    yield from _table(("in", "key", "what it says", "where it is left out"), rows)
    yield "\n## Answers\n\n"
    yield _paragraph(
        """Sheets end in `.md` (one student), `.csv`, `.tsv` or `.json` (a class); folders are searched for them, and
        `-` is standard input. Links are not followed."""
    )
    for name in dict.fromkeys(sheets.FORMATS.values()):
        said = " ".join((sheets.reader(name).__doc__ or "").split())
        yield f"* {_plain(said)}\n"
    yield "\n"
    yield _paragraph(
        """A number is called `dz/dx`, `z` or `value s`, `local ds/dx`, `adjoint s`, `edge z->n`; a node without a name
        by its formula in brackets, `local[(x+y)^2|x]`, `adj[s + q]`. It is written as on paper: `0,982`, `-7/922`,
        `1.2e-3`, `1.2×10^-3`, with words after it or `about` before it, or as a formula over the names of
        the question."""
    )
    yield "## Verdicts\n\n"
    yield from _table(("verdict", "what it means"), [(f"`{name}`", _plain(said)) for name, said in VERDICTS.items()])
    yield "\n## Levels\n\n"
    told = (feedback.__doc__ or "").split("\n\n", 1)[1]
    yield _paragraph(_plain(f"Each level tells what those before it do. {' '.join(told.split())}"))
    yield "## Formats\n\n"
    rows = []
    for name in results.formats():
        said = (results.renderer(name).__doc__ or "").partition("\n")[0]
        rows.append((f"`{name}`", _plain(said.rstrip("."))))
    yield from _table(("format", "what it is"), rows)
    yield "\n## Limits\n\n"
    yield from _table(
        ("what", "at most"),
        [
            ("bytes of an assignment", f"{sources.TEXT_LIMIT:,}"),
            ("questions of an assignment", f"{assignment.MAX_QUESTIONS:,}"),
            ("steps of a question", f"{assignment.MAX_STEPS:,}"),
            ("bytes of a student's file", f"{sheets.LIMIT:,}"),
            ("lines of it", f"{markdown.MAX_LINES:,}"),
            ("bytes of a class's file", f"{sheets.CLASS_LIMIT:,}"),
            ("students in it", f"{in_csv.MAX_STUDENTS:,}"),
            ("seconds of CPU time for a student", f"{class_run.CPU_SECONDS}"),
            ("bytes of memory for a student", f"{class_run.MEMORY:,}"),
            ("seconds of waiting for a student's file", f"{class_run.WALL_SECONDS}"),
        ],
    )
    yield "\n## Misconceptions\n\n"
    yield _paragraph(
        """What an error may be consistent with; from the level `hint` on. Several are listed where they cannot be told
        apart, the most local first, and none is named where one digit was written."""
    )
    yield from _table(
        ("name", "what was done", "what the student is told"),
        [(f"`{each.name}`", _plain(each.done), _plain(each.hint)) for each in CATALOGUE],
    )


CONTENTS = {
    "language.md": "How formulas are written, how they are read, what is refused, and the grammar",
    "latex.md": "Formulas in LaTeX, and the formulas of documents in Markdown and LaTeX",
    "functions.md": "Every function: derivative, domain, edge points, how it is computed, digits",
    "edge-points.md": "Where the derivative is not plain: conventions, notes, warnings, errors",
    "digits.md": "How many digits every function keeps, measured, with the worst points",
    "limits.md": "How large a formula may be, what may be asked of it, and how long that takes",
    "homework.md": "Assignments, sheets, verdicts, levels, formats and misconceptions of `check`",
}
PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "README.md": index,
    "language.md": language,
    "functions.md": functions,
    "edge-points.md": edge_points,
    "digits.md": digits,
    "limits.md": limits,
    "homework.md": homework_page,
}


READY = Path(ready.PATH)


def main() -> None:
    from tests import reference_latex

    DOCS.mkdir(exist_ok=True)
    texts = {**pages(), reference_latex.PAGE.name: reference_latex.page()}
    for path, text in {READY: ready_graphs(), **{DOCS / name: text for name, text in texts.items()}}.items():
        same = path.exists() and path.read_text(encoding="utf-8") == text
        if not same:
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {'as it was' if same else 'written anew'}")


if __name__ == "__main__":
    main()
