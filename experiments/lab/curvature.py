"""The Hessian of a model's loss, by central differences of the gradient that the model's own code computes.

    θ   (p,)     parameters                     G(θ)   (p,)   gradient of the mean loss
    H   (p, p)   Hessian, ∂G/∂θ                 v      (p,)   a direction

    H v ≈ [G(θ + εv) − G(θ − εv)] / 2ε

The formula's error is of order ε², that of rounding 1/ε: together they are least near ε‖v‖ = (machine epsilon)^(1/3),
6e-6 in float64.
"""

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from minigrad.model import Model


def hessian_vector_product(model: Model, X: Any, y: Any, v: Any) -> Any:
    """H v at the model's θ, which is left as it is; v and the result (p,) on the model's device."""
    length = float(model.xp.linalg.norm(v))
    if length == 0:
        return model.xp.zeros_like(v)
    epsilon = float(np.finfo(model.dtype).eps) ** (1 / 3) / length
    kept = model.theta.copy()
    try:
        model.theta = kept + epsilon * v
        above = model.gradient(X, y)
        model.theta = kept - epsilon * v
        below = model.gradient(X, y)
    finally:
        model.theta = kept
    return (above - below) / (2 * epsilon)


def hessian(model: Model, X: Any, y: Any) -> np.ndarray:
    """H at the model's θ, (p, p) on the host, symmetric to the last digit: 2p gradients."""
    unit_vectors = model.xp.eye(model.n_parameters, dtype=model.dtype)
    H = np.array([model.backend.to_numpy(hessian_vector_product(model, X, y, e)) for e in unit_vectors], dtype=float)
    return (H + H.T) / 2


def largest_eigenvalue(model: Model, X: Any, y: Any) -> float:
    """The largest eigenvalue of H, by Lanczos' method on products alone: for more parameters than `hessian` can take.

    Gradient descent with a step η is stable in that direction as long as this is below 2/η.
    """
    p = model.n_parameters

    def multiply(v: np.ndarray) -> np.ndarray:
        product = hessian_vector_product(model, X, y, model.backend.asarray(v, model.dtype))
        return model.backend.to_numpy(product).astype(float)

    start = np.random.default_rng(0).standard_normal(p)  # the same at each call
    if not multiply(start).any():
        return 0.0  # each unit is saturated: H is zero, which ARPACK refuses
    operator = LinearOperator((p, p), matvec=multiply, dtype=float)
    [value] = eigsh(operator, k=1, which="LA", v0=start, tol=1e-6, return_eigenvectors=False)
    return float(value)
