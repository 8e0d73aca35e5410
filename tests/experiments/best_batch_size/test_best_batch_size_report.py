"""C9: what a reader sees."""

from dataclasses import replace

import pytest
from rooms import assert_shown, run
from teachers_map import assert_the_map_is_true

from experiments.best_batch_size.question import EXPERIMENT


def test_tables_and_figures(result):
    text, _ = assert_shown(EXPERIMENT, result)
    assert all(name in text for name in ("loose target", "two tuned runs", "always 32", "The probe took", "The check"))


@pytest.mark.parametrize("change", [{"seeds": 1, "optimizer": "adam"}, {"model": "logistic", "optimizer": "momentum"}])
def test_without_a_check(digits, binary, settings, change):
    settings = replace(settings, epochs=4, **change)
    result = run(EXPERIMENT, binary if settings.model == "logistic" else digits, settings)
    assert result["claims"]["C9"]["verdict"] == "not measured"
    text, _ = assert_shown(EXPERIMENT, result)
    assert "The check" not in text


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("best_batch_size", EXPERIMENT.tables, result)
