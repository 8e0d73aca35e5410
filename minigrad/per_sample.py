"""Stochastic gradient descent in the strict sense: one sample, one update, m updates in a row.

    theta ← theta − η ∇J_i(theta)   for i in order, each gradient taken at the parameters that the one before it left

`textbook_epoch` is that line as a loop. `fast_epoch` makes the same updates in the same order, faster
(`per_sample_blas.py` and, on a GPU, `per_sample_blocked.py` tell how); the two agree to rounding, and a test says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import checks
from .backend import Array, namespace
from .logistic_regression import LogisticRegression
from .mlp import MLP
from .model import Model
from .per_sample_blas import logistic_updates, mlp_updates
from .per_sample_blocked import blocked_updates


def textbook_epoch(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> None:
    """One update a sample, as the text has it: changes `model.theta`.

    Parameters
    ----------
    model : LogisticRegression or MLP
    X : (m, n)
    y : (m,)
    order : (k,) integers
        Which sample to use when: indices from 0 to m − 1, of which some may be missing or come twice.
    learning_rate : float
        η, the step on one sample's own gradient.

    Raises
    ------
    TypeError, ValueError
        As `model.gradient` does; an order that is no vector of indices into X; a rate that is not positive.
    """
    X, y, order, learning_rate = _prepare(model, X, y, order, learning_rate)
    textbook_updates(model, X, y, order, learning_rate)


def fast_epoch(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> None:
    """The updates of `textbook_epoch`, in the same order, by the fastest path that there is for this model.

    Parameters and errors as there.
    """
    X, y, order, learning_rate = _prepare(model, X, y, order, learning_rate)
    fast_updates(model, X, y, order, learning_rate)


def textbook_updates(model: Model, X: Array, y: Array, order: np.ndarray, learning_rate: float) -> None:
    """`textbook_epoch` behind the door: prepared data, `order` on the host."""
    gradient = model.xp.empty_like(model.theta)
    for i in order.tolist():
        model.mean_gradient(X[i : i + 1], y[i : i + 1], out=gradient)
        gradient *= learning_rate
        model.theta -= gradient


def fast_updates(model: Model, X: Array, y: Array, order: np.ndarray, learning_rate: float) -> None:
    """`fast_epoch` behind the door: prepared data, `order` on the host."""
    if type(model) not in (LogisticRegression, MLP):  # a subclass may go forward in its own way
        textbook_updates(model, X, y, order, learning_rate)
    elif model.backend.blas is None:
        blocked_updates(model, X, y, order, learning_rate)
    elif isinstance(model, LogisticRegression):
        logistic_updates(model, X, y, order, learning_rate)
    elif isinstance(model, MLP):
        mlp_updates(model, X, y, order, learning_rate)


def _prepare(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> tuple[Array, Array, np.ndarray, float]:
    X, y = model.prepare(X, y)
    if namespace(order, default=np) is not np:
        raise TypeError(f"order is an array of {namespace(order).__name__}; expected host data: use to_numpy(order)")
    order = np.asarray(order)
    if order.ndim != 1 or (order.dtype.kind not in "iu" and order.size):
        raise ValueError(f"order has shape {order.shape} and dtype {order.dtype}; expected a vector of whole numbers")
    if order.size and (order.min() < 0 or order.max() >= len(X)):
        raise ValueError(f"order runs from {order.min()} to {order.max()}; expected indices from 0 to {len(X) - 1}")
    return X, y, order.astype(np.intp), checks.positive_number("learning_rate", learning_rate)
