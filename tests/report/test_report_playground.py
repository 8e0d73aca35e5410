"""What the sliders show is what was run."""

import numpy as np
import pytest

from experiments.report import playground, surfaces
from experiments.saddle_point.measure import SURFACE_SAMPLES
from minigrad import LogisticRegression, load_digits


@pytest.fixture(scope="module")
def digits():
    return surfaces.digits()


@pytest.fixture(scope="module")
def saddle():
    return surfaces.saddle()


def rows_of_the_picture():
    data = load_digits().binary("odd-even")
    y = data.y_train.astype(bool)
    x = data.X_train @ (data.X_train[y].mean(axis=0) - data.X_train[~y].mean(axis=0))
    return ((x - x.mean()) / x.std() + 1)[:600], y[:600]


def test_full_batch_is_gradient_descent_written_out(digits):
    (x, y), theta = rows_of_the_picture(), np.array([-1.0, 2.0])
    path = digits.run(600, 0.3)
    assert path.shape == (surfaces.UPDATES + 1, 2)
    for step in range(50):
        assert path[step] == pytest.approx(theta, rel=1e-9)
        h = 1 / (1 + np.exp(-(theta[0] * x + theta[1])))
        theta = theta - 0.3 * np.array([np.mean((h - y) * x), np.mean(h - y)])


def test_the_same_scene_is_recorded_the_same_twice(few_runs):
    rates = playground.SADDLE_RATES[:1]
    assert playground.recorded(surfaces.saddle(), rates) == playground.recorded.__wrapped__(surfaces.saddle(), rates)


def test_the_minimum_is_one(digits):
    (x, y), [theta] = rows_of_the_picture(), digits.marks["minimum"]
    model = LogisticRegression(1)
    model.theta[:] = theta
    assert np.abs(model.gradient(x[:, None], y)).max() < 1e-4
    assert digits.least == pytest.approx(model.loss(x[:, None], y), rel=1e-9)
    assert digits.height(theta[None]) == pytest.approx(digits.least)


def test_an_epoch_holds_each_batch_once(digits):
    """600 updates of one sample and one of all 600 are the same way to first order: the rate is tiny."""
    tiny = 1e-7
    one, all_rows = digits.run(1, tiny), digits.run(600, tiny)
    assert len(one) == len(all_rows)
    moved, expected = one[-1] - one[0], all_rows[-1] - all_rows[0]
    assert moved == pytest.approx(expected, rel=0.3)  # 400 of the 600 samples


def test_all_samples_rest_on_the_saddle_and_batches_do_not(saddle):
    assert np.abs(saddle.run(SURFACE_SAMPLES, 0.0562)[-1]).max() < 1e-3
    assert abs(saddle.run(4, 0.0562)[-1, 1]) > 0.5
    assert saddle.height(np.array([[0.0, 1.0], [0.0, -1.0]])).tolist() == [saddle.least] * 2


def test_batch_sizes_are_powers_of_two_and_all(digits, saddle):
    assert digits.batch_sizes() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600]
    assert saddle.batch_sizes() == [1, 2, 4, 8, 16, 32, 64]


def test_what_is_kept_is_the_path_within_half_a_percent(digits):
    path = digits.run(8, 0.3)
    kept = playground.kept(digits, path)
    points = np.cumsum(np.reshape(kept["path"], (-1, 2)), axis=0)
    exact = digits.on_grid(path)
    assert points[0].tolist() == exact[0].tolist()
    assert points[-1].tolist() == exact[-1].tolist()
    nearest = np.abs(exact[:, None] - points[None]).max(axis=2).min(axis=1)
    assert nearest.max() <= playground.APART
    assert len(points) < len(path)
    above = digits.height(path[playground.MOMENTS]) - digits.least
    assert 10 ** (np.array(kept["loss"]) / 100) == pytest.approx(np.maximum(above, surfaces.LEAST), rel=0.012)


def test_contours_are_lines_of_equal_loss(saddle):
    lines = [line.replace(",", " ").split() for line in playground.contours(saddle).split("M")[1:]]
    assert len(lines) > 10
    low, high = np.array(saddle.window).T
    for line in lines:
        points = np.array(line, dtype=float).reshape(-1, 2)
        points[:, 1] = surfaces.GRID - points[:, 1]
        heights = saddle.height(low + points / surfaces.GRID * (high - low)) - saddle.least
        assert np.ptp(heights) < 0.03 + 0.02 * heights.mean()


def test_ticks_of_a_window_are_whole_numbers():
    x, y = playground.ticks(((-2.2, 4.8), (-1.7, 1.7)))
    assert [label for _, label in x] == ["−2", "0", "2", "4"]
    assert [label for _, label in y] == ["−1", "0", "1"]
    assert [share for share, _ in y] == pytest.approx([0.7 / 3.4, 0.5, 2.7 / 3.4])


@pytest.mark.parametrize(
    ("points", "place"),
    [
        ([(100, 900), (200, 1100)], (150, 0, -63, "comes back")),  # up is down in an SVG
        ([(100, 900), (1900, 900)], (1000, 100, 0, "ends outside")),
        ([(100, 100), (100, -300)], (100, 1000, 90, "ends outside")),
        ([(500, 500), (-500, 500)], (0, 500, 180, "comes back")),
    ],
)
def test_where_a_path_leaves_the_picture(points, place):
    if place[-1] == "comes back":
        points = [*points, (500, 500)]
    out = playground.leaving(np.array(points))["out"]
    assert (out["x"], out["y"], abs(out["angle"]) * (-1 if place[2] < 0 else 1)) == place[:3]
    assert out["said"].endswith(place[-1])
    assert out["short"].endswith(place[-1])


def test_a_path_that_stays_is_not_said_to_leave(digits):
    assert playground.leaving(np.array([(0, 0), (1000, 1000)])) == {}
    assert "out" not in playground.kept(digits, digits.run(600, 0.01))
    assert playground.kept(digits, digits.run(1, 10.0))["out"]["said"] == "leaves the picture, and ends outside"
