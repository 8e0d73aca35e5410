"""The trials of an experiment: run on workers, each one on disk as soon as it is finished.

A trial is a function of a module, trial(data, settings, **arguments) -> rows, that depends on nothing else. So the
rows are the same for any number of workers, and an experiment that was interrupted goes on where it stopped: its
journal is read before anything is run. A journal belongs to data, settings, source and version of NumPy, all of which
are in its name; it is deleted when the experiment has written its result.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any, Self

import numpy as np
import threadpoolctl

import minigrad
from minigrad import Dataset

from .journal import Journal, Rows
from .progress import Progress
from .results import digest
from .settings import Settings
from .workers import ClusterWorkers, LocalWorkers, result_of, source


class Trials:
    """Runs trials on one data set and collects their rows; a context manager, which ends its workers.

    Parameters
    ----------
    data : Dataset
        Handed to each trial.
    journal : Journal, optional
        Keeps every finished trial. Trials that it holds already are not run again.
    workers : int
        Processes, each with one BLAS thread. 1: this process, with one BLAS thread as well.
    progress : Progress, optional
        Told of every trial; begins and ends with this context.
    cluster : ClusterWorkers, optional
        In the place of processes.

    Attributes
    ----------
    rows : list of dict
        The rows of all trials so far, in the order in which the trials were asked for.
    resumed : int
        How many trials came out of the journal.
    ran : dict of list
        By worker of the cluster, the keys of the trials that it ran.
    """

    def __init__(
        self,
        data: Dataset,
        journal: Journal | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        cluster: ClusterWorkers | None = None,
    ) -> None:
        self.data = data
        self.journal = journal or Journal()
        self.workers = workers
        self.progress = progress or Progress()
        self.cluster = cluster
        self.rows: Rows = []
        self.resumed = 0
        self.ran: dict[str, list[str]] = {}
        self._pool: LocalWorkers | ClusterWorkers | None = cluster
        self._from_journal = set(self.journal.finished)

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.progress.__exit__()
        if self._pool is not None:
            self._pool.close(at_once=kind is not None)
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
        waiting = {key: each for key, each in zip(keys, arguments) if key not in self.journal.finished}
        self.resumed += len(self._from_journal.intersection(keys))
        self.progress.part(until, len(keys), len(keys) - len(waiting))
        with contextlib.closing(self._each(trial, settings, waiting, timed)) as done:  # gives BLAS its threads back
            for key, rows in done:
                self.journal.keep(key, rows)
                self.progress.trial_done()
        rows = [row for key in keys for row in self.journal.finished[key]]
        self.rows += rows
        return rows

    def cluster_facts(self) -> dict[str, Any]:
        """What ran where: a worker's versions, its BLAS kernel and the number of its trials.

        Where the kernels differ, the last bits of a row hang on the worker: then the keys of its trials are there, too.
        """
        known = self.cluster.facts if self.cluster else {}
        found = {worker: {**known.get(worker, {}), "trials": len(keys)} for worker, keys in self.ran.items()}
        if len({each["blas_kernel"] for each in known.values()}) > 1:
            return {worker: {**each, "keys": self.ran[worker]} for worker, each in found.items()}
        return found

    def _each(
        self, trial: Callable[..., Rows], settings: Settings, waiting: dict[str, dict], timed: bool
    ) -> Generator[tuple[str, Rows], None, None]:
        """(key, rows) of each trial as it finishes."""
        if timed:
            for key, arguments in waiting.items():
                yield key, trial(self.data, settings, **arguments)
        elif self.cluster is None and (self.workers == 1 or len(waiting) < 2):
            with threadpoolctl.threadpool_limits(1):  # once for all: it takes 2 ms, as long as a small trial
                for key, arguments in waiting.items():
                    yield key, trial(self.data, settings, **arguments)
        else:
            self._pool = self._pool or LocalWorkers(self.workers, self.data)
            futures = dict(zip(self._pool.submit(trial, settings, list(waiting.values())), waiting))
            for future in as_completed(list(futures)):
                key, (rows, worker) = futures.pop(future), result_of(future)
                del future  # a cluster runs again what is held here and lay on a worker that dies, finished or not
                if self.cluster:
                    self.ran.setdefault(worker, []).append(key)
                yield key, rows


def journal_path(folder: Path, data: Dataset, settings: Settings) -> Path:
    """Where an experiment with these data, these settings and this source keeps its finished trials."""
    found = hashlib.sha256(json.dumps([settings.plain(), np.__version__, minigrad.__version__]).encode())
    found.update(digest(data).digest() + source().digest())
    return folder / f"unfinished-{found.hexdigest()[:12]}.jsonl"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
