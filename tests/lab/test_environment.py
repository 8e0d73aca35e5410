"""Whole runs where a machine lacks something: letters, a home, the network, a terminal. The rows are the same.

The usual run takes one experiment, once without anything; `-m faults` takes several, and each lack by itself.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.lab import verify

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--quick", "--rows", "90", "--seeds", "2", "--workers", "1"]
RUNS = {
    "gradient_noise": [*QUICK, "--batch-sizes", "1 8 all"],
    "compare_gd_sgd": [*QUICK, "--batch-sizes", "8 all", "--epochs", "4"],
    "saddle_point": QUICK,
}
OFFLINE = """
import socket
class Offline(socket.socket):
    def __init__(self, family=-1, *rest, **named):
        if family in (-1, socket.AF_INET, socket.AF_INET6):
            raise OSError("the network is forbidden here")
        super().__init__(family, *rest, **named)
socket.socket = Offline
"""
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LACKS = {
    "nothing": {},
    "letters": {**ASCII, "PYTHONIOENCODING": "ascii"},
    "letters, and nobody says so": {**ASCII, "PYTHONIOENCODING": None},
    "a home": {"HOME": "/nonexistent", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "a variable HOME": {"HOME": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
    "network": {"offline": "yes"},
}
ALL = {name: value for lack in LACKS.values() for name, value in lack.items()}
pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell, /dev/full and a home as POSIX has them")


def run(tmp_path, name, lack, out, where=""):
    """The status of a run, in a folder that may not be written, and what it wrote to both streams."""
    lack, elsewhere, site = dict(lack), tmp_path / "elsewhere", tmp_path / "site"
    elsewhere.mkdir(exist_ok=True)
    elsewhere.chmod(0o500)
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(OFFLINE if lack.pop("offline", None) else "", encoding="utf-8")
    paths = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **lack}
    environment = {name: value for name, value in environment.items() if value is not None}
    words = [sys.executable, "-W", "error", "-m", f"experiments.{name}", *RUNS[name], "--out", str(out)]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {where}', "sh", *words],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert not list(elsewhere.iterdir())
    return done.returncode, done.stdout, done.stderr


def rows_of(out, name):
    """The rows that a run left, none of its files being half written or empty."""
    files = [path for path in (out / name).iterdir() if path.is_file()]
    assert all(path.stat().st_size for path in files)
    assert not [path for path in files if path.suffix == ".part"]
    return json.loads((out / name / "result.json").read_text(encoding="utf-8"))["rows"]


def assert_runs(tmp_path, name, lack, expected=None):
    status, said, wrong = run(tmp_path, name, lack, tmp_path / "out")
    assert status == 0, wrong
    assert wrong == b""
    assert b"result.json" in said
    assert "PYTHONUTF8" not in lack or said.isascii()
    rows = rows_of(tmp_path / "out", name)
    same, of = verify.agreeing(expected or rows, rows)
    assert same == of


@pytest.mark.whole
def test_a_machine_that_lacks_all_of_it(tmp_path):
    assert_runs(tmp_path, "gradient_noise", {**ALL, "PYTHONIOENCODING": "ascii", "HOME": "/nonexistent"})


@pytest.mark.whole
def test_without_a_standard_output(tmp_path):
    assert run(tmp_path, "gradient_noise", {}, tmp_path / "out", ">&-") == (0, b"", b"")
    assert rows_of(tmp_path / "out", "gradient_noise")


@pytest.mark.faults
@pytest.mark.parametrize("name", RUNS)
def test_whatever_a_machine_lacks_the_rows_are_the_same(tmp_path, name):
    assert_runs(tmp_path, name, {})
    expected = rows_of(tmp_path / "out", name)
    for lack in LACKS.values():
        assert_runs(tmp_path, name, lack, expected)
    for where in (">&- 2>&-", "> /dev/full", "| true", "| head -c 300 > /dev/null"):
        status, _, wrong = run(tmp_path, name, {}, tmp_path / "cut", where)
        full = int(where == "> /dev/full")
        assert (status, len(wrong.splitlines())) == (full, full), wrong
        assert not full or b"No space left on device" in wrong
        same, of = verify.agreeing(expected, rows_of(tmp_path / "cut", name))
        assert same == of
