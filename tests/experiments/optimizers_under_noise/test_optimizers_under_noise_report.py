"""C7: what a reader sees."""

import json
from dataclasses import replace

import pytest
from rooms import assert_shown, run
from teachers_map import assert_the_map_is_true

from experiments.lab import results
from experiments.optimizers_under_noise.measure import OPTIMIZERS
from experiments.optimizers_under_noise.question import EXPERIMENT


def test_tables_and_figures(result, tmp_path):
    text, _ = assert_shown(EXPERIMENT, result)
    assert all(name in text for name in OPTIMIZERS)
    assert "240 sample gradients" in text
    path = results.write_json(tmp_path / "result.json", result)
    again = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert EXPERIMENT.tables(again) == text


@pytest.mark.whole
@pytest.mark.parametrize(
    "change", [{"batch_sizes": (120,)}, {"batch_sizes": (1,)}, {"batch_sizes": (40, 120), "activation": "relu"}]
)
def test_settings_that_leave_little_to_show(digits, settings, change):
    result = run(EXPERIMENT, digits, replace(settings, seeds=1, epochs=1, draws=1, **change))
    assert result["claims"]["C7"]["verdict"] == "undecided"
    assert_shown(EXPERIMENT, result)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("optimizers_under_noise", EXPERIMENT.tables, result)
