"""The map of learning rates: the best rate of each batch size, and what a rule for the rate costs beside it.

B, B₀   a batch size, and the reference        η₀   the best rate at B₀
rule    η = η₀ (B/B₀)^k with k = 0 (the same rate), ½ (square root) or 1 (linear)
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from ..lab.results import frame

RULES = {"same": 0.0, "square root": 0.5, "linear": 1.0}  # k


def cells(result: dict[str, Any]) -> pd.DataFrame:
    """The runs of the map; what never arrived is infinite."""
    rows = frame(result, "cell", never=["updates_to_target", "samples_to_target"])
    return rows if len(rows) else rows.assign(batch_size=[], learning_rate=[], test_accuracy=[])


def map_of(result: dict[str, Any], name: str = "updates_to_target") -> pd.DataFrame:
    """The map: a row a learning rate, a column a batch size, the mean over the seeds; NaN where nothing was tried."""
    return cells(result).pivot_table(index="learning_rate", columns="batch_size", values=name, aggfunc="mean")


def ridge(result: dict[str, Any]) -> dict[int, float]:
    """The best rate of each batch size for which one arrives."""
    updates = map_of(result)
    arrives = updates.loc[:, np.isfinite(updates).any()]
    return {int(size): float(rate) for size, rate in arrives.idxmin().items()} if arrives.size else {}


def rule_rates(result: dict[str, Any]) -> dict[str, dict[int, float]]:
    """The learning rate that each rule gives each batch size: {rule: {batch size: η}}; empty without a rate at B₀."""
    best, reference = ridge(result), result["settings"].get("reference")
    sizes = best if reference in best else ()
    return {rule: {size: best[reference] * (size / reference) ** k for size in sizes} for rule, k in RULES.items()}


def rule_costs(result: dict[str, Any]) -> dict[str, dict[int, list[float]]]:
    """Updates by each rule over those at the best rate: {rule: {batch size: a ratio a tuning seed}}.

    Both are of the seeds that the best rate was chosen on, so the ratios are a little too large. Between two rates of
    the map the log of the updates is interpolated; infinite where one of the two never arrives, or where the rule
    leaves the map.
    """
    best, rows = ridge(result), cells(result)
    costs: dict[str, dict[int, list[float]]] = {rule: {} for rule in RULES}
    for rule, by_size in rule_rates(result).items():
        for size, wanted in by_size.items():
            tuned = best[size]
            for _, mine in rows[rows.batch_size == size].sort_values("learning_rate").groupby("seed"):
                rates, updates = mine.learning_rate.to_numpy(), mine.updates_to_target.to_numpy()
                least = updates[rates == tuned][0]  # 0 where a run begins below the target
                there = _interpolated(wanted, rates, updates)
                costs[rule].setdefault(size, []).append(there / least if least else math.inf)
    return costs


def _interpolated(wanted: float, rates: np.ndarray, updates: np.ndarray) -> float:
    """The updates at a rate between those of the map; infinite next to one that never arrives, and outside."""
    close = np.isclose(rates, wanted, rtol=0.02)  # the grid's own rates are rounded to three digits
    if close.any():
        return float(updates[close][0])
    right = int(np.searchsorted(rates, wanted))
    if right in (0, len(rates)) or not np.isfinite(updates[right - 1 : right + 1]).all():
        return math.inf
    return float(np.exp(np.interp(np.log(wanted), np.log(rates), np.log(updates))))
