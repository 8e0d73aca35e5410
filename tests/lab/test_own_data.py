"""A user's own table in the laboratory: its classes stay its own, and what was read is said and kept."""

import json

import numpy as np
import pytest
from strategies import status_of

from experiments.lab import commandline, commands, prepare
from minigrad import load_table

pytestmark = pytest.mark.whole
FLAGS = ("--quick", "--epochs", "2", "--seeds", "3", "--target", "0.6", "--batch-sizes", "8 all", "--workers", "1")


@pytest.fixture
def flowers(tmp_path):
    """A table of three classes, 20 rows each, with a gap and a column that tells nothing."""
    rng = np.random.default_rng(0)
    path = tmp_path / "flowers.csv"
    rows = [f"{i},{rng.normal(i % 3, 0.7):.3f},{rng.normal():.3f},{('rose', 'iris', 'lily')[i % 3]}" for i in range(60)]
    rows[4] = "4,1.0,?,iris"
    path.write_text("\n".join(["id,wide,long,kind", *rows]) + "\n", encoding="utf-8")
    return path


def run(one, path, tmp_path, *flags):
    status = status_of(commands.load(one), ["--data", str(path), "--out", str(tmp_path / "out"), *flags])
    written = tmp_path / "out" / one / "result.json"
    return status, json.loads(written.read_text(encoding="utf-8")) if written.exists() else None


def test_three_classes_and_logistic_regression_is_softmax_regression(flowers, tmp_path, capsys):
    status, result = run("compare_gd_sgd", flowers, tmp_path, *FLAGS)
    assert status == 0
    settings = result["settings"]
    assert (settings["dataset"], settings["classes"], settings["model"]) == ("flowers", 3, "logistic")
    out = capsys.readouterr().out
    assert "softmax regression on flowers" in out
    assert "logistic regression on flowers" not in out
    assert "odd" not in out
    assert result["claims"]["C1"]["verdict"] == "holds"


def test_what_was_read_is_said_first_and_kept(flowers, tmp_path, capsys):
    _, result = run("compare_gd_sgd", flowers, tmp_path, *FLAGS)
    reading = load_table(flowers).reading
    assert len(reading) == 3
    assert result["data"]["reading"] == list(reading)
    assert result["data"]["name"] == "flowers"
    assert result["data"]["classes"] == {name: {"train": 16, "test": 4} for name in ("iris", "lily", "rose")}
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith(" ".join(reading))
    run("compare_gd_sgd", flowers, tmp_path, *FLAGS, "--quiet")
    assert "dropped" not in capsys.readouterr().out


def test_a_task_makes_two_classes_where_asked_for(flowers, tmp_path, capsys):
    status, result = run("compare_gd_sgd", flowers, tmp_path, *FLAGS, "--task", "rose-vs-rest")
    assert status == 0
    assert (result["settings"]["dataset"], result["settings"]["classes"]) == ("flowers rose-vs-rest", 2)
    assert "logistic regression on flowers rose-vs-rest" in capsys.readouterr().out


def test_two_classes_of_a_quantity(flowers, tmp_path):
    label = ("--label", "wide", "--task", "1-or-more")
    _, result = run("compare_gd_sgd", flowers, tmp_path, *FLAGS, *label)
    assert list(result["data"]["classes"]) == ["below 1", "1 or more"]


@pytest.mark.parametrize("one", [name for name in commands.names() if commands.load(name).binary])
@pytest.mark.parametrize("task", [(), ("--task", "classes")])
def test_an_experiment_of_two_classes_asks_for_a_task(flowers, tmp_path, capsys, one, task):
    status, result = run(one, flowers, tmp_path, "--quick", *task)
    err = capsys.readouterr().err
    assert (status, result, err.count("\n")) == (2, None, 1)
    assert "has 3 classes, and this experiment needs two; expected a task such as --task 'iris-vs-rest'" in err


@pytest.mark.parametrize("one", commands.names())
def test_no_experiment_regroups_a_users_own_classes(flowers, one):
    one = commands.load(one)
    arguments = commandline.parser(one).parse_args(["--data", str(flowers)])
    if one.binary:
        with pytest.raises(ValueError, match="needs two"):
            prepare.load_data(arguments, one.binary, None)
    else:
        for model in ("logistic", "mlp"):
            assert prepare.load_data(arguments, one.binary, model).classes == ("iris", "lily", "rose")
