"""Terms of a formula in LaTeX: the infix language's callbacks, and those for what only LaTeX writes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.language.latex import unknown_function
from backpropcli.language.names import derivative_name
from backpropcli.language.terms import (
    CALL,
    CALLED,
    NAME,
    NUMBER,
    STACK,
    TRANSPOSE,
    UNKNOWN,
    Claim,
    Equation,
    Statement,
    Term,
    TermBuilder,
    Undecided,
    Value,
    bindings_of,
)
from backpropcli.language.tokens import Token
from backpropcli.records import NamedTuple

NEW = "_new"
"""What is put behind the name of a value that is made anew from itself."""
_SUMS = frozenset({"add", "sub"})
_RELATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})
_PRODUCTS = frozenset({"mul", "matmul", "div"})
# What a sign between two factors says of arrays; * and \\odot always multiply entry by entry.
_MULTIPLIES = {"\\cdot": "dot", "·": "dot", "⋅": "dot", "\\times": "beside", "×": "beside"}
_OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


_EVERYTHING = ("sum", "relation", "sign", "product", "power", "series", "function")
# What ends an argument that a function has in brackets.
_CLOSERS = (")", "]", "}", "|", "\\rvert", "\\rVert")


class _Member(NamedTuple):
    """A value in a chain of equalities."""

    sign: str
    value: Value


class _Bare(NamedTuple):
    """What stands in braces, and may be something else without them: a sum, a product and so on, and where."""

    holds: str
    inside: Span


class _Branch(NamedTuple):
    """A line of cases; without a condition the last one."""

    value: Value
    condition: Value | None


class _Definition(NamedTuple):
    """A definition, and what its chain says that it is equal to."""

    statement: Statement
    equations: list[Equation]

    @property
    def sides(self) -> list[Statement]:
        """All that stands in the chain."""
        return [self.statement, *[each.member for each in self.equations]]


class _Slope(NamedTuple):
    """What is said of a derivative of what the text does not define: an output, or a claim where the text has one."""

    name: str
    """f/x."""
    sides: list[Statement]
    said: list[_Member]
    claim: Claim
    written: Value


class _Range(NamedTuple):
    """What a sum runs over: its indices, where they begin, and what is left out."""

    indices: list[Token]
    first: Value | None = None
    without: tuple[Token, Token, Value] | None = None


def _is_index(index: str) -> bool:
    """Whether a subscript is made of letters that may be indices."""
    return index[-1:].isalpha() and all([len(part) < 3 for part in index.split("_")])


class LatexBuilder(TermBuilder):
    """The callbacks of grammar/latex.lark."""

    own = (
        *("first_member", "more_members", "equal_output", "continued", "equal_definition", "equal_function"),
        *("whole_range", "range_from", "range_without", "range_from_without", "lower_alone"),
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
        parted = [name.partition("_") for name in self.defined]
        self.families = frozenset([base for base, _, index in parted if _is_index(index)])
        """Of the names that are defined with letters for indices what stands before those: of z_j, which is z_1 too."""
        self.taken = frozenset([token.text for token in tokens if token.type == "NAME"]) | self.defined
        self.called = frozenset([token.text for token in tokens if token.type in {"FUNC", "POWERED_FUNC", "PREFIX"}])
        """The functions that are called somewhere."""
        self.powers_of_ten = {token.end: token.text for token in tokens if token.type == "NUMBER" and "e" in token.text}
        """The numbers that are written 1.2 \\cdot 10^{-3}, as 1.2e-3, by where they end."""
        self.equations: list[Equation] = []
        self.undecided: dict[Span, Undecided] = {}
        """The places of signs that of arrays are other operations than of numbers."""
        self._rows: set[tuple[int, int]] = set()
        """The places of arrays that are written out as rows: they lie, and all others stand."""
        self.claims: list[Claim] = []
        self.gaps: set[Span] = set()
        """The places of cases that may hold nowhere."""
        self.updates: list[str] = []
        """The names that are made anew from themselves."""
        self._derivatives: list[tuple[int, Span]] = []
        self._slopes: list[_Slope] = []
        self._told = 0
        """How many of them stand in statements that are complete."""
        self._calls: list[Token] = []
        """Calls of what nobody defines, in the statement that is being read."""
        self._also: dict[str, Statement] = {}
        """The definitions that stand in others: a = f(z) of h(x) = a = f(z)."""
        self._definitions: dict[str, _Definition] = {}
        """By name, the first one."""
        self._formulas: dict[str, int] = {}
        """Where in the statements a name is defined by more than a number."""
        self._said = 0
        """How many equations belong to statements that are complete."""
        self._closed: set[tuple[int, int]] = set()
        """The places of groups in brackets that are printed."""
        self._bare: dict[tuple[int, int], _Bare] = {}
        """Of groups in braces, which are not printed, what they hold; of products what their last factor does."""

    # Groups. {a + b}c is printed as a + bc: braces that change what is meant are refused.

    def _group(self, opening: Token, value: Value, closing: Token) -> Value:
        made = super()._group(opening, value, closing)
        place = made.start, made.end
        if (value.start, value.end) in self._rows:
            self._rows.add(place)
        if opening.type != "LBRACE":
            self._closed.add(place)
        elif holds := self._holds(value):
            inner = self._bare.get((value.start, value.end))
            self._bare[place] = inner or _Bare(holds, Span(value.start, value.end))
        return made

    def _holds(self, value: Value) -> str:
        """What an expression is that loses its braces: a sum, a product and so on; nothing where it needs none."""
        place = value.start, value.end
        if place in self._bare:
            return self._bare[place].holds
        if place in self._closed:
            return ""
        op, args, payload, _ = self.terms[value.term]
        if op in _SUMS:
            return "sum"
        if op in _RELATIONS:
            return "relation"
        if op == "neg" or (value.number is not None and value.number < 0.0):
            return "sign"
        if op == "div" and self.text.startswith(("\\frac", "\\dfrac", "\\tfrac", "\\cfrac"), value.start):
            return ""
        if op in _PRODUCTS:
            return "product"
        if op == "pow":
            return "power"
        if op == CALL and payload in {"sum", "prod"} and len(args) == 4:
            return "series"
        if op == CALL and self.text.startswith("\\", value.start) and not self.text.endswith(_CLOSERS, 0, value.end):
            return "function"
        return ""

    def _refuse_bare(self, value: Value, *kinds: str) -> None:
        """Refuse an operand in braces that hold what would be something else without them."""
        bare = self._bare.get((value.start, value.end))
        if bare is None or bare.holds not in kinds:
            return
        inside = self._clipped(*bare.inside)
        raise BackpropError(
            f"the braces around {inside} are not printed: this can be read in two ways",
            source=self.text,
            span=bare.inside,
            hint=f"write ({inside}), or leave the braces out",
        )

    # Other arguments than in infix, here and below where mypy is told so: LaTeX's own grammar is what calls these.
    def _call(self, name: Token, opening: Token, arguments: list[Value], closing: Token) -> Value:  # type: ignore[override]
        if opening.text == "{" and len(arguments) == 1 and self._holds(arguments[0]) in {"sum", "relation"}:
            written, inside = self._clipped(name.start, name.end), self._clipped(opening.end, closing.start)
            raise BackpropError(
                f"{written}{{{inside}}} is printed without the braces, and can be read in two ways",
                source=self.text,
                span=Span(name.start, closing.end),
                hint=f"write {written}({inside})",
            )
        return super()._call(name, opening, list(arguments), closing)

    def _binary(self, left: Value, sign: Token, right: Value) -> Value:
        if sign.text in {"+", "-"}:
            self._refuse_bare(left, "relation")
            self._refuse_bare(right, "relation", *(["sum"] if sign.text == "-" else []))
        return super()._binary(left, sign, right)

    def _negative(self, sign: Token, value: Value) -> Value:
        self._refuse_bare(value, "sum", "relation")
        return super()._negative(sign, value)

    def _quotient(self, left: Value, sign: Token, right: Value) -> Value:
        self._refuse_bare(left, "sum", "relation", "series")
        self._refuse_bare(right, "sum", "relation", "product", "series")
        return super()._quotient(left, sign, right)

    def _factorial(self, value: Value, sign: Token) -> Value:
        self._refuse_bare(value, *_EVERYTHING)
        return super()._factorial(value, sign)

    # Values

    def _name(self, token: Token) -> Value:
        if token.text.endswith(CALLED):
            self._calls.append(token)
        return super()._name(token)

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
        self._refuse_bare(base, *_EVERYTHING)
        return self._decided_later("power", self._primitive("pow", base, exponent, end=max(closing.end, base.end)))

    def _modulus(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._decided_later("bars", super()._modulus(opening, value, closing))

    def _decided_later(self, sign: str, value: Value, *sides: Value) -> Value:
        """The value of a sign that of arrays is another operation than of numbers; `sides` are those of a product."""
        if not any([side.shape == () for side in sides]):
            lying = [(side.start, side.end) in self._rows for side in sides]
            self.undecided[self.terms[value.term].span] = Undecided(sign, *([(lying[0], lying[1])] if sides else []))
        return value

    def _norm(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._add(CALL, (value.term,), "norm", opening.start, closing.end)

    def _rounded(self, opening: Token, value: Value, closing: Token) -> Value:
        return self._add(CALL, (value.term,), opening.text, opening.start, closing.end)

    def _juxtaposed(self, left: Value, right: Value) -> Value:
        self._refuse_bare(left, "sum", "relation", "series", "function")
        self._refuse_bare(right, "sum", "relation", "sign")
        last = self._bare.get((right.start, right.end))
        if last is not None and last.holds in {"series", "function"}:
            # x{\log y}z: what follows would belong to the logarithm.
            self._bare[left.start, right.end] = last
        if self._are_arrays(left, right):
            return self._primitive("matmul", left, right)
        return self._decided_later("beside", super()._juxtaposed(left, right), left, right)

    def _multiplied(self, left: Value, sign: Token, right: Value) -> Value:
        self._refuse_bare(left, "sum", "relation", "series")
        self._refuse_bare(right, "sum", "relation")
        product = super()._multiplied(left, sign, right)
        written = _MULTIPLIES.get(self.text[sign.start : sign.end]) if sign.text == "*" else None
        return self._decided_later(written, product, left, right) if written else product

    def _are_arrays(self, left: Value, right: Value) -> bool:
        """Whether both values are arrays that the text writes out, and one of them is a matrix."""
        written = [bool(value.shape) or self.terms[value.term].op == STACK for value in (left, right)]
        return all(written) and any([value.axes > 1 or len(value.shape or ()) > 1 for value in (left, right)])

    def _argument_run(self, left: Value, right: Value) -> Value:
        self._refuse_bare(left, "sum", "relation", "series", "function")
        self._refuse_bare(right, "sum", "relation", "sign")
        product = self._decided_later("beside", self._primitive("mul", left, right), left, right)
        bracket = self.text.startswith(("(", "[", "|", "\\left", "\\{", "\\lvert", "\\|"), right.start)
        # \ln x(1 + y) may be ln(x)(1 + y); \ln xy is ln(xy).
        ambiguous = bracket and left.number is None
        return product._replace(juxtaposed=(left.end, right.start) if ambiguous else left.juxtaposed)

    def _listed(self, opening: Token, entries: list[Value], _comma: Token, last: Value, closing: Token) -> Value:
        return self._stacked([*entries, last], opening.start, closing.end)

    # Matrices: a single column or a single row is a vector.

    # The grammar of LaTeX hands on rows, and that of infix their entries.
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
            self._rows.add((start, end))
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
            self.gaps.add(Span(start, end))
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

    def _whole_range(self, indices: list[Token]) -> _Range:
        return _Range(indices)

    def _range_from(self, indices: list[Token], _sign: Token, first: Value) -> _Range:
        return _Range(indices, first)

    def _range_without(self, indices: list[Token], sign: Token, other: Value) -> _Range:
        return _Range(indices, without=(indices[-1], sign, other))

    def _range_from_without(
        self, indices: list[Token], _a: Token, first: Value, _c: Token, index: Token, sign: Token, other: Value
    ) -> _Range:
        return _Range(indices, first, (index, sign, other))

    def _lower_first(
        self, sign: Token, _l: Token, _b: Token, over: _Range, _e: Token, _u: Token, _o: Token, last: Value, _c: Token,
        body: Value,
    ) -> Value:  # fmt: skip
        return self._series(sign, over, last, body)

    def _upper_first(
        self, sign: Token, _u: Token, _o: Token, last: Value, _c: Token, _l: Token, _b: Token, over: _Range, _e: Token,
        body: Value,
    ) -> Value:  # fmt: skip
        return self._series(sign, over, last, body)

    def _lower_alone(self, sign: Token, _l: Token, _b: Token, over: _Range, _e: Token, body: Value) -> Value:
        return self._series(sign, over, None, body)

    def _series(self, sign: Token, over: _Range, last: Value | None, body: Value) -> Value:
        """A sum over one index, or sums in sums over several; each has its own copy of what stands in the limits."""
        self._refuse_bare(body, "sum", "relation")
        start, written = sign.start, f"\\{sign.text}"
        if over.without is not None and [index.text for index in over.indices[-2:]] == [over.without[0].text] * 2:
            # j, j \ne 2 names its index twice, as j = 1, j \ne 2 does.
            over = over._replace(indices=over.indices[:-1])
        names = [index.text for index in over.indices]
        if len(set(names)) < len(names):
            index = over.indices[-1]
            raise self._refused(index, f"{written} has the index {index.text} twice", "give each index its own letter")
        if (last is None) != (over.first is None):
            missing = "upper" if last is None else "lower"
            hint = f"write {written}_{{{names[0]}=1}}^{{n}} with n given, or {written}_{{{names[0]}}} without limits"
            raise self._refused(sign, f"{written} has no {missing} limit", hint)
        if over.without is not None:
            index, relation, _ = over.without
            if relation.text != "!=" or index.text != names[-1]:
                hint = f"write {written}_{{{names[-1]}=1, {names[-1]} \\ne 2}}^{{n}}; other conditions stand in cases"
                raise self._refused(relation, f"{written} leaves out one value of its index, and no others", hint)
        for position, index in enumerate(reversed(over.indices)):
            name = self._name(index)
            bounds = [name.term]
            for limit in (over.first, last):
                if limit is None:
                    bounds.append(self._add(NUMBER, (), math.inf, sign.start, sign.end).term)
                else:
                    bounds.append(limit.term if position == 0 else self._again(limit))
            if over.without is not None and position == 0:
                other = over.without[2]
                condition = self._add(
                    "ne", (self._name(index).term, other.term), None, over.without[0].start, other.end
                )
                bounds.append(condition.term)
            body = self._add(CALL, (body.term, *bounds), sign.text, start, body.end)
        return body

    def _again(self, value: Value) -> int:
        """A copy of a value's terms, which stand one behind the other."""
        first = value.term
        while self.terms[first].args:
            first = self.terms[first].args[0]
        shift = len(self.terms) - first
        for op, args, payload, span in self.terms[first : value.term + 1]:
            self.terms.append(Term(op, tuple([j + shift for j in args]), payload, span))
        return value.term + shift

    # Derivatives are read, and refused where a value is asked for.

    def _derivative(self, token: Token) -> Value:
        value = self._add(NAME, (), token.text or UNKNOWN, token.start, token.end)
        self._derivatives.append((value.term, Span(token.start, token.end)))
        return value

    def _transposed(self, value: Value, sign: Token) -> Value:
        self._refuse_bare(value, *_EVERYTHING)
        if sign.text != "'":
            return self._primitive(TRANSPOSE, value, end=sign.end)
        made = self._add(NAME, (), UNKNOWN, value.start, sign.end)
        self._derivatives.append((made.term, Span(value.start, sign.end)))
        return made

    def _refused_derivative(self, which: int = 0) -> BackpropError:
        span = self._derivatives[which][1]
        written = self._clipped(span.start, span.end)
        return BackpropError(
            f"{written} is a derivative, which is what this program computes",
            source=self.text,
            span=span,
            hint="give the function itself, or the side of the equation that has a value, alone",
        )

    def finish(self) -> None:
        """Settle what only the whole text can tell: what is made anew from itself, and what claims alone are about."""
        self._rename_updates()
        self._merge_functions()
        if not self._derivatives:
            return
        if self._has_output():
            self.claims += dict.fromkeys([slope.claim for slope in self._slopes])
            return
        self._define_slopes()
        if self._slopes:
            return
        # A text that only says what derivatives are has the value of the side that has one.
        free = [(claim, sides) for claim in self.claims if (sides := self._sides_with_values(claim))]
        if len(free) != 1:
            raise self._refused_derivative()
        claim, (k, *others) = free[0]
        position = len(self.statements)
        self.statements.append(claim.members[k])
        self.equations += [Equation(position, claim.members[j], claim.decimals[j], claim.sign) for j in others]

    def _sides_with_values(self, claim: Claim) -> list[int]:
        """The sides of a claim that hold no derivative; none where it speaks of what is not understood.

        A name or a number alone is what a derivative is, and nothing to compute, unless there is nothing else.
        """
        found: list[int] = []
        derivatives = 0
        for k, member in enumerate(claim.members):
            terms = self._terms_of(member)
            names = [str(term.payload) for term in terms if term.op == NAME]
            if any([name == UNKNOWN or name.endswith(CALLED) for name in names]):
                return []
            if not any(["/" in name for name in names]):
                found.append(k)
            elif len(terms) == 1:
                derivatives += 1
        alone = all([len(self._terms_of(claim.members[k])) == 1 for k in found])
        single = len(self.claims) == 1 and derivatives + len(found) == len(claim.members)
        return [] if alone and not single else found

    def _has_output(self) -> bool:
        """Whether the text has a value of its own, besides what it says of derivatives."""
        functions = [str(statement.name) for statement in self.statements if statement.parameters is not None]
        known = bindings_of(self.terms, self.statements, functions, self.bound).keys()
        everything = [*self.statements, *[side for slope in self._slopes for side in slope.sides]]
        used = {str(term.payload) for each in everything for term in self._terms_of(each) if term.op in {NAME, CALL}}
        bases = {name.partition("_")[0] for name in used if "_" in name}
        for name in [statement.name for statement in self.statements]:
            base, _, index = (name or "").partition("_")
            if name is None or not (name in known or name in used or (base in bases and _is_index(index))):
                return True
        return False

    def _define_slopes(self) -> None:
        """Make outputs of the derivatives of what the text does not define; what is said again of one is compared."""
        places: dict[str, tuple[int, int | None]] = {}
        for derivative, sides, said, _, written in self._slopes:
            first = derivative not in places
            of, own = places.setdefault(derivative, (len(self.statements), self._decimals(said[0])))
            if first:
                name = self._free_name(derivative)
                place = Span(written.start, written.end)
                self.statements.append(sides[0]._replace(name=name, span=place, slope=True))
            rest = list(zip(said, sides, strict=True))[1 if first else 0 :]
            self.equations += [Equation(of, side, self._decimals(each), each.sign, own) for each, side in rest]

    def _rename_updates(self) -> None:
        """W = W - a D makes a new W from the old one, unless others use it too."""
        own = [position for position, statement in enumerate(self.statements) if self._uses_itself(statement)]
        if not own:
            return
        users: dict[object, int] = {}
        for statement in self.statements:
            for name in {term.payload for term in self._terms_of(statement) if term.op == NAME}:
                users[name] = users.get(name, 0) + 1
        for position in own:
            name = self.statements[position].name
            if users[name] == 1:
                self.statements[position] = self.statements[position]._replace(name=f"{name}{NEW}")
                self.updates.append(str(name))

    def _merge_functions(self) -> None:
        """f(x, y, z) = (x + y)z, which nobody calls, and f = qz are one quantity: what is said of it first is compared.

        The one that may use other definitions stands, so that the derivatives by these are there.
        """
        plain = {each.name: at for at, each in enumerate(self.statements) if each.name and each.parameters is None}
        called = {term.payload for term in self.terms if term.op == CALL}
        merged = [
            position
            for position, each in enumerate(self.statements)
            if each.parameters is not None and each.name in plain and each.name not in called
        ]
        if not merged:
            return
        target = {position: plain[str(self.statements[position].name)] for position in merged}
        kept = [position for position in range(len(self.statements)) if position not in target]
        moved = {position: at for at, position in enumerate(kept)}
        said = [Equation(target[position], self._member(self.statements[position]), None) for position in merged]
        said += [
            each._replace(of=target[each.of], member=self._member(each.member)) if each.of in target else each
            for each in self.equations
        ]
        self.equations = [each._replace(of=moved[each.of]) for each in said]
        self.statements = [self.statements[position] for position in kept]

    def _member(self, statement: Statement) -> Statement:
        """What a definition says, to be compared."""
        return statement._replace(name=None, parameters=None, span=self.terms[statement.value].span)

    def _terms_of(self, statement: Statement) -> Sequence[Term]:
        return self.terms[statement.first : statement.value + 1]

    def _uses_itself(self, statement: Statement) -> bool:
        if statement.name is None or statement.parameters is not None:
            return False
        return any([term.op == NAME and term.payload == statement.name for term in self._terms_of(statement)])

    # Statements

    def _first_member(self, value: Value) -> list[_Member]:
        return [_Member("=", value)]

    def _more_members(self, members: list[_Member], sign: Token, value: Value) -> list[_Member]:
        members.append(_Member(sign.text, value))
        return members

    def _equal_output(self, members: list[_Member]) -> Statement | None:
        if self._new_derivatives():
            if not self._is_slope(members):
                self.claims.append(self._claim(members))
            self._complete()
            return None
        return self._equal(None, None, members, Span(members[0].value.start, members[0].value.end))

    def _claim(self, members: list[_Member]) -> Claim:
        decimals = tuple([self._decimals(member) for member in members])
        sign = "≈" if any([member.sign == "≈" for member in members]) else "="
        span = Span(members[0].value.start, members[-1].value.end)
        return Claim(tuple(self._sides(members, self._first)), decimals, sign, span)

    def _new_derivatives(self) -> bool:
        """Whether derivatives stand in the statement that is being read."""
        return len(self._derivatives) > self._told

    def _complete(self) -> None:
        """What comes now belongs to the next statement."""
        self._first = len(self.terms)
        self._told = len(self._derivatives)
        self._calls = []

    def _is_slope(self, members: list[_Member]) -> bool:
        """Whether these say what a derivative is of something that the text does not define, which is kept then."""
        names = [self._derivative_of(member.value) for member in members]
        count = next((k for k, name in enumerate(names) if not name), len(names))
        if count in (0, len(names)) or members[count].sign != "=" or self._calls:
            return False
        last = members[count - 1].value.term
        if self._derivatives[-1][0] > last or self._is_defined(names[0], members[0].value):
            return False
        said, claim = members[count:], self._claim(members)
        self._slopes.append(_Slope(names[0], self._sides(said, last + 1), said, claim, members[0].value))
        for name, member in zip(names[1:count], members[1:count], strict=True):
            # do/di_1 = do/di_2 = ... says what both are.
            first = len(self.terms)
            again = [each._replace(value=each.value._replace(term=self._again(each.value))) for each in said]
            self._slopes.append(_Slope(name, self._sides(again, first), again, claim, member.value))
        return True

    def _derivative_of(self, value: Value) -> str:
        """What a value is, if it is a derivative of a name by names and nothing else: f/x."""
        op, _, payload, _ = self.terms[value.term]
        return str(payload) if op == NAME and payload != UNKNOWN and "/" in str(payload) else ""

    def _is_defined(self, derivative: str, value: Value) -> bool:
        """Whether the text says what is differentiated, or the language does, as in d sigma(x)."""
        of = derivative.partition("/")[0]
        base, _, index = of.partition("_")
        if of in self.defined or (index and base in self.families):
            return True
        called = "(" in self.text[value.start : value.end]
        return called and of not in self.bound and primitives.find(of, 1) is not None

    def _free_name(self, derivative: str) -> str:
        """The name that an output has, dz_dx or d2z_dx_dy; a variable may have it already."""
        of, *by = derivative.split("/")
        name = derivative_name(of, by)
        while name in self.taken:
            name += "_"
        return name

    def _continued(self, _sign: Token, members: list[_Member]) -> Statement | None:
        return self._equal_output(members)

    def _equal_definition(self, name: Token, _sign: Token, members: list[_Member]) -> Statement | None:
        return self._equal(name.text, None, members, Span(name.start, name.end))

    def _equal_function(
        self, name: Token, _o: Token, parameters: list[Token], _c: Token, _s: Token, members: list[_Member]
    ) -> Statement | None:
        made = self._function(name, _o, parameters, _c, _s, members[0].value)
        return self._equal(name.text, made.parameters, members, made.span, made.first)

    def _equal(
        self,
        name: str | None,
        parameters: tuple[str, ...] | None,
        members: list[_Member],
        span: Span,
        first: int | None = None,
    ) -> Statement | None:
        first = self._first if first is None else first
        if self._new_derivatives():
            raise self._refused_derivative(self._told)
        if self._calls:
            call = self._calls[0]
            raise unknown_function(call._replace(text=call.text.removesuffix(CALLED)), self.text)
        sides = self._sides(members, first, parameters)
        known = self._formulas.get(name) if name is not None and parameters is None else None
        if known is not None and len(members) == 1 and members[0].value.number is not None:
            # q = x + y and, elsewhere, q = 3.
            side = sides[0]._replace(parameters=self.statements[known].parameters)
            self.equations.append(Equation(known, side, self._decimals(members[0])))
            self._complete()
            return None
        main = 0
        if name is None and members[0].value.number is not None:
            # 0.73 \approx \sigma(x) is about what the number stands for.
            main = next((k for k, member in enumerate(members) if member.value.number is None), 0)
        also = name is not None and self._defines_too(name, members, sides)
        statement = sides[main]._replace(name=name, span=span if main == 0 else sides[main].span)
        position, value = len(self.statements), self._decimals(members[main])
        sign = members[main].sign
        for k, member in enumerate(members):
            if k != main and not (also and k == 1):
                said = sign if k == 0 else member.sign
                self.equations.append(Equation(position, sides[k], self._decimals(member), said, value))
        self._complete()
        return statement

    def _defines_too(self, of: str, members: list[_Member], sides: list[Statement]) -> bool:
        """Whether a definition defines a name in its chain too, since nothing else does: a of h(x) = a = f(z).

        Where h is called, what a is equal to must hold no parameter of h, which has no value outside of it.
        """
        if len(members) < 2 or members[1].sign != "=" or members[1].value.number is not None:
            return False
        op, _, payload, _ = self.terms[sides[0].value]
        name, own = str(payload), sides[0].parameters or ()
        base, _, index = name.partition("_")
        known = name in self.bound or name in primitives.CONSTANTS or name in own
        if op != NAME or known or (index and base in self.families):
            return False
        inside = {str(term.payload) for term in self._terms_of(sides[1]) if term.op == NAME}
        if name in inside or (of in self.called and not inside.isdisjoint(own)):
            return False
        made = sides[1]._replace(name=name, parameters=None, span=sides[0].span)
        if name in self.defined:
            return name in self._also and self._content(self._also[name]) == self._content(made)
        self._also[name] = made
        self.defined |= {name}
        self.statements.append(made)
        return True

    def _sides(self, members: list[_Member], first: int, parameters: tuple[str, ...] | None = None) -> list[Statement]:
        """The members of a chain, each as a statement of its own."""
        found: list[Statement] = []
        for member in members:
            place = Span(member.value.start, member.value.end)
            found.append(Statement(None, parameters, first, member.value.term, place))
            first = member.value.term + 1
        return found

    def _decimals(self, member: _Member) -> int | None:
        """How many decimals a number is written with; None for a formula."""
        _, start, end, _, number, _, _ = member.value
        if number is None:
            return None
        mantissa, _, exponent = self.powers_of_ten.get(end, self.text[start:end]).partition("e")
        return len(mantissa.partition(".")[2].rstrip()) - int(exponent or 0)

    def _first_statement(self, statement: Statement | None) -> None:
        if statement is not None:
            self._repeats(statement)
            self._append(statement)

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
        if not self._repeats(statement):
            self._append(statement)

    def _append(self, statement: Statement) -> None:
        if statement.name is not None and not self._uses_itself(statement):
            alone = statement.first == statement.value and self.terms[statement.value].op == NUMBER
            if not alone:
                self._formulas[statement.name] = len(self.statements)
        self.statements.append(statement)

    def _repeats(self, statement: Statement) -> bool:
        """Whether a definition stood there before, term by term, as slides repeat theirs: it is forgotten then."""
        own = _Definition(statement, self.equations[self._said :])
        earlier = own if statement.name is None else self._definitions.setdefault(statement.name, own)
        repeats = earlier is not own and not self._uses_itself(statement) and self._same(earlier, own)
        if repeats:
            del self.terms[statement.first :]
            del self.equations[self._said :]
            self._first = len(self.terms)
        self._said = len(self.equations)
        return repeats

    def _same(self, first: _Definition, second: _Definition) -> bool:
        """Whether two definitions and the members of their chains are the same, wherever they stand."""
        sides = list(zip(first.sides, second.sides, strict=False))
        # Sizes first: what a text repeats is compared once for every time that it stands there.
        if len(first.sides) != len(second.sides) or any([a.value - a.first != b.value - b.first for a, b in sides]):
            return False
        if [each[2:] for each in first.equations] != [each[2:] for each in second.equations]:
            return False
        return all([self._content(a) == self._content(b) for a, b in sides])

    def _content(self, statement: Statement) -> list[object]:
        """What a statement says, wherever it stands."""
        first = statement.first
        terms = [(op, [j - first for j in args], payload) for op, args, payload, _ in self._terms_of(statement)]
        return [statement.parameters, *terms]


LatexBuilder.callbacks = {
    name: getattr(LatexBuilder, f"_{name}") for name in (*TermBuilder.callbacks, *LatexBuilder.own)
}
