"""From the rows of a probe to an answer: B_c, the fastest size, its band, its rate, and what they promise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy

from ..lab.critical_batch import without_replacement
from ..lab.results import frame
from ..lab.statistics import LEAST, Interval, at_target
from ..lab.sweep import nearest
from ..lab.timing import overhead_and_work
from . import probe
from .theory import Law, critical_from_two

SAFE = 1.05  # of the fewest sample gradients: what the rate that is taken may cost
WITHIN = 0.1  # of the least time: the band
LARGE = 16  # times the probe's batch size is that of the second run, at most half of the rows
ESTIMATORS = WEIGHTED, TWO_RUNS, MEDIAN = "noise, weighted by progress", "two tuned runs", "median noise"
FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)  # of the probe's updates: looser targets that it passes on its way


@dataclass(frozen=True)
class Prediction:
    """What is predicted for one target.

    B_c is the geometric mean of the first two `estimates`, or the first where there is no second. The `misfit` of the
    line a + b B is the root mean square, over the sizes on it, of what it is off as a share of the time.
    """

    target: float  # training loss, in nats
    B_c: Interval  # critical batch size, and its bootstrap interval over the seeds of the probe
    estimates: dict[str, float]  # B_c by each estimator; NaN for one without its runs
    S_min: float  # updates that endlessly large batches would need
    law: Law  # a and b in microseconds, B_c and N
    misfit: float
    microseconds: dict[int, float]  # t(B), measured, at each size
    batch_size: int  # of the timed sizes the one of the least predicted time
    learning_rate: float  # the best that was tried there; the rule's where none was

    def updates(self, batch_size: int) -> float:
        """S(B)."""
        return self.S_min * (1 + self.law.B_c * self.law.w(batch_size))

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


def predict(result: dict[str, Any], target: float) -> Prediction:
    """The answer for a loss that all probes of a result have reached."""
    n, probed = result["settings"]["rows"], result["settings"]["probe"]
    probes = frame(result, "probe").to_dict("records")
    updates, w = updates_of_probes(result, target), without_replacement(probed, n)
    noise = [probe.weighted(row, k, w) for row, k in zip(probes, updates)]
    medians = [probe.median(row, k) for row, k in zip(probes, updates)]
    runs = two_runs(result, target)
    estimates = {WEIGHTED: geometric(noise), TWO_RUNS: geometric(runs), MEDIAN: geometric(medians)}
    B_c = bootstrap(np.sqrt(np.multiply(noise, runs)).tolist() if runs else noise)
    microseconds = step_times(result)
    on_line = {size: t for size, t in microseconds.items() if 1 < size < n}
    a, work = overhead_and_work(list(on_line), list(on_line.values()))
    misfit = float(np.sqrt(np.mean([((a + work * size) / t - 1) ** 2 for size, t in on_line.items()])))
    law = Law(a, work, B_c.estimate if math.isfinite(B_c.estimate) else float(n), n)
    S_min, rate = float(np.median(updates)) / (1 + law.B_c * w), probes[0]["learning_rate"]
    draft = Prediction(target, B_c, estimates, S_min, law, misfit, microseconds, probed, rate)
    size = draft.fastest(law.B_c)
    if size != probed:
        tuned = best_race(result, target, size)
        rate = rate * draft.updates(probed) / draft.updates(size) if tuned is None else float(tuned.name)
    return replace(draft, batch_size=size, learning_rate=rate)


def updates_of_probes(result: dict[str, Any], target: float) -> list[float]:
    """What each probe took to a target."""
    return took_to(frame(result, "probe").to_dict("records"), target)


def took_to(probes: Sequence[Mapping[str, Any]], target: float) -> list[float]:
    """What each of these probes took to a target, in updates."""
    return [at_target(row["loss"], row["updates"], target) for row in probes]


def step_times(result: dict[str, Any], why: str = "answer") -> dict[int, float]:
    """Microseconds of an update at each size: the median of its readings, for the answer or for its check."""
    rows = frame(result, "step", why=why)
    return {int(size): float(np.median(times)) for size, times in zip(rows.batch_size, rows.microseconds)}


def best_race(result: dict[str, Any], target: float, size: int) -> pd.Series | None:
    """What the safest rate that was tried at a size took to the target, its name the rate; None where none arrived."""
    rows = frame(result, "race", never=("updates", "samples"), why="answer", target=target, batch_size=size)
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


def second_size(settings: Mapping[str, Any]) -> int:
    """The batch size of the second run: far from the probe's, and not all rows."""
    sizes = [size for size in settings["batch_sizes"] if size < settings["rows"]]
    return nearest(sizes, min(settings["rows"] / 2, LARGE * settings["probe"]))


def two_runs(result: dict[str, Any], target: float) -> list[float]:
    """For each probe, B_c by its updates and by those of the second size at its best rate; empty where there are none.

    From 1 to all rows: what lies outside cannot be told from its end.
    """
    n, probed, large = result["settings"]["rows"], result["settings"]["probe"], second_size(result["settings"])
    found = best_race(result, target, large)
    if found is None or large <= probed:
        return []
    w = without_replacement(probed, n), without_replacement(large, n)
    each = [critical_from_two((mine, float(found.updates)), w) for mine in updates_of_probes(result, target)]
    return np.clip(each, 1, n).tolist()


def geometric(values: Sequence[float]) -> float:
    """The geometric mean: B_c counts by factors."""
    return float(np.exp(np.mean(np.log(values)))) if len(values) else math.nan


def bootstrap(values: Sequence[float]) -> Interval:
    """The geometric mean of the seeds' values and its bootstrap interval; endless for fewer than LEAST."""
    x, middle = np.log(np.asarray(values, dtype=float)), geometric(values)
    if len(x) < LEAST or not np.isfinite(x).all():
        return Interval(middle, 0.0, math.inf)
    if np.ptp(x) == 0:
        return Interval(middle, middle, middle)
    found = scipy.stats.bootstrap((x,), np.mean, method="percentile", rng=np.random.default_rng(0))
    low, high = np.exp(found.confidence_interval)
    return Interval(middle, float(low), float(high))


def growth(result: dict[str, Any]) -> list[Prediction]:
    """The answer by the noise alone for targets that the probe passed: at 1/8 of its updates, 1/4, 1/2, and the end."""
    probes = frame(result, "probe").to_dict("records")
    found = []
    for share in FRACTIONS:
        losses = [float(np.interp(share * row["updates"][-1], row["updates"], row["loss"])) for row in probes]
        target = max(float(np.median(losses)), *(min(row["loss"]) for row in probes))
        if min(took_to(probes, target)) > 0:  # else a probe begins below it
            found.append(predict(result, target))
    return found


def cost(result: dict[str, Any]) -> dict[str, float]:
    """What the probe took: sample gradients and seconds of computing, of all that really ran; without the check."""
    parts = [frame(result, "search"), frame(result, "probe"), frame(result, "race", why="answer")]
    parts = [rows for rows in parts if len(rows)]
    timed = 1e-6 * sum(sum(times) for times in frame(result, "step", why="answer").microseconds)
    return {
        "sample_gradients": float(sum(rows.used.sum() for rows in parts)),
        "seconds": float(sum(rows.cost_seconds.sum() for rows in parts)) + timed,
    }
