"""What must stand beside a result: the base rate of its test rows, and the rows that each epoch leaves out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from minigrad.engine.batch import quiet
from minigrad.model import Model

UNEVEN = 1.5  # times the share that each class would have if all were equally frequent
SHOWN = 30  # letters of a class's name


@dataclass(frozen=True)
class BaseRate:
    """The accuracy of always guessing the class that is most frequent among the test rows."""

    largest: str  # the name of that class
    share: float  # its share of the test rows; NaN without any
    test_rows: int  # how many there are
    classes: int

    @property
    def uneven(self) -> bool:
        """Whether the largest class is so large that accuracy says little: then balanced accuracy stands beside it."""
        return self.share * self.classes > UNEVEN

    @property
    def percent(self) -> str:
        """The share as text, "10.3 %"."""
        return "not known" if math.isnan(self.share) else f"{100 * self.share:.1f} %"

    @property
    def text(self) -> str:
        """What stands in the title of a table with accuracies."""
        name = self.largest if len(self.largest) <= SHOWN else f"{self.largest[: SHOWN - 1]}…"
        line = f"base rate: {self.percent} of the {self.test_rows:,} test rows are of the largest class, {name}"
        if not self.uneven:
            return line
        return f"{line};\nbalanced: the share of a class that is predicted right, its mean over the classes"

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {"largest_class": self.largest, "share": self.share, "classes_are_uneven": self.uneven}


def base_rate(classes: Mapping[str, Mapping[str, int]]) -> BaseRate:
    """The base rate by the rows of each class, as `results.data_read` counts them: {class: {"test": rows, …}}."""
    rows = {name: counts["test"] for name, counts in classes.items()}
    total = sum(rows.values())
    if total == 0:
        return BaseRate("", math.nan, 0, len(rows))
    largest = max(rows, key=lambda name: rows[name])
    return BaseRate(largest, rows[largest] / total, total, len(rows))


def base_rate_of(result: dict[str, Any]) -> BaseRate:
    """The base rate of a result's data."""
    return base_rate(result.get("data", {}).get("classes", {}))


def balanced_accuracy(model: Model, X: Any, y: np.ndarray) -> float:
    """The share of the rows of a class that is predicted right, 0 … 1: its mean over the classes that y (m,) holds.

    So a class counts alike however few rows it has, and whoever always guesses one of K classes comes to 1/K. K. H.
    Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.
    """
    with quiet():  # a run that diverged is measured, too
        predicted = model.backend.to_numpy(model.predict(model.backend.asarray(X)))
    return float(pd.Series(predicted == y).groupby(y).mean().mean())


def left_out(rows: int, batch_size: int) -> int:
    """How many of the rows an epoch leaves out, other ones each time, since they do not fill a batch."""
    return rows % min(batch_size, rows)
