"""The sliders' pictures as they stand before anyone moves one: for paper, and where no script runs.

The script draws the same from the same numbers, and a test compares the two.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..lab.sweep import nearest
from .surfaces import GRID

WIDTHS = {"updates": 246, "seconds": 246, "curve": 246}  # of what a plot draws in; all are HEIGHT high
HEIGHT = 306
BEGIN: dict[str, Any] = {"surface": "digits", "b": 32, "eta": 0.562}  # a/b and B_c: as measured

Axis = Mapping[str, Any]


def share(axis: Axis, value: float) -> float:
    """How far along a log axis a value lies, 0 to 1."""
    return math.log(value / axis["low"]) / math.log(axis["high"] / axis["low"])


def line(points: Sequence[tuple[float, float]], x: Axis, y: Axis, width: float) -> str:
    """Points on two log scales as the d of a path."""
    return "M" + " ".join(f"{width * share(x, a):.1f} {HEIGHT * (1 - share(y, b)):.1f}" for a, b in points)


def way(points: np.ndarray) -> str:
    """Points of the grid (k, 2) as the d of an SVG path, y upwards."""
    return "M" + " ".join(f"{x} {GRID - y}" for x, y in points)


def three(value: float) -> str:
    """Three significant digits, as the page's script writes them."""
    return f"{float(f'{value:.3g}'):,.12g}"


def time(seconds: float) -> str:
    """A time with its unit."""
    if seconds < 1e-3:
        return f"{three(1e6 * seconds)} µs"
    return f"{three(1e3 * seconds)} ms" if seconds < 1 else f"{three(seconds)} s"


def begin(scenes: Mapping[str, Any], curve: Mapping[str, Any]) -> dict[str, Any]:
    """The state of the sliders at the beginning, all of it at places that they have."""
    scene = scenes[BEGIN["surface"]]
    b, eta = nearest(scene["sizes"], BEGIN["b"]), nearest(scene["rates"], BEGIN["eta"])
    return {"surface": scene["name"], "b": b, "eta": eta, "ab": curve["ab"], "bc": curve["bc"]}


def run(play: Mapping[str, Any]) -> dict[str, Any]:
    """The run that the page begins with: its path, its loss against updates and seconds, and the same in words."""
    state, axes = play["begin"], play["axes"]
    scene = play["scenes"][state["surface"]]
    size, rate = scene["sizes"].index(state["b"]), scene["rates"].index(state["eta"])
    mine, clock = scene["runs"][size][rate], play["seconds"][size]
    others = [k for k in range(len(scene["sizes"])) if k != size]

    def drawn(k: int, unit: str, scale: float) -> str:
        losses = [10 ** (value / 100) for value in scene["runs"][k][rate]["loss"]]
        points = [(moment * scale, loss) for moment, loss in zip(scene["moments"], losses)]
        return line(points, axes[unit], axes["above"], WIDTHS[unit])

    in_updates = [("other", drawn(k, "updates", 1)) for k in others] + [("path", drawn(size, "updates", 1))]
    in_seconds = [("other", drawn(k, "seconds", play["seconds"][k])) for k in others if play["seconds"][k]]
    in_seconds = [*in_seconds, ("path", drawn(size, "seconds", clock))] if clock else []
    path = way(np.cumsum(np.reshape(mine["path"], (-1, 2)), axis=0))
    told = said(play, scene, size, rate)
    return {"path": path, "out": mine.get("out"), "updates": in_updates, "seconds": in_seconds, "said": told}


def said(play: Mapping[str, Any], scene: Mapping[str, Any], size: int, rate: int) -> str:
    """What a run did, in a sentence."""
    state, clock, mine = play["begin"], play["seconds"][size], scene["runs"][size][rate]
    last, least = 10 ** (mine["loss"][-1] / 100), play["axes"]["above"]["low"]
    batch = f"{'all ' * (state['b'] == scene['rows'])}{state['b']:,}"
    took = f", {time(play['updates'] * clock)}" if clock else ""
    ends = f"less than {least:.5f}" if last < 1.01 * least else three(last)
    out = f" The path {mine['out']['said']}." if "out" in mine else ""
    return (
        f"Batch size {batch}, η = {state['eta']:g}: {play['updates']} updates, "
        f"{three(play['updates'] * state['b'] / scene['rows'])} passes through the samples{took}; "
        f"the loss ends {ends} above its least.{out}"
    )


def curve(play: Mapping[str, Any]) -> dict[str, Any]:
    """The time to the target over its least, where it is at most a tenth more, and where it is least."""
    ab, bc, B, T = play["begin"]["ab"], play["begin"]["bc"], play["axes"]["B"], play["axes"]["time"]
    best, width = math.sqrt(ab * bc), WIDTHS["curve"]

    def over(size: float) -> float:
        return (1 + bc / size) * (ab + size) / (math.sqrt(ab) + math.sqrt(bc)) ** 2

    # T over its least is 1 + c (x + 1/x - 2) at x B*: where that is 1.1, on either side.
    half = 1 + 0.1 * (math.sqrt(ab) + math.sqrt(bc)) ** 2 / best / 2
    x = half + math.sqrt(half * half - 1)
    low, high = max(1.0, best / x), best * x
    left, right = width * share(B, low), min(float(width), width * share(B, high))
    sizes = np.geomspace(1, B["high"], 193)
    return {
        "left": round(left, 1),
        "wide": round(max(0.0, right - left), 1),
        "path": line([(size, over(size)) for size in sizes], B, T, width),
        "best": (round(width * share(B, best), 1), round(HEIGHT * (1 - share(T, 1)), 1)),
        "said": f"Fastest at B* = {three(best)}. From {three(low)} to {three(high)} the time is at most 10 % longer; "
        f"one sample takes {three(over(1))} times as long.",
    }
