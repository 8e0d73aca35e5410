"""Where trials run that read no clock: processes of this machine, or the workers of a Dask cluster.

Both take a trial and give back a future of `concurrent.futures`. Each trial has one BLAS thread.
"""

import contextlib
import ctypes
import hashlib
import multiprocessing
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from tqdm import tqdm

import minigrad
from minigrad import Dataset

from .journal import Rows

Trial = Callable[..., Rows]
SOURCES = [Path(minigrad.__file__).parent, Path(__file__).parents[1]]

PATIENCE = 10  # seconds for a scheduler to answer
LOOK = 0.5  # seconds from one look to the next at whether a trial is still wanted


class WorkersLost(RuntimeError):
    """Workers ended, and nobody is left to run the trials; one line says why."""


class LocalWorkers:
    """So many processes of this machine, which end with this one, also where it is killed."""

    def __init__(self, count: int, data: Dataset) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy threads and locks halfway
        self._pool = ProcessPoolExecutor(count, context, _start_worker, (data,))

    def submit(self, trial: Trial, settings: Any, each: list[dict[str, Any]]) -> list[Future]:
        """A future of (rows, name of the worker) for each of these arguments."""
        with _no_interrupts():  # workers start here, and must not end halfway: this process would wait for ever
            try:
                return [self._pool.submit(_work, trial, settings, arguments) for arguments in each]
            except BrokenProcessPool as error:
                raise _lost(error) from None

    def close(self, at_once: bool) -> None:
        """End the workers; `at_once`: what is still running is not waited for."""
        if at_once:
            for process in multiprocessing.active_children():
                process.kill()
        self._pool.shutdown(cancel_futures=True)


class ClusterWorkers:
    """The workers of a Dask cluster that runs already; the data travel to each once.

    Where a worker ends, Dask gives its trials to another. Where this process is interrupted, the trials that are
    running end, too.

    Raises
    ------
    ValueError
        Dask is not installed; nobody answers at the address; no worker is there, or one with other versions.
    """

    def __init__(self, address: str, data: Dataset) -> None:
        try:
            import distributed
            from distributed.comm.addressing import parse_address, parse_host_port
        except ImportError:
            raise ValueError(
                '--scheduler needs the package distributed: python -m pip install -e ".[cluster]"'
            ) from None
        try:
            host = parse_host_port(parse_address(address)[1])
            socket.create_connection(host, PATIENCE).close()  # a client that finds nobody is slow to give up
            self._client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except Exception as error:  # another server's answer may be taken for any number of bytes
            expected = "the address tcp://HOST:PORT of a Dask scheduler, such as tcp://127.0.0.1:8786"
            raise ValueError(f"--scheduler is {address!r}; expected {expected} ({_first_line(error)})") from None
        try:
            self.facts = self._checked_facts(address)
            self._data = self._client.scatter(data, broadcast=True)
        except BaseException:
            self._client.close()
            raise
        self._executor = self._client.get_executor(pure=False)

    def _checked_facts(self, address: str) -> dict[str, dict[str, str]]:
        """What each worker says of itself; ValueError where one has other versions than this process."""
        try:
            found = self._client.run(facts)
        except Exception as error:  # whatever the worker's Python has raised
            raise ValueError(
                f"--scheduler is {address!r}; expected workers that can import minigrad and its experiments, as in "
                f"the folder of minigrad ({_first_line(error)})"
            ) from None
        if not found:
            raise ValueError(
                f"--scheduler is {address!r}, a cluster without workers; expected one: dask worker {address}"
            )
        mine = facts()
        for worker, theirs in found.items():
            for name in ("minigrad", "numpy", "python"):
                if theirs[name] != mine[name]:
                    raise ValueError(
                        f"the worker {worker} has {name} {theirs[name]}; expected {mine[name]}, as here, so that all "
                        "rows come from the same code"
                    )
        return found

    def submit(self, trial: Trial, settings: Any, each: list[dict[str, Any]]) -> list[Future]:
        """A future of (rows, address of the worker) for each of these arguments."""
        return [self._executor.submit(_work_on_cluster, self._data, trial, settings, arguments) for arguments in each]

    def close(self, at_once: bool) -> None:
        """Leave the cluster as it was; `at_once`: what is still running there ends."""
        with contextlib.suppress(Exception):  # of a scheduler that is gone
            self._executor.shutdown(wait=not at_once, cancel_futures=at_once)
        self._client.close(timeout=5)


def result_of(future: Future) -> tuple[Rows, str]:
    """(rows, worker) of a trial that is finished; WorkersLost where no worker was left to run it."""
    try:
        return future.result()
    except (BrokenProcessPool, CancelledError) as error:
        raise _lost(error) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "distributed":  # such as KilledWorker
            raise _lost(error) from None
        raise


def _lost(error: Exception) -> WorkersLost:
    return WorkersLost(f"workers ended before their trials did: {_first_line(error) or 'cancelled'}")


def facts() -> dict[str, str]:
    """What two processes must agree on to make the same rows; and the BLAS kernel, which the last bits hang on."""
    kernels = {pool.get("architecture") for pool in threadpoolctl.threadpool_info()} - {None}
    return {
        "minigrad": f"{minigrad.__version__}, source {source().hexdigest()[:8]}",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "blas_kernel": ", ".join(sorted(kernels)),
    }


def source() -> Any:
    """The hash of all that a trial may run."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


# ---- in a worker -----------------------------------------------------------------------------------------------------

_data: Dataset  # of a worker process


def _start_worker(data: Dataset) -> None:
    """Runs once in each worker process."""
    global _data
    _data = data
    threadpoolctl.threadpool_limits(1)
    tqdm.set_lock(threading.RLock())  # its own lock is a semaphore, which a worker that is ended would leave behind
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # Ctrl-C stays blocked: the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot say good-bye: its worker notices, and ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(trial: Trial, settings: Any, arguments: dict[str, Any]) -> tuple[Rows, str]:
    return trial(_data, settings, **arguments), "this machine"


def _work_on_cluster(data: Dataset, trial: Trial, settings: Any, arguments: dict[str, Any]) -> tuple[Rows, str]:
    import distributed

    worker, done = distributed.get_worker(), threading.Event()
    watched = (worker, worker.get_current_task(), threading.get_ident(), done)
    threading.Thread(target=_stop_if_cancelled, args=watched, daemon=True).start()
    try:
        with threadpoolctl.threadpool_limits(1):
            return trial(data, settings, **arguments), worker.address
    finally:
        done.set()


def _stop_if_cancelled(worker: Any, key: Any, thread: int, done: threading.Event) -> None:
    """Dask lets a cancelled task run to its end. This raises an exception in its thread, so that the worker is free."""
    while not done.wait(LOOK):
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(CancelledError))
            return


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end; processes that are started in here hear neither, until they want to."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []  # by a thread of BLAS, where signals are not blocked
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, lambda number, _: heard.append(number)) for number in numbers]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, set(numbers))  # which processes inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in zip(numbers, handlers):
            signal.signal(number, handler)
        if heard:  # also where something has failed meanwhile, such as workers that heard it first
            raise KeyboardInterrupt
