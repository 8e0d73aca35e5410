"""A command begins and ends without a traceback, whatever goes wrong around it."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from strategies import python

from experiments.lab import commands, start, workers

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("script", ["experiments", "experiments/__main__.py", "experiments/gradient_noise"])
def test_run_as_a_script_it_says_how_to_run_it(script):
    done = python(script)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "python -m experiments" in done.stderr


def test_every_experiment_says_its_own_name():
    for name in commands.names():
        text = (ROOT / "experiments" / name / "__main__.py").read_text(encoding="utf-8")
        assert text.count(f"python -m experiments.{name}") == 2
        assert f'start("{name}"' in text


def test_after_an_interrupt_another_error_is_its_result(monkeypatch):
    """As where compiled code makes a ValueError of the KeyboardInterrupt that came in it."""
    with pytest.raises(ValueError), start.interrupts():
        raise ValueError("of its own")
    monkeypatch.setattr(start, "_heard", [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt), start.interrupts():
        raise ValueError("of an interrupt")


def test_an_interrupt_that_python_drops_is_raised_once_more():
    code = """
import signal, sys, weakref
from experiments.lab import start
signal.signal(signal.SIGINT, start._hear)
sys.unraisablehook = start._hear_again
class A: pass
a = A()
r = weakref.ref(a, lambda _: signal.raise_signal(signal.SIGINT))
try:
    del a
    for _ in range(1_000_000):
        pass
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("heard\n", "")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupt_while_workers_start_is_heard_though_they_have_failed():
    with pytest.raises(KeyboardInterrupt), workers._no_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("workers heard it first")


def test_a_reader_that_leaves_early_is_no_error():
    for words in (["-m", "experiments"], ["-m", "experiments.gradient_noise", "--help"]):
        read, write = os.pipe()
        os.close(read)  # nobody reads
        done = subprocess.run([sys.executable, *words], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
        os.close(write)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.whole
@pytest.mark.parametrize("module", ["experiments", "experiments.gradient_noise --help"])
@pytest.mark.parametrize("trouble", ["no √", "closed", "full"])
def test_whatever_standard_output_is_there_is_no_traceback(module, trouble):
    where = {"no √": "> /dev/null", "closed": ">&-", "full": "> /dev/full"}[trouble]
    if trouble == "full" and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    encoding = "cp1252" if trouble == "no √" else "utf-8"
    command = f"PYTHONIOENCODING={encoding} {shlex.quote(sys.executable)} -m {module} {where}"
    done = subprocess.run(command, shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr
    if module == "experiments":  # help of argparse goes to standard error, or nowhere
        assert (done.returncode, done.stderr.count("\n")) == ((1, 1) if trouble == "full" else (0, 0)), done.stderr


@pytest.mark.whole
@pytest.mark.parametrize(
    "odd", [{"MPLBACKEND": "nonsense"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, {"HOME": "/none"}]
)
def test_an_odd_environment_is_no_error(odd):
    command = [sys.executable, "-m", "experiments.gradient_noise", "--help"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **odd}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupt_while_python_imports_ends_in_one_line():
    """NumPy is replaced by a module that takes a long time to import."""
    code = "import sys, types, time; sys.modules['time_'] = time\n"
    code += "import builtins; real = builtins.__import__\n"
    code += "def slow(name, *rest):\n    if name == 'numpy': print('now', flush=True); time.sleep(20)\n"
    code += "    return real(name, *rest)\n"
    code += "from experiments.lab.start import start\nbuiltins.__import__ = slow\nstart('gradient_noise')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "now\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.strip() == "python -m experiments.gradient_noise: interrupted before it began"
