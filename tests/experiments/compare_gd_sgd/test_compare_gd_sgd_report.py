"""C1: what a reader sees, also where runs diverge or never arrive."""

import math

import matplotlib.pyplot as plt
import pytest
from rooms import assert_shown
from teachers_map import assert_the_map_is_true

from experiments.compare_gd_sgd.measure import SAME, TUNED
from experiments.compare_gd_sgd.question import EXPERIMENT
from experiments.compare_gd_sgd.report import draw_best_rate, draw_same_rate, marker, training_table
from experiments.lab import plots, sweep


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_tables_tell_every_batch_size_of_both_arms(results_of, model):
    result = results_of(model)
    text, _ = assert_shown(EXPERIMENT, result)
    arms = text.split("To a training loss of ")[1:]
    assert len(arms) == 2
    assert "the same learning rate for all, η = 0.1" in arms[0]
    assert "best learning rate" in arms[1]
    for arm in arms:
        lines = arm.splitlines()
        assert [sum(line.startswith(name) for line in lines) for name in ("1 (SGD)", "16 ", "all 120 (GD)")] == [1] * 3
    gd = next(line for line in arms[0].splitlines() if line.startswith("all"))
    assert "–" in gd  # at 0.1 gradient descent does not get there in 6 epochs
    assert "µs" in text
    assert "textbook" in text
    for eta in ("0.0001", "0.001", "0.01", "0.1"):
        assert any(line.startswith(eta) for line in text.splitlines())


def test_what_diverged_is_marked(diverging, tmp_path):
    assert training_table(diverging, SAME, "").count("2 of 2 diverge") == 3
    assert "nan" not in assert_shown(EXPERIMENT, diverging)[0]
    svg = plots.save(draw_same_rate(diverging), tmp_path, "figure")[1].read_text(encoding="utf-8")
    assert "all 120 (GD)" in svg
    assert "nats" in svg
    assert "diverged" in svg


def made_up_run(size, seed, reached, diverged=False):
    curve = {name: [0.0, 1.0, 2.0] for name in sweep.COUNTS} | {"loss": [0.7, 0.4, math.inf if diverged else 0.2]}
    row = {"kind": "training", "arm": TUNED, "batch_size": size, "seed": seed, "learning_rate": 0.1}
    row |= {"final_loss": curve["loss"][-1], "test_accuracy": 0.9, "diverged": diverged, "curve": curve}
    return row | {f"{name}_to_target": reached for name in sweep.COUNTS}


def made_up_result(*runs):
    settings = {"batch_sizes": [1, 16, 120], "rows": 120, "epochs": 4, "target": 0.3, "learning_rate": 0.1}
    settings |= {"model": "logistic", "dataset": "made up", "features": 2}
    return {"rows": list(runs), "settings": settings}


def test_training_table_says_who_arrived_who_did_not_and_who_diverged():
    result = made_up_result(
        made_up_run(1, 0, math.inf, diverged=True),
        made_up_run(1, 1, 2.5),
        made_up_run(1, 2, 3.5),
        made_up_run(16, 0, math.inf),
        made_up_run(16, 1, math.inf),
        made_up_run(16, 2, 1.5),
    )
    lines = training_table(result, TUNED, "a rate").splitlines()
    sgd, mini, everything = (next(line for line in lines if line.startswith(name)) for name in ("1 (SGD)", "16", "all"))
    assert "0.3" in lines[0]
    assert "a rate" in lines[0]
    assert "never" in lines[1]
    assert "1 of 3 diverge" in sgd
    assert "3.5 (2.5…–)" in sgd
    assert "– (1.5…–)" in mini
    assert "0.2" in mini
    assert "90" in mini
    assert "none arrives" in everything


def drawn(*runs):
    """The axes of the training figures of made-up runs, drawn: what a renderer refuses, it refuses here."""
    figures = [draw(made_up_result(*runs)) for draw in (draw_best_rate, draw_same_rate)]
    for figure in figures:
        figure.canvas.draw()
        plt.close(figure)
    return [axis for figure in figures for axis in figure.axes]


def test_batch_sizes_have_markers():
    sizes = [1, 8, 64, 512, 1437]
    assert len({marker(size, sizes) for size in sizes}) == len(sizes)
    assert marker(8, sizes) == marker(8, sizes[::-1])
    many = [2**k for k in range(12)]
    assert all(marker(size, many) in plots.MARKERS for size in many)


def test_the_training_figure_where_no_rate_arrives():
    assert len(drawn(*(made_up_run(size, seed, 2.5) for size in (1, 16, 120) for seed in (0, 1)))) == 4


def test_the_training_figure_where_the_first_update_overflows():
    run = made_up_run(1, 0, math.inf, diverged=True)
    run["curve"] = {name: [0.0, 1.0] for name in sweep.COUNTS} | {"loss": [0.7, math.inf]}
    assert drawn(run, made_up_run(16, 0, 2.5) | {"arm": SAME})
    assert drawn(run, run | {"arm": SAME})


def test_the_training_figure_shows_what_did_not_diverge():
    """One run that leaves for 1e200 must not press all others into a line."""
    run = made_up_run(1, 0, math.inf, diverged=True)
    run["curve"]["loss"] = [0.7, 1e100, 1e200]
    for axis in drawn(run, made_up_run(16, 0, 2.5), made_up_run(16, 0, 2.5) | {"arm": SAME}):
        low, high = axis.get_ylim()
        assert low > 1e-6
        assert high < 1e6


@pytest.mark.parametrize("model", ["logistic", "mlp"])
def test_the_experiment_runs_what_the_readme_says(results_of, model):
    name = "compare_gd_sgd" if model == "logistic" else "compare_gd_sgd --model mlp"
    assert_the_map_is_true(name, EXPERIMENT.tables, results_of(model))
