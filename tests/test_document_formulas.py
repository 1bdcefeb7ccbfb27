"""The formulas of documents: where they are found, how they are picked, and that messages point into the document."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from backpropcli.cli import main
from backpropcli.errors import BackpropError
from backpropcli.language.documents import Excerpt, excerpt, mathematics

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def backprop(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in a folder of its own, with the document that it is given there; `-` is standard input."""
    monkeypatch.chdir(tmp_path)

    def run(document: str | bytes, name: str, *arguments: str) -> tuple[int, str, str]:
        contents = document.encode() if isinstance(document, str) else document
        if name == "-":
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(contents)))
        else:
            (tmp_path / name).write_bytes(contents)
        code = main(arguments)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run


def texts(document: str, kind: str = "markdown") -> list[str]:
    return [each.text for each in mathematics(document, kind)]


# Markdown

MARKDOWN = {
    "text $x^2$ and $$y$$ text": ["x^2", "y"],
    "$$\nz = x\n+ y\n$$": ["z = x\n+ y"],
    r"\(a\) and \[b\]": ["a", "b"],
    "```math\nx = 1\n```\n": ["x = 1"],
    "~~~~ math\nx = 1\n~~~\n~~~~\n": ["x = 1\n~~~"],
    "$`a + b`$": ["a + b"],
    "$\\text{a}\\$b$": ["\\text{a}\\$b"],
    "\\begin{align}\na &= 1 \\\\\nb &= a\n\\end{align}": ["\\begin{align}\na &= 1 \\\\\nb &= a\n\\end{align}"],
    "\\begin{equation}\\label{q} a = 1\\end{equation}": ["\\label{q} a = 1"],
    # In quotations and lists.
    "> $$\n> z = x\n> + y\n> $$\n": ["z = x\n+ y"],
    "> ```math\n> x\n> ```\n": ["x"],
    "- $a$\n\n    $b$\n  - $c$": ["a", "b", "c"],
    # What is none: prices, escapes, code, comments, front matter.
    "costs $5, or $6 and $ 7": [],
    "costs $5, but $a$ and $b$4 and $c$": ["a", "c"],
    r"\$x\$ and \\": [],
    "`$a$` ``$b` $c$`` $d$": ["d"],
    "```sh\necho $x$\n```\n$y$": ["y"],
    "```\n$x$\n": [],
    "text\n\n    $x$\n\n    $y$\n\n$z$": ["z"],
    "text\n    $x$ goes on": ["x"],
    # A comment that begins a line goes on to the end of that line.
    "a <!-- $a$ --> $b$\n\n<!-- $a$ --> $b$\n\n<!--\n$c$\n\n$d$ -->\n\n$e$": ["b", "e"],
    "---\ntitle: $a$\n---\n$b$": ["b"],
    "a `tick $x$": ["x"],
    r"an escaped \[ bracket": [],
    "$$$$ $x$": ["x"],
    "": [],
}


@pytest.mark.parametrize(("document", "expected"), MARKDOWN.items())
def test_markdown_has_these_formulas(document: str, expected: list[str]) -> None:
    assert texts(document) == expected


# LaTeX

BODY = "\\documentclass{article}\n\\newcommand{\\x}{$a$}\n\\begin{document}\n%s\n\\end{document}\n$after$"
LATEX = {
    "text $x^2$ and $$y$$ and \\(a\\) and \\[b\\]": ["x^2", "y", "a", "b"],
    "\\begin{equation*}x\\end{equation*}": ["x"],
    "\\begin{gather}a = 1 \\\\ b = 2\\end{gather}": ["\\begin{gather}a = 1 \\\\ b = 2\\end{gather}"],
    "% $a$\n$b$ 50\\% $c$": ["b", "c"],
    "\\verb|$a$| $b$ \\lstinline+$c$+ $d$": ["b", "d"],
    "\\begin{verbatim}\n$a$\n\\end{verbatim}$b$": ["b"],
    "\\begin{itemize}\\item $a$\\end{itemize}": ["a"],
    "line\\\\[2pt] $x$": ["x"],
    "$a % $\n+ b$": ["a % $\n+ b"],
    r"a price of \$5 and $x$": ["x"],
}


@pytest.mark.parametrize(("body", "expected"), LATEX.items())
def test_latex_has_these_formulas(body: str, expected: list[str]) -> None:
    assert texts(BODY % body, "latex") == expected
    assert texts(body, "latex") == expected


@pytest.mark.parametrize(
    ("document", "kind", "sign"),
    [
        ("a\n\nb $$x\n\ny$$", "markdown", "$$"),
        ("```math\nx\n", "markdown", "```"),
        ("\\begin{align}x", "markdown", "\\begin{align}"),
        ("a $x\n\ny$", "latex", "$"),
        ("a $$x", "latex", "$$"),
        ("a \\[x", "latex", "\\["),
        ("a \\begin{equation}x", "latex", "\\begin{equation}"),
    ],
)
def test_what_is_never_closed_is_an_error_at_its_place(document: str, kind: str, sign: str) -> None:
    with pytest.raises(BackpropError, match="never closed") as caught:
        mathematics(document, kind)
    span = caught.value.span
    assert span is not None
    assert document[span.start : span.end] == sign == document[document.index(sign) :][: len(sign)]
    assert document.index(sign) == span.start


def test_a_formula_has_its_line_and_its_labels() -> None:
    document = "a\n\n$x$\n$$y \\tag{2.1}\n\\label{eq:y}$$ {#eq:z .big}\n> $w$\n"
    found = [(each.number, each.line, each.labels) for each in mathematics(document, "markdown")]
    assert found == [(1, 3, ()), (2, 4, ("(2.1)", "eq:y", "eq:z")), (3, 6, ())]


def test_every_place_of_an_excerpt_leads_back_to_the_document() -> None:
    document = "$$a$$\n\n> $$\n> b + c\n> + d\n> $$\n"
    found: Excerpt = excerpt(document, mathematics(document, "markdown"))
    assert found.text == "a\n\nb + c\n+ d"
    for place, letter in enumerate(found.text):
        if not letter.isspace():
            assert document[found._place(place)] == letter


# Picking

NOTES = """# Notes

With $x = 4$ and $y = 3$:

$$z = \\frac{x + \\sigma(x)}{\\sigma(x) + (x + y)^2}$$ {#eq:main}

The loss \\(J = (w - 1)^2 \\label{loss}\\), and \\(u = \\log v\\).
"""


@pytest.mark.parametrize(
    ("picked", "given", "expected"),
    [
        (["1,2,3"], [], 0.09967613171742373),
        (["1-3"], [], 0.09967613171742373),
        (["1", "2", "eq:main"], [], 0.09967613171742373),
        (["eq:main"], ["--x", "4", "--y", "3"], 0.09967613171742373),
        (["1-2, eq:main"], ["--x", "0", "--y", "1"], 0.5 / 1.5),
        (["loss"], ["--w", "3"], 4.0),
        (["4"], ["--w", "3"], 4.0),
    ],
)
@pytest.mark.parametrize("name", ["notes.md", "notes.txt", "-"])
def test_formulas_are_picked_by_number_and_label(
    backprop: Run, picked: list[str], given: list[str], expected: float, name: str
) -> None:
    options = [word for choice in picked for word in ("--pick-formula", choice)]
    source = ["-"] if name == "-" else ["-f", name]
    code, out, err = backprop(NOTES, name, "eval", *source, *options, *given, "--json", "--only", "value")
    assert (code, err) == (0, "")
    assert json.loads(out)["value"] == pytest.approx(expected, rel=1e-14)


def test_of_several_formulas_one_is_to_be_picked(backprop: Run) -> None:
    code, out, err = backprop(NOTES, "notes.md", "eval", "-f", "notes.md")
    assert (code, out) == (2, "")
    assert err == (
        "error: notes.md holds 5 formulas, and one is to be picked: 1 (line 3) x = 4; 2 (line 3) y = 3; 3 (line 5, "
        "eq:main) z = \\frac{x + \\sigma(x)}{\\sigma(x) + ...; 4 (line 7, loss) J = (w - 1)^2; ...\n"
        "hint: add --pick-formula 1, or several, as in 1,2; backprop formulas notes.md lists all of them\n"
    )


def test_the_only_formula_of_a_document_needs_no_picking(backprop: Run) -> None:
    code, out, _ = backprop("# One\n\nIt is $x^2$.\n", "a.md", "eval", "-f", "a.md", "--x", "3", "--only", "value")
    assert (code, out) == (0, "z = 9\n")
    whole = BODY % "It is\n\\begin{equation}\n  x^2.\n\\end{equation}"
    code, out, _ = backprop(whole, "a.tex", "eval", "-f", "a.tex", "--x", "3", "--only", "value")
    assert (code, out) == (0, "z = 9\n")


def test_a_file_of_latex_without_prose_is_one_program(backprop: Run) -> None:
    text = "% two lines\n\\[ a = x^2 \\]\n\\[ b = 3a \\]\n"
    code, out, err = backprop(text, "a.tex", "eval", "-f", "a.tex", "--x", "2", "--only", "value")
    assert (code, out, err) == (0, "b = 12\n", "")


def test_a_text_with_dollar_signs_is_a_document_too(backprop: Run) -> None:
    text = "Let $x = 2$.\n\nThen $y = x^2$.\n"
    code, _, err = backprop(text, "a.txt", "eval", "-f", "a.txt")
    assert code == 2
    assert "a.txt holds 2 formulas" in err
    code, out, _ = backprop(text, "a.txt", "eval", "-f", "a.txt", "--pick-formula", "all", "--only", "value")
    assert (code, out) == (0, "y = 4\n")
    # What comes from another program is a line that is pasted.
    assert backprop(text, "-", "eval", "-", "--only", "value")[:2] == (0, "y = 4\n")


def test_a_program_over_several_lines_is_one_formula(backprop: Run) -> None:
    text = "Let\n\\begin{align}\n  a &= xy \\label{a} \\\\\n  b &= a^2 \\label{b}\n\\end{align}\nand $c$."
    for choice in ("a", "b", "1"):
        arguments = ("eval", "-f", "a.tex", "--pick-formula", choice, "--x", "2", "--y", "3", "--only", "grad")
        code, out, _ = backprop(text, "a.tex", *arguments)
        assert (code, out) == (0, "db/dx = 36    db/dy = 24\n")


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        ("9", "has no formula 9", "numbers 1 to 5"),
        ("0", "has no formula 0", "numbers 1 to 5"),
        ("4-2", "has no formula 4-2", "labels such as eq:main"),
        ("los", "has no formula los", "did you mean loss?"),
        ("1,,2", "has no formula without a number", "numbers 1 to 5"),
        ("", "has no formula without a number", "numbers 1 to 5"),
        ("99999999999999999999", "has no formula 9999", "numbers 1 to 5"),
        ("٣", "has no formula", "numbers 1 to 5"),
        ("all", "two expressions", "give the others a name"),
    ],
)
def test_a_formula_that_is_not_there_is_refused(backprop: Run, choice: str, message: str, hint: str) -> None:
    document = f"{NOTES}\n$x$, $y$" if choice == "all" else NOTES
    code, out, err = backprop(document, "notes.md", "eval", "-f", "notes.md", "--pick-formula", choice)
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err


def test_a_label_of_two_formulas_is_refused(backprop: Run) -> None:
    text = "$a \\label{q}$ and $b \\label{q}$"
    code, _, err = backprop(text, "a.md", "eval", "-f", "a.md", "--pick-formula", "q")
    assert code == 2
    assert "several formulas have the label q" in err
    assert "--pick-formula 1 and 2" in err


def test_picking_is_about_documents(backprop: Run) -> None:
    code, _, err = backprop("", "a.md", "eval", "x^2", "--pick-formula", "1", "--x", "2")
    assert code == 2
    assert "picks formulas of a document" in err
    code, _, err = backprop("nothing", "a.md", "eval", "-f", "a.md")
    assert code == 2
    assert "a.md holds no formula" in err


PLACES = [
    # What is wrong while it is read, while values are given, and while it is computed.
    (
        "u = \\log v + \\foo",
        [],
        "unknown command \\foo",
        "  5 | And $u = \\log v + \\foo$.\n    |                   ^^^^\n",
    ),
    ("u = \\log v", [], "v has no value", "  5 | And $u = \\log v$.\n    |               ^\n"),
    ("u = \\log v", ["--v", "-3"], "needs v > 0", "  5 | And $u = \\log v$.\n    |          ^^^^^^\n"),
]


@pytest.mark.parametrize(("formula", "given", "message", "place"), PLACES)
def test_messages_point_into_the_document(
    backprop: Run, formula: str, given: list[str], message: str, place: str
) -> None:
    document = f"# Notes\n\n$x$\n\nAnd ${formula}$.\n"
    code, out, err = backprop(document, "a.md", "eval", "-f", "a.md", "--pick-formula", "2", *given)
    assert (code, out) == (2, "")
    assert message in err
    assert place in err


def test_help_lists_the_variables_of_the_formula_that_is_picked(backprop: Run) -> None:
    code, out, _ = backprop(NOTES, "notes.md", "eval", "-f", "notes.md", "--pick-formula", "5", "--help")
    assert code == 0
    assert "  --v VALUE" in out
    assert backprop(NOTES, "notes.md", "eval", "-f", "notes.md", "--help")[0] == 0


def test_derive_picks_too(backprop: Run) -> None:
    code, out, _ = backprop(NOTES, "notes.md", "derive", "-f", "notes.md", "--pick-formula", "loss")
    assert (code, out) == (0, "2*(w - 1)\n")


# Listing


def test_formulas_lists_them(backprop: Run) -> None:
    code, out, err = backprop(NOTES, "notes.md", "formulas", "notes.md")
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        "number  line  label    formula",
        "     1     3           x = 4",
        "     2     3           y = 3",
        "     3     5  eq:main  z = \\frac{x + \\sigma(x)}{\\sigma(x) + (x + y)^2}",
    ]
    assert backprop("x", "a.md", "formulas", "a.md")[1] == "a.md holds no formula.\n"


def test_formulas_lists_them_as_its_schema_says(backprop: Run) -> None:
    schema = json.loads(backprop("", "a.md", "schema", "formulas")[1])
    for document, name in [(NOTES, "notes.md"), (NOTES, "-"), ("", "a.md")]:
        found = json.loads(backprop(document, name, "formulas", name, "--json")[1])
        jsonschema.validate(found, schema)
        if document:
            assert [each["number"] for each in found["formulas"]] == [1, 2, 3, 4, 5]
            assert found["formulas"][3]["labels"] == ["loss"]


def test_a_listing_shows_nothing_that_a_terminal_would_obey(backprop: Run) -> None:
    text = "$a\x1b[31m \u202e b \\label{\x1b]0;t\x07}$"
    code, out, _ = backprop(text, "a.md", "formulas", "a.md")
    assert code == 0
    assert all(character.isprintable() or character == "\n" for character in out)


# Hostile documents

MANY = 20_000
HOSTILE = {
    "dollars": "$" * 10 * MANY,
    "odd dollars": "$" * (10 * MANY + 1),
    "openings": "$a " * MANY,
    "ticks": "`" * 3 + "$`a " * MANY,
    "runs of ticks": " ".join(["`" * (k % 300 + 1) for k in range(3000)]),
    "brackets": "\\[ " * MANY,
    "comments": "<!-- " * MANY,
    "quotations": "> $a\n" * MANY,
    "lists": "- $a$\n" * MANY,
    "blank lines": "$a$\n\n" * MANY,
    "spaces": "$" + " " * 10 * MANY + "x$",
    "fences": "```math\n" * MANY,
    "environments": "\\begin{align}" * MANY,
    "labels": "$\\label{" * MANY + "$",
    "attributes": "$$a$$ {#" * MANY,
    "backslashes": "\\" * 10 * MANY,
    "newlines": "\n" * 10 * MANY,
    "verbatim": "\\begin{verbatim}" * MANY,
    "percent": "$a %" * MANY,
    "dashes": "---\n" * MANY,
}


@pytest.mark.parametrize("kind", ["markdown", "latex"])
@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_takes_linear_time(document: str, kind: str) -> None:
    def seconds(text: str) -> float:
        before = time.process_time()
        with contextlib.suppress(BackpropError):
            mathematics(text, kind)
        return time.process_time() - before

    assert seconds(document) < 4 * seconds(document[: len(document) // 2]) + 0.2


@pytest.mark.parametrize(
    ("contents", "code", "message"),
    [
        (b"$x \xff y$", 3, "not UTF-8"),
        (b"$x \0 y$", 3, "NUL"),
        (b"$$" * 100_001, 2, "never closed"),
        (b"$$x\n\n", 2, "never closed"),
        (b"\xef\xbb\xbf$x^2$", 0, ""),
        (b"$x^2$\r\n\r\n```\r\n$y$\r\n```\r\n", 0, ""),
        (b"x" * (4 << 20) + b"$x$", 3, "the limit is 4,194,304"),
    ],
)
def test_a_hostile_document_is_a_message(backprop: Run, contents: bytes, code: int, message: str) -> None:
    for arguments in (["formulas", "a.md"], ["eval", "-f", "a.md", "--x", "2"]):
        found, _, err = backprop(contents, "a.md", *arguments)
        assert found == code
        assert message in err
