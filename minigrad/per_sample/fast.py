"""The fast path of SGD one sample at a time: which way is the fastest for this model on this backend."""

from __future__ import annotations

from typing import Any

from ..logistic_regression import LogisticRegression
from ..mlp import MLP
from ..model import Model
from .blas import logistic_updates
from .blocked import blocked_updates
from .textbook import prepare, textbook_epoch


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
