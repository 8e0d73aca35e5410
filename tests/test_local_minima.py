"""C5b: a verdict that rows can turn, problems that trap, a polish that stays in its basin, and a small real run."""

import json
import math
import re
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import threadpoolctl
from teachers_map import assert_the_map_is_true, watched

from experiments import local_minima as c5b
from experiments.lab import curvature, polish, results, sweep, trapped, trapped_report
from experiments.lab.trapped import ALONE, BEST, SAME, WIDE
from experiments.lab.trials import Trials
from minigrad import MLP, SGD, Dataset, LogisticRegression, train

SETTINGS = c5b.Settings(dataset="digits", hidden=(2,), batch_sizes=(8, 120), epochs=1, updates=20, seeds=2)
PLAIN = SETTINGS.plain() | {"rows": 120}
FREE, CAUGHT = 0.05, 0.5  # polished losses: between the two lies the bound, 0.05 + 0.1 (ln 2 − 0.05)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in a trial: threads on matrices as small as these cost ten times what they save."""
    with threadpoolctl.threadpool_limits(1):
        yield


def end(problem, arm, size, start, loss, **change):
    """An end point as `end_rows` makes it."""
    return {
        "kind": "end", "problem": problem, "start": start, "m": 200, "hidden": [2], "guessing": math.log(2), "arm": arm,
        "batch_size": size, "rate": None if size is None else 0.5, "diverged": False, "trained_loss": loss + 0.1,
        "sharpness": None if size is None else 3.0, "gradient": 1e-6, "fall": 1e-9, "loss": loss, "accuracy": 0.9,
    } | change  # fmt: skip


def made_up(full=0, small=0, starts=60, sizes=(1, 16), arm=BEST, **change):
    """On each problem the first `full` starts are trapped with full batch, the last `small` with each smaller size.

    `change`: other counts, by the name of a problem ("XOR") or of a batch size ("batch_1").
    """
    rows = []
    for problem in c5b.PROBLEMS:
        for start in range(starts):
            rows += [end(problem, ALONE, None, start, FREE), end(problem, WIDE, None, start, 0.001)]
            n_full = change.get(problem, full)
            rows.append(end(problem, arm, 200, start, CAUGHT if start < n_full else FREE))
            for size in sizes:
                n_small = change.get(f"batch_{size}", small)
                rows.append(end(problem, arm, size, start, CAUGHT if start >= starts - n_small else FREE))
    return {"rows": rows, "settings": PLAIN}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (made_up(full=30), "holds"),
        (made_up(full=8), "holds"),  # p = 2/2⁸, just below 0.05/6
        (made_up(full=7), "undecided"),
        (made_up(), "does not hold"),
        (made_up(small=30), "does not hold"),
        (made_up(full=30, small=30), "undecided"),  # all starts end differently: the difference is anyone's guess
        (made_up(full=60, small=60), "does not hold"),  # all are trapped with all sizes
        (made_up(full=30, XOR=0), "conditional"),
        (made_up(full=30, batch_16=60), "conditional"),
        (made_up(full=30, **{"two spirals": 5}), "undecided"),
        (made_up(XOR=30), "conditional"),
        (made_up(starts=20), "undecided"),  # none is trapped, but 20 starts cannot exclude 10 of 100
        (made_up(full=30, sizes=()), "undecided"),
        (made_up(full=30, arm=SAME), "undecided"),  # the best rates decide
        ({"rows": [], "settings": {}}, "undecided"),
    ],
)
def test_the_rows_turn_the_verdict(result, expected):
    claim = c5b.verdict(result)["C5b"]
    assert claim["verdict"] == expected, claim["because"]


def test_the_reason_is_made_of_the_evidence():
    claim = c5b.verdict(made_up(full=30, small=12, starts=60))["C5b"]
    found = claim["evidence"]["full_batch_against"]["XOR, batch 1"]
    assert (found["both"], found["full_only"], found["small_only"], found["neither"]) == (0, 30, 12, 18)
    assert found["difference"]["estimate"] == pytest.approx(0.3)
    assert found["p"] == pytest.approx(2 * scipy.stats.binom.cdf(12, 42, 0.5))
    assert 2 * 0.5 ** found["starts_to_be_for"] <= found["for_if_p_below"] < 2 * 0.5 ** (found["starts_to_be_for"] - 1)
    assert found["for_if_p_below"] == pytest.approx(0.05 / 6)
    assert "XOR, batch 1: +30.0 (" in claim["because"]
    assert claim["evidence"]["trapped_above"]["XOR"] == {"best_known": 0.05, "loss": 0.05 + 0.1 * (math.log(2) - 0.05)}
    assert claim["evidence"]["base_rate"]["two spirals"]["estimate"] == 0
    assert claim["evidence"]["sharpness"]["digits"]["best rate, batch 16"] == {"lambda": 3.0, "two_over_eta": 4.0}


# ---- trapped or not --------------------------------------------------------------------------------------------------


def test_trapped_is_what_is_polished_and_a_tenth_of_what_there_was_to_learn_above_the_best():
    rows = [
        end("XOR", BEST, 200, 0, 0.1),
        end("XOR", BEST, 200, 1, 0.1 + 0.1 * (math.log(2) - 0.1) - 1e-6),
        end("XOR", BEST, 200, 2, 0.1 + 0.1 * (math.log(2) - 0.1) + 1e-6),
        end("XOR", BEST, 200, 3, 0.3, gradient=1e-3, fall=0.013),  # ten more such falls leave it above
        end("XOR", BEST, 200, 4, 0.3, gradient=1e-3, fall=0.02),  # and here below
        end("XOR", BEST, 200, 5, 0.1, gradient=1e-3, fall=0.02),
        end("XOR", BEST, 200, 6, 0.3, gradient=1e-6, fall=0.02),  # polished, however far it came down
        {**end("XOR", BEST, 200, 7, 0.3), "diverged": True, "loss": None, "gradient": None, "fall": None},
        end("XOR", WIDE, None, 8, 0.001),  # another network does not say what this one can reach
    ]
    ends = trapped.end_points(rows)
    assert [ends.trapped(row) for row in rows[:8]] == [False, False, True, True, None, False, True, None]
    share = ends.share(BEST, 200)
    assert share.estimate == pytest.approx(3 / 6)
    assert len(ends.ended(BEST, 200)) == 7
    assert ends.share(SAME, 200).within(0, 1)
    assert math.isnan(ends.share(SAME, 200).estimate)


def test_no_end_points_without_a_run_that_ended():
    assert trapped.end_points([]) is None
    assert trapped.end_points([{**end("XOR", BEST, 1, 0, 0.3), "diverged": True}]) is None


def test_pairs_are_those_of_the_same_start_and_what_is_open_is_left_out():
    outcome = {"T": {"loss": CAUGHT}, "F": {"loss": FREE}, "?": {"loss": 0.2, "gradient": 1.0, "fall": 1.0}}
    full, small = "TTTFF?T?", "TFFTF?" + "?F"
    rows = [end("XOR", BEST, 200, k, 0) | outcome[letter] for k, letter in enumerate(full)]
    rows += [end("XOR", BEST, 16, k, 0) | outcome[letter] for k, letter in enumerate(small)]
    rows += [end("XOR", BEST, 16, 99, CAUGHT)]  # has no partner
    found = trapped.compare(trapped.end_points(rows[::-1]), BEST, 16)
    assert vars(found) == {"both": 1, "full_only": 2, "small_only": 1, "neither": 1, "open": 3}
    assert found.difference.estimate == pytest.approx(1 / 5)
    assert trapped.Comparison(3, 0, 0, 4, 0).p_value == 1
    assert trapped.Comparison(0, 9, 1, 4, 0).p_value == pytest.approx(22 / 1024)


# ---- polish ----------------------------------------------------------------------------------------------------------


def test_polishing_a_convex_loss_ends_at_its_minimum(binary):
    X, y = binary.X_train[:, 2:8], binary.y_train
    model = LogisticRegression(6, rng=np.random.default_rng(0))

    def loss(theta):
        z = X @ theta[:-1] + theta[-1]
        return np.mean(np.logaddexp(0, z) - y * z)

    best = scipy.optimize.minimize(loss, np.zeros(7), method="BFGS", options={"gtol": 1e-7}).fun
    gradient, fall = polish.polish(model, X, y)
    assert gradient <= polish.TOLERANCE
    assert 0 <= fall < 1e-3
    assert model.loss(X, y) == pytest.approx(best, abs=1e-6)
    assert np.abs(model.gradient(X, y)).max() == pytest.approx(gradient)


def test_descent_never_climbs(monkeypatch):
    X, y = c5b.two_spirals(60)
    model, losses = MLP((2, 4, 1), activation="tanh", rng=np.random.default_rng(0)), []
    right = model.loss_and_gradient

    def loss_and_gradient(*arguments, **keywords):
        loss, gradient = right(*arguments, **keywords)
        losses.append(loss)
        return loss, gradient

    before = model.loss(X, y)
    monkeypatch.setattr(model, "loss_and_gradient", loss_and_gradient)
    end = polish.descend(model, model.batch(X, y))
    assert end == pytest.approx(model.loss(X, y), rel=1e-12)
    assert end < before
    refused = sum(loss > least for loss, least in zip(losses, np.minimum.accumulate([math.inf, *losses])))
    assert refused > 0  # it tries long steps, and takes them back
    assert end == min(losses)


@pytest.mark.parametrize(
    ("X_and_y", "units", "starts", "minima"),
    [(c5b.xor(), 2, (0, 1, 2, 4, 5), {0.223, 0.261, 0.416}), (c5b.two_spirals(), 4, (0, 7), {0.0})],
    ids=["XOR", "spirals"],
)
def test_polish_goes_where_slow_gradient_descent_goes(X_and_y, units, starts, minima):
    """It stays in the basin; thousands of small steps tell which that is. L-BFGS alone jumps to 0.17 on the spirals."""
    X, y = X_and_y
    ends = set()
    for start in starts:
        slow, quick = (MLP((2, units, 1), activation="tanh", rng=np.random.default_rng(start)) for _ in range(2))
        train(slow, X, y, optimizer=SGD(0.3), batch_size=len(X), epochs=8000, evaluate_every=0)
        polish.refine(slow, slow.batch(X, y))
        polish.polish(quick, X, y)
        assert quick.loss(X, y) == pytest.approx(slow.loss(X, y), abs=1e-5)
        ends.add(round(quick.loss(X, y), 3))
    assert ends == minima


def test_polish_comes_to_an_end_where_the_minimum_is_at_infinity():
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    model = MLP((1, 2, 1), activation="tanh", rng=np.random.default_rng(0))
    gradient, _ = polish.polish(model, X, y)
    assert gradient <= polish.TOLERANCE
    assert model.loss(X, y) < 1e-3


def test_polish_says_what_more_of_it_could_do(monkeypatch):
    """Where the rounds run out it tells by how much the last one lowered the loss."""
    X, y = c5b.two_spirals()
    monkeypatch.setattr(polish, "FLAT", 1.0)
    monkeypatch.setattr(polish, "ITERATIONS", 5)
    losses = []
    right = polish.refine

    def refine(*arguments):
        losses.append(right(*arguments))
        return losses[-1]

    monkeypatch.setattr(polish, "refine", refine)
    model = MLP((2, 4, 1), activation="tanh", rng=np.random.default_rng(0))
    gradient, fall = polish.polish(model, X, y)
    assert len(losses) == polish.ROUNDS == 2
    assert fall == losses[0][0] - losses[1][0] > 0
    assert gradient == losses[1][1] > polish.TOLERANCE


# ---- problems and trials ---------------------------------------------------------------------------------------------


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


def test_all_is_as_many_as_a_problem_has_rows(digits):
    settings = replace(SETTINGS, batch_sizes=(1, 100, 120))
    sizes = {problem: c5b.pose(problem, digits, settings)[1].batch_sizes for problem in c5b.PROBLEMS}
    assert sizes == {c5b.XOR: (1, 100, 200), c5b.SPIRALS: (1, 100, 300), c5b.DATA: (1, 100, 120)}
    cut, posed = c5b.pose(c5b.DATA, digits, replace(settings, most_rows=50))
    assert (len(cut.X_train), len(cut.y_train), posed.batch_sizes) == (50, 50, (1, 50))
    assert posed.hidden == (2,)
    assert c5b.pose(c5b.XOR, digits, replace(settings, batch_sizes=(120,)))[1].batch_sizes == (200,)
    assert c5b.pose(c5b.SPIRALS, digits, settings)[1].hidden == (4,)


@pytest.mark.parametrize(("batch_size", "epochs", "updates"), [(200, 20, 20), (10, 3, 60), (1, 3, 600), (30, 4, 24)])
def test_each_size_has_its_epochs_and_its_updates(digits, batch_size, epochs, updates):
    data, settings = c5b.pose(c5b.XOR, digits, replace(SETTINGS, epochs=3, updates=20))
    _, history = c5b.train_from(data, settings, batch_size, 0.1, 0)
    assert (history.epoch[-1], history.updates[-1]) == (epochs, updates)


def test_an_end_point_is_what_a_loop_gives(digits):
    """One training run and its descent, written out; and the wide network's."""
    arms = [[ALONE, None, None], [WIDE, None, None], [SAME, 10, 0.1], [BEST, 10, 0.1]]
    alone, wide, same, best = c5b.end_rows(digits, SETTINGS, c5b.XOR, 4, arms)
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


def test_guessing_is_by_the_frequencies_of_the_classes(digits):
    uneven = digits.binary("3-vs-rest")
    [row] = c5b.end_rows(uneven, SETTINGS, c5b.DATA, 0, [[ALONE, None, None]])
    share = uneven.y_train.mean()
    assert row["guessing"] == pytest.approx(-share * math.log(share) - (1 - share) * math.log(1 - share))


def test_tuning_takes_the_least_mean_loss_at_the_end_of_training(digits, monkeypatch):
    monkeypatch.setattr(c5b, "TUNING_STARTS", range(1000, 1002))
    data, settings = c5b.pose(c5b.XOR, digits, SETTINGS)
    mean = np.mean([c5b.train_from(data, settings, 50, 0.1, start)[1].loss[-1] for start in (1000, 1001)])

    def best_rate(cost):
        assert cost(0.1, math.inf) == pytest.approx(mean)
        assert cost(0.1, 1.01 * mean) == pytest.approx(mean)
        assert cost(0.1, 0.99 * mean) == math.inf  # it has lost
        assert cost(1e9, math.inf) == math.inf or cost(1e9, math.inf) > mean
        return 0.1, {0.03: 0.9, 0.1: 0.5}

    monkeypatch.setattr(c5b.tuning, "best_rate", best_rate)
    [row] = c5b.tuning_rows(digits, SETTINGS, c5b.XOR, 50)
    assert (row["learning_rate"], row["rates"], row["losses"]) == (0.1, [0.03, 0.1], [0.9, 0.5])
    assert (row["problem"], row["batch_size"]) == ("XOR", 50)


def test_a_run_that_diverges_is_a_row_and_no_end_point(digits):
    wild = Dataset(1e3 * digits.X_train, digits.y_train, digits.X_test, digits.y_test, "wild").binary("odd-even")
    settings = replace(SETTINGS, hidden=(), batch_sizes=(8,))
    [row] = c5b.end_rows(wild, settings, c5b.DATA, 0, [[SAME, 8, 1e4]])
    assert row["diverged"]
    assert "loss" not in row


# ---- a small real run ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(binary):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c5b, "TUNING_STARTS", range(1000, 1001))
        with watched("local_minima"):
            return c5b.run(Trials(binary), SETTINGS)


def test_a_small_real_run(result, tmp_path):
    ends = [row for row in result["rows"] if row["kind"] == "end"]
    assert len(ends) == 3 * 2 * (2 + 2 * 2)  # problems, starts, two descents and two arms of two sizes
    assert {row["arm"] for row in ends} == {ALONE, WIDE, SAME, BEST}
    assert len([row for row in result["rows"] if row["kind"] == "tuning"]) == 3 * 2
    problems = c5b.judge(result)
    assert list(problems) == ["XOR", "two spirals", "digits"]
    for row in ends:
        assert row["loss"] <= row["trained_loss"]
        assert (row["rate"] is None) == (row["sharpness"] is None) == (row["batch_size"] is None)
    claim = result["claims"]["C5b"]
    assert claim["verdict"] == "undecided"  # two starts
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"))
    assert c5b.verdict(again)["C5b"]["because"] == claim["because"]
    assert c5b.tables(again) == c5b.tables(result)


def test_xor_with_two_units_traps_and_with_eight_does_not(digits):
    """The problem is one: of 12 starts some end far above the others, at the same few losses again and again."""
    arms = [[ALONE, None, None], [WIDE, None, None]]
    rows = [row for start in range(12) for row in c5b.end_rows(digits, SETTINGS, c5b.XOR, start, arms)]
    ends = trapped.end_points(rows)
    narrow = [row["loss"] for row in ends.ended(ALONE)]
    assert 2 <= sum(ends.trapped(row) for row in ends.ended(ALONE)) <= 8
    assert len({round(loss, 3) for loss in narrow}) <= 6
    assert ends.share(WIDE).estimate == 0


def test_tables_and_figures(result, tmp_path):
    text = c5b.tables(result)
    assert all(name in text for name in ("XOR: 200 rows, 2 hidden units", "descent alone, wide", "all 120 (GD)", "2/η"))
    line = next(line for line in text.splitlines() if line.startswith("XOR, batch 8, best rate"))
    assert sum(int(count) for count in re.findall(r"  (\d+)(?=  )", line)) == 2
    paths = c5b.plot(result, tmp_path)
    assert [path.stem for path in paths[::2]] == ["trapped", "minima", "sharpness"]
    for path in paths:
        assert path.stat().st_size > 10_000
        if path.suffix == ".png":
            assert matplotlib.image.imread(path).std() > 0.05  # no blank sheet


def test_a_report_of_what_went_wrong(tmp_path):
    """One size, an arm that diverged, an arm of which nothing can be told: tables and figures all the same."""
    rows = [end("XOR", ALONE, None, 0, 0.3), end("XOR", BEST, 200, 0, 0.5, gradient=1.0, fall=1.0)]
    rows.append({**end("XOR", SAME, 200, 0, 0.3), "diverged": True, "loss": None, "sharpness": None})
    for kept in (rows, []):
        result = {"rows": kept, "settings": PLAIN}
        assert c5b.verdict(result)["C5b"]["verdict"] == "undecided"
        assert c5b.tables(result)
        assert c5b.plot(result, tmp_path)
    assert "diverges" in c5b.tables({"rows": rows, "settings": PLAIN})


def test_all_has_one_colour_on_every_problem():
    ends = [trapped.end_points([end("XOR", BEST, m, 0, 0.1) | {"m": m}]) for m in (200, 120)]
    first, second = (trapped_report._colour(each.m, each, {"rows": 1437}) for each in ends)
    assert first == second == trapped_report.plots.batch_colour(1437, 1437)
    assert trapped_report._colour(16, ends[0], {"rows": 1437}) == trapped_report.plots.batch_colour(16, 1437)
    assert trapped_report._colour(16, ends[0], {"rows": 4}) == trapped_report.plots.batch_colour(4, 4)


@pytest.mark.parametrize(
    "change", [{"batch_sizes": (1,)}, {"batch_sizes": (120,)}, {"seeds": 1, "hidden": ()}, {"dtype": "float32"}]
)
def test_settings_that_leave_little_to_show(binary, tmp_path, monkeypatch, change):
    monkeypatch.setattr(c5b, "TUNING_STARTS", range(1000, 1001))
    monkeypatch.setattr(c5b, "PROBLEMS", (c5b.DATA,))
    result = c5b.run(Trials(binary), replace(SETTINGS, **{"updates": 3} | change))
    assert result["claims"]["C5b"]["verdict"] == "undecided"
    assert c5b.tables(result)
    assert c5b.plot(result, tmp_path)


def test_on_a_device(device, tiny):
    settings = replace(SETTINGS, hidden=(2,), batch_sizes=(1, 24), backend=device)
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


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("local_minima", c5b.tables, result)
