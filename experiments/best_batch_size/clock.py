"""Seconds of an update at each batch size, as training makes it: rows drawn by a permutation, and gathered.

An epoch's permutation is timed by itself, and each update bears its share B/N. All rows in one batch need neither a
permutation nor gathering, and one row at a time has a path of its own: so both lie beside the line t(B) = a + b B.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import Dataset, batches
from minigrad.engine.batch import Batch
from minigrad.model import Model
from minigrad.optimizers import Optimizer
from minigrad.per_sample import fast_epoch

from ..lab.settings import TrainingSettings
from ..lab.sweep import make_model, make_optimizer
from ..lab.timing import RATE, interleaved

STRETCH = 256  # updates of a reading of the per-sample path
BATCHES = 4096  # of a shuffled epoch that come in turn, at most: their rows fill no cache


def step_rows(data: Dataset, settings: TrainingSettings, why: str, batch_sizes: list[int], rounds: int) -> list[dict]:
    """Microseconds of an update at each size, `rounds` readings of each, the sizes in turn."""
    rng, N = np.random.default_rng(settings.seed), len(data.X_train)
    model = make_model(data, settings, settings.seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    rows = model.batch(X, y)
    works: dict[Any, Callable[[], Any]] = {size: update(model, settings, rows, size, rng) for size in batch_sizes}
    works["permutation"] = lambda: model.backend.asarray(rng.permutation(N))
    readings = interleaved(works, model.backend, rounds, rng)
    shuffle = float(np.median(readings["permutation"]))
    found = []
    for size in batch_sizes:
        share = 0.0 if size == N else shuffle * size / N
        calls = min(STRETCH, N) if is_per_sample(settings, size) else 1
        times = [reading / calls + share for reading in readings[size]]
        found.append({"kind": "step", "why": why, "batch_size": size, "microseconds": times, "shuffle": share})
    return found


def is_per_sample(settings: TrainingSettings, batch_size: int) -> bool:
    """Whether training takes the per-sample path: for one row at a time, and plain SGD."""
    return batch_size == 1 and settings.optimizer == "sgd"


def update(
    model: Model, settings: TrainingSettings, rows: Batch, size: int, rng: np.random.Generator
) -> Callable[[], Any]:
    """An update at this size, on the next batch of a shuffled epoch each time it is called."""
    optimizer: Optimizer = make_optimizer(settings, RATE)
    if size == rows.m:
        return lambda: optimizer.step(model, rows)
    if is_per_sample(settings, size):
        some = rng.permutation(rows.m)[:STRETCH]
        return lambda: fast_epoch(model, rows, None, some, RATE)
    epoch = batches(rows.m, size, rng, drop_last=True, backend=model.backend)
    coming = itertools.cycle(itertools.islice(epoch, BATCHES))
    return lambda: optimizer.step(model, rows[next(coming)])
