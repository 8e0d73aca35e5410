"""What an update and a sample gradient cost, in shuffled epochs and on a batch at hand."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import scipy

from minigrad import SGD, Backend, Dataset, get_backend
from minigrad.engine.batch import Batch
from minigrad.model import Model

from .settings import ModelSettings
from .sweep import epochs_of, make_model
from .training import train_on

UPDATES = 20  # to time at the least: one would be at the mercy of the clock
READING = 1e-3  # seconds between two readings of the clock, at the least: ten thousand times its resolution
RATE = 1e-9  # of a timed update: so small that the work stays the same however often it is done

Key = TypeVar("Key")


def timing_rows(data: Dataset, settings: ModelSettings, repeats: int) -> list[dict]:
    """Microseconds a sample gradient, shuffled epochs through train(); paths and repeats interleaved."""
    cases = [(1, "textbook"), (1, "fast"), *((size, "batched") for size in settings.batch_sizes)]
    rows = []
    for repeat in range(repeats + 1):
        for batch_size, path in cases:
            model, epochs = make_model(data, settings, seed=0), epochs_of(UPDATES, batch_size, len(data.X_train))
            how: dict[str, Any] = {"optimizer": SGD(1e-3), "epochs": epochs, "evaluate_every": 0, "path": path}
            history = train_on(data, model, batch_size, repeat, **how)
            if repeat > 0:  # the first warms up
                row = {"kind": "timing", "backend": model.backend.name, "path": path, "batch_size": batch_size}
                cost = 1e6 * history.seconds[-1] / history.samples[-1]
                rows.append(row | {"repeat": repeat, "microseconds": cost})
    return rows


def backends_here(chosen: str | Backend = "numpy") -> list[str | Backend]:
    """The backends that answer on this machine, and the chosen one."""
    names = sorted({"numpy", get_backend("auto").name}, reverse=True)
    return [*names, *([] if get_backend(chosen).name in names else [chosen])]


def place(backend: Backend, threads: int) -> str:
    """How a table names where something was timed; threads are a matter of the CPU."""
    return backend.name if backend.blas is None else f"{backend.name}, {threads} thread{'s' * (threads > 1)}"


def overhead_and_work(batch_sizes: Any, t: Any) -> tuple[float, float]:
    """a and b of t(B) = a + b B, neither below 0, by least squares of the *relative* errors (a + b B − t) / t.

    With errors of equal weight the largest batches, a thousand times as long, would leave nothing to decide a by.
    """
    B, t = np.asarray(batch_sizes, dtype=float), np.asarray(t, dtype=float)
    (a, b), _ = scipy.optimize.nnls(np.column_stack([1 / t, B / t]), np.ones(len(t)))
    return float(a), float(b)


# ---- an update on a batch at hand ------------------------------------------------------------------------------------


def rows_for(model: Model, data: Dataset, n: int) -> Batch:
    """n checked training rows and their labels, on the model's device; they repeat where there are fewer."""
    index = np.arange(n) % len(data.X_train)
    return model.batch(model.backend.asarray(data.X_train[index]), model.backend.asarray(data.y_train[index]))


def updates_of(model: Model, rows: Batch, batch_sizes: Sequence[int]) -> dict[int, Callable[[], Any]]:
    """{batch size: an update of plain SGD on that many rows at hand}, for `interleaved`."""
    optimizer = SGD(RATE)
    return {size: partial(optimizer.step, model, rows[:size]) for size in batch_sizes}


def interleaved(
    works: dict[Key, Callable[[], Any]], backend: Backend, rounds: int, rng: np.random.Generator
) -> dict[Key, list[float]]:
    """Microseconds a call of each work: `rounds` readings of each, in another order every round.

    So a slow second of the machine hits any of them alike. A reading covers as many calls as fill READING. One more
    goes before them, so that buffers and caches are this work's; a call that fills READING alone sees to that itself.
    """
    keys = list(works)
    calls = {key: _calls_that_fill(works[key], backend) for key in keys}
    readings: dict[Key, list[float]] = {key: [] for key in keys}
    for _ in range(rounds):
        for k in rng.permutation(len(keys)):
            key = keys[k]
            if calls[key] > 1:
                works[key]()
            readings[key].append(1e6 * _seconds(works[key], calls[key], backend) / calls[key])
    return readings


def _seconds(work: Callable[[], Any], calls: int, backend: Backend) -> float:
    """Seconds that so many calls take on the device, which is waited for before and after."""
    backend.synchronize()
    start = backend.moment()
    for _ in range(calls):
        work()
    stop = backend.moment()
    backend.synchronize()
    return backend.seconds_between(start, stop)


def _calls_that_fill(work: Callable[[], Any], backend: Backend) -> int:
    """How many calls take READING: doubled until they do, the first of all only to warm up."""
    work()
    calls = 1
    while (seconds := _seconds(work, calls, backend)) < READING / 2:
        calls *= 2
    return max(1, round(calls * READING / seconds))
