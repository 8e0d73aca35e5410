"""Training runs over batch sizes: the model, the target, the best rate of each size, and the runs that are reported."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from minigrad import MLP, SGD, Adam, Dataset, History, LogisticRegression
from minigrad.model import Model
from minigrad.optimizers import Optimizer

from . import tuning
from .facts import balanced_accuracy
from .settings import ModelSettings, TrainingSettings
from .statistics import at_target
from .training import train_on

OPTIMIZERS: dict[str, Callable[[float], Optimizer]] = {"sgd": SGD, "momentum": partial(SGD, momentum=0.9), "adam": Adam}
Number = TypeVar("Number", int, float)
COUNTS = ("epoch", "updates", "samples", "seconds")
TO_TARGET = [f"{name}_to_target" for name in COUNTS]
# of `moments`
APART = 2.0  # epochs between two evaluations, where batches are large
OVERHEAD, WORTH = 16, 40_000  # of an update, in rows; in rows times parameters
MOST = 4  # times the work of an epoch in large batches: batch size 1 has a quick path of its own
SOONEST, LEAST = 16, 64  # S_min in updates and B_c in rows, the least that are likely


def data_for(model: str, data: Dataset) -> Dataset:
    """The data as a model takes them: of more than two classes logistic regression tells odd from even.

    Where all rows to train on are odd, or all even, it tells the first class from the rest. A user's own classes stay
    what they are: then it is softmax regression.
    """
    if model != "logistic" or data.n_classes == 2 or data.is_own:
        return data
    if len(np.unique(data.y_train % 2)) == 2:
        return data.binary("odd-even")
    first = data.y_train.min()
    return replace(data, y_train=1 * (data.y_train > first), y_test=1 * (data.y_test > first), classes=())


def make_model(data: Dataset, settings: ModelSettings, seed: int, dtype: str | None = None) -> Model:
    """The model of this experiment: logistic regression from zero, or an MLP from the weights that `seed` draws.

    Logistic regression of K > 2 classes is softmax regression: an MLP without a hidden layer, from zero, too.
    """
    dtype = dtype or settings.dtype
    if settings.model == "logistic" and data.n_classes == 2:
        return LogisticRegression(data.X_train.shape[1], dtype=dtype, backend=settings.backend)
    if settings.model == "logistic":
        softmax = MLP((data.X_train.shape[1], data.n_classes), dtype=dtype, backend=settings.backend)
        softmax.theta[:] = 0.0
        return softmax
    outputs = 1 if data.n_classes == 2 else data.n_classes
    layer_sizes = (data.X_train.shape[1], *settings.hidden, outputs)
    rng = np.random.default_rng(seed)
    return MLP(layer_sizes, activation=settings.activation, dtype=dtype, backend=settings.backend, rng=rng)


def make_optimizer(settings: TrainingSettings, rate: float) -> Optimizer:
    """The optimizer of these settings at a learning rate."""
    return OPTIMIZERS[settings.optimizer](rate)


def train_once(
    data: Dataset,
    settings: TrainingSettings,
    batch_size: int,
    rate: float,
    seed: int,
    model: Model | None = None,
    **keywords: Any,
) -> History:
    """`train_on` with a new model, or `model`; evaluated at `moments`, unless `keywords` say when."""
    arguments: dict[str, Any] = {"epochs": settings.epochs, "optimizer": make_optimizer(settings, rate)} | keywords
    model = model or make_model(data, settings, seed)
    if "evaluate_every" not in arguments:
        rows = len(data.X_train) - len(data.X_train) % batch_size
        p = len(model.theta)
        arguments["evaluate_at"] = moments(rows, batch_size, arguments["epochs"], p, settings.epoch_ends)
    return train_on(data, model, batch_size, seed, **arguments)


def moments(rows: int, batch_size: int, epochs: int, parameters: int, epoch_ends: bool = False) -> list[int]:
    """When to evaluate, in rows gone through, of `rows` an epoch: so that evaluations cost a fifth of a long training.

    An evaluation is a forward pass over all rows, and no part of training. An epoch of training costs at least 1.4 of
    them (MLP, one thread, digits and MNIST), and more where batches are small: what does not grow with the batch is
    worth the work of OVERHEAD + WORTH/p rows more, for p parameters. So in epochs evaluations are `apart` at first, and
    twice as much in the end; in between a fifth of what has gone by. Before that some come for targets that are reached
    soon, at half of `apart`, a quarter, …, but none sooner than SOONEST (B + LEAST) rows: a target takes gradient
    descent a dozen updates, S_min, and any batch size S_min (B + B_c) rows. A run that ends after few epochs is
    evaluated for more than a fifth of its time.

    Between two evaluations `at_target` interpolates. No clock has a say: the rows are the same on any machine.
    """
    apart = APART / min(MOST, 1 + (OVERHEAD + WORTH / parameters) / batch_size)
    found = [apart]
    while found[0] * rows >= 2 * SOONEST * (batch_size + LEAST):
        found.insert(0, found[0] / 2)
    while found[-1] < epochs:
        found.append(found[-1] + min(max(apart, found[-1] / 5), 2 * apart))
    return sorted({rows * math.ceil(epoch) if epoch_ends else math.ceil(rows * epoch) for epoch in found})


def epochs_of(updates: float, batch_size: int, rows: int) -> int:
    """The fewest epochs that hold so many updates; rows that fill no batch are left out of each."""
    return math.ceil(updates / (rows // batch_size))


def nearest(values: Iterable[Number], wanted: float) -> Number:
    """The value nearest to the one that is wanted, such as a batch size, on a log scale."""
    return min(values, key=lambda value: abs(math.log(value / wanted)))


def choose_target(data: Dataset, settings: TrainingSettings) -> float:
    """The training loss that gradient descent reaches at its best rate in two thirds of the epochs.

    So the target suits any data, gradient descent can reach it, and needs some dozens of updates to do so. Where the
    classes can be told apart without error the loss has no least value: then, a hundredth of that of guessing, log K.
    """
    updates, floor = max(1, 2 * settings.epochs // 3), 0.01 * math.log(data.n_classes)

    def final_loss(rate: float, _: float) -> float:
        m = len(data.X_train)
        history = train_once(data, settings, m, rate, settings.tuning_seeds[0], epochs=updates, evaluate_every=0)
        return math.inf if history.diverged else max(floor, float(history.loss[-1]))

    best, costs = tuning.best_rate(final_loss)
    if best is None:
        raise RuntimeError(f"gradient descent diverged at every rate from {min(costs)} to {max(costs)}")
    unit = 10.0 ** (math.floor(math.log10(costs[best])) - 2)
    return float(f"{math.ceil(costs[best] / unit) * unit:.3g}")  # rounded up, so that it is reached


def target_rows(data: Dataset, settings: TrainingSettings) -> list[dict]:
    """The target that the settings ask for, or the one that suits the data."""
    loss = settings.target or choose_target(data_for(settings.model, data), settings)
    return [{"kind": "target", "model": settings.model, "loss": loss}]


def tune(
    data: Dataset, settings: TrainingSettings, batch_size: int, target: float, **grid: Any
) -> tuple[float | None, dict[float, float]]:
    """The rate that takes the fewest sample gradients to the target, the mean over the tuning seeds.

    `grid` says where to look for it, as for `tuning.best_rate`.
    """
    m, n_seeds = len(data.X_train), len(settings.tuning_seeds)

    def cost(rate: float, limit: float) -> float:
        total = 0.0
        for seed in settings.tuning_seeds:
            left = (n_seeds * limit - total) / m  # epochs after which this rate has lost
            epochs = settings.epochs if math.isinf(left) else min(settings.epochs, math.ceil(left) + 1)
            history = train_once(data, settings, batch_size, rate, seed, epochs=epochs, target_loss=target)
            total += at_target(history.loss, history.samples, target)
            if total >= n_seeds * limit:
                return math.inf
        return total / n_seeds

    return tuning.best_rate(cost, **grid)


def training_rows(
    data: Dataset,
    settings: TrainingSettings,
    arm: str,
    batch_size: int,
    rate: float,
    seed: int,
    stop_at_target: bool = False,
) -> list[dict[str, Any]]:
    """Train for all epochs, and say when the target was reached, where it ended, and the way there."""
    model, target = make_model(data, settings, seed), settings.target if stop_at_target else None
    history = train_once(data, settings, batch_size, rate, seed, model, target_loss=target)
    assert settings.target is not None
    to_target = {
        f"{name}_to_target": at_target(history.loss, getattr(history, name), settings.target) for name in COUNTS
    }
    kept = np.unique(np.geomspace(1, len(history.loss), 120).astype(int)) - 1  # as close as a log axis can show
    row = {
        "kind": "training",
        "arm": arm,
        "batch_size": batch_size,
        "learning_rate": rate,
        "seed": seed,
        "updates_an_epoch": len(data.X_train) // batch_size,
        **to_target,
        "final_loss": float(history.loss[-1]),
        "test_accuracy": model.accuracy(*(model.backend.asarray(values) for values in (data.X_test, data.y_test))),
        "test_balanced_accuracy": balanced_accuracy(model, data.X_test, data.y_test),
        "diverged": history.diverged,
        "curve": {name: getattr(history, name)[kept].tolist() for name in (*COUNTS, "loss")},
    }
    return [row]


def tuning_rows(data: Dataset, settings: TrainingSettings, batch_size: int) -> list[dict[str, Any]]:
    """The best rate of a batch size, and what every rate that was tried cost."""
    assert settings.target is not None
    best, costs = tune(data, settings, batch_size, settings.target)
    row = {
        "kind": "tuning",
        "seeds": settings.tuning_seeds,
        "batch_size": batch_size,
        "learning_rate": best,
        "on_edge": best in (min(costs), max(costs)),
    }
    return [row | {"rates": list(costs), "samples_to_target": list(costs.values())}]
