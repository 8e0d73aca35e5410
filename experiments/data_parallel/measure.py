"""Averaged gradients and whole runs against one process; the clock over ranks; updates to a target by batch size."""

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import Dataset, batches, gradient_noise
from minigrad.model import Model

from ..lab.settings import TrainingSettings
from ..lab.sweep import OPTIMIZERS, make_model, target_rows, training_rows, tuning_rows
from ..lab.trials import Trials
from .averaging import average, share
from .ranks import Ranks, together, world

SPLITS = ("even", "uneven", "one empty")
RUN = {"batch_size": 32, "updates": 200}  # of a run that is compared
RATES = {"sgd": 0.1, "momentum": 0.01, "adam": 0.001}
READING = 5e-3  # seconds of a reading of the clock, at the least


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to train, and how often to look at the clock."""

    rounds: int = 15  # readings at each batch size and number of ranks
    local: int = 8  # rows of a rank


def measure(trials: Trials, settings: Settings) -> Settings:
    """The target; the two comparisons; the clock; then updates to the target at each size's best rate."""
    [found] = trials.run(target_rows, settings, [{}], until=0.1)
    settings = replace(settings, target=found["loss"])
    ranks = world().size
    together(keep, data=trials.data, settings=settings)
    splits = [{"split": split, "seed": seed, "ranks": ranks} for split in SPLITS for seed in settings.each_seed()]
    trials.run(agreement_rows, settings, splits, timed=True, until=0.15)
    runs = [{"optimizer": name, "seed": settings.seed, "ranks": ranks} for name in OPTIMIZERS]
    trials.run(run_rows, settings, runs, timed=True, until=0.2)
    trials.run(clock_rows, settings, [{"ranks": ranks, "rounds": settings.rounds}], timed=True, until=0.3)
    sizes = [{"batch_size": size} for size in settings.batch_sizes]
    best = {row["batch_size"]: row["learning_rate"] for row in trials.run(tuning_rows, settings, sizes, until=0.8)}
    runs = [
        {"arm": "best rate", "batch_size": size, "rate": rate, "seed": seed, "stop_at_target": True}
        for seed in settings.each_seed()
        for size, rate in best.items()
        if rate is not None
    ]
    trials.run(training_rows, settings, runs)
    return settings


_kept: tuple[Dataset, Settings]  # on every rank


def keep(ranks: Ranks, data: Dataset, settings: Settings) -> None:
    """Each rank has the whole data set; which of its rows are a rank's own, a split says."""
    global _kept
    _kept = data, settings


def owners(split: str, rows: int, ranks: int, rng: np.random.Generator) -> np.ndarray:
    """(rows,): the rank that owns each row. Uneven: rank r has twice as many as r − 1. One empty: the last has none."""
    weights = np.ones(ranks) if split == "even" else 2.0 ** np.arange(ranks)
    if split == "one empty" and ranks > 1:
        weights[-1] = 0
    return rng.choice(ranks, size=rows, p=weights / weights.sum())


# ---- the same gradient, and the same run -----------------------------------------------------------------------------


def agreement_rows(data: Dataset, settings: Settings, split: str, seed: int, ranks: int) -> list[dict]:
    """How far the averaged gradient and noise of all rows are from those of one process, as a share."""
    G, trace = together(averaged, split=split, seed=seed)
    model = make_model(data, settings, seed)
    alone = gradient_noise(model, data.X_train, data.y_train)
    apart = {"gradient": _apart(G, model.backend.to_numpy(alone.mean)), "noise": abs(trace / alone.trace - 1)}
    return [{"kind": "agreement", "split": split, "seed": seed, "ranks": ranks} | apart]


def averaged(ranks: Ranks, split: str, seed: int) -> tuple[np.ndarray, float]:
    """G and tr Σ of all rows, of which each rank sees its own."""
    data, settings = _kept
    model = make_model(data, settings, seed)
    mine = owners(split, len(data.X_train), ranks.size, np.random.default_rng(seed)) == ranks.rank
    found = average(ranks.total(_share(model, data, mine), model.backend))
    return model.backend.to_numpy(found.mean), found.trace


def _share(model: Model, data: Dataset, index: np.ndarray) -> Any:
    X, y = (model.backend.asarray(values[index]) for values in (data.X_train, data.y_train))
    return share(model, X, y)


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def run_rows(data: Dataset, settings: Settings, optimizer: str, seed: int, ranks: int) -> list[dict]:
    """How far the parameters after a run on all ranks are from those of one process; whether all ranks agree."""
    theta, alike = together(trained, optimizer=optimizer, seed=seed)
    model, one = make_model(data, settings, seed), OPTIMIZERS[optimizer](RATES[optimizer])
    for index in _batches(data, seed):
        one.step(model, *(model.backend.asarray(values[index]) for values in (data.X_train, data.y_train)))
    row = {"kind": "run", "optimizer": optimizer, "seed": seed, "ranks": ranks, "alike": alike, **RUN}
    return [row | {"apart": _apart(theta, model.backend.to_numpy(model.theta))}]


def trained(ranks: Ranks, optimizer: str, seed: int) -> tuple[np.ndarray, bool]:
    """The parameters after a run whose batches are shared by uneven owners; whether all ranks end alike."""
    data, settings = _kept
    model, own = make_model(data, settings, seed), OPTIMIZERS[optimizer](RATES[optimizer])
    owner = owners("uneven", len(data.X_train), ranks.size, np.random.default_rng(seed))
    for index in _batches(data, seed):  # the same on each rank
        total = ranks.total(_share(model, data, index[owner[index] == ranks.rank]), model.backend)
        own.update(model.theta, average(total).mean)
    theta = model.backend.to_numpy(model.theta)
    return theta, len(set(ranks.gathered(hashlib.sha256(theta.tobytes()).hexdigest()))) == 1


def _batches(data: Dataset, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    size = min(RUN["batch_size"], len(data.X_train))
    while len(found) < RUN["updates"]:
        found += list(batches(len(data.X_train), size, rng, drop_last=True))
    return found[: RUN["updates"]]


# ---- the clock -------------------------------------------------------------------------------------------------------


def clock_rows(data: Dataset, settings: Settings, ranks: int, rounds: int) -> list[dict]:
    """Microseconds of an update on 1, 2, 4, … ranks at each size, and of it those of the message."""
    counts = sorted({2**k for k in range(ranks.bit_length())} | {ranks})
    readings = together(timed, counts=[count for count in counts if count <= ranks], rounds=rounds)
    return [
        {"kind": "clock", "ranks": count, "batch_size": size, "microseconds": total, "message": message}
        for (count, size), (total, message) in readings.items()
    ]


def timed(ranks: Ranks, counts: list[int], rounds: int) -> dict[tuple[int, int], tuple[list[float], list[float]]]:
    """{(ranks, batch size): (microseconds of an update, of its message)}, `rounds` readings of each, one after another.

    All ranks work at the same time, so each batch is cut evenly; what the slowest takes, the others wait for in the
    message.
    """
    _, settings = _kept
    groups = {count: ranks.first(count) for count in counts}
    cells = [(count, size) for size in settings.batch_sizes for count in counts]
    readings: dict[tuple[int, int], tuple[list[float], list[float]]] = {cell: ([], []) for cell in cells}
    works = {cell: _work(group, *cell) for cell in cells if (group := groups[cell[0]])}
    for _ in range(rounds):
        for cell in cells:
            ranks.gathered(None)  # begin together; a rank that has no part in this one waits at the next
            if cell in works:
                total, message = works[cell]()
                readings[cell][0].append(total)
                readings[cell][1].append(message)
    return readings


def _work(ranks: Ranks, count: int, batch_size: int) -> Any:
    """A function that makes updates for READING seconds, and tells the microseconds of one, and of its message."""
    data, settings = _kept
    model, optimizer = make_model(data, settings, settings.seed), OPTIMIZERS["sgd"](1e-9)
    mine = np.arange(batch_size)[ranks.rank :: count] % len(data.X_train)
    X, y = (model.backend.asarray(values[mine]) for values in (data.X_train, data.y_train))

    def updates(calls: int) -> tuple[float, float]:
        waited, start = 0.0, time.perf_counter()
        for _ in range(calls):
            vector = share(model, X, y)
            before = time.perf_counter()
            total = ranks.total(vector, model.backend)
            waited += time.perf_counter() - before
            optimizer.update(model.theta, average(total).mean)
        return 1e6 * (time.perf_counter() - start) / calls, 1e6 * waited / calls

    updates(1)
    calls = max(1, round(READING * 1e6 / max(ranks.gathered(updates(3)[0]))))
    return lambda: updates(max(ranks.gathered(calls)))
