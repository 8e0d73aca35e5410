"""SGD one sample at a time, without touching the first layer, the large one, at each sample.

    x̃ = (x, 1)               a sample with a constant 1 appended, for the bias
    X̃   (block, n_0 + 1)     the rows x̃ of a block of consecutive samples
    W̃   (n_0 + 1, n_1)       the first layer's weights with the bias as last row: theta holds them just so
    δ_i (n_1,)               ∂J_i/∂z of the first layer for sample i, and D (block, n_1) its rows
    η                        learning rate

Take a block and W̃ at its start. When sample i comes, the samples j < i of the block have each changed W̃ by −η x̃_j δ_jᵀ,
so its pre-activation is

    z_i = x̃_i W̃ − η Σ_{j<i} (x̃_i · x̃_j) δ_j

Row i of X̃ W̃ and of the Gram matrix X̃ X̃ᵀ hold all products in it: two matrix products a block. What remains for a sample
is the sum over the block, (block,) @ (block, n_1), instead of a pass over W̃, (n_0 + 1, n_1). The block ends with one
more product, W̃ ← W̃ − η X̃ᵀ D. The layers above the first are small: they are updated sample by sample, on the host.

On a GPU a block takes a handful of launches and one wait, whatever its length.
"""

import numpy as np

from ..engine.backend import Array
from ..model import Model
from .upper_layers import UpperLayers, in_sequence

BLOCK = 32  # samples; more make the sum over a block longer, fewer touch W̃ more often
DEVICE_BLOCK = 64  # on a device, where each block costs a wait


def blocked_updates(
    model: Model, X: Array, y: Array, order: np.ndarray, learning_rate: float, block: int | None = None
) -> None:
    """`textbook_epoch`, in the same order, on any backend: prepared data on the device, `order` on the host."""
    xp, backend = model.xp, model.backend
    first, *rest = model.augmented(model.theta)
    on_host = [backend.to_numpy(W_tilde) for W_tilde in rest]
    above = UpperLayers(model, on_host, learning_rate)
    n_1, index = first.shape[1], backend.asarray(order)
    labels = backend.to_numpy(y)[order].tolist()
    block = block or (DEVICE_BLOCK if backend.blas is None else BLOCK)
    block = max(1, min(block, len(order)))
    X_tilde = xp.ones((block, len(first)), model.dtype)
    for start in range(0, len(order), block):
        stop = min(start + block, len(order))
        X_tilde = X_tilde[: stop - start]
        rows = X_tilde[:, :-1] = xp.take(X, index[start:stop], axis=0)
        gram = X_tilde[:, :-1] @ rows.T + 1  # x̃_i · x̃_j; for X̃ X̃ᵀ, of one array, NumPy takes twice as long
        products = xp.concatenate((X_tilde @ first, gram), axis=1)  # (block, n_1 + block)
        products = backend.to_numpy(products)  # the one wait of a block
        D = in_sequence(products[:, :n_1], products[:, n_1:], labels[start:stop], learning_rate, above)
        backend.add_product(-learning_rate, X_tilde, backend.asarray(D), first)  # W̃ ← W̃ − η X̃ᵀ D
    for W_tilde, values in zip(rest, on_host):
        W_tilde[...] = backend.asarray(values)
