"""The probe: one batch size, its learning rate, and one run to the target with the gradient's noise measured along it.

    B₀           the batch size of the probe
    φ            noise scale tr Σ/‖G‖² of the gradient, at one moment of the run; of an optimizer that scales each entry
                 by its own, in that metric
    w(B₀)        what a batch keeps of a sample's variance

    B_c ≈ Σ φ_k v_k / Σ v_k,   v_k = (updates that moment k stands for) / (1 + w(B₀) φ_k)

S(B) is the sum of 1 + w(B) φ over the updates that all rows would need. So φ counts by *progress*, and an update at
batch size B₀ makes 1/(1 + w(B₀) φ) of the progress of one at all rows. φ grows along a run by ten to a thousand times:
that of the start says far too little, and that of the end far too much.
"""

import math
import time
from typing import Any

import numpy as np

from minigrad import Dataset, gradient_noise
from minigrad.engine.batch import Batch
from minigrad.model import Model
from minigrad.optimizers import Optimizer

from ..lab.critical_batch import without_replacement
from ..lab.settings import TrainingSettings
from ..lab.statistics import at_target
from ..lab.sweep import make_model, make_optimizer, train_once

NOISE_ROWS = 8192  # that the noise is measured on, at most
EVALUATIONS = 6  # an epoch
MOMENTS = 1.25  # each moment of a measurement has so many times the updates of the one before


class NoiseWitness(Optimizer):
    """Another optimizer, with a look at the noise of all rows before some of its updates: 1 to 7, 9, 11, 14, …

    `seen` are the pairs (updates made so far, noise scale). `data` are the rows that noise is measured on, of N.
    """

    def __init__(self, optimizer: Optimizer, data: Batch, N: int) -> None:
        self.optimizer, self.data, self.N = optimizer, data, N
        self.updates, self.next_look = 0, 0
        self.seen: list[tuple[int, float]] = []

    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """The other optimizer's step."""
        if self.updates == self.next_look:
            self.seen.append((self.updates, self.noise_scale(model)))
            self.next_look = max(self.updates + 1, round(MOMENTS * self.updates))
        self.updates += 1
        return self.optimizer.step(model, X, y)

    def noise_scale(self, model: Model) -> float:
        """φ of all N rows. The mean of a part of them is longer than that of all, by w tr Σ: that is taken off."""
        found = gradient_noise(model, self.data, scale=self.optimizer.scale())
        return whole_scale(found.noise_scale, without_replacement(self.data.m, self.N))


def whole_scale(scale: float, w: float) -> float:
    """φ of all rows by that of a part, which keeps w of a sample's variance: ‖G_part‖² = ‖G‖² + w tr Σ in the mean."""
    if math.isinf(scale):
        return math.inf
    left = 1 - w * scale
    return scale / left if left > 0 else math.inf


def often(data: Dataset, batch_size: int) -> int:
    """Rows from one evaluation to the next: so many updates are counted that their number must be known well."""
    return max(batch_size, len(data.X_train) // EVALUATIONS)


def probe_rows(data: Dataset, settings: TrainingSettings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """One run to the target: its losses by update, and the noise scale by update."""
    start = time.perf_counter()
    N = len(data.X_train)
    model = make_model(data, settings, seed)
    part = np.random.default_rng(seed).permutation(N)[:NOISE_ROWS] if N > NOISE_ROWS else slice(0, N)
    X, y = model.backend.asarray(data.X_train[part], model.dtype), model.backend.asarray(data.y_train[part])
    witness = NoiseWitness(make_optimizer(settings, rate), model.batch(X, y), N)
    until: dict[str, Any] = {"target_loss": settings.target, "evaluate_every": often(data, batch_size)}
    history = train_once(data, settings, batch_size, rate, seed, model, optimizer=witness, **until)
    row = {"kind": "probe", "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    row |= {"updates": history.updates.tolist(), "loss": history.loss.tolist()}
    row |= {"noise_updates": [k for k, _ in witness.seen], "noise_scale": [scale for _, scale in witness.seen]}
    return [row | {"used": int(history.samples[-1]), "cost_seconds": time.perf_counter() - start}]


def search_rows(data: Dataset, settings: TrainingSettings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """One run for all epochs, without a target: its losses by sample gradients."""
    start = time.perf_counter()
    history = train_once(data, settings, batch_size, rate, seed, evaluate_every=often(data, batch_size))
    row = {"kind": "search", "batch_size": batch_size, "learning_rate": rate, "seed": seed, "epochs": settings.epochs}
    row |= {"samples": history.samples.tolist(), "loss": history.loss.tolist(), "diverged": history.diverged}
    return [row | {"used": int(history.samples[-1]), "cost_seconds": time.perf_counter() - start}]


def race_rows(
    data: Dataset,
    settings: TrainingSettings,
    why: str,
    target: float,
    batch_size: int,
    rate: float,
    seed: int,
    epochs: int,
) -> list[dict]:
    """One run to a target, or to the end of so many epochs: what it took, and where it ended."""
    start = time.perf_counter()
    until: dict[str, Any] = {"target_loss": target, "epochs": epochs, "evaluate_every": often(data, batch_size)}
    history = train_once(data, settings, batch_size, rate, seed, **until)
    row = {"kind": "race", "why": why, "target": target, "batch_size": batch_size, "learning_rate": rate, "seed": seed}
    for name in ("updates", "samples"):
        row[name] = at_target(history.loss, getattr(history, name), target)
    row |= {"diverged": history.diverged, "final_loss": float(history.loss[-1]), "used": int(history.samples[-1])}
    return [row | {"cost_seconds": time.perf_counter() - start}]


# ---- three estimates of B_c, of which two come from a probe ----------------------------------------------------------


def weighted(row: dict[str, Any], updates: float, w: float) -> float:
    """B_c by the noise along a probe's run until so many updates, weighted by progress."""
    scales, stretches = noise_until(row, updates)
    v = stretches / (1 + w * scales)
    return float((scales * v).sum() / v.sum()) if len(scales) else math.nan


def median(row: dict[str, Any], updates: float) -> float:
    """B_c by the median of the noise over a probe's updates until so many."""
    scales, stretches = noise_until(row, updates)
    if not len(scales):
        return math.nan
    order = np.argsort(scales)
    share = np.cumsum(stretches[order]) / stretches.sum()
    return float(scales[order][np.searchsorted(share, 0.5)])


def noise_until(row: dict[str, Any], updates: float) -> tuple[np.ndarray, np.ndarray]:
    """The finite noise scales until so many updates, and how many updates each stands for: those until the next."""
    moments, scales = (np.asarray(row[name], dtype=float) for name in ("noise_updates", "noise_scale"))
    before = (moments < updates) & np.isfinite(scales)
    ends = np.append(moments[1:], np.inf)[before]
    return scales[before], np.minimum(ends, updates) - moments[before]
