"""What is wrong with a formula in LaTeX where no rule of its grammar goes on."""

from __future__ import annotations

from backpropcli.errors import BackpropError, Span
from backpropcli.language.parser import FINISH, syntax_error
from backpropcli.language.tokens import Token

# Tokens that the infix language has too, of which the same is to be said.
_SHARED = frozenset(
    {"NUMBER", "NAME", "FUNC", "PREFIX", "POWERED_FUNC", "POWERED_PREFIX", "PLUS", "MINUS", "TIMES", "DIVIDE"}
    | {"RELATION", "AND", "OR", "NOT", "LPAR", "RPAR", "COMMA", "END", "TARGET", "HEAD", FINISH}
)
_SIGNS = frozenset({"PLUS", "MINUS", "TIMES", "DIVIDE", "POWER", "RELATION", "AND", "OR", "NOT"})
_ENDS = frozenset({"RBRACE", "RPAR", "RBRACKET", "ROW", "COLUMN", "COMMA", "END", "END_ARRAY", "END_CASES", FINISH})
_OPENS = frozenset({"LBRACE", "LPAR", "LBRACKET", "BEGIN_ARRAY", "BEGIN_CASES"})


def latex_error(tokens: list[Token], token: Token, text: str, accepts: set[str]) -> BackpropError:
    """The message, said by what stands around the place; brackets are in pairs, as the tokens were made so."""
    i = len(tokens) if token.type == FINISH else next(k for k, other in enumerate(tokens) if other is token)
    previous = tokens[i - 1] if i else None

    def error(message: str, hint: str, at: Token = token, end: int | None = None) -> BackpropError:
        return BackpropError(message, source=text, span=Span(at.start, at.end if end is None else end), hint=hint)

    def shown(of: Token) -> str:
        written = text[of.start : of.end]
        return written if len(written) <= 40 else f"{written[:37]}..."

    for k in (i - 1, i):
        place = tokens[k] if 0 <= k < len(tokens) else None
        if place is not None and place.type == "TIMES" and text[place.start : place.end] == "\\cdot":
            before = tokens[k - 1].type if k else "END"
            if before in _SIGNS | _OPENS | {"END", "ASSIGN"}:
                return error("this \\cdot holds the place of a value", "write a name there, as in (a + b)^2", place)
    if (
        previous is not None
        and previous.type in _SIGNS | {"ASSIGN"}
        and (token.type in _ENDS or token.type == "ASSIGN")
    ):
        hint = f"write a number, a name or a bracket to the right of '{shown(previous)}'"
        return error(f"'{shown(previous)}' needs a value to its right", hint, previous)
    if previous is not None and previous.type in _OPENS and token.type in {"RBRACE", "RPAR", "RBRACKET"}:
        return error("these brackets are empty", "put a value between them, or delete them", previous, token.end)
    if token.type in {"COLUMN", "ROW", "END_ARRAY", "END_CASES", "OTHERWISE"}:
        if previous is not None and previous.type in {"COLUMN", "ROW", "BEGIN_ARRAY", "BEGIN_CASES"}:
            return error(f"a value is missing before '{shown(token)}'", "give the entry, or delete what separates it")
        if token.type == "COLUMN":
            return error("'&' has no place here", "a line of cases has one, before its condition")
        if "COLUMN" in accepts:
            return error("this case has no condition", "write & before it, as in 1 & \\text{if } x > 0")
        return error(f"'{shown(token)}' has no place here", "the value before it is not complete")
    if token.type == "ASSIGN":
        if previous is None or previous.type == "END":
            return error("'=' needs a value to its left", "write what the name stands for: f = x^2")
        return error("'=' has no place here", "an equation stands on its own; compare with \\le or <")
    if token.type in {"BANG", "PRIME", "POWER"}:
        return error(f"'{shown(token)}' needs a value to its left", "write the value before it")
    if token.type == "LBRACE" and previous is not None and previous.type == "SQRT":
        return error("this root is empty", "write \\sqrt{x}")
    if token.type in _SHARED and not (token.type == "RPAR" and previous is not None and previous.type == "END"):
        return syntax_error(tokens, token, text, accepts)
    return error(f"'{shown(token)}' has no place here", "separate values by \\cdot, and statements by \\quad")
