"""What training to a target takes at each batch size; and where gradients point on the way.

In the rows "arm" is the model, and "aim" is which of its two targets.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import Dataset

from ..lab import sweep, tuning
from ..lab.settings import TrainingSettings
from ..lab.statistics import at_target
from ..lab.sweep import epochs_of, make_model, train_once
from ..lab.training import train_on
from ..lab.trials import Trials
from .directions import DirectionWitness

MODELS = {"logistic": "logistic", "mlp": "MLP"}
LOOSE, TIGHT = "loose", "tight"
CASES = {(model, aim): f"{name} {aim}" for model, name in MODELS.items() for aim in (LOOSE, TIGHT)}
COUNTS = ("samples", "updates", "seconds")
TIGHTER = 20  # times the updates of gradient descent
FLOOR = 1e-3  # of log K, the loss of guessing, below which no target lies; the loose one lies above ten times that
SECOND_SEARCH = (1, 0, -1, -2, -3, -4)  # quarters of a decade about the best rate for the loose target
MOMENTS = 16  # of a run, at which its directions are looked at
LONGEST = 5000  # updates of a run that is looked at: a witness takes the batched kernel at batch size 1, too


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to train, and the targets. Sizes low ≤ B < high are not trained to the tight one: it would take minutes."""

    aims: tuple[str, ...] = (LOOSE, TIGHT)
    not_to_tight: tuple[int, int] = (0, 0)  # (low, high)
    halvings: int = 2  # of the grid of rates: the best is known to a factor of 10^(1/8) = 1.33


def adapted(data: Dataset, settings: Settings, target: dict[str, Any]) -> tuple[Dataset, Settings]:
    """The data as the target's model takes them, and the settings to train to it."""
    settings = replace(settings, model=target["arm"], epochs=target["epochs"], epoch_ends=target["epoch_ends"])
    return sweep.data_for(settings.model, data), settings


def target_rows(data: Dataset, settings: Settings, model: str) -> list[dict]:
    """The targets of a model: what gradient descent reaches in some dozens of updates, and in TIGHTER times as many."""
    loose: dict[str, Any] = {"kind": "target", "arm": model, "aim": LOOSE, "epochs": max(1, settings.epochs // TIGHTER)}
    loose["epoch_ends"] = False
    data, few = adapted(data, settings, loose)
    loose["loss"] = sweep.choose_target(data, few)
    if TIGHT not in settings.aims:
        return [loose]
    m = len(data.X_train)
    rate, costs = sweep.tune(data, few, m, loose["loss"], halvings=settings.halvings)
    if rate is None:
        return [loose]
    updates = min(settings.epochs, math.ceil(TIGHTER * costs[rate] / m))
    runs = [train_once(data, few, m, rate, seed, epochs=updates, evaluate_every=0) for seed in settings.tuning_seeds]
    loss = max(FLOOR * math.log(data.n_classes), *(float(run.loss[-1]) for run in runs))
    tight = loose | {"aim": TIGHT, "epochs": settings.epochs, "epoch_ends": True}
    tight["loss"] = float(f"{1.00005 * loss:.5g}")  # rounded up, so that it is reached
    is_target = tight["loss"] < loose["loss"] and not any(run.diverged for run in runs)
    return [loose, tight] if is_target else [loose]


def tuning_rows(data: Dataset, settings: Settings, targets: list[dict], batch_size: int) -> list[dict]:
    """The best rate of a size for each target of a model; the search for the second begins about the first."""
    rows: list[dict] = []
    grid: Sequence[float] = tuning.HALF_DECADES
    for target in targets:
        where = adapted(data, settings, target)
        rate, costs = sweep.tune(*where, batch_size, target["loss"], grid=grid, halvings=settings.halvings)
        row = {"kind": "tuning", "arm": target["arm"], "aim": target["aim"], "batch_size": batch_size}
        row |= {"seeds": settings.tuning_seeds, "learning_rate": rate, "on_edge": rate in (min(costs), max(costs))}
        rows.append(row | {"rates": list(costs), "samples_to_target": list(costs.values())})
        if rate is not None:
            nearest = round(8 * math.log10(rate)) / 4
            grid = [nearest + step / 2 for step in SECOND_SEARCH]
    return rows


def reaching_rows(
    data: Dataset, settings: Settings, target: dict[str, Any], batch_size: int, rate: float, seed: int
) -> list[dict]:
    """What a run to a target took: one run tells all three."""
    history = train_once(*adapted(data, settings, target), batch_size, rate, seed, target_loss=target["loss"])
    row = {"kind": "reaching", "arm": target["arm"], "aim": target["aim"], "batch_size": batch_size}
    took = {name: at_target(history.loss, getattr(history, name), target["loss"]) for name in COUNTS}
    return [row | {"learning_rate": rate, "seed": seed} | took]


def direction_rows(
    data: Dataset, settings: Settings, target: dict, batch_size: int, rate: float, share: float, updates: int, seed: int
) -> list[dict]:
    """Directions along the updates to a target; at a share of the rate, along so many times more updates."""
    data, settings = adapted(data, settings, target)
    model = make_model(data, settings, seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    updates = max(1, round(updates / share))
    moments = {int(k) for k in np.linspace(1, updates, MOMENTS)}
    witness = DirectionWitness(share * rate, model.batch(X, y), moments, np.random.default_rng(seed))
    epochs = epochs_of(updates, batch_size, len(X))
    train_on(data, model, batch_size, seed, optimizer=witness, epochs=epochs, evaluate_every=0)
    row = {"kind": "direction", "arm": target["arm"], "aim": target["aim"], "batch_size": batch_size, "share": share}
    return [row | {"seed": seed, "updates": updates} | witness.seen]


def measure(trials: Trials, settings: Settings) -> Settings:
    """Choose the targets, tune every size, then run to the targets and look at the directions along the way."""
    n, (low, high) = len(trials.data.X_train), settings.not_to_tight
    found = trials.run(target_rows, settings, [{"model": model} for model in MODELS], until=0.1)
    targets = {(row["arm"], row["aim"]): row for row in found}
    searches = []
    for size in settings.batch_sizes:  # the longest first
        aims = [aim for aim in (LOOSE, TIGHT) if aim == LOOSE or not low <= size < high]
        for model in MODELS:
            wanted = [targets[model, aim] for aim in aims if (model, aim) in targets]
            searches.append({"targets": wanted, "batch_size": size})
    runs, looks = [], []
    for row in trials.run(tuning_rows, settings, searches, until=0.6):
        size, aim = row["batch_size"], row["aim"]
        if row["learning_rate"] is None:  # no rate arrives
            continue
        run = {"target": targets[row["arm"], aim], "batch_size": size, "rate": row["learning_rate"]}
        runs.append(run)
        updates = max(1, round(min(row["samples_to_target"]) / size))
        if (aim == LOOSE and updates <= LONGEST) or size == n:
            looks.append(run | {"share": 1.0, "updates": updates})
        if aim == LOOSE and size == n:
            looks.append(run | {"share": 0.1, "updates": updates})
    seeds = settings.each_seed()
    in_turn = (settings.tuning_seeds[0], *seeds)  # outside, sizes inside: a slow minute of the machine hits all sizes
    in_turn_runs = [run | {"seed": seed} for seed in in_turn for run in runs]
    trials.run(reaching_rows, settings, in_turn_runs, timed=True, until=0.9)
    trials.run(direction_rows, settings, [look | {"seed": seed} for look in looks for seed in seeds])
    return settings
