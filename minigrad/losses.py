"""The log loss: as the text writes it, from probabilities; and as it is computed, from logits.

    h   (m,) or (m, K)   probabilities: of class 1, or of each of K classes
    z   (m,) or (m, K)   logits: h = sigmoid(z), or h = softmax(z) along each row
    y   (m,)             labels: 0 or 1, or 0 … K − 1
    J_i, J               the loss of sample i, and the mean over the rows

With one output, J(θ) = −(1/m) Σ_i [ y_i log h_i + (1 − y_i) log(1 − h_i) ]; with K, J(θ) = −(1/m) Σ_i log h_i[y_i].
For both, ∂J_i/∂z = h_i − y_i with y_i as a one-hot row where there are K classes: the derivative of
the sigmoid, or softmax, cancels that of the logarithm (C. Bishop, Pattern Recognition and Machine Learning, 2006,
sections 4.3.2 and 4.3.4).
No probability is ever clipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks
from .backend import Array, backend_of, namespace
from .functions import sigmoid, softmax


def log_loss(h: Any, y: Any) -> float:
    """J(θ), the mean log loss over a batch, by the text's formula.

    Parameters
    ----------
    h : (m,) or (m, K)
        Probabilities in [0, 1].
    y : (m,)
        Labels 0/1, or 0 … K − 1.

    Returns
    -------
    float
        Infinite, without a warning, where a sample was given probability 0 for what it is.

    Raises
    ------
    ValueError
        A probability outside [0, 1], a label that is no class, or shapes that do not fit.
    """
    h, y = _pair("h", h, y)
    if not bool(((h >= 0) & (h <= 1)).all()):
        raise ValueError("h holds a value outside [0, 1]; expected probabilities (logits go to log_loss_from_logits)")
    return float(one_sample_loss(h, y).mean())


def one_sample_loss(h: Array, y: Array) -> Array:
    """−[ y log h + (1 − y) log(1 − h) ] for each sample on its own, (m,); −log h[y] with K classes.

    0 log 0 is 0, its limit: the logarithm is taken only of the probability of what the sample is.
    """
    xp = namespace(h)
    if h.ndim == 2:
        return -_log(h[xp.arange(len(y)), y])
    return -_log(xp.where(y == 1, h, 1 - h))


def one_sample_loss_as_printed(h: Array, y: Array) -> Array:
    """−[ log h + (1 − y) log(1 − h) ]: the one-sample loss of the article, which lost the factor y, (m,).

    Nothing changes for y = 1. For y = 0 it adds −log h, so the mean of these is *not* the article's own J over
    a batch: it is kept here only so that a lesson, and a test, can show the slip.
    """
    return one_sample_loss(h, y) + namespace(h).where(y == 1, 0.0, -_log(h))


def log_loss_from_logits(z: Any, y: Any) -> float:
    """J(θ) from logits: the same mean log loss, finite unless a difference of logits overflows.

    Parameters
    ----------
    z : (m,) or (m, K)
        Logits.
    y : (m,)
        Labels 0/1, or 0 … K − 1.

    Raises
    ------
    ValueError
        A label that is no class, or shapes that do not fit.
    """
    z, y = _pair("z", z, y)
    return float(one_sample_loss_from_logits(z, y).mean())


def one_sample_loss_from_logits(z: Array, y: Array) -> Array:
    """The loss of each sample, (m,): log(1 + e^−s), s = z for y = 1 and −z for y = 0; logΣe^z − z[y] with K classes."""
    xp = namespace(z)
    if z.ndim == 2:
        shifted = z - z.max(axis=1, keepdims=True)
        return xp.log(xp.exp(shifted).sum(axis=1)) - shifted[xp.arange(len(y)), y]
    return xp.logaddexp(0, xp.where(y == 1, -z, z))


def sigmoid_delta(z: Array, y: Array, out: Array) -> Array:
    """δ = ∂J_i/∂z_i = h_i − y_i into `out`, (m,); y in the dtype of z."""
    h = sigmoid(z, out=out)
    h -= y
    return h


def softmax_delta(z: Array, y: Array, out: Array) -> Array:
    """δ = ∂J_i/∂z_i = h_i − y_i into `out`, (m, K); y (m, K) holds one-hot rows in the dtype of z."""
    h = softmax(z, out=out)
    h -= y
    return h


def _log(probabilities: Array) -> Array:
    with np.errstate(divide="ignore"):  # log 0 = −inf is the formula's own answer
        return namespace(probabilities).log(probabilities)


def _pair(name: str, outputs: Any, y: Any) -> tuple[Array, Array]:
    """`outputs` and `y` as arrays of one library, with shapes and labels checked."""
    backend = backend_of(outputs)
    outputs = backend.asarray(outputs)
    if outputs.ndim not in (1, 2) or outputs.shape[0] == 0 or (outputs.ndim == 2 and outputs.shape[1] < 2):
        raise ValueError(f"{name} has shape {outputs.shape}; expected (m,), or (m, K) with K of at least 2")
    if outputs.dtype.kind != "f":
        outputs = outputs.astype(float)
    y = checks.labels(y, outputs.shape[0], outputs.shape[1] if outputs.ndim == 2 else 2, backend)
    return outputs, y.astype(outputs.dtype if outputs.ndim == 1 else int)
