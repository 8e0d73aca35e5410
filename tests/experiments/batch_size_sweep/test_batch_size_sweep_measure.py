"""C8: measurements against loops written out, and a small real run."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rooms import run

from experiments.batch_size_sweep import measure as c8
from experiments.batch_size_sweep.question import EXPERIMENT
from experiments.batch_size_sweep.rules import ridge
from experiments.lab import sweep
from experiments.lab.training import train
from minigrad import MLP, SGD


def of_kind(result, kind):
    return [row for row in result["rows"] if row["kind"] == kind]


@pytest.mark.parametrize(("n", "expected"), [(1437, 718), (120, 17), (25, 12), (7, 3), (3, None), (4, 3)])
def test_ragged_size(n, expected):
    assert c8.ragged_size(n) in (expected, None if n == 4 else expected)
    if expected and n > 4:
        assert n % expected == 1


@pytest.mark.parametrize("treatment", [c8.DROPPED, c8.SCALED_STEP, c8.FULL_STEP])
def test_the_ragged_batch_is_treated_as_its_name_says(digits, settings, treatment):
    """One epoch written out: 7 batches of 17, and one of a single sample."""
    settings = replace(settings, target=1e-9, epochs=1)
    model = sweep.make_model(digits, settings, 3)
    order = np.random.default_rng(3).permutation(120)
    for start in range(0, 120, 17):
        rows = order[start : start + 17]
        rate = {c8.DROPPED: 0.0, c8.SCALED_STEP: 0.5 / 17, c8.FULL_STEP: 0.5}[treatment] if len(rows) == 1 else 0.5
        model.theta -= rate * model.gradient(digits.X_train[rows], digits.y_train[rows])
    target = model.loss(digits.X_train, digits.y_train)
    [row] = c8.ragged_rows(digits, replace(settings, target=target * (1 + 1e-12)), treatment, 17, 0.5, 3)
    assert row["updates_to_target"] == pytest.approx(7 if treatment == c8.DROPPED else 8)
    [row] = c8.ragged_rows(digits, replace(settings, target=target * 0.999), treatment, 17, 0.5, 3)
    assert math.isinf(row["updates_to_target"])


def test_float32_is_polished_in_float64(digits, settings):
    settings = replace(settings, dtype="float32")
    [row] = c8.accuracy_rows(digits, settings, "network", 16, 0.3, 0)
    assert row["polished_loss"] < row["loss"]
    assert 0 <= row["polished_test_accuracy"] <= 1


def test_validation_trains_on_the_rows_that_are_not_held_out(digits, settings, monkeypatch):
    seen = {}
    right = sweep.train_once

    def watched(data, settings, batch_size, rate, seed, **keywords):
        seen.update(data=data, test=keywords["test"], batch_size=batch_size)
        return right(data, settings, batch_size, rate, seed, **keywords)

    monkeypatch.setattr(sweep, "train_once", watched)
    c8.validation_rows(digits, settings, 120, 0.1, 0)
    assert (len(seen["data"].X_train), len(seen["test"][0]), seen["batch_size"]) == (96, 24, 96)
    both = np.concatenate([seen["data"].X_train, seen["test"][0]])
    assert np.array_equal(np.sort(both.sum(axis=1)), np.sort(digits.X_train.sum(axis=1)))


def test_a_small_real_run(result):
    kinds = {row["kind"] for row in result["rows"]}
    assert kinds == {"target", "cell", "training", "validation", "accuracy", "ragged", "timing"}
    assert set(result["claims"]) == {"C8", "C8a", "C8b", "C8c", "C8d", "C8e"}
    assert result["settings"]["reference"] == 40
    rate = ridge(result)[40]
    assert result["settings"]["learning_rate"] == rate
    accuracies = of_kind(result, "accuracy")
    assert {row["arm"] for row in accuracies} == {"network", "linear"}
    assert {row["seed"] for row in accuracies} == {0, 1}
    assert all(row["polished_loss"] <= row["loss"] for row in accuracies)


def test_a_cell_of_the_map_is_that_training_run(result, digits):
    cell = of_kind(result, "cell")[0]
    target = result["settings"]["target"]
    model = MLP((64, 6, 10), activation="tanh", rng=np.random.default_rng(cell["seed"]))
    history = train(
        model,
        digits.X_train,
        digits.y_train,
        optimizer=SGD(cell["learning_rate"]),
        batch_size=cell["batch_size"],
        epochs=6,
        rng=cell["seed"],
        drop_last=True,
        evaluate_every=15,
        target_loss=target,
    )
    assert cell["test_accuracy"] == model.accuracy(digits.X_test, digits.y_test)
    assert math.isinf(cell["updates_to_target"]) == (not history.reached_target)


@pytest.mark.whole
def test_on_a_device(device, tiny, settings):
    small = {"hidden": (3,), "batch_sizes": (1, 8, 24), "epochs": 2, "map_epochs": 2, "seeds": 1, "repeats": 1}
    small |= {"accuracy_seeds": 1, "accuracy_epochs": 1, "target": 0.9}
    there, here = (run(EXPERIMENT, tiny(3), replace(settings, **small, backend=each)) for each in (device, "numpy"))
    for kind, name in (("cell", "test_accuracy"), ("accuracy", "loss"), ("training", "final_loss")):
        columns = [[row[name] for row in of_kind(result, kind)] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], 1e-9)
    assert EXPERIMENT.tables(there)
