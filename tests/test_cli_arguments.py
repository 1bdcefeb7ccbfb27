"""Every sentence of the contract's section on arguments, through `main`."""

import importlib
import io
import json
import os
import re
import struct
import sys
import threading
import time
from typing import NamedTuple

import pytest

from backpropcli.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self):
        assert (self.code, self.err) == (0, ""), self.err
        return json.loads(self.out)

    @property
    def message(self):
        """The error's first line; a refusal is one clear line, nothing on stdout, no traceback, no control byte."""
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert "internal" not in self.err
        assert "Traceback" not in self.err
        assert all(character.isprintable() or character == "\n" for character in self.err)
        assert all(len(line) <= 500 for line in self.err.splitlines())
        return self.err.splitlines()[0].removeprefix("error: ")

    @property
    def hint(self):
        lines = [line.removeprefix("hint: ") for line in self.err.splitlines() if line.startswith("hint: ")]
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def backprop(capsys):
    def run(*arguments):
        code = main(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def evaluate(backprop):
    return lambda *arguments: backprop("eval", "--json", *arguments)


@pytest.fixture
def stdin(monkeypatch):
    def put(contents):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(contents)))

    return put


# Variables as options


def test_help_lists_the_variables_of_the_formula(backprop):
    ran = backprop("eval", "theta_1*w0", "--help")
    assert ran.code == 0
    assert "  --theta_1 VALUE" in ran.out
    assert "  --w0 VALUE" in ran.out


def test_help_needs_no_values_and_no_right_formula(backprop):
    for arguments in (["--help"], ["x +", "--help"], ["x*y", "--x", "abc", "-h"], ["-", "-h"], ["--format", "q", "-h"]):
        ran = backprop("eval", *arguments)
        assert ran.code == 0
        assert "--sig-digits" in ran.out
        assert ran.err == ""


def test_help_says_how_to_set_a_variable_that_an_option_hides(backprop):
    assert "  -v format=VALUE" in backprop("eval", "format*x", "--help").out


def test_help_shows_the_value_that_the_formula_gives(backprop):
    assert "--x VALUE  [default: -2, in the formula]" in backprop("eval", "x = -2; x*y", "--help").out


def test_help_for_a_formula_of_very_many_variables_is_cut(backprop):
    ran = backprop("eval", "+".join(f"x{i}" for i in range(1000)), "--help")
    assert "and 800 more" in ran.out


def test_a_value_is_the_next_word_or_follows_an_equals_sign(evaluate):
    assert evaluate("x", "--x", "-2").document["value"] == -2
    assert evaluate("x", "--x=-2").document["value"] == -2
    assert evaluate("--x", "-2", "x").document["value"] == -2


def test_upper_and_lower_case_are_two_variables(evaluate):
    assert evaluate("x - X", "--x", "3", "--X", "1").document["value"] == 2


def test_a_word_with_one_dash_is_the_formula(evaluate):
    assert evaluate("-x^2", "--x", "3").document["value"] == -9
    assert evaluate("--x", "3", "-2*x+v", "--v", "2").document["value"] == -4
    assert evaluate("-x+v", "--x", "3", "--v", "2").document["value"] == -1
    assert evaluate("-vx", "--vx", "2").document["value"] == -2


def test_the_formula_comes_from_stdin_a_file_or_an_option(evaluate, stdin, tmp_path):
    stdin(b"x + y\n")
    assert evaluate("-", "--x", "1", "--y", "2").document["value"] == 3
    file = tmp_path / "formula.txt"
    file.write_bytes("\ufeffσ(x)\r\n".encode())
    assert evaluate("-f", str(file), "--x", "0").document["value"] == 0.5
    assert evaluate("-e", "-x", "--x", "3").document["value"] == -3
    assert evaluate("-e", "-v", "--v", "3").document["value"] == -3


def test_two_dashes_end_the_options(evaluate):
    assert evaluate("--x", "3", "--", "-x").document["value"] == -3
    assert evaluate("--x", "3", "--", "--x").document["value"] == 3
    assert "put the formula last" in evaluate("--", "-x", "--x", "3").hint


def test_an_own_option_wins_and_the_error_says_how_to_set_the_variable(evaluate, backprop):
    assert evaluate("format*2", "-v", "format=3").document["value"] == 6
    assert evaluate("format*2", "--at", "format=3").document["value"] == 6
    ran = backprop("eval", "format*2", "--format", "3")
    assert ran.message.startswith("--format takes ")
    assert ran.hint.endswith("the variable format is set by -v format=3")
    ran = backprop("eval", "format*2")
    assert ran.message == "format has no value"
    assert "-v format=VALUE" in ran.hint
    assert "-v strict=5" in backprop("eval", "strict*x", "--strict", "5", "--x", "2").hint


def command(name):
    return importlib.import_module(f"backpropcli.commands.{name}").command


def test_the_short_options_are_few():
    for name in ("derive", "eval"):
        short = {opt for param in command(name).params for opt in param.opts if not opt.startswith("--")}
        assert short <= {"-v", "-o", "-f", "-e"}


def test_options_that_came_later_carry_a_hyphen():
    words = {opt[2:] for param in command("eval").params for opt in param.opts if opt.startswith("--")}
    asked = "order jacobian hessian jvp vjp hvp partial diagnose explain syntax"
    plain = f"wrt mode nodes only {asked} ieee strict format json color at"
    assert {word for word in words if "-" not in word} == set(plain.split())


# Points


def test_a_point_is_given_by_pairs_a_file_or_stdin(evaluate, stdin, tmp_path):
    assert evaluate("x - y", "--at", "x=4, y=3").document["value"] == 1
    assert evaluate("x - y", "--at", "x = atan2(0, 1); y=3,").document["value"] == -3
    assert evaluate("x - y", "--at", "x=4", "--at", "y=3").document["value"] == 1
    file = tmp_path / "point.json"
    file.write_text('{"x": 4, "y": 3e0}')
    assert evaluate("x - y", "--at", f"@{file}").document["value"] == 1
    stdin(b'{"x": 4, "y": 3}')
    assert evaluate("x - y", "--at", "@-").document["value"] == 1


def test_a_point_of_very_many_variables_is_read_fast(tmp_path):
    from backpropcli.reading import points

    file = tmp_path / "point.json"
    file.write_text(json.dumps({f"x{i}": i / 7 for i in range(100_000)}))
    before = time.process_time()
    values = [given.read() for given in points.point(f"@{file}", "--at")]
    assert time.process_time() - before < 3
    assert values[-1] == 99_999 / 7


@pytest.mark.parametrize(
    ("contents", "code", "message"),
    [
        ('{"x": 1, "x": 1}', 3, "gives x twice"),
        ('{"x": true}', 3, "gives x as true or false, where a number is expected"),
        ('{"x": null}', 3, "gives x as null, where a number is expected"),
        ('{"x": "4"}', 3, "gives x as a text, where a number is expected"),
        ('{"x": {}}', 3, "gives x as an object, where a number is expected"),
        ('{"x": [4, null]}', 3, "gives entry 2 of x as null, where a number is expected"),
        ('{"x": NaN}', 3, "holds NaN, which is not JSON"),
        ('{"x": 1e999}', 3, "beyond a double's"),
        ('{"x": ' + "1" * 5000 + "}", 3, "beyond a double's"),
        ('{"x": "NaN"}', 2, "x = NaN is not a finite number"),
        ('{"x": 1', 3, "is not JSON"),
        ('{"x y": 1}', 3, "is not a variable's name"),
        ("[4]", 3, "is not a point"),
        ("", 3, "is not JSON"),
        ("[" * 100_000, 3, "is nested more than 64 deep"),
        ('{"x": ' + '{"a": [' * 50_000, 3, "is nested more than 64 deep"),
        ('{"θ_1": 1, "theta_1": 1}', 2, "theta_1 is given twice"),
    ],
)
def test_a_point_that_is_none_is_refused(evaluate, tmp_path, contents, code, message):
    file = tmp_path / "point.json"
    file.write_text(contents, encoding="utf-8")
    ran = evaluate("theta_1" if "theta" in contents else "x", "--at", f"@{file}")
    assert message in ran.message
    assert ran.code == code


def test_brackets_inside_texts_are_not_depth(tmp_path):
    from backpropcli.reading.documents import document

    contents = json.dumps({"a": '[{"\\' * 200, '"[': ["x"] * 100})
    assert document(contents.encode(), "it") == json.loads(contents)


def test_values_that_are_not_finite_need_ieee(evaluate, tmp_path):
    file = tmp_path / "point.json"
    file.write_text('{"x": "-Infinity"}')
    assert evaluate("x", "--ieee", "--at", f"@{file}").document["value"] == "-Infinity"
    assert evaluate("x", "--ieee", "--x", "NaN").document["point"] == {"x": "NaN"}
    assert "--ieee" in evaluate("x", "--x", "Infinity").hint
    assert "write NaN, Infinity or -Infinity" in evaluate("x", "--x", "inf").hint


# Values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("-1e-3", -0.001),
        (" 4 ", 4.0),
        ("pi/2", 1.5707963267948966),
        ("-2^2", -4.0),
    ],
)
def test_a_value_is_a_number_or_a_constant_formula(evaluate, text, value):
    assert evaluate("x", "--x", text).document["value"] == value


@pytest.mark.parametrize(
    "text", ["abc", "1_000", "١", "0x10", "1,5", "y", "1e999", "1e-999", "x", "1/0", "--", "2 3", "\udcff"]
)
def test_a_value_that_is_none_is_refused(evaluate, text):
    ran = evaluate("x", "--x", text)
    assert ran.message
    assert ran.code == 2


TWO_AND_A_HALF = struct.pack("<d", 2.5)


def npy(descr="<f8", shape="()", body=TWO_AND_A_HALF, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + body


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("v.json", b"2.5"),
        ("v.csv", b"2.5\r\n"),
        ("v.csv", b'\xef\xbb\xbf"2.5"\n'),
        ("v.npy", npy()),
        ("v.npy", npy(version=2)),
        ("v.NPY", npy(">f4", body=struct.pack(">f", 2.5))),
    ],
)
def test_a_value_is_in_a_file(evaluate, tmp_path, name, contents):
    (tmp_path / name).write_bytes(contents)
    assert evaluate("2x", "--x", f"@{tmp_path / name}").document["value"] == 5


def test_numpy_writes_what_is_read(evaluate, tmp_path):
    numpy = pytest.importorskip("numpy")
    for kind in ("f4", "f8", "i4", "u1"):
        numpy.save(tmp_path / "v.npy", numpy.array(7, dtype=kind))
        assert evaluate("x", "--x", f"@{tmp_path / 'v.npy'}").document["value"] == 7


@pytest.mark.parametrize(
    ("name", "contents", "code", "message"),
    [
        ("v.json", b"{}", 3, "an object"),
        ("v.json", b"\xff", 3, "is not UTF-8"),
        ("v.csv", b"two", 3, "holds two"),
        ("v.csv", b"", 3, "is empty"),
        ("v.npy", npy(body=bytes(4)), 3, "says 8 bytes of numbers, but only 4 follow"),
        ("v.npy", npy("|O", body=b"\x80\x04."), 3, "holds Python objects"),
        ("v.npy", b"\x80\x04K\x01.", 3, "is not a .npy file"),
        ("v.npy", npy(body=struct.pack("<d", float("nan"))), 2, "not a finite number"),
        ("v.txt", b"1", 2, "does not say what is in the file"),
        ("v", b"1", 2, "does not say what is in the file"),
    ],
)
def test_a_file_that_holds_no_number_is_refused(evaluate, tmp_path, name, contents, code, message):
    (tmp_path / name).write_bytes(contents)
    ran = evaluate("x", "--x", f"@{tmp_path / name}")
    assert message in ran.message
    assert ran.code == code


def test_a_value_comes_from_stdin(evaluate, stdin):
    stdin(b"2.5\n")
    assert evaluate("x", "--x", "@-").document["value"] == 2.5


def test_stdin_is_read_once(evaluate, stdin):
    stdin(b"1")
    for arguments in (["-", "--x", "@-"], ["x", "--x", "@-", "--at", "@-"], ["x*y", "-v", "x=@-", "--y", "@-"]):
        assert evaluate(*arguments).message == "standard input can be read once only"


# What is wrong with them


def test_missing_variables_are_named_all_at_once_with_the_options_to_add(backprop):
    ran = backprop("eval", "x*y + z", "--x", "1")
    assert ran.message == "y, z have no value"
    assert ran.hint == "add --y VALUE --z VALUE"
    assert "  |   ^" in ran.err.splitlines()
    assert ran.code == 2
    assert "did you mean x*y?" in backprop("eval", "xy", "--x", "1", "--y", "2").hint


def test_a_formula_may_give_values_and_the_command_line_wins(evaluate):
    assert evaluate("x = -2; x*y", "--y", "3").document["value"] == -6
    assert evaluate("x = -2; x*y", "--y", "3", "--x", "5").document["value"] == 15


def test_a_misspelled_name_gets_a_suggestion(backprop):
    ran = backprop("eval", "theta*x", "--tehta", "1", "--x", "2")
    assert ran.message == "the formula has no variable tehta"
    assert "did you mean --theta VALUE?" in ran.hint
    assert "did you mean --json?" in backprop("eval", "x", "--x", "1", "--jsn", "1").hint
    assert "did you mean --json?" in backprop("eval", "x", "--x", "1", "--jsn").hint
    assert "did you mean --json?" in backprop("eval", "--jsn", "x", "--x", "1").hint
    assert "did you mean --sig-digits?" in backprop("eval", "x", "--x", "1", "--sig-digit", "3").hint
    assert "did you mean table?" in backprop("eval", "x", "--x", "1", "--format", "tabel").hint


def test_a_value_that_nothing_uses_is_an_error_unless_allowed(backprop, evaluate):
    ran = backprop("eval", "x", "--x", "1", "--z", "2")
    assert ran.message == "the formula has no variable z"
    assert "--allow-unused" in ran.hint
    assert ran.code == 2
    assert evaluate("x", "--x", "1", "--z", "2", "--allow-unused").document["point"] == {"x": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--x", "1", "--x", "1"],
        ["--x", "1", "-v", "x=1"],
        ["--x", "1", "--at", "x=1"],
        ["--at", "x=1, x=1"],
        ["-v", "x=1", "-v", "x=1"],
        ["--x", "1", "--x", "1", "--allow-unused"],
    ],
)
def test_a_value_given_twice_is_an_error(backprop, arguments):
    ran = backprop("eval", "x", *arguments)
    assert ran.message.startswith("x is given twice, by -")
    assert ran.code == 2


def test_two_spellings_are_one_name(evaluate):
    assert evaluate("θ_1*x", "--θ_1", "2", "--x", "3").document["value"] == 6
    assert evaluate("theta_1*x", "--θ₁", "2", "--x", "3").document["value"] == 6
    assert evaluate("θ_1", "--θ_1", "2", "--theta_1", "2").message.startswith("theta_1 is given twice")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ([], "a formula is expected, but none is given", "backprop eval"),
        (["--x", "1"], "a formula is expected, but none is given", "backprop eval"),
        (["x", "y"], "one formula is expected, but there are 2: x and y", "quotes"),
        (["x", "+", "y", "--x", "1"], "one formula is expected, but there are 3: x, + and y", "quotes"),
        (["x", "-", "y", "--x", "1"], "one formula is expected, but there are 3: x, - and y", "quotes"),
        (["x", "-e", "y"], "one formula is expected, but there are 2: -e y and x", "give the formula once"),
        (["x", "-vx=3"], "one formula is expected, but there are 2: x and -vx=3", "a space after it"),
        (["x", "--x"], "--x needs a value", "as in --x 2"),
        (["x", "--x="], "--x needs a value", "as in --x 2"),
        (["x", "--x", ""], "--x needs a value", "as in --x 2"),
        (["x", "--x", "--json"], "--x needs a value, but the option --json follows", "as in --x 2"),
        (["x", "-o", "--json"], "-o needs a value, but the option --json follows", "as in -o FILE"),
        (["x", "--=3"], "there is no option --", "--help"),
        (["x", "--3", "4"], "there is no option --3", "--help"),
        (["x", "--\udcff", "3"], "there is no option --<U+DCFF>", "--help"),
        (["x", "--\x1b[31m", "3"], "there is no option --<U+001B>[31m", "--help"),
        (["x", "--" + "n" * 1_000_000, "3"], "there is no option --nnn", "--help"),
        (["x", "-v"], "-v needs a value", "as in -v NAME=VALUE"),
        (["x", "-v", "x"], "-v x has no '='", "write NAME=VALUE"),
        (["x", "-v", "=3"], "-v has no name before '='", "write NAME=VALUE"),
        (["x", "-v", "x="], "-v x= has no value after '='", "write NAME=VALUE"),
        (["x", "-v", "a b=3"], "-v: a b is not a variable's name", "a name is a letter"),
        (["x", "--at", ""], "--at names no variable", "x=4, y=3"),
        (["x", "--at", "x=4 y=3"], "--at: x=4 y=3 holds more than one '='", "x=4, y=3"),
        (["x", "--at", "4"], "--at 4 has no '='", "write NAME=VALUE"),
        (["x", "--x", "1", "--json=3"], "--json takes no value, but 3 is given", "write --json alone"),
        (["x", "--x", "1", "--json", "--format", "table"], "--json and --format table contradict each other", "one of"),
        (["x", "--x", "1", "--wrt", "q"], "--wrt names q, which is no variable of the formula", "the formula has"),
        (["x", "--x", "1", "--wrt", "x,x"], "--wrt names x twice", "once"),
        (["x", "--x", "1", "--wrt", ""], "--wrt takes variables' names with commas", "as in --wrt x,y"),
        (["x", "--x", "1", "--hvp", "q=1"], "--hvp names q, which is no variable of the formula", "the formula has x"),
        (["x", "--x", "1", "--jvp", "x=1,x=1"], "--jvp names x twice", "once"),
        (["x*y", "--x", "1", "--y", "2", "--order", "2"], "--order 2 is about one variable, but here are 2", "--wrt x"),
        (["x", "--x", "1", "-o"], "-o needs a value", "as in -o FILE"),
    ],
)
def test_a_command_line_that_is_wrong_gets_one_clear_line(backprop, arguments, message, hint):
    ran = backprop("eval", *arguments)
    assert ran.message.startswith(message)
    assert hint in ran.hint
    assert ran.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--order", "0"], "--order takes a whole number from 1 to 100, not 0"),
        (["--order", "two"], "--order takes a whole number from 1 to 100, not two"),
        (["--sig-digits", "18"], "--sig-digits takes a whole number from 1 to 17 or full, not 18"),
        (["--max-nodes", "-1"], "--max-nodes takes a whole number of at least 1, not -1"),
        (["--max-chars", "1" * 5000], "--max-chars takes a whole number of at least 1, not 111"),
        (["--mode", "backward"], "--mode takes reverse, forward or both, not backward"),
        (["--nodes", "x"], "--nodes takes gates, elementary or steps, not x"),
        (["--only", "\x1b[31m"], "--only takes value, grad or tables, not <U+001B>[31m"),
        (["--color", ""], "--color takes auto, always or never, not nothing"),
    ],
)
def test_options_say_what_they_take(backprop, arguments, message):
    ran = backprop("eval", "x", "--x", "1", *arguments)
    assert ran.message.startswith(message)
    assert ran.code == 2


@pytest.mark.parametrize(
    "formula",
    ["", " ", "\n", "x +", "\udcff\udcfe", "[red]x", "[/foo]", "x\x1b[31m", "x\0", "\u202ex", "x" * 1_000_000],
)
def test_a_formula_that_is_none_is_refused_in_one_clear_line(backprop, formula):
    ran = backprop("eval", "--x", "1", formula)
    assert ran.message
    assert ran.code == 2


def test_a_formula_of_a_megabyte_needs_a_file_or_the_option(backprop, evaluate, tmp_path):
    text = " " * 100_000 + "x"
    assert "--max-chars" in backprop("eval", text, "--x", "1").err
    assert evaluate(text, "--x", "1", "--max-chars", "200000").document["value"] == 1
    (tmp_path / "formula").write_text(text)
    assert evaluate("-f", str(tmp_path / "formula"), "--x", "1").document["value"] == 1
    (tmp_path / "formula").write_text(" " * 5_000_000 + "x")
    ran = backprop("eval", "-f", str(tmp_path / "formula"), "--x", "1")
    assert ran.message.endswith("has 5,000,001 bytes, and the limit is 4,194,304")
    assert ran.hint == "raise the limit, as in --max-chars 5000001"
    assert ran.code == 3
    assert evaluate("-f", str(tmp_path / "formula"), "--x", "1", "--max-chars", "5000001").document["value"] == 1


def test_a_file_of_data_has_a_limit_that_is_named(backprop, stdin, tmp_path):
    (tmp_path / "point.json").write_text('{"x": 1' + " " * (16 << 20) + "}")
    unused = "leave out what the formula has no variable for, or give the values as options"
    for option, hint in (("--at", unused), ("--x", "save a large array as .npy")):
        ran = backprop("eval", "x", option, f"@{tmp_path}/point.json")
        assert ran.message.endswith("has 16,777,224 bytes, and the limit is 16,777,216")
        assert ran.hint == hint
        assert ran.code == 3
    stdin((tmp_path / "point.json").read_bytes())
    ran = backprop("eval", "x", "--at", "@-")
    assert ran.message == "standard input has more than 16,777,216 bytes, which is the limit"
    assert ran.code == 3
    ran = backprop("eval", "x", "--x", "1" * 65_537)
    assert ran.message == "the value of x has 65,537 characters, and the limit is 65,536"
    assert ran.hint == "put it into a file, as in @value.json"
    assert ran.code == 2


# Files


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("missing", None, "cannot be read: no such file or directory"),
        ("bad", b"x + \xff", "is not UTF-8 text: byte 5 is 0xFF"),
        ("nul", b"x\0", "holds a NUL character at 2"),
        ("\x1b[31m\u202ename", None, "<U+001B>[31m<U+202E>name cannot be read"),
        ("n" * 5000, None, "cannot be read: file name too long"),
    ],
)
def test_a_formula_file_that_cannot_be_read_is_data(backprop, tmp_path, monkeypatch, name, contents, message):
    file = tmp_path / name
    if contents is not None:
        file.write_bytes(contents)
    monkeypatch.chdir(tmp_path)
    for arguments in (["-f", name], ["x", "--at", f"@{name}"], ["x", "--x", f"@{name}.json"]):
        if contents is not None and arguments[0] != "-f":
            continue
        ran = backprop("eval", *arguments)
        assert message in ran.message or ".json cannot be read" in ran.message
        assert ran.code == 3


def test_folders_devices_and_idle_pipes_are_refused_at_once(backprop, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "is a folder"),
        ("/dev/zero", "is a device"),
        (tmp_path / "pipe", "nobody writes"),
    ):
        for arguments in (["-f", str(path)], ["x", "--at", f"@{path}"]):
            ran = backprop("eval", *arguments)
            assert message in ran.message
            assert ran.code == 3


def test_a_pipe_that_somebody_writes_to_is_read(evaluate):
    reading, writing = os.pipe()

    def write():
        time.sleep(0.1)
        os.write(writing, b"x + ")
        time.sleep(0.1)
        os.write(writing, b"1")
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    assert evaluate("-f", f"/dev/fd/{reading}", "--x", "1").document["value"] == 2
    writer.join()
    os.close(reading)


def test_a_closed_stdin_is_said_so(backprop, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    ran = backprop("eval", "-", "--x", "1")
    assert ran.message == "the formula is to come from standard input, which is closed"
    assert ran.code == 2


# The program and derive


def test_the_program_alone_prints_its_help(backprop):
    ran = backprop()
    assert ran.code == 0
    assert ran.err == ""
    assert re.search(r"^  eval +Evaluate a formula at a point", ran.out, re.M)
    assert backprop("--help").out == ran.out


def test_every_command_has_help_without_marks_of_its_layout(backprop):
    listed = re.findall(r"^  ([a-z]+) +[A-Z]", backprop("--help").out, re.M)
    assert len(listed) > 5
    for name in listed:
        ran = backprop(name, "--help")
        assert ran.code == 0, name
        assert "\\b" not in ran.out, name
        assert "\b" not in ran.out, name


def test_listing_the_commands_loads_none_of_them(backprop, monkeypatch):
    for name in [name for name in sys.modules if name in {"backpropcli.commands.derive", "backpropcli.commands.eval"}]:
        monkeypatch.delitem(sys.modules, name)
    backprop("--help")
    assert "backpropcli.commands.derive" not in sys.modules


def test_version(backprop):
    from backpropcli import __version__

    assert backprop("--version").out == f"backprop {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["evl"], "there is no command 'evl'", "did you mean backprop eval?"),
        (["quux"], "there is no command 'quux'", "the commands are check, completion, derive, eval"),
        (["x^2", "--x", "3"], "there is no command 'x^2'", "write backprop eval 'x^2'"),
        (["-x^2", "--x", "3"], "there is no command '-x^2'", "write backprop eval '-x^2'"),
        (["--json", "eval"], "there is no option --json", "COMMAND"),
        (["\x1b[31m"], "there is no command '<U+001B>[31m'", "eval"),
        (["_program"], "there is no command '_program'", "eval"),
        (["derive", "x", "--x", "3"], "derive takes no values, and there is no option --x", "leave out --x"),
        (["derive", "x*y", "--wrt", "q"], "--wrt names q", "the formula has"),
        (["derive", "x", "--to", "fortran"], "--to takes infix, latex or sql, not fortran", ""),
    ],
)
def test_a_program_line_that_is_wrong_gets_one_clear_line(backprop, arguments, message, hint):
    ran = backprop(*arguments)
    assert ran.message.startswith(message)
    assert hint in ran.err
    assert ran.code == 2


def test_derive_prints_the_gradient(backprop):
    ran = backprop("derive", "x^2", "--wrt", "x")
    assert (ran.code, ran.err) == (0, "")
    assert "2" in ran.out
