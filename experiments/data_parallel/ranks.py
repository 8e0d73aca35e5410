"""Processes that work together over MPI, each a rank. Without mpi4py, or without mpirun, there is one.

The first rank runs the experiment: it tells the others which function to call, and calls it, too. In between the others
sleep. A function that fails on one rank would leave the others waiting for its message, so it ends all, with one line.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import threadpoolctl

from minigrad import Backend
from minigrad.engine.backend import Array

SLEEP = 0.002  # seconds from one look for the next task to another
LAST_WORDS = 1.0  # seconds for mpirun to pass a line on; what it has not read when it hears Abort is lost


class Ranks:
    """The ranks of an MPI communicator, or this process alone.

    Attributes
    ----------
    rank, size : int
        Which of them this process is, from 0, and how many there are.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm
        self.rank = comm.Get_rank() if comm else 0
        self.size = comm.Get_size() if comm else 1

    def total(self, share: Array, backend: Backend) -> Array:
        """The sum of all ranks' vectors, on each of them: one allreduce.

        An array of a GPU goes through the host, unless MINIGRAD_CUDA_AWARE_MPI is set: then MPI takes it as it is.
        """
        if self.size == 1:
            return share
        from mpi4py import MPI

        if backend.blas is not None or os.environ.get("MINIGRAD_CUDA_AWARE_MPI"):
            backend.synchronize()  # MPI must not read what is still being computed
            self.comm.Allreduce(MPI.IN_PLACE, share)
            return share
        on_host = backend.to_numpy(share)
        self.comm.Allreduce(MPI.IN_PLACE, on_host)
        return backend.asarray(on_host)

    def gathered(self, value: Any) -> list[Any]:
        """What each rank has, in their order, on each of them."""
        return self.comm.allgather(value) if self.size > 1 else [value]

    def first(self, count: int) -> Ranks | None:
        """The first so many of them as ranks of their own; None on the others."""
        if self.size == 1:
            return self
        part = self.comm.Split(color=int(self.rank >= count), key=self.rank)
        return Ranks(part) if self.rank < count else None


@functools.cache
def world() -> Ranks:
    """All ranks that mpirun started. Called only when needed: a worker process of a rank must not begin MPI again."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # not installed; or installed without an MPI
        return Ranks()
    return Ranks(MPI.COMM_WORLD)


def together(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call function(world(), **arguments) on every rank; returns what this rank's call does. For the first rank."""
    _tell_others((function, arguments))
    return _call(function, arguments)


def serve() -> None:
    """On all ranks but the first: do what `together` says until the first one ends, and end, too."""
    ranks = world()
    if ranks.rank == 0:
        atexit.register(_tell_others, None)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first rank decides
    while True:
        while not ranks.comm.iprobe(source=0):
            time.sleep(SLEEP)
        task = ranks.comm.recv(source=0)
        if task is None:
            raise SystemExit(0)
        _call(*task)


def _tell_others(task: tuple[Callable[..., Any], dict[str, Any]] | None) -> None:
    for rank in range(1, world().size):
        world().comm.send(task, dest=rank)


def _call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    ranks = world()
    try:
        with threadpoolctl.threadpool_limits(1):
            return function(ranks, **arguments)
    except BaseException as error:
        if ranks.size > 1:
            print(f"rank {ranks.rank}: {type(error).__name__}: {error}; all ranks end", file=sys.stderr, flush=True)
            try:
                time.sleep(LAST_WORDS)
            finally:  # a second Ctrl-C, too
                ranks.comm.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
                os._exit(1)  # Abort may return before it ends this process
        raise
