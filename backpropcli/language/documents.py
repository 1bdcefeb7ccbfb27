"""The mathematics of a document in Markdown or LaTeX: where each formula stands, by its number and its labels."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence

from backpropcli.errors import BackpropError, Span
from backpropcli.language import latex_commands as commands
from backpropcli.records import NamedTuple

MARKDOWN, LATEX = "markdown", "latex"
KINDS = (MARKDOWN, LATEX)

JOINT = "\n\n"
"""What stands between formulas that are picked together: the end of a statement."""


class Passage(NamedTuple):
    """A formula of a document."""

    number: int
    """Its place among the formulas of the document, from 1 on."""
    line: int
    labels: tuple[str, ...]
    """Its \\label, and its \\tag in the parentheses that TeX prints; {#...} behind a formula in Markdown."""
    spans: tuple[Span, ...]
    """Where it stands: the parts of the document that make it up."""
    text: str


class Excerpt(NamedTuple):
    """Formulas that were picked out of a document, as one text."""

    text: str
    document: str
    parts: tuple[tuple[int, Span], ...]
    """Where each part of the document stands in the text, and in the document."""

    def placed(self, error: BackpropError) -> BackpropError:
        """The error with its place in the document, where its place is in the text."""
        if error.span is not None and error.source == self.text:
            start, end = self._place(error.span.start), self._place(max(error.span.end - 1, error.span.start)) + 1
            error.source, error.span = self.document, Span(start, max(end, start))
        return error

    def _place(self, position: int) -> int:
        k = bisect.bisect([start for start, _ in self.parts], position) - 1
        start, span = self.parts[max(k, 0)]
        return min(span.start + max(position - start, 0), span.end)


def excerpt(document: str, passages: Sequence[Passage]) -> Excerpt:
    """These formulas of a document as one text: a program, where they are several."""
    pieces: list[str] = []
    parts: list[tuple[int, Span]] = []
    length = 0
    for passage in passages:
        if pieces:
            pieces.append(JOINT)
            length += len(JOINT)
        for span in passage.spans:
            parts.append((length, span))
            pieces.append(document[span.start : span.end])
            length += len(pieces[-1])
    return Excerpt("".join(pieces), document, tuple(parts))


class _Found(NamedTuple):
    """Where a formula stands, between the signs that open and close it."""

    start: int
    end: int
    labels: tuple[str, ...] = ()
    whole: Span | None = None
    """With these signs; None where there are none."""


_LABEL = re.compile(r"\\(label|tag\*|tag)[ \t\n]*\{([^{}]*)\}")
_SPACE = " \t\r\n"
# Environments that are formulas; in the others of several lines a formula stands around them.
_ALIGNED = frozenset({"aligned", "alignedat", "gathered", "split"})
_ENVIRONMENTS = frozenset({name for name in commands.LINES if name.rstrip("*") not in _ALIGNED} | {"dmath", "dmath*"})
_SINGLE = frozenset({"equation", "equation*", "math", "displaymath", "dmath", "dmath*"})
_VERBATIM = frozenset(
    commands.words("verbatim verbatim* Verbatim lstlisting minted comment alltt filecontents filecontents*")
)


def unlabelled(text: str) -> str:
    """A formula without its labels."""
    return _LABEL.sub("", text)


def mathematics(text: str, kind: str) -> list[Passage]:
    """The formulas of a document in order. Raises BackpropError where one is never closed.

    Markdown: `$...$`, `$$...$$`, `\\(...\\)`, `\\[...\\]`, fenced `math` blocks, environments such as align; not in
    code, comments and front matter. LaTeX: the same but for fences, in the body; not in comments and verbatim text.
    Time and memory are linear in the text.
    """
    found = _in_markdown(text) if kind == MARKDOWN else _in_latex(text)
    passages: list[Passage] = []
    line, place = 1, 0
    for each, prefixes in found:
        spans = _trimmed(text, list(_without(prefixes, each.start, each.end)))
        if not spans:
            continue
        start = spans[0].start
        line += text.count("\n", place, start)
        place = start
        written = "".join([text[span.start : span.end] for span in spans])
        labels = [f"({tag})" if sign == "tag" else tag for sign, tag in _LABEL.findall(written)]
        labels = list(dict.fromkeys([label.strip() for label in (*labels, *each.labels)]))
        passages.append(Passage(len(passages) + 1, line, tuple(labels), spans, written))
    return passages


def _trimmed(text: str, spans: list[Span]) -> tuple[Span, ...]:
    """The parts of a text without the space before the first and behind the last."""
    first, last = 0, len(spans)
    while first < last and not text[slice(*spans[first])].strip(_SPACE):
        first += 1
    while last > first and not text[slice(*spans[last - 1])].strip(_SPACE):
        last -= 1
    kept = spans[first:last]
    if kept:
        start, end = kept[0]
        kept[0] = Span(end - len(text[start:end].lstrip(_SPACE)), end)
        start, end = kept[-1]
        kept[-1] = Span(start, start + len(text[start:end].rstrip(_SPACE)))
    return tuple(kept)


def has_prose(text: str) -> bool:
    """Whether a text in LaTeX holds formulas with words around them."""
    found = [each.whole for each, _ in _in_latex(text, whole=True) if each.whole is not None]
    starts = [0, *[span.end for span in found]]
    ends = [*[span.start for span in found], len(text)]
    return bool(found) and any(
        [
            match["word"] is not None
            for start, end in zip(starts, ends, strict=True)
            for match in _WORD.finditer(text, start, end)
        ]
    )


def only_mathematics(text: str) -> str:
    """A text in LaTeX with the prose around its formulas blank, where dollars or \\[ \\] say which they are.

    What they leave out may be prose only. Raises BackpropError where it looks like a formula, since a reader would
    miss it.
    """
    found = [each.whole for each, _ in _in_latex(text, whole=True) if each.whole is not None]
    if all([text.startswith("\\begin", span.start) for span in found]):
        return text
    pieces: list[str] = []
    place = 0
    for opens, closes in [*found, Span(len(text), len(text))]:
        prose = text[place:opens]
        said = _SAID.search(prose) or (_GOES_ON.match(prose) if place else None)
        said = said or (_GOES_BEFORE.search(prose) if opens < len(text) else None)
        if said:
            raise BackpropError(
                f"'{said[0]}' stands outside of the formulas, which are in dollar signs or brackets here",
                source=text,
                span=Span(place + said.start(), place + said.end()),
                hint="put it into a formula, or leave it out",
            )
        pieces += [_PROSE.sub(" ", prose), text[opens:closes]]
        place = closes
    return "".join(pieces)


_WORD = re.compile(r"%[^\n]*|(?<![\\A-Za-z])(?P<word>[A-Za-z]{2,})")
_PROSE = re.compile(r"[^\n]")
_MUTE = r"\\(?:quad|qquad|noindent|emph|text[a-z]*|item|par|rightarrow|Rightarrow|to|implies|[\\,;:! ])(?![A-Za-z])"
_OPERAND = r"(?:[0-9(]|[A-Za-z](?![A-Za-z]))"
_BEFORE = r"(?<![A-Za-z])[0-9A-Za-z)][ \t]*[-+*/][ \t]*"
_SAID = re.compile(rf"(?!{_MUTE})\\[A-Za-z]*|[=^_<>≤≥≈√∑∏]+|{_BEFORE}{_OPERAND}")
# What belongs to a formula right behind it, and right before it.
_GOES_ON = re.compile(rf"[0-9(]|[ \t]*[-+*/][ \t]*(?:{_OPERAND}|\Z)")
_GOES_BEFORE = re.compile(rf"(?:[0-9]|{_BEFORE})\Z")


def _unclosed(text: str, start: int, sign: str, closing: str) -> BackpropError:
    return BackpropError(
        f"this '{sign}' is never closed",
        source=text,
        span=Span(start, start + len(sign)),
        hint=f"add '{closing}' before the paragraph ends; a dollar sign that is one is written \\$"
        if "$" in sign
        else f"add '{closing}' where the formula ends",
    )


def _without(prefixes: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """A range of the text without what stands before its lines, as > does in Markdown."""
    for k in range(bisect.bisect_left(prefixes, Span(start, start)), len(prefixes)):
        prefix = prefixes[k]
        if prefix.start >= end:
            break
        if prefix.start > start:
            yield Span(start, prefix.start)
        start = prefix.end
    if start < end:
        yield Span(start, end)


# LaTeX

_TEX = re.compile(
    r"%[^\n]*"
    r"|\\begin[ \t]*\{(?P<begin>[A-Za-z]+\*?)\}"
    r"|\\end[ \t]*\{document\}(?P<last>)"
    r"|\\(?:verb|lstinline)\*?(?P<verb>[^A-Za-z0-9\s*{])"
    r"|\\[A-Za-z]+"
    r"|\\(?P<bracket>[\[(])"
    r"|\\."
    r"|(?P<dollar>\$\$?)",
    re.DOTALL,
)
_BODY = re.compile(r"%[^\n]*|\\begin[ \t]*\{document\}(?P<body>)|\\.", re.DOTALL)
_BLANK = r"\n[ \t]*\n(?P<blank>)"
_CLOSES = {
    "$": re.compile(rf"%[^\n]*|\\.|\$(?P<end>)|{_BLANK}", re.DOTALL),
    "$$": re.compile(rf"%[^\n]*|\\.|\$\$(?P<end>)|{_BLANK}", re.DOTALL),
    "\\(": re.compile(r"%[^\n]*|\\\)(?P<end>)|\\."),
    "\\[": re.compile(r"%[^\n]*|\\\](?P<end>)|\\."),
}
_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}


def has_body(text: str) -> bool:
    """Whether a text in LaTeX is a whole document."""
    return _body(text) > 0


def _body(text: str) -> int:
    """Where the body of a document begins; 0 for a text without a preamble."""
    if "\\begin" not in text:
        return 0
    return next((match.end() for match in _BODY.finditer(text) if match["body"] is not None), 0)


def _in_latex(text: str, *, whole: bool = False) -> Iterator[tuple[_Found, Sequence[Span]]]:
    """The formulas of a document in LaTeX; with `whole` of a text that has no preamble."""
    place = 0 if whole else _body(text)
    while True:
        match = _TEX.search(text, place)
        if match is None or match["last"] is not None:
            return
        place = match.end()
        start = match.start()
        if match["begin"]:
            name = match["begin"]
            ending = f"\\end{{{name}}}"
            if name in _VERBATIM:
                end = text.find(ending, place)
                place = len(text) if end < 0 else end + len(ending)
            elif name in _ENVIRONMENTS:
                end = text.find(ending, place)
                if end < 0:
                    raise _unclosed(text, start, match[0], ending)
                after = end + len(ending)
                inside = (place, end) if name in _SINGLE else (start, after)
                yield _Found(*inside, whole=Span(start, after)), ()
                place = after
        elif match["verb"]:
            end = text.find(match["verb"], place, _line_end(text, place))
            place = _line_end(text, place) if end < 0 else end + 1
        elif match["dollar"] or match["bracket"]:
            sign = match[0]
            end, after = _closed(text, place, sign)
            if end < 0:
                raise _unclosed(text, start, sign, _CLOSING[sign])
            yield _Found(place, end, whole=Span(start, after)), ()
            place = after


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _closed(text: str, place: int, sign: str) -> tuple[int, int]:
    """Where the sign that closes this one begins and ends; -1 where there is none in the paragraph."""
    for match in _CLOSES[sign].finditer(text, place):
        if match.lastgroup == "blank":
            break
        if match.lastgroup == "end":
            return match.start(), match.end()
    return -1, -1


# Markdown

_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([^`\n]*)")
_LIST = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)])(?:[ \t]|$)")
_QUOTE = re.compile(r"(?:[ ]{0,3}>[ ]?)+")
_INLINE = re.compile(
    r"\\begin[ \t]*\{(?P<begin>[A-Za-z]+\*?)\}|\\(?P<bracket>[\[(])|\\.|(?P<code>`+)|(?P<comment><!--)"
    r"|(?P<dollar>\$\$?)",
    re.DOTALL,
)
_DOLLARS = re.compile(r"\\.|\$\$|\$", re.DOTALL)
_TICKS = re.compile(r"`+")
_ATTRIBUTE = re.compile(r"[ \t]*\{#([^\s{}]+)[^{}\n]*\}")


def _in_markdown(text: str) -> Iterator[tuple[_Found, Sequence[Span]]]:
    """The formulas of a document in Markdown, and what stands before the lines of quotations."""
    for start, end, is_math, prefixes in _blocks(text):
        if is_math:
            yield _Found(start, end), prefixes
        else:
            for each in _Paragraph(text, start, end).formulas():
                yield each, prefixes


def _blocks(text: str) -> Iterator[tuple[int, int, bool, Sequence[Span]]]:
    """The paragraphs of a document and its fenced blocks of mathematics, line by line."""
    begins, fence = -1, ""
    is_math = in_list = in_comment = False
    after_blank = True
    prefixes: list[Span] = []
    place = last = opened = 0
    front = text.startswith(("---\n", "---\r\n"))
    for line in text.split("\n"):
        start, place = place, place + len(line) + 1
        quote = _QUOTE.match(line)
        content = line[quote.end() :] if quote else line
        bare = content.strip()
        inside = start + (quote.end() if quote else 0)
        if front:
            front = start == 0 or bare not in {"---", "..."}
            continue
        if in_comment:
            in_comment = "-->" not in bare
            continue
        if fence:
            if bare.startswith(fence) and not bare.strip(fence[0]):
                if is_math:
                    yield begins, start, True, tuple(prefixes)
                begins, fence, is_math = -1, "", False
                prefixes.clear()
            elif quote:
                prefixes.append(Span(start, inside))
            continue
        mark = _FENCE.match(bare)
        indent = len(content) - len(content.lstrip(" \t"))
        # Code that is indented begins behind a blank line, and goes on until something else comes.
        code = (indent > 3 or content.startswith("\t")) and after_blank and not in_list and begins < 0
        ends = mark is not None or not bare or bare.startswith("<!--") or code
        if ends and begins >= 0:
            yield begins, last, False, tuple(prefixes)
            begins = -1
            prefixes.clear()
        last = start + len(line)
        if mark is not None and not code:
            fence, is_math = mark[1], mark[2].strip() == "math"
            begins, opened = place, start
        elif bare.startswith("<!--") and not code:
            in_comment = "-->" not in bare
        elif bare and not code:
            if _LIST.match(bare) and indent < 4:
                in_list = True
            elif after_blank and indent == 0:
                in_list = False
            if begins < 0:
                begins = inside
            elif quote:
                prefixes.append(Span(start, inside))
        after_blank = not bare or code
    if fence and is_math:
        raise _unclosed(text, opened + text[opened:].index(fence), fence, fence)
    if begins >= 0 and not fence:
        yield begins, last, False, tuple(prefixes)


class _Paragraph:
    """A paragraph of Markdown, looked through once: what closes what is found beforehand."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.dollars: dict[str, list[int]] | None = None
        self.ticks: dict[int, list[int]] | None = None
        self.missing: set[str] = set()
        """What does not come any more."""

    def formulas(self) -> Iterator[_Found]:
        place = self.start
        while True:
            match = _INLINE.search(self.text, place, self.end)
            if match is None:
                return
            place = match.end()
            if match["code"]:
                place = self._behind_code(match)
            elif match["comment"]:
                end = self._find("-->", place)
                place = place if end < 0 else end + 3
            elif match["begin"]:
                name = match["begin"]
                if name in _ENVIRONMENTS:
                    ending = f"\\end{{{name}}}"
                    end = self._find(ending, place)
                    if end < 0:
                        raise _unclosed(self.text, match.start(), match[0], ending)
                    after = end + len(ending)
                    yield _Found(*((place, end) if name in _SINGLE else (match.start(), after)))
                    place = after
            elif match["dollar"] == "$" and self.text.startswith("`", place) and self._find("`$", place + 1) >= 0:
                end = self._find("`$", place + 1)
                yield _Found(place + 1, end)
                place = end + 2
            elif match["dollar"] or match["bracket"]:
                sign = match[0]
                end = self._closing(sign, place)
                if end < 0 and sign == "$$":
                    raise _unclosed(self.text, match.start(), sign, sign)
                if end >= 0:
                    after = end + len(sign)
                    label = _ATTRIBUTE.match(self.text, after, self.end) if sign != "$" else None
                    yield _Found(place, end, (label[1],) if label else ())
                    place = label.end() if label else after

    def _behind_code(self, match: re.Match[str]) -> int:
        """Where the text goes on behind these backticks, or the code that they open."""
        if self.ticks is None:
            self.ticks = {}
            for each in _TICKS.finditer(self.text, self.start, self.end):
                self.ticks.setdefault(len(each[0]), []).append(each.start())
        length = len(match[0])
        places = self.ticks.get(length, [])
        k = bisect.bisect_left(places, match.end())
        return places[k] + length if k < len(places) else match.end()

    def _find(self, sign: str, place: int) -> int:
        """The place of a sign from here on; what was looked for in vain is not looked for again."""
        if sign in self.missing:
            return -1
        found = self.text.find(sign, place, self.end)
        if found < 0:
            self.missing.add(sign)
        return found

    def _closing(self, sign: str, place: int) -> int:
        """Where the sign stands that closes this one, which has ended here; -1 where it opens nothing."""
        text = self.text
        if sign in {"\\(", "\\["}:
            return self._find(_CLOSING[sign], place)
        if sign == "$" and (place >= self.end or text[place] in _SPACE):
            return -1  # A price.
        if self.dollars is None:
            self.dollars = {"$": [], "$$": []}
            for each in _DOLLARS.finditer(text, self.start, self.end):
                if each[0] in self.dollars:
                    self.dollars[each[0]].append(each.start())
        places = self.dollars[sign]
        k = bisect.bisect_left(places, place)
        if k == len(places):
            return -1
        # A dollar sign behind a space, or before a digit, closes nothing: the first one was a price.
        end = places[k]
        price = sign == "$" and (text[end - 1] in _SPACE or text[end + 1 : end + 2].isdigit())
        return -1 if price else end
