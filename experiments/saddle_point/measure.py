"""Descents from a saddle: pushed, on batches, and left to rounding; and where the loss settles after."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from minigrad import MLP, SGD, Dataset, History, batches
from minigrad.model import Model

from ..lab import curvature, settings
from ..lab.facts import left_out
from ..lab.sweep import epochs_of, nearest
from ..lab.training import train
from ..lab.trials import Trials
from . import theory
from .theory import BATCH, EPOCH, PUSH, RADIUS, RANDOM, RANDOM_PUSH, ROUNDING, SPLITS, STEPS, updates_to_leave

ROWS = 5000  # of a large data set, the first so many are "all data"
# With every pixel, many of them blank in almost all images, the optimum lies at infinity. So the network sees leading
# principal components: the first number of these with which an optimum is found.
COMPONENTS = (16, 24, 32, 12, 8, 4)
STARTS = 5  # weights to start from, for each number of components
STRICT = 0.01  # |λ₋|/λ₊ at least: a flatter saddle takes too long to leave
PUSHES = tuple(10.0**-k for k in range(2, 13, 2))
ALL = slice(None)
SURFACE_SAMPLES = 64  # of the saddle that can be drawn


@dataclass(frozen=True)
class Settings(settings.Settings):
    """How long and how often to descend."""

    batch_sizes: tuple[int, ...] = ()
    repeats: int = 1  # of every descent but the pushes along v₋
    settling: int = 1000  # updates at η₁ in which the loss may settle


def measure(trials: Trials, settings: Settings) -> Settings:
    """Saddles; who leaves them and when; where the loss settles; and two pictures."""
    trials.run(surface_rows, settings, [{}], until=0.01)
    found = trials.run(saddle_rows, settings, [{"seed": seed} for seed in settings.each_seed()], until=0.15)
    uneven, even = ([row for row in found if row["kind"] == "saddle" and row["split"] == split] for split in SPLITS)
    descents = [{"saddle": saddle, "step": step} for step in STEPS[:2] for saddle in uneven]
    descents += [{"saddle": saddle, "step": STEPS[0]} for saddle in even]
    trials.run(push_rows, settings, descents, until=0.5)
    trials.run(batch_rows, settings, descents, until=0.7)
    settling = [{"saddle": saddle, "step": step} for step in STEPS for saddle in uneven]
    trials.run(settling_rows, settings, settling, until=0.97)
    N = min(ROWS, len(trials.data.X_train))
    plateaus = [{"saddle": saddle, "batch_size": N, "push": RANDOM_PUSH} for saddle in even[:1]]
    size = nearest(settings.batch_sizes, 64)
    if size < N:
        plateaus += [{"saddle": saddle, "batch_size": size, "push": 0.0} for saddle in even[:1] + uneven[:1]]
    trials.run(plateau_rows, settings, plateaus)
    return settings


# ---- the saddle, and a descent from it -------------------------------------------------------------------------------


def saddle_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """A saddle a split, made from one optimum; or a row that says that none was found."""
    rng = np.random.default_rng(seed)
    for components in dict.fromkeys(min(count, data.X_train.shape[1]) for count in COMPONENTS):
        Z = theory.leading_components(data.X_train[:ROWS], components)
        for _ in range(STARTS):
            small = MLP((Z.shape[1], 1, 1), activation="tanh", backend=settings.backend, rng=rng)
            X, y = map(small.backend.asarray, (Z, data.y_train[:ROWS]))
            if theory.descend_to_optimum(small, X, y):
                rows = [saddle_row(small, X, y, split, seed) for split in SPLITS]
                if all(row["eigenvalues"][0] < -STRICT * row["eigenvalues"][-1] for row in rows):
                    return rows
    return [{"kind": "no saddle", "seed": seed}]


def saddle_row(small: Model, X: Any, y: Any, split: str, seed: int) -> dict:
    """θ at the saddle, the spectrum of its Hessian, and the noise along v₋."""
    model = theory.duplicate(small, SPLITS[split])
    eigenvalues, V = scipy.linalg.eigh(curvature.hessian(model, X, y))
    along = model.sample_gradients(X, y) @ model.backend.asarray(V[:, 0].copy())  # g_i · v₋
    row = {"kind": "saddle", "seed": seed, "split": split, "N": len(X), "components": small.n_features}
    row |= {"loss": model.loss(X, y), "gradient_norm": float(model.xp.linalg.norm(model.gradient(X, y)))}
    row |= {"theta": model.backend.to_numpy(model.theta), "sigma": float(along.std())}
    return row | {"eigenvalues": eigenvalues, "v_minus": V[:, 0], "v_plus": V[:, -1]}


class Descent:
    """Gradient descent from a saddle at the rate step · η₁: the model, its data, and ρ."""

    def __init__(self, data: Dataset, settings: Settings, saddle: dict, step: float) -> None:
        self.saddle, self.step = saddle, step
        self.model = MLP((saddle["components"], 2, 1), activation="tanh", backend=settings.backend)
        asarray = self.model.backend.asarray
        Z = theory.leading_components(data.X_train[:ROWS], saddle["components"])
        self.X, self.y = asarray(Z), asarray(data.y_train[:ROWS])
        self.rows = self.model.batch(self.X, self.y)
        self.origin, self.v_minus = asarray(saddle["theta"]), asarray(saddle["v_minus"])
        self.rate = step / (2 * saddle["eigenvalues"][-1])  # η
        self.growth = 1 - self.rate * saddle["eigenvalues"][0]  # ρ = 1 + η|λ₋|

    def leave(self, arm: str, batch_size: int, start: np.ndarray, push: float, stream: Iterator, limit: int) -> dict:
        """Descend from `start` on the batches of `stream` until the projection on v₋ is r: a row.

        `updates` is None where it stays for `limit` updates. It `rests` once an update on all data changes no bit of θ.
        """
        model, optimizer = self.model, SGD(self.rate)
        model.theta = model.backend.asarray(start)
        updates, rests = None, False
        for count, rows in enumerate(itertools.islice(stream, limit), start=1):
            before = model.theta.copy()
            optimizer.step(model, self.rows[rows])
            if not abs(float(self.v_minus @ (model.theta - self.origin))) < RADIUS:
                updates = count
                break
            rests = rows is ALL and not bool((model.theta != before).any())
            if rests:
                break
        W1, b1 = model.layers[0]
        apart = float(((W1[:, 0] - W1[:, 1]) ** 2).sum() + (b1[0] - b1[1]) ** 2) ** 0.5  # ‖w₁ − w₂‖
        row = {"kind": "leaving", "seed": self.saddle["seed"], "split": self.saddle["split"], "step": self.step}
        row |= {"arm": arm, "batch_size": batch_size, "learning_rate": self.rate, "growth": self.growth, "push": push}
        return row | {"updates": updates, "limit": limit, "rests": rests, "apart": apart}

    def train(self, batch_size: int, updates: float, seed: int, evaluations: float, callback: Any = None) -> History:
        """Train from where θ is, for whole epochs of at least so many updates."""
        N = len(self.X)
        epochs = epochs_of(updates, batch_size, N)
        return train(
            self.model,
            self.X,
            self.y,
            optimizer=SGD(self.rate),
            batch_size=batch_size,
            epochs=epochs,
            drop_last=True,
            rng=seed,
            evaluate_every=max(batch_size, int(epochs * N // evaluations)),
            callback=callback,
        )


# ---- measurement -----------------------------------------------------------------------------------------------------


def push_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """All data at each update: pushed along v₋, pushed in a random direction, and not pushed but for the last digit."""
    descent, rng = Descent(data, settings, saddle, step), np.random.default_rng(saddle["seed"])
    N, theta, v = len(descent.X), np.array(saddle["theta"]), np.array(saddle["v_minus"])
    limit = math.ceil(2 * updates_to_leave(float(np.finfo(float).eps), descent.growth))
    starts = [(PUSH, push * v, push) for push in PUSHES]
    for _ in range(settings.repeats):
        u = rng.standard_normal(len(v))
        u *= RANDOM_PUSH / np.linalg.norm(u)
        starts.append((RANDOM, u, abs(float(u @ v))))
    last_digit = np.spacing(abs(theta))
    push = theory.typical_push(float(np.linalg.norm(v * last_digit)) / math.sqrt(12), descent.growth)
    starts.append((ROUNDING, 0 * v, push))  # the saddle itself; and the same with other last digits
    starts += [(ROUNDING, last_digit * rng.integers(-1, 2, len(v)), push) for _ in range(settings.repeats - 1)]
    return [descent.leave(arm, N, theta + move, push, itertools.repeat(ALL), limit) for arm, move, push in starts]


def batch_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """Batches of each size from the saddle itself, for as long as a push of 1e-8 takes: rounding takes twice that."""
    descent, rows = Descent(data, settings, saddle, step), []
    N, theta = len(descent.X), np.array(saddle["theta"])
    limit = math.ceil(updates_to_leave(1e-8, descent.growth))
    for size in [size for size in settings.batch_sizes if size < N]:
        kick = descent.rate * saddle["sigma"] * math.sqrt((N - size) / (N - 1) / size)
        push = theory.typical_push(kick, descent.growth)
        for arm, repeat in itertools.product((BATCH, EPOCH), range(settings.repeats)):
            stream = batch_stream(N, size, np.random.default_rng([saddle["seed"], repeat]), anew=arm == BATCH)
            rows.append(descent.leave(arm, size, theta, push, stream, limit))
    return rows


def batch_stream(N: int, batch_size: int, rng: np.random.Generator, anew: bool) -> Iterator:
    """Batches without end: one of each shuffled epoch, drawn from all samples anew; or all of each, as in training."""
    while True:
        yield from itertools.islice(batches(N, batch_size, rng, drop_last=True), 1 if anew else None)


def settling_rows(data: Dataset, settings: Settings, saddle: dict, step: float) -> list[dict]:
    """Where the loss settles: its mean over the second half of `settings.settling` updates at η₁, or as far at less."""
    descent, rows = Descent(data, settings, saddle, step), []
    N = len(descent.X)
    for size in sorted({min(size, N) for size in settings.batch_sizes}):
        descent.model.theta = descent.origin + (1e-3 * descent.v_minus if size == N else 0)
        loss = descent.train(size, settings.settling / step, saddle["seed"], evaluations=50).loss
        row = {"kind": "settling", "seed": saddle["seed"], "step": step, "batch_size": size, "N": N}
        row["left_out_an_epoch"] = left_out(N, size)
        rows.append(row | {"above_saddle": float(loss[len(loss) // 2 :].mean()) - saddle["loss"]})
    return rows


def plateau_rows(data: Dataset, settings: Settings, saddle: dict, batch_size: int, push: float) -> list[dict]:
    """Loss and gradient norm at each update of a run that comes to the saddle down its steepest side."""
    descent = Descent(data, settings, saddle, 1.0)
    model, norms = descent.model, []
    model.theta = descent.origin + RADIUS * model.backend.asarray(saddle["v_plus"]) + push * descent.v_minus

    def record(model: Model, _: dict) -> None:
        norms.append(float(model.xp.linalg.norm(model.gradient(descent.X, descent.y))))

    updates = 2.5 * updates_to_leave(RANDOM_PUSH, descent.growth)
    history = descent.train(batch_size, updates, seed=0, evaluations=math.inf, callback=record)
    row = {"kind": "plateau", "split": saddle["split"], "batch_size": batch_size, "push": push}
    return [row | {"updates": history.updates, "loss": history.loss, "gradient_norm": norms}]


def surface_rows(data: Dataset, settings: Settings) -> list[dict]:
    """Three descents of a saddle that can be drawn."""
    N, rate, rows = SURFACE_SAMPLES, 0.1, []
    for batch_size, push in ((N, 0.0), (N, 1e-3), (4, 0.0)):
        path = surface_path(batch_size, rate, push, updates=120)
        rows.append(
            {"kind": "surface", "batch_size": batch_size, "N": N, "push": push, "learning_rate": rate, "path": path}
        )
    return rows


def surface_path(batch_size: int, rate: float, push: float, updates: int) -> list[np.ndarray]:
    """Descent over x²/2 + y⁴/4 − y²/2 from (1.5, push): sample i adds a_i · (x, y), and the a_i come to zero."""
    N = SURFACE_SAMPLES
    a = np.random.default_rng(1).standard_normal((N, 2))
    a -= a.mean(axis=0)
    path = [np.array([1.5, push])]
    for batch in itertools.islice(batch_stream(N, batch_size, np.random.default_rng(2), anew=False), updates):
        x, y = path[-1]
        gradient = np.array([x, y**3 - y]) + a[batch].mean(axis=0)
        path.append(path[-1] - rate * gradient)
    return path
