"""SQL: a SELECT over a table, for DuckDB; each row of it gets the value and the derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras.kernel_symbols import CONDITIONS, SELECT
from backpropcli.errors import BackpropError
from backpropcli.exporting import Rows
from backpropcli.graph import CONSTANT, VARIABLE, Node, number_of
from backpropcli.records import NamedTuple

OF_ROWS = True

TABLE = "points"
"""The table that is read; it has a column for each variable."""


SELECTS = 200
"""The most selects one after the other: what a database needs to plan them grows with their square."""


class _Layout(NamedTuple):
    """A part that is written longer, or nested deeper, gets a column of its own."""

    longest: int
    deepest: int
    steps: int
    """The most selects one after the other."""


# The first is for reading; what takes more selects is laid out in as few as can be.
_LAYOUTS = (_Layout(100, 8, 24), _Layout(4_000, 100, SELECTS))

# No variable's name has a space in it.
_ROW = '"a row"'
_KNOWN = '"has a value"'

_INF = "CAST('Infinity' AS DOUBLE)"
_NAN = "CAST('NaN' AS DOUBLE)"


class Argument(NamedTuple):
    """What a kernel is applied to: its text, and what is known of its values in every row."""

    text: str
    number: float | None = None
    """Of a constant."""
    finite: bool = False
    """Whether it is neither infinite nor nan; it may be NULL."""
    positive: bool = False
    """Whether it is greater than 0, or nan."""
    asked: str = ""
    """`positive` or `nonzero` where it has to be for the row to have a value."""

    def __str__(self) -> str:
        return self.text


class Form(NamedTuple):
    """How a kernel is written."""

    text: Callable[..., str]
    """Of its arguments."""
    repeats: bool = False
    """Whether arguments stand in it more than once, and are to be short."""


# Rows that are outside of a function's domain fail a whole query in some versions and settings of databases; so
# functions are asked only where they have a value.


def _called(name: str) -> Form:
    return Form(lambda *args: f"{name}({', '.join([arg.text for arg in args])})")


def _between(sign: str) -> Form:
    return Form(lambda a, b: f"({a} {sign} {b})")


def _div(a: Argument, b: Argument) -> str:
    if b.number or b.positive:
        return f"({a} / {b})"
    if b.asked:
        return f"({a} / NULLIF({b}, 0e0))"
    return f"CASE WHEN {b} = 0e0 THEN {a} * {_signed(_INF, b.text)} ELSE {a} / {b} END"


def _log(name: str) -> Form:
    def text(a: Argument) -> str:
        if a.positive:
            return f"{name}({a})"
        if a.asked == "positive":
            return f"{name}(CASE WHEN {a} > 0e0 THEN {a} END)"
        return f"CASE WHEN {a} > 0e0 THEN {name}({a}) WHEN {a} = 0e0 THEN -{_INF} ELSE {_NAN} END"

    return Form(text, repeats=True)


def _inside(
    name: str, condition: Callable[[Argument], str], outside: Callable[[Argument], str] = lambda a: _NAN
) -> Form:
    """A function of a part of the line."""
    return Form(lambda a: f"CASE WHEN {condition(a)} THEN {name}({a}) ELSE {outside(a)} END", repeats=True)


def _periodic(name: str) -> Form:
    guarded = _inside(name, lambda a: f"abs({a}) < {_INF}")
    return Form(lambda a: f"{name}({a})" if a.finite else guarded.text(a), repeats=True)


def _sqrt(a: Argument) -> str:
    # The root of -0 is -0 in databases.
    if a.positive:
        return f"sqrt({a})"
    return f"CASE WHEN {a} > 0e0 THEN sqrt({a}) WHEN {a} = 0e0 THEN 0e0 ELSE {_NAN} END"


def _signed(size: str, a: str) -> str:
    """A size with the sign of a number, of a zero too."""
    return f"CASE WHEN signbit({a}) THEN -{size} ELSE {size} END"


def _expm1(a: Argument) -> str:
    # exp(a) - 1 cancels below 1; a product of functions that do not has few roundings.
    half = f"(0.5e0 * {a})"
    return (
        f"CASE WHEN abs({a}) < 1e-16 THEN {a} WHEN abs({a}) < 1e0 THEN 2e0 * sinh({half}) * exp({half})"
        f" ELSE exp({a}) - 1e0 END"
    )


def _log1p(a: Argument) -> str:
    # What 1 + a loses is added back, over 1 + a (Goldberg 1991, Theorem 4, in the form of a correction).
    one = f"(1e0 + {a})"
    return (
        f"CASE WHEN abs({a}) < 1e-16 OR {a} = {_INF} THEN {a}"
        f" WHEN {a} > -1e0 THEN ln({one}) + ({a} - ({one} - 1e0)) / {one}"
        f" WHEN {a} = -1e0 THEN -{_INF} ELSE {_NAN} END"
    )


def _pow(a: Argument, b: Argument) -> str:
    plain = f"power({a}, {b})"
    if (b.number or -1.0) >= 0.0 or a.number or a.positive:
        return plain
    pole = _signed(_INF, f"power({a}, -{b})")
    return f"CASE WHEN {a} = 0e0 AND {b} < 0e0 THEN {pole} ELSE {plain} END"


def _hypot(a: Argument, b: Argument) -> str:
    largest, least = f"greatest(abs({a}), abs({b}))", f"least(abs({a}), abs({b}))"
    ratio = f"({least} / {largest})"
    return (
        f"CASE WHEN abs({a}) = {_INF} OR abs({b}) = {_INF} THEN {_INF}"
        f" WHEN {largest} BETWEEN 1e-140 AND 1e150 THEN sqrt({a} * {a} + {b} * {b})"
        f" WHEN {largest} > 0e0 THEN {largest} * sqrt(1e0 + {ratio} * {ratio}) ELSE 0e0 END"
    )


def _mod(a: Argument, b: Argument) -> str:
    rest = f"({a} % {b})"
    return (
        f"CASE WHEN {b} = 0e0 OR NOT abs({a}) < {_INF} THEN {_NAN}"
        f" WHEN {rest} <> 0e0 AND ({rest} < 0e0) <> ({b} < 0e0) THEN {rest} + {b} ELSE {rest} END"
    )


def _round(a: Argument) -> str:
    # From 2^52 on every number is whole, and below adding it rounds half to even.
    size = f"((abs({a}) + 4503599627370496e0) - 4503599627370496e0)"
    return f"CASE WHEN abs({a}) < 4503599627370496e0 THEN {_signed(size, a.text)} ELSE {a} END"


def _extreme(sign: str) -> Form:
    return Form(
        lambda a, b: f"CASE WHEN isnan({a}) OR isnan({b}) THEN {_NAN} WHEN {a} {sign} {b} THEN {a} ELSE {b} END",
        repeats=True,
    )


def _relation(sign: str, *, nan: int) -> Form:
    """A comparison. Databases sort nan as the largest number, and equal to itself; here it is in no relation."""

    def text(*args: Argument) -> str:
        plain = f"{args[0]} {sign} {args[1]}"
        return f"({plain})" if args[nan].finite else f"({plain} AND NOT isnan({args[nan]}))"

    return Form(text, repeats=True)


def _equal(a: Argument, b: Argument) -> str:
    return f"({a} = {b})" if a.finite or b.finite else f"({a} = {b} AND NOT isnan({a}))"


def _unequal(a: Argument, b: Argument) -> str:
    return f"({a} <> {b})" if a.finite or b.finite else f"({a} <> {b} OR isnan({a}))"


FORMS: dict[str, Form] = {
    "add": _between("+"),
    "sub": _between("-"),
    "mul": _between("*"),
    "div": Form(_div, repeats=True),
    "neg": Form(lambda a: f"(-{a})"),
    "abs": _called("abs"),
    "exp": _called("exp"),
    "exp2": Form(lambda a: f"power(2e0, {a})"),
    "expm1": Form(_expm1, repeats=True),
    "log": _log("ln"),
    "log2": _log("log2"),
    "log10": _log("log10"),
    "log1p": Form(_log1p, repeats=True),
    "pow": Form(_pow, repeats=True),
    "sqrt": Form(_sqrt, repeats=True),
    "cbrt": _called("cbrt"),
    "hypot": Form(_hypot, repeats=True),
    **{name: _periodic(name) for name in ("sin", "cos", "tan")},
    **{name: _inside(name, lambda a: f"{a} BETWEEN -1e0 AND 1e0") for name in ("asin", "acos")},
    **{name: _called(name) for name in ("atan", "atan2", "sinh", "cosh", "tanh", "asinh")},
    "acosh": _inside("acosh", lambda a: f"{a} >= 1e0"),
    "atanh": _inside(
        "atanh", lambda a: f"abs({a}) < 1e0", lambda a: f"CASE WHEN abs({a}) = 1e0 THEN {a} * {_INF} ELSE {_NAN} END"
    ),
    "mod": Form(_mod, repeats=True),
    "floor": _called("floor"),
    "ceil": _called("ceil"),
    "round": Form(_round, repeats=True),
    "copysign": Form(lambda a, b: _signed(f"abs({a})", b.text), repeats=True),
    "max": _extreme(">="),
    "min": _extreme("<="),
    "lt": _relation("<", nan=1),
    "le": _relation("<=", nan=1),
    "gt": _relation(">", nan=0),
    "ge": _relation(">=", nan=0),
    "eq": Form(_equal, repeats=True),
    "ne": Form(_unequal, repeats=True),
    "and": _between("AND"),
    "or": _between("OR"),
    "not": Form(lambda a: f"(NOT {a})"),
    SELECT: Form(lambda c, a, b: f"CASE WHEN {c} THEN {a} ELSE {b} END"),
}
"""Every kernel that SQL has, over numbers as IEEE 754 has them: none fails, whatever its arguments are."""

TRUTHS: dict[str, tuple[int, ...]] = {"and": (0, 1), "or": (0, 1), "not": (0,), SELECT: (0,)}
"""By kernel the positions of arguments that are true or false, and no numbers."""


class _Part(NamedTuple):
    """A node as it is written where it is used."""

    text: str
    step: int = 0
    """The first select that may use it."""
    depth: int = 0
    truth: bool = False
    """Whether it is true or false, and no number."""
    number: float | None = None
    finite: bool = False
    sign: int = 0
    """2 where it is positive, 1 where it is not negative; nan may be either."""


def write(rows: Rows) -> str:
    """The SELECT. A row without a value, or with NULL, inf or nan in a column that is used, gets NULL everywhere.

    Parts that are used more than once are columns of selects below each other, so that it is linear in the program.
    Raises BackpropError for a kernel that SQL lacks, for variables that it does not tell apart, and for formulas that
    take too many selects one after the other.
    """
    _check(rows)
    steps, parts = _laid_out(rows)
    columns = [_quoted(str(node.attribute)) for node in rows.nodes if node.op == VARIABLE]
    values = [_number(parts[i]) for i in rows.outputs[: rows.values] if not parts[i].finite]
    asked = [f"{name} IS NOT NULL" for name in columns] + [f"isfinite({text})" for text in values]
    asked += [_truth(parts[i]) for i in rows.domain]
    written = [_ROW, *[f"CASE WHEN isfinite({_cast(name)}) THEN {_cast(name)} END AS {name}" for name in columns]]
    selects = [_select(written, f"{TABLE} AS {_ROW}", "  ")]
    steps.append([f"{' AND '.join(asked or ['TRUE'])} AS {_KNOWN}"])
    for k, made in enumerate(steps):
        selects.append(_select(["*", *made], f'"step {k}"', "  "))
    found = [
        f"CASE WHEN {_KNOWN} THEN {_number(parts[i])} END AS {_quoted(name)}"
        for i, name in zip(rows.outputs, rows.names, strict=True)
    ]
    chain = ", ".join([f'"step {k}" AS (\n{select}\n)' for k, select in enumerate(selects)])
    return f"WITH {chain}\n" + _select([f"{_ROW}.*", *found], f'"step {len(steps)}"', "")


def _cast(name: str) -> str:
    return f"CAST({name} AS DOUBLE)"


def _select(columns: Sequence[str], source: str, indent: str) -> str:
    listed = f",\n{indent}  ".join(columns)
    return "\n".join([f"{indent}SELECT {listed}", f"{indent}FROM {source}"])


def _check(rows: Rows) -> None:
    seen: dict[str, str] = {}
    for node in rows.nodes:
        if node.op == VARIABLE:
            name = str(node.attribute)
            other = seen.setdefault(name.lower(), name)
            if other != name:
                raise BackpropError(
                    f"SQL takes {other} and {name} for the same column", hint="give one of them another name"
                )
        elif node.op != CONSTANT and node.op not in FORMS:
            kernel = primitives.TABLE[node.op].name
            raise BackpropError(
                f"{kernel} is not in SQL, and the formula or its derivative is made of it",
                hint="`backprop map` computes it for every row of a file",
            )


def _laid_out(rows: Rows) -> tuple[list[list[str]], list[_Part]]:
    for layout in _LAYOUTS:
        steps, parts = _steps(rows, layout)
        if len(steps) <= layout.steps:
            return steps, parts
    raise BackpropError(
        f"in SQL the formula takes {len(steps):,} selects one after the other, and the limit is {layout.steps}",
        hint="`backprop map` computes formulas of any length for every row of a file",
    )


def _steps(rows: Rows, layout: _Layout) -> tuple[list[list[str]], list[_Part]]:
    """The columns that each select adds, and how every node is written."""
    uses, short = _uses(rows)
    prefix = _prefix([str(node.attribute) for node in rows.nodes if node.op == VARIABLE])
    asked = _asked(rows)
    steps: list[list[str]] = []
    parts: list[_Part] = []
    made = 0
    for i, node in enumerate(rows.nodes):
        part = _part(node, parts, asked)
        atom = node.op in (VARIABLE, CONSTANT)
        long = len(part.text) > layout.longest or part.depth > layout.deepest
        if not atom and (uses[i] > 1 or short[i] or long):
            if part.step == len(steps):
                steps.append([])
            made += 1
            name = f"{prefix}{made}"
            steps[part.step].append(f"{_bare(part.text)} AS {name}")
            part = part._replace(text=name, step=part.step + 1, depth=0)
        parts.append(part)
    return steps, parts


def _uses(rows: Rows) -> tuple[list[int], list[bool]]:
    """By node, how often it is used, and whether it has to be short."""
    uses, short = [0] * len(rows.nodes), [False] * len(rows.nodes)
    for op, args, _ in rows.nodes:
        for j in args:
            uses[j] += 1
            short[j] = short[j] or FORMS[op].repeats
    for i in (*rows.outputs, *rows.domain):
        uses[i] += 1
    # The value is asked for its finiteness, too.
    for i in rows.outputs[: rows.values]:
        uses[i] += 1
    return uses, short


def _asked(rows: Rows) -> dict[int, str]:
    """By node what has to hold for the row to have a value, as far as it is this simple."""
    found: dict[int, str] = {}
    for i in rows.domain:
        op, args, _ = rows.nodes[i]
        for j, other in (args, args[::-1]) if len(args) == 2 else ():
            node = rows.nodes[other]
            if op in _ASKED and node.op == CONSTANT and number_of(node.attribute) == 0.0:
                sense = _ASKED[op]
                if sense == "nonzero" or (op == "gt") == (j == args[0]):
                    found[j] = sense
    return found


_ASKED = {"ne": "nonzero", "gt": "positive", "lt": "positive"}


def _part(node: Node, parts: Sequence[_Part], asked: Mapping[int, str]) -> _Part:
    op, args, attribute = node
    if op == VARIABLE:
        return _Part(_quoted(str(attribute)), finite=True)
    if op == CONSTANT:
        number = number_of(attribute)
        sign = 2 if number > 0.0 else 1 if number == 0.0 else 0
        return _Part(_constant(number), number=number, finite=math.isfinite(number), sign=sign)
    truths = TRUTHS.get(op, ())
    taken = []
    for k, j in enumerate(args):
        part = parts[j]
        text = _truth(part) if k in truths else _number(part)
        taken.append(Argument(text, part.number, part.finite or part.truth, part.sign == 2, asked.get(j, "")))
    return _Part(
        FORMS[op].text(*taken),
        max([parts[j].step for j in args]),
        1 + max([parts[j].depth for j in args]),
        op in CONDITIONS,
        sign=_sign(op, [parts[j].sign for j in args]),
    )


def _sign(op: str, signs: Sequence[int]) -> int:
    """What is known of a result's sign, given those of the arguments; what is positive may have been rounded to 0."""
    if op in ("abs", "exp"):
        return 1
    if op == "cosh":
        return 2
    if op == "add":
        return max(signs) if min(signs) else 0
    if op == SELECT:
        return min(signs[1:])
    return 1 if op in ("mul", "div") and min(signs) else 0


def _number(part: _Part) -> str:
    return f"CASE WHEN {part.text} THEN 1e0 ELSE 0e0 END" if part.truth else part.text


def _truth(part: _Part) -> str:
    return part.text if part.truth else f"({part.text} <> 0e0)"


def _bare(text: str) -> str:
    """The text without the parentheses around the whole of it."""
    depth, quoted = 0, False
    for k, character in enumerate(text):
        quoted ^= character == '"'
        if not quoted:
            depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[1:-1] if text.startswith("(") and k == len(text) - 1 else text
    return text


def _constant(number: float) -> str:
    """Every digit; with an exponent, since a number without one is a decimal."""
    if not math.isfinite(number):
        return _NAN if math.isnan(number) else f"(-{_INF})" if number < 0.0 else _INF
    text = repr(number).removesuffix(".0")
    text = text if "e" in text else f"{text}e0"
    return f"({text})" if text.startswith("-") else text


def _quoted(name: str) -> str:
    """A name as SQL takes any."""
    return '"' + name.replace('"', '""') + '"'


def _prefix(variables: Sequence[str]) -> str:
    """What the names of parts begin with; no variable is such a name."""
    prefix = "v"
    while any([name.lower().startswith(prefix) and name[len(prefix) :].isdigit() for name in variables]):
        prefix += "_"
    return prefix
