"""Stochastic gradient descent in the strict sense: one sample, one update, m updates in a row.

    theta ← theta − η ∇J_i(theta)   for i in order, each gradient taken at the parameters that the one before it left

`textbook_epoch` is that line as a loop. `fast_epoch` makes the same updates in the same order, at the speed of
BLAS where it can; the two agree to rounding, and a test says so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import checks
from .backend import Array
from .logistic_regression import LogisticRegression
from .model import Model


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
        As `model.gradient` does; an index outside X; a rate that is not positive.
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
    if isinstance(model, LogisticRegression) and model.backend.blas is not None:
        logistic_updates(model, X, y, order, learning_rate)
    else:
        textbook_updates(model, X, y, order, learning_rate)


def logistic_updates(
    model: LogisticRegression, X: np.ndarray, y: np.ndarray, order: np.ndarray, learning_rate: float
) -> None:
    """Logistic regression, two BLAS calls a sample.

    With a constant 1 appended, x̃ = (x, 1), a sample's logit is z = θ·x̃ (`dot`) and its gradient (h − y) x̃, so the
    update is θ ← θ + η (y − h) x̃ (`axpy`), with h = sigmoid(z) = (1 + tanh(z/2)) / 2, which never overflows.
    Rows are gathered in chunks and iterated over: `X[i]` alone would cost as much as the arithmetic.
    """
    dot, axpy = model.backend.blas.get_blas_funcs(("dot", "axpy"), dtype=model.dtype)
    theta, tanh = model.theta, math.tanh
    length = min(len(order), model.backend.rows_per_chunk(theta.nbytes))
    buffer = np.empty((length, len(theta)), model.dtype)
    buffer[:, -1] = 1
    for start in range(0, len(order), length):
        index = order[start : start + length]
        buffer[: len(index), :-1] = X[index]
        for x, label in zip(buffer, y[index].tolist()):
            h = 0.5 + 0.5 * tanh(0.5 * dot(theta, x))
            axpy(x, theta, a=learning_rate * (label - h))


def _prepare(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> tuple[Array, Array, np.ndarray, float]:
    X, y = model.prepare(X, y)
    order = np.asarray(order)
    if order.ndim != 1 or (order.dtype.kind not in "iu" and order.size):
        raise ValueError(f"order has shape {order.shape} and dtype {order.dtype}; expected a vector of whole numbers")
    if order.size and (order.min() < 0 or order.max() >= len(X)):
        raise ValueError(f"order runs from {order.min()} to {order.max()}; expected indices from 0 to {len(X) - 1}")
    return X, y, order.astype(np.intp), checks.positive_number("learning_rate", learning_rate)
