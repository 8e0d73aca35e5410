"""What the page's sliders show: runs that are made when the page is written, at each batch size and learning rate.

A run over one of the two surfaces is kept as what a picture needs: whole numbers in thousandths of the window, and the
loss at some updates. The curve of the time to a target, T(B) = S(B) t(B) = S_min (1 + B_c/B) (a + b B), is computed by
the page itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..equal_compute.judge import DRAWN
from ..lab.experiment import Result
from ..lab.results import frame
from ..lab.sweep import nearest
from ..lab.text import data_name, number, styled
from . import still
from .surfaces import GRID, UPDATES, Scene, digits, saddle

RATES = tuple(10 ** (k / 4) for k in range(-8, 5))  # quarter decades from 0.01 to 10
SADDLE_RATES = RATES[:7]  # above them y³ throws a run off the picture
APART = 4  # of GRID: points that are nearer to each other look like one
MOMENTS = np.unique(np.geomspace(1, UPDATES, 48).round().astype(int))  # updates after which the loss is kept
LEAST = 1e-5  # above the least loss: what lies below is drawn there
ENDS = (1.0, 1e5)  # of the sliders of a/b and B_c, and so of B*


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


def log_axis(name: str, low: float, high: float, labels: Mapping[float, str], most: int = 9) -> dict[str, Any]:
    """A log scale: its ends, and its ticks as shares of the way; of more than `most` every second has a label."""
    places = [(math.log(value / low) / math.log(high / low), label) for value, label in labels.items()]
    ticks = [place for place in places if 0 <= place[0] <= 1]
    if len(ticks) > most:
        ticks = [(share, label if k % 2 == 0 else "") for k, (share, label) in enumerate(ticks)]
    return {"name": name, "low": low, "high": high, "ticks": ticks}


def axes(seconds: Sequence[float | None]) -> dict[str, dict[str, Any]]:
    """The scales of the page's curves: a tick a decade, and room for the mark of the fastest batch size."""
    known = [each for each in seconds if each is not None] or [1e-5]
    decades = {float(f"1e{k}"): f"{float(f'1e{k}'):,.6g}" for k in range(-4, 6)} | {1e-5: "0.00001"}
    sizes = {10.0**k: number(10.0**k) for k in range(6)}
    times = {float(f"1e{k}"): still.time(float(f"1e{k}")) for k in range(-9, 5)}
    first, last = math.floor(math.log10(min(known))), math.ceil(math.log10(UPDATES * max(known)))
    return {
        "updates": log_axis("updates", 1, 1000, decades),
        "seconds": log_axis("time", float(f"1e{first}"), float(f"1e{last}"), times, most=5),
        "above": log_axis("loss above its least, nats", LEAST, 10, decades),
        "B": log_axis("batch size B, rows", ENDS[0] / 1.5, ENDS[1] * 1.5, sizes),
        "time": log_axis("time over the least", 0.8, 100, decades),
    }


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


def seconds_an_update(results: Mapping[str, Result], sizes: Sequence[int]) -> list[float | None]:
    """Seconds of an update at each size, by compare_gd_sgd's timings of the batched kernel; None where none tells.

    Between two sizes that were timed: on a straight line in logarithms. Beyond them nothing is known.
    """
    rows = frame(results.get("compare_gd_sgd", {"rows": []}), "timing", path="batched", backend="numpy")
    if rows.empty:
        return [None] * len(sizes)
    microseconds = rows.groupby("batch_size").microseconds.median()
    timed = microseconds.index.to_numpy(dtype=float)
    logs = np.interp(np.log(sizes), np.log(timed), np.log(1e-6 * microseconds * timed), left=np.nan, right=np.nan)
    return [None if math.isnan(value) else float(f"{math.exp(value):.3g}") for value in logs]


def overhead_and_critical_batch(results: Mapping[str, Result]) -> dict[str, Any]:
    """Where the sliders of a/b and B_c begin, and what measured it: 100 and 100 where nothing did."""
    claims = {name: claim["evidence"] for result in results.values() for name, claim in result["claims"].items()}
    probe = claims.get("C9", {})
    if "a_over_b" in probe:
        ab, bc = probe["a_over_b"], probe["critical_batch_size"]["estimate"]
        said = [f"a/b = {named(ab)}", f"B_c = {named(bc)}, as best_batch_size estimated"]
        return {"ab": placed(ab), "bc": placed(bc), "from": said}
    lines, fits = claims.get("C4b", {}).get("CPU", {}), claims.get("C3", {}).get("MLP loose", {}).get("fits", {})
    line = next((line for name, line in lines.items() if name.endswith("1 thread, 32 hidden units")), None)
    fit = fits.get(DRAWN)
    ab, bc = line["a_over_b"]["estimate"] if line else 100.0, fit["B_c"]["estimate"] if fit else 100.0
    by_throughput = "as throughput measured (32 hidden units, 1 thread)" if line else "as an example"
    by_equal_compute = "as equal_compute measured (the same network, loose target)" if fit else "as an example"
    said = [f"a/b = {named(ab)}, {by_throughput},", f"B_c = {named(bc)}, {by_equal_compute}"]
    return {"ab": placed(ab), "bc": placed(bc), "from": said}


def named(value: float | None) -> str:
    """A value of a/b or B_c in words; a result has null where it is infinite."""
    return "∞" if value is None else number(value)


def placed(value: float | None) -> float:
    """A value of a/b or B_c as a slider and the address hold it: three digits, within their range."""
    return ENDS[1] if value is None else float(f"{min(ENDS[1], max(ENDS[0], value)):.3g}")


def presets(scenes: Mapping[str, dict[str, Any]], curve: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Places of the sliders that are worth a look, and why each looks as it does, in numbers of the recorded runs."""
    all_rows, samples = scenes["digits"]["rows"], scenes["saddle"]["rows"]
    wanted = [
        (
            "Too small a rate",
            ("digits", all_rows, 0.01),
            "An update is η times the gradient. At η = 0.01 even {updates} updates together are no longer than 4 "
            "gradients.",
            "The path points the right way and stops early, {end} above the least loss.",
            "",
        ),
        (
            "One sample, jitter",
            ("digits", 1, 1.0),
            "At the minimum the gradients of the samples cancel in their mean, but none of them is 0. So with one "
            "sample an update never gets short, unless the rate is small.",
            "The path arrives soon, and then jumps about, last {end} above the least loss.",
            "C8a",
        ),
        (
            "Full batch rests on the saddle",
            ("saddle", samples, 0.0562),
            "On the way to the saddle the mean gradient of all samples points neither up nor down. The noise of a "
            "batch does.",
            "All samples together slide to the saddle and rest there, {end} above the minima. Set the batch "
            "size to 32, and the path leaves. Rounding is noise, too, and grows at each update: at η = 0.1 the path of "
            "all samples leaves, late.",
            "C5a",
        ),
        (
            "A batch in between",
            ("digits", 32, 0.562),
            "A mean of 32 samples jitters √32 = 5.7 times less than one sample, so the rate may be large.",
            "After {updates} updates the loss is {end} above the least.",
            "",
        ),
    ]
    return [preset(scenes, curve, *each) for each in wanted]


def preset(
    scenes: Mapping[str, dict[str, Any]],
    curve: Mapping[str, Any],
    title: str,
    state: tuple[str, int, float],
    why: str,
    seen: str,
    claim: str,
) -> dict[str, Any]:
    """A preset: its title, its address, its run, the reason, what is seen, and the claim that it explains, or ""."""
    scene = scenes[state[0]]
    size = scene["sizes"].index(state[1])
    rate = scene["rates"].index(nearest(scene["rates"], state[2]))
    run = scene["runs"][size][rate]
    points = np.cumsum(np.reshape(run["path"], (-1, 2)), axis=0)
    end = number(10 ** (run["loss"][-1] / 100))
    label = f"batch size {'all ' * (state[1] == scene['rows'])}{state[1]:,}, η = {scene['rates'][rate]:g}"
    place = f"surface={state[0]}&b={state[1]}&eta={scene['rates'][rate]:g}"
    address = f"{place}&ab={curve['ab']:.12g}&bc={curve['bc']:.12g}"
    why, seen = (text.format(updates=UPDATES, end=end) for text in (why, seen))
    said = {
        "title": title,
        "label": label,
        "why": why,
        "seen": seen,
        "place": place,
        "address": address,
        "claim": claim,
    }
    return said | {"scene": state[0], "d": still.way(points), "out": run.get("out")}


def everything(results: Mapping[str, Result]) -> dict[str, Any]:
    """All that the sliders need, as plain data."""
    scenes = {"digits": recorded(digits(), RATES), "saddle": recorded(saddle(), SADDLE_RATES)}
    seconds = seconds_an_update(results, scenes["digits"]["sizes"])
    curve = overhead_and_critical_batch(results)
    return {
        "grid": GRID,
        "updates": UPDATES,
        "scenes": scenes,
        "seconds": seconds,
        "clock": data_name(results["compare_gd_sgd"]["settings"]) if any(seconds) else "",
        "axes": axes(seconds),
        "ends": ENDS,
        "curve": curve,
        "begin": still.begin(scenes, curve),
        "presets": presets(scenes, curve),
    }
