"""C2: draws that are what they are called, and a small real run."""

from dataclasses import replace

import numpy as np
import pytest
from rooms import run

from experiments.gradient_noise import measure as c2
from experiments.gradient_noise.question import EXPERIMENT
from experiments.lab.sweep import make_model
from minigrad import MLP


def test_draws_are_what_they_are_called():
    y, rng = np.repeat([2, 0, 1], 5), np.random.default_rng(0)
    by_class = np.argsort(y)
    many = [c2.draw(rng, by_class, 10, c2.INDEPENDENT) for _ in range(50)]
    assert any(len(set(index)) < 10 for index in many)
    assert set(np.concatenate(many)) == set(range(15))
    assert all(len(set(c2.draw(rng, by_class, 10, c2.WITHOUT_REPLACEMENT))) == 10 for _ in range(50))
    assert sorted(c2.draw(rng, by_class, 15, c2.WITHOUT_REPLACEMENT)) == list(range(15))
    runs = [y[c2.draw(rng, by_class, 5, c2.BY_CLASS)] for _ in range(50)]
    assert all(len(set(labels)) <= 2 for labels in runs)
    assert set(np.concatenate(runs)) == {0, 1, 2}


def test_a_distance_is_that_of_the_mean_of_sample_gradients(digits):
    model = MLP((64, 5, 10), rng=np.random.default_rng(1))
    index = np.array([3, 3, 70])
    G = model.gradient(digits.X_train, digits.y_train)
    g = model.sample_gradients(digits.X_train, digits.y_train)[index].mean(axis=0)
    measured = c2.distance_squared(model, model.batch(digits.X_train, digits.y_train), index, G)
    assert measured == pytest.approx(np.sum((g - G) ** 2))


def test_a_small_real_run(result):
    rows = [row for row in result["rows"] if row["kind"] == "spread"]
    assert len(rows) == 3 * 3 * 3 * 5  # seeds, places, ways of drawing, sizes
    everything = [row["spread"] for row in rows if row["batch_size"] == 120 and row["sampling"] != c2.INDEPENDENT]
    assert max(everything) < 1e-12  # all samples without replacement are all samples
    runs = [row for row in result["rows"] if row["kind"] == "run" and row["seed"] == 0]
    assert [row["updates"] for row in runs] == [0, 1, 2, 4, 8, 12]


def test_the_places_are_those_of_one_training_run(digits, settings):
    """tr Σ after half of the epochs is that of a model trained so far."""
    [row, *_] = c2.spread_rows(digits, replace(settings, batch_sizes=(1,), draws=1), 2, "middle")
    model = make_model(digits, settings, 2)
    c2.train_for(2, model, digits, settings, 2)
    assert row["trace"] == c2.gradient_noise(model, digits.X_train, digits.y_train).trace


@pytest.mark.whole
@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_a_device(device, model, tiny, settings):
    small = {"model": model, "hidden": (3,), "batch_sizes": (1, 8, 24), "epochs": 2, "seeds": 2, "draws": 3}
    data = tiny(2 if model == "logistic" else 3)
    there, here = (run(EXPERIMENT, data, replace(settings, backend=each, **small)) for each in (device, "numpy"))
    for kind, name in (("spread", "spread"), ("run", "noise_scale")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-6, abs=1e-12)
    assert there["claims"]["C2"]["verdict"] == here["claims"]["C2"]["verdict"]
