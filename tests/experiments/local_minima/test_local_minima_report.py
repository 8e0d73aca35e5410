"""C5b: what a reader sees."""

import json
import re
from dataclasses import replace

import pytest
from local_minima_rows import diverged, end
from rooms import assert_shown, judged, run
from teachers_map import assert_the_map_is_true

from experiments.lab import results
from experiments.local_minima import measure
from experiments.local_minima.measure import ALONE, BEST, SAME
from experiments.local_minima.question import EXPERIMENT


def test_tables_and_figures(result, tmp_path):
    text, figures = assert_shown(EXPERIMENT, result)
    assert all(name in text for name in ("MLP 2-2-1, tanh", "descent alone, wide", "all 120 (GD)", "2/η"))
    names = ["trapped", "minima", "sharpness"]
    assert sorted(figures) == sorted(names) == sorted(EXPERIMENT.figures)
    best, same = (line for line in text.splitlines() if line.startswith("XOR, batch 8"))
    for line, starts in ((best, 2), (same, 1)):
        assert sum(int(count) for count in re.findall(r"  (\d+)(?=  )", line)[:4]) == starts
    again = json.loads(results.write_json(tmp_path / "result.json", result).read_text(encoding="utf-8"))
    assert EXPERIMENT.tables(again) == EXPERIMENT.tables(result)


def test_a_report_of_what_went_wrong(plain):
    """One size, a rate that diverged, runs of which nothing can be told, no rows: tables and figures all the same."""
    rows = [end("XOR", ALONE, None, 0, 0.3), end("XOR", BEST, 200, 0, 0.5, gradient=1.0, fall=1.0)]
    rows.append(diverged("XOR", SAME, 200, 0))
    for kept in (rows, []):
        result = {"rows": kept, "settings": plain}
        result["claims"] = judged(EXPERIMENT, result)
        assert result["claims"]["C5b"]["verdict"] == "undecided"
        text, _ = assert_shown(EXPERIMENT, result)
        assert ("diverges" in text) == bool(kept)


@pytest.mark.whole
@pytest.mark.parametrize(
    "change", [{"batch_sizes": (1,)}, {"batch_sizes": (120,)}, {"seeds": 1, "hidden": ()}, {"dtype": "float32"}]
)
def test_settings_that_leave_little_to_show(binary, settings, monkeypatch, change):
    monkeypatch.setattr(measure, "TUNING_STARTS", 1)
    monkeypatch.setattr(measure, "PROBLEMS", (measure.DATA,))
    result = run(EXPERIMENT, binary, replace(settings, **{"updates": 3} | change))
    assert result["claims"]["C5b"]["verdict"] == "undecided"
    assert_shown(EXPERIMENT, result)


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("local_minima", EXPERIMENT.tables, result)
