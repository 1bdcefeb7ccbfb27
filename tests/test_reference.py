"""The reference in docs/ is what the program says now. `python -m tests.reference` writes it anew."""

from __future__ import annotations

import json
import re

import pytest
import reference
import reference_latex
import test_array_digits
from markdown_it import MarkdownIt

from backpropcli import Formula, primitives
from backpropcli.algebras import ready, rules
from backpropcli.language.program import read
from backpropcli.language.reading import reading
from backpropcli.primitives import about
from backpropcli.rendering import formats

PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_stale(name: str) -> None:
    path = reference.DOCS / name
    assert path.exists(), "`python -m tests.reference` writes it"
    assert path.read_text(encoding="utf-8") == PAGES[name], "`python -m tests.reference` writes it anew"


def test_the_graphs_that_ship_are_those_of_the_table() -> None:
    assert reference.READY.read_text(encoding="utf-8") == rules.ready_graphs(), "`python -m tests.reference` writes it"
    for names, text in rules.texts():
        assert ready.graph(text, names) == rules.formula_read(text, names)


def test_a_text_that_is_not_ready_is_read() -> None:
    assert ready.graph("x + 12345", ("x",)) is None
    assert rules.formula("x + 12345", ("x",)) == rules.formula_read("x + 12345", ("x",))


def test_no_page_is_left_behind() -> None:
    written = [path.name for path in reference.DOCS.glob("*.md") if reference.MARK in path.read_text(encoding="utf-8")]
    assert sorted(written) == sorted(PAGES)
    assert set(reference.CONTENTS) == {*PAGES, reference_latex.PAGE.name} - {"README.md"}


def test_the_parts_of_the_chapter_on_latex_are_not_stale() -> None:
    text = reference_latex.PAGE.read_text(encoding="utf-8")
    assert text == reference_latex.page(), "`python -m tests.reference` writes them anew"
    assert re.findall(r"^<!-- (\w+): ", text, re.M) == list(reference_latex.PARTS)


@pytest.mark.parametrize("name", PAGES)
def test_tables_are_tables_and_text_is_text(name: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(PAGES[name].partition("-->")[2])
    shape = " ".join(token.tag for token in tokens if token.type in ("thead_open", "tr_open", "th_open", "td_open"))
    for table in shape.split("thead")[1:]:
        assert len({len(cells.split()) for cells in table.split("tr")[1:]}) == 1
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special", "code_inline", "softbreak", "link_open", "link_close", "em_open",
                     "em_close", "strong_open", "strong_close"}  # fmt: skip
    assert not re.search(r"\bNone\b", PAGES[name])


def test_every_function_is_on_its_page() -> None:
    for entry in primitives.TABLE.values():
        call = about.signature(entry).replace("|", "\\|")
        assert (f"### `{call}`\n" in PAGES["functions.md"]) != entry.helper
        assert f"`{call}`" in PAGES["functions.md"]


def test_every_edge_is_on_its_page() -> None:
    page = PAGES["edge-points.md"].partition("## What is said")[0]
    for entry in primitives.TABLE.values():
        if not entry.helper:
            rows = re.findall(rf"^\| `{re.escape(about.call(entry))}` \|", page, re.M)
            assert len(rows) == len(entry.edges)


def test_every_comment_of_the_grammar_with_a_rule_is_on_its_page() -> None:
    text = (reference.ROOT / "grammar" / "formula.lark").read_text(encoding="utf-8")
    rules = re.findall(r"^\??([a-z_]+|[A-Z_]+): ", text, re.M)
    for rule in rules:
        assert re.search(rf"^{rule}: ", PAGES["language.md"], re.M), rule
    assert "->" not in PAGES["language.md"].partition("## The grammar")[2]


def test_every_format_is_in_the_index() -> None:
    for name in formats():
        assert re.search(rf"^\| `{name}` \| [A-Z].{{20,}} \|$", PAGES["README.md"], re.M)


@pytest.mark.parametrize("text", [text for texts in reference.READINGS.values() for text in texts])
def test_a_reading_is_read_as_itself(text: str) -> None:
    again = reading(read(text))
    assert reading(read(again)) == again


def test_the_notes_on_the_page_are_what_is_said() -> None:
    (note,) = Formula("hypot(a, b)").at(a=0, b=0).notes
    assert f"note: {note.message}" in PAGES["edge-points.md"]


def test_the_page_of_digits_tells_of_every_function_and_breaks_no_promise() -> None:
    measured = {row["name"]: row for row in json.loads(reference.ULPS.read_text(encoding="utf-8"))}
    assert {entry.name for entry in reference.NUMBERS} <= set(measured)
    assert {held.name for held in test_array_digits.HELD} <= set(measured) <= set(primitives.TABLE)
    for name, row in measured.items():
        errors = [row["value"]["ulps"], *[slope["ulps"] for slope in row["slopes"].values()]]
        assert max(errors) <= primitives.TABLE[name].digits, name
