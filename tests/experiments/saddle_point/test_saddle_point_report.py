"""C5a: what a reader sees."""

from dataclasses import replace

from rooms import assert_shown, run
from strategies import status_of
from teachers_map import assert_the_map_is_true

from experiments.saddle_point.question import EXPERIMENT


def test_tables_and_figures(result):
    text, figures = assert_shown(EXPERIMENT, result)
    for fragment in ("0: 0.7 v + 0.3 v", "push of 0.01 along v₋", "batches drawn anew, 16", "rounding", "η₁/16"):
        assert fragment in text
    assert "nan" not in text
    assert set(figures) == set(EXPERIMENT.figures)


def test_without_a_saddle_nothing_is_judged(tiny, settings):
    result = run(EXPERIMENT, tiny(2), replace(settings, batch_sizes=(1, 24), seeds=1))
    claim = result["claims"]["C5a"]
    assert (claim["verdict"], claim["evidence"]["seeds without a saddle"]) == ("undecided", 1)
    assert "no saddle was found" in claim["because"]
    text, figures = assert_shown(EXPERIMENT, result)
    assert "0: no saddle found" in text
    assert set(figures) == {"surface"}


def test_the_help_says_that_it_takes_two_classes(capsys):
    assert status_of(EXPERIMENT, ["--help"]) == 0
    assert "(default:odd-even;" in "".join(capsys.readouterr().out.split())


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("saddle_point", EXPERIMENT.tables, result)
