"""The functions of a layer, each with its derivative beside it.

    z   (m, n)   pre-activations, one row a sample; or (n,), those of one sample
    a   as z     activations, a = f(z)
    h   (m,) or (m, K)   outputs: probabilities
    K            number of classes

Every function makes a fresh array unless `out` is given. `out` is never z itself. To add an activation, write f and
f' for arrays of any shape, choose the gain of its first weights, and list the three in `ACTIVATIONS`. No other code
asks for an activation by its name.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from .engine.backend import Array, namespace
from .engine.workspace import vector_of_ones

FEW = 3_200  # entries

# ---- outputs: logits to probabilities ----------------------------------------------------------------------------


# exercise: sigmoid
def sigmoid(z: Array, out: Array | None = None) -> Array:
    """1 / (1 + e^−z), entry by entry, without overflow for any z; float32 stays float32.

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
    h /= h.dot(vector_of_ones(xp, h.shape[1], h.dtype))[:, None]  # a product with ones: the sum of each row
    return h


def softmax_derivative(h: Array) -> Array:
    """∂h_j / ∂z_k = h_j (1[j = k] − h_k): a (K, K) matrix a row, (m, K, K) in all. Cancelled by the loss, too."""
    xp = namespace(h)
    identity = xp.eye(h.shape[1], dtype=h.dtype)
    return h[:, :, None] * (identity - h[:, None, :])


# ---- activations: f(z), and f'(z) from z and a = f(z), whichever is cheaper ---------------------------------------


def tanh(z: Array, out: Array | None = None) -> Array:
    """(e^z − e^−z) / (e^z + e^−z), entry by entry."""
    return namespace(z).tanh(z, out=out)


def tanh_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1 − a²."""
    slope = namespace(a).multiply(a, a, out=out)
    return namespace(a).subtract(1, slope, out=slope)


def relu(z: Array, out: Array | None = None) -> Array:
    """max(z, 0), entry by entry; `out` is another array than z.

    Against an array of zeros, since NumPy takes three times as long against the number 0.
    """
    a = namespace(z).empty_like(z) if out is None else out
    a.fill(0)
    return namespace(z).maximum(z, a, out=a)


def relu_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """1 where a > 0, else 0: at the kink itself, where there is no slope, 0 is taken.

    As a is never negative this is its sign, which is quicker for a few samples; for many, the comparison is.
    """
    xp = namespace(a)
    if a.size <= FEW:
        return xp.sign(a, out=out)
    return xp.greater(a, 0.0, out=xp.empty_like(a) if out is None else out)


def gelu(z: Array, out: Array | None = None) -> Array:
    """½ z (1 + tanh u) with u = √(2/π) (z + 0.044715 z³): z times the chance that a normal number lies below z.

    D. Hendrycks, K. Gimpel, Gaussian error linear units, arXiv:1606.08415, section 2, in its tanh form.
    """
    return namespace(z).multiply(z, 0.5 + 0.5 * _gelu_tanh(z), out=out)


def gelu_derivative(z: Array, a: Array, out: Array | None = None) -> Array:
    """½ (1 + t) + ½ z (1 − t²) u' with t = tanh u and u' = √(2/π) (1 + 3 · 0.044715 z²)."""
    xp = namespace(z)
    t = _gelu_tanh(z)
    square = xp.minimum(z * z, 100.0)  # beyond it 1 − t² is 0, and 0 times an infinite square would be no number
    square *= 1.5 * 0.044715 * math.sqrt(2 / math.pi)
    square += 0.5 * math.sqrt(2 / math.pi)  # ½ u'
    slope = 1 - t * t
    slope *= z
    slope *= square
    return xp.add(0.5 + 0.5 * t, slope, out=out)


def _gelu_tanh(z: Array) -> Array:
    return namespace(z).tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * (z * z * z)))


@dataclass(frozen=True)
class Activation:
    """All that a network needs to know of the function of its hidden layers."""

    f: Callable[..., Array]  # f(z, out=None) -> a
    derivative: Callable[..., Array]  # f'(z, a, out=None), given both z and a = f(z)
    gain: float  # weights start from N(0, gain / n_in), so that activations stay as large from layer to layer


ACTIVATIONS = {
    "relu": Activation(relu, relu_derivative, gain=2),  # K. He et al., arXiv:1502.01852, equation 10
    "tanh": Activation(tanh, tanh_derivative, gain=1),  # Y. LeCun et al., Efficient BackProp (1998), section 4.6
    "gelu": Activation(gelu, gelu_derivative, gain=2),  # as relu, which it resembles
}
