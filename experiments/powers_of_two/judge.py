"""The rule of the verdict on C6: powers of two against multiples of ten, by two yardsticks, for each network."""

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy

from ..lab.results import frame
from ..lab.statistics import Interval, ratio_interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .measure import POWERS, TENS

MARGIN = 0.02
DEGREE = 3  # of the curve
LEVEL = 0.9  # of every interval: so each side is a test of 5 %
CLASSES = {  # of sizes, each a part of the one before
    "multiples of 8": "the rest",
    "multiples of 16": "other multiples of 8",
    "powers of two": "other multiples of 16",
}
CURVE, BESIDE = "powers over tens, by the curve", "powers over tens, beside"  # the two yardsticks


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """C6 by the rows of a GPU, and the same of the CPU."""
    return {name: judge_place(result, on_gpu) for name, on_gpu in (("C6", True), ("C6-CPU", False))}


def judge_place(result: dict[str, Any], on_gpu: bool) -> Judgement:
    """Are the powers faster, by both yardsticks? One question a network and number type."""
    place = "GPU" if on_gpu else "CPU"
    networks = networks_of(result, on_gpu)
    if not networks:
        return Judgement(f"no {place} was timed", measured=False)
    questions, evidence, differences = [], {}, []
    takes = seeds_needed(result["settings"].get("seeds"))
    for name, rows in networks.items():
        found = find(rows)
        ratios = [found[CURVE], found[BESIDE]]
        answers = {ratio.inside(0, 1 / (1 + MARGIN)) for ratio in ratios}  # whether the powers are faster
        equivalent = all(ratio.within(1 / (1 + MARGIN), 1 + MARGIN) for ratio in ratios)
        by = f"below −{100 * MARGIN:g} %, also against the tens beside: {percent(ratios[1]):+.1%}"
        by += f"; both surely within ±{100 * MARGIN:g} %" * equivalent
        decided = answers.pop() if len(answers) == 1 else None
        question = f"time at powers of two over that at tens, against a smooth curve, {name}"
        questions.append(Question(question, percent(ratios[0]), style="+.1%", by=by, decided=decided, takes=takes))
        differences += [percent(ratio).estimate for ratio in ratios]
        evidence[name] = {"repetitions": len(rows), "equivalent": equivalent} | {
            key: value.plain() if isinstance(value, Interval) else value for key, value in found.items()
        }
    low, high = (styled(pick(differences), "+.1%") for pick in (min, max))
    because = (
        f"on this {place} the time at powers of two differs from that at multiples of ten by {low} to {high} %, over "
        f"{len(networks)} networks, by both yardsticks"
    )
    return Judgement(because, questions, evidence)


def percent(ratio: Interval) -> Interval:
    """A ratio of times as a difference."""
    return Interval(ratio.estimate - 1, ratio.low - 1, ratio.high - 1, ratio.level)


def networks_of(result: dict[str, Any], on_gpu: bool | None = None) -> dict[str, pd.DataFrame]:
    """The repetitions of each network, number type and place; the CPU's first."""
    rows = frame(result, "sweep") if on_gpu is None else frame(result, "sweep", on_gpu=on_gpu)
    return {} if rows.empty else {name: here for (_, name), here in rows.groupby(["on_gpu", "arm"], sort=False)}


def find(repetitions: pd.DataFrame) -> dict[str, Any]:
    """All that a network has to say: ratios of times with their intervals, and the shares."""
    B = np.array(repetitions.batch_sizes.iloc[0])
    log_t, log_median = (np.log(repetitions[name].tolist()) for name in ("least", "median"))
    r, classes = residuals(B, log_t), class_of(B)

    def ratio(logs: np.ndarray) -> Interval:
        return ratio_interval(np.exp(logs).tolist(), LEVEL)

    found: dict[str, Any] = {
        CURVE: ratio(by_the_curve(B, log_t)),
        BESIDE: ratio(beside(B, log_t)),
        "powers over tens, medians by the curve": ratio(by_the_curve(B, log_median)),
        "powers over n − 1 and n + 1": ratio(against_neighbours(B, log_t)),
    }
    for level, (name, rest) in enumerate(CLASSES.items(), start=1):
        difference = r[:, classes >= level].mean(axis=1) - r[:, classes == level - 1].mean(axis=1)
        found[f"{name} over {rest}"] = ratio(difference)
    return found | {"shares": shares(B, r)}


def residuals(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """r (k, n) of log t (k, n): k repetitions, each with its own curve, at n sizes B (n,)."""
    x, others = np.log(B), ~np.isin(B, POWERS)
    curves = np.polynomial.polynomial.polyfit(x[others], log_t[:, others].T, DEGREE)  # through the sizes but the powers
    return log_t - np.polynomial.polynomial.polyval(x, curves)


def by_the_curve(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at the powers over t at the tens, (k,), both against the smooth curve."""
    r = residuals(B, log_t)
    return r[:, np.isin(B, POWERS)].mean(axis=1) - r[:, np.isin(B, TENS)].mean(axis=1)


def beside(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at the powers over t at the tens, (k,), each power against the line between the tens beside it."""
    tens, powers = B % 10 == 0, np.isin(B, POWERS)
    lines = [np.interp(POWERS, B[tens], t[tens]) for t in np.exp(log_t)]
    return (log_t[:, powers] - np.log(lines)).mean(axis=1)


def against_neighbours(B: np.ndarray, log_t: np.ndarray) -> np.ndarray:
    """log of t at a power n over that at n − 1 and n + 1, (k,), their mean over the powers."""
    at = np.searchsorted(B, POWERS)
    return (log_t[:, at] - (log_t[:, at - 1] + log_t[:, at + 1]) / 2).mean(axis=1)


def class_of(B: np.ndarray) -> np.ndarray:
    """0 for most sizes, 1 for multiples of 8, 2 for those of 16, 3 for powers of two, (n,)."""
    return (B % 8 == 0).astype(int) + (B % 16 == 0) + np.isin(B, POWERS)


def shares(B: np.ndarray, r: np.ndarray) -> dict[str, float | None]:
    """What each class adds to the variance between sizes that the classes before it explain, from r (k, n).

    Sums of squares of the sizes' means over k repetitions, each less what noise alone would make of it. None where
    noise alone may have made them all: one repetition, or an F test at 5 %.
    """
    (k, n), means = r.shape, r.mean(axis=0)
    squares = ((means - means.mean()) ** 2).sum()
    noise = r.var(axis=0, ddof=1).mean() / k if k > 1 else math.inf  # the variance of such a mean
    if k < 2 or squares <= (n - 1) * noise * scipy.stats.f.ppf(0.95, n - 1, n * (k - 1)):
        return dict.fromkeys(CLASSES)
    explained = [0.0]
    for level in range(1, 4):
        groups = np.minimum(class_of(B), level)
        fitted = np.array([means[groups == group].mean() for group in groups])
        explained.append(((fitted - means.mean()) ** 2).sum())
    return {
        name: float(np.clip((more - less - noise) / (squares - (n - 1) * noise), 0, 1))
        for name, less, more in zip(CLASSES, explained, explained[1:])
    }
