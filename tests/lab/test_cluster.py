"""Trials on a Dask cluster: a real scheduler and two workers on loopback; the rows are those of this process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason='needs Dask: python -m pip install -e ".[cluster]"')

from experiments.lab import workers
from experiments.lab.journal import Journal
from experiments.lab.settings import TrainingSettings
from experiments.lab.sweep import train_once
from experiments.lab.trials import Trials
from experiments.lab.workers import ClusterWorkers, WorkersLost

pytestmark = pytest.mark.whole
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = TrainingSettings(dataset="digits", batch_sizes=(16,), hidden=(8,), epochs=2)
ARGUMENTS = [{"batch_size": size, "seed": seed} for seed in range(4) for size in (1, 16, 120)]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "lab")])


def loss_rows(data, settings, batch_size, seed):
    """A trial that ends in a number which depends on every bit before it."""
    history = train_once(data, settings, batch_size, 0.3, seed)
    return [{"kind": "loss", "batch_size": batch_size, "loss": history.loss}]


def slow_rows(data, settings, place, number, seconds):
    """A trial that says when it begins and when it ends."""
    Path(place, f"begun {number} {time.monotonic_ns()}").touch()
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        time.sleep(0.01)
    Path(place, f"ended {number}").touch()
    return [{"kind": "slow", "number": number}]


class Cluster:
    """A scheduler and workers, processes of their own."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.workers = []
        wait_for(self.file.exists)
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def _start(self, what, *flags, env=None):
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, "--scheduler-file", str(self.file), *flags]
        environment = {**os.environ, "PYTHONPATH": PATHS, **(env or {})}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def add_worker(self, **env):
        flags = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        self.workers.append(self._start("worker", *flags, env=env))

    def close(self):
        for process in [*self.workers, self.scheduler]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A cluster of two workers that no test harms."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.add_worker()
    cluster.add_worker()
    wait_for_workers(cluster, 2)
    yield cluster
    cluster.close()


@pytest.fixture
def own(tmp_path):
    """A cluster of two workers for one test, which may end them."""
    cluster = Cluster(tmp_path)
    cluster.add_worker()
    cluster.add_worker()
    wait_for_workers(cluster, 2)
    yield cluster
    cluster.close()


def wait_for_workers(cluster, count):
    import distributed

    with distributed.Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def test_the_rows_are_those_of_this_process(whole, digits):
    here = Trials(digits).run(loss_rows, SETTINGS, ARGUMENTS)
    with Trials(digits, cluster=ClusterWorkers(whole.address, digits)) as trials:
        assert trials.run(loss_rows, SETTINGS, ARGUMENTS) == here
        ran = trials.cluster_facts()
    assert sum(each["trials"] for each in ran.values()) == len(ARGUMENTS)
    assert all(each["numpy"] and each["minigrad"] for each in ran.values())


def test_what_is_in_the_journal_is_not_run_again(whole, digits, tmp_path):
    path = tmp_path / "journal.jsonl"
    Trials(digits, Journal(path)).run(loss_rows, SETTINGS, ARGUMENTS[:5])
    with Trials(digits, Journal(path), cluster=ClusterWorkers(whole.address, digits)) as trials:
        rows = trials.run(loss_rows, SETTINGS, ARGUMENTS)
        assert trials.resumed == 5
        assert sum(map(len, trials.ran.values())) == len(ARGUMENTS) - 5
    assert rows == Trials(digits).run(loss_rows, SETTINGS, ARGUMENTS)


def test_a_worker_that_is_killed_costs_nothing_and_counts_nothing_twice(own, digits, tmp_path):
    arguments = [{"place": str(tmp_path), "number": number, "seconds": 0.2} for number in range(12)]
    with Trials(digits, Journal(tmp_path / "j.jsonl"), cluster=ClusterWorkers(own.address, digits)) as trials:
        pool = trials.cluster
        killed = []

        def submit(*args, original=pool.submit):
            futures = original(*args)
            wait_for(lambda: len(list(tmp_path.glob("ended *"))) >= 3)
            own.workers[0].send_signal(signal.SIGKILL)
            killed.append(own.workers[0].wait())
            return futures

        pool.submit = submit
        rows = trials.run(slow_rows, SETTINGS, arguments)
    assert killed
    assert len(list(tmp_path.glob("begun *"))) <= 12 + 2  # what ran there, and what was on its way here
    assert [row["number"] for row in rows] == list(range(12))
    assert len((tmp_path / "j.jsonl").read_bytes().splitlines()) == 12


def test_a_scheduler_that_is_killed_ends_the_run_and_keeps_what_was_finished(own, digits, tmp_path):
    journal = tmp_path / "j.jsonl"
    arguments = [{"place": str(tmp_path), "number": number, "seconds": 0.2} for number in range(40)]
    trials = Trials(digits, Journal(journal), cluster=ClusterWorkers(own.address, digits))
    original = trials.journal.keep

    def keep(key, rows):
        original(key, rows)
        if len(trials.journal.finished) == 4:
            own.scheduler.kill()

    trials.journal.keep = keep
    with pytest.raises((WorkersLost, OSError)), trials:
        trials.run(slow_rows, SETTINGS, arguments)
    assert 4 <= len(Journal(journal).finished) < 40


def test_an_interrupted_run_leaves_no_trial_running(whole, digits, tmp_path):
    arguments = [{"place": str(tmp_path), "number": number, "seconds": 20.0} for number in range(8)]
    with pytest.raises(KeyboardInterrupt), Trials(digits, cluster=ClusterWorkers(whole.address, digits)) as trials:
        pool = trials.cluster

        def submit(*args, original=pool.submit):
            original(*args)
            wait_for(lambda: len(list(tmp_path.glob("begun *"))) == 2)
            raise KeyboardInterrupt

        pool.submit = submit
        trials.run(slow_rows, SETTINGS, arguments)
    with Trials(digits, cluster=ClusterWorkers(whole.address, digits)) as trials:  # its workers are free at once
        start = time.monotonic()
        trials.run(loss_rows, SETTINGS, ARGUMENTS[:2])
        assert time.monotonic() - start < 10
    assert len(list(tmp_path.glob("begun *"))) == 2
    assert not list(tmp_path.glob("ended *"))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tcp://", "127.0.0.1"])
def test_nobody_at_the_address_is_refused_in_a_line(digits, address, monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 1)
    with pytest.raises(ValueError, match=r"--scheduler is .*expected the address tcp://HOST:PORT of a Dask"):
        ClusterWorkers(address, digits)


def test_a_cluster_without_workers_or_with_other_versions_is_refused(tmp_path, digits, monkeypatch):
    cluster = Cluster(tmp_path)
    try:
        with pytest.raises(ValueError, match="without workers"):
            ClusterWorkers(cluster.address, digits)
        cluster.add_worker()
        wait_for_workers(cluster, 1)
        monkeypatch.setattr(workers.np, "__version__", "1.0")
        with pytest.raises(ValueError, match=r"has numpy \d.*expected 1\.0"):
            ClusterWorkers(cluster.address, digits)
    finally:
        cluster.close()


def test_the_command_line_takes_a_cluster(whole, tmp_path):
    command = [sys.executable, "-m", "experiments.gradient_noise", "--quick", "--seeds", "3"]
    results = []
    for name, flags in (("cluster", ["--scheduler", whole.address]), ("here", ["--workers", "2"])):
        done = subprocess.run(
            [*command, *flags, "--out", str(tmp_path), "--run", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        results.append(json.loads((tmp_path / name / "gradient_noise" / "result.json").read_text(encoding="utf-8")))
    assert results[0]["rows"] == results[1]["rows"]
    assert results[0]["environment"]["cluster"]
    assert "cluster" not in results[1]["environment"]
