"""One style for every figure: the same colour for the same batch size, units on the axes, PNG and SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cycler
import matplotlib

matplotlib.use("Agg")  # draws into files, also where there is no screen

import matplotlib.patches
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure

from .statistics import Interval

# Okabe and Ito's colours, which the colour-blind tell apart: for what is not a batch size
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
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


def figure(rows: int, columns: int, width: float, height: float, **keywords: Any) -> tuple[Figure, Any]:
    """A figure of rows × columns axes, width × height inches, in the laboratory's style."""
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False, **keywords)


def plain_number(value: float, _: int = 0) -> str:
    """A tick's label: 0.02 and 1,024 instead of powers of ten."""
    return f"{value:,.6g}"


def plain_minor(value: float, _: int = 0) -> str:
    """A minor tick's label on a log axis: 2, 3 and 5 of each decade, since all nine would overlap."""
    return plain_number(value) if f"{value:e}"[0] in "235" else ""


def batch_colour(batch_size: int, n: int) -> Any:
    """The colour of a batch size between 1 (dark) and all n (light): viridis over log batch size, its end cut off."""
    share = math.log(batch_size) / math.log(n) if n > 1 else 0.0
    return plt.get_cmap("viridis")(0.9 * share)


def batch_marker(batch_size: int, batch_sizes: Sequence[int]) -> str:
    """A marker a batch size, so that lines can be told apart without colour."""
    return MARKERS[sorted(batch_sizes).index(batch_size) % len(MARKERS)]


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


def save(fig: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as folder/name.png and .svg, each whole or not at all, and close it."""
    paths = []
    try:
        for kind in ("png", "svg"):
            path, temporary = folder / f"{name}.{kind}", folder / f"{name}.part.{kind}"
            try:
                fig.savefig(temporary, metadata={"Date": None} if kind == "svg" else None)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            paths.append(path)
            fig.set_layout_engine("none")  # it has been laid out: not once more for the second file
    finally:
        plt.close(fig)
    return paths


def rectangle(corner: tuple[float, float], width: float, height: float, hatch: str) -> Any:
    """A grey cell of a map, hatched or plain."""
    return matplotlib.patches.Rectangle(corner, width, height, fc="0.85", ec="0.55", hatch=hatch, lw=0)
