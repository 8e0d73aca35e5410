"""C8: what a reader sees."""

from dataclasses import replace

import pytest
from rooms import assert_shown, run
from teachers_map import assert_the_map_is_true

from experiments.batch_size_sweep.question import EXPERIMENT
from experiments.batch_size_sweep.report import draw_map
from experiments.lab.experiment import claim_of


def test_tables_and_figures(result):
    text, figures = assert_shown(EXPERIMENT, result)
    for name in ("1 (SGD)", "all 120 (GD)", "linear", "square root", "no hidden layer", "left out"):
        assert name in text
    assert set(figures) == set(EXPERIMENT.figures)


@pytest.mark.whole
@pytest.mark.parametrize("change", [{"batch_sizes": (120,)}, {"batch_sizes": (1, 4), "seeds": 1}, {"target": 1e-6}])
def test_settings_that_leave_little_to_show(digits, settings, change):
    small = {"epochs": 1, "map_epochs": 1, "accuracy_epochs": 1, "learning_rate": 1e5}
    result = run(EXPERIMENT, digits, replace(settings, **(small | change)))
    assert_shown(EXPERIMENT, result)
    assert "holds" not in {claim["verdict"] for name, claim in result["claims"].items() if name in ("C8c", "C8d")}


def test_where_a_class_is_rare_balanced_accuracies_stand_beside_the_others(result):
    even = {"classes": {"a": {"train": 1, "test": 30}, "b": {"train": 1, "test": 30}}}
    uneven = {"classes": {"a": {"train": 1, "test": 1}, "b": {"train": 1, "test": 59}}}
    text = EXPERIMENT.tables(result | {"data": even})
    assert "base rate: 50.0 % of the 60 test rows are of the largest class, a" in text
    assert "alanced" not in text
    text = EXPERIMENT.tables(result | {"data": uneven})
    assert text.count("base rate: 98.3 % of the 60 test rows are of the largest class, b") == 2
    assert "balanced %" in text
    assert "Balanced test accuracy" in text


def test_the_map_says_that_other_runs_decide_the_claim_beside_it(result):
    settings = result["settings"] | {"map_epochs": 7, "epochs": 90}
    below = draw_map(result | {"settings": settings}).get_supxlabel()
    assert "ends after 7 epochs. C8a is decided by other runs, of 90 epochs" in below
    assert {row["seed"] for row in result["rows"] if row["kind"] == "cell"}.isdisjoint(
        row["seed"] for row in result["rows"] if row["kind"] == "training"
    )


def test_the_figure_of_the_cost_shows_three_claims(result):
    assert EXPERIMENT.about["cost"] == ("C8d", "C8b", "C8c")
    assert claim_of(EXPERIMENT, result, "cost") == "C8d"


@pytest.mark.parametrize(("rare", "outside"), [(30, True), (1, False)])
def test_the_base_rate_is_a_line_unless_it_would_flatten_what_is_to_be_seen(result, rare, outside):
    settings = result["settings"] | {"accuracy_seeds": 2}
    data = {"classes": {"a": {"train": 1, "test": rare}, "b": {"train": 1, "test": 60 - rare}}}
    rows = [
        row | {"test_accuracy": 0.97 + 0.01 * row["seed"]} if row["kind"] == "training" else row
        for row in result["rows"]
    ]
    rows = [row | {"test_accuracy": 0.98} if row["kind"] == "accuracy" else row for row in rows]
    figure = EXPERIMENT.figures["same_rate"](result | {"rows": rows, "data": data, "settings": settings})
    [axis] = figure.axes
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    [label] = [label for label in labels if "base rate" in label]
    assert ("outside" in label) == outside
    assert axis.get_ylabel() == "test accuracy (%)"
    low, high = axis.get_ylim()
    assert high - low < 5
    assert (low < 100 * (60 - rare) / 60 < high) != outside


def test_the_tables_and_the_result_say_which_rows_are_left_out(result):
    assert result["settings"]["left_out_an_epoch"] == {}  # 1, 8, 40 and 120 of 120 rows
    some = result["settings"] | {"left_out_an_epoch": {"64": 56}}
    assert "other ones each time: 56 at batch size 64" in " ".join(
        EXPERIMENT.tables(result | {"settings": some}).split()
    )


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("batch_size_sweep", EXPERIMENT.tables, result)
