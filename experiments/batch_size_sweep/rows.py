"""The rows of the training runs, as the verdicts, tables and figures take them."""

from typing import Any

import pandas as pd

from ..lab.results import frame
from ..lab.sweep import TO_TARGET


def runs(result: dict[str, Any], rates: str) -> pd.DataFrame:
    """The training runs at one rate for all, or at the best rate for each."""
    return frame(result, "training", never=TO_TARGET, arm=rates)


def columns(rows: pd.DataFrame, name: str, order: str = "seed") -> dict[int, list[float]]:
    """A column of rows by batch size, in the order of the seeds."""
    by_size = rows.sort_values(order).groupby("batch_size")[name] if len(rows) else ()
    return {int(size): values.tolist() for size, values in by_size}


def linear_accuracies(result: dict[str, Any]) -> list[float]:
    """The test accuracy of logistic regression, a seed each; none where it was not trained."""
    rows = frame(result, "accuracy", arm="linear")
    return rows.sort_values("seed").test_accuracy.tolist() if len(rows) else []
