"""An entry in words: how it is written, what it is, its derivatives, where it exists, what is special where."""

from __future__ import annotations

import re
from typing import NamedTuple

from backpropcli.primitives.entry import Each, Edge, Primitive


class Derivative(NamedTuple):
    """One partial derivative of an entry."""

    by: str
    """The parameter's name."""
    handbook: str
    """As a handbook prints it, over the parameters and `y`, the result; 0 where the result is locally constant."""
    computed: str | None
    """The form that keeps its digits, where it is another one."""
    where: str | None
    """The condition under which there is a path at all; None: everywhere."""


def call(entry: Primitive, spelling: str | None = None) -> str:
    """How the entry is written over its parameters: `a + b`, `sigmoid(x)`, `max(x, ...)`."""
    if entry.operator is not None and spelling is None:
        return operated(entry, entry.names)
    names = [*entry.names, "..."] if entry.variadic else entry.names
    return f"{spelling or entry.name}({', '.join(names)})"


def signature(entry: Primitive) -> str:
    """The call with the values of the parameters that may be left out: `elu(x, a=1)`."""
    if not entry.defaults:
        return call(entry)
    values = {name: f"={value:.12g}" for name, value in defaults(entry).items()}
    return f"{entry.name}({', '.join([name + values.get(name, '') for name in entry.names])})"


def defaults(entry: Primitive) -> dict[str, float]:
    """By parameter, the value that it has where a call leaves it out."""
    return dict(zip(entry.names[len(entry.names) - len(entry.defaults) :], entry.defaults, strict=True))


def operated(entry: Primitive, arguments: tuple[str, ...]) -> str:
    """The operation over these arguments, as a formula."""
    if entry.operator is None:
        return f"{entry.name}({', '.join(arguments)})"
    sign = entry.operator[0]
    if len(arguments) == 1:
        return f"{sign}{' ' if sign.isalpha() else ''}{arguments[0]}"
    gap = "" if sign in "*/^" else " "
    return f"{arguments[0]}{gap}{sign}{gap}{arguments[1]}"


def spellings(entry: Primitive) -> tuple[str, ...]:
    """The other ways to write it, as calls."""
    # A word such as `and` is read as a sign only.
    own = (entry.name,) if entry.operator is not None and not entry.operator[0].isalpha() else ()
    return tuple(call(entry, spelling) for spelling in (*own, *entry.aliases))


def computed(entry: Primitive) -> str | None:
    """The formula that the value is computed by; None where a kernel has it."""
    return None if entry.value.isidentifier() else entry.value


def derivatives(entry: Primitive) -> tuple[Derivative, ...]:
    """The partial derivatives; none where they are those of the definition."""
    rule = entry.rule
    if rule is None:
        return ()
    if isinstance(rule, Each):
        return (Derivative(f"each {entry.names[0]}", _counted(rule.partial), None, rule.path),)
    found = []
    for k, name in enumerate(entry.names):
        exact = rule.partials[k] or "0"
        shown = (entry.handbook[k] if entry.handbook else None) or exact
        where = rule.paths[k] if k < len(rule.paths) else None
        found.append(Derivative(name, shown, None if shown == exact else exact, where))
    return tuple(found)


def domain(entry: Primitive) -> str:
    """Where the value exists, in words or as a condition."""
    return entry.needs or entry.domain or "everywhere"


def edge(found: Edge) -> str:
    """What is special at a place, and what is used there: `kink at x == 0, slopes -1 and 1; derivative used: 0`."""
    slopes = f", slopes {found.slopes[0]} and {found.slopes[1]}" if found.slopes else ""
    of = f" (by {found.of})" if found.of else ""
    return f"{found.kind} where {_counted(found.where)}{slopes}; derivative used{of}: {found.convention}"


def _counted(text: str) -> str:
    """The text of an operation on any number of arguments, the total of its conditions called k."""
    return re.sub(r"\btotal\b", "k", text)


def letters(entry: Primitive) -> str | None:
    """What the letters in the derivatives and conditions stand for, besides the arguments."""
    texts = [derivative.handbook for derivative in derivatives(entry)]
    texts += [derivative.computed or "" for derivative in derivatives(entry)]
    texts += [derivative.where or "" for derivative in derivatives(entry)] + [found.where for found in entry.edges]
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(texts)))
    said = ["y is the result"] if "y" in used - set(entry.names) else []
    if isinstance(entry.rule, Each):
        said.append(f"k is the sum of {entry.rule.total} over all arguments")
    return ", ".join(said) or None


def latex(entry: Primitive) -> str:
    """The LaTeX form over the parameters."""
    text = re.sub(r"\{(#[1-9])\}\^", r"\1^", entry.latex)  # A parameter is a letter, and needs no braces.
    text = text.replace("#*", rf"{entry.names[0]}_1, \ldots")
    for k, name in enumerate(entry.names):
        text = text.replace(f"#{k + 1}", name)
    return text


def example(entry: Primitive) -> tuple[str, dict[str, float]]:
    """A formula that calls it, and a point where that has a value; whole numbers stand in the formula."""
    sample = entry.samples[0]
    names = entry.names if not entry.variadic else tuple(f"{entry.names[0]}_{k + 1}" for k in range(len(sample)))
    point = dict(zip(names, sample, strict=True))
    written = tuple(f"{point.pop(name):.12g}" if name in entry.whole else name for name in names)
    return operated(entry, written), point
