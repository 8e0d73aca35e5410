"""C5b as tables and figures."""

from collections.abc import Callable
from typing import Any

import matplotlib.ticker
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.facts import left_out
from ..lab.text import headline, listed, median_and_range, model_name, number, table
from .measure import ALONE, BEST, NARROW, SAME, WIDE, WIDER
from .paired import Comparison, comparisons
from .trapped import end_points, share

SHIFT = {BEST: 1 / 1.2, SAME: 1.2}  # side by side on a log axis


def tables(result: dict[str, Any]) -> str:
    """The problems, where training and polishing end on them, and full batch against the smaller sizes."""
    ends, settings = end_points(result), result["settings"]
    problems = [
        [rows.name.iloc[0], f"{m:,}", network(rows, settings), number(rows.best.iloc[0]), number(rows.bound.iloc[0])]
        for (_, m), rows in ends.groupby(["problem", "m"], observed=True)
    ]
    trained = f"every size trained for {settings['epochs']} epochs and {settings['updates']:,} updates at least"
    parts = [
        f"{headline(settings)}\n{trained}, then polished; each seed is a start",
        table("Problems", ["", "rows", "network", "J*", "trapped above"], problems),
        *ends_tables(ends),
        comparison_table(comparisons(ends, BEST), "each at its best rate"),
        comparison_table(comparisons(ends, SAME), f"both at rate {settings['learning_rate']:g}"),
    ]
    return "\n\n".join(parts)


def ends_tables(ends: pd.DataFrame) -> list[str]:
    """Where training ends and where polishing ends, a line an arm and batch size."""
    where = "Where training ends: loss and sharpness λ (left out: rows that fill no batch, other ones each epoch)"
    trained, polished = [], []
    for (_, arm, size), rows in ends.groupby(["problem", "arm", "batch_size"], observed=True):
        ended, rate = rows[~rows.diverged], rows.learning_rate.iloc[0]
        label = f"{rows.name.iloc[0]}, {arm}"
        if size:
            label = f"{label}, {plots.batch_label(size, rows.m.iloc[0])}"
            loss = number(ended.trained_loss.median()) if len(ended) else "diverges"
            sharpness, out = median_and_range(ended.sharpness.tolist()), left_out(rows.m.iloc[0], size)
            trained.append([label, f"{out:,}", f"{rate:g}", loss, sharpness, number(2 / rate)])
        ending = [median_and_range(ended.loss.tolist()), f"{share(rows):.0%}", rows.trapped.isna().sum()]
        polished.append([label, len(rows), *ending])
    return [
        table(where, ["", "left out", "rate η", "loss", "λ", "2/η"], trained),
        table("Where polishing ends", ["", "starts", "loss", "trapped", "open"], polished),
    ]


def comparison_table(compared: dict[str, Comparison], rates: str) -> str:
    """Full batch against each smaller size: how many of the starts end trapped in both, in one, in none."""
    lines = []
    for name, each in compared.items():
        counts = [each.both, each.full_only, each.small_only, each.neither]
        lines.append([name, *counts, f"{each.difference:+.1%}", f"{each.p_value:.2g}"])
    title = f"Starts that end trapped with full batch and with a smaller batch, {rates}"
    return table(title, ["", "both", "full only", "smaller only", "none", "difference", "McNemar's p"], lines)


def network(rows: pd.DataFrame, settings: dict[str, Any]) -> str:
    """The network of a problem."""
    features = 2 if rows.problem.iloc[0] in NARROW else settings["features"]
    return model_name(settings | {"features": features, "classes": 2, "hidden": rows.hidden.iloc[0]})


def panels(
    result: dict[str, Any], title: str, ylabel: str, draw: Callable[[Any, pd.DataFrame], None], sharey: bool = True
) -> Figure | None:
    """A panel a problem with its data and its network, drawn by draw(axis, end points); a legend for all."""
    ends, settings = end_points(result), result["settings"]
    if ends.empty:
        return None
    names = ends.name.unique().tolist()
    shown = settings | {"dataset": listed(names), "rows": ends.m.iloc[-1]}
    fig, [axes] = plots.figure(1, len(names), 3 + 3.4 * len(names), 5.4, title, shown, "narrow networks", sharey=sharey)
    for axis, (_, mine) in zip(axes, ends.groupby("problem", observed=True)):
        data = f"{mine.name.iloc[0]}, {mine.m.iloc[0]:,} rows"
        axis.set_title(f"{data}\n{network(mine, settings)}", loc="left", fontsize=11)
        draw(axis, mine)
    axes[0].set_ylabel(ylabel)
    plots.legend_beside(axes[-1])
    return fig


def size_axis(axis: Any, ends: pd.DataFrame) -> None:
    """A log axis with room for marks beside the first and the last size."""
    sizes = ends.batch_size[ends.batch_size > 0]
    plots.batch_axis(axis, sizes)
    axis.set(xlim=(sizes.min() / 1.6, sizes.max() * 1.6), xlabel=f"batch size (full batch: {ends.m.iloc[0]:,})")


def draw_trapped(result: dict[str, Any]) -> Figure | None:
    """How many starts end trapped, against the batch size, and what descent alone does."""
    names = {BEST: "best rate of each size", SAME: f"rate {result['settings']['learning_rate']:g} for all sizes"}

    def draw(axis: Any, ends: pd.DataFrame) -> None:
        alone, wide = (share(ends[ends.arm == arm]) for arm in (ALONE, WIDE))
        axis.axhspan(alone.low, alone.high, color="0.9", lw=0)
        axis.axhline(alone.estimate, color="black", ls="--", lw=1.2, label="descent alone\n(shaded: 95 % interval)")
        axis.axhline(wide.estimate, color="black", ls=":", lw=2, label=f"descent alone with\n{WIDER} times the units")
        for index, (arm, name) in enumerate(names.items()):
            by_size = ends[ends.arm == arm].groupby("batch_size")
            x = [SHIFT[arm] * size for size in by_size.groups]
            plots.intervals(axis, x, [share(rows) for _, rows in by_size], index, name)
        size_axis(axis, ends)
        axis.set_ylim(-0.04, 1.04)
        axis.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, symbol=" %"))

    title = "How many starts end trapped, against the batch size"
    return panels(result, title, "starts that end trapped (95 % interval)", draw)


def draw_minima(result: dict[str, Any]) -> Figure | None:
    """The polished losses of all starts, a column a batch size: a minimum that several share is a level."""

    def draw(axis: Any, ends: pd.DataFrame) -> None:
        ticks = []
        for column, (size, rows) in enumerate(ends[ends.arm.isin([ALONE, BEST])].groupby("batch_size")):
            losses = np.sort(rows.loss.dropna())
            x = column + np.linspace(-0.36, 0.36, len(losses))
            axis.plot(x, losses, "o", ms=4, color="C0" if size else "black")
            ticks.append("alone" if size == 0 else "all" if size == rows.m.iloc[0] else f"{size:,}")
        axis.axhline(ends.bound.iloc[0], color="C1", lw=1.5, label="above: trapped")
        axis.plot([], [], "o", ms=4, color="black", label="a start, descent alone")
        axis.plot([], [], "o", ms=4, color="C0", label="a start, best rate\nof each size")
        axis.set_xticks(range(len(ticks)), ticks)
        axis.set_xlabel("batch size (in a column: starts by loss)")

    title = "Where training and polishing end: a level that many starts share is one minimum"
    return panels(result, title, "polished loss (mean log loss, nats)", draw, sharey=False)


def draw_sharpness(result: dict[str, Any]) -> Figure | None:
    """λ at the end of training, before polishing, beside 2/η."""
    names = {BEST: "best rate", SAME: f"rate {result['settings']['learning_rate']:g}"}

    def draw(axis: Any, ends: pd.DataFrame) -> None:
        for index, (arm, name) in enumerate(names.items()):
            by_size = ends[(ends.arm == arm) & ~ends.diverged].groupby("batch_size")
            groups = [rows.sharpness.tolist() for _, rows in by_size]
            plots.medians(axis, list(by_size.groups), groups, index, f"median λ, {name}\n(shaded: all starts)")
            style = {"color": f"C{index}", "marker": plots.MARKERS[index], "mfc": "white"}
            axis.plot(2 / by_size.learning_rate.first(), "--", label=f"2/η, {name}", **style)
        size_axis(axis, ends)
        plots.log_axes(axis, "y")

    title = "Sharpness λ where training ends, beside 2/η, above which a step of gradient descent overshoots"
    fig = panels(result, title, "largest eigenvalue λ of the Hessian", draw)
    if fig is not None:
        said = [
            f"{of_edge(rows)} ({rows.name.iloc[0]})" for _, rows in end_points(result).groupby("problem", observed=True)
        ]
        plots.write_below(fig, f"Median λ over 2/η of full batch, at its best rate: {listed(said)}.")
    return fig


def of_edge(ends: pd.DataFrame) -> str:
    """The median of λ over 2/η where full batch ended on a problem, each start at the best rate."""
    full = ends[(ends.arm == BEST) & (ends.batch_size == ends.m) & ~ends.diverged]
    return number((full.sharpness * full.learning_rate / 2).median())
