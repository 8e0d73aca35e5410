"""C5a: the saddle is one, and kicks come to what is predicted."""

import math

import numpy as np
import pytest

from experiments.lab import curvature
from experiments.saddle_point import theory
from experiments.saddle_point.theory import RADIUS
from minigrad import MLP


def optimum(data, count=16):
    """The network of one unit at its optimum, and what it was trained on."""
    X, y = theory.leading_components(data.X_train, count), data.y_train
    rng = np.random.default_rng(0)
    networks = (MLP((count, 1, 1), activation="tanh", rng=rng) for _ in range(10))
    return next(small for small in networks if theory.descend_to_optimum(small, X, y)), X, y


@pytest.mark.parametrize("s", [0.5, 0.7, 0.9, -0.4])
def test_the_copies_compute_the_same_and_have_no_gradient(data, s):
    small, X, y = optimum(data)
    large = theory.duplicate(small, s)
    assert large.forward(X) == pytest.approx(small.forward(X), rel=1e-13)
    assert np.linalg.norm(small.gradient(X, y)) < 1e-14
    assert np.linalg.norm(large.gradient(X, y)) < 1e-14


def hessian_of_the_difference(small, X, y):
    """A of the docstring, written out in NumPy."""
    (w, b), (v, c) = small.layers
    t = np.tanh(X @ w[:, 0] + b)
    h = 1 / (1 + np.exp(-(t * v[0, 0] + c)))
    x = np.c_[X, np.ones(len(X))]
    return (x * ((h - y) * v[0, 0] * -2 * t * (1 - t**2))[:, None]).T @ x / len(X)


@pytest.mark.parametrize("s", [0.5, 0.7, -0.4])
def test_the_saddle_is_proved(data, s):
    """The Hessian's negative eigenvalues are as many as those of s(1 − s) A; and J changes by ½ s(1 − s) dᵀA d."""
    small, X, y = optimum(data)
    large, A = theory.duplicate(small, s), s * (1 - s) * hessian_of_the_difference(small, X, y)
    eigenvalues = np.linalg.eigvalsh(curvature.hessian(large, X, y))
    assert (eigenvalues < -1e-8).sum() == (np.linalg.eigvalsh(A) < -1e-8).sum() > 0
    d = 1e-3 * np.linalg.eigh(A)[1][:, 0]
    loss = large.loss(X, y)
    W1, b1 = large.layers[0]
    for copy, part in ((0, 1 - s), (1, -s)):
        W1[:, copy] += part * d[:-1]
        b1[copy] += part * d[-1]
    assert large.loss(X, y) - loss == pytest.approx(d @ A @ d / 2, rel=1e-2)
    assert large.loss(X, y) < loss


def test_leading_components_are_those_of_a_singular_value_decomposition(data):
    X = data.X_train
    Z = theory.leading_components(X, 5)
    U, _, _ = np.linalg.svd(X, full_matrices=False)
    overlap = U[:, :5].T @ Z / math.sqrt(len(X))
    assert abs(overlap[:, ::-1]) == pytest.approx(np.eye(5), abs=1e-8)
    assert (Z**2).mean(axis=0) == pytest.approx(np.ones(5))
    loadings = X.T @ Z
    assert (loadings[abs(loadings).argmax(axis=0), np.arange(5)] > 0).all()  # a sign that no library decides
    assert theory.leading_components(X[:, [1, 2, 2]] * [1, 1, 2], 3).shape == (300, 2)  # two of them are one


def test_an_optimum_at_infinity_is_none(data):
    X = theory.leading_components(data.X_train, 16)
    separable = (X[:, 0] > 0).astype(int)
    assert not theory.descend_to_optimum(MLP((16, 1, 1), activation="tanh"), X, separable)


def test_kicks_come_to_what_is_predicted():
    """z ← ρ z + a normal kick, many times over: the geometric mean of |z| is what the typical push has grown to."""
    rng, growth, kick = np.random.default_rng(0), 1.05, 0.3
    z = np.zeros(20_000)
    for _ in range(150):
        z = growth * z + kick * rng.standard_normal(len(z))
    typical = np.exp(np.log(abs(z)).mean())
    assert typical == pytest.approx(theory.typical_push(kick, growth) * growth**150, rel=0.03)
    assert theory.updates_to_leave(RADIUS / growth**7, growth) == pytest.approx(7)
    assert theory.updates_to_leave(0.0, growth) == math.inf
    assert theory.updates_to_leave(2 * RADIUS, growth) == 0
