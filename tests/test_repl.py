"""The conversation: what is kept, what is printed, and how lines come in, from a pipe and from a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backpropcli import primitives
from backpropcli.commands import repl
from backpropcli.commands.repl import COMMANDS, LINE_LIMIT, Session, completions, history_file, remember, remembered

REPL = [sys.executable, "-m", "backpropcli", "repl"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """Give lines to a session, and hear what it prints and what it says on stderr."""
    monkeypatch.setenv("COLUMNS", "80")
    session = Session()

    def given(*lines: str) -> tuple[str, str]:
        for line in lines:
            assert session.take(line)
        printed = capsys.readouterr()
        return printed.out, printed.err

    return given


Say = Callable[..., tuple[str, str]]


def piped(text: str | bytes, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*REPL, *arguments],
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1", **environment},
    )


# What is kept, and what is printed


def test_a_formula_echoes_its_closing_line(say: Say) -> None:
    assert say("x = 4", "y = 3", "(x + σ(x)) / (σ(x) + (x + y)^2)") == (
        "z = 0.0996761    dz/dx = -0.00759401    dz/dy = -0.0279194\n",
        "",
    )


def test_the_lectures_example_is_typed_line_by_line(say: Say) -> None:
    out, err = say("x = 4, y = 3", "s = σ(x)", "n = x + s", "q = (x + y)^2", "d = s + q", "r = 1/d", "z = n*r")
    assert out.splitlines()[-1] == "z = 0.0996761    dz/dx = -0.00759401    dz/dy = -0.0279194"
    assert err == ""
    tables, _ = say(":nodes steps", ":table")
    assert re.findall(r"^([a-z])  ", tables, re.M) == [*"snqdrz", *"zrdqns", *"xy"]


def test_explain_is_about_the_last_formula_or_the_one_given(say: Say) -> None:
    out, _ = say("x = 2", "x^2", ":explain")
    assert "v1 = x^2 = 2^2 = 4" in out
    out, _ = say(":explain 3*x")
    assert "v1 = 3 · x = 3 · 2 = 6" in out


def test_definitions_over_an_index_are_kept_as_they_were_typed(say: Say) -> None:
    network = [r"b = \sum_{j=0}^{D} \beta_j z_j", r"z_j = \sigma(a_j)", r"a_j = \sum_{i=0}^{1} \alpha_{ji} x_i"]
    say("D = 1", "beta = [0.5, -0.25]", "alpha = [1, 2; 3, 4]", "x = [1, 2]", *reversed(network[1:]))
    out, err = say(network[0])
    assert (out.splitlines()[0], err) == ("b = 0.246658", "")
    assert say("2b")[0].splitlines()[0] == "z = 0.493315"
    assert say(":vars")[0].splitlines()[-3:] == [
        "a_j = sum(alpha_ji*x_i, i, 0, 1)",
        "z_j = sigmoid(a_j)",
        "b = sum(beta_j*z_j, j, 0, D)",
    ]
    assert "z_1 = σ(a_1)" in say(":explain")[0]
    assert say(":clear z_j", r"\theta = (1, 2)", ":vars")[0].splitlines()[4] == "theta = [1, 2]"


def test_json_and_latex_are_those_of_eval(say: Say) -> None:
    out, _ = say("x = 2", ":json x^2")
    document = json.loads(out)
    assert (document["schema"], document["grad"]) == ("backprop.eval/1", {"x": 4.0})
    out, _ = say(":latex")
    assert r"\begin{tabular}" in out


def test_wrt_holds_until_it_is_taken_back(say: Say) -> None:
    assert say("x = 2", "y = 3", ":wrt y", "x*y")[0] == "by y\nz = 6    dz/dy = 2\n"
    assert say(":wrt", "x*y")[0] == "by every variable\nz = 6    dz/dx = 3    dz/dy = 2\n"


def test_values_are_constant_formulas_and_arrays_and_files(say: Say, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text("[5, 6]")
    out, _ = say("t = pi/2", "W = [1, 2; 3, 4]", f"v = @{tmp_path / 'v.json'}", ":vars")
    assert out.splitlines() == ["t = 1.5708", "W = [1, 2; 3, 4]", "v = [5, 6]"]
    assert say("sum(W @ v)") == ("z = 56\ndz/dW = ⎡5  6⎤\n        ⎣5  6⎦\ndz/dv = [4, 6]\n", "")


def test_a_definition_waits_for_its_values(say: Say) -> None:
    assert say("s = x^2") == ("s = x^2\n", "")
    assert say("x = 3", "s + 1")[0] == "z = 10    dz/dx = 6\n"


def test_let_keeps_and_prints_nothing(say: Say) -> None:
    assert say(":let a = 2", ":let b = a*x", "x = 5") == ("", "")
    assert say("b")[0] == "z = 10    dz/da = 5    dz/dx = 2\n"


def test_functions_are_kept_too(say: Say) -> None:
    say("x = 3", "f(t) = t^2", "g(t) = f(t) + 1")
    assert say("g(x)")[0] == "z = 10    dz/dx = 6\n"


def test_a_value_takes_the_place_of_a_definition_and_the_other_way_round(say: Say) -> None:
    say("x = 2", "s = x^2", "s = 7")
    assert say("s + 0*x")[0] == "z = 7    dz/ds = 1    dz/dx = 0\n"
    say(":clear s", "s = x^2")
    assert say("s + 0*x")[0] == "z = 4    dz/dx = 4\n"


def test_a_name_may_be_defined_anew(say: Say) -> None:
    say("x = 2", "s = x^2", "s = x^3")
    assert say("s + 1")[0] == "z = 9    dz/dx = 12\n"


def test_clear_forgets(say: Say) -> None:
    say("x = 2", "y = 3", ":clear x")
    assert say("x")[1].startswith("error: x has no value\n")
    assert say(":clear", ":vars") == ("", "")


def test_help_names_every_command(say: Say) -> None:
    assert set(COMMANDS) <= set(re.findall(r":\w+", say(":help")[0]))


def test_a_command_may_be_shortened(say: Say) -> None:
    assert say("x = 2", ":ta x^2")[0].startswith("Forward pass: x = 2")


def test_quit_leaves() -> None:
    assert not Session().take(":quit")


def test_an_output_has_not_the_name_of_a_definition(say: Say) -> None:
    assert say("x = 2", "z = x^2", "2*z")[0] == "z = 4    dz/dx = 4\nf = 8    df/dx = 8\n"


# Errors


def test_an_error_shows_its_place_and_the_session_goes_on(say: Say) -> None:
    out, err = say("x = 2", "x +* 2", "x^2")
    assert out == "z = 4    dz/dx = 4\n"
    assert err.splitlines()[1:3] == ["  | x +* 2", "  |   ^^"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("u + 1", "u has no value"),
        (":foo", "there is no command :foo"),
        (":let", ":let lacks a name and a formula"),
        (":let x + 1", "x + 1 gives nothing a name"),
        (":explain", "there is no formula yet"),
        (":table x = 3", "a formula is expected"),
        (":nodes rows", "nodes are gates, elementary, steps"),
        (":wrt 3", "takes variables' names"),
        (":clear q", "nothing is kept under the name q"),
        (":vars x", ":vars takes nothing"),
        ("s = s + 1", "s is defined by itself"),
        ("x = @nowhere.json", "cannot be read"),
        ("x = 1e999", "this number is too large"),
        ("log(-1)", "log(x) needs x > 0"),
        ("\x1b[31m", "U+001B"),
    ],
)
def test_errors_say_what_is_wrong(say: Say, line: str, message: str) -> None:
    out, err = say(line)
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert "\x1b" not in err


def test_a_definition_that_cannot_be_is_not_kept(say: Say) -> None:
    say("c = d", "d = c")
    assert say(":vars") == ("c = d\n", "")


def test_a_note_follows_its_formula(say: Say) -> None:
    assert say("x = 0", "relu(x)")[1].startswith("note: relu(x) has a kink")


# From a pipe


def test_a_pipe_gets_no_prompt_and_the_exit_code_is_0() -> None:
    done = piped("x = 2\n\nx^2\nx +\n:quit\nx^3\n")
    assert done.stdout == b"z = 4    dz/dx = 4\n"
    assert done.stderr.startswith(b"error: ")
    assert done.returncode == 0


def test_brackets_hold_lines_together() -> None:
    assert piped("x = 2\nW = [1, 2;\n 3, 4]\nsum(\n  W*x\n) + (1 # one (\n)\n").stdout.startswith(b"z = 21\n")


def test_an_empty_line_ends_open_brackets() -> None:
    done = piped("(1 +\n\n2\n")
    assert done.stdout == b"z = 2\n"
    assert done.stderr.startswith(b"error: ")


def test_the_last_line_may_lack_its_end() -> None:
    assert piped("1 + 1").stdout == b"z = 2\n"
    assert piped("").stdout == b""


@pytest.mark.parametrize(
    ("line", "message"),
    [(b"\xff\xfe", b"not UTF-8"), (b"x" * (LINE_LIMIT + 10), b"a line has at most"), (b"x\0", b"NUL")],
)
def test_a_line_that_is_no_text_is_told_and_passed_over(line: bytes, message: bytes) -> None:
    done = piped(line + b"\n1 + 1\n")
    assert message in done.stderr
    assert done.stdout == b"z = 2\n"


def test_options_are_about_all_lines() -> None:
    assert piped("1/3\n", "--sig-digits", "3").stdout == b"z = 0.333\n"
    assert piped("1/0\n", "--ieee").stdout == b"z = inf\n"


def test_a_pipe_leaves_no_history(tmp_path: Path) -> None:
    piped("1 + 1\n", XDG_STATE_HOME=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_ends_it_without_noise(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text(":json 1+1\n" * 5_000)
    with lines.open("rb") as file:
        started = subprocess.Popen(REPL, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.readline()
        started.stdout.close()
        assert started.stderr.read() == b""
        started.stderr.close()
        assert started.wait(timeout=60) == 141


# Completion


def test_words_are_completed_by_what_is_kept_and_what_there_is() -> None:
    assert completions("sigm", "2*", ["sigma_1"]) == ["sigma_1", "sigma(", "sigmoid("]
    assert completions(":ex", "", []) == [":explain "]
    assert completions(":ex", "x ", []) == []
    assert completions("", "", ["x"]) == []
    helpers = {entry.name for entry in primitives.TABLE.values() if entry.helper}
    assert not helpers & {word.rstrip("(") for letter in "abcdefgh" for word in completions(letter, "", [])}


# History


def test_the_history_is_where_xdg_says() -> None:
    assert history_file({"XDG_STATE_HOME": "/state"}) == "/state/backprop/history"
    usual = os.path.expanduser("~/.local/state/backprop/history")
    assert history_file({}) == history_file({"XDG_STATE_HOME": "relative"}) == usual


def test_the_history_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "backprop" / "history"
    before = os.umask(0)
    try:
        remember(str(path), ["x = 2", "x^2", "\x1b[31m"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert remembered(str(path)) == ["x = 2", "x^2"]
    assert [entry.name for entry in path.parent.iterdir()] == ["history"]


def test_a_history_that_cannot_be_had_is_none_and_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "elsewhere").write_text("secret\n")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    remember(str(tmp_path / "file" / "history"), ["x"])
    for name in ("nothing", "link", "pipe", "", "file/history"):
        assert remembered(str(tmp_path / name)) == []
    remember(str(tmp_path / "link"), ["x"])
    assert (tmp_path / "elsewhere").read_text() == "secret\n"
    assert capsys.readouterr() == ("", "")


def test_a_history_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("x\n" * (repl.HISTORY + 500))
    assert len(remembered(str(path))) == repl.HISTORY
    path.write_text("x" * (repl.HISTORY_LIMIT + 1))
    assert remembered(str(path)) == []


# At a terminal


class Terminal:
    """A program at a pseudo-terminal: what is typed, and what is seen."""

    def __init__(self, state: Path) -> None:
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.environ.update(
                XDG_STATE_HOME=str(state), TERM="xterm", COLUMNS="80", NO_COLOR="1", PYTHONUTF8="1", INPUTRC="/dev/null"
            )
            os.execv(sys.executable, REPL)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def see(self, pattern: str, seconds: float = 30) -> str:
        """Wait until this is seen, and give what was seen up to its end."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found is not None:
                before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
                return before
            assert time.monotonic() < end, f"{pattern!r} is not to be seen in {self.seen!r}"
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    got = os.read(self.descriptor, 4096)
                except OSError:  # The terminal is closed.
                    got = b""
                assert got, f"{pattern!r} is not to be seen in {self.seen!r}"
                self.seen += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", got.decode(errors="replace"))

    def interrupt(self, pattern: str) -> str:
        """Press Ctrl-C until this is seen: Python's readline overlooks one that comes as it begins to wait."""
        for _ in range(9):
            time.sleep(0.1)
            self.type("\x03")
            try:
                return self.see(pattern, 2)
            except AssertionError:
                continue
        self.type("\x03")
        return self.see(pattern)

    def end(self) -> int:
        """Wait for the program to leave, and give its exit code."""
        while True:
            try:
                if not os.read(self.descriptor, 4096):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def close(self) -> None:
        try:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.descriptor)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    pytest.importorskip("readline")
    found = Terminal(tmp_path)
    yield found
    found.close()


def test_lines_are_edited_completed_and_remembered(terminal: Terminal, tmp_path: Path) -> None:
    terminal.see(r"Ctrl-D leaves\r\n> ")
    terminal.type("x = 22\x7f\n")  # A backspace.
    terminal.see(r"\n> ")
    terminal.type("sigmo\t")
    terminal.see(r"sigmoid\(")
    terminal.type("x)\n")
    terminal.see(r"z = 0\.880797    dz/dx = 0\.104994\r\n> ")
    terminal.type(":expl\t\n")
    terminal.see("v1 is the output z: the pass starts here[^>]*> ")
    terminal.type("\x1b[A\x1b[A\x01" + "1 + \n")  # Up, up, to the beginning of the line.
    terminal.see(r"z = 1\.8808    dz/dx = 0\.104994\r\n> ")
    terminal.type("\x04")
    assert terminal.end() == 0
    history = tmp_path / "backprop" / "history"
    assert history.read_text().splitlines() == ["x = 2", "sigmoid(x)", ":explain ", "1 + sigmoid(x)"]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_ctrl_c_clears_the_line_and_what_is_open(terminal: Terminal) -> None:
    terminal.see(r"> ")
    terminal.type("1 + 2 +")
    terminal.see(r"1 \+ 2 \+")
    terminal.interrupt(r"\n> ")
    terminal.type("(3 +\n")
    terminal.see(r"\. ")
    terminal.interrupt(r"\n> ")
    terminal.type("3*4\n")
    terminal.see(r"z = 12\r\n> ")
    terminal.type(":quit\n")
    assert terminal.end() == 0


def test_brackets_go_on_in_the_next_line_and_errors_do_not_end_it(terminal: Terminal) -> None:
    terminal.see(r"> ")
    terminal.type("(1 +\n")
    terminal.see(r"\n\. ")
    terminal.type("2)*3\n")
    terminal.see(r"z = 9\r\n> ")
    terminal.type("1 +* 2\n")
    terminal.see(r"\| 1 \+\* 2\r\n  \|   \^\^\r\n")
    terminal.see(r"> ")
    terminal.type("\x04")
    assert terminal.end() == 0
