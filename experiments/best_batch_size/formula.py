"""The answer by the formula alone, from step times and a noise scale that somebody measured elsewhere."""

import argparse
import math
from typing import Any

import numpy as np

from ..lab.arguments import positive_number
from ..lab.text import number
from ..lab.timing import overhead_and_work
from .theory import Law


def step_times(text: str) -> dict[int, float]:
    """An argument such as "8:0.21 64:0.30": {batch size: time}, of at least two sizes."""
    times: dict[int, float] = {}
    for word in text.replace(",", " ").split():
        size, _, time = word.partition(":")
        try:
            batch_size, value = int(size), float(time)
        except ValueError:
            batch_size, value = 0, math.nan
        if batch_size < 1 or not 0 < value < math.inf or batch_size in times:
            raise argparse.ArgumentTypeError(
                f"{word!r}: expected SIZE:TIME, a whole number of at least 1, each once, and a time above 0"
            )
        times[batch_size] = value
    if len(times) < 2:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at least two sizes, such as '8:0.21 64:0.30'")
    return times


FLAGS: dict[str, dict[str, Any]] = {
    "step-times": {
        "metavar": '"8:0.21 64:0.30 512:1.1"',
        "type": step_times,
        "help": "answer by the formula alone, without training: batch sizes and what an update takes, in any unit of "
        "time; together with --noise",
    },
    "noise": {
        "metavar": "B_c",
        "type": positive_number,
        "help": "the gradient's noise scale tr Σ/‖G‖² along the run, in rows; together with --step-times",
    },
}
TAKEN = {"step_times", "noise", "rows", "backend", "out", "run", "quiet"}  # flags beside it; a default is no flag


def answer(arguments: argparse.Namespace) -> str | None:
    """The text of the answer; None where the flags do not ask for it; ValueError where they do not fit together."""
    times, noise = arguments.step_times, arguments.noise
    if times is None and noise is None:
        return None
    for flag, value, other in (("noise", noise, "step-times"), ("step-times", times, "noise")):
        if value is None:
            raise ValueError(f"--{other} is given without --{flag}; expected both")
    for flag, value in vars(arguments).items():
        if value not in (None, False) and flag not in TAKEN:
            raise ValueError(f"--{flag.replace('_', '-')} has no effect on --step-times; expected one of the two")
    sizes, t = np.array(list(times)), np.array(list(times.values()))
    a, b = overhead_and_work(sizes, t)
    rows = vars(arguments).get("rows")
    law = Law(a, b, noise, math.inf if rows in (None, "all") else float(rows))
    low, high = law.band()
    misfit = float(np.abs((a + b * sizes) / t - 1).max())
    measured = f"measured from {sizes.min():,} to {sizes.max():,} rows"
    outside = "" if sizes.min() <= law.best <= sizes.max() else f"; that is extrapolated: {measured}"
    if math.isinf(law.best):
        return f"The larger the better: the times do not grow with the batch size, {measured}."
    lines = [
        f"Train with batches of {whole(low)} to {whole(high)} rows: within 10 % of the fastest, {whole(law.best)} "
        f"rows{outside}.",
        f"  t(B) = {number(a)} + {number(b)} B, off by at most {misfit:.0%}; a/b = {number(a / b) if b else '∞'} rows.",
        f"  B* = √(B_c a/b) with B_c = {number(noise)} rows"
        + ("." if math.isinf(law.N) else f", and of {whole(law.N)} rows at most."),
        "  The formula does not know your learning rate: try three to five at the size that you take.",
    ]
    return "\n".join(lines)


def whole(value: float) -> str:
    """A batch size as text."""
    return "∞" if math.isinf(value) else f"{round(value):,}"
