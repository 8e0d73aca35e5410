"""Two batch sizes from the same starts: does one leave more of them trapped than the other?"""

import math
from dataclasses import dataclass

import pandas as pd
import scipy

from ..lab.statistics import Interval, proportion


@dataclass(frozen=True)
class Comparison:
    """Full batch and a smaller size: how many of the starts end trapped in both, in one, in none; or open in one."""

    both: int
    full_only: int
    small_only: int
    neither: int
    open: int

    @property
    def difference(self) -> Interval:
        """Share of the starts that full batch leaves trapped, less that of the smaller batch."""
        return paired_difference(self.both, self.full_only, self.small_only, self.neither)

    @property
    def p_value(self) -> float:
        """McNemar's exact test: were both alike, half of the starts that differ would be expected on each side."""
        differing = self.full_only + self.small_only
        return float(scipy.stats.binomtest(self.full_only, differing).pvalue) if differing else 1.0


def compare(full: pd.DataFrame, small: pd.DataFrame) -> Comparison:
    """The end points of full batch against those of a smaller size, start by start."""
    pairs = full.merge(small, on="start", suffixes=("_full", "_small"))[["trapped_full", "trapped_small"]]
    told = pairs.dropna()
    counts = pd.crosstab(told.trapped_full, told.trapped_small).reindex(index=[1, 0], columns=[1, 0], fill_value=0)
    both, full_only, small_only, neither = map(int, counts.to_numpy().ravel())
    return Comparison(both, full_only, small_only, neither, len(pairs) - len(told))


def comparisons(ends: pd.DataFrame, arm: str) -> dict[str, Comparison]:
    """Full batch against every smaller size, on every problem where full batch was run with this arm."""
    found = {}
    for (name, size), small in ends[ends.arm == arm].groupby(["name", "batch_size"], sort=False):
        full = ends[(ends.name == name) & (ends.arm == arm) & (ends.batch_size == ends.m)]
        if len(full) and size < full.m.iloc[0]:
            found[f"{name}, batch {size:,}"] = compare(full, small)
    return found


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
