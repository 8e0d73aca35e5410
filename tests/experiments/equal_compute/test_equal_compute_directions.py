"""Directions: a witness changes nothing, and sees what a batch drawn afresh is predicted to do."""

import math

import numpy as np
import pytest

from experiments.equal_compute.directions import DirectionWitness, cosine
from minigrad import MLP, SGD, LogisticRegression, train


def test_cosine():
    a, b = np.array([3.0, 0.0]), np.array([1.0, 1.0])
    assert cosine(a, b) == pytest.approx(math.sqrt(0.5))
    assert cosine(1e-150 * a, -1e-150 * b) == pytest.approx(-math.sqrt(0.5))
    assert math.isnan(cosine(a, 0 * b))


def test_a_witness_changes_nothing(digits):
    """The same end as plain SGD, though it looked at gradients of other rows in between."""
    ends, y = [], digits.y_train
    for witness in (False, True):
        model = MLP((64, 5, 10), activation="tanh")
        X = digits.X_train
        optimizer = (
            DirectionWitness(0.3, model.batch(X, y), {1, 2, 7}, np.random.default_rng(0)) if witness else SGD(0.3)
        )
        train(model, X, y, optimizer=optimizer, batch_size=30, epochs=2, rng=np.random.default_rng(4))
        ends.append(model.theta)
    assert optimizer.seen["update"] == [1, 2, 7]
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_a_batch_drawn_afresh_points_as_predicted_and_one_of_an_epoch_does_not(binary):
    """Rows that come last in an epoch have not been fitted in it yet, so G is made of them, and they of G."""
    model = LogisticRegression(64)
    X, y = binary.X_train, binary.y_train
    witness = DirectionWitness(1.0, model.batch(X, y), set(range(1, 401)), np.random.default_rng(0))
    train(model, X, y, optimizer=witness, batch_size=30, epochs=100, rng=np.random.default_rng(1))
    predicted, fresh, batch = (np.mean(witness.seen[name]) for name in ("predicted", "cos_fresh", "cos_batch"))
    assert fresh == pytest.approx(predicted, abs=0.06)
    assert batch > fresh + 0.05
    assert all(0 < value < 1 for value in witness.seen["predicted"])
