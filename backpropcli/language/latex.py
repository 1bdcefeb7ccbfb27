"""LaTeX to tokens: the terminals of grammar/latex.lark, put together from the pieces of the text."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.language import latex_commands as commands
from backpropcli.language import names
from backpropcli.language.latex_names import TRANSPOSES, Name, begins_name, double_superscript, read_name
from backpropcli.language.latex_pieces import Piece, Pieces, pieces
from backpropcli.language.terms import CALLED
from backpropcli.language.tokens import Token
from backpropcli.records import NamedTuple

_VALUE_ENDS = frozenset(
    [
        "NUMBER",
        "NAME",
        "RPAR",
        "RBRACE",
        "BANG",
        "PRIME",
        "DERIVATIVE",
        "CLOSE_BAR",
        "CLOSE_NORM",
        "CLOSE_FLOOR",
        "END_ARRAY",
        "END_CASES",
    ]
)
_VALUE_BEGINS = frozenset(
    [
        "NUMBER",
        "NAME",
        "WORD",
        "LPAR",
        "LBRACE",
        "OPEN_BAR",
        "OPEN_NORM",
        "OPEN_FLOOR",
        "FRAC",
        "SQRT",
        "ROOT",
        "SERIES",
        "DERIVATIVE",
        "BEGIN_ARRAY",
        "BEGIN_CASES",
    ]
)
# What stands behind the index of a sum.
_BEHIND_INDEX = frozenset({"=", ",", "ne", "neq", "<", ">", "le", "leq", "ge", "geq", "lt", "gt"})
# What may end a statement: whether it does is told by what follows.
_LINE_END = "\n?"
_NO_VALUES = frozenset({"right", "\\"} | {sign[1:] for sign in commands.CLOSING if sign.startswith("\\")})
"""Commands that are no signs, and no value either."""
# Behind these, and before those, the end of a line ends nothing.
_SIGNS = frozenset({"PLUS", "MINUS", "TIMES", "DIVIDE", "RELATION", "ASSIGN", "AND", "OR", "NOT"})


MAX_ORDER = 20
"""The highest derivative that a claim is checked for."""


_BESIDE_COLUMNS = frozenset({"NEWLINE", "PARAGRAPH", "PROSE"})


def _is_sign(piece: Piece) -> bool:
    """Whether a piece joins values, as = and + and \\times do, or ends a line."""
    if piece.kind == "COMMAND":
        return piece.text in commands.SIGNS or piece.text == "\\"
    return piece.text in commands.PLAIN_SIGNS or piece.text in {"=", ":=", "=="}


class _Open(NamedTuple):
    """A bracket, brace or environment that is open."""

    kind: str
    piece: Piece
    sized: bool = False
    """Whether it was opened by \\left."""
    token: int = -1


@functools.cache
def _functions() -> frozenset[str]:
    """The names of the functions that a formula may call."""
    table = primitives.spellings()
    return frozenset([name for name in table if not all([entry.helper for entry in table[name]])]) - {"if", "where"}


@functools.cache
def _callable() -> frozenset[str]:
    """What \\operatorname may hold before brackets: those, and what derivatives are written with."""
    return frozenset(primitives.spellings()) - {"if", "where"}


@functools.cache
def _parameters_known() -> frozenset[str]:
    """The names of parameters that are given by name, such as axis."""
    return frozenset([name for entry in primitives.TABLE.values() for name in entry.static])


def tokenize(text: str, bound: Collection[str] = ()) -> list[Token]:
    """The tokens of a text in LaTeX, in order; `bound` are the variables that have a value from outside."""
    return _Assembler(pieces(text), bound).run()


class _Assembler:
    def __init__(self, found: Pieces, bound: Collection[str]) -> None:
        self.pieces = found
        self.all = found.all
        self.text = found.text
        self.bound = bound
        self.tokens: list[Token] = []
        self.open: list[_Open] = []
        self.jumps: dict[int, int] = {}
        """Behind a closing brace, where to go on instead."""
        self.silent: set[int] = set()
        """Braces that group nothing, as those of \\boxed."""
        self.arguments: set[int] = set()
        """Braces that hold the argument of a function."""
        self.limits: dict[int, str] = {}
        """The signs _ and ^ of sums and products."""
        self.powers: set[int] = set()
        """The tokens that close a power."""
        self.words = self._runs()
        self.lists: set[int] = set()
        """The tokens that open brackets with commas in them."""
        self.derivatives = False
        self.types: dict[str, tuple[str, str]] = {}
        """Of every name the font of its letter, and how it was written first."""
        self.columns = 0
        """The & in this line."""
        self.at = 0

    def run(self) -> list[Token]:
        while self.at < len(self.all):
            piece = self.all[self.at]
            here = self.at
            self.at += 1
            handler = _HANDLERS.get(piece.kind)
            if handler is not None:
                handler(self, piece, here)
        if self.open:
            raise self._unclosed(self.open[-1])
        while self.tokens and self.tokens[-1].type == "END":
            self.tokens.pop()
        return _with_powers_of_ten(_classified(self))

    # What is added

    def _add(self, kind: str, text: str, start: int, end: int) -> None:
        self.tokens.append(Token(kind, text, start, end))

    def _of(self, kind: str, text: str, piece: Piece) -> None:
        self.tokens.append(Token(kind, text, piece.start, piece.end))

    def _end(self, piece: Piece, text: str = ";") -> None:
        """A statement ends, where no bracket is open."""
        if not self._at_top():
            if text in {"\\\\", ""}:
                return
            raise self._error(
                f"'{self._written(piece)}' stands inside brackets, and ends a statement",
                piece,
                "close the bracket first",
            )
        self._drop_doubtful_end()
        if self.tokens and self.tokens[-1].type != "END":
            self._of("END", text, piece)

    def _drop_doubtful_end(self) -> None:
        """The end of a line in the text may end nothing; here it is known what ends."""
        if self.tokens and self.tokens[-1].text == _LINE_END:
            self.tokens.pop()

    def _at_top(self) -> bool:
        return not self.open or self.open[-1].kind == "lines"

    def _sign(self, kind: str, text: str, piece: Piece) -> None:
        before = self.tokens[-1] if self.tokens and self.tokens[-1].type == "END" else None
        # A line that begins with a sign goes on from the one before.
        if before is not None and (kind == "ASSIGN" or (kind in _SIGNS - {"NOT"} and before.text == "\\\\")):
            self.tokens.pop()
        if kind == "ASSIGN" and not self._at_top():
            inner = self.open[-1].kind
            if inner == "(" and self._is_keyword(self.open[-1].token):
                self.tokens[-1] = self.tokens[-1]._replace(type="KEYWORD")
                inner = "limit"
            if inner == "cases":
                kind, text = "RELATION", "=="
            elif inner != "limit":
                raise self._error(
                    "'=' has no place inside brackets", piece, "an equation stands on its own; compare with \\le or <"
                )
        self._of(kind, text, piece)

    def _is_keyword(self, opening: int) -> bool:
        """Whether the last token names a parameter, of the function whose bracket this token opens: axis = 0."""
        if opening < 1 or self.tokens[opening - 1].type != "WORD":
            return False
        return self.tokens[-1].type == "NAME" and self.tokens[-2].type in {"LPAR", "COMMA"}

    # Errors

    def _error(self, message: str, piece: Piece, hint: str | None = None, end: int | None = None) -> BackpropError:
        span = Span(piece.start, piece.end if end is None else end)
        return BackpropError(message, source=self.text, span=span, hint=hint)

    def _written(self, piece: Piece) -> str:
        written = self.text[piece.start : piece.end]
        return written if len(written) <= 40 else f"{written[:37]}..."

    def _unclosed(self, opened: _Open) -> BackpropError:
        written = self._written(opened.piece)
        ending = _ENDING.get(opened.kind, f"\\end{{{opened.piece.text}}}")
        if opened.sized:
            ending = f"\\right{ending}"
        return self._error(f"this '{written}' is never closed", opened.piece, f"add '{ending}' where the group ends")

    # Pieces by their kinds

    def _number(self, piece: Piece, here: int) -> None:
        self._of("NUMBER", piece.text, piece)

    def _letter(self, piece: Piece, here: int) -> None:
        word = self.words.get(here)
        if word is None:
            self._name(here)
        elif word[1] == "WORD":
            self._word(word[0], here, here + len(word[2]))
        else:
            self._name(here, word[0], len(word[2]))

    def _runs(self) -> dict[int, tuple[str, str, str]]:
        """Letters that are one word: a function that is called, or a name that has a value; by their first piece."""
        found: dict[int, tuple[str, str, str]] = {}
        functions = _functions()
        k, count = 0, len(self.all)
        while k < count:
            kind, sign = self.all[k].kind, self.all[k].text
            if (kind == "SIGN" and sign == "_") or (kind == "COMMAND" and sign in commands.WORDS):
                # What stands there is a part of a name, or one word anyway.
                k = self.pieces.partner[k + 1] + 1
                continue
            if kind != "LETTER" or not sign.isascii():
                k += 1
                continue
            first = k
            while (
                k < count and self.all[k].kind == "LETTER" and (k == first or self.all[k].start == self.all[k - 1].end)
            ):
                k += 1
            if k - first < 2 or k - first > 200:
                continue
            run = "".join([piece.text for piece in self.all[first:k]])
            behind = self.all[k] if k < count else None
            called = behind is not None and (
                (behind.kind == "SIGN" and behind.text == "(") or (behind.kind == "COMMAND" and behind.text == "left")
            )
            before = self.all[first - 1] if first else None
            given = before is not None and before.text == "," and behind is not None and behind.text == "="
            if run in self.bound or (given and run in _parameters_known()):
                found[first] = (run, "NAME", run)
                continue
            for cut in range(max(len(run) - 30, 0), len(run) - 1):
                if called and run[cut:] in functions:
                    found[first + cut] = (run[cut:], "WORD", run[cut:])
                    break
            else:
                if len(run) > 2 and run in commands.FUNCTIONS:
                    where = Piece("LETTER", run, self.all[first].start, self.all[k - 1].end)
                    raise self._error(f"{run} without a backslash is a product of letters", where, f"write \\{run}")
        return found

    def _name(self, here: int, word: str = "", length: int = 1) -> None:
        name = read_name(self.pieces, here, word=word, length=length)
        start = self.all[here].start
        text = name.text
        if name.primes:
            behind = self.all[name.after] if name.after < len(self.all) else None
            if (behind is not None and behind.kind == "SIGN" and behind.text == "(") or (
                name.letter in {"f", "g", "h"} and text == name.letter
            ):
                self._primed(start, name)
                return
            text += "_prime" * name.primes
        if text == "Delta" and not name.primes:
            after = name.after
            if after < len(self.all) and begins_name(self.all[after]) and after not in self.words:
                other = read_name(self.pieces, after)
                name, text = other, f"Delta_{other.text}"
        kind = "NAME"
        piece = self.all[here]
        if (piece.kind == "COMMAND" and piece.text in commands.WORDS) and text not in self.bound:
            spelled = commands.SPELLINGS.get(text, text)
            if len(spelled) > 1 and self._is_function(spelled, piece.text, name.after):
                self._word(spelled, here, name.after)
                return
        if text in {"and", "or", "not"}:
            signs = {"and": "\\land", "or": "\\lor", "not": "\\lnot"}
            raise self._error(f"{text} is no name", piece, f"write {signs[text]}", name.end)
        behind = self.all[name.after] if name.after < len(self.all) else None
        if behind is None or behind.text != "=" or not self.open or self.open[-1].kind != "(":
            # Before = in parentheses stands a parameter's name, in any font.
            self._check_type(text, name.type, piece, name.end)
        self._add(kind, text, start, name.end)
        self.at = name.after
        if name.power is not None:
            first, last = name.power
            self.jumps[last] = name.after
            self.at = first + 1
            self._of("POWER", "^", self.all[first])

    def _check_type(self, text: str, font: str, piece: Piece, end: int) -> None:
        """Refuse \\mathbf{x} beside x: a reader sees two letters, and they would be one name."""
        written = self.text[piece.start : end]
        first = self.types.setdefault(text, (font, written))
        if first[0] != font:
            raise self._error(
                f"{written} and {first[1]} would be one name, {text}",
                piece,
                f"write {first[1]} in both places, or give one of them another letter",
                end,
            )

    def _is_function(self, name: str, font: str, after: int) -> bool:
        """Whether a word is a function; one in italics is a name where no argument follows: \\mathit{var} + 1."""
        behind = self.all[after] if after < len(self.all) else None
        if behind is not None and (behind.kind, behind.text) in {("SIGN", "("), ("COMMAND", "left")}:
            return name in _callable()
        if behind is not None and font in commands.ITALICS and behind.kind == "SIGN" and behind.text == "^":
            after = self.pieces.partner[after + 1] + 1
        return name in _functions() and (font not in commands.ITALICS or self._begins_value(after))

    def _begins_value(self, at: int) -> bool:
        """Whether a value, and no sign, bracket that closes or end, stands at this place."""
        if at >= len(self.all):
            return False
        kind, text, _, _ = self.all[at]
        if kind == "COMMAND":
            return text not in commands.SIGNS and text not in commands.ENDS and text not in _NO_VALUES
        return kind in {"LETTER", "NUMBER", "BEGIN"} or (kind == "SIGN" and text in "([{")

    def _word(self, name: str, here: int, after: int) -> None:
        """A function, with a power perhaps between it and its argument."""
        start, end = self.all[here].start, self.all[after - 1].end
        behind = self.all[after] if after < len(self.all) else None
        sign = behind.text if behind is not None and behind.kind == "SIGN" else ""
        self.at = after
        if sign == "_":
            opening, closing = after + 1, self.pieces.partner[after + 1]
            base = "".join([piece.text for piece in self.all[opening + 1 : min(closing, opening + 41)]])
            if name == "log" and base in {"2", "10", "e"}:
                name = {"e": "log"}.get(base, f"log{base}")
            else:
                hint = "write \\frac{\\log x}{\\log b}" if name == "log" else f"write \\{name} without a subscript"
                piece = self.all[after]
                raise self._error(f"{name} has no subscript here", piece, hint, self.all[closing].end)
            after = self.at = closing + 1
            end = self.all[closing].end
            behind = self.all[after] if after < len(self.all) else None
            sign = behind.text if behind is not None and behind.kind == "SIGN" else ""
        self._add("WORD", name, start, end)
        if sign == "^" and behind is not None:
            opening, closing = after + 1, self.pieces.partner[after + 1]
            inside = [piece.text for piece in self.all[opening + 1 : min(closing, opening + 4)]]
            number = self.all[closing - 1]
            if number.kind != "NUMBER" or inside not in ([number.text], ["-", number.text]):
                raise self._error(
                    f"only a whole power stands between {name} and its argument",
                    behind,
                    f"put the power behind the argument, as in \\{name}(x)^{{n}}",
                    self.all[closing].end,
                )
            self._of("POWER", "^", behind)
            if len(inside) == 2:
                self._of("MINUS", "-", self.all[closing - 2])
            self._of("NUMBER", number.text, number)
            after = self.at = closing + 1
        if after < len(self.all) and self.all[after].kind == "SIGN" and self.all[after].text == "{":
            self.arguments.add(after)

    def _derivative(self, start: int, end: int, text: str) -> None:
        """A derivative: f/x, f/x/x and so on, or nothing where it is none of a name by names.

        What stands in parentheses behind it is the place where it is taken, as in f'(x) and \\frac{dy}{dx}(x).
        """
        self.derivatives = True
        opening = self.all[self.at] if self.at < len(self.all) else None
        if opening is not None and opening.kind == "SIGN" and opening.text == "(":
            inside = self.all[self.at + 1] if self.at + 1 < len(self.all) else opening
            variable = read_name(self.pieces, self.at + 1) if begins_name(inside) else None
            after = self.all[variable.after] if variable is not None and variable.after < len(self.all) else opening
            function, _, by = text.partition("/")
            first = by.partition("/")[0]
            if variable is not None and after.text == ")" and (first or variable.text) == variable.text:
                text = text if first or not function else f"{function}{f'/{variable.text}' * text.count('/')}"
                self.at = variable.after + 1
                end = after.end
            elif not first or (variable is not None and after.text in {"(", ")", ","}):
                text = ""  # Taken elsewhere; but a sum in parentheses is a factor.
        self._add("DERIVATIVE", "" if text.endswith("/") else text, start, end)

    def _primed(self, start: int, name: Name) -> None:
        """A function with primes: f'(x), f'."""
        self.at = name.after
        self._derivative(start, name.end, f"{name.text}{'/' * name.primes}")

    def _sign_piece(self, piece: Piece, here: int) -> None:
        sign = piece.text
        if sign == "{":
            self._open_brace(piece, here)
        elif sign == "}":
            self._close_brace(piece, here)
        elif sign == "^":
            self._superscript(piece, here)
        elif sign == "_":
            self._subscript(piece, here)
        elif sign in commands.PLAIN_SIGNS:
            self._sign(*commands.PLAIN_SIGNS[sign], piece)
        elif sign in {"=", ":="}:
            self._sign("ASSIGN", "=", piece)
        elif sign == "==":
            self._sign("RELATION", "==", piece)
        elif sign in {",", ";"}:
            self._comma(piece)
        elif sign == ".":
            self._full_stop(piece, here)
        elif sign == "&":
            self._column(piece)
        elif sign == "'":
            self._of("PRIME", "'", piece)
            self.derivatives = True
        elif sign in commands.OPENING:
            self._opening(commands.OPENING[sign], piece, piece.start)
        elif sign in commands.CLOSING:
            self._closing(commands.CLOSING[sign], piece, piece.start)
        elif sign in commands.BARS:
            self._bar(commands.BARS[sign], piece)
        elif sign == "$":
            self._end(piece)
        elif sign == ":" and self._ends_label():
            self.tokens.pop()
        else:
            raise self._unknown(piece)

    def _unknown(self, piece: Piece) -> BackpropError:
        import unicodedata

        sign = piece.text
        hint = {
            ":": "leave the label out, and write the formula alone",
            "\\": "a command follows a backslash, as in \\sigma",
            "#": "a comment begins with %",
            "?": "write \\begin{cases} ... \\end{cases}",
            "√": "write \\sqrt{x}",
            "∑": "write \\sum_{i=1}^{n}",
            "∏": "write \\prod_{i=1}^{n}",
            "∞": commands.REFUSED["infty"],
            "∂": commands.REFUSED["partial"],
            '"': "a formula holds no quotation marks",
            "|": "write \\lvert x \\rvert",
        }.get(sign, "say it in a formula's own signs, or in \\text{...} beside it")
        digits = sign.translate(names.SUPERSCRIPTS)
        if digits != sign:
            hint = f"write ^{{{digits}}}"
        name = "" if sign.isascii() else f" (U+{ord(sign):04X}, {unicodedata.name(sign, 'unnamed').lower()})"
        return self._error(f"the character '{sign}'{name} has no meaning in a formula", piece, hint)

    def _ends_label(self) -> bool:
        """Whether a statement has begun with one name, and so is called by it: w_0: ..."""
        if not (self._at_top() and self.tokens and self.tokens[-1].type == "NAME"):
            return False
        return len(self.tokens) == 1 or self.tokens[-2].type == "END"

    def _comma(self, piece: Piece) -> None:
        if self._at_top():
            previous = self.tokens[-1] if self.tokens else None
            behind = self.all[self.at] if self.at < len(self.all) else None
            if previous is None:
                raise self._error(f"a value is missing before '{piece.text}'", piece, f"delete the '{piece.text}'")
            inside = previous.type == "NUMBER" and behind is not None and behind.kind == "NUMBER"
            if inside and behind is not None and previous.end == piece.start and behind.start == piece.end:
                whole = Piece("NUMBER", "", previous.start, behind.end)
                written = self.text[previous.start : behind.end]
                hint = f"write {written.replace(',', '')}, or {written.replace(',', '.')} for a decimal comma"
                raise self._error(f"{written} is not a number", whole, hint)
            self._end(piece, ",")
            return
        inner = self.open[-1]
        if inner.kind == "matrix":
            self._of("COLUMN", ",", piece)
        elif inner.kind == "cases":
            behind = self.all[self.at] if self.at < len(self.all) else None
            if behind is None or behind.text not in {"&", "\\", "cases"}:
                raise self._error("a comma has no place in a case", piece, "write & before the condition")
        elif inner.kind == "limit" and piece.text == ",":
            self._of("COMMA", ",", piece)
        elif inner.kind in {"(", "[", "{"}:
            self.lists.add(inner.token)
            self._of("COMMA", ",", piece)
        elif inner.kind == "brace" and piece.text == ",":
            before, behind = self.tokens[-1], self.all[self.at]
            if before.type == "LBRACE" and behind.text == "}":
                raise self._error(
                    "a number holds no comma", piece, "write 1000 for a thousand, and 1.5 for a decimal comma"
                )
            raise self._error("a comma stands between the entries of a list", piece, "put the list in ( )")
        else:
            raise self._error("a comma has no place here", piece, "a list stands in ( )")

    def _full_stop(self, piece: Piece, here: int) -> None:
        if not self._at_top() or not self.tokens:
            raise self._error("a full stop has no place here", piece, "a number has digits around its decimal point")
        behind = self.all[self.at] if self.at < len(self.all) else None
        if behind is not None and behind.start == piece.end and behind.kind in {"NUMBER", "LETTER"}:
            raise self._error("a number cannot hold two dots, or letters", piece, "a product is written \\cdot")
        self._end(piece, ".")

    def _column(self, piece: Piece) -> None:
        inner = self.open[-1].kind if self.open else "lines"
        if inner in {"matrix", "cases"}:
            self._of("COLUMN", "&", piece)
        elif inner != "lines":
            raise self._error("'&' has no place inside brackets", piece, "close the bracket first")
        else:
            if not self.open and not self._aligns():
                # TeX does not print it there, so that nothing says what stands between the two.
                hint = "it aligns lines, as in a &= b; write \\cdot for a product, and \\land for and"
                raise self._error("'&' has no place between two values", piece, hint)
            # a &= 1 & b &= 2: every second one stands between two equations.
            self.columns += 1
            if self.open and self.columns % 2 == 0 and self.open[-1].piece.text.rstrip("*") in commands.PAIRED:
                self._end(piece)

    def _aligns(self) -> bool:
        """Whether the & that was read begins or ends a line, or stands beside a sign or prose, as for aligning."""
        before = self.all[self.at - 2] if self.at > 1 else None
        behind = self.all[self.at] if self.at < len(self.all) else None
        beside = [each for each in (before, behind) if each is not None]
        return len(beside) < 2 or any([each.kind in _BESIDE_COLUMNS or _is_sign(each) for each in beside])

    # Braces and scripts

    def _open_brace(self, piece: Piece, here: int) -> None:
        if here in self.silent:
            return
        kind = "brace"
        if here - 1 in self.limits and self.limits[here - 1] == "LOWER":
            kind = "limit"
        self.open.append(_Open(kind, piece, token=len(self.tokens)))
        self._of("LPAR" if here in self.arguments else "LBRACE", "{", piece)

    def _close_brace(self, piece: Piece, here: int) -> None:
        if here not in self.silent:
            opened = self.open[-1] if self.open else None
            if opened is None or opened.kind not in {"brace", "limit"}:
                if opened is None:
                    raise self._error("this '}' closes nothing", piece, "delete it")
                raise self._unclosed(opened)
            self.open.pop()
            opening = self.pieces.partner[here]
            self._of("RPAR" if opening in self.arguments else "RBRACE", "}", piece)
            if opening > 0 and self.all[opening - 1].text == "^" and self.all[opening - 1].kind == "SIGN":
                self.powers.add(len(self.tokens) - 1)
        if here in self.jumps:
            self.at = self.jumps[here]

    def _superscript(self, piece: Piece, here: int) -> None:
        if here in self.limits:
            self._of("POWER", "^", piece)
            return
        opening, closing = here + 1, self.pieces.partner[here + 1]
        if self.tokens and len(self.tokens) - 1 in self.powers:
            raise double_superscript(self.pieces, here)
        previous = self.tokens[-1].type if self.tokens else ""
        if previous not in _VALUE_ENDS:
            raise self._error("a power needs a value to its left", piece, "write x^{2}")
        inside = self.all[opening + 1 : min(closing, opening + 7)]
        written = self.text[inside[0].start : inside[-1].end] if inside else ""
        if not inside:
            raise self._error("this power is empty", piece, "write x^{2}", self.all[closing].end)
        if written.replace(" ", "") in TRANSPOSES and written not in self.bound:
            self._add("PRIME", "^T", piece.start, self.all[closing].end)
            self.at = closing + 1
        elif len(inside) == 1 and inside[0].text in {"prime", "'"}:
            self._add("PRIME", "'", piece.start, self.all[closing].end)
            self.derivatives = True
            self.at = closing + 1
        elif len(inside) == 1 and inside[0].text in {"*", "ast", "star", "dagger", "+", "-", "circ"}:
            hint = "angles are in radians" if inside[0].text == "circ" else "a star belongs to a name, as in y^*"
            raise self._error(f"'{written}' is no power", piece, hint, self.all[closing].end)
        else:
            self._of("POWER", "^", piece)

    def _subscript(self, piece: Piece, here: int) -> None:
        if here in self.limits:
            self._of("LOWER", "_", piece)
            return
        closing = self.pieces.partner[here + 1]
        inside = "".join([found.text for found in self.all[here + 2 : min(closing, here + 8)]])
        if self.tokens and self.tokens[-1].type == "CLOSE_NORM":
            if inside in {"2", "F"}:
                self.at = closing + 1
                return
            raise self._error(
                "only the norm of squares is written with bars", piece, "write \\operatorname{norm_1}(x)", None
            )
        if (self.tokens and self.tokens[-1].type in {"PRIME", "RBRACE", "RPAR"}) or not self.tokens:
            raise self._error("a subscript belongs to a name", piece, "write it behind a letter, as in x_1")
        raise self._error("a subscript has no place here", piece, "write it behind a letter, as in x_1")

    # Brackets

    def _opening(self, kind: str, piece: Piece, start: int, *, sized: bool = False) -> None:
        whole = piece._replace(start=start)
        self.open.append(_Open(kind, whole, sized, len(self.tokens)))
        self._of(commands.TOKENS[kind][0], kind, whole)

    def _closing(self, kind: str, piece: Piece, start: int, *, sized: bool = False) -> None:
        whole = piece._replace(start=start)
        opened = self.open[-1] if self.open else None
        if opened is None or opened.kind in {"lines"}:
            raise self._error(f"this '{self._written(whole)}' closes nothing", whole, "delete it, or open it before")
        if opened.kind != kind or opened.sized != sized:
            if opened.kind in _ENDING and opened.kind != "brace":
                raise self._error(
                    f"this '{self._written(opened.piece)}' is closed by '{self._written(whole)}'",
                    whole,
                    f"write '{(chr(92) + 'right') if opened.sized else ''}{_ENDING[opened.kind]}'",
                )
            raise self._unclosed(opened)
        self.open.pop()
        self._of(commands.TOKENS[kind][1], kind, whole)

    def _bar(self, kind: str, piece: Piece) -> None:
        inner = self.open[-1] if self.open else None
        closes = inner is not None and inner.kind == kind and not inner.sized
        if closes and self.tokens and self.tokens[-1].type in _VALUE_ENDS:
            self._closing(kind, piece, piece.start)
        else:
            self._opening(kind, piece, piece.start)

    # Commands

    def _command(self, piece: Piece, here: int) -> None:
        name = piece.text
        if name in commands.IGNORED:
            return
        if name == "\\":
            self._line(piece)
        elif name in {"left", "right"}:
            self._sized(piece)
        elif name in commands.FRACTIONS:
            self._fraction(piece, here)
        elif begins_name(piece):
            self._name(here)
        elif name in commands.FUNCTIONS:
            self._word(commands.FUNCTIONS[name], here, here + 1)
        elif name in commands.SIGNS:
            self._sign(*commands.SIGNS[name], piece)
        elif name in commands.ENDS:
            self._end(piece)
        elif f"\\{name}" in commands.OPENING:
            self._opening(commands.OPENING[f"\\{name}"], piece, piece.start)
        elif f"\\{name}" in commands.CLOSING:
            self._closing(commands.CLOSING[f"\\{name}"], piece, piece.start)
        elif f"\\{name}" in commands.BARS:
            self._bar(commands.BARS[f"\\{name}"], piece)
        elif name in {"sum", "prod"}:
            self._series(piece, here)
        elif name == "sqrt":
            degree = self.all[self.at].text == "["
            self._of("ROOT" if degree else "SQRT", "sqrt", piece)
            if degree:
                self.all[self.at] = self.all[self.at]._replace(kind="DEGREE")
                last = self.pieces.partner[self.at]
                self.all[last] = self.all[last]._replace(kind="DEGREE")
        elif name == "boxed":
            self.silent |= {self.at, self.pieces.partner[self.at]}
        elif name in commands.BRACES:
            last = self.pieces.partner[self.at]
            if last + 1 < len(self.all) and self.all[last + 1].text in {"^", "_"}:
                self.jumps[last] = self.pieces.partner[last + 2] + 1
        elif name in {"label", "tag"}:
            self.at = self.pieces.partner[self.at] + 1
        else:
            raise self._unknown_command(piece)

    def _unknown_command(self, piece: Piece) -> BackpropError:
        name = piece.text
        if name in commands.REFUSED:
            what = "is never carried out" if name in commands.HOSTILE else "has no value here"
            return self._error(f"\\{name} {what}", piece, commands.REFUSED[name])
        # Among so many commands one that is a little alike is no guess: \\uparrow is no \\varrho.
        near = names.closest(name, commands.KNOWN, 0.65) if len(name) > 1 else None
        hint = (
            f"did you mean \\{near}?" if near else "write a function as \\operatorname{name}, and prose in \\text{...}"
        )
        return self._error(f"unknown command \\{name}", piece, hint)

    def _degree(self, piece: Piece, here: int) -> None:
        if piece.text == "[":
            self.open.append(_Open("degree", piece))
            self._of("LBRACKET", "[", piece)
        else:
            if not self.open or self.open[-1].kind != "degree":
                raise self._unclosed(self.open[-1])
            self.open.pop()
            self._of("RBRACKET", "]", piece)

    def _line(self, piece: Piece) -> None:
        self.columns = 0
        inner = self.open[-1].kind if self.open else "lines"
        if inner in {"matrix", "cases"}:
            self._of("ROW", "\\\\", piece)
        elif inner != "lines":
            raise self._unclosed(self.open[-1])
        else:
            self._drop_doubtful_end()
            if self.tokens and self.tokens[-1].type not in _SIGNS | {"END"}:
                self._of("END", "\\\\", piece)

    def _sized(self, piece: Piece) -> None:
        behind = self.all[self.at] if self.at < len(self.all) else None
        sign = "" if behind is None else behind.text if behind.kind != "COMMAND" else f"\\{behind.text}"
        if behind is None or sign == ".":
            end = piece.end if behind is None else behind.end
            hint = "write both brackets, as in \\left( x \\right)"
            raise self._error(f"\\{piece.text} without a bracket has no meaning", piece, hint, end)
        self.at += 1
        if sign in commands.BARS:
            kind = commands.BARS[sign]
            (self._opening if piece.text == "left" else self._closing)(kind, behind, piece.start, sized=True)
        elif piece.text == "left" and sign in commands.OPENING:
            self._opening(commands.OPENING[sign], behind, piece.start, sized=True)
        elif piece.text == "right" and sign in commands.CLOSING:
            self._closing(commands.CLOSING[sign], behind, piece.start, sized=True)
        else:
            hint = "a bracket follows it, as in \\left( x \\right)"
            raise self._error(f"\\{piece.text} is followed by no such bracket", piece, hint, behind.end)

    def _fraction(self, piece: Piece, here: int) -> None:
        above, below = self.at, self.pieces.partner[self.at] + 1
        last = self.pieces.partner[below]
        upper, lower = self._differential(above), self._differential(below)
        if upper and lower and lower < last:
            self.at = last + 1
            self._derivative(piece.start, self.all[last].end, self._differentiated(above, below))
            return
        previous = self.tokens[-1] if self.tokens else None
        short = last - below == 2 and below - above == 3
        numbers = short and self.all[above + 1].kind == self.all[below + 1].kind == "NUMBER"
        if previous is not None and previous.type == "NUMBER" and numbers:
            written = self.text[piece.start : self.all[last].end]
            raise self._error(
                f"{previous.text}{written} can be read in two ways",
                piece._replace(start=previous.start),
                f"write {previous.text} + {written} or {previous.text} \\cdot {written}",
                self.all[last].end,
            )
        self._of("FRAC", "frac", piece)

    def _differential(self, opening: int) -> int:
        """The piece behind the d of dx or \\partial x in these braces, and 0 where there is none."""
        last = self.pieces.partner[opening]
        p = self._behind_d(opening + 1)
        if not p:
            return 0
        if p < last and self.all[p].kind == "SIGN" and self.all[p].text == "^":
            p = self.pieces.partner[p + 1] + 1
        # d \cdot x and d_1 are no differentials.
        behind = self.all[p]
        if p < last and ((behind.kind == "SIGN" and behind.text != "{") or behind.text in commands.SIGNS):
            return 0
        return p

    def _behind_d(self, at: int) -> int:
        """The piece behind a d or a \\partial that stands at this place, and 0 where there is none."""
        first = self.all[at]
        if first.kind == "COMMAND" and first.text in {"mathrm", "mathsf"} and self.all[at + 2].text == "d":
            return self.pieces.partner[at + 1] + 1
        if first.kind == "COMMAND":
            return at + 1 if first.text == "partial" else 0
        return at + 1 if first.kind == "LETTER" and first.text == "d" and "d" not in self.bound else 0

    def _differentiated(self, above: int, below: int) -> str:
        """The name and those that it is differentiated by, f/x/x, of a fraction of differentials; of others nothing."""
        order, p = self._order(self._behind_d(above + 1))
        of, p = self._plain_name(p)
        end, last = self.pieces.partner[above], self.pieces.partner[below]
        if p < end and self.all[p].text in {"(", "left"} and self.all[end - 1].text == ")":
            p = end  # d sigma(x): what it is a function of is said below the line.
        if not of or p != end:
            return ""
        by: list[str] = []
        p = below + 1
        while p < last:
            if self.all[p].kind == "COMMAND" and self.all[p].text in commands.IGNORED:
                p += 1
                continue
            behind = self._behind_d(p)
            name, p = self._plain_name(behind) if behind else ("", p)
            count, p = self._order(p)
            if not name or not count:
                return ""
            by += [name] * count
        return "/".join([of, *by]) if 0 < len(by) == order <= MAX_ORDER else ""

    def _order(self, at: int) -> tuple[int, int]:
        """The whole number of a power that stands at this place, and the piece behind it; 1 where there is none."""
        if self.all[at].kind != "SIGN" or self.all[at].text != "^":
            return 1, at
        closing = self.pieces.partner[at + 1]
        number = self.all[at + 2]
        plain = closing == at + 3 and number.kind == "NUMBER" and number.text.isdecimal() and len(number.text) < 3
        return int(number.text) if plain else 0, closing + 1

    def _plain_name(self, at: int) -> tuple[str, int]:
        """The name that stands at this place, in braces or not, or nothing, and the piece behind it."""
        opened: list[int] = []
        while self.all[at].kind == "SIGN" and self.all[at].text == "{":
            opened.append(at)
            at += 1
        if not begins_name(self.all[at]):
            return "", at
        found = read_name(self.pieces, at)
        at = found.after
        while opened:
            if self.pieces.partner[opened.pop()] != at:
                return "", at
            at += 1
        return ("" if found.power is not None else found.text + "_prime" * found.primes), at

    def _series(self, piece: Piece, here: int) -> None:
        name = piece.text
        written = f"write \\{name}_{{i=1}}^{{n}} with n given, or \\{name}_{{i}} where arrays say how far i goes"
        p = self.at
        while p < len(self.all) and self.all[p].kind == "COMMAND" and self.all[p].text in {"limits", "nolimits"}:
            p += 1
        places: dict[str, int] = {}
        q = p
        while q < len(self.all) and self.all[q].kind == "SIGN" and self.all[q].text in {"_", "^"}:
            if self.all[q].text in places:
                break
            places[self.all[q].text] = q
            q = self.pieces.partner[q + 1] + 1
        if "_" not in places:
            raise self._error(f"\\{name} does not say over which index it goes", piece, written)
        lower = places["_"] + 2
        last = self.pieces.partner[places["_"] + 1]
        if not begins_name(self.all[lower]) or (name_read := read_name(self.pieces, lower)).after > last:
            raise self._error(f"\\{name} begins with its index", piece, written, self.all[last].end)
        behind = self.all[name_read.after]
        if name_read.after < last and behind.text not in _BEHIND_INDEX:
            raise self._error(f"the index of \\{name} has limits, or one value that is left out", behind, written)
        self.limits[places["_"]] = "LOWER"
        if "^" in places:
            self.limits[places["^"]] = "POWER"
        self._of("SERIES", name, piece)
        self.at = p

    # Environments and prose

    def _begin(self, piece: Piece, here: int) -> None:
        name = piece.text
        if name in commands.MATRICES:
            if name == "array" and self.at < len(self.all) and self.all[self.at].text == "{":
                self.at = self.pieces.partner[self.at] + 1
            self.open.append(_Open("matrix", piece))
            self._of("BEGIN_ARRAY", name, piece)
        elif name in commands.CASES:
            self.open.append(_Open("cases", piece))
            self._of("BEGIN_CASES", name, piece)
        elif name in commands.LINES:
            if not self._at_top():
                raise self._error(f"{name} has no place inside brackets", piece, "close the bracket first")
            self.open.append(_Open("lines", piece))
            self.columns = 0
            if self.at < len(self.all) and self.all[self.at].text == "{" and "at" in name:
                self.at = self.pieces.partner[self.at] + 1  # How many pairs of columns there are.
            self._end(piece, "")
        elif name == "document":
            raise self._error("a whole document is no formula", piece, "give the formula alone")
        else:
            known = sorted(commands.MATRICES | commands.CASES | {"aligned", "align", "equation", "gather"})
            near = names.closest(name, known)
            hint = f"did you mean {near}?" if near else "there are aligned, cases, pmatrix, bmatrix and the like"
            if name in {"vmatrix", "Vmatrix"}:
                hint = "write \\det\\begin{pmatrix} ... \\end{pmatrix}"
            raise self._error(f"unknown environment {name}", piece, hint)

    def _ending(self, piece: Piece, here: int) -> None:
        opened = self.open[-1] if self.open else None
        if opened is None or opened.piece.kind != "BEGIN":
            if opened is None:
                raise self._error(f"this \\end{{{piece.text}}} ends nothing", piece, "delete it")
            raise self._unclosed(opened)
        if opened.piece.text != piece.text:
            hint = f"write \\end{{{opened.piece.text}}}"
            raise self._error(f"\\begin{{{opened.piece.text}}} is ended by \\end{{{piece.text}}}", piece, hint)
        self.open.pop()
        if opened.kind == "lines":
            self._end(piece, "")
        else:
            if self.tokens[-1].type == "ROW":
                self.tokens.pop()
            self._of("END_ARRAY" if opened.kind == "matrix" else "END_CASES", piece.text, piece)

    def _prose(self, piece: Piece, here: int) -> None:
        words = [word.strip(".,:;()").lower() for word in piece.text.split()]
        plain = [word for word in words if word]
        if self.open and self.open[-1].kind == "cases":
            self._prose_in_cases(piece, plain)
            return
        if plain in (["and"], ["or"]) and not self._at_top():
            self._of(plain[0].upper(), plain[0], piece)
            return
        written = piece.text
        if written.isascii() and written.isalnum() and written[0].isalpha() and written not in commands.PROSE_WORDS:
            start, end = piece.start, piece.end
            spelled = commands.SPELLINGS.get(written, written)
            if spelled in _functions() and len(spelled) > 1:
                self._word(spelled, here, here + 1)
            else:
                self._add("NAME", written, start, end)
                self._scripted(here)
            return
        if not self._at_top():
            raise self._error("prose has no place inside a formula", piece, "put it before or behind the formula")
        if commands.CONDITIONS.intersection(plain[:2]):
            raise self._error(
                "a condition beside a formula is not read",
                piece,
                "write \\begin{cases} x & \\text{if } x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}",
            )
        self._end(piece, ";")

    def _scripted(self, here: int) -> None:
        """Refuse scripts at a word in \\text, whose name would be another."""
        behind = self.all[self.at] if self.at < len(self.all) else None
        if behind is not None and behind.kind == "SIGN" and behind.text == "_":
            raise self._error("a word in \\text has no subscript", behind, "write it in \\mathrm")

    def _prose_in_cases(self, piece: Piece, words: list[str]) -> None:
        if self.tokens[-1].type != "COLUMN" and words not in (["and"], ["or"], ["not"]):
            if words in (["if"], ["when"], ["for"]):
                self._of("COLUMN", "&", piece)
                return
            raise self._error("prose has no place in a case", piece, "write \\text{if} before its condition")
        if words in (["and"], ["or"], ["not"]):
            self._of(words[0].upper(), words[0], piece)
        elif words in (["else"], ["otherwise"], ["elsewhere"]):
            self._of("OTHERWISE", words[0], piece)
        elif words not in (["if"], ["for"], ["when"], ["where"], []):
            raise self._error(
                f"'{piece.text.strip()[:40]}' is no condition",
                piece,
                "write \\text{if}, \\text{and}, \\text{otherwise}",
            )

    def _paragraph(self, piece: Piece, here: int) -> None:
        if self._at_top():
            self._end(piece, "\n")

    def _newline(self, piece: Piece, here: int) -> None:
        """The end of a line is a space in TeX; where the next line begins a definition it ends a statement."""
        if self._at_top() and self.tokens and self.tokens[-1].type not in _SIGNS | {"END"}:
            self._of("END", _LINE_END, piece)


_ENDING = {
    "(": ")",
    "[": "]",
    "{": "\\}",
    "|": "|",
    "‖": "\\|",
    "floor": "\\rfloor",
    "ceil": "\\rceil",
    "brace": "}",
    "limit": "}",
    "degree": "]",
}
_HANDLERS = {
    "NUMBER": _Assembler._number,
    "LETTER": _Assembler._letter,
    "COMMAND": _Assembler._command,
    "SIGN": _Assembler._sign_piece,
    "DEGREE": _Assembler._degree,
    "BEGIN": _Assembler._begin,
    "END": _Assembler._ending,
    "PROSE": _Assembler._prose,
    "PARAGRAPH": _Assembler._paragraph,
    "NEWLINE": _Assembler._newline,
}


# What only the words around a name can tell


def _classified(made: _Assembler) -> list[Token]:
    """The tokens with definitions, calls and functions without brackets told apart from names."""
    tokens, text, lists = made.tokens, made.text, made.lists
    heads, variables, functions = _definitions(tokens, made.bound)
    found: list[Token] = []
    behind = 0
    for i, token in enumerate(tokens):
        if i < behind:
            continue
        kind = token.type
        following = tokens[i + 1].type if i + 1 < len(tokens) else ""
        if kind == "END" and token.text == _LINE_END:
            if i + 1 not in heads:
                continue
        elif i in heads:
            kind = heads[i]
        elif kind == "WORD":
            kind = _function(tokens, i, text, functions, variables)
            if kind == "NAME" and token.text in functions:
                kind = "FUNC" if following == "LPAR" else kind
        elif kind == "NAME" and following == "LPAR" and (last := _named_in_chain(made, i, heads, variables, functions)):
            token, behind = token._replace(end=tokens[last].end), last + 1
        elif kind == "NAME" and following == "LPAR":
            kind = _called(made, token, i, variables, functions, listed=i + 1 in lists)
            if kind == "CALLED":
                kind, token = "NAME", token._replace(text=f"{token.text}{CALLED}")
        found.append(token._replace(type=kind) if kind != token.type else token)
    return found


# Before these a product would be divided, or be the argument of a function, were its two numbers one.
_BEFORE_NUMBER = (_SIGNS - {"TIMES", "DIVIDE"}) | {
    *("", "END", "LPAR", "LBRACE", "LBRACKET", "COMMA", "COLUMN", "ROW", "BEGIN_ARRAY", "BEGIN_CASES"),
    *("OPEN_BAR", "OPEN_NORM", "OPEN_FLOOR"),
}
_POWER_OF_TEN = ["TIMES", "NUMBER", "POWER", "LBRACE"]


def _with_powers_of_ten(tokens: list[Token]) -> list[Token]:
    """The tokens with 1.5 \\cdot 10^{-7} as the one number that it is, rounded once."""
    found: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token.type == "NUMBER" and [other.type for other in tokens[i : i + 4]] == _POWER_OF_TEN:
            minus = i + 4 < len(tokens) and tokens[i + 4].type == "MINUS"
            last = i + 5 + minus
            sign, base, exponent = tokens[i], tokens[i + 1], tokens[last - 1] if last < len(tokens) else token
            if (
                (sign.text, base.text) == ("*", "10")
                and (found[-1].type if found else "") in _BEFORE_NUMBER
                and exponent.type == "NUMBER"
                and exponent.text.isdecimal()
                and len(exponent.text) < 5
                and tokens[last].type == "RBRACE"
                and (last + 1 == len(tokens) or tokens[last + 1].type not in {"BANG", "PRIME", "POWER"})
            ):
                text = f"{token.text}e{'-' if minus else ''}{exponent.text}"
                token = Token("NUMBER", text, token.start, tokens[last].end)
                i = last + 1
        found.append(token)
    return found


def _definitions(tokens: list[Token], bound: Collection[str]) -> tuple[dict[int, str], frozenset[str], frozenset[str]]:
    """Where statements begin with what they define, the variables and the functions that are known."""
    heads: dict[int, str] = {}
    variables, functions = set(bound), set()
    beginning = True
    for i, token in enumerate(tokens):
        if beginning and token.type in {"NAME", "WORD"} and i + 1 < len(tokens):
            if tokens[i + 1].type == "ASSIGN" and tokens[i + 1].text == "=":
                heads[i] = "TARGET"
                variables.add(token.text)
            elif tokens[i + 1].type == "LPAR":
                inside = _parameters(tokens, i + 2)
                if inside is not None:
                    heads[i] = "HEAD"
                    functions.add(token.text)
                    variables.update(inside)
        beginning = token.type == "END"
    return heads, frozenset(variables), frozenset(functions)


def _parameters(tokens: list[Token], i: int) -> list[str] | None:
    """The names of `a, b) =` from position i on, or None if the tokens there are not of that form."""
    found = []
    while i + 2 < len(tokens) and tokens[i].type == "NAME":
        found.append(tokens[i].text)
        if tokens[i + 1].type == "COMMA":
            i += 2
        else:
            defines = tokens[i + 2].type == "ASSIGN" and tokens[i + 2].text == "="
            return found if tokens[i + 1].type == "RPAR" and defines else None
    return None


def _named_in_chain(
    made: _Assembler, i: int, heads: Mapping[int, str], variables: Collection[str], functions: Collection[str]
) -> int:
    """Where `h(x)` ends that names a value in a chain, z = h(x) = f(g(x)), if nothing else defines h; else 0."""
    tokens, name = made.tokens, made.tokens[i].text
    before = tokens[i - 1] if i else None
    if name in functions or name in variables or before is None or (before.type, before.text) != ("ASSIGN", "="):
        return 0
    last = i + 2
    while last < len(tokens) and tokens[last].type in {"NAME", "COMMA"}:
        last += 1
    names_alone = [token.type for token in tokens[i + 2 : last]] == ["NAME", *["COMMA", "NAME"] * ((last - i - 3) // 2)]
    if not names_alone or last == len(tokens) or tokens[last].type != "RPAR":
        return 0
    if names.is_short(name) and name.partition("_")[0] not in {"f", "g", "h"} and last == i + 3:
        return 0
    following = tokens[last + 1] if last + 1 < len(tokens) else None
    if following is not None and following.type == "ASSIGN":
        return last if heads.get(i - 2) == "TARGET" else 0
    if made.derivatives or (following is not None and following.type != "END"):
        return 0
    # Behind what has another name already.
    earlier = next(
        (token for token in reversed(tokens[max(i - 200, 0) : i - 1]) if token.type in {"ASSIGN", "END"}), None
    )
    return last if earlier is not None and earlier.type == "ASSIGN" else 0


def _function(tokens: list[Token], i: int, text: str, functions: Collection[str], variables: Collection[str]) -> str:
    """How a function's name goes on: with brackets, or without, and with a power between or not."""
    name = tokens[i].text
    after = i + 1
    powered = after < len(tokens) and tokens[after].type == "POWER"
    if powered:
        after += 3 if after + 1 < len(tokens) and tokens[after + 1].type == "MINUS" else 2
    following = tokens[after].type if after < len(tokens) else ""
    if following not in _VALUE_BEGINS:
        raise BackpropError(
            f"{name} is a function and needs its argument",
            source=text,
            span=Span(tokens[i].start, tokens[i].end),
            hint=f"write \\{name}(x)" if name in commands.FUNCTIONS else f"write \\operatorname{{{name}}}(x)",
        )
    if following == "LPAR":
        return "POWERED_FUNC" if powered else "FUNC"
    return "POWERED_PREFIX" if powered else "PREFIX"


def _called(
    made: _Assembler, token: Token, i: int, variables: Collection[str], functions: Collection[str], *, listed: bool
) -> str:
    """Whether `name(` is a call or a product; or a call of what nobody defines, where derivatives are spoken of."""
    name = token.text
    if name in functions or (name in {"sigma", "Gamma"} and name not in variables):
        return "FUNC"
    short = names.is_short(name) and name.partition("_")[0] not in {"f", "g", "h"}
    if name in variables or name in primitives.CONSTANTS or (short and not listed):
        return "NAME"
    if made.derivatives:
        return "CALLED"
    raise unknown_function(token, made.text)


def unknown_function(token: Token, text: str) -> BackpropError:
    """What to say of `name(` where no function has this name."""
    name = token.text
    near = names.closest(name, _functions()) if len(name) > 2 else None
    written = text[token.start : token.end]
    hint = f"define it, as in {written}(t) = t^2; for a product write {written} \\cdot (...)"
    return BackpropError(
        f"unknown function '{name}'",
        source=text,
        span=Span(token.start, token.end),
        hint=f"did you mean \\operatorname{{{near}}}?" if near else hint,
    )
