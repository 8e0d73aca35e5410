"""How noisy a sample's gradient is: what a batch of n averages away.

    g_i   (p,)     gradient of sample i
    G     (p,)     their mean over all m samples
    Σ     (p, p)   their covariance, (1/m) Σ_i (g_i − G)(g_i − G)ᵀ, never formed

    tr Σ = mean‖g_i‖² − ‖G‖²,   and the mean gradient of n independent draws spreads by √(tr Σ / n)

S. McCandlish et al., An empirical model of large-batch training, arXiv:1812.06162, section 2.2.
"""

import math
from dataclasses import dataclass
from typing import Any

from .engine import checks
from .engine.backend import Array
from .engine.batch import Batch, quiet
from .model import Model


@dataclass(frozen=True)
class GradientNoise:
    """The mean G (p,) of the sample gradients, and the trace of their covariance, tr Σ with divisor m."""

    mean: Array
    trace: float

    @property
    @quiet()
    def noise_scale(self) -> float:
        """tr Σ / ‖G‖²: the batch size at which noise and gradient are equally long.

        Infinite where G is zero, or tr Σ too large for a number.
        """
        square_norm = float(self.mean @ self.mean)
        return self.trace / square_norm if square_norm > 0 and self.trace < math.inf else math.inf

    # exercise: noise
    def std(self, n: int) -> float:
        """√(E‖mean of n independent draws − G‖²) = √(tr Σ / n)."""
        return math.sqrt(self.trace / checks.whole_number("n", n))


# exercise: noise
def gradient_noise(model: Model, X: Any, y: Any = None, *, scale: Array | None = None) -> GradientNoise:
    """tr Σ and G of the samples X (m, n), y (m,) at the model's parameters, without the (m, p) matrix of gradients.

    In a dense layer a sample's gradient is the outer product of its input activations a_i, with a constant 1 for
    the bias, and its δ_i. The squared norm of an outer product is the product of the squared norms:
    ‖g_i‖² = Σ_layers ‖δ_i‖² (‖a_i‖² + 1). So one forward and backward pass gives G and Σ_i ‖g_i‖².

    With `scale` (p,), both are those of scale ∘ g_i, the steps of an optimizer that scales each entry by its own: see
    `Optimizer.scale`. Then Σ_i ‖S ∘ (a_i δ_iᵀ)‖² is the sum of all entries of S² ∘ ((a ∘ a)ᵀ (δ ∘ δ)).
    Raises as `model.gradient` does, and ValueError for a scale of another shape.
    """
    batch, xp = model.batch(X, y), model.xp
    if scale is not None and scale.shape != model.theta.shape:
        raise ValueError(f"scale has shape {scale.shape}; expected that of theta, {model.theta.shape}")
    weights = None if scale is None else model.layer_views(scale * scale)
    mean = xp.zeros_like(model.theta)
    total = xp.zeros(())  # Σ_i ‖S ∘ g_i‖², in float64 also for a float32 model
    with quiet():  # what is too large for its dtype makes tr Σ infinite
        for X_chunk, y_chunk in model.chunks(batch):
            terms = model.layer_terms(Batch(X_chunk, y_chunk, batch.form))
            for layer, ((dW, db), (a, delta)) in enumerate(zip(model.layer_views(mean), terms)):
                dW += xp.matmul(a.T, delta)
                db += delta.sum(axis=0)
                if weights is None:
                    total += (xp.einsum("ij,ij->i", delta, delta) * (xp.einsum("ij,ij->i", a, a) + 1)).sum()
                else:
                    (weight_W, weight_b), squares = weights[layer], delta * delta
                    total += (weight_W * xp.matmul((a * a).T, squares)).sum() + (weight_b * squares.sum(axis=0)).sum()
        mean /= batch.m
        if scale is not None:
            mean *= scale
        trace = float(total) / batch.m - float(mean @ mean)
    return GradientNoise(mean, max(0.0, trace) if math.isfinite(trace) else math.inf)  # rounding may go below 0
