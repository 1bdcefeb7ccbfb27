"""Random graphs over the whole table, and their exact adjoints."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence

from mpmath import mpf

from backpropcli import primitives
from backpropcli.algebras import rules
from backpropcli.algebras.algebra import fold
from backpropcli.algebras.floats import Compiled, Floats, compile_graph
from backpropcli.graph import Graph, GraphBuilder
from tests import oracle

VARIABLES = ("x", "y", "z")


def random_graph(seed: int, size: int = 30) -> tuple[Graph, dict[str, float]]:
    """A graph of `size` applications, and a point where all is moderate and no derivative is a convention."""
    rng = random.Random(seed)
    builder = GraphBuilder()
    point = {name: round(rng.uniform(-2, 2), 3) for name in VARIABLES}
    values = {builder.variable(name): value for name, value in point.items()}
    for _ in range(2):
        number = round(rng.uniform(0.1, 3), 2)
        values[builder.constant(number)] = number
    entries = [entry for entry in primitives.on_numbers().values() if not entry.helper]
    floats = Floats()
    made = 0
    while made < size:
        entry = rng.choice(entries)
        count = rng.randint(2, 3) if entry.variadic else len(entry.names)
        # Late nodes more often, so that graphs are deep and little is left unused.
        args = [
            max(rng.choices(list(values), k=3)) if rng.random() < 0.6 else rng.choice(list(values))
            for _ in range(count)
        ]
        arguments = [values[j] for j in args]
        value = floats.function(entry.name, count)(*arguments)
        if not (math.isfinite(value) and abs(value) < 1e3) or (value and abs(value) < 1e-6):
            continue
        if any(_condition(entry.name, edge.where, count)([*arguments, value]) for edge in entry.edges):
            continue
        slopes = [floats.partial(entry.name, k, count) for k in range(count)]
        partials = [slope([*arguments, value]) for slope in slopes if slope is not None]
        if not all(partial is None or abs(partial) < 1e3 for partial in partials):
            continue
        before = len(builder.nodes)
        i = builder.apply(entry.name, args)
        made += len(builder.nodes) > before
        values[i] = value
    return builder.graph([len(builder.nodes) - 1]), point


@functools.cache
def _condition(op: str, where: str, count: int) -> Compiled:
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    return compile_graph(rules.condition(op, where, count), names)


class _Exact:
    """The algebra of high-precision numbers, for reading rules over mpmath."""

    def constant(self, number: float) -> mpf:
        return mpf(number)

    def function(self, op: str, count: int) -> Callable[..., mpf]:
        return oracle.textbook(op, count)


EXACT = _Exact()


def exact_partial(op: str, k: int, arguments: Sequence[float]) -> mpf | None:
    """The local derivative at these floats to a hundred bits and more; None where there is no path."""
    count = len(arguments)
    rule, path = rules.partial(op, k, count), rules.path(op, k, count)
    if rule is None:
        return None
    exact = [mpf(argument) for argument in arguments]
    names = (*rules.arguments(primitives.TABLE[op], count), rules.RESULT)
    inputs = dict(zip(names, [*exact, EXACT.function(op, count)(*exact)], strict=True))
    if path is not None and not fold(path, EXACT, inputs)[path.outputs[0]]:
        return None
    return fold(rule, EXACT, inputs)[rule.outputs[0]]


def _largest_term(op: str, k: int, values: Sequence[float]) -> float:
    """What the entry says that the digits of its partial are counted from near a zero."""
    scales = primitives.TABLE[op].scales
    text = scales[k + 1] if k + 1 < len(scales) else None
    return 0.0 if text is None else abs(_condition(op, text, len(values) - 1)(values))


def exact_adjoints(graph: Graph, values: Sequence[float]) -> tuple[list[mpf], list[mpf]]:
    """Adjoints pulled with exact local derivatives at these values, and the same with absolute values throughout."""
    adjoints = [mpf(0)] * len(graph.nodes)
    sizes = [mpf(0)] * len(graph.nodes)
    adjoints[graph.outputs[0]] = sizes[graph.outputs[0]] = mpf(1)
    for i in range(len(graph.nodes) - 1, -1, -1):
        op, args, _ = graph.nodes[i]
        if not sizes[i]:
            continue
        for k, j in enumerate(args):
            partial = exact_partial(op, k, [values[a] for a in args])
            if partial is not None:
                adjoints[j] += adjoints[i] * partial
                sizes[j] += sizes[i] * max(abs(partial), _largest_term(op, k, [*[values[a] for a in args], values[i]]))
    return adjoints, sizes


EDGES = (0.0, 0.0, 1.0, -1.0, 2.0, 0.5)
"""Where the table's functions have their kinks, ties, jumps, poles of the derivative, and zeros to meet them."""


def edge_graph(seed: int, size: int = 8) -> tuple[Graph, dict[str, float]]:
    """A graph of `size` applications at a point with finite values, and derivatives that are conventions or none."""
    rng = random.Random(seed)
    builder = GraphBuilder()
    point = {name: rng.choice(EDGES) for name in VARIABLES}
    values = {builder.variable(name): value for name, value in point.items()}
    moving = set(values)
    for number in (1.0, rng.choice((2.0, 3.0, 0.5))):
        values[builder.constant(number)] = number
    entries = [entry for entry in primitives.on_numbers().values() if not entry.helper]
    # What paths meet in, and what makes their slopes infinite.
    joins = [primitives.TABLE[name] for name in ("add", "sub", "sub", "mul", "sqrt", "cbrt", "pow", "max", "if")]
    floats = Floats()
    made = 0
    while made < size:
        entry = rng.choice(entries if rng.random() < 0.3 else joins)
        count = rng.randint(2, 3) if entry.variadic else len(entry.names)
        args = [rng.choice(list(values)[-3:] if rng.random() < 0.7 else list(values)) for _ in range(count)]
        if not any(j in moving for j in args):
            continue
        value = floats.function(entry.name, count)(*[values[j] for j in args])
        if not (math.isfinite(value) and abs(value) < 1e3):
            continue
        before = len(builder.nodes)
        i = builder.apply(entry.name, args)
        made += len(builder.nodes) > before
        values[i] = value
        moving.add(i)
    return builder.graph([len(builder.nodes) - 1]), point


NAMES = (
    *("x", "x_1", "x_11", "x_1_1", "x1", "W1", "theta", "theta_1", "Omega", "Alpha", "sigma", "gamma", "beta", "Delta"),
    *("Delta_W", "long_name", "rate", "_x", "x_", "y_hat", "y_star", "x_prime", "f", "f_prime", "T", "d", "d_x", "e_1"),
    *("max", "var", "exp", "relu", "axis", "x_max", "lambda_theta", "y_hat_star", "omicron", "xy", "ReLU", "size"),
)
"""Every kind of name there is, those that TeX or the table has another meaning for among them."""
NUMBERS = (0.0, 1.0, 2.0, 3.0, 10.0, -1.0, -2.5, 0.5, 1e-7, -1e-7, 6.02e23, 1e22, 1e300, 5e-324, math.e, math.pi, 1 / 3)
ARRAYS = (
    (1.0,), (1.0, -2.5), ((1.0,),), ((1.0, 2.0),), ((1.0,), (2.0,)), ((1.0, 1e-9), (3.0, 4.0)), (((1.0,),), ((2.0,),)),
    tuple(map(float, range(12))), (tuple(map(float, range(11))),) * 2, (((1.0, 2.0), (3.0, 4.0)),) * 2,
)  # fmt: skip


def any_graph(seed: int, size: int = 20) -> Graph:
    """A graph of `size` applications over the whole table, arrays included; it need not have a value or shapes."""
    rng = random.Random(seed)
    builder = GraphBuilder()
    nodes = [builder.variable(name) for name in rng.sample(NAMES, 5)]
    nodes += [builder.constant(number) for number in (*rng.sample(NUMBERS, 3), rng.choice(ARRAYS))]
    # What operators are written with needs brackets; a call needs none.
    operators = [entry for entry in _WRITTEN if entry.operator or entry.name in ("if", "index", "factorial", "stack")]
    while len(builder.nodes) < 9 + size:
        entry = rng.choice(operators if rng.random() < 0.5 else _WRITTEN)
        sample = rng.choice(entry.samples)
        count = max(len(sample), 2) if entry.variadic and entry.names[-1] not in entry.static else len(sample)
        args = []
        for k in range(count):
            name = entry.names[min(k, len(entry.names) - 1)]
            static = name in entry.static
            value = rng.choice((0.0, 1.0, -1.0)) if name == "axis" else sample[k] if static else None
            args.append(rng.choice(nodes[-12:]) if value is None else _static(builder, value))
        if entry.name == "stack":
            args[0] = rng.choice(nodes[:5])  # Numbers alone would be one array, whose entries are of one shape.
        if entry.name == "index" and rng.random() < 0.5:
            args[-1] = builder.apply("slice", [_static(builder, rng.choice((2.0, -1.0, math.inf))) for _ in range(3)])
        nodes.append(builder.apply(entry.name, args))
    return builder.graph([nodes[-1]])


def _static(builder: GraphBuilder, value: float | tuple[float, ...]) -> int:
    return builder.constant(value)


_WRITTEN = tuple(entry for entry in primitives.TABLE.values() if not entry.helper)
