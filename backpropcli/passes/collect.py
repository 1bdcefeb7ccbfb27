"""Like terms and like factors: a derivative as a person leaves it on the board, 6·x·y for 4·(x·y) + 2·(y·x)."""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence

from backpropcli import primitives
from backpropcli.graph import CONSTANT, VARIABLE, Graph, GraphBuilder, Node, literal_of, number_of, without_unused
from backpropcli.records import NamedTuple

# A longer product, and a longer sum before which a minus stands, gets a node of its own: nothing is copied for ever.
_MOST = 16
# A product of so few factors is written out wherever it is used.
_SHORT = 3
# Beyond so many nodes nobody looks how well a formula reads.
_READABLE = 10_000

_NUMBER, _VARIABLE, _SUM, _OTHER = range(4)

Factors = tuple[tuple[int, float], ...]
"""Nodes, each with its power, which is whole and positive."""


class Term(NamedTuple):
    """A number times a product, over a product."""

    number: float
    above: Factors = ()
    below: Factors = ()


def collected(graph: Graph) -> Graph:
    """The graph of numbers with like terms added up and like factors gathered in powers; linear in the graph.

    No sum is multiplied out, and nothing is cancelled but terms of variables alone: what is undefined somewhere stays.
    """
    made = _Collector(graph).run()
    # Where products have become one, what they are made of may be used but once.
    return _Collector(made).run() if len(made.nodes) <= _READABLE else made


class _Collector:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = GraphBuilder()
        self.uses = Counter(itertools.chain(graph.outputs, *[node.args for node in graph.nodes]))
        # Of every old node its node; of a sum or a product what it adds up, until a node is needed.
        self.nodes: dict[int, int] = {}
        self.open: dict[int, deque[Term]] = {}
        # Of new nodes that are sums what they add up.
        self.sums: dict[int, list[Term]] = {}

    def run(self) -> Graph:
        graph, outputs = self.graph, set(self.graph.outputs)
        for i, node in enumerate(graph.nodes):
            terms = self._terms(node)
            if terms is None:
                self.nodes[i] = self._other(node)
                continue
            self.open[i] = terms
            if i in outputs or (self.uses[i] > 1 and (i in graph.names or not self._is_short(terms))):
                self._node(i)
        names: dict[int, str] = {}
        for i, name in graph.names.items():
            if i in self.nodes and self.builder.nodes[self.nodes[i]].args:
                names.setdefault(self.nodes[i], name)
        return without_unused(self.builder.graph([self._node(i) for i in graph.outputs], names))

    def _is_short(self, terms: Sequence[Term]) -> bool:
        """Whether it is as soon written as its name: a few variables, and no more than one other factor."""
        (_, above, below), *more = terms
        others = [self._rank(of) > _VARIABLE for of, _ in above] + [2 * (self._rank(of) > _VARIABLE) for of, _ in below]
        return not more and len(others) <= _SHORT and sum(others) <= 1

    def _node(self, i: int) -> int:
        """The new node of an old one."""
        if i not in self.nodes:
            self.nodes[i] = self._sum(self.open.pop(i))
        return self.nodes[i]

    def _other(self, node: Node) -> int:
        """The new node of an operation that is no sum and no product."""
        op, args, attribute = node
        if op == VARIABLE:
            return self.builder.variable(str(attribute))
        if op == CONSTANT:
            return self.builder.constant(literal_of(attribute))
        return self.builder.apply(op, [self._node(j) for j in args], None if attribute is None else str(attribute))

    # Reading

    def _terms(self, node: Node) -> deque[Term] | None:
        """What an operation adds up, or nothing where it is no sum and no product."""
        op, args, attribute = node
        if op == CONSTANT and not isinstance(attribute, tuple):
            return deque([Term(number_of(attribute))])
        if op == "neg":
            return self._negative(self._of(args[0]))
        if op == "add" or op == "sub":
            left, right = self._of(args[0]), self._of(args[1])
            right = self._negative(right) if op == "sub" else right
            if len(left) < len(right):
                right.extendleft(reversed(left))
                return right
            left.extend(right)
            return left
        if op == "mul":
            return deque([self._times(self._single(self._of(args[0])), self._single(self._of(args[1])))])
        if op == "div":
            return self._quotient(*args)
        if op == "pow":
            return self._power(*args)
        return None

    def _of(self, i: int) -> deque[Term]:
        """What an old node adds up, to be changed; itself, where it has a node already."""
        if i in self.nodes:
            return deque([Term(1.0, ((self.nodes[i], 1.0),))])
        return self.open[i] if self.uses[i] == 1 else self.open[i].copy()

    def _single(self, terms: Sequence[Term]) -> Term:
        """One term; of a sum its node as a factor, with a minus before it where every term has one."""
        if len(terms) == 1:
            return terms[0]
        if all([term.number < 0.0 for term in terms]):
            return Term(-1.0, ((self._sum(list(map(_opposite, terms))), 1.0),))
        return Term(1.0, ((self._sum(terms), 1.0),))

    def _negative(self, terms: deque[Term]) -> deque[Term]:
        return deque(map(_opposite, terms if len(terms) <= _MOST else [self._single(terms)]))

    def _times(self, a: Term, b: Term) -> Term:
        """The product."""
        number = a.number * b.number
        if not math.isfinite(number) or (number == 0.0 and a.number and b.number):
            # What is beyond the range of numbers is left to whoever computes it.
            b = Term(1.0, (*b.above, (self.builder.constant(b.number), 1.0)), b.below)
            number = a.number
        above, below = self._cancelled(self._gathered(a.above + b.above), self._gathered(a.below + b.below))
        made = self._without_divisors(Term(number, above, below))
        if len(above + below) > _MOST:
            return Term(1.0, ((self._product(made), 1.0),))
        return made

    def _cancelled(self, above: Factors, below: Factors) -> tuple[Factors, Factors]:
        """x·y/x^3 as y/x^2: what a product is over stays, at least once, unless it is never 0."""
        powers = dict(below)
        common = {of: min(power, powers[of] - (not self._is_never_zero(of))) for of, power in above if of in powers}
        if not any(common.values()):
            return above, below
        first, second = [
            tuple([(of, power - common.get(of, 0.0)) for of, power in factors if power > common.get(of, 0.0)])
            for factors in (above, below)
        ]
        return first, second

    def _is_never_zero(self, node: int) -> bool:
        entry = primitives.TABLE.get(self.builder.nodes[node].op)
        return entry is not None and entry.nonzero == "1"

    def _without_divisors(self, term: Term) -> Term:
        """4·x/2 as 2·x, and x/2/3 as x/6; x/3 stays, since there is no number that a third is."""
        divisors = [pair for pair in term.below if self._rank(pair[0]) == _NUMBER]
        if not divisors:
            return term
        divisor = math.prod([number_of(self.builder.nodes[of].attribute) ** power for of, power in divisors])
        rest = tuple([pair for pair in term.below if pair not in divisors])
        if not divisor or not math.isfinite(divisor):
            return term
        whole = term.number / divisor
        if abs(divisor) == 1.0 or (whole.is_integer() and term.number.is_integer()):
            return Term(whole, term.above, rest)
        return Term(term.number, term.above, ((self.builder.constant(divisor), 1.0), *rest))

    def _quotient(self, first: int, second: int) -> deque[Term] | None:
        above, below = self._single(self._of(first)), self._single(self._of(second))
        if below.below:
            return None
        if below.number != 1.0:
            below = below._replace(above=((self.builder.constant(below.number), 1.0), *below.above))
        return deque([self._times(above, Term(1.0, (), below.above))])

    def _power(self, base: int, exponent: int) -> deque[Term] | None:
        node = self.graph.nodes[exponent]
        power = number_of(node.attribute) if node.op == CONSTANT and not isinstance(node.attribute, tuple) else 0.0
        if not (power.is_integer() and 1.0 <= power <= _MOST):
            return None
        terms = self._of(base)
        if len(terms) == 1 and terms[0].number == 1.0 and len(terms[0].above) == 1 and not terms[0].below:
            ((of, already),) = terms[0].above
        else:
            of, already = self._sum(terms), 1.0
        return deque([Term(1.0, ((of, already * power),))])

    def _gathered(self, factors: Factors) -> Factors:
        """Equal factors as powers, in the order in which they are written."""
        powers: dict[int, float] = {}
        for of, power in factors:
            powers[of] = powers.get(of, 0.0) + power
        return tuple(sorted(powers.items(), key=lambda pair: (self._rank(pair[0]), pair[0])))

    def _rank(self, node: int) -> int:
        """Where a factor stands in a product: numbers, variables, sums, others."""
        op = self.builder.nodes[node].op
        return _NUMBER if op == CONSTANT else _VARIABLE if op == VARIABLE else _SUM if node in self.sums else _OTHER

    # Writing

    def _sum(self, terms: Iterable[Term], *, grouped: bool = False) -> int:
        """The node of a sum, a positive term first; of a polynomial the highest powers, if they are positive."""
        terms = self._like(terms)
        if not grouped:
            terms = self._like(self._by_kernel(terms))
        if all([self._is_polynomial(term) for term in terms]):
            terms.sort(key=lambda term: -sum([power for of, power in term.above if self._rank(of) == _VARIABLE]))
        first = next((k for k, term in enumerate(terms) if term.number > 0.0), 0)
        made = self._product(terms[first])
        for term in [*terms[:first], *terms[first + 1 :]]:
            if term.number < 0.0:
                made = self.builder.apply("sub", (made, self._product(_opposite(term))))
            else:
                made = self.builder.apply("add", (made, self._product(term)))
        if len(terms) > 1:
            self.sums[made] = terms
        return made

    def _is_polynomial(self, term: Term) -> bool:
        return all([self._rank(of) == _NUMBER for of, _ in term.below]) and self._is_everywhere(term.above, ())

    def _like(self, terms: Iterable[Term]) -> list[Term]:
        """Every product once, with the sum of its numbers; where that is 0, only what has a value everywhere goes."""
        numbers: dict[tuple[Factors, Factors, int], float] = {}
        copies: Counter[tuple[Factors, Factors]] = Counter()
        for number, above, below in terms:
            total = number + numbers.get((above, below, copies[above, below]), 0.0)
            if not math.isfinite(total) or not (total or self._is_everywhere(above, below)):
                copies[above, below] += 1
                total = number
            numbers[above, below, copies[above, below]] = total
        found = [
            Term(number, above, below)
            for (above, below, _), number in numbers.items()
            if number or not self._is_everywhere(above, below)
        ]
        return found or [Term(0.0)]

    def _is_everywhere(self, above: Factors, below: Factors) -> bool:
        return not below and all([self._rank(of) <= _VARIABLE for of, _ in above])

    def _by_kernel(self, terms: Sequence[Term]) -> Iterable[Term]:
        """4·c + (2 - x²)·c as (6 - x²)·c, where c is neither made of variables alone nor a sum."""
        groups: dict[tuple[Term, int], list[Term]] = {}
        for k, term in enumerate(terms):
            kernel = self._kernel(term)
            groups.setdefault((kernel, k if kernel == Term(1.0) else -1), []).append(term)
        for (kernel, _), members in groups.items():
            if len(members) == 1:
                yield members[0]
                continue
            rest = self._like(itertools.chain.from_iterable([self._rest(term, kernel) for term in members]))
            minus = all([term.number < 0.0 for term in rest])
            if minus:
                rest = list(map(_opposite, rest))
            before = rest[0] if len(rest) == 1 else Term(1.0, ((self._sum(rest, grouped=True), 1.0),))
            made = self._times(before, kernel)
            yield _opposite(made) if minus else made

    def _kernel(self, term: Term) -> Term:
        """The factors of a term that are no variables and no sums, and what it is over."""
        above = [pair for pair in term.above if self._rank(pair[0]) == _OTHER]
        return Term(1.0, tuple(above), term.below)

    def _rest(self, term: Term, kernel: Term) -> Iterable[Term]:
        """The term without its kernel; of a sum that stands alone its terms."""
        above = tuple([pair for pair in term.above if pair not in kernel.above])
        if len(above) == 1 and above[0][1] == 1.0 and abs(term.number) == 1.0:
            inner = self.sums.get(above[0][0], ())
            if 0 < len(inner) <= _MOST:
                return inner if term.number > 0.0 else map(_opposite, inner)
        return [Term(term.number, above)]

    def _product(self, term: Term) -> int:
        """The node of one term."""
        number, above, below = term
        parts = [] if number in (1.0, -1.0) and above else [self.builder.constant(number)]
        made = self._multiplied(parts, above)
        if below:
            made = self.builder.apply("div", (made, self._multiplied([], below)))
        return self.builder.apply("neg", (made,)) if number == -1.0 and above else made

    def _multiplied(self, parts: list[int], factors: Factors) -> int:
        parts += [
            of if power == 1.0 else self.builder.apply("pow", (of, self.builder.constant(power)))
            for of, power in factors
        ]
        made = parts[0]
        for part in parts[1:]:
            made = self.builder.apply("mul", (made, part))
        return made


def _opposite(term: Term) -> Term:
    return term._replace(number=-term.number)
