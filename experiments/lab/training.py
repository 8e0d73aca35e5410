"""Training as experiments do it: a run that diverges is a result, which its row marks, and no reason for a warning."""

import warnings
from typing import Any

import minigrad
from minigrad import Dataset, DivergenceWarning, History
from minigrad.model import Model


def train(*arguments: Any, **keywords: Any) -> History:
    """`minigrad.train` without its DivergenceWarning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        return minigrad.train(*arguments, **keywords)


def train_on(data: Dataset, model: Model, batch_size: int, seed: int, **keywords: Any) -> History:
    """`train` on the training rows, shuffled by `seed`; rows that fill no batch are left out, others each epoch."""
    return train(model, data.X_train, data.y_train, batch_size=batch_size, rng=seed, drop_last=True, **keywords)
