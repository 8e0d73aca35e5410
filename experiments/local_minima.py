"""C5b: full batches end in worse minima, which only the noise of small batches leaves; yet practice seldom gets stuck.

Networks too narrow for their task do get trapped: XOR with two hidden units, two spirals with four, real data with two.
Many starts, and from each start every batch size, so that a difference is the batch's and not the luck of the start's.

    m, B   rows in all, and in a batch             J*    the least J that any end point of the problem came down to
    J      training loss, mean log loss in nats    J_0   the loss of guessing by the frequencies of the classes
    η      learning rate                           λ     largest eigenvalue of J's Hessian where training ended

Undertrained or noisy is not trapped: every end point is polished by full-batch descent until no entry of the gradient
is above 1e-5 (lab/polish.py). It is *trapped* if even then J > J* + 0.1 (J_0 − J*): a tenth of what there was to learn
is out of its reach. Where polishing came less far, and going on could take J below that, it is *open* and left out.

The claim predicts that full batch leaves more of the same starts trapped than a smaller batch, each at its best
learning rate: the one with the least training loss from other starts. Every smaller size on every problem is an arm:

    for       McNemar's exact test on the starts that end differently: p < 0.05 / arms, and full batch is the worse
    against   the 95 % interval of the difference (Newcombe's, for paired proportions) stays below 10 of 100 starts

The division keeps chance from making "conditional" out of one arm in many; that all arms are against needs none. Shown
beside: one rate for all, where the sizes differ by their noise alone; descent from the start with no training before
it, which is the base rate (how often is anyone trapped?); and that with four times the units, as practice would have.

Keskar et al. (arXiv:1609.04836) find that large batches end in sharper minima; Shallue et al. (arXiv:1811.03600) and
Geiping et al. (arXiv:2109.14119) that, well tuned, they end in none that are worse. λ stands beside 2/η, above which a
step of gradient descent overshoots (Cohen et al., arXiv:2103.00065, see it rise to there).
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from minigrad import SGD, Dataset, History
from minigrad.model import Model

from .lab import curvature, experiment, plots, results, sweep, trapped_report, tuning
from .lab.polish import polish
from .lab.statistics import median
from .lab.training import train
from .lab.trapped import ALONE, BEST, SAME, WIDE, WIDER, EndPoints, compare, end_points
from .lab.trials import Trials

NAME = "local_minima"
BINARY = True  # ten classes and two units make valleys so flat that polishing comes to no end
XOR, SPIRALS, DATA = PROBLEMS = "XOR", "two spirals", "data"
NARROW = {XOR: (2,), SPIRALS: (4,)}  # hidden units; for the data, --hidden
TUNING_STARTS = range(1000, 1004)  # apart from those that are reported, 0, 1, 2, …
MARGIN = 0.1  # of the starts
SIGNIFICANT = 0.05

FLAGS = ("hidden", "activation", "batch-sizes", "learning-rate", "seeds")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"hidden": [2], "batch_sizes": [1, 16, "all"], "epochs": 10, "updates": 1000, "seeds": 40},
    "quick": {"hidden": [2], "batch_sizes": [8, "all"], "epochs": 1, "updates": 100, "seeds": 3},
    "full": {"hidden": [2], "batch_sizes": [1, 4, 16, 64, 256, "all"], "epochs": 50, "updates": 5000, "seeds": 500},
}


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """As for every experiment; `seeds` counts the starts. Each size has at least so many epochs and so many updates."""

    updates: int = 1000
    most_rows: int = 2000  # of the data: every end point takes thousands of full-batch gradients


# ---- problems --------------------------------------------------------------------------------------------------------


def xor(m: int = 200, deviation: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """A cloud about each corner of a square, opposite corners of a class; they overlap, so that two units must err."""
    corner = np.stack([np.arange(m) % 2, np.arange(m) // 2 % 2], axis=1)
    X = 2 * corner - 1 + deviation * np.random.default_rng(0).standard_normal((m, 2))
    return X, corner[:, 0] ^ corner[:, 1]


def two_spirals(m: int = 300, turns: float = 1.25, deviation: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Two arms wound into each other, a class each."""
    rng, y = np.random.default_rng(0), np.arange(m) % 2
    radius = np.sqrt(rng.uniform(0.05, 1, m))
    angle = 2 * np.pi * turns * radius + np.pi * y
    X = 2 * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return X + deviation * rng.standard_normal((m, 2)), y


def pose(problem: str, data: Dataset, settings: Settings) -> tuple[Dataset, Settings]:
    """A problem's rows, and the settings with its hidden layer and its batch sizes: all is as many as it has rows."""
    if problem == DATA:
        kept = slice(settings.most_rows)
        posed = replace(data, X_train=data.X_train[kept], y_train=data.y_train[kept])
    else:
        X, y = xor() if problem == XOR else two_spirals()
        posed = Dataset(X, y, X[:0], y[:0], problem)
        settings = replace(settings, hidden=NARROW[problem])
    m, everything = len(posed.X_train), len(data.X_train)
    sizes = {m if size == everything else min(size, m) for size in settings.batch_sizes}
    return posed, replace(settings, batch_sizes=tuple(sorted(sizes)))


# ---- measurement -----------------------------------------------------------------------------------------------------


def train_from(data: Dataset, settings: Settings, batch_size: int, rate: float, start: int) -> tuple[Model, History]:
    """Train from the weights that `start` draws."""
    model = sweep.make_model(data, settings, start)
    epochs = max(settings.epochs, math.ceil(settings.updates / (len(data.X_train) // batch_size)))
    history = train(
        model, data.X_train, data.y_train, optimizer=SGD(rate), batch_size=batch_size, epochs=epochs,
        rng=np.random.default_rng(start), evaluate_every=0, drop_last=True,
    )  # fmt: skip
    return model, history


def tuning_rows(data: Dataset, settings: Settings, problem: str, batch_size: int) -> list[dict]:
    """The rate with the least loss at the end of training, the mean over the tuning starts: as practice tunes."""
    data, settings = pose(problem, data, settings)

    def mean_loss(rate: float, limit: float) -> float:
        total = 0.0
        for start in TUNING_STARTS:
            _, history = train_from(data, settings, batch_size, rate, start)
            total += math.inf if history.diverged else float(history.loss[-1])
            if total >= limit * len(TUNING_STARTS):
                return math.inf
        return total / len(TUNING_STARTS)

    best, costs = tuning.best_rate(mean_loss)
    row = {"kind": "tuning", "problem": problem, "batch_size": batch_size, "learning_rate": best}
    return [row | {"rates": list(costs), "losses": list(costs.values())}]


def end_rows(data: Dataset, settings: Settings, problem: str, start: int, arms: list[list]) -> list[dict]:
    """Where each of the arms [name, batch size, learning rate] ends from one start; no rate: descent alone."""
    data, settings = pose(problem, data, settings)
    frequencies = np.bincount(data.y_train) / len(data.y_train)
    row = {"kind": "end", "problem": problem, "start": start, "m": len(data.y_train), "hidden": settings.hidden}
    row["guessing"] = float(scipy.stats.entropy(frequencies))
    ends: dict[tuple, dict] = {}  # the best rate may be that of the other arm as well
    rows = []
    for arm, batch_size, rate in arms:
        wide = tuple(WIDER * units for units in settings.hidden)
        here = replace(settings, hidden=wide) if arm == WIDE else settings
        key = (here.hidden, batch_size, rate)
        if key not in ends:
            ends[key] = end_of(data, here, batch_size, rate, start)
        rows.append(row | {"arm": arm, "batch_size": batch_size, "rate": rate} | ends[key])
    return rows


def end_of(data: Dataset, settings: Settings, batch_size: int | None, rate: float | None, start: int) -> dict:
    """Loss and sharpness where training ends, and the loss at the bottom below; in float64 but for the training."""
    model = sweep.make_model(data, settings, start)
    if batch_size is not None and rate is not None:
        model, history = train_from(data, settings, batch_size, rate, start)
        if history.diverged:
            return {"diverged": True}
    exact = sweep.make_model(data, settings, start, dtype="float64")
    exact.theta = model.theta
    X, y = exact.backend.asarray(data.X_train), exact.backend.asarray(data.y_train)
    end: dict[str, Any] = {"diverged": False, "trained_loss": exact.loss(X, y)}
    end["sharpness"] = curvature.largest_eigenvalue(exact, X, y) if rate is not None else None
    end["gradient"], end["fall"] = polish(exact, X, y)
    end["loss"], end["accuracy"] = exact.loss(X, y), exact.accuracy(X, y)
    return end


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    tasks = []
    for problem in PROBLEMS:
        _, posed = pose(problem, trials.data, settings)
        tasks += [{"problem": problem, "batch_size": size} for size in posed.batch_sizes]
    arms: dict[str, list[list]] = {problem: [[ALONE, None, None], [WIDE, None, None]] for problem in PROBLEMS}
    for row in trials.run(tuning_rows, settings, tasks):
        arms[row["problem"]].append([SAME, row["batch_size"], settings.learning_rate])
        if row["learning_rate"] is not None:
            arms[row["problem"]].append([BEST, row["batch_size"], row["learning_rate"]])
    starts = [
        {"problem": problem, "start": start, "arms": arms[problem]}
        for problem in reversed(PROBLEMS)  # the longest first, so that no worker is left with them at the end
        for start in range(settings.seeds)
    ]
    trials.run(end_rows, settings, starts)
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


# ---- verdict ---------------------------------------------------------------------------------------------------------


def judge(result: dict[str, Any]) -> dict[str, EndPoints]:
    """The end points of each problem that has any, by its name; the data's name is that of the data set."""
    found = {}
    for problem in PROBLEMS:
        rows = [row for row in result["rows"] if row["kind"] == "end" and row["problem"] == problem]
        if ends := end_points(rows):
            found[result["settings"].get("dataset", DATA) if problem == DATA else problem] = ends
    return found


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C5b: is full batch trapped more often than each smaller size, at the best rate of each?"""
    problems = judge(result)
    compared = {
        f"{name}, batch {size:,}": compare(ends, BEST, size) for name, ends in problems.items() for size in ends.smaller
    }
    level = SIGNIFICANT / max(1, len(compared))
    least = math.ceil(1 - math.log2(level))  # 2 · ½^least is the p of so many starts that all speak for the claim
    tests: dict[str, bool | None] = {}
    for arm, found in compared.items():
        worse = found.p_value < level and found.difference.estimate > 0
        tests[arm] = False if found.difference.high < MARGIN else True if worse else None
    evidence = {
        "full_batch_against": {
            arm: found.plain() | {"against_below": MARGIN, "for_if_p_below": level, "starts_to_be_for": least}
            for arm, found in compared.items()
        },
        "trapped_above": {name: {"loss": ends.bound, "best_known": ends.best} for name, ends in problems.items()},
        "base_rate": {name: asdict(ends.share(ALONE)) for name, ends in problems.items()},
        "base_rate_wide": {name: asdict(ends.share(WIDE)) for name, ends in problems.items()},
        "sharpness": {name: sharpness_of(ends) for name, ends in problems.items()},
    }  # fmt: skip
    differences = "; ".join(f"{arm}: {trapped_report.points(found.difference)}" for arm, found in compared.items())
    base, wide = (
        ", ".join(f"{100 * ends.share(arm).estimate:.0f} ({name})" for name, ends in problems.items())
        for arm in (ALONE, WIDE)
    )
    because = (
        "of 100 starts, each size at its best rate, full batch leaves so many more trapped than a smaller batch (95 % "
        f"interval; against the claim where it ends below {100 * MARGIN:.0f}): {differences}; and how often anyone is: "
        f"descent alone leaves {base} of 100 trapped, with {WIDER} times the units {wide}"
    )
    because = because if compared else "no smaller batch was compared with full batch"
    statement = "Full batches end in worse minima, which only the noise of small batches leaves."
    return {"C5b": results.claim(statement, results.decide(tests), because, evidence)}


def sharpness_of(ends: EndPoints) -> dict[str, dict[str, float]]:
    """Median λ and 2/η of each arm and batch size."""
    return {
        f"{arm}, batch {size:,}": {
            "lambda": median([row["sharpness"] for row in ended]), "two_over_eta": 2 / ended[0]["rate"]
        }
        for arm in (BEST, SAME)
        for size in ends.sizes
        if (ended := ends.ended(arm, size))
    }  # fmt: skip


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """Each problem's end points, then full batch against the smaller sizes."""
    problems, settings = judge(result), result["settings"]
    trained = f"trained for {settings['epochs']} epochs and {settings['updates']:,} updates at least, then polished"
    parts = [f"starts of each problem: {settings['seeds']}; every size {trained}"]
    parts += [trapped_report.ends_table(name, ends) for name, ends in problems.items()]
    return "\n\n".join([*parts, trapped_report.comparison_table(problems)])


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the three figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    problems, settings = judge(result), result["settings"]
    return [
        *plots.save(trapped_report.draw_trapped(problems, settings), folder, "trapped"),
        *plots.save(trapped_report.draw_minima(problems, settings), folder, "minima"),
        *plots.save(trapped_report.draw_sharpness(problems, settings), folder, "sharpness"),
    ]


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
