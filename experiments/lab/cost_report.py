"""What an update costs as a table and as figures, from the lines t(B) = a + b B of some networks on some backends.

A line is a dict: "place" (backend and threads) and "network" by name; B (k,), "quartiles" (3, k) of t(B), a and b, all
in microseconds; and as "evidence" a, b, a/b with their intervals, how far the line misses, and what stands beside it.
"""

from __future__ import annotations

import math
from typing import Any

import matplotlib.ticker
import numpy as np

from . import plots, table


def cost_table(lines: list[dict[str, Any]]) -> str:
    """A line a row."""
    body = []
    for line in lines:
        found = line["evidence"]
        ratio, miss = found["a_over_b"], found["line_misses_at_most_by"]
        body.append([
            f"{line['place']}, {line['network']}",
            *(table.number(found[name]["estimate"]) for name in ("a_microseconds", "b_microseconds")),
            *(table.number(found[f"{name}_microseconds"]) for name in ("flops_alone", "fast_path")),
            f"{table.number(ratio.estimate)} ({table.number(ratio.low)}…{table.number(ratio.high)})",
            table.number(found["twice_one_sample_at"] or math.inf),
            f"{100 * miss['relative']:+.0f} % at {miss['batch_size']:,}",
        ])  # fmt: skip
    header = [
        "update of",
        "a",
        "b",
        "flops alone",
        "fast path",
        "a/b (95 % interval)",
        "2 t(1) at",
        "line misses",
    ]
    title = "What an update on a batch at hand costs, t(B) = a + b B, in microseconds\n"
    title += "(a: of an update; b, flops alone and fast path: of a sample)"
    return f"{title}\n\n{table.render(header, body)}"


def draw_cost(lines: list[dict[str, Any]]) -> Any:
    """Microseconds an update, and a sample, against the batch size; a row a backend and number of threads."""
    places, networks = (list(dict.fromkeys(line[key] for line in lines)) for key in ("place", "network"))
    fig, axes = plots.figure(len(places), 2, 14, 4.6 * len(places))
    for line in lines:
        index = networks.index(line["network"])
        look: dict[str, Any] = {"color": f"C{index}", "marker": plots.MARKERS[index], "ls": "none"}
        a, b, B, flops = line["a"], line["b"], line["B"], line["evidence"]["flops_alone_microseconds"]
        smooth = np.geomspace(B[0], B[-1], 200)
        row = axes[places.index(line["place"])]
        for axis, cost in zip(row, (lambda t, B: t, lambda t, B: t / B)):  # of an update, of a sample
            low, middle, high = (cost(t, B) for t in line["quartiles"])
            axis.errorbar(B, middle, [middle - low, high - middle], ms=7, capsize=2, label=line["network"], **look)
            axis.plot(smooth, cost(a + b * smooth, smooth), color=look["color"], lw=1.3)
            axis.plot(smooth, cost(flops * smooth, smooth), ":", color=look["color"])
            if a and b:
                axis.plot(a / b, cost(2 * a, a / b), "|", color=look["color"], ms=22, mew=2.5)
            plots.batch_axis(axis, B)
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(lambda value, _: table.number(value))
            axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        row[1].plot(1, line["evidence"]["fast_path_microseconds"], mfc="none", mew=2, ms=13, **look)
        row[0].set_ylabel("µs an update (median, quartiles)")
        row[1].set_ylabel("µs a sample")
        row[0].set_title(line["place"], loc="left", fontweight="bold")
    corner = axes[0][1]
    for style, name in (("-", "t(B) = a + b B"), ("|", "a/b: overhead = work"), (":", "flops alone")):
        corner.plot([], [], style, color="black", ms=16, mew=2.5, label=name)
    corner.plot([], [], "o", color="black", mfc="none", mew=2, ms=13, label="fast per-sample path")
    corner.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def draw_overhead(lines: list[dict[str, Any]], tens: float) -> Any:
    """The batch at which overhead equals work, with its interval, against the network; a colour a backend."""
    places, networks = (list(dict.fromkeys(line[key] for line in lines)) for key in ("place", "network"))
    fig, [[axis]] = plots.figure(1, 1, 10, 4.8)
    axis.axhspan(tens, 100 * tens, color="0.92", lw=0, label="tens or hundreds")
    for index, place in enumerate(places):
        here = [line for line in lines if line["place"] == place]
        x = [networks.index(line["network"]) + 0.2 * (index - (len(places) - 1) / 2) for line in here]
        look: dict[str, Any] = {"color": f"C{index}", "marker": plots.MARKERS[index], "ls": "none", "ms": 9}
        ratios = [line["evidence"]["a_over_b"] for line in here]
        middle = [ratio.estimate for ratio in ratios]
        axis.errorbar(x, middle, plots.reach(ratios), capsize=5, label=f"a/b, {place}", **look)
        axis.plot(x, [line["evidence"]["twice_one_sample_at"] or math.nan for line in here], mfc="none", **look)
    axis.plot([], [], "o", color="black", mfc="none", ms=9, label="batch that takes\ntwice as long as 1")
    axis.set_xticks(range(len(networks)), [network.replace(" ", "\n", 1) for network in networks])
    axis.set(yscale="log", ylabel="batch size at which overhead equals work")
    axis.yaxis.set_major_formatter(plots.plain_number)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig
