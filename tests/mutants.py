"""Small wrong changes to the table, the sweeps, the classifier of errors and marking: a test must notice each.

`python -m tests.mutants` makes every change and prints those that no test noticed. A change is made in process: a
formula of the table is read, changed and written back; a function of Python gets the code of its changed syntax tree.
What judges it are the tests themselves, called as functions; of Python code those that run the changed line.
"""

from __future__ import annotations
import __future__

import argparse
import ast
import contextlib
import copy
import functools
import inspect
import io
import itertools
import math
import random
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from backpropcli import primitives
from backpropcli.algebras import arrays, duals, floats, rules, symbols
from backpropcli.algebras.array_kernels import kernel
from backpropcli.algebras.arrays import quietly
from backpropcli.algebras.floats import compile_graph
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.algebras.text import Source, Text
from backpropcli.cli import main as backprop
from backpropcli.errors import BackpropError
from backpropcli.graph import CONSTANT, VARIABLE, Graph, literal_of
from backpropcli.homework import feedback, intervals, marking, numbers, own
from backpropcli.language import parser, tables, terms, tokens
from backpropcli.passes import examine, steps, sweeps
from backpropcli.primitives import Bilinear, Each, Elementwise, General, Linear, Primitive, Reduction
from tests import (
    oracle,
    test_array_digits,
    test_array_language,
    test_array_primitives,
    test_array_products,
    test_derivatives,
    test_edge_points,
    test_errors,
    test_feedback,
    test_floats,
    test_homework_answers,
    test_homework_marking,
    test_language,
    test_lectures,
    test_lower,
    test_matrices,
    test_partials,
    test_primitives,
)

ROOT = Path(__file__).resolve().parent.parent
Point = tuple[float, ...]


class Mutant(NamedTuple):
    """One wrong change: where, what, and how it is made and taken back."""

    place: str
    change: str
    made: Callable[[], contextlib.AbstractContextManager[object]]
    checks: Callable[[], Iterable[Check]]
    same: Callable[[], bool] = bool
    """Whether it changes nothing that anybody could notice."""
    others: Callable[[], Iterable[Check]] = tuple
    """What could notice it too, and takes its time."""


class Check(NamedTuple):
    """A test with its parameters."""

    name: str
    run: Callable[[], object]
    seconds: float = 60.0
    """CPU time after which it is endless. Of a change to Python that is what it takes without, twenty times over and
    one second at least, so that no machine is too slow; a formula has no loops, and this is never reached."""


class TooSlow(BaseException):
    """A check did not end."""


# The tests, as functions


def parameters(function: Any) -> Iterator[dict[str, Any]]:
    """What `pytest.mark.parametrize` gives a test, one set after the other."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    sets: list[list[dict[str, Any]]] = []
    for mark in marks:
        names, given = mark.args[:2]
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        sets.append([dict(zip(names, _row(row, len(names)), strict=True)) for row in given])
    for chosen in itertools.product(*sets):
        yield {name: value for each in chosen for name, value in each.items()}


def _row(row: Any, count: int) -> Sequence[Any]:
    if type(row).__name__ == "ParameterSet":
        return row.values  # type: ignore[no-any-return]
    return row if count > 1 else (row,)


def functions(module: ModuleType) -> Iterator[Any]:
    for name, function in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(function) and function.__module__ == module.__name__:
            yield function


_CLOCKS = frozenset({"perf_counter", "process_time", "monotonic"})


def checks_of(module: ModuleType) -> Iterator[Check]:
    """Every test of a module that needs no fixture, with its parameters; but none that looks at a clock."""
    for function in functions(module):
        if getattr(function, "is_hypothesis_test", False) or not _CLOCKS.isdisjoint(function.__code__.co_names):
            continue
        needed = set(inspect.signature(function).parameters)
        for number, values in enumerate(parameters(function)):
            if needed == set(values):
                yield Check(f"{function.__name__}[{number}]", functools.partial(function, **values))


@contextlib.contextmanager
def set_to(place: Any, **values: Any) -> Iterator[None]:
    """Attributes with other values for a while."""
    before = {name: getattr(place, name) for name in values}
    for name, value in values.items():
        setattr(place, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(place, name, value)


def objection(check: Check) -> str | None:
    """What a check says of a mutant: killed or endless, or nothing."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, check.seconds)
    try:
        check.run()
    except KeyboardInterrupt:
        raise
    except TooSlow:
        return "endless"
    except BaseException:  # whatever a test says no with
        return "killed"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return None


def _caches() -> list[Callable[[], None]]:
    """Everything that is remembered of the table and of what was compiled from it; but not the texts that were read."""
    names = ("algebras", "passes", "primitives", "language.tokens", "homework")
    parts = tuple([f"backpropcli.{name}" for name in names])
    modules = [module for name, module in sys.modules.items() if name.startswith(parts)]
    values = [value for module in modules for value in vars(module).values() if value is not rules.formula]
    return [examine._conditions.clear, *[value.cache_clear for value in values if hasattr(value, "cache_clear")]]


def forget() -> None:
    for clear in _CACHES:
        clear()


_CACHES = _caches()


# Changing a formula


class Tree(NamedTuple):
    """A formula with every part written out."""

    op: str
    args: tuple[Tree, ...]
    attribute: str | float | None


_OTHERS = {
    "add": "sub",
    "sub": "add",
    "mul": "div",
    "div": "mul",
    "lt": "le",
    "le": "lt",
    "gt": "ge",
    "ge": "gt",
    "eq": "ne",
    "ne": "eq",
    "and": "or",
    "or": "and",
    "min": "max",
    "max": "min",
}
_CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def tree(graph: Graph) -> Tree:
    made: list[Tree] = []
    for op, args, attribute in graph.nodes:
        made.append(Tree(op, tuple([made[j] for j in args]), attribute))
    return made[graph.outputs[0]]


def written(formula: Tree) -> str:
    return _source(formula).text


def _source(formula: Tree) -> Source:
    op, args, attribute = formula
    if op == VARIABLE:
        return Text().name(str(attribute))
    if op == CONSTANT:
        return Text().constant(literal_of(attribute))
    return Text().function(op, len(args))(*[_source(part) for part in args])


def changed(formula: Tree, letters: Sequence[str]) -> Iterator[Tree]:
    """The formula with one small change, in every way and at every place."""
    yield from _changed_here(formula, letters)
    for k, part in enumerate(formula.args):
        for other in changed(part, letters):
            yield formula._replace(args=(*formula.args[:k], other, *formula.args[k + 1 :]))


def _changed_here(formula: Tree, letters: Sequence[str]) -> Iterator[Tree]:
    op, args, attribute = formula
    if op == VARIABLE:
        for letter in letters:
            if letter != attribute:
                yield formula._replace(attribute=letter)
    if op == CONSTANT:
        number = float(attribute or 0.0)
        for other in {0.0 if number else 1.0, number + 1 if abs(number) < 100 else 2 * number}:
            yield formula._replace(attribute=other)
    if op in _OTHERS:
        yield formula._replace(op=_OTHERS[op])
    if op in _CONDITIONS:
        yield Tree("not", (formula,), None)
    elif not (op == CONSTANT and attribute == 0.0):
        yield Tree("neg", (formula,), None)
    yield from args


def swapped(formula: Tree, a: str, b: str) -> Tree:
    """The formula with two parameters in each other's place."""
    if formula.op == VARIABLE:
        return formula._replace(attribute={a: b, b: a}.get(str(formula.attribute), formula.attribute))
    return formula._replace(args=tuple([swapped(part, a, b) for part in formula.args]))


# Changing an entry of the table


class Place(NamedTuple):
    """A text of an entry: what it is called, what it is over, and the entry with another in its stead."""

    name: str
    text: str | None
    letters: tuple[str, ...]
    put: Callable[[str | None], Primitive]
    without: str | None = "nothing"
    """What stands there instead, to leave it out; "nothing" where it cannot be."""


def places(entry: Primitive) -> Iterator[Place]:
    """Every text of an entry that is a formula."""
    names, y = entry.names, rules.RESULT
    rule = entry.rule
    each = (*names, "y", "total") if isinstance(rule, Each) else (*names, y)

    def field(name: str) -> Callable[[str | None], Primitive]:
        return lambda text: entry._replace(**{name: text})

    def element(name: str, k: int) -> Callable[[str | None], Primitive]:
        values = getattr(entry, name)
        return lambda text: entry._replace(**{name: (*values[:k], text, *values[k + 1 :])})

    def of_rule(name: str, k: int | None = None) -> Callable[[str | None], Primitive]:
        def put(text: str | None) -> Primitive:
            values = getattr(rule, name)
            new = text if k is None else (*values[:k], text, *values[k + 1 :])
            return entry._replace(rule=rule._replace(**{name: new}))  # type: ignore[union-attr]

        return put

    def of_edge(number: int, name: str, k: int | None = None) -> Callable[[str | None], Primitive]:
        def put(text: str | None) -> Primitive:
            edge = entry.edges[number]
            new = text if k is None else tuple([text if i == k else old for i, old in enumerate(edge.slopes or ())])
            edges = (*entry.edges[:number], edge._replace(**{name: new}), *entry.edges[number + 1 :])
            return entry._replace(edges=edges if edges[number].where else edges[:number] + edges[number + 1 :])

        return put

    if entry.value not in FLOAT_KERNELS and kernel(entry.value) is None:
        yield Place("value", entry.value, names, field("value"))
    if entry.elementary is not None:
        yield Place("elementary", entry.elementary, names, field("elementary"))
    if isinstance(rule, Elementwise):
        for k, text in enumerate(rule.partials):
            yield Place(f"partial {k}", text, each, of_rule("partials", k), "1" if text is None else None)
        for k, text in enumerate(rule.paths):
            yield Place(f"path {k}", text, each, of_rule("paths", k), None)
    if isinstance(rule, Each):
        for name in ("partial", "total", "path"):
            yield Place(name, getattr(rule, name), each, of_rule(name), None if name == "path" else "nothing")
    backward, forward = (*names, y, rules.ADJOINT), (*names, y, rules.TANGENT)
    if isinstance(rule, Reduction):
        for k, text in enumerate(rule.partials):
            if names[k] not in entry.static:
                yield Place(f"partial {k}", text, each, of_rule("partials", k), None)
        yield Place("path", rule.path, each, of_rule("path"), None)
    if isinstance(rule, Bilinear):
        for name in ("left", "right"):
            yield Place(name, getattr(rule, name), backward, of_rule(name), "nothing")
    if isinstance(rule, Linear):
        for k, text in enumerate(rule.transposes):
            if names[k] not in entry.static:
                yield Place(f"transpose {k}", text, backward, of_rule("transposes", k), None)
        if rule.push is not None:
            yield Place("push", rule.push, forward, of_rule("push"), None)
    if isinstance(rule, General):
        for name, letters in (("pulls", backward), ("pushes", forward)):
            for k, text in enumerate(getattr(rule, name)):
                if names[k] not in entry.static:
                    yield Place(f"{name} {k}", text, letters, of_rule(name, k), None)
    for k, text in enumerate(entry.handbook or () if not entry.array else ()):
        yield Place(f"handbook {k}", text, each, element("handbook", k))
    if entry.domain is not None:
        yield Place("domain", entry.domain, names, field("domain"), None)
    for number, edge in enumerate(entry.edges):
        yield Place(f"edge {number}", edge.where, each, of_edge(number, "where"), None)
        for k, text in enumerate(edge.slopes or ()):
            yield Place(f"edge {number}, slope {k}", text, each, of_edge(number, "slopes", k))
        if edge.of is not None:
            yield Place(f"edge {number}, of", None, each, of_edge(number, "of"), None)
        elif len(names) > 1:
            for name in names:
                yield Place(f"edge {number}, of", None, each, of_edge(number, "of"), name)
    for k, text in enumerate(entry.reads):
        yield Place(f"reads {k}", text, names, element("reads", k), None)


def rule_mutants(entry: Primitive) -> Iterator[Mutant]:
    """Every change of every text of one entry."""
    for place in places(entry):
        seen = {place.text}
        texts: list[str | None] = []
        if place.without != "nothing":
            texts.append(place.without)
        if place.text is not None and "{" not in place.text:
            whole = tree(rules.formula(place.text, place.letters))
            seen.add(written(whole))
            texts += map(written, changed(whole, place.letters))
            texts += [written(swapped(whole, a, b)) for a, b in itertools.combinations(place.letters, 2)]
        for text in texts:
            if text in seen:
                continue
            seen.add(text)
            new = place.put(text)
            defines = place.name == "elementary" or (place.name == "value" and entry.elementary is None)
            yield Mutant(
                f"{entry.name}, {place.name}",
                f"{place.text}  ->  {text}",
                functools.partial(in_table, entry, new, defines=defines),
                functools.partial(entry_checks, new, slow=False),
                functools.partial(alike, entry, new),
                functools.partial(user_checks, new),
            )


# Operations on arrays


def array_rule_mutants(entry: Primitive) -> Iterator[Mutant]:
    """The same of an operation on arrays, judged by the tests of those."""
    for mutant in rule_mutants(entry):
        new = mutant.checks.args[0]  # type: ignore[attr-defined]
        # Edges are told in notes; what is held of them is held of numbers.
        if not mutant.place.rpartition(", ")[2].startswith("edge"):
            yield mutant._replace(
                checks=functools.partial(array_checks, new),
                same=functools.partial(alike_arrays, entry, new),
                others=tuple,
            )


def array_checks(entry: Primitive) -> Iterator[Check]:
    """The tests of operations on arrays, of one entry."""
    held = [held for held in test_array_digits.HELD if held.name == entry.name]
    of_entries = [
        function
        for function in functions(test_array_primitives)
        if any(mark.args[0] == "entry" and "sum" in mark.kwargs["ids"] for mark in getattr(function, "pytestmark", ()))
    ]
    for function in sorted(of_entries, key=lambda function: -_rate(function.__name__)):
        yield Check(function.__name__, functools.partial(_quietly, function, entry))
    for each in held:
        yield Check("digits", functools.partial(_quietly, test_array_digits.test_digits_are_kept, each))
    for check in checks_of(test_array_primitives):
        # What is said of columns of numbers starts a program of its own.
        if "entry" not in check.run.keywords and "columns" not in check.name:  # type: ignore[attr-defined]
            yield Check(check.name, functools.partial(_quietly, check.run))
    # Of what is known of matrices what names this operation; all of it would take its time.
    for check in checks_of(test_matrices):
        if f"_{entry.name}_" in check.name:
            yield check
    for user in array_users(entry.name):
        for function in of_entries:
            yield Check(function.__name__, functools.partial(_quietly, function, primitives.TABLE[user]))


def _quietly(function: Callable[..., object], *arguments: object) -> None:
    with quietly():
        function(*arguments)


@functools.cache
def array_users(name: str) -> tuple[str, ...]:
    """The operations on arrays whose rules this one is in."""
    return tuple(
        [
            entry.name
            for entry in primitives.on_arrays().values()
            if entry.name != name and any(f"{name}(" in (place.text or "") for place in places(entry))
        ]
    )


def alike_arrays(old: Primitive, new: Primitive) -> bool:
    """Whether two entries say the same, wherever the first has a value, up to rounding."""
    wanted = _said_of(old)
    with in_table(old, new, defines=False):
        try:
            got = _said_of(new)
        except Exception:  # whatever it says no with
            return False
    if len(got) != len(wanted):
        return False
    pairs = [(a, b) for case in wanted for a, b in zip(wanted[case], got[case], strict=True)]
    return all(np.allclose(a, b, rtol=1e-13, atol=1e-14, equal_nan=True) for a, b in pairs)


def _said_of(entry: Primitive) -> dict[int, list[Any]]:
    """Of every case the value, the tangent and the adjoints."""
    dice, found = np.random.default_rng(9), {}
    with quietly():
        for number, case in enumerate(test_array_primitives.cases(entry)):
            seed, tangents = dice.uniform(-1.0, 1.0, case.dims), test_array_primitives.random_like(case.point, dice)
            moved = test_array_primitives.pushed(case, tangents)
            adjoints = test_array_primitives.pulled(case, seed)
            found[number] = [test_array_primitives.value(case.graph, case.point), moved, *adjoints.values()]
    return found


_ORACLE = {
    name: functools.cache(getattr(oracle, name)) for name in ("value", "value_and_slopes", "derivative", "one_sided")
}


def _hashed(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: function(*[tuple(a) if isinstance(a, list) else a for a in arguments])


@contextlib.contextmanager
def in_table(old: Primitive, new: Primitive, *, defines: bool) -> Iterator[None]:
    """The table with another entry, and the oracle with what that defines."""
    spelled = primitives.spellings()
    before = {name: spelled[name] for name in (old.name, *old.aliases)}
    textbook, known, hopeless = oracle._TEXTBOOK, _ORACLE, oracle._HOPELESS
    if defines:
        hopeless = 12000
        textbook = oracle._Textbook(inside=oracle._Textbook())
        known = {name: functools.cache(function.__wrapped__) for name, function in known.items()}
    primitives.TABLE[old.name] = new
    for name, entries in before.items():
        spelled[name] = tuple([new if entry is old else entry for entry in entries])
    forget()
    try:
        with set_to(
            oracle,
            _TEXTBOOK=textbook,
            _HOPELESS=hopeless,
            **{name: _hashed(function) for name, function in known.items()},
        ):
            yield
    finally:
        primitives.TABLE[old.name] = old
        spelled.update(before)
        forget()


_SLOW = (
    test_primitives.test_second_derivatives_are_true,
    test_primitives.test_derivatives_to_the_fourth_order_are_true_at_every_chosen_point,
    test_primitives.test_push_and_pull_agree,
    test_primitives.test_nothing_raises_at_the_ends_of_the_range,
)


def entry_checks(entry: Primitive, *, slow: bool) -> Iterator[Check]:
    """The tests of the table, of one entry: those that take their time, or the others."""
    tests = [function for function in functions(test_primitives) if (function in _SLOW) == slow]
    for function in sorted(tests, key=lambda function: -_rate(function.__name__)):
        asked = list(inspect.signature(function).parameters)
        if asked == ["entry"]:
            yield Check(function.__name__, functools.partial(function, entry))
        elif asked == ["entry", "edge"]:
            for edge in entry.edges:
                yield Check(function.__name__, functools.partial(function, entry, edge))


def user_checks(entry: Primitive) -> Iterator[Check]:
    """What is known of formulas, then what of the entry takes its time, and the tests of those whose texts it is in."""
    for module in (test_primitives, test_edge_points, test_lectures):
        yield from [check for check in checks_of(module) if "entry" not in getattr(check.run, "keywords", {})]
    yield from entry_checks(entry, slow=True)
    for slow in (False, True):
        for name in users(entry.name):
            yield from entry_checks(primitives.TABLE[name], slow=slow)


@functools.cache
def _used() -> dict[str, set[str]]:
    """The primitives that the texts of each are made of."""
    return {
        entry.name: {
            node.op
            for place in places(entry)
            if place.text is not None
            for node in rules.formula(place.text, place.letters).nodes
        }
        for entry in primitives.on_numbers().values()
    }


@functools.cache
def users(name: str) -> tuple[str, ...]:
    """The primitives whose texts this one is in, near ones first."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop(0)
        for user, used in _used().items():
            if one in used and user not in found and user != name:
                found[user] = None
                waiting.append(user)
    return tuple(found)


# Changes that change nothing


def alike(old: Primitive, new: Primitive) -> bool:
    """Whether two entries say the same, to one unit in the last place, wherever the first has a value."""
    points, wanted = _answers_of(old.name)
    with in_table(old, new, defines=False):
        answer = answers(new)
        return all(_same(answer(point, len(said) > 1), said) for point, said in zip(points, wanted, strict=True))


@functools.cache
def _answers_of(name: str) -> tuple[list[Point], list[list[float]]]:
    """Points, and what the entry of the table says of them."""
    entry = primitives.TABLE[name]
    points = telling_points(entry)
    answer = answers(entry)
    return points, [answer(point, test_primitives.in_domain(entry, point)) for point in points]


def _same(some: Sequence[float], others: Sequence[float]) -> bool:
    return len(some) == len(others) and all(map(_close, some, others))


def _close(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= math.ulp(max(abs(a), abs(b)))


def telling_points(entry: Primitive) -> list[Point]:
    """Samples, random points, and all that lies on and beside the numbers in the texts."""
    numbers = {0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 40.0, 1e300, 1e-300}
    for place in places(entry):
        if place.text is not None:
            nodes = rules.formula(place.text, place.letters).nodes
            numbers.update(abs(float(node.attribute or 0.0)) for node in nodes if node.op == CONSTANT)
    near = {other for x in numbers for other in (x, math.nextafter(x, 0), math.nextafter(x, math.inf), x + 1, x / 2)}
    line = sorted({sign * x for x in near for sign in (1, -1)})
    choose = random.Random(entry.name)
    count = test_primitives.arity(entry)
    special = [(x,) for x in line] if count == 1 else [tuple(choose.choices(line, k=count)) for _ in range(1000)]
    return [
        *test_primitives.chosen_points(entry),
        *special,
        *itertools.product((-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0), repeat=count),
        *[tuple([choose.choice((1, -1)) * 10 ** choose.uniform(-20, 3) for _ in range(count)]) for _ in range(500)],
        *test_primitives.random_points(entry, 500),
    ]


def answers(entry: Primitive) -> Callable[[Point, bool], list[float]]:
    """Everything that an entry says of a point, as a function of the point and whether there is a value."""
    compiled = functools.cache(functools.partial(_compiled, entry))

    def answer(point: Point, inside: bool) -> list[float]:
        found = [float(test_primitives.in_domain(entry, point))]
        if not inside:
            return found
        function, formulas, conditions, edges = compiled(len(point))
        values = [*point, function(*point)]
        found.append(values[-1])
        for formula in formulas:
            number = formula(values)
            found.append(math.inf if number is None else number)
        found += [float(bool(condition(values))) for condition in conditions]
        for where, of, sides in edges:
            if where(values):
                found += [of, *[side(values) for side in sides]]
        return found

    return answer


def _compiled(entry: Primitive, count: int) -> tuple[Any, list[Any], list[Any], list[Any]]:
    name, letters = entry.name, (*rules.arguments(entry, count), rules.RESULT)
    slopes = [test_primitives.FLOATS.partial(name, k, count) for k in range(count)]
    graphs = [rules.handbook(name, k, count) for k in range(count)]
    if entry.elementary:
        graphs.append(rules.formula(entry.elementary, letters))
    conditions = [rules.path(name, k, count) for k in range(count)]
    conditions += [rules.reads(name, k) for k in range(count)] if entry.reads else []
    edges = [
        [compile_graph(rules.condition(name, text, count), letters) for text in (edge.where, *(edge.slopes or ()))]
        for edge in entry.edges
    ]
    return (
        test_primitives.FLOATS.function(name, count),
        [slope for slope in slopes if slope] + [compile_graph(graph, letters) for graph in graphs if graph],
        [compile_graph(graph, letters) for graph in conditions if graph],
        [
            (where, float(entry.names.index(edge.of) if edge.of else -1), sides)
            for edge, (where, *sides) in zip(entry.edges, edges, strict=True)
        ],
    )


# Changing a function of Python


class Change(NamedTuple):
    """Another part in the place of one of a syntax tree, and the lines of the statement that holds it."""

    node: ast.AST
    field: str
    index: int | None
    old: ast.AST
    new: ast.AST | None
    statement: ast.stmt
    function: str

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """The tree with it, for a while."""
        before = getattr(self.node, self.field)
        setattr(self.node, self.field, self.new if self.index is None else _with(before, self.index, self.new))
        try:
            yield
        finally:
            setattr(self.node, self.field, before)

    def described(self) -> str:
        """What becomes what, and the statement as it is then."""
        with self.made():
            return f"{_said(self.old)}  ->  {_said(self.new)}   in   {_said(self.statement)}"

    def lines(self) -> range:
        """The lines of the statement, without those of the statements inside it."""
        statement = self.statement
        inside = getattr(statement, "body", None)
        end = inside[0].lineno - 1 if inside else statement.end_lineno or statement.lineno
        return range(statement.lineno, max(end, statement.lineno) + 1)


def _with(values: list[Any], index: int, new: Any) -> list[Any]:
    return [*values[:index], *([] if new is None else [new]), *values[index + 1 :]]


_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}
_ATTRIBUTES = {"start": "end", "end": "start"}


def changes(source: ast.Module) -> Iterator[Change]:
    """Every small change in the functions of a module."""
    for outer in source.body:
        for inner in outer.body if isinstance(outer, ast.ClassDef) else [outer]:
            if isinstance(inner, ast.FunctionDef):
                name = f"{outer.name}.{inner.name}" if isinstance(outer, ast.ClassDef) else inner.name
                yield from _inside(inner, inner, name)


def _inside(node: ast.AST, statement: ast.stmt, function: str) -> Iterator[Change]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params") or isinstance(value, ast.arguments):
            continue
        if isinstance(node, ast.keyword) and node.arg == "strict":  # which is there to fail
            continue
        parts = value if isinstance(value, list) else [value]
        for number, part in enumerate(parts):
            if not isinstance(part, ast.AST):
                continue
            holder = part if isinstance(part, ast.stmt) else statement
            index = number if isinstance(value, list) else None
            for new in _others(part, node, field):
                yield Change(node, field, index, part, new, holder, function)
            yield from _inside(part, holder, function)


def _others(part: ast.AST, node: ast.AST, field: str) -> Iterator[Any]:
    """What may stand in the place of a part."""
    match part:
        case ast.Compare(left=left, ops=[one, *_], comparators=[right, *_]):
            for other in _COMPARED[type(one)]:
                yield ast.copy_location(ast.Compare(left, [other(), *part.ops[1:]], part.comparators), part)
            if len(part.ops) > 1:
                yield ast.copy_location(ast.Compare(left, part.ops[:1], [right]), part)
                yield ast.copy_location(ast.Compare(right, part.ops[1:], part.comparators[1:]), part)
        case ast.BoolOp(op=op, values=values):
            yield ast.copy_location(ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values), part)
            # Without the number in `x or 0.0` only None would be another; that is for the type checker.
            for k in range(0 if isinstance(values[-1], ast.Constant) else len(values)):
                rest = values[:k] + values[k + 1 :]
                yield rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(op, rest), part)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) in _COMPUTED:
                yield ast.copy_location(ast.BinOp(left, _COMPUTED[type(op)](), right), part)
            yield from (left, right)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.copy_location(ast.IfExp(test, orelse, body), part)
            yield from (body, orelse)
        case ast.Constant(value=bool(value)):
            yield ast.copy_location(ast.Constant(not value), part)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.copy_location(ast.Constant(value + 1), part)
            if not (value == 0 and field == "slice"):  # the last is often the first
                yield ast.copy_location(ast.Constant(value - 1), part)
        case ast.Constant(value=str(value)) if not isinstance(node, (ast.Expr, ast.Set, ast.Tuple)):
            yield ast.copy_location(ast.Constant(f"{value}?"), part)
        case ast.Slice(lower=lower, upper=upper):
            if lower is not None:
                yield ast.copy_location(ast.Slice(None, upper), part)
            if upper is not None:
                yield ast.copy_location(ast.Slice(lower, None), part)
        case ast.Call(func=ast.Name(id=name)) if name in _NAMES:
            yield ast.copy_location(ast.Call(ast.Name(_NAMES[name], ast.Load()), part.args, part.keywords), part)
        case ast.Call(args=[_, _, *_], keywords=[]) if field == "value" or isinstance(node, ast.IfExp):
            yield from [argument for argument in part.args if not isinstance(argument, ast.Starred)]
        case ast.Attribute(value=value, attr=attribute, ctx=ast.Load()) if attribute in _ATTRIBUTES:
            yield ast.copy_location(ast.Attribute(value, _ATTRIBUTES[attribute], ast.Load()), part)
        case ast.Set(elts=parts) if len(parts) > 1:
            for k in range(len(parts)):
                yield ast.copy_location(ast.Set(parts[:k] + parts[k + 1 :]), part)
        case ast.Tuple(elts=parts, ctx=ast.Load()) if isinstance(node, ast.Compare) and len(parts) > 1:
            for k in range(len(parts)):
                yield ast.copy_location(ast.Tuple(parts[:k] + parts[k + 1 :], ast.Load()), part)
        case ast.keyword(arg=str(name)) if field == "keywords" and name != "strict":
            yield None
        case ast.If(body=body, orelse=orelse):
            yield from _tested(part)
            yield ast.copy_location(ast.If(ast.Constant(False), body, orelse), part)
        case ast.While():
            yield from _tested(part)
        case ast.AugAssign(target=target, value=value):
            yield ast.copy_location(ast.Pass(), part)
            yield ast.copy_location(ast.Assign([target], value), part)
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Expr() | ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.Return() | ast.Raise() | ast.Delete():
            yield ast.copy_location(ast.Pass(), part)
        case ast.Continue():
            yield from (ast.copy_location(other, part) for other in (ast.Break(), ast.Pass()))
        case ast.Break():
            yield from (ast.copy_location(other, part) for other in (ast.Continue(), ast.Pass()))
        case ast.comprehension(target=target, iter=iterated, ifs=[test], is_async=way):
            yield ast.comprehension(target, iterated, [], way)
            yield ast.comprehension(target, iterated, [ast.UnaryOp(ast.Not(), test)], way)


def _tested(part: ast.If | ast.While) -> Iterator[ast.stmt]:
    """The opposite condition, where changing its only operator is not that already."""
    if not (isinstance(part.test, ast.UnaryOp) or (isinstance(part.test, ast.Compare) and len(part.test.ops) == 1)):
        opposite = ast.UnaryOp(ast.Not(), part.test)
        yield ast.copy_location(type(part)(opposite, part.body, part.orelse), part)


def located(module: ModuleType, name: str) -> FunctionType:
    """The function of a module by its name, or by its class's and its own, as it was written."""
    found: Any = module
    for word in name.split("."):
        found = vars(found)[word]
    # What stands behind a cache, a property, and a method of a class.
    for behind in ("__wrapped__", "fget", "func", "__func__"):
        found = getattr(found, behind, found)
    return found


def code_of(statement: ast.FunctionDef) -> CodeType:
    """The code of one function's syntax tree."""
    alone = ast.FunctionDef(statement.name, statement.args, statement.body, [], statement.returns)
    tree = ast.fix_missing_locations(ast.Module([ast.copy_location(alone, statement)], []))
    module = compile(tree, "<mutant>", "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


@contextlib.contextmanager
def running(function: FunctionType, statement: ast.FunctionDef, change: Change) -> Iterator[None]:
    """The function as its changed syntax tree says."""
    before = function.__code__
    with change.made():
        function.__code__ = code_of(statement)
    forget()
    try:
        yield
    finally:
        function.__code__ = before
        forget()


def python_mutants(
    modules: Mapping[ModuleType, Callable[..., bool] | None], every: Sequence[Check]
) -> Iterator[Mutant]:
    """Every change of every function of some modules, before those checks that run the changed lines.

    With a module stands what says of a change whether it changes nothing, where something can.
    """
    files = {module: str(module.__file__) for module in modules}
    large = [check for check in every if check.name.startswith(_LARGE)]
    checks, seen_by = coverage([check for check in every if check not in large], set(files.values()))
    for module, file in files.items():
        source = ast.parse(Path(file).read_text(encoding="utf-8"))
        held = {
            (f"{outer.name}.{inner.name}" if isinstance(outer, ast.ClassDef) else inner.name): inner
            for outer in source.body
            for inner in (outer.body if isinstance(outer, ast.ClassDef) else [outer])
            if isinstance(inner, ast.FunctionDef)
        }
        for change in changes(source):
            lines = [(file, line) for line in change.lines()]
            numbers = sorted({number for line in lines for number in seen_by.get(line, ())})
            made = functools.partial(running, located(module, change.function), held[change.function], change)
            place = f"{Path(file).relative_to(ROOT)}, {change.function}, line {change.statement.lineno}"
            same = modules[module]
            yield Mutant(
                place,
                change.described(),
                made,
                functools.partial(_best_first, [checks[number] for number in numbers], place),
                functools.partial(_changes_nothing, held[change.function], change, made, same),
                large.copy,
            )


# What takes most of the time, because the formulas are large; it comes last.
_LARGE = (
    "test_depth_costs_no_recursion",
    "test_derivatives_of_high_order",
    "test_doubling_functions_meet_the_node_limit",
    "test_loops_without_terms_count_too",
    "test_random_formulas_agree_with_the_derivative_of_the_derivative",
    "test_the_derivative_of_a_deep_formula_is_written_in_linear_size",
    "test_the_grammar_has_no_conflict_and_the_tables_that_ship_are_its_own",
    "test_the_jacobian_takes_the_cheaper_mode",
)


def _changes_nothing(
    statement: ast.FunctionDef,
    change: Change,
    made: Callable[[], contextlib.AbstractContextManager[object]],
    same: Callable[..., bool] | None,
) -> bool:
    """Whether Python runs the same instructions, or what stands with the module says so."""
    before = _instructions(code_of(statement))
    with change.made():
        after = _instructions(code_of(statement))
    return before == after or (same is not None and same(made))


def _instructions(code: CodeType) -> tuple[object, ...]:
    constants = [_instructions(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, tuple(constants)


def _best_first(checks: list[Check], place: str) -> list[Check]:
    """Those first that noticed something at the same place, then in the same function."""
    function = place.rpartition(", ")[0]
    return sorted(checks, key=lambda check: (-_NEAR[check.name, place], -_NEAR[check.name, function]))


_NEAR: Counter[tuple[str, str]] = Counter()


def _said(part: ast.AST | None) -> str:
    """The first line of a part of a program."""
    if part is None:
        return "nothing"
    if isinstance(part, ast.comprehension):
        return f"for {_said(part.target)} in {_said(part.iter)}{''.join([f' if {_said(test)}' for test in part.ifs])}"
    if isinstance(part, ast.keyword):
        return f"{part.arg}={_said(part.value)}"
    return ast.unparse(ast.fix_missing_locations(copy.copy(part))).partition("\n")[0]


def coverage(checks: Sequence[Check], files: set[str]) -> tuple[list[Check], dict[tuple[str, int], list[int]]]:
    """The checks with their time, and by file and line the numbers of those that run it."""
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    timed: list[Check] = []
    for number, check in enumerate(checks):
        lines: set[tuple[str, int]] = set()

        def inside(frame: FrameType, event: str, _argument: object, lines: set[Any] = lines) -> Any:
            if event == "line":
                lines.add((frame.f_code.co_filename, frame.f_lineno))
            return inside

        def entered(frame: FrameType, _event: str, _argument: object) -> Any:
            return inside if frame.f_code.co_filename in files else None

        forget()
        before = sys.gettrace()
        began = time.process_time()
        sys.settrace(entered)
        try:
            check.run()
        except Exception as problem:
            raise AssertionError(f"{check.name} fails without any change") from problem
        finally:
            sys.settrace(before)
        timed.append(check._replace(seconds=max(1.0, 20 * (time.process_time() - began))))
        for line in lines:
            found[line].append(number)
    return timed, found


# What no test can notice

_FASTER = "the same, only slower"
_TURNED = "the count of arguments is not looked at here"
KNOWN = {
    ("TermBuilder._called_by_name", "if op == CALL else None  ->  name.text"): "nobody reads it of a primitive",
    ("is_blank", "??"): "a character is stripped as well where it is named twice",
    ("backpropcli/homework/numbers.py", "strip('0?')"): "only digits stand there",
    ("coth, value", "if(not x > 0, "): "the form of the other side keeps the promised digits, too",
    ("coth, value", "if(-x > 0, "): "as the one before",
    ("factorial, value", "if(x >= 2, "): "gamma(x + 1) keeps its digits between 1 and 2 as well",
    ("Arrays.plus", ":  ->  if False:"): _FASTER,
    ("Arrays.plus", "return a + b  ->  pass"): _FASTER,
    ("_times", ":  ->  if False:"): _FASTER,
    ("_times", "return carried * partial  ->  pass"): _FASTER,
    ("_shown", ":  ->  if False:"): _FASTER,
    ("_shown", "return value  ->  pass"): _FASTER,
    ("_partial", "->  _narrowing(op, k, count)"): _FASTER,
    ("_partial", "rules.chooses(op, k, count)  ->  "): _FASTER,
    ("_map", "pull is None or push is None  ->  "): "where there is no pull there is no push",
    ("_map", "_function('sum', "): _TURNED,
    ("_map", "_function('spread', "): _TURNED,
    ("Symbols.__init__", "0  ->  1"): "one rewrite fewer before it stops",
    ("Symbols.__init__", "0  ->  -1"): "one rewrite more before it stops",
    ("Symbols._times", "2  ->  "): _TURNED,
    ("Symbols.plus", "2  ->  "): _TURNED,
}
"""Changes without a consequence: in which function or text, what, and why."""


def reason(mutant: Mutant) -> str | None:
    """Why a change has no consequence, where that is known."""
    places = mutant.place, *mutant.place.split(", ")
    return next((why for (place, what), why in KNOWN.items() if place in places and what in mutant.change), None)


# What judges the sweeps, and the errors


def sweep_checks() -> list[Check]:
    """What is known of formulas, and the higher derivatives of those primitives that have a path or none."""
    modules = (test_floats, test_lectures, test_edge_points, test_partials, test_derivatives, test_lower)
    orders = test_primitives.test_second_derivatives_are_true
    return [
        *[check for module in modules for check in checks_of(module)],
        *product_checks(),
        *[
            Check(f"{orders.__name__}[{entry.name}]", functools.partial(orders, entry))
            for entry in primitives.on_numbers().values()
            if not entry.helper and any(rules.partial(entry.name, k, 3) is None for k in range(len(entry.names)))
        ],
    ]


_EACH = 20
"""Of a test over arrays so many sets of parameters are tried: what carries arrays is the same for all of them."""
_LONG = frozenset({"test_tables_beyond_the_budget_are_refused_and_the_value_is_not"})


def product_checks() -> list[Check]:
    """What is known of products over arrays, and of the operations on them."""
    seen: Counter[str] = Counter()
    found = []
    for check in [*checks_of(test_array_products), *checks_of(test_array_primitives)]:
        name = check.name.partition("[")[0]
        seen[name] += 1
        if seen[name] <= _EACH and name not in _LONG:
            found.append(check._replace(run=functools.partial(_quiet, check.run)))
    return found


def _quiet(run: Callable[[], object]) -> object:
    with quietly():
        return run()


def run_alike(made: Callable[[], contextlib.AbstractContextManager[object]]) -> bool:
    """Whether the table's formulas, compiled, have the values that they had, by the same operations."""
    wanted = _runs()
    with made():
        return objection(Check("runs", functools.partial(_run_as, wanted))) is None


def _run_as(wanted: list[tuple[Graph, tuple[str, ...], list[Point], list[tuple[float, Counter[str]]]]]) -> None:
    for graph, letters, points, before in wanted:
        now = test_floats.counted(graph, letters, points)
        assert all(_identical(*pair) for pair in zip(now, before, strict=True))


def _identical(one: tuple[float, Counter[str]], other: tuple[float, Counter[str]]) -> bool:
    return struct.pack("d", one[0]) == struct.pack("d", other[0]) and one[1] == other[1]


@functools.cache
def _runs() -> list[tuple[Graph, tuple[str, ...], list[Point], list[tuple[float, Counter[str]]]]]:
    choose = random.Random(1)
    texts = [(text, test_floats.LETTERS) for text, *_ in test_floats.COUNTS]
    texts += [(test_floats.written(choose, 4), test_floats.LETTERS) for _ in range(300)]
    texts += [
        (place.text, place.letters)
        for entry in primitives.on_numbers().values()
        for place in places(entry)
        if place.text is not None
    ]
    found = []
    for text, letters in dict.fromkeys(texts):
        points = [tuple(choose.choices((-2.0, 0.0, 0.5, 1.0, 3.0), k=len(letters))) for _ in range(4)]
        graph = rules.formula(text, letters)
        found.append((graph, letters, points, test_floats.counted(graph, letters, points)))
    return found


_CLASSES = frozenset(
    {
        "test_wrong_students_have_their_wrong_step_flagged_and_no_other",
        "test_independent_errors_are_each_located",
        "test_the_family_is_named_where_the_derivatives_alone_are_given",
        "test_no_honest_student_is_flagged",
        "test_the_right_numbers_are_no_misconception",
    }
)


def marking_checks() -> list[Check]:
    """How answers are read and marked; whole classes of students take too long, and are left out."""
    found = [*checks_of(test_homework_answers), *checks_of(test_homework_marking)]
    return [check for check in found if check.name.partition("[")[0] not in _CLASSES]


def error_checks() -> list[Check]:
    """What is said of formulas, and how right ones are read."""
    cases = [Check(path.stem, functools.partial(case, path)) for path in test_errors.CASES]
    return [*cases, *checks_of(test_language), *checks_of(test_array_language)]


def read_alike(made: Callable[[], contextlib.AbstractContextManager[object]]) -> bool:
    """Whether texts right and wrong are all read as before, with their places, or refused in the same words."""
    wanted = _readings()
    with made():
        return objection(Check("readings", functools.partial(_read_as, wanted))) is None


def _read_as(wanted: list[tuple[str, tuple[str, ...], object]]) -> None:
    for text, bound, before in wanted:
        assert _reading(text, bound) == before


def _reading(text: str, bound: tuple[str, ...]) -> object:
    grammar = tables.load("formula")
    builder = terms.TermBuilder(text, bound)
    try:
        parser.parse(tokens.tokenize(text, grammar, bound), grammar, builder, text)
    except BackpropError as problem:
        return problem.message, problem.hint, problem.span, problem.source
    return builder.terms, builder.statements


_PIECES = (
    *(
        "x",
        "y",
        "2",
        "1.5",
        "f",
        "xy",
        "_1",
        " ",
        "+",
        "-",
        "*",
        "/",
        "^",
        "(",
        ")",
        ",",
        ";",
        "\n",
        "=",
        "<",
        "?",
        ":",
    ),
    *(
        "|",
        "!",
        "²",
        "⁻¹",
        " and ",
        " not ",
        "sin ",
        "sin(",
        "max ",
        "sin^2 ",
        "exp",
        "max(",
        "f(t) = ",
        "diff(",
        "dz/dx",
        "..",
    ),
)


@functools.cache
def _readings() -> list[tuple[str, tuple[str, ...], object]]:
    known = [*test_language.READINGS, *test_language.TERMS, *test_language.STATEMENTS]
    known += [_case(path).arguments[1] for path in test_errors.CASES if _case(path).arguments[:1] == ["eval"]]
    texts = dict.fromkeys(text for text in known if len(text) < 80)
    known, choose = list(texts), random.Random(1)
    while len(texts) < 3000:
        text = choose.choice(known)
        for _ in range(choose.randint(1, 3)):
            i, more = choose.randint(0, len(text)), choose.randint(0, 2)
            text = text[:i] + choose.choice(_PIECES) + text[i + more :]
        texts[text] = None
    bound = [choose.choice(((), ("x", "y"), ("dz", "sin"))) for _ in texts]
    return [(text, names, _reading(text, names)) for text, names in zip(texts, bound, strict=True)]


def case(path: Path) -> None:
    """One of cases/errors, in process."""
    wanted = _case(path)
    err = io.StringIO()
    streams = {
        "stdin": io.TextIOWrapper(io.BytesIO(wanted.files.get("stdin", b""))),
        "stdout": io.StringIO(),
        "stderr": err,
    }
    with contextlib.chdir(_folder(path)), set_to(sys, **streams):
        code = backprop(wanted.arguments)
    assert f"{err.getvalue()}exit {code}\n" == wanted.expected


@functools.cache
def _case(path: Path) -> Any:
    return test_errors.read(path)


_FOLDERS = tempfile.TemporaryDirectory()


@functools.cache
def _folder(path: Path) -> Path:
    """A folder with the files of a case."""
    folder = Path(_FOLDERS.name) / path.stem
    folder.mkdir()
    for name, contents in _case(path).files.items():
        if name != "stdin":
            (folder / name).write_bytes(contents)
    return folder


# Trying


def fates(mutants: Iterable[Mutant]) -> Iterator[tuple[str, Mutant]]:
    """What becomes of every mutant before its checks: killed, endless, known, the same or alive."""
    for mutant in mutants:
        end = _noticed(mutant, mutant.checks)
        if end is None:
            end = "known" if reason(mutant) else "the same" if mutant.same() else None
        yield end or _noticed(mutant, mutant.others) or "alive", mutant


def _noticed(mutant: Mutant, checks: Callable[[], Iterable[Check]]) -> str | None:
    """How the first check that notices it says so."""
    with mutant.made():
        for check in checks():
            began = time.process_time()
            said = objection(check)
            _SPENT[check.name] += time.process_time() - began
            if said is not None:
                _NOTICED[check.name] += 1
                _NEAR[check.name, mutant.place] += 1
                _NEAR[check.name, mutant.place.rpartition(", ")[0]] += 1
                return said
    return None


_NOTICED: Counter[str] = Counter()
_SPENT: dict[str, float] = defaultdict(float)


def _rate(check: str) -> float:
    """Mutants noticed a second so far; what is good at it comes first."""
    return (_NOTICED[check] + 1) / (_SPENT[check] + 1)


class Family(NamedTuple):
    """Mutants of one kind."""

    name: str
    mutants: Callable[[], Iterator[Mutant]]


def _all_rules() -> Iterator[Mutant]:
    for entry in list(primitives.on_numbers().values()):
        yield from rule_mutants(entry)


def _all_array_rules() -> Iterator[Mutant]:
    for entry in list(primitives.on_arrays().values()):
        yield from array_rule_mutants(entry)


FAMILIES = (
    Family("rules", _all_rules),
    Family("array-rules", _all_array_rules),
    Family(
        "sweeps",
        lambda: python_mutants(
            {**dict.fromkeys((sweeps, steps, duals, symbols, arrays)), floats: run_alike}, sweep_checks()
        ),
    ),
    Family("feedback", lambda: python_mutants({feedback: None}, list(checks_of(test_feedback)))),
    Family("errors", lambda: python_mutants(dict.fromkeys((parser, tokens, terms), read_alike), error_checks())),
    Family("marking", lambda: python_mutants(dict.fromkeys((marking, own, intervals, numbers)), marking_checks())),
)


def outcome(
    family: Family, *, seed: str = "", sample: int | None = None, part: tuple[int, int] = (1, 1), only: str = ""
) -> Iterator[tuple[str, Mutant]]:
    """What becomes of a family's mutants, or of a part or a sample of them, one after the other."""
    with set_to(test_primitives, POINTS=40), warnings.catch_warnings():
        warnings.simplefilter("error")
        mutants = [mutant for mutant in family.mutants() if only in mutant.place]
        if sample is not None:
            mutants = spread(mutants, sample, seed)
        yield from fates(mutants[part[0] - 1 :: part[1]])


def spread(mutants: Iterable[Mutant], count: int, seed: str) -> list[Mutant]:
    """So many of them, chosen by the seed: one of every text or function, in turn, before a second one of any."""
    choose = random.Random(seed)
    by_place: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_place[mutant.place.partition(", line ")[0]].append(mutant)
    groups = list(by_place.values())
    for group in [groups, *groups]:
        choose.shuffle(group)  # type: ignore[arg-type]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*groups))
    return [mutant for mutant in turns if mutant is not None][:count]


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    asked.add_argument("--family", choices=[family.name for family in FAMILIES], action="append")
    asked.add_argument("--only", default="", help="those whose place holds this text")
    asked.add_argument("--part", default="1/1", help="2/3: every third, from the second on")
    asked.add_argument("--sample", type=int, help="so many of each family, chosen by the seed and spread")
    asked.add_argument("--seed", default="1")
    asked.add_argument("--same", action="store_true", help="print the mutants that change nothing, too")
    options = asked.parse_args()
    part = tuple(map(int, options.part.split("/")))
    alive = 0
    for family in FAMILIES:
        if options.family and family.name not in options.family:
            continue
        counts: Counter[str] = Counter()
        began = time.process_time()
        for fate, mutant in outcome(family, seed=options.seed, sample=options.sample, part=part, only=options.only):
            counts[fate] += 1
            if fate in ("alive", "endless") or (options.same and fate in ("known", "the same")):
                print(f"  {fate}: {mutant.place}: {mutant.change}", flush=True)
        alive += counts["alive"]
        print(f"{family.name}: {described(counts)}, in {time.process_time() - began:.0f} s of CPU", flush=True)
    return 1 if alive else 0


def described(counts: Counter[str]) -> str:
    return ", ".join([f"{sum(counts.values())} mutants", *[f"{count} {fate}" for fate, count in counts.items()]])


if __name__ == "__main__":
    sys.exit(main())
