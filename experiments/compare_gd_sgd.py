"""C1: gradient descent makes one update from all samples; SGD makes one after each, from ever newer parameters.

Three questions, on real data of m samples. g_i is the gradient of sample i, H_i its Hessian, G and H are their means,
B is the batch size, η the learning rate.

1. Is the gradient of a batch the mean of its samples' gradients?  ‖G_B − (1/B) Σ g_i‖ must be rounding,
   1e-12 of mean‖g_i‖.
2. How far apart are m updates one after the other, each with a step η/m, and one update with a step η?  Expanding
   each g_i about the old parameters, θ_SGD − θ_GD = (η/m)² Σ_i H_i Σ_{j<i} g_j + O(η³), whose mean over all orders of
   the samples is ½ η² H G but for terms 1/m: it falls as η², and ½ η² ‖H G‖ long.  A slope that differs from 2, or
   another size, would refute it. The expansion needs a loss with two derivatives: hence tanh for the MLP. With relu
   a sample that crosses a kink jumps, and at --activation relu the slope shows it.
3. What does that do to training?  Gradient descent, mini-batch and SGD against updates, sample gradients and seconds:
   at one learning rate for all, and at the best of a grid for each.

Loss and gradient are means over the batch. The article *sums* the updates instead: then one epoch of SGD and one step
of gradient descent at the same η move about equally far; with means, SGD moves up to m times as far.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from minigrad import SGD, Dataset, LogisticRegression, per_sample
from minigrad.model import Model

from .lab import experiment, plots, results, table, training_report
from .lab.statistics import Interval, mean_interval
from .lab.sweep import Settings, make_model, target_rows, training_rows, tuning_rows
from .lab.timing import backends_here, timing_rows
from .lab.training import train
from .lab.trials import Trials

NAME = "compare_gd_sgd"
SAME, TUNED = "same rate", "best rate"
SLOPE, SLOPE_MARGIN = 2.0, 0.05
IDENTITY_BOUND = 1e-12
PATH_ROWS = 600  # enough for a picture
IDENTITY_ROWS = 2000  # the sample gradients of more rows would not fit into memory for a large network

FLAGS = ("model", "hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds", "target")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"model": "logistic", "batch_sizes": [1, 8, 64, 512, "all"], "epochs": 60, "seeds": 5, "repeats": 7},
    "quick": {"model": "logistic", "batch_sizes": [1, 64, "all"], "epochs": 20, "seeds": 3, "repeats": 3},
    "full": {
        "model": "logistic", "batch_sizes": [2**k for k in range(11)] + ["all"], "epochs": 200, "seeds": 20,
        "repeats": 15,
    },
}  # fmt: skip


# ---- claim C1 ------------------------------------------------------------------------------------------------------


def identity_row(model: Model, X: Any, y: Any, seed: int, place: str) -> dict:
    """How far the gradient of this batch is from the mean of its samples' gradients, over the mean length of those."""
    xp = model.xp
    sample_gradients = model.sample_gradients(X, y)
    difference = model.gradient(X, y) - sample_gradients.mean(axis=0)
    scale = xp.sqrt((sample_gradients**2).sum(axis=1)).mean()
    length, scale = float(xp.linalg.norm(difference)), float(scale)
    error = length / scale if scale > 0 else math.inf * length if length else 0.0
    return {"kind": "identity", "seed": seed, "place": place, "batch_size": len(X), "relative_error": error}


def epoch_against_step_rows(model: Model, X: Any, y: Any, seed: int) -> list[dict]:
    """One epoch of SGD against one step of gradient descent from the same parameters, at several rates.

    Kind "epoch": SGD at η/m against the step η. Kind "sum": both at the same η, the step by the mean and by the sum.
    """
    xp, m = model.xp, len(X)
    start, G = model.theta.copy(), model.gradient(X, y)
    order = np.random.default_rng(seed).permutation(m)
    G_norm = float(xp.linalg.norm(G))

    def gradient_at(theta: Any) -> Any:
        model.theta = theta
        return model.gradient(X, y)

    def epoch_of_sgd(rate: float) -> Any:
        model.theta = start
        per_sample.fast_epoch(model, X, y, order, rate)
        return model.theta.copy()

    if G_norm == 0:
        return []  # at an optimum nothing moves, and there is nothing to compare
    # H G by central differences of the gradient along G
    epsilon = 1e-5 * max(1.0, float(xp.linalg.norm(start))) / G_norm
    HG = (gradient_at(start + epsilon * G) - gradient_at(start - epsilon * G)) / (2 * epsilon)
    HG_norm = float(xp.linalg.norm(HG))
    rows: list[dict] = []
    for eta in (G_norm / HG_norm) * np.geomspace(1e-3, 1e-1, 7):  # in units of 1/curvature, so that any data will do
        distance = float(xp.linalg.norm(epoch_of_sgd(float(eta) / m) - (start - float(eta) * G)))
        predicted = 0.5 * eta**2 * HG_norm
        rows.append({"kind": "epoch", "seed": seed, "eta": eta, "distance": distance, "predicted": predicted})
    for eta in (1e-4, 1e-3, 1e-2, 1e-1):
        moved = float(xp.linalg.norm(epoch_of_sgd(eta) - start))
        by_mean, by_sum = moved / (eta * G_norm), moved / (m * eta * G_norm)
        rows.append({"kind": "sum", "seed": seed, "eta": eta, "sgd_over_mean": by_mean, "sgd_over_sum": by_sum})
    model.theta = start
    return rows


def check_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """Everything that claim C1 is judged by, for one seed; in float64 whatever the training's dtype."""
    model = make_model(data, settings, seed, dtype="float64")
    X, y = model.backend.asarray(data.X_train), model.backend.asarray(data.y_train)
    rows = epoch_against_step_rows(model, X, y, seed)
    order = model.backend.asarray(np.random.default_rng(seed).permutation(len(data.X_train)))
    for place in ("start", "after an epoch"):
        if place == "after an epoch":
            train(model, X, y, optimizer=SGD(0.01), batch_size=min(16, len(X)), epochs=1, shuffle=False)
        for batch_size in {*settings.batch_sizes, len(X)}:
            index = order[: min(batch_size, IDENTITY_ROWS)]
            rows.append(identity_row(model, X[index], y[index], seed, place))
    return rows


# ---- paths over a loss with two parameters ---------------------------------------------------------------------------


def path_rows(data: Dataset, settings: Settings) -> list[dict]:
    """Logistic regression on one feature, so that theta = (w, b) can be drawn: three methods, one rate, three epochs.

    The feature is the projection of a sample on the line between the two classes' means, standardised and shifted by
    one so that w and b are not independent of each other and the contours are not circles.
    """
    y = data.y_train > data.y_train.min()  # the labels themselves, or the first class against the rest
    x = data.X_train @ (data.X_train[y].mean(axis=0) - data.X_train[~y].mean(axis=0))
    x = ((x - x.mean()) / (x.std() or 1.0) + 1)[:, None]
    x, y = x[:PATH_ROWS], y[:PATH_ROWS]
    rows: list[dict] = []
    for batch_size in sorted({len(x), min(32, len(x)), 1}, reverse=True):
        model = LogisticRegression(1)
        model.theta[:] = (-1.0, 2.0)
        thetas: list[list[float]] = []

        def remember(model: Model, _: dict, thetas: list = thetas) -> None:
            thetas.append(model.theta.tolist())

        train(
            model, x, y, optimizer=SGD(0.5), batch_size=batch_size, epochs=3, rng=np.random.default_rng(0),
            evaluate_every=1, callback=remember,
        )  # fmt: skip
        rows.append({"kind": "path", "batch_size": batch_size, "n": len(x), "eta": 0.5, "theta": thetas})
    everything = np.concatenate([row["theta"] for row in rows])
    low, high = everything.min(axis=0) - 0.4, everything.max(axis=0) + 0.4
    w, b = np.linspace(low[0], high[0], 50), np.linspace(low[1], high[1], 50)
    model, loss = LogisticRegression(1), np.empty((50, 50))
    for i, j in np.ndindex(loss.shape):
        model.theta[:] = (w[j], b[i])
        loss[i, j] = model.loss(x, y)
    rows.append({"kind": "surface", "w": w, "b": b, "loss": loss})
    return rows


# ---- run, verdict ----------------------------------------------------------------------------------------------------


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    seeds, sizes = range(settings.seeds), settings.batch_sizes
    trials.run(path_rows, settings, [{}])
    trials.run(check_rows, settings, [{"seed": seed} for seed in seeds])
    [target] = trials.run(target_rows, settings, [{}])
    settings = replace(settings, target=target["loss"])
    tuned = trials.run(tuning_rows, settings, [{"batch_size": size} for size in sizes])
    for backend in backends_here(settings.backend):
        trials.run(timing_rows, replace(settings, backend=backend), [{}], timed=True)
    rates = {(SAME, size): settings.learning_rate for size in sizes}
    rates |= {(TUNED, row["batch_size"]): row["learning_rate"] for row in tuned if row["learning_rate"] is not None}
    runs = [
        {"arm": arm, "batch_size": size, "rate": rate, "seed": seed}
        for seed in seeds  # seeds outside, sizes inside: a slow minute of the machine hits all sizes
        for (arm, size), rate in rates.items()
    ]
    trials.run(training_rows, settings, runs, timed=True)
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C1 by the rows of a result: the identity, the slope, and the size of the difference."""

    def of_kind(kind: str) -> list[dict]:
        return [row for row in result["rows"] if row["kind"] == kind]

    errors = [row["relative_error"] for row in of_kind("identity")]
    error = max(errors, key=lambda e: math.inf if math.isnan(e) else e, default=math.nan)
    refuted = any(e > IDENTITY_BOUND for e in errors)
    confirmed = bool(errors) and all(e <= IDENTITY_BOUND for e in errors)
    by_seed: dict[int, list[dict]] = {}
    for row in of_kind("epoch"):
        by_seed.setdefault(row["seed"], []).append(row)
    slopes, ratios = [], []
    for rows in by_seed.values():
        eta, distance = (np.array([row[name] for row in rows]) for name in ("eta", "distance"))
        slopes.append(scipy.stats.linregress(np.log(eta), np.log(distance)).slope)
        ratios.append(rows[0]["distance"] / rows[0]["predicted"])  # at the smallest rate
    slope = mean_interval(slopes) if slopes else Interval(math.nan, -math.inf, math.inf)
    ratio = mean_interval(ratios) if ratios else Interval(math.nan, -math.inf, math.inf)
    slope_range = (SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN)
    if refuted or slope.outside(*slope_range) or ratio.outside(0.5, 2.0):
        decision = "does not hold"
    elif confirmed and slope.within(*slope_range) and ratio.within(0.5, 2.0):
        decision = "holds"
    else:
        decision = "undecided"
    sums = of_kind("sum")
    because = (
        f"a batch's gradient differs from the mean of its samples' by at most {error:.1e} of their mean length (bound "
        f"{IDENTITY_BOUND:.0e}); the distance from an epoch of SGD at η/m to a step of GD at η grows as "
        f"η^{slope.estimate:.3f} ({slope.text(3)}, bound {slope_range[0]} to {slope_range[1]}), and "
        f"at the smallest η it is {ratio.estimate:.2f} times ½η²‖HG‖ ({ratio.text(2)}, bound 0.5 to 2)"
    )
    evidence = {
        "identity_relative_error": {"max": error, "checks": len(of_kind("identity")), "bound": IDENTITY_BOUND},
        "slope": asdict(slope) | {"seeds": len(slopes), "bound": slope_range},
        "distance_over_half_eta2_HG": asdict(ratio) | {"bound": (0.5, 2.0)},
        "sgd_epoch_over_gd_step_at_eta": {
            f"{eta:g}": {
                name: asdict(mean_interval([row[name] for row in sums if row["eta"] == eta]))
                for name in ("sgd_over_mean", "sgd_over_sum")
            }
            for eta in sorted({row["eta"] for row in sums})
        },
    }
    statement = (
        "Gradient descent makes one update from all samples at the old parameters; SGD makes m, each from newer ones."
    )
    return {"C1": results.claim(statement, decision, because, evidence)}


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The result as text: an arm a table, then the cost of a sample gradient, then what summing would do."""
    settings = result["settings"]
    titles = {
        SAME: f"the same learning rate for all, {settings['learning_rate']:g}",
        TUNED: "the best learning rate of a grid for each batch size",
    }
    parts = [training_report.headline(settings)]
    parts += [training_report.training_table(result, arm, title) for arm, title in titles.items()]
    parts.append(training_report.cost_table(result))
    parts.append("At one learning rate η for both, an epoch of SGD moves this many times as far as a step of GD")
    lines = [
        [eta, *(table.number(ratios[name]["estimate"]) for name in ("sgd_over_mean", "sgd_over_sum"))]
        for eta, ratios in result["claims"]["C1"]["evidence"]["sgd_epoch_over_gd_step_at_eta"].items()
    ]
    parts.append(table.render(["η", "step by the mean (ours)", "step by the sum (the article)"], lines))
    return "\n\n".join(parts)


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the four figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    settings = result["settings"]
    arms = {SAME: f"one learning rate for all: η = {settings['learning_rate']:g}", TUNED: "the best rate for each"}
    return [
        *plots.save(training_report.draw_training(result, arms), folder, "training"),
        *plots.save(draw_paths(result), folder, "paths"),
        *plots.save(draw_slope(result), folder, "slope"),
        *plots.save(training_report.draw_cost(result), folder, "cost"),
    ]


def draw_paths(result: dict[str, Any]) -> Any:
    """The way of three methods over the loss of a logistic regression with two parameters."""
    surface = next(row for row in result["rows"] if row["kind"] == "surface")
    paths = [row for row in result["rows"] if row["kind"] == "path"]
    fig, axes = plots.figure(1, 3, 13, 4.6, sharex=True, sharey=True)
    loss = np.array(surface["loss"])
    levels = np.geomspace(loss.min() * 1.002, loss.max(), 16)
    lowest = np.unravel_index(loss.argmin(), loss.shape)
    for axis, row in zip(axes[0], paths):
        theta = np.array(row["theta"])
        lines = axis.contour(surface["w"], surface["b"], loss, levels, colors="0.7", linewidths=1)
        axis.clabel(lines, lines.levels[2::4], fmt="%.2f", fontsize=8)
        thin = row["batch_size"] == 1
        colour = plots.batch_colour(row["batch_size"], row["n"])
        axis.plot(*theta.T, "-" if thin else "o-", color=colour, lw=0.8 if thin else 1.5, ms=3.5)
        axis.plot(*theta[0], "s", color="black", ms=8)
        axis.plot(surface["w"][lowest[1]], surface["b"][lowest[0]], "*", color="crimson", ms=14)
        name = {row["n"]: "gradient descent", 1: "SGD"}.get(row["batch_size"], "mini-batch")
        axis.set_title(f"{name}: batch {row['batch_size']:,}, {len(theta) - 1:,} updates", loc="left")
        axis.set_xlabel("weight w")
    axes[0][0].set_ylabel("bias b")
    fig.suptitle(f"Three epochs, η = {paths[0]['eta']:g} for all: ■ start, ★ minimum, lines of equal log loss (nats)")
    return fig


def draw_slope(result: dict[str, Any]) -> Any:
    """The distance between an epoch of SGD and a step of gradient descent; and what the sum changes."""
    fig, [[left, right]] = plots.figure(1, 2, 12, 4.8)
    rows = [row for row in result["rows"] if row["kind"] == "epoch"]
    eta, distance = ([row[name] for row in rows] for name in ("eta", "distance"))
    left.plot(eta, distance, "o", color="C0", alpha=0.6, label="measured, every seed")
    for seed in sorted({row["seed"] for row in rows}):
        line = [(row["eta"], row["predicted"]) for row in rows if row["seed"] == seed]
        left.plot(*zip(*line), "k--", lw=1, label=None if seed else "predicted: ½ η² ‖H G‖")
    left.set(xscale="log", yscale="log", xlabel="learning rate η", ylabel="‖SGD epoch at η/m − GD step at η‖")
    slope = result["claims"]["C1"]["evidence"]["slope"]
    interval = Interval(*(slope[name] for name in ("estimate", "low", "high"))).text(3)
    left.set_title(f"slope {slope['estimate']:.3f} ({interval})", loc="left")
    left.legend()
    sums = [row for row in result["rows"] if row["kind"] == "sum"]
    eta = [row["eta"] for row in sums]
    right.plot(eta, [row["sgd_over_mean"] for row in sums], "o", ms=8, label="GD steps by the mean (ours)")
    right.plot(eta, [row["sgd_over_sum"] for row in sums], "s", ms=8, label="GD steps by the sum (the article)")
    for height, name in ((result["settings"]["rows"], "m"), (1, "equally far")):
        right.axhline(height, color="black", lw=1, ls="--")
        right.annotate(name, (1, height), xycoords=("axes fraction", "data"), va="bottom", ha="right")
    right.set(xscale="log", yscale="log", xlabel="learning rate η, the same for both")
    right.set_ylabel("length of an SGD epoch / of a GD step")
    right.set_title("how much farther an epoch of SGD moves", loc="left")
    right.legend(loc="center left")
    for axis in (left, right):
        axis.minorticks_off()
    return fig


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
