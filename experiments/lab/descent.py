"""Full-batch descent to the bottom: where a training run would have ended without noise and with all the time."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from minigrad.model import Model


def polish(model: Model, X: Any, y: Any, gradient_norm: float = 1e-6, iterations: int = 500) -> float:
    """Descend on all samples X (m, n), y (m,) from where the model is; returns the length of the gradient at the end.

    By L-BFGS (scipy.optimize), on the hand-written gradient, until no entry of it is above `gradient_norm`, or for so
    many iterations. Changes `model.theta`.
    """
    backend = model.backend
    X, y = model.prepare(X, y)

    def loss_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        model.theta = backend.asarray(theta, model.dtype)
        loss, gradient = model.loss_and_gradient(X, y)
        return loss, backend.to_numpy(gradient).astype(float)

    start = backend.to_numpy(model.theta).astype(float)
    found = scipy.optimize.minimize(
        loss_and_gradient, start, jac=True, method="L-BFGS-B",
        options={"gtol": gradient_norm, "ftol": 0.0, "maxiter": iterations, "maxfun": 2 * iterations},
    )  # fmt: skip
    model.theta = backend.asarray(found.x, model.dtype)
    return float(np.linalg.norm(found.jac))
