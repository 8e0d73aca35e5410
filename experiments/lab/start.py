"""How a command begins and ends: one line instead of a traceback, also while Python still imports."""

import _thread
import contextlib
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

INTERRUPTED = 130
AGAIN = 0.01  # seconds
_heard: list[int] = []  # signals that ask this process to end


def start(command: str, first: str = "") -> NoReturn:
    """Import and run `main` of experiments.lab.commands, or of an experiment, and end Python with its exit status.

    `first` names a function of the experiment's folder that is called before, such as "ranks.serve".
    """
    prog = f"python -m experiments{command and '.'}{command}"
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a shell has closed it: else its number goes to the next file that is opened
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever a user's other programs show
    for number in (signal.SIGINT, signal.SIGTERM):  # whoever ends it politely is heard like Ctrl-C
        signal.signal(number, _hear)
    sys.unraisablehook = _hear_again
    try:
        try:
            with interrupts():
                if first:
                    module, _, function = first.rpartition(".")
                    getattr(importlib.import_module(f"experiments.{command}.{module}"), function)()
                if command:
                    experiment = importlib.import_module(f"experiments.{command}.question").EXPERIMENT
                    status = importlib.import_module("experiments.lab.experiment").main(experiment)
                else:
                    status = importlib.import_module("experiments.lab.commands").main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted before it began", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:  # whoever reads has seen enough
        _discard_output()
        status = 0
    except OSError as error:
        _discard_output()
        print(f"{prog}: error: standard output: {error.strerror}; expected one that can be written", file=sys.stderr)
        status = 1
    raise SystemExit(status)


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """After an interrupt any error is its result: compiled code may turn a KeyboardInterrupt into another exception."""
    try:
        yield
    except Exception as error:
        if _heard:
            raise KeyboardInterrupt from error
        raise


def _hear(number: int, frame: Any) -> NoReturn:
    _heard.append(number)
    raise KeyboardInterrupt


def _hear_again(unraisable: Any) -> None:
    """Python drops a KeyboardInterrupt that comes while an object is taken apart: soon after it is raised once more."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        later = threading.Timer(AGAIN, _thread.interrupt_main)  # here it would be dropped, too
        later.daemon = True
        later.start()
    else:
        sys.__unraisablehook__(unraisable)


def _discard_output() -> None:
    """What is still to be written goes nowhere, so that Python does not fail once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
