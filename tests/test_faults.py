"""Experiments that are ended at any moment: python -m pytest -m faults, some minutes; MINIGRAD_KILLS says how often.

Every file stays whole, no process is left, what was finished is kept, and the next run ends with the rows of an
undisturbed one.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab_helpers import SMALL, nobody_left

from experiments.lab import commands, verify

ROOT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("MINIGRAD_KILLS", "200"))
WHOLE = {"best_batch_size", "powers_of_two", "throughput"}  # a clock chooses what these run, or is all they read
pytestmark = [pytest.mark.faults, pytest.mark.skipif(os.name == "nt", reason="signals and process groups")]


def started(name, folder):
    workers = [] if "workers" in commands.load(name).fixed else ["--workers", "2"]
    flags = ["--quick", "--rows", "200", "--seeds", "2", *workers, *SMALL.get(name, [])]
    command = [sys.executable, "-m", f"experiments.{name}", *flags, "--out", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def result_of(folder, name):
    return json.loads((folder / name / "result.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", commands.names())
def test_ended_at_any_moment_it_goes_on_and_ends_with_the_same_rows(name, tmp_path):
    start = time.monotonic()
    undisturbed = started(name, tmp_path / "whole")
    _, err = undisturbed.communicate(timeout=300)
    assert undisturbed.returncode == 0, err
    takes = time.monotonic() - start
    expected, rng = result_of(tmp_path / "whole", name), random.Random(name)
    for _ in range(max(1, KILLS // len(commands.names()))):
        folder = tmp_path / "ended"
        number, everyone = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL]), rng.random() < 0.5
        process = started(name, folder)
        time.sleep(rng.uniform(0, 1.1 * takes))
        if process.poll() is None:
            (os.killpg if everyone else os.kill)(process.pid, number)
        _, err = process.communicate(timeout=60)
        assert nobody_left(process.pid), (number, everyone)
        assert number == signal.SIGKILL or "Traceback" not in err, (number, everyone, err)
        for path in folder.rglob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
        again = started(name, folder)
        _, err = again.communicate(timeout=300)
        assert again.returncode == 0, err
        if name not in WHOLE:
            found = result_of(folder, name)
            same, of = verify.agreeing(expected["rows"], found["rows"])
            assert same == of, (number, everyone)
        assert not list(folder.rglob("unfinished-*.jsonl"))


def test_a_folder_that_is_taken_away_while_it_runs_ends_in_a_line(tmp_path):
    import shutil

    process = started("gradient_noise", tmp_path / "gone")
    time.sleep(2.5)
    shutil.rmtree(tmp_path / "gone", ignore_errors=True)
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    assert process.returncode in (0, 1)


def test_three_runs_at_once_in_one_folder_all_end(tmp_path):
    running = [started("gradient_noise", tmp_path) for _ in range(3)]
    for process in running:
        _, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
    assert result_of(tmp_path, "gradient_noise")["claims"]
