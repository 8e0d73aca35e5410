"""Is a gradient right? Compare it with finite differences of the loss, by a relative error that can fail.

    ∂J/∂θ_k ≈ [J(θ + ε e_k) − J(θ − ε e_k)] / 2ε      J the loss, e_k the k-th unit vector, ε the step

The error of this is of order ε² from the formula and 1e-16/ε from rounding.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Model


def numerical_gradient(J: Callable[[np.ndarray], float], theta: Any, step: float = 1e-5) -> np.ndarray:
    """The gradient (p,) of J at theta (p,) by central differences: two evaluations of J per entry, in float64."""
    theta = np.array(theta, dtype=np.float64)
    gradient = np.empty_like(theta)
    for k in range(len(theta)):
        kept = theta[k]
        theta[k] = kept + step
        above = J(theta)
        theta[k] = kept - step
        below = J(theta)
        theta[k] = kept
        gradient[k] = (above - below) / (2 * step)
    return gradient


def relative_errors(gradient: Any, reference: Any) -> np.ndarray:
    """|g_k − r_k| / max(|g_k|, |r_k|, 1e-3 · max|r|) of each entry, (p,): 0 where they agree, up to 2 where not.

    Entries are compared one by one, so one wrong entry among thousands counts in full. The last term keeps entries
    that are zero but for rounding from deciding. An entry that is not finite is infinitely wrong.
    """
    g, r = np.asarray(gradient, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if g.shape != r.shape:
        raise ValueError(f"gradient has shape {g.shape}; expected the shape of the reference, {r.shape}")
    finite = np.isfinite(g) & np.isfinite(r)
    g, r = np.where(finite, g, 0.0), np.where(finite, r, 0.0)
    scale = np.maximum(np.maximum(abs(g), abs(r)), 1e-3 * abs(r).max(initial=0.0))
    errors = np.divide(abs(g - r), scale, out=np.zeros_like(g), where=scale > 0)
    return np.where(finite, errors, np.inf)


def relative_error(gradient: Any, reference: Any) -> float:
    """The largest of the `relative_errors`."""
    return float(relative_errors(gradient, reference).max(initial=0.0))


def check_gradient(model: Model, X: Any, y: Any, tolerance: float = 1e-5, step: float = 1e-5) -> float:
    """Compare `model.gradient` with finite differences of `model.loss`; returns the relative error.

    With relu, a step across a kink makes the difference wrong and a right gradient fail: use tanh, or move theta.

    Parameters
    ----------
    model, X, y
        A model in float64, and a batch for it: (m, n), (m,).
    tolerance, step : float
        The largest relative error that passes; ε, in units of theta.

    Raises
    ------
    ValueError
        The error is above the tolerance (the message names the worst entry), or the model is not in float64: in float32
        the rounding of the losses is larger than their difference.
    """
    if model.dtype != np.float64:
        raise ValueError(f"the model's dtype is {model.dtype}; expected float64 for finite differences")
    to_numpy, asarray = model.backend.to_numpy, model.backend.asarray
    gradient, kept = to_numpy(model.gradient(X, y)), model.theta.copy()

    def J(theta: np.ndarray) -> float:
        model.theta = asarray(theta)
        return model.loss(X, y)

    try:
        reference = numerical_gradient(J, to_numpy(kept), step)
    finally:
        model.theta = kept
    errors = relative_errors(gradient, reference)
    worst, error = int(errors.argmax()), float(errors.max())
    if error > tolerance:
        raise ValueError(
            f"the gradient is off by a relative {error:.1e}, expected at most {tolerance:.0e}: "
            f"entry {worst} is {gradient[worst]:.8g}, finite differences say {reference[worst]:.8g}"
        )
    return error
