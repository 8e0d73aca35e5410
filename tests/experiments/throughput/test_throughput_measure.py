"""C4: measuring functions against loops and clocks made up, and a small real run."""

import math
from dataclasses import replace

import numpy as np
import pytest
import threadpoolctl
from rooms import run
from strategies import status_of

from experiments.lab import results, sweep, timing
from experiments.lab.settings import Settings
from experiments.throughput import measure as c4
from experiments.throughput.judge import finishes
from experiments.throughput.question import EXPERIMENT
from minigrad import SGD, LogisticRegression


def test_a_race_is_a_training_run_on_one_thread(binary, settings, monkeypatch):
    threads, right = [], sweep.train_once

    def train_once(*arguments, **keywords):
        threads.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return right(*arguments, **keywords)

    monkeypatch.setattr(sweep, "train_once", train_once)
    monkeypatch.setattr(sweep, "moments", lambda *_: [16 * k for k in range(1, 100)])  # after each update
    settings = replace(settings, model="logistic", target=0.4, epochs=40)
    [row] = c4.race_rows(binary, settings, "batched", 16, 0.3, seed=5, repeat=0)
    assert set(threads) == {1}
    # the same updates, written out
    X, y, rng = np.c_[binary.X_train, np.ones(120)], binary.y_train, np.random.default_rng(5)
    theta, losses = np.zeros(65), [math.log(2)]
    while losses[-1] > 0.4:
        order = rng.permutation(120)
        for start in range(0, 112, 16):
            batch = order[start : start + 16]
            theta -= 0.3 * X[batch].T @ (1 / (1 + np.exp(-X[batch] @ theta)) - y[batch]) / 16
            losses.append(np.logaddexp(0, (1 - 2 * y) * (X @ theta)).mean())
            if losses[-1] <= 0.4:
                break
    k = len(losses) - 1
    assert row["updates"] == pytest.approx(k - 1 + math.log(losses[-2] / 0.4) / math.log(losses[-2] / losses[-1]))
    assert row["reached"] is True
    assert 0 < row["seconds"] < 1


@pytest.mark.parametrize("path", ["batched", "fast"])
def test_a_run_that_never_arrives_tells_what_it_took(binary, settings, path):
    settings = replace(settings, model="logistic", target=1e-9, epochs=3)
    [row] = c4.race_rows(binary, settings, path, 1, 0.1, seed=0, repeat=1)
    assert row["reached"] is False
    assert row["updates"] == 360
    assert row["seconds"] > 0


def test_a_block_times_every_size_both_networks_and_paths(digits, settings, monkeypatch):
    limits, works = [], {}

    def interleaved(asked, backend, rounds, rng):
        limits.append({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})
        works.update(asked)
        return {key: [1.0, 3.0, 2.0] for key in asked}

    monkeypatch.setattr(timing, "interleaved", interleaved)
    [row] = c4.cost_rows(digits, settings, width=4, threads=1, block=0)
    assert limits == [{1}]
    assert set(works) == {1, 16, 300, "fast path", "product"}
    assert [works[size]() for size in (1, 16, 300)] == [1, 16, 300]  # sample gradients of an update
    assert works["product"]().shape == (8, 8)
    assert (row["network"], row["place"], row["batch_sizes"]) == ("4 hidden units", "numpy, 1 thread", [1, 16, 300])
    assert row["on_gpu"] is False
    assert row["microseconds"] == [[1.0, 3.0, 2.0]] * 3
    assert row["fast_path"] == [1 / 16, 3 / 16, 2 / 16]
    flops = 2 * (2 * (64 * 4 + 4 * 10) + 4 * 10)  # z and ∂W of both layers, δ Wᵀ of the upper one
    assert row["flops_alone"][0] == pytest.approx(flops / (2 * 8**3))
    [row] = c4.cost_rows(digits, settings, width=0, threads=1, block=0)
    assert row["network"] == "logistic regression"


def test_logistic_regression_takes_two_classes(digits, binary):
    assert np.array_equal(sweep.data_for("logistic", digits).y_train, digits.y_train % 2)
    assert sweep.data_for("mlp", digits) is digits
    assert sweep.data_for("logistic", binary) is binary


def of_kind(result, kind):
    return [row for row in result["rows"] if row["kind"] == kind]


def test_a_run_holds_every_kind_of_row(result):
    assert {row["kind"] for row in result["rows"]} == {"target", "tuning", "race", "cost"}
    races = {(row["model"], row["path"], row["batch_size"]) for row in of_kind(result, "race")}
    contenders = [("batched", 1), ("fast", 1), ("batched", 16), ("batched", 120)]
    assert races == {(model, *each) for model in c4.MODELS for each in contenders}
    assert len(of_kind(result, "race")) == 2 * 4 * 2 * 2  # models, contenders, seeds, repeats
    assert {row["model"] for row in of_kind(result, "tuning")} == set(c4.MODELS)
    networks = {row["network"] for row in of_kind(result, "cost")}
    assert networks == {"logistic regression", "4 hidden units"}
    readings = np.array([row["microseconds"] for row in of_kind(result, "cost")])
    assert readings.shape[1:] == (3, 2)  # sizes, rounds
    assert (readings > 0).all()
    assert set(result["claims"]) == {"C4a", "C4b"}


def test_both_paths_of_one_sample_make_the_same_updates(result):
    for model in c4.MODELS:
        times = finishes(result, model).updates
        assert times[1, "batched"].tolist() == pytest.approx(times[1, "fast"].tolist(), rel=1e-6)


@pytest.mark.whole
@pytest.mark.parametrize(
    "argv",
    [
        ("--batch-sizes", "1"),
        ("--batch-sizes", "all", "--hidden", "none"),
        ("--seeds", "1", "--epochs", "1", "--dtype", "float32"),
        ("--target", "1e-5"),
        ("--task", "0-vs-1", "--activation", "relu"),
    ],
)
def test_odd_arguments(argv, tmp_path, capsys, monkeypatch, digits):
    monkeypatch.setattr(Settings, "tuning_seeds", (1000,))
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    quick = EXPERIMENT.efforts["quick"] | {"timed_sizes": (1, 64), "blocks": 1, "rounds": 1, "epochs": 2}
    quick |= {"batch_sizes": "1 all"}
    small = replace(EXPERIMENT, efforts={**EXPERIMENT.efforts, "quick": quick}, figures={})
    assert status_of(small, ["--quick", "--workers", "1", "--out", tmp_path, *argv]) == 0
    out, err = capsys.readouterr()
    assert "C4a" in out
    assert err == ""
    assert (tmp_path / "throughput" / "result.json").exists()


@pytest.mark.whole
def test_on_a_device(device, tiny, settings, tmp_path, monkeypatch):
    """The race is the CPU's; updates are timed on both."""
    raced_on, right = set(), sweep.train_once

    def train_once(data, settings, *arguments, **keywords):
        raced_on.add(settings.plain()["backend"])
        return right(data, settings, *arguments, **keywords)

    monkeypatch.setattr(sweep, "train_once", train_once)
    small = {
        "hidden": (3,),
        "batch_sizes": (8, 24),
        "epochs": 3,
        "widths": (0, 3),
        "timed_sizes": (1, 8, 30),
        "blocks": 1,
    }
    result = run(EXPERIMENT, tiny(3), replace(settings, **small, backend=device))
    assert raced_on == {"numpy"}
    places = {(row["place"], row["on_gpu"]) for row in of_kind(result, "cost")}
    assert ("numpy, 1 thread", False) in places
    assert (device.name, True) in places or device.blas is not None
    on_gpu = any(on_gpu for _, on_gpu in places)
    assert result["claims"]["C4b"]["verdict"] == ("undecided" if on_gpu else "not measured")  # one block is no interval
    assert result["settings"]["backend"] == device.name
    results.write_json(tmp_path / "result.json", result)
    assert EXPERIMENT.tables(result)


def test_a_timed_update_leaves_the_model_as_it_is(binary):
    """However often it is done, so that the work stays the same."""
    model = LogisticRegression(64)
    rows = timing.rows_for(model, binary, 300)
    update = timing.updates_of(model, rows, [300])[300]
    for _ in range(100):
        update()
    reference = LogisticRegression(64)
    SGD(100 * timing.RATE).step(reference, rows)
    assert np.abs(model.theta).max() < 1e-6
    assert model.theta == pytest.approx(reference.theta, rel=1e-6)
