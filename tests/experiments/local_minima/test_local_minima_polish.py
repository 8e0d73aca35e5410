"""C5b: a polish that comes to the bottom, and stays in its basin."""

import math

import numpy as np
import pytest
import scipy.optimize

from experiments.lab import polish
from experiments.local_minima.measure import two_spirals, xor
from minigrad import MLP, SGD, LogisticRegression, train


def test_polishing_a_convex_loss_ends_at_its_minimum(binary):
    X, y = binary.X_train[:, 2:8], binary.y_train
    model = LogisticRegression(6, rng=np.random.default_rng(0))

    def loss(theta):
        z = X @ theta[:-1] + theta[-1]
        return np.mean(np.logaddexp(0, z) - y * z)

    best = scipy.optimize.minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-7}).fun
    gradient, fall = polish.polish(model, X, y)
    assert gradient <= polish.TOLERANCE
    assert 0 <= fall < 1e-3
    assert model.loss(X, y) == pytest.approx(best, abs=1e-6)
    assert np.abs(model.gradient(X, y)).max() == pytest.approx(gradient)


def test_descent_never_climbs(monkeypatch):
    X, y = two_spirals(60)
    model, losses = MLP((2, 4, 1), activation="tanh", rng=np.random.default_rng(0)), []
    right = model.loss_and_gradient

    def loss_and_gradient(*arguments, **keywords):
        loss, gradient = right(*arguments, **keywords)
        losses.append(loss)
        return loss, gradient

    before = model.loss(X, y)
    monkeypatch.setattr(model, "loss_and_gradient", loss_and_gradient)
    end = polish.descend(model, model.batch(X, y))
    assert end == pytest.approx(model.loss(X, y), rel=1e-12)
    assert end < before
    refused = sum(loss > least for loss, least in zip(losses, np.minimum.accumulate([math.inf, *losses])))
    assert refused > 0  # it tries long steps, and takes them back
    assert end == min(losses)


@pytest.mark.parametrize(
    ("X_and_y", "units", "starts", "minima"),
    [(xor(), 2, (0, 1, 2, 4, 5), {0.223, 0.261, 0.416}), (two_spirals(), 4, (0, 7), {0.0})],
    ids=["XOR", "spirals"],
)
def test_polish_goes_where_slow_gradient_descent_goes(X_and_y, units, starts, minima):
    """It stays in the basin; thousands of small steps tell which that is. L-BFGS alone jumps to 0.17 on the spirals."""
    X, y = X_and_y
    ends = set()
    for start in starts:
        slow, quick = (MLP((2, units, 1), activation="tanh", rng=np.random.default_rng(start)) for _ in range(2))
        train(slow, X, y, optimizer=SGD(0.3), batch_size=len(X), epochs=8000, evaluate_every=0)
        polish.refine(slow, slow.batch(X, y))
        polish.polish(quick, X, y)
        assert quick.loss(X, y) == pytest.approx(slow.loss(X, y), abs=1e-5)
        ends.add(round(quick.loss(X, y), 3))
    assert ends == minima


def test_polish_comes_to_an_end_where_the_minimum_is_at_infinity():
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    model = MLP((1, 2, 1), activation="tanh", rng=np.random.default_rng(0))
    gradient, _ = polish.polish(model, X, y)
    assert gradient <= polish.TOLERANCE
    assert model.loss(X, y) < 1e-3


def test_polish_says_what_more_of_it_could_do(monkeypatch):
    """Where the rounds run out it tells by how much the last one lowered the loss."""
    X, y = two_spirals()
    monkeypatch.setattr(polish, "FLAT", 1.0)
    monkeypatch.setattr(polish, "ITERATIONS", 5)
    losses = []
    right = polish.refine

    def refine(*arguments):
        losses.append(right(*arguments))
        return losses[-1]

    monkeypatch.setattr(polish, "refine", refine)
    model = MLP((2, 4, 1), activation="tanh", rng=np.random.default_rng(0))
    gradient, fall = polish.polish(model, X, y)
    assert len(losses) == polish.ROUNDS == 2
    assert fall == losses[0][0] - losses[1][0] > 0
    assert gradient == losses[1][1] > polish.TOLERANCE
