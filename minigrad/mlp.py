"""The multilayer perceptron: dense layers, with backpropagation written out by hand.

    X            (m, n_0)           samples, one a row
    W_l, b_l     (n_{l−1}, n_l), (n_l,)   weights and bias of layer l = 1 … L
    z_l          (m, n_l)           pre-activations
    a_l          (m, n_l)           activations, a_0 = X
    δ_l          (m, n_l)           ∂J_i/∂z_l, one row a sample, J_i being the loss of sample i

Forward, for each layer:    z_l = a_{l−1} W_l + b_l        a_l = f(z_l), f = relu or tanh
The last layer's z is turned into h = sigmoid(z) for one output and h = softmax(z) for K.
Backward, from the last:    δ_L = h − y                    δ_{l−1} = (δ_l W_lᵀ) ∘ f'(z_{l−1})
Gradients of the mean loss: ∂J/∂W_l = a_{l−1}ᵀ δ_l / m     ∂J/∂b_l = mean of the rows of δ_l

D. Rumelhart, G. Hinton, R. Williams, Learning representations by back-propagating errors, Nature 323 (1986).
theta holds W_1, b_1, W_2, b_2, … in this order, each W row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import checks
from .backend import Array, Backend
from .functions import ACTIVATIONS
from .losses import sigmoid_delta, softmax_delta
from .model import Model


class MLP(Model):
    """A stack of dense layers; without hidden layers and with one output it is logistic regression.

    Parameters
    ----------
    layer_sizes : sequence of int
        (n_0, …, n_L), such as (64, 32, 10). n_L = 1: sigmoid and binary log loss; n_L = K > 1: softmax and K classes.
    activation : {"relu", "tanh"}
        f of the hidden layers.
    dtype : {"float64", "float32"}
    backend : str or Backend
        See `get_backend`.
    rng : numpy.random.Generator, optional
        Draws W_l from N(0, 2/n_{l−1}) for relu (He et al., arXiv:1502.01852) and N(0, 1/n_{l−1}) for tanh
        (LeCun et al., Efficient BackProp, 1998); biases start at 0. Without it: a generator seeded with 0.

    Raises
    ------
    ValueError, TypeError
        An argument that is not of this form.
    BackendUnavailable
        The backend's package, driver or device is missing.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        activation: str = "relu",
        dtype: Any = "float64",
        backend: str | Backend = "numpy",
        rng: np.random.Generator | None = None,
    ) -> None:
        if not isinstance(layer_sizes, Sequence) or isinstance(layer_sizes, str) or len(layer_sizes) < 2:
            raise ValueError(f"layer_sizes is {layer_sizes!r}; expected at least two sizes, such as (64, 32, 10)")
        sizes = tuple(checks.whole_number(f"layer_sizes[{i}]", size) for i, size in enumerate(layer_sizes))
        self.activation = checks.one_of("activation", activation, tuple(ACTIVATIONS))
        self.f, self.f_derivative = ACTIVATIONS[activation]
        super().__init__(sizes, dtype, backend)
        rng = checks.generator("rng", rng) or np.random.default_rng(0)
        for W, _ in self.layers:
            variance = (2 if activation == "relu" else 1) / W.shape[0]
            W[...] = self.backend.asarray(np.sqrt(variance) * rng.standard_normal(W.shape), self.dtype)
        self._identity = self.xp.eye(self.n_outputs, dtype=self.dtype)  # row k is the one-hot form of label k
        self._numbers = range(1, len(sizes))  # of the layers, l = 1 … L: the input has no z and no δ
        self._room = -1

    def forward_pass(self, X: Array) -> tuple[list[Array], Array]:
        self._make_room(len(X))
        a, activations = X, [X]
        for l, (W, b) in enumerate(self.layers, start=1):
            z = self.xp.matmul(a, W, out=self._z[l])  # (m, n_in) @ (n_in, n_out) -> (m, n_out)
            z += b
            if l < len(self.layers):
                a = self.f(z, out=z)  # in place: f' is taken from a, so nobody needs this z again
                activations.append(a)
        return activations, (z[:, 0] if self.n_outputs == 1 else z)

    def backward_pass(self, activations: list[Array], z: Array, y: Array, scale: float) -> list[tuple[Array, Array]]:
        delta = self._output_delta(z, y)  # δ_L = h − y
        delta *= scale
        terms = [(activations[-1], delta)]
        for l in range(len(self.layers), 1, -1):  # l = L … 2
            W, _ = self.layers[l - 1]  # W_l: the list counts from 0
            delta = self.xp.matmul(delta, W.T, out=self._delta[l - 1])  # (m, n_l) @ (n_l, n_{l−1}) -> (m, n_{l−1})
            delta *= self.f_derivative(activations[l - 1], out=self._slope[l - 1])  # δ_{l−1} = (δ_l W_lᵀ) ∘ f'(z_{l−1})
            terms.append((activations[l - 2], delta))
        return terms[::-1]

    def _output_delta(self, z: Array, y: Array) -> Array:
        """h − y, (m, n_L)."""
        L = len(self.layers)
        delta = self._delta[L]
        if self.n_outputs == 1:
            sigmoid_delta(z, y, out=delta[:, 0])
        else:
            one_hot = self.backend.take_rows(self._identity, y, out=self._slope[L])
            softmax_delta(z, one_hot, out=delta)
        return delta

    def _make_room(self, m: int) -> None:
        """z_l, δ_l and f'(z_l), for l = L one-hot rows: slices (m, n_l) of buffers that only grow, at index l."""
        if m != self._room:
            self._room = m
            self._z, self._delta, self._slope = (
                {l: self.workspace.take(f"{name} {l}", (m, self.layer_sizes[l]), self.dtype) for l in self._numbers}
                for name in ("z", "delta", "slope")
            )

    def constructor_arguments(self) -> dict[str, Any]:
        return {
            "layer_sizes": list(self.layer_sizes),
            "activation": self.activation,
            "dtype": self.dtype.name,
            "backend": self.backend.name,
        }
