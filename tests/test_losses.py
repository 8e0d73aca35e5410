"""The text's formula, the one computed from logits, and the slip in the text, side by side."""

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, each_shape, make_problem, refused

from minigrad import functions, get_backend, log_loss, log_loss_from_logits, losses

both = pytest.mark.parametrize("dtype", ["float64", "float32"])
binary = st.lists(st.tuples(st.floats(-30, 30), st.integers(0, 1)), min_size=1, max_size=20)


def split(pairs):
    return np.array([z for z, _ in pairs]), np.array([y for _, y in pairs])


@given(binary)
def test_binary_losses_are_the_formula_written_out(pairs):
    z, y = split(pairs)
    h = scipy.special.expit(z)
    total = 0.0
    for h_i, y_i in zip(h, y):
        total -= math.log(h_i) if y_i else math.log1p(-h_i)
    # 1 − h has lost digits where h is close to 1: both formulas then agree to what is left of them
    assert log_loss(h, y) == pytest.approx(total / len(y), rel=1e-12, abs=1e-13 / (1 - h).min())
    assert log_loss_from_logits(z, y) == pytest.approx(-scipy.special.log_expit(np.where(y, z, -z)).mean(), rel=1e-13)


@given(st.integers(1, 15), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_losses_of_K_classes_are_the_formula_written_out(m, K, seed):
    rng = np.random.default_rng(seed)
    z, y = 5 * rng.standard_normal((m, K)), rng.integers(0, K, m)
    expected = -np.mean([scipy.special.log_softmax(z[i])[y[i]] for i in range(m)])
    assert log_loss_from_logits(z, y) == pytest.approx(expected, rel=1e-12)
    assert log_loss(scipy.special.softmax(z, axis=1), y) == pytest.approx(expected, rel=1e-12)


@given(binary)
def test_one_output_is_two_classes_with_a_logit_of_0(pairs):
    z, y = split(pairs)
    two = np.stack([np.zeros_like(z), z], axis=1)
    assert log_loss_from_logits(two, y) == pytest.approx(log_loss_from_logits(z, y), rel=1e-12, abs=1e-15)


@both
def test_stable_loss_is_finite_where_the_texts_is_infinite_and_neither_warns(dtype):
    z = np.array([1e4, -1e4], dtype)
    h = functions.sigmoid(z)
    assert log_loss(h, [0, 1]) == math.inf
    assert log_loss_from_logits(z, [0, 1]) == 1e4
    assert log_loss(h, [1, 0]) == log_loss_from_logits(z, [1, 0]) == 0
    z = np.array([[1e4, -1e4, 0]], dtype)
    assert log_loss(functions.softmax(z), [1]) == math.inf
    assert log_loss_from_logits(z, [1]) == 2e4
    assert log_loss(functions.softmax(z), [0]) == log_loss_from_logits(z, [0]) == 0


def test_0_log_0_is_0():
    assert log_loss([1.0, 0.0], [1, 0]) == 0
    assert log_loss([[1.0, 0.0], [0.0, 1.0]], [0, 1]) == 0
    assert log_loss([1, 0], [0, 0]) == math.inf


def test_a_small_loss_keeps_its_digits():
    assert log_loss_from_logits([50.0], [1]) == pytest.approx(math.exp(-50), rel=1e-12)
    assert log_loss_from_logits([-50.0], [0]) == pytest.approx(math.exp(-50), rel=1e-12)


@given(st.lists(st.tuples(st.floats(0.001, 0.999), st.integers(0, 1)), min_size=1, max_size=20))
def test_the_slip_adds_exactly_minus_log_h_where_y_is_0(pairs):
    h, y = split(pairs)
    J = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))
    printed = np.mean(losses.one_sample_loss_as_printed(h, y))
    written_out = -np.mean([math.log(h_i) + (1 - y_i) * math.log(1 - h_i) for h_i, y_i in pairs])
    assert printed == pytest.approx(written_out, rel=1e-12)
    assert printed - J == pytest.approx(np.where(y == 0, -np.log(h), 0).mean(), rel=1e-12, abs=1e-14)
    assert np.mean(losses.one_sample_loss(h, y)) == pytest.approx(J, rel=1e-12)
    assert np.array_equal(losses.one_sample_loss_as_printed(h, np.ones_like(y)), losses.one_sample_loss(h, y | 1))


def test_the_slip_shows_in_numbers():
    assert losses.one_sample_loss_as_printed(np.array([0.5, 0.5]), np.array([1, 0])) == pytest.approx(
        [math.log(2), 2 * math.log(2)]
    )


@each_shape
def test_the_mean_of_one_sample_losses_is_the_loss(shape):
    problem = make_problem(**shape)
    h = problem.model.forward(problem.X)
    assert problem.model.loss(problem.X, problem.y) == pytest.approx(log_loss(h, problem.y), rel=1e-12)
    assert log_loss(h, problem.y) == pytest.approx(losses.one_sample_loss(h, problem.y).mean(), rel=1e-14)


@both
def test_sigmoid_delta_is_the_chain_rule(dtype):
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal(9).astype(dtype), rng.integers(0, 2, 9).astype(dtype)
    h, out = functions.sigmoid(z), np.empty_like(z)
    dJ_dh = -(y / h - (1 - y) / (1 - h))
    expected, tolerance = dJ_dh * functions.sigmoid_derivative(h), 1e-14 if dtype == "float64" else 1e-6
    loss = losses.log_loss_of(1, get_backend(), np.dtype(dtype))
    assert loss.delta(z, y, out=out) is out
    assert_close(out, expected, tolerance)
    assert_close(loss.delta(z[:, None], y, 9), expected[:, None] / 9, tolerance)
    one = np.empty(1, dtype)
    for z_i, y_i, delta in zip(z, y, expected):
        loss.sample_delta(z_i[None], int(y_i), one)
        assert_close(one[0], delta, tolerance, 1)


@both
@pytest.mark.parametrize("K", [2, 4, 40])
def test_softmax_delta_is_the_chain_rule(dtype, K):
    rng = np.random.default_rng(1)
    z, y = rng.standard_normal((9, K)).astype(dtype), rng.integers(0, K, 9)
    h, out = functions.softmax(z), np.empty_like(z)
    dJ_dh = -np.eye(K, dtype=dtype)[y] / h
    loss = losses.log_loss_of(K, get_backend(), np.dtype(dtype))
    assert loss.delta(z, y, out=out) is out
    chained = np.einsum("ij,ijk->ik", dJ_dh, functions.softmax_derivative(h))
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    assert_close(out, chained, tolerance)
    assert_close(loss.delta(z, y, 9), chained / 9, tolerance)
    one = np.empty(K, dtype)
    for z_i, y_i, delta in zip(z, y, chained):
        loss.sample_delta(z_i, int(y_i), one)
        assert_close(one, delta, tolerance, 1)


@pytest.mark.parametrize("y", [[True, False, True], np.array([1, 0, 1], np.int8), [1.0, 0.0, 1.0], (1, 0, 1)])
@pytest.mark.parametrize("loss", [log_loss, log_loss_from_logits])
def test_labels_may_be_booleans_small_integers_or_whole_floats(loss, y):
    assert loss([0.2, 0.3, 0.9], y) == loss(np.array([0.2, 0.3, 0.9]), np.array([1, 0, 1]))
    table = [[0.2, 0.8], [0.7, 0.3], [0.1, 0.9]]
    assert loss(table, y) == loss(np.array(table), np.array([1, 0, 1]))


@pytest.mark.parametrize(
    ("loss", "outputs", "y", "fragment"),
    [
        (log_loss, [0.5, 1.25], [0, 1], "[0, 1]"),
        (log_loss, [0.5, -0.25], [0, 1], "[0, 1]"),
        (log_loss, [0.5, math.nan], [0, 1], "[0, 1]"),
        (log_loss, [0.5, 0.5], [0, 2], "2"),
        (log_loss, [0.5, 0.5], [0, 0.5], "0.5"),
        (log_loss, [[0.5, 0.5]], [2], "2"),
        (log_loss, [0.5, 0.5], [1], "(1,)"),
        (log_loss, [], [], "(0,)"),
        (log_loss, 0.5, [1], "()"),
        (log_loss, [[0.5], [0.5]], [0, 1], "(2, 1)"),
        (log_loss_from_logits, [1.0], [-1], "-1"),
        (log_loss_from_logits, [1.0], [1, 1], "(2,)"),
        (log_loss_from_logits, np.ones((2, 2, 2)), [0, 1], "(2, 2, 2)"),
    ],
)
def test_what_is_no_probability_label_or_shape_is_refused(loss, outputs, y, fragment):
    with refused(fragment, kind=ValueError):
        loss(outputs, y)
