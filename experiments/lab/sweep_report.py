"""A sweep over batch sizes and learning rates as tables and figures: map, rules for the rate, accuracies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from . import plots, table
from .statistics import mean_interval, median
from .training_report import headline, runs_of

SAME, TUNED = "same rate", "best rate"
RULES = {"same": 0.0, "square root": 0.5, "linear": 1.0}  # η = η₀ (B/B₀) to this power
TREATMENTS = ("left out", "step scaled by its rows", "full step")


def of_kind(result: dict[str, Any], kind: str) -> list[dict]:
    """The rows of that kind."""
    return [row for row in result["rows"] if row["kind"] == kind]


def map_of(result: dict[str, Any]) -> dict[tuple[int, float], list[dict]]:
    """The cells of the map: {(batch size, rate): a row a tuning seed}; never-arrived is infinite."""
    cells: dict[tuple[int, float], list[dict]] = {}
    for row in of_kind(result, "cell"):
        never = {name: math.inf for name in ("updates_to_target", "samples_to_target") if row[name] is None}
        cells.setdefault((row["batch_size"], row["learning_rate"]), []).append(row | never)
    return cells


def ridge(result: dict[str, Any]) -> dict[int, float]:
    """The best rate of each batch size for which one arrives."""
    best: dict[int, tuple[float, float]] = {}
    for (size, rate), cells in map_of(result).items():
        cost = float(np.mean([cell["updates_to_target"] for cell in cells]))
        if math.isfinite(cost) and cost < best.get(size, (math.inf, 0.0))[0]:
            best[size] = (cost, rate)
    return {size: rate for size, (_, rate) in sorted(best.items())}


def rule_costs(result: dict[str, Any]) -> dict[str, dict[int, list[float]]]:
    """Updates by each rule over those at the best rate: {rule: {batch size: a ratio a tuning seed}}.

    Both are of the seeds that the best rate was chosen on, so the ratios are a little too large.

    Between two rates of the map the log of the updates is interpolated; infinite where one of the two never arrives, or
    where the rule leaves the map.
    """
    best, cells = ridge(result), map_of(result)
    reference = result["settings"].get("reference")
    costs: dict[str, dict[int, list[float]]] = {rule: {} for rule in RULES}
    if reference not in best:
        return costs
    for rule, power in RULES.items():
        for size in best:
            rates = np.array(sorted(rate for other, rate in cells if other == size))
            wanted = best[reference] * (size / reference) ** power
            for index, cell in enumerate(cells[size, best[size]]):
                updates = np.array([cells[size, rate][index]["updates_to_target"] for rate in rates])
                there = _interpolated(wanted, rates, updates)
                least = cell["updates_to_target"]  # 0 where a run begins below the target
                costs[rule].setdefault(size, []).append(there / least if least else math.inf)
    return costs


def _interpolated(wanted: float, rates: np.ndarray, updates: np.ndarray) -> float:
    """The updates at a rate between those of the map; infinite next to one that never arrives, and outside."""
    close = np.isclose(rates, wanted, rtol=0.02)  # the grid's own rates are rounded to three digits
    if close.any():
        return float(updates[close][0])
    right = int(np.searchsorted(rates, wanted))
    if right in (0, len(rates)) or not np.isfinite(updates[right - 1 : right + 1]).all():
        return math.inf
    return float(np.exp(np.interp(np.log(wanted), np.log(rates), np.log(updates))))


def linear_accuracy(result: dict[str, Any]) -> float:
    """The mean test accuracy of the model without a hidden layer; NaN without one."""
    values = [row["test_accuracy"] for row in of_kind(result, "accuracy") if row["arm"] == "linear"]
    return float(np.mean(values)) if values else math.nan


def share_below(result: dict[str, Any]) -> dict[str, int]:
    """How many cells of the map ended below the linear model's accuracy, of how many."""
    cells, bound = map_of(result), linear_accuracy(result)
    return {"cells": len(cells), "below": sum(_is_below(rows, bound) for rows in cells.values())}


def _is_below(rows: list[dict], bound: float) -> bool:
    """Whether a cell ended below that accuracy, on average over its seeds, without having reached the target."""
    arrived = all(math.isfinite(row["updates_to_target"]) for row in rows)
    return not arrived and float(np.mean([row["test_accuracy"] for row in rows])) < bound


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(result: dict[str, Any]) -> str:
    """The article's table beside that at the best rates; what the rules cost; accuracies; the ragged last batch."""
    settings = result["settings"]
    parts = [headline(settings), _both_arms(result)]
    lines = [
        [rule, *(table.number(float(np.mean(ratios))) for ratios in sizes.values())]
        for rule, sizes in rule_costs(result).items()
    ]
    sizes = [f"{size:,}" for size in ridge(result)]
    if lines and len(lines[0]) > 1:
        note = "– : never arrives, or next to a rate that does not"
        title = f"Updates by a rule over those at the best rate (B₀ = {settings['reference']:,}; {note})"
        parts.append(f"{title}\n\n{table.render(['rule', *sizes], lines)}")
    parts.append(_accuracies(result))
    ragged = of_kind(result, "ragged")
    if ragged:
        lines = []
        for treatment in TREATMENTS:
            needed = [_or_never(row["updates_to_target"]) for row in ragged if row["treatment"] == treatment]
            reached = sum(map(math.isfinite, needed))
            lines.append([treatment, f"{reached} of {len(needed)}", table.median_and_range(needed)])
        title = f"Batch size {ragged[0]['batch_size']:,} leaves one sample over in each epoch; as a last batch it is"
        parts.append(f"{title}\n\n{table.render(['', 'runs that arrive', 'updates to the target'], lines)}")
    return "\n\n".join(parts)


def _both_arms(result: dict[str, Any]) -> str:
    settings = result["settings"]
    lines = []
    for size in settings["batch_sizes"]:
        same, tuned = runs_of(result, SAME, size), runs_of(result, TUNED, size)
        line = [plots.batch_label(size, settings["rows"]), f"{settings['rows'] // size:,}"]
        for runs, names in ((same, ("epoch",)), (tuned, ("epoch", "updates", "seconds"))):
            if runs is tuned:
                line.append(f"{tuned[0]['learning_rate']:g}" if tuned else "none")
            line += [table.number(median([_or_never(run[f"{name}_to_target"]) for run in runs])) if runs else ""
                     for name in names]  # fmt: skip
            if runs is same:
                line.append(table.number(median([_or_never(run["final_loss"]) for run in runs])))
                line.append(table.median_and_range([round(100 * run["test_accuracy"], 1) for run in runs]))
        lines.append(line)
    header = ["batch size", "updates/epoch", "epochs to target", f"loss after {settings['epochs']}", "test accuracy %"]
    header += ["│ best rate", "epochs", "updates", "seconds to target"]
    title = f"To a training loss of {settings['target']:g}: η = {settings['learning_rate']:g} for all │ the best rate"
    return f"{title} for each (– : never)\n\n{table.render(header, lines)}"


def _accuracies(result: dict[str, Any]) -> str:
    rows = of_kind(result, "accuracy")
    lines = []
    for arm, size in sorted({(row["arm"], row["batch_size"]) for row in rows}, reverse=True):
        mine = [row for row in rows if (row["arm"], row["batch_size"]) == (arm, size)]
        cells = [[100 * row[name] for row in mine] for name in ("test_accuracy", "polished_test_accuracy")]
        means = [mean_interval(values) for values in cells]
        name = plots.batch_label(size, result["settings"]["rows"]) if arm == "network" else f"{size:,}, no hidden layer"
        lines.append([name, f"{mine[0]['learning_rate']:g}", *(f"{m.estimate:.1f} ({m.text(1)})" for m in means)])
    header = ["batch size", "rate", "test accuracy %", "after descent to the bottom %"]
    epochs = result["settings"]["accuracy_epochs"]
    title = f"After {epochs} epochs at a rate chosen on held-out rows; the mean of {len(mine)} seeds" if rows else ""
    return f"{title}\n\n{table.render(header, lines)}" if rows else ""


def _or_never(value: float | None) -> float:
    return math.inf if value is None else value


# ---- figures ---------------------------------------------------------------------------------------------------------


def plot(result: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the figures of a result into `folder`, each as PNG and SVG; returns their paths."""
    figures = {"same_rate": draw_same_rate, "rate_map": draw_map, "cost": draw_cost, "accuracy": draw_accuracy}
    return [path for name, draw in figures.items() for path in plots.save(draw(result), folder, name)]


def draw_same_rate(result: dict[str, Any]) -> Any:
    """The article's figure: loss and test accuracy over the epochs, one learning rate for all."""
    settings = result["settings"]
    sizes, n = settings["batch_sizes"], settings["rows"]
    fig, [[left, right]] = plots.figure(1, 2, 13, 5)
    for size in sizes:
        runs = runs_of(result, SAME, size)
        length = min((len(run["curve"]["loss"]) for run in runs), default=0)
        for axis, name, unit in ((left, "loss", 1), (right, "test_accuracy", 100)):
            if length < 2:
                continue
            epochs = np.median([run["curve"]["epoch"][1:length] for run in runs], axis=0)
            values = unit * np.array([run["curve"][name][1:length] for run in runs], dtype=float)
            colour = plots.batch_colour(size, n)
            axis.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, lw=0)
            axis.plot(epochs, np.median(values, axis=0), color=colour, label=plots.batch_label(size, n),
                      marker=plots.batch_marker(size, sizes), markevery=0.15, ms=5)  # fmt: skip
    left.axhline(settings["target"], color="black", lw=1, ls="--")
    left.annotate("target", (1, settings["target"]), xycoords=("axes fraction", "data"), va="bottom", ha="right")
    left.set(yscale="log", ylabel="training loss (nats)")
    left.yaxis.set_major_formatter(plots.plain_number)
    linear = 100 * linear_accuracy(result)
    if math.isfinite(linear):
        right.axhline(linear, color="black", lw=1, ls="--")
        right.annotate("logistic regression", (0, linear), xycoords=("axes fraction", "data"), va="bottom", fontsize=9)
    right.set_ylabel("test accuracy (%)")
    for axis in (left, right):
        axis.set(xlabel="epochs", xscale="log")
        axis.xaxis.set_major_formatter(plots.plain_number)
    left.set_title(f"One learning rate for all batch sizes: η = {settings['learning_rate']:g}", loc="left")
    right.set_title("median and range over the seeds", loc="left", fontsize=10)
    if right.get_legend_handles_labels()[0]:
        right.legend(title="batch size", fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def draw_map(result: dict[str, Any]) -> Any:
    """Updates to the target over batch size and rate, with the best rates and the rules; and what each rule costs."""
    settings, cells, best = result["settings"], map_of(result), ridge(result)
    sizes, rates = (sorted({key[part] for key in cells}) for part in (0, 1))
    fig, [[axis, right]] = plots.figure(1, 2, 14, 6, width_ratios=[1.7, 1])
    updates = np.full((len(rates), len(sizes)), np.nan)
    for (size, rate), rows in cells.items():
        mean = float(np.mean([row["updates_to_target"] for row in rows]))
        updates[rates.index(rate), sizes.index(size)] = mean if math.isfinite(mean) else np.nan
    x, y = _edges(np.log2(sizes)), _edges(np.log10(rates))
    mesh = axis.pcolormesh(x, y, np.log10(updates), cmap="cividis_r")
    for (size, rate), rows in cells.items():
        i, j = rates.index(rate), sizes.index(size)
        corner, width, height = (x[j], y[i]), x[j + 1] - x[j], y[i + 1] - y[i]
        if math.isnan(updates[i, j]):
            lost = any(
                row["diverged"] or row["loss"] is None or row["loss"] >= math.log(settings["classes"]) for row in rows
            )
            axis.add_patch(plots.rectangle(corner, width, height, "////" if lost else ""))
        else:
            dark = np.log10(updates[i, j]) > np.nanmean(np.log10(updates))
            axis.text(
                np.log2(size), np.log10(rate), table.number(round(updates[i, j])), ha="center", va="center",
                fontsize=8, color="white" if dark else "black", zorder=5,
            )  # fmt: skip
        if _is_below(rows, linear_accuracy(result)):
            axis.plot(np.log2(size), np.log10(rate), "v", color="black", ms=6)
    _draw_rules(axis, result, (x[0], x[-1]), (y[0], y[-1]))
    axis.set_xticks(np.log2(sizes), [f"{size:,}" for size in sizes], rotation=45)
    axis.set_yticks(np.log10(rates), [f"{rate:g}" for rate in rates])
    axis.grid(False)
    axis.set(xlabel="batch size B", ylabel="learning rate η")
    axis.set_title(
        f"updates to a training loss of {settings['target']:g}, at most {settings['map_epochs']} epochs", loc="left"
    )
    bar = fig.colorbar(mesh, ax=axis, label="updates", shrink=0.8)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{10**value:,.0f}")
    handles, labels = axis.get_legend_handles_labels()
    handles += [plots.rectangle((0, 0), 1, 1, ""), plots.rectangle((0, 0), 1, 1, "////")]
    labels += ["not there in time (white: not tried)", "ended worse than guessing"]
    handles.append(axis.plot([], [], "v", color="black", ms=6)[0])
    labels.append("ended below logistic regression")
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9, markerscale=0.6)
    _draw_rule_costs(right, result, best)
    return fig


def _edges(centres: Any) -> np.ndarray:
    """The borders of cells with these centres."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


RULE_STYLES = {"same": ("-.", "D"), "square root": ("--", "s"), "linear": (":", "^")}


def _draw_rules(axis: Any, result: dict[str, Any], xs: tuple[float, float], ys: tuple[float, float]) -> None:
    """The best rates, and the rules from the reference on, as lines over the map."""
    best, reference = ridge(result), result["settings"].get("reference")
    axis.plot(np.log2(list(best)), np.log10(list(best.values())), "s", color="#D55E00", mfc="none", ms=22, mew=2.5,
              label="tuned: the best rate")  # fmt: skip
    if reference in best:
        x = np.linspace(*xs, 50)
        for rule, power in RULES.items():
            y = np.log10(best[reference]) + power * (x - np.log2(reference)) * np.log10(2)
            axis.plot(x, y, RULE_STYLES[rule][0], color="black", lw=1.8, label=f"{rule} from B₀ = {reference:,}")
    axis.set(xlim=xs, ylim=ys)


def _draw_rule_costs(axis: Any, result: dict[str, Any], best: dict[int, float]) -> None:
    """What a rule costs beside the best rate, against the batch size."""
    highest = 1.0
    costs = rule_costs(result)
    for index, (rule, sizes) in enumerate(costs.items()):
        finite = {size: ratios for size, ratios in sizes.items() if np.isfinite(ratios).all()}
        means = [float(np.mean(ratios)) for ratios in finite.values()]
        error = [
            [m - min(r) for m, r in zip(means, finite.values())],
            [max(r) - m for m, r in zip(means, finite.values())],
        ]
        style, marker = RULE_STYLES[rule]
        axis.errorbar(
            list(finite), means, yerr=error, ls=style, marker=marker, capsize=3, label=rule, color=f"C{index}"
        )
        highest = max([highest, *means])
    for index, sizes in enumerate(costs.values()):
        never = [size for size, ratios in sizes.items() if not np.isfinite(ratios).all()]
        axis.plot(never, [highest * 1.6 * 1.25**index] * len(never), "x", color=f"C{index}", ms=9, mew=2.5)
    axis.axhline(1, color="black", lw=1)
    axis.set(yscale="log", ylabel="updates over those at the best rate")
    axis.yaxis.set_major_formatter(plots.plain_number)
    axis.yaxis.set_minor_formatter(plots.plain_minor)
    if best:
        plots.batch_axis(axis, list(best))
    axis.set_title("what a rule costs (× : never arrives, or not tried)", loc="left", fontsize=11)
    axis.legend(title="rule for the rate")


def draw_cost(result: dict[str, Any]) -> Any:
    """Epochs to the target, seconds an epoch, and their product, the seconds to the target, against the batch size."""
    settings = result["settings"]
    fig, axes = plots.figure(1, 3, 14, 4.8)
    for index, arm in enumerate((TUNED, SAME)):
        for axis, name in ((axes[0][0], "epoch"), (axes[0][2], "seconds")):
            if arm == SAME and name == "seconds":
                continue  # those runs shared the machine with others
            values = {size: [_or_never(run[f"{name}_to_target"]) for run in runs_of(result, arm, size)]
                      for size in settings["batch_sizes"]}  # fmt: skip
            _errorbar(axis, {size: each for size, each in values.items() if each}, index, arm)
    for index, (path, label) in enumerate((("batched", "batched kernel"), ("fast", "per sample, fast"),
                                           ("textbook", "per sample, textbook"))):  # fmt: skip
        seconds: dict[int, list[float]] = {}
        for row in of_kind(result, "timing"):
            if (row["path"], row["backend"]) == (path, settings["backend"]):
                seconds.setdefault(row["batch_size"], []).append(row["microseconds"] * settings["rows"] / 1e6)
        _errorbar(axes[0][1], seconds, index + 2, label)
    titles = ("epochs to the target", "seconds an epoch", "seconds to the target")
    for axis, title in zip(axes[0], titles):
        plots.batch_axis(axis, settings["batch_sizes"])
        axis.set(yscale="log", title=title)
        axis.yaxis.set_major_formatter(plots.plain_number)
        axis.yaxis.set_minor_formatter(plots.plain_minor)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize=9)
    return fig


def _errorbar(axis: Any, values: dict[int, list[float]], index: int, label: str) -> None:
    """Median and range against the batch size; a batch size of which half never arrive has no point."""
    finite = {size: each for size, each in values.items() if math.isfinite(median(each))}
    if not finite:
        return
    middle = np.array([median(each) for each in finite.values()])
    low = [min(each) for each in finite.values()]
    high = [max(value for value in each if math.isfinite(value)) for each in finite.values()]
    axis.errorbar(list(finite), middle, yerr=[middle - low, high - middle], color=f"C{index}", capsize=3, label=label,
                  marker=plots.MARKERS[index])  # fmt: skip


def draw_accuracy(result: dict[str, Any]) -> Any:
    """Test accuracy against the batch size, and after descent; and the updates that a ragged last batch costs."""
    settings, rows = result["settings"], of_kind(result, "accuracy")
    fig, [[left, right]] = plots.figure(1, 2, 13, 4.8, width_ratios=[1.4, 1])
    sizes = sorted({row["batch_size"] for row in rows if row["arm"] == "network"})
    for index, (name, label) in enumerate((("test_accuracy", "where training ended"),
                                           ("polished_test_accuracy", "after descent to the bottom"))):  # fmt: skip
        shift = 1.06 ** (2 * index - 1)
        network = [row for row in rows if row["arm"] == "network"]
        means = [mean_interval([100 * row[name] for row in network if row["batch_size"] == size]) for size in sizes]
        if not any(math.isfinite(m.low) for m in means):
            error = None
        else:
            error = [[m.estimate - m.low for m in means], [m.high - m.estimate for m in means]]
        axis_x = [size * shift for size in sizes]
        left.errorbar(
            axis_x, [m.estimate for m in means], yerr=error, fmt=plots.MARKERS[index], ms=9, capsize=5, label=label
        )
    linear = 100 * linear_accuracy(result)
    if math.isfinite(linear):
        left.axhline(linear, color="black", ls="--", lw=1, label="logistic regression")
    plots.batch_axis(left, settings["batch_sizes"])
    left.set_ylabel(f"test accuracy (%), 95 % interval, {settings['accuracy_seeds']} seeds")
    low, high = left.get_ylim()
    left.set_ylim(low - 0.35 * (high - low), high)  # room for the legend
    left.set_title(f"after {settings['accuracy_epochs']} epochs at rates chosen on held-out rows", loc="left")
    left.legend(loc="lower left")
    ragged = of_kind(result, "ragged")
    for index, treatment in enumerate(TREATMENTS):
        needed = [_or_never(row["updates_to_target"]) for row in ragged if row["treatment"] == treatment]
        reached = [value for value in needed if math.isfinite(value)]
        right.plot(reached, [index] * len(reached), "o", ms=9, alpha=0.6, color=f"C{index}")
        if needed:
            right.annotate(f"{len(reached)} of {len(needed)} arrive", (0.98, index + 0.15), ha="right",
                           xycoords=("axes fraction", "data"))  # fmt: skip
    right.set_yticks(range(len(TREATMENTS)), TREATMENTS)
    right.set(ylim=(-0.5, 2.6), xlabel="updates to the target, a point a seed")
    right.margins(x=0.3)
    size = ragged[0]["batch_size"] if ragged else 0
    right.set_title(f"batch size {size:,} leaves one sample over" if ragged else "not measured", loc="left")
    return fig
