"""C3: trials against loops written out, and a small real run."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rooms import run

from experiments.equal_compute import measure as c3
from experiments.equal_compute.judge import needed
from experiments.equal_compute.measure import LOOSE, TIGHT
from experiments.equal_compute.question import EXPERIMENT
from experiments.lab import results, sweep, tuning
from experiments.lab.statistics import at_target
from experiments.lab.trials import Trials
from minigrad import SGD, Dataset, LogisticRegression, train

TARGET = {"kind": "target", "arm": "logistic", "aim": LOOSE, "epochs": 20, "epoch_ends": False, "loss": 0.4}


@pytest.fixture
def longer(settings):
    return replace(settings, epochs=400, halvings=1, not_to_tight=(0, 0))


def test_the_targets_are_what_gradient_descent_reaches(digits, binary, longer):
    [loose, tight] = c3.target_rows(digits, longer, "logistic")
    settings = replace(longer, model="logistic", epochs=20)
    assert loose == TARGET | {"loss": sweep.choose_target(binary, settings)}
    assert tight == TARGET | {"aim": TIGHT, "epochs": 400, "epoch_ends": True, "loss": tight["loss"]}
    rate, costs = sweep.tune(binary, settings, 120, loose["loss"], halvings=1)
    model = LogisticRegression(64)  # gradient descent from zero: the same on every seed
    updates = math.ceil(20 * costs[rate] / 120)
    assert updates > 100
    train(model, binary.X_train, binary.y_train, optimizer=SGD(rate), batch_size=120, epochs=updates)
    expected = max(1e-3 * math.log(2), model.loss(binary.X_train, binary.y_train))
    assert expected <= tight["loss"] <= 1.0002 * expected
    [only] = c3.target_rows(digits, replace(longer, aims=(LOOSE,)), "logistic")
    assert only == loose


def test_a_tight_target_is_one_that_training_can_aim_at(digits, monkeypatch, longer):
    """Zeros and ones can be told apart without error; and a rate that was stable for long may not be for longer."""
    [_, tight] = c3.target_rows(digits.binary("0-vs-1"), longer, "logistic")
    assert tight["loss"] == pytest.approx(1e-3 * math.log(2), rel=1e-3)
    for loss in (math.inf, math.nan, 2.0):
        end = SimpleNamespace(loss=[0.7, loss], diverged=not math.isfinite(loss))
        monkeypatch.setattr(c3, "train_once", lambda *_, end=end, **__: end)
        assert [target["aim"] for target in c3.target_rows(digits, longer, "logistic")] == [LOOSE]


def test_the_search_for_the_tight_rate_begins_at_the_loose_one(digits, monkeypatch, longer):
    grids = []

    def tune(data, settings, batch_size, target, *, grid, halvings):
        grids.append((settings.model, settings.epochs, settings.epoch_ends, batch_size, target, list(grid), halvings))
        return 1.78, {1.0: math.inf, 1.78: 60.0, 3.16: 90.0}

    monkeypatch.setattr(sweep, "tune", tune)
    tight = TARGET | {"aim": TIGHT, "epochs": 400, "epoch_ends": True, "loss": 0.3}
    rows = c3.tuning_rows(digits, longer, [TARGET, tight], 30)
    assert grids[0] == ("logistic", 20, False, 30, 0.4, list(tuning.HALF_DECADES), 1)
    assert grids[1] == ("logistic", 400, True, 30, 0.3, [1.0, 0.5, 0.0, -0.5, -1.0, -1.5], 1)
    assert [(row["aim"], row["learning_rate"], row["on_edge"]) for row in rows] == [
        (LOOSE, 1.78, False),
        (TIGHT, 1.78, False),
    ]
    assert rows[0]["samples_to_target"] == [math.inf, 60.0, 90.0]


@pytest.mark.parametrize(("arm", "epoch_ends"), [("logistic", False), ("logistic", True), ("mlp", False)])
def test_a_run_to_a_target_is_the_training_loop(digits, binary, arm, epoch_ends, longer):
    target = TARGET | {"arm": arm, "epoch_ends": epoch_ends, "loss": 0.4 if arm == "logistic" else 1.5}
    [row] = c3.reaching_rows(digits, longer, target, 30, 0.3, 2)
    model = sweep.make_model(binary if arm == "logistic" else digits, replace(longer, model=arm), 2)
    data = binary if arm == "logistic" else digits
    at = sweep.moments(120, 30, 20, len(model.theta), epoch_ends)
    how = {"optimizer": SGD(0.3), "batch_size": 30, "epochs": 20, "evaluate_at": at, "drop_last": True}
    history = train(model, data.X_train, data.y_train, rng=np.random.default_rng(2), **how)
    assert row["updates"] == at_target(history.loss, history.updates, target["loss"])
    assert row["samples"] == pytest.approx(30 * row["updates"])
    assert 0 < row["updates"] < 80
    assert row["seconds"] > 0
    assert (row["arm"], row["batch_size"], row["learning_rate"], row["seed"]) == (arm, 30, 0.3, 2)


@pytest.mark.parametrize(("share", "updates"), [(1.0, 11), (0.1, 2)])
def test_directions_are_those_of_a_loop(digits, binary, share, updates, longer):
    [row] = c3.direction_rows(digits, longer, TARGET, 50, 0.8, share, updates, 3)
    X, y = np.c_[binary.X_train, np.ones(120)], binary.y_train
    theta, rng = np.zeros(65), np.random.default_rng(3)

    def gradients(rows):
        return (1 / (1 + np.exp(-X[rows] @ theta)) - y[rows])[:, None] * X[rows]

    def cos(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    draws = np.random.default_rng(3)
    moments = {int(k) for k in np.linspace(1, round(updates / share), c3.MOMENTS)}
    expected = {"cos_batch": [], "cos_fresh": [], "cos_next": [], "predicted": [], "noise_scale": []}
    while len(expected["cos_next"]) < round(updates / share):
        order = rng.permutation(120)
        for rows in (order[:50], order[50:100]):
            g_i, g = gradients(slice(None)), gradients(rows).mean(axis=0)
            G = g_i.mean(axis=0)
            at_this_moment = len(expected["cos_next"]) + 1 in moments
            fresh = draws.choice(120, 50, replace=False) if at_this_moment else rows
            expected["cos_fresh"].append(cos(gradients(fresh).mean(axis=0), G))
            scale = ((g_i - G) ** 2).sum(axis=1).mean() / (G @ G)
            theta = theta - share * 0.8 * g
            expected["cos_batch"].append(cos(g, G))
            expected["cos_next"].append(cos(G, gradients(slice(None)).mean(axis=0)))
            expected["noise_scale"].append(scale)
            expected["predicted"].append(1 / math.sqrt(1 + scale / 50 * 70 / 119))
    assert row["update"] == sorted(moments)
    assert (row["updates"], row["update"][0], row["update"][-1]) == (round(updates / share), 1, round(updates / share))
    for name, values in expected.items():
        assert row[name] == pytest.approx(np.array(values)[np.array(row["update"]) - 1], rel=1e-9), name


def test_data_without_an_odd_class_still_make_two(digits, longer):
    """Class 1 of three has no rows to train on, so that odd or even is no task: the first class against the rest."""
    X, y = digits.X_train[:40], np.arange(40) % 2 * 2
    data, settings = c3.adapted(Dataset(X, y, X[:5], np.array([0, 1, 2, 2, 0]), "gap"), longer, TARGET)
    assert (data.n_classes, settings.model) == (2, "logistic")
    assert np.array_equal(data.y_train, y > 0)
    assert data.y_test.tolist() == [0, 1, 1, 1, 0]
    same, _ = c3.adapted(digits, longer, TARGET | {"arm": "mlp"})
    assert same is digits


def test_a_run_holds_every_kind_of_row(result):
    def count(kind):
        return sum(row["kind"] == kind for row in result["rows"])

    assert count("target") == 4
    assert count("tuning") == 2 * 3 + 2 * 2  # arms, sizes: batch size 1 goes for the loose target alone
    arrived = sum(row["learning_rate"] is not None for row in result["rows"] if row["kind"] == "tuning")
    assert arrived >= 8
    assert count("reaching") == arrived * (6 + 1)
    shares = {
        (row["arm"], row["aim"], row["batch_size"], row["share"])
        for row in result["rows"]
        if row["kind"] == "direction"
    }
    assert {("logistic", LOOSE, 120, 0.1), ("mlp", LOOSE, 30, 1.0), ("mlp", TIGHT, 120, 1.0)} <= shares
    assert not any(aim == TIGHT and size != 120 for _, aim, size, _ in shares)
    assert count("direction") == 6 * len(shares)
    assert result["claims"]["C3"]["verdict"] in ("holds", "conditional", "does not hold", "undecided")
    for arm in ("logistic", "mlp"):  # whatever else: an update on all the data gets farther than one on a row
        updates = needed(result, (arm, LOOSE), "updates")
        assert updates[120].max() < updates[1].min()


def test_sizes_that_take_minutes_are_left_out_of_the_tight_target(digits, monkeypatch, longer):
    searches = []

    class Recorded(Trials):
        def run(self, trial, settings, arguments, timed=False, until=1.0):
            if trial is c3.target_rows:
                return [TARGET | {"arm": "mlp"}, TARGET | {"arm": "mlp", "aim": TIGHT}]
            searches.append((trial.__name__, timed, arguments))
            return []

    c3.measure(Recorded(digits), replace(longer, batch_sizes=(1, 8, 30, 120), not_to_tight=(2, 30)))
    found = {search["batch_size"]: search["targets"] for search in searches[0][2] if search["targets"]}
    aims = {size: [target["aim"] for target in targets] for size, targets in found.items()}
    assert aims == {1: [LOOSE, TIGHT], 8: [LOOSE], 30: [LOOSE, TIGHT], 120: [LOOSE, TIGHT]}
    assert [(name, timed) for name, timed, _ in searches] == [
        ("tuning_rows", False),
        ("reaching_rows", True),
        ("direction_rows", False),
    ]


def test_the_same_seeds_give_the_same_rows(digits, longer):
    settings = replace(longer, batch_sizes=(30, 120), seeds=1, aims=(LOOSE,))
    [first, second] = [run(EXPERIMENT, digits, settings)["rows"] for _ in range(2)]
    for row in (*first, *second):
        row.pop("seconds", None)
    assert first == second


@pytest.mark.whole
def test_on_a_device(device, tiny, settings, tmp_path):
    """What it measures there is what NumPy measures."""
    small = replace(settings, hidden=(3,), batch_sizes=(1, 8, 24), epochs=40, seeds=1, not_to_tight=(1, 24))
    there, here = (run(EXPERIMENT, tiny(3), replace(small, backend=each)) for each in (device, "numpy"))
    assert there["settings"]["backend"] == device.name
    assert len(there["rows"]) == len(here["rows"])
    for row, expected in zip(there["rows"], here["rows"]):
        for name in ("loss", "samples", "cos_next", "cos_batch", "cos_fresh", "predicted"):
            if name in expected:
                assert row[name] == pytest.approx(expected[name], rel=1e-6, abs=1e-6), name
    assert EXPERIMENT.tables(there)
    results.write_json(tmp_path / "result.json", there)
