"""Parts on a real cluster of Dask: two workers, one of them killed, and nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_parts import LECTURE, begun, contents, manifest, run, waited_for, write_parts

__all__ = ["run"]

pytestmark = [
    pytest.mark.dask,
    pytest.mark.skipif(find_spec("distributed") is None, reason="needs Dask: pip install 'backpropcli[dask]'"),
]

CLUSTER = """
import json, logging, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL,
        local_directory=sys.argv[1],
    ) as cluster:
        workers = [nanny.process.pid for nanny in cluster.workers.values()]
        print(json.dumps([cluster.scheduler_address, workers]), flush=True)
        sys.stdin.read()
"""


class Cluster:
    """Two workers, begun when they are asked for, and anew after they have been killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: subprocess.Popen[str] | None = None

    def started(self) -> tuple[str, list[int]]:
        """The scheduler's address, and the processes of the workers, as they were in the beginning."""
        if self._running is None:
            pipe = subprocess.PIPE
            command = [sys.executable, "-c", CLUSTER, str(self._folder)]
            self._running = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, start_new_session=True
            )
            assert self._running.stdout is not None
            self._told = json.loads(self._running.stdout.readline())
        address, workers = self._told
        return address, workers

    def kill(self) -> None:
        """End the scheduler and the workers at once."""
        assert self._running is not None
        os.killpg(self._running.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        if self._running is not None:
            self._running.communicate(timeout=60)
            self._running = None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.end()


def test_a_killed_worker_loses_and_repeats_nothing(run, cluster, tmp_path):
    parts = write_parts(tmp_path / "parts", count=6, rows=20_000)
    out = tmp_path / "out"
    address, workers = cluster.started()
    with begun(LECTURE, parts, "--engine", "dask", "--cluster", address, "-o", out) as running:
        first = waited_for(lambda: {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")})
        os.kill(workers[0], signal.SIGKILL)
        err = running.communicate(timeout=60)[1]
    assert (running.returncode, err[:28]) == (0, "120,000 rows, in 6 parts, in")
    assert manifest(out)["rows"] == 120_000
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert run(LECTURE, parts, "--jobs", 1, "-o", tmp_path / "whole")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")
    assert "(6 of them there already)" in run(LECTURE, parts, "--engine", "dask", "--cluster", address, "-o", out)[1]


def test_a_cluster_of_this_machine_is_started_and_ended(run, tmp_path):
    parts = write_parts(tmp_path / "parts", count=2, low=0.1)
    arguments = ["log(x)*w", parts, "--engine", "dask", "--jobs", "1", "--w", "2", "--wrt", "x", "-o", tmp_path / "out"]
    with begun(*arguments) as running:
        err = running.communicate(timeout=60)[1]
    assert (running.returncode, err[:25]) == (0, "100 rows, in 2 parts, in ")
    assert run("log(x)*w", parts, "--w", "2", "--wrt", "x", "-o", tmp_path / "whole")[0] == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_what_is_wrong_with_a_row_comes_back_from_a_worker(run, cluster, tmp_path):
    parts = write_parts(tmp_path / "parts", count=2)
    address, _ = cluster.started()
    arguments = ["log(x + 1)*sqrt(x)", parts, "--engine", "dask", "--cluster", address, "-o", tmp_path / "out"]
    code, err = run(*arguments)
    assert code == 3
    assert " of part-" in err
    assert ": sqrt(x) needs x >= 0, but x = -" in err
    assert "  | log(x + 1)*sqrt(x)\n  |            ^^^^^^^\n" in err
    assert run(*arguments, "--on-error", "null", "--quiet")[0] == 0


def test_a_scheduler_that_goes_away_is_said_and_parts_stay(run, cluster, tmp_path):
    parts = write_parts(tmp_path / "parts", count=6, rows=20_000)
    out = tmp_path / "out"
    address, _ = cluster.started()
    with begun(LECTURE, parts, "--engine", "dask", "--cluster", address, "-o", out) as running:
        waited_for(lambda: list(out.glob("*.parquet")))
        cluster.kill()
        err = running.communicate(timeout=60)[1]
    assert running.returncode == 2
    assert err.startswith(f"error: the scheduler at {address} has gone away: ")
    assert "Traceback" not in err
    assert run(LECTURE, parts, "-o", out)[0] == 0
    assert run(LECTURE, parts, "-o", tmp_path / "whole")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_a_scheduler_that_is_not_there_is_said(run, monkeypatch, tmp_path):
    from backpropcli.parts import cluster

    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    parts = write_parts(tmp_path / "parts", count=1)
    for address in ("tcp://127.0.0.1:1", "nowhere://x", "\x1b[31m", ""):
        code, err = run("x*y", parts, "--engine", "dask", "--cluster", address, "-o", tmp_path / "out")
        assert code == 2
        assert err.startswith("error: no scheduler of Dask answers at ")
        assert "\x1b" not in err
    assert not list(Path(tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_control_c_ends_all_of_a_cluster_without_a_word(tmp_path, seconds):
    """While it begins or while it works: the terminal sends it to every process."""
    parts, out = write_parts(tmp_path / "parts", count=4, rows=20_000), tmp_path / "out"
    with begun(LECTURE, parts, "--engine", "dask", "--quiet", "-o", out, start_new_session=True) as running:
        waited_for((out / "_manifest.json").exists)
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # It may have been done by then.
            os.killpg(running.pid, signal.SIGINT)
        err = running.communicate(timeout=60)[1]
    assert running.returncode in (0, 130)
    assert err == ""
