"""Relative errors of a batch's gradient g_B and of dG, its change along a step; and how they go with the step's length.

The symbols are those of question.py.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy

from minigrad import batches
from minigrad.model import Model

from ..lab.results import frame
from ..lab.statistics import Interval, mean_interval, ratio_interval

LINEAR = 0.11  # up to this ‖s‖ the gradient is straight enough: the slopes are of these steps, ratios of the longest
FITS = {  # what `error_fits` finds, and its name in tables
    "two": "slope, dG on two batches",
    "one": "slope, dG on one batch",
    "two over g": "error of dG on two batches over that of g",
    "one over g": "error of dG on one batch over that of g",
    "two over theory": "error of dG on two batches over √(2 tr Σ/B)/‖dG‖",
}


def norm(vector: Any) -> float:
    """‖vector‖."""
    return math.sqrt(float(vector @ vector))


def draw(rng: np.random.Generator, N: int, batch_size: int, count: int) -> list[Any]:
    """Batches as training takes them one after the other: epoch after epoch, each a permutation of N rows."""
    drawn: list[Any] = []
    while len(drawn) < count:
        drawn += batches(N, batch_size, rng, drop_last=True)
    return drawn[:count]


def errors_on(
    model: Model, X: Any, y: Any, drawn: Sequence[Any], theta: Any, G: Any, points: Sequence[tuple[Any, Any]]
) -> tuple[float, list[float], list[float]]:
    """√(mean ‖estimate − truth‖²) / ‖truth‖ over the batches: of g_B, and a point of dG on one batch and on two.

    A point is (θ + s, dG). Two batches are a batch and the one drawn before it; before the first comes the last.
    """

    def gradient(index: Any, theta: Any) -> Any:
        model.theta, rows = theta, model.backend.asarray(index)
        return model.gradient(X[rows], y[rows])

    of_g, one, two = [], [], []
    g_before = gradient(drawn[-1], theta)
    for index in drawn:
        g = gradient(index, theta)
        changes = [gradient(index, there) - dG for there, dG in points]
        of_g.append([norm(g - G)])
        one.append([norm(change - g) for change in changes])
        two.append([norm(change - g_before) for change in changes])
        g_before = g
    lengths = [norm(dG) for _, dG in points]
    with np.errstate(divide="ignore", invalid="ignore"):  # at an optimum there is no direction
        errors = [
            (np.sqrt(np.mean(np.square(each), axis=0)) / length).tolist()
            for each, length in ((of_g, [norm(G)]), (one, lengths), (two, lengths))
        ]
    return errors[0][0], errors[1], errors[2]


def row_fit(row: Any) -> dict[str, float]:
    """FITS of one row, with the logs of ratios; empty where an error is zero, or nothing was to be measured."""
    steps = np.array(row["steps"])
    short = {name: np.array(row[name], dtype=float)[steps < LINEAR] for name in ("one", "two", "length")}
    numbers = np.array([*np.concatenate(list(short.values())), row["g"]], dtype=float)
    if not (numbers > 0).all() or not np.isfinite(numbers).all():
        return {}
    logs, log_steps = {name: np.log(values) for name, values in short.items()}, np.log(steps[steps < LINEAR])
    fit = {name: float(scipy.stats.linregress(log_steps, logs[name]).slope) for name in ("two", "one")}
    fit |= {f"{name} over g": logs[name][-1] - math.log(row["g"]) for name in ("two", "one")}
    theory = 0.5 * math.log(2 * row["trace"] / row["batch_size"]) - logs["length"][-1]
    return fit | {"two over theory": logs["two"][-1] - theory}


def error_fits(result: dict[str, Any], **wanted: Any) -> dict[str, dict[str, Interval]]:
    """{problem: FITS}: slopes of the log error of dG on log ‖s‖; and at the longest of these steps its ratios.

    Of places, directions and batch sizes it is the mean, of ratios the geometric; the interval is that over the seeds.
    `wanted` picks rows, as for `frame`.
    """
    rows = frame(result, "error", **wanted).to_dict("records")
    fits = pd.DataFrame(
        [{"problem": row["problem"], "seed": row["seed"]} | fit for row in rows if (fit := row_fit(row))]
    )
    found: dict[str, dict[str, Interval]] = {}
    for problem, here in fits.groupby("problem", sort=False) if len(fits) else ():
        means = here.groupby("seed")[list(FITS)].mean()
        found[problem] = {
            name: ratio_interval(np.exp(means[name])) if "over" in name else mean_interval(means[name]) for name in FITS
        }
    return found
