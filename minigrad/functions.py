"""The functions of a layer, each with its derivative beside it.

    z   (m, n)   pre-activations, one row a sample
    a   (m, n)   activations, a = f(z)
    h   (m,) or (m, K)   outputs: probabilities
    K            number of classes

A derivative is written in terms of the function's *value*, which backpropagation has at hand: f'(z) from a = f(z).
Every function makes a fresh array unless `out` is given, and `out` may be the argument itself.
"""

from __future__ import annotations

from .backend import Array, namespace


def sigmoid(z: Array, out: Array | None = None) -> Array:
    """1 / (1 + e^−z), entry by entry, without overflow for any z.

    Written e^min(z,0) / (1 + e^−|z|): the exponents are never positive, and a small h keeps all its digits.
    """
    xp = namespace(z)
    denominator = xp.exp(-abs(z))
    denominator += 1
    h = xp.minimum(z, 0.0, out=out)
    xp.exp(h, out=h)
    h /= denominator
    return h


def sigmoid_derivative(h: Array) -> Array:
    """h (1 − h), the slope where the value is h. Training needs none: the log loss cancels it, see `losses.py`."""
    return h * (1 - h)


def softmax(z: Array, out: Array | None = None) -> Array:
    """e^z_k / Σ_j e^z_j along each row (m, K); taking off the row's maximum first changes nothing but overflow."""
    xp = namespace(z)
    h = xp.subtract(z, z.max(axis=1, keepdims=True), out=out)
    xp.exp(h, out=h)
    h /= (h @ xp.ones(h.shape[1], h.dtype))[:, None]  # a product with ones: the sum of each row, at BLAS speed
    return h


def softmax_derivative(h: Array) -> Array:
    """∂h_j / ∂z_k = h_j (1[j = k] − h_k): a (K, K) matrix a row, (m, K, K) in all. Cancelled by the loss, too."""
    xp = namespace(h)
    identity = xp.eye(h.shape[1], dtype=h.dtype)
    return h[:, :, None] * (identity - h[:, None, :])


def tanh(z: Array, out: Array | None = None) -> Array:
    """(e^z − e^−z) / (e^z + e^−z), entry by entry."""
    return namespace(z).tanh(z, out=out)


def tanh_derivative(a: Array, out: Array | None = None) -> Array:
    """1 − a²."""
    slope = namespace(a).multiply(a, a, out=out)
    return namespace(a).subtract(1, slope, out=slope)


def relu(z: Array, out: Array | None = None) -> Array:
    """max(z, 0), entry by entry."""
    return namespace(z).maximum(z, 0.0, out=out)


def relu_derivative(a: Array, out: Array | None = None) -> Array:
    """1 where a > 0, else 0: at the kink itself, where there is no slope, 0 is taken."""
    xp = namespace(a)
    return xp.greater(a, 0.0, out=xp.empty_like(a) if out is None else out)


ACTIVATIONS = {"relu": (relu, relu_derivative), "tanh": (tanh, tanh_derivative)}
