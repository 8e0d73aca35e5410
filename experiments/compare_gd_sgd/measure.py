"""A batch's gradient against its samples'; an epoch of SGD against a step of GD; training and its cost."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad import SGD, Dataset, LogisticRegression, per_sample
from minigrad.model import Model

from ..lab.curvature import hessian_vector_product
from ..lab.settings import TrainingSettings
from ..lab.sweep import make_model, target_rows, training_rows, tuning_rows
from ..lab.timing import backends_here, timing_rows
from ..lab.training import train
from ..lab.trials import Trials

SAME, TUNED = "same rate", "best rate"
PATH_ROWS = 600  # enough for a picture
POINTS = 50  # of its surface, a side
IDENTITY_ROWS = 2000  # the sample gradients of more rows would not fit into memory for a large network


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """How to train, and how often to look at the clock."""

    learning_rate: float = 0.1  # that all batch sizes share
    repeats: int = 7  # of each timing


# ---- claim C1 ------------------------------------------------------------------------------------------------------


def identity_row(model: Model, X: Any, y: Any, seed: int, place: str) -> dict:
    """How far the gradient of this batch is from the mean of its samples' gradients, over the mean length of those."""
    xp = model.xp
    sample_gradients = model.sample_gradients(X, y)
    difference = model.gradient(X, y) - sample_gradients.mean(axis=0)
    scale = xp.sqrt((sample_gradients**2).sum(axis=1)).mean()
    length, scale = float(xp.linalg.norm(difference)), float(scale)
    error = length / scale if scale > 0 else math.inf * length if length else 0.0
    return {"kind": "identity", "seed": seed, "place": place, "batch_size": len(X), "relative_error": error}


def epoch_against_step_rows(model: Model, X: Any, y: Any, seed: int) -> list[dict]:
    """One epoch of SGD against one step of gradient descent from the same parameters, at several rates.

    Kind "epoch": SGD at η/m against the step η. Kind "sum": both at the same η, the step by the mean and by the sum.
    """
    xp, m = model.xp, len(X)
    start, G = model.theta.copy(), model.gradient(X, y)
    order = np.random.default_rng(seed).permutation(m)
    G_norm = float(xp.linalg.norm(G))

    def epoch_of_sgd(rate: float) -> Any:
        model.theta = start
        per_sample.fast_epoch(model, X, y, order, rate)
        return model.theta.copy()

    if G_norm == 0:
        return []  # at an optimum nothing moves, and there is nothing to compare
    HG_norm = float(xp.linalg.norm(hessian_vector_product(model, X, y, G)))
    rows: list[dict] = []
    for eta in (G_norm / HG_norm) * np.geomspace(1e-3, 1e-1, 7):  # in units of 1/curvature, so that any data will do
        distance = float(xp.linalg.norm(epoch_of_sgd(float(eta) / m) - (start - float(eta) * G)))
        predicted = 0.5 * eta**2 * HG_norm
        rows.append({"kind": "epoch", "seed": seed, "learning_rate": eta, "distance": distance, "predicted": predicted})
    for eta in (1e-4, 1e-3, 1e-2, 1e-1):
        moved = float(xp.linalg.norm(epoch_of_sgd(eta) - start))
        by_mean, by_sum = moved / (eta * G_norm), moved / (m * eta * G_norm)
        rows.append(
            {"kind": "sum", "seed": seed, "learning_rate": eta, "sgd_over_mean": by_mean, "sgd_over_sum": by_sum}
        )
    model.theta = start
    return rows


def check_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """Everything that claim C1 is judged by, for one seed; in float64 whatever the training's dtype."""
    model = make_model(data, settings, seed, dtype="float64")
    X, y = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train)
    rows = epoch_against_step_rows(model, X, y, seed)
    order = model.backend.asarray(np.random.default_rng(seed).permutation(len(data.X_train)))
    for place in ("start", "after an epoch"):
        if place == "after an epoch":
            train(model, X, y, optimizer=SGD(0.01), batch_size=min(16, len(X)), epochs=1, shuffle=False)
        for batch_size in {*settings.batch_sizes, len(X)}:
            index = order[: min(batch_size, IDENTITY_ROWS)]
            rows.append(identity_row(model, X[index], y[index], seed, place))
    return rows


# ---- paths over a loss with two parameters ---------------------------------------------------------------------------


def one_feature(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, 1) and labels (m,) for a logistic regression whose theta = (w, b) can be drawn.

    The feature is the projection of a sample on the line between the two classes' means, standardised and shifted by
    one so that w and b are not independent of each other and the contours are not circles.
    """
    y = data.y_train > data.y_train.min()  # the labels themselves, or the first class against the rest
    x = data.X_train @ (data.X_train[y].mean(axis=0) - data.X_train[~y].mean(axis=0))
    x = ((x - x.mean()) / (x.std() or 1.0) + 1)[:, None]
    return x[:PATH_ROWS], y[:PATH_ROWS]


def path_rows(data: Dataset, settings: Settings) -> list[dict]:
    """Logistic regression on one feature: three methods, one rate, three epochs; and the loss that they descend."""
    x, y = one_feature(data)
    rows: list[dict] = []
    for batch_size in sorted({len(x), min(32, len(x)), 1}, reverse=True):
        model = LogisticRegression(1)
        model.theta[:] = (-1.0, 2.0)
        thetas: list[list[float]] = []

        def remember(model: Model, _: dict, thetas: list = thetas) -> None:
            thetas.append(model.theta.tolist())

        run = {"optimizer": SGD(0.5), "batch_size": batch_size, "epochs": 3, "rng": 0}
        train(model, x, y, **run, evaluate_every=1, callback=remember)
        rows.append({"kind": "path", "batch_size": batch_size, "n": len(x), "learning_rate": 0.5, "theta": thetas})
    everything = np.concatenate([row["theta"] for row in rows])
    low, high = everything.min(axis=0) - 0.4, everything.max(axis=0) + 0.4
    w, b = np.linspace(low[0], high[0], POINTS), np.linspace(low[1], high[1], POINTS)
    model, loss = LogisticRegression(1), np.empty((POINTS, POINTS))
    for i, j in np.ndindex(loss.shape):
        model.theta[:] = (w[j], b[i])
        loss[i, j] = model.loss(x, y)
    rows.append({"kind": "surface", "w": w, "b": b, "loss": loss})
    return rows


# ---- everything ------------------------------------------------------------------------------------------------------


def measure(trials: Trials, settings: Settings) -> Settings:
    """The checks of the claim; then what the batch size does to training, and what a sample gradient costs."""
    seeds, sizes = settings.each_seed(), settings.batch_sizes
    trials.run(path_rows, settings, [{}], until=0.04)
    trials.run(check_rows, settings, [{"seed": seed} for seed in seeds], until=0.25)
    [target] = trials.run(target_rows, settings, [{}], until=0.26)
    settings = replace(settings, target=target["loss"])
    tuned = trials.run(tuning_rows, settings, [{"batch_size": size} for size in sizes], until=0.5)
    for backend in backends_here(settings.backend):
        here, repeats = replace(settings, backend=backend), [{"repeats": settings.repeats}]
        trials.run(timing_rows, here, repeats, timed=True, until=0.7)
    rates = {(SAME, size): settings.learning_rate for size in sizes}
    rates |= {(TUNED, row["batch_size"]): row["learning_rate"] for row in tuned if row["learning_rate"] is not None}
    runs = [
        {"arm": arm, "batch_size": size, "rate": rate, "seed": seed}
        for seed in seeds  # seeds outside, sizes inside: a slow minute of the machine hits all sizes
        for (arm, size), rate in rates.items()
    ]
    trials.run(training_rows, settings, runs, timed=True)
    return settings
