"""C5b: which end points are trapped, and two batch sizes start by start."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_minima_rows import CAUGHT, FREE, diverged, end

from experiments.lab.statistics import proportion
from experiments.local_minima.measure import BEST, SAME, WIDE
from experiments.local_minima.paired import Comparison, compare, comparisons, paired_difference
from experiments.local_minima.trapped import end_points, share


def points(rows):
    return end_points({"rows": rows, "settings": {}})


def test_trapped_is_what_is_polished_and_a_tenth_of_what_there_was_to_learn_above_the_best():
    rows = [
        end("XOR", BEST, 200, 0, 0.1),
        end("XOR", BEST, 200, 1, 0.1 + 0.1 * (math.log(2) - 0.1) - 1e-6),
        end("XOR", BEST, 200, 2, 0.1 + 0.1 * (math.log(2) - 0.1) + 1e-6),
        end("XOR", BEST, 200, 3, 0.3, gradient=1e-3, fall=0.013),  # ten more such falls leave it above
        end("XOR", BEST, 200, 4, 0.3, gradient=1e-3, fall=0.02),  # and here below
        end("XOR", BEST, 200, 5, 0.1, gradient=1e-3, fall=0.02),
        end("XOR", BEST, 200, 6, 0.3, gradient=1e-6, fall=0.02),  # polished, however far it came down
        diverged("XOR", BEST, 200, 7),
        end("XOR", WIDE, None, 8, 0.001),  # another network does not say what this one can reach
    ]
    ends = points(rows)
    best = ends[ends.arm == BEST]
    assert best.start.tolist() == list(range(8))
    open_ = math.nan
    assert best.trapped.tolist() == pytest.approx([0, 0, 1, 1, open_, 0, 1, open_], nan_ok=True)
    assert share(best).estimate == pytest.approx(3 / 6)
    assert (~best.diverged).sum() == 7
    none = share(ends[ends.arm == SAME])
    assert none.within(0, 1)
    assert math.isnan(none.estimate)


def test_no_end_points_without_a_run_that_ended():
    assert points([]).empty
    assert points([diverged("XOR", BEST, 1, 0)]).empty
    without_loss = {name: value for name, value in diverged("XOR", BEST, 1, 0).items() if name != "loss"}
    assert points([without_loss]).empty


def test_each_problem_has_its_own_least_loss_and_its_name():
    rows = [end("data", BEST, 200, 0, 0.3), end("XOR", BEST, 200, 0, 0.1), end("two spirals", BEST, 200, 0, 0.2)]
    ends = end_points({"rows": rows, "settings": {"dataset": "flowers"}})
    assert ends.name.tolist() == ["XOR", "two spirals", "flowers"]
    assert ends.best.tolist() == [0.1, 0.2, 0.3]
    ends = end_points({"rows": rows, "settings": {"dataset": "XOR"}})  # a table of one's own, called as a problem here
    assert ends.name.tolist() == ["XOR", "two spirals", "XOR data"]


# ---- start by start --------------------------------------------------------------------------------------------------


def test_pairs_are_those_of_the_same_start_and_what_is_open_is_left_out():
    outcome = {"T": {"loss": CAUGHT}, "F": {"loss": FREE}, "?": {"loss": 0.2, "gradient": 1.0, "fall": 1.0}}
    full, small = "TTTFF?T?", "TFFTF?" + "?F"
    rows = [end("XOR", BEST, 200, k, 0) | outcome[letter] for k, letter in enumerate(full)]
    rows += [end("XOR", BEST, 16, k, 0) | outcome[letter] for k, letter in enumerate(small)]
    rows += [end("XOR", BEST, 16, 99, CAUGHT)]  # has no partner
    found = comparisons(points(rows[::-1]), BEST)
    assert list(found) == ["XOR, batch 16"]
    expected = {"both": 1, "full_only": 2, "small_only": 1, "neither": 1, "open": 3}
    assert vars(found["XOR, batch 16"]) == expected
    assert found["XOR, batch 16"].difference.estimate == pytest.approx(1 / 5)
    assert Comparison(3, 0, 0, 4, 0).p_value == 1
    assert Comparison(0, 9, 1, 4, 0).p_value == pytest.approx(22 / 1024)


def test_nothing_is_compared_without_full_batch_or_without_a_pair():
    ends = points([end("XOR", BEST, size, start, FREE) for start, size in enumerate((1, 16, 200))])
    assert comparisons(ends[ends.batch_size < 200], BEST) == {}
    assert comparisons(ends, SAME) == {}
    assert compare(ends[ends.batch_size == 200], ends[ends.batch_size == 1]) == Comparison(0, 0, 0, 0, 0)


def test_a_paired_difference_of_nothing_may_be_anything():
    assert (paired_difference(0, 0, 0, 0).low, paired_difference(0, 0, 0, 0).high) == (-1, 1)


counts = st.integers(0, 30)


@given(counts, counts, counts, counts)
def test_a_paired_difference_changes_its_sign_with_the_order(both, first, second, neither):
    there, back = paired_difference(both, first, second, neither), paired_difference(both, second, first, neither)
    if both + first + second + neither:
        assert there.estimate == pytest.approx(-back.estimate)
        assert -1 - 1e-9 <= there.low <= there.estimate <= there.high <= 1 + 1e-9
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_a_paired_difference_gains_by_the_pairing_and_is_wary_of_no_difference():
    assert paired_difference(20, 2, 1, 17).within(-0.12, 0.16)
    assert not paired_difference(12, 10, 9, 9).within(-0.12, 0.16)  # the same shares, by other starts
    assert paired_difference(0, 0, 0, 40).high == pytest.approx(proportion(0, 40).high)


@pytest.mark.parametrize("truth", [(0.3, 0.02, 0.02, 0.66), (0.1, 0.1, 0.3, 0.5), (0.25, 0.25, 0.25, 0.25)])
def test_a_paired_difference_covers_the_truth_as_often_as_it_says(truth):
    tables = np.random.default_rng(0).multinomial(60, truth, 500).tolist()
    intervals = [paired_difference(*table) for table in tables]
    hits = sum(interval.low <= truth[1] - truth[2] <= interval.high for interval in intervals)
    assert hits > 475 - 4 * math.sqrt(500 * 0.95 * 0.05)  # where few starts differ it errs on the safe side
