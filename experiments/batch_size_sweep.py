"""C8: what the batch size alone does to training, from 1 to all samples, at one learning rate and at the best for each.

The article trains one network for 200 epochs with batch sizes 1, 2, 4, … and draws five conclusions, judged here one by
one. It keeps the learning rate. That is one row of a map: over learning rate η and batch size B, how many updates does
the network need to a training loss (its target)? The map says which conclusions belong to the batch size, and which to
the rate that was kept.

    C8   a badly set batch size and rate leave a network below a perceptron (here: logistic regression without hidden
         layer) on the same data; the same rate with another batch size does not
    C8a  too small a batch does not converge in 200 epochs              refuted where it arrives at its own best rate
    C8b  larger batches pass through the same data faster               refuted where an epoch takes as long (to 10 %)
    C8c  larger batches need more epochs to the same loss               refuted where the epochs stay the same (to 10 %)
    C8d  so some batch size is the fastest                              it must be separated from both ends, 1 and all
    C8e  and some batch size ends most accurate, since different        paired seeds, a permutation test, and another
         ones end in different extrema                                  after each end point has descended to the bottom

Four rules for the rate are drawn on the map. With the best rate η₀ at a reference size B₀:

    same          η = η₀
    linear        η = η₀ B/B₀         Goyal et al., arXiv:1706.02677
    square root   η = η₀ √(B/B₀)      Krizhevsky, arXiv:1404.5997
    tuned         the best of the grid for each B; Shallue et al., arXiv:1811.03600, find that no rule replaces it

Rates are chosen on seeds apart from those that are reported, for accuracy on a fifth of the training rows, held out.
Batches are equal: what does not fill one is left out. What happens otherwise is shown once (`ragged_rows`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from minigrad import SGD, Dataset, batches

from .lab import experiment, results, sweep, sweep_report, tuning
from .lab.polish import polish
from .lab.statistics import Interval, at_target, mean_interval, median, median_interval, paired_ratio, proportion
from .lab.sweep import TUNING_SEEDS, target_rows, training_rows
from .lab.sweep_report import SAME, TREATMENTS, TUNED, map_of, of_kind
from .lab.timing import backends_here, timing_rows
from .lab.trials import Trials

NAME = "batch_size_sweep"
REFERENCE = 32  # B₀, or the batch size next to it
GRID = range(-4, 3)  # 0.01 … 10 in half decades, to begin with
MARGIN = 1.1  # what is not even a tenth longer counts as equally long
ACCURACY_MARGIN = 0.01  # a point in a hundred: about the standard error of 360 test samples
DROPPED, SCALED_STEP, FULL_STEP = TREATMENTS

FLAGS = ("hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds", "target")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {
        "batch_sizes": [2**k for k in range(11)] + ["all"], "epochs": 200, "map_epochs": 30, "seeds": 4, "repeats": 9,
        "accuracy_sizes": 4, "accuracy_seeds": 6, "accuracy_epochs": 60,
    },
    "quick": {
        "batch_sizes": [1, 8, 64, "all"], "epochs": 12, "map_epochs": 9, "seeds": 3, "repeats": 6,
        "accuracy_sizes": 2, "accuracy_seeds": 2, "accuracy_epochs": 8,
    },
    "full": {
        "batch_sizes": [2**k for k in range(17)] + ["all"], "epochs": 200, "map_epochs": 200, "seeds": 20,
        "repeats": 15, "accuracy_sizes": 18, "accuracy_seeds": 30, "accuracy_epochs": 200,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """As for every experiment, but that no rate means the best of the reference size; and the size of the map.

    map_epochs
        After so many epochs a rate that has not reached the target does not count as one that arrives.
    accuracy_sizes, accuracy_seeds, accuracy_epochs
        How many of the batch sizes are compared by accuracy, on how many seeds, after how many epochs.
    """

    learning_rate: float | None = None  # type: ignore[assignment]
    map_epochs: int = 30
    accuracy_sizes: int = 4
    accuracy_seeds: int = 8
    accuracy_epochs: int = 60


# ---- measurement -----------------------------------------------------------------------------------------------------


def cell_rows(data: Dataset, settings: Settings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """One run of the map: the updates to the target, or where training was after `map_epochs`."""
    model = sweep.make_model(data, settings, seed)
    history = sweep.train_once(
        data, settings, batch_size, rate, seed, model=model, epochs=settings.map_epochs, target_loss=settings.target
    )
    test_accuracy = model.accuracy(*(model.backend.asarray(values) for values in (data.X_test, data.y_test)))
    assert settings.target is not None
    return [{
        "kind": "cell", "batch_size": batch_size, "learning_rate": rate, "seed": seed, "diverged": history.diverged,
        "loss": float(history.loss[-1]),
        "updates_to_target": at_target(history.loss, history.updates, settings.target),
        "samples_to_target": at_target(history.loss, history.samples, settings.target),
        "test_accuracy": test_accuracy,
    }]  # fmt: skip


def validation_rows(data: Dataset, settings: Settings, batch_size: int, rate: float, seed: int) -> list[dict]:
    """Accuracy on a fifth of the training rows, held out, after training on the others."""
    n = len(data.X_train)
    order: Any = np.random.default_rng(n).permutation(n)
    fifth = max(1, n // 5)
    held_out, rest = order[:fifth], order[fifth:]
    part = replace(data, X_train=data.X_train[rest], y_train=data.y_train[rest])
    history = sweep.train_once(
        part, settings, min(batch_size, len(rest)), rate, seed, evaluate_every=0,
        test=(data.X_train[held_out], data.y_train[held_out]),
    )  # fmt: skip
    accuracy = 0.0 if history.diverged else float(history.test_accuracy[-1])
    return [{
        "kind": "validation", "hidden": list(settings.hidden), "batch_size": batch_size, "learning_rate": rate,
        "seed": seed, "accuracy": accuracy,
    }]  # fmt: skip


def accuracy_rows(data: Dataset, settings: Settings, arm: str, batch_size: int, rate: float, seed: int) -> list[dict]:
    """Test accuracy after training on all training rows; and after descending from there to the bottom."""
    model = sweep.make_model(data, settings, seed)
    history = sweep.train_once(
        data, settings, batch_size, rate, seed, model=model, evaluate_every=0, test=(data.X_test, data.y_test)
    )
    row = {"kind": "accuracy", "arm": arm, "batch_size": batch_size, "learning_rate": rate, "seed": seed,
           "loss": float(history.loss[-1]), "test_accuracy": float(history.test_accuracy[-1])}  # fmt: skip
    bottom = sweep.make_model(data, settings, seed, dtype="float64")
    bottom.theta = bottom.backend.asarray(model.theta, "float64")
    X, y = (bottom.backend.asarray(values) for values in (data.X_train, data.y_train))
    gradient, _ = polish(bottom, X, y)
    X_test, y_test = (bottom.backend.asarray(values) for values in (data.X_test, data.y_test))
    return [row | {
        "polished_loss": bottom.loss(X, y), "polished_largest_gradient": gradient,
        "polished_test_accuracy": bottom.accuracy(X_test, y_test),
    }]  # fmt: skip


def ragged_rows(
    data: Dataset, settings: Settings, treatment: str, batch_size: int, rate: float, seed: int
) -> list[dict]:
    """Updates to the target where an epoch's last batch is one sample: with a full step, a scaled one, or left out."""
    model = sweep.make_model(data, settings, seed)
    rows = model.batch(*(model.backend.asarray(values) for values in (data.X_train, data.y_train)))
    rng = np.random.default_rng(seed)
    losses, updates = [model.loss(rows)], [0]
    assert settings.target is not None
    while losses[-1] > settings.target and len(losses) <= settings.epochs:
        count = updates[-1]
        for index in batches(rows.m, batch_size, rng, drop_last=treatment == DROPPED, backend=model.backend):
            share = len(index) / batch_size if treatment == SCALED_STEP else 1.0
            SGD(rate * share).step(model, rows[index])
            count += 1
        losses.append(model.loss(rows))
        updates.append(count)
    needed = at_target(losses, updates, settings.target)
    return [{"kind": "ragged", "treatment": treatment, "batch_size": batch_size, "learning_rate": rate, "seed": seed,
             "updates_to_target": needed}]  # fmt: skip


def ragged_size(n: int) -> int | None:
    """The largest batch size up to n/2 that leaves one sample over; None where there is no such size above 1."""
    return next((size for size in range(n // 2, 1, -1) if n % size == 1), None)


# ---- run -------------------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    sizes, seeds, n = settings.batch_sizes, range(settings.seeds), len(trials.data.X_train)
    [target] = trials.run(target_rows, replace(settings, epochs=settings.map_epochs), [{}])
    settings = replace(settings, target=target["loss"])

    def costs(cells: list[tuple[int, float]]) -> list[float]:
        return means(trials, cell_rows, settings, cells, "samples_to_target")

    best = {size: least(costs) for size, costs in tuning.best_rates(costs, dict.fromkeys(sizes, GRID)).items()}
    reference = min(sizes, key=lambda size: abs(math.log(size / REFERENCE)))
    fixed = settings.learning_rate or best[reference] or 0.1
    settings = replace(settings, learning_rate=fixed)
    fixed_runs = [{"arm": SAME, "batch_size": size, "rate": fixed, "seed": seed}
                  for size in sizes for seed in seeds]  # fmt: skip
    trials.run(training_rows, replace(settings, evaluations=1), fixed_runs)
    compare_accuracy(trials, settings, best)
    if size := ragged_size(n):
        rate = best[min(sizes, key=lambda other: abs(math.log(other / size)))] or fixed
        runs = [{"treatment": t, "batch_size": size, "rate": rate, "seed": seed} for t in TREATMENTS for seed in seeds]
        trials.run(ragged_rows, settings, runs)
    for backend in backends_here(settings.backend):
        trials.run(timing_rows, replace(settings, backend=backend), [{}], timed=True)
    tuned_runs = [{"arm": TUNED, "batch_size": size, "rate": rate, "seed": seed, "stop_at_target": True}
                  for seed in seeds for size, rate in best.items() if rate]  # fmt: skip
    trials.run(training_rows, settings, tuned_runs, timed=True)
    result = experiment.result_of(NAME, trials, settings)
    result["settings"]["reference"] = reference
    result["claims"] = verdict(result)
    return result


def compare_accuracy(trials: Trials, settings: Settings, best: dict[int, float | None]) -> None:
    """Choose rates by validation accuracy; then test the network at several sizes, and logistic regression at one."""
    settings = replace(settings, epochs=settings.accuracy_epochs)
    sizes, seeds = settings.batch_sizes, range(settings.accuracy_seeds)
    chosen = sorted({sizes[round(k)] for k in np.linspace(0, len(sizes) - 1, settings.accuracy_sizes)})
    linear = replace(settings, hidden=())
    for arm, these, where in (
        ("network", settings, chosen),
        ("linear", linear, [settings.batch_sizes[len(sizes) // 2]]),
    ):

        def errors(cells: list[tuple[int, float]], these: Settings = these) -> list[float]:
            return [1 - share for share in means(trials, validation_rows, these, cells, "accuracy")]

        middle = {size: round(2 * math.log10(best[size] or 0.1)) for size in where}
        grids = {size: range(k - 1, k + 2) for size, k in middle.items()}
        rates = {size: least(costs) for size, costs in tuning.best_rates(errors, grids, limit=2).items()}
        runs = [
            {"arm": arm, "batch_size": size, "rate": rate, "seed": seed}
            for size, rate in rates.items()
            for seed in seeds
        ]
        trials.run(accuracy_rows, these, runs)


def means(
    trials: Trials, trial: Callable[..., Any], settings: Settings, cells: list[tuple[int, float]], name: str
) -> list[float]:
    """The mean over the tuning seeds of what a trial measures in each (batch size, rate)."""
    arguments = [{"batch_size": B, "rate": rate, "seed": seed} for B, rate in cells for seed in TUNING_SEEDS]
    values = [row[name] for row in trials.run(trial, settings, arguments)]
    return [float(np.mean(values[k : k + len(TUNING_SEEDS)])) for k in range(0, len(values), len(TUNING_SEEDS))]


def least(costs: dict[float, float]) -> float | None:
    """The rate of least cost; None where no rate arrives."""
    best = min(costs, key=lambda rate: costs[rate])
    return None if math.isinf(costs[best]) else best


# ---- verdicts --------------------------------------------------------------------------------------------------------


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge the article's opening and its five conclusions."""
    judges = {"C8": opening, "C8a": too_small, "C8b": faster_epochs, "C8c": more_epochs, "C8d": fastest,
              "C8e": most_accurate}  # fmt: skip
    return {name: judge(result) for name, judge in judges.items()}


def by_seed(rows: list[dict], name: str, **wanted: Any) -> list[float]:
    """That column of the rows in which all of `wanted` is so, in the order of the seeds; never-arrived is infinite."""
    mine = [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]
    values = [row[name] for row in sorted(mine, key=lambda row: row.get("seed", row.get("repeat", 0)))]
    return [math.inf if value is None else value for value in values]


def opening(result: dict[str, Any]) -> dict[str, Any]:
    """C8: at the one rate, is the network with some batch size below logistic regression, and with another not?"""
    runs, accuracies = of_kind(result, "training"), of_kind(result, "accuracy")
    linear = by_seed(accuracies, "test_accuracy", arm="linear")
    sizes = sorted({row["batch_size"] for row in runs if row["arm"] == SAME}) if linear else []
    level = 1 - 0.05 / max(1, len(sizes))  # the worst of many is chosen: Bonferroni
    network = {size: by_seed(runs, "test_accuracy", arm=SAME, batch_size=size) for size in sizes}
    differences = {size: difference(network[size], linear, level) for size in sizes}
    worst = min(differences, key=lambda size: differences[size].estimate, default=None)
    best = max(differences, key=lambda size: differences[size].estimate, default=None)
    tests: dict[str, bool | None] = {}
    because, control = "no run was made", None
    if worst is not None and best is not None:
        tests["badly set, below"] = differences[worst].inside(-1.0, -1e-9)
        control = differences[best].inside(-ACCURACY_MARGIN, 1.0)  # at the same rate another batch size is not below
        rate = result["settings"]["learning_rate"]
        because = (
            f"at η = {rate:g} for all, the network's test accuracy less that of logistic regression, "
            f"{points(mean_interval(linear))}, is {points(differences[worst])} at batch size {worst:,} and "
            f"{points(differences[best])} at {best:,}"
        )
    evidence = {
        "linear_accuracy": asdict(mean_interval(linear)) if linear else None,
        "network_minus_linear": {str(size): asdict(each) for size, each in differences.items()},
        "map_cells_below_linear": sweep_report.share_below(result),
    }
    statement = "A badly set batch size and rate leave a network below logistic regression on the same data."
    decision = results.decide(tests)
    if decision == "holds" and control is not True:
        decision = "undecided"  # the rate alone may be to blame
    return results.claim(statement, decision, because, evidence)


def difference(above: list[float], below: list[float], level: float) -> Interval:
    """The mean difference of two models on the seeds that both have, and its interval."""
    both = min(len(above), len(below))
    return mean_interval([a - b for a, b in zip(above[:both], below[:both])], level)


def points(interval: Interval) -> str:
    """An accuracy, or a difference of two, in percent."""
    estimate, low, high = (100 * value for value in (interval.estimate, interval.low, interval.high))
    if not math.isfinite(low):
        return f"{estimate:.1f} % (no interval)"
    return f"{estimate:.1f} % ({100 * interval.level:.3g} % interval {low:.1f} to {high:.1f})"


def too_small(result: dict[str, Any]) -> dict[str, Any]:
    """C8a: how many runs with the smallest batch arrive, at the one rate and at its best."""
    runs, settings = of_kind(result, "training"), result["settings"]
    smallest = min((row["batch_size"] for row in runs), default=1)
    arrived, tests, parts = {}, {}, []
    for arm in (SAME, TUNED):
        reached = [math.isfinite(x) for x in by_seed(runs, "updates_to_target", arm=arm, batch_size=smallest)]
        arrived[arm] = proportion(sum(reached), len(reached))
        tests[arm] = arrived[arm].inside(0, 0.5)  # fewer than half
        parts.append(f"{sum(reached)} of {len(reached)} runs at the {arm}")
    because = f"with batch size {smallest:,} the target is reached by {' and '.join(parts)}"
    rules = {
        rule: {str(size): asdict(mean_interval(ratios)) for size, ratios in sizes.items()}
        for rule, sizes in sweep_report.rule_costs(result).items()
    }
    evidence = {
        "share_that_arrives": {arm: asdict(each) for arm, each in arrived.items()},
        "updates_by_a_rule_over_those_at_the_best_rate": rules,
    }
    statement = f"Too small a batch does not converge in {settings.get('epochs', 200)} epochs."
    return results.claim(statement, results.decide(tests), because, evidence)


def faster_epochs(result: dict[str, Any]) -> dict[str, Any]:
    """C8b: what an epoch costs from the smallest batch to the middle, from there to all; and on the per-sample path."""
    rows = [row for row in of_kind(result, "timing") if row["backend"] == result["settings"]["backend"]]
    sizes = sorted({row["batch_size"] for row in rows if row["path"] == "batched"})
    ratios: dict[str, Interval] = {}
    if len(sizes) >= 3:
        cost = {size: by_seed(rows, "microseconds", path="batched", batch_size=size) for size in sizes}
        first, second, middle, last = sizes[0], sizes[1], sizes[len(sizes) // 2], sizes[-1]
        ratios[f"{first:,} over {middle:,}, batched kernel"] = median_ratio(cost[first], cost[middle])
        ratios[f"{middle:,} over {last:,}, batched kernel"] = median_ratio(cost[middle], cost[last])
        fast = by_seed(rows, "microseconds", path="fast")
        if first == 1 and fast:
            ratios[f"1 on the per-sample path over {second:,}"] = median_ratio(fast, cost[second])
            ratios[f"1 on the per-sample path over {last:,}"] = median_ratio(fast, cost[last])
    tests = {name: ratio.inside(MARGIN, math.inf) for name, ratio in ratios.items()}
    because = "the time of an epoch with one batch size over that with a larger one is " + listed(ratios)
    evidence = {"time_of_an_epoch": {name: asdict(ratio) for name, ratio in ratios.items()}}
    statement = "Larger batches pass through the same data faster."
    return results.claim(statement, results.decide(tests), because, evidence)


def median_ratio(above: list[float], below: list[float]) -> Interval:
    """The median ratio of readings that lie next to each other, and its interval: one slow second does not move it."""
    return median_interval([a / b for a, b in zip(above, below)])


def more_epochs(result: dict[str, Any]) -> dict[str, Any]:
    """C8c: epochs to the target at the best rate for each, in the lower and in the upper half of the range."""
    runs = [row for row in of_kind(result, "training") if row["arm"] == TUNED]
    sizes = sorted({row["batch_size"] for row in runs})
    ratios: dict[str, Interval] = {}
    if len(sizes) >= 3:
        epochs = {size: by_seed(runs, "epoch_to_target", batch_size=size) for size in sizes}
        first, middle, last = sizes[0], sizes[len(sizes) // 2], sizes[-1]
        ratios[f"{middle:,} over {first:,}"] = paired_ratio(epochs[middle], epochs[first])
        ratios[f"{last:,} over {middle:,}"] = paired_ratio(epochs[last], epochs[middle])
    tests = {name: ratio.inside(MARGIN, math.inf) for name, ratio in ratios.items()}
    because = (
        f"at the best rate for each, the epochs to the target with one batch size over another are {listed(ratios)}"
    )
    evidence = {"epochs_to_target": {name: asdict(ratio) for name, ratio in ratios.items()}}
    statement = "Larger batches need more epochs to the same loss."
    return results.claim(statement, results.decide(tests), because, evidence)


def fastest(result: dict[str, Any]) -> dict[str, Any]:
    """C8d: the batch size that is fastest by the tuning seeds against both ends, in seconds on other seeds."""
    runs = [row for row in of_kind(result, "training") if row["arm"] == TUNED]
    predicted: dict[int, float] = {}
    for (size, _), cells in map_of(result).items():
        costs = by_seed(of_kind(result, "timing"), "microseconds", backend=result["settings"]["backend"],
                        batch_size=size, path="fast" if size == 1 else "batched")  # fmt: skip
        samples = float(np.mean([cell["samples_to_target"] for cell in cells]))
        if costs and math.isfinite(samples):
            predicted[size] = min(predicted.get(size, math.inf), samples * median(costs))
    best = min(predicted, key=lambda size: predicted[size], default=None)
    ratios: dict[str, Interval] = {}
    sizes = [size for size in sorted({row["batch_size"] for row in runs}) if size in predicted]
    interior: bool | None = None
    if best is not None and len(sizes) >= 3:
        seconds = {size: by_seed(runs, "seconds_to_target", batch_size=size) for size in sizes}
        if best in (sizes[0], sizes[-1]):  # then the best of the others must be slower than that end
            others = [min(sizes[1:-1], key=lambda size: predicted[size])]
        else:
            others = [sizes[0], sizes[-1]]
        ratios = {f"{other:,} over {best:,}": paired_ratio(seconds[other], seconds[best]) for other in others}
        slower = [ratio.inside(1 + 1e-9, math.inf) for ratio in ratios.values()]
        if all(slower):
            interior = len(others) == 2
        elif False in slower and len(others) == 2:
            interior = False
    because = f"chosen on other seeds, the fastest is batch size {best}; the seconds to the target are {listed(ratios)}"
    evidence = {"fastest": best, "seconds_to_target": {name: asdict(ratio) for name, ratio in ratios.items()}}
    statement = "Some batch size between 1 and all is the fastest in time."
    return results.claim(statement, results.decide({"interior": interior}), because, evidence)


def most_accurate(result: dict[str, Any]) -> dict[str, Any]:
    """C8e: do batch sizes differ in test accuracy, where training ended and where descent from there ends?"""
    rows = [row for row in of_kind(result, "accuracy") if row["arm"] == "network"]
    sizes = sorted({row["batch_size"] for row in rows})
    tests: dict[str, bool | None] = {}
    evidence: dict[str, Any] = {}
    parts = []
    for name, when in (("test_accuracy", "after training"), ("polished_test_accuracy", "after descent to the bottom")):
        columns = [by_seed(rows, name, batch_size=size) for size in sizes]
        both = min(map(len, columns), default=0)  # the seeds that all sizes have
        table = np.array([column[:both] for column in columns], dtype=float)
        if len(sizes) < 2 or both < 2:
            tests[when] = None
            continue
        p, spread = differ(table)
        deviations = [mean_interval(row) for row in table - table.mean(axis=0)]
        equal = all(each.within(-ACCURACY_MARGIN, ACCURACY_MARGIN) for each in deviations)
        tests[when] = True if p < 0.05 else False if equal else None
        means = {str(size): asdict(mean_interval(row)) for size, row in zip(sizes, table)}
        evidence[when] = {"p": p, "best_minus_worst": spread, "accuracy": means, "margin": ACCURACY_MARGIN}
        best = sizes[int(table.mean(axis=1).argmax())]
        parts.append(f"{when} {best:,} is best, {100 * spread:.1f} points above the worst (p = {p:.3f})")
    because = (
        f"over {len(sizes)} batch sizes, rates chosen on held-out rows: {'; '.join(parts) or 'nothing to compare'}"
    )
    statement = "Some batch size ends most accurate, since different ones end in different extrema."
    return results.claim(statement, results.decide(tests), because, evidence)


def differ(table: np.ndarray) -> tuple[float, float]:
    """The p-value of equal accuracies (batch sizes, seeds), and best less worst mean.

    Under equality a seed's accuracies could stand in any order: batch sizes are permuted within each seed.
    """

    def variance_of_means(*columns: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.var([column.mean(axis=axis) for column in columns], axis=0)

    test = scipy.stats.permutation_test(
        tuple(table), variance_of_means, permutation_type="samples", vectorized=True, alternative="greater",
        n_resamples=9999, rng=np.random.default_rng(0),
    )  # fmt: skip
    means = table.mean(axis=1)
    return float(test.pvalue), float(means.max() - means.min())


def listed(ratios: dict[str, Interval]) -> str:
    """Ratios with their intervals, in words."""
    words = [f"{ratio.estimate:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) for {name}" for name, ratio in ratios.items()]
    return ", ".join(words) or "not measured"


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The article's table beside that at the best rates; what the rules cost; accuracies; the ragged last batch."""
    return sweep_report.tables(result)


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return sweep_report.plot(result, folder)


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
