"""C3: what a reader sees."""

import json
import math
from dataclasses import replace

import pytest
from rooms import assert_judged_alike_from_disk, assert_shown, judged
from strategies import status_of
from teachers_map import assert_the_map_is_true

from experiments.equal_compute import report
from experiments.equal_compute.measure import CASES, TIGHT
from experiments.equal_compute.question import EXPERIMENT
from experiments.lab import experiment, plots

FIGURES = ("sample_gradients", "seconds", "directions")


def test_tables_tell_every_size_at_every_target(result):
    text, _ = assert_shown(EXPERIMENT, result)
    assert "nan" not in text
    for case in CASES.values():
        [_, part] = text.split(f"{case} target: ")
        lines = part.split("\n\n")[1].splitlines()
        assert [line.split()[0] for line in lines[2:]] == ["1", "30", "all"][case.endswith(TIGHT) :]
    [sgd] = [line.split() for line in text.splitlines() if line.startswith("1 (SGD)") and "(" in line[8:]][:1]
    assert sgd[3] == sgd[5]  # at batch size 1 there are as many updates as sample gradients, and so are their medians
    said = experiment.said("C3", result["claims"]["C3"])
    assert said.count("• yes: ") + said.count("• no: ") + said.count("• open: ") == 16
    assert "B_c" in text
    assert "tr Σ/‖G‖²" in text


def test_a_result_is_judged_the_same_when_read_back(result, tmp_path):
    assert_judged_alike_from_disk(EXPERIMENT, result, tmp_path)
    read = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    found, again = (judged(EXPERIMENT, each)["C3"]["evidence"]["questions"] for each in (result, read))
    assert [each["text"] for each in again] == [each["text"] for each in found]


def test_figures_name_what_they_show(result):
    assert tuple(EXPERIMENT.figures) == FIGURES
    _, figures = assert_shown(EXPERIMENT, result)
    for name in FIGURES:
        assert "loose target" in figures[name]
        assert "tight target" in figures[name]
        assert "logistic regression and MLP 64-4-10, tanh on digits" in figures[name]
        assert ("hardly changes: above 0.9" in figures[name]) == (name == "directions")


def test_figures_of_values_that_differ_by_rounding(result, tmp_path):
    rows = [
        row | {"samples": 46.29, "updates": 1.9288183022297507 - 1e-15 * (row["seed"] % 2)}
        for row in result["rows"]
        if row["kind"] == "reaching" and row["batch_size"] == 120
    ]
    targets = [row for row in result["rows"] if row["kind"] == "target"]
    figure = report.draw_sample_gradients(result | {"rows": targets + rows})
    low, high = figure.axes[0].get_ylim()
    assert low < 46.29 < high
    assert high > 2 * low
    plots.save(figure, tmp_path, "sample_gradients")


@pytest.mark.parametrize("rows", ["none", "no run arrives", "one size, one seed"])
def test_tables_and_figures_of_little(result, rows):
    kept = []
    for row in result["rows"]:
        one = rows == "one size, one seed" and row.get("batch_size") == 30 and row.get("seed", 0) < 1
        if row["kind"] == "target" or one:
            kept.append(row)
        elif rows == "no run arrives" and row["kind"] == "tuning":
            kept.append(row | {"learning_rate": None})
        elif rows == "no run arrives" and row["kind"] == "reaching":
            kept.append(row | {"samples": math.inf, "updates": math.inf, "seconds": math.inf})
    little = result | {"rows": kept if rows != "none" else []}
    little["claims"] = judged(EXPERIMENT, little)
    assert little["claims"]["C3"]["verdict"] == "undecided"
    text, figures = assert_shown(EXPERIMENT, little)
    assert "nan" not in text
    assert set(figures) == (set() if rows == "none" else {"sample_gradients", "seconds"})


@pytest.mark.whole
@pytest.mark.parametrize(
    "argv", [["--batch-sizes", "1", "--seeds", "1"], ["--batch-sizes", "all", "--dtype", "float32"]]
)
def test_odd_arguments(tmp_path, argv, capsys):
    argv = ["--out", tmp_path, "--quick", "--epochs", "1", "--workers", "1", "--task", "3-vs-8", *argv]
    assert status_of(replace(EXPERIMENT, figures={}), argv) == 0
    assert capsys.readouterr().err == ""
    text = (tmp_path / "equal_compute" / "result.json").read_text(encoding="utf-8")
    read = json.loads(text, parse_constant=pytest.fail)  # NaN and infinity are not JSON
    assert read["claims"]["C3"]["verdict"] == "undecided"
    assert read["settings"]["classes"] == 2


def test_the_experiment_runs_what_the_readme_says(result):
    assert_the_map_is_true("equal_compute", EXPERIMENT.tables, result)
