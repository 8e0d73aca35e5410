"""C8 as tables and figures: the map, rules for the rate, what training takes, accuracies."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..lab import plots
from ..lab.facts import base_rate_of
from ..lab.results import frame
from ..lab.statistics import mean_interval
from ..lab.text import begun, headline, median_and_range, number, table
from .accuracies import ENDS, SHARE
from .measure import SAME, TREATMENTS, TUNED
from .rows import columns, linear_accuracies, runs
from .rules import cells, map_of, ridge, rule_costs, rule_rates

BEST: dict[str, Any] = {"fill": False, "ec": plots.COLOURS[1], "lw": 4}  # how cells of the map are drawn
PERCENT = (0.0, 100.0)
NEVER: dict[str, Any] = {"fc": "0.85", "ec": "0.4", "lw": 0}
LOST = NEVER | {"hatch": "////"}
NEVER_THERE: dict[str, Any] = {"marker": "x", "ms": 9, "mew": 3, "ls": "none"}  # marks above the figure of the rules
NOT_TRIED: dict[str, Any] = NEVER_THERE | {"marker": "o", "mfc": "none", "mew": 2}


def tables(result: dict[str, Any]) -> str:
    """Runs at one rate and at the best rates; what the rules cost; accuracies; the ragged last batch."""
    parts = [headline(result["settings"]), same_rate_table(result), best_rate_table(result), rules_table(result)]
    return "\n\n".join([*parts, accuracy_table(result), ragged_table(result)])


def same_rate_table(result: dict[str, Any]) -> str:
    """The article's table: all batch sizes at one rate."""
    settings, base, lines = result["settings"], base_rate_of(result), []
    shown = {"test_accuracy": "test accuracy %"} | ({"test_balanced_accuracy": "balanced %"} if base.uneven else {})
    for size, mine in runs(result, SAME).groupby("batch_size"):
        label, accuracies = plots.batch_label(size, settings["rows"]), (100 * mine[[*shown]]).round(1)
        ended = [number(mine.final_loss.fillna(math.inf).median())]
        ended += [median_and_range(accuracies[name].tolist()) for name in shown]
        lines.append([label, f"{settings['rows'] // size:,}", number(mine.epoch_to_target.median()), *ended])
    title = f"At η = {settings['learning_rate']:g} for all, {settings['epochs']} epochs (– : never)\n({base.text})"
    target = f"epochs to {settings['target']:g}"
    return table(title, ["batch size", "updates/epoch", target, "final loss", *shown.values()], lines)


def best_rate_table(result: dict[str, Any]) -> str:
    """What each batch size needed to the target at its best rate."""
    settings, tuned, lines = result["settings"], runs(result, TUNED), []
    for size, mine in tuned.groupby("batch_size") if len(tuned) else ():
        needed = [number(mine[f"{name}_to_target"].median()) for name in ("epoch", "updates")]
        seconds = median_and_range(mine.seconds_to_target.tolist())
        label, rate = plots.batch_label(size, settings["rows"]), mine.learning_rate.iloc[0]
        lines.append([label, f"{rate:g}", *needed, seconds])
    title = f"To a training loss of {settings['target']:g}, at the best rate of each batch size that arrives"
    return table(title, ["batch size", "η", "epochs", "updates", "seconds"], lines)


def rules_table(result: dict[str, Any]) -> str:
    """Updates by a rule over those at the best rate."""
    costs = rule_costs(result)
    lines = [[f"{size:,}", *(number(float(np.mean(each[size]))) for each in costs.values())] for size in costs["same"]]
    title = f"Updates by a rule for η over those at the best rate (B₀ = {result['settings']['reference']:,}; – : never)"
    return table(title, ["batch size", *(f"{rule} rate" for rule in costs)], lines)


def accuracy_table(result: dict[str, Any]) -> str:
    """Accuracies at rates chosen on held-out rows; where classes are uneven the balanced ones, too."""
    settings, base = result["settings"], base_rate_of(result)
    title = f"Test accuracy, {settings['accuracy_epochs']} epochs at a rate chosen on held-out rows, "
    title += f"{settings['accuracy_seeds']} seeds\n({base.text})"
    parts = [means_table(result, title, ENDS)]
    if base.uneven:
        balanced = {name.replace("accuracy", "balanced_accuracy"): when for name, when in ENDS.items()}
        parts.append(means_table(result, "Balanced test accuracy of the same runs", balanced))
    return "\n\n".join(parts)


def means_table(result: dict[str, Any], title: str, names: dict[str, str]) -> str:
    """The means over the seeds of some columns of the rows of accuracies, and their intervals."""
    settings, rows, lines = result["settings"], frame(result, "accuracy"), []
    for (model, size), mine in rows.groupby(["arm", "batch_size"], sort=False):
        label = plots.batch_label(size, settings["rows"]) if model == "network" else f"{size:,}, no hidden layer"
        means = [f"{mean_interval(mine[name].tolist(), bounds=SHARE):.1%}" for name in names]
        lines.append([label, f"{mine.learning_rate.iloc[0]:g}", *means])
    return table(title, ["batch size", "η", *names.values()], lines)


def ragged_table(result: dict[str, Any]) -> str:
    """What a last batch of one sample does."""
    ragged, lines = frame(result, "ragged", never=["updates_to_target"]), []
    if ragged.empty:
        return "A last batch of one sample: no batch size leaves one over"
    for treatment in TREATMENTS:
        needed = ragged[ragged.treatment == treatment].updates_to_target.tolist()
        lines.append([treatment, f"{sum(map(math.isfinite, needed))} of {len(needed)}", median_and_range(needed)])
    title = f"Batch size {ragged.batch_size.iloc[0]:,} leaves one sample over in each epoch; as a last batch it is"
    return table(title, ["", "runs that arrive", "updates to the target"], lines)


def draw_map(result: dict[str, Any]) -> Figure:
    """Updates to the target over batch size and rate, the best rate of each size framed."""
    settings, updates, best = result["settings"], map_of(result), ridge(result)
    title = f"Updates to a training loss of {settings['target']:g} (mean of two seeds), by batch size and learning rate"
    fig, [[axis]] = plots.figure(1, 1, 12, 6.2, title, settings)
    shown = np.log10(updates.where(np.isfinite(updates) & (updates > 0)))
    edges = [np.arange(length + 1) - 0.5 for length in shown.T.shape]
    image = axis.pcolormesh(*edges, shown, cmap="cividis_r", edgecolors="face")  # cells that stay sharp at any size
    lost = worse_than_guessing(result)
    for i, rate in enumerate(updates.index):
        for j, size in enumerate(updates.columns):
            value = updates.loc[rate, size]
            if math.isfinite(value):
                colour = "white" if image.norm(shown.loc[rate, size]) > 0.5 else "black"
                axis.text(j, i, number(round(value)), ha="center", va="center", fontsize=10, color=colour)
            elif math.isinf(value):
                axis.add_patch(cell(j, i, LOST if lost.loc[rate, size] else NEVER))
            if best.get(size) == rate:
                axis.add_patch(cell(j, i, BEST))
    axis.set_xticks(range(len(updates.columns)), [f"{size:,}" for size in updates.columns])
    axis.set_yticks(range(len(updates.index)), [f"{rate:g}" for rate in updates.index])
    axis.grid(False)
    axis.set(xlabel="batch size B", ylabel="learning rate η")
    # C8a names other epochs than the legend does.
    told = f"A run of this map ends after {settings['map_epochs']} epochs. C8a is decided by other runs, of "
    rate = f"η = {settings['learning_rate']:g}" if settings.get("learning_rate") else "one rate"
    plots.write_below(fig, f"{told}{settings['epochs']} epochs: at {rate} for all, and at the best rate here.")
    handles = [cell(0, 0, look) for look in (BEST, NEVER, LOST)]
    never = f"not there in\n{settings['map_epochs']} epochs (white:\nnot tried)"
    above = "training loss\nabove that of\nguessing"
    axis.legend(handles, ["best rate", never, above], loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def cell(column: int, row: int, look: dict[str, Any]) -> Rectangle:
    """A cell of the map; a frame lies within it, so that two side by side are two."""
    side = 0.9 if look is BEST else 1.0
    return Rectangle((column - side / 2, row - side / 2), side, side, **look)


def worse_than_guessing(result: dict[str, Any]) -> pd.DataFrame:
    """Where a run of a cell diverged, or ended no better than guessing; shaped as the map."""
    rows = cells(result)
    lost = rows.diverged.astype(bool) | ~(rows.loss.astype(float) < math.log(result["settings"]["classes"]))
    return rows.assign(lost=lost).pivot_table(index="learning_rate", columns="batch_size", values="lost", aggfunc="max")


def draw_rules(result: dict[str, Any]) -> Figure | None:
    """What each rule for the rate costs beside the best rate, against the batch size."""
    costs, rates, updates = rule_costs(result), rule_rates(result), map_of(result)
    if not costs["same"]:
        return None
    title = f"What a rule for the rate costs, from the best rate of batch {result['settings']['reference']:,} on"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.4, title, result["settings"])
    for index, (rule, sizes) in enumerate(costs.items()):
        plots.medians(axis, list(sizes), list(sizes.values()), index, f"{rule} rate")
        for size in (size for size, ratios in sizes.items() if math.isinf(np.median(ratios))):
            tried = updates[size].dropna().index
            look = NEVER_THERE if tried.min() <= rates[rule][size] <= tried.max() else NOT_TRIED
            height, above = 1.04 + 0.05 * index, axis.get_xaxis_transform()
            axis.plot(size, height, color=f"C{index}", transform=above, clip_on=False, **look)
    for look, label in (
        (NEVER_THERE, "above: no run arrives at\nthat rate, or at the next"),
        (NOT_TRIED, "above: rate not tried"),
    ):
        axis.plot([], [], color="black", label=label, **look)
    axis.axhline(1, color="black", lw=1)
    plots.log_axes(axis, "y")
    axis.set_ylim(0.9, max(3, axis.get_ylim()[1]))
    plots.batch_axis(axis, list(costs["same"]))
    axis.set_ylabel("updates over those at the best rate")
    plots.legend_beside(axis)
    said = "; ".join(f"{rule} rate: {good_sizes(by_size)}" for rule, by_size in costs.items())
    plots.write_below(fig, f"Batch sizes with at most twice the updates of the best rate. {begun(said)}.")
    return fig


def good_sizes(ratios: dict[int, list[float]]) -> str:
    """The batch sizes at which a rule takes at most twice the updates of the best rate."""
    return ", ".join(f"{size:,}" for size, each in ratios.items() if np.median(each) <= 2) or "none"


def draw_same_rate(result: dict[str, Any]) -> Figure:
    """The article's question: where does each batch size end, at one learning rate for all?"""
    settings = result["settings"]
    title = f"Test accuracy after {settings['epochs']} epochs at one learning rate, η = {settings['learning_rate']:g}"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, settings)
    by_size = columns(runs(result, SAME), "test_accuracy")
    percent = [[100 * value for value in values] for values in by_size.values()]
    plots.medians(axis, list(by_size), percent, 0, "MLP (median, range)")
    finish_accuracies(axis, result, "test accuracy (%)")
    return fig


def draw_accuracy(result: dict[str, Any]) -> Figure:
    """Test accuracy against the batch size where training ended, and after descent to the bottom."""
    settings, rows = result["settings"], frame(result, "accuracy", arm="network")
    title = f"Test accuracy, {settings['accuracy_epochs']} epochs at rates chosen on held-out rows"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, settings)
    for index, (name, when) in enumerate(ENDS.items()):
        by_size = columns(rows, name)
        means = [mean_interval([100 * value for value in values], bounds=PERCENT) for values in by_size.values()]
        beside = [size * 1.08 ** (2 * index - 1) for size in by_size]
        plots.intervals(axis, beside, means, index, when.replace(" to ", "\nto "))
    finish_accuracies(axis, result, f"test accuracy (%), 95 % interval, {settings['accuracy_seeds']} seeds")
    return fig


def finish_accuracies(axis: Any, result: dict[str, Any], label: str) -> None:
    """Lines for logistic regression and for the base rate, axes and legend."""
    linear, base = [100 * value for value in linear_accuracies(result)], base_rate_of(result)
    axis.axhline(np.mean(linear), color="black", ls="--", lw=1.5, label="no hidden layer")
    low, high = axis.get_ylim()
    name = f"base rate: largest\nclass, {base.percent}"
    if not low - (high - low) < 100 * base.share < high + (high - low):  # else what is to be seen would be flat
        axis.plot([], [], color=plots.GREY, ls=":", label=f"{name}, outside")
    else:
        axis.axhline(100 * base.share, color=plots.GREY, ls=":", label=name)
    plots.batch_axis(axis, result["settings"]["batch_sizes"])
    axis.set_ylabel(label)
    plots.legend_beside(axis)


def draw_cost(result: dict[str, Any]) -> Figure:
    """Epochs to the target, times seconds an epoch, gives the seconds to the target, against the batch size."""
    settings, tuned = result["settings"], runs(result, TUNED)
    title = (
        "What training takes at the best learning rate for each batch size; one row at a time on the per-sample path"
    )
    fig, [axes] = plots.figure(1, 3, 15, 5.2, title, settings)
    for axis, name in ((axes[0], "epoch"), (axes[2], "seconds")):
        by_size = columns(tuned, f"{name}_to_target")
        plots.medians(axis, list(by_size), list(by_size.values()), 0, "best rate")
    for index, (path, label) in enumerate((("batched", "batched kernel"), ("fast", "per-sample path")), start=1):
        cost = columns(frame(result, "timing", backend=settings["backend"], path=path), "microseconds", "repeat")
        seconds = [[each * settings["rows"] / 1e6 for each in values] for values in cost.values()]
        plots.medians(axes[1], list(cost), seconds, index, label)
    for axis, unit in zip(axes, ("epochs to the target", "seconds an epoch", "seconds to the target")):
        plots.log_axes(axis, "y")
        plots.batch_axis(axis, settings["batch_sizes"])
        axis.set_ylabel(f"{unit} (median, range)")
    axes[1].legend()
    return fig
