"""Statistics, against SciPy, by hand and by how often an interval covers the truth."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab.statistics import (
    Interval,
    at_target,
    mean_interval,
    median_interval,
    proportion,
    ratio_interval,
)

numbers = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("loss", "counts", "target", "expected"),
    [
        ([4.0, 2.0, 1.0], [0, 10, 20], math.sqrt(8), 5.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], math.sqrt(2), 15.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 2.0, 10.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 1.0, 20.0),
        ([4.0, 2.0, 1.0], [0, 10, 20], 0.5, math.inf),
        ([4.0, 2.0, 1.0], [0, 10, 20], 4.0, 0.0),
        ([4.0, 2.0, 1.0], [7, 10, 20], 5.0, 7.0),
        ([4.0, 1.0, 3.0, 1.0], [0, 1, 2, 3], 2.0, 1 / 2),  # the first time counts, though it rises again
        ([4.0, 8.0, 1.0], [0, 1, 4], 2.0, 3.0),  # it rises before it falls
        ([3.0], [0], 2.0, math.inf),
        ([3.0], [0], 3.0, 0.0),
        ([4.0, math.nan], [0, 1], 3.0, math.inf),
        ([4.0, math.inf], [0, 1], 3.0, math.inf),
        (np.array([4.0, 2.0]), np.array([0, 10]), math.sqrt(8), 5.0),
        ([1.0, 0.0], [0, 708], math.exp(-1), 708 / math.log(1 / np.finfo(float).tiny)),
    ],
)
def test_at_target(loss, counts, target, expected):
    assert at_target(loss, counts, target) == pytest.approx(expected, rel=1e-15)


@given(st.lists(st.tuples(st.floats(0.1, 10), st.integers(1, 100)), min_size=1, max_size=20), st.floats(0.1, 10))
def test_at_target_is_where_the_broken_line_first_meets_the_target(steps, target):
    loss, counts = [step[0] for step in steps], np.cumsum([step[1] for step in steps])
    found = at_target(loss, counts, target)
    if min(loss) > target:
        assert found == math.inf
        return
    assert counts[0] <= found <= counts[-1]
    before = counts < found * (1 - 1e-12)
    assert all(value > target for value in np.array(loss)[before])
    if loss[0] > target:
        assert np.interp(found, counts, np.log(loss)) == pytest.approx(math.log(target), abs=1e-6)


@given(st.lists(numbers, min_size=2, max_size=30), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_mean_interval_is_students(values, level):
    interval = mean_interval(values, level)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert interval.level == level
    assert interval.estimate == pytest.approx(np.mean(values), abs=slack)
    assert interval.low <= interval.estimate <= interval.high
    spread = scipy.stats.sem(values)
    if spread > 0:
        low, high = scipy.stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=spread)
        assert (interval.low, interval.high) == (pytest.approx(low, abs=slack), pytest.approx(high, abs=slack))
    wider = mean_interval(values, 0.999)
    assert wider.low <= interval.low
    assert interval.high <= wider.high


def test_mean_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, 2.0, (1000, 5))
    hits = sum(interval.low <= 3.0 <= interval.high for interval in map(mean_interval, samples))
    assert abs(hits - 950) < 5 * math.sqrt(1000 * 0.95 * 0.05)


@given(numbers)
def test_mean_interval_of_one_value_is_endless(value):
    assert mean_interval([value]) == Interval(value, -math.inf, math.inf, 0.95)


@pytest.mark.parametrize(
    ("low", "high", "within", "outside"),
    [
        (1.2, 1.8, True, False),
        (1.0, 2.0, True, False),
        (0.9, 1.5, False, False),
        (1.5, 2.1, False, False),
        (0.0, 3.0, False, False),
        (0.0, 0.9, False, True),
        (2.1, 3.0, False, True),
        (0.0, 1.0, False, False),
        (2.0, 3.0, False, False),
        (-math.inf, math.inf, False, False),
        (math.nan, math.nan, False, False),
    ],
)
def test_interval_within_and_outside(low, high, within, outside):
    interval = Interval((low + high) / 2, low, high)
    assert (interval.within(1.0, 2.0), interval.outside(1.0, 2.0)) == (within, outside)


@pytest.mark.parametrize(
    ("interval", "style", "expected"),
    [
        (Interval(0.5, 0.25, 1), "", "0.5 (0.25 to 1)"),
        (Interval(-0.5, -0.52, -0.48), ".2f", "−0.50 (−0.52 to −0.48)"),
        (Interval(0.192, 0.055, 0.33, 0.996), ".1%", "19.2 % (99.6 %: 5.5 to 33.0)"),
        (Interval(2.0, 1.0, math.inf), ".1f", "2.0 (1.0 to ∞)"),
        (Interval(2.0, -math.inf, math.inf), ".1f", "2.0 (no interval)"),
        (Interval(2.0, 0.0, math.inf), "", "2 (no interval)"),
        (Interval(math.inf, math.inf, math.inf), "", "∞"),
        (Interval(3e-16, 3e-16, 3e-16), ".0e", "3e-16"),
        (Interval(math.nan, -math.inf, math.inf), ".1f", "not measured"),
    ],
)
def test_an_interval_in_words(interval, style, expected):
    assert format(interval, style) == expected


@pytest.mark.parametrize("interval", [mean_interval([]), ratio_interval([]), median_interval([])])
def test_nothing_has_an_endless_interval(interval):
    assert math.isnan(interval.estimate)
    assert interval.inside(0.5, 2) is None
    assert f"{interval}" == "not measured"


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20), st.sampled_from([0.9, 0.95]))
def test_a_ratio_and_its_inverse_have_inverse_intervals(ratios, level):
    interval = ratio_interval(ratios, level)
    inverse = ratio_interval([1 / ratio for ratio in ratios], level)
    assert interval.level == level
    assert interval.estimate == pytest.approx(scipy.stats.gmean(ratios), rel=1e-9)
    assert interval.low <= interval.estimate * (1 + 1e-12)
    logs = mean_interval(np.log(ratios).tolist(), level)
    if math.isfinite(interval.high) and interval.low > 0:
        assert math.log(interval.high) == pytest.approx(logs.high, abs=1e-9)
        assert interval.low == pytest.approx(1 / inverse.high, rel=1e-6)


def test_the_interval_of_one_ratio_is_endless():
    assert ratio_interval([2.0]) == Interval(pytest.approx(2.0), 0.0, math.inf)


@given(st.lists(numbers | st.just(math.inf), min_size=1, max_size=40), st.sampled_from([0.9, 0.95, 0.99]))
def test_median_interval_is_that_of_the_order_statistics(values, level):
    """The r-th least and the r-th largest of n enclose the median with probability 1 − 2 P(binomial(n, ½) < r)."""
    interval, n = median_interval(values, level), len(values)
    assert interval.estimate == np.median(values)
    outside = [2 * sum(math.comb(n, k) for k in range(r)) / 2**n for r in range(1, n + 1)]
    r = sum(probability <= (1 - level) * (1 + 1e-12) for probability in outside)
    ends = (sorted(values)[r - 1], sorted(values)[n - r]) if r else (-math.inf, math.inf)
    assert (interval.low, interval.high) == ends


def test_median_interval_covers_the_true_median_at_least_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for n in (6, 9, 20):
        samples = np.exp(3 * rng.standard_normal((500, n)))  # skew: the mean of the logs would say nothing of it
        hits = sum(interval.low <= 1.0 <= interval.high for interval in map(median_interval, samples))
        assert hits >= 500 * 0.95 - 4 * math.sqrt(500 * 0.95 * 0.05)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (math.nan, -math.inf, math.inf)),
        ([3.0], (3.0, -math.inf, math.inf)),
        ([1.0] * 5, (1.0, -math.inf, math.inf)),
        ([4.0, 1.0, 2.0, 6.0, 5.0, 3.0], (3.5, 1.0, 6.0)),
        ([1.0] * 4 + [math.inf] * 2, (1.0, 1.0, math.inf)),
        ([math.inf] * 6, (math.inf,) * 3),
        ([1.0] * 6 + [math.nan], (math.nan, -math.inf, math.inf)),
    ],
)
def test_median_interval_of_few_of_infinite_and_of_no_numbers(values, expected):
    interval = median_interval(values)
    assert (interval.estimate, interval.low, interval.high) == pytest.approx(expected, nan_ok=True)


def test_an_interval_is_inside_outside_or_open():
    interval = Interval(1.0, 0.8, 1.2)
    assert interval.inside(0.5, 1.2) is True
    assert interval.inside(1.3, 2) is False
    assert interval.inside(-1, 0.7) is False
    assert interval.inside(1.0, 2) is None
    assert Interval(math.nan, -math.inf, math.inf).inside(0, 1) is None


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_proportion_has_wilsons_interval(hits, n):
    """Wilson's bounds are where the score test just rejects: (p̂ − p)² = z² p (1 − p) / n."""
    hits = min(hits, n)
    share = proportion(hits, n)
    assert share.estimate == hits / n
    z = scipy.stats.norm.ppf(0.975)
    for p in (share.low, share.high):
        assert (hits / n - p) ** 2 == pytest.approx(z**2 * p * (1 - p) / n, abs=1e-9)
    assert 0 <= share.low <= share.estimate <= share.high <= 1


def test_a_proportion_of_nothing_may_be_anything():
    assert (proportion(0, 0).low, proportion(0, 0).high) == (0, 1)
    assert math.isnan(proportion(0, 0).estimate)
