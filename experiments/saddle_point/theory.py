"""A saddle point that can be proved, and how many updates it takes to leave it.

Train a network with one hidden tanh unit to an optimum. Then write the unit twice, its outgoing weight v split into
s v and (1 − s) v (x ends in a 1, for the bias):

    z(x) = v tanh(w·x) + c  =  s v tanh(w₁·x) + (1 − s) v tanh(w₂·x) + c        at w₁ = w₂ = w

It is the same function, and again the gradient is zero: ∂J/∂w₁ = s ∂J/∂w, ∂J/∂w₂ = (1 − s) ∂J/∂w, and for both outgoing
weights it is ∂J/∂v. Now part the copies by d, w₁ = w + (1 − s) d and w₂ = w − s d. To first order z stays as it is, and

    J changes by ½ s(1 − s) dᵀA d,      A = mean of (h − y) v tanh''(w·x) x xᵀ

so for 0 < s < 1 the Hessian has as many negative eigenvalues as A: with one of them this is a strict saddle.
K. Fukumizu, S. Amari, Local minima and plateaus in hierarchical structures of multilayer perceptrons, Neural Networks
13 (2000), 317-327.

The symbols of leaving it (ε, r, ρ, λ₋, v₋, η₁) are those of `question.py`.
"""

import math
from typing import Any

import numpy as np
import scipy

from minigrad import MLP
from minigrad.model import Model

from ..lab import curvature

GRADIENT_NORM = 1e-10  # of an optimum, at most
SPLITS = {"uneven": 0.7, "even": 0.5}  # s
STEPS = (1.0, 1 / 4, 1 / 16)  # rates over η₁; descent is stable up to 4
RADIUS = 0.1  # r
RANDOM_PUSH = 1e-6  # length of a push in a random direction
PUSH, RANDOM, ROUNDING = "push along v₋", "push at random", "rounding"
BATCH, EPOCH = "batches drawn anew", "batches of an epoch"
ARMS = (PUSH, RANDOM, ROUNDING, BATCH, EPOCH)  # what moves θ
# The size of a random ε that counts is its geometric mean: so many standard deviations, if it is normal
TYPICAL = math.exp(-(np.euler_gamma + math.log(2)) / 2)


def leading_components(X: np.ndarray, count: int) -> np.ndarray:
    """The `count` leading principal components of standardised samples, each with mean square 1; fewer where X has."""
    values, vectors = scipy.linalg.eigh(X.T @ X / len(X))
    kept = np.flatnonzero(values > 1e-9 * values[-1])[-count:]
    largest = abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(len(values))])  # an eigenvector has no sign of its own: this fixes one
    return X @ (vectors * signs)[:, kept] / np.sqrt(values[kept])


def descend_to_optimum(model: Model, X: Any, y: Any) -> bool:
    """Bring the model to a minimum with a gradient of norm 1e-10 at most: BFGS, then Newton; False if that fails.

    It fails where θ tends to infinity: classes that can be told apart, a unit that does best as a step or exponential.
    """
    to_numpy, asarray = model.backend.to_numpy, model.backend.asarray

    def loss_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        model.theta = asarray(theta)
        J, G = model.loss_and_gradient(X, y)
        return J, to_numpy(G)

    start: Any = to_numpy(model.theta).copy()
    options: Any = {"gtol": 1e-8, "maxiter": 500}
    theta = scipy.optimize.minimize(loss_and_gradient, start, jac=True, method="BFGS", options=options).x
    for _ in range(3):
        _, G = loss_and_gradient(theta)
        eigenvalues, V = scipy.linalg.eigh(curvature.hessian(model, X, y))
        if not eigenvalues[0] > 1e-9 * eigenvalues[-1]:
            return False
        theta = theta - V @ (V.T @ G / eigenvalues)  # θ − H⁻¹G
    _, G = loss_and_gradient(theta)
    return bool(np.linalg.norm(G) <= GRADIENT_NORM)


def duplicate(small: Model, s: float) -> MLP:
    """The network with two copies of the one hidden unit of `small`, v split into s v and (1 − s) v."""
    large = MLP((small.n_features, 2, 1), activation="tanh", backend=small.backend)
    (w, b), (v, c) = small.layers
    (W1, b1), (W2, b2) = large.layers
    W1[...], b1[...], b2[...] = w, b, c  # (n, 1) fills both columns of (n, 2)
    W2[0], W2[1] = s * v[0], (1 - s) * v[0]
    return large


def typical_push(kick: float, growth: float) -> float:
    """The ε that random kicks of this standard deviation come to, one of them an update.

    The k-th kick has grown by ρ^(t − k) at update t: together ρ^t √(Σ_k ρ^−2k) = ρ^t / √(ρ² − 1) of one.
    """
    return TYPICAL * kick / math.sqrt(growth**2 - 1)


def updates_to_leave(push: float, growth: float) -> float:
    """ln(r/ε) / ln ρ; none from r on, without end for ε = 0."""
    return max(0.0, math.log(RADIUS / push) / math.log(growth)) if push else math.inf


def rate_name(step: float) -> str:
    """The learning rate step · η₁ as a reader knows it."""
    return "η₁" if step == 1 else f"η₁/{1 / step:g}"
