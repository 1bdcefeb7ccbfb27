"""Arrays as values, through every door that takes one: options, points, JSON, CSV, .npy, directions and seeds."""

import contextlib
import csv
import io
import json
import os
import random
import re
import struct
import sys
import threading
import time

import pytest

from backpropcli.algebras.shapes import MAX_AXES as AXES_OF_FORMULAS
from backpropcli.cli import main
from backpropcli.errors import BackpropError, DataError, described
from backpropcli.reading import arrays, documents, points, sources, values

MATRIX = [[1.0, 2.0], [3.0, 4.0]]


def plain(value):
    """Nested lists for NumPy's arrays too."""
    return value.tolist() if hasattr(value, "tolist") else value


def read(text, **options):
    return plain(values.read(text, "W", **options))


def answer(text, **options):
    """The value, or what is said of it."""
    try:
        return values.read(text, "W", **options)
    except BackpropError as problem:
        return problem


def refused(text, **options):
    with pytest.raises(BackpropError) as caught:
        values.read(text, "W", **options)
    return caught.value


@pytest.fixture
def stdin(monkeypatch):
    def put(contents):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(contents)))

    return put


@pytest.fixture
def evaluated(capsys):
    def run(*arguments):
        code = main(["eval", "--json", *arguments])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run


# Texts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1, 2, 3]", [1, 2, 3]),
        ("[1]", [1]),
        (" [ 1 , 2 ; 3 , 4 ] ", MATRIX),
        ("[1,2;3,4]", MATRIX),
        ("[[1,2],[3,4]]", MATRIX),
        ("[\n[1, 2],\n[3, 4]\n]", MATRIX),
        ("[1; 2; 3]", [[1], [2], [3]]),
        ("[[[1], [2]], [[3], [4]]]", [[[1], [2]], [[3], [4]]]),
        ("[[1, 2]; [3, 4]]", [[[1, 2]], [[3, 4]]]),
        ("[.5, 5., +1, -.5e-3, 1E3, -0]", [0.5, 5, 1, -0.0005, 1000, 0]),
        ("[pi/2, 1]", [1.5707963267948966, 1]),
        ("[-1, -2^2]", [-1, -4]),
        ("[atan2(0, 1), max(1, 2); 3, (4)]", [[0, 2], [3, 4]]),
        ("[1e308, 4.94e-324]", [1e308, 5e-324]),
        ("[0.000, 0e-999]", [0, 0]),
        ("2 * [1, 2]", [2, 4]),
        ("[1, 2] * 2", [2, 4]),
        ("[1, 2][1]", 2),
        ("[sum([1, 2]), 3]", [3, 3]),
    ],
)
def test_an_array_is_a_list_of_numbers_and_constant_formulas(text, value):
    assert read(text) == value


def test_a_zero_keeps_its_sign_and_a_number_every_digit():
    assert str(read("[-0, 0.1, 0.30000000000000004]")) == "[-0.0, 0.1, 0.30000000000000004]"
    assert str(read("[-.0, pi]")) == "[-0.0, 3.141592653589793]"


def test_numbers_that_are_not_finite_are_taken_where_ieee_arithmetic_is_asked_for():
    for text in ('["NaN", 1]', "[NaN, 1]", '[["Infinity"], [-Infinity]]', "[1/0]"):
        assert "finite" in refused(text).message
    assert str(read('["NaN", Infinity; "-Infinity", 1/0]', ieee=True)) == "[[nan, inf], [-inf, inf]]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "W is an empty list"),
        ("[[], []]", "W is an empty list"),
        ("[[1, 2], [3]]", "W is ragged: row 2 has 1 entry, row 1 has 2"),
        ("[1, 2; 3]", "W is ragged: row 2 has 1 entry, row 1 has 2"),
        ("[pi, 2; 3]", "W is ragged: row 2 has 1 entry, row 1 has 2"),
        ("[[1], []]", "W is ragged: row 2 has no entries, row 1 has 1"),
        ("[1;]", "W is ragged: row 2 has no entries, row 1 has 1"),
        ("[[[1, 2]], [[3, 4, 5]]]", "W is ragged: row 1 of part 2 has 3 entries, row 1 of part 1 has 2"),
        ("[[[1]], [[2], [3]]]", "W is ragged: row 2 has 2 entries, row 1 has 1"),
        ("[1, [2]]", "W is no array: entry 2 is a list, entry 1 is a number"),
        ("[[pi], 2]", "W is no array: entry 2 is a number, entry 1 is a list"),
        ("[[[1], 2]]", "W is no array: entry 2 of row 1 is a number, entry 1 of row 1 is a list"),
        ("[1, 2; 3, 1e999]", "entry 2 of row 2 of W = 1e999 is too large"),
        ("[1, 1e-999]", "entry 2 of W = 1e-999 is too small"),
        (f"[0.{'0' * 400}1]", "entry 1 of W = 0.000"),
        ("[[[1, inf]]]", "entry 2 of row 1 of part 1 of W = inf is not a finite number"),
        ("[1, a]", "the value of entry 2 of W: expected a number or a constant formula, but found the name a"),
        ("[true]", "the value of entry 1 of W:"),
        ("[null]", "the value of entry 1 of W:"),
        ('["1"]', "the value of entry 1 of W:"),
        ("[1_000]", "the value of entry 1 of W:"),
        ("[٣]", "the value of entry 1 of W:"),
        ("[1 2]", "the value of entry 1 of W:"),
        ("[1, 2", "the value of W:"),
        ("[1,, 2]", "the value of W:"),
        ("[1, 2,]", "the value of W:"),
        ("[, 1]", "the value of W:"),
        ("[1, 2]]", "the value of W:"),
        ("[(1, 2]", "the value of W:"),
        ("[1)]", "the value of W:"),
        ("[1, 2] x", "the value of W:"),
        ("[1, 0] / [1, 0]", "W = [1, 0] / [1, 0] has no finite value in every entry"),
    ],
)
def test_what_is_no_array_is_refused_with_the_place(text, message):
    problem = refused(text)
    assert problem.message.startswith(message)
    assert problem.exit_code == 2
    assert problem.hint


def test_an_array_has_as_many_axes_as_in_a_formula():
    assert arrays.MAX_AXES == AXES_OF_FORMULAS
    deep = AXES_OF_FORMULAS
    assert read("[" * deep + "1" + "]" * deep) == json.loads("[" * deep + "1" + "]" * deep)
    for text in ("[" * (deep + 1) + "1" + "]" * (deep + 1), "[" * (deep + 1) + "pi" + "]" * (deep + 1)):
        assert "is nested more than 32 deep" in refused(text).message


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "[" + "(" * 100_000,
        "[" + "1;" * 100_000,
        "[[1],[" * 50_000,
        "[" + '"' * 100_000,
        "[" + "1e999," * 100_000 + "1]",
        "[" + "1_0," * 100_000 + "1]",
        "[" + "],[" * 100_000 + "]",
        "[{" * 100_000,
        "[" + "pi/7," * 100_000 + "1]",
        "[" + ",".join(f"pi/{i}" for i in range(1, 100_000)) + "]",
    ],
    ids=lambda text: text[:12],
)
def test_endless_texts_are_answered_or_refused_fast(text):
    before = time.process_time()
    found = answer(text)
    assert time.process_time() - before < 10
    assert not isinstance(found, BackpropError) or len(described(found)) < 1500


def test_a_million_numbers_are_read_fast():
    for text, entries in (
        ("[" + ",".join(["1.5"] * 10**6) + "]", 10**6),
        ("[" + ";".join(["1,2"] * 10**5) + "]", 2 * 10**5),
        ("[" + ",".join(["[.5,+2.]"] * 10**5) + "]", 2 * 10**5),
    ):
        before = time.process_time()
        found = values.read(text, "W")
        assert time.process_time() - before < 4
        assert len(arrays.flattened(found, BackpropError)[1]) == entries


def test_what_is_written_is_read_back():
    rng = random.Random(7)
    for _ in range(200):
        dims = [rng.randrange(1, 4) for _ in range(rng.randrange(1, 5))]
        count = 1
        for size in dims:
            count *= size
        entries = [rng.choice((rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300), 0.0, -0.0)) for _ in range(count)]
        nested = arrays.nested(dims, entries)
        assert str(read(json.dumps(nested))) == str(nested)
        assert str(read(re.sub(r"(?<![0-9])0\.", ".", json.dumps(nested)))) == str(nested)
        if len(dims) == 2 and dims[0] > 1:
            rows = "; ".join(", ".join(map(repr, row)) for row in nested)
            assert str(read(f"[{rows}]")) == str(nested)


# Points and documents


def point(text, **options):
    return {given.name: plain(given.read(**options)) for given in points.point(text, "--at")}


def test_commas_and_semicolons_in_brackets_separate_no_values():
    expected = {"x": [1, 2], "W": MATRIX, "y": 3}
    assert point("x=[1,2], W=[[1,2],[3,4]], y=3") == expected
    assert point("x=[1,2]; W=[1,2;3,4]; y=3") == expected
    assert point("x=[atan2(0, 1), 2]") == {"x": [0, 2]}


def test_a_point_in_a_file_holds_arrays(tmp_path, stdin):
    contents = json.dumps({"x": [1, 2e0], "W": MATRIX, "y": 3})
    (tmp_path / "point.json").write_text(contents)
    assert point(f"@{tmp_path / 'point.json'}") == {"x": [1, 2], "W": MATRIX, "y": 3}
    stdin(contents.encode())
    assert point("@-") == {"x": [1, 2], "W": MATRIX, "y": 3}
    (tmp_path / "point.json").write_text('{"x": ["NaN", 1]}')
    assert str(point(f"@{tmp_path / 'point.json'}", ieee=True)["x"]) == "[nan, 1.0]"


DOCUMENTS = [
    ("[]", "is an empty list"),
    ("[[1, 2], [3]]", "is ragged: row 2 has 1 entry, row 1 has 2"),
    ("[1, [2]]", "is no array: entry 2 is a list, entry 1 is a number"),
    ("[[1], null]", "is no array: entry 2 is null, entry 1 is a list"),
    ("[1, null]", "gives entry 2 of W as null"),
    ("[[1, true]]", "gives entry 2 of row 1 of W as true or false"),
    ('["1"]', "gives entry 1 of W as a text"),
    ('["pi"]', "gives entry 1 of W as a text"),
    ('[{"x": 1}]', "gives entry 1 of W as an object"),
    ("[1e999]", "gives entry 1 of W as a number beyond a double's"),
    ("[" + "1" * 5000 + "]", "gives entry 1 of W as a number beyond a double's"),
    ("[1, NaN]", "holds NaN, which is not JSON"),
    ("[1, 2", "is not JSON"),
    ("[1_000]", "is not JSON"),
    ("[.5]", "is not JSON"),
    ("[1; 2]", "is not JSON"),
    ("[" * 40 + "1" + "]" * 40, "is nested more than 32 deep"),
    ("[" * 100_000, "is nested more than 64 deep"),
    ("[" * 100_000 + "]" * 100_000, "is nested more than 64 deep"),
    ('[{"a": 1, "a": 2}]', "gives a twice"),
]


@pytest.mark.parametrize(("text", "message"), DOCUMENTS)
def test_what_is_no_array_in_json_is_refused_with_the_place(tmp_path, stdin, text, message):
    (tmp_path / "w.json").write_text(text)
    (tmp_path / "point.json").write_text(f'{{"W": {text}}}')
    stdin(text.encode())
    for read_it in (
        lambda: values.read(f"@{tmp_path / 'w.json'}", "W"),
        lambda: point(f"@{tmp_path / 'point.json'}"),
        lambda: values.read("@-", "W"),
    ):
        with pytest.raises(DataError) as caught:
            read_it()
        assert message in caught.value.message
        assert caught.value.exit_code == 3


def test_json_holds_an_array_or_a_number(tmp_path, stdin):
    (tmp_path / "w.json").write_text("[[1, 2],\n [3, 4]]\n")
    assert read(f"@{tmp_path / 'w.json'}") == MATRIX
    stdin(b"\xef\xbb\xbf [[1, 2], [3, 4]]\r\n")
    assert read("@-") == MATRIX
    stdin(b"2.5")
    assert read("@-") == 2.5


def test_nesting_is_counted_outside_of_texts_alone_and_in_linear_time():
    deep, shallow = b"[" * 65 + b"]" * 65, b"[" * 64 + b"]" * 64
    assert documents.is_deep(deep)
    assert not documents.is_deep(shallow)
    assert not documents.is_deep(b'["' + deep + b'"]')
    assert not documents.is_deep(b'["\\"' + deep + b'\\\\"]')
    assert documents.is_deep(b'["\\\\", ' + deep + b"]")
    assert documents.is_deep(b'{"a": [' * 33 + b"]}" * 33)
    assert not documents.is_deep(b"[[1], [2]]" * 1000)
    assert not documents.is_deep(b"]" * 1000 + shallow)
    before = time.process_time()
    for piece in (b'\\"', b'"', b"[", b"[]", b'"\\', b'{"a":[', b'["\\""', b"\\"):
        documents.is_deep(b"[" * 70 + b'"' + piece * 1_000_000)
        documents.is_deep(b"[" * 70 + piece * 1_000_000)
    assert time.process_time() - before < 10


# CSV


@pytest.mark.parametrize(
    ("contents", "value"),
    [
        (b"2.5\n", 2.5),
        (b"1,2,3\n", [1, 2, 3]),
        (b"1\n2\n3\n", [1, 2, 3]),
        (b"1,2\n3,4\n", MATRIX),
        (b"1,2\r\n3,4\r\n\r\n\n", MATRIX),
        (b"\xef\xbb\xbf1, 2\n 3,\t4", MATRIX),
        (b'"1","2"\n"3",4\n', MATRIX),
        (b"+1,-.5,5.,1e3\n", [1, -0.5, 5, 1000]),
    ],
)
def test_csv_holds_a_number_a_vector_by_line_or_column_or_a_matrix(tmp_path, contents, value):
    (tmp_path / "w.csv").write_bytes(contents)
    assert read(f"@{tmp_path / 'w.csv'}") == value


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "is empty, where a number is expected for W"),
        (b"\n\n", "is empty, where a number is expected for W"),
        (b"1,2\n3\n", "is ragged: line 2 has 1 entry, line 1 has 2"),
        (b"1,2\n3,4,5\n", "is ragged: line 2 has 3 entries, line 1 has 2"),
        (b"1,2\n\n3,4\n", "line 2 of "),
        (b"\n1,2\n", "line 1 of "),
        (b"a,b\n1,2\n", "holds a in line 1, column 1"),
        (b"1,2\n3,x\n", "holds x in line 2, column 2"),
        (b"1,,3\n", "line 1, column 2 of "),
        (b"1,2,\n", "line 1, column 3 of "),
        (b"1;2\n", "holds 1;2 in line 1, column 1"),
        (b"1\t2\n", "holds 1<U+0009>2 in line 1, column 1"),
        (b"1 2\n", "holds 1 2 in line 1, column 1"),
        (b'"1,5"\n', "holds 1,5 in line 1, column 1"),
        (b"1_000,2\n", "holds 1_000 in line 1, column 1"),
        ("٣,2\n".encode(), "holds ٣ in line 1, column 1"),
        (b"pi,2\n", "holds pi in line 1, column 1"),
        (b"0x10\n", "holds 0x10 in line 1, column 1"),
        (b"1,inf\n", "holds inf in line 1, column 2"),
        (b"1,2\n3,1e999\n", "line 2, column 2 of W = 1e999 is too large"),
        (b"1,2\n3,1e-999\n", "line 2, column 2 of W = 1e-999 is too small"),
        (b'1,"2\n', 'is not CSV: a cell that begins with " does not end'),
        (b'1,"2"3\n', "is not CSV: ',' expected after '\"'"),
        (b"1\r2\n", "is not CSV: new-line character"),
        (b"1,\xff\n", "is not UTF-8 text: byte 3"),
        (b"1,\0\n", "holds a NUL character"),
        (b"1," * 10_001 + b"1\n", "has 10,002 columns; the limit is 10,000"),
        (b"0" * (1 << 21), "has a cell of more than 1,048,576 characters"),
        (b"x" * (1 << 20), "holds xxx"),
        (b"1\n" * (1 << 23) + b"1", "has 16,777,217 bytes, and the limit is 16,777,216"),
    ],
    ids=lambda contents: contents[:20],
)
def test_what_is_no_csv_of_numbers_is_refused_with_the_place(tmp_path, contents, message):
    (tmp_path / "w.csv").write_bytes(contents)
    problem = refused(f"@{tmp_path / 'w.csv'}")
    assert message in problem.message
    assert len(problem.message) < 1000
    assert problem.exit_code == 3


def test_csv_takes_numbers_that_are_not_finite_where_asked_and_its_limit_is_its_own(tmp_path):
    (tmp_path / "w.csv").write_text('1,NaN\n"Infinity",-Infinity\n')
    before = csv.field_size_limit()
    assert "line 1, column 2 of W = NaN is not a finite number" in refused(f"@{tmp_path / 'w.csv'}").message
    assert str(read(f"@{tmp_path / 'w.csv'}", ieee=True)) == "[[1.0, nan], [inf, -inf]]"
    assert csv.field_size_limit() == before


def test_csv_of_many_numbers_is_read_fast(tmp_path):
    for last in ("3,4", '"3",4'):
        (tmp_path / "w.csv").write_text("1.5,2\n" * 200_000 + last)
        before = time.process_time()
        assert read(f"@{tmp_path / 'w.csv'}")[-1] == [3, 4]
        assert time.process_time() - before < 4
    (tmp_path / "w.csv").write_text("1\n" * 1_000_000)
    assert len(read(f"@{tmp_path / 'w.csv'}")) == 1_000_000
    (tmp_path / "w.csv").write_text("1\n" * 1_000_000 + "x\n")
    assert "holds x in line 1,000,001, column 1" in refused(f"@{tmp_path / 'w.csv'}").message
    (tmp_path / "w.csv").write_text("1,2\n" * 1_000_000 + "1\n")
    assert "is ragged: line 1,000,001 has 1 entry, line 1 has 2" in refused(f"@{tmp_path / 'w.csv'}").message


# .npy


TWO_NUMBERS = struct.pack("<dd", 2.5, -1)


def npy(descr="'<f8'", shape="(2,)", body=TWO_NUMBERS, *, fortran=False, version=(1, 0), length=None):
    header = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    header += b" " * (-len(header) % 64) + b"\n"
    size = (len(header) if length is None else length).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + bytes(version) + size + header + body


@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8", ">f8", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", "<u8"])
def test_numpy_writes_what_is_read(tmp_path, kind):
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "w.npy"
    entries = numpy.arange(24).astype(kind)
    for dims in ((24,), (4, 6), (2, 3, 4), (24, 1), (1, 1, 24)):
        for order in "CF":
            numpy.save(path, numpy.array(entries.reshape(dims), order=order))
            found = values.read(f"@{path}", "W")
            assert found.dtype == float
            assert found.flags.c_contiguous
            assert found.tolist() == entries.reshape(dims).tolist()
    numpy.save(path, entries[5])
    assert values.read(f"@{path}", "W") == 5.0
    assert type(values.read(f"@{path}", "W")) is float
    numpy.save(path, entries[5].reshape(1, 1))
    assert values.read(f"@{path}", "W").tolist() == [[5]]


def test_every_version_of_the_format_is_read(tmp_path):
    for version in ((1, 0), (2, 0), (3, 0)):
        (tmp_path / "w.npy").write_bytes(npy(version=version))
        assert read(f"@{tmp_path / 'w.npy'}") == [2.5, -1]


def test_fortran_order_is_honoured(tmp_path):
    (tmp_path / "w.npy").write_bytes(npy("'|u1'", "(2, 3)", bytes([1, 2, 3, 4, 5, 6]), fortran=True))
    assert read(f"@{tmp_path / 'w.npy'}") == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "is not a .npy file"),
        (b"\x93NUMPY", "is not a .npy file"),
        (b"\x80\x04K\x01.", "is not a .npy file"),
        (b"PK\x03\x04" + bytes(100), "is not a .npy file"),
        (npy().replace(b"\x93", b"\x94"), "is not a .npy file"),
        (npy(version=(4, 0)), "is of version 4.0"),
        (npy(version=(0, 0)), "is of version 0.0"),
        (b"\x93NUMPY\x01\x00", "the header of"),
        (b"\x93NUMPY\x01\x00\x76", "the header of"),
        (npy()[:40], "the header of"),
        (npy(length=20), "the header of"),
        (npy(length=10_001), "is 10,001 bytes long, and the limit is 10,000"),
        (npy(version=(2, 0), length=0xFFFFFFFF), "is 4,294,967,295 bytes long"),
        (npy(shape="(2)"), "the header of"),
        (npy(shape="2"), "the header of"),
        (npy(shape="(-2,)"), "the header of"),
        (npy(shape="(2, x)"), "the header of"),
        (npy(shape="(2.0,)"), "the header of"),
        (npy(shape="(٣,)"), "the header of"),
        (npy(shape="(1_0,)"), "the header of"),
        (npy(shape="[2]"), "the header of"),
        (npy(fortran="0"), "the header of"),
        (npy("'|O'", body=b"\x80\x04K\x01."), "holds Python objects, which only a pickle holds"),
        (npy("'O'", body=b"cos\nsystem\n(S'id'\ntR."), "holds Python objects"),
        (npy("'|b1'", body=b"\1\1"), "holds true and false"),
        (npy("'?'", body=b"\1\1"), "holds true and false"),
        (npy("'<c16'", body=bytes(32)), "holds complex numbers"),
        (npy("[('a', '<f8')]"), "holds records"),
        (npy("('<f8', (2,))"), "holds something else"),
        (npy("'<f8', 'x': '|O'"), "holds"),
        (npy("'<f16'", body=bytes(32)), "holds numbers of an unusual size"),
        (npy("'<f3'"), "holds numbers of an unusual size"),
        (npy("'<U4'"), "holds texts"),
        (npy("'|S4'"), "holds texts"),
        (npy("'<M8[ns]'"), "holds dates"),
        (npy("'|V8'"), "holds bytes without a meaning"),
        (npy("__import__('os')"), "holds something else"),
        (npy(shape="(0,)", body=b""), "has shape (0,), and an array has at least one entry"),
        (npy(shape="(2, 0, 3)", body=b""), "has shape (2, 0, 3)"),
        (npy(shape="(" + "1, " * 33 + ")"), "has 33 axes, and an array has at most 32"),
        (npy(body=b""), "says 16 bytes of numbers, but only 0 follow"),
        (npy(body=bytes(15)), "says 16 bytes of numbers, but only 15 follow"),
        (npy(body=bytes(17)), "says 16 bytes of numbers, but more follow"),
        (npy(shape="(2000000000,)"), "would take 16,000,000,000 bytes, and the limit is 1,073,741,824"),
        (npy("'|u1'", "(200000000,)"), "would take 1,600,000,000 bytes"),
        (npy(shape="(1000000000, 1000000000)"), "would take 8,000,000,000,000,000,000 bytes"),
        (npy(shape="(4294967296, 4294967296)"), "would take"),
        (npy(shape=f"({'9' * 4000},)"), "would take"),
        (npy(shape="(" + "999999999999999, " * 32 + ")"), "would take"),
        (npy(body=struct.pack("<dd", 1, float("nan"))), "entry 2 of W = NaN is not a finite number"),
        (npy(shape="(2, 1)", body=struct.pack("<dd", 1, float("-inf"))), "entry 1 of row 2 of W = -Infinity"),
        (npy("'<f2'", body=b"\x00\x7c\x00\x00"), "entry 1 of W = Infinity"),
        (npy(shape="()", body=struct.pack("<d", float("nan"))), "W = NaN is not a finite number"),
    ],
)
def test_a_npy_file_that_does_not_add_up_is_refused_before_anything_is_made(tmp_path, contents, message):
    path = tmp_path / "w.npy"
    path.write_bytes(contents)
    before = time.process_time()
    problem = refused(f"@{path}")
    assert message in problem.message
    assert problem.hint
    assert problem.exit_code == (2 if "finite" in problem.message or "Infinity" in problem.message else 3)
    assert time.process_time() - before < 2


def test_numbers_that_are_not_finite_come_out_of_npy_where_asked(tmp_path):
    (tmp_path / "w.npy").write_bytes(npy(body=struct.pack("<dd", float("nan"), float("-inf"))))
    assert str(read(f"@{tmp_path / 'w.npy'}", ieee=True)) == "[nan, -inf]"


def test_the_limit_on_bytes_counts_doubles(tmp_path):
    (tmp_path / "w.npy").write_bytes(npy("'|u1'", "(4,)", b"\1\2\3\4"))
    assert read(f"@{tmp_path / 'w.npy'}", max_bytes=32) == [1, 2, 3, 4]
    problem = refused(f"@{tmp_path / 'w.npy'}", max_bytes=31)
    assert "would take 32 bytes, and the limit is 31" in problem.message
    assert "--max-bytes" in problem.hint


def test_a_changed_byte_of_a_npy_file_is_refused_or_changes_a_number(tmp_path):
    path = tmp_path / "w.npy"
    contents = npy()
    rng = random.Random(3)
    for _ in range(400):
        changed = bytearray(contents)
        for _ in range(rng.choice((1, 1, 3))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        if rng.random() < 0.2:
            del changed[rng.randrange(len(changed)) :]
        path.write_bytes(bytes(changed))
        found = answer(f"@{path}", ieee=True)
        assert found.exit_code == 3 if isinstance(found, BackpropError) else found.size * 8 <= 128


def test_files_that_never_end_or_never_begin_are_refused(tmp_path):
    os.mkfifo(tmp_path / "w.npy")
    os.mkdir(tmp_path / "d.npy")
    os.symlink("/dev/zero", tmp_path / "zero.npy")
    os.symlink("/dev/zero", tmp_path / "zero.csv")
    os.symlink("loop.npy", tmp_path / "loop.npy")
    for name, message in (
        ("w.npy", "is a pipe that nobody writes to"),
        ("d.npy", "is a folder"),
        ("zero.npy", "is a device"),
        ("zero.csv", "is a device"),
        ("none.npy", "cannot be read: no such file"),
        ("loop.npy", "cannot be read: too many levels"),
        ("a\0b.npy", "cannot be read"),
    ):
        problem = refused(f"@{tmp_path / name}")
        assert message in problem.message
        assert problem.exit_code == 3


def test_a_symlink_to_a_file_is_followed(tmp_path):
    (tmp_path / "real").write_bytes(npy())
    os.symlink("real", tmp_path / "w.npy")
    assert read(f"@{tmp_path / 'w.npy'}") == [2.5, -1]


@pytest.mark.parametrize(("body", "found"), [(bytes(16), [0, 0]), (bytes(15), "only 15"), (bytes(99), "more follow")])
def test_npy_comes_through_a_pipe_from_a_slow_writer(tmp_path, body, found):
    path = tmp_path / "w.npy"
    os.mkfifo(path)
    contents = npy(body=body)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    opened = threading.Event()

    def write():
        with open(path, "wb", buffering=0) as pipe:
            opened.set()
            for piece in (contents[:5], contents[5:130], contents[130:]):
                time.sleep(0.05)
                with contextlib.suppress(BrokenPipeError):  # The reader has seen enough.
                    pipe.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    opened.wait()
    answered = answer(f"@{path}")
    os.close(reader)
    writer.join()
    if isinstance(found, str):
        assert found in answered.message
    else:
        assert answered.tolist() == found


def test_a_big_npy_file_takes_its_own_memory_once(tmp_path):
    resource = pytest.importorskip("resource")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "w.npy"
    numpy.save(path, numpy.ones(4_000_000))
    values.read(f"@{path}", "W")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert values.read(f"@{path}", "W").sum() == 4_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3 * 32_000


def test_numpy_is_not_loaded_for_lists(tmp_path):
    import subprocess

    (tmp_path / "w.csv").write_text("1,2\n3,4\n")
    (tmp_path / "w.json").write_text("[[1, 2], [3, 4]]")
    code = """
import sys
from backpropcli.reading import values
for text in sys.argv[1:]:
    values.read(text, "W")
print("numpy" in sys.modules)
"""
    arguments = ["2", "pi/2", "[1, 2; 3, 4]", "[pi/2, 1]", f"@{tmp_path / 'w.csv'}", f"@{tmp_path / 'w.json'}"]
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


# Through the command line


LINEAR = "sum(W @ x)"


@pytest.fixture
def files(tmp_path):
    numpy = pytest.importorskip("numpy")
    (tmp_path / "w.csv").write_text("1,2\n3,4\n")
    (tmp_path / "w.json").write_text("[[1, 2], [3, 4]]")
    (tmp_path / "point.json").write_text('{"W": [[1, 2], [3, 4]], "x": [1, 10]}')
    numpy.save(tmp_path / "w.npy", numpy.array(MATRIX))
    return tmp_path


@pytest.mark.parametrize(
    "given",
    [
        ["--W", "[[1,2],[3,4]]", "--x", "[1, 10]"],
        ["--W=[1,2;3,4]", "--x=[1, 10]"],
        ["-v", "W=[1, 2; 3, 4]", "-v", "x=[1, 10]"],
        ["--at", "x=[1, 10], W=[[1, 2], [3, 4]]"],
        ["--at", "@point.json"],
        ["--W", "@w.csv", "--x", "[1, 10]"],
        ["--W", "@w.json", "--x", "[1, 10]"],
        ["--W", "@w.npy", "--x", "[1, 10]"],
        ["--at", "x=[1, 10], W=@w.npy"],
    ],
)
def test_every_door_gives_the_same_array(evaluated, files, monkeypatch, given):
    monkeypatch.chdir(files)
    document = evaluated(LINEAR, *given)
    assert document["point"] == {"W": MATRIX, "x": [1, 10]}
    assert document["value"] == 64
    assert document["grad"] == {"W": [[1, 10], [1, 10]], "x": [4, 6]}


def test_an_array_comes_from_standard_input(evaluated, stdin):
    stdin(b"[[1, 2], [3, 4]]\n")
    assert evaluated(LINEAR, "--W", "@-", "--x", "[1, 10]")["value"] == 64


def test_directions_and_seeds_are_arrays(evaluated):
    at = ["--at", "W=[1, 2; 3, 4], x=[1, 10]"]
    assert evaluated(LINEAR, *at, "--jvp", "x=[1, 0], W=[[0, 1], [0, 0]]")["jvp"] == 14
    assert evaluated(LINEAR, *at, "--hvp", "x=[1, 0]")["hvp"] == {"W": [[1, 0], [1, 0]], "x": [0, 0]}
    assert evaluated("W @ x", *at, "--vjp", "[1, 0]")["grad"] == {"W": [[1, 10], [0, 0]], "x": [1, 2]}
    assert evaluated("W @ x", *at, "--vjp", "1, 0")["grad"] == {"W": [[1, 10], [0, 0]], "x": [1, 2]}
    assert evaluated("W * W", "--W", "[1, 2; 3, 4]", "--vjp", "[[1, 0], [0, pi]]")["grad"]["W"] == [
        [2, 0],
        [0, 8 * 3.141592653589793],
    ]
    assert evaluated("a = sum(x); b = 2 x", "--x", "[1, 2]", "--vjp", "[1, [1, 0]]")["grad"] == {"x": [3, 1]}
    assert evaluated("x^2", "--x", "3", "--vjp", "2")["grad"] == {"x": 12}


@pytest.mark.parametrize("formula", ["2 x", "a = sum(x); b = 2 x"])
@pytest.mark.parametrize("seed", ["", " ", "[]", "[ ]", "1,", "[1, [1, [0]]]", "[1, a]", "[[1, 0], [0]]", "[1, 2"])
def test_a_seed_that_is_none_is_refused(capsys, formula, seed):
    assert main(["eval", formula, "--x", "[1, 2]", "--vjp", seed]) == 2
    assert re.match("error: .*(--vjp|seed)", capsys.readouterr().err)


def test_a_seed_comes_from_a_file(evaluated, tmp_path):
    (tmp_path / "seed.json").write_text("[1, 0]")
    found = evaluated("2 x", "--x", "[1, 2]", "--vjp", f"@{tmp_path / 'seed.json'}")
    assert found["grad"] == {"x": [2, 0]}


def test_the_limit_on_bytes_is_an_option(capsys):
    assert main(["eval", "sum(x)", "--x", "[1, 2, 3]", "--max-bytes", "20"]) == 2
    assert "--max-bytes" in capsys.readouterr().err
    assert main(["eval", "sum(x)", "--x", "[1, 2, 3]", "--max-bytes", "2000", "--json"]) == 0


def test_an_array_decides_no_number_of_terms(capsys):
    assert main(["eval", "sum(k*x, k, 1, D)", "--x", "1", "--D", "[1, 2]"]) == 2
    assert "D is an array" in capsys.readouterr().err


def test_a_number_of_terms_from_standard_input_is_read_once(evaluated, stdin):
    stdin(b"3")
    assert evaluated("sum(k*x, k, 1, D)", "--x", "2", "--D", "@-")["value"] == 12


def test_help_shows_that_a_formula_gives_an_array(capsys):
    assert main(["eval", "W = [1, 2; 3, 4]; sum(W @ x)", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--W VALUE  [default: an array, in the formula]" in shown
    assert "--max-bytes N" in shown


def test_standard_input_is_read_once_for_seeds_and_directions_too(capsys):
    for option in ("--jvp", "--vjp", "--hvp"):
        assert main(["eval", "x", "--x", "@-", option, "@-"]) == 2
        assert "standard input can be read once only" in capsys.readouterr().err


def test_a_text_of_many_numbers_is_capped():
    problem = refused("[" + "1," * sources.DATA_LIMIT + "1]")
    assert "characters, and the limit is 16,777,216" in problem.message
