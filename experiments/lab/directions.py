"""Where gradients point along a training run.

    G_t, g_B     gradient of all N rows after t updates; mean gradient of a batch of B rows
    tr Σ/‖G‖²    the noise scale
    w(B)         what a batch keeps of a sample's variance, see `critical_batch`

    cos(g_B, G) ≈ 1/√(1 + w(B) tr Σ/‖G‖²)

since E g_B·G = ‖G‖² and E‖g_B‖² = ‖G‖² + w(B) tr Σ, for rows drawn afresh. It is a ratio of means: the mean of the
ratio differs where a few samples hold most of the noise. And the batch that an epoch comes to next is not drawn afresh:
its rows have waited while the others were fitted, and point more the way of G.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import SGD, gradient_noise
from minigrad.engine.backend import Array
from minigrad.engine.batch import Batch
from minigrad.model import Model

from .critical_batch import without_replacement


def cosine(a: Array, b: Array) -> float:
    """Of the angle between two vectors; NaN where one is zero."""
    lengths = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / lengths if lengths > 0 else math.nan


class Witness(SGD):
    """SGD that at some of its updates looks at the gradient of all the data, before and after.

    Parameters
    ----------
    learning_rate : float
    data : Batch
        All the data.
    moments : set of int
        The updates to look at; the first is 1.
    rng : numpy.random.Generator
        Draws the batches that are looked at beside those of the run.

    Attributes
    ----------
    seen : dict of list
        By name, a value a moment: "update", its number; "cos_next", cos(G_t, G_t+1); "cos_batch", cos(g_B, G) of the
        batch that the update was made from; "cos_fresh", of one drawn afresh; "predicted", what the formula says;
        "noise_scale".
    """

    def __init__(self, learning_rate: float, data: Batch, moments: set[int], rng: np.random.Generator) -> None:
        super().__init__(learning_rate)
        self.data, self.moments, self.rng = data, moments, rng
        self.updates = 0
        names = ("update", "cos_next", "cos_batch", "cos_fresh", "predicted", "noise_scale")
        self.seen: dict[str, list[float]] = {name: [] for name in names}

    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """A step on the batch; at a moment, with a look at all the data before and after."""
        batch = model.batch(X, y)
        self.updates += 1
        if self.updates not in self.moments:
            return super().step(model, batch)
        B, N = batch.m, self.data.m
        noise = gradient_noise(model, self.data)
        G, w = noise.mean, without_replacement(B, N)
        cos_batch = cosine(model.gradient(batch), G)
        rows = model.backend.asarray(self.rng.choice(N, B, replace=False))
        cos_fresh = cosine(model.gradient(self.data[rows]), G)
        used = super().step(model, batch)
        cos_next = cosine(G, model.gradient(self.data))
        predicted = 1 / math.sqrt(1 + w * noise.noise_scale) if w > 0 else 1.0
        for name, value in zip(self.seen, (self.updates, cos_next, cos_batch, cos_fresh, predicted, noise.noise_scale)):
            self.seen[name].append(value)
        return used
