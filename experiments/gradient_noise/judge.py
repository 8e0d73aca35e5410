"""The rule of the verdict on C2: two slopes and levels at each place of training, and a control that has to fail."""

import math
from typing import Any

import numpy as np
import scipy

from ..lab.results import frame
from ..lab.statistics import Interval, mean_interval, ratio_interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .measure import BY_CLASS, INDEPENDENT, PLACES, WITHOUT_REPLACEMENT

SLOPE, SLOPE_MARGIN = -0.5, 0.02
LEVELS = 0.95, 1.05


def predicted(trace: Any, n: Any, N: Any, sampling: str) -> Any:
    """The spread that sampling theory gives: √(tr Σ / n), and the finite population's factor."""
    share = (N - n) / np.maximum(N - 1, 1) if sampling == WITHOUT_REPLACEMENT else 1.0
    return np.sqrt(trace / n * share)


def fit(result: dict[str, Any], place: str, sampling: str) -> tuple[Interval, Interval]:
    """Slope of the log spread over log n, and its level over the prediction: means over the seeds.

    The slope of draws without replacement is that of the spread over √((N − n)/(N − 1)).
    """
    slopes, levels = [], []
    rows = frame(result, "spread", place=place, sampling=sampling)
    for _, mine in rows.groupby("seed") if len(rows) else ():
        mine = mine[(mine.batch_size < mine.N) & (mine.spread > 0) & (mine.trace > 0)]
        if len(mine) >= 2:
            theory = predicted(mine.trace, mine.batch_size, mine.N, sampling)
            ratio = np.log(mine.spread / theory)  # flat, where the prediction is right
            slopes.append(SLOPE + scipy.stats.linregress(np.log(mine.batch_size), ratio).slope)
            levels.append(math.exp(ratio.mean()))
    return mean_interval(slopes), mean_interval(levels)


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C2: do slope and level lie within their bounds, for both ways of drawing, at each place?"""
    low, high, takes = SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN, seeds_needed(result["settings"].get("seeds"))
    questions = []
    for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT):
        for place in PLACES:
            slope, level = fit(result, place, sampling)
            name = f"{sampling}, {place}"
            questions += [
                Question(f"slope, {name}", slope, low, high, ".3f", takes=takes),
                Question(f"spread over prediction, {name}", level, *LEVELS, ".3f", takes=takes),
            ]
    for place in PLACES:
        slope, _ = fit(result, place, BY_CLASS)
        name = f"slope, {BY_CLASS}, {place}"  # answered with yes above `high`: there the spread falls more slowly
        questions.append(Question(name, slope, low=high, style=".3f", control=True, takes=takes))
    slopes = [each.interval.estimate for each in questions[:6:2]]
    powers = [styled(slope, ".3f") for slope in slopes]
    because = (
        f"the spread of random batches goes as n to the {powers[0]}, {powers[1]} and {powers[2]} at start, middle and "
        f"end of training; theory: {styled(SLOPE)}"
    )
    if not all(map(math.isfinite, slopes)):
        because = "fewer than two batch sizes had a spread that is above 0 and a number, so there is no slope"
    return {"C2": Judgement(because, questions, {"noise_scale_end_over_start": noise_growth(result).plain()})}


def noise_growth(result: dict[str, Any]) -> Interval:
    """The noise scale at the end of a run over that at its start: geometric mean over the seeds, and its interval."""
    rows = frame(result, "run", never=["noise_scale"])
    if rows.empty:
        return ratio_interval([])
    ends = rows.groupby("seed").noise_scale.agg(["first", "last"])
    ends = ends[(ends > 0).all(axis=1) & np.isfinite(ends).all(axis=1)]
    return ratio_interval((ends["last"] / ends["first"]).tolist())
