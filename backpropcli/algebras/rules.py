"""The texts of the table as graphs: values, local derivatives, paths, domains. Each is read once, on first use."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from backpropcli import primitives
from backpropcli.algebras import ready, rewrites
from backpropcli.algebras.algebra import Algebra, Map, fold
from backpropcli.algebras.symbols import Symbols
from backpropcli.graph import CONSTANT, Graph, GraphBuilder, number_of, without_unused
from backpropcli.language.program import build, read
from backpropcli.primitives import ALL, Bilinear, Each, Elementwise, General, Linear, Primitive, Reduction

Value = TypeVar("Value")

RESULT, ADJOINT, TANGENT = "y", "g", "d"
"""What the result, its adjoint and an argument's tangent are called in rules."""


@functools.cache
def formula(text: str, variables: tuple[str, ...]) -> Graph:
    """The graph of a formula of the table, over these variables."""
    return ready.graph(text, variables) or formula_read(text, variables)


def formula_read(text: str, variables: tuple[str, ...]) -> Graph:
    """The same, read now; nobody is told a place in it."""
    return build(read(text, variables, max_chars=None), max_nodes=None)._replace(spans={})


def ready_graphs() -> str:
    """What `ready.json` is to hold: the graphs of the texts below, read now."""
    return ready.written([(names, text, formula_read(text, names)) for names, text in dict.fromkeys(texts())])


def texts() -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts about numbers that `formula` is asked for, each with its variables."""
    from backpropcli.algebras.kernels import FLOAT_KERNELS

    for entry in primitives.on_numbers().values():
        names = arguments(entry, 2)
        if entry.value not in FLOAT_KERNELS:
            yield names, entry.value
        if isinstance(entry.rule, Each):
            yield ("x", RESULT), entry.rule.total
            about = (entry.rule.partial, entry.rule.path, entry.domain, *[edge.where for edge in entry.edges])
            yield from [(("x", RESULT, "total"), text) for text in about if text is not None]
            continue
        rule = (*entry.rule.partials, *entry.rule.paths) if isinstance(entry.rule, Elementwise) else ()
        about = (*rule, *(entry.handbook or ()), entry.domain, *[edge.where for edge in entry.edges])
        yield from [((*names, RESULT), text) for text in about if text is not None]
        yield from [(names, text) for text in (entry.domain, *entry.reads) if text is not None]
    for rewrite in rewrites.all_of_them():
        for text in (rewrite.pattern, rewrite.replacement, rewrite.where):
            if text is not None:
                yield rewrites.LETTERS, text


def arguments(entry: Primitive, count: int) -> tuple[str, ...]:
    """The arguments' names in the rules of a primitive: its parameters, or as many of its one as there are."""
    if not entry.variadic:
        return entry.names
    *first, last = entry.names
    return (*first, *[f"{last}_{k}" for k in range(count - len(first))])


@functools.cache
def value(op: str, count: int) -> Graph:
    """A primitive's value as a formula over kernels and other primitives."""
    entry = primitives.TABLE[op]
    return formula(entry.value, arguments(entry, count))


@functools.cache
def partial(op: str, k: int, count: int) -> Graph | None:
    """A primitive's local derivative by its k-th argument, over its arguments and `y`; None where locally constant."""
    entry = primitives.TABLE[op]
    rule = entry.rule
    if rule is None:
        return _differentiated(op, k, count)
    if isinstance(rule, (Elementwise, Reduction)):
        text = rule.partials[k]
        return None if text is None else formula(text, (*entry.names, RESULT))
    if not isinstance(rule, Each):
        raise TypeError(f"{op} has no local derivative that is a number or an array: it is a map")
    return _of_each(entry, rule, rule.partial, k, count)


@functools.cache
def path(op: str, k: int, count: int) -> Graph | None:
    """The condition under which a primitive's result depends on its k-th argument; None where it always does."""
    entry = primitives.TABLE[op]
    rule = entry.rule
    if isinstance(rule, Each):
        return None if rule.path is None else _of_each(entry, rule, rule.path, k, count)
    if isinstance(rule, Reduction):
        return None if rule.path is None or rule.partials[k] is None else _of_entries(entry, rule.path, k)
    if not isinstance(rule, Elementwise) or k >= len(rule.paths):
        return None
    text = rule.paths[k]
    return None if text is None else formula(text, (*entry.names, RESULT))


@functools.cache
def pulled(op: str, k: int, count: int) -> Graph | None:
    """Of an operation on arrays the adjoint of its k-th argument, over its arguments, `y` and the adjoint `g`.

    None where there is no derivative by it.
    """
    entry = primitives.TABLE[op]
    rule = entry.rule
    names = arguments(entry, count)
    over = (*names, RESULT, ADJOINT)
    if isinstance(rule, Reduction):
        return _of_reduction(entry, rule, k, ADJOINT)
    if isinstance(rule, Bilinear):
        texts: tuple[str | None, ...] = (rule.left, rule.right)
    elif isinstance(rule, General):
        texts = rule.pulls
    elif isinstance(rule, Linear):
        texts = rule.transposes
    else:
        raise TypeError(f"{op} acts entry by entry: its derivative is a partial")
    fixed = len(entry.names) - entry.variadic
    text = texts[min(k, fixed)] if min(k, fixed) < len(texts) else None
    return None if text is None else formula(_filled(text, names, fixed, k, ADJOINT), over)


@functools.cache
def pushed(op: str, k: int, count: int) -> Graph | None:
    """Of an operation on arrays the tangent of its result, over its arguments, `y` and the k-th one's tangent `d`."""
    entry = primitives.TABLE[op]
    rule = entry.rule
    names = arguments(entry, count)
    fixed = len(entry.names) - entry.variadic
    if isinstance(rule, General):
        text = rule.pushes[min(k, fixed)] if min(k, fixed) < len(rule.pushes) else None
        return None if text is None else formula(_filled(text, names, fixed, k, TANGENT), (*names, RESULT, TANGENT))
    if isinstance(rule, Reduction):
        return _of_reduction(entry, rule, k, TANGENT)
    if pulled(op, k, count) is None:
        return None
    if isinstance(rule, Linear) and rule.push is not None:
        return formula(_filled(rule.push, names, fixed, k, TANGENT), (*names, RESULT, TANGENT))
    # Linear in this argument alone, or in all of them together: then the others do not move.
    builder = GraphBuilder()
    values = [builder.variable(name) for name in names]
    moved = [builder.variable(TANGENT) if j == k else value for j, value in enumerate(values)]
    return builder.graph([builder.apply(op, moved)])


def _filled(text: str, names: Sequence[str], fixed: int, k: int, letter: str) -> str:
    """The text of a rule for the k-th argument; those from `fixed` on are the ones that there are any number of."""
    rest = names[fixed:]
    moved = [letter if fixed + place == k else name for place, name in enumerate(rest)]
    for written, put in (("{k}", [str(k - fixed)]), ("{rest}", rest), ("{moved}", moved)):
        text = text.replace(written, ", ".join(put))
    return text


def _of_reduction(entry: Primitive, rule: Reduction, k: int, moved: str) -> Graph | None:
    """A reduction's push or pull by its k-th argument."""
    partial, x = rule.partials[k], entry.names[k]
    if partial is None:
        return None
    axis = "axis" if "axis" in entry.names else "all"
    names = (*entry.names, RESULT, "all")
    backward = f"spread({ADJOINT}, {axis}, shape({x}))*partial"
    text = backward if moved == ADJOINT else f"sum({TANGENT}*partial, {axis})"
    made = formula(text, (*names, moved, "partial"))
    builder = GraphBuilder()
    symbols = Symbols(builder, rewrite=False)
    inputs = {name: builder.variable(name) for name in (*names[:-1], moved)}
    inputs["all"] = builder.constant(ALL)
    inside = _of_entries(entry, partial, k)
    inputs["partial"] = fold(inside, symbols, inputs)[inside.outputs[0]]
    return without_unused(builder.graph([fold(made, symbols, inputs)[made.outputs[0]]]))


def _of_entries(entry: Primitive, text: str, k: int) -> Graph:
    """A text of a reduction about each entry of its k-th argument: in it `y` is spread to the argument's shape."""
    axis = "axis" if "axis" in entry.names else "all"
    builder = GraphBuilder()
    symbols = Symbols(builder, rewrite=False)
    inputs = {name: builder.variable(name) for name in (*entry.names, RESULT)}
    spread = formula(f"spread(y, {axis}, shape({entry.names[k]}))", (*entry.names, RESULT, "all"))
    result = fold(spread, symbols, {**inputs, "all": builder.constant(ALL)})[spread.outputs[0]]
    graph = formula(text, (*entry.names, RESULT))
    made = fold(graph, symbols, {**inputs, RESULT: result})[graph.outputs[0]]
    return without_unused(builder.graph([made]))


def mapped(algebra: Algebra[Value], op: str, k: int, count: int) -> Callable[[Sequence[Value]], Map[Value]] | None:
    """The local derivative of an operation on arrays in any algebra: the texts of its rule, folded over it."""
    pull, push = pulled(op, k, count), pushed(op, k, count)
    if pull is None or push is None:
        return None
    names = (*arguments(primitives.TABLE[op], count), RESULT)
    on_path = path(op, k, count)
    guard = None if on_path is None else algebra.partial("if", 1, 3)

    def local(values: Sequence[Value]) -> Map[Value]:
        inputs = dict(zip(names, values, strict=True))

        def along(tangent: Value) -> Value:
            return fold(push, algebra, {**inputs, TANGENT: algebra.plain(tangent)})[push.outputs[0]]

        def against(adjoint: Value) -> Value:
            made = fold(pull, algebra, {**inputs, ADJOINT: algebra.plain(adjoint)})[pull.outputs[0]]
            if on_path is None or guard is None:
                return made
            condition = fold(on_path, algebra, inputs)[on_path.outputs[0]]
            where = guard((condition, made, made, made))
            return made if where is None else algebra.pull(made, where)

        return Map(along, against)

    return local


class _Known(Symbols):
    """Symbols that compute what is made of numbers, and take the arm that a known condition chooses."""

    def __init__(self, builder: GraphBuilder) -> None:
        super().__init__(builder, rewrite=False)

    def function(self, op: str, count: int) -> Callable[..., int]:
        """Appending an application, or its number."""
        from backpropcli.algebras.floats import Floats

        nodes = self.builder.nodes

        def apply(*args: int) -> int:
            if op == "if" and nodes[args[0]].op == CONSTANT:
                return args[1] if number_of(nodes[args[0]].attribute) else args[2]
            if op in ("and", "or"):
                for one, other in (args, args[::-1]):
                    if nodes[one].op == CONSTANT:
                        settled = bool(number_of(nodes[one].attribute)) == (op == "or")
                        return self.constant(float(op == "or")) if settled else self._truth(other)
            if not primitives.TABLE[op].array and all([nodes[j].op == CONSTANT for j in args]):
                return self.constant(Floats().function(op, count)(*[number_of(nodes[j].attribute) for j in args]))
            return self.builder.apply(op, args)

        return apply

    def _truth(self, node: int) -> int:
        """1 where a condition holds: the condition itself, unless it is another number."""
        return node if self.builder.nodes[node].op in _CONDITIONS else self.function("ne", 2)(node, self.constant(0.0))


_CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


@functools.cache
def chooses(op: str, k: int | None, count: int) -> bool:
    """Whether a rule, or with no k a value, has a choice in it that a known argument may decide."""
    graph = value(op, count) if k is None else partial(op, k, count)
    return graph is not None and len(graph.variables) > 1 and any([node.op == "if" for node in _unfolded(graph).nodes])


def _unfolded(graph: Graph) -> Graph:
    """The graph with the formulas of what it applies put in, down to kernels."""
    builder = GraphBuilder()
    symbols = _Unfolding(builder)
    inputs = {name: builder.variable(name) for name in graph.variables}
    made = fold(graph, symbols, inputs)
    return without_unused(builder.graph([made[i] for i in graph.outputs]))


class _Unfolding(_Known):
    """The same, with the formula of every operation that has one in its place."""

    def function(self, op: str, count: int) -> Callable[..., int]:
        """Appending a kernel's application, or what the formula makes."""
        from backpropcli.algebras.kernels import FLOAT_KERNELS

        entry = primitives.TABLE[op]
        if entry.array or entry.value in FLOAT_KERNELS:
            return super().function(op, count)
        graph = value(op, count)
        names = arguments(entry, count)
        return lambda *args: fold(graph, self, dict(zip(names, args, strict=True)))[graph.outputs[0]]


@functools.lru_cache(maxsize=1024)
def narrowed(op: str, k: int | None, count: int, known: tuple[float | None, ...]) -> Graph:
    """A local derivative, or with no k the value, as it is where some arguments are these numbers.

    Choices that they decide are gone, and what is made of them is a number. Raises TypeError where there is none.
    """
    graph = value(op, count) if k is None else partial(op, k, count)
    if graph is None:
        raise TypeError(f"{op} has no rule by its argument {k}")
    names = arguments(primitives.TABLE[op], count)
    builder = GraphBuilder()
    inputs = {
        name: builder.variable(name) if number is None else builder.constant(number)
        for name, number in zip(names, known, strict=True)
    }
    inputs[RESULT] = builder.variable(RESULT)
    return without_unused(builder.graph([fold(graph, _Unfolding(builder), inputs)[graph.outputs[0]]]))


@functools.cache
def reads(op: str, k: int) -> Graph | None:
    """The condition under which a primitive's value needs its k-th argument; None where it always does."""
    entry = primitives.TABLE[op]
    text = entry.reads[k] if k < len(entry.reads) else None
    return None if text is None else formula(text, entry.names)


@functools.cache
def handbook(op: str, k: int, count: int) -> Graph | None:
    """The local derivative as a handbook prints it, over the arguments and `y`.

    Of an operation that routes it is the condition: 1 for the input that is the result.
    """
    entry = primitives.TABLE[op]
    if entry.array:
        return None
    if isinstance(entry.rule, Each):
        return path(op, k, count) or partial(op, k, count)
    text = entry.handbook[k] if entry.handbook else None
    return formula(text, (*entry.names, RESULT)) if text else partial(op, k, count)


def condition(op: str, text: str, count: int) -> Graph:
    """A condition of an entry (its domain, an edge), over the arguments, `y` and `total`."""
    entry = primitives.TABLE[op]
    if isinstance(entry.rule, Each):
        return _of_each(entry, entry.rule, text, 0, count)
    return formula(text, (*entry.names, RESULT))


def _differentiated(op: str, k: int, count: int) -> Graph:
    """The derivative of a definition: its value, folded over dual numbers of symbols."""
    from backpropcli.algebras.duals import Dual, Duals

    names = arguments(primitives.TABLE[op], count)
    builder = GraphBuilder()
    symbols = Symbols(builder)
    inputs = {name: Dual(builder.variable(name), None) for name in (*names, RESULT)}
    inputs[names[k]] = Dual(builder.variable(names[k]), builder.constant(1.0))
    graph = value(op, count)
    tangent = fold(graph, Duals(symbols), inputs)[graph.outputs[0]].tangent
    return builder.graph([builder.constant(0.0) if tangent is None else tangent])


def _of_each(entry: Primitive, rule: Each, text: str, k: int, count: int) -> Graph:
    """A text over `x`, `y` and `total`, for the k-th of `count` arguments."""
    names = arguments(entry, count)
    builder = GraphBuilder()
    symbols = Symbols(builder, rewrite=False)
    inputs = {name: builder.variable(name) for name in (*names, RESULT)}

    def put(graph: Graph, extra: dict[str, int]) -> int:
        return fold(graph, symbols, {**inputs, **extra})[graph.outputs[0]]

    each = formula(rule.total, ("x", RESULT))
    total = _sum(builder, [put(each, {"x": inputs[name]}) for name in names])
    return builder.graph([put(formula(text, ("x", RESULT, "total")), {"x": inputs[names[k]], "total": total})])


def _sum(builder: GraphBuilder, terms: Sequence[int]) -> int:
    total = terms[0]
    for term in terms[1:]:
        total = builder.apply("add", (total, term))
    return total
