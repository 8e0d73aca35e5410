"""C2: what a reader sees."""

from dataclasses import replace

import pytest
from rooms import assert_shown, run
from teachers_map import assert_the_map_is_true

from experiments.gradient_noise.question import EXPERIMENT


def test_tables_and_figures(result):
    text, _ = assert_shown(EXPERIMENT, result)
    assert all(name in text for name in ("independent, start", "without replacement, end", "noise scale"))


@pytest.mark.whole
@pytest.mark.parametrize("change", [{"batch_sizes": (120,)}, {"batch_sizes": (1,)}, {"seeds": 1, "model": "logistic"}])
def test_settings_that_leave_little_to_show(digits, binary, settings, change):
    settings = replace(settings, draws=2, epochs=1, **change)
    result = run(EXPERIMENT, binary if settings.model == "logistic" else digits, settings)
    assert result["claims"]["C2"]["verdict"] == "undecided"
    assert_shown(EXPERIMENT, result)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("gradient_noise", EXPERIMENT.tables, result)
