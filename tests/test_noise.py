import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import SHAPES, assert_close, make_problem, problems, refused, small_chunks

from minigrad import MLP, LogisticRegression, gradient_noise


@given(problems(dtypes=("float64", "float32"), max_rows=30), st.integers(1, 500))
def test_noise_is_the_spread_of_the_sample_gradients(problem, chunk_bytes):
    model, X, y = problem.model, problem.X, problem.y
    g = model.sample_gradients(X, y).astype(float)
    G = g.mean(axis=0)
    trace, mean_square_norm = np.trace((g - G).T @ (g - G)) / len(g), (g**2).sum() / len(g)
    with small_chunks(chunk_bytes):
        noise = gradient_noise(model, X, y)
    tolerance = 1e-10 if model.dtype == np.float64 else 1e-5
    assert noise.trace == pytest.approx(trace, abs=tolerance * mean_square_norm)
    assert_close(noise.mean, G, tolerance, abs(g).max())
    assert noise.mean.dtype == model.dtype
    for n in (1, 7, len(g)):
        assert noise.std(n) == pytest.approx(math.sqrt(noise.trace / n), rel=1e-14)
    square_norm = G @ G
    if square_norm > 1e-3 * mean_square_norm:  # else it is a difference of two large numbers
        assert noise.noise_scale == pytest.approx(trace / square_norm, rel=3e3 * tolerance, abs=3e3 * tolerance)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_noise_scale_is_trace_over_squared_mean(shape):
    problem = make_problem(**shape, m=50)
    g = problem.model.sample_gradients(problem.X, problem.y)
    G = g.mean(axis=0)
    noise = gradient_noise(problem.model, problem.X, problem.y)
    assert noise.noise_scale == pytest.approx(((g - G) ** 2).sum() / len(g) / (G @ G), rel=1e-10)


@given(problems(max_rows=30), st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_scaled_noise_is_the_spread_of_the_scaled_sample_gradients(problem, chunk_bytes, seed):
    model, X, y = problem.model, problem.X, problem.y
    scale = np.random.default_rng(seed).uniform(0.1, 10, model.theta.shape)
    g = scale * model.sample_gradients(X, y)
    with small_chunks(chunk_bytes):
        noise = gradient_noise(model, X, y, scale=scale)
    assert noise.trace == pytest.approx(g.var(axis=0).sum(), abs=1e-10 * (g**2).sum() / len(g))
    assert_close(noise.mean, g.mean(axis=0), 1e-10, abs(g).max())


def test_where_squares_overflow_the_noise_is_infinite_without_a_warning():
    X = np.array([[1e160], [-3e160], [2.0]])
    noise = gradient_noise(LogisticRegression(1), X, [1, 0, 1])
    assert noise.trace == math.inf and np.isfinite(noise.mean).all()


def test_a_scale_of_another_shape_than_theta_is_refused():
    with refused("scale has shape (3,)", "expected that of theta, (2,)"):
        gradient_noise(LogisticRegression(1), [[1.0]], [1], scale=np.ones(3))


@given(problems(max_rows=1))
def test_one_row_has_no_noise(problem):
    noise = gradient_noise(problem.model, problem.X, problem.y)
    tolerance = 1e-14 if problem.model.dtype == np.float64 else 1e-6
    assert 0 <= noise.trace <= tolerance * float(noise.mean @ noise.mean)
    assert_close(noise.mean, problem.model.gradient(problem.X, problem.y), 1e-14)


def test_noise_by_hand():
    """At theta = 0, h = 1/2: the two gradients are (−1/2, −1/2) and (−1/2, 1/2)."""
    noise = gradient_noise(LogisticRegression(1), [[1.0], [-1.0]], [1, 0])
    assert noise.mean.tolist() == [-0.5, 0]
    assert noise.trace == pytest.approx(0.25)
    assert noise.noise_scale == pytest.approx(1)
    assert noise.std(4) == pytest.approx(0.25)


def test_noise_scale_is_infinite_where_the_mean_is_zero():
    noise = gradient_noise(LogisticRegression(1), [[1.0], [1.0]], [1, 0])
    assert noise.trace == pytest.approx(0.5)
    assert noise.noise_scale == math.inf


def test_a_mean_of_independent_draws_spreads_as_std_says():
    problem = make_problem(hidden=(3,), outputs=3, m=40)
    model, X, y = problem.model, problem.X, problem.y
    noise, draws = gradient_noise(model, X, y), problem.rng.integers(0, 40, (4000, 8))
    g = model.sample_gradients(X, y)
    spread = math.sqrt(((g[draws].mean(axis=1) - g.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert noise.std(8) == pytest.approx(spread, rel=0.05)  # five standard errors


def test_no_matrix_of_sample_gradients_is_formed():
    model, rng = MLP((98, 100, 2)), np.random.default_rng(0)
    X, y = rng.standard_normal((5000, 98)), rng.integers(0, 2, 5000)
    tracemalloc.start()
    try:
        noise = gradient_noise(model, X, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(X) * model.n_parameters * 8 > 400e6
    assert peak < 20e6
    assert noise.trace > 0


def test_loss_of_a_large_table_is_worked_out_in_chunks():
    X, y = np.zeros((60_000, 784), np.float32), np.zeros(60_000, int)
    for model in (LogisticRegression(784, dtype="float32"), MLP((784, 300, 10), dtype="float32")):
        tracemalloc.start()
        try:
            model.loss(X, y), model.accuracy(X, y), model.predict(X), model.forward(X)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 64e6  # the table is 188 MB, one hidden layer of it 72 MB
