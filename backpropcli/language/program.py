"""Terms to graphs: definitions in the order of their use, functions put in, names resolved."""

from __future__ import annotations

import functools
import heapq
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from backpropcli import primitives
from backpropcli.errors import BackpropError, Span
from backpropcli.graph import CONSTANT, VARIABLE, Graph, GraphBuilder, Literal, literal_of, number_of, without_unused
from backpropcli.language import tables
from backpropcli.language.forms import MAX_UNROLLED, unrolled
from backpropcli.language.parser import parse
from backpropcli.language.terms import (
    CALL,
    CALLED,
    INDEX,
    NAME,
    NUMBER,
    STACK,
    UNKNOWN,
    Claim,
    Equation,
    Statement,
    Term,
    TermBuilder,
    Undecided,
    bindings_of,
    mark_of,
)
from backpropcli.language.tokens import FORMS, Token, tokenize
from backpropcli.records import NamedTuple

MAX_CHARS = 65_536
MAX_NODES = 200_000
MAX_ORDER = 20
# The rules of max(a, b, ...) are of quadratic size in its arguments.
MAX_ARGUMENTS = 64
# What functions and derivatives take may be much more than what they give: at most this many times the nodes' limit.
MAX_COPIED = 5
MAX_DIFFERENTIATED = 1
_WORK = {
    "copied": (MAX_COPIED, "written out, its functions take"),
    "differentiated": (MAX_DIFFERENTIATED, "its derivatives go through"),
}


class Program(NamedTuple):
    """A formula as it was read: its terms, and its statements in the order of their use."""

    text: str
    terms: Sequence[Term]
    statements: tuple[Statement, ...]
    """As written."""
    order: tuple[Statement, ...]
    """Definitions and functions, each after what it uses."""
    outputs: tuple[Statement, ...]
    bindings: Mapping[str, Statement]
    """The variables that the text itself gives a value."""
    functions: Mapping[str, tuple[str, ...]]
    """The parameters of the functions that the text defines."""
    bound: frozenset[str]
    """The variables that have a value from outside."""
    written: tuple[Sequence[Term], tuple[Statement, ...]]
    """Terms and statements as they were written, before sums were unrolled: what a reading shows."""
    structure: Mapping[str, float] = {}
    """The names in the limits of sums, with their values: given, and not differentiated."""
    shapes: Mapping[str, tuple[int, ...]] = {}
    """The shapes of the arrays whose entries have names."""
    undecided: Mapping[Span, Undecided] = {}
    """The places of signs that of arrays are other operations than of numbers: Wx is a product of matrices."""
    equations: tuple[Equation, ...] = ()
    """What the text says values are equal to."""
    claims: tuple[Claim, ...] = ()
    """What the text says of derivatives."""
    gaps: frozenset[Span] = frozenset()
    """The places of cases that may hold nowhere."""
    updates: tuple[str, ...] = ()
    """The names that the text makes anew from themselves."""
    syntax: str = "infix"
    """What the text is written in: infix or latex."""


# What tells LaTeX from the infix language: a command, `_{` or `^{`, or dollar signs around a formula.
_MARK = r"\\[A-Za-z\[(]|[_^]\{|\$[^$]*\$"
SYNTAXES = ("auto", "infix", "latex")


@functools.cache
def _tables(name: str) -> tables.Tables:
    return tables.load(name)


def read(
    text: str,
    bound: Collection[str] = (),
    *,
    structure: Mapping[str, object] | None = None,
    syntax: str = "infix",
    max_chars: int | None = MAX_CHARS,
    max_terms: int = MAX_UNROLLED,
) -> Program:
    """The program that a text in the formula language stands for, or in LaTeX; `auto` finds out which.

    `bound` holds the canonical names of variables that have a value from outside; they decide how `name(` is read.
    `structure` gives those their values that may stand in the limits of a sum, or whose entries have names; written
    out, sums have `max_terms` at most.
    Raises BackpropError with the place and a way out. Time and memory are linear in the text.
    """
    if max_chars is not None and len(text) > max_chars:
        raise BackpropError(
            f"the formula has {len(text):,} characters, and the limit is {max_chars:,}",
            hint="raise the limit with --max-chars, if the formula is meant to be this long",
        )
    if syntax == "latex" or (syntax == "auto" and looks_like_latex(text)):
        return _read_latex(text, bound, structure or {}, max_terms)
    tokens = tokenize(text, _tables("formula"), bound)
    builder = TermBuilder(text, bound, _functions(tokens))
    parse(tokens, _tables("formula"), builder, text)
    written = builder.terms, tuple(builder.statements)
    _check_names(text, written[1])
    program = unrolled(text, *written, structure or {}, bound=bound, most=max_terms)
    return _program(text, program.terms, program.statements, frozenset(bound))._replace(
        written=(program.written, written[1]), structure=program.structure, shapes=program.shapes
    )


def looks_like_latex(text: str) -> bool:
    """Whether a text is read as LaTeX where nobody says what it is."""
    return ("\\" in text or "{" in text or "$" in text) and re.search(_MARK, text) is not None


def _read_latex(text: str, bound: Collection[str], structure: Mapping[str, object], max_terms: int) -> Program:
    from backpropcli.language import latex
    from backpropcli.language.latex_errors import latex_error
    from backpropcli.language.latex_terms import LatexBuilder

    tokens = latex.tokenize(text, bound)
    builder = LatexBuilder(text, bound, _functions(tokens), tokens)
    parse(tokens, _tables("latex"), builder, text, latex_error)
    builder.finish()
    written = builder.terms, tuple(builder.statements)
    _check_names(text, written[1])
    # What follows in the text follows in the terms: the members of a chain stand behind its statement.
    count = len(written[1])
    said = count + len(builder.equations)
    everything = (
        *written[1],
        *[equation.member for equation in builder.equations],
        *[member for claim in builder.claims for member in claim.members],
    )
    order = sorted(range(len(everything)), key=lambda k: everything[k].first)
    place = {k: at for at, k in enumerate(order)}
    members: dict[int, list[int]] = {}
    for k, equation in enumerate(builder.equations, start=count):
        members.setdefault(place[equation.of], []).append(place[k])
    inputs = tuple([everything[k] for k in order])
    sides = itertools.count(said)
    claims = [[next(sides) for _ in claim.members] for claim in builder.claims]
    program = unrolled(
        text,
        builder.terms,
        inputs,
        structure,
        bound=bound,
        letters=True,
        members=members,
        claims=[[place[k] for k in each] for each in claims],
        most=max_terms,
    )
    statements: list[Statement] = []
    positions: dict[tuple[int, tuple[int, ...]], int] = {}
    equations: list[tuple[tuple[int, tuple[int, ...]], Equation]] = []
    claimed: dict[int, dict[tuple[int, ...], Statement]] = {}
    entries: set[str | None] = set()
    for origin, statement in zip(program.origins, program.statements, strict=True):
        k = order[origin[0]] if origin[0] < len(order) else -1
        if k < 0:
            entries.add(statement.name)
        if k < count:
            positions[origin] = len(statements)
            statements.append(statement)
        elif k < said:
            equation = builder.equations[k - count]
            equations.append(((place[equation.of], origin[1]), equation._replace(member=statement)))
        else:
            claimed.setdefault(k, {})[origin[1]] = statement
    copied = [
        each._replace(
            members=tuple([claimed[k][numbers] for k in members]),
            indices=tuple(zip(program.letters.get(place[members[0]], ()), numbers, strict=False)),
            others=not numbers and len(claimed[members[0]]) > 1,
        )
        for each, members in zip(builder.claims, claims, strict=True)
        for numbers in claimed[members[0]]
    ]
    return _program(text, program.terms, tuple(statements), frozenset(bound), entries)._replace(
        written=(program.written, written[1]),
        structure=program.structure,
        shapes=program.shapes,
        undecided=builder.undecided,
        equations=tuple([equation._replace(of=positions[origin]) for origin, equation in equations]),
        claims=tuple(copied),
        gaps=frozenset(builder.gaps),
        updates=tuple(builder.updates),
        syntax="latex",
    )


def _functions(tokens: Sequence[Token]) -> dict[str, list[str]]:
    """The functions that a text defines, with their parameters."""
    found: dict[str, list[str]] = {}
    parameters: list[str] | None = None
    for token in tokens:
        if token.type == "HEAD":
            parameters = found[token.text] = []
        elif token.type == "RPAR":
            parameters = None
        elif token.type == "NAME" and parameters is not None:
            parameters.append(token.text)
    return found


def _program(
    text: str,
    terms: list[Term],
    statements: tuple[Statement, ...],
    bound: frozenset[str],
    entries: Collection[str | None] = (),
) -> Program:
    used = {statement: _names_in(terms, statement) for statement in statements}
    functions = {s.name: s.parameters for s in statements if s.name is not None and s.parameters is not None}
    bindings = bindings_of(terms, statements, functions, bound)
    _check_commas(text, statements, bindings)
    definitions = [s for s in statements if s.name is not None and s.name not in bindings]
    for statement in definitions:
        if statement.parameters is None and statement.name in bound:
            raise BackpropError(
                f"{statement.name} is given a value, and the formula defines it too",
                source=text,
                span=statement.span,
                hint="leave out one of the two",
            )
    order = _sorted_by_use(text, definitions, used)
    outputs = _outputs(text, [each for each in statements if each.name not in entries], bindings, used)
    return Program(text, terms, statements, order, outputs, bindings, functions, bound, (terms, statements))


def _check_names(text: str, statements: tuple[Statement, ...]) -> None:
    seen: set[str] = set()
    for statement in statements:
        if statement.name is None:
            continue
        if statement.name in seen:
            raise BackpropError(
                f"{statement.name} is defined twice", source=text, span=statement.span, hint="give each its own name"
            )
        seen.add(statement.name)


def _names_in(terms: list[Term], statement: Statement) -> dict[str, Span]:
    """The names that a statement uses, with the place of their first use."""
    parameters = frozenset(statement.parameters or ())
    found: dict[str, Span] = {}
    for i in range(statement.first, statement.value + 1):
        term = terms[i]
        if term.op == NAME or term.op == CALL:
            name = str(term.payload)
            if name not in parameters:
                found.setdefault(name, term.span)
    return found


def _check_commas(text: str, statements: tuple[Statement, ...], bindings: Mapping[str, Statement]) -> None:
    for before, statement in itertools.pairwise(statements):
        if statement.commas and (before.name not in bindings or statement.name not in bindings):
            at = before.span if before.name not in bindings else statement.span
            raise BackpropError(
                "a comma outside of brackets separates bindings only, as in x = -2, y = 5",
                source=text,
                span=at,
                hint="separate statements by ';'; write a decimal with a dot",
            )


def _sorted_by_use(
    text: str, definitions: list[Statement], used: Mapping[Statement, Mapping[str, Span]]
) -> tuple[Statement, ...]:
    """The definitions, each after those it uses; as written where that leaves a choice."""
    position = {statement.name: k for k, statement in enumerate(definitions)}
    users: list[list[int]] = [[] for _ in definitions]
    waiting = [0] * len(definitions)
    for k, statement in enumerate(definitions):
        for name in used[statement]:
            if name in position:
                users[position[name]].append(k)
                waiting[k] += 1
    ready = [k for k, count in enumerate(waiting) if count == 0]
    ordered: list[Statement] = []
    while ready:
        k = heapq.heappop(ready)
        ordered.append(definitions[k])
        for user in users[k]:
            waiting[user] -= 1
            if waiting[user] == 0:
                heapq.heappush(ready, user)
    if len(ordered) < len(definitions):
        raise _cycle(text, definitions, waiting, position, used)
    return tuple(ordered)


def _cycle(
    text: str,
    definitions: list[Statement],
    waiting: list[int],
    position: Mapping[str | None, int],
    used: Mapping[Statement, Mapping[str, Span]],
) -> BackpropError:
    k = next(k for k, count in enumerate(waiting) if count)
    path: dict[int, int] = {}
    while k not in path:
        path[k] = len(path)
        k = next(position[name] for name in used[definitions[k]] if name in position and waiting[position[name]])
    circle = [str(definitions[i].name) for i in list(path)[path[k] :]]
    shown = " -> ".join([*circle[:6], *(["..."] if len(circle) > 6 else []), circle[0]])
    return BackpropError(
        f"{circle[0]} is defined by itself: {shown}",
        source=text,
        span=definitions[k].span,
        hint="a definition may use only what does not depend on it",
    )


def _outputs(
    text: str,
    statements: Sequence[Statement],
    bindings: Mapping[str, Statement],
    used: Mapping[Statement, Mapping[str, Span]],
) -> tuple[Statement, ...]:
    """The bare expression; else the definitions that nobody uses; else the one function's body."""
    bare = [statement for statement in statements if statement.name is None]
    if len(bare) > 1:
        raise BackpropError(
            "two expressions: a formula has one output",
            source=text,
            span=bare[1].span,
            hint="give the others a name, as in q = x + y",
        )
    if bare:
        return tuple(bare)
    asked = {name for names in used.values() for name in names}
    unused = [s for s in statements if s.name not in bindings and s.name not in asked]
    definitions = tuple([statement for statement in unused if statement.parameters is None])
    functions = tuple([statement for statement in unused if statement.parameters is not None])
    if definitions:
        return definitions
    if len(functions) == 1:
        return functions
    if functions:
        raise BackpropError(
            "several functions, and none is the output", source=text, span=functions[1].span, hint="end with a call"
        )
    first = statements[0].span
    raise BackpropError(
        "only bindings, and no formula that uses them", source=text, span=first, hint="add a formula, as in ; x + y"
    )


# Building. A parameter of a function stands in its graph under a name that no user can write.


Derive = Callable[[GraphBuilder, Graph, Sequence[str]], Mapping[str, int]]
"""Appends the derivatives of a part of a graph by these variables to it, and gives their nodes."""


def build(
    program: Program,
    *,
    steps: bool = False,
    max_nodes: int | None = MAX_NODES,
    derive: Derive | None = None,
    marked: bool = False,
) -> Graph:
    """The graph of a program. With `steps` every definition is a node of its own, never merged with another.

    `derive` puts derivatives in the place of `diff(f, x)`. `marked` keeps products, and what else shapes decide, apart
    by their places, for `passes.bind`.
    """
    builder = _Builder(program, GraphBuilder(max_nodes), steps=steps, derive=derive, marked=marked)
    outputs = {statement.name for statement in program.outputs}
    for statement in program.order:
        if statement.parameters is not None:
            builder.define_function(statement)
        elif statement.name not in outputs:
            builder.define(statement)
    return builder.graph([builder.output(statement) for statement in program.outputs])


def equations_graph(
    program: Program,
    equation: Equation,
    *,
    max_nodes: int | None = MAX_NODES,
    derive: Derive | None = None,
    marked: bool = False,
) -> Graph | None:
    """The graph of a value and of what it is said to be equal to; None for a function that is not the output."""
    statement = program.statements[equation.of]
    if statement.parameters is not None and statement not in program.outputs:
        return None
    without = {statement.name} if statement.parameters is None else ()
    builder = _defining(program, without, max_nodes, derive, marked=marked)
    value = builder.output(statement) if statement.name not in program.bindings else builder.terms_of(statement)
    return builder.graph([value, builder.terms_of(equation.member)])


def values_graph(
    program: Program,
    statements: Sequence[Statement],
    *,
    max_nodes: int | None = MAX_NODES,
    derive: Derive | None = None,
    marked: bool = False,
) -> Graph:
    """The graph of what these say over the program's definitions, such as the members of a claim."""
    builder = _defining(program, (), max_nodes, derive, marked=marked)
    return builder.graph([builder.terms_of(statement) for statement in statements])


def derivative_graph(
    program: Program, name: str, by: Sequence[str], *, max_nodes: int | None = MAX_NODES, derive: Derive
) -> Graph | None:
    """The graph of a derivative of what has this name, which the program defines, or the language, by these names.

    A definition that it is differentiated by is a variable of the graph, and so are the entries of arrays that have
    names: what is made of these is a formula over numbers. None for a name that nobody defines.
    """
    builder = _defining(program, {*by, *_entries(program)}, max_nodes, derive)
    i = _defined(builder, name, by)
    if i is None:
        return None
    for variable in by:
        i = builder.derivative(derive, i, variable, Span(0, 0))
    return builder.graph([i])


def definition_graph(
    program: Program, name: str, by: str, *, max_nodes: int | None = MAX_NODES, derive: Derive
) -> Graph | None:
    """The graph of what has this name, in which what it is to be differentiated by is a variable."""
    builder = _defining(program, {by}, max_nodes, derive)
    i = _defined(builder, name, (by,))
    return None if i is None else builder.graph([i])


def _defined(builder: _Builder, name: str, by: Sequence[str]) -> int | None:
    """The node of what has this name, which the program defines, or the language as a function of one of these."""
    program = builder.program
    statement = next((each for each in program.statements if each.name == name), None)
    if statement is not None and statement.parameters is not None:
        return builder.output(statement)
    if statement is not None:
        return builder.terms_of(statement)
    entry = primitives.find(name, 1)
    if entry is None or name in program.bound or len(set(by)) > 1:
        return None
    return builder.graphs.apply(entry.name, [builder.graphs.variable(by[0])])


def _entries(program: Program) -> set[str]:
    """The names that stand for entries of arrays, as theta_0 does for theta[0]."""
    if not program.shapes:
        return set()
    found = set()
    for statement in program.order:
        op, args, _, _ = program.terms[statement.value]
        if op == INDEX and str(program.terms[args[0]].payload) in program.shapes:
            found.add(str(statement.name))
    return found


def _defining(
    program: Program,
    without: Collection[str | None],
    max_nodes: int | None,
    derive: Derive | None,
    *,
    marked: bool = False,
) -> _Builder:
    """A builder that knows the program's definitions but for these, which are variables."""
    builder = _Builder(program, GraphBuilder(max_nodes), derive=derive, marked=marked)
    for each in program.order:
        if each.parameters is not None:
            builder.define_function(each)
        elif each.name not in without:
            builder.define(each)
    return builder


def mentioned(program: Program) -> tuple[str, ...]:
    """The names without a value of its own in what a text says beside its formula: in members of chains and claims."""
    # Where a function is the output, its parameters are the formula's variables.
    outputs = {statement.name for statement in program.outputs}
    members = [
        each.member._replace(parameters=None) if program.statements[each.of].name in outputs else each.member
        for each in program.equations
    ]
    members += [member for claim in program.claims for member in claim.members]
    known = {each.name for each in program.statements} | primitives.CONSTANTS.keys() | program.structure.keys()
    found: dict[str, None] = {}
    for member in members:
        for op, _, payload, _ in program.terms[member.first : member.value + 1]:
            name = str(payload)
            if op == NAME and name not in known and name not in (member.parameters or ()) and name[-1] not in _NO_NAME:
                found.update({} if UNKNOWN in name else {name: None})
    return tuple(found)


def binding(program: Program, name: str) -> Graph:
    """The constant formula that the text gives as a variable's value."""
    builder = _Builder(program._replace(bindings={}, bound=frozenset()), GraphBuilder(MAX_NODES))
    return builder.graphs.graph([builder.terms_of(program.bindings[name])])


_PRODUCTS = ("mul", "matmul")
_NO_NAME = (CALLED, UNKNOWN)


class _Call(NamedTuple):
    """A function's body that is being put in."""

    name: str
    arguments: tuple[int, ...]
    made: list[int]
    """The nodes so far that those of the body became."""


class _Builder:
    def __init__(
        self,
        program: Program,
        graphs: GraphBuilder,
        *,
        steps: bool = False,
        inside: Mapping[str, int] | None = None,
        derive: Derive | None = None,
        marked: bool = False,
    ) -> None:
        self.program = program
        self.derive = derive
        self.marked = marked
        self.graphs = graphs
        self.steps = steps
        self.inside = inside
        """Inside a function: its parameters' nodes. Other names are resolved where the function is put in."""
        self.names: dict[int, str] = {}
        self.spans: dict[int, Span] = {}
        self._defined: dict[str, int] = {}
        self.differentiates = False
        """Inside a function: whether it differentiates, which needs all that it calls to be put in."""
        self._functions: dict[str, Graph] = {}
        self._calls: dict[tuple[str, tuple[int, ...]], int] = {}
        self._slopes: dict[int, dict[str, int]] = {}
        self._spent = dict.fromkeys(_WORK, 0)

    def graph(self, nodes: Sequence[int]) -> Graph:
        """The graph of these, without what they do not use."""
        return without_unused(self.graphs.graph(nodes, self.names, self.spans))

    def define(self, statement: Statement) -> int:
        i = self.terms_of(statement)
        name = statement.name or ""
        if self.steps:
            i = self.graphs.step(name, i)
            self.spans.setdefault(i, statement.span)
        if name and self.graphs.nodes[i].op != VARIABLE:
            self.names.setdefault(i, name)
        if name:
            self._defined[name] = i
        return i

    def output(self, statement: Statement) -> int:
        if statement.parameters is None:
            return self.define(statement)
        # A lone f(x) = ... is its body, over variables with the parameters' names.
        arguments = [self.graphs.variable(name) for name in statement.parameters]
        i = self._inlined(statement.name or "", arguments, None)
        return self.graphs.step(statement.name or "", i) if self.steps else i

    def define_function(self, statement: Statement) -> None:
        """Keep a function's body as a graph of its own, over `#0`, `#1` ... for its parameters."""
        places = GraphBuilder(self.graphs.limit)
        parameters = {name: places.variable(f"#{k}") for k, name in enumerate(statement.parameters or ())}
        inner = _Builder(self.program, places, inside=parameters, derive=self.derive, marked=self.marked)
        inner._functions, inner._spent = self._functions, self._spent
        terms = self.program.terms[statement.first : statement.value + 1]
        inner.differentiates = any([op == CALL and payload == "diff" for op, _, payload, _ in terms])
        self._functions[statement.name or ""] = places.graph([inner.terms_of(statement)], spans=inner.spans)

    def terms_of(self, statement: Statement) -> int:
        """The node of a statement's value."""
        first = statement.first
        found: list[int] = []
        for op, args, payload, span in self.program.terms[first : statement.value + 1]:
            if op == NUMBER:
                node = self.graphs.constant(literal_of(payload))
            elif op == NAME:
                node = self._named(str(payload))
            else:
                arguments = [found[j - first] for j in args]
                name = str(payload)
                if op == CALL and name in self._functions:
                    node = self._called(name, arguments, span)
                elif op == CALL and name == "diff":
                    node = self._differentiated(arguments, span)
                else:
                    entry = primitives.find(name, len(args)) if op == CALL else primitives.TABLE[op]
                    if entry is None or (op == CALL and len(args) > MAX_ARGUMENTS):
                        raise self._wrong_count(name, len(args), span)
                    if entry.defaults:
                        arguments += [self.graphs.constant(number) for number in entry.left_out(len(arguments))]
                    node = self._applied(entry.name, arguments, self._mark(op, span))
            found.append(node)
            self.spans.setdefault(node, span)
        return found[-1]

    def _mark(self, op: str, span: Span) -> str | None:
        """What keeps the nodes of a place apart from all others, where shapes decide what they are."""
        marked = self.marked and (op in _PRODUCTS or span in self.program.undecided)
        return mark_of(span) if marked else None

    def _applied(self, op: str, arguments: list[int], mark: str | None = None) -> int:
        """The node of a primitive applied to these; an array of constants is a constant."""
        if op == STACK:
            nodes = [self.graphs.nodes[i] for i in arguments]
            if all([node.op == CONSTANT for node in nodes]):
                entries = [literal_of(node.attribute) for node in nodes]
                if len({_shape(entry) for entry in entries}) == 1:
                    return self.graphs.constant(tuple(entries))
        return self.graphs.apply(op, arguments, mark)

    def _differentiated(self, arguments: list[int], span: Span) -> int:
        """The node of diff(f, x, ...): by each variable in turn, a whole number repeating the one before it."""
        value, variables = arguments[0], arguments[1:]
        if self.derive is None or not variables:
            raise self._no_derivative("diff needs a formula and a variable", span)
        by: list[int] = []
        for i in variables:
            op, _, attribute = self.graphs.nodes[i]
            number = number_of(attribute) if op == CONSTANT and not isinstance(attribute, tuple) else 0.0
            if by and 1.0 <= number <= MAX_ORDER and number.is_integer():
                by += [by[-1]] * (int(number) - 1)
            elif op != VARIABLE:
                raise self._no_derivative("diff differentiates by variables, and this is none", span)
            elif self.inside is not None and i not in self.inside.values():
                raise self._no_derivative("inside a function diff differentiates by the function's parameters", span)
            else:
                by.append(i)
        for i in by:
            value = self.derivative(self.derive, value, str(self.graphs.nodes[i].attribute), span)
        return value

    def derivative(self, derive: Derive, value: int, name: str, span: Span) -> int:
        """One derivative; that by a second variable brings those by all others, at once and for later."""
        known = self._slopes.setdefault(value, {})
        if name not in known:
            part = self.graphs.part([value])
            self._count("differentiated", len(part.nodes), span)
            known |= derive(self.graphs, part, [*part.variables, name] if known else [name])
        return known[name]

    def _no_derivative(self, message: str, span: Span) -> BackpropError:
        return BackpropError(message, source=self.program.text, span=span, hint=f"write {FORMS['diff']}")

    def _named(self, name: str) -> int:
        if self.inside is not None:
            return self.inside[name] if name in self.inside else self.graphs.variable(name)
        return self._global(name)

    def _global(self, name: str) -> int:
        if name in self._defined:
            return self._defined[name]
        program = self.program
        if name in primitives.CONSTANTS and name not in program.bound and name not in program.bindings:
            return self.graphs.constant(primitives.CONSTANTS[name])
        return self.graphs.variable(name)

    def _called(self, name: str, arguments: Sequence[int], span: Span) -> int:
        """The node of a call of a user's function; inside another it stays a call until that one is put in."""
        if len(arguments) != len(self.program.functions[name]):
            raise self._wrong_count(name, len(arguments), span)
        if self.inside is not None and not self.differentiates:
            return self.graphs.apply(CALL, arguments, name)
        return self._inlined(name, arguments, span)

    def _inlined(self, name: str, arguments: Sequence[int], span: Span | None) -> int:
        """The node of a user's function applied to these nodes: its body, and those of the functions that it calls.

        Bodies that are being put in stand on a stack; the same function of the same nodes is put in once.
        """
        asked = name, tuple(arguments)
        calls = [_Call(*asked, [])]
        while asked not in self._calls:
            call = calls[-1]
            body = self._functions[call.name]
            k = len(call.made)
            if k == len(body.nodes):
                self._calls[call.name, call.arguments] = call.made[body.outputs[0]]
                calls.pop()
                continue
            op, args, attribute = body.nodes[k]
            given = tuple([call.made[j] for j in args])
            size = len(self.graphs.nodes)
            if op == CALL:
                inner = str(attribute), given
                if inner not in self._calls:
                    self._count("copied", len(given), span)
                    calls.append(_Call(*inner, []))
                    continue
                i = self._calls[inner]
            elif given:
                i = self._applied(op, list(given), None if attribute is None else str(attribute))
            elif op == CONSTANT:
                i = self.graphs.constant(literal_of(attribute))
            else:
                i = self._outside(str(attribute), call.arguments)
            if len(self.graphs.nodes) == size:
                self._count("copied", 1, span)
            if k in body.spans and not str(attribute).startswith("#"):
                self.spans.setdefault(i, body.spans[k])
            call.made.append(i)
        return self._calls[asked]

    def _outside(self, name: str, arguments: Sequence[int]) -> int:
        """What a name in a function's body stands for: a parameter, written `#0` and so on, or a name of the whole."""
        if name.startswith("#"):
            return arguments[int(name[1:])]
        return self._global(name) if self.inside is None else self.graphs.variable(name)

    def _count(self, work: str, count: int, span: Span | None) -> None:
        """More work of a kind whose result may be smaller than what it takes."""
        self._spent[work] += count
        if self.graphs.limit is None:
            return
        factor, what = _WORK[work]
        if self._spent[work] > factor * self.graphs.limit:
            raise BackpropError(
                f"the formula is too large: {what} more than {factor * self.graphs.limit:,} nodes",
                source=self.program.text,
                span=span,
                hint="raise the limit with --max-nodes, if the formula is meant to be this large",
            )

    def _wrong_count(self, name: str, count: int, span: Span | None) -> BackpropError:
        if name not in self.program.functions and name not in FORMS and name not in primitives.spellings():
            return BackpropError(f"unknown function '{name}'", source=self.program.text, span=span)
        if name in self.program.functions:
            takes = str(len(self.program.functions[name]))
        elif name in FORMS:
            return BackpropError(
                f"{name} is given {count} argument{'' if count == 1 else 's'}",
                source=self.program.text,
                span=span,
                hint=f"write {FORMS[name]}",
            )
        else:
            entries = primitives.spellings()[name]
            takes = " or ".join([str(number) for entry in entries for number in entry.counts])
            if count > MAX_ARGUMENTS and any([entry.takes(count) for entry in entries]):
                return BackpropError(
                    f"{name} takes at most {MAX_ARGUMENTS} arguments, but {count:,} are given",
                    source=self.program.text,
                    span=span,
                    hint=f"put calls into calls, as in {name}({name}(a, b), c)",
                )
        plural = "" if takes == "1" else "s"
        return BackpropError(
            f"{name} takes {takes} argument{plural}, but {count} {'is' if count == 1 else 'are'} given",
            source=self.program.text,
            span=span,
            hint=_usage(name, self.program.functions.get(name)),
        )


def _shape(literal: Literal) -> tuple[int, ...]:
    """How many entries a number or an array has along each axis; an array's entries are alike."""
    shape = []
    while isinstance(literal, tuple):
        shape.append(len(literal))
        literal = literal[0]
    return tuple(shape)


def _usage(name: str, parameters: tuple[str, ...] | None) -> str:
    if parameters is None:
        parameters = primitives.spellings()[name][0].names
    return f"write {name}({', '.join(parameters)})"
