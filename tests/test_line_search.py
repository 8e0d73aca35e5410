"""The line search against the conditions themselves, on functions of one variable with known slopes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from minigrad.second_order.line_search import Trial, _cubic_minimum, strong_wolfe


def searched(function, alpha, most=20, **keywords):
    """(start, what was found, all α that were tried)."""
    start, tried = Trial(0.0, *function(0.0)), []

    def phi(alpha):
        assert type(alpha) is float
        tried.append(alpha)
        return function(alpha)

    found = strong_wolfe(phi, start, alpha, evaluations=most, **keywords)
    assert len(tried) <= most
    return start, found, tried


def fulfils(start, found, function, c1=1e-4, c2=0.9, rounding=0.0):
    """Whether the strong Wolfe conditions hold at α, by values computed anew."""
    value, slope = function(found.alpha)
    assert (found.value, found.slope) == (value, slope)
    lower = value <= start.value + c1 * found.alpha * start.slope + rounding
    return found.alpha > 0 and lower and abs(slope) <= c2 * abs(start.slope)


# J. Moré, D. Thuente, Line search algorithms with guaranteed sufficient decrease, ACM TOMS 20 (1994), section 5


def rational(alpha, beta=2.0):  # (5.1)
    return -alpha / (alpha**2 + beta), (alpha**2 - beta) / (alpha**2 + beta) ** 2


def quintic(alpha, beta=0.004):  # (5.2)
    return (alpha + beta) ** 5 - 2 * (alpha + beta) ** 4, 5 * (alpha + beta) ** 4 - 8 * (alpha + beta) ** 3


def yanai(beta1, beta2):  # (5.4)
    g1, g2 = math.sqrt(1 + beta1**2) - beta1, math.sqrt(1 + beta2**2) - beta2

    def function(alpha):
        left, right = math.sqrt((1 - alpha) ** 2 + beta2**2), math.sqrt(alpha**2 + beta1**2)
        return g1 * left + g2 * right, g1 * (alpha - 1) / left + g2 * alpha / right

    return function


HARD = {
    "rational": (rational, 0.001, 0.1),
    "quintic": (quintic, 0.1, 0.1),
    "flat": (yanai(0.001, 0.001), 0.001, 0.001),
    "steep start": (yanai(0.01, 0.001), 0.001, 0.001),
    "steep end": (yanai(0.001, 0.01), 0.001, 0.001),
}


@pytest.mark.parametrize("alpha", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize(("function", "c1", "c2"), HARD.values(), ids=HARD)
def test_the_conditions_hold_on_functions_made_to_be_hard(function, c1, c2, alpha):
    start, found, _ = searched(function, alpha, most=30, c1=c1, c2=c2)
    assert fulfils(start, found, function, c1, c2)


waves = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.2, 4), st.floats(0, 6)), max_size=3)


@given(
    bend=st.floats(0.05, 20),
    descent=st.floats(0.01, 20),
    waves=waves,
    log_alpha=st.floats(-3, 3),
    c2=st.sampled_from((0.1, 0.4, 0.9)),
)
def test_the_conditions_hold_on_random_smooth_functions(bend, descent, waves, log_alpha, c2):
    def function(alpha):
        value, slope = bend * alpha**2 / 2 - descent * alpha, bend * alpha - descent
        for height, frequency, phase in waves:  # each starts downhill
            value += height * (math.sin(frequency * alpha + phase) - math.cos(phase) * frequency * alpha)
            slope += height * frequency * (math.cos(frequency * alpha + phase) - math.cos(phase))
        return value, slope

    start, found, tried = searched(function, 10.0**log_alpha, most=60, c2=c2)
    assert fulfils(start, found, function, c2=c2)
    assert found.alpha == tried[-1]


@given(bend=st.floats(1e-3, 1e3), descent=st.floats(1e-3, 1e3), log_alpha=st.floats(-3, 3))
def test_a_parabola_is_solved_by_its_second_point(bend, descent, log_alpha):
    """Unless that lies beyond what a single step may try."""
    minimum = descent / bend
    alpha = 10.0**log_alpha * minimum

    def function(alpha):
        return bend * alpha**2 / 2 - descent * alpha, bend * alpha - descent

    _, found, tried = searched(function, alpha, c2=1e-6)
    assert found.alpha == pytest.approx(minimum, rel=1e-5)
    if 1 / 5 <= alpha / minimum <= 1 / 3 or 1 / 0.9 <= alpha / minimum <= 10:
        assert len(tried) == 2


@given(seed=st.integers(0, 2**32 - 1), apart=st.floats(0.1, 10), turned=st.booleans())
def test_the_cubics_minimum(seed, apart, turned):
    rng = np.random.default_rng(seed)
    cubic = np.polynomial.Polynomial(rng.standard_normal(4))
    ends = [Trial(x, cubic(x), cubic.deriv()(x)) for x in (1.0, 1.0 + apart)]
    found = _cubic_minimum(*(ends[::-1] if turned else ends))
    minima = [x.real for x in cubic.deriv().roots() if abs(x.imag) < 1e-9 and cubic.deriv(2)(x.real) > 1e-3]
    if minima:
        assert found == pytest.approx(minima[0], rel=1e-5, abs=1e-5)
    elif not len(cubic.deriv().roots().real[abs(cubic.deriv().roots().imag) < 1e-9]):
        assert math.isnan(found)


@pytest.mark.parametrize("beyond", [(math.inf, math.inf), (math.nan, math.nan), (1.0, math.nan), (-1.0, math.inf)])
def test_a_step_into_nowhere_is_shortened(beyond):
    def function(alpha):
        return ((alpha - 1) ** 2, 2 * (alpha - 1)) if alpha < 3 else beyond

    start, found, _ = searched(function, 1e9)
    assert fulfils(start, found, function)


def test_values_that_round_away_leave_it_to_the_slopes():
    """φ in steps of 1e-6: no value tells where the minimum is, nor may one stand in the way."""

    def function(alpha):
        return round(5 + 1e-8 * (alpha - 1) ** 2, 6), 2e-8 * (alpha - 1)

    for alpha in (0.01, 1.5, 30.0):
        start, found, _ = searched(function, alpha, c2=0.1, rounding=1e-6)
        assert fulfils(start, found, function, c2=0.1, rounding=1e-6)
        assert found.alpha == pytest.approx(1, abs=0.11)


@pytest.mark.parametrize("rounding", [0.0, 1e-12])
def test_where_nothing_helps_the_start_is_returned(rounding):
    """The slope promises what the values do not keep."""
    start, found, tried = searched(lambda alpha: (1.0 + abs(alpha), -1.0), 1.0, rounding=rounding)
    assert found == start
    assert len(tried) <= 20
    assert len(set(tried)) == len(tried)
    _, found, tried = searched(lambda alpha: (1.0 + 1e-13 * (alpha > 0), -1.0), 1.0, rounding=1e-12)
    assert found.alpha == 0


def test_it_gives_up_with_the_best_it_has():
    """A slope without end: nowhere flat."""
    start, found, tried = searched(lambda alpha: (-alpha, -1.0), 1.0, most=7)
    assert len(tried) == 7
    assert found.alpha == max(tried)
    assert found.value < start.value


def test_a_point_above_the_best_one_ends_the_way_out():
    """Behind a hump φ falls for ever; the valley in front of it is where the conditions can be met."""
    spline = CubicHermiteSpline([0, 0.5, 1, 2, 100], [0, -5, -8, -2, -100], [-10, -10, 0, -1, -1])

    def function(alpha):
        return float(spline(alpha)), float(spline(alpha, 1))

    start, found, tried = searched(function, 0.5, c2=0.05)
    assert tried[1] == 2.5
    assert function(2.5)[1] < 0
    assert fulfils(start, found, function, c2=0.05)
    assert 0.5 < found.alpha < 2


def test_an_interval_without_a_number_inside_ends_it():
    def function(alpha):
        return (1 - alpha if alpha <= 1 else 2.0), -1.0  # a cliff at 1

    start, found, tried = searched(function, 1.0, most=1000)
    assert found.alpha == pytest.approx(1)
    assert found.value < start.value
    assert len(tried) < 1000
