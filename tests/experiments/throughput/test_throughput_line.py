"""The line t(B) = a + b B, and what goes with it."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab.timing import overhead_and_work
from experiments.throughput import line


@given(st.floats(0.01, 1000), st.floats(1e-4, 10), st.integers(0, 10**6))
def test_the_line_is_the_one_of_least_relative_errors(a, b, seed):
    """Against curve_fit from the right start; neither coefficient may be negative."""
    B = 2.0 ** np.arange(14)
    t = (a + b * B) * np.exp(np.random.default_rng(seed).normal(0, 0.05, 14))
    fitted = overhead_and_work(B, t)
    other, _ = scipy.optimize.curve_fit(lambda B, a, b: a + b * B, B, t, (a, b), sigma=t, bounds=(0, np.inf))
    errors = [(((a + b * B) / t - 1) ** 2).sum() for a, b in (fitted, other)]
    assert errors[0] <= errors[1] * (1 + 1e-9)
    assert min(fitted) >= 0
    assert overhead_and_work(B, a + b * B) == pytest.approx((a, b), rel=1e-6)


def test_a_line_without_overhead_or_without_work():
    B = np.array([1.0, 8.0, 64.0])
    assert overhead_and_work(B, 3 * B) == pytest.approx((0, 3), abs=1e-12)
    assert overhead_and_work(B, [5.0, 5.0, 5.0]) == pytest.approx((5, 0), abs=1e-12)
    assert overhead_and_work(B, [5.0, 4.0, 3.0])[1] == 0


@pytest.mark.parametrize(
    ("t", "level", "expected"),
    [
        ([2, 4, 8], 3.0, 2.5),
        ([2, 4, 8], 4.0, 4.0),
        ([2, 4, 8], 5.0, 5.0),
        ([2, 4, 8], 9.0, None),
        ([2, 4, 8], 1.0, 1.0),
        ([2, 8, 4], 6.0, 3.0),
        ([2, 4, 8], 2.0, 1.0),
    ],
)
def test_crossing(t, level, expected):
    """Batches 1, 4, 8."""
    found = line.crossing(np.array([1.0, 4.0, 8.0]), np.array(t, dtype=float), level)
    assert found == expected


@pytest.mark.parametrize("layer_sizes", [(64, 1), (64, 32, 10), (3, 5, 4, 2)])
def test_flops_are_those_of_the_products(layer_sizes):
    """A multiplication and an addition for each weight: forward, its gradient, and backward but into X."""
    flops = 0
    for layer, (n_in, n_out) in enumerate(zip(layer_sizes, layer_sizes[1:])):
        for _ in range(n_in):
            for _ in range(n_out):
                flops += 2 + 2 + (2 if layer else 0)
    assert line.flops_a_sample(layer_sizes) == flops
