"""What data-parallel training rests on: the size-weighted mean over any partition of a batch is the batch's gradient.

    m_r        rows of rank r, Σ m_r = m; a rank may have none
    G_r (p,)   mean gradient over these rows
    Q_r        Σ ‖g_i‖² over them

    G = (1/m) Σ_r m_r G_r,   tr Σ = (1/m) Σ_r Q_r − ‖G‖²

So a rank's share is one vector, (m_r G_r, m_r, Q_r). Shares add, and one message carries the gradient and its noise.
"""

from minigrad import gradient_noise
from minigrad.engine.backend import Array
from minigrad.model import Model
from minigrad.noise import GradientNoise


def share(model: Model, X: Array, y: Array) -> Array:
    """(m_r G_r, m_r, Q_r), (p + 2,), of the rows X (m_r, n), y (m_r,); zeros for no row."""
    p = len(model.theta)
    vector = model.xp.zeros(p + 2, model.dtype)
    if len(y):
        found = gradient_noise(model, X, y)
        vector[:p] = len(y) * found.mean
        vector[p] = len(y)
        vector[p + 1] = len(y) * (found.trace + found.mean @ found.mean)
    return vector


def average(total: Array) -> GradientNoise:
    """The gradient G (p,) and its noise, of the sum of all shares; ValueError where no rank had a row."""
    m = total[-2]
    if not m > 0:
        raise ValueError("no rank has a row; expected at least one row in all")
    G = total[:-2] / m
    return GradientNoise(G, max(0.0, float(total[-1] / m - G @ G)))
