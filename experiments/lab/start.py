"""How a command begins and ends: one line instead of a traceback, also while Python still imports."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from typing import NoReturn

INTERRUPTED = 130


def start(command: str) -> NoReturn:
    """Import and run `main` of experiments.lab.commands, or of an experiment, and end Python with its exit status."""
    prog = f"python -m experiments{command and '.'}{command}"
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a shell has closed it: else its number goes to the next file that is opened
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters shows ? for them
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever a user's other programs show
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it politely is heard like Ctrl-C
    try:
        try:
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


def _discard_output() -> None:
    """What is still to be written goes nowhere, so that Python does not fail once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
