"""C10a and C10b as tables and figures: what agrees, what an update takes, and where more ranks are repetition."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.critical_batch import without_replacement
from ..lab.results import frame
from ..lab.text import headline, median_and_range, number, table, wrapped
from .judge import ranks_that_pay, sizes_asked, speed_up, step, update_on, updates, updates_curve


def tables(result: dict[str, Any]) -> str:
    """What agrees; the clock; updates and efficiency."""
    agreement, runs = frame(result, "agreement"), frame(result, "run")
    parts = [headline(result["settings"])]
    lines = [
        [split, number(rows.gradient.max()), number(rows.noise.max())]
        for split, rows in agreement.groupby("split", sort=False)
    ]
    ranks = int(agreement.ranks.max())
    header = ["rows of the ranks", "gradient G", "noise tr Σ"]
    parts.append(table(f"Against one process, on {ranks} rank(s): largest difference, as a share", header, lines))
    lines = [[row.optimizer, number(row.apart), "yes" if row.alike else "no"] for row in runs.itertuples()]
    title = "Parameters after 200 updates on batches of 32, against one process"
    parts.append(table(title, ["optimizer", "difference", "all ranks alike"], lines))
    clock = frame(result, "clock")
    lines = [
        [f"{row.batch_size:,}", row.ranks, median_and_range(row.microseconds), f"{share_of(row):.0%}"]
        for row in clock.itertuples()
    ]
    header = ["batch size", "ranks", "µs an update", "of it the message"]
    parts.append(table("What an update takes, one BLAS thread a rank; median (least…greatest)", header, lines))
    parts += [wrapped(fit_line(result)), efficiency_table(result)]
    return "\n\n".join(parts)


def share_of(row: Any) -> float:
    """The share of an update that is the message, and waiting for the slowest rank."""
    return float(np.median(row.message) / np.median(row.microseconds))


def fit_line(result: dict[str, Any]) -> str:
    """The fit of an update, and how many ranks pay by it."""
    fitted = step(result)
    pay = ranks_that_pay(result)
    if not pay:
        return "There was one rank: what a message takes is not measured."
    size, most = list(pay.items())[-1]
    a, b, s = (number(fitted[name]) for name in "abs")
    return (
        f"Fitted: {a} + {b} B/R + {s} log₂ R µs; by it a batch of {int(size):,} rows is fastest on {number(most)} "
        "ranks (simulated past the ranks above)."
    )


def efficiency_table(result: dict[str, Any]) -> str:
    """Updates to the target, and the efficiency of as many ranks as the batch has times B_local."""
    S, settings = updates(result), result["settings"]
    local, curve = settings["local"], updates_curve(result)
    if local not in S.columns:
        return "No run with the rows of one rank came to the target"
    middle = S.median()
    asked = sizes_asked(result) if curve else ()
    lines = [
        [
            f"{int(size):,}" + (" ←" if size in asked else ""),
            number(size / local),
            number(middle[size]),
            number(curve.updates(without_replacement(size, settings["rows"]))) if curve else "–",
            f"{middle[local] * local / (middle[size] * size):.2f}",
        ]
        for size in S.columns
        if size >= local
    ]
    B_c = f"B_c = {curve.B_c}" if curve else "too few sizes to fit B_c"
    title = f"Updates to a training loss of {settings['target']:g}; ranks of {local} rows; {B_c} (←: not in the fit)"
    return table(title, ["batch size", "ranks", "updates", "fitted", "efficiency"], lines)


def draw_ranks(result: dict[str, Any]) -> Figure | None:
    """How much sooner R ranks reach the target: by updates alone, and with what the machine takes."""
    curve = updates_curve(result)
    if curve is None:
        return None
    settings, S = result["settings"], updates(result).median()
    local = settings["local"]
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, f"How many ranks of {local} rows pay?", settings)
    R = np.geomspace(1, settings["rows"] / local, 100)
    n = settings["rows"]
    by_updates = curve.updates(without_replacement(local, n)) / curve.updates(without_replacement(R * local, n))
    axis.plot(R, R, color=plots.GREY, ls=":", label="perfect: R times as fast")
    axis.plot(R, by_updates, color="C0", label="fitted: fewer updates, if messages were free")
    sizes = [size for size in S.index if size >= local]
    points = [S[local] / S[size] for size in sizes]
    axis.plot(np.divide(sizes, local), points, "o", color="C0", label="measured: updates at the best rate")
    fitted = step(result)
    if fitted["s"] > 0:
        with_message = [speed_up(settings, fitted, curve, ranks) for ranks in R]
        axis.plot(R, with_message, color="C1", ls="--", label="simulated: with the messages of this machine")
    bound = curve.B_c.estimate / local
    axis.axvline(bound, color="C2", lw=1.5, label=f"B_c/B_local = {number(bound)}")
    plots.log_axes(axis)
    axis.set(xlabel="ranks R", ylabel="times as fast to the target as one rank")
    plots.legend_beside(axis)
    return fig


def draw_updates(result: dict[str, Any]) -> Figure | None:
    """Microseconds of an update against the batch size, a line a number of ranks; the fit behind."""
    clock, fitted = frame(result, "clock"), step(result)
    if clock.empty:
        return None
    title = "What an update takes, and what of it is the message"
    fig, [[axis]] = plots.figure(1, 1, 10, 5.2, title, result["settings"])
    for index, (ranks, rows) in enumerate(clock.groupby("ranks")):
        sizes = rows.batch_size.tolist()
        plots.medians(axis, sizes, rows.microseconds.tolist(), index, f"update on {ranks} rank{'s' * (ranks > 1)}")
        axis.plot(sizes, [update_on(fitted, size, ranks) for size in sizes], color=f"C{index}", lw=1, ls=":")
        if ranks > 1:
            message = [np.median(each) for each in rows.message]
            axis.plot(sizes, message, color=f"C{index}", ls="--", marker="x", label=f"of it the message, {ranks} ranks")
    axis.plot([], [], color="black", lw=1, ls=":", label="fitted: a + b B/R + s log₂ R")
    plots.batch_axis(axis, sorted(set(clock.batch_size)))
    plots.log_axes(axis, "y")
    axis.set_ylabel("µs an update")
    plots.legend_beside(axis)
    return fig
