"""Optimizers under noise as tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.stats

from . import plots, table
from .noise_costs import (
    ARMS,
    FIRST_ORDER,
    FITS,
    LOGISTIC,
    NETWORK,
    ONE_BATCH,
    TWO_BATCHES,
    ends,
    error_fits,
    least_costs,
    noise_costs,
    runs_of,
)
from .statistics import Interval, mean_interval

REFERENCE = 128  # the batch size of single curves, or the nearest one
DRAWN = ("middle", "along −G")  # place and direction of the figure of the errors


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """Where each arm ended with each batch size, at which rate, and what noise cost it; and the errors."""
    settings = result["settings"]
    parts = [
        f"{settings['dataset']}: {settings['rows']:,} training rows of {settings['features']} features, "
        f"{settings['backend']} {settings['dtype']}, {settings['seeds']} seeds; "
        f"the budget is {settings['epochs'] * settings['rows']:,} sample gradients"
    ]
    for problem in (NETWORK, LOGISTIC):
        parts += problem_tables(result, problem)
    lines = [
        [problem, *(f"{signed(x.estimate)} ({signed(x.low)} … {signed(x.high)})" for x in (fit[name] for name in FITS))]
        for problem, fit in error_fits(result).items()
    ]
    title = "The relative error of dG by the length of the step"
    parts.append(f"{title}\n\n{table.render(['', *FITS.values()], lines)}")
    return "\n\n".join(parts)


def problem_tables(result: dict[str, Any], problem: str) -> list[str]:
    """The three tables of a problem."""
    sizes, n, best = result["settings"]["batch_sizes"], result["settings"]["rows"], least_costs(result["rows"])
    header = ["", *(size_name(size, n) for size in sizes)]
    [least] = [row["loss"] for row in result["rows"] if (row["kind"], row["problem"]) == ("minimum", problem)]
    ended = [[arm, *(ending(result, problem, arm, size) for size in sizes)] for arm in ARMS]
    rates = [[f"rate of {arm}", *(f"{best[problem, arm, size][1]:g}" for size in sizes)]
             for arm in ARMS if best[problem, arm, sizes[0]][1] is not None]  # fmt: skip
    skipped = [[f"% skipped by {arm}", *(share_skipped(result, problem, arm, size) for size in sizes)]
               for arm in (TWO_BATCHES, ONE_BATCH)]  # fmt: skip
    costs = noise_costs(result)[problem]
    noise = [
        [arm, f"{cost.batch_size or '–'}", ratio_text(cost.over_all), ratio_text(cost.over_first_order),
         ratio_text(cost.over_leader)]
        for arm, cost in costs.items()
    ]  # fmt: skip
    noise_header = ["J − J*, a ratio", "best mini-batch", "with it, over all samples", "over first-order",
                    f"with {costs[FIRST_ORDER[0]].leader_size or '–'}, over first-order"]  # fmt: skip
    return [
        f"{problem}: J − J* by batch size (J* = {least:.4g}; geometric mean; (k): k runs diverged; never more than "
        f"guessing)\n\n{table.render(header, ended)}",
        f"Best rates, and pairs that L-BFGS skipped, in % of its steps\n\n{table.render(header, [*rates, *skipped])}",
        f"What noise costs, with 95 % intervals; first-order is the best one with the same batch size\n\n"
        f"{table.render(noise_header, noise)}",
    ]


def ending(result: dict[str, Any], problem: str, arm: str, batch_size: int) -> str:
    """Where an arm ended: the geometric mean, and how many runs diverged."""
    diverged = sum(row["diverged"] for row in runs_of(result, problem, arm, batch_size))
    middle = table.number(scipy.stats.gmean(ends(result, problem, arm, batch_size)))
    return f"{middle} ({diverged})" if diverged else middle


def share_skipped(result: dict[str, Any], problem: str, arm: str, batch_size: int) -> str:
    """Pairs that were skipped, in per cent of the steps."""
    runs = runs_of(result, problem, arm, batch_size)
    return table.number(100 * sum(row["skipped"] for row in runs) / max(1, sum(row["updates"] for row in runs)))


def ratio_text(ratio: Interval) -> str:
    """A ratio and its interval, as a table has them."""
    return f"{table.number(ratio.estimate)} ({table.number(ratio.low)} … {table.number(ratio.high)})"


def signed(value: float) -> str:
    """Two digits, without a minus before zero."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def size_name(batch_size: int, n: int) -> str:
    """A batch size, or all; here all samples are not gradient descent alone."""
    return f"all {n:,}" if batch_size == n else f"{batch_size:,}"


# ---- figures ---------------------------------------------------------------------------------------------------------


def style(arm: str) -> dict[str, Any]:
    """How an arm is drawn everywhere: first-order methods solid, the others dashed."""
    index = ARMS.index(arm)
    line = "-" if arm in FIRST_ORDER else "--"
    return {"color": f"C{index}", "marker": plots.MARKERS[index], "ms": 7, "ls": line, "label": arm}


def title(axis: Any, problem: str, settings: dict[str, Any], rest: str = "") -> None:
    """Say what a panel shows."""
    classes = settings["classes"]
    layers = [settings["features"], *settings["hidden"], classes if classes > 2 else 1]
    name = f"network {'-'.join(map(str, layers))}, {settings['activation']}"
    if problem == LOGISTIC:
        name = "logistic regression" + (", odd or even" if classes > 2 else "")
    axis.set_title(name + rest, loc="left", fontsize=12, fontweight="bold")


def reference_size(sizes: Sequence[int]) -> int:
    """The batch size nearest to REFERENCE."""
    return min(sizes, key=lambda size: abs(math.log(size / REFERENCE)))


def guessing(axis: Any, result: dict[str, Any], problem: str, least: float) -> float:
    """Mark J − J* of guessing on a log axis that begins below `least`; returns it."""
    ceiling = next(row["guessing"] for row in result["rows"] if row["problem"] == problem and "guessing" in row)
    axis.axhline(ceiling, color="0.4", lw=1, ls=":")
    axis.annotate("guessing", (0.99, ceiling), xycoords=("axes fraction", "data"), ha="right", va="bottom", color="0.3")
    axis.set(yscale="log", ylim=(least / 2.5, 5 * ceiling))
    axis.minorticks_off()
    return float(ceiling)


def draw_losses(result: dict[str, Any]) -> Any:
    """J − J* at the end of the budget against the batch size, a line an arm."""
    settings = result["settings"]
    sizes = settings["batch_sizes"]
    fig, axes = plots.figure(1, 2, 14, 5.8)
    for axis, problem in zip(axes[0], (NETWORK, LOGISTIC)):
        values = {arm: [ends(result, problem, arm, size) for size in sizes] for arm in ARMS}
        ceiling = guessing(axis, result, problem, min(scipy.stats.gmean(each) for at in values.values() for each in at))
        for index, arm in enumerate(ARMS):
            beside = [size * 1.02 ** (index - 3) for size in sizes]  # so that the bars can be told apart
            intervals = [mean_interval(np.log(each).tolist()) for each in values[arm]]
            middle, low, high = np.exp([
                [each.estimate, each.low, min(each.high, math.log(ceiling))]
                if math.isfinite(each.low) else [each.estimate] * 3 for each in intervals
            ]).T  # fmt: skip
            bars = [middle - low, np.maximum(high - middle, 0)]
            axis.errorbar(beside, middle, yerr=bars, elinewidth=1, capsize=2, **style(arm))
            lost = [x for x, size in zip(beside, sizes)
                    if any(row["diverged"] for row in runs_of(result, problem, arm, size))]  # fmt: skip
            axis.plot(lost, [2.5 * ceiling] * len(lost), "x", color=f"C{index}", ms=9, mew=2.5)
        plots.batch_axis(axis, sizes)
        title(axis, problem, settings)
    axes[0][0].set_ylabel("training loss above its least, J − J*, in nats\n(geometric mean, 95 % interval)")
    axes[0][1].plot([], [], "x", color="0.3", ms=9, mew=2.5, label="a run diverged")
    axes[0][1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.suptitle(f"after equally many sample gradients: {settings['epochs']} epochs' worth, line searches included")
    return fig


def draw_curves(result: dict[str, Any]) -> Any:
    """J − J* against the sample gradients used: a row a problem, left with a mini-batch, right with all samples."""
    settings = result["settings"]
    sizes = [reference_size(settings["batch_sizes"]), max(settings["batch_sizes"])]
    fig, axes = plots.figure(2, 2, 14, 8.6, sharex=True, sharey="row")
    for row, problem in zip(axes, (NETWORK, LOGISTIC)):
        least = min(min(ends(result, problem, arm, size)) for arm in ARMS for size in sizes)
        for axis, size in zip(row, sizes):
            ceiling = guessing(axis, result, problem, least)
            for arm in ARMS:
                # where a run diverged there is no number, or one far above guessing
                curves = np.array([run["curve"] for run in runs_of(result, problem, arm, size)], dtype=float)
                curves = np.minimum(np.nan_to_num(curves, nan=ceiling, posinf=ceiling), ceiling)
                low, high = curves.min(axis=0), curves.max(axis=0)
                x = np.linspace(0, settings["epochs"], len(low))
                axis.fill_between(x, low, high, color=style(arm)["color"], alpha=0.12, lw=0)
                axis.plot(x, np.median(curves, axis=0), markevery=(ARMS.index(arm), 12), **style(arm))
            title(axis, problem, settings, f"; batch size {size_name(size, settings['rows'])}")
        row[0].set_ylabel("training loss above its least,\nJ − J*, in nats (median, range)")
    for axis in axes[1]:
        axis.set_xlabel("sample gradients used, in epochs' worth")
    axes[0][1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def draw_errors(result: dict[str, Any]) -> Any:
    """Relative errors of g and of dG against the length of the step: dG on one batch on the left, on two right.

    Grey are the steps that L-BFGS took with dG on one batch, all but the shortest and the longest tenth.
    """
    settings, fits = result["settings"], error_fits(result)
    errors = [row for row in result["rows"] if row["kind"] == "error" and (row["place"], row["direction"]) == DRAWN]
    measured = sorted({row["batch_size"] for row in errors})
    sizes = sorted({measured[round(k)] for k in np.linspace(0, len(measured) - 1, 3)}) if measured else []
    fig, axes = plots.figure(2, 2, 14, 8.6, sharex=True, sharey=True)
    for row, problem in zip(axes, (NETWORK, LOGISTIC)):
        steps = [s for size in sizes for run in runs_of(result, problem, ONE_BATCH, size) for s in run["steps"]]
        for axis, which, name in zip(row, ("one", "two"), ("dG on one batch", "dG on two batches")):
            if steps:
                axis.axvspan(*np.quantile(steps, (0.1, 0.9)), color="0.92", lw=0, zorder=0, label="steps of L-BFGS")
            for size in sizes:
                mine = [each for each in errors if (each["problem"], each["batch_size"]) == (problem, size)]
                draw_error(axis, mine, which, settings["rows"], sizes)
            slope = f": slope {signed(fits[problem][which].estimate)}" if problem in fits else ""
            title(axis, problem, settings, f"\n{name}{slope}")
            axis.axhline(1, color="0.4", lw=1)
            axis.set(xscale="log", yscale="log")
            axis.minorticks_off()
        row[0].set_ylabel("relative error (1: as long as the vector itself)")
    for axis in axes[1]:
        axis.set_xlabel("length of the step, ‖s‖")
    if errors:
        axes[1][0].set_xlim(0.7 * errors[0]["steps"][0], 1.4 * errors[0]["steps"][-1])
    axes[0][1].plot([], [], "k-", marker="o", label="error of dG")
    axes[0][1].plot([], [], "k:", label="error of g")
    axes[0][1].plot([], [], "k--", lw=1.2, label="√(2 tr Σ/B) / ‖dG‖")
    axes[0][1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    fig.suptitle("halfway through a run of SGD, for steps along −G; grey: as long as those of L-BFGS on one batch")
    return fig


def draw_error(axis: Any, rows: list[dict], which: str, n: int, sizes: Sequence[int]) -> None:
    """One batch size: the geometric mean over the seeds and their range; dotted the error of g, dashed the theory."""
    values, lengths = (np.array([row[name] for row in rows], dtype=float) for name in (which, "length"))
    if not rows or not (values > 0).all() or not (lengths > 0).all():  # nothing measured, or at an optimum
        return
    size, steps = rows[0]["batch_size"], rows[0]["steps"]
    colour, marker = plots.batch_colour(size, n), plots.batch_marker(size, sizes)
    axis.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, lw=0)
    axis.plot(steps, scipy.stats.gmean(values), color=colour, marker=marker, label=f"B = {size:,}")
    axis.axhline(scipy.stats.gmean([row["g"] for row in rows]), color=colour, ls=":")
    if which == "two":
        noise = np.array([[math.sqrt(2 * row["trace"] / size)] for row in rows])
        axis.plot(steps, scipy.stats.gmean(noise / lengths), color="black", ls="--", lw=1.2)
