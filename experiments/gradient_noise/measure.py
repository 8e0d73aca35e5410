"""Spreads of batch gradients at fixed parameters, and the noise along training runs."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import SGD, Dataset, History, gradient_noise
from minigrad.engine.batch import Batch
from minigrad.model import Model

from ..lab.settings import ModelSettings
from ..lab.sweep import make_model
from ..lab.training import train_on
from ..lab.trials import Trials

PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}  # of training, as a share of its epochs
INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS = "independent", "without replacement", "ordered by class"
TRAINING_BATCH = 32
ENOUGH = 32  # smaller batches are drawn more often: late in training a few samples make up most of tr Σ


@dataclass(frozen=True)
class Settings(ModelSettings):
    """How to train, and how often to draw."""

    epochs: int = 20
    learning_rate: float = 0.1
    draws: int = 200  # of batches at each size, at the least

    @property
    def sizes_of_an_epoch(self) -> tuple[int, ...]:
        """Training has one batch size; the others are drawn at fixed parameters."""
        return (TRAINING_BATCH,)


def spread_rows(data: Dataset, settings: Settings, seed: int, place: str) -> list[dict]:
    """The spread of the batch gradient for every n and each way of drawing, at one place of one training run."""
    model = make_model(data, settings, seed)
    epochs = math.ceil(PLACES[place] * settings.epochs)
    if epochs:
        train_for(epochs, model, data, settings, seed)
    everything = model.batch(model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train))
    noise, by_class = gradient_noise(model, everything), np.argsort(data.y_train, kind="stable")
    rng = np.random.default_rng(seed)
    rows = []
    for n in settings.batch_sizes:
        for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS):
            draws = settings.draws * (1 if sampling == BY_CLASS else max(1, ENOUGH // n))  # a control may be coarse
            squares = [
                distance_squared(model, everything, draw(rng, by_class, n, sampling), noise.mean) for _ in range(draws)
            ]
            row = {"kind": "spread", "seed": seed, "place": place, "sampling": sampling, "batch_size": n}
            spread = math.sqrt(np.mean(squares))
            rows.append(row | {"N": len(data.y_train), "spread": spread, "trace": noise.trace})
    return rows


def draw(rng: np.random.Generator, by_class: np.ndarray, n: int, sampling: str) -> np.ndarray:
    """The indices of a batch of n of the samples, whose indices in the order of their classes are `by_class`."""
    N = len(by_class)
    if sampling == INDEPENDENT:
        return rng.integers(N, size=n)
    if sampling == WITHOUT_REPLACEMENT:
        return rng.choice(N, size=n, replace=False)
    return by_class[(rng.integers(N) + np.arange(n)) % N]  # neighbours from a random place on; the end joins the start


def distance_squared(model: Model, everything: Batch, index: np.ndarray, G: Any) -> float:
    """‖g_B − G‖² of the batch with these indices."""
    difference = model.gradient(everything[model.backend.asarray(index)]) - G
    return float(difference @ difference)


def run_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """tr Σ, ‖G‖² and the loss along one training run, after 0, 1, 2, 4, … updates and at its end."""
    rows: list[dict] = []
    model = make_model(data, settings, seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)

    def measure(_: Model, at: dict[str, Any]) -> None:
        here = gradient_noise(model, X, y)
        row = {"kind": "run", "seed": seed, "updates": at["updates"], "loss": at["loss"], "trace": here.trace}
        rows.append(row | {"square_norm": float(here.mean @ here.mean), "noise_scale": here.noise_scale})

    train_for(settings.epochs, model, data, settings, seed, measure)
    return rows


def train_for(epochs: int, model: Model, data: Dataset, settings: Settings, seed: int, callback: Any = None) -> History:
    """Mini-batch SGD, the same for every measurement of a seed; `callback` after 0, 1, 2, 4, … updates and the last."""
    m = len(data.X_train)
    batch_size = min(TRAINING_BATCH, m)
    powers_of_two = [batch_size * 2**k for k in range((epochs * (m // batch_size)).bit_length())]
    how = {"epochs": epochs, "callback": callback, "evaluate_at": powers_of_two if callback else []}
    return train_on(data, model, batch_size, seed, optimizer=SGD(settings.learning_rate), **how)


def measure(trials: Trials, settings: Settings) -> Settings:
    """A training run and the spreads at three places of it, for each seed."""
    seeds = settings.each_seed()
    trials.run(run_rows, settings, [{"seed": seed} for seed in seeds], until=0.02)
    trials.run(spread_rows, settings, [{"seed": seed, "place": place} for seed in seeds for place in PLACES])
    return settings
