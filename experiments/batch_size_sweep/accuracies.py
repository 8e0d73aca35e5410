"""The two verdicts that rest on test accuracies: C8, the article's opening, and C8e."""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy

from ..lab.facts import base_rate_of
from ..lab.results import frame
from ..lab.statistics import LEAST, Interval, mean_interval
from ..lab.text import styled
from ..lab.verdicts import Judgement, Question, seeds_needed
from .enough import rows_needed, rows_to_tell, seeds_to_differ
from .measure import SAME
from .rows import columns, linear_accuracies, runs
from .rules import map_of

ACCURACY_MARGIN = 0.01  # a point in a hundred: about the standard error of 360 test samples
SIGNIFICANT = 0.05
SHARE, DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)  # where an accuracy can lie, and the difference of two
ENDS = {"test_accuracy": "after training", "polished_test_accuracy": "after descent to the bottom"}


def opening(result: dict[str, Any]) -> Judgement:
    """C8: at the one rate, is the network with some batch size below logistic regression, and with another not?"""
    linear, network = linear_accuracies(result), columns(runs(result, SAME), "test_accuracy")
    if not linear or not network:
        return Judgement("no run was made")
    level = 1 - 0.05 / len(network)  # the worst of many is chosen: Bonferroni
    differences = {
        size: mean_interval([a - b for a, b in zip(values, linear)], level, DIFFERENCE)
        for size, values in network.items()
    }
    worst, best = (pick(differences, key=lambda size: differences[size].estimate) for pick in (min, max))
    below = differences[worst]
    few, rows = seeds_needed(min(map(len, (linear, *network.values())))), result["settings"].get("test_rows", 0)
    margins = {best: ACCURACY_MARGIN, worst: margin_of(below.estimate)}
    pairs = {size: [float(np.mean(network[size])), float(np.mean(linear))] for size in margins}
    needed = [rows_to_tell(pairs[size], rows, margin) for size, margin in margins.items()]
    takes = {size: few or more for size, more in zip(margins, rows_needed(needed, rows))}
    name, style = "test accuracy less that of logistic regression, batch", "+.1%"
    floor = -ACCURACY_MARGIN
    questions = [
        Question(f"{name} {worst:,}", below, -1.0, -1e-9, style, takes=takes[worst]),
        Question(f"{name} {best:,}", differences[best], floor, 1.0, style, control=True, takes=takes[best]),
    ]
    because = (
        f"at η = {result['settings']['learning_rate']:g} for all, batch size {worst:,} ends "
        f"{styled(below.estimate, style)} points of test accuracy from logistic regression, {best:,} ends "
        f"{styled(differences[best].estimate, style)}{beside(result)}"
    )
    updates, accuracy = map_of(result), map_of(result, "test_accuracy")
    evidence = {
        "base_rate": base_rate_of(result).plain(),
        "linear_accuracy": mean_interval(linear, bounds=SHARE).plain(),
        "network_minus_linear": {str(size): each.plain() for size, each in differences.items()},
        "map_cells_below_linear": {  # and have not reached the target
            "cells": int(updates.notna().sum().sum()),
            "below": int((np.isinf(updates) & (accuracy < np.mean(linear))).sum().sum()),
        },
    }
    return Judgement(because, questions, evidence)


def most_accurate(result: dict[str, Any]) -> Judgement:
    """C8e: do batch sizes differ in test accuracy, where training ended and where descent from there ends?"""
    ends = frame(result, "accuracy", arm="network")
    rows = result["settings"].get("test_rows", 0)
    questions, said, needed = [], [], []
    evidence: dict[str, Any] = {"base_rate": base_rate_of(result).plain()}
    for name, when in ENDS.items():
        by_size = columns(ends, name)
        both = min(map(len, by_size.values()), default=0)  # the seeds that all sizes have
        if len(by_size) < 2 or both < 2:
            return Judgement(f"it takes two batch sizes and {LEAST} seeds at least to compare accuracies")
        table = np.array([values[:both] for values in by_size.values()])
        p, spread = differ(table)
        deviations = [mean_interval(row, bounds=DIFFERENCE) for row in table - table.mean(axis=0)]
        equal = all(each.within(-ACCURACY_MARGIN, ACCURACY_MARGIN) for each in deviations)
        means = {str(size): mean_interval(row, bounds=SHARE).plain() for size, row in zip(by_size, table)}
        evidence[when] = {"p": p, "best_minus_worst": spread, "accuracy": means, "margin": ACCURACY_MARGIN}
        takes = seeds_needed(both, seeds_to_differ(len(by_size), SIGNIFICANT))
        needed.append(rows_to_tell(table.mean(axis=1).tolist(), rows, margin_of(spread)))
        by = f"p < {SIGNIFICANT:g} by permutation: {p:.3f}; no if all lie within {100 * ACCURACY_MARGIN:g} %"
        answer = True if p < SIGNIFICANT else False if equal else None
        gap, name = Interval(spread, spread, spread), f"best less worst batch size, {when}"
        questions.append(Question(name, gap, style=".1%", by=by, decided=answer, takes=takes))
        said.append(f"{100 * spread:.1f}")
    more = rows_needed(needed, rows)
    questions = [replace(each, takes=each.takes or takes) for each, takes in zip(questions, more)]
    because = (
        f"best and worst of {len(by_size)} batch sizes are {said[0]} points of test accuracy apart after training, "
        f"{said[1]} at the bottom{beside(result)}"
    )
    return Judgement(because, questions, evidence)


def margin_of(difference: float) -> float:
    """What the test rows must tell: ACCURACY_MARGIN, or half of a difference that is larger."""
    return max(ACCURACY_MARGIN, abs(difference) / 2)


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


def beside(result: dict[str, Any]) -> str:
    """The base rate of the test rows, for a sentence with accuracies."""
    base = base_rate_of(result)
    return f" (base rate {base.percent})" if base.test_rows else ""
