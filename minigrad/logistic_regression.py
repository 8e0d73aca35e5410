"""Binary logistic regression.

    X       (m, n)    samples, one a row
    y       (m,)      labels, 0 or 1
    w, b    (n,), (1,)  weights and bias: theta = (w, b), p = n + 1
    z       (m,)      logits, z = X w + b
    h       (m,)      probabilities of class 1, h = sigmoid(z)

    J(θ) = −(1/m) Σ_i [ y_i log h_i + (1 − y_i) log(1 − h_i) ]
    ∂J/∂w = Xᵀ (h − y) / m,   ∂J/∂b = mean(h − y)

C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks
from .backend import Array, Backend
from .losses import one_sample_loss_from_logits, sigmoid_delta
from .model import Model


class LogisticRegression(Model):
    """h = sigmoid(X w + b), trained on the mean log loss.

    Parameters
    ----------
    n_features : int
        n, the width of X.
    dtype : {"float64", "float32"}
    backend : str or Backend
        See `get_backend`.
    rng : numpy.random.Generator, optional
        Draws the weights from N(0, 1/n); without it theta starts at zero.

    Raises
    ------
    ValueError, TypeError
        An argument that is not of this form.
    BackendUnavailable
        The backend's package, driver or device is missing.
    """

    def __init__(
        self,
        n_features: int,
        *,
        dtype: Any = "float64",
        backend: str | Backend = "numpy",
        rng: np.random.Generator | None = None,
    ) -> None:
        n_features = checks.whole_number("n_features", n_features)
        super().__init__((n_features, 1), dtype, backend)
        rng = checks.generator("rng", rng)
        if rng is not None:
            self.w[...] = self.backend.asarray(rng.standard_normal(n_features) / np.sqrt(n_features), self.dtype)

    @property
    def w(self) -> Array:
        """The weights (n,), a view of theta."""
        return self._theta[:-1]

    @property
    def b(self) -> Array:
        """The bias (1,), a view of theta."""
        return self._theta[-1:]

    def forward_pass(self, X: Array) -> tuple[list[Array], Array]:
        z = self.workspace.take("z", (len(X),), self.dtype)
        self.xp.matmul(X, self.w, out=z)  # (m, n) @ (n,) -> (m,)
        z += self.b
        return [X], z

    def backward_pass(self, activations: list[Array], z: Array, y: Array, scale: float) -> list[tuple[Array, Array]]:
        delta = self.workspace.take("delta", z.shape, self.dtype)
        sigmoid_delta(z, y, out=delta)  # h − y
        delta *= scale
        return [(activations[0], delta[:, None])]

    def mean_gradient(self, X: Array, y: Array, out: Array, scale: float = 1.0, with_loss: bool = False) -> Any:
        """∂J/∂w = Xᵀ (h − y) / m, written out; row chunk by row chunk, so that X comes from memory once.

        A chunk that the forward pass has just read is still in the cache when Xᵀ asks for it.
        """
        xp, m = self.xp, len(X)
        dw, db = out[:-1], out[-1:]
        total_loss: Any = 0.0
        part = self.workspace.take("part", dw.shape, self.dtype)
        for number, rows in enumerate(self.chunks(X)):
            _, z = self.forward_pass(X[rows])
            if with_loss:
                total_loss = total_loss + one_sample_loss_from_logits(z, y[rows]).sum()
            [(a, delta)] = self.backward_pass([X[rows]], z, y[rows], scale / m)  # δ = (h − y) / m
            if number == 0:
                xp.matmul(a.T, delta[:, 0], out=dw)  # (n, m) @ (m,) -> (n,)
                xp.sum(delta, axis=0, out=db)
            else:
                xp.matmul(a.T, delta[:, 0], out=part)
                dw += part
                db += delta.sum(axis=0)
        return total_loss / m if with_loss else None

    def constructor_arguments(self) -> dict[str, Any]:
        return {"n_features": self.n_features, "dtype": self.dtype.name, "backend": self.backend.name}
