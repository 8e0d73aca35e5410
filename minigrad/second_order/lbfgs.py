"""L-BFGS; the symbols are those of `search.py`.

ρ, γ            1 / s·dG, and s·dG / dG·dG
H       (p, p)  the estimate of the inverse of the second derivative, never formed
"""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine import checks
from ..engine.backend import Array
from ..engine.batch import Batch, quiet
from ..model import Model
from .search import LineSearchOptimizer


class Pair(NamedTuple):
    """s and dG, both (p,), and ρ = 1 / s·dG."""

    s: Array
    dG: Array
    rho: float


def two_loop(G: Array, pairs: Sequence[Pair]) -> Array:
    """H G, (p,), where H is γ times the identity, updated by each pair, the oldest first: N&W algorithm 7.4.

    One update: H ← (1 − ρ s dGᵀ) H (1 − ρ dG sᵀ) + ρ s sᵀ, N&W (6.17); γ is that of the newest pair, N&W (7.20).
    Without pairs it is G. The numbers between the vectors stay on the device, so nobody waits.
    """
    q, shares = G.copy(), []
    for s, dG, rho in reversed(pairs):
        share = rho * (s @ q)
        q -= share * dG
        shares.append(share)
    if pairs:
        _, dG, rho = pairs[-1]
        q *= 1 / (rho * (dG @ dG))  # γ
    for (s, dG, rho), share in zip(pairs, reversed(shares)):
        q += (share - rho * (dG @ q)) * s
    return q


class LBFGS(LineSearchOptimizer):
    """theta ← theta − α H G, H from the last few pairs (s, dG): N&W algorithm 7.5. Without pairs H is 1.

    Without a learning rate, α comes from a line search on the batch of the step, and dG from that same batch.

    With one, that is α in every step, and it is a choice where dG comes from. With both gradients on the same batch it
    is the curvature of that batch; a step on m rows takes 2m sample gradients (N. Schraudolph, J. Yu, S. Günter,
    AISTATS 2007; "full overlap" in R. Bollapragada et al., arXiv:1802.05374). With the second gradient on the next
    batch a step takes m, but dG holds the noise of two batches, which does not shrink with s.

    A pair whose s·dG does not exceed 0, rounding considered, is skipped, since H must stay positive definite: the
    attribute `skipped` counts them. With a learning rate there is no other safeguard.

    Parameters
    ----------
    memory : int
        How many pairs are kept, at least 1.
    learning_rate : float, optional
        α, above 0; without it: a line search.
    curvature_from : {"same batch", "next batch"}
        Where the second gradient of dG comes from; "next batch" needs a learning rate.
    """

    def __init__(
        self, memory: int = 10, learning_rate: float | None = None, curvature_from: str = "same batch"
    ) -> None:
        self.memory = checks.whole_number("memory", memory)
        self.learning_rate = None if learning_rate is None else checks.positive_number("learning_rate", learning_rate)
        self.curvature_from = checks.one_of("curvature_from", curvature_from, ("same batch", "next batch"))
        if learning_rate is None and curvature_from == "next batch":
            raise ValueError("curvature_from is 'next batch'; expected 'same batch' without a learning_rate")
        self.pairs: deque[Pair] = deque(maxlen=self.memory)
        self.skipped = 0
        self._steps = 0

    @quiet()  # seen by the slope
    def step(self, model: Model, X: Any, y: Any = None) -> int:
        """One step along −H G; returns the sample gradients that it took."""
        batch = model.batch(X, y)
        if self.learning_rate is not None:
            return self._fixed_step(model, batch, self.learning_rate)
        used = self.begin(model, batch)
        start, G, _ = self._memory
        d = -two_loop(G, self.pairs)
        slope = float(d @ G)
        if not -math.inf < slope < 0:  # at an optimum, or diverged
            return used
        alpha, searched = self.search(model, batch, d, slope, 1.0 if self.pairs else 1 / math.sqrt(-slope))
        if alpha:
            _, G, G_before = self._memory
            self._remember(model.theta - start, G - G_before)
        else:
            self.pairs.clear()
        return used + searched

    def _fixed_step(self, model: Model, batch: Batch, alpha: float) -> int:
        theta, same_batch = model.theta, self.curvature_from == "same batch"
        start, G, G_new = self.remembered(theta, self.vectors)
        model.gradient(batch, out=G_new)
        if self._steps and not same_batch:  # this batch is the next one of the step before
            self._remember(theta - start, G_new - G)
        start[...], G[...] = theta, G_new
        theta -= alpha * two_loop(G, self.pairs)
        self._steps += 1
        if same_batch:
            model.gradient(batch, out=G_new)
            self._remember(theta - start, G_new - G)
        return 2 * batch.m if same_batch else batch.m

    def _remember(self, s: Array, dG: Array) -> None:
        """Keep a pair, the oldest making room; skip it where s·dG is not positive beyond its rounding."""
        product, square_s, square_dG = map(float, [s @ dG, s @ s, dG @ dG])  # a device is given all, then waited for
        limits = np.finfo(s.dtype)
        curved = product > float(limits.eps) * math.sqrt(square_s * square_dG)
        if curved and min(product, square_dG) > float(limits.tiny):
            self.pairs.append(Pair(s, dG, 1 / product))
        else:
            self.skipped += 1
