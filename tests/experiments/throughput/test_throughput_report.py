"""C4: what a reader sees."""

import json

from rooms import assert_shown, judged
from teachers_map import assert_the_map_is_true

from experiments.lab import plots, results
from experiments.throughput.question import EXPERIMENT
from experiments.throughput.report import draw_race


def test_tables_and_figures(result):
    text, _ = assert_shown(EXPERIMENT, result)
    assert text.count("fast per-sample path") == 2
    assert "numpy, 1 thread, 4 hidden units" in text
    assert "nan" not in text


def test_the_tables_are_the_same_when_read_back(result, tmp_path):
    path = results.write_json(tmp_path / "result.json", result)
    assert EXPERIMENT.tables(json.loads(path.read_text(encoding="utf-8"))) == EXPERIMENT.tables(result)


def test_where_nobody_arrives_the_tables_and_figures_say_so(result, tmp_path):
    rows = [row | {"reached": False} if row["kind"] == "race" else row for row in result["rows"]]
    never = result | {"rows": rows}
    assert judged(EXPERIMENT, never)["C4a"]["verdict"] == "undecided"
    assert "–" in EXPERIMENT.tables(never)
    without = result | {"rows": [row for row in rows if row["kind"] != "race"]}  # no rate arrived: nothing was run
    assert EXPERIMENT.tables(without)
    for one in (never, without):
        fig = draw_race(one)
        assert all("nobody arrives" in [text.get_text() for text in axis.texts] for axis in fig.axes)
        plots.save(fig, tmp_path, "race")


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("throughput", EXPERIMENT.tables, result)
