"""A program whose signs are settled by shapes: its reading, and its graph, are of the operations that were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backpropcli.errors import BackpropError, Span
from backpropcli.language.program import Derive, Program, build
from backpropcli.language.terms import TRANSPOSE, Term
from backpropcli.passes.bind import bind
from backpropcli.records import NamedTuple


class Settled(NamedTuple):
    """A program for arrays of known shapes."""

    program: Program
    products: Mapping[Span, str]
    """The places of products that are printed with a sign: of two arrays' entries, and the inner one of vectors."""


def settled(
    program: Program,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    max_nodes: int | None,
    max_bytes: int | None,
    derive: Derive,
) -> Settled:
    """The program over variables of these shapes, with products of matrices where it multiplies matrices.

    Raises BackpropError where shapes do not fit, and where a product may be read in several ways.
    """
    graph = build(program, max_nodes=max_nodes, derive=derive, marked=True)
    bound = bind(
        graph, shapes, text=program.text, max_nodes=max_nodes, max_bytes=max_bytes, undecided=program.undecided
    )
    found: dict[Span, str] = {}
    for span, operations in bound.decided.items():
        if len(operations) > 1:
            raise BackpropError(
                "this is of matrices where the function is called with one argument, and of numbers with another",
                source=program.text,
                span=span,
                hint="define a function for each of them",
            )
        found[span] = next(iter(operations))
    terms = _rewritten(program.terms, found)
    written = (_rewritten(program.written[0], found), program.written[1])
    rest = {span: sign for span, sign in program.undecided.items() if span not in found}
    return Settled(program._replace(terms=terms, written=written, undecided=rest), bound.products)


def _rewritten(terms: Sequence[Term], found: Mapping[Span, str]) -> list[Term]:
    """The terms with the operations that were found in place of their signs."""
    made: list[Term] = []
    for term in terms:
        operation = found.get(term.span, term.op) if term.op in ("mul", "pow") else term.op
        if operation == "inv":
            term = Term(operation, term.args[:1], None, term.span)
        elif operation == "outer":
            args = [terms[j].args[0] if terms[j].op == TRANSPOSE else j for j in term.args]
            term = Term(operation, tuple(args), None, term.span)
        elif operation != term.op:
            term = term._replace(op=operation)
        made.append(term)
    return made
