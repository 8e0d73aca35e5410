"""The answer by the formula alone."""

import argparse
import math

import pytest
from strategies import refused, status_of

from experiments.best_batch_size.formula import step_times
from experiments.best_batch_size.question import EXPERIMENT

TIMES = "8:0.21 64:0.30 512:1.1"


def test_an_answer_without_data(capsys):
    assert status_of(EXPERIMENT, ["--step-times", TIMES, "--noise", "300"]) == 0
    out = capsys.readouterr().out
    a, b = 0.196, 0.00174  # near what three points say
    assert f"{round(math.sqrt(300 * a / b), -1):.0f}"[:2] in out
    assert "within 10 %" in out
    assert "extrapolated" not in out


def test_a_size_outside_the_measured_ones_is_marked(capsys):
    assert status_of(EXPERIMENT, ["--step-times", TIMES, "--noise", "300000"]) == 0
    assert "extrapolated" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["8:0.2", "", "8:0.2 64", "8:0 64:1", "8:-1 64:1", "x:1 2:2", "8:1 8:2", "0:1 8:2"])
def test_step_times_that_are_refused(text):
    with refused("expected", kind=argparse.ArgumentTypeError):
        step_times(text)


@pytest.mark.parametrize(
    ("argv", "quoted"),
    [
        (["--step-times", TIMES], "--noise"),
        (["--noise", "300"], "--step-times"),
        (["--step-times", "8:1", "--noise", "300"], "at least two sizes"),
        (["--step-times", TIMES, "--noise", "-3"], "'-3'"),
        (["--step-times", TIMES, "--noise", "300", "--data", "x.csv"], "--data"),
        (["--step-times", TIMES, "--noise", "300", "--target", "0.1"], "--target"),
        (["--step-times", TIMES, "--noise", "300", "--quick"], "--quick"),
    ],
)
def test_bad_input_is_one_line(argv, quoted, capsys):
    assert status_of(EXPERIMENT, argv) == 2
    error = capsys.readouterr().err
    assert quoted in error
    assert error.count("\n") == 1
