"""The rule of the verdict on C1: the identity, the slope, and the size of the difference."""

import math
from typing import Any

import numpy as np
import scipy

from ..lab.results import frame
from ..lab.statistics import Interval, mean_interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed

IDENTITY_BOUND = 1e-12
SLOPE, SLOPE_MARGIN = 2.0, 0.05


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C1: is a batch's gradient the mean of its samples', and do GD and SGD differ as the expansion says?"""
    error = largest_error(result)
    slopes, ratios = [], []
    epochs = frame(result, "epoch")
    for _, rows in epochs.groupby("seed") if len(epochs) else ():
        slopes.append(scipy.stats.linregress(np.log(rows.learning_rate), np.log(rows.distance)).slope)
        ratios.append(rows.distance.iloc[0] / rows.predicted.iloc[0])  # at the smallest rate
    slope, ratio, takes = mean_interval(slopes), mean_interval(ratios), seeds_needed(result["settings"].get("seeds"))
    low, high = SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN
    questions = [
        Question("batch gradient − mean of its samples', relative", error, high=IDENTITY_BOUND, style=".1e"),
        Question("slope of the distance of GD and SGD over η", slope, low, high, ".3f", takes=takes),
        Question("that distance over ½η²‖HG‖, at the smallest η", ratio, 0.5, 2.0, ".2f", takes=takes),
    ]
    because = (
        f"a batch's gradient is the mean of its samples' but for rounding ({styled(error.estimate, '.0e')}); how far "
        f"an epoch of SGD ends from a step of GD grows as η^{styled(slope.estimate, '.3f')}, theory: η²"
    )
    evidence = {"sgd_epoch_over_gd_step_at_eta": lengths(result)}
    return {"C1": Judgement(because, questions, evidence, each_needed=True)}


def largest_error(result: dict[str, Any]) -> Interval:
    """The largest relative error of the identity, exactly; open where one is no number, unless another refutes it."""
    errors = [math.nan if row is None else row for row in frame(result, "identity").get("relative_error", [])]
    largest = max((error for error in errors if not math.isnan(error)), default=math.nan)
    known = bool(errors) and not any(map(math.isnan, errors))
    return Interval(
        largest, largest if largest > IDENTITY_BOUND or known else -math.inf, largest if known else math.inf
    )


def lengths(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How far an epoch of SGD moves at η, over a step of gradient descent at η by the mean and by the sum."""
    rows = frame(result, "sum")
    return {
        f"{eta:g}": {name: mean_interval(here[name]).plain() for name in ("sgd_over_mean", "sgd_over_sum")}
        for eta, here in (rows.groupby("learning_rate") if len(rows) else ())
    }
