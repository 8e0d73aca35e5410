"""One sample through the layers above the first, forward, backward and update, on the host.

    ã = (a, 1)               what comes into a layer, with a constant 1 appended, for the bias
    W̃   (n_in + 1, n_out)    the layer's weights with the bias as last row: theta holds them just so
    z   (n_out,)             its pre-activations, z = ã W̃
    δ   (n_out,)             ∂J_i/∂z, for this sample
    η                        learning rate

Backward: δ_below = (W δ) ∘ f'(z_below), then the update W̃ ← W̃ − η ã δᵀ. On one sample the interpreter costs more
than the arithmetic, so a layer takes few calls, each straight into BLAS, and works in buffers made beforehand.
"""

from typing import Any

import numpy as np
import scipy.linalg.blas

from ..model import Model


class Layer:
    """A layer above the first: W̃, and the buffers of one sample."""

    def __init__(self, W_tilde: np.ndarray) -> None:
        self.W_tilde, self.W = W_tilde, W_tilde[:-1]
        self.W_tilde_by_columns = W_tilde.T  # the same memory, as BLAS reads it
        self.a_tilde = np.ones(len(W_tilde), W_tilde.dtype)
        self.a = self.a_tilde[:-1]
        self.slope = np.empty_like(self.a)  # f'(z_below)
        self.z, self.delta = np.empty((2, W_tilde.shape[1]), W_tilde.dtype)


class UpperLayers:
    """The layers above the first: `W_tildes` are changed in place, and may be none."""

    def __init__(self, model: Model, W_tildes: list[np.ndarray], learning_rate: float) -> None:
        self.layers = [Layer(W_tilde) for W_tilde in W_tildes]
        self.learning_rate = learning_rate
        self.output_delta = model.log_loss.sample_delta
        self.f: Any = getattr(model, "f", None)  # logistic regression has none, and no layers above the first
        self.f_derivative: Any = getattr(model, "f_derivative", None)
        self.ger = scipy.linalg.blas.get_blas_funcs("ger", dtype=model.dtype)

    def update(self, z_1: np.ndarray, delta_1: np.ndarray, label: int) -> None:
        """From z (n_1,) of the first layer and the label: fill in δ of the first layer, and update those above."""
        if not self.layers:
            self.output_delta(z_1, label, delta_1)
            return
        f, f_derivative, dot, ger = self.f, self.f_derivative, np.dot, self.ger
        z, passed = z_1, []
        for layer in self.layers:
            f(z, out=layer.a)  # ã = (f(z_below), 1)
            passed.append(z)
            z = dot(layer.a_tilde, layer.W_tilde, out=layer.z)  # (n_in + 1,) @ (n_in + 1, n_out) -> (n_out,)
        self.output_delta(z, label, layer.delta)  # δ = h − y
        below = [delta_1, *(layer.delta for layer in self.layers)]
        for layer, z_below, delta_below in zip(reversed(self.layers), reversed(passed), reversed(below[:-1])):
            dot(layer.W, layer.delta, out=delta_below)  # W δ, before W changes
            delta_below *= f_derivative(z_below, layer.a, out=layer.slope)
            ger(-self.learning_rate, layer.delta, layer.a_tilde, a=layer.W_tilde_by_columns, overwrite_a=1)


# exercise: block
def in_sequence(
    Z: np.ndarray, gram: np.ndarray, labels: list[int], learning_rate: float, above: UpperLayers
) -> np.ndarray:
    """The samples of a block one after the other: D (block, n_1), the rows δ_i of the first layer.

    Z (block, n_1) holds the rows x̃_i W̃ for W̃ at the block's start, gram (block, block) the products x̃_i · x̃_j. So
    z_i = Z_i − η Σ_{j<i} (x̃_i · x̃_j) δ_j, as `blocked.py` derives.
    """
    weights = gram * -learning_rate
    # A row of D is zero until its sample has come, so that a sum over all j is one over j < i.
    D = np.zeros(Z.shape, Z.dtype)
    z, dot, update = np.empty_like(Z[0]), np.dot, above.update
    for Z_i, weights_i, delta, label in zip(Z, weights, D, labels):
        dot(weights_i, D, out=z)  # (block,) @ (block, n_1) -> (n_1,)
        z += Z_i
        update(z, delta, label)
    return D
