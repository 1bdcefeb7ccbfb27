"""Exit codes, streams, colour, width, and files that are written whole or not at all."""

import errno
import io
import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time

import pytest

from backpropcli import output
from backpropcli.cli import main

COMMAND = [sys.executable, "-m", "backpropcli"]
PLAIN = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "BACKPROP_DEBUG")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in PLAIN:
        monkeypatch.delenv(name, raising=False)


def process(*arguments, **options):
    options = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "timeout": 30,
        **options,
    }
    return subprocess.run([*COMMAND, *arguments], check=False, **options)


def shell(line, **options):
    """A line of the shell in which `$backprop` is the program."""
    environment = {**os.environ, "backprop": " ".join(COMMAND)}
    return subprocess.run(
        ["bash", "-c", line], check=False, capture_output=True, timeout=30, env=environment, **options
    )


# Exit codes


def test_results_go_to_stdout_and_notes_to_stderr(capsys):
    assert main(["eval", "abs(x)", "--x", "0", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["notes"]
    assert captured.err.startswith("note: ")
    assert "\x1b" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["eval", "x", "--x", "1"], 0),
        (["eval", "x +", "--x", "1"], 2),
        (["eval", "log(x)", "--x", "-1"], 2),
        (["eval", "-f", "/nowhere"], 3),
        (["eval", "x", "--at", "@/nowhere.json"], 3),
    ],
)
def test_exit_codes(arguments, code, capsys):
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert bool(captured.out) == (code == 0)
    assert captured.err.startswith("error: " if code else "")


def test_a_fault_of_the_program_is_one_line_and_a_traceback_if_asked_for(monkeypatch, capsys):
    from backpropcli.formula import Formula

    def fail(*_, **__):
        raise RuntimeError("bad \x1b[31m thing")

    monkeypatch.setattr(Formula, "at", fail)
    assert main(["eval", "x", "--x", "1"]) == 70
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "error: internal: RuntimeError: bad <U+001B>[31m thing"
    assert "Traceback" not in captured.err
    monkeypatch.setenv("BACKPROP_DEBUG", "1")
    assert main(["eval", "x", "--x", "1"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_running_out_of_stack_or_memory_is_internal(monkeypatch, capsys):
    from backpropcli.formula import Formula

    for problem in (RecursionError, MemoryError):

        def fail(*_, problem=problem, **__):
            raise problem

        monkeypatch.setattr(Formula, "at", fail)
        assert main(["eval", "x", "--x", "1"]) == 70
        assert capsys.readouterr().err.startswith(f"error: internal: {problem.__name__}\n")


def test_control_c_is_130_without_noise(monkeypatch, capsys):
    from backpropcli.formula import Formula

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Formula, "at", interrupt)
    assert main(["eval", "x", "--x", "1"]) == 130
    assert capsys.readouterr() == ("", "")


def test_control_c_while_waiting_for_input_is_130():
    waiting = subprocess.Popen(
        [*COMMAND, "eval", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.7)
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("arguments", ["eval x --x 1", "eval x --x 1 --json", "--version", "eval --help"])
def test_stdout_that_is_closed_or_full_is_74_and_a_reader_that_went_away_141(arguments):
    closed = shell(f"$backprop {arguments} >&-")
    assert closed.returncode == 74
    assert closed.stderr == b"error: standard output is closed\n"
    full = shell(f"$backprop {arguments} >/dev/full")
    assert full.returncode == 74
    error, hint = full.stderr.splitlines()
    assert error == b"error: standard output cannot be written: no space left on device"
    assert hint == b"hint: make room there, or write elsewhere"
    gone = shell(f"$backprop {arguments} | true; exit ${{PIPESTATUS[0]}}")
    assert gone.returncode == 141
    assert gone.stderr == b""


def test_a_large_result_to_a_reader_that_stops(tmp_path):
    (tmp_path / "formula").write_text("+".join(["x"] * 20_000))
    gone = shell(f"$backprop eval -f {tmp_path}/formula --x 1 --json | head -c 10; exit ${{PIPESTATUS[0]}}")
    assert gone.returncode == 141
    assert gone.stderr == b""
    assert len(gone.stdout) == 10


def test_a_closed_stderr_changes_nothing():
    assert shell("$backprop eval x 2>&-").returncode == 2
    assert shell("$backprop eval x --x 1 --only value 2>&-").stdout == b"z = 1\n"
    assert shell("$backprop eval x 2>/dev/full").returncode == 2


def test_a_closed_stdin_changes_nothing_unless_it_is_read():
    assert shell("$backprop eval x --x 1 --only value <&-").stdout == b"z = 1\n"
    closed = shell("$backprop eval - --x 1 <&-")
    assert closed.returncode == 2
    assert closed.stderr == b"error: the formula is to come from standard input, which is closed\n"


def test_the_shells_substitutions_are_files():
    assert shell("$backprop eval -f <(sleep 0.2; echo 'x + 1') --x 1 --only value").stdout == b"z = 2\n"
    assert shell("""$backprop eval x --at @<(echo '{"x": 2}') --only value""").stdout == b"z = 2\n"


def test_bytes_that_are_no_text_are_refused():
    for arguments in (
        [b"eval", b"\xff\xfe"],
        [b"eval", b"x", b"--x", b"\xff"],
        [b"eval", b"x", b"--\xff", b"1"],
        [b"\xff"],
    ):
        refused = process(*arguments)
        assert refused.returncode == 2
        assert refused.stdout == b""
        assert b"<U+DCFF>" in refused.stderr
        assert b"\xff" not in refused.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_every_encoding_can_be_written(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (["eval", "σ(θ_1) + x", "--θ_1", "1", "--x", "2"], ["eval", "λ*x +"]):
        for form in ([], ["--json"]):
            ran = process(*arguments, *form, env=environment)
            assert ran.returncode == (2 if arguments[1].endswith("+") else 0)
            (ran.stdout + ran.stderr).decode(encoding)
    assert process("eval", "--help", env=environment).returncode == 0
    assert json.loads(process("eval", "σ(x)", "--x", "1", "--json", env=environment).stdout)["formula"] == "σ(x)"


# Colour and width


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "3", "CLICOLOR": "0", "TERM": "dumb"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "false"}, True, False),
        ("auto", {"FORCE_COLOR": ""}, True, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"CLICOLOR": "1"}, False, False),
        ("auto", {"CLICOLOR": "1"}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
    ],
)
def test_colour_follows_the_option_then_the_environment_then_the_terminal(choice, environment, terminal, colored):
    assert output.colored(choice, terminal, environment) is colored


def test_colour_reaches_the_table(capsys):
    assert main(["eval", "x*y", "--x", "1", "--y", "2", "--color", "always"]) == 0
    assert "\x1b[" in capsys.readouterr().out
    assert main(["eval", "x*y", "--x", "1", "--y", "2"]) == 0
    assert "\x1b[" not in capsys.readouterr().out


def test_width_is_the_terminals_unless_columns_says_otherwise():
    class Stream(io.StringIO):
        def isatty(self):
            return True

        def fileno(self):
            return follower

    leader, follower = pty.openpty()
    try:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 93, 0, 0))
        assert output.width(Stream(), {}) == 93
        assert output.width(Stream(), {"COLUMNS": "50"}) == 50
    finally:
        os.close(leader)
        os.close(follower)
    assert output.width(io.StringIO(), {}) is None
    assert output.width(None, {}) is None
    assert output.width(io.StringIO(), {"COLUMNS": "50"}) == 50
    for junk in ("", "0", "-5", "x", "9" * 100, "١"):
        assert output.width(io.StringIO(), {"COLUMNS": junk}) is None


# Files


def write(path, text="new\n"):
    output.write([text], str(path))


def test_a_file_is_written_whole(tmp_path, capsys):
    target = tmp_path / "result.json"
    assert main(["eval", "x^2", "--x", "3", "--json", "-o", str(target)]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads(target.read_text())["value"] == 9
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_file_gets_no_colour_and_every_character(tmp_path):
    target = tmp_path / "table.txt"
    assert main(["eval", "σ(θ)", "--θ", "0", "-o", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "─" in text


def test_a_dash_is_standard_output(capsys):
    assert main(["eval", "x", "--x", "1", "--only", "value", "-o", "-"]) == 0
    assert capsys.readouterr().out == "z = 1\n"


def test_a_new_files_permissions_are_the_umasks_and_an_old_ones_are_kept(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o640
    os.chmod(tmp_path / "new", 0o604)
    write(tmp_path / "new", "newer\n")
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o604
    assert (tmp_path / "new").read_text() == "newer\n"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "old"
    target.write_text("old\n")

    def pieces():
        yield "new" * 100_000
        raise RuntimeError

    with pytest.raises(RuntimeError):
        output.write(pieces(), str(target))
    assert target.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["old"]


def test_a_reader_never_sees_half_a_file(tmp_path):
    target = tmp_path / "old"
    target.write_text("old\n")

    def pieces():
        for _ in range(10):
            yield "new\n" * 50_000
            assert target.read_text() == "old\n"

    output.write(pieces(), str(target))
    assert len(target.read_text()) == 2_000_000


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real").write_text("old\n")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new\n"


def test_what_a_killed_run_left_is_swept(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / f".out.{gone.pid}.tmp").write_text("half")
    (tmp_path / f".out.{os.getppid()}.tmp").write_text("of a run that goes on")
    (tmp_path / ".out.mine.tmp").write_text("the user's")
    (tmp_path / f".other.{gone.pid}.tmp").write_text("another file's")
    write(tmp_path / "out")
    left = {f".out.{os.getppid()}.tmp", ".out.mine.tmp", f".other.{gone.pid}.tmp", "out"}
    assert set(os.listdir(tmp_path)) == left


def test_a_device_and_a_pipe_are_written_directly(tmp_path):
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
        write(tmp_path / "pipe")
        assert reader.communicate(timeout=20)[0] == b"new\n"
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    assert shell("$backprop eval x --x 1 --only value -o /dev/stdout | cat").stdout == b"z = 1\n"
    (tmp_path / "log").write_text("before\n")
    assert shell(f"$backprop eval x --x 1 --only value -o /dev/stdout >> {tmp_path}/log").returncode == 0
    assert (tmp_path / "log").read_text() == "before\nz = 1\n"


def test_a_full_device_is_74(capsys):
    assert main(["eval", "x", "--x", "1", "-o", "/dev/full"]) == 74
    assert capsys.readouterr().err == (
        "error: /dev/full cannot be written: no space left on device\nhint: make room there, or write elsewhere\n"
    )


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("", "-o needs a file's name", "as in -o result.txt"),
        (".", "is a folder, not a file", "add a file's name to it"),
        ("..", "is a folder, not a file", "add a file's name to it"),
        ("missing/out", "its folder does not exist", "make the folder first"),
        ("missing/deeper/out", "its folder does not exist", "make the folder first"),
        ("missing/", "-o missing/ names a folder that does not exist", "make the folder and add a file's name"),
        ("file/", "-o file/ names a folder, but is a file", "leave out the last /"),
        ("file/out", "cannot be written: its folder is a file", "name another folder"),
        ("loop/out", "cannot be written: too many levels of symbolic links", "name another file or folder"),
        ("loop", "cannot be written: too many levels of symbolic links", "name another file or folder"),
        ("n" * 300, "cannot be written: file name too long", "give a shorter name"),
        ("\x1b[31m/out", "-o <U+001B>[31m/out cannot be written: its folder does not exist", "make the folder first"),
        ("/dev/no-such-device", "there is no device of this name", "name a file in another folder"),
        ("/dev/fd/999", "cannot be written: bad file descriptor", "name a file"),
        pytest.param(
            "/proc/1/mem",
            "-o /proc/1/mem cannot be written: ",
            "name a file in ",
            marks=pytest.mark.skipif(not os.path.exists("/proc/1/mem"), reason="Linux's processes"),
        ),
        pytest.param(
            "/proc/result",
            "-o /proc/result cannot be written: its folder takes no new files",
            "name a file in another folder",
            marks=pytest.mark.skipif(not os.path.exists("/proc/1/mem"), reason="Linux's processes"),
        ),
    ],
)
def test_a_file_that_cannot_be_written_is_said_so(tmp_path, monkeypatch, capsys, name, message, hint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("old\n")
    (tmp_path / "loop").symlink_to("loop")
    assert main(["eval", "x", "--x", "1", "-o", name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error, _, after = captured.err.partition("\nhint: ")
    assert message in error
    assert after.startswith(hint)
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]
    assert (tmp_path / "file").read_text() == "old\n"


@pytest.mark.parametrize(
    ("number", "said", "hint", "code"),
    [
        (errno.EACCES, "permission denied", "name a file in a folder of yours", 2),
        (errno.EPERM, "operation not permitted", "name a file in a folder of yours", 2),
        (errno.EROFS, "read-only file system", "name a file in another folder", 2),
        (errno.ENOSPC, "no space left on device", "make room there, or write elsewhere", 74),
        (errno.EDQUOT, "disk quota exceeded", "make room there, or write elsewhere", 74),
    ],
)
def test_what_the_system_refuses_has_a_way_out(tmp_path, monkeypatch, capsys, number, said, hint, code):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(output.os, "open" if code == 2 else "fsync", refuse)
    assert main(["eval", "x", "--x", "1", "-o", str(tmp_path / "out")]) == code
    monkeypatch.undo()
    shown = f"-o {tmp_path}/out" if code == 2 else f"{tmp_path}/out"
    assert capsys.readouterr().err == f"error: {shown} cannot be written: {said}\nhint: {hint}\n"
    assert os.listdir(tmp_path) == []


def test_a_limit_on_the_size_of_files_is_named(tmp_path):
    ran = shell(f"ulimit -f 1; $backprop eval 'sin(x)*exp(x)*cos(x)' --x 1 --json -o {tmp_path}/out")
    assert ran.returncode == 74
    assert ran.stderr.decode() == (
        f"error: {tmp_path}/out cannot be written: it would be larger than the 1,024 bytes that files may have here\n"
        "hint: raise the limit with ulimit -f, or ask for less with --only\n"
    )
    assert os.listdir(tmp_path) == []


def test_a_folder_that_may_not_be_listed_can_be_written_to(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(output.os, "listdir", refuse)
    opened = os.open
    monkeypatch.setattr(
        output.os, "open", lambda path, *rest: refuse() if path == str(tmp_path) else opened(path, *rest)
    )
    write(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "new\n"


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="a folder of Linux's")
def test_a_folder_among_the_devices_holds_files():
    target = f"/dev/shm/backprop-{os.getpid()}.txt"
    try:
        write(target)
        assert stat.S_ISREG(os.stat(target).st_mode)
        write(target, "newer\n")
        with open(target) as file:
            assert file.read() == "newer\n"
    finally:
        os.unlink(target)


def test_a_closed_stdout_does_not_matter_to_a_file(tmp_path):
    assert shell(f"$backprop eval x --x 1 --only value -o {tmp_path}/out >&-").returncode == 0
    assert (tmp_path / "out").read_text() == "z = 1\n"
