"""One style for every figure: the same colour for the same batch size, units on the axes, PNG and SVG."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cycler
import matplotlib

matplotlib.use("Agg")  # draws into files, also where there is no screen

import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure

from minigrad.engine.files import part_of

from .statistics import Interval
from .text import data_name, model_name

# For what is not a batch size: Okabe and Ito's colours, which the colour-blind tell apart, two light ones replaced.
# Each has a contrast of at least 3 to 1 on white, as a projector needs it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#8A6D00", "#767676")
GREY = "0.45"  # of what is drawn for comparison
STYLE: Any = {
    "axes.prop_cycle": cycler.cycler(color=COLOURS),
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.dpi": 140,
    "lines.linewidth": 2,
    "svg.hashsalt": "minigrad",  # the same data give the same file
}
MARKERS = "osD^vP*X"
BELOW: Any = {"x": 0.01, "ha": "left", "fontsize": 9.5, "color": "0.2"}  # the look of what is written below the axes


def panels(rows: int, columns: int, width: float, height: float, **keywords: Any) -> tuple[Figure, Any]:
    """A figure of rows × columns axes, width × height inches, in the laboratory's style."""
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False, **keywords)


def figure(
    rows: int,
    columns: int,
    width: float,
    height: float,
    title: str,
    settings: dict[str, Any],
    model: str | None = None,
    symbols: str = "",
    **keywords: Any,
) -> tuple[Figure, Any]:
    """`panels` with a title above that says what is seen, and below symbols, model and data.

    `settings` are those of the result; `model` names the model where they do not.
    """
    fig, axes = panels(rows, columns, width, height, **keywords)
    fig.suptitle(title, x=0.01, ha="left", fontweight="bold")
    write_below(fig, f"{model or model_name(settings)} on {data_name(settings)}")
    if symbols:
        write_below(fig, symbols)
    return fig, axes


def write_below(fig: Figure, text: str) -> None:
    """Write a sentence below the axes, above what stands there already; `save` wraps it to the figure's width."""
    fig.supxlabel(f"{text}\n{fig.get_supxlabel()}".strip(), **BELOW)


def wrap_below(fig: Figure) -> None:
    """Wrap what stands below the axes to the figure's width."""
    wide = int(14 * fig.get_figwidth())
    lines = [line for text in fig.get_supxlabel().splitlines() for line in textwrap.wrap(text, wide)]
    fig.supxlabel("\n".join(lines), **BELOW)


def plain_number(value: float, _: int = 0) -> str:
    """A tick's label: 0.02 and 1,024 instead of powers of ten."""
    return f"{value:,.6g}" if value < 1e6 else f"{value:,.0f}"


def plain_minor(value: float, _: int = 0) -> str:
    """A minor tick's label on a log axis: 2, 3 and 5 of each decade, since all nine would overlap."""
    return plain_number(value) if f"{value:e}"[0] in "235" else ""


def batch_colour(batch_size: int, n: int) -> Any:
    """The colour of a batch size, from 1 (dark) to all n (bright), without the light part of the colour map."""
    share = math.log(batch_size) / math.log(n) if n > 1 else 0.0
    return plt.get_cmap("plasma")(0.62 * share)


def batch_label(batch_size: int, n: int) -> str:
    """How a legend names a batch size: the method where there is a name for it."""
    if batch_size == n:
        return f"all {n:,} (GD)"
    return "1 (SGD)" if batch_size == 1 else f"{batch_size:,}"


def batch_axis(axis: Any, batch_sizes: Sequence[int]) -> None:
    """A log-2 axis for the batch size, ticks at powers of two, from the least to the largest."""
    axis.set_xscale("log", base=2)
    low, high = min(batch_sizes), max(batch_sizes)
    axis.set_xlim(low / 1.3, high * 1.3)
    axis.xaxis.set_major_formatter(plain_number)
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.set_xlabel("batch size")


def reach(intervals: Sequence[Interval]) -> np.ndarray:
    """How far intervals reach to each side of their estimates, (2, n), for error bars; nowhere where one is endless."""
    sides = np.array([[each.estimate - each.low, each.high - each.estimate] for each in intervals]).reshape(-1, 2).T
    return np.where(np.isfinite(sides), sides, 0.0)


def log_axes(axis: Any, which: str = "xy") -> None:
    """Log scales with plain numbers, and with ticks at 2, 3 and 5 between; `which` is "x", "y" or both."""
    for letter in which:
        axis.set(**{f"{letter}scale": "log"})
        ticks = axis.xaxis if letter == "x" else axis.yaxis
        ticks.set_major_formatter(plain_number)
        ticks.set_minor_formatter(plain_minor)


def medians(axis: Any, x: Sequence[float], groups: Sequence[Sequence[float]], index: int, label: str) -> None:
    """The median of each group, as a line with the colour and marker of `index`; the groups' ranges shaded."""
    low, high = ([pick(group) for group in groups] for pick in (min, max))
    axis.fill_between(x, low, high, color=f"C{index}", alpha=0.2, lw=0)
    axis.plot(x, [np.median(group) for group in groups], color=f"C{index}", marker=MARKERS[index], label=label)


def intervals(axis: Any, x: Sequence[float], values: Sequence[Interval], index: int, label: str, **style: Any) -> None:
    """Estimates as points with the colour and marker of `index`, and their intervals as bars."""
    look: dict[str, Any] = {"color": f"C{index}", "marker": MARKERS[index], "ms": 8, "capsize": 4, "ls": "none"} | style
    axis.errorbar(x, [each.estimate for each in values], yerr=reach(values), label=label, **look)


def legend_beside(axis: Any, **style: Any) -> None:
    """A legend to the right of the axis, or where `style` says; none where nothing was drawn."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="upper left", **{"bbox_to_anchor": (1, 1)} | style)


def save(fig: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as folder/name.png and .svg, each whole or not at all, and close it."""
    paths = []
    wrap_below(fig)
    try:
        for kind in ("png", "svg"):
            path = folder / f"{name}.{kind}"
            temporary = part_of(path)
            try:
                fig.savefig(temporary, format=kind, metadata={"Date": None} if kind == "svg" else None)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            paths.append(path)
            fig.set_layout_engine("none")  # it has been laid out: not once more for the second file
    finally:
        plt.close(fig)
    return paths
