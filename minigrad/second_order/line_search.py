"""A line search: how far to go along a direction, by a few values and slopes; plain numbers, no arrays.

    α              how far, at least 0
    φ(α), φ'(α)    the value there, and the slope: J(theta + α d) and G(theta + α d)·d for an optimizer
    low, high      two ends between which a good α lies; low is the best so far, and high need not be farther out

N&W is J. Nocedal, S. Wright, Numerical Optimization, 2nd edition (2006), section 3.5.
"""

import math
from collections.abc import Callable
from typing import NamedTuple


class Trial(NamedTuple):
    """A point on the line: α, φ(α), φ'(α)."""

    alpha: float
    value: float
    slope: float


def strong_wolfe(
    phi: Callable[[float], tuple[float, float]],
    start: Trial,
    alpha: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    rounding: float = 0.0,
    evaluations: int = 20,
) -> Trial:
    """A point that fulfils the strong Wolfe conditions, N&W (3.7), by algorithms 3.5 and 3.6, told as one loop:

        φ(α) ≤ φ(0) + c1 α φ'(0) + rounding    it lies low enough
        |φ'(α)| ≤ c2 |φ'(0)|                   it is flat enough

    Near a minimum φ changes by less than its own rounding. There the slopes decide, which are still right, after the
    "approximate Wolfe" conditions of W. Hager, H. Zhang, SIAM J. Optim. 16 (2005) 170. After so many `evaluations` it
    gives up, and returns the best point that lies low enough, or `start` if none lies lower.

    Parameters
    ----------
    phi : callable
        α → (φ(α), φ'(α)). Where either is infinite or NaN, α counts as too long.
    start : Trial
        At α = 0, with a negative slope.
    alpha : float
        Where to look first: above 0, finite.
    c1, c2, rounding : float
        0 < c1 < c2 < 1; the error that a value of φ may have.
    """
    low, high = start, Trial(math.inf, math.inf, math.nan)  # between them lies what is wanted
    for _ in range(evaluations):
        trial = Trial(alpha, *phi(alpha))
        low_enough = trial.value <= start.value + c1 * alpha * start.slope + rounding and math.isfinite(trial.slope)
        if low_enough and abs(trial.slope) <= -c2 * start.slope:
            return trial
        before = low
        if not low_enough or trial.value >= low.value + rounding:
            high = trial
        else:
            if trial.slope * (high.alpha - low.alpha) >= 0:  # it rises towards high: turn round
                high = low
            low = trial
        alpha = _between(low, high) if high.alpha < math.inf else _beyond(before, low)
        if alpha in (low.alpha, high.alpha):  # no number lies between
            break
    return low if low.value < start.value else start


def _between(low: Trial, high: Trial) -> float:
    """Where to look next: at the cubic's minimum, but a tenth of the interval away from its ends."""
    length = high.alpha - low.alpha
    if not math.isfinite(high.value + high.slope):
        return low.alpha + 0.1 * length
    share = (_cubic_minimum(low, high) - low.alpha) / length
    return low.alpha + length * (min(max(share, 0.1), 0.9) if math.isfinite(share) else 0.5)


def _beyond(before: Trial, low: Trial) -> float:
    """Where to look farther out: at the cubic's minimum, but 2 to 4 times the last advance away."""
    advance = low.alpha - before.alpha
    times = (_cubic_minimum(before, low) - low.alpha) / advance
    return low.alpha + advance * (min(max(times, 2.0), 4.0) if math.isfinite(times) else 4.0)


def _cubic_minimum(a: Trial, b: Trial) -> float:
    """The minimum of the cubic through both points with both slopes, N&W (3.59); NaN where it has none."""
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.alpha - b.alpha)
    square = d1 * d1 - a.slope * b.slope
    d2 = math.copysign(math.sqrt(square), b.alpha - a.alpha) if square >= 0 else math.nan
    divisor = b.slope - a.slope + 2 * d2
    return b.alpha - (b.alpha - a.alpha) * (b.slope + d2 - d1) / divisor if divisor else math.nan
