"""`python -m experiments` lists the experiments; `python -m experiments all [flags]` runs them one after the other."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import experiments

from ..report import page
from . import commandline, experiment, findings
from .experiment import Experiment
from .start import INTERRUPTED
from .text import wrapped


def names() -> list[str]:
    """The experiments that are here: the folders but this one, the report and the exercises."""
    folders = [module.name for module in pkgutil.iter_modules(experiments.__path__) if module.ispkg]
    return [name for name in folders if name not in ("lab", "report", "exercises")]


def load(name: str) -> Experiment:
    """An experiment, as its question.py declares it."""
    return importlib.import_module(f"experiments.{name}.question").EXPERIMENT


def main(argv: Sequence[str] | None = None) -> int:
    """List, or run all; returns the largest exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["all"]:
        return run_all(commandline.parser_of_all().parse_args(argv[1:]))
    if argv[:1] == ["findings"]:
        return findings.main(argv[1:], map(load, names()))
    if argv[:1] == ["exercises"]:
        return importlib.import_module("experiments.exercises.command").main(argv[1:])
    if argv[:1] == ["report"]:
        return write_report(commandline.parser_of_report().parse_args(argv[1:]))
    if argv and argv[0] not in ("-h", "--help"):
        hint = f"; one experiment is python -m experiments.{argv[0]}" if argv[0] in names() else ""
        expected = f"expected nothing, 'all', 'report', 'findings' or 'exercises'{hint}"
        print(f"python -m experiments: error: {argv[0]!r}: {expected}", file=sys.stderr)
        return 2
    print("python -m experiments.NAME runs one (--help tells its flags), python -m experiments all runs them all:\n")
    for name in names():
        print(f"  {name:24}{importlib.import_module(f'experiments.{name}').__doc__}")
    print("\npython -m experiments findings writes the README's table of what was found")
    print("python -m experiments exercises lists eight exercises, cut out of the source")
    return 0


def run_all(arguments: Namespace) -> int:
    """Run all experiments with these flags, then list their verdicts; returns the largest exit status."""
    ran = []
    worst = 0
    for one in map(load, names()):
        status = experiment.main(one, flags_for(one, arguments))
        if status == INTERRUPTED:
            return INTERRUPTED
        worst = max(worst, status)
        if status == 0:
            ran.append(commandline.folder(arguments, one.name) / "result.json")
    claims: dict[str, dict] = {}
    for path in filter(Path.exists, ran):
        claims |= json.loads(path.read_text(encoding="utf-8"))["claims"]
    if ran:
        worst = max(worst, write_report(arguments))
    print()
    for name in sorted(claims):
        print(wrapped(claims[name]["statement"], f"{name:8}{claims[name]['verdict']:16}", " " * 24))
    return worst


def write_report(arguments: Namespace) -> int:
    """Write the page of all results that are there, and say where; returns the exit status."""
    folder = commandline.folder(arguments)
    try:
        path = page.write(folder, [load(name) for name in names()])
    except page.NoResults as error:
        print(f"python -m experiments report: error: --out: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"python -m experiments report: error: {str(folder)!r}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"wrote {path}")
    return 0


def flags_for(one: Experiment, arguments: Namespace) -> list[str]:
    """The flags that were given, as words, without those that have no effect on this experiment."""
    given = {name.replace("_", "-"): value for name, value in vars(arguments).items() if value not in (None, False, "")}
    given = {flag: value for flag, value in given.items() if flag not in one.fixed}
    return [f"--{flag}" if value is True else f"--{flag}={value}" for flag, value in given.items()]
