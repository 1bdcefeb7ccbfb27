"""`derive --to sql`: DuckDB gives every row the numbers of the engine of floats, and no row fails a query."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pytest

from backpropcli import primitives
from backpropcli.algebras.kernel_symbols import CONDITIONS
from backpropcli.algebras.kernels import FLOAT_KERNELS
from backpropcli.cli import main
from backpropcli.errors import BackpropError
from backpropcli.exporting import Rows, sql
from backpropcli.formula import Formula
from backpropcli.graph import GraphBuilder
from backpropcli.passes.lower import Program, Wanted, lower
from backpropcli.programs import engines
from tests.benchmarks import points
from tests.random_graphs import edge_graph, random_graph
from tests.test_programs import GRAPHS, SCALAR, errors, primitive_points

INF, NAN = math.inf, math.nan

ABSENT = frozenset(
    {
        *("erf", "erfc", "erfinv", "erfinv_slope", "sinc_slope", "gamma", "lgamma", "digamma", "polygamma"),
        *("polygamma_difference", "beta", "beta_slope"),
    }
)
"""Kernels that databases lack, or have with fewer digits."""

ULPS = {"cbrt": 4.0, "expm1": 3.0, "log1p": 3.0, "hypot": 3.0}
"""How far a kernel is from that of numbers, in units in the last place; 2 for all others."""


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def table(database: Any, columns: dict[str, Sequence[float | None]]) -> None:
    """The table `points`, with the number of each row."""
    made = ["unnest(?::INTEGER[]) AS number"]
    made += ['unnest(?::DOUBLE[]) AS "' + name.replace('"', '""') + '"' for name in columns]
    numbers = list(range(len(next(iter(columns.values())))))
    database.execute(f"CREATE OR REPLACE TABLE points AS SELECT {', '.join(made)}", [numbers, *columns.values()])


def answer(database: Any, query: str, outputs: int) -> list[tuple[float | None, ...]]:
    """The outputs of every row."""
    return [row[-outputs:] for row in database.execute(f"SELECT * FROM ({query}) ORDER BY number").fetchall()]


def rows_of(program: Program) -> Rows:
    names = tuple([f"output {k}" for k in range(len(program.outputs))])
    return Rows(program.nodes, program.outputs, names, program.values, program.domain)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def hold(database: Any, program: Program, columns: Sequence[Sequence[float]], what: object) -> int:
    """SQL has the numbers of floats, and NULL where the row has no value; how many rows have one."""
    held = dict(zip(program.columns, columns, strict=True))
    table(database, {"unused": [0.0] * len(columns[0]), **held})
    found = answer(database, sql.write(rows_of(program)), len(program.outputs))
    told = program._replace(outputs=(*program.outputs, *program.domain))
    computed = engines.prepared(told, "scalar").run(columns, len(columns[0])).outputs
    ulps = max([2.0, *[ULPS.get(node.op, 2.0) for node in program.nodes]])
    count = 0
    for k, got in enumerate(found):
        point = [column[k] for column in columns]
        wanted = [column[k] for column in computed[: len(program.outputs)]]
        known = all([math.isfinite(number) for number in (*point, *wanted[: program.values])])
        if not known or not all([column[k] for column in computed[len(program.outputs) :]]):
            assert set(got) == {None}, (what, point, got)
            continue
        count += 1
        for a, b, most in zip(wanted, got, errors(program, point, ulps), strict=True):
            assert b is not None
            assert same(a, b) or (math.isfinite(a) and abs(a - b) <= most), (what, point, wanted, got)
    return count


# Kernels


KERNELS = {name: primitives.TABLE[name].value if name in primitives.TABLE else name for name in sql.FORMS}
"""The kernel of every name that a node of a program has."""

SPECIAL = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.0, 3.0, -3.0, 1e-17, -3e-9, 0.3, -0.7, 5e-324, -5e-324),
    *(1e-300, 1e-200, 1e155, 1e300, -1e300, 709.7, 710.5, -745.0, -800.0, 4503599627370495.5, 4503599627370497.0),
    *(1.7976931348623157e308, INF, -INF, NAN),
)


@pytest.mark.parametrize("setting", ["true", "false"])
@pytest.mark.parametrize("name", sql.FORMS)
def test_kernels_are_those_of_floats_everywhere(name: str, setting: str, database: Any) -> None:
    """At infinities and nan too, under both of the settings that a database has for what has no value."""
    kernel = FLOAT_KERNELS[KERNELS[name]]
    count = next(n for n in (2, 1, 3) if _takes(kernel, n))
    chosen = list(itertools.product(SPECIAL, repeat=count))
    if count == 3:
        chosen = random.Random(1).sample(chosen, 800)
    letters = "abc"[:count]
    table(database, {letter: [point[k] for point in chosen] for k, letter in enumerate(letters)})
    truths = sql.TRUTHS.get(name, ())
    texts = [f"({letter} <> 0e0)" if k in truths else letter for k, letter in enumerate(letters)]
    text = sql.FORMS[name].text(*map(sql.Argument, texts))
    if name in CONDITIONS:
        text = f"CASE WHEN {text} THEN 1e0 ELSE 0e0 END"
    database.execute(f"SET ieee_floating_point_ops = {setting}")
    try:
        found = answer(database, f"SELECT number, {text} FROM points", 1)
    finally:
        database.execute("RESET ieee_floating_point_ops")
    for point, (got,) in zip(chosen, found, strict=True):
        wanted = kernel(*point)
        most = ULPS.get(name, 2.0) * math.ulp(wanted) if math.isfinite(wanted) else 0.0
        assert got is not None, point
        assert same(wanted, got) or abs(wanted - got) <= most, (point, wanted, got)


def _takes(kernel: Callable[..., float], count: int) -> bool:
    try:
        kernel(*[0.5] * count)
    except TypeError:
        return False
    return True


def test_kernels_are_written_or_refused() -> None:
    kernels = {entry.value for entry in primitives.on_numbers().values() if entry.value in FLOAT_KERNELS}
    written = {KERNELS[name] for name in sql.FORMS}
    assert kernels - written == ABSENT & kernels
    assert not written & ABSENT


# Formulas


@pytest.mark.parametrize("name", SCALAR)
def test_rows_are_those_of_floats_for_every_primitive(name: str, database: Any) -> None:
    entry = primitives.TABLE[name]
    count = 3 if entry.variadic else len(entry.names)
    builder = GraphBuilder()
    names = [f"x{k}" for k in range(count)]
    graph = builder.graph([builder.apply(name, [builder.variable(each) for each in names])])
    program = lower(graph, names, {}, names, Wanted(domain=True))
    at = [point for point in primitive_points(name, count) if all([math.isfinite(x) for x in point])]
    columns = [[float(point[names.index(each)]) for point in at] for each in program.columns]
    absent = ABSENT & {node.op for node in program.nodes}
    if absent:
        with pytest.raises(BackpropError, match="is not in SQL"):
            sql.write(rows_of(program))
        return
    if columns:
        assert hold(database, program, columns, name)


def test_rows_are_those_of_floats_for_random_graphs(database: Any) -> None:
    made = 0
    for seed in range(GRAPHS // 3):
        graph, point = random_graph(seed, size=12)
        names = tuple(graph.variables)
        program = lower(graph, names, {}, names, Wanted(domain=True, hessian=seed % 5 == 0))
        if ABSENT & {node.op for node in program.nodes}:
            continue
        rng = random.Random(seed)
        rows = [point] + [{name: x * rng.uniform(0.999, 1.001) for name, x in point.items()} for _ in range(4)]
        made += hold(database, program, [[row[name] for row in rows] for name in program.columns], seed)
    assert made > GRAPHS // 5


def test_rows_at_kinks_ties_and_poles_are_those_of_floats(database: Any) -> None:
    made = 0
    for seed in range(GRAPHS // 3):
        graph, _ = edge_graph(seed)
        names = tuple(graph.variables)
        program = lower(graph, names, {}, names, Wanted(domain=True))
        rng = random.Random(seed)
        columns = [[rng.choice((0.0, -0.0, 1.0, -1.0, 2.0, 0.5)) for _ in range(20)] for _ in program.columns]
        if columns and not ABSENT & {node.op for node in program.nodes}:
            made += hold(database, program, columns, seed)
    assert made > GRAPHS


@pytest.mark.parametrize("name", points.FORMULAS)
def test_rows_are_those_of_floats_for_what_is_measured(name: str, database: Any) -> None:
    formula = Formula(points.FORMULAS[name])
    names = formula.variables
    rng = random.Random(name)
    columns = {each: [rng.uniform(-1, 3) for _ in range(30)] + [-900.0, 900.0, 1e155, 0.0] for each in names}
    compare(database, formula, columns)


def compare(database: Any, formula: Formula, columns: dict[str, Sequence[float]], **asked: Any) -> Any:
    """SQL gives what `map` gives, NULL in rows of which it says that they have no value."""
    table(database, columns)
    mapped = formula.map(columns, on_error="null", **asked)
    names = list(mapped)
    found = answer(database, formula.derivative(to="sql", **asked), len(names))
    for k, got in enumerate(found):
        if k in mapped.errors:
            assert set(got) == {None}, (k, mapped.errors[k])
            continue
        for name, number in zip(names, got, strict=True):
            wanted = float(mapped[name][k])
            assert number is not None, (k, name)
            assert same(wanted, number) or wanted == pytest.approx(number, rel=1e-13), (k, name)
    return mapped


GRID = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 800.0, -800.0]


@pytest.mark.parametrize(
    "text",
    [
        "x*log(y)",
        "if(x > 0, log(x), x*y)",
        "if(x > 0 and y > 0, sqrt(x*y), 0) + relu(x)*y",
        "1/(1 + 1/x) + y",
        "x^y",
        "x^-3 + y^0.5",
        "sqrt(x)*y",
        "acot(x) + abs(y)",
        "max(x, y)*min(x, 1) + clip(y, -1, 1)",
        "asin(x) + atanh(y)",
        "exp(x)*exp(-y)",
        "tan(x)/(1 + exp(-y))",
        "round(x)*y + floor(y) + mod(x, y)",
        "(x > y) + (x == 0) + (not y)*x",
        "softplus(x) + silu(y) + log_sigmoid(x*y)",
        "a = 3; a*x + y",
        "x + 0*y",
        "x*0 + 4",
        "log_base(x, y)",
    ],
)
def test_rows_without_a_value_are_null_and_all_others_are_those_of_map(text: str, database: Any) -> None:
    formula = Formula(text)
    pairs = list(itertools.product(GRID, GRID))
    columns = {name: [pair[k] for pair in pairs] for k, name in enumerate("xy") if name in formula.variables}
    compare(database, formula, columns)


def test_second_derivatives_are_those_of_map(database: Any) -> None:
    columns = {"x": [0.5, 1.5, 0.0, -1.0], "y": [2.0, 0.3, 1.0, 4.0]}
    mapped = compare(database, Formula("x^2*log(y) + tanh(x*y)"), columns, hessian=True)
    assert list(mapped) == ["value", "grad_x", "grad_y", "d2_x_x", "d2_x_y", "d2_y_y"]
    compare(database, Formula("x^2*y"), columns, wrt=["y"])


def test_higher_derivatives_are_those_of_one_point(database: Any) -> None:
    formula = Formula("exp(-x^2)*sin(x)")
    table(database, {"x": [0.3, -1.2]})
    for order in (2, 3, 5):
        query = formula.derivative(to="sql", order=order)
        assert query.count(f'"d{order}_{"_".join("x" * order)}"') == 1
        for x, (value, derivative) in zip((0.3, -1.2), answer(database, query, 2), strict=True):
            wanted = formula.derivatives({"x": x}, order)
            assert (value, derivative) == (pytest.approx(wanted[0]), pytest.approx(wanted[order], rel=1e-12))


# Rows and names


def test_null_inf_and_nan_in_a_column_are_no_value(database: Any) -> None:
    table(database, {"x": [1.0, None, INF, -INF, NAN], "y": [None, 1.0, 1.0, 1.0, 1.0]})
    assert answer(database, Formula("if(x > 0, 1, 2)").derivative(to="sql"), 2)[1:] == [(None, None)] * 4
    assert answer(database, Formula("y").derivative(to="sql"), 2) == [(None, None)] + [(1.0, 1.0)] * 4


def test_rows_keep_what_they_hold(database: Any) -> None:
    database.execute(
        """CREATE OR REPLACE TABLE points AS SELECT * FROM (VALUES
        ('a', 'kept', 2, DECIMAL '1.5', 7, 8, 9), ('b', NULL, 3, 0.5, 7, 8, 9))
        AS t(name, "a column", x, y, v1, "value", points)"""
    )
    found = database.execute(Formula("x^2*y + x").derivative(to="sql"))
    assert [column[0] for column in found.description][:8] == [
        *("name", "a column", "x", "y", "v1", "value", "points", "value")
    ]
    assert found.fetchall()[0] == ("a", "kept", 2, 1.5, 7, 8, 9, 8.0, 7.0, 4.0)


@pytest.mark.parametrize("name", ["select", "v1", "V1", "v_1", "row", "value", "grad_x", "order", "points", "unnest"])
def test_names_that_sql_has_a_meaning_for_are_columns(name: str, database: Any) -> None:
    formula = Formula(f"{name}*x^2 + exp({name})*log(x)", variables=[name, "x"])
    table(database, {name: [0.5, -1.0], "x": [2.0, 3.0]})
    for (value, *gradient), number, x in zip(
        answer(database, formula.derivative(to="sql"), 3), (0.5, -1.0), (2.0, 3.0), strict=True
    ):
        wanted = formula.at({name: number, "x": x})
        assert value == pytest.approx(wanted.value, rel=1e-14)
        assert gradient == pytest.approx([wanted.grad[each] for each in formula.variables], rel=1e-14)


@pytest.mark.parametrize("name", ['"', '"; DROP TABLE points; --', "')", '(")")(', "--", "/*", "\\", "''"])
def test_no_name_leaves_its_quotes(name: str, database: Any) -> None:
    """No name of a formula is like these; other graphs may have them."""
    builder = GraphBuilder()
    x = builder.variable(name)
    made = builder.apply("mul", (builder.apply("add", (x, x)), builder.apply("sin", (x,))))
    rows = Rows(tuple(builder.nodes), (made,), (f"{name} made",), 1, ())
    table(database, {name: [2.0]})
    assert answer(database, sql.write(rows), 1) == [(pytest.approx(4 * math.sin(2.0)),)]
    assert database.execute("SELECT count(*) FROM points").fetchall() == [(1,)]


def test_names_that_differ_in_their_capitals_alone_are_refused() -> None:
    with pytest.raises(BackpropError, match="SQL takes W and w for the same column"):
        Formula("W*w").derivative(to="sql")


@pytest.mark.parametrize("number", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 1e22, -2.5, 123456789012345680.0])
def test_numbers_keep_every_digit(number: float, database: Any) -> None:
    table(database, {"x": [1.0]})
    assert answer(database, Formula(f"x*{number!r}").derivative(to="sql"), 2)[0] == (number, number)


# Size


def test_long_sums_and_shared_parts_are_written_in_linear_size(database: Any) -> None:
    lengths = []
    for count in (50, 100, 200):
        text = "+".join(f"sin({k}*x)*y" for k in range(1, count))
        query = Formula(text).derivative(to="sql")
        lengths.append(len(query))
    assert lengths[2] / lengths[1] < 2.3
    table(database, {"x": [0.5], "y": [2.0]})
    wanted = sum(2 * math.sin(k * 0.5) for k in range(1, 200))
    assert answer(database, query, 3)[0][0] == pytest.approx(wanted, rel=1e-12)
    doubled = "; ".join(["v0 = x + 1", *[f"u{k} = {'v0' if k == 1 else f'u{k - 1}'}^2*1.01 - 1" for k in range(1, 60)]])
    assert len(Formula(f"{doubled}; u59").derivative(to="sql")) < 20_000


def test_depth_is_answered_or_refused(database: Any) -> None:
    deep = Formula("sin(" * 80 + "x" + ")" * 80)
    table(database, {"x": [1.0]})
    assert answer(database, deep.derivative(to="sql"), 2)[0][1] == pytest.approx(deep.gradient(x=1.0)["x"], rel=1e-12)
    with pytest.raises(BackpropError, match="and the limit is 200"):
        Formula("sin(" * 3000 + "x" + ")" * 3000).derivative(to="sql")


# The command


def test_what_sql_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "x*gelu(y)", "--to", "sql"]) == 2
    assert capsys.readouterr().err == (
        "error: erfc is not in SQL, and the formula or its derivative is made of it\n"
        "hint: `backprop map` computes it for every row of a file\n"
    )
    for text, more, said in (
        ("[x, 1]", [], "a derivative as a formula"),
        ("x", ["--inline"], "sql needs names for the parts of a formula"),
        ("x*y", ["--order", "2"], "by one variable"),
        ("u = x; w = x^2", [], "one output"),
    ):
        assert main(["derive", text, "--to", "sql", *more]) == 2
        assert said in capsys.readouterr().err, text
