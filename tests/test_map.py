"""Rows in, values and gradients out: `backprop map` as a user meets it, with real files, pipes and signals."""

import csv
import io
import itertools
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from backpropcli import Formula
from backpropcli.cli import main
from backpropcli.streams._schema import SCHEMA

LECTURE = "(x + σ(x)) / (σ(x) + (x + y)^2)"
COMMAND = [sys.executable, "-m", "backpropcli", "map"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "BACKPROP_DEBUG"):
        monkeypatch.delenv(name, raising=False)


class Done:
    """What a run wrote, and its exit code."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(monkeypatch, capfdbinary):
    """Runs `backprop map` in this process."""

    def runner(*arguments, stdin=b""):
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capfdbinary.readouterr()
        code = main(["map", *map(str, arguments)])
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        return Done(code, out, err.decode())

    return runner


def process(*arguments, **options):
    return subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def points(count, seed=1):
    generator = random.Random(seed)
    return [(generator.uniform(-1, 3), generator.uniform(-1, 3)) for _ in range(count)]


def ndjson(rows):
    return "".join(f'{{"x": {x!r}, "y": {y!r}}}\n' for x, y in rows).encode()


def table(rows, separator=","):
    return "".join([f"x{separator}y\n", *[f"{x!r}{separator}{y!r}\n" for x, y in rows]]).encode()


# What comes out


def test_the_lectures_formula_row_by_row(run):
    done = run(LECTURE, stdin='{"x": 4, "y": 3}\n{"x": -1, "y": 0.5}\n')
    formula = Formula(LECTURE)
    assert done.code == 0
    assert len(done.rows) == 2
    for row in done.rows:
        report = formula.at(x=row["x"], y=row["y"])
        assert row == {"x": row["x"], "y": row["y"], "value": report.value, "grad": report.grad}


def test_a_line_is_kept_byte_for_byte(run):
    lines = [
        b'{"y":3,"x":4}',
        b'{ "x" : 4.0 , "y" : 3e0,  "note" : "a\\u00e9 \xc3\xa9 {1}" }',
        b'{"id": 12345678901234567890, "x": 4, "y": 3, "tags": ["a", {"b": null}], "ok": true}  ',
        b'\t{"x":4,"y":3}\r',
    ]
    done = run("x*y", stdin=b"\n".join(lines))
    kept = done.out.split(b"\n")
    assert kept.pop() == b""
    for line, out in zip(lines, kept, strict=True):
        head, tail = line[: line.rindex(b"}")], line[line.rindex(b"}") + 1 :]
        assert out == head + b', "value": 12.0, "grad": {"x": 3.0, "y": 4.0}}' + tail


def test_a_csv_row_is_kept_byte_for_byte(run):
    done = run("x*y", stdin=b'id, x ,y,"a ""b"""\n 7,4,3,"1\n2"\n8 ,"5",+.5e1,\n')
    assert done.out == (
        b'id, x ,y,"a ""b""",value,grad_x,grad_y\n 7,4,3,"1\n2",12.0,3.0,4.0\n8 ,"5",+.5e1,,25.0,5.0,5.0\n'
    )


def test_line_ends_and_marks_of_other_systems(run):
    assert run("x+y", stdin=b"\xef\xbb\xbfx,y\r\n1,2\r\n3,4\r\n").out == (
        b"x,y,value,grad_x,grad_y\r\n1,2,3.0,1.0,1.0\r\n3,4,7.0,1.0,1.0\r\n"
    )
    assert run("x", stdin=b'\xef\xbb\xbf{"x": 1}\r\n').out == b'{"x": 1, "value": 1.0, "grad": {"x": 1.0}}\r\n'


def test_a_last_line_without_an_end_and_empty_lines(run):
    assert run("x", "--only", "value", stdin=b'\n{"x": 1}\n  \n\n{"x": 2}').out == (
        b'{"x": 1, "value": 1.0}\n{"x": 2, "value": 2.0}\n'
    )
    assert run("x", "--only", "value", stdin=b"\nx\n1\n\n2").out == b"x,value\n1,1.0\n2,2.0\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["x*y"], {"value": 6.0, "grad": {"x": 3.0, "y": 2.0}}),
        (["x*y", "--only", "value"], {"value": 6.0}),
        (["x*y", "--only", "grad"], {"grad": {"x": 3.0, "y": 2.0}}),
        (["x*y", "--wrt", "y"], {"value": 6.0, "grad": {"y": 2.0}}),
        (["x*y", "--jvp", "x=1, y=10"], {"value": 6.0, "grad": {"x": 3.0, "y": 2.0}, "jvp": 23.0}),
        (
            ["x*y", "--hessian", "--only", "value"],
            {"value": 6.0, "hessian": {"order": ["x", "y"], "matrix": [[0.0, 1.0], [1.0, 0.0]]}},
        ),
        (["u = x + y; v = x*y", "--jacobian", "--only", "grad"], {"jacobian": {"x": [1.0, 3.0], "y": [1.0, 2.0]}}),
        (["u = x + y; v = x*y"], {"value": {"u": 5.0, "v": 6.0}}),
        (["x*y", "--prefix", "f_"], {"f_value": 6.0, "f_grad": {"x": 3.0, "y": 2.0}}),
        (["a*y", "--rename", "a=x", "--only", "value"], {"value": 6.0}),
        (["θ*y", "--rename", "θ=x", "--only", "grad"], {"grad": {"theta": 3.0, "y": 2.0}}),
        (["a*b*x", "--rename", "a=y", "--rename", "b=y", "--only", "value"], {"value": 18.0}),
        (["a*x*y", "--rename", "a=x", "--only", "value"], {"value": 12.0}),
        (["x*y*w", "--w", "pi/pi", "--only", "value"], {"value": 6.0}),
        (["w = 7; x*y + 0*w", "--wrt", "x"], {"value": 6.0, "grad": {"x": 3.0}}),
    ],
)
def test_what_is_asked_for(run, arguments, expected):
    done = run(*arguments, stdin='{"x": 2, "y": 3}\n')
    assert done.rows == [{"x": 2, "y": 3, **expected}]
    jsonschema.validate(done.rows[0], SCHEMA)


def test_flat_formats_have_a_column_for_each_result(run):
    done = run("x*y^2", "--hessian", "--jvp", "x=1", stdin="x\ty\n2\t3\n")
    assert done.out == (
        b"x\ty\tvalue\tgrad_x\tgrad_y\td2_x_x\td2_x_y\td2_y_y\tjvp\n2\t3\t18.0\t9.0\t12.0\t0.0\t6.0\t4.0\t9.0\n"
    )


def test_a_column_may_hold_lists_and_a_fixed_value_may_be_an_array(run):
    done = run("sum(w*x)", "--w", "[1, 2]", "--wrt", "x", stdin='{"x": [3, 4]}\n{"x": [5, 6]}\n')
    assert [row["value"] for row in done.rows] == [11.0, 17.0]
    assert [row["grad"] for row in done.rows] == [{"x": [1.0, 2.0]}] * 2
    assert run("sum(x)", "--only", "value", stdin='x\n"[1, 2]"\n').out == b'x,value\n"[1, 2]",3.0\n'


def test_a_column_wins_over_what_the_formula_binds_and_an_option_over_a_column(run):
    rows = '{"w": 5, "x": 2}\n'
    assert run("w = 3; w*x", "--only", "value", stdin=rows).rows[0]["value"] == 10.0
    assert run("w = 3; w*x", "--only", "value", stdin='{"x": 2}\n').rows[0]["value"] == 6.0
    done = run("w*x", "--w", "7", "--only", "value", stdin=rows)
    assert done.rows[0]["value"] == 14.0
    assert "note: w is what --w says in all rows; their own w is passed over" in done.err


def test_what_is_not_finite_goes_in_and_out_with_ieee(run):
    done = run("1/x", "--ieee", "--only", "value", stdin='{"x": 0}\n{"x": "-Infinity"}\n{"x": "NaN"}\n')
    assert [row["value"] for row in done.rows] == ["Infinity", 0.0, "NaN"]
    done = run("1/x", "--ieee", "--only", "value", stdin="x\n0\n-Infinity\nNaN\n")
    assert done.out == b"x,value\n0,Infinity\n-Infinity,-0.0\nNaN,NaN\n"


def test_numbers_are_written_as_eval_writes_them(run):
    values = [1e-5, 1.5e-7, 1e16, 123456789012345680.0, 5e-324, -0.0, 0.1 + 0.2, 1e15, 0.0001, 1e22, -1e-300]
    for copies in (1, 100):  # A few, and as many as the fast way is taken for.
        done = run("x", "--only", "value", stdin="".join(f'{{"x": {value!r}}}\n' for value in values * copies))
        assert [line.split(b'"value": ')[1] for line in done.out.splitlines()] == [
            b"%r}" % value for value in values * copies
        ]


def test_the_default_format_is_the_inputs(run, tmp_path):
    for name, contents, starts in [
        ("a.csv", b"x\n1\n", b"x,value"),
        ("a.tsv", b"x\ty\n1\t2\n", b"x\ty\tvalue"),
        ("a.jsonl", b'{"x": 1}\n', b'{"x": 1, "value"'),
        ("a.txt", b"x\n1\n", b"x,value"),
    ]:
        path = tmp_path / name
        path.write_bytes(contents)
        assert run("2x", path).out.startswith(starts)
        assert run("2x", stdin=contents).out.startswith(starts)
        assert run("2x", path, "--format", "ndjson").rows[0]["value"] == 2.0
    assert run("x", "--from", "tsv", "--format", "csv", stdin=b"x\n1\n").out == b"x,value,grad_x\n1,1.0,1.0\n"


def test_rows_go_from_one_format_to_another(run):
    rows = b'{"x": 1.5, "name": "Zo\xc3\xab, \\"x\\"", "ok": true, "none": null, "tags": [1, "a"]}\n{"x": 2}\n'
    done = run("x", "--only", "value", "--format", "csv", stdin=rows)
    read = list(csv.DictReader(io.StringIO(done.out.decode())))
    assert read[0] == {
        "x": "1.5", "name": 'Zoë, "x"', "ok": "true", "none": "", "tags": '[1, "a"]', "value": "1.5",
    }  # fmt: skip
    assert read[1] == {"x": "2", "name": "", "ok": "", "none": "", "tags": "", "value": "2.0"}
    back = run("2x", "--prefix", "g_", "--only", "value", "--format", "ndjson", stdin=done.out)
    assert back.rows[0] == {
        "x": 1.5, "name": 'Zoë, "x"', "ok": "true", "none": None, "tags": '[1, "a"]', "value": 1.5, "g_value": 3.0,
    }  # fmt: skip


def test_codes_and_long_numbers_are_not_changed_on_the_way(run):
    done = run("x", "--only", "value", "--format", "ndjson", stdin="x,id,zip,n\n1,1234567890123456789,01234,1e3\n")
    assert done.out == b'{"x": 1, "id": 1234567890123456789, "zip": "01234", "n": 1000.0, "value": 1.0}\n'
    done = run("x", "--prefix", "g_", "--only", "value", "--format", "csv", stdin=done.out)
    assert done.out == b"x,id,zip,n,value,g_value\n1,1234567890123456789,01234,1000.0,1.0,1.0\n"


def test_tiny_numbers_that_are_not_mapped_are_not_changed_on_the_way(run):
    done = run("x", "--only", "value", "--format", "ndjson", stdin="x,p\n1,1e-400\n2,0\n")
    assert done.out == b'{"x": 1, "p": "1e-400", "value": 1.0}\n{"x": 2, "p": 0, "value": 2.0}\n'
    done = run("x", "--only", "value", "--format", "csv", stdin='{"x": 1, "p": 1e-400}\n{"x": 2, "p": 1e-300}\n')
    assert done.out == b"x,p,value\n1,1e-400,1.0\n2,1e-300,2.0\n"


def test_the_columns_of_a_table_are_those_of_the_first_row(run):
    rows = '{"a": 1, "x": 1}\n{"x": 2}\n{"x": 3, "b": 1}\n'
    done = run("x", "--only", "value", "--format", "csv", stdin=rows)
    assert (done.code, done.out) == (3, b"a,x,value\n1,1,1.0\n,2,2.0\n")
    assert done.err.startswith("error: line 3 has b, which the first row lacks, and so the table\n")


def test_no_cell_of_another_format_is_what_a_spreadsheet_would_execute(run):
    done = run("x", "--only", "value", "--format", "csv", stdin='{"x": -1, "a": "=1+1", "b": "-5", "c": " @x"}\n')
    assert done.out == b"x,a,b,c,value\n-1,'=1+1,-5,' @x,-1.0\n"


def test_characters_that_no_terminal_should_see_are_escaped_or_spelled_out(run, tmp_path):
    rows = '{"x": 1, "a": "\\u001b[2J\\u202e\\ud800\\n", "\\u009b": 2}\n'
    done = run("x", "--only", "value", "--format", "csv", stdin=rows)
    assert done.out == b"x,a,<U+009B>,value\n1,<U+001B>[2J<U+202E><U+D800><U+000A>,2,1.0\n"
    numpy = pytest.importorskip("numpy")
    assert run("x", "-o", tmp_path / "a.npz", "--format", "npz", stdin=rows).code == 0
    assert numpy.load(tmp_path / "a.npz")["value"].tolist() == [1.0]
    pytest.importorskip("pyarrow")
    assert run("x", "--only", "value", "-o", tmp_path / "a.parquet", "--format", "parquet", stdin=rows).code == 0
    done = run("x", "--prefix", "g_", "--only", "value", "--format", "ndjson", tmp_path / "a.parquet")
    assert done.out == (
        b'{"x": 1.0, "a": "\\u001b[2J\\u202e\\\\ud800\\n", "\\u009b": 2.0, "value": 1.0, "g_value": 1.0}\n'
    )


def test_several_files_are_one_stream(run, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x\n1\n")
    (tmp_path / "b.csv").write_bytes(b"x\r\n2\r\n")
    (tmp_path / "c.csv").write_bytes(b"y,x\n2,3\n")
    done = run("x", "--only", "value", tmp_path / "a.csv", tmp_path / "b.csv")
    assert done.out == b"x,value\n1,1.0\n2,2.0\r\n"
    done = run("x", "--only", "value", tmp_path / "a.csv", tmp_path / "c.csv")
    assert (done.code, done.out) == (3, b"x,value\n1,1.0\n")
    assert "different headers" in done.err
    done = run("x", "--only", "value", "--format", "ndjson", tmp_path / "a.csv", tmp_path / "c.csv")
    assert [row["value"] for row in done.rows] == [1.0, 3.0]


def test_nothing_in_nothing_out(run):
    assert (run("x").code, run("x").out) == (0, b"")
    assert run("x", stdin="x\n").out == b"x,value,grad_x\n"
    assert run("2", stdin="{}\n").out == b'{"value": 2.0, "grad": {}}\n'


# What is wrong

BAD = [
    (b'{"x": 1', "is not JSON"),
    (b"nope", "is not JSON: expecting value (column 1)"),
    (b"[1, 2]", "is no point"),
    (b"4", "is no point"),
    (b'{"x": 1}', "has no y"),
    (b'{"x": "1", "y": 2}', "gives x as a text, where a number is expected"),
    (b'{"x": true, "y": 2}', "gives x as true or false, where a number is expected"),
    (b'{"x": null, "y": 2}', "gives x as null, where a number is expected"),
    (b'{"x": {}, "y": 2}', "gives x as an object, where a number is expected"),
    (b'{"x": 1, "y": 2, "x": 1}', "gives x twice"),
    (b'{"x": 1, "y": 2, "a": 1, "a": 1}', "gives a twice"),
    (b'{"x": 1, "y": 2, "\\u0078": 1}', "gives x twice"),
    (b'{"x": 1, "y": 2, "a": {"b": 1, "b": 1}}', "gives b twice"),
    (b'{"x": NaN, "y": 2}', "holds NaN, which is not JSON"),
    (b'{"x": -Infinity, "y": 2}', "holds -Infinity, which is not JSON"),
    (b'{"x": "NaN", "y": 2}', "x = NaN is not a finite number"),
    (b'{"x": 1e999, "y": 2}', "gives x as a number beyond a double's"),
    (b'{"x": 1' + b"0" * 5000 + b', "y": 2}', "gives x as a number beyond a double's"),
    (b'{"x": 1e-400, "y": 2}', "gives x as a number closer to 0 than a double's 4.94e-324"),
    (b'{"x": [1, -1e-400], "y": 2}', "gives entry 2 of x as a number closer to 0 than a double's 4.94e-324"),
    (b'{"x": .5, "y": 2}', "is not JSON"),
    (b'{"x": +1, "y": 2}', "is not JSON"),
    (b'{"x": 01, "y": 2}', "is not JSON"),
    (b'{"x": 1, "y": 2,}', "is not JSON"),
    (b'{"x": 1, "y": 2}{"x": 1, "y": 2}', "is not JSON: extra data"),
    (b'{"x": 1, "y": 2}, {"x": 1, "y": 2}', "is not JSON: extra data"),
    (b'{"x": 1, "y": 2, "a": "\xff"}', "is not UTF-8 text: byte 24 is 0xFF"),
    (b'{"x": 1, "y": 2, "a": "\x01"}', "is not JSON: invalid control character"),
    (b'{"x": 1, "y": 2, "a": "\0"}', "holds a NUL character"),
    (b'{"x": 1, "y": 2, "a": ' + b"[" * 70 + b"]" * 70 + b"}", "is nested more than 64 deep"),
    (b'{"x": 1, "y": ' + b"[" * 100_000, "is nested more than 64 deep"),
    (b'{"x": 1, "y": 2, "value": 3}', "has value already, which is the name of a result"),
    (b'{"x": 1, "y": 2, "grad": {}}', "has grad already, which is the name of a result"),
    (b'{"x": [1, [2]], "y": 2}', "x, in line {line}, is no array: entry 2 is a list, entry 1 is a number"),
    (b'\xef\xbb\xbf{"x": 1, "y": 2}', "begins with a byte order mark, which only a file may"),
    (b'{"x": 1e308, "y": 1e308}', "x*y overflows"),
]


@pytest.mark.parametrize("before", [2, 700])
@pytest.mark.parametrize(("line", "message"), BAD, ids=[repr(line[:40]) for line, _ in BAD])
def test_a_bad_line_ends_it_after_those_before(run, line, message, before):
    good = ndjson(points(before))
    done = run("x*y", stdin=good + line + b"\n" + good)
    assert done.code == 3
    assert len(done.rows) == before
    first = done.err.splitlines()[0]
    assert f"line {before + 1:,}" in first
    assert message.format(line=f"{before + 1:,}") in first
    assert "hint: " in done.err
    assert "Traceback" not in done.err


BAD_ROWS = [
    (b"1", "has 1 cell, and the header has 2"),
    (b"1,2,3", "has 3 cells, and the header has 2"),
    (b"1,", "column y of line {line} is empty, where a number is expected for y"),
    (b"1," + b"1" * 1_100_000, "has a cell of more than 1,048,576 characters, which is the limit"),
    (b"1,abc", "holds abc in column y, where a number is expected for y"),
    (b"1_000,2", "holds 1_000 in column x"),
    ("١,2".encode(), "in column x, where a number is expected"),
    (b"nan,2", "holds nan in column x"),
    (b"1e999,2", "x = 1e999 is too large"),
    (b"1e-400,2", "x = 1e-400 is too small"),
    (b"0x10,2", "holds 0x10 in column x"),
    (b'1,"2"3', "is not CSV"),
    (b"1,2\xff", "is not UTF-8 text"),
    (b"1,2\0", "holds a NUL character"),
    (b"true,2", "holds true in column x"),
    (b"1,[2", "is not JSON"),
    (b"1,1e308", None),
]


@pytest.mark.parametrize("before", [2, 700])
@pytest.mark.parametrize(("row", "message"), BAD_ROWS, ids=[repr(row) for row, _ in BAD_ROWS])
def test_a_bad_row_of_a_table_ends_it_after_those_before(run, row, message, before):
    rows = table(points(before))
    done = run("x*y", "--only", "value", stdin=rows + row + b"\n1,2\n")
    kept = done.out.splitlines()
    if message is None:
        assert done.code == 0
        assert len(kept) == before + 3
        return
    assert done.code == 3
    assert len(kept) == before + 1
    first = done.err.splitlines()[0]
    assert f"line {before + 2:,}" in first
    assert message.format(line=f"{before + 2:,}") in first


def test_a_quotation_mark_inside_of_a_cell_is_a_character_like_others(run):
    rows = 'x,a\n1,5" pipe\n2,"6"" pipe"\n3,a"b"c\n4,""\n'
    done = run("x", "--only", "value", stdin=rows)
    assert done.out.decode() == 'x,a,value\n1,5" pipe,1.0\n2,"6"" pipe",2.0\n3,a"b"c,3.0\n4,"",4.0\n'


def test_many_empty_lines_take_no_time(run):
    empty = b"\n" * 900_000
    start = time.process_time()
    assert run("x", "--only", "value", stdin=empty + b"x\n" + empty + b"1\n").out == b"x,value\n1,1.0\n"
    done = run("x", "--only", "value", "--format", "csv", stdin=b" " * 2_000_000 + b'\n{"x": 1}\nnope')
    assert (done.code, done.out) == (3, b"x,value\n1,1.0\n")
    assert "line 3 is not JSON" in done.err
    assert time.process_time() - start < 5


def test_a_pipe_with_a_name_is_a_file(tmp_path):
    line = f"{' '.join(COMMAND)} x <(printf 'x\\n1\\n') <(printf 'x\\n2\\n') --only value"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == b"x,value\n1,1.0\n2,2.0\n"


def test_a_quotation_mark_that_is_not_closed_is_said_of_its_line(run):
    done = run("x", "--only", "value", stdin='x,a\n1,"b\nc"\n2,"d\n3,e\n4,f\n')
    assert (done.code, done.out) == (3, b'x,a,value\n1,"b\nc",1.0\n')
    assert done.err.startswith('error: line 4 has a cell that begins with " and does not end')


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["x*y"], "x\n1\n", 3, "the header has no y"),
        (["x*y"], "x,x,y\n1,2,3\n", 3, "line 1, the header, names x twice"),
        (["x"], '"x,y\n1,2\n', 3, 'line 1 is not CSV: a cell that begins with " does not end'),
        (["x*θ"], "x,θ,theta\n1,2,3\n", 3, "the header gives theta twice"),
        (["x"], "x,value\n1,2\n", 3, "the header has value already"),
        (["x"], "x\ty\n1\t2\n", 0, ""),
        (["x", "--from", "csv"], "x\ty\n1\t2\n", 3, "the header has no x"),
        (["x*y"], "x;y\n1;2\n", 3, "hint: put commas between the cells"),
        (["x"], '[{"x": 1}]', 3, "hint: write an object a line; jq -c '.[]' makes lines of a list"),
        (["x"], '[\n{"x": 1}\n]\n', 3, "hint: write an object a line; jq -c '.[]' makes lines of a list"),
        (["x", "--from", "parquet"], "x\n1\n", None, ""),
        (["x", "--from", "npz"], "x\n1\n", 3, "standard input is no archive of arrays"),
        (["x", "--rename", "y=a"], "x\n1\n", 2, "--rename names y, which is no variable of the formula"),
        (["x", "--rename", "x"], "x\n1\n", 2, "--rename takes NEW=OLD, not x"),
        (["x", "--rename", "x=a"], "x\n1\n", 3, "the header has no a, which x is to come from"),
        (["x", "--rename", "x=a", "--x", "1"], "x\n1\n", 2, "x is given a value, and a column by --rename"),
        (["x", "--prefix", "1"], "x\n1\n", 2, "--prefix takes the beginning of a name"),
        (["x", "--z", "1"], "x\n1\n", 2, "the formula has no variable z"),
        (["x", "--wrt", "z"], "x\n1\n", 2, "z"),
        (["x", "--grid", "x=0:1"], "", 2, "--grid takes NAME=START:STOP:STEP"),
        (["x", "--grid", "x=0:1:0"], "", 2, "has a step of 0"),
        (["x", "--grid", "x=0:1:-1"], "", 2, "goes away from its stop"),
        (["x", "--grid", "x=0:1:1e-30"], "", 2, "has more than 1,000,000,000,000 points"),
        (["x*y", "--grid", "x=0:1:1"], "", 2, "y has no value"),
        (["x", "--grid", "y=0:1:1"], "", 2, "--grid names y, which is no variable of the formula"),
        (["x", "--grid", "x=0:1:1", "--x", "2"], "", 2, "x is given a value, and by --grid many"),
        (["x", "--grid", "x=0:1:1", "--from", "csv"], "", 2, "--grid makes the points"),
        (["x*y", "--plot"], "x,y\n1,2\n", 2, "--plot draws by the one variable that varies, but here are 2"),
        (["-"], "x", 2, "standard input can be read once only"),
        (["x", "missing.csv"], "", 3, "missing.csv cannot be read: no such file or directory"),
        (["x", "/dev/null"], "", 3, "/dev/null is a device, not a file"),
        (["x", "--threads", "0"], "", 2, "--threads takes a whole number from 1 to 256, not 0"),
        (["x", "--on-error", "stop"], "", 2, "--on-error takes fail, skip or null, not stop"),
    ],
)
def test_what_is_refused(run, arguments, stdin, code, message):
    if code is None:
        pytest.importorskip("pyarrow")
        code, message = 3, "standard input is not Parquet, or is damaged"
    done = run(*arguments, stdin=stdin)
    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err


MIXED = b'{"x": 1}\n{"x": 0}\nnope\n{"y": 1}\n{"x": "a", "id": 5}\n{"x": 2}\n'


def test_bad_rows_are_left_out(run):
    done = run("log(x)", "--on-error", "skip", "--only", "value", stdin=MIXED)
    assert done.code == 0
    assert done.rows == [{"x": 1, "value": 0.0}, {"x": 2, "value": pytest.approx(0.6931471805599453)}]
    assert done.err.splitlines()[:-1] == [
        "error: line 2: log(x) needs x > 0, but x = 0",
        "error: line 3 is not JSON: expecting value (column 1)",
        "error: line 4 has no x",
        "error: line 5 gives x as a text, where a number is expected",
    ]
    assert re.fullmatch(r"6 rows, 4 of them bad, in [0-9.]+ s", done.err.splitlines()[-1])


def test_bad_rows_get_nulls_so_that_every_line_has_its_line(run):
    done = run("log(x)", "--on-error", "null", stdin=MIXED)
    nulls = {"value": None, "grad": {"x": None}}
    assert done.rows[1:5] == [{"x": 0, **nulls}, nulls, {"y": 1, **nulls}, {"x": "a", "id": 5, **nulls}]
    for row in done.rows:
        jsonschema.validate(row, SCHEMA)
    done = run("log(x)", "--on-error", "null", "--only", "value", stdin="x,a\n1,b\n-1,c\n,d\n7\n")
    assert done.out == b"x,a,value\n1,b,0.0\n-1,c,\n,d,\n,,\n"
    done = run("log(x)", "--on-error", "null", "--only", "value", "--format", "csv", stdin=MIXED)
    empty = b'"",'
    assert done.out.splitlines() == [b"x,value", b"1,0.0", b"0,", empty, empty, empty, b"2,0.6931471805599453"]
    assert "line 4 has y, which the first row lacks, and so the table" in done.err


def test_at_most_a_hundred_messages(run):
    done = run("log(x)", "--on-error", "skip", stdin='{"x": -1}\n' * 250)
    lines = done.err.splitlines()
    assert len(lines) == 102
    assert lines[99] == "error: line 100: log(x) needs x > 0, but x = -1"
    assert lines[100] == "... and 150 more"
    assert lines[101].startswith("250 rows, 250 of them bad, in ")


def test_notes_are_counted_and_placed(run):
    rows = '\n{"x": 1}\n{"x": 0}\nnope\n{"x": -1}\n{"x": 0}\n'
    done = run("abs(x)", "--on-error", "skip", stdin=rows)
    assert "slopes -1 and 1; the derivative used there: 0 (2 rows, the first of them line 3)" in done.err
    done = run("abs(x)", "--strict", stdin=rows)
    assert (done.code, len(done.rows)) == (3, 1)
    assert done.err.startswith("error: line 3: abs(x) has a kink at x = 0")
    assert run("abs(x)", "--quiet", stdin='{"x": 0}\n').err == ""


def test_an_error_of_a_row_points_at_its_place_and_names_the_ways_out(run):
    done = run("y*log(x)", stdin='{"x": 1, "y": 1}\n{"x": -1, "y": 1}\n')
    assert done.err == (
        "error: line 2: log(x) needs x > 0, but x = -1\n"
        "  | y*log(x)\n"
        "  |   ^^^^^^\n"
        "hint: --on-error skip leaves such rows out, --on-error null keeps them without results\n"
    )


def test_nothing_of_a_row_moves_the_cursor(run):
    escape = "\x1b]0;x\x07\u202e"
    for stdin in (
        json.dumps({"x": 1, escape: 2}) + "\n" + json.dumps({escape: escape}) + "\n",
        f'{{"x{escape}": 1}}\n',
        f"x,{escape}\n1\n",
        f"x,a\n{escape},2\n",
        f'x,a\n1,"{escape}\n',
    ):
        done = run("x", stdin=stdin)
        assert done.code == 3
        assert done.err.replace("\n", "").isprintable()


# The same, whichever way it goes


def hostile(generator):
    """Lines of which most are plain."""
    keys = ["x", "y", "id", "note"]
    for _ in range(generator.randrange(1, 12)):
        if generator.random() < 0.08:
            yield generator.choice(BAD[:-1])[0][:200]
            continue
        found = {"x": generator.choice([1, -0.5, 0, 1e-9, 12345678901234567890, "-0", "-0.0", "1E5", "2e-7"])}
        found["y"] = generator.choice([2.5, 0.1, 3, 1e300])
        if generator.random() < 0.3:
            found["id"] = generator.choice([7, '"12:30"', "true", "null", "[1]", '"{"', '"\\"y\\":"', '"é"', "{}"])
        if generator.random() < 0.1:
            found["note"] = generator.choice(['"x"', '"y\\u0022"', "1e999"])
        order = list(found)
        if generator.random() < 0.2:
            generator.shuffle(order)
        assert set(order) <= set(keys)
        separator = generator.choice([", ", ", ", ", ", ",", " , "])
        line = "{" + separator.join(f'"{key}": {found[key]}' for key in order) + "}"
        yield (line + generator.choice(["", "", "", "", " ", "\r"])).encode()


def test_one_by_one_many_at_a_time_and_with_the_library_are_the_same_bytes(run, monkeypatch):
    from backpropcli.streams import _fast, csv, ndjson

    assert _fast.msgspec() is None or _fast.msgspec().__name__ == "msgspec"
    generator = random.Random(7)
    for _ in range(60):
        lines = list(hostile(generator))
        if generator.random() < 0.5:  # All of the first line's kind, which is what the library is taken for.
            lines = [line for line in lines if set(re.findall(rb'"[a-z]+":', line)) == {b'"x":', b'"y":'}] or lines
        text = b"\n".join(lines)
        found = []
        for many, plain, library in itertools.product((1, 1 << 30), (True, False), (True, False)):
            with monkeypatch.context() as patch:
                patch.setattr(_fast, "MANY", many)
                if not plain:
                    patch.setattr(ndjson, "_is_plain", lambda text, count: False)
                if not library:
                    patch.setattr(_fast, "msgspec", lambda: None)
                done = run("x*y", "--on-error", "null", "--only", "value", "--quiet", stdin=text)
            found.append((done.code, done.out, done.err))
        assert len(set(found)) == 1, text
    rows = ['3,"4","a, ""b"""', "1,2,a", "-0,2,b", ".5,+1,c", "1.,1e5,", "1e-7,0,d", "3,4,é", "01,2,e", "5,6"]
    for count in range(1, 60):
        text = "x,y,t\n" + "\n".join(generator.choice(rows[: 8 if count % 3 else 5]) for _ in range(count))
        found = []
        for many, quick, library in itertools.product((1, 1 << 30), (True, False), (True, False)):
            with monkeypatch.context() as patch:
                patch.setattr(_fast, "MANY", many)
                if not quick:
                    patch.setattr(csv._Rows, "_quick", lambda self, text, count: None)
                    patch.setattr(csv._Rows, "_quick_quoted", lambda self, text, first: None)
                if not library:
                    patch.setattr(_fast, "msgspec", lambda: None)
                done = run("x*y", "--on-error", "null", "--only", "value", "--quiet", stdin=text)
            found.append((done.code, done.out, done.err))
        assert len(set(found)) == 1, text


def test_it_does_not_matter_how_the_bytes_come_in(run, monkeypatch):
    from backpropcli.reading import sources
    from backpropcli.streams import _lines

    generator = random.Random(3)
    texts = [
        b"\n".join([*hostile(generator), *hostile(generator)]),
        b'\xef\xbb\xbfx,y,"a\nb"\r\n1,2,"c\n\nd"\r\n3,4,""""\n5,"6",e\n\n7,8,"open\n9,10,f',
        b'{"x": 1, "y": 2, "a": "' + b"z" * 300 + b'"}\n{"x": 1, "y": 2}\n{"x": 3, "y": ' + b"1" * 500,
    ]
    monkeypatch.setattr(_lines, "LINE_LIMIT", 250)
    whole = sources.StandardInput.some
    for text in texts:
        expected = run("x*y", "--on-error", "null", "--quiet", stdin=text)
        for _ in range(15):
            size = generator.choice([1, 2, 3, 7, 50, 260])
            monkeypatch.setattr(
                sources.StandardInput, "some", lambda self, count, size=size: whole(self, generator.randint(1, size))
            )
            done = run("x*y", "--on-error", "null", "--quiet", stdin=text)
            assert (done.code, done.out, done.err) == (expected.code, expected.out, expected.err)
        monkeypatch.setattr(sources.StandardInput, "some", whole)


def test_a_line_that_is_too_long_is_passed_over_in_little_memory():
    line = b'{"x": 1, "a": "' + b"z" * (1 << 20)
    with process("x", "--only", "value", "--on-error", "skip") as running:
        running.stdin.write(b'{"x": 1}\n')
        for _ in range(100):
            running.stdin.write(line)
        running.stdin.write(b'"}\n{"x": 2}\n')
        running.stdin.flush()
        out = running.stdout.readline() + running.stdout.readline()
        memory = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
        running.stdin.close()
        err = running.stderr.read()
    assert out == b'{"x": 1, "value": 1.0}\n{"x": 2, "value": 2.0}\n'
    assert err.startswith(b"error: line 2 has more than 16,777,216 bytes, which is the limit\n")
    assert int(memory[1]) < 64 * 1024


@pytest.mark.parametrize(
    ("arguments", "header", "row"),
    [
        (["y/x", "--on-error", "null"], "x,y\n", "0,1\n"),
        (["y/x", "--on-error", "skip"], "", '{"x":0,"y":1}\n'),
        (["y*abs(x)", "--hessian"], "x,y\n", "0,1\n"),
        (["x*y", "--on-error", "null"], "x,y\n", "a\n"),
        (["x*y", "--format", "ndjson"], "x,y\n", "0,1\n"),
    ],
)
def test_short_rows_take_no_more_memory_than_long_ones(tmp_path, arguments, header, row):
    """Many of them come in at once, and each may be an error or have a note."""
    path = tmp_path / "rows"
    path.write_text(header + row * 70_000)
    script = (
        "import re, sys; from pathlib import Path; from backpropcli.cli import main; code = main(sys.argv[1:]);"
        "sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "map", *arguments, "--quiet", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    lines = {"skip": 0, "ndjson": 70_000}.get(arguments[-1], 70_000 + len(header[:1]))
    assert done.stdout.count(b"\n") == lines
    assert int(done.stderr.split(b"\n")[-1]) < 64 * 1024


def test_the_first_hundred_bad_rows_are_told_in_their_own_words(run):
    """Rows that are bad for the same reason are examined together, and these have two reasons."""
    rows = "".join([f"{k % 2},{1 - k % 2}\n" for k in range(300)])
    done = run("abs(x) + abs(y)", "--strict", "--on-error", "skip", "--engine", "numpy", stdin=f"x,y\n{rows}")
    for k, line in enumerate(done.err.splitlines()[:100]):
        assert line.startswith(f"error: line {k + 2}: abs({'yx'[k % 2 == 0]}) has a kink at {'yx'[k % 2 == 0]} = 0")
    assert done.err.splitlines()[100] == "... and 200 more"


# Streams


def test_a_line_in_gives_a_line_out():
    with process("x^2", "--only", "value") as running:
        waits = []
        for k in range(40):
            start = time.perf_counter()
            running.stdin.write(b'{"x": %d}\n' % k)
            running.stdin.flush()
            assert running.stdout.readline() == b'{"x": %d, "value": %r}\n' % (k, float(k * k))
            waits.append(time.perf_counter() - start)
        running.stdin.close()
        assert running.wait(10) == 0
        assert min(waits) < 0.005


def test_a_file_that_grows_is_followed(tmp_path):
    path = tmp_path / "grows.csv"
    path.write_bytes(b"x\n1\n")
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", "-s", "0.05", str(path)], stdout=subprocess.PIPE)
    running = subprocess.Popen(
        [*COMMAND, "2x", "--only", "value"], stdin=tail.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert [running.stdout.readline() for _ in range(2)] == [b"x,value\n", b"1,2.0\n"]
        with path.open("ab") as file:
            file.write(b"2\n3")
        assert running.stdout.readline() == b"2,4.0\n"
        assert not select.select([running.stdout], [], [], 0.2)[0]
    finally:
        tail.kill()
        tail.wait()
    assert running.stdout.readline() == b"3,6.0\n"
    assert running.wait(10) == 0
    for stream in (tail.stdout, running.stdout, running.stderr):
        stream.close()


def test_a_reader_that_stops_is_141_without_noise():
    line = f"yes '{{\"x\": 2}}' | {' '.join(COMMAND)} 'x' --only value | head -n 2; echo ${{PIPESTATUS[1]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=30, check=False)
    assert done.stdout == b'{"x": 2, "value": 2.0}\n' * 2 + b"141\n"
    assert done.stderr == b""


def test_a_full_device_is_74(run):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*COMMAND, "x"], input=b"x\n1\n", stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 74
    assert b"standard output cannot be written: no space left on device" in done.stderr
    assert run("x", "-o", "/dev/full", stdin="x\n1\n").code == 74


def test_lines_that_fit_are_kept_where_a_file_cannot_grow(tmp_path):
    line = f"ulimit -f 200; exec {' '.join(COMMAND)} x --grid x=0:1e5:1 --only value -o {tmp_path}/out.ndjson"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert done.returncode == 74
    assert re.search(
        rb"out.ndjson cannot be written: it would be larger .*, by point [0-9,]+ of the grid\n", done.stderr
    )
    assert b"what comes before it is in " in done.stderr
    assert os.listdir(tmp_path) == ["out.ndjson.partial"]
    rows = (tmp_path / "out.ndjson.partial").read_text().splitlines()
    assert [json.loads(row)["value"] for row in rows] == [float(k) for k in range(len(rows))]
    assert len(rows) > 1000


def test_control_c_ends_after_a_whole_line():
    with process(LECTURE) as running:
        running.stdin.write(ndjson(points(5)))
        running.stdin.flush()
        first = os.read(running.stdout.fileno(), 1 << 16)
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(10) == 130
        assert running.stderr.read() == b""
    assert first.endswith(b"\n")
    assert rest == b""


def test_control_c_while_the_reader_is_slow_cuts_no_line():
    with process("x", "--grid", "x=0:1e9:1") as running:
        os.read(running.stdout.fileno(), 10)
        time.sleep(0.1)  # The pipe is full by then.
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(20) == 130
    assert rest.endswith(b"}\n")


def on_terminal(stream, *arguments):
    """What a run shows on a terminal that is its stdout or stderr."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    running = subprocess.Popen([*COMMAND, *map(str, arguments)], env=environment, **{stream: follower})
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:
            break
        shown += part
        if not part:
            break
    os.close(leader)
    assert running.wait(20) == 0
    return shown


def test_no_row_moves_the_cursor_of_a_terminal_that_it_is_shown_on(tmp_path):
    """Elsewhere rows keep their bytes."""
    path = tmp_path / "points.csv"
    path.write_bytes("x,é\tname\r\n1,\x1b]0;title\a\r\n2,\x9b2J\u202e\r\n".encode())
    for named in ((), ("-o", "-"), ("-o", "/dev/stdout")):
        shown = on_terminal("stdout", "x", path, "--only", "value", "--quiet", *named).decode()
        assert shown.replace("\r\n", "\n") == (
            "x,é\tname,value\n1,<U+001B>]0;title<U+0007>,1.0\n2,<U+009B>2J<U+202E>,2.0\n"
        )


def test_a_bar_on_a_terminal_and_none_elsewhere(tmp_path):
    path = tmp_path / "points.ndjson"
    path.write_bytes(ndjson(points(3000)))
    target = tmp_path / "out.ndjson"
    shown = on_terminal("stderr", "x*y", path, "-o", target)
    assert b"rows" in shown
    assert b"\x1b[" in shown
    assert re.search(rb"3,000 rows, in [0-9.]+ s", shown)
    assert len(target.read_bytes().splitlines()) == 3000


def test_numpy_rich_and_the_rest_are_loaded_where_they_are_needed():
    script = (
        "import sys; from backpropcli.cli import main; code = main(['map', 'x*y', '--quiet']);"
        "print(code, *sorted({'numpy', 'rich', 'msgspec', 'pyarrow', 'lark', 'csv'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=b'{"x": 1, "y": 2}\n', capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == b"0"


# Files


def test_a_file_is_written_whole_or_not_at_all(run, tmp_path):
    target = tmp_path / "out.ndjson"
    target.write_text("old")
    done = run("log(x)", "-o", target, stdin='{"x": 1}\n{"x": 0}\n')
    assert done.code == 3
    assert target.read_text() == "old"
    assert (tmp_path / "out.ndjson.partial").read_text() == '{"x": 1, "value": 0.0, "grad": {"x": 1.0}}\n'
    assert f"what comes before it is in {target}.partial" in done.err
    assert run("x", "-o", target, stdin='{"x": 1}\n').code == 0
    assert target.read_text() == '{"x": 1, "value": 1.0, "grad": {"x": 1.0}}\n'
    assert run("log(x)", "-o", tmp_path / "new", stdin='{"x": 0}\n').code == 3
    assert sorted(os.listdir(tmp_path)) == ["out.ndjson", "out.ndjson.partial"]


def test_a_killed_run_leaves_no_file_that_looks_whole(tmp_path):
    path = tmp_path / "points.ndjson"
    path.write_bytes(ndjson(points(8000)))
    target = tmp_path / "out.ndjson"
    arguments = [*COMMAND, LECTURE, str(path), "-o", str(target), "--quiet"]
    start = time.perf_counter()
    subprocess.run(arguments, check=True)
    took = time.perf_counter() - start
    whole = target.read_bytes()
    target.unlink()
    generator = random.Random(11)
    for _ in range(int(os.environ.get("BACKPROP_KILLS", "10"))):
        running = subprocess.Popen(arguments)
        time.sleep(generator.uniform(0.2, 1.05) * took)
        running.kill()
        running.wait()
        if target.exists():
            assert target.read_bytes() == whole
            target.unlink()
    assert subprocess.run(arguments, check=False).returncode == 0
    assert target.read_bytes() == whole
    assert sorted(os.listdir(tmp_path)) == ["out.ndjson", "points.ndjson"]


def test_a_folder_gets_a_file_for_each(run, tmp_path):
    for name, contents in (("a.csv", b"x\n1\n"), ("b.csv", b"y,x\n1,2\n")):
        (tmp_path / name).write_bytes(contents)
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    folder = tmp_path / "out"
    assert run("x", "--only", "value", *files, "-o", f"{folder}/").code == 0
    assert (folder / "a.csv").read_bytes() == b"x,value\n1,1.0\n"
    assert (folder / "b.csv").read_bytes() == b"y,x,value\n1,2,2.0\n"
    assert run("x", "--only", "value", "--format", "ndjson", *files, "-o", folder).code == 0
    assert (folder / "b.ndjson").read_bytes() == b'{"y": 1, "x": 2, "value": 2.0}\n'
    done = run("x", *files, "-o", tmp_path)
    assert (done.code, (tmp_path / "a.csv").read_bytes()) == (2, b"x\n1\n")
    assert "would be written over" in done.err
    assert run("x", tmp_path / "a.csv", tmp_path / "a.csv", "-o", folder).code == 2
    done = run("x", "-o", f"{folder}/", stdin="x\n1\n")
    assert (done.code, "what is read has no name" in done.err) == (2, True)


# Grids and plots


def test_a_grid_holds_the_decimals_that_are_meant(run):
    done = run("x", "--grid", "x=0:1:0.1", "--only", "value")
    assert [row["x"] for row in done.rows] == [k / 10 for k in range(11)]
    assert [row["x"] for row in run("x", "--grid", "x=1:-1:-0.5").rows] == [1.0, 0.5, 0.0, -0.5, -1.0]
    assert [row["x"] for row in run("x", "--grid", "x=0:0.95:0.3").rows] == [0.0, 0.3, 0.6, 0.9]
    assert len(run("x", "--grid", "x=0:2*pi:pi/4").rows) == 9


def test_several_grids_are_their_product(run):
    done = run("x*y", "--grid", "x=0:1:1", "--grid", "y=1:3:1", "--format", "csv", "--only", "value")
    assert done.out == b"x,y,value\n0.0,1.0,0.0\n0.0,2.0,0.0\n0.0,3.0,0.0\n1.0,1.0,1.0\n1.0,2.0,2.0\n1.0,3.0,3.0\n"


def test_a_long_grid_begins_at_once():
    line = f"{' '.join(COMMAND)} 'x*y' --grid x=0:1e6:1 --grid y=0:1e5:1 | head -n 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=20, check=False)
    assert done.stdout == b'{"x": 0.0, "y": 0.0, "value": 0.0, "grad": {"x": 0.0, "y": 0.0}}\n'


def test_a_plot_has_a_panel_for_the_value_and_each_derivative(run):
    done = run("x^2", "--grid", "x=-1:1:0.01", "--plot")
    text = done.out.decode()
    assert [line for line in text.splitlines() if line and line[0] != " "] == ["value", "grad_x"]
    assert max(map(len, text.splitlines())) <= 80
    assert "x = -1" in text


def test_a_plot_in_ascii_and_with_gaps():
    for encoding, marks in (("ascii", "*"), ("utf-8", "⠉")):
        done = subprocess.run(
            [*COMMAND, "log(x)", "--grid", "x=-1:1:0.1", "--plot", "--only", "value"],
            capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}, check=True,
        )  # fmt: skip
        text = done.stdout.decode(encoding)
        assert marks in text
        # There is nothing left of the middle, where there is no logarithm.
        assert all(not line[12:44].strip(" ") for line in text.splitlines()[1:-2])


def test_a_pole_does_not_flatten_the_rest_and_a_constant_is_a_line(run):
    done = run("1/x", "--grid", "x=-1:1:0.001", "--plot", "--only", "value", "--on-error", "skip")
    top = float(done.out.decode().splitlines()[1].split()[0])
    assert 1 < top < 500
    assert "⣀⣀⣀⣀⣀⣀⣀⣀" in run("0*x + 2", "--grid", "x=0:1:0.1", "--plot", "--only", "value").out.decode()


# Columns in files of their own kind


def test_archives_of_arrays(run, tmp_path):
    numpy = pytest.importorskip("numpy")
    path, target = tmp_path / "points.npz", tmp_path / "out.npz"
    xs = numpy.linspace(0, 1, 5)
    numpy.savez(path, x=xs, m=numpy.arange(10.0).reshape(5, 2), n=numpy.arange(5))
    assert run("x*sum(m)", path, "-o", target).code == 0
    found = numpy.load(target)
    assert found.files == ["x", "m", "n", "value", "grad_x", "grad_m"]
    numpy.testing.assert_array_equal(found["value"], xs * numpy.arange(10.0).reshape(5, 2).sum(axis=1))
    assert found["grad_m"].shape == (5, 2)
    first = target.read_bytes()
    run("x*sum(m)", path, "-o", target)
    assert target.read_bytes() == first
    assert len(run("x + n", path, "--format", "ndjson").rows) == 5
    assert run("x + n", "--format", "csv", "--only", "value", stdin=path.read_bytes()).code == 0


def test_hostile_archives(run, tmp_path):
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "points.npz"
    numpy.savez(path, x=numpy.arange(3.0), y=numpy.arange(4.0))
    assert "has 3 rows of x, and 4 of y" in run("x", path).err
    numpy.savez(path, x=numpy.array([1, None], dtype=object))
    assert "Python objects, which only a pickle holds" in run("x", path).err
    numpy.savez(path, x=numpy.array(["a"]))
    assert "holds texts" in run("x", path).err
    numpy.savez(path, x=numpy.float64(3))
    assert "holds x as one number" in run("x", path).err
    numpy.savez(path, x=numpy.array([1.0, numpy.nan, 2.0]))
    done = run("x", path, "--format", "ndjson")
    assert (done.code, len(done.rows)) == (3, 1)
    assert "row 2 of" in done.err
    assert len(run("x", path, "--format", "ndjson", "--ieee").rows) == 3
    numpy.savez_compressed(path, x=numpy.zeros(1_000_000))
    assert "would take 8,000,000 bytes, and the limit is 1,000" in run("x", path, "--max-bytes", "1000").err
    numpy.savez_compressed(path, x=numpy.linspace(0, 1, 500))
    whole = path.read_bytes()
    for cut in (0, 1, 30, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert run("x", path).code == 3
    generator = random.Random(5)
    for _ in range(60):
        broken = bytearray(whole)
        broken[generator.randrange(len(broken))] ^= 1 << generator.randrange(8)
        path.write_bytes(broken)
        done = run("x", path, "-o", tmp_path / "out.npz")
        assert done.code in (0, 3)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_tables_of_typed_columns(run, tmp_path, form):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path, target = tmp_path / f"points.{form}", tmp_path / f"out.{form}"
    table = arrow.table({"x": [1.5, None, 2.5], "n": arrow.array([1, 2, 3], arrow.int32()), "s": ["a", "b", None]})

    def write(table):
        if form == "parquet":
            pyarrow.parquet.write_table(table, path)
        else:
            with arrow.ipc.new_file(str(path), table.schema) as file:
                file.write_table(table)

    def read():
        return pyarrow.parquet.read_table(target) if form == "parquet" else arrow.ipc.open_file(target).read_all()

    write(table)
    done = run("x*n", path, "-o", target)
    assert done.code == 3
    assert "row 2 of" in done.err
    assert "has no x, but null" in done.err
    assert run("x*n", path, "-o", target, "--on-error", "null").code == 0
    assert read().to_pydict() == {
        "x": [1.5, None, 2.5], "n": [1, 2, 3], "s": ["a", "b", None],
        "value": [1.5, None, 7.5], "grad_x": [1.0, None, 3.0], "grad_n": [1.5, None, 2.5],
    }  # fmt: skip
    assert read().schema.field("n").type == arrow.int32()
    done = run("x*n", "--on-error", "skip", "--only", "value", "--format", "csv", stdin=path.read_bytes())
    assert done.out == b"x,n,s,value\n1.5,1,a,1.5\n2.5,3,,7.5\n"
    assert run("x", "--format", form, "-o", target, stdin="").code == 0
    assert (read().num_rows, read().column_names) == (0, ["value", "grad_x"])
    rows = points(70_000)
    assert run("x*y", "-o", target, "--format", form, stdin=ndjson(rows)).code == 0
    assert read().num_rows == 70_000
    assert read().column("value").to_pylist() == [x * y for x, y in rows]
    write(arrow.table({"x": ["a"]}))
    assert "holds string in x, where numbers are expected" in run("x", path).err
    whole = path.read_bytes()
    for cut in (1, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert run("x", path).code == 3


@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
def test_rows_before_a_bad_one_are_a_file_that_can_be_read(run, tmp_path, form):
    pytest.importorskip("numpy" if form == "npz" else "pyarrow")
    target = tmp_path / f"out.{form}"
    assert run("log(x)", "-o", target, "--format", form, stdin="x\n1\n2\n-3\n4\n").code == 3
    kept = f"{target}.partial"
    assert os.listdir(tmp_path) == [os.path.basename(kept)]
    done = run("value - log(x)", kept, "--from", form, "--format", "csv", "--prefix", "d_", "--only", "value")
    assert done.out.splitlines()[0] == b"x,value,grad_x,d_value"
    assert [line.split(b",")[3] for line in done.out.splitlines()[1:]] == [b"0.0", b"0.0"]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_table_without_rows_keeps_its_columns(run, tmp_path, form):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    path, target = tmp_path / f"none.{form}", tmp_path / f"out.{form}"
    table = arrow.table({"x": arrow.array([], arrow.int64()), "s": arrow.array([], arrow.string())})
    if form == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with arrow.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
    assert run("x^2", path, "--format", "csv").out == b"x,s,value,grad_x\n"
    assert run("x^2", path, "--format", "ndjson").out == b""
    assert run("x^2", path, "-o", target).code == 0
    found = pyarrow.parquet.read_table(target) if form == "parquet" else arrow.ipc.open_file(target).read_all()
    assert (found.num_rows, found.column_names) == (0, ["x", "s", "value", "grad_x"])
    assert found.schema.field("s").type == arrow.string()


def test_whole_numbers_that_are_no_doubles_go_by_as_they_are(run, tmp_path):
    """The number of a record is 9007199254740993, and not its neighbour."""
    numpy = pytest.importorskip("numpy")
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    names = [2**53 + 1, -(2**63)]
    numpy.savez(tmp_path / "a.npz", id=numpy.array(names), x=numpy.array([1, 2], numpy.uint8))
    pyarrow.parquet.write_table(arrow.table({"id": names, "x": [1, 2]}), tmp_path / "a.parquet")
    for name in ("a.npz", "a.parquet"):
        done = run("x^2", tmp_path / name, "--format", "ndjson", "--only", "value")
        assert [(row["id"], row["x"], row["value"]) for row in done.rows] == [(names[0], 1, 1.0), (names[1], 2, 4.0)]
        done = run("x^2", tmp_path / name, "--format", "csv", "--only", "value")
        assert done.out == b"id,x,value\n9007199254740993,1,1.0\n-9223372036854775808,2,4.0\n"


def test_arrow_as_a_stream_of_lists(run):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"v": [[1.0, 2.0], [3.0, 4.0]]})
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as file:
        file.write_table(table)
    done = run("sum(v)", "--from", "arrow", "--format", "ndjson", stdin=sink.getvalue().to_pybytes())
    assert [row["value"] for row in done.rows] == [3.0, 7.0]


def test_without_the_extra_it_is_said_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = run("x", "--format", "parquet", stdin="x\n1\n")
    assert done.code == 2
    assert "pip install 'backpropcli[parquet]'" in done.err
