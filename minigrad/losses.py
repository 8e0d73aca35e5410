"""The log loss: as the text writes it, from probabilities; and as it is computed, from logits.

    h   (m,) or (m, K)   probabilities: of class 1, or of each of K classes
    z   (m,) or (m, K)   logits: h = sigmoid(z), or h = softmax(z) along each row
    y   (m,)             labels: 0 or 1, or 0 … K − 1
    J_i, J               the loss of sample i, and the mean over the rows

With one output, J(θ) = −(1/m) Σ_i [ y_i log h_i + (1 − y_i) log(1 − h_i) ]; with K, J(θ) = −(1/m) Σ_i log h_i[y_i].
For both, ∂J_i/∂z = h_i − y_i with y_i as a one-hot row where there are K classes: the derivative of
the sigmoid, or softmax, cancels that of the logarithm (C. Bishop, Pattern Recognition and Machine Learning, 2006,
sections 4.3.2 and 4.3.4).

Why training takes the loss from logits and not by the text's formula: for z = 40 the probability h rounds to 1, so
1 − h is 0 and its logarithm infinite, though the loss of a sample with y = 0 is 40; and near h = 1 the difference
1 − h keeps few digits. From z nothing is lost. No probability is ever clipped.

`BinaryLogLoss` and `ClassLogLoss` hold what depends on the number of outputs: one, or K.
"""

import math
from typing import Any

import numpy as np

from .engine import checks
from .engine.backend import Array, Backend, backend_of, namespace
from .engine.batch import quiet
from .functions import sigmoid, softmax


# exercise: log_loss
def log_loss(h: Any, y: Any) -> float:
    """J(θ), the mean log loss over a batch, by the text's formula.

    h (m,) or (m, K) are probabilities, y (m,) labels. The loss is infinite, without a warning, where a sample was given
    probability 0 for what it is. ValueError for a probability outside [0, 1], a label that is no class, or shapes that
    do not fit.
    """
    h, y = _pair("h", h, y)
    if not bool(((h >= 0) & (h <= 1)).all()):
        raise ValueError("h holds a value outside [0, 1]; expected probabilities (logits go to log_loss_from_logits)")
    return float(one_sample_loss(h, y).mean())


@quiet()
def log_loss_from_logits(z: Any, y: Any) -> float:
    """J(θ) from logits z, (m,) or (m, K): the same loss, finite unless a difference or the sum of the rows overflows.

    ValueError for a label that is no class, or shapes that do not fit.
    """
    z, y = _pair("z", z, y)
    losses = ClassLogLoss.value(z, y) if z.ndim == 2 else BinaryLogLoss.value(z, y)
    return float(losses.mean())


# exercise: log_loss
def one_sample_loss(h: Array, y: Array) -> Array:
    """−[ y log h + (1 − y) log(1 − h) ] for each sample on its own, (m,).

    With K classes it is −log h[y]. 0 log 0 is 0, its limit: the logarithm is taken only of the probability of the true
    class.
    """
    xp = namespace(h)
    if h.ndim == 2:
        return -_log(h[xp.arange(len(y)), y])
    return -_log(xp.where(y == 1, h, 1 - h))


# exercise: log_loss
def one_sample_loss_as_printed(h: Array, y: Array) -> Array:
    """−[ log h + (1 − y) log(1 − h) ]: the one-sample loss of the article, which lost the factor y, (m,).

    Nothing changes for y = 1. For y = 0 it adds −log h, so the mean of these is *not* the article's own J over
    a batch: it is kept here only so that a lesson, and a test, can show the slip.
    """
    return one_sample_loss(h, y) + namespace(h).where(y == 1, 0.0, -_log(h))


# ---- what training uses ------------------------------------------------------------------------------------------


class BinaryLogLoss:
    """The log loss of one output: h = sigmoid(z), z (m,) or (m, 1), labels 0 and 1."""

    n_classes = 2

    def __init__(self, dtype: np.dtype) -> None:
        self.label_dtype = dtype  # that of z, so that h − y converts nothing

    @staticmethod
    def value(z: Array, y: Array) -> Array:
        """The loss of each row, (m,): log(1 + e^−s) with s = z for y = 1 and s = −z for y = 0."""
        xp, z = namespace(z), _column(z)
        return xp.logaddexp(0, xp.where(y == 1, -z, z))

    @staticmethod
    def delta(z: Array, y: Array, m: int = 1, out: Array | None = None) -> Array:
        """δ = ∂J/∂z = (h − y) / m, in the shape of z."""
        delta = sigmoid(z, out=out)
        column = _column(delta)  # a view of h, (m,): what changes it changes delta
        column -= y
        if m > 1:
            column /= m
        return delta

    @staticmethod
    def sample_delta(z: np.ndarray, label: int, out: np.ndarray) -> None:
        """`delta` of a single sample, z (1,) on the host, on plain floats: sigmoid(z) = (1 + tanh(z/2)) / 2."""
        out[0] = 0.5 + 0.5 * math.tanh(0.5 * z[0]) - label

    @staticmethod
    def probabilities(z: Array) -> Array:
        """h = sigmoid(z), the probability of class 1, (m,)."""
        return sigmoid(_column(z))

    @staticmethod
    def prediction(z: Array) -> Array:
        """The most probable label, (m,): whether z is at least 0."""
        return _column(z) >= 0


class ClassLogLoss:
    """The log loss of K outputs: h = softmax(z) along each row, z (m, K), labels 0 … K − 1."""

    label_dtype = np.dtype(int)

    def __init__(self, n_classes: int, backend: Backend, dtype: np.dtype) -> None:
        self.n_classes = n_classes
        self.one_hot = backend.xp.eye(n_classes, dtype=dtype)  # row k: y as 0 … 1 … 0 for the label k

    @staticmethod
    def value(z: Array, y: Array) -> Array:
        """The loss of each row, (m,): −log h[y] = log Σ_k e^z_k − z_y, less the row's maximum, against overflow."""
        xp, rows = namespace(z), namespace(z).arange(len(y))
        shifted = z - z.max(axis=1, keepdims=True)
        powers = xp.exp(shifted)
        powers[rows, z.argmax(axis=1)] = 0  # this 1 stays apart, in log1p: beside it small ones lose their digits
        return xp.log1p(powers.sum(axis=1)) - shifted[rows, y]

    def delta(self, z: Array, y: Array, m: int = 1, out: Array | None = None) -> Array:
        """δ = ∂J/∂z = (h − y) / m, (m, K), y as one-hot rows."""
        delta = softmax(z, out=out)
        delta -= self.one_hot.take(y, axis=0)
        if m > 1:
            delta /= m
        return delta

    @staticmethod
    def sample_delta(z: np.ndarray, label: int, out: np.ndarray) -> None:
        """`delta` of a single sample, z (K,) on the host."""
        values = z.tolist()  # plain floats: for K = 10 each of NumPy's calls takes longer than all of this
        if len(values) > 30:
            np.subtract(z, max(values), out=out)
            np.exp(out, out=out)
            out /= np.add.reduce(out)
        else:
            largest, exp = max(values), math.exp
            powers = [exp(value - largest) for value in values]
            scale = 1 / sum(powers)
            out[:] = [power * scale for power in powers]
        out[label] -= 1.0

    @staticmethod
    def probabilities(z: Array) -> Array:
        """h = softmax(z), (m, K)."""
        return softmax(z)

    @staticmethod
    def prediction(z: Array) -> Array:
        """The most probable label, (m,): the largest logit of the row."""
        return z.argmax(axis=1)


def log_loss_of(n_outputs: int, backend: Backend, dtype: np.dtype) -> BinaryLogLoss | ClassLogLoss:
    """The loss of a model with that many outputs, for arrays of that backend and dtype."""
    return BinaryLogLoss(dtype) if n_outputs == 1 else ClassLogLoss(n_outputs, backend, dtype)


def _column(z: Array) -> Array:
    """(m, 1) as (m,), a view; (m,) as it is."""
    return z if z.ndim == 1 else z[:, 0]


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
