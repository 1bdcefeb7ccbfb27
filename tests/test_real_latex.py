"""What is written in LaTeX compiles: one document with all of it, set by a real pdflatex, as it stands and safely."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import components
import documents
import pytest
from reports import REPORTS, named, named_array
from test_latex_language import LECTURES
from test_rendering import HOSTILE, rendered

from backpropcli import Formula, primitives
from backpropcli.algebras import latex
from backpropcli.algebras.latex import Latex
from backpropcli.algebras.text import Source
from backpropcli.cli import main
from backpropcli.commands.examples import EXAMPLES
from backpropcli.errors import BackpropError
from backpropcli.exporting.latex import Exact
from backpropcli.primitives import PRECEDENCE
from backpropcli.rendering import Style
from tests.random_graphs import NAMES

pytestmark = pytest.mark.latex

# What the fragments say that they need, and the page of a report.
PREAMBLE = r"""\documentclass{article}
\usepackage{amsmath}
\setlength{\textwidth}{17cm}\setlength{\oddsidemargin}{-0.5cm}
\setlength{\textheight}{25cm}\setlength{\topmargin}{-2cm}
\begin{document}
\typeout{\number\numexpr 40+1\relax done}
"""


class Fragment(NamedTuple):
    """Something that was written in LaTeX, and what it is."""

    of: str
    text: str


def forms() -> Iterator[Fragment]:
    """Every primitive in its textbook form, and as a program writes it, over arguments that need brackets."""
    for op, entry in primitives.TABLE.items():
        count = 2 if entry.variadic else len(entry.names)
        for algebra in (Latex(), Exact()):
            plain = [Source(f"x_{{{k}}}", PRECEDENCE["atom"]) for k in range(count)]
            sums = [Source(rf"-x + \frac{{1}}{{y_{{{k}}}}}", PRECEDENCE["sum"]) for k in range(count)]
            shown = [algebra.function(op, count)(*args).text for args in (plain, sums)]
            yield Fragment(f"form {op}", rf"${shown[0]}$\qquad ${shown[1]}$\par")


def typed() -> Iterator[tuple[str, list[str]]]:
    """Every `backprop eval` of the documents and of `backprop examples`: where it stands, and its arguments."""
    for path in documents.documents():
        for block in documents.sessions(path):
            if block.language == "console":
                for command in documents.commands(block):
                    yield block.place, _words(re.sub(r"^[$>] ", "", command.typed, flags=re.M))
    for topic, example in EXAMPLES.items():
        for _, line in example.lines:
            yield f"example {topic}", _words(line)


def _words(line: str) -> list[str]:
    """A command's words up to a pipe or a redirection."""
    lexer = shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word and word[0] in "|<>;&":
            break
        words.append(word)
    return words


# What chooses another format or another part, and whether a value follows.
_OTHER = {"--json": 0, "--format": 1, "--only": 1, "-o": 1, "--color": 1, "--quiet": 0}


def tables() -> Iterator[Fragment]:
    """Both tables, and all else that is asked for, of every example that has an answer."""
    seen = set()
    for place, (*words,) in typed():
        if words[:2] != ["backprop", "eval"] or "-" in words or "@-" in words or "$" in " ".join(words):
            continue
        arguments: list[str] = []
        rest = iter(words[1:])
        for word in rest:
            if word in _OTHER:
                [next(rest) for _ in range(_OTHER[word])]
            else:
                arguments.append(word)
        if (key := tuple(arguments)) in seen:
            continue
        seen.add(key)
        for more in ([], ["--explain"]):
            out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
                code = main([*arguments, "--format", "latex", *[word for word in more if word not in arguments]])
            out.seek(0)
            if code == 0:
                yield Fragment(f"{place}: {shlex.join(arguments)[:60]}", out.read())


def derivatives() -> Iterator[Fragment]:
    """The derivatives of all formulas of the lectures, by themselves and as Hessians."""
    for case in LECTURES:
        # A derivative as a formula is one number by numbers.
        text, point = case["latex"], case["point"]
        arrays = any([isinstance(number, list) for number in [case.get("value"), *point.values()]])
        if "refused" in case or arrays or r"\|" in text:
            continue
        formula = Formula(text, variables=point, structure=point, syntax="latex")
        for asked in ({}, {"hessian": True}, {"inline": True}):
            if len(formula.outputs) == 1 and formula.variables:
                yield Fragment(f"derive {text}", formula.derivative(to="latex", **asked))
    for text in ("x^y*erfinv(y) + mish(x)", "θ*σ + W1*long_name*y_hat + x_prime"):
        yield Fragment(f"derive {text}", Formula(text).derivative(to="latex"))


def reports() -> Iterator[Fragment]:
    """Every kind of report that there is."""
    for name, report in REPORTS.items():
        yield Fragment(f"report {name}", rendered(report(), Style(), "latex"))


def names() -> Iterator[Fragment]:
    """Every kind of name, in tables and in programs."""
    for name in NAMES:
        yield Fragment(f"name {name}", rf"${latex.names([name])[name]} = {Exact().name(name).text}^{{2}}$")


ATTACKS = (
    *HOSTILE,
    r"\message{\number\numexpr 40+2\relax done}",
    r"\immediate\write18{touch written}",
    r"\immediate\openout5=written \immediate\write5{x}",
    r"\input{/etc/passwd}",
    r"\end{document}",
    r"}}}$$\fi\csname end\endcsname",
    r"\catcode`\%=12 % \def\x{\x}\x",
    "^^5cmessage{^^5cnumber^^5cnumexpr 40+2^^5crelax done}",
    "$^{_&#~\\\\[1cm]",
)


def attacks() -> Iterator[Fragment]:
    """Hostile text wherever text gets in: formulas, readings, names, labels, rules, notes, of numbers and of arrays."""
    for text in ATTACKS:
        for made in (named, named_array):
            yield Fragment(f"attack {text!r}", rendered(made(text, 0.5), Style(), "latex"))
    # A note quotes the formula; prose, labels and comments of it are read over.
    for text in (
        r"q = x + y \quad \frac{\partial q}{\partial x} = % \message{\number\numexpr 40+2\relax done}" "\n1",
        r"q = x + y \label{\message{\number\numexpr 40+2\relax done}} \text{ where } x > 0",
    ):
        with contextlib.suppress(BackpropError):
            report = Formula(text).at(x=1.0, y=2.0, latex=True)
            yield Fragment(f"attack {text!r}", rendered(report, Style(), "latex"))


SECTIONS = (forms, tables, derivatives, reports, names, attacks)


class Typeset(NamedTuple):
    """What pdflatex made of the document."""

    folder: Path
    log: str
    pages: int
    counts: dict[str, int]
    """How many fragments of each kind it holds."""


def typeset(pdflatex: str, folder: Path) -> Typeset:
    """The document, compiled, with nothing allowed that a document could do to a machine."""
    made, counts = [PREAMBLE], {}
    with contextlib.chdir(documents.ROOT / "examples"):
        for section in SECTIONS:
            fragments = list(section())
            counts[section.__name__] = len(fragments)
            # What stands where is written to the log, so that what is too wide can be found.
            made += [f"\\typeout{{== {section.__name__} {k}}}\n{each.text}\n\n" for k, each in enumerate(fragments)]
            (folder / f"{section.__name__}.txt").write_text("\n".join([each.of for each in fragments]), "utf-8")
    (folder / "all.tex").write_text("".join(made) + "\\end{document}\n", encoding="utf-8")
    done = subprocess.run(
        [pdflatex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
        env={
            "PATH": os.environ["PATH"], "HOME": str(folder), "max_print_line": "1000", "openin_any": "p",
            "openout_any": "p",
        },
    )  # fmt: skip
    log = (folder / "all.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-3000:]
    pages = re.search(r"Output written on all\.pdf \((\d+) page", log)
    assert pages is not None
    return Typeset(folder, log, int(pages[1]), counts)


def test_all_of_it_compiles_fits_its_page_and_is_never_carried_out(tmp_path: Path) -> None:
    """One test, since one document is enough."""
    made = typeset(components.program("latex"), tmp_path)
    check_that_it_is_all_there(made)
    check_that_nothing_runs_off_the_page(made)
    check_that_no_text_is_carried_out(made)


def check_that_it_is_all_there(typeset: Typeset) -> None:
    assert typeset.counts["forms"] == 2 * len(primitives.TABLE)
    assert typeset.counts["tables"] > 80
    assert typeset.counts["derivatives"] > 70
    assert typeset.pages > 50
    assert "Missing character" not in typeset.log


# By how much: a page is 484 points wide. Hostile names, and reports that are made to be wide, may be wider.
WIDEST = {"forms": 0.0, "names": 0.0, "tables": 0.0, "derivatives": 30.0}


def check_that_nothing_runs_off_the_page(typeset: Typeset) -> None:
    section, place = "", 0
    found: list[str] = []
    for line in typeset.log.splitlines():
        if line.startswith("== "):
            section, place = line.split()[1], int(line.split()[2])
        elif over := re.match(r"Overfull \\([hv])box \(([\d.]+)pt", line):
            of = (typeset.folder / f"{section}.txt").read_text("utf-8").split("\n")[place]
            if over[1] == "v" or float(over[2]) > WIDEST.get(section, 1e9):
                found.append(f"{over[2]}pt, {section}: {of}")
    assert not found


def check_that_no_text_is_carried_out(typeset: Typeset) -> None:
    assert typeset.counts["attacks"] > 20
    assert "42done" not in typeset.log
    assert "41done" in typeset.log, "what the document itself says is in the log"
    assert "(/etc/passwd" not in typeset.log
    assert not list(typeset.folder.rglob("written*"))
