"""How a command begins and ends: one line instead of a traceback, also while Python still imports."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

INTERRUPTED = 130


def start(command: str) -> NoReturn:
    """Import and run `main` of experiments.lab.all, or of an experiment, and end Python with its exit status."""
    prog = f"python -m experiments{command and '.'}{command}"
    try:
        try:
            if command:
                experiment = importlib.import_module(f"experiments.{command}.question").EXPERIMENT
                status = importlib.import_module("experiments.lab.experiment").main(experiment)
            else:
                status = importlib.import_module("experiments.lab.all").main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{prog}: interrupted before it began", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    raise SystemExit(status)
