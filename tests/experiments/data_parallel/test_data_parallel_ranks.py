"""Real ranks under mpirun; and one rank, where there is no MPI."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.data_parallel import ranks as module
from experiments.data_parallel.ranks import Ranks
from minigrad import get_backend

ROOT = Path(__file__).resolve().parents[3]
FLAGS = ["--quick", "--seeds", "3", "--epochs", "8", "--batch-sizes", "8 32 128 512 all", "--rows", "600"]


def mpirun():
    """Where mpirun is: beside this Python, as the package mpich brings it, or on the path; skips without mpi4py."""
    pytest.importorskip("mpi4py", reason='needs mpi4py and an MPI: python -m pip install -e ".[mpi]"')
    beside = Path(sys.executable).with_name("mpirun")
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    if found is None:
        pytest.skip('needs mpirun: python -m pip install -e ".[mpi]"')
    return found


def run_on(count, *arguments, timeout=300):
    command = [mpirun(), "-n", str(count), sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.whole
@pytest.mark.parametrize("count", [2, 3])
def test_on_several_ranks_gradients_and_runs_are_those_of_one_process(tmp_path, count):
    done = run_on(count, "-m", "experiments.data_parallel", *FLAGS, "--out", str(tmp_path), "--quiet")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "data_parallel" / "result.json").read_text(encoding="utf-8"))
    agreement = [row for row in result["rows"] if row["kind"] == "agreement"]
    assert {row["split"] for row in agreement} == {"even", "uneven", "one empty"}
    assert all(row["ranks"] == count and row["gradient"] < 1e-12 and row["noise"] < 1e-11 for row in agreement)
    runs = [row for row in result["rows"] if row["kind"] == "run"]
    assert {row["optimizer"] for row in runs} == {"sgd", "momentum", "adam"}
    assert all(row["alike"] and row["apart"] < 1e-9 for row in runs)
    clock = [row for row in result["rows"] if row["kind"] == "clock"]
    assert {row["ranks"] for row in clock} == {1, 2, count}
    assert all(0 <= m <= t for row in clock for m, t in zip(row["message"], row["microseconds"]))
    assert result["claims"]["C10a"]["verdict"] == "holds"


@pytest.mark.whole
def test_on_one_rank_it_says_so(tmp_path):
    flags = [*FLAGS, "--out", str(tmp_path)]
    command = [sys.executable, "-m", "experiments.data_parallel", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "there was one rank" in " ".join(done.stdout.split())


@pytest.mark.whole
def test_a_rank_that_fails_ends_all_with_a_line(tmp_path):
    program = tmp_path / "fails.py"
    program.write_text(
        "import sys; sys.path.insert(0, '.')\n"
        "from experiments.data_parallel.ranks import serve, together\n"
        "import fails_on_one\n"
        "serve()\n"
        "together(fails_on_one.work)\n",
        encoding="utf-8",
    )
    (tmp_path / "fails_on_one.py").write_text(
        "def work(ranks):\n"
        "    if ranks.rank == 1:\n"
        "        raise ArithmeticError('made to fail')\n"
        "    return ranks.gathered(1)\n",
        encoding="utf-8",
    )
    done = run_on(2, str(program), timeout=60)
    assert done.returncode != 0
    assert "rank 1: ArithmeticError: made to fail; all ranks end" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.whole
@pytest.mark.skipif(os.name == "nt", reason="signals and process groups")
def test_a_rank_that_is_killed_ends_all(tmp_path):
    program = tmp_path / "waits.py"
    program.write_text(
        "import os, sys; sys.path.insert(0, '.')\n"
        "from experiments.data_parallel.ranks import serve, together, world\n"
        "from pathlib import Path\n"
        f"Path({str(tmp_path)!r}, f'pid {{world().rank}} {{os.getpid()}}').touch()\n"
        "serve()\n"
        "import time; time.sleep(60)\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([mpirun(), "-n", "2", sys.executable, str(program)], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(found := list(tmp_path.glob("pid *"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    last = next(path for path in found if path.name.startswith("pid 1"))
    os.kill(int(last.name.split()[2]), signal.SIGKILL)
    assert process.wait(timeout=30) != 0


def test_alone_a_sum_is_what_it_was_and_everybody_is_the_first():
    alone = Ranks()
    share = np.arange(5.0)
    assert alone.total(share, get_backend("numpy")) is share
    assert alone.first(1) is alone
    assert alone.gathered(3) == [3]


def test_what_is_called_together_runs_here_where_there_is_one(monkeypatch):
    monkeypatch.setattr(module, "world", Ranks)
    assert module.together(lambda ranks, x: (ranks.size, x), x=3) == (1, 3)
    with pytest.raises(ZeroDivisionError):
        module.together(lambda ranks: 1 / 0)
