"""The shape of an entry in the table of primitives: everything that is known about one operation, as text and data.

Rules, domains and conditions are formulas in the project's own language. In them the parameters stand for the
arguments, `y` for the result. They are parsed once, on first use, and evaluated over whatever the algebra of the moment
holds: numbers, dual numbers, nodes of another graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Elementwise(NamedTuple):
    """The local derivatives, one formula a parameter; None where the result is locally constant in it."""

    partials: tuple[str | None, ...]
    paths: tuple[str | None, ...] = ()
    """Where there is a path at all, one condition a parameter (None: everywhere). Off the path the derivative is
    absent, which is not a zero: nothing is multiplied, so an infinity behind it cannot poison the gradient."""


class Each(NamedTuple):
    """The local derivative of an operation on any number of arguments that treats them all alike.

    In the texts `x` is the argument in question, `y` the result, and `total` the sum of the text `total` over all of
    the arguments.
    """

    partial: str
    total: str
    path: str | None = None


def elementwise(*partials: str | None, paths: tuple[str | None, ...] = ()) -> Elementwise:
    """`Elementwise`, written as a handbook's line: one partial an argument."""
    return Elementwise(partials, paths)


class Edge(NamedTuple):
    """A place where the derivative is a convention: notes, help, docs and the finite-difference check read this."""

    where: str
    """The condition, over the parameters, `y` (and `total`, of an `Each` operation)."""
    kind: str
    """kink, tie or jump."""
    convention: str
    """What is used there, in words or as a number: "0", "half to each"."""
    slopes: tuple[str, str] | None = None
    """The one-sided slopes from the left and from the right, as formulas; None at a jump."""
    of: str | None = None
    """The parameter that the convention is about: nothing is noted where it is not active. None: any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """One operation, whole: its value, rule, domain, edges, spellings, LaTeX form, help line and test points."""

    name: str
    parameters: str
    """The parameters' names, separated by spaces; `*a` for any number of arguments (one at least)."""
    value: str
    """A kernel's name, or a formula over kernels and other primitives, in its numerically stable form. It may
    hold definitions: `e = exp(-abs(x)); 1/(1 + e)`."""
    rule: Elementwise | Each | None = None
    """None for an operation that is defined by its formula: the definition is differentiated instead. Smooth functions
    get smooth rules, since a rule with abs, max or if in it is a false kink one order up."""
    latex: str
    """The LaTeX form, `#1` and so on for the arguments, `#*` for all of them with commas."""
    doc: str
    """One sentence for help and docs, units and conventions included."""
    samples: tuple[tuple[float, ...], ...]
    """Points where value and derivatives are tested, plain ones first."""
    hard: tuple[tuple[float, ...], ...] = ()
    """Points where a careless form loses its digits: branch points, cancellation, the ends of the range."""
    defaults: tuple[float, ...] = ()
    """The values of the last parameters where a call leaves them out."""
    whole: tuple[str, ...] = ()
    """The parameters that are whole numbers from 0 on, such as an order; there is no derivative by them."""
    aliases: tuple[str, ...] = ()
    """Other spellings that are read as this operation. Two primitives may share one if they differ in arity."""
    operator: tuple[str, int] | None = None
    """How it is written if not as a call: the sign and its precedence (see `PRECEDENCE`)."""
    symbol: str | None = None
    """The lecture's sign for it, in tables: `σ` for sigmoid, `·` for a product."""
    handbook: tuple[str | None, ...] | None = None
    """The partials as a handbook prints them, where the stable rule is not that text; tested equal to the rule."""
    domain: str | None = None
    """The condition under which the value exists, over the parameters. It writes its own error message."""
    needs: str | None = None
    """The domain in words, where its condition would not read well in a message."""
    edges: tuple[Edge, ...] = ()
    nonzero: str | None = None
    """The condition under which the exact value is not 0, so that a 0 is one by underflow; None where that is open."""
    saturates: str | None = None
    """Of a gate, where it stops to respond to its argument: on "both" sides, or on "one", where it is called dead."""
    reads: tuple[str | None, ...] = ()
    """For operations that do not need every argument: under which condition each is needed (None: always)."""
    elementary: str | None = None
    """The textbook's definition in simpler gates; `--nodes elementary` splits the node into it, and the tests hold the
    value against it at fifty digits."""
    digits: int = 4
    """The promise, in units in the last place, for value and local derivatives."""
    scales: tuple[str | None, ...] = ()
    """Of the value and then of every partial, the largest term of the sum that it is, where it has a zero inside its
    domain and its text is no sum: near the zero, digits are counted from this."""
    helper: bool = False
    """Whether it is there for other rules only: not listed in help, and held through the rules that use it."""

    @property
    def variadic(self) -> bool:
        """True where the operation takes any number of arguments."""
        return self.parameters.startswith("*")

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(self.parameters.lstrip("*").split())

    def takes(self, count: int) -> bool:
        """Whether a call with this many arguments is one of this operation."""
        return count >= 1 if self.variadic else count in self.counts

    @property
    def counts(self) -> range:
        """The numbers of arguments that a call may have, of an operation that is not variadic."""
        most = len(self.names)
        return range(most - len(self.defaults), most + 1)

    def left_out(self, count: int) -> tuple[float, ...]:
        """The values of the parameters that a call with this many arguments leaves out."""
        return self.defaults[count - self.counts.start :]


# From loose to tight, as in the grammar. A call, a name and a number are atoms.
PRECEDENCE = {
    "ternary": 1,
    "or": 2,
    "and": 3,
    "not": 4,
    "comparison": 5,
    "sum": 6,
    "product": 7,
    "sign": 8,
    "power": 10,
    "atom": 11,
}
