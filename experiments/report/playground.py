"""What the page's sliders show: runs that were made when the page was written, at each batch size and learning rate.

Two losses with two parameters each, so that the way over them can be drawn:

    digits   logistic regression with one weight and a bias, on 600 rows of the digits (odd or even)
    saddle   x²/2 + y⁴/4 − y²/2 with 64 samples whose noise comes to zero, from a start above the saddle

and the curve of the time to a target, T(B) = S(B) t(B) = S_min (1 + B_c/B) (a + b B), which the page itself computes.
A run is kept as what a picture needs: whole numbers in thousandths of the window, and the loss at some updates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from matplotlib.figure import Figure

import minigrad
from minigrad import SGD, LogisticRegression

from ..compare_gd_sgd.measure import one_feature
from ..lab.experiment import Result
from ..lab.results import frame
from ..lab.text import number, styled
from ..saddle_point.measure import SURFACE_SAMPLES, surface_path

UPDATES = 400
RATES = tuple(10 ** (k / 4) for k in range(-8, 5))  # quarter decades from 0.01 to 10
SADDLE_RATES = RATES[:7]  # above them y³ throws a run off the picture
GRID = 1000  # of the window's width and height
APART = 4  # of GRID: points that are nearer to each other look like one
MOMENTS = np.unique(np.geomspace(1, UPDATES, 48).round().astype(int))
LEAST = 1e-5  # above the least loss: what lies below is drawn there


@dataclass(frozen=True)
class Scene:
    """A loss over two parameters, and the runs that descend it.

    Parameters
    ----------
    name, title : str
        For the address and for the reader.
    axes : tuple of str
        What the two parameters are called.
    window : tuple
        ((low, high) of the first parameter, the same of the second).
    rows : int
        How many samples are all.
    height : callable
        The loss at parameters (k, 2) -> (k,).
    least : float
        The loss at the minimum.
    marks : dict
        What is marked, and where: "start", "minimum" or "saddle" -> points.
    run : callable
        run(batch_size, rate) -> parameters after 0, 1, … UPDATES updates, (UPDATES + 1, 2).
    """

    name: str
    title: str
    axes: tuple[str, str]
    window: tuple[tuple[float, float], tuple[float, float]]
    rows: int
    height: Callable[[np.ndarray], np.ndarray]
    least: float
    marks: Mapping[str, Sequence[Sequence[float]]]
    run: Callable[[int, float], np.ndarray]

    def batch_sizes(self) -> list[int]:
        """Powers of two, and all."""
        return sorted({2**k for k in range(self.rows.bit_length()) if 2**k <= self.rows} | {self.rows})

    def on_grid(self, points: Any) -> np.ndarray:
        """Points (k, 2) as whole numbers: 0 to GRID within the window, and not far outside."""
        low, high = np.array(self.window).T
        return np.clip(np.rint((np.asarray(points) - low) / (high - low) * GRID), -GRID, 2 * GRID).astype(int)


def digits() -> Scene:
    """Logistic regression on one feature of the digits, with the start of compare_gd_sgd's picture."""
    x, y = one_feature(minigrad.load_digits().binary("odd-even"))
    model, start = LogisticRegression(1), np.array([-1.0, 2.0])

    def height(theta: np.ndarray) -> np.ndarray:
        z = theta[:, :1] * x[:, 0] + theta[:, 1:]  # (k, rows)
        return np.array([minigrad.log_loss_from_logits(row, y) for row in z])

    def run(batch_size: int, rate: float) -> np.ndarray:
        model.theta[:] = start
        path, optimizer, rng = [start.copy()], SGD(rate), np.random.default_rng(0)
        while len(path) <= UPDATES:
            for batch in minigrad.batches(len(x), batch_size, rng, drop_last=True):
                optimizer.step(model, x[batch], y[batch])
                path.append(model.theta.copy())
        return np.array(path[: UPDATES + 1])

    best = scipy.optimize.minimize(lambda theta: height(theta[None])[0], start, tol=1e-10)
    window = ((-2.2, 4.8), (-4.4, 2.6))
    marks = {"start": [start], "minimum": [best.x]}
    title, names = f"Logistic regression on {len(x)} digits", ("weight w", "bias b")
    return Scene("digits", title, names, window, len(x), height, float(best.fun), marks, run)


def saddle() -> Scene:
    """The saddle of saddle_point's picture; its least loss, −1/4, lies at (0, ±1)."""

    def height(theta: np.ndarray) -> np.ndarray:
        x, y = theta.T
        return x**2 / 2 + y**4 / 4 - y**2 / 2

    def run(batch_size: int, rate: float) -> np.ndarray:
        return np.array(surface_path(batch_size, rate, 0.0, UPDATES))

    marks = {"start": [[1.5, 0.0]], "minimum": [[0.0, -1.0], [0.0, 1.0]], "saddle": [[0.0, 0.0]]}
    window = ((-0.9, 1.9), (-1.7, 1.7))
    title = "A saddle between two minima"
    return Scene("saddle", title, ("x", "y"), window, SURFACE_SAMPLES, height, -0.25, marks, run)


# ---- what the page keeps of them ---------------------------------------------------------------------------------------


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


def ticks(window: Sequence[Sequence[float]], count: int = 3) -> list[tuple[float, str, str]]:
    """Places along a window's sides, as shares, with the two parameters there."""
    shares = [(k + 0.5) / count for k in range(count)]
    return [(share, *(styled(low + share * (high - low), ".1f") for low, high in window)) for share in shares]


def log_axis(name: str, low: float, high: float, labels: Mapping[float, str]) -> dict[str, Any]:
    """A log scale: its ends, and its ticks as shares of the way between them."""
    places = [(math.log(value / low) / math.log(high / low), label) for value, label in labels.items()]
    return {"name": name, "low": low, "high": high, "ticks": [place for place in places if 0 <= place[0] <= 1]}


def axes(seconds: Sequence[float] | None) -> dict[str, dict[str, Any]]:
    """The scales of the page's curves."""
    times = {1e-6: "1 µs", 1e-5: "10 µs", 1e-4: "0.1 ms", 1e-3: "1 ms", 1e-2: "10 ms", 0.1: "0.1 s", 1.0: "1 s"}
    shortest, longest = (min(seconds), UPDATES * max(seconds)) if seconds else (1e-5, 1e-1)
    sizes = {float(4**k): f"{4**k:,}" for k in range(0, 9, 2)}
    return {
        "updates": log_axis("updates", 1, UPDATES, {1: "1", 10: "10", 100: "100"}),
        "seconds": log_axis("seconds", shortest, longest, times),
        "above": log_axis("loss above its least", LEAST, 10, {1e-4: "0.0001", 1e-3: "0.001", 0.01: "0.01", 0.1: "0.1", 1: "1"}),
        "B": log_axis("batch size B", 1, 65536, sizes),
        "time": log_axis("time over the least", 1, 100, {1: "1", 2: "2", 5: "5", 10: "10", 20: "20", 50: "50"}),
    }


def kept(scene: Scene, path: np.ndarray) -> dict[str, Any]:
    """A run: its path, each point but the first as a step from the one before; 100 log₁₀ of the loss above the least."""
    points = thinned(scene.on_grid(path))
    above = np.maximum(scene.height(path[MOMENTS]) - scene.least, LEAST)
    steps = np.diff(points, axis=0, prepend=0)
    return {"path": steps.ravel().tolist(), "loss": np.rint(100 * np.log10(above)).astype(int).tolist()}


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
    return "".join(way(thinned(scene.on_grid(line))) for lines in drawn.allsegs for line in lines)


def seconds_an_update(results: Mapping[str, Result], sizes: Sequence[int]) -> list[float] | None:
    """Seconds of an update at each size, by compare_gd_sgd's timings of the batched kernel; None where there are none.

    Between two sizes that were timed, and beyond them, on a straight line in logarithms.
    """
    if "compare_gd_sgd" not in results:
        return None
    rows = frame(results["compare_gd_sgd"], "timing", path="batched", backend="numpy")
    if rows.empty or rows.batch_size.nunique() < 2:
        return None
    median = rows.groupby("batch_size").microseconds.median()
    timed = np.log(median.index.to_numpy(dtype=float))
    seconds = np.log(1e-6 * median.to_numpy() * median.index.to_numpy())
    return [float(f"{value:.3g}") for value in np.exp(np.interp(np.log(sizes), timed, seconds))]


def overhead_and_critical_batch(results: Mapping[str, Result]) -> dict[str, Any]:
    """Where the sliders of a/b and B_c begin, and where each was measured: 100 and 100 where nothing was."""
    found: dict[str, Any] = {"ab": 100.0, "bc": 100.0, "from": []}
    claims = {name: claim for result in results.values() for name, claim in result["claims"].items()}
    lines = claims.get("C4b", {}).get("evidence", {}).get("CPU", {})
    fits = claims.get("C3", {}).get("evidence", {}).get("MLP loose", {}).get("fits", {})
    fit = fits.get("drawn without replacement")
    for name, line in lines.items():
        if name.endswith("1 thread, 32 hidden units"):
            found["ab"] = line["a_over_b"]["estimate"]
            found["from"].append(f"a/b = {number(found['ab'])} by throughput (32 hidden units, 1 thread)")
    if fit:
        found["bc"] = fit["B_c"]["estimate"]
        found["from"].append(f"B_c = {number(found['bc'])} by equal_compute (the same network, loose target)")
    return found


# ---- presets -----------------------------------------------------------------------------------------------------------


def presets(scenes: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Places of the sliders that are worth a look, and why each looks as it does, in numbers of the recorded runs."""
    all_rows, samples = scenes["digits"]["rows"], scenes["saddle"]["rows"]
    wanted = [
        (
            "Too small a rate",
            ("digits", all_rows, 0.01),
            "An update is η times the gradient. At η = 0.01 even {updates} updates together are no longer than 4 "
            "gradients: the path points the right way and stops half-way, {end} above the least loss.",
        ),
        (
            "One sample, jitter",
            ("digits", 1, 1.0),
            "At the minimum the gradients of the samples cancel in their mean, but none of them is 0. With one sample "
            "an update never gets shorter: it arrives soon, and then jumps about, last {end} above the least loss.",
        ),
        (
            "Full batch rests on the saddle",
            ("saddle", samples, 0.0562),
            "From this start the mean gradient has no part along y at all. So all samples together slide to the saddle "
            "and rest there, {end} above the minima. The noise of a batch does have such a part: try 32. And rounding "
            "has one, too, which grows at each update: at η = 0.1 it leaves, late.",
        ),
        (
            "A batch in between",
            ("digits", 32, 0.562),
            "A mean of 32 samples jitters √32 = 5.7 times less than one sample, so the rate may be large. After "
            "{updates} updates the loss is {end} above the least.",
        ),
    ]
    return [preset(scenes, *each) for each in wanted]


def preset(
    scenes: Mapping[str, dict[str, Any]], title: str, state: tuple[str, int, float], why: str
) -> dict[str, Any]:
    """A preset: its title, its address, its run, and the reason with the run's numbers filled in."""
    scene = scenes[state[0]]
    size = scene["sizes"].index(state[1])
    rate = min(range(len(scene["rates"])), key=lambda k: abs(np.log(scene["rates"][k] / state[2])))
    run = scene["runs"][size][rate]
    points = np.cumsum(np.reshape(run["path"], (-1, 2)), axis=0)
    end = number(10 ** (run["loss"][-1] / 100))
    label = f"batch size {'all ' * (state[1] == scene['rows'])}{state[1]:,}, η = {scene['rates'][rate]:g}"
    address = f"surface={state[0]}&b={state[1]}&eta={scene['rates'][rate]:g}"
    why = why.format(updates=UPDATES, end=end)
    return {"title": title, "label": label, "address": address, "scene": state[0], "d": way(points), "why": why}


def way(points: np.ndarray) -> str:
    """Points of the grid (k, 2) as the d of an SVG path, y upwards."""
    return "M" + " ".join(f"{x} {GRID - y}" for x, y in points)


def everything(results: Mapping[str, Result]) -> dict[str, Any]:
    """All that the sliders need, as plain data."""
    scenes = {"digits": recorded(digits(), RATES), "saddle": recorded(saddle(), SADDLE_RATES)}
    seconds = seconds_an_update(results, scenes["digits"]["sizes"])
    return {
        "grid": GRID,
        "updates": UPDATES,
        "scenes": scenes,
        "seconds": seconds,
        "axes": axes(seconds),
        "curve": overhead_and_critical_batch(results),
        "presets": presets(scenes),
    }
