"""An entry in words: how it is written, what it is, its derivatives, where it exists, what is special where."""

from __future__ import annotations

import re
from typing import Any

from backpropcli.primitives.entry import ALL, Bilinear, Each, Edge, Elementwise, General, Linear, Primitive, Reduction
from backpropcli.records import NamedTuple


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


class Passes(NamedTuple):
    """What an operation on arrays does to what is carried over it, for one parameter."""

    by: str
    """The parameter's name."""
    backward: str
    """The parameter's adjoint, over `g`, that of the result."""
    forward: str
    """The result's tangent, over `d`, that of the parameter."""
    backward_computed: str | None = None
    forward_computed: str | None = None
    """The forms that keep their digits, where they are others."""


def call(entry: Primitive, spelling: str | None = None) -> str:
    """How the entry is written over its parameters: `a + b`, `sigmoid(x)`, `max(x, ...)`."""
    if entry.operator is not None and spelling is None and not entry.helper:
        return operated(entry, entry.names)
    names = [*entry.names, "..."] if entry.variadic else list(entry.names)
    written = None if entry.helper else entry.written
    if written is not None and spelling is None:
        # Without the name of the parameter it would be a call of the other entry.
        names = [f"{name}=..." if name in entry.static else name for name in names]
        names.sort(key=lambda name: name.endswith("=..."))
    return f"{spelling or written or entry.name}({', '.join(names)})"


def signature(entry: Primitive) -> str:
    """The call with the values of the parameters that may be left out: `elu(x, a=1)`."""
    if not entry.defaults:
        return call(entry)
    values = {name: f"={'all' if value == ALL else f'{value:.12g}'}" for name, value in defaults(entry).items()}
    return f"{entry.written or entry.name}({', '.join([name + values.get(name, '') for name in entry.names])})"


def defaults(entry: Primitive) -> dict[str, float]:
    """By parameter, the value that it has where a call leaves it out."""
    return dict(zip(entry.names[len(entry.names) - len(entry.defaults) :], entry.defaults, strict=True))


def operated(entry: Primitive, arguments: tuple[str, ...]) -> str:
    """The operation over these arguments, as a formula."""
    if entry.operator is None or entry.helper:
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
    """The partial derivatives; none where they are those of the definition, or maps."""
    rule = entry.rule
    if isinstance(rule, Each):
        return (Derivative(f"each {entry.names[0]}", _counted(rule.partial), None, rule.path),)
    if not isinstance(rule, (Elementwise, Reduction)):
        return ()
    paths = rule.paths if isinstance(rule, Elementwise) else ()
    found = []
    for k, name in enumerate(entry.names):
        if name in entry.static:
            continue
        exact = rule.partials[k] or "0"
        shown = (entry.handbook[k] if entry.handbook else None) or exact
        by = f"each entry of {name}" if isinstance(rule, Reduction) else name
        found.append(Derivative(by, shown, None if shown == exact else exact, paths[k] if k < len(paths) else None))
    return tuple(found)


def passes(entry: Primitive) -> tuple[Passes, ...]:
    """Of an operation whose local derivatives are maps, what they do; none for those that are multiplied."""
    found = []
    told = entry.rule.handbook if isinstance(entry.rule, General) else ()
    for k, (name, backward, forward) in enumerate(_maps(entry)):
        if backward is None:
            continue
        fixed = {"{k}": "k", "{rest}": f"{entry.names[-1]}, ...", "{moved}": f"{entry.names[-1]}, ..."}
        exact = [_replaced(text, fixed) for text in (backward, forward or _moved(entry, name))]
        by = f"each {name}" if name == _many(entry) else name
        shown = told[k] if k < len(told) else None
        found.append(Passes(by, *exact) if shown is None else Passes(by, shown[1], shown[0], *exact))
    return tuple(found)


def _maps(entry: Primitive) -> list[tuple[str, str | None, str | None]]:
    """The parameters with the texts of their pulls and pushes."""
    rule = entry.rule
    if isinstance(rule, Linear):
        return [(name, text, rule.push) for name, text in zip(entry.names, rule.transposes, strict=False)]
    if isinstance(rule, Bilinear):
        return [(entry.names[0], rule.left, None), (entry.names[1], rule.right, None)]
    if isinstance(rule, General):
        return list(zip(entry.names, rule.pulls, rule.pushes, strict=False))
    return []


def _moved(entry: Primitive, moving: str) -> str:
    """The operation itself, on the tangent of one argument."""
    names = tuple("d" if name == moving else name for name in entry.names)
    return operated(entry, (*names, "...") if entry.variadic else names)


def _many(entry: Primitive) -> str | None:
    """The parameter that there are any number of."""
    return entry.names[-1] if entry.variadic else None


def _replaced(text: str, fixed: dict[str, str]) -> str:
    for place, shown in fixed.items():
        text = text.replace(place, shown)
    return text


def kind(entry: Primitive) -> str | None:
    """How an operation on arrays is differentiated, in words; None for one that acts entry by entry."""
    rule = entry.rule
    if isinstance(rule, Linear):
        return "linear: what goes back is its transpose" if passes(entry) else "no derivative goes through it"
    if isinstance(rule, Bilinear):
        return "linear in each of two arguments"
    if isinstance(rule, Reduction):
        return "gathers entries: the adjoint is repeated and multiplied by the derivative by each entry"
    if isinstance(rule, General):
        return "on arrays as a whole"
    return "on arrays as a whole" if entry.static else None


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
    texts += [text or "" for carried in passes(entry) for text in carried[1:]]
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(texts))) - set(entry.names)
    said = ["y is the result"] if "y" in used else []
    if passes(entry):
        said.append("g the result's adjoint, d the argument's tangent")
    if isinstance(entry.rule, Each):
        said.append(f"k is the sum of {entry.rule.total} over all arguments")
    elif "k" in used:
        said.append("k the argument's place")
    return ", ".join(said) or None


def latex(entry: Primitive) -> str:
    """The LaTeX form over the parameters."""
    text = re.sub(r"\{(#[1-9])\}\^", r"\1^", entry.latex)  # A parameter is a letter, and needs no braces.
    text = text.replace("#*", rf"{entry.names[-1]}_1, \ldots")
    for k, name in enumerate(entry.names):
        text = text.replace(f"#{k + 1}", name)
    return text


def shown(number: Any) -> str:
    """A number, or an array as it is written: `[1, 2]`, `[1, 2; 3, 4]`, `[[[1]], [[2]]]`."""
    if not isinstance(number, tuple):
        return f"{number:.12g}"
    rows = [row for row in number if isinstance(row, tuple)]
    if rows and not any(isinstance(entry, tuple) for row in rows for entry in row):
        return f"[{'; '.join([', '.join([shown(entry) for entry in row]) for row in rows])}]"
    return f"[{', '.join([shown(entry) for entry in number])}]"


def example(entry: Primitive) -> tuple[str, dict[str, Any]]:
    """A formula that calls it, and a point where that has a value; what is whole or static stands in the formula."""
    sample = entry.samples[0]
    many = _many(entry)
    fixed = len(entry.names) - entry.variadic
    kinds = [*entry.names[:fixed], *[many] * (len(sample) - fixed)]
    point: dict[str, Any] = {}
    written = []
    for k, (name, number) in enumerate(zip(kinds, sample, strict=True)):
        if name in entry.whole or name in entry.static:
            written.append(shown(number))
        else:
            argument = f"{name}_{k - fixed + 1}" if name == many else str(name)
            point[argument] = number
            written.append(argument)
    first = len(entry.names) - len(entry.defaults)
    while entry.static and entry.defaults and first < len(written) <= len(entry.names):
        if sample[len(written) - 1] != entry.defaults[len(written) - 1 - first]:
            break
        written.pop()
    if entry.written is not None and not entry.helper:
        named = [f"{name}={text}" for name, text in zip(kinds, written, strict=False) if name in entry.static]
        plain = [text for name, text in zip(kinds, written, strict=False) if name not in entry.static]
        return f"{entry.written}({', '.join([*plain, *named])})", point
    return operated(entry, tuple(written)), point


def options(point: dict[str, Any]) -> str:
    """The values as options of a command line."""
    texts = {name: shown(value) for name, value in point.items()}
    return " ".join(
        [f"--{name} '{text}'" if text.startswith("[") else f"--{name} {text}" for name, text in texts.items()]
    )
