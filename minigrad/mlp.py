"""The multilayer perceptron: dense layers, with backpropagation written out by hand.

The index l = 0 … L − 1 is the layer, counted from the input.

    X            (m, n_0)           samples, one a row
    W_l, b_l     (n_l, n_{l+1}), (n_{l+1},)   weights and bias of layer l
    a_l          (m, n_l)           what comes into layer l: a_0 = X
    z_l          (m, n_{l+1})       its pre-activations; the last ones are the logits
    δ_l          (m, n_{l+1})       ∂J/∂z_l, one row a sample
    m                               rows of the batch: J is a mean, and its 1/m is already inside δ

Forward, for each layer:    z_l = a_l W_l + b_l            a_{l+1} = f(z_l)
The last z is turned into h = sigmoid(z) for one output and h = softmax(z) for K.
Backward, from the last:    δ_{L−1} = (h − y) / m          δ_{l−1} = (δ_l W_lᵀ) ∘ f'(z_{l−1})
Gradient of the mean loss:  ∂J/∂W_l = a_lᵀ δ_l             ∂J/∂b_l = sum of the rows of δ_l

D. Rumelhart, G. Hinton, R. Williams, Learning representations by back-propagating errors, Nature 323 (1986).
theta holds W_0, b_0, W_1, b_1, … in this order, each W row by row.

Each product is written into an array that is kept from batch to batch (`arrays`), since to allocate it anew would
take longer than to compute it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .engine import checks
from .engine.backend import Array, Backend
from .engine.workspace import vector_of_ones
from .functions import ACTIVATIONS
from .model import Model


class MLP(Model):
    """A stack of dense layers; without hidden layers and with one output it is logistic regression.

    Parameters
    ----------
    layer_sizes : sequence of int
        (n_0, …, n_L), such as (64, 32, 10). n_L = 1: sigmoid and binary log loss; n_L = K > 1: softmax and K classes.
    activation : {"relu", "tanh", "gelu"}
        f of the hidden layers, see `functions.py`.
    dtype : {"float64", "float32"}
    backend : str or Backend
        See `get_backend`.
    rng : numpy.random.Generator, optional
        Draws W_l from N(0, gain / n_l), where the gain is the activation's; biases start at 0. Without it: a generator
        seeded with 0.

    An argument that is not of this form is refused by a ValueError or TypeError, a backend that is not there by
    `BackendUnavailable`.
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
        self._activation = checks.one_of("activation", activation, tuple(ACTIVATIONS))
        self.f, self.f_derivative = ACTIVATIONS[activation].f, ACTIVATIONS[activation].derivative
        super().__init__(sizes, dtype, backend)
        rng = checks.generator("rng", rng) or np.random.default_rng(0)
        for W, _ in self.layers:
            variance = ACTIVATIONS[activation].gain / len(W)
            W[...] = self.backend.asarray(np.sqrt(variance) * rng.standard_normal(W.shape), self.dtype)

    @property
    def activation(self) -> str:
        """The name of f, which is chosen when the model is made."""
        return self._activation

    def forward_pass(self, X: Array) -> tuple[list[Array], list[Array]]:
        """Every a_l, X first, and every z_l, the logits last."""
        a, z, L = [X], self.arrays("z", len(X)), len(self.layers)
        a += self.arrays("a", len(X))[: L - 1]  # a_1 … a_{L−1}, to be filled
        for l, (W, b) in enumerate(self.layers):
            self.xp.matmul(a[l], W, out=z[l])  # z_l = a_l W_l + b_l; (m, n_l) @ (n_l, n_{l+1}) -> (m, n_{l+1})
            z[l] += b
            if l + 1 < L:
                self.f(z[l], out=a[l + 1])  # a_{l+1} = f(z_l); the last z are the logits
        return a, z

    # exercise: backpropagation
    def backward_pass(self, a: list[Array], z: list[Array], y: Array, m: int) -> list[Array]:
        """Every δ_l, worked out from the last layer to the first."""
        delta, slope = self.arrays("delta", len(y)), self.arrays("slope", len(y))
        self.log_loss.delta(z[-1], y, m, out=delta[-1])  # δ_{L−1} = (h − y) / m
        for l in range(len(self.layers) - 1, 0, -1):
            W, _ = self.layers[l]
            self.xp.matmul(delta[l], W.T, out=delta[l - 1])  # (m, n_{l+1}) @ (n_{l+1}, n_l) -> (m, n_l)
            delta[l - 1] *= self.f_derivative(z[l - 1], a[l], out=slope[l - 1])  # δ_{l−1} = (δ_l W_lᵀ) ∘ f'(z_{l−1})
        return delta

    # exercise: backpropagation
    def gradient_pass(self, a: list[Array], delta: list[Array], out: Array) -> None:
        """∂J/∂W_l = a_lᵀ δ_l and ∂J/∂b_l = the sum of δ_l's rows into `out`."""
        ones = vector_of_ones(self.xp, len(a[0]), self.dtype)
        product = self.xp.matmul if len(ones) > 1 else self.xp.dot  # over one row `matmul` takes seven times as long
        for (dW, db), a_l, delta_l in zip(self.layer_views(out), a, delta):
            product(a_l.T, delta_l, out=dW)  # ∂J/∂W_l = a_lᵀ δ_l; (n_l, m) @ (m, n_{l+1}) -> (n_l, n_{l+1})
            self.xp.dot(ones, delta_l, out=db)  # ∂J/∂b_l, the sum of δ_l's rows; (m,) @ (m, n_{l+1}) -> (n_{l+1},)

    def arrays(self, name: str, m: int) -> list[Array]:
        """An array (m, n_{l+1}) for each layer, of undefined content: those that the last batch used."""
        return self.workspace.take_each(name, m, self.layer_sizes[1:], self.dtype)

    def constructor_arguments(self) -> dict[str, Any]:
        """What makes a model of this shape again."""
        own = {"layer_sizes": list(self.layer_sizes), "activation": self.activation}
        return own | {"dtype": self.dtype.name, "backend": self.backend.name}
