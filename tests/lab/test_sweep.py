"""A sweep over batch sizes: models, training, the target, tuning and the rows it leaves."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from lab_helpers import SETTINGS

from experiments.lab import sweep, tuning
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
    asked = [math.ceil(rows / batch_size) for rows in sweep.moments(whole * batch_size, batch_size, 4, 65)]
    assert sorted({0, 4 * whole, *(count for count in asked if count < 4 * whole)}) == history.updates.tolist()
    again = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0)
    assert np.array_equal(history.loss, again.loss)
    other = sweep.train_once(binary, SETTINGS, batch_size, 0.1, 1)
    assert np.array_equal(history.loss, other.loss) == (batch_size == 120)  # gradient descent knows no order
    assert sweep.train_once(binary, SETTINGS, batch_size, 0.1, 0, epochs=1).updates[-1] == whole


@pytest.mark.parametrize("batch_size", [1, 50, 120])
def test_train_once_evaluates_at_ends_of_epochs_where_it_is_told_to(digits, batch_size):
    settings = replace(SETTINGS, model="mlp", hidden=(500,), epochs=9, epoch_ends=True)
    epochs = sweep.train_once(digits, settings, batch_size, 0.1, 0).epoch.tolist()
    assert epochs == {1: [*range(10)], 50: [0, 2, 3, 5, 6, 8, 9], 120: [0, 2, 4, 6, 8, 9]}[batch_size]
    only = sweep.train_once(digits, settings, batch_size, 0.1, 0, evaluate_every=0)
    assert only.epoch.tolist() == [0, 9]


@pytest.mark.parametrize("rows", [120, 1437, 60_000])
@pytest.mark.parametrize("parameters", [2, 65, 2410, 25_450, 10**6])
@pytest.mark.parametrize("batch_size", [1, 3, 8, 64, 1437, 60_000])
def test_evaluations_cost_a_fifth_of_a_long_training(rows, batch_size, parameters):
    """By the work of an epoch in evaluations that the docstring states; a batch of all rows is the dearest case."""
    found = np.array(sweep.moments(rows, batch_size, 1000, parameters)) / rows
    work = 1.4 * min(4, 1 + (16 + 40_000 / parameters) / batch_size)  # of an epoch
    assert len(found) + 1 <= 0.2 * 1000 * work
    assert ((found <= 60).sum() + 1) <= 0.32 * 60 * work
    assert found[-2] < 1000 <= found[-1]
    apart = 2.8 / work
    early, later = found[found < 0.99 * apart], found[found >= 0.99 * apart]
    assert np.allclose(np.diff(later), np.clip(later[:-1] / 5, apart, 2 * apart), atol=2 / rows)
    halves = [apart / 2**k for k in range(20, 0, -1) if apart / 2**k * rows >= 16 * (batch_size + 64)]
    assert early == pytest.approx(halves, abs=1 / rows)


@pytest.mark.parametrize("model", ["logistic", "mlp"])
@pytest.mark.parametrize(("batch_size", "rate"), [(16, 0.02), (120, 0.2)])
def test_a_target_is_found_near_where_an_evaluation_an_update_finds_it(binary, model, batch_size, rate):
    settings = replace(SETTINGS, model=model, hidden=(100,), epochs=80)
    dense = sweep.train_once(binary, settings, batch_size, rate, 0, evaluate_every=batch_size)
    spaced = sweep.train_once(binary, settings, batch_size, rate, 0)
    assert len(spaced.loss) < (60 if model == "mlp" else 100)  # where an update is cheap, so many are no burden
    assert len(dense.loss) == 1 + 80 * (120 // batch_size)
    for share in (0.9, 0.5, 0.2):
        target = dense.loss[0] * share + dense.loss[-1] * (1 - share)
        exact = at_target(dense.loss, dense.updates, target)
        assert at_target(spaced.loss, spaced.updates, target) == pytest.approx(exact, rel=0.1, abs=1)


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
