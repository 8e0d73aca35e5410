"""Training runs over batch sizes as tables and figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import plots, table
from .statistics import median
from .sweep import COUNTS


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
    return (
        f"{settings['model']} on {settings['dataset']}: {settings['rows']:,} training rows of {settings['features']} "
        f"features, {settings['backend']} {settings['dtype']}, {settings['seeds']} seeds: median (least…greatest)"
    )


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
            table.number(median(needed["updates"])),  # in proportion to the epochs, so their range is told
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
    never = f"– : not in {settings['epochs']} epochs"
    return f"To a training loss of {settings['target']:g} at {title} ({never})\n\n{table.render(header, lines)}"


def cost_table(result: dict[str, Any]) -> str:
    """What a sample gradient costs on each path."""
    costs = costs_of(result)
    least = min(median(values) for sizes in costs.values() for values in sizes.values())
    lines = [
        [path_name(*key), f"{size:,}", table.median_and_range(values), f"{median(values) / least:,.1f}"]
        for key, sizes in costs.items()
        for size, values in sizes.items()
    ]
    title = "What a sample gradient costs, in shuffled epochs: the per-sample path and the batched kernel"
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
            axis.yaxis.set_minor_formatter(plots.plain_number)
        row[0].set_ylabel("training loss (mean log loss, nats)")
        row[0].set_title(title, loc="left", fontweight="bold")
        row[2].legend(title="batch size, learning rate", fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    axes[0][0].annotate("target", (0.01, settings["target"]), xycoords=("axes fraction", "data"), va="bottom")
    return fig


def _draw_runs(axis: Any, runs: list[dict], count: str, label: str, colour: Any, marker: str) -> None:
    """One batch size: the median over the seeds and their range; a red cross where a run diverged."""
    length = min(len(run["curve"]["loss"]) for run in runs)  # a run that diverged ends early
    x = np.median([run["curve"][count][:length] for run in runs], axis=0)
    losses = np.array([run["curve"]["loss"][:length] for run in runs], dtype=float)
    label += f", η = {runs[0]['learning_rate']:g}"
    start = 1 if length > 1 else 0  # 0 updates have no place on a log axis
    axis.fill_between(x[start:], losses.min(axis=0)[start:], losses.max(axis=0)[start:], color=colour, alpha=0.2, lw=0)
    axis.plot(x[start:], np.median(losses, axis=0)[start:], color=colour, marker=marker, markevery=0.2, label=label)
    for run in runs:
        if run["diverged"]:
            finite = [k for k, loss in enumerate(run["curve"]["loss"]) if np.isfinite(loss)]
            axis.plot(run["curve"][count][finite[-1]], run["curve"]["loss"][finite[-1]], "x", color="red", ms=11, mew=3)


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
