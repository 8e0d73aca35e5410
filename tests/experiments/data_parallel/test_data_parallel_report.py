"""C10a and C10b: what a reader sees, from a small real run on one rank."""

from rooms import assert_judged_alike_from_disk, assert_shown
from teachers_map import assert_the_map_is_true

from experiments.data_parallel.question import EXPERIMENT


def test_tables_and_figures(result, tmp_path):
    text, _ = assert_shown(EXPERIMENT, result)
    assert all(word in text for word in ("even", "one empty", "momentum", "of it the message", "efficiency"))
    assert "There was one rank" in text
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)


def test_on_one_rank_the_first_claim_is_not_measured_and_the_second_is(result):
    assert result["claims"]["C10a"]["verdict"] == "not measured"
    assert result["claims"]["C10b"]["verdict"] != "not measured"


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("data_parallel", EXPERIMENT.tables, result)
