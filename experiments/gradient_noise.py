"""C2: the gradient of a batch of n samples spreads by 1/√n about the gradient of all, and costs n.

Draw many batches of n samples at fixed parameters: how far is the gradient of a batch from that of all N?

    g_i   gradient of sample i                      n   samples in a batch
    G     mean of all g_i                           N   samples in all
    g_B   mean of the g_i of a batch                Σ   covariance of the g_i, with divisor N

    spread(n) = √E‖g_B − G‖² = √(tr Σ / n)                          samples drawn independently, with replacement
                             = √(tr Σ / n) · √((N − n)/(N − 1))     drawn without replacement (Cochran, Sampling
                                                                    Techniques, 3rd edition, theorem 2.2)

Both follow from the variance of a mean alone, D[X̄] = σ²/n, so they must be met at the start, in the middle and at the
end of training: the log of the spread against log n has the slope −1/2, and the level is √tr Σ, which `gradient_noise`
computes in one pass. A slope outside −0.5 ± 0.02 or a level off by 5 % would refute the claim. The control has to fail:
batches cut from data ordered by class are no random samples, and their spread falls more slowly.

That a batch costs n sample gradients is so by definition; what it costs in seconds is `throughput`'s question.
Along a run both tr Σ and ‖G‖² fall; the noise scale tr Σ/‖G‖², the batch size at which noise and gradient are equally
long, is drawn beside (McCandlish et al., arXiv:1812.06162, find that it grows).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from minigrad import SGD, Dataset, History, gradient_noise
from minigrad.model import Model

from .lab import experiment, plots, results, sweep, table
from .lab.statistics import Interval, mean_interval
from .lab.training import train
from .lab.trials import Trials

NAME = "gradient_noise"
SLOPE, SLOPE_MARGIN = -0.5, 0.02
LEVEL_MARGIN = 0.05
PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}  # of training, as a share of its epochs
INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS = "independent", "without replacement", "ordered by class"
TRAINING_BATCH = 32
ENOUGH = 32  # smaller batches are drawn more often: late in training a few samples make up most of tr Σ

FLAGS = ("model", "hidden", "activation", "batch-sizes", "learning-rate", "epochs", "seeds")
EFFORTS: dict[str, dict[str, Any]] = {
    "default": {"batch_sizes": [2**k for k in range(17)] + ["all"], "epochs": 20, "seeds": 5, "draws": 300},
    "quick": {"batch_sizes": [4**k for k in range(9)] + ["all"], "epochs": 4, "seeds": 3, "draws": 40},
    "full": {"batch_sizes": [2**k for k in range(17)] + ["all"], "epochs": 200, "seeds": 20, "draws": 1000},
}


@dataclass(frozen=True)
class Settings(sweep.Settings):
    """As for every experiment, and how many batches are drawn at each size, at the least."""

    draws: int = 200


# ---- measurement -----------------------------------------------------------------------------------------------------


def spread_rows(data: Dataset, settings: Settings, seed: int, place: str) -> list[dict]:
    """The spread of the batch gradient for every n and each way of drawing, at one place of one training run."""
    model = sweep.make_model(data, settings, seed)
    epochs = math.ceil(PLACES[place] * settings.epochs)
    if epochs:
        train_on(model, data, settings, epochs, seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)
    noise = gradient_noise(model, X, y)
    rng = np.random.default_rng(seed)
    rows = []
    for n in settings.batch_sizes:
        for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS):
            squares = [
                distance_squared(model, X, y, draw(rng, data.y_train, n, sampling), noise.mean)
                for _ in range(settings.draws * max(1, ENOUGH // n))
            ]
            rows.append({
                "kind": "spread", "seed": seed, "place": place, "sampling": sampling, "batch_size": n,
                "N": len(data.y_train), "spread": math.sqrt(np.mean(squares)), "trace": noise.trace,
            })  # fmt: skip
    return rows


def draw(rng: np.random.Generator, y: np.ndarray, n: int, sampling: str) -> np.ndarray:
    """The indices of a batch of n of the samples with labels y."""
    N = len(y)
    if sampling == INDEPENDENT:
        return rng.integers(N, size=n)
    if sampling == WITHOUT_REPLACEMENT:
        return rng.choice(N, size=n, replace=False)
    by_class = np.argsort(y, kind="stable")  # n neighbours from a random place on; the end joins the start
    return by_class[(rng.integers(N) + np.arange(n)) % N]


def distance_squared(model: Model, X: Any, y: Any, index: np.ndarray, G: Any) -> float:
    """‖g_B − G‖² of the batch with these indices."""
    rows = model.backend.asarray(index)
    difference = model.gradient(X[rows], y[rows]) - G
    return float(difference @ difference)


def run_rows(data: Dataset, settings: Settings, seed: int) -> list[dict]:
    """tr Σ, ‖G‖² and the loss along one training run, after 0, 1, 2, 4, … updates and at its end."""
    rows: list[dict] = []
    model = sweep.make_model(data, settings, seed)
    X, y = model.backend.asarray(data.X_train, model.dtype), model.backend.asarray(data.y_train)

    def measure(updates: int, loss: float) -> None:
        here = gradient_noise(model, X, y)
        rows.append({
            "kind": "run", "seed": seed, "updates": updates, "loss": loss, "trace": here.trace,
            "square_norm": float(here.mean @ here.mean), "noise_scale": here.noise_scale,
        })  # fmt: skip

    def measure_at_powers_of_two(_: Model, row: dict) -> None:
        if not rows or row["updates"] >= 2 * rows[-1]["updates"]:
            measure(row["updates"], row["loss"])

    history = train_on(model, data, settings, settings.epochs, seed, callback=measure_at_powers_of_two)
    if history.updates[-1] > rows[-1]["updates"]:
        measure(int(history.updates[-1]), float(history.loss[-1]))
    return rows


def train_on(model: Model, data: Dataset, settings: Settings, epochs: int, seed: int, callback: Any = None) -> History:
    """Mini-batch SGD, the same for every measurement of a seed."""
    m = len(data.X_train)
    batch_size = min(TRAINING_BATCH, m)
    return train(
        model, data.X_train, data.y_train, optimizer=SGD(settings.learning_rate), batch_size=batch_size, epochs=epochs,
        rng=np.random.default_rng(seed), drop_last=True, callback=callback,
        evaluate_every=batch_size if callback else 0,
    )  # fmt: skip


def run(trials: Trials, settings: Settings) -> dict[str, Any]:
    """Measure everything, and judge it. Returns the result, a plain dict."""
    seeds = range(settings.seeds)
    trials.run(run_rows, settings, [{"seed": seed} for seed in seeds])
    trials.run(spread_rows, settings, [{"seed": seed, "place": place} for seed in seeds for place in PLACES])
    result = experiment.result_of(NAME, trials, settings)
    result["claims"] = verdict(result)
    return result


# ---- verdict ---------------------------------------------------------------------------------------------------------


def predicted(row: dict) -> float:
    """The spread that sampling theory gives for a row: √(tr Σ / n), and the finite population's factor."""
    n, N = row["batch_size"], row["N"]
    share = (N - n) / (N - 1) if row["sampling"] == WITHOUT_REPLACEMENT and N > 1 else 1.0
    return math.sqrt(row["trace"] / n * share)


def fits(rows: Sequence[dict], place: str, sampling: str) -> dict[str, Interval]:
    """Slope of the log spread over log n, and its level over the prediction: means over the seeds.

    The slope of draws without replacement is that of the spread over √((N − n)/(N − 1)).
    """
    slopes, levels = [], []
    for seed in sorted({row["seed"] for row in rows}):
        mine = [
            row
            for row in rows
            if (row["seed"], row["place"], row["sampling"]) == (seed, place, sampling)
            and row["batch_size"] < row["N"]
            and row["spread"]
            and row["trace"]
        ]
        if len(mine) < 2:
            continue
        n = np.log([row["batch_size"] for row in mine])
        ratio = np.log([row["spread"] / predicted(row) for row in mine])  # flat, where the prediction is right
        slopes.append(SLOPE + scipy.stats.linregress(n, ratio).slope)
        levels.append(math.exp(ratio.mean()))
    nothing = Interval(math.nan, -math.inf, math.inf)
    return {
        "slope": mean_interval(slopes) if slopes else nothing,
        "level": mean_interval(levels) if levels else nothing,
    }


def verdict(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Judge claim C2: slope and level for both ways of drawing at each place; and the control, which has to fail."""
    rows = [row for row in result["rows"] if row["kind"] == "spread"]
    bounds = (SLOPE - SLOPE_MARGIN, SLOPE + SLOPE_MARGIN)
    tests: dict[str, bool | None] = {}
    evidence: dict[str, Any] = {}
    for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT):
        for place in PLACES:
            fit = fits(rows, place, sampling)
            arm = f"{sampling}, {place}"
            tests[f"slope, {arm}"] = fit["slope"].inside(*bounds)
            tests[f"level, {arm}"] = fit["level"].inside(1 - LEVEL_MARGIN, 1 + LEVEL_MARGIN)
            evidence[arm] = {
                "slope": asdict(fit["slope"]) | {"bound": bounds},
                "spread_over_prediction": asdict(fit["level"]) | {"bound": (1 - LEVEL_MARGIN, 1 + LEVEL_MARGIN)},
            }
    controls = {place: fits(rows, place, BY_CLASS)["slope"] for place in PLACES}
    evidence[BY_CLASS] = {place: asdict(slope) | {"must_be_above": bounds[1]} for place, slope in controls.items()}
    growth = noise_growth(result)
    evidence["noise_scale_end_over_start"] = asdict(growth)
    decision, failed = results.decide(tests), ""
    if decision == "holds" and not all(slope.low > bounds[1] for slope in controls.values()):
        decision, failed = "undecided", "; which does not fail, so that nothing is confirmed"
    slopes = [evidence[f"{INDEPENDENT}, {place}"]["slope"] for place in PLACES]
    against = [name for name, outcome in tests.items() if outcome is False]
    because = (
        "the spread of independently drawn batches falls as n to the "
        + ", ".join(f"{slope['estimate']:.3f} ({place})" for place, slope in zip(PLACES, slopes))
        + f", bound {bounds[0]:g} to {bounds[1]:g}; of {len(tests)} slopes and levels, with replacement and without, "
        f"{sum(outcome is True for outcome in tests.values())} lie within their bounds"
        + (f" and these do not: {'; '.join(against)}" if against else "")
        + f"; batches ordered by class, the control, fall as n to the {controls['start'].estimate:.2f} at the start"
        + f"{failed}; "
        f"along the run the noise scale becomes {growth.estimate:.3g} times as large"
    )
    statement = "The gradient of a batch of n samples spreads as 1/√n about the gradient of all."
    return {"C2": results.claim(statement, decision, because, evidence)}


def noise_growth(result: dict[str, Any]) -> Interval:
    """The noise scale at the end of a run over that at its start: geometric mean over the seeds, and its interval."""
    logs = []
    runs = [row for row in result["rows"] if row["kind"] == "run"]
    for seed in sorted({row["seed"] for row in runs}):
        scales = [row["noise_scale"] for row in runs if row["seed"] == seed]
        if scales[0] and scales[-1] and math.isfinite(scales[0]) and math.isfinite(scales[-1]):
            logs.append(math.log(scales[-1] / scales[0]))
    if not logs:
        return Interval(math.nan, -math.inf, math.inf)
    mean = mean_interval(logs)
    return Interval(math.exp(mean.estimate), math.exp(mean.low), math.exp(min(mean.high, 700.0)))


# ---- what a reader sees ----------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """Slope and level of each arm, and the noise scale along the run."""
    settings, rows = result["settings"], [row for row in result["rows"] if row["kind"] == "spread"]
    lines = []
    for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS):
        for place in PLACES:
            fit = fits(rows, place, sampling)
            cells = [f"{fit[name].estimate:.3f} ({fit[name].text(3)})" for name in ("slope", "level")]
            lines.append([f"{sampling}, {place}", *cells])
    head = (
        f"{settings['model']} on {settings['dataset']}: {settings['rows']:,} training rows, {settings['seeds']} seeds, "
    )
    head += f"at least {settings['draws']} batches of each size"
    parts = [head, table.render(["batches drawn", "slope of the spread", "spread / prediction"], lines)]
    lines = [
        [f"{updates:,}", *(table.median_and_range([_or_endless(row[name]) for row in runs]) for name in RUN_COLUMNS)]
        for updates, runs in by_updates(result).items()
    ]
    parts.append(table.render(["updates", "loss", "tr Σ", "‖G‖²", "noise scale"], lines))
    return "\n\n".join(parts)


def _or_endless(value: float | None) -> float:
    return math.inf if value is None else value


RUN_COLUMNS = ("loss", "trace", "square_norm", "noise_scale")


def by_updates(result: dict[str, Any]) -> dict[int, list[dict]]:
    """The rows of the training runs: {updates: a row a seed}."""
    rows: dict[int, list[dict]] = {}
    for row in result["rows"]:
        if row["kind"] == "run":
            rows.setdefault(row["updates"], []).append(row)
    return rows


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the two figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    return [
        *plots.save(draw_spread(result), folder, "spread"),
        *plots.save(draw_noise_scale(result), folder, "noise_scale"),
    ]


def draw_spread(result: dict[str, Any]) -> Any:
    """Spread against n, measured and predicted; a panel for random batches, a panel for the control."""
    rows = [row for row in result["rows"] if row["kind"] == "spread"]
    fig, [[left, right]] = plots.figure(1, 2, 13, 5.4, sharex=True, sharey=True)
    for index, place in enumerate(PLACES):
        for axis, sampling, filled in (
            (left, INDEPENDENT, True), (left, WITHOUT_REPLACEMENT, False), (right, BY_CLASS, True),
        ):  # fmt: skip
            mine = [row for row in rows if (row["place"], row["sampling"]) == (place, sampling)]
            draw_arm(axis, mine, f"C{index}", plots.MARKERS[index], filled, place)
    sizes = [row["batch_size"] for row in rows]
    left.plot([], [], "k-", lw=1.2, label="theory: √(tr Σ / n)")
    left.plot([], [], "k--", lw=1.2, label="theory: … · √((N − n)/(N − 1))")
    left.plot([], [], "o", color="0.4", label="drawn with replacement")
    left.plot([], [], "o", color="0.4", mfc="none", label="without replacement")
    left.set(yscale="log", ylabel="spread of the batch gradient, √E‖g − G‖²")
    left.set_title("random batches follow the theory", loc="left")
    right.set_title("control: batches ordered by class do not", loc="left")
    for axis in (left, right):
        plots.batch_axis(axis, sizes)
        axis.set_xlabel("samples in a batch, n")
        axis.legend(fontsize=9, loc="lower left")
    spreads = [row["spread"] for row in rows if row["sampling"] == INDEPENDENT and row["spread"]] or [1.0]
    left.set_ylim(min(spreads) / 4, 2 * max(spreads))
    return fig


def draw_arm(axis: Any, rows: list[dict], colour: str, marker: str, filled: bool, place: str) -> None:
    """One place of training and one way of drawing: measured over the seeds, and the line of the theory."""
    sizes = sorted({row["batch_size"] for row in rows if row["spread"]})
    if not sizes:
        return
    spreads = [[row["spread"] for row in rows if row["batch_size"] == n and row["spread"]] for n in sizes]
    middle = np.array([np.mean(values) for values in spreads])
    error = [middle - [min(values) for values in spreads], [max(values) for values in spreads] - middle]
    slope = fits(rows, place, rows[0]["sampling"])["slope"]
    axis.errorbar(
        sizes, middle, yerr=error, fmt=marker, color=colour, mfc=colour if filled else "none", ms=7, capsize=3,
        label=f"{place} of training: slope {slope.estimate:.2f}" if filled else None,
    )  # fmt: skip
    trace = float(np.mean([row["trace"] for row in rows]))
    N = rows[0]["N"]
    n = np.geomspace(1, N, 200)
    without = rows[0]["sampling"] == WITHOUT_REPLACEMENT
    theory = [predicted(rows[0] | {"batch_size": size, "trace": trace}) for size in n]
    axis.plot(n, theory, "--" if without else "-", color=colour, lw=1.2)


def draw_noise_scale(result: dict[str, Any]) -> Any:
    """tr Σ, ‖G‖² and their ratio along the run, the range over the seeds shaded."""
    fig, [[left, right]] = plots.figure(1, 2, 13, 4.8)
    rows = by_updates(result)
    x = [updates + 1 for updates in rows]  # the start would have no place on a log axis
    panels = ((left, "trace", "tr Σ, the noise of one sample", 0), (left, "square_norm", "‖G‖²", 1),
              (right, "noise_scale", "noise scale tr Σ / ‖G‖²", 2))  # fmt: skip
    for axis, name, label, index in panels:
        values = [[row[name] for row in runs if row[name] is not None] or [math.nan] for runs in rows.values()]
        axis.fill_between(x, [min(v) for v in values], [max(v) for v in values], color=f"C{index}", alpha=0.2, lw=0)
        axis.plot(x, [np.median(v) for v in values], marker=plots.MARKERS[index], color=f"C{index}", label=label)
    for axis in (left, right):
        axis.set(xscale="log", yscale="log", xlabel=f"1 + updates of training at batch size {TRAINING_BATCH}")
        for which in (axis.xaxis, axis.yaxis):
            which.set_major_formatter(plots.plain_number)
        axis.legend()
    left.set_ylabel("squared length of a gradient")
    right.set_ylabel("samples")
    left.set_title("along a run both the noise and the gradient shrink", loc="left")
    right.set_title("the batch size at which noise and gradient are equally long", loc="left")
    return fig


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return experiment.main(sys.modules[__name__], argv)


if __name__ == "__main__":
    raise SystemExit(main())
