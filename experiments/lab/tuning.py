"""The best learning rate of a grid, and a wider grid where the best lies on its edge."""

from __future__ import annotations

import math
from collections.abc import Callable

HALF_DECADES = range(-4, 2)  # 10^(k/2): 0.01, 0.0316, 0.1, 0.316, 1, 3.16
LIMIT = 6  # how far the grid may grow to each side, in half decades


def rate(k: int) -> float:
    """The k-th rate of the grid, 10^(k/2), to three digits."""
    return float(f"{10 ** (k / 2):.3g}")


def best_rate(cost: Callable[[float, float], float]) -> tuple[float | None, dict[float, float]]:
    """The rate of least cost, and the cost of every rate that was tried: infinite for one that lost to an earlier one.

    Parameters
    ----------
    cost : callable
        cost(learning_rate, limit): what the rate costs (such as sample gradients to the target); infinite where it
        never arrives. `limit` is the least cost so far: a trial may stop there, since it has lost.

    Returns
    -------
    (best, costs)
        best is None where no rate arrives. While the best lies on the edge of the grid, the grid grows past that edge.
    """
    costs: dict[int, float] = {}

    def least() -> int:
        return min(costs, key=lambda k: costs[k])

    def try_rate(k: int) -> None:
        costs[k] = cost(rate(k), min(costs.values(), default=math.inf))

    for k in HALF_DECADES:
        try_rate(k)
    for _ in range(LIMIT):
        if math.isinf(costs[least()]):
            try_rate(min(costs) - 1)  # nothing arrived: look on both sides
            try_rate(max(costs) + 1)
        elif least() == min(costs):
            try_rate(min(costs) - 1)
        elif least() == max(costs):
            try_rate(max(costs) + 1)
    best = None if math.isinf(costs[least()]) else rate(least())
    return best, {rate(k): costs[k] for k in sorted(costs)}
