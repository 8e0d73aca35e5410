"""The fast path of SGD one sample at a time: which way is the fastest for this model on this backend."""

import math
from typing import Any

import numpy as np

from ..engine.batch import quiet
from ..logistic_regression import LogisticRegression
from ..mlp import MLP
from ..model import Model
from .blocked import blocked_updates
from .textbook import prepare, textbook_epoch

CHUNK_BYTES = 2**20  # of rows gathered at once: about a core's L2 cache


@quiet()  # seen by the loss
def fast_epoch(model: Model, X: Any, y: Any, order: Any, learning_rate: float) -> None:
    """The updates of `textbook_epoch`, in the same order, by the fastest path that there is for this model.

    The numbers are the same, since every sample still meets the parameters that the one before it left: `blocked.py`
    only gets its products with the large first layer in another way, for a block of samples at once.

    Parameters and errors as there.
    """
    if type(model) not in (LogisticRegression, MLP):  # a subclass may go forward in its own way
        textbook_epoch(model, X, y, order, learning_rate)
        return
    data, order, learning_rate = prepare(model, X, y, order, learning_rate)
    with model.backend.threads.for_work(0):  # one sample's products are too small to be split
        if isinstance(model, LogisticRegression) and model.backend.blas is not None:
            logistic_updates(model, *data.gathered(), order, learning_rate)
        else:
            blocked_updates(model, *data.gathered(), order, learning_rate)


def logistic_updates(
    model: LogisticRegression, X: np.ndarray, y: np.ndarray, order: np.ndarray, learning_rate: float
) -> None:
    """Logistic regression, two BLAS calls a sample: prepared data, `order` on the host.

    With x̃ = (x, 1) a sample's logit is z = θ·x̃ (`dot`) and its gradient (h − y) x̃, so the update is
    θ ← θ + η (y − h) x̃ (`axpy`), with h = sigmoid(z) = (1 + tanh(z/2)) / 2, which never overflows. Rows are gathered
    in chunks and iterated over: `X[i]` alone would cost as much as the arithmetic.
    """
    dot, axpy = model.backend.blas.get_blas_funcs(("dot", "axpy"), dtype=model.dtype)
    theta, p, tanh = model.theta, model.n_parameters, math.tanh
    length = max(1, min(len(order), CHUNK_BYTES // theta.nbytes))
    X_tilde = np.ones((length, len(theta)), model.dtype)
    for start in range(0, len(order), length):
        index = order[start : start + length]
        X_tilde[: len(index), :-1] = X[index]
        for x, label in zip(X_tilde, y[index].tolist()):
            h = 0.5 + 0.5 * tanh(0.5 * dot(theta, x))
            axpy(x, theta, p, learning_rate * (label - h))  # by position: by name costs as much as half the arithmetic
