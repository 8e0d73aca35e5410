"""C5a: leaving is what a loop gives, and a small real run."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from rooms import assert_shown, run

from experiments.lab import curvature
from experiments.saddle_point import measure as c5a
from experiments.saddle_point import theory
from experiments.saddle_point.question import EXPERIMENT
from experiments.saddle_point.theory import BATCH, EPOCH, PUSH, RADIUS, RANDOM, ROUNDING
from minigrad import MLP, SGD

KINDS = ("surface", "saddle", "leaving", "settling", "plateau")


def test_a_saddle_row_is_true(data, pair):
    for split, row in pair.items():
        assert (row["kind"], row["split"], row["N"], row["components"]) == ("saddle", split, 300, 16)
        model = MLP((16, 2, 1), activation="tanh")
        model.theta[:] = row["theta"]
        X, y = theory.leading_components(data.X_train, 16), data.y_train
        assert row["gradient_norm"] == np.linalg.norm(model.gradient(X, y)) < 1e-14
        assert row["loss"] == model.loss(X, y)
        H, v = curvature.hessian(model, X, y), np.array(row["v_minus"])
        assert row["eigenvalues"] == pytest.approx(np.linalg.eigvalsh(H))
        assert np.linalg.norm(H @ v - row["eigenvalues"][0] * v) < 1e-8
        assert row["sigma"] == pytest.approx(np.std(model.sample_gradients(X, y) @ v), abs=1e-12)
    assert pair["even"]["sigma"] < 1e-10 < 0.01 < pair["uneven"]["sigma"]


def test_the_kick_of_a_batch_is_the_spread_of_its_gradient(data, settings, pair):
    row = pair["uneven"]
    descent = c5a.Descent(data, settings, row, 1.0)
    descent.model.theta[:] = row["theta"]
    along = descent.model.sample_gradients(descent.X, descent.y) @ np.array(row["v_minus"])
    rng = np.random.default_rng(3)
    kicks = [descent.rate * along[rng.choice(300, 64, replace=False)].mean() for _ in range(4000)]
    rows = c5a.batch_rows(data, replace(settings, batch_sizes=(64,), repeats=1), row, 1.0)
    assert [each["arm"] for each in rows] == [BATCH, EPOCH]
    assert rows[0]["push"] == pytest.approx(theory.typical_push(np.std(kicks), descent.growth), rel=0.05)


def leave_by_loop(data, row, batches, push, rate):
    """Updates until |v₋·(θ − θ*)| ≥ r, gradient and all written out."""
    X = theory.leading_components(data.X_train, 16)
    v_minus, theta = np.array(row["v_minus"]), np.array(row["theta"]) + push
    for count, index in enumerate(batches, start=1):
        x, y = X[index], data.y_train[index]
        W, b, v, c = theta[:32].reshape(16, 2), theta[32:34], theta[34:36], theta[36]
        t = np.tanh(x @ W + b)
        error = (1 / (1 + np.exp(-(t @ v + c))) - y) / len(y)
        back = error[:, None] * v * (1 - t**2)
        gradient = np.r_[(x.T @ back).ravel(), back.sum(axis=0), t.T @ error, error.sum()]
        theta = theta - rate * gradient
        if abs(v_minus @ (theta - row["theta"])) >= RADIUS:
            return count
    return None


@pytest.mark.parametrize("step", [1.0, 0.25])
def test_leaving_is_what_a_loop_gives(data, settings, pair, step):
    row, everything = pair["uneven"], np.arange(300)
    descent = c5a.Descent(data, settings, row, step)
    assert descent.rate == pytest.approx(step / (2 * row["eigenvalues"][-1]))
    assert descent.growth == pytest.approx(1 - descent.rate * row["eigenvalues"][0])
    push = 1e-4 * np.array(row["v_minus"])
    left = descent.leave(PUSH, 300, push + row["theta"], 1e-4, itertools.repeat(c5a.ALL), 2000)
    assert left["updates"] == leave_by_loop(data, row, itertools.repeat(everything, 2000), push, descent.rate)
    assert left["updates"] == pytest.approx(theory.updates_to_leave(1e-4, descent.growth), rel=0.1)
    assert left["apart"] > 0.01
    for anew in (True, False):
        drawn = list(itertools.islice(c5a.batch_stream(300, 64, np.random.default_rng(4), anew), 1000))
        left = descent.leave(BATCH, 64, np.array(row["theta"]), 1e-3, iter(drawn), 1000)
        assert left["updates"] == leave_by_loop(data, row, drawn, 0.0, descent.rate)
        assert not left["rests"]


def test_a_run_that_is_too_short_stays(data, settings, pair):
    descent = c5a.Descent(data, settings, pair["uneven"], 1.0)
    start = np.array(pair["uneven"]["theta"]) + 1e-4 * np.array(pair["uneven"]["v_minus"])
    row = descent.leave(PUSH, 300, start, 1e-4, itertools.repeat(c5a.ALL), 20)
    assert (row["updates"], row["rests"], row["limit"]) == (None, False, 20)


def test_what_rests_does_so_for_ever(data, settings, pair):
    """At a small rate each step is less than half of θ's last digits."""
    descent = c5a.Descent(data, settings, pair["uneven"], 1 / 1024)
    row = descent.leave(ROUNDING, 300, np.array(pair["uneven"]["theta"]), 1e-17, itertools.repeat(c5a.ALL), 50)
    assert (row["updates"], row["rests"]) == (None, True)
    rested = descent.model.theta.copy()
    for _ in range(20):
        SGD(descent.rate).step(descent.model, descent.X, descent.y)
    assert (descent.model.theta == rested).all()


def test_noise_parts_no_equal_copies(data, settings, pair):
    settings = replace(settings, batch_sizes=(1, 64, 300))
    even = c5a.batch_rows(data, settings, pair["even"], 1.0)
    assert len(even) == 2 * 2 * 3  # sizes below all data, ways to draw, repeats
    assert all(row["updates"] is None and row["apart"] == 0.0 for row in even)
    uneven = c5a.batch_rows(data, settings, pair["uneven"], 1.0)
    assert all(row["updates"] < row["limit"] and row["apart"] > 0.01 for row in uneven)


def test_each_way_to_draw_has_its_stream(data, settings, pair):
    row = pair["uneven"]
    rate = c5a.Descent(data, settings, row, 1.0).rate
    for left in c5a.batch_rows(data, replace(settings, batch_sizes=(64,), repeats=1), row, 1.0):
        stream = c5a.batch_stream(300, 64, np.random.default_rng([row["seed"], 0]), anew=left["arm"] == BATCH)
        assert left["updates"] == leave_by_loop(data, row, stream, 0.0, rate)


def test_settling_is_the_mean_over_the_second_half_of_a_run(data, settings, pair):
    [row] = c5a.settling_rows(data, replace(settings, batch_sizes=(100,), settling=30), pair["uneven"], 0.5)
    model = MLP((16, 2, 1), activation="tanh")
    model.theta[:] = pair["uneven"]["theta"]
    X, y = theory.leading_components(data.X_train, 16), data.y_train
    rate, rng, losses = 0.25 / pair["uneven"]["eigenvalues"][-1], np.random.default_rng(0), [model.loss(X, y)]
    for _ in range(20):  # epochs of three batches, 60 updates at half of η₁
        order = rng.permutation(300)
        for start in (0, 100, 200):
            index = order[start : start + 100]
            SGD(rate).step(model, X[index], y[index])
            losses.append(model.loss(X, y))
    seen = [losses[k] for k in range(61) if k == 0 or 100 * k // 120 > 100 * (k - 1) // 120]  # 50 evaluations
    assert row["above_saddle"] == pytest.approx(np.mean(seen[len(seen) // 2 :]) - pair["uneven"]["loss"], abs=1e-12)


def test_pushes_are_what_they_are_called(data, settings, pair):
    rows = c5a.push_rows(data, settings, pair["even"], 1.0)
    pushed = [row for row in rows if row["arm"] == PUSH]
    assert [row["push"] for row in pushed] == list(c5a.PUSHES)
    assert [row["updates"] for row in pushed] == sorted(row["updates"] for row in pushed)
    random = [row for row in rows if row["arm"] == RANDOM]
    assert len({row["push"] for row in random}) == len(random) == 3
    assert all(0 < row["push"] < theory.RANDOM_PUSH for row in random)
    for row in pushed + random:
        predicted = theory.updates_to_leave(row["push"], row["growth"])
        assert row["updates"] == pytest.approx(predicted, rel=0.02, abs=3)
    assert len([row for row in rows if row["arm"] == ROUNDING]) == 3


def test_rounding_starts_from_the_saddle_and_from_other_last_digits(data, settings, pair, monkeypatch):
    starts = []
    monkeypatch.setattr(c5a.Descent, "leave", lambda self, arm, size, start, *rest: starts.append((arm, start)))
    c5a.push_rows(data, settings, pair["uneven"], 1.0)
    theta = np.array(pair["uneven"]["theta"])
    itself, *others = (start for arm, start in starts if arm == ROUNDING)
    assert (itself == theta).all()
    assert len(others) == 2
    for start in others:
        moved = abs(start - theta) / np.spacing(abs(theta))
        assert 0 < moved.mean() < 1
        assert moved.max() <= 2  # a number just below a power of two has half as large a last digit above


def test_the_streams_of_batches():
    anew = list(itertools.islice(c5a.batch_stream(10, 3, np.random.default_rng(0), anew=True), 6))
    epochs = list(itertools.islice(c5a.batch_stream(10, 3, np.random.default_rng(0), anew=False), 6))
    assert all(len(set(batch.tolist())) == 3 for batch in anew + epochs)
    assert all(len(set(np.concatenate(epoch).tolist())) == 9 for epoch in (epochs[:3], epochs[3:]))
    assert (anew[0] == epochs[0]).all()
    assert (anew[1] == epochs[3]).all()  # a new permutation each


def test_the_drawn_surface_does_what_it_is_drawn_for(settings):
    rested, pushed, noisy = (np.array(row["path"]) for row in c5a.surface_rows(None, settings))
    assert abs(rested[-1]).max() < 1e-4
    assert abs(rested[:, 1]).max() < 1e-9
    assert pushed[-1] == pytest.approx([0, 1], abs=0.05)
    assert noisy[-1] == pytest.approx([0, 1], abs=0.3) or noisy[-1] == pytest.approx([0, -1], abs=0.3)


def test_a_small_real_run(result):
    count = {kind: len([row for row in result["rows"] if row["kind"] == kind]) for kind in KINDS}
    expected = {"surface": 3, "saddle": 2 * 3, "leaving": 3 * 3 * (3 + 3 + 3 + 3 * 2 * 3), "settling": 3 * 3 * 4}
    assert count == expected | {"plateau": 3}


def test_a_run_settles_and_lingers_where_it_should(result, data):
    settling = [row for row in result["rows"] if row["kind"] == "settling" and row["seed"] == 0]
    by_batch = {row["batch_size"]: row["above_saddle"] for row in settling if row["step"] == 1}
    assert by_batch[1] > by_batch[64]  # noise enters as 1/B
    plateaus = [row for row in result["rows"] if row["kind"] == "plateau"]
    assert [(row["split"], row["batch_size"]) for row in plateaus] == [("even", 300), ("even", 64), ("uneven", 64)]
    norm = np.array(plateaus[0]["gradient_norm"])
    low = norm[:-50].argmin()
    assert norm[low] < 0.01 * norm[0]
    assert norm[low:].max() > 100 * norm[low]  # it looked converged, and was not


@pytest.mark.usefixtures("few_pushes")
def test_all_data_alone_are_a_run_too(data, settings):
    result = run(EXPERIMENT, data, replace(settings, batch_sizes=(300,), seeds=1, repeats=1))
    assert result["claims"]["C5a"]["verdict"] in ("undecided", "conditional")
    assert "nan" not in assert_shown(EXPERIMENT, result)[0]


@pytest.mark.whole
@pytest.mark.usefixtures("few_pushes")
def test_on_a_device(device, data, settings, monkeypatch):
    monkeypatch.setattr(c5a, "STEPS", (1.0, 0.5, 0.25))
    settings = replace(settings, batch_sizes=(64, 300), seeds=1, repeats=1, settling=4)
    there, here = (run(EXPERIMENT, data, replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("saddle", "loss"), ("saddle", "eigenvalues"), ("settling", "above_saddle")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        for one, other in zip(*columns):
            assert one == pytest.approx(other, rel=1e-6, abs=1e-9)
    columns = [
        [row["updates"] for row in r["rows"] if row["kind"] == "leaving" and row["arm"] == PUSH] for r in (there, here)
    ]
    assert columns[0] == columns[1]
