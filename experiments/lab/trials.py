"""The trials of an experiment: run on worker processes, each one on disk as soon as it is finished.

A trial is a function of a module, trial(data, settings, **arguments) -> rows, that depends on nothing else. So the
rows are the same for any number of workers, and an experiment that was interrupted goes on where it stopped: its
journal, a file with a line a trial, is read before anything is run. A journal belongs to data, settings, source and
version of NumPy, all of which are in its name; it is deleted when the experiment has written its result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Self

import numpy as np
import threadpoolctl

import minigrad
from minigrad import Dataset

from .progress import Progress
from .settings import Settings

SOURCES = [Path(minigrad.__file__).parent, Path(__file__).parents[1]]

Rows = list[dict[str, Any]]


class Trials:
    """Runs trials on one data set and collects their rows; a context manager, which ends its workers.

    Parameters
    ----------
    data : Dataset
        Handed to each trial.
    journal : Path, optional
        A file that keeps every finished trial. Trials that it holds already are not run again.
    workers : int
        Processes, each with one BLAS thread. 1: this process, with one BLAS thread as well.
    progress : Progress, optional
        Told of every trial; begins and ends with this context.

    Attributes
    ----------
    rows : list of dict
        The rows of all trials so far, in the order in which the trials were asked for.
    resumed : int
        How many trials came out of the journal.
    """

    def __init__(
        self, data: Dataset, journal: Path | None = None, workers: int = 1, progress: Progress | None = None
    ) -> None:
        self.data = data
        self.journal = journal
        self.workers = workers
        self.progress = progress or Progress()
        self.rows: Rows = []
        self.resumed = 0
        self._pool: ProcessPoolExecutor | None = None
        self._finished = dict(_read(journal)) if journal else {}
        self._from_journal = set(self._finished)

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.progress.__exit__()
        if self._pool is None:
            return
        if kind is not None:  # what is still running is not waited for
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(cancel_futures=True)
        self._pool = None

    def run(
        self,
        trial: Callable[..., Rows],
        settings: Settings,
        arguments: Sequence[dict[str, Any]],
        timed: bool = False,
        until: float = 1.0,
    ) -> Rows:
        """The rows of trial(data, settings, **each) for each of `arguments`, in their order.

        Parameters
        ----------
        trial : callable
            A function of a module; `arguments` and rows hold what JSON can.
        timed : bool
            For trials that read a clock: one after the other in this process, BLAS threads as they are.
        until : float
            The share of the experiment's time that has gone by after these trials, about: for the time left.
        """
        keys = [json.dumps([trial.__name__, settings.plain(), each], sort_keys=True) for each in arguments]
        waiting = {key: each for key, each in zip(keys, arguments) if key not in self._finished}
        self.resumed += len(self._from_journal.intersection(keys))
        self.progress.part(until, len(keys), len(keys) - len(waiting))
        for key, rows in self._each(trial, settings, waiting, timed):
            self._keep(key, rows)
            self.progress.trial_done()
        rows = [row for key in keys for row in self._finished[key]]
        self.rows += rows
        return rows

    def _each(
        self, trial: Callable[..., Rows], settings: Settings, waiting: dict[str, dict], timed: bool
    ) -> Iterator[tuple[str, Rows]]:
        """(key, rows) of each trial as it finishes."""
        if timed:
            for key, arguments in waiting.items():
                yield key, trial(self.data, settings, **arguments)
        elif self.workers == 1 or len(waiting) < 2:
            for key, arguments in waiting.items():
                with threadpoolctl.threadpool_limits(1):
                    rows = trial(self.data, settings, **arguments)
                yield key, rows
        else:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")  # a fork would copy threads and locks halfway
                self._pool = ProcessPoolExecutor(self.workers, context, _start_worker, (self.data,))
            with _no_interrupts():  # workers start here, and must not hear Ctrl-C: this process decides
                futures: dict[Future, str] = {
                    self._pool.submit(_work, trial, settings, each): key for key, each in waiting.items()
                }
            for future in as_completed(futures):
                yield futures[future], future.result()

    def _keep(self, key: str, rows: Rows) -> None:
        """Remember a finished trial, as JSON has it: a row reads the same before and after an interruption."""
        line = json.dumps([key, rows], default=_plain)
        self._finished[key] = json.loads(line)[1]
        if self.journal is not None:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def journal_path(folder: Path, data: Dataset, settings: Settings) -> Path:
    """Where an experiment with these data, these settings and this source keeps its finished trials."""
    digest = hashlib.sha256(json.dumps([settings.plain(), np.__version__, minigrad.__version__]).encode())
    for array in (data.X_train, data.y_train, data.X_test, data.y_test):
        digest.update(np.ascontiguousarray(array).data)
    for source in SOURCES:
        for path in sorted(source.rglob("*.py")):
            digest.update(path.read_bytes())
    return folder / f"unfinished-{digest.hexdigest()[:12]}.jsonl"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(journal: Path) -> Iterator[tuple[str, Rows]]:
    """The finished trials in a journal, if there is one; a line that was cut off does not count."""
    if not journal.exists():
        return
    text = journal.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n")  # what is written next has a line of its own
    for line in text.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            key, rows = json.loads(line)
            yield key, rows


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON's; TypeError for what JSON lacks."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a row holds {value!r}; expected numbers, texts, lists and dicts")


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C waits until the end; processes that are started in here never hear it."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []  # by a thread of BLAS, where signals are not blocked
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which processes inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


_data: Dataset  # of a worker process


def _start_worker(data: Dataset) -> None:
    """Runs once in each worker."""
    global _data
    _data = data
    threadpoolctl.threadpool_limits(1)


def _work(trial: Callable[..., Rows], settings: Settings, arguments: dict[str, Any]) -> Rows:
    return trial(_data, settings, **arguments)
