"""Tables and figures of the experiment on saddle points, from the rows of its result."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import scipy.stats

from . import plots, table
from .saddle import (
    BATCH,
    EPOCH,
    PUSH,
    RADIUS,
    RANDOM,
    RANDOM_PUSH,
    ROUNDING,
    SPLITS,
    STEPS,
    rate_name,
    updates_to_leave,
)
from .statistics import Interval, mean_interval, median


def select(result: dict[str, Any], kind: str, **wanted: Any) -> list[dict]:
    """The rows of a kind whose fields are as wanted."""
    rows = [row for row in result["rows"] if row["kind"] == kind]
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def mean_of(values: list[float]) -> Interval:
    """The mean and its interval, endless where there is nothing to go by."""
    return mean_interval(values) if values else Interval(math.nan, -math.inf, math.inf)


def settled_above(result: dict[str, Any], batch_size: int, step: float) -> list[float]:
    """The loss where it settles, less that of the saddle, a value a seed; without what is no number."""
    rows = select(result, "settling", batch_size=batch_size, step=step)
    return [row["above_saddle"] for row in rows if row["above_saddle"] is not None]


def tables(result: dict[str, Any]) -> str:
    """The saddles; who leaves them, and when; and where the loss settles."""
    settings = result["settings"]
    used = max((row["N"] for row in select(result, "saddle")), default=0)
    head = f"saddles of a network with two tanh units on {settings['dataset']}: {used:,} of {settings['rows']:,} rows"
    parts = [f"{head} to train on, float64, η₁ = 1/(2 λ₊)"]
    lines = []
    for row in select(result, "saddle"):
        s, values = SPLITS[row["split"]], row["eigenvalues"]
        negative = f"{sum(value < -1e-6 * values[-1] for value in values)} of {len(values)}"
        numbers = [table.number(value) for value in (values[0], values[-1], row["sigma"])]
        cells = [str(row["components"]), f"{row['loss']:.4f}", f"{row['gradient_norm']:.0e}", negative, *numbers]
        lines.append([f"{row['seed']}: {s:g} v + {1 - s:g} v", *cells])
    lines += [[f"{row['seed']}: no saddle found", *["–"] * 7] for row in select(result, "no saddle")]
    parts.append(table.render(["seed, split", "features", "loss", "‖G‖", "λ < 0", "λ₋", "λ₊", "σ"], lines))
    if not select(result, "saddle"):
        return "\n\n".join(parts)
    columns = [("uneven", STEPS[0]), ("uneven", STEPS[1]), ("even", STEPS[0])]
    header = ["what moves it", *(f"{split}, {rate_name(step)}" for split, step in columns)]
    lines = [[name, *(leaving_cell(result, wanted, *column) for column in columns)] for name, wanted in movers(result)]
    parts.append("Updates to leave [predicted]: median (least…greatest), and how many runs stay")
    parts.append(table.render(header, lines))
    lines = [
        [f"{size:,}", *(table.median_and_range(settled_above(result, size, step) or [math.nan]) for step in STEPS)]
        for size in sorted({row["batch_size"] for row in select(result, "settling")})
    ]
    parts.append("Where the loss settles, less that of the saddle")
    parts.append(table.render(["batch size", *map(rate_name, STEPS)], lines))
    return "\n\n".join(parts)


def movers(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What makes θ leave, and the fields of its rows."""
    sizes = sorted({row["batch_size"] for row in select(result, "leaving", arm=BATCH)})
    pushes = sorted({row["push"] for row in select(result, "leaving", arm=PUSH)}, reverse=True)
    return [
        *((f"push of {push:g} along v₋", {"arm": PUSH, "push": push}) for push in pushes[::5]),
        (f"push of {RANDOM_PUSH:g} at random", {"arm": RANDOM}),
        *((f"{arm}, {size:,}", {"arm": arm, "batch_size": size}) for arm in (BATCH, EPOCH) for size in sizes),
        ("rounding", {"arm": ROUNDING}),
    ]


def leaving_cell(result: dict[str, Any], wanted: dict[str, Any], split: str, step: float) -> str:
    """Updates [predicted], or a dash where nobody leaves; and how many stay."""
    rows = select(result, "leaving", split=split, step=step, **wanted)
    left = [row for row in rows if row["updates"] is not None]
    stay = f", {len(rows) - len(left)} of {len(rows)} stay" if len(left) < len(rows) else ""
    if not left:
        return f"–{stay}"
    predicted = table.number(median([updates_to_leave(row["push"], row["growth"]) for row in left]))
    return f"{table.median_and_range([row['updates'] for row in left])} [{predicted}]{stay}"


def draw_updates(result: dict[str, Any]) -> Any:
    """Updates to leave against ε: at one saddle, whatever moves it; and the batches at all uneven ones, closer."""
    fig, [[left, right]] = plots.figure(1, 2, 14, 6)
    seed = select(result, "saddle")[0]["seed"]
    names = {
        PUSH: "all data, pushed along v₋", RANDOM: "all data, pushed at random", BATCH: "batches, not pushed",
        ROUNDING: "all data, not pushed: rounding\n(hollow: rest for ever, no bit of θ changes)",
    }  # fmt: skip
    for index, step in enumerate(STEPS[:2]):
        rows = select(result, "leaving", seed=seed, split="uneven", step=step)
        predict(left, min(row["push"] for row in rows), rows[0]["growth"], f"C{index}", f"at {rate_name(step)}")
        for arm, marker in zip(names, plots.MARKERS):
            mine = [row for row in rows if row["arm"] == arm]
            gone = [row for row in mine if row["updates"] is not None]
            pushes, updates = ([row[field] for row in gone] for field in ("push", "updates"))
            left.plot(pushes, updates, marker, color=f"C{index}", ms=7, alpha=0.7)
            still = [row["push"] for row in mine if row["rests"]]
            expected = [updates_to_leave(push, rows[0]["growth"]) for push in still]
            left.plot(still, expected, marker, color=f"C{index}", mfc="none", ms=12)
    for name, marker in zip(names.values(), plots.MARKERS):
        left.plot([], [], marker, color="0.4", label=name)
    left.set(xlabel=f"ε, the projection on v₋ that grows to r = {RADIUS:g}", ylabel="updates to leave")
    left.yaxis.set_major_formatter(plots.plain_number)
    left.set_title("one saddle: every decade of ε costs the same", loc="left")
    draw_batches(right, result)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.invert_xaxis()
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=9, loc="upper left")
    return fig


def predict(axis: Any, least: float, growth: float, colour: str, name: str) -> None:
    """The line ln(r/ε) / ln ρ, from r down to the least ε."""
    axis.plot(
        [RADIUS, least], [0, updates_to_leave(least, growth)], "-", color=colour, lw=1.2, label=f"predicted, {name}"
    )


def draw_batches(axis: Any, result: dict[str, Any]) -> None:
    """Updates × ln ρ of batches from uneven saddles: the mean of a size, a rate and a way to draw, and its interval."""
    sizes = sorted({row["batch_size"] for row in select(result, "leaving", arm=BATCH)})
    for size, step, arm in itertools.product(sizes, STEPS[:2], (BATCH, EPOCH)):
        rows = select(result, "leaving", arm=arm, split="uneven", step=step, batch_size=size)
        rows = [row for row in rows if row["updates"] is not None]
        if not rows:
            continue
        mean = mean_of([row["updates"] * math.log(row["growth"]) for row in rows])
        error = [[mean.estimate - mean.low], [mean.high - mean.estimate]] if len(rows) > 1 else None
        colour = plots.batch_colour(size, select(result, "saddle")[0]["N"])
        axis.errorbar(
            scipy.stats.gmean([row["push"] for row in rows]), mean.estimate, yerr=error, ms=8, capsize=3,
            fmt="o" if step == STEPS[0] else "s", color=colour, mfc=colour if arm == BATCH else "none",
            label=f"batch size {size:,}" if (step, arm) == (STEPS[0], BATCH) else None,
        )  # fmt: skip
    for marker, fill, label in (
        ("o", None, f"{rate_name(STEPS[0])}, each batch drawn anew"), ("s", None, rate_name(STEPS[1])),
        ("o", "none", "hollow: batches of an epoch"),
    ):  # fmt: skip
        axis.plot([], [], marker, color="0.4", mfc=fill, label=label)
    pushes = [row["push"] for row in select(result, "leaving", arm=BATCH, split="uneven")] or [RADIUS / 10]
    predict(axis, min(pushes), math.e, "black", "ln(r/ε)")
    axis.set(xlabel="ε that the batches' kicks come to", ylabel="updates to leave × ln ρ (mean, 95 % interval)")
    axis.set_title("all uneven saddles: smaller batches make a larger ε", loc="left")


def draw_plateau(result: dict[str, Any]) -> Any:
    """The spectrum at a saddle; gradient norm and loss of runs that come to it and linger, or leave."""
    fig, [[spectrum, norm, loss]] = plots.figure(1, 3, 15, 5)
    saddle = select(result, "saddle")[0]
    values, number = np.array(saddle["eigenvalues"]), np.arange(1, len(saddle["eigenvalues"]) + 1)
    zero = abs(values) < 1e-6 * values[-1]
    kinds = (("downhill", (values < 0) & ~zero), ("flat: s itself", zero), ("uphill", (values > 0) & ~zero))
    for index, (label, mine) in enumerate(kinds):
        label = f"{mine.sum()} {label}"
        spectrum.plot(number[mine], values[mine], plots.MARKERS[index], color=f"C{index}", label=label)
    spectrum.set_yscale("symlog", linthresh=1e-3)
    spectrum.set(xlabel="number of the eigenvalue", ylabel="eigenvalue of the Hessian")
    spectrum.set_title(f"a strict saddle: ‖G‖ = {saddle['gradient_norm']:.0e}", loc="left")
    for index, run in enumerate(select(result, "plateau")):
        label = f"batches of {run['batch_size']:,}, {run['split']} split"
        if run["push"]:
            label = f"all data, {run['split']} split, pushed by {run['push']:g}"
        for axis, name in ((norm, "gradient_norm"), (loss, "loss")):
            axis.plot(run["updates"], run[name], ("-", "--", ":")[index], color=f"C{index}", lw=1.5, label=label)
            axis.set_xlim(0, min(each["updates"][-1] for each in select(result, "plateau")))
    loss.axhline(saddle["loss"], color="black", lw=1)
    loss.annotate("the saddle's loss", (0.99, saddle["loss"]), xycoords=("axes fraction", "data"), ha="right", va="top")
    norm.set(yscale="log", xlabel="updates", ylabel="‖G‖ over all data")
    norm.set_title("the gradient norm looks converged …", loc="left")
    loss.set(xlabel="updates", ylabel="loss over all data (nats)")
    loss.set_title("… on a plateau", loc="left")
    spectrum.legend()
    norm.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.35))
    return fig


def draw_surface(result: dict[str, Any]) -> Any:
    """The ways of three descents over x²/2 + y⁴/4 − y²/2."""
    runs = select(result, "surface")
    fig, axes = plots.figure(1, 3, 13, 4.8, sharex=True, sharey=True)
    x, y = np.linspace(-0.6, 1.7, 120), np.linspace(-1.5, 1.5, 120)
    height = x**2 / 2 + (y**4 / 4 - y**2 / 2)[:, None]
    for axis, run in zip(axes[0], runs):
        axis.contour(x, y, height, 18, colors="0.75", linewidths=1)
        axis.plot(*np.array(run["path"]).T, "o-", color=plots.batch_colour(run["batch_size"], run["N"]), lw=1.5, ms=3.5)
        axis.plot(*run["path"][0], "s", color="black", ms=8)
        axis.plot(0, 0, "X", color="black", ms=10)
        axis.plot([0, 0], [-1, 1], "*", color="crimson", ms=14, ls="none")
        name = f"all {run['N']} samples" if run["batch_size"] == run["N"] else f"batches of {run['batch_size']}"
        axis.set_title(name + (f", pushed by {run['push']:g}" if run["push"] else ""), loc="left")
        axis.set_xlabel("x")
    axes[0][0].set_ylabel("y")
    updates = len(runs[0]["path"]) - 1
    fig.suptitle(f"{updates} updates, η = {runs[0]['eta']:g}: ■ start, ✖ saddle, ★ minima, lines of equal height")
    return fig


def draw_settling(result: dict[str, Any]) -> Any:
    """Where the loss settles after leaving, against the batch size, a line a rate; the range over the seeds shaded."""
    fig, [[axis]] = plots.figure(1, 1, 8.5, 5)
    for index, step in enumerate(STEPS):
        by_size = {
            row["batch_size"]: settled_above(result, row["batch_size"], step) for row in select(result, "settling")
        }
        by_size = {size: values for size, values in sorted(by_size.items()) if values}
        low, high = ([pick(values) for values in by_size.values()] for pick in (min, max))
        axis.fill_between(list(by_size), low, high, color=f"C{index}", alpha=0.2, lw=0)
        middle = [median(values) for values in by_size.values()]
        axis.plot(list(by_size), middle, marker=plots.MARKERS[index], color=f"C{index}", label=rate_name(step))
    axis.axhline(0, color="black", lw=1, ls="--")
    axis.annotate("the saddle", (0.99, 0), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    plots.batch_axis(axis, [row["batch_size"] for row in select(result, "settling")])
    axis.set_ylabel("loss where it settles − the saddle's (nats)")
    axis.set_title("where the loss settles: noise enters as η/B", loc="left")
    axis.legend(title="learning rate (median, range)")
    return fig
