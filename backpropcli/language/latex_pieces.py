"""The pieces of a text in LaTeX: letters, numbers, commands and signs, with braces around every argument."""

from __future__ import annotations

import re

from backpropcli.errors import BackpropError, Span
from backpropcli.language import names
from backpropcli.language.latex_commands import ARGUMENTS, FRACTIONS
from backpropcli.records import NamedTuple


class Piece(NamedTuple):
    """A piece of the text, and where it stands; braces that the user left out have no width."""

    kind: str
    text: str
    """Of a command its name without the backslash, of an environment its name, of prose what is in the braces."""
    start: int
    end: int


class Pieces(NamedTuple):
    """The pieces of a text, and of every brace the place of its partner."""

    text: str
    all: list[Piece]
    partner: dict[int, int]


_TEXT = "text|textrm|textbf|textit|textsf|texttt|textnormal|mbox|hbox|intertext|shortintertext|emph"
_LETTER = r"A-Za-z\u0391-\u03A1\u03A3-\u03A9\u03B1-\u03C9\u03D1\u03D5\u03F5"
_PIECE = re.compile(
    r"(?P<NUMBER>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    rf"|\\(?:{_TEXT})[ \t\r\n]*\{{(?P<PROSE>[^{{}}\\$]*)\}}"
    r"|\\begin[ \t\r\n]*\{(?P<BEGIN>[A-Za-z]*\*?)\}"
    r"|\\end[ \t\r\n]*\{(?P<END>[A-Za-z]*\*?)\}"
    r"|(?P<LINE>\\\\\*?(?:[ \t]*\[[ \t]*-?[0-9.]*[ \t]*(?:pt|pc|mm|cm|in|ex|em|bp|mu|\\[A-Za-z]+)[ \t]*\])?)"
    r"|\\(?P<COMMAND>operatorname\*|[A-Za-z]+|[^A-Za-z])"
    rf"|(?P<LETTER>[{_LETTER}])"
    r"|(?P<COMMENT>%[^\n]*)"
    r"|(?P<SPACE>[ \t\r\n~]+)"
    r"|(?P<SIGN>:=|==|.|\\)",
    re.DOTALL,
)


_DISPLAYS = {"\\(": "\\)", "\\[": "\\]"}
_IN_PROSE = re.compile(rf"(\\(?:{_TEXT})[ \t\r\n]*\{{[^{{}}$]*)\$([^$]*)\$([ \t\r\n]*)\}}")


def pieces(text: str) -> Pieces:
    """The pieces of a text. Raises BackpropError where braces do not match or an argument is missing."""
    names.check_characters(text)
    found: list[Piece] = []
    opened = ""
    for match in _PIECE.finditer(_mathematics(text).translate(names.NORMAL)):
        kind = match.lastgroup or ""
        if kind == "SPACE":
            if match[0].count("\n") > 1:
                found.append(Piece("PARAGRAPH", match[0], *match.span()))
            elif "\n" in match[0]:
                found.append(Piece("NEWLINE", match[0], *match.span()))
        elif kind == "LINE":
            found.append(Piece("COMMAND", "\\", *match.span()))
        elif kind != "COMMENT":
            found.append(Piece(kind, match[kind], *match.span()))
            if match[0] in _DISPLAYS.values():
                if _DISPLAYS.get(opened) != match[0]:
                    raise _error(text, f"this '{match[0]}' closes nothing", found[-1], "delete it, or open it before")
                opened = ""
            opened = match[0] if match[0] in _DISPLAYS else opened
    return _Bracer(text, found).run()


def _mathematics(text: str) -> str:
    """The text, with prose around formulas blank where signs say which they are."""
    if "$" not in text and "\\(" not in text and "\\[" not in text:
        return text
    from backpropcli.language.documents import only_mathematics

    # \text{if $x > 0$} goes on behind its prose, at the same places.
    plain = _IN_PROSE.sub(lambda found: f"{found[1]}}}{found[2]} {found[3]} ", text)
    try:
        return only_mathematics(plain)
    except BackpropError as problem:
        problem.source = text
        raise


class _Frame(NamedTuple):
    """What is open while braces are put in: a group, the degree of a root, or a command with arguments to come."""

    piece: Piece
    place: int
    """Of a group, where it opens."""
    missing: int = 0
    """How many arguments are still to come; 0 for a group."""
    wrapped: bool = False
    """Whether the command is an argument itself that stands without braces."""


class _Bracer:
    """Puts braces around the arguments that stand without, as TeX takes them: one piece each."""

    def __init__(self, text: str, found: list[Piece]) -> None:
        self.text = text
        self.pending = found[::-1]
        self.made: list[Piece] = []
        self.partner: dict[int, int] = {}
        self.frames: list[_Frame] = []

    def run(self) -> Pieces:
        while self.pending:
            piece = self.pending.pop()
            kind, sign, _, end = piece
            frame = self.frames[-1] if self.frames else None
            degree = frame is not None and frame.piece.text == "["
            if kind in {"NEWLINE", "PARAGRAPH"}:
                if frame is None or not frame.missing:
                    self.made.append(piece)
            elif kind == "SIGN" and sign == "{":
                self._open(piece)
            elif kind == "SIGN" and sign == "}":
                if frame is None:
                    raise _error(self.text, "this '}' closes nothing", piece, "delete it, or open it further left")
                if frame.missing:
                    raise self._missing(frame.piece)
                if degree:
                    raise _error(self.text, "this '[' is never closed", frame.piece, "add ']' before the '}'")
                self._close(piece)
                self._finish(end)
            elif degree and kind == "SIGN" and sign == "]":
                self._close(piece)
            elif frame is not None and frame.missing:
                self._argument(piece, frame)
            else:
                self.made.append(piece)
                if count := _arguments(piece):
                    self.frames.append(_Frame(piece, len(self.made) - 1, count))
        if self.frames:
            piece = self.frames[-1].piece
            if self.frames[-1].missing:
                raise self._missing(piece)
            closing = "}" if piece.text == "{" else "]"
            hint = f"add '{closing}' where the group ends"
            raise _error(self.text, f"this '{piece.text}' is never closed", piece, hint)
        return Pieces(self.text, self.made, self.partner)

    def _argument(self, piece: Piece, frame: _Frame) -> None:
        kind, sign, start, end = piece
        command = frame.piece.text
        if kind == "SIGN" and sign == "[" and command == "sqrt":
            self._open(piece)
            return
        if kind in {"BEGIN", "END"} or (kind == "SIGN" and sign in "^_&$)],"):
            raise self._missing(frame.piece)
        if kind == "COMMAND" and sign in {"\\", "left", "right", "quad", "qquad"}:
            raise self._missing(frame.piece)
        if kind == "NUMBER" and len(sign) > 1:
            if command not in FRACTIONS or not sign.isdecimal():
                written = f"{self.text[frame.piece.start : frame.piece.end]}{sign}"
                raise BackpropError(
                    f"TeX takes the first digit of {written} only",
                    source=self.text,
                    span=Span(frame.piece.start, end),
                    hint=f"write {self.text[frame.piece.start : frame.piece.end]}{{{sign}}}",
                )
            self.pending.append(Piece(kind, sign[1:], start + 1, end))
            piece = Piece(kind, sign[0], start, start + 1)
            end = start + 1
        self._open(Piece("SIGN", "{", start, start))
        self.made.append(piece)
        if count := _arguments(piece):
            self.frames.append(_Frame(piece, len(self.made) - 1, count, wrapped=True))
        else:
            self._close(Piece("SIGN", "}", end, end))
            self._finish(end)

    def _open(self, piece: Piece) -> None:
        self.frames.append(_Frame(piece, len(self.made)))
        self.made.append(piece)

    def _close(self, piece: Piece) -> None:
        place = self.frames.pop().place
        self.partner[place] = len(self.made)
        self.partner[len(self.made)] = place
        self.made.append(piece)

    def _finish(self, end: int) -> None:
        """One argument is complete, and with it perhaps its command, and what that is an argument of."""
        while self.frames and self.frames[-1].missing:
            frame = self.frames.pop()
            if frame.missing > 1:
                self.frames.append(frame._replace(missing=frame.missing - 1))
                break
            if not frame.wrapped:
                break
            self._close(Piece("SIGN", "}", end, end))

    def _missing(self, piece: Piece) -> BackpropError:
        written = self.text[piece.start : piece.end]
        hint = f"write {written}{{x}}" + ("{y}" if _arguments(piece) == 2 else "")
        return _error(self.text, f"{written} needs an argument", piece, hint)


def _arguments(piece: Piece) -> int:
    """How many arguments in braces follow a piece."""
    if piece.kind == "COMMAND":
        return ARGUMENTS.get(piece.text, 0)
    return 1 if piece.kind == "SIGN" and piece.text in {"^", "_"} else 0


def _error(text: str, message: str, piece: Piece, hint: str) -> BackpropError:
    return BackpropError(message, source=text, span=Span(piece.start, piece.end), hint=hint)
