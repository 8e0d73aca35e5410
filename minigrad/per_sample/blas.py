"""SGD one sample at a time, at the speed of BLAS: the updates of `textbook_epoch`, in the same order, on the CPU.

    x̃ = (x, 1), ã = (a, 1)   input activations with a constant 1 appended, for the bias
    W̃   (n_in + 1, n_out)    a layer's weights with the bias as last row: theta holds them just so
    X̃   (block, n_0 + 1)     the rows x̃ of a block of consecutive samples
    δ   (n_out,)             ∂J_i/∂z of a layer, for one sample
    η                        learning rate
    n_0, n_1                 features, and units of the first layer

A layer's pre-activations are z = ã W̃, and its update is W̃ ← W̃ − η ã δᵀ.
"""

from __future__ import annotations

import math

import numpy as np

from ..logistic_regression import LogisticRegression
from ..model import Model
from .upper_layers import UpperLayers, augmented, in_sequence

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
    model: Model, X: np.ndarray, y: np.ndarray, order: np.ndarray, learning_rate: float, block: int = BLOCK
) -> None:
    """A network of any depth, without touching its first layer, the large one, at each sample.

    Take a block of consecutive samples and W̃ of the first layer at its start. When sample i comes, the samples j < i
    of the block have each changed W̃ by −η x̃_j δ_jᵀ, so its pre-activation is

        z_i = x̃_i W̃ − η Σ_{j<i} (x̃_i · x̃_j) δ_j

    Row i of X̃ W̃ and of the Gram matrix X̃ X̃ᵀ hold all products in it: two matrix products a block. What remains for
    a sample is the sum over the block, (block,) @ (block, n_1), instead of a pass over W̃, (n_0 + 1, n_1). The block
    ends with one more product, W̃ ← W̃ − η X̃ᵀ D, where D (block, n_1) has the rows δ_j. The other layers are small:
    they are updated in place (`upper_layers.py`).
    """
    gemm = model.backend.blas.get_blas_funcs("gemm", dtype=model.dtype)
    first, *rest = augmented(model)
    above = UpperLayers(model, rest, learning_rate)
    block = max(1, min(block, len(order)))
    X_tilde = np.ones((block, len(first)), model.dtype)
    for start in range(0, len(order), block):
        index = order[start : start + block]
        X_tilde = X_tilde[: len(index)]
        X_tilde[:, :-1] = X[index]
        # BLAS stores matrices by columns: to it, X̃ stored by rows is X̃ᵀ, and X̃ W̃ is (W̃ᵀ X̃ᵀ)ᵀ
        Z = gemm(1, first.T, X_tilde.T).T  # (block, n_0 + 1) @ (n_0 + 1, n_1) -> (block, n_1)
        gram = gemm(1, X_tilde.T, X_tilde.T, trans_a=1)  # x̃_i · x̃_j, (block, block)
        D = in_sequence(Z, gram, y[index].tolist(), learning_rate, above)
        gemm(-learning_rate, D.T, X_tilde.T, trans_b=1, beta=1, c=first.T, overwrite_c=1)  # W̃ ← W̃ − η X̃ᵀ D
