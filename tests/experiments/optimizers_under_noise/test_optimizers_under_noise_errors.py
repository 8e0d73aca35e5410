"""C7: the errors of dG against a loop over sample gradients, and slopes and ratios of rows made up."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_optimizers_under_noise_judge import error_row, made_up

from experiments.lab.sweep import make_model
from experiments.optimizers_under_noise import errors as c7
from experiments.optimizers_under_noise.measure import NETWORK, error_rows
from minigrad import MLP, SGD, batches


def test_batches_are_drawn_epoch_by_epoch():
    drawn = c7.draw(np.random.default_rng(0), 20, 6, 7)
    assert [len(index) for index in drawn] == [6] * 7
    for epoch in (drawn[:3], drawn[3:6]):
        assert len(set(np.concatenate(epoch))) == 18
    assert set(np.concatenate(drawn[:3])) != set(np.concatenate(drawn[3:6]))


def test_errors_are_those_of_sample_gradients(digits):
    """A loop over batches that knows only the gradient of each sample, at θ and at θ + s."""
    X, y, rng = digits.X_train[:30], digits.y_train[:30], np.random.default_rng(0)
    model = MLP((64, 3, 10), activation="tanh", rng=rng)
    theta = model.theta.copy()
    s = 0.3 * rng.standard_normal(len(theta))
    here = model.sample_gradients(X, y)
    model.theta = theta + s
    there = model.sample_gradients(X, y)
    G, dG = here.mean(axis=0), there.mean(axis=0) - here.mean(axis=0)
    drawn = c7.draw(rng, 30, 7, 5)
    of_g, one, two = c7.errors_on(model, X, y, drawn, theta, G, [(theta + s, dG)])
    means = [(here[index].mean(axis=0), there[index].mean(axis=0)) for index in drawn]
    squares = np.array(
        [
            [np.sum((g - G) ** 2), np.sum((g_there - g - dG) ** 2), np.sum((g_there - means[k - 1][0] - dG) ** 2)]
            for k, (g, g_there) in enumerate(means)
        ]
    )
    expected = np.sqrt(squares.mean(axis=0)) / np.linalg.norm([G, dG, dG], axis=1)
    assert [of_g, *one, *two] == pytest.approx(expected)
    assert two[0] != pytest.approx(one[0])


def test_error_rows_are_taken_at_their_place_and_along_their_step(digits, settings):
    rows = error_rows(digits, replace(settings, batch_sizes=(8,)), NETWORK, "middle", 3, 40, 0.2)
    model = make_model(digits, settings, 3)
    for index in batches(120, 40, np.random.default_rng(3), drop_last=True):  # half of two epochs
        SGD(0.2).step(model, digits.X_train[index], digits.y_train[index])
    G = model.gradient(digits.X_train, digits.y_train)
    [row] = [row for row in rows if row["direction"] == "along −G"]
    model.theta -= row["steps"][4] * G / np.linalg.norm(G)
    assert row["length"][4] == pytest.approx(np.linalg.norm(model.gradient(digits.X_train, digits.y_train) - G))
    assert {row["direction"] for row in rows} == {"random", "along −G"}


def test_fits_are_those_of_the_rows_and_of_the_theory():
    fits = c7.error_fits(made_up(one=0.0, slope_wobble=0.0))[NETWORK]
    expected = {"two": -1, "one": 0, "one over g": 0.25, "two over theory": 1}
    assert {name: fits[name].estimate for name in expected} == pytest.approx(expected, abs=1e-9)
    assert fits["two over g"].estimate == pytest.approx(math.sqrt(8 / 16) / 3 / 2)
    bent = error_row(NETWORK, 0, 0.0, -1.0)
    bent["one"][-1] = bent["two"][-2] = 99.0  # longer steps, where the gradient is not straight
    assert c7.row_fit(bent) == pytest.approx(c7.row_fit(error_row(NETWORK, 0, 0.0, -1.0)))
    for broken in ({"g": None}, {"g": 0.0}, {"two": [None] * 6}, {"one": [0.0] * 6}, {"length": [math.nan] * 6}):
        assert c7.row_fit(error_row(NETWORK, 0, 0.0, -1.0) | broken) == {}


def test_the_errors_of_a_small_real_run_go_as_the_theory_says(result):
    for fits in c7.error_fits(result).values():
        assert fits["two"].estimate == pytest.approx(-1, abs=0.02)
        assert fits["one"].estimate == pytest.approx(0, abs=0.02)
        assert fits["two over theory"].estimate == pytest.approx(1, abs=0.3)
