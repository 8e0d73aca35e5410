"""C1 as tables and figures: training, its cost, and the paths of three methods."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ..lab import plots
from ..lab.facts import base_rate_of
from ..lab.results import frame
from ..lab.sweep import TO_TARGET
from ..lab.text import headline, median_and_range, number, table
from .judge import judge
from .measure import SAME, TUNED

METHODS = {"all": "gradient descent: all rows", "some": "mini-batch: {} rows", "one": "SGD: one row"}


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """What training took at one learning rate and at the best; what a sample gradient costs; what summing would do."""
    settings, sums = result["settings"], result["claims"]["C1"]["evidence"]["sgd_epoch_over_gd_step_at_eta"]
    lines = [[eta, *(number(ratio["estimate"]) for ratio in ratios.values())] for eta, ratios in sums.items()]
    parts = [
        headline(settings),
        training_table(result, SAME, f"the same learning rate for all, η = {settings['learning_rate']:g}"),
        training_table(result, TUNED, "the best learning rate η of a grid for each batch size"),
        cost_table(result),
        table(
            "At the same η, an epoch of SGD moves this many times as far as a step of gradient descent",
            ["η", "by the mean (ours)", "by the sum (the article)"],
            lines,
        ),
    ]
    return "\n\n".join(parts)


def training_table(result: dict[str, Any], rates: str, title: str) -> str:
    """What each batch size needed to the target, and where it ended."""
    settings, base, lines = result["settings"], base_rate_of(result), []
    shown = {"test_accuracy": "test accuracy %"} | ({"test_balanced_accuracy": "balanced %"} if base.uneven else {})
    rows = frame(result, "training", never=TO_TARGET, arm=rates)
    for size in settings["batch_sizes"]:
        runs = rows[rows.batch_size == size] if len(rows) else rows
        label = plots.batch_label(size, settings["rows"])
        if runs.empty:
            lines.append([label, "none arrives", *[""] * (4 + len(shown))])
            continue
        diverged = f"{runs.diverged.sum()} of {len(runs)} diverge" if runs.diverged.any() else ""
        lines.append(
            [
                label,
                f"{runs.learning_rate.iloc[0]:g}",
                number(runs.updates_to_target.median()),
                median_and_range(runs.samples_to_target.tolist()),
                median_and_range((1e3 * runs.seconds_to_target).tolist()),
                diverged or number(runs.final_loss.median()),
                *("–" if diverged else f"{100 * runs[name].median():.1f}" for name in shown),
            ]
        )
    header = ["batch size", "η", "updates", "sample gradients", "milliseconds", "final loss", *shown.values()]
    note = "median (least…greatest); interpolated between evaluations; – : never so far;"
    note += f"\n{base.text}"
    return table(f"To a training loss of {settings['target']:g} at {title}\n({note})", header, lines)


def costs_of(result: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Microseconds a sample gradient, a table a way to compute it: a row a batch size, a column a repeat."""
    rows = frame(result, "timing")
    return {
        f"batched kernel, {backend}" if path == "batched" else f"per sample, {path}, {backend}": here.pivot(
            index="batch_size", columns="repeat", values="microseconds"
        )
        for (backend, path), here in rows.groupby(["backend", "path"], sort=False)
    }


def cost_table(result: dict[str, Any]) -> str:
    """What a sample gradient costs on each path."""
    costs = costs_of(result)
    least = min(times.median(axis=1).min() for times in costs.values())
    lines = [
        [name, f"{size:,}", median_and_range(readings.tolist()), f"{readings.median() / least:,.1f}"]
        for name, times in costs.items()
        for size, readings in times.iterrows()
    ]
    title = "What a sample gradient costs in microseconds, shuffling and gathering included"
    return table(title, ["path", "batch size", "µs", "times the least"], lines)


# ---- training --------------------------------------------------------------------------------------------------------


def draw_best_rate(result: dict[str, Any]) -> Figure:
    """Loss against updates, sample gradients and seconds, each batch size at its best rate."""
    title = "Training with the best learning rate for each batch size, in updates, sample gradients and seconds"
    fig, axes = plots.figure(1, 3, 15, 5.2, title, result["settings"], sharey=True)
    units = {"updates": "updates", "samples": "sample gradients", "seconds": "training time (seconds)"}
    for axis, (count, unit) in zip(axes[0], units.items()):
        draw_runs(axis, result, TUNED, count)
        axis.set_xlabel(unit)
    finish(axes[0][0], axes[0][2], result)
    return fig


def draw_same_rate(result: dict[str, Any]) -> Figure:
    """Loss against sample gradients at one rate for all."""
    rate = result["settings"]["learning_rate"]
    title = f"Training with one learning rate for all batch sizes, η = {rate:g}"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, result["settings"])
    draw_runs(axis, result, SAME, "samples")
    axis.set_xlabel("sample gradients")
    finish(axis, axis, result)
    return fig


def draw_runs(axis: Any, result: dict[str, Any], rates: str, count: str) -> None:
    """A line a batch size: the median over the seeds, their range shaded; a cross where a run diverged."""
    settings, rows = result["settings"], frame(result, "training", arm=rates)
    sizes, n = settings["batch_sizes"], settings["rows"]
    for size, runs in rows.groupby("batch_size") if len(rows) else ():
        length = min(len(curve["loss"]) for curve in runs.curve)  # a run that diverged ends early
        x = np.median([curve[count][:length] for curve in runs.curve], axis=0)
        losses = np.array([curve["loss"][:length] for curve in runs.curve], dtype=float)
        ceiling = 10 * losses[0, 0]  # a run that diverges must not flatten all others
        losses = np.minimum(np.nan_to_num(losses, nan=ceiling, posinf=ceiling), ceiling)
        style = {"color": plots.batch_colour(size, n), "marker": marker(size, sizes)}
        label = f"{plots.batch_label(size, n)}, η = {runs.learning_rate.iloc[0]:g}"
        label += ", per-sample path" if size == 1 else ""
        axis.fill_between(
            x[1:], *(pick(losses, axis=0)[1:] for pick in (np.min, np.max)), alpha=0.2, lw=0, fc=style["color"]
        )
        axis.plot(x[1:], np.median(losses, axis=0)[1:], markevery=0.2 if length > 6 else 1, label=label, **style)
        ends = [curve[count][-1] for curve in runs.curve[runs.diverged]]
        axis.plot(ends, [ceiling] * len(ends), "x", color="#CC3311", ms=11, mew=3, label="diverged" if ends else None)
    if rows.empty:
        axis.text(0.5, 0.5, "no rate of the grid arrives", transform=axis.transAxes, ha="center")


def marker(batch_size: int, batch_sizes: Sequence[int]) -> str:
    """A marker a batch size, so that lines can be told apart without colour."""
    return plots.MARKERS[sorted(batch_sizes).index(batch_size) % len(plots.MARKERS)]


def finish(left: Any, right: Any, result: dict[str, Any]) -> None:
    """Log axes, the target as a line, and the legend beside."""
    target = result["settings"]["target"]
    for axis in left.figure.axes:
        plots.log_axes(axis)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.axhline(target, color="black", lw=1, ls="--")
    left.annotate(f"target, {target:g}", (0.01, target), xycoords=("axes fraction", "data"), va="bottom")
    left.set_ylabel("training loss (mean log loss, nats)")
    plots.legend_beside(right, title="batch size, learning rate\n(shaded: all seeds)")


def draw_cost(result: dict[str, Any]) -> Figure:
    """Microseconds a sample gradient against the batch size, a line or a point a path."""
    title = "What a sample gradient costs: one at a time, and in batches"
    fig, [[axis]] = plots.figure(1, 1, 10.5, 5.2, title, result["settings"])
    for index, (name, times) in enumerate(costs_of(result).items()):
        plots.medians(axis, times.index.tolist(), times.to_numpy().tolist(), index, name)
    plots.log_axes(axis, "y")
    plots.batch_axis(axis, result["settings"]["batch_sizes"])
    axis.set_ylabel("µs a sample gradient (median, range)")
    plots.legend_beside(axis)
    return fig


# ---- the claim -------------------------------------------------------------------------------------------------------


def draw_paths(result: dict[str, Any]) -> Figure:
    """The way of three methods over the loss of a logistic regression with two parameters."""
    [surface] = frame(result, "surface").to_dict("records")
    paths = frame(result, "path").to_dict("records")
    rate = paths[0]["learning_rate"]
    title = f"Three passes through the same data, η = {rate:g}: one update a pass, some, or one for each row"
    fig, axes = plots.panels(1, 3, 14, 5.4, sharex=True, sharey=True)
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold")
    data = f"{paths[0]['n']:,} rows of {result['settings']['dataset']}, one feature each"
    plots.write_below(fig, f"logistic regression with one weight and a bias on {data}")
    loss = np.array(surface["loss"])
    lowest = np.unravel_index(loss.argmin(), loss.shape)
    for axis, row in zip(axes[0], paths):
        theta, size = np.array(row["theta"]), row["batch_size"]
        levels = np.geomspace(loss.min() * 1.002, loss.max(), 16)
        lines = axis.contour(surface["w"], surface["b"], loss, levels, colors="0.55", linewidths=0.8)
        axis.clabel(lines, lines.levels[6::4], fmt="%.2f", fontsize=9)
        style = {"lw": 0.8} if size == 1 else {"lw": 2, "marker": "o", "ms": 5}
        axis.plot(*theta.T, color=plots.batch_colour(size, row["n"]), **style)
        axis.plot(*theta[0], "s", color="black", ms=10, label="start")
        axis.plot(
            surface["w"][lowest[1]], surface["b"][lowest[0]], "*", color="#009E73", mec="black", ms=18, label="minimum"
        )
        name = METHODS["all" if size == row["n"] else "one" if size == 1 else "some"].format(size)
        axis.set_title(f"{name}\n{len(theta) - 1:,} updates", loc="left", fontsize=13)
        axis.set_xlabel("weight w")
        axis.grid(False)
    axes[0][0].set_ylabel("bias b")
    axes[0][0].plot([], [], color="0.55", lw=0.8, label="equal log loss (nats)")
    axes[0][0].legend(loc="lower left", framealpha=0.9, frameon=True)
    return fig


def draw_distance(result: dict[str, Any]) -> Figure:
    """The distance between an epoch of SGD and a step of gradient descent."""
    title = "How far an epoch of SGD ends from a step of gradient descent"
    symbols = (
        "G: gradient of all m rows; H: second derivatives of the loss; η: learning rate of the step, η/m that of SGD"
    )
    fig, [[axis]] = plots.figure(1, 1, 9, 5.4, title, result["settings"], symbols=symbols)
    rows = frame(result, "epoch")
    [slope] = [each.interval for each in judge(result)["C1"].questions if each.name.startswith("slope")]
    if len(rows):
        axis.plot(
            rows.learning_rate, rows.distance, "o", ms=8, alpha=0.7, label=f"measured, every seed: slope {slope:.3f}"
        )
        first = rows[rows.seed == rows.seed.min()]
        axis.plot(first.learning_rate, first.predicted, "k--", lw=1.2, label="predicted: ½ η² ‖H G‖")
    axis.set(xscale="log", yscale="log", xlabel="learning rate η", ylabel="‖SGD epoch at η/m − GD step at η‖")
    axis.minorticks_off()
    axis.legend()
    return fig
