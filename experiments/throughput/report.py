"""C4 as tables and figures: the race on one core, and what an update costs."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.results import frame
from ..lab.text import data_name, left_out_text, median_and_range, number, styled, table
from .judge import TENS, finishes, lines
from .measure import MODELS, PATHS, named

SYMBOLS = (
    "a: overhead of an update; b: work of a row: an update on B rows takes a + b B, and at B = a/b both take as long"
)
LOOKS = {"batched": ("o", 9), "fast": ("*", 17)}  # marker and its size


def tables(result: dict[str, Any]) -> str:
    """The race of each model, then what an update costs."""
    parts = [*(race_table(result, model) for model in MODELS), left_out_text(result["settings"]), cost_table(result)]
    return "\n\n".join(filter(None, parts))


def race_table(result: dict[str, Any], model: str) -> str:
    """What each batch size of a model needed to the target, on one thread."""
    settings, body = result["settings"], []
    for (size, path), runs in finishes(result, model).groupby(["batch_size", "path"]):
        needed = {name: runs[name].where(runs.reached.astype(bool), math.inf) for name in ("updates", "seconds")}
        line = [plots.batch_label(size, settings["rows"]), PATHS[path], f"{runs.learning_rate.iloc[0]:g}"]
        line += [median_and_range(needed["updates"].tolist()), number((1e6 * runs.seconds / runs.updates).median())]
        body.append([*line, median_and_range((1e3 * needed["seconds"]).tolist())])
    [goal] = frame(result, "target", model=model).loss
    title = f"{named(model, settings)} on {data_name(settings)}, {settings['dtype']}, one thread:\n"
    title += f"to a training loss of {goal:g}, median (least…greatest) of the seeds; – : never so far"
    return table(title, ["batch size", "path", "rate", "updates", "µs each", "milliseconds"], body)


def cost_table(result: dict[str, Any]) -> str:
    """A line t(B) = a + b B a row."""
    body = []
    for line in lines(result):
        found = line["evidence"]
        miss, twice = found["line_misses_at_most_by"], found["twice_one_sample_at"] or math.inf
        body.append(
            [
                f"{line['place']}, {line['network']}",
                *(number(found[name]["estimate"]) for name in ("a_microseconds", "b_microseconds")),
                *(number(found[f"{name}_microseconds"]) for name in ("flops_alone", "fast_path")),
                f"{found['a_over_b']}",
                number(twice),
                f"{styled(miss['relative'], '+.0%')} % at {miss['batch_size']:,}",
            ]
        )
    title = "What an update on a batch at hand costs in microseconds, t(B) = a + b B\n"
    title += "(a: of an update; b, flops and fast path: of a sample; 2 t(1): the batch that takes twice as long as 1)"
    header = ["update of", "a", "b", "flops", "fast path", "a/b", "2 t(1)", "line misses"]
    return table(title, header, body)


def draw_race(result: dict[str, Any]) -> Figure:
    """Time to the target against the batch size, on one thread; a panel a model."""
    settings = result["settings"]
    title = "Time to the target on one core, each batch size at its best learning rate"
    fig, axes = plots.figure(1, 2, 13, 5.2, title, settings, f"{named('logistic', settings)} and MLP")
    sizes, n = sorted({1, *settings["batch_sizes"]}), settings["rows"]
    for axis, model in zip(axes[0], MODELS):
        goals, name = frame(result, "target", model=model), named(model, settings)
        axis.set_title(f"{name}, to a loss of {goals.loss.iloc[0]:g}" if len(goals) else name, loc="left")
        for (size, path), runs in finishes(result, model).groupby(["batch_size", "path"]):
            times = 1e3 * runs.seconds[runs.reached.astype(bool)]
            if len(times):
                middle, (marker, ms) = times.median(), LOOKS[path]
                spread = [[middle - times.min()], [times.max() - middle]]
                style = {"marker": marker, "ms": ms, "color": plots.batch_colour(size, n), "capsize": 4}
                axis.errorbar(size, middle, spread, **style)
                axis.annotate(number(middle), (size, middle), (11, 0), textcoords="offset points", va="center")
        if not axis.lines:
            axis.text(0.5, 0.5, "nobody arrives", transform=axis.transAxes, ha="center")
            continue
        for path, (marker, ms) in LOOKS.items():
            axis.plot([], [], marker, color="black", ms=ms, label=PATHS[path])
        plots.log_axes(axis, "y")
        plots.batch_axis(axis, sizes)
        axis.set_xlim(right=2.5 * sizes[-1])
        axis.set_ylabel("milliseconds to the target (median, range)")
        axis.legend()
    return fig


def draw_cost(result: dict[str, Any]) -> Figure | None:
    """Microseconds a sample against the batch size; a panel a backend and number of threads."""
    found = lines(result)
    if not found:
        return None
    places, networks = (list(dict.fromkeys(line[key] for line in found)) for key in ("place", "network"))
    title = "What a sample costs in a batch of B samples"
    width = 4 + 5.5 * len(places)
    fig, [axes] = plots.figure(1, len(places), width, 5.6, title, result["settings"], "networks", SYMBOLS, sharey=True)
    for line in found:
        index, axis = networks.index(line["network"]), axes[places.index(line["place"])]
        look: dict[str, Any] = {"color": f"C{index}", "marker": plots.MARKERS[index], "ls": "none"}
        a, b, B = line["a"], line["b"], line["B"]
        low, middle, high = (t / B for t in line["quartiles"])
        axis.errorbar(B, middle, [middle - low, high - middle], ms=7, capsize=2, label=line["network"], **look)
        smooth = np.geomspace(B[0], B[-1], 200)
        axis.plot(smooth, a / smooth + b, color=look["color"], lw=1.3)
        if a and b:
            axis.plot(a / b, 2 * b, "|", color=look["color"], ms=26, mew=3)
        axis.plot(1, line["evidence"]["fast_path_microseconds"], mfc="none", mew=2, ms=13, **look)
    for axis, place in zip(axes, places):
        plots.log_axes(axis, "y")
        plots.batch_axis(axis, found[0]["B"])
        axis.set_title(place, loc="left")
    axes[0].set_ylabel("µs a sample (median, quartiles)")
    axes[-1].plot([], [], "-", color="black", lw=1.3, label="line: a/B + b")
    axes[-1].plot([], [], "|", color="black", ms=16, mew=3, label="a/b: overhead = work")
    axes[-1].plot([], [], "o", color="black", mfc="none", mew=2, ms=13, label="fast per-sample path")
    plots.legend_beside(axes[-1])
    return fig


def draw_overhead(result: dict[str, Any]) -> Figure | None:
    """The batch at which overhead equals work, with its interval, against the network."""
    found = lines(result)
    if not found:
        return None
    places, networks = (list(dict.fromkeys(line[key] for line in found)) for key in ("place", "network"))
    title = "The batch size at which overhead equals work, a/b"
    fig, [[axis]] = plots.figure(1, 1, 11, 5, title, result["settings"], "networks", SYMBOLS)
    if any(line["on_gpu"] for line in found):  # the claim says nothing of a CPU
        axis.axhspan(TENS, 100 * TENS, color="0.92", lw=0, label="the claim for a GPU:\ntens or hundreds")
    for index, place in enumerate(places):
        here = [line for line in found if line["place"] == place]
        x = [networks.index(line["network"]) + 0.2 * (index - (len(places) - 1) / 2) for line in here]
        plots.intervals(axis, x, [line["evidence"]["a_over_b"] for line in here], index, f"{place} (95 % interval)")
    axis.set_xticks(range(len(networks)), [network.replace(" ", "\n", 1) for network in networks])
    plots.log_axes(axis, "y")
    axis.set_ylabel("batch size a/b")
    plots.legend_beside(axis)
    return fig
