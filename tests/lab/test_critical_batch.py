"""The critical batch size: what a batch keeps of the variance, and the fit with its intervals."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.equal_compute.judge import independent
from experiments.lab import critical_batch


def test_what_a_batch_keeps_of_a_samples_variance():
    """w(B) times the variance of all values is that of the means of all subsets, by counting them."""
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    for B in range(1, 6):
        means = [np.mean(subset) for subset in itertools.combinations(values, B)]
        assert critical_batch.without_replacement(B, 5) * values.var() == pytest.approx(np.var(means), abs=1e-12)
    assert independent(4, 5) == 0.25
    assert critical_batch.without_replacement(1, 1) == 0


@given(st.floats(1, 1e4), st.floats(1, 1e5), st.sampled_from([1000, 60_000]))
def test_the_fit_finds_the_numbers_that_made_its_points(S_min, B_c, n):
    sizes = [1, 4, 16, 64, 256, n]
    points = {w: S_min * (1 + B_c * w) for w in (critical_batch.without_replacement(B, n) for B in sizes)}
    fit = critical_batch.fit(points)
    assert fit.S_min.estimate == pytest.approx(S_min, rel=1e-4)
    assert fit.B_c.estimate == pytest.approx(B_c, rel=1e-4)
    assert fit.E_min.estimate == pytest.approx(S_min * B_c, rel=1e-4)
    assert fit.misfit < 1e-4
    assert fit.updates(0.5) == pytest.approx(S_min * (1 + B_c / 2), rel=1e-4)


def test_the_intervals_of_the_fit_cover_as_often_as_they_say():
    rng, hits = np.random.default_rng(1), dict.fromkeys(("S_min", "B_c", "E_min"), 0)
    true = {"S_min": 20.0, "B_c": 200.0, "E_min": 4000.0}
    for _ in range(300):
        fit = critical_batch.fit(
            {1 / B: 20 * (1 + 200 / B) * np.exp(0.1 * rng.standard_normal()) for B in 4.0 ** np.arange(7)}
        )
        for name in hits:
            interval = getattr(fit, name)
            hits[name] += interval.low <= true[name] <= interval.high
    assert all(abs(count - 285) < 5 * math.sqrt(300 * 0.95 * 0.05) for count in hits.values()), hits


def test_a_fit_needs_three_sizes_that_arrived_and_says_what_it_cannot_tell():
    assert critical_batch.fit({}) is None
    assert critical_batch.fit({1.0: 100.0, 0.1: 20.0, 0.01: math.inf, 0.5: math.nan}) is None
    straight = critical_batch.fit({1 / B: 1000.0 / B for B in (1, 4, 16, 64)})  # no size is large enough to see B_c
    assert straight.E_min.estimate == pytest.approx(1000, rel=1e-3)
    assert straight.B_c.estimate > 1e4
    noisy = critical_batch.fit({1.0: 990.0, 1 / 4: 255.0, 1 / 16: 61.0, 1 / 64: 15.9})
    assert noisy.B_c.low < 1e3
    assert noisy.B_c.high > 1e4
