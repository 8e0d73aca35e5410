"""What noise costs an optimizer, from the rows of `optimizers_under_noise`: numbers with intervals.

Two kinds of rows come from training runs on a budget of sample gradients, "tuning" on the tuning seeds and "training"
on the others: an arm is an optimizer, "excess" is J − J*, the loss over all samples above its least value. Rows of the
kind "error" hold relative errors of a batch's gradient g and of dG, its change along a step s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from .statistics import Interval, mean_interval, paired_ratio, ratio_interval

NETWORK, LOGISTIC = "network", "logistic regression"
FIRST_ORDER = ("SGD", "Adagrad", "Adam")
CG, SEARCH = "CG, line search on the batch", "L-BFGS, line search on the batch"
TWO_BATCHES, ONE_BATCH = "L-BFGS, dG on two batches", "L-BFGS, dG on one batch"
ARMS = (*FIRST_ORDER, CG, SEARCH, TWO_BATCHES, ONE_BATCH)
LINEAR = 0.11  # up to this ‖s‖ the gradient is straight enough: the slopes are of these steps, ratios of the longest


# ---- training runs ---------------------------------------------------------------------------------------------------


def costs_of(rows: Sequence[dict]) -> dict[tuple[str, str, int, float | None], float]:
    """{(problem, arm, batch size, rate): the geometric mean of J − J*}; infinite where a run diverged."""
    logs: dict[tuple, list[float]] = {}
    for row in rows:
        key = (row["problem"], row["arm"], row["batch_size"], row["learning_rate"])
        logs.setdefault(key, []).append(math.inf if row["diverged"] else math.log(row["excess"]))
    return {key: float(np.exp(np.mean(values))) for key, values in logs.items()}


def least_costs(rows: Sequence[dict]) -> dict[tuple[str, str, int], tuple[float, float | None]]:
    """{(problem, arm, batch size): (cost, rate)} at the best rate, by the tuning seeds."""
    best: dict[tuple[str, str, int], tuple[float, float | None]] = {}
    for (problem, arm, size, rate), cost in costs_of([row for row in rows if row["kind"] == "tuning"]).items():
        if cost < best.get((problem, arm, size), (math.inf, None))[0] or (problem, arm, size) not in best:
            best[problem, arm, size] = (cost, rate)
    return best


def runs_of(result: dict[str, Any], problem: str, arm: str | None, batch_size: int | None) -> list[dict]:
    """The training runs of an arm and a batch size, by seed."""
    runs = [row for row in result["rows"] if row["kind"] == "training"]
    wanted = (problem, arm, batch_size)
    return sorted(
        (row for row in runs if (row["problem"], row["arm"], row["batch_size"]) == wanted),
        key=lambda row: row["seed"],
    )


def ends(result: dict[str, Any], problem: str, arm: str | None, batch_size: int | None) -> list[float]:
    """J − J* when the budget was used up, by seed; at most that of guessing, also where a run diverged."""
    rows = runs_of(result, problem, arm, batch_size)
    return [row["guessing"] if row["diverged"] else min(row["excess"], row["guessing"]) for row in rows]


@dataclass(frozen=True)
class Cost:
    """What noise costs an arm: ratios of its J − J* with a mini-batch to what it is held against.

    Attributes
    ----------
    batch_size : int or None
        Of its best mini-batch.
    over_all : Interval
        With that, over all samples: those of `all_by`, the arm or whichever L-BFGS is cheapest there.
    over_first_order : Interval
        With that, over `first_order`, the best first-order method with the same batch size.
    over_leader : Interval
        With `leader_size`, the batch size with which a first-order method does best, over that method.
    """

    batch_size: int | None
    over_all: Interval
    all_by: str | None
    over_first_order: Interval
    first_order: str | None
    over_leader: Interval
    leader_size: int | None


def noise_costs(result: dict[str, Any]) -> dict[str, dict[str, Cost]]:
    """{problem: {arm: Cost}}: what is compared is chosen on the tuning seeds, and compared on the others."""
    best, N = least_costs(result["rows"]), result["settings"].get("rows")

    def least(problem: str, arms: Sequence[str], wanted: Callable[[int], bool]) -> tuple[str | None, int | None]:
        """The arm and batch size of least cost among these arms and the sizes that are wanted."""
        here = {(arm, size): cost for (p, arm, size), (cost, _) in best.items()
                if p == problem and arm in arms and wanted(size)}  # fmt: skip
        return min(here, key=lambda key: here[key], default=(None, None))

    def ratio(problem: str, above: tuple, below: tuple) -> Interval:
        return paired_ratio(ends(result, problem, *above), ends(result, problem, *below))

    costs: dict[str, dict[str, Cost]] = {}
    for problem, arm, _ in best:
        if arm in costs.setdefault(problem, {}):
            continue
        family = [SEARCH, TWO_BATCHES, ONE_BATCH] if arm in (SEARCH, TWO_BATCHES, ONE_BATCH) else [arm]
        own = least(problem, [arm], lambda size: size < N)
        everything = least(problem, family, lambda size: size == N)
        rival = least(problem, FIRST_ORDER, lambda size, own=own: size == own[1])  # type: ignore[misc]
        leader = least(problem, FIRST_ORDER, lambda size: size < N)
        costs[problem][arm] = Cost(
            own[1], ratio(problem, own, everything), everything[0], ratio(problem, own, rival), rival[0],
            ratio(problem, (arm, leader[1]), leader), leader[1],
        )  # fmt: skip
    return costs


# ---- errors ----------------------------------------------------------------------------------------------------------

FITS = {
    "two": "slope, two batches",
    "one": "slope, one batch",
    "two over g": "two batches, over the error of g",
    "one over g": "one batch, over the error of g",
    "two over theory": "two batches, over √(2 tr Σ/B)/‖dG‖",
}


def error_fits(result: dict[str, Any]) -> dict[str, dict[str, Interval]]:
    """{problem: FITS}: slopes of the log error of dG on log ‖s‖; and at the longest of these steps its ratios.

    Of places, directions and batch sizes it is the mean, of ratios the geometric; the interval is that over the seeds.
    """
    found: dict[str, dict[int, list[dict[str, float]]]] = {}
    for row in result["rows"]:
        if row["kind"] == "error" and (fit := row_fit(row)):
            found.setdefault(row["problem"], {}).setdefault(row["seed"], []).append(fit)
    fits: dict[str, dict[str, Interval]] = {}
    for problem, by_seed in found.items():
        for name in FITS:
            means = [float(np.mean([fit[name] for fit in fits_of_seed])) for fits_of_seed in by_seed.values()]
            interval = mean_interval(means)
            if "over" in name:
                interval = ratio_interval(np.exp(means).tolist())
            fits.setdefault(problem, {})[name] = interval
    return fits


def row_fit(row: dict) -> dict[str, float]:
    """FITS of one row, with the logs of ratios; empty where an error is zero, or nothing was to be measured."""
    steps = np.array(row["steps"])
    columns = {name: np.array(row[name], dtype=float)[steps < LINEAR] for name in ("one", "two", "length")}
    numbers = np.concatenate([*columns.values(), [row["g"] or math.nan]])
    if not (numbers > 0).all() or not np.isfinite(numbers).all() or len(numbers) < 2:
        return {}
    logs = {name: np.log(values) for name, values in columns.items()}
    theory = 0.5 * math.log(2 * row["trace"] / row["batch_size"]) - logs["length"][-1]
    slopes = {name: float(scipy.stats.linregress(np.log(steps[steps < LINEAR]), logs[name]).slope)
              for name in ("one", "two")}  # fmt: skip
    over_g = {f"{name} over g": logs[name][-1] - math.log(row["g"]) for name in ("one", "two")}
    return slopes | over_g | {"two over theory": logs["two"][-1] - theory}
