"""A map over batch size and learning rate; runs at one rate and at the best; accuracies; a ragged last batch."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import SGD, Dataset, batches

from ..lab import sweep, tuning
from ..lab.facts import balanced_accuracy
from ..lab.polish import polish
from ..lab.settings import TrainingSettings
from ..lab.statistics import at_target
from ..lab.sweep import nearest, target_rows, training_rows
from ..lab.timing import backends_here, timing_rows
from ..lab.trials import Trials

SAME, TUNED = "same rate", "best rate"
TREATMENTS = DROPPED, SCALED_STEP, FULL_STEP = ("left out", "step scaled by its rows", "full step")
REFERENCE = 32  # B₀, or the batch size next to it
GRID = range(-4, 3)  # 0.01 … 10 in half decades, to begin with


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to train, and the size of the map."""

    learning_rate: float | None = None  # one for all batch sizes; None: the best of the reference size
    reference: int | None = None  # B₀, found by measuring
    repeats: int = 9  # how often a timing is repeated
    map_epochs: int = 30  # a rate that has not reached the target after so many does not arrive
    accuracy_sizes: int = 4  # how many of the batch sizes are compared by accuracy,
    accuracy_seeds: int = 6  # on how many seeds at least,
    accuracy_epochs: int = 60  # after how many epochs


def measure(trials: Trials, settings: Settings) -> Settings:
    """The map of rates; then runs at one rate, at the best rates, and what goes with them."""
    sizes, seeds, n = settings.batch_sizes, settings.each_seed(), len(trials.data.X_train)
    [target] = trials.run(target_rows, replace(settings, epochs=settings.map_epochs), [{}], until=0.01)
    settings = replace(settings, target=target["loss"], accuracy_seeds=max(settings.accuracy_seeds, settings.seeds))
    grids = dict.fromkeys(sizes, GRID)
    best = best_rates(trials, cell_rows, settings, grids, lambda row: row["samples_to_target"], until=0.35)
    reference = nearest(sizes, REFERENCE)
    fixed = settings.learning_rate or best[reference] or 0.1
    settings = replace(settings, learning_rate=fixed, reference=reference)
    runs = [{"arm": SAME, "batch_size": size, "rate": fixed, "seed": seed} for size in sizes for seed in seeds]
    trials.run(training_rows, replace(settings, epoch_ends=True), runs, until=0.65)
    compare_accuracy(trials, settings, best)
    if size := ragged_size(n):
        rate = best[nearest(sizes, size)] or fixed
        runs = [{"treatment": t, "batch_size": size, "rate": rate, "seed": seed} for t in TREATMENTS for seed in seeds]
        trials.run(ragged_rows, settings, runs, until=0.86)
    for backend in backends_here(settings.backend):
        here, repeats = replace(settings, backend=backend), [{"repeats": settings.repeats}]
        trials.run(timing_rows, here, repeats, timed=True, until=0.92)
    arrive = {size: rate for size, rate in best.items() if rate}
    tuned = {"arm": TUNED, "stop_at_target": True}
    runs = [tuned | {"batch_size": B, "rate": rate, "seed": seed} for seed in seeds for B, rate in arrive.items()]
    trials.run(training_rows, settings, runs, timed=True)
    return settings


def compare_accuracy(trials: Trials, settings: Settings, best: dict[int, float | None]) -> None:
    """Choose rates by validation accuracy; then test the network at several sizes, and logistic regression at one."""
    settings = replace(settings, epochs=settings.accuracy_epochs)
    sizes, seeds = settings.batch_sizes, settings.each_seed(settings.accuracy_seeds)
    chosen = sorted({sizes[round(k)] for k in np.linspace(0, len(sizes) - 1, settings.accuracy_sizes)})
    network, linear = ("network", settings, chosen), ("linear", replace(settings, hidden=()), [sizes[len(sizes) // 2]])
    for arm, these, where in (network, linear):
        middle = {size: round(2 * math.log10(best[size] or 0.1)) for size in where}
        grids = {size: range(k - 1, k + 2) for size, k in middle.items()}
        rates = best_rates(trials, validation_rows, these, grids, lambda row: -row["accuracy"], 2, until=0.75)
        runs = [
            {"arm": arm, "batch_size": B, "rate": rate, "seed": seed} for B, rate in rates.items() for seed in seeds
        ]
        trials.run(accuracy_rows, these, runs, until=0.85)


def best_rates(
    trials: Trials,
    trial: Callable[..., list[dict]],
    settings: Settings,
    grids: Mapping[int, Iterable[int]],
    cost: Callable[[dict], float],
    limit: int = tuning.LIMIT,
    until: float = 1.0,
) -> dict[int, float | None]:
    """The rate of least cost for each batch size, the mean over the tuning seeds; None where no rate arrives.

    `limit` as for `tuning.best_rates`, `until` as for `Trials.run`.
    """

    def means(cells: list[tuple[int, float]]) -> list[float]:
        arguments = [
            {"batch_size": B, "rate": rate, "seed": seed} for B, rate in cells for seed in settings.tuning_seeds
        ]
        costs = [cost(row) for row in trials.run(trial, settings, arguments, until=until)]
        return np.reshape(costs, (-1, len(settings.tuning_seeds))).mean(axis=1).tolist()

    best: dict[int, float | None] = {}
    for size, costs in tuning.best_rates(means, grids, limit).items():
        rate = min(costs, key=lambda rate: costs[rate])
        best[size] = rate if math.isfinite(costs[rate]) else None
    return best


def cell_rows(data: Dataset, settings: Settings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """One run of the map: the updates to the target, or where training was after `map_epochs`."""
    model = sweep.make_model(data, settings, seed)
    history = sweep.train_once(
        data, settings, batch_size, rate, seed, model=model, epochs=settings.map_epochs, target_loss=settings.target
    )
    test_accuracy = model.accuracy(*(model.backend.asarray(values) for values in (data.X_test, data.y_test)))
    balanced = balanced_accuracy(model, data.X_test, data.y_test)
    assert settings.target is not None
    row = {"kind": "cell", "batch_size": batch_size, "learning_rate": rate, "seed": seed, "diverged": history.diverged}
    row |= {"loss": float(history.loss[-1]), "test_accuracy": test_accuracy, "test_balanced_accuracy": balanced}
    for name in ("updates", "samples"):
        row[f"{name}_to_target"] = at_target(history.loss, getattr(history, name), settings.target)
    return [row]


def validation_rows(data: Dataset, settings: Settings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """Accuracy on a fifth of the training rows, held out, after training on the others."""
    n = len(data.X_train)
    order: Any = np.random.default_rng(n).permutation(n)
    fifth = max(1, n // 5)
    held_out, rest = order[:fifth], order[fifth:]
    part = replace(data, X_train=data.X_train[rest], y_train=data.y_train[rest])
    validation = (data.X_train[held_out], data.y_train[held_out])
    size = min(batch_size, len(rest))
    model = sweep.make_model(part, settings, seed)
    history = sweep.train_once(part, settings, size, rate, seed, model=model, evaluate_every=0, test=validation)
    row = {"kind": "validation", "hidden": list(settings.hidden), "batch_size": batch_size, "learning_rate": rate}
    return [row | {"seed": seed, "accuracy": 0.0 if history.diverged else float(history.test_accuracy[-1])}]


def accuracy_rows(data: Dataset, settings: Settings, arm: str, batch_size: int, rate: float, seed: int) -> list[dict]:
    """Test accuracy after training on all training rows; and after descending from there to the bottom."""
    model = sweep.make_model(data, settings, seed)
    history = sweep.train_once(
        data, settings, batch_size, rate, seed, model=model, evaluate_every=0, test=(data.X_test, data.y_test)
    )
    row = {"kind": "accuracy", "arm": arm, "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    row |= {"loss": float(history.loss[-1]), "test_accuracy": float(history.test_accuracy[-1])}
    row["test_balanced_accuracy"] = balanced_accuracy(model, data.X_test, data.y_test)
    bottom = sweep.make_model(data, settings, seed, dtype="float64")
    bottom.theta = bottom.backend.asarray(model.theta, "float64")
    X, y = (bottom.backend.asarray(values) for values in (data.X_train, data.y_train))
    gradient, _ = polish(bottom, X, y)
    X_test, y_test = (bottom.backend.asarray(values) for values in (data.X_test, data.y_test))
    row |= {"polished_loss": bottom.loss(X, y), "polished_largest_gradient": gradient}
    row |= {"polished_test_accuracy": bottom.accuracy(X_test, y_test)}
    return [row | {"polished_test_balanced_accuracy": balanced_accuracy(bottom, data.X_test, data.y_test)}]


def ragged_rows(
    data: Dataset, settings: Settings, treatment: str, batch_size: int, rate: float, seed: int
) -> list[dict]:
    """Updates to the target where an epoch's last batch is one sample: with a full step, a scaled one, or left out."""
    model = sweep.make_model(data, settings, seed)
    rows = model.batch(*(model.backend.asarray(values) for values in (data.X_train, data.y_train)))
    rng = np.random.default_rng(seed)
    losses, updates = [model.loss(rows)], [0]
    assert settings.target is not None
    while losses[-1] > settings.target and len(losses) <= settings.epochs:
        count = updates[-1]
        for index in batches(rows.m, batch_size, rng, drop_last=treatment == DROPPED, backend=model.backend):
            share = len(index) / batch_size if treatment == SCALED_STEP else 1.0
            SGD(rate * share).step(model, rows[index])
            count += 1
        losses.append(model.loss(rows))
        updates.append(count)
    needed = at_target(losses, updates, settings.target)
    row = {"kind": "ragged", "treatment": treatment, "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    return [row | {"updates_to_target": needed}]


def ragged_size(n: int) -> int | None:
    """The largest batch size up to n/2 that leaves one sample over; None where there is no such size above 1."""
    return next((size for size in range(n // 2, 1, -1) if n % size == 1), None)
