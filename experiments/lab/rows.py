"""How many of the training rows an experiment keeps: more rows answer more finely, and take longer."""

import numpy as np

from minigrad import Dataset

MOST = 1_500  # rows, about those of the digits, of up to THIN features; of more features proportionally fewer rows
THIN = 1_000
RULE = f"(default: at most {MOST:,}, of more than {THIN:,} features accordingly fewer; with --full all)"


def draw(data: Dataset, wanted: int | str | None, effort: str, seed: int) -> Dataset:
    """The data with so many of their training rows, by class, or "all"; without a number as many as fit the effort.

    ValueError for more rows than there are, or fewer than classes.
    """
    m, features = data.X_train.shape
    least = len(np.unique(data.y_train))
    if isinstance(wanted, int):
        if wanted > m:
            raise ValueError(f"--rows is {wanted}; expected at most the {m} training rows (or 'all')")
        if wanted < least:
            raise ValueError(f"--rows is {wanted}; expected at least {least}, one row of each class (or 'all')")
        count = wanted
    elif wanted == "all" or effort == "full":
        count = m
    else:
        count = max(least, min(MOST, MOST * THIN // features))
    return data.sample(count, seed) if count < m else data


def said(data: Dataset, seed: int) -> list[str]:
    """A line that says which rows were drawn; none where all are kept."""
    if data.drawn_from is None:
        return []
    kept = f"{len(data.X_train):,} of {data.drawn_from:,} training rows, drawn by class, seed {seed}"
    return [f"{kept}: --rows all keeps every row"]
