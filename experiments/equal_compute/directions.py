"""Where gradients point along a training run.

    G_t, g_B     gradient of all N rows after t updates; mean gradient of a batch of B rows
    Σ            covariance of the N sample gradients; tr Σ/‖G‖² is the noise scale
    w(B)         what a batch keeps of a sample's variance, see lab/critical_batch.py: E‖g_B − G‖² = w(B) tr Σ

    cos(g_B, G) ≈ 1/√(1 + w(B) tr Σ/‖G‖²)

since E g_B·G = ‖G‖² and E‖g_B‖² = ‖G‖² + w(B) tr Σ, for rows drawn afresh. It is a ratio of means: the mean of the
ratio differs where a few samples hold most of the noise. And the batch that an epoch comes to next is not drawn afresh:
its rows have waited while the others were fitted, and point more the way of G.
"""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from minigrad import SGD, gradient_noise
from minigrad.engine.backend import Array
from minigrad.engine.batch import Batch
from minigrad.model import Model

from ..lab.critical_batch import without_replacement


def cosine(a: Array, b: Array) -> float:
    """Of the angle between two vectors; NaN where one is zero."""
    lengths = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / lengths if lengths > 0 else math.nan


class DirectionWitness(SGD):
    """SGD that at some of its updates looks at the gradient of all the data, before and after.

    `data` are all the data; `moments` are the updates to look at, of which the first is 1; `rng` draws the batches that
    are looked at beside those of the run.

    `seen` has by name a value a moment: "update", its number; "cos_next", cos(G_t, G_t+1); "cos_batch", cos(g_B, G) of
    the batch that the update was made from; "cos_fresh", of one drawn afresh; "predicted", what the formula says;
    "noise_scale".
    """

    def __init__(self, learning_rate: float, data: Batch, moments: set[int], rng: np.random.Generator) -> None:
        super().__init__(learning_rate)
        self.data, self.moments, self.rng = data, moments, rng
        self.updates = 0
        self.seen: dict[str, list[float]] = defaultdict(list)

    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """A step on the batch; at a moment, with a look at all the data before and after."""
        batch = model.batch(X, y)
        self.updates += 1
        if self.updates not in self.moments:
            return super().step(model, batch)
        noise = gradient_noise(model, self.data)
        G, w = noise.mean, without_replacement(batch.m, self.data.m)
        self.seen["update"].append(self.updates)
        self.seen["noise_scale"].append(noise.noise_scale)
        self.seen["predicted"].append(1 / math.sqrt(1 + w * noise.noise_scale) if w > 0 else 1.0)
        self.seen["cos_batch"].append(cosine(model.gradient(batch), G))
        rows = model.backend.asarray(self.rng.choice(self.data.m, batch.m, replace=False))
        self.seen["cos_fresh"].append(cosine(model.gradient(self.data[rows]), G))
        used = super().step(model, batch)
        self.seen["cos_next"].append(cosine(G, model.gradient(self.data)))
        return used
