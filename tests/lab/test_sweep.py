"""A sweep over batch sizes: models, training, the target, tuning and the rows it leaves."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from lab_helpers import SETTINGS

from experiments.lab import sweep, tuning
from experiments.lab.settings import EVALUATIONS_AN_EPOCH
from experiments.lab.statistics import at_target
from minigrad import MLP, Dataset, LogisticRegression, load_digits


def test_make_model(digits, binary):
    logistic = sweep.make_model(binary, SETTINGS, 3)
    assert isinstance(logistic, LogisticRegression)
    assert not logistic.theta.any()
    mlp = replace(SETTINGS, model="mlp", hidden=(7, 5), activation="relu", dtype="float32")
    many = sweep.make_model(digits, mlp, 3)
    assert isinstance(many, MLP)
    assert (many.layer_sizes, many.activation, many.dtype) == ((64, 7, 5, 10), "relu", np.float32)
    assert sweep.make_model(binary, mlp, 3).layer_sizes == (64, 7, 5, 1)
    assert sweep.make_model(digits, mlp, 3, dtype="float64").dtype == np.float64
    assert np.array_equal(many.theta, sweep.make_model(digits, mlp, 3).theta)
    assert not np.array_equal(many.theta, sweep.make_model(digits, mlp, 4).theta)
    assert sweep.make_model(digits, replace(mlp, hidden=()), 0).layer_sizes == (64, 10)


@pytest.mark.parametrize("batch_size", [1, 16, 50, 120])
def test_train_once(binary, batch_size):
    history = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0)
    whole = 120 // batch_size  # what does not fill a batch is left out
    assert history.updates[-1] == 4 * whole
    assert history.samples[-1] == 4 * whole * batch_size
    assert 4 <= len(history.loss) - 1 <= 4 * EVALUATIONS_AN_EPOCH
    again = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0)
    assert np.array_equal(history.loss, again.loss)
    other = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 1)
    assert np.array_equal(history.loss, other.loss) == (batch_size == 120)  # gradient descent knows no order
    assert sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0, epochs=1).updates[-1] == whole


@pytest.mark.parametrize(("batch_size", "updates"), [(1, [120, 240]), (50, [2, 4]), (120, [1, 2])])
def test_train_once_evaluates_once_an_epoch_at_its_end(binary, batch_size, updates):
    settings = replace(SETTINGS, epochs=2, evaluations=1)
    assert sweep.train_once(binary, settings, batch_size, 0.1, 0).updates.tolist() == [0, *updates]
    often = sweep.train_once(binary, replace(settings, evaluations=4), batch_size, 0.1, 0)
    assert len(often.updates) - 1 == {1: 8, 50: 4, 120: 2}[batch_size]


def test_choose_target_is_what_gradient_descent_reaches(binary):
    settings = replace(SETTINGS, epochs=9, target=None)
    target = sweep.choose_target(binary, settings)
    losses = [sweep.train_once(binary, settings, 120, tuning.rate(k), 0, epochs=6).loss[-1] for k in range(-10, 8)]
    assert min(losses) <= target <= min(losses) * 1.011
    assert float(f"{target:.3g}") == target


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize("name", ["two samples", "digits 0-vs-1"])
def test_the_target_of_separable_data_is_one_that_training_can_aim_at(name, model):
    """At a large rate gradient descent brings their loss to 1e-100 and to 0: no target for anybody."""
    X, y = np.array([[1.0], [-1.0]]), np.array([1, 0])
    data = Dataset(X, y, X, y, "two") if name == "two samples" else load_digits().binary("0-vs-1")
    settings = replace(SETTINGS, model=model, batch_sizes=(1, 2), epochs=24, target=None)
    assert 1e-6 < sweep.choose_target(data, settings) < math.log(2)


def test_choose_target_says_when_every_rate_diverges(binary, monkeypatch):
    never = SimpleNamespace(diverged=True, loss=np.array([math.inf]))
    monkeypatch.setattr(sweep, "train_once", lambda *_, **__: never)
    with pytest.raises((RuntimeError, ValueError), match="diverged at every rate"):
        sweep.choose_target(binary, SETTINGS)


def test_a_row_of_training_holds_the_balanced_accuracy_of_its_last_parameters(binary):
    settings = replace(SETTINGS, hidden=(4,), model="mlp", target=0.01)
    [row] = sweep.training_rows(binary, settings, "an arm", 16, 0.3, 5)
    model = sweep.make_model(binary, settings, 5)
    sweep.train_once(binary, settings, 16, 0.3, 5, model=model)
    right = model.predict(binary.X_test) == binary.y_test
    assert row["test_accuracy"] == right.mean()
    assert row["test_balanced_accuracy"] == pytest.approx(np.mean([right[binary.y_test == k].mean() for k in (0, 1)]))


def test_tune_takes_the_mean_over_the_tuning_seeds(binary):
    best, costs = sweep.tune(binary, SETTINGS, 16, 0.3)
    assert best in costs
    assert costs[best] == min(costs.values())
    histories = [sweep.train_once(binary, SETTINGS, 16, best, seed) for seed in SETTINGS.tuning_seeds]
    needed = [at_target(history.loss, history.samples, 0.3) for history in histories]
    assert costs[best] == pytest.approx(np.mean(needed))
    assert not set(SETTINGS.tuning_seeds) & set(range(100))


def test_tune_stops_a_trial_that_has_lost(binary, monkeypatch):
    """With 50 samples on the record, nobody trains for all of the epochs; with none, everybody does."""
    asked = []

    def recorded(data, settings, batch_size, rate, seed, **keywords):
        asked.append(keywords["epochs"])
        assert keywords["target_loss"] == 0.3
        return SimpleNamespace(loss=np.array([1.0, 0.2]), samples=np.array([0, 50]))

    monkeypatch.setattr(sweep, "train_once", recorded)
    settings = replace(SETTINGS, epochs=40)
    sweep.tune(binary, settings, 16, 0.3)
    assert asked[:2] == [40, 40]
    assert set(asked[2:]) <= {1, 2}
    monkeypatch.setattr(sweep.tuning, "best_rate", lambda cost: (None, {1.0: cost(1.0, 1e9)}))
    sweep.tune(binary, settings, 16, 0.3)
    assert asked[-1] == 40


def test_tune_drops_no_rate_whose_mean_is_the_least(binary, monkeypatch):
    """Seeds differ: one that takes longer than the best mean so far may be outweighed by the other."""
    needed = {0.01: (700, 700), 0.0316: (200, 1000)}

    def simulated(data, settings, batch_size, rate, seed, *, epochs, target_loss):
        samples = needed.get(rate, (9000, 9000))[SETTINGS.tuning_seeds.index(seed)]
        arrived = samples <= epochs * 120
        return SimpleNamespace(loss=np.array([1.0, target_loss if arrived else 0.9]), samples=np.array([0, samples]))

    monkeypatch.setattr(sweep, "train_once", simulated)
    best, costs = sweep.tune(binary, replace(SETTINGS, epochs=60), 16, 0.3)
    assert best == 0.0316
    assert costs[0.0316] == 600


def test_tune_where_nothing_arrives(binary):
    best, costs = sweep.tune(binary, replace(SETTINGS, epochs=1), 120, 1e-9)
    assert best is None
    assert all(map(math.isinf, costs.values()))
    [row] = sweep.tuning_rows(binary, replace(SETTINGS, epochs=1, target=1e-9), 120)
    assert row == {
        "kind": "tuning",
        "batch_size": 120,
        "learning_rate": None,
        "seeds": SETTINGS.tuning_seeds,
        "rates": list(costs),
        "samples_to_target": list(costs.values()),
        "on_edge": False,
    }


@pytest.mark.parametrize(("batch_size", "epochs"), [(1, 4), (1, 60), (16, 60), (120, 4)])
def test_training_row(binary, batch_size, epochs):
    settings = replace(SETTINGS, epochs=epochs)
    [row] = sweep.training_rows(binary, settings, "arm", batch_size, 0.1, 5)
    history = sweep.train_once(binary, settings, batch_size, 0.1, 5, test=(binary.X_test, binary.y_test))
    assert (row["kind"], row["arm"], row["batch_size"], row["seed"]) == ("training", "arm", batch_size, 5)
    assert (row["learning_rate"], row["updates_an_epoch"]) == (0.1, 120 // batch_size)
    assert (row["final_loss"], row["test_accuracy"]) == (history.loss[-1], history.test_accuracy[-1])
    for name in ("epoch", "updates", "samples"):
        assert row[f"{name}_to_target"] == at_target(history.loss, getattr(history, name), 0.3)
    curve = row["curve"]
    assert {len(values) for values in curve.values()} == {len(curve["loss"])}
    assert len(curve["loss"]) <= 120
    assert (curve["updates"][0], curve["updates"][-1]) == (0, history.updates[-1])
    assert set(curve["loss"]) <= set(history.loss)
    assert sorted(set(curve["updates"])) == curve["updates"]
    assert row["diverged"] is False


def test_logistic_regression_of_a_users_own_classes_is_softmax_regression_from_zero(digits):
    own = replace(digits, is_own=True)
    assert sweep.data_for("logistic", own) is own
    assert sweep.data_for("logistic", digits).classes == ("even", "odd")
    model = sweep.make_model(own, SETTINGS, 3, dtype="float32")
    assert (type(model), model.layer_sizes, model.dtype) == (MLP, (64, 10), np.float32)
    assert not model.theta.any()
