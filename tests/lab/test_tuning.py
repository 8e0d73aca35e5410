"""Tuning: the best rate of a grid that grows, and that is refined, about it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab import tuning

GRID = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16]


class Recorded:
    """A cost that remembers what it was asked."""

    def __init__(self, cost):
        self.cost, self.rates, self.limits, self.costs = cost, [], [], []

    def __call__(self, rate, limit):
        self.rates.append(rate)
        self.limits.append(limit)
        self.costs.append(self.cost(rate))
        return self.costs[-1]


def valley(best):
    return lambda rate: 10 + abs(math.log10(rate / best))


def test_the_best_rate_of_the_grid_is_found_with_no_trial_to_spare():
    cost = Recorded(valley(0.1))
    best, costs = tuning.best_rate(cost)
    assert best == 0.1
    assert list(costs) == GRID == cost.rates
    assert costs == dict(zip(cost.rates, cost.costs))


@given(st.integers(min(tuning.HALF_DECADES) - tuning.LIMIT + 1, max(tuning.HALF_DECADES) + tuning.LIMIT - 1))
def test_the_grid_grows_until_the_best_lies_inside(k):
    cost = Recorded(valley(tuning.rate(k)))
    best, costs = tuning.best_rate(cost)
    assert best == tuning.rate(k)
    assert list(costs) == sorted(costs)
    assert min(costs) < best < max(costs)
    assert sorted(cost.rates) == list(costs)
    assert len(set(cost.rates)) == len(cost.rates)


@pytest.mark.parametrize("falls", [lambda rate: rate, lambda rate: 1 / rate], ids=["towards 0", "towards infinity"])
def test_the_grid_grows_no_farther_than_the_limit(falls):
    best, costs = tuning.best_rate(Recorded(falls))
    assert len(costs) == len(GRID) + tuning.LIMIT
    assert best in (min(costs), max(costs))
    assert costs[best] == min(costs.values())


def test_where_no_rate_arrives_there_is_none_and_both_sides_were_tried():
    cost = Recorded(lambda _: math.inf)
    best, costs = tuning.best_rate(cost)
    assert best is None
    assert all(map(math.isinf, costs.values()))
    assert len(costs) == len(GRID) + 2 * tuning.LIMIT
    assert min(costs) < min(GRID)
    assert max(GRID) < max(costs)


@pytest.mark.parametrize("only", [0.001, 31.6])
def test_a_lone_rate_that_arrives_outside_the_grid_is_found(only):
    best, _ = tuning.best_rate(lambda rate, _: 5.0 if rate == only else math.inf)
    assert best == only


@given(st.lists(st.one_of(st.floats(1, 100), st.just(math.inf)), min_size=30, max_size=30))
def test_a_trial_is_told_the_least_cost_so_far(values):
    cost = Recorded(lambda rate: values[round(2 * math.log10(rate)) + 15])
    best, costs = tuning.best_rate(cost)
    for index, limit in enumerate(cost.limits):
        assert limit == min(cost.costs[:index], default=math.inf)
    least = min(costs.values())
    assert (best is None) == math.isinf(least)
    assert best is None or costs[best] == least


@given(st.integers(-10, 10), st.integers(-3, 3))
def test_a_search_may_begin_elsewhere_and_walks_to_the_best(k, away):
    cost = Recorded(valley(tuning.rate(k)))
    best, costs = tuning.best_rate(cost, grid=[k + away])
    assert best == tuning.rate(k)
    assert min(costs) < best < max(costs)
    assert len(costs) <= abs(away) + 3


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
@pytest.mark.parametrize("k", [-1.6, 0.0, 0.3, 1.125])
def test_the_grid_is_refined_about_the_best(k, halvings):
    cost = Recorded(lambda rate: 10 + abs(2 * math.log10(rate) - k))
    best, costs = tuning.best_rate(cost, halvings=halvings)
    assert abs(2 * math.log10(best) - k) <= 0.5 ** (halvings + 1) + 0.01
    assert costs[best] == min(costs.values())
    assert len(cost.rates) == len(costs) <= len(GRID) + 1 + 2 * halvings


def test_a_refined_grid_tries_no_rate_twice_and_nothing_where_nothing_arrives():
    cost = Recorded(valley(1.0))
    tuning.best_rate(cost, grid=[-1, -0.5, 0, 0.5, 1], halvings=2)
    assert len(cost.rates) == len(set(cost.rates)) == 7
    best, costs = tuning.best_rate(Recorded(lambda _: math.inf), halvings=2)
    assert best is None
    assert len(costs) == len(GRID) + 2 * tuning.LIMIT


def test_a_grid_grows_past_the_edge_on_which_the_best_lies():
    asked = []

    def measure(cells):
        asked.extend(cells)
        return [abs(math.log10(rate) - size) + 1 for size, rate in cells]

    costs = tuning.best_rates(measure, {1: range(0, 3), 2: range(0, 2), -1: range(0, 2)})
    assert {size: min(found, key=found.get) for size, found in costs.items()} == {1: 10.0, 2: 100.0, -1: 0.1}
    assert list(costs[2]) == sorted(costs[2])
    assert len(asked) == len(set(asked))
    never = tuning.best_rates(lambda cells: [math.inf] * len(cells), {1: range(0, 1)}, limit=2)
    assert list(never[1]) == [0.1, 0.316, 1.0, 3.16, 10.0]
