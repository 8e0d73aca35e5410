"""Three problems that trap, and where training ends on each: from many starts, in batches of every size."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from minigrad import SGD, Dataset, History
from minigrad.model import Model

from ..lab import tuning
from ..lab.curvature import largest_eigenvalue
from ..lab.facts import left_out
from ..lab.polish import polish
from ..lab.settings import ModelSettings, tuning_seeds
from ..lab.sweep import epochs_of, make_model
from ..lab.training import train_on
from ..lab.trials import Trials

XOR, SPIRALS, DATA = PROBLEMS = "XOR", "two spirals", "data"
NARROW = {XOR: (2,), SPIRALS: (4,)}  # hidden units; for the data, --hidden
ALONE, WIDE = "descent alone", "descent alone, wide"  # the arms without training; wide: WIDER times the hidden units
BEST, SAME = "best rate", "same rate"  # the arms with training: the best learning rate of each size, or one for all
ARMS = (ALONE, WIDE, BEST, SAME)
WIDER = 4
TUNING_STARTS = 12  # with 4 a rate won by luck: XOR, full batch, rate 10: mean loss 0.27 on 4 starts, 0.45 on 24
TUNING_GRID = (-2, -1, 0)  # of `tuning.rate`, to begin with: 0.1, 0.316, 1


@dataclass(frozen=True)
class Settings(ModelSettings):
    """How to train: every batch size for at least so many epochs and so many updates. Each seed is a start."""

    hidden: tuple[int, ...] = (2,)
    learning_rate: float = 0.1
    epochs: int = 1
    updates: int = 1000
    most_rows: int = 2000  # of the data: every end point takes thousands of full-batch gradients

    @property
    def sizes_of_an_epoch(self) -> tuple[int, ...]:
        """None: each problem has rows of its own, and its end points say what its epochs leave out."""
        return ()


def xor(m: int = 200, deviation: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """A cloud about each corner of a square, opposite corners of a class; they overlap, so that two units must err."""
    corner = np.stack([np.arange(m) % 2, np.arange(m) // 2 % 2], axis=1)
    X = 2 * corner - 1 + deviation * np.random.default_rng(0).standard_normal((m, 2))
    return X, corner[:, 0] ^ corner[:, 1]


def two_spirals(m: int = 300, turns: float = 1.25, deviation: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Two curves wound into each other, a class each."""
    rng, y = np.random.default_rng(0), np.arange(m) % 2
    radius = np.sqrt(rng.uniform(0.05, 1, m))
    angle = 2 * np.pi * turns * radius + np.pi * y
    X = 2 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X + deviation * rng.standard_normal((m, 2)), y


def pose(problem: str, data: Dataset, settings: Settings) -> tuple[Dataset, Settings]:
    """A problem's rows, and the settings with its hidden layer and its batch sizes: all is as many as it has rows."""
    if problem == DATA:
        kept = slice(settings.most_rows)
        posed = replace(data, X_train=data.X_train[kept], y_train=data.y_train[kept])
    else:
        X, y = xor() if problem == XOR else two_spirals()
        posed = Dataset(X, y, X[:0], y[:0], problem)
        settings = replace(settings, hidden=NARROW[problem])
    m, everything = len(posed.X_train), len(data.X_train)
    sizes = {m if size == everything else min(size, m) for size in settings.batch_sizes}
    return posed, replace(settings, batch_sizes=tuple(sorted(sizes)))


def train_from(data: Dataset, settings: Settings, batch_size: int, rate: float, start: int) -> tuple[Model, History]:
    """Train from the weights that `start` draws."""
    model = make_model(data, settings, start)
    epochs = max(settings.epochs, epochs_of(settings.updates, batch_size, len(data.X_train)))
    return model, train_on(data, model, batch_size, start, optimizer=SGD(rate), epochs=epochs, evaluate_every=0)


def tuning_rows(data: Dataset, settings: Settings, problem: str, batch_size: int) -> list[dict]:
    """The rate with the least loss at the end of training, the mean over the tuning starts: as practice tunes."""
    data, settings = pose(problem, data, settings)

    def mean_loss(rate: float, limit: float) -> float:
        total = 0.0
        for start in tuning_seeds(settings.seed, TUNING_STARTS):
            _, history = train_from(data, settings, batch_size, rate, start)
            total += math.inf if history.diverged else float(history.loss[-1])
            if total >= limit * TUNING_STARTS:
                return math.inf
        return total / TUNING_STARTS

    best, costs = tuning.best_rate(mean_loss, TUNING_GRID)
    row = {"kind": "tuning", "problem": problem, "batch_size": batch_size, "learning_rate": best}
    return [row | {"rates": list(costs), "losses": list(costs.values())}]


def end_rows(data: Dataset, settings: Settings, problem: str, start: int, arms: list[list]) -> list[dict]:
    """Where each of the arms [name, batch size, learning rate] ends from one start; no rate: descent alone."""
    data, settings = pose(problem, data, settings)
    frequencies = np.bincount(data.y_train) / len(data.y_train)
    row = {"kind": "end", "problem": problem, "start": start, "m": len(data.y_train), "hidden": settings.hidden}
    row["guessing"] = float(scipy.stats.entropy(frequencies))
    ends: dict[tuple, dict] = {}  # the best rate may be the same rate
    rows = []
    for arm, batch_size, rate in arms:
        wide = tuple(WIDER * units for units in settings.hidden)
        network = replace(settings, hidden=wide) if arm == WIDE else settings
        key = (network.hidden, batch_size, rate)
        if key not in ends:
            ends[key] = end_of(data, network, batch_size, rate, start)
        out = {} if batch_size is None else {"left_out_an_epoch": left_out(len(data.y_train), batch_size)}
        rows.append(row | {"arm": arm, "batch_size": batch_size, "learning_rate": rate} | out | ends[key])
    return rows


def end_of(data: Dataset, settings: Settings, batch_size: int | None, rate: float | None, start: int) -> dict:
    """Loss and sharpness where training ends, and the loss at the bottom below; in float64 but for the training."""
    model = make_model(data, settings, start)
    if batch_size is not None and rate is not None:
        model, history = train_from(data, settings, batch_size, rate, start)
        if history.diverged:
            return {"diverged": True}
    exact = make_model(data, settings, start, dtype="float64")
    exact.theta = model.theta
    X, y = exact.backend.asarray(data.X_train), exact.backend.asarray(data.y_train)
    end: dict[str, Any] = {"diverged": False, "trained_loss": exact.loss(X, y)}
    end["sharpness"] = largest_eigenvalue(exact, X, y) if rate is not None else None
    end["gradient"], end["fall"] = polish(exact, X, y)
    end["loss"], end["accuracy"] = exact.loss(X, y), exact.accuracy(X, y)
    return end


def measure(trials: Trials, settings: Settings) -> Settings:
    """The best rate of every batch size on every problem, then where starts end: half of them with every arm."""
    tasks = []
    for problem in reversed(PROBLEMS):  # the longest first, so that no worker is left with them at the end
        _, posed = pose(problem, trials.data, settings)
        tasks += [{"problem": problem, "batch_size": size} for size in posed.batch_sizes]
    best: dict[str, list[list]] = {problem: [] for problem in PROBLEMS}
    beside: dict[str, list[list]] = {problem: [[ALONE, None, None], [WIDE, None, None]] for problem in PROBLEMS}
    for row in trials.run(tuning_rows, settings, tasks, until=0.15):
        beside[row["problem"]].append([SAME, row["batch_size"], settings.learning_rate])
        if row["learning_rate"] is not None:
            best[row["problem"]].append([BEST, row["batch_size"], row["learning_rate"]])
    half = settings.each_seed(math.ceil(settings.seeds / 2))
    starts = [
        {"problem": problem, "start": start, "arms": best[problem] + (beside[problem] if start in half else [])}
        for problem in reversed(PROBLEMS)
        for start in settings.each_seed()
    ]
    trials.run(end_rows, settings, starts)
    return settings
