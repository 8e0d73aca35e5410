"""The best learning rate of a grid, and a wider grid where the best lies on its edge."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

HALF_DECADES = range(-4, 2)  # 10^(k/2): 0.01, 0.0316, 0.1, 0.316, 1, 3.16
LIMIT = 6  # how far the grid may grow to each side, in half decades


def rate(k: float) -> float:
    """The k-th rate of the grid, 10^(k/2), to three digits; between two of them where k is no whole number."""
    return float(f"{10 ** (k / 2):.3g}")


def best_rate(
    cost: Callable[[float, float], float], grid: Iterable[float] = HALF_DECADES, halvings: int = 0
) -> tuple[float | None, dict[float, float]]:
    """The rate of least cost, and the cost of every rate that was tried: infinite for one that lost to an earlier one.

    Parameters
    ----------
    cost : callable
        cost(learning_rate, limit): what the rate costs (such as sample gradients to the target); infinite where it
        never arrives. `limit` is the least cost so far: a trial may stop there, since it has lost.
    grid : iterable of float
        The k of the rates to begin with; one is enough where the best is thought to be near.
    halvings : int
        How often to halve the distance of the rates next to the best, half a decade at first, and to try those too.

    Returns
    -------
    (best, costs)
        best is None where no rate arrives. While the best lies on the edge of the grid, the grid grows past that edge.
    """
    costs: dict[float, float] = {}

    def least() -> float:
        return min(costs, key=lambda k: costs[k])

    def try_rates(wanted: Iterable[float]) -> None:
        for k in wanted:
            if k not in costs:
                costs[k] = cost(rate(k), min(costs.values(), default=math.inf))

    try_rates(grid)
    for _ in range(LIMIT):
        try_rates(beyond(costs))
    if math.isinf(costs[least()]):
        return None, {rate(k): costs[k] for k in sorted(costs)}
    for halving in range(1, halvings + 1):
        try_rates((least() - 0.5**halving, least() + 0.5**halving))
    return rate(least()), {rate(k): costs[k] for k in sorted(costs)}


def best_rates(
    measure: Callable[[list[tuple[int, float]]], list[float]], grids: Mapping[int, Iterable[int]], limit: int = LIMIT
) -> dict[int, dict[float, float]]:
    """What every rate costs for every batch size: {batch size: {rate: cost}}, the rates ascending.

    Parameters
    ----------
    measure : callable
        measure([(batch size, rate), …]) -> their costs, all at once, so that they may be measured side by side.
    grids : dict
        The rates to begin with, as the k of `rate`. While the best of a batch size lies on the edge of its grid, the
        grid grows past that edge, at most `limit` times.
    """
    costs: dict[int, dict[int, float]] = {batch_size: {} for batch_size in grids}
    wanted = [(batch_size, k) for batch_size, grid in grids.items() for k in grid]
    for _ in range(limit + 1):
        for (batch_size, k), cost in zip(wanted, measure([(batch_size, rate(k)) for batch_size, k in wanted])):
            costs[batch_size][k] = cost
        wanted = [(batch_size, k) for batch_size in grids for k in beyond(costs[batch_size])]
        if not wanted:
            break
    return {batch_size: {rate(k): here[k] for k in sorted(here)} for batch_size, here in costs.items()}


def beyond(costs: Mapping[Any, float]) -> list[Any]:
    """The rates just past the edge on which the best lies; on both sides where none arrives."""
    best = min(costs, key=lambda k: costs[k])
    if math.isinf(costs[best]):
        return [min(costs) - 1, max(costs) + 1]
    if best == min(costs):
        return [best - 1]
    return [best + 1] if best == max(costs) else []
