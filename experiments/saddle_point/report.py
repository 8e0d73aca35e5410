"""C5a as tables and figures."""

from typing import Any

import numpy as np
import scipy
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.facts import left_out
from ..lab.results import frame
from ..lab.statistics import mean_interval
from ..lab.text import data_name, median_and_range, number, table
from .judge import leaving, settled_above
from .theory import BATCH, EPOCH, PUSH, RADIUS, RANDOM, RANDOM_PUSH, ROUNDING, SPLITS, STEPS, rate_name

SYMBOLS = {
    "η₁": "1/(2 λ₊), a rate that suits the steepest direction",
    "v₋": "the direction downhill from the saddle",
    "ε": "how far along v₋ a run starts, or what its batches' kicks come to; it has left at r",
    "ρ": "growth along v₋ in an update",
    "uneven": "the two copies of the hidden unit differ in their outgoing weights",
}
MODEL = "a network with two tanh units, float64,"


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The saddles; who leaves them, and when; and where the loss settles."""
    saddles = frame(result, "saddle")
    used = saddles.N.max() if len(saddles) else 0
    parts = [f"{MODEL} on {data_name(result['settings'])}\n{used:,} rows are used; η₁ = 1/(2 λ₊)"]
    lines = [saddle_line(row) for row in saddles.to_dict("records")]
    lines += [[f"{row['seed']}: no saddle found", *["–"] * 7] for row in frame(result, "no saddle").to_dict("records")]
    header = ["seed, split", "features", "loss", "‖G‖", "λ < 0", "λ₋", "λ₊", "σ"]
    parts.append(table("The saddles", header, lines))
    if saddles.empty:
        return "\n\n".join(parts)
    columns = [("uneven", STEPS[0]), ("uneven", STEPS[1]), ("even", STEPS[0])]
    header = ["what moves it", *(f"{split}, {rate_name(step)}" for split, step in columns)]
    lines = [[name, *(leaving_cell(result, wanted, *column) for column in columns)] for name, wanted in movers(result)]
    parts.append(table("Median of the updates to leave [predicted], and how many runs stay", header, lines))
    lines = [
        [f"{size:,}", f"{left_out(used, size):,}", *(median_and_range(settled_above(result, size, e)) for e in STEPS)]
        for size in sorted(set(frame(result, "settling").batch_size))
    ]
    header = ["batch size", "left out", *map(rate_name, STEPS)]
    title = "Where the loss settles, less that of the saddle (left out: rows that fill no batch)"
    parts.append(table(title, header, lines))
    return "\n\n".join(parts)


def saddle_line(row: dict[str, Any]) -> list[str]:
    """A saddle as a line of the table."""
    s, values = SPLITS[row["split"]], row["eigenvalues"]
    negative = f"{sum(value < -1e-6 * values[-1] for value in values)} of {len(values)}"
    numbers = [number(value) for value in (values[0], values[-1], row["sigma"])]
    cells = [str(row["components"]), f"{row['loss']:.4f}", f"{row['gradient_norm']:.0e}", negative, *numbers]
    return [f"{row['seed']}: {s:g} v + {1 - s:g} v", *cells]


def movers(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What makes θ leave, and the fields of its rows."""
    sizes = sorted(set(leaving(result, arm=BATCH).batch_size))
    pushes = sorted(set(leaving(result, arm=PUSH).push), reverse=True)
    return [
        *((f"push of {push:g} along v₋", {"arm": PUSH, "push": push}) for push in pushes[::5]),
        (f"push of {RANDOM_PUSH:g} at random", {"arm": RANDOM}),
        *((f"{mover}, {size:,}", {"arm": mover, "batch_size": size}) for mover in (BATCH, EPOCH) for size in sizes),
        ("rounding", {"arm": ROUNDING}),
    ]


def leaving_cell(result: dict[str, Any], wanted: dict[str, Any], split: str, step: float) -> str:
    """Updates [predicted], or a dash where nobody leaves; and how many stay."""
    rows = leaving(result, split=split, step=step, **wanted)
    left = rows.dropna(subset="updates")
    stay = f", {len(rows) - len(left)} of {len(rows)} stay" if len(left) < len(rows) else ""
    if left.empty:
        return f"–{stay}"
    return f"{number(left.updates.median())} [{number(left.predicted.median())}]{stay}"


# ---- figures ---------------------------------------------------------------------------------------------------------


def meanings(*symbols: str) -> str:
    """What is written below a figure of its symbols."""
    return "; ".join(f"{symbol}: {SYMBOLS[symbol]}" for symbol in symbols)


def draw_surface(result: dict[str, Any]) -> Figure:
    """The ways of three descents over x²/2 + y⁴/4 − y²/2."""
    runs = frame(result, "surface").to_dict("records")
    title = f"{len(runs[0]['path']) - 1} updates from the same start: all data, all data pushed, and batches"
    fig, axes = plots.panels(1, 3, 13, 5.2, sharex=True, sharey=True)
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold")
    x, y = np.linspace(-0.6, 1.7, 120), np.linspace(-1.5, 1.5, 120)
    height = x**2 / 2 + (y**4 / 4 - y**2 / 2)[:, None]
    for axis, run in zip(axes[0], runs):
        axis.contour(x, y, height, 18, colors="0.55", linewidths=1)
        axis.plot(*np.array(run["path"]).T, "o-", color=plots.batch_colour(run["batch_size"], run["N"]), lw=1.5, ms=3.5)
        axis.plot(*run["path"][0], "s", color="black", ms=8)
        axis.plot(0, 0, "X", color="black", ms=10)
        axis.plot([0, 0], [-1, 1], "*", color="#009E73", mec="black", ms=16, ls="none")
        name = f"all {run['N']} samples" if run["batch_size"] == run["N"] else f"batches of {run['batch_size']}"
        axis.set_title(name + (f", pushed by {run['push']:g}" if run["push"] else ""), loc="left")
        axis.set_xlabel("x")
    axes[0][0].set_ylabel("y")
    rate = runs[0]["learning_rate"]
    below = f"■ start, ✖ saddle, ★ minima; a loss of two parameters, x²/2 + y⁴/4 − y²/2, at η = {rate:g}"
    plots.write_below(fig, below)
    return fig


def draw_plateau(result: dict[str, Any]) -> Figure | None:
    """Gradient norm and loss of runs that come to the saddle and linger, or leave."""
    if frame(result, "saddle").empty:
        return None
    title = "Runs that come to a saddle: gradient norm and loss"
    fig, [[norm, loss]] = plots.figure(1, 2, 14, 5.2, title, result["settings"], MODEL, meanings("uneven"))
    runs = frame(result, "plateau").to_dict("records")
    for index, run in enumerate(runs):
        label = f"batches of {run['batch_size']:,}, {run['split']} split"
        if run["push"]:
            label = f"all data, {run['split']} split,\npushed by {run['push']:g}"
        for axis, name in ((norm, "gradient_norm"), (loss, "loss")):
            axis.plot(run["updates"], run[name], ("-", "--", ":")[index], color=f"C{index}", lw=2, label=label)
            axis.set_xlim(0, min(each["updates"][-1] for each in runs))
            axis.set_xlabel("updates")
    saddle = frame(result, "saddle").loss.iloc[0]
    loss.axhline(saddle, color="black", lw=1)
    loss.annotate("the saddle's loss", (0.02, saddle), xycoords=("axes fraction", "data"), va="top")
    norm.set(yscale="log", ylabel="‖G‖ over all data")
    loss.set_ylabel("loss over all data (nats)")
    plots.legend_beside(loss)
    return fig


def draw_updates(result: dict[str, Any]) -> Figure | None:
    """Updates to leave against ε, at one saddle, whatever moves it."""
    if frame(result, "saddle").empty:
        return None
    title = "Updates to leave one saddle, against the projection ε that grows: measured and predicted"
    fig, [[axis]] = plots.figure(1, 1, 11, 5.8, title, result["settings"], MODEL, meanings("η₁", "v₋", "ε"))
    names = {PUSH: "all data, pushed along v₋", RANDOM: "all data, pushed at random"}
    names[ROUNDING] = "all data, not pushed: rounding\n(hollow, at the top: never;\nno bit of θ changes any more)"
    seed = frame(result, "saddle").seed.iloc[0]
    for index, step in enumerate(STEPS[:2]):
        rows = leaving(result, seed=seed, split="uneven", step=step)
        line = [RADIUS, rows.push.min()], [0, rows.predicted.max()]
        axis.plot(*line, color=f"C{index}", lw=1.2, label=f"predicted, at {rate_name(step)}")
        for mover, marker in zip(names, plots.MARKERS):
            mine = rows[rows.arm == mover]
            axis.plot(mine.push, mine.updates, marker, color=f"C{index}", ms=8, alpha=0.8)
            still = mine[mine.rests.astype(bool)]
            look: dict[str, Any] = {"color": f"C{index}", "mfc": "none", "ms": 10, "clip_on": False, "in_layout": False}
            axis.plot(still.push, [1.0] * len(still), marker, transform=axis.get_xaxis_transform(), **look)
    for name, marker in zip(names.values(), plots.MARKERS):
        axis.plot([], [], marker, color=plots.GREY, label=name)
    axis.set(xlabel=f"ε, the projection on v₋ that grows to r = {RADIUS:g}; smaller →", ylabel="updates to leave")
    finish(axis)
    return fig


def finish(axis: Any) -> None:
    """ε falls from left to right; the legend beside."""
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(plots.plain_number)
    plots.legend_beside(axis)


def draw_batches(result: dict[str, Any]) -> Figure | None:
    """Updates × ln ρ of batches from uneven saddles: the mean of a size, a rate and a way to draw, and its interval."""
    rows = leaving(result, split="uneven").dropna(subset="updates")
    rows = rows[rows.arm.isin([BATCH, EPOCH])]
    if rows.empty:
        return None
    title = "How soon batches of each size leave the uneven saddles, measured and predicted"
    fig, [[axis]] = plots.figure(1, 1, 11, 5.8, title, result["settings"], MODEL, meanings(*SYMBOLS))
    n = frame(result, "saddle").N.iloc[0]
    for (size, step, mover), mine in rows.groupby(["batch_size", "step", "arm"]):
        mean = mean_interval((mine.updates * np.log(mine.growth)).tolist())
        colour = plots.batch_colour(size, n)
        style = {"ms": 9, "capsize": 3, "color": colour, "fmt": "o" if step == STEPS[0] else "s"}
        label = f"batch size {size:,}" if (step, mover) == (STEPS[0], BATCH) else None
        fill = colour if mover == BATCH else "none"
        x = scipy.stats.gmean(mine.push)
        axis.errorbar(x, mean.estimate, plots.reach([mean]), mfc=fill, label=label, **style)
    looks = (("o", None, f"{rate_name(STEPS[0])}, each batch drawn anew"), ("s", None, rate_name(STEPS[1])))
    for marker, fill, label in (*looks, ("o", "none", "hollow: batches of an epoch")):
        axis.plot([], [], marker, color=plots.GREY, mfc=fill, label=label)
    least = rows.push.min()
    axis.plot([RADIUS, least], [0, np.log(RADIUS / least)], color="black", lw=1.2, label="predicted: ln(r/ε)")
    y = "updates to leave × ln ρ (mean, 95 % interval)"
    axis.set(xlabel="ε that the batches' kicks come to; smaller →", ylabel=y)
    finish(axis)
    return fig


def draw_settling(result: dict[str, Any]) -> Figure | None:
    """Where the loss settles after leaving, against the batch size, a line a rate; the range over the seeds shaded."""
    if frame(result, "saddle").empty:
        return None
    title = "Where the loss settles after leaving the saddle"
    fig, [[axis]] = plots.figure(1, 1, 9.5, 5.2, title, result["settings"], MODEL, meanings("η₁"))
    sizes = sorted(set(frame(result, "settling").batch_size))
    for index, step in enumerate(STEPS):
        groups = {size: settled_above(result, size, step) for size in sizes}
        groups = {size: values for size, values in groups.items() if values}
        plots.medians(axis, list(groups), list(groups.values()), index, rate_name(step))
    axis.axhline(0, color="black", lw=1, ls="--")
    axis.annotate("the saddle", (0.99, 0), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    plots.batch_axis(axis, sizes)
    axis.set_ylabel("loss where it settles − the saddle's (nats)")
    plots.legend_beside(axis, title="learning rate\n(median, range)")
    return fig
