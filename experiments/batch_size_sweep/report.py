"""C8 as tables and figures: the map, rules for the rate, what training takes, accuracies."""

from __future__ import annotations

import math
from typing import Any

import matplotlib.patches
import numpy as np
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.results import frame
from ..lab.statistics import mean_interval
from ..lab.text import headline, median_and_range, number, table
from .judge import columns, runs
from .measure import SAME, TREATMENTS, TUNED
from .rules import cells, linear_accuracy, map_of, ridge, rule_costs

# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """Runs at one rate and at the best rates; what the rules cost; accuracies; the ragged last batch."""
    parts = [headline(result["settings"]), same_rate_table(result), best_rate_table(result), rules_table(result)]
    return "\n\n".join([*parts, accuracy_table(result), ragged_table(result)])


def same_rate_table(result: dict[str, Any]) -> str:
    """The article's table: all batch sizes at one rate."""
    settings, lines = result["settings"], []
    for size, mine in runs(result, SAME).groupby("batch_size"):
        label, accuracies = plots.batch_label(size, settings["rows"]), (100 * mine.test_accuracy).round(1).tolist()
        ended = [number(mine.final_loss.fillna(math.inf).median()), median_and_range(accuracies)]
        lines.append([label, f"{settings['rows'] // size:,}", number(mine.epoch_to_target.median()), *ended])
    title = f"At η = {settings['learning_rate']:g} for all, {settings['epochs']} epochs"
    target = f"epochs to {settings['target']:g}"
    return table(title, ["batch size", "updates/epoch", target, "final loss", "test accuracy %"], lines)


def best_rate_table(result: dict[str, Any]) -> str:
    """What each batch size needed to the target at its best rate."""
    settings, tuned, lines = result["settings"], runs(result, TUNED), []
    for size in settings["batch_sizes"]:
        mine = tuned[tuned.batch_size == size] if len(tuned) else tuned
        label = plots.batch_label(size, settings["rows"])
        if mine.empty:
            lines.append([label, "none arrives", *["–"] * 3])
            continue
        needed = [mine[f"{name}_to_target"] for name in ("epoch", "updates", "seconds")]
        cells_ = [number(needed[0].median()), number(needed[1].median()), median_and_range(needed[2].tolist())]
        lines.append([label, f"{mine.learning_rate.iloc[0]:g}", *cells_])
    title = f"At the best rate for each, to a training loss of {settings['target']:g} (– : never)"
    return table(title, ["batch size", "η", "epochs", "updates", "seconds"], lines)


def rules_table(result: dict[str, Any]) -> str:
    """Updates by a rule over those at the best rate."""
    settings = result["settings"]
    lines = [
        [f"{size:,}", *(number(float(np.mean(sizes[size]))) for sizes in rule_costs(result).values())]
        for size in (ridge(result) if settings.get("reference") in ridge(result) else ())
    ]
    title = f"Updates by a rule for η over those at the best rate (B₀ = {settings.get('reference')}; – : never arrives)"
    return table(title, ["batch size", *(f"{rule} rate" for rule in rule_costs(result))], lines)


def accuracy_table(result: dict[str, Any]) -> str:
    """Accuracies at rates chosen on held-out rows."""
    settings, rows, lines = result["settings"], frame(result, "accuracy"), []
    for (model, size), mine in rows.groupby(["arm", "batch_size"], sort=False):
        label = plots.batch_label(size, settings["rows"]) if model == "network" else f"{size:,}, no hidden layer"
        means = [mean_interval(mine[name].tolist()) for name in ("test_accuracy", "polished_test_accuracy")]
        lines.append([label, f"{mine.learning_rate.iloc[0]:g}", *(f"{mean:.1%}" for mean in means)])
    title = f"Test accuracy after {settings['accuracy_epochs']} epochs at a rate chosen on held-out rows, "
    title += f"{settings['accuracy_seeds']} seeds"
    return table(title, ["batch size", "η", "after training", "after descent to the bottom"], lines)


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


# ---- the map ---------------------------------------------------------------------------------------------------------


def draw_map(result: dict[str, Any]) -> Figure | None:
    """Updates to the target over batch size and rate, the best rate of each size framed."""
    settings, updates, best = result["settings"], map_of(result), ridge(result)
    if updates.empty:
        return None
    title = f"Updates to a training loss of {settings['target']:g}, by batch size and learning rate"
    fig, [[axis]] = plots.figure(1, 1, 12, 6.2, title, settings)
    shown = np.log10(updates.where(np.isfinite(updates) & (updates > 0)))
    axis.imshow(shown, cmap="cividis_r", aspect="auto", origin="lower")
    middle = shown.stack().median()
    lost = worse_than_guessing(result)
    for i, rate in enumerate(updates.index):
        for j, size in enumerate(updates.columns):
            value = updates.loc[rate, size]
            if math.isfinite(value):
                colour = "white" if np.log10(max(value, 1)) > middle else "black"
                axis.text(j, i, number(round(value)), ha="center", va="center", fontsize=10, color=colour)
            elif not math.isnan(value):
                axis.add_patch(_cell(j, i, "////" if lost.loc[rate, size] else ""))
            if best.get(size) == rate:
                frame_ = matplotlib.patches.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, ec="#D55E00", lw=4)
                axis.add_patch(frame_)
    axis.set_xticks(range(len(updates.columns)), [f"{size:,}" for size in updates.columns])
    axis.set_yticks(range(len(updates.index)), [f"{rate:g}" for rate in updates.index])
    axis.grid(False)
    axis.set(xlabel="batch size B", ylabel="learning rate η")
    framed = matplotlib.patches.Rectangle((0, 0), 1, 1, fill=False, ec="#D55E00", lw=3)
    handles = [framed, _cell(0, 0, ""), _cell(0, 0, "////")]
    never = f"not there in\n{settings['map_epochs']} epochs (white:\nnot tried)"
    axis.legend(handles, ["best rate", never, "ended worse\nthan guessing"], loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def _cell(column: float, row: float, hatch: str) -> matplotlib.patches.Rectangle:
    """A grey cell of the map, hatched or plain."""
    return matplotlib.patches.Rectangle((column - 0.5, row - 0.5), 1, 1, fc="0.85", ec="0.4", hatch=hatch, lw=0)


def worse_than_guessing(result: dict[str, Any]) -> Any:
    """Where a run of a cell diverged, or ended no better than guessing; shaped as the map."""
    rows = cells(result)
    lost = rows.diverged.astype(bool) | ~(rows.loss.astype(float) < math.log(result["settings"]["classes"]))
    return rows.assign(lost=lost).pivot_table(index="learning_rate", columns="batch_size", values="lost", aggfunc="max")


def draw_rules(result: dict[str, Any]) -> Figure | None:
    """What each rule for the rate costs beside the best rate, against the batch size."""
    costs, best = rule_costs(result), ridge(result)
    if not any(costs.values()):
        return None
    title = f"What a rule for the rate costs, from the best rate of batch {result['settings']['reference']:,} on"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.4, title, result["settings"])
    finite = {
        rule: {size: each for size, each in sizes.items() if np.isfinite(each).all()} for rule, sizes in costs.items()
    }
    for index, (rule, sizes) in enumerate(costs.items()):
        plots.medians(axis, list(finite[rule]), list(finite[rule].values()), index, f"{rule} rate")
        never = [size for size in sizes if size not in finite[rule]]
        height, above = [1.04 + 0.05 * index] * len(never), axis.get_xaxis_transform()
        axis.plot(never, height, "x", color=f"C{index}", ms=9, mew=3, transform=above, clip_on=False)
    axis.plot([], [], "x", color="black", ms=10, mew=3, label="above: never arrives,\nor not tried")
    axis.axhline(1, color="black", lw=1)
    plots.log_axes(axis, "y")
    plots.batch_axis(axis, list(best))
    axis.set_ylabel("updates over those at the best rate")
    plots.legend_beside(axis)
    return fig


# ---- runs ------------------------------------------------------------------------------------------------------------


def draw_same_rate(result: dict[str, Any]) -> Figure | None:
    """The article's question: where does each batch size end, at one learning rate for all?"""
    settings, same = result["settings"], runs(result, SAME)
    if same.empty:
        return None
    title = f"Test accuracy after {settings['epochs']} epochs at one learning rate, η = {settings['learning_rate']:g}"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, settings)
    by_size = {size: [100 * each for each in values] for size, values in columns(same, "test_accuracy").items()}
    plots.medians(axis, list(by_size), list(by_size.values()), 0, "MLP (median, range)")
    linear = 100 * linear_accuracy(result)
    if math.isfinite(linear):
        axis.axhline(linear, color="black", lw=1.5, ls="--", label="no hidden layer")
    plots.batch_axis(axis, list(by_size))
    axis.set_ylabel("test accuracy (%)")
    plots.legend_beside(axis)
    return fig


def draw_cost(result: dict[str, Any]) -> Figure:
    """Epochs to the target, times seconds an epoch, gives the seconds to the target, against the batch size."""
    settings = result["settings"]
    title = "Epochs to the target × seconds an epoch = seconds to the target, at the best rate for each batch size"
    fig, [axes] = plots.figure(1, 3, 15, 5.2, title, settings)
    tuned = runs(result, TUNED)
    timing = frame(result, "timing", backend=settings["backend"])
    for axis, name in ((axes[0], "epoch"), (axes[2], "seconds")):
        by_size = columns(tuned, f"{name}_to_target")
        by_size = {size: values for size, values in by_size.items() if np.isfinite(values).all()}
        plots.medians(axis, list(by_size), list(by_size.values()), 0, "best rate")
    for index, (path, label) in enumerate((("batched", "batched kernel"), ("fast", "per-sample path")), start=1):
        here = columns(timing[timing.path == path], "microseconds", "repeat")
        seconds = [[each * settings["rows"] / 1e6 for each in values] for values in here.values()]
        plots.medians(axes[1], list(here), seconds, index, label)
    for axis, unit in zip(axes, ("epochs to the target", "seconds an epoch", "seconds to the target")):
        plots.log_axes(axis, "y")
        plots.batch_axis(axis, settings["batch_sizes"])
        axis.set_ylabel(f"{unit} (median, range)")
    axes[1].legend()
    return fig


def draw_accuracy(result: dict[str, Any]) -> Figure | None:
    """Test accuracy against the batch size where training ended, and after descent to the bottom."""
    settings, rows = result["settings"], frame(result, "accuracy", arm="network")
    if rows.empty:
        return None
    title = f"Test accuracy after {settings['accuracy_epochs']} epochs at rates chosen on held-out rows"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, settings)
    for index, (name, label) in enumerate(
        {"test_accuracy": "where training ended", "polished_test_accuracy": "after descent\nto the bottom"}.items()
    ):
        by_size = columns(rows, name)
        means = [mean_interval([100 * each for each in values]) for values in by_size.values()]
        plots.intervals(axis, [size * 1.08 ** (2 * index - 1) for size in by_size], means, index, label)
    linear = 100 * linear_accuracy(result)
    if math.isfinite(linear):
        axis.axhline(linear, color="black", ls="--", lw=1.5, label="no hidden layer")
    plots.batch_axis(axis, settings["batch_sizes"])
    axis.set_ylabel(f"test accuracy (%), 95 % interval, {settings['accuracy_seeds']} seeds")
    plots.legend_beside(axis)
    return fig
