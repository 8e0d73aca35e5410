"""What the page's sliders show: runs that are made when the page is written, at each batch size and learning rate.

A run over one of the two surfaces is kept as what a picture needs: whole numbers in thousandths of the window, and the
loss at some updates.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..lab.experiment import Result
from ..lab.text import data_name, styled
from . import curve, still
from .presets import presets
from .surfaces import GRID, LEAST, UPDATES, Scene, digits, saddle

RATES = tuple(10 ** (k / 4) for k in range(-8, 5))  # quarter decades from 0.01 to 10
SADDLE_RATES = RATES[:7]  # above them y³ throws a run off the picture
APART = 4  # of GRID: points that are nearer to each other look like one
MOMENTS = np.unique(np.geomspace(1, UPDATES, 48).round().astype(int))  # updates after which the loss is kept


def recorded(scene: Scene, rates: Sequence[float]) -> dict[str, Any]:
    """A scene as plain data: contours, marks, and the runs by batch size and rate."""
    sizes = scene.batch_sizes()
    return {
        "name": scene.name,
        "title": scene.title,
        "axes": scene.axes,
        "ticks": ticks(scene.window),
        "rows": scene.rows,
        "sizes": sizes,
        "rates": [float(f"{rate:.3g}") for rate in rates],
        "contours": contours(scene),
        "marks": {name: scene.on_grid(points).tolist() for name, points in scene.marks.items()},
        "moments": MOMENTS.tolist(),
        "runs": [[kept(scene, scene.run(size, rate)) for rate in rates] for size in sizes],
    }


def ticks(window: Sequence[Sequence[float]]) -> list[list[tuple[float, str]]]:
    """Whole numbers along a window's two sides: (share of the way, label)."""
    sides = []
    for low, high in window:
        values = MaxNLocator(nbins=5, integer=True).tick_values(low, high)
        sides.append([((value - low) / (high - low), styled(value, ".0f")) for value in values if low <= value <= high])
    return sides


def kept(scene: Scene, path: np.ndarray) -> dict[str, Any]:
    """A run: its path, each point as a step from the one before; and 100 log₁₀ of the loss above its least.

    And where the path leaves the picture: the place, the direction, and the same in words.
    """
    points = thinned(scene.on_grid(path))
    above = np.maximum(scene.height(path[MOMENTS]) - scene.least, LEAST)
    steps = np.diff(points, axis=0, prepend=0)
    run = {"path": steps.ravel().tolist(), "loss": np.rint(100 * np.log10(above)).astype(int).tolist()}
    return run | leaving(points)


def leaving(points: np.ndarray) -> dict[str, Any]:
    """{"out": …} for points (k, 2) of the grid that leave it; y of the place points down, as in an SVG."""
    outside = np.any((points < 0) | (points > GRID), axis=1)
    if not outside.any():
        return {}
    first = int(outside.argmax())
    before, step = points[first - 1], points[first] - points[first - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.where(step > 0, (GRID - before) / step, np.where(step < 0, -before / step, np.inf))
    x, y = np.rint(before + ways.min() * step).astype(int).tolist()
    angle, then = round(math.degrees(math.atan2(-step[1], step[0]))), "ends outside" if outside[-1] else "comes back"
    said = {"short": f"leaves, {then}", "said": f"leaves the picture, and {then}"}
    return {"out": {"x": x, "y": GRID - y, "angle": angle} | said}


def thinned(points: np.ndarray) -> np.ndarray:
    """The points (k, 2) but for those that lie within APART of the last one kept; the first and the last stay."""
    chosen = [points[0]]
    for point in points[1:-1]:
        if abs(point - chosen[-1]).max() >= APART:
            chosen.append(point)
    return np.array([*chosen, points[-1]])


def contours(scene: Scene) -> str:
    """Lines of equal loss as the d of an SVG path, y upwards."""
    w, b = (np.linspace(*ends, 81) for ends in scene.window)
    grid = np.stack(np.meshgrid(w, b), axis=-1)
    loss = scene.height(grid.reshape(-1, 2)).reshape(grid.shape[:2]) - scene.least
    levels = np.geomspace(max(loss.min(), loss.max() / 3000) * 1.5, loss.max(), 14)[:-1]
    drawn = Figure().subplots().contour(w, b, loss, levels)
    return "".join(still.way(thinned(scene.on_grid(line))) for lines in drawn.allsegs for line in lines)


def everything(results: Mapping[str, Result]) -> dict[str, Any]:
    """All that the sliders need, as plain data."""
    scenes = {"digits": recorded(digits(), RATES), "saddle": recorded(saddle(), SADDLE_RATES)}
    seconds = curve.seconds_an_update(results, scenes["digits"]["sizes"])
    begin = curve.overhead_and_critical_batch(results)
    return {
        "grid": GRID,
        "updates": UPDATES,
        "scenes": scenes,
        "seconds": seconds,
        "clock": data_name(results["compare_gd_sgd"]["settings"]) if any(seconds) else "",
        "axes": curve.axes(seconds),
        "ends": curve.ENDS,
        "curve": begin,
        "begin": still.begin(scenes, begin),
        "presets": presets(scenes, begin),
    }
