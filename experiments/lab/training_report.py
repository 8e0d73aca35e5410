"""Training runs over batch sizes as tables and figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import plots, table
from .statistics import median
from .sweep import COUNTS, EVALUATIONS_AN_EPOCH


def runs_of(result: dict[str, Any], arm: str, batch_size: int) -> list[dict]:
    """The training runs of an arm and a batch size, one a seed."""
    wanted = ("training", arm, batch_size)
    return [row for row in result["rows"] if (row["kind"], row.get("arm"), row.get("batch_size")) == wanted]


def costs_of(result: dict[str, Any]) -> dict[tuple[str, str], dict[int, list[float]]]:
    """Microseconds a sample gradient: {(backend, path): {batch size: a value a repeat}}."""
    costs: dict[tuple[str, str], dict[int, list[float]]] = {}
    for row in result["rows"]:
        if row["kind"] == "timing":
            here = costs.setdefault((row["backend"], row["path"]), {})
            here.setdefault(row["batch_size"], []).append(row["microseconds"])
    return costs


def path_name(backend: str, path: str) -> str:
    """How a table or a legend calls a way to compute a sample gradient."""
    return f"batched kernel, {backend}" if path == "batched" else f"per sample, {path} path, {backend}"


def headline(settings: dict[str, Any]) -> str:
    """What was trained on what, in one line."""
    data = f"{settings['model']} on {settings['dataset']}: {settings['rows']:,} training rows of {settings['features']}"
    seeds = "1 seed" if settings["seeds"] == 1 else f"{settings['seeds']} seeds: median (least…greatest)"
    return f"{data} features, {settings['backend']} {settings['dtype']}, {seeds}"


def training_table(result: dict[str, Any], arm: str, title: str) -> str:
    """An arm: what each batch size needed to the target, and where it ended."""
    settings = result["settings"]
    lines = []
    for size in settings["batch_sizes"]:
        label, runs = plots.batch_label(size, settings["rows"]), runs_of(result, arm, size)
        if not runs:
            lines.append([label, "", "none arrives", *[""] * 6])
            continue
        needed = {name: [run[f"{name}_to_target"] for run in runs] for name in COUNTS}
        to_target = [
            table.median_and_range(needed["epoch"]),
            table.number(median(needed["updates"])),  # the range of the epochs says theirs
            table.number(median(needed["samples"])),
            table.median_and_range([1e3 * seconds for seconds in needed["seconds"]]),
        ]
        diverged = sum(row["diverged"] for row in runs)
        loss = table.median_and_range([row["final_loss"] for row in runs])
        accuracy = table.median_and_range([round(100 * row["test_accuracy"], 1) for row in runs])
        ending = [f"diverged in {diverged} of {len(runs)}", "–"] if diverged else [loss, accuracy]
        rate = f"{runs[0]['learning_rate']:g}"
        lines.append([label, f"{runs[0]['updates_an_epoch']:,}", rate, *to_target, *ending])
    header = ["batch size", "updates/epoch", "rate", "epochs", "updates", "sample gradients", "milliseconds"]
    header += [f"loss after {settings['epochs']} epochs", "test accuracy %"]
    note = f"interpolated between evaluations, at most {EVALUATIONS_AN_EPOCH} per epoch; – : never so far"
    return f"To a training loss of {settings['target']:g} at {title}\n({note})\n\n{table.render(header, lines)}"


def cost_table(result: dict[str, Any]) -> str:
    """What a sample gradient costs on each path."""
    costs = costs_of(result)
    least = min(median(values) for sizes in costs.values() for values in sizes.values())
    lines = [
        [path_name(*key), f"{size:,}", table.median_and_range(values), f"{median(values) / least:,.1f}"]
        for key, sizes in costs.items()
        for size, values in sizes.items()
    ]
    title = "What a sample gradient costs: the per-sample path and the batched kernel\n"
    title += "(shuffled epochs, gathering included; all samples at once need no shuffling)"
    return f"{title}\n\n{table.render(['path', 'batch size', 'µs', 'times the least'], lines)}"


def draw_training(result: dict[str, Any], arms: dict[str, str]) -> Any:
    """Loss against updates, sample gradients and seconds; an arm a row; median and range over the seeds."""
    settings = result["settings"]
    sizes, n = settings["batch_sizes"], settings["rows"]
    fig, axes = plots.figure(len(arms), 3, 13, 3.8 * len(arms), sharey=True)
    panels = {"updates": "updates", "samples": "sample gradients", "seconds": "training time in seconds"}
    for row, (arm, title) in zip(axes, arms.items()):
        for axis, (count, unit) in zip(row, panels.items()):
            for size in sizes:
                if runs := runs_of(result, arm, size):
                    _draw_runs(axis, runs, count, plots.batch_label(size, n), plots.batch_colour(size, n),
                               plots.batch_marker(size, sizes))  # fmt: skip
            axis.axhline(settings["target"], color="black", lw=1, ls="--")
            axis.set(xscale="log", yscale="log", xlabel=unit)
            axis.yaxis.set_major_formatter(plots.plain_number)
            axis.yaxis.set_minor_formatter(plots.plain_minor)
            axis.xaxis.minorticks_off()
        row[0].set_ylabel("training loss (mean log loss, nats)")
        row[0].set_title(title, loc="left", fontweight="bold")
        if row[2].get_legend_handles_labels()[0]:
            row[2].legend(title="batch size, learning rate", fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        else:
            row[1].text(0.5, 0.5, "no rate of the grid arrives", transform=row[1].transAxes, ha="center")
    axes[0][0].annotate("target", (0.01, settings["target"]), xycoords=("axes fraction", "data"), va="bottom")
    return fig


def _draw_runs(axis: Any, runs: list[dict], count: str, label: str, colour: Any, marker: str) -> None:
    """One batch size: the median over the seeds and their range; a red cross where a run diverged."""
    length = min(len(run["curve"]["loss"]) for run in runs)  # a run that diverged ends early
    x = np.median([run["curve"][count][:length] for run in runs], axis=0)
    losses = np.array([run["curve"]["loss"][:length] for run in runs], dtype=float)
    ceiling = 10 * losses[0, 0]  # a run that diverges must not flatten all others
    losses = np.minimum(np.nan_to_num(losses, nan=ceiling, posinf=ceiling), ceiling)[:, 1:]
    label += f", η = {runs[0]['learning_rate']:g}"
    axis.fill_between(x[1:], losses.min(axis=0), losses.max(axis=0), color=colour, alpha=0.2, lw=0)
    middle = np.quantile(losses, 0.5, axis=0, method="higher")
    axis.plot(x[1:], middle, color=colour, marker=marker, markevery=0.2 if length > 6 else 1, label=label)
    diverged = [run["curve"][count][-1] for run in runs if run["diverged"]]
    axis.plot(
        diverged, [ceiling] * len(diverged), "x", color="red", ms=11, mew=3, label="diverged" if diverged else None
    )


def draw_cost(result: dict[str, Any]) -> Any:
    """Microseconds a sample gradient against the batch size, a line or a point a path."""
    fig, [[axis]] = plots.figure(1, 1, 7.5, 4.8)
    for index, ((backend, path), sizes) in enumerate(costs_of(result).items()):
        middle = np.array([median(values) for values in sizes.values()])
        below = middle - [min(values) for values in sizes.values()]
        above = [max(values) for values in sizes.values()] - middle
        axis.errorbar(list(sizes), middle, yerr=[below, above], marker=plots.MARKERS[index], ms=8, capsize=4,
                      label=path_name(backend, path), color=f"C{index}")  # fmt: skip
    axis.set_xscale("log", base=2)
    axis.set(yscale="log", xlabel="batch size", ylabel="µs a sample gradient (median, range)")
    axis.xaxis.set_major_formatter(plots.plain_number)
    axis.legend()
    return fig
