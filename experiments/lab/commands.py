"""`python -m experiments` lists the experiments, and hands on to a command, such as `python -m experiments all`.

What a command needs is imported when it is called: the list and the exercises need no figures.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import experiments

if TYPE_CHECKING:
    from .experiment import Experiment

COMMANDS = {  # by name: the module whose `main` it is, and what it does
    "all": ("lab.all", "runs every experiment, one after the other"),
    "report": ("report.command", "writes index.html, a page of all results that are there"),
    "findings": ("lab.findings", "writes the README's table of what was found"),
    "verify": ("lab.verify", "repeats a result, and compares it bit for bit"),
    "exercises": ("exercises.command", "lists eight exercises, cut out of the source"),
}


def names() -> list[str]:
    """The experiments that are here: the folders but this one, the report and the exercises."""
    folders = [module.name for module in pkgutil.iter_modules(experiments.__path__) if module.ispkg]
    return [name for name in folders if name not in ("lab", "report", "exercises")]


def load(name: str) -> Experiment:
    """An experiment, as its question.py declares it."""
    return importlib.import_module(f"experiments.{name}.question").EXPERIMENT


def main(argv: Sequence[str] | None = None) -> int:
    """List, or run a command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        module, _ = COMMANDS[argv[0]]
        return importlib.import_module(f"experiments.{module}").main(argv[1:])
    if argv and argv[0] not in ("-h", "--help"):
        hint = f"; one experiment is python -m experiments.{argv[0]}" if argv[0] in names() else ""
        expected = f"expected nothing, or one of {', '.join(COMMANDS)}{hint}"
        print(f"python -m experiments: error: {argv[0]!r}: {expected}", file=sys.stderr)
        return 2
    print("python -m experiments.NAME runs one (--help tells its flags):\n")
    for name in names():
        print(f"  {name:24}{importlib.import_module(f'experiments.{name}').__doc__}")
    print("\npython -m experiments COMMAND:\n")
    for name, (_, told) in COMMANDS.items():
        print(f"  {name:24}{told}")
    return 0
