"""Training runs of each optimizer on one budget of sample gradients, and the errors of gradients and their changes."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy

from minigrad import LBFGS, SGD, Adagrad, Adam, ConjugateGradient, Dataset, gradient_noise
from minigrad.model import Model
from minigrad.optimizers import Optimizer

from ..lab import tuning
from ..lab.polish import polish
from ..lab.results import frame
from ..lab.settings import ModelSettings
from ..lab.sweep import data_for, make_model, nearest
from ..lab.training import train
from ..lab.trials import Trials
from .errors import draw, errors_on, norm

NETWORK, LOGISTIC = "network", "logistic regression"
PROBLEMS = (NETWORK, LOGISTIC)
FIRST_ORDER = ("SGD", "Adagrad", "Adam")
CG, SEARCH = "CG, line search on the batch", "L-BFGS, line search on the batch"
TWO_BATCHES, ONE_BATCH = "L-BFGS, dG on two batches", "L-BFGS, dG on one batch"
OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {  # by name, each made with its learning rate
    "SGD": SGD,
    "Adagrad": Adagrad,
    "Adam": Adam,
    CG: lambda _: ConjugateGradient(),
    SEARCH: lambda _: LBFGS(),
    TWO_BATCHES: lambda rate: LBFGS(learning_rate=rate, curvature_from="next batch"),
    ONE_BATCH: lambda rate: LBFGS(learning_rate=rate, curvature_from="same batch"),
}
GRIDS = {  # the rates to begin with, as the k of 10^(k/2); a line search needs none
    "SGD": range(-1, 3),
    "Adagrad": range(-2, 1),
    "Adam": range(-4, 0),
    TWO_BATCHES: range(-4, 1),
    ONE_BATCH: range(-4, 1),
}
RUN = ["problem", "arm", "batch_size"]  # what tells runs apart; "arm" is the optimizer's name
PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}  # of training, as a share of its epochs
STEPS = [1e-4, 1e-3, 1e-2, 0.1, 0.316, 1.0]  # ‖s‖
ENOUGH = 32  # smaller batches are drawn more often: late in training a few samples make up most of tr Σ
POINTS = 61  # of a curve
REFERENCE = 128  # the batch size of the runs along which errors are measured, or the nearest one


@dataclass(frozen=True)
class Settings(ModelSettings):
    """The budget of a run, and how often to draw."""

    epochs: int = 20  # the budget, in passes through the training set
    draws: int = 32  # batches that the errors are means over


def problem_of(problem: str, data: Dataset, settings: Settings) -> tuple[Dataset, Settings]:
    """Data and settings of the network, or of logistic regression."""
    settings = settings if problem == NETWORK else replace(settings, model="logistic")
    return data_for(settings.model, data), settings


def minimum_rows(data: Dataset, settings: Settings, problem: str) -> list[dict]:
    """J*: what descent on all samples reaches; 0 for a network, and where the classes can be told apart."""
    data, settings = problem_of(problem, data, settings)
    loss = 0.0
    if problem == LOGISTIC:
        model = make_model(data, settings, seed=0, dtype="float64")
        X, y = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train)
        polish(model, X, y)
        loss = model.loss(X, y)
    separable = loss < 0.01 * math.log(data.n_classes)
    return [{"kind": "minimum", "problem": problem, "loss": 0.0 if separable else loss}]


class Course(NamedTuple):
    """Sample gradients used by, and loss at, each evaluation; steps; whether it diverged before the budget was used."""

    samples: list[int]
    losses: list[float]
    updates: int
    diverged: bool


def train_on_budget(
    model: Model, data: Dataset, optimizer: Optimizer, batch_size: int, budget: int, seed: int
) -> Course:
    """Train, epoch by epoch, until `budget` sample gradients are used; evaluate twice an epoch, and before it."""
    N, rng = len(data.X_train), np.random.default_rng(seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    samples, losses, updates, diverged, idle = [0], [model.loss(X, y)], 0, False, False
    an_epoch: dict[str, Any] = {"epochs": 1, "drop_last": True, "evaluate_every": max(batch_size, N // 2)}
    while samples[-1] < budget and not diverged and not idle:
        history = train(model, X, y, optimizer=optimizer, batch_size=batch_size, rng=rng, **an_epoch)
        samples += (samples[-1] + history.samples[1:]).tolist()
        losses += history.loss[1:].tolist()
        updates += int(history.updates[-1])
        diverged = history.diverged and samples[-2] < budget
        idle = history.samples[-1] == 0  # at an optimum: no step helps
    return Course(samples, losses, updates, diverged)


def training_rows(
    data: Dataset,
    settings: Settings,
    problem: str,
    arm: str,
    batch_size: int,
    rate: float | None,
    seed: int,
    minimum: float,
    kind: str = "training",
) -> list[dict]:
    """J − J* when the budget is used up, and on the way there; between evaluations its log is interpolated."""
    data, settings = problem_of(problem, data, settings)
    model, optimizer = make_model(data, settings, seed), OPTIMIZERS[arm](rate)
    budget, guessing = settings.epochs * len(data.X_train), math.log(data.n_classes) - minimum
    course = train_on_budget(model, data, optimizer, batch_size, budget, seed)
    excess = np.maximum(np.array(course.losses) - minimum, 1e-9 * guessing)  # as near as J* is known
    with np.errstate(over="ignore", invalid="ignore"):  # on the way to divergence
        curve = np.exp(np.interp(np.linspace(0, budget, POINTS), course.samples, np.log(excess)))
    row = {"kind": kind, "problem": problem, "arm": arm, "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    row |= {"guessing": guessing, "diverged": course.diverged}
    row["excess"] = math.inf if course.diverged else float(curve[-1])
    if kind == "tuning":
        return [row]
    row |= {"updates": course.updates, "curve": curve, "skipped": getattr(optimizer, "skipped", 0)}
    pairs = optimizer.pairs if isinstance(optimizer, LBFGS) else ()
    return [row | {"steps": [norm(pair.s) for pair in pairs]}]


def tune(trials: Trials, settings: Settings, problem: str, arm: str, minimum: float, until: float) -> None:
    """Try an optimizer's rates for each batch size: those of a grid, which grows until the best is inside."""
    fixed = {"problem": problem, "arm": arm, "minimum": minimum, "kind": "tuning"}

    def costs(wanted: list[tuple[int, Any]]) -> list[float]:
        each = [
            {"batch_size": size, "rate": rate, "seed": seed} for size, rate in wanted for seed in settings.tuning_seeds
        ]
        rows = trials.run(training_rows, settings, [fixed | one for one in each], until=until)
        ends = np.reshape([row["excess"] for row in rows], (len(wanted), len(settings.tuning_seeds)))
        return scipy.stats.gmean(ends, axis=1).tolist()

    if arm in GRIDS:
        tuning.best_rates(costs, dict.fromkeys(settings.batch_sizes, GRIDS[arm]))
    else:
        costs([(size, None) for size in settings.batch_sizes])


def chosen_rates(result: dict[str, Any]) -> pd.DataFrame:
    """The best rate of each problem, optimizer and batch size by the tuning seeds, and its J − J*; the least first."""
    rows = frame(result, "tuning", never=["excess"])
    if rows.empty:
        return pd.DataFrame(columns=[*RUN, "learning_rate", "excess"])
    costs = rows.groupby([*RUN, "learning_rate"], dropna=False, sort=False).excess.agg(scipy.stats.gmean).reset_index()
    return costs.sort_values("excess", kind="stable").drop_duplicates(RUN)


def error_rows(
    data: Dataset, settings: Settings, problem: str, place: str, seed: int, batch_size: int, rate: float
) -> list[dict]:
    """Relative errors of g_B and dG at one place of a run of SGD; in float64, since a small dG is a difference."""
    data, settings = problem_of(problem, data, settings)
    model, rng = make_model(data, settings, seed, dtype="float64"), np.random.default_rng(seed)
    X, y = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train)
    if epochs := round(PLACES[place] * settings.epochs):
        how: dict[str, Any] = {"batch_size": batch_size, "epochs": epochs, "drop_last": True, "evaluate_every": 0}
        train(model, X, y, optimizer=SGD(rate), rng=rng, **how)
    theta, G, trace = model.theta.copy(), model.gradient(X, y), gradient_noise(model, X, y).trace
    directions = {"random": model.backend.asarray(rng.standard_normal(len(G))), "along −G": -G}
    points: dict[str, list[tuple[Any, Any]]] = {}  # by direction: (θ + s, dG) of each step
    for name, d in directions.items():
        points[name] = []
        for step in STEPS:
            model.theta = theta + step / (norm(d) or 1.0) * d
            points[name].append((model.theta.copy(), model.gradient(X, y) - G))
    at: dict[str, Any] = {"kind": "error", "problem": problem, "place": place, "seed": seed, "steps": STEPS}
    rows = []
    for B in settings.batch_sizes:
        drawn = draw(rng, len(X), B, settings.draws * max(1, ENOUGH // B))
        for name, here in points.items():
            of_g, one, two = errors_on(model, X, y, drawn, theta, G, here)
            row = at | {"batch_size": B, "direction": name, "trace": trace, "g": of_g, "one": one, "two": two}
            rows.append(row | {"length": [norm(dG) for _, dG in here]})
    return rows


def measure(trials: Trials, settings: Settings) -> Settings:
    """Tune every optimizer for every batch size, train at the best rates, and measure the errors along runs of SGD."""
    sizes, seeds = settings.batch_sizes, settings.each_seed()
    found = trials.run(minimum_rows, settings, [{"problem": problem} for problem in PROBLEMS], until=0.05)
    minima = {row["problem"]: row["loss"] for row in found}
    searches = [(problem, arm, minimum) for problem, minimum in minima.items() for arm in OPTIMIZERS]
    for done, search in enumerate(searches, start=1):
        tune(trials, settings, *search, until=0.05 + 0.5 * done / len(searches))
    best = chosen_rates({"rows": trials.rows}).set_index(RUN).learning_rate
    rates = {key: float(rate) if key[1] in GRIDS else None for key, rate in best.items()}
    runs = [
        {"problem": problem, "arm": arm, "batch_size": size, "rate": rates[problem, arm, size], "minimum": minimum}
        for problem, minimum in minima.items()
        for arm in OPTIMIZERS
        for size in sizes
    ]
    trials.run(training_rows, settings, [run | {"seed": seed} for run in runs for seed in seeds], until=0.85)
    size, below_all = nearest(sizes, REFERENCE), [size for size in sizes if size < len(trials.data.X_train)]
    places = [
        {"problem": problem, "place": place, "seed": seed, "batch_size": size, "rate": rates[problem, "SGD", size]}
        for problem in PROBLEMS
        for place in PLACES
        for seed in seeds
    ]
    trials.run(error_rows, replace(settings, batch_sizes=tuple(below_all)), places)
    return settings
