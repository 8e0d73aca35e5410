"""Stochastic gradient descent in the strict sense, as the text has it.

theta ← theta − η ∇J_i(theta)   for i in order, each gradient taken at the parameters that the one before it left
"""

from typing import Any

import numpy as np

from ..engine import checks
from ..engine.backend import namespace
from ..engine.batch import Batch, quiet
from ..model import Model


# exercise: sgd
@quiet()
def textbook_epoch(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> None:
    """One update a sample: changes `model.theta`.

    Parameters
    ----------
    model, X, y
        As for `train`: (m, n), (m,).
    order : (k,) integers
        Which sample to use when: indices from 0 to m − 1, of which some may be missing or come twice.
    learning_rate : float
        η, the step on one sample's own gradient.

    Raises
    ------
    TypeError, ValueError
        As `model.gradient` does; an order that is no vector of indices into X; a rate that is not positive.
    """
    data, order, learning_rate = prepare(model, X, y, order, learning_rate)
    gradient = model.xp.empty_like(model.theta)
    for i in order.tolist():
        gradient = model.gradient(data[i : i + 1], out=gradient)
        model.theta -= learning_rate * gradient


def prepare(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> tuple[Batch, np.ndarray, float]:
    """What both paths are given, checked; the data as a `Batch`, the order on the host."""
    data = model.batch(X, y)
    if namespace(order, default=np) is not np:
        raise TypeError(f"order is an array of {namespace(order).__name__}; expected host data: use to_numpy(order)")
    order = np.asarray(order)
    if order.ndim != 1 or (order.dtype.kind not in "iu" and order.size):
        raise ValueError(f"order has shape {order.shape} and dtype {order.dtype}; expected a vector of whole numbers")
    if order.size and (order.min() < 0 or order.max() >= data.m):
        raise ValueError(f"order runs from {order.min()} to {order.max()}; expected indices from 0 to {data.m - 1}")
    return data, order.astype(np.intp, copy=False), checks.positive_number("learning_rate", learning_rate)
