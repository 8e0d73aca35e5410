"""What training to a target takes: the rows of `equal_compute` as numbers, tables and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import critical_batch, plots, table
from .critical_batch import Fit, without_replacement
from .statistics import Interval, median_interval
from .sweep import TUNING_SEEDS

ARMS = {"logistic": "logistic", "mlp": "MLP"}
TITLES = {"logistic": "logistic regression: convex", "mlp": "MLP: not convex"}
LOOSE, TIGHT = "loose", "tight"
PLACES = {(arm, aim): f"{name} {aim}" for arm, name in ARMS.items() for aim in (LOOSE, TIGHT)}
COUNTS = {"updates": "updates", "samples": "sample gradients", "seconds": "training time in seconds"}
FINITE, INDEPENDENT = "drawn without replacement", "independent draws"
COLOURS = {LOOSE: "C0", TIGHT: "C1"}


# ---- numbers ---------------------------------------------------------------------------------------------------------


def rows_of(result: dict[str, Any], kind: str, arm: str, aim: str) -> list[dict]:
    """The rows of a kind, an arm and a target."""
    return [row for row in result["rows"] if (row["kind"], row.get("arm"), row.get("aim")) == (kind, arm, aim)]


def needed(result: dict[str, Any], arm: str, aim: str, count: str, apart: bool = False) -> dict[int, list[float]]:
    """{batch size: what each seed's run took}, infinite where it never arrived; `apart`: on the tuning seed."""
    found: dict[int, list[float]] = {}
    for row in rows_of(result, "reaching", arm, aim):
        if (row["seed"] in TUNING_SEEDS) == apart:
            value = math.inf if row[count] is None else row[count]
            found.setdefault(row["batch_size"], []).append(value)
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> Interval:
    """The median over the seeds of above/below; endless where runs are missing, or neither of a pair arrived."""
    if len(above) != len(below):
        return median_interval([])
    with np.errstate(divide="ignore", invalid="ignore"):
        return median_interval(np.divide(above, below).tolist())


def compared(result: dict[str, Any], arm: str, aim: str, count: str) -> tuple[int | None, Interval]:
    """The smaller size that was best on the tuning seed; and, on the others, what all the data take over that one."""
    n = result["settings"].get("rows", 0)
    apart, took = (needed(result, arm, aim, count, apart) for apart in (True, False))
    smaller = {size: values[0] for size, values in apart.items() if size != n and values[0] < math.inf}
    if not smaller:
        return None, median_interval([])
    rival = min(smaller, key=lambda size: smaller[size])
    return rival, ratio(took.get(n, []), took.get(rival, []))


def seen(result: dict[str, Any], arm: str, aim: str, size: int, name: str, share: float = 1.0) -> Interval:
    """What a run's witness saw: the median along a run, and of that the median over the seeds."""
    runs = [
        [value for value in row[name] if value is not None and math.isfinite(value)]
        for row in rows_of(result, "direction", arm, aim)
        if (row["batch_size"], row["share"]) == (size, share)
    ]
    return median_interval([float(np.median(run)) for run in runs if run])


def fits_of(result: dict[str, Any], arm: str, aim: str) -> dict[str, Fit | None]:
    """Both models of S(B), fitted to each size's median."""
    n, updates = result["settings"].get("rows", 0), needed(result, arm, aim, "updates")
    S = {size: median_interval(values).estimate for size, values in updates.items()}
    return {
        FINITE: critical_batch.fit({without_replacement(size, n): S[size] for size in S}),
        INDEPENDENT: critical_batch.fit({critical_batch.independent(size): S[size] for size in S}),
    }


def in_words(interval: Interval) -> str:
    """The estimate, and the interval in brackets."""
    if interval.low == -math.inf:
        return f"{table.number(interval.estimate)} (no interval)"
    high = table.number(interval.high) if interval.high < math.inf else "∞"
    return f"{table.number(interval.estimate)} ({table.number(interval.low)} to {high})"


def middle_and_range(values: Sequence[float]) -> str:
    """The median, as the intervals have it, with the least and the greatest value."""
    middle, low, high = (table.number(value) for value in (median_interval(values).estimate, min(values), max(values)))
    return middle if low == high else f"{middle} ({low}…{high})"


# ---- tables ----------------------------------------------------------------------------------------------------------


def cost_table(result: dict[str, Any], arm: str, aim: str) -> str:
    """What each size took to a target."""
    n, [goal] = result["settings"]["rows"], rows_of(result, "target", arm, aim)
    took = {count: needed(result, arm, aim, count) for count in COUNTS}
    E = {size: median_interval(values).estimate for size, values in took["samples"].items()}
    least, lines = min(E.values(), default=math.nan), []
    for row in rows_of(result, "tuning", arm, aim):
        size, rate = row["batch_size"], row["learning_rate"]
        if rate is None:
            lines.append([plots.batch_label(size, n), "none arrives", *[""] * 5])
            continue
        lines.append([
            plots.batch_label(size, n), f"{rate:g}", middle_and_range(took["updates"][size]),
            table.number(E[size]), table.number(E[size] / least), table.number(E[size] / n),
            middle_and_range([1e3 * seconds for seconds in took["seconds"][size]]),
        ])  # fmt: skip
    header = ["batch size", "best rate", "updates S", "sample gradients E", "over the least", "over N", "milliseconds"]
    when = "at each epoch's end" if goal["evaluations"] == 1 else f"{goal['evaluations']} times an epoch"
    title = f"{PLACES[arm, aim]} target: a training loss of {goal['loss']:g}\n"
    title += f"(evaluated {when}, epochs at most: {goal['epochs']:,}; – : never so far)"
    return f"{title}\n\n{table.render(header, lines)}"


def answer_table(result: dict[str, Any]) -> str:
    """All the data over the smaller size that was best on the tuning seed, and the answers."""
    n, lines = result["settings"]["rows"], []
    tests = result["claims"]["C3"]["evidence"]["tests"]
    answers = {True: "yes", False: "no", None: "open"}
    columns = {"updates": "fewer updates", "samples": "more sample gradients", "seconds": "more seconds",
               "direction": "cos(G_t, G_t+1) above 0.9"}  # fmt: skip
    for (arm, aim), place in PLACES.items():
        if rows_of(result, "target", arm, aim):
            cells = {"direction": in_words(seen(result, arm, aim, n, "cos_next"))}
            for count in COUNTS:
                rival, interval = compared(result, arm, aim, count)
                cells[count] = f"{in_words(interval)} of {plots.batch_label(rival, n)}" if rival else "–"
            lines.append([place, *(f"{cells[name]}: {answers[tests[f'{name}, {place}']]}" for name in columns)])
    header = [
        "all the data take",
        "fewer updates",
        "more sample gradients",
        "more seconds",
        "cos(G_t, G_t+1) above 0.9",
    ]
    title = "All the data over the best smaller batch, the median over the seeds with a 95 % interval"
    return f"{title}\n\n{table.render(header, lines)}"


def fit_table(result: dict[str, Any]) -> str:
    """Both models in each arm at each target; and what they make of all the data against one row at a time."""
    n, lines = result["settings"]["rows"], []
    for (arm, aim), place in PLACES.items():
        samples = needed(result, arm, aim, "samples")
        measured = in_words(ratio(samples.get(n, []), samples.get(1, [])))
        for name, fit in fits_of(result, arm, aim).items():
            if fit is not None:
                numbers = [in_words(interval) for interval in (fit.S_min, fit.B_c, fit.E_min)]
                by_fit = table.number(n / (1 + fit.B_c.estimate))
                numbers += [f"{100 * fit.misfit:.1f} %", *((by_fit, measured) if name == FINITE else ("", ""))]
                lines.append([f"{place}, {name}", *numbers])
    header = ["S = S_min (1 + B_c w(B))", "S_min", "B_c", "E_min = S_min B_c", "misfit", "N/(1 + B_c)", "E(N)/E(1)"]
    title = f"The critical batch size, with 95 % intervals; N = {n:,} rows, and E(N)/E(1) should be N/(1 + B_c)"
    return f"{title}\n\n{table.render(header, lines)}"


def direction_table(result: dict[str, Any]) -> str:
    """What the witnesses saw."""
    n, lines = result["settings"]["rows"], []
    names = ("cos_next", "cos_batch", "cos_fresh", "predicted", "noise_scale")
    for (arm, aim), place in PLACES.items():
        for size, share in sorted(
            {(row["batch_size"], row["share"]) for row in rows_of(result, "direction", arm, aim)}
        ):
            rate = "best" if share == 1 else f"best × {share:g}"
            numbers = [in_words(seen(result, arm, aim, size, name, share)) for name in names]
            lines.append([f"{place}, {plots.batch_label(size, n)}", rate, *numbers])
    header = ["directions", "rate", "cos(G_t, G_t+1)", "cos(g_B, G)", "… drawn afresh", "… predicted", "tr Σ/‖G‖²"]
    title = "The median along a run, then over the seeds, with 95 % intervals"
    return f"{title}\n\n{table.render(header, lines)}"


# ---- figures ---------------------------------------------------------------------------------------------------------


def draw_compute(result: dict[str, Any]) -> Any:
    """Updates, sample gradients and seconds to each target against the batch size, and both fits; an arm a row."""
    n, sizes = result["settings"]["rows"], result["settings"]["batch_sizes"]
    fig, axes = plots.figure(2, 3, 15, 8.4)
    for row, arm in zip(axes, ARMS):
        for axis, (count, unit) in zip(row, COUNTS.items()):
            axis.set_yscale("log")
            _batch_axis(axis, sizes, n)
            for aim in COLOURS:
                _draw_counts(axis, result, arm, aim, count)
                if count != "seconds":
                    _draw_fits(axis, result, arm, aim, count)
            low, high = axis.get_ylim()
            if high < 2 * low:  # values that differ by rounding leave an axis of no length
                axis.set_ylim(low / 2, 2 * high)
            axis.set_ylabel(unit)
            axis.yaxis.set_major_formatter(lambda value, _: table.number(value))
            axis.yaxis.minorticks_off()
        row[0].set_title(TITLES[arm], loc="left", fontweight="bold")
        _legend(row[0], loc="upper right", fontsize=10)
        _legend(row[1], fontsize=10)
    fig.suptitle("To a training loss, at the best rate for each batch size: median over the seeds, 95 % interval")
    return fig


def _draw_counts(axis: Any, result: dict[str, Any], arm: str, aim: str, count: str) -> None:
    """Medians and intervals over the batch sizes; a cross at the upper edge where half of the runs never arrive."""
    intervals = {size: median_interval(values) for size, values in needed(result, arm, aim, count).items()}
    there = {size: each for size, each in intervals.items() if each.estimate < math.inf}
    marker, colour = {LOOSE: "o", TIGHT: "s"}[aim], COLOURS[aim]
    for goal in rows_of(result, "target", arm, aim) if there else []:
        label = f"{aim} target, {goal['loss']:.4g}" if count == "updates" else None
        axis.errorbar(list(there), [each.estimate for each in there.values()], yerr=plots.reach(list(there.values())),
                      marker=marker, ls=":" if count == "seconds" else "", lw=1, elinewidth=2, ms=7, capsize=3,
                      color=colour, label=label)  # fmt: skip
    never = [row["batch_size"] for row in rows_of(result, "tuning", arm, aim) if row["batch_size"] not in there]
    if never:
        axis.plot(never, [0.97] * len(never), "x", color=colour, ms=10, mew=3, transform=axis.get_xaxis_transform(),
                  label=f"{aim} target: never")  # fmt: skip


def _batch_axis(axis: Any, sizes: Sequence[int], n: int) -> None:
    """The batch sizes, with a mark at all n rows where they are among them."""
    plots.batch_axis(axis, sizes)
    if n in sizes:
        axis.axvline(n, color="black", lw=0.8, ls="--")
        axis.annotate("N", (n, 0), xycoords=("data", "axes fraction"), ha="right", va="bottom")


def _legend(axis: Any, **style: Any) -> None:
    """A legend, where anything has been drawn."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(**style)


def _draw_fits(axis: Any, result: dict[str, Any], arm: str, aim: str, count: str) -> None:
    """Both models as curves; on the sample gradients, B_c with its interval."""
    n, colour = result["settings"]["rows"], COLOURS[aim]
    grid = np.geomspace(min(result["settings"]["batch_sizes"]), n, 200)
    w = {FINITE: without_replacement(grid, n), INDEPENDENT: critical_batch.independent(grid)}
    for name, fit in fits_of(result, arm, aim).items():
        if fit is not None:
            curve = fit.updates(w[name]) * (grid if count == "samples" else 1)
            style = {FINITE: "-", INDEPENDENT: (0, (1, 1.5))}[name]
            label = f"fit, {name}" if (count, aim) == ("updates", LOOSE) else None
            axis.plot(grid, curve, ls=style, color=colour, lw=1.5 if name == FINITE else 3, label=label)
    fit = fits_of(result, arm, aim)[FINITE]
    if count == "samples" and fit is not None:
        B_c = fit.B_c
        axis.axvline(B_c.estimate, color=colour, lw=1.5, ls="-.", label=f"$B_c$ = {in_words(B_c)}, {aim}")
        axis.axvspan(max(B_c.low, grid[0]), min(B_c.high, 4 * n), color=colour, alpha=0.15, lw=0)


def draw_directions(result: dict[str, Any], hardly: float) -> Any:
    """How far the gradient turns along a run, how far a batch's is off, and how noisy a sample's is; an arm a row."""
    n, sizes = result["settings"]["rows"], result["settings"]["batch_sizes"]
    fig, axes = plots.figure(2, 3, 16, 8.4)
    shown = [size for size in sizes if size == n or size in sizes[::2]]
    for (turn, off, noise), arm in zip(axes, ARMS):
        for size in shown:
            style = {"color": plots.batch_colour(size, n), "label": plots.batch_label(size, n), "ms": 4}
            style["marker"] = plots.batch_marker(size, sizes)
            _draw_along(turn, result, arm, LOOSE, size, "cos_next", **style)
            _draw_along(noise, result, arm, LOOSE, size, "noise_scale", **style)
        _draw_along(turn, result, arm, TIGHT, n, "cos_next", color="C3", ls="--", label="all, tight target")
        _draw_along(
            turn, result, arm, LOOSE, n, "cos_next", 0.1, color="black", ls=":", label="all, a tenth of the rate"
        )
        turn.axhline(hardly, color="black", lw=0.8, ls="--")
        turn.annotate(f"{hardly:g}", (0, hardly), xycoords=("axes fraction", "data"), va="top")
        turn.set(ylim=(-1.05, 1.05), xlabel="share of the updates to the target", ylabel="cos($G_t$, $G_{t+1}$)")
        turn.set_title(TITLES[arm], loc="left", fontweight="bold")
        _draw_off(off, result, arm)
        fit = fits_of(result, arm, LOOSE)[FINITE]
        if fit is not None:
            low, high = max(fit.B_c.low, 1e-3), min(fit.B_c.high, 1e9)
            noise.axhline(fit.B_c.estimate, color=COLOURS[LOOSE], lw=1.5, ls="-.", label="$B_c$, loose target")
            noise.axhspan(low, high, color=COLOURS[LOOSE], alpha=0.15, lw=0)
        noise.set(yscale="log", xlabel="share of the updates to the target", ylabel="noise scale tr Σ/‖G‖² in samples")
        noise.yaxis.set_major_formatter(lambda value, _: table.number(value))
        lines = {label: line for axis in (noise, turn) for line, label in zip(*axis.get_legend_handles_labels())}
        if lines:
            noise.legend(lines.values(), lines.keys(), loc="upper left", bbox_to_anchor=(1, 1))
    fig.suptitle(
        "Gradients along a run to the loose target, at the best rate for each batch size: median over the seeds"
    )
    return fig


def _draw_off(axis: Any, result: dict[str, Any], arm: str) -> None:
    """The cosine between a batch's gradient and that of all the data, against the batch size."""
    n, sizes = result["settings"]["rows"], result["settings"]["batch_sizes"]
    _batch_axis(axis, sizes, n)
    formula = "1/√(1 + $w(B)$ tr Σ/‖G‖²)"
    named = {"cos_batch": ("o", "the run's batch"), "cos_fresh": ("D", "drawn afresh"), "predicted": ("x", formula)}
    for index, (name, (marker, label)) in enumerate(named.items()):
        values = {size: seen(result, arm, LOOSE, size, name) for size in sizes}
        there = {size: each for size, each in values.items() if not math.isnan(each.estimate)}
        axis.errorbar([size * 1.12 ** (index - 1) for size in there], [each.estimate for each in there.values()],
                      yerr=plots.reach(list(there.values())), marker=marker, ls="", ms=7, mew=2, capsize=3, label=label,
                      color=("C4", "C2", "black")[index])  # fmt: skip
    axis.set(ylim=(0, 1.05), ylabel="cos($g_B$, $G$), median along a run")
    _legend(axis, loc="upper left")


def _draw_along(
    axis: Any, result: dict[str, Any], arm: str, aim: str, size: int, name: str, share: float = 1.0, **style: Any
) -> None:
    """The median over the seeds at each moment of the runs of a batch size."""
    runs = [row for row in rows_of(result, "direction", arm, aim) if (row["batch_size"], row["share"]) == (size, share)]
    if runs:
        values = np.array([row[name] for row in runs], dtype=float)
        axis.plot(np.array(runs[0]["update"]) / runs[0]["updates"], np.median(values, axis=0), lw=1.7, **style)
