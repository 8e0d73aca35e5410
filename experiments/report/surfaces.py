"""Two losses with two parameters each, so that the way over them can be drawn, and runs that descend them.

digits   logistic regression with one weight and a bias, on 600 rows of the digits (odd or even)
saddle   x²/2 + y⁴/4 − y²/2 with 64 samples whose noise comes to zero, from a start above the saddle
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

import minigrad
from minigrad import SGD, LogisticRegression

from ..compare_gd_sgd.measure import one_feature
from ..saddle_point.measure import SURFACE_SAMPLES, surface_path

UPDATES = 400  # of every run
LEAST = 1e-5  # above the least loss: what lies below is drawn there
GRID = 1000  # of the window's width and height


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
    title, names = f"Logistic regression on {len(x)} digits", ("weight", "bias")
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
