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

import argparse
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
from tqdm import tqdm

from minigrad import SGD, Dataset, LogisticRegression, get_backend, per_sample, train
from minigrad.model import Model

from .lab import commandline, plots, results, table, training_report
from .lab.statistics import Interval, mean_interval
from .lab.sweep import TUNING_SEEDS, Settings, choose_target, make_model, training_row, tuning_row
from .lab.timing import backends_here, timing_rows

NAME = "compare_gd_sgd"
SAME, TUNED = "same rate", "best rate"
SLOPE, SLOPE_MARGIN = 2.0, 0.05
IDENTITY_BOUND = 1e-12
PATH_ROWS = 600  # enough for a picture
IDENTITY_ROWS = 2000  # the sample gradients of more rows would not fit into memory for a large network


EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"batch_sizes": [1, 8, 64, 512, "all"], "epochs": 60, "seeds": 5, "repeats": 7},
    "quick": {"batch_sizes": [1, 64, "all"], "epochs": 20, "seeds": 3, "repeats": 3},
    "full": {"batch_sizes": [2**k for k in range(11)] + ["all"], "epochs": 200, "seeds": 20, "repeats": 15},
}


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
            train(model, X, y, optimizer=SGD(0.01), batch_size=min(16, len(X)), epochs=1)
        for batch_size in {*settings.batch_sizes, len(X)}:
            index = order[: min(batch_size, IDENTITY_ROWS)]
            rows.append(identity_row(model, X[index], y[index], seed, place))
    return rows


# ---- paths over a loss with two parameters ---------------------------------------------------------------------------


def path_rows(data: Dataset) -> list[dict]:
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


def run(data: Dataset, settings: Settings, rows: list[dict], show_progress: bool = False) -> dict[str, Any]:
    """Measure everything; `rows` grows by each finished measurement. Returns the result, a plain dict."""
    settings = replace(settings, target=settings.target or choose_target(data, settings))
    seeds, sizes = range(settings.seeds), settings.batch_sizes
    total = 1 + len(seeds) + len(backends_here(settings.backend)) + len(sizes) + 2 * len(seeds) * len(sizes)
    with tqdm(total=total, desc=NAME, disable=None if show_progress else True, leave=False) as progress:

        def keep(new: list[dict]) -> None:
            rows.extend(new)
            progress.update()

        keep(path_rows(data))
        for seed in seeds:
            keep(check_rows(data, settings, seed))
        for backend in backends_here(settings.backend):
            keep(timing_rows(data, settings, backend))
        rates: dict[tuple[str, int], float] = {(SAME, size): settings.learning_rate for size in sizes}
        for size in sizes:
            tuned = tuning_row(data, settings, size)
            keep([tuned])
            if tuned["learning_rate"] is not None:
                rates[TUNED, size] = tuned["learning_rate"]
        for seed in seeds:  # seeds outside, sizes inside: a slow minute of the machine hits all sizes
            for (arm, size), rate in rates.items():
                keep([training_row(data, settings, arm, size, rate, seed)])
    m, n = data.X_train.shape
    shape = {"rows": m, "features": n, "test_rows": len(data.X_test), "tuning_seeds": TUNING_SEEDS}
    backend = get_backend(settings.backend)
    used = asdict(settings) | shape | {"backend": backend.name}
    result: dict[str, Any] = {"experiment": NAME, "claims": {}, "rows": rows, "settings": used}
    result["environment"] = results.environment(backend)
    result["claims"]["C1"] = verdict(result)
    return result


def verdict(result: dict[str, Any]) -> dict[str, Any]:
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
    return results.claim(statement, decision, because, evidence)


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
    parser = commandline.parser(NAME, "Compare gradient descent, mini-batch and per-sample SGD (claim C1).")

    def defaults(name: str) -> str:
        """The default of a flag, and what --quick and --full make of it."""
        default, quick, full = (
            " ".join(map(str, value)) if isinstance(value, list) else value
            for value in (EFFORTS[effort][name] for effort in ("default", "quick", "full"))
        )
        return f"(default: {default}; with --quick {quick}; with --full {full})"

    training = parser.add_argument_group("training")
    training.add_argument("--model", choices=("logistic", "mlp"), default="logistic", help="(default: logistic)")
    training.add_argument("--hidden", metavar='"32"', type=commandline.sizes, default=[32],
                          help="units of each hidden layer of the MLP, or none (default: 32)")  # fmt: skip
    training.add_argument("--activation", choices=("tanh", "relu"), default="tanh", help="(default: tanh)")
    training.add_argument("--batch-sizes", metavar='"1 8 64 all"', type=commandline.batch_sizes,
                          help=f"batch sizes; all is the training set {defaults('batch_sizes')}")  # fmt: skip
    training.add_argument("--learning-rate", type=commandline.positive_number, default=0.1,
                          help="of the arm in which all have the same (default: 0.1)")  # fmt: skip
    training.add_argument("--epochs", type=commandline.count, help=f"epochs {defaults('epochs')}")
    training.add_argument(
        "--seeds", metavar="COUNT", type=commandline.count, help=f"runs of each setting {defaults('seeds')}"
    )
    training.add_argument("--target", type=commandline.positive_number,
                          help="training loss, in nats (default: what GD reaches in 2/3 of the epochs)")  # fmt: skip
    arguments = parser.parse_args(argv)

    def prepare(arguments: argparse.Namespace) -> tuple[Dataset, Settings]:
        effort = EFFORTS["quick" if arguments.quick else "full" if arguments.full else "default"]
        backend = get_backend(arguments.backend)
        data = commandline.load_data(arguments, binary=arguments.model == "logistic")
        n = len(data.X_train)
        guessing = math.log(data.n_classes)
        if len(np.unique(data.y_train)) < 2 or (data.X_train == data.X_train[0]).all():
            raise ValueError(f"{data.name!r} has one class, or no feature that varies, in training; expected more")
        if arguments.target is not None and arguments.target >= guessing:
            raise ValueError(
                f"--target is {arguments.target:g}; expected less than {guessing:.3g}, the loss of guessing"
            )
        wanted = arguments.batch_sizes or [size for size in effort["batch_sizes"] if size == "all" or size <= n]
        settings = Settings(
            dataset=data.name, model=arguments.model, hidden=tuple(arguments.hidden),
            activation=arguments.activation,
            batch_sizes=tuple(commandline.resolve_batch_sizes(wanted, n)), learning_rate=arguments.learning_rate,
            epochs=arguments.epochs or effort["epochs"], seeds=arguments.seeds or effort["seeds"],
            target=arguments.target, repeats=effort["repeats"], backend=backend.name, dtype=arguments.dtype,
        )  # fmt: skip
        make_model(data, settings, seed=0)  # a network that does not fit into memory is refused here
        return data, settings

    def finish(result: dict[str, Any], folder: Path, quiet: bool) -> list[Path]:
        paths = [results.write_json(folder / "result.json", result), *plot(result, folder)]
        if not quiet:
            print(tables(result))
        claim = result["claims"]["C1"]
        print(f"\n{claim['statement']}\nC1 {claim['verdict']}: {claim['because']}.\n")
        return paths

    return commandline.run_experiment(
        NAME, arguments, prepare, lambda inputs, rows: run(inputs[0], inputs[1], rows, not arguments.quiet), finish
    )


if __name__ == "__main__":
    raise SystemExit(main())
