"""Trials: the same rows for any number of workers, and an experiment that goes on where it stopped."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab_helpers import nobody_left

from experiments.lab.journal import Journal
from experiments.lab.settings import TrainingSettings
from experiments.lab.sweep import train_once
from experiments.lab.trials import Trials, available_cores, journal_path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = TrainingSettings(dataset="digits", batch_sizes=(16,), hidden=(8,), epochs=2)
CALLS: list = []


def loss_rows(data, settings, batch_size, seed):
    """A trial that ends in a number which depends on every bit before it."""
    CALLS.append((batch_size, seed))
    history = train_once(data, settings, batch_size, 0.3, seed)
    return [{"kind": "loss", "batch_size": batch_size, "loss": history.loss, "never": math.inf, "process": os.getpid()}]


def failing_rows(data, settings, after):
    if len(CALLS) >= after:
        raise KeyboardInterrupt
    CALLS.append(after)
    return [{"value": np.float64(len(CALLS))}]


ARGUMENTS = [{"batch_size": size, "seed": seed} for seed in range(2) for size in (1, 16, 120)]


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


def test_the_rows_are_the_same_for_any_number_of_workers(digits):
    rows, processes = [], []
    for workers in (1, 3):
        with Trials(digits, workers=workers) as trials:
            found = trials.run(loss_rows, SETTINGS, ARGUMENTS)
        assert found == trials.rows
        processes.append({row.pop("process") for row in found})
        rows.append(found)
    assert rows[0] == rows[1]  # to the last bit, and in the order of the arguments
    assert [row["batch_size"] for row in rows[0]] == [1, 16, 120] * 2
    assert rows[0][0]["never"] == math.inf
    assert processes[0] == {os.getpid()}
    assert os.getpid() not in processes[1]


def test_timed_trials_run_here_one_after_the_other(digits):
    with Trials(digits, workers=2) as trials:
        rows = trials.run(loss_rows, SETTINGS, ARGUMENTS, timed=True)
    assert {row["process"] for row in rows} == {os.getpid()}
    assert [(each["batch_size"], each["seed"]) for each in ARGUMENTS] == CALLS


def test_what_is_finished_is_not_run_again(digits, tmp_path):
    journal = tmp_path / "journal.jsonl"
    first = Trials(digits, Journal(journal)).run(loss_rows, SETTINGS, ARGUMENTS[:4])
    assert len(CALLS) == len(journal.read_text(encoding="utf-8").splitlines()) == 4
    again = Trials(digits, Journal(journal))
    rows = again.run(loss_rows, SETTINGS, ARGUMENTS)
    assert len(CALLS) == 6
    assert rows[:4] == first
    assert again.resumed == 4
    again.run(loss_rows, replace(SETTINGS, epochs=1), ARGUMENTS[:1])
    assert len(CALLS) == 7  # other settings are another trial


def test_an_interruption_leaves_what_was_finished(digits, tmp_path):
    journal = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt), Trials(digits, Journal(journal)) as trials:
        trials.run(failing_rows, SETTINGS, [{"after": 3}] + [{"after": 2}] * 5 + [{"after": 1}])
    assert len(journal.read_text(encoding="utf-8").splitlines()) >= 1


def test_a_journal_belongs_to_its_data_and_settings(digits, tmp_path):
    path = journal_path(tmp_path, digits, SETTINGS)
    assert path == journal_path(tmp_path, digits, SETTINGS)
    assert path != journal_path(tmp_path, digits, replace(SETTINGS, epochs=3))
    assert path != journal_path(tmp_path, replace(digits, X_train=digits.X_train + 1), SETTINGS)
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def started(folder):
    """An experiment in a session of its own, with two workers that are busy; and its command."""
    flags = ["--quick", "--seeds", "2", "--out", str(folder.parent), "--workers", "2"]
    command = [sys.executable, "-m", f"experiments.{folder.name}", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not any(b"\n" in path.read_bytes() for path in folder.glob("unfinished-*")) and time.monotonic() < deadline:
        time.sleep(0.02)  # until a trial is written, not only the file there
    return process, command


@pytest.mark.whole
@pytest.mark.skipif(os.name == "nt", reason="signals and process groups")
@pytest.mark.parametrize("everyone", [True, False], ids=["group", "main"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_ends_the_workers_and_the_same_command_goes_on(tmp_path, number, everyone):
    """A real process and its workers: stopped after the first trials, then run to its end."""
    folder = tmp_path / "compare_gd_sgd"
    process, command = started(folder)
    (os.killpg if everyone else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert nobody_left(process.pid)
    if number != signal.SIGKILL:
        assert process.returncode in ((130, 1) if everyone and number == signal.SIGTERM else (130,))
        assert ("interrupted" in err) == (process.returncode == 130)
        assert "goes on from there" in err
        assert "Traceback" not in err  # a worker that was just starting may complain that its parent was killed
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert read["environment"]["trials_resumed"] >= 1
    assert not list(folder.glob("unfinished-*"))


@pytest.mark.whole
def test_two_runs_in_one_folder_both_end(tmp_path):
    folder = tmp_path / "compare_gd_sgd"
    first, command = started(folder)
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    _, err = first.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (0, 0), err + second.stderr
    assert json.loads((folder / "result.json").read_text(encoding="utf-8"))["claims"]
    assert not list(folder.glob("*.part")) + list(folder.glob("unfinished-*"))
