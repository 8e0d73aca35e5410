"""A student's file runs in a process of its own, with limits on time and memory; whatever it does becomes a mark.

The limits are against accidents: an endless loop, an array of 80 GB. They do not make a hostile file safe to run: for
files of unknown people take a container, as GitHub does for its workflows.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .exercise import FULL_MARKS, POINTS_OF_THE_TESTS

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 2 * 2**30  # bytes of address space; Python with NumPy and pytest takes a quarter of it
SECONDS = 20  # for the comparisons of one exercise, which take one
TESTS_TAKE = 3  # times as long may the project's own tests on it take


def mark(name: str, path: Path, seconds: float = SECONDS) -> dict[str, Any]:
    """{"points", "sentence", "printed"} of one answer: first the comparisons, then the project's tests."""
    if not path.is_file():
        return nothing(f"there is no file {path.name}; python -m experiments exercises start {path.parent} {name}")
    result = stage(name, path, "compare", seconds)
    if result["points"] < FULL_MARKS - POINTS_OF_THE_TESTS:
        return result
    return {**stage(name, path, "test", TESTS_TAKE * seconds), "printed": result["printed"]}


def nothing(sentence: str) -> dict[str, Any]:
    """No points, and why."""
    return {"points": 0, "sentence": sentence, "printed": ""}


def stage(name: str, path: Path, which: str, seconds: float) -> dict[str, Any]:
    """Run one stage of marking in a child; a child that leaves no result is told by how it ended."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "CI": "1", "PYTHONUTF8": "1"}  # CI: the same draws always
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        words = [name, str(path.resolve()), which, str(result), str(seconds)]
        child = subprocess.Popen(
            [sys.executable, "-m", "experiments.exercises.child", *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, with all that the answer starts
        )
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return nothing(f"it does not end within {seconds:g} seconds: is there an endless loop?")
        finally:
            end(child)
        with contextlib.suppress(OSError, ValueError):
            return json.loads(result.read_text(encoding="utf-8"))
    return nothing(ended(status, seconds))


def end(child: subprocess.Popen[bytes]) -> None:
    """The child and all that it started."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def ended(status: int, seconds: float) -> str:
    """Why there is no result."""
    if hasattr(signal, "SIGXCPU") and status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"it does not end within {seconds:g} seconds: is there an endless loop?"
    if status < 0:
        return f"it crashes Python (signal {-status}, {signal.Signals(-status).name})"
    return f"it ends Python itself (os._exit, exit status {status}); a function ends with return"
