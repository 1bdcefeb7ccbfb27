"""A report's formulas in LaTeX: its reading, names, labels and local derivatives."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from backpropcli import primitives
from backpropcli.algebras import latex
from backpropcli.algebras.latex import ENTRIES, Latex
from backpropcli.algebras.text import TOO_LONG, Source
from backpropcli.errors import Span
from backpropcli.graph import CONSTANT, STEP, Graph, literal_of
from backpropcli.language.program import Program
from backpropcli.language.terms import CALL, NAME, NUMBER, Statement, Term
from backpropcli.passes import bind
from backpropcli.passes.evaluate import dims_of
from backpropcli.passes.sweeps import Trace
from backpropcli.passes.tabulate import shown_names
from backpropcli.passes.wording import ALONG, FORMULA_SIZE, Hand, Words, filled
from backpropcli.primitives import PRECEDENCE
from backpropcli.report import ADJOINT_TYPESET, Typeset

LABEL_WIDTH = 200
"""Characters of LaTeX beyond which an operation is no label."""


class _Pull(Latex):
    """What carries adjoints back, as a lecture writes it: an outer product is a column times a row."""

    def function(self, op: str, count: int) -> Callable[..., Source]:
        """Typesetting the primitive over its arguments."""
        written = super().function(op, count)
        product = super().function("matmul", 2)
        words: dict[str, Callable[..., Source]] = {
            "transpose": _transposed,
            "outer": lambda a, b: (
                product(_transposed(a), b) if b.text == ADJOINT_TYPESET else product(a, _transposed(b))
            ),
            "spread": lambda x, *_: _named("repeat", x),
            "collapse": lambda x, *_: _named("sum", x),
            "place": lambda x, _, *i: Source(
                rf"{x.text} \text{{ at }} [{', '.join([at.text for at in i])}]", PRECEDENCE["ternary"]
            ),
        }
        return words.get(op, written)


def _transposed(a: Source) -> Source:
    tall = a.text == ADJOINT_TYPESET
    return Source(rf"{_inside(a, PRECEDENCE['atom'] + tall)}^{{\top}}", PRECEDENCE["atom"])


def _named(name: str, a: Source) -> Source:
    return Source(rf"\operatorname{{{name}}}{_listed([a.text])}", PRECEDENCE["atom"])


_HAND = Hand(
    Latex(),
    Latex(rounded=True, product=r"\times"),
    Latex(rounded=True),
    _Pull(rounded=True),
    adjoint=ADJOINT_TYPESET,
    spaced=True,
)
BOARD = _HAND._replace(formula=Latex(rounded=True))
"""What is written on a board, where numbers are put in."""
# In braces, since TeX would space it as a sign between two values.
_DOT = r"{\cdot}"
# Products of arrays that have a sign.
_SIGNED = {bind.ENTRIES: rf"#1 {ENTRIES} #2", bind.DOT: r"#1 \cdot #2"}
_INDEXED = {"sum": r"\sum", "prod": r"\prod"}


def typeset(
    program: Program,
    trace: Trace[float],
    inside: Sequence[Graph | None] | None,
    ids: Sequence[str],
    outputs: Sequence[str],
    products: Mapping[Span, str] | None = None,
) -> Typeset:
    """The formulas of the rows that `tabulate.tables` makes of the same trace.

    `products` are the places of products of arrays that are printed with a sign, as `bind` tells them.
    """
    graph = trace.graph
    written = shown_names(graph, ids)
    names = latex.names([*graph.variables, *outputs, *graph.names.values(), *[name for name in ids if name]])
    words = Words(_HAND)
    labels: dict[str, str] = {}
    rules: dict[str, tuple[str | None, ...]] = {}
    structures: dict[str, tuple[str, ...]] = {}
    for i, (op, args, _) in enumerate(graph.nodes):
        if not args and op != STEP:
            continue
        step = inside[i] if inside is not None else None
        inputs = [j for j in args if graph.nodes[j].op != CONSTANT]
        if step is None:
            numbers = [literal_of(graph.nodes[j].attribute) if graph.nodes[j].op == CONSTANT else None for j in args]
            wording = words.gate(op, numbers)
        else:
            wording = words.step(step)
        arrays = op == "mul" and all([dims_of(trace.values[j]) for j in args])
        label = filled(wording.label.replace(r"\cdot", ENTRIES) if arrays else wording.label, [_DOT] * len(inputs))
        labels[ids[i]] = _elided(label if len(label) <= LABEL_WIDTH else TOO_LONG)
        shown = [names[written[j]] for j in inputs]
        rules[ids[i]] = tuple(
            [
                _elided(filled(rule, shown)) if rule is not None and trace.active[j] else None
                for rule, j in zip(wording.rules, inputs, strict=True)
            ]
        )
        structures[ids[i]] = tuple([filled(_structured(kind), shown) for kind in wording.structures])
    return Typeset(_reading(program, names, products or {}), names, labels, rules, structures)


# What a structure is written with: words, and signs.
_WORD = re.compile(r"[A-Za-z][A-Za-z-]+(?: [a-z]+)*")
_SIGNS = str.maketrans({"⊗": r"\otimes", "·": r"\cdot", "'": r"^{\top}"})


def _structured(kind: str) -> str:
    """A structure in math mode; its inputs, which are placeholders, are still to be filled in."""
    kind, along, axis = kind.partition(ALONG)
    written = _WORD.sub(lambda found: rf"\text{{{found[0]}}}", kind).translate(_SIGNS)
    return rf"{written}\text{{{along}}}{axis}" if along else written


def _elided(text: str) -> str:
    return text.replace(TOO_LONG, r"\ldots")


def _reading(program: Program, names: Mapping[str, str], products: Mapping[Span, str]) -> tuple[str, ...] | None:
    """The program's statements, each as it was understood; None where that is more than a page can hold."""
    terms, statements = program.written
    if len(terms) > FORMULA_SIZE:
        return None
    known = {**latex.names([str(term.payload) for term in terms if term.op == NAME]), **names}
    constant = primitives.CONSTANTS.keys() - program.bound - program.bindings.keys()
    known |= {name: Latex().constant(primitives.CONSTANTS[name]).text for name in constant}
    own = {str(statement.name) for statement in statements if statement.parameters is not None}
    found = [_statement(terms, statement, known, own, products) for statement in statements]
    return None if any([TOO_LONG in text for text in found]) else tuple(found)


def _statement(
    terms: Sequence[Term],
    statement: Statement,
    names: Mapping[str, str],
    own: Collection[str | None],
    products: Mapping[Span, str],
) -> str:
    parameters = statement.parameters or ()
    local = {**latex.names([statement.name or "", *parameters]), **names} | latex.names(parameters)
    value = _value(terms, statement, local, own, products).text
    if statement.name is None:
        return value
    if statement.parameters is None:
        return f"{local[statement.name]} = {value}"
    return f"{_function(statement.name)}{_listed([local[name] for name in parameters])} = {value}"


def _value(
    terms: Sequence[Term],
    statement: Statement,
    names: Mapping[str, str],
    own: Collection[str | None],
    products: Mapping[Span, str],
) -> Source:
    """The statement's value, folded term by term; `own` are the functions that the program defines."""
    algebra = Latex()
    found: dict[int, Source] = {}
    for i in range(statement.first, statement.value + 1):
        op, args, payload, span = terms[i]
        name = str(payload) if op == CALL else op
        values = [found[j] for j in args]
        entry = None
        if op == NUMBER:
            found[i] = algebra.constant(literal_of(payload))
        elif op == NAME:
            found[i] = algebra.name(names[str(payload)])
        elif name not in own and (entry := primitives.find(name, len(args)) or primitives.TABLE.get(op)) is not None:
            values += [algebra.constant(number) for number in entry.left_out(len(args))] if entry.defaults else []
            sign = products.get(span) if entry.name in ("mul", "matmul") else None
            form = r"#1 #2^{\top}" if entry.name == "outer" else _SIGNED[sign] if sign else None
            written = algebra.form(form).filled if form else algebra.function(entry.name, len(values))
            found[i] = written(*values)
        else:
            found[i] = _construct(name, values) if name not in own else _call(name, values)
    return found[statement.value]


def _construct(name: str, values: Sequence[Source]) -> Source:
    """What is a call in the language and has no entry in the table: a sum over an index, a derivative."""
    if name in _INDEXED and len(values) > 3:
        body, index, first, last, *without = values
        below = ", ".join([f"{index.text}={first.text}", *[condition.text for condition in without]])
        limits = f"_{{{below}}}^{{{last.text}}}"
        return Source(f"{_INDEXED[name]}{limits} {_inside(body, PRECEDENCE['product'])}", PRECEDENCE["sum"])
    if name == "diff" and len(values) > 1:
        body, *by = values
        above = "d" if len(by) == 1 else f"d^{{{len(by)}}}"
        below = r" \, ".join([f"d {value.text}" for value in by])
        return Source(rf"\frac{{{above}}}{{{below}}} {_inside(body, PRECEDENCE['atom'])}", PRECEDENCE["product"])
    return _call(name, values)


def _inside(source: Source, least: int) -> str:
    return source.text if source.precedence >= least else latex.bracketed(source.text)


def _call(name: str, values: Sequence[Source]) -> Source:
    return Source(_function(name) + _listed([value.text for value in values]), PRECEDENCE["atom"])


def _function(name: str) -> str:
    return latex.names([name])[name].replace(r"\mathit", r"\operatorname", 1)


def _listed(texts: Sequence[str]) -> str:
    return latex.bracketed(", ".join(texts))
