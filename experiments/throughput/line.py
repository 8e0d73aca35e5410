"""What an update costs against its batch size, as a line.

B      batch size
t(B)   microseconds of an update on a batch of B rows
a, b   overhead of an update, and work of a sample: t(B) = a + b B; at B = a/b both take as long
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


def crossing(batch_sizes: Any, t: Any, level: float) -> float | None:
    """The batch size at which t first comes up to `level`, on a straight line between two; None where it never does."""
    above = np.flatnonzero(np.asarray(t) >= level)
    if len(above) == 0:
        return None
    between = slice(max(0, above[0] - 1), above[0] + 1)
    return float(np.interp(level, t[between], batch_sizes[between]))


def flops_a_sample(layer_sizes: Sequence[int]) -> int:
    """Multiplications and additions of z = a W, of ∂W = aᵀ δ and, in all layers but the first, of δ Wᵀ."""
    weights = [n_in * n_out for n_in, n_out in zip(layer_sizes, layer_sizes[1:])]
    return 2 * (3 * sum(weights) - weights[0])
