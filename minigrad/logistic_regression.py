"""Binary logistic regression.

    X       (m, n)    samples, one a row
    y       (m,)      labels, 0 or 1
    w, b    (n,), (1,)  weights and bias: theta = (w, b), p = n + 1
    z       (m,)      logits, z = X w + b
    h       (m,)      probabilities of class 1, h = sigmoid(z)

    J(θ) = −(1/m) Σ_i [ y_i log h_i + (1 − y_i) log(1 − h_i) ]      (`losses.py` computes it from z)
    ∂J/∂w = Xᵀ (h − y) / m,   ∂J/∂b = mean(h − y)

C. Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.2.
"""

from typing import Any

import numpy as np

from .engine import checks
from .engine.backend import Array, Backend
from .functions import sigmoid
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

    An argument that is not of this form is refused by a ValueError or TypeError, a backend that is not there by
    `BackendUnavailable`.
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
        return self.theta[:-1]

    @property
    def b(self) -> Array:
        """The bias (1,), a view of theta."""
        return self.theta[-1:]

    def forward_pass(self, X: Array) -> tuple[list[Array], list[Array]]:
        """z = X w + b."""
        z = X @ self.w + self.b  # (m, n) @ (n,) -> (m,)
        return [X], [z]

    # exercise: logistic_gradient
    def backward_pass(self, a: list[Array], z: list[Array], y: Array, m: int) -> list[Array]:
        """δ = (h − y) / m, with h = sigmoid(z)."""
        h = sigmoid(z[0])
        return [(h - y) / m]  # δ = ∂J/∂z

    # exercise: logistic_gradient
    def gradient_pass(self, a: list[Array], delta: list[Array], out: Array) -> None:
        """∂J/∂w = Xᵀ δ and ∂J/∂b = Σ_i δ_i into `out`."""
        dw, db = out[:-1], out[-1:]
        self.xp.dot(a[0].T, delta[0], out=dw)  # ∂J/∂w = Xᵀ δ; (n, m) @ (m,) -> (n,)
        delta[0].sum(axis=0, keepdims=True, out=db)  # ∂J/∂b = Σ_i δ_i

    def constructor_arguments(self) -> dict[str, Any]:
        """What makes a model of this shape again."""
        return {"n_features": self.n_features, "dtype": self.dtype.name, "backend": self.backend.name}
