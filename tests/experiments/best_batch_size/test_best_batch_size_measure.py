"""What the probe does, on a small real run; and what it refuses."""

import math
from dataclasses import replace

from rooms import run
from strategies import refused, status_of

from experiments.best_batch_size import measure
from experiments.best_batch_size.predict import cost, predict, safest
from experiments.best_batch_size.question import EXPERIMENT
from experiments.lab.results import frame
from minigrad import Dataset


def test_every_step_of_the_probe_is_counted(result):
    kinds = {kind: frame(result, kind) for kind in ("search", "probe", "race")}
    answers = kinds["race"][kinds["race"].why == "answer"]
    total = kinds["search"].used.sum() + kinds["probe"].used.sum() + answers.used.sum()
    assert cost(result)["sample_gradients"] == total
    assert cost(result)["seconds"] > 0
    assert (kinds["race"].used > 0).all()


def test_rates_are_tuned_on_other_seeds(result):
    races = frame(result, "race")
    assert set(races[races.why.isin(["answer", "check"])].seed) == {1000, 1001}
    assert set(races[races.why.isin(["sweep", "trusted"])].seed) == {0, 1, 2}


def test_the_loose_target_is_passed_on_the_way_to_the_tight_one(result):
    (loose, high), (tight, low) = result["settings"]["targets"]
    assert (loose, tight) == ("loose", "tight")
    assert high > low
    for row in frame(result, "probe").itertuples():
        assert min(row.loss) <= low
        assert high < row.loss[0]


def test_the_answer_is_a_timed_size_and_a_tried_rate(result):
    for _, target in result["settings"]["targets"]:
        answer = predict(result, target)
        races = frame(result, "race", why="answer", target=target, batch_size=answer.batch_size)
        assert answer.batch_size in result["settings"]["batch_sizes"]
        tried = set(races.learning_rate) if len(races) else {frame(result, "probe").learning_rate.iloc[0]}
        assert answer.learning_rate in tried
        assert answer.band[0] <= answer.batch_size <= answer.band[1] <= 120


def test_the_check_sweeps_every_size(result):
    for _, target in result["settings"]["targets"]:
        tried = frame(result, "race", why="check", target=target)
        assert set(tried.batch_size) == set(result["settings"]["batch_sizes"])


def test_the_safest_rate_is_the_smallest_near_the_best():
    assert safest({0.1: 100.0, 0.3: 81.0, 1.0: 80.0, 3.0: math.inf}) == 0.3
    assert safest({0.1: math.inf}) is None


def test_a_target_that_is_not_reached_names_the_nearest(digits, settings):
    with refused("--target 1e-06", "nearest", "expected --target"):
        run(EXPERIMENT, digits, replace(settings, target=1e-6, epochs=2))


def test_a_target_that_is_reached_at_once(digits, settings):
    with refused("2.2", "updates", "smaller --target"):
        run(EXPERIMENT, digits, replace(settings, target=2.2, epochs=2))


def test_too_few_rows(digits, settings):
    few = Dataset(digits.X_train[:40], digits.y_train[:40], digits.X_test, digits.y_test, "few", digits.classes)
    with refused("'few'", "40 training rows", "at least 64"):
        run(EXPERIMENT, few, replace(settings, batch_sizes=(1, 4)))


def test_too_few_sizes(digits, settings):
    with refused("(1, 8, 120)", "at least 5"):
        run(EXPERIMENT, digits, replace(settings, batch_sizes=(8,)))


def test_what_cannot_be_measured_ends_in_one_line(tmp_path, capsys, monkeypatch, digits):
    monkeypatch.setattr("minigrad.load_digits", lambda: digits)
    argv = ["--quick", "--target", "1e-9", "--epochs", "1", "--workers", "1", "--out", tmp_path]
    assert status_of(EXPERIMENT, argv) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "1e-09" in error
    assert not list((tmp_path / "best_batch_size").glob("*"))


def test_a_loose_target_below_which_a_probe_begins_is_none():
    falling = {"updates": list(range(0, 41, 10)), "loss": [2.0, 1.0, 0.5, 0.2, 0.1], "batch_size": 32}
    low = falling | {"loss": [0.3, 0.25, 0.2, 0.15, 0.1]}
    assert [name for name, _ in measure.targets_of([falling] * 3, 0.1)] == ["loose", "tight"]
    assert [name for name, _ in measure.targets_of([falling, falling, low], 0.1)] == ["tight"]
    with refused("smaller --target"):
        measure.targets_of([falling, falling, low], 0.4)


def test_epochs_hold_several_times_the_updates_that_are_expected():
    assert measure.epochs_for(30, 100, 1000) == 12
    assert measure.epochs_for(1, 1, 1000) == 2
    assert measure.epochs_for(40, 1024, 1437) == 160  # an epoch holds one batch, not 1.4
