import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minigrad import functions as f

EXTREMES = [0.0, -0.0, 1e-300, -1e-300, 1e-8, -1e-8, 1, -1, 36, -36, 88, -88, 745, -745, 1e4, -1e4, np.inf, -np.inf]
PRECISION = {"float64": 1e-14, "float32": 1e-6}
both = pytest.mark.parametrize("dtype", ["float64", "float32"])


@both
def test_sigmoid_is_expit_to_the_last_digits_of_the_smallest_value(dtype):
    z = np.concatenate([EXTREMES, np.linspace(-800, 800, 4001)]).astype(dtype)
    h = f.sigmoid(z)
    assert h.dtype == dtype
    # float32 exponentials below 1e-38 are subnormal and keep fewer digits
    np.testing.assert_allclose(h, scipy.special.expit(z.astype(float)), PRECISION[dtype], atol=np.finfo(dtype).tiny)


@both
def test_softmax_is_scipys_for_any_size_of_logits(dtype):
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.standard_normal((50, 5)) * scale for scale in (1, 30, 1e4)]).astype(dtype)
    z[0], z[1] = [1e4, 1e4, -1e4, 0, 0], [-1e4] * 5
    h = f.softmax(z)
    assert h.dtype == dtype
    expected = scipy.special.softmax(z.astype(float), axis=1)
    np.testing.assert_allclose(h, expected, 20 * PRECISION[dtype], atol=np.finfo(dtype).tiny)
    np.testing.assert_allclose(h.sum(axis=1), 1, PRECISION[dtype])


@given(arrays(float, (3, 4), elements=st.floats(-700, 700)), st.floats(-1e3, 1e3))
def test_softmax_does_not_change_when_a_row_is_shifted(z, shift):
    np.testing.assert_allclose(f.softmax(z + shift), f.softmax(z), rtol=1e-9, atol=1e-12)


@given(arrays(float, 5, elements=st.floats(-500, 500)))
def test_sigmoid_is_softmax_of_two(z):
    two = f.softmax(np.stack([np.zeros_like(z), z], axis=1))
    np.testing.assert_allclose(f.sigmoid(z), two[:, 1], rtol=1e-13)
    np.testing.assert_allclose(f.sigmoid(-z), two[:, 0], rtol=1e-13)


@both
@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (f.sigmoid, scipy.special.expit),
        (f.softmax, lambda z: scipy.special.softmax(z, axis=1)),
        (f.tanh, np.tanh),
        (f.relu, lambda z: np.where(z > 0, z, 0)),
        (f.gelu, lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))),
    ],
)
def test_out_is_filled_and_the_argument_stays(function, reference, dtype):
    z = np.random.default_rng(1).standard_normal((6, 4)).astype(dtype) * 3
    kept, out = z.copy(), np.full_like(z, np.nan)
    fresh = function(z)
    assert fresh.dtype == dtype
    assert not np.shares_memory(fresh, z)
    np.testing.assert_allclose(fresh, reference(kept), PRECISION[dtype] * 10, atol=PRECISION[dtype])
    assert function(z, out=out) is out
    assert np.array_equal(z, kept)
    assert np.array_equal(out, fresh)


@both
@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (f.sigmoid, lambda z, a: f.sigmoid_derivative(a)),
        (f.tanh, f.tanh_derivative),
        (f.relu, f.relu_derivative),
        (f.gelu, f.gelu_derivative),
    ],
)
@pytest.mark.parametrize("points", [50, 5000])  # few and many
def test_derivative_is_the_slope(function, derivative, dtype, points):
    z = np.concatenate([np.linspace(-6, 6, points), [-1e-3, 1e-3]])  # no 0, where relu has a kink
    slope = (function(z + 1e-6) - function(z - 1e-6)) / 2e-6
    value = function(z.astype(dtype))
    kept, narrow = value.copy(), z.astype(dtype)
    result = derivative(narrow, value)
    assert result.dtype == dtype
    assert np.array_equal(value, kept)
    assert np.array_equal(narrow, z.astype(dtype))
    np.testing.assert_allclose(result, slope, rtol=0, atol=1e-9 if dtype == "float64" else 2e-6)


@pytest.mark.parametrize("name", f.ACTIVATIONS)
@pytest.mark.parametrize("size", [7, 5000])
def test_derivative_fills_out(name, size):
    activation = f.ACTIVATIONS[name]
    z, out = np.linspace(-1, 0.9, size), np.full(size, np.nan)
    a = activation.f(z)
    assert activation.derivative(z, a, out=out) is out
    assert np.array_equal(out, activation.derivative(z, a))


def test_gelu_is_z_times_the_normal_distribution_nearly():
    z = np.linspace(-6, 6, 1001)
    assert abs(f.gelu(z) - z * scipy.special.ndtr(z)).max() < 5e-4


def test_relu_has_slope_0_at_its_kink_and_below():
    z = np.array([-1.0, -0.0, 0.0, 5e-324, 2.0])
    assert f.relu_derivative(z, f.relu(z)).tolist() == [0, 0, 0, 1, 1]
    many = np.tile(z, 1000)
    assert f.relu_derivative(many, f.relu(many)).tolist() == [0, 0, 0, 1, 1] * 1000


@both
def test_softmax_derivative_is_the_jacobian_of_each_row(dtype):
    z = np.random.default_rng(2).standard_normal((5, 4))
    jacobian = f.softmax_derivative(f.softmax(z.astype(dtype)))
    assert jacobian.shape == (5, 4, 4)
    assert jacobian.dtype == dtype
    for k in range(4):
        step = 1e-6 * np.eye(4)[k]
        column = (scipy.special.softmax(z + step, axis=1) - scipy.special.softmax(z - step, axis=1)) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, k], column, rtol=0, atol=1e-9 if dtype == "float64" else 1e-6)
