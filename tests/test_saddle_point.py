"""C5a: a saddle that is one, leaving that is what a loop gives, and a verdict that each of its parts can turn."""

import itertools
import json
import math
from dataclasses import replace

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from strategies import status_of
from teachers_map import assert_the_map_is_true, watched

from experiments import saddle_point as c5a
from experiments.lab import curvature, results, saddle, saddle_report
from experiments.lab.saddle import BATCH, EPOCH, PUSH, RADIUS, RANDOM, ROUNDING
from experiments.lab.trials import Trials
from minigrad import MLP, SGD, Dataset, load_digits

FEW_PUSHES = (1e-2, 1e-3, 1e-4)  # small ones take long
KINDS = ("surface", "saddle", "leaving", "settling", "plateau")
SETTINGS = c5a.Settings(
    dataset="digits", hidden=(2,), batch_sizes=(1, 16, 64, 300), seeds=2, repeats=3, settling=40
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    """300 digits, odd or even: enough that one tanh unit has an optimum."""
    full = load_digits().binary("odd-even")
    return Dataset(full.X_train[:300], full.y_train[:300], full.X_test, full.y_test, "digits odd-even", full.classes)


@pytest.fixture(scope="module")
def pair(data):
    """The uneven and the even saddle of one optimum, as JSON has them."""
    trials = Trials(data)
    return dict(zip(c5a.SPLITS, trials.run(c5a.saddle_rows, SETTINGS, [{"seed": 0}])))


# ---- the verdict, on rows made up ------------------------------------------------------------------------------------


def made_up(slope=1.0, large=0.05, small=-0.05, seeds=4, size=1, **leave):
    """Rows of seeds. `leave` tells which share of an arm's runs leaves; `slope`, updates over those predicted."""
    share = {"rounding": 0.5, "slow_rounding": 0.0, "push": 1.0, "batch": 1.0, "even": 0.0, "random": 1.0} | leave
    rows = []
    for seed, split, step in itertools.product(range(seeds), c5a.SPLITS, c5a.STEPS[:2]):
        rows.append({"kind": "saddle", "seed": seed, "split": split, "gradient_norm": 1e-16, "loss": 0.3})
        growth = 1 + 0.05 * step
        runs = [(PUSH, push, share["push"]) for push in c5a.PUSHES]
        runs += [(RANDOM, 1e-7, share["random"])] * 4
        runs += [(ROUNDING, 1e-16, share["rounding" if step == 1 else "slow_rounding"])] * 4
        runs += [(arm, 1e-3, share["batch" if split == "uneven" else "even"]) for arm in (BATCH, EPOCH) * 4]
        for number, (arm, push, part) in enumerate(runs):
            left = number % 4 < 4 * part
            updates = round(slope * saddle.updates_to_leave(push, growth)) if left else None
            rows.append({
                "kind": "leaving", "seed": seed, "split": split, "step": step, "arm": arm, "push": push,
                "growth": growth, "updates": updates, "rests": not left, "apart": 0.0, "batch_size": size,
            })  # fmt: skip
    for seed, step in itertools.product(range(seeds), c5a.STEPS):
        above = {c5a.STEPS[0]: large, c5a.STEPS[-1]: small}.get(step, 0.0) + 0.001 * seed
        rows += [
            {"kind": "settling", "seed": seed, "step": step, "batch_size": size, "N": 300, "above_saddle": above},
            {"kind": "settling", "seed": seed, "step": step, "batch_size": 300, "N": 300, "above_saddle": -1.0},
        ]
    return {"rows": rows}


FOR = {"rounding": 0.0, "push": 0.0, "even": 1.0}
AGAINST = {"rounding": 1.0, "slow_rounding": 1.0, "batch": 0.0, "large": -0.04}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(), "conditional"),
        (made_up(**FOR), "holds"),
        (made_up(**FOR, size=256), "holds"),
        (made_up(**AGAINST), "does not hold"),
        (made_up(**AGAINST, seeds=1), "undecided"),  # four runs that all leave are not enough
        (made_up(**FOR | {"even": 0.0}), "conditional"),
        (made_up(**FOR | {"rounding": 1.0}), "conditional"),
        (made_up(**FOR | {"slow_rounding": 1.0}), "conditional"),
        (made_up(**FOR | {"push": 1.0}), "conditional"),
        (made_up(**FOR | {"batch": 0.0}), "conditional"),
        (made_up(**FOR, small=0.04), "conditional"),
        (made_up(**FOR, large=-0.04), "conditional"),
        (made_up(**FOR, large=-0.001), "undecided"),
        (made_up(**FOR | {"rounding": 0.5}), "undecided"),
        (made_up(**FOR | {"batch": 0.5}), "undecided"),
        (made_up(slope=1.2), "undecided"),  # what leaves like that is no saddle
        (made_up(slope=0.8), "undecided"),
        (made_up(slope=1.03), "conditional"),
        ({"rows": []}, "undecided"),
        ({"rows": [{"kind": "no saddle", "seed": 0}]}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    claim = c5a.verdict(result)["C5a"]
    assert claim["verdict"] == expected, claim["because"]


@pytest.mark.parametrize(
    ("change", "part", "outcome"),
    [
        ({}, "(1) on the saddle all data stay, at η₁", None),
        ({"rounding": 0.0}, "(1) on the saddle all data stay, at η₁", True),
        ({"rounding": 1.0}, "(1) on the saddle all data stay, at η₁", False),
        ({}, "(1) on the saddle all data stay, at η₁/4", True),
        ({"slow_rounding": 1.0}, "(1) on the saddle all data stay, at η₁/4", False),
        ({}, "(2) beside the saddle all data stay", False),
        ({"push": 0.0}, "(2) beside the saddle all data stay", True),
        ({}, "(3) batches leave where the copies differ", True),
        ({"batch": 0.0}, "(3) batches leave where the copies differ", False),
        ({}, "(4) batches leave where they are the same", False),
        ({"even": 1.0}, "(4) batches leave where they are the same", True),
        ({"random": 0.0}, "(4) batches leave where they are the same", None),  # the control failed
        ({}, "(5) it takes a small rate to settle below", True),
        ({"large": -0.01}, "(5) it takes a small rate to settle below", False),
        ({"small": 0.01}, "(5) it takes a small rate to settle below", False),
        ({"small": -0.001}, "(5) it takes a small rate to settle below", None),
        ({"seeds": 1}, "(5) it takes a small rate to settle below", None),
    ],
)
def test_each_part_can_come_out_either_way(change, part, outcome):
    assert c5a.verdict(made_up(**change))["C5a"]["evidence"]["parts"][part] is outcome


def test_the_reason_is_made_of_the_evidence():
    claim = c5a.verdict(made_up(slope=1.04, rounding=0.25, large=0.123))["C5a"]
    evidence = claim["evidence"]
    assert evidence["slope over prediction"]["estimate"] == pytest.approx(1.04, abs=0.001)
    assert evidence["all data leave, at η₁"]["estimate"] == 0.25
    assert evidence["settles above the saddle, at η₁"]["estimate"] == pytest.approx(0.1245)
    assert evidence["updates of batches at η₁/4 over η₁"]["estimate"] == pytest.approx(4, rel=0.05)
    assert evidence["smallest batch"] == 1
    for fragment in ("25%", "1.040", "+0.124", "batch size 1 ", "28 of the 28 others"):
        assert fragment in claim["because"]


def test_what_starts_near_the_end_says_nothing_of_the_prediction():
    result = made_up()
    ratio = c5a.updates_over_prediction(result, BATCH)
    late = {"seed": 0, "split": "uneven", "arm": BATCH, "push": RADIUS / 3, "growth": 1.05, "updates": 5000}
    result["rows"] += [{"kind": "leaving", **late}]
    assert c5a.updates_over_prediction(result, BATCH) == ratio
    result["rows"] += [{"kind": "leaving", **late, "push": RADIUS / 30}]
    assert c5a.updates_over_prediction(result, BATCH).estimate > ratio.estimate


def test_losses_that_are_no_numbers_do_not_count():
    result = made_up()
    for row in result["rows"]:
        if row["kind"] == "settling" and row["seed"] == 0:
            row["above_saddle"] = None  # what JSON makes of a run that diverged
    large = c5a.verdict(result)["C5a"]["evidence"]["settles above the saddle, at η₁"]
    assert large["estimate"] == pytest.approx(0.052)


# ---- the saddle ------------------------------------------------------------------------------------------------------


def optimum(data, count=16):
    """The network of one unit at its optimum, and what it was trained on."""
    X, y = saddle.leading_components(data.X_train, count), data.y_train
    rng = np.random.default_rng(0)
    networks = (MLP((count, 1, 1), activation="tanh", rng=rng) for _ in range(10))
    return next(small for small in networks if saddle.descend_to_optimum(small, X, y)), X, y


@pytest.mark.parametrize("s", [0.5, 0.7, 0.9, -0.4])
def test_the_copies_compute_the_same_and_have_no_gradient(data, s):
    small, X, y = optimum(data)
    large = saddle.duplicate(small, s)
    assert large.forward(X) == pytest.approx(small.forward(X), rel=1e-13)
    assert np.linalg.norm(small.gradient(X, y)) < 1e-14
    assert np.linalg.norm(large.gradient(X, y)) < 1e-14


def hessian_of_the_difference(small, X, y):
    """A of the docstring, written out in NumPy."""
    (w, b), (v, c) = small.layers
    t = np.tanh(X @ w[:, 0] + b)
    h = 1 / (1 + np.exp(-(t * v[0, 0] + c)))
    x = np.c_[X, np.ones(len(X))]
    return (x * ((h - y) * v[0, 0] * -2 * t * (1 - t**2))[:, None]).T @ x / len(X)


@pytest.mark.parametrize("s", [0.5, 0.7, -0.4])
def test_the_saddle_is_proved(data, s):
    """The Hessian's negative eigenvalues are as many as those of s(1 − s) A; and J changes by ½ s(1 − s) dᵀA d."""
    small, X, y = optimum(data)
    large, A = saddle.duplicate(small, s), s * (1 - s) * hessian_of_the_difference(small, X, y)
    eigenvalues = np.linalg.eigvalsh(curvature.hessian(large, X, y))
    assert (eigenvalues < -1e-8).sum() == (np.linalg.eigvalsh(A) < -1e-8).sum() > 0
    d = 1e-3 * np.linalg.eigh(A)[1][:, 0]
    loss = large.loss(X, y)
    W1, b1 = large.layers[0]
    for copy, part in ((0, 1 - s), (1, -s)):
        W1[:, copy] += part * d[:-1]
        b1[copy] += part * d[-1]
    assert large.loss(X, y) - loss == pytest.approx(d @ A @ d / 2, rel=1e-2)
    assert large.loss(X, y) < loss


def test_leading_components_are_those_of_a_singular_value_decomposition(data):
    X = data.X_train
    Z = saddle.leading_components(X, 5)
    U, _, _ = np.linalg.svd(X, full_matrices=False)
    overlap = U[:, :5].T @ Z / math.sqrt(len(X))
    assert abs(overlap[:, ::-1]) == pytest.approx(np.eye(5), abs=1e-8)
    assert (Z**2).mean(axis=0) == pytest.approx(np.ones(5))
    loadings = X.T @ Z
    assert (loadings[abs(loadings).argmax(axis=0), np.arange(5)] > 0).all()  # a sign that no library decides
    assert saddle.leading_components(X[:, [1, 2, 2]] * [1, 1, 2], 3).shape == (300, 2)  # two of them are one


def test_an_optimum_at_infinity_is_none(data):
    X = saddle.leading_components(data.X_train, 16)
    separable = (X[:, 0] > 0).astype(int)
    assert not saddle.descend_to_optimum(MLP((16, 1, 1), activation="tanh"), X, separable)


def test_a_saddle_row_is_true(data, pair):
    for split, row in pair.items():
        assert (row["kind"], row["split"], row["N"], row["components"]) == ("saddle", split, 300, 16)
        model = MLP((16, 2, 1), activation="tanh")
        model.theta[:] = row["theta"]
        X, y = saddle.leading_components(data.X_train, 16), data.y_train
        assert row["gradient_norm"] == np.linalg.norm(model.gradient(X, y)) < 1e-14
        assert row["loss"] == model.loss(X, y)
        H, v = curvature.hessian(model, X, y), np.array(row["v_minus"])
        assert row["eigenvalues"] == pytest.approx(np.linalg.eigvalsh(H))
        assert np.linalg.norm(H @ v - row["eigenvalues"][0] * v) < 1e-8
        assert row["sigma"] == pytest.approx(np.std(model.sample_gradients(X, y) @ v), abs=1e-12)
    assert pair["even"]["sigma"] < 1e-10 < 0.01 < pair["uneven"]["sigma"]


# ---- leaving it ------------------------------------------------------------------------------------------------------


def test_kicks_come_to_what_is_predicted():
    """z ← ρ z + a normal kick, many times over: the geometric mean of |z| is what the typical push has grown to."""
    rng, growth, kick = np.random.default_rng(0), 1.05, 0.3
    z = np.zeros(20_000)
    for _ in range(150):
        z = growth * z + kick * rng.standard_normal(len(z))
    typical = np.exp(np.log(abs(z)).mean())
    assert typical == pytest.approx(saddle.typical_push(kick, growth) * growth**150, rel=0.03)
    assert saddle.updates_to_leave(RADIUS / growth**7, growth) == pytest.approx(7)
    assert saddle.updates_to_leave(0.0, growth) == math.inf
    assert saddle.updates_to_leave(2 * RADIUS, growth) == 0


def test_the_kick_of_a_batch_is_the_spread_of_its_gradient(data, pair):
    row = pair["uneven"]
    descent = c5a.Descent(data, SETTINGS, row, 1.0)
    descent.model.theta[:] = row["theta"]
    along = descent.model.sample_gradients(descent.X, descent.y) @ np.array(row["v_minus"])
    rng = np.random.default_rng(3)
    kicks = [descent.rate * along[rng.choice(300, 64, replace=False)].mean() for _ in range(4000)]
    rows = c5a.batch_rows(data, replace(SETTINGS, batch_sizes=(64,), repeats=1), row, 1.0)
    assert [each["arm"] for each in rows] == [BATCH, EPOCH]
    assert rows[0]["push"] == pytest.approx(saddle.typical_push(np.std(kicks), descent.growth), rel=0.05)


def leave_by_loop(data, row, batches, push, rate):
    """Updates until |v₋·(θ − θ*)| ≥ r, gradient and all written out."""
    X = saddle.leading_components(data.X_train, 16)
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
def test_leaving_is_what_a_loop_gives(data, pair, step):
    row, everything = pair["uneven"], np.arange(300)
    descent = c5a.Descent(data, SETTINGS, row, step)
    assert descent.rate == pytest.approx(step / (2 * row["eigenvalues"][-1]))
    assert descent.growth == pytest.approx(1 - descent.rate * row["eigenvalues"][0])
    push = 1e-4 * np.array(row["v_minus"])
    left = descent.leave(PUSH, 300, push + row["theta"], 1e-4, itertools.repeat(c5a.ALL), 2000)
    assert left["updates"] == leave_by_loop(data, row, itertools.repeat(everything, 2000), push, descent.rate)
    assert left["updates"] == pytest.approx(saddle.updates_to_leave(1e-4, descent.growth), rel=0.1)
    assert left["apart"] > 0.01
    for anew in (True, False):
        drawn = list(itertools.islice(c5a.batch_stream(300, 64, np.random.default_rng(4), anew), 1000))
        left = descent.leave(BATCH, 64, np.array(row["theta"]), 1e-3, iter(drawn), 1000)
        assert left["updates"] == leave_by_loop(data, row, drawn, 0.0, descent.rate)
        assert not left["rests"]


def test_a_run_that_is_too_short_stays(data, pair):
    descent = c5a.Descent(data, SETTINGS, pair["uneven"], 1.0)
    start = np.array(pair["uneven"]["theta"]) + 1e-4 * np.array(pair["uneven"]["v_minus"])
    row = descent.leave(PUSH, 300, start, 1e-4, itertools.repeat(c5a.ALL), 20)
    assert (row["updates"], row["rests"], row["limit"]) == (None, False, 20)


def test_what_rests_does_so_for_ever(data, pair):
    """At a small rate each step is less than half of θ's last digits."""
    descent = c5a.Descent(data, SETTINGS, pair["uneven"], 1 / 1024)
    row = descent.leave(ROUNDING, 300, np.array(pair["uneven"]["theta"]), 1e-17, itertools.repeat(c5a.ALL), 50)
    assert (row["updates"], row["rests"]) == (None, True)
    rested = descent.model.theta.copy()
    for _ in range(20):
        SGD(descent.rate).step(descent.model, descent.X, descent.y)
    assert (descent.model.theta == rested).all()


def test_noise_parts_no_equal_copies(data, pair):
    settings = replace(SETTINGS, batch_sizes=(1, 64, 300))
    even = c5a.batch_rows(data, settings, pair["even"], 1.0)
    assert len(even) == 2 * 2 * 3  # sizes below all data, ways to draw, repeats
    assert all(row["updates"] is None and row["apart"] == 0.0 for row in even)
    uneven = c5a.batch_rows(data, settings, pair["uneven"], 1.0)
    assert all(row["updates"] < row["limit"] and row["apart"] > 0.01 for row in uneven)


def test_each_way_to_draw_has_its_stream(data, pair):
    row = pair["uneven"]
    rate = c5a.Descent(data, SETTINGS, row, 1.0).rate
    for left in c5a.batch_rows(data, replace(SETTINGS, batch_sizes=(64,), repeats=1), row, 1.0):
        stream = c5a.batch_stream(300, 64, np.random.default_rng([row["seed"], 0]), anew=left["arm"] == BATCH)
        assert left["updates"] == leave_by_loop(data, row, stream, 0.0, rate)


def test_settling_is_the_mean_over_the_second_half_of_a_run(data, pair):
    [row] = c5a.settling_rows(data, replace(SETTINGS, batch_sizes=(100,), settling=30), pair["uneven"], 0.5)
    model = MLP((16, 2, 1), activation="tanh")
    model.theta[:] = pair["uneven"]["theta"]
    X, y = saddle.leading_components(data.X_train, 16), data.y_train
    rate, rng, losses = 0.25 / pair["uneven"]["eigenvalues"][-1], np.random.default_rng(0), [model.loss(X, y)]
    for _ in range(20):  # epochs of three batches, 60 updates at half of η₁
        order = rng.permutation(300)
        for start in (0, 100, 200):
            index = order[start : start + 100]
            SGD(rate).step(model, X[index], y[index])
            losses.append(model.loss(X, y))
    seen = [losses[k] for k in range(61) if k == 0 or 100 * k // 120 > 100 * (k - 1) // 120]  # 50 evaluations
    assert row["above_saddle"] == pytest.approx(np.mean(seen[len(seen) // 2 :]) - pair["uneven"]["loss"], abs=1e-12)


def test_pushes_are_what_they_are_called(data, pair):
    rows = c5a.push_rows(data, SETTINGS, pair["even"], 1.0)
    pushed = [row for row in rows if row["arm"] == PUSH]
    assert [row["push"] for row in pushed] == list(c5a.PUSHES)
    assert [row["updates"] for row in pushed] == sorted(row["updates"] for row in pushed)
    random = [row for row in rows if row["arm"] == RANDOM]
    assert len({row["push"] for row in random}) == len(random) == 3
    assert all(0 < row["push"] < c5a.RANDOM_PUSH for row in random)
    for row in pushed + random:
        predicted = saddle.updates_to_leave(row["push"], row["growth"])
        assert row["updates"] == pytest.approx(predicted, rel=0.02, abs=3)
    assert len([row for row in rows if row["arm"] == ROUNDING]) == 3


def test_rounding_starts_from_the_saddle_and_from_other_last_digits(data, pair, monkeypatch):
    starts = []
    monkeypatch.setattr(c5a.Descent, "leave", lambda self, arm, size, start, *rest: starts.append((arm, start)))
    c5a.push_rows(data, SETTINGS, pair["uneven"], 1.0)
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


def test_the_drawn_surface_does_what_it_is_drawn_for():
    rested, pushed, noisy = (np.array(row["path"]) for row in c5a.surface_rows(None, SETTINGS))
    assert abs(rested[-1]).max() < 1e-4
    assert abs(rested[:, 1]).max() < 1e-9
    assert pushed[-1] == pytest.approx([0, 1], abs=0.05)
    assert noisy[-1] == pytest.approx([0, 1], abs=0.3) or noisy[-1] == pytest.approx([0, -1], abs=0.3)


# ---- a small real run ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c5a, "PUSHES", FEW_PUSHES)
        with watched("saddle_point"):
            return c5a.run(Trials(data), SETTINGS)


def test_a_small_real_run(result, tmp_path):
    count = {kind: len([row for row in result["rows"] if row["kind"] == kind]) for kind in KINDS}
    assert count == {"surface": 3, "saddle": 2 * 2, "leaving": 3 * 2 * (3 + 3 + 3 + 3 * 2 * 3), "settling": 2 * 3 * 4,
                     "plateau": 3}  # fmt: skip
    claim = result["claims"]["C5a"]
    assert claim["verdict"] == "conditional", claim["because"]
    parts = claim["evidence"]["parts"]
    assert parts["(2) beside the saddle all data stay"] is False
    assert parts["(3) batches leave where the copies differ"] is True
    assert parts["(4) batches leave where they are the same"] is False
    assert claim["evidence"]["slope over prediction"]["estimate"] == pytest.approx(1, abs=0.02)
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert c5a.verdict(again)["C5a"]["verdict"] == claim["verdict"]


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


def test_tables_and_figures(result, tmp_path):
    text = c5a.tables(result)
    for fragment in ("0: 0.7 v + 0.3 v", "push of 0.01 along v₋", "batches drawn anew, 16", "rounding", "η₁/16"):
        assert fragment in text
    assert "nan" not in text
    paths = c5a.plot(result, tmp_path)
    assert {path.stem for path in paths} == {"surface", "updates", "plateau", "settling"}
    for path in paths:
        assert path.stat().st_size > 10_000
        if path.suffix == ".png":
            assert matplotlib.image.imread(path).std() > 0.05  # no blank sheet


def test_all_data_alone_are_a_run_too(data, monkeypatch):
    monkeypatch.setattr(c5a, "PUSHES", FEW_PUSHES)
    result = c5a.run(Trials(data), replace(SETTINGS, batch_sizes=(300,), seeds=1, repeats=1))
    assert result["claims"]["C5a"]["verdict"] in ("undecided", "conditional")
    assert "nan" not in c5a.tables(result) + result["claims"]["C5a"]["because"]
    for draw in (saddle_report.draw_updates, saddle_report.draw_plateau, saddle_report.draw_settling):
        plt.close(draw(result))


def test_without_a_saddle_nothing_is_judged(tiny, tmp_path):
    result = c5a.run(Trials(tiny(2)), replace(SETTINGS, batch_sizes=(1, 24), seeds=1))
    claim = result["claims"]["C5a"]
    assert (claim["verdict"], claim["evidence"]["seeds without a saddle"]) == ("undecided", 1)
    assert "no saddle was found" in claim["because"]
    assert "0: no saddle found" in c5a.tables(result)
    assert {path.stem for path in c5a.plot(result, tmp_path)} == {"surface"}


def test_the_help_says_that_it_takes_two_classes(capsys):
    assert status_of(c5a, ["--help"]) == 0
    assert "(default:odd-even;" in "".join(capsys.readouterr().out.split())


def test_on_a_device(device, data, monkeypatch):
    monkeypatch.setattr(c5a, "PUSHES", FEW_PUSHES)
    monkeypatch.setattr(c5a, "STEPS", (1.0, 0.5, 0.25))
    settings = replace(SETTINGS, batch_sizes=(64, 300), seeds=1, repeats=1, settling=4)
    there, here = (c5a.run(Trials(data), replace(settings, backend=each)) for each in (device, "numpy"))
    for kind, name in (("saddle", "loss"), ("saddle", "eigenvalues"), ("settling", "above_saddle")):
        columns = [[row[name] for row in result["rows"] if row["kind"] == kind] for result in (there, here)]
        for one, other in zip(*columns):
            assert one == pytest.approx(other, rel=1e-6, abs=1e-9)
    columns = [
        [row["updates"] for row in r["rows"] if row["kind"] == "leaving" and row["arm"] == PUSH] for r in (there, here)
    ]
    assert columns[0] == columns[1]


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("saddle_point", c5a.tables, result)
