"""Which polished end points of training are trapped?

    J      polished loss of an end point
    J*     the least that any end point of a narrow network came down to on its problem
    J_0    the loss of guessing by the frequencies of the classes

Trapped is what could be polished and still has J > J* + TRAPPED (J_0 − J*).
"""

from typing import Any

import pandas as pd

from ..lab.polish import TOLERANCE
from ..lab.results import frame
from ..lab.statistics import Interval, proportion
from .measure import ARMS, DATA, NARROW, PROBLEMS, WIDE

TRAPPED = 0.1  # of what there was to learn is out of reach
MORE_ROUNDS = 10  # of polishing that must not be able to change the answer
KEYS = ["problem", "arm", "start", "m", "hidden", "diverged"]
NUMBERS = ["batch_size", "learning_rate", "guessing", "trained_loss", "sharpness", "gradient", "fall", "loss"]


def end_points(result: dict[str, Any]) -> pd.DataFrame:
    """The end points, a row each as `measure.end_rows` makes them, on each problem where training came to any.

    Added are `name`, that of the problem or of the data set; `best`, which is J*; `bound`, above which is trapped; and
    `trapped`: 1 or 0, and NaN where that is open, because the run diverged or more polishing could take it below the
    bound. The batch size is 0 where nothing was trained.
    """
    rows = frame(result, "end").reindex(columns=KEYS + NUMBERS)  # a run that diverged has no loss
    rows = rows.astype({"diverged": bool} | dict.fromkeys(NUMBERS, float)).fillna({"batch_size": 0})
    least = rows[~rows.diverged & (rows.arm != WIDE)].groupby("problem").loss.min()  # wide is another network
    rows = rows.assign(best=rows.problem.map(least)).dropna(subset="best")
    rows["bound"] = rows.best + TRAPPED * (rows.guessing - rows.best).clip(lower=0)
    above = rows.loss > rows.bound
    unfinished = (rows.gradient > TOLERANCE) & (rows.loss - MORE_ROUNDS * rows.fall <= rows.bound)
    rows["trapped"] = above.astype(float).mask(rows.diverged | (above & unfinished))
    dataset = result["settings"].get("dataset", DATA)
    rows["name"] = rows.problem.replace(DATA, f"{dataset} data" if dataset in NARROW else dataset)
    in_order = {"problem": pd.CategoricalDtype(PROBLEMS), "arm": pd.CategoricalDtype(ARMS), "batch_size": int}
    return rows.astype(in_order).sort_values(["problem", "arm", "batch_size", "start"])


def share(rows: pd.DataFrame) -> Interval:
    """The share of some end points that is trapped, of those of which it can be told."""
    outcomes = rows.trapped.dropna()
    return proportion(int(outcomes.sum()), len(outcomes))
