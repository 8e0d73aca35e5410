"""C6 as tables and figures."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..lab import plots
from ..lab.statistics import Interval, mean_interval
from ..lab.text import data_name, styled, table
from .judge import BESIDE, CLASSES, CURVE, LEVEL, MARGIN, class_of, find, networks_of, percent, residuals
from .measure import TENS

RATIOS = {
    "by the curve": CURVE,
    "tens beside": BESIDE,
    "medians": "powers over tens, medians by the curve",
    "n − 1, n + 1": "powers over n − 1 and n + 1",
}
YARDSTICKS = {
    CURVE: "over a smooth curve\nthrough all other sizes",
    BESIDE: "over the line between\nthe tens on both sides",
}


def tables(result: dict[str, Any]) -> str:
    """Powers against tens; then multiples of 8 and 16."""
    settings = result["settings"]
    found = {name: find(rows) for name, rows in networks_of(result).items()}
    first = [[name, *(difference(of[key]) for key in RATIOS.values())] for name, of in found.items()]
    second = [
        [name, *(difference(of[f"{part} over {rest}"]) for part, rest in CLASSES.items())]
        + ["–" if share is None else f"{share:.0%}" for share in of["shares"].values()]
        for name, of in found.items()
    ]
    by_16 = ["8 over rest", "16 over 8", "powers over 16", "share of 8", "of 16", "of powers"]
    parts = [
        f"{data_name(settings)}: time of an update, repetitions: {settings['seeds']}",
        table("Time at 16 … 128 over that at 10 … 100, a difference in %", ["network", *RATIOS], first),
        table("Or is it multiples of 8 or 16? Time over the class around, in %", ["network", *by_16], second),
    ]
    return "\n\n".join(parts)


def difference(ratio: Interval) -> str:
    """A ratio of times as a difference in per cent."""
    return styled(ratio.estimate - 1, "+.1%")


def draw_ratios(result: dict[str, Any]) -> Figure | None:
    """Powers against tens by both yardsticks, a line a network."""
    networks = networks_of(result)
    if not networks:
        return None
    title = "Do powers of two (16 … 128) take less time than multiples of ten?"
    fig, [[axis]] = plots.figure(1, 1, 11, 1.8 + 0.8 * len(networks), title, result["settings"], "MLPs")
    axis.axvspan(-100 * MARGIN, 100 * MARGIN, color="0.92", lw=0, label=f"alike: within {100 * MARGIN:g} %")
    for index, (key, label) in enumerate(YARDSTICKS.items()):
        ratios = [percent(find(rows)[key]) for rows in networks.values()]
        y = np.arange(len(networks)) + 0.24 * (index - 0.5)
        x, bars = [100 * ratio.estimate for ratio in ratios], 100 * plots.reach(ratios)
        axis.errorbar(x, y, xerr=bars, fmt=plots.MARKERS[index], ms=9, capsize=4, label=label)
    axis.axvline(0, color="black", lw=1)
    axis.set_yticks(range(len(networks)), list(networks))
    axis.set_ylim(len(networks) - 0.5, -0.5)
    axis.set_xlabel(f"← powers faster     difference in time, % ({100 * LEVEL:g} % interval)     powers slower →")
    plots.legend_beside(axis)
    return fig


def draw_sizes(result: dict[str, Any]) -> Figure | None:
    """How much slower each size is than its surroundings; a panel a network."""
    networks = networks_of(result)
    if not networks:
        return None
    rows = math.ceil(len(networks) / 2)
    title = f"How much longer an update takes than by a smooth curve ({100 * LEVEL:g} % intervals)"
    fig, axes = plots.figure(rows, 2, 14, 1 + 3.8 * rows, title, result["settings"], "MLPs")
    for axis, (name, repetitions) in zip(axes.ravel(), networks.items()):
        B = np.array(repetitions.batch_sizes.iloc[0])
        r = 100 * np.expm1(residuals(B, np.log(repetitions.least.tolist())))
        means = [mean_interval(values, LEVEL) for values in r.T]
        axis.axhspan(-100 * MARGIN, 100 * MARGIN, color="0.92", lw=0, label=f"± {100 * MARGIN:g} %")
        for chosen, look in (
            (class_of(B) == 0, {"marker": ".", "color": plots.GREY, "ms": 8, "label": "any other size"}),
            ((class_of(B) > 0) & (class_of(B) < 3), {"marker": "s", "color": "C0", "ms": 7, "label": "multiple of 8"}),
            (class_of(B) == 3, {"marker": "*", "color": "C1", "ms": 15, "label": "power of two"}),
        ):
            here = [mean for mean, mine in zip(means, chosen) if mine]
            middle = [mean.estimate for mean in here]
            axis.errorbar(B[chosen], middle, plots.reach(here), ls="none", capsize=2, elinewidth=1, **look)
        tens = np.isin(B, TENS)
        axis.plot(B[tens], r.mean(axis=0)[tens], "o", ms=13, mfc="none", mec="black", label="multiple of ten")
        plots.batch_axis(axis, B.tolist())
        axis.set_title(name, loc="left")
        axis.set_ylabel("slower than the curve, %")
    for axis in axes.ravel()[len(networks) :]:
        axis.set_visible(False)
    fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside right upper")
    return fig
