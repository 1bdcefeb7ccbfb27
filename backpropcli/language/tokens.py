"""Text to tokens: the grammar's terminals, then what only the words around a name can tell."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.language import names
from backpropcli.language.tables import Tables
from backpropcli.primitives import Primitive
from backpropcli.records import NamedTuple


class Token(NamedTuple):
    """One terminal of the grammar, and where it stands."""

    type: str
    text: str
    start: int
    end: int


# What to write for a character that the language has no use for.
ADVICE = {
    "%": "write mod(a, b) for a remainder, and /100 for a percentage",
    "{": "group with ( )",
    "}": "group with ( )",
    "\\": "this is the infix language: write sigma(x), not \\sigma(x)",
    "√": "write sqrt(x)",
    "∛": "write cbrt(x)",
    "∞": "a number that is not finite needs --ieee and is given as a variable's value",
    "&": "write and",
    "~": "write not",
    "$": "give the formula without dollar signs",
    '"': "a formula holds no quotation marks",
    "`": "a formula holds no quotation marks",
    ".": "a number has one decimal point, and digits around it",
    "∂": "a derivative is what this program computes: give the function itself",
    "∑": "write the terms with +",
    "∏": "write the factors with *",
    "°": "angles are in radians: 90 degrees are pi/2",
    "±": "give a formula for each sign",
    "‘": "a formula holds no quotation marks",
    "’": "a formula holds no quotation marks",
    "“": "a formula holds no quotation marks",
    "”": "a formula holds no quotation marks",
}

# Signs of other languages, which are made of two of ours; the same where three stand together.
SIGNS = {
    "=>": "for 'at least' write >=",
    "=<": "for 'at most' write <=",
    "<>": "for 'unequal' write !=",
    "===": "for a comparison write ==",
    "!==": "for 'unequal' write !=",
    "//": "for a quotient without its remainder write floor(a/b)",
    "++": "to add one write + 1",
    "--": "to subtract one write - 1",
    "+=": "give the result a name of its own, as in q = x + 1",
    "-=": "give the result a name of its own, as in q = x - 1",
    "*=": "give the result a name of its own, as in q = x*2",
    "/=": "give the result a name of its own, as in q = x/2; for 'unequal' write !=",
    "^=": "give the result a name of its own, as in q = x^2",
    "**=": "give the result a name of its own, as in q = x^2",
    "->": "give the function's formula alone",
}

# Cyrillic letters that are drawn like a Latin one.
_CYRILLIC = dict(zip("аеорсухіјѕһАВЕКМНОРСТХІЈЅ", "aeopcyxijshABEKMHOPCTXIJS", strict=True))

# Tokens after which a value may still come: a newline there ends nothing.
_UNFINISHED = frozenset(
    {"PLUS", "MINUS", "TIMES", "DIVIDE", "POWER", "RELATION", "ASSIGN", "AND", "OR", "NOT", "LPAR", "COMMA"}
    | {"QMARK", "COLON", "END", "LSQB", "ROW"}
)


# Tokens that a value can end with, and those that one can begin with.
VALUE_ENDS = frozenset({"NUMBER", "NAME", "RPAR", "RSQB", "SUPERSCRIPT", "BANG", "PRIME", "CLOSE_BAR"})
_VALUE_BEGINS = frozenset({"NUMBER", "NAME", "LPAR"})


@functools.cache
def _pattern(terminals: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in terminals))


def tokenize(text: str, tables: Tables, bound: Collection[str] = ()) -> list[Token]:
    """The tokens of a text, in order; `bound` are the variables that have a value from outside (canonical names)."""
    names.check_characters(text)
    tokens = _classified(_with_rows(_lexed(text, tables)), text, bound)
    while tokens and tokens[-1].type == "END":
        tokens.pop()
    return tokens


def _lexed(text: str, tables: Tables) -> list[Token]:
    keywords, ignored = tables.keywords, tables.ignored
    tokens: list[Token] = []
    known: dict[str, tuple[str, str]] = {}
    position = 0
    for match in _pattern(tables.terminals).finditer(text.translate(names.NORMAL)):
        start, end = match.span()
        if start != position:
            break
        position = end
        kind = match.lastgroup or ""
        if kind == "NAME":
            written = match[0]
            if written not in known:
                names.check_name(text[start:end], text, Span(start, end))
                known[written] = keywords.get(written, kind), names.canonical(written)
            tokens.append(Token(*known[written], start, end))
        elif kind not in ignored:
            tokens.append(Token(kind, match[0], start, end))
    if position < len(text):
        raise _unknown_character(text, position, tokens[-1] if tokens else None)
    return tokens


_CLOSES = {"RPAR": "LPAR", "RSQB": "LSQB"}


def _with_rows(tokens: list[Token]) -> list[Token]:
    """The tokens with a semicolon in the brackets of an array told apart from one that ends a statement."""
    opened: list[str] = []
    for i, token in enumerate(tokens):
        if token.type == "LPAR" or token.type == "LSQB":
            opened.append(token.type)
        elif token.type in _CLOSES:
            if opened:
                opened.pop()
        elif token.text == ";":
            if opened and opened[-1] == "LSQB":
                tokens[i] = token._replace(type="ROW")
            else:
                opened.clear()
    return tokens


# A.T, x.sum(): what other languages write behind a value.
_METHOD = r"\.([A-Za-z][A-Za-z0-9_]*)"


def _unknown_character(text: str, position: int, previous: Token | None) -> BackpropError:
    import unicodedata

    character = text[position]
    hint = ADVICE.get(character) or _plain(character)
    method = re.compile(_METHOD).match(text, position)
    if method and (method[1] == "T" or method[1] in primitives.spellings()):
        hint = "write A' for a transpose" if method[1] == "T" else f"there are no methods: write {method[1]}(x)"
    name = "" if character.isascii() else f" (U+{ord(character):04X}, {unicodedata.name(character, 'unnamed').lower()})"
    if character == "." and previous is not None and previous.type == "NUMBER":
        message = "a number cannot hold two dots"
    else:
        message = f"the character '{character}'{name} has no meaning in a formula"
    return BackpropError(message, source=text, span=Span(position, position + 1), hint=hint)


def _plain(character: str) -> str:
    """What to write for a character of no use that is a letter, a digit or a sign elsewhere."""
    import unicodedata

    if character in _CYRILLIC:
        return f"it only looks like the Latin letter {_CYRILLIC[character]}: write that one"
    twin = unicodedata.normalize("NFKC", character)
    if twin != character and len(twin) == 1 and twin.isascii() and twin.isprintable():
        return f"the plain character is '{twin}'"
    if unicodedata.decimal(character, None) is not None:
        return f"the plain digit is {unicodedata.decimal(character)}"
    number = unicodedata.numeric(character, None)
    if number is not None:
        return f"write {number:.6g}"
    if unicodedata.category(character).startswith(("L", "M")):
        letter = unicodedata.normalize("NFD", character)[0]
        instead = f"; for '{character}' write {letter}" if letter.isascii() and letter.isalpha() else ""
        return f"a name is made of plain Latin or Greek letters, digits and _{instead}"
    return "delete it, or say it in a formula's own signs: + - * / ^ ( )"


def _classified(tokens: list[Token], text: str, bound: Collection[str]) -> list[Token]:
    """The tokens with FUNC, TARGET, HEAD and KEYWORD told apart from NAME, and separators only where statements end."""
    heads, known = _definitions(tokens, bound)
    functions = _callable()
    found: list[Token] = []
    depth = 0
    # The bars that are open at every level of brackets, and whether that level holds the arguments of a call.
    bars, calls = [0], [False]
    for i, token in enumerate(tokens):
        kind = token.type
        if kind == "NAME":
            following = tokens[i + 1].type if i + 1 < len(tokens) else ""
            if i in heads:
                kind = heads[i]
            elif following == "ASSIGN" and calls[-1] and found[-1].type in {"LPAR", "COMMA"}:
                kind = "KEYWORD"
            elif following == "LPAR":
                kind = _called(token, text, known, functions)
            elif _is_function(token.text, known, functions):
                kind = _without_brackets(tokens, i, text)
            elif token.text[0] == "_" and _follows_a_number(tokens, i) and re.match(_GROUP, token.text):
                raise _grouped(tokens[i - 1], token, text)
            token = Token(kind, token.text, token.start, token.end) if kind != token.type else token
        elif kind == "LPAR" or kind == "LSQB":
            depth += 1
            bars.append(0)
            calls.append(kind == "LPAR" and bool(found) and found[-1].type == "FUNC")
        elif kind == "RPAR" or kind == "RSQB":
            depth = max(depth - 1, 0)
            bars.pop()
            calls.pop()
            if not bars:
                bars.append(0)
                calls.append(False)
        elif kind == "PRIME":
            _check_prime(tokens, i, text, known)
        elif kind == "OPEN_BAR":
            closes = bool(bars[-1] and found and found[-1].type in VALUE_ENDS)
            bars[-1] += -1 if closes else 1
            depth += -1 if closes else 1
            token = token._replace(type="CLOSE_BAR") if closes else token
        elif kind == "END":
            if token.text == ";":
                bars, calls, depth = [0], [False], 0
            if not found or (token.text == "\n" and (depth or found[-1].type in _UNFINISHED)):
                continue
        elif kind == "COMMA" and depth == 0:
            if found and found[-1].type == "NUMBER" and _is_inside_number(tokens, i):
                raise _comma_in_number(tokens, i, text)
            token = token._replace(type="END")
        found.append(token)
    return found


class Known(NamedTuple):
    """The names that have a meaning in a text, beside the primitives."""

    variables: frozenset[str]
    functions: frozenset[str]


def _definitions(tokens: list[Token], bound: Collection[str]) -> tuple[dict[int, str], Known]:
    """Where statements begin with what they define (TARGET or HEAD), and the names that are known by it."""
    heads: dict[int, str] = {}
    variables, functions, parameters = set(bound), set(), set()
    beginning, depth = True, 0
    for i, token in enumerate(tokens):
        if token.type == "LPAR" or token.type == "LSQB":
            depth += 1
        elif token.type == "RPAR" or token.type == "RSQB":
            depth -= 1
        elif beginning and token.type == "NAME" and i + 1 < len(tokens):
            if tokens[i + 1].type == "ASSIGN":
                heads[i] = "TARGET"
                variables.add(token.text)
            elif tokens[i + 1].type == "LPAR":
                inside = _parameters(tokens, i + 2)
                if inside is not None:
                    heads[i] = "HEAD"
                    functions.add(token.text)
                    parameters.update(inside)
        ends = token.type == "END" and token.text == ";"
        beginning = (token.type == "END" or token.type == "COMMA") and (depth <= 0 or ends)
        if ends:
            depth = 0
    return heads, Known(frozenset(variables | parameters), frozenset(functions))


def _parameters(tokens: list[Token], i: int) -> list[str] | None:
    """The names of `a, b) =` from position i on, or None if the tokens there are not of that form."""
    found = []
    while i + 1 < len(tokens) and tokens[i].type == "NAME":
        found.append(tokens[i].text)
        if tokens[i + 1].type == "COMMA":
            i += 2
        else:
            following = tokens[i + 2].type if i + 2 < len(tokens) else ""
            return found if tokens[i + 1].type == "RPAR" and following == "ASSIGN" else None
    return None


def _called(token: Token, text: str, known: Known, functions: Collection[str]) -> str:
    """Whether `name(` is a call or a product: FUNC or NAME."""
    name, span = token.text, Span(token.start, token.end)
    if name in known.functions:
        return "FUNC"
    if name in functions:
        if name not in known.variables:
            return "FUNC"
        if name == "sigma":
            return "NAME"
        raise BackpropError(
            f"{name}( can be read in two ways, since {name} is both a function and a variable here",
            source=text,
            span=span,
            hint=f"for the product write {name}*( ... ); for the function give the variable another name",
        )
    if name in known.variables or name in primitives.CONSTANTS:
        return "NAME"
    if names.is_short(name) and name not in {"f", "g", "h"}:
        return "NAME"
    # What only other rules call is never meant.
    table = primitives.spellings()
    offered = [spelling for spelling in table if not all([entry.helper for entry in table[spelling]])]
    near = names.closest(name, {*offered, *FORMS, *known.functions}) if len(name) > 1 else None
    factors = names.split(name, known.variables)
    hint = f"define it, as in {name}(t) = t^2; for a product write {name}*( ... )"
    if factors:
        hint = f"for a product write {'*'.join(factors)}*( ... )"
    elif near:
        hint = f"did you mean {near}?"
    raise BackpropError(f"unknown function '{name}'", source=text, span=span, hint=hint)


FORMS = {
    "sum": "sum(f, k, a, b), the sum of f for k = a to b",
    "prod": "prod(f, k, a, b), the product of f for k = a to b",
    "diff": "diff(f, x), the derivative of f by x; diff(f, x, x) or diff(f, x, 2) the second",
}
"""What is called like a function but takes more than values, and how it is written."""


@functools.cache
def _callable() -> Mapping[str, tuple[Primitive, ...]]:
    """What may be called, with the primitives that it may mean."""
    return {**primitives.spellings(), **dict.fromkeys(FORMS, ())}


def _is_function(name: str, known: Known, functions: Mapping[str, tuple[Primitive, ...]]) -> bool:
    """Whether a name that no bracket follows is a function's: bound ones and sigma alone are variables."""
    if name in known.variables:
        return False
    return name in known.functions or (name in functions and name != "sigma")


def _without_brackets(tokens: list[Token], i: int, text: str) -> str:
    """How a function's name goes on without a bracket: `sin x`, `sin^2 x`, `sin^2(x)`."""
    if not _may_stand_bare(tokens[i].text):
        raise _without_argument(tokens, i, text)
    after = i + 1
    if after < len(tokens) and tokens[after].type == "PRIME":
        raise _derivative(tokens[i], tokens[after], text)
    powered = after < len(tokens) and tokens[after].type in {"POWER", "SUPERSCRIPT"}
    if powered and tokens[after].type == "POWER":
        after += 1
        after += after < len(tokens) and tokens[after].type == "MINUS"
        if after >= len(tokens) or tokens[after].type != "NUMBER":
            raise _without_argument(tokens, i, text)
    after += powered
    following = tokens[after].type if after < len(tokens) else ""
    # A bar that follows opens, unless it closes one that is open before the name; `|sin|` is no value either way.
    if following not in _VALUE_BEGINS and following != "OPEN_BAR":
        raise _without_argument(tokens, i, text)
    if powered:
        return "POWERED_FUNC" if following == "LPAR" else "POWERED_PREFIX"
    return "PREFIX"


def _check_prime(tokens: list[Token], i: int, text: str, known: Known) -> None:
    """Refuse `f'(x)`, unless the name before the prime is a variable's."""
    if i + 1 == len(tokens) or tokens[i + 1].type != "LPAR":
        return
    before = i - 1
    while before >= 0 and tokens[before].type == "PRIME":
        before -= 1
    if before >= 0 and tokens[before].type == "NAME" and tokens[before].text not in known.variables:
        instead = f"; for a product with the transpose write {tokens[before].text}'*( ... )"
        raise _derivative(tokens[before], tokens[i], text, instead)


def _derivative(name: Token, prime: Token, text: str, instead: str = "") -> BackpropError:
    return BackpropError(
        f"{name.text}{prime.text} is a derivative, which is what this program computes",
        source=text,
        span=Span(name.start, prime.end),
        hint=f"give the function itself, or write diff({name.text}(x), x) inside a formula{instead}",
    )


@functools.lru_cache(1024)
def _may_stand_bare(name: str) -> bool:
    """Whether a function may be written without brackets: one of its own that takes one value, or a user's."""
    entries = primitives.spellings().get(name)
    return name not in FORMS and (not entries or any([entry.takes(1) and not entry.variadic for entry in entries]))


def _without_argument(tokens: list[Token], i: int, text: str) -> BackpropError:
    """What to say of a function's name that stands without `(`; what follows it shows what was meant."""
    name, following = tokens[i].text, tokens[i + 1 : i + 3]
    entries = primitives.spellings().get(name)
    call = f"{name}({', '.join(entries[0].names if entries else 't')})"
    hint = f"write {call}" + (f", or give a variable of that name a value, as in -v {name}=1" if entries else "")
    if following and following[0].type == "MINUS" and len(following) > 1:
        hint = hint.replace(call, f"{name}(-{following[1].text})")
    if name in FORMS:
        hint = f"write {name}(A) for an array, or {FORMS[name]}" if entries else f"write {FORMS[name]}"
    elif entries and following:
        power = following[0].text.translate(names.SUPERSCRIPTS)
        if following[0].type == "POWER":
            power = "".join([token.text for token in following[1:]])
        if following[0].type in {"POWER", "SUPERSCRIPT"}:
            hint = f"the power stands behind the argument: {call}^{power if power.isdecimal() else 2}"
            if power.startswith("-"):
                inverse = f"arc{name}" in primitives.spellings()
                hint = f"for the reciprocal write 1/{call}" + (f", for the inverse arc{name}" if inverse else "")
        elif following[0].type in {"NAME", "NUMBER"}:
            hint = f"write {call}"
    return BackpropError(
        f"{name} is a function and needs its argument in parentheses",
        source=text,
        span=Span(tokens[i].start, tokens[i].end),
        hint=hint,
    )


def _follows_a_number(tokens: list[Token], i: int) -> bool:
    return i > 0 and tokens[i - 1].type == "NUMBER" and tokens[i - 1].end == tokens[i].start


_GROUP = r"(_[0-9]+)+\Z"


def _grouped(number: Token, group: Token, text: str) -> BackpropError:
    digits = f"{number.text}{group.text}"
    return BackpropError(
        f"{digits} is not a number: digits are not grouped by _",
        source=text,
        span=Span(number.start, group.end),
        hint=f"write {digits.replace('_', '')}",
    )


def _is_inside_number(tokens: list[Token], i: int) -> bool:
    """Whether the comma at position i stands between digits, without a space."""
    before, after = tokens[i - 1], tokens[i + 1] if i + 1 < len(tokens) else None
    return (
        after is not None and after.type == "NUMBER" and before.end == tokens[i].start and tokens[i].end == after.start
    )


def _comma_in_number(tokens: list[Token], i: int, text: str) -> BackpropError:
    before, after = tokens[i - 1], tokens[i + 1]
    grouped = before.text.isdigit() and len(after.text.partition(".")[0]) == 3
    hint = "write it with one dot and no comma"
    if grouped:
        hint = f"write {before.text}{after.text}"
    elif before.text.isdigit() and after.text.isdigit():
        hint = f"write {before.text}.{after.text}"
    if grouped and after.text.isdigit():
        hint += f", or {before.text}.{after.text} if the comma is a decimal comma"
    return BackpropError(
        f"{before.text},{after.text} is not a number: "
        + ("digits are not grouped by commas" if grouped else "its decimals stand after a dot"),
        source=text,
        span=Span(before.start, after.end),
        hint=hint,
    )
