"""One student's file never stops the others: what it does is said of that student, and the next one is marked."""

from __future__ import annotations

import os
import signal
import time

import classroom
import pytest

from backpropcli.homework import class_run
from backpropcli.homework.model import MISSING, Sheet

PAPER = classroom.made()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_run, "CPU_SECONDS", 0)  # A second is left besides.
    monkeypatch.delenv("BACKPROP_DEBUG", raising=False)


def endless() -> None:
    while True:
        pass


def hoarding() -> None:
    bytearray(2 * class_run.MEMORY)


def failing() -> None:
    raise RuntimeError("no \x1b[31m reason")


BAD = {
    "a loop": (endless, "more than 0 s of CPU time"),
    "too much memory": (hoarding, "more than 512 MB of memory"),
    "a fault": (failing, "internal: RuntimeError: no <U+001B>"),
    "a crash": (lambda: os.kill(os.getpid(), signal.SIGTERM), "internal: it was ended by signal 15"),
    "an end": (lambda: os._exit(0), "internal: it ended early"),
    "a wait": (lambda: time.sleep(20), "it takes more than 1 s"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_job_is_told_of_and_the_others_are_done(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    act, said = BAD[name]
    bad = (1,) if name in ("a loop", "a wait") else (1, 2)
    if name == "a wait":
        monkeypatch.setattr(class_run, "WALL_SECONDS", 1)

    def work(job: int) -> bytes:
        if job in bad:
            act()
        return b"%d" % job * 100_000

    found = list(class_run.outcomes(4, work))
    assert [outcome.job for outcome in found] == [0, 1, 2, 3]
    for outcome in found:
        if outcome.job in bad:
            assert outcome.problem is not None
            assert said in outcome.problem
            assert outcome.payload == b""
        else:
            assert outcome == (outcome.job, b"%d" % outcome.job * 100_000, None)


def test_a_run_that_is_broken_off_leaves_no_child_behind() -> None:
    run = class_run.outcomes(1000, lambda job: b"x" * 100_000)
    assert next(run).job == 0
    run.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_no_job_knows_of_another_once_one_has_failed() -> None:
    seen: list[int] = []

    def work(job: int) -> bytes:
        seen.append(job)
        if job == 1:
            failing()
        return ",".join(map(str, seen)).encode()

    assert [outcome.payload for outcome in class_run.outcomes(3, work)] == [b"0", b"", b"2"]
    assert seen == []


def test_a_result_comes_back_as_it_was_sent() -> None:
    from backpropcli.homework.marking import mark_sheet
    from backpropcli.homework.sheets import read

    for name in ("s01", "s02", "s03", "s04"):
        [sheet] = read(classroom.sheet(name).encode(), f"{name}.md", PAPER).sheets
        result = mark_sheet(PAPER.markers, sheet)
        assert class_run.received(class_run.carried(result)) == result


def test_files_that_are_no_plain_files_are_refused_and_not_waited_for(tmp_path) -> None:
    (tmp_path / "good.md").write_text(classroom.sheet("s01"), encoding="utf-8")
    (tmp_path / "link.md").symlink_to(tmp_path / "good.md")
    (tmp_path / "large.md").write_bytes(b"a" * (1 << 20) + b"b")
    (tmp_path / "latin.md").write_bytes(b"\xe9")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / ".hidden.md").write_text("", encoding="utf-8")
    (tmp_path / "notes.pdf").write_text("", encoding="utf-8")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "deep.md").write_text(classroom.sheet("s01").replace("s01", "s09"), encoding="utf-8")
    (tmp_path / "away").symlink_to(inside)
    found = list(class_run.files([str(tmp_path)]))
    names = [os.path.relpath(path, tmp_path) for path in found]
    assert names == ["good.md", "inside/deep.md", "large.md", "latin.md", "link.md", "pipe.md"]
    results = list(class_run.results(PAPER, [*found, str(tmp_path / "folder.md"), "/dev/zero.md", "/dev/zero"]))
    said = [result.problem for result in results]
    assert [result.student for result in results][:2] == ["s01", "s09"]
    assert said[:2] == [None, None]
    for problem, words in zip(
        said[2:],
        (
            "has 1,048,577 bytes, and the limit is 1,048,576",
            "is not UTF-8 text",
            "is a link to another file",
            "is a pipe",
            "is a folder",
            "no such file",
            "the name does not say|is a device",
        ),
        strict=True,
    ):
        assert problem is not None
        assert any(each in problem for each in words.split("|")), problem
    assert all(result.count(MISSING) == len(result.marked) for result in results[2:])


def test_three_hundred_students_take_less_than_five_seconds_of_processor_time(tmp_path) -> None:
    """A tenth of them here, in a tenth of the time; `python -m tests.benchmarks` measures all of them."""
    for k in range(30):
        text = classroom.sheet(("s01", "s02", "s03")[k % 3]).replace("0.982", f"0.98{k % 10}")
        (tmp_path / f"s{k:03}.md").write_text(text, encoding="utf-8")
    began = os.times()
    results = list(class_run.results(PAPER, list(class_run.files([str(tmp_path)]))))
    ended = os.times()
    took = sum(ended[:4]) - sum(began[:4])
    assert len(results) == 30
    assert all(result.problem is None for result in results)
    assert took < 0.5 + 0.5  # Half a second is a diagnosis's start.


def test_sheets_that_are_read_already_are_marked_beside_files(tmp_path) -> None:
    path = tmp_path / "a.md"
    path.write_text(classroom.sheet("s01"), encoding="utf-8")
    results = list(class_run.results(PAPER, [str(path), Sheet("b", {})]))
    assert [(result.student, result.score) for result in results] == [("s01", 36.0), ("b", 0.0)]
