"""C8: what a reader sees."""

from dataclasses import replace

import pytest
from rooms import assert_shown, run
from teachers_map import assert_the_map_is_true

from experiments.batch_size_sweep.question import EXPERIMENT


def test_tables_and_figures(result, tmp_path):
    text = assert_shown(EXPERIMENT, result, tmp_path)
    for name in ("1 (SGD)", "all 120 (GD)", "linear", "square root", "no hidden layer", "left out"):
        assert name in text
    assert {path.stem for path in tmp_path.iterdir()} == set(EXPERIMENT.figures)


@pytest.mark.parametrize("change", [{"batch_sizes": (120,)}, {"batch_sizes": (1, 4), "seeds": 1}, {"target": 1e-6}])
def test_settings_that_leave_little_to_show(digits, settings, tmp_path, change):
    small = {"epochs": 1, "map_epochs": 1, "accuracy_epochs": 1, "learning_rate": 1e5}
    result = run(EXPERIMENT, digits, replace(settings, **(small | change)))
    assert_shown(EXPERIMENT, result, tmp_path)
    assert "holds" not in {claim["verdict"] for name, claim in result["claims"].items() if name in ("C8c", "C8d")}


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("batch_size_sweep", EXPERIMENT.tables, result)
