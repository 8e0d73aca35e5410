"""From the rows of a probe to an answer: B_c, the fastest size, its band, its rate, and what they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from ..lab.results import frame
from ..lab.statistics import Interval, at_target
from ..lab.timing import overhead_and_work
from . import probe
from .theory import Law, critical_from_two

SAFE = 1.05  # of the fewest sample gradients: what the rate that is taken may cost
WITHIN = 0.1  # of the least time: the band
WEIGHTED, TWO_RUNS, MEDIAN = "noise, weighted by progress", "two tuned runs", "median noise"
DEFAULT = WEIGHTED
FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)  # of the probe's updates: looser targets that it passes on its way


@dataclass(frozen=True)
class Prediction:
    """What is predicted for one target.

    Parameters
    ----------
    target : float
        Training loss, in nats.
    B_c : Interval
        Critical batch size, and its bootstrap interval over the seeds of the probe.
    estimates : dict of float
        B_c by each estimator; NaN for one without its runs.
    S_min : float
        Updates that endlessly large batches would need.
    law : Law
        a and b in microseconds, B_c and N.
    misfit : float
        By how much the line a + b B is off, as a share of the time: the root mean square over the sizes on it.
    microseconds : dict of float
        t(B), measured, at each size.
    batch_size : int
        Of the timed sizes the one of the least predicted time.
    learning_rate : float
        The best that was tried there; the rule's where none was.
    """

    target: float
    B_c: Interval
    estimates: dict[str, float]
    S_min: float
    law: Law
    misfit: float
    microseconds: dict[int, float]
    batch_size: int
    learning_rate: float

    def updates(self, batch_size: int) -> float:
        """S(B)."""
        return self.S_min * (1 + self.B_c.estimate * self.law.w(batch_size))

    def step(self, batch_size: int) -> float:
        """t(B) in microseconds: on the line; for one row and for all rows, which lie beside it, as it was measured."""
        beside = batch_size in (1, self.law.N)
        return self.microseconds[batch_size] if beside else self.law.a + self.law.b * batch_size

    def seconds(self, batch_size: int) -> float:
        """S(B) t(B)."""
        return 1e-6 * self.updates(batch_size) * self.step(batch_size)

    def fastest(self, B_c: float) -> int:
        """Of the timed sizes the one of the least S(B) t(B) that another B_c would choose."""
        return min(self.microseconds, key=lambda size: (1 + B_c * self.law.w(size)) * self.step(size))

    @property
    def band(self) -> tuple[int, int]:
        """The smallest and the largest size within 10 % of the least predicted time, by the line between timed sizes.

        All rows in one batch lie beside the line: they are the band alone where they are the answer.
        """
        n = max(self.microseconds)
        if self.batch_size in (1, n):
            limit = (1 + WITHIN) * self.seconds(self.batch_size)
            near = [size for size in self.microseconds if self.seconds(size) <= limit]
            return min(near), max(near)
        low, high = self.law.band(WITHIN)
        return min(round(low), self.batch_size), max(round(high), self.batch_size)


def predict(result: dict[str, Any], aim: str, estimator: str = DEFAULT) -> Prediction:
    """The answer for a target of a result, by one of the estimators of B_c."""
    settings = result["settings"]
    return predict_at(result, dict(settings["targets"])[aim], estimator)


def predict_at(result: dict[str, Any], target: float, estimator: str = DEFAULT) -> Prediction:
    """The same for any loss that the probe has reached."""
    settings = result["settings"]
    n, b = settings["rows"], settings["probe"]
    probes = frame(result, "probe").to_dict("records")
    updates = [at_target(row["loss"], row["updates"], target) for row in probes]
    w = Law(1, 1, 0, n).w
    each = [probe.weighted(row, u, w(b)) for row, u in zip(probes, updates)]
    medians = [probe.median(row, u) for row, u in zip(probes, updates)]
    estimates = {WEIGHTED: geometric(each), MEDIAN: geometric(medians), TWO_RUNS: two_runs(result, target)}
    chosen = estimates[estimator]
    interval = bootstrap(each if estimator == WEIGHTED else medians if estimator == MEDIAN else [chosen])
    microseconds = step_times(result)
    on_line = {size: t for size, t in microseconds.items() if 1 < size < n}
    a, b_work = overhead_and_work(list(on_line), list(on_line.values()))
    law = Law(a, b_work, chosen if math.isfinite(chosen) else float(n), n)
    S_min = float(np.median(updates)) / (1 + law.B_c * w(b))
    misfit = float(np.sqrt(np.mean([((a + b_work * B) / t - 1) ** 2 for B, t in on_line.items()])))
    B_c = Interval(law.B_c, interval.low, interval.high)
    draft = Prediction(target, B_c, estimates, S_min, law, misfit, microseconds, b, probes[0]["learning_rate"])
    size = draft.fastest(law.B_c)
    expected = probes[0]["learning_rate"] * (1 + law.B_c * w(b)) / (1 + law.B_c * w(size))
    tuned = best_race(result, target, size)
    rate = probes[0]["learning_rate"] if size == b else expected if tuned is None else float(tuned.name)
    return replace(draft, batch_size=size, learning_rate=rate)


def step_times(result: dict[str, Any], why: str = "answer") -> dict[int, float]:
    """Microseconds of an update at each size: the median of its readings, for the answer or for its check."""
    rows = frame(result, "step", why=why)
    return {int(size): float(np.median(times)) for size, times in zip(rows.batch_size, rows.microseconds)}


def best_race(result: dict[str, Any], target: float, size: int, why: str = "answer") -> pd.Series | None:
    """What the best rate that was tried at a size took to the target, its name the rate; None where none arrived."""
    rows = frame(result, "race", never=("updates", "samples"), why=why, target=target, batch_size=size)
    if rows.empty:
        return None
    means = rows.groupby("learning_rate")[["updates", "samples"]].mean()
    best = safest(means.samples.to_dict())
    return None if best is None else means.loc[best]


def safest(costs: dict[float, float]) -> float | None:
    """The smallest rate that costs at most SAFE times the least; None where no rate arrives.

    The very best rate is often the last before runs diverge: on another seed it does.
    """
    least = min(costs.values())
    return None if math.isinf(least) else min(rate for rate, cost in costs.items() if cost <= SAFE * least)


def two_runs(result: dict[str, Any], target: float) -> float:
    """B_c by the updates of the probe and of the largest size whose rate was tuned; NaN where there is none."""
    n, b = result["settings"]["rows"], result["settings"]["probe"]
    tried = frame(result, "race", why="answer", target=target)
    sizes = sorted({int(size) for size in tried.batch_size} - {b, n}) if len(tried) else []
    found = best_race(result, target, sizes[-1]) if sizes else None
    if found is None:
        return math.nan
    probes = frame(result, "probe")
    mine = np.median([at_target(row.loss, row.updates, target) for row in probes.itertuples()])
    w = Law(1, 1, 0, n).w
    return critical_from_two((float(mine), float(found.updates)), (w(b), w(sizes[-1])))


def geometric(values: Sequence[float]) -> float:
    """The geometric mean: B_c counts by factors."""
    return float(np.exp(np.mean(np.log(values)))) if len(values) else math.nan


def bootstrap(values: Sequence[float]) -> Interval:
    """The geometric mean of the seeds' values and its bootstrap interval; endless below three seeds."""
    x = np.log(np.asarray(values, dtype=float))
    middle = float(np.exp(x.mean())) if len(x) else math.nan
    if len(x) < 3 or not np.isfinite(x).all():
        return Interval(middle, 0.0, math.inf)
    if np.ptp(x) == 0:
        return Interval(middle, middle, middle)
    found = scipy.stats.bootstrap((x,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = np.exp(found.confidence_interval)
    return Interval(middle, float(low), float(high))


def growth(result: dict[str, Any]) -> list[Prediction]:
    """The answer for looser targets, which the probe passed on its way: at an eighth of it, a quarter, a half, all."""
    probes = frame(result, "probe").to_dict("records")
    found = []
    for share in FRACTIONS:
        losses = [float(np.interp(share * row["updates"][-1], row["updates"], row["loss"])) for row in probes]
        target = max(float(np.median(losses)), *(min(row["loss"]) for row in probes))
        found.append(predict_at(result, target))
    return found


def cost(result: dict[str, Any]) -> dict[str, float]:
    """What the probe took: sample gradients and seconds of computing, of all that really ran; without the check."""
    parts = [frame(result, "search"), frame(result, "probe"), frame(result, "race", why="answer")]
    used = [("used", parts[0]), ("samples", parts[1]), ("used", parts[2])]
    steps = frame(result, "step", why="answer")
    timed = 1e-6 * sum(sum(times) for times in steps.microseconds) if len(steps) else 0.0
    return {
        "sample_gradients": float(sum(rows[name].sum() for name, rows in used if len(rows))),
        "seconds": float(sum(rows.cost_seconds.sum() for rows in parts if len(rows))) + timed,
    }
