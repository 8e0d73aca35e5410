"""From the histories of training to numbers with an uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval that holds the true value with probability `level`."""

    estimate: float
    low: float
    high: float
    level: float = 0.95

    def text(self, digits: int) -> str:
        """The interval in words."""
        if not math.isfinite(self.high - self.low):
            return "no interval"
        return f"{100 * self.level:g} % interval {self.low:.{digits}f} to {self.high:.{digits}f}"

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in [low, high]."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Whether the whole interval lies outside [low, high]."""
        return self.high < low or high < self.low

    def inside(self, low: float, high: float) -> bool | None:
        """Whether the true value lies in [low, high]: None where the interval leaves that open."""
        return True if self.within(low, high) else False if self.outside(low, high) else None


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean of independent values and Student's t interval about it; endless with one value, or an infinite one."""
    x = np.asarray(values, dtype=float)
    mean = float(x.mean())
    if len(x) < 2 or not np.isfinite(x).all():
        return Interval(mean, -math.inf, math.inf, level)
    half = float(scipy.stats.t.ppf((1 + level) / 2, len(x) - 1) * scipy.stats.sem(x))
    return Interval(mean, mean - half, mean + half, level)


def ratio_interval(ratios: Sequence[float], level: float = 0.95) -> Interval:
    """The geometric mean of independent ratios, all above 0, and the interval about it: Student's, of their logarithms.

    So a ratio and its inverse, twice as long and half as long, weigh the same.
    """
    log = mean_interval([math.log(ratio) for ratio in ratios], level)
    with np.errstate(over="ignore"):
        low, middle, high = (float(np.exp(value)) for value in (log.low, log.estimate, log.high))
    return Interval(middle, low, high, level)


def paired_ratio(above: Sequence[float], below: Sequence[float], level: float = 0.95) -> Interval:
    """`ratio_interval` of above/below, pair by pair, where a value may be infinite: that of a run that never arrived.

    Infinite where all of `above` never arrived; open where some value of either never did.
    """
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    if len(a) == len(b) > 0 and np.isfinite(b).all():
        if np.isinf(a).all():
            return Interval(math.inf, math.inf, math.inf, level)
        if np.isfinite(a).all():
            return ratio_interval((a / b).tolist(), level)
    return Interval(math.nan, -math.inf, math.inf, level)


def proportion(hits: int, n: int, level: float = 0.95) -> Interval:
    """The share of n independent trials that hit, and Wilson's interval about it: all of [0, 1] without trials."""
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level)
    low, high = scipy.stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Interval(hits / n, float(low), float(high), level)


def paired_difference(both: int, first: int, second: int, neither: int, level: float = 0.95) -> Interval:
    """p₁ − p₂, the difference of two shares in the same n trials: so many hit in both, in one of them, in none.

    Wilson's intervals (l, u) of the two shares, put together with their correlation φ:
    low = p₁ − p₂ − √[(p₁ − l₁)² − 2φ (p₁ − l₁)(u₂ − p₂) + (u₂ − p₂)²], and high likewise: R. Newcombe, Statistics in
    Medicine 17 (1998) 2635, method 10. It is right also where few trials, or none, tell the two apart.
    """
    n = both + first + second + neither
    p1, p2 = proportion(both + first, n, level), proportion(both + second, n, level)
    if n == 0:
        return Interval(math.nan, -1.0, 1.0, level)
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    covariance = float(both * neither - first * second)
    if covariance > 0:
        covariance = max(0.0, covariance - n / 2)  # the paper's correction for continuity
    phi = covariance / math.sqrt(product) if product else 0.0

    def half(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a**2 - 2 * phi * a * b + b**2))

    difference = (first - second) / n
    low = difference - half(p1.estimate - p1.low, p2.high - p2.estimate)
    return Interval(difference, low, difference + half(p1.high - p1.estimate, p2.estimate - p2.low), level)


def median_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The median of independent values and an interval for it that holds whatever their distribution.

    Each value lies below the true median with probability ½, so the r-th least and the r-th largest of n enclose it
    with probability 1 − 2 P(binomial(n, ½) < r). Values may be infinite. For 95 % it takes six: fewer give an endless
    interval, and so does a value that is no number.
    """
    x, n = np.sort(np.asarray(values, dtype=float)), len(values)
    if n == 0 or np.isnan(x).any():
        return Interval(math.nan, -math.inf, math.inf, level)
    outside = scipy.stats.binom.cdf(np.arange(n), n, 0.5)  # P(binomial < r) for r = 1 … n
    r = int((outside <= (1 - level) / 2).sum())
    estimate = float(x[n // 2] if x[n // 2] == x[(n - 1) // 2] else (x[n // 2] + x[(n - 1) // 2]) / 2)
    if r == 0:
        return Interval(estimate, -math.inf, math.inf, level)
    return Interval(estimate, float(x[r - 1]), float(x[n - r]), level)


def at_target(loss: Any, counts: Any, target: float) -> float:
    """What had been counted (updates, seconds, …) when the loss first came down to `target`; both (k,), by evaluation.

    Interpolated linearly between the two evaluations on either side; infinite where it never came down so far.
    """
    reached = np.flatnonzero(np.asarray(loss) <= target)
    if len(reached) == 0:
        return math.inf
    k = int(reached[0])
    if k == 0:
        return float(counts[0])
    share = (loss[k - 1] - target) / (loss[k - 1] - loss[k])
    return float(counts[k - 1] + share * (counts[k] - counts[k - 1]))


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number the upper one, so that it is infinite where half of the runs never arrive."""
    return sorted(values)[len(values) // 2]
