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
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.lab import experiment, results
from experiments.lab.sweep import Settings, train_once
from experiments.lab.trials import Trials, available_cores, journal_path
from minigrad import BackendUnavailable

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = Settings(dataset="digits", batch_sizes=(16,), hidden=(8,), epochs=2)
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
    for workers in (1, 2, 3):
        with Trials(digits, workers=workers) as trials:
            found = trials.run(loss_rows, SETTINGS, ARGUMENTS)
        assert found == trials.rows
        processes.append({row.pop("process") for row in found})
        rows.append(found)
    assert rows[0] == rows[1] == rows[2]  # to the last bit, and in the order of the arguments
    assert [row["batch_size"] for row in rows[0]] == [1, 16, 120] * 2
    assert rows[0][0]["never"] == math.inf
    assert processes[0] == {os.getpid()}
    assert os.getpid() not in processes[1] | processes[2]


def test_timed_trials_run_here_one_after_the_other(digits):
    with Trials(digits, workers=2) as trials:
        rows = trials.run(loss_rows, SETTINGS, ARGUMENTS, timed=True)
    assert {row["process"] for row in rows} == {os.getpid()}
    assert [(each["batch_size"], each["seed"]) for each in ARGUMENTS] == CALLS


def test_what_is_finished_is_not_run_again(digits, tmp_path):
    journal = tmp_path / "journal.jsonl"
    first = Trials(digits, journal).run(loss_rows, SETTINGS, ARGUMENTS[:4])
    assert len(CALLS) == len(journal.read_text(encoding="utf-8").splitlines()) == 4
    again = Trials(digits, journal)
    rows = again.run(loss_rows, SETTINGS, ARGUMENTS)
    assert len(CALLS) == 6
    assert rows[:4] == first
    assert again.resumed == 4
    again.run(loss_rows, replace(SETTINGS, epochs=1), ARGUMENTS[:1])
    assert len(CALLS) == 7  # other settings are another trial


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_off_does_not_count(digits, tmp_path, cut):
    journal = tmp_path / "journal.jsonl"
    whole = Trials(digits, journal).run(loss_rows, SETTINGS, ARGUMENTS[:2])
    text = journal.read_bytes()
    journal.write_bytes(text[:-cut])
    CALLS.clear()
    assert Trials(digits, journal).run(loss_rows, SETTINGS, ARGUMENTS[:2]) == whole
    assert len(CALLS) == (cut > 1)  # the line's end alone is no loss
    assert Trials(digits, journal).run(loss_rows, SETTINGS, ARGUMENTS[:2]) == whole
    assert len(CALLS) == (cut > 1)  # the line's end alone is no loss


def test_an_interruption_leaves_what_was_finished(digits, tmp_path):
    journal = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt), Trials(digits, journal) as trials:
        trials.run(failing_rows, SETTINGS, [{"after": 3}] + [{"after": 2}] * 5 + [{"after": 1}])
    assert len(journal.read_text(encoding="utf-8").splitlines()) >= 1


def test_a_row_that_json_lacks_is_refused(digits):
    with pytest.raises(TypeError, match="expected numbers"):
        Trials(digits)._keep("key", [{"value": object()}])


def test_a_journal_belongs_to_its_data_and_settings(digits, tmp_path):
    path = journal_path(tmp_path, digits, SETTINGS)
    assert path == journal_path(tmp_path, digits, SETTINGS)
    assert path != journal_path(tmp_path, digits, replace(SETTINGS, epochs=3))
    assert path != journal_path(tmp_path, replace(digits, X_train=digits.X_train + 1), SETTINGS)
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


# ---- the frame -------------------------------------------------------------------------------------------------------


def fake(run=lambda *_: None, plot=lambda *_: []):
    """An experiment that does next to nothing."""
    return SimpleNamespace(
        NAME="fake", FLAGS=(), EFFORTS={key: {"seeds": 2} for key in ("default", "quick", "full")}, Settings=Settings,
        run=run, plot=plot, tables=lambda _: "a table", __doc__="C0: nothing.",
    )  # fmt: skip


def result(trials, settings):
    claim = results.claim("Nothing.", "undecided", "nothing was measured", {})
    return experiment.result_of("fake", trials, settings) | {"claims": {"C0": claim}}


def test_what_was_written_is_told(tmp_path, capsys):
    assert experiment.main(fake(result), ["--out", str(tmp_path)]) == 0
    path = tmp_path / "fake" / "result.json"
    assert capsys.readouterr().out.split("\n") == [
        "a table", "", "Nothing.", "C0 undecided: nothing was measured.", "", f"wrote {path}", "",
    ]  # fmt: skip
    read = json.loads(path.read_text(encoding="utf-8"))
    assert set(read) == {"experiment", "claims", "rows", "settings", "environment"}
    assert (read["settings"]["seeds"], read["settings"]["rows"]) == (2, 1437)
    assert list((tmp_path / "fake").iterdir()) == [path]


@pytest.mark.parametrize(
    "error",
    [ValueError("--x is 3; expected\n 4"), FileNotFoundError(2, "No such file", "x.csv"), BackendUnavailable("cupy")],
)
def test_what_cannot_be_prepared_is_the_users_and_leaves_no_folder(tmp_path, capsys, monkeypatch, error):
    monkeypatch.setattr(experiment, "prepare", lambda *_: (_ for _ in ()).throw(error))
    assert experiment.main(fake(), ["--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert err.startswith("python -m experiments.fake: error: ")
    assert not (tmp_path / "out").exists()


def test_what_fails_while_running_is_no_fault_of_the_user(tmp_path):
    """A traceback and exit status 1, by Python itself."""
    with pytest.raises(ZeroDivisionError):
        experiment.main(fake(lambda *_: 1 / 0), ["--out", str(tmp_path)])


def interrupting(*_):
    raise KeyboardInterrupt


def test_interrupted_before_it_began(tmp_path, capsys, monkeypatch):
    """Ctrl-C while the data are read or downloaded."""
    monkeypatch.setattr(experiment, "prepare", interrupting)
    assert experiment.main(fake(), ["--out", str(tmp_path)]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_interrupted_while_it_is_drawn(tmp_path, capsys):
    def run(trials, settings):
        trials.run(loss_rows, replace(settings, hidden=(2,)), [{"batch_size": 1437, "seed": 0}])
        return result(trials, settings)

    assert experiment.main(fake(run, plot=interrupting), ["--out", str(tmp_path), "--workers", "1"]) == 130
    [journal] = (tmp_path / "fake").glob("unfinished-*")
    assert str(journal) in capsys.readouterr().err
    assert json.loads(journal.read_text(encoding="utf-8"))[1][0]["kind"] == "loss"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C as a signal")
def test_ctrl_c_ends_the_workers_and_the_same_command_goes_on(tmp_path):
    """A real process and its workers: interrupted after the first trials, then run to its end."""
    command = [
        sys.executable,
        "-m",
        "experiments.compare_gd_sgd",
        "--quick",
        "--seeds",
        "2",
        "--out",
        str(tmp_path),
        "--workers",
        "2",
    ]
    folder = tmp_path / "compare_gd_sgd"
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(folder.glob("unfinished-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert read["environment"]["trials_resumed"] >= 1
    assert not list(folder.glob("unfinished-*"))
