"""C5b: problems that trap, trials that are what a loop gives, and a small real run."""

import math
from dataclasses import replace

import numpy as np
import pytest

from experiments.lab import curvature, polish, sweep
from experiments.local_minima import measure as c5b
from experiments.local_minima.measure import ALONE, BEST, SAME, WIDE
from experiments.local_minima.trapped import end_points, share
from minigrad import MLP, SGD, Dataset, LogisticRegression


def test_xor_is_not_to_be_solved_by_a_line():
    X, y = c5b.xor(400)
    assert len(X) == 400
    corners = [X[(X[:, 0] * sx > 0) & (X[:, 1] * sy > 0)].mean(axis=0) for sx, sy in ((1, 1), (-1, -1), (1, -1))]
    assert np.sign(corners).tolist() == [[1, 1], [-1, -1], [1, -1]]
    assert (y == (X[:, 0] * X[:, 1] < 0)).mean() > 0.9  # classes by opposite corners, and some rows astray
    assert (y == (X[:, 0] * X[:, 1] < 0)).mean() < 1
    line = LogisticRegression(2)
    polish.polish(line, X, y)
    assert line.loss(X, y) > 0.68


def test_two_spirals_alternate_along_a_ray():
    X, y = c5b.two_spirals(2000, deviation=0.0)
    assert y.sum() == 1000
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    expected = (2 * np.pi * 1.25 * radius / 2 + np.pi * y - angle) / (2 * np.pi)
    assert np.abs(expected - np.round(expected)).max() < 1e-9
    assert c5b.two_spirals()[0].std() == pytest.approx(1, abs=0.2)


def test_all_is_as_many_as_a_problem_has_rows(digits, settings):
    settings = replace(settings, batch_sizes=(1, 100, 120))
    sizes = {problem: c5b.pose(problem, digits, settings)[1].batch_sizes for problem in c5b.PROBLEMS}
    assert sizes == {c5b.XOR: (1, 100, 200), c5b.SPIRALS: (1, 100, 300), c5b.DATA: (1, 100, 120)}
    cut, posed = c5b.pose(c5b.DATA, digits, replace(settings, most_rows=50))
    assert (len(cut.X_train), len(cut.y_train), posed.batch_sizes) == (50, 50, (1, 50))
    assert posed.hidden == (2,)
    assert c5b.pose(c5b.XOR, digits, replace(settings, batch_sizes=(120,)))[1].batch_sizes == (200,)
    assert c5b.pose(c5b.SPIRALS, digits, settings)[1].hidden == (4,)


@pytest.mark.parametrize(("batch_size", "epochs", "updates"), [(200, 20, 20), (10, 3, 60), (1, 3, 600), (30, 4, 24)])
def test_each_size_has_its_epochs_and_its_updates(digits, batch_size, epochs, updates, settings):
    data, settings = c5b.pose(c5b.XOR, digits, replace(settings, epochs=3, updates=20))
    _, history = c5b.train_from(data, settings, batch_size, 0.1, 0)
    assert (history.epoch[-1], history.updates[-1]) == (epochs, updates)


def test_an_end_point_is_what_a_loop_gives(digits, settings):
    """One training run and its descent, written out; and the wide network's."""
    arms = [[ALONE, None, None], [WIDE, None, None], [SAME, 10, 0.1], [BEST, 10, 0.1]]
    alone, wide, same, best = c5b.end_rows(digits, settings, c5b.XOR, 4, arms)
    assert {key: value for key, value in same.items() if key != "arm"} == {k: v for k, v in best.items() if k != "arm"}
    X, y = c5b.xor()
    model, rng = MLP((2, 2, 1), activation="tanh", rng=np.random.default_rng(4)), np.random.default_rng(4)
    order = rng.permutation(200)
    assert alone["trained_loss"] == pytest.approx(model.loss(X, y))
    for k in range(20):
        rows = order[10 * k : 10 * k + 10]
        SGD(0.1).step(model, X[rows], y[rows])
    assert same["trained_loss"] == pytest.approx(model.loss(X, y), rel=1e-12)
    eigenvalues = np.linalg.eigvalsh(curvature.hessian(model, X, y))
    assert same["sharpness"] == pytest.approx(eigenvalues[-1], rel=1e-5)
    gradient, fall = polish.polish(model, X, y)
    measured = [same[name] for name in ("loss", "gradient", "fall", "accuracy")]
    assert measured == pytest.approx([model.loss(X, y), gradient, fall, model.accuracy(X, y)], rel=1e-6)
    assert (same["m"], same["hidden"], same["guessing"]) == (200, (2,), pytest.approx(math.log(2)))
    broad = MLP((2, 8, 1), activation="tanh", rng=np.random.default_rng(4))
    assert wide["trained_loss"] == pytest.approx(broad.loss(X, y))
    assert wide["loss"] < alone["loss"]
    assert alone["sharpness"] is wide["sharpness"] is None


def test_guessing_is_by_the_frequencies_of_the_classes(digits, settings):
    uneven = digits.binary("3-vs-rest")
    [row] = c5b.end_rows(uneven, settings, c5b.DATA, 0, [[ALONE, None, None]])
    share = uneven.y_train.mean()
    assert row["guessing"] == pytest.approx(-share * math.log(share) - (1 - share) * math.log(1 - share))


def test_tuning_takes_the_least_mean_loss_at_the_end_of_training(digits, monkeypatch, settings):
    monkeypatch.setattr(c5b, "TUNING_STARTS", 2)
    data, settings = c5b.pose(c5b.XOR, digits, settings)
    mean = np.mean([c5b.train_from(data, settings, 50, 0.1, start)[1].loss[-1] for start in (1000, 1001)])

    def best_rate(cost, grid):
        assert grid == c5b.TUNING_GRID
        assert cost(0.1, math.inf) == pytest.approx(mean)
        assert cost(0.1, 1.01 * mean) == pytest.approx(mean)
        assert cost(0.1, 0.99 * mean) == math.inf  # it has lost
        assert cost(1e9, math.inf) == math.inf or cost(1e9, math.inf) > mean
        return 0.1, {0.03: 0.9, 0.1: 0.5}

    monkeypatch.setattr(c5b.tuning, "best_rate", best_rate)
    [row] = c5b.tuning_rows(digits, settings, c5b.XOR, 50)
    assert (row["learning_rate"], row["rates"], row["losses"]) == (0.1, [0.03, 0.1], [0.9, 0.5])
    assert (row["problem"], row["batch_size"]) == ("XOR", 50)


def test_a_run_that_diverges_is_a_row_and_no_end_point(digits, settings):
    wild = Dataset(1e3 * digits.X_train, digits.y_train, digits.X_test, digits.y_test, "wild").binary("odd-even")
    settings = replace(settings, hidden=(), batch_sizes=(8,))
    [row] = c5b.end_rows(wild, settings, c5b.DATA, 0, [[SAME, 8, 1e4]])
    assert row["diverged"]
    assert "loss" not in row


def test_a_small_real_run(result):
    ends = [row for row in result["rows"] if row["kind"] == "end"]
    assert len(ends) == 3 * (2 * 2 + 2 + 2)  # problems; two starts at the best rates of two sizes; one with the others
    assert {row["start"] for row in ends if row["arm"] != BEST} == {min(row["start"] for row in ends)}
    assert {row["arm"] for row in ends} == {ALONE, WIDE, SAME, BEST}
    assert len([row for row in result["rows"] if row["kind"] == "tuning"]) == 3 * 2
    assert end_points(result).name.unique().tolist() == ["XOR", "two spirals", "digits"]
    for row in ends:
        assert row["loss"] <= row["trained_loss"]
        assert (row["learning_rate"] is None) == (row["sharpness"] is None) == (row["batch_size"] is None)


def test_xor_with_two_units_traps_and_with_eight_does_not(digits, settings):
    """The problem is one: of 12 starts some end far above the others, at the same few losses again and again."""
    arms = [[ALONE, None, None], [WIDE, None, None]]
    rows = [row for start in range(12) for row in c5b.end_rows(digits, settings, c5b.XOR, start, arms)]
    ends = end_points({"rows": rows, "settings": {}})
    narrow = ends[ends.arm == ALONE]
    assert 2 <= narrow.trapped.sum() <= 8
    assert len(set(narrow.loss.round(3))) <= 6
    assert share(ends[ends.arm == WIDE]).estimate == 0


@pytest.mark.whole
def test_on_a_device(device, tiny, settings):
    settings = replace(settings, hidden=(2,), batch_sizes=(1, 24), backend=device)
    arms = [[ALONE, None, None], [SAME, 1, 0.1], [BEST, 24, 0.3]]
    there, here = (
        c5b.end_rows(tiny(2), replace(settings, backend=each), c5b.DATA, 1, arms) for each in (device, "numpy")
    )
    for name, tolerance in (("trained_loss", 1e-9), ("sharpness", 1e-4), ("loss", 1e-3), ("accuracy", 1e-9)):
        columns = [[row[name] or 0.0 for row in rows] for rows in (there, here)]
        assert columns[0] == pytest.approx(columns[1], rel=tolerance, abs=1e-4), name
    tuned = [c5b.tuning_rows(tiny(2), replace(settings, backend=each), c5b.DATA, 8)[0] for each in (device, "numpy")]
    assert tuned[0]["learning_rate"] == tuned[1]["learning_rate"]
    assert sweep.make_model(tiny(2), settings, 0).backend.name == device.name
