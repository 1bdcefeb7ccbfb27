"""Parts shared out by Dask: to workers on this machine, or to those of a cluster; needs the extra `[dask]`.

Workers are told the names of files, which have to be the same for all of them. A worker that is lost loses nothing: its
parts are asked for again, and those that it had written are found.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from backpropcli.errors import BackpropError, visible
from backpropcli.parts.attempt import TRIES, attempt, lost

PATIENCE = 10
"""Seconds in which a scheduler has to answer."""
WORKERS = 60
"""Seconds in which a first worker has to be there."""
_FORKED = "forkserver"
_STDERR = 2


def answers(parts: Sequence[str], folder: str, task: str, jobs: int, address: str | None) -> Generator[str, None, None]:
    """What `attempt` gives for each part, in the order in which they are done.

    The scheduler is at `address`; without one it is begun on this machine, with so many workers, and ended.
    """
    if address is None:
        _prepare_workers()
    distributed = _distributed()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        client = stack.enter_context(_client(distributed, jobs, address))
        names = {client.submit(attempt, part, folder, task, pure=False): part for part in parts}
        try:
            for future in distributed.as_completed(list(names), loop=client.loop):
                try:
                    answer: str = future.result()
                except Exception as problem:
                    raise _told(distributed, problem, names[future], address) from None
                yield answer
        finally:
            with suppress(Exception):  # The scheduler may be gone.
                client.cancel(list(names))


def _prepare_workers() -> None:
    """Begin the process that workers are forked from, where the system has such.

    What they need it imports once for all of them, while this process imports what it needs itself.
    """
    import multiprocessing

    if _FORKED not in multiprocessing.get_all_start_methods() or find_spec("distributed") is None:
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["distributed", "pyarrow.parquet", "backpropcli.parts.attempt"])
    with _inherited():
        forkserver.ensure_running()


@contextmanager
def _inherited() -> Iterator[None]:
    """What workers are to inherit: Ctrl-C is for this process, which ends them; what they say is no news to anybody."""
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with _interrupted(signal.SIG_IGN):
        try:
            os.dup2(nowhere, _STDERR)
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            os.close(nowhere)


@contextmanager
def _interrupted(handler: Any) -> Iterator[None]:
    """What Ctrl-C does for a while; threads but the main one have no say in that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _whole() -> Iterator[None]:
    """Hold back Ctrl-C until the end: what is half begun could not be ended."""
    pressed: list[object] = []
    with _interrupted(lambda *about: pressed.append(about)):
        yield
    if pressed:
        raise KeyboardInterrupt


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise BackpropError(
            "--engine dask needs Dask, which is not installed",
            hint="install it with pip install 'backpropcli[dask]', or share out the parts with --jobs",
        ) from None
    return distributed


@contextmanager
def _client(distributed: Any, jobs: int, address: str | None) -> Iterator[Any]:
    """Who asks the scheduler."""
    with ExitStack() as stack:
        if address is None:
            import tempfile

            here = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            with _whole():
                cluster = distributed.LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                    local_directory=here,
                )
                stack.enter_context(cluster)
            yield stack.enter_context(distributed.Client(cluster, set_as_default=False))
            return
        try:
            client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as problem:
            raise BackpropError(
                f"no scheduler of Dask answers at {visible(address, 80)}: {visible(_few(problem), 120)}",
                hint="start one by dask scheduler, and give its address, as in --cluster tcp://10.0.0.1:8786",
            ) from None
        stack.enter_context(client)
        try:
            client.wait_for_workers(1, timeout=WORKERS)
        except TimeoutError:
            raise BackpropError(
                f"the scheduler at {visible(address, 80)} has no workers",
                hint="start some, as in dask worker tcp://10.0.0.1:8786",
            ) from None
        yield client


def _told(distributed: Any, problem: BaseException, part: str, address: str | None) -> BaseException:
    """What to say where no answer came."""
    if isinstance(problem, distributed.KilledWorker):
        return lost(os.path.basename(part))
    if isinstance(problem, ModuleNotFoundError):
        return BackpropError(
            f"a worker cannot map parts: {visible(_few(problem), 120)}",
            hint="install the same version of backpropcli, with its extra parquet, on every worker",
        )
    if isinstance(problem, (OSError, distributed.CancelledError)) and address is not None:
        return BackpropError(
            f"the scheduler at {visible(address, 80)} has gone away: {visible(_few(problem), 120)}",
            hint="start it again, and say the same once more: parts that are there already stay",
        )
    return problem


def _few(problem: BaseException) -> str:
    said = str(problem).partition("\n")[0] or type(problem).__name__
    return f"{said[:1].lower()}{said[1:]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask logs of lost workers, which are no news to us, from stderr."""
    import multiprocessing

    import dask

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # Its loggers have levels of their own.
    settings: dict[str, object] = {"distributed.scheduler.allowed-failures": TRIES - 1}
    if _FORKED in multiprocessing.get_all_start_methods():
        settings["distributed.worker.multiprocessing-method"] = _FORKED
    with warnings.catch_warnings(), dask.config.set(settings):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(before)
