"""The rules of the verdicts on the article's opening, C8, and its five conclusions, C8a to C8e."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from ..lab.results import frame
from ..lab.statistics import Interval, mean_interval, median_interval, paired_ratio, proportion
from ..lab.sweep import COUNTS
from ..lab.text import number, styled
from ..lab.verdicts import Judgement, Question
from .measure import SAME, TUNED
from .rules import map_of, rule_costs

MARGIN = 1.1  # what is not even a tenth longer counts as equally long
ACCURACY_MARGIN = 0.01  # a point in a hundred: about the standard error of 360 test samples
TO_TARGET = [f"{name}_to_target" for name in COUNTS]
ENDS = {"test_accuracy": "after training", "polished_test_accuracy": "after descent to the bottom"}


def judge(result: dict[str, Any]) -> dict[str, Judgement]:
    """The opening and the five conclusions."""
    return {
        "C8": opening(result),
        "C8a": too_small(result),
        "C8b": faster_epochs(result),
        "C8c": more_epochs(result),
        "C8d": fastest(result),
        "C8e": most_accurate(result),
    }


def runs(result: dict[str, Any], rates: str) -> pd.DataFrame:
    """The training runs at one rate for all, or at the best rate for each."""
    return frame(result, "training", never=TO_TARGET, arm=rates)


def columns(rows: pd.DataFrame, name: str, order: str = "seed") -> dict[int, list[float]]:
    """A column of rows by batch size, in the order of the seeds."""
    by_size = rows.sort_values(order).groupby("batch_size")[name] if len(rows) else ()
    return {int(size): values.tolist() for size, values in by_size}


def linear_accuracies(result: dict[str, Any]) -> list[float]:
    """The test accuracy of logistic regression, a seed each; none where it was not trained."""
    rows = frame(result, "accuracy", arm="linear")
    return rows.sort_values("seed").test_accuracy.tolist() if len(rows) else []


def opening(result: dict[str, Any]) -> Judgement:
    """C8: at the one rate, is the network with some batch size below logistic regression, and with another not?"""
    linear, network = linear_accuracies(result), columns(runs(result, SAME), "test_accuracy")
    if not linear or not network:
        return Judgement("no run was made")
    level = 1 - 0.05 / len(network)  # the worst of many is chosen: Bonferroni
    differences = {
        size: mean_interval([a - b for a, b in zip(values, linear)], level) for size, values in network.items()
    }
    worst, best = (pick(differences, key=lambda size: differences[size].estimate) for pick in (min, max))
    below, control = differences[worst], differences[best]
    name = "test accuracy less that of logistic regression, batch"
    questions = [
        Question(f"{name} {worst:,}", below, -1.0, -1e-9, "+.1%"),
        Question(f"{name} {best:,}", control, -ACCURACY_MARGIN, 1.0, "+.1%", control=True),
    ]
    because = (
        f"at η = {result['settings']['learning_rate']:g} for all, batch size {worst:,} ends "
        f"{styled(below.estimate, '+.1%')} points of test accuracy from logistic regression, batch size {best:,} "
        f"{styled(control.estimate, '+.1%')} points"
    )
    updates, accuracy = map_of(result), map_of(result, "test_accuracy")
    evidence = {
        "linear_accuracy": mean_interval(linear).plain(),
        "network_minus_linear": {str(size): each.plain() for size, each in differences.items()},
        "map_cells_below_linear": {  # and have not reached the target
            "cells": int(updates.notna().sum().sum()),
            "below": int((np.isinf(updates) & (accuracy < np.mean(linear))).sum().sum()),
        },
    }
    return Judgement(because, questions, evidence)


def too_small(result: dict[str, Any]) -> Judgement:
    """C8a: how many runs with the smallest batch arrive, at the one rate and at its best."""
    smallest = min(columns(frame(result, "training"), "seed"), default=1)
    questions, said = [], []
    for rates in (SAME, TUNED):
        reached = [math.isfinite(x) for x in columns(runs(result, rates), "updates_to_target").get(smallest, [])]
        share = proportion(sum(reached), len(reached))
        questions.append(Question(f"share of runs at batch {smallest:,} that arrive, {rates}", share, 0, 0.5, ".0%"))
        said.append(f"{sum(reached)} of {len(reached)} runs at the {rates}")
    rules = {
        rule: {str(size): mean_interval(ratios).plain() for size, ratios in sizes.items()}
        for rule, sizes in rule_costs(result).items()
    }
    because = f"with batch size {smallest:,} the target is reached by {' and '.join(said)}"
    return Judgement(because, questions, {"updates_by_a_rule_over_those_at_the_best_rate": rules})


def faster_epochs(result: dict[str, Any]) -> Judgement:
    """C8b: what an epoch costs from the smallest batch to the middle, from there to all; and on the per-sample path."""
    backend = result["settings"].get("backend")
    cost, fast = (
        columns(frame(result, "timing", backend=backend, path=path), "microseconds", "repeat")
        for path in ("batched", "fast")
    )
    if len(cost) < 3:
        return Judgement("fewer than three batch sizes were timed")
    sizes = list(cost)
    first, second, middle, last = sizes[0], sizes[1], sizes[len(sizes) // 2], sizes[-1]
    pairs = [(f"batch {first:,}", cost[first], middle), (f"batch {middle:,}", cost[middle], last)]
    if first == 1 and 1 in fast:
        pairs += [("1 on the per-sample path", fast[1], larger) for larger in (second, last)]
    questions = []
    for name, slower, larger in pairs:  # readings that lie next to each other; one slow second does not move a median
        ratio = median_interval([a / b for a, b in zip(slower, cost[larger])])
        questions.append(Question(f"time of an epoch, {name} over {larger:,}", ratio, MARGIN))
    two = [number(question.interval.estimate) for question in questions]
    because = (
        f"on the batched kernel an epoch at batch {first:,} takes {two[0]} times as long as at {middle:,}, and that "
        f"{two[1]} times as long as at {last:,}"
    )
    return Judgement(because, questions)


def more_epochs(result: dict[str, Any]) -> Judgement:
    """C8c: epochs to the target at the best rate for each, in the lower and in the upper half of the range."""
    epochs = columns(runs(result, TUNED), "epoch_to_target")
    if len(epochs) < 3:
        return Judgement("fewer than three batch sizes arrive at the target")
    sizes = list(epochs)
    first, middle, last = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    lower, upper = paired_ratio(epochs[middle], epochs[first]), paired_ratio(epochs[last], epochs[middle])
    questions = [
        Question(f"epochs to the target, batch {middle:,} over {first:,}", lower, MARGIN),
        Question(f"epochs to the target, batch {last:,} over {middle:,}", upper, MARGIN),
    ]
    because = (
        f"at the best rate for each, batch {middle:,} needs {number(lower.estimate)} times the epochs of {first:,}; "
        f"{last:,} needs {number(upper.estimate)} times those of {middle:,}"
    )
    return Judgement(because, questions)


def fastest(result: dict[str, Any]) -> Judgement:
    """C8d: the batch size that is fastest by the tuning seeds against both ends, in seconds on other seeds."""
    predicted, seconds = predicted_seconds(result), columns(runs(result, TUNED), "seconds_to_target")
    sizes = [size for size in seconds if size in predicted]
    if len(sizes) < 3:
        return Judgement("fewer than three batch sizes arrive at the target")
    best = min(predicted, key=lambda size: predicted[size])
    at_an_end = best in (sizes[0], sizes[-1])  # then the best of the others must be slower than that end
    others = [min(sizes[1:-1], key=lambda size: predicted[size])] if at_an_end else [sizes[0], sizes[-1]]
    ratios = {other: paired_ratio(seconds[other], seconds[best]) for other in others}
    low, questions = 1 + 1e-9, []
    for other, ratio in ratios.items():
        # Where the fastest is an end, the claim can only be refuted: by a surely longer time of the best between.
        by = f"not above 1, since batch {best:,} is no size between" if at_an_end else ""
        answer = False if ratio.inside(low, math.inf) else None
        name = f"seconds to the target, batch {other:,} over {best:,}"
        questions.append(Question(name, ratio, low, by=by, decided=answer))
    because = f"batch size {best:,}, chosen on other seeds, is the fastest; " + ", ".join(
        f"{other:,} takes {number(ratio.estimate)} times as long" for other, ratio in ratios.items()
    )
    return Judgement(because, questions, {"fastest": best}, each_needed=True)


def predicted_seconds(result: dict[str, Any]) -> dict[int, float]:
    """Seconds to the target by the tuning seeds: sample gradients at the best rate, times what one costs."""
    timing = frame(result, "timing", backend=result["settings"].get("backend"))
    samples = map_of(result, "samples_to_target").min()
    if timing.empty or samples.empty:
        return {}
    cost = timing.groupby(["batch_size", "path"]).microseconds.median()
    paths = {int(size): (size, "fast" if size == 1 else "batched") for size in samples.index[np.isfinite(samples)]}
    return {size: samples[size] * cost[path] for size, path in paths.items() if path in cost}


def most_accurate(result: dict[str, Any]) -> Judgement:
    """C8e: do batch sizes differ in test accuracy, where training ended and where descent from there ends?"""
    rows = frame(result, "accuracy", arm="network")
    questions, said = [], []
    evidence: dict[str, Any] = {}
    for name, when in ENDS.items():
        by_size = columns(rows, name)
        both = min(map(len, by_size.values()), default=0)  # the seeds that all sizes have
        if len(by_size) < 2 or both < 2:
            return Judgement("it takes two batch sizes and two seeds at least to compare accuracies")
        table = np.array([values[:both] for values in by_size.values()])
        p, spread = differ(table)
        deviations = [mean_interval(row) for row in table - table.mean(axis=0)]
        equal = all(each.within(-ACCURACY_MARGIN, ACCURACY_MARGIN) for each in deviations)
        means = {str(size): mean_interval(row).plain() for size, row in zip(by_size, table)}
        evidence[when] = {"p": p, "best_minus_worst": spread, "accuracy": means, "margin": ACCURACY_MARGIN}
        by = f"p < 0.05 by permutation: {p:.3f}; no if all lie within {100 * ACCURACY_MARGIN:g} %"
        answer = True if p < 0.05 else False if equal else None
        gap = Interval(spread, spread, spread)
        questions.append(Question(f"best less worst batch size, {when}", gap, style=".1%", by=by, decided=answer))
        said.append(f"{100 * spread:.1f} points {when}")
    because = f"over {len(by_size)} batch sizes the best and the worst test accuracy differ by {' and '.join(said)}"
    return Judgement(because, questions, evidence)


def differ(table: np.ndarray) -> tuple[float, float]:
    """The p-value of equal accuracies (batch sizes, seeds), and best less worst mean.

    Under equality a seed's accuracies could stand in any order: batch sizes are permuted within each seed.
    """

    def variance_of_means(*columns: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.var([column.mean(axis=axis) for column in columns], axis=0)

    test = scipy.stats.permutation_test(
        tuple(table),
        variance_of_means,
        permutation_type="samples",
        vectorized=True,
        alternative="greater",
        n_resamples=9999,
        rng=np.random.default_rng(0),
    )
    means = table.mean(axis=1)
    return float(test.pvalue), float(means.max() - means.min())
