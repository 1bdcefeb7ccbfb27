"""Terms: what the grammar's callbacks build, as a flat list. No trees, so that depth costs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import Attribute, Literal, literal_of
from backpropcli.language import names
from backpropcli.language.tokens import Token
from backpropcli.primitives import Primitive
from backpropcli.records import NamedTuple

NUMBER, NAME, CALL = "number", "name", "call"
STACK, INDEX, SLICE, TRANSPOSE = "stack", "index", "slice", "transpose"
CALLED = "("
"""What is put behind the name of a function that nobody defines, in what is said of derivatives."""
UNKNOWN = "/"
"""The name of a derivative that is none of a name by names; of others it is f/x."""

MAX_AXES = 32
# The rules of a stack are one for each of its entries. Arrays of numbers alone are no stacks, and have no such limit.
MAX_ENTRIES = 10_000


class Term(NamedTuple):
    """A number or an array of numbers, a name, a primitive or a call, over terms that stand before it."""

    op: str
    """`number`, `name`, `call`, or a primitive's name."""
    args: tuple[int, ...]
    payload: Attribute
    """The number, or the array as nested tuples; the name of a variable or of the function that is called."""
    span: Span


def is_left_out(term: Term) -> bool:
    """Whether a bound of a slice, or a limit of a sum, is not written."""
    return term.op == NUMBER and term.payload == math.inf


class Statement(NamedTuple):
    """One statement: its terms stand between `first` and `value`, both included."""

    name: str | None
    """What it defines; None for the output."""
    parameters: tuple[str, ...] | None
    """Of a function; None for a definition."""
    first: int
    value: int
    span: Span
    """The place of the name that is defined, or of the whole expression."""
    commas: bool = False
    """Whether a comma separates it from the statement before."""
    slope: bool = False
    """Whether it says what a derivative is of something that the text does not have: an output, be it a number."""


def bindings_of(
    terms: Sequence[Term], statements: Sequence[Statement], functions: Collection[str], bound: Collection[str]
) -> dict[str, Statement]:
    """The definitions that stand for a number, by their names."""
    definitions = {s.name: s for s in statements if s.name is not None and s.parameters is None and not s.slope}
    if not definitions:
        return {}
    # What a binding may use: the constants that nobody gives another value, and the functions of the table.
    constants = primitives.CONSTANTS.keys() - bound - {statement.name for statement in statements}
    calls = primitives.spellings().keys() - functions
    return {name: s for name, s in definitions.items() if _is_constant(terms, s, constants, calls)}


def _is_constant(
    terms: Sequence[Term], statement: Statement, constants: Collection[str], calls: Collection[str]
) -> bool:
    """Whether a statement stands for a number: it uses these constants only, and calls these functions only."""
    for op, _, payload, _ in terms[statement.first : statement.value + 1]:
        if (op == NAME and payload not in constants) or (op == CALL and payload not in calls):
            return False
    return True


class Undecided(NamedTuple):
    """A sign whose operation is known as soon as shapes are: of arrays it is another one than of numbers."""

    sign: str
    """`beside`, `dot`, `power` or `bars`."""
    lying: tuple[bool, bool] = (False, False)
    """Of either side, whether it is a row that the text writes out."""


def mark_of(place: Span) -> str:
    """What keeps the nodes of a place apart from all others in a graph that is made for `passes.bind`."""
    return f"{place.start}:{place.end}"


class Equation(NamedTuple):
    """What a text says a value is equal to: a statement of its own, compared with the value at every point."""

    of: int
    """The statement whose value it is, by its position."""
    member: Statement
    decimals: int | None
    """The decimals of a number that was written rounded; None for a formula."""
    sign: str = "="
    """= or ≈."""
    own: int | None = None
    """The decimals of the value itself, where it is such a number."""


class Claim(NamedTuple):
    """What a text says of derivatives: members that are to be equal. A derivative in them is a name such as f/x."""

    members: tuple[Statement, ...]
    decimals: tuple[int | None, ...]
    sign: str
    span: Span
    indices: tuple[tuple[str, int], ...] = ()
    """The letters in it that stand for every index, and the numbers that they have here."""
    others: bool = False
    """Whether it stands for all indices that are too many to be compared one by one."""


class Value(NamedTuple):
    """What the parser holds for an expression: its term, its place, and how it was written."""

    term: int
    start: int
    end: int
    juxtaposed: tuple[int, int] | None = None
    """The two factors where this is a product written without a sign, not in brackets."""
    number: float | None = None
    """The number, where this is a bare one: a sign before it belongs to it."""
    shape: tuple[int, ...] | None = None
    """Of a number or an array of numbers, in brackets or not, how many entries it has along each axis."""
    axes: int = 0
    """How many brackets of arrays stand directly around its entries."""


class _Bounds(NamedTuple):
    """What the parser holds for a slice in an index that is being read: the terms of its bounds so far."""

    terms: tuple[int, ...]
    start: int
    end: int


class _Slice(NamedTuple):
    """What the parser holds for a slice in an index."""

    term: int
    start: int
    end: int


class _Keyword(NamedTuple):
    """What the parser holds for an argument that is given by its parameter's name."""

    name: Token
    value: Value


_Argument = Value | _Slice | _Keyword


class _Power(NamedTuple):
    """A function's name with a power between it and its argument."""

    function: Token
    exponent: float | None
    """None where the power is -1, and the name already the inverse's."""
    span: Span


# The primitives that are written as a sign between two values, and before one.
_OPERATORS = [entry for entry in primitives.TABLE.values() if entry.operator and not entry.helper]
_BINARY = {entry.operator[0]: entry.name for entry in _OPERATORS if entry.operator and entry.takes(2)}
_UNARY = {entry.operator[0]: entry.name for entry in _OPERATORS if entry.operator and entry.takes(1)}
# What may hold slices when it is called by its name, as the rules of indexing do.
_INDEXING = ("index", "place")
_SAME_SIGN = {"**": "^", "≤": "<=", "≥": ">=", "≠": "!="}


class TermBuilder:
    """The callbacks of the grammar, appending terms and statements to flat lists.

    `functions` gives the functions that the text defines, with their parameters.
    """

    callbacks: Mapping[str, Callable[..., object]]
    """By their names in the grammar, as functions over a builder and a rule's symbols."""

    def __init__(
        self, text: str, bound: Collection[str] = (), functions: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.text = text
        self.bound = bound
        self.functions = functions or {}
        self.terms: list[Term] = []
        self.statements: list[Statement] = []
        self._first = 0

    def _add(self, op: str, args: tuple[int, ...], payload: Attribute, start: int, end: int) -> Value:
        self.terms.append(Term(op, args, payload, Span(start, end)))
        return Value(len(self.terms) - 1, start, end)

    def _primitive(self, op: str, *args: Value, start: int | None = None, end: int | None = None) -> Value:
        start = args[0].start if start is None else start
        end = args[-1].end if end is None else end
        return self._add(op, tuple([value.term for value in args]), None, start, end)

    # Values

    def _number(self, token: Token) -> Value:
        number = float(token.text)
        span = Span(token.start, token.end)
        if math.isinf(number):
            raise self._out_of_range("this number is too large: a double holds at most 1.7976931348623157e308", span)
        if number == 0.0 and any(digit in "123456789" for digit in token.text.lower().partition("e")[0]):
            raise self._out_of_range("this number is too small: the least positive double is 4.94e-324", span)
        return self._add(NUMBER, (), number, token.start, token.end)._replace(number=number, shape=())

    def _out_of_range(self, message: str, span: Span) -> BackpropError:
        hint = "work in other units, or with the number's logarithm"
        return BackpropError(message, source=self.text, span=span, hint=hint)

    def _name(self, token: Token) -> Value:
        return self._add(NAME, (), token.text, token.start, token.end)

    def _group(self, opening: Token, value: Value, closing: Token) -> Value:
        return Value(value.term, opening.start, closing.end, shape=value.shape, axes=value.axes)

    def _call(self, name: Token, _opening: Token, arguments: list[_Argument], closing: Token) -> Value:
        return self._called(name, arguments, closing.end)

    def _first_argument(self, value: _Argument) -> list[_Argument]:
        return [value]

    def _more_arguments(self, values: list[_Argument], _comma: Token, value: _Argument) -> list[_Argument]:
        values.append(value)
        return values

    def _keyword(self, name: Token, _sign: Token, value: Value) -> _Keyword:
        return _Keyword(name, value)

    def _called(self, name: Token, arguments: list[_Argument], end: int) -> Value:
        terms: list[int] = []
        for argument in arguments:
            if isinstance(argument, _Slice) and name.text not in _INDEXING:
                raise BackpropError(
                    "a slice stands in an index only",
                    source=self.text,
                    span=Span(argument.start, argument.end),
                    hint="write it behind what it is a part of, as in x[1:3]",
                )
            if isinstance(argument, _Keyword):
                return self._called_by_name(name, arguments, end)
            terms.append(argument.term)
        return self._add(CALL, tuple(terms), name.text, name.start, end)

    def _called_by_name(self, name: Token, arguments: list[_Argument], end: int) -> Value:
        """A call where some arguments are given by their parameters' names."""
        given = [argument for argument in arguments if not isinstance(argument, _Keyword)]
        keywords = [argument for argument in arguments if isinstance(argument, _Keyword)]
        many = self._of_many(name, keywords)
        op, parameters, defaults = (many.name, many.names[:-1], {}) if many else self._signature(name, keywords)
        if any([isinstance(argument, _Keyword) for argument in arguments[: len(given)]]):
            raise BackpropError(
                f"an argument without a name stands behind {keywords[0].name.text}, which has one",
                source=self.text,
                span=Span(given[-1].start, given[-1].end),
                hint="put the arguments that are given by name last; for a comparison write ==",
            )
        named: dict[str, int] = {}
        for token, value in keywords:
            if token.text in named or (many is None and token.text in parameters[: len(given)]):
                raise self._refused(token, f"{name.text} is given {token.text} twice", "leave out one of the two")
            named[token.text] = value.term
        if many is not None:
            if not given:
                raise self._refused(name, f"{name.text} is not given {many.names[-1]}", "put what it is of first")
            terms = [named[parameter] for parameter in parameters] + [argument.term for argument in given]
            return self._add(op, tuple(terms), None, name.start, end)
        terms = [argument.term for argument in given]
        last = max([parameters.index(key) for key in named])
        for k in range(len(given), len(parameters)):
            key = parameters[k]
            if key in named:
                terms.append(named[key])
            elif key not in defaults:
                usage = f"{name.text}({', '.join(parameters)})"
                raise self._refused(name, f"{name.text} is not given {key}", f"write {usage}")
            elif k < last:
                terms.append(self._add(NUMBER, (), defaults[key], end, end).term)
        return self._add(op, tuple(terms), name.text if op == CALL else None, name.start, end)

    def _of_many(self, name: Token, keywords: Sequence[_Keyword]) -> Primitive | None:
        """The operation on any number of arguments whose other parameters are just those that are given by name."""
        if name.text in self.functions:
            return None
        wanted = {keyword.name.text for keyword in keywords}
        return next((entry for entry in _of_many(name.text) if set(entry.names[:-1]) == wanted), None)

    def _signature(self, name: Token, keywords: Sequence[_Keyword]) -> tuple[str, tuple[str, ...], Mapping[str, float]]:
        """The operation of a call with arguments by name, its parameters, and the values of those it may leave out."""
        choices: list[tuple[str, tuple[str, ...], Mapping[str, float]]]
        if name.text in self.functions:
            choices = [(CALL, tuple(self.functions[name.text]), {})]
        else:
            choices = [
                (entry.name, entry.names, dict(zip(reversed(entry.names), reversed(entry.defaults), strict=False)))
                for entry in primitives.TABLE.values()
                if name.text in (entry.name, entry.written, *entry.aliases) and not entry.variadic
            ]
        wanted = {keyword.name.text for keyword in keywords}
        for choice in choices:
            if wanted.issubset(choice[1]):
                return choice
        known = dict.fromkeys([parameter for choice in choices for parameter in choice[1]])
        known |= dict.fromkeys([parameter for entry in _of_many(name.text) for parameter in entry.names[:-1]])
        wrong = next((keyword for keyword in keywords if keyword.name.text not in known), keywords[-1]).name
        near = names.closest(wrong.text, known)
        shown = f"its parameters are {', '.join(known)}" if known else "its arguments have no names"
        hint = f"did you mean {near}?" if near else f"{shown}; for a comparison write =="
        raise self._refused(wrong, f"{name.text} has no parameter called {wrong.text}", hint)

    def _refused(self, token: Token, message: str, hint: str) -> BackpropError:
        return BackpropError(message, source=self.text, span=Span(token.start, token.end), hint=hint)

    # Arrays

    def _first_row(self, entries: list[Value]) -> list[Value]:
        return [self._row(entries)]

    def _more_rows(self, rows: list[Value], _separator: Token, entries: list[Value]) -> list[Value]:
        rows.append(self._row(entries))
        return rows

    def _row(self, entries: list[Value]) -> Value:
        return self._stacked(entries, entries[0].start, entries[-1].end)

    def _array(self, opening: Token, rows: list[Value], closing: Token) -> Value:
        if len(rows) == 1:
            span = Span(opening.start, closing.end)
            self.terms[rows[0].term] = self.terms[rows[0].term]._replace(span=span)
            return rows[0]._replace(start=opening.start, end=closing.end)
        # Of expressions the shapes are known later, but for how many stand in a row.
        for row in rows:
            count, first = [self._length(value) for value in (row, rows[0])]
            if count != first:
                raise self._ragged(row, f"this row has {_counted(count)}, and the first has {first:,}")
        return self._stacked(rows, opening.start, closing.end)

    def _length(self, row: Value) -> int:
        return row.shape[0] if row.shape else len(self.terms[row.term].args)

    def _stacked(self, entries: list[Value], start: int, end: int) -> Value:
        """The array of these entries: one term where all of them are numbers or arrays of numbers."""
        axes = 1 + max([value.axes for value in entries])
        span = Span(start, end)
        if axes > MAX_AXES:
            hint = "delete brackets that hold one thing only"
            raise BackpropError(f"an array has at most {MAX_AXES} axes", source=self.text, span=span, hint=hint)
        first = entries[0]
        literal = all([value.shape is not None for value in entries])
        for value in entries:
            if literal and value.shape != first.shape:
                raise self._ragged(value, _unequal(value.shape or (), first.shape or ()))
        if literal:
            array: Literal = tuple([self._literal(value.term) for value in entries])
            del self.terms[first.term :]
            shape = (len(entries), *(first.shape or ()))
            return self._add(NUMBER, (), array, start, end)._replace(shape=shape, axes=axes)
        if len(entries) > MAX_ENTRIES:
            raise BackpropError(
                f"this array has {len(entries):,} entries, and the limit for formulas is {MAX_ENTRIES:,}",
                source=self.text,
                span=span,
                hint="give a variable such an array as its value; arrays of numbers have no limit",
            )
        return self._add(STACK, tuple([value.term for value in entries]), None, start, end)._replace(axes=axes)

    def _literal(self, term: int) -> Literal:
        return literal_of(self.terms[term].payload)

    def _ragged(self, value: Value, message: str) -> BackpropError:
        hint = "the entries of an array are of one shape: as many in every row"
        return BackpropError(message, source=self.text, span=Span(value.start, value.end), hint=hint)

    def _transposed(self, value: Value, sign: Token) -> Value:
        return self._primitive(TRANSPOSE, value, end=sign.end)

    def _indexed(self, value: Value, opening: Token, items: list[_Argument], closing: Token) -> Value:
        if value.number is not None:
            number = self.text[value.start : value.end]
            before = self.text[: value.start].rstrip()
            power = before.endswith(("^", "**"))
            hint = "put brackets around the power, as in (x^2)[0]" if power else f"for a product write {number}*[1, 2]"
            span = Span(value.start, opening.end)
            raise BackpropError("a number has no entries", source=self.text, span=span, hint=hint)
        if len(items) > MAX_AXES:
            span, hint = Span(opening.start, closing.end), "give an index for each axis, from the first on"
            raise BackpropError(f"an array has at most {MAX_AXES} axes", source=self.text, span=span, hint=hint)
        terms = [item.term for item in items if not isinstance(item, _Keyword)]
        return self._add(INDEX, (value.term, *terms), None, value.start, closing.end)

    # A slice's bounds are three terms, one behind the other; what is left out is a number without end.

    def _without_start(self, colon: Token) -> _Bounds:
        return _Bounds((self._left_out(colon.start),), colon.start, colon.end)

    def _with_start(self, value: Value, colon: Token) -> _Bounds:
        return _Bounds((value.term,), value.start, colon.end)

    def _without_stop(self, bounds: _Bounds) -> _Bounds:
        return bounds._replace(terms=(*bounds.terms, self._left_out(bounds.end)))

    def _with_stop(self, bounds: _Bounds, value: Value) -> _Bounds:
        return bounds._replace(terms=(*bounds.terms, value.term), end=value.end)

    def _slice_to(self, bounds: _Bounds, *colon: Token) -> _Slice:
        end = colon[0].end if colon else bounds.end
        return self._slice((*bounds.terms, self._left_out(end)), bounds.start, end)

    def _slice_by(self, bounds: _Bounds, _colon: Token, value: Value) -> _Slice:
        return self._slice((*bounds.terms, value.term), bounds.start, value.end)

    def _slice(self, bounds: tuple[int, ...], start: int, end: int) -> _Slice:
        return _Slice(self._add(SLICE, bounds, None, start, end).term, start, end)

    def _left_out(self, place: int) -> int:
        return self._add(NUMBER, (), math.inf, place, place).term

    def _modulus(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._primitive("abs", value, start=opening.start, end=closing.end)

    def _factorial(self, value: Value, sign: Token) -> Value:
        return self._add(CALL, (value.term,), "factorial", value.start, sign.end)

    # Functions without brackets, and their powers

    def _applied(self, name: Token, value: Value) -> Value:
        self._refuse_ambiguous(name.text, value)
        return self._add(CALL, (value.term,), name.text, name.start, value.end)

    def _argument_product(self, left: Value, right: Value) -> Value:
        product = self._primitive(_BINARY["*"], left, right)
        return product._replace(juxtaposed=None if left.number is not None else (left.end, right.start))

    def _refuse_ambiguous(self, name: str, value: Value) -> None:
        """`sin x y`: only a number may stand before the one factor that a function without brackets takes."""
        if value.juxtaposed is None:
            return
        first = self._clipped(value.start, value.juxtaposed[0])
        second = self._clipped(value.juxtaposed[1], value.end)
        raise BackpropError(
            f"{name} {first} {second} can be read in two ways",
            source=self.text,
            span=Span(value.start, value.end),
            hint=f"write {name}({first}*{second}) or {name}({first})*{second}",
        )

    def _power_of(self, name: Token, *power: Token) -> _Power:
        digits = power[-1].text.translate(names.SUPERSCRIPTS)
        if digits.startswith("-"):
            return self._inverse(name, digits[1:], power[-1].end)
        number = float(digits)
        if not number.is_integer() or number < 1.0:
            raise self._no_power(name, power[-1].end)
        return _Power(name, number, Span(power[-1].start, power[-1].end))

    def _inverse_of(self, name: Token, _sign: Token, _minus: Token, number: Token) -> _Power:
        return self._inverse(name, number.text, number.end)

    def _inverse(self, name: Token, digits: str, end: int) -> _Power:
        inverse = next((text for text in (f"a{name.text}", f"{name.text}inv") if primitives.find(text, 1)), None)
        if digits != "1" or inverse is None:
            raise self._no_power(name, end, reciprocal=digits == "1")
        return _Power(name._replace(text=inverse), None, Span(name.start, end))

    def _no_power(self, name: Token, end: int, *, reciprocal: bool = False) -> BackpropError:
        written = self.text[name.start : end]
        return BackpropError(
            f"{written} can be read in several ways: only whole powers from 1 on, and -1 for an inverse, stand there",
            source=self.text,
            span=Span(name.start, end),
            hint=f"for the reciprocal write 1/{name.text}(x)"
            if reciprocal
            else f"put the power behind the argument, as in {name.text}(x)^(-2)",
        )

    def _powered_call(self, power: _Power, _opening: Token, arguments: list[_Argument], closing: Token) -> Value:
        return self._raised_call(power, arguments, closing.end)

    def _powered_applied(self, power: _Power, value: Value) -> Value:
        self._refuse_ambiguous(power.function.text, value)
        return self._raised_call(power, [value], value.end)

    def _raised_call(self, power: _Power, arguments: list[_Argument], end: int) -> Value:
        name = power.function
        call = self._called(name, arguments, end)
        if power.exponent is None:
            return call
        exponent = self._add(NUMBER, (), power.exponent, power.span.start, power.span.end)
        return self._primitive(_BINARY["^"], call, exponent, end=end)

    # Operators

    def _binary(self, left: Value, sign: Token, right: Value) -> Value:
        return self._primitive(_BINARY[_SAME_SIGN.get(sign.text, sign.text)], left, right)

    def _multiplied(self, left: Value, sign: Token, right: Value) -> Value:
        # W @ x y is refused; a number may stand anywhere in a matrix product.
        if sign.text == "@" and right.juxtaposed and not self._begins_with_number(right):
            self._refuse_two_products(left, sign, right)
        return self._binary(left, sign, right)

    def _begins_with_number(self, product: Value) -> bool:
        """Whether the first of two factors, behind signs, is a number."""
        term = self.terms[product.term]
        while len(term.args) == 1:
            term = self.terms[term.args[0]]
        return self.terms[term.args[0]].op == NUMBER

    def _quotient(self, left: Value, sign: Token, right: Value) -> Value:
        self._refuse_derivative(left, right)
        if right.juxtaposed:
            self._refuse_two_products(left, sign, right)
        return self._binary(left, sign, right)

    def _refuse_two_products(self, left: Value, sign: Token, right: Value) -> None:
        if right.juxtaposed is None:
            return
        first, second = right.juxtaposed
        above, whole = self._clipped(left.start, left.end), self._clipped(right.start, right.end)
        head, tail = self._clipped(right.start, first), self._clipped(second, right.end)
        gap, shown = (" ", "@") if sign.text == "@" else ("", "/")
        raise BackpropError(
            f"{above}{gap}{sign.text}{gap}{whole} can be read in two ways",
            source=self.text,
            span=Span(left.start, right.end),
            hint=f"write {above}{gap}{shown}{gap}({head}*{tail}) or ({above}{gap}{shown}{gap}{head})*{tail}",
        )

    def _refuse_derivative(self, left: Value, right: Value) -> None:
        """`dz/dx` is no quotient of two variables, unless somebody has given both a value."""
        above, below = self.terms[left.term], self.terms[right.term]
        if above.op != NAME or below.op != NAME:
            return
        top, bottom = str(above.payload), str(below.payload)
        if not (top.startswith("d") and bottom.startswith("d") and len(bottom) > 1) or {top, bottom} & set(self.bound):
            return
        raise BackpropError(
            f"{top}/{bottom} is a derivative, which is what this program computes",
            source=self.text,
            span=Span(left.start, right.end),
            hint=f"give the formula itself, or write diff(f, {bottom[1:]}) inside one",
        )

    def _clipped(self, start: int, end: int) -> str:
        text = self.text[start:end].strip()
        return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"

    def _juxtaposed(self, left: Value, right: Value) -> Value:
        product = self._primitive(_BINARY["*"], left, right)
        first = left.juxtaposed[0] if left.juxtaposed else left.end
        second = left.juxtaposed[1] if left.juxtaposed else right.start
        return product._replace(juxtaposed=(first, second))

    def _negative(self, sign: Token, value: Value) -> Value:
        if value.number is not None:
            self.terms[value.term] = Term(NUMBER, (), -value.number, Span(sign.start, value.end))
            return Value(value.term, sign.start, value.end, number=-value.number, shape=())
        made = self._primitive(_UNARY["-"], value, start=sign.start)
        return made._replace(juxtaposed=value.juxtaposed)

    def _positive(self, sign: Token, value: Value) -> Value:
        return value._replace(start=sign.start)

    def _raised(self, base: Value, sign: Token, exponent: Value) -> Value:
        return self._binary(base, sign, exponent)

    def _superscripted(self, base: Value, token: Token) -> Value:
        digits = token.text.translate(names.SUPERSCRIPTS)
        if len(digits) > 300:
            span = Span(token.start, token.end)
            raise self._out_of_range("this exponent is too long for a number", span)
        exponent = self._add(NUMBER, (), float(digits), token.start, token.end)
        return self._primitive(_BINARY["^"], base, exponent)

    def _logic(self, left: Value, word: Token, right: Value) -> Value:
        return self._primitive(_BINARY[word.text], left, right)

    def _negated(self, word: Token, value: Value) -> Value:
        return self._primitive(_UNARY[word.text], value, start=word.start)

    def _choice(self, condition: Value, _mark: Token, then: Value, _colon: Token, other: Value) -> Value:
        return self._primitive("if", condition, then, other)

    def _first_relation(self, left: Value, sign: Token, right: Value) -> tuple[Value, Value]:
        """The relation so far, and the value that the next one compares with."""
        return self._binary(left, sign, right), right

    def _more_relations(self, so_far: tuple[Value, Value], sign: Token, right: Value) -> tuple[Value, Value]:
        relation = self._binary(so_far[1], sign, right)
        return self._primitive(_BINARY["and"], so_far[0], relation), right

    def _compared(self, so_far: tuple[Value, Value]) -> Value:
        return so_far[0]

    # Statements

    def _output(self, value: Value) -> Statement:
        return self._statement(None, None, value, Span(value.start, value.end))

    def _definition(self, name: Token, _sign: Token, value: Value) -> Statement:
        return self._statement(name.text, None, value, Span(name.start, name.end))

    def _function(
        self, name: Token, _opening: Token, parameters: list[Token], _closing: Token, _sign: Token, value: Value
    ) -> Statement:
        seen: set[str] = set()
        for token in parameters:
            if token.text in seen:
                raise BackpropError(
                    f"{name.text} has two parameters called {token.text}",
                    source=self.text,
                    span=Span(token.start, token.end),
                    hint="give each parameter a name of its own",
                )
            seen.add(token.text)
        ordered = tuple([token.text for token in parameters])
        return self._statement(name.text, ordered, value, Span(name.start, name.end))

    def _first_parameter(self, token: Token) -> list[Token]:
        return [token]

    def _more_parameters(self, tokens: list[Token], _comma: Token, token: Token) -> list[Token]:
        tokens.append(token)
        return tokens

    def _statement(self, name: str | None, parameters: tuple[str, ...] | None, value: Value, span: Span) -> Statement:
        statement = Statement(name, parameters, self._first, value.term, span)
        self._first = len(self.terms)
        return statement

    def _first_statement(self, statement: Statement) -> None:
        self.statements.append(statement)

    def _closed_statements(self, _before: None, _separator: Token) -> None:
        return None

    def _more_statements(self, _before: None, separator: Token, statement: Statement) -> None:
        self.statements.append(statement._replace(commas=separator.text == ","))


def _of_many(name: str) -> list[Primitive]:
    """What is written as this with any number of arguments, and others that are given by their names."""
    return [entry for entry in primitives.TABLE.values() if entry.variadic and entry.written == name]


def _counted(entries: int) -> str:
    return "1 entry" if entries == 1 else f"{entries:,} entries"


def _unequal(shape: tuple[int, ...], first: tuple[int, ...]) -> str:
    """How two entries of an array differ."""
    if not shape or not first:
        kinds = ("a number", "arrays") if not shape else ("an array", "numbers")
        return f"this entry is {kinds[0]}, and those before it are {kinds[1]}"
    if shape[1:] == first[1:]:
        return f"this row has {_counted(shape[0])}, and the first has {first[0]:,}"
    return f"this entry has shape {shape}, and the first {first}"


_CALLBACKS = (
    *("number", "name", "group", "call", "first_argument", "more_arguments"),
    *("keyword", "first_row", "more_rows", "array", "transposed", "indexed"),
    *("without_start", "with_start", "without_stop", "with_stop", "slice_to", "slice_by"),
    *("modulus", "factorial", "applied", "argument_product", "power_of", "inverse_of"),
    *("powered_call", "powered_applied"),
    *("binary", "multiplied", "quotient", "juxtaposed", "negative", "positive", "raised", "superscripted"),
    *("logic", "negated", "choice", "first_relation", "more_relations", "compared"),
    *("output", "definition", "function", "first_parameter", "more_parameters"),
    *("first_statement", "more_statements", "closed_statements"),
)

TermBuilder.callbacks = {name: getattr(TermBuilder, f"_{name}") for name in _CALLBACKS}
