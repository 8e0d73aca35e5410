"""SGD one sample at a time, at the speed of BLAS: the updates of `textbook_epoch`, in the same order, on the CPU.

    x̃ = (x, 1), ã = (a, 1)   input activations with a constant 1 appended, for the bias
    W̃   (n_in + 1, n_out)    a layer's weights with the bias as last row: theta holds them just so
    X̃   (block, n_0 + 1)     the rows x̃ of a block of consecutive samples
    δ   (n_out,)             ∂J_i/∂z of a layer, for one sample
    η                        learning rate
    n_0, n_1                 features, and units of the first layer

A layer's logits are z = ã W̃, and its update is W̃ ← W̃ − η ã δᵀ. On one sample the interpreter costs more than the
arithmetic, so a sample takes few calls, each straight into BLAS, and works in buffers made beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.linalg.blas

from .backend import Array
from .logistic_regression import LogisticRegression
from .mlp import MLP
from .model import Model

CHUNK_BYTES = 2**20  # of rows gathered at once: about a core's L2 cache
BLOCK = 32  # samples; more make the sum over a block longer, fewer touch W̃ of the first layer more often


def logistic_updates(
    model: LogisticRegression, X: np.ndarray, y: np.ndarray, order: np.ndarray, learning_rate: float
) -> None:
    """Logistic regression, two BLAS calls a sample: prepared data, `order` on the host.

    A sample's logit is z = θ·x̃ (`dot`) and its gradient (h − y) x̃, so the update is θ ← θ + η (y − h) x̃ (`axpy`),
    with h = sigmoid(z) = (1 + tanh(z/2)) / 2, which never overflows. Rows are gathered in chunks and iterated over:
    `X[i]` alone would cost as much as the arithmetic.
    """
    dot, axpy = model.backend.blas.get_blas_funcs(("dot", "axpy"), dtype=model.dtype)
    theta, p, tanh = model.theta, model.n_parameters, math.tanh
    length = max(1, min(len(order), CHUNK_BYTES // theta.nbytes))
    X_tilde = np.ones((length, len(theta)), model.dtype)
    for start in range(0, len(order), length):
        index = order[start : start + length]
        X_tilde[: len(index), :-1] = X[index]
        for x, label in zip(X_tilde, y[index].tolist()):
            h = 0.5 + 0.5 * tanh(0.5 * dot(theta, x))
            axpy(x, theta, p, learning_rate * (label - h))  # by position: by name costs as much as half the arithmetic


def mlp_updates(
    model: MLP, X: np.ndarray, y: np.ndarray, order: np.ndarray, learning_rate: float, block: int = BLOCK
) -> None:
    """A network of any depth, without touching its first layer, the large one, at each sample.

    Take a block of consecutive samples and W̃ of the first layer at its start. When sample i comes, the samples j < i
    of the block have each changed W̃ by −η x̃_j δ_jᵀ, so its pre-activation is

        z_i = x̃_i W̃ − η Σ_{j<i} (x̃_i · x̃_j) δ_j

    Row i of X̃ W̃ and of the Gram matrix X̃ X̃ᵀ hold all products in it: two matrix products a block. What remains for
    a sample is the sum over the block, (block,) @ (block, n_1), instead of a pass over W̃, (n_0 + 1, n_1). The block
    ends with one more product, W̃ ← W̃ − η X̃ᵀ D, where D (block, n_1) has the rows δ_j. The other layers are small:
    they are updated in place (`ger`).
    """
    # All from SciPy's BLAS: NumPy has another, and their threads would fight for the cores.
    gemm = model.backend.blas.get_blas_funcs("gemm", dtype=model.dtype)
    first, *rest = augmented(model)
    update = rest_of_network(model, rest, learning_rate)
    block = max(1, min(block, len(order)))
    X_tilde = np.ones((block, len(first)), model.dtype)
    for start in range(0, len(order), block):
        index = order[start : start + block]
        X_tilde = X_tilde[: len(index)]
        X_tilde[:, :-1] = X[index]
        # BLAS stores matrices by columns: to it, X̃ stored by rows is X̃ᵀ, and X̃ W̃ is (W̃ᵀ X̃ᵀ)ᵀ
        Z = gemm(1, first.T, X_tilde.T).T  # (block, n_0 + 1) @ (n_0 + 1, n_1) -> (block, n_1)
        gram = gemm(1, X_tilde.T, X_tilde.T, trans_a=1)  # x̃_i · x̃_j, (block, block)
        D = in_sequence(Z, gram, y[index].tolist(), learning_rate, update)
        gemm(-learning_rate, D.T, X_tilde.T, trans_b=1, beta=1, c=first.T, overwrite_c=1)  # W̃ ← W̃ − η X̃ᵀ D


def in_sequence(
    Z: np.ndarray, gram: np.ndarray, labels: list[int], learning_rate: float, update: Callable
) -> np.ndarray:
    """The samples of a block one after the other: D (block, n_1), the rows δ_i of the first layer.

    Z (block, n_1) holds the rows x̃_i W̃ for W̃ at the block's start, gram (block, block) the products x̃_i · x̃_j.
    """
    gemv = scipy.linalg.blas.get_blas_funcs("gemv", dtype=Z.dtype)
    A = np.ones((len(Z), Z.shape[1] + 1), Z.dtype)  # rows z_i beside a constant 1, then ã_i
    A[:, :-1] = Z
    weights = gram * -learning_rate
    # A row of D is zero until its sample has come, so that a sum over all j is one over j < i.
    D = np.zeros(Z.shape, Z.dtype)
    for a, z, delta, weights_i, label in zip(A, A[:, :-1], D, weights, labels):
        gemv(1, D.T, weights_i, beta=1, y=z, overwrite_y=1)
        update(a, z, delta, label)
    return D


def augmented(model: Model) -> list[Array]:
    """W̃ (n_in + 1, n_out) of each layer: views of theta, which holds W row by row and then b."""
    views, start = [], 0
    for n_in, n_out in zip(model.layer_sizes, model.layer_sizes[1:]):
        stop = start + (n_in + 1) * n_out
        views.append(model.theta[start:stop].reshape(n_in + 1, n_out))
        start = stop
    return views


def rest_of_network(
    model: Model, rest: list[np.ndarray], learning_rate: float
) -> Callable[[np.ndarray, np.ndarray, np.ndarray, int], None]:
    """A function of one sample's ã_1, z_1 (all of ã_1 but its 1) and label: updates the layers above, fills in δ_1.

    `rest` holds W̃ of the layers above the first, on the host; it is changed in place.
    """
    output_delta = _sigmoid_delta if model.n_outputs == 1 else _softmax_delta
    if not isinstance(model, MLP) or not rest:
        return lambda a_1, z_1, delta_1, label: output_delta(z_1, label, delta_1)

    gemv, ger = scipy.linalg.blas.get_blas_funcs(("gemv", "ger"), dtype=model.dtype)
    f, f_derivative = model.f, model.f_derivative
    # BLAS counts by columns: W̃ᵀ of a matrix that is stored by rows is one stored by columns, as it is.
    W_tilde = [W.T for W in rest]  # (n_out, n_in + 1)
    W = [W_l[:, :-1] for W_l in W_tilde]  # without the bias
    a_tilde = [np.ones(len(W_l) + 1, model.dtype) for W_l in W]
    z = [a[:-1] for a in a_tilde]
    delta = [np.empty(len(W_l), model.dtype) for W_l in W]
    slope = [np.empty(W_l.shape[1], model.dtype) for W_l in W]
    upwards, last = range(len(W)), len(W) - 1  # index 0 is the layer above the first

    def update(a_1: np.ndarray, z_1: np.ndarray, delta_1: np.ndarray, label: int) -> None:
        f(z_1, out=z_1)  # a_1 takes the place of z_1, beside its constant 1
        inputs = a_1
        for l in upwards:
            gemv(1, W_tilde[l], inputs, y=z[l], overwrite_y=1)
            if l < last:
                f(z[l], out=z[l])
                inputs = a_tilde[l]
        output_delta(z[last], label, delta[last])
        for l in reversed(upwards):
            inputs, a, below = (a_tilde[l - 1], z[l - 1], delta[l - 1]) if l else (a_1, z_1, delta_1)
            gemv(1, W[l], delta[l], y=below, overwrite_y=1, trans=1)  # W δ, before W changes
            below *= f_derivative(a, out=slope[l])
            ger(-learning_rate, delta[l], inputs, a=W_tilde[l], overwrite_a=1)

    return update


def _sigmoid_delta(z: np.ndarray, label: int, out: np.ndarray) -> None:
    """δ = h − y with h = sigmoid(z) = (1 + tanh(z/2)) / 2."""
    out[0] = 0.5 + 0.5 * math.tanh(0.5 * z[0]) - label


def _softmax_delta(z: np.ndarray, label: int, out: np.ndarray) -> None:
    """δ = h − y with h = softmax(z), y one-hot."""
    np.subtract(z, z[z.argmax()], out=out)
    np.exp(out, out=out)
    out /= np.add.reduce(out)
    out[label] -= 1.0
