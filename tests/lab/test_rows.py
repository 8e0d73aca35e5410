"""How many training rows an experiment keeps, by the flag and by the effort; and that it says so."""

import json

import numpy as np
import pytest
from strategies import status_of

from experiments.lab import all, commands, rows
from minigrad import Dataset


def made(m, features, classes=3):
    y = np.arange(m) % classes
    X = np.zeros((m, features), np.int8)  # bytes: so that a wide table is no load
    return Dataset(X, y, X[:5], y[:5], "made")


@pytest.mark.parametrize(
    ("m", "features", "effort", "kept"),
    [
        (1_437, 64, "quick", 1_437),
        (60_000, 784, "quick", 1_500),
        (60_000, 784, "default", 1_500),
        (60_000, 784, "full", 60_000),
        (5_000, 4_000, "quick", 375),
        (5_000, 4_000, "default", 375),
        (1_500, 10, "quick", 1_500),
        (9, 3_000_000, "quick", 3),  # a row of each class
    ],
)
def test_without_the_flag_as_many_as_fit(m, features, effort, kept):
    data = made(m, features)
    drawn = rows.draw(data, None, effort, 0)
    assert len(drawn.X_train) == kept
    assert (drawn is data) == (kept == m) == (rows.said(drawn, 0) == [])
    assert rows.draw(data, "all", effort, 0) is data


def test_with_the_flag_so_many_and_a_line_says_so():
    drawn = rows.draw(made(60_000, 3), 500, "full", 7)
    assert len(drawn.X_train) == 500
    assert rows.said(drawn, 7) == ["500 of 60,000 training rows, drawn by class, seed 7: --rows all keeps every row"]
    assert sorted(np.bincount(drawn.y_train)) == [166, 167, 167]


@pytest.mark.whole
def test_an_experiment_samples_before_it_resolves_its_batch_sizes_and_keeps_a_record(tmp_path, capsys):
    flags = ["--quick", "--rows", "90", "--seed", "3", "--seeds", "2", "--out", str(tmp_path)]
    flags += ["--workers", "1", "--epochs", "2"]
    assert status_of(commands.load("gradient_noise"), [*flags, "--batch-sizes", "1 64 all"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("90 of 1,437 training rows, drawn by class, seed 3: --rows all keeps every row\n\n")
    assert "on digits, 90 of 1,437 rows of 64 features" in out
    result = json.loads((tmp_path / "gradient_noise" / "result.json").read_text(encoding="utf-8"))
    settings = result["settings"]
    assert (settings["rows"], settings["drawn_from"], settings["batch_sizes"]) == (90, 1_437, [1, 64, 90])
    assert settings["test_rows"] == 360
    assert status_of(commands.load("gradient_noise"), [*flags, "--batch-sizes", "91"]) == 2
    assert "--batch-sizes holds 91; expected at most the 90 training rows" in capsys.readouterr().err


def test_all_hands_the_flag_to_every_experiment():
    parser = all.commandline.parser_of_all()
    for one in map(commands.load, commands.names()):
        assert "--rows=500" in all.flags_for(one, parser.parse_args(["--rows", "500"]))
        assert "--rows=all" in all.flags_for(one, parser.parse_args(["--rows", "all"]))
