"""The formula of the fastest size against a search over sizes, and the band against its definition."""

import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import refused

from experiments.best_batch_size.theory import Law, critical_from_two

POSITIVE = st.floats(1e-3, 1e4)
ROWS = st.one_of(st.just(math.inf), st.integers(2, 10**6).map(float))


@given(POSITIVE, POSITIVE, st.floats(0, 1e5), ROWS)
def test_no_size_is_faster_than_the_formula_s(a, b, B_c, N):
    law = Law(a, b, B_c, N)
    assert 1 <= law.best <= N
    for size in np.geomspace(1, min(N, 1e9), 60):
        assert law.time(law.best) <= law.time(size) * (1 + 1e-9)


@given(POSITIVE, POSITIVE, st.floats(1, 1e5))
def test_endless_rows_give_the_root(a, b, B_c):
    assert Law(a, b, B_c).best == pytest.approx(max(1.0, math.sqrt(B_c * a / b)))


@example(0.001, 4517.0, 9436.0, 2.0, 1.0)
@given(POSITIVE, POSITIVE, st.floats(1, 1e4), ROWS, st.floats(0.01, 1))
def test_the_band_is_where_the_time_is_near_the_least(a, b, B_c, N, more):
    law = Law(a, b, B_c, N)
    low, high = law.band(more)
    limit = (1 + more) * law.time(law.best)
    assert 1 <= low <= law.best * (1 + 1e-6)
    assert law.best * (1 - 1e-6) <= high <= N
    for end, farther in ((low, low / 1.01), (high, high * 1.01)):
        assert law.time(end) <= limit * (1 + 1e-6)
        if 1 <= farther <= N:
            assert law.time(farther) >= limit * (1 - 1e-6)


def test_the_band_by_a_root_finder():
    law = Law(90.0, 1.0, 200.0, 1437)
    limit = 1.1 * law.time(law.best)
    low = scipy.optimize.brentq(lambda B: law.time(B) - limit, 1, law.best)
    high = scipy.optimize.brentq(lambda B: law.time(B) - limit, law.best, 1437)
    assert law.band() == pytest.approx((low, high))


def test_all_rows_where_the_noise_asks_for_more_than_there_are():
    assert Law(10.0, 1.0, 5000.0, 1000).best == 1000
    assert Law(10.0, 1.0, 5000.0, 1000).band()[1] == 1000
    assert Law(10.0, 0.0, 50.0, 1000).best == 1000  # a larger batch costs nothing


def test_no_noise_makes_one_row_the_fastest():
    assert Law(1.0, 1.0, 0.0, 100).best == 1


@given(st.floats(1, 1e4), st.integers(100, 10**5))
def test_two_runs_give_the_number_that_made_them(B_c, N):
    w = Law(1, 1, 0, N).w
    updates = tuple(7 * (1 + B_c * w(size)) for size in (8, 64))
    assert critical_from_two(updates, (w(8), w(64))) == pytest.approx(B_c, rel=1e-6)


def test_two_runs_that_no_number_explains():
    assert critical_from_two((100.0, 100.0), (0.1, 0.01)) == 0
    assert critical_from_two((1000.0, 50.0), (0.1, 0.01)) == math.inf  # 20 times fewer at ten times the size


@pytest.mark.parametrize(("numbers", "quoted"), [((-1, 1, 1), "-1"), ((0, 0, 1), "0"), ((1, 1, math.nan), "nan")])
def test_numbers_that_make_no_law(numbers, quoted):
    with refused(quoted, "expected"):
        Law(*numbers)
