"""Tokens to terms: one loop over the tables, and one classifier for what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backpropcli.errors import BackpropError, Span
from backpropcli.language.tables import Tables
from backpropcli.language.tokens import SIGNS, VALUE_ENDS, Token

if TYPE_CHECKING:
    from backpropcli.language.terms import TermBuilder

FINISH = "$END"


def parse(
    tokens: list[Token],
    tables: Tables,
    builder: TermBuilder,
    text: str,
    error: Callable[[list[Token], Token, str, set[str]], BackpropError] | None = None,
) -> Any:
    """The value that the builder's callbacks make of a program; they are called bottom-up, from the left.

    `error` says what is wrong where no rule goes on. A token is its callback's argument as it is; every symbol of a
    rule is. Time is linear and depth costs nothing: the two stacks are lists.
    """
    actions, gotos, rules, accept = tables.actions, tables.gotos, tables.rules, tables.accept
    callbacks = builder.callbacks
    states = [tables.start]
    values: list[Any] = []
    state = tables.start
    length = len(text)
    for token in [*tokens, Token(FINISH, "", length, length)]:
        kind = token[0]
        while True:
            action = actions[state].get(kind)
            if action is None:
                if kind == FINISH and state == accept:
                    return values[-1]
                raise (error or syntax_error)(tokens, token, text, accepted(states, tables))
            if action >= 0:
                states.append(action)
                values.append(token)
                state = action
                break
            origin, count, callback = rules[-1 - action]
            if callback is not None:
                made = callbacks[callback](builder, *values[-count:])
                del values[-count:]
                values.append(made)
            del states[-count:]
            state = gotos[states[-1]][origin]
            states.append(state)
    raise AssertionError("the end of the text is a token of its own")


def accepted(states: list[int], tables: Tables) -> set[str]:
    """The terminals that could really come next: those that are shifted after the reductions they cause."""
    found = set()
    for kind in tables.actions[states[-1]]:
        # No rule is empty, so that a reduction takes the newest state and some of those under it.
        state, under = states[-1], len(states) - 1
        while (action := tables.actions[state].get(kind)) is not None:
            if action >= 0:
                found.add(kind)
                break
            origin, count, _ = tables.rules[-1 - action]
            under -= count - 1
            state = tables.gotos[states[under - 1]][origin]
    return found


# Signs that a value has to follow, and what ends a statement.
_SIGNS = frozenset({"PLUS", "MINUS", "TIMES", "DIVIDE", "POWER", "RELATION", "AND", "OR", "NOT", "QMARK", "COLON"})
_SEPARATORS = frozenset({FINISH, "END"})

_CLOSED_BY = {"LPAR": ")", "LSQB": "]", "OPEN_BAR": "|"}
_OPENED_BY = {"RPAR": "LPAR", "RSQB": "LSQB"}
_CLOSING = frozenset({"RPAR", "RSQB", "CLOSE_BAR"})

# What stands before the place of a value.
_BEFORE_VALUE = frozenset({"END", "LPAR", "LSQB", "OPEN_BAR", "COMMA", "ROW", "ASSIGN"})

# Terminals in words, for "expected ...": each in the order in which a person would think of it.
_WORDS = {
    "NUMBER": "a value",
    "NAME": "a value",
    "FUNC": "a value",
    "LPAR": "a value",
    "RPAR": "')'",
    "RSQB": "']'",
    "COMMA": "','",
    "PLUS": "an operator",
    "TIMES": "an operator",
    "POWER": "an operator",
    "ASSIGN": "'='",
    "COLON": "':'",
    "END": "the end",
    FINISH: "the end",
}


def syntax_error(tokens: list[Token], token: Token, text: str, accepts: set[str]) -> BackpropError:
    """What is wrong where no rule of the grammar goes on, said by what stands around the place."""
    i = len(tokens) if token.type == FINISH else next(k for k, other in enumerate(tokens) if other is token)
    previous = tokens[i - 1] if i else None
    brackets = _open_brackets(tokens[:i])
    here = Span(token.start, token.end)

    def error(message: str, hint: str | None = None, span: Span = here) -> BackpropError:
        return BackpropError(message, source=text, span=span, hint=hint)

    def missing(side: str, sign: Token) -> BackpropError:
        return error(
            f"'{sign.text}' needs a value to its {side}",
            f"write a number, a name or a bracket to the {side} of '{sign.text}'",
            Span(sign.start, sign.end),
        )

    if not tokens:
        return error("the formula is empty", "give one, as in 'x^2 + 3*x'")
    if token.type == "RPAR" and previous is not None and previous.type == "LPAR":
        before = tokens[i - 2] if i > 1 else None
        span = Span(previous.start, token.end)
        if before is not None and before.type == "FUNC":
            return error(f"{before.text}() has no argument", f"write {before.text}(x)", Span(before.start, token.end))
        return error("these parentheses are empty", "put a value between them, or delete them", span)
    if token.type == "RSQB" and previous is not None and previous.type == "LSQB":
        span = Span(previous.start, token.end)
        if _is_index(tokens, previous):
            return error("this index is empty", "say which entry, as in x[0], or x[:] for all of them", span)
        return error("this array is empty", "an array has one entry at least", span)
    foreign = _foreign_sign(tokens, i)
    if foreign is not None:
        sign, place = foreign
        return error(f"'{sign}' is no sign of this language", SIGNS[sign], place)
    ends = _SEPARATORS | {"RPAR", "RSQB", "COMMA", "ROW", "QMARK", "COLON", "TARGET", "HEAD"}
    if previous is not None and previous.type in _SIGNS and token.type in ends:
        return missing("right", previous)
    if token.type == "END" and previous is None:
        return error("a value is missing before ','", "delete the comma")
    if token.type in _OPENED_BY and not brackets:
        opening = "(" if token.type == "RPAR" else "["
        return error(f"this '{token.text}' closes nothing", f"delete it, or open it with '{opening}' further left")
    if (token.type in _OPENED_BY or token.type == "ROW") and brackets[-1].type != _OPENED_BY.get(token.type, "LSQB"):
        opened, closing = brackets[-1], _CLOSED_BY[brackets[-1].type]
        if opened.type != "OPEN_BAR" and _OPENED_BY[token.type] not in [bracket.type for bracket in brackets]:
            return error(f"this '{opened.text}' is closed by '{token.text}'", f"write '{closing}'")
        hint = f"add '{closing}' before the '{token.text}'"
        return error(f"this '{opened.text}' is never closed", hint, _span(opened))
    within = brackets[-1] if brackets and brackets[-1].type == "LSQB" else None
    if within is not None:
        wrong = _in_square_brackets(tokens, i, token, within)
        if wrong is not None:
            return error(*wrong)
    if token.type == "RPAR" and previous is not None and previous.type == "COMMA":
        return error("a value is missing after ','", "give one more argument, or delete the comma")
    if token.type in {"RPAR", "COMMA"} and previous is not None and previous.type == "ASSIGN":
        return error("'=' needs a value to its right", "write the argument that has this name", _span(previous))
    if token.type in _SEPARATORS | {"TARGET", "HEAD"} and previous is not None and previous.type == "ASSIGN":
        return error("'=' needs a formula to its right", "write what the name stands for", _span(previous))
    if token.type in _SEPARATORS and brackets:
        closing = _CLOSED_BY[brackets[-1].type]
        hint = f"add '{closing}' where the group ends"
        if closing == "|" and len(brackets) > 1 and text[brackets[-2].start : brackets[-1].end] == "||":
            hint += "; for a logical or write or"
        if token.text == ";":
            hint += "; ';' ends a statement, and arguments are separated by ','"
        return error(f"this '{brackets[-1].text}' is never closed", hint, _span(brackets[-1]))
    if token.type in {"ASSIGN", "TARGET", "HEAD"} and brackets and "\n" in text[brackets[-1].end : token.start]:
        hint = f"add '{_CLOSED_BY[brackets[-1].type]}' before the next statement"
        return error(f"this '{brackets[-1].text}' is never closed", hint, _span(brackets[-1]))
    applied = _application_before(tokens, i)
    if applied is not None and token.type in {"NUMBER", "NAME", "LPAR", "OPEN_BAR", "FUNC", "POWERED_FUNC"}:
        first = text[applied.start : token.start].strip()
        call = f"{token.text}(...)"
        shown = {"LPAR": "(...)", "OPEN_BAR": "|...|", "FUNC": call, "POWERED_FUNC": call}
        second = shown.get(token.type, token.text)
        return error(
            f"{_cut(first)} {second} can be read in two ways",
            f"put the function's argument in brackets, as in {applied.text}(x)*y or {applied.text}(x*y)",
            Span(applied.start, token.end),
        )
    if token.type == "BANG":
        return error("'!' needs a value to its left", "for a factorial write x!; for 'not' write not, for 'unequal' !=")
    if token.type in {"LSQB", "PRIME"} and previous is not None and previous.type == "SUPERSCRIPT":
        what, behind = ("an index", "[0]") if token.type == "LSQB" else ("a transpose", token.text)
        return error(f"{what} of a power needs brackets", f"write (x²){behind}, or (x^2){behind}")
    if token.type == "PRIME":
        return error(
            f"'{token.text}' needs a value to its left",
            "for a transpose write A'; a formula holds no quotation marks",
        )
    if token.type == "ASSIGN" and not brackets and previous is not None and previous.type == "RSQB":
        return error("an entry has no definition of its own", "define the whole array, as in x = [1, 2, 3]")
    if token.type == "ASSIGN":
        return error(
            "'=' has no place here: it stands after the name that a statement defines",
            "write name = formula on its own, separated by ';', or == for a comparison",
        )
    if token.type == "COMMA" and (previous is None or previous.type in {"LPAR", "COMMA"}):
        return error("a value is missing before ','", "give the argument, or delete the comma")
    if token.type == "COMMA" and brackets and within is None:
        return error(
            "a comma separates the arguments of a function, and this bracket belongs to none",
            "delete the comma; for a decimal write a dot, as in 1.5",
        )
    if token.type == "NUMBER" and previous is not None and previous.type in VALUE_ENDS:
        if previous.type == "NUMBER":
            if previous.end == token.start:
                whole = Span(previous.start, token.end)
                hint = "a number has one dot, and that before its exponent; a product is written *"
                return error(f"{previous.text}{token.text} is not a number", hint, whole)
            return error(
                "two numbers in a row",
                f"write {previous.text}*{token.text}, or one number without the space between",
                Span(previous.start, token.end),
            )
        return error("a number cannot follow a value directly", f"write *{token.text}, or ^{token.text} for a power")
    if token.type == "SUPERSCRIPT":
        return error("a superscript needs a value directly before it", "write x², or x^2")
    if token.type == "COLON":
        return error("':' belongs to a choice, condition ? value : other value", "write the condition and '?' first")
    if token.type == "QMARK":
        return error("'?' needs a condition to its left", "write condition ? value : other value")
    if "COLON" in accepts and token.type in _SEPARATORS | {"RPAR", "RSQB", "CLOSE_BAR", "COMMA", "ROW"}:
        return error("this choice has no ':'", "write condition ? value : other value", here)
    if token.type in {"PREFIX", "POWERED_PREFIX"}:
        hint = f"write ({token.text}(x)), as in e^({token.text}(x))"
        return error(f"{token.text} cannot stand in an exponent without brackets", hint)
    if token.type in {"TIMES", "DIVIDE", "POWER", "RELATION", "AND", "OR", "NOT"}:
        if token.type == "NOT":
            return error("'not' has no place here", "put it before a condition: not (x > 0); for unequal write !=")
        if previous is None or previous.type in _BEFORE_VALUE:
            return missing("left", token)
        if previous.type in _SIGNS:
            return error(
                f"'{previous.text}' and '{token.text}' stand side by side, with no value between them",
                "put a value between them, or delete one",
                Span(previous.start, token.end),
            )
        if previous.type == "SUPERSCRIPT":
            return error("a power of a power needs brackets", "write (x²)^3, or x^(2*3)")
    words = ", ".join(sorted({_WORDS[kind] for kind in accepts if kind in _WORDS}))
    found = f"'{token.text.strip()}'" if token.text.strip() else "the end"
    return error(f"expected {words or 'the end'}, but found {found}", "separate statements by ';'")


def _is_index(tokens: list[Token], bracket: Token) -> bool:
    """Whether a bracket indexes what stands before it; else it begins an array."""
    k = next(k for k, token in enumerate(tokens) if token is bracket)
    return k > 0 and tokens[k - 1].type in VALUE_ENDS


def _in_square_brackets(
    tokens: list[Token], i: int, token: Token, bracket: Token
) -> tuple[str, str] | tuple[str, str, Span] | None:
    """What is wrong with the token at position i, where that is about the array or the index that it stands in."""
    previous = tokens[i - 1]
    index = _is_index(tokens, bracket)
    one = "index" if index else "entry"
    if token.type == "ROW" and index:
        return "';' separates the rows of an array, and this is an index", "separate indices by ',', as in W[0, 1]"
    if token.type == "ROW" and previous.type in {"LSQB", "ROW"}:
        return "a row is missing before ';'", "give its entries, or delete the semicolon"
    if token.type in {"ROW", "RSQB"} and previous.type == "COMMA":
        return "a value is missing after ','", f"give one more {one}, or delete the comma"
    if token.type == "RSQB" and previous.type == "ROW":
        return "a row is missing after ';'", "give its entries, or delete the semicolon"
    if token.type == "COMMA" and previous.type in {"LSQB", "ROW", "COMMA"}:
        return "a value is missing before ','", f"give the {one}, or delete the comma"
    if token.type == "COLON" and index:
        return "a slice has three parts at most", "write first:last:step, as in x[0:6:2]"
    if token.type == "COLON":
        return "a slice stands in an index only", "write the numbers out; a part of an array is x[1:3]"
    if token.type == "NUMBER" and previous.type in VALUE_ENDS and not index:
        return "two entries of an array stand side by side", "separate them by ',', and rows by ';'"
    if token.type == "ASSIGN" and any([other.type == "ROW" for other in tokens[:i] if other.start > bracket.start]):
        return "this '[' is never closed", "add ']' before the next statement", _span(bracket)
    return None


def _foreign_sign(tokens: list[Token], i: int) -> tuple[str, Span] | None:
    """A sign of another language that ends at, or right before, the token at position i, and its place."""
    for first, second in zip(tokens[max(i - 2, 0) : i + 1], tokens[max(i - 1, 1) : i + 1], strict=False):
        if first.end == second.start and first.text + second.text in SIGNS:
            return first.text + second.text, Span(first.start, second.end)
    return None


_BEFORE_APPLICATION = (_SIGNS | {"END", "COMMA", "ASSIGN"}) - {"POWER", "MINUS"}


def _application_before(tokens: list[Token], i: int) -> Token | None:
    """The function without brackets whose argument ends before position i, with nothing but values between."""
    depth = 0
    for token in reversed(tokens[:i]):
        depth += (token.type in _CLOSING) - (token.type in _CLOSED_BY)
        if depth < 0 or (depth == 0 and token.type in _BEFORE_APPLICATION):
            return None
        if depth == 0 and token.type in {"PREFIX", "POWERED_PREFIX"}:
            return token
    return None


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"


def _span(token: Token) -> Span:
    return Span(token.start, token.end)


def _open_brackets(tokens: list[Token]) -> list[Token]:
    """The opening brackets that nothing has closed yet."""
    brackets: list[Token] = []
    for token in tokens:
        if token.type in _CLOSED_BY:
            brackets.append(token)
        elif token.type in _CLOSING and brackets:
            brackets.pop()
    return brackets
