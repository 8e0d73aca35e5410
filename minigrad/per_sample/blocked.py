"""SGD one sample at a time where arrays live on a device: products on the device, the sequence on the host.

    x̃ = (x, 1)               a sample with a constant 1 appended, for the bias
    X̃   (block, n_0 + 1)     the rows x̃ of a block of consecutive samples
    W̃   (n_0 + 1, n_1)       the first layer's weights with the bias as last row
    D   (block, n_1)         the rows δ_i of the first layer
    η                        learning rate

A GPU spends most of a small launch on launching, and SGD needs its updates in a row. But in the algebra of
`blas.mlp_updates` the samples of a block meet the large first layer only in X̃ W̃ and X̃ X̃ᵀ before, and in
W̃ ← W̃ − η X̃ᵀ D after. So a block takes a handful of launches and one wait, whatever its length, and what must go sample
by sample, with the small layers above, is done by the host meanwhile.
"""

from __future__ import annotations

import numpy as np

from ..engine.backend import Array
from ..model import Model
from .upper_layers import UpperLayers, augmented, in_sequence

BLOCK = 64  # samples; more mean fewer waits, and a longer sum for each sample


def blocked_updates(
    model: Model, X: Array, y: Array, order: np.ndarray, learning_rate: float, block: int = BLOCK
) -> None:
    """`textbook_epoch`, in the same order, on any backend, for logistic regression and networks of any depth.

    Prepared data on the device, `order` on the host. The layers above the first stay on the host until the end.
    """
    xp, backend = model.xp, model.backend
    first, *rest = augmented(model)
    on_host = [backend.to_numpy(W_tilde).copy() for W_tilde in rest]
    above = UpperLayers(model, on_host, learning_rate)
    n_1, index = first.shape[1], backend.asarray(order)
    labels = backend.to_numpy(y)[order].tolist()
    block = max(1, min(block, len(order)))
    X_tilde = xp.ones((block, len(first)), model.dtype)
    for start in range(0, len(order), block):
        stop = min(start + block, len(order))
        X_tilde = X_tilde[: stop - start]
        X_tilde[:, :-1] = xp.take(X, index[start:stop], axis=0)
        products = xp.concatenate((X_tilde @ first, X_tilde @ X_tilde.T), axis=1)  # (block, n_1 + block)
        products = backend.to_numpy(products)  # the one wait of a block
        D = in_sequence(products[:, :n_1], products[:, n_1:], labels[start:stop], learning_rate, above)
        first -= learning_rate * (X_tilde.T @ backend.asarray(D))  # (n_0 + 1, block) @ (block, n_1)
    for W_tilde, values in zip(rest, on_host):
        W_tilde[...] = backend.asarray(values)
