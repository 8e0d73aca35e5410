"""What the curve of the time to a target begins with, and the scales of its axes; the page itself computes it.

T(B) = S(B) t(B)            the time to the target
S(B) = S_min (1 + B_c/B)    updates to it; S_min: of endlessly large batches; B_c: the critical batch size
t(B) = a + b B              the time of an update on B rows
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..equal_compute.judge import DRAWN
from ..lab.experiment import Result
from ..lab.results import frame
from ..lab.text import number
from . import still
from .surfaces import LEAST, UPDATES

ENDS = (1.0, 1e5)  # of the sliders of a/b and B_c, and so of B*


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


def log_axis(name: str, low: float, high: float, labels: Mapping[float, str], most: int = 9) -> dict[str, Any]:
    """A log scale: its ends, and its ticks as shares of the way; of more than `most` every second has a label."""
    places = [(math.log(value / low) / math.log(high / low), label) for value, label in labels.items()]
    ticks = [place for place in places if 0 <= place[0] <= 1]
    if len(ticks) > most:
        ticks = [(share, label if k % 2 == 0 else "") for k, (share, label) in enumerate(ticks)]
    return {"name": name, "low": low, "high": high, "ticks": ticks}
