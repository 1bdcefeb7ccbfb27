"""Terms of a formula in LaTeX: the infix language's callbacks, and those for what only LaTeX writes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from backpropcli.errors import BackpropError, Span
from backpropcli.language.terms import CALL, NAME, NUMBER, STACK, TRANSPOSE, Equation, Statement, TermBuilder, Value
from backpropcli.language.tokens import Token

_OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


class _Member(NamedTuple):
    """A value in a chain of equalities."""

    sign: str
    value: Value


class _Branch(NamedTuple):
    """A line of cases; without a condition the last one."""

    value: Value
    condition: Value | None


class LatexBuilder(TermBuilder):
    """The callbacks of grammar/latex.lark."""

    own = (
        *("first_member", "more_members", "equal_output", "continued", "equal_definition", "equal_function"),
        *("lower_first", "upper_first", "argument_run", "raised_to", "derivative", "listed", "norm", "rounded"),
        *("fraction", "root", "root_of", "cases", "branch", "otherwise", "first_branch", "more_branches"),
        "closed_rows",
    )

    def __init__(
        self,
        text: str,
        bound: Collection[str] = (),
        functions: Mapping[str, Sequence[str]] | None = None,
        tokens: Sequence[Token] = (),
    ) -> None:
        super().__init__(text, bound, functions)
        self.defined = frozenset([token.text for token in tokens if token.type in {"TARGET", "HEAD"}])
        self.taken = frozenset([token.text for token in tokens if token.type == "NAME"]) | self.defined
        self.equations: list[Equation] = []
        self.products: set[Span] = set()
        self.claims: list[Span] = []
        """Where statements begin that say what a derivative is."""
        self._derivatives: list[tuple[int, Span]] = []
        self._slopes: dict[int, tuple[str, str]] = {}
        """Of derivatives by their terms, what they are of and what they are called."""
        self.callbacks: dict[str, Callable[..., object]] = {
            **self.callbacks,
            **{name: getattr(self, f"_{name}") for name in self.own},
        }

    # Values

    def _fraction(self, sign: Token, _o: Token, above: Value, _c: Token, _p: Token, below: Value, end: Token) -> Value:
        return self._primitive("div", above, below, start=sign.start, end=end.end)

    def _root(self, sign: Token, _opening: Token, value: Value, closing: Token) -> Value:
        return self._add(CALL, (value.term,), "sqrt", sign.start, closing.end)

    def _root_of(
        self, sign: Token, _b: Token, degree: Value, _e: Token, _opening: Token, value: Value, closing: Token
    ) -> Value:
        start, end = sign.start, closing.end
        if degree.number in {2.0, 3.0}:
            return self._add(CALL, (value.term,), "sqrt" if degree.number == 2.0 else "cbrt", start, end)
        one = self._add(NUMBER, (), 1.0, start, end)
        power = self._add("div", (one.term, degree.term), None, degree.start, degree.end)
        return self._add("pow", (value.term, power.term), None, start, end)

    def _raised_to(self, base: Value, _sign: Token, _opening: Token, exponent: Value, closing: Token) -> Value:
        return self._primitive("pow", base, exponent, end=max(closing.end, base.end))

    def _norm(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._add(CALL, (value.term,), "norm", opening.start, closing.end)

    def _rounded(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._add(CALL, (value.term,), opening.text, opening.start, closing.end)

    def _juxtaposed(self, left: Value, right: Value) -> Value:
        if all([self._is_array(value) for value in (left, right)]):
            return self._primitive("matmul", left, right)
        product = super()._juxtaposed(left, right)
        self.products.add(Span(left.start, right.end))
        return product

    def _multiplied(self, left: Value, sign: Token, right: Value) -> Value:
        if sign.text == "*" and self.text[sign.start : sign.end] in {"\\cdot", "\\times", "·", "×", "⋅"}:
            self.products.add(Span(left.start, right.end))
        return super()._multiplied(left, sign, right)

    def _is_array(self, value: Value) -> bool:
        """Whether a value is an array that the text writes out."""
        return bool(value.shape) or self.terms[value.term].op == STACK

    def _argument_run(self, left: Value, right: Value) -> Value:
        product = self._primitive("mul", left, right)
        bracket = self.text.startswith(("(", "[", "|", "\\left", "\\{", "\\lvert", "\\|"), right.start)
        # \ln x(1 + y) may be ln(x)(1 + y); \ln xy is ln(xy).
        ambiguous = bracket and left.number is None
        return product._replace(juxtaposed=(left.end, right.start) if ambiguous else left.juxtaposed)

    def _listed(self, opening: Token, entries: list[Value], _comma: Token, last: Value, closing: Token) -> Value:
        return self._stacked([*entries, last], opening.start, closing.end)

    # Matrices: a single column or a single row is a vector.

    def _first_row(self, entries: list[Value]) -> list[list[Value]]:  # type: ignore[override]
        return [entries]

    def _more_rows(  # type: ignore[override]
        self, rows: list[list[Value]], _separator: Token, entries: list[Value]
    ) -> list[list[Value]]:
        rows.append(entries)
        return rows

    def _closed_rows(self, rows: list[object], _separator: Token) -> list[object]:
        return rows

    def _array(self, opening: Token, rows: list[list[Value]], closing: Token) -> Value:  # type: ignore[override]
        start, end = opening.start, closing.end
        if all([len(row) == 1 for row in rows]):
            return self._stacked([row[0] for row in rows], start, end)
        if len(rows) == 1:
            return self._stacked(rows[0], start, end)
        for row in rows:
            if len(row) != len(rows[0]):
                message = f"this row has {len(row)} entries, and the first has {len(rows[0])}"
                raise self._ragged(row[0], message)
        return self._stacked_rows(rows, start, end)

    def _stacked_rows(self, rows: list[list[Value]], start: int, end: int) -> Value:
        """A matrix: of numbers where all its entries are, else a stack of stacks."""
        if all([value.shape is not None for row in rows for value in row]):
            array = tuple([tuple([self._literal(value.term) for value in row]) for row in rows])
            return self._add(NUMBER, (), array, start, end)._replace(shape=(len(rows), len(rows[0])), axes=2)
        made = [self._add(STACK, tuple([value.term for value in row]), None, row[0].start, row[-1].end) for row in rows]
        return self._add(STACK, tuple([row.term for row in made]), None, start, end)._replace(axes=2)

    # Cases

    def _branch(self, value: Value, _sign: Token, condition: Value) -> _Branch:
        return _Branch(value, condition)

    def _otherwise(self, value: Value, _sign: Token, _word: Token) -> _Branch:
        return _Branch(value, None)

    def _first_branch(self, branch: _Branch) -> list[_Branch]:
        return [branch]

    def _more_branches(self, branches: list[_Branch], separator: Token, branch: _Branch) -> list[_Branch]:
        if branches[-1].condition is None:
            span = Span(separator.start, separator.end)
            raise BackpropError("nothing follows 'otherwise'", source=self.text, span=span, hint="put it last")
        branches.append(branch)
        return branches

    def _cases(self, opening: Token, branches: list[_Branch], closing: Token) -> Value:
        start, end = opening.start, closing.end
        *others, last = branches
        if last.condition is None or (others and self._opposite(others, last)):
            value = last.value
        else:
            others = branches
            zero = self._add(NUMBER, (), 0.0, start, end)
            # Where no case holds there is no value.
            value = self._add("div", (zero.term, zero.term), None, start, end)
        for branch in reversed(others):
            if branch.condition is not None:
                terms = (branch.condition.term, branch.value.term, value.term)
                value = self._add("if", terms, None, start, end)
        return Value(value.term, start, end)

    def _opposite(self, others: list[_Branch], last: _Branch) -> bool:
        """Whether the last of two conditions holds just where the first does not: x > 0 and x <= 0."""
        if len(others) != 1 or others[0].condition is None or last.condition is None:
            return False
        first, second = [self._written_terms(branch) for branch in (others[0], last)]
        return first[:-1] == second[:-1] and _OPPOSITE.get(str(first[-1][0])) == second[-1][0]

    def _written_terms(self, branch: _Branch) -> list[tuple[object, ...]]:
        last = branch.condition.term if branch.condition is not None else branch.value.term
        first = branch.value.term + 1
        return [(term.op, term.payload, tuple([j - first for j in term.args])) for term in self.terms[first : last + 1]]

    # Sums and products

    def _lower_first(
        self, sign: Token, _l: Token, _b: Token, index: Token, _a: Token, first: Value, _e: Token, _u: Token,
        _o: Token, last: Value, _c: Token, body: Value,
    ) -> Value:  # fmt: skip
        return self._series(sign, index, first, last, body)

    def _upper_first(
        self, sign: Token, _u: Token, _o: Token, last: Value, _c: Token, _l: Token, _b: Token, index: Token,
        _a: Token, first: Value, _e: Token, body: Value,
    ) -> Value:  # fmt: skip
        return self._series(sign, index, first, last, body)

    def _series(self, sign: Token, index: Token, first: Value, last: Value, body: Value) -> Value:
        name = self._name(index)
        terms = (body.term, name.term, first.term, last.term)
        return self._add(CALL, terms, sign.text, sign.start, body.end)

    # Derivatives are read, and refused where a value is asked for.

    def _derivative(self, token: Token) -> Value:
        value = self._add(NAME, (), "derivative", token.start, token.end)
        self._derivatives.append((value.term, Span(token.start, token.end)))
        if token.text:
            of, _, name = token.text.partition("/")
            self._slopes[value.term] = of, name
        return value

    def _transposed(self, value: Value, sign: Token) -> Value:
        made = self._primitive(TRANSPOSE, value, end=sign.end)
        if sign.text == "'":
            self._derivatives.append((made.term, Span(value.start, sign.end)))
        return made

    def _refused_derivative(self) -> BackpropError:
        span = self._derivatives[0][1]
        written = self._clipped(span.start, span.end)
        return BackpropError(
            f"{written} is a derivative, which is what this program computes",
            source=self.text,
            span=span,
            hint="give the function itself, or the side of the equation that has a value, alone",
        )

    def refuse_claims(self) -> None:
        """Refuse a text that only says what derivatives are."""
        if self._derivatives and not self.statements:
            raise self._refused_derivative()

    # Statements

    def _first_member(self, value: Value) -> list[_Member]:
        return [_Member("=", value)]

    def _more_members(self, members: list[_Member], sign: Token, value: Value) -> list[_Member]:
        members.append(_Member(sign.text, value))
        return members

    def _equal_output(self, members: list[_Member]) -> Statement | None:
        value = members[0].value
        if self._derivatives and self._derivatives[-1][1].start >= value.start:
            mine = [term for term, _ in self._derivatives]
            if value.term not in mine[-1 - len(members) :] and not any(
                [self._first <= term <= value.term for term in mine]
            ):
                raise self._refused_derivative()
            if any([self._first <= term <= members[-1].value.term for term in mine]):
                if (found := self._slope(members)) is not None:
                    return found
                self.claims.append(Span(value.start, members[-1].value.end))
                self._first = len(self.terms)
                return None
        return self._equal(None, None, members, Span(value.start, value.end))

    def _slope(self, members: list[_Member]) -> Statement | None:
        """The definition of a derivative, dz_dx: of something that the text does not define, and over plain values."""
        count = next((k for k, member in enumerate(members) if member.value.term not in self._slopes), len(members))
        if count in (0, len(members)):
            return None
        last = members[count - 1].value.term
        (of, name), start = self._slopes[members[0].value.term], members[0].value.start
        if of in self.defined or self._derivatives[-1][0] > last:
            return None
        while name in self.taken:
            name += "_"
        span = Span(start, members[count - 1].value.end)
        return self._equal(name, None, members[count:], span, last + 1)._replace(slope=True)

    def _continued(self, _sign: Token, members: list[_Member]) -> Statement | None:
        return self._equal_output(members)

    def _equal_definition(self, name: Token, _sign: Token, members: list[_Member]) -> Statement:
        return self._equal(name.text, None, members, Span(name.start, name.end))

    def _equal_function(
        self, name: Token, _o: Token, parameters: list[Token], _c: Token, _s: Token, members: list[_Member]
    ) -> Statement:
        made = self._function(name, _o, parameters, _c, _s, members[0].value)
        return self._equal(name.text, made.parameters, members, made.span, made.first)

    def _equal(
        self,
        name: str | None,
        parameters: tuple[str, ...] | None,
        members: list[_Member],
        span: Span,
        first: int | None = None,
    ) -> Statement:
        first = self._first if first is None else first
        if any([term >= first for term, _ in self._derivatives]):
            raise self._refused_derivative()
        statement = Statement(name, parameters, first, members[0].value.term, span)
        position = len(self.statements)
        for before, member in itertools.pairwise(members):
            place = Span(member.value.start, member.value.end)
            own = Statement(None, parameters, before.value.term + 1, member.value.term, place)
            self.equations.append(Equation(position, own, self._decimals(member)))
        self._first = len(self.terms)
        return statement

    def _decimals(self, member: _Member) -> int | None:
        """How many decimals a number is written with; None for a formula."""
        if member.value.number is None:
            return None
        return len(self.text[member.value.start : member.value.end].partition(".")[2].rstrip())

    def _first_statement(self, statement: Statement | None) -> None:
        if statement is not None:
            self.statements.append(statement)

    def _more_statements(self, _before: None, separator: Token, statement: Statement | None) -> None:
        if statement is None:
            return
        before = self.statements[-1] if self.statements else None
        if separator.text == "," and before is not None and before.name is None and statement.name is not None:
            term = self.terms[before.value]
            if before.first == before.value and term.op == NAME and statement.parameters is None:
                # o_1, o_2 = ...: both stand for it.
                self.terms[before.value] = term._replace(payload=statement.name)
                self.statements[-1] = before._replace(name=str(term.payload))
        self.statements.append(statement)
