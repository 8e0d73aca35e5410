"""Trapped end points as tables and figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import plots, table
from .statistics import Interval, median
from .trapped import ALONE, BEST, SAME, WIDE, WIDER, EndPoints, compare

SHIFT = {BEST: -0.02, SAME: 0.02}  # of the axis' length: side by side at one batch size
MARKER = {BEST: "o", SAME: "s"}


def points(difference: Interval) -> str:
    """A difference of shares, in starts of a hundred."""
    if math.isnan(difference.estimate):
        return "–"
    return f"{100 * difference.estimate:+.1f} ({100 * difference.low:+.1f} … {100 * difference.high:+.1f})"


def ends_table(name: str, ends: EndPoints) -> str:
    """Where training and polishing end, a line an arm and batch size."""
    arms = [(ALONE, None), (WIDE, None), *((arm, size) for arm in (BEST, SAME) for size in ends.sizes)]
    header = ["training", "batch size", "rate η", "trained loss", "polished loss", "trapped %", "open", "λ", "2/η"]
    lines = table.render(header, [_line(ends, arm, size) for arm, size in arms])
    learnt = f"J* = {ends.best:.4g}, trapped above {ends.bound:.4g}"
    return f"{name}: {ends.m:,} rows, {ends.network}; {learnt}\n\n{lines}"


def _line(ends: EndPoints, arm: str, batch_size: int | None) -> list[str]:
    label = "–" if batch_size is None else plots.batch_label(batch_size, ends.m)
    rows = ends.ended(arm, batch_size)
    if not rows:
        return [arm, label, "diverges", *[""] * 6]
    rate, share = rows[0]["rate"], ends.share(arm, batch_size)
    n_open = sum(ends.trapped(row) is None for row in ends.of(arm, batch_size).values())
    trained = [table.number(median([row["sharpness"] for row in rows])), table.number(2 / rate)] if rate else ["–", "–"]
    return [
        arm,
        label,
        f"{rate:g}" if rate else "–",
        table.number(median([row["trained_loss"] for row in rows])),
        table.median_and_range([row["loss"] for row in rows]),
        f"{100 * share.estimate:.0f} ({100 * share.low:.0f}…{100 * share.high:.0f})",
        str(n_open),
        *trained,
    ]


def comparison_table(problems: dict[str, EndPoints]) -> str:
    """Full batch against each smaller size: how many of the starts end trapped in both, in one, in none."""
    lines = []
    for name, ends in problems.items():
        for arm in (BEST, SAME):
            for size in ends.smaller:
                found = compare(ends, arm, size)
                counts = [str(count) for count in (found.both, found.full_only, found.small_only, found.neither)]
                label = f"{name}, batch {size:,}, {arm}"
                lines.append([label, *counts, points(found.difference), f"{found.p_value:.2g}"])
    header = ["full batch against", "both trapped", "full batch only", "the smaller only", "neither"]
    return table.render([*header, "difference of 100", "McNemar's p"], lines)


def draw_trapped(problems: dict[str, EndPoints], settings: dict[str, Any]) -> Any:
    """How many starts end trapped, against the batch size; a panel a problem."""
    fig, axes = plots.figure(1, max(1, len(problems)), 13, 5.2, sharey=True)
    for axis, (name, ends) in zip(axes[0], problems.items()):

        def percent(arm: str, size: int | None, ends: EndPoints = ends) -> tuple[float, float, float]:
            share = ends.share(arm, size)
            return 100 * share.low, 100 * share.estimate, 100 * share.high

        _draw_by_size(axis, ends, settings, percent)
        low, middle, high = percent(ALONE, None)
        axis.axhspan(low, high, color="0.5", alpha=0.15, lw=0)
        axis.axhline(
            middle, color="black", ls="--", lw=1.2, label="base rate: descent alone, no training (shaded: 95 %)"
        )
        _, wide, _ = percent(WIDE, None)
        axis.axhline(wide, color="black", ls=":", lw=2, label=f"the same with {WIDER} times the units")
        axis.set_title(f"{name}, {ends.network}", loc="left")
    axes[0][0].set(ylim=(-4, 104), ylabel="starts that end trapped, % (95 % interval)")
    _legend(fig, axes[0][0], settings)
    fig.suptitle(f"Trapped: a tenth or more of what there was to learn is out of reach (starts: {settings['seeds']})")
    return fig


def draw_sharpness(problems: dict[str, EndPoints], settings: dict[str, Any]) -> Any:
    """λ at the end of training, before polishing, beside 2/η."""
    fig, axes = plots.figure(1, max(1, len(problems)), 13, 5.2, sharey=True)
    for axis, (name, ends) in zip(axes[0], problems.items()):

        def sharpness(arm: str, size: int, ends: EndPoints = ends) -> tuple[float, float, float]:
            low, middle, high = np.quantile([row["sharpness"] for row in ends.ended(arm, size)], (0.1, 0.5, 0.9))
            return low, middle, high

        _draw_by_size(axis, ends, settings, sharpness)
        for arm, width, rate in ((BEST, 3.5, "the best rate"), (SAME, 1.2, f"η = {settings['learning_rate']:g}")):
            sizes = [size for size in ends.sizes if ends.ended(arm, size)]
            edges = [2 / ends.ended(arm, size)[0]["rate"] for size in sizes]
            x = [_beside(size, arm, ends) for size in sizes]
            axis.plot(x, edges, "_", color="black", ms=24, mew=width, label=f"2/η at {rate}")
        axis.set_title(f"{name}, {ends.network}", loc="left")
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(plots.plain_number)
    axes[0][0].set_ylabel("largest eigenvalue λ of the Hessian\n(median, 10 to 90 % of the starts)")
    _legend(fig, axes[0][0], settings)
    fig.suptitle("Sharpness λ where training ended; above 2/η a step of gradient descent overshoots")
    return fig


def _draw_by_size(axis: Any, ends: EndPoints, settings: dict[str, Any], interval: Callable) -> None:
    """interval(arm, size) -> (low, middle, high) as an error bar; filled for the best rates."""
    for arm in SHIFT:
        for size in ends.sizes:
            if ends.ended(arm, size):
                low, middle, high = interval(arm, size)
                colour = _colour(size, ends, settings)
                axis.errorbar(
                    _beside(size, arm, ends), middle, yerr=[[middle - low], [high - middle]], fmt=MARKER[arm], ms=10,
                    capsize=5, color=colour, mfc=colour if arm == BEST else "white",
                )  # fmt: skip
    plots.batch_axis(axis, ends.sizes)
    axis.set_xlim(min(ends.sizes) / 2, max(ends.sizes) * 2)
    axis.set_xticks(ends.sizes, [_size_name(size, ends) for size in ends.sizes])


def _beside(batch_size: int, arm: str, ends: EndPoints) -> float:
    """Where an arm stands on the axis, which runs from half of the least batch size to twice the largest."""
    return batch_size * (4 * max(ends.sizes) / min(ends.sizes)) ** SHIFT[arm]


def _legend(fig: Any, axis: Any, settings: dict[str, Any]) -> None:
    """One legend below all panels: the two arms, and what `axis` has labelled."""
    labels = {BEST: "best rate of each batch size", SAME: f"η = {settings['learning_rate']:g} for all"}
    for arm, label in labels.items():
        axis.plot([], [], MARKER[arm], color="0.3", mfc="0.3" if arm == BEST else "white", ms=10, label=label)
    fig.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def draw_minima(problems: dict[str, EndPoints], settings: dict[str, Any]) -> Any:
    """The polished losses of all starts in ascending order: distinct minima are steps."""
    fig, axes = plots.figure(2, max(1, len(problems)), 13, 8, sharex=True, sharey="col")
    titles = {BEST: "best rate of each size", SAME: f"η = {settings['learning_rate']:g} for all"}
    for row, arm in zip(axes, titles):
        for axis, (name, ends) in zip(row, problems.items()):
            for k, size in enumerate(reversed(ends.sizes)):  # thick below thin: what coincides stays visible
                style = {"color": _colour(size, ends, settings), "lw": max(1.5, 7 - 2.5 * k)}
                _draw_sorted(axis, ends.ended(arm, size), f"batch {_size_name(size, ends)}", **style)
            _draw_sorted(axis, ends.ended(ALONE), "descent alone", color="black", lw=1.2, ls="--")
            axis.axhline(ends.bound, color=plots.COLOURS[1], lw=1.5)
            axis.annotate("trapped ↑", (1.01, ends.bound), xycoords=("axes fraction", "data"), va="center", fontsize=9,
                          color=plots.COLOURS[1])  # fmt: skip
            axis.set_title(f"{name}: {titles[arm]}", loc="left", fontsize=11)
        row[0].set_ylabel("polished loss (mean log loss, nats)")
    for axis in axes[1]:
        axis.set_xlabel("starts in the order of their loss, %")
    for axis in axes[0][: len(problems)]:
        axis.legend(fontsize=9, loc="upper left")
    fig.suptitle(
        f"Where training and polishing end (starts: {settings['seeds']}): a step is a minimum that several share"
    )
    return fig


def _draw_sorted(axis: Any, rows: list[dict], label: str, **style: Any) -> None:
    losses = sorted(row["loss"] for row in rows)
    if losses:
        axis.step(np.linspace(0, 100, len(losses) + 1), [*losses, losses[-1]], where="post", label=label, **style)


def _colour(batch_size: int, ends: EndPoints, settings: dict[str, Any]) -> Any:
    """The colour of a batch size; all has one, however many rows a problem has."""
    n = settings["rows"]
    return plots.batch_colour(n if batch_size == ends.m else min(batch_size, n), n)


def _size_name(batch_size: int, ends: EndPoints) -> str:
    return f"all {batch_size:,}" if batch_size == ends.m else f"{batch_size:,}"
