"""One convention, the mean over the rows, and all that follows from it; and every gradient against three oracles."""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    assert_close,
    each_shape,
    hidden_and_logits,
    make_problem,
    plain_gradient,
    plain_loss,
    problems,
    refused,
    small_chunks,
)

from minigrad import MLP, SGD, LogisticRegression, check_gradient

TOLERANCE = {"float64": 1e-13, "float32": 2e-6}
both = ("float64", "float32")


@given(problems(dtypes=both))
def test_batch_gradient_is_the_mean_of_the_sample_gradients(problem):
    model, X, y = problem.model, problem.X, problem.y
    samples = model.sample_gradients(X, y)
    assert samples.shape == (len(X), model.n_parameters)
    assert_close(model.gradient(X, y), samples.mean(axis=0), TOLERANCE[model.dtype.name], problem.scale)


@given(problems(dtypes=both))
def test_a_sample_gradient_is_the_gradient_of_that_row_alone(problem):
    model, X, y = problem.model, problem.X, problem.y
    alone = [model.gradient(X[i : i + 1], y[i : i + 1]) for i in range(len(X))]
    assert_close(model.sample_gradients(X, y), np.array(alone), TOLERANCE[model.dtype.name], problem.scale)


@given(problems(dtypes=both), st.data())
def test_size_weighted_mean_over_any_partition_is_the_full_gradient(problem, data):
    model, X, y = problem.model, problem.X, problem.y
    part = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(X), max_size=len(X))))
    parts = [model.gradient(X[part == k], y[part == k]) * (part == k).mean() for k in np.unique(part)]
    assert_close(sum(parts), model.gradient(X, y), TOLERANCE[model.dtype.name], problem.scale)


@given(problems(dtypes=both))
def test_neither_the_order_of_rows_nor_doubling_them_all_changes_the_gradient(problem):
    model, X, y = problem.model, problem.X, problem.y
    gradient, tolerance = model.gradient(X, y), TOLERANCE[model.dtype.name]
    scale = problem.scale
    order = problem.rng.permutation(len(X))
    assert_close(model.gradient(X[order], y[order]), gradient, tolerance, scale)
    assert_close(model.gradient(np.concatenate([X, X]), np.concatenate([y, y])), gradient, tolerance, scale)
    assert_close(model.gradient(np.repeat(X, 3, axis=0), np.repeat(y, 3)), gradient, tolerance, scale)


@given(problems(), st.floats(1e-3, 2))
def test_gd_update_is_the_mean_of_the_sample_updates_at_the_old_parameters(problem, learning_rate):
    model, X, y, old = problem.model, problem.X, problem.y, problem.theta
    updates = []
    for i in range(len(X)):
        model.theta = old
        SGD(learning_rate).step(model, X[i : i + 1], y[i : i + 1])
        updates.append(model.theta - old)
    model.theta = old
    SGD(learning_rate).step(model, X, y)
    assert_close(model.theta - old, np.mean(updates, axis=0), 1e-13, abs(old).max() + abs(np.array(updates)).max())


@given(problems())
def test_gradient_and_loss_agree_with_the_formulas_written_out_and_complex_steps(problem):
    model, X, y = problem.model, problem.X, problem.y
    loss, gradient = model.loss_and_gradient(X, y)
    assert_close(gradient, plain_gradient(problem.theta, *problem.shape, X, y), 1e-13, problem.scale)
    assert loss == pytest.approx(plain_loss(problem.theta, *problem.shape, X, y), rel=1e-12)


@given(problems())
def test_gradient_agrees_with_finite_differences(problem):
    model, X, y = problem.model, problem.X, problem.y
    hidden, _ = hidden_and_logits(problem.theta, *problem.shape, X)
    # Off the kinks: a wholly dead layer puts the next pre-activation on its bias, which must not be near 0 either.
    assume(getattr(model, "activation", "") != "relu" or min((abs(z).min() for z in hidden), default=1) > 1e-3)

    def J(theta):
        model.theta = theta
        return model.loss(X, y)

    theta, gradient = problem.theta, model.gradient(X, y)
    forward_differences = scipy.optimize.approx_fprime(theta, J, 1e-7)
    model.theta = theta
    assert_close(gradient, forward_differences, 1e-5, abs(gradient).max() + 1)
    assume(abs(gradient).max() > 0.01 * (1 + model.loss(X, y)))  # else differences of the loss drown in rounding
    assert check_gradient(model, X, y, tolerance=1e-4) < 1e-4


@given(problems(dtypes=both))
def test_loss_and_gradient_is_loss_and_gradient(problem):
    model, X, y = problem.model, problem.X, problem.y
    loss, gradient = model.loss_and_gradient(X, y)
    assert type(loss) is float
    assert loss == pytest.approx(model.loss(X, y), rel=TOLERANCE[model.dtype.name])
    assert np.array_equal(gradient, model.gradient(X, y))


@given(problems())
def test_float32_follows_float64(problem):
    model, X, y = problem.model, problem.X, problem.y
    arguments = model.constructor_arguments() | {"dtype": "float32"}
    narrow = type(model)(**arguments)
    X = X.astype(np.float32)  # the same numbers for both
    narrow.theta = model.theta
    model.theta = narrow.theta
    hidden, _ = hidden_and_logits(problem.theta, *problem.shape, X.astype(float))
    assume(getattr(model, "activation", "") != "relu" or min((abs(z).min() for z in hidden), default=1) > 1e-3)
    wide, scale = model.gradient(X, y), problem.scale
    gradient = narrow.gradient(X, y)
    assert gradient.dtype == narrow.sample_gradients(X, y).dtype == np.float32
    assert_close(gradient, wide, 2e-5, scale)
    assert narrow.loss(X, y) == pytest.approx(model.loss(X, y), rel=1e-5, abs=1e-6)


@given(problems(kinds=("logistic",), dtypes=both), st.integers(1, 200))
def test_mlp_without_hidden_layers_is_logistic_regression(problem, chunk_bytes):
    model, X, y = problem.model, problem.X, problem.y
    mlp, tolerance = MLP((model.n_features, 1), dtype=model.dtype), TOLERANCE[model.dtype.name]
    mlp.theta = model.theta
    scale = problem.scale
    with small_chunks(chunk_bytes):
        assert_close(mlp.gradient(X, y), model.gradient(X, y), tolerance, scale)
        assert_close(mlp.sample_gradients(X, y), model.sample_gradients(X, y), tolerance, scale)
        assert_close(mlp.forward(X), model.forward(X), tolerance, 1)
        assert mlp.loss(X, y) == pytest.approx(model.loss(X, y), rel=tolerance)
        assert np.array_equal(mlp.predict(X), model.predict(X))
        assert mlp.accuracy(X, y) == model.accuracy(X, y)


@given(problems(dtypes=both, max_rows=40), st.integers(1, 400))
def test_chunks_of_rows_change_neither_gradient_nor_loss(problem, chunk_bytes):
    model, X, y = problem.model, problem.X, problem.y
    loss, gradient = model.loss_and_gradient(X, y)
    scale, tolerance = problem.scale, TOLERANCE[model.dtype.name]
    with small_chunks(chunk_bytes):
        assert_close(model.gradient(X, y), gradient, tolerance, scale)
        assert model.loss_and_gradient(X, y)[0] == pytest.approx(loss, rel=tolerance)
        assert model.loss(X, y) == pytest.approx(loss, rel=tolerance)


@each_shape
@pytest.mark.parametrize("dtype", both)
def test_out_is_filled_and_returned_and_without_it_the_array_is_fresh(shape, dtype):
    problem = make_problem(**shape, dtype=dtype)
    model, X, y = problem.model, problem.X, problem.y
    first = model.gradient(X, y)
    kept = first.copy()
    every_other = np.full(2 * len(first), np.nan, dtype=dtype)
    for out in (np.full_like(first, np.nan), every_other[::2]):
        assert model.gradient(X, y, out=out) is out
        assert np.array_equal(out, kept)
        assert model.loss_and_gradient(X, y, out=out)[1] is out
    assert np.isnan(every_other[1::2]).all()
    model.gradient(X[::-1] * 2, y)
    model.sample_gradients(X * 3, y)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    "out", [np.zeros(3), np.zeros((1, 5)), np.zeros(5, np.float32), np.zeros(5, int), [0.0] * 5], ids=repr
)
def test_an_out_that_does_not_fit_is_refused(out):
    problem = make_problem("logistic")
    with refused(type(out).__name__, "(5,)"):
        problem.model.gradient(problem.X, problem.y, out=out)


@each_shape
def test_gradients_leave_data_and_theta_as_they_are_and_take_any_layout(shape):
    problem = make_problem(**shape, m=9)
    model, X, y, theta = problem.model, problem.X, problem.y, problem.theta
    gradient, samples = model.gradient(X, y), model.sample_gradients(X, y)
    wide = np.zeros((18, 3 * X.shape[1]))
    wide[::2, ::3] = X
    for same_X in (np.asfortranarray(X), wide[::2, ::3], X[::-1].copy()[::-1], X.tolist()):
        if isinstance(same_X, np.ndarray):
            same_X.flags.writeable = False
        assert_close(model.gradient(same_X, y), gradient, 1e-13, abs(samples).max())
        assert_close(model.sample_gradients(same_X, y), samples, 1e-13)
    assert np.array_equal(model.theta, theta)


def test_one_row_and_one_class_are_fine():
    model = LogisticRegression(3)
    X = np.arange(6.0).reshape(2, 3)
    # At theta = 0, h = 1/2: every δ is ±1/2.
    assert_close(model.gradient(X[:1], [1]), [0, -0.5, -1, -0.5])
    assert_close(model.gradient(X, [0, 0]), [0.75, 1.25, 1.75, 0.5])
