"""The noise along a run, against numbers made up and against all sample gradients."""

import math

import numpy as np
import pytest

from experiments.best_batch_size import probe
from experiments.lab.critical_batch import without_replacement
from experiments.lab.sweep import make_model, make_optimizer
from minigrad import gradient_noise


def made_up(scales, updates):
    return {"noise_updates": updates, "noise_scale": scales}


def test_noise_is_weighted_by_progress():
    row = made_up([10.0, 100.0, 1000.0], [0, 10, 30])  # of 10, 20 and 5 updates
    w, scales, stretches = 1 / 32, np.array([10.0, 100.0, 1000.0]), np.array([10, 20, 5])
    v = stretches / (1 + scales / 32)
    assert probe.weighted(row, 35, w) == pytest.approx((v * scales).sum() / v.sum())
    assert probe.weighted(row, 10, w) == 10  # a looser target ends before the noise grows
    assert probe.median(row, 35) == 100


def test_a_constant_noise_is_its_own_mean():
    row = made_up([50.0] * 4, [0, 1, 5, 20])
    assert probe.weighted(row, 100, 0.03) == pytest.approx(50)
    assert probe.median(row, 100) == 50


def test_noise_that_json_wrote_as_null_is_left_out():
    row = made_up([None, 20.0], [0, 1])
    assert probe.weighted(row, 10, 0.1) == pytest.approx(20)
    assert math.isnan(probe.weighted(made_up([None], [0]), 10, 0.1))


def test_a_part_of_the_rows_tells_the_noise_of_all(digits):
    """The mean over parts of the estimated 1/φ is that of all rows."""
    rng = np.random.default_rng(0)
    model = make_model(digits, probe_settings(), seed=0)
    N, n = len(digits.X_train), 60
    everything = gradient_noise(model, digits.X_train, digits.y_train).noise_scale
    parts = []
    for _ in range(300):
        rows = rng.permutation(N)[:n]
        found = gradient_noise(model, digits.X_train[rows], digits.y_train[rows])
        parts.append(1 / probe.whole_scale(found.noise_scale, without_replacement(n, N)))
    assert np.mean(parts) == pytest.approx(1 / everything, rel=0.03)
    assert probe.whole_scale(500.0, 1 / 100) == math.inf  # nothing is left of the mean


def probe_settings(**changes):
    from experiments.best_batch_size.measure import Settings

    return Settings(dataset="digits", hidden=(6,), target=1.2, epochs=30, **changes)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_probe_is_a_training_run_that_is_looked_at(digits, optimizer):
    from experiments.lab.sweep import train_once

    settings, rate = probe_settings(optimizer=optimizer), 0.02 if optimizer == "adam" else 0.1
    [row] = probe.probe_rows(digits, settings, 8, rate, seed=3)
    history = train_once(digits, settings, 8, rate, 3, target_loss=1.2, evaluate_every=probe.often(digits, 8))
    assert row["loss"] == history.loss.tolist()
    assert row["noise_updates"][:6] == [0, 1, 2, 3, 4, 5]
    assert max(row["noise_updates"]) < row["updates"][-1]
    model = make_model(digits, settings, seed=3)
    at_start = gradient_noise(model, digits.X_train, digits.y_train).noise_scale
    assert row["noise_scale"][0] == pytest.approx(at_start)


def test_the_noise_of_adam_is_that_of_its_own_steps(digits):
    model, settings = make_model(digits, probe_settings(optimizer="adam"), seed=0), probe_settings(optimizer="adam")
    optimizer = make_optimizer(settings, 0.01)
    for _ in range(5):
        optimizer.step(model, digits.X_train[:40], digits.y_train[:40])
    steps = model.sample_gradients(digits.X_train, digits.y_train) * optimizer.scale()
    found = gradient_noise(model, digits.X_train, digits.y_train, scale=optimizer.scale())
    assert found.trace == pytest.approx(steps.var(axis=0).sum())
    assert found.mean == pytest.approx(steps.mean(axis=0))
