"""What has to be a number before anything else: indexed sums and products, indices, families of definitions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from backpropcli.language.terms import CALL, INDEX, NAME, Statement, Term
from backpropcli.records import NamedTuple

MAX_TERMS = 100_000
MAX_UNROLLED = 1_000_000
MAX_INSTANCES = 20_000
# Each takes the array as a whole back and forth.
MAX_NAMED = 10_000

# sum(f, k, a, b): the operation that joins the terms, and what no terms give.
JOINED_BY = {"sum": ("add", 0.0), "prod": ("mul", 1.0)}


class Unrolled(NamedTuple):
    """Terms and statements without indexed sums and products, and with a number for every index."""

    terms: list[Term]
    statements: tuple[Statement, ...]
    origins: tuple[tuple[int, tuple[int, ...]], ...]
    """Of every statement, which of those given it comes from, and of a family's the numbers of its indices."""
    written: list[Term]
    """The terms that were given, with limits for the sums that had none."""
    structure: dict[str, float]
    """The names that limits and indices are made of, with their values: numbers here, and no variables."""
    shapes: dict[str, tuple[int, ...]]
    """The shapes of the arrays whose entries were written out."""
    letters: Mapping[int, tuple[str, ...]] = {}
    """By the first statement of a claim that holds for every index, the letters of these."""


def unrolled(
    text: str,
    terms: list[Term],
    statements: tuple[Statement, ...],
    structure: Mapping[str, object],
    *,
    bound: Collection[str] = (),
    letters: bool = False,
    members: Mapping[int, Sequence[int]] | None = None,
    claims: Collection[Sequence[int]] = (),
    most: int = MAX_UNROLLED,
) -> Unrolled:
    """The program with its sums, products and families written out; `structure` gives names their values.

    A sum's index is put into the body, into subscripts and into what indexes: `theta_k` becomes `theta_0`, `w[k]`
    becomes `w[0]` and so on; with `letters`, as in LaTeX, each letter of a subscript may be an index, and w_ij becomes
    w_12. A definition of z_j is written out for every z_0, z_1 that is used, together with the `members` of its chain,
    and where theta is an array, theta_0 is one of its entries. `claims`, each the statements that are its members, are
    written out for every number that their indices may have, and an index that has none is left as it stands.
    Raises BackpropError where a limit or an index is no whole number, where nothing says how far an index goes, or
    there are more terms than `most`.
    """
    needed = [
        op == INDEX
        or (op == CALL and payload in JOINED_BY and len(args) > 2)
        or (op == NAME and ("_" if letters else "{") in str(payload))
        for op, args, payload, _ in terms
    ]
    if not any(needed) and not any(["{" in (statement.name or "") for statement in statements]):
        return Unrolled(terms, statements, tuple([(k, ()) for k in range(len(statements))]), terms, {}, {})
    from backpropcli.language.unrolling import Unroller

    return Unroller(text, terms, statements, structure, bound, members or {}, claims, most, letters=letters).run()
