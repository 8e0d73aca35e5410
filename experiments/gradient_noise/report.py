"""C2 as tables and figures."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.results import frame
from ..lab.text import headline, median_and_range, styled, table
from .judge import fit, predicted
from .measure import BY_CLASS, INDEPENDENT, PLACES, TRAINING_BATCH, WITHOUT_REPLACEMENT

SYMBOLS = "g: gradient of a batch; G: of all N rows; E: mean over many batches; tr Σ: variance of one row's gradient"
RUN_COLUMNS = {"loss": "loss", "trace": "tr Σ", "square_norm": "‖G‖²", "noise_scale": "noise scale"}


def tables(result: dict[str, Any]) -> str:
    """Slope and level of each way of drawing, and the noise scale along the run."""
    settings = result["settings"]
    lines = [
        [f"{sampling}, {place}", *(f"{interval:.3f}" for interval in fit(result, place, sampling))]
        for sampling in (INDEPENDENT, WITHOUT_REPLACEMENT, BY_CLASS)
        for place in PLACES
    ]
    title = f"Spread of a batch's gradient; at least {settings['draws']} batches of each size, 95 % intervals"
    spreads = table(title, ["batches drawn", "slope", "spread / prediction"], lines)
    lines = [
        [f"{updates:,}", *(median_and_range(runs[name].tolist()) for name in RUN_COLUMNS)]
        for updates, runs in frame(result, "run", never=["noise_scale"]).groupby("updates")
    ]
    runs = table("Along a run: median (least…greatest) of the seeds", ["updates", *RUN_COLUMNS.values()], lines)
    return "\n\n".join([headline(settings), spreads, runs])


def draw_spread(result: dict[str, Any]) -> Figure:
    """Spread against n, measured and predicted, for random batches."""
    title = "Spread of the gradient of random batches, measured and by the theory: 1/√n"
    fig, [[axis]] = plots.figure(1, 1, 9, 5.6, title, result["settings"], symbols=SYMBOLS)
    for index, place in enumerate(PLACES):
        draw_place(axis, frame(result, "spread", place=place, sampling=INDEPENDENT), index, "o", f"{place} of training")
        draw_place(axis, frame(result, "spread", place=place, sampling=WITHOUT_REPLACEMENT), index, "s", None)
    axis.plot([], [], "o-", color="black", lw=1.2, label="with replacement; line: √(tr Σ/n)")
    axis.plot([], [], "s--", color="black", lw=1.2, mfc="none", label="without; line: √(tr Σ/n) √((N − n)/(N − 1))")
    label_axes(axis, result)
    return fig


def draw_control(result: dict[str, Any]) -> Figure:
    """Spread against n for batches cut from data ordered by class."""
    title = "The control: batches of neighbours in rows ordered by class"
    fig, [[axis]] = plots.figure(1, 1, 9, 5.6, title, result["settings"], symbols=SYMBOLS)
    for index, place in enumerate(PLACES):
        slope, _ = fit(result, place, BY_CLASS)
        label = f"{place} of training: slope {styled(slope.estimate, '.2f')}"
        draw_place(axis, frame(result, "spread", place=place, sampling=BY_CLASS), index, "o", label)
    axis.plot([], [], "-", color="black", lw=1.2, label="what random batches would do: √(tr Σ/n)")
    label_axes(axis, result)
    plots.write_below(fig, "These batches are not random: they must not follow the line of those that are.")
    return fig


def label_axes(axis: Any, result: dict[str, Any]) -> None:
    """Axes from the spread of one sample down to a fourth of the least spread of random batches."""
    rows = frame(result, "spread", sampling=INDEPENDENT)
    plots.batch_axis(axis, rows.batch_size)
    axis.set(xlabel="samples in a batch, n", ylabel="spread of the batch gradient, √E‖g − G‖²", yscale="log")
    spreads = rows.spread[rows.spread > 0]
    if len(spreads):
        axis.set_ylim(spreads.min() / 4, 2 * spreads.max())
    axis.legend(fontsize=9, loc="lower left")


def draw_place(axis: Any, rows: pd.DataFrame, index: int, marker: str, label: str | None) -> None:
    """One place of training and one way of drawing: mean and range over the seeds, and the line of the theory."""
    rows = rows[rows.spread > 0]
    if rows.empty:
        return
    by_size, sampling, N = rows.groupby("batch_size").spread, rows.sampling.iloc[0], rows.N.iloc[0]
    middle, hollow = by_size.mean(), sampling == WITHOUT_REPLACEMENT
    axis.errorbar(
        middle.index,
        middle,
        yerr=np.array([middle - by_size.min(), by_size.max() - middle]),
        fmt=marker,
        color=f"C{index}",
        mfc="none" if hollow else f"C{index}",
        ms=9 if hollow else 6,
        capsize=3,
        label=label,
    )
    n = np.geomspace(1, N, 200)
    axis.plot(n, predicted(rows.trace.mean(), n, N, sampling), "--" if hollow else "-", color=f"C{index}", lw=1.2)


def draw_noise_scale(result: dict[str, Any]) -> Figure:
    """tr Σ/‖G‖² along the run."""
    title = "The batch size at which noise and gradient are equally long, along a run"
    fig, [[axis]] = plots.figure(1, 1, 9, 5.2, title, result["settings"])
    rows = frame(result, "run", never=["noise_scale"])
    groups = rows[np.isfinite(rows.noise_scale)].groupby("updates").noise_scale
    x = [updates + 1 for updates in groups.groups]  # the start would have no place on a log axis
    plots.medians(axis, x, [group.tolist() for _, group in groups], 0, "median and range of the seeds")
    plots.log_axes(axis)
    for rows_, name in ((result["settings"]["rows"], "all rows"), (TRAINING_BATCH, "the batches of this run")):
        axis.axhline(rows_, color="black", lw=1, ls="--")
        axis.annotate(name, (0.99, rows_), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    axis.set(xlabel=f"1 + updates of training at batch size {TRAINING_BATCH}", ylabel="noise scale tr Σ/‖G‖² (rows)")
    axis.legend()
    return fig
