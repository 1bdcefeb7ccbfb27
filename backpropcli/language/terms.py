"""Terms: what the grammar's callbacks build, as a flat list. No trees, so that depth costs nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import NamedTuple

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.language import names
from backpropcli.language.tokens import Token

NUMBER, NAME, CALL, CHAIN = "number", "name", "call", "chain"


class Term(NamedTuple):
    """A number, a name, a primitive or a call, over terms that stand before it."""

    op: str
    """`number`, `name`, `call`, or a primitive's name."""
    args: tuple[int, ...]
    payload: str | float | None
    """The number; the name of a variable or of the function that is called."""
    span: Span


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


class _Value(NamedTuple):
    """What the parser holds for an expression: its term, its place, and how it was written."""

    term: int
    start: int
    end: int
    juxtaposed: tuple[int, int] | None = None
    """The two factors where this is a product written without a sign, not in brackets."""
    number: float | None = None
    """The number, where this is a bare one: a sign before it belongs to it."""


class _Power(NamedTuple):
    """A function's name with a power between it and its argument."""

    function: Token
    exponent: float | None
    """None where the power is -1, and the name already the inverse's."""
    span: Span


# The primitives that are written as a sign between two values, and before one.
_BINARY = {entry.operator[0]: entry.name for entry in primitives.TABLE.values() if entry.operator and entry.takes(2)}
_UNARY = {entry.operator[0]: entry.name for entry in primitives.TABLE.values() if entry.operator and entry.takes(1)}
_SAME_SIGN = {"**": "^", "≤": "<=", "≥": ">=", "≠": "!="}


class TermBuilder:
    """The callbacks of the grammar, appending terms and statements to flat lists."""

    def __init__(self, text: str, bound: Collection[str] = ()) -> None:
        self.text = text
        self.bound = bound
        self.terms: list[Term] = []
        self.statements: list[Statement] = []
        self._first = 0
        self.callbacks: dict[str, Callable[..., object]] = {name: getattr(self, f"_{name}") for name in _CALLBACKS}

    def _add(self, op: str, args: tuple[int, ...], payload: str | float | None, start: int, end: int) -> _Value:
        self.terms.append(Term(op, args, payload, Span(start, end)))
        return _Value(len(self.terms) - 1, start, end)

    def _primitive(self, op: str, *args: _Value, start: int | None = None, end: int | None = None) -> _Value:
        start = args[0].start if start is None else start
        end = args[-1].end if end is None else end
        return self._add(op, tuple([value.term for value in args]), None, start, end)

    # Values

    def _number(self, token: Token) -> _Value:
        number = float(token.text)
        span = Span(token.start, token.end)
        if math.isinf(number):
            raise self._out_of_range("this number is too large: a double holds at most 1.7976931348623157e308", span)
        if number == 0.0 and any(digit in "123456789" for digit in token.text.lower().partition("e")[0]):
            raise self._out_of_range("this number is too small: the least positive double is 4.94e-324", span)
        return self._add(NUMBER, (), number, token.start, token.end)._replace(number=number)

    def _out_of_range(self, message: str, span: Span) -> BackpropError:
        hint = "work in other units, or with the number's logarithm"
        return BackpropError(message, source=self.text, span=span, hint=hint)

    def _name(self, token: Token) -> _Value:
        return self._add(NAME, (), token.text, token.start, token.end)

    def _group(self, opening: Token, value: _Value, closing: Token) -> _Value:
        return _Value(value.term, opening.start, closing.end)

    def _call(self, name: Token, _opening: Token, arguments: list[_Value], closing: Token) -> _Value:
        return self._add(CALL, tuple([value.term for value in arguments]), name.text, name.start, closing.end)

    def _first_argument(self, value: _Value) -> list[_Value]:
        return [value]

    def _more_arguments(self, values: list[_Value], _comma: Token, value: _Value) -> list[_Value]:
        values.append(value)
        return values

    def _modulus(self, opening: Token, value: _Value, closing: Token) -> _Value:
        return self._primitive("abs", value, start=opening.start, end=closing.end)

    def _factorial(self, value: _Value, sign: Token) -> _Value:
        return self._add(CALL, (value.term,), "factorial", value.start, sign.end)

    # Functions without brackets, and their powers

    def _applied(self, name: Token, value: _Value) -> _Value:
        self._refuse_ambiguous(name.text, value)
        return self._add(CALL, (value.term,), name.text, name.start, value.end)

    def _argument_product(self, left: _Value, right: _Value) -> _Value:
        product = self._primitive(_BINARY["*"], left, right)
        return product._replace(juxtaposed=None if left.number is not None else (left.end, right.start))

    def _refuse_ambiguous(self, name: str, value: _Value) -> None:
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
        inverse = f"a{name.text}"
        if digits != "1" or primitives.find(inverse, 1) is None:
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

    def _powered_call(self, power: _Power, _opening: Token, arguments: list[_Value], closing: Token) -> _Value:
        return self._raised_call(power, arguments, closing.end)

    def _powered_applied(self, power: _Power, value: _Value) -> _Value:
        self._refuse_ambiguous(power.function.text, value)
        return self._raised_call(power, [value], value.end)

    def _raised_call(self, power: _Power, arguments: list[_Value], end: int) -> _Value:
        name = power.function
        call = self._add(CALL, tuple([value.term for value in arguments]), name.text, name.start, end)
        if power.exponent is None:
            return call
        exponent = self._add(NUMBER, (), power.exponent, power.span.start, power.span.end)
        return self._primitive(_BINARY["^"], call, exponent, end=end)

    # Operators

    def _binary(self, left: _Value, sign: Token, right: _Value) -> _Value:
        return self._primitive(_BINARY[_SAME_SIGN.get(sign.text, sign.text)], left, right)

    def _quotient(self, left: _Value, sign: Token, right: _Value) -> _Value:
        self._refuse_derivative(left, right)
        if right.juxtaposed:
            first, second = right.juxtaposed
            above, whole = self._clipped(left.start, left.end), self._clipped(right.start, right.end)
            head, tail = self._clipped(right.start, first), self._clipped(second, right.end)
            raise BackpropError(
                f"{above}{sign.text}{whole} can be read in two ways",
                source=self.text,
                span=Span(left.start, right.end),
                hint=f"write {above}/({head}*{tail}) or ({above}/{head})*{tail}",
            )
        return self._binary(left, sign, right)

    def _refuse_derivative(self, left: _Value, right: _Value) -> None:
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

    def _juxtaposed(self, left: _Value, right: _Value) -> _Value:
        product = self._primitive(_BINARY["*"], left, right)
        first = left.juxtaposed[0] if left.juxtaposed else left.end
        second = left.juxtaposed[1] if left.juxtaposed else right.start
        return product._replace(juxtaposed=(first, second))

    def _negative(self, sign: Token, value: _Value) -> _Value:
        if value.number is not None:
            self.terms[value.term] = Term(NUMBER, (), -value.number, Span(sign.start, value.end))
            return _Value(value.term, sign.start, value.end, number=-value.number)
        made = self._primitive(_UNARY["-"], value, start=sign.start)
        return made._replace(juxtaposed=value.juxtaposed)

    def _positive(self, sign: Token, value: _Value) -> _Value:
        return value._replace(start=sign.start)

    def _raised(self, base: _Value, sign: Token, exponent: _Value) -> _Value:
        return self._binary(base, sign, exponent)

    def _superscripted(self, base: _Value, token: Token) -> _Value:
        digits = token.text.translate(names.SUPERSCRIPTS)
        if len(digits) > 300:
            span = Span(token.start, token.end)
            raise self._out_of_range("this exponent is too long for a number", span)
        exponent = self._add(NUMBER, (), float(digits), token.start, token.end)
        return self._primitive(_BINARY["^"], base, exponent)

    def _logic(self, left: _Value, word: Token, right: _Value) -> _Value:
        return self._primitive(_BINARY[word.text], left, right)

    def _negated(self, word: Token, value: _Value) -> _Value:
        return self._primitive(_UNARY[word.text], value, start=word.start)

    def _choice(self, condition: _Value, _mark: Token, then: _Value, _colon: Token, other: _Value) -> _Value:
        return self._primitive("if", condition, then, other)

    def _first_relation(self, left: _Value, sign: Token, right: _Value) -> tuple[_Value, _Value]:
        """The relation so far, and the value that the next one compares with."""
        return self._binary(left, sign, right), right

    def _more_relations(self, so_far: tuple[_Value, _Value], sign: Token, right: _Value) -> tuple[_Value, _Value]:
        relation = self._binary(so_far[1], sign, right)
        return self._primitive(_BINARY["and"], so_far[0], relation), right

    def _compared(self, so_far: tuple[_Value, _Value]) -> _Value:
        return so_far[0]

    # Statements

    def _output(self, value: _Value) -> Statement:
        return self._statement(None, None, value, Span(value.start, value.end))

    def _definition(self, name: Token, _sign: Token, value: _Value) -> Statement:
        return self._statement(name.text, None, value, Span(name.start, name.end))

    def _function(
        self, name: Token, _opening: Token, parameters: list[Token], _closing: Token, _sign: Token, value: _Value
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

    def _statement(self, name: str | None, parameters: tuple[str, ...] | None, value: _Value, span: Span) -> Statement:
        statement = Statement(name, parameters, self._first, value.term, span)
        self._first = len(self.terms)
        return statement

    def _first_statement(self, statement: Statement) -> None:
        self.statements.append(statement)

    def _closed_statements(self, _before: None, _separator: Token) -> None:
        return None

    def _more_statements(self, _before: None, separator: Token, statement: Statement) -> None:
        self.statements.append(statement._replace(commas=separator.text == ","))


_CALLBACKS = (
    *("number", "name", "group", "call", "first_argument", "more_arguments"),
    *("modulus", "factorial", "applied", "argument_product", "power_of", "inverse_of"),
    *("powered_call", "powered_applied"),
    *("binary", "quotient", "juxtaposed", "negative", "positive", "raised", "superscripted"),
    *("logic", "negated", "choice", "first_relation", "more_relations", "compared"),
    *("output", "definition", "function", "first_parameter", "more_parameters"),
    *("first_statement", "more_statements", "closed_statements"),
)
