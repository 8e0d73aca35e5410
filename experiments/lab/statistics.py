"""From the histories of training to numbers with an uncertainty."""

import functools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy

from .text import styled

# Independent values that an interval takes. Two tell their own spread so badly that Student's t is 12.7 standard errors
# wide to either side: an accuracy of "95 % (74 to 116)". Three are 4.3 wide.
LEAST = 3


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval that holds the true value with probability `level`."""

    estimate: float
    low: float
    high: float
    level: float = 0.95

    def __format__(self, style: str) -> str:
        """The estimate with the interval in brackets, as in f"{interval:.2f}": 0.99 (0.97 to 1.00)."""
        if math.isnan(self.estimate):
            return "not measured"
        unit = " %" if style.endswith("%") else ""
        estimate = "∞" if self.estimate == math.inf else styled(self.estimate, style)
        if self.low == -math.inf or (self.low <= 0 and self.high == math.inf):
            return f"{estimate}{unit} (no interval)"
        if self.low == self.high:
            return f"{estimate}{unit}"
        level = "" if self.level == 0.95 else f"{100 * self.level:.3g} %: "
        high = "∞" if self.high == math.inf else styled(self.high, style)
        return f"{estimate}{unit} ({level}{styled(self.low, style)} to {high})"

    def plain(self) -> dict[str, float]:
        """Its numbers by name, as JSON has them."""
        return asdict(self)

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in [low, high]."""
        return low <= self.low and self.high <= high

    def outside(self, low: float, high: float) -> bool:
        """Whether the whole interval lies outside [low, high]."""
        return self.high < low or high < self.low

    def inside(self, low: float, high: float) -> bool | None:
        """Whether the true value lies in [low, high]: None where the interval leaves that open."""
        return True if self.within(low, high) else False if self.outside(low, high) else None


def mean_interval(
    values: Sequence[float], level: float = 0.95, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Interval:
    """The mean of independent values and Student's t interval; endless with fewer than LEAST, or an infinite one.

    Values that can only lie within finite `bounds`, such as shares (0, 1) or differences of shares (−1, 1), get an
    interval that does, too: Student's on the scale of the logit. With p the mean's place between the bounds, 0 … 1, and
    se its standard error, it is logit p ± t se/(p (1 − p)), taken back (Stata's Base Reference Manual, `proportion`).
    Where all values are equal, such as 1, there is no spread, and the interval is that value.
    """
    x = np.asarray(values, dtype=float)
    mean = float(x.mean()) if len(x) else math.nan
    if len(x) < LEAST or not np.isfinite(x).all():
        return Interval(mean, -math.inf, math.inf, level)
    spread = float(scipy.stats.sem(x)) if np.ptp(x) > 0 else 0.0  # and not the rounding of the mean
    half = float(scipy.stats.t.ppf((1 + level) / 2, len(x) - 1)) * spread
    low, high = bounds
    p = (mean - low) / (high - low) if math.isfinite(high - low) else 0.0
    if half == 0 or not 0 < p < 1:
        return Interval(mean, max(low, mean - half), min(high, mean + half), level)
    reach = half / (high - low) / (p * (1 - p))
    below, above = low + (high - low) * scipy.special.expit(scipy.special.logit(p) + np.array([-reach, reach]))
    return Interval(mean, float(min(below, mean)), float(max(above, mean)), level)


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

    Infinite where all of `above` never arrived; open where some value of either never did, or with fewer than LEAST.
    """
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    if len(a) == len(b) > 0 and np.isfinite(b).all():
        if np.isinf(a).all():
            return Interval(math.inf, math.inf if len(a) >= LEAST else -math.inf, math.inf, level)
        if np.isfinite(a).all():
            return ratio_interval((a / b).tolist(), level)
    return Interval(math.nan, -math.inf, math.inf, level)


def proportion(hits: int, n: int, level: float = 0.95) -> Interval:
    """The share of n independent trials that hit, and Wilson's interval about it: all of [0, 1] without trials."""
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, level)
    low, high = scipy.stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Interval(hits / n, float(low), float(high), level)


def median_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """The median of independent values, and an interval that holds whatever their distribution: two of the values.

    Values may be infinite. For 95 % it takes six: fewer give an endless interval, and so does a value that is no
    number. By scipy.stats.quantile_test: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    if len(values) == 0 or np.isnan(values).any():
        return Interval(math.nan, -math.inf, math.inf, level)
    ascending, places = sorted(values), _ends_of_median(len(values), level)
    low, high = (float(ascending[place]) for place in places) if places else (-math.inf, math.inf)
    return Interval(float(np.median(values)), low, high, level)


@functools.cache
def _ends_of_median(n: int, level: float) -> tuple[int, int] | None:
    """Which of n values in ascending order are the ends of that interval; None where n are too few."""
    low, high = scipy.stats.quantile_test(range(n)).confidence_interval(level)
    return None if math.isnan(low) or math.isnan(high) else (int(low), int(high))


def at_target(loss: Any, counts: Any, target: float) -> float:
    """What had been counted (updates, seconds, …) when the loss first came down to `target`; both (k,), by evaluation.

    Between the two evaluations on either side the log of the loss is interpolated, as losses fall by shares; infinite
    where it never came down so far.
    """
    reached = np.flatnonzero(np.asarray(loss) <= target)
    if len(reached) == 0:
        return math.inf
    k = int(reached[0])
    if k == 0:
        return float(counts[0])
    before, aim, after = np.log(np.maximum([loss[k - 1], target, loss[k]], np.finfo(float).tiny))  # 0 has no log
    return float(counts[k - 1] + (before - aim) / (before - after) * (counts[k] - counts[k - 1]))
