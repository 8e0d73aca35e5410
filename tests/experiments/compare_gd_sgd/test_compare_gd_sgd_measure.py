"""C1: the measurements against loops written out, and a small real run."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rooms import run

from experiments.compare_gd_sgd import measure as c1
from experiments.compare_gd_sgd.question import EXPERIMENT
from experiments.lab import results
from minigrad import MLP, LogisticRegression

KINDS = {"path", "surface", "identity", "epoch", "sum", "target", "timing", "tuning", "training"}


def of_kind(result, kind):
    return [row for row in result["rows"] if row["kind"] == kind]


def test_epoch_against_step_is_what_a_loop_gives(binary):
    X, y, m = binary.X_train, binary.y_train, 120
    model = LogisticRegression(64)
    model.theta[:] = np.random.default_rng(1).normal(0, 0.1, 65)
    start = model.theta.copy()
    rows = c1.epoch_against_step_rows(model, X, y, seed=7)
    assert np.array_equal(model.theta, start)

    bias = np.c_[X, np.ones(m)]
    h = 1 / (1 + np.exp(-bias @ start))
    G = bias.T @ (h - y) / m
    HG = bias.T @ (h * (1 - h) * (bias @ G)) / m

    def epoch(rate):
        theta = start.copy()
        for i in np.random.default_rng(7).permutation(m):
            theta -= rate * (1 / (1 + np.exp(-bias[i] @ theta)) - y[i]) * bias[i]
        return theta

    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert [row["learning_rate"] for row in epochs] == sorted(row["learning_rate"] for row in epochs)
    assert epochs[-1]["learning_rate"] / epochs[0]["learning_rate"] == pytest.approx(100)
    for row in epochs:
        eta = row["learning_rate"]
        assert row["predicted"] == pytest.approx(eta**2 / 2 * np.linalg.norm(HG), rel=1e-6)
        assert row["distance"] == pytest.approx(np.linalg.norm(epoch(eta / m) - (start - eta * G)), rel=1e-6)
    sums = [row for row in rows if row["kind"] == "sum"]
    assert sums
    for row in sums:
        moved = np.linalg.norm(epoch(row["learning_rate"]) - start) / (row["learning_rate"] * np.linalg.norm(G))
        assert row["sgd_over_mean"] == pytest.approx(moved, rel=1e-9)
        assert row["sgd_over_sum"] == pytest.approx(moved / m, rel=1e-9)


@pytest.mark.parametrize("kind", ["logistic", "mlp"])
def test_the_identity_of_samples_without_a_gradient_is_no_crash(kind):
    """Where every sample is fitted to the last digit, all gradients are zero, and so is their difference."""
    X, y = np.array([[1.0], [2.0]]), np.array([1, 1])
    model = LogisticRegression(1) if kind == "logistic" else MLP((1, 1))
    model.theta[:] = 1000.0
    row = c1.identity_row(model, X, y, 0, "after an epoch")
    assert not row["relative_error"] > 1e-12


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_a_run_holds_every_kind_of_row(results_of, model):
    result = results_of(model)
    assert set(result) == {"experiment", "claims", "rows", "settings", "settings_at_start", "data", "environment"}
    assert result["experiment"] == "compare_gd_sgd"
    assert {row["kind"] for row in result["rows"]} == KINDS
    assert len(of_kind(result, "training")) == 2 * 4 * 3  # arms, seeds, batch sizes
    assert len(of_kind(result, "tuning")) == 3
    assert len(of_kind(result, "identity")) == 4 * 2 * 3  # seeds, places, batch sizes
    assert len(of_kind(result, "epoch")) == 4 * 7
    assert len(of_kind(result, "path")) == 3
    settings = result["settings"]
    assert (settings["rows"], settings["features"], settings["test_rows"]) == (120, 64, 60)
    assert (settings["model"], settings["seeds"], settings["batch_sizes"]) == (model, 4, (1, 16, 120))
    assert 0 < settings["target"] < math.log(10)
    assert result["settings_at_start"]["target"] is None
    assert result["environment"]["versions"]["numpy"] == np.__version__


def test_the_three_methods_do_what_they_are_named_for(results_of):
    result = results_of("logistic")
    updates = {row["batch_size"]: len(row["theta"]) - 1 for row in of_kind(result, "path")}
    assert updates == {120: 3, 32: 12, 1: 360}
    for row in of_kind(result, "training"):
        size, curve = row["batch_size"], row["curve"]
        assert row["updates_an_epoch"] == {1: 120, 16: 7, 120: 1}[size]
        assert curve["updates"][-1] == 6 * row["updates_an_epoch"]
        assert curve["samples"][-1] == curve["updates"][-1] * size
    surface = of_kind(result, "surface")[0]
    assert np.asarray(surface["loss"]).shape == (c1.POINTS, c1.POINTS)
    # the surface is the mean log loss: gradient descent's own path goes down on it
    path = np.array(next(row["theta"] for row in of_kind(result, "path") if row["batch_size"] == 120))
    nearest = [
        np.asarray(surface["loss"])[np.abs(surface["b"] - b).argmin(), np.abs(surface["w"] - w).argmin()]
        for w, b in path
    ]
    assert nearest == sorted(nearest, reverse=True)


def without_the_clock(value):
    """Rows without what a clock measured."""
    if isinstance(value, dict):
        clock = ("seconds", "seconds_to_target", "microseconds")
        return {key: without_the_clock(entry) for key, entry in value.items() if key not in clock}
    if isinstance(value, (list, np.ndarray)):
        return [without_the_clock(entry) for entry in value]
    return value


def test_the_same_seeds_give_the_same_rows(results_of, binary, settings):
    again = run(EXPERIMENT, binary, settings)
    assert without_the_clock(again["rows"]) == without_the_clock(results_of("logistic")["rows"])
    assert without_the_clock(again["claims"]) == without_the_clock(results_of("logistic")["claims"])


def test_divergence_is_marked_and_the_rest_goes_on(diverging):
    same, tuned = ([row for row in of_kind(diverging, "training") if row["arm"] == a] for a in (c1.SAME, c1.TUNED))
    assert len(same) == len(tuned) == 6
    assert all(row["diverged"] for row in same)
    assert not any(row["diverged"] for row in tuned)
    assert all(math.isinf(row["epoch_to_target"]) for row in same)


@pytest.mark.parametrize("rate", [100.0, 1e6, 1e300])
@pytest.mark.parametrize(("model", "activation"), [("logistic", "tanh"), ("mlp", "tanh"), ("mlp", "relu")])
def test_no_rate_stops_the_run(digits, binary, settings, model, activation, rate):
    """A rate far too large saturates or overflows: no crash, no warning, and a second arm that trains."""
    settings = replace(settings, model=model, activation=activation, learning_rate=rate, seeds=2, epochs=2, repeats=1)
    result = run(EXPERIMENT, binary if model == "logistic" else digits, settings)
    tuned = [row for row in of_kind(result, "training") if row["arm"] == c1.TUNED]
    assert tuned
    assert not any(row["diverged"] for row in tuned)
    assert EXPERIMENT.tables(result)


@pytest.mark.whole
@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_on_a_device(device, model, tiny, settings, tmp_path, monkeypatch):
    """Where numbers come out of float64 training alone they are those of NumPy, in the file, too."""
    monkeypatch.setattr(c1, "PATH_ROWS", 8)
    data = tiny(2 if model == "logistic" else 3)
    settings = replace(
        settings,
        model=model,
        hidden=(3,),
        batch_sizes=(1, 8, 24),
        epochs=2,
        seeds=2,
        repeats=1,
        backend=device,
        target=0.9 if model == "mlp" else 0.6,
    )
    there = run(EXPERIMENT, data, settings)
    assert there["settings"]["backend"] == device.name
    assert {row["backend"] for row in there["rows"] if row["kind"] == "timing"} >= {"numpy", device.name}
    results.write_json(tmp_path / "result.json", there)
    assert EXPERIMENT.tables(there)
    here = run(EXPERIMENT, data, replace(settings, backend="numpy"))
    for kind, name, tolerance in (
        ("training", "final_loss", 1e-9),
        ("epoch", "distance", 1e-6),
        ("epoch", "predicted", 1e-6),
        ("sum", "sgd_over_mean", 1e-9),
    ):
        columns = [[row[name] for row in of_kind(result, kind)] for result in (there, here)]
        assert columns[0] == pytest.approx(columns[1], tolerance)
    assert max(row["relative_error"] for row in of_kind(there, "identity")) <= 1e-12
    assert there["claims"]["C1"]["verdict"] == here["claims"]["C1"]["verdict"]
