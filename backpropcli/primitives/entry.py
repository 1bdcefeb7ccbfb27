"""The shape of an entry in the table of primitives: everything that is known about one operation, as text and data.

Rules, domains and conditions are formulas in the project's own language. In them the parameters stand for the
arguments, `y` for the result. They are parsed once, on first use, and evaluated over whatever the algebra of the moment
holds: numbers, dual numbers, nodes of another graph.
"""

from __future__ import annotations

from typing import Any

from backpropcli.records import NamedTuple


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


class Linear(NamedTuple):
    """Of an operation that is linear in its arguments together, the transposes: one formula a parameter.

    Each gives the argument's adjoint over the parameters, the result `y` and the result's adjoint `g`; None for a
    static parameter. The push is the operation itself with one argument moved, or the text `push`, over an argument's
    tangent `d`. In a text `{k}` is the argument's position among those that
    there are any number of, and `{rest}` stands for all of those, with commas.
    """

    transposes: tuple[str | None, ...]
    push: str | None = None


class Bilinear(NamedTuple):
    """Of an operation that is linear in each of its first two arguments, the two pulls, over `g` as in `Linear`."""

    left: str
    right: str


class Reduction(NamedTuple):
    """Of an operation whose result gathers entries along `axis`, or all of them: its derivative by each entry.

    One formula a parameter, of the parameter's shape; in it `y` is the result, spread to that shape. An adjoint is
    spread and multiplied by it, a tangent multiplied and added up. Entries off the path, a condition for each of them,
    get no adjoint at all.
    """

    partials: tuple[str | None, ...]
    path: str | None = None


class General(NamedTuple):
    """Both directions, one formula a parameter: tangents over `d`, the argument's; adjoints over `g`, the result's.

    `{k}` and `{rest}` are as in `Linear`; `{moved}` is the rest with `d` or `g` in the argument's place.
    """

    pushes: tuple[str | None, ...]
    pulls: tuple[str | None, ...]
    handbook: tuple[tuple[str, str] | None, ...] = ()
    """By parameter the push and the pull as a handbook prints them, where these are not the texts that keep digits."""


def linear(*transposes: str | None, push: str | None = None) -> Linear:
    """`Linear`, one transpose an argument."""
    return Linear(transposes, push)


def reduction(*partials: str | None, path: str | None = None) -> Reduction:
    """`Reduction`, one partial an argument."""
    return Reduction(partials, path)


Rule = Elementwise | Each | Linear | Bilinear | Reduction | General

ALL = float("inf")
"""The axis that stands for all of them."""


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


class Primitive(NamedTuple):
    """One operation, whole: its value, rule, domain, edges, spellings, LaTeX form, help line and test points."""

    name: str
    parameters: str
    """The parameters' names, separated by spaces; the last one as `*a` for any number of arguments, one at least."""
    value: str
    """A kernel's name, or a formula over kernels and other primitives, in its numerically stable form. It may
    hold definitions: `e = exp(-abs(x)); 1/(1 + e)`."""
    latex: str
    """The LaTeX form, `#1` and so on for the arguments, `#*` for the others with commas."""
    doc: str
    """One sentence for help and docs, units and conventions included."""
    samples: tuple[tuple[Any, ...], ...]
    """Points where value and derivatives are tested, plain ones first; arrays as nested tuples."""
    rule: Rule | None = None
    """None for an operation that is defined by its formula: the definition is differentiated instead. Smooth functions
    get smooth rules, since a rule with abs, max or if in it is a false kink one order up."""
    hard: tuple[tuple[Any, ...], ...] = ()
    """Points where a careless form loses its digits: branch points, cancellation, the ends of the range."""
    defaults: tuple[float, ...] = ()
    """The values of the last parameters where a call leaves them out."""
    whole: tuple[str, ...] = ()
    """The parameters that are whole numbers from 0 on, such as an order; there is no derivative by them."""
    static: tuple[str, ...] = ()
    """The parameters that shapes depend on, such as an axis: constants, known before anything is computed. There is no
    derivative by them. Where the last of them have their default values they are not written."""
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
    pattern: str | None = None
    """What the backward pass does to the adjoint, as lectures name it: `distributes: each input gets ...`."""
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
    structure: tuple[str, ...] = ()
    """Of an operation on arrays, what kind of matrix each local derivative is, in words or over the inputs: `{a}'`."""
    written: str | None = None
    """What a call of it is written as, where that is another entry's name that shapes decide about: `max(A)`."""
    helper: bool = False
    """Whether it is there for other rules only: not listed in help, and held through the rules that use it."""

    @property
    def variadic(self) -> bool:
        """True where the operation takes any number of arguments."""
        return "*" in self.parameters

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(self.parameters.replace("*", "").split())

    @property
    def told(self) -> str:
        """The help line, and what the backward pass does."""
        return self.doc if self.pattern is None else f"{self.doc} Its backward pass {self.pattern}."

    @property
    def array(self) -> bool:
        """True for an operation on arrays as a whole; others act on numbers, and so entry by entry."""
        return isinstance(self.rule, (Linear, Bilinear, Reduction, General)) or bool(self.static)

    def takes(self, count: int) -> bool:
        """Whether a call with this many arguments is one of this operation."""
        return count >= len(self.names) if self.variadic else count in self.counts

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
