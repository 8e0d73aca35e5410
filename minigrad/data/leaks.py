"""Which columns give the label away."""

from collections.abc import Sequence

import numpy as np

from .columns import Column


def likely_leaks(columns: Sequence[Column], y: np.ndarray, train: np.ndarray) -> list[str]:
    """The names of columns that alone tell the classes apart without error, in training.

    Each of few values stands in one class only, or each class is a range of values of its own.
    """
    if len(train) < 20:
        return []  # so few rows may be told apart by chance
    return [column.name for column in columns if _tells_apart(np.asarray(column.values), y, train)]


def _tells_apart(values: np.ndarray, y: np.ndarray, rows: np.ndarray) -> bool:
    for some in (rows[:1000], rows):  # most columns fail at once
        numbers, labels = values[some].astype(np.float64), y[some]
        numbers[np.isnan(numbers)] = np.inf  # a gap is a value, too
        order = np.lexsort((labels, numbers))
        numbers, labels = numbers[order], labels[order]
        new_value, new_class = numbers[1:] != numbers[:-1], labels[1:] != labels[:-1]
        if (new_class & ~new_value).any():
            return False
    few = new_value.sum() + 1 <= len(rows) / 10
    return bool(few or new_class.sum() + 1 == len(np.unique(labels)))
