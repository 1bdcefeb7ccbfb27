"""Parts: `backprop map` over many Parquet files, in several processes, on a cluster, killed and resumed."""

import io
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import kills
import pytest

from backpropcli import Formula
from backpropcli.cli import main
from backpropcli.errors import BackpropError, DataError
from backpropcli.mapping import Asked
from backpropcli.parts import Task, local, one
from backpropcli.parts._schema import SCHEMA
from backpropcli.parts.manifest import NAME

pyarrow = pytest.importorskip("pyarrow", reason="parts are Parquet files: pip install 'backpropcli[parquet]'")
parquet = pytest.importorskip("pyarrow.parquet")

LECTURE = "(x + σ(x)) / (σ(x) + (x + y)^2)"
COMMAND = [sys.executable, "-m", "backpropcli", "map"]


@pytest.fixture
def run(monkeypatch, capfd):
    """Runs `backprop map` in this process: its exit code, and what it wrote to stderr."""

    def runner(*arguments):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        capfd.readouterr()
        code = main(["map", *map(str, arguments)])
        return code, capfd.readouterr().err

    return runner


def write_parts(folder, count=3, rows=50, seed=1, low=-1.0):
    generator = random.Random(seed)
    folder.mkdir(exist_ok=True)
    for k in range(count):
        columns = {
            "name": [f"{k}-{m}" for m in range(rows)],
            "x": [generator.uniform(low, 3) for _ in range(rows)],
            "y": [generator.uniform(0.1, 3) for _ in range(rows)],
        }
        parquet.write_table(pyarrow.table(columns), folder / f"part-{k}.parquet")
    return folder


@pytest.fixture
def parts(tmp_path):
    return write_parts(tmp_path / "parts")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest(folder):
    return json.loads((folder / NAME).read_text(encoding="utf-8"))


def footer_of(path):
    return parquet.read_metadata(path).metadata[b"backprop.part"].decode()


# What comes out


def test_every_part_holds_what_the_formula_gives(run, parts, tmp_path):
    code, err = run(LECTURE, parts, "-o", tmp_path / "out")
    assert code == 0
    assert err.startswith("150 rows, in 3 parts, in ")
    for k in range(3):
        name = f"part-{k}.parquet"
        before, after = parquet.read_table(parts / name), parquet.read_table(tmp_path / "out" / name)
        assert after.column_names == ["name", "x", "y", "value", "grad_x", "grad_y"]
        assert after.select(before.column_names).equals(before)
        for row in after.to_pylist():
            report = Formula(LECTURE).at(x=row["x"], y=row["y"])
            assert (row["value"], row["grad_x"], row["grad_y"]) == (report.value, *report.grad.values())


def test_files_processes_and_folders_give_the_same_bytes(run, parts, tmp_path):
    files = sorted(parts.iterdir())
    assert run(LECTURE, parts, "-o", tmp_path / "a")[0] == 0
    assert run(LECTURE, *files, "-o", f"{tmp_path / 'b'}/")[0] == 0
    assert run(LECTURE, *reversed(files), "--jobs", 2, "-o", tmp_path / "c")[0] == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")


def test_the_manifest_says_what_was_done(run, parts, tmp_path):
    code, err = run("abs(x - 1) + 1/max(x, 0)", parts, "--on-error", "null", "-o", tmp_path / "out", "--prefix", "f_")
    found = manifest(tmp_path / "out")
    jsonschema.validate(found, SCHEMA)
    assert code == 0
    assert found["complete"]
    assert [part["name"] for part in found["parts"]] == [f"part-{k}.parquet" for k in range(3)]
    tables = [parquet.read_table(tmp_path / "out" / part["name"]) for part in found["parts"]]
    bad = [table["f_value"].null_count for table in tables]
    assert [part["bad"] for part in found["parts"]] == bad
    assert found["bad"] == sum(bad) > 10
    assert found["rows"] == 150
    first = found["parts"][0]["bad_rows"][0]
    assert first.startswith("row ")
    assert " of part-0.parquet: " in first
    assert f"error: {first}" in err
    assert f"150 rows, {sum(bad)} of them bad, in 3 parts" in err


def test_notes_of_all_parts_are_counted_together(run, tmp_path):
    for k, xs in enumerate(([1.0, 0.0], [0.0, 0.0, 2.0], [3.0])):
        (tmp_path / "parts").mkdir(exist_ok=True)
        parquet.write_table(pyarrow.table({"x": xs}), tmp_path / "parts" / f"{k}.parquet")
    code, err = run("abs(x)", tmp_path / "parts", "-o", tmp_path / "out")
    assert code == 0
    assert "note: abs(x) has a kink at x = 0" in err
    assert "(3 rows, the first of them row 2 of 0.parquet)" in err
    (note,) = manifest(tmp_path / "out")["notes"]
    assert (note["rows"], note["first"]) == (3, "row 2 of 0.parquet")
    again = run("abs(x)", tmp_path / "parts", "-o", tmp_path / "out")[1]
    assert "(3 rows, the first of them row 2 of 0.parquet)" in again
    assert "in 3 parts (3 of them there already)" in again


def test_a_part_without_rows_keeps_its_columns(run, parts, tmp_path):
    table = parquet.read_table(parts / "part-0.parquet")
    parquet.write_table(table.slice(0, 0), parts / "part-1.parquet")
    assert run("x*y", parts, "-o", tmp_path / "out")[0] == 0
    schemas = [parquet.read_schema(tmp_path / "out" / f"part-{k}.parquet").remove_metadata() for k in range(2)]
    assert schemas[0] == schemas[1]


def test_readers_of_whole_folders_pass_over_the_manifest(run, parts, tmp_path):
    run("x*y", parts, "-o", tmp_path / "out")
    assert parquet.read_table(tmp_path / "out").num_rows == 150
    assert run("value^2", tmp_path / "out", "--only", "value", "--prefix", "g_", "-o", tmp_path / "again")[0] == 0


def test_values_options_and_columns_reach_every_part(run, parts, tmp_path):
    options = ["--w", "[1, 2]", "--rename", "a=y", "--hessian", "--jvp", "x=2", "--wrt", "x", "--prefix", "r_"]
    assert run("u = 3; sum(w)*x^2*a + u", parts, *options, "--jobs", 2, "-o", tmp_path / "out")[0] == 0
    for k in range(3):
        for row in parquet.read_table(tmp_path / "out" / f"part-{k}.parquet").to_pylist():
            x, a = row["x"], row["y"]
            assert row["r_value"] == pytest.approx(3 * x * x * a + 3)
            assert row["r_grad_x"] == pytest.approx(6 * x * a)
            assert row["r_d2_x_x"] == pytest.approx(6 * a)
            assert row["r_jvp"] == pytest.approx(12 * x * a)


# Rows and files that are wrong


def test_a_bad_row_ends_it_and_leaves_the_parts_that_are_whole(run, tmp_path):
    parts = write_parts(tmp_path / "parts", low=0.5)
    table = parquet.read_table(parts / "part-1.parquet").to_pydict()
    table["x"][6] = -1.0
    parquet.write_table(pyarrow.table(table), parts / "part-1.parquet")
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        code, err = run("log(x)", parts, "--jobs", jobs, "-o", out)
        assert code == 3
        assert err == (
            "error: row 7 of part-1.parquet: log(x) needs x > 0, but x = -1\n  | log(x)\n  | ^^^^^^\n"
            "hint: --on-error skip leaves such rows out, --on-error null keeps them without results\n"
        )
        found = manifest(out)
        assert not found["complete"]
        assert "part-1.parquet" not in contents(out)
        assert {part["name"] for part in found["parts"]} <= contents(out).keys()
        assert run("log(x)", parts, "--on-error", "skip", "-o", tmp_path / f"skipped{jobs}")[0] == 0
        assert manifest(tmp_path / f"skipped{jobs}")["bad"] == 1


def test_a_hundred_bad_rows_are_told_and_the_others_counted(run, tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    for k in range(3):
        parquet.write_table(pyarrow.table({"x": [-1.0] * 120}), parts / f"{k}.parquet")
    code, err = run("log(x)", parts, "--on-error", "skip", "--jobs", 2, "-o", tmp_path / "out")
    assert code == 0
    assert err.count("error: row ") == 100
    assert "... and 260 more\n360 rows, 360 of them bad, in 3 parts" in err
    assert [len(part["bad_rows"]) for part in manifest(tmp_path / "out")["parts"]] == [10] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["PARTS"], 2, "a folder, needs a folder to write to"),
        (["PARTS", "-o", "-"], 2, "a folder, needs a folder to write to"),
        (["PARTS", "-o", "OUT/a.parquet"], 2, "a folder, needs a folder to write to"),
        (["PARTS", "-o", "OUT", "--format", "csv"], 2, "is for Parquet in and out, not csv"),
        (["PARTS", "-o", "OUT", "--plot"], 2, "is about files of rows, and --plot is not"),
        (["--grid", "x=0:1:1", "--jobs", "2", "-o", "OUT"], 2, "--jobs 2 is about files of rows, and --grid is not"),
        (["--jobs", "2", "-o", "OUT"], 2, "--jobs 2 needs files, and standard input is none"),
        (["--engine", "dask", "-", "-o", "OUT"], 2, "--engine dask needs files, and standard input is none"),
        (["rows.csv", "--jobs", "2", "-o", "OUT"], 2, "rows.csv is csv, and parts are Parquet files"),
        (["PARTS", "--cluster", "tcp://127.0.0.1:1", "-o", "OUT"], 2, "--cluster is where Dask is found"),
        (["PARTS", "--engine", "dask", "--cluster", "a", "--jobs", "2", "-o", "OUT"], 2, "hint: leave out one"),
        (["PARTS", "-o", "PARTS"], 2, "part-0.parquet would be written over"),
        (["PARTS", "PARTS", "-o", "OUT"], 2, "two of the files would be written to"),
        (["EMPTY", "-o", "OUT"], 3, "has no Parquet files in it"),
        (["none.parquet", "--jobs", "1", "-o", "OUT"], 3, "none.parquet cannot be read: no such file"),
        (["TEXT", "--jobs", "1", "-o", "OUT"], 3, "is not Parquet, or is damaged"),
        (["PARTS", "-o", "TEXT/a"], 2, "cannot be made: not a directory"),
        (["PARTS", "--jobs", "0", "-o", "OUT"], 2, "--jobs takes a whole number from 1 to 256"),
    ],
)
def test_what_does_not_go_is_said(run, parts, tmp_path, arguments, code, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_bytes(b"PAR1 is how it begins, PAR1")
    places = {"PARTS": parts, "OUT": tmp_path / "out", "EMPTY": tmp_path / "empty", "TEXT": tmp_path / "text.parquet"}
    words = []
    for word in arguments:
        name, slash, rest = word.partition("/")
        words.append(f"{places[name]}{slash}{rest}" if name in places else word)
    found, err = run("x*y", *words)
    assert found == code
    assert message in err
    assert "internal" not in err


def test_a_pipe_is_no_part(tmp_path):
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(DataError, match="is a pipe, and parts are files"):
        one(str(tmp_path / "pipe.parquet"), str(tmp_path), Task(Formula("x")).text())


def test_a_part_that_is_written_to_while_it_is_read_is_refused(monkeypatch, parts, tmp_path):
    part = parts / "part-0.parquet"
    run_before = Formula.lowered

    def touched(*arguments, **options):
        os.utime(part, ns=(1, 1))
        return run_before(*arguments, **options)

    monkeypatch.setattr(Formula, "lowered", touched)
    with pytest.raises(DataError, match="was written to while it was read"):
        one(str(part), str(tmp_path), Task(Formula("x*y")).text())
    assert not (tmp_path / "part-0.parquet").exists()


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as a shell does")
def test_a_device_that_is_full_is_said_and_leaves_nothing_half(tmp_path):
    parts = write_parts(tmp_path / "parts", count=2, rows=5_000)
    for jobs in ("1", "2"):
        out = tmp_path / f"out{jobs}"
        command = " ".join([*map(shlex.quote, [*COMMAND, LECTURE, str(parts), "--jobs", jobs, "-o", str(out)])])
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f 40; exec {command}"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 74
        assert "cannot be written: it would be larger than the 40,960 bytes that files may have here" in done.stderr
        assert contents(out).keys() == {NAME}


# Resuming


def test_a_second_run_makes_nothing_anew(run, parts, tmp_path):
    out = tmp_path / "out"
    run(LECTURE, parts, "-o", out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    code, err = run(f" ({LECTURE}) ", parts, "--jobs", 2, "--threads", 2, "-o", out)
    assert code == 0
    assert "in 3 parts (3 of them there already)" in err
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")} == before


def test_what_lacks_or_was_changed_is_made_anew_and_nothing_else(run, parts, tmp_path):
    out = tmp_path / "out"
    run(LECTURE, parts, "-o", out)
    whole = contents(out)
    (out / "part-0.parquet").unlink()
    (out / "part-1.parquet").write_bytes(whole["part-1.parquet"][:-100])
    assert "(1 of them there already)" in run(LECTURE, parts, "-o", out)[1]
    assert contents(out) == whole
    later = (out / "part-2.parquet").stat().st_mtime_ns + 1_000_000_000
    os.utime(parts / "part-2.parquet", ns=(later, later))
    assert "(2 of them there already)" in run(LECTURE, parts, "-o", out)[1]
    write_parts(tmp_path / "others", seed=2)
    old = (tmp_path / "others" / "part-0.parquet").read_bytes()
    (parts / "part-0.parquet").write_bytes(old)
    os.utime(parts / "part-0.parquet", ns=(1, 1))  # As after a copy that keeps times.
    run(LECTURE, parts, "-o", out)
    held = parquet.read_table(out / "part-0.parquet").select(["name", "x", "y"])
    assert held.equals(parquet.read_table(parts / "part-0.parquet"))


def test_parts_may_come_one_after_the_other(run, parts, tmp_path):
    files = sorted(parts.iterdir())
    for path in files:
        assert run(LECTURE, path, "--jobs", 1, "-o", tmp_path / "out")[0] == 0
    run(LECTURE, parts, "-o", tmp_path / "at_once")
    assert contents(tmp_path / "out") == contents(tmp_path / "at_once")


@pytest.mark.parametrize(
    ("formula", "options", "difference"),
    [
        ("x*y^3", [], "it mapped x*(y^2), and this is x*(y^3)"),
        ("x*y^2", ["--only", "value"], "it mapped x*(y^2) with other options or values"),
        ("x*y^2", ["--y", "2"], "it mapped x*(y^2) with other options or values"),
        ("x*y^2", ["--engine", "numpy"], "it mapped x*(y^2) with other options or values"),
    ],
)
def test_a_folder_of_another_run_is_refused(run, parts, tmp_path, formula, options, difference):
    out = tmp_path / "out"
    run("x*y^2", parts, "-o", out)
    before = contents(out)
    code, err = run(formula, parts, *options, "-o", out)
    assert code == 2
    assert f"error: {out} holds the parts of another run: {difference}\n" in err
    assert err.endswith("hint: name another folder, or remove this one\n")
    assert contents(out) == before


def test_a_folder_of_another_version_is_refused(run, parts, tmp_path):
    out = tmp_path / "out"
    run("x*y", parts, "-o", out)
    text = (out / NAME).read_text(encoding="utf-8").replace('"version": "', '"version": "0.0.')
    hashed = manifest(out)["hash"]
    (out / NAME).write_text(text.replace(hashed, "0" * 64), encoding="utf-8")
    assert run("x*y", parts, "-o", out)[0] == 0  # No part is of that run.
    table = parquet.read_table(out / "part-0.parquet")
    footer = footer_of(out / "part-0.parquet").replace(hashed, "0" * 64)
    parquet.write_table(table.replace_schema_metadata({"backprop.part": footer}), out / "part-0.parquet")
    (out / NAME).write_text(text.replace(hashed, "0" * 64), encoding="utf-8")
    code, err = run("x*y", parts, "-o", out)
    assert code == 2
    assert "it was made by backprop 0.0." in err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other/1"}', "[" * 10_000, '{"schema": NaN}', "\0"])
def test_a_manifest_that_is_none_is_refused(run, parts, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / NAME).write_text(text, encoding="utf-8")
    code, err = run("x*y", parts, "-o", tmp_path / "out")
    assert code == 3
    assert "internal" not in err


@pytest.mark.parametrize(
    "footer", ["", "[]", "{}", '{"schema": "backprop.part/1", "hash": "HASH"}', '{"rows": [[[[', "é"]
)
def test_what_a_part_says_of_itself_is_not_believed_blindly(run, parts, tmp_path, footer):
    out = tmp_path / "out"
    run("x*y", parts, "-o", out)
    whole = contents(out)
    table = parquet.read_table(out / "part-0.parquet")
    held = json.loads(footer_of(out / "part-0.parquet"))
    text = footer.replace("HASH", held["hash"])
    if "HASH" in footer:
        text = json.dumps({**held, "rows": "many", "notes": 3})
    parquet.write_table(table.replace_schema_metadata({"backprop.part": text}), out / "part-0.parquet")
    assert "(2 of them there already)" in run("x*y", parts, "-o", out)[1]
    assert contents(out) == whole


def test_what_a_killed_run_left_is_swept_away(run, parts, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".part-0.parquet.0123456789abcdef.tmp").write_bytes(b"half")
    (out / ".mine.parquet.0123456789abcdef.tmp").write_bytes(b"half")
    assert run("x*y", parts, "-o", out)[0] == 0
    assert {name for name in contents(out) if name.startswith(".")} == {".mine.parquet.0123456789abcdef.tmp"}


# Tasks


def test_a_task_is_read_as_it_was_written():
    formula = Formula("f(t) = t^2; sum(a_k*f(x)^k, k, 0, n) + w", structure={"n": 2}, variables=["w"])
    task = Task(formula, Asked("grad", ("x",), False, True, {"x": 1.0}), {"w": [1.0, -0.0]}, {"x": "X"}, "p_", "skip")
    found = Task.read(task.text())
    assert found.hash() == task.hash()
    assert found.formula.reading == formula.reading
    assert found.mapper().names == task.mapper().names
    assert str(found.fixed["w"]) == "[1.0, -0.0]"


def test_the_hash_tells_what_changes_a_part():
    base = Task(Formula("x*y"))
    same = [Task(Formula(" (x)*y ")), base._replace(threads=4)]
    others = [
        Task(Formula("y*x")),
        Task(Formula("x*y*1.0000000000000002")),
        base._replace(asked=Asked(only="value")),
        base._replace(asked=Asked(wrt=("x",))),
        base._replace(asked=Asked(jvp={"x": 1.0})),
        base._replace(fixed={"x": 0.0}),
        base._replace(fixed={"x": -0.0}),
        base._replace(fixed={"x": [0.0]}),
        base._replace(renamed={"x": "a"}),
        base._replace(prefix="p"),
        base._replace(on_error="skip"),
        base._replace(engine="numpy"),
        base._replace(ieee=True),
        base._replace(strict=True),
    ]
    assert {task.hash() for task in same} == {base.hash()}
    assert len({task.hash() for task in others} | {base.hash()}) == len(others) + 1


def test_a_task_of_another_version_is_refused(parts, tmp_path):
    text = Task(Formula("x*y")).text().replace('"version": "', '"version": "9')
    with pytest.raises(BackpropError, match="the parts are asked for by backprop 9"):
        one(str(parts / "part-0.parquet"), str(tmp_path), text)


def test_paths_and_formulas_are_data(run, tmp_path):
    """Whatever names files have and texts say, they reach the processes as they are."""
    folder = tmp_path / "ünï 'q\" $(x) \n"
    parts = write_parts(folder, count=2, rows=3)
    (parts / "part-1.parquet").rename(parts / os.fsdecode(b"\xff--jobs.parquet"))
    out = tmp_path / "o u t"
    assert run("x*y # import os; os.abort()", parts, "--jobs", 2, "-o", out)[0] == 0
    with (out / os.fsdecode(b"\xff--jobs.parquet")).open("rb") as file:
        assert parquet.read_table(file).num_rows == 3


# Processes that end


def children(process):
    """The processes that one has started."""
    found = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        found.update(map(int, task.read_text().split()))
    return found


def begun(*arguments, **options):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
    )


def waited_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_a_process_that_is_killed_loses_nothing(run, tmp_path):
    parts = write_parts(tmp_path / "parts", count=4, rows=20_000)
    out = tmp_path / "out"
    with begun(LECTURE, parts, "--jobs", 2, "-o", out) as running:
        killed = waited_for(lambda: children(running.pid)).pop()
        waited_for(lambda: list(out.glob(".part-*.tmp")) + list(out.glob("*.parquet")))
        os.kill(killed, signal.SIGKILL)
        err = running.communicate(timeout=60)[1]
    assert running.returncode == 0
    assert err.startswith("80,000 rows, in 4 parts, in ")
    run(LECTURE, parts, "-o", tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_runs_that_are_killed_at_any_moment_leave_only_what_is_whole(tmp_path):
    """`python -m tests.kills` kills a hundred."""
    assert len(list(kills.kills(10, 1, tmp_path))) == 10


def test_a_part_that_every_process_is_lost_over_is_said(run, monkeypatch, parts, tmp_path):
    monkeypatch.setattr(local, "_START", "import sys; sys.stdin.readline()")
    code, err = run("x*y", parts, "--jobs", 2, "-o", tmp_path / "out")
    assert code == 3
    assert "parquet: 3 processes ended before they had mapped it" in err
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_fault_of_ours_is_told_by_who_asks(run, monkeypatch, parts, tmp_path):
    monkeypatch.setattr(local, "_PACKAGES", str(tmp_path))
    monkeypatch.setattr(
        local,
        "_START",
        "from backpropcli.mapping import Mapper; Mapper.run = None; from backpropcli.parts.serve import main; main()",
    )
    code, err = run("x*y", parts, "--jobs", 2, "-o", tmp_path / "out")
    assert code == 70
    assert "TypeError: 'NoneType' object is not callable\nhint: this is a fault of the program" in err
    assert "Traceback" not in err
    monkeypatch.setenv("BACKPROP_DEBUG", "1")
    assert "in _piece" in run("x*y", parts, "--jobs", 2, "-o", tmp_path / "out")[1]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_ctrl_c_ends_all_processes(tmp_path):
    parts = write_parts(tmp_path / "parts", count=8, rows=20_000)
    out = tmp_path / "out"
    with begun(LECTURE, parts, "--jobs", 2, "-o", out, start_new_session=True) as running:
        started = waited_for(lambda: len(found := children(running.pid)) == 2 and found)
        os.killpg(running.pid, signal.SIGINT)
        err = running.communicate(timeout=60)[1]
    assert (running.returncode, err) == (130, "")
    assert not any(Path(f"/proc/{process}").exists() for process in started)
    assert not [name for name in contents(out) if name.endswith(".tmp")]


@pytest.mark.parametrize(("engine", "needs"), [("ray", "ray"), ("spark", "pyspark")])
def test_other_engines_map_the_same_parts(run, parts, tmp_path, engine, needs):
    """The programs in examples/engines, each where its engine is installed; a document runs the other one."""
    pytest.importorskip(needs)
    if engine == "spark" and not (shutil.which("java") or "JAVA_HOME" in os.environ):
        pytest.skip("Spark needs Java")
    program = Path(__file__).parents[1] / "examples" / "engines" / f"with_{engine}.py"
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, str(program), str(parts), str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert run(LECTURE, parts, "-o", tmp_path / "whole")[0] == 0
    assert done.stdout.split() == [str(manifest(tmp_path / "whole")["rows"]), "rows"]
    whole = contents(tmp_path / "whole")
    del whole["_manifest.json"]
    assert contents(tmp_path / "out") == whole
