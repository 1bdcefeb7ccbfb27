"""Formulas of a document, picked by their numbers and labels, or listed where none is picked."""

from __future__ import annotations

from collections.abc import Sequence

from backpropcli.errors import BackpropError, visible
from backpropcli.language import documents, names
from backpropcli.language.documents import Excerpt, Passage
from backpropcli.reading import sources

OPTION = "--pick-formula"
ALL = "all"
_SHOWN, _WIDTH = 4, 40


def kind_of(path: str, text: str) -> str:
    """What a document is written in: as its file's name says, else LaTeX where it has a body, else Markdown."""
    return sources.written_in(path) or (documents.LATEX if documents.has_body(text) else documents.MARKDOWN)


def is_document(path: str, text: str) -> bool:
    """Whether a file is to be searched for formulas, rather than being one from its beginning to its end."""
    kind = sources.written_in(path)
    if kind == documents.LATEX:
        return documents.has_body(text) or documents.has_prose(text)
    return kind is not None or bool(documents.mathematics(text, documents.MARKDOWN))


def picked(text: str, name: str, path: str, choices: Sequence[str]) -> Excerpt:
    """The formulas of a document that are picked, as one text; the only one where none is."""
    found = documents.mathematics(text, kind_of(path, text))
    if not found:
        raise BackpropError(f"{name} holds no formula", hint="a formula stands between dollar signs, as in $x^2$")
    if not choices:
        if len(found) > 1:
            raise _several(found, name, path)
        return documents.excerpt(text, found)
    numbers: dict[int, None] = {}
    for choice in choices:
        numbers.update(dict.fromkeys(_numbers(choice, found, name)))
    return documents.excerpt(text, [found[number - 1] for number in numbers])


def shown(passage: Passage, width: int) -> str:
    """A formula in a line."""
    return visible(" ".join(documents.unlabelled(passage.text[: 8 * width]).split()), width)


def _several(found: Sequence[Passage], name: str, path: str) -> BackpropError:
    # A letter between dollar signs is mathematics too, and hardly what is meant.
    likely = [each for each in found if each.labels or "=" in each.text] or found
    listed = [f"{each.number} ({_place(each)}) {shown(each, _WIDTH)}" for each in likely[:_SHOWN]]
    more = "; ..." if len(found) > len(listed) else ""
    return BackpropError(
        f"{name} holds {len(found):,} formulas, and one is to be picked: {'; '.join(listed)}{more}",
        hint=f"add {OPTION} {likely[0].number}, or several, as in 1,2; "
        f"backprop formulas {names_file(path)} lists all of them",
    )


def names_file(path: str) -> str:
    """A file as it is named on a command line."""
    return sources.named(path) if path else "-"


def _place(passage: Passage) -> str:
    return ", ".join([f"line {passage.line:,}", *[visible(label, 20) for label in passage.labels[:1]]])


def _numbers(choice: str, found: Sequence[Passage], name: str) -> Sequence[int]:
    """The numbers of the formulas that a choice names: a label, a number, a range, or these with commas between."""
    wanted = choice.strip()
    labelled = _labelled(wanted, found)
    if labelled is not None:
        return [labelled]
    if wanted == ALL:
        return range(1, len(found) + 1)
    if "," in wanted:
        return [number for part in wanted.split(",") for number in _numbers(part, found, name)]
    first, dash, last = wanted.partition("-")
    bounds = [_number(part) for part in ((first, last) if dash else (wanted, wanted))]
    low, high = bounds
    if low is None or high is None or not 1 <= low <= high <= len(found):
        raise _unknown(wanted, found, name)
    return range(low, high + 1)


def _number(part: str) -> int | None:
    part = part.strip()
    return int(part) if part.isascii() and part.isdecimal() and len(part) < 10 else None


def _labelled(wanted: str, found: Sequence[Passage]) -> int | None:
    """The formula of this label, if there is one."""
    numbers = [each.number for each in found if wanted in each.labels]
    if len(numbers) > 1:
        places = " and ".join([f"{number:,}" for number in numbers[:2]])
        raise BackpropError(
            f"several formulas have the label {visible(wanted, 40)}", hint=f"pick by number: {OPTION} {places}"
        )
    return numbers[0] if numbers else None


def _unknown(wanted: str, found: Sequence[Passage], name: str) -> BackpropError:
    labels = [label for each in found for label in each.labels]
    near = names.closest(wanted, labels[:1000]) if wanted else None
    numbers = "there is number 1" if len(found) == 1 else f"there are numbers 1 to {len(found):,}"
    also = f", and labels such as {visible(labels[0], 40)}" if labels else ""
    return BackpropError(
        f"{name} has no formula {visible(wanted, 40) or 'without a number'}",
        hint=f"did you mean {visible(near, 40)}?" if near else f"{numbers}{also}",
    )
