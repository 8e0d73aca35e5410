"""Optimizers that learn the curvature from gradients: nonlinear conjugate gradient and L-BFGS.

    theta   (p,)    parameters, changed in place
    J, G            the mean loss over the batch, and its gradient (p,)
    d       (p,)    direction of a step
    α               its length in units of d: theta ← theta + α d
    φ(α)            J(theta + α d), and φ'(α) = G(theta + α d)·d its slope
    s       (p,)    a step that was taken: theta_new − theta
    dG      (p,)    how the gradient changed along it: G_new − G. Textbooks call it y; here y are the labels
    ρ, γ            1 / s·dG, and s·dG / dG·dG
    H       (p, p)  L-BFGS's estimate of the inverse of the second derivative, never formed

Nobody here computes a second derivative: what is known of it comes from differences of gradients, and so does the
noise in it. N&W is J. Nocedal, S. Wright, Numerical Optimization, 2nd edition (2006).

On a GPU the vectors stay there, but the host waits for φ and φ' at each evaluation: they decide where to look next.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import checks
from .backend import Array
from .line_search import Trial, strong_wolfe
from .model import Model
from .optimizers import Optimizer


class LineSearchOptimizer(Optimizer):
    """What both share: J and G where a step begins, a line search from there, and what it leaves to the next step."""

    c2 = 0.9
    _known: tuple[Array, ...] = ()  # the theta, y, X of which J and G are at hand

    def update(self, theta: Array, gradient: Array) -> None:
        """Refused with a TypeError: one gradient is not enough."""
        raise TypeError(f"{type(self).__name__} needs more than one gradient; expected step(model, X, y)")

    def _begin(self, model: Model, X: Array, y: Array) -> int:
        """J and G of this batch at theta; returns how many sample gradients they took.

        None, if the last line search ended here and on this batch. Only the numbers can tell: `train` gathers every
        batch into one buffer, so it is always the same array, and slices a full batch anew, so it never is. Comparing
        reads X once, an evaluation at least twice.
        """
        theta = model.theta
        self._start, self._G, self._G_before = (self._state(name, theta) for name in ("_start", "_G", "_G_before"))
        self._start[...] = theta
        here = (theta, y, X)
        if self._known and all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(self._known, here)):
            return 0
        self._known = ()
        self._J = float(model.mean_gradient(X, y, out=self._G, with_loss=True))
        self._known = tuple(each.copy() for each in here)
        return len(X)

    def _search(self, model: Model, X: Array, y: Array, d: Array, slope: float, alpha: float) -> tuple[float, int]:
        """Go along d, looking first at `alpha`; returns α, 0 if no step helps, and the sample gradients that it took.

        Then theta, J and G are those of the new point, and `_G_before` is the gradient where the step began.
        """
        theta, start, G_new = model.theta, self._start, self._G_before  # its numbers have served
        alphas = []

        def phi(alpha: float) -> tuple[float, float]:
            alphas.append(alpha)
            with np.errstate(over="ignore", invalid="ignore"):  # a step that is far too long shows in its J
                model.xp.multiply(d, alpha, out=theta)
                model.xp.add(start, theta, out=theta)
                J = model.mean_gradient(X, y, out=G_new, with_loss=True)
                slope = G_new @ d
            return float(J), float(slope)

        rounding = 10 * float(np.finfo(model.dtype).eps) * abs(self._J)
        try:
            found = strong_wolfe(phi, Trial(0.0, self._J, slope), alpha, c2=self.c2, rounding=rounding)
            if found.alpha and found.alpha != alphas[-1]:
                phi(found.alpha)
        except BaseException:  # interrupted: not amid a step
            theta[...] = start
            raise
        if found.alpha:
            self._J, self._G, self._G_before = found.value, G_new, self._G
            self._known[0][...] = theta
        else:
            theta[...] = start
        return found.alpha, len(alphas) * len(X)


class ConjugateGradient(LineSearchOptimizer):
    """d ← −G + β d, β = max(0, G·(G − G_before) / ‖G_before‖²), theta ← theta + α d: Polak–Ribière+, N&W (5.45).

    α comes from a line search on the batch of the step, with c2 = 0.4: below 1/2, N&W (5.43). G_before and d are those
    of the step before, whatever its batch was. Every p steps, wherever d does not go down enough, and after a line
    search that found nothing, it starts again from d = −G: N&W section 5.2.
    """

    c2 = 0.4
    _steps = 0  # since it started from −G
    _gain = _square_norm_before = math.nan  # of the last step: −α φ'(0), ‖G‖²

    def iterate(self, model: Model, X: Array, y: Array) -> int:
        used = self._begin(model, X, y)
        G, d = self._G, self._state("_d", model.theta)
        square_norm = float(G @ G)
        if not 0 < square_norm < math.inf:  # at an optimum, or diverged
            return used
        beta = 0.0
        if self._steps % len(G):
            beta = max(0.0, float(G @ (G - self._G_before)) / self._square_norm_before)
        with np.errstate(over="ignore", invalid="ignore"):  # a G_before next to nothing; seen by the slope
            d *= beta
            d -= G
            slope = float(d @ G)
        if not -math.inf < slope <= -0.01 * square_norm:
            self._steps = 0
            model.xp.negative(G, out=d)
            slope = -square_norm
        # To where J, were it straight, would fall as far as in the step before: N&W section 3.5. The first is 1 long.
        alpha = min(self._gain / -slope, sys.float_info.max) if self._steps else 1 / math.sqrt(square_norm)
        steps, self._steps = self._steps + 1, 0  # if it is interrupted, or finds nothing
        alpha, searched = self._search(model, X, y, d, slope, alpha)
        if alpha:
            self._steps, self._gain, self._square_norm_before = steps, -alpha * slope, square_norm
        return used + searched


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

    Raises
    ------
    ValueError
        A value outside its range.
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

    def iterate(self, model: Model, X: Array, y: Array) -> int:
        if self.learning_rate is not None:
            return self._fixed_step(model, X, y, self.learning_rate)
        used = self._begin(model, X, y)
        d = -two_loop(self._G, self.pairs)
        slope = float(d @ self._G)
        if not -math.inf < slope < 0:  # at an optimum, or diverged
            return used
        alpha, searched = self._search(model, X, y, d, slope, 1.0 if self.pairs else 1 / math.sqrt(-slope))
        if alpha:
            self._remember(model.theta - self._start, self._G - self._G_before)
        else:
            self.pairs.clear()
        return used + searched

    def _fixed_step(self, model: Model, X: Array, y: Array, alpha: float) -> int:
        theta = model.theta
        start, G, G_new = (self._state(name, theta) for name in ("_start", "_G", "_G_new"))
        if self.curvature_from == "next batch":  # this batch is the next one of the step before
            model.mean_gradient(X, y, out=G_new)
            if self._steps:
                self._remember(theta - start, G_new - G)
            start[...], G[...] = theta, G_new
            theta -= alpha * two_loop(G, self.pairs)
            self._steps += 1
            return len(X)
        model.mean_gradient(X, y, out=G)
        start[...] = theta
        theta -= alpha * two_loop(G, self.pairs)
        model.mean_gradient(X, y, out=G_new)
        self._remember(theta - start, G_new - G)
        return 2 * len(X)

    def _remember(self, s: Array, dG: Array) -> None:
        """Keep a pair, the oldest making room; skip it where s·dG is not positive beyond its rounding."""
        product, square_s, square_dG = map(float, [s @ dG, s @ s, dG @ dG])  # a device is given all, then waited for
        limits = np.finfo(s.dtype)
        curved = product > float(limits.eps) * math.sqrt(square_s * square_dG)
        if curved and min(product, square_dG) > float(limits.tiny):
            self.pairs.append(Pair(s, dG, 1 / product))
        else:
            self.skipped += 1
