"""The theorem: shares of any partition add up to the gradient and the noise of all rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, problems, refused

from experiments.data_parallel.averaging import average, share
from minigrad import gradient_noise


@given(problems(dtypes=("float64", "float32"), max_rows=40), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_any_partition_gives_the_gradient_of_all_rows(problem, ranks, seed):
    model, X, y = problem.model, problem.X, problem.y
    owner = np.random.default_rng(seed).integers(ranks, size=len(y))  # some may own nothing
    total = sum(share(model, X[owner == rank], y[owner == rank]) for rank in range(ranks))
    found, alone = average(total), gradient_noise(model, X, y)
    scale = float(alone.trace + alone.mean @ alone.mean) + 1e-300
    tolerance = 1e-12 if model.dtype == np.float64 else 1e-4
    assert_close(found.mean, model.gradient(X, y), tolerance, np.sqrt(scale))
    assert found.trace == pytest.approx(alone.trace, abs=10 * tolerance * scale)
    assert total[-2] == len(y)


@given(problems(max_rows=10))
def test_a_rank_without_rows_adds_nothing(problem):
    none = share(problem.model, problem.X[:0], problem.y[:0])
    assert none.shape == (len(problem.model.theta) + 2,) and not none.any()


def test_the_mean_of_the_ranks_gradients_is_not_the_gradient_where_they_have_unequal_rows():
    """Why the size counts: g₁ of one row, g₂ of three."""
    shares = np.array([[1.0 * 8, 1, 64], [3.0 * 4, 3, 50]])
    assert average(shares.sum(axis=0)).mean == [5.0]  # and not 6


def test_no_row_at_all_is_refused():
    with refused("no rank has a row", "at least one"):
        average(np.zeros(5))
