"""Functions and losses at the edge: each against its formula at 50 digits, from 1e-300 to 1e+300; see `exact.py`."""

import mpmath
import numpy as np
import pytest
from exact import both, close, hard, sigmoid, sigmoid_slope
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mpf

from minigrad import functions as f
from minigrad import get_backend
from minigrad.losses import BinaryLogLoss, ClassLogLoss, one_sample_loss


def gelu_u(z):
    return mpmath.sqrt(2 / mpmath.pi) * (z + mpf(0.044715) * z**3)


def gelu_terms(z):
    """f and f', each with the sum of the absolute values of its terms: ½z + ½zt, and ½ + ½t + ½zu' − ½zu't²."""
    t = mpmath.tanh(gelu_u(z))
    bend = z / 2 * mpmath.sqrt(2 / mpmath.pi) * (1 + 3 * mpf(0.044715) * z**2)
    rounded = abs(bend) * (1 + t * t) if abs(z) < 10 else 0  # from there on 1 − t² is 0 in any dtype
    f = z / 2 * (1 + t)
    return f, abs(z), (1 + t) / 2 + bend * mpmath.sech(gelu_u(z)) ** 2, 1 + rounded


@both
def test_sigmoid_tanh_and_relu(dtype):
    z = hard(dtype)
    exact = [mpf(float(each)) for each in z]
    h = f.sigmoid(z)
    close(h, [sigmoid(each) for each in exact], dtype)
    close(f.tanh(z), [mpmath.tanh(each) for each in exact], dtype)
    close(f.relu(z), [max(each, mpf(0)) for each in exact], dtype)
    close(f.relu_derivative(z, f.relu(z)), [mpf(each > 0) for each in exact], dtype)
    # differences: h − h² and 1 − a²
    terms = [sigmoid(each) * (1 + sigmoid(each)) for each in exact]
    close(f.sigmoid_derivative(h), [sigmoid_slope(each) for each in exact], dtype, terms)
    slopes = [mpmath.sech(each) ** 2 for each in exact]
    close(f.tanh_derivative(z, f.tanh(z)), slopes, dtype, [1 + mpmath.tanh(each) ** 2 for each in exact])


@both
def test_gelu_is_the_sum_of_its_terms_also_where_a_square_overflows(dtype):
    z = hard(dtype)
    true, terms, slopes, terms_of_slopes = zip(*[gelu_terms(mpf(float(each))) for each in z])
    with np.errstate(over="ignore"):
        a = f.gelu(z)
        slope = f.gelu_derivative(z, a)
    close(a, true, dtype, terms)
    close(slope, slopes, dtype, terms_of_slopes)


logits = st.one_of(
    st.floats(-800, 800, width=32), st.floats(-(2.0**100), 2.0**100, width=32), st.sampled_from([0.0, 50.0, -36.5])
)


@both
@given(rows=st.lists(st.tuples(*[logits] * 3), min_size=1, max_size=6), y=st.integers(0, 2))
@example(rows=[(50.0, 0.0, -3.0)], y=0)  # 1 + e^−50 is 1: the loss of a sure answer was 0
def test_softmax_and_the_loss_of_K_classes(dtype, rows, y):
    z, labels = np.array(rows, dtype), np.full(len(rows), y)
    h, losses = f.softmax(z), ClassLogLoss.value(z, labels)
    delta = ClassLogLoss(3, get_backend(), np.dtype(dtype)).delta(z, labels)
    one = np.empty(3, dtype)
    for i, row in enumerate(z.tolist()):
        powers = [mpmath.exp(mpf(each) - max(row)) for each in row]
        exact = [power / sum(powers) for power in powers]
        far = [1 + (max(row) - each) for each in row]  # e^d of a rounded d
        close(h[i], exact, dtype, [share * d for share, d in zip(exact, far)])
        others = sum(sorted(powers)[:-1])  # but for a 1
        loss = mpmath.log1p(others) - (mpf(row[y]) - max(row))
        close(losses[i], [loss], dtype, [loss + sum(power * d for power, d in zip(powers, far) if power != 1)])
        true = [share - (k == y) for k, share in enumerate(exact)]
        terms = [share * d + (k == y) for k, (share, d) in enumerate(zip(exact, far))]  # h − 1, of the true class
        close(delta[i], true, dtype, terms)
        ClassLogLoss.sample_delta(z[i], y, one)
        close(one, true, dtype, terms)


@both
@pytest.mark.parametrize("label", [0, 1])
def test_the_loss_of_one_output_and_its_delta(dtype, label):
    z = hard(dtype)
    y = np.full(z.shape, label, dtype)
    exact = [mpf(float(each)) for each in z]
    losses = [mpmath.log1p(mpmath.exp(each if label == 0 else -each)) for each in exact]
    close(BinaryLogLoss.value(z, y), losses, dtype)
    true, h = [sigmoid(each) if label == 0 else -sigmoid(-each) for each in exact], [sigmoid(each) for each in exact]
    delta = BinaryLogLoss(np.dtype(dtype)).delta(z, y)
    close(delta, true, dtype, [each + label for each in h])  # h − y
    one_by_one = np.empty_like(z)
    for i in range(len(z)):
        BinaryLogLoss.sample_delta(z[i : i + 1], label, one_by_one[i : i + 1])
    close(one_by_one, true, dtype, [mpf(1)] * len(z))  # ½ + ½ tanh(z/2) − y


@both
def test_the_losses_of_the_text(dtype):
    h = hard(dtype)
    h = h[(h > 0) & (h < 1)]
    exact = [mpf(float(each)) for each in h]
    close(one_sample_loss(h, np.ones_like(h)), [-mpmath.log(each) for each in exact], dtype)
    # 1 − h is a difference, whose rounding 1/(1 − h) stretches
    terms = [-mpmath.log1p(-each) + 1 / (1 - each) for each in exact]
    close(one_sample_loss(h, np.zeros_like(h)), [-mpmath.log1p(-each) for each in exact], dtype, terms)
